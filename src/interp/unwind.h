/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* unwind.h - from where an exception was thrown to where it is caught. */
#ifndef TERN_INTERP_UNWIND_H
#define TERN_INTERP_UNWIND_H

#include "code/code.h"
#include "runtime/exec.h"

/* Looks for a handler of x->exception in the frames of the innermost activation, the topmost of which stopped at
 * x->pc and x->fp. True: the exception is caught and x is in the handler's instance; the frame and the position
 * to go on at are in *fp and *pc. False: nothing has changed. */
bool tern_unwind(Exec *x, TokenOf *token_of, const CodeUnit **pc, u64 **fp);

#endif
