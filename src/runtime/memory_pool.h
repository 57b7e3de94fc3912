/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory_pool.h - what makes the next instance's memory cheap: reservations of freed memories, and images of
 * modules' data segments.
 *
 * A reservation waits here with nothing of its last guest in it: every page reads as zero, or as the image that
 * is still mapped into it. Who takes one with the same image has nothing to copy and nothing to map.
 * A build without TERN_FAST keeps neither.
 */
#ifndef TERN_RUNTIME_MEMORY_POOL_H
#define TERN_RUNTIME_MEMORY_POOL_H

#include "runtime/memory.h"

/* What a module's active data segments make of its own memory 0, to be mapped copy-on-write. */
struct MemoryImage {
    u64 id;       /* of the pool's engine, never used again; not 0 */
    u64 from, to; /* guest addresses, whole host pages; zero between the segments */
    u64 end;      /* of the last segment: how large the memory must be */
    s64 handle;   /* the port's */
    MemoryPool *pool;
};

/* A reservation of tern_memory_block_bytes(). */
typedef struct MemoryBlock {
    u8 *base;
    u64 committed_bytes; /* accessible from base on */
    u64 image_id;        /* mapped at image_from, or 0 */
    u64 image_from, image_to;
    u32 nrestores; /* how often it was emptied */
} MemoryBlock;

/* Address space is not free either: page tables, and limits that hosts set. */
enum { MEMORY_POOL_BLOCKS = 16, MEMORY_POOL_IMAGES = 64 };

struct MemoryPool {
    Mutex lock;
    MemoryBlock blocks[MEMORY_POOL_BLOCKS];
    u32 nblocks;
    u32 nimages; /* each holds one of the process's file descriptors */
    u64 next_id;
};

/* What every guarded memory reserves: one host page more, for the width of an access at the largest address and
 * offset. */
static inline u64 tern_memory_block_bytes(void)
{
    return MEMORY_GUARDED_BYTES + tern_port_page_size();
}

void tern_memory_pool_init(MemoryPool *pool);
/* Every memory and module must be gone. */
void tern_memory_pool_done(MemoryPool *pool);

/* A block with that image if there is one, else any. False: none. Thread-safe, as all here. */
bool tern_memory_pool_take(MemoryPool *pool, u64 image_id, MemoryBlock *out);
/* Empties a block and keeps it. False: it cannot, and the caller releases it. */
bool tern_memory_pool_give(MemoryPool *pool, MemoryBlock *block);
/* Releases all blocks. */
void tern_memory_pool_drain(MemoryPool *pool);

/* The image of a module that is instantiated more than once; NULL: not yet, or its segments do not allow it:
 * every active one must have a constant offset inside the module's own, unshared, 32-bit memory 0. Lives as long
 * as the module. */
const MemoryImage *tern_memory_image_of(MemoryPool *pool, Module *module);
/* The same without asking for one: NULL unless it is there. */
const MemoryImage *tern_memory_image_have(const Module *module);

/* An image of the first `bytes` of a memory, which is a multiple of the host's page size and not 0. False: the port
 * has none, or there are too many. */
bool tern_memory_image_take(MemoryPool *pool, const u8 *base, u64 bytes, MemoryImage *out);
void tern_memory_image_drop(MemoryImage *image);

#endif
