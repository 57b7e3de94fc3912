/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* simd_test.c - the vector rows of ops.def against the plain way to say the same: lane by lane, in arrays, with
 * scalar rows or wide integers. Each row is evaluated through the table, so that a wrong row is found as well
 * as a wrong function, and every row has to be covered. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/op.h"
#include "ops/simd.h"

enum { NROUNDS = 1000 };

/* An operand or result of any type. */
typedef union Any {
    u8 bytes[16];
    t_v128 v128;
    u32 i32;
    u64 i64;
    float f32;
    double f64;
} Any;

static u64 next_random(u64 *seed) /* splitmix64 */
{
    u64 z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* One row; loads and stores of lanes get in y what memory has, the others' last operand may be a lane. */
static Any eval(Op op, Any x, Any y, Any z, u32 lane)
{
    Any r = {{0}};
    switch ((u32)op) {
#define SKIP(...)
#define NUM1_HOT SKIP
#define NUM1_COLD SKIP
#define NUM2_COLD SKIP
#define NUM2_LOADED SKIP
#define NUM2C_COLD SKIP
#define NUM1_VEC(n, R, A, ...) case OP_##n: { t_##A a = x.A; r.R = (__VA_ARGS__); break; }
#define NUM1_VEC_COLD NUM1_VEC
#define NUM2_VEC(n, R, A, B, ...) case OP_##n: { t_##A a = x.A; t_##B b = y.B; r.R = (__VA_ARGS__); break; }
#define NUM2_VEC_COLD NUM2_VEC
#define NUM2_HOT NUM2_VEC /* scalars too: they are the reference */
#define NUM1(n, c, t, f, h, ...) NUM1_##h(n, __VA_ARGS__)
#define NUM2(n, c, t, f, h, ...) NUM2_##h(n, __VA_ARGS__)
#define NUM2C(n, c, t, f, h, ...) NUM2_##h(n, __VA_ARGS__)
#define NUM3(n, code, t, f, R, A, B, C, ...) \
    case OP_##n: { t_##A a = x.A; t_##B b = y.B; t_##C c = z.C; r.R = (__VA_ARGS__); break; }
#define LANE1(n, c, t, f, lanes, R, A, ...) case OP_##n: { t_##A a = x.A; r.R = (__VA_ARGS__); break; }
#define LANE2(n, c, t, f, lanes, R, A, B, ...) \
    case OP_##n: { t_##A a = x.A; t_##B b = y.B; r.R = (__VA_ARGS__); break; }
#define SHUFFLE(n, c, t, f, ...) case OP_##n: { t_v128 a = x.v128, b = y.v128, lanes = z.v128; r.v128 = (__VA_ARGS__); break; }
#define LOADX(n, c, t, f, R, M, ...) case OP_##n: { M m; memcpy(&m, y.bytes, sizeof m); r.R = (__VA_ARGS__); break; }
#define LOADL(n, c, t, f, M, ...) \
    case OP_##n: { t_v128 a = x.v128; M m; memcpy(&m, y.bytes, sizeof m); r.v128 = (__VA_ARGS__); break; }
#define STOREL(n, c, t, f, M, ...) \
    case OP_##n: { t_v128 a = x.v128; M m = (M)(__VA_ARGS__); memcpy(r.bytes, &m, sizeof m); break; }
#include "ops/ops.def"
    default: fail_msg("%s has no expression", tern_op_info[op].text);
    }
    return r;
}

/* Lanes of bits bits, as numbers. */
static u64 get_lane(const Any *v, u32 bits, u32 i)
{
    u64 x = 0;
    for (u32 k = bits / 8; k-- > 0;) x = x << 8 | v->bytes[i * (bits / 8) + k];
    return x;
}
static void set_lane(Any *v, u32 bits, u32 i, u64 x)
{
    for (u32 k = 0; k < bits / 8; k++) v->bytes[i * (bits / 8) + k] = (u8)(x >> 8 * k);
}
static s64 get_signed(const Any *v, u32 bits, u32 i)
{
    return (s64)(get_lane(v, bits, i) << (64 - bits)) >> (64 - bits);
}
static s64 s64_clamp(s64 x, s64 lo, s64 hi) { return x < lo ? lo : x > hi ? hi : x; }

/* Lanes at the edges of one width, often equal in two operands, or random. */
static Any vector_operand(u64 *seed)
{
    static const u64 edges32[] = {0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0xbf000000, 0x4b000000,
                                  0x4affffff, 0x4f000000, 0x4f800000, 0xcf000000, 0xcf000001, 0x4effffff, 0x7f800000,
                                  0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0x00000001, 0x40200000, 0xc0600000};
    static const u64 edges64[] = {0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbfe0000000000000,
                                  0x41dfffffffc00000, 0x41e0000000000000, 0x41efffffffe00000, 0x41f0000000000000,
                                  0xc1e0000000000000, 0xc1e0000000200000, 0x7ff0000000000000, 0xfff0000000000000,
                                  0x7ff8000000000000, 0xfff0000000000001, 0x4330000000000000, 0x432fffffffffffff,
                                  0x4004000000000000, 0x0000000000000001, 0x47efffffefffffff, 0x36a0000000000000};
    Any v;
    u64 kind = next_random(seed);
    u32 bits = 8u << (kind & 3);
    for (u32 i = 0; i < 128 / bits; i++) {
        u64 x = next_random(seed), pick = next_random(seed), top = 1ull << (bits - 1);
        switch (pick % 8) {
        case 0: x = top - 1; break;
        case 1: x = top; break;
        case 2: x = UINT64_MAX; break;
        case 3: x = x % 4; break;
        case 4: x = 0 - x % 4; break;
        case 5:
        case 6:
            if (bits == 32) x = edges32[x % COUNT_OF(edges32)];
            if (bits == 64) x = edges64[x % COUNT_OF(edges64)];
            break;
        default: break;
        }
        set_lane(&v, bits, i, x);
    }
    return v;
}

static bool covered[OP_COUNT];

static void check_equal(Op op, Any have, Any want, size_t n)
{
    if (memcmp(have.bytes, want.bytes, n) == 0) return;
    char text[2][33];
    for (u32 i = 0; i < 16; i++) {
        snprintf(text[0] + 2 * i, 3, "%02x", have.bytes[i]);
        snprintf(text[1] + 2 * i, 3, "%02x", want.bytes[i]);
    }
    fail_msg("%s: %s, expected %s", tern_op_info[op].text, text[0], text[1]);
}

static void check(Op op, Any x, Any y, Any z, Any want)
{
    covered[op] = true;
    check_equal(op, eval(op, x, y, z, 0), want, 16);
}

/* The row of a shape by the rest of its text. */
static Op row(const char *shape, const char *rest)
{
    char text[80];
    snprintf(text, sizeof text, "%s.%s", shape, rest);
    return tern_op_of_text(text);
}

static const struct {
    const char *name, *wider;
    u32 bits;
} ints[] = {{"i8x16", "i16x8", 8}, {"i16x8", "i32x4", 16}, {"i32x4", "i64x2", 32}, {"i64x2", NULL, 64}};

static u64 lane_answer(u32 which, const Any *x, const Any *y, u32 bits, u32 i)
{
    u64 a = get_lane(x, bits, i), b = get_lane(y, bits, i), ones = UINT64_MAX;
    s64 sa = get_signed(x, bits, i), sb = get_signed(y, bits, i);
    s64 top = (s64)(bits < 64 ? 1ull << (bits - 1) : 0);
    switch (which) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return 0 - a;
    case 4: return sa < 0 ? 0 - (u64)sa : (u64)sa;
    case 5: return a == b ? ones : 0;
    case 6: return a != b ? ones : 0;
    case 7: return sa < sb ? ones : 0;
    case 8: return a < b ? ones : 0;
    case 9: return sa > sb ? ones : 0;
    case 10: return a > b ? ones : 0;
    case 11: return sa <= sb ? ones : 0;
    case 12: return a <= b ? ones : 0;
    case 13: return sa >= sb ? ones : 0;
    case 14: return a >= b ? ones : 0;
    case 15: return (u64)(sa < sb ? sa : sb);
    case 16: return a < b ? a : b;
    case 17: return (u64)(sa > sb ? sa : sb);
    case 18: return a > b ? a : b;
    case 19: return a + b > 2 * (u64)top - 1 ? ones : a + b; /* 8 and 16 bits only, as those below */
    case 20: return a < b ? 0 : a - b;
    case 21: return (u64)s64_clamp(sa + sb, -top, top - 1);
    case 22: return (u64)s64_clamp(sa - sb, -top, top - 1);
    case 23: return (a + b + 1) / 2;
    case 24: return (u64)__builtin_popcountll(a);
    default: return (u64)s64_clamp((sa * sb + 0x4000) >> 15, -top, top - 1);
    }
}

static void integer_lanes_are_computed_one_by_one(void **state)
{
    (void)state;
    static const char *const names[] = {
        "add", "sub", "mul", "neg", "abs", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
        "min_s", "min_u", "max_s", "max_u", "add_sat_u", "sub_sat_u", "add_sat_s", "sub_sat_s", "avgr_u", "popcnt",
        "q15mulr_sat_s"};
    u64 seed = 1;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed), want = {{0}};
        for (u32 s = 0; s < 4; s++) {
            u32 bits = ints[s].bits;
            for (u32 which = 0; which < COUNT_OF(names); which++) {
                Op op = row(ints[s].name, names[which]);
                if (op == OP_NONE) continue;
                for (u32 i = 0; i < 128 / bits; i++) set_lane(&want, bits, i, lane_answer(which, &x, &y, bits, i));
                check(op, x, y, x, want);
                if (which == 25) check(OP_I16X8_RELAXED_Q15MULR_S, x, y, x, want);
            }
        }
    }
}

static void shifts_take_their_count_modulo_the_width(void **state)
{
    (void)state;
    u64 seed = 2;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), n = {{0}}, left, right, arithmetic;
        n.i32 = round < 140 ? round : (u32)next_random(&seed);
        for (u32 s = 0; s < 4; s++) {
            u32 bits = ints[s].bits, by = n.i32 % bits;
            for (u32 i = 0; i < 128 / bits; i++) {
                set_lane(&left, bits, i, get_lane(&x, bits, i) << by);
                set_lane(&right, bits, i, get_lane(&x, bits, i) >> by);
                set_lane(&arithmetic, bits, i, (u64)(get_signed(&x, bits, i) >> by));
            }
            check(row(ints[s].name, "shl"), x, n, x, left);
            check(row(ints[s].name, "shr_u"), x, n, x, right);
            check(row(ints[s].name, "shr_s"), x, n, x, arithmetic);
        }
    }
}

static void vectors_become_truths_and_masks(void **state)
{
    (void)state;
    u64 seed = 3;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), want = {{0}};
        if (round % 3 == 0) x.bytes[round % 16] = 0;
        if (round < 17) memset(x.bytes, 0, 16);
        if (round < 16) x.bytes[round] = 1;
        for (u32 i = 0; i < 16; i++) want.i32 |= x.bytes[i];
        want.i32 = want.i32 != 0;
        check(OP_V128_ANY_TRUE, x, x, x, want);
        for (u32 s = 0; s < 4; s++) {
            Any mask = {{0}};
            want.i32 = 1;
            for (u32 i = 0; i < 128 / ints[s].bits; i++) {
                if (get_lane(&x, ints[s].bits, i) == 0) want.i32 = 0;
                mask.i32 |= (u32)(get_signed(&x, ints[s].bits, i) < 0) << i;
            }
            check(row(ints[s].name, "all_true"), x, x, x, want);
            check(row(ints[s].name, "bitmask"), x, x, x, mask);
        }
    }
}

static void whole_vectors_are_computed_bit_by_bit(void **state)
{
    (void)state;
    u64 seed = 4;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed), z = vector_operand(&seed), r[6];
        for (u32 i = 0; i < 16; i++) {
            u8 a = x.bytes[i], b = y.bytes[i], c = z.bytes[i];
            r[0].bytes[i] = (u8)~a;
            r[1].bytes[i] = a & b;
            r[2].bytes[i] = a & (u8)~b;
            r[3].bytes[i] = a | b;
            r[4].bytes[i] = a ^ b;
            r[5].bytes[i] = (u8)((a & c) | (b & ~c));
        }
        static const Op ops[] = {OP_V128_NOT, OP_V128_AND, OP_V128_ANDNOT, OP_V128_OR, OP_V128_XOR, OP_V128_BITSELECT,
                                 OP_I8X16_RELAXED_LANESELECT, OP_I16X8_RELAXED_LANESELECT, OP_I32X4_RELAXED_LANESELECT,
                                 OP_I64X2_RELAXED_LANESELECT};
        for (u32 i = 0; i < COUNT_OF(ops); i++) check(ops[i], x, y, z, r[i < 5 ? i : 5]);
    }
}

static void bytes_move_where_the_lanes_say(void **state)
{
    (void)state;
    u64 seed = 5;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed), z, want;
        for (u32 i = 0; i < 16; i++) z.bytes[i] = (u8)(next_random(&seed) % 32);
        for (u32 i = 0; i < 16; i++) want.bytes[i] = z.bytes[i] < 16 ? x.bytes[z.bytes[i]] : y.bytes[z.bytes[i] - 16];
        check(OP_I8X16_SHUFFLE, x, y, z, want);
#if SIMD_SSSE3
        if (__builtin_cpu_supports("ssse3"))
            check_equal(OP_I8X16_SHUFFLE, (Any){.v128 = simd_i8x16_shuffle_ssse3(x.v128, y.v128, z.v128)}, want, 16);
#endif
        if (round % 2 == 0) z = y;
        for (u32 i = 0; i < 16; i++) want.bytes[i] = z.bytes[i] < 16 ? x.bytes[z.bytes[i]] : 0;
        check(OP_I8X16_SWIZZLE, x, z, x, want);
        check(OP_I8X16_RELAXED_SWIZZLE, x, z, x, want);
#if SIMD_SSSE3
        if (__builtin_cpu_supports("ssse3"))
            check_equal(OP_I8X16_SWIZZLE, (Any){.v128 = simd_i8x16_swizzle_ssse3(x.v128, z.v128)}, want, 16);
#endif
    }
}

static void lanes_are_read_written_and_repeated(void **state)
{
    (void)state;
    static const char *const shapes[] = {"i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2"};
    static const u32 widths[] = {8, 16, 32, 64, 32, 64};
    u64 seed = 6;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed);
        for (u32 s = 0; s < COUNT_OF(shapes); s++) {
            u32 bits = widths[s], n = 128 / bits;
            Any value = {{0}}, all;
            u64 bytes = get_lane(&y, bits, 0);
            if (bits == 64) value.i64 = bytes;
            else value.i32 = bits == 32 ? (u32)bytes : (u32)next_random(&seed) << bits | (u32)bytes;
            for (u32 i = 0; i < n; i++) set_lane(&all, bits, i, bytes);
            check(row(shapes[s], "splat"), value, y, x, all);
            for (u32 lane = 0; lane < n; lane++) {
                Any want = x, part = {{0}}, is_signed = {{0}};
                set_lane(&want, bits, lane, bytes);
                Op op = row(shapes[s], "replace_lane");
                covered[op] = true;
                check_equal(op, eval(op, x, value, x, lane), want, 16);
                if (bits == 64) part.i64 = get_lane(&x, bits, lane);
                else part.i32 = (u32)get_lane(&x, bits, lane);
                is_signed.i32 = (u32)get_signed(&x, bits, lane);
                if (bits < 32) {
                    op = row(shapes[s], "extract_lane_s");
                    covered[op] = true;
                    check_equal(op, eval(op, x, y, x, lane), is_signed, 16);
                }
                op = row(shapes[s], bits < 32 ? "extract_lane_u" : "extract_lane");
                covered[op] = true;
                check_equal(op, eval(op, x, y, x, lane), part, 16);
            }
        }
    }
}

static void loads_fill_vectors_from_fewer_bytes(void **state)
{
    (void)state;
    static const Op extends[][2] = {{OP_V128_LOAD8X8_S, OP_V128_LOAD8X8_U},
                                    {OP_V128_LOAD16X4_S, OP_V128_LOAD16X4_U},
                                    {OP_V128_LOAD32X2_S, OP_V128_LOAD32X2_U}};
    static const Op splats[] = {OP_V128_LOAD8_SPLAT, OP_V128_LOAD16_SPLAT, OP_V128_LOAD32_SPLAT, OP_V128_LOAD64_SPLAT};
    static const Op loads[] = {OP_V128_LOAD8_LANE, OP_V128_LOAD16_LANE, OP_V128_LOAD32_LANE, OP_V128_LOAD64_LANE};
    static const Op stores[] = {OP_V128_STORE8_LANE, OP_V128_STORE16_LANE, OP_V128_STORE32_LANE, OP_V128_STORE64_LANE};
    u64 seed = 7;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed), want, is_signed;
        for (u32 s = 0; s < 4; s++) {
            u32 bits = ints[s].bits;
            for (u32 i = 0; i < 128 / bits; i++) set_lane(&want, bits, i, get_lane(&y, bits, 0));
            check(splats[s], x, y, x, want);
            for (u32 lane = 0; lane < 128 / bits; lane++) {
                Any part = {{0}};
                want = x;
                set_lane(&want, bits, lane, get_lane(&y, bits, 0));
                set_lane(&part, bits, 0, get_lane(&x, bits, lane));
                covered[loads[s]] = covered[stores[s]] = true;
                check_equal(loads[s], eval(loads[s], x, y, x, lane), want, 16);
                check_equal(stores[s], eval(stores[s], x, y, x, lane), part, 16);
            }
            if (s == 3) continue;
            for (u32 i = 0; i < 64 / bits; i++) {
                set_lane(&want, 2 * bits, i, get_lane(&y, bits, i));
                set_lane(&is_signed, 2 * bits, i, (u64)get_signed(&y, bits, i));
            }
            check(extends[s][0], x, y, x, is_signed);
            check(extends[s][1], x, y, x, want);
        }
        want = (Any){{0}};
        set_lane(&want, 32, 0, get_lane(&y, 32, 0));
        check(OP_V128_LOAD32_ZERO, x, y, x, want);
        set_lane(&want, 64, 0, get_lane(&y, 64, 0));
        check(OP_V128_LOAD64_ZERO, x, y, x, want);
    }
}

static void check_widening(u32 s, const char *half, const char *sign, const Any *x, const Any *y)
{
    u32 bits = ints[s].bits, n = 64 / bits, first = half[0] == 'h' ? n : 0;
    char name[64];
    Any extended, product;
    for (u32 i = 0; i < n; i++) {
        bool is_signed = sign[0] == 's';
        u64 a = is_signed ? (u64)get_signed(x, bits, first + i) : get_lane(x, bits, first + i);
        u64 b = is_signed ? (u64)get_signed(y, bits, first + i) : get_lane(y, bits, first + i);
        set_lane(&extended, 2 * bits, i, a);
        set_lane(&product, 2 * bits, i, a * b);
    }
    snprintf(name, sizeof name, "extend_%s_%s_%s", half, ints[s].name, sign);
    check(row(ints[s].wider, name), *x, *y, *x, extended);
    snprintf(name, sizeof name, "extmul_%s_%s_%s", half, ints[s].name, sign);
    check(row(ints[s].wider, name), *x, *y, *x, product);
}

/* Sums of neighbours, of what multiply gives for each pair. */
static void check_pairs(u32 s, const Any *x, const Any *y)
{
    u32 bits = ints[s].bits;
    char name[64];
    Any sums, signed_sums, dot;
    for (u32 i = 0; i < 64 / bits; i++) {
        set_lane(&sums, 2 * bits, i, get_lane(x, bits, 2 * i) + get_lane(x, bits, 2 * i + 1));
        set_lane(&signed_sums, 2 * bits, i, (u64)(get_signed(x, bits, 2 * i) + get_signed(x, bits, 2 * i + 1)));
        set_lane(&dot, 2 * bits, i, (u64)(get_signed(x, bits, 2 * i) * get_signed(y, bits, 2 * i) +
                                          get_signed(x, bits, 2 * i + 1) * get_signed(y, bits, 2 * i + 1)));
    }
    snprintf(name, sizeof name, "extadd_pairwise_%s_u", ints[s].name);
    check(row(ints[s].wider, name), *x, *y, *x, sums);
    snprintf(name, sizeof name, "extadd_pairwise_%s_s", ints[s].name);
    check(row(ints[s].wider, name), *x, *y, *x, signed_sums);
    check(s == 0 ? OP_I16X8_RELAXED_DOT_I8X16_I7X16_S : OP_I32X4_DOT_I16X8_S, *x, *y, *x, dot);
    if (s != 0) return;
    Any added;
    for (u32 i = 0; i < 4; i++)
        set_lane(&added, 32, i, (u64)(get_signed(&dot, 16, 2 * i) + get_signed(&dot, 16, 2 * i + 1)) +
                                    get_lane(y, 32, i));
    check(OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S, *x, *y, *y, added);
}

static void widths_of_lanes_are_changed_exactly(void **state)
{
    (void)state;
    u64 seed = 8;
    for (u32 round = 0; round < NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed), narrow, narrow_u;
        for (u32 s = 0; s < 3; s++) {
            check_widening(s, "low", "s", &x, &y);
            check_widening(s, "high", "s", &x, &y);
            check_widening(s, "low", "u", &x, &y);
            check_widening(s, "high", "u", &x, &y);
            if (s == 2) continue;
            check_pairs(s, &x, &y);
            u32 bits = ints[s].bits, n = 64 / bits;
            s64 top = 1ll << (bits - 1);
            for (u32 i = 0; i < 2 * n; i++) {
                s64 a = get_signed(i < n ? &x : &y, 2 * bits, i % n);
                set_lane(&narrow, bits, i, (u64)s64_clamp(a, -top, top - 1));
                set_lane(&narrow_u, bits, i, (u64)s64_clamp(a, 0, 2 * top - 1));
            }
            check(s == 0 ? OP_I8X16_NARROW_I16X8_S : OP_I16X8_NARROW_I32X4_S, x, y, x, narrow);
            check(s == 0 ? OP_I8X16_NARROW_I16X8_U : OP_I16X8_NARROW_I32X4_U, x, y, x, narrow_u);
        }
    }
}

/* --- floats ------------------------------------------------------------------------------------- */

/* Lanes that are NaN in both count as equal if have is quiet: which NaN is the machine's choice. */
static void check_floats(Op op, u32 bits, Any x, Any y, Any z, Any want)
{
    covered[op] = true;
    Any have = eval(op, x, y, z, 0);
    for (u32 i = 0; i < 128 / bits; i++) {
        u64 h = get_lane(&have, bits, i), w = get_lane(&want, bits, i);
        u64 infinity = bits == 32 ? 0x7f800000u : 0x7ff0000000000000u, quiet = bits == 32 ? 0x400000u : 0x8000000000000u;
        u64 magnitude = infinity | (infinity - 1);
        if ((w & magnitude) > infinity && (h & magnitude) > infinity && (h & quiet) != 0) set_lane(&want, bits, i, h);
    }
    check_equal(op, have, want, 16);
}

#define FLOAT_ANSWER(T, F, TO, sqrt_, floor_, ceil_, trunc_, rint_)                  \
    static u64 F##_answer(u32 which, u64 x, u64 y, u64 z, u64 ones)                  \
    {                                                                                \
        T a = num_##F##_of_bits((TO)x), b = num_##F##_of_bits((TO)y), c = num_##F##_of_bits((TO)z); \
        switch (which) {                                                             \
        case 0: return num_bits_of_##F(a + b);                                       \
        case 1: return num_bits_of_##F(a - b);                                       \
        case 2: return num_bits_of_##F(a * b);                                       \
        case 3: return num_bits_of_##F(a / b);                                       \
        case 4: return num_bits_of_##F(num_min_##F(a, b));                           \
        case 5: return num_bits_of_##F(num_max_##F(a, b));                           \
        case 6: return num_bits_of_##F(sqrt_(a));                                    \
        case 7: return num_bits_of_##F(floor_(a));                                   \
        case 8: return num_bits_of_##F(ceil_(a));                                    \
        case 9: return num_bits_of_##F(trunc_(a));                                   \
        case 10: return num_bits_of_##F(rint_(a));                                   \
        case 11: return num_bits_of_##F(a * b + c);                                  \
        case 12: return num_bits_of_##F(-(a * b) + c);                               \
        case 13: return a == b ? ones : 0;                                           \
        case 14: return a != b ? ones : 0;                                           \
        case 15: return a < b ? ones : 0;                                            \
        case 16: return a > b ? ones : 0;                                            \
        case 17: return a <= b ? ones : 0;                                           \
        case 18: return a >= b ? ones : 0;                                           \
        case 19:                                                                     \
        case 20: return b < a ? y : x;                                               \
        case 21:                                                                     \
        case 22: return a < b ? y : x;                                               \
        case 23: return x & (ones >> 1);                                             \
        default: return x ^ (ones ^ ones >> 1);                                      \
        }                                                                            \
    }
FLOAT_ANSWER(float, f32, u32, sqrtf, floorf, ceilf, truncf, rintf)
FLOAT_ANSWER(double, f64, u64, sqrt, floor, ceil, trunc, rint)

static void float_lanes_agree_with_libm(void **state)
{
    (void)state;
    static const char *const names[] = {"add", "sub", "mul", "div", "min", "max", "sqrt", "floor", "ceil", "trunc",
                                        "nearest", "relaxed_madd", "relaxed_nmadd", "eq", "ne", "lt", "gt", "le", "ge",
                                        "pmin", "relaxed_min", "pmax", "relaxed_max", "abs", "neg"};
    enum { FIRST_EXACT = 13 }; /* from here on results are bits, also of NaNs */
    u64 seed = 9;
    for (u32 round = 0; round < 4 * NROUNDS; round++) {
        Any x = vector_operand(&seed), y = vector_operand(&seed), z = vector_operand(&seed), want;
        if (round % 4 == 0) y = x;
        for (u32 which = 0; which < COUNT_OF(names); which++) {
            for (u32 i = 0; i < 4; i++)
                set_lane(&want, 32, i, f32_answer(which, get_lane(&x, 32, i), get_lane(&y, 32, i), get_lane(&z, 32, i),
                                                  UINT32_MAX));
            if (which < FIRST_EXACT) check_floats(row("f32x4", names[which]), 32, x, y, z, want);
            else check(row("f32x4", names[which]), x, y, z, want);
            for (u32 i = 0; i < 2; i++)
                set_lane(&want, 64, i, f64_answer(which, get_lane(&x, 64, i), get_lane(&y, 64, i), get_lane(&z, 64, i),
                                                  UINT64_MAX));
            if (which < FIRST_EXACT) check_floats(row("f64x2", names[which]), 64, x, y, z, want);
            else check(row("f64x2", names[which]), x, y, z, want);
        }
    }
}

static void conversions_agree_with_the_scalar_ones(void **state)
{
    (void)state;
    u64 seed = 10;
    for (u32 round = 0; round < 4 * NROUNDS; round++) {
        Any x = vector_operand(&seed), f[2], d[2], t[2], tz[2] = {{{0}}}, demoted = {{0}}, promoted;
        for (u32 i = 0; i < 4; i++) {
            u32 bits = (u32)get_lane(&x, 32, i);
            set_lane(&f[0], 32, i, num_bits_of_f32((float)(s32)bits));
            set_lane(&f[1], 32, i, num_bits_of_f32((float)bits));
            set_lane(&t[0], 32, i, num_trunc_sat_f32_s32(num_f32_of_bits(bits)));
            set_lane(&t[1], 32, i, num_trunc_sat_f32_u32(num_f32_of_bits(bits)));
            if (i >= 2) continue;
            set_lane(&d[0], 64, i, num_bits_of_f64((double)(s32)bits));
            set_lane(&d[1], 64, i, num_bits_of_f64((double)bits));
            set_lane(&promoted, 64, i, num_bits_of_f64((double)num_f32_of_bits(bits)));
            double a = num_f64_of_bits(get_lane(&x, 64, i));
            set_lane(&demoted, 32, i, num_bits_of_f32((float)a));
            set_lane(&tz[0], 32, i, num_trunc_sat_f64_s32(a));
            set_lane(&tz[1], 32, i, num_trunc_sat_f64_u32(a));
        }
        check(OP_F32X4_CONVERT_I32X4_S, x, x, x, f[0]);
        check(OP_F32X4_CONVERT_I32X4_U, x, x, x, f[1]);
        check(OP_F64X2_CONVERT_LOW_I32X4_S, x, x, x, d[0]);
        check(OP_F64X2_CONVERT_LOW_I32X4_U, x, x, x, d[1]);
        check(OP_I32X4_TRUNC_SAT_F32X4_S, x, x, x, t[0]);
        check(OP_I32X4_TRUNC_SAT_F32X4_U, x, x, x, t[1]);
        check(OP_I32X4_RELAXED_TRUNC_F32X4_S, x, x, x, t[0]);
        check(OP_I32X4_RELAXED_TRUNC_F32X4_U, x, x, x, t[1]);
        check(OP_I32X4_TRUNC_SAT_F64X2_S_ZERO, x, x, x, tz[0]);
        check(OP_I32X4_TRUNC_SAT_F64X2_U_ZERO, x, x, x, tz[1]);
        check(OP_I32X4_RELAXED_TRUNC_F64X2_S_ZERO, x, x, x, tz[0]);
        check(OP_I32X4_RELAXED_TRUNC_F64X2_U_ZERO, x, x, x, tz[1]);
        check_floats(OP_F32X4_DEMOTE_F64X2_ZERO, 32, x, x, x, demoted);
        check_floats(OP_F64X2_PROMOTE_LOW_F32X4, 64, x, x, x, promoted);
    }
}

/* Last: what the tests above did not look at. */
static void every_vector_row_was_tested(void **state)
{
    (void)state;
    covered[OP_V128_LOAD] = covered[OP_V128_STORE] = covered[OP_V128_CONST] = true; /* have no expression */
    for (u32 op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = &tern_op_info[op];
        if (info->feature != FEATURE_SIMD && info->feature != FEATURE_RELAXED_SIMD) continue;
        if (!covered[op]) fail_msg("%s is not tested", info->text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_lanes_are_computed_one_by_one),
        cmocka_unit_test(shifts_take_their_count_modulo_the_width),
        cmocka_unit_test(vectors_become_truths_and_masks),
        cmocka_unit_test(whole_vectors_are_computed_bit_by_bit),
        cmocka_unit_test(bytes_move_where_the_lanes_say),
        cmocka_unit_test(lanes_are_read_written_and_repeated),
        cmocka_unit_test(loads_fill_vectors_from_fewer_bytes),
        cmocka_unit_test(widths_of_lanes_are_changed_exactly),
        cmocka_unit_test(float_lanes_agree_with_libm),
        cmocka_unit_test(conversions_agree_with_the_scalar_ones),
        cmocka_unit_test(every_vector_row_was_tested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
