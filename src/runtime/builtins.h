/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* builtins.h - the operations of builtins.def. */
#ifndef TERN_RUNTIME_BUILTINS_H
#define TERN_RUNTIME_BUILTINS_H

#include "runtime/exec.h"

typedef TrapCode BuiltinFunc(Exec *x, u64 *slots, u32 imm1, u32 imm2);

#define BUILTIN(name, ...) BuiltinFunc tern_builtin_##name;
#define BUILTIN_ABSENT BUILTIN
#include "runtime/builtins.def"

typedef enum Builtin {
#define BUILTIN(name, ...) BUILTIN_##name,
#include "runtime/builtins.def"
    BUILTIN_COUNT,
#define BUILTIN(...)
#define BUILTIN_ABSENT(name, ...) BUILTIN_##name, /* names only */
#include "runtime/builtins.def"
} Builtin;

enum { BUILTIN_TRAPS = 1, BUILTIN_MOVES = 2, BUILTIN_COLLECTS = 4 };
#define BUILTIN_ARGS_VARIES 0xff

typedef struct BuiltinInfo {
    BuiltinFunc *func;
    const char *name;
    u8 nargs, nresults, flags;
    u8 bulk_log2; /* of how many of what its last operand counts cost a unit of fuel; 0: they do not */
} BuiltinInfo;
extern const BuiltinInfo tern_builtin_info[BUILTIN_COUNT];

#endif
