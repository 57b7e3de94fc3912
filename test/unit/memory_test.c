/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory_test.c - linear memories in both modes: sizes, limits, growth, and what stays when it is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/guest_range.h"
#include "test_alloc.h"

#define PAGE 65536ull

static MemoryType type_of(u64 min, u64 max)
{
    return (MemoryType){{.min = min, .max = max, .has_max = max != UINT64_MAX}, .page_log2 = 16};
}

static void assert_zero(const Memory *memory, u64 from, u64 to)
{
    for (u64 i = from; i < to; i++) {
        if (memory->base[i] != 0) fail_msg("byte %llu is not zero", (unsigned long long)i);
    }
}

static void growing_keeps_contents_and_zeroes_the_rest(void **state)
{
    (void)state;
    for (u32 mode = 0; mode < 4; mode++) {
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        MemoryType type = type_of(0, 40);
        type.limits.is_64 = mode >= 2;
        MemoryOptions options = {.may_move = mode & 1, .max_pages = UINT64_MAX};
        Diag diag = {0};
        Memory *memory = tern_memory_new(&alloc.base, &type, &options, &diag);
        assert_non_null(memory);
        assert_non_null(memory->base);
        assert_int_equal(memory->size_bytes, 0);
        assert_int_equal(tern_memory_grow_pages(memory, 0), 0);
        for (u64 pages = 0; pages < 40; pages += 5) {
            assert_int_equal(tern_memory_grow_pages(memory, 5), pages);
            assert_int_equal(memory->size_bytes, (pages + 5) * PAGE);
            assert_zero(memory, pages * PAGE, (pages + 5) * PAGE);
            if (pages > 0) assert_int_equal(memory->base[pages * PAGE - 1], pages);
            memory->base[(pages + 5) * PAGE - 1] = (u8)(pages + 5);
        }
        assert_true(tern_memory_grow_pages(memory, 1) == UINT64_MAX);
        assert_true(tern_memory_grow_pages(memory, UINT64_MAX) == UINT64_MAX);
        assert_int_equal(memory->npages, 40);
        tern_memory_release(memory);
        assert_int_equal(alloc.live, 0);
    }
}

static void a_reserved_memory_stays_where_it_is(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    MemoryType type = type_of(1, UINT64_MAX);
    Memory *memory = tern_memory_new(&alloc.base, &type, NULL, NULL);
    assert_non_null(memory);
    assert_int_equal(memory->max_pages, 65536);
    if (memory->reserved_bytes == 0) { /* the port refuses */
        tern_memory_release(memory);
        skip();
    }
    assert_true(memory->reserved_bytes > MEMORY_GUARDED_BYTES);
    u8 *base = memory->base;
    assert_int_equal(tern_memory_grow_pages(memory, 1000), 1);
    assert_ptr_equal(memory->base, base);
    base[1001 * PAGE - 1] = 7;
    assert_true(tern_memory_grow_pages(memory, 65536) == UINT64_MAX);
    tern_memory_release(memory);
    assert_int_equal(alloc.live, 0);
}

static void the_hosts_limit_and_the_index_space_bound_growth(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    MemoryType type = type_of(2, 10);
    MemoryOptions options = {.may_move = true, .max_pages = 3};
    Memory *memory = tern_memory_new(&alloc.base, &type, &options, NULL);
    assert_non_null(memory);
    assert_int_equal(tern_memory_grow_pages(memory, 1), 2);
    assert_true(tern_memory_grow_pages(memory, 1) == UINT64_MAX);
    tern_memory_release(memory);

    Diag diag = {0};
    options.max_pages = 1;
    assert_null(tern_memory_new(&alloc.base, &type, &options, &diag));
    assert_int_equal(diag.code, DIAG_NO_LINEAR_MEMORY);
    assert_int_equal(tern_diag_kind(diag.code), DIAG_KIND_RESOURCE);

    type = type_of(1ull << 33, UINT64_MAX);
    type.limits.is_64 = true;
    diag = (Diag){0};
    assert_null(tern_memory_new(&alloc.base, &type, NULL, &diag));
    assert_int_equal(diag.code, DIAG_NO_LINEAR_MEMORY);
    assert_int_equal(alloc.live, 0);
}

static void pages_may_be_of_one_byte_or_of_the_embedders_size(void **state)
{
    (void)state;
    for (u32 may_move = 0; may_move < 2; may_move++) {
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        MemoryType type = {{.min = 3, .max = UINT64_MAX}, .page_log2 = 0};
        MemoryOptions options = {.may_move = may_move, .max_pages = UINT64_MAX};
        Memory *memory = tern_memory_new(&alloc.base, &type, &options, NULL);
        assert_non_null(memory);
        assert_int_equal(memory->size_bytes, 3);
        assert_int_equal(memory->max_pages, UINT32_MAX);
        for (u64 n = 3; n < 50; n++) {
            memory->base[n - 1] = 0xee;
            assert_int_equal(tern_memory_grow_pages(memory, 1), n);
            assert_zero(memory, n, n + 1);
        }
        assert_int_equal(tern_memory_grow_pages(memory, 10000), 50);
        assert_zero(memory, 50, 10050);
        tern_memory_release(memory);

        type = type_of(1, 1);
        options.page_bytes = 73728 + 8;
        memory = tern_memory_new(&alloc.base, &type, &options, NULL);
        assert_non_null(memory);
        assert_int_equal(memory->size_bytes, 73736);
        assert_int_equal(memory->npages, 1);
        assert_zero(memory, 0, 73736);
        tern_memory_release(memory);
        assert_int_equal(alloc.live, 0);
    }
}

static void a_shared_memory_never_moves_or_is_refused(void **state)
{
    (void)state;
    if (!TERN_THREADS) skip();
    for (u32 mode = 0; mode < 4; mode++) {
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        MemoryType type = type_of(1, 100);
        type.limits.is_shared = true;
        type.limits.is_64 = mode >= 2;
        MemoryOptions options = {.may_move = mode & 1, .max_pages = UINT64_MAX};
        Memory *memory = tern_memory_new(&alloc.base, &type, &options, NULL);
        if (memory == NULL) continue;
        assert_true(memory->reserved_bytes >= 100 * PAGE);
        u8 *base = memory->base;
        assert_int_equal(tern_memory_grow_pages(memory, 99), 1);
        assert_ptr_equal(memory->base, base);
        assert_zero(memory, 0, 100 * PAGE);
        assert_true(tern_memory_grow_pages(memory, 1) == UINT64_MAX);
        tern_memory_release(memory);
        assert_int_equal(alloc.live, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        MemoryType type = type_of(1, 8);
        MemoryOptions options = {.may_move = true, .max_pages = UINT64_MAX};
        Diag diag = {0};
        Memory *memory = tern_memory_new(&alloc.base, &type, &options, &diag);
        if (memory == NULL) {
            assert_int_equal(tern_diag_kind(diag.code), DIAG_KIND_RESOURCE);
        } else {
            memory->base[65535] = 9;
            bool has_grown = tern_memory_grow_pages(memory, 2) == 1;
            assert_int_equal(has_grown, !alloc.has_failed);
            assert_int_equal(memory->npages, has_grown ? 3 : 1);
            assert_int_equal(memory->base[65535], 9);
            tern_memory_release(memory);
        }
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

static void ranges_are_checked_for_their_whole_length(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    MemoryType type = type_of(1, 1);
    Memory *memory = tern_memory_new(&alloc.base, &type, NULL, NULL);
    assert_non_null(memory);
    assert_ptr_equal(tern_guest_range(memory, 65535, 1), memory->base + 65535);
    assert_ptr_equal(tern_guest_range(memory, 65536, 0), memory->base + 65536);
    assert_null(tern_guest_range(memory, 65535, 2));
    assert_null(tern_guest_range(memory, 65537, 0));
    assert_null(tern_guest_range(memory, 1, UINT64_MAX));
    assert_null(tern_guest_array(memory, 0, 1ull << 62, 8));

    u64 size = 0;
    memcpy(memory->base + 65530, "abcdef", 6);
    assert_null(tern_guest_string(memory, 65530, &size)); /* no NUL before the end */
    memory->base[65535] = 0;
    assert_string_equal(tern_guest_string(memory, 65530, &size), "abcde");
    assert_int_equal(size, 5);
    assert_null(tern_guest_string(memory, 65536, &size));

    u64 addr = 0;
    assert_true(tern_guest_addr(memory, memory->base + 5, &addr));
    assert_int_equal(addr, 5);
    assert_false(tern_guest_addr(memory, memory->base + 65536, &addr));
    tern_memory_release(memory);
    assert_int_equal(alloc.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(growing_keeps_contents_and_zeroes_the_rest),
        cmocka_unit_test(a_reserved_memory_stays_where_it_is),
        cmocka_unit_test(the_hosts_limit_and_the_index_space_bound_growth),
        cmocka_unit_test(pages_may_be_of_one_byte_or_of_the_embedders_size),
        cmocka_unit_test(a_shared_memory_never_moves_or_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(ranges_are_checked_for_their_whole_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
