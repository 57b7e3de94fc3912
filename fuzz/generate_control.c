/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generate_control.c - branches, calls and exceptions: what names labels, functions and tags. */
#include "generator.h"

/* --- choosing what is called */

/* A type whose results can be returned here. */
static bool fits_return(const Gen *g, u32 type)
{
    const GenDef *self = &g->defs[g->self_type], *def = &g->defs[type];
    if (def->kind != DEF_FUNC || def->nresults != self->nresults) return false;
    for (u32 i = 0; i < def->nresults; i++)
        if (!gen_is_sub(g, def->vals[def->nparams + i], self->vals[self->nparams + i])) return false;
    return true;
}

/* A function type, whose results fit a return if that is asked. */
static bool find_sig(Gen *g, bool to_return, u32 *type)
{
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        *type = (from + i) % g->nvisible;
        if (g->defs[*type].kind == DEF_FUNC && (!to_return || fits_return(g, *type))) return true;
    }
    return false;
}

/* --- exceptions */

static void throw_tag(Gen *g, u32 tag)
{
    const GenDef *def = &g->defs[g->tags[tag]];
    gen_exprs(g, def->vals, def->nparams);
    gen_index(g, OP_THROW, tag);
}

bool gen_build_exn(Gen *g)
{
    if (!gen_has(g, FEATURE_EXCEPTIONS) || g->ntags == 0 || g->nlabels + 4 >= GEN_MAX_LABELS) return false;
    ValType result = vt_abstract(HEAP_EXN, !gen_has(g, FEATURE_FUNCTION_REFERENCES));
    gen_op(g, OP_BLOCK);
    gen_put_valtype(g->b, result);
    g->labels[g->nlabels++] = (GenLabel){.types = {result}, .n = 1};
    gen_op(g, OP_TRY_TABLE);
    put_byte(g->b, 0x40);
    put_uleb(g->b, 1);
    put_byte(g->b, 3);
    put_uleb(g->b, 0);
    g->labels[g->nlabels++] = (GenLabel){0};
    throw_tag(g, gen_roll(g, g->ntags));
    gen_op(g, OP_END);
    gen_op(g, OP_UNREACHABLE);
    gen_op(g, OP_END);
    g->nlabels -= 2;
    return true;
}

/* --- branches */

/* Code that never falls through goes into an if, except sometimes, so that the rest is dead. */
static bool begin_branch(Gen *g)
{
    if (gen_one_in(g, 6)) return false;
    gen_expr(g, VT_I32);
    gen_op(g, OP_IF);
    put_byte(g->b, 0x40);
    g->labels[g->nlabels++] = (GenLabel){0};
    return true;
}

static void end_branch(Gen *g, bool begun)
{
    if (!begun) return;
    gen_op(g, OP_END);
    g->nlabels--;
}

static const GenLabel *label_at(const Gen *g, u32 depth) { return &g->labels[g->nlabels - 1 - depth]; }

static void br_table(Gen *g)
{
    u32 depth = gen_roll(g, g->nlabels), targets[8], n = 0;
    const GenLabel label = *label_at(g, depth);
    for (u32 i = 0; i < g->nlabels && n < 8; i++) {
        const GenLabel *other = label_at(g, i);
        if (other->n == label.n && memcmp(other->types, label.types, label.n * sizeof *label.types) == 0)
            targets[n++] = i;
    }
    u32 ntargets = gen_roll(g, 9);
    gen_exprs(g, label.types, label.n);
    gen_small(g, VT_I32, 15);
    gen_index(g, OP_BR_TABLE, ntargets);
    for (u32 i = 0; i <= ntargets; i++) put_uleb(g->b, targets[gen_roll(g, n)]);
}

/* block (result t) ... end, so that there is a label of the type that a branch carries. */
static void open_carrier(Gen *g, ValType t)
{
    gen_op(g, OP_BLOCK);
    gen_put_valtype(g->b, t);
    g->labels[g->nlabels++] = (GenLabel){.types = {t}, .n = 1};
}

static void close_carrier(Gen *g, ValType t)
{
    gen_expr(g, t);
    gen_op(g, OP_END);
    g->nlabels--;
    gen_sink(g, t);
}

/* A reference type that may be had non-null as well. */
static ValType some_ref(Gen *g)
{
    return gen_has(g, FEATURE_FUNCTION_REFERENCES) ? vt_with_null(gen_ref_type(g), true) : VT_FUNCREF;
}

static bool br_on_cast(Gen *g, Op op)
{
    bool with_desc = op == OP_BR_ON_CAST_DESC_EQ || op == OP_BR_ON_CAST_DESC_EQ_FAIL;
    bool on_fail = op == OP_BR_ON_CAST_FAIL || op == OP_BR_ON_CAST_DESC_EQ_FAIL;
    ValType target = gen_ref_type(g), source;
    u32 def;
    if (with_desc) {
        if (!gen_find_described(g, &def)) return false;
        target = vt_concrete(def, gen_roll(g, 2) == 0, gen_one_in(g, 3));
    }
    source = gen_top(g, target);
    if (gen_roll(g, 2) == 0 && vt_is_concrete(target)) source = vt_concrete(vt_heap(target), true, false);
    ValType rest = vt_is_nullable(target) ? vt_with_null(source, false) : source;
    ValType carried = on_fail ? rest : target, left = on_fail ? target : rest;
    open_carrier(g, carried);
    gen_expr(g, source);
    if (with_desc) gen_expr(g, vt_concrete(g->defs[def].descriptor, true, vt_is_exact(target)));
    gen_op(g, op);
    put_byte(g->b, (u8)(vt_is_nullable(source) | vt_is_nullable(target) << 1));
    put_uleb(g->b, 0);
    gen_put_heaptype(g->b, source);
    gen_put_heaptype(g->b, target);
    gen_sink(g, left);
    close_carrier(g, carried);
    return true;
}

static bool br_on_null(Gen *g)
{
    u32 depth = gen_roll(g, g->nlabels);
    const GenLabel label = *label_at(g, depth);
    ValType t = some_ref(g);
    gen_exprs(g, label.types, label.n);
    gen_expr(g, t);
    gen_index(g, OP_BR_ON_NULL, depth);
    gen_sink(g, vt_with_null(t, false));
    gen_sinks(g, label.types, label.n);
    return true;
}

static bool br_on_non_null(Gen *g)
{
    ValType t = some_ref(g), carried = vt_with_null(t, false);
    open_carrier(g, carried);
    gen_expr(g, t);
    gen_index(g, OP_BR_ON_NON_NULL, 0);
    close_carrier(g, carried);
    return true;
}

/* Clauses of every kind, with a block for each to go to. */
static bool try_table(Gen *g)
{
    enum { MAX_CLAUSES = 3 };
    GenLabel to[MAX_CLAUSES];
    u8 kinds[MAX_CLAUSES];
    u32 tags[MAX_CLAUSES], n = 1 + gen_roll(g, MAX_CLAUSES), types[MAX_CLAUSES];
    for (u32 i = 0; i < n; i++) {
        kinds[i] = (u8)(g->ntags == 0 ? 2 + gen_roll(g, 2) : gen_roll(g, 4));
        to[i] = (GenLabel){0};
        if (kinds[i] < 2) {
            tags[i] = gen_roll(g, g->ntags);
            const GenDef *def = &g->defs[g->tags[tags[i]]];
            memcpy(to[i].types, def->vals, def->nparams * sizeof *def->vals);
            to[i].n = def->nparams;
        }
        if (kinds[i] & 1) to[i].types[to[i].n++] = VT_EXNREF;
        if (to[i].n > 1 && !gen_has(g, FEATURE_MULTI_VALUE)) return false;
        types[i] = gen_block_type(g, NULL, 0, to[i].types, to[i].n);
        if (types[i] == TYPE_NONE) return false;
    }
    for (u32 i = 0; i < n; i++) {
        gen_op(g, OP_BLOCK);
        put_sleb(g->b, types[i]);
        g->labels[g->nlabels++] = to[i];
    }
    gen_op(g, OP_TRY_TABLE);
    put_byte(g->b, 0x40);
    put_uleb(g->b, n);
    for (u32 i = 0; i < n; i++) {
        put_byte(g->b, kinds[i]);
        if (kinds[i] < 2) put_uleb(g->b, tags[i]);
        put_uleb(g->b, n - 1 - i);
    }
    g->labels[g->nlabels++] = (GenLabel){0};
    gen_statements(g);
    if (g->ntags > 0 && gen_roll(g, 2) == 0) throw_tag(g, gen_roll(g, g->ntags));
    gen_op(g, OP_END);
    g->nlabels--;
    for (u32 i = n; i-- > 0;) {
        gen_exprs(g, to[i].types, to[i].n);
        gen_op(g, OP_END);
        g->nlabels--;
        gen_sinks(g, to[i].types, to[i].n);
    }
    return true;
}

static bool rethrow(Gen *g)
{
    for (u32 i = 0; i < g->nlabels; i++) {
        if (!label_at(g, i)->is_catch) continue;
        bool begun = begin_branch(g);
        gen_index(g, OP_RETHROW, i + begun);
        end_branch(g, begun);
        return true;
    }
    /* try throw catch_all rethrow end, in a try that stops it */
    if (g->nlabels + 4 >= GEN_MAX_LABELS) return false;
    for (u32 i = 0; i < 2; i++) {
        gen_op(g, OP_TRY);
        put_byte(g->b, 0x40);
        g->labels[g->nlabels++] = (GenLabel){0};
    }
    gen_statements(g);
    if (g->ntags > 0) throw_tag(g, gen_roll(g, g->ntags));
    gen_op(g, OP_CATCH_ALL);
    gen_index(g, OP_RETHROW, 0);
    gen_op(g, OP_END);
    g->nlabels--;
    gen_op(g, OP_CATCH_ALL);
    gen_op(g, OP_END);
    g->nlabels--;
    return true;
}

/* --- calls */

static bool put_call(Gen *g, Op op)
{
    bool to_return = op == OP_RETURN_CALL || op == OP_RETURN_CALL_INDIRECT || op == OP_RETURN_CALL_REF;
    bool direct = op == OP_CALL || op == OP_RETURN_CALL;
    bool through_table = op == OP_CALL_INDIRECT || op == OP_RETURN_CALL_INDIRECT;
    u32 func = 0, type = 0, table = 0;
    if (direct) {
        func = gen_roll(g, g->nfuncs);
        for (u32 i = 0; to_return && i < g->nfuncs && !fits_return(g, g->func_types[func]); i++)
            func = (func + 1) % g->nfuncs;
        type = g->func_types[func];
        if (to_return && !fits_return(g, type)) return false;
    } else if (!find_sig(g, to_return, &type)) {
        return false;
    }
    if (through_table && !gen_find_table(g, VT_FUNCREF, &table)) return false;
    const GenDef def = g->defs[type];
    bool begun = to_return && begin_branch(g);
    gen_exprs(g, def.vals, def.nparams);
    if (through_table) gen_small(g, gen_addr_type(g->tables[table].is_64), 7);
    if (!direct && !through_table) gen_expr(g, gen_object_type(g, type));
    gen_index(g, op, direct ? func : type);
    if (through_table) put_uleb(g->b, table);
    if (!to_return) gen_sinks(g, def.vals + def.nparams, def.nresults);
    end_branch(g, begun);
    return true;
}

/* --- the switch */

static bool put_jump(Gen *g, Op op)
{
    if (op == OP_THROW && g->ntags == 0) return false;
    bool begun = begin_branch(g);
    u32 depth = gen_roll(g, g->nlabels);
    const GenLabel label = op == OP_RETURN ? g->labels[0] : *label_at(g, depth);
    switch ((int)op) {
    case OP_UNREACHABLE: gen_op(g, op); break;
    case OP_BR:
        gen_exprs(g, label.types, label.n);
        gen_index(g, op, depth);
        break;
    case OP_BR_TABLE: br_table(g); break;
    case OP_RETURN:
        gen_exprs(g, label.types, label.n);
        gen_op(g, op);
        break;
    case OP_THROW: throw_tag(g, gen_roll(g, g->ntags)); break;
    default: /* throw_ref */
        gen_expr(g, VT_EXNREF);
        gen_op(g, op);
        break;
    }
    end_branch(g, begun);
    return true;
}

static bool put_br_if(Gen *g)
{
    u32 depth = gen_roll(g, g->nlabels);
    const GenLabel label = *label_at(g, depth);
    gen_exprs(g, label.types, label.n);
    gen_expr(g, VT_I32);
    gen_index(g, OP_BR_IF, depth);
    gen_sinks(g, label.types, label.n);
    return true;
}

bool gen_control(Gen *g, Op op)
{
    switch ((int)op) {
    case OP_UNREACHABLE: case OP_BR: case OP_BR_TABLE: case OP_RETURN: case OP_THROW: case OP_THROW_REF:
        return put_jump(g, op);
    case OP_BLOCK: case OP_LOOP: case OP_IF: gen_block(g, op, VT_NONE); return true;
    case OP_ELSE: gen_block(g, OP_IF, VT_NONE); return true;
    case OP_END: gen_block(g, OP_BLOCK, VT_NONE); return true;
    case OP_TRY: case OP_CATCH: case OP_CATCH_ALL: case OP_DELEGATE: gen_block(g, OP_TRY, VT_NONE); return true;
    case OP_RETHROW: return rethrow(g);
    case OP_TRY_TABLE: return try_table(g);
    case OP_BR_IF: return put_br_if(g);
    case OP_BR_ON_NULL: return br_on_null(g);
    case OP_BR_ON_NON_NULL: return br_on_non_null(g);
    case OP_BR_ON_CAST: case OP_BR_ON_CAST_FAIL: case OP_BR_ON_CAST_DESC_EQ: case OP_BR_ON_CAST_DESC_EQ_FAIL:
        return br_on_cast(g, op);
    case OP_CALL: case OP_CALL_INDIRECT: case OP_CALL_REF:
    case OP_RETURN_CALL: case OP_RETURN_CALL_INDIRECT: case OP_RETURN_CALL_REF: return put_call(g, op);
    default: return false;
    }
}
