/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* transform.c - the single precision kernel: 1,024 points go through a 4 x 4 matrix, one number at a time.
 * transform_simd.c is the same with vectors of four.
 *
 * Rounds: 2500.
 */
#include "kernel.h"

enum { POINTS = 1024 };

static float points[4][POINTS]; /* a row is one coordinate of all points */
static float matrix[4][4];

static void transform(void)
{
    float m[4][4];
    for (int i = 0; i < 16; i++) m[i / 4][i % 4] = matrix[i / 4][i % 4];
    for (int i = 0; i < POINTS; i++) {
        float x = points[0][i], y = points[1][i], z = points[2][i], w = points[3][i];
        for (int k = 0; k < 4; k++) points[k][i] = m[k][0] * x + m[k][1] * y + m[k][2] * z + m[k][3] * w;
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
