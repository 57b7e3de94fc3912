/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_allocator.c - recognises an allocator by the names and types of exports, as wasm_export.h
 * hosts expect. Types must be exact: a module's own function that happens to be called malloc is
 * not asked. */
#include "runtime/guest_allocator.h"

static bool find(const Module *module, const char *text, const ValType *params, u32 nparams,
                 ValType result, u32 *func_index)
{
    const Export *export = tern_module_find_export(module, (Name){text, (u32)strlen(text)});
    if (export == NULL || export->kind != EXTERN_FUNC) return false;
    if (export->index < module->nimported[EXTERN_FUNC]) return false;
    const FuncType *type = tern_module_func_type(module, export->index);
    if (type->nparams != nparams || type->nresults != (result != VT_NONE)) return false;
    for (u32 i = 0; i < nparams; i++) {
        if (type->params[i] != params[i]) return false;
    }
    if (result != VT_NONE && type->results[0] != result) return false;
    *func_index = export->index;
    return true;
}

static bool find_malloc(const Module *module, ValType ptr, GuestAllocator *out)
{
    out->kind = GUEST_ALLOCATOR_MALLOC;
    return find(module, "malloc", &ptr, 1, ptr, &out->alloc_func) &&
           find(module, "free", &ptr, 1, VT_NONE, &out->free_func);
}

static bool find_assemblyscript(const Module *module, ValType ptr, GuestAllocator *out)
{
    ValType new_params[2] = {ptr, VT_I32}; /* size, class id */
    out->kind = GUEST_ALLOCATOR_ASSEMBLYSCRIPT;
    return find(module, "__new", new_params, 2, ptr, &out->alloc_func) &&
           (find(module, "__pin", &ptr, 1, ptr, &out->pin_func) ||
            find(module, "__retain", &ptr, 1, ptr, &out->pin_func)) &&
           (find(module, "__unpin", &ptr, 1, VT_NONE, &out->free_func) ||
            find(module, "__release", &ptr, 1, VT_NONE, &out->free_func));
}

/* What the component model's tools export. */
static bool find_realloc(const Module *module, ValType ptr, GuestAllocator *out)
{
    ValType params[4] = {ptr, ptr, ptr, ptr};
    out->kind = GUEST_ALLOCATOR_REALLOC;
    return find(module, "cabi_realloc", params, 4, ptr, &out->alloc_func);
}

/* What wasm-bindgen's tools export: with an alignment since 0.2.85. */
static bool find_wbindgen(const Module *module, ValType ptr, GuestAllocator *out)
{
    ValType params[3] = {ptr, ptr, ptr};
    out->kind = GUEST_ALLOCATOR_WBINDGEN;
    for (u32 nalign = 0; nalign <= 1; nalign++) {
        out->has_align = nalign == 1;
        if (find(module, "__wbindgen_malloc", params, 1 + nalign, ptr, &out->alloc_func) &&
            find(module, "__wbindgen_free", params, 2 + nalign, VT_NONE, &out->free_func))
            return true;
    }
    return false;
}

bool tern_guest_allocator_find(const Module *module, GuestAllocator *out)
{
    GuestAllocator found = {.is_64 = module->nmemories > 0 && limits_is_64(&module->memories[0].limits)};
    ValType ptr = found.is_64 ? VT_I64 : VT_I32;
    if (!find_malloc(module, ptr, &found) && !find_assemblyscript(module, ptr, &found))
        return false;
    *out = found;
    return true;
}

bool tern_guest_allocator_find_any(const Module *module, GuestAllocator *out)
{
    if (module->nmemories == 0) return false;
    if (tern_guest_allocator_find(module, out)) return true;
    GuestAllocator found = {.is_64 = limits_is_64(&module->memories[0].limits)};
    ValType ptr = found.is_64 ? VT_I64 : VT_I32;
    if (!find_wbindgen(module, ptr, &found) && !find_realloc(module, ptr, &found)) return false;
    *out = found;
    return true;
}
