/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* section_type.c - the type section: recursion groups, made canonical one by one (spec 5.3,
 * 3.2).
 *
 * A group is drafted first, with its members named by position; what must hold before it can be
 * canonical (supers known, earlier and open; descriptors in pairs) is checked on the drafts.
 * Everything that compares types is checked afterwards on the canonical types, where equality is
 * a comparison of numbers. That an invalid group is in the registry until then hurts nobody: the
 * failing decode releases it.
 */
#include "binary/section.h"

/* As on the web (JS API, implementation limits), so that a few bytes cannot ask for much work. */
#define MAX_PARAMS 1000
#define MAX_RESULTS 1000
#define MAX_FIELDS 10000

static bool no_memory(SectionDecoder *s) { return tern_decoder_fail(&s->d, DIAG_NO_MEMORY, NULL); }

static bool decode_result_type(SectionDecoder *s, u32 limit, const char *what, u32 *n)
{
    Decoder *d = &s->d;
    if (!tern_decode_count(d, n)) return false;
    if (*n > limit)
        return tern_decoder_fail(d, DIAG_LIMIT, "more than %u %s", (unsigned)limit, what);
    for (u32 i = 0; i < *n; i++) {
        ValType type;
        if (!tern_decode_valtype(d, &type)) return false;
        if (!vec_push(&s->vals, s->m->alloc, type)) return no_memory(s);
    }
    return true;
}

static bool decode_field(SectionDecoder *s, FieldType *field)
{
    Decoder *d = &s->d;
    *field = (FieldType){0};
    if (!tern_decode_storagetype(d, &field->type)) return false;
    const u8 *at = d->c.p;
    u8 flag;
    if (!read_u8(d, &flag)) return false;
    if (flag > 1) return tern_decoder_fail_at(d, at, DIAG_MALFORMED_MUTABILITY, "0x%02x", flag);
    field->is_mutable = flag == 1;
    return true;
}

/* The composite type: func, struct or array. */
static bool decode_comp_type(SectionDecoder *s, TypeDraft *draft)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u8 code;
    if (!read_u8(d, &code)) return false;
    DefType *def = &draft->def;
    switch (code) {
    case 0x60:
        def->kind = DEF_FUNC;
        draft->first = s->vals.n;
        if (!decode_result_type(s, MAX_PARAMS, "parameters", &def->u.func.nparams)) return false;
        if (!decode_result_type(s, MAX_RESULTS, "results", &def->u.func.nresults)) return false;
        return def->u.func.nresults <= 1 ||
               tern_decoder_need(d, FEATURE_MULTI_VALUE, DIAG_MALFORMED_DEFINITION_TYPE);
    case 0x5f: {
        def->kind = DEF_STRUCT;
        draft->first = s->fields.n;
        u32 n;
        if (!tern_decoder_need(d, FEATURE_GC, DIAG_MALFORMED_DEFINITION_TYPE)) return false;
        if (!tern_decode_count(d, &n)) return false;
        if (n > MAX_FIELDS)
            return tern_decoder_fail(d, DIAG_LIMIT, "more than %u fields", MAX_FIELDS);
        for (u32 i = 0; i < n; i++) {
            FieldType field;
            if (!decode_field(s, &field)) return false;
            if (!vec_push(&s->fields, s->m->alloc, field)) return no_memory(s);
        }
        def->u.strct.nfields = n;
        return true;
    }
    case 0x5e:
        def->kind = DEF_ARRAY;
        return tern_decoder_need(d, FEATURE_GC, DIAG_MALFORMED_DEFINITION_TYPE) &&
               decode_field(s, &def->u.array);
    default:
        if (code >= 0x80) return tern_decoder_fail_at(d, at, DIAG_INTEGER_TOO_LONG, NULL);
        return tern_decoder_fail_at(d, at, DIAG_MALFORMED_DEFINITION_TYPE, "0x%02x", code);
    }
}

/* An optional 0x4c or 0x4d and the type it pairs with, which must be of the same group. */
static bool decode_pair(SectionDecoder *s, u8 prefix, DiagCode outside, u32 *id)
{
    Decoder *d = &s->d;
    if (d->c.p == d->c.end || *d->c.p != prefix) return true;
    if (!tern_decoder_need(d, FEATURE_CUSTOM_DESCRIPTORS, DIAG_MALFORMED_DEFINITION_TYPE))
        return false;
    d->c.p++;
    u32 index;
    if (!read_u32(d, &index)) return false;
    if (index - d->rec_start >= d->rec_n) return tern_decoder_fail(d, outside, NULL);
    *id = REC_BIT | (index - d->rec_start);
    return true;
}

/* The supertype of type_index, if it is declared. */
static bool decode_super(SectionDecoder *s, u32 type_index, TypeDraft *draft)
{
    Decoder *d = &s->d;
    u32 n;
    if (!tern_decode_count(d, &n)) return false;
    if (n > 1)
        return tern_decoder_fail(d, DIAG_SUB_TYPE, "%u has more than one super type",
                                 (unsigned)type_index);
    if (n == 0) return true;
    if (!read_u32(d, &draft->super_index)) return false;
    if (!tern_decoder_type_id(d, draft->super_index, &draft->def.super)) return false;
    if (draft->super_index >= type_index)
        return tern_decoder_fail(d, DIAG_FORWARD_SUPER, "%u in sub type definition",
                                 (unsigned)draft->super_index);
    return true;
}

static bool decode_sub_type(SectionDecoder *s, u32 type_index)
{
    Decoder *d = &s->d;
    TypeDraft draft = {.at = d->c.p, .super_index = TYPE_NONE};
    DefType *def = &draft.def;
    def->is_final = true;
    def->super = def->descriptor = def->described = TYPE_NONE;
    if (d->c.p != d->c.end && (*d->c.p == 0x50 || *d->c.p == 0x4f)) {
        if (!tern_decoder_need(d, FEATURE_GC, DIAG_MALFORMED_DEFINITION_TYPE)) return false;
        def->is_final = *d->c.p++ == 0x4f;
        if (!decode_super(s, type_index, &draft)) return false;
    }
    if (!decode_pair(s, 0x4c, DIAG_DESCRIBED_OUTSIDE, &def->described)) return false;
    if (!decode_pair(s, 0x4d, DIAG_DESCRIPTOR_OUTSIDE, &def->descriptor)) return false;
    if (!decode_comp_type(s, &draft)) return false;
    return vec_push(&s->drafts, s->m->alloc, draft) || no_memory(s);
}

/* Descriptors and what they describe name each other, the described type first, and are structs. */
static bool check_pairs(SectionDecoder *s)
{
    Decoder *d = &s->d;
    for (u32 i = 0; i < s->drafts.n; i++) {
        const TypeDraft *draft = &s->drafts.items[i];
        const DefType *def = &draft->def;
        if (def->described != TYPE_NONE) {
            u32 other = def->described & ~REC_BIT;
            if (s->drafts.items[other].def.descriptor != (REC_BIT | i))
                return tern_decoder_fail_at(d, draft->at, DIAG_DESCRIBED_NOT_MUTUAL, NULL);
            if (other >= i) return tern_decoder_fail_at(d, draft->at, DIAG_FORWARD_DESCRIBED, NULL);
        }
        if (def->descriptor != TYPE_NONE &&
            s->drafts.items[def->descriptor & ~REC_BIT].def.described != (REC_BIT | i))
            return tern_decoder_fail_at(d, draft->at, DIAG_DESCRIPTOR_NOT_MUTUAL, NULL);
    }
    for (u32 i = 0; i < s->drafts.n; i++) {
        const TypeDraft *draft = &s->drafts.items[i];
        if (draft->def.kind == DEF_STRUCT) continue;
        if (draft->def.descriptor != TYPE_NONE)
            return tern_decoder_fail_at(d, draft->at, DIAG_DESCRIPTOR_NOT_STRUCT, NULL);
        if (draft->def.described != TYPE_NONE)
            return tern_decoder_fail_at(d, draft->at, DIAG_DESCRIBED_NOT_STRUCT, NULL);
    }
    return true;
}

/* A super is not final, and chains are not endless. depth is a draft's own here. */
static bool check_supers(SectionDecoder *s)
{
    Decoder *d = &s->d;
    for (u32 i = 0; i < s->drafts.n; i++) {
        TypeDraft *draft = &s->drafts.items[i];
        u32 super = draft->def.super;
        if (super == TYPE_NONE) continue;
        const DefType *def = (super & REC_BIT) != 0 ? &s->drafts.items[super & ~REC_BIT].def
                                                    : tern_types_get(s->m->registry, super);
        if (def->is_final)
            return tern_decoder_fail_at(d, draft->at, DIAG_SUB_TYPE, "%u has final super type %u",
                                        (unsigned)(d->rec_start + i), (unsigned)draft->super_index);
        draft->def.depth = def->depth + 1;
        if (draft->def.depth > MAX_TYPE_DEPTH)
            return tern_decoder_fail_at(d, draft->at, DIAG_LIMIT,
                                        "type %u has more than %u super types",
                                        (unsigned)(d->rec_start + i), MAX_TYPE_DEPTH);
    }
    return true;
}

static bool field_match(const TypeRegistry *types, const FieldType *sub, const FieldType *super)
{
    if (sub->is_mutable != super->is_mutable) return false;
    if (sub->is_mutable) return sub->type == super->type;
    return tern_types_match(types, sub->type, super->type);
}

static bool comp_match(const TypeRegistry *types, const DefType *sub, const DefType *super)
{
    if (sub->kind != super->kind) return false;
    if (sub->kind == DEF_FUNC) return tern_types_func_match(types, &sub->u.func, &super->u.func);
    if (sub->kind == DEF_ARRAY) return field_match(types, &sub->u.array, &super->u.array);
    if (sub->u.strct.nfields < super->u.strct.nfields) return false;
    for (u32 i = 0; i < super->u.strct.nfields; i++)
        if (!field_match(types, &sub->u.strct.fields[i], &super->u.strct.fields[i])) return false;
    return true;
}

/* Is each type structurally below its declared super (spec 3.2.11)? On canonical types. */
static bool check_subtyping(SectionDecoder *s, const u32 *ids)
{
    Decoder *d = &s->d;
    const TypeRegistry *types = s->m->registry;
    for (u32 i = 0; i < s->drafts.n; i++) {
        const TypeDraft *draft = &s->drafts.items[i];
        const DefType *def = tern_types_get(types, ids[i]);
        if (def->super == TYPE_NONE) continue;
        const DefType *super = tern_types_get(types, def->super);
        unsigned index = d->rec_start + i, super_index = draft->super_index;

        bool both = def->described != TYPE_NONE && super->described != TYPE_NONE;
        if (both && !tern_types_def_match(types, def->described, super->described))
            return tern_decoder_fail_at(
                d, draft->at, DIAG_DESCRIBED_TYPE, "%u does not match the one of type %u",
                (unsigned)(d->rec_start + (draft->def.described & ~REC_BIT)), super_index);
        bool fits = both || def->described == super->described;
        both = def->descriptor != TYPE_NONE && super->descriptor != TYPE_NONE;
        if (fits && both && !tern_types_def_match(types, def->descriptor, super->descriptor))
            return tern_decoder_fail_at(
                d, draft->at, DIAG_DESCRIPTOR_TYPE, "%u does not match the one of type %u",
                (unsigned)(d->rec_start + (draft->def.descriptor & ~REC_BIT)), super_index);
        fits = fits && (both || super->descriptor == TYPE_NONE) && comp_match(types, def, super);
        if (!fits)
            return tern_decoder_fail_at(d, draft->at, DIAG_SUB_TYPE,
                                        "%u does not match super type %u", index, super_index);
    }
    return true;
}

/* Drafts to defs: from here on the vectors stay where they are. */
static bool settle(SectionDecoder *s)
{
    s->defs.n = 0;
    if (!vec_reserve(&s->defs, s->m->alloc, s->drafts.n)) return no_memory(s);
    for (u32 i = 0; i < s->drafts.n; i++) {
        const TypeDraft *draft = &s->drafts.items[i];
        DefType def = draft->def;
        if (def_kind(&def) == DEF_FUNC && s->vals.n > 0) {
            def.u.func.params = s->vals.items + draft->first;
            def.u.func.results = def.u.func.params + def.u.func.nparams;
        } else if (def_kind(&def) == DEF_STRUCT && s->fields.n > 0) {
            def.u.strct.fields = s->fields.items + draft->first;
        }
        s->defs.items[s->defs.n++] = def;
    }
    return true;
}

static bool decode_group(SectionDecoder *s)
{
    Decoder *d = &s->d;
    s->drafts.n = s->vals.n = s->fields.n = 0;
    d->rec_start = s->m->ntypes;
    d->rec_n = 1;
    if (d->c.p != d->c.end && *d->c.p == 0x4e) {
        if (!tern_decoder_need(d, FEATURE_GC, DIAG_MALFORMED_DEFINITION_TYPE)) return false;
        d->c.p++;
        if (!tern_decode_count(d, &d->rec_n)) return false;
    }
    u32 n = d->rec_n;
    if (!tern_section_within(s, (u64)d->rec_start + n, LIMIT_TYPES)) return false;
    for (u32 i = 0; i < n; i++)
        if (!decode_sub_type(s, d->rec_start + i)) return false;
    if (n == 0) return true;
    if (TERN_GC && (!check_pairs(s) || !check_supers(s))) return false;
    if (!settle(s)) return false;

    Alloc *alloc = s->m->alloc;
    if (!vec_reserve(&s->type_ids, alloc, n) || !vec_reserve(&s->group_ids, alloc, 1))
        return no_memory(s);
    u32 *ids = s->type_ids.items + s->type_ids.n;
    if (!tern_types_add_group(s->m->registry, s->defs.items, n, ids)) return no_memory(s);
    s->group_ids.items[s->group_ids.n++] = ids[0];
    s->type_ids.n += n;
    s->m->types = s->type_ids.items;
    s->m->ntypes = s->type_ids.n;
    return !TERN_GC || check_subtyping(s, ids);
}

bool tern_type_section_decode(SectionDecoder *s)
{
    Decoder *d = &s->d;
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(d, &count)) return false;
    for (u32 i = 0; i < count; i++)
        if (!decode_group(s)) return false;
    d->rec_n = 0;

    u32 *types = tern_section_alloc(s, sizeof *types, s->type_ids.n);
    u32 *groups = tern_section_alloc(s, sizeof *groups, s->group_ids.n);
    if (types == NULL || groups == NULL) return false;
    if (s->type_ids.n > 0) memcpy(types, s->type_ids.items, s->type_ids.n * sizeof *types);
    if (s->group_ids.n > 0) memcpy(groups, s->group_ids.items, s->group_ids.n * sizeof *groups);
    m->types = types;
    m->group_ids = groups;
    m->ngroups = s->group_ids.n; /* from here on the module releases them */
    s->group_ids.n = 0;
    return true;
}
