/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* floyd.c - shortest ways between all pairs of 120 places (Floyd and Warshall). */
#include "workload.h"

enum { N = 120, FAR = 1000000 };
static int way[N][N];

static uint64_t work(int round)
{
    workload_seed = 7 + (uint32_t)round;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            way[i][j] = workload_random() % 8 == 0 ? (int)(workload_random() % 100) : FAR;
            if (i == j) way[i][j] = 0;
        }
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                if (way[i][k] + way[k][j] < way[i][j]) way[i][j] = way[i][k] + way[k][j];
    uint64_t sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) sum = sum * 31 + (uint64_t)way[i][j];
    return sum;
}

WORKLOAD_MAIN(work)
