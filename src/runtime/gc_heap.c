/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_heap.c - where objects lie: blocks of lines, bump allocation into what the collector left free.
 *
 * A block is 32 KiB at an address that is a multiple of it, so that an object's block is found by masking. It
 * begins with a table of one byte per line of 128 bytes. An allocation bumps a cursor through a hole: a run of
 * lines free since the last collection. Objects longer than a line that do not fit the hole go to a block
 * of their own sort, so that small holes are not thrown away for them; those over 8 KiB are allocated one by
 * one. Blocks come from the store's allocator in chunks that grow with the heap.
 */
#include "runtime/gc_internal.h"

#include <assert.h>

static void block_init(GcHeap *heap, GcBlock *block)
{
    memset(block, 0, sizeof *block);
    block->heap = heap;
    memset(block->used, 1, GC_FIRST_LINE);
}

/* --- the heap --------------------------------------------------------------------------------------- */

GcHeap *tern_gc_heap(Store *store)
{
    if (LIKELY(store->gc != NULL)) return store->gc;
    GcHeap *heap = tern_alloc_zeroed(store->alloc, 1, sizeof *heap);
    if (heap == NULL) return NULL;
    heap->stack = tern_alloc(store->alloc, GC_STACK_MIN * sizeof *heap->stack);
    if (heap->stack == NULL) {
        tern_free(store->alloc, heap, sizeof *heap);
        return NULL;
    }
    const EngineOptions *options = &store->engine->options;
    heap->stack_cap = GC_STACK_MIN;
    heap->store = store;
    heap->alloc = store->alloc;
    heap->limit_bytes = options->gc_limit_bytes != 0 ? options->gc_limit_bytes : GC_LIMIT_DEFAULT;
    if (store->gc_limit_bytes != 0) heap->limit_bytes = store->gc_limit_bytes;
    heap->is_stressed = options->gc_stress;
    heap->threshold = GC_MIN_CYCLE_BYTES;
    heap->epoch = 1;
    heap->low = UINTPTR_MAX;
    store->gc = heap;
    return heap;
}

void tern_gc_free(GcHeap *heap)
{
    if (heap == NULL) return;
    tern_gc_finalize(heap, true);
    tern_gc_hosts_finalize(heap, true);
    Alloc *alloc = heap->alloc;
    vec_free(&heap->finalizers, alloc);
    vec_free(&heap->hosts, alloc);
    tern_free(alloc, heap->host_index, (size_t)heap->host_cap * sizeof *heap->host_index);
    for (u32 i = 0; i < heap->chunks.n; i++)
        tern_free(alloc, heap->chunks.items[i].memory, heap->chunks.items[i].bytes);
    for (u32 i = 0; i < heap->large.n; i++)
        tern_free(alloc, heap->large.items[i], heap->large.items[i]->bytes);
    for (u32 i = 0; i < heap->nlayouts; i++) tern_gc_layout_free(alloc, heap->layouts[i]);
    vec_free(&heap->chunks, alloc);
    vec_free(&heap->large, alloc);
    tern_free(alloc, heap->large_index, (size_t)heap->large_cap * sizeof *heap->large_index);
    tern_free(alloc, heap->layouts, (size_t)heap->nlayouts * sizeof *heap->layouts);
    tern_free(alloc, heap->stack, heap->stack_cap * sizeof *heap->stack);
    heap->store->gc = NULL;
    tern_free(alloc, heap, sizeof *heap);
}

GcStats tern_gc_stats(const Store *store)
{
    if (store->gc == NULL) return (GcStats){0};
    GcStats stats = store->gc->stats;
    stats.allocated_bytes += store->gc->since;
    return stats;
}

/* --- chunks ----------------------------------------------------------------------------------------- */

static bool chunk_new(GcHeap *heap, u64 nblocks)
{
    u64 bytes = (nblocks + 1) * GC_BLOCK_BYTES; /* one for alignment */
    if (bytes > heap->limit_bytes - heap->stats.heap_bytes || bytes > SIZE_MAX) return false;
    if (!vec_reserve(&heap->chunks, heap->alloc, 1)) return false;
    u8 *memory = tern_alloc(heap->alloc, (size_t)bytes);
    if (memory == NULL) return false;
    uintptr_t start = ((uintptr_t)memory + GC_BLOCK_BYTES - 1) & ~(uintptr_t)(GC_BLOCK_BYTES - 1);
    u32 at = heap->chunks.n++;
    for (; at > 0 && (uintptr_t)heap->chunks.items[at - 1].memory > (uintptr_t)memory; at--)
        heap->chunks.items[at] = heap->chunks.items[at - 1];
    heap->chunks.items[at] = (GcChunk){.memory = memory, .bytes = (size_t)bytes,
                                       .blocks = memory + (start - (uintptr_t)memory), .cap = (u32)nblocks};
    heap->fresh = start;
    heap->stats.heap_bytes += bytes;
    tern_gc_note_range(heap, start, start + nblocks * GC_BLOCK_BYTES);
    return true;
}

/* A chunk of a quarter of what there is, or less if that cannot be had. */
static bool grow(GcHeap *heap)
{
    u64 nblocks = heap->stats.heap_bytes / 4 / GC_BLOCK_BYTES;
    nblocks = nblocks < GC_CHUNK_MIN_BLOCKS ? GC_CHUNK_MIN_BLOCKS
            : nblocks > GC_CHUNK_MAX_BLOCKS ? GC_CHUNK_MAX_BLOCKS : nblocks;
    for (; nblocks > 0; nblocks /= 2)
        if (chunk_new(heap, nblocks)) return true;
    return false;
}

static GcChunk *fresh_chunk(const GcHeap *heap)
{
    for (u32 i = 0; i < heap->chunks.n; i++)
        if ((uintptr_t)heap->chunks.items[i].blocks == heap->fresh) return &heap->chunks.items[i];
    return NULL;
}

/* An empty block, or NULL: none without growing. */
static GcBlock *take_free_block(GcHeap *heap)
{
    GcBlock *block = heap->free;
    if (block != NULL) {
        heap->free = block->next;
        return block;
    }
    /* The newest chunk's blocks are initialised one by one: what is not used costs no memory. */
    GcChunk *chunk = heap->fresh != 0 ? fresh_chunk(heap) : NULL;
    if (chunk == NULL || chunk->n == chunk->cap) return NULL;
    block = (GcBlock *)(void *)(chunk->blocks + (size_t)chunk->n++ * GC_BLOCK_BYTES);
    block_init(heap, block);
    return block;
}

/* --- allocation of small objects -------------------------------------------------------------------- */

static void open_hole(GcHeap *heap, GcBump *bump, GcBlock *block, u32 from, u32 to)
{
    u8 *start = (u8 *)block + from * GC_LINE_BYTES;
    size_t bytes = (to - from) * (size_t)GC_LINE_BYTES;
    memset(start, 0, bytes);
    bump->cursor = start;
    bump->end = start + bytes;
    heap->since += bytes;
}

/* The next run of free lines in the blocks that have some; false: no more. */
static bool next_hole(GcHeap *heap)
{
    for (;;) {
        GcBlock *block = heap->current;
        if (block == NULL) {
            block = heap->partial;
            if (block == NULL) return false;
            heap->partial = block->next;
            heap->current = block;
            heap->line = GC_FIRST_LINE;
        }
        u32 from = heap->line;
        while (from < GC_LINES && block->used[from]) from++;
        u32 to = from;
        while (to < GC_LINES && !block->used[to]) to++;
        heap->line = to;
        if (to == GC_LINES) heap->current = NULL;
        if (from == GC_LINES) continue;
        open_hole(heap, &heap->small, block, from, to);
        return true;
    }
}

static inline void *bump(GcBump *at, size_t size)
{
    if (UNLIKELY((size_t)(at->end - at->cursor) < size)) return NULL;
    u8 *p = at->cursor;
    at->cursor = p + size;
    return p;
}

static void *try_alloc(GcHeap *heap, size_t size)
{
    void *p = bump(&heap->small, size);
    if (p != NULL) return p;
    if (size > GC_LINE_BYTES) {
        p = bump(&heap->medium, size);
        if (p != NULL) return p;
        GcBlock *block = take_free_block(heap);
        if (block != NULL) {
            open_hole(heap, &heap->medium, block, GC_FIRST_LINE, GC_LINES);
            return bump(&heap->medium, size);
        }
    }
    while (next_hole(heap)) {
        p = bump(&heap->small, size);
        if (p != NULL) return p;
    }
    GcBlock *block = take_free_block(heap);
    if (block == NULL) return NULL;
    open_hole(heap, &heap->small, block, GC_FIRST_LINE, GC_LINES);
    return bump(&heap->small, size);
}

/* Collections that are forced by the limit and soon forced again get the guest nowhere: after some, the
 * limit counts as reached. */
static bool is_futile(GcHeap *heap)
{
    if (heap->since >= heap->stats.heap_bytes / 32) {
        heap->nfutile = 0;
        return false;
    }
    if (heap->is_stressed || ++heap->nfutile < GC_MAX_FUTILE) return false;
    heap->nfutile = 0;
    return true;
}

static void *alloc_slow(GcHeap *heap, size_t size)
{
    bool has_collected = heap->is_stressed || heap->since >= heap->threshold;
    if (has_collected) tern_gc_collect_heap(heap, false);
    for (;;) {
        void *p = try_alloc(heap, size);
        if (p != NULL) return p;
        if (grow(heap)) continue;
        if (has_collected || is_futile(heap)) return NULL;
        tern_gc_collect_heap(heap, false);
        has_collected = true;
    }
}

/* --- large objects ---------------------------------------------------------------------------------- */

/* Room for one more in the list and, at most half full, in the index. */
static bool reserve_large(GcHeap *heap)
{
    if (!vec_reserve(&heap->large, heap->alloc, 1)) return false;
    if (heap->large_cap / 2 > heap->large.n) return true;
    u32 cap = heap->large_cap == 0 ? 16 : heap->large_cap * 2;
    GcLarge **index = tern_alloc(heap->alloc, cap * sizeof *index);
    if (index == NULL) return false;
    tern_free(heap->alloc, heap->large_index, (size_t)heap->large_cap * sizeof *index);
    heap->large_index = index; /* filled by the collector */
    heap->large_cap = cap;
    return true;
}

static GcObject *try_large(GcHeap *heap, u64 bytes)
{
    if (bytes > heap->limit_bytes - heap->stats.heap_bytes || bytes > SIZE_MAX) return NULL;
    if (!reserve_large(heap)) return NULL;
    GcLarge *large = tern_alloc_zeroed(heap->alloc, 1, (size_t)bytes);
    if (large == NULL) return NULL;
    large->bytes = (size_t)bytes;
    large->heap = heap;
    large->object.flags = GC_FLAG_LARGE;
    heap->large.items[heap->large.n++] = large;
    heap->stats.heap_bytes += bytes;
    heap->since += bytes;
    uintptr_t at = (uintptr_t)&large->object;
    tern_gc_note_range(heap, at, at + 1);
    return &large->object;
}

static GcObject *alloc_large(GcHeap *heap, u64 size)
{
    u64 bytes;
    if (!u64_add(size, offsetof(GcLarge, object), &bytes) || bytes > heap->limit_bytes) return NULL;
    if (heap->is_stressed || (heap->since > 0 && heap->since + bytes >= heap->threshold))
        tern_gc_collect_heap(heap, false);
    GcObject *object = try_large(heap, bytes);
    if (object != NULL || is_futile(heap)) return object;
    tern_gc_collect_heap(heap, true); /* gives empty chunks back, too */
    return try_large(heap, bytes);
}

/* --- objects ---------------------------------------------------------------------------------------- */

GcObject *tern_gc_new(Store *store, GcKind kind, u32 type_id, u32 length, u64 size_bytes)
{
    GcHeap *heap = tern_gc_heap(store);
    u64 size;
    if (UNLIKELY(heap == NULL || !u64_add(size_bytes, sizeof(GcObject) + 15, &size))) return NULL;
    size &= ~15ull;
    GcObject *object;
    if (UNLIKELY(size > GC_SMALL_MAX)) {
        object = alloc_large(heap, size);
        if (object == NULL) return NULL;
    } else {
        object = bump(&heap->small, (size_t)size);
        if (UNLIKELY(object == NULL || heap->is_stressed)) object = alloc_slow(heap, (size_t)size);
        if (UNLIKELY(object == NULL)) return NULL;
        u32 unit = tern_gc_unit(object);
        tern_gc_block(object)->starts[unit / 8] |= (u8)(1u << (unit & 7));
    }
    object->type_id = type_id;
    object->kind = (u8)kind;
    if (kind != GC_STRUCT) object->length = length;
    return object;
}

/* --- the host's roots ------------------------------------------------------------------------------- */

struct GcRoot {
    GcRoot *prev, *next;
    Ref ref;
};

GcRoot *tern_gc_root_new(Store *store, Ref ref)
{
    GcRoot *root = tern_alloc(store->alloc, sizeof *root);
    if (root == NULL) return NULL;
    *root = (GcRoot){.next = store->gc_roots, .ref = ref};
    if (root->next != NULL) root->next->prev = root;
    store->gc_roots = root;
    return root;
}

Ref tern_gc_root_get(const GcRoot *root)
{
    return root->ref;
}

void tern_gc_root_set(GcRoot *root, Ref ref)
{
    root->ref = ref;
}

const GcRoot *tern_gc_root_next(const GcRoot *root)
{
    return root->next;
}

GcRoot *tern_gc_root_find(const Store *store, Ref ref)
{
    GcRoot *root = store->gc_roots;
    while (root != NULL && root->ref != ref) root = root->next;
    return root;
}

void tern_gc_root_free(Store *store, GcRoot *root)
{
    if (root == NULL) return;
    if (root->next != NULL) root->next->prev = root->prev;
    if (root->prev != NULL) root->prev->next = root->next;
    else store->gc_roots = root->next;
    tern_free(store->alloc, root, sizeof *root);
}

/* --- ranges ----------------------------------------------------------------------------------------- */

void tern_gc_range_add(Store *store, GcRange *range)
{
    range->prev = NULL;
    range->next = store->gc_ranges;
    if (range->next != NULL) range->next->prev = range;
    store->gc_ranges = range;
}

void tern_gc_range_remove(Store *store, const GcRange *range)
{
    if (range->next != NULL) range->next->prev = range->prev;
    if (range->prev != NULL) range->prev->next = range->next;
    else store->gc_ranges = range->next;
}
