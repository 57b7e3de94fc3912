/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* alloc.h - the one handle through which every byte of host memory comes.
 *
 * A handle is one function. The old size is passed back on every call, so an implementation needs no
 * headers of its own, and pools, limits, bare metal and fault injection are all the same thing.
 */
#ifndef TERN_BASE_ALLOC_H
#define TERN_BASE_ALLOC_H

#include "base/types.h"

typedef struct Alloc Alloc;
struct Alloc {
    /* ptr NULL, old_size 0: allocate. new_size 0: free, returns NULL. Otherwise move, keeping
     * min(old_size, new_size) bytes; on failure returns NULL and the old block stays valid.
     * Results are aligned to 16. Thread-safe. */
    void *(*resize)(Alloc *self, void *ptr, size_t old_size, size_t new_size);
};

/* size bytes, uninitialised, aligned to 16; NULL if there is no memory. size 0 returns NULL. */
void *tern_alloc(Alloc *alloc, size_t size);

/* n * size zeroed bytes; NULL if the product overflows or there is no memory. */
void *tern_alloc_zeroed(Alloc *alloc, u64 n, size_t size);

void *tern_realloc(Alloc *alloc, void *ptr, size_t old_size, size_t new_size);

/* ptr may be NULL. size is what it was allocated with. */
void tern_free(Alloc *alloc, void *ptr, size_t size);

/* An allocator inside a caller's buffer (the WAMR pool mode). It takes no lock itself: the port wraps it. */
typedef struct Pool Pool;

typedef struct PoolStats {
    u64 total_bytes, free_bytes, highmark_bytes; /* highmark: most bytes ever in use at once */
} PoolStats;

/* The pool's own bookkeeping lies at the start of the buffer. NULL if size_bytes < 256. The buffer must
 * outlive the pool; there is nothing to free. */
Pool *tern_pool_init(void *buffer, size_t size_bytes);
void *tern_pool_resize(Pool *pool, void *ptr, size_t old_size, size_t new_size);
/* As tern_pool_resize for a new block, aligned to align (a power of two, at most 64 KiB). The block is
 * freed with tern_pool_resize(pool, ptr, size, 0). */
void *tern_pool_alloc_aligned(Pool *pool, size_t size, size_t align);
PoolStats tern_pool_stats(const Pool *pool);

#endif
