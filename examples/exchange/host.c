/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - give a module a buffer, let it work on it in place, read the result */
#include <string.h>
#include <wasm_export.h>

#include "../file.h"

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL) return 2;

    char error[128] = "";
    if (!wasm_runtime_init()) return fprintf(stderr, "no memory\n"), 1;
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    /* 64 KiB of stack; 16 KiB or more inside the guest's memory for the host to allocate from. */
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 16384, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_function_inst_t scale = wasm_runtime_lookup_function(inst, "scale");
    if (env == NULL || scale == NULL) return fprintf(stderr, "no scale, or no memory\n"), 1;

    /* A block that both sides see: the guest by its offset, the host by a pointer. */
    const float input[5] = {1, 2, 3, 4, 5};
    float *native;
    uint64_t offset = wasm_runtime_module_malloc(inst, sizeof input, (void **)&native);
    if (offset == 0) return fprintf(stderr, "no room\n"), 1;
    memcpy(native, input, sizeof input);
    printf("allocated %zu bytes at guest offset %u\n", sizeof input, (unsigned)offset);

    wasm_val_t sum;
    if (!wasm_runtime_call_wasm_v(env, scale, 1, &sum, 3, (uint32_t)offset, 5, 10.0))
        return fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst)), 1;
    printf("scaled in place: %g %g %g %g %g, sum %g\n", native[0], native[1], native[2], native[3],
           native[4], sum.of.f32);

    void *there = wasm_runtime_addr_app_to_native(inst, offset);
    uint64_t back = wasm_runtime_addr_native_to_app(inst, there);
    bool same = there == native && back == offset;
    printf("offset to pointer and back: %s\n", same ? "the same" : "different");
    printf("20 bytes there: %s\n",
           wasm_runtime_validate_app_addr(inst, offset, 20) ? "inside memory" : "refused");
    if (!wasm_runtime_validate_app_addr(inst, offset, 1 << 30))
        printf("1 GiB there: refused, %s\n", wasm_runtime_get_exception(inst));
    wasm_runtime_clear_exception(inst);
    wasm_runtime_module_free(inst, offset);
    offset = wasm_runtime_module_malloc(inst, 1 << 20, (void **)&native);
    printf("1 MiB, more than the heap has: offset %d, pointer %s\n", (int)offset,
           native == NULL ? "NULL" : "set");

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
