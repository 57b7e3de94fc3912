/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* longjmp.c - what clang calls for setjmp and longjmp. A jump is an exception with the tag __c_longjmp; every
 * function that called setjmp catches it and asks whether it is the one, and at which label it goes on. */
#include "longjmp.h"

__asm__(".globl __c_longjmp\n.tagtype __c_longjmp i32\n__c_longjmp:\n");

void __wasm_setjmp(struct JmpBuf *env, uint32_t label, void *invocation)
{
    env->invocation = invocation;
    env->label = label;
}

uint32_t __wasm_setjmp_test(struct JmpBuf *env, void *invocation)
{
    return env->invocation == invocation ? env->label : 0;
}

void __wasm_longjmp(struct JmpBuf *env, int value)
{
    env->thrown.env = env;
    env->thrown.value = value == 0 ? 1 : value;
    __builtin_wasm_throw(1, &env->thrown);
}
