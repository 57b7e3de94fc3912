/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads that a host spawns from an instance share its memory and nothing else. */
#include "guest.h"

static int setup(void **state)
{
    (void)state;
    if (!wasm_runtime_init()) return -1;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    wasm_runtime_set_max_thread_num(4);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wasm_runtime_destroy();
    return 0;
}

/* False if it trapped. */
static bool call(wasm_exec_env_t env, const char *name, uint32_t argc, uint32_t *cells)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    return wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, name), argc, cells);
}

static uint32_t call1(wasm_exec_env_t env, const char *name, uint32_t arg)
{
    uint32_t cells[2] = {arg};
    assert_true(call(env, name, strcmp(name, "sp") != 0, cells));
    return cells[0];
}

static void a_thread_has_the_memory_and_a_stack_of_its_own(void **state)
{
    (void)state;
    Guest guest = guest_open("threads", 0);
    int custom;
    wasm_runtime_set_custom_data(guest.inst, &custom);
    call(guest.env, "set", 2, (uint32_t[2]){100, 12345});

    wasm_exec_env_t a = wasm_runtime_spawn_exec_env(guest.env);
    wasm_exec_env_t b = wasm_runtime_spawn_exec_env(a);
    assert_non_null(a);
    assert_non_null(b);
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(a);
    assert_ptr_not_equal(inst, guest.inst);
    assert_ptr_equal(wasm_runtime_get_custom_data(inst), &custom);
    assert_int_equal(call1(a, "get", 100), 12345); /* the segment was written once */
    assert_int_equal(call1(b, "get", 16), 3);      /* the start function ran three times */
    call(b, "set", 2, (uint32_t[2]){200, 6});
    assert_int_equal(call1(guest.env, "get", 200), 6);

    uint32_t piece = (65536 - 1024) / 5 / 16 * 16;
    assert_int_equal(call1(guest.env, "sp", 0), 65536);
    assert_int_equal(call1(a, "sp", 0), 65536 - piece);
    assert_int_equal(call1(b, "sp", 0), 65536 - 2 * piece);

    uint32_t cells[1] = {3};
    assert_false(call(a, "get", 1, cells));
    assert_string_equal(wasm_runtime_get_exception(inst), "Exception: unaligned atomic");
    assert_null(wasm_runtime_get_exception(guest.inst));
    wasm_runtime_destroy_spawned_exec_env(a);
    wasm_runtime_destroy_spawned_exec_env(b);
    guest_close(&guest);
}

static void there_are_as_many_threads_as_was_said(void **state)
{
    (void)state;
    Guest guest = guest_open("threads", 0);
    wasm_runtime_set_max_thread_num(2);
    wasm_exec_env_t a = wasm_runtime_spawn_exec_env(guest.env);
    wasm_exec_env_t b = wasm_runtime_spawn_exec_env(guest.env);
    uint32_t sp = call1(a, "sp", 0);
    assert_null(wasm_runtime_spawn_exec_env(guest.env));
    wasm_runtime_destroy_spawned_exec_env(a);
    a = wasm_runtime_spawn_exec_env(guest.env);
    assert_non_null(a);
    assert_int_equal(call1(a, "sp", 0), sp);
    wasm_runtime_destroy_spawned_exec_env(b);
    wasm_runtime_destroy_spawned_exec_env(a);
    guest_close(&guest);
}

static void *add(wasm_exec_env_t env, void *arg)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t block = wasm_runtime_module_malloc(inst, 16 + i % 7 * 24, NULL);
        if (block == 0) return NULL;
        wasm_runtime_module_free(inst, block);
    }
    return call(env, "add", 2, (uint32_t[2]){32, 50000}) ? arg : NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    Guest guest = guest_open("threads", 8192);
    wasm_thread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(wasm_runtime_spawn_thread(guest.env, &threads[i], add, (void *)(i + 1)), 0);
    for (uintptr_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(wasm_runtime_join_thread(threads[i], &result), 0);
        assert_ptr_equal(result, (void *)(i + 1));
    }
    assert_int_equal(call1(guest.env, "get", 32), 200000);
    guest_close(&guest);
}

static void *sleep_forever(wasm_exec_env_t env, void *arg)
{
    uint32_t cells[1] = {64};
    bool is_woken = call(env, "wait", 1, cells);
    const char *exception = wasm_runtime_get_exception(wasm_runtime_get_module_inst(env));
    return !is_woken && strcmp(exception, "Exception: terminated by user") == 0 ? arg : NULL;
}

static void terminating_reaches_threads_that_sleep(void **state)
{
    (void)state;
    Guest guest = guest_open("threads", 0);
    wasm_thread_t threads[2];
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(wasm_runtime_spawn_thread(guest.env, &threads[i], sleep_forever, &guest), 0);
    wasm_runtime_terminate(guest.inst);
    for (uint32_t i = 0; i < 2; i++) {
        void *result = NULL;
        assert_int_equal(wasm_runtime_join_thread(threads[i], &result), 0);
        assert_ptr_equal(result, &guest);
    }
    guest_close(&guest);
}

static void an_unshared_memory_is_not_shared(void **state)
{
    (void)state;
    Guest guest = guest_open("exchange", 0);
    wasm_exec_env_t thread = wasm_runtime_spawn_exec_env(guest.env);
    assert_non_null(thread);
    assert_ptr_not_equal(
        wasm_runtime_get_default_memory(guest.inst),
        wasm_runtime_get_default_memory(wasm_runtime_get_module_inst(thread)));
    wasm_runtime_destroy_spawned_exec_env(thread);
    guest_close(&guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_thread_has_the_memory_and_a_stack_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(there_are_as_many_threads_as_was_said, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_count_together, setup, teardown),
        cmocka_unit_test_setup_teardown(terminating_reaches_threads_that_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unshared_memory_is_not_shared, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
