/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* borders_test.c - between host and guest, instance and instance, coroutine and coroutine: what must not cross,
 * and what must arrive. */
#include "guest.h"

#include <ucontext.h>

static int32_t add(wasm_exec_env_t env, int32_t a, int32_t b)
{
    (void)env;
    return a + b;
}

/* The length, or what a coroutine test wants done while the guest is in here. */
static void (*during)(void);
static int32_t length(wasm_exec_env_t env, const char *text)
{
    (void)env;
    if (during != NULL) during();
    return (int32_t)strlen(text);
}

static void add_raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    args[0] += args[1];
}

/* Leaves the second slot as it was. */
static void next_raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    args[0] = (args[0] + 1) | 0xffffffff00000000;
}

static NativeSymbol unsigned_add[] = {{"add", (void *)add, NULL, NULL}};
static NativeSymbol raw_add[] = {{"add", (void *)add_raw, "(ii)i", NULL}};
static NativeSymbol raw_next[] = {{"next", (void *)next_raw, "(iI)i", NULL}};
static NativeSymbol lengths[] = {{"length", (void *)length, "($)i", NULL}};

static int set_up(void **state)
{
    (void)state;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    return wasm_runtime_init() && wasm_runtime_register_natives("host", lengths, 1) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    during = NULL;
    wasm_runtime_destroy();
    return 0;
}

/* The import says that add gives a function reference. It would be a pointer of the guest's choice. */
static void a_hosts_number_is_no_reference(void **state)
{
    (void)state;
    for (int is_raw = 0; is_raw < 2; is_raw++) {
        NativeSymbol *symbols = is_raw ? raw_add : unsigned_add;
        assert_true(is_raw ? wasm_runtime_register_natives_raw("host", symbols, 1)
                           : wasm_runtime_register_natives("host", symbols, 1));
        Guest guest = guest_open("borders", 0);
        uint32_t cells[2] = {0x4141, 0x4141};
        assert_false(guest_call(&guest, "forge", 2, cells));
        assert_non_null(strstr(wasm_runtime_get_exception(guest.inst), "failed to call unlinked import function"));
        guest_close(&guest);
        assert_true(wasm_runtime_unregister_natives("host", symbols));
    }
}

static void a_host_function_called_by_the_host_has_the_instances_memory(void **state)
{
    (void)state;
    Guest guest = guest_open("borders", 0);
    uint32_t cells[1] = {16};
    assert_true(guest_call(&guest, "length", 1, cells));
    assert_int_equal(cells[0], 4);
    cells[0] = 16;
    assert_true(wasm_runtime_call_indirect(guest.env, 0, 1, cells));
    assert_int_equal(cells[0], 4);
    cells[0] = 65536;
    assert_false(guest_call(&guest, "length", 1, cells));
    assert_string_equal(wasm_runtime_get_exception(guest.inst), "Exception: out of bounds memory access");
    guest_close(&guest);
}

static void an_environment_turned_to_another_instance_runs_that_one(void **state)
{
    (void)state;
    Guest a = guest_open("borders", 0), b = guest_open("borders", 0);
    uint32_t cells[1] = {7};
    wasm_function_inst_t keep = wasm_runtime_lookup_function(b.inst, "keep");
    assert_false(wasm_runtime_call_wasm(a.env, keep, 1, cells)); /* not turned */
    assert_string_equal(wasm_runtime_get_exception(a.inst), "Exception: invalid exec env");
    wasm_runtime_clear_exception(a.inst);
    wasm_runtime_set_module_inst(a.env, b.inst);
    assert_true(wasm_runtime_call_wasm(a.env, keep, 1, cells));
    wasm_runtime_set_module_inst(a.env, a.inst);
    assert_int_equal(guest_call1(&b, "kept", 0), 7);
    assert_int_equal(guest_call1(&a, "kept", 0), 0);
    guest_close(&b);
    guest_close(&a);
}

/* Two coroutines enter an instance one after the other and leave it in the same order. */
static ucontext_t host, first, second;
static Guest shared;
static wasm_exec_env_t envs[2];
static char stacks[2][256 << 10];
static int nth;

static void leave_to_host(void) { swapcontext(nth == 0 ? &first : &second, &host); }

static void enter(int i)
{
    uint32_t cells[1] = {16};
    wasm_function_inst_t func = wasm_runtime_lookup_function(shared.inst, "length_inside");
    assert_true(wasm_runtime_call_wasm(envs[i], func, 1, cells));
    assert_int_equal(cells[0], 4);
}

static void coroutines_need_not_leave_in_order(void **state)
{
    (void)state;
    shared = guest_open("borders", 0);
    ucontext_t *contexts[2] = {&first, &second};
    during = leave_to_host;
    for (int i = 0; i < 2; i++) {
        envs[i] = wasm_runtime_create_exec_env(shared.inst, 0);
        wasm_runtime_set_native_stack_boundary(envs[i], (uint8_t *)stacks[i]);
        getcontext(contexts[i]);
        contexts[i]->uc_stack.ss_sp = stacks[i];
        contexts[i]->uc_stack.ss_size = sizeof stacks[i];
        contexts[i]->uc_link = &host;
        makecontext(contexts[i], (void (*)(void))(uintptr_t)enter, 1, i);
        nth = i;
        swapcontext(&host, contexts[i]);
    }
    for (int i = 0; i < 2; i++) {
        nth = i;
        swapcontext(&host, contexts[i]);
    }
    during = NULL;
    for (int i = 0; i < 2; i++) wasm_runtime_destroy_exec_env(envs[i]);
    uint32_t cells[1] = {16};
    assert_true(guest_call(&shared, "length_inside", 1, cells)); /* nobody is thought to be inside */
    guest_close(&shared);
}

static void an_environment_may_outlive_its_instance(void **state)
{
    (void)state;
    Guest guest = guest_open("borders", 0);
    wasm_function_inst_t func = wasm_runtime_lookup_function(guest.inst, "kept");
    wasm_runtime_deinstantiate(guest.inst);
    uint32_t cells[1] = {0};
    wasm_val_t result;
    assert_false(wasm_runtime_call_wasm(guest.env, func, 0, cells));
    assert_false(wasm_runtime_call_wasm_a(guest.env, func, 1, &result, 0, NULL));
    assert_false(wasm_runtime_call_wasm_v(guest.env, func, 1, &result, 0));
    assert_false(wasm_runtime_call_indirect(guest.env, 0, 1, cells));
    assert_false(wasm_runtime_begin_blocking_op(guest.env));
    assert_true(wasm_runtime_get_call_stack_buf_size(guest.env) < 8); /* no frame */
    wasm_runtime_destroy_exec_env(guest.env);
    wasm_runtime_unload(guest.module);
}

/* A signature says what the first result is. The guest asks for another, an externref, in the slot where its own
 * argument lies. */
static void a_guests_number_is_no_reference(void **state)
{
    (void)state;
    assert_true(wasm_runtime_register_natives_raw("host", raw_next, 1));
    Guest guest = guest_open("borders_results", 0);
    for (uint32_t high = 0; high < 3; high++) {
        uint32_t cells[4] = {0xdead0000, high == 0 ? 0x4141 : high == 1 ? 0x80004141 : 0xffff8000};
        assert_true(guest_call(&guest, "is_object", 2, cells));
        assert_int_equal(cells[0], 0);
    }
    /* And an i32 is one, whatever the host left above it. */
    uint32_t cells[4] = {7};
    assert_true(guest_call(&guest, "first", 1, cells));
    assert_int_equal(cells[0], 8);
    assert_int_equal(cells[1], 0);
    guest_close(&guest);
    assert_true(wasm_runtime_unregister_natives("host", raw_next));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_hosts_number_is_no_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_guests_number_is_no_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_function_called_by_the_host_has_the_instances_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_environment_turned_to_another_instance_runs_that_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(coroutines_need_not_leave_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_environment_may_outlive_its_instance, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
