/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* greeting.c - the least that a program does: what bench/startup starts.
 *
 *   clang-22 --target=wasm32-wasi --sysroot=/usr -O2 -Wl,--strip-all -o greeting.wasm greeting.c
 */
#include <stdio.h>

int main(void)
{
    printf("hello, world\n");
    return 0;
}
