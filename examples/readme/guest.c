/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - what README.md's host runs: changes a string in place and returns its length.
 *
 *   clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -Wl,--export=upper -Wl,-z,stack-size=4096 \
 *         -Wl,--strip-all -o guest.wasm guest.c
 */
int upper(char *text)
{
    int n = 0;
    for (; text[n] != '\0'; n++)
        if (text[n] >= 'a' && text[n] <= 'z') text[n] = (char)(text[n] - 'a' + 'A');
    return n;
}
