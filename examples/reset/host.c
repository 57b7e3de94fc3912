/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - one instance for many requests, each of which finds it as new: tern_instance_reset, or a snapshot taken
 * when the guest was ready. With tern.h; in wasm_export.h the way is a new instance for each. reset guest.wasm */
#include <tern.h>

#include "../file.h"

static bool handle(tern_instance *instance, const char *how)
{
    tern_error error;
    tern_value arg = {TERN_I32, {.i32 = 7}}, result;
    tern_status status = tern_instance_call(instance, "handle", &arg, 1, &result, 1, &error);
    if (status != TERN_OK)
        return fprintf(stderr, "%s\n", status == TERN_ERROR ? error.text : "trap"), false;
    tern_memory *memory = tern_instance_memory(instance, NULL);
    printf("%s: request %u, %s, answer %u, memory %u KiB\n", how, result.of.i32 / 1000,
           result.of.i32 / 100 % 10 ? "prepared" : "not prepared", result.of.i32 % 100,
           (unsigned)(tern_memory_size(memory) / 1024));
    return true;
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
    tern_instance *instance = tern_instance_create(module, NULL, &error);
    if (instance == NULL) return fprintf(stderr, "%s\n", error.text), 1;

    bool is_ok = handle(instance, "as it is") && handle(instance, "as it is");
    for (int i = 0; is_ok && i < 2; i++) {
        is_ok = tern_instance_reset(instance, &error) && handle(instance, "reset");
    }
    /* Ready once: what comes after starts there. */
    is_ok = is_ok && tern_instance_reset(instance, &error) &&
            tern_instance_call(instance, "prepare", NULL, 0, NULL, 0, &error) == TERN_OK;
    tern_snapshot *ready = is_ok ? tern_instance_snapshot(instance, &error) : NULL;
    if (ready == NULL) return fprintf(stderr, "%s\n", error.text), 1;
    for (int i = 0; is_ok && i < 2; i++)
        is_ok = handle(instance, "restored") && tern_instance_restore(instance, ready, &error);
    if (!is_ok) fprintf(stderr, "%s\n", error.text);

    tern_snapshot_destroy(ready);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return is_ok ? 0 : 1;
}
