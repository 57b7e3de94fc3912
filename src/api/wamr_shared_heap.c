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

struct WASMSharedHeap {
    SharedHeap *next;  /* of all */
    SharedHeap *chain; /* the one that follows at higher addresses */
    Alloc *alloc;
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

/* --- making ----------------------------------------------------------------------------------- */

static void heap_free(SharedHeap *heap)
{
    if (heap->blocks != NULL) {
        tern_guest_heap_free_all(heap->blocks);
        tern_port_vm_release(heap->base, (size_t)heap->size);
    }
    tern_free(heap->alloc, heap, sizeof *heap);
}

static bool take_pages(SharedHeap *heap, void *given)
{
    if (given != NULL) {
        heap->base = given;
        return tern_port_vm_make_shared(given, (size_t)heap->size);
    }
    heap->blocks = tern_guest_heap_new(heap->alloc, FIRST_BLOCK, heap->size);
    if (heap->blocks == NULL) return false;
    heap->base = tern_port_vm_shared_new((size_t)heap->size);
    if (heap->base != NULL) return true;
    tern_guest_heap_free_all(heap->blocks);
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
    tern_port_mutex_lock(&runtime->lock);
    while (runtime->shared_heaps != NULL) {
        SharedHeap *heap = runtime->shared_heaps;
        runtime->shared_heaps = heap->next;
        if (heap->nattached > 0)
            heap->is_orphan = true;
        else
            heap_free(heap);
    }
    tern_port_mutex_unlock(&runtime->lock);
}

bool wasm_runtime_reset_shared_heap_chain(wasm_shared_heap_t shared_heap)
{
    if (shared_heap == NULL) return false;
    lock();
    bool ok = true;
    for (SharedHeap *heap = shared_heap; heap != NULL; heap = heap->chain)
        if (heap->nattached > 0) ok = false;
    for (SharedHeap *heap = shared_heap; ok && heap != NULL; heap = heap->chain) {
        if (heap->blocks != NULL) {
            GuestHeap *blocks = tern_guest_heap_new(heap->alloc, FIRST_BLOCK, heap->size);
            ok = blocks != NULL;
            if (!ok) break;
            tern_guest_heap_free_all(heap->blocks);
            heap->blocks = blocks;
        }
        tern_port_vm_shared_zero(heap->base, (size_t)heap->size);
    }
    unlock();
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
    lock();
    unmap(memory, heap->start);
    tern_memory_window_close(memory);
    module_inst->shared_heap = NULL;
    while (heap != NULL) {
        SharedHeap *body = heap->chain;
        if (--heap->nattached == 0 && heap->is_orphan) heap_free(heap);
        heap = body;
    }
    unlock();
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

static SharedHeap *managed(wasm_module_inst_t inst)
{
    const Memory *memory = tern_api_memory0(inst);
    SharedHeap *heap = memory != NULL ? memory->window : NULL;
    while (heap != NULL && heap->blocks == NULL) heap = heap->chain;
    return heap;
}

uint64_t wasm_runtime_shared_heap_malloc(wasm_module_inst_t module_inst, uint64_t size,
                                         void **p_native_addr)
{
    lock();
    const SharedHeap *heap = managed(module_inst);
    u64 at = heap != NULL ? tern_guest_heap_alloc(heap->blocks, size) : 0;
    u64 offset = at - FIRST_BLOCK;
    unlock();
    if (p_native_addr != NULL) *p_native_addr = at != 0 ? heap->base + offset : NULL;
    return at != 0 ? heap->start + offset : 0;
}

void wasm_runtime_shared_heap_free(wasm_module_inst_t module_inst, uint64_t ptr)
{
    lock();
    const SharedHeap *heap = managed(module_inst);
    bool is_inside = heap != NULL && ptr >= heap->start && ptr - heap->start < heap->size;
    bool ok = is_inside && tern_guest_heap_free(heap->blocks, ptr - heap->start + FIRST_BLOCK) ==
                               GUEST_HEAP_FREED;
    unlock();
    if (!ok)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "shared_heap_free: 0x%llx is no block of the heap",
                     (unsigned long long)ptr);
}
