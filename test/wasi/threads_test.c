/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* threads_test.c - programs/threads.wasm: threads that a guest starts itself, under both interfaces. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <tern.h>
#include <wasm_export.h>

static uint8_t guest[4096];
static uint32_t guest_bytes;

enum { COUNTS, TRAPS, EXITS, SPINS, WAITS, READS_OUTSIDE, SPAWNS_ANOTHER };

typedef struct Host {
    wasm_module_t module;
    wasm_module_inst_t inst;
    wasm_exec_env_t env;
} Host;

static int setup(void **state)
{
    FILE *file = fopen("test/wasi/programs/threads.wasm", "rb");
    if (file == NULL) return -1;
    guest_bytes = (uint32_t)fread(guest, 1, sizeof guest, file);
    fclose(file);
    Host *h = calloc(1, sizeof *h);
    char error[128];
    if (!wasm_runtime_init()) return -1;
    h->module = wasm_runtime_load(guest, guest_bytes, error, sizeof error);
    h->inst = wasm_runtime_instantiate(h->module, 65536, 0, error, sizeof error);
    h->env = wasm_runtime_create_exec_env(h->inst, 65536);
    *state = h;
    return h->env != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    Host *h = *state;
    wasm_runtime_destroy_exec_env(h->env);
    wasm_runtime_deinstantiate(h->inst);
    wasm_runtime_unload(h->module);
    wasm_runtime_set_max_thread_num(4);
    wasm_runtime_destroy();
    free(h);
    return 0;
}

/* The result, or the exception. */
static const char *call(Host *h, const char *name, uint32_t nargs, uint32_t arg, uint32_t *result)
{
    uint32_t cells[1] = {arg};
    wasm_function_inst_t func = wasm_runtime_lookup_function(h->inst, name);
    assert_non_null(func);
    if (!wasm_runtime_call_wasm(h->env, func, nargs, cells)) return wasm_runtime_get_exception(h->inst);
    if (result != NULL) *result = cells[0];
    return "";
}

static int32_t spawn(Host *h, uint32_t what)
{
    uint32_t tid = 0;
    assert_string_equal(call(h, "spawn", 1, what, &tid), "");
    return (int32_t)tid;
}

static uint32_t read_word(Host *h, uint32_t addr)
{
    uint32_t word = 0;
    assert_string_equal(call(h, "read", 1, addr, &word), "");
    return word;
}

static void threads_share_memory_and_nothing_else(void **state)
{
    Host *h = *state;
    assert_string_equal(call(h, "set_global", 1, 5, NULL), "");
    int32_t tids[3], all = 0;
    for (int i = 0; i < 3; i++) {
        tids[i] = spawn(h, COUNTS);
        assert_true(tids[i] > 0 && tids[i] <= 0x1fffffff);
        for (int k = 0; k < i; k++) assert_int_not_equal(tids[i], tids[k]);
        all |= tids[i];
    }
    assert_string_equal(call(h, "until", 1, 3, NULL), "");
    assert_int_equal(read_word(h, 0), 3);
    assert_int_equal(read_word(h, 4), all);
    assert_int_equal(read_word(h, 8), 0); /* a global is each instance's own */
}

static void threads_start_threads(void **state)
{
    Host *h = *state;
    assert_true(spawn(h, SPAWNS_ANOTHER) > 0);
    assert_string_equal(call(h, "until", 1, 2, NULL), "");
}

static void there_are_no_more_than_the_host_allows(void **state)
{
    Host *h = *state;
    wasm_runtime_set_max_thread_num(2);
    assert_true(spawn(h, WAITS) > 0);
    assert_true(spawn(h, SPINS) > 0);
    assert_true(spawn(h, COUNTS) < 0);
    assert_int_equal(read_word(h, 0), 0);
    wasm_runtime_set_max_thread_num(3);
    assert_true(spawn(h, COUNTS) > 0);
    assert_string_equal(call(h, "until", 1, 1, NULL), "");
    /* Two still run: they end with the instance. */
}

static void threads_that_ended_make_room(void **state)
{
    Host *h = *state;
    wasm_runtime_set_max_thread_num(1);
    for (uint32_t n = 0; n < 50;) {
        if (spawn(h, COUNTS) < 0) continue; /* the last has not quite returned */
        assert_string_equal(call(h, "until", 1, ++n, NULL), "");
    }
}

static void a_trap_in_a_thread_is_what_the_hosts_call_ends_with(void **state)
{
    Host *h = *state;
    assert_true(spawn(h, WAITS) > 0);
    assert_string_equal(call(h, "spawn_and_spin", 1, TRAPS, NULL), "Exception: unreachable");
    wasm_runtime_clear_exception(h->inst);
    assert_string_equal(call(h, "spawn_and_wait", 1, READS_OUTSIDE, NULL),
                        "Exception: out of bounds memory access");
    wasm_runtime_clear_exception(h->inst);
    assert_true(spawn(h, COUNTS) > 0); /* usable as before */
    assert_string_equal(call(h, "until", 1, 1, NULL), "");
}

static void a_thread_may_end_the_program(void **state)
{
    Host *h = *state;
    assert_string_equal(call(h, "spawn_and_wait", 1, EXITS, NULL), "Exception: wasi proc exit");
    assert_int_equal(wasm_runtime_get_wasi_exit_code(h->inst), 7);
}

static void the_program_ends_when_start_returns(void **state)
{
    Host *h = *state;
    assert_string_equal(call(h, "_start", 0, 0, NULL), "");
    wasm_runtime_set_max_thread_num(1);
    assert_true(spawn(h, COUNTS) > 0); /* the others are gone */
}

static void *terminate_soon(void *arg)
{
    nanosleep(&(struct timespec){0, 30000000}, NULL);
    wasm_runtime_terminate(arg);
    return NULL;
}

static void who_stops_the_program_stops_its_threads(void **state)
{
    Host *h = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, terminate_soon, h->inst), 0);
    assert_string_equal(call(h, "spawn_and_spin", 1, SPINS, NULL), "Exception: terminated by user");
    pthread_join(thread, NULL);
}

/* --- tern.h ----------------------------------------------------------------------------------------- */

static void tern_instances_have_threads_too(void **state)
{
    (void)state;
    tern_error error;
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_module_load(engine, guest, guest_bytes, &error);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.max_threads = 1;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) fail_msg("%s", error.text);
    tern_value what = {.kind = TERN_I32, .of.i32 = COUNTS}, tid;
    assert_int_equal(tern_instance_call(instance, "spawn", &what, 1, &tid, 1, &error), TERN_OK);
    assert_true((int32_t)tid.of.i32 > 0);
    what.of.i32 = 1;
    assert_int_equal(tern_instance_call(instance, "until", &what, 1, NULL, 0, &error), TERN_OK);
    do { /* until the first is quite gone */
        what.of.i32 = TRAPS;
        assert_int_equal(tern_instance_call(instance, "spawn", &what, 1, &tid, 1, &error), TERN_OK);
    } while ((int32_t)tid.of.i32 < 0);
    /* It may trap when no call is there to end: then the next one does. */
    tern_status status;
    tern_trap trap;
    what.of.i32 = 0;
    do status = tern_instance_call(instance, "read", &what, 1, &tid, 1, &error);
    while (status == TERN_OK);
    assert_int_equal(status, TERN_TRAPPED);
    assert_true(tern_instance_trap(instance, &trap));
    assert_string_equal(trap.code, "UNREACHABLE");
    assert_int_equal(trap.nframes, 1);

    what.of.i32 = EXITS;
    assert_int_equal(tern_instance_call(instance, "spawn_and_spin", &what, 1, NULL, 0, &error), TERN_EXITED);
    assert_int_equal(tern_instance_exit_code(instance), 7);
    assert_int_equal(tern_instance_run(instance, &error), TERN_OK);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

/* (module (import "env" "memory" (memory 1 100 shared)) (func (export "wasi_thread_start") (param i32 i32))
 *   (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))) */
static const uint8_t grows[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0b, 0x02, 0x60, 0x02, 0x7f, 0x7f, 0x00, 0x60, 0x01,
    0x7f, 0x01, 0x7f, 0x02, 0x10, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02,
    0x03, 0x01, 0x64, 0x03, 0x03, 0x02, 0x00, 0x01, 0x07, 0x1c, 0x02, 0x11, 0x77, 0x61, 0x73, 0x69, 0x5f, 0x74,
    0x68, 0x72, 0x65, 0x61, 0x64, 0x5f, 0x73, 0x74, 0x61, 0x72, 0x74, 0x00, 0x00, 0x04, 0x67, 0x72, 0x6f, 0x77,
    0x00, 0x01, 0x0a, 0x0b, 0x02, 0x02, 0x00, 0x0b, 0x06, 0x00, 0x20, 0x00, 0x40, 0x00, 0x0b};

static void the_memory_made_for_threads_is_bounded_like_any(void **state)
{
    (void)state;
    tern_error error;
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_module_load(engine, grows, sizeof grows, &error);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.max_memory_bytes = 3 * 65536;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) fail_msg("%s", error.text);
    tern_value pages = {.kind = TERN_I32, .of.i32 = 3}, result;
    assert_int_equal(tern_instance_call(instance, "grow", &pages, 1, &result, 1, &error), TERN_OK);
    assert_int_equal((int32_t)result.of.i32, -1);
    pages.of.i32 = 2;
    assert_int_equal(tern_instance_call(instance, "grow", &pages, 1, &result, 1, &error), TERN_OK);
    assert_int_equal(result.of.i32, 1);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

/* What the host calls when it learns of the trap is of another module. */
static void a_threads_frames_are_those_of_its_module(void **state)
{
    (void)state;
    tern_error error;
    tern_engine *engine = tern_engine_create();
    tern_store *store = tern_store_create(engine, NULL);
    tern_module *spawner = tern_module_load(engine, guest, guest_bytes, &error);
    tern_module *other = tern_module_load(engine, grows, sizeof grows, &error);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = store;
    tern_instance *instance = tern_instance_create(spawner, &config, &error);
    tern_instance *called = tern_instance_create(other, &config, &error);
    if (called == NULL) fail_msg("%s", error.text);
    tern_value arg = {.kind = TERN_I32, .of.i32 = TRAPS}, result;
    while (tern_instance_call(instance, "spawn", &arg, 1, &result, 1, &error) != TERN_OK) {} /* it was that quick */
    tern_status status;
    arg.of.i32 = 0;
    do status = tern_instance_call(called, "grow", &arg, 1, &result, 1, &error);
    while (status == TERN_OK);
    assert_int_equal(status, TERN_TRAPPED);
    tern_frame frame;
    assert_true(tern_instance_trap_frame(called, 0, &frame));
    static const char name[] = "wasi_thread_start";
    assert_int_equal(frame.name.size, sizeof name - 1);
    assert_memory_equal(frame.name.bytes, name, sizeof name - 1);
    tern_instance_destroy(called);
    tern_instance_destroy(instance);
    tern_module_unload(other);
    tern_module_unload(spawner);
    tern_store_destroy(store);
    tern_engine_destroy(engine);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(threads_share_memory_and_nothing_else),
        TEST(threads_start_threads),
        TEST(there_are_no_more_than_the_host_allows),
        TEST(threads_that_ended_make_room),
        TEST(a_trap_in_a_thread_is_what_the_hosts_call_ends_with),
        TEST(a_thread_may_end_the_program),
        TEST(the_program_ends_when_start_returns),
        TEST(who_stops_the_program_stops_its_threads),
        TEST(tern_instances_have_threads_too),
        cmocka_unit_test(the_memory_made_for_threads_is_bounded_like_any),
        cmocka_unit_test(a_threads_frames_are_those_of_its_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
