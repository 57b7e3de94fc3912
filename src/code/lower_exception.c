/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_exception.c - tries, their handlers, and throwing, in both encodings.
 *
 * A try becomes a region: a range of instructions with clauses, each naming a label and the slots where the
 * label finds its operands. All that lies below a try's operands is in its home when the try is entered, and
 * locals live in their slots, so nothing has to be saved on the way in or restored at a handler.
 *
 * The handlers of the legacy encoding are code inside the block. There a hidden entry below the payload keeps
 * the exception for rethrow.
 */
#include "code/lower.h"
#include "code/try_region.h"
#include "runtime/builtins.h"

static const FuncType *tag_type(const Lower *l, u32 tag)
{
    return &tern_types_get(l->module->registry, l->module->tags[tag])->u.func;
}

static bool add_catch(Lower *l, LoweredCatch c)
{
    l->f->regions.items[c.region].ncatches++;
    return vec_push(&l->f->catches, l->alloc, c) || lower_no_memory(l);
}

/* Label and first operand slot of the block at depth, for handlers to go to. */
static bool landing(Lower *l, u32 depth, u32 *label, u32 *slot)
{
    Ctrl *c = lower_ctrl(l, depth);
    if (c->kind != CTRL_FUNC) {
        c->label_used = true;
        *label = c->label;
        *slot = lower_home_at(l, c->height);
        return true;
    }
    if (l->return_label == LABEL_NONE && !lower_new_label(l, &l->return_label)) return false;
    *label = l->return_label; /* bound at the end of the body */
    *slot = l->temps;
    return true;
}

/* depth counts from inside the try. */
static bool catch_clause(Lower *l, const CatchClause *clause, u32 region, u32 depth)
{
    bool is_all = clause->kind >= 2, wants_ref = (clause->kind & 1) != 0;
    LoweredCatch c = {.region = region, .tag = is_all ? TAG_ANY : clause->tag, .ref_slot = SLOT_NONE};
    if (!landing(l, depth, &c.label, &c.payload_slot)) return false;
    u32 ncells = is_all ? 0 : tag_type(l, clause->tag)->param_cells;
    if (wants_ref) c.ref_slot = c.payload_slot + ncells;
    return add_catch(l, c);
}

bool lower_try(Lower *l, const Insn *in)
{
    bool is_dead = lower_ctrl(l, 0)->is_dead;
    if (!lower_block(l, in, is_dead ? CTRL_BLOCK : in->op == OP_TRY ? CTRL_TRY : CTRL_TRY_TABLE)) return false;
    if (is_dead) return true;
    lower_barrier(l); /* nothing moves across a region's border */
    LoweredFunc *f = l->f;
    u32 region = f->regions.n, outer = lower_ctrl(l, 1)->region;
    LoweredRegion r = {.first = f->ins.n, .end = f->ins.n, .parent = outer, .next = outer};
    if (!vec_push(&f->regions, l->alloc, r)) return lower_no_memory(l);
    Ctrl *c = lower_ctrl(l, 0);
    c->region = c->try_region = region;
    if (in->op == OP_TRY) return true;
    for (u32 i = 0; i < in->ncatches; i++)
        if (!catch_clause(l, &in->catches[i], region, in->catches[i].label + 1)) return false;
    return true;
}

void lower_close_region(Lower *l, Ctrl *c)
{
    if (c->kind != CTRL_TRY && c->kind != CTRL_TRY_TABLE) return;
    LoweredRegion *r = &l->f->regions.items[c->try_region];
    r->end = l->f->ins.n;
    c->region = r->parent;
}

bool lower_catch(Lower *l, const Insn *in)
{
    Ctrl *c = lower_ctrl(l, 0);
    if (c->was_dead) return true;
    if (!c->is_dead && !lower_leave(l, c)) return false;
    lower_close_region(l, c);
    lower_truncate(l, c->height);
    c->kind = CTRL_CATCH;
    c->is_dead = false;

    bool is_all = in->op == OP_CATCH_ALL;
    u32 label, slot = lower_home_at(l, c->height);
    if (!lower_new_label(l, &label) ||
        !add_catch(l, (LoweredCatch){.region = c->try_region, .tag = is_all ? TAG_ANY : in->index, .label = label,
                                     .payload_slot = slot + 1, .ref_slot = slot}))
        return false;
    lower_bind(l, label);
    if (!lower_push_temp(l, VT_REF, NO_INS)) return false; /* the exception */
    const FuncType *tag = is_all ? NULL : tag_type(l, in->index);
    if (tag != NULL && !lower_push_types(l, tag->params, tag->nparams)) return false;
    l->settled = l->stack.n;
    return true;
}

/* What the try does not catch goes to the handlers active in the block named, skipping those between. */
bool lower_delegate(Lower *l, const Insn *in)
{
    Ctrl *c = lower_ctrl(l, 0);
    if (!c->was_dead) l->f->regions.items[c->try_region].next = lower_ctrl(l, in->index + 1)->region;
    return lower_end(l);
}

/* Operands are read from the slots at base. */
static bool throw_builtin(Lower *l, u32 builtin, u32 base, u32 tag)
{
    Ins ins = {.op = H_BUILTIN, .kd = PLACE_NONE, .acc = ACC_NONE, .d = base, .index = builtin, .imm = tag};
    lower_barrier(l);
    if (!lower_emit(l, ins)) return false;
    lower_mark_dead(l);
    return true;
}

bool lower_throw(Lower *l, const Insn *in)
{
    u32 n = in->sig->nparams;
    if (!lower_settle_top(l, n)) return false;
    u32 base = n > 0 ? lower_top(l, n - 1)->home : lower_next_home(l);
    return throw_builtin(l, BUILTIN_throw, base, in->index);
}

bool lower_throw_ref(Lower *l)
{
    Val v = *lower_pop(l);
    return lower_readable(l, &v) && throw_builtin(l, BUILTIN_throw_ref, v.slot, 0);
}

bool lower_rethrow(Lower *l, u32 depth)
{
    u32 slot = lower_home_at(l, lower_ctrl(l, depth)->height);
    return throw_builtin(l, BUILTIN_throw_ref, slot, 0);
}
