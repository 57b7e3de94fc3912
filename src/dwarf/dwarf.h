/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* dwarf.h - where in the source an instruction comes from, by the module's DWARF sections, versions 2 to 5.
 *
 * DWARF is not validated when a module is loaded, and whatever it says may be a lie: all of it is read through
 * the bounded cursor, nothing recurses, and a query takes at most a number of steps that is linear in the size
 * of the sections. What does not parse is unknown, never an error.
 */
#ifndef TERN_DWARF_DWARF_H
#define TERN_DWARF_DWARF_H

#include "module/module.h"

/* A function and a place in it. Names point into the module's bytes, size 0 is unknown. The file's path is
 * file; unless that is absolute, in dir; unless that is absolute, in comp_dir. */
typedef struct SourcePlace {
    Name func; /* the linker's name, mangled, if it has one */
    Name comp_dir, dir, file;
    u32 line, column; /* 0: unknown */
    bool is_inlined;  /* into the next one */
} SourcePlace;

/* More functions than this are not inlined into each other; what is beyond is left out. */
#define SOURCE_MAX_PLACES 32

/* The place of the instruction at offset in the module's bytes, and the places that inlined it, innermost
 * first; at most max of them are written, and all that are known counted. The first query of a module reads
 * the headers of all compile units, the first of a unit all of that one; they are kept with the module.
 * Thread-safe. */
u32 tern_dwarf_places(Module *module, u64 offset, SourcePlace *out, u32 max);

#endif
