/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* types.h - value types, recursion groups and subtyping (spec 2.3, 3.3).
 *
 * Concrete types are canonical: a TypeRegistry, shared by all modules of an engine, gives every distinct
 * defined type one number (its type id), so equality of types, also across modules, is equality of
 * numbers. A ValType is a packed u32 that holds type ids, never a module's own type indices.
 */
#ifndef TERN_MODULE_TYPES_H
#define TERN_MODULE_TYPES_H

#include "base/alloc.h"

/* Packed: bits 0-7 code (VT_*), 8 nullable, 9 exact, 10 concrete, 11-31 heap: type id or HeapCode. Bits
 * above 7 are zero unless the code is VT_REF. */
typedef u32 ValType;

enum {
    VT_NONE = 0, VT_BOT = 1, /* bottom: the type of an operand in unreachable code */
    VT_I32 = 0x7f, VT_I64 = 0x7e, VT_F32 = 0x7d, VT_F64 = 0x7c, VT_V128 = 0x7b,
    VT_I8 = 0x78, VT_I16 = 0x77, /* storage types only */
    VT_REF = 0x64,
};

/* Abstract heap types, by their encoding. */
typedef enum HeapCode {
    HEAP_NOEXN = 0x74, HEAP_NOFUNC = 0x73, HEAP_NOEXTERN = 0x72, HEAP_NONE = 0x71, HEAP_FUNC = 0x70,
    HEAP_EXTERN = 0x6f, HEAP_ANY = 0x6e, HEAP_EQ = 0x6d, HEAP_I31 = 0x6c, HEAP_STRUCT = 0x6b,
    HEAP_ARRAY = 0x6a, HEAP_EXN = 0x69,
    HEAP_BOT = 1, /* (ref bot): what ref.as_non_null gives in unreachable code */
} HeapCode;

#define MAX_TYPE_ID ((1u << 20) - 1)

static inline ValType vt_abstract(HeapCode heap, bool nullable)
{
    return VT_REF | (u32)nullable << 8 | (u32)heap << 11;
}
/* Without TERN_GC no type says more of a reference than that it is a function's. */
static inline ValType vt_concrete(u32 type_id, bool nullable, bool exact)
{
    if (!TERN_GC) return vt_abstract(HEAP_FUNC, nullable);
    return VT_REF | (u32)nullable << 8 | (u32)exact << 9 | 1u << 10 | type_id << 11;
}
#define VT_FUNCREF ((ValType)(VT_REF | 1u << 8 | (u32)HEAP_FUNC << 11))
#define VT_EXTERNREF ((ValType)(VT_REF | 1u << 8 | (u32)HEAP_EXTERN << 11))
#define VT_EXNREF ((ValType)(VT_REF | 1u << 8 | (u32)HEAP_EXN << 11))

static inline u8 vt_code(ValType t) { return (u8)t; }
static inline bool vt_is_ref(ValType t) { return (u8)t == VT_REF; }
static inline bool vt_is_nullable(ValType t) { return t >> 8 & 1; }
static inline bool vt_is_exact(ValType t) { return TERN_GC && (t >> 9 & 1); }
static inline bool vt_is_concrete(ValType t) { return TERN_GC && (t >> 10 & 1); }
static inline u32 vt_heap(ValType t) { return t >> 11; } /* type id, or HeapCode */
static inline ValType vt_with_null(ValType t, bool nullable) { return (t & ~(1u << 8)) | (u32)nullable << 8; }
static inline bool vt_is_num(ValType t) { return t >= VT_F64 && t <= VT_I32; }
/* Of a number: does it take 64 bits? */
static inline bool vt_is_wide(ValType t) { return (t & 1) == 0; }
/* A value must exist before it is read: non-nullable references (spec 3.1, defaultable). */
static inline bool vt_is_defaultable(ValType t) { return !vt_is_ref(t) || vt_is_nullable(t); }
/* Cells of 8 bytes a value occupies in a frame. */
static inline u32 vt_cells(ValType t) { return t == VT_V128 ? 2 : 1; }

typedef struct FuncType {
    const ValType *params, *results;
    u32 nparams, nresults;
    u32 param_cells, result_cells; /* sums of vt_cells */
    u32 call_cells;                /* the larger of the two */
    u32 param_words, result_words; /* of 32 bits, if all of both are numbers, else NO_WORDS */
} FuncType;
#define NO_WORDS UINT32_MAX

typedef struct FieldType {
    ValType type; /* or VT_I8, VT_I16 */
    bool is_mutable;
    u32 offset; /* bytes from the start of an object's fields; natural alignment, references 8 bytes */
} FieldType;

typedef struct StructType {
    const FieldType *fields;
    u32 nfields;
    u32 size_bytes; /* of all fields */
} StructType;

typedef enum DefKind { DEF_FUNC, DEF_STRUCT, DEF_ARRAY } DefKind;

#define TYPE_NONE UINT32_MAX
#define MAX_TYPE_DEPTH 63 /* supertypes above a type, as on the web (JS API, implementation limits) */

/* One canonical defined type. Immutable; lives as long as a module holds its group. */
typedef struct DefType {
    union {
        FuncType func;
        StructType strct;
        FieldType array; /* element */
    } u; /* first: a pointer to one is a pointer to the other, which the embedding API's handles rely on */
    u32 id;
    DefKind kind;
    bool is_final;
    u32 super;             /* type id of the declared supertype, or TYPE_NONE */
    u32 depth;             /* number of supertypes above it */
    const u32 *ancestors;  /* [depth + 1] type ids, root first, itself last: subtyping in constant time */
    u32 descriptor, described; /* custom descriptors: type ids or TYPE_NONE */
} DefType;

/* Without TERN_GC there are only functions, below nothing. */
static inline DefKind def_kind(const DefType *def) { return TERN_GC ? def->kind : DEF_FUNC; }
static inline bool def_has_super(const DefType *def) { return TERN_GC && def->super != TYPE_NONE; }

/* A type as a decoder met it, before it is canonical: ValTypes hold type ids for types of earlier groups,
 * and REC_BIT | position for types of the same group. */
#define REC_BIT (1u << 20) /* above every type id */

typedef struct TypeRegistry TypeRegistry;

/* Thread-safe. alloc must outlive the registry. NULL if there is no memory. */
TypeRegistry *tern_types_new(Alloc *alloc);
void tern_types_free(TypeRegistry *types); /* every group must have been released */

/* Makes a recursion group canonical. On success writes n type ids to ids and takes one reference to the
 * group; false if there is no memory, or MAX_TYPE_ID or MAX_TYPE_DEPTH is passed. defs use REC_BIT for
 * members; their id, depth, ancestors, cells and offsets are computed here, and the rest is copied. A super
 * in the same group stands before its subtypes. A group keeps the groups it mentions alive. */
bool tern_types_add_group(TypeRegistry *types, const DefType *defs, u32 n, u32 *ids);

/* Gives back the reference taken by add_group, named by any of its ids. */
void tern_types_release(TypeRegistry *types, u32 id);
/* Takes another reference to the group of id. */
void tern_types_retain(TypeRegistry *types, u32 id);

/* Constant time, no lock; id must be live. The pointer stays valid as long as its group. */
const DefType *tern_types_get(const TypeRegistry *types, u32 id);

/* A function type on its own (its own group, final), for hosts. TYPE_NONE if there is no memory. Takes a
 * reference. */
u32 tern_types_add_func(TypeRegistry *types, const ValType *params, u32 nparams, const ValType *results,
                        u32 nresults);

/* Is sub a subtype of super (spec 3.3)? Both may be VT_BOT. */
bool tern_types_match(const TypeRegistry *types, ValType sub, ValType super);
/* Is the defined type sub the type super or below it? Constant time. */
bool tern_types_def_match(const TypeRegistry *types, u32 sub, u32 super);
bool tern_types_func_match(const TypeRegistry *types, const FuncType *sub, const FuncType *super);
/* The abstract heap type at the top of t's hierarchy: any, func, extern or exn. */
HeapCode tern_types_top(const TypeRegistry *types, ValType t);

/* "i32", "(ref null func)", "(ref null 7)" with the type id. NUL-terminates; returns buf. */
const char *tern_types_name(ValType t, char *buf, size_t size);

#endif
