/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fft.c - complex fast Fourier transforms of 1,024 points, forward and back, in place. */
#include <math.h>

#include "workload.h"

enum { N = 1024 };
typedef struct Complex {
    double re, im;
} Complex;
static Complex data[N], roots[N / 2];

static void transform(int is_back)
{
    for (unsigned i = 1, j = 0; i < N; i++) {
        unsigned bit = N >> 1;
        for (; j & bit; bit >>= 1) j ^= bit;
        j ^= bit;
        if (i < j) {
            Complex t = data[i];
            data[i] = data[j];
            data[j] = t;
        }
    }
    for (int length = 2; length <= N; length *= 2)
        for (int start = 0; start < N; start += length)
            for (int k = 0; k < length / 2; k++) {
                Complex w = roots[k * (N / length)], *a = &data[start + k], *b = a + length / 2;
                if (is_back) w.im = -w.im;
                Complex t = {b->re * w.re - b->im * w.im, b->re * w.im + b->im * w.re};
                *b = (Complex){a->re - t.re, a->im - t.im};
                *a = (Complex){a->re + t.re, a->im + t.im};
            }
}

static uint64_t work(int round)
{
    if (round == 0) {
        double c = cos(2 * 3.14159265358979323846 / N), s = sin(2 * 3.14159265358979323846 / N);
        roots[0] = (Complex){1, 0};
        for (int i = 1; i < N / 2; i++)
            roots[i] = (Complex){roots[i - 1].re * c - roots[i - 1].im * s, roots[i - 1].re * s + roots[i - 1].im * c};
        for (int i = 0; i < N; i++) data[i] = (Complex){(double)(workload_random() % 1000), 0};
    }
    transform(0);
    transform(1);
    for (int i = 0; i < N; i++) {
        data[i].re /= N;
        data[i].im /= N;
    }
    return (uint64_t)(int64_t)floor(data[17].re * 1000 + 0.5);
}

WORKLOAD_MAIN(work)
