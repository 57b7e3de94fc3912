/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* thread.c - mutexes, conditions and threads on POSIX threads, and where a thread's stack ends. */
#define _GNU_SOURCE 1
#include "port/port.h"
#include "port/hot_tls.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(Mutex), "a mutex fits");
_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(Mutex), "a mutex is aligned");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(Cond), "a condition fits");
_Static_assert(_Alignof(pthread_cond_t) <= _Alignof(Cond), "a condition is aligned");
_Static_assert(sizeof(pthread_t) <= sizeof(Thread), "a thread's name fits");

/* --- locks ------------------------------------------------------------------------------------ */

static pthread_mutex_t *mutex_of(Mutex *mutex) { return (pthread_mutex_t *)(void *)mutex->opaque; }

static pthread_cond_t *cond_of(Cond *cond) { return (pthread_cond_t *)(void *)cond->opaque; }

/* A call that fails only when used wrongly. */
static void must(int rc)
{
    assert(rc == 0 && "a lock is initialised, and unlocked by the thread that holds it");
    (void)rc;
}

void tern_port_mutex_init(Mutex *mutex) { must(pthread_mutex_init(mutex_of(mutex), NULL)); }

void tern_port_mutex_done(Mutex *mutex) { must(pthread_mutex_destroy(mutex_of(mutex))); }

void tern_port_mutex_lock(Mutex *mutex) { must(pthread_mutex_lock(mutex_of(mutex))); }

void tern_port_mutex_unlock(Mutex *mutex) { must(pthread_mutex_unlock(mutex_of(mutex))); }

void tern_port_cond_init(Cond *cond)
{
    pthread_condattr_t attr;
    must(pthread_condattr_init(&attr));
    must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    must(pthread_cond_init(cond_of(cond), &attr));
    must(pthread_condattr_destroy(&attr));
}

void tern_port_cond_done(Cond *cond) { must(pthread_cond_destroy(cond_of(cond))); }

bool tern_port_cond_wait(Cond *cond, Mutex *mutex, u64 deadline_ns)
{
    u64 seconds = deadline_ns / 1000000000;
    bool is_past_time_t = sizeof(time_t) < 8 && seconds > INT32_MAX;
    if (deadline_ns == UINT64_MAX || is_past_time_t) {
        must(pthread_cond_wait(cond_of(cond), mutex_of(mutex)));
        return true;
    }
    struct timespec deadline = {.tv_sec = (time_t)seconds,
                                .tv_nsec = (long)(deadline_ns % 1000000000)};
    return pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), &deadline) != ETIMEDOUT;
}

void tern_port_cond_wake_all(Cond *cond) { must(pthread_cond_broadcast(cond_of(cond))); }

/* --- threads ---------------------------------------------------------------------------------- */

/* What a thread is to do; its own once it runs. */
typedef struct Start {
    void (*run)(void *arg);
    void *arg;
} Start;

static void *run_thread(void *arg)
{
    Start start = *(Start *)arg;
    free(arg);
    start.run(start.arg);
    return NULL;
}

/* A size the system accepts: whole pages, and not below its minimum. */
static size_t stack_size_of(size_t size)
{
    size_t page = tern_port_page_size(), min = (size_t)PTHREAD_STACK_MIN;
    if (size < min) size = min;
    return size > SIZE_MAX - page ? size & ~(page - 1) : (size + page - 1) & ~(page - 1);
}

bool tern_port_thread_start(Thread *thread, void (*run)(void *arg), void *arg, size_t stack_size)
{
    Start *start = malloc(sizeof *start);
    if (start == NULL) return false;
    *start = (Start){run, arg};

    pthread_attr_t attr;
    pthread_t id;
    bool ok = false;
    if (pthread_attr_init(&attr) == 0) {
        ok =
            (stack_size == 0 || pthread_attr_setstacksize(&attr, stack_size_of(stack_size)) == 0) &&
            pthread_create(&id, &attr, run_thread, start) == 0;
        pthread_attr_destroy(&attr);
    }
    if (!ok) {
        free(start);
        return false;
    }
    memcpy(thread->opaque, &id, sizeof id);
    return true;
}

void tern_port_thread_join(Thread *thread)
{
    pthread_t id;
    memcpy(&id, thread->opaque, sizeof id);
    must(pthread_join(id, NULL));
}

/* --- the stack -------------------------------------------------------------------------------- */

/* What is left below the bottom, for the frames of functions that do not look. */
enum { STACK_MARGIN_BYTES = 16 * 1024 };

static _Thread_local HOT_TLS struct {
    u8 *bottom, *top; /* NULL: unknown */
    bool is_known;    /* asked already */
} stack;

static void find_stack(void)
{
    stack.is_known = true;
#ifdef __GLIBC__
    pthread_attr_t attr;
    if (pthread_getattr_np(pthread_self(), &attr) != 0) return;
    void *lowest;
    size_t size;
    if (pthread_attr_getstack(&attr, &lowest, &size) == 0) {
        size_t margin = size / 8 < STACK_MARGIN_BYTES ? size / 8 : STACK_MARGIN_BYTES;
        stack.bottom = (u8 *)lowest + margin;
        stack.top = (u8 *)lowest + size;
    }
    pthread_attr_destroy(&attr);
#endif
}

void *tern_port_stack_bottom(void)
{
    if (!stack.is_known) find_stack();
    /* A host may run us on a stack of its own making (coroutines), about which nothing is known. */
    const u8 *here = __builtin_frame_address(0);
    return (uintptr_t)here - (uintptr_t)stack.bottom < (uintptr_t)(stack.top - stack.bottom)
               ? stack.bottom
               : NULL;
}
