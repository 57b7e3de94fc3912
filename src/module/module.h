/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* module.h - a decoded, validated module: immutable, shared, reference-counted.
 *
 * Everything hangs off the module's arena, and names and bodies point into the module's bytes. Indices are
 * the specification's index spaces: imports first.
 */
#ifndef TERN_MODULE_MODULE_H
#define TERN_MODULE_MODULE_H

#include "base/arena.h"
#include "base/map.h"
#include "module/types.h"
#include "ops/op.h"

typedef enum ExternKind { EXTERN_FUNC, EXTERN_TABLE, EXTERN_MEMORY, EXTERN_GLOBAL, EXTERN_TAG, EXTERN_KINDS } ExternKind;

typedef struct Limits {
    u64 min, max; /* pages or elements; max is UINT64_MAX when has_max is false */
    bool has_max, is_64, is_shared;
} Limits;
/* To be asked by these: in a build that is without such memories the answer is a constant. */
static inline bool limits_is_64(const Limits *limits) { return TERN_MEMORY64 && limits->is_64; }
static inline bool limits_is_shared(const Limits *limits) { return TERN_THREADS && limits->is_shared; }

typedef struct TableType {
    Limits limits;
    ValType elem;
} TableType;

typedef struct MemoryType {
    Limits limits;
    u8 page_log2; /* 16, or 0 with custom page sizes */
} MemoryType;

typedef struct GlobalType {
    ValType type;
    bool is_mutable;
} GlobalType;

/* A constant expression as validated operations; evaluated by runtime/const_expr.c. */
typedef struct ConstOp {
    Op op;
    u32 index; /* function, global or module type index; field count of array.new_fixed */
    u32 index2;
    union {
        u64 bits;
        v128 vec;
        ValType type; /* ref.null */
    } u;
} ConstOp;

typedef struct ConstExpr {
    const ConstOp *ops; /* without the final end */
    u32 nops;
    u32 offset; /* of its first byte in the module */
} ConstExpr;

typedef struct Import {
    Name module, name;
    ExternKind kind;
    u32 index; /* in its kind's index space */
    bool is_exact; /* custom descriptors: the function's type must be exactly this one */
} Import;

typedef struct Export {
    Name name;
    ExternKind kind;
    u32 index;
} Export;

typedef struct Func {
    u32 type_id;
    u32 type_index;      /* the module's own */
    u32 body_offset;     /* of the locals vector in the module; 0 for imports */
    u32 body_size;       /* bytes from body_offset to the end of the body */
    bool is_declared;    /* may be named by ref.func in a body (spec 3.4, refs) */
    bool is_exact;       /* ref.func gives the exact type: defined here, or an exact import */
} Func;

typedef struct TableDef {
    TableType type;
    const ConstExpr *init; /* NULL: null references, or imported */
} TableDef;

typedef struct GlobalDef {
    GlobalType type;
    ConstExpr init; /* nops 0 for imports */
} GlobalDef;

typedef enum SegmentMode { SEGMENT_PASSIVE, SEGMENT_ACTIVE, SEGMENT_DECLARATIVE } SegmentMode;

typedef struct ElemSegment {
    ValType type;
    SegmentMode mode;
    u32 table;
    ConstExpr offset;
    u32 n;
    const u32 *funcs;       /* when every element is a plain function index, else NULL */
    const ConstExpr *exprs; /* otherwise */
} ElemSegment;

typedef struct DataSegment {
    SegmentMode mode;
    u32 memory;
    ConstExpr offset;
    const u8 *bytes;
    u32 size;
} DataSegment;

typedef struct CustomSection {
    Name name;
    const u8 *bytes; /* after the name */
    u32 size;
    u8 after; /* id of the last non-custom section before it, 0 if none */
} CustomSection;

typedef enum ModuleLimit {
#define LIMIT(id, field, most, text) LIMIT_##id,
#include "module/limits.def"
    MODULE_LIMIT_COUNT
} ModuleLimit;

/* Most there may be of each in a module. */
typedef struct ModuleLimits {
    u32 most[MODULE_LIMIT_COUNT];
} ModuleLimits;
extern const char *const tern_module_limit_texts[MODULE_LIMIT_COUNT];

/* What is asked for, which may be NULL: 0, and what is more than that, is what limits.def says. */
ModuleLimits tern_module_limits(const ModuleLimits *asked);

typedef struct Module {
    Alloc *alloc;
    TypeRegistry *registry;
    Arena arena;
    u32 refs; /* atomic */

    const u8 *bytes; /* the whole module */
    u32 size;
    bool owns_bytes; /* freed with the module */
    u64 features;    /* those it was decoded with */
    ModuleLimits limits;
    u64 used;        /* those it uses */

    u32 ntypes;
    const u32 *types;       /* module type index -> type id */
    u32 ngroups;
    const u32 *group_ids;   /* one type id per recursion group, to release */

    Import *imports;
    u32 nimports;
    u32 nimported[EXTERN_KINDS];

    Func *funcs;
    u32 nfuncs;
    TableDef *tables;
    u32 ntables;
    MemoryType *memories;
    u32 nmemories;
    GlobalDef *globals;
    u32 nglobals;
    u32 *tags; /* type ids */
    u32 ntags;
    Export *exports;
    u32 nexports;
    Map export_map; /* name -> index in exports */
    bool has_start;
    u32 start;
    ElemSegment *elems;
    u32 nelems;
    DataSegment *datas;
    u32 ndatas;
    bool has_data_count;
    u32 data_count;
    CustomSection *customs;
    u32 ncustoms;

    /* Owned by whoever compiles the module (code/); freed through code_free. Set once, atomically. */
    void *code;
    void (*code_free)(struct Module *module, void *code);
    /* The same for what the data segments make of memory 0 (runtime/memory_pool.h). */
    void *image;
    void (*image_free)(struct Module *module, void *image);
    /* The same for what its debugging information says (dwarf/dwarf.h). */
    void *source;
    void (*source_free)(struct Module *module, void *source);
    u32 ninstances; /* atomic: asked for so far, until there is an image */
} Module;

/* Takes another reference. */
Module *tern_module_retain(Module *module);
/* Gives one back; the last frees the module and releases its types. NULL is allowed. */
void tern_module_release(Module *module);

const Export *tern_module_find_export(const Module *module, Name name);
/* First custom section of that name, or NULL. */
const CustomSection *tern_module_find_custom(const Module *module, const char *name);
static inline const FuncType *tern_module_func_type(const Module *module, u32 func_index)
{
    return &tern_types_get(module->registry, module->funcs[func_index].type_id)->u.func;
}
/* The name that the name section gives a function. Parses the section on every call. */
bool tern_module_debug_name(const Module *module, u32 func_index, Name *out);
/* The name of a function: from the name section, else an export, else the import's; size 0 if none.
 * Parses the name section on every call: for messages only. */
Name tern_module_func_name(const Module *module, u32 func_index);

#endif
