/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_instance.c - include/tern.h: making instances, calling them, stopping them, and what they trapped with. */
#include "api/tern_handles.h"
#include "runtime/snapshot.h"

/* --- making --------------------------------------------------------------------------------------------- */

/* What tern.h had at first ended here; fields have only been added behind it. */
#define CONFIG_MIN_SIZE offsetof(tern_config, streams)

static bool read_config(const tern_config *given, tern_config *out, tern_error *error)
{
    *out = (tern_config)TERN_CONFIG_DEFAULT;
    if (given == NULL) return true;
    size_t size = given->struct_size;
    if (size < CONFIG_MIN_SIZE || size > sizeof *out || size % sizeof(void *) != 0) {
        tern_error_say(error, TERN_ERROR_USAGE,
                       "tern_config: struct_size is %zu, and this library knows %zu to %zu: start from "
                       "TERN_CONFIG_DEFAULT",
                       size, (size_t)CONFIG_MIN_SIZE, sizeof *out);
        return false;
    }
    memcpy(out, given, size);
    out->struct_size = sizeof *out;
    return true;
}

#define STREAM_EIO (-29) /* of preview 1 */

static s64 stream_result(int64_t n, size_t size)
{
    return n == -1 || (n > 0 && (u64)n > size) ? STREAM_EIO : n;
}

static s64 stream_read(void *user, void *buf, size_t size)
{
    const tern_stream *stream = user;
    return stream_result(stream->read(stream->user, buf, size), size);
}

static s64 stream_write(void *user, const void *buf, size_t size)
{
    const tern_stream *stream = user;
    return stream_result(stream->write(stream->user, buf, size), size);
}

static bool make_wasi(tern_instance *instance, const tern_config *config, MemoryBudget *budget, tern_error *error)
{
    Store *store = instance->store->store;
    WasiDir *dirs = tern_arena_alloc(&store->arena, sizeof *dirs, config->ndirs);
    tern_stream *streams = tern_arena_alloc(&store->arena, sizeof *streams, 3);
    if (dirs == NULL || streams == NULL) {
        tern_error_no_memory(error);
        return false;
    }
    for (u32 i = 0; i < config->ndirs; i++) {
        const tern_dir *dir = &config->dirs[i];
        dirs[i] = (WasiDir){dir->host, dir->guest, dir->is_read_only, tern_vdir_inside(dir->vdir)};
    }
    WasiOptions options = {.argv = config->argv, .argc = config->argc, .env = config->env,
                           .nenv = config->nenv, .preopens = dirs, .npreopens = config->ndirs,
                           .stdio = {config->stdio[0], config->stdio[1], config->stdio[2]},
                           .listeners = config->listeners, .nlisteners = config->nlisteners,
                           .addr_pool = config->networks, .naddr_pool = config->nnetworks,
                           .ns_lookup_pool = config->hosts, .nns_lookup_pool = config->nhosts,
                           .max_threads = config->max_threads, .max_fds = config->max_descriptors,
                           .memory_budget = budget};
    for (u32 i = 0; i < 3; i++) {
        if (config->streams[i] == NULL) continue;
        streams[i] = *config->streams[i];
        options.streams[i] = (WasiStream){streams[i].read != NULL ? stream_read : NULL,
                                          streams[i].write != NULL ? stream_write : NULL, &streams[i]};
    }
    Diag diag = {0};
    instance->wasi = tern_wasi_new(store, &options, &diag);
    if (instance->wasi == NULL) tern_error_diag(error, &diag);
    return instance->wasi != NULL;
}

static bool instantiate_within(tern_instance *handle, const tern_config *config, MemoryBudget *budget,
                               tern_error *error)
{
    Store *store = handle->store->store;
    Module *module = handle->module->module;
    if (!make_wasi(handle, config, budget, error)) return false;
    handle->exec = tern_store_exec(handle->store, config->stack_bytes);
    Extern *imports = tern_arena_alloc(&store->arena, sizeof *imports, module->nimports);
    if (handle->exec == NULL || imports == NULL) {
        if (handle->exec == NULL) tern_error_no_stack(handle->store->engine, error);
        else tern_error_no_memory(error);
        return false;
    }
    if (!tern_linker_link(config->linker, handle, config->missing, imports, error)) return false;

    handle->has_allocator = tern_guest_allocator_find_any(module, &handle->allocator);
    MemoryOptions memory = {.may_move = store->engine->options.memories_move, .max_pages = UINT64_MAX,
                            .budget = budget};
    InstantiateOptions options = {.memory = &memory, .max_table_elems = config->max_table_elems,
                                  .guest_heap_bytes = handle->has_allocator ? 0 : config->guest_heap_bytes,
                                  .host_data = handle};
    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    handle->instance = tern_instance_new(store, module, imports, &options, &diag, &trap);
    if (handle->instance != NULL) return true;
    if (diag.code == DIAG_INSTANTIATE_TRAP)
        tern_error_say(error, TERN_ERROR_LINK, "a segment does not fit: %s", diag.detail);
    else
        tern_error_diag(error, &diag);
    return false;
}

static bool instantiate(tern_instance *handle, const tern_config *config, tern_error *error)
{
    if (config->max_memory_bytes == 0) return instantiate_within(handle, config, NULL, error);
    MemoryBudget *budget = tern_memory_budget_new(handle->store->store->alloc, config->max_memory_bytes);
    if (budget == NULL) {
        tern_error_no_memory(error);
        return false;
    }
    bool ok = instantiate_within(handle, config, budget, error);
    tern_memory_budget_release(budget); /* whoever is charged to it holds it */
    return ok;
}

/* A module whose segments do not fit may have put functions into tables of others before that (spec 4.5.4): they run
 * when those call them, and what they call is given this handle. Its start function never runs. */
static void keep_failed(tern_instance *handle)
{
    const Store *store = handle->store->store;
    for (u32 i = 0; i < store->instances.n; i++)
        if (store->instances.items[i]->host_data == handle) handle->instance = store->instances.items[i];
    handle->is_prepared = true;
}

tern_instance *tern_instance_create(tern_module *module, const tern_config *given, tern_error *error)
{
    tern_config config;
    if (module == NULL || !read_config(given, &config, error)) return NULL;
    tern_engine *engine = module->engine;
    if (config.store != NULL && config.store->engine != engine) {
        tern_error_say(error, TERN_ERROR_USAGE, "the store is of another engine than the module");
        return NULL;
    }
    if (config.store != NULL && !tern_store_lasts(config.store, error)) return NULL;
    tern_store *store = config.store != NULL ? config.store : tern_store_create(engine, NULL);
    if (store == NULL) {
        tern_error_no_memory(error);
        return NULL;
    }
    if (config.store == NULL) store->store->gc_limit_bytes = config.max_gc_bytes;
    else store->refs++;
    tern_instance *handle = tern_alloc_zeroed(engine->alloc, 1, sizeof *handle);
    if (handle == NULL) {
        tern_store_release(store);
        tern_error_no_memory(error);
        return NULL;
    }
    *handle = (tern_instance){.store = store, .module = module, .user = config.user, .next = store->instances};
    __atomic_add_fetch(&module->refs, 1, __ATOMIC_RELAXED);
    store->instances = handle;
    if (instantiate(handle, &config, error)) return handle;
    keep_failed(handle);
    tern_instance_destroy(handle);
    return NULL;
}

void tern_instance_destroy(tern_instance *instance)
{
    if (instance == NULL) return;
    tern_wasi_threads_end(instance->wasi);
    tern_module *module = instance->module;
    instance->module = NULL;
    instance->is_destroyed = true;
    tern_store_release(instance->store);
    tern_module_unhold(module);
}

void *tern_instance_user(const tern_instance *instance) { return instance->user; }
tern_store *tern_instance_store(tern_instance *instance) { return instance->store; }

tern_module *tern_instance_module(tern_instance *instance)
{
    tern_module *module = instance->module;
    return module == NULL || __atomic_load_n(&module->is_unloaded, __ATOMIC_ACQUIRE) ? NULL : module;
}

/* --- what it exports ------------------------------------------------------------------------------------ */

static Name name_of(const char *text) { return (Name){text, (u32)u64_min(strlen(text), UINT32_MAX)}; }

bool tern_instance_export(tern_instance *instance, const char *name, tern_extern *out)
{
    Extern found;
    return tern_instance_find_export(instance->instance, name_of(name), &found) &&
           tern_extern_handle(instance->store, &found, out);
}

tern_memory *tern_instance_memory(tern_instance *instance, const char *name)
{
    const Instance *inside = instance->instance;
    if (name == NULL)
        return inside->module->nmemories > 0 ? tern_memory_handle(instance->store, inside->memories[0]) : NULL;
    const Export *export = tern_module_find_export(inside->module, name_of(name));
    if (export == NULL || export->kind != EXTERN_MEMORY) return NULL;
    return tern_memory_handle(instance->store, inside->memories[export->index]);
}

tern_table *tern_instance_table(tern_instance *instance, const char *name)
{
    const Instance *inside = instance->instance;
    if (name == NULL)
        return inside->module->ntables > 0 ? tern_table_handle(instance->store, inside->tables[0]) : NULL;
    const Export *export = tern_module_find_export(inside->module, name_of(name));
    if (export == NULL || export->kind != EXTERN_TABLE) return NULL;
    return tern_table_handle(instance->store, inside->tables[export->index]);
}

/* The function exported as name, or NULL and an error. */
static FuncInst *find_func(const tern_instance *instance, const char *name, tern_error *error)
{
    const Export *export = tern_module_find_export(instance->instance->module, name_of(name));
    if (export == NULL || export->kind != EXTERN_FUNC) {
        tern_error_say(error, TERN_ERROR_USAGE, "no function is exported as \"%s\"", name);
        return NULL;
    }
    FuncInst *func = tern_instance_func(instance->instance, export->index);
    if (func == NULL) tern_error_no_memory(error);
    return func;
}

/* --- calling -------------------------------------------------------------------------------------------- */

/* Calls an exported function that takes and returns nothing. */
static tern_status call_plain(tern_instance *instance, const char *name, tern_error *error)
{
    FuncInst *func = find_func(instance, name, error);
    if (func == NULL) return TERN_ERROR;
    if (func->type->nparams != 0 || func->type->nresults != 0) {
        tern_error_say(error, TERN_ERROR_USAGE, "%s must have no parameters and no results", name);
        return TERN_ERROR;
    }
    return tern_store_call(instance->store, instance, func, name, NULL, 0, NULL, 0, error);
}

static tern_status prepare(tern_instance *instance, tern_error *error)
{
    instance->is_prepared = true; /* once, even if it traps */
    tern_status status = tern_status_of(tern_instance_start(instance->instance, instance->exec));
    const Module *module = instance->instance->module;
    if (status == TERN_OK && tern_module_find_export(module, name_of("_start")) == NULL &&
        tern_module_find_export(module, name_of("_initialize")) != NULL)
        status = call_plain(instance, "_initialize", error);
    return status;
}

tern_status tern_instance_prepare(tern_instance *instance, tern_error *error)
{
    if (instance->is_prepared) return TERN_OK;
    tern_store_enter(instance->store);
    tern_status status = prepare(instance, error);
    tern_store_leave(instance->store);
    if (UNLIKELY(status != TERN_OK)) tern_error_stopped(error, instance, instance->exec, status);
    return status;
}

tern_status tern_instance_run(tern_instance *instance, tern_error *error)
{
    if (tern_module_find_export(instance->instance->module, name_of("_start")) != NULL)
        return call_plain(instance, "_start", error);
    tern_error_say(error, TERN_ERROR_USAGE, "the module exports no _start, so it is not a program to run");
    return TERN_ERROR;
}

tern_status tern_instance_call(tern_instance *instance, const char *name, const tern_value *args,
                               uint32_t nargs, tern_value *results, uint32_t nresults, tern_error *error)
{
    FuncInst *func = find_func(instance, name, error);
    if (func == NULL) return TERN_ERROR;
    return tern_store_call(instance->store, instance, func, name, args, nargs, results, nresults, error);
}

uint32_t tern_instance_exit_code(const tern_instance *instance)
{
    if (tern_wasi_exited(instance->wasi)) return tern_wasi_exit_code(instance->wasi);
    /* It may have called an instance that exited. */
    for (const tern_instance *other = instance->store->instances; other != NULL; other = other->next)
        if (other->wasi != NULL && tern_wasi_exited(other->wasi)) return tern_wasi_exit_code(other->wasi);
    return 0;
}

/* --- back ----------------------------------------------------------------------------------------------- */

/* A refusal of the runtime's for what is running or shared is the caller's mistake. */
static void say_refused(const Diag *diag, tern_error *error)
{
    if (diag->code == DIAG_LIMIT) tern_error_say(error, TERN_ERROR_USAGE, "%s", diag->detail);
    else tern_error_diag(error, diag);
}

bool tern_instance_reset(tern_instance *instance, tern_error *error)
{
    Diag diag = {0};
    bool ok = tern_instance_rewind(instance->instance, &diag);
    if (ok) {
        instance->is_prepared = false;
        instance->blocks.n = 0;
    } else {
        say_refused(&diag, error);
    }
    return ok;
}

struct tern_snapshot {
    tern_instance *instance;
    Snapshot *inside;
    bool is_prepared;
    struct { VEC(BlockSize) } blocks;
};

tern_snapshot *tern_instance_snapshot(tern_instance *instance, tern_error *error)
{
    Alloc *alloc = instance->store->engine->alloc;
    u32 nblocks = instance->blocks.n;
    tern_snapshot *snapshot = tern_alloc_zeroed(alloc, 1, sizeof *snapshot);
    if (snapshot == NULL || !vec_reserve(&snapshot->blocks, alloc, nblocks)) {
        tern_free(alloc, snapshot, sizeof *snapshot);
        tern_error_no_memory(error);
        return NULL;
    }
    Diag diag = {0};
    snapshot->instance = instance;
    snapshot->is_prepared = instance->is_prepared;
    snapshot->inside = tern_snapshot_take(instance->instance, &diag);
    snapshot->blocks.n = nblocks;
    if (nblocks > 0) memcpy(snapshot->blocks.items, instance->blocks.items, nblocks * sizeof(BlockSize));
    if (snapshot->inside != NULL) return snapshot;
    say_refused(&diag, error);
    tern_snapshot_destroy(snapshot);
    return NULL;
}

bool tern_instance_restore(tern_instance *instance, const tern_snapshot *snapshot, tern_error *error)
{
    if (snapshot->instance != instance) {
        tern_error_say(error, TERN_ERROR_USAGE, "the snapshot is of another instance");
        return false;
    }
    Diag diag = {0};
    u32 nblocks = snapshot->blocks.n, n = instance->blocks.n;
    Alloc *alloc = instance->store->engine->alloc;
    if (nblocks > n && !vec_reserve(&instance->blocks, alloc, nblocks - n)) {
        tern_error_no_memory(error);
        return false;
    }
    if (!tern_snapshot_apply(snapshot->inside, &diag)) {
        say_refused(&diag, error);
        return false;
    }
    if (nblocks > 0) memcpy(instance->blocks.items, snapshot->blocks.items, nblocks * sizeof(BlockSize));
    instance->blocks.n = nblocks;
    instance->is_prepared = snapshot->is_prepared;
    return true;
}

void tern_snapshot_destroy(tern_snapshot *snapshot)
{
    if (snapshot == NULL) return;
    Alloc *alloc = snapshot->instance->store->engine->alloc;
    tern_snapshot_free(snapshot->inside);
    vec_free(&snapshot->blocks, alloc);
    tern_free(alloc, snapshot, sizeof *snapshot);
}

/* --- stopping ------------------------------------------------------------------------------------------- */

void tern_instance_interrupt(tern_instance *instance, tern_stop why)
{
    TrapCode code = why == TERN_STOP_DEADLINE ? TRAP_DEADLINE : TRAP_INTERRUPTED;
    __atomic_store_n(&instance->store->asked, (u32)code, __ATOMIC_SEQ_CST);
    tern_exec_interrupt(instance->exec, code);
}

void tern_instance_resume(tern_instance *instance)
{
    __atomic_store_n(&instance->store->asked, 0, __ATOMIC_SEQ_CST);
    tern_exec_resume(instance->exec);
}

bool tern_instance_set_timeout(tern_instance *instance, uint64_t nanoseconds, tern_error *error)
{
    tern_store *store = instance->store;
    if (nanoseconds != TERN_UNLIMITED && !tern_watchdog_start(&store->engine->watchdog)) {
        tern_error_say(error, TERN_ERROR_RESOURCE, "no thread can be started to watch");
        return false;
    }
    store->timeout_ns = nanoseconds;
    return true;
}

bool tern_instance_set_fuel(tern_instance *instance, uint64_t units)
{
    if (units != TERN_UNLIMITED) return tern_exec_fuel_set(instance->exec, units);
    tern_exec_fuel_unlimit(instance->exec);
    return true;
}

uint64_t tern_instance_fuel(const tern_instance *instance) { return tern_exec_fuel_left(instance->exec); }

/* --- traps ---------------------------------------------------------------------------------------------- */

bool tern_instance_trap(const tern_instance *instance, tern_trap *out)
{
    static const char *const codes[] = {
#define TRAP(name, ...) #name,
#include "ops/traps.def"
    };
    const Trap *trap = &instance->exec->trap;
    if (trap->code == TRAP_NONE) return false;
    *out = (tern_trap){
        .code = trap->code == TRAP_FUEL ? "OUT_OF_FUEL" : codes[trap->code],
        .text = trap->message[0] != '\0' ? trap->message : tern_trap_text(trap->code),
        .has_address = trap->has_address,
        .address = trap->address,
        .access_bytes = trap->access_bytes,
        .memory_bytes = trap->memory_bytes,
        .nframes = trap->nframes,
        .nframes_all = trap->nframes_all,
    };
    return true;
}

bool tern_instance_trap_frame(const tern_instance *instance, uint32_t i, tern_frame *out)
{
    const Trap *trap = &instance->exec->trap;
    if (i >= trap->nframes) return false;
    const TrapFrame *frame = &trap->frames[i];
    Name name = {NULL, 0};
    if (frame->instance != NULL) name = tern_module_func_name(frame->instance->module, frame->func_index);
    *out = (tern_frame){frame->func_index, frame->offset, {name.bytes, name.size}};
    return true;
}
