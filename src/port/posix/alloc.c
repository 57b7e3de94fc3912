/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* alloc.c - allocators that need the machine: the C library's, and a pool behind a lock. */
#include "port/port.h"

#include <assert.h>
#include <stdlib.h>

/* --- the C library ---------------------------------------------------------------------------- */

enum { ALLOC_ALIGN = 16, MALLOC_ALIGN = _Alignof(max_align_t) };

static void *system_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    (void)self;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (MALLOC_ALIGN >= ALLOC_ALIGN) return realloc(ptr, new_size);

    void *moved;
    if (posix_memalign(&moved, ALLOC_ALIGN, new_size) != 0) return NULL;
    if (ptr != NULL) memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
    free(ptr);
    return moved;
}

static const Alloc system_alloc = {system_resize};

Alloc *tern_port_system_alloc(void)
{
    return (Alloc *)(uintptr_t)&system_alloc; /* stateless: nobody writes to it */
}

/* --- pools ------------------------------------------------------------------------------------ */

/* Lies at the start of the buffer, before the pool's own bookkeeping. */
typedef struct PoolAlloc {
    Alloc base; /* first: a handle is a pointer to it */
    Pool *pool; /* under mutex */
    Mutex mutex;
} PoolAlloc;

static void *pool_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    PoolAlloc *alloc = (PoolAlloc *)self;
    tern_port_mutex_lock(&alloc->mutex);
    void *result = tern_pool_resize(alloc->pool, ptr, old_size, new_size);
    tern_port_mutex_unlock(&alloc->mutex);
    return result;
}

Alloc *tern_port_pool_alloc(void *buffer, size_t size_bytes)
{
    size_t lead = (size_t)(-(uintptr_t)buffer % ALLOC_ALIGN);
    if (buffer == NULL || size_bytes < lead + sizeof(PoolAlloc)) return NULL;
    PoolAlloc *alloc = (PoolAlloc *)(void *)((u8 *)buffer + lead);
    Pool *pool = tern_pool_init(alloc + 1, size_bytes - lead - sizeof *alloc);
    if (pool == NULL) return NULL;
    *alloc = (PoolAlloc){.base = {pool_resize}, .pool = pool};
    tern_port_mutex_init(&alloc->mutex); /* holds no resource: never done */
    return &alloc->base;
}

Pool *tern_port_pool_of(Alloc *alloc)
{
    return alloc->resize == pool_resize ? ((PoolAlloc *)alloc)->pool : NULL;
}

void *tern_port_pool_alloc_aligned(Alloc *self, size_t size, size_t align)
{
    assert(tern_port_pool_of(self) != NULL && "a pool's handle");
    PoolAlloc *alloc = (PoolAlloc *)self;
    tern_port_mutex_lock(&alloc->mutex);
    void *result = tern_pool_alloc_aligned(alloc->pool, size, align);
    tern_port_mutex_unlock(&alloc->mutex);
    return result;
}

PoolStats tern_port_pool_stats(Alloc *self)
{
    assert(tern_port_pool_of(self) != NULL && "a pool's handle");
    PoolAlloc *alloc = (PoolAlloc *)self;
    tern_port_mutex_lock(&alloc->mutex);
    PoolStats stats = tern_pool_stats(alloc->pool);
    tern_port_mutex_unlock(&alloc->mutex);
    return stats;
}
