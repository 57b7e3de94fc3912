/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - a guest that starts threads itself (wasi-threads). With tern.h, where the number of them is a setting of
 * the instance; its host functions would be called from these threads too. examples/threads is the other kind: a
 * thread of the host's for each instance. wasi_threads guest.wasm */
#include <tern.h>

#include "../file.h"

/* Calls count in a new instance that may have so many threads. False if it did not run to its end. */
static bool count(tern_module *module, uint32_t max_threads, uint32_t nthreads)
{
    tern_error error = {0};
    tern_trap trap;
    tern_config config = TERN_CONFIG_DEFAULT;
    config.max_threads = max_threads;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) return fprintf(stderr, "%s\n", error.text), false;
    tern_value args[] = {{TERN_I32, {.i32 = 20000}}, {TERN_I32, {.i32 = nthreads}}}, result;
    tern_status status = tern_instance_call(instance, "count", args, 2, &result, 1, &error);
    if (status == TERN_OK && (int32_t)result.of.i32 < 0)
        printf("%u more threads, %u allowed: not started\n", nthreads, max_threads);
    else if (status == TERN_OK)
        printf("%u more threads, %u allowed: %u primes\n", nthreads, max_threads, result.of.i32);
    else if (status == TERN_TRAPPED && tern_instance_trap(instance, &trap))
        fprintf(stderr, "%s: %s\n", trap.code, trap.text);
    else
        fprintf(stderr, "%s\n", error.text);
    tern_instance_destroy(instance);
    return status == TERN_OK;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL) return 1;
    tern_error error;
    tern_engine *engine = tern_engine_create();
    if (engine == NULL) return fprintf(stderr, "no memory\n"), 1;
    tern_module *module = tern_module_load(engine, wasm, size, &error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error.text), 1;
    bool is_ok = count(module, 4, 0) && count(module, 4, 3) && count(module, 1, 3);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return is_ok ? 0 : 1;
}
