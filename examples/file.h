/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* file.h - what all the examples need that is not about WebAssembly: the bytes of a file */
#ifndef EXAMPLES_FILE_H
#define EXAMPLES_FILE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From malloc, *size of them. NULL, and a line on stderr that says why, if that cannot be. */
static inline uint8_t *file_read(const char *path, uint32_t *size)
{
    uint8_t *bytes = NULL;
    errno = 0;
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        long n = ftell(file);
        if (n > 0 && n <= INT32_MAX) bytes = malloc((size_t)n);
        rewind(file);
        if (bytes != NULL && fread(bytes, 1, (size_t)n, file) != (size_t)n) {
            free(bytes);
            bytes = NULL;
        }
        *size = (uint32_t)n;
    }
    if (path == NULL)
        fprintf(stderr, "usage: PROGRAM guest.wasm\n");
    else if (bytes == NULL)
        fprintf(stderr, "%s: %s\n", path, errno != 0 ? strerror(errno) : "empty, or too large");
    if (file != NULL) fclose(file);
    return bytes;
}

#endif
