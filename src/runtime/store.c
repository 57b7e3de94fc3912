/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* store.c - engines, stores, and what a host defines in a store.
 *
 * Small objects lie in the store's arena; memories, table elements and references to modules and
 * types are listed in the store, which gives them back when it ends.
 */
#include "runtime/gc_heap.h"

static u32 at_most(u32 asked) { return asked == 0 || asked > ENGINE_MOST ? ENGINE_MOST : asked; }

Engine *tern_engine_new(const EngineOptions *options)
{
    Engine *engine = tern_alloc_zeroed(options->alloc, 1, sizeof *engine);
    if (engine == NULL) return NULL;
    engine->options = *options;
    engine->options.max_instances = at_most(options->max_instances);
    engine->options.max_execs = at_most(options->max_execs);
    engine->types = tern_types_new(options->alloc);
    if (engine->types == NULL) {
        tern_free(options->alloc, engine, sizeof *engine);
        return NULL;
    }
    if (TERN_FAST) tern_memory_pool_init(&engine->pool);
    tern_port_mutex_init(&engine->stacks.lock);
    return engine;
}

void tern_engine_free(Engine *engine)
{
    if (engine == NULL) return;
    if (TERN_FAST) tern_memory_pool_done(&engine->pool);
    for (u32 i = 0; i < engine->stacks.n; i++)
        tern_port_vm_release(engine->stacks.kept[i].stack, engine->stacks.kept[i].bytes);
    tern_port_mutex_done(&engine->stacks.lock);
    tern_types_free(engine->types);
    tern_free(engine->options.alloc, engine, sizeof *engine);
}

Store *tern_store_new(Engine *engine)
{
    Store *store = tern_alloc_zeroed(engine->options.alloc, 1, sizeof *store);
    if (store == NULL) return NULL;
    store->engine = engine;
    store->alloc = engine->options.alloc;
    tern_arena_init(&store->arena, store->alloc);
    tern_port_mutex_init(&store->execs_lock);
    return store;
}

void tern_store_free(Store *store)
{
    if (store == NULL) return;
    Alloc *alloc = store->alloc;
    tern_gc_free(store->gc);
    while (store->gc_roots != NULL) tern_gc_root_free(store, store->gc_roots);
    for (u32 i = 0; i < store->memories.n; i++) tern_memory_release(store->memories.items[i]);
    for (u32 i = 0; i < store->tables.n; i++) {
        tern_table_done(store, store->tables.items[i]);
    }
    for (u32 i = 0; i < store->instances.n; i++) {
        tern_module_release(store->instances.items[i]->module);
        tern_memory_budget_release(store->instances.items[i]->budget);
    }
    engine_uncount(&store->engine->ninstances, store->instances.n);
    for (u32 i = 0; i < store->type_ids.n; i++) {
        tern_types_release(store->engine->types, store->type_ids.items[i]);
    }
    vec_free(&store->memories, alloc);
    vec_free(&store->tables, alloc);
    vec_free(&store->instances, alloc);
    vec_free(&store->type_ids, alloc);
    tern_arena_done(&store->arena);
    tern_port_mutex_done(&store->execs_lock);
    tern_free(alloc, store, sizeof *store);
}

bool tern_store_hold_type(Store *store, u32 type_id)
{
    if (!vec_push(&store->type_ids, store->alloc, type_id)) return false;
    tern_types_retain(store->engine->types, type_id);
    return true;
}

FuncInst *tern_func_alloc(Store *store)
{
    u8 *block = tern_arena_alloc(&store->arena, sizeof(FuncInst) + 8, 1); /* aligned to 16 */
    return block != NULL ? (FuncInst *)(void *)(block + 8) : NULL;
}

FuncInst *tern_func_new(Store *store, u32 type_id, HostFunc *host, void *env, const char *name)
{
    FuncInst *func = tern_func_alloc(store);
    if (func == NULL || !tern_store_hold_type(store, type_id)) return NULL;
    *func = (FuncInst){
        .type_id = type_id,
        .func_index = UINT32_MAX,
        .host = host,
        .env = env,
        .type = &tern_types_get(store->engine->types, type_id)->u.func,
        .name = name,
    };
    return func;
}

Memory *tern_store_memory_new(Store *store, const MemoryType *type, const MemoryOptions *options,
                              Diag *diag)
{
    MemoryOptions with_pool = {.may_move = store->engine->options.memories_move,
                               .max_pages = UINT64_MAX};
    if (options != NULL) with_pool = *options;
    with_pool.pool = TERN_FAST ? &store->engine->pool : NULL;
    if (!vec_reserve(&store->memories, store->alloc, 1)) {
        tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
        return NULL;
    }
    Memory *memory = tern_memory_new(store->alloc, type, &with_pool, diag);
    if (memory == NULL) return NULL;
    vec_push(&store->memories, store->alloc, memory);
    return memory;
}

bool tern_store_hold_memory(Store *store, Memory *memory)
{
    for (u32 i = 0; i < store->memories.n; i++)
        if (store->memories.items[i] == memory) return true;
    if (!vec_push(&store->memories, store->alloc, memory)) return false;
    tern_memory_retain(memory);
    return true;
}

Global *tern_global_new(Store *store, GlobalType type, Value value)
{
    Global *global = tern_arena_alloc(&store->arena, sizeof *global, 1);
    if (global == NULL) return NULL;
    bool is_concrete = vt_is_ref(type.type) && vt_is_concrete(type.type);
    if (is_concrete && !tern_store_hold_type(store, vt_heap(type.type))) return NULL;
    global->own = value;
    global->cell = &global->own;
    global->type = type;
    global->next = store->globals;
    store->globals = global;
    return global;
}

Tag *tern_tag_new(Store *store, u32 type_id)
{
    Tag *tag = tern_arena_alloc(&store->arena, sizeof *tag, 1);
    if (tag == NULL || !tern_store_hold_type(store, type_id)) return NULL;
    tag->type_id = type_id;
    return tag;
}
