/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* kernel.h - what a kernel of bench/run is.
 *
 * One function, the same source for every engine. Its work is proportional to n but for a small
 * set-up, which kernel(0) does too. The result depends on n alone: not on earlier calls, the size
 * of a pointer or the compiler. No library: kernels have no imports. "Rounds: N." in the first
 * comment is the n that bench/run measures, about 25 ms natively.
 */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <stdint.h>

uint32_t kernel(uint32_t n);

/* The next of a fixed sequence of numbers that look random (xorshift); *state is not 0. */
static inline uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

/* Folds value into a checksum, order included. */
static inline uint32_t mix(uint32_t sum, uint32_t value)
{
    sum = (sum ^ value) * 0x9e3779b1u;
    return sum ^ sum >> 15;
}

#endif
