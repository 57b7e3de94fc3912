/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* form.h - reading what DWARF is made of: sections, values in their forms, strings, abbreviations.
 *
 * Every function that returns bool leaves the reason for false unsaid: there is none to report.
 */
#ifndef TERN_DWARF_FORM_H
#define TERN_DWARF_FORM_H

#include "base/cursor.h"
#include "base/vec.h"

typedef enum DwarfSection {
    DWARF_INFO, DWARF_ABBREV, DWARF_LINE, DWARF_STR, DWARF_LINE_STR, DWARF_RANGES, DWARF_RNGLISTS, DWARF_ADDR,
    DWARF_STR_OFFSETS, DWARF_SECTIONS
} DwarfSection;

/* The sections, the steps that are left to the query that reads them, and how many things may still be kept of what
 * was read: many units may name one table, and each keeps its own. */
typedef struct DwarfReader {
    struct {
        const u8 *bytes;
        u32 size;
    } sections[DWARF_SECTIONS];
    u64 work, room;
} DwarfReader;

/* Takes a step; false when none is left. */
static inline bool dwarf_step(DwarfReader *r)
{
    if (UNLIKELY(r->work == 0)) return false;
    r->work--;
    return true;
}

/* Takes room for n things; false when there is not as much. */
static inline bool dwarf_keep(DwarfReader *r, u32 n)
{
    if (n > r->room) return false;
    r->room -= n;
    return true;
}

/* How a unit or a line table is written. */
typedef struct DwarfEncoding {
    u16 version;
    u8 offset_size, address_size; /* 4 or 8 */
} DwarfEncoding;

typedef enum DwarfValueKind {
    VALUE_NONE,
    VALUE_UINT,       /* n; a signed value as 64 bits */
    VALUE_ADDRESS,    /* n */
    VALUE_ADDRESS_AT, /* the n-th of the unit's addresses */
    VALUE_TEXT,       /* in the section text_in at n, or when that is DWARF_SECTIONS, text itself */
    VALUE_TEXT_AT,    /* the n-th of the unit's strings */
    VALUE_OFFSET,     /* n, into a section that the attribute names */
    VALUE_LIST_AT,    /* the n-th of the unit's range lists */
    VALUE_DIE_UNIT,   /* an entry n bytes behind the start of the unit */
    VALUE_DIE,        /* an entry n bytes into .debug_info */
    VALUE_BYTES       /* of no interest */
} DwarfValueKind;

typedef struct DwarfValue {
    DwarfValueKind kind;
    DwarfSection text_in;
    u64 n;
    Name text;
} DwarfValue;

/* The bytes of a section from offset on; empty past its end. */
Cursor tern_dwarf_section(const DwarfReader *r, DwarfSection section, u64 offset);

/* An unsigned number of 1, 2, 3, 4 or 8 bytes. */
bool tern_dwarf_uint(Cursor *c, u32 nbytes, u64 *out);

/* unit_length: the bytes that follow, and by its form the size of offsets. *c moves behind those bytes. */
bool tern_dwarf_unit(Cursor *c, Cursor *inside, u8 *offset_size);

/* A value of the form. implicit: of DW_FORM_implicit_const, which stands with the abbreviation. */
bool tern_dwarf_value(DwarfReader *r, Cursor *c, u64 form, DwarfEncoding encoding, s64 implicit, DwarfValue *out);

/* The text of a VALUE_TEXT; empty for others. */
Name tern_dwarf_text(const DwarfReader *r, const DwarfValue *value);

/* --- abbreviations ---------------------------------------------------------------------------------- */

typedef struct DwarfAbbrev {
    u64 code;
    u32 tag;
    u32 attrs; /* where in .debug_abbrev its attributes are */
    bool has_children;
} DwarfAbbrev;

typedef struct DwarfAbbrevs {
    VEC(DwarfAbbrev)
} DwarfAbbrevs;

/* The table at offset, or its entries up to the one whose code is last. Codes must ascend, as they do with all
 * producers. */
bool tern_dwarf_abbrevs(DwarfReader *r, u64 offset, u64 last, Alloc *alloc, DwarfAbbrevs *out);
const DwarfAbbrev *tern_dwarf_abbrev(const DwarfAbbrevs *abbrevs, u64 code);
/* The next attribute; name 0 and form 0 end the list. */
bool tern_dwarf_attr(DwarfReader *r, Cursor *attrs, u64 *name, u64 *form, s64 *implicit);

#endif
