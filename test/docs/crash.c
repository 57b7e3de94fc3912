/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* crash.c - a guest with debugging information, for the lines of a trap.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O1 -g -ffile-compilation-dir=. -nostdlib -Wl,--no-entry \
 *            -Wl,--export=open_door -Wl,-z,stack-size=4096 -o crash.wasm crash.c
 */
static int *find(int key)
{
    return (int *)(0x7fff0000u + (unsigned)key);
}

int open_door(int key)
{
    int *door = find(key);
    return *door + 1;
}
