/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generate_body.c - bodies of generated functions: expressions of a wanted type, statements, blocks.
 *
 * A statement picks any row of the instruction table; rows with a fixed signature are written from their columns,
 * the others in generate_special.c. Operands are expressions, which prefer what gives the wanted type. Nothing here
 * looks at the operand stack: each piece leaves it as its contract says, and code behind a branch is typed all the
 * same.
 */
#include "generator.h"

enum { MAX_DEPTH = 7 };

void gen_op(Gen *g, Op op)
{
    put_op(g->b, op);
    if (g->options.counts != NULL) g->options.counts[op]++;
    g->budget--;
}

void gen_index(Gen *g, Op op, u64 index)
{
    gen_op(g, op);
    put_uleb(g->b, index);
}

void gen_i32(Gen *g, u32 v)
{
    gen_op(g, OP_I32_CONST);
    put_sleb(g->b, (s32)v);
}

/* --- small things */

static u64 const_bits(Gen *g, OpType type)
{
    static const u64 reals[] = {0, 0x3ff0000000000000, 0xbff8000000000000, 0x7ff0000000000000, 0x8000000000000000,
                                0x41dfffffffc00000, 0xc1e0000000000000, 0x43e0000000000000, 0x7ff8000000000000,
                                0x3ff, 0x40f0000000000000};
    static const u32 singles[] = {0, 0x3f800000, 0xbfc00000, 0x7f800000, 0x80000000, 0x4f000000, 0xcf000000,
                                  0x5f000000, 0x7fc00000, 0x7f, 0x47800000};
    switch (gen_roll(g, 4)) {
    case 0: return (u64)(s64)(s8)gen_byte(g);
    case 1:
        if (type == OT_f64) return reals[gen_roll(g, COUNT_OF(reals))];
        if (type == OT_f32) return singles[gen_roll(g, COUNT_OF(singles))];
        return 1ull << gen_roll(g, 64);
    case 2: return (1ull << gen_roll(g, 64)) - 1 + gen_roll(g, 3);
    default: return gen_bits(g, type == OT_i32 || type == OT_f32 ? 4 : 8);
    }
}

static OpType column_of(ValType t)
{
    switch (t) {
    case VT_I32: return OT_i32;
    case VT_I64: return OT_i64;
    case VT_F32: return OT_f32;
    case VT_F64: return OT_f64;
    default: return OT_v128;
    }
}

static ValType of_column(OpType t)
{
    static const u8 codes[] = {VT_NONE, VT_I32, VT_I64, VT_F32, VT_F64, VT_V128, VT_NONE};
    return codes[t];
}

static Op const_op(OpType t)
{
    switch (t) {
    case OT_i64: return OP_I64_CONST;
    case OT_f32: return OP_F32_CONST;
    case OT_f64: return OP_F64_CONST;
    case OT_v128: return OP_V128_CONST;
    default: return OP_I32_CONST;
    }
}

static void put_immediate(Gen *g, OpType type)
{
    u64 v = const_bits(g, type);
    switch (type) {
    case OT_i64: put_sleb(g->b, (s64)v); break;
    case OT_f32: put_u32(g->b, (u32)v); break;
    case OT_f64:
        put_u32(g->b, (u32)v);
        put_u32(g->b, (u32)(v >> 32));
        break;
    case OT_v128:
        for (u32 i = 0; i < 4; i++, v = v * 3 + gen_byte(g)) put_u32(g->b, (u32)v);
        break;
    default: put_sleb(g->b, (s32)v); break;
    }
}

static u32 local_number(const Gen *g, u32 local) { return local < g->nparams ? local : local + g->nfiller; }

static bool find_local(Gen *g, ValType t, bool to_write, u32 *local)
{
    if (g->nlocals == 0) return false;
    u32 from = gen_roll(g, g->nlocals);
    for (u32 i = 0; i < g->nlocals; i++) {
        u32 at = (from + i) % g->nlocals;
        ValType have = g->locals[at];
        bool fits = to_write ? gen_is_sub(g, t, have)
                             : gen_is_sub(g, have, t) && (vt_is_defaultable(have) || at < g->nparams);
        if (!fits) continue;
        *local = local_number(g, at);
        return true;
    }
    return false;
}

void gen_leaf(Gen *g, ValType t)
{
    u32 local;
    if (gen_roll(g, 3) > 0 && find_local(g, t, false, &local)) {
        gen_index(g, OP_LOCAL_GET, local);
        return;
    }
    if (!vt_is_ref(t)) {
        OpType type = column_of(t);
        gen_op(g, const_op(type));
        put_immediate(g, type);
        return;
    }
    if (!vt_is_nullable(t) && g->depth < 2 * MAX_DEPTH) {
        g->depth++;
        bool done = gen_build(g, t);
        g->depth--;
        if (done) return;
    }
    gen_op(g, OP_REF_NULL);
    gen_put_heaptype(g->b, t);
    if (!vt_is_nullable(t)) gen_op(g, OP_REF_AS_NON_NULL);
}

void gen_small(Gen *g, ValType t, u32 mask)
{
    gen_expr(g, t);
    if (gen_roll(g, 60) == 59) return; /* as it comes */
    gen_op(g, t == VT_I64 ? OP_I64_CONST : OP_I32_CONST);
    put_sleb(g->b, mask);
    gen_op(g, t == VT_I64 ? OP_I64_AND : OP_I32_AND);
}

void gen_addr(Gen *g, u32 memory, u32 align)
{
    ValType t = g->memories[memory].is_64 ? VT_I64 : VT_I32;
    if (gen_roll(g, 3) == 0) {
        gen_op(g, t == VT_I64 ? OP_I64_CONST : OP_I32_CONST);
        put_sleb(g->b, (s64)(gen_roll(g, 4096) & ~(align - 1)));
        return;
    }
    gen_small(g, t, 0xffffu & ~(align - 1));
}

void gen_exprs(Gen *g, const ValType *types, u32 n)
{
    for (u32 i = 0; i < n; i++) gen_expr(g, types[i]);
}

void gen_sinks(Gen *g, const ValType *types, u32 n)
{
    while (n > 0) gen_sink(g, types[--n]);
}

void gen_sink(Gen *g, ValType t)
{
    u32 local;
    switch (gen_roll(g, 5)) {
    case 0:
    case 1:
        if (!find_local(g, t, true, &local)) break;
        gen_index(g, OP_LOCAL_SET, local);
        return;
    case 2:
        for (u32 i = 0, from = gen_roll(g, g->nglobals); i < g->nglobals; i++) {
            u32 at = (from + i) % g->nglobals;
            if (!g->globals[at].is_mutable || at == g->fuel || !gen_is_sub(g, t, g->globals[at].type)) continue;
            gen_index(g, OP_GLOBAL_SET, at);
            return;
        }
        break;
    case 3:
        if (!find_local(g, t, true, &local)) break;
        gen_index(g, OP_LOCAL_TEE, local);
        break;
    }
    gen_op(g, OP_DROP);
}

/* --- rows with a fixed signature */

static bool is_float_row(const OpInfo *info)
{
    switch ((OpShape)info->shape) {
    case SHAPE_CONST: case SHAPE_LOAD: case SHAPE_LOADX: case SHAPE_LOADL: case SHAPE_ALOAD: return false;
    default: break;
    }
    if (info->nresults != 1) return false;
    if (info->results[0] == OT_f32 || info->results[0] == OT_f64) return true;
    if (info->results[0] != OT_v128) return false;
    if (strncmp(info->text, "f32x4.", 6) != 0 && strncmp(info->text, "f64x2.", 6) != 0) return false;
    static const char *const masks[] = {"eq", "ne", "lt", "gt", "le", "ge"};
    for (u32 i = 0; i < COUNT_OF(masks); i++)
        if (strcmp(info->text + 6, masks[i]) == 0) return false;
    return true;
}

/* [t] -> [t]: NaN becomes zero, whose bits are the same everywhere. */
static void quieten(Gen *g, const OpInfo *info)
{
    OpType type = (OpType)info->results[0];
    u32 local = g->scratch[type == OT_f32 ? 0 : type == OT_f64 ? 1 : 2];
    gen_index(g, OP_LOCAL_TEE, local);
    if (type == OT_v128) {
        gen_index(g, OP_LOCAL_GET, local);
        gen_index(g, OP_LOCAL_GET, local);
        gen_op(g, info->text[1] == '3' ? OP_F32X4_EQ : OP_F64X2_EQ);
        gen_op(g, OP_V128_AND);
        return;
    }
    gen_op(g, const_op(type));
    for (u32 i = 0; i < (type == OT_f32 ? 1 : 2); i++) put_u32(g->b, 0);
    gen_index(g, OP_LOCAL_GET, local);
    gen_index(g, OP_LOCAL_GET, local);
    gen_op(g, type == OT_f32 ? OP_F32_EQ : OP_F64_EQ);
    gen_op(g, OP_SELECT);
}

static void put_memarg(Gen *g, const OpInfo *info, u32 memory)
{
    u32 natural = (u32)__builtin_ctz(info->mem_bytes), align = info->is_atomic ? natural : gen_roll(g, natural + 1);
    put_uleb(g->b, align | (memory > 0 ? 0x40u : 0));
    if (memory > 0) put_uleb(g->b, memory);
    u64 offset = gen_roll(g, 4) > 0 ? gen_roll(g, 64) * info->mem_bytes : gen_roll(g, 2) ? gen_roll(g, 65536) : 0;
    if (gen_roll(g, 40) == 39) offset = gen_bits(g, g->memories[memory].is_64 ? 8 : 4);
    if (info->is_atomic && gen_roll(g, 8) < 7) offset &= ~(u64)(info->mem_bytes - 1u);
    put_uleb(g->b, offset);
}

static void put_immediates(Gen *g, const OpInfo *info, u32 memory)
{
    switch ((ImmKind)info->imm) {
    case IMM_I32: put_immediate(g, OT_i32); break;
    case IMM_I64: put_immediate(g, OT_i64); break;
    case IMM_F32: put_immediate(g, OT_f32); break;
    case IMM_F64: put_immediate(g, OT_f64); break;
    case IMM_V128: put_immediate(g, OT_v128); break;
    case IMM_MEMARG: put_memarg(g, info, memory); break;
    case IMM_MEMARG_LANE:
        put_memarg(g, info, memory);
        put_byte(g->b, (u8)gen_roll(g, info->nlanes));
        break;
    case IMM_LANE: put_byte(g->b, (u8)gen_roll(g, info->nlanes)); break;
    case IMM_SHUFFLE:
        for (u32 i = 0; i < 16; i++) put_byte(g->b, (u8)gen_roll(g, 32));
        break;
    case IMM_ZERO_BYTE: put_byte(g->b, 0); break;
    default: break; /* IMM_NONE; the others belong to rows without a fixed signature */
    }
}

bool gen_regular(Gen *g, Op op)
{
    const OpInfo *info = &tern_op_info[op];
    u32 memory = 0;
    if (info->mem_bytes > 0) {
        if (g->nmemories == 0) return false;
        memory = gen_roll(g, g->nmemories);
    }
    bool waits = op == OP_MEMORY_ATOMIC_WAIT32 || op == OP_MEMORY_ATOMIC_WAIT64;
    if (waits && g->options.is_deterministic) return false;
    for (u32 i = 0; i < info->nargs; i++) {
        if (info->args[i] == OT_addr) {
            gen_addr(g, memory, info->is_atomic && gen_roll(g, 16) < 15 ? info->mem_bytes : 1);
        } else if (waits && i == 2) { /* nanoseconds */
            gen_op(g, OP_I64_CONST);
            put_sleb(g->b, (s64)gen_roll(g, 2000));
        } else {
            gen_expr(g, of_column((OpType)info->args[i]));
        }
    }
    gen_op(g, op);
    put_immediates(g, info, memory);
    if (g->options.is_deterministic && is_float_row(info)) quieten(g, info);
    return true;
}

/* --- blocks */

/* type: TYPE_NONE where the short form will do. */
static void put_block_type(Gen *g, u32 type, const ValType *results, u32 nr)
{
    if (type != TYPE_NONE) {
        put_sleb(g->b, type);
    } else if (nr == 0) {
        put_byte(g->b, 0x40);
    } else {
        gen_put_valtype(g->b, results[0]);
    }
}

static void push_label(Gen *g, const ValType *types, u32 n)
{
    GenLabel *label = &g->labels[g->nlabels++];
    label->n = n;
    label->is_catch = false;
    if (n > 0) memcpy(label->types, types, n * sizeof *types);
}

static void legacy_catches(Gen *g, const ValType *results, u32 nr)
{
    if (g->nlabels > 1 && gen_roll(g, 4) == 1) {
        gen_index(g, OP_DELEGATE, gen_roll(g, g->nlabels - 1));
        g->nlabels--;
        return;
    }
    g->labels[g->nlabels - 1].is_catch = true;
    u32 n = g->ntags == 0 ? 0 : gen_roll(g, 3);
    for (u32 i = 0; i < n; i++) {
        u32 tag = gen_roll(g, g->ntags);
        const GenDef *def = &g->defs[g->tags[tag]];
        gen_index(g, OP_CATCH, tag);
        gen_sinks(g, def->vals, def->nparams);
        gen_statements(g);
        gen_exprs(g, results, nr);
    }
    if (gen_roll(g, 2) == 0) {
        gen_op(g, OP_CATCH_ALL);
        gen_statements(g);
        gen_exprs(g, results, nr);
    }
    gen_op(g, OP_END);
    g->nlabels--;
}

/* Clauses that go to labels there are already. */
static void put_plain_catches(Gen *g)
{
    Bytes clauses = {0};
    u32 n = 0;
    for (u32 i = 0; i < g->nlabels && n < 3; i++) {
        const GenLabel *label = &g->labels[g->nlabels - 1 - i];
        bool has_ref = label->n == 1 && gen_is_sub(g, vt_abstract(HEAP_EXN, false), label->types[0]);
        if ((label->n > 0 && !has_ref) || gen_one_in(g, 2)) continue;
        put_byte(&clauses, has_ref ? 3 : 2);
        put_uleb(&clauses, i);
        n++;
    }
    put_uleb(g->b, n);
    put_bytes(g->b, clauses.p, clauses.n);
    bytes_done(&clauses);
}

void gen_block(Gen *g, Op op, ValType result)
{
    ValType params[GEN_MAX_VALS], results[1 + GEN_MAX_VALS];
    bool multi = gen_has(g, FEATURE_MULTI_VALUE), is_wide = g->depth < 3;
    u32 np = multi && gen_roll(g, 3) == 2 ? 1 + (is_wide ? gen_arity(g, 2) : gen_roll(g, 2)) : 0, nr = 0;
    for (u32 i = 0; i < np; i++) params[i] = i < 4 ? gen_type(g) : gen_num_type(g);
    if (result != VT_NONE) results[nr++] = result;
    for (u32 i = multi && gen_roll(g, 4) == 3 ? 1 + (is_wide ? gen_arity(g, 2) : gen_roll(g, 2)) : 0; i > 0; i--, nr++)
        results[nr] = nr < 4 ? gen_type(g) : gen_num_type(g);
    u32 type = TYPE_NONE;
    if (multi && (np > 0 || nr > 1 || gen_one_in(g, 4))) {
        type = gen_block_type(g, params, np, results, nr);
        if (type == TYPE_NONE) np = nr = 0; /* there are too many */
        if (type == TYPE_NONE && result != VT_NONE) nr = 1;
    }

    gen_exprs(g, params, np);
    if (op == OP_IF) gen_expr(g, VT_I32);
    gen_op(g, op);
    put_block_type(g, type, results, nr);
    if (op == OP_TRY_TABLE) put_plain_catches(g);
    if (op == OP_LOOP) {
        push_label(g, params, np);
    } else {
        push_label(g, results, nr);
    }
    gen_sinks(g, params, np);
    if (op == OP_LOOP) gen_take_fuel(g);
    gen_statements(g);
    gen_exprs(g, results, nr);
    if (op == OP_TRY) {
        legacy_catches(g, results, nr);
    } else {
        bool is_needed = nr != np || memcmp(params, results, np * sizeof *params) != 0;
        if (op == OP_IF && (is_needed || gen_one_in(g, 2))) {
            gen_op(g, OP_ELSE);
            gen_sinks(g, params, np);
            gen_statements(g);
            gen_exprs(g, results, nr);
        }
        gen_op(g, OP_END);
        g->nlabels--;
    }
    gen_sinks(g, results + (result != VT_NONE), nr - (result != VT_NONE));
}

static Op block_op(Gen *g)
{
    bool has_new = gen_has(g, FEATURE_EXCEPTIONS), has_old = gen_has(g, FEATURE_LEGACY_EXCEPTIONS);
    switch (gen_roll(g, 6)) {
    case 0: return OP_BLOCK;
    case 1: return OP_LOOP;
    case 2: return has_new ? OP_TRY_TABLE : OP_IF;
    case 3: return has_old ? OP_TRY : OP_IF;
    default: return OP_IF;
    }
}

void gen_take_fuel(Gen *g)
{
    gen_index(g, OP_GLOBAL_GET, g->fuel);
    gen_op(g, OP_I32_EQZ);
    gen_op(g, OP_IF);
    put_byte(g->b, 0x40);
    gen_op(g, OP_UNREACHABLE);
    gen_op(g, OP_END);
    gen_index(g, OP_GLOBAL_GET, g->fuel);
    gen_i32(g, 1);
    gen_op(g, OP_I32_SUB);
    gen_index(g, OP_GLOBAL_SET, g->fuel);
}

/* --- expressions */

/* A function's first result, the others gone. */
static bool call_expr(Gen *g, ValType t)
{
    u32 from = gen_roll(g, g->nfuncs);
    for (u32 i = 0; i < g->nfuncs; i++) {
        u32 func = (from + i) % g->nfuncs;
        const GenDef *def = &g->defs[g->func_types[func]];
        if (def->nresults == 0 || !gen_is_sub(g, def->vals[def->nparams], t)) continue;
        ValType results[GEN_MAX_VALS];
        u32 n = def->nresults, type = g->func_types[func];
        memcpy(results, def->vals + def->nparams, n * sizeof *results);
        gen_exprs(g, def->vals, def->nparams);
        u32 callee;
        if (gen_roll(g, 2) == 1 && gen_has(g, FEATURE_FUNCTION_REFERENCES) && type < g->nvisible &&
            gen_func_of(g, vt_concrete(type, false, false), &callee)) {
            gen_index(g, OP_REF_FUNC, callee);
            gen_index(g, OP_CALL_REF, type);
        } else {
            gen_index(g, OP_CALL, func);
        }
        gen_sinks(g, results + 1, n - 1);
        return true;
    }
    return false;
}

static void select_expr(Gen *g, ValType t)
{
    gen_expr(g, t);
    gen_expr(g, t);
    gen_expr(g, VT_I32);
    if (!vt_is_ref(t) && (!gen_has(g, FEATURE_REFERENCE_TYPES) || gen_roll(g, 2) == 0)) {
        gen_op(g, OP_SELECT);
        return;
    }
    gen_op(g, OP_SELECT_T);
    put_uleb(g->b, 1);
    gen_put_valtype(g->b, t);
}

static bool maker_expr(Gen *g, OpType type)
{
    if (g->nmakers[type] == 0) return false;
    Op op = (Op)g->makers[type][gen_roll(g, g->nmakers[type])];
    if (!gen_regular(g, op)) return false;
    const OpInfo *info = &tern_op_info[op];
    if (info->nresults == 2) gen_sink(g, of_column((OpType)info->results[1]));
    return true;
}

static bool ref_expr(Gen *g, ValType t)
{
    if (!vt_is_nullable(t) && gen_roll(g, 4) == 3) {
        gen_expr(g, vt_with_null(t, true));
        gen_op(g, OP_REF_AS_NON_NULL);
        return true;
    }
    if (gen_has(g, FEATURE_GC) && gen_roll(g, 5) == 4) {
        gen_expr(g, gen_top(g, t));
        gen_op(g, vt_is_nullable(t) ? OP_REF_CAST_NULL : OP_REF_CAST);
        gen_put_heaptype(g->b, t);
        return true;
    }
    return gen_build(g, t);
}

void gen_expr(Gen *g, ValType t)
{
    if (g->budget <= 0 || g->depth >= MAX_DEPTH || g->nlabels + 4 >= GEN_MAX_LABELS) {
        gen_leaf(g, t);
        return;
    }
    g->depth++;
    bool done = false;
    switch (gen_roll(g, 16)) {
    case 0: case 1: case 2: break;
    case 3: done = call_expr(g, t); break;
    case 4:
        gen_block(g, block_op(g), t);
        done = true;
        break;
    case 5:
        select_expr(g, t);
        done = true;
        break;
    case 6: case 7: case 8: done = gen_access(g, t); break;
    default: done = vt_is_ref(t) ? ref_expr(g, t) : maker_expr(g, column_of(t)); break;
    }
    if (!done) gen_leaf(g, t);
    g->depth--;
}

/* --- statements */

static void statement(Gen *g)
{
    Op op = (Op)g->enabled[gen_roll(g, g->nenabled)];
    /* Most rows are vectors and atomics: the others come as often again. */
    if (tern_op_info[op].code >> 16 >= 0xfd && gen_roll(g, 2) == 0)
        op = (Op)g->enabled[gen_roll(g, g->nenabled < 224 ? g->nenabled : 224)];
    const OpInfo *info = &tern_op_info[op];
    if (info->shape == SHAPE_SPECIAL) {
        gen_special(g, op);
        return;
    }
    if (!gen_regular(g, op)) return;
    for (u32 i = info->nresults; i-- > 0;) gen_sink(g, of_column((OpType)info->results[i]));
}

void gen_statements(Gen *g)
{
    if (g->budget <= 0 || g->depth >= MAX_DEPTH || g->nlabels + 4 >= GEN_MAX_LABELS) return;
    g->depth++;
    for (u32 n = gen_roll(g, 4); n > 0; n--) statement(g);
    g->depth--;
}

/* --- functions */

static void put_locals(Gen *g, Bytes *b)
{
    /* Mostly few, sometimes so many that slots need more than eight or sixteen bits. */
    static const u32 fillers[] = {0, 0, 0, 0, 0, 0, 200, 300};
    g->nfiller = fillers[gen_roll(g, COUNT_OF(fillers))];
    if (g->nfiller == 300 && gen_one_in(g, 6)) g->nfiller = 33000;
    ValType filler = g->nfiller > 0 ? gen_num_type(g) : VT_I32;
    u32 n = 3 + gen_roll(g, 12);
    for (u32 i = 0; i < n; i++) g->locals[g->nlocals++] = gen_type(g);
    put_uleb(b, (g->nfiller > 0) + n + 3);
    if (g->nfiller > 0) {
        put_uleb(b, g->nfiller);
        gen_put_valtype(b, filler);
    }
    static const u8 scratch[] = {VT_F32, VT_F64, VT_V128};
    for (u32 i = 0; i < n + 3; i++) {
        u8 code = i < n ? 0 : scratch[i - n];
        if (code == VT_V128 && !gen_has(g, FEATURE_SIMD)) code = VT_I32;
        if (i >= n) g->scratch[i - n] = g->nfiller + g->nparams + i;
        put_byte(b, 1);
        gen_put_valtype(b, i < n ? g->locals[g->nparams + i] : code);
    }
}

Bytes gen_body(Gen *g, u32 func, s32 budget)
{
    Bytes body = {0};
    const GenDef self = g->defs[g->func_types[func]];
    g->b = &body;
    g->self_type = g->func_types[func];
    g->nlabels = g->depth = 0;
    g->budget = budget;
    g->nlocals = g->nparams = self.nparams;
    if (self.nparams > 0) memcpy(g->locals, self.vals, self.nparams * sizeof *self.vals);
    put_locals(g, &body);
    push_label(g, self.vals + self.nparams, self.nresults);
    gen_take_fuel(g);
    for (u32 n = 1 + gen_roll(g, 12); n > 0 && g->budget > 0; n--) statement(g);
    gen_exprs(g, self.vals + self.nparams, self.nresults);
    gen_op(g, OP_END);
    return body;
}
