/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* transform_simd.c - the vector kernel: 1,024 points go through a 4 x 4 matrix, four numbers at a time.
 * transform.c is the same without vectors.
 *
 * Rounds: 2500.
 */
#include "kernel.h"

enum { POINTS = 1024 };

static _Alignas(16) float points[4][POINTS]; /* a row is one coordinate of all points */
static float matrix[4][4];

typedef float f32x4 __attribute__((vector_size(16), may_alias));

#if defined(__wasm__)
__attribute__((target("simd128")))
#endif
static void transform(void)
{
    f32x4 m[4][4];
    for (int i = 0; i < 16; i++) {
        float e = matrix[i / 4][i % 4];
        m[i / 4][i % 4] = (f32x4){e, e, e, e};
    }
    for (int i = 0; i < POINTS / 4; i++) {
        f32x4 *rows[4];
        for (int k = 0; k < 4; k++) rows[k] = (f32x4 *)points[k] + i;
        f32x4 x = *rows[0], y = *rows[1], z = *rows[2], w = *rows[3];
        for (int k = 0; k < 4; k++) *rows[k] = m[k][0] * x + m[k][1] * y + m[k][2] * z + m[k][3] * w;
    }
}

uint32_t kernel(uint32_t n)
{
    uint32_t seed = 1, sum = 1;
    for (int i = 0; i < 16; i++) matrix[i / 4][i % 4] = (i / 4 & i % 4) == 1 || (i / 4 & i % 4) == 2 ? -0.5f : 0.5f;
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < POINTS; i++) points[k][i] = (float)(next_random(&seed) % 256);
    for (uint32_t round = 0; round < n; round++) {
        transform();
        /* Twice the transform is where it began: whole numbers and halves, exact. */
        sum = mix(sum, (uint32_t)(int32_t)(points[round % 4][sum % POINTS] * 2));
        points[sum % 4][round % POINTS] = (float)(sum % 256);
    }
    return sum;
}
