/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vector.c - 128-bit vectors as C writes them: a blend of two pictures, a dot product, a histogram's maximum. */
#include "workload.h"

enum { SIZE = 32768 };
typedef uint16_t U16x8 __attribute__((vector_size(16)));
typedef uint8_t U8x16 __attribute__((vector_size(16)));
typedef float F32x4 __attribute__((vector_size(16)));
static U16x8 a[SIZE / 8], b[SIZE / 8];
static F32x4 x[SIZE / 4], y[SIZE / 4];

static uint64_t work(int round)
{
    if (round == 0)
        for (int i = 0; i < SIZE; i++) {
            ((uint16_t *)a)[i] = (uint16_t)(workload_random() % 256);
            ((uint16_t *)b)[i] = (uint16_t)(workload_random() % 256);
            ((float *)x)[i] = (float)(workload_random() % 64);
            ((float *)y)[i] = (float)(workload_random() % 64);
        }
    U16x8 alpha = {128, 100, 30, 250, 5, 77, 200, 1}, most = {0};
    for (int i = 0; i < SIZE / 8; i++) {
        a[i] = (a[i] * alpha + b[i] * (256 - alpha)) >> 8;
        U16x8 more = (U16x8)(a[i] > most);
        most = (a[i] & more) | (most & ~more);
    }
    F32x4 dot = {0};
    for (int i = 0; i < SIZE / 4; i++) dot += x[i] * y[i];
    uint64_t sum = (uint64_t)(dot[0] + dot[1] + dot[2] + dot[3]);
    for (int i = 0; i < 8; i++) sum = sum * 31 + most[i];
    return sum;
}

WORKLOAD_MAIN(work)
