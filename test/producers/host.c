/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - runs the producers' modules that need more of a host than the command line is: a module's own
 * allocator, several threads in one memory.
 *
 *   host inventory FILE   AssemblyScript strings and arrays, allocated with the module's __new and __pin
 *   host threads FILE     four threads in one shared memory
 *
 * Prints what happened; the test compares. Exit code 1: a call failed that should not have. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_export.h>

static wasm_module_inst_t instance;
static wasm_exec_env_t main_env;

static void die(const char *what)
{
    const char *why = instance == NULL ? NULL : wasm_runtime_get_exception(instance);
    printf("%s: %s\n", what, why == NULL ? "" : why);
    exit(1);
}

/* Calls an export with argc cells of 32 bits; results replace them. False: it trapped. */
static bool call(wasm_exec_env_t env, const char *name, uint32_t argc, uint32_t *argv)
{
    wasm_function_inst_t function = wasm_runtime_lookup_function(instance, name);
    if (function == NULL) die(name);
    return wasm_runtime_call_wasm(env, function, argc, argv);
}

static uint32_t put_cells(uint32_t *cells, double value)
{
    memcpy(cells, &value, sizeof value);
    return sizeof value / sizeof *cells;
}

/* --- AssemblyScript ---------------------------------------------------------------------------------- */

/* AssemblyScript's abort(message, file, line, column): strings are UTF-16 with their size before them. */
static void abort_called(wasm_exec_env_t env, uint32_t message, uint32_t file, uint32_t line, uint32_t column)
{
    (void)file, (void)column;
    uint32_t size;
    const char *at = wasm_runtime_addr_app_to_native(instance, message);
    memcpy(&size, at - 4, sizeof size);
    printf("abort: ");
    for (uint32_t i = 0; i < size; i += 2) putchar(at[i]);
    printf(" (line %u)\n", line);
    wasm_runtime_set_exception(wasm_runtime_get_module_inst(env), "aborted");
}

/* A string as the module wants it: a block of its allocator, whose header says that it is a string. The
 * API's allocation makes a buffer (class 0); the class is the header's word at -8. */
static uint32_t new_string(const char *text)
{
    size_t length = strlen(text);
    void *native;
    uint64_t at = wasm_runtime_module_malloc(instance, length * 2, &native);
    if (at == 0) die("module_malloc");
    for (size_t i = 0; i < length; i++) memcpy((char *)native + 2 * i, (uint16_t[]){(uint8_t)text[i]}, 2);
    memcpy((char *)native - 8, (uint32_t[]){2}, 4);
    return (uint32_t)at;
}

static void run_inventory(void)
{
    const char *names[] = {"Anvil", "bolt", "CROWBAR", "anvil", "Dynamite"};
    for (int i = 0; i < 5; i++) {
        uint32_t name = new_string(names[i]), argv[3] = {name};
        uint32_t argc = 1 + put_cells(argv + 1, i == 2 ? -7.5 : i * 1.25);
        if (!call(main_env, "add", argc, argv)) die("add");
        printf("add %s: %u\n", names[i], argv[0]);
        wasm_runtime_module_free(instance, name);
    }
    uint32_t argv[2] = {2000};
    if (!call(main_env, "churn", 1, argv)) die("churn");
    printf("churn: %u\n", argv[0]);
    if (!call(main_env, "__collect", 0, argv)) die("__collect");
    if (!call(main_env, "report", 0, argv)) die("report");
    const char *text = wasm_runtime_addr_app_to_native(instance, argv[0]);
    uint32_t size;
    memcpy(&size, text - 4, sizeof size);
    printf("report: ");
    for (uint32_t i = 0; i < size; i += 2) putchar(text[i]);
    putchar('\n');
    for (uint32_t round = 0; round < 1000; round++) {
        void *native;
        uint64_t block = wasm_runtime_module_malloc(instance, 4096, &native);
        if (block == 0) die("module_malloc");
        memset(native, 0xee, 4096);
        wasm_runtime_module_free(instance, block);
    }
    argv[0] = 1;
    printf("element 1: %s\n", call(main_env, "fail", 1, argv) && argv[0] == 2 ? "2" : "wrong");
    argv[0] = 3;
    bool failed = !call(main_env, "fail", 1, argv);
    printf("element 3: %s\n", failed ? wasm_runtime_get_exception(instance) : "no exception");
}

/* --- threads ------------------------------------------------------------------------------------------ */

enum { NTHREADS = 4, ROUNDS = 5000 };

static void *worker(void *arg)
{
    if (!wasm_runtime_init_thread_env()) die("init_thread_env");
    wasm_exec_env_t env = wasm_runtime_create_exec_env(instance, 65536);
    if (env == NULL) die("create_exec_env");
    uint32_t argv[3] = {*(uint32_t *)arg, NTHREADS, ROUNDS};
    if (!call(env, "work", 3, argv)) die("work");
    *(uint32_t *)arg = argv[0] + 100;
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_destroy_thread_env();
    return NULL;
}

static uint64_t get64(const char *name, uint32_t arg, uint32_t argc)
{
    uint32_t argv[2] = {arg};
    uint64_t value;
    if (!call(main_env, name, argc, argv)) die(name);
    memcpy(&value, argv, sizeof value);
    return value;
}

static void run_threads(void)
{
    pthread_t threads[NTHREADS];
    uint32_t ids[NTHREADS];
    for (uint32_t i = 0; i < NTHREADS; i++) {
        ids[i] = i;
        if (pthread_create(&threads[i], NULL, worker, &ids[i]) != 0) die("pthread_create");
    }
    for (uint32_t i = 0; i < NTHREADS; i++) pthread_join(threads[i], NULL);
    printf("returned %u %u %u %u\n", ids[0], ids[1], ids[2], ids[3]);
    printf("counter %llu\n", (unsigned long long)get64("counted", 0, 0));
    uint64_t wanted = 0;
    for (int i = 0; i < NTHREADS * ROUNDS; i++) wanted = wanted * 5 + 1;
    printf("guarded %llu, %s\n", (unsigned long long)get64("guarded", 0, 1),
           get64("guarded", 1, 1) == wanted ? "as in one thread" : "wrong");
    uint32_t argv[2];
    if (!call(main_env, "turns", 0, argv)) die("turns");
    printf("turns %u\n", argv[0]);
    if (!call(main_env, "timeout", 0, argv)) die("timeout");
    printf("a wait for nothing: %u\n", argv[0]);
}

int main(int argc, char **argv)
{
    static uint8_t wasm[200000];
    FILE *file = argc == 3 ? fopen(argv[2], "rb") : NULL;
    if (file == NULL) return fprintf(stderr, "usage: host inventory|threads FILE\n"), 2;
    uint32_t size = (uint32_t)fread(wasm, 1, sizeof wasm, file);
    fclose(file);

    char error[128];
    static NativeSymbol env_symbols[] = {{"abort", (void *)abort_called, "(iiii)", NULL}};
    if (!wasm_runtime_init() || !wasm_runtime_register_natives("env", env_symbols, 1)) die("init");
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    if (module == NULL) return printf("load: %s\n", error), 1;
    instance = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (instance == NULL) return printf("instantiate: %s\n", error), 1;
    main_env = wasm_runtime_create_exec_env(instance, 65536);
    if (main_env == NULL) die("create_exec_env");
    if (strcmp(argv[1], "inventory") == 0) run_inventory();
    else if (strcmp(argv[1], "threads") == 0) run_threads();
    wasm_runtime_destroy_exec_env(main_env);
    wasm_runtime_deinstantiate(instance);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
