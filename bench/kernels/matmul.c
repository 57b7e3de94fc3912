/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* matmul.c - the floating point and address kernel: 96 x 96 matrices of f64, multiplied the plain
 * way.
 *
 * Rounds: 120.
 */
#include "kernel.h"

enum { SIZE = 96 };

static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static void multiply(void)
{
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    }
}

uint32_t kernel(uint32_t n)
{
    uint32_t seed = 1, sum = 1;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            a[i][j] = (double)(next_random(&seed) % 16);
            b[i][j] = (double)(next_random(&seed) % 16);
        }
    }
    for (uint32_t round = 0; round < n; round++) {
        a[round % SIZE][sum % SIZE] += 1;
        multiply();
        /* Whole numbers far below 2^32: exact in any order of addition. */
        sum = mix(sum, (uint32_t)c[round % SIZE][sum % SIZE]);
    }
    return sum;
}
