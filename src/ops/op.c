/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* op.c - the columns of ops.def as data, and the ways to find a row: by encoding, by text. */
#include "ops/op.h"

#include "ops/simd.h"

/* SIG(...) becomes the two members nargs and args. A one-argument macro applied to up to four
 * types. */
#define NTH_OF_6(none, a1, a2, a3, a4, n, ...) n
#define COUNT_ARGS(...) NTH_OF_6(none, ##__VA_ARGS__, 4, 3, 2, 1, 0)
#define TYPES_0()
#define TYPES_1(a) OT_##a
#define TYPES_2(a, b) OT_##a, OT_##b
#define TYPES_3(a, b, c) OT_##a, OT_##b, OT_##c
#define TYPES_4(a, b, c, d) OT_##a, OT_##b, OT_##c, OT_##d
#define TYPES_N(n, ...) TYPES_##n(__VA_ARGS__)
#define TYPES(n, ...) TYPES_N(n, ##__VA_ARGS__)
#define ARGS(...) .nargs = COUNT_ARGS(__VA_ARGS__), \
                  .args = {TYPES(COUNT_ARGS(__VA_ARGS__), ##__VA_ARGS__)}

#define RESULT(R) .nresults = OT_##R != OT_none, .results = {OT_##R}
#define RESULT2(R, R2) .nresults = 2, .results = {OT_##R, OT_##R2}

/* The constant of a type has the immediate of that type. */
#define CONST_IMM_i32 IMM_I32
#define CONST_IMM_i64 IMM_I64
#define CONST_IMM_f32 IMM_F32
#define CONST_IMM_f64 IMM_F64
#define CONST_IMM_v128 IMM_V128

/* Where there are few forms nothing is hot. */
#define IS_HOT .is_hot = TERN_FAST
#define HEAT_HOT IS_HOT
#define HEAT_LOADED IS_HOT
#define HEAT_COLD .is_hot = false
#define HEAT_VEC IS_HOT, .is_vec = true
#define HEAT_VEC_COLD .is_hot = false

#if TERN_DETAILS
#define TEXT(t) t
#else
#define TEXT(t) ""
#endif
#define ROW(c, t, f, s) .text = TEXT(t), .code = c, .feature = FEATURE_##f, .shape = SHAPE_##s
#define ALONE .inverse = OP_NONE, .swapped = OP_NONE

const OpInfo tern_op_info[OP_COUNT] = {
#define NUM_ROW(s, n, c, t, f, h, R, ...) \
    [OP_##n] = {ROW(c, t, f, s), ALONE, HEAT_##h, RESULT(R), ARGS(__VA_ARGS__)},
#define NUM1(n, c, t, f, h, R, A, ...) NUM_ROW(NUM1, n, c, t, f, h, R, A)
#define NUM2(n, c, t, f, h, R, A, B, ...) NUM_ROW(NUM2, n, c, t, f, h, R, A, B)
#define NUM2C(n, c, t, f, h, R, A, B, ...) NUM_ROW(NUM2C, n, c, t, f, h, R, A, B)
#define NUM3(n, c, t, f, R, A, B, C, ...) NUM_ROW(NUM3, n, c, t, f, HOT, R, A, B, C)
#define NUM1T(n, c, t, f, h, R, A, ...) NUM_ROW(NUM1T, n, c, t, f, h, R, A)
#define NUM2T(n, c, t, f, h, R, A, B, ...) NUM_ROW(NUM2T, n, c, t, f, h, R, A, B)
#define TEST1(n, c, t, f, A, e) \
    [OP_##n] = {ROW(c, t, f, TEST1), ALONE, IS_HOT, RESULT(i32), ARGS(A)},
#define CMP2(n, c, t, f, A, e, not, swap)                                           \
    [OP_##n] = {ROW(c, t, f, CMP2), IS_HOT, RESULT(i32), ARGS(A, A),        \
                .inverse = OP_##not, .swapped = OP_##swap},
#define WIDE2(n, c, t, f, ...) \
    [OP_##n] = {ROW(c, t, f, WIDE2), ALONE, RESULT2(i64, i64), ARGS(i64, i64)},
#define WIDE4(n, c, t, f, ...) \
    [OP_##n] = {ROW(c, t, f, WIDE4), ALONE, RESULT2(i64, i64), ARGS(i64, i64, i64, i64)},
#define LANE_ROW(s, n, c, t, f, lanes, R, ...)                                      \
    [OP_##n] = {ROW(c, t, f, s), ALONE, IS_HOT, RESULT(R), ARGS(__VA_ARGS__), \
                .imm = IMM_LANE, .nlanes = lanes},
#define LANE1(n, c, t, f, lanes, R, A, ...) LANE_ROW(LANE1, n, c, t, f, lanes, R, A)
#define LANE2(n, c, t, f, lanes, R, A, B, ...) LANE_ROW(LANE2, n, c, t, f, lanes, R, A, B)
#define SHUFFLE(n, c, t, f, ...) \
    [OP_##n] = {ROW(c, t, f, SHUFFLE), ALONE, RESULT(v128), ARGS(v128, v128), .imm = IMM_SHUFFLE},
#define LOAD_ROW(s, n, c, t, f, R, MEM)                                             \
    [OP_##n] = {ROW(c, t, f, s), ALONE, IS_HOT, RESULT(R), ARGS(addr),      \
                .imm = IMM_MEMARG, .mem_bytes = sizeof(MEM)},
#define LOAD(n, c, t, f, R, MEM) LOAD_ROW(LOAD, n, c, t, f, R, MEM)
#define LOADX(n, c, t, f, R, MEM, ...) LOAD_ROW(LOADX, n, c, t, f, R, MEM)
#define STORE(n, c, t, f, A, MEM)                                                   \
    [OP_##n] = {ROW(c, t, f, STORE), ALONE, IS_HOT, ARGS(addr, A),          \
                .imm = IMM_MEMARG, .mem_bytes = sizeof(MEM)},
#define MEM_LANE_ROW(s, n, c, t, f, R, MEM)                                         \
    [OP_##n] = {ROW(c, t, f, s), ALONE, RESULT(R), ARGS(addr, v128),                \
                .imm = IMM_MEMARG_LANE, .mem_bytes = sizeof(MEM), .nlanes = 16 / sizeof(MEM)},
#define LOADL(n, c, t, f, MEM, ...) MEM_LANE_ROW(LOADL, n, c, t, f, v128, MEM)
#define STOREL(n, c, t, f, MEM, ...) MEM_LANE_ROW(STOREL, n, c, t, f, none, MEM)
#define CONST(n, c, t, f, R) \
    [OP_##n] = {ROW(c, t, f, CONST), ALONE, RESULT(R), .imm = CONST_IMM_##R},
#define SIG(...) ARGS(__VA_ARGS__)
#define TYPED(n, c, t, f, i, sig, R) \
    [OP_##n] = {ROW(c, t, f, TYPED), ALONE, sig, RESULT(R), .imm = IMM_##i},
#define ATOMIC_ROW(s, n, c, t, f, bytes, R, ...)                                    \
    [OP_##n] = {ROW(c, t, f, s), ALONE, __VA_ARGS__, RESULT(R), .imm = IMM_MEMARG,  \
                .mem_bytes = bytes, .is_atomic = true},
#define ALOAD(n, c, t, f, R, MEM) ATOMIC_ROW(ALOAD, n, c, t, f, sizeof(MEM), R, ARGS(addr))
#define ASTORE(n, c, t, f, A, MEM) ATOMIC_ROW(ASTORE, n, c, t, f, sizeof(MEM), none, ARGS(addr, A))
#define ARMW(n, c, t, f, R, MEM, op) ATOMIC_ROW(ARMW, n, c, t, f, sizeof(MEM), R, ARGS(addr, R))
#define ACMPXCHG(n, c, t, f, R, MEM) ATOMIC_ROW(ACMPXCHG, n, c, t, f, sizeof(MEM), R, ARGS(addr, R, R))
#define ATOMIC(n, c, t, f, bytes, sig, R) ATOMIC_ROW(ATOMIC, n, c, t, f, bytes, R, sig)
#define SPECIAL(n, c, t, f, i) [OP_##n] = {ROW(c, t, f, SPECIAL), ALONE, .imm = IMM_##i},
#include "ops/ops.def"
};

/* Two rows of one code are two cases of one value, which does not compile. */
Op tern_op_of_code(u32 prefix, u32 opcode)
{
    if (prefix > 0xff || opcode > 0xffff) return OP_NONE;
    if (!TERN_FAST) { /* those without a prefix have their table */
        u32 op = 0;
        while (op < OP_COUNT && tern_op_info[op].code != (prefix << 16 | opcode)) op++;
        return (Op)op;
    }
    switch (prefix << 16 | opcode) {
#define NUM1(n, c, ...) case c: return OP_##n;
#define NUM2(n, c, ...) case c: return OP_##n;
#define NUM2C(n, c, ...) case c: return OP_##n;
#define NUM3(n, c, ...) case c: return OP_##n;
#define NUM1T(n, c, ...) case c: return OP_##n;
#define NUM2T(n, c, ...) case c: return OP_##n;
#define TEST1(n, c, ...) case c: return OP_##n;
#define CMP2(n, c, ...) case c: return OP_##n;
#define WIDE2(n, c, ...) case c: return OP_##n;
#define WIDE4(n, c, ...) case c: return OP_##n;
#define LANE1(n, c, ...) case c: return OP_##n;
#define LANE2(n, c, ...) case c: return OP_##n;
#define SHUFFLE(n, c, ...) case c: return OP_##n;
#define LOAD(n, c, ...) case c: return OP_##n;
#define LOADX(n, c, ...) case c: return OP_##n;
#define LOADL(n, c, ...) case c: return OP_##n;
#define STORE(n, c, ...) case c: return OP_##n;
#define STOREL(n, c, ...) case c: return OP_##n;
#define CONST(n, c, ...) case c: return OP_##n;
#define TYPED(n, c, ...) case c: return OP_##n;
#define ALOAD(n, c, ...) case c: return OP_##n;
#define ASTORE(n, c, ...) case c: return OP_##n;
#define ARMW(n, c, ...) case c: return OP_##n;
#define ACMPXCHG(n, c, ...) case c: return OP_##n;
#define ATOMIC(n, c, ...) case c: return OP_##n;
#define SPECIAL(n, c, ...) case c: return OP_##n;
#include "ops/ops.def"
    default: return OP_NONE;
    }
}

FeatureId tern_op_left_out(u32 prefix, u32 opcode)
{
    if (!TERN_GC && prefix == 0xfb) return FEATURE_GC;
    if (!TERN_SIMD && prefix == 0xfd) return FEATURE_SIMD;
    if (!TERN_THREADS && prefix == 0xfe) return FEATURE_THREADS;
    switch (prefix << 16 | opcode) {
#define OPS_ABSENT 1
#define WIDE2(n, c, t, f, ...) case c: return FEATURE_##f;
#define WIDE4(n, c, t, f, ...) case c: return FEATURE_##f;
#define SPECIAL(n, c, t, f, ...) case c: return FEATURE_##f;
#include "ops/ops.def"
    default: return FEATURE_COUNT;
    }
}

/* Every byte is OP_NONE until a row says otherwise. A row with a prefix has no byte of its own:
 * it says OP_NONE again for 0xff, which is no instruction. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const OpNumber tern_op_of_byte[256] = {
    [0 ... 255] = OP_NONE,
#define BYTE(n, c) [(c) < 0x100 ? (c) : 0xff] = (c) < 0x100 ? OP_##n : OP_NONE,
#define NUM1(n, c, ...) BYTE(n, c)
#define NUM2(n, c, ...) BYTE(n, c)
#define NUM2C(n, c, ...) BYTE(n, c)
#define NUM3(n, c, ...) BYTE(n, c)
#define NUM1T(n, c, ...) BYTE(n, c)
#define NUM2T(n, c, ...) BYTE(n, c)
#define TEST1(n, c, ...) BYTE(n, c)
#define CMP2(n, c, ...) BYTE(n, c)
#define WIDE2(n, c, ...) BYTE(n, c)
#define WIDE4(n, c, ...) BYTE(n, c)
#define LANE1(n, c, ...) BYTE(n, c)
#define LANE2(n, c, ...) BYTE(n, c)
#define SHUFFLE(n, c, ...) BYTE(n, c)
#define LOAD(n, c, ...) BYTE(n, c)
#define LOADX(n, c, ...) BYTE(n, c)
#define LOADL(n, c, ...) BYTE(n, c)
#define STORE(n, c, ...) BYTE(n, c)
#define STOREL(n, c, ...) BYTE(n, c)
#define CONST(n, c, ...) BYTE(n, c)
#define TYPED(n, c, ...) BYTE(n, c)
#define ALOAD(n, c, ...) BYTE(n, c)
#define ASTORE(n, c, ...) BYTE(n, c)
#define ARMW(n, c, ...) BYTE(n, c)
#define ACMPXCHG(n, c, ...) BYTE(n, c)
#define ATOMIC(n, c, ...) BYTE(n, c)
#define SPECIAL(n, c, ...) BYTE(n, c)
#include "ops/ops.def"
};
#pragma GCC diagnostic pop

Op tern_op_of_text(const char *text)
{
    for (u32 op = 0; op < OP_COUNT; op++)
        if (strcmp(tern_op_info[op].text, text) == 0) return (Op)op;
    return OP_NONE;
}

const FeatureInfo tern_feature_info[FEATURE_COUNT] = {
#define FEATURE(name, text, version, ...) [FEATURE_##name] = {text, version},
#include "ops/features.def"
};
