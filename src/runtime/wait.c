/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wait.c - a hash table of sleepers; a sleeper is a record on its own thread's stack. */
#include "runtime/wait.h"

#include "port/port.h"

/* A signal handler can set a flag but not wake a condition: how long a sleeper may be deaf to it. */
#define LOOK_UP_NS 10000000u

#define NBUCKETS 16u

typedef struct Sleeper Sleeper;
struct Sleeper {
    Sleeper *prev, *next;
    u64 addr;
    Cond cond;
    bool is_woken; /* and out of its bucket */
};

typedef struct Bucket {
    Mutex lock;
    Sleeper *first, *last; /* in the order of falling asleep */
} Bucket;

struct WaitQueue {
    Alloc *alloc;
    Bucket buckets[NBUCKETS];
};

WaitQueue *tern_wait_queue_new(Alloc *alloc)
{
    WaitQueue *queue = tern_alloc_zeroed(alloc, 1, sizeof *queue);
    if (queue == NULL) return NULL;
    queue->alloc = alloc;
    for (u32 i = 0; i < NBUCKETS; i++) tern_port_mutex_init(&queue->buckets[i].lock);
    return queue;
}

void tern_wait_queue_free(WaitQueue *queue)
{
    if (queue == NULL) return;
    for (u32 i = 0; i < NBUCKETS; i++) tern_port_mutex_done(&queue->buckets[i].lock);
    tern_free(queue->alloc, queue, sizeof *queue);
}

static Bucket *bucket_of(WaitQueue *queue, u64 addr)
{
    return &queue->buckets[(addr >> 2) * 0x9e3779b97f4a7c15u >> 60];
}

static void append(Bucket *bucket, Sleeper *sleeper)
{
    sleeper->prev = bucket->last;
    *(bucket->last != NULL ? &bucket->last->next : &bucket->first) = sleeper;
    bucket->last = sleeper;
}

static void take_out(Bucket *bucket, Sleeper *sleeper)
{
    *(sleeper->prev != NULL ? &sleeper->prev->next : &bucket->first) = sleeper->next;
    *(sleeper->next != NULL ? &sleeper->next->prev : &bucket->last) = sleeper->prev;
}

static u64 value_at(const WaitFor *wait)
{
    return wait->bytes == 4 ? __atomic_load_n((const u32 *)wait->at, __ATOMIC_SEQ_CST)
                            : __atomic_load_n((const u64 *)wait->at, __ATOMIC_SEQ_CST);
}

static u64 now_ns(void)
{
    u64 now = 0;
    (void)tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now);
    return now;
}

static bool is_interrupted(const WaitFor *wait)
{
    return __atomic_load_n(wait->interrupt, __ATOMIC_SEQ_CST) != 0;
}

/* Under the bucket's lock, which sleeping gives up meanwhile. */
static WaitOutcome sleep_in(Bucket *bucket, Sleeper *sleeper, const WaitFor *wait)
{
    u64 now = now_ns(), deadline = UINT64_MAX;
    if (wait->timeout_ns >= 0 && !u64_add(now, (u64)wait->timeout_ns, &deadline)) deadline = UINT64_MAX;
    append(bucket, sleeper);
    while (!sleeper->is_woken) {
        bool is_late = now >= deadline, must_stop = is_interrupted(wait);
        if (is_late || must_stop) {
            take_out(bucket, sleeper);
            return must_stop ? WAIT_INTERRUPTED : WAIT_TIMED_OUT;
        }
        (void)tern_port_cond_wait(&sleeper->cond, &bucket->lock, u64_min(deadline, now + LOOK_UP_NS));
        now = now_ns();
    }
    return WAIT_WOKEN;
}

WaitOutcome tern_wait(WaitQueue *queue, const WaitFor *wait)
{
    Bucket *bucket = bucket_of(queue, wait->addr);
    Sleeper sleeper = {.addr = wait->addr};
    WaitOutcome outcome = WAIT_NOT_EQUAL;
    tern_port_cond_init(&sleeper.cond);
    tern_port_mutex_lock(&bucket->lock);
    if (value_at(wait) == wait->expected) outcome = sleep_in(bucket, &sleeper, wait);
    tern_port_mutex_unlock(&bucket->lock);
    tern_port_cond_done(&sleeper.cond);
    return outcome;
}

u32 tern_wait_notify(WaitQueue *queue, u64 addr, u32 count)
{
    Bucket *bucket = bucket_of(queue, addr);
    u32 n = 0;
    tern_port_mutex_lock(&bucket->lock);
    for (Sleeper *sleeper = bucket->first, *next; sleeper != NULL && n < count; sleeper = next) {
        next = sleeper->next;
        if (sleeper->addr != addr) continue;
        take_out(bucket, sleeper);
        sleeper->is_woken = true;
        tern_port_cond_wake_all(&sleeper->cond); /* there until its thread has the lock again */
        n++;
    }
    tern_port_mutex_unlock(&bucket->lock);
    return n;
}
