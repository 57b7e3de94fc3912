/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* rows.h - rows of the instruction table as things to test: operands, immediates, cases.
 *
 * Every test function is [] -> []: operands are read from a fixed place in memory, results are written to
 * another, so that any engine runs a case in the same way and no bit of a NaN is lost on the way. A case is an
 * image of that memory; what is seen afterwards is how the call ended and the part of memory behind the operands.
 */
#ifndef TERN_TEST_OPS_ROWS_H
#define TERN_TEST_OPS_ROWS_H

#include "emit.h"

enum {
    IN_AT = 0, IN_STEP = 16,  /* operand i at IN_AT + i * IN_STEP */
    AUX_AT = 48,              /* an address operand less ADDRESS_PART; not in rows of four operands */
    OUT_AT = 64, OUT_BYTES = 32,
    SCRATCH_AT = 96, SCRATCH_BYTES = 64, /* what loads and stores touch */
    LOW_BYTES = 160,          /* the image covers [0, LOW_BYTES) and the end of the first page */
    PAGE_BYTES = 65536,
    TAIL_BYTES = 32, TAIL_AT = PAGE_BYTES - TAIL_BYTES,
    IMAGE_BYTES = LOW_BYTES + TAIL_BYTES,
    SEEN_BYTES = LOW_BYTES - OUT_AT + TAIL_BYTES
};
#define ADDRESS_PART 1000u

/* Locals of a test function: operands from 0 on, then these. Rows that are text use them by number. */
enum { LOCAL_R0 = 4, LOCAL_R1, LOCAL_X, LOCAL_Y, LOCAL_Z, LOCAL_I64, LOCAL_COUNT };
/* Functions every module has, all in element segment 0, which fills table 0 from 1 on, and segment 1. */
enum { FUNC_INC, FUNC_TRIPLE, FUNC_SUB, FUNC_ROW, FUNC_TESTS };
enum { TYPE_NONE_NONE, TYPE_I32_I32, TYPE_I32_I32_I32, TYPE_ROW, TYPE_TAG, TYPE_RICH };

/* Rows whose typing is not a fixed signature: text over the i32 locals 0, 1 and 2 (specials.c). */
typedef struct Special {
    Op op;
    const char *text[8]; /* one variant each; leaves an i32 */
} Special;
extern const Special special_rows[];
extern const u32 nspecial_rows;

typedef struct Case {
    u32 variant;
    s16 edge[OP_MAX_ARGS]; /* the operand's number among edges_of, or -1 */
    u8 image[IMAGE_BYTES];
} Case;

typedef struct Row {
    Op op;
    const OpInfo *info;
    const Special *special;
    const char *oracle_text; /* what other engines run in its place, over locals; or NULL */
    OpType args[OP_MAX_ARGS], results[2];
    u32 nargs, nresults;
    u32 nvariants;          /* choices of immediates */
    bool is_memory;         /* operand 0 is an address */
    u32 nan_in, nan_out;    /* bits of the lanes whose NaNs the specification leaves open; 0: none */
    Case *cases;
    u32 ncases;
} Row;

/* How modules are built: which memory, where locals lie. */
typedef struct Build {
    u32 memory;      /* index of the memory used */
    bool is_64;      /* its addresses are i64 */
    bool is_far;     /* locals come behind so many others that their slots need more than 16 bits */
} Build;

/* False: there is nothing to run, and *why says so. */
bool row_init(Row *row, Op op, const char **why);
void row_done(Row *row);

/* Interesting values of operand `arg`. */
u32 edges_of(const Row *row, u32 arg, const Bits **out);
Bits case_operand(const Case *c, u32 arg);
/* What a row with an address accesses first: the sum with its offset. */
u64 case_address(const Row *row, const Case *c);

/* The instruction with the immediates of a variant, its operands being on the stack. */
void put_row(Bytes *b, const Row *row, u32 variant, const Build *build);

/* Loads and stores of the module's own accesses. */
void put_load(Bytes *b, OpType type, u32 at, const Build *build);
void put_store(Bytes *b, OpType type, const Build *build); /* address and value on the stack, at OUT_AT + `at` */
void put_address(Bytes *b, u32 at, const Build *build);

/* A module with the functions in `bodies` (`nfuncs` of them, sizes included), exported as "0", "1", ... */
Bytes build_module(const Row *row, const Build *build, u32 nfuncs, Bytes *bodies, Bytes *row_body);
/* Opens a test function's body: its locals, operands in them. */
void put_prologue(Bytes *b, const Row *row, const Build *build);
u32 local_index(u32 local, const Build *build);

/* Makes NaNs that the specification allows equal. */
void make_nans_canonical(const Row *row, const Case *c, u8 *out);

#endif
