/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - careless: it counts, and never frees, and takes its time to get ready.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry \
 *            -Wl,--export=prepare,--export=handle -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm \
 *            guest.c
 */
static unsigned nrequests, is_prepared, table[1000];

void prepare(void)
{
    for (unsigned i = 0; i < 1000; i++) table[i] = i * i;
    is_prepared = 1;
}

/* Thousands: how many requests it has seen; hundreds: whether it was prepared; the rest is the answer. */
unsigned handle(unsigned n)
{
    __builtin_wasm_memory_grow(0, 1); /* 64 KiB that nobody gets back */
    return ++nrequests * 1000 + is_prepared * 100 + table[n];
}
