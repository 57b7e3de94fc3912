/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_guest_test.c - guests whose objects are held by nothing but frames, locals, tables and globals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "runtime/gc_heap.h"
#include "test_module.h"

/* Types: 0 (struct (ref null 0) (ref null 0) (mut i32)), 1 [i32] -> [(ref null 0)], 2 [(ref null 0)] -> [i32],
 * 3 [i32] -> [i32]. */
enum { TREE, MAKE_TYPE, COUNT_TYPE, MAIN_TYPE };
enum { MAKE, COUNT, MAIN, STORED, LISTED };

static void put_types(TestModule *m)
{
    static const u8 types[] = {0x5f, 3, 0x63, 0, 0, 0x63, 0, 0, 0x7f, 1, 0x60, 1, 0x7f, 1, 0x63, 0,
                               0x60, 1, 0x63, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f};
    put_bytes(&m->types, types, sizeof types);
    m->ntypes = 4;
}

static void put_gc(Bytes *b, Op op, u32 type, u32 field)
{
    put_index(b, op, type);
    if (op == OP_STRUCT_GET || op == OP_STRUCT_SET) put_uleb(b, field);
}

/* A full tree of that depth, made depth first: a half waits on the operand stack for the other. */
static void put_make(TestModule *m)
{
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_IF);
    put_bytes(&b, (u8[]){0x63, 0}, 2);
    for (u32 i = 0; i < 2; i++) {
        put_index(&b, OP_LOCAL_GET, 0);
        put_i32(&b, 1);
        put_op(&b, OP_I32_SUB);
        put_index(&b, OP_CALL, MAKE);
    }
    put_index(&b, OP_LOCAL_GET, 0);
    put_gc(&b, OP_STRUCT_NEW, TREE, 0);
    put_op(&b, OP_ELSE);
    put_gc(&b, OP_STRUCT_NEW_DEFAULT, TREE, 0);
    put_op(&b, OP_END);
    test_func(m, MAKE_TYPE, "", &b);
}

/* How many structs there are. */
static void put_count(TestModule *m)
{
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_REF_IS_NULL);
    put_op(&b, OP_IF);
    put_byte(&b, VT_I32);
    put_i32(&b, 0);
    put_op(&b, OP_ELSE);
    put_i32(&b, 1);
    for (u32 i = 0; i < 2; i++) {
        put_index(&b, OP_LOCAL_GET, 0);
        put_gc(&b, OP_STRUCT_GET, TREE, i);
        put_index(&b, OP_CALL, COUNT);
        put_op(&b, OP_I32_ADD);
    }
    put_op(&b, OP_END);
    test_func(m, COUNT_TYPE, "", &b);
}

static void put_make_call(Bytes *b)
{
    put_index(b, OP_LOCAL_GET, 0);
    put_index(b, OP_CALL, MAKE);
}

static void put_module(TestModule *m)
{
    *m = (TestModule){0};
    put_types(m);
    put_make(m);
    put_count(m);
    /* One tree on the operand stack while another is made, counted and dropped. */
    Bytes b = {0};
    put_make_call(&b);
    for (u32 i = 0; i < 3; i++) {
        put_make_call(&b);
        put_op(&b, OP_DROP);
    }
    put_index(&b, OP_CALL, COUNT);
    test_func(m, MAIN_TYPE, "", &b);
    /* Through a table, by table.set, table.grow and table.fill. */
    put_bytes(&m->tables, (u8[]){0x6e, 0, 2}, 3); /* anyref */
    m->ntables++;
    put_i32(&b, 1);
    put_make_call(&b);
    put_index(&b, OP_TABLE_SET, 0);
    put_make_call(&b);
    put_i32(&b, 3);
    put_index(&b, OP_TABLE_GROW, 0);
    put_op(&b, OP_DROP);
    put_make_call(&b);
    put_op(&b, OP_DROP);
    put_i32(&b, 0);
    for (u32 i = 1; i < 5; i++) {
        put_i32(&b, i);
        put_index(&b, OP_TABLE_GET, 0);
        put_index(&b, OP_REF_CAST_NULL, TREE);
        put_index(&b, OP_CALL, COUNT);
        put_op(&b, OP_I32_ADD);
    }
    test_func(m, MAIN_TYPE, "", &b);
    /* A list in a local, ever longer: new (local, null, n) n times, then counted. Local 1: (ref null 0). */
    put_block(&b, OP_LOOP);
    put_index(&b, OP_LOCAL_GET, 1);
    put_op(&b, OP_REF_NULL);
    put_byte(&b, TREE);
    put_index(&b, OP_LOCAL_GET, 0);
    put_gc(&b, OP_STRUCT_NEW, TREE, 0);
    put_index(&b, OP_LOCAL_SET, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_LOCAL_TEE, 0);
    put_index(&b, OP_BR_IF, 0);
    put_op(&b, OP_END);
    put_index(&b, OP_LOCAL_GET, 1);
    put_index(&b, OP_CALL, COUNT);
    Bytes code = {0};
    put_bytes(&code, (u8[]){1, 1, 0x63, 0}, 4);
    put_all(&code, &b);
    put_op(&code, OP_END);
    put_uleb(&m->funcs, MAIN_TYPE);
    m->nfuncs++;
    put_uleb(&m->codes, code.n);
    put_all(&m->codes, &code);
    m->ncodes++;
    m->nall_funcs++;
    bytes_done(&code);
    bytes_done(&b);
}

static Instance *start(TestRun *r, bool is_stressed, u64 limit_bytes)
{
    test_run_init(r, false, 8u << 20);
    r->t.engine->options.gc_stress = is_stressed;
    r->t.engine->options.gc_limit_bytes = limit_bytes;
    TestModule m;
    put_module(&m);
    return test_run_add(r, &m, NULL);
}

static void check(TestRun *r, Instance *instance, u32 func, u32 arg, u64 expected)
{
    u64 cells[1] = {arg};
    assert_int_equal(test_call(r, instance, func, cells), TRAP_NONE);
    assert_int_equal(cells[0], expected);
}

static void frames_locals_and_tables_keep_objects(void **state)
{
    (void)state;
    for (u32 is_stressed = 0; is_stressed < 2; is_stressed++) {
        TestRun r;
        Instance *instance = start(&r, is_stressed, 0);
        u32 depth = is_stressed ? 6 : 14;
        u32 full = (2u << depth) - 1;
        check(&r, instance, MAIN, depth, full);
        check(&r, instance, STORED, depth, 4 * full);
        check(&r, instance, LISTED, is_stressed ? 300 : 20000, is_stressed ? 300 : 20000);
        assert_true(is_stressed == 0 || tern_gc_stats(r.t.store).collections > 1000);
        test_run_done(&r);
    }
}

static void much_is_allocated_in_a_small_heap(void **state)
{
    (void)state;
    TestRun r;
    Instance *instance = start(&r, false, 8u << 20);
    for (u32 i = 0; i < 40; i++) check(&r, instance, MAIN, 14, (2u << 14) - 1);
    assert_true(tern_gc_stats(r.t.store).collections > 10);
    assert_true(tern_gc_stats(r.t.store).heap_bytes <= 8u << 20);
    test_run_done(&r);
}

static void a_full_heap_traps_and_is_usable_afterwards(void **state)
{
    (void)state;
    TestRun r;
    Instance *instance = start(&r, false, 2u << 20);
    for (u32 i = 0; i < 3; i++) {
        u64 cells[1] = {18};
        assert_int_equal(test_call(&r, instance, MAIN, cells), TRAP_OUT_OF_MEMORY);
        check(&r, instance, MAIN, 10, (2u << 10) - 1);
    }
    test_run_done(&r);
}

static void a_store_without_objects_has_no_heap(void **state)
{
    (void)state;
    TestRun r;
    Instance *instance = start(&r, false, 0);
    assert_null(r.t.store->gc);
    check(&r, instance, COUNT, 0, 0);
    assert_null(r.t.store->gc);
    test_run_done(&r);
}

/* A global with a tree of two, and a passive segment with a struct, which is the same one however often it is
 * copied. Function 0 copies it to table elements 0 and 1 and compares; 1 counts the global's tree. */
static Bytes segment_module(void)
{
    TestModule m = {0};
    put_types(&m);
    put_bytes(&m.tables, (u8[]){0x6e, 0, 2}, 3);
    m.ntables++;
    put_bytes(&m.globals, (u8[]){0x63, TREE, 0}, 3);
    put_gc(&m.globals, OP_STRUCT_NEW_DEFAULT, TREE, 0);
    put_op(&m.globals, OP_REF_NULL);
    put_byte(&m.globals, TREE);
    put_i32(&m.globals, 5);
    put_gc(&m.globals, OP_STRUCT_NEW, TREE, 0);
    put_op(&m.globals, OP_END);
    m.nglobals++;
    put_bytes(&m.elems, (u8[]){5, 0x6e, 1}, 3); /* passive, anyref, expressions */
    put_gc(&m.elems, OP_STRUCT_NEW_DEFAULT, TREE, 0);
    put_op(&m.elems, OP_END);
    m.nelems++;
    Bytes b = {0};
    for (u32 i = 0; i < 2; i++) {
        put_i32(&b, i);
        put_i32(&b, 0);
        put_i32(&b, 1);
        put_index(&b, OP_TABLE_INIT, 0);
        put_uleb(&b, 0);
    }
    for (u32 i = 0; i < 2; i++) {
        put_i32(&b, i);
        put_index(&b, OP_TABLE_GET, 0);
        put_op(&b, OP_REF_CAST);
        put_byte(&b, 0x6b);
    }
    put_op(&b, OP_REF_EQ);
    test_func(&m, MAIN_TYPE, "", &b);
    put_count(&m);
    put_index(&b, OP_GLOBAL_GET, 0);
    put_index(&b, OP_CALL, 1);
    test_func(&m, MAIN_TYPE, "", &b);
    return test_module_bytes(&m);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestStore t;
        test_store_init(&t, &tern_interp_tier);
        t.engine->options.gc_stress = nth % 2 == 0;
        Bytes bytes = segment_module();
        DecodeOptions decode = {.features = FEATURES_ALL};
        Diag diag = {0};
        Module *module =
            tern_module_decode(t.engine->types, &t.alloc.base, bytes.p, bytes.n, &decode, &diag);
        assert_non_null(module);
        Exec *x = tern_exec_new(t.store, 0);
        t.alloc.nth = t.alloc.nrequests + nth;
        TrapCode trap = TRAP_NONE;
        Instance *instance = tern_instance_new(t.store, module, NULL, NULL, &diag, &trap);
        assert_true(instance != NULL || t.alloc.has_failed);
        if (instance == NULL) tern_gc_collect(t.store);
        for (u32 func = 0; instance != NULL && func < 3; func += 2) {
            FuncInst *f = tern_instance_func(instance, func);
            u64 cells[1] = {0};
            TrapCode code = f != NULL ? tern_exec_call(x, f, cells, cells) : TRAP_OUT_OF_MEMORY;
            assert_true(code == TRAP_NONE || (t.alloc.has_failed && code == TRAP_OUT_OF_MEMORY));
            if (code == TRAP_NONE) assert_int_equal(cells[0], func == 0 ? 1 : 2);
        }
        bool has_failed = t.alloc.has_failed;
        tern_exec_free(x);
        tern_module_release(module);
        test_store_done(&t);
        bytes_done(&bytes);
        if (!has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_locals_and_tables_keep_objects),
        cmocka_unit_test(much_is_allocated_in_a_small_heap),
        cmocka_unit_test(a_full_heap_traps_and_is_usable_afterwards),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_store_without_objects_has_no_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
