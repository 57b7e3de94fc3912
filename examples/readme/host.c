/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - the host of README.md, line for line: test/docs/readme_test.sh compares. readme guest.wasm */
#include <stdio.h>
#include <wasm_export.h>

int main(int argc, char **argv)
{
    static uint8_t wasm[1 << 20];
    char error[128] = "";
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) return fprintf(stderr, "usage: host guest.wasm\n"), 2;
    if (!wasm_runtime_init()) return fprintf(stderr, "no memory\n"), 1;
    uint32_t size = (uint32_t)fread(wasm, 1, sizeof wasm, file);
    if (!feof(file)) return fprintf(stderr, "more than 1 MiB, or unreadable\n"), 2;
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    /* 64 KiB of stack; 16 KiB inside the guest's memory for the host to allocate from. */
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 16384, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_function_inst_t upper = wasm_runtime_lookup_function(inst, "upper");
    if (env == NULL || upper == NULL) return fprintf(stderr, "no upper, or no memory\n"), 1;

    const char text[] = "bytes for the guest";
    uint64_t copy = wasm_runtime_module_dup_data(inst, text, sizeof text); /* a guest address */
    if (copy == 0) return fprintf(stderr, "no room\n"), 1;
    uint32_t cells[1] = {(uint32_t)copy}; /* in: where the text is; out: its length */
    if (!wasm_runtime_call_wasm(env, upper, 1, cells))
        return fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst)), 1;
    if (wasm_runtime_validate_app_str_addr(inst, copy)) /* still a string? the guest decides */
        printf("%u: %s\n", cells[0], (char *)wasm_runtime_addr_app_to_native(inst, copy));
    wasm_runtime_module_free(inst, copy);

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return fclose(file);
}
