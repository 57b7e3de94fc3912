/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_alloc.c - host memory: the host's callbacks behind the one handle, and wasm_runtime_malloc.
 *
 * The handle wants the old size of every block back, which hosts of wasm_runtime_malloc do not
 * pass: a header before the block keeps it. */
#include "api/wamr.h"

/* --- callbacks -------------------------------------------------------------------------------- */

#define CALLBACK_ALIGN 16u

/* The byte before a block says how far it lies behind what the callback returned: 1 to 16. */
static void *place(u8 *raw)
{
    u8 shift = (u8)(CALLBACK_ALIGN - (uintptr_t)raw % CALLBACK_ALIGN);
    raw[shift - 1] = shift;
    return raw + shift;
}

static u8 *raw_of(void *ptr) { return (u8 *)ptr - ((u8 *)ptr)[-1]; }

static void *callbacks_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    CallbackAlloc *callbacks = (CallbackAlloc *)self;
    if (new_size == 0) {
        if (ptr != NULL) callbacks->free_func(raw_of(ptr));
        return NULL;
    }
    if (new_size > UINT32_MAX - CALLBACK_ALIGN) return NULL;
    unsigned int want = (unsigned int)new_size + CALLBACK_ALIGN;

    if (ptr != NULL && callbacks->realloc_func != NULL) {
        u8 shift = ((u8 *)ptr)[-1];
        u8 *raw = callbacks->realloc_func(raw_of(ptr), want);
        if (raw == NULL) return NULL;
        u8 *old = raw + shift; /* where the contents are now; it may be misaligned there */
        u8 *block = raw + CALLBACK_ALIGN - (uintptr_t)raw % CALLBACK_ALIGN;
        memmove(block, old, old_size < new_size ? old_size : new_size);
        return place(raw);
    }

    u8 *raw = callbacks->malloc_func(want);
    if (raw == NULL) return NULL;
    void *block = place(raw);
    if (ptr != NULL) {
        memcpy(block, ptr, old_size < new_size ? old_size : new_size);
        callbacks->free_func(raw_of(ptr));
    }
    return block;
}

bool tern_api_callbacks_init(CallbackAlloc *callbacks, const MemAllocOption *option)
{
    void *malloc_func = option->allocator.malloc_func, *free_func = option->allocator.free_func;
    if (malloc_func == NULL || free_func == NULL || malloc_func == free_func) {
        tern_api_log(WASM_LOG_LEVEL_ERROR, "malloc_func and free_func must be given and differ");
        return false;
    }
    callbacks->base.resize = callbacks_resize;
    memcpy(&callbacks->malloc_func, &malloc_func, sizeof malloc_func);
    memcpy(&callbacks->realloc_func, &option->allocator.realloc_func, sizeof malloc_func);
    memcpy(&callbacks->free_func, &free_func, sizeof free_func);
    return true;
}

/* --- wasm_runtime_malloc ---------------------------------------------------------------------- */

/* Lies right before the block. */
typedef struct Header {
    u32 total_bytes; /* of the allocation */
    u32 offset;      /* of the block in it: 16, or the alignment of an aligned block */
    u64 pad;
} Header;
_Static_assert(sizeof(Header) == 16, "the block behind a header stays aligned");

static Header *header_of(void *ptr) { return (Header *)ptr - 1; }

/* The engine's allocator; NULL and a warning when the library is not running. The host promises not
 * to stop it meanwhile. */
static Alloc *running_alloc(const char *who)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    Alloc *alloc = runtime->refs > 0 ? runtime->engine->alloc : NULL;
    tern_port_mutex_unlock(&runtime->lock);
    if (alloc == NULL)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "%s: memory hasn't been initialized", who);
    return alloc;
}

static void *finish(u8 *raw, u64 total, u64 offset)
{
    if (raw == NULL) return NULL;
    *header_of(raw + offset) = (Header){.total_bytes = (u32)total, .offset = (u32)offset};
    return raw + offset;
}

void *wasm_runtime_malloc(unsigned int size)
{
    Alloc *alloc = running_alloc("wasm_runtime_malloc");
    if (alloc == NULL) return NULL;
    if (size == 0) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "wasm_runtime_malloc with size zero");
        size = 1;
    }
    u64 total = (u64)size + sizeof(Header);
    if (total > UINT32_MAX) return NULL;
    return finish(tern_alloc(alloc, (size_t)total), total, sizeof(Header));
}

void *wasm_runtime_aligned_alloc(unsigned int size, unsigned int alignment)
{
    Alloc *alloc = running_alloc("wasm_runtime_aligned_alloc");
    if (alloc == NULL) return NULL;
    if (tern_port_pool_of(alloc) == NULL) {
        tern_api_log(WASM_LOG_LEVEL_ERROR,
                     "wasm_runtime_aligned_alloc works with Alloc_With_Pool only");
        return NULL;
    }
    bool is_power = alignment != 0 && (alignment & (alignment - 1)) == 0;
    if (alignment < 8 && is_power) alignment = 8;
    if (!is_power || alignment > tern_port_page_size() || size == 0 || size % alignment != 0) {
        tern_api_log(WASM_LOG_LEVEL_ERROR,
                     "wasm_runtime_aligned_alloc: %u bytes aligned to %u is not served", size,
                     alignment);
        return NULL;
    }
    u64 offset = u64_max(alignment, sizeof(Header));
    u64 total = size + offset;
    if (total > UINT32_MAX) return NULL;
    /* A larger offset than a plain block's marks it as aligned; alignment up to 16 every block has
     * anyway. */
    return finish(tern_port_pool_alloc_aligned(alloc, (size_t)total, (size_t)offset), total,
                  offset);
}

void *wasm_runtime_realloc(void *ptr, unsigned int size)
{
    if (ptr == NULL) return wasm_runtime_malloc(size);
    Alloc *alloc = running_alloc("wasm_runtime_realloc");
    if (alloc == NULL) return NULL;
    Header *header = header_of(ptr);
    if (header->offset != sizeof(Header)) {
        tern_api_log(WASM_LOG_LEVEL_ERROR,
                     "wasm_runtime_realloc: an aligned block cannot be reallocated");
        return NULL;
    }
    u64 total = u64_max(size, 1) + sizeof(Header);
    if (total > UINT32_MAX) return NULL;
    return finish(tern_realloc(alloc, header, header->total_bytes, (size_t)total), total,
                  sizeof(Header));
}

void wasm_runtime_free(void *ptr)
{
    if (ptr == NULL) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "wasm_runtime_free with NULL pointer");
        return;
    }
    Alloc *alloc = running_alloc("wasm_runtime_free");
    if (alloc == NULL) return;
    Header *header = header_of(ptr);
    tern_free(alloc, (u8 *)ptr - header->offset, header->total_bytes);
}

bool wasm_runtime_get_mem_alloc_info(mem_alloc_info_t *mem_alloc_info)
{
    Alloc *alloc = running_alloc("wasm_runtime_get_mem_alloc_info");
    if (alloc == NULL || tern_port_pool_of(alloc) == NULL) return false;
    PoolStats stats = tern_port_pool_stats(alloc);
    *mem_alloc_info = (mem_alloc_info_t){
        .total_size = (u32)stats.total_bytes,
        .total_free_size = (u32)stats.free_bytes,
        .highmark_size = (u32)stats.highmark_bytes,
    };
    return true;
}
