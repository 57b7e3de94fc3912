/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_gc.h - handles of gc_export.h: what they are, and back (see also EXTERN_BIT in wamr.h).
 *
 * Of the addresses with low bits 000, objects are at multiples of 16 and functions (FuncInst) in between. */
#ifndef TERN_API_WAMR_GC_H
#define TERN_API_WAMR_GC_H

#include "gc_export.h"

#include "api/wamr.h"

static inline u64 handle_bits(const void *obj) { return (uintptr_t)obj; }

typedef enum HandleKind {
    HANDLE_NULL, HANDLE_EXTERN, HANDLE_I31, HANDLE_HOST, HANDLE_FUNC, HANDLE_OBJECT
} HandleKind;

static inline HandleKind handle_kind(const void *obj)
{
    u64 bits = handle_bits(obj);
    if (bits == 0) return HANDLE_NULL;
    if (tern_api_is_extern_handle(bits)) return HANDLE_EXTERN;
    if (ref_is_i31(bits)) return HANDLE_I31;
    if (ref_is_host(bits)) return HANDLE_HOST;
    return (bits & 8) != 0 ? HANDLE_FUNC : HANDLE_OBJECT;
}

static inline Ref handle_ref(const void *obj)
{
    u64 bits = handle_bits(obj);
    return tern_api_is_extern_handle(bits) ? bits ^ EXTERN_BIT : bits;
}

/* The object, or NULL if it is none of that kind. */
static inline GcObject *handle_object(const void *obj, GcKind kind)
{
    if (handle_kind(obj) != HANDLE_OBJECT) return NULL;
    GcObject *object = ref_object(handle_bits(obj));
    return object->kind == kind ? object : NULL;
}

static inline const DefType *object_type(const GcObject *object)
{
    return tern_types_get(tern_gc_store_of(object)->engine->types, object->type_id);
}

/* The type that an index of the API means in a module, which may be NULL; NULL if there is none. */
const DefType *tern_api_type_at(const Module *m, const TypeRegistry *types, u32 index);
wasm_ref_type_t tern_api_ref_type(ValType type);
/* False if it is no type that we have. */
bool tern_api_val_type(const wasm_ref_type_t *ref_type, const Module *m, const TypeRegistry *types,
                       ValType *out);

#endif
