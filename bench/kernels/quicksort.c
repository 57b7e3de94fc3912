/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* quicksort.c - the compare and swap kernel: 8,192 random numbers sorted by our own quicksort.
 *
 * Rounds: 80.
 */
#include "kernel.h"

enum { COUNT = 8192 };

static uint32_t numbers[COUNT];

static void sort(uint32_t *first, uint32_t *last)
{
    while (last - first > 16) {
        uint32_t pivot = first[(last - first) / 2];
        uint32_t *low = first, *high = last;
        while (low <= high) {
            while (*low < pivot) low++;
            while (*high > pivot) high--;
            if (low > high) break;
            uint32_t kept = *low;
            *low++ = *high;
            *high-- = kept;
        }
        if (high - first < last - low) {
            sort(first, high);
            first = low;
        } else {
            sort(low, last);
            last = high;
        }
    }
    for (uint32_t *at = first + 1; at <= last; at++) {
        uint32_t value = *at, *to = at;
        for (; to > first && to[-1] > value; to--) *to = to[-1];
        *to = value;
    }
}

uint32_t kernel(uint32_t n)
{
    uint32_t seed = 11, sum = 1;
    for (uint32_t round = 0; round < n; round++) {
        for (int i = 0; i < COUNT; i++) numbers[i] = next_random(&seed);
        sort(numbers, numbers + COUNT - 1);
        for (int i = 0; i < COUNT; i += 64) sum = mix(sum, numbers[i]);
    }
    return sum;
}
