/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_ref.c - include/tern.h: references, and values between hosts and cells.
 *
 * A tern_ref is an object of the host's with the reference's bits inside; no number that a host or a guest can
 * choose becomes a reference. It remembers its hierarchy (func, any, extern, exn), in which tern_ref_matches
 * decides. */
#include "api/tern_handles.h"

/* --- handles -------------------------------------------------------------------------------------------- */

static HeapCode top_of(const tern_store *store, ValType type)
{
    return tern_types_top(store->store->engine->types, type);
}

static tern_ref *handle_new(tern_store *store, Ref ref, HeapCode top)
{
    tern_ref *handle = tern_alloc(store->engine->alloc, sizeof *handle);
    if (handle == NULL) return NULL;
    *handle = (tern_ref){.store = store, .ref = ref, .top = top, .next = store->handles};
    if (handle->next != NULL) handle->next->prev = handle;
    store->handles = handle;
    if (top != HEAP_FUNC) {
        handle->range.cells = &handle->ref;
        handle->range.ncells = 1;
        tern_gc_range_add(store->store, &handle->range);
    }
    return handle;
}

tern_ref *tern_ref_new(tern_store *store, Ref ref, ValType type)
{
    return handle_new(store, ref, top_of(store, type));
}

void tern_ref_release(tern_ref *ref)
{
    if (ref == NULL || ref->is_borrowed) return;
    tern_store *store = ref->store;
    if (ref->top != HEAP_FUNC) tern_gc_range_remove(store->store, &ref->range);
    if (ref->next != NULL) ref->next->prev = ref->prev;
    if (ref->prev != NULL) ref->prev->next = ref->next;
    else store->handles = ref->next;
    tern_free(store->engine->alloc, ref, sizeof *ref);
}

tern_ref *tern_ref_copy(const tern_ref *ref)
{
    return ref != NULL ? handle_new(ref->store, ref->ref, ref->top) : NULL;
}

bool tern_ref_equal(const tern_ref *a, const tern_ref *b)
{
    if (a == NULL || b == NULL) return a == b;
    return a->ref == b->ref && a->store == b->store;
}

tern_refkind tern_ref_kind(const tern_ref *ref)
{
    if (ref->top == HEAP_FUNC) return TERN_REF_FUNC;
    if (ref_is_i31(ref->ref)) return TERN_REF_I31;
    if (ref_is_host(ref->ref)) return TERN_REF_HOST;
    switch ((GcKind)ref_object(ref->ref)->kind) {
    case GC_STRUCT: return TERN_REF_STRUCT;
    case GC_ARRAY: return TERN_REF_ARRAY;
    case GC_EXCEPTION: return TERN_REF_EXN;
    }
    return TERN_REF_STRUCT;
}

/* --- the host's own ------------------------------------------------------------------------------------- */

tern_ref *tern_ref_from_host(tern_store *store, void *pointer, void (*finalize)(void *pointer))
{
    Ref ref = ref_of_host(pointer);
    if (ref_host(ref) != pointer) return NULL; /* it does not fit 62 bits: no address does so today */
    tern_ref *handle = handle_new(store, ref, HEAP_EXTERN);
    if (handle == NULL || finalize == NULL) return handle;
    if (tern_gc_host_finalizer_add(store->store, ref, finalize)) return handle;
    tern_ref_release(handle);
    return NULL;
}

void *tern_ref_host(const tern_ref *ref)
{
    bool is_host = ref != NULL && ref->top != HEAP_FUNC && ref_is_host(ref->ref);
    return is_host ? ref_host(ref->ref) : NULL;
}

/* --- values --------------------------------------------------------------------------------------------- */

bool tern_ref_fits(const tern_store *store, const tern_ref *ref, ValType type)
{
    if (ref == NULL) return vt_is_nullable(type);
    return ref->store == store && ref->top == top_of(store, type) && tern_ref_matches(store->store, ref->ref, type);
}

bool tern_value_fits(const tern_store *store, const tern_value *value, ValType type)
{
    if (value->kind != tern_valkind_of(type)) return false;
    return LIKELY(value->kind != TERN_REF) || tern_ref_fits(store, value->of.ref, type);
}

u32 tern_value_to_cells(const tern_value *value, u64 *cells)
{
    switch (value->kind) {
    case TERN_I32: cells[0] = value->of.i32; return 1;
    case TERN_I64: cells[0] = value->of.i64; return 1;
    case TERN_F32: cells[0] = value->of.i32; return 1; /* the same bits */
    case TERN_F64: cells[0] = value->of.i64; return 1;
    case TERN_V128: memcpy(cells, value->of.v128, 16); return 2;
    case TERN_REF: cells[0] = tern_ref_bits(value->of.ref); return 1;
    }
    return 1;
}

const u64 *tern_value_from_cells(tern_store *store, ValType type, const u64 *cells, tern_value *value)
{
    value->kind = tern_valkind_of(type);
    switch (value->kind) {
    case TERN_I32:
    case TERN_F32: value->of.i32 = (u32)cells[0]; break;
    case TERN_I64:
    case TERN_F64: value->of.i64 = cells[0]; break;
    case TERN_V128: memcpy(value->of.v128, cells, 16); return cells + 2;
    case TERN_REF:
        value->of.ref = NULL;
        if (cells[0] == REF_NULL) break;
        value->of.ref = tern_ref_new(store, cells[0], type);
        if (value->of.ref == NULL) return NULL;
    }
    return cells + 1;
}
