/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vec.c - how a growable array grows: to twice its size, or what is asked if that is more. */
#include "base/vec.h"

enum { FIRST_CAP = 8 };

bool tern_vec_reserve(Alloc *alloc, void **items, u32 n, u32 *cap, u32 extra, size_t elem_size)
{
    if (*cap - n >= extra) return true;
    u64 need = (u64)n + extra, new_cap = u64_max(need, u64_max((u64)*cap * 2, FIRST_CAP));
    if (need > UINT32_MAX) return false;
    new_cap = u64_min(new_cap, UINT32_MAX);
    u64 bytes;
    if (!u64_mul(new_cap, elem_size, &bytes) || bytes > SIZE_MAX) return false;

    /* items is really a pointer to a pointer of another type: touched as bytes. */
    void *old;
    memcpy(&old, items, sizeof old);
    void *grown = tern_realloc(alloc, old, (size_t)*cap * elem_size, (size_t)bytes);
    if (grown == NULL) return false;
    memcpy(items, &grown, sizeof grown);
    *cap = (u32)new_cap;
    return true;
}
