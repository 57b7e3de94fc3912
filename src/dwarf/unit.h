/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* unit.h - compile units: which addresses they have, and their debugging information entries (DIEs). */
#ifndef TERN_DWARF_UNIT_H
#define TERN_DWARF_UNIT_H

#include "dwarf/line.h"

/* A function with code of its own. low and high are 0 if the DIE names ranges instead. */
typedef struct UnitFunc {
    u64 low, high;
    u32 die; /* offset in .debug_info */
} UnitFunc;

typedef struct Unit {
    u32 start, dies, end; /* of the unit, its first DIE, what is behind it: offsets in .debug_info */
    DwarfEncoding encoding;
    u64 abbrev_offset;
    DwarfValue comp_dir, lines, low_pc, high_pc, ranges; /* the first DIE's */
    u64 str_offsets_base, addr_base, rnglists_base;

    bool has_abbrevs, is_indexed; /* what follows is there */
    DwarfAbbrevs abbrevs;
    bool has_lines;
    LineTable table;
    LineSequences sequences;
    struct {
        VEC(UnitFunc)
    } funcs;
} Unit;

typedef struct Units {
    VEC(Unit)
} Units;

typedef enum DieTag { DIE_NULL = 0, DIE_INLINED = 0x1d, DIE_COMPILE_UNIT = 0x11, DIE_FUNC = 0x2e } DieTag;

/* What is of interest of a DIE; kind VALUE_NONE is absent. */
typedef struct Die {
    u32 tag; /* DIE_NULL ends a list of children */
    bool has_children;
    DwarfValue name, linkage_name, low_pc, high_pc, ranges, origin, call_file, call_line, call_column;
    DwarfValue comp_dir, lines, str_offsets_base, addr_base, rnglists_base;
} Die;

/* All compile units of .debug_info, up to the first that does not parse. */
bool tern_units_read(DwarfReader *r, Alloc *alloc, Units *out);
void tern_units_free(Units *units, Alloc *alloc);
/* Does its first DIE say that it has code at address? */
bool tern_unit_has(DwarfReader *r, const Unit *unit, u64 address);
/* Reads the abbreviations, or those and where functions and sequences of lines are. What does not parse is left
 * out; false if not even abbreviations can be had. */
bool tern_unit_load(DwarfReader *r, Unit *unit, Alloc *alloc);
bool tern_unit_index(DwarfReader *r, Unit *unit, Alloc *alloc);

/* The DIE at *c, of a unit with abbreviations. */
bool tern_die_read(DwarfReader *r, const Unit *unit, Cursor *c, Die *out);
/* Do the DIE's low_pc, high_pc and ranges have the address? */
bool tern_die_has(DwarfReader *r, const Unit *unit, const Die *die, u64 address);
/* A VALUE_TEXT as it is, a VALUE_TEXT_AT by the unit's table. */
Name tern_unit_text(DwarfReader *r, const Unit *unit, const DwarfValue *value);

#endif
