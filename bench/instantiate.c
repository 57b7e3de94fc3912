/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* instantiate.c - what an instance costs: making and freeing one, and putting one back as it was new.
 *
 *   cc -O2 -Iinclude bench/instantiate.c build/libtern.a -lpthread -lm -o instantiate
 *   clang++-22 --target=wasm32-wasi -O2 -fno-exceptions bench/large.cpp -o large.wasm
 *   ./instantiate large.wasm
 *
 * Measures a module of a few functions, and each FILE.wasm; they must import nothing but WASI. Times are
 * of the processor, the best of several rounds. Nothing is asserted: the goals are printed beside the
 * numbers.
 */
#include "tern.h"
#include "wasm_export.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, COUNT = 1000 };

/*  (module
 *    (memory (export "memory") 1)
 *    (data (i32.const 1024) "tiny")
 *    (global (mut i32) (i32.const 7))
 *    (table 2 funcref)
 *    (elem (i32.const 0) $get)
 *    (func $get (export "get") (result i32) (i32.load (i32.const 1024)))
 *    (func (export "set") (param i32)
 *      (i32.store (i32.const 1024) (local.get 0)) (global.set 0 (local.get 0))))
 */
static uint8_t tiny[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x09, 0x02, 0x60, 0x00, 0x01, 0x7f, 0x60,
    0x01, 0x7f, 0x00, 0x03, 0x03, 0x02, 0x00, 0x01, 0x04, 0x04, 0x01, 0x70, 0x00, 0x02, 0x05, 0x03,
    0x01, 0x00, 0x01, 0x06, 0x06, 0x01, 0x7f, 0x01, 0x41, 0x07, 0x0b, 0x07, 0x16, 0x03, 0x06, 0x6d,
    0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x03, 0x67, 0x65, 0x74, 0x00, 0x00, 0x03, 0x73, 0x65,
    0x74, 0x00, 0x01, 0x09, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x01, 0x00, 0x0a, 0x19, 0x02, 0x08,
    0x00, 0x41, 0x80, 0x08, 0x28, 0x02, 0x00, 0x0b, 0x0e, 0x00, 0x41, 0x80, 0x08, 0x20, 0x00, 0x36,
    0x02, 0x00, 0x20, 0x00, 0x24, 0x00, 0x0b, 0x0b, 0x0b, 0x01, 0x00, 0x41, 0x80, 0x08, 0x0b, 0x04,
    0x74, 0x69, 0x6e, 0x79};

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void must(bool is_ok, const char *why)
{
    if (is_ok) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* The whole file. The caller frees it. */
static uint8_t *read_file(const char *path, uint32_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    must(file != NULL, path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    must(bytes != NULL && fread(bytes, 1, (size_t)size, file) == (size_t)size, path);
    fclose(file);
    *size_bytes = (uint32_t)size;
    return bytes;
}

static void print(const char *what, double us, double goal_us)
{
    printf("  %-44s %9.2f us", what, us);
    if (goal_us > 0) printf("   goal %.0f", goal_us);
    printf("\n");
}

/* --- the embedding API of wasm_export.h -------------------------------------------------------- */

static void instantiate(wasm_module_t module, uint32_t heap_bytes, bool is_called, double goal_us,
                        const char *what)
{
    char why[256] = "";
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_us();
        for (int i = 0; i < COUNT; i++) {
            wasm_module_inst_t inst =
                wasm_runtime_instantiate(module, 64 << 10, heap_bytes, why, sizeof why);
            must(inst != NULL, why);
            if (is_called) {
                wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 64 << 10);
                uint32_t cells[1] = {0};
                wasm_function_inst_t get = wasm_runtime_lookup_function(inst, "get");
                must(env != NULL && wasm_runtime_call_wasm(env, get, 0, cells), "get");
                wasm_runtime_destroy_exec_env(env);
            }
            wasm_runtime_deinstantiate(inst);
        }
        double us = (now_us() - start) / (double)COUNT;
        if (round == 0 || us < best) best = us;
    }
    print(what, best, goal_us);
}

static void bench_wamr(uint8_t *bytes, uint32_t size, bool is_tiny)
{
    char why[256] = "cannot start";
    must(wasm_runtime_init(), why);
    wasm_module_t module = wasm_runtime_load(bytes, size, why, sizeof why);
    must(module != NULL, why);
    instantiate(module, 0, false, is_tiny ? 5 : 15, "instantiate + deinstantiate");
    instantiate(module, 64 << 10, false, 0, "... with a guest heap of 64 KiB");
    if (is_tiny) instantiate(module, 0, true, 0, "... with an environment and a call");
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
}

/* --- the reset of tern.h ------------------------------------------------------------------------ */

static void reset(tern_instance *instance, bool is_called, double goal_us, const char *what)
{
    tern_error error = {0};
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_us();
        for (int i = 0; i < COUNT; i++) {
            tern_value value = {.kind = TERN_I32, .of.i32 = 5};
            if (is_called)
                must(tern_instance_call(instance, "set", &value, 1, NULL, 0, &error) == TERN_OK,
                     error.text);
            must(tern_instance_reset(instance, &error), error.text);
        }
        double us = (now_us() - start) / (double)COUNT;
        if (round == 0 || us < best) best = us;
    }
    print(what, best, goal_us);
}

static void bench_reset(const uint8_t *bytes, uint32_t size, bool is_tiny)
{
    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_module *module = engine != NULL ? tern_module_load(engine, bytes, size, &error) : NULL;
    must(module != NULL, error.text);
    /* The first instance of a module has no image. */
    tern_instance *first = tern_instance_create(module, NULL, &error);
    tern_instance *instance = tern_instance_create(module, NULL, &error);
    must(first != NULL && instance != NULL, error.text);
    reset(instance, false, 3, "reset of an instance that did nothing");
    if (is_tiny) reset(instance, true, 0, "call that writes a page, reset");
    tern_instance_destroy(first);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

static void bench(const char *name, uint8_t *bytes, uint32_t size, bool is_tiny)
{
    printf("%s, %u bytes\n", name, (unsigned)size);
    bench_wamr(bytes, size, is_tiny);
    bench_reset(bytes, size, is_tiny);
}

int main(int argc, char **argv)
{
    bench("tiny", tiny, sizeof tiny, true);
    for (int i = 1; i < argc; i++) {
        uint32_t size;
        uint8_t *bytes = read_file(argv[i], &size);
        bench(argv[i], bytes, size, false);
        free(bytes);
    }
    return 0;
}
