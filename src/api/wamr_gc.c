/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_gc.c - gc_export.h: making objects, looking into them, and asking what they are. */
#include <stdarg.h>

#include "api/wamr_gc.h"

bool tern_api_ref_in(const Store *store, ValType type, uintptr_t pointer, Ref *ref)
{
    if (tern_api_is_externref(type)) {
        Ref inner = pointer ^ EXTERN_BIT;
        bool is_object = tern_api_is_extern_handle(pointer) && tern_gc_holds(store, inner);
        *ref = is_object ? inner : tern_api_ref_of_pointer(pointer);
    } else {
        *ref = pointer;
        bool is_plain = *ref == REF_NULL || ref_is_i31(*ref) || ref_is_host(*ref);
        if (tern_types_top(store->engine->types, type) != HEAP_ANY && *ref != REF_NULL) return false;
        if (!is_plain && !(tern_gc_holds(store, *ref) && ref_object(*ref)->kind != GC_EXCEPTION)) return false;
    }
    return tern_ref_matches(store, *ref, type);
}

/* --- fields ----------------------------------------------------------------------------------- */

static void *bytes_at(const GcObject *object, u64 offset)
{
    return (u8 *)(uintptr_t)object + offset;
}

static void put_field(void *to, ValType type, const wasm_value_t *value)
{
    switch (vt_code(type)) {
    case VT_I8: *(u8 *)to = (u8)value->i32; break;
    case VT_I16: memcpy(to, &(u16){(u16)value->i32}, 2); break;
    case VT_I32:
    case VT_F32: memcpy(to, value, 4); break;
    case VT_V128: memcpy(to, value, 16); break;
    case VT_REF: memcpy(to, &(Ref){handle_ref(value->gc_obj)}, sizeof(Ref)); break;
    default: memcpy(to, value, 8); break;
    }
}

static void get_field(const void *from, ValType type, bool sign_extend, wasm_value_t *value)
{
    u16 half;
    Ref ref;
    switch (vt_code(type)) {
    case VT_I8: value->i32 = sign_extend ? *(const s8 *)from : *(const u8 *)from; break;
    case VT_I16:
        memcpy(&half, from, 2);
        value->i32 = sign_extend ? (s16)half : half;
        break;
    case VT_I32:
    case VT_F32: memcpy(value, from, 4); break;
    case VT_V128: memcpy(value, from, 16); break;
    case VT_REF:
        memcpy(&ref, from, sizeof ref);
        if (ref != REF_NULL && tern_api_is_externref(type)) ref ^= EXTERN_BIT;
        value->gc_obj = (wasm_obj_t)(uintptr_t)ref;
        break;
    default: memcpy(value, from, 8); break;
    }
}

/* --- structs ---------------------------------------------------------------------------------- */

static const DefType *type_at(wasm_exec_env_t env, u32 index)
{
    const Module *m = env->inst->instance->module;
    return tern_api_type_at(m, m->registry, index);
}

static void *made(wasm_exec_env_t env, GcObject *object, const char *failure)
{
    if (object == NULL) tern_api_throw(env->inst, "%s", failure);
    return object;
}

wasm_struct_obj_t wasm_struct_obj_new_with_type(wasm_exec_env_t exec_env,
                                                const wasm_struct_type_t type)
{
    const DefType *def = (const void *)type;
    if (def == NULL || def->kind != DEF_STRUCT) return NULL;
    Store *store = exec_env->x->store;
    const GcLayout *layout = tern_gc_layout(store, def->id);
    GcObject *object = NULL;
    if (layout != NULL)
        object = tern_gc_new(store, GC_STRUCT, def->id, 0, layout->size_bytes - sizeof *object);
    return made(exec_env, object, "create struct object failed");
}

wasm_struct_obj_t wasm_struct_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx)
{
    const DefType *def = type_at(exec_env, type_idx);
    return wasm_struct_obj_new_with_type(exec_env, (wasm_struct_type_t)(uintptr_t)def);
}

/* NULL: there is no such field. */
static const FieldType *field_of(const GcObject *object, u32 index)
{
    if (object == NULL) return NULL;
    const StructType *type = &object_type(object)->u.strct;
    return index < type->nfields ? &type->fields[index] : NULL;
}

void wasm_struct_obj_set_field(wasm_struct_obj_t obj, uint32_t field_idx, const wasm_value_t *value)
{
    GcObject *object = handle_object(obj, GC_STRUCT);
    const FieldType *field = field_of(object, field_idx);
    if (field != NULL)
        put_field(bytes_at(object, sizeof *object + field->offset), field->type, value);
}

void wasm_struct_obj_get_field(const wasm_struct_obj_t obj, uint32_t field_idx, bool sign_extend,
                               wasm_value_t *value)
{
    const GcObject *object = handle_object(obj, GC_STRUCT);
    const FieldType *field = field_of(object, field_idx);
    memset(value, 0, sizeof *value);
    if (field != NULL)
        get_field(bytes_at(object, sizeof *object + field->offset), field->type, sign_extend, value);
}

uint32_t wasm_struct_obj_get_field_count(const wasm_struct_obj_t obj)
{
    const GcObject *object = handle_object(obj, GC_STRUCT);
    return object != NULL ? object_type(object)->u.strct.nfields : 0;
}

/* --- arrays ----------------------------------------------------------------------------------- */

static ValType elem_type(const GcObject *object) { return object_type(object)->u.array.type; }

static u32 elem_log2(const GcObject *object)
{
    switch (vt_code(elem_type(object))) {
    case VT_I8: return 0;
    case VT_I16: return 1;
    case VT_I32:
    case VT_F32: return 2;
    case VT_V128: return 4;
    default: return 3;
    }
}

static void *elem_at(const GcObject *object, u32 index)
{
    return bytes_at(object, sizeof *object + ((u64)index << elem_log2(object)));
}

wasm_array_obj_t wasm_array_obj_new_with_type(wasm_exec_env_t exec_env,
                                              const wasm_array_type_t type, uint32_t length,
                                              wasm_value_t *init_value)
{
    const DefType *def = (const void *)type;
    if (def == NULL || def->kind != DEF_ARRAY) return NULL;
    ValType elem = def->u.array.type;
    u64 cells[2] = {0};
    if (init_value != NULL) put_field(cells, elem, init_value);
    /* The initial value may be an object that only the caller knows. */
    Store *store = exec_env->x->store;
    GcCells roots = {.cells = cells, .ncells = 1};
    tern_gc_push_cells(store, &roots);
    GcObject *object = tern_array_alloc(store, def->id, length);
    tern_gc_pop_cells(store, &roots);
    if (object != NULL && init_value != NULL)
        tern_array_fill(object, elem_log2(object), 0, cells, length);
    return made(exec_env, object, "create array object failed");
}

wasm_array_obj_t wasm_array_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx,
                                                 uint32_t length, wasm_value_t *init_value)
{
    const DefType *def = type_at(exec_env, type_idx);
    return wasm_array_obj_new_with_type(exec_env, (wasm_array_type_t)(uintptr_t)def, length,
                                        init_value);
}

void wasm_array_obj_set_elem(wasm_array_obj_t array_obj, uint32_t elem_idx,
                             const wasm_value_t *value)
{
    GcObject *object = handle_object(array_obj, GC_ARRAY);
    if (object == NULL || elem_idx >= object->length) return;
    put_field(elem_at(object, elem_idx), elem_type(object), value);
}

void wasm_array_obj_get_elem(const wasm_array_obj_t array_obj, uint32_t elem_idx, bool sign_extend,
                             wasm_value_t *value)
{
    const GcObject *object = handle_object(array_obj, GC_ARRAY);
    memset(value, 0, sizeof *value);
    if (object == NULL || elem_idx >= object->length) return;
    get_field(elem_at(object, elem_idx), elem_type(object), sign_extend, value);
}

static bool has_range(const GcObject *object, u32 at, u32 n)
{
    return object != NULL && at <= object->length && n <= object->length - at;
}

void wasm_array_obj_copy(wasm_array_obj_t dst_obj, uint32_t dst_idx, const wasm_array_obj_t src_obj,
                         uint32_t src_idx, uint32_t len)
{
    const GcObject *to = handle_object(dst_obj, GC_ARRAY), *from = handle_object(src_obj, GC_ARRAY);
    if (!has_range(to, dst_idx, len) || !has_range(from, src_idx, len)) return;
    if (elem_log2(to) != elem_log2(from)) return;
    memmove(elem_at(to, dst_idx), elem_at(from, src_idx), (size_t)len << elem_log2(to));
}

uint32_t wasm_array_obj_length(const wasm_array_obj_t array_obj)
{
    const GcObject *object = handle_object(array_obj, GC_ARRAY);
    return object != NULL ? object->length : 0;
}

void *wasm_array_obj_first_elem_addr(const wasm_array_obj_t array_obj)
{
    const GcObject *object = handle_object(array_obj, GC_ARRAY);
    return object != NULL ? elem_at(object, 0) : NULL;
}

void *wasm_array_obj_elem_addr(const wasm_array_obj_t array_obj, uint32_t elem_idx)
{
    const GcObject *object = handle_object(array_obj, GC_ARRAY);
    return object != NULL && elem_idx < object->length ? elem_at(object, elem_idx) : NULL;
}

/* --- functions -------------------------------------------------------------------------------- */

wasm_func_obj_t wasm_func_obj_new_with_type(wasm_exec_env_t exec_env, wasm_func_type_t type,
                                            uint32_t func_idx_bound)
{
    Instance *instance = exec_env->inst->instance;
    if (type == NULL || func_idx_bound >= instance->module->nfuncs) return NULL;
    FuncInst *func = tern_instance_func(instance, func_idx_bound);
    if (func == NULL || (const void *)func->type != (const void *)type) return NULL;
    return (wasm_func_obj_t)(void *)func;
}

wasm_func_obj_t wasm_func_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx,
                                               uint32_t func_idx_bound)
{
    const DefType *def = type_at(exec_env, type_idx);
    return wasm_func_obj_new_with_type(exec_env, (wasm_func_type_t)(uintptr_t)def, func_idx_bound);
}

static FuncInst *func_of(const void *func_obj)
{
    return handle_kind(func_obj) == HANDLE_FUNC ? (FuncInst *)(uintptr_t)func_obj : NULL;
}

uint32_t wasm_func_obj_get_func_idx_bound(const wasm_func_obj_t func_obj)
{
    const FuncInst *func = func_of(func_obj);
    return func != NULL ? func->func_index : UINT32_MAX;
}

wasm_func_type_t wasm_func_obj_get_func_type(const wasm_func_obj_t func_obj)
{
    const FuncInst *func = func_of(func_obj);
    return func != NULL ? (wasm_func_type_t)(uintptr_t)func->type : NULL;
}

/* Null is an exception of the guest's kind. */
static FuncInst *callee(wasm_exec_env_t env, const void *func_obj)
{
    FuncInst *func = func_of(func_obj);
    if (func == NULL) tern_api_throw(env->inst, "null function reference");
    return func;
}

bool wasm_runtime_call_func_ref(wasm_exec_env_t exec_env, const wasm_func_obj_t func_obj,
                                uint32_t argc, uint32_t argv[])
{
    FuncInst *func = callee(exec_env, func_obj);
    return func != NULL && wasm_runtime_call_wasm(exec_env, func, argc, argv);
}

bool wasm_runtime_call_func_ref_a(wasm_exec_env_t exec_env, const wasm_func_obj_t func_obj,
                                  uint32_t num_results, wasm_val_t results[], uint32_t num_args,
                                  wasm_val_t *args)
{
    FuncInst *func = callee(exec_env, func_obj);
    return func != NULL &&
           wasm_runtime_call_wasm_a(exec_env, func, num_results, results, num_args, args);
}

bool wasm_runtime_call_func_ref_v(wasm_exec_env_t exec_env, const wasm_func_obj_t func_obj,
                                  uint32_t num_results, wasm_val_t results[], uint32_t num_args,
                                  ...)
{
    FuncInst *func = callee(exec_env, func_obj);
    if (func == NULL) return false;
    va_list list;
    va_start(list, num_args);
    bool ok = tern_api_call_values(exec_env, func, num_results, results, num_args, list);
    va_end(list);
    return ok;
}

/* --- the host's values, and small integers ---------------------------------------------------- */

/* NULL if the bits do not fit a handle, or not the value the bits. */
static void *host_handle(const void *host_obj, u64 flip)
{
    if (host_obj == NULL) return NULL;
    Ref ref = ref_of_host(host_obj);
    u64 bits = ref ^ flip;
    bool fits = (uintptr_t)bits == bits && ref_host(ref) == host_obj && !tern_api_is_extern_handle(ref);
    return fits ? (void *)(uintptr_t)bits : NULL;
}

wasm_externref_obj_t wasm_externref_obj_new(wasm_exec_env_t exec_env, const void *host_obj)
{
    (void)exec_env;
    return host_handle(host_obj, EXTERN_BIT);
}

const void *wasm_externref_obj_get_value(const wasm_externref_obj_t externref_obj)
{
    if (handle_kind(externref_obj) != HANDLE_EXTERN) return externref_obj; /* the pointer itself */
    Ref ref = handle_ref(externref_obj);
    return ref_is_host(ref) ? ref_host(ref) : (const void *)(uintptr_t)ref;
}

wasm_anyref_obj_t wasm_anyref_obj_new(wasm_exec_env_t exec_env, const void *host_obj)
{
    (void)exec_env;
    return host_handle(host_obj, 0);
}

const void *wasm_anyref_obj_get_value(const wasm_anyref_obj_t anyref_obj)
{
    return handle_kind(anyref_obj) == HANDLE_HOST ? ref_host(handle_bits(anyref_obj)) : NULL;
}

wasm_obj_t wasm_externref_obj_to_internal_obj(const wasm_externref_obj_t externref_obj)
{
    if (handle_kind(externref_obj) == HANDLE_EXTERN) return (wasm_obj_t)(uintptr_t)handle_ref(externref_obj);
    return (wasm_obj_t)(uintptr_t)tern_api_ref_of_pointer((uintptr_t)externref_obj);
}

wasm_externref_obj_t wasm_internal_obj_to_externref_obj(wasm_exec_env_t exec_env,
                                                        const wasm_obj_t internal_obj)
{
    (void)exec_env;
    if (!wasm_obj_is_internal_obj(internal_obj)) return NULL;
    return (wasm_externref_obj_t)(uintptr_t)(handle_bits(internal_obj) ^ EXTERN_BIT);
}

wasm_i31_obj_t wasm_i31_obj_new(uint32_t i31_value)
{
    return (wasm_i31_obj_t)ref_of_i31(i31_value);
}

uint32_t wasm_i31_obj_get_value(wasm_i31_obj_t i31_obj, bool sign_extend)
{
    return sign_extend ? (u32)ref_i31_s(i31_obj) : ref_i31_u(i31_obj);
}

/* --- what is it? ------------------------------------------------------------------------------ */

bool wasm_obj_is_struct_obj(const wasm_obj_t obj) { return handle_object(obj, GC_STRUCT) != NULL; }
bool wasm_obj_is_array_obj(const wasm_obj_t obj) { return handle_object(obj, GC_ARRAY) != NULL; }
bool wasm_obj_is_func_obj(const wasm_obj_t obj) { return handle_kind(obj) == HANDLE_FUNC; }
bool wasm_obj_is_i31_obj(const wasm_obj_t obj) { return handle_kind(obj) == HANDLE_I31; }
bool wasm_obj_is_externref_obj(const wasm_obj_t obj) { return handle_kind(obj) == HANDLE_EXTERN; }
bool wasm_obj_is_anyref_obj(const wasm_obj_t obj) { return handle_kind(obj) == HANDLE_HOST; }

bool wasm_obj_is_internal_obj(const wasm_obj_t obj)
{
    return wasm_obj_is_anyref_obj(obj) || wasm_obj_is_eq_obj(obj);
}

bool wasm_obj_is_eq_obj(const wasm_obj_t obj)
{
    return wasm_obj_is_i31_obj(obj) || wasm_obj_is_struct_obj(obj) || wasm_obj_is_array_obj(obj);
}

/* The type that describes it best, at the top of whose hierarchy null is. */
static bool is_instance(const void *obj, const TypeRegistry *types, ValType type)
{
    switch (handle_kind(obj)) {
    case HANDLE_NULL: return vt_is_ref(type) && vt_is_nullable(type);
    case HANDLE_EXTERN: return tern_types_match(types, vt_abstract(HEAP_EXTERN, false), type);
    case HANDLE_I31: return tern_types_match(types, vt_abstract(HEAP_I31, false), type);
    case HANDLE_HOST: return tern_types_match(types, vt_abstract(HEAP_ANY, false), type);
    case HANDLE_FUNC:
        return tern_types_match(types, vt_concrete(((const FuncInst *)obj)->type_id, false, true), type);
    case HANDLE_OBJECT:
        return ((const GcObject *)obj)->kind != GC_EXCEPTION &&
               tern_types_match(types, vt_concrete(((const GcObject *)obj)->type_id, false, true), type);
    }
    return false;
}

bool wasm_obj_is_instance_of_defined_type(const wasm_obj_t obj,
                                          const wasm_defined_type_t defined_type,
                                          const wasm_module_t module)
{
    const DefType *def = (const void *)defined_type;
    return def != NULL && is_instance(obj, module->module->registry, vt_concrete(def->id, false, false));
}

bool wasm_obj_is_instance_of_type_idx(const wasm_obj_t obj, uint32_t type_idx,
                                      const wasm_module_t module)
{
    const Module *m = module->module;
    const DefType *def = tern_api_type_at(m, m->registry, type_idx);
    return def != NULL && is_instance(obj, m->registry, vt_concrete(def->id, false, false));
}

bool wasm_obj_is_instance_of_ref_type(const wasm_obj_t obj, const wasm_ref_type_t *ref_type)
{
    const Store *store = NULL;
    HandleKind kind = handle_kind(obj);
    if (kind == HANDLE_OBJECT) store = tern_gc_store_of((const void *)obj);
    if (kind == HANDLE_FUNC && ((const FuncInst *)(const void *)obj)->instance != NULL)
        store = ((const FuncInst *)(const void *)obj)->instance->store;
    /* The others have only abstract types, for which no registry is asked. */
    if (store == NULL && ref_type->heap_type >= 0 && ref_type->value_type <= VALUE_TYPE_HT_NON_NULLABLE_REF)
        return kind == HANDLE_NULL && ref_type->nullable;
    const TypeRegistry *types = store != NULL ? store->engine->types : NULL;
    const Module *m = NULL;
    if (store != NULL && store->instances.n > 0) /* the last is the one that links the others */
        m = store->instances.items[store->instances.n - 1]->module;
    ValType type;
    return tern_api_val_type(ref_type, m, types, &type) && vt_is_ref(type) && is_instance(obj, types, type);
}
