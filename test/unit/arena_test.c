/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* arena_test.c - memory that is freed all at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "test_alloc.h"

static void blocks_are_zero_aligned_and_apart(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Arena arena;
    tern_arena_init(&arena, &alloc.base);
    u8 *blocks[600];
    size_t sizes[600];
    u64 chance = 3;
    for (u32 i = 0; i < COUNT_OF(blocks); i++) {
        sizes[i] = 1 + test_random(&chance) % (i % 50 == 0 ? 100000 : 200);
        blocks[i] = tern_arena_alloc(&arena, sizes[i], 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            if (blocks[i][k] != 0) fail_msg("not zero");
        memset(blocks[i], (int)(i % 251), sizes[i]);
    }
    for (u32 i = 0; i < COUNT_OF(blocks); i++)
        for (size_t k = 0; k < sizes[i]; k++)
            if (blocks[i][k] != i % 251) fail_msg("damaged");
    tern_arena_done(&arena);
    assert_int_equal(alloc.live, 0);
}

static void nothing_is_not_null(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Arena arena;
    tern_arena_init(&arena, &alloc.base);
    assert_non_null(tern_arena_alloc(&arena, 0, 7));
    assert_non_null(tern_arena_alloc(&arena, 7, 0));
    assert_int_equal(alloc.nrequests, 0);
    tern_arena_done(&arena);
}

static void sizes_that_overflow_are_no_memory(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Arena arena;
    tern_arena_init(&arena, &alloc.base);
    assert_null(tern_arena_alloc(&arena, 16, UINT64_MAX / 8));
    assert_null(tern_arena_alloc(&arena, 1, UINT64_MAX));
    assert_null(tern_arena_alloc(&arena, 1, UINT64_MAX - 15));
    assert_int_equal(alloc.nrequests, 0);
    assert_null(tern_arena_alloc(&arena, 1, UINT64_MAX - 31)); /* by the allocator itself */
    tern_arena_done(&arena);
}

static void many_small_blocks_need_few_requests(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Arena arena;
    tern_arena_init(&arena, &alloc.base);
    for (u32 i = 0; i < 10000; i++)
        assert_non_null(tern_arena_alloc(&arena, 4, 4));
    assert_true(alloc.nrequests < 12);
    tern_arena_done(&arena);
}

static void a_large_block_does_not_waste_the_rest_of_a_chunk(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Arena arena;
    tern_arena_init(&arena, &alloc.base);
    u8 *before = tern_arena_alloc(&arena, 16, 1);
    assert_non_null(tern_arena_alloc(&arena, 1 << 20, 1));
    u8 *after = tern_arena_alloc(&arena, 16, 1);
    assert_ptr_equal(after, before + 16);
    tern_arena_done(&arena);
    assert_int_equal(alloc.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        Arena arena;
        tern_arena_init(&arena, &alloc.base);
        u32 nfailed = 0;
        for (u32 i = 0; i < 300; i++)
            nfailed += tern_arena_alloc(&arena, i % 40 == 0 ? 5000 : 48, 1) == NULL;
        assert_int_equal(nfailed, alloc.has_failed); /* and the arena goes on working */
        tern_arena_done(&arena);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

static void a_freed_arena_can_be_used_again(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Arena arena;
    tern_arena_init(&arena, &alloc.base);
    for (u32 i = 0; i < 3; i++) {
        assert_non_null(tern_arena_alloc(&arena, 100, 3));
        tern_arena_done(&arena);
        assert_int_equal(alloc.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zero_aligned_and_apart),
        cmocka_unit_test(nothing_is_not_null),
        cmocka_unit_test(sizes_that_overflow_are_no_memory),
        cmocka_unit_test(many_small_blocks_need_few_requests),
        cmocka_unit_test(a_large_block_does_not_waste_the_rest_of_a_chunk),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_freed_arena_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
