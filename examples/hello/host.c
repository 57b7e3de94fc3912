/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - the smallest host: gives a module one C function and calls it. hello guest.wasm */
#include <stdio.h>
#include <wasm_export.h>

static void say(wasm_exec_env_t env, const char *text) { (void)env, puts(text); }

int main(int argc, char **argv)
{
    static uint8_t wasm[65536];
    char error[128] = "";
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) return fprintf(stderr, "usage: hello guest.wasm\n"), 2;
    uint32_t size = (uint32_t)fread(wasm, 1, sizeof wasm, file);
    fclose(file);

    /* "($)": one string. Its address is checked before say is called, which gets a pointer. */
    static NativeSymbol natives[] = {{"say", (void *)say, "($)", NULL}};
    if (!wasm_runtime_init() || !wasm_runtime_register_natives("env", natives, 1)) return 1;
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    if (!wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "hello"), 0, NULL))
        return fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst)), 1;
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
