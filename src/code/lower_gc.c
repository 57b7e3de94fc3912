/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_gc.c - structures, arrays, casts and descriptors.
 *
 * Accesses and casts are handlers with operand slots; what allocates or touches many elements is a builtin.
 * Field offsets and type ids are known here, so no instruction looks a type up to find them.
 */
#include "code/lower.h"
#include "runtime/builtins.h"
#include "runtime/gc_heap.h"

static u32 type_id(const Lower *l, u32 type_index)
{
    return l->module->types[type_index];
}

static const DefType *def_of(const Lower *l, u32 type_index)
{
    return tern_types_get(l->module->registry, type_id(l, type_index));
}

/* Emits an instruction whose result goes to the next home and pushes it. */
static bool emit_result(Lower *l, Ins ins, u8 code)
{
    ins.kd = PLACE_SLOT;
    ins.acc = (u8)lower_acc_class(code);
    ins.d = lower_next_home(l);
    ins.ncells = (u8)lower_cells(code);
    return lower_emit(l, ins) && lower_push_temp(l, code, l->f->ins.n - 1);
}

/* --- accesses --------------------------------------------------------------------------------------- */

/* The handlers that access a field or element of a storage type. */
typedef struct Access {
    u8 code; /* VT_* on the stack */
    u16 struct_get, array_get, struct_set, array_set;
} Access;

static Access access_of(ValType t, bool is_signed)
{
#define ACCESS(c, get, set) \
    (Access){c, H_STRUCT_GET_##get##_S, H_ARRAY_GET_##get, H_STRUCT_SET_##set, H_ARRAY_SET_##set}
    switch (vt_code(t)) {
    case VT_I8: return is_signed ? ACCESS(VT_I32, I8_S, I8) : ACCESS(VT_I32, I8_U, I8);
    case VT_I16: return is_signed ? ACCESS(VT_I32, I16_S, I16) : ACCESS(VT_I32, I16_U, I16);
    case VT_I32: return ACCESS(VT_I32, I32, I32);
    case VT_I64: return ACCESS(VT_I64, I64, I64);
    case VT_F32: return ACCESS(VT_F32, F32, I32);
    case VT_F64: return ACCESS(VT_F64, F64, I64);
    case VT_V128: return (Access){VT_V128, H_STRUCT_GET_V128, H_ARRAY_GET_V128, H_STRUCT_SET_V128, H_ARRAY_SET_V128};
    default: return ACCESS(VT_REF, I64, I64);
    }
#undef ACCESS
}

static Ins plain(u32 op)
{
    return (Ins){.op = (u16)op, .kd = PLACE_NONE, .acc = ACC_NONE};
}

static bool struct_access(Lower *l, const Insn *in)
{
    const FieldType *field = &def_of(l, in->index)->u.strct.fields[in->index2];
    Access access = access_of(field->type, in->op == OP_STRUCT_GET_S);
    u64 offset = sizeof(GcObject) + field->offset;
    if (in->op == OP_STRUCT_SET) {
        Val v = *lower_pop(l), object = *lower_pop(l);
        if (!lower_readable(l, &object) || !lower_readable(l, &v)) return false;
        Ins ins = plain(access.struct_set);
        ins.imm = offset;
        lower_use_slot(&object, &ins.k1, &ins.s1);
        lower_use_slot(&v, &ins.k3, &ins.s3);
        return lower_emit(l, ins);
    }
    Val object = *lower_pop(l);
    if (!lower_readable(l, &object)) return false;
    Ins ins = {.op = access.struct_get, .imm = offset};
    if (access.code == VT_V128) {
        lower_use_slot(&object, &ins.k1, &ins.s1);
    } else {
        ins.family = FAM_TEST;
        lower_use(l, &object, &ins.k1, &ins.s1);
    }
    return emit_result(l, ins, access.code);
}

static bool array_access(Lower *l, const Insn *in)
{
    Access access = access_of(def_of(l, in->index)->u.array.type, in->op == OP_ARRAY_GET_S);
    if (in->op == OP_ARRAY_SET) {
        Val v = *lower_pop(l), index = *lower_pop(l), object = *lower_pop(l);
        if (!lower_readable(l, &object) || !lower_readable(l, &index) || !lower_readable(l, &v)) return false;
        Ins ins = plain(access.array_set);
        lower_use_slot(&object, &ins.k1, &ins.s1);
        lower_use_slot(&index, &ins.k2, &ins.s2);
        lower_use_slot(&v, &ins.k3, &ins.s3);
        return lower_emit(l, ins);
    }
    Val index = *lower_pop(l), object = *lower_pop(l);
    if (!lower_readable(l, &object) || !lower_readable(l, &index)) return false;
    Ins ins = {.op = access.array_get};
    lower_use_slot(&object, &ins.k1, &ins.s1);
    lower_use_slot(&index, &ins.k2, &ins.s2);
    return emit_result(l, ins, access.code);
}

/* One operand, one result; the handler is the slot form of a pair. */
static bool unary(Lower *l, u32 op, u64 imm, u8 code)
{
    Val v = *lower_pop(l);
    if (!lower_readable(l, &v)) return false;
    Ins ins = {.family = FAM_TEST, .op = (u16)op, .imm = imm};
    lower_use(l, &v, &ins.k1, &ins.s1);
    return emit_result(l, ins, code);
}

static bool ref_eq(Lower *l)
{
    Val b = *lower_pop(l), a = *lower_pop(l);
    if (!lower_readable(l, &a) || !lower_readable(l, &b)) return false;
    Ins ins = {.family = FAM_VALUE, .op = OP_I64_EQ};
    lower_use_slot(&b, &ins.k2, &ins.s2);
    lower_use(l, &a, &ins.k1, &ins.s1);
    return emit_result(l, ins, VT_I32);
}

/* --- casts ------------------------------------------------------------------------------------------ */

/* What is on top stays there and is read more than once, so from a slot that was stored. */
static bool keep_top(Lower *l, Ins *ins)
{
    if (lower_top(l, 0)->kind == VAL_CONST && !lower_settle_top(l, 1)) return false;
    lower_barrier(l);
    ins->k1 = PLACE_SLOT;
    ins->s1 = lower_top(l, 0)->slot;
    return true;
}

/* The descriptor on top of the stack, where the instruction takes one. */
static bool pop_descriptor(Lower *l, Ins *ins)
{
    Val v = *lower_pop(l);
    if (!lower_readable(l, &v)) return false;
    lower_use_slot(&v, &ins->k2, &ins->s2);
    lower_barrier(l);
    return true;
}

static bool ref_cast(Lower *l, const Insn *in)
{
    bool has_desc = in->op == OP_REF_CAST_DESC_EQ || in->op == OP_REF_CAST_DESC_EQ_NULL;
    Ins ins = plain(has_desc ? H_REF_CAST_DESC : H_REF_CAST);
    ins.imm = has_desc ? vt_is_nullable(in->type) : in->type;
    if (has_desc && !pop_descriptor(l, &ins)) return false;
    return keep_top(l, &ins) && lower_emit(l, ins);
}

static bool br_on_cast(Lower *l, const Insn *in)
{
    bool has_desc = in->op == OP_BR_ON_CAST_DESC_EQ || in->op == OP_BR_ON_CAST_DESC_EQ_FAIL;
    bool on_fail = in->op == OP_BR_ON_CAST_FAIL || in->op == OP_BR_ON_CAST_DESC_EQ_FAIL;
    u16 when = has_desc ? H_BR_ON_DESC : H_BR_ON_CAST, unless = has_desc ? H_BR_ON_DESC_FAIL : H_BR_ON_CAST_FAIL;
    Ins ins = plain(on_fail ? unless : when);
    ins.imm = has_desc ? vt_is_nullable(in->type) : in->type;
    if (has_desc && !pop_descriptor(l, &ins)) return false;
    return keep_top(l, &ins) && lower_br_when(l, in->index, ins, on_fail ? when : unless);
}

/* --- builtins --------------------------------------------------------------------------------------- */

static bool builtin(Lower *l, Builtin which, u32 nargs, u32 imm1, u32 imm2)
{
    static const u8 ref = VT_REF;
    return lower_builtin_args(l, which, nargs, &ref, imm1, imm2);
}

static bool fixed_builtin(Lower *l, Builtin which, u32 imm1, u32 imm2)
{
    return builtin(l, which, tern_builtin_info[which].nargs, imm1, imm2);
}

static bool struct_new(Lower *l, const Insn *in, bool is_default, bool has_desc)
{
    u32 nfields = is_default ? 0 : def_of(l, in->index)->u.strct.nfields;
    return builtin(l, is_default ? BUILTIN_struct_new_default : BUILTIN_struct_new, nfields + has_desc,
                   type_id(l, in->index), has_desc);
}

bool lower_gc(Lower *l, const Insn *in)
{
    switch ((u32)in->op) {
    case OP_REF_EQ: return ref_eq(l);
    case OP_STRUCT_NEW: return struct_new(l, in, false, false);
    case OP_STRUCT_NEW_DEFAULT: return struct_new(l, in, true, false);
    case OP_STRUCT_NEW_DESC: return struct_new(l, in, false, true);
    case OP_STRUCT_NEW_DEFAULT_DESC: return struct_new(l, in, true, true);
    case OP_STRUCT_GET: case OP_STRUCT_GET_S: case OP_STRUCT_GET_U: case OP_STRUCT_SET:
        return struct_access(l, in);
    case OP_ARRAY_GET: case OP_ARRAY_GET_S: case OP_ARRAY_GET_U: case OP_ARRAY_SET:
        return array_access(l, in);
    case OP_ARRAY_LEN: return unary(l, H_ARRAY_LEN_S, 0, VT_I32);
    case OP_ARRAY_NEW: return fixed_builtin(l, BUILTIN_array_new, type_id(l, in->index), 0);
    case OP_ARRAY_NEW_DEFAULT: return fixed_builtin(l, BUILTIN_array_new_default, type_id(l, in->index), 0);
    case OP_ARRAY_NEW_FIXED:
        return builtin(l, BUILTIN_array_new_fixed, in->index2, type_id(l, in->index), in->index2);
    case OP_ARRAY_NEW_DATA:
        return fixed_builtin(l, BUILTIN_array_new_data, type_id(l, in->index), in->index2);
    case OP_ARRAY_NEW_ELEM:
        return fixed_builtin(l, BUILTIN_array_new_elem, type_id(l, in->index), in->index2);
    case OP_ARRAY_FILL: return fixed_builtin(l, BUILTIN_array_fill, type_id(l, in->index), 0);
    case OP_ARRAY_COPY: return fixed_builtin(l, BUILTIN_array_copy, type_id(l, in->index), 0);
    case OP_ARRAY_INIT_DATA:
        return fixed_builtin(l, BUILTIN_array_init_data, type_id(l, in->index), in->index2);
    case OP_ARRAY_INIT_ELEM:
        return fixed_builtin(l, BUILTIN_array_init_elem, type_id(l, in->index), in->index2);
    case OP_REF_TEST: case OP_REF_TEST_NULL: return unary(l, H_REF_TEST_S, in->type, VT_I32);
    case OP_REF_CAST: case OP_REF_CAST_NULL: case OP_REF_CAST_DESC_EQ: case OP_REF_CAST_DESC_EQ_NULL:
        return ref_cast(l, in);
    case OP_BR_ON_CAST: case OP_BR_ON_CAST_FAIL: case OP_BR_ON_CAST_DESC_EQ: case OP_BR_ON_CAST_DESC_EQ_FAIL:
        return br_on_cast(l, in);
    case OP_ANY_CONVERT_EXTERN: case OP_EXTERN_CONVERT_ANY: return true; /* the bits stay */
    case OP_REF_I31: return unary(l, H_REF_I31_S, 0, VT_REF);
    case OP_I31_GET_S: return unary(l, H_I31_GET_S_S, 0, VT_I32);
    case OP_I31_GET_U: return unary(l, H_I31_GET_U_S, 0, VT_I32);
    case OP_REF_GET_DESC: return unary(l, H_REF_GET_DESC_S, 0, VT_REF);
    default: return tern_diag_set(l->diag, DIAG_UNSUPPORTED, in->offset, DETAIL("%s", tern_op_info[in->op].text));
    }
}
