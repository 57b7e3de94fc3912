/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - never comes back from one of its functions, and does from the other.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry \
 *            -Wl,--export=spin,--export=calls -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm \
 *            guest.c
 */
static volatile unsigned ncalls;

void spin(void)
{
    ncalls++;
    for (;;) ncalls = ncalls;
}

unsigned calls(void) { return ncalls; }
