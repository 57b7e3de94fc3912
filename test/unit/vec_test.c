/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vec_test.c - growable arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/vec.h"
#include "test_alloc.h"

typedef struct Triple {
    u32 a, b, c;
} Triple;
typedef struct {
    VEC(Triple)
} TripleVec;
typedef struct {
    VEC(u32)
} U32Vec;

static void pushes_keep_their_order(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TripleVec v = {0};
    for (u32 i = 0; i < 1000; i++)
        assert_true(vec_push(&v, &alloc.base, (Triple){i, i + 1, i + 2}));
    assert_int_equal(v.n, 1000);
    for (u32 i = 0; i < v.n; i++)
        assert_true(v.items[i].a == i && v.items[i].c == i + 2);
    assert_true(alloc.nrequests < 10);
    vec_free(&v, &alloc.base);
    assert_int_equal(alloc.live, 0);
    assert_null(v.items);
    vec_free(&v, &alloc.base);
}

static void reserving_makes_pushes_certain(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(1);
    U32Vec v = {0};
    assert_true(vec_reserve(&v, &alloc.base, 100));
    for (u32 i = 0; i < 100; i++)
        assert_true(vec_push(&v, &alloc.base, i));
    assert_int_equal(alloc.nrequests, 1);
    vec_free(&v, &alloc.base);
}

static void counts_beyond_32_bits_are_refused(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    U32Vec v = {0};
    assert_true(vec_push(&v, &alloc.base, 5));
    assert_false(vec_reserve(&v, &alloc.base, UINT32_MAX));
    assert_int_equal(v.n, 1);
    assert_int_equal(v.items[0], 5);
    vec_free(&v, &alloc.base);
    assert_int_equal(alloc.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        U32Vec v = {0};
        u32 n = 0;
        while (n < 500 && vec_push(&v, &alloc.base, n))
            n++;
        assert_int_equal(n < 500, alloc.has_failed);
        assert_int_equal(v.n, n);
        for (u32 i = 0; i < n; i++)
            assert_int_equal(v.items[i], i); /* what was there stays */
        vec_free(&v, &alloc.base);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_keep_their_order),
        cmocka_unit_test(reserving_makes_pushes_certain),
        cmocka_unit_test(counts_beyond_32_bits_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
