/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generate_types.c - types of generated modules: recursion groups, subtypes, descriptors; and who is below whom.
 *
 * The matching here is by declared supertypes of the module's own indices. It is stricter than the specification's,
 * which may find two groups to be the same, so what it allows is valid.
 */
#include "generator.h"

/* --- matching */

static HeapCode heap_kind(const Gen *g, ValType t)
{
    if (!vt_is_concrete(t)) return (HeapCode)vt_heap(t);
    switch (g->defs[vt_heap(t)].kind) {
    case DEF_FUNC: return HEAP_FUNC;
    case DEF_STRUCT: return HEAP_STRUCT;
    case DEF_ARRAY: return HEAP_ARRAY;
    }
    return HEAP_NONE;
}

static HeapCode top_heap(HeapCode heap)
{
    switch (heap) {
    case HEAP_NOEXN: case HEAP_EXN: return HEAP_EXN;
    case HEAP_NOFUNC: case HEAP_FUNC: return HEAP_FUNC;
    case HEAP_NOEXTERN: case HEAP_EXTERN: return HEAP_EXTERN;
    default: return HEAP_ANY;
    }
}

static bool is_bottom(HeapCode heap)
{
    return heap == HEAP_NOEXN || heap == HEAP_NOFUNC || heap == HEAP_NOEXTERN || heap == HEAP_NONE;
}

static bool heap_is_sub(HeapCode sub, HeapCode super)
{
    if (sub == super) return true;
    if (top_heap(sub) != top_heap(super)) return false;
    if (is_bottom(sub)) return true;
    if (super == HEAP_ANY) return true;
    return super == HEAP_EQ && (sub == HEAP_I31 || sub == HEAP_STRUCT || sub == HEAP_ARRAY);
}

bool gen_is_sub(const Gen *g, ValType sub, ValType super)
{
    if (!vt_is_ref(sub) || !vt_is_ref(super)) return sub == super;
    if (vt_is_nullable(sub) && !vt_is_nullable(super)) return false;
    if (!vt_is_concrete(super)) return heap_is_sub(heap_kind(g, sub), (HeapCode)vt_heap(super));
    if (!vt_is_concrete(sub)) {
        HeapCode heap = (HeapCode)vt_heap(sub);
        return is_bottom(heap) && top_heap(heap) == top_heap(heap_kind(g, super));
    }
    if (vt_is_exact(super)) return vt_is_exact(sub) && vt_heap(sub) == vt_heap(super);
    for (u32 i = vt_heap(sub); i != TYPE_NONE; i = g->defs[i].super)
        if (i == vt_heap(super)) return true;
    return false;
}

ValType gen_top(const Gen *g, ValType t) { return vt_abstract(top_heap(heap_kind(g, t)), true); }

/* --- choosing */

ValType gen_num_type(Gen *g)
{
    static const u8 codes[] = {VT_I32, VT_I64, VT_F32, VT_F64, VT_V128};
    return codes[gen_roll(g, gen_has(g, FEATURE_SIMD) ? 5 : 4)];
}

static ValType abstract_type(Gen *g, bool nullable)
{
    static const u8 heaps[] = {HEAP_ANY, HEAP_EQ, HEAP_I31, HEAP_STRUCT, HEAP_ARRAY, HEAP_FUNC, HEAP_EXTERN,
                               HEAP_NONE, HEAP_NOFUNC, HEAP_NOEXTERN, HEAP_EXN, HEAP_NOEXN};
    if (!gen_has(g, FEATURE_GC)) {
        if (gen_has(g, FEATURE_EXCEPTIONS) && gen_one_in(g, 5)) return VT_EXNREF;
        return gen_one_in(g, 3) ? VT_EXTERNREF : VT_FUNCREF;
    }
    HeapCode heap = (HeapCode)heaps[gen_roll(g, gen_has(g, FEATURE_EXCEPTIONS) ? 12 : 10)];
    return vt_abstract(heap, nullable || is_bottom(heap));
}

/* Concrete types below `limit`; those from `open` on only where null is allowed, so that making one ends. */
static ValType ref_type_below(Gen *g, u32 open, u32 limit)
{
    bool nullable = !gen_has(g, FEATURE_FUNCTION_REFERENCES) || !gen_one_in(g, 3);
    if (limit == 0 || !gen_has(g, FEATURE_FUNCTION_REFERENCES) || gen_one_in(g, 3)) return abstract_type(g, nullable);
    u32 def = gen_roll(g, limit);
    bool exact = def < open && gen_has(g, FEATURE_CUSTOM_DESCRIPTORS) && gen_one_in(g, 6);
    return vt_concrete(def, nullable || def >= open, exact);
}

ValType gen_ref_type(Gen *g) { return ref_type_below(g, g->nvisible, g->nvisible); }

static ValType type_below(Gen *g, u32 open, u32 limit)
{
    if (!gen_has(g, FEATURE_REFERENCE_TYPES) || gen_roll(g, 5) < 3) return gen_num_type(g);
    return ref_type_below(g, open, limit);
}

ValType gen_type(Gen *g) { return type_below(g, g->nvisible, g->nvisible); }

ValType gen_sub_type(Gen *g, ValType super)
{
    if (!gen_has(g, FEATURE_GC)) return super;
    for (u32 tries = 0; tries < 8; tries++) {
        ValType t = gen_ref_type(g);
        if (gen_is_sub(g, t, super)) return t;
        if (vt_is_nullable(t) && gen_is_sub(g, vt_with_null(t, false), super)) return vt_with_null(t, false);
    }
    return super;
}

/* --- making */

static void make_fields(Gen *g, GenDef *def, u32 open, u32 limit, u32 most)
{
    u32 n = def->kind == DEF_ARRAY ? 1 : def->nfields + gen_roll(g, 4);
    for (u32 i = def->nfields; i < n && i < most; i++) {
        ValType t = gen_one_in(g, 4) ? (gen_one_in(g, 2) ? VT_I8 : VT_I16) : type_below(g, open, limit);
        def->fields[i] = (GenField){t, !gen_one_in(g, 3)};
        def->nfields = i + 1;
    }
}

static void make_vals(Gen *g, GenDef *def, u32 open, u32 limit)
{
    def->nparams = gen_arity(g, 5);
    def->nresults = gen_has(g, FEATURE_MULTI_VALUE) ? gen_arity(g, 4) : gen_roll(g, 2);
    for (u32 i = 0; i < def->nparams + def->nresults; i++)
        def->vals[i] = i < 8 ? type_below(g, open, limit) : gen_num_type(g);
}

static GenDef plain_def(DefKind kind, u32 group)
{
    return (GenDef){.kind = kind, .super = TYPE_NONE, .descriptor = TYPE_NONE, .described = TYPE_NONE,
                    .group = group, .group_size = 1};
}

/* A described structure and its descriptor, as the next two of a group that starts at `start`. */
static void make_pair(Gen *g, u32 start, u32 end)
{
    for (u32 i = 0; i < 2; i++) {
        GenDef *def = &g->defs[g->ndefs];
        *def = plain_def(DEF_STRUCT, start);
        def->group_size = end - start;
        if (i == 0) def->descriptor = g->ndefs + 1;
        if (i == 1) def->described = g->ndefs - 1;
        def->is_open = gen_one_in(g, 2);
        make_fields(g, def, start, end, 4);
        g->ndefs++;
    }
}

static void make_group(Gen *g)
{
    bool has_gc = gen_has(g, FEATURE_GC);
    u32 start = g->ndefs, n = has_gc ? 1 + gen_roll(g, 4) : 1, end = start + n;
    while (g->ndefs < end) {
        u32 at = g->ndefs;
        if (has_gc && gen_has(g, FEATURE_CUSTOM_DESCRIPTORS) && at + 2 <= end && gen_one_in(g, 3)) {
            make_pair(g, start, end);
            continue;
        }
        GenDef *def = &g->defs[at];
        *def = plain_def(has_gc ? (DefKind)gen_roll(g, 3) : DEF_FUNC, start);
        if (has_gc && gen_one_in(g, 3)) {
            u32 super = at == 0 ? 0 : gen_roll(g, at);
            const GenDef *above = &g->defs[super];
            if (at > 0 && above->is_open && above->descriptor == TYPE_NONE && above->described == TYPE_NONE) {
                *def = *above;
                def->super = super;
                def->group = start;
            }
        }
        def->group_size = n;
        def->is_open = has_gc && !gen_one_in(g, 3);
        if (def->kind == DEF_STRUCT) make_fields(g, def, start, end, 8);
        if (def->super == TYPE_NONE) {
            if (def->kind == DEF_ARRAY) make_fields(g, def, start, end, 1);
            if (def->kind == DEF_FUNC) make_vals(g, def, start, end);
        }
        g->ndefs++;
    }
}

/* Types 0 to 2 are those of entries and imports. */
void gen_make_types(Gen *g)
{
    for (u32 i = 0; i < 3; i++) g->defs[i] = plain_def(DEF_FUNC, i);
    g->defs[1].nparams = g->defs[1].nresults = 1;
    g->defs[1].vals[0] = g->defs[1].vals[1] = VT_I32;
    g->defs[2].nparams = 2;
    g->defs[2].vals[0] = VT_I64;
    g->defs[2].vals[1] = VT_F64;
    g->ndefs = 3;
    u32 ngroups = 1 + gen_roll(g, 10);
    for (u32 i = 0; i < ngroups; i++) make_group(g);
    g->nvisible = g->ndefs;
}

u32 gen_block_type(Gen *g, const ValType *params, u32 nparams, const ValType *results, u32 nresults)
{
    for (u32 i = 0; i < g->ndefs; i++) {
        const GenDef *def = &g->defs[i];
        if (def->kind == DEF_FUNC && def->nparams == nparams && def->nresults == nresults &&
            (nparams == 0 || memcmp(def->vals, params, nparams * sizeof *params) == 0) &&
            (nresults == 0 || memcmp(def->vals + nparams, results, nresults * sizeof *results) == 0))
            return i;
    }
    if (g->ndefs == GEN_MAX_DEFS) return TYPE_NONE;
    GenDef *def = &g->defs[g->ndefs];
    *def = plain_def(DEF_FUNC, g->ndefs);
    def->nparams = nparams;
    def->nresults = nresults;
    if (nparams > 0) memcpy(def->vals, params, nparams * sizeof *params);
    if (nresults > 0) memcpy(def->vals + nparams, results, nresults * sizeof *results);
    return g->ndefs++;
}

bool gen_func_of(Gen *g, ValType t, u32 *func)
{
    u32 from = gen_roll(g, g->nfuncs);
    for (u32 i = 0; i < g->nfuncs; i++) {
        *func = (from + i) % g->nfuncs;
        bool is_exact = *func >= g->nimported_funcs && gen_has(g, FEATURE_CUSTOM_DESCRIPTORS);
        if (gen_is_sub(g, vt_concrete(g->func_types[*func], false, is_exact), t)) return true;
    }
    return false;
}

bool gen_object_of(Gen *g, ValType t, u32 *def)
{
    if (vt_is_concrete(t) && (vt_is_exact(t) || gen_roll(g, 2) == 0)) {
        *def = vt_heap(t);
        return g->defs[*def].kind != DEF_FUNC;
    }
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        *def = (from + i) % g->nvisible;
        if (g->defs[*def].kind != DEF_FUNC && gen_is_sub(g, vt_concrete(*def, false, false), t)) return true;
    }
    return false;
}

/* --- bytes */

void gen_put_heaptype(Bytes *b, ValType t)
{
    if (!vt_is_concrete(t)) {
        put_byte(b, (u8)vt_heap(t));
        return;
    }
    if (vt_is_exact(t)) put_byte(b, 0x62);
    put_sleb(b, vt_heap(t));
}

void gen_put_valtype(Bytes *b, ValType t)
{
    if (!vt_is_ref(t)) {
        put_byte(b, (u8)t);
    } else if (!vt_is_concrete(t) && vt_is_nullable(t)) {
        put_byte(b, (u8)vt_heap(t));
    } else {
        put_byte(b, vt_is_nullable(t) ? 0x63 : 0x64);
        gen_put_heaptype(b, t);
    }
}

static void put_field(Bytes *b, const GenField *field)
{
    gen_put_valtype(b, field->type);
    put_byte(b, field->is_mutable);
}

static void put_def(Bytes *b, const GenDef *def)
{
    if (def->super != TYPE_NONE || def->is_open) {
        put_byte(b, def->is_open ? 0x50 : 0x4f);
        put_uleb(b, def->super != TYPE_NONE);
        if (def->super != TYPE_NONE) put_uleb(b, def->super);
    }
    if (def->described != TYPE_NONE) {
        put_byte(b, 0x4c);
        put_uleb(b, def->described);
    }
    if (def->descriptor != TYPE_NONE) {
        put_byte(b, 0x4d);
        put_uleb(b, def->descriptor);
    }
    switch (def->kind) {
    case DEF_FUNC:
        put_byte(b, 0x60);
        put_uleb(b, def->nparams);
        for (u32 i = 0; i < def->nparams; i++) gen_put_valtype(b, def->vals[i]);
        put_uleb(b, def->nresults);
        for (u32 i = 0; i < def->nresults; i++) gen_put_valtype(b, def->vals[def->nparams + i]);
        break;
    case DEF_STRUCT:
        put_byte(b, 0x5f);
        put_uleb(b, def->nfields);
        for (u32 i = 0; i < def->nfields; i++) put_field(b, &def->fields[i]);
        break;
    case DEF_ARRAY:
        put_byte(b, 0x5e);
        put_field(b, &def->fields[0]);
        break;
    }
}

void gen_put_types(const Gen *g, Bytes *b)
{
    u32 ngroups = 0;
    for (u32 i = 0; i < g->ndefs; i++) ngroups += g->defs[i].group == i;
    put_uleb(b, ngroups);
    for (u32 i = 0; i < g->ndefs; i++) {
        const GenDef *def = &g->defs[i];
        if (def->group == i && def->group_size > 1) {
            put_byte(b, 0x4e);
            put_uleb(b, def->group_size);
        }
        put_def(b, def);
    }
}
