/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* arena.h - memory that is freed all at once. What a decode builds lives in the module's arena, so that
 * failure has one cleanup line. Not thread-safe. */
#ifndef TERN_BASE_ARENA_H
#define TERN_BASE_ARENA_H

#include "base/alloc.h"

typedef struct ArenaChunk ArenaChunk;
typedef struct Arena {
    Alloc *alloc;
    ArenaChunk *chunks; /* newest first */
    u8 *p, *end;        /* free part of the newest chunk */
} Arena;

void tern_arena_init(Arena *arena, Alloc *alloc);

/* size * n zeroed bytes aligned to 16; NULL if there is no memory or the product overflows. n or size 0
 * returns a non-NULL pointer that must not be read. */
void *tern_arena_alloc(Arena *arena, size_t size, u64 n);

/* Frees everything. The arena may be used again. */
void tern_arena_done(Arena *arena);

#endif
