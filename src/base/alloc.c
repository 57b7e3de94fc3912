/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* alloc.c - the calls through an allocator handle: each is one resize. */
#include "base/alloc.h"

#include <assert.h>

void *tern_alloc(Alloc *alloc, size_t size)
{
    return size == 0 ? NULL : alloc->resize(alloc, NULL, 0, size);
}

void *tern_alloc_zeroed(Alloc *alloc, u64 n, size_t size)
{
    u64 bytes;
    if (!u64_mul(n, size, &bytes) || bytes > SIZE_MAX) return NULL;
    void *ptr = tern_alloc(alloc, (size_t)bytes);
    if (ptr != NULL) memset(ptr, 0, (size_t)bytes);
    return ptr;
}

void *tern_realloc(Alloc *alloc, void *ptr, size_t old_size, size_t new_size)
{
    assert((ptr != NULL) == (old_size != 0) && "a block has a size, and only a block has one");
    if (ptr == NULL && new_size == 0) return NULL;
    return alloc->resize(alloc, ptr, old_size, new_size);
}

void tern_free(Alloc *alloc, void *ptr, size_t size)
{
    if (ptr != NULL) alloc->resize(alloc, ptr, size, 0);
}
