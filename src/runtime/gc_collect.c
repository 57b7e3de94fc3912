/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_collect.c - a collection: mark what the roots reach, then free every line that no marked object touches.
 *
 * Marking never recurses and cannot fail. References yet to be looked at are on an explicit stack; if that
 * cannot grow, what does not fit is dropped, and once the stack is empty all marked objects are scanned
 * again until nothing was dropped. That ends, because scanning one object from an empty stack always has room
 * for its children: long objects are scanned a slice at a time.
 *
 * What was popped waits in a short queue while its header is fetched into the cache.
 */
#include "runtime/gc_internal.h"

enum {
    SLICE = 128,  /* references pushed by one scan */
    QUEUE = 16,   /* a power of two */
    TAG_SLICE = 2 /* on an object's reference: go on at the index in the entry below */
};
_Static_assert(GC_STACK_MIN >= 2 * (SLICE + 2), "a slice fits an empty stack, and the next on top");

/* --- the mark stack --------------------------------------------------------------------------------- */

static bool make_room(GcHeap *heap, size_t n)
{
    if (LIKELY(heap->stack_cap - heap->stack_n >= n)) return true;
    size_t cap = heap->stack_cap * 2;
    Ref *stack = tern_realloc(heap->alloc, heap->stack, heap->stack_cap * sizeof *stack, cap * sizeof *stack);
    if (stack == NULL) {
        heap->has_overflowed = true;
        return false;
    }
    heap->stack = stack;
    heap->stack_cap = cap;
    return true;
}

static inline void push(GcHeap *heap, Ref ref)
{
    if (ref_is_object(ref)) {
        if (make_room(heap, 1)) heap->stack[heap->stack_n++] = ref;
    } else if (UNLIKELY(heap->hosts.n > 0) && ref_is_host(ref)) {
        tern_gc_hosts_mark(heap, ref);
    }
}

/* --- conservative references ------------------------------------------------------------------------ */

static u32 hash_of(const GcHeap *heap, uintptr_t address)
{
    return (u32)(((u64)address >> 4) * 0x9e3779b97f4a7c15u >> 32) & (heap->large_cap - 1);
}

static void index_large(GcHeap *heap)
{
    if (heap->large_cap == 0) return;
    memset(heap->large_index, 0, (size_t)heap->large_cap * sizeof *heap->large_index);
    for (u32 i = 0; i < heap->large.n; i++) {
        u32 at = hash_of(heap, (uintptr_t)&heap->large.items[i]->object);
        while (heap->large_index[at] != NULL) at = (at + 1) & (heap->large_cap - 1);
        heap->large_index[at] = heap->large.items[i];
    }
}

static bool is_large_object(const GcHeap *heap, uintptr_t address)
{
    if (heap->large.n == 0) return false;
    for (u32 at = hash_of(heap, address); heap->large_index[at] != NULL; at = (at + 1) & (heap->large_cap - 1))
        if ((uintptr_t)&heap->large_index[at]->object == address) return true;
    return false;
}

/* Does it lie in a block? Then *is_small says whether an object starts there. */
static bool is_in_block(const GcHeap *heap, uintptr_t address, bool *is_small)
{
    u32 from = 0, to = heap->chunks.n; /* the chunk, if any, is the last that begins at or before address */
    while (from < to) {
        u32 middle = from + (to - from) / 2;
        if ((uintptr_t)heap->chunks.items[middle].blocks <= address) from = middle + 1;
        else to = middle;
    }
    if (from > 0) {
        const GcChunk *chunk = &heap->chunks.items[from - 1];
        if (address - (uintptr_t)chunk->blocks < (size_t)chunk->n * GC_BLOCK_BYTES) {
            u32 unit = tern_gc_unit((const void *)address);
            *is_small = tern_gc_block((const void *)address)->starts[unit / 8] >> (unit & 7) & 1;
            return true;
        }
    }
    return false;
}

/* Is it the start of an object? */
static bool is_object(const GcHeap *heap, u64 cell)
{
    if (cell < heap->low || cell >= heap->high || (cell & 15) != 0) return false;
    bool is_small;
    if (is_in_block(heap, (uintptr_t)cell, &is_small)) return is_small;
    return is_large_object(heap, (uintptr_t)cell);
}

/* The index of large objects is a collection's only. */
bool tern_gc_holds(const Store *store, Ref ref)
{
    const GcHeap *heap = store->gc;
    if (heap == NULL || ref < heap->low || ref >= heap->high || (ref & 15) != 0) return false;
    bool is_small;
    if (is_in_block(heap, (uintptr_t)ref, &is_small)) return is_small;
    for (u32 i = 0; i < heap->large.n; i++)
        if (&heap->large.items[i]->object == ref_object(ref)) return true;
    return false;
}

/* A cell that is marked as a reference: an object, or a number like that of a host's value. */
static bool may_be_ref(const GcHeap *heap, u64 cell)
{
    return is_object(heap, cell) || (UNLIKELY(heap->hosts.n > 0) && ref_is_host(cell));
}

static void push_cell(GcHeap *heap, u64 cell)
{
    if (may_be_ref(heap, cell)) push(heap, cell);
}

/* --- marking ---------------------------------------------------------------------------------------- */

static size_t object_bytes(const GcObject *object, const GcLayout *layout)
{
    switch ((GcKind)object->kind) {
    case GC_STRUCT: return layout->size_bytes;
    case GC_ARRAY: return sizeof *object + ((size_t)object->length << layout->elem_log2);
    case GC_EXCEPTION: return sizeof(GcException) + (size_t)object->length * sizeof(u64);
    }
    return sizeof *object;
}

/* Says that the rest of object, from that reference on, is yet to be scanned. */
static void push_slice(GcHeap *heap, const GcObject *object, u64 from)
{
    if (!make_room(heap, 2)) return;
    heap->stack[heap->stack_n++] = from;
    heap->stack[heap->stack_n++] = ref_of_object(object) | TAG_SLICE;
}

/* Pushes the references in object from number `from` on. */
static void scan(GcHeap *heap, const GcObject *object, u64 from)
{
    if (object->kind == GC_EXCEPTION) { /* what its cells are is the tag's business */
        const GcException *exception = (const GcException *)(const void *)object;
        u64 to = u64_min(object->length, from + SLICE);
        if (to < object->length) push_slice(heap, object, to);
        for (; from < to; from++)
            push_cell(heap, exception->payload[from]);
        return;
    }
    const GcLayout *layout = heap->layouts[object->type_id];
    if (object->kind == GC_STRUCT) {
        u64 to = u64_min(layout->nrefs, from + SLICE);
        if (UNLIKELY(to < layout->nrefs)) push_slice(heap, object, to);
        if (from == 0) push(heap, object->descriptor);
        for (; from < to; from++) push(heap, *(const Ref *)(const void *)((const u8 *)object + layout->refs[from]));
        return;
    }
    if (!layout->elem_is_ref) return;
    const Ref *elems = (const Ref *)(const void *)(object + 1);
    u64 to = u64_min(object->length, from + SLICE);
    if (to < object->length) push_slice(heap, object, to);
    for (; from < to; from++) push(heap, elems[from]);
}

static inline void visit(GcHeap *heap, GcObject *object)
{
    if (object->mark == heap->epoch) return;
    object->mark = heap->epoch;
    if (UNLIKELY(object->flags & GC_FLAG_LARGE)) {
        const GcLarge *large = (const GcLarge *)(const void *)((const u8 *)object - offsetof(GcLarge, object));
        heap->large_marked_bytes += large->bytes;
    } else {
        const GcLayout *layout = object->kind != GC_EXCEPTION ? heap->layouts[object->type_id] : NULL;
        size_t bytes = object_bytes(object, layout);
        GcBlock *block = tern_gc_block(object);
        u32 unit = tern_gc_unit(object), last = (unit * 16 + (u32)bytes - 1) / GC_LINE_BYTES;
        block->marks[unit / 8] |= (u8)(1u << (unit & 7));
        for (u32 line = unit / 8; line <= last; line++) block->used[line] = 1;
    }
    scan(heap, object, 0);
}

static void drain(GcHeap *heap)
{
    GcObject *queue[QUEUE];
    u32 head = 0, n = 0;
    for (;;) {
        if (heap->stack_n > 0) {
            Ref ref = heap->stack[--heap->stack_n];
            if (UNLIKELY(ref & TAG_SLICE)) {
                u64 from = heap->stack[--heap->stack_n];
                scan(heap, ref_object(ref & ~(Ref)TAG_SLICE), from);
                continue;
            }
            GcObject *object = ref_object(ref);
            __builtin_prefetch(object);
            queue[(head + n++) & (QUEUE - 1)] = object;
            if (n < QUEUE && heap->stack_n > 0) continue;
        } else if (n == 0) {
            return;
        }
        GcObject *next = queue[head++ & (QUEUE - 1)];
        n--;
        visit(heap, next);
    }
}

/* Scans every marked object again. */
static void rescan(GcHeap *heap)
{
    for (u32 i = 0; i < heap->large.n; i++) {
        if (heap->large.items[i]->object.mark != heap->epoch) continue;
        scan(heap, &heap->large.items[i]->object, 0);
        drain(heap);
    }
    for (u32 c = 0; c < heap->chunks.n; c++) {
        const GcChunk *chunk = &heap->chunks.items[c];
        for (u32 b = 0; b < chunk->n; b++) {
            u8 *block = chunk->blocks + (size_t)b * GC_BLOCK_BYTES;
            for (u32 line = GC_FIRST_LINE; line < GC_LINES; line++)
                for (u32 bits = ((GcBlock *)(void *)block)->marks[line]; bits != 0; bits &= bits - 1) {
                    u32 unit = line * 8 + (u32)__builtin_ctz(bits);
                    scan(heap, (const GcObject *)(const void *)(block + unit * 16), 0);
                    drain(heap);
                }
        }
    }
}

/* --- roots ------------------------------------------------------------------------------------------ */

/* Nothing may be dropped here, as roots are not found again: the stack is never left half full. */
static void mark_ref(GcHeap *heap, Ref ref)
{
    push(heap, ref);
    if (heap->stack_n > SLICE) drain(heap);
}

static void mark_cells(GcHeap *heap, const u64 *cells, u64 n)
{
    for (u64 i = 0; i < n; i++)
        if (may_be_ref(heap, cells[i])) mark_ref(heap, cells[i]);
}

static bool holds_objects(const Store *store, ValType t)
{
    return vt_is_ref(t) && tern_types_top(store->engine->types, t) != HEAP_FUNC;
}

static void mark_instance(GcHeap *heap, const Instance *instance)
{
    const Module *m = instance->module;
    u32 first = m->nimported[EXTERN_GLOBAL];
    for (u32 i = first; i < m->nglobals; i++)
        if (holds_objects(instance->store, m->globals[i].type.type))
            mark_ref(heap, instance->own_globals[i - first].ref);
    for (u32 i = 0; i < m->nelems; i++) {
        if (instance->elem_refs[i] == NULL || instance->elem_dropped[i]) continue;
        if (!holds_objects(instance->store, m->elems[i].type)) continue;
        for (u32 k = 0; k < m->elems[i].n; k++) mark_ref(heap, instance->elem_refs[i][k]);
    }
}

static void mark_roots(GcHeap *heap)
{
    const Store *store = heap->store;
    for (u32 i = 0; i < store->instances.n; i++) mark_instance(heap, store->instances.items[i]);
    for (u32 i = 0; i < store->tables.n; i++) {
        const Table *table = store->tables.items[i];
        if (!holds_objects(store, table->type.elem)) continue;
        for (u64 k = 0; k < table->size; k++) mark_ref(heap, table->elems[k]);
    }
    for (const Global *global = store->globals; global != NULL; global = global->next)
        if (holds_objects(store, global->type.type)) mark_ref(heap, global->own.ref);
    for (const Exec *x = store->execs; x != NULL; x = x->next) {
        mark_cells(heap, x->stack, (u64)(x->top - x->stack));
        mark_ref(heap, x->exception);
        for (const GcLocal *local = x->locals; local != NULL; local = local->prev) {
            u64 cell = local->ref;
            cell = (cell & ~(1ull << 63)) | (cell & 1ull << 62) << 1;
            mark_cells(heap, &cell, 1);
        }
    }
    for (const GcCells *cells = store->gc_cells; cells != NULL; cells = cells->outer)
        mark_cells(heap, cells->cells, cells->ncells);
    for (const GcRange *range = store->gc_ranges; range != NULL; range = range->next)
        mark_cells(heap, range->cells, range->ncells);
    for (const GcRoot *root = store->gc_roots; root != NULL; root = tern_gc_root_next(root))
        mark_ref(heap, tern_gc_root_get(root));
    drain(heap);
    while (heap->has_overflowed) {
        heap->has_overflowed = false;
        rescan(heap);
    }
}

/* --- sweeping --------------------------------------------------------------------------------------- */

static void sweep_large(GcHeap *heap)
{
    u32 kept = 0;
    for (u32 i = 0; i < heap->large.n; i++) {
        GcLarge *large = heap->large.items[i];
        if (large->object.mark == heap->epoch) {
            heap->large.items[kept++] = large;
            continue;
        }
        heap->stats.heap_bytes -= large->bytes;
        tern_free(heap->alloc, large, large->bytes);
    }
    heap->large.n = kept;
}

/* Used lines of the block, of those that can hold objects. */
static u32 sweep_block(GcBlock *block)
{
    memcpy(block->starts, block->marks, sizeof block->starts);
    u32 n = 0;
    for (u32 line = 0; line < GC_LINES; line++) n += block->used[line];
    return n - GC_FIRST_LINE;
}

static u32 sweep_chunk(GcHeap *heap, const GcChunk *chunk)
{
    u32 nused = 0;
    for (u32 b = chunk->n; b-- > 0;) {
        GcBlock *block = (GcBlock *)(void *)(chunk->blocks + (size_t)b * GC_BLOCK_BYTES);
        u32 n = sweep_block(block);
        nused += n;
        if (n == GC_LINES - GC_FIRST_LINE) continue;
        GcBlock **list = n == 0 ? &heap->free : &heap->partial;
        block->next = *list;
        *list = block;
    }
    return nused;
}

/* Empty chunks go back, as far as the next cycle can do without them. The lists are not made yet. */
static bool chunk_is_empty(const GcChunk *chunk)
{
    for (u32 b = 0; b < chunk->n; b++) {
        const GcBlock *block = (const GcBlock *)(const void *)(chunk->blocks + (size_t)b * GC_BLOCK_BYTES);
        for (u32 line = GC_FIRST_LINE; line < GC_LINES; line++)
            if (block->used[line]) return false;
    }
    return true;
}

static void release_chunks(GcHeap *heap, u64 keep_bytes)
{
    u32 kept = 0;
    for (u32 i = 0; i < heap->chunks.n; i++) {
        GcChunk chunk = heap->chunks.items[i];
        bool may_go = heap->stats.heap_bytes >= chunk.bytes + keep_bytes;
        if (!may_go || !chunk_is_empty(&chunk)) {
            heap->chunks.items[kept++] = chunk;
            continue;
        }
        if ((uintptr_t)chunk.blocks == heap->fresh) heap->fresh = 0;
        heap->stats.heap_bytes -= chunk.bytes;
        tern_free(heap->alloc, chunk.memory, chunk.bytes);
    }
    heap->chunks.n = kept;
}

/* A lower bound of what is live, enough to judge what may be released before lists are made. */
static u64 used_bytes(const GcHeap *heap)
{
    u64 nlines = 0;
    for (u32 c = 0; c < heap->chunks.n; c++)
        for (u32 b = 0; b < heap->chunks.items[c].n; b++) {
            const u8 *block = heap->chunks.items[c].blocks + (size_t)b * GC_BLOCK_BYTES;
            u32 n = 0;
            for (u32 line = 0; line < GC_LINES; line++) n += ((const GcBlock *)(const void *)block)->used[line];
            nlines += n - GC_FIRST_LINE;
        }
    return nlines * GC_LINE_BYTES + heap->large_marked_bytes;
}

static void sweep(GcHeap *heap, bool is_urgent)
{
    sweep_large(heap);
    heap->stats.live_bytes = used_bytes(heap);
    heap->threshold = u64_max(GC_MIN_CYCLE_BYTES, heap->stats.live_bytes);
    release_chunks(heap, is_urgent ? 0 : heap->stats.live_bytes + heap->threshold + heap->threshold / 4);
    heap->free = heap->partial = heap->current = NULL;
    for (u32 i = heap->chunks.n; i-- > 0;) (void)sweep_chunk(heap, &heap->chunks.items[i]);
}

/* --- a collection ----------------------------------------------------------------------------------- */

static void begin(GcHeap *heap)
{
    heap->small = heap->medium = (GcBump){0};
    heap->epoch ^= 3;
    heap->has_overflowed = false;
    heap->large_marked_bytes = 0;
    for (u32 c = 0; c < heap->chunks.n; c++)
        for (u32 b = 0; b < heap->chunks.items[c].n; b++) {
            GcBlock *block = (GcBlock *)(void *)(heap->chunks.items[c].blocks + (size_t)b * GC_BLOCK_BYTES);
            memset(block->marks, 0, sizeof block->marks);
            memset(block->used + GC_FIRST_LINE, 0, sizeof block->used - GC_FIRST_LINE);
        }
    index_large(heap);
    tern_gc_hosts_begin(heap);
}

void tern_gc_collect_heap(GcHeap *heap, bool is_urgent)
{
    u64 start = 0, end = 0;
    (void)tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &start);
    begin(heap);
    mark_roots(heap);
    tern_gc_finalize(heap, false);
    tern_gc_hosts_finalize(heap, false);
    sweep(heap, is_urgent);
    heap->stats.allocated_bytes += heap->since;
    heap->since = 0;
    heap->stats.collections++;
    (void)tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &end);
    heap->stats.total_pause_ns += end - start;
    heap->stats.max_pause_ns = u64_max(heap->stats.max_pause_ns, end - start);
}

void tern_gc_collect(Store *store)
{
    if (store->gc != NULL) tern_gc_collect_heap(store->gc, true);
}
