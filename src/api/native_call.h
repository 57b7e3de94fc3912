/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* native_call.h - calling a C function whose type is known only at run time, without generating
 * code.
 *
 * The signature is parsed once, when an import is linked. On System V x86-64 and AArch64 integer
 * and floating-point arguments go to two independent register files, so one C function type with
 * every integer register first and every floating-point register after calls them all; what is left
 * over goes to the stack in order, 8 bytes each. Elsewhere a few common shapes are called directly
 * and the rest is refused. */
#ifndef TERN_API_NATIVE_CALL_H
#define TERN_API_NATIVE_CALL_H

#include "runtime/exec.h"

/* A host function behind an import. What it needs to run is first. */
typedef struct NativeCall {
    void *func;
    void *attachment;
    HostFunc *thunk;     /* what the FuncInst runs, with this NativeCall as env */
    const char *letters; /* one per parameter: i I f F r R, * ~ $ with their checks */
    const FuncType *type; /* of a raw function with externrefs or several results, else NULL */
    u64 converted;       /* bit i: parameter i is not passed as it is in its cell */
    u32 nletters;
    char result; /* letter, or 0 */
    const Import *import;
} NativeCall;

/* Makes call ready for func as the import's provider. signature is the host's or NULL; is_64:
 * addresses of memory 0 are i64. False with a reason: "the signature's second parameter ...".
 * letters come from the arena. */
bool tern_native_call_init(NativeCall *call, Arena *arena, const FuncType *type, bool is_64,
                           void *func, const char *signature, const char **reason);
bool tern_native_call_init_raw(NativeCall *call, const FuncType *type, bool is_64, void *func,
                               const char *signature, const char **reason);

#endif
