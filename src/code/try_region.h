/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* try_region.h - which code is covered by which handlers.
 *
 * Entering a try executes nothing: a table behind the function's code says for every position who catches what
 * is thrown there. Catching needs no code of its own either, as it writes the payload where the label wants its
 * operands and goes to the label.
 *
 * Regions are in order of entry, so that they are sorted by their first unit and nest properly.
 */
#ifndef TERN_CODE_TRY_REGION_H
#define TERN_CODE_TRY_REGION_H

#include "code/ins.h"
#include "runtime/store.h"

#define SLOT_NONE UINT32_MAX

typedef struct TryRegion {
    u32 first, end;  /* units */
    u32 parent;      /* the region around it, or REGION_NONE */
    u32 next;        /* who gets what it does not catch: parent, except with delegate */
    u32 clause, nclauses;
} TryRegion;

/* What a handler catches and where it goes on. */
typedef struct CatchTarget {
    u32 tag;          /* index in the instance, or TAG_ANY */
    u32 to;           /* unit */
    u32 payload_slot; /* of the payload's first cell; tag clauses only */
    u32 ref_slot;     /* where the exception itself goes, or SLOT_NONE */
    u32 cost;         /* fuel, of what it goes to */
} CatchTarget;

/* The handler of an exception with that tag thrown by the instruction that covers unit, or NULL. tags: the
 * instance's. nsteps grows by the regions looked at and the clauses they have, which are as many in every form of
 * code, as regions begin and end where the body says. */
const CatchTarget *tern_try_find(const FuncCode *f, u32 unit, Tag *const *tags, const Tag *tag, u64 *nsteps);

/* Units the table takes, 0 if there is no try; and writing it, at an address that is a multiple of four. */
u64 tern_try_units(const LoweredFunc *f);
void tern_try_write(const LoweredFunc *f, const u32 *unit_of, CodeUnit *to);

#endif
