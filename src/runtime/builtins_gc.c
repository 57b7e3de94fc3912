/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* builtins_gc.c - the operations of builtins.def on structs and arrays (spec 4.6.9).
 *
 * imm1 is a type id, not a module's type index. Those that allocate say first where the frame's live cells
 * end, which is behind their operands: what lies deeper in the frame is below them.
 */
#include "runtime/builtins.h"
#include "runtime/gc_heap.h"

static bool range_ok(u64 at, u64 n, u64 size) { return at <= size && n <= size - at; }

static u32 elem_log2(Exec *x, const GcObject *array)
{
    return tern_gc_layout(x->store, array->type_id)->elem_log2; /* known since it was allocated */
}

/* --- allocation ------------------------------------------------------------------------------------- */

TrapCode tern_builtin_struct_new(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    const GcLayout *layout = tern_gc_layout(x->store, imm1);
    if (UNLIKELY(layout == NULL)) return TRAP_OUT_OF_MEMORY;
    x->top = slots + layout->ncells + imm2;
    return tern_struct_new(x->store, slots, imm1, imm2 != 0);
}

TrapCode tern_builtin_struct_new_default(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    x->top = slots + imm2;
    return tern_struct_new_default(x->store, slots, imm1, imm2 != 0);
}

TrapCode tern_builtin_array_new(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    x->top = slots + 3;
    return tern_array_new(x->store, slots, imm1);
}

TrapCode tern_builtin_array_new_default(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    x->top = slots + 1;
    return tern_array_new_default(x->store, slots, imm1);
}

TrapCode tern_builtin_array_new_fixed(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    const GcLayout *layout = tern_gc_layout(x->store, imm1);
    if (UNLIKELY(layout == NULL)) return TRAP_OUT_OF_MEMORY;
    x->top = slots + ((u64)imm2 << (layout->elem_log2 == 4));
    return tern_array_new_fixed(x->store, slots, imm1, imm2);
}

/* --- segments --------------------------------------------------------------------------------------- */

/* n elements of the data segment from byte `from` on; NULL: it has not so many. */
static const u8 *data_range(const Instance *instance, u32 index, u64 from, u64 n, u32 log2)
{
    const DataSegment *segment = &instance->module->datas[index];
    u64 size = instance->data_dropped[index] ? 0 : segment->size;
    if (!range_ok(from, n << log2, size)) return NULL;
    return n > 0 ? segment->bytes + from : (const u8 *)"";
}

static TrapCode data_bounds(Exec *x)
{
    x->trap.has_address = false; /* it is the segment's end that was passed */
    return TRAP_MEMORY_BOUNDS;
}

TrapCode tern_builtin_array_new_data(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    const GcLayout *layout = tern_gc_layout(x->store, imm1);
    if (layout == NULL) return TRAP_OUT_OF_MEMORY;
    u32 n = (u32)slots[1];
    const u8 *from = data_range(x->instance, imm2, slots[0], n, layout->elem_log2);
    if (from == NULL) return data_bounds(x);
    x->top = slots;
    GcObject *object = tern_array_alloc(x->store, imm1, n);
    if (object == NULL) return TRAP_OUT_OF_MEMORY;
    memcpy(tern_object_fields(object), from, (size_t)n << layout->elem_log2);
    slots[0] = ref_of_object(object);
    return TRAP_NONE;
}

static u64 elem_count(const Instance *instance, u32 index)
{
    return instance->elem_dropped[index] ? 0 : instance->module->elems[index].n;
}

/* n elements of the segment from number `from` on, which exist, to the array. */
static TrapCode copy_elems(Exec *x, GcObject *object, u32 at, u32 index, u32 from, u32 n)
{
    const ElemSegment *segment = &x->instance->module->elems[index];
    Ref *to = (Ref *)(void *)tern_object_fields(object) + at;
    for (u32 i = 0; i < n; i++) {
        TrapCode code = tern_instance_elem(x->instance, segment, from + i, &to[i]);
        if (code != TRAP_NONE) return code;
    }
    return TRAP_NONE;
}

TrapCode tern_builtin_array_new_elem(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    u32 from = (u32)slots[0], n = (u32)slots[1];
    if (!range_ok(from, n, elem_count(x->instance, imm2))) return TRAP_TABLE_BOUNDS;
    if (tern_gc_layout(x->store, imm1) == NULL) return TRAP_OUT_OF_MEMORY;
    x->top = slots;
    GcObject *object = tern_array_alloc(x->store, imm1, n);
    if (object == NULL) return TRAP_OUT_OF_MEMORY;
    slots[0] = ref_of_object(object);
    return copy_elems(x, object, 0, imm2, from, n);
}

/* array.init_*: array, at, from, n. */
TrapCode tern_builtin_array_init_data(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm1;
    GcObject *object = ref_object(slots[0]);
    if (object == NULL) return TRAP_NULL_ARRAY;
    u32 at = (u32)slots[1], n = (u32)slots[3], log2 = elem_log2(x, object);
    if (!range_ok(at, n, object->length)) return TRAP_ARRAY_BOUNDS;
    const u8 *from = data_range(x->instance, imm2, slots[2], n, log2);
    if (from == NULL) return data_bounds(x);
    memcpy(tern_object_fields(object) + ((size_t)at << log2), from, (size_t)n << log2);
    return TRAP_NONE;
}

TrapCode tern_builtin_array_init_elem(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm1;
    GcObject *object = ref_object(slots[0]);
    if (object == NULL) return TRAP_NULL_ARRAY;
    u32 at = (u32)slots[1], from = (u32)slots[2], n = (u32)slots[3];
    if (!range_ok(at, n, object->length)) return TRAP_ARRAY_BOUNDS;
    if (!range_ok(from, n, elem_count(x->instance, imm2))) return TRAP_TABLE_BOUNDS;
    return copy_elems(x, object, at, imm2, from, n);
}

/* --- whole arrays ----------------------------------------------------------------------------------- */

/* array, at, value, n. */
TrapCode tern_builtin_array_fill(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm1, (void)imm2;
    GcObject *object = ref_object(slots[0]);
    if (object == NULL) return TRAP_NULL_ARRAY;
    u32 log2 = elem_log2(x, object), at = (u32)slots[1], n = (u32)slots[log2 == 4 ? 4 : 3];
    if (!range_ok(at, n, object->length)) return TRAP_ARRAY_BOUNDS;
    tern_array_fill(object, log2, at, &slots[2], n);
    return TRAP_NONE;
}

/* to, at, from, from at, n. */
TrapCode tern_builtin_array_copy(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm1, (void)imm2;
    GcObject *to = ref_object(slots[0]), *from = ref_object(slots[2]);
    if (to == NULL || from == NULL) return TRAP_NULL_ARRAY;
    u32 at = (u32)slots[1], from_at = (u32)slots[3], n = (u32)slots[4], log2 = elem_log2(x, to);
    if (!range_ok(at, n, to->length) || !range_ok(from_at, n, from->length)) return TRAP_ARRAY_BOUNDS;
    memmove(tern_object_fields(to) + ((size_t)at << log2), tern_object_fields(from) + ((size_t)from_at << log2),
            (size_t)n << log2);
    return TRAP_NONE;
}
