/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - bytes in, bytes out: a filter for lines of a log. Exports malloc and free, by which the host makes room
 * for the input and frees the output.
 *
 *   clang-22 --target=wasm32-wasi --no-wasm-opt --sysroot=/usr -O2 -mexec-model=reactor -Wl,--strip-all \
 *            -Wl,--export=malloc,--export=free,--export=redact -o guest.wasm guest.c
 */
#include <stdint.h>
#include <stdlib.h>

/* In the upper half of the result where the bytes are, in the lower how many. */
static uint64_t bytes(const char *at, size_t size) { return (uint64_t)(uintptr_t)at << 32 | size; }

/* Every number becomes <number>. */
uint64_t redact(const char *line, size_t size)
{
    static const char word[] = "<number>";
    char *out = malloc(size * (sizeof word - 1));
    size_t n = 0;
    if (out == NULL) __builtin_trap(); /* the host hears of it */
    for (size_t i = 0; i < size; i++) {
        int is_digit = line[i] >= '0' && line[i] <= '9';
        int was_digit = i > 0 && line[i - 1] >= '0' && line[i - 1] <= '9';
        if (!is_digit)
            out[n++] = line[i];
        else if (!was_digit)
            for (const char *p = word; *p != '\0'; p++) out[n++] = *p;
    }
    return bytes(out, n);
}
