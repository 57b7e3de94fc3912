/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory.h - a linear memory.
 *
 * On hosts with virtual memory a 32-bit memory reserves its whole index space and a guard behind it, so its
 * base never moves. Elsewhere, for 64-bit memories, and when the engine says so, it is an ordinary block
 * that moves when it grows: nobody keeps base across a call that may grow, except where reserved_bytes > 0.
 * A shared memory never moves: its maximum is reserved. A memory never shrinks.
 *
 * Accesses to a 32-bit memory need no check where reserved_bytes is MEMORY_GUARDED_BYTES or more and page_bytes
 * is a multiple of the host's page; reserved_bytes > 0 alone only promises that base stays.
 */
#ifndef TERN_RUNTIME_MEMORY_H
#define TERN_RUNTIME_MEMORY_H

#include "base/diag.h"
#include "module/module.h"
#include "port/port.h"

typedef struct GuestHeap GuestHeap;

#define MEMORY_GUARD_BYTES (4ull << 30) /* behind the 4 GiB index space: a u32 offset cannot pass it */
#define MEMORY_GUARDED_BYTES ((4ull << 30) + MEMORY_GUARD_BYTES)

typedef struct Memory {
    u8 *base;           /* not NULL, even for an empty memory */
    u64 size_bytes;     /* read atomically if shared */
    u64 npages, max_pages; /* max: of the type, the host's limit and the address space */
    u64 page_bytes;     /* 65536, 1, or what the embedding API's one-page rule makes of it */
    MemoryType type;    /* as declared */
    u64 reserved_bytes; /* 0: base may move */
    u64 block_bytes;    /* what is held at base, from the port's virtual memory if is_vm, else from alloc */
    bool is_vm;
    Alloc *alloc;
    Mutex lock;         /* grow, when shared */
    GuestHeap *heap;    /* the host-managed heap inside, or NULL; owned */
} Memory;

typedef struct MemoryOptions {
    bool may_move;      /* do not reserve, allocate: the explicit-check mode */
    u64 max_pages;      /* the host's limit, UINT64_MAX for none */
    u64 page_bytes;     /* 0: as the type says */
} MemoryOptions;

/* Zeroed, type.limits.min pages. options NULL: no host limit, reserve if possible. NULL and a
 * RESOURCE diag if it cannot be had. */
Memory *tern_memory_new(Alloc *alloc, const MemoryType *type, const MemoryOptions *options, Diag *diag);
void tern_memory_free(Memory *memory);

/* The old size in pages, or UINT64_MAX if refused, in which case nothing changed. */
u64 tern_memory_grow(Memory *memory, u64 delta_pages);

#endif
