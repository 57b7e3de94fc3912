/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* instance.c - linking and instantiation (spec 4.5.4), and the definitions of an instance.
 *
 * An instance and its index spaces are one block of the store's arena. Most functions and globals
 * are never looked at from outside, so their FuncInst and Global are made when first asked for.
 * Everything up to the segments is built aside and undone on failure; once segments are written,
 * other instances may refer to this one, so it stays with the store whatever happens.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/racy.h"
#include "runtime/const_expr.h"
#include "runtime/exec.h"
#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"
#include "runtime/heap_placement.h"

static bool no_memory(Diag *diag)
{
    return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
}

/* A trap out of memory is refused as what it is, any other as a trap. Always false. */
static bool trapped(Diag *diag, TrapCode *trap, TrapCode code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool trapped(Diag *diag, TrapCode *trap, TrapCode code, const char *format, ...)
{
    if (code == TRAP_OUT_OF_MEMORY) return no_memory(diag);
    char reason[120] = "";
    va_list args;
    va_start(args, format);
    if (format != NULL) vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    *trap = code;
    return tern_diag_set(diag, DIAG_INSTANTIATE_TRAP, DIAG_NO_OFFSET, "%s%s%s", tern_trap_text(code),
                         reason[0] != '\0' ? ": " : "", reason);
}

/* --- the block -------------------------------------------------------------------------------- */

/* Takes n elements of size bytes behind *used, or only counts them while base is NULL. The product
 * cannot overflow: counts are u32 and elements small. */
static void *carve(u8 *base, u64 *used, u64 n, u64 size)
{
    void *at = base != NULL ? base + *used : NULL;
    *used += (n * size + 15) & ~15ull;
    return at;
}

/* Elements that are expressions have an identity, so passive ones are evaluated once. */
static bool is_kept(const ElemSegment *segment)
{
    return segment->mode == SEGMENT_PASSIVE && segment->funcs == NULL;
}

/* Lays the instance out in base; called with NULL to learn the size. */
static u64 lay_out(const Module *m, u8 *base, Instance *out, Tag **own_tags)
{
    u64 used = 0;
    carve(base, &used, 1, sizeof(Instance));
    out->own_globals = carve(base, &used, m->nglobals - m->nimported[EXTERN_GLOBAL], sizeof(Value));
    out->funcs = carve(base, &used, m->nfuncs, sizeof(FuncInst *));
    out->tables = carve(base, &used, m->ntables, sizeof(Table *));
    out->memories = carve(base, &used, m->nmemories, sizeof(Memory *));
    out->globals = carve(base, &used, m->nglobals, sizeof(Global *));
    out->global_cells = carve(base, &used, m->nglobals, sizeof(Value *));
    out->tags = carve(base, &used, m->ntags, sizeof(Tag *));
    *own_tags = carve(base, &used, m->ntags - m->nimported[EXTERN_TAG], sizeof(Tag));
    out->elem_refs = carve(base, &used, m->nelems, sizeof(Ref *));
    for (u32 i = 0; i < m->nelems; i++) {
        if (!is_kept(&m->elems[i])) continue;
        Ref *refs = carve(base, &used, m->elems[i].n, sizeof(Ref));
        if (base != NULL) out->elem_refs[i] = refs;
    }
    out->elem_dropped = carve(base, &used, m->nelems, 1);
    out->data_dropped = carve(base, &used, m->ndatas, 1);
    return used;
}

static void take_import(Instance *instance, const Import *import, const Extern *offered)
{
    u32 i = import->index;
    switch (import->kind) {
    case EXTERN_FUNC: instance->funcs[i] = offered->u.func; break;
    case EXTERN_TABLE: instance->tables[i] = offered->u.table; break;
    case EXTERN_MEMORY: instance->memories[i] = offered->u.memory; break;
    case EXTERN_GLOBAL:
        instance->globals[i] = offered->u.global;
        instance->global_cells[i] = offered->u.global->cell;
        break;
    case EXTERN_TAG: instance->tags[i] = offered->u.tag; break;
    case EXTERN_KINDS: break;
    }
}

static Instance *block_new(Store *store, Module *module, const Extern *imports)
{
    Instance layout = {0};
    Tag *own_tags;
    u64 bytes = lay_out(module, NULL, &layout, &own_tags);
    if (bytes > SIZE_MAX / 2) return NULL;
    u8 *base = tern_arena_alloc(&store->arena, (size_t)bytes, 1);
    if (base == NULL) return NULL;
    lay_out(module, base, &layout, &own_tags);
    layout.store = store;
    layout.module = module;
    Instance *instance = (Instance *)(void *)base;
    *instance = layout;

    for (u32 i = 0; i < module->nimports; i++)
        take_import(instance, &module->imports[i], &imports[i]);
    u32 first = module->nimported[EXTERN_GLOBAL];
    for (u32 i = first; i < module->nglobals; i++)
        instance->global_cells[i] = &instance->own_globals[i - first];
    first = module->nimported[EXTERN_TAG];
    for (u32 i = first; i < module->ntags; i++) {
        own_tags[i - first].type_id = module->tags[i];
        instance->tags[i] = &own_tags[i - first];
    }
    return instance;
}

/* --- what the module defines ------------------------------------------------------------------ */

/* Shared memories of other stores stay as long as this one. */
static bool hold_imported_memories(Instance *instance, Diag *diag)
{
    for (u32 i = 0; i < instance->module->nimported[EXTERN_MEMORY]; i++) {
        Memory *memory = instance->memories[i];
        if (limits_is_shared(&memory->type.limits) && !tern_store_hold_memory(instance->store, memory))
            return no_memory(diag);
    }
    return true;
}

static bool make_memories(Instance *instance, const MemoryOptions *options,
                          const HeapPlacement *heap, const Instance *thread_of, Diag *diag)
{
    const Module *m = instance->module;
    if (!hold_imported_memories(instance, diag)) return false;
    for (u32 i = m->nimported[EXTERN_MEMORY]; i < m->nmemories; i++) {
        if (thread_of != NULL && limits_is_shared(&m->memories[i].limits)) {
            instance->memories[i] = thread_of->memories[i];
            if (!tern_store_hold_memory(instance->store, instance->memories[i]))
                return no_memory(diag);
            continue;
        }
        bool has_heap = i == 0 && heap->size_bytes > 0;
        MemoryOptions chosen = has_heap ? heap->options : *options;
        if (i > 0) chosen.image = NULL;
        Memory *memory = tern_store_memory_new(
            instance->store, has_heap ? &heap->memory : &m->memories[i], &chosen, diag);
        if (memory == NULL) return false;
        instance->memories[i] = memory;
        if (!has_heap) continue;
        memory->heap = tern_guest_heap_new(memory->alloc, heap->start, heap->size_bytes);
        if (memory->heap == NULL) return no_memory(diag);
    }
    return true;
}

static bool make_globals(Instance *instance, Diag *diag, TrapCode *trap)
{
    const Module *m = instance->module;
    for (u32 i = m->nimported[EXTERN_GLOBAL]; i < m->nglobals; i++) {
        Value *cell = instance->global_cells[i];
        TrapCode code = tern_const_eval(instance, &m->globals[i].init, cell);
        if (code != TRAP_NONE) return trapped(diag, trap, code, DETAIL("global %u", (unsigned)i));
        if (i == instance->heap_base_global) cell->cells[0] = instance->heap_base;
    }
    return true;
}

static bool make_tables(Instance *instance, u64 max_elems, Diag *diag, TrapCode *trap)
{
    const Module *m = instance->module;
    for (u32 i = m->nimported[EXTERN_TABLE]; i < m->ntables; i++) {
        if (max_elems != 0 && m->tables[i].type.limits.min > max_elems)
            return tern_diag_set(diag, DIAG_LIMIT, DIAG_NO_OFFSET, DETAIL("table %u has %llu elements, and may have %llu",
                                 (unsigned)i, (unsigned long long)m->tables[i].type.limits.min,
                                 (unsigned long long)max_elems));
        Value init = {.cells = {REF_NULL, 0}};
        if (m->tables[i].init != NULL) {
            TrapCode code = tern_const_eval(instance, m->tables[i].init, &init);
            if (code != TRAP_NONE) return trapped(diag, trap, code, DETAIL("table %u", (unsigned)i));
        }
        instance->tables[i] = tern_table_new(instance->store, &m->tables[i].type, init.ref);
        if (instance->tables[i] == NULL) return no_memory(diag);
        if (max_elems != 0) instance->tables[i]->max = u64_min(instance->tables[i]->max, max_elems);
    }
    return true;
}

/* --- segments --------------------------------------------------------------------------------- */

TrapCode tern_instance_elem(Instance *instance, const ElemSegment *segment, u32 i, Ref *out)
{
    if (segment->funcs != NULL) {
        FuncInst *func = tern_instance_func(instance, segment->funcs[i]);
        if (func == NULL) return TRAP_OUT_OF_MEMORY;
        *out = (Ref)(uintptr_t)func;
        return TRAP_NONE;
    }
    const Ref *refs = instance->elem_refs[segment - instance->module->elems];
    if (refs != NULL) {
        *out = refs[i];
        return TRAP_NONE;
    }
    Value value;
    TrapCode code = tern_const_eval(instance, &segment->exprs[i], &value);
    if (code == TRAP_NONE) *out = value.ref;
    return code;
}

static bool make_elems(Instance *instance, Diag *diag, TrapCode *trap)
{
    const Module *m = instance->module;
    for (u32 i = 0; i < m->nelems; i++) {
        if (!is_kept(&m->elems[i])) continue;
        for (u32 k = 0; k < m->elems[i].n; k++) {
            Value value;
            TrapCode code = tern_const_eval(instance, &m->elems[i].exprs[k], &value);
            if (code != TRAP_NONE)
                return trapped(diag, trap, code, DETAIL("element segment %u", (unsigned)i));
            instance->elem_refs[i][k] = value.ref;
        }
    }
    return true;
}

static TrapCode write_elems(Instance *instance, const ElemSegment *segment, Table *table, u64 at)
{
    if (segment->n > table->size || at > table->size - segment->n) return TRAP_TABLE_BOUNDS;
    for (u32 i = 0; i < segment->n; i++) {
        TrapCode code = tern_instance_elem(instance, segment, i, &table->elems[at + i]);
        if (code != TRAP_NONE) return code;
    }
    return TRAP_NONE;
}

/* A reset leaves imported tables alone. */
static bool run_elems(Instance *instance, bool is_reset, Diag *diag, TrapCode *trap)
{
    const Module *m = instance->module;
    for (u32 i = 0; i < m->nelems; i++) {
        const ElemSegment *segment = &m->elems[i];
        if (segment->mode == SEGMENT_PASSIVE) continue;
        instance->elem_dropped[i] = 1;
        if (segment->mode == SEGMENT_DECLARATIVE) continue;
        if (is_reset && segment->table < m->nimported[EXTERN_TABLE]) continue;
        Value at = {0};
        TrapCode code = tern_const_eval(instance, &segment->offset, &at);
        Table *table = instance->tables[segment->table];
        if (code == TRAP_NONE) code = write_elems(instance, segment, table, at.i64);
        if (code != TRAP_NONE) {
            return trapped(diag, trap, code,
                           DETAIL("element segment %u, %u elements at %llu, table size %llu", (unsigned)i,
                           (unsigned)segment->n, (unsigned long long)at.i64,
                           (unsigned long long)table->size));
        }
    }
    return true;
}

/* A reset leaves imported memories alone. What an image has brought is there already: it is of all active
 * segments, none of which can trap then. */
static bool run_datas(Instance *instance, const Instance *thread_of, bool is_reset, Diag *diag,
                      TrapCode *trap)
{
    const Module *m = instance->module;
    bool has_image = m->nmemories > 0 && m->nimported[EXTERN_MEMORY] == 0 &&
                     tern_memory_has_image(instance->memories[0]);
    for (u32 i = 0; i < m->ndatas; i++) {
        const DataSegment *segment = &m->datas[i];
        if (segment->mode != SEGMENT_ACTIVE) continue;
        instance->data_dropped[i] = 1;
        if (has_image || (is_reset && segment->memory < m->nimported[EXTERN_MEMORY])) continue;
        Memory *memory = instance->memories[segment->memory];
        if (thread_of != NULL && memory == thread_of->memories[segment->memory]) continue;
        Value at = {0};
        TrapCode code = tern_const_eval(instance, &segment->offset, &at);
        u8 *to = code == TRAP_NONE ? tern_guest_range(memory, at.i64, segment->size) : NULL;
        if (code == TRAP_NONE && to == NULL) code = TRAP_MEMORY_BOUNDS;
        if (code != TRAP_NONE) {
            return trapped(diag, trap, code,
                           DETAIL("data segment %u, %u bytes at address 0x%llx, memory size %llu",
                           (unsigned)i, (unsigned)segment->size, (unsigned long long)at.i64,
                           (unsigned long long)tern_memory_size_bytes(memory)));
        }
        if (segment->size > 0) racy_copy(to, segment->bytes, segment->size);
    }
    return true;
}

/* --- instantiation ---------------------------------------------------------------------------- */

/* Everything that only this instance can see. */
static bool build(Instance *instance, const InstantiateOptions *options, Diag *diag, TrapCode *trap)
{
    const EngineOptions *engine = &instance->store->engine->options;
    MemoryOptions memory = {.may_move = engine->memories_move, .max_pages = UINT64_MAX};
    if (options != NULL && options->memory != NULL) memory = *options->memory;
    memory.budget = instance->budget;
    u64 heap_bytes = options != NULL ? options->guest_heap_bytes : 0;
    HeapPlacement heap;
    if (TERN_FAST && !memory.may_move)
        memory.image = tern_memory_image_of(&instance->store->engine->pool, instance->module);
    if (!tern_heap_placement_find(instance->module, heap_bytes, &memory, &heap, diag)) return false;
    instance->heap_base_global = heap.heap_base_global;
    instance->heap_base = heap.heap_base;
    instance->heap_start = heap.start;
    instance->heap_bytes = heap.size_bytes;

    const Instance *thread_of = TERN_THREADS && options != NULL ? options->thread_of : NULL;
    if (!make_memories(instance, &memory, &heap, thread_of, diag)) return false;
    if (instance->module->nmemories > 0) instance->memory0 = instance->memories[0];
    /* Before the first FuncInst, which constant expressions may ask for. */
    if (engine->tier != NULL && !engine->tier->attach(instance, diag)) return false;
    if (!make_globals(instance, diag, trap)) return false;
    if (!make_tables(instance, instance->max_table_elems, diag, trap)) return false;
    return make_elems(instance, diag, trap);
}

/* What bounds the instance: a thread is bounded by what bounds whom it is a thread of. */
static void take_limits(Instance *instance, const InstantiateOptions *options)
{
    if (options == NULL) return;
    const Instance *of = TERN_THREADS ? options->thread_of : NULL;
    MemoryBudget *budget = of != NULL ? of->budget : options->memory != NULL ? options->memory->budget : NULL;
    instance->budget = tern_memory_budget_retain(budget);
    instance->max_table_elems = of != NULL ? of->max_table_elems : options->max_table_elems;
    if (of != NULL && of->store != instance->store) instance->store->gc_limit_bytes = of->store->gc_limit_bytes;
}

/* Gives back what the store listed since nmemories and ntables. */
static void undo(Store *store, u32 nmemories, u32 ntables)
{
    while (store->memories.n > nmemories)
        tern_memory_release(store->memories.items[--store->memories.n]);
    while (store->tables.n > ntables) {
        tern_table_done(store, store->tables.items[--store->tables.n]);
    }
}

Instance *tern_instance_new(Store *store, Module *module, const Extern *imports,
                            const InstantiateOptions *options, Diag *diag, TrapCode *trap)
{
    TrapCode ignored = TRAP_NONE;
    if (trap == NULL) trap = &ignored;
    *trap = TRAP_NONE;
    assert(module->registry == store->engine->types &&
           "a module is instantiated in the engine it was made for");
    for (u32 i = 0; i < module->nimports; i++) {
        if (!tern_extern_matches(store, module, &module->imports[i], &imports[i], diag))
            return NULL;
    }
    Engine *engine = store->engine;
    if (!engine_count(&engine->ninstances, engine->options.max_instances)) {
        tern_diag_set(diag, DIAG_LIMIT, DIAG_NO_OFFSET, DETAIL("the engine has %u instances, and may have no more",
                      (unsigned)engine->options.max_instances));
        return NULL;
    }
    u32 nmemories = store->memories.n, ntables = store->tables.n;
    Instance *instance = NULL;
    if (vec_reserve(&store->instances, store->alloc, 1))
        instance = block_new(store, module, imports);
    if (instance == NULL) {
        engine_uncount(&engine->ninstances, 1);
        no_memory(diag);
        return NULL;
    }
    if (options != NULL) instance->host_data = options->host_data;
    take_limits(instance, options);
    tern_module_retain(module);
    vec_push(&store->instances, store->alloc, instance); /* its globals are roots from now on */
    if (!build(instance, options, diag, trap)) {
        undo(store, nmemories, ntables);
        /* Objects of the module's types may be left: its types stay. */
        if (store->gc != NULL) return NULL;
        store->instances.n--;
        engine_uncount(&engine->ninstances, 1);
        tern_module_release(module);
        tern_memory_budget_release(instance->budget);
        return NULL;
    }
    const Instance *thread_of = TERN_THREADS && options != NULL ? options->thread_of : NULL;
    if (!run_elems(instance, false, diag, trap)) {
        /* Functions of the instance may stay behind in imported tables: what they see was never initialised. */
        Memory *first = module->nmemories > 0 ? instance->memories[0] : NULL;
        if (first != NULL && module->nimported[EXTERN_MEMORY] == 0 && tern_memory_has_image(first))
            memset(first->base + first->image_from, 0, (size_t)(first->image_to - first->image_from));
        return NULL;
    }
    return run_datas(instance, thread_of, false, diag, trap) ? instance : NULL;
}

/* --- reset ------------------------------------------------------------------------------------ */

static bool reset_memories(Instance *instance, Diag *diag)
{
    const Module *m = instance->module;
    for (u32 i = m->nimported[EXTERN_MEMORY]; i < m->nmemories; i++) {
        Memory *memory = instance->memories[i];
        /* In the place of a snapshot's image comes the module's, if it has one; else segments are written. */
        bool has_image = i == 0 && tern_memory_has_image(memory);
        const MemoryImage *image = has_image ? tern_memory_image_have(m) : NULL;
        if (!tern_memory_become(memory, memory->initial_pages, image)) return no_memory(diag);
        if (i > 0 || memory->heap == NULL) continue;
        GuestHeap *heap =
            tern_guest_heap_new(memory->alloc, instance->heap_start, instance->heap_bytes);
        if (heap == NULL) return no_memory(diag);
        tern_guest_heap_free_all(memory->heap);
        memory->heap = heap;
    }
    return true;
}

static bool reset_tables(Instance *instance, Diag *diag, TrapCode *trap)
{
    const Module *m = instance->module;
    for (u32 i = m->nimported[EXTERN_TABLE]; i < m->ntables; i++) {
        Value init = {.cells = {REF_NULL, 0}};
        if (m->tables[i].init != NULL) {
            TrapCode code = tern_const_eval(instance, m->tables[i].init, &init);
            if (code != TRAP_NONE) return trapped(diag, trap, code, DETAIL("table %u", (unsigned)i));
        }
        Table *table = instance->tables[i];
        instance->store->ntable_elems -= table->size - table->type.limits.min;
        table->size = table->type.limits.min;
        for (u64 k = 0; k < table->size; k++) table->elems[k] = init.ref;
    }
    return true;
}

bool tern_instance_can_rewind(const Instance *instance)
{
    const Module *m = instance->module;
    for (u32 i = m->nimported[EXTERN_MEMORY]; i < m->nmemories; i++)
        if (limits_is_shared(&m->memories[i].limits)) return false;
    tern_port_mutex_lock(&instance->store->execs_lock);
    bool is_running = false;
    for (const Exec *x = instance->store->execs; x != NULL; x = x->next) is_running |= x->depth > 0;
    tern_port_mutex_unlock(&instance->store->execs_lock);
    return !is_running;
}

bool tern_instance_rewind(Instance *instance, Diag *diag)
{
    const Module *m = instance->module;
    if (!tern_instance_can_rewind(instance)) {
        return tern_diag_set(diag, DIAG_LIMIT, DIAG_NO_OFFSET,
                             DETAIL("an instance that is running, or has a shared memory, cannot be reset"));
    }
    TrapCode trap = TRAP_NONE;
    memset(instance->elem_dropped, 0, m->nelems);
    memset(instance->data_dropped, 0, m->ndatas);
    return reset_memories(instance, diag) && make_globals(instance, diag, &trap) &&
           reset_tables(instance, diag, &trap) && make_elems(instance, diag, &trap) &&
           run_elems(instance, true, diag, &trap) && run_datas(instance, NULL, true, diag, &trap);
}

TrapCode tern_instance_start(Instance *instance, Exec *x)
{
    if (!instance->module->has_start) return TRAP_NONE;
    FuncInst *func = tern_instance_func(instance, instance->module->start);
    if (func == NULL) return tern_exec_trap(x, TRAP_OUT_OF_MEMORY);
    return tern_exec_call(x, func, NULL, NULL);
}

/* --- definitions on demand -------------------------------------------------------------------- */

FuncInst *tern_instance_func(Instance *instance, u32 func_index)
{
    FuncInst *func = instance->funcs[func_index];
    if (LIKELY(func != NULL)) return func;
    func = tern_func_alloc(instance->store);
    if (func == NULL) return NULL;
    func->type_id = instance->module->funcs[func_index].type_id;
    func->func_index = func_index;
    func->instance = instance;
    func->type = tern_module_func_type(instance->module, func_index);
    const Tier *tier = instance->store->engine->options.tier;
    if (tier != NULL && tier->func_code != NULL)
        func->code = tier->func_code(instance, func_index);
    instance->funcs[func_index] = func;
    return func;
}

Global *tern_instance_global(Instance *instance, u32 global_index)
{
    Global *global = instance->globals[global_index];
    if (global != NULL) return global;
    global = tern_arena_alloc(&instance->store->arena, sizeof *global, 1);
    if (global == NULL) return NULL;
    global->cell = instance->global_cells[global_index];
    global->type = instance->module->globals[global_index].type;
    instance->globals[global_index] = global;
    return global;
}

bool tern_instance_extern(Instance *instance, ExternKind kind, u32 index, Extern *out)
{
    out->kind = kind;
    switch (kind) {
    case EXTERN_FUNC: out->u.func = tern_instance_func(instance, index); return out->u.func != NULL;
    case EXTERN_TABLE: out->u.table = instance->tables[index]; return true;
    case EXTERN_MEMORY: out->u.memory = instance->memories[index]; return true;
    case EXTERN_GLOBAL:
        out->u.global = tern_instance_global(instance, index);
        return out->u.global != NULL;
    case EXTERN_TAG: out->u.tag = instance->tags[index]; return true;
    case EXTERN_KINDS: break;
    }
    return false;
}

bool tern_instance_find_export(Instance *instance, Name name, Extern *out)
{
    const Export *export = tern_module_find_export(instance->module, name);
    return export != NULL && tern_instance_extern(instance, export->kind, export->index, out);
}
