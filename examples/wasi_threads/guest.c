/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - starts threads of its own (wasi-threads) that share its memory. With a C library made for threads
 * (wasi-sdk, --target=wasm32-wasip1-threads -pthread) this is pthread_create; here is what lies below it.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -matomics -mbulk-memory -nostdlib -Wl,--no-entry \
 *            -Wl,--export=count,--export=wasi_thread_start,--export-memory,--import-memory \
 *            -Wl,--shared-memory,--max-memory=131072 -Wl,-z,stack-size=4096 -Wl,--strip-all \
 *            -o guest.wasm guest.c
 */
#include <stdatomic.h>

enum { MAX_THREADS = 4, STACK_BYTES = 4096, PORTION = 100 };

__attribute__((import_module("wasi"), import_name("thread-spawn"))) int thread_spawn(void *start);

static struct start {
    _Alignas(16) char stack[STACK_BYTES];
} starts[MAX_THREADS];

static atomic_int next, found, nrunning, gate;
static int limit;

/* Takes a portion after the other until there is none. */
static void work(void)
{
    for (int from; (from = atomic_fetch_add(&next, PORTION)) < limit;)
        for (int n = from < 2 ? 2 : from; n < from + PORTION && n < limit; n++) {
            int d = 2;
            while (d * d <= n && n % d != 0) d++;
            if (d * d > n) atomic_fetch_add(&found, 1);
        }
}

/* Threads begin together, once all are there. */
static __attribute__((noinline)) void thread_main(void)
{
    while (atomic_load(&gate) == 0) __builtin_wasm_memory_atomic_wait32((int *)&gate, 0, -1);
    work();
    if (atomic_fetch_sub(&nrunning, 1) == 1)
        __builtin_wasm_memory_atomic_notify((int *)&nrunning, 1);
}

/* Where a new thread begins; its stack pointer is its own, and still that of the first. */
void wasi_thread_start(int tid, struct start *start)
{
    (void)tid;
    __asm__ volatile(".globaltype __stack_pointer, i32\n"
                     "local.get %0\n"
                     "global.set __stack_pointer" ::"r"(start->stack + STACK_BYTES));
    thread_main();
}

/* How many primes are below; -1 if a thread cannot be started. */
int count(int below, int nthreads)
{
    limit = below;
    atomic_store(&next, 0);
    atomic_store(&found, 0);
    atomic_store(&gate, 0);
    int result = 0;
    for (int i = 0; i < nthreads && i < MAX_THREADS; i++) {
        atomic_fetch_add(&nrunning, 1);
        if (thread_spawn(&starts[i]) >= 0) continue;
        atomic_fetch_sub(&nrunning, 1);
        result = -1;
        break;
    }
    atomic_store(&gate, 1);
    __builtin_wasm_memory_atomic_notify((int *)&gate, MAX_THREADS);
    work();
    for (int n; (n = atomic_load(&nrunning)) > 0;)
        __builtin_wasm_memory_atomic_wait32((int *)&nrunning, n, -1);
    return result < 0 ? result : atomic_load(&found);
}
