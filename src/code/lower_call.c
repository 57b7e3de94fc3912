/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_call.c - calls and builtins: operands lie in consecutive homes, results appear in their place. */
#include "code/lower.h"
#include "runtime/builtins.h"

/* Slot of the first of the topmost n entries, or where the next would go. */
static u32 base_of(const Lower *l, u32 n)
{
    return n > 0 ? lower_top((Lower *)(uintptr_t)l, n - 1)->home : lower_next_home(l);
}

static void forget_accumulators(Lower *l)
{
    for (u32 c = 0; TERN_FAST && c < ACC_CLASSES; c++) l->acc[c].is_valid = false;
}

/* Cells from base on are used by the callee. */
static void reserve(Lower *l, u64 cells)
{
    if (cells > l->max_cells) l->max_cells = (u32)cells;
}

/* What every return leaves in the accumulators: the first result, in the one of its class. */
static bool push_results(Lower *l, u32 base, const FuncType *sig)
{
    forget_accumulators(l);
    for (u32 i = 0; i < sig->nresults; i++)
        if (!lower_push_temp(l, vt_code(sig->results[i]), NO_INS)) return false;
    lower_barrier(l);
    if (sig->nresults == 0) return true;
    AccClass c = lower_acc_class(vt_code(sig->results[0]));
    if (TERN_FAST && c != ACC_NONE) l->acc[c] = (AccState){.slot = base, .prod = NO_INS, .is_valid = true};
    return true;
}

static bool is_tail(Op op)
{
    return op == OP_RETURN_CALL || op == OP_RETURN_CALL_INDIRECT || op == OP_RETURN_CALL_REF;
}

/* Result types of the callee in frames of the caller: a host or imported callee returns into our operands. ins: a draft,
 * or NULL if there is no memory. */
static bool finish(Lower *l, const Insn *in, Ins *ins)
{
    if (ins == NULL) return false;
    const FuncType *sig = in->sig;
    u32 base = base_of(l, sig->nparams);
    ins->kd = PLACE_NONE;
    ins->acc = ACC_NONE;
    ins->d = base;
    reserve(l, (u64)base + ADAPTER_CELLS + u64_max(sig->param_cells, sig->result_cells));
    if (!lower_emit_ins(l, ins)) return false;
    lower_truncate(l, l->stack.n - sig->nparams);
    if (!is_tail(in->op)) return push_results(l, base, sig);
    lower_mark_dead(l);
    return true;
}

static Ins *draft(Lower *l, Handler handler, u32 index)
{
    Ins *ins = lower_draft(l);
    if (ins == NULL) return NULL;
    ins->op = (u16)handler;
    ins->index = index;
    return ins;
}

/* Are two copies in front of the last one, which goes to third? Sources are not what is written before they are read, also
 * when the call has to begin anew. */
static bool has_pair(const Lower *l, u32 third)
{
    if (!lower_may_join(l)) return false;
    const Ins *last = lower_last(l);
    return last->family == FAM_PLAIN && last->op == H_COPY2 && last->s2 == last->d + 1 && last->s1 != last->s2 &&
           last->s1 != third && last->s3 != third;
}

/* A call that moves the last arguments itself. */
static Ins *draft_call(Lower *l, u32 index)
{
    if (!lower_may_join(l) || lower_last(l)->family != FAM_PLAIN) return draft(l, H_CALL, index);
    const Ins *last = lower_last(l);
    u32 to = last->d, from = last->s1, from2 = last->s3, imm2 = 0;
    u64 imm = last->imm;
    Handler handler = last->op == H_COPY ? H_CALL_COPY
                    : last->op == H_COPY2 && last->s2 == to + 1 && from != last->s2 ? H_CALL_COPY2
                    : last->op == H_CONST_COPY && last->s2 != to && from != to /* the copy comes first */ ? H_CALL_CONST_COPY
                    : last->op == H_CONST32 ? H_CALL_CONST : H_CALL;
    if (handler == H_CALL) return draft(l, H_CALL, index);
    if (handler == H_CALL_CONST_COPY) {
        from2 = to;
        to = last->s1;
        from = last->s2;
    }
    lower_drop_last(l);
    if (handler == H_CALL_COPY && has_pair(l, to)) {
        const Ins *pair = lower_last(l);
        handler = H_CALL_COPY3;
        imm = to;
        imm2 = from;
        to = pair->d;
        from = pair->s1;
        from2 = pair->s3;
        lower_drop_last(l);
    }
    Ins *call = draft(l, handler, index);
    if (call == NULL) return NULL;
    call->s1 = to;
    call->s2 = from;
    call->s3 = from2;
    call->imm = imm;
    call->imm2 = imm2;
    return call;
}

bool lower_call(Lower *l, const Insn *in)
{
    const FuncType *sig = in->sig;
    bool tail = is_tail(in->op);
    bool is_indirect = in->op == OP_CALL_INDIRECT || in->op == OP_RETURN_CALL_INDIRECT;
    bool is_ref = in->op == OP_CALL_REF || in->op == OP_RETURN_CALL_REF;
    u32 slot = 0;
    if (is_indirect || is_ref) { /* the operand on top is read from its slot */
        Val *v = lower_pop(l);
        if (!lower_readable(l, v)) return false;
        slot = v->slot;
    }
    if (!lower_settle_top(l, sig->nparams) || (tail && !lower_profile(l, BUILTIN_profile_leave))) return false;
    if (is_indirect || is_ref) {
        Ins *ins = is_ref ? draft(l, tail ? H_TAIL_CALL_REF : H_CALL_REF, 0)
                          : draft(l, tail ? H_TAIL_CALL_INDIRECT : H_CALL_INDIRECT, in->index2);
        if (ins == NULL) return false;
        ins->s1 = slot;
        if (is_indirect) ins->imm2 = l->module->types[in->index];
        return finish(l, in, ins);
    }
    u32 nimported = l->module->nimported[EXTERN_FUNC];
    if (in->index < nimported) return finish(l, in, draft(l, tail ? H_TAIL_CALL_IMPORT : H_CALL_IMPORT, in->index));
    u32 index = in->index - nimported;
    return finish(l, in, tail ? draft(l, H_TAIL_CALL, index) : draft_call(l, index));
}

bool lower_builtin_args(Lower *l, u32 builtin, u32 nargs, const u8 *results, u32 imm1, u32 imm2)
{
    const BuiltinInfo *info = &tern_builtin_info[builtin];
    if (!lower_settle_top(l, nargs)) return false;
    u32 base = base_of(l, nargs);
    reserve(l, (u64)base + 2ull * info->nresults); /* operands have their room */
    if (info->bulk_log2 != 0 && code_is_metered(l->f->mode)) { /* how much is on top */
        Ins pay = {.op = H_FUEL_BULK, .kd = PLACE_NONE, .acc = ACC_NONE, .d = lower_top(l, 0)->home,
                   .imm = info->bulk_log2};
        lower_barrier(l);
        if (!lower_emit(l, pay)) return false;
    }
    Ins ins = {.op = H_BUILTIN, .kd = PLACE_NONE, .acc = ACC_NONE, .d = base, .index = builtin, .imm = imm1,
               .imm2 = imm2};
    if (!lower_emit(l, ins)) return false;
    lower_truncate(l, l->stack.n - nargs);
    forget_accumulators(l);
    lower_barrier(l);
    for (u32 i = 0; i < info->nresults; i++)
        if (!lower_push_temp(l, results[i], NO_INS)) return false;
    return true;
}

bool lower_profile(Lower *l, u32 builtin)
{
    if (!code_is_profiled(l->f->mode)) return true;
    lower_barrier(l);
    u32 index = l->func_index - l->module->nimported[EXTERN_FUNC];
    Ins ins = {.op = H_BUILTIN, .kd = PLACE_NONE, .acc = ACC_NONE, .index = builtin, .imm = index};
    if (!lower_emit(l, ins)) return false;
    forget_accumulators(l);
    lower_barrier(l);
    return true;
}

bool lower_builtin(Lower *l, u32 builtin, const u8 *results, u32 imm1, u32 imm2)
{
    return lower_builtin_args(l, builtin, tern_builtin_info[builtin].nargs, results, imm1, imm2);
}
