/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* try_region.c - the table of handlers: a header, the regions, and their clauses region by region. */
#include "code/try_region.h"

typedef struct TryTable {
    u32 nregions;
    TryRegion regions[];
} TryTable;

_Static_assert(sizeof(TryRegion) % sizeof(u32) == 0 && sizeof(CatchTarget) % sizeof(u32) == 0,
               "a table at a multiple of four is aligned");

static CatchTarget *clauses_of(const TryTable *table)
{
    return (CatchTarget *)(uintptr_t)(table->regions + table->nregions);
}

/* Index of the innermost region that holds unit, or REGION_NONE. */
static u32 innermost(const TryTable *table, u32 unit, u64 *nsteps)
{
    u32 low = 0, high = table->nregions; /* regions before low begin at or before unit */
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (table->regions[middle].first <= unit) low = middle + 1;
        else high = middle;
    }
    /* The last that begins early enough, or one around it. */
    u32 i = low > 0 ? low - 1 : REGION_NONE;
    while (i != REGION_NONE && unit >= table->regions[i].end) {
        i = table->regions[i].parent;
        ++*nsteps;
    }
    return i;
}

const CatchTarget *tern_try_find(const FuncCode *f, u32 unit, Tag *const *tags, const Tag *tag,
                                 u64 *nsteps)
{
    if (f->try_table == 0) return NULL;
    const TryTable *table = (const TryTable *)(const void *)(f->pc + f->try_table);
    const CatchTarget *clauses = clauses_of(table);
    for (u32 i = innermost(table, unit, nsteps); i != REGION_NONE; i = table->regions[i].next) {
        const TryRegion *region = &table->regions[i];
        *nsteps += 1 + region->nclauses;
        for (const CatchTarget *c = clauses + region->clause, *end = c + region->nclauses; c < end; c++)
            if (c->tag == TAG_ANY || tags[c->tag] == tag) return c;
    }
    return NULL;
}

u64 tern_try_units(const LoweredFunc *f)
{
    if (f->regions.n == 0) return 0;
    u64 bytes = sizeof(TryTable) + (u64)f->regions.n * sizeof(TryRegion) + (u64)f->catches.n * sizeof(CatchTarget);
    return bytes / sizeof(CodeUnit);
}

void tern_try_write(const LoweredFunc *f, const u32 *unit_of, CodeUnit *to)
{
    TryTable *table = (TryTable *)(void *)to;
    *table = (TryTable){.nregions = f->regions.n};
    for (u32 i = 0; i < f->regions.n; i++) {
        const LoweredRegion *r = &f->regions.items[i];
        table->regions[i] = (TryRegion){.first = unit_of[r->first], .end = unit_of[r->end], .parent = r->parent,
                                        .next = r->next, .nclauses = r->ncatches};
        if (i > 0) table->regions[i].clause = table->regions[i - 1].clause + table->regions[i - 1].nclauses;
    }
    /* Clauses of a legacy try come when those of tries inside it have come: each goes to its region, in order. */
    for (u32 i = 0; i < f->regions.n; i++) table->regions[i].nclauses = 0;
    CatchTarget *clauses = clauses_of(table);
    for (u32 i = 0; i < f->catches.n; i++) {
        const LoweredCatch *c = &f->catches.items[i];
        TryRegion *region = &table->regions[c->region];
        clauses[region->clause + region->nclauses++] =
            (CatchTarget){.tag = c->tag, .to = unit_of[f->labels.items[c->label].ins],
                          .payload_slot = c->payload_slot, .ref_slot = c->ref_slot,
                          .cost = tern_ins_label_cost(f, unit_of, c->label)};
    }
}
