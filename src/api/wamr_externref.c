/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_externref.c - numbers for host objects, as WAMR's builds without garbage collection pass them.
 *
 * Calls here take the host's pointers themselves, so no guest ever sees a number; the table serves hosts that
 * count on it. One for the process, under the runtime's lock. A number is a place in an array, so ref2obj is
 * constant time; numbers of entries that are gone are not given out again before the array is full. */
#include "api/wamr.h"

#define NULL_REF UINT32_MAX

typedef struct ExternRef {
    void *object; /* NULL: free */
    wasm_module_inst_t inst;
    void (*cleanup)(void *);
} ExternRef;

typedef struct ExternRefTable {
    Alloc *alloc; /* the engine's that runs, which ends after the table */
    u32 n, cap;
    ExternRef items[];
} ExternRefTable;

#define LEAST_CAP 8u
#define MOST_CAP (1u << 27)

/* Tables are made and freed without the lock: the host's allocator may ask the runtime something. */
static size_t table_bytes(u32 cap) { return sizeof(ExternRefTable) + (size_t)cap * sizeof(ExternRef); }

static ExternRefTable *table_new(Alloc *alloc, u32 cap)
{
    ExternRefTable *table = cap <= MOST_CAP ? tern_alloc(alloc, table_bytes(cap)) : NULL;
    if (table != NULL) *table = (ExternRefTable){.alloc = alloc, .cap = cap};
    return table;
}

static void table_free(ExternRefTable *table)
{
    if (table != NULL) tern_free(table->alloc, table, table_bytes(table->cap));
}

/* The lock is held from here on, also when NULL is returned: there is no table. */
static ExternRefTable *enter(void)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    return runtime->externrefs;
}

static void leave(void) { tern_port_mutex_unlock(&tern_api_runtime()->lock); }

static ExternRef *find(ExternRefTable *table, wasm_module_inst_t inst, const void *object)
{
    for (u32 i = 0; table != NULL && object != NULL && i < table->n; i++)
        if (table->items[i].object == object && table->items[i].inst == inst) return &table->items[i];
    return NULL;
}

/* A place for one more: at the end, or where one was freed when that would need memory; NULL: it does. */
static ExternRef *place(ExternRefTable *table)
{
    if (table == NULL) return NULL;
    if (table->n < table->cap) return &table->items[table->n++];
    for (u32 i = 0; i < table->n; i++)
        if (table->items[i].object == NULL) return &table->items[i];
    return NULL;
}

/* Under the lock: *spare takes the table's place if it is larger, and becomes what is to be freed. */
static ExternRefTable *grow(ExternRefTable *table, ExternRefTable **spare)
{
    if (*spare == NULL || (table != NULL && (*spare)->cap <= table->cap)) return table;
    ExternRefTable *larger = *spare;
    if (table != NULL) {
        memcpy(larger->items, table->items, table->n * sizeof *table->items);
        larger->n = table->n;
    }
    *spare = table;
    return tern_api_runtime()->externrefs = larger;
}

bool wasm_externref_obj2ref(wasm_module_inst_t module_inst, void *extern_obj,
                            uint32_t *p_externref_idx)
{
    if (extern_obj == NULL || (uintptr_t)extern_obj == UINTPTR_MAX) {
        *p_externref_idx = NULL_REF;
        return true;
    }
    ApiEngine *engine = tern_api_engine_hold();
    if (engine == NULL) return false;
    ExternRefTable *spare = NULL;
    bool ok;
    do {
        ExternRefTable *table = grow(enter(), &spare);
        ExternRef *ref = find(table, module_inst, extern_obj);
        if (ref == NULL && (ref = place(table)) != NULL)
            *ref = (ExternRef){.object = extern_obj, .inst = module_inst};
        ok = ref != NULL;
        if (ok) *p_externref_idx = (u32)(ref - table->items);
        u32 cap = table != NULL ? 2 * table->cap : LEAST_CAP;
        leave();
        table_free(spare);
        spare = ok ? NULL : table_new(engine->alloc, cap);
    } while (spare != NULL);
    tern_api_engine_release(engine);
    return ok;
}

/* Cleanups run without the lock: they may call back. */
static bool forget(ExternRef *ref)
{
    ExternRef gone = ref != NULL ? *ref : (ExternRef){0};
    if (ref != NULL) *ref = (ExternRef){0};
    leave();
    if (gone.cleanup != NULL) gone.cleanup(gone.object);
    return gone.object != NULL;
}

bool wasm_externref_objdel(wasm_module_inst_t module_inst, void *extern_obj)
{
    return forget(find(enter(), module_inst, extern_obj));
}

bool wasm_externref_set_cleanup(wasm_module_inst_t module_inst, void *extern_obj,
                                void (*extern_obj_cleanup)(void *))
{
    ExternRef *ref = find(enter(), module_inst, extern_obj);
    if (ref != NULL) ref->cleanup = extern_obj_cleanup;
    leave();
    return ref != NULL;
}

static ExternRef *at(ExternRefTable *table, u32 index)
{
    bool is_there = table != NULL && index < table->n && table->items[index].object != NULL;
    return is_there ? &table->items[index] : NULL;
}

bool wasm_externref_ref2obj(uint32_t externref_idx, void **p_extern_obj)
{
    if (externref_idx == NULL_REF) {
        *p_extern_obj = NULL;
        return true;
    }
    const ExternRef *ref = at(enter(), externref_idx);
    if (ref != NULL) *p_extern_obj = ref->object;
    leave();
    return ref != NULL;
}

/* Nothing is reclaimed when a call ends, so there is nothing to retain. */
bool wasm_externref_retain(uint32_t externref_idx)
{
    const ExternRef *ref = at(enter(), externref_idx);
    leave();
    return ref != NULL;
}

void tern_api_externrefs_clear(Runtime *runtime, wasm_module_inst_t of)
{
    for (u32 i = 0;; i++) {
        ExternRefTable *table = enter();
        if (table == NULL || i >= table->n) break; /* with the lock */
        ExternRef *ref = at(table, i);
        (void)forget(ref != NULL && (of == NULL || ref->inst == of) ? ref : NULL);
    }
    ExternRefTable *table = of == NULL ? runtime->externrefs : NULL;
    if (of == NULL) runtime->externrefs = NULL;
    leave();
    table_free(table);
}
