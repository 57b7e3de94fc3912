/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_wasi_threads.c - what a thread that the guest starts (wasi.thread-spawn) runs in, for hosts of
 * wasm_export.h: an instance and an environment of its own, as for threads that the host spawns, so that
 * registered natives find theirs. wasm_runtime_set_max_thread_num bounds both together. */
#include "api/wamr.h"

static bool make(void *user, Exec *spawner, WasiThreadPlace *out)
{
    (void)user;
    wasm_exec_env_t env = wasm_runtime_spawn_exec_env(spawner->host_data);
    if (env == NULL) return false;
    static const char name[] = "wasi_thread_start";
    wasm_function_inst_t start = wasm_runtime_lookup_function(env->root, name);
    FuncInst *func = (FuncInst *)start;
    const FuncType *type = func != NULL ? func->type : NULL;
    bool ok = type != NULL && type->nparams == 2 && type->nresults == 0 && type->params[0] == VT_I32 &&
              type->params[1] == VT_I32;
    if (ok) {
        *out = (WasiThreadPlace){env->x, func, env};
        return true;
    }
    tern_api_log(WASM_LOG_LEVEL_ERROR, "Failed to find thread start function %s", name);
    wasm_runtime_destroy_spawned_exec_env(env);
    return false;
}

static TrapCode run(void *user, WasiThreadPlace *place, const u64 args[2])
{
    (void)user;
    Exec *x = place->x;
    if (!tern_exec_room(x, 2)) return tern_exec_trap(x, TRAP_STACK_EXHAUSTED);
    memcpy(x->top, args, 2 * sizeof *args);
    return tern_api_run(place->owned, place->start);
}

static void unmake(void *user, WasiThreadPlace *place)
{
    (void)user;
    wasm_runtime_destroy_spawned_exec_env(place->owned);
}

static bool is_full(void *user, const Exec *spawner)
{
    (void)user;
    const struct WASMExecEnv *env = spawner->host_data;
    return tern_api_threads_are_full(env->root);
}

const WasiThreadMaker tern_api_wasi_threads = {make, run, unmake, is_full, NULL};
