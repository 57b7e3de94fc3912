/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - stops a guest from another thread, and goes on using it. With wasm_export.h, where
 * wasm_runtime_terminate is the way; examples/deadline has timeouts and fuel. terminate guest.wasm */
#include <pthread.h>
#include <time.h>
#include <wasm_export.h>

#include "../file.h"

/* The only function that may be called on an instance that another thread uses. */
static void *stop_soon(void *inst)
{
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    wasm_runtime_terminate(inst);
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
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_function_inst_t spin = wasm_runtime_lookup_function(inst, "spin");
    wasm_function_inst_t calls = wasm_runtime_lookup_function(inst, "calls");
    if (env == NULL || spin == NULL || calls == NULL) return fprintf(stderr, "no memory\n"), 1;

    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, stop_soon, inst) != 0) return perror("thread"), 1;
        if (!wasm_runtime_call_wasm(env, spin, 0, NULL))
            printf("spin: %s\n", wasm_runtime_get_exception(inst));
        pthread_join(thread, NULL); /* before clearing: a late one would stop the next call */
        wasm_runtime_clear_exception(inst);
    }
    uint32_t cells[1] = {0};
    if (!wasm_runtime_call_wasm(env, calls, 0, cells))
        return fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst)), 1;
    printf("the instance works as before: spin was called %u times\n", cells[0]);

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
