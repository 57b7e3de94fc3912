/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* body.h - the state of the body decoder and its stack primitives. Internal to binary/.
 *
 * The algorithm is the one of the specification's appendix: an operand stack of types and a stack
 * of control frames, each instruction pops what it needs and pushes what it gives. One invariant
 * keeps pushes free of checks: at the start of every instruction STACK_SLACK slots above sp are
 * allocated, and whoever pushes a list of types makes room for the list on top of that.
 */
#ifndef TERN_BINARY_BODY_H
#define TERN_BINARY_BODY_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "binary/decoder.h"

#define STACK_SLACK 8

/* What blocks, branches and calls with long lists of operands carry in one body, all of them together. Two bytes may
 * carry a thousand, and whoever makes code of the body spends time on each. Written code carries a few. */
#define MAX_CARRIED (1u << 24)
#define LONG_LIST 9

/* A structured instruction that has been entered and not left. */
typedef struct Ctrl {
    const FuncType *sig;
    u32 height; /* operands below the block's parameters */
    u32 ninits; /* length of inits at entry: later entries are undone at the end */
    u16 op;     /* OP_BLOCK also for the body itself; OP_ELSE, OP_CATCH, OP_CATCH_ALL once met */
    bool unreachable; /* after an unconditional branch: the stack is polymorphic */
    bool is_dead;     /* entered in dead code */
    u32 br_table;     /* number of the last br_table that checked this label */
} Ctrl;

/* Declared locals of one type: those below end and not below the end of the run before. */
typedef struct LocalRun {
    u32 end;
    ValType type;
} LocalRun;

/* The type of a block with one result. */
typedef struct BlockType {
    ValType type; /* the map's key */
    FuncType sig;
} BlockType;

typedef struct {
    VEC(Ctrl)
} CtrlVec;
typedef struct {
    VEC(u32)
} U32Vec;
typedef struct {
    VEC(LocalRun)
} LocalRunVec;
typedef struct {
    VEC(CatchClause)
} CatchVec;
typedef struct {
    VEC(ValType)
} ValTypeVec;

struct BodyScratch {
    Alloc *alloc;
    u64 used;
    ValTypeVec stack; /* n is unused: the body's sp is the length */
    CtrlVec ctrls;
    LocalRunVec runs;
    ValTypeVec flat;   /* types of the first locals, one by one */
    U32Vec inits;      /* locals without default, in the order in which they were set */
    U32Vec init_epoch; /* per local: it is set if this is the epoch */
    u32 epoch;         /* one per body, so that nothing needs clearing */
    U32Vec targets;
    CatchVec catches;
    Map block_types; /* ValType -> BlockType * */
    Arena arena;     /* of the BlockTypes */
};

typedef struct Body {
    Decoder d;
    BodyScratch *s;
    const Module *module;
    Sink *sink;         /* or NULL */
    const u8 *body_end; /* the cursor may run on to the module's end: see fail_at_end() */
    const u8 *at;       /* the instruction's first byte */
    ValType *sp;        /* next free slot */
    ValType *base;      /* bottom of the innermost frame's operands */
    ValType *stack_end; /* of the allocation */
    Ctrl *ctrl;         /* innermost frame; moves when frames are pushed */
    u32 nlocals;
    u32 nflat; /* locals below this are in s->flat */
    u32 nbr_tables;
    u64 ncarried; /* by long lists */
    const FuncType *sig; /* of the function */
    SinkInsn *tell[INSN_KINDS]; /* with a sink: whom the shortcuts tell */
    Insn in;             /* immediates always; the rest only for a sink */
} Body;

/* --- failures (body.c) ---------------------------------------------------------------------- */

/* Records a failure at the instruction. Always false, and the compiler sees it. */
#if TERN_DETAILS
#define body_fail(b, ...) ((void)tern_decoder_say(&(b)->d, (b)->at, __VA_ARGS__), false)
#else
#define body_fail(b, code, ...) ((void)DETAIL(__VA_ARGS__), (void)tern_body_fail_plain(b, code), false)
#endif
bool tern_body_fail_plain(Body *b, DiagCode code);
/* With a number. Always false. */
bool tern_body_fail_number(Body *b, DiagCode code, u64 number);

/* "instruction requires [...] but stack has [...]" for the n types on top, or "block requires ..."
 * with all that it left. Always false. */
bool tern_body_mismatch(Body *b, bool is_block, const ValType *want, u32 n);

bool tern_body_no_memory(Body *b);

/* --- the operand stack ---------------------------------------------------------------------- */

bool tern_body_reserve_slow(Body *b, u32 n);

/* Room for n types and the slack. May move the stack. */
static inline bool reserve(Body *b, u32 n)
{
    return LIKELY((size_t)(b->stack_end - b->sp) >= (size_t)n + STACK_SLACK) ||
           tern_body_reserve_slow(b, n);
}

static inline void push(Body *b, ValType t) { *b->sp++ = t; }

static inline bool matches(const Body *b, ValType sub, ValType super)
{
    return sub == super || sub == VT_BOT || tern_types_match(b->module->registry, sub, super);
}

bool tern_body_pop_slow(Body *b, ValType want);

static inline bool pop(Body *b, ValType want)
{
    if (LIKELY(b->sp > b->base && b->sp[-1] == want)) {
        b->sp--;
        return true;
    }
    return tern_body_pop_slow(b, want);
}

/* Whatever is on top; VT_BOT below the bottom of dead code. */
bool tern_body_pop_any(Body *b, ValType *out);
/* A reference; in dead code (ref bot). */
bool tern_body_pop_ref(Body *b, ValType *out);

/* Do the operands on top match the list, in order? They stay. */
bool tern_body_check_top(Body *b, const ValType *types, u32 n);
/* The same, and they are removed. */
bool tern_body_pop_list(Body *b, const ValType *types, u32 n);
bool tern_body_push_list(Body *b, const ValType *types, u32 n);

/* The rest of the innermost block is dead. */
static inline void set_unreachable(Body *b)
{
    b->sp = b->base;
    b->ctrl->unreachable = true;
}

/* --- locals (body.c) ------------------------------------------------------------------------ */

/* local_index is below nlocals. */
ValType tern_body_local_type(const Body *b, u32 local_index);

/* --- control (body_control.c) --------------------------------------------------------------- */

/* Opens a frame. Its parameters have been popped; inside they are the caller's to push. */
bool tern_body_enter(Body *b, Op op, const FuncType *sig);
/* Closes the innermost frame. Its results are the caller's to push. */
void tern_body_leave(Body *b);

bool tern_body_type_block(Body *b);
bool tern_body_type_try_table(Body *b);
bool tern_body_type_else(Body *b);
bool tern_body_type_catch(Body *b, const FuncType *tag); /* tag NULL: catch_all */
bool tern_body_type_delegate(Body *b);
bool tern_body_type_end(Body *b);
bool tern_body_type_br(Body *b);
bool tern_body_type_br_if(Body *b);
bool tern_body_type_br_table(Body *b);
bool tern_body_type_rethrow(Body *b);
/* Checks a branch whose last operand has the type carried, which is not on the stack; the operands
 * below it stay and get the label's types. */
bool tern_body_type_br_carrying(Body *b, ValType carried);
/* br_on_null: the operand does not go along. */
bool tern_body_type_br_plain(Body *b);
bool tern_body_type_call(Body *b, const FuncType *callee);
bool tern_body_type_tail_call(Body *b, const FuncType *callee);

/* --- typing (body_typing.c), body_gc.c, immediates (immediates.c) --------------------------- */

/* Types the instruction in b->in and tells in what the sink wants to know. */
bool tern_body_type(Body *b, const OpInfo *info);

bool tern_body_type_struct_new(Body *b);
bool tern_body_type_struct_access(Body *b);
bool tern_body_type_array_new(Body *b);
bool tern_body_type_array_access(Body *b);
bool tern_body_type_array_bulk(Body *b);
bool tern_body_type_cast(Body *b);
bool tern_body_type_br_on_cast(Body *b);
bool tern_body_type_get_desc(Body *b);

/* Reads what follows the opcode into in, and checks everything about it that does not depend on
 * operands. */
bool tern_body_read_immediates(Body *b, const OpInfo *info);
/* The type of a block that names in one byte no more than a number as its result; NULL: of others. */
const FuncType *tern_body_plain_block(u8 byte);

/* The address type of a table or memory. */
static inline ValType addr_type(const Limits *limits) { return limits_is_64(limits) ? VT_I64 : VT_I32; }

/* OpType of a column to ValType; the two count in opposite directions. */
_Static_assert(OT_i32 == 1 && OT_i64 == 2 && OT_f32 == 3 && OT_f64 == 4 && OT_v128 == 5,
               "vt_of_ot counts on it");
_Static_assert(VT_I32 == 0x7f && VT_I64 == 0x7e && VT_F32 == 0x7d && VT_F64 == 0x7c &&
                   VT_V128 == 0x7b,
               "vt_of_ot counts on it");
static inline ValType vt_of_ot(u32 ot) { return 0x80 - ot; }

#endif
