/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* matrix.c - inverts matrices in f64 by Gauss-Jordan elimination with pivoting, multiplies back,
 * and prints the bits of what comes out.
 *
 * run: 3
 * run: 24
 * run: 60
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(double d)
{
    uint64_t u;
    memcpy(&u, &d, sizeof u);
    return u;
}

/* Turns a (n by n) into its inverse and *determinant, using work of the same size. False:
 * singular. */
static bool invert(double *a, double *work, int n, double *determinant)
{
    memset(work, 0, (size_t)(n * n) * sizeof *work);
    for (int i = 0; i < n; i++) work[i * n + i] = 1;
    *determinant = 1;
    for (int col = 0; col < n; col++) {
        int pivot = col;
        for (int row = col + 1; row < n; row++)
            if (fabs(a[row * n + col]) > fabs(a[pivot * n + col])) pivot = row;
        if (a[pivot * n + col] == 0) return false;
        if (pivot != col) *determinant = -*determinant;
        for (int k = 0; k < n; k++) {
            double x = a[col * n + k], y = work[col * n + k];
            a[col * n + k] = a[pivot * n + k];
            a[pivot * n + k] = x;
            work[col * n + k] = work[pivot * n + k];
            work[pivot * n + k] = y;
        }
        double scale = a[col * n + col];
        *determinant *= scale;
        for (int k = 0; k < n; k++) {
            a[col * n + k] /= scale;
            work[col * n + k] /= scale;
        }
        for (int row = 0; row < n; row++) {
            double factor = a[row * n + col];
            if (row == col || factor == 0) continue;
            for (int k = 0; k < n; k++) {
                a[row * n + k] -= factor * a[col * n + k];
                work[row * n + k] -= factor * work[col * n + k];
            }
        }
    }
    memcpy(a, work, (size_t)(n * n) * sizeof *a);
    return true;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 4;
    if (n < 1 || n > 100) return 2;
    size_t size = (size_t)(n * n) * sizeof(double);
    double *a = malloc(size), *inverse = malloc(size), *work = malloc(size);
    if (a == NULL || inverse == NULL || work == NULL) return 3;
    uint32_t seed = 42;
    for (int i = 0; i < n * n; i++) {
        seed = seed * 1664525 + 1013904223;
        a[i] = (double)(seed >> 8) / 16777216 - 0.5;
    }
    memcpy(inverse, a, size);
    double determinant;
    if (!invert(inverse, work, n, &determinant)) return 1;

    double worst = 0, trace = 0;
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double product = 0;
            for (int k = 0; k < n; k++) product += a[i * n + k] * inverse[k * n + j];
            worst = fmax(worst, fabs(product - (i == j)));
            sum = sum * 31 + bits(inverse[i * n + j]);
        }
        trace += inverse[i * n + i];
    }
    printf("determinant %.15e, trace %.15e, error %.3e\n", determinant, trace, worst);
    printf("bits %016" PRIx64 "\n", sum);
    if (n == 3)
        for (int i = 0; i < 9; i++) printf("%20.15f%c", inverse[i], i % 3 == 2 ? '\n' : ' ');

    for (int i = 0; i < n * n; i++) a[i] = 1 + i % n;
    printf("equal rows: %s\n", invert(a, work, n, &determinant) ? "has an inverse" : "singular");
    free(a);
    free(inverse);
    free(work);
    return worst > 1e-9;
}
