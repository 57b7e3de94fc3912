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
static bool emit_result(Lower *l, Ins *ins, u8 code)
{
    ins->kd = PLACE_SLOT;
    ins->acc = (u8)lower_acc_class(code);
    ins->d = lower_next_home(l);
    ins->ncells = (u8)lower_cells(code);
    return lower_emit_ins(l, ins) && lower_push_temp(l, code, l->f->ins.n - 1);
}

/* A draft of family and op. */
static inline Ins *draft(Lower *l, Family family, Op op)
{
    Ins *ins = lower_draft(l);
    if (ins == NULL) return NULL;
    ins->family = (u8)family;
    ins->op = (u16)op;
    return ins;
}

bool lower_unary(Lower *l, const Insn *in)
{
    Op op = in->op;
    const OpInfo *info = &tern_op_info[op];
    Val *a = lower_pop(l);
    u8 result = code_of(info->results[0]);
    if (op == OP_I32_EQZ && lower_is_fresh(l, a)) { /* not of a comparison is another comparison */
        Ins *last = lower_last(l);
        if (last->family == FAM_VALUE && tern_op_info[last->op].shape == SHAPE_CMP2 &&
            tern_op_info[last->op].inverse != OP_NONE) {
            last->op = tern_op_info[last->op].inverse;
            return lower_push_temp(l, result, l->f->ins.n - 1);
        }
    }
    if (!lower_readable(l, a)) return false;
    Ins *ins = draft(l, FAM_VALUE, op);
    if (ins == NULL) return false;
    bool may_use_acc = info->is_hot && info->shape != SHAPE_NUM1T;
    if (may_use_acc) lower_use(l, a, &ins->k1, &ins->s1);
    else lower_use_slot(a, &ins->k1, &ins->s1);
    return emit_result(l, ins, result);
}

/* (a << constant) + b. */
static bool joins_shift(const Lower *l, Op op)
{
    const Ins *last = lower_last(l);
    return op == OP_I32_ADD && last->family == FAM_VALUE && last->op == OP_I32_SHL && last->k2 == PLACE_IMM;
}

static bool join_shift(Lower *l, const Val *other)
{
    Ins fused = *lower_last(l);
    lower_drop_last(l);
    fused.family = FAM_TEST;
    fused.op = H_SHLADD_S;
    fused.k2 = PLACE_SLOT;
    fused.s2 = other->slot;
    return emit_result(l, &fused, VT_I32);
}

/* Takes the last instruction back as if it had not been, so that what the accumulator held before can be used. Only
 * while nothing else was done since. */
static Ins take_back(Lower *l)
{
    Ins last = *lower_last(l);
    AccState before = l->before_last;
    lower_drop_last(l);
    l->acc[last.acc] = before;
    return last;
}

/* Of a and b, the one computed by the last instruction, or NULL. */
static const Val *fresh_of(const Lower *l, const Val *a, const Val *b)
{
    return lower_is_fresh(l, b) ? b : lower_is_fresh(l, a) ? a : NULL;
}

/* Emits ins, which does what the last instruction did and more; it keeps that one's position, as it traps where that
 * would. other is the operand that it did not have. */
static bool emit_merged(Lower *l, Ins ins, const Val *other, u8 result)
{
    u32 offset = ins.offset;
    lower_use(l, other, &ins.k3, &ins.s3);
    if (!emit_result(l, &ins, result)) return false;
    lower_last(l)->offset = offset;
    return true;
}

/* Does slot 1 of the last instruction hold what it reads? Also if it reads the accumulator, unless the value was left
 * only there. */
static bool reads_slot(const Lower *l, const Ins *last)
{
    if (last->k1 != PLACE_ACC) return last->k1 == PLACE_SLOT;
    const AccState *acc = last->acc == ACC_INT ? &l->before_last : &l->acc[ACC_INT];
    return acc->is_valid && acc->slot == last->s1;
}

/* The operand that was just loaded becomes part of the operation. */
static bool merges_load(const Lower *l, Op op, u8 code)
{
    const Ins *last = lower_last(l);
    if (last->family != FAM_LOAD || last->k2 == PLACE_SLOT || !tern_ins_has_loaded(op)) return false;
    Op load = code == VT_I32 ? OP_I32_LOAD : code == VT_F32 ? OP_F32_LOAD : OP_F64_LOAD;
    return last->op == load && reads_slot(l, last);
}

static bool merge_load(Lower *l, Op op, u8 code, const Val *other)
{
    Ins ins = take_back(l);
    if (ins.k2 == PLACE_NONE) ins.imm2 = 0;
    ins.family = FAM_LOADED;
    ins.op = (u16)op;
    return emit_merged(l, ins, other, code);
}

/* x + y or x ^ y, where the operand just loaded is a byte: the handler, or H_NONE. */
static Handler byte_handler(const Lower *l, Op op)
{
    if (op != OP_I32_ADD && op != OP_I32_XOR) return H_NONE;
    const Ins *last = lower_last(l);
    if (last->family != FAM_LOAD || last->op != OP_I32_LOAD8_U || !reads_slot(l, last)) return H_NONE;
    bool is_sum = last->k2 == PLACE_SLOT;
    if (op == OP_I32_ADD) return is_sum ? H_I32_ADD_LOAD8_U_SS_S_S : H_I32_ADD_LOAD8_U_SI_S_S;
    return is_sum ? H_I32_XOR_LOAD8_U_SS_S_S : H_I32_XOR_LOAD8_U_SI_S_S;
}

static bool merge_byte(Lower *l, Handler handler, const Val *other)
{
    Ins ins = take_back(l);
    if (ins.k2 == PLACE_NONE) ins.imm2 = 0;
    ins.family = FAM_AT;
    ins.op = (u16)handler;
    return emit_merged(l, ins, other, VT_I32);
}

/* x ^ (y moved by a constant): the handler, or H_NONE. */
static Handler moved_handler(const Lower *l, Op op)
{
    if (op != OP_I32_XOR) return H_NONE;
    const Ins *last = lower_last(l);
    if (last->family != FAM_VALUE || last->k2 != PLACE_IMM || !reads_slot(l, last)) return H_NONE;
    return last->op == OP_I32_SHL ? H_XOR_SHL_S_S : last->op == OP_I32_SHR_U ? H_XOR_SHR_S_S
         : last->op == OP_I32_ROTL ? H_XOR_ROTL_S_S : H_NONE;
}

static bool merge_moved(Lower *l, Handler handler, const Val *other)
{
    Ins ins = take_back(l);
    ins.family = FAM_MOVED;
    ins.op = (u16)handler;
    return emit_merged(l, ins, other, VT_I32);
}

/* (a >> constant) & constant, or (a + constant) & constant. */
static bool makes_field(const Lower *l, Op op)
{
    const Ins *last = lower_last(l);
    return op == OP_I32_AND && last->family == FAM_VALUE && (last->op == OP_I32_SHR_U || last->op == OP_I32_ADD) &&
           last->k2 == PLACE_IMM;
}

static bool merge_field(Lower *l, const Val *mask)
{
    Ins last = *lower_last(l);
    lower_drop_last(l);
    Ins ins = {.family = FAM_MOVED, .op = last.op == OP_I32_ADD ? H_ADD_AND_S_S : H_FIELD_S_S, .k3 = last.k1, .s3 = last.s1,
               .imm = last.imm, .imm2 = (u32)mask->bits};
    return emit_result(l, &ins, VT_I32);
}

/* The product that was just computed and another operand: the handler, or H_NONE. */
static Handler product_handler(const Lower *l, Op op, bool is_second)
{
    if (op != OP_F64_ADD && op != OP_F64_SUB) return H_NONE;
    const Ins *last = lower_last(l);
    if (last->family != FAM_VALUE || last->op != OP_F64_MUL || last->k2 != PLACE_SLOT) return H_NONE;
    return op == OP_F64_ADD ? H_F64_MUL_ADD_S_S : is_second ? H_F64_MUL_RSUB_S_S : H_F64_MUL_SUB_S_S;
}

static bool is_product_of_slots(const Ins *ins)
{
    return ins->family == FAM_VALUE && ins->op == OP_F64_MUL && ins->k1 == PLACE_SLOT && ins->k2 == PLACE_SLOT;
}

static bool merge_product(Lower *l, Handler handler, const Val *other)
{
    Ins last = *lower_last(l);
    lower_drop_last(l);
    if (handler != H_F64_MUL_SUB_S_S && is_product_of_slots(&last) && lower_is_fresh(l, other) &&
        is_product_of_slots(lower_last(l))) { /* the third value is a product, too */
        Ins both = *lower_last(l);
        lower_drop_last(l);
        both.family = FAM_SUM;
        both.op = handler == H_F64_MUL_ADD_S_S ? H_F64_MUL_MUL_ADD_S : H_F64_MUL_MUL_SUB_S;
        both.s3 = last.s1;
        both.index = last.s2;
        return emit_result(l, &both, VT_F64);
    }
    Ins ins = {.family = FAM_MOVED, .op = (u16)handler, .k3 = last.k1, .s3 = last.s1, .s2 = last.s2, .s1 = other->slot};
    return emit_result(l, &ins, VT_F64);
}

/* The same with a product of something and what was loaded. */
static Handler loaded_product_handler(const Lower *l, Op op, bool is_second)
{
    if (op != OP_F64_ADD && (op != OP_F64_SUB || !is_second)) return H_NONE;
    const Ins *last = lower_last(l);
    if (last->family != FAM_LOADED || last->op != OP_F64_MUL) return H_NONE;
    return op == OP_F64_ADD ? H_F64_MUL_LOAD_ADD_S_S : H_F64_MUL_LOAD_RSUB_S_S;
}

static bool merge_loaded_product(Lower *l, Handler handler, const Val *other)
{
    Ins ins = take_back(l);
    u32 offset = ins.offset;
    ins.family = FAM_AT;
    ins.op = (u16)handler;
    ins.s2 = other->slot;
    if (!emit_result(l, &ins, VT_F64)) return false;
    lower_last(l)->offset = offset;
    return true;
}

/* A product with a constant that is no immediate. */
static bool is_wide_product(const Lower *l, Op op, const Val *a, const Val *b)
{
    return TERN_FAST && op == OP_I64_MUL && !lowered_has_scratch(l->f) && a->kind != VAL_CONST && b->kind == VAL_CONST &&
           !lower_fits_imm(b);
}

static bool wide_product(Lower *l, const Val *a, const Val *b)
{
    Ins ins = {.family = FAM_MOVED, .op = H_I64_MUL_CONST_S_S, .imm = b->bits};
    lower_use(l, a, &ins.k3, &ins.s3);
    return emit_result(l, &ins, VT_I64);
}

/* A sum of the accumulator and a slot that stays in the accumulator, and this sum of it and another slot. */
static bool makes_sum(const Lower *l, Op op, const Ins *ins)
{
    if ((op != OP_F32_ADD && op != OP_F64_ADD) || l->f->scratch != 0 || l->f->ins.n <= l->barrier) return false;
    const Ins *last = lower_last(l);
    return ins->k1 == PLACE_ACC && ins->k2 == PLACE_SLOT && last->family == FAM_VALUE && last->op == op &&
           last->kd == PLACE_ACC && last->k1 == PLACE_ACC && last->k2 == PLACE_SLOT;
}

static bool merge_sum(Lower *l, Op op, const Ins *ins, u8 code)
{
    Ins sum = {.family = FAM_SUM, .op = op == OP_F32_ADD ? H_F32_SUM_S : H_F64_SUM_S, .s2 = lower_last(l)->s2,
               .s3 = ins->s2};
    lower_drop_last(l);
    return emit_result(l, &sum, code);
}

/* Makes b, a v128.const that was the last thing done, the immediate operand. */
static bool fold_vector_const(Lower *l, const Val *b, Ins *ins)
{
    if (b->code != VT_V128 || !lower_is_fresh(l, b)) return false;
    const Ins *last = lower_last(l);
    if (last->family != FAM_PLAIN || last->op != H_CONST_V128) return false;
    ins->k2 = PLACE_IMM;
    ins->imm = last->imm;
    ins->off = last->off;
    lower_drop_last(l);
    l->acc[ACC_V128] = l->before_const;
    return true;
}

/* The relaxed madd rounds twice here, so that an addition of the product that was the last thing done is one. */
static bool fuse_multiply_add(Lower *l, Op op, const Val *other, bool is_second)
{
    bool is_sub = op == OP_F32X4_SUB || op == OP_F64X2_SUB, is_f32 = op == OP_F32X4_ADD || op == OP_F32X4_SUB;
    if (!is_sub && !is_f32 && op != OP_F64X2_ADD) return false;
    if (is_sub && !is_second) return false;
    Ins ins = *lower_last(l);
    if (ins.family != FAM_VALUE || ins.op != (is_f32 ? OP_F32X4_MUL : OP_F64X2_MUL) || ins.k2 != PLACE_SLOT)
        return false;
    lower_drop_last(l);
    if (ins.k1 == PLACE_ACC) {
        ins.k1 = PLACE_SLOT;
        ins.s1 = ins.s2;
        ins.k2 = PLACE_ACC;
    }
    ins.s3 = other->slot;
    ins.k3 = PLACE_SLOT;
    ins.op = is_f32 ? (is_sub ? OP_F32X4_RELAXED_NMADD : OP_F32X4_RELAXED_MADD)
                    : (is_sub ? OP_F64X2_RELAXED_NMADD : OP_F64X2_RELAXED_MADD);
    return emit_result(l, &ins, VT_V128);
}

static bool is_commutative(const OpInfo *info)
{
    return info->shape == SHAPE_NUM2C;
}

/* Is there a form whose second operand is a constant (IMMEDIATE in handlers.def)? */
static bool has_immediate(const OpInfo *info)
{
    return TERN_FAST || (info->shape != SHAPE_NUM2T && info->args[1] <= OT_i64);
}

/* Makes the operation and the last instruction, which computed the operand fresh, one, if there is one for both. */
static bool join_last(Lower *l, Op op, u8 result, const Val *other, bool is_second, bool *is_joined)
{
    *is_joined = true;
    if (l->f->scratch == 0 && other->kind != VAL_CONST) {
        if (joins_shift(l, op)) return join_shift(l, other);
        if (merges_load(l, op, result)) return merge_load(l, op, result, other);
        Handler moved = moved_handler(l, op);
        if (moved != H_NONE) return merge_moved(l, moved, other);
        Handler product = product_handler(l, op, is_second);
        if (product != H_NONE) return merge_product(l, product, other);
        Handler byte = byte_handler(l, op);
        if (byte != H_NONE) return merge_byte(l, byte, other);
        Handler loaded_product = loaded_product_handler(l, op, is_second);
        if (loaded_product != H_NONE) return merge_loaded_product(l, loaded_product, other);
    } else if (l->f->scratch == 0 && !is_second && makes_field(l, op)) {
        return merge_field(l, other);
    }
    if (TERN_SIMD && result == VT_V128 && fuse_multiply_add(l, op, other, is_second)) return true;
    *is_joined = false;
    return false;
}

bool lower_binary(Lower *l, const Insn *in)
{
    Op op = in->op;
    const OpInfo *info = &tern_op_info[op];
    Val *b = lower_pop(l), *a = lower_pop(l);
    u8 result = code_of(info->results[0]);
    bool is_cmp = info->shape == SHAPE_CMP2;
    bool is_cold = !info->is_hot || info->shape == SHAPE_NUM2T;

    /* A constant belongs on the right. */
    if (a->kind == VAL_CONST && b->kind != VAL_CONST && (is_commutative(info) || is_cmp)) {
        Val *t = a;
        a = b;
        b = t;
        if (is_cmp) op = (Op)info->swapped;
    }
    const Val *fresh = fresh_of(l, a, b);
    if (fresh != NULL) {
        bool is_joined, ok = join_last(l, op, result, fresh == a ? b : a, fresh == b, &is_joined);
        if (is_joined) return ok;
    }
    if (is_wide_product(l, op, a, b)) return wide_product(l, a, b);
    if (TERN_SIMD && info->is_hot && !info->is_vec && b->code == VT_V128) {
        Ins ins = {.family = FAM_VALUE, .op = (u16)op};
        if (fold_vector_const(l, b, &ins)) {
            lower_use(l, a, &ins.k1, &ins.s1);
            return emit_result(l, &ins, result);
        }
    }
    bool a_is_imm = a->kind == VAL_CONST && b->kind != VAL_CONST && !is_cold && info->shape == SHAPE_NUM2 &&
                    lower_fits_imm(a);
    if (!a_is_imm && !lower_readable(l, a)) return false;
    bool b_is_imm = has_immediate(info) && lower_fits_imm(b);
    if (!b_is_imm && !lower_readable(l, b)) return false;
    Ins *ins = draft(l, FAM_VALUE, op);
    if (ins == NULL) return false;
    if (b_is_imm) {
        ins->k2 = PLACE_IMM;
        ins->imm = b->bits;
        if (is_cold) lower_use_slot(a, &ins->k1, &ins->s1);
        else lower_use(l, a, &ins->k1, &ins->s1);
        return emit_result(l, ins, result);
    }
    if (a_is_imm) {
        ins->k1 = PLACE_IMM;
        ins->imm = a->bits;
        lower_use_slot(b, &ins->k2, &ins->s2);
        return emit_result(l, ins, result);
    }
    if (is_cold) {
        lower_use_slot(a, &ins->k1, &ins->s1);
        lower_use_slot(b, &ins->k2, &ins->s2);
        return emit_result(l, ins, result);
    }
    if (info->args[0] != info->args[1]) { /* a vector's shift */
        lower_use_slot(b, &ins->k2, &ins->s2);
        lower_use(l, a, &ins->k1, &ins->s1);
        return emit_result(l, ins, result);
    }
    /* One operand may come from the accumulator: the later one, most likely. */
    lower_use(l, b, &ins->k2, &ins->s2);
    if (ins->k2 != PLACE_ACC) {
        lower_use(l, a, &ins->k1, &ins->s1);
    } else if (is_commutative(info) || is_cmp) {
        ins->k1 = PLACE_ACC;
        ins->k2 = PLACE_SLOT;
        ins->s2 = a->slot;
        if (is_cmp) ins->op = tern_op_info[op].swapped;
    } else {
        ins->k1 = PLACE_SLOT;
        ins->s1 = a->slot;
    }
    return makes_sum(l, op, ins) ? merge_sum(l, op, ins, result) : emit_result(l, ins, result);
}

/* --- vectors and wide integers ----------------------------------------------------------------------- */

/* The sixteen bytes after the opcode, as two fields that keep their order in memory. */
static void set_vector(Ins *ins, const Insn *in)
{
    memcpy(&ins->imm, in->vec.bytes, 8);
    memcpy(&ins->off, in->vec.bytes + 8, 8);
}

static bool const_v128(Lower *l, const Insn *in)
{
    Ins ins = {.op = H_CONST_V128};
    set_vector(&ins, in);
    l->before_const = l->acc[ACC_V128];
    return emit_result(l, &ins, VT_V128);
}

/* Does the shuffle move four bytes at a time? Their numbers in the frame. */
static bool moves_quarters(const u8 *lanes, const Val *a, const Val *b, u32 *from)
{
    for (u32 i = 0; i < 16; i++) {
        u32 first = lanes[i & ~3u];
        if (first % 4 != 0 || lanes[i] != first + i % 4) return false;
        from[i / 4] = 2 * (first < 16 ? a : b)->slot + first % 16 / 4;
    }
    return true;
}

static bool shuffle(Lower *l, const Insn *in)
{
    Val b = *lower_pop(l), a = *lower_pop(l);
    u32 from[4];
    if (moves_quarters(in->vec.bytes, &a, &b, from)) {
        bool is_splat = from[0] == from[1] && from[1] == from[2] && from[2] == from[3];
        Ins quarters = {.op = is_splat ? H_SPLAT32 : H_SHUFFLE32, .imm = from[0], .imm2 = from[1],
                        .index = from[2], .off = from[3]};
        return emit_result(l, &quarters, VT_V128);
    }
    Ins ins = {.family = FAM_VALUE, .op = (u16)in->op, .s1 = a.slot, .s2 = b.slot};
    set_vector(&ins, in);
    return emit_result(l, &ins, VT_V128);
}

static bool ternary(Lower *l, const Insn *in)
{
    Val c = *lower_pop(l), b = *lower_pop(l), a = *lower_pop(l);
    Ins ins = {.family = FAM_VALUE, .op = (u16)in->op, .s1 = a.slot, .k2 = PLACE_SLOT, .s2 = b.slot};
    lower_use(l, &c, &ins.k3, &ins.s3);
    if (ins.k3 != PLACE_ACC) lower_use(l, &b, &ins.k2, &ins.s2);
    return emit_result(l, &ins, VT_V128);
}

static bool extract_lane(Lower *l, const Insn *in, const OpInfo *info)
{
    Val a = *lower_pop(l);
    Ins ins = {.family = FAM_VALUE, .op = (u16)in->op, .imm = in->lane};
    lower_use(l, &a, &ins.k1, &ins.s1);
    return emit_result(l, &ins, code_of(info->results[0]));
}

static bool replace_lane(Lower *l, const Insn *in)
{
    Val b = *lower_pop(l), a = *lower_pop(l);
    Ins ins = {.family = FAM_VALUE, .op = (u16)in->op, .imm = in->lane, .k1 = PLACE_SLOT, .s1 = a.slot};
    if (!lower_readable(l, &b)) return false;
    lower_use(l, &b, &ins.k2, &ins.s2);
    if (ins.k2 != PLACE_ACC) lower_use(l, &a, &ins.k1, &ins.s1);
    return emit_result(l, &ins, VT_V128);
}

/* Both results lie in consecutive cells, where the operands' homes were. */
static bool wide(Lower *l, const Insn *in, const OpInfo *info)
{
    Val v[OP_MAX_ARGS];
    for (u32 i = info->nargs; i-- > 0;) v[i] = *lower_pop(l);
    for (u32 i = 0; i < info->nargs; i++)
        if (!lower_readable(l, &v[i])) return false;
    Ins ins = {.family = FAM_VALUE, .op = (u16)in->op, .kd = PLACE_SLOT, .acc = ACC_NONE, .ncells = 2,
               .d = lower_next_home(l), .s1 = v[0].slot, .s2 = v[1].slot};
    if (info->nargs == 4) {
        ins.s3 = v[2].slot;
        ins.index = v[3].slot;
    }
    return lower_emit(l, ins) && lower_push_temp(l, VT_I64, NO_INS) && lower_push_temp(l, VT_I64, NO_INS);
}

/* --- memory --------------------------------------------------------------------------------------- */

/* Can the access use the fast forms: memory 0, 32-bit addresses and offset? */
static bool is_fast_access(const Lower *l, const Insn *in)
{
    return in->index == 0 && !limits_is_64(&l->module->memories[0].limits) && in->bits <= UINT32_MAX;
}

/* An address that is constant: the offset from a slot that holds zero. */
static bool has_constant_address(const Lower *l, const Insn *in, const Val *a)
{
    return a->kind == VAL_CONST && l->f->scratch == 0 && a->bits + in->bits <= UINT32_MAX;
}

static void use_constant_address(Lower *l, Ins *ins, const Val *a)
{
    l->f->uses_zero = true;
    ins->k1 = PLACE_SLOT;
    ins->k2 = PLACE_NONE;
    ins->s1 = l->zero;
    ins->off += a->bits;
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
            ins->imm2 = (u32)last->imm;
            lower_drop_last(l);
            return;
        }
    }
    lower_use(l, a, &ins->k1, &ins->s1);
}

/* A load from what the last instruction added and a local keeps. */
static bool joins_sum(const Lower *l, Op load, const Val *a)
{
    const AccState *acc = &l->acc[ACC_INT];
    if (!lower_may_join(l) || (load != OP_I32_LOAD && load != OP_I32_LOAD8_U && load != OP_F64_LOAD)) return false;
    if (a->kind != VAL_LOCAL || !acc->is_valid || acc->slot != a->slot || acc->prod != l->f->ins.n - 1) return false;
    const Ins *last = lower_last(l);
    return last->family == FAM_VALUE && last->op == OP_I32_ADD && last->kd == PLACE_SLOT && last->k1 == PLACE_SLOT &&
           last->k2 != PLACE_ACC;
}

static bool join_sum(Lower *l, Ins *ins, u8 result)
{
    const Ins *sum = lower_last(l);
    ins->family = FAM_LOAD_SUM;
    ins->s3 = sum->d;
    ins->s1 = sum->s1;
    ins->k2 = sum->k2;
    ins->s2 = sum->s2;
    ins->imm2 = (u32)sum->imm;
    lower_drop_last(l);
    return emit_result(l, ins, result);
}

static Handler scaled_handler(Op load)
{
    switch ((int)load) {
    case OP_I32_LOAD: return H_I32_LOAD_SCALED_S_S;
    case OP_I32_LOAD16_U: return H_I32_LOAD16_U_SCALED_S_S;
    case OP_I64_LOAD: return H_I64_LOAD_SCALED_S_S;
    case OP_F64_LOAD: return H_F64_LOAD_SCALED_S_S;
    }
    return H_NONE;
}

/* A load from what the last instruction made of a shifted number, kept by a local or not. */
static bool joins_scaled(const Lower *l, Op load, const Val *a)
{
    const AccState *acc = &l->acc[ACC_INT];
    if (!lower_may_join(l) || !acc->is_valid || acc->slot != a->slot || acc->prod != l->f->ins.n - 1) return false;
    const Ins *last = lower_last(l);
    if (last->kd != PLACE_SLOT || last->k1 == PLACE_IMM || scaled_handler(load) == H_NONE) return false;
    if (last->family == FAM_TEST) return last->op == H_SHLADD_S;
    return last->family == FAM_VALUE && last->op == OP_I32_SHL && last->k2 == PLACE_IMM;
}

static bool join_scaled(Lower *l, Ins *ins, u8 result)
{
    const Ins *sum = lower_last(l);
    bool has_base = sum->family == FAM_TEST;
    if (!has_base) l->f->uses_zero = true;
    ins->s1 = sum->d;
    ins->k3 = sum->k1;
    ins->s3 = sum->s1;
    ins->s2 = has_base ? sum->s2 : l->zero;
    ins->imm = sum->imm;
    ins->family = FAM_AT;
    ins->op = (u16)scaled_handler((Op)ins->op);
    lower_drop_last(l);
    return emit_result(l, ins, result);
}

/* A draft of the access, but for its operands. */
static Ins *draft_access(Lower *l, const Insn *in, Family family)
{
    Ins *ins = draft(l, family, in->op);
    if (ins == NULL) return NULL;
    ins->off = in->bits;
    ins->index = in->index;
    return ins;
}

bool lower_load(Lower *l, const Insn *in)
{
    Val *a = lower_pop(l);
    u8 result = code_of(tern_op_info[in->op].results[0]);
    bool is_fast = is_fast_access(l, in), is_constant = is_fast && has_constant_address(l, in, a);
    if (!is_constant && !lower_readable(l, a)) return false;
    Ins *ins = draft_access(l, in, is_fast ? FAM_LOAD : FAM_LOAD_ANY);
    if (ins == NULL) return false;
    if (is_constant) use_constant_address(l, ins, a);
    else if (!is_fast) lower_use_slot(a, &ins->k1, &ins->s1);
    else if (joins_sum(l, in->op, a)) return join_sum(l, ins, result);
    else if (joins_scaled(l, in->op, a)) return join_scaled(l, ins, result);
    else use_address(l, ins, a);
    return emit_result(l, ins, result);
}

/* The result of the last instruction, stored at a slot at once. */
static bool keeps_result(const Lower *l, Op store, const Val *v)
{
    if (l->f->scratch != 0 || !lower_is_fresh(l, v)) return false;
    const Ins *last = lower_last(l);
    if (last->family != FAM_VALUE) return false;
    if (store == OP_I32_STORE) return last->op == OP_I32_ADD;
    return store == OP_F64_STORE && last->k2 != PLACE_IMM && last->k1 != PLACE_IMM &&
           (last->op == OP_F64_ADD || last->op == OP_F64_SUB || last->op == OP_F64_MUL);
}

static bool keep_result(Lower *l, const Ins *store, const Val *a, bool is_constant)
{
    u64 off = store->off;
    u32 slot = is_constant ? store->s1 : a->slot;
    Ins ins = take_back(l);
    ins.family = FAM_KEPT;
    ins.s3 = slot;
    ins.off = off;
    ins.kd = PLACE_NONE;
    ins.acc = ACC_NONE;
    return lower_emit_ins(l, &ins);
}

/* The same of a product and a third value. */
static bool keeps_product(const Lower *l, Op store, const Val *v)
{
    if (lowered_has_scratch(l->f) || store != OP_F64_STORE || !lower_is_fresh(l, v)) return false;
    const Ins *last = lower_last(l);
    return last->family == FAM_MOVED && (last->op == H_F64_MUL_ADD_S_S || last->op == H_F64_MUL_RSUB_S_S);
}

static bool keep_product(Lower *l, const Ins *store, const Val *a, bool is_constant)
{
    u64 off = store->off;
    u32 slot = is_constant ? store->s1 : a->slot;
    Ins ins = take_back(l);
    ins.family = FAM_AT;
    ins.op = ins.op == H_F64_MUL_ADD_S_S ? H_F64_MUL_ADD_STORE_S : H_F64_MUL_RSUB_STORE_S;
    ins.index = slot;
    ins.off = off;
    ins.kd = PLACE_NONE;
    ins.acc = ACC_NONE;
    return lower_emit_ins(l, &ins);
}

bool lower_store(Lower *l, const Insn *in)
{
    Val *v = lower_pop(l), *a = lower_pop(l);
    bool is_fast = is_fast_access(l, in), is_constant = is_fast && has_constant_address(l, in, a);
    if (!is_constant && !lower_readable(l, a)) return false;
    bool is_imm = TERN_FAST && is_fast && lower_fits_imm(v);
    if (!is_imm && !lower_readable(l, v)) return false;
    Ins *ins = draft_access(l, in, is_fast ? FAM_STORE : FAM_STORE_ANY);
    if (ins == NULL) return false;
    ins->kd = PLACE_NONE;
    ins->acc = ACC_NONE;
    if (is_constant) use_constant_address(l, ins, a);
    if (!is_fast) {
        lower_use_slot(a, &ins->k1, &ins->s1);
        lower_use_slot(v, &ins->k3, &ins->s3);
    } else if (is_imm) {
        ins->k3 = PLACE_IMM;
        ins->imm = v->bits;
        if (!is_constant) use_address(l, ins, a);
    } else if (keeps_result(l, in->op, v)) {
        return keep_result(l, ins, a, is_constant);
    } else if (keeps_product(l, in->op, v)) {
        return keep_product(l, ins, a, is_constant);
    } else {
        lower_use(l, v, &ins->k3, &ins->s3);
        if (!is_constant && ins->k3 != PLACE_ACC) {
            use_address(l, ins, a);
        } else if (!is_constant) {
            lower_use_slot(a, &ins->k1, &ins->s1);
            ins->k2 = PLACE_NONE;
        }
    }
    return lower_emit_ins(l, ins);
}

/* A lane between memory and a vector: slots only. */
static bool access_lane(Lower *l, const Insn *in, const OpInfo *info)
{
    bool is_load = info->shape == SHAPE_LOADL, is_fast = is_fast_access(l, in);
    Val v = *lower_pop(l), a = *lower_pop(l);
    if (!lower_readable(l, &a)) return false;
    Ins ins = {.op = (u16)in->op, .off = in->bits, .index = in->index, .imm = in->lane, .kd = PLACE_NONE,
               .acc = ACC_NONE, .k2 = PLACE_NONE, .s1 = a.slot, .s3 = v.slot};
    ins.family = is_load ? (is_fast ? FAM_LOAD : FAM_LOAD_ANY) : (is_fast ? FAM_STORE : FAM_STORE_ANY);
    return is_load ? emit_result(l, &ins, VT_V128) : lower_emit(l, ins);
}

bool lower_const(Lower *l, const Insn *in)
{
    return lower_push_const(l, code_of(tern_op_info[in->op].results[0]), in->bits);
}

bool lower_value_op(Lower *l, const Insn *in)
{
    const OpInfo *info = &tern_op_info[in->op];
    switch ((OpShape)info->shape) {
    case SHAPE_NUM1:
    case SHAPE_NUM1T:
    case SHAPE_TEST1: return lower_unary(l, in);
    case SHAPE_NUM2:
    case SHAPE_NUM2C:
    case SHAPE_NUM2T:
    case SHAPE_CMP2: return lower_binary(l, in);
    case SHAPE_NUM3: return TERN_SIMD && ternary(l, in);
    case SHAPE_WIDE2:
    case SHAPE_WIDE4: return TERN_PROPOSALS && wide(l, in, info);
    case SHAPE_LANE1: return TERN_SIMD && extract_lane(l, in, info);
    case SHAPE_LANE2: return TERN_SIMD && replace_lane(l, in);
    case SHAPE_SHUFFLE: return TERN_SIMD && shuffle(l, in);
    case SHAPE_LOAD:
    case SHAPE_LOADX: return lower_load(l, in);
    case SHAPE_LOADL:
    case SHAPE_STOREL: return TERN_SIMD && access_lane(l, in, info);
    case SHAPE_STORE: return lower_store(l, in);
    case SHAPE_CONST:
        if (in->op == OP_V128_CONST) return TERN_SIMD && const_v128(l, in);
        return lower_const(l, in);
    case SHAPE_ALOAD:
    case SHAPE_ASTORE:
    case SHAPE_ARMW:
    case SHAPE_ACMPXCHG:
    case SHAPE_ATOMIC: return TERN_THREADS && lower_atomic(l, in, is_fast_access(l, in));
    case SHAPE_TYPED:
        if (in->op == OP_ATOMIC_FENCE) return TERN_THREADS && lower_fence(l);
        break;
    case SHAPE_SPECIAL: break;
    }
    return tern_diag_set(l->diag, DIAG_UNSUPPORTED, in->offset, DETAIL("%s", info->text));
}
