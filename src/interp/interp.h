/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* interp.h - the interpreter as a tier. */
#ifndef TERN_INTERP_INTERP_H
#define TERN_INTERP_INTERP_H

#include "runtime/exec.h"

extern const Tier tern_interp_tier;

/* The features whose instructions it executes, as bits (1 << FEATURE_x). Modules that use others decode and
 * validate, and are refused when a function that needs them is lowered. */
u64 tern_interp_features(void);

/* Does the instance's code leave it to the machine whether an address of memory 0 can be accessed, so that it
 * sees a window (runtime/memory.h)? */
bool tern_interp_is_guarded(const Instance *instance);

#endif
