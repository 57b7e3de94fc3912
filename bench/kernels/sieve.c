/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* sieve.c - the byte store kernel: the sieve of Eratosthenes over 65,536 flags.
 *
 * Rounds: 300.
 */
#include "kernel.h"

enum { LIMIT = 65536 };

static uint8_t is_composite[LIMIT];

/* How many primes are below limit, and the last of them. */
static uint32_t count_primes(uint32_t limit, uint32_t *last)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < limit; i++) is_composite[i] = 0;
    for (uint32_t i = 2; i < limit; i++) {
        if (is_composite[i]) continue;
        count++;
        *last = i;
        for (uint32_t j = i * 2; j < limit; j += i) is_composite[j] = 1;
    }
    return count;
}

uint32_t kernel(uint32_t n)
{
    uint32_t sum = 1;
    for (uint32_t round = 0; round < n; round++) {
        uint32_t last = 0;
        sum = mix(sum, count_primes(LIMIT - sum % 64, &last));
        sum = mix(sum, last);
    }
    return sum;
}
