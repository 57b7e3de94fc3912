/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_gc_types.c - gc_export.h: types. Handles are the registry's own; a type has no module, so where one
 * mentions another, the API's index is the type's id with TYPE_ID_BIT. */
#include "api/wamr_gc.h"

#define TYPE_ID_BIT 0x40000000u
_Static_assert(MAX_TYPE_ID < TYPE_ID_BIT, "the bit is no part of an id");

static const DefType *def_of(const void *handle) { return handle; }

const DefType *tern_api_type_at(const Module *m, const TypeRegistry *types, u32 index)
{
    if ((index & TYPE_ID_BIT) != 0) return tern_types_get(types, index & ~TYPE_ID_BIT);
    return m != NULL && index < m->ntypes ? tern_types_get(types, m->types[index]) : NULL;
}

/* Heap types of the API are the low 7 bits of their codes, sign-extended. */
static s32 heap_of_code(u32 code) { return (s32)code - 0x80; }

wasm_ref_type_t tern_api_ref_type(ValType type)
{
    wasm_ref_type_t out = {0};
    if (!vt_is_ref(type)) {
        out.value_type = vt_code(type);
    } else if (!vt_is_concrete(type) && vt_is_nullable(type)) {
        out.value_type = (u8)vt_heap(type);
    } else {
        out.nullable = vt_is_nullable(type);
        out.value_type = out.nullable ? VALUE_TYPE_HT_NULLABLE_REF : VALUE_TYPE_HT_NON_NULLABLE_REF;
        out.heap_type = vt_is_concrete(type) ? (s32)(vt_heap(type) | TYPE_ID_BIT)
                                             : heap_of_code(vt_heap(type));
    }
    return out;
}

bool tern_api_val_type(const wasm_ref_type_t *ref_type, const Module *m, const TypeRegistry *types,
                       ValType *out)
{
    u8 code = ref_type->value_type;
    s32 heap = ref_type->heap_type;
    if (code == VALUE_TYPE_HT_NULLABLE_REF || code == VALUE_TYPE_HT_NON_NULLABLE_REF) {
        bool nullable = code == VALUE_TYPE_HT_NULLABLE_REF;
        if (heap >= 0) {
            const DefType *def = tern_api_type_at(m, types, (u32)heap);
            if (def != NULL) *out = vt_concrete(def->id, nullable, false);
            return def != NULL;
        }
        *out = vt_abstract((HeapCode)(heap & 0x7f), nullable);
        return heap >= heap_of_code(HEAP_EXN) && heap <= heap_of_code(HEAP_NOEXN);
    }
    if (code >= HEAP_EXN && code <= HEAP_NOEXN) {
        *out = vt_abstract((HeapCode)code, true);
        return true;
    }
    *out = code;
    return (code >= VT_V128 && code <= VT_I32) || code == VT_I8 || code == VT_I16;
}

/* --- defined types ---------------------------------------------------------------------------- */

uint32_t wasm_get_defined_type_count(const wasm_module_t module) { return module->module->ntypes; }

wasm_defined_type_t wasm_get_defined_type(const wasm_module_t module, uint32_t index)
{
    const Module *m = module->module;
    return (wasm_defined_type_t)(uintptr_t)tern_api_type_at(m, m->registry, index);
}

static const DefType *type_of(const void *obj)
{
    switch (handle_kind(obj)) {
    case HANDLE_FUNC: return (const DefType *)(const void *)((const FuncInst *)obj)->type;
    case HANDLE_OBJECT: return object_type(obj);
    case HANDLE_NULL:
    case HANDLE_EXTERN:
    case HANDLE_I31:
    case HANDLE_HOST: break;
    }
    return NULL;
}

wasm_defined_type_t wasm_obj_get_defined_type(const wasm_obj_t obj)
{
    return (wasm_defined_type_t)(uintptr_t)type_of(obj);
}

int32_t wasm_obj_get_defined_type_idx(const wasm_module_t module, const wasm_obj_t obj)
{
    const DefType *def = type_of(obj);
    for (u32 i = 0; def != NULL && i < module->module->ntypes; i++)
        if (module->module->types[i] == def->id) return (s32)i;
    return -1;
}

bool wasm_defined_type_is_func_type(const wasm_defined_type_t def_type)
{
    return def_of(def_type)->kind == DEF_FUNC;
}

bool wasm_defined_type_is_struct_type(const wasm_defined_type_t def_type)
{
    return def_of(def_type)->kind == DEF_STRUCT;
}

bool wasm_defined_type_is_array_type(const wasm_defined_type_t def_type)
{
    return def_of(def_type)->kind == DEF_ARRAY;
}

wasm_ref_type_t wasm_func_type_get_param_type(const wasm_func_type_t func_type, uint32_t param_idx)
{
    const FuncType *type = (const void *)func_type;
    return tern_api_ref_type(param_idx < type->nparams ? type->params[param_idx] : VT_NONE);
}

wasm_ref_type_t wasm_func_type_get_result_type(const wasm_func_type_t func_type,
                                               uint32_t result_idx)
{
    const FuncType *type = (const void *)func_type;
    return tern_api_ref_type(result_idx < type->nresults ? type->results[result_idx] : VT_NONE);
}

uint32_t wasm_struct_type_get_field_count(const wasm_struct_type_t struct_type)
{
    return def_of(struct_type)->u.strct.nfields;
}

wasm_ref_type_t wasm_struct_type_get_field_type(const wasm_struct_type_t struct_type,
                                                uint32_t field_idx, bool *p_is_mutable)
{
    const StructType *type = &def_of(struct_type)->u.strct;
    const FieldType none = {0};
    const FieldType *field = field_idx < type->nfields ? &type->fields[field_idx] : &none;
    if (p_is_mutable != NULL) *p_is_mutable = field->is_mutable;
    return tern_api_ref_type(field->type);
}

wasm_ref_type_t wasm_array_type_get_elem_type(const wasm_array_type_t array_type,
                                              bool *p_is_mutable)
{
    const FieldType *elem = &def_of(array_type)->u.array;
    if (p_is_mutable != NULL) *p_is_mutable = elem->is_mutable;
    return tern_api_ref_type(elem->type);
}

bool wasm_defined_type_equal(const wasm_defined_type_t def_type1,
                             const wasm_defined_type_t def_type2, const wasm_module_t module)
{
    (void)module;
    return def_of(def_type1)->id == def_of(def_type2)->id;
}

bool wasm_defined_type_is_subtype_of(const wasm_defined_type_t def_type1,
                                     const wasm_defined_type_t def_type2,
                                     const wasm_module_t module)
{
    return tern_types_def_match(module->module->registry, def_of(def_type1)->id,
                                def_of(def_type2)->id);
}

/* --- reference types -------------------------------------------------------------------------- */

void wasm_ref_type_set_type_idx(wasm_ref_type_t *ref_type, bool nullable, int32_t type_idx)
{
    *ref_type = (wasm_ref_type_t){
        .value_type = nullable ? VALUE_TYPE_HT_NULLABLE_REF : VALUE_TYPE_HT_NON_NULLABLE_REF,
        .nullable = nullable,
        .heap_type = type_idx,
    };
}

void wasm_ref_type_set_heap_type(wasm_ref_type_t *ref_type, bool nullable, int32_t heap_type)
{
    *ref_type = tern_api_ref_type(vt_abstract((HeapCode)(heap_type & 0x7f), nullable));
}

bool wasm_ref_type_equal(const wasm_ref_type_t *ref_type1, const wasm_ref_type_t *ref_type2,
                         const wasm_module_t module)
{
    const Module *m = module->module;
    ValType a, b;
    return tern_api_val_type(ref_type1, m, m->registry, &a) &&
           tern_api_val_type(ref_type2, m, m->registry, &b) && a == b;
}

bool wasm_ref_type_is_subtype_of(const wasm_ref_type_t *ref_type1, const wasm_ref_type_t *ref_type2,
                                 const wasm_module_t module)
{
    const Module *m = module->module;
    ValType a, b;
    return tern_api_val_type(ref_type1, m, m->registry, &a) &&
           tern_api_val_type(ref_type2, m, m->registry, &b) && tern_types_match(m->registry, a, b);
}
