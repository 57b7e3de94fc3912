/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_bytes.c - include/tern.h: blocks of the guest's memory, and calls with bytes.
 *
 * The guest's allocator is asked if it exports one of those runtime/guest_allocator.h knows, else the host-managed
 * heap. Some want a block's size when it is freed, so sizes are kept here. cabi_realloc cannot free at all: its
 * blocks are kept for the next requests, which bounds what a guest loses to what it once had at the same time. */
#include <inttypes.h>

#include "api/tern_handles.h"

#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"

/* Of blocks that the host takes, where the guest's allocator asks. */
#define BLOCK_ALIGN 8u

static Memory *memory_of(const tern_instance *instance)
{
    return instance->instance->module->nmemories > 0 ? instance->instance->memories[0] : NULL;
}

/* --- the guest's functions ------------------------------------------------------------------------------ */

/* Calls a function of the allocator, with addresses and sizes in its width. False and an error. */
static bool call(tern_instance *instance, u32 func_index, const u64 *args, u64 *result, tern_error *error)
{
    FuncInst *func = tern_instance_func(instance->instance, func_index);
    if (func == NULL) {
        tern_error_no_memory(error);
        return false;
    }
    const FuncType *type = func->type;
    tern_value values[4], out;
    for (u32 i = 0; i < type->nparams; i++) {
        values[i] = (tern_value){.kind = tern_valkind_of(type->params[i])};
        if (values[i].kind == TERN_I64) values[i].of.i64 = args[i];
        else values[i].of.i32 = (u32)args[i];
    }
    tern_status status = tern_store_call(instance->store, instance, func, "the guest's allocator", values,
                                         type->nparams, &out, type->nresults, error);
    if (status == TERN_OK && type->nresults > 0) *result = out.kind == TERN_I64 ? out.of.i64 : out.of.i32;
    if (status == TERN_TRAPPED)
        tern_error_say(error, TERN_ERROR_RESOURCE, "the guest's allocator trapped: %s",
                       tern_trap_text(instance->exec->trap.code));
    else if (status == TERN_EXITED)
        tern_error_say(error, TERN_ERROR_RESOURCE, "the guest's allocator ended the program");
    return status == TERN_OK;
}

/* --- sizes ---------------------------------------------------------------------------------------------- */

static bool needs_size(const tern_instance *instance)
{
    return instance->allocator.kind == GUEST_ALLOCATOR_REALLOC ||
           instance->allocator.kind == GUEST_ALLOCATOR_WBINDGEN;
}

/* The newest are the likeliest. */
static BlockSize *find_block(tern_instance *instance, u64 address)
{
    for (u32 i = instance->blocks.n; i-- > 0;)
        if (instance->blocks.items[i].address == address) return &instance->blocks.items[i];
    return NULL;
}

static void forget_block(tern_instance *instance, BlockSize *block)
{
    *block = instance->blocks.items[--instance->blocks.n];
}

/* A free block of at least that size, else the largest, else NULL. */
static BlockSize *pick_free(tern_instance *instance, u64 size)
{
    BlockSize *best = NULL;
    for (u32 i = 0; i < instance->blocks.n; i++) {
        BlockSize *block = &instance->blocks.items[i];
        if (!block->is_free) continue;
        bool is_better = best == NULL || (best->size < size ? block->size > best->size
                                                           : block->size >= size && block->size < best->size);
        if (is_better) best = block;
    }
    return best;
}

/* --- taking and giving ---------------------------------------------------------------------------------- */

/* 0 and an error. */
static u64 ask_guest(tern_instance *instance, u64 size, tern_error *error)
{
    const GuestAllocator *allocator = &instance->allocator;
    BlockSize *old = NULL;
    u64 args[4] = {size}, address = 0;
    if (allocator->kind == GUEST_ALLOCATOR_WBINDGEN) args[1] = BLOCK_ALIGN;
    if (allocator->kind == GUEST_ALLOCATOR_REALLOC) {
        old = pick_free(instance, size);
        if (old != NULL && old->size >= size) {
            old->is_free = false;
            return old->address;
        }
        args[0] = old != NULL ? old->address : 0;
        args[1] = old != NULL ? old->size : 0;
        args[2] = BLOCK_ALIGN;
        args[3] = size;
    }
    if (needs_size(instance) && !vec_reserve(&instance->blocks, instance->store->engine->alloc, 1)) {
        tern_error_no_memory(error);
        return 0;
    }
    /* Room may have moved the list; the guest's functions cannot. */
    if (allocator->kind == GUEST_ALLOCATOR_REALLOC && old != NULL) old = find_block(instance, args[0]);
    if (!call(instance, allocator->alloc_func, args, &address, error)) return 0;
    if (address == 0) {
        tern_error_say(error, TERN_ERROR_RESOURCE, "the guest's allocator has no room for %" PRIu64 " bytes", size);
        return 0;
    }
    if (old != NULL && (old = find_block(instance, args[0])) != NULL) forget_block(instance, old);
    if (!tern_guest_range_ok(memory_of(instance), address, size)) {
        tern_error_say(error, TERN_ERROR_RESOURCE,
                       "the guest's allocator gave %" PRIu64 " bytes at 0x%" PRIx64 ", outside its memory", size,
                       address);
        return 0;
    }
    if (allocator->kind == GUEST_ALLOCATOR_ASSEMBLYSCRIPT &&
        !call(instance, allocator->pin_func, &address, &address, error))
        return 0;
    if (needs_size(instance) && vec_reserve(&instance->blocks, instance->store->engine->alloc, 1))
        instance->blocks.items[instance->blocks.n++] = (BlockSize){.address = address, .size = size};
    return address;
}

uint64_t tern_instance_malloc(tern_instance *instance, uint64_t size, tern_error *error)
{
    Memory *memory = memory_of(instance);
    if (memory == NULL || (!instance->has_allocator && memory->heap == NULL)) {
        tern_error_say(error, TERN_ERROR_USAGE,
                       "the guest exports no allocator that is known, and has no host-managed heap "
                       "(guest_heap_bytes)");
        return 0;
    }
    u64 most = memory->type.limits.is_64 ? UINT64_MAX : UINT32_MAX;
    if (size > most) {
        tern_error_say(error, TERN_ERROR_RESOURCE, "%" PRIu64 " bytes are more than the guest can address", size);
        return 0;
    }
    if (size == 0) size = 1;
    if (instance->has_allocator) {
        tern_store_enter(instance->store);
        u64 address = ask_guest(instance, size, error);
        tern_store_leave(instance->store);
        return address;
    }
    bool is_shared = memory->type.limits.is_shared;
    if (is_shared) tern_port_mutex_lock(&memory->lock);
    u64 address = tern_guest_heap_alloc(memory->heap, size);
    if (is_shared) tern_port_mutex_unlock(&memory->lock);
    if (address == 0)
        tern_error_say(error, TERN_ERROR_RESOURCE, "the host-managed heap has no room for %" PRIu64 " bytes", size);
    return address;
}

/* Gives back a block of a known size that the guest allocated with that alignment. */
static bool give_back(tern_instance *instance, u64 address, u64 size, u64 align, tern_error *error)
{
    u64 args[4] = {address, size, align}, ignored;
    return call(instance, instance->allocator.free_func, args, &ignored, error);
}

static bool free_heap_block(Memory *memory, u64 address, tern_error *error)
{
    bool is_shared = memory->type.limits.is_shared;
    if (is_shared) tern_port_mutex_lock(&memory->lock);
    GuestHeapFree freed = tern_guest_heap_free(memory->heap, address);
    if (is_shared) tern_port_mutex_unlock(&memory->lock);
    static const char *const reasons[] = {
        [GUEST_HEAP_FREED] = "",
        [GUEST_HEAP_NOT_OURS] = "lies outside the host-managed heap",
        [GUEST_HEAP_INTERIOR] = "lies inside a block, and not at its start",
        [GUEST_HEAP_NOT_LIVE] = "was freed already, or never handed out",
    };
    if (freed != GUEST_HEAP_FREED)
        tern_error_say(error, TERN_ERROR_USAGE, "address 0x%" PRIx64 " %s", address, reasons[freed]);
    return freed == GUEST_HEAP_FREED;
}

bool tern_instance_free(tern_instance *instance, uint64_t address, tern_error *error)
{
    if (address == 0) return true;
    Memory *memory = memory_of(instance);
    if (!instance->has_allocator && memory != NULL && memory->heap != NULL)
        return free_heap_block(memory, address, error);
    if (!instance->has_allocator) {
        tern_error_say(error, TERN_ERROR_USAGE, "the guest has no allocator");
        return false;
    }
    if (!needs_size(instance)) return give_back(instance, address, 0, 0, error);
    BlockSize *block = find_block(instance, address);
    if (block == NULL || block->is_free) {
        tern_error_say(error, TERN_ERROR_USAGE,
                       "address 0x%" PRIx64 " was freed already, or never handed out", address);
        return false;
    }
    if (instance->allocator.kind == GUEST_ALLOCATOR_REALLOC) {
        block->is_free = true;
        return true;
    }
    u64 size = block->size;
    forget_block(instance, block);
    return give_back(instance, address, size, BLOCK_ALIGN, error);
}

/* --- bytes in, bytes out -------------------------------------------------------------------------------- */

/* Bytes for a host lie behind their block's size. */
typedef union BytesHeader {
    size_t size; /* of the whole block */
    _Alignas(16) u8 pad[16];
} BytesHeader;

void tern_bytes_free(tern_instance *instance, void *bytes)
{
    if (bytes == NULL) return;
    BytesHeader *header = (BytesHeader *)bytes - 1;
    tern_free(instance->store->engine->alloc, header, header->size);
}

/* A copy of [address, + size) with a NUL behind. NULL and an error. */
static void *copy_out(const tern_instance *instance, u64 address, u64 size, tern_error *error)
{
    const u8 *from = tern_guest_range(memory_of(instance), address, size);
    if (from == NULL) {
        tern_error_say(error, TERN_ERROR_RESOURCE,
                       "the result, %" PRIu64 " bytes at 0x%" PRIx64 ", lies outside the guest's memory", size,
                       address);
        return NULL;
    }
    size_t block = sizeof(BytesHeader) + (size_t)size + 1; /* fits: it is in memory already */
    BytesHeader *header = tern_alloc(instance->store->engine->alloc, block);
    if (header == NULL) {
        tern_error_no_memory(error);
        return NULL;
    }
    header->size = block;
    u8 *bytes = (u8 *)(header + 1);
    memcpy(bytes, from, (size_t)size);
    bytes[size] = 0;
    return bytes;
}

typedef enum BytesForm { FORM_NONE, FORM_PACKED, FORM_PAIR, FORM_RETURN_AREA } BytesForm;

static BytesForm form_of(const FuncType *type, bool is_64)
{
    ValType ptr = is_64 ? VT_I64 : VT_I32;
    for (u32 i = 0; i < type->nparams; i++)
        if (type->params[i] != ptr) return FORM_NONE;
    if (type->nparams == 3) return type->nresults == 0 ? FORM_RETURN_AREA : FORM_NONE;
    if (type->nparams != 2) return FORM_NONE;
    if (type->nresults == 1) return !is_64 && type->results[0] == VT_I64 ? FORM_PACKED : FORM_NONE;
    bool is_pair = type->nresults == 2 && type->results[0] == ptr && type->results[1] == ptr;
    return is_pair ? FORM_PAIR : FORM_NONE;
}

typedef struct BytesCall {
    tern_instance *instance;
    FuncInst *func;
    const char *name;
    BytesForm form;
    bool is_64;
    u64 in, in_size; /* the input's block */
    u64 area;        /* where address and length are returned; 0: they are not */
    u64 address, size; /* of the result */
} BytesCall;

static tern_value pointer_value(const BytesCall *c, u64 value)
{
    tern_value v = {.kind = c->is_64 ? TERN_I64 : TERN_I32};
    if (c->is_64) v.of.i64 = value;
    else v.of.i32 = (u32)value;
    return v;
}

static u64 read_pointer(const u8 *from, bool is_64)
{
    u64 value = 0;
    for (u32 i = 0; i < (is_64 ? 8u : 4u); i++) value |= (u64)from[i] << (8 * i);
    return value;
}

/* Calls the function and finds where its result is. */
static tern_status call_func(BytesCall *c, tern_error *error)
{
    tern_value args[3], results[2];
    u32 nargs = 0;
    if (c->form == FORM_RETURN_AREA) args[nargs++] = pointer_value(c, c->area);
    args[nargs++] = pointer_value(c, c->in);
    args[nargs++] = pointer_value(c, c->in_size);
    tern_status status = tern_store_call(c->instance->store, c->instance, c->func, c->name, args, nargs, results,
                                         c->func->type->nresults, error);
    if (status != TERN_OK) return status;
    if (c->form == FORM_PACKED) {
        c->address = results[0].of.i64 >> 32;
        c->size = (u32)results[0].of.i64;
    } else if (c->form == FORM_PAIR) {
        c->address = c->is_64 ? results[0].of.i64 : results[0].of.i32;
        c->size = c->is_64 ? results[1].of.i64 : results[1].of.i32;
    } else {
        u32 width = c->is_64 ? 8 : 4;
        const u8 *area = tern_guest_range(memory_of(c->instance), c->area, 2 * width); /* memories never shrink */
        c->address = read_pointer(area, c->is_64);
        c->size = read_pointer(area + width, c->is_64);
    }
    return TERN_OK;
}

/* The function gave it away. What cannot be freed is kept for the host's next request. */
static bool free_result(const BytesCall *c, tern_error *error)
{
    tern_instance *instance = c->instance;
    bool is_inside = c->address >= c->in && c->address - c->in <= u64_max(c->in_size, 1);
    if (c->size == 0 || is_inside) return true;
    if (!instance->has_allocator || !needs_size(instance))
        return tern_instance_free(instance, c->address, error);
    if (find_block(instance, c->address) != NULL) return tern_instance_free(instance, c->address, error);
    if (instance->allocator.kind == GUEST_ALLOCATOR_WBINDGEN)
        return give_back(instance, c->address, c->size, 1, error);
    return true; /* nothing there can take it back, and it may be static */
}

static tern_status call_bytes(BytesCall *c, const void *in, void **out, size_t *out_size, tern_error *error)
{
    tern_instance *instance = c->instance;
    c->in = tern_instance_malloc(instance, c->in_size, error);
    if (c->in == 0) return TERN_ERROR;
    if (c->form == FORM_RETURN_AREA) {
        c->area = tern_instance_malloc(instance, 16, error);
        if (c->area == 0) {
            (void)tern_instance_free(instance, c->in, NULL);
            return TERN_ERROR;
        }
    }
    u8 *to = tern_guest_range(memory_of(instance), c->in, c->in_size); /* checked when it was taken */
    if (c->in_size > 0) memcpy(to, in, (size_t)c->in_size);
    tern_status status = call_func(c, error);
    /* After a trap or an exit nothing of the guest is called: the trap stays to be seen. */
    if (status == TERN_TRAPPED || status == TERN_EXITED) return status;
    bool ok = status == TERN_OK;
    void *bytes = ok ? copy_out(instance, c->address, c->size, error) : NULL;
    ok = bytes != NULL && free_result(c, error);
    ok = tern_instance_free(instance, c->in, ok ? error : NULL) && ok;
    if (c->area != 0) ok = tern_instance_free(instance, c->area, ok ? error : NULL) && ok;
    if (!ok) {
        tern_bytes_free(instance, bytes);
        return TERN_ERROR;
    }
    *out = bytes;
    *out_size = (size_t)c->size;
    return TERN_OK;
}

tern_status tern_instance_call_bytes(tern_instance *instance, const char *name, const void *in, size_t in_size,
                                     void **out, size_t *out_size, tern_error *error)
{
    *out = NULL;
    *out_size = 0;
    Extern found;
    Name export_name = {name, (u32)u64_min(strlen(name), UINT32_MAX)};
    if (!tern_instance_find_export(instance->instance, export_name, &found) || found.kind != EXTERN_FUNC) {
        tern_error_say(error, TERN_ERROR_USAGE, "no function is exported as \"%s\"", name);
        return TERN_ERROR;
    }
    const Memory *memory = memory_of(instance);
    BytesCall c = {.instance = instance, .func = found.u.func, .name = name, .in_size = in_size,
                   .is_64 = memory != NULL && memory->type.limits.is_64};
    c.form = memory != NULL ? form_of(c.func->type, c.is_64) : FORM_NONE;
    if (c.form == FORM_NONE) {
        char type[160];
        (void)tern_func_type_text(c.func->type, type, sizeof type);
        tern_error_say(error, TERN_ERROR_USAGE,
                       "%s has the type \"%s\", which is none of those that take and return bytes", name, type);
        return TERN_ERROR;
    }
    tern_store_enter(instance->store);
    tern_status status = tern_instance_prepare(instance, error);
    if (status == TERN_OK) status = call_bytes(&c, in, out, out_size, error);
    tern_store_leave(instance->store);
    return status;
}
