/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_heap.c - what the guest heap costs beside the C library's malloc, in the same run.
 *
 *   cc -O2 -Isrc bench/guest_heap.c src/runtime/guest_heap.c src/base/alloc.c -o guest_heap
 *
 * Each row is the best of several rounds that alternate between the two, so that a busy machine
 * hurts both alike. Nothing is asserted: the goals are printed beside the numbers.
 */
#include "runtime/guest_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, HEAP_BYTES = 1 << 20, START = 1 << 16, NSLOTS = 2048 };

static void *libc_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    (void)self;
    (void)old_size;
    if (new_size != 0) return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static Alloc libc_alloc = {libc_resize};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static u64 random_next(u64 *state)
{
    u64 x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static GuestHeap *new_heap(u64 size_bytes)
{
    GuestHeap *heap = tern_guest_heap_new(&libc_alloc, START, size_bytes);
    if (heap == NULL) exit(1);
    return heap;
}

/* The compiler must not see through a pair of malloc and free. */
static inline void *opaque(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

static void row(const char *what, double ours, double libc, const char *goal)
{
    printf("%-44s %8.1f %8.1f %7.2f   %s\n", what, ours, libc, ours / libc, goal);
}

/* -- pairs ------------------------------------------------------------------------------------- */

static double pair_ours(GuestHeap *heap, u64 size_bytes, u32 n)
{
    double begin = now_ns();
    for (u32 i = 0; i < n; i++) tern_guest_heap_free(heap, tern_guest_heap_alloc(heap, size_bytes));
    return (now_ns() - begin) / n;
}

static double pair_libc(u64 size_bytes, u32 n)
{
    double begin = now_ns();
    for (u32 i = 0; i < n; i++) free(opaque(malloc(size_bytes)));
    return (now_ns() - begin) / n;
}

/* Eight blocks taken, then eight given back. */
static double eight_ours(GuestHeap *heap, u64 size_bytes, u32 n)
{
    u64 addr[8];
    double begin = now_ns();
    for (u32 i = 0; i < n; i += 8) {
        for (u32 j = 0; j < 8; j++) addr[j] = tern_guest_heap_alloc(heap, size_bytes);
        for (u32 j = 0; j < 8; j++) tern_guest_heap_free(heap, addr[j]);
    }
    return (now_ns() - begin) / n;
}

static double eight_libc(u64 size_bytes, u32 n)
{
    void *ptr[8];
    double begin = now_ns();
    for (u32 i = 0; i < n; i += 8) {
        for (u32 j = 0; j < 8; j++) ptr[j] = opaque(malloc(size_bytes));
        for (u32 j = 0; j < 8; j++) free(ptr[j]);
    }
    return (now_ns() - begin) / n;
}

static void bench_pairs(void)
{
    static const u32 sizes[] = {16, 256, 4096};
    for (u32 s = 0; s < 3; s++) {
        GuestHeap *heap = new_heap(HEAP_BYTES);
        double best[4] = {1e9, 1e9, 1e9, 1e9};
        for (u32 round = 0; round < ROUNDS; round++) {
            double t[4] = {pair_ours(heap, sizes[s], 200000), pair_libc(sizes[s], 200000),
                           eight_ours(heap, sizes[s], 80000), eight_libc(sizes[s], 80000)};
            for (u32 i = 0; i < 4; i++)
                if (t[i] < best[i]) best[i] = t[i];
        }
        char what[64];
        snprintf(what, sizeof what, "pair of %u bytes", sizes[s]);
        row(what, best[0], best[1], "<= 1.0");
        snprintf(what, sizeof what, "pair of %u bytes, 8 taken, 8 given back", sizes[s]);
        row(what, best[2], best[3], "");
        tern_guest_heap_free_all(heap);
    }
}

/* -- mixed ------------------------------------------------------------------------------------- */

typedef enum Sizes { SIZES_UNIFORM, SIZES_MOSTLY_SMALL } Sizes;

static u64 pick_size(Sizes sizes, u64 r)
{
    u64 top = sizes == SIZES_UNIFORM ? 4096 : (u64)16 << (r >> 32) % 9; /* 16, 32, .. 4096 */
    return 8 + (r >> 40) % (top - 7);
}

typedef struct Mixed {
    double ns;
    double failed_percent, live_percent, host_percent;
} Mixed;

static Mixed mixed_ours(u64 heap_bytes, Sizes sizes, u32 n)
{
    static u64 slots[NSLOTS];
    memset(slots, 0, sizeof slots);
    GuestHeap *heap = new_heap(heap_bytes);
    u64 state = 1;
    u32 nfailed = 0;
    double begin = now_ns();
    for (u32 i = 0; i < n; i++) {
        u64 r = random_next(&state);
        u64 *slot = &slots[r % NSLOTS];
        if (*slot != 0) {
            tern_guest_heap_free(heap, *slot);
            *slot = 0;
        } else {
            *slot = tern_guest_heap_alloc(heap, pick_size(sizes, r));
            nfailed += *slot == 0;
        }
    }
    Mixed m = {.ns = (now_ns() - begin) / n};
    GuestHeapStats stats = tern_guest_heap_stats(heap);
    m.failed_percent = 200.0 * nfailed / n;
    m.live_percent = 100.0 - 100.0 * (double)stats.free_bytes / (double)stats.total_bytes;
    m.host_percent = 100.0 * (double)stats.host_bytes / (double)heap_bytes;
    tern_guest_heap_free_all(heap);
    return m;
}

static double mixed_libc(Sizes sizes, u32 n)
{
    static void *slots[NSLOTS];
    u64 state = 1;
    double begin = now_ns();
    for (u32 i = 0; i < n; i++) {
        u64 r = random_next(&state);
        void **slot = &slots[r % NSLOTS];
        if (*slot != NULL) {
            free(*slot);
            *slot = NULL;
        } else {
            *slot = opaque(malloc(pick_size(sizes, r)));
        }
    }
    double ns = (now_ns() - begin) / n;
    for (u32 i = 0; i < NSLOTS; i++) free(slots[i]);
    memset(slots, 0, sizeof slots);
    return ns;
}

static void bench_mixed(const char *what, u64 heap_bytes, Sizes sizes)
{
    Mixed best = {.ns = 1e9};
    double best_libc = 1e9;
    for (u32 round = 0; round < ROUNDS; round++) {
        Mixed m = mixed_ours(heap_bytes, sizes, 200000);
        double libc = mixed_libc(sizes, 200000);
        if (m.ns < best.ns) best = m;
        if (libc < best_libc) best_libc = libc;
    }
    row(what, best.ns, best_libc, "<= 1.2");
    printf("    refused %.1f %% of requests, %.1f %% live at the end, bookkeeping %.2f %%\n",
           best.failed_percent, best.live_percent, best.host_percent);
}

/* -- filling and creating ---------------------------------------------------------------------- */

static void bench_fill(u64 heap_bytes, u64 size_bytes, const char *goal)
{
    GuestHeap *heap = new_heap(heap_bytes);
    u64 n = 0;
    double begin = now_ns();
    while (tern_guest_heap_alloc(heap, size_bytes) != 0) n++;
    double ns = (now_ns() - begin) / (double)n;
    GuestHeapStats stats = tern_guest_heap_stats(heap);
    printf("fill %8llu bytes with %5llu: %6.2f %% in blocks (%s), %.1f ns each\n",
           (unsigned long long)heap_bytes, (unsigned long long)size_bytes,
           100.0 * (double)(n * size_bytes) / (double)heap_bytes, goal, ns);
    printf("    bookkeeping %llu bytes = %.2f %% (<= 4 %% and 4 KiB)\n",
           (unsigned long long)stats.host_bytes,
           100.0 * (double)stats.host_bytes / (double)heap_bytes);
    if (size_bytes == 16) { /* the worst fragmentation there can be */
        for (u64 i = 0; i < n; i += 2) tern_guest_heap_free(heap, START + i * size_bytes);
        begin = now_ns();
        for (u64 i = 0; i < n; i += 2) tern_guest_heap_alloc(heap, size_bytes);
        ns = (now_ns() - begin) / (double)n * 2;
        stats = tern_guest_heap_stats(heap);
        printf("    every other one freed and taken again: %llu bytes, %.1f ns each, %s\n",
               (unsigned long long)stats.host_bytes, ns,
               stats.live_blocks == n ? "full again" : "NOT full again");
    }
    tern_guest_heap_free_all(heap);
}

static void bench_creation(void)
{
    for (u32 log = 8; log <= 30; log += log == 8 ? 12 : 10) {
        double best = 1e9;
        u64 host_bytes = 0;
        for (u32 round = 0; round < ROUNDS; round++) {
            double begin = now_ns();
            for (u32 i = 0; i < 1000; i++) tern_guest_heap_free_all(new_heap((u64)1 << log));
            double ns = (now_ns() - begin) / 1000;
            if (ns < best) best = ns;
        }
        GuestHeap *heap = new_heap((u64)1 << log);
        tern_guest_heap_alloc(heap, 16);
        host_bytes = tern_guest_heap_stats(heap).host_bytes;
        tern_guest_heap_free_all(heap);
        printf("creating and dropping a heap of %10llu: %7.1f ns; with one block %llu bytes\n",
               1ull << log, best, (unsigned long long)host_bytes);
    }
}

int main(void)
{
    printf("%-44s %8s %8s %7s   %s\n", "heap of 1 MiB, ns", "ours", "libc", "ratio", "goal");
    bench_pairs();
    bench_mixed("mixed, 8..4096 mostly small", HEAP_BYTES, SIZES_MOSTLY_SMALL);
    bench_mixed("mixed, 8..4096 uniform, heap overfull", HEAP_BYTES, SIZES_UNIFORM);
    bench_mixed("mixed, 8..4096 uniform, heap of 8 MiB", 8 * HEAP_BYTES, SIZES_UNIFORM);
    bench_fill(HEAP_BYTES, 16, "97 %");
    bench_fill(HEAP_BYTES, 64, "98 %");
    bench_fill(HEAP_BYTES, 4096, "-");
    bench_fill(8192, 16, "-");
    bench_fill(256, 16, "-");
    bench_creation();
    return 0;
}
