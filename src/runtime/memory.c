/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory.c - linear memories: reserve, commit, grow.
 *
 * A memory holds one block. It is either a reservation, of which the first bytes are committed
 * and growing commits more, or an allocation, which growing moves. Which of the two is decided
 * once, in block_new. A large block that may move is a reservation too, because fresh pages need no
 * clearing.
 */
#include "runtime/memory.h"

#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"
#include "runtime/memory_pool.h"
#include "runtime/wait.h"

#define INDEX_SPACE_32 (4ull << 30)
/* What a 64-bit index may reach in practice: the user half of 48-bit addresses. */
#define INDEX_SPACE_64 (1ull << 48)
/* From here on a block that may move comes from virtual memory, if the host has it. */
#define LARGE_BLOCK_BYTES (1ull << 20)
/* The block of an empty memory: base is never NULL. */
#define MIN_BLOCK_BYTES 16u

static u64 round_up(u64 size, u64 to) { return (size + to - 1) / to * to; }

/* --- budgets ------------------------------------------------------------------------------------- */

MemoryBudget *tern_memory_budget_new(Alloc *alloc, u64 max_bytes)
{
    MemoryBudget *budget = tern_alloc(alloc, sizeof *budget);
    if (budget != NULL) *budget = (MemoryBudget){.alloc = alloc, .max_bytes = max_bytes, .refs = 1};
    return budget;
}

MemoryBudget *tern_memory_budget_retain(MemoryBudget *budget)
{
    if (budget != NULL) __atomic_add_fetch(&budget->refs, 1, __ATOMIC_RELAXED);
    return budget;
}

void tern_memory_budget_release(MemoryBudget *budget)
{
    if (budget == NULL || __atomic_sub_fetch(&budget->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    tern_free(budget->alloc, budget, sizeof *budget);
}

/* Makes the memory's share of its budget `bytes`. False: there is not as much left; less is always possible. */
static bool charge(Memory *memory, u64 bytes)
{
    MemoryBudget *budget = memory->budget;
    if (budget == NULL) return true;
    if (bytes <= memory->charged_bytes) {
        __atomic_sub_fetch(&budget->used_bytes, memory->charged_bytes - bytes, __ATOMIC_RELAXED);
    } else {
        u64 more = bytes - memory->charged_bytes, used = __atomic_load_n(&budget->used_bytes, __ATOMIC_RELAXED);
        do {
            if (more > budget->max_bytes - used) return false;
        } while (!__atomic_compare_exchange_n(&budget->used_bytes, &used, used + more, true, __ATOMIC_RELAXED,
                                              __ATOMIC_RELAXED));
    }
    memory->charged_bytes = bytes;
    return true;
}

/* --- blocks -------------------------------------------------------------------------------------- */

/* Pages, whatever the embedder says: an i32 memory.size can express 2^32 - 1 and -1 means failure.
 */
static u64 page_limit(const MemoryType *type, u64 page_bytes)
{
    if (limits_is_64(&type->limits)) return INDEX_SPACE_64 / page_bytes;
    return u64_min(INDEX_SPACE_32 / page_bytes, UINT32_MAX);
}

static bool vm_reserve(Memory *memory, u64 bytes)
{
    if (bytes > SIZE_MAX / 2) return false;
    bytes = u64_max(round_up(bytes, tern_port_page_size()), tern_port_page_size());
    u8 *base = tern_port_vm_reserve((size_t)bytes);
    if (base == NULL) return false;
    memory->base = base;
    memory->block_bytes = bytes;
    memory->committed_bytes = 0;
    memory->is_vm = true;
    return true;
}

/* What was committed of a guarded reservation, for the next memory. */
static bool block_keep(const Memory *memory)
{
    bool is_kept = TERN_FAST && memory->pool != NULL && memory->is_vm && !limits_is_shared(&memory->type.limits) &&
                   memory->block_bytes == tern_memory_block_bytes();
    if (!is_kept) return false;
    MemoryBlock block = {memory->base, memory->committed_bytes, memory->image_id, memory->image_from,
                         memory->image_to, memory->nrestores};
    return tern_memory_pool_give(memory->pool, &block);
}

static void block_free(Memory *memory)
{
    if (memory->base == NULL) return;
    if (!memory->is_vm) {
        tern_free(memory->alloc, memory->base, (size_t)memory->block_bytes);
    } else if (!block_keep(memory)) {
        tern_port_vm_release(memory->base, (size_t)memory->block_bytes);
    }
    memory->base = NULL;
    memory->block_bytes = 0;
    memory->committed_bytes = 0;
    memory->image_id = 0;
    memory->is_vm = false;
}

/* Makes [0, new_bytes) of a reservation accessible, in whole host pages; bytes past the memory's end were never
 * written and are zero when it grows over them. */
static bool vm_commit(Memory *memory, u64 new_bytes)
{
    u64 from = memory->committed_bytes, to = round_up(new_bytes, tern_port_page_size());
    if (to > memory->block_bytes) return false;
    if (from >= to) return true;
    if (!tern_port_vm_commit(memory->base + from, (size_t)(to - from))) return false;
    memory->committed_bytes = to;
    return true;
}

/* Makes what is accessible of a reservation end at new_bytes. */
static bool vm_shrink(Memory *memory, u64 new_bytes)
{
    u64 to = round_up(new_bytes, tern_port_page_size());
    if (memory->committed_bytes <= to) return true;
    if (!tern_port_vm_protect(memory->base + to, (size_t)(memory->committed_bytes - to))) return false;
    memory->committed_bytes = to;
    return true;
}

/* Exactly [0, bytes) accessible, with the image in it or zero. */
static bool block_fit(Memory *memory, u64 bytes, const MemoryImage *image)
{
    if (!TERN_FAST) image = NULL;
    bool is_mapped = image != NULL && memory->image_id == image->id;
    if (tern_memory_has_image(memory) && !is_mapped) {
        u64 size = memory->image_to - memory->image_from;
        if (!tern_port_vm_image_unmap(memory->base + memory->image_from, (size_t)size)) return false;
        memory->image_id = 0;
    }
    if (!vm_shrink(memory, bytes) || !vm_commit(memory, bytes)) return false;
    if (image == NULL || is_mapped) return true;
    u8 *at = memory->base + image->from;
    if (!tern_port_vm_image_map(image->handle, at, (size_t)(image->to - image->from))) return false;
    memory->image_id = image->id;
    memory->image_from = image->from;
    memory->image_to = image->to;
    return true;
}

/* A reservation of which nothing is worth keeping. */
static void vm_drop(Memory *memory)
{
    memory->pool = NULL;
    block_free(memory);
}

/* A guarded reservation from the pool. */
static bool pooled_block_new(Memory *memory, u64 bytes, const MemoryImage *image)
{
    MemoryPool *pool = memory->pool;
    MemoryBlock block;
    if (!tern_memory_pool_take(pool, image != NULL ? image->id : 0, &block)) return false;
    memory->base = block.base;
    memory->block_bytes = tern_memory_block_bytes();
    memory->is_vm = true;
    memory->committed_bytes = block.committed_bytes;
    memory->image_id = block.image_id;
    memory->image_from = block.image_from;
    memory->image_to = block.image_to;
    memory->nrestores = block.nrestores;
    if (block_fit(memory, bytes, image)) {
        memory->reserved_bytes = memory->block_bytes;
        return true;
    }
    vm_drop(memory);
    memory->pool = pool;
    return false;
}

/* A block that may move, with new_bytes accessible and zero; a reservation has room to double. */
static bool movable_block_new(Memory *memory, u64 new_bytes)
{
    if (new_bytes > SIZE_MAX / 2) return false;
    if (new_bytes >= LARGE_BLOCK_BYTES) {
        u64 limit = memory->max_pages * memory->page_bytes;
        u64 want = u64_max(u64_min(new_bytes * 2, limit), new_bytes);
        if (vm_reserve(memory, want) || vm_reserve(memory, new_bytes)) {
            if (vm_commit(memory, new_bytes)) return true;
            block_free(memory);
            return false;
        }
    }
    memory->block_bytes = u64_max(new_bytes, MIN_BLOCK_BYTES);
    memory->base = tern_alloc_zeroed(memory->alloc, memory->block_bytes, 1);
    return memory->base != NULL;
}

/* A block that stays where it is. */
static bool fixed_block_new(Memory *memory, u64 bytes, u64 reserve_bytes, const MemoryImage *image)
{
    bool ok = vm_reserve(memory, reserve_bytes);
    if (!ok && TERN_FAST && memory->pool != NULL) { /* what is kept may be what is missing */
        tern_memory_pool_drain(memory->pool);
        ok = vm_reserve(memory, reserve_bytes);
    }
    if (!ok) return false;
    if (!block_fit(memory, bytes, image)) {
        MemoryPool *pool = memory->pool;
        vm_drop(memory);
        memory->pool = pool;
        return TERN_FAST && image != NULL && fixed_block_new(memory, bytes, reserve_bytes, NULL);
    }
    memory->reserved_bytes = memory->block_bytes;
    return true;
}

static bool block_new(Memory *memory, u64 bytes, const MemoryOptions *options)
{
    const Limits *limits = &memory->type.limits;
    bool has_guard = !options->may_move && !limits_is_64(limits) && sizeof(size_t) == 8;
    if (has_guard) {
        const MemoryImage *image = options->image;
        bool has_image = TERN_FAST && image != NULL && !limits_is_shared(limits) && image->end <= bytes;
        if (!has_image) image = NULL;
        if (TERN_FAST && memory->pool != NULL && !limits_is_shared(limits) && pooled_block_new(memory, bytes, image)) return true;
        if (fixed_block_new(memory, bytes, tern_memory_block_bytes(), image)) return true;
    }
    if (limits_is_shared(limits))
        return fixed_block_new(memory, bytes, memory->max_pages * memory->page_bytes, NULL);
    return movable_block_new(memory, bytes);
}

/* For handlers that trust it. */
static bool has_guard(const Memory *memory)
{
    return TERN_FAST && !limits_is_64(&memory->type.limits) && memory->reserved_bytes >= MEMORY_GUARDED_BYTES &&
           memory->page_bytes % tern_port_page_size() == 0;
}

static FaultRange fault_range(const Memory *memory)
{
    return (FaultRange){memory->base, memory->base + memory->reserved_bytes};
}

Memory *tern_memory_new(Alloc *alloc, const MemoryType *type, const MemoryOptions *options,
                        Diag *diag)
{
    static const MemoryOptions defaults = {.max_pages = UINT64_MAX};
    if (options == NULL) options = &defaults;
    u64 page_bytes = options->page_bytes != 0 ? options->page_bytes : 1ull << type->page_log2;
    u64 max_pages =
        u64_min(u64_min(page_limit(type, page_bytes), options->max_pages), type->limits.max);
    if (options->budget != NULL) max_pages = u64_min(max_pages, options->budget->max_bytes / page_bytes);
    if (type->limits.min > max_pages) {
        tern_diag_set(diag, DIAG_NO_LINEAR_MEMORY, DIAG_NO_OFFSET,
                      DETAIL("minimum %llu pages of %llu bytes, at most %llu",
                      (unsigned long long)type->limits.min, (unsigned long long)page_bytes,
                      (unsigned long long)max_pages));
        return NULL;
    }
    Memory *memory = tern_alloc_zeroed(alloc, 1, sizeof *memory);
    if (memory == NULL) {
        tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
        return NULL;
    }
    memory->alloc = alloc;
    memory->refs = 1;
    memory->type = *type;
    memory->page_bytes = page_bytes;
    memory->npages = type->limits.min;
    memory->max_pages = max_pages;
    memory->initial_pages = memory->npages;
    memory->pool = options->pool;
    memory->size_bytes = memory->npages * page_bytes; /* fits: npages <= page_limit */
    memory->budget = tern_memory_budget_retain(options->budget);
    bool is_shared = limits_is_shared(&type->limits);
    if (is_shared) memory->waits = tern_wait_queue_new(alloc);
    if ((is_shared && memory->waits == NULL) || !charge(memory, memory->size_bytes) ||
        !block_new(memory, memory->size_bytes, options)) {
        tern_diag_set(diag, DIAG_NO_LINEAR_MEMORY, DIAG_NO_OFFSET, DETAIL("of %llu bytes",
                      (unsigned long long)memory->size_bytes));
        tern_wait_queue_free(memory->waits);
        charge(memory, 0);
        tern_memory_budget_release(memory->budget);
        tern_free(alloc, memory, sizeof *memory);
        return NULL;
    }
    if (is_shared) tern_port_mutex_init(&memory->lock);
    memory->is_guarded = has_guard(memory) && tern_port_fault_add_guest(fault_range(memory));
    return memory;
}

Memory *tern_memory_retain(Memory *memory)
{
    __atomic_add_fetch(&memory->refs, 1, __ATOMIC_RELAXED);
    return memory;
}

void tern_memory_release(Memory *memory)
{
    if (memory == NULL || __atomic_sub_fetch(&memory->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    if (memory->heap != NULL) tern_guest_heap_free_all(memory->heap);
    if (limits_is_shared(&memory->type.limits)) tern_port_mutex_done(&memory->lock);
    tern_wait_queue_free(memory->waits);
    if (TERN_FAST && memory->is_guarded) tern_port_fault_remove_guest(fault_range(memory));
    block_free(memory);
    charge(memory, 0);
    tern_memory_budget_release(memory->budget);
    tern_free(memory->alloc, memory, sizeof *memory);
}

/* Makes the block hold new_bytes, zero from size_bytes on. On false the block is as it was. */
static bool block_grow(Memory *memory, u64 new_bytes)
{
    if (memory->is_vm && vm_commit(memory, new_bytes)) return true;
    if (memory->reserved_bytes > 0) return false;
    if (new_bytes > SIZE_MAX / 2) return false;
    if (!memory->is_vm && new_bytes < LARGE_BLOCK_BYTES) {
        /* The smallest block is longer than what it holds, and zero there since it was made. */
        if (new_bytes <= memory->block_bytes) return true;
        u8 *base = tern_realloc(memory->alloc, memory->base, (size_t)memory->block_bytes,
                                (size_t)new_bytes);
        if (base == NULL) return false;
        memset(base + memory->size_bytes, 0, (size_t)(new_bytes - memory->size_bytes));
        memory->base = base;
        memory->block_bytes = new_bytes;
        return true;
    }
    Memory old = *memory;
    if (!movable_block_new(memory, new_bytes)) {
        *memory = old;
        return false;
    }
    memcpy(memory->base, old.base, (size_t)old.size_bytes);
    block_free(&old);
    return true;
}

static u64 grow(Memory *memory, u64 delta_pages)
{
    u64 old = memory->npages;
    if (delta_pages == 0) return old;
    if (delta_pages > memory->max_pages - old) return UINT64_MAX;
    u64 new_bytes = (old + delta_pages) * memory->page_bytes; /* fits: max_pages <= page_limit */
    if (new_bytes > tern_memory_window(memory) || !charge(memory, new_bytes)) return UINT64_MAX;
    if (!block_grow(memory, new_bytes)) {
        charge(memory, memory->size_bytes);
        return UINT64_MAX;
    }
    __atomic_store_n(&memory->npages, old + delta_pages, __ATOMIC_RELEASE);
    __atomic_store_n(&memory->size_bytes, new_bytes, __ATOMIC_RELEASE);
    return old;
}

u64 tern_memory_grow_pages(Memory *memory, u64 delta_pages)
{
    if (!limits_is_shared(&memory->type.limits)) return grow(memory, delta_pages);
    tern_port_mutex_lock(&memory->lock);
    u64 old = grow(memory, delta_pages);
    tern_port_mutex_unlock(&memory->lock);
    return old;
}

/* --- windows ---------------------------------------------------------------------------------- */

bool tern_memory_window_open(Memory *memory, u64 start, void *owner)
{
    if (!memory->is_guarded || start >= MEMORY_WINDOW_END) return false;
    bool is_shared = limits_is_shared(&memory->type.limits);
    if (is_shared) tern_port_mutex_lock(&memory->lock);
    bool ok = memory->window == NULL && start >= tern_memory_size_bytes(memory);
    if (ok) {
        memory->window = owner;
        memory->window_bytes = MEMORY_WINDOW_END - start;
        memory->pool = NULL; /* what is seen there must never be another guest's */
    }
    if (is_shared) tern_port_mutex_unlock(&memory->lock);
    return ok;
}

void tern_memory_window_close(Memory *memory)
{
    memory->window = NULL;
    memory->window_bytes = 0;
}

/* --- emptying ------------------------------------------------------------------------------------- */

/* Giving pages back and getting fresh ones costs 2 us, and half of one for each that is used again; finding what is not
 * zero in 64 KiB, a third of one. But to look at a page that nobody has touched is to touch it, once: so this is for
 * reservations that are emptied again and again. */
enum { SMALL_BLOCK_BYTES = 256 << 10, OFTEN = 3 };

typedef u64 TwoWords __attribute__((vector_size(16), may_alias)); /* what every 64-bit machine has registers for */

static void clear_pages(u8 *base, u64 bytes)
{
    size_t page = tern_port_page_size();
    for (u8 *at = base; at < base + bytes; at += page) {
        const TwoWords *p = (const TwoWords *)(void *)at, *end = (const TwoWords *)(void *)(at + page);
        TwoWords a = {0}, b = {0}, c = {0}, d = {0};
        for (; p < end; p += 4) {
            a |= p[0];
            b |= p[1];
            c |= p[2];
            d |= p[3];
        }
        a |= b | c | d;
        if ((a[0] | a[1]) != 0) memset(at, 0, page);
    }
}

bool tern_memory_pages_empty(u8 *base, u64 bytes, bool has_image, u32 *nrestores)
{
    if (TERN_FAST && !has_image && bytes <= SMALL_BLOCK_BYTES && *nrestores >= OFTEN) {
        clear_pages(base, bytes);
        return true;
    }
    ++*nrestores;
    return tern_port_vm_restore(base, (size_t)bytes);
}

/* --- back to a state ---------------------------------------------------------------------------- */

bool tern_memory_become(Memory *memory, u64 npages, const MemoryImage *image)
{
    u64 bytes = npages * memory->page_bytes; /* it had that size before: it fits */
    bool has_room = true;
    if (!charge(memory, bytes)) return false;
    if (memory->is_vm) {
        size_t committed = (size_t)memory->committed_bytes;
        bool is_restored =
            tern_memory_pages_empty(memory->base, committed, tern_memory_has_image(memory), &memory->nrestores);
        if (!is_restored && tern_memory_has_image(memory)) return false;
        if (!is_restored) tern_port_vm_zero(memory->base, committed);
        has_room = block_fit(memory, bytes, image);
        if (!has_room && memory->reserved_bytes > 0) return false;
    } else {
        memset(memory->base, 0, (size_t)memory->block_bytes);
        has_room = bytes <= memory->block_bytes;
    }
    memory->npages = 0;
    memory->size_bytes = 0;
    if (!has_room && !block_grow(memory, bytes)) return false;
    memory->npages = npages;
    memory->size_bytes = bytes;
    return true;
}
