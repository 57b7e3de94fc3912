/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* types.h - the fixed-width names used everywhere. */
#ifndef TERN_BASE_TYPES_H
#define TERN_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/build.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef float f32;
typedef double f64;

/* A WebAssembly v128: sixteen bytes, lane 0 first. */
typedef struct v128 {
    _Alignas(16) u8 bytes[16];
} v128;

#define LIKELY(c) __builtin_expect(!!(c), 1)
#define UNLIKELY(c) __builtin_expect(!!(c), 0)
/* A copy in every caller, where speed counts more than size. */
#if TERN_FAST
#define FAST_INLINE inline __attribute__((always_inline))
#else
#define FAST_INLINE
#endif
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

/* False and *out unspecified if the sum or product does not fit 64 bits. */
static inline bool u64_add(u64 a, u64 b, u64 *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool u64_mul(u64 a, u64 b, u64 *out) { return !__builtin_mul_overflow(a, b, out); }

static inline u64 u64_min(u64 a, u64 b) { return a < b ? a : b; }
static inline u64 u64_max(u64 a, u64 b) { return a > b ? a : b; }

/* A name in a module: UTF-8, not NUL-terminated, borrowed from the module's bytes. */
typedef struct Name {
    const char *bytes;
    u32 size;
} Name;

static inline bool name_is(Name name, const char *text)
{
    return strlen(text) == name.size && memcmp(name.bytes, text, name.size) == 0;
}

#endif
