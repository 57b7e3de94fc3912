/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* thread.c - mutexes, conditions and threads on POSIX threads, and where a thread's stack ends. */
#define _GNU_SOURCE 1
#include "port/port.h"
#include "port/hot_tls.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/auxv.h>
#include <sys/syscall.h>
#endif

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

void tern_port_thread_yield(void) { sched_yield(); }

/* --- the stack -------------------------------------------------------------------------------- */

/* What is left below the bottom, for the frames of functions that do not look. */
enum { STACK_MARGIN_BYTES = 16 * 1024 };

_Thread_local HOT_TLS NativeStack tern_port_stack;

/* The main thread's, as pthread_getattr_np finds it, without reading /proc/self/maps, which takes as long as all
 * else that a small program does to start: Linux puts the name the program was started by, and a null pointer,
 * where the stack ends. Above a limit of 64 MiB there may be other mappings within it. */
static bool find_main_stack(void **lowest, size_t *size)
{
#ifdef __linux__
    struct rlimit limit;
    const char *name = (const char *)getauxval(AT_EXECFN);
    if (name == NULL || getpid() != (pid_t)syscall(SYS_gettid)) return false;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur > (rlim_t)64 << 20) return false;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t end = ((uintptr_t)name + strlen(name) + 1 + sizeof(void *) + page - 1) & ~(page - 1);
    *size = (size_t)limit.rlim_cur & ~(page - 1);
    *lowest = (void *)(end - *size);
    return end - here < *size;
#else
    (void)lowest, (void)size;
    return false;
#endif
}

static bool find_stack_of(void **lowest, size_t *size)
{
    if (find_main_stack(lowest, size)) return true;
#ifdef __GLIBC__
    pthread_attr_t attr;
    if (pthread_getattr_np(pthread_self(), &attr) != 0) return false;
    bool is_known = pthread_attr_getstack(&attr, lowest, size) == 0;
    pthread_attr_destroy(&attr);
    return is_known;
#else
    return false;
#endif
}

__attribute__((noinline, cold)) static void find_stack(void)
{
    void *lowest;
    size_t size;
    tern_port_stack.is_known = true;
    if (!find_stack_of(&lowest, &size)) return;
    size_t margin = size / 8 < STACK_MARGIN_BYTES ? size / 8 : STACK_MARGIN_BYTES;
    tern_port_stack.bottom = (u8 *)lowest + margin;
    tern_port_stack.size = size - margin;
}

static bool is_inside(const void *here)
{
    return (uintptr_t)here - (uintptr_t)tern_port_stack.bottom < tern_port_stack.size;
}

void *tern_port_stack_bottom(void)
{
    const void *here = __builtin_frame_address(0);
    if (LIKELY(is_inside(here))) return tern_port_stack.bottom;
    if (!tern_port_stack.is_known) find_stack();
    /* A host may run us on a stack of its own making (coroutines), about which nothing is known. */
    return is_inside(here) ? tern_port_stack.bottom : NULL;
}
