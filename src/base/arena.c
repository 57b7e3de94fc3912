/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* arena.c - a list of chunks, each twice the last up to a bound; what does not fit a chunk's rest
 * and is large gets a chunk of its own, so that the rest stays in use. */
#include "base/arena.h"

enum { CHUNK_MIN = 1024, CHUNK_MAX = 64 * 1024, ARENA_ALIGN = 16 };

struct ArenaChunk {
    _Alignas(ARENA_ALIGN) ArenaChunk *next;
    size_t size; /* all of it, this header included */
};

/* What an allocation of nothing points to. */
static const _Alignas(ARENA_ALIGN) u8 nothing[ARENA_ALIGN];

void tern_arena_init(Arena *arena, Alloc *alloc) { *arena = (Arena){.alloc = alloc}; }

static void *alloc_slow(Arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - sizeof(ArenaChunk)) return NULL;
    size_t need = bytes + sizeof(ArenaChunk), size = CHUNK_MIN;
    while (arena->chunks != NULL && size <= arena->chunks->size && size < CHUNK_MAX)
        size *= 2;
    bool own = need > size / 4;
    if (own) size = need;

    ArenaChunk *chunk = tern_alloc(arena->alloc, size);
    if (chunk == NULL) return NULL;
    chunk->size = size;
    u8 *block = (u8 *)(chunk + 1);
    if (own && arena->chunks != NULL) {
        chunk->next = arena->chunks->next; /* behind the newest, whose rest stays in use */
        arena->chunks->next = chunk;
        return block;
    }
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->p = block + bytes;
    arena->end = (u8 *)chunk + size;
    return block;
}

void *tern_arena_alloc(Arena *arena, size_t size, u64 n)
{
    u64 bytes;
    if (!u64_mul(size, n, &bytes) || bytes > SIZE_MAX - (ARENA_ALIGN - 1)) return NULL;
    if (bytes == 0) return (void *)(uintptr_t)nothing;
    size_t rounded = ((size_t)bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

    void *block = arena->p;
    if (rounded <= (size_t)(arena->end - arena->p)) {
        arena->p += rounded;
    } else {
        block = alloc_slow(arena, rounded);
        if (block == NULL) return NULL;
    }
    return memset(block, 0, rounded);
}

void tern_arena_done(Arena *arena)
{
    for (ArenaChunk *chunk = arena->chunks; chunk != NULL;) {
        ArenaChunk *next = chunk->next;
        tern_free(arena->alloc, chunk, chunk->size);
        chunk = next;
    }
    tern_arena_init(arena, arena->alloc);
}
