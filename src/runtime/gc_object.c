/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_object.c - making structs and arrays, and asking what type a reference has (spec 4.6.9, 4.5.3).
 *
 * Values come in cells, as in frames: an i32 zero-extended, a v128 in two. Packed fields keep the low bits.
 */
#include "runtime/gc_heap.h"

/* Writes a value's cells to width bytes of storage. */
static inline const u64 *store_field(u8 *to, u32 width_log2, const u64 *cells)
{
    u64 v = *cells;
    switch (width_log2) {
    case 0: *to = (u8)v; break;
    case 1: memcpy(to, &(u16){(u16)v}, 2); break;
    case 2: memcpy(to, &(u32){(u32)v}, 4); break;
    case 3: memcpy(to, &v, 8); break;
    default: memcpy(to, cells, 16); return cells + 2;
    }
    return cells + 1;
}

static GcObject *struct_alloc(Store *store, const GcLayout *layout, u32 type_id)
{
    return tern_gc_new(store, GC_STRUCT, type_id, 0, layout->size_bytes - sizeof(GcObject));
}

TrapCode tern_struct_new(Store *store, u64 *slots, u32 type_id, bool has_desc)
{
    const GcLayout *layout = tern_gc_layout(store, type_id);
    if (UNLIKELY(layout == NULL)) return TRAP_OUT_OF_MEMORY;
    if (has_desc && slots[layout->ncells] == REF_NULL) return TRAP_NULL_DESCRIPTOR;
    GcObject *object = struct_alloc(store, layout, type_id);
    if (UNLIKELY(object == NULL)) return TRAP_OUT_OF_MEMORY;
    if (has_desc) object->descriptor = slots[layout->ncells];
    const u64 *from = slots;
    for (u32 i = 0; i < layout->nfields; i++)
        from = store_field((u8 *)object + layout->fields[i].offset, layout->fields[i].width_log2, from);
    slots[0] = ref_of_object(object);
    return TRAP_NONE;
}

TrapCode tern_struct_new_default(Store *store, u64 *slots, u32 type_id, bool has_desc)
{
    const GcLayout *layout = tern_gc_layout(store, type_id);
    if (UNLIKELY(layout == NULL)) return TRAP_OUT_OF_MEMORY;
    if (has_desc && slots[0] == REF_NULL) return TRAP_NULL_DESCRIPTOR;
    GcObject *object = struct_alloc(store, layout, type_id);
    if (UNLIKELY(object == NULL)) return TRAP_OUT_OF_MEMORY;
    if (has_desc) object->descriptor = slots[0];
    slots[0] = ref_of_object(object);
    return TRAP_NONE;
}

static GcObject *array_alloc(Store *store, const GcLayout *layout, u32 type_id, u32 n)
{
    return tern_gc_new(store, GC_ARRAY, type_id, n, (u64)n << layout->elem_log2);
}

GcObject *tern_array_alloc(Store *store, u32 type_id, u32 n)
{
    const GcLayout *layout = tern_gc_layout(store, type_id);
    return layout != NULL ? array_alloc(store, layout, type_id, n) : NULL;
}

TrapCode tern_array_new(Store *store, u64 *slots, u32 type_id)
{
    const GcLayout *layout = tern_gc_layout(store, type_id);
    if (layout == NULL) return TRAP_OUT_OF_MEMORY;
    u32 n = (u32)slots[layout->elem_log2 == 4 ? 2 : 1];
    GcObject *object = array_alloc(store, layout, type_id, n);
    if (object == NULL) return TRAP_OUT_OF_MEMORY;
    tern_array_fill(object, layout->elem_log2, 0, slots, n);
    slots[0] = ref_of_object(object);
    return TRAP_NONE;
}

TrapCode tern_array_new_default(Store *store, u64 *slots, u32 type_id)
{
    GcObject *object = tern_array_alloc(store, type_id, (u32)slots[0]);
    if (object == NULL) return TRAP_OUT_OF_MEMORY;
    slots[0] = ref_of_object(object);
    return TRAP_NONE;
}

TrapCode tern_array_new_fixed(Store *store, u64 *slots, u32 type_id, u32 n)
{
    const GcLayout *layout = tern_gc_layout(store, type_id);
    GcObject *object = layout != NULL ? array_alloc(store, layout, type_id, n) : NULL;
    if (object == NULL) return TRAP_OUT_OF_MEMORY;
    const u64 *from = slots;
    u8 *to = tern_object_fields(object);
    for (u32 i = 0; i < n; i++, to += (size_t)1 << layout->elem_log2)
        from = store_field(to, layout->elem_log2, from);
    slots[0] = ref_of_object(object);
    return TRAP_NONE;
}

void tern_array_fill(GcObject *object, u32 elem_log2, u32 at, const u64 *value, u32 n)
{
    u8 *to = tern_object_fields(object) + ((size_t)at << elem_log2);
    if (elem_log2 == 0) {
        memset(to, (u8)*value, n);
        return;
    }
    for (u32 i = 0; i < n; i++, to += (size_t)1 << elem_log2) (void)store_field(to, elem_log2, value);
}

/* --- types of references ---------------------------------------------------------------------------- */

static bool id_matches(const TypeRegistry *types, u32 id, ValType t)
{
    if (id == vt_heap(t)) return true;
    return !vt_is_exact(t) && tern_types_def_match(types, id, vt_heap(t));
}

bool tern_ref_matches(const Store *store, Ref ref, ValType t)
{
    const TypeRegistry *types = store->engine->types;
    if (ref == REF_NULL) return vt_is_nullable(t);
    if (vt_is_concrete(t)) {
        if (tern_types_get(types, vt_heap(t))->kind == DEF_FUNC)
            return id_matches(types, ((const FuncInst *)(uintptr_t)ref)->type_id, t);
        return ref_is_object(ref) && id_matches(types, ref_object(ref)->type_id, t);
    }
    switch ((HeapCode)vt_heap(t)) {
    case HEAP_FUNC:
    case HEAP_EXTERN:
    case HEAP_ANY:
    case HEAP_EXN: return true; /* it is of the hierarchy, or validation had refused */
    case HEAP_EQ: return !ref_is_host(ref);
    case HEAP_I31: return ref_is_i31(ref);
    case HEAP_STRUCT: return ref_is_object(ref) && ref_object(ref)->kind == GC_STRUCT;
    case HEAP_ARRAY: return ref_is_object(ref) && ref_object(ref)->kind == GC_ARRAY;
    case HEAP_NOEXN:
    case HEAP_NOFUNC:
    case HEAP_NOEXTERN:
    case HEAP_NONE:
    case HEAP_BOT: break;
    }
    return false;
}
