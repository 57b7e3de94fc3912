/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* mandelbrot.c - the floating point loop kernel: 64 x 48 points of the Mandelbrot set in f64.
 *
 * Rounds: 120.
 */
#include "kernel.h"

enum { WIDTH = 64, HEIGHT = 48, STEPS = 100 };

static const double column_width = 3.0 / 64, row_height = 2.0 / 48;

static uint32_t escape(double x0, double y0)
{
    double x = 0, y = 0;
    uint32_t step = 0;
    for (; step < STEPS; step++) {
        double xx = x * x, yy = y * y;
        if (xx + yy > 4) break;
        y = 2 * x * y + y0;
        x = xx - yy + x0;
    }
    return step;
}

uint32_t kernel(uint32_t n)
{
    uint32_t sum = 1;
    for (uint32_t round = 0; round < n; round++) {
        double shift = (double)(sum % 64) / 1024;
        uint32_t total = 0;
        for (int row = 0; row < HEIGHT; row++)
            for (int col = 0; col < WIDTH; col++)
                total += escape(col * column_width - 2 + shift, row * row_height - 1);
        sum = mix(sum, total);
    }
    return sum;
}
