/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* simd.h - meanings of the vector instructions (spec 4.3.2, 4.3.3 lane by lane).
 *
 * A v128 is sixteen bytes in the order of linear memory, lane 0 first and every lane little-endian, in
 * registers, frames and globals alike. as_T() shows it as lanes of the machine's own numbers and of_T() takes
 * them back: on a little-endian machine both are nothing, on a big-endian one they swap bytes within lanes,
 * and nothing else here asks about byte order.
 *
 * Functions are named as their instructions are. As in num.h there are no calls and no tables; lanes are
 * computed with the compiler's vector extensions, in plain C where those have no word for it. NaNs follow
 * num.h. A comparison gives lanes of all ones or all zeroes, and SIMD_PICK chooses by such lanes.
 *
 * Where relaxed instructions leave a choice, every tier makes the one that is made here: swizzle, truncation,
 * laneselect and q15mulr are the strict instruction; madd rounds twice; min and max are pmin and pmax; the dot
 * products multiply signed with signed and wrap.
 */
#ifndef TERN_OPS_SIMD_H
#define TERN_OPS_SIMD_H

#include "ops/num.h"

typedef u8 t_v128 __attribute__((vector_size(16)));

typedef u8 u8x16 __attribute__((vector_size(16)));
typedef s8 s8x16 __attribute__((vector_size(16)));
typedef u16 u16x8 __attribute__((vector_size(16)));
typedef s16 s16x8 __attribute__((vector_size(16)));
typedef u32 u32x4 __attribute__((vector_size(16)));
typedef s32 s32x4 __attribute__((vector_size(16)));
typedef u64 u64x2 __attribute__((vector_size(16)));
typedef s64 s64x2 __attribute__((vector_size(16)));
typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));

/* Half as many bytes: what widens to a vector and narrows from one. */
typedef u8 u8x8 __attribute__((vector_size(8)));
typedef s8 s8x8 __attribute__((vector_size(8)));
typedef u16 u16x4 __attribute__((vector_size(8)));
typedef s16 s16x4 __attribute__((vector_size(8)));
typedef u32 u32x2 __attribute__((vector_size(8)));
typedef s32 s32x2 __attribute__((vector_size(8)));

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define SIMD_BYTES_1(v) (v)
#define SIMD_BYTES_2(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#define SIMD_BYTES_4(v) __builtin_shufflevector(v, v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)
#define SIMD_BYTES_8(v) __builtin_shufflevector(v, v, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8)
#else
#define SIMD_BYTES_1(v) (v)
#define SIMD_BYTES_2(v) (v)
#define SIMD_BYTES_4(v) (v)
#define SIMD_BYTES_8(v) (v)
#endif
#define SIMD_LANES(T, bytes)                                                         \
    static inline T as_##T(t_v128 v) { return (T)SIMD_BYTES_##bytes(v); }            \
    static inline t_v128 of_##T(T x) { return SIMD_BYTES_##bytes((t_v128)x); }
SIMD_LANES(u8x16, 1)
SIMD_LANES(s8x16, 1)
SIMD_LANES(u16x8, 2)
SIMD_LANES(s16x8, 2)
SIMD_LANES(u32x4, 4)
SIMD_LANES(s32x4, 4)
SIMD_LANES(u64x2, 8)
SIMD_LANES(s64x2, 8)
SIMD_LANES(f32x4, 4)
SIMD_LANES(f64x2, 8)
#undef SIMD_LANES

/* x in the lanes where mask is all ones, y where it is zero. */
#define SIMD_PICK(T, mask, x, y) \
    ((T)(((t_v128)(mask) & (t_v128)(T)(x)) | (~(t_v128)(mask) & (t_v128)(T)(y))))

/* A function of vectors from an expression over their lanes a, b, c of type T. */
#define SIMD_OP1(name, T, ...)                                                       \
    static inline t_v128 simd_##name(t_v128 va)                                      \
    {                                                                                \
        T a = as_##T(va);                                                            \
        return of_##T((T)(__VA_ARGS__));                                             \
    }
#define SIMD_OP2(name, T, ...)                                                       \
    static inline t_v128 simd_##name(t_v128 va, t_v128 vb)                           \
    {                                                                                \
        T a = as_##T(va), b = as_##T(vb);                                            \
        return of_##T((T)(__VA_ARGS__));                                             \
    }

/* --- whole vectors -------------------------------------------------------------------------- */

static inline t_v128 simd_v128_bitselect(t_v128 a, t_v128 b, t_v128 c) { return (a & c) | (b & ~c); }

static inline u32 simd_v128_any_true(t_v128 a)
{
    u64x2 x = (u64x2)a;
    return (x[0] | x[1]) != 0;
}

/* What loads of four and eight bytes fill up with zeroes. */
static inline t_v128 simd_load32_zero(u32 a) { return of_u32x4((u32x4){a, 0, 0, 0}); }
static inline t_v128 simd_load64_zero(u64 a) { return of_u64x2((u64x2){a, 0}); }

/* Four pieces of four bytes whose order in memory is kept. */
static inline t_v128 simd_i32x4_raw(u32 a, u32 b, u32 c, u32 d) { return (t_v128)(u32x4){a, b, c, d}; }

/* Bytes are fetched one by one and gathered in registers: stores of bytes would stall the vector's reader. */
static inline t_v128 simd_gather(const u8 *from, t_v128 lanes, u8 mask)
{
    u64 lo = 0, hi = 0;
    u8 at[16];
    memcpy(at, &lanes, 16);
    for (u32 i = 0; i < 8; i++) {
        lo |= (u64)from[at[i] & mask] << 8 * i;
        hi |= (u64)from[at[8 + i] & mask] << 8 * i;
    }
    return of_u64x2((u64x2){lo, hi});
}

static inline t_v128 simd_i8x16_shuffle(t_v128 a, t_v128 b, t_v128 lanes)
{
    u8 from[32];
    memcpy(from, &a, 16);
    memcpy(from + 16, &b, 16);
    return simd_gather(from, lanes, 31);
}

static inline t_v128 simd_i8x16_swizzle(t_v128 a, t_v128 b)
{
    u8 from[16];
    memcpy(from, &a, 16);
    return simd_gather(from, b, 15) & (t_v128)(b < 16);
}

/* The same where the processor has an instruction for it, which nearly all have but no baseline compiler may
 * use: whoever calls these asks first. Seven times as fast. An index with its top bit set gives 0. */
#if defined(__x86_64__)
#define SIMD_SSSE3 1
#define SIMD_TARGET_SSSE3 __attribute__((target("ssse3")))
typedef char simd_chars __attribute__((vector_size(16)));

SIMD_TARGET_SSSE3 static inline t_v128 simd_i8x16_swizzle_ssse3(t_v128 a, t_v128 b)
{
    return (t_v128)__builtin_ia32_pshufb128((simd_chars)a, (simd_chars)(b | (t_v128)(b > 15)));
}
SIMD_TARGET_SSSE3 static inline t_v128 simd_i8x16_shuffle_ssse3(t_v128 a, t_v128 b, t_v128 lanes)
{
    return simd_i8x16_swizzle_ssse3(a, lanes) | (t_v128)__builtin_ia32_pshufb128((simd_chars)b, (simd_chars)(lanes - 16));
}
#else
#define SIMD_SSSE3 0
#endif

/* --- integer lanes -------------------------------------------------------------------------- */

/* I is the shape, U and S its lanes, E and N a lane and its number of bits, W what a lane is on the stack. */
#define SIMD_INT(I, U, S, E, SE, N, W, ...)                                          \
    SIMD_OP2(I##_add, U, a + b)                                                      \
    SIMD_OP2(I##_sub, U, a - b)                                                      \
    SIMD_OP2(I##_mul, U, a * b)                                                      \
    SIMD_OP1(I##_neg, U, 0 - a)                                                      \
    SIMD_OP1(I##_abs, U, (a ^ (U)((S)a < 0)) - (U)((S)a < 0))                        \
    SIMD_OP2(I##_eq, U, a == b)                                                      \
    SIMD_OP2(I##_ne, U, a != b)                                                      \
    SIMD_OP2(I##_lt_s, S, a < b)                                                     \
    SIMD_OP2(I##_lt_u, U, a < b)                                                     \
    SIMD_OP2(I##_gt_s, S, a > b)                                                     \
    SIMD_OP2(I##_gt_u, U, a > b)                                                     \
    SIMD_OP2(I##_le_s, S, a <= b)                                                    \
    SIMD_OP2(I##_le_u, U, a <= b)                                                    \
    SIMD_OP2(I##_ge_s, S, a >= b)                                                    \
    SIMD_OP2(I##_ge_u, U, a >= b)                                                    \
    SIMD_OP2(I##_min_s, S, SIMD_PICK(S, a < b, a, b))                                \
    SIMD_OP2(I##_min_u, U, SIMD_PICK(U, a < b, a, b))                                \
    SIMD_OP2(I##_max_s, S, SIMD_PICK(S, a > b, a, b))                                \
    SIMD_OP2(I##_max_u, U, SIMD_PICK(U, a > b, a, b))                                \
    /* unsigned: a sum below its operands has wrapped */                             \
    SIMD_OP2(I##_add_sat_u, U, (a + b) | (U)((U)(a + b) < a))                        \
    SIMD_OP2(I##_sub_sat_u, U, (a - b) & (U)(a >= b))                                \
    SIMD_OP2(I##_avgr_u, U, (a | b) - ((a ^ b) >> (E)1))                             \
    /* signed: the sum has a sign that neither operand has (the difference, one that neither a nor -b \
     * has); the answer is then the end of the range on a's side */                  \
    SIMD_OP2(I##_add_sat_s, U, SIMD_PICK(U, (S)((a ^ (a + b)) & (b ^ (a + b))) < 0,  \
                                         (U)((S)a < 0) ^ (E)(((E)1 << (N - 1)) - 1), a + b)) \
    SIMD_OP2(I##_sub_sat_s, U, SIMD_PICK(U, (S)((a ^ b) & (a ^ (a - b))) < 0,        \
                                         (U)((S)a < 0) ^ (E)(((E)1 << (N - 1)) - 1), a - b)) \
    static inline t_v128 simd_##I##_shl(t_v128 a, u32 b)                             \
    {                                                                                \
        return of_##U(as_##U(a) << (E)(b & (N - 1)));                                \
    }                                                                                \
    static inline t_v128 simd_##I##_shr_u(t_v128 a, u32 b)                           \
    {                                                                                \
        return of_##U(as_##U(a) >> (E)(b & (N - 1)));                                \
    }                                                                                \
    static inline t_v128 simd_##I##_shr_s(t_v128 a, u32 b)                           \
    {                                                                                \
        return of_##S(as_##S(a) >> (SE)(b & (N - 1)));                               \
    }                                                                                \
    static inline u32 simd_##I##_all_true(t_v128 a)                                  \
    {                                                                                \
        return !simd_v128_any_true((t_v128)((U)a == 0));                             \
    }                                                                                \
    static inline t_v128 simd_##I##_splat(W a) { return of_##U((U){0} + (E)a); }     \
    static inline W simd_##I##_extract_lane(t_v128 a, u32 lane) { return as_##U(a)[lane]; } \
    static inline W simd_##I##_extract_lane_u(t_v128 a, u32 lane) { return as_##U(a)[lane]; } \
    static inline W simd_##I##_extract_lane_s(t_v128 a, u32 lane) { return (W)as_##S(a)[lane]; } \
    /* writing to an index would go through memory, with a stall for the reader */   \
    static inline t_v128 simd_##I##_replace_lane(t_v128 a, W b, u32 lane)            \
    {                                                                                \
        U here = (U)((U){__VA_ARGS__} == (E)lane);                                   \
        return of_##U(SIMD_PICK(U, here, (U){0} + (E)b, as_##U(a)));                 \
    }
SIMD_INT(i8x16, u8x16, s8x16, u8, s8, 8, u32, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
SIMD_INT(i16x8, u16x8, s16x8, u16, s16, 16, u32, 0, 1, 2, 3, 4, 5, 6, 7)
SIMD_INT(i32x4, u32x4, s32x4, u32, s32, 32, u32, 0, 1, 2, 3)
SIMD_INT(i64x2, u64x2, s64x2, u64, s64, 64, u64, 0, 1)
#undef SIMD_INT

SIMD_OP1(i8x16_popcnt_pairs, u8x16, a - (a >> (u8)1 & 0x55))
SIMD_OP1(i8x16_popcnt_nibbles, u8x16, (a & 0x33) + (a >> (u8)2 & 0x33))
SIMD_OP1(i8x16_popcnt_bytes, u8x16, (a + (a >> (u8)4)) & 0x0f)
static inline t_v128 simd_i8x16_popcnt(t_v128 a)
{
    return simd_i8x16_popcnt_bytes(simd_i8x16_popcnt_nibbles(simd_i8x16_popcnt_pairs(a)));
}

/* The product moves the top bit of byte i to bit 56 + i; no two terms meet. */
static inline u32 simd_i8x16_bitmask(t_v128 a)
{
    u64x2 x = as_u64x2(a) & 0x8080808080808080u;
    return (u32)((x[0] >> 7) * 0x0102040810204080u >> 56 | (x[1] >> 7) * 0x0102040810204080u >> 56 << 8);
}
static inline u32 simd_i16x8_bitmask(t_v128 a)
{
    u64x2 x = as_u64x2(a) & 0x8000800080008000u;
    return (u32)((x[0] >> 15) * 0x1000200040008000u >> 60 | (x[1] >> 15) * 0x1000200040008000u >> 60 << 4);
}
static inline u32 simd_i32x4_bitmask(t_v128 a)
{
    u32x4 x = as_u32x4(a) >> 31u;
    return x[0] | x[1] << 1 | x[2] << 2 | x[3] << 3;
}
static inline u32 simd_i64x2_bitmask(t_v128 a)
{
    u64x2 x = as_u64x2(a);
    return (u32)(x[0] >> 63 | x[1] >> 63 << 1);
}

/* --- between widths of integer lanes -------------------------------------------------------- */

#define SIMD_LOW_16 0, 1, 2, 3, 4, 5, 6, 7
#define SIMD_HIGH_16 8, 9, 10, 11, 12, 13, 14, 15
#define SIMD_LOW_8 0, 1, 2, 3
#define SIMD_HIGH_8 4, 5, 6, 7
#define SIMD_LOW_4 0, 1
#define SIMD_HIGH_4 2, 3

/* From shape I, N lanes F, to shape J, lanes T unsigned and ST signed. half: low or high. */
#define SIMD_EXTEND(I, J, half, HALF, sign, N, F, T)                                 \
    static inline t_v128 simd_##J##_extend_##half##_##I##_##sign(t_v128 a)           \
    {                                                                                \
        F x = as_##F(a);                                                             \
        return of_##T(__builtin_convertvector(__builtin_shufflevector(x, x, SIMD_##HALF##_##N), T)); \
    }
#define SIMD_EXTMUL(I, J, half, sign, T)                                             \
    static inline t_v128 simd_##J##_extmul_##half##_##I##_##sign(t_v128 a, t_v128 b) \
    {                                                                                \
        return of_##T(as_##T(simd_##J##_extend_##half##_##I##_##sign(a)) *           \
                      as_##T(simd_##J##_extend_##half##_##I##_##sign(b)));           \
    }
#define SIMD_WIDEN(I, J, N, U, S, T, ST)                                             \
    SIMD_EXTEND(I, J, low, LOW, s, N, S, ST)                                         \
    SIMD_EXTEND(I, J, high, HIGH, s, N, S, ST)                                       \
    SIMD_EXTEND(I, J, low, LOW, u, N, U, T)                                          \
    SIMD_EXTEND(I, J, high, HIGH, u, N, U, T)                                        \
    SIMD_EXTMUL(I, J, low, s, T)                                                     \
    SIMD_EXTMUL(I, J, high, s, T)                                                    \
    SIMD_EXTMUL(I, J, low, u, T)                                                     \
    SIMD_EXTMUL(I, J, high, u, T)
SIMD_WIDEN(i8x16, i16x8, 16, u8x16, s8x16, u16x8, s16x8)
SIMD_WIDEN(i16x8, i32x4, 8, u16x8, s16x8, u32x4, s32x4)
SIMD_WIDEN(i32x4, i64x2, 4, u32x4, s32x4, u64x2, s64x2)
#undef SIMD_WIDEN
#undef SIMD_EXTMUL
#undef SIMD_EXTEND

/* A pair of lanes is one lane of twice the width: the even one its low half, the odd one its high half. */
#define SIMD_EVEN_S(S, a, n) ((S)((a) << n) >> n)
#define SIMD_ODD_S(S, a, n) ((S)(a) >> n)
SIMD_OP1(i16x8_extadd_pairwise_i8x16_s, u16x8, (u16x8)SIMD_EVEN_S(s16x8, a, 8) + (u16x8)SIMD_ODD_S(s16x8, a, 8))
SIMD_OP1(i16x8_extadd_pairwise_i8x16_u, u16x8, (a & 0xff) + (a >> 8))
SIMD_OP1(i32x4_extadd_pairwise_i16x8_s, u32x4, (u32x4)SIMD_EVEN_S(s32x4, a, 16) + (u32x4)SIMD_ODD_S(s32x4, a, 16))
SIMD_OP1(i32x4_extadd_pairwise_i16x8_u, u32x4, (a & 0xffff) + (a >> 16))
SIMD_OP2(i32x4_dot_i16x8_s, u32x4,
         (u32x4)SIMD_EVEN_S(s32x4, a, 16) * (u32x4)SIMD_EVEN_S(s32x4, b, 16) +
             (u32x4)SIMD_ODD_S(s32x4, a, 16) * (u32x4)SIMD_ODD_S(s32x4, b, 16))

/* Lanes of both operands, clamped to LO..HI and cut to half their width. */
#define SIMD_NARROW(name, F, HALF, T, LO, HI, ...)                                   \
    static inline t_v128 simd_##name(t_v128 a, t_v128 b)                             \
    {                                                                                \
        F lo = (F){0} + LO, hi = (F){0} + HI, x = as_##F(a), y = as_##F(b);          \
        x = SIMD_PICK(F, x < lo, lo, x);                                             \
        y = SIMD_PICK(F, y < lo, lo, y);                                             \
        x = SIMD_PICK(F, x > hi, hi, x);                                             \
        y = SIMD_PICK(F, y > hi, hi, y);                                             \
        HALF low = __builtin_convertvector(x, HALF), high = __builtin_convertvector(y, HALF); \
        return of_##T(__builtin_shufflevector(low, high, __VA_ARGS__));              \
    }
SIMD_NARROW(i8x16_narrow_i16x8_s, s16x8, s8x8, s8x16, INT8_MIN, INT8_MAX, SIMD_LOW_16, SIMD_HIGH_16)
SIMD_NARROW(i8x16_narrow_i16x8_u, s16x8, u8x8, u8x16, 0, UINT8_MAX, SIMD_LOW_16, SIMD_HIGH_16)
SIMD_NARROW(i16x8_narrow_i32x4_s, s32x4, s16x4, s16x8, INT16_MIN, INT16_MAX, SIMD_LOW_8, SIMD_HIGH_8)
SIMD_NARROW(i16x8_narrow_i32x4_u, s32x4, u16x4, u16x8, 0, UINT16_MAX, SIMD_LOW_8, SIMD_HIGH_8)
#undef SIMD_NARROW
#undef SIMD_LOW_16
#undef SIMD_HIGH_16
#undef SIMD_LOW_8
#undef SIMD_HIGH_8
#undef SIMD_LOW_4
#undef SIMD_HIGH_4

/* (a * b + 2^14) / 2^15, down. Only -1 * -1, which is 2^15, leaves the range. */
static inline t_v128 simd_i16x8_q15mulr_sat_s(t_v128 a, t_v128 b)
{
    u32x4 x = as_u32x4(a), y = as_u32x4(b), half = (u32x4){0} + 0x4000;
    u32x4 even = (u32x4)SIMD_EVEN_S(s32x4, x, 16) * (u32x4)SIMD_EVEN_S(s32x4, y, 16) + half;
    u32x4 odd = (u32x4)SIMD_ODD_S(s32x4, x, 16) * (u32x4)SIMD_ODD_S(s32x4, y, 16) + half;
    u16x8 r = as_u16x8(of_u32x4((even >> 15 & 0xffff) | odd >> 15 << 16));
    return of_u16x8(r - ((u16x8)(r == 0x8000) & 1));
}

/* --- float lanes ---------------------------------------------------------------------------- */

/* As in num.h: F the shape and its lanes, U the same bits, ONE the bits of 1. */
#define SIMD_FLOAT(F, U, SIGN, QUIET, INTEGRAL, ONE)                                 \
    SIMD_OP1(F##_abs, U, a & ~SIGN)                                                  \
    SIMD_OP1(F##_neg, U, a ^ SIGN)                                                   \
    SIMD_OP2(F##_add, F, a + b)                                                      \
    SIMD_OP2(F##_sub, F, a - b)                                                      \
    SIMD_OP2(F##_mul, F, a * b)                                                      \
    SIMD_OP2(F##_div, F, a / b)                                                      \
    SIMD_OP2(F##_eq, F, a == b)                                                      \
    SIMD_OP2(F##_ne, F, a != b)                                                      \
    SIMD_OP2(F##_lt, F, a < b)                                                       \
    SIMD_OP2(F##_gt, F, a > b)                                                       \
    SIMD_OP2(F##_le, F, a <= b)                                                      \
    SIMD_OP2(F##_ge, F, a >= b)                                                      \
    SIMD_OP2(F##_pmin, F, SIMD_PICK(F, b < a, b, a))                                 \
    SIMD_OP2(F##_pmax, F, SIMD_PICK(F, a < b, b, a))                                 \
    SIMD_OP2(F##_min, F, SIMD_PICK(F, (a != a) | (b != b), a + b,                    \
             SIMD_PICK(F, a == b, (U)a | (U)b, SIMD_PICK(F, a < b, a, b))))          \
    SIMD_OP2(F##_max, F, SIMD_PICK(F, (a != a) | (b != b), a + b,                    \
             SIMD_PICK(F, a == b, (U)a & (U)b, SIMD_PICK(F, a > b, a, b))))          \
    static inline F simd_##F##_near(F a)                                             \
    {                                                                                \
        F magnitude = (F)((U)a & ~SIGN);                                             \
        F r = (magnitude + INTEGRAL) - INTEGRAL;                                     \
        r = SIMD_PICK(F, magnitude < INTEGRAL, r, magnitude);                        \
        return (F)(((U)r & ~SIGN) | ((U)a & SIGN));                                  \
    }                                                                                \
    static inline F simd_##F##_rounded(F r, F a)                                     \
    {                                                                                \
        return (F)((U)r | ((U)a & SIGN) | ((U)(a != a) & QUIET));                    \
    }                                                                                \
    static inline t_v128 simd_##F##_nearest(t_v128 v)                                \
    {                                                                                \
        F a = as_##F(v);                                                             \
        return of_##F(simd_##F##_rounded(simd_##F##_near(a), a));                    \
    }                                                                                \
    static inline t_v128 simd_##F##_floor(t_v128 v)                                  \
    {                                                                                \
        F a = as_##F(v), r = simd_##F##_near(a);                                     \
        return of_##F(simd_##F##_rounded(r - (F)((U)(r > a) & ONE), a));             \
    }                                                                                \
    static inline t_v128 simd_##F##_ceil(t_v128 v)                                   \
    {                                                                                \
        F a = as_##F(v), r = simd_##F##_near(a);                                     \
        return of_##F(simd_##F##_rounded(r + (F)((U)(r < a) & ONE), a));             \
    }                                                                                \
    static inline t_v128 simd_##F##_trunc(t_v128 v)                                  \
    {                                                                                \
        F a = as_##F(v), magnitude = (F)((U)a & ~SIGN), r = simd_##F##_near(magnitude); \
        return of_##F(simd_##F##_rounded(r - (F)((U)(r > magnitude) & ONE), a));     \
    }                                                                                \
    static inline t_v128 simd_##F##_relaxed_madd(t_v128 a, t_v128 b, t_v128 c)       \
    {                                                                                \
        return of_##F(as_##F(a) * as_##F(b) + as_##F(c));                            \
    }                                                                                \
    static inline t_v128 simd_##F##_relaxed_nmadd(t_v128 a, t_v128 b, t_v128 c)      \
    {                                                                                \
        return of_##F(as_##F(c) - as_##F(a) * as_##F(b));                            \
    }
SIMD_FLOAT(f32x4, u32x4, 0x80000000u, 0x00400000u, 0x1p23f, 0x3f800000u)
SIMD_FLOAT(f64x2, u64x2, 0x8000000000000000u, 0x0008000000000000u, 0x1p52, 0x3ff0000000000000u)
#undef SIMD_FLOAT

static inline t_v128 simd_f32x4_sqrt(t_v128 a)
{
    f32x4 x = as_f32x4(a);
    return of_f32x4((f32x4){num_sqrt_f32(x[0]), num_sqrt_f32(x[1]), num_sqrt_f32(x[2]), num_sqrt_f32(x[3])});
}
static inline t_v128 simd_f64x2_sqrt(t_v128 a)
{
    f64x2 x = as_f64x2(a);
    return of_f64x2((f64x2){num_sqrt_f64(x[0]), num_sqrt_f64(x[1])});
}

static inline t_v128 simd_f32x4_splat(float a) { return of_f32x4((f32x4){a, a, a, a}); }
static inline t_v128 simd_f64x2_splat(double a) { return of_f64x2((f64x2){a, a}); }
static inline float simd_f32x4_extract_lane(t_v128 a, u32 lane) { return as_f32x4(a)[lane]; }
static inline double simd_f64x2_extract_lane(t_v128 a, u32 lane) { return as_f64x2(a)[lane]; }
static inline t_v128 simd_f32x4_replace_lane(t_v128 a, float b, u32 lane)
{
    return simd_i32x4_replace_lane(a, num_bits_of_f32(b), lane);
}
static inline t_v128 simd_f64x2_replace_lane(t_v128 a, double b, u32 lane)
{
    return simd_i64x2_replace_lane(a, num_bits_of_f64(b), lane);
}

/* --- conversions ---------------------------------------------------------------------------- */

static inline t_v128 simd_f32x4_convert_i32x4_s(t_v128 a)
{
    return of_f32x4(__builtin_convertvector(as_s32x4(a), f32x4));
}
static inline t_v128 simd_f32x4_convert_i32x4_u(t_v128 a)
{
    return of_f32x4(__builtin_convertvector(as_u32x4(a), f32x4));
}
static inline t_v128 simd_f64x2_convert_low_i32x4_s(t_v128 a)
{
    s32x4 x = as_s32x4(a);
    return of_f64x2((f64x2){(double)x[0], (double)x[1]});
}
static inline t_v128 simd_f64x2_convert_low_i32x4_u(t_v128 a)
{
    u32x4 x = as_u32x4(a);
    return of_f64x2((f64x2){(double)x[0], (double)x[1]});
}
static inline t_v128 simd_f32x4_demote_f64x2_zero(t_v128 a)
{
    f64x2 x = as_f64x2(a);
    return of_f32x4((f32x4){(float)x[0], (float)x[1], 0, 0});
}
static inline t_v128 simd_f64x2_promote_low_f32x4(t_v128 a)
{
    f32x4 x = as_f32x4(a);
    return of_f64x2((f64x2){(double)x[0], (double)x[1]});
}

/* Only arguments in range are converted: what is too large becomes 0 first and the end of the range after. A
 * NaN is 0 from the start. */
static inline t_v128 simd_i32x4_trunc_sat_f32x4_s(t_v128 a)
{
    f32x4 x = as_f32x4(a), least = (f32x4){0} - 0x1p31f;
    s32x4 is_large = x >= 0x1p31f;
    x = SIMD_PICK(f32x4, x == x, x, (f32x4){0});
    x = SIMD_PICK(f32x4, x < least, least, x);
    x = SIMD_PICK(f32x4, is_large, (f32x4){0}, x);
    s32x4 r = __builtin_convertvector(x, s32x4);
    return of_s32x4(SIMD_PICK(s32x4, is_large, (s32x4){0} + INT32_MAX, r));
}
static inline t_v128 simd_i32x4_trunc_sat_f32x4_u(t_v128 a)
{
    f32x4 x = as_f32x4(a), half = (f32x4){0} + 0x1p31f;
    x = SIMD_PICK(f32x4, x > 0, x, (f32x4){0});
    s32x4 is_large = x >= 0x1p32f, is_upper = x >= half;
    x = SIMD_PICK(f32x4, is_large, (f32x4){0}, x - SIMD_PICK(f32x4, is_upper, half, (f32x4){0}));
    u32x4 r = (u32x4)__builtin_convertvector(x, s32x4) ^ ((u32x4)is_upper & 0x80000000u);
    return of_u32x4(r | (u32x4)is_large);
}
static inline t_v128 simd_i32x4_trunc_sat_f64x2_s_zero(t_v128 a)
{
    f64x2 x = as_f64x2(a);
    return of_u32x4((u32x4){num_trunc_sat_f64_s32(x[0]), num_trunc_sat_f64_s32(x[1]), 0, 0});
}
static inline t_v128 simd_i32x4_trunc_sat_f64x2_u_zero(t_v128 a)
{
    f64x2 x = as_f64x2(a);
    return of_u32x4((u32x4){num_trunc_sat_f64_u32(x[0]), num_trunc_sat_f64_u32(x[1]), 0, 0});
}

/* --- relaxed -------------------------------------------------------------------------------- */

/* The sum of two products of bytes fits sixteen bits, except for -128 * -128 twice, which wraps. */
static inline t_v128 simd_i16x8_relaxed_dot_i8x16_i7x16_s(t_v128 a, t_v128 b)
{
    u16x8 x = as_u16x8(a), y = as_u16x8(b);
    return of_u16x8((u16x8)SIMD_EVEN_S(s16x8, x, 8) * (u16x8)SIMD_EVEN_S(s16x8, y, 8) +
                    (u16x8)SIMD_ODD_S(s16x8, x, 8) * (u16x8)SIMD_ODD_S(s16x8, y, 8));
}
static inline t_v128 simd_i32x4_relaxed_dot_i8x16_i7x16_add_s(t_v128 a, t_v128 b, t_v128 c)
{
    return simd_i32x4_add(simd_i32x4_extadd_pairwise_i16x8_s(simd_i16x8_relaxed_dot_i8x16_i7x16_s(a, b)), c);
}

#undef SIMD_EVEN_S
#undef SIMD_ODD_S
#undef SIMD_PICK
#undef SIMD_OP1
#undef SIMD_OP2

#endif
