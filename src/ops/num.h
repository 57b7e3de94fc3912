/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* num.h - numeric meanings that do not fit in one C expression (spec 4.3).
 *
 * The interpreter, the JIT stencils and the bitcode of the LLVM tier all compile these same
 * functions, so they are self-contained: no tables, no globals, no calls, not even the libm and
 * libgcc ones that compilers make of __builtin_floor or __builtin_popcount on a baseline
 * x86-64. What a translation unit owes them: -fno-math-errno (sqrt is one instruction then),
 * -ffp-contract=off, no -ffast-math, and arithmetic in the operands' own precision, so not x87.
 *
 * NaNs (spec 4.3.3): arithmetic leaves the choice of a quiet NaN to the machine, whose answer
 * is always one the specification allows. What must move bits untouched (abs, neg, copysign,
 * reinterpret) is written on bits. A compiler that folds x * 1.0 or demote(promote(x)) to x
 * lets a signalling NaN through: machines that see more than one instruction at a time must
 * forbid that themselves.
 */
#ifndef TERN_OPS_NUM_H
#define TERN_OPS_NUM_H

#include "base/types.h"
#include "ops/trap.h"

/* The C type of an operand of each value type; signed meanings cast. */
typedef u32 t_i32;
typedef u64 t_i64;
typedef float t_f32;
typedef double t_f64;

#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "float arithmetic must not be done in a wider type"
#endif

/* Bits */

typedef union NumF32 {
    u32 bits;
    float value;
} NumF32;
typedef union NumF64 {
    u64 bits;
    double value;
} NumF64;

static inline u32 num_bits_of_f32(float a) { return (NumF32){.value = a}.bits; }
static inline u64 num_bits_of_f64(double a) { return (NumF64){.value = a}.bits; }
static inline float num_f32_of_bits(u32 a) { return (NumF32){.bits = a}.value; }
static inline double num_f64_of_bits(u64 a) { return (NumF64){.bits = a}.value; }

/* Integers (spec 4.3.2) */

static inline u32 num_clz32(u32 a) { return a == 0 ? 32 : (u32)__builtin_clz(a); }
static inline u64 num_clz64(u64 a) { return a == 0 ? 64 : (u64)__builtin_clzll(a); }
static inline u32 num_ctz32(u32 a) { return a == 0 ? 32 : (u32)__builtin_ctz(a); }
static inline u64 num_ctz64(u64 a) { return a == 0 ? 64 : (u64)__builtin_ctzll(a); }

/* Sums of pairs, of nibbles, of bytes; the product gathers the bytes' sums in the top one. */
static inline u32 num_popcnt32(u32 a)
{
    a -= a >> 1 & 0x55555555u;
    a = (a & 0x33333333u) + (a >> 2 & 0x33333333u);
    a = (a + (a >> 4)) & 0x0f0f0f0fu;
    return a * 0x01010101u >> 24;
}
static inline u64 num_popcnt64(u64 a)
{
    a -= a >> 1 & 0x5555555555555555u;
    a = (a & 0x3333333333333333u) + (a >> 2 & 0x3333333333333333u);
    a = (a + (a >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return a * 0x0101010101010101u >> 56;
}

static inline u32 num_rotl32(u32 a, u32 b) { return a << (b & 31) | a >> ((0 - b) & 31); }
static inline u64 num_rotl64(u64 a, u64 b) { return a << (b & 63) | a >> ((0 - b) & 63); }
static inline u32 num_rotr32(u32 a, u32 b) { return a >> (b & 31) | a << ((0 - b) & 31); }
static inline u64 num_rotr64(u64 a, u64 b) { return a >> (b & 63) | a << ((0 - b) & 63); }

/* The remainder of the most negative value by -1 is 0 (not a trap), but the machine's division
 * faults on it, so -1 never reaches the machine. */
#define NUM_DIVISION(N)                                                          \
    static inline TrapCode num_div_s##N(u##N a, u##N b, u##N *r)                 \
    {                                                                            \
        if (UNLIKELY(b == 0)) return TRAP_DIVIDE_BY_ZERO;                        \
        if (UNLIKELY(a == (u##N)1 << (N - 1) && b == (u##N)-1))                  \
            return TRAP_INTEGER_OVERFLOW;                                        \
        *r = (u##N)((s##N)a / (s##N)b);                                          \
        return TRAP_NONE;                                                        \
    }                                                                            \
    static inline TrapCode num_div_u##N(u##N a, u##N b, u##N *r)                 \
    {                                                                            \
        if (UNLIKELY(b == 0)) return TRAP_DIVIDE_BY_ZERO;                        \
        *r = a / b;                                                              \
        return TRAP_NONE;                                                        \
    }                                                                            \
    static inline TrapCode num_rem_s##N(u##N a, u##N b, u##N *r)                 \
    {                                                                            \
        if (UNLIKELY(b == 0)) return TRAP_DIVIDE_BY_ZERO;                        \
        *r = UNLIKELY(b == (u##N)-1) ? 0 : (u##N)((s##N)a % (s##N)b);            \
        return TRAP_NONE;                                                        \
    }                                                                            \
    static inline TrapCode num_rem_u##N(u##N a, u##N b, u##N *r)                 \
    {                                                                            \
        if (UNLIKELY(b == 0)) return TRAP_DIVIDE_BY_ZERO;                        \
        *r = a % b;                                                              \
        return TRAP_NONE;                                                        \
    }
NUM_DIVISION(32)
NUM_DIVISION(64)
#undef NUM_DIVISION

/* 128-bit numbers in halves: the low one is the result, the high one *hi. */

static inline u64 num_add128(u64 a, u64 a_hi, u64 b, u64 b_hi, u64 *hi)
{
    u64 lo = a + b;
    *hi = a_hi + b_hi + (lo < a);
    return lo;
}
static inline u64 num_sub128(u64 a, u64 a_hi, u64 b, u64 b_hi, u64 *hi)
{
    *hi = a_hi - b_hi - (a < b);
    return a - b;
}
/* From products of 32-bit halves, for machines whose compiler has no wider type. */
static inline u64 num_mul_wide_halves(u64 a, u64 b, u64 *hi)
{
    u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
    u64 low = al * bl, cross = ah * bl + (low >> 32), middle = al * bh + (u32)cross;
    *hi = ah * bh + (cross >> 32) + (middle >> 32);
    return middle << 32 | (u32)low;
}
static inline u64 num_mul_wide_u(u64 a, u64 b, u64 *hi)
{
#if defined(__SIZEOF_INT128__)
    unsigned __int128 product = (unsigned __int128)a * b;
    *hi = (u64)(product >> 64);
    return (u64)product;
#else
    return num_mul_wide_halves(a, b, hi);
#endif
}
/* A negative operand is its unsigned reading less 2^64. */
static inline u64 num_mul_wide_s(u64 a, u64 b, u64 *hi)
{
    u64 lo = num_mul_wide_u(a, b, hi);
    *hi -= ((s64)a < 0 ? b : 0) + ((s64)b < 0 ? a : 0);
    return lo;
}

/* Floats (spec 4.3.3)
 *
 * Rounding adds and subtracts 2^(mantissa bits) to the magnitude: the sum has no bits left for
 * a fraction, so the machine's own round-to-nearest-even does the work, exactly, for every
 * magnitude below that number; from there on a value is an integer already. The other
 * directions correct the result by one, which is exact as well. The sign is put back at the
 * end, so that zeroes keep theirs, and NaNs are made quiet with an integer operation that no
 * compiler can fold away. Choices are written as selects, so that loops over lanes can vectorise.
 *
 * min and max: when the operands compare equal they have the same bits or are zeroes, and
 * or-ing (min) or and-ing (max) the bits chooses the right zero; a + b quietens a NaN operand. */
#define NUM_FLOAT(T, C, U, SIGN, QUIET, INTEGRAL)                                \
    static inline C num_abs_##T(C a)                                             \
    {                                                                            \
        return num_##T##_of_bits(num_bits_of_##T(a) & ~SIGN);                    \
    }                                                                            \
    static inline C num_neg_##T(C a)                                             \
    {                                                                            \
        return num_##T##_of_bits(num_bits_of_##T(a) ^ SIGN);                     \
    }                                                                            \
    static inline C num_copysign_##T(C a, C b)                                   \
    {                                                                            \
        return num_##T##_of_bits((num_bits_of_##T(a) & ~SIGN) |                  \
                                 (num_bits_of_##T(b) & SIGN));                   \
    }                                                                            \
    static inline C num_sqrt_##T(C a) { return NUM_SQRT_##T(a); }                \
    static inline C num_min_##T(C a, C b)                                        \
    {                                                                            \
        U either = num_bits_of_##T(a) | num_bits_of_##T(b);                      \
        C r = a < b ? a : b;                                                     \
        r = a == b ? num_##T##_of_bits(either) : r;                              \
        return a != a || b != b ? a + b : r;                                     \
    }                                                                            \
    static inline C num_max_##T(C a, C b)                                        \
    {                                                                            \
        U both = num_bits_of_##T(a) & num_bits_of_##T(b);                        \
        C r = a > b ? a : b;                                                     \
        r = a == b ? num_##T##_of_bits(both) : r;                                \
        return a != a || b != b ? a + b : r;                                     \
    }                                                                            \
    /* a rounded to nearest, ties to even; NaNs and zeroes need num_rounded */   \
    static inline C num_near_##T(C a)                                            \
    {                                                                            \
        C magnitude = num_abs_##T(a);                                            \
        C r = (magnitude + INTEGRAL) - INTEGRAL;                                 \
        return num_copysign_##T(magnitude < INTEGRAL ? r : magnitude, a);        \
    }                                                                            \
    /* r, which is a rounded, with a's sign, or a itself, quiet, if it is NaN */ \
    static inline C num_rounded_##T(C r, C a)                                    \
    {                                                                            \
        U bits = num_bits_of_##T(r) | (num_bits_of_##T(a) & SIGN);               \
        return num_##T##_of_bits(bits | (a != a ? QUIET : 0));                   \
    }                                                                            \
    static inline C num_nearest_##T(C a)                                         \
    {                                                                            \
        return num_rounded_##T(num_near_##T(a), a);                              \
    }                                                                            \
    static inline C num_floor_##T(C a)                                           \
    {                                                                            \
        C r = num_near_##T(a);                                                   \
        return num_rounded_##T(r - (r > a ? (C)1 : (C)0), a);                    \
    }                                                                            \
    static inline C num_ceil_##T(C a)                                            \
    {                                                                            \
        C r = num_near_##T(a);                                                   \
        return num_rounded_##T(r + (r < a ? (C)1 : (C)0), a);                    \
    }                                                                            \
    static inline C num_trunc_##T(C a)                                           \
    {                                                                            \
        C magnitude = num_abs_##T(a), r = num_near_##T(magnitude);               \
        return num_rounded_##T(r - (r > magnitude ? (C)1 : (C)0), a);            \
    }
#define NUM_SQRT_f32 __builtin_sqrtf
#define NUM_SQRT_f64 __builtin_sqrt
NUM_FLOAT(f32, float, u32, 0x80000000u, 0x00400000u, 0x1p23f)
NUM_FLOAT(f64, double, u64, 0x8000000000000000u, 0x0008000000000000u, 0x1p52)
#undef NUM_SQRT_f32
#undef NUM_SQRT_f64
#undef NUM_FLOAT

/* Floats to integers (spec 4.3.4): num_trunc_* trap, num_trunc_sat_* saturate. The arguments
 * that truncate into range are those strictly between LO and HI, the nearest floats that do
 * not. S is the type C converts to; RANGE_MIN and RANGE_MAX are what saturation answers. */
#define NUM_TRUNC(T, C, S, U, LO, HI, RANGE_MIN, RANGE_MAX)                      \
    static inline TrapCode num_trunc_##T##_##S(C a, U *r)                        \
    {                                                                            \
        if (LIKELY(a > LO && a < HI)) {                                          \
            *r = (U)(S)a;                                                        \
            return TRAP_NONE;                                                    \
        }                                                                        \
        return a != a ? TRAP_INVALID_CONVERSION : TRAP_INTEGER_OVERFLOW;         \
    }                                                                            \
    static inline U num_trunc_sat_##T##_##S(C a)                                 \
    {                                                                            \
        if (LIKELY(a > LO && a < HI)) return (U)(S)a;                            \
        if (a != a) return 0;                                                    \
        return a < 0 ? RANGE_MIN : RANGE_MAX;                                    \
    }
NUM_TRUNC(f32, float, s32, u32, -0x1.000002p31f, 0x1p31f, (u32)INT32_MIN, INT32_MAX)
NUM_TRUNC(f32, float, u32, u32, -1.0f, 0x1p32f, 0, UINT32_MAX)
NUM_TRUNC(f64, double, s32, u32, -0x1.00000002p31, 0x1p31, (u32)INT32_MIN, INT32_MAX)
NUM_TRUNC(f64, double, u32, u32, -1.0, 0x1p32, 0, UINT32_MAX)
NUM_TRUNC(f32, float, s64, u64, -0x1.000002p63f, 0x1p63f, (u64)INT64_MIN, INT64_MAX)
NUM_TRUNC(f32, float, u64, u64, -1.0f, 0x1p64f, 0, UINT64_MAX)
NUM_TRUNC(f64, double, s64, u64, -0x1.0000000000001p63, 0x1p63, (u64)INT64_MIN, INT64_MAX)
NUM_TRUNC(f64, double, u64, u64, -1.0, 0x1p64, 0, UINT64_MAX)
#undef NUM_TRUNC

#endif
