/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* heap_placement.h - where in memory 0 the host-managed heap goes.
 *
 * Hosts of wasm_export.h see the outcome: block addresses, memory.size, the value of __heap_base.
 * So the rules are theirs, and they are decided before the memory is made.
 */
#ifndef TERN_RUNTIME_HEAP_PLACEMENT_H
#define TERN_RUNTIME_HEAP_PLACEMENT_H

#include "base/diag.h"
#include "runtime/memory.h"

#define HEAP_MIN_BYTES 256ull
#define HEAP_MAX_BYTES (1ull << 30)

typedef struct HeapPlacement {
    u64 start, size_bytes; /* guest addresses [start, start + size_bytes); size 0: no heap */
    MemoryType memory;     /* what to create, */
    MemoryOptions
        options; /* ... and how: the host's options with the page size and limit of the rules */
    u32 heap_base_global; /* global index to be given heap_base, or UINT32_MAX */
    u32 heap_base;
} HeapPlacement;

/* Places a heap of about heap_bytes (0: none) in the module's own memory 0. With no such memory, or
 * a guest that exports its allocator, there is no heap and memory and options are as given. False
 * and a RESOURCE diag if it does not fit or is too small. options as for tern_memory_new, not NULL.
 */
bool tern_heap_placement_find(const Module *module, u64 heap_bytes, const MemoryOptions *options,
                              HeapPlacement *out, Diag *diag);

/* The same for a memory of that type which is made for a module that imports it: no global of the module moves. */
bool tern_heap_placement_find_in(const MemoryType *type, u64 heap_bytes,
                                 const MemoryOptions *options, HeapPlacement *out, Diag *diag);

#endif
