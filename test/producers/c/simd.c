/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* simd.c - 128-bit vectors by intrinsics, and loops that clang turns into vectors by itself; each result is
 * checked against the scalar one, so the program needs no other machine to compare with. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <wasm_simd128.h>

enum { N = 1003 };
static uint8_t bytes[N], other[N];
static float real[N], more[N];
static int failures;

static void check(const char *what, uint64_t got, uint64_t wanted)
{
    printf("%s %llu%s\n", what, (unsigned long long)got, got == wanted ? "" : " WRONG");
    failures += got != wanted;
}

static uint32_t absolute_differences(void)
{
    v128_t sum = wasm_i32x4_const_splat(0);
    int i = 0;
    for (; i + 16 <= N; i += 16) {
        v128_t a = wasm_v128_load(bytes + i), b = wasm_v128_load(other + i);
        v128_t d = wasm_v128_or(wasm_u8x16_sub_sat(a, b), wasm_u8x16_sub_sat(b, a));
        sum = wasm_i32x4_add(sum, wasm_u32x4_extadd_pairwise_u16x8(wasm_u16x8_extadd_pairwise_u8x16(d)));
    }
    uint32_t total = (uint32_t)(wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) +
                                wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3));
    for (; i < N; i++) total += (uint32_t)(bytes[i] > other[i] ? bytes[i] - other[i] : other[i] - bytes[i]);
    return total;
}

static int count_of(uint8_t c)
{
    int n = 0, i = 0;
    for (; i + 16 <= N; i += 16)
        n += __builtin_popcount(wasm_i8x16_bitmask(
            wasm_i8x16_eq(wasm_v128_load(bytes + i), wasm_i8x16_splat((int8_t)c))));
    for (; i < N; i++) n += bytes[i] == c;
    return n;
}

static void to_upper(char *text, size_t n)
{
    for (size_t i = 0; i + 16 <= n; i += 16) {
        v128_t v = wasm_v128_load(text + i);
        v128_t lower = wasm_v128_and(wasm_u8x16_ge(v, wasm_u8x16_const_splat('a')),
                                     wasm_u8x16_le(v, wasm_u8x16_const_splat('z')));
        wasm_v128_store(text + i, wasm_v128_bitselect(wasm_v128_xor(v, wasm_i8x16_const_splat(32)), v, lower));
    }
}

static void transpose(const float in[16], float out[16])
{
    v128_t a = wasm_v128_load(in), b = wasm_v128_load(in + 4), c = wasm_v128_load(in + 8), d = wasm_v128_load(in + 12);
    v128_t ab = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), cd = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
    v128_t AB = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7), CD = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    wasm_v128_store(out, wasm_i64x2_shuffle(ab, cd, 0, 2));
    wasm_v128_store(out + 4, wasm_i64x2_shuffle(ab, cd, 1, 3));
    wasm_v128_store(out + 8, wasm_i64x2_shuffle(AB, CD, 0, 2));
    wasm_v128_store(out + 12, wasm_i64x2_shuffle(AB, CD, 1, 3));
}

static float vector_dot(void)
{
    v128_t sum = wasm_f32x4_const_splat(0);
    int i = 0;
    for (; i + 4 <= N; i += 4)
        sum = wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(real + i), wasm_v128_load(more + i)));
    float total = wasm_f32x4_extract_lane(sum, 0) + wasm_f32x4_extract_lane(sum, 1) +
                  wasm_f32x4_extract_lane(sum, 2) + wasm_f32x4_extract_lane(sum, 3);
    for (; i < N; i++) total += real[i] * more[i];
    return total;
}

/* Loops for the compiler. The scalar twins are kept scalar by a volatile index. */
static int64_t mixed(const int16_t *a, const int32_t *b, int n)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++) sum += (int64_t)a[i] * b[i] + (a[i] < b[i] ? 3 : -5);
    return sum;
}
static int64_t mixed_scalar(const int16_t *a, const int32_t *b, int n)
{
    int64_t sum = 0;
    for (volatile int i = 0; i < n; i++) sum += (int64_t)a[i] * b[i] + (a[i] < b[i] ? 3 : -5);
    return sum;
}

static void shape(double *out, const float *in, int n)
{
    for (int i = 0; i < n; i++) out[i] = sqrt(fabs((double)in[i])) + floor(in[i]) - (double)(int)in[i];
}
static void shape_scalar(double *out, const float *in, int n)
{
    for (volatile int i = 0; i < n; i++) out[i] = sqrt(fabs((double)in[i])) + floor(in[i]) - (double)(int)in[i];
}

int main(void)
{
    uint32_t seed = 1;
    static int16_t shorts[N];
    static int32_t words[N];
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
        other[i] = (uint8_t)(seed >> 13);
        real[i] = (float)((int)(seed >> 20) - 2048) / 16;
        more[i] = (float)(seed >> 28);
        shorts[i] = (int16_t)(seed >> 9);
        words[i] = (int32_t)seed >> 3;
    }
    uint32_t differences = 0;
    int count = 0;
    float dot = 0;
    for (volatile int i = 0; i < N; i++) {
        differences += (uint32_t)(bytes[i] > other[i] ? bytes[i] - other[i] : other[i] - bytes[i]);
        count += bytes[i] == 77;
        dot += real[i] * more[i]; /* exact: small integers over 16 */
    }
    check("differences", absolute_differences(), differences);
    check("count", (uint64_t)count_of(77), (uint64_t)count);
    check("dot", (uint64_t)(int64_t)vector_dot(), (uint64_t)(int64_t)dot);
    char text[33] = "Vectors of 16 bytes, twice: {az}";
    to_upper(text, 32);
    printf("%s\n", text);
    float in[16], out[16];
    for (int i = 0; i < 16; i++) in[i] = (float)i;
    transpose(in, out);
    for (int i = 0; i < 16; i++) printf("%g ", (double)out[i]);
    printf("\n");
    check("mixed", (uint64_t)mixed(shorts, words, N), (uint64_t)mixed_scalar(shorts, words, N));
    static double a[N], b[N];
    shape(a, real, N);
    shape_scalar(b, real, N);
    check("shape", (uint64_t)memcmp(a, b, sizeof a), 0);
    v128_t q = wasm_i16x8_q15mulr_sat(wasm_i16x8_make(-32768, 32767, 1, -1, 300, 20000, -20000, 16384),
                                      wasm_i16x8_make(-32768, 32767, 16384, 16384, 300, 20000, 20000, -32768));
    printf("%d %d %d %d\n", wasm_i16x8_extract_lane(q, 0), wasm_i16x8_extract_lane(q, 1),
           wasm_i16x8_extract_lane(q, 6), wasm_i16x8_extract_lane(q, 7));
    v128_t narrow = wasm_u8x16_narrow_i16x8(wasm_i16x8_make(-5, 0, 255, 256, 1000, 7, 128, -1), q);
    printf("%u %u %u %u\n", wasm_u8x16_extract_lane(narrow, 0), wasm_u8x16_extract_lane(narrow, 3),
           wasm_u8x16_extract_lane(narrow, 6), wasm_u8x16_extract_lane(narrow, 8));
    v128_t swizzled = wasm_i8x16_swizzle(wasm_v128_load(text), wasm_i8x16_const(3, 2, 1, 0, 16, 31, 15, 14, 0, 0, 1, 1, 2, 2, -1, 5));
    printf("%llx %llx\n", (unsigned long long)wasm_i64x2_extract_lane(swizzled, 0),
           (unsigned long long)wasm_i64x2_extract_lane(swizzled, 1));
#ifdef __wasm_relaxed_simd__
    /* Inputs for which everything that the specification allows is the same. */
    v128_t fused = wasm_f32x4_relaxed_madd(wasm_f32x4_const(1, 2, 3, 4), wasm_f32x4_const_splat(8), wasm_f32x4_const_splat(0.5f));
    printf("%g %g\n", (double)wasm_f32x4_extract_lane(fused, 0), (double)wasm_f32x4_extract_lane(fused, 3));
    v128_t picked = wasm_i8x16_relaxed_swizzle(wasm_v128_load(text), wasm_i8x16_const(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    char back[17] = {0};
    wasm_v128_store(back, picked);
    printf("%s\n", back);
    v128_t dotted = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(wasm_i8x16_const_splat(-3), wasm_i8x16_const_splat(100), wasm_i32x4_const(0, 1, 2, 3));
    printf("%d %d\n", wasm_i32x4_extract_lane(dotted, 0), wasm_i32x4_extract_lane(dotted, 3));
    v128_t chosen = wasm_i32x4_relaxed_laneselect(wasm_i32x4_const_splat(1), wasm_i32x4_const_splat(2), wasm_i32x4_const(-1, 0, -1, 0));
    v128_t whole = wasm_i32x4_relaxed_trunc_f32x4(wasm_f32x4_const(-7.9f, 7.9f, 1e9f, 0));
    printf("%d %d %d %d\n", wasm_i32x4_extract_lane(chosen, 0), wasm_i32x4_extract_lane(chosen, 1),
           wasm_i32x4_extract_lane(whole, 0), wasm_i32x4_extract_lane(whole, 2));
#endif
    return failures;
}
