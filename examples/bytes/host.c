/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - bytes in, bytes out, in one call: tern.h finds the guest's allocator, copies, checks and frees. What it
 * does is what examples/strings does by hand with wasm_export.h. bytes guest.wasm */
#include <string.h>
#include <tern.h>

#include "../file.h"

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

    const char *lines[] = {"login from 192.168.0.17 port 2222", "", "42"};
    tern_status status = TERN_OK;
    for (int i = 0; status == TERN_OK && i < 3; i++) {
        void *out;
        size_t out_size;
        status = tern_instance_call_bytes(instance, "redact", lines[i], strlen(lines[i]), &out,
                                          &out_size, &error);
        if (status != TERN_OK) break;
        printf("%zu bytes: %s\n", out_size, (const char *)out); /* a NUL stands behind them */
        tern_bytes_free(instance, out);
    }
    tern_trap trap;
    if (status == TERN_TRAPPED && tern_instance_trap(instance, &trap))
        fprintf(stderr, "trap: %s\n", trap.text);
    if (status == TERN_ERROR) fprintf(stderr, "%s\n", error.text);

    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return status == TERN_OK ? 0 : 1;
}
