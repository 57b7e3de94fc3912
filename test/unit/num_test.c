/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* num_test.c - the meanings in ops.def against slower ways of saying the same: bit loops,
 * 128-bit integers, libm. Each row is evaluated through the table, so that a wrong row is found
 * as well as a wrong function. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/op.h"
#include "ops/simd.h"

typedef __int128 s128;
typedef unsigned __int128 u128;

enum { NRANDOM = 20000 };

static u64 next_random(u64 *seed) /* splitmix64 */
{
    u64 z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

#define IN_i32(w) ((u32)(w))
#define IN_i64(w) (w)
#define IN_f32(w) num_f32_of_bits((u32)(w))
#define IN_f64(w) num_f64_of_bits(w)
#define IN_v128(w) simd_i64x2_splat(w) /* vectors have a test of their own */
#define OUT_i32(v) (v)
#define OUT_i64(v) (v)
#define OUT_f32(v) num_bits_of_f32(v)
#define OUT_f64(v) num_bits_of_f64(v)
#define OUT_v128(v) simd_i64x2_extract_lane(v, 0)

/* One row on bits; a 32-bit result is zero-extended. */
static TrapCode eval(Op op, u64 x, u64 y, u64 *out)
{
    switch ((u32)op) {
#define NUM1(n, c, t, f, h, R, A, ...)         \
    case OP_##n: {                             \
        t_##A a = IN_##A(x);                   \
        t_##R r = __VA_ARGS__;                 \
        *out = OUT_##R(r);                     \
        return TRAP_NONE;                      \
    }
#define NUM2(n, c, t, f, h, R, A, B, ...)      \
    case OP_##n: {                             \
        t_##A a = IN_##A(x);                   \
        t_##B b = IN_##B(y);                   \
        t_##R r = __VA_ARGS__;                 \
        *out = OUT_##R(r);                     \
        return TRAP_NONE;                      \
    }
#define NUM2C NUM2
#define NUM1T(n, c, t, f, h, R, A, ...)        \
    case OP_##n: {                             \
        t_##A a = IN_##A(x);                   \
        t_##R r = 0;                           \
        TrapCode trap = __VA_ARGS__;           \
        *out = OUT_##R(r);                     \
        return trap;                           \
    }
#define NUM2T(n, c, t, f, h, R, A, B, ...)     \
    case OP_##n: {                             \
        t_##A a = IN_##A(x);                   \
        t_##B b = IN_##B(y);                   \
        t_##R r = 0;                           \
        TrapCode trap = __VA_ARGS__;           \
        *out = OUT_##R(r);                     \
        return trap;                           \
    }
#define TEST1(n, c, t, f, A, e)                \
    case OP_##n: {                             \
        t_##A a = IN_##A(x);                   \
        *out = e;                              \
        return TRAP_NONE;                      \
    }
#include "ops/ops.def"
    default: fail_msg("%s has no expression", tern_op_info[op].text); return TRAP_NONE;
    }
}

static void check(Op op, u64 x, u64 y, TrapCode want_trap, u64 want)
{
    u64 have = 0;
    TrapCode trap = eval(op, x, y, &have);
    if (trap == want_trap && (trap != TRAP_NONE || have == want)) return;
    fail_msg("%s(0x%llx, 0x%llx): %d 0x%llx, expected %d 0x%llx", tern_op_info[op].text,
             (unsigned long long)x, (unsigned long long)y, (int)trap, (unsigned long long)have,
             (int)want_trap, (unsigned long long)want);
}

static void check_value(Op op, u64 x, u64 y, u64 want) { check(op, x, y, TRAP_NONE, want); }

/* Edge values, then random ones with random numbers of leading and trailing zeroes. */
static u64 int_operand(u32 i, u64 *seed)
{
    static const u64 edges[] = {
        0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
        0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
        0x8000000000000000, 0x8000000000000001, 0xfffffffffffffffe, 0xffffffffffffffff,
    };
    if (i < COUNT_OF(edges)) return edges[i];
    u64 shifts = next_random(seed);
    return next_random(seed) >> (shifts & 63) << (shifts >> 8 & 63);
}
enum { NINT_EDGES = 28 };

static u64 mask_of(u32 nbits) { return nbits == 64 ? UINT64_MAX : (1ull << nbits) - 1; }
static s128 signed_of(u64 x, u32 nbits)
{
    u64 sign = 1ull << (nbits - 1);
    return (s128)(x & mask_of(nbits) & ~sign) - (s128)(x & sign);
}

/* The same operation of both widths, whose rows are the same distance apart. */
static Op wide(Op op32, u32 nbits)
{
    return nbits == 32 ? op32 : (Op)(op32 + (OP_I64_CLZ - OP_I32_CLZ));
}

static void check_bit_counts(u64 x, u32 nbits)
{
    u32 clz = 0, ctz = 0, ones = 0;
    while (clz < nbits && !(x >> (nbits - 1 - clz) & 1)) clz++;
    while (ctz < nbits && !(x >> ctz & 1)) ctz++;
    for (u32 i = 0; i < nbits; i++) ones += (u32)(x >> i) & 1;
    check_value(wide(OP_I32_CLZ, nbits), x, 0, clz);
    check_value(wide(OP_I32_CTZ, nbits), x, 0, ctz);
    check_value(wide(OP_I32_POPCNT, nbits), x, 0, ones);
    check_value(nbits == 32 ? OP_I32_EQZ : OP_I64_EQZ, x, 0, clz == nbits);
}

static void check_arithmetic(u64 x, u64 y, u32 nbits)
{
    u64 mask = mask_of(nbits);
    u64 a = x & mask, b = y & mask, n = b % nbits;
    s128 sa = signed_of(x, nbits), sb = signed_of(y, nbits);
    check_value(wide(OP_I32_ADD, nbits), x, y, (u64)((u128)a + b) & mask);
    check_value(wide(OP_I32_SUB, nbits), x, y, (u64)((u128)a - b) & mask);
    check_value(wide(OP_I32_MUL, nbits), x, y, (u64)((u128)a * b) & mask);
    check_value(wide(OP_I32_AND, nbits), x, y, a & b);
    check_value(wide(OP_I32_OR, nbits), x, y, a | b);
    check_value(wide(OP_I32_XOR, nbits), x, y, (a | b) & ~(a & b));
    check_value(wide(OP_I32_SHL, nbits), x, y, (u64)((u128)a << n) & mask);
    check_value(wide(OP_I32_SHR_U, nbits), x, y, a >> n);
    check_value(wide(OP_I32_SHR_S, nbits), x, y, (u64)(sa >> n) & mask);
    u128 twice = (u128)a << nbits | a;
    check_value(wide(OP_I32_ROTL, nbits), x, y, (u64)(twice << n >> nbits) & mask);
    check_value(wide(OP_I32_ROTR, nbits), x, y, (u64)(twice >> n) & mask);

    TrapCode zero = b == 0 ? TRAP_DIVIDE_BY_ZERO : TRAP_NONE;
    bool overflows = b != 0 && sa / sb != signed_of((u64)(sa / sb), nbits);
    check(wide(OP_I32_DIV_U, nbits), x, y, zero, b == 0 ? 0 : a / b);
    check(wide(OP_I32_REM_U, nbits), x, y, zero, b == 0 ? 0 : a % b);
    check(wide(OP_I32_DIV_S, nbits), x, y, overflows ? TRAP_INTEGER_OVERFLOW : zero,
          b == 0 ? 0 : (u64)(sa / sb) & mask);
    check(wide(OP_I32_REM_S, nbits), x, y, zero, b == 0 ? 0 : (u64)(sa % sb) & mask);
}

static void integers_agree_with_128_bit_arithmetic(void **state)
{
    (void)state;
    _Static_assert(OP_I64_ROTR - OP_I32_ROTR == OP_I64_CLZ - OP_I32_CLZ,
                   "rows in the codes' order");
    u64 seed = 1;
    for (u32 i = 0; i < NINT_EDGES + 200; i++) {
        u64 x = int_operand(i, &seed);
        check_bit_counts(x, 32);
        check_bit_counts(x, 64);
        for (u32 j = 0; j < NINT_EDGES + 20; j++) {
            u64 y = int_operand(j, &seed);
            check_arithmetic(x, y, 32);
            check_arithmetic(x, y, 64);
        }
    }
}

static u128 eval_wide(Op op, u64 a, u64 b, u64 c, u64 d)
{
    u64 lo = 0, hi = 0;
    (void)a, (void)b, (void)c, (void)d; /* without TERN_PROPOSALS */
    switch ((u32)op) {
#define WIDE2(n, code, t, f, ...) case OP_##n: lo = __VA_ARGS__; break;
#define WIDE4(n, code, t, f, ...) case OP_##n: lo = __VA_ARGS__; break;
#include "ops/ops.def"
    default: fail_msg("row %u is not wide", (unsigned)op);
    }
    return (u128)hi << 64 | lo;
}

static void check_wide(Op op, u64 a, u64 b, u64 c, u64 d, u128 want)
{
    if (eval_wide(op, a, b, c, d) == want) return;
    fail_msg("row %u(0x%llx, 0x%llx, 0x%llx, 0x%llx)", (unsigned)op, (unsigned long long)a, (unsigned long long)b,
             (unsigned long long)c, (unsigned long long)d);
}

static void wide_arithmetic_agrees_with_128_bit_integers(void **state)
{
    (void)state;
    if (!TERN_PROPOSALS) skip();
    u64 seed = 11;
    for (u32 i = 0; i < NINT_EDGES + 300; i++) {
        for (u32 j = 0; j < NINT_EDGES + 100; j++) {
            u64 a = int_operand(i, &seed), b = int_operand(j, &seed);
            u64 c = int_operand((u32)next_random(&seed) % 40, &seed), d = int_operand((i + j) % 40, &seed);
            u128 x = (u128)b << 64 | a, y = (u128)d << 64 | c;
            check_wide(OP_I64_ADD128, a, b, c, d, x + y);
            check_wide(OP_I64_SUB128, a, b, c, d, x - y);
            check_wide(OP_I64_MUL_WIDE_U, a, b, c, d, (u128)a * b);
            check_wide(OP_I64_MUL_WIDE_S, a, b, c, d, (u128)((s128)(s64)a * (s64)b));
            u64 hi, lo = num_mul_wide_halves(a, b, &hi);
            assert_true(((u128)hi << 64 | lo) == (u128)a * b);
        }
    }
}

static void integer_widths_are_changed_exactly(void **state)
{
    (void)state;
    u64 seed = 2;
    for (u32 i = 0; i < NINT_EDGES + NRANDOM; i++) {
        u64 x = int_operand(i, &seed);
        check_value(OP_I32_WRAP_I64, x, 0, x & 0xffffffff);
        check_value(OP_I64_EXTEND_I32_U, x, 0, x & 0xffffffff);
        check_value(OP_I64_EXTEND_I32_S, x, 0, (u64)signed_of(x, 32));
        check_value(OP_I32_EXTEND8_S, x, 0, (u32)signed_of(x, 8));
        check_value(OP_I32_EXTEND16_S, x, 0, (u32)signed_of(x, 16));
        check_value(OP_I64_EXTEND8_S, x, 0, (u64)signed_of(x, 8));
        check_value(OP_I64_EXTEND16_S, x, 0, (u64)signed_of(x, 16));
        check_value(OP_I64_EXTEND32_S, x, 0, (u64)signed_of(x, 32));
    }
}

/* The layout of a float, so that both widths are tested by the same code. */
typedef struct Format {
    u32 nbits, mantissa_bits;
    u64 sign, infinity, quiet; /* also: the canonical NaN is infinity | quiet */
    int bias;
} Format;
static const Format f32_format = {32, 23, 1ull << 31, 0x7f800000, 0x00400000, 127};
static const Format f64_format = {64, 52, 1ull << 63, 0x7ff0000000000000, 0x0008000000000000, 1023};

static bool is_nan(const Format *f, u64 x) { return (x & (f->sign - 1)) > f->infinity; }

enum { NFLOAT_EDGES = 6 * 80 + 8 };

/* Around every power of two that matters: its neighbours, halves, both signs; zeroes,
 * infinities, NaNs. */
static u64 float_operand(const Format *f, u32 i, u64 *seed)
{
    u64 mask = mask_of(f->nbits);
    if (i < 6 * 80) {
        static const int offsets[] = {-2, -1, 0, 1, 2};
        u64 power = (u64)(f->bias - 5 + (int)(i / 6)) << f->mantissa_bits;
        if (i % 6 == 5) return power + (f->quiet | f->quiet >> 1); /* 1.75 times it */
        u64 bits = power + (u64)offsets[i % 6];
        return next_random(seed) & 1 ? bits : bits | f->sign;
    }
    const u64 special[] = {0, f->sign, 1, f->sign | 1, f->infinity, f->infinity | f->sign,
                           f->infinity | f->quiet, (f->infinity | 1) | f->sign};
    if (i < NFLOAT_EDGES) return special[i - 6 * 80];
    u64 bits = next_random(seed) & mask;
    if (i & 1) return bits;
    /* as likely as not within the range of 64-bit integers */
    u64 exponent = (u64)f->bias - 4 + next_random(seed) % 72;
    return (bits & ~f->infinity) | exponent << f->mantissa_bits;
}

/* Bit for bit, except that where a NaN is wanted any quiet one will do. */
static void check_float(const Format *f, Op op, u64 x, u64 y, u64 want)
{
    u64 have = 0;
    assert_int_equal(eval(op, x, y, &have), TRAP_NONE);
    if (is_nan(f, want) ? is_nan(f, have) && (have & f->quiet) != 0 : have == want) return;
    fail_msg("%s(0x%llx, 0x%llx): 0x%llx, expected 0x%llx", tern_op_info[op].text,
             (unsigned long long)x, (unsigned long long)y, (unsigned long long)have,
             (unsigned long long)want);
}

static void rounding_agrees_with_libm(void **state)
{
    (void)state;
    u64 seed = 3;
    for (u32 i = 0; i < NFLOAT_EDGES + 10 * NRANDOM; i++) {
        u64 x = float_operand(&f32_format, i, &seed);
        float s = num_f32_of_bits((u32)x);
        check_float(&f32_format, OP_F32_FLOOR, x, 0, num_bits_of_f32(floorf(s)));
        check_float(&f32_format, OP_F32_CEIL, x, 0, num_bits_of_f32(ceilf(s)));
        check_float(&f32_format, OP_F32_TRUNC, x, 0, num_bits_of_f32(truncf(s)));
        check_float(&f32_format, OP_F32_NEAREST, x, 0, num_bits_of_f32(rintf(s)));
        check_float(&f32_format, OP_F32_SQRT, x, 0, num_bits_of_f32(sqrtf(s)));
        x = float_operand(&f64_format, i, &seed);
        double d = num_f64_of_bits(x);
        check_float(&f64_format, OP_F64_FLOOR, x, 0, num_bits_of_f64(floor(d)));
        check_float(&f64_format, OP_F64_CEIL, x, 0, num_bits_of_f64(ceil(d)));
        check_float(&f64_format, OP_F64_TRUNC, x, 0, num_bits_of_f64(trunc(d)));
        check_float(&f64_format, OP_F64_NEAREST, x, 0, num_bits_of_f64(rint(d)));
        check_float(&f64_format, OP_F64_SQRT, x, 0, num_bits_of_f64(sqrt(d)));
    }
}

/* Order floats like integers: the bits of a magnitude grow with it, and -0 lies below 0. */
static s128 order_of(const Format *f, u64 x)
{
    s128 magnitude = (s128)(x & (f->sign - 1));
    return x & f->sign ? -1 - magnitude : magnitude;
}

static void check_min_max(const Format *f, Op min, Op max, u64 x, u64 y)
{
    u64 nan = f->infinity | f->quiet;
    bool none = is_nan(f, x) || is_nan(f, y), less = order_of(f, x) < order_of(f, y);
    check_float(f, min, x, y, none ? nan : less ? x : y);
    check_float(f, max, x, y, none ? nan : less ? y : x);
}

static void min_and_max_order_zeroes_and_propagate_nans(void **state)
{
    (void)state;
    u64 seed = 4;
    for (u32 i = 0; i < NFLOAT_EDGES; i++) {
        for (u32 j = 0; j < NFLOAT_EDGES + 20; j++) {
            check_min_max(&f32_format, OP_F32_MIN, OP_F32_MAX, float_operand(&f32_format, i, &seed),
                          float_operand(&f32_format, j, &seed));
            check_min_max(&f64_format, OP_F64_MIN, OP_F64_MAX, float_operand(&f64_format, i, &seed),
                          float_operand(&f64_format, j, &seed));
        }
    }
}

/* spec 4.3.3, nans: canonical operands give a canonical result. */
static void canonical_nans_stay_canonical(void **state)
{
    (void)state;
    static const Op ops32[] = {OP_F32_MIN, OP_F32_MAX, OP_F32_FLOOR, OP_F32_CEIL, OP_F32_TRUNC,
                               OP_F32_NEAREST, OP_F32_SQRT, OP_F32_ADD, OP_F32_DIV};
    static const Op ops64[] = {OP_F64_MIN, OP_F64_MAX, OP_F64_FLOOR, OP_F64_CEIL, OP_F64_TRUNC,
                               OP_F64_NEAREST, OP_F64_SQRT, OP_F64_ADD, OP_F64_DIV};
    u64 have = 0;
    for (size_t i = 0; i < COUNT_OF(ops32); i++) {
        eval(ops32[i], 0x7fc00000, 0x3f800000, &have);
        assert_int_equal(have & 0x7fffffff, 0x7fc00000);
        eval(ops64[i], 0x7ff8000000000000, 0x3ff0000000000000, &have);
        assert_int_equal(have & (UINT64_MAX >> 1), 0x7ff8000000000000);
    }
    eval(OP_F32_DEMOTE_F64, 0x7ff8000000000000, 0, &have);
    assert_int_equal(have & 0x7fffffff, 0x7fc00000);
    eval(OP_F64_PROMOTE_F32, 0x7fc00000, 0, &have);
    assert_int_equal(have & (UINT64_MAX >> 1), 0x7ff8000000000000);
}

static void signalling_nans_become_quiet(void **state)
{
    (void)state;
    u64 have = 0;
    eval(OP_F32_DEMOTE_F64, 0x7ff0000000000001, 0, &have);
    assert_true(is_nan(&f32_format, have) && (have & f32_format.quiet) != 0);
    eval(OP_F64_PROMOTE_F32, 0xff800001, 0, &have);
    assert_true(is_nan(&f64_format, have) && (have & f64_format.quiet) != 0);
}

static void sign_operations_move_bits_and_nothing_else(void **state)
{
    (void)state;
    u64 seed = 5;
    for (u32 i = 0; i < NFLOAT_EDGES + NRANDOM; i++) {
        u64 x = float_operand(&f32_format, i, &seed), y = next_random(&seed) & UINT32_MAX;
        check_value(OP_F32_ABS, x, 0, x & INT32_MAX);
        check_value(OP_F32_NEG, x, 0, x ^ 0x80000000);
        check_value(OP_F32_COPYSIGN, x, y, (x & INT32_MAX) | (y & 0x80000000));
        check_value(OP_F32_REINTERPRET_I32, x, 0, x);
        check_value(OP_I32_REINTERPRET_F32, x, 0, x);
        x = float_operand(&f64_format, i, &seed), y = next_random(&seed);
        check_value(OP_F64_ABS, x, 0, x & INT64_MAX);
        check_value(OP_F64_NEG, x, 0, x ^ 1ull << 63);
        check_value(OP_F64_COPYSIGN, x, y, (x & INT64_MAX) | (y & 1ull << 63));
        check_value(OP_F64_REINTERPRET_I64, x, 0, x);
        check_value(OP_I64_REINTERPRET_F64, x, 0, x);
    }
}

/* x, truncated; clamped to what is out of every range when it is large. Not for NaNs. */
static s128 truncated(const Format *f, u64 x)
{
    int exponent = (int)((x & f->infinity) >> f->mantissa_bits) - f->bias;
    u64 hidden = 1ull << f->mantissa_bits;
    s128 magnitude = (s128)((x & (hidden - 1)) | hidden);
    int shift = exponent - (int)f->mantissa_bits;
    if (exponent < 0) magnitude = 0;
    else if (exponent > 100) magnitude = (s128)1 << 100;
    else magnitude = shift < 0 ? magnitude >> -shift : magnitude << shift;
    return x & f->sign ? -magnitude : magnitude;
}

static void check_to_int(const Format *f, Op trapping, Op saturating, u64 x, u32 nbits,
                         bool is_signed)
{
    if (is_nan(f, x)) {
        check(trapping, x, 0, TRAP_INVALID_CONVERSION, 0);
        check_value(saturating, x, 0, 0);
        return;
    }
    s128 min = is_signed ? -((s128)1 << (nbits - 1)) : 0;
    s128 max = ((s128)1 << (is_signed ? nbits - 1 : nbits)) - 1;
    s128 value = truncated(f, x), clamped = value < min ? min : value > max ? max : value;
    u64 want = (u64)clamped & mask_of(nbits);
    check(trapping, x, 0, value == clamped ? TRAP_NONE : TRAP_INTEGER_OVERFLOW, want);
    check_value(saturating, x, 0, want);
}

static void floats_become_integers_exactly_or_trap(void **state)
{
    (void)state;
    u64 seed = 6;
    for (u32 i = 0; i < 4 * NFLOAT_EDGES + 10 * NRANDOM; i++) {
        /* the edges more than once: their signs are random */
        u32 k = i < 4 * NFLOAT_EDGES ? i % NFLOAT_EDGES : i;
        u64 x = float_operand(&f32_format, k, &seed);
        const Format *f = &f32_format;
        check_to_int(f, OP_I32_TRUNC_F32_S, OP_I32_TRUNC_SAT_F32_S, x, 32, true);
        check_to_int(f, OP_I32_TRUNC_F32_U, OP_I32_TRUNC_SAT_F32_U, x, 32, false);
        check_to_int(f, OP_I64_TRUNC_F32_S, OP_I64_TRUNC_SAT_F32_S, x, 64, true);
        check_to_int(f, OP_I64_TRUNC_F32_U, OP_I64_TRUNC_SAT_F32_U, x, 64, false);
        x = float_operand(&f64_format, k, &seed), f = &f64_format;
        check_to_int(f, OP_I32_TRUNC_F64_S, OP_I32_TRUNC_SAT_F64_S, x, 32, true);
        check_to_int(f, OP_I32_TRUNC_F64_U, OP_I32_TRUNC_SAT_F64_U, x, 32, false);
        check_to_int(f, OP_I64_TRUNC_F64_S, OP_I64_TRUNC_SAT_F64_S, x, 64, true);
        check_to_int(f, OP_I64_TRUNC_F64_U, OP_I64_TRUNC_SAT_F64_U, x, 64, false);
    }
}

/* The fractions and integers just inside and outside an f64's 32-bit ranges. */
static void integer_ranges_end_where_the_fraction_does(void **state)
{
    (void)state;
    static const struct {
        double value;
        bool fits_s32, fits_u32;
    } rows[] = {
        {2147483647.0, true, true},   {2147483647.9999998, true, true}, {2147483648.0, false, true},
        {-2147483648.0, true, false}, {-2147483648.9999995, true, false},
        {-2147483649.0, false, false}, {4294967295.0, false, true},
        {4294967295.9999995, false, true}, {4294967296.0, false, false},
        {-0.0, true, true}, {-0.99999999999999989, true, true}, {-1.0, true, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        u32 r;
        assert_int_equal(num_trunc_f64_s32(rows[i].value, &r) == TRAP_NONE, rows[i].fits_s32);
        assert_int_equal(num_trunc_f64_u32(rows[i].value, &r) == TRAP_NONE, rows[i].fits_u32);
    }
}

/* Nearest float to an integer, ties to even, by hand. */
static u64 float_of_int(const Format *f, s128 value)
{
    if (value == 0) return 0;
    u64 sign = value < 0 ? f->sign : 0;
    u128 magnitude = value < 0 ? (u128)-value : (u128)value;
    int exponent = 0;
    while (magnitude >> exponent > 1) exponent++;
    int drop = exponent - (int)f->mantissa_bits;
    if (drop > 0) {
        u128 rest = magnitude & (((u128)1 << drop) - 1), half = (u128)1 << (drop - 1);
        magnitude >>= drop;
        magnitude += rest > half || (rest == half && (magnitude & 1));
    } else {
        magnitude <<= -drop;
    }
    /* a mantissa that rounded up to the next power carries into the exponent, as it should */
    return sign | (((u64)(exponent + f->bias - 1) << f->mantissa_bits) + (u64)magnitude);
}

static void integers_become_the_nearest_float(void **state)
{
    (void)state;
    u64 seed = 7;
    for (u32 i = 0; i < NINT_EDGES + NRANDOM; i++) {
        u64 x = int_operand(i, &seed);
        for (int k = -1; k <= 1; k++) {
            u64 y = x + (u64)k;
            check_value(OP_F32_CONVERT_I32_S, y, 0, float_of_int(&f32_format, signed_of(y, 32)));
            check_value(OP_F32_CONVERT_I32_U, y, 0, float_of_int(&f32_format, (u32)y));
            check_value(OP_F32_CONVERT_I64_S, y, 0, float_of_int(&f32_format, signed_of(y, 64)));
            check_value(OP_F32_CONVERT_I64_U, y, 0, float_of_int(&f32_format, (s128)y));
            check_value(OP_F64_CONVERT_I32_S, y, 0, float_of_int(&f64_format, signed_of(y, 32)));
            check_value(OP_F64_CONVERT_I32_U, y, 0, float_of_int(&f64_format, (u32)y));
            check_value(OP_F64_CONVERT_I64_S, y, 0, float_of_int(&f64_format, signed_of(y, 64)));
            check_value(OP_F64_CONVERT_I64_U, y, 0, float_of_int(&f64_format, (s128)y));
        }
    }
}

static void float_arithmetic_rows_are_the_operators_they_name(void **state)
{
    (void)state;
    u64 x = num_bits_of_f32(6.0f), y = num_bits_of_f32(-1.5f);
    check_value(OP_F32_ADD, x, y, num_bits_of_f32(4.5f));
    check_value(OP_F32_SUB, x, y, num_bits_of_f32(7.5f));
    check_value(OP_F32_MUL, x, y, num_bits_of_f32(-9.0f));
    check_value(OP_F32_DIV, x, y, num_bits_of_f32(-4.0f));
    check_value(OP_F32_DIV, x, 0, f32_format.infinity);
    check_value(OP_F64_PROMOTE_F32, y, 0, num_bits_of_f64(-1.5));
    x = num_bits_of_f64(6.0), y = num_bits_of_f64(-1.5);
    check_value(OP_F64_ADD, x, y, num_bits_of_f64(4.5));
    check_value(OP_F64_SUB, x, y, num_bits_of_f64(7.5));
    check_value(OP_F64_MUL, x, y, num_bits_of_f64(-9.0));
    check_value(OP_F64_DIV, x, y, num_bits_of_f64(-4.0));
    check_value(OP_F32_DEMOTE_F64, y, 0, num_bits_of_f32(-1.5f));
    check_value(OP_F32_DEMOTE_F64, num_bits_of_f64(0x1.000001p0), 0, num_bits_of_f32(1.0f));
    check_value(OP_F32_DEMOTE_F64, num_bits_of_f64(0x1.fffffffp127), 0, f32_format.infinity);
    check_value(OP_F32_DEMOTE_F64, num_bits_of_f64(0x1p-149), 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_agree_with_128_bit_arithmetic),
        cmocka_unit_test(wide_arithmetic_agrees_with_128_bit_integers),
        cmocka_unit_test(integer_widths_are_changed_exactly),
        cmocka_unit_test(rounding_agrees_with_libm),
        cmocka_unit_test(min_and_max_order_zeroes_and_propagate_nans),
        cmocka_unit_test(canonical_nans_stay_canonical),
        cmocka_unit_test(signalling_nans_become_quiet),
        cmocka_unit_test(sign_operations_move_bits_and_nothing_else),
        cmocka_unit_test(floats_become_integers_exactly_or_trap),
        cmocka_unit_test(integer_ranges_end_where_the_fraction_does),
        cmocka_unit_test(integers_become_the_nearest_float),
        cmocka_unit_test(float_arithmetic_rows_are_the_operators_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
