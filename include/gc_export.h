/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_export.h - objects of the guest's garbage-collected heap in the hands of the host.
 *
 * Names, layouts and values are those of WAMR 2.4.3 built with GC. An object handle (wasm_obj_t and its kin)
 * is a pointer-sized value that stays the same as long as the object lives; objects never move. A host keeps
 * an object alive through a pin, or through a local reference: only what these, the guest's own variables
 * or other objects reach survives a collection, and any call that makes an object or runs the guest may
 * collect.
 *
 * In wasm_runtime_call_wasm() and in native functions, references take 64 bits ('r' in signatures): handles of
 * this header, except that an externref made from a host's pointer is that pointer, and that functions in
 * argv are indices. wasm_externref_obj_get_value() takes either form.
 *
 * "type index": the module's own, or the number that a wasm_ref_type_t read from a type has in heap_type.
 * Tern: types are shared between modules, so what a type says about another is no module's index but a number
 * of the library's own, with bit 30 set; every function here that takes an index takes it.
 *
 * Handles must be of the right kind; indices inside an object are checked by assertions in debug builds of
 * WAMR, and here always: reading outside gives zero, writing outside does nothing. For 64-bit hosts: on others
 * host pointers cannot be boxed (NULL). */
#ifndef _GC_EXPORT_H
#define _GC_EXPORT_H

#include "wasm_export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t wasm_value_type_t;

typedef enum wasm_value_type_enum {
    VALUE_TYPE_I32 = 0x7F,
    VALUE_TYPE_I64 = 0x7E,
    VALUE_TYPE_F32 = 0x7D,
    VALUE_TYPE_F64 = 0x7C,
    VALUE_TYPE_V128 = 0x7B,
    VALUE_TYPE_I8 = 0x78, /* in structs and arrays */
    VALUE_TYPE_I16 = 0x77,
    VALUE_TYPE_NULLFUNCREF = 0x73, /* from here on nullable references to abstract heap types */
    VALUE_TYPE_NULLEXTERNREF = 0x72,
    VALUE_TYPE_NULLREF = 0x71,
    VALUE_TYPE_FUNCREF = 0x70,
    VALUE_TYPE_EXTERNREF = 0x6F,
    VALUE_TYPE_ANYREF = 0x6E,
    VALUE_TYPE_EQREF = 0x6D,
    VALUE_TYPE_I31REF = 0x6C,
    VALUE_TYPE_STRUCTREF = 0x6B,
    VALUE_TYPE_ARRAYREF = 0x6A,
    VALUE_TYPE_HT_NON_NULLABLE_REF = 0x64, /* to heap_type */
    VALUE_TYPE_HT_NULLABLE_REF = 0x63,
    VALUE_TYPE_STRINGREF = 0x67, /* the stringref proposal, which Tern does not have */
    VALUE_TYPE_STRINGVIEWWTF8 = 0x66,
    VALUE_TYPE_STRINGVIEWWTF16 = 0x62,
    VALUE_TYPE_STRINGVIEWITER = 0x61
} wasm_value_type_enum;

typedef int32_t wasm_heap_type_t; /* a type index, or negative: */

typedef enum wasm_heap_type_enum {
    HEAP_TYPE_NOFUNC = -0x0D,
    HEAP_TYPE_NOEXTERN = -0x0E,
    HEAP_TYPE_NONE = -0x0F,
    HEAP_TYPE_FUNC = -0x10,
    HEAP_TYPE_EXTERN = -0x11,
    HEAP_TYPE_ANY = -0x12,
    HEAP_TYPE_EQ = -0x13,
    HEAP_TYPE_I31 = -0x14,
    HEAP_TYPE_STRUCT = -0x15,
    HEAP_TYPE_ARRAY = -0x16,
    HEAP_TYPE_STRINGREF = -0x19,
    HEAP_TYPE_STRINGVIEWWTF8 = -0x1A,
    HEAP_TYPE_STRINGVIEWWTF16 = -0x1E,
    HEAP_TYPE_STRINGVIEWITER = -0x1F
} wasm_heap_type_enum;

struct WASMObject;
typedef struct WASMObject *wasm_obj_t;

#ifndef WASM_VALUE_DEFINED
#define WASM_VALUE_DEFINED
typedef union V128 {
    int8_t i8x16[16];
    int16_t i16x8[8];
    int32_t i32x4[4];
    int64_t i64x2[2];
    float f32x4[4];
    double f64x2[2];
} V128;

/* A field or element: the member of its type; gc_obj for every reference. */
typedef union WASMValue {
    int32_t i32;
    uint32_t u32;
    uint32_t global_index;
    uint32_t ref_index;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    V128 v128;
    wasm_obj_t gc_obj;
    uint32_t type_index;
    struct {
        uint32_t type_index;
        uint32_t length;
    } array_new_default;
    void *data;
} WASMValue;
#endif

typedef union WASMValue wasm_value_t;

/* The type of a value. With value_type 0x63 or 0x64 heap_type says to what it refers and nullable whether it
 * may be null; otherwise value_type says it all, and these are 0 and false. */
typedef struct wasm_ref_type_t {
    wasm_value_type_t value_type;
    bool nullable;
    int32_t heap_type;
} wasm_ref_type_t;

/* A variable of a C function that holds an object: see wasm_runtime_push_local_obj_ref(). */
typedef struct WASMLocalObjectRef {
    struct WASMLocalObjectRef *prev; /* the library's */
    wasm_obj_t val;
} WASMLocalObjectRef, wasm_local_obj_ref_t;

struct WASMType;
struct WASMStructType;
struct WASMArrayType;
/* A type defined by a module; lives as long as the module. It may be cast to the type of its kind, and back. */
typedef struct WASMType *wasm_defined_type_t;
typedef struct WASMStructType *wasm_struct_type_t;
typedef struct WASMArrayType *wasm_array_type_t;

struct WASMExternrefObject;
struct WASMAnyrefObject;
struct WASMStructObject;
struct WASMArrayObject;
struct WASMFuncObject;
struct WASMStringrefObject;
/* Any may be cast to wasm_obj_t, and back. */
typedef struct WASMExternrefObject *wasm_externref_obj_t;
typedef struct WASMAnyrefObject *wasm_anyref_obj_t;
typedef struct WASMStructObject *wasm_struct_obj_t;
typedef struct WASMArrayObject *wasm_array_obj_t;
typedef struct WASMFuncObject *wasm_func_obj_t;
typedef struct WASMStringrefObject *wasm_stringref_obj_t;
typedef uintptr_t wasm_i31_obj_t;

/* obj is about to be freed: its own fields can be read. It may not make objects, run guests, or set
 * finalizers. */
typedef void (*wasm_obj_finalizer_t)(const wasm_obj_t obj, void *data);

/* --- types ------------------------------------------------------------------------------------ */

WASM_RUNTIME_API_EXTERN uint32_t wasm_get_defined_type_count(const wasm_module_t module);
/* Tern: NULL for an index the module does not have. */
WASM_RUNTIME_API_EXTERN wasm_defined_type_t wasm_get_defined_type(const wasm_module_t module,
                                                                  uint32_t index);
/* Of a struct, array or function; NULL for others. */
WASM_RUNTIME_API_EXTERN wasm_defined_type_t wasm_obj_get_defined_type(const wasm_obj_t obj);
/* Its first index in the module; -1 if the module does not have it. */
WASM_RUNTIME_API_EXTERN int32_t wasm_obj_get_defined_type_idx(const wasm_module_t module,
                                                              const wasm_obj_t obj);

WASM_RUNTIME_API_EXTERN bool wasm_defined_type_is_func_type(const wasm_defined_type_t def_type);
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_is_struct_type(const wasm_defined_type_t def_type);
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_is_array_type(const wasm_defined_type_t def_type);

/* All zero for an index outside, here and below. */
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_func_type_get_param_type(const wasm_func_type_t func_type, uint32_t param_idx);
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_func_type_get_result_type(const wasm_func_type_t func_type, uint32_t result_idx);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_struct_type_get_field_count(const wasm_struct_type_t struct_type);
/* p_is_mutable may be NULL. */
WASM_RUNTIME_API_EXTERN wasm_ref_type_t wasm_struct_type_get_field_type(
    const wasm_struct_type_t struct_type, uint32_t field_idx, bool *p_is_mutable);
WASM_RUNTIME_API_EXTERN wasm_ref_type_t
wasm_array_type_get_elem_type(const wasm_array_type_t array_type, bool *p_is_mutable);

/* Are they one type: is the structure the same, also of all that they mention? */
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_equal(const wasm_defined_type_t def_type1,
                                                     const wasm_defined_type_t def_type2,
                                                     const wasm_module_t module);
/* Is the first declared below the second, or the same? */
WASM_RUNTIME_API_EXTERN bool wasm_defined_type_is_subtype_of(const wasm_defined_type_t def_type1,
                                                             const wasm_defined_type_t def_type2,
                                                             const wasm_module_t module);

/* Makes *ref_type a reference to the type with that index ... */
WASM_RUNTIME_API_EXTERN void wasm_ref_type_set_type_idx(wasm_ref_type_t *ref_type, bool nullable,
                                                        int32_t type_idx);
/* ... or to an abstract heap type, in the short form if it is nullable. */
WASM_RUNTIME_API_EXTERN void wasm_ref_type_set_heap_type(wasm_ref_type_t *ref_type, bool nullable,
                                                         int32_t heap_type);
/* Indices are module's. False for what is no type. */
WASM_RUNTIME_API_EXTERN bool wasm_ref_type_equal(const wasm_ref_type_t *ref_type1,
                                                 const wasm_ref_type_t *ref_type2,
                                                 const wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool wasm_ref_type_is_subtype_of(const wasm_ref_type_t *ref_type1,
                                                         const wasm_ref_type_t *ref_type2,
                                                         const wasm_module_t module);

/* --- structs and arrays ----------------------------------------------------------------------- */

/* All fields zero or null, also those that may not be null for the guest: fill them. NULL, with the exception
 * "create struct object failed", if there is no memory; NULL for what is no struct type. May collect. */
WASM_RUNTIME_API_EXTERN wasm_struct_obj_t
wasm_struct_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx);
WASM_RUNTIME_API_EXTERN wasm_struct_obj_t
wasm_struct_obj_new_with_type(wasm_exec_env_t exec_env, const wasm_struct_type_t type);
/* A reference must fit the field's type; that is not checked. */
WASM_RUNTIME_API_EXTERN void wasm_struct_obj_set_field(wasm_struct_obj_t obj, uint32_t field_idx,
                                                       const wasm_value_t *value);
/* i8 and i16 become 32 bits, signed or not. */
WASM_RUNTIME_API_EXTERN void wasm_struct_obj_get_field(const wasm_struct_obj_t obj,
                                                       uint32_t field_idx, bool sign_extend,
                                                       wasm_value_t *value);
WASM_RUNTIME_API_EXTERN uint32_t wasm_struct_obj_get_field_count(const wasm_struct_obj_t obj);

/* length times init_value, or zero or null if that is NULL. NULL as for structs, with "create array object
 * failed". */
WASM_RUNTIME_API_EXTERN wasm_array_obj_t
wasm_array_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx, uint32_t length,
                                wasm_value_t *init_value);
WASM_RUNTIME_API_EXTERN wasm_array_obj_t
wasm_array_obj_new_with_type(wasm_exec_env_t exec_env, const wasm_array_type_t type,
                             uint32_t length, wasm_value_t *init_value);
WASM_RUNTIME_API_EXTERN void wasm_array_obj_set_elem(wasm_array_obj_t array_obj, uint32_t elem_idx,
                                                     const wasm_value_t *value);
WASM_RUNTIME_API_EXTERN void wasm_array_obj_get_elem(const wasm_array_obj_t array_obj,
                                                     uint32_t elem_idx, bool sign_extend,
                                                     wasm_value_t *value);
/* Between arrays of one element type; they may be the same. Nothing happens unless both ranges fit. */
WASM_RUNTIME_API_EXTERN void wasm_array_obj_copy(wasm_array_obj_t dst_obj, uint32_t dst_idx,
                                                 const wasm_array_obj_t src_obj, uint32_t src_idx,
                                                 uint32_t len);
WASM_RUNTIME_API_EXTERN uint32_t wasm_array_obj_length(const wasm_array_obj_t array_obj);
/* Elements lie back to back: 1, 2, 4, 8 or 16 bytes each, references 8. Valid as long as the array. */
WASM_RUNTIME_API_EXTERN void *wasm_array_obj_first_elem_addr(const wasm_array_obj_t array_obj);
/* NULL if there is no such element. */
WASM_RUNTIME_API_EXTERN void *wasm_array_obj_elem_addr(const wasm_array_obj_t array_obj,
                                                       uint32_t elem_idx);

/* --- functions -------------------------------------------------------------------------------- */

/* The instance's function, which must have that type; NULL if it does not, or there is none. Lives as long as
 * the instance. */
WASM_RUNTIME_API_EXTERN wasm_func_obj_t
wasm_func_obj_new_with_typeidx(wasm_exec_env_t exec_env, uint32_t type_idx,
                               uint32_t func_idx_bound);
WASM_RUNTIME_API_EXTERN wasm_func_obj_t wasm_func_obj_new_with_type(wasm_exec_env_t exec_env,
                                                                    wasm_func_type_t type,
                                                                    uint32_t func_idx_bound);
/* In its own module; UINT32_MAX for a host function. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_obj_get_func_idx_bound(const wasm_func_obj_t func_obj);
WASM_RUNTIME_API_EXTERN wasm_func_type_t
wasm_func_obj_get_func_type(const wasm_func_obj_t func_obj);

/* As wasm_runtime_call_wasm() and its _a and _v forms. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_func_ref(wasm_exec_env_t exec_env,
                                                        const wasm_func_obj_t func_obj,
                                                        uint32_t argc, uint32_t argv[]);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_func_ref_a(wasm_exec_env_t exec_env,
                                                          const wasm_func_obj_t func_obj,
                                                          uint32_t num_results,
                                                          wasm_val_t results[], uint32_t num_args,
                                                          wasm_val_t *args);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_func_ref_v(wasm_exec_env_t exec_env,
                                                          const wasm_func_obj_t func_obj,
                                                          uint32_t num_results,
                                                          wasm_val_t results[], uint32_t num_args,
                                                          ...);

/* --- the host's values, and small integers ---------------------------------------------------- */

/* host_obj in a reference. Tern: nothing is allocated; equal pointers give equal handles. NULL for NULL, and for
 * a number of more than 61 bits. */
WASM_RUNTIME_API_EXTERN wasm_externref_obj_t wasm_externref_obj_new(wasm_exec_env_t exec_env,
                                                                    const void *host_obj);
/* Of an externref that was an object of the guest: that object. */
WASM_RUNTIME_API_EXTERN const void *
wasm_externref_obj_get_value(const wasm_externref_obj_t externref_obj);
WASM_RUNTIME_API_EXTERN wasm_anyref_obj_t wasm_anyref_obj_new(wasm_exec_env_t exec_env,
                                                              const void *host_obj);
WASM_RUNTIME_API_EXTERN const void *wasm_anyref_obj_get_value(const wasm_anyref_obj_t anyref_obj);
/* any.convert_extern and extern.convert_any. */
WASM_RUNTIME_API_EXTERN wasm_obj_t
wasm_externref_obj_to_internal_obj(const wasm_externref_obj_t externref_obj);
WASM_RUNTIME_API_EXTERN wasm_externref_obj_t
wasm_internal_obj_to_externref_obj(wasm_exec_env_t exec_env, const wasm_obj_t internal_obj);
/* The low 31 bits. */
WASM_RUNTIME_API_EXTERN wasm_i31_obj_t wasm_i31_obj_new(uint32_t i31_value);
WASM_RUNTIME_API_EXTERN uint32_t wasm_i31_obj_get_value(wasm_i31_obj_t i31_obj, bool sign_extend);

/* --- keeping objects -------------------------------------------------------------------------- */

/* Counted: each needs its unpin. Ends with the instance. False: no memory. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_pin_object(wasm_exec_env_t exec_env, wasm_obj_t obj);
/* False if it is not pinned. Looks at all pins, the newest first. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_unpin_object(wasm_exec_env_t exec_env, wasm_obj_t obj);

/* --- what is it? ------------------------------------------------------------------------------ */

/* False for NULL, all of them. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_struct_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_array_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_func_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_i31_obj(const wasm_obj_t obj);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_externref_obj(const wasm_obj_t obj);
/* A host's value as anyref. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_anyref_obj(const wasm_obj_t obj);
/* Of the hierarchy of any: a struct, array, i31 or host's value as anyref. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_internal_obj(const wasm_obj_t obj);
/* A struct, array or i31. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_eq_obj(const wasm_obj_t obj);
/* ref.test: is it of that type, or one declared below? */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_instance_of_defined_type(
    const wasm_obj_t obj, const wasm_defined_type_t defined_type, const wasm_module_t module);
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_instance_of_type_idx(const wasm_obj_t obj,
                                                              uint32_t type_idx,
                                                              const wasm_module_t module);
/* NULL is an instance of nullable types. Indices are those of the module of the instance that the object
 * was made in by the host's instantiating it. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_is_instance_of_ref_type(const wasm_obj_t obj,
                                                              const wasm_ref_type_t *ref_type);

/* --- local references ------------------------------------------------------------------------- */

/* From now on, until it is popped, what is in local_obj_ref->val is kept alive: set it after pushing, to NULL
 * at least. Last in, first out; pop before the function returns. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_push_local_obj_ref(wasm_exec_env_t exec_env,
                                                             wasm_local_obj_ref_t *local_obj_ref);
/* The one popped; NULL if there is none. */
WASM_RUNTIME_API_EXTERN wasm_local_obj_ref_t *
wasm_runtime_pop_local_obj_ref(wasm_exec_env_t exec_env);
WASM_RUNTIME_API_EXTERN void wasm_runtime_pop_local_obj_refs(wasm_exec_env_t exec_env, uint32_t n);
/* The newest, which stays. */
WASM_RUNTIME_API_EXTERN wasm_local_obj_ref_t *
wasm_runtime_get_cur_local_obj_ref(wasm_exec_env_t exec_env);

/* --- finalizers ------------------------------------------------------------------------------- */

/* Calls cb(obj, data) once, before obj is freed, by a collection or with the instance. A second one replaces
 * the first. False for NULL, for what is not a struct or array, or without memory. */
WASM_RUNTIME_API_EXTERN bool wasm_obj_set_gc_finalizer(wasm_exec_env_t exec_env,
                                                       const wasm_obj_t obj,
                                                       wasm_obj_finalizer_t cb, void *data);
WASM_RUNTIME_API_EXTERN void wasm_obj_unset_gc_finalizer(wasm_exec_env_t exec_env, void *obj);

#ifdef __cplusplus
}
#endif

#endif
