/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* generate.h - from any string of bytes, a valid WebAssembly module that ends.
 *
 * The bytes are the generator's choices, in order; when they run out every choice is the first one, which is the
 * smallest. So cutting the string makes a smaller module, and changing a byte changes what comes after it. The same
 * string always gives the same module.
 *
 * What is promised of the module: it validates with the features asked for; it imports only `h` `f0` [i32] -> [i32],
 * `h` `f1` [i64 f64] -> [] and `h` `g0` (an i32 constant); it exports functions [] -> [] as "0", "1", ..., its own
 * global `fuel`, and every memory and every global of numbers. Each entry of a function and each turn of a loop
 * takes one from `fuel` and traps at 0, and what runs between is bounded, so any call ends.
 */
#ifndef TERN_FUZZ_GENERATE_H
#define TERN_FUZZ_GENERATE_H

#include "ops/emit.h"

typedef struct GenerateOptions {
    u64 features;           /* instructions and types of these proposals only */
    bool is_deterministic;  /* results of float arithmetic that are NaN become 0, nothing sleeps or is relaxed */
    bool has_one_exceptions; /* legacy and standard exception handling are not mixed in a module */
    u64 *counts;            /* [OP_COUNT]: instructions written, added up; or NULL */
    u64 *const_counts;      /* the same in constant expressions, or NULL */
} GenerateOptions;

/* The module's bytes, the caller's to free with bytes_done. */
Bytes fuzz_generate(const u8 *data, size_t size, const GenerateOptions *options);

#endif
