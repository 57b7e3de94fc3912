/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* instance.c - what is around a snippet for tern.h that uses one instance: error, engine, module, instance.
 * HEAP: guest_heap_bytes. Imports that nobody gives trap. */
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <tern.h>

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
    if (wasm == NULL) return 2;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_module *module = engine != NULL ? tern_module_load(engine, wasm, wasm_size, &error) : NULL;
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error.text), 2;
    tern_config settings = TERN_CONFIG_DEFAULT;
    settings.missing = TERN_MISSING_TRAP;
    settings.guest_heap_bytes = HEAP;
    tern_instance *instance = tern_instance_create(module, &settings, &error);
    if (instance == NULL) return fprintf(stderr, "%s\n", error.text), 2;
    {
/* --- body --- */
    }
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return 0;
}
