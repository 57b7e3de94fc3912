/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* port_test.c - the machine: allocators, address space, threads, clocks. */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/port.h"
#include "test_alloc.h"

/* --- allocators ------------------------------------------------------------------------------- */

static void system_blocks_are_aligned_and_keep_their_bytes(void **state)
{
    (void)state;
    Alloc *alloc = tern_port_system_alloc();
    u8 *p = NULL;
    size_t size = 0;
    for (size_t next = 1; next < 100000; next = next * 3 + 1) {
        p = tern_realloc(alloc, p, size, next);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            if (p[i] != (u8)i) fail_msg("lost");
        for (size_t i = 0; i < next; i++)
            p[i] = (u8)i;
        size = next;
    }
    tern_free(alloc, p, size);
}

static void a_pools_handle_lies_in_its_buffer(void **state)
{
    (void)state;
    _Alignas(16) static u8 buffer[4096];
    assert_null(tern_port_pool_alloc(buffer, 300));
    assert_null(tern_port_pool_alloc(NULL, 4096));
    assert_null(tern_port_pool_of(tern_port_system_alloc()));
    Alloc *alloc = tern_port_pool_alloc(buffer + 3, sizeof buffer - 3);
    assert_non_null(alloc);
    assert_true((u8 *)alloc >= buffer && (u8 *)alloc < buffer + sizeof buffer);
    assert_non_null(tern_port_pool_of(alloc));
    u8 *p = tern_alloc(alloc, 100), *q = tern_port_pool_alloc_aligned(alloc, 100, 512);
    assert_int_equal((uintptr_t)q % 512, 0);
    PoolStats stats = tern_port_pool_stats(alloc);
    assert_int_equal(stats.total_bytes - stats.free_bytes, 224);
    tern_free(alloc, p, 100);
    tern_free(alloc, q, 100);
    stats = tern_port_pool_stats(alloc);
    assert_int_equal(stats.free_bytes, stats.total_bytes);
}

static void churn(void *arg)
{
    Alloc *alloc = arg;
    u64 chance = (uintptr_t)&chance;
    u8 *blocks[16] = {0};
    size_t sizes[16] = {0};
    for (u32 i = 0; i < 5000; i++) {
        u32 k = (u32)(test_random(&chance) % 16);
        tern_free(alloc, blocks[k], sizes[k]);
        sizes[k] = 1 + (size_t)(test_random(&chance) % 200);
        blocks[k] = tern_alloc(alloc, sizes[k]);
        if (blocks[k] != NULL) memset(blocks[k], (int)k, sizes[k]);
    }
    for (u32 k = 0; k < 16; k++)
        tern_free(alloc, blocks[k], sizes[k]);
}

static void a_pool_serves_several_threads(void **state)
{
    (void)state;
    static u8 buffer[16 * 1024];
    Alloc *alloc = tern_port_pool_alloc(buffer, sizeof buffer);
    Thread threads[3];
    for (u32 i = 0; i < 3; i++)
        assert_true(tern_port_thread_start(&threads[i], churn, alloc, 0));
    for (u32 i = 0; i < 3; i++)
        tern_port_thread_join(&threads[i]);
    PoolStats stats = tern_port_pool_stats(alloc);
    assert_int_equal(stats.free_bytes, stats.total_bytes);
}

/* --- address space ---------------------------------------------------------------------------- */

static void committed_memory_is_zero_each_time(void **state)
{
    (void)state;
    size_t page = tern_port_page_size();
    assert_int_equal(page & (page - 1), 0);
    size_t size = 8u << 20;
    u8 *p = tern_port_vm_reserve(size);
    assert_non_null(p);
    assert_true(tern_port_vm_commit(p, 0));
    for (u32 round = 0; round < 2; round++) {
        assert_true(tern_port_vm_commit(p + page, 64 * page));
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(p[(i + 1) * page], 0);
        memset(p + page, 0xcd, 64 * page);
        tern_port_vm_decommit(p + page, 64 * page);
    }
    tern_port_vm_release(p, size);
    tern_port_vm_release(NULL, 0);
}

static void exactly_the_named_bytes_become_zero(void **state)
{
    (void)state;
    size_t size = 1u << 20;
    u8 *p = tern_port_vm_reserve(size);
    assert_true(tern_port_vm_commit(p, size));
    u64 chance = 4;
    for (u32 i = 0; i < 40; i++) {
        memset(p, 0xcd, size);
        size_t start = (size_t)(test_random(&chance) % size);
        size_t n = (size_t)(test_random(&chance) % (size - start + 1));
        if (i % 4 == 0) start &= ~(size_t)4095;
        tern_port_vm_zero(p + start, n);
        for (size_t k = 0; k < size; k++)
            if ((p[k] == 0) != (k >= start && k - start < n)) fail_msg("byte %zu", k);
    }
    tern_port_vm_release(p, size);
}

static void what_the_system_does_not_have_is_refused(void **state)
{
    (void)state;
    assert_null(tern_port_vm_reserve(0));
    assert_null(tern_port_vm_reserve(SIZE_MAX & ~(tern_port_page_size() - 1)));
}

/* --- threads ---------------------------------------------------------------------------------- */

typedef struct Turns {
    Mutex mutex;
    Cond cond;
    u32 n;
} Turns;

static void take_turns(void *arg)
{
    Turns *turns = arg;
    for (u32 i = 0; i < 500; i++) {
        tern_port_mutex_lock(&turns->mutex);
        while (turns->n % 2 == 0)
            tern_port_cond_wait(&turns->cond, &turns->mutex, UINT64_MAX);
        turns->n++;
        tern_port_cond_wake_all(&turns->cond);
        tern_port_mutex_unlock(&turns->mutex);
    }
}

static void two_threads_take_turns(void **state)
{
    (void)state;
    Turns turns = {.n = 0};
    tern_port_mutex_init(&turns.mutex);
    tern_port_cond_init(&turns.cond);
    Thread thread;
    assert_true(tern_port_thread_start(&thread, take_turns, &turns, 1));
    for (u32 i = 0; i < 500; i++) {
        tern_port_mutex_lock(&turns.mutex);
        while (turns.n % 2 == 1)
            tern_port_cond_wait(&turns.cond, &turns.mutex, UINT64_MAX);
        turns.n++;
        tern_port_cond_wake_all(&turns.cond);
        tern_port_mutex_unlock(&turns.mutex);
    }
    tern_port_thread_join(&thread);
    assert_int_equal(turns.n, 1000);
    tern_port_cond_done(&turns.cond);
    tern_port_mutex_done(&turns.mutex);
}

static void waiting_ends_at_the_deadline(void **state)
{
    (void)state;
    Turns turns = {.n = 0};
    tern_port_mutex_init(&turns.mutex);
    tern_port_cond_init(&turns.cond);
    tern_port_mutex_lock(&turns.mutex);
    assert_false(tern_port_cond_wait(&turns.cond, &turns.mutex, 0));
    u64 start, now;
    assert_true(tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &start));
    while (tern_port_cond_wait(&turns.cond, &turns.mutex, start + 20000000)) {}
    assert_true(tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now));
    assert_true(now >= start + 20000000);
    tern_port_mutex_unlock(&turns.mutex);
    tern_port_cond_done(&turns.cond);
    tern_port_mutex_done(&turns.mutex);
}

static void look_at_the_stack(void *arg)
{
    u8 *here = __builtin_frame_address(0), *bottom = tern_port_stack_bottom();
    bool is_right = bottom != NULL && bottom < here && tern_port_stack_bottom() == bottom;
    if (is_right) {
        /* All of it may be used: touch the lowest byte. */
        *(volatile u8 *)bottom = 1;
        is_right = (size_t)(here - bottom) > 1 << 20;
    }
    *(bool *)arg = is_right;
}

static void the_stack_can_be_used_down_to_its_bottom(void **state)
{
    (void)state;
#ifdef __GLIBC__
    bool is_right = false;
    Thread thread;
    assert_true(tern_port_thread_start(&thread, look_at_the_stack, &is_right, (2 << 20) + 1));
    tern_port_thread_join(&thread);
    assert_true(is_right);
    u8 *bottom = tern_port_stack_bottom();
    assert_true(bottom != NULL && bottom < (u8 *)__builtin_frame_address(0));
    /* The first thread's is found in another way than the C library's; both find the same, but for a margin. */
    pthread_attr_t attr;
    void *lowest;
    size_t size;
    assert_int_equal(pthread_getattr_np(pthread_self(), &attr), 0);
    assert_int_equal(pthread_attr_getstack(&attr, &lowest, &size), 0);
    pthread_attr_destroy(&attr);
    size_t margin = (size_t)(bottom - (u8 *)lowest);
    assert_true(margin > 0 && margin <= 16384 && margin % 16 == 0);
#else
    (void)look_at_the_stack;
    skip();
#endif
}

static void a_thread_nobody_can_have_is_refused(void **state)
{
    (void)state;
    Thread thread;
    assert_false(tern_port_thread_start(&thread, churn, NULL, SIZE_MAX));
    assert_false(tern_port_thread_start(&thread, churn, NULL, SIZE_MAX / 4));
}

/* --- clocks and chance ------------------------------------------------------------------------ */

static void clocks_run_forward(void **state)
{
    (void)state;
    for (u32 clock = PORT_CLOCK_REAL; clock <= PORT_CLOCK_THREAD_CPU; clock++) {
        u64 resolution = 0, first, second;
        assert_true(tern_port_clock_resolution_ns((PortClock)clock, &resolution));
        assert_true(resolution > 0);
        assert_true(tern_port_clock_ns((PortClock)clock, &first));
        assert_true(tern_port_clock_ns((PortClock)clock, &second));
        if (clock != PORT_CLOCK_REAL) assert_true(second >= first);
    }
    u64 ns;
    assert_false(tern_port_clock_ns((PortClock)9, &ns));
    assert_false(tern_port_clock_resolution_ns((PortClock)9, &ns));
}

static void chance_fills_every_byte(void **state)
{
    (void)state;
    u8 seen[1000] = {0}, bytes[1001];
    for (u32 i = 0; i < 12; i++) {
        memset(bytes, 0, sizeof bytes);
        assert_true(tern_port_random(bytes, 1000));
        assert_int_equal(bytes[1000], 0);
        for (u32 k = 0; k < 1000; k++)
            seen[k] |= bytes[k];
    }
    for (u32 k = 0; k < 1000; k++)
        assert_int_not_equal(seen[k], 0);
    assert_true(tern_port_random(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_blocks_are_aligned_and_keep_their_bytes),
        cmocka_unit_test(a_pools_handle_lies_in_its_buffer),
        cmocka_unit_test(a_pool_serves_several_threads),
        cmocka_unit_test(committed_memory_is_zero_each_time),
        cmocka_unit_test(exactly_the_named_bytes_become_zero),
        cmocka_unit_test(what_the_system_does_not_have_is_refused),
        cmocka_unit_test(two_threads_take_turns),
        cmocka_unit_test(waiting_ends_at_the_deadline),
        cmocka_unit_test(the_stack_can_be_used_down_to_its_bottom),
        cmocka_unit_test(a_thread_nobody_can_have_is_refused),
        cmocka_unit_test(clocks_run_forward),
        cmocka_unit_test(chance_fills_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
