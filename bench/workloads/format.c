/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* format.c - numbers and strings to text and back: snprintf, strtol, strtod, sorting lines. */
#include "workload.h"

enum { LINES = 1000 };
static char lines[LINES][96];
static int compare(const void *a, const void *b) { return strcmp(a, b); }

static uint64_t work(int round)
{
    workload_seed = 3 + (uint32_t)round;
    for (int i = 0; i < LINES; i++) {
        uint32_t a = workload_random(), b = workload_random(), c = workload_random();
        snprintf(lines[i], sizeof lines[i], "%08x %-10d|%10.4f|%s %c %llu", a, (int)b / 7, (double)c / 1e5,
                 i % 2 ? "odd" : "an even line", 'a' + i % 26, (unsigned long long)a * b);
    }
    qsort(lines, LINES, sizeof lines[0], compare);
    uint64_t sum = 0;
    for (int i = 0; i < LINES; i++) {
        char *at = lines[i];
        sum = sum * 31 + strtoul(at, &at, 16);
        sum = sum * 31 + (uint64_t)strtol(at, &at, 10);
        at = strchr(at, '|') + 1;
        sum = sum * 31 + (uint64_t)(strtod(at, &at) * 16);
        sum += strlen(at);
    }
    return sum;
}

WORKLOAD_MAIN(work)
