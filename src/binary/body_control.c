/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* body_control.c - blocks, branches, calls and exceptions (spec 3.4.2 to 3.4.4).
 *
 * Frames are an explicit stack, so nesting costs memory and never the host's stack. Locals without
 * a default that were set inside a block count as unset after it.
 */
#include "binary/body.h"

/* --- frames --------------------------------------------------------------------------------- */

/* Makes the innermost frame of ctrls the current one. */
static void set_current(Body *b)
{
    BodyScratch *s = b->s;
    b->ctrl = &s->ctrls.items[s->ctrls.n - 1];
    b->base = s->stack.items + b->ctrl->height;
}

bool tern_body_enter(Body *b, Op op, const FuncType *sig)
{
    BodyScratch *s = b->s;
    Ctrl ctrl = {
        .sig = sig,
        .height = (u32)(b->sp - s->stack.items),
        .ninits = s->inits.n,
        .op = (u16)op,
        .is_dead = s->ctrls.n > 0 && (b->ctrl->unreachable || b->ctrl->is_dead),
    };
    u32 most = b->module->limits.most[LIMIT_NESTING]; /* the body itself is no block */
    if (UNLIKELY(s->ctrls.n > most))
        return body_fail(b, DIAG_LIMIT, "more than %u %s", (unsigned)most, tern_module_limit_texts[LIMIT_NESTING]);
    if (!vec_push(&s->ctrls, s->alloc, ctrl)) return tern_body_no_memory(b);
    set_current(b);
    return true;
}

/* What a block must have done when it ends: its results, exactly, are on the stack. */
static bool close_block(Body *b)
{
    const FuncType *sig = b->ctrl->sig;
    b->in.sig = sig;
    if (!tern_body_pop_list(b, sig->results, sig->nresults)) return false;
    if (b->sp == b->base) return true;
    b->sp += sig->nresults; /* they were all there, since more is: the message shows them */
    return tern_body_mismatch(b, true, sig->results, sig->nresults);
}

static void undo_inits(Body *b)
{
    BodyScratch *s = b->s;
    while (s->inits.n > b->ctrl->ninits) s->init_epoch.items[s->inits.items[--s->inits.n]] = 0;
}

void tern_body_leave(Body *b)
{
    undo_inits(b);
    if (--b->s->ctrls.n > 0) set_current(b);
}

/* Leaves the frame, whose results become the outer one's operands. */
static bool leave(Body *b)
{
    const FuncType *sig = b->ctrl->sig;
    b->sp = b->base;
    tern_body_leave(b);
    return b->s->ctrls.n == 0 || tern_body_push_list(b, sig->results, sig->nresults);
}

/* The same frame again, for else and catch. */
static void reopen(Body *b, Op op)
{
    undo_inits(b);
    b->sp = b->base;
    b->ctrl->op = (u16)op;
    b->ctrl->unreachable = false;
}

bool tern_body_type_block(Body *b)
{
    const FuncType *sig = b->in.sig;
    if (b->in.op == OP_IF && !pop(b, VT_I32)) return false;
    return tern_body_pop_list(b, sig->params, sig->nparams) && tern_body_enter(b, b->in.op, sig) &&
           tern_body_push_list(b, sig->params, sig->nparams);
}

bool tern_body_type_else(Body *b)
{
    if (b->ctrl->op != OP_IF) return body_fail(b, DIAG_END_EXPECTED, "else outside of if");
    if (!close_block(b)) return false;
    reopen(b, OP_ELSE);
    return tern_body_push_list(b, b->ctrl->sig->params, b->ctrl->sig->nparams);
}

bool tern_body_type_end(Body *b)
{
    const FuncType *sig = b->ctrl->sig;
    if (!close_block(b)) return false;
    if (b->ctrl->op == OP_IF) { /* an if without else gives its parameters */
        b->sp = b->base;
        b->ctrl->unreachable = false;
        if (!tern_body_push_list(b, sig->params, sig->nparams) || !close_block(b)) return false;
    }
    return leave(b);
}

/* --- branches ------------------------------------------------------------------------------- */

static bool label_of(Body *b, u32 label, Ctrl **ctrl)
{
    CtrlVec *ctrls = &b->s->ctrls;
    if (UNLIKELY(label >= ctrls->n)) return tern_body_fail_number(b, DIAG_UNKNOWN_LABEL, label);
    *ctrl = &ctrls->items[ctrls->n - 1 - label];
    return true;
}

/* The operands a branch to the frame takes. */
static void label_types(const Ctrl *ctrl, const ValType **types, u32 *n)
{
    const FuncType *sig = ctrl->sig;
    bool is_loop = ctrl->op == OP_LOOP;
    *types = is_loop ? sig->params : sig->results;
    *n = is_loop ? sig->nparams : sig->nresults;
}

bool tern_body_type_br(Body *b)
{
    Ctrl *ctrl;
    const ValType *types;
    u32 n;
    if (!label_of(b, b->in.index, &ctrl)) return false;
    label_types(ctrl, &types, &n);
    if (!tern_body_check_top(b, types, n)) return false;
    set_unreachable(b);
    return true;
}

/* The operands get the label's types, which may say less than is known. */
static bool retype(Body *b, const ValType *types, u32 n)
{
    if (n == 1 && LIKELY(b->sp > b->base && b->sp[-1] == *types)) return true;
    return n == 0 || (tern_body_pop_list(b, types, n) && tern_body_push_list(b, types, n));
}

bool tern_body_type_br_plain(Body *b)
{
    Ctrl *ctrl;
    const ValType *types;
    u32 n;
    if (!label_of(b, b->in.index, &ctrl)) return false;
    label_types(ctrl, &types, &n);
    return retype(b, types, n);
}

bool tern_body_type_br_if(Body *b) { return pop(b, VT_I32) && tern_body_type_br_plain(b); }

bool tern_body_type_br_carrying(Body *b, ValType carried)
{
    Ctrl *ctrl;
    const ValType *types;
    u32 n;
    if (!label_of(b, b->in.index, &ctrl)) return false;
    label_types(ctrl, &types, &n);
    if (n == 0 || !matches(b, carried, types[n - 1])) {
        char have[48], want[48];
        return body_fail(b, DIAG_TYPE_MISMATCH, "%s carries %s but the label takes %s",
                         tern_op_info[b->in.op].text, tern_types_name(carried, have, sizeof have),
                         n == 0 ? "nothing" : tern_types_name(types[n - 1], want, sizeof want));
    }
    return retype(b, types, n - 1);
}

/* Every label takes the same number of operands. A label named twice is checked once, and so are
 * labels in a row that share a type, so the time is linear in the table's length. */
bool tern_body_type_br_table(Body *b)
{
    const Insn *in = &b->in;
    Ctrl *ctrl;
    const ValType *types, *checked = NULL;
    u32 arity, n;
    if (!pop(b, VT_I32) || !label_of(b, in->targets[in->ntargets], &ctrl)) return false;
    label_types(ctrl, &types, &arity);
    b->nbr_tables++;
    for (u32 i = 0; i <= in->ntargets; i++) {
        if (!label_of(b, in->targets[i], &ctrl)) return false;
        if (ctrl->br_table == b->nbr_tables) continue;
        ctrl->br_table = b->nbr_tables;
        label_types(ctrl, &types, &n);
        if (n != arity)
            return body_fail(b, DIAG_TYPE_MISMATCH, "br_table's labels take %u and %u operands",
                             arity, n);
        if (types == checked) continue; /* the same list, as n is the same */
        if (!tern_body_check_top(b, types, n)) return false;
        checked = types;
    }
    set_unreachable(b);
    return true;
}

/* --- calls ---------------------------------------------------------------------------------- */

bool tern_body_type_call(Body *b, const FuncType *callee)
{
    b->in.sig = callee;
    return tern_body_pop_list(b, callee->params, callee->nparams) &&
           tern_body_push_list(b, callee->results, callee->nresults);
}

bool tern_body_type_tail_call(Body *b, const FuncType *callee)
{
    b->in.sig = callee;
    bool matching = callee->nresults == b->sig->nresults;
    for (u32 i = 0; matching && i < callee->nresults; i++)
        matching = matches(b, callee->results[i], b->sig->results[i]);
    if (!matching)
        return body_fail(b, DIAG_TYPE_MISMATCH, "%s: the callee's results are not the caller's",
                         tern_op_info[b->in.op].text);
    if (!tern_body_pop_list(b, callee->params, callee->nparams)) return false;
    set_unreachable(b);
    return true;
}

/* --- exceptions ----------------------------------------------------------------------------- */

/* A clause branches with the tag's parameters, and with the exception if its kind is odd. */
static bool check_catch(Body *b, const CatchClause *clause)
{
    Ctrl *ctrl;
    const ValType *types;
    u32 n;
    const FuncType none = {0}, *tag = &none;
    if (clause->kind < 2)
        tag = &tern_types_get(b->module->registry, b->module->tags[clause->tag])->u.func;
    if (!label_of(b, clause->label, &ctrl)) return false;
    label_types(ctrl, &types, &n);
    bool matching = n == tag->nparams + (clause->kind & 1u);
    for (u32 i = 0; matching && i < tag->nparams; i++)
        matching = matches(b, tag->params[i], types[i]);
    if (matching && (clause->kind & 1))
        matching = matches(b, vt_abstract(HEAP_EXN, false), types[n - 1]);
    return matching || body_fail(b, DIAG_TYPE_MISMATCH, "a catch clause and its label %u disagree",
                                 clause->label);
}

bool tern_body_type_try_table(Body *b)
{
    /* The labels are those around the block. */
    for (u32 i = 0; i < b->in.ncatches; i++)
        if (!check_catch(b, &b->in.catches[i])) return false;
    return tern_body_type_block(b);
}

bool tern_body_type_catch(Body *b, const FuncType *tag)
{
    if (b->ctrl->op != OP_TRY && b->ctrl->op != OP_CATCH)
        return body_fail(b, DIAG_END_EXPECTED, "%s outside of try", tern_op_info[b->in.op].text);
    if (!close_block(b)) return false;
    reopen(b, b->in.op);
    return tag == NULL || tern_body_push_list(b, tag->params, tag->nparams);
}

/* The label counts from outside the try that ends here. */
bool tern_body_type_delegate(Body *b)
{
    if (b->ctrl->op != OP_TRY) return body_fail(b, DIAG_END_EXPECTED, "delegate outside of try");
    if (b->in.index >= b->s->ctrls.n - 1)
        return tern_body_fail_number(b, DIAG_UNKNOWN_LABEL, b->in.index);
    return close_block(b) && leave(b);
}

bool tern_body_type_rethrow(Body *b)
{
    Ctrl *ctrl;
    if (!label_of(b, b->in.index, &ctrl)) return false;
    if (ctrl->op != OP_CATCH && ctrl->op != OP_CATCH_ALL)
        return tern_body_fail_number(b, DIAG_INVALID_RETHROW, b->in.index);
    set_unreachable(b);
    return true;
}
