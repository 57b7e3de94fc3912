/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* setjmp.h - where wasi-libc's package has none: setjmp by WebAssembly exceptions. */
#include "../../producers/c/longjmp.h"
