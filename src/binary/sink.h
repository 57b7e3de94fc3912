/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* sink.h - what the decoder tells whoever listens, once per validated instruction.
 *
 * The body validator calls the sink after an instruction typed. What the sink cannot know from its own
 * bookkeeping is here: the types the validator found. Everything is borrowed for the call. Fields that an
 * instruction does not have may hold anything.
 */
#ifndef TERN_BINARY_SINK_H
#define TERN_BINARY_SINK_H

#include "module/module.h"

typedef struct CatchClause {
    u8 kind; /* 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref */
    u32 tag; /* kinds 0 and 1 */
    u32 label;
} CatchClause;

typedef struct Insn {
    Op op;
    bool reachable;   /* false: dead code; sinks that generate code only track nesting */
    u32 offset;       /* of the opcode, in the module */
    u32 index;        /* label, function, local, global, table, type, tag, memory, data, elem, field count... */
    u32 index2;       /* second index in the order of the encoding */
    u8 lane;
    u8 cast_flags;
    u64 bits;         /* constant's bits (i32 zero-extended), or memarg offset */
    v128 vec;         /* v128.const, i8x16.shuffle */
    ValType type;     /* local.*, global.*: its type; select, drop: the operand's; ref.null: the result;
                       * table.*: the element; ref.test/cast and br_on_cast: the target */
    ValType type2;    /* br_on_cast: the source type */
    const FuncType *sig;      /* block, loop, if, try_table, legacy try: the block's type. calls: the
                               * callee's. end, else: the type of the block that ends. throw: the tag's */
    const u32 *targets;       /* br_table: ntargets labels and then the default */
    u32 ntargets;
    const CatchClause *catches; /* try_table */
    u32 ncatches;
} Insn;

typedef struct Sink Sink;
typedef bool SinkInsn(Sink *sink, const Insn *insn);

/* What the decoder's shortcuts know of an instruction before they tell of it. */
typedef enum InsnKind {
    INSN_LOCAL_GET, INSN_LOCAL_SET /* and tee */, INSN_CONST, INSN_UNARY, INSN_BINARY, INSN_LOAD, INSN_STORE,
    INSN_BLOCK /* block, loop, if */, INSN_END, INSN_BRANCH /* br, br_if */, INSN_CALL, INSN_OTHER,
    INSN_KINDS
} InsnKind;

struct Sink {
    /* Once, before the first instruction: parameters and locals, nlocals in all. False refuses. */
    bool (*begin)(Sink *sink, const Module *module, u32 func_index, const ValType *locals, u32 nlocals);
    /* For every instruction, including the end of the body. False refuses: the sink has set diag. */
    SinkInsn *insn;
    /* NULL, or by InsnKind: called in place of insn where the kind is known and, INSN_END aside, the code is
     * reachable, so that a sink that cares for time need not find out again what the decoder knew. */
    SinkInsn *const *kinds;
};

#endif
