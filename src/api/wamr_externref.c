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
    VEC(ExternRef)
} ExternRefTable;

/* The lock is held from here on, also when NULL is returned: there is no table and none can be made. */
static ExternRefTable *enter(bool may_make)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    if (runtime->externrefs == NULL && may_make && runtime->engine != NULL) {
        Alloc *alloc = runtime->engine->alloc;
        runtime->externrefs = tern_alloc_zeroed(alloc, 1, sizeof *runtime->externrefs);
        if (runtime->externrefs != NULL) runtime->externrefs->alloc = alloc;
    }
    return runtime->externrefs;
}

static void leave(void) { tern_port_mutex_unlock(&tern_api_runtime()->lock); }

static ExternRef *find(const ExternRefTable *table, wasm_module_inst_t inst, const void *object)
{
    for (u32 i = 0; table != NULL && object != NULL && i < table->n; i++)
        if (table->items[i].object == object && table->items[i].inst == inst) return &table->items[i];
    return NULL;
}

/* A place for one more: at the end, or where one was freed when that would need memory. */
static ExternRef *place(ExternRefTable *table)
{
    if (table->n == table->cap)
        for (u32 i = 0; i < table->n; i++)
            if (table->items[i].object == NULL) return &table->items[i];
    if (table->n == NULL_REF || !vec_push(table, table->alloc, (ExternRef){0})) return NULL;
    return &table->items[table->n - 1];
}

bool wasm_externref_obj2ref(wasm_module_inst_t module_inst, void *extern_obj,
                            uint32_t *p_externref_idx)
{
    if (extern_obj == NULL || (uintptr_t)extern_obj == UINTPTR_MAX) {
        *p_externref_idx = NULL_REF;
        return true;
    }
    ExternRefTable *table = enter(true);
    ExternRef *ref = find(table, module_inst, extern_obj);
    if (ref == NULL && table != NULL && (ref = place(table)) != NULL)
        *ref = (ExternRef){.object = extern_obj, .inst = module_inst};
    if (ref != NULL) *p_externref_idx = (u32)(ref - table->items);
    leave();
    return ref != NULL;
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
    return forget(find(enter(false), module_inst, extern_obj));
}

bool wasm_externref_set_cleanup(wasm_module_inst_t module_inst, void *extern_obj,
                                void (*extern_obj_cleanup)(void *))
{
    ExternRef *ref = find(enter(false), module_inst, extern_obj);
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
    const ExternRef *ref = at(enter(false), externref_idx);
    if (ref != NULL) *p_extern_obj = ref->object;
    leave();
    return ref != NULL;
}

/* Nothing is reclaimed when a call ends, so there is nothing to retain. */
bool wasm_externref_retain(uint32_t externref_idx)
{
    const ExternRef *ref = at(enter(false), externref_idx);
    leave();
    return ref != NULL;
}

void tern_api_externrefs_clear(Runtime *runtime, wasm_module_inst_t of)
{
    for (u32 i = 0;; i++) {
        ExternRefTable *table = enter(false);
        if (table == NULL || i >= table->n) break; /* with the lock */
        ExternRef *ref = at(table, i);
        (void)forget(ref != NULL && (of == NULL || ref->inst == of) ? ref : NULL);
    }
    ExternRefTable *table = runtime->externrefs;
    if (of == NULL && table != NULL) {
        runtime->externrefs = NULL;
        vec_free(table, table->alloc);
        tern_free(table->alloc, table, sizeof *table);
    }
    leave();
}
