/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* test_alloc.h - an allocator that fails when told to and notices misuse.
 *
 *   for (u32 nth = 0;; nth++) {
 *       TestAlloc alloc = test_alloc(nth);
 *       ... use &alloc.base; every failure must be reported and leak nothing ...
 *       assert_int_equal(alloc.live, 0);
 *       if (!alloc.has_failed) break;   nth is past the last request: done
 *   }
 *
 * Every block remembers its size, so a caller that passes a wrong old size is stopped at once;
 * every resize moves; fresh bytes are not zero. Safe to use from several threads.
 */
#ifndef TERN_TEST_UNIT_TEST_ALLOC_H
#define TERN_TEST_UNIT_TEST_ALLOC_H

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

#define TEST_ALLOC_NEVER UINT32_MAX

typedef struct TestAlloc {
    Alloc base;
    u32 nth;       /* this request fails, counted from 0 */
    u32 nrequests; /* so far; a free is none */
    bool is_dry;   /* every request fails */
    bool has_failed;
    u64 live; /* bytes */
    u64 live_blocks;
} TestAlloc;

typedef struct TestBlock {
    _Alignas(16) size_t size;
    u32 magic;
} TestBlock;

enum { TEST_BLOCK_LIVE = 0x6c697665, TEST_BLOCK_FREED = 0x64656164 };

static inline void *test_alloc_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    TestAlloc *alloc = (TestAlloc *)self;
    TestBlock *old = ptr == NULL ? NULL : (TestBlock *)ptr - 1;
    if (old_size != (old == NULL ? 0 : old->size) ||
        (old != NULL && old->magic != TEST_BLOCK_LIVE)) {
        fprintf(stderr, "test_alloc: %p is no live block of %zu bytes\n", ptr, old_size);
        abort();
    }
    TestBlock *block = NULL;
    if (new_size != 0) {
        u32 nth = __atomic_fetch_add(&alloc->nrequests, 1, __ATOMIC_RELAXED);
        if (nth == alloc->nth || alloc->is_dry) {
            alloc->has_failed = true;
            return NULL;
        }
        if (new_size > (size_t)PTRDIFF_MAX - sizeof *block) return NULL;
        block = aligned_alloc(16, (sizeof *block + new_size + 15) & ~(size_t)15);
        if (block == NULL) return NULL;
        *block = (TestBlock){.size = new_size, .magic = TEST_BLOCK_LIVE};
        memset(block + 1, 0xa5, new_size);
        if (old != NULL) memcpy(block + 1, ptr, old_size < new_size ? old_size : new_size);
    }
    if (old != NULL) {
        old->magic = TEST_BLOCK_FREED;
        free(old);
    }
    __atomic_fetch_add(&alloc->live, (u64)new_size - (u64)old_size, __ATOMIC_RELAXED);
    u64 nblocks = (u64)(block != NULL) - (u64)(old != NULL);
    __atomic_fetch_add(&alloc->live_blocks, nblocks, __ATOMIC_RELAXED);
    return block == NULL ? NULL : block + 1;
}

/* Fails the nth request, counted from 0, and no other. TEST_ALLOC_NEVER: none. */
static inline TestAlloc test_alloc(u32 nth)
{
    return (TestAlloc){.base = {test_alloc_resize}, .nth = nth};
}

/* A repeatable source of chance (splitmix64); any state will do. */
static inline u64 test_random(u64 *state)
{
    u64 x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

#endif
