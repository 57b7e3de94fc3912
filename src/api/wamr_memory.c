/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_memory.c - linear memories, and exchanging memory with the guest.
 *
 * Everything goes through runtime/guest_range.h for the full length that is touched. The family
 * around wasm_runtime_module_malloc works on memory 0 and asks, in this order, the host-managed
 * heap in it and the guest's own allocator. */
#include "api/wamr.h"
#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"

static Memory *memory_of(const wasm_memory_inst_t memory_inst)
{
    return (Memory *)(void *)memory_inst;
}
static wasm_memory_inst_t handle_of(Memory *memory) { return (wasm_memory_inst_t)(void *)memory; }

/* --- memories --------------------------------------------------------------------------------- */

wasm_memory_inst_t wasm_runtime_lookup_memory(const wasm_module_inst_t module_inst,
                                              const char *name)
{
    Extern found;
    bool ok = tern_instance_find_export(module_inst->instance, (Name){name, (u32)strlen(name)}, &found);
    return ok && found.kind == EXTERN_MEMORY ? handle_of(found.u.memory) : NULL;
}

wasm_memory_inst_t wasm_runtime_get_default_memory(const wasm_module_inst_t module_inst)
{
    return handle_of(tern_api_memory0(module_inst));
}

wasm_memory_inst_t wasm_runtime_get_memory(const wasm_module_inst_t module_inst, uint32_t index)
{
    const Instance *instance = module_inst->instance;
    return index < instance->module->nmemories ? handle_of(instance->memories[index]) : NULL;
}

uint64_t wasm_memory_get_cur_page_count(const wasm_memory_inst_t memory_inst)
{
    return memory_of(memory_inst)->npages;
}

uint64_t wasm_memory_get_max_page_count(const wasm_memory_inst_t memory_inst)
{
    return memory_of(memory_inst)->max_pages;
}

uint64_t wasm_memory_get_bytes_per_page(const wasm_memory_inst_t memory_inst)
{
    return memory_of(memory_inst)->page_bytes;
}

bool wasm_memory_get_shared(const wasm_memory_inst_t memory_inst)
{
    return memory_of(memory_inst)->type.limits.is_shared;
}

void *wasm_memory_get_base_address(const wasm_memory_inst_t memory_inst)
{
    return memory_of(memory_inst)->base;
}

bool wasm_memory_enlarge(wasm_memory_inst_t memory_inst, uint64_t inc_page_count)
{
    return inc_page_count == 0 ||
           tern_memory_grow_pages(memory_of(memory_inst), inc_page_count) != UINT64_MAX;
}

/* The host's callback runs without the lock: it may ask the runtime something. */
static void tell_refused(const Memory *memory, u32 memory_index, u64 npages, wasm_module_inst_t inst,
                         wasm_exec_env_t env)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    enlarge_memory_error_callback_t callback = runtime->enlarge_callback;
    void *user_data = runtime->enlarge_user_data;
    tern_port_mutex_unlock(&runtime->lock);
    if (callback == NULL) return;
    bool too_many = npages > memory->max_pages - memory->npages;
    callback((u32)u64_min(npages, UINT32_MAX), tern_memory_size_bytes(memory), memory_index,
             too_many ? MAX_SIZE_REACHED : INTERNAL_ERROR, inst, env, user_data);
}

bool wasm_runtime_enlarge_memory(wasm_module_inst_t module_inst, uint64_t inc_page_count)
{
    if (inc_page_count == 0) return true;
    Memory *memory = tern_api_memory0(module_inst);
    if (memory == NULL) return false;
    if (tern_memory_grow_pages(memory, inc_page_count) != UINT64_MAX) return true;

    tell_refused(memory, 0, inc_page_count, module_inst, tern_api_env_in_use(module_inst));
    return false;
}

void tern_api_grow_refused(Exec *x, Memory *memory, u32 memory_index, u64 delta_pages)
{
    tell_refused(memory, memory_index, delta_pages, x->instance->host_data, x->host_data);
}

void wasm_runtime_set_enlarge_mem_error_callback(const enlarge_memory_error_callback_t callback,
                                                 void *user_data)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    runtime->enlarge_callback = callback;
    runtime->enlarge_user_data = user_data;
    tern_port_mutex_unlock(&runtime->lock);
}

/* --- the guest's own allocator ---------------------------------------------------------------- */

static bool has_guest_allocator(wasm_module_inst_t inst)
{
    return inst->allocator.free_func != UINT32_MAX;
}

/* Calls one of its functions; false if it trapped, with the exception. The cells hold arguments and
 * receive the result. */
static bool call_guest(wasm_module_inst_t inst, u32 func_index, u64 *cells)
{
    wasm_exec_env_t env = tern_api_env(inst);
    FuncInst *func = env != NULL ? tern_instance_func(inst->instance, func_index) : NULL;
    if (func == NULL || !tern_exec_room(env->x, 2)) {
        tern_api_throw(inst, "%s", tern_trap_wamr_text(TRAP_OUT_OF_MEMORY));
        return false;
    }
    u64 *slots = env->x->top;
    memcpy(slots, cells, func->type->param_cells * sizeof *cells);
    wasm_module_inst_t outer = env->inst;
    env->inst = inst;
    TrapCode code = tern_api_run(env, func);
    if (code == TRAP_NONE)
        memcpy(cells, slots, func->type->result_cells * sizeof *cells);
    else
        tern_api_trapped(env, code);
    env->inst = outer;
    return code == TRAP_NONE;
}

/* 0 if it has none to give, trapped, or answered with something outside of memory. */
static u64 guest_alloc(wasm_module_inst_t inst, u64 size)
{
    const GuestAllocator *a = &inst->allocator;
    u64 cells[2] = {size, 0};
    if (!call_guest(inst, a->alloc_func, cells)) return 0;
    bool is_script = a->kind == GUEST_ALLOCATOR_ASSEMBLYSCRIPT;
    if (is_script && cells[0] != 0 && !call_guest(inst, a->pin_func, cells)) return 0;
    u64 addr = cells[0];
    const Memory *memory = tern_api_memory0(inst);
    if (memory == NULL) return 0; /* callers have seen to it */
    if (addr == 0) {
        tern_api_log(
            WASM_LOG_LEVEL_WARNING,
            "allocate %llu bytes memory failed: the guest's %s has no room (memory is %llu bytes)",
            (unsigned long long)size, is_script ? "__new" : "malloc",
            (unsigned long long)tern_memory_size_bytes(memory));
    } else if (!tern_guest_range_ok(memory, addr, size)) {
        tern_api_log(
            WASM_LOG_LEVEL_WARNING,
            "allocate %llu bytes memory failed: the guest's %s returned 0x%llx, which is not inside memory",
            (unsigned long long)size, is_script ? "__new" : "malloc", (unsigned long long)addr);
        addr = 0;
    }
    return addr;
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* The threads over a shared memory use its heap together. */
static void heap_lock(Memory *memory)
{
    if (memory->type.limits.is_shared) tern_port_mutex_lock(&memory->lock);
}

static void heap_unlock(Memory *memory)
{
    if (memory->type.limits.is_shared) tern_port_mutex_unlock(&memory->lock);
}

static u64 heap_alloc(const Memory *memory, u64 size)
{
    u64 addr = tern_guest_heap_alloc(memory->heap, size);
    if (addr != 0) return addr;
    GuestHeapStats stats = tern_guest_heap_stats(memory->heap);
    tern_api_log(
        WASM_LOG_LEVEL_WARNING,
        "allocate %llu bytes memory failed: of the host-managed heap's %llu bytes %llu are free, the largest "
        "piece %llu, in %llu live blocks",
        (unsigned long long)size, (unsigned long long)stats.total_bytes,
        (unsigned long long)stats.free_bytes, (unsigned long long)stats.largest_free_bytes,
        (unsigned long long)stats.live_blocks);
    return 0;
}

uint64_t wasm_runtime_module_malloc(wasm_module_inst_t module_inst, uint64_t size,
                                    void **p_native_addr)
{
    if (p_native_addr != NULL) *p_native_addr = NULL;
    Memory *memory = tern_api_memory0(module_inst);
    if (memory == NULL) {
        tern_api_throw(module_inst, "uninitialized memory");
        return 0;
    }
    u64 addr = 0;
    if (!memory->type.limits.is_64 && size > UINT32_MAX)
        tern_api_log(WASM_LOG_LEVEL_WARNING,
                     "allocate %llu bytes memory failed: more than a 32-bit memory can have",
                     (unsigned long long)size);
    else if (memory->heap != NULL) {
        heap_lock(memory);
        addr = heap_alloc(memory, size);
        heap_unlock(memory);
    } else if (has_guest_allocator(module_inst))
        addr = guest_alloc(module_inst, size);
    else
        tern_api_log(
            WASM_LOG_LEVEL_WARNING,
            "allocate %llu bytes memory failed: the instance has no host-managed heap, and the module exports "
            "no malloc and free",
            (unsigned long long)size);
    if (addr != 0 && p_native_addr != NULL) *p_native_addr = tern_guest_range(memory, addr, size);
    return addr;
}

static void explain_free(u64 addr, GuestHeapFree outcome)
{
    const char *reason = outcome == GUEST_HEAP_INTERIOR
                             ? "it lies inside a live block, not at its start"
                             : "it was freed before or never allocated";
    tern_api_log(WASM_LOG_LEVEL_WARNING, "free of 0x%llx ignored: %s", (unsigned long long)addr,
                 reason);
}

void wasm_runtime_module_free(wasm_module_inst_t module_inst, uint64_t ptr)
{
    Memory *memory = tern_api_memory0(module_inst);
    if (ptr == 0 || memory == NULL) return;
    if (memory->heap != NULL && tern_guest_heap_contains(memory->heap, ptr)) {
        heap_lock(memory);
        GuestHeapFree outcome = tern_guest_heap_free(memory->heap, ptr);
        heap_unlock(memory);
        if (outcome != GUEST_HEAP_FREED) explain_free(ptr, outcome);
    } else if (has_guest_allocator(module_inst) && tern_guest_range_ok(memory, ptr, 1)) {
        u64 cells[2] = {ptr, 0};
        call_guest(module_inst, module_inst->allocator.free_func, cells);
    } else {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "free of 0x%llx ignored: it lies in no heap",
                     (unsigned long long)ptr);
    }
}

/* 0: no such block, or no room. */
static u64 heap_realloc(const Memory *memory, u64 ptr, u64 size)
{
    GuestHeap *heap = memory->heap;
    u64 old_size = tern_guest_heap_block_size(heap, ptr);
    if (old_size == 0) {
        if (tern_guest_heap_contains(heap, ptr)) explain_free(ptr, GUEST_HEAP_NOT_LIVE);
        return 0;
    }
    if (tern_guest_heap_resize(heap, ptr, size)) return ptr;
    u64 addr = heap_alloc(memory, size), n = u64_min(old_size, size);
    if (addr == 0) return 0;
    if (n > 0)
        memcpy(tern_guest_range(memory, addr, n), tern_guest_range(memory, ptr, n), (size_t)n);
    tern_guest_heap_free(heap, ptr);
    return addr;
}

uint64_t wasm_runtime_module_realloc(wasm_module_inst_t module_inst, uint64_t ptr, uint64_t size,
                                     void **p_native_addr)
{
    if (ptr == 0) return wasm_runtime_module_malloc(module_inst, size, p_native_addr);
    if (p_native_addr != NULL) *p_native_addr = NULL;
    Memory *memory = tern_api_memory0(module_inst);
    u64 addr = 0;
    if (memory != NULL && memory->heap != NULL) {
        heap_lock(memory);
        addr = heap_realloc(memory, ptr, size);
        heap_unlock(memory);
    }
    if (addr == 0) {
        tern_api_throw(module_inst, "out of memory");
        return 0;
    }
    if (p_native_addr != NULL) *p_native_addr = tern_guest_range(memory, addr, size);
    return addr;
}

uint64_t wasm_runtime_module_dup_data(wasm_module_inst_t module_inst, const char *src,
                                      uint64_t size)
{
    void *native;
    u64 addr = wasm_runtime_module_malloc(module_inst, size, &native);
    if (addr != 0 && size > 0) memcpy(native, src, (size_t)size);
    return addr;
}

/* --- checking --------------------------------------------------------------------------------- */

static bool refuse(wasm_module_inst_t inst)
{
    tern_api_throw(inst, "%s", tern_trap_wamr_text(TRAP_MEMORY_BOUNDS));
    return false;
}

bool wasm_runtime_validate_app_addr(wasm_module_inst_t module_inst, uint64_t app_offset,
                                    uint64_t size)
{
    const Memory *memory = tern_api_memory0(module_inst);
    return (memory != NULL && tern_guest_range_ok(memory, app_offset, size)) || refuse(module_inst);
}

bool wasm_runtime_validate_app_str_addr(wasm_module_inst_t module_inst, uint64_t app_str_offset)
{
    const Memory *memory = tern_api_memory0(module_inst);
    u64 size;
    return (memory != NULL && tern_guest_string(memory, app_str_offset, &size) != NULL) ||
           refuse(module_inst);
}

bool wasm_runtime_validate_native_addr(wasm_module_inst_t module_inst, void *native_ptr,
                                       uint64_t size)
{
    const Memory *memory = tern_api_memory0(module_inst);
    if (memory == NULL) return refuse(module_inst);
    u64 addr;
    if (tern_api_shared_heap_addr(memory, native_ptr, &addr))
        return tern_guest_range_ok(memory, addr, size) || refuse(module_inst);
    if ((uintptr_t)native_ptr < (uintptr_t)memory->base) return refuse(module_inst);
    addr = (uintptr_t)native_ptr - (uintptr_t)memory->base;
    return tern_guest_range_ok(memory, addr, size) || refuse(module_inst);
}

/* --- converting ------------------------------------------------------------------------------- */

void *wasm_runtime_addr_app_to_native(wasm_module_inst_t module_inst, uint64_t app_offset)
{
    const Memory *memory = tern_api_memory0(module_inst);
    return memory != NULL ? tern_guest_range(memory, app_offset, 1) : NULL;
}

uint64_t wasm_runtime_addr_native_to_app(wasm_module_inst_t module_inst, void *native_ptr)
{
    const Memory *memory = tern_api_memory0(module_inst);
    u64 addr = 0;
    if (memory == NULL) return 0;
    return tern_guest_addr(memory, native_ptr, &addr) || tern_api_shared_heap_addr(memory, native_ptr, &addr)
               ? addr
               : 0;
}

bool wasm_runtime_get_app_addr_range(wasm_module_inst_t module_inst, uint64_t app_offset,
                                     uint64_t *p_app_start_offset, uint64_t *p_app_end_offset)
{
    const Memory *memory = tern_api_memory0(module_inst);
    if (memory == NULL || !tern_guest_range_ok(memory, app_offset, 1)) return false;
    bool is_window = app_offset >= tern_memory_window(memory);
    if (p_app_start_offset != NULL) *p_app_start_offset = is_window ? tern_memory_window(memory) : 0;
    if (p_app_end_offset != NULL)
        *p_app_end_offset = is_window ? MEMORY_WINDOW_END : tern_memory_size_bytes(memory);
    return true;
}

bool wasm_runtime_get_native_addr_range(wasm_module_inst_t module_inst, uint8_t *native_ptr,
                                        uint8_t **p_native_start_addr, uint8_t **p_native_end_addr)
{
    const Memory *memory = tern_api_memory0(module_inst);
    u64 addr;
    if (memory == NULL || !tern_guest_addr(memory, native_ptr, &addr)) return false;
    if (p_native_start_addr != NULL) *p_native_start_addr = memory->base;
    if (p_native_end_addr != NULL) *p_native_end_addr = memory->base + tern_memory_size_bytes(memory);
    return true;
}

/* --- exported globals and tables -------------------------------------------------------------- */

bool wasm_runtime_get_export_global_inst(const wasm_module_inst_t module_inst, const char *name,
                                         wasm_global_inst_t *global_inst)
{
    Extern found;
    bool ok = tern_instance_find_export(module_inst->instance, (Name){name, (u32)strlen(name)}, &found);
    if (!ok || found.kind != EXTERN_GLOBAL) return false;
    *global_inst = (wasm_global_inst_t){
        .kind = tern_api_valkind(module_inst->store->engine->types, found.u.global->type.type),
        .is_mutable = found.u.global->type.is_mutable,
        .global_data = found.u.global->cell,
    };
    return true;
}

bool wasm_runtime_get_export_table_inst(const wasm_module_inst_t module_inst, const char *name,
                                        wasm_table_inst_t *table_inst)
{
    Extern found;
    bool ok = tern_instance_find_export(module_inst->instance, (Name){name, (u32)strlen(name)}, &found);
    if (!ok || found.kind != EXTERN_TABLE) return false;
    Table *table = found.u.table;
    *table_inst = (wasm_table_inst_t){
        .elem_kind = tern_api_valkind(module_inst->store->engine->types, table->type.elem),
        .cur_size = (u32)u64_min(table->size, UINT32_MAX),
        .max_size = (u32)u64_min(table->max, UINT32_MAX),
        .elems = table, /* not its elements, which move when it grows */
    };
    return true;
}

wasm_function_inst_t wasm_table_get_func_inst(const wasm_module_inst_t module_inst,
                                              const wasm_table_inst_t *table_inst, uint32_t idx)
{
    (void)module_inst;
    const Table *table = table_inst->elems;
    if (table_inst->elem_kind != WASM_FUNCREF || table == NULL || idx >= table->size) return NULL;
    return (FuncInst *)(uintptr_t)table->elems[idx];
}
