/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* interp.h - the interpreter as a tier. */
#ifndef TERN_INTERP_INTERP_H
#define TERN_INTERP_INTERP_H

#include "runtime/exec.h"

extern const Tier tern_interp_tier;

/* The features whose instructions it executes, as bits (1 << FEATURE_x). Modules that use others decode and
 * validate, and are refused when a function that needs them is lowered. */
u64 tern_interp_features(void);

#endif
