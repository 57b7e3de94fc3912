/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - some work that keeps its state in a global, which every instance has its own of.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry \
 *            -Wl,--export=count,--export=total -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm \
 *            guest.c
 */
static unsigned found;

/* Counts the primes in [from, to). */
void count(unsigned from, unsigned to)
{
    for (unsigned n = from < 2 ? 2 : from; n < to; n++) {
        unsigned d = 2;
        while (d * d <= n && n % d != 0) d++;
        found += d * d > n;
    }
}

unsigned total(void) { return found; }
