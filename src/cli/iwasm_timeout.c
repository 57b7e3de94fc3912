/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* iwasm_timeout.c - iwasm --timeout: a thread that waits for the deadline or the end, whichever comes first.
 *
 * wasm_runtime_instantiate runs start functions before anybody has the instance that could be terminated; a
 * deadline in there ends the process, as what instantiating fails with. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "iwasm.h"

struct Timeout {
    struct timespec deadline; /* CLOCK_MONOTONIC */
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    wasm_module_inst_t instance; /* NULL: not yet */
    bool is_over;
};

static void *watch(void *arg)
{
    Timeout *t = arg;
    pthread_mutex_lock(&t->lock);
    int status = 0;
    while (!t->is_over && status != ETIMEDOUT) status = pthread_cond_timedwait(&t->changed, &t->lock, &t->deadline);
    if (!t->is_over && t->instance != NULL) {
        wasm_runtime_terminate(t->instance);
    } else if (!t->is_over) {
        puts("WASM module instantiate failed: Exception: terminated by user");
        fflush(stdout);
        _exit(255);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

Timeout *iwasm_timeout_start(uint32_t milliseconds)
{
    Timeout *t = calloc(1, sizeof *t);
    if (t == NULL) return NULL;
    clock_gettime(CLOCK_MONOTONIC, &t->deadline);
    t->deadline.tv_sec += (time_t)(milliseconds / 1000);
    t->deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (t->deadline.tv_nsec >= 1000000000) {
        t->deadline.tv_nsec -= 1000000000;
        t->deadline.tv_sec++;
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&t->lock, NULL);
    if (pthread_create(&t->thread, NULL, watch, t) == 0) return t;
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
    return NULL;
}

void iwasm_timeout_watch(Timeout *t, wasm_module_inst_t instance)
{
    pthread_mutex_lock(&t->lock);
    t->instance = instance;
    pthread_mutex_unlock(&t->lock);
}

void iwasm_timeout_stop(Timeout *t)
{
    if (t == NULL) return;
    pthread_mutex_lock(&t->lock);
    t->is_over = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
}
