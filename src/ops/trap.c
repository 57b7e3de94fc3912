/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* trap.c - the two wordings of each trap, from traps.def. */
#include "ops/trap.h"

static const char *const spec_text[TRAP_COUNT] = {
#define TRAP(name, text, wamr) [TRAP_##name] = text,
#include "ops/traps.def"
};

static const char *const wamr_text[TRAP_COUNT] = {
#define TRAP(name, text, wamr) [TRAP_##name] = wamr,
#include "ops/traps.def"
};

const char *tern_trap_text(TrapCode code) { return spec_text[code]; }

const char *tern_trap_wamr_text(TrapCode code) { return wamr_text[code]; }
