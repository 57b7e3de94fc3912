/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exec_test.c - calls from the host, here to host functions only, and how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store.h"

static const ValType i32_i32[2] = {VT_I32, VT_I32};

static TrapCode add(Exec *x, void *env, u64 *slots)
{
    (void)env;
    assert_ptr_equal(slots + 2, x->top);
    slots[0] = (u32)(slots[0] + slots[1]);
    return TRAP_NONE;
}

static void arguments_go_in_and_results_come_out(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    Exec *x = tern_exec_new(t.store, 0);
    assert_non_null(x);
    assert_int_equal(x->stack_bytes, 1 << 20);
    FuncInst *func = test_store_func(&t, i32_i32, 2, i32_i32, 1, add, NULL);
    u64 cells[2] = {3, 4};
    assert_int_equal(tern_exec_call(x, func, cells, cells), TRAP_NONE);
    assert_int_equal(cells[0], 7);
    assert_int_equal(cells[1], 4);
    assert_ptr_equal(x->top, x->stack);
    assert_int_equal(x->depth, 0);
    tern_exec_free(x);
    test_store_done(&t);
}

static TrapCode count_down(Exec *x, void *env, u64 *slots)
{
    FuncInst **self = env;
    if (slots[0] == 0) {
        strcpy(x->trap.message, "counted down");
        return TRAP_HOST;
    }
    u64 next = slots[0] - 1;
    u64 *top = x->top;
    TrapCode code = tern_exec_call(x, *self, &next, slots);
    assert_ptr_equal(x->top, top);
    return code;
}

static void a_trap_passes_through_nested_calls(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    Exec *x = tern_exec_new(t.store, 0);
    FuncInst *func = NULL;
    func = test_store_func(&t, i32_i32, 1, i32_i32, 1, count_down, &func);
    u64 n = 20;
    assert_int_equal(tern_exec_call(x, func, &n, &n), TRAP_HOST);
    char text[80];
    tern_trap_format(&x->trap, text, sizeof text);
    assert_string_equal(text, "host function failed: counted down");
    tern_exec_free(x);
    test_store_done(&t);
}

static void recursion_without_end_is_stopped(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    FuncInst *func = NULL;
    func = test_store_func(&t, i32_i32, 1, i32_i32, 1, count_down, &func);
    Exec *x = tern_exec_new(t.store, 64 << 20); /* the native stack ends first */
    u64 n = UINT32_MAX;
    assert_int_equal(tern_exec_call(x, func, &n, &n), TRAP_NATIVE_STACK_EXHAUSTED);
    tern_exec_free(x);

    x = tern_exec_new(t.store, 4096);
    n = UINT32_MAX;
    TrapCode code = tern_exec_call(x, func, &n, &n);
    assert_int_equal(code, TRAP_STACK_EXHAUSTED);
    assert_string_equal(tern_trap_text(code), "call stack exhausted");
    n = 3;
    assert_int_equal(tern_exec_call(x, func, &n, &n), TRAP_HOST);
    tern_exec_free(x);
    test_store_done(&t);
}

static void an_interrupt_stops_calls_until_it_is_taken_back(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    Exec *x = tern_exec_new(t.store, 0);
    FuncInst *func = test_store_func(&t, i32_i32, 2, i32_i32, 1, add, NULL);
    u64 cells[2] = {3, 4};
    tern_exec_interrupt(x, TRAP_DEADLINE);
    assert_null(x->stack_limit);
    assert_int_equal(tern_exec_call(x, func, cells, cells), TRAP_DEADLINE);
    assert_int_equal(x->trap.code, TRAP_DEADLINE);
    tern_exec_resume(x);
    assert_int_equal(tern_exec_call(x, func, cells, cells), TRAP_NONE);
    assert_int_equal(cells[0], 7);
    tern_exec_free(x);
    test_store_done(&t);
}

static void memory_traps_name_the_address(void **state)
{
    (void)state;
    Trap trap = {.code = TRAP_MEMORY_BOUNDS,
                 .has_address = true,
                 .address = 0x10004,
                 .access_bytes = 4,
                 .memory_bytes = 65536,
                 .nframes_all = 1,
                 .nframes = 1,
                 .frames = {{NULL, 3, 0x1f3}}};
    char text[160];
    const char *expected =
        "out of bounds memory access: 4 bytes at address 0x10004, memory size 65536 "
        "(function 3, offset 0x1f3)";
    assert_int_equal(tern_trap_format(&trap, text, sizeof text), (int)strlen(expected));
    assert_string_equal(text, expected);
    for (size_t size = 0; size < 30; size++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(tern_trap_format(&trap, text, size), (int)strlen(expected));
        if (size > 0) assert_int_equal(strlen(text), size - 1);
        assert_int_equal(text[size], 'x');
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        EngineOptions options = {.alloc = &alloc.base, .features = FEATURES_ALL};
        Engine *engine = tern_engine_new(&options);
        Store *store = engine != NULL ? tern_store_new(engine) : NULL;
        Exec *x = store != NULL ? tern_exec_new(store, 0) : NULL;
        assert_int_equal(x == NULL, alloc.has_failed);
        tern_exec_free(x);
        tern_store_free(store);
        tern_engine_free(engine);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_go_in_and_results_come_out),
        cmocka_unit_test(a_trap_passes_through_nested_calls),
        cmocka_unit_test(recursion_without_end_is_stopped),
        cmocka_unit_test(an_interrupt_stops_calls_until_it_is_taken_back),
        cmocka_unit_test(memory_traps_name_the_address),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
