/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_heap_test.c - the guest heap at its edges, and against a model that knows every granule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/guest_heap.h"
#include "test_alloc.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static TestAlloc plenty;

static GuestHeap *heap_of(u64 start, u64 size_bytes)
{
    plenty = test_alloc(TEST_ALLOC_NEVER);
    GuestHeap *heap = tern_guest_heap_new(&plenty.base, start, size_bytes);
    assert_non_null(heap);
    return heap;
}

static void drop(GuestHeap *heap)
{
    assert_int_equal(tern_guest_heap_stats(heap).host_bytes, plenty.live);
    tern_guest_heap_free_all(heap);
    assert_int_equal(plenty.live, 0);
}

/* Takes blocks of one size until there is no room; how many. */
static u64 fill(GuestHeap *heap, u64 size_bytes)
{
    u64 n = 0;
    while (tern_guest_heap_alloc(heap, size_bytes) != 0) n++;
    return n;
}

static bool note_first(void *env, u64 addr, u64 size_bytes)
{
    (void)size_bytes;
    *(u64 *)env = addr;
    return false;
}

static u64 first_live(const GuestHeap *heap)
{
    u64 addr = 0;
    tern_guest_heap_walk(heap, note_first, &addr);
    return addr;
}

static void free_every_block(GuestHeap *heap)
{
    for (u64 addr; (addr = first_live(heap)) != 0;)
        assert_int_equal(tern_guest_heap_free(heap, addr), GUEST_HEAP_FREED);
}

static void assert_all_one_free_block(GuestHeap *heap)
{
    GuestHeapStats stats = tern_guest_heap_stats(heap);
    assert_int_equal(stats.live_blocks, 0);
    assert_int_equal(stats.free_bytes, stats.total_bytes);
    assert_int_equal(stats.largest_free_bytes, stats.total_bytes);
}

/* -- edges ------------------------------------------------------------------------------------- */

static void address_zero_is_never_handed_out(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(0, 64);
    assert_int_equal(tern_guest_heap_stats(heap).total_bytes, 48);
    assert_int_equal(tern_guest_heap_alloc(heap, 16), 16);
    assert_int_equal(fill(heap, 1), 2);
    assert_int_equal(tern_guest_heap_free(heap, 0), GUEST_HEAP_NOT_LIVE);
    assert_true(tern_guest_heap_contains(heap, 0));
    drop(heap);
    heap = heap_of(0, 16);
    assert_int_equal(tern_guest_heap_alloc(heap, 1), 0);
    drop(heap);
}

static void a_heap_without_room_for_a_block_is_still_a_heap(void **state)
{
    (void)state;
    static const u64 ranges[][2] = {{0, 0}, {64, 0}, {64, 15}, {65, 30}, {1, 29}, {UINT64_MAX, 1},
                                    {UINT64_MAX, UINT64_MAX}, {UINT64_MAX - 20, 21}};
    for (u32 i = 0; i < COUNT_OF(ranges); i++) {
        GuestHeap *heap = heap_of(ranges[i][0], ranges[i][1]);
        assert_int_equal(tern_guest_heap_alloc(heap, 0), 0);
        assert_int_equal(tern_guest_heap_alloc(heap, 1), 0);
        assert_int_equal(tern_guest_heap_alloc(heap, UINT64_MAX), 0);
        assert_int_equal(tern_guest_heap_alloc_aligned(heap, 0, 65536), 0);
        assert_int_not_equal(tern_guest_heap_free(heap, ranges[i][0]), GUEST_HEAP_FREED);
        assert_int_equal(tern_guest_heap_block_size(heap, ranges[i][0]), 0);
        assert_int_equal(first_live(heap), 0);
        assert_all_one_free_block(heap);
        drop(heap);
    }
}

static void a_range_need_not_be_aligned(void **state)
{
    (void)state;
    for (u64 start = 65530; start < 65556; start++) {
        for (u64 size = 250; size < 290; size++) {
            GuestHeap *heap = heap_of(start, size);
            u64 first = (start + 15) & ~(u64)15;
            u64 n = ((start + size) / 16) - first / 16;
            for (u64 i = 0; i < n; i++)
                assert_int_equal(tern_guest_heap_alloc(heap, 16), first + 16 * i);
            assert_int_equal(tern_guest_heap_alloc(heap, 1), 0);
            free_every_block(heap);
            assert_int_equal(tern_guest_heap_alloc(heap, 16 * n), first);
            assert_int_equal(tern_guest_heap_alloc(heap, 1), 0);
            drop(heap);
        }
    }
}

static void the_end_of_the_address_space_is_an_end(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(UINT64_MAX - 4095, UINT64_MAX);
    assert_int_equal(fill(heap, 16), 255);
    assert_true(tern_guest_heap_contains(heap, UINT64_MAX - 1));
    assert_false(tern_guest_heap_contains(heap, UINT64_MAX - 4096));
    assert_false(tern_guest_heap_contains(heap, 0));
    free_every_block(heap);
    assert_all_one_free_block(heap);
    assert_int_equal(tern_guest_heap_alloc(heap, 4081), 0);
    assert_int_not_equal(tern_guest_heap_alloc(heap, 4080), 0);
    drop(heap);
}

static void size_zero_gets_an_address_of_its_own(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(KIB, KIB);
    u64 a = tern_guest_heap_alloc(heap, 0);
    u64 b = tern_guest_heap_alloc(heap, 0);
    assert_true(a != 0 && b != 0 && a != b);
    assert_int_equal(tern_guest_heap_free(heap, a), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_free(heap, b), GUEST_HEAP_FREED);
    assert_all_one_free_block(heap);
    drop(heap);
}

static void no_size_is_too_large_to_refuse(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(KIB, 64 * KIB);
    static const u64 sizes[] = {64 * KIB + 1, UINT32_MAX, (u64)UINT32_MAX + 2, (u64)1 << 36,
                                UINT64_MAX - 15, UINT64_MAX};
    u64 addr = tern_guest_heap_alloc(heap, 100);
    for (u32 i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(tern_guest_heap_alloc(heap, sizes[i]), 0);
        assert_int_equal(tern_guest_heap_alloc_aligned(heap, sizes[i], 65536), 0);
        assert_false(tern_guest_heap_resize(heap, addr, sizes[i]));
    }
    drop(heap);
}

static void a_small_heap_is_used_to_the_last_granule(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(KIB, 256);
    assert_int_equal(fill(heap, 16), 16);
    free_every_block(heap);
    assert_int_equal(fill(heap, 40), 5);
    free_every_block(heap);
    assert_int_equal(fill(heap, 256), 1);
    assert_true(plenty.live < 4 * KIB);
    drop(heap);

    heap = heap_of(KIB, 8 * KIB);
    assert_int_equal(fill(heap, 8000), 1);
    free_every_block(heap);
    assert_int_equal(fill(heap, 16), 512);
    free_every_block(heap);
    assert_int_equal(fill(heap, 8 * KIB), 1);
    assert_true(plenty.live < 4 * KIB);
    drop(heap);
}

static void sizes_do_not_starve_each_other(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(KIB, 16 * KIB);
    u64 live = 0;
    u64 addrs[64];
    u32 n = 0;
    for (u64 size = 16; live + size <= 16 * KIB; size += 16, n++) { /* one of every size */
        addrs[n] = tern_guest_heap_alloc(heap, size);
        assert_int_not_equal(addrs[n], 0);
        live += size;
    }
    for (u32 i = 0; i < n; i += 2) {
        tern_guest_heap_free(heap, addrs[i]);
        live -= 16 * (i + 1);
    }
    assert_int_equal(fill(heap, 16), (16 * KIB - live) / 16);
    drop(heap);
}

static void every_bad_free_is_named_and_changes_nothing(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(4 * KIB, MIB);
    u64 small = tern_guest_heap_alloc(heap, 24);
    u64 large = tern_guest_heap_alloc(heap, 300 * KIB);
    u64 other = tern_guest_heap_alloc(heap, 24);
    assert_int_equal(tern_guest_heap_free(heap, 0), GUEST_HEAP_NOT_OURS);
    assert_int_equal(tern_guest_heap_free(heap, 4 * KIB - 1), GUEST_HEAP_NOT_OURS);
    assert_int_equal(tern_guest_heap_free(heap, 4 * KIB + MIB), GUEST_HEAP_NOT_OURS);
    assert_int_equal(tern_guest_heap_free(heap, UINT64_MAX), GUEST_HEAP_NOT_OURS);
    assert_int_equal(tern_guest_heap_free(heap, 4 * KIB + MIB - 1), GUEST_HEAP_NOT_LIVE);
    assert_int_equal(tern_guest_heap_free(heap, other + 32), GUEST_HEAP_NOT_LIVE);
    for (u64 i = 1; i < 32; i++)
        assert_int_equal(tern_guest_heap_free(heap, small + i), GUEST_HEAP_INTERIOR);
    for (u64 i = 1; i < 300 * KIB; i += 61)
        assert_int_equal(tern_guest_heap_free(heap, large + i), GUEST_HEAP_INTERIOR);
    assert_int_equal(tern_guest_heap_block_size(heap, small), 32);
    assert_int_equal(tern_guest_heap_block_size(heap, small + 16), 0);
    assert_int_equal(tern_guest_heap_stats(heap).live_blocks, 3);

    assert_int_equal(tern_guest_heap_free(heap, large), GUEST_HEAP_FREED);
    for (u64 i = 0; i < 300 * KIB; i += 61)
        assert_int_equal(tern_guest_heap_free(heap, large + i), GUEST_HEAP_NOT_LIVE);
    assert_int_equal(tern_guest_heap_block_size(heap, large), 0);
    assert_false(tern_guest_heap_resize(heap, large, 16));
    for (u32 i = 0; i < 3; i++) { /* as the block freed last, as a spare, and as a free block */
        if (i == 1) assert_int_equal(tern_guest_heap_free(heap, small), GUEST_HEAP_FREED);
        if (i == 2) tern_guest_heap_stats(heap);
        assert_int_equal(tern_guest_heap_free(heap, large), GUEST_HEAP_NOT_LIVE);
        assert_int_equal(tern_guest_heap_free(heap, large + 16), GUEST_HEAP_NOT_LIVE);
    }
    assert_int_equal(tern_guest_heap_free(heap, small), GUEST_HEAP_NOT_LIVE);
    assert_int_equal(tern_guest_heap_free(heap, other), GUEST_HEAP_FREED);
    assert_all_one_free_block(heap);
    drop(heap);
}

static void alignment_is_of_the_guest_address(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(1000, MIB);
    u64 addrs[40];
    u32 n = 0;
    for (u64 align = 1; align <= 65536; align *= 2) {
        addrs[n] = tern_guest_heap_alloc(heap, 8);
        assert_true(addrs[n] != 0 && addrs[n++] % 8 == 0);
        addrs[n] = tern_guest_heap_alloc_aligned(heap, align == 2 ? 0 : 40, align);
        assert_true(addrs[n] != 0 && addrs[n++] % align == 0);
    }
    static const u64 wrong[] = {0, 3, 24, 48, 65535, 131072, UINT64_MAX, (u64)1 << 63};
    for (u32 i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(tern_guest_heap_alloc_aligned(heap, 8, wrong[i]), 0);
    for (u32 i = 0; i < n; i++)
        assert_int_equal(tern_guest_heap_free(heap, addrs[i]), GUEST_HEAP_FREED);
    assert_all_one_free_block(heap);
    drop(heap);

    heap = heap_of(4096, 60 * KIB); /* exactly one aligned place, whatever there is before it */
    assert_int_equal(tern_guest_heap_alloc_aligned(heap, 16, 65536), 0);
    assert_int_equal(tern_guest_heap_alloc_aligned(heap, 28 * KIB, 32768), 32768);
    assert_int_equal(tern_guest_heap_alloc(heap, 28 * KIB), 4096);
    free_every_block(heap);
    u64 low = tern_guest_heap_alloc(heap, 24 * KIB);
    u64 rest = tern_guest_heap_alloc(heap, 30 * KIB);
    tern_guest_heap_alloc(heap, 6 * KIB);
    assert_int_equal(tern_guest_heap_free(heap, rest), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_alloc_aligned(heap, 26 * KIB, 32768), 32768);
    assert_int_equal(tern_guest_heap_free(heap, low), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_alloc(heap, 28 * KIB), 4096);
    drop(heap);
}

static void a_block_is_resized_in_place_when_that_can_be(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(KIB, 64 * KIB);
    u64 a = tern_guest_heap_alloc(heap, 100);
    assert_true(tern_guest_heap_resize(heap, a, 112));
    assert_int_equal(tern_guest_heap_block_size(heap, a), 112);
    assert_true(tern_guest_heap_resize(heap, a, 5000)); /* the wilderness */
    assert_int_equal(tern_guest_heap_block_size(heap, a), 5008);
    assert_true(tern_guest_heap_resize(heap, a, 64 * KIB));
    assert_false(tern_guest_heap_resize(heap, a, 64 * KIB + 1));
    assert_true(tern_guest_heap_resize(heap, a, 0));
    assert_int_equal(tern_guest_heap_block_size(heap, a), 16);
    assert_int_equal(tern_guest_heap_stats(heap).largest_free_bytes, 64 * KIB - 16);
    assert_int_equal(tern_guest_heap_stats(heap).highmark_bytes, 64 * KIB);

    u64 b = tern_guest_heap_alloc(heap, 3000);
    u64 c = tern_guest_heap_alloc(heap, 3000);
    assert_false(tern_guest_heap_resize(heap, a, 32));
    assert_int_equal(tern_guest_heap_free(heap, b), GUEST_HEAP_FREED);
    assert_false(tern_guest_heap_resize(heap, a, 16 + 3008 + 1));
    assert_true(tern_guest_heap_resize(heap, a, 1600)); /* part of a free block */
    assert_true(tern_guest_heap_resize(heap, a, 16 + 3008)); /* all of it */
    assert_false(tern_guest_heap_resize(heap, a, 16 + 3008 + 1));
    assert_true(tern_guest_heap_resize(heap, a, 2000));
    assert_int_equal(tern_guest_heap_alloc(heap, 1008), a + 2016); /* the end of the rest */
    assert_int_equal(tern_guest_heap_alloc(heap, 16), a + 2000);
    assert_true(tern_guest_heap_resize(heap, c, 16));
    assert_false(tern_guest_heap_resize(heap, c + 1, 16));
    assert_false(tern_guest_heap_resize(heap, b + 16, 16));
    free_every_block(heap);
    assert_all_one_free_block(heap);
    drop(heap);
}

typedef struct Seen {
    u64 addrs[8], sizes[8];
    u32 n, limit;
} Seen;

static bool see(void *env, u64 addr, u64 size_bytes)
{
    Seen *seen = env;
    seen->addrs[seen->n] = addr;
    seen->sizes[seen->n++] = size_bytes;
    return seen->n < seen->limit;
}

static void a_walk_sees_live_blocks_in_order_until_it_is_stopped(void **state)
{
    (void)state;
    GuestHeap *heap = heap_of(KIB, MIB);
    static const u64 sizes[] = {16, 70 * KIB, 32, 200 * KIB, 48, 64};
    u64 addrs[6];
    for (u32 i = 0; i < 6; i++) addrs[i] = tern_guest_heap_alloc(heap, sizes[i]);
    tern_guest_heap_free(heap, addrs[1]);
    tern_guest_heap_free(heap, addrs[4]);
    for (u32 i = 0; i < 2; i++) {
        Seen seen = {.limit = 8};
        tern_guest_heap_walk(heap, see, &seen);
        assert_int_equal(seen.n, 4);
        static const u32 expected[] = {0, 2, 3, 5};
        for (u32 k = 0; k < 4; k++) {
            assert_int_equal(seen.addrs[k], addrs[expected[k]]);
            assert_int_equal(seen.sizes[k], sizes[expected[k]]);
        }
        seen = (Seen){.limit = 2};
        tern_guest_heap_walk(heap, see, &seen);
        assert_int_equal(seen.n, 2);
        tern_guest_heap_stats(heap); /* the freed blocks are free blocks now */
    }
    drop(heap);
}

static void a_heap_may_be_huge_and_lie_above_4_gib(void **state)
{
    (void)state;
    u64 gib = (u64)1 << 30;
    GuestHeap *heap = heap_of(5 * gib, gib);
    assert_true(plenty.live < 16 * KIB); /* not proportional to the size */
    u64 small = tern_guest_heap_alloc(heap, 16);
    u64 a = tern_guest_heap_alloc(heap, 600 * (u64)MIB);
    u64 b = tern_guest_heap_alloc(heap, 300 * (u64)MIB);
    u64 c = tern_guest_heap_alloc_aligned(heap, 16, 65536);
    assert_true(small == 5 * gib && a != 0 && b == a + 600 * (u64)MIB && c % 65536 == 0);
    assert_int_equal(tern_guest_heap_free(heap, a + 599 * (u64)MIB), GUEST_HEAP_INTERIOR);
    assert_int_equal(tern_guest_heap_free(heap, b + 299 * (u64)MIB), GUEST_HEAP_INTERIOR);
    assert_int_equal(tern_guest_heap_block_size(heap, b), 300 * (u64)MIB);
    assert_int_equal(tern_guest_heap_free(heap, a), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_free(heap, a + 599 * (u64)MIB), GUEST_HEAP_NOT_LIVE);
    u64 d = tern_guest_heap_alloc(heap, 200 * (u64)MIB); /* leaves 400 before it */
    assert_int_equal(d, a + 400 * (u64)MIB);
    assert_true(tern_guest_heap_resize(heap, d, 100 * (u64)MIB));
    assert_true(tern_guest_heap_resize(heap, d, 150 * (u64)MIB));
    assert_true(tern_guest_heap_resize(heap, small, 16 + 400 * (u64)MIB));
    assert_int_equal(tern_guest_heap_free(heap, b), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_free(heap, small), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_free(heap, d), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_free(heap, c), GUEST_HEAP_FREED);
    assert_all_one_free_block(heap);
    assert_int_equal(tern_guest_heap_alloc(heap, gib), 5 * gib);
    drop(heap);

    heap = heap_of(0, UINT64_MAX); /* served as far as it can be: 64 GiB, nearly */
    assert_true(tern_guest_heap_stats(heap).total_bytes > 63 * gib);
    a = tern_guest_heap_alloc(heap, 63 * gib);
    b = tern_guest_heap_alloc(heap, 16);
    assert_int_equal(a, 16);
    assert_int_equal(b, 16 + 63 * gib);
    assert_int_equal(tern_guest_heap_alloc(heap, gib), 0);
    assert_int_equal(tern_guest_heap_free(heap, a + 62 * gib), GUEST_HEAP_INTERIOR);
    assert_int_equal(tern_guest_heap_free(heap, UINT64_MAX - 1), GUEST_HEAP_NOT_LIVE);
    assert_int_equal(tern_guest_heap_free(heap, a), GUEST_HEAP_FREED);
    assert_int_equal(tern_guest_heap_free(heap, a + 62 * gib), GUEST_HEAP_NOT_LIVE);
    assert_int_equal(tern_guest_heap_free(heap, b), GUEST_HEAP_FREED);
    assert_all_one_free_block(heap);
    drop(heap);
}

static void bookkeeping_is_small_however_the_heap_is_cut(void **state)
{
    (void)state;
    for (u64 size = 256; size <= 4 * MIB; size *= 4) {
        GuestHeap *heap = heap_of(64 * KIB, size);
        u64 n = fill(heap, 16);
        assert_int_equal(n, size / 16);
        for (u64 i = 0; i < n; i += 2)
            assert_int_equal(tern_guest_heap_free(heap, 64 * KIB + 16 * i), GUEST_HEAP_FREED);
        GuestHeapStats stats = tern_guest_heap_stats(heap);
        assert_int_equal(stats.largest_free_bytes, 16);
        assert_true(stats.host_bytes <= size / 25 + 4 * KIB);
        assert_int_equal(fill(heap, 16), n / 2);
        drop(heap);
    }
}

/* -- failing ----------------------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        GuestHeap *heap = tern_guest_heap_new(&alloc.base, 1 << 20, 40 * MIB);
        if (heap == NULL) {
            assert_true(alloc.has_failed && alloc.live == 0);
            continue;
        }
        u64 random = 7;
        u64 addrs[40] = {0};
        u32 nrefused = 0;
        for (u32 i = 0; i < 400; i++) {
            u64 *addr = &addrs[test_random(&random) % 40];
            u64 r = test_random(&random);
            u64 size = r % ((u64)1 << (4 + r / 64 % 18));
            GuestHeapStats before = tern_guest_heap_stats(heap);
            if (*addr != 0 && r >> 62 == 0) {
                u64 old_size = tern_guest_heap_block_size(heap, *addr);
                bool is_done = tern_guest_heap_resize(heap, *addr, size);
                u64 new_size = tern_guest_heap_block_size(heap, *addr);
                assert_true(is_done ? new_size >= size : new_size == old_size);
            } else if (*addr != 0) {
                assert_int_equal(tern_guest_heap_free(heap, *addr), GUEST_HEAP_FREED);
                *addr = 0;
            } else {
                *addr = r >> 63 ? tern_guest_heap_alloc(heap, size)
                                : tern_guest_heap_alloc_aligned(heap, size, 4096);
                if (*addr != 0) continue;
                nrefused++; /* and nothing is lost */
                GuestHeapStats after = tern_guest_heap_stats(heap);
                assert_true(alloc.has_failed);
                assert_int_equal(after.live_blocks, before.live_blocks);
                assert_int_equal(after.free_bytes, before.free_bytes);
                assert_int_equal(after.largest_free_bytes, before.largest_free_bytes);
            }
        }
        assert_true(nrefused <= 1);
        assert_int_equal(tern_guest_heap_stats(heap).host_bytes, alloc.live);
        free_every_block(heap);
        assert_all_one_free_block(heap);
        tern_guest_heap_free_all(heap);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

/* -- against a model --------------------------------------------------------------------------- */

enum { MODEL_BLOCKS = 4096, MODEL_GRANULES = 32 * MIB / 16 };

typedef struct ModelBlock {
    u64 addr, size; /* size: the usable one, a multiple of 16 */
} ModelBlock;

/* owners[i] is 1 + the index of the block that has granule i, or 0. */
typedef struct Model {
    GuestHeap *heap;
    u64 base, total, live, highmark;
    ModelBlock blocks[MODEL_BLOCKS];
    u32 nblocks;
    u32 owners[MODEL_GRANULES];
    u64 random;
} Model;

static void own(Model *m, u64 addr, u64 size, u32 expected, u32 owner)
{
    assert_true(addr >= m->base && size <= m->total && addr - m->base <= m->total - size);
    for (u64 i = (addr - m->base) / 16; i < (addr - m->base + size) / 16; i++) {
        if (m->owners[i] != expected) fail_msg("blocks overlap");
        m->owners[i] = owner;
    }
}

static void model_forget(Model *m, u32 index)
{
    ModelBlock *block = &m->blocks[index];
    own(m, block->addr, block->size, index + 1, 0);
    m->live -= block->size;
    ModelBlock last = m->blocks[--m->nblocks];
    if (index == m->nblocks) return;
    own(m, last.addr, last.size, m->nblocks + 1, index + 1);
    *block = last;
}

static u64 model_size(Model *m, u64 max)
{
    u64 r = test_random(&m->random);
    u64 limit = (u64)1 << (3 + r % 20);
    return (r >> 8) % u64_min(limit, max) + (r >> 60 == 0);
}

static void model_alloc(Model *m, u64 max)
{
    if (m->nblocks == MODEL_BLOCKS) return;
    u64 size = model_size(m, max);
    u64 r = test_random(&m->random);
    u64 align = r % 8 == 0 ? (u64)1 << (r >> 8) % 13 : 1;
    u64 addr = align == 1 ? tern_guest_heap_alloc(m->heap, size)
                          : tern_guest_heap_alloc_aligned(m->heap, size, align);
    if (addr == 0) {
        GuestHeapStats stats = tern_guest_heap_stats(m->heap);
        /* exact while all free blocks of a list are tried */
        if (align <= 16 && m->total <= 64 * KIB)
            assert_true(u64_max(size, 1) > stats.largest_free_bytes);
        if (align <= 16) assert_true(size + size / 16 + 16 > stats.largest_free_bytes);
        return;
    }
    u64 usable = (u64_max(size, 1) + 15) & ~(u64)15;
    assert_int_equal(addr % u64_max(align, 16), 0);
    assert_int_equal(tern_guest_heap_block_size(m->heap, addr), usable);
    m->blocks[m->nblocks++] = (ModelBlock){addr, usable};
    own(m, addr, usable, 0, m->nblocks);
    m->live += usable;
    m->highmark = u64_max(m->highmark, m->live);
}

static void model_free(Model *m)
{
    if (m->nblocks == 0) return;
    u32 index = (u32)(test_random(&m->random) % m->nblocks);
    assert_int_equal(tern_guest_heap_free(m->heap, m->blocks[index].addr), GUEST_HEAP_FREED);
    model_forget(m, index);
}

/* Any address, most of them in the heap, many of them at granules. */
static void model_free_anything(Model *m)
{
    u64 r = test_random(&m->random);
    u64 addr = m->base - 64 + (r >> 16) % (m->total + 128);
    if (r % 2) addr &= ~(u64)15;
    u64 offset = addr - m->base;
    u32 owner = offset < m->total ? m->owners[offset / 16] : 0;
    GuestHeapFree expected = GUEST_HEAP_NOT_LIVE;
    if (owner != 0)
        expected = m->blocks[owner - 1].addr == addr ? GUEST_HEAP_FREED : GUEST_HEAP_INTERIOR;
    if (!tern_guest_heap_contains(m->heap, addr)) expected = GUEST_HEAP_NOT_OURS;
    assert_true((expected == GUEST_HEAP_NOT_OURS) <= (offset >= m->total));
    u64 size = expected == GUEST_HEAP_FREED ? m->blocks[owner - 1].size : 0;
    assert_int_equal(tern_guest_heap_block_size(m->heap, addr), size);
    assert_int_equal(tern_guest_heap_free(m->heap, addr), expected);
    if (expected == GUEST_HEAP_FREED) model_forget(m, owner - 1);
}

static void model_resize(Model *m, u64 max)
{
    if (m->nblocks == 0) return;
    u32 index = (u32)(test_random(&m->random) % m->nblocks);
    ModelBlock *block = &m->blocks[index];
    u64 size = model_size(m, max);
    u64 usable = (u64_max(size, 1) + 15) & ~(u64)15;
    u64 end = (block->addr - m->base + block->size) / 16;
    u64 room = block->size; /* with the free granules that follow */
    while (room < usable && end < m->total / 16 && m->owners[end] == 0) {
        room += 16;
        end++;
    }
    assert_int_equal(tern_guest_heap_resize(m->heap, block->addr, size), usable <= room);
    if (usable <= room) {
        own(m, block->addr, block->size, index + 1, 0);
        m->live += usable - block->size;
        m->highmark = u64_max(m->highmark, m->live);
        block->size = usable;
        own(m, block->addr, block->size, 0, index + 1);
    }
    assert_int_equal(tern_guest_heap_block_size(m->heap, block->addr), block->size);
}

static bool model_visit(void *env, u64 addr, u64 size_bytes)
{
    Model *m = env;
    u32 owner = m->owners[(addr - m->base) / 16];
    assert_int_not_equal(owner, 0);
    assert_int_equal(m->blocks[owner - 1].addr, addr);
    assert_int_equal(m->blocks[owner - 1].size, size_bytes);
    m->random++; /* counts the visits */
    return true;
}

static void model_audit(Model *m)
{
    u64 largest = 0;
    u64 run = 0;
    for (u64 i = 0; i < m->total / 16; i++) {
        run = m->owners[i] == 0 ? run + 16 : 0;
        largest = u64_max(largest, run);
    }
    u64 random = m->random;
    tern_guest_heap_walk(m->heap, model_visit, m);
    assert_int_equal(m->random - random, m->nblocks);
    GuestHeapStats stats = tern_guest_heap_stats(m->heap);
    assert_int_equal(stats.total_bytes, m->total);
    assert_int_equal(stats.free_bytes, m->total - m->live);
    assert_int_equal(stats.live_blocks, m->nblocks);
    assert_int_equal(stats.highmark_bytes, m->highmark);
    assert_int_equal(stats.largest_free_bytes, largest);
    assert_int_equal(stats.host_bytes, plenty.live);
    assert_true(stats.host_bytes <= m->total / 25 + 4 * KIB);
}

/* The heap swings between nearly empty and full. */
static void model_run(u64 start, u64 size_bytes, u64 max_block, u32 nsteps, u32 audit_every)
{
    static Model model;
    Model *m = &model;
    memset(m, 0, sizeof *m);
    m->heap = heap_of(start, size_bytes);
    m->base = (u64_max(start, 1) + 15) & ~(u64)15;
    m->total = ((start + size_bytes) & ~(u64)15) - m->base;
    m->random = start ^ size_bytes ^ max_block;
    u64 alloc_percent = 50;
    for (u32 i = 0; i < nsteps; i++) {
        if (i % 1024 == 0) alloc_percent = 20 + test_random(&m->random) % 61;
        u64 r = test_random(&m->random);
        if (r % 16 == 0) {
            model_free_anything(m);
        } else if (r % 16 == 1) {
            model_resize(m, max_block);
        } else if ((r >> 8) % 100 < alloc_percent) {
            model_alloc(m, max_block);
        } else {
            model_free(m);
        }
        if (i % audit_every == 0) model_audit(m);
    }
    model_audit(m);
    while (m->nblocks > 0) model_free(m);
    model_audit(m);
    assert_all_one_free_block(m->heap);
    if (m->total > 0) assert_int_equal(tern_guest_heap_alloc(m->heap, m->total), m->base);
    drop(m->heap);
}

static void it_agrees_with_a_model(void **state)
{
    (void)state;
    model_run(KIB, 256, 100, 200000, 64);
    model_run(0, 1000, 300, 200000, 64);
    model_run(1001, 8 * KIB, 1000, 500000, 256);
    model_run((u64)7 << 32, 16 * KIB, 16 * KIB, 500000, 256);
    model_run(64 * KIB, 64 * KIB, 200, 500000, 1024);
    model_run(64 * KIB + 8, 70001, 8 * KIB, 500000, 1024);
    model_run(64 * KIB, MIB, 100, 1000000, 16384);
    model_run(64 * KIB, MIB, 600, 1000000, 16384);
    model_run(123456789, MIB, 4096, 1000000, 16384);
    model_run(48, MIB, 128 * KIB, 300000, 16384);
    model_run((u64)3 << 30, 32 * MIB, 4 * MIB, 10000, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_zero_is_never_handed_out),
        cmocka_unit_test(a_heap_without_room_for_a_block_is_still_a_heap),
        cmocka_unit_test(a_range_need_not_be_aligned),
        cmocka_unit_test(the_end_of_the_address_space_is_an_end),
        cmocka_unit_test(size_zero_gets_an_address_of_its_own),
        cmocka_unit_test(no_size_is_too_large_to_refuse),
        cmocka_unit_test(a_small_heap_is_used_to_the_last_granule),
        cmocka_unit_test(sizes_do_not_starve_each_other),
        cmocka_unit_test(every_bad_free_is_named_and_changes_nothing),
        cmocka_unit_test(alignment_is_of_the_guest_address),
        cmocka_unit_test(a_block_is_resized_in_place_when_that_can_be),
        cmocka_unit_test(a_walk_sees_live_blocks_in_order_until_it_is_stopped),
        cmocka_unit_test(a_heap_may_be_huge_and_lie_above_4_gib),
        cmocka_unit_test(bookkeeping_is_small_however_the_heap_is_cut),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(it_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
