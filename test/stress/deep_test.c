/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* deep_test.c - a hundred million branches and ten million tail calls leave both stacks where they were.
 *
 * Handlers end in sibling calls, which only optimisation makes of them: a compiler that makes real calls
 * instead overflows the native stack here. Takes some seconds; sanitized builds run a hundredth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/test_module.h"

#define SCALED(n) (TEST_IS_SANITIZED ? (n) / 100 : (n))

static const ValType i32s[2] = {VT_I32, VT_I32};

typedef struct Marks {
    uintptr_t native[2];
    u64 *guest[2];
    u32 n;
} Marks;

static TrapCode mark(Exec *x, void *env, u64 *slots)
{
    Marks *marks = env;
    (void)slots;
    marks->native[marks->n % 2] = (uintptr_t)__builtin_frame_address(0);
    marks->guest[marks->n++ % 2] = x->top;
    return TRAP_NONE;
}

static void put_mark(Bytes *b)
{
    put_i32(b, 0);
    put_index(b, OP_CALL, 0);
    put_op(b, OP_DROP);
}

static void check_marks(const Marks *marks)
{
    assert_int_equal(marks->n, 2);
    assert_int_equal(marks->native[0], marks->native[1]);
    assert_ptr_equal(marks->guest[0], marks->guest[1]);
}

static void branches_do_not_use_the_native_stack(void **state)
{
    (void)state;
    Marks marks = {0};
    TestRun r;
    test_run_init(&r, false, 4096);
    TestModule m = {0};
    u32 type = test_type(&m, "i:i");
    test_import_func(&m, type);
    Bytes b = {0};
    put_mark(&b);
    put_block(&b, OP_LOOP);
    put_block(&b, OP_BLOCK); /* a second taken branch, and one through a table */
    put_index(&b, OP_LOCAL_GET, 1);
    put_i32(&b, 1);
    put_op(&b, OP_I32_AND);
    put_index(&b, OP_BR_TABLE, 1);
    put_uleb(&b, 0);
    put_uleb(&b, 0);
    put_op(&b, OP_END);
    put_index(&b, OP_LOCAL_GET, 1);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_TEE, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I32_NE);
    put_index(&b, OP_BR_IF, 0);
    put_op(&b, OP_END);
    put_mark(&b);
    put_index(&b, OP_LOCAL_GET, 1);
    u32 f = test_func(&m, type, "i", &b);
    Extern import = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r.t, i32s, 1, i32s, 1, mark, &marks)};
    Instance *instance = test_run_add(&r, &m, &import);
    u64 cell = SCALED(100000000);
    assert_int_equal(test_call(&r, instance, f, &cell), TRAP_NONE);
    assert_int_equal(cell, SCALED(100000000));
    check_marks(&marks);
    test_run_done(&r);
}

typedef enum TailKind { TAIL_DIRECT, TAIL_INDIRECT, TAIL_REF, TAIL_ACROSS, TAIL_KINDS } TailKind;

/* f(n): n == 0 ? host(n) : f(n - 1), the last by one kind of tail call. Every call carries another number of
 * locals, so that frames would not fit by chance. */
static void put_tail_body(Bytes *b, TailKind kind, u32 type, u32 callee)
{
    put_index(b, OP_LOCAL_GET, 0);
    put_op(b, OP_I32_EQZ);
    put_block(b, OP_IF);
    put_index(b, OP_LOCAL_GET, 0);
    put_index(b, OP_RETURN_CALL, 0);
    put_op(b, OP_END);
    put_index(b, OP_LOCAL_GET, 0);
    put_i32(b, 1);
    put_op(b, OP_I32_SUB);
    switch (kind) {
    case TAIL_INDIRECT:
    case TAIL_ACROSS:
        put_i32(b, callee);
        put_index(b, OP_RETURN_CALL_INDIRECT, type);
        put_uleb(b, 0);
        return;
    case TAIL_REF:
        put_index(b, OP_REF_FUNC, callee);
        put_index(b, OP_RETURN_CALL_REF, type);
        return;
    default: put_index(b, OP_RETURN_CALL, callee);
    }
}

static void tail_calls_use_no_stack(void **state)
{
    (void)state;
    for (TailKind kind = 0; kind < TAIL_KINDS; kind++) {
        Marks marks = {0};
        TestRun r;
        test_run_init(&r, false, 4096);
        TableType table_type = {.limits = {.min = 4, .max = UINT64_MAX}, .elem = VT_FUNCREF};
        Table *table = tern_table_new(r.t.store, &table_type, REF_NULL);
        assert_non_null(table);
        Extern imports[2] = {{.kind = EXTERN_FUNC}, {.kind = EXTERN_TABLE, .u.table = table}};
        imports[0].u.func = test_store_func(&r.t, i32s, 1, i32s, 1, mark, &marks);
        Instance *instance = NULL;
        /* Across instances the two functions are in one each, and find one another in the table. */
        u32 ninstances = kind == TAIL_ACROSS ? 2 : 1;
        for (u32 i = 0; i < ninstances; i++) {
            TestModule m = {0};
            u32 type = test_type(&m, "i:i");
            test_import_func(&m, type);
            test_import_table(&m, 4);
            Bytes b = {0};
            for (u32 k = 0; k < 3 - ninstances; k++) {
                u32 callee = kind == TAIL_ACROSS || kind == TAIL_INDIRECT ? (i + k + 1) % 2 : 2 - k;
                put_tail_body(&b, kind, type, callee);
                u32 f = test_func(&m, type, k + i == 0 ? "" : "iI", &b);
                test_elem(&m, i + k, f);
            }
            put_mark(&b);
            put_index(&b, OP_LOCAL_GET, 0);
            put_index(&b, OP_CALL, 1);
            test_func(&m, type, "", &b);
            instance = test_run_add(&r, &m, imports);
        }
        u32 start = instance->module->nfuncs - 1;
        u64 cell = SCALED(10000000);
        assert_int_equal(test_call(&r, instance, start, &cell), TRAP_NONE);
        assert_int_equal(cell, 0);
        assert_int_equal(marks.n, 2);
        /* A tail call to the host is another slow path, with a frame of its own size. */
        assert_true(marks.native[0] - marks.native[1] + 1024 < 2048);
        assert_true(marks.guest[1] - marks.guest[0] < 32);
        test_run_done(&r);
    }
}

/* A guest that tail-calls a host function, again and again. */
static void tail_calls_to_the_host_use_no_stack(void **state)
{
    (void)state;
    Marks marks = {0};
    TestRun r;
    test_run_init(&r, false, 4096);
    TestModule m = {0};
    u32 type = test_type(&m, "i:i");
    test_import_func(&m, type);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_RETURN_CALL, 0);
    u32 tail = test_func(&m, type, "I", &b);
    put_block(&b, OP_LOOP);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, tail);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_LOCAL_TEE, 0);
    put_index(&b, OP_BR_IF, 0);
    put_op(&b, OP_END);
    put_index(&b, OP_LOCAL_GET, 0);
    u32 f = test_func(&m, type, "", &b);
    Extern import = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r.t, i32s, 1, i32s, 1, mark, &marks)};
    Instance *instance = test_run_add(&r, &m, &import);
    u64 cell = SCALED(10000000);
    assert_int_equal(test_call(&r, instance, f, &cell), TRAP_NONE);
    assert_int_equal(marks.n, SCALED(10000000));
    assert_int_equal(marks.native[0], marks.native[1]);
    assert_ptr_equal(marks.guest[0], marks.guest[1]);
    test_run_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches_do_not_use_the_native_stack),
        cmocka_unit_test(tail_calls_use_no_stack),
        cmocka_unit_test(tail_calls_to_the_host_use_no_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
