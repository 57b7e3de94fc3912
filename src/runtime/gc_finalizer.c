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
