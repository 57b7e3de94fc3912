/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vec.h - growable arrays of one element type.
 *
 *   typedef struct { VEC(u32) } U32Vec;
 *   if (!vec_push(&v, alloc, x)) no memory;
 *   for (u32 i = 0; i < v.n; i++) use(v.items[i]);
 *   vec_free(&v, alloc);
 *
 * Zero-initialised is empty. Growth doubles; items may move at any push.
 */
#ifndef TERN_BASE_VEC_H
#define TERN_BASE_VEC_H

#include "base/alloc.h"

#define VEC(T) T *items; u32 n, cap;

/* Makes room for extra more elements; false if there is no memory or n would pass UINT32_MAX. */
bool tern_vec_reserve(Alloc *alloc, void **items, u32 n, u32 *cap, u32 extra, size_t elem_size);

#define vec_reserve(v, alloc, extra) \
    ((v)->cap - (v)->n >= (u32)(extra) || \
     tern_vec_reserve((alloc), (void **)&(v)->items, (v)->n, &(v)->cap, (u32)(extra), sizeof *(v)->items))
#define vec_push(v, alloc, ...) (vec_reserve(v, alloc, 1) && ((v)->items[(v)->n++] = (__VA_ARGS__), true))
#define vec_free(v, alloc) \
    (tern_free((alloc), (v)->items, (size_t)(v)->cap * sizeof *(v)->items), (v)->items = NULL, (v)->n = (v)->cap = 0)

#endif
