/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_store.c - include/tern.h: stores, and the memories, tables and globals in them.
 *
 * What lies in a store has one handle, made when it is first asked for, which goes with the store. */
#include "api/tern_handles.h"

#include "api/tern_type_text.h"
#include "runtime/guest_range.h"

/* --- stores --------------------------------------------------------------------------------------------- */

tern_store *tern_store_create(tern_engine *engine, void *user)
{
    tern_store *store = tern_alloc_zeroed(engine->alloc, 1, sizeof *store);
    if (store == NULL) return NULL;
    *store = (tern_store){.engine = engine, .user = user, .refs = 1, .timeout_ns = TERN_UNLIMITED};
    store->store = tern_store_new(engine->engine);
    if (store->store == NULL) {
        tern_free(engine->alloc, store, sizeof *store);
        return NULL;
    }
    store->store->host_data = store;
    tern_port_mutex_lock(&engine->lock);
    store->id = ++engine->next_store_id;
    store->next = engine->stores;
    if (store->next != NULL) store->next->prev = store;
    engine->stores = store;
    tern_port_mutex_unlock(&engine->lock);
    return store;
}

static void free_all(tern_store *store)
{
    tern_engine *engine = store->engine;
    Alloc *alloc = engine->alloc;
    tern_port_mutex_lock(&engine->lock);
    if (store->next != NULL) store->next->prev = store->prev;
    if (store->prev != NULL) store->prev->next = store->next;
    else engine->stores = store->next;
    tern_port_mutex_unlock(&engine->lock);

    for (tern_instance *instance = store->instances; instance != NULL; instance = instance->next)
        tern_wasi_threads_end(instance->wasi);
    tern_exec_free(store->exec);
    tern_store_free(store->store); /* its finalizers may still look at what follows */
    while (store->handles != NULL) {
        tern_ref *next = store->handles->next;
        tern_free(alloc, store->handles, sizeof *next);
        store->handles = next;
    }
    while (store->instances != NULL) {
        tern_instance *instance = store->instances;
        store->instances = instance->next;
        tern_wasi_free(instance->wasi); /* host functions of the store pointed to it */
        vec_free(&instance->blocks, alloc);
        tern_free(alloc, instance, sizeof *instance);
    }
    tern_map_free(&store->externs, alloc);
    tern_free(alloc, store, sizeof *store);
}

void tern_store_release(tern_store *store)
{
    if (--store->refs == 0) free_all(store);
}

void tern_store_destroy(tern_store *store)
{
    if (store != NULL) tern_store_release(store);
}

void *tern_store_user(const tern_store *store) { return store->user; }

bool tern_store_lasts(const tern_store *store, tern_error *error)
{
    if (store->id != 0) return true;
    tern_error_say(error, TERN_ERROR_USAGE,
                   "what belongs to a thread that the guest started is gone when the host function returns");
    return false;
}

Exec *tern_store_exec(tern_store *store, size_t stack_bytes)
{
    if (store->exec == NULL) store->exec = tern_exec_new(store->store, stack_bytes);
    return store->exec;
}

/* --- time ----------------------------------------------------------------------------------------------- */

void tern_store_watch(tern_store *store)
{
    if (store->exec != NULL)
        tern_watchdog_watch(&store->engine->watchdog, &store->watch, store->exec, store->timeout_ns);
}

void tern_store_unwatch(tern_store *store)
{
    bool has_fired = tern_watchdog_unwatch(&store->engine->watchdog, &store->watch);
    store->watch.exec = NULL;
    if (!has_fired) return;
    /* Only what the watchdog wanted is taken back. An interrupt writes its wish before it interrupts: either it
     * is seen here, or it comes after the resume. */
    tern_exec_resume(store->exec);
    u32 asked = __atomic_load_n(&store->asked, __ATOMIC_SEQ_CST);
    if (asked != 0) tern_exec_interrupt(store->exec, (TrapCode)asked);
}

/* --- handles -------------------------------------------------------------------------------------------- */

/* The handle of what `of` points to, of size bytes with two pointers in front: the store and that. */
static void *handle_of(tern_store *store, void *of, size_t size)
{
    u64 *found = tern_map_get(&store->externs, &of, sizeof of);
    if (found != NULL) return (void *)(uintptr_t)*found;
    struct Plain {
        tern_store *store;
        void *of;
    } *handle = tern_arena_alloc(&store->store->arena, size, 1);
    if (handle == NULL) return NULL;
    handle->store = store;
    handle->of = of;
    bool ok = tern_map_put(&store->externs, store->engine->alloc, &handle->of, sizeof handle->of,
                           (u64)(uintptr_t)handle);
    return ok ? handle : NULL;
}

tern_memory *tern_memory_handle(tern_store *store, Memory *memory)
{
    return handle_of(store, memory, sizeof(tern_memory));
}

tern_table *tern_table_handle(tern_store *store, Table *table)
{
    return handle_of(store, table, sizeof(tern_table));
}

tern_global *tern_global_handle(tern_store *store, Global *global)
{
    return handle_of(store, global, sizeof(tern_global));
}

bool tern_extern_handle(tern_store *store, const Extern *what, tern_extern *out)
{
    *out = (tern_extern){.kind = (tern_kind)what->kind};
    switch (what->kind) {
    case EXTERN_FUNC:
        out->of.func = tern_ref_new(store, (Ref)(uintptr_t)what->u.func, VT_FUNCREF);
        return out->of.func != NULL;
    case EXTERN_TABLE: return (out->of.table = tern_table_handle(store, what->u.table)) != NULL;
    case EXTERN_MEMORY: return (out->of.memory = tern_memory_handle(store, what->u.memory)) != NULL;
    case EXTERN_GLOBAL: return (out->of.global = tern_global_handle(store, what->u.global)) != NULL;
    case EXTERN_TAG:
    case EXTERN_KINDS: break;
    }
    return false;
}

/* --- memories ------------------------------------------------------------------------------------------- */

tern_memory *tern_memory_create(tern_store *store, const char *type, tern_error *error)
{
    MemoryType parsed;
    if (!tern_type_text_memory(type, &parsed, error)) return NULL;
    Diag diag = {0};
    Memory *memory = tern_store_memory_new(store->store, &parsed, NULL, &diag);
    if (memory == NULL) {
        tern_error_diag(error, &diag);
        return NULL;
    }
    tern_memory *handle = tern_memory_handle(store, memory);
    if (handle == NULL) tern_error_no_memory(error);
    return handle;
}

uint64_t tern_memory_size(const tern_memory *memory)
{
    return memory != NULL ? tern_memory_size_bytes(memory->memory) : 0;
}

bool tern_memory_read(const tern_memory *memory, uint64_t address, void *to, size_t size)
{
    const u8 *from = tern_memory_slice((tern_memory *)memory, address, size);
    if (from == NULL) return false;
    if (size > 0) memcpy(to, from, size);
    return true;
}

bool tern_memory_write(tern_memory *memory, uint64_t address, const void *from, size_t size)
{
    u8 *to = tern_memory_slice(memory, address, size);
    if (to == NULL) return false;
    if (size > 0) memcpy(to, from, size);
    return true;
}

void *tern_memory_slice(tern_memory *memory, uint64_t address, uint64_t size)
{
    return memory != NULL ? tern_guest_range(memory->memory, address, size) : NULL;
}

const char *tern_memory_cstr(tern_memory *memory, uint64_t address, uint64_t max_size, uint64_t *length)
{
    u64 have = tern_memory_size(memory);
    if (address >= have) return NULL;
    u64 most = u64_min(max_size, have - address);
    const u8 *text = tern_guest_range(memory->memory, address, most);
    const u8 *end = text != NULL && most > 0 ? memchr(text, 0, (size_t)most) : NULL;
    if (end == NULL) return NULL;
    if (length != NULL) *length = (u64)(end - text);
    return (const char *)text;
}

uint64_t tern_memory_grow(tern_memory *memory, uint64_t pages)
{
    return memory != NULL ? tern_memory_grow_pages(memory->memory, pages) : UINT64_MAX;
}

/* --- tables --------------------------------------------------------------------------------------------- */

tern_table *tern_table_create(tern_store *store, const char *type, const tern_ref *init, tern_error *error)
{
    TableType parsed;
    if (!tern_type_text_table(type, &parsed, error)) return NULL;
    if (!tern_ref_fits(store, init, parsed.elem)) {
        tern_error_say(error, TERN_ERROR_USAGE, "the initial reference is not of the table's type, %s", type);
        return NULL;
    }
    Table *table = tern_table_new(store->store, &parsed, tern_ref_bits(init));
    tern_table *handle = table != NULL ? tern_table_handle(store, table) : NULL;
    if (handle == NULL)
        tern_error_say(error, TERN_ERROR_RESOURCE, "no memory for a table %s, or more than tables may have", type);
    return handle;
}

uint64_t tern_table_size(const tern_table *table) { return table != NULL ? table->table->size : 0; }

bool tern_table_get(tern_table *table, uint64_t index, tern_ref **out)
{
    *out = NULL;
    if (index >= tern_table_size(table)) return false;
    Ref ref = table->table->elems[index];
    if (ref == REF_NULL) return true;
    *out = tern_ref_new(table->store, ref, table->table->type.elem);
    return *out != NULL;
}

bool tern_table_set(tern_table *table, uint64_t index, const tern_ref *ref)
{
    if (index >= tern_table_size(table) || !tern_ref_fits(table->store, ref, table->table->type.elem)) return false;
    table->table->elems[index] = tern_ref_bits(ref);
    return true;
}

uint64_t tern_table_grow(tern_table *table, uint64_t delta, const tern_ref *init)
{
    if (table == NULL || !tern_ref_fits(table->store, init, table->table->type.elem)) return UINT64_MAX;
    return tern_table_grow_elems(table->store->store, table->table, delta, tern_ref_bits(init));
}

/* --- globals -------------------------------------------------------------------------------------------- */

tern_global *tern_global_create(tern_store *store, const char *type, const tern_value *init, tern_error *error)
{
    GlobalType parsed;
    if (!tern_type_text_global(type, &parsed, error)) return NULL;
    tern_value null_value = {.kind = tern_valkind_of(parsed.type)};
    if (init == NULL) init = &null_value;
    if (!tern_value_fits(store, init, parsed.type)) {
        tern_error_say(error, TERN_ERROR_USAGE, "the initial value is not of the global's type, %s", type);
        return NULL;
    }
    Value value = {0};
    (void)tern_value_to_cells(init, value.cells);
    Global *global = tern_global_new(store->store, parsed, value);
    tern_global *handle = global != NULL ? tern_global_handle(store, global) : NULL;
    if (handle == NULL) tern_error_no_memory(error);
    return handle;
}

bool tern_global_get(tern_global *global, tern_value *out)
{
    if (global == NULL) return false;
    return tern_value_from_cells(global->store, global->global->type.type, global->global->cell->cells, out) !=
           NULL;
}

bool tern_global_set(tern_global *global, const tern_value *value)
{
    if (global == NULL) return false;
    GlobalType type = global->global->type;
    if (!type.is_mutable || !tern_value_fits(global->store, value, type.type)) return false;
    (void)tern_value_to_cells(value, global->global->cell->cells);
    return true;
}
