/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* environments_test.c - execution environments, the native stack below them, and threads of the host: what of
 * sections 1.2.7 and 1.2.9 of the compatible API is no call. */
#include "guest.h"

#include <pthread.h>

static void an_instance_has_one_environment_of_its_own(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0), h = guest_open("calls", 0);
    wasm_exec_env_t own = wasm_runtime_get_exec_env_singleton(g.inst);
    assert_non_null(own);
    assert_ptr_equal(wasm_runtime_get_exec_env_singleton(g.inst), own);
    assert_ptr_not_equal(own, g.env);
    assert_ptr_not_equal(own, wasm_runtime_get_exec_env_singleton(h.inst));
    uint32_t cells[2] = {3, 4};
    assert_true(wasm_runtime_call_wasm(own, wasm_runtime_lookup_function(g.inst, "add"), 2, cells));
    assert_int_equal(cells[0], 7);
    wasm_runtime_destroy_exec_env(NULL);
    guest_close(&h);
    guest_close(&g);
}

static void user_data_is_the_environments(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    wasm_exec_env_t other = wasm_runtime_create_exec_env(g.inst, 8192);
    assert_null(wasm_runtime_get_user_data(g.env));
    wasm_runtime_set_user_data(g.env, &g);
    assert_ptr_equal(wasm_runtime_get_user_data(g.env), &g);
    assert_null(wasm_runtime_get_user_data(other));
    assert_null(wasm_runtime_get_function_attachment(g.env));
    wasm_runtime_destroy_exec_env(other);
    guest_close(&g);
}

static void a_stack_that_cannot_be_had_is_NULL(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    assert_null(wasm_runtime_create_exec_env(g.inst, UINT32_MAX));
    guest_close(&g);
}

static uint8_t *below(uint8_t *here, uintptr_t bytes) { return (uint8_t *)((uintptr_t)here - bytes); }

static void native_stack_is_looked_at_before_it_is_used(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    assert_true(wasm_runtime_detect_native_stack_overflow(g.env));
    assert_true(wasm_runtime_detect_native_stack_overflow_size(g.env, 4096));
    assert_null(wasm_runtime_get_exception(g.inst));
    assert_false(wasm_runtime_detect_native_stack_overflow_size(g.env, UINT32_MAX));
    guest_expect_exception(&g, "Exception: native stack overflow");

    uint8_t *here = __builtin_frame_address(0);
    wasm_runtime_set_native_stack_boundary(g.env, below(here, 1024));
    assert_false(wasm_runtime_detect_native_stack_overflow(g.env));
    guest_expect_exception(&g, "Exception: native stack overflow");
    assert_false(guest_call(&g, "nop", 0, NULL));
    guest_expect_exception(&g, "Exception: native stack overflow");
    wasm_runtime_set_native_stack_boundary(g.env, below(here, 100000));
    assert_true(wasm_runtime_detect_native_stack_overflow(g.env));
    assert_true(guest_call(&g, "nop", 0, NULL));
    wasm_runtime_set_native_stack_boundary(g.env, NULL);
    assert_true(wasm_runtime_detect_native_stack_overflow(g.env));
    assert_true(guest_call(&g, "nop", 0, NULL));
    guest_close(&g);
}

static void no_debugger_gives_port_0(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    uint32_t port = wasm_runtime_start_debug_instance_with_port(g.env, -1);
    assert_true(port == 0 || port > 1023);
    if (port == 0) assert_int_equal(wasm_runtime_start_debug_instance(g.env), 0);
    guest_close(&g);
}

static void limits_on_instructions_can_be_set_and_lifted(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    wasm_runtime_set_instruction_count_limit(g.env, 1000000);
    assert_true(guest_call(&g, "nop", 0, NULL));
    wasm_runtime_set_instruction_count_limit(g.env, -1);
    assert_true(guest_call(&g, "nop", 0, NULL));
    guest_close(&g);
}

static void *call_from_here(void *arg)
{
    Guest *g = arg;
    bool ok = wasm_runtime_init_thread_env() && wasm_runtime_thread_env_inited();
    ok = ok && wasm_runtime_init_thread_env(); /* again */
    uint32_t cells[2] = {65532};
    ok = ok && guest_call(g, "load", 1, cells);
    cells[0] = 65536;
    ok = ok && !guest_call(g, "load", 1, cells); /* faults are caught on this thread, too */
    wasm_runtime_destroy_thread_env();
    return ok ? arg : NULL;
}

static void *call_unprepared(void *arg)
{
    Guest *g = arg;
    uint32_t cells[2] = {65536};
    bool ok = !guest_call(g, "load", 1, cells);
    wasm_runtime_clear_exception(g->inst);
    cells[0] = 1, cells[1] = 2;
    return ok && guest_call(g, "add", 2, cells) && cells[0] == 3 ? arg : NULL;
}

static void threads_of_the_host_run_guests(void **state)
{
    (void)state;
    void *(*const bodies[])(void *) = {call_from_here, call_unprepared};
    for (int i = 0; i < 2; i++) {
        Guest g = guest_open("calls", 0);
        pthread_t thread;
        void *result = NULL;
        assert_int_equal(pthread_create(&thread, NULL, bodies[i], &g), 0);
        pthread_join(thread, &result);
        assert_ptr_equal(result, &g);
        guest_close(&g);
    }
    assert_true(wasm_runtime_thread_env_inited());
}

static void the_greatest_number_of_threads_is_not_0(void **state)
{
    (void)state;
    Guest g = guest_open("threads", 0);
    wasm_runtime_set_max_thread_num(1);
    wasm_runtime_set_max_thread_num(0); /* changes nothing */
    wasm_exec_env_t one = wasm_runtime_spawn_exec_env(g.env);
    assert_non_null(one);
    assert_null(wasm_runtime_spawn_exec_env(g.env));
    wasm_runtime_destroy_spawned_exec_env(one);
    wasm_runtime_set_max_thread_num(4);
    guest_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(an_instance_has_one_environment_of_its_own),
        RUNTIME_TEST(user_data_is_the_environments),
        RUNTIME_TEST(a_stack_that_cannot_be_had_is_NULL),
        RUNTIME_TEST(native_stack_is_looked_at_before_it_is_used),
        RUNTIME_TEST(no_debugger_gives_port_0),
        RUNTIME_TEST(limits_on_instructions_can_be_set_and_lifted),
        RUNTIME_TEST(threads_of_the_host_run_guests),
        RUNTIME_TEST(the_greatest_number_of_threads_is_not_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
