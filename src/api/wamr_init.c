/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_init.c - the default engine: starting, stopping, logging, running modes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/wamr.h"
#include "interp/interp.h"

static Runtime the_runtime = {.max_threads = 4, .log_level = WASM_LOG_LEVEL_WARNING};

Runtime *tern_api_runtime(void)
{
    /* The first caller makes the lock; a caller that comes meanwhile waits the few instructions it
     * takes. */
    static u32 lock_state; /* 0 none, 1 being made, 2 ready */
    while (UNLIKELY(__atomic_load_n(&lock_state, __ATOMIC_ACQUIRE) != 2)) {
        u32 none = 0;
        if (!__atomic_compare_exchange_n(&lock_state, &none, 1, false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
            continue;
        tern_port_mutex_init(&the_runtime.lock);
        __atomic_store_n(&lock_state, 2, __ATOMIC_RELEASE);
    }
    return &the_runtime;
}

/* --- logging ---------------------------------------------------------------------------------- */

void tern_api_log(log_level_t level, const char *format, ...)
{
    if ((u32)level > __atomic_load_n(&the_runtime.log_level, __ATOMIC_RELAXED)) return;
    static const char *const names[] = {"fatal", "error", "warning", "debug", "verbose"};
    int saved = errno;
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "[tern] %s: %s\n", names[level], line);
    errno = saved;
}

void wasm_runtime_set_log_level(log_level_t level)
{
    __atomic_store_n(&the_runtime.log_level, (u32)level, __ATOMIC_RELAXED);
}

void tern_api_error(char *error_buf, u32 error_buf_size, const char *format, ...)
{
    if (error_buf == NULL || error_buf_size == 0) return;
    va_list args;
    va_start(args, format);
    vsnprintf(error_buf, error_buf_size, format, args);
    va_end(args);
}

#define LEAST_GC_BYTES (128u << 10) /* WAMR's default; a few kilobytes would hold nothing here */

/* --- the engine ------------------------------------------------------------------------------- */

void tern_api_engine_release(ApiEngine *engine)
{
    if (engine == NULL || __atomic_sub_fetch(&engine->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    tern_engine_free(engine->engine);
    /* The handle lies in the block that it frees. */
    CallbackAlloc callbacks = engine->callbacks;
    Alloc *alloc = engine->alloc == &engine->callbacks.base ? &callbacks.base : engine->alloc;
    tern_free(alloc, engine, sizeof *engine);
}

ApiEngine *tern_api_engine_hold(void)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    ApiEngine *engine = runtime->refs > 0 ? runtime->engine : NULL;
    if (engine != NULL) __atomic_add_fetch(&engine->refs, 1, __ATOMIC_RELAXED);
    tern_port_mutex_unlock(&runtime->lock);
    return engine;
}

static ApiEngine *engine_new(const RuntimeInitArgs *args)
{
    CallbackAlloc callbacks = {0};
    Alloc *alloc = NULL;
    switch (args->mem_alloc_type) {
    case Alloc_With_Pool:
        if (args->mem_alloc_option.pool.heap_buf != NULL)
            alloc = tern_port_pool_alloc(args->mem_alloc_option.pool.heap_buf,
                                         args->mem_alloc_option.pool.heap_size);
        if (alloc == NULL) tern_api_log(WASM_LOG_LEVEL_ERROR, "the pool is missing or too small");
        break;
    case Alloc_With_Allocator:
        if (tern_api_callbacks_init(&callbacks, &args->mem_alloc_option)) alloc = &callbacks.base;
        break;
    case Alloc_With_System_Allocator: alloc = tern_port_system_alloc(); break;
    }
    if (alloc == NULL) return NULL;

    ApiEngine *engine = tern_alloc_zeroed(alloc, 1, sizeof *engine);
    if (engine == NULL) goto no_memory;
    engine->callbacks = callbacks;
    engine->alloc = alloc == &callbacks.base ? &engine->callbacks.base : alloc;
    engine->refs = 1;
    EngineOptions options = {.alloc = engine->alloc,
                             .features = FEATURES_ALL,
                             .tier = &tern_interp_tier,
                             .grow_refused = tern_api_grow_refused,
                             .profiles = tern_api_wants_profiles(),
                             .gc_limit_bytes =
                                 args->gc_heap_size == 0 ? 0 : u64_max(args->gc_heap_size, LEAST_GC_BYTES)};
    engine->engine = tern_engine_new(&options);
    if (engine->engine != NULL) return engine;
    tern_free(alloc, engine, sizeof *engine);
no_memory:
    tern_api_log(WASM_LOG_LEVEL_ERROR, "no memory to start with");
    return NULL;
}

bool wasm_runtime_full_init(RuntimeInitArgs *init_args)
{
    if (init_args == NULL) return false;
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    bool first = runtime->refs == 0;
    if (!first) runtime->refs++;
    tern_port_mutex_unlock(&runtime->lock);
    if (!first) return true;

    /* The host's allocator is called without the lock: it may ask the runtime something. */
    if (!wasm_runtime_is_running_mode_supported(init_args->running_mode)) {
        tern_api_log(WASM_LOG_LEVEL_ERROR, "running mode %d is not supported",
                     (int)init_args->running_mode);
        return false;
    }
    ApiEngine *engine = engine_new(init_args);
    if (engine == NULL) return false;
    tern_port_mutex_lock(&runtime->lock);
    first = runtime->refs++ == 0;
    if (first) {
        runtime->engine = engine;
        if (init_args->max_thread_num > 0) runtime->max_threads = init_args->max_thread_num;
    }
    tern_port_mutex_unlock(&runtime->lock);
    if (!first) tern_api_engine_release(engine); /* another thread was faster */

    if (first && init_args->n_native_symbols > 0 &&
        !wasm_runtime_register_natives(init_args->native_module_name, init_args->native_symbols,
                                       init_args->n_native_symbols)) {
        wasm_runtime_destroy();
        return false;
    }
    return true;
}

bool wasm_runtime_init(void)
{
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_System_Allocator};
    return wasm_runtime_full_init(&args);
}

void wasm_runtime_destroy(void)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    bool last = runtime->refs == 1;
    if (runtime->refs == 0)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "wasm_runtime_destroy: not running");
    else
        runtime->refs--;
    tern_port_mutex_unlock(&runtime->lock);
    if (!last) return;

    tern_api_registered_clear(runtime);
    tern_api_natives_clear(runtime);
    tern_api_externrefs_clear(runtime, NULL);
    tern_api_shared_heaps_clear(runtime);
    tern_port_mutex_lock(&runtime->lock);
    ApiEngine *engine = runtime->engine;
    runtime->engine = NULL;
    runtime->reader = NULL;
    runtime->destroyer = NULL;
    runtime->enlarge_callback = NULL;
    memset(runtime->keys, 0, sizeof runtime->keys);
    tern_port_mutex_unlock(&runtime->lock);
    if (__atomic_load_n(&engine->refs, __ATOMIC_ACQUIRE) > 1)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "wasm_runtime_destroy: modules are still loaded");
    tern_api_engine_release(engine);
}

/* --- running modes and version ---------------------------------------------------------------- */

bool wasm_runtime_is_running_mode_supported(RunningMode running_mode)
{
    return running_mode == 0 || running_mode == Mode_Interp;
}

bool wasm_runtime_set_default_running_mode(RunningMode running_mode)
{
    return wasm_runtime_is_running_mode_supported(running_mode);
}

bool wasm_runtime_set_running_mode(wasm_module_inst_t module_inst, RunningMode running_mode)
{
    if (!wasm_runtime_is_running_mode_supported(running_mode)) return false;
    module_inst->mode = Mode_Interp;
    return true;
}

RunningMode wasm_runtime_get_running_mode(wasm_module_inst_t module_inst)
{
    return module_inst->mode;
}

void wasm_runtime_get_version(uint32_t *major, uint32_t *minor, uint32_t *patch)
{
    *major = 2;
    *minor = 4;
    *patch = 3;
}

/* --- threads of the host ---------------------------------------------------------------------- */

bool wasm_runtime_init_thread_env(void)
{
    tern_port_fault_init(); /* false only means explicit checks */
    return true;
}

void wasm_runtime_destroy_thread_env(void) {}

bool wasm_runtime_thread_env_inited(void) { return true; }
