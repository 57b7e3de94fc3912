/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* select.c - which handler does an instruction whose operand places are final.
 *
 * Families keep their forms in one order (handlers.def), so a form is the family's first handler plus an
 * index made from the places.
 */
#include "code/ins.h"

/* Of each instruction the first handler of a family. One array, so that none need be chosen by a branch. */
typedef enum Column {
    BY_VALUE, BY_ANY,
#if TERN_FAST
    BY_BRANCH, BY_LOADED, BY_GUARDED,
#endif
    COLUMNS, BY_HANDLER /* which op is */, BY_OTHERS
} Column;
static const u16 firsts[COLUMNS][OP_COUNT] = {
/* Value forms, or checked forms of a load or store: */
[BY_VALUE] = {
#define NUM1(n, ...) [OP_##n] = H_##n##_S_S,
#define NUM1T(n, ...) [OP_##n] = H_##n##_S_S,
#define TEST1(n, ...) [OP_##n] = H_##n##_S_S,
#define NUM2(n, ...) [OP_##n] = H_##n##_SS_S,
#define NUM2C(n, ...) [OP_##n] = H_##n##_SS_S,
#define NUM3(n, ...) [OP_##n] = H_##n##_SSS_S,
#define NUM2T(n, ...) [OP_##n] = H_##n##_SS_S,
#define CMP2(n, ...) [OP_##n] = H_##n##_SS_S,
#define WIDE2(n, ...) [OP_##n] = H_##n##_SS_S,
#define WIDE4(n, ...) [OP_##n] = H_##n##_SS_S,
#define LANE1(n, ...) [OP_##n] = H_##n##_S_S,
#define LANE2(n, ...) [OP_##n] = H_##n##_SS_S,
#define SHUFFLE(n, ...) [OP_##n] = H_##n##_SS_S,
#define LOAD(n, ...) [OP_##n] = H_##n##_S_S,
#define LOADX(n, ...) [OP_##n] = H_##n##_S_S,
#define LOADL(n, ...) [OP_##n] = H_##n##_S_S,
#define STORE(n, ...) [OP_##n] = H_##n##_S_S,
#define STOREL(n, ...) [OP_##n] = H_##n##_S_S,
#include "ops/ops.def"
},
/* Loads and stores of any memory: */
[BY_ANY] = {
#define LOAD(n, ...) [OP_##n] = H_##n##_ANY,
#define LOADX(n, ...) [OP_##n] = H_##n##_ANY,
#define LOADL(n, ...) [OP_##n] = H_##n##_ANY,
#define STORE(n, ...) [OP_##n] = H_##n##_ANY,
#define STOREL(n, ...) [OP_##n] = H_##n##_ANY,
#include "ops/ops.def"
},
#if TERN_FAST
/* Compare and branch: */
[BY_BRANCH] = {
#define CMP2(n, ...) [OP_##n] = H_##n##_BR_SS,
#include "ops/ops.def"
},

#define FORMS_HOT(...)
#define FORMS_COLD(...)
#define FORMS_VEC(...)
#define FORMS_VEC_COLD(...)
#define FORMS_LOADED(n, handler) [OP_##n] = handler,
/* Memory forms of LOADED rows with checks: */
[BY_LOADED] = {
#define NUM2C(n, c, text, F, heat, ...) FORMS_##heat(n, H_##n##_LOAD_S_S)
#include "ops/ops.def"
},
/* ... and those trusting the guard, with loads and stores that do: */
[BY_GUARDED] = {
#define NUM2C(n, c, text, F, heat, ...) FORMS_##heat(n, H_##n##_LOAD_G_S_S)
#define LOAD(n, ...) [OP_##n] = H_##n##_G_S_S,
#define LOADX(n, ...) [OP_##n] = H_##n##_G_S_S,
#define LOADL(n, ...) [OP_##n] = H_##n##_G_S_S,
#define STORE(n, ...) [OP_##n] = H_##n##_G_S_S,
#define STOREL(n, ...) [OP_##n] = H_##n##_G_S_S,
#include "ops/ops.def"
},
#endif
};

/* The order the indices below rely on. Where there are few forms they are the first ones. */
#if TERN_FAST
_Static_assert(H_I32_SUB_SI_S == H_I32_SUB_SS_S + 1 && H_I32_SUB_AS_S == H_I32_SUB_SS_S + 2 &&
               H_I32_SUB_AI_S == H_I32_SUB_SS_S + 3 && H_I32_SUB_SA_S == H_I32_SUB_SS_S + 4 &&
               H_I32_SUB_IS_S == H_I32_SUB_SS_S + 5 && H_I32_SUB_SS_A == H_I32_SUB_SS_S + 6 &&
               H_I32_SUB_IS_A == H_I32_SUB_SS_S + 11, "binary forms");
_Static_assert(H_I32_ADD_SS_A == H_I32_ADD_SS_S + 4 && H_I32_EQ_AI_A == H_I32_EQ_SS_S + 7 &&
               H_I32_EQ_BR_AI == H_I32_EQ_BR_SS + 3, "commutative forms");
_Static_assert(H_I32_EQZ_A_S == H_I32_EQZ_S_S + 1 && H_I32_EQZ_S_A == H_I32_EQZ_S_S + 2, "unary forms");
_Static_assert(H_I32_LOAD_A_S == H_I32_LOAD_S_S + 2 && H_I32_LOAD_AI_A == H_I32_LOAD_S_S + 11, "loads");
_Static_assert(H_I32_STORE_SS_S == H_I32_STORE_S_S + 3 && H_I32_STORE_A_S == H_I32_STORE_S_S + 7 &&
               H_I32_STORE_AI_I == H_I32_STORE_S_S + 12, "stores");
#if TERN_SIMD
_Static_assert(H_F32X4_DIV_AS_S == H_F32X4_DIV_SS_S + 1 && H_F32X4_DIV_SA_S == H_F32X4_DIV_SS_S + 2 &&
               H_F32X4_DIV_SS_A == H_F32X4_DIV_SS_S + 3 && H_F32X4_MIN_AS_A == H_F32X4_MIN_SS_S + 3 &&
               H_I32X4_SHL_AI_A == H_I32X4_SHL_SS_S + 7 && H_V128_BITSELECT_SAS_S == H_V128_BITSELECT_SSS_S + 1 &&
               H_V128_BITSELECT_SSS_A == H_V128_BITSELECT_SSS_S + 3 &&
               H_I8X16_REPLACE_LANE_SS_A == H_I8X16_REPLACE_LANE_SS_S + 3, "vector forms");
_Static_assert(H_V128_STORE_S_A == H_V128_STORE_S_S + 1 && H_V128_STORE_SS_S == H_V128_STORE_S_S + 2 &&
               H_V128_STORE_A_S == H_V128_STORE_S_S + 4 && H_V128_STORE_AI_S == H_V128_STORE_S_S + 6,
               "vector stores");
#endif
#if TERN_METERING
_Static_assert(H_BR_PAID - H_BR == H_I32_EQ_BR_SS_PAID - H_I32_EQ_BR_SS, "compares that pay");
#endif
#endif
/* Distances of what trusts the guard from what checks. */
#define KEPT_TO_GUARDED (H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS)
#define TEST_TO_GUARDED (H_I32_LOAD_BRZ_G_S - H_I32_LOAD_BRZ_S)
#if TERN_FAST
_Static_assert(H_F64_SUB_STORE_SA == H_F64_SUB_STORE_SS + 2 && H_I32_ADD_STORE_SI == H_I32_ADD_STORE_SS + 2 &&
               H_I32_ADD_STORE_G_AI - H_I32_ADD_STORE_AI == H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS, "results kept");
_Static_assert(H_I32_LOAD_SUM_SI_S == H_I32_LOAD_SUM_SS_S + 1 && H_I32_LOAD_SUM_SS_A == H_I32_LOAD_SUM_SS_S + 2 &&
               H_F64_LOAD_SUM_G_SI_A - H_F64_LOAD_SUM_SI_A == H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS, "loads from sums");
_Static_assert(H_I32_LOAD_SCALED_S_A == H_I32_LOAD_SCALED_S_S + 2 && H_I32_ADD_LOAD8_U_SI_S_S == H_I32_ADD_LOAD8_U_SS_S_S + 4 &&
               H_F64_MUL_LOAD_RSUB_A_S == H_F64_MUL_LOAD_RSUB_S_S + 1 && H_F64_MUL_ADD_STORE_A == H_F64_MUL_ADD_STORE_S + 1 &&
               H_F64_MUL_RSUB_STORE_G_S - H_F64_MUL_RSUB_STORE_S == KEPT_TO_GUARDED &&
               H_I32_LOAD8_U_NE_BR_G_I - H_I32_LOAD8_U_NE_BR_I == TEST_TO_GUARDED, "joined accesses");
_Static_assert(H_I32_LOAD_BRNZ_S == H_I32_LOAD_BRZ_S + 2 && H_I32_LOAD8_U_BRZ_G_S == H_I32_LOAD_BRZ_G_S + 4, "load and test");
#endif
#if TERN_METERING
_Static_assert(H_BR_PAID - H_BR == H_CALL_INDIRECT_PAID - H_CALL_INDIRECT, "branches that pay");
#endif

#define FIRST_BRANCH (TERN_FAST ? H_I32_EQ_BR_SS : H_BR)

#if TERN_FAST
/* Where the forms of a family lie behind its first one: what the places of its operands add. */
typedef struct Forms {
    u8 pair[4][4]; /* by the places of operands 1 and 2 */
    u8 third[4];   /* of operand 3 */
    u8 result[4];  /* of the result */
} Forms;

typedef enum FormsId {
    FORMS_ONE = 1, FORMS_UNARY, FORMS_PAIR, FORMS_PAIR_SA, FORMS_PAIR_SA_IS, FORMS_VECTOR, FORMS_VECTOR_SA, FORMS_TERNARY,
    FORMS_LOAD, FORMS_STORE, FORMS_STORE_VECTOR, FORMS_PLAIN, FORMS_STEP, FORMS_STRIDE, FORMS_THIRD
} FormsId;

#define BY(slot, acc, imm, none) {[PLACE_SLOT] = slot, [PLACE_ACC] = acc, [PLACE_IMM] = imm, [PLACE_NONE] = none}
#define IN_ACC(n) BY(0, n, 0, 0)
#define FIRST(n) BY(n, n, n, n) /* whatever the second */
#define PAIRS BY(BY(0, 4, 1, 0), BY(2, 4, 3, 2), FIRST(5), FIRST(0)) /* SS SI AS AI SA IS */
#define VECTORS BY(BY(0, 2, 0, 0), FIRST(1), FIRST(0), FIRST(0))     /* SS AS SA */
static const Forms forms[] = {
    [FORMS_ONE] = {.result = IN_ACC(0)},
    [FORMS_UNARY] = {.pair = BY(FIRST(0), FIRST(1), FIRST(0), FIRST(0)), .result = IN_ACC(2)},
    [FORMS_PAIR] = {.pair = PAIRS, .result = IN_ACC(4)},
    [FORMS_PAIR_SA] = {.pair = PAIRS, .result = IN_ACC(5)},
    [FORMS_PAIR_SA_IS] = {.pair = PAIRS, .result = IN_ACC(6)},
    [FORMS_VECTOR] = {.pair = VECTORS, .result = IN_ACC(2)},
    [FORMS_VECTOR_SA] = {.pair = VECTORS, .result = IN_ACC(3)},
    [FORMS_TERNARY] = {.pair = BY(IN_ACC(1), IN_ACC(1), IN_ACC(1), IN_ACC(1)), .third = IN_ACC(2), .result = IN_ACC(3)},
    /* Addresses: one operand, two, or one and a constant. */
    [FORMS_LOAD] = {.pair = BY(BY(4, 0, 6, 0), BY(8, 0, 10, 2), FIRST(0), FIRST(0)), .result = IN_ACC(1)},
    [FORMS_STORE] = {.pair = BY(BY(3, 0, 5, 0), BY(9, 0, 11, 7), FIRST(0), FIRST(0)), .third = BY(0, 2, 1, 0)},
    [FORMS_STORE_VECTOR] = {.pair = BY(BY(2, 0, 3, 0), BY(5, 0, 6, 4), FIRST(0), FIRST(0)), .third = IN_ACC(1)},
    [FORMS_PLAIN] = {.result = IN_ACC(1)},
    [FORMS_STEP] = {.pair = BY(BY(1, 0, 0, 0), BY(3, 2, 2, 2), FIRST(0), FIRST(0))},
    [FORMS_STRIDE] = {.third = BY(1, 0, 0, 0)},
    [FORMS_THIRD] = {.third = IN_ACC(1), .result = IN_ACC(2)},
};
#undef BY
#undef IN_ACC
#undef FIRST
#undef PAIRS
#undef VECTORS

static u32 form_of(const Ins *ins, u32 id)
{
    const Forms *f = &forms[id];
    return (u32)f->pair[ins->k1][ins->k2] + f->third[ins->k3] + f->result[ins->kd];
}

/* The forms of values, and of loads and stores of memory 0. */
static const u8 forms_of_op[OP_COUNT] = {
#define NUM1(n, ...) [OP_##n] = FORMS_UNARY,
#define NUM1T(n, ...) [OP_##n] = FORMS_UNARY,
#define TEST1(n, ...) [OP_##n] = FORMS_UNARY,
#define LANE1(n, ...) [OP_##n] = FORMS_UNARY,
#define LANE2(n, ...) [OP_##n] = FORMS_VECTOR_SA,
#define NUM3(n, ...) [OP_##n] = FORMS_TERNARY,
#define NUM2T(n, ...) [OP_##n] = FORMS_PAIR,
#define CMP2(n, ...) [OP_##n] = FORMS_PAIR,
#define IS_VEC_HOT 0
#define IS_VEC_COLD 0
#define IS_VEC_LOADED 0
#define IS_VEC_VEC 1
#define IS_VEC_VEC_COLD 0
#define NUM2C(n, c, text, F, heat, ...) [OP_##n] = IS_VEC_##heat ? FORMS_VECTOR : FORMS_PAIR,
#define NUM2(n, c, text, F, heat, R, A, B, ...) \
    [OP_##n] = IS_VEC_##heat ? (OT_##B == OT_i32 ? FORMS_PAIR : FORMS_VECTOR_SA) /* a shift, or not */ \
                             : (OT_##A == OT_v128 ? FORMS_PAIR_SA : FORMS_PAIR_SA_IS),
#define LOAD(n, ...) [OP_##n] = FORMS_LOAD,
#define LOADX(n, ...) [OP_##n] = FORMS_LOAD,
#define LOADL(n, ...) [OP_##n] = FORMS_LOAD,
#define STORE(n, c, text, F, T, ...) [OP_##n] = OT_##T == OT_v128 ? FORMS_STORE_VECTOR : FORMS_STORE,
#define STOREL(n, ...) [OP_##n] = FORMS_STORE_VECTOR,
#define SHUFFLE(n, ...) [OP_##n] = FORMS_ONE,
#define WIDE2(n, ...) [OP_##n] = FORMS_ONE,
#define WIDE4(n, ...) [OP_##n] = FORMS_ONE,
#include "ops/ops.def"
};
#undef IS_VEC_HOT
#undef IS_VEC_COLD
#undef IS_VEC_LOADED
#undef IS_VEC_VEC
#undef IS_VEC_VEC_COLD

/* Of each family where its first handlers are, with checks and trusting the guard, and which forms it has; none: those
 * of the op. */
static const struct {
    u8 column[2], forms;
} families[] = {
    [FAM_PLAIN] = {{BY_HANDLER, BY_HANDLER}, FORMS_PLAIN},   [FAM_VALUE] = {{BY_VALUE, BY_VALUE}, 0},
    [FAM_BRANCH] = {{BY_BRANCH, BY_BRANCH}, FORMS_PAIR},     [FAM_LOAD] = {{BY_VALUE, BY_GUARDED}, 0},
    [FAM_STORE] = {{BY_VALUE, BY_GUARDED}, 0},               [FAM_LOAD_ANY] = {{BY_ANY, BY_ANY}, FORMS_ONE},
    [FAM_STORE_ANY] = {{BY_ANY, BY_ANY}, FORMS_ONE},         [FAM_TEST] = {{BY_HANDLER, BY_HANDLER}, FORMS_UNARY},
    [FAM_QUAD] = {{BY_HANDLER, BY_HANDLER}, FORMS_PAIR},     [FAM_STEP] = {{BY_HANDLER, BY_HANDLER}, FORMS_STEP},
    [FAM_STRIDE] = {{BY_HANDLER, BY_HANDLER}, FORMS_STRIDE}, [FAM_LOADED] = {{BY_LOADED, BY_GUARDED}, FORMS_THIRD},
    [FAM_KEPT] = {{BY_OTHERS, BY_OTHERS}, FORMS_ONE},        [FAM_LOAD_SUM] = {{BY_OTHERS, BY_OTHERS}, FORMS_ONE},
    [FAM_LOAD_TEST] = {{BY_OTHERS, BY_OTHERS}, FORMS_ONE},   [FAM_MOVED] = {{BY_HANDLER, BY_HANDLER}, FORMS_THIRD},
    [FAM_SUM] = {{BY_HANDLER, BY_HANDLER}, FORMS_PLAIN},     [FAM_AT] = {{BY_HANDLER, BY_OTHERS}, FORMS_THIRD},
    [FAM_LOAD_COMPARE] = {{BY_HANDLER, BY_OTHERS}, FORMS_PAIR},
};

static bool is_hot(Op op)
{
    return tern_op_info[op].is_hot;
}

static Handler kept_handler(const Ins *ins, CodeMode mode)
{
    bool is_guarded = (mode & CODE_GUARDED) != 0;
    u32 first = ins->op == OP_F64_ADD ? H_F64_ADD_STORE_SS : ins->op == OP_F64_MUL ? H_F64_MUL_STORE_SS
              : ins->op == OP_F64_SUB ? H_F64_SUB_STORE_SS : H_I32_ADD_STORE_SS;
    u32 form = (ins->k2 == PLACE_IMM || ins->k2 == PLACE_ACC ? 2u : 0) + (ins->k1 == PLACE_ACC);
    return (Handler)(first + form + (is_guarded ? KEPT_TO_GUARDED : 0));
}

static Handler load_sum_handler(const Ins *ins, CodeMode mode)
{
    bool is_guarded = (mode & CODE_GUARDED) != 0;
    u32 first = ins->op == OP_I32_LOAD ? H_I32_LOAD_SUM_SS_S : ins->op == OP_F64_LOAD ? H_F64_LOAD_SUM_SS_S : H_I32_LOAD8_U_SUM_SS_S;
    u32 form = (ins->k2 == PLACE_IMM) + (ins->kd == PLACE_ACC ? 2u : 0);
    return (Handler)(first + form + (is_guarded ? KEPT_TO_GUARDED : 0));
}

static Handler load_test_handler(const Ins *ins, CodeMode mode)
{
    bool is_guarded = (mode & CODE_GUARDED) != 0;
    u32 form = (ins->op == OP_I32_LOAD8_U ? 4u : 0) + (ins->imm == 0 ? 2u : 0) + (ins->k1 == PLACE_ACC);
    return (Handler)((is_guarded ? H_I32_LOAD_BRZ_G_S : H_I32_LOAD_BRZ_S) + form);
}

/* A switch over families, whose order nobody foresees, took a tenth of lowering. */
static Handler handler_of(const Ins *ins, CodeMode mode)
{
    u32 family = ins->family, column = families[family].column[(mode & CODE_GUARDED) != 0], id = families[family].forms;
    if (column == BY_HANDLER) return (Handler)(ins->op + form_of(ins, id));
    if (UNLIKELY(column == BY_OTHERS))
        return family == FAM_AT ? (Handler)(ins->op + form_of(ins, id) + KEPT_TO_GUARDED)
             : family == FAM_LOAD_COMPARE ? (Handler)(ins->op + form_of(ins, id) + TEST_TO_GUARDED)
             : family == FAM_KEPT ? kept_handler(ins, mode)
             : family == FAM_LOAD_SUM ? load_sum_handler(ins, mode) : load_test_handler(ins, mode);
    u32 of_op = forms_of_op[ins->op];
    return (Handler)(firsts[column][ins->op] + form_of(ins, id != 0 ? id : of_op));
}

bool tern_ins_may_skip_slot(const Ins *ins)
{
    if (ins->kd != PLACE_SLOT) return false;
    if (ins->family == FAM_LOADED || ins->family == FAM_MOVED || ins->family == FAM_SUM ||
        ins->family == FAM_LOAD_SUM || ins->family == FAM_AT)
        return true;
    if (ins->family == FAM_LOAD) return tern_op_info[ins->op].shape != SHAPE_LOADL;
    if (ins->family == FAM_PLAIN) return ins->op == H_GLOBAL_GET_S;
    if (ins->family != FAM_VALUE) return false;
    switch ((OpShape)tern_op_info[ins->op].shape) {
    case SHAPE_TEST1:
    case SHAPE_CMP2: return true;
    case SHAPE_NUM1:
    case SHAPE_NUM2:
    case SHAPE_NUM2C:
    case SHAPE_NUM3:
    case SHAPE_LANE1:
    case SHAPE_LANE2: return is_hot((Op)ins->op);
    default: return false;
    }
}

bool tern_ins_has_loaded(Op op)
{
    return tern_op_info[op].shape == SHAPE_NUM2C && firsts[BY_LOADED][op] != 0;
}

#else
bool tern_ins_may_skip_slot(const Ins *ins) { (void)ins; return false; }
bool tern_ins_has_loaded(Op op) { (void)op; return false; }

/* Operands are slots, or the second a constant. */
static Handler handler_of(const Ins *ins, CodeMode mode)
{
    (void)mode;
    switch ((Family)ins->family) {
    case FAM_PLAIN:
    case FAM_TEST: return (Handler)ins->op;
    case FAM_VALUE: return (Handler)(firsts[BY_VALUE][ins->op] + (ins->k2 == PLACE_IMM));
    case FAM_LOAD:
    case FAM_STORE: return (Handler)firsts[BY_VALUE][ins->op];
    case FAM_LOAD_ANY:
    case FAM_STORE_ANY: return TERN_MEMORY64 ? (Handler)firsts[BY_ANY][ins->op] : H_NONE;
    default: return H_NONE;
    }
}
#endif

Handler tern_ins_handler(const Ins *ins, CodeMode mode)
{
    Handler handler = handler_of(ins, mode);
    /* Modules that need what is left out were refused when they were loaded; should one not have been, it traps. */
    if (H_NAMES_END > H_COUNT + 1 && handler >= H_COUNT) return H_UNREACHABLE;
    bool pays = code_is_metered(mode) && handler >= FIRST_BRANCH && handler <= H_CALL_INDIRECT;
    return pays ? (Handler)(handler + (H_BR_PAID - H_BR)) : handler;
}

const char tern_handler_layouts[H_COUNT][LAYOUT_BYTES] = {
#define H(name, layout, ...) [H_##name] = layout,
#include "code/handlers.def"
};
#define H(name, layout, ...) _Static_assert(sizeof layout <= LAYOUT_BYTES, #name);
#include "code/handlers.def"
