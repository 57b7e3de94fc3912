/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fuzz.c - files, and how a target fails. */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>

void fuzz_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("FUZZ: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

bool fuzz_write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    bool done = fwrite(bytes, 1, size, file) == size;
    return fclose(file) == 0 && done;
}

u8 *fuzz_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    u8 *bytes = NULL;
    size_t n = 0, cap = 0;
    for (;;) {
        if (n == cap) {
            cap = cap == 0 ? 1 << 16 : 2 * cap;
            u8 *more = realloc(bytes, cap);
            if (more == NULL) abort();
            bytes = more;
        }
        size_t got = fread(bytes + n, 1, cap - n, file);
        if (got == 0) break;
        n += got;
    }
    fclose(file);
    *size = n;
    return bytes;
}
