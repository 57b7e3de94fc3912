/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_test.c - lowering at its limits: far slots, hostile sizes, no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "code/ins.h"
#include "test_module.h"

/* --- far slots --------------------------------------------------------------------------------------- */

/* Operands, all alive at once, more than a code unit can number; then their sum. */
static void operands_past_slot_65535_work(void **state)
{
    (void)state;
    if (!TERN_SIMD) skip(); /* frames are as large only with vectors */
    static const u32 counts[] = {65000, 65530, 65533, 65536, 70000, 200000};
    for (u32 k = 0; k < COUNT_OF(counts); k++) {
        u32 n = counts[k];
        TestModule m = {0};
        Bytes b = {0};
        for (u32 i = 0; i < n; i++) {
            put_index(&b, OP_LOCAL_GET, 0);
            put_i64(&b, i);
            put_op(&b, OP_I64_ADD);
        }
        for (u32 i = 1; i < n; i++) put_op(&b, OP_I64_ADD);
        u32 f = test_func(&m, test_type(&m, "I:I"), "", &b);
        TestRun r;
        test_run_init(&r, false, 8 << 20);
        Instance *instance = test_run_add(&r, &m, NULL);
        u64 cell = 3;
        assert_int_equal(test_call(&r, instance, f, &cell), TRAP_NONE);
        assert_int_equal(cell, 3ull * n + (u64)n * (n - 1) / 2);
        test_run_done(&r);
    }
}

/* A few bytes of calls may push far more cells than they have bytes. */
static void results_of_calls_past_slot_65535_work(void **state)
{
    (void)state;
    if (!TERN_SIMD) skip(); /* frames are as large only with vectors */
    enum { RESULTS = 900, CALLS = 100 };
    char sig[RESULTS + 3] = "i:";
    memset(sig + 2, 'i', RESULTS);
    TestModule m = {0};
    u32 many = test_type(&m, sig), one = test_type(&m, "i:i");
    Bytes b = {0};
    for (u32 i = 0; i < RESULTS; i++) put_index(&b, OP_LOCAL_GET, 0);
    u32 callee = test_func(&m, many, "", &b);
    for (u32 i = 0; i < CALLS; i++) {
        put_index(&b, OP_LOCAL_GET, 0);
        put_i32(&b, i);
        put_op(&b, OP_I32_ADD);
        put_index(&b, OP_CALL, callee);
    }
    for (u32 i = 1; i < RESULTS * CALLS; i++) put_op(&b, OP_I32_ADD);
    u32 f = test_func(&m, one, "", &b);
    TestRun r;
    test_run_init(&r, false, 8 << 20);
    Instance *instance = test_run_add(&r, &m, NULL);
    u64 cell = 5;
    assert_int_equal(test_call(&r, instance, f, &cell), TRAP_NONE);
    assert_int_equal(cell, RESULTS * (5 * CALLS + CALLS * (CALLS - 1) / 2));
    test_run_done(&r);
}

static TrapCode host_add(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env;
    slots[0] = (u32)(slots[0] + slots[1]);
    return TRAP_NONE;
}

/* Every kind of instruction that names slots, above 70,000 operands: calls of all kinds, builtins, tables of
 * branches, returns of several values. */
static void calls_branches_and_builtins_work_past_slot_65535(void **state)
{
    (void)state;
    if (!TERN_SIMD) skip(); /* frames are as large only with vectors */
    TestModule m = {0};
    u32 ii_i = test_type(&m, "ii:i"), i_ii = test_type(&m, "i:ii"), host = test_type(&m, "ii:i");
    u32 import = test_import_func(&m, host);
    test_memory(&m, 1, UINT64_MAX, false);
    test_table(&m, 4);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_LOCAL_GET, 1);
    put_op(&b, OP_I32_SUB);
    u32 sub = test_func(&m, ii_i, "", &b);
    test_elem(&m, 1, sub);
    for (u32 i = 0; i < 70000; i++) put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 100);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, sub); /* 100 - x */
    put_i32(&b, 1);
    put_index(&b, OP_CALL, import); /* + 1 */
    put_i32(&b, 7);
    put_i32(&b, 1);
    put_index(&b, OP_CALL_INDIRECT, ii_i); /* - 7 */
    put_uleb(&b, 0);
    put_index(&b, OP_LOCAL_SET, 1);
    put_i32(&b, 64);
    put_index(&b, OP_LOCAL_GET, 1);
    put_access(&b, OP_I32_STORE, 0, 4);
    put_i32(&b, 200);
    put_i32(&b, 68);
    put_i32(&b, 4);
    put_op(&b, OP_MEMORY_COPY);
    put_byte(&b, 0);
    put_byte(&b, 0);
    put_i32(&b, 200);
    put_access(&b, OP_I32_LOAD, 0, 0);
    put_op(&b, OP_BLOCK);
    put_sleb(&b, i_ii); /* i -> i i */
    put_op(&b, OP_BLOCK);
    put_sleb(&b, i_ii);
    put_i32(&b, 11);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_BR_TABLE, 2);
    put_uleb(&b, 0);
    put_uleb(&b, 1);
    put_uleb(&b, 1);
    put_op(&b, OP_END);
    put_i32(&b, 1000);
    put_op(&b, OP_I32_ADD);
    put_op(&b, OP_END);
    put_op(&b, OP_RETURN);
    u32 f = test_func(&m, i_ii, "i", &b);

    TestRun r;
    test_run_init(&r, false, 8 << 20);
    ValType types[3] = {VT_I32, VT_I32, VT_I32};
    Extern imports = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r.t, types, 2, types, 1, host_add, NULL)};
    Instance *instance = test_run_add(&r, &m, &imports);
    for (u64 x = 0; x < 3; x++) {
        u64 cells[2] = {x, 0};
        assert_int_equal(test_call(&r, instance, f, cells), TRAP_NONE);
        assert_int_equal(cells[0], 100 - x + 1 - 7);
        assert_int_equal(cells[1], x == 0 ? 1011 : 11);
    }
    test_run_done(&r);
}

/* --- hostile sizes ----------------------------------------------------------------------------------- */

typedef void PutHostile(Bytes *b, u32 n);

static void put_gets_and_sets(Bytes *b, u32 n)
{
    for (u32 i = 0; i < n; i++) put_index(b, OP_LOCAL_GET, i % 5);
    for (u32 i = 0; i < n; i++) {
        put_index(b, i % 3 == 0 ? OP_LOCAL_TEE : OP_LOCAL_SET, 4 - i % 5);
        if (i % 3 == 0) put_op(b, OP_DROP);
    }
}
/* A local pending many times is overwritten, again and again. */
static void put_pending(Bytes *b, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        put_index(b, OP_LOCAL_GET, 1);
        put_index(b, OP_LOCAL_GET, 2);
        if (i % 2 == 0) continue;
        put_i32(b, i);
        put_index(b, OP_LOCAL_SET, 1 + i % 4 / 2);
    }
    for (u32 i = 0; i < 2 * n; i++) put_op(b, OP_DROP);
}
static void put_nested_blocks(Bytes *b, u32 n)
{
    for (u32 i = 0; i < n; i++) put_block(b, i % 2 == 0 ? OP_BLOCK : OP_LOOP);
    for (u32 i = 0; i < n; i++) put_op(b, OP_END);
}
/* Operands below every block. */
static void put_blocks_over_operands(Bytes *b, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        put_index(b, OP_LOCAL_GET, i % 5);
        put_block(b, OP_BLOCK);
    }
    for (u32 i = 0; i < n; i++) put_op(b, OP_END), put_op(b, OP_DROP);
}
static void put_ifs(Bytes *b, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        put_index(b, OP_LOCAL_GET, 0);
        put_block(b, OP_IF);
        put_index(b, OP_LOCAL_GET, 1);
        put_index(b, OP_BR_IF, i);
        put_op(b, OP_ELSE);
    }
    for (u32 i = 0; i < n; i++) put_op(b, OP_END);
}
static void put_br_table(Bytes *b, u32 n)
{
    for (u32 i = 0; i < n; i++) put_block(b, OP_BLOCK);
    put_index(b, OP_LOCAL_GET, 0);
    put_index(b, OP_BR_TABLE, n);
    for (u32 i = 0; i <= n; i++) put_uleb(b, i);
    for (u32 i = 0; i < n; i++) put_op(b, OP_END);
}
static void put_chain(Bytes *b, u32 n)
{
    put_index(b, OP_LOCAL_GET, 0);
    for (u32 i = 0; i < n; i++) {
        put_i32(b, i);
        put_op(b, i % 2 == 0 ? OP_I32_ADD : OP_I32_SHL);
        if (i % 7 == 0) put_op(b, OP_I32_EQZ);
    }
    put_op(b, OP_DROP);
}
static void put_dead_code(Bytes *b, u32 n)
{
    put_block(b, OP_BLOCK);
    put_op(b, OP_UNREACHABLE);
    for (u32 i = 0; i < n; i++) put_block(b, OP_LOOP);
    for (u32 i = 0; i < n; i++) put_op(b, OP_END);
    put_op(b, OP_END);
}

/* Processor time of lowering, the best of three. */
static u64 lowering_ns(PutHostile *put, u32 n)
{
    TestModule m = {0};
    Bytes b = {0};
    put(&b, n);
    u32 f = test_func(&m, test_type(&m, "iiiii:"), "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    u64 best = UINT64_MAX;
    for (u32 i = 0; i < 3; i++) {
        u64 from, to;
        LoweredFunc lowered = {.alloc = instance->module->alloc};
        Diag diag = {0};
        tern_port_clock_ns(PORT_CLOCK_THREAD_CPU, &from);
        assert_true(tern_lower_body(instance->module, f, CODE_CHECKED, &lowered, &diag));
        u32 *units = tern_ins_measure(&lowered);
        assert_non_null(units);
        tern_port_clock_ns(PORT_CLOCK_THREAD_CPU, &to);
        tern_lowered_done(&lowered);
        best = u64_min(best, to - from);
    }
    u64 cells[5] = {0};
    if (put != put_dead_code)
        assert_int_equal(test_call(&r, instance, f, cells), n > 60000 && put == put_gets_and_sets
                                                                ? TRAP_STACK_EXHAUSTED : TRAP_NONE);
    test_run_done(&r);
    return best;
}

static void hostile_bodies_are_lowered_in_linear_time(void **state)
{
    (void)state;
    if (!TERN_SIMD) skip(); /* frames are as large only with vectors */
    static PutHostile *const all[] = {put_gets_and_sets, put_pending, put_nested_blocks, put_blocks_over_operands,
                                      put_ifs, put_br_table, put_chain, put_dead_code};
    for (u32 i = 0; i < COUNT_OF(all); i++) {
        u64 small = lowering_ns(all[i], 12500), large = lowering_ns(all[i], 50000);
        if (large > 10 * small + 20000000)
            fail_msg("body %u: %llu ns, four times the size %llu ns", i, (unsigned long long)small,
                     (unsigned long long)large);
    }
}

/* --- no memory --------------------------------------------------------------------------------------- */

static void put_everything(Bytes *b)
{
    put_blocks_over_operands(b, 100);
    put_ifs(b, 50);
    put_br_table(b, 100);
    put_gets_and_sets(b, 100);
    put_op(b, OP_BLOCK);
    put_byte(b, VT_I32); /* stubs: the operand lies too high */
    put_i32(b, 1);
    put_i32(b, 2);
    put_index(b, OP_LOCAL_GET, 0);
    put_index(b, OP_BR_TABLE, 1);
    put_uleb(b, 0);
    put_uleb(b, 0);
    put_op(b, OP_END);
    put_op(b, OP_DROP);
}

static void every_allocation_of_lowering_may_fail(void **state)
{
    (void)state;
    u32 nfailures = 0;
    for (u32 nth = 0;; nth++) {
        TestModule m = {0};
        Bytes b = {0};
        put_everything(&b);
        u32 f = test_func(&m, test_type(&m, "iiiii:"), "", &b);
        TestRun r;
        test_run_init(&r, false, 0);
        Instance *instance = test_run_add(&r, &m, NULL);
        assert_non_null(tern_instance_func(instance, f));
        u64 cells[5] = {0};
        r.t.alloc.nth = r.t.alloc.nrequests + nth;
        TrapCode trap = test_call(&r, instance, f, cells);
        bool has_failed = r.t.alloc.has_failed;
        assert_int_equal(trap, has_failed ? TRAP_OUT_OF_MEMORY : TRAP_NONE);
        nfailures += has_failed;
        r.t.alloc.nth = TEST_ALLOC_NEVER;
        memset(cells, 0, sizeof cells);
        assert_int_equal(test_call(&r, instance, f, cells), TRAP_NONE);
        test_run_done(&r);
        if (!has_failed) break;
    }
    assert_true(nfailures > 20);
}

/* --- positions --------------------------------------------------------------------------------------- */

/* A condition that may trap is computed behind what lies below it, but is still where it was. */
static void a_condition_that_traps_before_an_if_is_named_by_its_own_offset(void **state)
{
    (void)state;
    static const Op ops[] = {OP_I32_DIV_S, OP_I32_DIV_U, OP_I32_REM_S, OP_I32_REM_U};
    for (u32 i = 0; i < COUNT_OF(ops); i++) {
        TestModule m = {0};
        Bytes b = {0};
        put_index(&b, OP_LOCAL_GET, 0);
        put_index(&b, OP_LOCAL_GET, 0);
        put_index(&b, OP_LOCAL_GET, 1);
        size_t at = b.n;
        put_op(&b, ops[i]);
        put_block(&b, OP_IF);
        put_op(&b, OP_NOP);
        put_op(&b, OP_END);
        u32 f = test_func(&m, test_type(&m, "ii:i"), "", &b);
        TestRun r;
        test_run_init(&r, false, 0);
        Instance *instance = test_run_add(&r, &m, NULL);
        u64 cells[2] = {4, 0};
        assert_int_equal(test_call(&r, instance, f, cells), TRAP_DIVIDE_BY_ZERO);
        assert_int_equal(r.x->trap.frames[0].offset, test_offset(instance, f, 1, at));
        cells[0] = 4, cells[1] = 2;
        assert_int_equal(test_call(&r, instance, f, cells), TRAP_NONE);
        assert_int_equal(cells[0], 4);
        test_run_done(&r);
    }
}

/* --- branches with many operands --------------------------------------------------------------------- */

enum { MANY = 700 };

/* The types MANY of i64 -> none (0), none -> that many (1), as many -> as many (2). */
static void many_types(TestModule *m)
{
    for (u32 i = 0; i < 3; i++) {
        put_byte(&m->types, 0x60);
        for (u32 side = 0; side < 2; side++) {
            bool has = i == 2 || i == side;
            put_uleb(&m->types, has ? MANY : 0);
            for (u32 k = 0; has && k < MANY; k++) put_byte(&m->types, VT_I64);
        }
        m->ntypes++;
    }
}

/* Taken at the branch that the parameter names, the last in the list of ways below; each a few bytes long. */
enum { WAY_BR_IF, WAY_BR_IF_OUT, WAY_BR_TABLE, WAY_BR_ON_NULL, WAY_RETURN, NWAYS };

static void put_way(Bytes *b, u32 way, u32 number)
{
    put_index(b, OP_LOCAL_GET, 0);
    put_i32(b, number);
    put_op(b, OP_I32_EQ);
    switch (way) {
    case WAY_BR_IF: put_index(b, OP_BR_IF, 0); break;
    case WAY_BR_IF_OUT: put_index(b, OP_BR_IF, 1); break;
    case WAY_BR_TABLE: /* 0: on behind the block made for that */
        put_op(b, OP_BR_TABLE);
        put_uleb(b, 1);
        put_uleb(b, 0);
        put_uleb(b, 2);
        break;
    case WAY_BR_ON_NULL:
        put_op(b, OP_IF);
        put_sleb(b, 2);
        put_op(b, OP_REF_NULL);
        put_byte(b, 0x70);
        put_index(b, OP_BR_ON_NULL, 1);
        put_op(b, OP_DROP);
        put_op(b, OP_END);
        break;
    default:
        put_op(b, OP_IF);
        put_sleb(b, 2);
        put_op(b, OP_RETURN);
        put_op(b, OP_END);
    }
}

static void branches_with_many_operands_are_short(void **state)
{
    (void)state;
    if (!TERN_GC) skip(); /* some of the ways are typed references' */
    enum { NTIMES = 400 };
    for (u32 way = 0; way < NWAYS; way++) {
        TestModule m = {0};
        many_types(&m);
        u32 i_many = m.ntypes++; /* i32 -> many */
        put_byte(&m.types, 0x60);
        put_uleb(&m.types, 1);
        put_byte(&m.types, VT_I32);
        put_uleb(&m.types, MANY);
        for (u32 k = 0; k < MANY; k++) put_byte(&m.types, VT_I64);
        Bytes b = {0};
        put_i64(&b, 5); /* below everything, so that nothing is where a label wants it */
        put_op(&b, OP_BLOCK);
        put_sleb(&b, 1);
        put_i64(&b, 6);
        put_op(&b, OP_BLOCK);
        put_sleb(&b, 1);
        put_i64(&b, 7);
        for (u32 i = 0; i < MANY; i++) put_i64(&b, i * i);
        for (u32 i = 0; i < NTIMES; i++) {
            if (way == WAY_BR_TABLE) {
                put_op(&b, OP_BLOCK);
                put_sleb(&b, 2);
            }
            put_way(&b, way, i);
            if (way == WAY_BR_TABLE) put_op(&b, OP_END);
        }
        put_op(&b, OP_UNREACHABLE);
        put_op(&b, OP_END);
        put_op(&b, OP_RETURN);
        put_op(&b, OP_END);
        put_op(&b, OP_RETURN);
        size_t nbytes = b.n;
        u32 f = test_func(&m, i_many, "", &b);
        TestRun r;
        test_run_init(&r, false, 0);
        Instance *instance = test_run_add(&r, &m, NULL);
        LoweredFunc lowered = {.alloc = instance->module->alloc};
        Diag diag = {0};
        assert_true(tern_lower_body(instance->module, f, CODE_CHECKED, &lowered, &diag));
        u32 *units = tern_ins_measure(&lowered);
        if (lowered.ins.n > nbytes || units[lowered.ins.n] > 12 * nbytes)
            fail_msg("way %u: %u instructions of %zu bytes", way, lowered.ins.n, nbytes);
        tern_lowered_done(&lowered);
        u64 cells[MANY];
        for (u32 i = 0; i < NTIMES; i += NTIMES - 1) {
            cells[0] = i;
            TrapCode trap = test_call(&r, instance, f, cells);
            if (way == WAY_BR_TABLE && i > 0) continue; /* the first that is not named branches */
            assert_int_equal(trap, TRAP_NONE);
            for (u32 k = 0; k < MANY; k++) assert_int_equal(cells[k], k * k);
        }
        cells[0] = NTIMES;
        if (way != WAY_BR_TABLE) assert_int_equal(test_call(&r, instance, f, cells), TRAP_UNREACHABLE);
        test_run_done(&r);
    }
}

/* --- joined instructions ------------------------------------------------------------------------------- */

/* A local is given a constant, then another local's value, and a call follows: one instruction may do all three, but what
 * was written last stays. */
static void a_call_joined_with_two_writes_of_one_local_keeps_the_last(void **state)
{
    (void)state;
    enum { Y, X = 2 };
    for (u32 is_const_last = 0; is_const_last < 2; is_const_last++) {
        TestModule m = {0};
        Bytes b = {0};
        u32 nothing = test_func(&m, test_type(&m, ":"), "", &b);
        for (u32 i = 0; i < 2; i++) {
            if (i == is_const_last) put_i32(&b, 5);
            else put_index(&b, OP_LOCAL_GET, Y);
            put_index(&b, OP_LOCAL_SET, X);
        }
        put_index(&b, OP_CALL, nothing);
        put_index(&b, OP_LOCAL_GET, X);
        u32 f = test_func(&m, test_type(&m, "ii:i"), "i", &b);
        TestRun r;
        test_run_init(&r, false, 0);
        Instance *instance = test_run_add(&r, &m, NULL);
        u64 cells[2] = {9, 0};
        assert_int_equal(test_call(&r, instance, f, cells), TRAP_NONE);
        assert_int_equal(cells[0], is_const_last ? 5 : 9);
        test_run_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_past_slot_65535_work),
        cmocka_unit_test(results_of_calls_past_slot_65535_work),
        cmocka_unit_test(calls_branches_and_builtins_work_past_slot_65535),
        cmocka_unit_test(hostile_bodies_are_lowered_in_linear_time),
        cmocka_unit_test(every_allocation_of_lowering_may_fail),
        cmocka_unit_test(a_condition_that_traps_before_an_if_is_named_by_its_own_offset),
        cmocka_unit_test(branches_with_many_operands_are_short),
        cmocka_unit_test(a_call_joined_with_two_writes_of_one_local_keeps_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
