/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_watchdog.h - one thread of an engine that interrupts calls which take too long.
 *
 * A call with a timeout puts its Watch in the list and takes it out again; whoever is still in when its time has
 * come gets TRAP_DEADLINE. Both happen under the lock, so a call that is out cannot be interrupted any more, nor
 * the next one in its place. The thread sleeps until the earliest deadline it has seen: calls that end in time do
 * not wake it.
 */
#ifndef TERN_API_TERN_WATCHDOG_H
#define TERN_API_TERN_WATCHDOG_H

#include "runtime/exec.h"

typedef struct Watch {
    struct Watch *prev, *next;
    Exec *exec;
    u64 deadline_ns; /* monotonic */
    bool has_fired;
} Watch;

typedef struct Watchdog {
    Mutex lock;
    Cond wake;
    Thread thread;
    Watch *watches;
    u64 wakes_ns; /* when the thread will look by itself; UINT64_MAX: when it is woken */
    bool is_running, is_ending;
} Watchdog;

void tern_watchdog_init(Watchdog *dog);
/* Ends the thread. Nobody is watched. */
void tern_watchdog_done(Watchdog *dog);

/* Starts the thread unless it runs. False: the host has none. */
bool tern_watchdog_start(Watchdog *dog);

/* Interrupts exec in timeout_ns, unless the watch is taken back. The thread runs. */
void tern_watchdog_watch(Watchdog *dog, Watch *watch, Exec *exec, u64 timeout_ns);
/* True if it has interrupted, which the caller takes back. */
bool tern_watchdog_unwatch(Watchdog *dog, Watch *watch);

#endif
