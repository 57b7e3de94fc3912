/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* calls.c - what crossing between host and guest costs, beside an indirect C call in the same run.
 *
 *   cc -O2 -Iinclude bench/calls.c build/libtern.a -lpthread -lm -o calls
 *
 * Uses wasm_export.h, and for some rows tern.h, which -DPLAIN leaves out: then it links against any library with
 * the former interface. Each row is the best
 * of several rounds that alternate between the rows; calls from the guest are net of the loop they
 * stand in. Nothing is asserted: the goals are printed beside the numbers.
 */
#include "wasm_export.h"
#ifndef PLAIN
#include "tern.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, CALLS = 200 * 1000 };

/*  (module
 *    (import "env" "add" (func $add (param i32 i32) (result i32)))
 *    (import "env" "raw" (func $raw (param i32 i32) (result i32)))
 *    (import "env" "buffer" (func $buffer (param i32 i32) (result i32)))
 *    (import "env" "text" (func $text (param i32) (result i32)))
 *    (memory 1)
 *    (data (i32.const 64) "hello\00")
 *    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
 *    (func (export "loop_empty") (param $n i32) (result i32) (local $sum i32)
 *      (loop $again
 *        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
 *        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
 *      (local.get $sum))
 *    ... loop_add, loop_raw: the same with a call in the place of i32.add;
 *        loop_buffer, loop_text: with (call $buffer (i32.const 64) (i32.const 5)), (call $text (i32.const 64))
 *        in the place of (local.get $n))
 */
static uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0c, 0x02, 0x60, 0x02, 0x7f, 0x7f, 0x01,
    0x7f, 0x60, 0x01, 0x7f, 0x01, 0x7f, 0x02, 0x2d, 0x04, 0x03, 0x65, 0x6e, 0x76, 0x03, 0x61, 0x64,
    0x64, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x03, 0x72, 0x61, 0x77, 0x00, 0x00, 0x03, 0x65, 0x6e,
    0x76, 0x06, 0x62, 0x75, 0x66, 0x66, 0x65, 0x72, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x04, 0x74,
    0x65, 0x78, 0x74, 0x00, 0x01, 0x03, 0x07, 0x06, 0x00, 0x01, 0x01, 0x01, 0x01, 0x01, 0x05, 0x03,
    0x01, 0x00, 0x01, 0x07, 0x44, 0x06, 0x03, 0x61, 0x64, 0x64, 0x00, 0x04, 0x0a, 0x6c, 0x6f, 0x6f,
    0x70, 0x5f, 0x65, 0x6d, 0x70, 0x74, 0x79, 0x00, 0x05, 0x08, 0x6c, 0x6f, 0x6f, 0x70, 0x5f, 0x61,
    0x64, 0x64, 0x00, 0x06, 0x08, 0x6c, 0x6f, 0x6f, 0x70, 0x5f, 0x72, 0x61, 0x77, 0x00, 0x07, 0x0b,
    0x6c, 0x6f, 0x6f, 0x70, 0x5f, 0x62, 0x75, 0x66, 0x66, 0x65, 0x72, 0x00, 0x08, 0x09, 0x6c, 0x6f,
    0x6f, 0x70, 0x5f, 0x74, 0x65, 0x78, 0x74, 0x00, 0x09, 0x0a, 0x95, 0x01, 0x06, 0x07, 0x00, 0x20,
    0x00, 0x20, 0x01, 0x6a, 0x0b, 0x19, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x01, 0x20, 0x00, 0x6a,
    0x21, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x01, 0x0b, 0x1a,
    0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x01, 0x20, 0x00, 0x10, 0x00, 0x21, 0x01, 0x20, 0x00, 0x41,
    0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x01, 0x0b, 0x1a, 0x01, 0x01, 0x7f, 0x03, 0x40,
    0x20, 0x01, 0x20, 0x00, 0x10, 0x01, 0x21, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d,
    0x00, 0x0b, 0x20, 0x01, 0x0b, 0x1e, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x01, 0x41, 0xc0, 0x00,
    0x41, 0x05, 0x10, 0x02, 0x6a, 0x21, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00,
    0x0b, 0x20, 0x01, 0x0b, 0x1c, 0x01, 0x01, 0x7f, 0x03, 0x40, 0x20, 0x01, 0x41, 0xc0, 0x00, 0x10,
    0x03, 0x6a, 0x21, 0x01, 0x20, 0x00, 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b, 0x20, 0x01,
    0x0b, 0x0b, 0x0d, 0x01, 0x00, 0x41, 0xc0, 0x00, 0x0b, 0x06, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may want the processor too */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* --- the host's functions --------------------------------------------------------------------- */

static int32_t native_add(wasm_exec_env_t env, int32_t a, int32_t b)
{
    (void)env;
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static void native_raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    args[0] = (uint32_t)args[0] + (uint32_t)args[1];
}

static int32_t native_buffer(wasm_exec_env_t env, const char *bytes, uint32_t size)
{
    (void)env;
    return bytes[size - 1];
}

static int32_t native_text(wasm_exec_env_t env, const char *text)
{
    (void)env;
    return text[0];
}

static NativeSymbol natives[] = {
    {"add", (void *)native_add, "(ii)i", NULL},
    {"buffer", (void *)native_buffer, "(*~)i", NULL},
    {"text", (void *)native_text, "($)i", NULL},
};
static NativeSymbol raw_natives[] = {{"raw", (void *)native_raw, "(ii)i", NULL}};

/* --- what is measured ------------------------------------------------------------------------- */

typedef struct Bench {
    wasm_module_inst_t inst;
    wasm_exec_env_t env;
    wasm_function_inst_t add, loops[5];
    uint64_t block;
    void *block_native;
#ifndef PLAIN
    tern_engine *engine;
    tern_instance *instance;
    tern_ref *func;
#endif
} Bench;

enum { LOOP_EMPTY, LOOP_ADD, LOOP_RAW, LOOP_BUFFER, LOOP_TEXT };
static const char *const loop_names[] = {"loop_empty", "loop_add", "loop_raw", "loop_buffer",
                                         "loop_text"};

static int32_t (*volatile indirect)(wasm_exec_env_t, int32_t, int32_t) = native_add;

static void must(bool is_ok, const Bench *b, const char *what)
{
    if (is_ok) return;
    const char *why = b->inst != NULL ? wasm_runtime_get_exception(b->inst) : NULL;
    fprintf(stderr, "%s: %s\n", what, why != NULL ? why : "failed");
    exit(1);
}

static void c_calls(Bench *b)
{
    uint32_t sum = 0;
    for (int i = 0; i < CALLS; i++) sum = (uint32_t)indirect(b->env, (int32_t)sum, i);
}

static void host_to_guest(Bench *b)
{
    uint32_t cells[2] = {0};
    for (uint32_t i = 0; i < CALLS; i++) {
        cells[1] = i;
        if (!wasm_runtime_call_wasm(b->env, b->add, 2, cells)) must(false, b, "add");
    }
}

static void run_loop(Bench *b, int which)
{
    uint32_t cells[1] = {CALLS};
    must(wasm_runtime_call_wasm(b->env, b->loops[which], 1, cells), b, loop_names[which]);
}

static void loop_empty(Bench *b) { run_loop(b, LOOP_EMPTY); }
static void loop_add(Bench *b) { run_loop(b, LOOP_ADD); }
static void loop_raw(Bench *b) { run_loop(b, LOOP_RAW); }
static void loop_buffer(Bench *b) { run_loop(b, LOOP_BUFFER); }
static void loop_text(Bench *b) { run_loop(b, LOOP_TEXT); }

static void malloc_free(Bench *b)
{
    for (int i = 0; i < CALLS; i++) {
        void *native;
        uint64_t block = wasm_runtime_module_malloc(b->inst, 64, &native);
        if (block == 0) must(false, b, "module_malloc");
        wasm_runtime_module_free(b->inst, block);
    }
}

static void c_malloc_free(Bench *b)
{
    (void)b;
    for (int i = 0; i < CALLS; i++) {
        void *p = malloc(64);
        __asm__ volatile("" : "+r"(p) : : "memory");
        free(p);
    }
}

static void to_native(Bench *b)
{
    uintptr_t sum = 0;
    for (int i = 0; i < CALLS; i++) sum += (uintptr_t)wasm_runtime_addr_app_to_native(b->inst, b->block);
    must(sum != 0, b, "addr_app_to_native");
}

static void to_app(Bench *b)
{
    uint64_t sum = 0;
    for (int i = 0; i < CALLS; i++) sum += wasm_runtime_addr_native_to_app(b->inst, b->block_native);
    must(sum != 0, b, "addr_native_to_app");
}

static void validate(Bench *b)
{
    bool is_ok = true;
    for (int i = 0; i < CALLS; i++) is_ok &= wasm_runtime_validate_app_addr(b->inst, b->block, 64);
    must(is_ok, b, "validate_app_addr");
}

#ifndef PLAIN
static void must_return(tern_status status, const char *what)
{
    if (status == TERN_OK) return;
    fprintf(stderr, "%s: failed\n", what);
    exit(1);
}

static void call_ref(Bench *b)
{
    tern_value args[2] = {{.kind = TERN_I32}, {.kind = TERN_I32}};
    for (uint32_t i = 0; i < CALLS; i++) {
        args[1].of.i32 = i;
        must_return(tern_ref_call(b->func, args, 2, &args[0], 1, NULL), "add");
    }
}

static void call_name(Bench *b)
{
    tern_value args[2] = {{.kind = TERN_I32}, {.kind = TERN_I32}};
    for (uint32_t i = 0; i < CALLS; i++) {
        args[1].of.i32 = i;
        must_return(tern_instance_call(b->instance, "add", args, 2, &args[0], 1, NULL), "add");
    }
}

static void call_timed(Bench *b)
{
    tern_error error;
    if (!tern_instance_set_timeout(b->instance, 1000000000, &error)) exit(1);
    call_ref(b);
    (void)tern_instance_set_timeout(b->instance, TERN_UNLIMITED, &error);
}

static void tern_loop(Bench *b)
{
    tern_value arg = {.kind = TERN_I32, .of.i32 = CALLS}, result;
    must_return(tern_instance_call(b->instance, "loop_add", &arg, 1, &result, 1, NULL), "loop_add");
}

static bool tern_add(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user;
    results[0].of.i32 = args[0].of.i32 + args[1].of.i32;
    return true;
}

static void open_tern(Bench *b)
{
    tern_error error = {0};
    b->engine = tern_engine_create();
    tern_linker *linker = tern_linker_create(b->engine);
    tern_module *module = tern_module_load(b->engine, wasm, sizeof wasm, &error);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    config.missing = TERN_MISSING_TRAP;
    tern_extern add;
    if (module == NULL ||
        !tern_linker_define_func(linker, "env", "add", "(param i32 i32) (result i32)", tern_add, NULL, &error) ||
        (b->instance = tern_instance_create(module, &config, &error)) == NULL ||
        !tern_instance_export(b->instance, "add", &add)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    b->func = add.of.func;
    tern_linker_destroy(linker);
    tern_module_unload(module);
}

static void close_tern(const Bench *b)
{
    tern_ref_release(b->func);
    tern_instance_destroy(b->instance);
    tern_engine_destroy(b->engine);
}
#endif

typedef struct Row {
    const char *name;
    void (*run)(Bench *b);
    bool is_in_loop; /* loop_empty is taken off */
    double goal_ns;  /* 0: none */
    double best_ns;
} Row;

static Row rows[] = {
    {"indirect C call", c_calls, false, 0, 0},
    {"guest loop alone", loop_empty, false, 0, 0},
    {"host to guest: add(i32, i32)", host_to_guest, false, 15, 0},
    {"guest to host: (ii)i", loop_add, true, 6, 0},
    {"guest to host: raw", loop_raw, true, 6, 0},
    {"guest to host: (*~)i", loop_buffer, true, 0, 0},
    {"guest to host: ($)i", loop_text, true, 0, 0},
    {"C malloc + free", c_malloc_free, false, 0, 0},
    {"module_malloc + module_free", malloc_free, false, 0, 0},
    {"addr_app_to_native", to_native, false, 0, 0},
    {"addr_native_to_app", to_app, false, 0, 0},
    {"validate_app_addr", validate, false, 0, 0},
#ifndef PLAIN
    {"tern.h: tern_ref_call", call_ref, false, 30, 0},
    {"tern.h: tern_instance_call", call_name, false, 0, 0},
    {"tern.h: tern_ref_call, timed", call_timed, false, 0, 0},
    {"tern.h: guest to host", tern_loop, true, 0, 0},
#endif
};
enum { NROWS = sizeof rows / sizeof rows[0] };

static void measure(Bench *b)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < NROWS; i++) {
            double start = now_ns();
            rows[i].run(b);
            double ns = (now_ns() - start) / (double)CALLS;
            if (round == 0 || ns < rows[i].best_ns) rows[i].best_ns = ns;
        }
    }
    double c = rows[0].best_ns, loop = rows[1].best_ns;
    printf("%-32s %9s %9s %6s\n", "", "ns", "C calls", "goal");
    for (int i = 0; i < NROWS; i++) {
        double ns = rows[i].best_ns - (rows[i].is_in_loop ? loop : 0);
        printf("%-32s %9.2f %9.1f", rows[i].name, ns, ns / c);
        if (rows[i].goal_ns > 0) printf(" %6.0f", rows[i].goal_ns);
        printf("\n");
    }
}

int main(void)
{
    char why[256] = "cannot start";
    if (!wasm_runtime_init() || !wasm_runtime_register_natives("env", natives, 3) ||
        !wasm_runtime_register_natives_raw("env", raw_natives, 1))
        return 1;
    wasm_module_t module = wasm_runtime_load(wasm, sizeof wasm, why, sizeof why);
    Bench b = {.inst = module != NULL
                           ? wasm_runtime_instantiate(module, 64 << 10, 64 << 10, why, sizeof why)
                           : NULL};
    if (b.inst == NULL) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    b.env = wasm_runtime_create_exec_env(b.inst, 64 << 10);
    b.add = wasm_runtime_lookup_function(b.inst, "add");
    for (int i = 0; i < 5; i++) b.loops[i] = wasm_runtime_lookup_function(b.inst, loop_names[i]);
    b.block = wasm_runtime_module_malloc(b.inst, 64, &b.block_native);
    must(b.env != NULL && b.block != 0, &b, "start");
#ifndef PLAIN
    open_tern(&b);
#endif
    measure(&b);
#ifndef PLAIN
    close_tern(&b);
#endif
    wasm_runtime_module_free(b.inst, b.block);
    wasm_runtime_destroy_exec_env(b.env);
    wasm_runtime_deinstantiate(b.inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return 0;
}
