/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* racy.h - plain accesses to bytes that another thread may be changing.
 *
 * A shared memory's plain loads and stores may race: what they give then is the guest's business (threads
 * proposal: any mix of the values written), and for the machine they are ordinary instructions. Only
 * ThreadSanitizer must be told, or every careless guest would look like our bug: under it these accesses are
 * made by a function it does not watch. Accesses of 1, 2, 4 and 8 bytes that are aligned do not tear.
 */
#ifndef TERN_BASE_RACY_H
#define TERN_BASE_RACY_H

#include "base/types.h"

#if defined(__SANITIZE_THREAD__)
#define RACY_IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACY_IS_WATCHED 1
#endif
#endif
#ifndef RACY_IS_WATCHED
#define RACY_IS_WATCHED 0
#endif

#if RACY_IS_WATCHED

typedef struct __attribute__((packed, may_alias)) RacyU16 { u16 v; } RacyU16;
typedef struct __attribute__((packed, may_alias)) RacyU32 { u32 v; } RacyU32;
typedef struct __attribute__((packed, may_alias)) RacyU64 { u64 v; } RacyU64;

/* memmove */
__attribute__((unused, noinline, no_sanitize("thread"))) static void racy_move(void *to, const void *from, size_t n)
{
    switch (n) {
    case 2: *(RacyU16 *)to = *(const RacyU16 *)from; return;
    case 4: *(RacyU32 *)to = *(const RacyU32 *)from; return;
    case 8: *(RacyU64 *)to = *(const RacyU64 *)from; return;
    default: break;
    }
    volatile u8 *t = to; /* a loop that no compiler makes into a call of memmove, which is watched */
    const volatile u8 *f = from;
    if ((uintptr_t)to <= (uintptr_t)from)
        for (size_t i = 0; i < n; i++) t[i] = f[i];
    else
        for (size_t i = n; i-- > 0;) t[i] = f[i];
}

/* memcpy */
static inline void racy_copy(void *to, const void *from, size_t n) { racy_move(to, from, n); }

/* memset */
__attribute__((unused, noinline, no_sanitize("thread"))) static void racy_fill(void *to, u8 byte, size_t n)
{
    volatile u8 *t = to;
    for (size_t i = 0; i < n; i++) t[i] = byte;
}

#else

/* Always inline: an interpreter's handler that takes the address of a local cannot end in a jump. */
__attribute__((always_inline)) static inline void racy_copy(void *to, const void *from, size_t n)
{
    memcpy(to, from, n);
}
static inline void racy_move(void *to, const void *from, size_t n) { memmove(to, from, n); }
static inline void racy_fill(void *to, u8 byte, size_t n) { memset(to, byte, n); }

#endif

#endif
