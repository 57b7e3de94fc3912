/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generate.c - a generated module's sections, and what their constant expressions say.
 *
 * Definitions come first, as bodies name them; types come last, as bodies ask for types of blocks. Every function is
 * in a declarative segment, so that ref.func may name it.
 */
#include "generator.h"

#include <stdio.h>

typedef struct Sections {
    Bytes types, imports, funcs, tables, memories, tags, globals, exports, start, elems, codes, datas;
} Sections;

static void count_const(Gen *g, Op op)
{
    if (g->options.const_counts != NULL) g->options.const_counts[op]++;
}

static void const_op(Gen *g, Bytes *b, Op op)
{
    put_op(b, op);
    count_const(g, op);
}

/* --- constant expressions */

static void const_num(Gen *g, Bytes *b, ValType t, u32 depth)
{
    for (u32 i = 0, from = gen_roll(g, 8); from < g->nglobals && i < 1; i++) {
        u32 nvisible = gen_has(g, FEATURE_GC) ? g->nglobals : g->nimported_globals;
        if (from >= nvisible || g->globals[from].is_mutable || g->globals[from].type != t) break;
        const_op(g, b, OP_GLOBAL_GET);
        put_uleb(b, from);
        return;
    }
    if ((t == VT_I32 || t == VT_I64) && depth < 4 && gen_has(g, FEATURE_EXTENDED_CONST) && gen_one_in(g, 4)) {
        const_num(g, b, t, depth + 1);
        const_num(g, b, t, depth + 1);
        static const Op ops[] = {OP_I32_ADD, OP_I32_SUB, OP_I32_MUL, OP_I64_ADD, OP_I64_SUB, OP_I64_MUL};
        const_op(g, b, ops[gen_roll(g, 3) + (t == VT_I64 ? 3 : 0)]);
        return;
    }
    u64 v = gen_bits(g, 1 + gen_roll(g, 8));
    Bits bits = {{v, v * 0x9e3779b97f4a7c15u}};
    OpType type = t == VT_I32 ? OT_i32 : t == VT_I64 ? OT_i64 : t == VT_F32 ? OT_f32 : t == VT_F64 ? OT_f64 : OT_v128;
    static const Op ops[] = {OP_NONE, OP_I32_CONST, OP_I64_CONST, OP_F32_CONST, OP_F64_CONST, OP_V128_CONST};
    count_const(g, ops[type]);
    put_const(b, type, bits);
}

static bool const_expr(Gen *g, Bytes *b, ValType t, u32 depth);

static bool const_object(Gen *g, Bytes *b, u32 index, u32 depth)
{
    const GenDef *def = &g->defs[index];
    bool is_default = gen_roll(g, 2) == 0;
    for (u32 i = 0; i < def->nfields; i++) is_default &= vt_is_defaultable(def->fields[i].type);
    if (def->kind == DEF_ARRAY) {
        u32 n = gen_roll(g, 5);
        bool is_fixed = !is_default && gen_roll(g, 2) == 0;
        for (u32 i = 0; !is_default && i < (is_fixed ? n : 1); i++)
            if (!const_expr(g, b, gen_unpacked(def->fields[0].type), depth + 1)) return false;
        if (!is_fixed) const_op(g, b, OP_I32_CONST);
        if (!is_fixed) put_sleb(b, n);
        const_op(g, b, is_default ? OP_ARRAY_NEW_DEFAULT : is_fixed ? OP_ARRAY_NEW_FIXED : OP_ARRAY_NEW);
        put_uleb(b, index);
        if (is_fixed) put_uleb(b, n);
        return true;
    }
    for (u32 i = 0; !is_default && i < def->nfields; i++)
        if (!const_expr(g, b, gen_unpacked(def->fields[i].type), depth + 1)) return false;
    bool has_desc = def->descriptor != TYPE_NONE;
    if (has_desc && !const_expr(g, b, vt_concrete(def->descriptor, false, true), depth + 1)) return false;
    const_op(g, b, is_default ? (has_desc ? OP_STRUCT_NEW_DEFAULT_DESC : OP_STRUCT_NEW_DEFAULT)
                              : (has_desc ? OP_STRUCT_NEW_DESC : OP_STRUCT_NEW));
    put_uleb(b, index);
    return true;
}

static bool const_ref(Gen *g, Bytes *b, ValType t, u32 depth)
{
    u32 index;
    if (vt_is_nullable(t) && (depth > 3 || gen_roll(g, 3) == 0)) {
        const_op(g, b, OP_REF_NULL);
        gen_put_heaptype(b, t);
        return true;
    }
    u32 nvisible = gen_has(g, FEATURE_GC) ? g->nglobals : 0;
    if (nvisible > 0 && gen_roll(g, 2) == 0) {
        index = gen_roll(g, nvisible);
        if (!g->globals[index].is_mutable && gen_is_sub(g, g->globals[index].type, t)) {
            const_op(g, b, OP_GLOBAL_GET);
            put_uleb(b, index);
            return true;
        }
    }
    if (gen_func_of(g, t, &index)) {
        const_op(g, b, OP_REF_FUNC);
        put_uleb(b, index);
        return true;
    }
    bool has_gc = gen_has(g, FEATURE_GC);
    HeapCode heap = vt_is_concrete(t) ? HEAP_STRUCT : (HeapCode)vt_heap(t);
    if (has_gc && depth < 6) {
        if (heap == HEAP_EXTERN) {
            if (!const_expr(g, b, vt_abstract(HEAP_ANY, vt_is_nullable(t)), depth + 1)) return false;
            const_op(g, b, OP_EXTERN_CONVERT_ANY);
            return true;
        }
        if (heap == HEAP_ANY && gen_roll(g, 4) == 3) {
            if (!const_expr(g, b, vt_abstract(HEAP_EXTERN, vt_is_nullable(t)), depth + 1)) return false;
            const_op(g, b, OP_ANY_CONVERT_EXTERN);
            return true;
        }
        if (gen_roll(g, 3) > 0 && heap != HEAP_I31 && gen_object_of(g, t, &index))
            return const_object(g, b, index, depth);
        if (gen_is_sub(g, vt_abstract(HEAP_I31, false), t)) {
            const_num(g, b, VT_I32, depth);
            const_op(g, b, OP_REF_I31);
            return true;
        }
        if (gen_object_of(g, t, &index)) return const_object(g, b, index, depth);
    }
    if (!vt_is_nullable(t)) return false;
    const_op(g, b, OP_REF_NULL);
    gen_put_heaptype(b, t);
    return true;
}

/* Without the end. False: there is no such constant, and what is in b is of no use. */
static bool const_expr(Gen *g, Bytes *b, ValType t, u32 depth)
{
    if (vt_is_ref(t)) return const_ref(g, b, t, depth);
    const_num(g, b, t, depth);
    return true;
}

/* With the end. Where there is no constant of *t, *t becomes nullable. */
static void put_const_expr(Gen *g, Bytes *out, ValType *t)
{
    Bytes b = {0};
    if (!const_expr(g, &b, *t, 0)) {
        b.n = 0;
        *t = vt_with_null(*t, true);
        const_op(g, &b, OP_REF_NULL);
        gen_put_heaptype(&b, *t);
    }
    put_bytes(out, b.p, b.n);
    put_byte(out, 0x0b);
    bytes_done(&b);
}

static void put_offset(Gen *g, Bytes *b, bool is_64, u32 most)
{
    u32 at = gen_roll(g, most);
    count_const(g, is_64 ? OP_I64_CONST : OP_I32_CONST);
    put_const(b, is_64 ? OT_i64 : OT_i32, (Bits){{at, 0}});
    put_byte(b, 0x0b);
}

/* --- definitions */

static void make_imports(Gen *g, Bytes *b)
{
    bool funcs = gen_roll(g, 3) > 0, global = gen_roll(g, 2) == 1;
    put_uleb(b, (funcs ? 2u : 0) + global);
    for (u32 i = 0; funcs && i < 2; i++) {
        put_name(b, "h");
        put_name(b, i == 0 ? "f0" : "f1");
        put_byte(b, 0);
        put_uleb(b, 1 + i);
        g->func_types[g->nfuncs++] = 1 + i;
    }
    if (global) {
        put_name(b, "h");
        put_name(b, "g0");
        put_byte(b, 3);
        put_byte(b, VT_I32);
        put_byte(b, 0);
        g->globals[g->nglobals++] = (GlobalType){VT_I32, false};
    }
    g->nimported_funcs = g->nfuncs;
    g->nimported_globals = g->nglobals;
}

/* One of each function type, so that references to it can be had, and some entries [] -> []. */
static u32 make_funcs(Gen *g, Bytes *b)
{
    u32 nentries = 1 + gen_roll(g, 4), n = 0;
    Bytes list = {0};
    for (u32 i = 0; i < nentries + g->nvisible && g->nfuncs < GEN_MAX_FUNCS; i++) {
        u32 type = i < nentries ? 0 : i - nentries;
        if (g->defs[type].kind != DEF_FUNC || (i >= nentries && type == 0)) continue;
        g->func_types[g->nfuncs++] = type;
        put_uleb(&list, type);
        n++;
    }
    put_uleb(b, n);
    put_bytes(b, list.p, list.n);
    bytes_done(&list);
    return nentries;
}

static void make_memories(Gen *g, Bytes *b)
{
    u32 n = gen_has(g, FEATURE_MULTI_MEMORY) ? gen_roll(g, 4) : 1;
    if (n == 0 && gen_roll(g, 4) > 0) n = 1;
    put_uleb(b, n);
    for (u32 i = 0; i < n; i++) {
        GenMemory *m = &g->memories[g->nmemories++];
        m->is_64 = gen_has(g, FEATURE_MEMORY64) && gen_one_in(g, 3);
        m->is_shared = gen_has(g, FEATURE_THREADS) && gen_one_in(g, 4);
        m->has_byte_pages = gen_has(g, FEATURE_CUSTOM_PAGE_SIZES) && gen_one_in(g, 5);
        u32 min = gen_roll(g, 3), max = min + gen_roll(g, 3);
        if (m->has_byte_pages) min = min * 20000 + gen_roll(g, 5000), max = min + gen_roll(g, 5000);
        m->is_empty = min == 0;
        put_byte(b, (u8)(1 | m->is_shared << 1 | m->is_64 << 2 | m->has_byte_pages << 3));
        put_uleb(b, min);
        put_uleb(b, max);
        if (m->has_byte_pages) put_uleb(b, 0);
    }
}

static void make_tables(Gen *g, Bytes *b)
{
    u32 n = gen_has(g, FEATURE_REFERENCE_TYPES) ? 1 + gen_roll(g, 4) : 1;
    put_uleb(b, n);
    for (u32 i = 0; i < n; i++) {
        GenTable *table = &g->tables[g->ntables];
        table->elem = i == 0 || !gen_has(g, FEATURE_REFERENCE_TYPES) ? VT_FUNCREF : gen_ref_type(g);
        table->is_64 = gen_has(g, FEATURE_MEMORY64) && gen_one_in(g, 4);
        Bytes init = {0};
        bool has_init = gen_has(g, FEATURE_FUNCTION_REFERENCES) && (!vt_is_nullable(table->elem) || gen_one_in(g, 3));
        if (has_init) put_const_expr(g, &init, &table->elem);
        if (has_init) put_byte(b, 0x40);
        if (has_init) put_byte(b, 0);
        gen_put_valtype(b, table->elem);
        put_byte(b, table->is_64 ? 5 : 1);
        put_uleb(b, 8 + gen_roll(g, 10));
        put_uleb(b, 20 + gen_roll(g, 20));
        put_bytes(b, init.p, init.n);
        bytes_done(&init);
        g->ntables++;
    }
}

static void make_tags(Gen *g, Bytes *b)
{
    Bytes list = {0};
    for (u32 i = 0, n = 1 + gen_roll(g, 4); i < n; i++) {
        ValType params[GEN_MAX_VALS];
        u32 nparams = gen_arity(g, 4);
        for (u32 j = 0; j < nparams; j++) params[j] = j < 4 ? gen_type(g) : gen_num_type(g);
        u32 type = gen_block_type(g, params, nparams, NULL, 0);
        if (type == TYPE_NONE) continue;
        g->tags[g->ntags++] = type;
        put_byte(&list, 0);
        put_uleb(&list, type);
    }
    put_uleb(b, g->ntags);
    put_bytes(b, list.p, list.n);
    bytes_done(&list);
}

static void make_globals(Gen *g, Bytes *b)
{
    u32 n = gen_roll(g, 12);
    put_uleb(b, 1 + n);
    g->fuel = g->nglobals;
    g->globals[g->nglobals++] = (GlobalType){VT_I32, true};
    put_byte(b, VT_I32);
    put_byte(b, 1);
    put_const(b, OT_i32, (Bits){{200, 0}});
    put_byte(b, 0x0b);
    for (u32 i = 0; i < n; i++) {
        GlobalType type = {gen_type(g), gen_roll(g, 3) > 0};
        Bytes init = {0};
        put_const_expr(g, &init, &type.type);
        gen_put_valtype(b, type.type);
        put_byte(b, type.is_mutable);
        put_bytes(b, init.p, init.n);
        bytes_done(&init);
        g->globals[g->nglobals++] = type;
    }
}

static void put_export(Bytes *list, u32 *n, const char *name, u8 kind, u32 index)
{
    put_name(list, name);
    put_byte(list, kind);
    put_uleb(list, index);
    (*n)++;
}

static const char *numbered(char *buf, size_t size, const char *prefix, u32 i)
{
    snprintf(buf, size, "%s%u", prefix, (unsigned)i);
    return buf;
}

static void make_exports(Gen *g, Bytes *b, u32 nentries)
{
    Bytes list = {0};
    char name[16];
    u32 n = 0;
    for (u32 i = 0; i < nentries; i++)
        put_export(&list, &n, numbered(name, sizeof name, "", i), 0, g->nimported_funcs + i);
    put_export(&list, &n, "fuel", 3, g->fuel);
    for (u32 i = 0; i < g->nmemories; i++) put_export(&list, &n, numbered(name, sizeof name, "m", i), 2, i);
    for (u32 i = 0; i < g->ntables; i++) put_export(&list, &n, numbered(name, sizeof name, "t", i), 1, i);
    for (u32 i = g->fuel + 1; i < g->nglobals; i++) {
        ValType t = g->globals[i].type;
        if (t == VT_V128 || vt_is_ref(t)) continue; /* not for JavaScript */
        if (g->globals[i].is_mutable && !gen_has(g, FEATURE_MUTABLE_GLOBALS)) continue;
        put_export(&list, &n, numbered(name, sizeof name, "g", i), 3, i);
    }
    put_uleb(b, n);
    put_bytes(b, list.p, list.n);
    bytes_done(&list);
}

/* Element segment in any of its eight forms. */
static void put_elem(Gen *g, Bytes *b, bool is_last)
{
    bool refs = gen_has(g, FEATURE_REFERENCE_TYPES);
    u32 form = gen_roll(g, !gen_has(g, FEATURE_BULK_MEMORY) ? 1 : refs ? 8 : 4), table = 0;
    bool active = (form & 1) == 0, exprs = (form & 4) != 0;
    if (is_last) form = 3, active = exprs = false;
    if (active && (form & 2) != 0) table = gen_roll(g, g->ntables);
    ValType type = vt_abstract(HEAP_FUNC, exprs);
    if (exprs && form != 4) type = active ? gen_sub_type(g, g->tables[table].elem) : gen_ref_type(g);
    if (exprs && form != 4 && !active && gen_roll(g, 2) == 0) { /* what some array holds */
        u32 index;
        if (gen_has(g, FEATURE_GC) && gen_object_of(g, vt_abstract(HEAP_ARRAY, true), &index) &&
            vt_is_ref(g->defs[index].fields[0].type))
            type = g->defs[index].fields[0].type;
    }
    if (active && !gen_is_sub(g, type, g->tables[table].elem)) { /* table 0 takes any function */
        if (form == 2 || form == 6) form -= 2;
        table = 0;
        type = vt_abstract(HEAP_FUNC, exprs);
    }
    /* Elements first: where there is none of the type, the type has to give way, and then nothing is active. */
    Bytes items = {0};
    u32 n = is_last ? g->nfuncs : gen_roll(g, 5);
    for (u32 i = 0; i < n; i++) {
        if (!exprs) {
            put_uleb(&items, is_last ? i : gen_roll(g, g->nfuncs));
            continue;
        }
        Bytes item = {0};
        if (!const_expr(g, &item, type, 0)) {
            bytes_done(&item);
            n = i;
            break;
        }
        put_bytes(&items, item.p, item.n);
        put_byte(&items, 0x0b);
        bytes_done(&item);
    }
    put_uleb(b, form);
    if (active && (form & 2) != 0) put_uleb(b, table);
    if (active) put_offset(g, b, g->tables[table].is_64, 5);
    if ((form & 3) != 0 && exprs) gen_put_valtype(b, type);
    if ((form & 3) != 0 && !exprs) put_byte(b, 0);
    put_uleb(b, n);
    put_bytes(b, items.p, items.n);
    bytes_done(&items);
    g->elems[g->nelems++].type = type;
}

static void make_elems(Gen *g, Bytes *b)
{
    u32 n = gen_roll(g, GEN_MAX_SEGMENTS - 1);
    bool declares = gen_has(g, FEATURE_REFERENCE_TYPES);
    put_uleb(b, n + declares);
    for (u32 i = 0; i < n + declares; i++) put_elem(g, b, i == n);
}

static void make_datas(Gen *g, Bytes *b)
{
    bool bulk = gen_has(g, FEATURE_BULK_MEMORY);
    u32 n = g->nmemories == 0 && !bulk ? 0 : gen_roll(g, 6);
    put_uleb(b, n);
    for (u32 i = 0; i < n; i++) {
        u32 form = g->nmemories == 0 ? 1 : bulk ? gen_roll(g, 3) : 0;
        u32 memory = form == 2 ? gen_roll(g, g->nmemories) : 0;
        put_uleb(b, form);
        if (form == 2) put_uleb(b, memory);
        /* An empty memory takes nothing: one time in eight it may fail. */
        bool is_empty = form != 1 && g->memories[memory].is_empty && gen_roll(g, 8) > 0;
        u32 size = is_empty ? 0 : gen_roll(g, 40);
        if (form != 1) put_offset(g, b, g->memories[memory].is_64, is_empty ? 1 : 1000);
        put_uleb(b, size);
        for (u32 j = 0; j < size; j++) put_byte(b, (u8)(gen_byte(g) + j));
    }
    g->ndatas = n;
}

static void list_rows(Gen *g)
{
    for (u32 i = 0; i < OP_COUNT; i++) {
        const OpInfo *info = &tern_op_info[i];
        if (!gen_has(g, (FeatureId)info->feature)) continue;
        g->enabled[g->nenabled++] = (u16)i;
        if (info->shape == SHAPE_SPECIAL || info->nresults == 0) continue;
        if (info->results[0] <= OT_v128) g->makers[info->results[0]][g->nmakers[info->results[0]]++] = (u16)i;
    }
}

static void make_bodies(Gen *g, Bytes *b)
{
    u32 n = g->nfuncs - g->nimported_funcs;
    s32 total = 100 + (s32)gen_roll(g, 65536) % 3000;
    put_uleb(b, n);
    for (u32 i = g->nimported_funcs; i < g->nfuncs; i++) {
        /* Entries get most of it. */
        s32 budget = i < g->nimported_funcs + 3 ? total / 3 : total / (s32)(2 * n) + 8;
        Bytes body = gen_body(g, i, budget);
        put_sized(b, &body);
    }
}

Bytes fuzz_generate(const u8 *data, size_t size, const GenerateOptions *options)
{
    Gen *g = calloc(1, sizeof *g);
    if (g == NULL) abort();
    g->p = data;
    g->end = data + size;
    g->options = *options;
    g->features = (options->features & tern_features_built) | 1u << FEATURE_MVP;
    if (options->is_deterministic) g->features &= ~(1ull << FEATURE_RELAXED_SIMD);
    if (options->has_one_exceptions) {
        if (gen_roll(g, 3) == 2) {
            g->features &= ~(1ull << FEATURE_EXCEPTIONS);
        } else {
            g->features &= ~(1ull << FEATURE_LEGACY_EXCEPTIONS);
        }
    }
    list_rows(g);

    Sections s = {0};
    Bytes count = {0}, module = {0};
    gen_make_types(g);
    make_imports(g, &s.imports);
    u32 nentries = make_funcs(g, &s.funcs);
    make_tables(g, &s.tables); /* before globals, which come later in the module */
    make_globals(g, &s.globals);
    make_memories(g, &s.memories);
    bool has_tags = gen_has(g, FEATURE_EXCEPTIONS) || gen_has(g, FEATURE_LEGACY_EXCEPTIONS);
    if (has_tags) make_tags(g, &s.tags);
    make_elems(g, &s.elems);
    make_datas(g, &s.datas);
    make_exports(g, &s.exports, nentries);
    bool has_start = gen_one_in(g, 5);
    if (has_start) put_uleb(&s.start, g->nimported_funcs);
    make_bodies(g, &s.codes);
    gen_put_types(g, &s.types);
    put_uleb(&count, g->ndatas);

    put_bytes(&module, "\0asm\1\0\0", 8);
    put_section(&module, 1, &s.types);
    put_section(&module, 2, &s.imports);
    put_section(&module, 3, &s.funcs);
    put_section(&module, 4, &s.tables);
    put_section(&module, 5, &s.memories);
    if (has_tags) put_section(&module, 13, &s.tags);
    put_section(&module, 6, &s.globals);
    put_section(&module, 7, &s.exports);
    if (has_start) put_section(&module, 8, &s.start);
    put_section(&module, 9, &s.elems);
    if (gen_has(g, FEATURE_BULK_MEMORY)) put_section(&module, 12, &count);
    put_section(&module, 10, &s.codes);
    put_section(&module, 11, &s.datas);
    bytes_done(&count);
    bytes_done(&s.start);
    free(g);
    return module;
}
