/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory.h - a linear memory.
 *
 * On hosts with virtual memory a 32-bit memory reserves its whole index space and a guard behind it, so its
 * base never moves. Elsewhere, for 64-bit memories, and when the engine says so, it is an ordinary block
 * that moves when it grows: nobody keeps base across a call that may grow, except where reserved_bytes > 0.
 * A memory never shrinks, unless it is reset.
 *
 * A shared memory never moves: its maximum is reserved. It may be used by the instances of several stores, each
 * of which has its own thread: all that changes is the size, under the lock, and read with tern_memory_size_bytes.
 *
 * Accesses to a memory with is_guarded need no check once the fault handler is installed; reserved_bytes > 0
 * alone only promises that base stays.
 */
#ifndef TERN_RUNTIME_MEMORY_H
#define TERN_RUNTIME_MEMORY_H

#include "base/diag.h"
#include "module/module.h"
#include "port/port.h"

typedef struct GuestHeap GuestHeap;
typedef struct WaitQueue WaitQueue;
typedef struct MemoryPool MemoryPool;   /* runtime/memory_pool.h */
typedef struct MemoryImage MemoryImage;

#define MEMORY_GUARD_BYTES (4ull << 30) /* behind the 4 GiB index space: a u32 offset cannot pass it */
#define MEMORY_GUARDED_BYTES ((4ull << 30) + MEMORY_GUARD_BYTES)

/* Where a window onto a host's memory ends: the end of the 32-bit index space. */
#define MEMORY_WINDOW_END (4ull << 30)

/* Bytes that the memories which share it may have in all; everything but max_bytes is memory.c's. */
typedef struct MemoryBudget {
    Alloc *alloc;
    u64 max_bytes;
    u64 used_bytes; /* atomic, as refs */
    u32 refs;
} MemoryBudget;

/* With one reference. NULL: no memory. Retaining and releasing are thread-safe, and NULL may be given. */
MemoryBudget *tern_memory_budget_new(Alloc *alloc, u64 max_bytes);
MemoryBudget *tern_memory_budget_retain(MemoryBudget *budget);
void tern_memory_budget_release(MemoryBudget *budget);

typedef struct Memory {
    u8 *base;           /* not NULL, even for an empty memory */
    u64 size_bytes;     /* read atomically if shared */
    u64 npages, max_pages; /* max: of the type, the host's limit and the address space */
    u64 page_bytes;     /* 65536, 1, or what the embedding API's one-page rule makes of it */
    MemoryType type;    /* as declared */
    u64 reserved_bytes; /* 0: base may move */
    bool is_guarded;    /* 32-bit, and every address a guest can form behind its end faults, known to the port */
    u64 block_bytes;    /* what is held at base, from the port's virtual memory if is_vm, else from alloc */
    bool is_vm;
    Alloc *alloc;
    u32 refs;           /* atomic: the host's, and of every store that uses it */
    Mutex lock;         /* grow, when shared; also for users of heap */
    WaitQueue *waits;   /* who sleeps in memory.atomic.wait; shared memories only */
    u64 window_bytes;   /* of a window at the end of the index space; 0: there is none */
    void *window;       /* whose it is: the embedder's */
    GuestHeap *heap;    /* the host-managed heap inside, or NULL; owned */
    MemoryPool *pool;   /* where a guarded reservation goes when it is free, or NULL */
    u64 initial_pages;
    u64 committed_bytes; /* of a reservation: accessible from base on, whole host pages */
    u64 image_id;       /* of what the data segments left, mapped into [image_from, image_to); or 0 */
    u64 image_from, image_to;
    u32 nrestores;      /* how often the reservation was emptied: tern_memory_pages_empty */
    MemoryBudget *budget; /* what size_bytes is charged to, or NULL; a reference is held */
    u64 charged_bytes;
} Memory;

/* Guest address where the window begins; UINT64_MAX: there is none. */
static inline u64 tern_memory_window(const Memory *memory)
{
    return memory->window_bytes != 0 ? MEMORY_WINDOW_END - memory->window_bytes : UINT64_MAX;
}

typedef struct MemoryOptions {
    bool may_move;      /* do not reserve, allocate: the explicit-check mode */
    u64 max_pages;      /* the host's limit, UINT64_MAX for none */
    MemoryBudget *budget; /* a limit in bytes, for this memory and others; NULL: none */
    u64 page_bytes;     /* 0: as the type says */
    MemoryPool *pool;   /* of the engine; NULL: reservations are made and released */
    const MemoryImage *image; /* to begin with instead of zeroes where that can be: image_id tells; or NULL */
} MemoryOptions;

/* Zeroed, type.limits.min pages. options NULL: no host limit, reserve if possible. NULL and a
 * RESOURCE diag if it cannot be had. */
Memory *tern_memory_new(Alloc *alloc, const MemoryType *type, const MemoryOptions *options, Diag *diag);
/* Made with one reference; the memory goes with the last. Thread-safe. NULL may be released. */
Memory *tern_memory_retain(Memory *memory);
void tern_memory_release(Memory *memory);

/* A window: other pages that are seen at the top of a 32-bit memory's index space, for guests and
 * tern_guest_range, in memories with is_guarded. Growing stops before it. The embedder maps and unmaps the
 * pages, from base + start on, while no guest runs. */
/* False unless the memory can have a window from start on, and has none. */
bool tern_memory_window_open(Memory *memory, u64 start, void *owner);
void tern_memory_window_close(Memory *memory);

/* The old size in pages, or UINT64_MAX if refused, in which case nothing changed. */
u64 tern_memory_grow_pages(Memory *memory, u64 delta_pages);

static inline bool tern_memory_has_image(const Memory *memory) { return TERN_FAST && memory->image_id != 0; }

/* As if made of npages: zero but for the image, which may be the one that is mapped already (cheapest), another,
 * or NULL. Only memories that stay where they are (reserved_bytes > 0) can have one. Not for shared memories. Nobody
 * may be using it, nor have its size cached. False: it could not be done, and what is in it is anybody's guess. */
bool tern_memory_become(Memory *memory, u64 npages, const MemoryImage *image);

/* Makes the committed pages [base, base + bytes) of a reservation read as an image that is mapped there, else as zero.
 * *nrestores counts how often that was done to it. False: the port does not promise it. */
bool tern_memory_pages_empty(u8 *base, u64 bytes, bool has_image, u32 *nrestores);

#endif
