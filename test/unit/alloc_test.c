/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* alloc_test.c - the calls through an allocator handle, and the pool against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "test_alloc.h"

static void nothing_is_allocated_for_size_zero(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    assert_null(tern_alloc(&alloc.base, 0));
    assert_null(tern_alloc_zeroed(&alloc.base, 0, 8));
    assert_null(tern_realloc(&alloc.base, NULL, 0, 0));
    tern_free(&alloc.base, NULL, 0);
    assert_int_equal(alloc.nrequests, 0);
}

static void a_product_that_overflows_is_no_memory(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    assert_null(tern_alloc_zeroed(&alloc.base, UINT64_MAX / 2, 16));
    assert_int_equal(alloc.nrequests, 0);
}

static void zeroed_memory_is_zero(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    u8 *p = tern_alloc_zeroed(&alloc.base, 10, 10), zeroes[100] = {0};
    assert_memory_equal(p, zeroes, 100);
    p = tern_realloc(&alloc.base, p, 100, 200);
    assert_memory_equal(p, zeroes, 100);
    tern_free(&alloc.base, p, 200);
    assert_int_equal(alloc.live, 0);
}

/* --- the pool --------------------------------------------------------------------------------- */

static void a_buffer_below_256_bytes_is_refused(void **state)
{
    (void)state;
    _Alignas(16) u8 buffer[288];
    assert_null(tern_pool_init(NULL, 4096));
    for (size_t size = 0; size < 256; size++)
        assert_null(tern_pool_init(buffer, size));
    for (size_t lead = 0; lead < 16; lead++) {
        Pool *pool = tern_pool_init(buffer + lead, 256);
        assert_non_null(pool);
        void *p = tern_pool_resize(pool, NULL, 0, 48);
        assert_non_null(p);
        memset(p, 1, 48);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true((u8 *)p + 48 <= buffer + lead + 256);
        assert_null(tern_pool_resize(pool, p, 48, 0));
    }
}

static void every_buffer_size_gives_a_pool_that_can_be_used_up(void **state)
{
    (void)state;
    for (size_t size = 256; size < 9000; size += size < 1200 ? 1 : 97) {
        u8 *buffer = malloc(size); /* exactly: the sanitizer watches both ends */
        Pool *pool = tern_pool_init(buffer, size);
        assert_non_null(pool);
        PoolStats stats = tern_pool_stats(pool);
        assert_int_equal(stats.total_bytes, stats.free_bytes);
        assert_int_equal(stats.highmark_bytes, 0);

        void *all = tern_pool_resize(pool, NULL, 0, stats.total_bytes);
        assert_non_null(all);
        memset(all, 0xee, stats.total_bytes);
        assert_null(tern_pool_resize(pool, NULL, 0, 1));
        tern_pool_resize(pool, all, stats.total_bytes, 0);

        u64 n = 0;
        while (tern_pool_resize(pool, NULL, 0, 16) != NULL)
            n++;
        assert_int_equal(n * 16, stats.total_bytes);
        assert_int_equal(tern_pool_stats(pool).free_bytes, 0);
        assert_int_equal(tern_pool_stats(pool).highmark_bytes, stats.total_bytes);
        free(buffer);
    }
}

static void impossible_sizes_are_refused_by_the_pool(void **state)
{
    (void)state;
    _Alignas(16) static u8 buffer[4096];
    Pool *pool = tern_pool_init(buffer, sizeof buffer);
    assert_null(tern_pool_resize(pool, NULL, 0, 0));
    assert_null(tern_pool_resize(pool, NULL, 0, SIZE_MAX));
    assert_null(tern_pool_resize(pool, NULL, 0, SIZE_MAX - 14));
    assert_null(tern_pool_resize(pool, NULL, 0, sizeof buffer));
    assert_null(tern_pool_alloc_aligned(pool, 0, 64));
    assert_null(tern_pool_alloc_aligned(pool, SIZE_MAX, 64));
    assert_null(tern_pool_alloc_aligned(pool, 16, 65536));
    u8 *p = tern_pool_resize(pool, NULL, 0, 100);
    memset(p, 7, 100);
    assert_null(tern_pool_resize(pool, p, 100, SIZE_MAX));
    assert_int_equal(p[99], 7);
}

static void a_block_grows_in_place_when_what_follows_is_free(void **state)
{
    (void)state;
    _Alignas(16) static u8 buffer[8192];
    Pool *pool = tern_pool_init(buffer, sizeof buffer);
    u8 *a = tern_pool_resize(pool, NULL, 0, 64), *b = tern_pool_resize(pool, NULL, 0, 64);
    u8 *c = tern_pool_resize(pool, NULL, 0, 64);
    memset(a, 0xaa, 64);
    tern_pool_resize(pool, b, 64, 0);
    assert_ptr_equal(tern_pool_resize(pool, a, 64, 100), a);
    assert_ptr_equal(tern_pool_resize(pool, a, 100, 128), a);
    u8 *moved = tern_pool_resize(pool, a, 128, 129);
    assert_ptr_not_equal(moved, a);
    for (u32 i = 0; i < 64; i++)
        assert_int_equal(moved[i], 0xaa);
    assert_ptr_equal(tern_pool_resize(pool, moved, 129, 1), moved);
    tern_pool_resize(pool, moved, 1, 0);
    tern_pool_resize(pool, c, 64, 0);
    PoolStats stats = tern_pool_stats(pool);
    assert_int_equal(stats.free_bytes, stats.total_bytes);
    assert_non_null(tern_pool_resize(pool, NULL, 0, stats.total_bytes)); /* one block again */
}

static void the_high_mark_counts_aligned_blocks_without_their_slack(void **state)
{
    (void)state;
    _Alignas(4096) static u8 buffer[65536 * 2];
    Pool *pool = tern_pool_init(buffer, sizeof buffer);
    void *p = tern_pool_alloc_aligned(pool, 40, 4096);
    assert_int_equal((uintptr_t)p % 4096, 0);
    assert_int_equal(tern_pool_stats(pool).highmark_bytes, 48);
    tern_pool_resize(pool, p, 40, 0);
    assert_int_equal(tern_pool_stats(pool).free_bytes, tern_pool_stats(pool).total_bytes);
}

enum { MODEL_BLOCKS = 200, MODEL_BYTES = 96 * 1024 };

typedef struct ModelBlock {
    u8 *p;
    size_t size;
    u8 fill;
} ModelBlock;

static void check_fill(const ModelBlock *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block->p[i] != block->fill) fail_msg("a block was damaged");
}

static size_t random_size(u64 *chance)
{
    u64 kind = test_random(chance) % 16;
    u64 limit = kind < 8 ? 64 : kind < 13 ? 1024 : kind < 15 ? 8192 : MODEL_BYTES;
    return (size_t)(1 + test_random(chance) % limit);
}

static void random_use_never_damages_or_loses_a_block(void **state)
{
    (void)state;
    static ModelBlock blocks[MODEL_BLOCKS];
    u8 *buffer = malloc(MODEL_BYTES);
    u64 chance = 1;
    for (u32 round = 0; round < 20; round++) {
        size_t lead = test_random(&chance) % 16, bytes = 2048u << (round % 6);
        if (bytes > MODEL_BYTES - lead) bytes = MODEL_BYTES - lead;
        Pool *pool = tern_pool_init(buffer + lead, bytes);
        u64 used = 0, most = 0;
        for (u32 step = 0; step < 5000; step++) {
            ModelBlock *block = &blocks[test_random(&chance) % MODEL_BLOCKS];
            size_t size = random_size(&chance);
            u8 *p;
            if (block->p == NULL && step % 4 == 0) {
                size_t align = (size_t)1 << test_random(&chance) % 13;
                p = tern_pool_alloc_aligned(pool, size, align);
                assert_int_equal((uintptr_t)p % align, 0);
            } else {
                if (block->p != NULL) check_fill(block, block->size);
                if (block->p != NULL && step % 3 != 0) size = 0;
                p = tern_pool_resize(pool, block->p, block->size, size);
                if (block->p != NULL && p != NULL) {
                    ModelBlock now = {p, size, block->fill};
                    check_fill(&now, size < block->size ? size : block->size);
                    if (p != block->p) most = u64_max(most, used + (size + 15) / 16 * 16);
                }
            }
            if (p == NULL && size != 0) continue; /* no room: the old block stays */
            used = used - (block->size + 15) / 16 * 16 + (size + 15) / 16 * 16;
            most = u64_max(most, used);
            *block = (ModelBlock){p, size, (u8)test_random(&chance)};
            if (p != NULL) {
                assert_int_equal((uintptr_t)p % 16, 0);
                assert_true(p >= buffer + lead && p + size <= buffer + lead + bytes);
                memset(p, block->fill, size);
            }
            PoolStats stats = tern_pool_stats(pool);
            assert_int_equal(stats.total_bytes - stats.free_bytes, used);
            assert_int_equal(stats.highmark_bytes, most);
        }
        for (u32 i = 0; i < MODEL_BLOCKS; i++) {
            if (blocks[i].p == NULL) continue;
            check_fill(&blocks[i], blocks[i].size);
            tern_pool_resize(pool, blocks[i].p, blocks[i].size, 0);
            blocks[i] = (ModelBlock){0};
        }
        u64 total = tern_pool_stats(pool).total_bytes;
        assert_int_equal(tern_pool_stats(pool).free_bytes, total);
        assert_non_null(tern_pool_resize(pool, NULL, 0, (size_t)total)); /* all coalesced */
    }
    free(buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_for_size_zero),
        cmocka_unit_test(a_product_that_overflows_is_no_memory),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(a_buffer_below_256_bytes_is_refused),
        cmocka_unit_test(every_buffer_size_gives_a_pool_that_can_be_used_up),
        cmocka_unit_test(impossible_sizes_are_refused_by_the_pool),
        cmocka_unit_test(a_block_grows_in_place_when_what_follows_is_free),
        cmocka_unit_test(the_high_mark_counts_aligned_blocks_without_their_slack),
        cmocka_unit_test(random_use_never_damages_or_loses_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
