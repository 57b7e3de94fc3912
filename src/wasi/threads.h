/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* threads.h - wasi-threads: threads that the guest starts itself. Internal to wasi/, but for what wasi.h says.
 *
 * Each has an instance of its own of the guest's module, over the same shared memories, in a store of its own.
 * They are one process: proc_exit or a trap in any of them ends all, and is what the host's call ends with, as
 * is the return of _start. The host's call comes back when the last is gone. A call of another function leaves
 * them running when it returns, until one of these or until the instance goes; what ends them meanwhile is what
 * the host's next call ends with.
 */
#ifndef TERN_WASI_THREADS_H
#define TERN_WASI_THREADS_H

#include "port/port.h"
#include "runtime/exec.h"
#include "wasi/wasi.h"

typedef struct WasiThread WasiThread;

typedef struct WasiThreads {
    WasiThreadMaker maker;
    u32 max;
    Mutex lock; /* of everything below */
    WasiThread *list; /* those not joined */
    u32 nrunning;
    Cond gone;        /* one is done */
    u32 last_tid;
    Exec *host;       /* where the host's call started the first, or NULL */
    Instance *instance; /* that it called */
    TrapCode stop;    /* what ends all; TRAP_NONE: nothing */
    bool is_threads_fault; /* stop comes from a thread, and trap describes it */
    Trap trap;
    const Module *modules[TRAP_MAX_FRAMES]; /* of its frames, whose instances are gone */
} WasiThreads;

void tern_wasi_threads_init(WasiThreads *threads, const WasiOptions *options);
/* Stops and joins all. */
void tern_wasi_threads_done(Wasi *wasi);
/* Does the guest end already? Then the number that it would end with is settled. */
bool tern_wasi_threads_stopping(Wasi *wasi);

/* wasi.thread-spawn: the new thread's number, or a negative one. env is a WasiAbi. */
HostFunc tern_wasi_thread_spawn;

#endif
