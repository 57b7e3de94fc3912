/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* life.c - Conway's game of life on a torus, a byte a cell. */
#include "workload.h"

enum { WIDTH = 256, HEIGHT = 256 };
static uint8_t cells[HEIGHT][WIDTH], next[HEIGHT][WIDTH];

static uint64_t work(int round)
{
    if (round == 0)
        for (int i = 0; i < HEIGHT * WIDTH; i++) cells[i / WIDTH][i % WIDTH] = workload_random() % 4 == 0;
    uint64_t alive = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int n = 0;
            for (int dy = -1; dy <= 1; dy++)
                for (int dx = -1; dx <= 1; dx++) n += cells[(y + dy) & (HEIGHT - 1)][(x + dx) & (WIDTH - 1)];
            n -= cells[y][x];
            alive += next[y][x] = (uint8_t)(n == 3 || (n == 2 && cells[y][x]));
        }
    memcpy(cells, next, sizeof cells);
    return alive;
}

WORKLOAD_MAIN(work)
