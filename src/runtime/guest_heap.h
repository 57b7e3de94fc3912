/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_heap.h - blocks inside a guest's linear memory, handed out by the host.
 *
 * Bookkeeping lives in host memory, so a guest can damage the contents of its blocks but never the
 * allocator. Blocks are named by guest address: memory.grow may move linear memory at any call.
 */
#ifndef TERN_RUNTIME_GUEST_HEAP_H
#define TERN_RUNTIME_GUEST_HEAP_H

#include "base/alloc.h"

typedef struct GuestHeap GuestHeap;

typedef enum GuestHeapFree {
    GUEST_HEAP_FREED,
    GUEST_HEAP_NOT_OURS,  /* outside the heap's range */
    GUEST_HEAP_INTERIOR,  /* inside a live block, not its start */
    GUEST_HEAP_NOT_LIVE,  /* freed already or never returned */
} GuestHeapFree;

typedef struct GuestHeapStats {
    u64 total_bytes, free_bytes, largest_free_bytes, highmark_bytes;
    u64 live_blocks;
    u64 host_bytes; /* bookkeeping */
} GuestHeapStats;

/* A heap over guest addresses [start, start + size_bytes), all of which the caller has set aside. Address 0
 * is never handed out. Costs no more than a few microseconds whatever the size: bookkeeping grows with use.
 * NULL if there is no memory. Calls on one heap must be serialised by the caller. */
GuestHeap *tern_guest_heap_new(Alloc *alloc, u64 start, u64 size_bytes);
void tern_guest_heap_free_all(GuestHeap *heap);
/* Another with the same blocks. NULL if there is no memory. */
GuestHeap *tern_guest_heap_clone(const GuestHeap *heap);

/* Guest address of size_bytes bytes, 8-aligned (16 from 16 bytes up), or 0 if there is no room. size 0 gets
 * a unique address. Constant time. */
u64 tern_guest_heap_alloc(GuestHeap *heap, u64 size_bytes);
/* As tern_guest_heap_alloc; align: a power of two up to 65536, any other returns 0. */
u64 tern_guest_heap_alloc_aligned(GuestHeap *heap, u64 size_bytes, u64 align);

/* Nothing changes unless addr is a live block of this heap. Constant time. */
GuestHeapFree tern_guest_heap_free(GuestHeap *heap, u64 addr);

/* Usable size of the live block at addr, or 0. */
u64 tern_guest_heap_block_size(const GuestHeap *heap, u64 addr);

/* Grows or shrinks in place if that can be; false: nothing changed and the caller moves the block. */
bool tern_guest_heap_resize(GuestHeap *heap, u64 addr, u64 size_bytes);

bool tern_guest_heap_contains(const GuestHeap *heap, u64 addr);
/* Not constant time: largest_free_bytes is exact, as if every freed block had coalesced at once. */
GuestHeapStats tern_guest_heap_stats(const GuestHeap *heap);

/* Live blocks in address order; false from the visitor stops. The visitor must not change the heap. */
void tern_guest_heap_walk(const GuestHeap *heap, bool (*visit)(void *env, u64 addr, u64 size_bytes), void *env);

#endif
