/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - a buffer that two instances and the host see at once, without copying: wasm_export.h's shared heaps, which
 * tern.h does not have. shared_heap guest.wasm */
#include <wasm_export.h>

#include "../file.h"

static bool call(wasm_module_inst_t inst, const char *name, uint32_t n, uint32_t cells[])
{
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst);
    wasm_function_inst_t function = wasm_runtime_lookup_function(inst, name);
    if (env == NULL || function == NULL)
        return fprintf(stderr, "no %s, or no memory\n", name), false;
    if (wasm_runtime_call_wasm(env, function, n, cells)) return true;
    return fprintf(stderr, "%s: %s\n", name, wasm_runtime_get_exception(inst)), false;
}

/* Fills a buffer through one instance and adds it up through the other. The exit status. */
static int exchange(wasm_module_inst_t writer, wasm_module_inst_t reader)
{
    SharedHeapInitArgs args = {.size = 1024 * 1024};
    wasm_shared_heap_t heap = wasm_runtime_create_shared_heap(&args);
    if (heap == NULL) return fprintf(stderr, "no shared heap\n"), 1;
    if (!wasm_runtime_attach_shared_heap(writer, heap) ||
        !wasm_runtime_attach_shared_heap(reader, heap)) {
        printf("shared heaps need memories that the machine checks, which are not to be had\n");
        return 77; /* what tests take for "skipped" */
    }

    /* Allocated through either, it has one address for all: at the top of their 4 GiB. */
    enum { N = 1000 };
    int32_t *native;
    uint64_t at = wasm_runtime_shared_heap_malloc(writer, N * sizeof *native, (void **)&native);
    if (at == 0) return fprintf(stderr, "no room\n"), 1;
    uint32_t cells[3] = {(uint32_t)at, N, 3};
    if (!call(writer, "fill", 3, cells)) return 1;
    printf("the host sees what the writer wrote: %d %d ... %d\n", native[1], native[2],
           native[N - 1]);
    native[0] = 1000000;
    cells[0] = (uint32_t)at, cells[1] = N;
    if (!call(reader, "sum", 2, cells)) return 1;
    printf("the reader adds both: %u\n", cells[0]);
    wasm_runtime_shared_heap_free(writer, at);

    wasm_runtime_detach_shared_heap(reader);
    cells[0] = (uint32_t)at, cells[1] = N;
    if (call(reader, "sum", 2, cells)) return 1;
    printf("detached, the address is outside of its memory\n");
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL || !wasm_runtime_init()) return 1;
    char error[256] = "";
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_module_inst_t writer = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    wasm_module_inst_t reader = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (writer == NULL || reader == NULL) return fprintf(stderr, "%s\n", error), 1;

    int status = exchange(writer, reader);
    wasm_runtime_deinstantiate(reader); /* which detaches */
    wasm_runtime_deinstantiate(writer);
    wasm_runtime_unload(module);
    wasm_runtime_destroy(); /* the heap goes with it */
    return status;
}
