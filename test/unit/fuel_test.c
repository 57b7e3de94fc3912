/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fuel_test.c - code that pays for what it executes: exactly, whatever calls whatever, and nothing runs on without.
 * That random bodies cost what a reader of theirs counts is lower_random_test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_module.h"

static const ValType i32s[1] = {VT_I32};

enum { HOST, COUNT, RECURSE, TAIL, INDIRECT, FILL, CATCH_MANY, SPIN, HOST_THEN_COUNT, LONG, GROW, MANY_LOCALS };
enum { LONG_PAIRS = 150000 };

/* get, eqz, if, get, return, end: returns the parameter when it is zero. */
static void put_return_if_zero(Bytes *b)
{
    put_index(b, OP_LOCAL_GET, 0);
    put_op(b, OP_I32_EQZ);
    put_block(b, OP_IF);
    put_index(b, OP_LOCAL_GET, 0);
    put_op(b, OP_RETURN);
    put_op(b, OP_END);
}

static void put_minus_1(Bytes *b)
{
    put_index(b, OP_LOCAL_GET, 0);
    put_i32(b, 1);
    put_op(b, OP_I32_SUB);
}

/* All take and give an i32; the import is called with it. */
static void make_module(TestModule *m)
{
    *m = (TestModule){0};
    u32 i_i = test_type(m, "i:i"), v_v = test_type(m, ":");
    assert_int_equal(test_import_func(m, i_i), HOST);
    test_memory(m, 2, UINT64_MAX, false);
    test_table(m, 10);
    test_elem(m, 0, RECURSE);
    test_tag(m, v_v);
    Bytes b = {0};
    put_block(&b, OP_LOOP); /* COUNT: 5n + 1 */
    put_minus_1(&b);
    put_index(&b, OP_LOCAL_TEE, 0);
    put_index(&b, OP_BR_IF, 0);
    put_op(&b, OP_END);
    put_index(&b, OP_LOCAL_GET, 0);
    assert_int_equal(test_func(m, i_i, "", &b), COUNT);

    put_return_if_zero(&b); /* RECURSE: 9n + 5 */
    put_minus_1(&b);
    put_index(&b, OP_CALL, RECURSE);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    assert_int_equal(test_func(m, i_i, "", &b), RECURSE);

    put_return_if_zero(&b); /* TAIL: 7n + 5 */
    put_minus_1(&b);
    put_index(&b, OP_RETURN_CALL, TAIL);
    assert_int_equal(test_func(m, i_i, "", &b), TAIL);

    put_index(&b, OP_LOCAL_GET, 0); /* INDIRECT: 3 + RECURSE */
    put_i32(&b, 0);
    put_index(&b, OP_CALL_INDIRECT, i_i);
    put_uleb(&b, 0);
    assert_int_equal(test_func(m, i_i, "", &b), INDIRECT);

    put_i32(&b, 0); /* FILL: 5 + n / 64 */
    put_i32(&b, 7);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_MEMORY_FILL);
    put_uleb(&b, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    assert_int_equal(test_func(m, i_i, "", &b), FILL);

    put_block(&b, OP_LOOP); /* CATCH_MANY: 8n + 5 */
    put_return_if_zero(&b);
    put_minus_1(&b);
    put_index(&b, OP_LOCAL_SET, 0);
    put_op(&b, OP_TRY_TABLE);
    put_byte(&b, 0x40);
    put_uleb(&b, 1);
    put_byte(&b, 0);
    put_uleb(&b, 0);
    put_uleb(&b, 0);
    put_index(&b, OP_THROW, 0);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    assert_int_equal(test_func(m, i_i, "", &b), CATCH_MANY);

    put_block(&b, OP_LOOP); /* SPIN, once the host was called */
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, HOST);
    put_op(&b, OP_DROP);
    put_block(&b, OP_LOOP);
    put_index(&b, OP_BR, 0);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    assert_int_equal(test_func(m, i_i, "", &b), SPIN);

    put_index(&b, OP_LOCAL_GET, 0); /* HOST_THEN_COUNT: 3 + COUNT of what the host gave */
    put_index(&b, OP_CALL, HOST);
    put_index(&b, OP_CALL, COUNT);
    assert_int_equal(test_func(m, i_i, "", &b), HOST_THEN_COUNT);

    put_index(&b, OP_LOCAL_GET, 0); /* LONG: 1 + 2 LONG_PAIRS */
    for (u32 i = 0; i < LONG_PAIRS; i++) {
        put_i32(&b, i);
        put_op(&b, OP_I32_XOR);
    }
    assert_int_equal(test_func(m, i_i, "", &b), LONG);

    put_op(&b, OP_REF_NULL); /* GROW: 3 + n / 8 */
    put_byte(&b, 0x70);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_TABLE_GROW);
    put_uleb(&b, 0);
    assert_int_equal(test_func(m, i_i, "", &b), GROW);

    put_index(&b, OP_LOCAL_GET, 0); /* MANY_LOCALS: 1 + 801 / 8 */
    assert_int_equal(test_func_filled(m, i_i, 'I', 801, "", &b), MANY_LOCALS);
}

typedef struct Fixture {
    TestRun r;
    Instance *instance;
    Extern host;
    bool is_stopping, is_setting;
    u64 seen, units;
} Fixture;

static TrapCode host(Exec *x, void *env, u64 *slots)
{
    Fixture *f = env;
    (void)slots;
    f->seen = tern_exec_fuel_left(x);
    if (f->is_setting) assert_true(tern_exec_fuel_set(x, f->units));
    if (f->is_stopping) tern_exec_interrupt(x, TRAP_INTERRUPTED);
    return TRAP_NONE;
}

static void start(Fixture *f, bool memories_move)
{
    *f = (Fixture){0};
    test_run_init(&f->r, memories_move, 1 << 20);
    f->host = (Extern){.kind = EXTERN_FUNC, .u.func = test_store_func(&f->r.t, i32s, 1, i32s, 1, host, f)};
    TestModule m;
    make_module(&m);
    f->instance = test_run_add(&f->r, &m, &f->host);
}

/* Calls func(arg) with cost - 1 units, which are not enough, and with cost, which are used up. */
static void expect_cost(Fixture *f, u32 func, u32 arg, u64 cost)
{
    u64 cell = arg;
    assert_true(tern_exec_fuel_set(f->r.x, cost - 1));
    assert_int_equal(test_call(&f->r, f->instance, func, &cell), TRAP_FUEL);
    assert_int_equal(tern_exec_fuel_left(f->r.x), 0);
    cell = arg;
    assert_true(tern_exec_fuel_set(f->r.x, cost + 7));
    assert_int_equal(test_call(&f->r, f->instance, func, &cell), TRAP_NONE);
    assert_int_equal(tern_exec_fuel_left(f->r.x), 7);
}

static void calls_cost_what_they_execute(void **state)
{
    (void)state;
    for (u32 move = 0; move < 2; move++) {
        Fixture f;
        start(&f, move != 0);
        for (u32 n = 1; n < 3000000; n *= 7) expect_cost(&f, COUNT, n, 5 * (u64)n + 1);
        expect_cost(&f, RECURSE, 0, 5);
        expect_cost(&f, RECURSE, 1000, 9005);
        expect_cost(&f, TAIL, 100000, 700005);
        expect_cost(&f, INDIRECT, 100, 908);
        expect_cost(&f, CATCH_MANY, 20000, 160005);
        expect_cost(&f, LONG, 1, 1 + 2 * LONG_PAIRS);
        test_run_done(&f.r);
    }
}

static void bulk_instructions_cost_as_much_as_they_move(void **state)
{
    (void)state;
    Fixture f;
    start(&f, false);
    expect_cost(&f, FILL, 0, 5);
    expect_cost(&f, FILL, 63, 5);
    expect_cost(&f, FILL, 100000, 5 + 100000 / 64);
    f.instance->memories[0]->base[0] = 1; /* nothing is done that cannot be paid */
    u64 cell = 100000;
    assert_true(tern_exec_fuel_set(f.r.x, 1000));
    assert_int_equal(test_call(&f.r, f.instance, FILL, &cell), TRAP_FUEL);
    assert_int_equal(f.instance->memories[0]->base[0], 1);
    cell = UINT32_MAX; /* out of bounds, but that is seen after */
    assert_true(tern_exec_fuel_set(f.r.x, 1000));
    assert_int_equal(test_call(&f.r, f.instance, FILL, &cell), TRAP_FUEL);
    expect_cost(&f, GROW, 1000, 3 + 125);
    expect_cost(&f, MANY_LOCALS, 1, 1 + 100);
    test_run_done(&f.r);
}

static void code_without_fuel_to_pay_runs_as_before(void **state)
{
    (void)state;
    Fixture f;
    start(&f, false);
    u64 cell = 1000;
    assert_int_equal(tern_exec_fuel_left(f.r.x), UINT64_MAX);
    assert_int_equal(test_call(&f.r, f.instance, COUNT, &cell), TRAP_NONE);
    const void *code = f.instance->code;
    assert_true(tern_exec_fuel_set(f.r.x, 10));
    assert_ptr_not_equal(f.instance->code, code);
    cell = 1000;
    assert_int_equal(test_call(&f.r, f.instance, COUNT, &cell), TRAP_FUEL);
    assert_string_equal(tern_trap_text(f.r.x->trap.code), "all fuel consumed");
    assert_int_equal(f.r.x->trap.frames[0].func_index, COUNT);
    assert_int_equal(test_call(&f.r, f.instance, COUNT, &cell), TRAP_FUEL); /* nor the next */
    tern_exec_fuel_unlimit(f.r.x);
    cell = 1000000;
    assert_int_equal(test_call(&f.r, f.instance, COUNT, &cell), TRAP_NONE);
    assert_int_equal(tern_exec_fuel_left(f.r.x), UINT64_MAX);

    Exec *other = tern_exec_new(f.r.t.store, 0); /* which was given none */
    cell = 1000000;
    FuncInst *func = tern_instance_func(f.instance, COUNT);
    assert_int_equal(tern_exec_call(other, func, &cell, &cell), TRAP_NONE);
    tern_exec_free(other);

    assert_true(tern_exec_fuel_set(f.r.x, UINT64_MAX)); /* instances to come, and as much as there can be */
    TestModule m;
    make_module(&m);
    Instance *late = test_run_add(&f.r, &m, &f.host);
    cell = 100;
    assert_int_equal(test_call(&f.r, late, COUNT, &cell), TRAP_NONE);
    assert_int_equal(tern_exec_fuel_left(f.r.x), UINT64_MAX - 501);
    test_run_done(&f.r);
}

static void host_functions_see_and_set_it(void **state)
{
    (void)state;
    Fixture f;
    start(&f, false);
    u64 cell = 10;
    f.is_setting = true; /* the first to do so, with a frame below that does not pay */
    f.units = 50;
    assert_int_equal(test_call(&f.r, f.instance, HOST_THEN_COUNT, &cell), TRAP_FUEL);
    assert_int_equal(f.r.x->trap.nframes_all, 2);
    f.units = 51;
    cell = 10;
    assert_true(tern_exec_fuel_set(f.r.x, 100));
    assert_int_equal(test_call(&f.r, f.instance, HOST_THEN_COUNT, &cell), TRAP_NONE);
    assert_int_equal(f.seen, 97);
    assert_int_equal(tern_exec_fuel_left(f.r.x), 0);
    f.is_setting = false;
    f.is_stopping = true;
    tern_exec_fuel_unlimit(f.r.x);
    cell = 1;
    assert_int_equal(test_call(&f.r, f.instance, SPIN, &cell), TRAP_INTERRUPTED);
    tern_exec_resume(f.r.x);
    f.is_stopping = false;
    assert_true(tern_exec_fuel_set(f.r.x, 1000000));
    assert_int_equal(test_call(&f.r, f.instance, SPIN, &cell), TRAP_FUEL);
    test_run_done(&f.r);
}

/* Called before it is switched, by a frame that stays on the stack. */
static void frames_in_code_of_both_kinds_are_walked(void **state)
{
    (void)state;
    Fixture f;
    start(&f, false);
    TestModule m = {0};
    u32 i_i = test_type(&m, "i:i");
    test_import_func(&m, i_i);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, 0);
    u32 outer = test_func(&m, i_i, "", &b);
    Extern import = {.kind = EXTERN_FUNC, .u.func = tern_instance_func(f.instance, HOST_THEN_COUNT)};
    Instance *instance = test_run_add(&f.r, &m, &import);
    f.is_setting = true;
    f.units = 20;
    u64 cell = 10;
    assert_int_equal(test_call(&f.r, instance, outer, &cell), TRAP_FUEL);
    const Trap *trap = &f.r.x->trap;
    assert_int_equal(trap->nframes, 3);
    for (u32 i = 0; i < 3; i++) assert_true(trap->frames[i].offset != 0);
    assert_int_equal(trap->frames[1].func_index, HOST_THEN_COUNT);
    assert_ptr_equal(trap->frames[2].instance, instance);
    test_run_done(&f.r);
}

static void without_memory_nothing_is_limited(void **state)
{
    (void)state;
    Fixture f;
    start(&f, false);
    f.r.t.alloc.is_dry = true;
    assert_false(tern_exec_fuel_set(f.r.x, 10));
    f.r.t.alloc.is_dry = false;
    u64 cell = 1000;
    assert_int_equal(test_call(&f.r, f.instance, COUNT, &cell), TRAP_NONE);
    assert_true(tern_exec_fuel_set(f.r.x, 10));
    assert_int_equal(test_call(&f.r, f.instance, COUNT, &cell), TRAP_FUEL);
    test_run_done(&f.r);
}

enum { BRANCH, BRANCH_IF, TABLE, GIVE, GIVE_EARLY, CAUGHT_WIDE, CAUGHT_DEEP, CAUGHT_WIDELY, MADE, CARRIERS };
enum { WIDE = 1000, DEEP = 320, OWN_PER_WIDE = WIDE / 16 };

static void put_wide_block(Bytes *b, u32 wide)
{
    put_op(b, OP_BLOCK);
    put_sleb(b, wide);
    for (u32 i = 0; i < WIDE; i++) put_i32(b, 1);
}

static void put_drops(Bytes *b)
{
    for (u32 i = 0; i < WIDE; i++) put_op(b, OP_DROP);
}

/* try_table, with ncatches clauses for tag 0 that go to depth. */
static void put_try(Bytes *b, u32 ncatches, u32 tag, u32 depth)
{
    put_op(b, OP_TRY_TABLE);
    put_byte(b, 0x40);
    put_uleb(b, ncatches);
    for (u32 i = 0; i < ncatches; i++) {
        put_byte(b, 0);
        put_uleb(b, tag);
        put_uleb(b, depth);
    }
}

/* All take an i32 and give nothing, but GIVE and GIVE_EARLY, which are called by two more. */
static void make_carriers(TestModule *m, u32 *call_give, u32 *call_give_early)
{
    char ones[WIDE + 2], sig[WIDE + 3];
    memset(ones, 'i', WIDE);
    ones[WIDE] = '\0';
    snprintf(sig, sizeof sig, ":%s", ones);
    *m = (TestModule){0};
    u32 i_v = test_type(m, "i:"), v_wide = test_type(m, sig), v_v = test_type(m, ":");
    snprintf(sig, sizeof sig, "%s:", ones);
    u32 wide_v = test_type(m, sig);
    put_byte(&m->types, 0x5f); /* a structure of as many fields */
    put_uleb(&m->types, WIDE);
    for (u32 i = 0; i < WIDE; i++) put_bytes(&m->types, "\x7f\1", 2);
    u32 made = m->ntypes++;
    test_tag(m, wide_v);
    test_tag(m, v_v);
    Bytes b = {0};

    put_wide_block(&b, v_wide); /* BRANCH: 2 WIDE + 1 + OWN_PER_WIDE */
    put_index(&b, OP_BR, 0);
    put_op(&b, OP_END);
    put_drops(&b);
    assert_int_equal(test_func(m, i_v, "", &b), BRANCH);

    put_wide_block(&b, v_wide); /* BRANCH_IF: 2 WIDE + 2 + OWN_PER_WIDE, whether it is taken or not */
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_BR_IF, 0);
    put_op(&b, OP_END);
    put_drops(&b);
    assert_int_equal(test_func(m, i_v, "", &b), BRANCH_IF);

    put_wide_block(&b, v_wide); /* TABLE: 2 WIDE + 2 + OWN_PER_WIDE */
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_BR_TABLE, 0);
    put_uleb(&b, 0);
    put_op(&b, OP_END);
    put_drops(&b);
    assert_int_equal(test_func(m, i_v, "", &b), TABLE);

    for (u32 i = 0; i < WIDE; i++) put_i32(&b, 1); /* GIVE: WIDE + OWN_PER_WIDE */
    assert_int_equal(test_func(m, v_wide, "", &b), GIVE);
    for (u32 i = 0; i < WIDE; i++) put_i32(&b, 1); /* GIVE_EARLY: WIDE + 1 + OWN_PER_WIDE */
    put_op(&b, OP_RETURN);
    assert_int_equal(test_func(m, v_wide, "", &b), GIVE_EARLY);

    put_op(&b, OP_BLOCK); /* CAUGHT_WIDE: 2 WIDE + 1, and for WIDE cells, a region and its clause */
    put_sleb(&b, v_wide);
    put_try(&b, 1, 0, 0);
    for (u32 i = 0; i < WIDE; i++) put_i32(&b, 1);
    put_index(&b, OP_THROW, 0);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    put_drops(&b);
    assert_int_equal(test_func(m, i_v, "", &b), CAUGHT_WIDE);

    put_block(&b, OP_BLOCK); /* CAUGHT_DEEP: 1, and for DEEP regions whose clauses are others', and the last */
    put_try(&b, 1, 1, 0);
    put_op(&b, OP_BLOCK);
    put_sleb(&b, v_wide);
    for (u32 i = 0; i < DEEP; i++) put_try(&b, 1, 0, i);
    put_index(&b, OP_THROW, 1);
    for (u32 i = 0; i < DEEP; i++) put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    put_drops(&b);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    assert_int_equal(test_func(m, i_v, "", &b), CAUGHT_DEEP);

    put_block(&b, OP_BLOCK); /* CAUGHT_WIDELY: 1, and for a region of as many clauses, and another */
    put_try(&b, 1, 1, 0);
    put_op(&b, OP_BLOCK);
    put_sleb(&b, v_wide);
    put_try(&b, DEEP, 0, 0);
    put_index(&b, OP_THROW, 1);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    put_drops(&b);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    assert_int_equal(test_func(m, i_v, "", &b), CAUGHT_WIDELY);

    put_index(&b, OP_STRUCT_NEW_DEFAULT, made); /* MADE: 2 + OWN_PER_WIDE */
    put_op(&b, OP_DROP);
    assert_int_equal(test_func(m, i_v, "", &b), MADE);

    for (u32 i = 0; i < 2; i++) {
        put_index(&b, OP_CALL, i == 0 ? GIVE : GIVE_EARLY);
        put_drops(&b);
        *(i == 0 ? call_give : call_give_early) = test_func(m, i_v, "", &b);
    }
}

static void what_goes_along_is_paid_for(void **state)
{
    (void)state;
    for (u32 move = 0; move < 2; move++) {
        Fixture f = {0};
        test_run_init(&f.r, move != 0, 1 << 20);
        TestModule m;
        u32 call_give, call_give_early;
        make_carriers(&m, &call_give, &call_give_early);
        f.instance = test_run_add(&f.r, &m, NULL);
        expect_cost(&f, BRANCH, 1, 2 * WIDE + 1 + OWN_PER_WIDE);
        expect_cost(&f, BRANCH_IF, 1, 2 * WIDE + 2 + OWN_PER_WIDE);
        expect_cost(&f, BRANCH_IF, 0, 2 * WIDE + 2 + OWN_PER_WIDE);
        expect_cost(&f, TABLE, 1, 2 * WIDE + 2 + OWN_PER_WIDE);
        expect_cost(&f, call_give, 1, 1 + 2 * WIDE + OWN_PER_WIDE);
        expect_cost(&f, call_give_early, 1, 1 + 2 * WIDE + 1 + OWN_PER_WIDE);
        expect_cost(&f, CAUGHT_WIDE, 1, 2 * WIDE + 1 + (WIDE + 2) / 16);
        expect_cost(&f, CAUGHT_DEEP, 1, 1 + (2 * DEEP + 2) / 16);
        expect_cost(&f, CAUGHT_WIDELY, 1, 1 + (DEEP + 1 + 2) / 16);
        expect_cost(&f, MADE, 1, 2 + OWN_PER_WIDE);
        test_run_done(&f.r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_cost_what_they_execute),
        cmocka_unit_test(bulk_instructions_cost_as_much_as_they_move),
        cmocka_unit_test(what_goes_along_is_paid_for),
        cmocka_unit_test(code_without_fuel_to_pay_runs_as_before),
        cmocka_unit_test(host_functions_see_and_set_it),
        cmocka_unit_test(frames_in_code_of_both_kinds_are_walked),
        cmocka_unit_test(without_memory_nothing_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
