/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* trap.h - why a guest was stopped. A trap is a value returned up the tier; zero is none. */
#ifndef TERN_OPS_TRAP_H
#define TERN_OPS_TRAP_H

#include "base/types.h"

typedef enum TrapCode {
#define TRAP(name, ...) TRAP_##name,
#include "ops/traps.def"
    TRAP_COUNT
} TrapCode;

const char *tern_trap_text(TrapCode code);      /* the specification's wording */
const char *tern_trap_wamr_text(TrapCode code); /* what wasm_export.h hosts are told */

#endif
