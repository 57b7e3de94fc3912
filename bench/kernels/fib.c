/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fib.c - the call kernel: Fibonacci numbers by double recursion, nothing but calls and additions.
 *
 * Rounds: 1500.
 */
#include "kernel.h"

static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

uint32_t kernel(uint32_t n)
{
    uint32_t sum = 1;
    for (uint32_t i = 0; i < n; i++) sum = mix(sum, fib(20 + (sum & 1)));
    return sum;
}
