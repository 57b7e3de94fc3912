/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* workload.h - what the programs here share: rounds from the command line, a source of numbers, the checksum that
 * every engine must agree on. */
#ifndef TERN_BENCH_WORKLOAD_H
#define TERN_BENCH_WORKLOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t workload_seed = 12345;
static inline uint32_t workload_random(void)
{
    workload_seed ^= workload_seed << 13;
    workload_seed ^= workload_seed >> 17;
    return workload_seed ^= workload_seed << 5;
}

/* work(round) gives a part of the checksum. */
#define WORKLOAD_MAIN(work)                                                                        \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        int rounds = argc > 1 ? atoi(argv[1]) : 1;                                                 \
        uint64_t sum = 0;                                                                          \
        for (int i = 0; i < rounds; i++) sum = sum * 31 + (work)(i);                               \
        printf("%016llx\n", (unsigned long long)sum);                                             \
        return 0;                                                                                  \
    }

static inline uint64_t workload_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#endif
