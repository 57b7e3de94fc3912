/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory_pool.c - keeping reservations, and building images. */
#include "runtime/memory_pool.h"

/* Less than this is copied for about what the page faults of a mapping cost. */
#define IMAGE_MIN_BYTES (8u << 10)
/* Between segments there may be room, which the port's image holds as pages once they are read. */
#define IMAGE_MAX_GAPS (1u << 20)

void tern_memory_pool_init(MemoryPool *pool)
{
    tern_port_mutex_init(&pool->lock);
    pool->next_id = 1;
}

void tern_memory_pool_done(MemoryPool *pool)
{
    tern_memory_pool_drain(pool);
    tern_port_mutex_done(&pool->lock);
}

void tern_memory_pool_drain(MemoryPool *pool)
{
    tern_port_mutex_lock(&pool->lock);
    while (pool->nblocks > 0)
        tern_port_vm_release(pool->blocks[--pool->nblocks].base, (size_t)tern_memory_block_bytes());
    tern_port_mutex_unlock(&pool->lock);
}

bool tern_memory_pool_take(MemoryPool *pool, u64 image_id, MemoryBlock *out)
{
    tern_port_mutex_lock(&pool->lock);
    u32 n = pool->nblocks;
    if (n > 0) {
        u32 i = n - 1; /* the newest is the warmest */
        while (i > 0 && pool->blocks[i].image_id != image_id) i--;
        if (pool->blocks[i].image_id != image_id) i = n - 1;
        *out = pool->blocks[i];
        pool->blocks[i] = pool->blocks[n - 1];
        pool->nblocks--;
    }
    tern_port_mutex_unlock(&pool->lock);
    return n > 0;
}

bool tern_memory_pool_give(MemoryPool *pool, MemoryBlock *block)
{
    tern_port_mutex_lock(&pool->lock);
    bool is_full = pool->nblocks == MEMORY_POOL_BLOCKS;
    tern_port_mutex_unlock(&pool->lock);
    if (is_full) return false;
    /* Before anybody can see it. */
    if (!tern_memory_pages_empty(block->base, block->committed_bytes, block->image_id != 0, &block->nrestores))
        return false;
    tern_port_mutex_lock(&pool->lock);
    bool has_room = pool->nblocks < MEMORY_POOL_BLOCKS;
    if (has_room) pool->blocks[pool->nblocks++] = *block;
    tern_port_mutex_unlock(&pool->lock);
    return has_room;
}

/* --- images ----------------------------------------------------------------------------------- */

/* What module->image is once the segments have been found not to fit an image. */
static const MemoryImage none;

static void free_image(Module *module, void *opaque)
{
    MemoryImage *image = opaque;
    if (image == &none) return;
    tern_port_vm_image_free(image->handle);
    __atomic_sub_fetch(&image->pool->nimages, 1, __ATOMIC_RELAXED);
    tern_free(module->alloc, image, sizeof *image);
}

static bool constant_offset(const ConstExpr *expr, u64 *out)
{
    if (expr->nops != 1 || expr->ops[0].op != OP_I32_CONST) return false;
    *out = (u32)expr->ops[0].u.bits;
    return true;
}

/* Fills from, to and end. */
static bool plan(const Module *m, MemoryImage *image)
{
    if (m->nmemories == 0 || m->nimported[EXTERN_MEMORY] > 0) return false;
    const MemoryType *type = &m->memories[0];
    if (limits_is_shared(&type->limits) || limits_is_64(&type->limits)) return false;
    u64 memory_bytes = type->limits.min << type->page_log2; /* at most 4 GiB: it is valid */
    u64 low = UINT64_MAX, high = 0, total = 0;
    for (u32 i = 0; i < m->ndatas; i++) {
        const DataSegment *segment = &m->datas[i];
        if (segment->mode != SEGMENT_ACTIVE) continue;
        u64 at;
        if (segment->memory != 0 || !constant_offset(&segment->offset, &at)) return false;
        if (at > memory_bytes || segment->size > memory_bytes - at) return false; /* it will trap */
        if (segment->size == 0) continue;
        low = u64_min(low, at);
        high = u64_max(high, at + segment->size);
        total += segment->size;
    }
    if (total < IMAGE_MIN_BYTES || high - low > 2 * total + IMAGE_MAX_GAPS) return false;
    u64 page = tern_port_page_size();
    image->from = low / page * page;
    image->to = (high + page - 1) / page * page;
    image->end = high;
    return true;
}

static bool write_image(const Module *m, const MemoryImage *image)
{
    for (u32 i = 0; i < m->ndatas; i++) {
        const DataSegment *segment = &m->datas[i];
        if (segment->mode != SEGMENT_ACTIVE || segment->size == 0) continue;
        u64 at = (u32)segment->offset.ops[0].u.bits - image->from;
        if (!tern_port_vm_image_write(image->handle, at, segment->bytes, segment->size)) return false;
    }
    return tern_port_vm_image_seal(image->handle);
}

static const MemoryImage *build(MemoryPool *pool, const Module *m)
{
    MemoryImage planned = {.pool = pool};
    if (!plan(m, &planned)) return &none;
    if (__atomic_add_fetch(&pool->nimages, 1, __ATOMIC_RELAXED) <= MEMORY_POOL_IMAGES) {
        planned.handle = tern_port_vm_image_new((size_t)(planned.to - planned.from));
        MemoryImage *image = planned.handle >= 0 ? tern_alloc(m->alloc, sizeof *image) : NULL;
        if (image != NULL && write_image(m, &planned)) {
            planned.id = __atomic_fetch_add(&pool->next_id, 1, __ATOMIC_RELAXED);
            *image = planned;
            return image;
        }
        if (image != NULL) tern_free(m->alloc, image, sizeof *image);
        if (planned.handle >= 0) tern_port_vm_image_free(planned.handle);
    }
    __atomic_sub_fetch(&pool->nimages, 1, __ATOMIC_RELAXED);
    return &none;
}

static bool is_zero(const u8 *bytes, size_t size) { return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0; }

/* Pages of zeroes stay holes. */
static bool write_pages(s64 handle, const u8 *base, u64 bytes)
{
    size_t page = tern_port_page_size();
    for (u64 at = 0; at < bytes;) {
        u64 to = at;
        while (to < bytes && !is_zero(base + to, page)) to += page;
        if (to > at && !tern_port_vm_image_write(handle, at, base + at, (size_t)(to - at))) return false;
        at = to + page;
    }
    return tern_port_vm_image_seal(handle);
}

bool tern_memory_image_take(MemoryPool *pool, const u8 *base, u64 bytes, MemoryImage *out)
{
    if (__atomic_add_fetch(&pool->nimages, 1, __ATOMIC_RELAXED) <= MEMORY_POOL_IMAGES) {
        s64 handle = tern_port_vm_image_new((size_t)bytes);
        if (handle >= 0 && write_pages(handle, base, bytes)) {
            *out = (MemoryImage){.id = __atomic_fetch_add(&pool->next_id, 1, __ATOMIC_RELAXED),
                                 .to = bytes, .end = bytes, .handle = handle, .pool = pool};
            return true;
        }
        if (handle >= 0) tern_port_vm_image_free(handle);
    }
    __atomic_sub_fetch(&pool->nimages, 1, __ATOMIC_RELAXED);
    return false;
}

void tern_memory_image_drop(MemoryImage *image)
{
    if (image->id == 0) return;
    tern_port_vm_image_free(image->handle);
    __atomic_sub_fetch(&image->pool->nimages, 1, __ATOMIC_RELAXED);
    image->id = 0;
}

const MemoryImage *tern_memory_image_have(const Module *module)
{
    const MemoryImage *image = __atomic_load_n(&module->image, __ATOMIC_ACQUIRE);
    return image != &none ? image : NULL;
}

const MemoryImage *tern_memory_image_of(MemoryPool *pool, Module *module)
{
    const MemoryImage *image = __atomic_load_n(&module->image, __ATOMIC_ACQUIRE);
    if (image == NULL) {
        /* Most hosts instantiate a module once. */
        if (__atomic_fetch_add(&module->ninstances, 1, __ATOMIC_RELAXED) == 0) return NULL;
        image = build(pool, module);
        void *expected = NULL;
        __atomic_store_n(&module->image_free, free_image, __ATOMIC_RELAXED);
        void *made = (void *)(uintptr_t)image;
        if (!__atomic_compare_exchange_n(&module->image, &expected, made, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            free_image(module, made); /* another thread was first */
            image = expected;
        }
    }
    return image != &none ? image : NULL;
}
