/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_threads.c - threads that the host spawns from an instance: each gets an instance of its own over the
 * same shared memory.
 *
 * C programs keep a stack in linear memory, whose pointer is a global. Every instance starts with the same
 * pointer, so threads are given pieces: the stack is cut in one piece for every thread there may be and one, the
 * topmost, for the instance that the host made, which is not told and may overrun it. */
#include "api/wamr.h"

#define LEAST_STACK_PIECE 256u

/* --- how many --------------------------------------------------------------------------------- */

static u32 max_threads(void)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    u32 n = runtime->max_threads;
    tern_port_mutex_unlock(&runtime->lock);
    return n;
}

void wasm_runtime_set_max_thread_num(uint32_t num)
{
    Runtime *runtime = tern_api_runtime();
    if (num == 0) return;
    tern_port_mutex_lock(&runtime->lock);
    runtime->max_threads = num;
    tern_port_mutex_unlock(&runtime->lock);
}

/* The lock is held. The list is in the order of slots: where the first gap is. */
static wasm_module_inst_t *first_gap(wasm_module_inst_t leader, u32 *slot)
{
    wasm_module_inst_t *at = &leader->threads;
    for (*slot = 0; *at != NULL && (*at)->thread_slot == *slot; at = &(*at)->next_thread) ++*slot;
    return at;
}

bool tern_api_threads_are_full(wasm_module_inst_t root)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    wasm_module_inst_t leader = root->is_thread ? root->leader : root;
    u32 slot = 0;
    if (leader != NULL) (void)first_gap(leader, &slot);
    bool is_full = slot >= runtime->max_threads;
    tern_port_mutex_unlock(&runtime->lock);
    return is_full;
}

bool tern_api_thread_link(wasm_module_inst_t leader, wasm_module_inst_t root)
{
    Runtime *runtime = tern_api_runtime();
    if (leader == NULL) return false;
    u32 slot;
    tern_port_mutex_lock(&runtime->lock);
    wasm_module_inst_t *at = first_gap(leader, &slot);
    bool ok = slot < runtime->max_threads;
    if (ok) {
        root->leader = leader;
        root->thread_slot = slot;
        root->next_thread = *at;
        *at = root;
    }
    tern_port_mutex_unlock(&runtime->lock);
    if (!ok)
        tern_api_log(WASM_LOG_LEVEL_ERROR,
                     "thread manager error: maximum number of threads exceeded");
    return ok;
}

void tern_api_thread_unlink(wasm_module_inst_t root)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    if (root->leader != NULL) {
        wasm_module_inst_t *at = &root->leader->threads;
        while (*at != root) at = &(*at)->next_thread;
        *at = root->next_thread;
    }
    for (wasm_module_inst_t t = root->threads; t != NULL; t = t->next_thread) t->leader = NULL;
    tern_port_mutex_unlock(&runtime->lock);
}

/* --- the guest's stack ------------------------------------------------------------------------ */

/* The value of an own i32 global that begins as a constant. */
static bool constant_of(const Module *m, u32 index, bool is_mutable, u32 *value)
{
    if (index < m->nimported[EXTERN_GLOBAL] || index >= m->nglobals) return false;
    const GlobalDef *global = &m->globals[index];
    if (global->type.is_mutable != is_mutable || global->type.type != VT_I32) return false;
    if (global->init.nops != 1 || global->init.ops[0].op != OP_I32_CONST) return false;
    *value = (u32)global->init.ops[0].u.bits;
    return true;
}

static bool exported_constant(const Module *m, const char *name, u32 *value)
{
    const Export *export = tern_module_find_export(m, (Name){name, (u32)strlen(name)});
    return export != NULL && export->kind == EXTERN_GLOBAL &&
           constant_of(m, export->index, false, value);
}

bool tern_api_thread_place_stack(wasm_module_inst_t root)
{
    const Module *m = root->instance->module;
    u32 heap_base, data_end, top, sp = m->nimported[EXTERN_GLOBAL];
    if (!exported_constant(m, "__heap_base", &heap_base) ||
        !exported_constant(m, "__data_end", &data_end))
        return true;
    while (sp < m->nglobals && !(constant_of(m, sp, true, &top) && top <= heap_base)) sp++;
    if (sp == m->nglobals) return true;

    /* Between the data and the heap, or below everything. */
    u32 bytes = top > data_end ? top - data_end : top;
    u32 piece = (u32)(bytes / (max_threads() + 1ull)) & ~15u;
    if (piece < LEAST_STACK_PIECE) {
        tern_api_log(WASM_LOG_LEVEL_ERROR,
                     "thread manager error: failed to allocate aux stack space for new thread");
        return false;
    }
    root->instance->global_cells[sp]->cells[0] = top - (u64)piece * (root->thread_slot + 1ull);
    return true;
}

/* --- environments ----------------------------------------------------------------------------- */

wasm_exec_env_t wasm_runtime_spawn_exec_env(wasm_exec_env_t exec_env)
{
    if (exec_env == NULL || exec_env->root == NULL) return NULL;
    char reason[EXCEPTION_BYTES] = "";
    wasm_module_inst_t inst =
        tern_api_thread_instantiate(exec_env->root, reason, sizeof reason);
    wasm_exec_env_t env =
        inst != NULL ? wasm_runtime_create_exec_env(inst, inst->stack_bytes) : NULL;
    if (env != NULL) return env;
    tern_api_log(WASM_LOG_LEVEL_ERROR, "spawning a thread failed: %s",
                 inst != NULL ? "no memory" : reason);
    wasm_runtime_deinstantiate(inst);
    return NULL;
}

void wasm_runtime_destroy_spawned_exec_env(wasm_exec_env_t exec_env)
{
    if (exec_env == NULL) return;
    wasm_module_inst_t root = exec_env->root;
    wasm_runtime_destroy_exec_env(exec_env);
    wasm_runtime_deinstantiate(root);
}

/* --- threads ---------------------------------------------------------------------------------- */

typedef struct SpawnedThread {
    Thread thread;
    ApiEngine *engine; /* held */
    wasm_exec_env_t env;
    wasm_thread_callback_t callback;
    void *arg, *result;
} SpawnedThread;

static void spawned_free(SpawnedThread *t)
{
    ApiEngine *engine = t->engine;
    tern_free(engine->alloc, t, sizeof *t);
    tern_api_engine_release(engine);
}

static void run_spawned(void *arg)
{
    SpawnedThread *t = arg;
    t->result = t->callback(t->env, t->arg);
    wasm_runtime_destroy_spawned_exec_env(t->env);
}

int32_t wasm_runtime_spawn_thread(wasm_exec_env_t exec_env, wasm_thread_t *tid,
                                  wasm_thread_callback_t callback, void *arg)
{
    wasm_exec_env_t env = wasm_runtime_spawn_exec_env(exec_env);
    if (env == NULL) return -1;
    ApiEngine *engine = env->root->module->engine;
    SpawnedThread *t = tern_alloc_zeroed(engine->alloc, 1, sizeof *t);
    if (t != NULL) {
        __atomic_add_fetch(&engine->refs, 1, __ATOMIC_RELAXED);
        t->engine = engine;
        t->env = env;
        t->callback = callback;
        t->arg = arg;
        *tid = (wasm_thread_t)t;
        if (tern_port_thread_start(&t->thread, run_spawned, t, 0)) return 0;
        spawned_free(t);
    }
    tern_api_log(WASM_LOG_LEVEL_ERROR, "spawning a thread failed: the system gives no thread");
    wasm_runtime_destroy_spawned_exec_env(env);
    return -1;
}

int32_t wasm_runtime_join_thread(wasm_thread_t tid, void **retval)
{
    SpawnedThread *t = (SpawnedThread *)tid;
    tern_port_thread_join(&t->thread);
    if (retval != NULL) *retval = t->result;
    spawned_free(t);
    return 0;
}
