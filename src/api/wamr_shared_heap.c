/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_shared_heap.c - heaps that several instances see at the top of their 32-bit address space.
 *
 * A heap is pages that can be mapped in more places than one. Attaching maps those of a chain into the memory's
 * own reservation (a window, runtime/memory.h), so guests and checked host accesses reach them like any other
 * memory, at no cost to anybody: what the machine checks for the rest it checks here. Bookkeeping of blocks is
 * the guest heap's, in host memory.
 *
 * All heaps are in the runtime's list, under its lock, until it stops. */
#include "api/wamr.h"
#include "interp/interp.h"
#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"

#define LEAST_HEAP_BYTES 256u
#define MOST_HEAP_BYTES (1u << 30)
/* Bookkeeping counts addresses from here, wherever the heap is seen; 0 would be no address. */
#define FIRST_BLOCK 65536u

typedef struct WASMSharedHeap SharedHeap;

/* A block that bookkeeping gave back. */
typedef struct Returned Returned;
struct Returned {
    Returned *next;
    size_t bytes;
};

/* What bookkeeping does under the lock wants host memory, but the host's allocator is called without it, as it may
 * ask the runtime something. So a request that there is no block for fails; the block is got after the lock is
 * released, and the same is done again. What is given back is freed then, too. */
typedef struct Supply {
    void *block; /* for the request of that many bytes, or NULL */
    size_t bytes;
    size_t wanted; /* by the request that failed; 0: none has */
    Returned *returned;
} Supply;

struct WASMSharedHeap {
    Alloc bookkeeping; /* of blocks: gives what is in supply */
    Supply *supply;    /* of whoever has the lock */
    SharedHeap *next;  /* of all */
    SharedHeap *chain; /* the one that follows at higher addresses */
    Alloc *alloc;      /* the host's */
    u8 *base;
    u64 size, start;  /* guest address */
    GuestHeap *blocks; /* NULL: the host's own memory, in which nothing is allocated */
    u32 nattached;
    bool is_orphan; /* the runtime stopped: goes with the last that is attached */
};

static Runtime *lock(void)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    return runtime;
}

static void unlock(void) { tern_port_mutex_unlock(&tern_api_runtime()->lock); }

/* --- memory of bookkeeping -------------------------------------------------------------------- */

static void *resize(Alloc *alloc, void *ptr, size_t old_size, size_t new_size)
{
    Supply *supply = ((SharedHeap *)(void *)alloc)->supply;
    void *block = NULL;
    if (new_size > 0) {
        if (supply->block == NULL || supply->bytes != new_size) {
            supply->wanted = new_size;
            return NULL;
        }
        block = supply->block;
        supply->block = NULL;
        if (ptr != NULL) memcpy(block, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr != NULL) {
        Returned *returned = ptr; /* every block has room for it: they are of 16 bytes and more */
        *returned = (Returned){supply->returned, old_size};
        supply->returned = returned;
    }
    return block;
}

/* Without the lock: what was left over goes back to the host. */
static void settle(Supply *supply, Alloc *alloc)
{
    tern_free(alloc, supply->block, supply->bytes);
    supply->block = NULL;
    while (supply->returned != NULL) {
        Returned *returned = supply->returned;
        supply->returned = returned->next;
        tern_free(alloc, returned, returned->bytes);
    }
}

/* The same, and what was wanted is got. False: nothing was, or there is none; what failed has failed. */
static bool supplied(Supply *supply, Alloc *alloc)
{
    settle(supply, alloc);
    if (supply->wanted == 0) return false;
    supply->bytes = supply->wanted;
    supply->wanted = 0;
    supply->block = tern_alloc(alloc, supply->bytes);
    return supply->block != NULL;
}

/* --- making ----------------------------------------------------------------------------------- */

/* Without the lock: nobody else knows it. */
static GuestHeap *blocks_new(SharedHeap *heap, Supply *supply)
{
    heap->supply = supply;
    return tern_guest_heap_new(&heap->bookkeeping, FIRST_BLOCK, heap->size);
}

static void blocks_free(SharedHeap *heap, GuestHeap *blocks)
{
    Supply supply = {0};
    heap->supply = &supply;
    tern_guest_heap_free_all(blocks);
    settle(&supply, heap->alloc);
}

/* Heaps that nobody knows any more, linked by next; without the lock. */
static void heaps_free(SharedHeap *heap)
{
    while (heap != NULL) {
        SharedHeap *next = heap->next;
        if (heap->blocks != NULL) {
            blocks_free(heap, heap->blocks);
            tern_port_vm_release(heap->base, (size_t)heap->size);
        }
        tern_free(heap->alloc, heap, sizeof *heap);
        heap = next;
    }
}

static bool take_pages(SharedHeap *heap, void *given)
{
    if (given != NULL) {
        heap->base = given;
        return tern_port_vm_make_shared(given, (size_t)heap->size);
    }
    Supply supply = {0};
    do heap->blocks = blocks_new(heap, &supply);
    while (heap->blocks == NULL && supplied(&supply, heap->alloc));
    if (heap->blocks == NULL) return false;
    heap->base = tern_port_vm_shared_new((size_t)heap->size);
    if (heap->base != NULL) return true;
    blocks_free(heap, heap->blocks);
    heap->blocks = NULL;
    return false;
}

static const char *refusal(const SharedHeapInitArgs *args, u64 size)
{
    if (args->size < LEAST_HEAP_BYTES || size > MOST_HEAP_BYTES)
        return "a shared heap has 256 bytes to 1 GiB";
    if (args->pre_allocated_addr == NULL) return NULL;
    u64 page = tern_port_page_size();
    if (args->size != size || (uintptr_t)args->pre_allocated_addr % page != 0)
        return "pre-allocated memory for a shared heap must be whole pages";
    return NULL;
}

wasm_shared_heap_t wasm_runtime_create_shared_heap(SharedHeapInitArgs *init_args)
{
    if (init_args == NULL) return NULL;
    u64 page = tern_port_page_size(), size = (init_args->size + page - 1) / page * page;
    const char *reason = refusal(init_args, size);
    ApiEngine *engine = tern_api_engine_hold(); /* its allocator is called without the lock */
    SharedHeap *heap = NULL;
    if (reason == NULL && engine != NULL) heap = tern_alloc_zeroed(engine->alloc, 1, sizeof *heap);
    if (heap != NULL) {
        heap->bookkeeping.resize = resize;
        heap->alloc = engine->alloc;
        heap->size = size;
        heap->start = MEMORY_WINDOW_END - size;
        if (take_pages(heap, init_args->pre_allocated_addr)) {
            Runtime *runtime = lock();
            heap->next = runtime->shared_heaps;
            runtime->shared_heaps = heap;
            unlock();
        } else {
            tern_free(heap->alloc, heap, sizeof *heap);
            heap = NULL;
        }
    }
    tern_api_engine_release(engine);
    if (heap == NULL)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "no shared heap: %s",
                     reason != NULL ? reason : "its pages cannot be had");
    return heap;
}

void tern_api_shared_heaps_clear(Runtime *runtime)
{
    SharedHeap *gone = NULL;
    tern_port_mutex_lock(&runtime->lock);
    while (runtime->shared_heaps != NULL) {
        SharedHeap *heap = runtime->shared_heaps;
        runtime->shared_heaps = heap->next;
        heap->is_orphan = heap->nattached > 0;
        if (heap->is_orphan) continue;
        heap->next = gone;
        gone = heap;
    }
    tern_port_mutex_unlock(&runtime->lock);
    heaps_free(gone);
}

static bool is_attached(const SharedHeap *heap)
{
    for (; heap != NULL; heap = heap->chain)
        if (heap->nattached > 0) return true;
    return false;
}

/* The one of a chain in which blocks are allocated, or NULL. */
static SharedHeap *managed(SharedHeap *heap)
{
    while (heap != NULL && heap->blocks == NULL) heap = heap->chain;
    return heap;
}

bool wasm_runtime_reset_shared_heap_chain(wasm_shared_heap_t shared_heap)
{
    if (shared_heap == NULL) return false;
    Supply supply = {0};
    bool ok;
    do {
        lock();
        SharedHeap *owner = is_attached(shared_heap) ? NULL : managed(shared_heap);
        GuestHeap *fresh = owner != NULL ? blocks_new(owner, &supply) : NULL;
        ok = !is_attached(shared_heap) && (owner == NULL || fresh != NULL);
        if (fresh != NULL) {
            tern_guest_heap_free_all(owner->blocks);
            owner->blocks = fresh;
        }
        for (SharedHeap *heap = shared_heap; ok && heap != NULL; heap = heap->chain)
            tern_port_vm_shared_zero(heap->base, (size_t)heap->size);
        unlock();
    } while (supplied(&supply, shared_heap->alloc));
    return ok;
}

/* --- chains ----------------------------------------------------------------------------------- */

static bool follows_another(const Runtime *runtime, const SharedHeap *heap)
{
    for (const SharedHeap *at = runtime->shared_heaps; at != NULL; at = at->next)
        if (at->chain == heap) return true;
    return false;
}

static const char *chain_refusal(const Runtime *runtime, const SharedHeap *head,
                                 const SharedHeap *body)
{
    if (head == body || head->chain != NULL || follows_another(runtime, head) ||
        follows_another(runtime, body))
        return "one is in a chain already";
    if (head->nattached > 0 || body->nattached > 0) return "one is attached";
    u32 nmanaged = head->blocks != NULL;
    for (const SharedHeap *at = body; at != NULL; at = at->chain) nmanaged += at->blocks != NULL;
    if (nmanaged > 1) return "only one may have blocks allocated in it";
    return head->size > body->start ? "the address space is used up" : NULL;
}

wasm_shared_heap_t wasm_runtime_chain_shared_heaps(wasm_shared_heap_t head, wasm_shared_heap_t body)
{
    if (head == NULL || body == NULL) return NULL;
    const Runtime *runtime = lock();
    const char *reason = chain_refusal(runtime, head, body);
    if (reason == NULL) {
        head->start = body->start - head->size;
        head->chain = body;
    }
    unlock();
    if (reason == NULL) return head;
    tern_api_log(WASM_LOG_LEVEL_WARNING, "shared heaps are not chained: %s", reason);
    return NULL;
}

wasm_shared_heap_t wasm_runtime_unchain_shared_heaps(wasm_shared_heap_t head, bool entire_chain)
{
    if (head == NULL || head->chain == NULL) return NULL;
    lock();
    SharedHeap *at = head->nattached == 0 ? head : NULL;
    while (at != NULL && at->chain != NULL) {
        SharedHeap *body = at->chain;
        at->chain = NULL;
        at->start = MEMORY_WINDOW_END - at->size;
        at = body;
        if (!entire_chain) break;
    }
    unlock();
    return at;
}

/* --- attaching -------------------------------------------------------------------------------- */

static void unmap(const Memory *memory, u64 start)
{
    tern_port_vm_decommit(memory->base + start, (size_t)(MEMORY_WINDOW_END - start));
}

static bool map(const Memory *memory, const SharedHeap *heap)
{
    u64 start = heap->start;
    for (; heap != NULL; heap = heap->chain)
        if (!tern_port_vm_alias(memory->base + heap->start, heap->base, (size_t)heap->size)) {
            unmap(memory, start);
            return false;
        }
    return true;
}

bool wasm_runtime_attach_shared_heap(wasm_module_inst_t module_inst, wasm_shared_heap_t shared_heap)
{
    Memory *memory = tern_api_memory0(module_inst);
    if (memory == NULL || shared_heap == NULL) return false;
    lock();
    bool ok = tern_interp_is_guarded(module_inst->instance) && !shared_heap->is_orphan &&
              tern_memory_window_open(memory, shared_heap->start, shared_heap);
    if (ok && !map(memory, shared_heap)) {
        tern_memory_window_close(memory);
        ok = false;
    }
    for (SharedHeap *heap = shared_heap; ok && heap != NULL; heap = heap->chain) heap->nattached++;
    if (ok) module_inst->shared_heap = shared_heap;
    unlock();
    if (!ok)
        tern_api_log(WASM_LOG_LEVEL_WARNING,
                     "the shared heap is not attached: the memory is too large, has one, or is checked");
    return ok;
}

void wasm_runtime_detach_shared_heap(wasm_module_inst_t module_inst)
{
    SharedHeap *heap = module_inst->shared_heap;
    if (heap == NULL) return;
    Memory *memory = tern_api_memory0(module_inst);
    SharedHeap *gone = NULL;
    lock();
    unmap(memory, heap->start);
    tern_memory_window_close(memory);
    module_inst->shared_heap = NULL;
    for (; heap != NULL; heap = heap->chain) {
        if (--heap->nattached > 0 || !heap->is_orphan) continue;
        heap->next = gone;
        gone = heap;
    }
    unlock();
    heaps_free(gone);
}

void tern_api_shared_heap_leave(wasm_module_inst_t inst)
{
    if (inst->shared_heap != NULL) wasm_runtime_detach_shared_heap(inst);
}

bool tern_api_shared_heap_addr(const Memory *memory, const void *ptr, u64 *addr)
{
    for (const SharedHeap *heap = memory->window; heap != NULL; heap = heap->chain) {
        uintptr_t p = (uintptr_t)ptr, base = (uintptr_t)heap->base;
        if (p < base || p - base >= heap->size) continue;
        *addr = heap->start + (p - base);
        return true;
    }
    return false;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static SharedHeap *managed_of(wasm_module_inst_t inst)
{
    const Memory *memory = tern_api_memory0(inst);
    return memory != NULL ? managed(memory->window) : NULL;
}

uint64_t wasm_runtime_shared_heap_malloc(wasm_module_inst_t module_inst, uint64_t size,
                                         void **p_native_addr)
{
    SharedHeap *heap;
    Alloc *alloc = NULL;
    Supply supply = {0};
    u64 at = 0;
    do {
        lock();
        heap = managed_of(module_inst);
        if (heap != NULL) {
            alloc = heap->alloc;
            heap->supply = &supply;
            at = tern_guest_heap_alloc(heap->blocks, size);
        }
        if (at != 0) supply.wanted = 0; /* it was done without */
        unlock();
    } while (alloc != NULL && supplied(&supply, alloc));
    u64 offset = at - FIRST_BLOCK;
    if (p_native_addr != NULL) *p_native_addr = at != 0 ? heap->base + offset : NULL;
    return at != 0 ? heap->start + offset : 0;
}

void wasm_runtime_shared_heap_free(wasm_module_inst_t module_inst, uint64_t ptr)
{
    lock();
    const SharedHeap *heap = managed_of(module_inst); /* nothing is allocated for this, or given back */
    bool is_inside = heap != NULL && ptr >= heap->start && ptr - heap->start < heap->size;
    bool ok = is_inside && tern_guest_heap_free(heap->blocks, ptr - heap->start + FIRST_BLOCK) ==
                               GUEST_HEAP_FREED;
    unlock();
    if (!ok)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "shared_heap_free: 0x%llx is no block of the heap",
                     (unsigned long long)ptr);
}
