/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wait.h - threads asleep at addresses of one shared memory, until they are notified (threads proposal).
 *
 * Looking at the value and going to sleep are one step for whoever notifies: both happen under one lock, so a
 * notification that follows a change of the value is never missed. All functions are thread-safe.
 */
#ifndef TERN_RUNTIME_WAIT_H
#define TERN_RUNTIME_WAIT_H

#include "base/alloc.h"

typedef struct WaitQueue WaitQueue;

/* The first three are what the guest is told. */
typedef enum WaitOutcome { WAIT_WOKEN, WAIT_NOT_EQUAL, WAIT_TIMED_OUT, WAIT_INTERRUPTED } WaitOutcome;

/* NULL: no memory. Freed when nobody sleeps in it. */
WaitQueue *tern_wait_queue_new(Alloc *alloc);
void tern_wait_queue_free(WaitQueue *queue); /* NULL is allowed */

typedef struct WaitFor {
    u64 addr;             /* in the memory: what notifications name */
    const void *at;       /* the same for the host, aligned to bytes */
    u32 bytes;            /* 4 or 8 */
    u64 expected;         /* sleeps only while the value is this */
    s64 timeout_ns;       /* negative: none */
    const u32 *interrupt; /* not 0: stop; looked at often, since whoever sets it may be a signal handler */
} WaitFor;
WaitOutcome tern_wait(WaitQueue *queue, const WaitFor *wait);

/* Wakes up to count of those who sleep at addr, longest asleep first; how many there were. */
u32 tern_wait_notify(WaitQueue *queue, u64 addr, u32 count);

#endif
