/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* const_expr.h - evaluates a validated constant expression in an instance whose imports and earlier globals
 * are in place (spec 4.5.4). */
#ifndef TERN_RUNTIME_CONST_EXPR_H
#define TERN_RUNTIME_CONST_EXPR_H

#include "runtime/store.h"

/* A trap is out of memory, or what an allocating expression raises. */
TrapCode tern_const_eval(Instance *instance, const ConstExpr *expr, Value *out);

#endif
