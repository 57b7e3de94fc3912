/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_watchdog.c - the thread behind tern_instance_set_timeout. */
#include "api/tern_watchdog.h"

void tern_watchdog_init(Watchdog *dog)
{
    tern_port_mutex_init(&dog->lock);
    tern_port_cond_init(&dog->wake);
    dog->wakes_ns = UINT64_MAX;
}

void tern_watchdog_done(Watchdog *dog)
{
    if (dog->is_running) {
        tern_port_mutex_lock(&dog->lock);
        dog->is_ending = true;
        tern_port_cond_wake_all(&dog->wake);
        tern_port_mutex_unlock(&dog->lock);
        tern_port_thread_join(&dog->thread);
    }
    tern_port_cond_done(&dog->wake);
    tern_port_mutex_done(&dog->lock);
}

static u64 now_ns(void)
{
    u64 ns = 0;
    (void)tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &ns);
    return ns;
}

/* Interrupts whoever is late; when the next will be. */
static u64 look(const Watchdog *dog)
{
    u64 now = now_ns(), earliest = UINT64_MAX;
    for (Watch *watch = dog->watches; watch != NULL; watch = watch->next) {
        if (watch->has_fired) continue;
        if (watch->deadline_ns > now) {
            earliest = u64_min(earliest, watch->deadline_ns);
            continue;
        }
        watch->has_fired = true;
        /* Somebody else's interrupt stops it as well, and keeps its reason. */
        if (__atomic_load_n(&watch->exec->interrupt, __ATOMIC_SEQ_CST) == 0)
            tern_exec_interrupt(watch->exec, TRAP_DEADLINE);
    }
    return earliest;
}

static void run(void *arg)
{
    Watchdog *dog = arg;
    tern_port_mutex_lock(&dog->lock);
    while (!dog->is_ending) {
        dog->wakes_ns = look(dog);
        (void)tern_port_cond_wait(&dog->wake, &dog->lock, dog->wakes_ns);
    }
    tern_port_mutex_unlock(&dog->lock);
}

bool tern_watchdog_start(Watchdog *dog)
{
    tern_port_mutex_lock(&dog->lock);
    if (!dog->is_running) dog->is_running = tern_port_thread_start(&dog->thread, run, dog, 0);
    bool is_running = dog->is_running;
    tern_port_mutex_unlock(&dog->lock);
    return is_running;
}

void tern_watchdog_watch(Watchdog *dog, Watch *watch, Exec *exec, u64 timeout_ns)
{
    u64 deadline;
    if (!u64_add(now_ns(), timeout_ns, &deadline)) deadline = UINT64_MAX - 1;
    tern_port_mutex_lock(&dog->lock);
    *watch = (Watch){.next = dog->watches, .exec = exec, .deadline_ns = deadline};
    if (watch->next != NULL) watch->next->prev = watch;
    dog->watches = watch;
    if (deadline < dog->wakes_ns) tern_port_cond_wake_all(&dog->wake);
    tern_port_mutex_unlock(&dog->lock);
}

bool tern_watchdog_unwatch(Watchdog *dog, Watch *watch)
{
    tern_port_mutex_lock(&dog->lock);
    if (watch->next != NULL) watch->next->prev = watch->prev;
    if (watch->prev != NULL) watch->prev->next = watch->next;
    else dog->watches = watch->next;
    bool has_fired = watch->has_fired;
    tern_port_mutex_unlock(&dog->lock);
    return has_fired;
}
