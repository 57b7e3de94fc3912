/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* map_test.c - the hash map against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "test_alloc.h"

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    Map map = {0};
    assert_null(tern_map_get(&map, "x", 1));
    assert_null(tern_map_get(&map, "", 0));
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    tern_map_free(&map, &alloc.base);
}

static void an_empty_key_is_a_key(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Map map = {0};
    assert_true(tern_map_put(&map, &alloc.base, "a", 1, 1));
    assert_null(tern_map_get(&map, "zzz", 0));
    assert_true(tern_map_put(&map, &alloc.base, "", 0, 2));
    assert_int_equal(*tern_map_get(&map, "zzz", 0), 2);
    assert_int_equal(*tern_map_get(&map, "a", 1), 1);
    tern_map_free(&map, &alloc.base);
    assert_int_equal(alloc.live, 0);
}

static void keys_that_share_a_beginning_differ(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Map map = {0};
    static const char zeroes[64];
    for (u32 size = 0; size < sizeof zeroes; size++)
        assert_true(tern_map_put(&map, &alloc.base, zeroes, size, size + 100));
    assert_int_equal(map.n, 64);
    for (u32 size = 0; size < sizeof zeroes; size++)
        assert_int_equal(*tern_map_get(&map, zeroes, size), size + 100);
    tern_map_free(&map, &alloc.base);
}

static void random_use_agrees_with_a_model(void **state)
{
    (void)state;
    enum { NKEYS = 700 };
    static struct {
        char key[24];
        u32 size;
        bool is_in;
        u64 value;
    } model[NKEYS];
    u64 chance = 9;
    for (u32 i = 0; i < NKEYS; i++)
        model[i].size = (u32)snprintf(model[i].key, sizeof model[i].key, "%.*s%u", (int)(i % 12),
                                      "prefix_of_it", i);
    for (u32 round = 0; round < 5; round++) {
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        Map map = {.seed = round * 77};
        u32 n = 0;
        for (u32 step = 0; step < 4000; step++) {
            u32 i = (u32)(test_random(&chance) % NKEYS);
            if (step % 2 == 0) {
                u64 value = test_random(&chance);
                assert_true(tern_map_put(&map, &alloc.base, model[i].key, model[i].size, value));
                n += !model[i].is_in;
                model[i].is_in = true;
                model[i].value = value;
            }
            char copy[24]; /* a key is its bytes, not its place */
            memcpy(copy, model[i].key, sizeof copy);
            u64 *value = tern_map_get(&map, copy, model[i].size);
            assert_int_equal(value != NULL, model[i].is_in);
            if (value != NULL) assert_int_equal(*value, model[i].value);
            assert_int_equal(map.n, n);
        }
        for (u32 i = 0; i < NKEYS; i++)
            model[i].is_in = false;
        tern_map_free(&map, &alloc.base);
        assert_int_equal(alloc.live, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static u32 keys[200];
    for (u32 i = 0; i < COUNT_OF(keys); i++)
        keys[i] = i;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        Map map = {0};
        u32 nfailed = 0;
        for (u32 i = 0; i < COUNT_OF(keys); i++) {
            u32 n = map.n;
            if (tern_map_put(&map, &alloc.base, &keys[i], sizeof keys[i], i)) continue;
            nfailed++;
            assert_int_equal(map.n, n);
            assert_null(tern_map_get(&map, &keys[i], sizeof keys[i]));
            assert_true(tern_map_put(&map, &alloc.base, &keys[i], sizeof keys[i], i));
        }
        assert_int_equal(nfailed, alloc.has_failed);
        for (u32 i = 0; i < COUNT_OF(keys); i++)
            assert_int_equal(*tern_map_get(&map, &keys[i], sizeof keys[i]), i);
        tern_map_free(&map, &alloc.base);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(an_empty_key_is_a_key),
        cmocka_unit_test(keys_that_share_a_beginning_differ),
        cmocka_unit_test(random_use_agrees_with_a_model),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
