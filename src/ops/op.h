/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* op.h - opcode enumeration and the facts about each instruction, all from ops.def. */
#ifndef TERN_OPS_OP_H
#define TERN_OPS_OP_H

#include "base/types.h"

typedef enum Op {
#define OP_NAME(n) OP_##n,
#include "ops/op_names.def"
    OP_COUNT,
    /* Of the rows that the build leaves out only the names, which nothing is, so that code that asks for them need
     * not be left out with them. */
#define OPS_ABSENT 1
#define OP_NAME(n) OP_##n,
#include "ops/op_names.def"
} Op;
#define OP_NONE OP_COUNT

/* The shape of an instruction: which macro its row uses. */
typedef enum OpShape {
    SHAPE_NUM1, SHAPE_NUM2, SHAPE_NUM2C, SHAPE_NUM3, SHAPE_NUM1T, SHAPE_NUM2T, SHAPE_TEST1, SHAPE_CMP2,
    SHAPE_WIDE2, SHAPE_WIDE4, SHAPE_LANE1, SHAPE_LANE2, SHAPE_SHUFFLE, SHAPE_LOAD, SHAPE_LOADX, SHAPE_LOADL,
    SHAPE_STORE, SHAPE_STOREL, SHAPE_CONST, SHAPE_TYPED,
    SHAPE_ALOAD, SHAPE_ASTORE, SHAPE_ARMW, SHAPE_ACMPXCHG, SHAPE_ATOMIC, SHAPE_SPECIAL
} OpShape;

/* What follows the opcode (spec 5.4). The decoder has one case for each. */
typedef enum ImmKind {
    IMM_NONE,
    IMM_I32, IMM_I64, IMM_F32, IMM_F64, IMM_V128,
    IMM_BLOCK,         /* block type */
    IMM_LABEL,         /* label index */
    IMM_BR_TABLE,      /* vec(label) default */
    IMM_FUNC,          /* function index */
    IMM_CALL_INDIRECT, /* type index, table index */
    IMM_TYPE,          /* type index */
    IMM_LOCAL, IMM_GLOBAL, IMM_TABLE, IMM_TAG,
    IMM_MEMORY,        /* memory index */
    IMM_MEMORY_MEMORY, /* destination, source */
    IMM_TABLE_TABLE,   /* destination, source */
    IMM_DATA_MEMORY,   /* data index, memory index */
    IMM_DATA,
    IMM_ELEM_TABLE,    /* elem index, table index */
    IMM_ELEM,
    IMM_HEAP_TYPE,     /* ref.null */
    IMM_REF_TYPE,      /* ref.test, ref.cast: heap type; nullability is in the opcode */
    IMM_SELECT_TYPES,  /* vec(valtype) */
    IMM_TYPE_FIELD,    /* type index, field index */
    IMM_TYPE_U32,      /* type index, length (array.new_fixed) */
    IMM_TYPE_DATA, IMM_TYPE_ELEM,
    IMM_TYPE_TYPE,     /* array.copy: destination, source */
    IMM_CAST,          /* br_on_cast: flags, label, heap type, heap type */
    IMM_TRY_TABLE,     /* block type, vec(catch) */
    IMM_MEMARG,        /* alignment, optional memory index, offset */
    IMM_MEMARG_LANE,   /* memarg, lane */
    IMM_LANE,
    IMM_SHUFFLE,       /* sixteen lanes */
    IMM_ZERO_BYTE,     /* atomic.fence */
} ImmKind;

/* A column of plain types; OT_ADDR is the address type of the memory the instruction names. */
typedef enum OpType { OT_none, OT_i32, OT_i64, OT_f32, OT_f64, OT_v128, OT_addr } OpType;

#define OP_MAX_ARGS 4

typedef struct OpInfo {
    u32 code : 24;         /* prefix << 16 | opcode */
    u32 shape : 8;         /* OpShape */
    u8 imm;                /* ImmKind */
    u8 feature;            /* FeatureId */
    u8 nargs : 4, nresults : 4; /* fixed signatures only */
    u8 args[OP_MAX_ARGS];  /* OpType, deepest first */
    u8 results[2];         /* OpType */
    u8 mem_bytes;          /* access width of loads, stores and atomics, else 0 */
    u8 nlanes : 5;         /* an immediate lane is below it; 0 if there is none */
    bool is_hot : 1;
    bool is_atomic : 1;    /* its memory access must be naturally aligned */
    bool is_vec : 1;       /* HEAT is VEC: hot, but without immediate forms */
    /* As the text format writes it; empty without TERN_DETAILS. Not a pointer, which would be relocated in every process
     * that starts. */
    char text[!TERN_DETAILS ? 1 : TERN_SIMD ? 45 : 29];
    u16 inverse, swapped;  /* CMP2: Op, or OP_NONE */
} OpInfo;

extern const OpInfo tern_op_info[OP_COUNT];

/* An instruction that the build has: the compiler leaves the cases of others out of a switch over it. */
static inline Op op_present(u32 op)
{
    if (op >= OP_COUNT) __builtin_unreachable();
    return (Op)op;
}

/* The Op of an encoding; OP_NONE if there is none. prefix is 0 for one-byte opcodes. */
Op tern_op_of_code(u32 prefix, u32 opcode);

/* Constant-time form for one-byte opcodes. */
#if TERN_SIMD || TERN_THREADS || TERN_GC
typedef u16 OpNumber;
#else
typedef u8 OpNumber; /* there are so few */
#endif
extern const OpNumber tern_op_of_byte[256];


/* Proposals, as bits in a u64: 1 << FEATURE_x. */
typedef enum FeatureId {
#define FEATURE(name, ...) FEATURE_##name,
#include "ops/features.def"
    FEATURE_COUNT
} FeatureId;
#define FEATURES_ALL ((1ull << FEATURE_COUNT) - 1)
/* Those that the build has. */
#define FEATURE(name, text, version, has) | (u64)(has) << FEATURE_##name
static const u64 tern_features_built = 0
#include "ops/features.def"
    ;

typedef struct FeatureInfo {
    const char *name;    /* as the proposals are called: "bulk-memory" */
    const char *version; /* "1.0", "2.0", "3.0", or "proposal" */
} FeatureInfo;
extern const FeatureInfo tern_feature_info[FEATURE_COUNT];

Op tern_op_of_text(const char *text);

/* The feature of an instruction that is not in the build, of all with a prefix the commonest; FEATURE_COUNT if there
 * is no such instruction. */
FeatureId tern_op_left_out(u32 prefix, u32 opcode);

#endif
