/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* execute.h - runs a generated module and writes down all that can be seen of it, as lines of text.
 *
 * Two runs are the same when their texts are. The terse form holds what another engine can say as well (differ.js):
 *   instantiate: ok | trap B | refused ...     0: ok | trap U | exception | ...
 *   m0: 65536 9f1c2b3a (bytes, FNV-1a)         t0: 12           g4: -7, or the bits of a float, or nan
 * Details add what traps say, references, and vectors.
 */
#ifndef TERN_FUZZ_EXECUTE_H
#define TERN_FUZZ_EXECUTE_H

#include "generate.h"
#include "runtime/store.h"

typedef struct ExecuteOptions {
    bool has_details;
    bool is_metered;      /* runs code that pays fuel */
    u64 fuel;             /* ... this much for each entry; UINT64_MAX: as much as there is */
    u32 rounds;           /* how often the entries are called; 0 is 1 */
    u64 *fuel_used;       /* or NULL */
} ExecuteOptions;

/* With f0, f1 and g0 as its imports. What the module asks for and the host has not is a line as well. The text is
 * NUL-terminated. */
Bytes fuzz_execute(Engine *engine, const u8 *bytes, size_t size, const ExecuteOptions *options);

#endif
