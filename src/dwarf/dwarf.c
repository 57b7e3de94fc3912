/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* dwarf.c - from an address to places: the unit, the row of its line table, the function, what it inlined.
 *
 * Addresses in DWARF for WebAssembly are offsets in the contents of the code section. */
#include "dwarf/dwarf.h"

#include "base/cursor.h"
#include "dwarf/unit.h"
#include "port/port.h"

enum { WORK_MIN = 65536, ROOM_MIN = 4096 };

/* What is kept with a module that has debugging information. */
typedef struct Dwarf {
    Mutex lock; /* held during a query; over all that follows */
    DwarfReader reader;
    u64 work; /* what a query may take */
    u64 code_start, code_size;
    bool has_units;
    Units units;
} Dwarf;

/* What Module.source is once the module has been found to have none. */
static Dwarf none;

/* --- made once -------------------------------------------------------------------------------------- */

static void dwarf_free(Module *module, void *source)
{
    Dwarf *d = source;
    if (d == &none) return;
    tern_units_free(&d->units, module->alloc);
    tern_port_mutex_done(&d->lock);
    tern_free(module->alloc, d, sizeof *d);
}

/* The contents of the code section; false if there is none. */
static bool find_code(const Module *module, u64 *start, u64 *size_bytes)
{
    enum { HEADER_SIZE = 8, SECTION_CODE = 10 };
    Cursor c = cursor_of(module->bytes, module->size);
    const u8 *contents;
    DiagCode code = tern_cursor_bytes(&c, HEADER_SIZE, &contents);
    while (code == DIAG_NONE) {
        u8 id;
        u32 size;
        if (cursor_u8(&c, &id) != DIAG_NONE || cursor_u32(&c, &size) != DIAG_NONE) return false;
        *start = cursor_offset(&c);
        *size_bytes = size;
        if (id == SECTION_CODE) return true;
        code = tern_cursor_bytes(&c, size, &contents);
    }
    return false;
}

static Dwarf *dwarf_new(const Module *module)
{
    static const char *const names[DWARF_SECTIONS] = {
        [DWARF_INFO] = ".debug_info",         [DWARF_ABBREV] = ".debug_abbrev", [DWARF_LINE] = ".debug_line",
        [DWARF_STR] = ".debug_str",           [DWARF_LINE_STR] = ".debug_line_str",
        [DWARF_RANGES] = ".debug_ranges",     [DWARF_RNGLISTS] = ".debug_rnglists",
        [DWARF_ADDR] = ".debug_addr",         [DWARF_STR_OFFSETS] = ".debug_str_offsets",
    };
    if (tern_module_find_custom(module, ".debug_info") == NULL) return &none;
    Dwarf *d = tern_alloc_zeroed(module->alloc, 1, sizeof *d);
    if (d == NULL) return NULL;
    u64 total = 0;
    for (u32 i = 0; i < DWARF_SECTIONS; i++) {
        const CustomSection *section = tern_module_find_custom(module, names[i]);
        if (section == NULL) continue;
        d->reader.sections[i].bytes = section->bytes;
        d->reader.sections[i].size = section->size;
        total += section->size;
    }
    /* An honest query reads each section about once, and a step is a byte or more. */
    d->work = 16 * total + WORK_MIN;
    d->reader.room = total / 2 + ROOM_MIN; /* a thing of an honest file takes several bytes, even where units share */
    tern_port_mutex_init(&d->lock);
    find_code(module, &d->code_start, &d->code_size);
    return d;
}

/* NULL: none, or no memory. */
static Dwarf *dwarf_of(Module *module)
{
    Dwarf *d = __atomic_load_n(&module->source, __ATOMIC_ACQUIRE), *mine;
    if (d != NULL) return d == &none ? NULL : d;
    mine = dwarf_new(module);
    if (mine == NULL) return NULL;
    __atomic_store_n(&module->source_free, dwarf_free, __ATOMIC_RELAXED); /* whoever comes first, it is this one */
    void *expected = NULL;
    if (!__atomic_compare_exchange_n(&module->source, &expected, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        dwarf_free(module, mine);
        mine = expected;
    }
    return mine == &none ? NULL : mine;
}

/* --- a query ---------------------------------------------------------------------------------------- */

static bool is_number(const DwarfValue *value) { return value->kind == VALUE_UINT || value->kind == VALUE_OFFSET; }
static u32 line_of(u64 n) { return n <= UINT32_MAX ? (u32)n : 0; }

static Unit *unit_of(Dwarf *d, u32 die)
{
    for (u32 low = 0, high = d->units.n; low < high;) {
        u32 middle = low + (high - low) / 2;
        Unit *unit = &d->units.items[middle];
        if (die >= unit->end)
            low = middle + 1;
        else if (die < unit->start)
            high = middle;
        else
            return unit;
    }
    return NULL;
}

/* The name of a DIE's function: its own, or that of where it comes from. */
static Name name_of(Dwarf *d, Alloc *alloc, Unit *unit, Die die)
{
    enum { MAX_HOPS = 8 }; /* inlined, definition, declaration; whoever is longer runs in a circle */
    Name name = {NULL, 0};
    for (u32 hops = 0; hops < MAX_HOPS; hops++) {
        Name linkage = tern_unit_text(&d->reader, unit, &die.linkage_name);
        if (linkage.size > 0) return linkage;
        if (name.size == 0) name = tern_unit_text(&d->reader, unit, &die.name);
        u64 at = die.origin.n;
        if (die.origin.kind == VALUE_DIE_UNIT)
            at = at < UINT32_MAX ? at + unit->start : UINT32_MAX;
        else if (die.origin.kind != VALUE_DIE)
            break;
        unit = at < UINT32_MAX ? unit_of(d, (u32)at) : NULL;
        if (unit == NULL || at < unit->dies || !tern_unit_load(&d->reader, unit, alloc)) break;
        Cursor c = tern_dwarf_section(&d->reader, DWARF_INFO, at);
        if (!tern_die_read(&d->reader, unit, &c, &die)) break;
    }
    return name;
}

/* The function that has the address, and what of its inlined functions does, outermost first. */
static u32 find_scopes(Dwarf *d, const Unit *unit, u64 address, Die *scopes, u32 max)
{
    DwarfReader *r = &d->reader;
    u32 n = 0;
    Cursor c = {0};
    for (u32 i = 0; n == 0 && i < unit->funcs.n; i++) {
        const UnitFunc *func = &unit->funcs.items[i];
        if (!dwarf_step(r)) return 0;
        if (func->high != 0 && (address < func->low || address >= func->high)) continue;
        c = cursor_of(r->sections[DWARF_INFO].bytes + func->die, unit->end - func->die);
        if (tern_die_read(r, unit, &c, &scopes[0]) && tern_die_has(r, unit, &scopes[0], address)) n = 1;
    }
    if (n == 0 || !scopes[0].has_children) return n;
    for (u64 depth = 1; depth > 0 && n < max;) {
        Die *die = &scopes[n];
        if (!tern_die_read(r, unit, &c, die)) break;
        if (die->tag == DIE_INLINED && tern_die_has(r, unit, die, address)) n++;
        if (die->has_children) depth++;
        if (die->tag == DIE_NULL) depth--;
    }
    return n;
}

static void set_place(Dwarf *d, const Unit *unit, const LineRow *row, SourcePlace *place)
{
    place->comp_dir = tern_unit_text(&d->reader, unit, &unit->comp_dir);
    if (!unit->has_lines || !tern_line_file(&d->reader, &unit->table, row->file, &place->dir, &place->file)) return;
    place->line = line_of(row->line);
    place->column = line_of(row->column);
}

static bool find_row(Dwarf *d, const Unit *unit, u64 address, LineRow *out)
{
    for (u32 i = 0; unit->has_lines && i < unit->sequences.n; i++) {
        const LineSequence *sequence = &unit->sequences.items[i];
        if (!dwarf_step(&d->reader)) return false;
        if (address >= sequence->low && address < sequence->high)
            return tern_line_find(&d->reader, &unit->table, sequence, address, out);
    }
    return false;
}

/* Innermost first: the row of the line table is the innermost's place, and where that was inlined stands with
 * its DIE. */
static u32 unit_places(Dwarf *d, Alloc *alloc, Unit *unit, u64 address, SourcePlace *out, u32 max)
{
    Die scopes[SOURCE_MAX_PLACES];
    LineRow row = {0};
    if (!tern_unit_index(&d->reader, unit, alloc)) return 0;
    bool has_row = find_row(d, unit, address, &row);
    u32 n = find_scopes(d, unit, address, scopes, SOURCE_MAX_PLACES - 1);
    if (n == 0) {
        SourcePlace place = {.is_inlined = false};
        if (has_row) set_place(d, unit, &row, &place);
        if (max > 0) out[0] = place;
        return has_row;
    }
    for (u32 i = 0; i < n; i++) {
        const Die *die = &scopes[n - 1 - i];
        SourcePlace place = {.func = name_of(d, alloc, unit, *die), .is_inlined = i + 1 < n};
        if (has_row) set_place(d, unit, &row, &place);
        if (i < max) out[i] = place;
        has_row = is_number(&die->call_file) && is_number(&die->call_line);
        row = (LineRow){die->call_file.n, die->call_line.n, is_number(&die->call_column) ? die->call_column.n : 0};
    }
    return n;
}

u32 tern_dwarf_places(Module *module, u64 offset, SourcePlace *out, u32 max)
{
    Dwarf *d = dwarf_of(module);
    if (d == NULL || offset < d->code_start || offset - d->code_start >= d->code_size) return 0;
    u64 address = offset - d->code_start;
    u32 n = 0;
    tern_port_mutex_lock(&d->lock);
    d->reader.work = d->work;
    if (!d->has_units) {
        d->has_units = true;
        tern_units_read(&d->reader, module->alloc, &d->units);
    }
    for (u32 i = 0; n == 0 && i < d->units.n; i++)
        if (tern_unit_has(&d->reader, &d->units.items[i], address))
            n = unit_places(d, module->alloc, &d->units.items[i], address, out, max);
    if (d->reader.work == 0) d->work = WORK_MIN; /* not honest: it has had all the time it gets */
    tern_port_mutex_unlock(&d->lock);
    return n;
}
