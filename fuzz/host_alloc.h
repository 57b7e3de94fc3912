/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host_alloc.h - starting the library of wasm_export.h with an allocator that counts and fails: for the targets that
 * drive that header. Its callbacks have no user pointer, so there is one for a program. */
#ifndef TERN_FUZZ_HOST_ALLOC_H
#define TERN_FUZZ_HOST_ALLOC_H

#include "unit/test_alloc.h"
#include "wasm_export.h"

static TestAlloc host_alloc;

typedef struct HostBlock {
    _Alignas(16) size_t size;
} HostBlock;

static void *host_malloc(unsigned int size)
{
    HostBlock *block = tern_alloc(&host_alloc.base, sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block + 1;
}

static void host_free(void *p)
{
    HostBlock *block = p;
    if (p != NULL) tern_free(&host_alloc.base, block - 1, sizeof *block + block[-1].size);
}

static void *host_realloc(void *p, unsigned int size)
{
    if (p == NULL) return host_malloc(size);
    HostBlock *old = p;
    HostBlock *block = tern_realloc(&host_alloc.base, old - 1, sizeof *old + old[-1].size, sizeof *old + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block + 1;
}

/* The nth request for memory fails. False: so has the start. init may hold more. */
static inline bool host_alloc_start(u32 nth, RuntimeInitArgs init)
{
    host_alloc = test_alloc(nth);
    init.mem_alloc_type = Alloc_With_Allocator;
    init.mem_alloc_option.allocator.malloc_func = (void *)host_malloc;
    init.mem_alloc_option.allocator.realloc_func = (void *)host_realloc;
    init.mem_alloc_option.allocator.free_func = (void *)host_free;
    if (!wasm_runtime_full_init(&init)) return false;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    return true;
}

#endif
