/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* segment.c - element and data segments (spec 5.5.12, 5.5.14). */
#include "binary/section.h"

/* Flags of an element segment; of a data segment the first two, whose both may not be set. */
enum { SEGMENT_NOT_ACTIVE = 1, SEGMENT_EXPLICIT = 2, SEGMENT_EXPRS = 4 };

static bool decode_funcs(SectionDecoder *s, ElemSegment *elem)
{
    if (!tern_decode_count(&s->d, &elem->n)) return false;
    u32 *funcs = tern_section_alloc(s, sizeof *funcs, elem->n);
    if (funcs == NULL) return false;
    for (u32 i = 0; i < elem->n; i++) {
        if (!tern_section_index(s, s->m->nfuncs, DIAG_UNKNOWN_FUNCTION, &funcs[i])) return false;
        s->m->funcs[funcs[i]].is_declared = true;
    }
    elem->funcs = funcs;
    return true;
}

static bool decode_exprs(SectionDecoder *s, ElemSegment *elem)
{
    if (!tern_decode_count(&s->d, &elem->n)) return false;
    ConstExpr *exprs = tern_section_alloc(s, sizeof *exprs, elem->n);
    if (exprs == NULL) return false;
    for (u32 i = 0; i < elem->n; i++)
        if (!tern_const_expr_decode(s, elem->type, &exprs[i])) return false;
    elem->exprs = exprs;
    return true;
}

/* What the elements are: given where the short form does not imply functions. */
static bool decode_elem_type(SectionDecoder *s, u32 flags, ElemSegment *elem)
{
    Decoder *d = &s->d;
    bool has_exprs = (flags & SEGMENT_EXPRS) != 0;
    elem->type = vt_abstract(HEAP_FUNC, has_exprs);
    if ((flags & (SEGMENT_NOT_ACTIVE | SEGMENT_EXPLICIT)) == 0) return true;
    if (has_exprs) return tern_decode_reftype(d, &elem->type);
    const u8 *at = d->c.p;
    u8 kind;
    if (!read_u8(d, &kind)) return false;
    return kind == 0 || tern_decoder_fail_at(d, at, DIAG_MALFORMED_ELEM_KIND, "0x%02x", kind);
}

static bool decode_elem(SectionDecoder *s, ElemSegment *elem)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u32 flags;
    if (!read_u32(d, &flags)) return false;
    if (flags > 7)
        return tern_decoder_fail_number(d, at, DIAG_MALFORMED_ELEM_SEGMENT, flags);
    if (flags != 0 && !tern_decoder_need(d, FEATURE_BULK_MEMORY, DIAG_MALFORMED_ELEM_SEGMENT))
        return false;

    elem->mode = (flags & SEGMENT_NOT_ACTIVE) == 0 ? SEGMENT_ACTIVE
                 : (flags & SEGMENT_EXPLICIT) != 0 ? SEGMENT_DECLARATIVE
                                                   : SEGMENT_PASSIVE;
    if (elem->mode == SEGMENT_ACTIVE) {
        if ((flags & SEGMENT_EXPLICIT) != 0) {
            if (!tern_section_index(s, s->m->ntables, DIAG_UNKNOWN_TABLE, &elem->table))
                return false;
        } else if (s->m->ntables == 0) {
            return tern_decoder_fail_number(d, d->c.p, DIAG_UNKNOWN_TABLE, 0);
        }
        bool is_64 = limits_is_64(&s->m->tables[elem->table].type.limits);
        if (!tern_const_expr_decode(s, is_64 ? VT_I64 : VT_I32, &elem->offset)) return false;
    }
    if (!decode_elem_type(s, flags, elem)) return false;
    if (elem->mode == SEGMENT_ACTIVE) {
        ValType table = s->m->tables[elem->table].type.elem;
        char have[48], want[48];
        if (!tern_types_match(s->m->registry, elem->type, table))
            return tern_decoder_fail(d, DIAG_TYPE_MISMATCH, "elements of type %s in a table of %s",
                                     tern_types_name(elem->type, have, sizeof have),
                                     tern_types_name(table, want, sizeof want));
    }
    return (flags & SEGMENT_EXPRS) != 0 ? decode_exprs(s, elem) : decode_funcs(s, elem);
}

bool tern_elem_section_decode(SectionDecoder *s)
{
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    if (!tern_section_within(s, count, LIMIT_ELEM_SEGMENTS)) return false;
    ElemSegment *elems = tern_section_alloc(s, sizeof *elems, count);
    if (elems == NULL) return false;
    for (u32 i = 0; i < count; i++)
        if (!decode_elem(s, &elems[i])) return false;
    s->m->elems = elems;
    s->m->nelems = count;
    return true;
}

static bool decode_data(SectionDecoder *s, DataSegment *data)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u32 flags;
    if (!read_u32(d, &flags)) return false;
    if (flags > 2)
        return tern_decoder_fail_number(d, at, DIAG_MALFORMED_DATA_SEGMENT, flags);
    if (flags != 0 && !tern_decoder_need(d, FEATURE_BULK_MEMORY, DIAG_MALFORMED_DATA_SEGMENT))
        return false;

    data->mode = (flags & SEGMENT_NOT_ACTIVE) != 0 ? SEGMENT_PASSIVE : SEGMENT_ACTIVE;
    if (data->mode == SEGMENT_ACTIVE) {
        if ((flags & SEGMENT_EXPLICIT) != 0) {
            if (!tern_section_index(s, s->m->nmemories, DIAG_UNKNOWN_MEMORY, &data->memory))
                return false;
        } else if (s->m->nmemories == 0) {
            return tern_decoder_fail_number(d, d->c.p, DIAG_UNKNOWN_MEMORY, 0);
        }
        bool is_64 = limits_is_64(&s->m->memories[data->memory].limits);
        if (!tern_const_expr_decode(s, is_64 ? VT_I64 : VT_I32, &data->offset)) return false;
    }
    return tern_decode_bytes(d, &data->bytes, &data->size);
}

bool tern_data_section_decode(SectionDecoder *s)
{
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    if (!tern_section_within(s, count, LIMIT_DATA_SEGMENTS)) return false;
    DataSegment *datas = tern_section_alloc(s, sizeof *datas, count);
    if (datas == NULL) return false;
    for (u32 i = 0; i < count; i++)
        if (!decode_data(s, &datas[i])) return false;
    s->m->datas = datas;
    s->m->ndatas = count;
    return true;
}
