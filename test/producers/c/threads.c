/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* threads.c - what several threads of a host run in one shared memory: counting, a lock with wait and
 * notify, a hand-over in turns. No function uses the stack in linear memory: the threads share it. */
#include <stdint.h>
#define EXPORT(name) __attribute__((export_name(name)))

static uint64_t counter;
static uint8_t small_counter;
static int32_t lock; /* 0 free, 1 taken, 2 taken and somebody waits */
static uint64_t guarded[2];
static int32_t turn;

static void acquire(void)
{
    int32_t seen = 0;
    if (__atomic_compare_exchange_n(&lock, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) return;
    while (__atomic_exchange_n(&lock, 2, __ATOMIC_ACQUIRE) != 0)
        __builtin_wasm_memory_atomic_wait32(&lock, 2, -1);
}

static void release(void)
{
    if (__atomic_exchange_n(&lock, 0, __ATOMIC_RELEASE) == 2) __builtin_wasm_memory_atomic_notify((int *)&lock, 1);
}

EXPORT("work") int32_t work(int32_t thread, int32_t nthreads, int32_t rounds)
{
    for (int32_t i = 0; i < rounds; i++) {
        __atomic_fetch_add(&counter, (uint64_t)thread + 1, __ATOMIC_RELAXED);
        __atomic_fetch_xor(&small_counter, 1, __ATOMIC_SEQ_CST);
        acquire();
        guarded[0] += 3;
        guarded[1] = guarded[1] * 5 + 1;
        release();
    }
    for (int32_t i = 0; i < 50; i++) { /* in turns */
        for (int32_t now; (now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) % nthreads != thread;)
            __builtin_wasm_memory_atomic_wait32(&turn, now, 1000000000);
        __atomic_fetch_add(&turn, 1, __ATOMIC_RELEASE);
        __builtin_wasm_memory_atomic_notify((int *)&turn, 0x7fffffff);
    }
    return thread;
}

EXPORT("counted") uint64_t counted(void) { return __atomic_load_n(&counter, __ATOMIC_SEQ_CST); }
EXPORT("guarded") uint64_t get_guarded(int32_t i) { return guarded[i & 1]; }
EXPORT("turns") int32_t turns(void) { return turn * 2 + small_counter; }
EXPORT("timeout") int32_t timeout(void) { return __builtin_wasm_memory_atomic_wait32(&lock, 0, 1000000); }
