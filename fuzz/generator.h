/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generator.h - what the parts of the generator share: choices, types, and the module being made.
 *
 * Types are the runtime's packed ValType, except that a concrete type is the module's own index. Whatever is written
 * leaves the stack as its contract says, so that every piece of code is valid wherever an operand of its type is
 * wanted.
 */
#ifndef TERN_FUZZ_GENERATOR_H
#define TERN_FUZZ_GENERATOR_H

#include "generate.h"
#include "module/module.h"

enum {
    GEN_MAX_DEFS = 160, GEN_MAX_VALS = 32, GEN_MAX_FIELDS = 12, GEN_MAX_FUNCS = 48, GEN_MAX_LABELS = 48,
    GEN_MAX_LOCALS = 48, GEN_MAX_GLOBALS = 24, GEN_MAX_TABLES = 6, GEN_MAX_MEMORIES = 4, GEN_MAX_TAGS = 6,
    GEN_MAX_SEGMENTS = 10
};

typedef struct GenField {
    ValType type;
    bool is_mutable;
} GenField;

typedef struct GenDef {
    DefKind kind;
    bool is_open;
    u32 super, descriptor, described; /* TYPE_NONE */
    u32 nparams, nresults;
    ValType vals[2 * GEN_MAX_VALS];   /* parameters, then results */
    u32 nfields;                      /* an array has one */
    GenField fields[GEN_MAX_FIELDS];
    u32 group, group_size;
} GenDef;

typedef struct GenLabel {
    ValType types[GEN_MAX_VALS];
    u32 n;
    bool is_catch; /* rethrow may name it */
} GenLabel;

typedef struct GenMemory {
    bool is_64, is_shared, has_byte_pages, is_empty;
} GenMemory;

typedef struct GenTable {
    ValType elem;
    bool is_64;
} GenTable;

typedef struct GenSegment {
    ValType type;
} GenSegment;

typedef struct Gen {
    const u8 *p, *end;
    GenerateOptions options;
    u64 features;

    GenDef defs[GEN_MAX_DEFS];
    u32 ndefs;
    u32 nvisible;  /* those that values may refer to; the others are types of blocks */
    u32 func_types[GEN_MAX_FUNCS];
    u32 nfuncs, nimported_funcs;
    GlobalType globals[GEN_MAX_GLOBALS];
    u32 nglobals, nimported_globals, fuel;
    GenTable tables[GEN_MAX_TABLES];
    u32 ntables;
    GenMemory memories[GEN_MAX_MEMORIES];
    u32 nmemories;
    u32 tags[GEN_MAX_TAGS];
    u32 ntags;
    GenSegment elems[GEN_MAX_SEGMENTS];
    u32 nelems, ndatas;

    /* Regular rows by what they give; results[0] for those with two. */
    u16 makers[OT_v128 + 1][OP_COUNT];
    u32 nmakers[OT_v128 + 1];
    u16 enabled[OP_COUNT];
    u32 nenabled;

    /* The body being written. */
    Bytes *b;
    u32 self_type;
    ValType locals[GEN_MAX_LOCALS];
    u32 nlocals, nparams, nfiller;
    u32 scratch[3]; /* locals of f32, f64 and v128 */
    GenLabel labels[GEN_MAX_LABELS];
    u32 nlabels;
    s32 budget;
    u32 depth;
} Gen;

/* --- choices */

static inline u8 gen_byte(Gen *g) { return g->p == g->end ? 0 : *g->p++; }
static inline u32 gen_roll(Gen *g, u32 sides)
{
    u32 v = gen_byte(g);
    if (sides > 256) v |= (u32)gen_byte(g) << 8;
    return v % sides;
}
/* Less than sides, or, rarely, so many that operands are moved together and cost fuel: at most GEN_MAX_VALS. */
static inline u32 gen_arity(Gen *g, u32 sides)
{
    u32 v = gen_byte(g);
    return v < 250 ? v % sides : 8 + (v - 250) * 4;
}
static inline bool gen_one_in(Gen *g, u32 n) { return gen_roll(g, n) == n - 1; }
static inline u64 gen_bits(Gen *g, u32 nbytes)
{
    u64 v = 0;
    for (u32 i = 0; i < nbytes; i++) v |= (u64)gen_byte(g) << 8 * i;
    return v;
}
static inline bool gen_has(const Gen *g, FeatureId feature) { return g->features >> feature & 1; }

/* --- types (generate_types.c) */

bool gen_is_sub(const Gen *g, ValType sub, ValType super);
ValType gen_top(const Gen *g, ValType t); /* of its hierarchy, nullable */
ValType gen_type(Gen *g);                 /* of a value */
ValType gen_ref_type(Gen *g);             /* needs reference types */
ValType gen_num_type(Gen *g);
ValType gen_sub_type(Gen *g, ValType super); /* a reference type at or below it, as nullable or less */
void gen_put_valtype(Bytes *b, ValType t);
void gen_put_heaptype(Bytes *b, ValType t);
static inline ValType gen_unpacked(ValType t) { return t == VT_I8 || t == VT_I16 ? VT_I32 : t; }
void gen_make_types(Gen *g);
void gen_put_types(const Gen *g, Bytes *b);
/* The index of the function type, which is added if there is none. */
u32 gen_block_type(Gen *g, const ValType *params, u32 nparams, const ValType *results, u32 nresults);
/* A function that ref.func may name where t is wanted; false if there is none. */
bool gen_func_of(Gen *g, ValType t, u32 *func);
/* A structure or array type for t, which is abstract or concrete; false if there is none. */
bool gen_object_of(Gen *g, ValType t, u32 *def);

/* Mostly not null, so that something happens. */
static inline ValType gen_object_type(Gen *g, u32 def) { return vt_concrete(def, gen_roll(g, 8) == 7, false); }
static inline ValType gen_some_type(Gen *g, HeapCode heap) { return vt_abstract(heap, gen_roll(g, 8) == 7); }
static inline ValType gen_addr_type(bool is_64) { return is_64 ? VT_I64 : VT_I32; }

/* --- bodies (generate_body.c, generate_special.c, generate_control.c) */

void gen_op(Gen *g, Op op);
void gen_index(Gen *g, Op op, u64 index);
void gen_i32(Gen *g, u32 v);
void gen_expr(Gen *g, ValType t);             /* [] -> [t] */
void gen_exprs(Gen *g, const ValType *types, u32 n);
void gen_leaf(Gen *g, ValType t);             /* the same in few instructions */
void gen_sink(Gen *g, ValType t);             /* [t] -> [] */
void gen_sinks(Gen *g, const ValType *types, u32 n);
void gen_statements(Gen *g);                  /* [] -> [] */
void gen_addr(Gen *g, u32 memory, u32 align); /* [] -> [an address of the memory, mostly inside] */
void gen_small(Gen *g, ValType t, u32 mask);  /* [] -> [t], an i32 or i64, mostly within mask */
bool gen_regular(Gen *g, Op op);              /* [] -> [its results]; false: nothing is written */
bool gen_special(Gen *g, Op op);              /* [] -> []; the same */
bool gen_control(Gen *g, Op op);              /* the same, of branches, calls and exceptions */
bool gen_build_exn(Gen *g);                   /* [] -> [(ref exn)]; the same */
bool gen_find_table(Gen *g, ValType below, u32 *table); /* whose elements are of that type; false: there is none */
bool gen_find_described(Gen *g, u32 *def);    /* a structure that has a descriptor; the same */
bool gen_build(Gen *g, ValType t);            /* [] -> [t], made here; the same */
bool gen_access(Gen *g, ValType t);           /* [] -> [t], read from somewhere; the same */
void gen_block(Gen *g, Op op, ValType result); /* [] -> [result], or [] for VT_NONE */
void gen_take_fuel(Gen *g);
Bytes gen_body(Gen *g, u32 func, s32 budget);

#endif
