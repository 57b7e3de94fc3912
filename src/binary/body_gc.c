/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* body_gc.c - structures, arrays, casts and descriptors (spec 3.4.7 to 3.4.9; custom descriptors).
 *
 * Allocation gives exact types: a type without subtypes in the way is a subtype of the plain one,
 * so this costs nothing where the proposal is off.
 */
#include "binary/body.h"

#include <stdio.h>

/* --- structures and arrays ------------------------------------------------------------------ */

static u32 type_id(const Body *b, u32 type_index) { return b->module->types[type_index]; }

static const DefType *def_of(const Body *b, u32 type_index)
{
    return tern_types_get(b->module->registry, type_id(b, type_index));
}

/* A reference to the type with that index, which may be null: the operand of accesses. */
static bool pop_object(Body *b, u32 type_index)
{
    return pop(b, vt_concrete(type_id(b, type_index), true, false));
}

static bool is_packed(ValType t) { return t == VT_I8 || t == VT_I16; }
static ValType unpacked(ValType t) { return is_packed(t) ? VT_I32 : t; }

/* Plain accesses need an unpacked field, those with a sign a packed one. */
static bool check_packing(Body *b, ValType field, bool wants_packed)
{
    if (is_packed(field) == wants_packed) return true;
    return body_fail(b, DIAG_TYPE_MISMATCH, "%s needs %s field", tern_op_info[b->in.op].text,
                     wants_packed ? "a packed" : "an unpacked");
}

bool tern_body_type_struct_new(Body *b)
{
    const DefType *def = def_of(b, b->in.index);
    const StructType *strct = &def->u.strct;
    bool with_desc = b->in.op == OP_STRUCT_NEW_DESC || b->in.op == OP_STRUCT_NEW_DEFAULT_DESC;
    if (with_desc && def->descriptor == TYPE_NONE)
        return body_fail(b, DIAG_NEEDS_NO_DESCRIPTOR, NULL);
    if (!with_desc && def->descriptor != TYPE_NONE)
        return body_fail(b, DIAG_NEEDS_DESCRIPTOR, NULL);
    if (with_desc && !pop(b, vt_concrete(def->descriptor, true, true))) return false;

    bool is_default = b->in.op == OP_STRUCT_NEW_DEFAULT || b->in.op == OP_STRUCT_NEW_DEFAULT_DESC;
    for (u32 i = strct->nfields; i-- > 0;) {
        ValType field = unpacked(strct->fields[i].type);
        if (is_default && !vt_is_defaultable(field))
            return tern_body_fail_number(b, DIAG_FIELD_NOT_DEFAULTABLE, i);
        if (!is_default && !pop(b, field)) return false;
    }
    push(b, vt_concrete(def->id, false, true));
    return true;
}

bool tern_body_type_struct_access(Body *b)
{
    const FieldType *field = &def_of(b, b->in.index)->u.strct.fields[b->in.index2];
    if (b->in.op == OP_STRUCT_SET) {
        if (!field->is_mutable) return tern_body_fail_number(b, DIAG_IMMUTABLE_FIELD, b->in.index2);
        return pop(b, unpacked(field->type)) && pop_object(b, b->in.index);
    }
    if (!check_packing(b, field->type, b->in.op != OP_STRUCT_GET)) return false;
    if (!pop_object(b, b->in.index)) return false;
    push(b, unpacked(field->type));
    return true;
}

/* Arrays filled from a data segment hold numbers or vectors. */
static bool check_numeric(Body *b, ValType elem)
{
    return !vt_is_ref(elem) ||
           body_fail(b, DIAG_ARRAY_NOT_NUMERIC, "%s", tern_op_info[b->in.op].text);
}

static bool check_elems(Body *b, u32 segment, ValType elem)
{
    ValType from = b->module->elems[segment].type;
    if (matches(b, from, elem)) return true;
    char source[48], target[48];
    return body_fail(b, DIAG_TYPE_MISMATCH, "%s: elements of %s, array of %s",
                     tern_op_info[b->in.op].text, tern_types_name(from, source, sizeof source),
                     tern_types_name(elem, target, sizeof target));
}

/* n operands of one type, where n is the guest's: dead code may name any number of them. */
static bool pop_many(Body *b, ValType t, u32 n)
{
    for (; n > 0; n--) {
        if (b->sp == b->base && b->ctrl->unreachable) return true;
        if (!pop(b, t)) return false;
    }
    return true;
}

bool tern_body_type_array_new(Body *b)
{
    const DefType *def = def_of(b, b->in.index);
    ValType elem = unpacked(def->u.array.type);
    switch ((int)b->in.op) {
    case OP_ARRAY_NEW:
        if (!pop(b, VT_I32) || !pop(b, elem)) return false;
        break;
    case OP_ARRAY_NEW_DEFAULT:
        if (!vt_is_defaultable(elem)) return body_fail(b, DIAG_ARRAY_NOT_DEFAULTABLE, NULL);
        if (!pop(b, VT_I32)) return false;
        break;
    case OP_ARRAY_NEW_FIXED:
        if (!pop_many(b, elem, b->in.index2)) return false;
        break;
    case OP_ARRAY_NEW_DATA:
        if (!check_numeric(b, elem) || !pop(b, VT_I32) || !pop(b, VT_I32)) return false;
        break;
    case OP_ARRAY_NEW_ELEM:
        if (!check_elems(b, b->in.index2, elem) || !pop(b, VT_I32) || !pop(b, VT_I32)) return false;
        break;
    }
    push(b, vt_concrete(def->id, false, true));
    return true;
}

static bool check_mutable(Body *b, const FieldType *elem)
{
    return elem->is_mutable ||
           body_fail(b, DIAG_IMMUTABLE_ARRAY, "%s", tern_op_info[b->in.op].text);
}

bool tern_body_type_array_access(Body *b)
{
    const FieldType *elem = &def_of(b, b->in.index)->u.array;
    if (b->in.op == OP_ARRAY_SET)
        return check_mutable(b, elem) && pop(b, unpacked(elem->type)) && pop(b, VT_I32) &&
               pop_object(b, b->in.index);
    if (!check_packing(b, elem->type, b->in.op != OP_ARRAY_GET)) return false;
    if (!pop(b, VT_I32) || !pop_object(b, b->in.index)) return false;
    push(b, unpacked(elem->type));
    return true;
}

bool tern_body_type_array_bulk(Body *b)
{
    const Insn *in = &b->in;
    const FieldType *elem = &def_of(b, in->index)->u.array;
    if (!check_mutable(b, elem)) return false;
    switch ((int)in->op) {
    case OP_ARRAY_FILL:
        if (!pop(b, VT_I32) || !pop(b, unpacked(elem->type))) return false;
        break;
    case OP_ARRAY_COPY: {
        ValType from = def_of(b, in->index2)->u.array.type;
        if (from != elem->type &&
            (is_packed(from) || is_packed(elem->type) || !matches(b, from, elem->type)))
            return body_fail(b, DIAG_ARRAY_TYPES, NULL);
        if (!pop(b, VT_I32) || !pop(b, VT_I32) || !pop_object(b, in->index2)) return false;
        break;
    }
    case OP_ARRAY_INIT_DATA:
        if (!check_numeric(b, elem->type) || !pop(b, VT_I32) || !pop(b, VT_I32)) return false;
        break;
    case OP_ARRAY_INIT_ELEM:
        if (!check_elems(b, in->index2, elem->type) || !pop(b, VT_I32) || !pop(b, VT_I32))
            return false;
        break;
    }
    return pop(b, VT_I32) && pop_object(b, in->index);
}

/* --- casts ---------------------------------------------------------------------------------- */

static ValType top_of(const Body *b, ValType t)
{
    return vt_abstract(tern_types_top(b->module->registry, t), true);
}

/* "0" for the module's type 0, "any" for an abstract one. */
static void heap_name(const Body *b, ValType t, char *buf, size_t size)
{
    if (vt_is_concrete(t)) {
        u32 i = 0;
        while (i + 1 < b->module->ntypes && b->module->types[i] != vt_heap(t)) i++;
        snprintf(buf, size, "%u", i);
        return;
    }
    static const struct {
        HeapCode heap;
        const char *name;
    } names[] = {
        {HEAP_NOEXN, "noexn"},   {HEAP_NOFUNC, "nofunc"}, {HEAP_NOEXTERN, "noextern"},
        {HEAP_NONE, "none"},     {HEAP_FUNC, "func"},     {HEAP_EXTERN, "extern"},
        {HEAP_ANY, "any"},       {HEAP_EQ, "eq"},         {HEAP_I31, "i31"},
        {HEAP_STRUCT, "struct"}, {HEAP_ARRAY, "array"},   {HEAP_EXN, "exn"},
    };
    for (u32 i = 0; i < COUNT_OF(names); i++)
        if (vt_heap(t) == (u32)names[i].heap) snprintf(buf, size, "%s", names[i].name);
}

/* The descriptor operand that casts to target take: as exact as the target. */
static bool pop_descriptor(Body *b, ValType target)
{
    const DefType *def =
        vt_is_concrete(target) ? tern_types_get(b->module->registry, vt_heap(target)) : NULL;
    if (def == NULL || def->descriptor == TYPE_NONE) {
        char name[16] = "";
        heap_name(b, target, name, sizeof name);
        return body_fail(b, DIAG_NO_DESCRIPTOR, " %s does not have a descriptor", name);
    }
    return pop(b, vt_concrete(def->descriptor, true, vt_is_exact(target)));
}

/* The operand is anything of the target's hierarchy. */
bool tern_body_type_cast(Body *b)
{
    Op op = b->in.op;
    ValType target = b->in.type;
    bool with_desc = op == OP_REF_CAST_DESC_EQ || op == OP_REF_CAST_DESC_EQ_NULL;
    bool is_test = op == OP_REF_TEST || op == OP_REF_TEST_NULL;
    if (with_desc && !pop_descriptor(b, target)) return false;
    if (!pop(b, top_of(b, target))) return false;
    push(b, is_test ? VT_I32 : target);
    return true;
}

/* Is the cast from source to target one that can be asked for? Custom descriptors allow any within
 * one hierarchy, before only casts down were. */
static bool check_cast(Body *b, ValType source, ValType target)
{
    bool is_relaxed = b->d.features >> FEATURE_CUSTOM_DESCRIPTORS & 1;
    if (is_relaxed ? top_of(b, source) == top_of(b, target) : matches(b, target, source))
        return true;
    char from[48], to[48];
    return body_fail(b, DIAG_TYPE_MISMATCH, "%s from %s to %s", tern_op_info[b->in.op].text,
                     tern_types_name(source, from, sizeof from),
                     tern_types_name(target, to, sizeof to));
}

bool tern_body_type_br_on_cast(Body *b)
{
    Op op = b->in.op;
    ValType source = b->in.type2, target = b->in.type;
    bool with_desc = op == OP_BR_ON_CAST_DESC_EQ || op == OP_BR_ON_CAST_DESC_EQ_FAIL;
    bool on_fail = op == OP_BR_ON_CAST_FAIL || op == OP_BR_ON_CAST_DESC_EQ_FAIL;
    if (with_desc && !pop_descriptor(b, target)) return false;
    if (!check_cast(b, source, target) || !pop(b, source)) return false;
    /* Null goes with the target if that takes it: what remains is not null. */
    ValType rest = vt_is_nullable(target) ? vt_with_null(source, false) : source;
    if (!tern_body_type_br_carrying(b, on_fail ? rest : target)) return false;
    push(b, on_fail ? target : rest);
    return true;
}

bool tern_body_type_get_desc(Body *b)
{
    const DefType *def = def_of(b, b->in.index);
    if (def->descriptor == TYPE_NONE) return body_fail(b, DIAG_TYPE_WITHOUT_DESCRIPTOR, NULL);
    /* The descriptor is known as exactly as the object. */
    ValType exact = vt_concrete(def->id, true, true);
    bool is_exact = b->sp == b->base || matches(b, b->sp[-1], exact);
    if (!pop(b, is_exact ? exact : vt_concrete(def->id, true, false))) return false;
    push(b, vt_concrete(def->descriptor, false, is_exact));
    return true;
}
