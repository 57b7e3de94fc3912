/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* value.h - a WebAssembly value as the runtime stores it. */
#ifndef TERN_RUNTIME_VALUE_H
#define TERN_RUNTIME_VALUE_H

#include "base/types.h"

/* A reference of any type; 0 is null. A function reference is a FuncInst pointer. */
typedef u64 Ref;
#define REF_NULL ((Ref)0)

/* In frames a value takes one 8-byte cell, a v128 two. An i32 in a cell is zero-extended; of an f32 only
 * the low four bytes count. */
typedef union Value {
    u32 i32;
    u64 i64;
    f32 f32;
    f64 f64;
    Ref ref;
    v128 v128;
    u64 cells[2];
} Value;

#endif
