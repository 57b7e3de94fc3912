/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - bench/run's driver for tern: a small host of wasm_export.h.
 *
 *   host FILE.wasm N COUNT   one line a call of kernel(N): ms of processor time, checksum
 *
 * Loading and instantiating are not in the time. The first call lowers the functions it meets; the
 * caller takes the least of several.
 */
#include "wasm_export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The whole file, or NULL. The caller frees it. */
static uint8_t *read_file(const char *path, uint32_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    uint8_t *bytes = NULL;
    long size;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) > 0 && size < INT32_MAX &&
        (bytes = malloc((size_t)size)) != NULL) {
        rewind(file);
        *size_bytes = (uint32_t)size;
        if (fread(bytes, 1, (size_t)size, file) != (size_t)size) {
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(file);
    return bytes;
}

static bool run(wasm_module_inst_t instance, uint32_t n, int count)
{
    wasm_function_inst_t kernel = wasm_runtime_lookup_function(instance, "kernel");
    if (kernel == NULL) {
        fputs("no function named kernel\n", stderr);
        return false;
    }
    wasm_exec_env_t env = wasm_runtime_create_exec_env(instance, 1 << 20);
    if (env == NULL) return false;
    bool is_ok = true;
    for (; is_ok && count > 0; count--) {
        uint32_t cells[1] = {n};
        double start = cpu_ms();
        is_ok = wasm_runtime_call_wasm(env, kernel, 1, cells);
        double ms = cpu_ms() - start;
        if (is_ok)
            printf("%.4f %" PRIu32 "\n", ms, cells[0]);
        else
            fprintf(stderr, "%s\n", wasm_runtime_get_exception(instance));
    }
    wasm_runtime_destroy_exec_env(env);
    return is_ok;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: host FILE.wasm N COUNT\n", stderr);
        return 2;
    }
    uint32_t size = 0;
    uint8_t *bytes = read_file(argv[1], &size);
    if (bytes == NULL || !wasm_runtime_init()) {
        fprintf(stderr, "cannot read %s, or start\n", argv[1]);
        free(bytes);
        return 2;
    }
    char why[256] = "";
    bool is_ok = false;
    wasm_module_t module = wasm_runtime_load(bytes, size, why, sizeof why);
    if (module != NULL) {
        wasm_module_inst_t instance = wasm_runtime_instantiate(module, 1 << 20, 0, why, sizeof why);
        if (instance != NULL) {
            is_ok = run(instance, (uint32_t)strtoul(argv[2], NULL, 10), atoi(argv[3]));
            wasm_runtime_deinstantiate(instance);
        }
        wasm_runtime_unload(module);
    }
    if (why[0] != '\0') fprintf(stderr, "%s\n", why);
    wasm_runtime_destroy();
    free(bytes);
    return is_ok ? 0 : 1;
}
