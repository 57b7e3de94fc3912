/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_source.c - include/tern.h: where in the source an instruction comes from. */
#include "api/tern_handles.h"
#include "dwarf/dwarf.h"

static tern_name name_out(Name name) { return (tern_name){name.bytes, name.size}; }

static uint32_t places_out(const SourcePlace *places, uint32_t n, tern_source *out, uint32_t max)
{
    for (uint32_t i = 0; i < n && i < max; i++) {
        const SourcePlace *place = &places[i];
        out[i] = (tern_source){.func = name_out(place->func), .file = name_out(place->file),
                               .dir = name_out(place->dir), .comp_dir = name_out(place->comp_dir),
                               .line = place->line, .column = place->column, .is_inlined = place->is_inlined};
    }
    return n;
}

uint32_t tern_module_source(const tern_module *module, uint64_t offset, tern_source *out, uint32_t max)
{
    SourcePlace places[SOURCE_MAX_PLACES];
    return places_out(places, tern_dwarf_places(module->module, offset, places, SOURCE_MAX_PLACES), out, max);
}

uint32_t tern_instance_trap_source(const tern_instance *instance, uint32_t i, tern_source *out, uint32_t max)
{
    SourcePlace places[SOURCE_MAX_PLACES];
    const Trap *trap = &instance->exec->trap;
    if (i >= trap->nframes || trap->frames[i].instance == NULL || trap->frames[i].offset == 0) return 0;
    Module *module = trap->frames[i].instance->module;
    uint32_t n = tern_dwarf_places(module, trap->frames[i].offset, places, SOURCE_MAX_PLACES);
    /* The name section knows functions as they are after linking. */
    Name name;
    if (n > 0 && tern_module_debug_name(module, trap->frames[i].func_index, &name)) places[n - 1].func = name;
    return places_out(places, n, out, max);
}
