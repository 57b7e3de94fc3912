/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* longjmp.h - setjmp and longjmp as clang makes them of WebAssembly exceptions: wasi-libc's package has
 * neither this header nor the three functions behind it (longjmp.c). */
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
#else
#include <setjmp.h>
#endif
#endif
