/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - the smallest host: gives a module one C function and calls it. hello guest.wasm */
#include <wasm_export.h>

#include "../file.h"

static void say(wasm_exec_env_t env, const char *text) { (void)env, puts(text); }

int main(int argc, char **argv)
{
    char error[128] = "";
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL) return 2;

    /* "($)": one string. Its address is checked before say is called, which gets a pointer. */
    static NativeSymbol natives[] = {{"say", (void *)say, "($)", NULL}};
    if (!wasm_runtime_init() || !wasm_runtime_register_natives("env", natives, 1)) return 1;
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_function_inst_t hello = wasm_runtime_lookup_function(inst, "hello");
    if (env == NULL || hello == NULL) return fprintf(stderr, "no hello, or no memory\n"), 1;
    if (!wasm_runtime_call_wasm(env, hello, 0, NULL))
        return fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst)), 1;
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
