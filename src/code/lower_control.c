/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_control.c - blocks, branches and returns.
 *
 * At every label the operands a block takes or gives lie in their home slots, so that all ways to it agree.
 */
#include "code/lower.h"
#include "runtime/builtins.h"

/* --- moving operands to where a label expects them -------------------------------------------------- */

/* More than that are moved by one instruction: a branch of two bytes may take a thousand along. */
#define MANY_OPERANDS 8

/* Before the first of the instructions a branch with n operands becomes, while all ways from it are still one. */
static bool gather(Lower *l, u32 n)
{
    return n <= MANY_OPERANDS || lower_settle_all(l);
}

static bool is_all_home(const Lower *l)
{
    return l->settled >= l->stack.n;
}

u32 lower_label_arity(const Lower *l, const Ctrl *c)
{
    if (c->kind == CTRL_FUNC) return l->type->nresults;
    return c->kind == CTRL_LOOP ? c->sig->nparams : c->sig->nresults;
}

u32 lower_home_at(const Lower *l, u32 height)
{
    if (height == 0) return l->temps;
    const Val *below = &l->stack.items[height - 1];
    return below->home + lower_cells(below->code);
}

/* Do the topmost n entries already lie where the label wants them? */
static bool in_place(const Lower *l, u32 height, u32 n)
{
    u32 home = lower_home_at(l, height);
    if (n > 0 && is_all_home(l)) return l->stack.items[l->stack.n - n].home == home;
    for (u32 i = l->stack.n - n; i < l->stack.n; i++) {
        const Val *v = &l->stack.items[i];
        if (v->kind != VAL_TEMP || v->slot != home) return false;
        home += lower_cells(v->code);
    }
    return true;
}

/* The topmost n entries, which are in their homes, to those from slot `to` on. */
static bool move_all(Lower *l, u32 to, u32 n)
{
    u32 from = l->stack.items[l->stack.n - n].home;
    if (from == to) return true;
    for (u32 c = 0; c < ACC_CLASSES; c++) l->acc[c].is_valid = false;
    return lower_emit(l, (Ins){.op = H_COPY_N, .kd = PLACE_NONE, .acc = ACC_NONE, .d = to, .index = from,
                               .imm = lower_next_home(l) - from});
}

/* Copies the topmost n entries to the homes from height up. The stack itself stays as it is: other paths may go
 * on with it. Sources lie at or above their destinations, so ascending order never overwrites one. */
static bool move_to(Lower *l, u32 height, u32 n)
{
    u32 home = lower_home_at(l, height);
    if (n > MANY_OPERANDS && is_all_home(l)) return move_all(l, home, n);
    for (u32 i = l->stack.n - n; i < l->stack.n; i++) {
        Val v = l->stack.items[i];
        if (v.kind == VAL_CONST) {
            if (!lower_emit_const(l, v.code, home, v.bits)) return false;
        } else if (!lower_emit_copy(l, v.code, home, v.slot)) {
            return false;
        }
        home += lower_cells(v.code);
    }
    return true;
}

static Ins branch_ins(u32 label)
{
    return (Ins){.op = H_BR, .kd = PLACE_NONE, .acc = ACC_NONE, .target = label};
}

void lower_mark_dead(Lower *l)
{
    Ctrl *c = lower_ctrl(l, 0);
    c->is_dead = true;
    lower_truncate(l, c->height);
    lower_barrier(l);
}

/* --- returning ------------------------------------------------------------------------------------ */

/* The last thing done was to close the function's stack: a return does that as well. */
static bool closes_stack(Lower *l, Ins *ret, u16 handler)
{
    if (!lower_may_join(l)) return false;
    Ins last = *lower_last(l);
    if (last.family != FAM_PLAIN || last.op != H_GLOBAL_SET_SUM) return false;
    lower_drop_last(l);
    ret->op = handler;
    ret->s3 = last.s1;
    ret->index = last.index;
    ret->imm2 = (u32)last.imm;
    return true;
}

static bool return_one(Lower *l)
{
    Val v = *lower_top(l, 0); /* stays: code behind a conditional return may use it */
    Ins ins = {.kd = PLACE_NONE, .acc = ACC_NONE, .op = H_RETURN_S, .s1 = v.slot};
    if (v.kind == VAL_CONST && v.bits <= UINT32_MAX && lower_acc_class(v.code) == ACC_INT) {
        ins.op = H_RETURN_I;
        ins.imm = v.bits;
    } else if (v.kind == VAL_CONST) {
        if (!lower_emit_const(l, v.code, v.home, v.bits)) return false;
        ins.s1 = v.home;
    } else if (lower_acc_class(v.code) == ACC_INT && l->acc[ACC_INT].is_valid && l->acc[ACC_INT].slot == v.slot) {
        ins.op = H_RETURN_A;
    }
    bool is_int = lower_acc_class(v.code) == ACC_INT;
    if (is_int && ins.op != H_RETURN_I) (void)closes_stack(l, &ins, H_RETURN_SUM_S);
    if (v.code == VT_F32) ins.op = H_RETURN_F32;
    if (v.code == VT_F64) ins.op = H_RETURN_F64;
    if (v.code == VT_V128) ins.op = H_RETURN_V128;
    return lower_emit(l, ins);
}

bool lower_return(Lower *l)
{
    if (!lower_profile(l, BUILTIN_profile_leave)) return false;
    u32 n = l->type->nresults;
    if (n == 0) {
        Ins ret = {.op = H_RETURN, .kd = PLACE_NONE, .acc = ACC_NONE};
        (void)closes_stack(l, &ret, H_RETURN_SUM);
        return lower_emit(l, ret);
    }
    if (n == 1) return return_one(l);
    if (!gather(l, n)) return false;
    if (!move_to(l, l->stack.n - n, n)) return false;
    return lower_emit(l, (Ins){.op = H_RETURN_N, .kd = PLACE_NONE, .acc = ACC_NONE,
                               .d = lower_top(l, n - 1)->home, .index = l->type->result_cells});
}

/* --- branches ------------------------------------------------------------------------------------- */

/* Makes the last instruction, if it moves or adds, go to label as well. */
static bool fuse_br(Lower *l, u32 label)
{
    if (!lower_may_join(l)) return false;
    Ins *ins = lower_last(l);
    if (ins->kd != PLACE_SLOT) return false;
    if (ins->family == FAM_PLAIN && ins->op == H_COPY) {
        ins->op = H_COPY_BR;
    } else if (ins->family == FAM_PLAIN && ins->op == H_CONST32) {
        ins->op = H_CONST_BR;
    } else if (ins->family == FAM_VALUE && ins->op == OP_I32_ADD) {
        ins->family = FAM_QUAD;
        ins->op = H_ADD_BR_SS;
    } else {
        return false;
    }
    ins->target = label;
    ins->cost = l->f->cost;
    for (u32 c = 0; c < ACC_CLASSES; c++) l->acc[c].is_valid = false;
    lower_barrier(l);
    return true;
}

bool lower_br(Lower *l, u32 depth)
{
    Ctrl *c = lower_ctrl(l, depth);
    if (c->kind == CTRL_FUNC) return lower_return(l);
    if (!gather(l, lower_label_arity(l, c)) || !move_to(l, c->height, lower_label_arity(l, c))) return false;
    c = lower_ctrl(l, depth);
    c->label_used = true;
    return fuse_br(l, c->label) || lower_emit(l, branch_ins(c->label));
}

/* Compare of the opposite truth, or OP_NONE. */
static Op inverse_of(Op op)
{
    return tern_op_info[op].shape == SHAPE_CMP2 ? (Op)tern_op_info[op].inverse : OP_NONE;
}

/* Makes ins, which masks bits, a branch. */
static bool make_test_of_bits(Ins *ins, bool when_zero)
{
    if (ins->family == FAM_MOVED && ins->op == H_FIELD_S_S) {
        ins->k1 = ins->k3;
        ins->s1 = ins->s3;
        ins->k2 = PLACE_IMM;
        ins->imm = ins->imm2 << (ins->imm & 31);
    } else if (ins->family != FAM_VALUE || ins->op != OP_I32_AND) {
        return false;
    }
    ins->family = FAM_QUAD;
    ins->op = when_zero ? H_BR_NAND_SS : H_BR_AND_SS;
    return true;
}

/* The last instruction is eqz of bits that were masked by the one before. */
static bool fuse_test_of_bits(Lower *l, bool when_zero, u32 label)
{
    LoweredFunc *f = l->f;
    if (f->ins.n < l->barrier + 2) return false;
    Ins *eqz = lower_last(l), *mask = eqz - 1;
    if (eqz->op != OP_I32_EQZ || eqz->k1 != PLACE_ACC || mask->kd != PLACE_ACC || !make_test_of_bits(mask, !when_zero))
        return false;
    lower_drop_last(l);
    mask->kd = PLACE_NONE;
    mask->acc = ACC_NONE;
    mask->target = label;
    mask->cost = f->cost;
    return true;
}

/* Makes ins, which loads, a branch, if it can be one. */
static bool make_test_of_load(Lower *l, Ins *ins, bool when_zero, u32 label)
{
    if (ins->family != FAM_LOAD || (ins->op != OP_I32_LOAD && ins->op != OP_I32_LOAD8_U) || ins->k2 != PLACE_NONE)
        return false;
    ins->family = FAM_LOAD_TEST;
    ins->imm = when_zero;
    ins->target = label;
    ins->cost = l->f->cost;
    return true;
}

/* The last instruction is eqz of what was loaded by the one before. */
static bool fuse_test_of_load(Lower *l, bool when_zero, u32 label)
{
    LoweredFunc *f = l->f;
    if (f->scratch != 0 || f->ins.n < l->barrier + 2) return false;
    const Ins *eqz = lower_last(l);
    if (eqz->op != OP_I32_EQZ || eqz->k1 != PLACE_ACC || !make_test_of_load(l, lower_last(l) - 1, !when_zero, label))
        return false;
    lower_drop_last(l);
    return true;
}

/* Turns the fresh instruction that computed the condition into a branch, if it can be one. */
static bool fuse_condition(Lower *l, bool when_zero, u32 label)
{
    Ins *ins = lower_last(l);
    bool is_field = ins->family == FAM_MOVED && ins->op == H_FIELD_S_S;
    if (ins->family != FAM_VALUE && !is_field) return false;
    Op op = is_field ? OP_I32_AND : (Op)ins->op;
    if (tern_op_info[op].shape == SHAPE_CMP2) {
        if (when_zero) {
            op = inverse_of(op);
            if (op == OP_NONE) return false;
        }
        ins->family = FAM_BRANCH;
        ins->op = (u16)op;
    } else if (op == OP_I32_EQZ || op == OP_I64_EQZ) {
        ins->family = FAM_TEST;
        bool is_64 = op == OP_I64_EQZ;
        if (fuse_test_of_bits(l, when_zero, label) || fuse_test_of_load(l, when_zero, label)) return true;
        ins->op = when_zero ? (is_64 ? H_BRNZ64_S : H_BRNZ_S) : (is_64 ? H_BRZ64_S : H_BRZ_S);
    } else if (op == OP_I32_AND) {
        (void)make_test_of_bits(ins, when_zero);
    } else {
        return false;
    }
    ins->kd = PLACE_NONE;
    ins->acc = ACC_NONE;
    ins->target = label;
    ins->cost = l->f->cost;
    for (u32 c = 0; c < ACC_CLASSES; c++)
        if (l->acc[c].prod == l->f->ins.n - 1) l->acc[c].is_valid = false;
    return true;
}

/* i += constant, then compare i with something and branch: the end of a counted loop. */
static void fuse_step(Lower *l)
{
    LoweredFunc *f = l->f;
    if (f->scratch != 0 || f->ins.n < l->barrier + 2) return;
    Ins *branch = lower_last(l), *step = branch - 1;
    if (branch->family != FAM_BRANCH || branch->k1 != PLACE_ACC) return;
    if (step->family != FAM_VALUE || step->op != OP_I32_ADD || step->kd != PLACE_SLOT ||
        step->k2 != PLACE_IMM || (branch->k2 == PLACE_SLOT && branch->s2 == step->d))
        return;
    u16 op;
    switch (branch->op) {
    case OP_I32_NE: op = H_STEP_NE_SI; break;
    case OP_I32_EQ: op = H_STEP_EQ_SI; break;
    case OP_I32_LT_S: op = H_STEP_LT_S_SI; break;
    case OP_I32_LT_U: op = H_STEP_LT_U_SI; break;
    case OP_I32_GT_S: op = H_STEP_GT_S_SI; break;
    case OP_I32_GT_U: op = H_STEP_GT_U_SI; break;
    default: return;
    }
    step->family = FAM_STEP;
    step->op = op;
    step->k2 = branch->k2;
    step->s2 = branch->s2;
    step->imm2 = (u32)branch->imm;
    step->target = branch->target;
    step->cost = branch->cost;
    f->ins.n--;
}

/* The same with a step in a slot. */
static void fuse_stride(Lower *l)
{
    LoweredFunc *f = l->f;
    if (f->scratch != 0 || f->ins.n < l->barrier + 2) return;
    Ins *branch = lower_last(l), *step = branch - 1;
    if (branch->family != FAM_BRANCH || branch->k1 != PLACE_ACC || step->family != FAM_VALUE ||
        step->op != OP_I32_ADD || step->kd != PLACE_SLOT || step->k1 != PLACE_SLOT || step->k2 != PLACE_SLOT ||
        (branch->k2 == PLACE_SLOT && branch->s2 == step->d))
        return;
    u16 op;
    switch (branch->op) {
    case OP_I32_NE: op = H_STRIDE_NE_SI; break;
    case OP_I32_LT_S: op = H_STRIDE_LT_S_SI; break;
    case OP_I32_LT_U: op = H_STRIDE_LT_U_SI; break;
    case OP_I32_LE_S: op = H_STRIDE_LE_S_SI; break;
    case OP_I32_LE_U: op = H_STRIDE_LE_U_SI; break;
    default: return;
    }
    step->family = FAM_STRIDE;
    step->op = op;
    step->k3 = branch->k2;
    step->s3 = branch->s2;
    step->imm = branch->imm;
    step->target = branch->target;
    step->cost = branch->cost;
    f->ins.n--;
}

/* A load, then a comparison of what was loaded. */
static void fuse_compared_load(Lower *l)
{
    LoweredFunc *f = l->f;
    if (lowered_has_scratch(f) || f->ins.n < l->barrier + 2) return;
    const Ins *branch = lower_last(l);
    Ins *load = lower_last(l) - 1;
    bool is_word = load->op == OP_I32_LOAD, is_eq = branch->op == OP_I32_EQ;
    if (branch->family != FAM_BRANCH || branch->k1 != PLACE_ACC || (!is_eq && branch->op != OP_I32_NE) ||
        load->family != FAM_LOAD || (!is_word && load->op != OP_I32_LOAD8_U) || load->k1 != PLACE_SLOT ||
        load->k2 != PLACE_NONE || (branch->k2 == PLACE_SLOT && branch->s2 == load->d))
        return;
    load->family = FAM_LOAD_COMPARE;
    load->op = is_word ? (is_eq ? H_I32_LOAD_EQ_BR_S : H_I32_LOAD_NE_BR_S)
                       : (is_eq ? H_I32_LOAD8_U_EQ_BR_S : H_I32_LOAD8_U_NE_BR_S);
    load->kd = PLACE_SLOT;
    load->k2 = branch->k2;
    load->s2 = branch->s2;
    load->imm = branch->imm;
    load->target = branch->target;
    load->cost = branch->cost;
    f->ins.n--;
}

/* i += constant, then branch on i being zero or not. */
static bool fuse_countdown(Lower *l, const Val *v, bool when_zero, u32 label)
{
    LoweredFunc *f = l->f;
    const AccState *acc = &l->acc[ACC_INT];
    if (!TERN_FAST || f->scratch != 0 || f->ins.n <= l->barrier || !acc->is_valid || acc->slot != v->slot ||
        acc->prod != f->ins.n - 1)
        return false;
    Ins *ins = lower_last(l);
    if (ins->family != FAM_VALUE || (ins->op != OP_I32_ADD && ins->op != OP_I32_SUB) || ins->kd != PLACE_SLOT ||
        ins->k2 != PLACE_IMM || ins->k1 == PLACE_IMM)
        return false;
    if (ins->op == OP_I32_SUB) ins->imm = (u32)-(u32)ins->imm;
    ins->family = FAM_STEP;
    ins->op = when_zero ? H_STEP_EQ_SI : H_STEP_NE_SI;
    ins->imm2 = 0;
    ins->target = label;
    ins->cost = f->cost;
    return true;
}

/* The same of what the last instruction loaded. */
static bool fuse_load(Lower *l, const Val *v, bool when_zero, u32 label)
{
    const AccState *acc = &l->acc[ACC_INT];
    if (!lower_may_join(l) || !acc->is_valid || acc->slot != v->slot || acc->prod != l->f->ins.n - 1) return false;
    return make_test_of_load(l, lower_last(l), when_zero, label);
}

/* Branches to label when v, already popped, is zero or not. */
static bool conditional(Lower *l, const Val *v, bool when_zero, u32 label)
{
    if (v->kind == VAL_CONST) {
        if (((u32)v->bits == 0) == when_zero && !lower_emit(l, branch_ins(label))) return false;
    } else if (lower_is_fresh(l, v) && fuse_condition(l, when_zero, label)) {
        fuse_step(l);
        fuse_stride(l);
        fuse_compared_load(l);
    } else if (!fuse_countdown(l, v, when_zero, label) && !fuse_load(l, v, when_zero, label)) {
        Ins *ins = lower_draft(l);
        if (ins == NULL) return false;
        ins->family = FAM_TEST;
        ins->op = when_zero ? H_BRZ_S : H_BRNZ_S;
        ins->kd = PLACE_NONE;
        ins->acc = ACC_NONE;
        ins->target = label;
        lower_use(l, v, &ins->k1, &ins->s1);
        if (!lower_emit_ins(l, ins)) return false;
    }
    lower_barrier(l);
    return true;
}

bool lower_br_if(Lower *l, u32 depth)
{
    const Val *v = lower_pop(l);
    Ctrl *c = lower_ctrl(l, depth);
    u32 n = lower_label_arity(l, c);
    if (!gather(l, n)) return false;
    if (c->kind != CTRL_FUNC && in_place(l, c->height, n)) {
        c->label_used = true;
        return conditional(l, v, false, c->label);
    }
    u32 skip;
    if (!lower_new_label(l, &skip) || !conditional(l, v, true, skip) || !lower_br(l, depth)) return false;
    lower_bind(l, skip);
    return true;
}

/* An index that was just made of another and a constant. */
static bool fuse_bias(Lower *l, const Val *v, Ins *table)
{
    if (l->f->scratch != 0 || !lower_is_fresh(l, v)) return false;
    Ins last = *lower_last(l);
    bool is_sub = last.op == OP_I32_SUB;
    if (last.family != FAM_VALUE || (last.op != OP_I32_ADD && !is_sub) || last.k2 != PLACE_IMM) return false;
    lower_drop_last(l);
    table->op = H_BR_TABLE_ADD_S;
    table->k1 = last.k1;
    table->s1 = last.s1;
    table->imm = is_sub ? (u32)-(u32)last.imm : last.imm;
    return true;
}

bool lower_br_table(Lower *l, const Insn *in)
{
    Val v = *lower_pop(l);
    if (!lower_readable(l, &v) || !gather(l, lower_label_arity(l, lower_ctrl(l, in->targets[0])))) return false;
    u32 first = l->f->tables.n, n = in->ntargets;
    if (!vec_reserve(&l->f->tables, l->alloc, n + 2)) return lower_no_memory(l);
    l->f->tables.items[l->f->tables.n++] = n;

    Ins ins = {.family = FAM_TEST, .op = H_BR_TABLE_S, .kd = PLACE_NONE, .acc = ACC_NONE, .target = first};
    if (!fuse_bias(l, &v, &ins)) lower_use(l, &v, &ins.k1, &ins.s1);
    if (!lower_emit(l, ins)) return false;

    /* Targets whose operands lie right, directly; others through a stub behind the table, one per depth. */
    u32 stubs_from = l->f->labels.n;
    struct { VEC(u32) } depths = {0}; /* of stub i */
    Map seen = {0};
    bool ok = true;
    for (u32 i = 0; ok && i <= n; i++) {
        u32 depth = in->targets[i], label;
        Ctrl *c = lower_ctrl(l, depth);
        if (c->kind != CTRL_FUNC && in_place(l, c->height, lower_label_arity(l, c))) {
            c->label_used = true;
            label = c->label;
        } else {
            u64 *known = tern_map_get(&seen, &in->targets[i], sizeof depth);
            if (known != NULL) {
                label = (u32)*known;
            } else {
                ok = lower_new_label(l, &label) &&
                     ((vec_push(&depths, l->alloc, depth) &&
                       tern_map_put(&seen, l->alloc, &in->targets[i], sizeof depth, label)) ||
                      lower_no_memory(l));
            }
        }
        l->f->tables.items[l->f->tables.n++] = label;
    }
    for (u32 i = 0; ok && i < depths.n; i++) {
        lower_bind(l, stubs_from + i);
        ok = lower_br(l, depths.items[i]);
    }
    vec_free(&depths, l->alloc);
    tern_map_free(&seen, l->alloc);
    lower_mark_dead(l);
    return ok;
}

/* br_on_null drops the reference where it branches; br_on_non_null keeps it there and drops it here. */
bool lower_br_on_null(Lower *l, u32 depth, bool on_null)
{
    if (!gather(l, lower_label_arity(l, lower_ctrl(l, depth))) || !lower_settle_top(l, 1)) return false;
    lower_barrier(l); /* the reference is read here and again behind */
    Val v = *lower_top(l, 0);
    u32 skip;
    if (!lower_new_label(l, &skip)) return false;
    Ins ins = {.family = FAM_TEST, .op = on_null ? H_BRNZ64_S : H_BRZ64_S, .kd = PLACE_NONE, .acc = ACC_NONE,
               .target = skip, .k1 = PLACE_SLOT, .s1 = v.slot};
    if (!lower_emit(l, ins)) return false;
    lower_barrier(l);
    if (on_null) (void)lower_pop(l);
    if (!lower_br(l, depth)) return false;
    lower_bind(l, skip);
    if (on_null) return lower_push_temp(l, v.code, NO_INS);
    (void)lower_pop(l);
    return true;
}

bool lower_br_when(Lower *l, u32 depth, Ins ins, u16 opposite)
{
    Ctrl *c = lower_ctrl(l, depth);
    if (!gather(l, lower_label_arity(l, c))) return false;
    bool is_direct = c->kind != CTRL_FUNC && in_place(l, c->height, lower_label_arity(l, c));
    if (is_direct) {
        c->label_used = true;
        ins.target = c->label;
    } else {
        ins.op = opposite;
        if (!lower_new_label(l, &ins.target)) return false;
    }
    u32 skip = ins.target;
    if (!lower_emit(l, ins)) return false;
    lower_barrier(l);
    if (is_direct) return true;
    if (!lower_br(l, depth)) return false;
    lower_bind(l, skip);
    return true;
}

/* --- blocks --------------------------------------------------------------------------------------- */

static bool push_ctrl(Lower *l, Ctrl c)
{
    return vec_push(&l->ctrl, l->alloc, c) || lower_no_memory(l);
}

bool lower_block(Lower *l, const Insn *in, CtrlKind kind)
{
    if (lower_ctrl(l, 0)->is_dead)
        return push_ctrl(l, (Ctrl){.kind = (u8)kind, .is_dead = true, .was_dead = true, .sig = in->sig,
                                   .height = l->stack.n, .label = LABEL_NONE, .else_label = LABEL_NONE,
                                   .region = REGION_NONE});
    Ctrl c = {.kind = (u8)kind, .sig = in->sig, .else_label = LABEL_NONE, .region = lower_ctrl(l, 0)->region};
    if (!lower_new_label(l, &c.label)) return false;
    if (kind == CTRL_IF) {
        Val v = *lower_pop(l);
        if (!lower_new_label(l, &c.else_label)) return false;
        /* Settling writes slots below the condition's operands and the accumulators, so a fresh compare that
         * reads slots only may be done behind it. */
        Ins last = {0};
        bool is_moved = lower_is_fresh(l, &v) && l->settled < l->stack.n;
        if (is_moved) {
            last = *lower_last(l);
            is_moved = last.k1 != PLACE_ACC && last.k2 != PLACE_ACC && last.family == FAM_VALUE;
        }
        if (is_moved) lower_drop_last(l);
        if (!lower_settle_all(l)) return false;
        if (is_moved) {
            if (!lower_emit(l, last)) return false;
            lower_last(l)->offset = last.offset; /* a division may trap */
            v.prod = l->f->ins.n - 1;
        }
        if (!conditional(l, &v, true, c.else_label)) return false;
    } else if (!lower_settle_all(l)) {
        return false;
    }
    c.height = l->stack.n - in->sig->nparams;
    if (kind == CTRL_LOOP) lower_bind(l, c.label);
    return push_ctrl(l, c);
}

bool lower_push_types(Lower *l, const ValType *types, u32 n)
{
    for (u32 i = 0; i < n; i++)
        if (!lower_push_temp(l, vt_code(types[i]), NO_INS)) return false;
    return true;
}

/* The results on top go to their homes, ready to fall into the label. In a handler those lie below. */
static bool settle_results(Lower *l, const Ctrl *c)
{
    if (c->kind == CTRL_CATCH)
        return gather(l, c->sig->nresults) && move_to(l, c->height, c->sig->nresults);
    return lower_settle_top(l, c->sig->nresults);
}

bool lower_leave(Lower *l, Ctrl *c)
{
    if (!settle_results(l, c)) return false;
    c->label_used = true;
    return fuse_br(l, c->label) || lower_emit(l, branch_ins(c->label));
}

bool lower_else(Lower *l)
{
    Ctrl *c = lower_ctrl(l, 0);
    c->kind = CTRL_ELSE;
    if (c->was_dead) return true;
    if (!c->is_dead) {
        if (!lower_leave(l, c)) return false;
        lower_truncate(l, c->height);
    }
    lower_bind(l, c->else_label);
    c->else_label = LABEL_NONE;
    c->is_dead = false;
    const FuncType *sig = c->sig;
    if (!lower_push_types(l, sig->params, sig->nparams)) return false;
    l->settled = l->stack.n;
    return true;
}

/* Where handlers go that return what they caught. */
static bool end_returning_handlers(Lower *l)
{
    if (l->return_label == LABEL_NONE) return true;
    lower_truncate(l, 0);
    lower_bind(l, l->return_label);
    return lower_push_types(l, l->type->results, l->type->nresults) && lower_return(l);
}

bool lower_end(Lower *l)
{
    Ctrl c = *lower_ctrl(l, 0);
    if (c.kind == CTRL_FUNC) {
        if ((!c.is_dead && !lower_return(l)) || !end_returning_handlers(l)) return false;
        l->ctrl.n--;
        return true;
    }
    if (c.was_dead) {
        l->ctrl.n--;
        return true;
    }
    if (!c.is_dead && !settle_results(l, &c)) return false;
    if (TERN_GC) lower_close_region(l, &c);
    l->ctrl.n--;
    lower_truncate(l, c.height);
    if (c.else_label != LABEL_NONE) lower_bind(l, c.else_label); /* if without else: parameters are results */
    if (c.kind != CTRL_LOOP && (c.label_used || c.is_dead)) lower_bind(l, c.label);
    else lower_barrier(l);
    return lower_push_types(l, c.sig->results, c.sig->nresults);
}
