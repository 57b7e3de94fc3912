/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* clock.c - the kernel's clocks and its randomness. */
#define _GNU_SOURCE 1
#include "port/port.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const clockid_t clock_ids[] = {
    [PORT_CLOCK_REAL] = CLOCK_REALTIME,
    [PORT_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
    [PORT_CLOCK_PROCESS_CPU] = CLOCK_PROCESS_CPUTIME_ID,
    [PORT_CLOCK_THREAD_CPU] = CLOCK_THREAD_CPUTIME_ID,
};

/* False if it lies before the epoch or past year 2554, which 64 bits do not hold. */
static bool ns_of(struct timespec time, u64 *ns)
{
    u64 seconds_ns;
    return time.tv_sec >= 0 && u64_mul((u64)time.tv_sec, 1000000000, &seconds_ns) &&
           u64_add(seconds_ns, (u64)time.tv_nsec, ns);
}

bool tern_port_clock_ns(PortClock clock, u64 *ns)
{
    struct timespec time;
    if ((u32)clock >= COUNT_OF(clock_ids) || clock_gettime(clock_ids[clock], &time) != 0)
        return false;
    return ns_of(time, ns);
}

bool tern_port_clock_resolution_ns(PortClock clock, u64 *ns)
{
    struct timespec time;
    if ((u32)clock >= COUNT_OF(clock_ids) || clock_getres(clock_ids[clock], &time) != 0)
        return false;
    return ns_of(time, ns);
}

bool tern_port_random(void *buf, size_t size)
{
    enum { AT_ONCE = 256 }; /* getentropy gives no more, and then all or nothing */
    for (u8 *p = buf; size > 0;) {
        size_t n = size < AT_ONCE ? size : AT_ONCE;
        if (getentropy(p, n) != 0) return false;
        p += n;
        size -= n;
    }
    return true;
}
