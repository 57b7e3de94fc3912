/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* unit.c - reading compile units (DWARF 5, 3.1 and 7.5) and lists of ranges (2.17).
 *
 * The DIEs of a unit are a tree written in preorder, of which only functions and what they inline are looked
 * at; all others are passed over by reading them. */
#include "dwarf/unit.h"

/* --- DIEs ------------------------------------------------------------------------------------------- */

/* The member that an attribute goes to, or NULL. */
static DwarfValue *value_of(Die *die, u64 attr)
{
    switch (attr) {
    case 0x03: return &die->name;
    case 0x10: return &die->lines;
    case 0x11: return &die->low_pc;
    case 0x12: return &die->high_pc;
    case 0x1b: return &die->comp_dir;
    case 0x31: /* abstract_origin: of what is inlined, the function */
    case 0x47: /* specification: of a definition, the declaration */
        return &die->origin;
    case 0x55: return &die->ranges;
    case 0x57: return &die->call_column;
    case 0x58: return &die->call_file;
    case 0x59: return &die->call_line;
    case 0x6e: case 0x2007: return &die->linkage_name;
    case 0x72: return &die->str_offsets_base;
    case 0x73: case 0x2133: return &die->addr_base;
    case 0x74: return &die->rnglists_base;
    default: return NULL;
    }
}

static bool read_die(DwarfReader *r, DwarfEncoding encoding, const DwarfAbbrevs *abbrevs, Cursor *c, Die *out)
{
    u64 code;
    *out = (Die){.tag = DIE_NULL};
    if (!dwarf_step(r) || tern_cursor_leb_u64(c, &code) != DIAG_NONE) return false;
    if (code == 0) return true;
    const DwarfAbbrev *abbrev = tern_dwarf_abbrev(abbrevs, code);
    if (abbrev == NULL) return false;
    out->tag = abbrev->tag;
    out->has_children = abbrev->has_children;
    Cursor attrs = tern_dwarf_section(r, DWARF_ABBREV, abbrev->attrs);
    for (;;) {
        u64 name, form;
        s64 implicit;
        DwarfValue value;
        if (!tern_dwarf_attr(r, &attrs, &name, &form, &implicit)) return false;
        if (name == 0 && form == 0) return true;
        if (!tern_dwarf_value(r, c, form, encoding, implicit, &value)) return false;
        DwarfValue *wanted = value_of(out, name);
        if (wanted != NULL) *wanted = value;
    }
}

bool tern_die_read(DwarfReader *r, const Unit *unit, Cursor *c, Die *out)
{
    return read_die(r, unit->encoding, &unit->abbrevs, c, out);
}

/* --- addresses and strings through the unit's tables ------------------------------------------------- */

static bool entry_at(DwarfReader *r, DwarfSection section, u64 base, u64 index, u32 size, u64 *out)
{
    u64 at;
    if (!dwarf_step(r) || !u64_mul(index, size, &at) || !u64_add(base, at, &at)) return false;
    Cursor c = tern_dwarf_section(r, section, at);
    return tern_dwarf_uint(&c, size, out);
}

static bool address_of(DwarfReader *r, const Unit *unit, const DwarfValue *value, u64 *out)
{
    *out = value->n;
    if (value->kind == VALUE_ADDRESS) return true;
    return value->kind == VALUE_ADDRESS_AT &&
           entry_at(r, DWARF_ADDR, unit->addr_base, value->n, unit->encoding.address_size, out);
}

Name tern_unit_text(DwarfReader *r, const Unit *unit, const DwarfValue *value)
{
    if (value->kind != VALUE_TEXT_AT) return tern_dwarf_text(r, value);
    DwarfValue text = {.kind = VALUE_TEXT, .text_in = DWARF_STR};
    bool ok = entry_at(r, DWARF_STR_OFFSETS, unit->str_offsets_base, value->n, unit->encoding.offset_size, &text.n);
    return ok ? tern_dwarf_text(r, &text) : (Name){NULL, 0};
}

/* --- ranges ----------------------------------------------------------------------------------------- */

/* Versions 2 to 4: pairs of addresses relative to base; the highest address first gives another base. */
static bool old_ranges_have(DwarfReader *r, const Unit *unit, u64 offset, u64 base, u64 address)
{
    u32 size = unit->encoding.address_size;
    u64 highest = UINT64_MAX >> (64 - 8 * size), low, high;
    for (Cursor c = tern_dwarf_section(r, DWARF_RANGES, offset);;) {
        if (!dwarf_step(r) || !tern_dwarf_uint(&c, size, &low) || !tern_dwarf_uint(&c, size, &high)) return false;
        if (low == 0 && high == 0) return false;
        if (low == highest)
            base = high;
        else if (base + low > 0 && address >= base + low && address < base + high)
            return true;
    }
}

static bool read_address(DwarfReader *r, const Unit *unit, Cursor *c, bool is_index, u64 *out)
{
    if (!is_index) return tern_dwarf_uint(c, unit->encoding.address_size, out);
    u64 index;
    return tern_cursor_leb_u64(c, &index) == DIAG_NONE &&
           entry_at(r, DWARF_ADDR, unit->addr_base, index, unit->encoding.address_size, out);
}

/* Version 5, section 2.17.3. */
static bool new_ranges_have(DwarfReader *r, const Unit *unit, u64 offset, u64 base, u64 address)
{
    enum { END_OF_LIST, BASE_AT, START_AT_END_AT, START_AT_LENGTH, OFFSET_PAIR, BASE, START_END, START_LENGTH };
    for (Cursor c = tern_dwarf_section(r, DWARF_RNGLISTS, offset);;) {
        u8 kind;
        u64 low = 0, high = 0;
        bool ok = false;
        if (!dwarf_step(r) || cursor_u8(&c, &kind) != DIAG_NONE) return false;
        switch (kind) {
        case BASE_AT:
        case BASE:
            if (!read_address(r, unit, &c, kind == BASE_AT, &base)) return false;
            continue;
        case OFFSET_PAIR:
            ok = tern_cursor_leb_u64(&c, &low) == DIAG_NONE && tern_cursor_leb_u64(&c, &high) == DIAG_NONE;
            low += base;
            high += base;
            break;
        case START_AT_END_AT:
        case START_END:
            ok = read_address(r, unit, &c, kind == START_AT_END_AT, &low) &&
                 read_address(r, unit, &c, kind == START_AT_END_AT, &high);
            break;
        case START_AT_LENGTH:
        case START_LENGTH:
            ok = read_address(r, unit, &c, kind == START_AT_LENGTH, &low) &&
                 tern_cursor_leb_u64(&c, &high) == DIAG_NONE;
            high += low;
            break;
        case END_OF_LIST:
        default: break;
        }
        if (!ok) return false;
        if (low > 0 && address >= low && address < high) return true;
    }
}

static bool ranges_have(DwarfReader *r, const Unit *unit, const DwarfValue *ranges, u64 address)
{
    u64 base = 0, offset = ranges->n;
    if (!address_of(r, unit, &unit->low_pc, &base)) base = 0;
    if (unit->encoding.version < 5) return old_ranges_have(r, unit, offset, base, address);
    if (ranges->kind == VALUE_LIST_AT) {
        u32 size = unit->encoding.offset_size;
        if (!entry_at(r, DWARF_RNGLISTS, unit->rnglists_base, offset, size, &offset)) return false;
        offset += unit->rnglists_base;
    }
    return new_ranges_have(r, unit, offset, base, address);
}

/* Where low_pc and high_pc are; false if they are not, or are nothing. */
static bool bounds_of(DwarfReader *r, const Unit *unit, const DwarfValue *low_pc, const DwarfValue *high_pc, u64 *low,
                      u64 *high)
{
    if (!address_of(r, unit, low_pc, low) || *low == 0) return false;
    if (!address_of(r, unit, high_pc, high)) {
        if (high_pc->kind != VALUE_UINT && high_pc->kind != VALUE_OFFSET) return false;
        *high = *low + high_pc->n;
    }
    return *low < *high;
}

static bool has_address(DwarfReader *r, const Unit *unit, const DwarfValue *low_pc, const DwarfValue *high_pc,
                        const DwarfValue *ranges, u64 address)
{
    u64 low, high;
    if (ranges->kind != VALUE_NONE) return ranges_have(r, unit, ranges, address);
    return bounds_of(r, unit, low_pc, high_pc, &low, &high) && address >= low && address < high;
}

bool tern_die_has(DwarfReader *r, const Unit *unit, const Die *die, u64 address)
{
    return has_address(r, unit, &die->low_pc, &die->high_pc, &die->ranges, address);
}

bool tern_unit_has(DwarfReader *r, const Unit *unit, u64 address)
{
    return dwarf_step(r) && has_address(r, unit, &unit->low_pc, &unit->high_pc, &unit->ranges, address);
}

/* --- units ------------------------------------------------------------------------------------------ */

/* What stands before the first DIE. False: the unit is none of code, or not to be read. */
static bool read_header(Cursor *c, Unit *unit)
{
    enum { UNIT_COMPILE = 1, UNIT_PARTIAL = 3, UNIT_SKELETON = 4 };
    u64 version, type = UNIT_COMPILE, address_size = 0, ignored;
    u32 offset_size = unit->encoding.offset_size;
    if (!tern_dwarf_uint(c, 2, &version) || version < 2 || version > 5) return false;
    if (version >= 5) {
        if (!tern_dwarf_uint(c, 1, &type) || !tern_dwarf_uint(c, 1, &address_size)) return false;
        if (type != UNIT_COMPILE && type != UNIT_PARTIAL && type != UNIT_SKELETON) return false;
    }
    if (!tern_dwarf_uint(c, offset_size, &unit->abbrev_offset)) return false;
    if (version < 5 && !tern_dwarf_uint(c, 1, &address_size)) return false;
    if (type == UNIT_SKELETON && !tern_dwarf_uint(c, 8, &ignored)) return false;
    unit->encoding.version = (u16)version;
    unit->encoding.address_size = (u8)address_size;
    return address_size == 4 || address_size == 8;
}

/* The first DIE: it names the others' tables. */
static bool read_first(DwarfReader *r, Cursor *c, Alloc *alloc, Unit *unit)
{
    DwarfAbbrevs abbrevs = {0};
    Cursor ahead = *c;
    u64 code;
    Die die;
    bool ok = tern_cursor_leb_u64(&ahead, &code) == DIAG_NONE &&
              tern_dwarf_abbrevs(r, unit->abbrev_offset, code, alloc, &abbrevs) &&
              read_die(r, unit->encoding, &abbrevs, c, &die) && die.tag == DIE_COMPILE_UNIT;
    vec_free(&abbrevs, alloc);
    if (!ok) return false;
    unit->comp_dir = die.comp_dir;
    unit->lines = die.lines;
    unit->low_pc = die.low_pc;
    unit->high_pc = die.high_pc;
    unit->ranges = die.ranges;
    u32 header_size = unit->encoding.offset_size == 8 ? 16 : 8; /* the tables' own, where no base is named */
    unit->str_offsets_base = die.str_offsets_base.kind != VALUE_NONE ? die.str_offsets_base.n : header_size;
    unit->addr_base = die.addr_base.kind != VALUE_NONE ? die.addr_base.n : header_size;
    unit->rnglists_base = die.rnglists_base.kind != VALUE_NONE ? die.rnglists_base.n : header_size + 4;
    return true;
}

bool tern_units_read(DwarfReader *r, Alloc *alloc, Units *out)
{
    const u8 *start = r->sections[DWARF_INFO].bytes;
    Cursor c = tern_dwarf_section(r, DWARF_INFO, 0), inside;
    for (;;) {
        Unit unit = {.start = (u32)(c.p - start)};
        if (cursor_left(&c) == 0 || !tern_dwarf_unit(&c, &inside, &unit.encoding.offset_size)) return true;
        unit.end = (u32)(inside.end - start);
        bool ok = read_header(&inside, &unit);
        unit.dies = (u32)(inside.p - start);
        if (ok && read_first(r, &inside, alloc, &unit) && !vec_push(out, alloc, unit)) return false;
        if (r->work == 0) return true;
    }
}

void tern_units_free(Units *units, Alloc *alloc)
{
    for (u32 i = 0; i < units->n; i++) {
        Unit *unit = &units->items[i];
        vec_free(&unit->abbrevs, alloc);
        vec_free(&unit->sequences, alloc);
        vec_free(&unit->funcs, alloc);
    }
    vec_free(units, alloc);
}

bool tern_unit_load(DwarfReader *r, Unit *unit, Alloc *alloc)
{
    if (!unit->has_abbrevs) {
        unit->has_abbrevs = true;
        bool ok = tern_dwarf_abbrevs(r, unit->abbrev_offset, 0, alloc, &unit->abbrevs);
        if (!ok || !dwarf_keep(r, unit->abbrevs.n)) vec_free(&unit->abbrevs, alloc);
    }
    return unit->abbrevs.n > 0;
}

bool tern_unit_index(DwarfReader *r, Unit *unit, Alloc *alloc)
{
    if (!tern_unit_load(r, unit, alloc)) return false;
    if (unit->is_indexed) return true;
    unit->is_indexed = true;
    if (unit->lines.kind == VALUE_OFFSET || unit->lines.kind == VALUE_UINT)
        unit->has_lines = tern_line_table(r, unit->lines.n, unit->encoding, &unit->table) &&
                          tern_line_sequences(r, &unit->table, alloc, &unit->sequences);
    if (!dwarf_keep(r, unit->sequences.n)) vec_free(&unit->sequences, alloc);

    const u8 *start = r->sections[DWARF_INFO].bytes;
    Cursor c = cursor_of(start + unit->dies, unit->end - unit->dies);
    while (cursor_left(&c) > 0) {
        UnitFunc func = {.die = (u32)(c.p - start)};
        Die die;
        if (!tern_die_read(r, unit, &c, &die)) break;
        if (die.tag != DIE_FUNC) continue;
        bool has_code = die.ranges.kind != VALUE_NONE ||
                        bounds_of(r, unit, &die.low_pc, &die.high_pc, &func.low, &func.high);
        if (has_code && (!dwarf_keep(r, 1) || !vec_push(&unit->funcs, alloc, func))) break;
    }
    return true;
}
