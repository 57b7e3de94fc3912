/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_finalizer.c - telling the embedder that an object goes.
 *
 * Objects with a finalizer carry a flag, so that nobody searches the table for those without. A collection
 * looks through the table between marking and sweeping, which costs as much as there are entries. */
#include "runtime/gc_internal.h"

static GcHeap *heap_of(const GcObject *object)
{
    if ((object->flags & GC_FLAG_LARGE) == 0) return tern_gc_block(object)->heap;
    const u8 *large = (const u8 *)object - offsetof(GcLarge, object);
    return ((const GcLarge *)(const void *)large)->heap;
}

Store *tern_gc_store_of(const GcObject *object) { return heap_of(object)->store; }

bool tern_gc_finalizer_set(GcObject *object, GcFinalize *finalize, void (*callback)(void), void *data)
{
    GcHeap *heap = heap_of(object);
    tern_gc_finalizer_unset(object);
    GcFinalizer entry = {object, finalize, callback, data};
    if (!vec_push(&heap->finalizers, heap->alloc, entry)) return false;
    object->flags |= GC_FLAG_FINALIZED;
    return true;
}

void tern_gc_finalizer_unset(GcObject *object)
{
    if ((object->flags & GC_FLAG_FINALIZED) == 0) return;
    GcHeap *heap = heap_of(object);
    u32 i = heap->finalizers.n - 1; /* the newest are the likeliest */
    while (heap->finalizers.items[i].object != object) i--;
    heap->finalizers.items[i] = heap->finalizers.items[--heap->finalizers.n];
    object->flags &= (u16)~GC_FLAG_FINALIZED;
}

void tern_gc_finalize(GcHeap *heap, bool all)
{
    /* Those to stay come first. */
    u32 kept = 0, n = heap->finalizers.n;
    GcFinalizer *items = heap->finalizers.items;
    for (u32 i = 0; i < n && !all; i++) {
        if (items[i].object->mark != heap->epoch) continue;
        GcFinalizer entry = items[i];
        items[i] = items[kept];
        items[kept++] = entry;
    }
    heap->finalizers.n = kept;
    for (u32 i = kept; i < n; i++) {
        items[i].object->flags &= (u16)~GC_FLAG_FINALIZED;
        items[i].finalize(items[i].object, items[i].callback, items[i].data);
    }
}

/* --- hosts' values ------------------------------------------------------------------------------------ */

/* Values are numbers to the collector: those with a finalizer are looked up as they are met. */

#define HOSTS_MIN_THRESHOLD 1024u

static u32 hash_of(const GcHeap *heap, Ref ref)
{
    return (u32)((ref >> 2) * 0x9e3779b97f4a7c15u >> 32) & (heap->host_cap - 1);
}

/* Room for one more, and an index at most half full. */
static bool reserve(GcHeap *heap)
{
    if (!vec_reserve(&heap->hosts, heap->alloc, 1)) return false;
    if (heap->host_cap / 2 > heap->hosts.n) return true;
    u32 cap = heap->host_cap == 0 ? 16 : heap->host_cap * 2;
    u32 *index = cap != 0 ? tern_alloc(heap->alloc, (size_t)cap * sizeof *index) : NULL;
    if (index == NULL) return false;
    tern_free(heap->alloc, heap->host_index, (size_t)heap->host_cap * sizeof *index);
    heap->host_index = index;
    heap->host_cap = cap;
    return true;
}

bool tern_gc_host_finalizer_add(Store *store, Ref ref, void (*finalize)(void *value))
{
    GcHeap *heap = tern_gc_heap(store);
    if (heap == NULL) return false;
    if (heap->hosts.n >= u64_max(heap->host_threshold, HOSTS_MIN_THRESHOLD) || heap->is_stressed) {
        GcRange range = {.cells = &ref, .ncells = 1}; /* it may have one already */
        tern_gc_range_add(store, &range);
        tern_gc_collect_heap(heap, false);
        tern_gc_range_remove(store, &range);
        heap->host_threshold = heap->hosts.n <= UINT32_MAX / 2 ? heap->hosts.n * 2 : UINT32_MAX;
    }
    if (!reserve(heap)) return false;
    heap->hosts.items[heap->hosts.n++] = (GcHostFinalizer){.ref = ref, .finalize = finalize};
    return true;
}

void tern_gc_hosts_begin(GcHeap *heap)
{
    if (heap->hosts.n == 0) return;
    memset(heap->host_index, 0, (size_t)heap->host_cap * sizeof *heap->host_index);
    for (u32 i = 0; i < heap->hosts.n; i++) {
        heap->hosts.items[i].is_marked = false;
        u32 at = hash_of(heap, heap->hosts.items[i].ref);
        while (heap->host_index[at] != 0) at = (at + 1) & (heap->host_cap - 1);
        heap->host_index[at] = i + 1;
    }
}

void tern_gc_hosts_mark(GcHeap *heap, Ref ref)
{
    for (u32 at = hash_of(heap, ref); heap->host_index[at] != 0; at = (at + 1) & (heap->host_cap - 1)) {
        GcHostFinalizer *host = &heap->hosts.items[heap->host_index[at] - 1];
        if (host->ref != ref) continue;
        if (host->is_marked) return; /* and so are all of its kind */
        host->is_marked = true;
    }
}

void tern_gc_hosts_finalize(GcHeap *heap, bool all)
{
    /* One at a time, as each may end with others being added. */
    for (u32 i = 0; i < heap->hosts.n;) {
        GcHostFinalizer *host = &heap->hosts.items[i];
        if (!all && host->is_marked) {
            i++;
            continue;
        }
        GcHostFinalizer gone = *host;
        *host = heap->hosts.items[--heap->hosts.n];
        gone.finalize(ref_host(gone.ref));
    }
}
