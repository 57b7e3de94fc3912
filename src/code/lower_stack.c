/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_stack.c - the virtual operand stack and the emission of instructions. */
#include "code/lower.h"

AccClass lower_acc_class(u8 code)
{
    return code == VT_F32 ? ACC_F32 : code == VT_F64 ? ACC_F64 : code == VT_V128 ? ACC_V128 : ACC_INT;
}

bool lower_no_memory(Lower *l)
{
    return tern_diag_set(l->diag, DIAG_NO_MEMORY, l->offset, NULL);
}

/* --- emission ------------------------------------------------------------------------------------- */

static void forget_slot(Lower *l, u32 slot)
{
    for (u32 c = 0; c < ACC_CLASSES; c++)
        if (l->acc[c].slot == slot) l->acc[c].is_valid = false;
    if (l->acc[ACC_V128].slot + 1 == slot) l->acc[ACC_V128].is_valid = false;
}

bool lower_emit(Lower *l, Ins ins)
{
    ins.offset = l->offset;
    ins.cost = l->f->cost;
    if (ins.ncells == 0) ins.ncells = 1;
    if (!vec_push(&l->f->ins, l->alloc, ins)) return lower_no_memory(l);
    if (ins.acc != ACC_NONE) l->before_last = l->acc[ins.acc];
    if (ins.kd == PLACE_SLOT) {
        forget_slot(l, ins.d);
        if (ins.ncells == 2) forget_slot(l, ins.d + 1);
        if (ins.acc != ACC_NONE)
            l->acc[ins.acc] = (AccState){.slot = ins.d, .prod = l->f->ins.n - 1, .is_valid = true};
    } else if (ins.acc != ACC_NONE) {
        l->acc[ins.acc].is_valid = false;
    }
    return true;
}

void lower_drop_last(Lower *l)
{
    u32 last = --l->f->ins.n;
    for (u32 c = 0; c < ACC_CLASSES; c++)
        if (l->acc[c].prod == last) l->acc[c].is_valid = false;
}

bool lower_new_label(Lower *l, u32 *label)
{
    *label = l->f->labels.n;
    return vec_push(&l->f->labels, l->alloc, (Label){.ins = NO_INS}) || lower_no_memory(l);
}

void lower_barrier(Lower *l)
{
    l->barrier = l->f->ins.n;
}

void lower_bind(Lower *l, u32 label)
{
    l->f->labels.items[label] = (Label){.ins = l->f->ins.n, .cost = l->f->cost};
    for (u32 c = 0; c < ACC_CLASSES; c++) l->acc[c].is_valid = false;
    lower_barrier(l);
}

/* --- the stack ------------------------------------------------------------------------------------ */

u32 lower_next_home(const Lower *l)
{
    if (l->stack.n == 0) return l->temps;
    const Val *top = &l->stack.items[l->stack.n - 1];
    return top->home + lower_cells(top->code);
}

static bool push(Lower *l, Val v)
{
    v.home = lower_next_home(l);
    if (v.kind != VAL_LOCAL) v.slot = v.home;
    u32 end = v.home + lower_cells(v.code);
    if (end > FRAME_MAX_CELLS)
        return tern_diag_set(l->diag, DIAG_LIMIT, l->offset, "a frame of more than %u cells", FRAME_MAX_CELLS);
    if (end > l->max_cells) l->max_cells = end;
    return vec_push(&l->stack, l->alloc, v) || lower_no_memory(l);
}

bool lower_push_temp(Lower *l, u8 code, u32 prod)
{
    return push(l, (Val){.kind = VAL_TEMP, .code = code, .prod = prod});
}

bool lower_push_const(Lower *l, u8 code, u64 bits)
{
    return push(l, (Val){.kind = VAL_CONST, .code = code, .prod = NO_INS, .bits = bits});
}

bool lower_push_local(Lower *l, u32 local)
{
    LocalInfo *info = &l->locals.items[local];
    u32 index = l->stack.n;
    if (!push(l, (Val){.kind = VAL_LOCAL, .code = info->code, .slot = info->slot, .prod = NO_INS,
                       .local = local, .prev = info->pending, .next = NO_VAL}))
        return false;
    if (info->pending != NO_VAL) l->stack.items[info->pending].next = index;
    info->pending = index;
    return true;
}

/* The entry no longer reads its local late. */
static void unlink_pending(Lower *l, const Val *v)
{
    if (v->next != NO_VAL) l->stack.items[v->next].prev = v->prev;
    else l->locals.items[v->local].pending = v->prev;
    if (v->prev != NO_VAL) l->stack.items[v->prev].next = v->next;
}

Val lower_pop(Lower *l)
{
    assert(l->stack.n > 0 && "the decoder has validated the body");
    Val v = l->stack.items[--l->stack.n];
    if (v.kind == VAL_LOCAL) unlink_pending(l, &v);
    if (l->settled > l->stack.n) l->settled = l->stack.n;
    return v;
}

void lower_truncate(Lower *l, u32 height)
{
    while (l->stack.n > height) (void)lower_pop(l);
}

static Ins copy_ins(u8 code, u32 to, u32 from)
{
    if (code == VT_V128)
        return (Ins){.op = H_COPY_V128, .kd = PLACE_SLOT, .acc = ACC_NONE, .ncells = 2, .d = to, .s1 = from};
    return (Ins){.op = H_COPY, .kd = PLACE_SLOT, .acc = ACC_NONE, .d = to, .s1 = from};
}

/* A copy; two in a row make one instruction. */
bool lower_emit_copy(Lower *l, u8 code, u32 to, u32 from)
{
    LoweredFunc *f = l->f;
    if (to == from) return true;
    if (code != VT_V128 && f->scratch == 0 && f->ins.n > l->barrier) {
        Ins *last = lower_last(l);
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
    return lower_emit(l, ins);
}

bool lower_settle(Lower *l, u32 index)
{
    Val *v = &l->stack.items[index];
    if (v->kind == VAL_TEMP) return true;
    if (v->kind == VAL_LOCAL) unlink_pending(l, v);
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

bool lower_is_fresh(const Lower *l, const Val *v)
{
    u32 n = l->f->ins.n;
    if (v->kind != VAL_TEMP || v->prod == NO_INS || v->prod + 1 != n || v->prod < l->barrier) return false;
    const Ins *ins = &l->f->ins.items[v->prod];
    return ins->kd == PLACE_SLOT && ins->d == v->slot && !(ins->family == FAM_PLAIN && ins->op == H_COPY2);
}

void lower_use(Lower *l, const Val *v, u8 *place, u32 *slot)
{
    AccClass c = lower_acc_class(v->code);
    *place = PLACE_SLOT;
    *slot = v->slot;
    if (c == ACC_NONE || !l->acc[c].is_valid || l->acc[c].slot != v->slot) return;
    *place = PLACE_ACC;
    /* A temporary is read once. If nobody can have read or need its slot, it was never stored. */
    u32 prod = l->acc[c].prod;
    if (v->kind != VAL_TEMP || v->prod == NO_INS || v->prod != prod || prod < l->barrier) return;
    Ins *ins = &l->f->ins.items[prod];
    if (ins->d == v->slot && tern_ins_may_skip_slot(ins)) {
        ins->kd = PLACE_ACC;
        l->acc[c].is_valid = false; /* holds the value still, but no slot does */
    }
}

void lower_use_slot(Lower *l, const Val *v, u8 *place, u32 *slot)
{
    (void)l;
    *place = PLACE_SLOT;
    *slot = v->slot;
}

bool lower_fits_imm(const Val *v)
{
    if (v->kind != VAL_CONST) return false;
    return v->code != VT_V128 && (v->code != VT_I64 || v->bits == (u64)(s64)(s32)v->bits);
}

bool lower_readable(Lower *l, Val *v)
{
    if (v->kind != VAL_CONST) return true;
    u32 end = v->home + lower_cells(v->code);
    if (end > l->max_cells) l->max_cells = end;
    if (!lower_emit_const(l, v->code, v->home, v->bits)) return false;
    v->kind = VAL_TEMP;
    v->slot = v->home;
    v->prod = NO_INS;
    return true;
}

/* --- locals --------------------------------------------------------------------------------------- */

bool lower_set_local(Lower *l, u32 local, bool is_tee)
{
    LocalInfo *info = &l->locals.items[local];
    Val v = lower_pop(l);
    bool was_fresh = lower_is_fresh(l, &v);
    /* Who still wants the old value takes it now. */
    bool is_last = info->pending == NO_VAL;
    while (info->pending != NO_VAL)
        if (!lower_settle(l, info->pending)) return false;

    if (v.kind == VAL_LOCAL && v.local == local) {
        /* nothing to do */
    } else if (v.kind == VAL_CONST) {
        if (!lower_emit_const(l, info->code, info->slot, v.bits)) return false;
    } else if (was_fresh && is_last) {
        Ins *ins = lower_last(l);
        ins->d = info->slot;
        forget_slot(l, info->slot);
        if (ins->acc != ACC_NONE)
            l->acc[ins->acc] = (AccState){.slot = info->slot, .prod = l->f->ins.n - 1, .is_valid = true};
    } else if (!lower_emit_copy(l, info->code, info->slot, v.slot)) {
        return false;
    }
    return !is_tee || lower_push_local(l, local);
}
