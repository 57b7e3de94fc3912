/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* module.c - a decoded module's life, and looking things up in it.
 *
 * A module is freed as it stands: half built by a decode that failed, or complete. Everything
 * that is not in its arena is released here and nowhere else.
 */
#include "module/module.h"

#include <assert.h>

#include "base/cursor.h"

const char *const tern_module_limit_texts[MODULE_LIMIT_COUNT] = {
#define LIMIT(id, field, most, text) text,
#include "module/limits.def"
};

ModuleLimits tern_module_limits(const ModuleLimits *asked)
{
    ModuleLimits limits = {{
#define LIMIT(id, field, most, text) most,
#include "module/limits.def"
    }};
    for (u32 i = 0; asked != NULL && i < MODULE_LIMIT_COUNT; i++)
        if (asked->most[i] != 0 && asked->most[i] < limits.most[i]) limits.most[i] = asked->most[i];
    return limits;
}

Module *tern_module_retain(Module *module)
{
    __atomic_add_fetch(&module->refs, 1, __ATOMIC_RELAXED);
    return module;
}

void tern_module_release(Module *module)
{
    if (module == NULL) return;
    u32 left = __atomic_sub_fetch(&module->refs, 1, __ATOMIC_ACQ_REL);
    assert(left != UINT32_MAX && "a module is released as often as it was retained");
    if (left != 0) return;
    if (module->code_free != NULL) module->code_free(module, module->code);
    if (module->image_free != NULL) module->image_free(module, module->image);
    if (module->source_free != NULL) module->source_free(module, module->source);
    for (u32 i = 0; i < module->ngroups; i++)
        tern_types_release(module->registry, module->group_ids[i]);
    tern_map_free(&module->export_map, module->alloc);
    tern_arena_done(&module->arena);
    if (module->owns_bytes)
        tern_free(module->alloc, (void *)(uintptr_t)module->bytes, module->size);
    tern_free(module->alloc, module, sizeof *module);
}

const Export *tern_module_find_export(const Module *module, Name name)
{
    const u64 *at = tern_map_get(&module->export_map, name.bytes, name.size);
    return at == NULL ? NULL : &module->exports[*at];
}

const CustomSection *tern_module_find_custom(const Module *module, const char *name)
{
    for (u32 i = 0; i < module->ncustoms; i++)
        if (name_is(module->customs[i].name, name)) return &module->customs[i];
    return NULL;
}

/* Spec appendix, name section: subsection 1 is a vector of function index and name. What does
 * not parse is no name: the section is informative and was not validated. */
bool tern_module_debug_name(const Module *module, u32 func_index, Name *out)
{
    const CustomSection *section = tern_module_find_custom(module, "name");
    if (section == NULL) return false;
    Cursor c = cursor_of(section->bytes, section->size);
    while (cursor_left(&c) > 0) {
        u8 id;
        u32 size, n;
        const u8 *bytes;
        if (cursor_u8(&c, &id) || cursor_u32(&c, &size) || tern_cursor_bytes(&c, size, &bytes))
            return false;
        if (id != 1) continue;
        Cursor names = cursor_of(bytes, size);
        if (cursor_u32(&names, &n)) return false;
        for (u32 i = 0; i < n; i++) {
            u32 index;
            if (cursor_u32(&names, &index) || tern_cursor_name(&names, out)) return false;
            if (index == func_index) return true;
        }
        return false;
    }
    return false;
}

Name tern_module_func_name(const Module *module, u32 func_index)
{
    Name name = {0};
    if (tern_module_debug_name(module, func_index, &name)) return name;
    for (u32 i = 0; i < module->nexports; i++)
        if (module->exports[i].kind == EXTERN_FUNC && module->exports[i].index == func_index)
            return module->exports[i].name;
    for (u32 i = 0; i < module->nimports; i++)
        if (module->imports[i].kind == EXTERN_FUNC && module->imports[i].index == func_index)
            return module->imports[i].name;
    return (Name){0};
}
