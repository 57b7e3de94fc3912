/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_stack.c - the virtual operand stack and the emission of instructions. */
#include "code/lower.h"

bool lower_no_memory(Lower *l)
{
    return tern_diag_set(l->diag, DIAG_NO_MEMORY, l->offset, NULL);
}

/* --- emission ------------------------------------------------------------------------------------- */

/* Without branches, which would be foreseen badly. */
static void forget_slot(Lower *l, u32 slot)
{
    _Static_assert(ACC_CLASSES == 4, "each class is asked");
    AccState *acc = l->acc;
    acc[ACC_INT].is_valid &= acc[ACC_INT].slot != slot;
    acc[ACC_F32].is_valid &= acc[ACC_F32].slot != slot;
    acc[ACC_F64].is_valid &= acc[ACC_F64].slot != slot;
    acc[ACC_V128].is_valid &= slot - acc[ACC_V128].slot > 1; /* nor the cell behind it */
}

bool lower_grow_ins(Lower *l)
{
    return vec_reserve(&l->f->ins, l->alloc, 1) || lower_no_memory(l);
}

bool lower_emit_ins(Lower *l, const Ins *from)
{
    LoweredFunc *f = l->f;
    Ins *ins = &f->ins.items[f->ins.n];
    if (ins != from) {
        if (UNLIKELY(f->ins.n == f->ins.cap)) { /* from is none of them */
            if (!lower_grow_ins(l)) return false;
            ins = &f->ins.items[f->ins.n];
        }
        *ins = *from;
    }
    f->ins.n++;
    ins->offset = l->offset;
    ins->cost = f->cost;
    if (ins->ncells == 0) ins->ncells = 1;
    if (!TERN_FAST) return true;
    if (ins->acc != ACC_NONE) l->before_last = l->acc[ins->acc];
    if (ins->kd == PLACE_SLOT) {
        forget_slot(l, ins->d);
        if (ins->ncells == 2) forget_slot(l, ins->d + 1);
        if (ins->acc != ACC_NONE)
            l->acc[ins->acc] = (AccState){.slot = ins->d, .prod = f->ins.n - 1, .is_valid = true};
    } else if (ins->acc != ACC_NONE) {
        l->acc[ins->acc].is_valid = false;
    }
    return true;
}

void lower_drop_last(Lower *l)
{
    u32 last = --l->f->ins.n;
    if (!TERN_FAST) return;
    for (u32 c = 0; c < ACC_CLASSES; c++)
        if (l->acc[c].prod == last) l->acc[c].is_valid = false;
}

bool lower_new_label(Lower *l, u32 *label)
{
    *label = l->f->labels.n;
    return vec_push(&l->f->labels, l->alloc, (Label){.ins = NO_INS}) || lower_no_memory(l);
}

void lower_bind(Lower *l, u32 label)
{
    l->f->labels.items[label] = (Label){.ins = l->f->ins.n, .cost = l->f->cost};
    for (u32 c = 0; TERN_FAST && c < ACC_CLASSES; c++) l->acc[c].is_valid = false;
    lower_barrier(l);
}

/* --- the stack ------------------------------------------------------------------------------------ */

bool lower_make_room(Lower *l, u8 code)
{
    u32 end = l->next_home + lower_cells(code);
    if (end > FRAME_MAX_CELLS)
        return tern_diag_set(l->diag, DIAG_LIMIT, l->offset, DETAIL("a frame of more than %u cells", FRAME_MAX_CELLS));
    if (end > l->max_cells) l->max_cells = end;
    return vec_reserve(&l->stack, l->alloc, 1) || lower_no_memory(l);
}

bool lower_push_temp_slow(Lower *l, u8 code, u32 prod)
{
    return lower_make_room(l, code) && lower_push_temp(l, code, prod);
}

bool lower_push_const_slow(Lower *l, u8 code, u64 bits)
{
    return lower_make_room(l, code) && lower_push_const(l, code, bits);
}

bool lower_push_local_slow(Lower *l, u32 local)
{
    return lower_make_room(l, l->locals.items[local].code) && lower_push_local(l, local);
}

void lower_truncate(Lower *l, u32 height)
{
    while (l->stack.n > height && l->stack.n > l->settled) (void)lower_pop(l);
    if (l->stack.n <= height) return;
    l->stack.n = l->settled = height; /* temporaries, which nothing points to */
    l->next_home = l->stack.items[height].home;
}

static Ins copy_ins(u8 code, u32 to, u32 from)
{
    if (code == VT_V128)
        return (Ins){.op = H_COPY_V128, .kd = PLACE_SLOT, .acc = ACC_NONE, .ncells = 2, .d = to, .s1 = from};
    return (Ins){.op = H_COPY, .kd = PLACE_SLOT, .acc = ACC_NONE, .d = to, .s1 = from};
}

/* The last instruction, a constant, does something more: nothing counts on the accumulator. */
static void join_const(Lower *l, u32 to)
{
    Ins *last = lower_last(l);
    forget_slot(l, last->d);
    forget_slot(l, to);
    l->acc[ACC_INT].is_valid = false;
    last->acc = ACC_NONE;
}

/* A copy; two in a row make one instruction. */
bool lower_emit_copy(Lower *l, u8 code, u32 to, u32 from)
{
    LoweredFunc *f = l->f;
    if (to == from) return true;
    if (code != VT_V128 && f->scratch == 0 && f->ins.n > l->barrier) {
        Ins *last = lower_last(l);
        if (TERN_FAST && last->family == FAM_PLAIN && last->op == H_CONST32 && last->d != from) {
            last->op = H_CONST_COPY;
            last->s1 = to;
            last->s2 = from;
            join_const(l, to);
            return true;
        }
        if (TERN_FAST && last->family == FAM_VALUE && last->op == OP_I32_ADD && last->kd == PLACE_SLOT &&
            last->k1 == PLACE_SLOT && last->k2 == PLACE_IMM) {
            last->family = FAM_PLAIN;
            last->op = H_ADD_COPY;
            last->k2 = PLACE_SLOT;
            last->s3 = to;
            last->s2 = from;
            forget_slot(l, to);
            return true;
        }
        if (last->family == FAM_PLAIN && last->op == H_COPY) {
            *last = (Ins){.op = H_COPY2, .kd = PLACE_SLOT, .acc = ACC_NONE, .ncells = 1, .d = last->d,
                          .s1 = last->s1, .s2 = to, .s3 = from, .offset = last->offset};
            forget_slot(l, to);
            return true;
        }
    }
    return lower_emit(l, copy_ins(code, to, from));
}

bool lower_emit_const(Lower *l, u8 code, u32 to, u64 bits)
{
    Ins ins = {.kd = PLACE_SLOT, .acc = (u8)lower_acc_class(code), .d = to, .imm = bits};
    ins.op = code == VT_F64 ? H_CONST_F64 : code == VT_F32 ? H_CONST_F32
           : bits <= UINT32_MAX ? H_CONST32 : H_CONST64;
    if (ins.op == H_CONST32 && lower_may_join(l)) {
        Ins *last = lower_last(l);
        if (last->family == FAM_PLAIN && last->op == H_CONST32) {
            last->op = H_CONST2;
            last->s1 = to;
            last->imm2 = (u32)bits;
            join_const(l, to);
            return true;
        }
        if (last->family == FAM_PLAIN && last->op == H_COPY && last->s1 != to && last->d != to) {
            u32 copy_to = last->d, from = last->s1;
            last->op = H_CONST_COPY;
            last->d = to;
            last->imm = bits;
            last->s1 = copy_to;
            last->s2 = from;
            join_const(l, copy_to);
            return true;
        }
    }
    return lower_emit(l, ins);
}

bool lower_settle(Lower *l, u32 index)
{
    Val *v = &l->stack.items[index];
    if (v->kind == VAL_TEMP) return true;
    if (v->kind == VAL_LOCAL) lower_unlink(l, v);
    bool ok = v->kind == VAL_CONST ? lower_emit_const(l, v->code, v->home, v->bits)
                                   : lower_emit_copy(l, v->code, v->home, v->slot);
    v = &l->stack.items[index];
    v->kind = VAL_TEMP;
    v->slot = v->home;
    v->prod = NO_INS; /* may be followed by other settling: nothing retargets it */
    return ok;
}

bool lower_settle_top(Lower *l, u32 n)
{
    for (u32 i = l->stack.n - n; i < l->stack.n; i++)
        if (!lower_settle(l, i)) return false;
    return true;
}

bool lower_settle_all(Lower *l)
{
    for (; l->settled < l->stack.n; l->settled++)
        if (!lower_settle(l, l->settled)) return false;
    return true;
}

/* --- reading -------------------------------------------------------------------------------------- */

/* A temporary is read once. If nobody can have read or need its slot, it was never stored. */
void lower_keep_in_acc(Lower *l, const Val *v, AccClass c)
{
    u32 prod = l->acc[c].prod;
    if (v->prod != prod || prod < l->barrier) return;
    Ins *ins = &l->f->ins.items[prod];
    if (ins->d == v->slot && tern_ins_may_skip_slot(ins)) {
        ins->kd = PLACE_ACC;
        l->acc[c].is_valid = false; /* holds the value still, but no slot does */
    }
}

bool lower_write_const(Lower *l, Val *v)
{
    u32 end = v->home + lower_cells(v->code);
    if (end > l->max_cells) l->max_cells = end;
    if (!lower_emit_const(l, v->code, v->home, v->bits)) return false;
    v->kind = VAL_TEMP;
    v->slot = v->home;
    v->prod = NO_INS;
    return true;
}

/* Steps of two pointers in a row make one instruction. */
static void join_steps(Lower *l)
{
    LoweredFunc *f = l->f;
    if (!lower_may_join(l) || f->ins.n < l->barrier + 2) return;
    Ins *second = lower_last(l), *first = second - 1;
    for (Ins *step = first; step <= second; step++)
        if (step->family != FAM_VALUE || step->op != OP_I32_ADD || step->kd != PLACE_SLOT || step->k2 != PLACE_IMM)
            return;
    if (first->k1 != PLACE_SLOT || (second->k1 != PLACE_SLOT && second->s1 != first->d) || first->d == second->d) return;
    *first = (Ins){.op = H_ADD2, .kd = PLACE_SLOT, .acc = ACC_INT, .ncells = 1, .s3 = first->d, .s1 = first->s1,
                   .imm = first->imm, .d = second->d, .s2 = second->s1, .imm2 = (u32)second->imm, .offset = first->offset,
                   .cost = second->cost};
    f->ins.n--;
    l->acc[ACC_INT].prod = NO_INS;
}

/* --- locals --------------------------------------------------------------------------------------- */

/* A temporary that the integer accumulator holds too: the local can be, too. But two copies in a row are one. */
static bool is_in_accumulator(const Lower *l, const Val *v)
{
    if (lower_may_join(l) && lower_last(l)->family == FAM_PLAIN && lower_last(l)->op == H_COPY) return false;
    const AccState *acc = &l->acc[ACC_INT];
    return TERN_FAST && v->kind == VAL_TEMP && lower_acc_class(v->code) == ACC_INT && acc->is_valid &&
           acc->slot == v->slot;
}

bool lower_set_local(Lower *l, u32 local, bool is_tee)
{
    LocalInfo *info = &l->locals.items[local];
    const Val *v = lower_pop(l);
    bool was_fresh = lower_is_last(l, v);
    /* Who still wants the old value takes it now. */
    bool is_last = info->pending == NO_VAL;
    while (info->pending != NO_VAL)
        if (!lower_settle(l, info->pending)) return false;

    if (v->kind == VAL_LOCAL && v->local == local) {
        /* nothing to do */
    } else if (v->kind == VAL_CONST) {
        if (!lower_emit_const(l, info->code, info->slot, v->bits)) return false;
    } else if (was_fresh && is_last) {
        Ins *ins = lower_last(l);
        ins->d = info->slot;
        forget_slot(l, info->slot);
        if (TERN_FAST && ins->acc != ACC_NONE)
            l->acc[ins->acc] = (AccState){.slot = info->slot, .prod = l->f->ins.n - 1, .is_valid = true};
        join_steps(l);
    } else if (is_in_accumulator(l, v)) {
        Ins copy = {.op = H_COPY_A, .kd = PLACE_SLOT, .acc = ACC_INT, .d = info->slot};
        if (!lower_emit(l, copy)) return false;
        l->acc[ACC_INT].prod = NO_INS;
    } else if (!lower_emit_copy(l, info->code, info->slot, v->slot)) {
        return false;
    }
    return !is_tee || lower_push_local(l, local);
}
