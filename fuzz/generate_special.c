/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generate_special.c - rows whose typing is not a fixed signature: a case each, in a switch without default. */
#include "generator.h"

/* --- choosing what is named */

static bool find_def(Gen *g, DefKind kind, u32 *out)
{
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        *out = (from + i) % g->nvisible;
        if (g->defs[*out].kind == kind) return true;
    }
    return false;
}

static bool is_packed(ValType t) { return t == VT_I8 || t == VT_I16; }

/* A field of any structure that is packed or not, and may be written if that is asked. */
static bool find_field(Gen *g, bool packed, bool to_write, u32 *def, u32 *field)
{
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        *def = (from + i) % g->nvisible;
        const GenDef *d = &g->defs[*def];
        if (d->kind != DEF_STRUCT || d->nfields == 0) continue;
        u32 first = gen_roll(g, d->nfields);
        for (u32 j = 0; j < d->nfields; j++) {
            *field = (first + j) % d->nfields;
            const GenField *f = &d->fields[*field];
            if ((to_write ? f->is_mutable : is_packed(f->type) == packed)) return true;
        }
    }
    return false;
}

typedef enum ArrayNeed { ARRAY_ANY, ARRAY_PLAIN, ARRAY_PACKED, ARRAY_MUTABLE, ARRAY_DEFAULTABLE, ARRAY_NUMERIC,
                         ARRAY_MUTABLE_NUMERIC } ArrayNeed;

static bool find_array(Gen *g, ArrayNeed need, u32 *def)
{
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        *def = (from + i) % g->nvisible;
        const GenField *f = &g->defs[*def].fields[0];
        if (g->defs[*def].kind != DEF_ARRAY) continue;
        if (need == ARRAY_PLAIN && is_packed(f->type)) continue;
        if (need == ARRAY_PACKED && !is_packed(f->type)) continue;
        if ((need == ARRAY_MUTABLE || need == ARRAY_MUTABLE_NUMERIC) && !f->is_mutable) continue;
        if (need == ARRAY_DEFAULTABLE && !vt_is_defaultable(f->type)) continue;
        if ((need == ARRAY_NUMERIC || need == ARRAY_MUTABLE_NUMERIC) && vt_is_ref(f->type)) continue;
        return true;
    }
    return false;
}

static bool find_elems(Gen *g, ValType t, u32 *segment)
{
    if (g->nelems == 0) return false;
    u32 from = gen_roll(g, g->nelems);
    for (u32 i = 0; i < g->nelems; i++) {
        *segment = (from + i) % g->nelems;
        if (gen_is_sub(g, g->elems[*segment].type, t)) return true;
    }
    return false;
}

bool gen_find_table(Gen *g, ValType below, u32 *table)
{
    if (g->ntables == 0) return false;
    u32 from = gen_roll(g, g->ntables);
    for (u32 i = 0; i < g->ntables; i++) {
        *table = (from + i) % g->ntables;
        if (below == VT_NONE || gen_is_sub(g, g->tables[*table].elem, below)) return true;
    }
    return false;
}

bool gen_find_described(Gen *g, u32 *def)
{
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        *def = (from + i) % g->nvisible;
        if (g->defs[*def].descriptor != TYPE_NONE) return true;
    }
    return false;
}

/* --- making references */

static void fields_of(Gen *g, const GenDef *def)
{
    for (u32 i = 0; i < def->nfields; i++) gen_expr(g, gen_unpacked(def->fields[i].type));
}

static void new_struct(Gen *g, u32 index)
{
    const GenDef *def = &g->defs[index];
    bool may_default = true, has_desc = def->descriptor != TYPE_NONE;
    for (u32 i = 0; i < def->nfields; i++) may_default &= vt_is_defaultable(def->fields[i].type);
    bool is_default = may_default && gen_roll(g, 2) == 0;
    if (!is_default) fields_of(g, def);
    if (has_desc) gen_expr(g, vt_concrete(def->descriptor, gen_roll(g, 8) == 7, true));
    gen_index(g, is_default ? (has_desc ? OP_STRUCT_NEW_DEFAULT_DESC : OP_STRUCT_NEW_DEFAULT)
                            : (has_desc ? OP_STRUCT_NEW_DESC : OP_STRUCT_NEW), index);
}

static void new_array(Gen *g, u32 index, Op op)
{
    const GenField *elem = &g->defs[index].fields[0];
    ValType t = gen_unpacked(elem->type);
    u32 segment = 0, n = gen_roll(g, 6);
    if (op == OP_ARRAY_NEW_DEFAULT && !vt_is_defaultable(elem->type)) op = OP_ARRAY_NEW;
    if (op == OP_ARRAY_NEW_DATA && (vt_is_ref(elem->type) || g->ndatas == 0)) op = OP_ARRAY_NEW;
    if (op == OP_ARRAY_NEW_ELEM && (!vt_is_ref(elem->type) || !find_elems(g, elem->type, &segment)))
        op = OP_ARRAY_NEW_FIXED;
    if (op == OP_ARRAY_NEW_FIXED) {
        for (u32 i = 0; i < n; i++) gen_expr(g, t);
    } else if (op == OP_ARRAY_NEW) {
        gen_expr(g, t);
        gen_small(g, VT_I32, 31);
    } else if (op == OP_ARRAY_NEW_DEFAULT) {
        gen_small(g, VT_I32, 127);
    } else {
        gen_small(g, VT_I32, 7);
        gen_small(g, VT_I32, 7);
    }
    gen_index(g, op, index);
    if (op == OP_ARRAY_NEW_FIXED) put_uleb(g->b, n);
    if (op == OP_ARRAY_NEW_DATA) put_uleb(g->b, gen_roll(g, g->ndatas));
    if (op == OP_ARRAY_NEW_ELEM) put_uleb(g->b, segment);
}

static void new_object(Gen *g, u32 index)
{
    static const Op ops[] = {OP_ARRAY_NEW_DEFAULT, OP_ARRAY_NEW, OP_ARRAY_NEW_FIXED, OP_ARRAY_NEW_DATA,
                             OP_ARRAY_NEW_ELEM};
    if (g->defs[index].kind == DEF_STRUCT) {
        new_struct(g, index);
    } else {
        new_array(g, index, ops[gen_roll(g, COUNT_OF(ops))]);
    }
}

bool gen_build(Gen *g, ValType t)
{
    u32 index;
    if (!vt_is_concrete(t)) {
        switch ((HeapCode)vt_heap(t)) {
        case HEAP_NOEXN: case HEAP_NOFUNC: case HEAP_NOEXTERN: case HEAP_NONE: case HEAP_BOT: return false;
        case HEAP_I31:
            gen_expr(g, VT_I32);
            gen_op(g, OP_REF_I31);
            return true;
        case HEAP_EXTERN:
            if (!gen_has(g, FEATURE_GC)) return false;
            gen_expr(g, vt_abstract(HEAP_ANY, vt_is_nullable(t)));
            gen_op(g, OP_EXTERN_CONVERT_ANY);
            return true;
        case HEAP_EXN: return gen_build_exn(g);
        case HEAP_ANY:
            if (gen_roll(g, 6) == 5) {
                gen_expr(g, vt_abstract(HEAP_EXTERN, vt_is_nullable(t)));
                gen_op(g, OP_ANY_CONVERT_EXTERN);
                return true;
            }
            if (gen_roll(g, 3) == 0) return gen_build(g, vt_abstract(HEAP_I31, false));
            break;
        case HEAP_EQ:
            if (gen_roll(g, 3) == 0) return gen_build(g, vt_abstract(HEAP_I31, false));
            break;
        default: break;
        }
    }
    if (gen_func_of(g, t, &index)) {
        gen_index(g, OP_REF_FUNC, index);
        return true;
    }
    if (!gen_has(g, FEATURE_GC) || !gen_object_of(g, t, &index)) return false;
    new_object(g, index);
    return true;
}

/* --- reading what is somewhere */

static bool get_global(Gen *g, ValType t)
{
    u32 from = gen_roll(g, g->nglobals);
    for (u32 i = 0; i < g->nglobals; i++) {
        u32 at = (from + i) % g->nglobals;
        if (at == g->fuel || !gen_is_sub(g, g->globals[at].type, t)) continue;
        gen_index(g, OP_GLOBAL_GET, at);
        return true;
    }
    return false;
}

static bool get_field(Gen *g, ValType t)
{
    u32 from = gen_roll(g, g->nvisible);
    for (u32 i = 0; i < g->nvisible; i++) {
        u32 def = (from + i) % g->nvisible;
        const GenDef *d = &g->defs[def];
        if (d->kind == DEF_FUNC) continue;
        for (u32 field = 0; field < d->nfields; field++) {
            ValType have = d->fields[field].type;
            if (!gen_is_sub(g, gen_unpacked(have), t)) continue;
            gen_expr(g, gen_object_type(g, def));
            if (d->kind == DEF_ARRAY) gen_small(g, VT_I32, 7);
            bool is_signed = is_packed(have) && gen_roll(g, 2) == 0;
            if (d->kind == DEF_ARRAY) {
                gen_index(g, !is_packed(have) ? OP_ARRAY_GET : is_signed ? OP_ARRAY_GET_S : OP_ARRAY_GET_U, def);
            } else {
                gen_index(g, !is_packed(have) ? OP_STRUCT_GET : is_signed ? OP_STRUCT_GET_S : OP_STRUCT_GET_U, def);
                put_uleb(g->b, field);
            }
            return true;
        }
    }
    return false;
}

static bool put_ref_test(Gen *g, Op op)
{
    ValType t = gen_ref_type(g);
    gen_expr(g, gen_top(g, t));
    gen_op(g, op);
    gen_put_heaptype(g->b, t);
    return true;
}

static bool get_count(Gen *g, ValType t)
{
    u32 i = gen_roll(g, 10);
    bool has_gc = gen_has(g, FEATURE_GC), has_refs = gen_has(g, FEATURE_REFERENCE_TYPES);
    if (t == VT_I32 && has_gc && i < 5) {
        switch (i) {
        case 0: return put_ref_test(g, gen_roll(g, 2) == 0 ? OP_REF_TEST : OP_REF_TEST_NULL);
        case 1:
            gen_expr(g, gen_some_type(g, HEAP_I31));
            gen_op(g, gen_roll(g, 2) == 0 ? OP_I31_GET_S : OP_I31_GET_U);
            return true;
        case 2:
            gen_expr(g, gen_some_type(g, HEAP_ARRAY));
            gen_op(g, OP_ARRAY_LEN);
            return true;
        default:
            gen_expr(g, vt_abstract(HEAP_EQ, true));
            gen_expr(g, vt_abstract(HEAP_EQ, true));
            gen_op(g, OP_REF_EQ);
            return true;
        }
    }
    if (t == VT_I32 && has_refs && i == 5) {
        gen_expr(g, gen_ref_type(g));
        gen_op(g, OP_REF_IS_NULL);
        return true;
    }
    if (has_refs && g->ntables > 0 && i < 8) {
        u32 table = gen_roll(g, g->ntables);
        if (gen_addr_type(g->tables[table].is_64) != t) return false;
        gen_index(g, OP_TABLE_SIZE, table);
        return true;
    }
    if (g->nmemories == 0) return false;
    u32 memory = gen_roll(g, g->nmemories);
    if (gen_addr_type(g->memories[memory].is_64) != t) return false;
    gen_index(g, OP_MEMORY_SIZE, memory);
    return true;
}

bool gen_access(Gen *g, ValType t)
{
    u32 table;
    switch (gen_roll(g, 4)) {
    case 0: return get_global(g, t);
    case 1: return gen_has(g, FEATURE_GC) && get_field(g, t);
    case 2:
        if (!vt_is_ref(t)) return (t == VT_I32 || t == VT_I64) && get_count(g, t);
        if (!gen_find_table(g, t, &table)) return false;
        gen_small(g, gen_addr_type(g->tables[table].is_64), 7);
        gen_index(g, OP_TABLE_GET, table);
        return true;
    default: return (t == VT_I32 || t == VT_I64) && get_count(g, t);
    }
}

/* --- objects */

static bool put_array_bulk(Gen *g, Op op)
{
    u32 def, other = 0;
    if (!find_array(g, op == OP_ARRAY_INIT_DATA ? ARRAY_MUTABLE_NUMERIC : ARRAY_MUTABLE, &def)) return false;
    const GenField *elem = &g->defs[def].fields[0];
    if (op == OP_ARRAY_INIT_DATA && g->ndatas == 0) return false;
    if (op == OP_ARRAY_INIT_ELEM) {
        u32 i = 0;
        for (; i < g->nvisible; i++) {
            def = i;
            elem = &g->defs[i].fields[0];
            if (g->defs[i].kind == DEF_ARRAY && elem->is_mutable && vt_is_ref(elem->type) &&
                find_elems(g, elem->type, &other))
                break;
        }
        if (i == g->nvisible) return false;
    }
    if (op == OP_ARRAY_COPY) {
        other = def;
        for (u32 i = 0, from = gen_roll(g, g->nvisible); i < g->nvisible; i++) {
            const GenDef *d = &g->defs[(from + i) % g->nvisible];
            if (d->kind != DEF_ARRAY || !(d->fields[0].type == elem->type ||
                (!is_packed(d->fields[0].type) && !is_packed(elem->type) &&
                 gen_is_sub(g, d->fields[0].type, elem->type))))
                continue;
            other = (from + i) % g->nvisible;
            break;
        }
    }
    gen_expr(g, gen_object_type(g, def));
    gen_small(g, VT_I32, 15);
    if (op == OP_ARRAY_FILL) {
        gen_expr(g, gen_unpacked(elem->type));
    } else {
        if (op == OP_ARRAY_COPY) gen_expr(g, gen_object_type(g, other));
        gen_small(g, VT_I32, 15);
    }
    gen_small(g, VT_I32, 7);
    gen_index(g, op, def);
    if (op == OP_ARRAY_COPY || op == OP_ARRAY_INIT_ELEM) put_uleb(g->b, other);
    if (op == OP_ARRAY_INIT_DATA) put_uleb(g->b, gen_roll(g, g->ndatas));
    return true;
}

static bool put_array_access(Gen *g, Op op)
{
    u32 def;
    ArrayNeed need = op == OP_ARRAY_SET ? ARRAY_MUTABLE : op == OP_ARRAY_GET ? ARRAY_PLAIN : ARRAY_PACKED;
    if (!find_array(g, need, &def)) return false;
    ValType t = gen_unpacked(g->defs[def].fields[0].type);
    gen_expr(g, gen_object_type(g, def));
    gen_small(g, VT_I32, 7);
    if (op == OP_ARRAY_SET) gen_expr(g, t);
    gen_index(g, op, def);
    if (op != OP_ARRAY_SET) gen_sink(g, t);
    return true;
}

static bool put_struct_access(Gen *g, Op op)
{
    u32 def, field;
    if (!find_field(g, op != OP_STRUCT_GET, op == OP_STRUCT_SET, &def, &field)) return false;
    ValType t = gen_unpacked(g->defs[def].fields[field].type);
    gen_expr(g, gen_object_type(g, def));
    if (op == OP_STRUCT_SET) gen_expr(g, t);
    gen_index(g, op, def);
    put_uleb(g->b, field);
    if (op != OP_STRUCT_SET) gen_sink(g, t);
    return true;
}

static bool put_new(Gen *g, Op op)
{
    u32 def;
    static const ArrayNeed needs[] = {ARRAY_ANY, ARRAY_DEFAULTABLE, ARRAY_ANY, ARRAY_NUMERIC, ARRAY_ANY};
    switch ((int)op) {
    case OP_STRUCT_NEW: case OP_STRUCT_NEW_DEFAULT:
        if (!find_def(g, DEF_STRUCT, &def)) return false;
        new_struct(g, def);
        break;
    case OP_STRUCT_NEW_DESC: case OP_STRUCT_NEW_DEFAULT_DESC:
        if (!gen_find_described(g, &def)) return false;
        new_struct(g, def);
        break;
    default:
        if (!find_array(g, needs[op - OP_ARRAY_NEW], &def)) return false;
        if (op == OP_ARRAY_NEW_ELEM)
            for (u32 i = 0, unused; i < g->nvisible; i++)
                if (g->defs[i].kind == DEF_ARRAY && vt_is_ref(g->defs[i].fields[0].type) &&
                    find_elems(g, g->defs[i].fields[0].type, &unused))
                    def = i;
        new_array(g, def, op);
        break;
    }
    gen_sink(g, vt_concrete(def, false, gen_has(g, FEATURE_CUSTOM_DESCRIPTORS)));
    return true;
}

static bool put_cast(Gen *g, Op op)
{
    if (op == OP_REF_TEST || op == OP_REF_TEST_NULL) {
        put_ref_test(g, op);
        gen_sink(g, VT_I32);
        return true;
    }
    ValType t = vt_with_null(gen_ref_type(g), op == OP_REF_CAST_NULL || op == OP_REF_CAST_DESC_EQ_NULL);
    bool with_desc = op == OP_REF_CAST_DESC_EQ || op == OP_REF_CAST_DESC_EQ_NULL;
    u32 def;
    if (with_desc) {
        if (!gen_find_described(g, &def)) return false;
        t = vt_concrete(def, vt_is_nullable(t), gen_one_in(g, 3));
    }
    gen_expr(g, gen_top(g, t));
    if (with_desc) gen_expr(g, vt_concrete(g->defs[def].descriptor, true, vt_is_exact(t)));
    gen_op(g, op);
    gen_put_heaptype(g->b, t);
    gen_sink(g, t);
    return true;
}

static bool put_get_desc(Gen *g)
{
    u32 def;
    if (!gen_find_described(g, &def)) return false;
    bool exact = gen_roll(g, 2) == 0;
    gen_expr(g, vt_concrete(def, true, exact));
    gen_index(g, OP_REF_GET_DESC, def);
    gen_sink(g, vt_concrete(g->defs[def].descriptor, false, exact));
    return true;
}

/* --- tables and memories */

static bool put_table(Gen *g, Op op)
{
    u32 table, other = 0;
    if (!gen_find_table(g, VT_NONE, &table)) return false;
    ValType elem = g->tables[table].elem, addr = gen_addr_type(g->tables[table].is_64), length = addr;
    switch ((int)op) {
    case OP_TABLE_GET: case OP_TABLE_SET:
        gen_small(g, addr, 15);
        if (op == OP_TABLE_SET) gen_expr(g, elem);
        gen_index(g, op, table);
        if (op == OP_TABLE_GET) gen_sink(g, elem);
        return true;
    case OP_TABLE_SIZE:
        gen_index(g, op, table);
        gen_sink(g, addr);
        return true;
    case OP_TABLE_GROW:
        gen_expr(g, elem);
        gen_small(g, addr, 3);
        gen_index(g, op, table);
        gen_sink(g, addr);
        return true;
    case OP_TABLE_FILL:
        gen_small(g, addr, 15);
        gen_expr(g, elem);
        gen_small(g, addr, 7);
        gen_index(g, op, table);
        return true;
    case OP_TABLE_INIT:
        for (u32 i = 0; i < g->ntables && !find_elems(g, elem, &other); i++) {
            table = (table + 1) % g->ntables;
            elem = g->tables[table].elem;
        }
        if (!find_elems(g, elem, &other)) return false;
        gen_small(g, gen_addr_type(g->tables[table].is_64), 15);
        gen_small(g, VT_I32, 3);
        gen_small(g, VT_I32, 3);
        gen_index(g, op, other);
        put_uleb(g->b, table);
        return true;
    default: /* table.copy */
        if (!gen_find_table(g, elem, &other)) return false;
        if (!g->tables[other].is_64) length = VT_I32;
        gen_small(g, addr, 15);
        gen_small(g, gen_addr_type(g->tables[other].is_64), 15);
        gen_small(g, length, 7);
        gen_index(g, op, table);
        put_uleb(g->b, other);
        return true;
    }
}

static bool put_memory(Gen *g, Op op)
{
    if (g->nmemories == 0) return false;
    u32 memory = gen_roll(g, g->nmemories), other = gen_roll(g, g->nmemories);
    const GenMemory *m = &g->memories[memory];
    ValType addr = gen_addr_type(m->is_64), length = addr;
    switch ((int)op) {
    case OP_MEMORY_SIZE:
        gen_index(g, op, memory);
        gen_sink(g, addr);
        return true;
    case OP_MEMORY_GROW:
        gen_small(g, addr, m->has_byte_pages ? 1023 : 1);
        gen_index(g, op, memory);
        gen_sink(g, addr);
        return true;
    case OP_MEMORY_FILL:
        gen_addr(g, memory, 1);
        gen_expr(g, VT_I32);
        gen_small(g, addr, 255);
        gen_index(g, op, memory);
        return true;
    case OP_MEMORY_COPY:
        if (!g->memories[other].is_64) length = VT_I32;
        gen_addr(g, memory, 1);
        gen_addr(g, other, 1);
        gen_small(g, length, 511);
        gen_index(g, op, memory);
        put_uleb(g->b, other);
        return true;
    default: /* memory.init */
        if (g->ndatas == 0) return false;
        gen_addr(g, memory, 1);
        gen_small(g, VT_I32, 15);
        gen_small(g, VT_I32, 15);
        gen_index(g, op, gen_roll(g, g->ndatas));
        put_uleb(g->b, memory);
        return true;
    }
}

/* --- variables */

static bool put_local(Gen *g, Op op)
{
    if (g->nlocals == 0) return false;
    u32 local = gen_roll(g, g->nlocals), number = local < g->nparams ? local : local + g->nfiller;
    ValType t = g->locals[local];
    if (op != OP_LOCAL_GET || (!vt_is_defaultable(t) && local >= g->nparams)) {
        gen_expr(g, t);
        gen_index(g, op == OP_LOCAL_TEE ? op : OP_LOCAL_SET, number);
        if (op == OP_LOCAL_TEE) gen_sink(g, t);
        if (op == OP_LOCAL_SET) return true;
    }
    gen_index(g, OP_LOCAL_GET, number);
    gen_sink(g, t);
    return true;
}

static bool put_global(Gen *g, Op op)
{
    u32 at = gen_roll(g, g->nglobals);
    for (u32 i = 0; i < g->nglobals; i++, at = (at + 1) % g->nglobals)
        if (at != g->fuel && (op == OP_GLOBAL_GET || g->globals[at].is_mutable)) break;
    if (at == g->fuel || (op == OP_GLOBAL_SET && !g->globals[at].is_mutable)) return false;
    ValType t = g->globals[at].type;
    if (op == OP_GLOBAL_SET) gen_expr(g, t);
    gen_index(g, op, at);
    if (op == OP_GLOBAL_GET) gen_sink(g, t);
    return true;
}

static bool put_ref(Gen *g, Op op)
{
    ValType t = gen_has(g, FEATURE_FUNCTION_REFERENCES) ? gen_ref_type(g) : VT_FUNCREF;
    u32 func;
    switch ((int)op) {
    case OP_REF_NULL:
        t = vt_with_null(t, true);
        gen_op(g, op);
        gen_put_heaptype(g->b, t);
        gen_sink(g, t);
        return true;
    case OP_REF_IS_NULL:
        gen_expr(g, t);
        gen_op(g, op);
        gen_sink(g, VT_I32);
        return true;
    case OP_REF_FUNC:
        if (!gen_func_of(g, vt_abstract(HEAP_FUNC, false), &func)) return false;
        gen_index(g, op, func);
        gen_sink(g, vt_concrete(g->func_types[func], false, false));
        return true;
    case OP_REF_EQ:
        for (u32 i = 0; i < 2; i++) gen_expr(g, vt_abstract(HEAP_EQ, true));
        gen_op(g, op);
        gen_sink(g, VT_I32);
        return true;
    case OP_REF_AS_NON_NULL:
        gen_expr(g, vt_with_null(t, true));
        gen_op(g, op);
        gen_sink(g, vt_with_null(t, false));
        return true;
    case OP_REF_I31:
        gen_build(g, vt_abstract(HEAP_I31, false));
        gen_sink(g, vt_abstract(HEAP_I31, false));
        return true;
    case OP_I31_GET_S: case OP_I31_GET_U:
        gen_expr(g, gen_some_type(g, HEAP_I31));
        gen_op(g, op);
        gen_sink(g, VT_I32);
        return true;
    case OP_ANY_CONVERT_EXTERN:
        gen_expr(g, VT_EXTERNREF);
        gen_op(g, op);
        gen_sink(g, vt_abstract(HEAP_ANY, true));
        return true;
    default: /* extern.convert_any */
        gen_expr(g, vt_abstract(HEAP_ANY, true));
        gen_op(g, op);
        gen_sink(g, VT_EXTERNREF);
        return true;
    }
}

/* --- the switch */

static bool put_select(Gen *g, Op op)
{
    ValType t = op == OP_SELECT ? gen_num_type(g) : gen_type(g);
    gen_expr(g, t);
    gen_expr(g, t);
    gen_expr(g, VT_I32);
    gen_op(g, op);
    if (op == OP_SELECT_T) {
        put_uleb(g->b, 1);
        gen_put_valtype(g->b, t);
    }
    gen_sink(g, t);
    return true;
}

bool gen_special(Gen *g, Op op)
{
    switch (op) {
#define NUM1(n, ...) case OP_##n:
#define NUM2(n, ...) case OP_##n:
#define NUM2C(n, ...) case OP_##n:
#define NUM3(n, ...) case OP_##n:
#define NUM1T(n, ...) case OP_##n:
#define NUM2T(n, ...) case OP_##n:
#define TEST1(n, ...) case OP_##n:
#define CMP2(n, ...) case OP_##n:
#define WIDE2(n, ...) case OP_##n:
#define WIDE4(n, ...) case OP_##n:
#define LANE1(n, ...) case OP_##n:
#define LANE2(n, ...) case OP_##n:
#define SHUFFLE(n, ...) case OP_##n:
#define LOAD(n, ...) case OP_##n:
#define LOADX(n, ...) case OP_##n:
#define LOADL(n, ...) case OP_##n:
#define STORE(n, ...) case OP_##n:
#define STOREL(n, ...) case OP_##n:
#define CONST(n, ...) case OP_##n:
#define TYPED(n, ...) case OP_##n:
#define ALOAD(n, ...) case OP_##n:
#define ASTORE(n, ...) case OP_##n:
#define ARMW(n, ...) case OP_##n:
#define ACMPXCHG(n, ...) case OP_##n:
#define ATOMIC(n, ...) case OP_##n:
#include "ops/ops.def"
        return false; /* gen_regular */

    case OP_UNREACHABLE: case OP_BR: case OP_BR_TABLE: case OP_RETURN: case OP_THROW: case OP_THROW_REF:
    case OP_BLOCK: case OP_LOOP: case OP_IF: case OP_ELSE: case OP_END: case OP_TRY: case OP_CATCH: case OP_CATCH_ALL:
    case OP_DELEGATE: case OP_RETHROW: case OP_TRY_TABLE: case OP_BR_IF: case OP_BR_ON_NULL: case OP_BR_ON_NON_NULL:
    case OP_BR_ON_CAST: case OP_BR_ON_CAST_FAIL: case OP_BR_ON_CAST_DESC_EQ: case OP_BR_ON_CAST_DESC_EQ_FAIL:
    case OP_CALL: case OP_CALL_INDIRECT: case OP_CALL_REF: case OP_RETURN_CALL: case OP_RETURN_CALL_INDIRECT:
    case OP_RETURN_CALL_REF: return gen_control(g, op);
    case OP_NOP: gen_op(g, op); return true;
    case OP_DROP:
        gen_expr(g, gen_type(g));
        gen_op(g, op);
        return true;
    case OP_SELECT: case OP_SELECT_T: return put_select(g, op);
    case OP_LOCAL_GET: case OP_LOCAL_SET: case OP_LOCAL_TEE: return put_local(g, op);
    case OP_GLOBAL_GET: case OP_GLOBAL_SET: return put_global(g, op);
    case OP_TABLE_GET: case OP_TABLE_SET: case OP_TABLE_INIT: case OP_TABLE_COPY: case OP_TABLE_GROW:
    case OP_TABLE_SIZE: case OP_TABLE_FILL: return put_table(g, op);
    case OP_ELEM_DROP:
        if (g->nelems == 0) return false;
        gen_index(g, op, gen_roll(g, g->nelems));
        return true;
    case OP_DATA_DROP:
        if (g->ndatas == 0) return false;
        gen_index(g, op, gen_roll(g, g->ndatas));
        return true;
    case OP_MEMORY_SIZE: case OP_MEMORY_GROW: case OP_MEMORY_INIT: case OP_MEMORY_COPY: case OP_MEMORY_FILL:
        return put_memory(g, op);
    case OP_REF_NULL: case OP_REF_IS_NULL: case OP_REF_FUNC: case OP_REF_EQ: case OP_REF_AS_NON_NULL:
    case OP_REF_I31: case OP_I31_GET_S: case OP_I31_GET_U: case OP_ANY_CONVERT_EXTERN: case OP_EXTERN_CONVERT_ANY:
        return put_ref(g, op);
    case OP_STRUCT_NEW: case OP_STRUCT_NEW_DEFAULT: case OP_STRUCT_NEW_DESC: case OP_STRUCT_NEW_DEFAULT_DESC:
    case OP_ARRAY_NEW: case OP_ARRAY_NEW_DEFAULT: case OP_ARRAY_NEW_FIXED: case OP_ARRAY_NEW_DATA:
    case OP_ARRAY_NEW_ELEM: return put_new(g, op);
    case OP_STRUCT_GET: case OP_STRUCT_GET_S: case OP_STRUCT_GET_U: case OP_STRUCT_SET:
        return put_struct_access(g, op);
    case OP_ARRAY_GET: case OP_ARRAY_GET_S: case OP_ARRAY_GET_U: case OP_ARRAY_SET: return put_array_access(g, op);
    case OP_ARRAY_LEN:
        gen_expr(g, gen_some_type(g, HEAP_ARRAY));
        gen_op(g, op);
        gen_sink(g, VT_I32);
        return true;
    case OP_ARRAY_FILL: case OP_ARRAY_COPY: case OP_ARRAY_INIT_DATA: case OP_ARRAY_INIT_ELEM:
        return put_array_bulk(g, op);
    case OP_REF_TEST: case OP_REF_TEST_NULL: case OP_REF_CAST: case OP_REF_CAST_NULL:
    case OP_REF_CAST_DESC_EQ: case OP_REF_CAST_DESC_EQ_NULL: return put_cast(g, op);
    case OP_REF_GET_DESC: return put_get_desc(g);
    case OP_COUNT: break;
#if !TERN_SIMD || !TERN_THREADS || !TERN_PROPOSALS
    default: break; /* what is left out has a name all the same */
#endif
    }
    return false;
}
