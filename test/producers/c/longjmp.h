/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* longjmp.h - setjmp and longjmp as clang makes them of WebAssembly exceptions: wasi-libc's package has
 * neither the header nor the three functions behind it. */
#ifndef LONGJMP_H
#define LONGJMP_H
#ifdef __wasm__
#include <stdint.h>

typedef struct JmpBuf {
    void *invocation; /* of the function that called setjmp */
    uint32_t label;
    struct { void *env; int value; } thrown;
} jmp_buf[1];

int setjmp(struct JmpBuf *env) __attribute__((returns_twice));
_Noreturn void longjmp(struct JmpBuf *env, int value);

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
#else
#include <setjmp.h>
#endif
#endif
