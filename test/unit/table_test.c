/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* table_test.c - tables: filled with what they are told, bounded, and unchanged by a refused
 * growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store.h"

static TableType type_of(u64 min, u64 max)
{
    return (TableType){{.min = min, .max = max, .has_max = max != UINT64_MAX}, VT_FUNCREF};
}

static void growing_fills_the_new_elements_only(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    TableType type = type_of(3, 1000);
    Table *table = tern_table_new(t.store, &type, 11);
    assert_non_null(table);
    for (u64 size = 3; size < 1000; size++) {
        assert_int_equal(tern_table_grow_elems(t.store, table, 1, size), size);
    }
    assert_int_equal(table->elems[2], 11);
    for (u64 i = 3; i < 1000; i++) assert_int_equal(table->elems[i], i);
    assert_true(tern_table_grow_elems(t.store, table, 1, 0) == UINT64_MAX);
    assert_int_equal(tern_table_grow_elems(t.store, table, 0, 0), 1000);
    test_store_done(&t);
}

static void growing_past_32_bits_is_refused(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    TableType type = type_of(16, UINT64_MAX);
    Table *table = tern_table_new(t.store, &type, REF_NULL);
    assert_non_null(table);
    assert_true(tern_table_grow_elems(t.store, table, 0xfffffff0u, 0) == UINT64_MAX);
    assert_true(tern_table_grow_elems(t.store, table, UINT64_MAX, 0) == UINT64_MAX);
    assert_int_equal(table->size, 16);
    type = type_of(1ull << 40, UINT64_MAX);
    assert_null(tern_table_new(t.store, &type, REF_NULL));
    test_store_done(&t);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    TableType type = type_of(1, UINT64_MAX);
    Table *table = tern_table_new(t.store, &type, 5);
    assert_non_null(table);
    t.alloc.nth = t.alloc.nrequests;
    assert_true(tern_table_grow_elems(t.store, table, 100, 6) == UINT64_MAX);
    assert_int_equal(table->size, 1);
    assert_int_equal(table->elems[0], 5);
    assert_int_equal(tern_table_grow_elems(t.store, table, 100, 6), 1);
    test_store_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_fills_the_new_elements_only),
        cmocka_unit_test(growing_past_32_bits_is_refused),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
