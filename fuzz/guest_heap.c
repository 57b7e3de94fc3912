/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_heap.c - target: the guest heap against a list of its live blocks.
 *
 * The input is a heap's place and size, and then calls: allocate, free (live blocks, inner addresses, any address),
 * resize, clone; with a chance of no host memory. After each: blocks lie inside the heap, aligned, apart from each
 * other; a wrong free is named and changes nothing; statistics are those of the list. At the end everything is freed
 * and the heap is one free block, and no host memory is left.
 *
 * Cannot see: how well it packs, and that calls take constant time (bench/guest_heap measures both).
 */
#include "runtime/guest_heap.h"
#include "fuzz.h"
#include "unit/test_alloc.h"

enum { MAX_BLOCKS = 512 };

typedef struct Block {
    u64 addr, size; /* usable size */
} Block;

typedef struct Run {
    const u8 *p, *end;
    GuestHeap *heap;
    u64 start, end_addr;
    Block blocks[MAX_BLOCKS];
    u32 n;
    TestAlloc alloc;
} Run;

static u64 take(Run *r, u32 n)
{
    u64 v = 0;
    for (u32 i = 0; i < n; i++) v |= (u64)(r->p == r->end ? 0 : *r->p++) << 8 * i;
    return v;
}

static u64 take_size(Run *r)
{
    u8 kind = (u8)take(r, 1);
    if (kind < 160) return kind;
    if (kind < 240) return take(r, 2);
    return kind < 250 ? take(r, 4) : kind < 253 ? UINT64_MAX - take(r, 1) : take(r, 8);
}

static void add(Run *r, u64 addr, u64 asked, u64 align)
{
    if (addr == 0) return;
    u64 size = tern_guest_heap_block_size(r->heap, addr);
    if (size < asked || size == 0)
        fuzz_fail("block of %llu holds %llu", (unsigned long long)asked, (unsigned long long)size);
    if (addr % align != 0)
        fuzz_fail("block at %llx is not aligned to %llx", (unsigned long long)addr, (unsigned long long)align);
    if (addr < r->start || addr > r->end_addr || size > r->end_addr - addr + 1) fuzz_fail("block outside the heap");
    for (u32 i = 0; i < r->n; i++) {
        const Block *b = &r->blocks[i];
        if (addr <= b->addr + (b->size - 1) && b->addr <= addr + (size - 1)) fuzz_fail("blocks overlap");
    }
    r->blocks[r->n++] = (Block){addr, size};
}

static void free_any(Run *r, u64 addr)
{
    u32 live = r->n, inside = r->n;
    for (u32 i = 0; i < r->n; i++) {
        if (r->blocks[i].addr == addr) live = i;
        if (addr > r->blocks[i].addr && addr - r->blocks[i].addr < r->blocks[i].size) inside = i;
    }
    GuestHeapFree got = tern_guest_heap_free(r->heap, addr);
    if ((got == GUEST_HEAP_FREED) != (live < r->n)) fuzz_fail("free says %u", (unsigned)got);
    if (got == GUEST_HEAP_FREED) r->blocks[live] = r->blocks[--r->n];
    if (inside < r->n && got != GUEST_HEAP_INTERIOR && got != GUEST_HEAP_FREED)
        fuzz_fail("an inner address is %u", (unsigned)got);
    bool contains = tern_guest_heap_contains(r->heap, addr);
    if ((got == GUEST_HEAP_NOT_OURS) == contains) fuzz_fail("contains and free disagree");
}

typedef struct Walk {
    u64 n, bytes, last;
} Walk;

static bool count(void *env, u64 addr, u64 size)
{
    Walk *w = env;
    if (w->n > 0 && addr <= w->last) fuzz_fail("the walk is out of order");
    w->last = addr;
    w->n++;
    w->bytes += size;
    return true;
}

static void check(const Run *r)
{
    u64 bytes = 0;
    for (u32 i = 0; i < r->n; i++) {
        if (tern_guest_heap_block_size(r->heap, r->blocks[i].addr) != r->blocks[i].size)
            fuzz_fail("a block has changed");
        bytes += r->blocks[i].size;
    }
    Walk walk = {0};
    tern_guest_heap_walk(r->heap, count, &walk);
    GuestHeapStats stats = tern_guest_heap_stats(r->heap);
    if (walk.n != r->n || walk.bytes != bytes || stats.live_blocks != r->n) fuzz_fail("blocks were lost");
    if (stats.total_bytes - stats.free_bytes < bytes || stats.largest_free_bytes > stats.free_bytes)
        fuzz_fail("statistics");
    if (stats.host_bytes != r->alloc.live)
        fuzz_fail("host memory: %llu, not %llu", (unsigned long long)r->alloc.live,
                  (unsigned long long)stats.host_bytes);
}

static void resize(Run *r, Block *b, u64 size)
{
    if (!tern_guest_heap_resize(r->heap, b->addr, size)) return;
    b->size = tern_guest_heap_block_size(r->heap, b->addr);
    if (b->size < size)
        fuzz_fail("resized to %llu, holds %llu", (unsigned long long)size, (unsigned long long)b->size);
    if (b->size > r->end_addr - b->addr + 1) fuzz_fail("resized out of the heap");
    for (u32 i = 0; i < r->n; i++) {
        const Block *other = &r->blocks[i];
        if (other != b && b->addr <= other->addr + (other->size - 1) && other->addr <= b->addr + (b->size - 1))
            fuzz_fail("a resized block overlaps");
    }
}

static void swap_for_clone(Run *r)
{
    GuestHeap *clone = tern_guest_heap_clone(r->heap);
    if (clone == NULL) return;
    tern_guest_heap_free_all(r->heap);
    r->heap = clone;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Run *r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->p = data;
    r->end = data + size;
    r->alloc = test_alloc(take(r, 1) < 64 ? (u32)take(r, 1) : TEST_ALLOC_NEVER);
    r->start = take_size(r);
    u64 bytes = take(r, 1) < 128 ? take(r, 3) : take_size(r);
    r->end_addr = bytes == 0 ? r->start : bytes - 1 > UINT64_MAX - r->start ? UINT64_MAX : r->start + (bytes - 1);
    r->heap = tern_guest_heap_new(&r->alloc.base, r->start, bytes);
    for (u32 steps = 0; r->heap != NULL && r->p != r->end && steps < 4000; steps++) {
        switch (take(r, 1) % 8) {
        case 0:
        case 1:
        case 2: {
            if (r->n == MAX_BLOCKS) break;
            u64 asked = take_size(r);
            add(r, tern_guest_heap_alloc(r->heap, asked), asked, asked >= 16 ? 16 : 8);
            break;
        }
        case 3: {
            if (r->n == MAX_BLOCKS) break;
            u64 asked = take_size(r), align = 1ull << take(r, 1) % 18;
            if (take(r, 1) == 255) align += 3;
            u64 addr = tern_guest_heap_alloc_aligned(r->heap, asked, align);
            bool is_allowed = (align & (align - 1)) == 0 && align <= 65536;
            if (addr != 0 && !is_allowed) fuzz_fail("alignment %llu", (unsigned long long)align);
            if (addr != 0) add(r, addr, asked, align);
            break;
        }
        case 4:
        case 5:
            if (r->n > 0) free_any(r, r->blocks[take(r, 1) % r->n].addr);
            break;
        case 6:
            free_any(r,
                     take(r, 1) % 2 == 0 && r->n > 0 ? r->blocks[take(r, 1) % r->n].addr + take(r, 1) : take_size(r));
            break;
        default:
            if (r->n > 0 && take(r, 1) < 240) {
                resize(r, &r->blocks[take(r, 1) % r->n], take_size(r));
            } else {
                swap_for_clone(r);
            }
            break;
        }
        if (steps % 16 == 0) check(r);
    }
    if (r->heap != NULL) {
        check(r);
        while (r->n > 0) free_any(r, r->blocks[r->n - 1].addr);
        check(r);
        GuestHeapStats stats = tern_guest_heap_stats(r->heap);
        if (stats.free_bytes != stats.total_bytes || stats.largest_free_bytes != stats.total_bytes)
            fuzz_fail("an empty heap is not one free block: %llu of %llu",
                      (unsigned long long)stats.largest_free_bytes, (unsigned long long)stats.total_bytes);
        tern_guest_heap_free_all(r->heap);
    }
    if (r->alloc.live != 0) fuzz_fail("%llu bytes of host memory are left", (unsigned long long)r->alloc.live);
    free(r);
    return 0;
}
