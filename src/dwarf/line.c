/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* line.c - the line number programs of DWARF 2 to 5 (DWARF 5, 6.2). */
#include "dwarf/line.h"

bool tern_line_table(DwarfReader *r, u64 offset, DwarfEncoding unit, LineTable *out)
{
    Cursor section = tern_dwarf_section(r, DWARF_LINE, offset), c, header;
    DwarfEncoding e = {.address_size = unit.address_size};
    u64 version, header_size, n;
    const u8 *bytes;
    u8 base;
    if (!tern_dwarf_unit(&section, &c, &e.offset_size) || !tern_dwarf_uint(&c, 2, &version) || version < 2 ||
        version > 5)
        return false;
    e.version = (u16)version;
    if (version >= 5) {
        u8 segment_size;
        if (cursor_u8(&c, &e.address_size) != DIAG_NONE || cursor_u8(&c, &segment_size) != DIAG_NONE) return false;
    }
    if (e.address_size != 4 && e.address_size != 8) return false;
    if (!tern_dwarf_uint(&c, e.offset_size, &header_size) || tern_cursor_bytes(&c, header_size, &bytes) != DIAG_NONE)
        return false;
    header = cursor_of(bytes, (size_t)header_size);
    if (!tern_dwarf_uint(&header, 1, &out->min_length)) return false;
    if (version >= 4 && (!tern_dwarf_uint(&header, 1, &n) || n != 1)) return false; /* WebAssembly is no VLIW */
    if (!tern_dwarf_uint(&header, 1, &n) || cursor_u8(&header, &base) != DIAG_NONE ||
        cursor_u8(&header, &out->line_range) != DIAG_NONE || cursor_u8(&header, &out->opcode_base) != DIAG_NONE ||
        out->line_range == 0 || out->opcode_base == 0 ||
        tern_cursor_bytes(&header, out->opcode_base - 1u, &out->nargs) != DIAG_NONE)
        return false;
    out->line_base = (s8)base;
    out->encoding = e;
    out->names = cursor_of(header.p, cursor_left(&header));
    out->program = cursor_of(c.p, cursor_left(&c));
    return true;
}

/* --- the program ------------------------------------------------------------------------------------ */

enum { STANDARD_COPY = 1, STANDARD_ADVANCE_PC, STANDARD_ADVANCE_LINE, STANDARD_SET_FILE, STANDARD_SET_COLUMN,
       STANDARD_NEGATE_STMT, STANDARD_BASIC_BLOCK, STANDARD_CONST_ADD_PC, STANDARD_FIXED_ADVANCE_PC };
enum { EXTENDED_END_SEQUENCE = 1, EXTENDED_SET_ADDRESS };

typedef struct LineState {
    u64 address;
    LineRow row;
    bool has_rows;
    u64 low;     /* of the first row */
    u64 wanted;  /* the row of this address is looked for */
    LineRow found;
    bool has_found;
} LineState;

static void emit(LineState *s)
{
    if (!s->has_rows) s->low = s->address;
    s->has_rows = true;
    if (s->address > s->wanted) return;
    s->found = s->row;
    s->has_found = true;
}

/* An extended opcode; *is_end: the sequence's. */
static bool run_extended(const LineTable *t, Cursor *c, LineState *s, bool *is_end)
{
    u64 size;
    const u8 *bytes;
    if (tern_cursor_leb_u64(c, &size) != DIAG_NONE || size == 0 || tern_cursor_bytes(c, size, &bytes) != DIAG_NONE)
        return false;
    Cursor inside = cursor_of(bytes + 1, (size_t)size - 1);
    if (bytes[0] == EXTENDED_SET_ADDRESS)
        return tern_dwarf_uint(&inside, size - 1 == 4 ? 4 : t->encoding.address_size, &s->address);
    *is_end = bytes[0] == EXTENDED_END_SEQUENCE;
    return true;
}

static bool run_standard(const LineTable *t, u8 opcode, Cursor *c, LineState *s)
{
    u64 n;
    s64 delta;
    switch (opcode) {
    case STANDARD_COPY: emit(s); return true;
    case STANDARD_ADVANCE_PC:
        if (tern_cursor_leb_u64(c, &n) != DIAG_NONE) return false;
        s->address += n * t->min_length;
        return true;
    case STANDARD_ADVANCE_LINE:
        if (tern_cursor_leb_s64(c, &delta) != DIAG_NONE) return false;
        s->row.line += (u64)delta;
        return true;
    case STANDARD_SET_FILE: return tern_cursor_leb_u64(c, &s->row.file) == DIAG_NONE;
    case STANDARD_SET_COLUMN: return tern_cursor_leb_u64(c, &s->row.column) == DIAG_NONE;
    case STANDARD_NEGATE_STMT:
    case STANDARD_BASIC_BLOCK: return true;
    case STANDARD_CONST_ADD_PC:
        s->address += (u64)((255 - t->opcode_base) / t->line_range) * t->min_length;
        return true;
    case STANDARD_FIXED_ADVANCE_PC:
        if (!tern_dwarf_uint(c, 2, &n)) return false;
        s->address += n;
        return true;
    default:
        for (u32 i = 0; i < t->nargs[opcode - 1]; i++)
            if (tern_cursor_leb_u64(c, &n) != DIAG_NONE) return false;
        return true;
    }
}

/* Runs from c to the end of the sequence, whose last address is s->address then. */
static bool run_sequence(DwarfReader *r, const LineTable *t, Cursor *c, LineState *s)
{
    s->row = (LineRow){.file = 1, .line = 1};
    for (;;) {
        u8 opcode;
        bool is_end = false;
        if (!dwarf_step(r) || cursor_u8(c, &opcode) != DIAG_NONE) return false;
        if (opcode >= t->opcode_base) {
            u32 adjusted = (u32)opcode - t->opcode_base;
            s->address += (u64)(adjusted / t->line_range) * t->min_length;
            s->row.line += (u64)(s64)(t->line_base + (s32)(adjusted % t->line_range));
            emit(s);
        } else if (opcode == 0 ? !run_extended(t, c, s, &is_end) : !run_standard(t, opcode, c, s)) {
            return false;
        }
        if (is_end) return true;
    }
}

bool tern_line_sequences(DwarfReader *r, const LineTable *table, Alloc *alloc, LineSequences *out)
{
    Cursor c = table->program;
    while (cursor_left(&c) > 0) {
        u32 at = (u32)(c.p - r->sections[DWARF_LINE].bytes);
        LineState s = {.has_rows = false};
        if (!run_sequence(r, table, &c, &s)) return true;
        /* Nothing lies at address 0: there stands how many functions follow. Linkers write 0, or the highest
         * address, for functions that they left out. */
        if (s.has_rows && s.low > 0 && s.low < s.address && !vec_push(out, alloc, (LineSequence){s.low, s.address, at}))
            return false;
    }
    return true;
}

bool tern_line_find(DwarfReader *r, const LineTable *table, const LineSequence *sequence, u64 address, LineRow *out)
{
    const u8 *start = r->sections[DWARF_LINE].bytes + sequence->program;
    Cursor c = cursor_of(start, (size_t)(table->program.end - start));
    LineState s = {.wanted = address};
    if (!run_sequence(r, table, &c, &s) || !s.has_found) return false;
    *out = s.found;
    return true;
}

/* --- names ------------------------------------------------------------------------------------------ */

/* Up to version 4: terminated strings, ended by an empty one; entry n counts from 1. Files have three numbers
 * behind the name. *c moves behind the list only if all of it is passed over: n is UINT64_MAX. */
static bool old_entry(DwarfReader *r, Cursor *c, bool is_file, u64 n, DwarfEncoding e, Name *name, u64 *dir)
{
    const u64 form_string = 8;
    for (u64 i = 1;; i++) {
        DwarfValue text;
        u64 ignored;
        if (!tern_dwarf_value(r, c, form_string, e, 0, &text)) return false;
        if (text.text.size == 0) return false;
        if (is_file && (tern_cursor_leb_u64(c, dir) != DIAG_NONE || tern_cursor_leb_u64(c, &ignored) != DIAG_NONE ||
                        tern_cursor_leb_u64(c, &ignored) != DIAG_NONE))
            return false;
        if (i == n) {
            *name = text.text;
            return true;
        }
    }
}

static bool old_file(DwarfReader *r, const LineTable *t, u64 number, Name *dir, Name *file)
{
    Cursor dirs = t->names, files = t->names;
    Name ignored;
    u64 dir_number = 0, none;
    old_entry(r, &files, false, UINT64_MAX, t->encoding, &ignored, &none); /* stops behind the last directory */
    if (number == 0 || !old_entry(r, &files, true, number, t->encoding, file, &dir_number)) return false;
    return dir_number == 0 || old_entry(r, &dirs, false, dir_number, t->encoding, dir, &none);
}

/* Version 5: entries described by a format, counted from 0. Entry n's path and directory; with n past the last
 * one, *c moves behind the list. */
static bool new_entry(DwarfReader *r, Cursor *c, u64 n, DwarfEncoding e, Name *name, u64 *dir)
{
    enum { CONTENT_PATH = 1, CONTENT_DIRECTORY = 2 };
    u8 nformats;
    u64 count, ignored;
    if (cursor_u8(c, &nformats) != DIAG_NONE) return false;
    Cursor formats = *c;
    for (u32 i = 0; i < 2u * nformats; i++)
        if (tern_cursor_leb_u64(c, &ignored) != DIAG_NONE) return false;
    if (tern_cursor_leb_u64(c, &count) != DIAG_NONE) return false;
    for (u64 i = 0; i < count; i++) {
        Cursor format = formats;
        DwarfValue path = {.kind = VALUE_NONE};
        if (!dwarf_step(r)) return false;
        for (u32 k = 0; k < nformats; k++) {
            u64 content, form;
            DwarfValue value;
            if (tern_cursor_leb_u64(&format, &content) != DIAG_NONE ||
                tern_cursor_leb_u64(&format, &form) != DIAG_NONE || !tern_dwarf_value(r, c, form, e, 0, &value))
                return false;
            if (content == CONTENT_PATH) path = value;
            if (content == CONTENT_DIRECTORY) *dir = value.n;
        }
        if (i == n) {
            *name = tern_dwarf_text(r, &path);
            return true;
        }
    }
    return false;
}

static bool new_file(DwarfReader *r, const LineTable *t, u64 number, Name *dir, Name *file)
{
    Cursor dirs = t->names, files = t->names;
    Name ignored = {NULL, 0};
    u64 dir_number = 0, none;
    new_entry(r, &files, UINT64_MAX, t->encoding, &ignored, &none); /* stops behind the last directory */
    if (!new_entry(r, &files, number, t->encoding, file, &dir_number)) return false;
    return dir_number == 0 || new_entry(r, &dirs, dir_number, t->encoding, dir, &none);
}

bool tern_line_file(DwarfReader *r, const LineTable *table, u64 number, Name *dir, Name *file)
{
    *dir = *file = (Name){NULL, 0};
    return table->encoding.version >= 5 ? new_file(r, table, number, dir, file) : old_file(r, table, number, dir, file);
}
