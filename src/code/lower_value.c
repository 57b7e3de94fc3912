/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_value.c - instructions with a fixed signature: numeric, constants, loads and stores. */
#include "code/lower.h"

static u8 code_of(u8 op_type)
{
    switch ((OpType)op_type) {
    case OT_i32: return VT_I32;
    case OT_i64:
    case OT_addr: return VT_I64;
    case OT_f32: return VT_F32;
    case OT_f64: return VT_F64;
    case OT_v128: return VT_V128;
    case OT_none: break;
    }
    return VT_NONE;
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

static bool unary(Lower *l, const OpInfo *info, Op op)
{
    Val a = lower_pop(l);
    u8 result = code_of(info->results[0]);
    if (op == OP_I32_EQZ && lower_is_fresh(l, &a)) { /* not of a comparison is another comparison */
        Ins *last = lower_last(l);
        if (last->family == FAM_VALUE && tern_op_info[last->op].shape == SHAPE_CMP2 &&
            tern_op_info[last->op].inverse != OP_NONE) {
            last->op = tern_op_info[last->op].inverse;
            return lower_push_temp(l, result, l->f->ins.n - 1);
        }
    }
    if (!lower_readable(l, &a)) return false;
    Ins ins = {.family = FAM_VALUE, .op = (u16)op};
    bool may_use_acc = info->is_hot && info->shape != SHAPE_NUM1T;
    if (may_use_acc) lower_use(l, &a, &ins.k1, &ins.s1);
    else lower_use_slot(l, &a, &ins.k1, &ins.s1);
    return emit_result(l, ins, result);
}

/* (a << constant) + b in one, when the shift was the last thing done. */
static bool fuse_shift_add(Lower *l, const Val *a, const Val *b)
{
    const Val *shift = lower_is_fresh(l, b) ? b : lower_is_fresh(l, a) ? a : NULL;
    if (shift == NULL) return false;
    const Val *other = shift == a ? b : a;
    Ins *last = lower_last(l);
    if (last->family != FAM_VALUE || last->op != OP_I32_SHL || last->k2 != PLACE_IMM || other->kind == VAL_CONST)
        return false;
    Ins fused = *last;
    lower_drop_last(l);
    fused.family = FAM_TEST;
    fused.op = H_SHLADD_S;
    fused.k2 = PLACE_SLOT;
    fused.s2 = other->slot;
    return emit_result(l, fused, VT_I32);
}

static bool is_commutative(const OpInfo *info)
{
    return info->shape == SHAPE_NUM2C;
}

static bool binary(Lower *l, const OpInfo *info, Op op)
{
    Val b = lower_pop(l), a = lower_pop(l);
    u8 result = code_of(info->results[0]);
    bool is_cmp = info->shape == SHAPE_CMP2;
    bool is_cold = !info->is_hot || info->shape == SHAPE_NUM2T;

    /* A constant belongs on the right. */
    if (a.kind == VAL_CONST && b.kind != VAL_CONST && (is_commutative(info) || is_cmp)) {
        Val t = a;
        a = b;
        b = t;
        if (is_cmp) op = (Op)info->swapped;
    }
    if (op == OP_I32_ADD && l->f->scratch == 0 && fuse_shift_add(l, &a, &b)) return true;

    Ins ins = {.family = FAM_VALUE, .op = (u16)op};
    bool a_is_imm = a.kind == VAL_CONST && b.kind != VAL_CONST && !is_cold && info->shape == SHAPE_NUM2 &&
                    lower_fits_imm(&a);
    if (!a_is_imm && !lower_readable(l, &a)) return false;
    if (lower_fits_imm(&b)) {
        ins.k2 = PLACE_IMM;
        ins.imm = b.bits;
    } else if (!lower_readable(l, &b)) {
        return false;
    }
    if (a_is_imm) {
        ins.k1 = PLACE_IMM;
        ins.imm = a.bits;
        lower_use_slot(l, &b, &ins.k2, &ins.s2);
        return emit_result(l, ins, result);
    }
    if (is_cold) {
        lower_use_slot(l, &a, &ins.k1, &ins.s1);
        if (ins.k2 != PLACE_IMM) lower_use_slot(l, &b, &ins.k2, &ins.s2);
        return emit_result(l, ins, result);
    }
    if (ins.k2 == PLACE_IMM) {
        lower_use(l, &a, &ins.k1, &ins.s1);
        return emit_result(l, ins, result);
    }
    /* One operand may come from the accumulator: the later one, most likely. */
    lower_use(l, &b, &ins.k2, &ins.s2);
    if (ins.k2 == PLACE_ACC) {
        if (is_commutative(info) || is_cmp) {
            ins.k1 = PLACE_ACC;
            ins.k2 = PLACE_SLOT;
            ins.s2 = a.slot;
            if (is_cmp) ins.op = tern_op_info[op].swapped;
        } else {
            ins.k1 = PLACE_SLOT;
            ins.s1 = a.slot;
        }
    } else {
        lower_use(l, &a, &ins.k1, &ins.s1);
    }
    return emit_result(l, ins, result);
}

/* --- memory --------------------------------------------------------------------------------------- */

/* Can the access use the fast forms: memory 0, 32-bit addresses and offset? */
static bool is_fast_access(const Lower *l, const Insn *in)
{
    return in->index == 0 && !l->module->memories[0].limits.is_64 && in->bits <= UINT32_MAX;
}

/* Fills the address of ins from a: folds an addition that was the last thing done. */
static void use_address(Lower *l, Ins *ins, const Val *a)
{
    ins->k2 = PLACE_NONE;
    if (lower_is_fresh(l, a) && l->f->scratch == 0) {
        Ins *last = lower_last(l);
        if (last->family == FAM_VALUE && last->op == OP_I32_ADD &&
            (last->k2 == PLACE_SLOT || last->k2 == PLACE_IMM)) {
            ins->k1 = last->k1;
            ins->k2 = last->k2;
            ins->s1 = last->s1;
            ins->s2 = last->s2;
            ins->imm2 = last->imm;
            lower_drop_last(l);
            return;
        }
    }
    lower_use(l, a, &ins->k1, &ins->s1);
}

static bool load(Lower *l, const Insn *in, const OpInfo *info)
{
    Val a = lower_pop(l);
    u8 result = code_of(info->results[0]);
    if (!lower_readable(l, &a)) return false;
    Ins ins = {.op = (u16)in->op, .off = in->bits, .index = in->index};
    if (is_fast_access(l, in)) {
        ins.family = FAM_LOAD;
        use_address(l, &ins, &a);
    } else {
        ins.family = FAM_LOAD_ANY;
        lower_use_slot(l, &a, &ins.k1, &ins.s1);
    }
    return emit_result(l, ins, result);
}

static bool store(Lower *l, const Insn *in)
{
    Val v = lower_pop(l), a = lower_pop(l);
    Ins ins = {.op = (u16)in->op, .off = in->bits, .index = in->index, .kd = PLACE_NONE, .acc = ACC_NONE};
    if (!lower_readable(l, &a)) return false;
    if (!is_fast_access(l, in)) {
        ins.family = FAM_STORE_ANY;
        if (!lower_readable(l, &v)) return false;
        lower_use_slot(l, &a, &ins.k1, &ins.s1);
        lower_use_slot(l, &v, &ins.k3, &ins.s3);
        return lower_emit(l, ins);
    }
    ins.family = FAM_STORE;
    if (lower_fits_imm(&v)) {
        ins.k3 = PLACE_IMM;
        ins.imm = v.bits;
        use_address(l, &ins, &a);
        return lower_emit(l, ins);
    }
    if (!lower_readable(l, &v)) return false;
    lower_use(l, &v, &ins.k3, &ins.s3);
    if (ins.k3 == PLACE_ACC) {
        ins.k1 = PLACE_SLOT;
        ins.s1 = a.slot;
        ins.k2 = PLACE_NONE;
    } else {
        use_address(l, &ins, &a);
    }
    return lower_emit(l, ins);
}

bool lower_value_op(Lower *l, const Insn *in)
{
    const OpInfo *info = &tern_op_info[in->op];
    switch ((OpShape)info->shape) {
    case SHAPE_NUM1:
    case SHAPE_NUM1T:
    case SHAPE_TEST1: return unary(l, info, in->op);
    case SHAPE_NUM2:
    case SHAPE_NUM2C:
    case SHAPE_NUM2T:
    case SHAPE_CMP2: return binary(l, info, in->op);
    case SHAPE_LOAD: return load(l, in, info);
    case SHAPE_STORE: return store(l, in);
    case SHAPE_CONST:
        if (in->op == OP_V128_CONST) break;
        return lower_push_const(l, code_of(info->results[0]), in->bits);
    case SHAPE_TYPED:
    case SHAPE_TYPED2:
    case SHAPE_MEMOP:
    case SHAPE_ATOMIC:
    case SHAPE_SPECIAL: break;
    }
    return tern_diag_set(l->diag, DIAG_UNSUPPORTED, in->offset, "%s", info->text);
}
