/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fuzz.h - what every target has: one input in, abort if something is wrong.
 *
 * A target defines LLVMFuzzerTestOneInput. With libFuzzer that is all; without it replay.c has the main() that gives
 * it files. A target never fails by returning: it says what is wrong and calls abort, as sanitizers do.
 */
#ifndef TERN_FUZZ_FUZZ_H
#define TERN_FUZZ_FUZZ_H

#include "generate.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static inline u32 fuzz_random(u64 *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (u32)(*state >> 33);
}

/* Prints and aborts. */
__attribute__((noreturn, format(printf, 1, 2))) void fuzz_fail(const char *format, ...);

/* False if it cannot be written. */
bool fuzz_write_file(const char *path, const void *bytes, size_t size);
/* NULL if it cannot be read; the caller frees. */
u8 *fuzz_read_file(const char *path, size_t *size);

#endif
