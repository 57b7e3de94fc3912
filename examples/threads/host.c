/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - one module, a thread per instance: guests in parallel that share nothing. With wasm_export.h; in tern.h
 * the rule is the same. threads guest.wasm
 *
 * A module may be used by all threads at once; an instance, and what belongs to it, by one at a time. */
#include <pthread.h>
#include <wasm_export.h>

#include "../file.h"

enum { NTHREADS = 4, LIMIT = 20000 };

typedef struct Worker {
    pthread_t thread;
    wasm_module_t module;
    uint32_t from, to;
    uint32_t nprimes;
    char error[128]; /* empty: it went well */
} Worker;

static void *work(void *arg)
{
    Worker *w = arg;
    wasm_module_inst_t inst =
        wasm_runtime_instantiate(w->module, 65536, 0, w->error, sizeof w->error);
    if (inst == NULL) return NULL;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_function_inst_t count = wasm_runtime_lookup_function(inst, "count");
    wasm_function_inst_t total = wasm_runtime_lookup_function(inst, "total");
    uint32_t cells[2] = {w->from, w->to};
    if (env == NULL || count == NULL || total == NULL)
        snprintf(w->error, sizeof w->error, "no count, no total, or no memory");
    else if (!wasm_runtime_call_wasm(env, count, 2, cells) ||
             !wasm_runtime_call_wasm(env, total, 0, cells))
        snprintf(w->error, sizeof w->error, "%s", wasm_runtime_get_exception(inst));
    else
        w->nprimes = cells[0];
    if (env != NULL) wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    return NULL;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL || !wasm_runtime_init()) return 1;
    char error[256] = "";
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;

    static Worker workers[NTHREADS];
    uint32_t nprimes = 0;
    bool is_ok = true;
    int n = 0;
    for (; n < NTHREADS; n++) {
        Worker *w = &workers[n];
        w->module = module;
        w->from = (uint32_t)n * (LIMIT / NTHREADS);
        w->to = w->from + LIMIT / NTHREADS;
        if (pthread_create(&w->thread, NULL, work, w) != 0) break;
    }
    is_ok = n == NTHREADS;
    for (int i = 0; i < n; i++) { /* all of those that started */
        Worker *w = &workers[i];
        pthread_join(w->thread, NULL);
        if (w->error[0] != '\0') is_ok = false;
        printf("%5u to %5u: %u primes%s\n", w->from, w->to, w->nprimes, w->error);
        nprimes += w->nprimes;
    }
    printf("%u below %u\n", nprimes, (unsigned)LIMIT);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return is_ok ? 0 : 1;
}
