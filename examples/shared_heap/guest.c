/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - one module for both ends: fills a buffer, or adds it up. That the buffer is in a shared heap is nothing it
 * need know: the address is one like any other.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry -Wl,--export=fill,--export=sum \
 *            -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm guest.c
 */
void fill(int *numbers, int n, int step)
{
    for (int i = 0; i < n; i++) numbers[i] = i * step;
}

int sum(const int *numbers, int n)
{
    int total = 0;
    for (int i = 0; i < n; i++) total += numbers[i];
    return total;
}
