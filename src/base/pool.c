/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* pool.c - an allocator inside a caller's buffer: two-level segregated fit without block headers.
 *
 * The buffer is cut into granules of 16 bytes. Because callers pass sizes back, a used block
 * carries nothing at all; a free block describes itself in its own first and last granule, and one
 * bit per granule, set for the first and the last granule of each free block, tells a block being
 * freed whether its neighbours are free. That bit map (0.8 % of the buffer) and the bins are the
 * whole bookkeeping.
 *
 * Free blocks hang in bins: a level per power of two, 16 bins in each, and bit masks of what is not
 * empty, so that every operation takes constant time apart from the copy of a block that moves.
 */
#include "base/alloc.h"

#include <assert.h>

enum {
    GRANULE_BYTES = 16,
    BINS_LOG2 = 4,
    BINS = 1 << BINS_LOG2,
    POOL_BYTES_MIN = 256,
    ALIGN_MAX = 64 * 1024,
    NEAR_MISS_TRIES = 16,
};
#define NO_GRANULE UINT32_MAX

/* How a free block describes itself; a block of one granule is its own first and last. Blocks held
 * other types before, so the type may alias them. */
typedef struct __attribute__((may_alias)) Granule {
    u32 next, prev; /* in the first granule: neighbours in the bin, NO_GRANULE at the ends */
    u32 size;       /* in the first granule: how many granules */
    u32 last_size;  /* in the last granule: the same */
} Granule;
_Static_assert(sizeof(Granule) == GRANULE_BYTES, "a free block of one granule describes itself");

struct Pool {
    Granule *granules;
    u32 *heads;    /* [nlevels * BINS]: first free block of each bin */
    u32 *bin_bits; /* [nlevels]: which bins of the level are not empty */
    u8 *edges;     /* a bit per granule: first or last of a free block */
    u32 ngranules, nfree, nfree_min;
    u32 nlevels, level_bits;
};

/* --- bins ------------------------------------------------------------------------------------- */

static u32 log2_floor(u32 n) { return 31 - (u32)__builtin_clz(n); }

/* Sizes below 16 granules have a bin each; above, a bin spans a sixteenth of a power of two. */
static u32 bin_of(u32 n)
{
    if (n < BINS) return n;
    u32 log = log2_floor(n);
    return (log - BINS_LOG2 + 1) * BINS + ((n >> (log - BINS_LOG2)) & (BINS - 1));
}

static bool is_edge(const Pool *pool, u32 i) { return (pool->edges[i / 8] >> (i % 8)) & 1; }

static void edges_set(Pool *pool, u32 start, u32 n, bool on)
{
    u32 ends[2] = {start, start + n - 1};
    for (u32 k = 0; k < 2; k++) {
        u8 bit = (u8)(1u << (ends[k] % 8));
        u8 *byte = &pool->edges[ends[k] / 8];
        *byte = on ? *byte | bit : *byte & (u8)~bit;
    }
}

static void link_block(Pool *pool, u32 start, u32 n)
{
    u32 bin = bin_of(n), next = pool->heads[bin];
    pool->granules[start].next = next;
    pool->granules[start].prev = NO_GRANULE;
    pool->granules[start].size = n;
    pool->granules[start + n - 1].last_size = n;
    if (next != NO_GRANULE) pool->granules[next].prev = start;
    pool->heads[bin] = start;
    pool->bin_bits[bin / BINS] |= 1u << (bin % BINS);
    pool->level_bits |= 1u << (bin / BINS);
    edges_set(pool, start, n, true);
}

static void unlink_block(Pool *pool, u32 start)
{
    Granule block = pool->granules[start];
    u32 bin = bin_of(block.size);
    if (block.next != NO_GRANULE) pool->granules[block.next].prev = block.prev;
    if (block.prev != NO_GRANULE) {
        pool->granules[block.prev].next = block.next;
    } else {
        pool->heads[bin] = block.next;
        if (block.next == NO_GRANULE) pool->bin_bits[bin / BINS] &= ~(1u << (bin % BINS));
        if (pool->bin_bits[bin / BINS] == 0) pool->level_bits &= ~(1u << (bin / BINS));
    }
    edges_set(pool, start, block.size, false);
}

/* A free block of at least n granules, still linked; NO_GRANULE if none was found. */
static u32 find_block(const Pool *pool, u32 n)
{
    /* Rounded up to where a bin begins, every block of the bin is big enough. */
    u64 rounded = n;
    if (n >= BINS) rounded += (1u << (log2_floor(n) - BINS_LOG2)) - 1;
    if (rounded <= pool->ngranules) {
        u32 bin = bin_of((u32)rounded), level = bin / BINS;
        u32 bits = pool->bin_bits[level] & (~0u << (bin % BINS));
        if (bits == 0) {
            u32 levels = pool->level_bits & (~0u << (level + 1));
            if (levels != 0) {
                level = (u32)__builtin_ctz(levels);
                bits = pool->bin_bits[level];
            }
        }
        if (bits != 0) return pool->heads[level * BINS + (u32)__builtin_ctz(bits)];
    }

    /* The bin of n itself may hold blocks that just fit; look at a bounded number of them. */
    u32 i = pool->heads[bin_of(n)];
    for (u32 tries = NEAR_MISS_TRIES; i != NO_GRANULE && tries > 0; tries--) {
        if (pool->granules[i].size >= n) return i;
        i = pool->granules[i].next;
    }
    return NO_GRANULE;
}

/* --- runs of granules ------------------------------------------------------------------------- */

static u32 take(Pool *pool, u32 n)
{
    u32 start = find_block(pool, n);
    if (start == NO_GRANULE) return NO_GRANULE;
    u32 size = pool->granules[start].size;
    unlink_block(pool, start);
    if (size > n) link_block(pool, start + n, size - n); /* its other neighbour is in use */
    pool->nfree -= n;
    return start;
}

static void give(Pool *pool, u32 start, u32 n)
{
    pool->nfree += n;
    u32 next = start + n;
    if (next < pool->ngranules && is_edge(pool, next)) {
        n += pool->granules[next].size;
        unlink_block(pool, next);
    }
    if (start > 0 && is_edge(pool, start - 1)) {
        u32 before = pool->granules[start - 1].last_size;
        start -= before;
        n += before;
        unlink_block(pool, start);
    }
    link_block(pool, start, n);
}

/* Lengthens a used run at its end; false, and nothing changes, if what follows is not free or too
 * short. */
static bool extend(Pool *pool, u32 start, u32 n, u32 extra)
{
    u32 next = start + n;
    if (next >= pool->ngranules || !is_edge(pool, next)) return false;
    u32 size = pool->granules[next].size;
    if (size < extra) return false;
    unlink_block(pool, next);
    if (size > extra) link_block(pool, next + extra, size - extra);
    pool->nfree -= extra;
    return true;
}

static void note_use(Pool *pool)
{
    if (pool->nfree < pool->nfree_min) pool->nfree_min = pool->nfree;
}

/* 0 if size is 0 or more than the pool could ever hold. */
static u32 granules_for(const Pool *pool, size_t size)
{
    size_t n = size / GRANULE_BYTES + (size % GRANULE_BYTES != 0);
    return n <= pool->ngranules ? (u32)n : 0;
}

static void *ptr_of(const Pool *pool, u32 start) { return &pool->granules[start]; }

static u32 granule_of(const Pool *pool, const void *ptr)
{
    size_t offset = (size_t)((const u8 *)ptr - (const u8 *)pool->granules);
    assert(offset % GRANULE_BYTES == 0 && offset / GRANULE_BYTES < pool->ngranules &&
           "a block of this pool");
    return (u32)(offset / GRANULE_BYTES);
}

/* --- the pool --------------------------------------------------------------------------------- */

Pool *tern_pool_init(void *buffer, size_t size_bytes)
{
    if (buffer == NULL || size_bytes < POOL_BYTES_MIN) return NULL;
    size_t lead = (size_t)(-(uintptr_t)buffer % GRANULE_BYTES);
    u8 *p = (u8 *)buffer + lead;
    u64 room = size_bytes - lead - sizeof(Pool);

    /* Granules are counted in 32 bits; what lies beyond is left alone. The level of the largest
     * block is that of the whole room at most. */
    u64 bound = u64_min(room / GRANULE_BYTES, NO_GRANULE - 1);
    u32 nlevels = bin_of((u32)bound) / BINS + 1;
    u64 tables = (u64)nlevels * (BINS + 1) * sizeof(u32);
    if (room < tables + 1 + 2 * GRANULE_BYTES) return NULL;
    /* The granules are aligned after the bit map, which costs one at most. */
    room -= tables + GRANULE_BYTES;
    u64 n = u64_min(room * 8 / (GRANULE_BYTES * 8 + 1), bound);
    size_t edge_bytes = (size_t)(n + 7) / 8;

    Pool *pool = (Pool *)(void *)p;
    p += sizeof *pool;
    *pool = (Pool){.ngranules = (u32)n, .nfree = (u32)n, .nfree_min = (u32)n, .nlevels = nlevels};
    pool->heads = (u32 *)(void *)p;
    pool->bin_bits = pool->heads + (size_t)nlevels * BINS;
    pool->edges = (u8 *)(pool->bin_bits + nlevels);
    u8 *after = pool->edges + edge_bytes;
    pool->granules = (Granule *)(void *)(after + -(uintptr_t)after % GRANULE_BYTES);

    for (u32 i = 0; i < nlevels * BINS; i++)
        pool->heads[i] = NO_GRANULE;
    memset(pool->bin_bits, 0, nlevels * sizeof *pool->bin_bits);
    memset(pool->edges, 0, edge_bytes);
    link_block(pool, 0, (u32)n);
    return pool;
}

void *tern_pool_resize(Pool *pool, void *ptr, size_t old_size, size_t new_size)
{
    u32 n = granules_for(pool, new_size);
    if (n == 0 && new_size != 0) return NULL;

    if (ptr == NULL) {
        if (n == 0) return NULL;
        u32 start = take(pool, n);
        if (start == NO_GRANULE) return NULL;
        note_use(pool);
        return ptr_of(pool, start);
    }

    u32 start = granule_of(pool, ptr), old_n = granules_for(pool, old_size);
    assert(old_n != 0 && old_n <= pool->ngranules - start && "the size it was allocated with");
    if (n <= old_n) {
        if (n < old_n) give(pool, start + n, old_n - n);
        return n == 0 ? NULL : ptr;
    }
    if (extend(pool, start, old_n, n - old_n)) {
        note_use(pool);
        return ptr;
    }
    u32 moved = take(pool, n);
    if (moved == NO_GRANULE) return NULL;
    note_use(pool);
    memcpy(ptr_of(pool, moved), ptr, old_size);
    give(pool, start, old_n);
    return ptr_of(pool, moved);
}

void *tern_pool_alloc_aligned(Pool *pool, size_t size, size_t align)
{
    assert(align != 0 && (align & (align - 1)) == 0 && align <= ALIGN_MAX && "a power of two");
    u32 n = granules_for(pool, size);
    if (n == 0) return NULL;
    if (align < GRANULE_BYTES) align = GRANULE_BYTES;

    u32 slack = (u32)(align / GRANULE_BYTES) - 1;
    if (slack > pool->ngranules - n) return NULL;
    u32 start = take(pool, n + slack);
    if (start == NO_GRANULE) return NULL;
    u32 lead = (u32)(-(uintptr_t)ptr_of(pool, start) % align / GRANULE_BYTES);
    if (lead > 0) give(pool, start, lead);
    if (lead < slack) give(pool, start + lead + n, slack - lead);
    note_use(pool);
    return ptr_of(pool, start + lead);
}

PoolStats tern_pool_stats(const Pool *pool)
{
    return (PoolStats){.total_bytes = (u64)pool->ngranules * GRANULE_BYTES,
                       .free_bytes = (u64)pool->nfree * GRANULE_BYTES,
                       .highmark_bytes = (u64)(pool->ngranules - pool->nfree_min) * GRANULE_BYTES};
}
