/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* line.h - line tables: a program per compile unit that, run, says for rising addresses file, line and column.
 *
 * A program is run once whole, to note where its sequences start and which addresses they cover, and after
 * that one sequence at a time: that is a function, or what a unit had in one section.
 */
#ifndef TERN_DWARF_LINE_H
#define TERN_DWARF_LINE_H

#include "dwarf/form.h"

typedef struct LineSequence {
    u64 low, high;
    u32 program; /* where in .debug_line it starts */
} LineSequence;

typedef struct LineSequences {
    VEC(LineSequence)
} LineSequences;

/* The header of the table at an offset in .debug_line. */
typedef struct LineTable {
    DwarfEncoding encoding;
    Cursor names;   /* directories and files, in the version's way */
    Cursor program;
    u64 min_length; /* of an instruction */
    s8 line_base;
    u8 line_range, opcode_base;
    const u8 *nargs; /* of standard opcode i at i - 1 */
} LineTable;

typedef struct LineRow {
    u64 file, line, column;
} LineRow;

bool tern_line_table(DwarfReader *r, u64 offset, DwarfEncoding unit, LineTable *out);
/* What it can read of them; false only if there is no memory. */
bool tern_line_sequences(DwarfReader *r, const LineTable *table, Alloc *alloc, LineSequences *out);
/* The row that address belongs to in the sequence. */
bool tern_line_find(DwarfReader *r, const LineTable *table, const LineSequence *sequence, u64 address, LineRow *out);
/* Name and directory of a file by its number. A directory may be relative to the unit's; size 0 is that one. */
bool tern_line_file(DwarfReader *r, const LineTable *table, u64 number, Name *dir, Name *file);

#endif
