/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exception_test.c - exceptions in both encodings: who catches them, with what, and what is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/exception.h"
#include "test_module.h"

enum { CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF, EXNREF = 0x69 };

typedef struct Clause {
    u8 kind;
    u32 tag, label;
} Clause;

static void put_clauses(Bytes *b, const Clause *clauses, u32 n)
{
    put_uleb(b, n);
    for (u32 i = 0; i < n; i++) {
        put_byte(b, clauses[i].kind);
        if (clauses[i].kind < CATCH_ALL) put_uleb(b, clauses[i].tag);
        put_uleb(b, clauses[i].label);
    }
}
/* A try_table of that block type with one clause. */
static void put_try1(Bytes *b, u8 block_type, u8 kind, u32 tag, u32 label)
{
    put_op(b, OP_TRY_TABLE);
    put_byte(b, block_type);
    put_clauses(b, &(Clause){kind, tag, label}, 1);
}
static void put_typed(Bytes *b, Op op, u8 block_type)
{
    put_op(b, op);
    put_byte(b, block_type);
}
static void put_ops(Bytes *b, Op op, u32 n)
{
    for (u32 i = 0; i < n; i++) put_op(b, op);
}

static u64 call1(TestRun *r, Instance *instance, u32 func, u64 arg)
{
    u64 cells[4] = {arg};
    TrapCode code = test_call(r, instance, func, cells);
    if (code != TRAP_NONE) fail_msg("%s", tern_trap_text(code));
    assert_int_equal(r->x->exception, REF_NULL);
    return cells[0];
}

/* --- what a handler finds --------------------------------------------------------------------------- */

/* (func (param i32) (result i32) (local i32)
 *   7, pending local.get 0, then a try whose body sets both locals, calls what throws its argument + 1,
 *   and is caught: 7 * 10000 + (old local 0) * 1000 + payload * 100 + local 0 * 10 + local 1 */
static void operands_and_locals_are_there_at_the_handler(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 i_v = test_type(&m, "i:"), i_i = test_type(&m, "i:i");
    test_tag(&m, i_v);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, i_v, "", &b);

    put_i32(&b, 7);
    put_index(&b, OP_LOCAL_GET, 0);
    put_typed(&b, OP_BLOCK, VT_I32);
    put_i32(&b, 99); /* discarded by the handler */
    put_try1(&b, 0x40, CATCH, 0, 0);
    put_i32(&b, 98);
    put_i32(&b, 5);
    put_index(&b, OP_LOCAL_SET, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_LOCAL_SET, 1);
    put_index(&b, OP_LOCAL_GET, 1);
    put_i32(&b, 2);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_CALL, thrower);
    put_i32(&b, 0);
    put_index(&b, OP_LOCAL_SET, 1);
    put_op(&b, OP_DROP);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_i32(&b, 100); /* 7, old, payload, 100 */
    put_op(&b, OP_I32_MUL);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 10);
    put_op(&b, OP_I32_MUL);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_GET, 1);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_SET, 0);
    put_i32(&b, 1000);
    put_op(&b, OP_I32_MUL);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_SET, 0);
    put_i32(&b, 10000);
    put_op(&b, OP_I32_MUL);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I32_ADD);
    u32 catcher = test_func(&m, i_i, "i", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, catcher, 2), 72354);
    test_run_done(&r);
}

/* Every type in a payload, with the exception behind it, to the label of the function itself. */
static void payloads_of_all_types_reach_the_functions_own_label(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 payload = test_type(&m, "iIfFri:"), get = test_type(&m, ":iIfFri"), one = test_type(&m, "F:F"),
        one_tag = test_type(&m, "F:"), none = test_type(&m, ":");
    test_tag(&m, payload);
    test_tag(&m, one_tag);
    Bytes b = {0};
    put_i32(&b, 1);
    put_i64(&b, 1ull << 40);
    put_const(&b, VT_F32, 0x40490fdb);
    put_const(&b, VT_F64, 0x400921fb54442d18);
    put_index(&b, OP_REF_FUNC, 2);
    put_i32(&b, UINT32_MAX);
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, none, "", &b);
    put_try1(&b, 0x40, CATCH, 0, 0);
    put_index(&b, OP_CALL, thrower);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    u32 many = test_func(&m, get, "iiii", &b);
    put_i32(&b, 3); /* in the way of the result */
    put_try1(&b, 0x40, CATCH, 1, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_THROW, 1);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    u32 single = test_func(&m, one, "", &b);
    put_byte(&m.elems, 3); /* declares function 2 */
    put_byte(&m.elems, 0);
    put_byte(&m.elems, 1);
    put_uleb(&m.elems, 2);
    m.nelems = 1;
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    u64 cells[6] = {0};
    assert_int_equal(test_call(&r, instance, many, cells), TRAP_NONE);
    assert_int_equal(cells[0], 1);
    assert_int_equal(cells[1], 1ull << 40);
    assert_int_equal((u32)cells[2], 0x40490fdb);
    assert_int_equal(cells[3], 0x400921fb54442d18);
    assert_ptr_equal((void *)(uintptr_t)cells[4], tern_instance_func(instance, 2));
    assert_int_equal(cells[5], UINT32_MAX);
    assert_int_equal(call1(&r, instance, single, 0x3ff8000000000000), 0x3ff8000000000000);
    test_run_done(&r);
}

/* Clauses are tried in order, tries from the inside out; a tag of the same type is another tag. */
static void the_first_matching_clause_of_the_innermost_try_wins(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 v_v = test_type(&m, ":"), i_i = test_type(&m, "i:i");
    for (u32 i = 0; i < 4; i++) test_tag(&m, v_v);
    Bytes b = {0};
    put_block(&b, OP_BLOCK); /* 4: result 40 */
    put_block(&b, OP_BLOCK); /* 3: result 30 */
    put_block(&b, OP_BLOCK); /* 2: result 20 */
    put_block(&b, OP_BLOCK); /* 1: result 10 */
    put_op(&b, OP_TRY_TABLE);
    put_byte(&b, 0x40);
    put_clauses(&b, (Clause[]){{CATCH, 1, 1}, {CATCH, 0, 2}, {CATCH_ALL, 0, 3}, {CATCH, 2, 1}}, 4);
    put_op(&b, OP_TRY_TABLE);
    put_byte(&b, 0x40);
    put_clauses(&b, (Clause[]){{CATCH, 0, 1}, {CATCH, 3, 1}}, 2);
    put_block(&b, OP_BLOCK);
    put_block(&b, OP_BLOCK);
    put_block(&b, OP_BLOCK);
    put_block(&b, OP_BLOCK);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_BR_TABLE);
    put_uleb(&b, 3);
    for (u32 i = 0; i < 4; i++) put_uleb(&b, i);
    for (u32 i = 0; i < 4; i++) {
        put_op(&b, OP_END);
        put_index(&b, OP_THROW, i);
    }
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    for (u32 i = 1; i <= 4; i++) {
        put_op(&b, OP_END);
        put_i32(&b, i * 10);
        put_op(&b, OP_RETURN);
    }
    put_op(&b, OP_UNREACHABLE);
    u32 func = test_func(&m, i_i, "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    /* The inner try's label 1 is the outer try, whose end is reached with nothing thrown: 10. */
    static const u32 expected[] = {10, 20, 40, 10};
    for (u32 i = 0; i < 4; i++) assert_int_equal(call1(&r, instance, func, i), expected[i]);
    test_run_done(&r);
}

/* A loop's label as handler: counts down by throwing. */
static u32 add_loop(TestModule *m, u32 i_i, u32 tag)
{
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_typed(&b, OP_LOOP, (u8)i_i); /* takes and gives an i32 */
    put_index(&b, OP_LOCAL_TEE, 0);
    put_index(&b, OP_LOCAL_GET, 1);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_SET, 1);
    put_op(&b, OP_I32_EQZ);
    put_op(&b, OP_IF);
    put_byte(&b, 0x40);
    put_index(&b, OP_LOCAL_GET, 1);
    put_op(&b, OP_RETURN);
    put_op(&b, OP_END);
    put_try1(&b, 0x40, CATCH, tag, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_THROW, tag);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    return test_func(m, i_i, "i", &b);
}

static TrapCode stop_after(Exec *x, void *env, u64 *slots)
{
    u32 *left = env;
    (void)slots;
    if (--*left == 0) tern_exec_interrupt(x, TRAP_INTERRUPTED);
    return TRAP_NONE;
}

static void a_handler_may_be_a_loop_and_can_be_interrupted(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 i_i = test_type(&m, "i:i"), i_v = test_type(&m, "i:"), v_v = test_type(&m, ":");
    test_import_func(&m, v_v);
    test_tag(&m, i_v);
    test_tag(&m, v_v);
    u32 func = add_loop(&m, i_i, 0);
    Bytes b = {0};
    put_block(&b, OP_LOOP);
    put_try1(&b, 0x40, CATCH_ALL, 0, 0);
    put_index(&b, OP_CALL, 0);
    put_index(&b, OP_THROW, 1);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    u32 endless = test_func(&m, v_v, "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    u32 left = 1000;
    Extern import = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r.t, NULL, 0, NULL, 0, stop_after, &left)};
    Instance *instance = test_run_add(&r, &m, &import);
    assert_int_equal(call1(&r, instance, func, 1000), 1001);
    u64 cell;
    assert_int_equal(test_call(&r, instance, endless, &cell), TRAP_INTERRUPTED);
    assert_int_equal(r.x->trap.frames[0].func_index, endless);
    tern_exec_resume(r.x);
    assert_int_equal(call1(&r, instance, func, 3), 4);
    test_run_done(&r);
}

/* --- across frames ----------------------------------------------------------------------------------- */

static void an_exception_passes_many_frames(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 i_i = test_type(&m, "i:i"), i_v = test_type(&m, "i:");
    test_tag(&m, i_v);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I32_EQZ);
    put_block(&b, OP_IF);
    put_i32(&b, 42);
    put_index(&b, OP_THROW, 0);
    put_op(&b, OP_END);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_CALL, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    assert_int_equal(test_func(&m, i_i, "", &b), 0);
    put_try1(&b, VT_I32, CATCH, 0, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, 0);
    put_op(&b, OP_END);
    u32 catcher = test_func(&m, i_i, "", &b);
    TestRun r;
    test_run_init(&r, false, 16 << 20);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, catcher, 100000), 42);
    u64 cell = 100000;
    assert_int_equal(test_call(&r, instance, 0, &cell), TRAP_UNCAUGHT_EXCEPTION);
    assert_int_equal(r.x->trap.nframes, TRAP_MAX_FRAMES);
    assert_int_equal(r.x->trap.frames[TRAP_MAX_FRAMES - 1].func_index, 0);
    test_run_done(&r);
}

/* Module a throws by call and by tail call and has another tag of the same type; b imports and catches. */
static void tags_are_the_same_across_instances_if_imported(void **state)
{
    (void)state;
    TestRun r;
    test_run_init(&r, false, 0);
    TestModule m = {0};
    u32 i_v = test_type(&m, "i:"), i_i = test_type(&m, "i:i");
    test_tag(&m, i_v);
    test_tag(&m, i_v);
    test_memory(&m, 1, 1, false);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, i_i, "", &b);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_THROW, 1);
    u32 other = test_func(&m, i_i, "", &b);
    Instance *a = test_run_add(&r, &m, NULL);

    i_v = test_type(&m, "i:");
    i_i = test_type(&m, "i:i");
    test_import_func(&m, i_i);
    test_import_func(&m, i_i);
    test_import_tag(&m, i_v);
    test_tag(&m, i_v);
    test_memory(&m, 2, 2, false);
    test_global(&m, VT_I32, 1000);
    put_typed(&b, OP_BLOCK, VT_I32);
    put_op(&b, OP_TRY_TABLE);
    put_byte(&b, 0x40);
    put_clauses(&b, (Clause[]){{CATCH, 1, 0}, {CATCH, 0, 0}}, 2);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, 0);
    put_op(&b, OP_DROP);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    put_index(&b, OP_GLOBAL_GET, 0); /* the catcher's own again, as is its memory */
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_MEMORY_SIZE, 0);
    put_op(&b, OP_I32_ADD);
    u32 catcher = test_func(&m, i_i, "", &b);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_RETURN_CALL, 0);
    u32 tail = test_func(&m, i_i, "", &b);
    put_try1(&b, VT_I32, CATCH, 0, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, tail);
    put_op(&b, OP_END);
    u32 tail_catcher = test_func(&m, i_i, "", &b);
    put_try1(&b, VT_I32, CATCH, 1, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, 1);
    put_op(&b, OP_END);
    u32 wrong = test_func(&m, i_i, "", &b);
    put_block(&b, OP_BLOCK);
    put_try1(&b, 0x40, CATCH_ALL, 0, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, wrong);
    put_op(&b, OP_DROP);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_i32(&b, 77);
    u32 all = test_func(&m, i_i, "", &b);
    Extern imports[] = {{.kind = EXTERN_FUNC, .u.func = tern_instance_func(a, thrower)},
                        {.kind = EXTERN_FUNC, .u.func = tern_instance_func(a, other)},
                        {.kind = EXTERN_TAG, .u.tag = a->tags[0]}};
    Instance *instance = test_run_add(&r, &m, imports);
    assert_int_equal(call1(&r, instance, catcher, 5), 1007);
    assert_int_equal(call1(&r, instance, tail_catcher, 6), 6);
    assert_int_equal(call1(&r, instance, all, 6), 77);
    u64 cell = 9;
    assert_int_equal(test_call(&r, instance, wrong, &cell), TRAP_UNCAUGHT_EXCEPTION);
    assert_ptr_equal(tern_exception_tag(r.x->exception), a->tags[1]);
    assert_int_equal(tern_exception_cells(r.x->exception), 1);
    assert_int_equal((u32)tern_exception_payload(r.x->exception)[0], 9);
    assert_ptr_equal(r.x->trap.frames[0].instance, a);
    assert_int_equal(r.x->trap.frames[0].func_index, other);
    assert_int_equal(r.x->trap.nframes_all, 2);
    char text[100];
    tern_trap_format(&r.x->trap, text, sizeof text);
    assert_memory_equal(text, "unhandled exception (function 1, offset", 39);
    test_run_done(&r);
}

/* --- hosts -------------------------------------------------------------------------------------------- */

typedef struct Host {
    FuncInst *callee;
    Tag *tag;
    enum { PASS_ON, SWALLOW, THROW_OWN, THROW_AGAIN } what;
} Host;

static TrapCode host(Exec *x, void *env, u64 *slots)
{
    Host *h = env;
    u64 cell = slots[0];
    if (h->what == THROW_OWN) return tern_exception_throw(x, h->tag, &cell);
    TrapCode code = tern_exec_call(x, h->callee, &cell, &cell);
    assert_int_equal(code, TRAP_UNCAUGHT_EXCEPTION);
    assert_int_not_equal(x->exception, REF_NULL);
    Ref exception = x->exception;
    if (h->what == PASS_ON) return code;
    slots[0] = 1000 + (u32)tern_exception_payload(exception)[0];
    if (h->what == SWALLOW) return TRAP_NONE;
    assert_int_equal(tern_exec_call(x, h->callee, &cell, &cell), TRAP_UNCAUGHT_EXCEPTION);
    return tern_exception_rethrow(x, exception);
}

static void exceptions_pass_through_host_functions(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 i_i = test_type(&m, "i:i"), i_v = test_type(&m, "i:");
    test_import_func(&m, i_i);
    test_tag(&m, i_v);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, i_i, "", &b);
    put_typed(&b, OP_BLOCK, VT_I32);
    put_try1(&b, VT_I32, CATCH, 0, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, 0);
    put_op(&b, OP_END);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    put_op(&b, OP_END);
    u32 catcher = test_func(&m, i_i, "", &b);
    /* A tail call has left the frame, and with it the try. */
    put_try1(&b, VT_I32, CATCH, 0, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_RETURN_CALL, 0);
    put_op(&b, OP_END);
    u32 tail = test_func(&m, i_i, "", &b);
    put_typed(&b, OP_BLOCK, VT_I32);
    put_try1(&b, VT_I32, CATCH, 0, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, tail);
    put_op(&b, OP_END);
    put_op(&b, OP_DROP);
    put_i32(&b, 0);
    put_op(&b, OP_END);
    put_i32(&b, 500);
    put_op(&b, OP_I32_ADD);
    u32 tail_catcher = test_func(&m, i_i, "", &b);

    TestRun r;
    test_run_init(&r, false, 0);
    Host h = {.what = PASS_ON};
    ValType i32 = VT_I32;
    Extern import = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r.t, &i32, 1, &i32, 1, host, &h)};
    Instance *instance = test_run_add(&r, &m, &import);
    h.callee = tern_instance_func(instance, thrower);
    h.tag = instance->tags[0];
    assert_int_equal(call1(&r, instance, catcher, 5), 5);
    assert_int_equal(r.x->trap.code, TRAP_NONE);
    h.what = SWALLOW;
    assert_int_equal(call1(&r, instance, catcher, 5), 1006);
    h.what = THROW_OWN;
    assert_int_equal(call1(&r, instance, catcher, 8), 8);
    assert_int_equal(call1(&r, instance, tail_catcher, 8), 508);
    h.what = THROW_AGAIN;
    assert_int_equal(call1(&r, instance, catcher, 5), 5);
    u64 cell = 3;
    assert_int_equal(test_call(&r, instance, tail, &cell), TRAP_UNCAUGHT_EXCEPTION);
    assert_int_equal(tern_exception_rethrow(r.x, REF_NULL), TRAP_NULL_EXCEPTION);

    test_run_done(&r);
}

static TrapCode bare_code(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)slots;
    return *(TrapCode *)env;
}

static void traps_are_not_caught(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 v_v = test_type(&m, ":"), i_v = test_type(&m, "i:");
    test_import_func(&m, v_v);
    test_memory(&m, 1, 1, false);
    static const TrapCode expected[] = {TRAP_UNREACHABLE, TRAP_MEMORY_BOUNDS, TRAP_DIVIDE_BY_ZERO,
                                        TRAP_STACK_EXHAUSTED, TRAP_NULL_EXCEPTION, TRAP_UNCAUGHT_EXCEPTION};
    Bytes b = {0};
    u32 first = 0;
    for (u32 i = 0; i < COUNT_OF(expected); i++) {
        put_block(&b, OP_BLOCK);
        put_try1(&b, 0x40, CATCH_ALL, 0, 0);
        if (i == 0) put_op(&b, OP_UNREACHABLE);
        if (i == 1) {
            put_i32(&b, UINT32_MAX);
            put_access(&b, OP_I32_LOAD, 0, 0);
            put_op(&b, OP_DROP);
        }
        if (i == 2) {
            put_i32(&b, 1);
            put_i32(&b, 0);
            put_op(&b, OP_I32_DIV_S);
            put_op(&b, OP_DROP);
        }
        if (i == 3) {
            put_i32(&b, 1);
            put_index(&b, OP_CALL, 4);
        }
        if (i == 4) {
            put_op(&b, OP_REF_NULL);
            put_byte(&b, EXNREF);
            put_op(&b, OP_THROW_REF);
        }
        if (i == 5) put_index(&b, OP_CALL, 0);
        put_op(&b, OP_END);
        put_op(&b, OP_END);
        u32 func = test_func(&m, i_v, "", &b);
        if (i == 0) first = func;
    }
    for (u32 moves = 0; moves < 2; moves++) {
        TestRun r;
        test_run_init(&r, moves != 0, 1 << 16);
        TrapCode code = TRAP_UNCAUGHT_EXCEPTION;
        Extern import = {.kind = EXTERN_FUNC,
                         .u.func = test_store_func(&r.t, NULL, 0, NULL, 0, bare_code, &code)};
        TestModule copy = {0};
        if (moves == 0) { /* the sections are joined once */
            put_all(&copy.types, &m.types);
            put_all(&copy.imports, &m.imports);
            put_all(&copy.funcs, &m.funcs);
            put_all(&copy.memories, &m.memories);
            put_all(&copy.codes, &m.codes);
            copy.ntypes = m.ntypes, copy.nimports = m.nimports, copy.nfuncs = m.nfuncs;
            copy.nmemories = m.nmemories, copy.ncodes = m.ncodes;
        }
        Instance *instance = test_run_add(&r, moves == 0 ? &copy : &m, &import);
        for (u32 i = 0; i < COUNT_OF(expected); i++) {
            u64 cell = 0;
            assert_int_equal(test_call(&r, instance, first + i, &cell), expected[i]);
        }
        test_run_done(&r);
    }
}

/* --- the end of a try --------------------------------------------------------------------------------- */

/* Leaving a try by a branch, by its end, or by return leaves its handlers; coming back enters them. */
static void handlers_hold_inside_the_try_only(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 v_v = test_type(&m, ":"), i_i = test_type(&m, "i:i");
    test_tag(&m, v_v);
    Bytes b = {0};
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, v_v, "", &b);
    /* 0: throws inside: 1. 1: branches out, throws: 2. 2: falls out, throws: 2. 3: returns 3. */
    put_block(&b, OP_BLOCK); /* outer handler */
    put_try1(&b, 0x40, CATCH_ALL, 0, 0);
    put_block(&b, OP_BLOCK); /* inner handler */
    put_block(&b, OP_BLOCK); /* way out */
    put_try1(&b, 0x40, CATCH, 0, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_EQ);
    put_index(&b, OP_BR_IF, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I32_EQZ);
    put_block(&b, OP_IF);
    put_index(&b, OP_CALL, thrower);
    put_op(&b, OP_END);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 3);
    put_op(&b, OP_I32_EQ);
    put_block(&b, OP_IF);
    put_i32(&b, 3);
    put_op(&b, OP_RETURN);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_index(&b, OP_CALL, thrower);
    put_op(&b, OP_END);
    put_i32(&b, 1);
    put_op(&b, OP_RETURN);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_i32(&b, 2);
    u32 func = test_func(&m, i_i, "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    static const u32 expected[] = {1, 2, 2, 3};
    for (u32 i = 0; i < 4; i++) assert_int_equal(call1(&r, instance, func, i), expected[i]);
    test_run_done(&r);
}

/* --- the legacy encoding -------------------------------------------------------------------------------- */

/* try (result i32) 1 | throw arg | catch: payload + 10, below which the operands of an inner try with its own
 * exception; rethrow of the outer is caught around it. */
static void legacy_handlers_keep_what_they_caught(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 i_v = test_type(&m, "i:"), i_i = test_type(&m, "i:i");
    test_tag(&m, i_v);
    test_tag(&m, i_v);
    Bytes b = {0};
    put_typed(&b, OP_TRY, VT_I32);
    put_i32(&b, 50);
    put_typed(&b, OP_TRY, VT_I32);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_THROW, 0);
    put_index(&b, OP_CATCH, 0);
    put_typed(&b, OP_TRY, VT_I32);
    put_i32(&b, 1000);
    put_index(&b, OP_THROW, 1); /* not caught by the try whose handler this is */
    put_index(&b, OP_CATCH, 0);
    put_op(&b, OP_UNREACHABLE);
    put_index(&b, OP_CATCH, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    put_block(&b, OP_IF);
    put_index(&b, OP_RETHROW, 2); /* the outer */
    put_op(&b, OP_END);
    put_op(&b, OP_END); /* 1000 */
    put_op(&b, OP_I32_ADD);
    put_op(&b, OP_END);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_CATCH, 1);
    put_op(&b, OP_UNREACHABLE);
    put_index(&b, OP_CATCH, 0);
    put_i32(&b, 7);
    put_op(&b, OP_I32_ADD);
    put_op(&b, OP_END);
    u32 func = test_func(&m, i_i, "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, func, 0), 1050);
    assert_int_equal(call1(&r, instance, func, 5), 12);
    test_run_done(&r);
}

/* try A { try B { try C throw delegate L } catch_all 2 } catch_all 1: with L = 0 B catches, with 1 A does, with
 * 2 the function's caller. */
static void delegate_skips_to_the_try_it_names(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 v_v = test_type(&m, ":"), v_i = test_type(&m, "i:i");
    test_tag(&m, v_v);
    Bytes b = {0};
    for (u32 label = 0; label < 5; label++) {
        put_typed(&b, OP_TRY, VT_I32);
        put_block(&b, OP_BLOCK);
        put_typed(&b, OP_TRY, VT_I32);
        put_block(&b, OP_TRY);
        put_index(&b, OP_THROW, 0);
        put_index(&b, OP_DELEGATE, label < 4 ? label : 0);
        put_i32(&b, 3);
        if (label < 4) {
            put_op(&b, OP_CATCH_ALL);
            put_i32(&b, 2);
            put_op(&b, OP_END);
        } else {
            put_index(&b, OP_DELEGATE, 2); /* from a delegate to a delegate to the caller */
        }
        put_op(&b, OP_RETURN);
        put_op(&b, OP_END);
        put_i32(&b, 4);
        put_op(&b, OP_CATCH_ALL);
        put_i32(&b, 1);
        put_op(&b, OP_END);
        test_func(&m, v_i, "", &b);
    }
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, 0, 0), 2);
    assert_int_equal(call1(&r, instance, 1, 0), 1); /* the block is inside A */
    assert_int_equal(call1(&r, instance, 2, 0), 1);
    u64 cell = 0;
    assert_int_equal(test_call(&r, instance, 3, &cell), TRAP_UNCAUGHT_EXCEPTION);
    assert_int_equal(test_call(&r, instance, 4, &cell), TRAP_UNCAUGHT_EXCEPTION);
    test_run_done(&r);
}

/* Nothing of a dead try may be lost count of. */
static void tries_in_dead_code_keep_nesting_right(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 v_v = test_type(&m, ":"), i_i = test_type(&m, "i:i");
    test_tag(&m, v_v);
    Bytes b = {0};
    put_typed(&b, OP_BLOCK, VT_I32);
    put_i32(&b, 5);
    put_index(&b, OP_BR, 0);
    put_block(&b, OP_TRY);
    put_index(&b, OP_THROW, 0);
    put_index(&b, OP_CATCH, 0);
    put_block(&b, OP_TRY);
    put_index(&b, OP_DELEGATE, 0);
    put_index(&b, OP_RETHROW, 0);
    put_op(&b, OP_CATCH_ALL);
    put_block(&b, OP_BLOCK);
    put_try1(&b, 0x40, CATCH_ALL, 0, 0);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_typed(&b, OP_TRY, VT_I32); /* alive, its body dead before its handler */
    put_i32(&b, 1);
    put_op(&b, OP_RETURN);
    put_block(&b, OP_TRY);
    put_op(&b, OP_END);
    put_index(&b, OP_CATCH, 0);
    put_i32(&b, 2);
    put_op(&b, OP_END);
    put_ops(&b, OP_DROP, 2);
    put_i32(&b, 9);
    u32 func = test_func(&m, i_i, "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, func, 0), 1);
    test_run_done(&r);
}

/* --- sizes ---------------------------------------------------------------------------------------------- */

/* n nested tries, n in a row inside, each of which catches its own tag only. */
static void many_tries_nest_and_follow_each_other(void **state)
{
    (void)state;
    enum { N = 300 };
    TestModule m = {0};
    u32 v_v = test_type(&m, ":"), i_i = test_type(&m, "i:i");
    for (u32 i = 0; i <= N; i++) test_tag(&m, v_v);
    Bytes b = {0};
    for (u32 i = 0; i < N; i++) {
        put_block(&b, OP_BLOCK);
        put_try1(&b, 0x40, CATCH, i, 0);
    }
    for (u32 i = 0; i < N; i++) { /* falls through all but the one at which the argument says to throw */
        put_block(&b, OP_BLOCK);
        put_try1(&b, 0x40, CATCH, N, 0);
        put_index(&b, OP_LOCAL_GET, 0);
        put_i32(&b, i);
        put_op(&b, OP_I32_EQ);
        put_block(&b, OP_IF);
        put_index(&b, OP_THROW, i);
        put_op(&b, OP_END);
        put_op(&b, OP_END);
        put_op(&b, OP_END);
    }
    for (u32 i = N; i-- > 0;) {
        put_op(&b, OP_END);
        put_index(&b, OP_LOCAL_GET, 1); /* how often an end was reached without an exception */
        put_i32(&b, 1);
        put_op(&b, OP_I32_ADD);
        put_index(&b, OP_LOCAL_SET, 1);
        put_op(&b, OP_END);
    }
    put_index(&b, OP_LOCAL_GET, 1);
    u32 func = test_func(&m, i_i, "i", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, func, N), N);
    /* Caught at depth i from the outside: only the ends of the i tries around it are reached. */
    for (u32 i = 0; i < N; i++) assert_int_equal(call1(&r, instance, func, i), i);
    test_run_done(&r);
}

/* With so many locals that slots do not fit a unit; the payload goes to the far ones. */
static void handlers_reach_far_slots(void **state)
{
    if (!TERN_SIMD) skip(); /* it takes vectors to go that far */
    (void)state;
    TestModule m = {0};
    u32 i_i = test_type(&m, "i:i"), tag = test_type(&m, "iI:"), v_v = test_type(&m, ":"),
        results = test_type(&m, ":iI");
    test_tag(&m, tag);
    Bytes b = {0};
    put_i32(&b, 30);
    put_i64(&b, 12);
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, v_v, "", &b);
    put_index(&b, OP_LOCAL_GET, 0);
    put_typed(&b, OP_BLOCK, (u8)results);
    put_try1(&b, 0x40, CATCH, 0, 0);
    put_index(&b, OP_CALL, thrower);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    put_op(&b, OP_I32_WRAP_I64);
    put_op(&b, OP_I32_ADD);
    put_op(&b, OP_I32_ADD);
    u32 func = test_func_filled(&m, i_i, 'v', 45000, "", &b);
    put_index(&b, OP_LOCAL_GET, 0);
    put_typed(&b, OP_TRY, VT_I32);
    put_index(&b, OP_CALL, thrower);
    put_i32(&b, 0);
    put_index(&b, OP_CATCH, 0);
    put_op(&b, OP_DROP);
    put_op(&b, OP_END);
    put_op(&b, OP_I32_ADD);
    u32 legacy = test_func_filled(&m, i_i, 'v', 40000, "", &b);
    TestRun r;
    test_run_init(&r, false, 4 << 20);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, func, 100), 142);
    assert_int_equal(call1(&r, instance, legacy, 100), 130);
    test_run_done(&r);
}

/* A handler of a tag with many parameters takes two bytes and makes many operands. */
static void few_bytes_may_make_many_operands(void **state)
{
    (void)state;
    if (!TERN_SIMD) skip(); /* frames are as large only with vectors */
    enum { NPARAMS = 1000, NTIMES = 80 };
    TestModule m = {0};
    put_byte(&m.types, 0x60);
    put_uleb(&m.types, NPARAMS);
    for (u32 i = 0; i < NPARAMS; i++) put_byte(&m.types, VT_I64);
    put_uleb(&m.types, 0);
    m.ntypes++;
    put_byte(&m.types, 0x60);
    put_uleb(&m.types, 0);
    put_uleb(&m.types, NPARAMS);
    for (u32 i = 0; i < NPARAMS; i++) put_byte(&m.types, VT_I64);
    m.ntypes++;
    u32 i_i = test_type(&m, "I:I"), v_v = test_type(&m, ":");
    test_tag(&m, 0);
    Bytes b = {0};
    for (u32 i = 0; i < NPARAMS; i++) put_i64(&b, i);
    put_index(&b, OP_THROW, 0);
    u32 thrower = test_func(&m, v_v, "", &b);
    for (u32 i = 0; i < NTIMES; i++) {
        put_typed(&b, OP_BLOCK, 1);
        put_try1(&b, 0x40, CATCH, 0, 0);
        put_index(&b, OP_CALL, thrower);
        put_op(&b, OP_END);
        put_op(&b, OP_UNREACHABLE);
        put_op(&b, OP_END);
    }
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I64_ADD);
    put_op(&b, OP_RETURN);
    u32 func = test_func(&m, i_i, "", &b);
    TestRun r;
    test_run_init(&r, false, 4 << 20);
    Instance *instance = test_run_add(&r, &m, NULL);
    assert_int_equal(call1(&r, instance, func, 5), NPARAMS - 1 + 5);
    test_run_done(&r);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    TestModule m = {0};
    u32 i_i = test_type(&m, "i:i"), i_v = test_type(&m, "i:");
    test_tag(&m, i_v);
    Bytes b = {0};
    put_typed(&b, OP_BLOCK, VT_I32);
    put_try1(&b, 0x40, CATCH, 0, 0);
    put_typed(&b, OP_TRY, 0x40);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_THROW, 0);
    put_op(&b, OP_CATCH_ALL);
    put_index(&b, OP_RETHROW, 0);
    put_op(&b, OP_END);
    put_op(&b, OP_END);
    put_op(&b, OP_UNREACHABLE);
    put_op(&b, OP_END);
    (void)test_func(&m, i_i, "", &b);
    Bytes bytes = test_module_bytes(&m);
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        EngineOptions engine_options = {.alloc = &alloc.base, .features = FEATURES_ALL, .tier = &tern_interp_tier};
        Engine *engine = tern_engine_new(&engine_options);
        Store *store = engine != NULL ? tern_store_new(engine) : NULL;
        Exec *x = store != NULL ? tern_exec_new(store, 0) : NULL;
        DecodeOptions options = {.features = FEATURES_ALL};
        Diag diag = {0};
        TrapCode trap = TRAP_NONE;
        Module *module = x == NULL ? NULL
                       : tern_module_decode(engine->types, &alloc.base, bytes.p, bytes.n, &options, &diag);
        Instance *instance =
            module != NULL ? tern_instance_new(store, module, NULL, NULL, &diag, &trap) : NULL;
        FuncInst *func = instance != NULL ? tern_instance_func(instance, 0) : NULL;
        u64 cell = 42;
        if (func != NULL) {
            trap = tern_exec_call(x, func, &cell, &cell);
            assert_true(trap == TRAP_NONE || (trap == TRAP_OUT_OF_MEMORY && alloc.has_failed));
            assert_int_equal(cell, 42);
        }
        assert_true(alloc.has_failed || func != NULL);
        tern_exec_free(x);
        tern_store_free(store);
        tern_module_release(module);
        tern_engine_free(engine);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
    bytes_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_and_locals_are_there_at_the_handler),
        cmocka_unit_test(payloads_of_all_types_reach_the_functions_own_label),
        cmocka_unit_test(the_first_matching_clause_of_the_innermost_try_wins),
        cmocka_unit_test(a_handler_may_be_a_loop_and_can_be_interrupted),
        cmocka_unit_test(an_exception_passes_many_frames),
        cmocka_unit_test(tags_are_the_same_across_instances_if_imported),
        cmocka_unit_test(exceptions_pass_through_host_functions),
        cmocka_unit_test(traps_are_not_caught),
        cmocka_unit_test(handlers_hold_inside_the_try_only),
        cmocka_unit_test(legacy_handlers_keep_what_they_caught),
        cmocka_unit_test(delegate_skips_to_the_try_it_names),
        cmocka_unit_test(tries_in_dead_code_keep_nesting_right),
        cmocka_unit_test(many_tries_nest_and_follow_each_other),
        cmocka_unit_test(handlers_reach_far_slots),
        cmocka_unit_test(few_bytes_may_make_many_operands),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
