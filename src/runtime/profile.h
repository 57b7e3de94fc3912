/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* profile.h - how often functions run, and for how long.
 *
 * Only code that was lowered for it tells (EngineOptions.profiles, CODE_PROFILED in code/code.h), through the
 * builtins profile_enter and profile_leave; other code has no trace of this. An Exec keeps what it is in, an instance
 * the sums. Times are processor time of the thread where the port has that; what a host function takes is its
 * caller's. */
#ifndef TERN_RUNTIME_PROFILE_H
#define TERN_RUNTIME_PROFILE_H

#include "runtime/exec.h"

typedef struct ProfileStack ProfileStack;

/* Of one function: completed calls. A call inside a call of the same function counts twice in total_ns, and once in
 * children_ns, so the difference is always the time in the function itself. */
typedef struct FuncTime {
    u64 total_ns, children_ns, ncalls;
} FuncTime;

/* Everything at or above fp was left in some other way than by returning: a trap, or an exception that is caught in
 * the frame below. x->profile is not NULL. */
void tern_profile_unwind(Exec *x, const u64 *fp);

/* NULL: it never ran. */
const FuncTime *tern_profile_of(const Instance *instance, u32 func_index);

void tern_profile_free(Exec *x);

#endif
