/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasm_export.c - what is around a snippet for wasm_export.h: module, inst and env, as in README.md's host.
 * HEAP: the bytes of the host-managed heap. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <wasm_export.h>

#include "file.h"

#ifndef HEAP
#define HEAP 0
#endif

/* --- top --- */

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    uint32_t wasm_size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &wasm_size);
    char error[128] = "";
    RuntimeInitArgs init = {.mem_alloc_type = Alloc_With_System_Allocator};
    if (wasm == NULL || !wasm_runtime_full_init(&init)) return 2;
#ifdef NATIVES
    if (!wasm_runtime_register_natives("env", natives, sizeof natives / sizeof natives[0])) return 2;
#endif
    wasm_module_t module = wasm_runtime_load(wasm, wasm_size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 2;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_ERROR); /* imports without natives */
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, HEAP, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 2;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    if (env == NULL) return 2;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_WARNING);
    {
/* --- body --- */
    }
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
