/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lu.c - LU decomposition with pivots of a 96 x 96 matrix, and a system solved by it. */
#include <math.h>

#include "workload.h"

enum { N = 96 };
static double a[N][N], b[N];

static uint64_t work(int round)
{
    workload_seed = 99 + (uint32_t)round;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) a[i][j] = (double)(workload_random() % 2000) / 100 - 10;
        b[i] = i;
    }
    for (int k = 0; k < N; k++) {
        int pivot = k;
        for (int i = k + 1; i < N; i++)
            if (fabs(a[i][k]) > fabs(a[pivot][k])) pivot = i;
        if (pivot != k) {
            for (int j = 0; j < N; j++) {
                double t = a[k][j];
                a[k][j] = a[pivot][j];
                a[pivot][j] = t;
            }
            double t = b[k];
            b[k] = b[pivot];
            b[pivot] = t;
        }
        for (int i = k + 1; i < N; i++) {
            double factor = a[i][k] / a[k][k];
            for (int j = k; j < N; j++) a[i][j] -= factor * a[k][j];
            b[i] -= factor * b[k];
        }
    }
    for (int i = N - 1; i >= 0; i--) {
        for (int j = i + 1; j < N; j++) b[i] -= a[i][j] * b[j];
        b[i] /= a[i][i];
    }
    return workload_bits(b[3]);
}

WORKLOAD_MAIN(work)
