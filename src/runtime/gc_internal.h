/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_internal.h - the heap's inside: shared by gc_heap.c (allocation), gc_collect.c and gc_layout.c only. */
#ifndef TERN_RUNTIME_GC_INTERNAL_H
#define TERN_RUNTIME_GC_INTERNAL_H

#include "runtime/gc_heap.h"

enum {
    GC_BLOCK_BYTES = 32 << 10,
    GC_LINE_BYTES = 128,
    GC_LINES = GC_BLOCK_BYTES / GC_LINE_BYTES,
    GC_SMALL_MAX = 8 << 10,
    GC_CHUNK_MIN_BLOCKS = 8,   /* 256 KiB */
    GC_CHUNK_MAX_BLOCKS = 256, /* 8 MiB */
    GC_STACK_MIN = 1024,       /* entries of the mark stack, at least twice a slice (gc_collect.c) */
    GC_MAX_FUTILE = 16,
    GC_FLAG_LARGE = 1,
    GC_FLAG_FINALIZED = 2, /* is in the table of finalizers */
};

/* The least that is allocated between two collections: what a young heap may waste. Above that a heap may
 * double: collecting costs as much as is live, so each byte allocated pays for marking one byte. */
#define GC_MIN_CYCLE_BYTES (4ull << 20)

/* Units of 16 bytes, eight to a line: a bit each in starts and marks. */
typedef struct GcBlock {
    struct GcBlock *next;
    GcHeap *heap;
    u8 starts[GC_LINES]; /* where objects begin that were alive at the last collection, or are newer */
    u8 marks[GC_LINES];  /* the same, found so far by the collection that runs */
    u8 used[GC_LINES];   /* lines touched by objects that survived; the block's header has some too */
} GcBlock;

enum { GC_FIRST_LINE = (sizeof(GcBlock) + GC_LINE_BYTES - 1) / GC_LINE_BYTES };

typedef struct GcChunk {
    u8 *memory; /* as allocated */
    size_t bytes;
    u8 *blocks; /* aligned */
    u32 n, cap; /* blocks in use ever, and there */
} GcChunk;

typedef struct GcLarge {
    size_t bytes; /* with this header */
    GcHeap *heap;
    _Alignas(16) GcObject object;
} GcLarge;

typedef struct GcBump {
    u8 *cursor, *end; /* zeroed memory between them */
} GcBump;

typedef struct GcFinalizer {
    GcObject *object;
    GcFinalize *finalize;
    void (*callback)(void);
    void *data;
} GcFinalizer;

/* Of a host's value; several may be of the same. */
typedef struct GcHostFinalizer {
    Ref ref;
    void (*finalize)(void *value);
    bool is_marked;
} GcHostFinalizer;

struct GcHeap {
    GcBump small;  /* the current hole */
    GcBump medium; /* for objects longer than a line that did not fit it */
    bool is_stressed;
    u8 epoch;      /* 1 or 2: an object with this mark has survived the latest collection, or is being found to */
    u32 line;      /* where to look on in current */
    GcBlock *current, *partial, *free;
    uintptr_t fresh; /* the blocks of the chunk whose blocks are taken one by one; 0: none */

    Store *store;
    Alloc *alloc;
    GcLayout **layouts; /* by type id; NULL where not yet asked for */
    u32 nlayouts;

    u64 since, threshold; /* bytes handed out since the last collection; when to have the next */
    u64 limit_bytes;
    u32 nfutile;
    GcStats stats;

    uintptr_t low, high; /* all objects lie in [low, high) */
    struct { VEC(GcChunk) } chunks; /* by address */
    struct { VEC(GcLarge *) } large;
    GcLarge **large_index; /* a hash table, filled at the start of a collection */
    u32 large_cap;         /* a power of two */
    u64 large_marked_bytes;
    struct { VEC(GcFinalizer) } finalizers;
    struct { VEC(GcHostFinalizer) } hosts;
    u32 *host_index;      /* a hash table of places in hosts, plus 1; filled at the start of a collection */
    u32 host_cap;         /* a power of two */
    u32 host_threshold;   /* so many hosts start a collection */

    Ref *stack; /* to be looked at; see gc_collect.c */
    size_t stack_n, stack_cap;
    bool has_overflowed;
};

static inline GcBlock *tern_gc_block(const void *p)
{
    return (GcBlock *)((uintptr_t)p & ~(uintptr_t)(GC_BLOCK_BYTES - 1));
}
static inline u32 tern_gc_unit(const void *p)
{
    return (u32)((uintptr_t)p & (GC_BLOCK_BYTES - 1)) / 16;
}
static inline void tern_gc_note_range(GcHeap *heap, uintptr_t from, uintptr_t to)
{
    if (from < heap->low) heap->low = from;
    if (to > heap->high) heap->high = to;
}

/* is_urgent: every empty chunk goes back to the allocator, not only what the next cycle can do without. */
void tern_gc_collect_heap(GcHeap *heap, bool is_urgent);
/* Runs the finalizers of unmarked objects, or all. */
void tern_gc_finalize(GcHeap *heap, bool all);
/* Around marking: whoever is not marked in between is finalised. */
void tern_gc_hosts_begin(GcHeap *heap);
void tern_gc_hosts_mark(GcHeap *heap, Ref ref);
void tern_gc_hosts_finalize(GcHeap *heap, bool all);
const GcRoot *tern_gc_root_next(const GcRoot *root);
void tern_gc_layout_free(Alloc *alloc, GcLayout *layout);

#endif
