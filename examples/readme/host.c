/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - the host of README.md, line for line: test/docs/readme_test.sh compares. readme guest.wasm */
#include <stdio.h>
#include <wasm_export.h>

int main(int argc, char **argv)
{
    static uint8_t wasm[1 << 20]; /* a larger module is cut off, and refused */
    char error[128], text[] = "bytes for the guest";
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL || !wasm_runtime_init()) return fprintf(stderr, "usage: host guest.wasm\n"), 2;
    uint32_t size = (uint32_t)fread(wasm, 1, sizeof wasm, file);
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 16384, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst); /* goes with the instance */
    wasm_function_inst_t upper = wasm_runtime_lookup_function(inst, "upper");
    uint64_t copy = wasm_runtime_module_dup_data(inst, text, sizeof text); /* a guest address */
    uint32_t cells[1] = {(uint32_t)copy}; /* in: where the text is; out: its length */
    if (env == NULL || upper == NULL || copy == 0) return fprintf(stderr, "no upper, or no room\n"), 1;
    if (!wasm_runtime_call_wasm(env, upper, 1, cells))
        fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst));
    else if (wasm_runtime_validate_app_str_addr(inst, copy)) /* still a string? the guest decides */
        printf("%u: %s\n", cells[0], (char *)wasm_runtime_addr_app_to_native(inst, copy));
    wasm_runtime_deinstantiate(inst); /* what it was given goes too */
    wasm_runtime_unload(module);
    return wasm_runtime_destroy(), fclose(file);
}
