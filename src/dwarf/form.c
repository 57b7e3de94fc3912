/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* form.c - values in DWARF's forms (DWARF 5, 7.5.6), and abbreviations (7.5.3). */
#include "dwarf/form.h"

Cursor tern_dwarf_section(const DwarfReader *r, DwarfSection section, u64 offset)
{
    static const u8 nothing[1];
    u32 size = r->sections[section].size;
    if (offset >= size) return cursor_of(nothing, 0);
    return cursor_of(r->sections[section].bytes + offset, size - (u32)offset);
}

bool tern_dwarf_uint(Cursor *c, u32 nbytes, u64 *out)
{
    const u8 *bytes;
    if (tern_cursor_bytes(c, nbytes, &bytes) != DIAG_NONE) return false;
    *out = 0;
    for (u32 i = 0; i < nbytes; i++) *out |= (u64)bytes[i] << (8 * i);
    return true;
}

bool tern_dwarf_unit(Cursor *c, Cursor *inside, u8 *offset_size)
{
    u64 length;
    const u8 *bytes;
    *offset_size = 4;
    if (!tern_dwarf_uint(c, 4, &length)) return false;
    if (length == 0xffffffff) {
        *offset_size = 8;
        if (!tern_dwarf_uint(c, 8, &length)) return false;
    } else if (length >= 0xfffffff0) {
        return false;
    }
    if (tern_cursor_bytes(c, length, &bytes) != DIAG_NONE) return false;
    *inside = cursor_of(bytes, (size_t)length);
    return true;
}

/* --- values ----------------------------------------------------------------------------------------- */

enum Form {
    FORM_ADDR = 0x01, FORM_BLOCK2 = 0x03, FORM_BLOCK4, FORM_DATA2, FORM_DATA4, FORM_DATA8, FORM_STRING,
    FORM_BLOCK, FORM_BLOCK1, FORM_DATA1, FORM_FLAG, FORM_SDATA, FORM_STRP, FORM_UDATA, FORM_REF_ADDR, FORM_REF1,
    FORM_REF2, FORM_REF4, FORM_REF8, FORM_REF_UDATA, FORM_INDIRECT, FORM_SEC_OFFSET, FORM_EXPRLOC,
    FORM_FLAG_PRESENT, FORM_STRX, FORM_ADDRX, FORM_REF_SUP4, FORM_STRP_SUP, FORM_DATA16, FORM_LINE_STRP,
    FORM_REF_SIG8, FORM_IMPLICIT_CONST, FORM_LOCLISTX, FORM_RNGLISTX, FORM_REF_SUP8, FORM_STRX1, FORM_STRX2,
    FORM_STRX3, FORM_STRX4, FORM_ADDRX1, FORM_ADDRX2, FORM_ADDRX3, FORM_ADDRX4, FORM_LAST = FORM_ADDRX4
};

/* How a form's number is written, in bytes; the words below for other lengths. */
enum { LEB = 16, SLEB, OFFSET, ADDRESS, NOTHING, TERMINATED, SPECIAL };

static const struct {
    u8 size, kind;
} forms[FORM_LAST + 1] = {
    [FORM_ADDR] = {ADDRESS, VALUE_ADDRESS},
    [FORM_BLOCK1] = {1, VALUE_BYTES},       [FORM_BLOCK2] = {2, VALUE_BYTES},
    [FORM_BLOCK4] = {4, VALUE_BYTES},       [FORM_BLOCK] = {LEB, VALUE_BYTES},
    [FORM_EXPRLOC] = {LEB, VALUE_BYTES},    [FORM_DATA1] = {1, VALUE_UINT},
    [FORM_DATA2] = {2, VALUE_UINT},         [FORM_DATA4] = {4, VALUE_UINT},
    [FORM_DATA8] = {8, VALUE_UINT},         [FORM_DATA16] = {SPECIAL, VALUE_BYTES},
    [FORM_FLAG] = {1, VALUE_UINT},          [FORM_SDATA] = {SLEB, VALUE_UINT},
    [FORM_UDATA] = {LEB, VALUE_UINT},       [FORM_FLAG_PRESENT] = {NOTHING, VALUE_UINT},
    [FORM_IMPLICIT_CONST] = {NOTHING, VALUE_UINT},
    [FORM_STRING] = {TERMINATED, VALUE_TEXT},
    [FORM_STRP] = {OFFSET, VALUE_TEXT},     [FORM_LINE_STRP] = {OFFSET, VALUE_TEXT},
    [FORM_STRP_SUP] = {OFFSET, VALUE_NONE}, [FORM_STRX] = {LEB, VALUE_TEXT_AT},
    [FORM_STRX1] = {1, VALUE_TEXT_AT},      [FORM_STRX2] = {2, VALUE_TEXT_AT},
    [FORM_STRX3] = {3, VALUE_TEXT_AT},      [FORM_STRX4] = {4, VALUE_TEXT_AT},
    [FORM_REF1] = {1, VALUE_DIE_UNIT},      [FORM_REF2] = {2, VALUE_DIE_UNIT},
    [FORM_REF4] = {4, VALUE_DIE_UNIT},      [FORM_REF8] = {8, VALUE_DIE_UNIT},
    [FORM_REF_UDATA] = {LEB, VALUE_DIE_UNIT},
    [FORM_REF_ADDR] = {SPECIAL, VALUE_DIE}, [FORM_REF_SUP4] = {4, VALUE_NONE},
    [FORM_REF_SUP8] = {8, VALUE_NONE},      [FORM_REF_SIG8] = {8, VALUE_NONE},
    [FORM_SEC_OFFSET] = {OFFSET, VALUE_OFFSET},
    [FORM_ADDRX] = {LEB, VALUE_ADDRESS_AT}, [FORM_ADDRX1] = {1, VALUE_ADDRESS_AT},
    [FORM_ADDRX2] = {2, VALUE_ADDRESS_AT},  [FORM_ADDRX3] = {3, VALUE_ADDRESS_AT},
    [FORM_ADDRX4] = {4, VALUE_ADDRESS_AT},
    [FORM_LOCLISTX] = {LEB, VALUE_NONE},    [FORM_RNGLISTX] = {LEB, VALUE_LIST_AT},
};

static bool read_terminated(Cursor *c, Name *out)
{
    const u8 *end = cursor_left(c) > 0 ? memchr(c->p, 0, cursor_left(c)) : NULL;
    if (end == NULL || end - c->p > UINT32_MAX) return false;
    *out = (Name){(const char *)c->p, (u32)(end - c->p)};
    c->p = end + 1;
    return true;
}

static bool read_number(Cursor *c, u32 size, DwarfEncoding e, s64 implicit, u64 *n)
{
    s64 value;
    switch (size) {
    case LEB: return tern_cursor_leb_u64(c, n) == DIAG_NONE;
    case SLEB:
        if (tern_cursor_leb_s64(c, &value) != DIAG_NONE) return false;
        *n = (u64)value;
        return true;
    case OFFSET: return tern_dwarf_uint(c, e.offset_size, n);
    case ADDRESS: return tern_dwarf_uint(c, e.address_size, n);
    case NOTHING: *n = (u64)implicit; return true;
    default: return tern_dwarf_uint(c, size, n);
    }
}

bool tern_dwarf_value(DwarfReader *r, Cursor *c, u64 form, DwarfEncoding e, s64 implicit, DwarfValue *out)
{
    if (!dwarf_step(r)) return false;
    if (form == FORM_INDIRECT &&
        (tern_cursor_leb_u64(c, &form) != DIAG_NONE || form == FORM_INDIRECT || form == FORM_IMPLICIT_CONST))
        return false;
    if (form > FORM_LAST || forms[form].size == 0) return false;
    *out = (DwarfValue){.kind = (DwarfValueKind)forms[form].kind, .text_in = DWARF_SECTIONS};
    const u8 *ignored;
    switch (form) {
    case FORM_STRING: return read_terminated(c, &out->text);
    case FORM_DATA16: return tern_cursor_bytes(c, 16, &ignored) == DIAG_NONE;
    case FORM_STRP: out->text_in = DWARF_STR; break;
    case FORM_LINE_STRP: out->text_in = DWARF_LINE_STR; break;
    case FORM_REF_ADDR: /* an address in version 2 */
        return tern_dwarf_uint(c, e.version <= 2 ? e.address_size : e.offset_size, &out->n);
    case FORM_DATA4: /* what is SEC_OFFSET since version 4 */
    case FORM_DATA8:
        if (e.version < 4) out->kind = VALUE_OFFSET;
        break;
    default: break;
    }
    if (form == FORM_FLAG_PRESENT) implicit = 1;
    if (!read_number(c, forms[form].size, e, implicit, &out->n)) return false;
    return out->kind != VALUE_BYTES || tern_cursor_bytes(c, out->n, &ignored) == DIAG_NONE;
}

Name tern_dwarf_text(const DwarfReader *r, const DwarfValue *value)
{
    Name text = {NULL, 0};
    if (value->kind != VALUE_TEXT) return text;
    if (value->text_in == DWARF_SECTIONS) return value->text;
    Cursor c = tern_dwarf_section(r, value->text_in, value->n);
    return read_terminated(&c, &text) ? text : (Name){NULL, 0};
}

/* --- abbreviations ---------------------------------------------------------------------------------- */

bool tern_dwarf_attr(DwarfReader *r, Cursor *attrs, u64 *name, u64 *form, s64 *implicit)
{
    *implicit = 0;
    return dwarf_step(r) && tern_cursor_leb_u64(attrs, name) == DIAG_NONE &&
           tern_cursor_leb_u64(attrs, form) == DIAG_NONE &&
           (*form != FORM_IMPLICIT_CONST || tern_cursor_leb_s64(attrs, implicit) == DIAG_NONE);
}

bool tern_dwarf_abbrevs(DwarfReader *r, u64 offset, u64 last, Alloc *alloc, DwarfAbbrevs *out)
{
    Cursor c = tern_dwarf_section(r, DWARF_ABBREV, offset);
    for (u64 before = 0;;) {
        u64 code, tag, name, form;
        s64 implicit;
        u8 has_children;
        if (!dwarf_step(r) || tern_cursor_leb_u64(&c, &code) != DIAG_NONE) return false;
        if (code == 0) return true;
        if (code <= before || tern_cursor_leb_u64(&c, &tag) != DIAG_NONE || tag > UINT32_MAX ||
            cursor_u8(&c, &has_children) != DIAG_NONE)
            return false;
        DwarfAbbrev abbrev = {.code = code, .tag = (u32)tag, .attrs = (u32)(offset + cursor_offset(&c)),
                              .has_children = has_children != 0};
        if (!vec_push(out, alloc, abbrev)) return false;
        if (code == last) return true;
        do {
            if (!tern_dwarf_attr(r, &c, &name, &form, &implicit)) return false;
        } while (name != 0 || form != 0);
        before = code;
    }
}

const DwarfAbbrev *tern_dwarf_abbrev(const DwarfAbbrevs *abbrevs, u64 code)
{
    u32 low = 0, high = abbrevs->n;
    if (code - 1 < high && abbrevs->items[code - 1].code == code) return &abbrevs->items[code - 1];
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (abbrevs->items[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < abbrevs->n && abbrevs->items[low].code == code ? &abbrevs->items[low] : NULL;
}
