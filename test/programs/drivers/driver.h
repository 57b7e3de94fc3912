/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* driver.h - what the drivers of libraries share: reading standard input, hashing what came out. */
#ifndef TERN_TEST_PROGRAMS_DRIVER_H
#define TERN_TEST_PROGRAMS_DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All of standard input, a NUL behind it. */
static inline char *driver_read(size_t *size)
{
    size_t cap = 1 << 16, n = 0;
    char *bytes = malloc(cap + 1);
    for (size_t got; bytes != NULL && (got = fread(bytes + n, 1, cap - n, stdin)) > 0;) {
        n += got;
        if (n == cap) bytes = realloc(bytes, (cap *= 2) + 1);
    }
    if (bytes == NULL) exit(9);
    bytes[n] = '\0';
    *size = n;
    return bytes;
}

/* FNV-1a */
static inline uint64_t driver_hash(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return hash;
}
#define DRIVER_HASH_START 14695981039346656037u

/* How often to do it: the first argument, else once. */
static inline int driver_rounds(int argc, char **argv) { return argc > 1 ? atoi(argv[1]) : 1; }

#endif
