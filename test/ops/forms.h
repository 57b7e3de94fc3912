/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* forms.h - ways to write one instruction: where its operands come from and what becomes of its result.
 *
 * The lowering picks a handler by them, so a row is right when every form of it gives what the plain one does:
 * operands from locals, result stored. Only that form is compared with other engines.
 */
#ifndef TERN_TEST_OPS_FORMS_H
#define TERN_TEST_OPS_FORMS_H

#include "rows.h"

typedef enum Place {
    PLACE_IN_LOCAL,  /* L */
    PLACE_LOADED,    /* A: just loaded, so in an accumulator */
    PLACE_CONSTANT,  /* C: only for cases whose operand is that edge */
    PLACE_FIRST,     /* D: the first operand's local; only for cases where both are equal */
    PLACE_STEPPED,   /* T: i32, a constant added to a local, teed into it */
    PLACE_SUM_LL, PLACE_SUM_LC, PLACE_SUM_AL, PLACE_SUM_AC, PLACE_SCALED, /* S I X Y M: address sums */
    PLACE_FRESH      /* B: a local that was just set, so that an accumulator holds it too */
} Place;

typedef enum Use {
    USE_STORE, USE_LOCAL, USE_TEE, USE_FIRST, USE_SECOND, /* the operand's own local */
    USE_CHAIN, USE_GLOBAL, USE_CALL, USE_BLOCK, USE_SELECT,
    /* i32 results: as a condition, giving 1 or 0, */
    USE_IF, USE_IF_NOT, USE_BR_IF, USE_BR_IF_NOT, USE_LOOP, USE_CONDITION, USE_CONDITION_CONST,
    /* or as an address */
    USE_LOAD_AT, USE_STORE_AT
} Use;

typedef struct Form {
    Place place[OP_MAX_ARGS];
    Use use;
} Form;

#define MAX_FORMS 128

/* How many forms there are; the first is the plain one. is_brief: a few that go through memory and locals. */
u32 forms_of(const Row *row, bool is_brief, Form *out);
/* "LA tee" */
void form_name(const Row *row, const Form *form, char *out, size_t size);
/* Functions that the form needs for each variant: one for every constant. */
u32 form_nconstants(const Row *row, const Form *form);
/* Which of them serves a case; -1: none. */
s32 form_constant_of(const Row *row, const Form *form, const Case *c);
/* A body with its size before it. */
void put_form(Bytes *bodies, const Row *row, const Form *form, u32 variant, u32 constant, const Build *build);
/* The function FUNC_ROW: the row over its own parameters. */
Bytes row_function(const Row *row, const Build *build);
/* The plain form as other engines run it. */
void put_oracle(Bytes *bodies, const Row *row, u32 variant, const Build *build);

#endif
