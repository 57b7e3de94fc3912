/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - one function that never ends, and one that takes as long as it is told.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry -Wl,--export=spin,--export=work \
 *            -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm guest.c
 */
void spin(void)
{
    for (;;) __asm__ volatile("");
}

unsigned work(unsigned rounds)
{
    unsigned hash = 2166136261u;
    for (unsigned i = 0; i < rounds; i++) hash = (hash ^ i) * 16777619u;
    return hash;
}
