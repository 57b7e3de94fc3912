/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* select.c - which handler does an instruction whose operand places are final.
 *
 * Families keep their forms in one order (handlers.def), so a form is the family's first handler plus an
 * index made from the places.
 */
#include "code/ins.h"

/* Of each instruction the first handler of a family. Value forms, or checked forms of a load or store: */
static const u16 first_handlers[OP_COUNT] = {
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
};

/* Loads and stores of any memory: */
static const u16 any_handlers[OP_COUNT] = {
#define LOAD(n, ...) [OP_##n] = H_##n##_ANY,
#define LOADX(n, ...) [OP_##n] = H_##n##_ANY,
#define LOADL(n, ...) [OP_##n] = H_##n##_ANY,
#define STORE(n, ...) [OP_##n] = H_##n##_ANY,
#define STOREL(n, ...) [OP_##n] = H_##n##_ANY,
#include "ops/ops.def"
};

#if TERN_FAST
/* Compare and branch: */
static const u16 branch_handlers[OP_COUNT] = {
#define CMP2(n, ...) [OP_##n] = H_##n##_BR_SS,
#include "ops/ops.def"
};

#define FORMS_HOT(...)
#define FORMS_COLD(...)
#define FORMS_VEC(...)
#define FORMS_VEC_COLD(...)
#define FORMS_LOADED(n, handler) [OP_##n] = handler,
/* Memory forms of LOADED rows with checks: */
static const u16 loaded_handlers[OP_COUNT] = {
#define NUM2C(n, c, text, F, heat, ...) FORMS_##heat(n, H_##n##_LOAD_S_S)
#include "ops/ops.def"
};

/* ... and those trusting the guard, with loads and stores that do: */
static const u16 guarded_handlers[OP_COUNT] = {
#define NUM2C(n, c, text, F, heat, ...) FORMS_##heat(n, H_##n##_LOAD_G_S_S)
#define LOAD(n, ...) [OP_##n] = H_##n##_G_S_S,
#define LOADX(n, ...) [OP_##n] = H_##n##_G_S_S,
#define LOADL(n, ...) [OP_##n] = H_##n##_G_S_S,
#define STORE(n, ...) [OP_##n] = H_##n##_G_S_S,
#define STOREL(n, ...) [OP_##n] = H_##n##_G_S_S,
#include "ops/ops.def"
};
#endif

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
#if TERN_FAST
_Static_assert(H_F64_SUB_STORE_SA == H_F64_SUB_STORE_SS + 2 && H_I32_ADD_STORE_SI == H_I32_ADD_STORE_SS + 2 &&
               H_I32_ADD_STORE_G_AI - H_I32_ADD_STORE_AI == H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS, "results kept");
_Static_assert(H_I32_LOAD_SUM_SI_S == H_I32_LOAD_SUM_SS_S + 1 && H_I32_LOAD_SUM_SS_A == H_I32_LOAD_SUM_SS_S + 2 &&
               H_F64_LOAD_SUM_G_SI_A - H_F64_LOAD_SUM_SI_A == H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS, "loads from sums");
_Static_assert(H_I32_LOAD_BRNZ_S == H_I32_LOAD_BRZ_S + 2 && H_I32_LOAD8_U_BRZ_G_S == H_I32_LOAD_BRZ_G_S + 4, "load and test");
#endif
#if TERN_METERING
_Static_assert(H_BR_PAID - H_BR == H_CALL_INDIRECT_PAID - H_CALL_INDIRECT, "branches that pay");
#endif

#define FIRST_BRANCH (TERN_FAST ? H_I32_EQ_BR_SS : H_BR)

#if TERN_FAST
/* Index of two operand places, in the order SS SI AS AI SA IS. */
static u32 pair_index(Place k1, Place k2)
{
    if (k1 == PLACE_IMM) return 5;
    if (k2 == PLACE_ACC) return 4;
    return (k1 == PLACE_ACC ? 2u : 0u) + (k2 == PLACE_IMM ? 1u : 0u);
}

/* The same of vectors, in the order SS AS SA. */
static u32 vector_pair_index(Place k1, Place k2)
{
    return k1 == PLACE_ACC ? 1 : k2 == PLACE_ACC ? 2 : 0;
}

static bool is_hot(Op op)
{
    return tern_op_info[op].is_hot;
}

static Handler value_handler(const Ins *ins)
{
    const OpInfo *info = &tern_op_info[ins->op];
    u32 first = first_handlers[ins->op], acc = ins->kd == PLACE_ACC;
    bool is_vector = info->is_vec, is_shift = is_vector && info->args[1] == OT_i32;
    switch ((OpShape)info->shape) {
    case SHAPE_NUM1:
    case SHAPE_NUM1T:
    case SHAPE_LANE1:
    case SHAPE_TEST1: return (Handler)(first + (ins->k1 == PLACE_ACC ? 1u : 0u) + 2 * acc);
    case SHAPE_NUM2:
        if (is_shift) return (Handler)(first + pair_index(ins->k1, ins->k2) + 4 * acc);
        if (is_vector) return (Handler)(first + vector_pair_index(ins->k1, ins->k2) + 3 * acc);
        return (Handler)(first + pair_index(ins->k1, ins->k2) + (info->args[0] == OT_v128 ? 5 : 6) * acc);
    case SHAPE_LANE2: return (Handler)(first + vector_pair_index(ins->k1, ins->k2) + 3 * acc);
    case SHAPE_NUM3: {
        u32 form = ins->k2 == PLACE_ACC ? 1 : ins->k3 == PLACE_ACC ? 2 : 0;
        return (Handler)(first + form + 3 * acc);
    }
    case SHAPE_SHUFFLE:
    case SHAPE_WIDE2:
    case SHAPE_WIDE4: return (Handler)first;
    case SHAPE_NUM2C:
        if (is_vector) return (Handler)(first + vector_pair_index(ins->k1, ins->k2) + 2 * acc);
        return (Handler)(first + pair_index(ins->k1, ins->k2) + 4 * acc);
    case SHAPE_NUM2T:
    case SHAPE_CMP2: return (Handler)(first + pair_index(ins->k1, ins->k2) + 4 * acc);
    default: return H_NONE;
    }
}

static u32 address_index(const Ins *ins)
{
    if (ins->k1 == PLACE_SLOT) return ins->k2 == PLACE_NONE ? 0 : ins->k2 == PLACE_SLOT ? 2 : 3;
    return ins->k2 == PLACE_NONE ? 1 : ins->k2 == PLACE_SLOT ? 4 : 5;
}

static Handler load_handler(const Ins *ins, CodeMode mode)
{
    u32 first = ((mode & CODE_GUARDED) != 0 ? guarded_handlers : first_handlers)[ins->op];
    return (Handler)(first + 2 * address_index(ins) + (ins->kd == PLACE_ACC));
}

static Handler store_handler(const Ins *ins, CodeMode mode)
{
    static const u8 first_of_address[] = {0, 7, 3, 5, 9, 11}, first_of_vector[] = {0, 4, 2, 3, 5, 6};
    u32 first = ((mode & CODE_GUARDED) != 0 ? guarded_handlers : first_handlers)[ins->op];
    if (tern_op_info[ins->op].args[1] == OT_v128)
        return (Handler)(first + first_of_vector[address_index(ins)] + (ins->k3 == PLACE_ACC));
    u32 value = ins->k3 == PLACE_SLOT ? 0 : ins->k3 == PLACE_IMM ? 1 : 2;
    return (Handler)(first + first_of_address[address_index(ins)] + value);
}

static Handler kept_handler(const Ins *ins, CodeMode mode)
{
    bool is_guarded = (mode & CODE_GUARDED) != 0;
    u32 first = ins->op == OP_F64_ADD ? H_F64_ADD_STORE_SS : ins->op == OP_F64_MUL ? H_F64_MUL_STORE_SS
              : ins->op == OP_F64_SUB ? H_F64_SUB_STORE_SS : H_I32_ADD_STORE_SS;
    u32 form = (ins->k2 == PLACE_IMM || ins->k2 == PLACE_ACC ? 2u : 0) + (ins->k1 == PLACE_ACC);
    return (Handler)(first + form + (is_guarded ? H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS : 0));
}

static Handler load_sum_handler(const Ins *ins, CodeMode mode)
{
    bool is_guarded = (mode & CODE_GUARDED) != 0;
    u32 first = ins->op == OP_I32_LOAD ? H_I32_LOAD_SUM_SS_S : ins->op == OP_F64_LOAD ? H_F64_LOAD_SUM_SS_S : H_I32_LOAD8_U_SUM_SS_S;
    u32 form = (ins->k2 == PLACE_IMM) + (ins->kd == PLACE_ACC ? 2u : 0);
    return (Handler)(first + form + (is_guarded ? H_F64_ADD_STORE_G_SS - H_F64_ADD_STORE_SS : 0));
}

static Handler load_test_handler(const Ins *ins, CodeMode mode)
{
    bool is_guarded = (mode & CODE_GUARDED) != 0;
    u32 form = (ins->op == OP_I32_LOAD8_U ? 4u : 0) + (ins->imm == 0 ? 2u : 0) + (ins->k1 == PLACE_ACC);
    return (Handler)((is_guarded ? H_I32_LOAD_BRZ_G_S : H_I32_LOAD_BRZ_S) + form);
}

static Handler handler_of(const Ins *ins, CodeMode mode)
{
    switch ((Family)ins->family) {
    case FAM_PLAIN: return (Handler)(ins->op + (ins->op == H_GLOBAL_GET_S && ins->kd == PLACE_ACC));
    case FAM_VALUE: return value_handler(ins);
    case FAM_BRANCH: return (Handler)(branch_handlers[ins->op] + pair_index(ins->k1, ins->k2));
    case FAM_LOAD: return load_handler(ins, mode);
    case FAM_STORE: return store_handler(ins, mode);
    case FAM_LOAD_ANY:
    case FAM_STORE_ANY: return (Handler)any_handlers[ins->op];
    case FAM_TEST: return (Handler)(ins->op + (ins->k1 == PLACE_ACC));
    case FAM_QUAD: return (Handler)(ins->op + pair_index(ins->k1, ins->k2));
    case FAM_LOADED: {
        u32 first = ((mode & CODE_GUARDED) != 0 ? guarded_handlers : loaded_handlers)[ins->op];
        return (Handler)(first + (ins->k3 == PLACE_ACC) + (ins->kd == PLACE_ACC ? 2 : 0));
    }
    case FAM_KEPT: return kept_handler(ins, mode);
    case FAM_LOAD_SUM: return load_sum_handler(ins, mode);
    case FAM_LOAD_TEST: return load_test_handler(ins, mode);
    case FAM_MOVED: return (Handler)(ins->op + (ins->k3 == PLACE_ACC) + (ins->kd == PLACE_ACC ? 2 : 0));
    case FAM_SUM: return (Handler)(ins->op + (ins->kd == PLACE_ACC));
    case FAM_STRIDE: return (Handler)(ins->op + (ins->k3 == PLACE_SLOT));
    case FAM_STEP: return (Handler)(ins->op + (ins->k1 == PLACE_ACC ? 2 : 0) + (ins->k2 == PLACE_SLOT));
    }
    return H_NONE;
}

bool tern_ins_may_skip_slot(const Ins *ins)
{
    if (ins->kd != PLACE_SLOT) return false;
    if (ins->family == FAM_LOADED || ins->family == FAM_MOVED || ins->family == FAM_SUM ||
        ins->family == FAM_LOAD_SUM)
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
    return tern_op_info[op].shape == SHAPE_NUM2C && loaded_handlers[op] != 0;
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
    case FAM_VALUE: return (Handler)(first_handlers[ins->op] + (ins->k2 == PLACE_IMM));
    case FAM_LOAD:
    case FAM_STORE: return (Handler)first_handlers[ins->op];
    case FAM_LOAD_ANY:
    case FAM_STORE_ANY: return TERN_MEMORY64 ? (Handler)any_handlers[ins->op] : H_NONE;
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
