/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* ins.h - one register instruction before it is encoded, and the function it belongs to. */
#ifndef TERN_CODE_INS_H
#define TERN_CODE_INS_H

#include "base/vec.h"
#include "code/code.h"

/* Where an operand is or a result goes. */
typedef enum Place { PLACE_SLOT, PLACE_ACC, PLACE_IMM, PLACE_NONE } Place;

/* What picks the handler. */
typedef enum Family {
    FAM_PLAIN,    /* handler is in op */
    FAM_VALUE,    /* op is an Op: binary or unary, result d */
    FAM_BRANCH,   /* op is a CMP2 Op: compare and branch */
    FAM_LOAD, FAM_STORE,
    FAM_LOAD_ANY, FAM_STORE_ANY,
    FAM_TEST,     /* op is the slot form of a handler pair _S _A; operand 1 */
    FAM_QUAD,     /* op is the first of SS SI AS AI handlers */
    FAM_STEP,     /* op is the first of SI SS AI AS handlers: step and branch */
    FAM_STRIDE,   /* op is the first of SI SS handlers: the same, by slot 2; operand 3 is what is compared with */
    FAM_LOADED,   /* op is a LOADED Op: operand 3, and what is loaded from slot 1 and imm2 */
    FAM_KEPT,     /* op is an Op whose result is stored where slot 3 and off say */
    FAM_LOAD_SUM, /* op is a load from the sum of slot 1 and slot 2 or imm2, which slot 3 keeps */
    FAM_LOAD_COMPARE, /* op is the first of S I handlers: slot d is loaded and compared with slot 2 or imm; branches */
    FAM_LOAD_TEST, /* op is a load, slot d what it loads; branches when that is zero (imm) or is not */
    FAM_MOVED,    /* op is the first of S_S A_S S_A A_A handlers by the places of operand 3 and d */
    FAM_AT,       /* the same of handlers that check what they access; those that trust the guard are at a distance */
    FAM_SUM,      /* op is the first of S A handlers: the accumulator and slots 2 and 3 */
} Family;

/* Accumulators: one for integers and references, one for each float type, one for vectors. */
typedef enum AccClass { ACC_INT, ACC_F32, ACC_F64, ACC_V128, ACC_CLASSES, ACC_NONE = ACC_CLASSES } AccClass;

/* How many operands that a branch takes along, or cells and clauses of an exception, a unit of fuel pays for. */
#define CARRIED_PER_UNIT 16u
/* Costs of one stretch fit a unit: FUEL ends those that get longer. */
#define STRETCH_MAX_COST 60000u

#define LABEL_NONE UINT32_MAX

/* A cache line. What is encoded comes first, as eight bytes are read of each field. */
typedef struct Ins {
    u64 imm, off;
    u32 d, s1, s2, s3; /* slots */
    u32 imm2;
    u32 index;
    u32 target;        /* label, or first entry of a branch table */
    u32 offset;        /* of the WebAssembly instruction in the module */
    u32 cost;          /* of what comes before the end of it, from the function's beginning */
    u16 op;
    u16 handler;       /* once it has been measured */
    u8 family;
    u8 kd, k1, k2, k3; /* Place of d, s1, s2, s3; addresses: k2 adds a slot or constant to k1 */
    u8 acc;            /* AccClass the result is left in, or ACC_NONE */
    u8 ncells;         /* of the result: 1, or 2 for a v128 */
} Ins;

typedef struct Label {
    u32 ins;  /* index of the Ins it stands before */
    u32 cost; /* of what comes before it, from the function's beginning */
} Label;

/* A try: instructions [first, end) are covered by its catches. */
typedef struct LoweredRegion {
    u32 first, end, parent, next, ncatches;
} LoweredRegion;

#define REGION_NONE UINT32_MAX
#define TAG_ANY UINT32_MAX

typedef struct LoweredCatch {
    u32 region, tag, label, payload_slot, ref_slot; /* as in try_region.h */
} LoweredCatch;

/* The stacks of the work, lower.h. */
typedef struct LowerRoom LowerRoom;

/* Zero but for alloc before the first body; another body's takes its place in the same memory. */
typedef struct LoweredFunc {
    Alloc *alloc;
    LowerRoom *room;
    struct { VEC(Ins) } ins;
    struct { VEC(Label) } labels;
    struct { VEC(u32) } tables; /* branch tables: labels, the default last */
    struct { VEC(LoweredRegion) } regions; /* in order of entry */
    struct { VEC(LoweredCatch) } catches;
    struct { VEC(u32) } units; /* what tern_ins_measure finds */
    CodeMode mode;
    u32 param_cells, result_cells, local_cells;
    u32 header;
    u32 cost;         /* of everything once */
    bool uses_zero;   /* one local more than there are is wanted */
    u32 scratch;      /* first of the scratch slots, or 0: no slot passes 65,535, as none does without vectors */
    u32 frame_cells;
} LoweredFunc;

static inline bool lowered_has_scratch(const LoweredFunc *f) { return TERN_SIMD && f->scratch != 0; }

#define SCRATCH_CELLS 8 /* d, s1, s2, s3, two cells each */

/* The handler of an instruction whose places are final. H_NONE: the form does not exist. */
Handler tern_ins_handler(const Ins *ins, CodeMode mode);
/* Are there forms with an operand from memory? */
bool tern_ins_has_loaded(Op op);
/* May the result of ins stay in the accumulator alone? */
bool tern_ins_may_skip_slot(const Ins *ins);

/* Settles the handlers. First unit of every instruction, and the end: [ins.n + 1]; behind that, in metered code, for each the cost at
 * the end of the stretch it is in. They stay f's; NULL: no memory, or more code than offsets can span. */
u32 *tern_ins_measure(LoweredFunc *f);
/* What going to a label costs: all up to the end of the stretch there. Nothing where code is not metered. */
u32 tern_ins_label_cost(const LoweredFunc *f, const u32 *unit_of, u32 label);
/* Writes unit_of[ins.n] units, of what has been measured, and may spoil ENCODE_SLACK more behind them. */
enum { ENCODE_SLACK = 4 };
void tern_ins_encode(const LoweredFunc *f, const u32 *unit_of, TokenOf *token_of, CodeUnit *units);

/* Lowers a body: the sink side, lower.c. */
bool tern_lower_body(const Module *module, u32 func_index, CodeMode mode, LoweredFunc *f, Diag *diag);
/* Bytes that a body left for the next. */
u64 tern_lowered_bytes(const LoweredFunc *f);
void tern_lowered_done(LoweredFunc *f); /* as before the first body */

#endif
