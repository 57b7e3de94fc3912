/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* threads.c - starting, ending and joining the guest's threads, and how one is made where the embedder does not do
 * it itself. */
#include "wasi/threads.h"

#include "wasi/context.h"

#define TID_MAX 0x1fffffffu /* the proposal's: wasi-libc keeps its own flags above */
#define NOT_SPAWNED ((u32)-WASI_EAGAIN)

/* How long a guest may be deaf to an interrupt while it waits for a thread to be gone. */
#define LOOK_UP_NS 10000000u

struct WasiThread {
    WasiThread *next;
    Wasi *wasi;
    Thread thread;
    WasiThreadPlace place;
    u32 tid, arg;
    bool is_running; /* its place may be interrupted */
    bool is_done;    /* joining it takes no time */
    bool is_claimed; /* somebody joins it already */
};

/* --- making one ------------------------------------------------------------------------------------- */

static FuncInst *start_func(Instance *instance)
{
    Extern found;
    static const char name[] = "wasi_thread_start";
    if (!tern_instance_find_export(instance, (Name){name, sizeof name - 1}, &found) || found.kind != EXTERN_FUNC) return NULL;
    const FuncType *type = found.u.func->type;
    bool ok = type->nparams == 2 && type->nresults == 0 && type->params[0] == VT_I32 && type->params[1] == VT_I32;
    return ok ? found.u.func : NULL;
}

/* What the spawner imports, as far as it may be used by several threads: functions of the host, shared memories,
 * constants. */
static bool import_of(const Instance *of, const Import *import, Extern *out)
{
    const Module *m = of->module;
    out->kind = import->kind;
    switch (import->kind) {
    case EXTERN_FUNC: out->u.func = of->funcs[import->index]; return out->u.func->instance == NULL;
    case EXTERN_MEMORY:
        out->u.memory = of->memories[import->index];
        return m->memories[import->index].limits.is_shared;
    case EXTERN_GLOBAL: out->u.global = of->globals[import->index]; return !out->u.global->type.is_mutable;
    case EXTERN_TAG: out->u.tag = of->tags[import->index]; return true;
    case EXTERN_TABLE:
    case EXTERN_KINDS: break;
    }
    return false;
}

static Instance *instance_of(Store *store, Instance *of)
{
    Module *m = of->module;
    Extern *imports = tern_arena_alloc(&store->arena, sizeof *imports, m->nimports);
    if (imports == NULL && m->nimports > 0) return NULL;
    for (u32 i = 0; i < m->nimports; i++)
        if (!import_of(of, &m->imports[i], &imports[i])) return NULL;
    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    Instance *instance = tern_instance_new(store, m, imports, &(InstantiateOptions){.thread_of = of}, &diag, &trap);
    if (instance != NULL) instance->host_data = of->host_data;
    return instance;
}

static bool make_plain(void *user, Exec *spawner, WasiThreadPlace *out)
{
    (void)user;
    Store *store = tern_store_new(spawner->store->engine);
    if (store == NULL) return false;
    store->host_data = spawner->store->host_data;
    Instance *instance = instance_of(store, spawner->instance);
    *out = (WasiThreadPlace){.owned = store, .start = instance != NULL ? start_func(instance) : NULL};
    if (out->start != NULL) out->x = tern_exec_new(store, spawner->stack_bytes);
    if (out->x == NULL) {
        tern_store_free(store);
        return false;
    }
    out->x->host_data = spawner->host_data;
    return true;
}

static TrapCode run_plain(void *user, WasiThreadPlace *place, const u64 args[2])
{
    (void)user;
    TrapCode code = tern_instance_start(place->start->instance, place->x);
    return code == TRAP_NONE ? tern_exec_call(place->x, place->start, args, NULL) : code;
}

static void unmake_plain(void *user, WasiThreadPlace *place)
{
    (void)user;
    tern_exec_free(place->x);
    tern_store_free(place->owned);
}

static const WasiThreadMaker plain = {make_plain, run_plain, unmake_plain, NULL, NULL};

/* --- ending ----------------------------------------------------------------------------------------- */

/* Under lock: everybody but `but` stops at the next back-edge, call, or slice of a wait. */
static void stop_all(WasiThreads *ts, TrapCode code, const WasiThread *but)
{
    ts->stop = code;
    for (WasiThread *t = ts->list; t != NULL; t = t->next)
        if (t != but && t->is_running) tern_exec_interrupt(t->place.x, code);
    /* What the host itself asked for stays, as it stays in force. */
    if (but != NULL && ts->host != NULL && __atomic_load_n(&ts->host->interrupt, __ATOMIC_SEQ_CST) == 0)
        tern_exec_interrupt(ts->host, code);
}

static void free_thread(WasiThread *t)
{
    Alloc *alloc = t->wasi->alloc;
    tern_port_thread_join(&t->thread);
    tern_free(alloc, t, sizeof *t);
}

/* Those that are done, or with all set everybody; not under lock. */
static void join(WasiThreads *ts, bool all)
{
    for (;;) {
        tern_port_mutex_lock(&ts->lock);
        WasiThread **at = &ts->list;
        while (*at != NULL && !all && (!(*at)->is_done || (*at)->is_claimed)) at = &(*at)->next;
        WasiThread *t = *at;
        if (t != NULL && !t->is_done) { /* it is still to be found by whoever stops all */
            t->is_claimed = true;
            tern_port_mutex_unlock(&ts->lock);
            tern_port_thread_join(&t->thread);
            tern_port_mutex_lock(&ts->lock);
            for (at = &ts->list; *at != t;) at = &(*at)->next;
            *at = t->next;
            tern_port_mutex_unlock(&ts->lock);
            tern_free(t->wasi->alloc, t, sizeof *t);
            continue;
        }
        if (t != NULL) *at = t->next;
        tern_port_mutex_unlock(&ts->lock);
        if (t == NULL) return;
        free_thread(t);
    }
}

static void run_thread(void *arg)
{
    WasiThread *t = arg;
    WasiThreads *ts = &t->wasi->threads;
    const u64 args[2] = {t->tid, t->arg};
    TrapCode code = ts->maker.run(ts->maker.user, &t->place, args);

    tern_port_mutex_lock(&ts->lock);
    t->is_running = false;
    if (code != TRAP_NONE && ts->stop == TRAP_NONE) {
        ts->is_threads_fault = true;
        ts->trap = t->place.x->trap;
        for (u32 i = 0; i < ts->trap.nframes; i++) ts->modules[i] = ts->trap.frames[i].instance->module;
        stop_all(ts, code, t);
    }
    tern_port_mutex_unlock(&ts->lock);
    ts->maker.unmake(ts->maker.user, &t->place);
    tern_port_mutex_lock(&ts->lock);
    ts->nrunning--;
    t->is_done = true;
    tern_port_cond_wake_all(&ts->gone);
    tern_port_mutex_unlock(&ts->lock);
}

static bool is_program(const FuncInst *func)
{
    static const char name[] = "_start";
    const Export *export = tern_module_find_export(func->instance->module, (Name){name, sizeof name - 1});
    return export != NULL && export->kind == EXTERN_FUNC && export->index == func->func_index;
}

/* An instance of the module that the host knows, or NULL. */
static Instance *known_instance(const Store *store, const Module *module)
{
    for (u32 i = 0; i < store->instances.n; i++)
        if (store->instances.items[i]->module == module) return store->instances.items[i];
    return NULL;
}

/* The frames were those of instances that are gone: they are shown as those of the host's instances of the same
 * modules. What has none is left out, as the numbers of its functions mean nothing elsewhere. */
static void take_trap(Exec *x, const WasiThreads *ts)
{
    Trap *trap = &x->trap;
    *trap = ts->trap;
    trap->nframes = 0;
    for (u32 i = 0; i < ts->trap.nframes; i++) {
        TrapFrame frame = ts->trap.frames[i];
        frame.instance = known_instance(x->store, ts->modules[i]);
        if (frame.instance != NULL) trap->frames[trap->nframes++] = frame;
    }
    if (trap->nframes < ts->trap.nframes) trap->nframes_all = trap->nframes;
}

/* A call of the host is over on the Exec that started the first thread: so is the process, unless it was only a
 * function that returned. What a thread did between two calls is what the next one ends with. func NULL: there
 * will be no more calls on it. */
static TrapCode host_call_ended(Exec *x, const FuncInst *func, TrapCode code)
{
    Wasi *wasi = x->ended_by;
    WasiThreads *ts = &wasi->threads;
    tern_port_mutex_lock(&ts->lock);
    /* Another instance of the same store is not this process; what stops the whole store stops it too. */
    bool is_own = func != NULL && func->instance == ts->instance;
    bool is_stopped = code == TRAP_INTERRUPTED || code == TRAP_DEADLINE;
    bool is_over = func != NULL && (ts->stop != TRAP_NONE || is_stopped ||
                                    (is_own && (code != TRAP_NONE || is_program(func))));
    if (is_over || func == NULL) {
        ts->host = NULL;
        x->ended = NULL;
    }
    if (is_over && ts->stop == TRAP_NONE) stop_all(ts, code != TRAP_NONE ? code : TRAP_EXIT, NULL);
    tern_port_mutex_unlock(&ts->lock);
    if (!is_over) return code;
    join(ts, true);
    if (ts->is_threads_fault) {
        code = ts->stop;
        take_trap(x, ts);
        if (__atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST) == (u32)code) tern_exec_resume(x);
    }
    ts->is_threads_fault = false;
    ts->stop = TRAP_NONE;
    return code;
}

bool tern_wasi_threads_stopping(Wasi *wasi)
{
    tern_port_mutex_lock(&wasi->threads.lock);
    bool is_stopping = wasi->threads.stop != TRAP_NONE;
    tern_port_mutex_unlock(&wasi->threads.lock);
    return is_stopping;
}

void tern_wasi_threads_end(Wasi *wasi)
{
    if (wasi == NULL) return;
    WasiThreads *ts = &wasi->threads;
    tern_port_mutex_lock(&ts->lock);
    stop_all(ts, TRAP_EXIT, NULL);
    tern_port_mutex_unlock(&ts->lock);
    join(ts, true);
    ts->stop = TRAP_NONE;
    ts->is_threads_fault = false;
    if (ts->host != NULL) ts->host->ended = NULL;
    ts->host = NULL;
}

/* --- starting --------------------------------------------------------------------------------------- */

/* Under lock: a number that no thread has. */
static u32 new_tid(WasiThreads *ts)
{
    for (;;) {
        ts->last_tid = ts->last_tid % TID_MAX + 1;
        const WasiThread *t = ts->list;
        while (t != NULL && t->tid != ts->last_tid) t = t->next;
        if (t == NULL) return ts->last_tid;
    }
}

/* Under lock: the calls that the host makes on x are those that threads end with. Threads that start threads are
 * known already. */
static void note_host(Wasi *wasi, Exec *x)
{
    WasiThreads *ts = &wasi->threads;
    for (const WasiThread *t = ts->list; t != NULL; t = t->next)
        if (t->is_running && t->place.x == x) return;
    if (ts->host != NULL) return;
    ts->host = x;
    ts->instance = x->instance;
    x->ended = host_call_ended;
    x->ended_by = wasi;
}

static bool may_start(WasiThreads *ts)
{
    tern_port_mutex_lock(&ts->lock);
    bool ok = ts->stop == TRAP_NONE && ts->nrunning < ts->max;
    if (ok) ts->nrunning++;
    tern_port_mutex_unlock(&ts->lock);
    return ok;
}

/* Its number, or NOT_SPAWNED, and then nothing is left of it. */
static u32 start(Wasi *wasi, Exec *x, WasiThread *t)
{
    WasiThreads *ts = &wasi->threads;
    tern_port_mutex_lock(&ts->lock);
    bool ok = ts->stop == TRAP_NONE;
    if (ok) {
        note_host(wasi, x);
        t->tid = new_tid(ts);
        t->is_running = true;
        t->next = ts->list;
        ts->list = t;
        ok = tern_port_thread_start(&t->thread, run_thread, t, 0);
        if (!ok) ts->list = t->next;
    }
    u32 tid = ok ? t->tid : NOT_SPAWNED;
    tern_port_mutex_unlock(&ts->lock);
    if (!ok) ts->maker.unmake(ts->maker.user, &t->place);
    return tid;
}

static u64 now_ns(void)
{
    u64 now = 0;
    (void)tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now);
    return now;
}

/* False: no thread has returned whose place is still to be unmade, or the guest is to stop. */
static bool wait_for_one_to_go(WasiThreads *ts, const Exec *x)
{
    tern_port_mutex_lock(&ts->lock);
    const WasiThread *t = ts->list;
    while (t != NULL && (t->is_running || t->is_done)) t = t->next;
    bool ok = t != NULL && ts->stop == TRAP_NONE && __atomic_load_n(&x->interrupt, __ATOMIC_RELAXED) == 0;
    if (ok) (void)tern_port_cond_wait(&ts->gone, &ts->lock, now_ns() + LOOK_UP_NS);
    tern_port_mutex_unlock(&ts->lock);
    return ok;
}

/* A thread that has returned, which others may know, counts until its place is unmade. */
static void wait_for_room(WasiThreads *ts, const Exec *x)
{
    bool is_full;
    do {
        tern_port_mutex_lock(&ts->lock);
        is_full = ts->nrunning >= ts->max;
        tern_port_mutex_unlock(&ts->lock);
        if (!is_full && ts->maker.is_full != NULL) is_full = ts->maker.is_full(ts->maker.user, x);
    } while (is_full && wait_for_one_to_go(ts, x));
}

/* Its number or NOT_SPAWNED. */
static u32 spawn(Wasi *wasi, Exec *x, u32 arg)
{
    WasiThreads *ts = &wasi->threads;
    u32 tid = NOT_SPAWNED;
    join(ts, false);
    if (!may_start(ts)) return NOT_SPAWNED;
    WasiThread *t = tern_alloc_zeroed(wasi->alloc, 1, sizeof *t);
    __atomic_store_n(&wasi->has_threads, true, __ATOMIC_RELAXED);
    if (t != NULL) {
        t->wasi = wasi;
        t->arg = arg;
        if (ts->maker.make(ts->maker.user, x, &t->place)) tid = start(wasi, x, t);
    }
    if (tid == NOT_SPAWNED) {
        tern_port_mutex_lock(&ts->lock);
        ts->nrunning--;
        tern_port_mutex_unlock(&ts->lock);
        if (t != NULL) tern_free(wasi->alloc, t, sizeof *t);
    }
    return tid;
}

TrapCode tern_wasi_thread_spawn(Exec *x, void *env, u64 *slots)
{
    Wasi *wasi = ((const WasiAbi *)env)->wasi;
    u32 arg = (u32)slots[0];
    slots[0] = NOT_SPAWNED;
    /* What is to be counted exactly cannot be shared out; and an Exec's calls end for one process. */
    bool is_others = x->ended != NULL && x->ended_by != wasi;
    if (x->instance == NULL || x->is_fuel_limited || is_others) return TRAP_NONE;
    wait_for_room(&wasi->threads, x);
    slots[0] = spawn(wasi, x, arg);
    return TRAP_NONE;
}

void tern_wasi_threads_init(WasiThreads *ts, const WasiOptions *options)
{
    ts->maker = options->thread_maker.make != NULL ? options->thread_maker : plain;
    ts->max = options->max_threads != 0 ? options->max_threads : WASI_THREADS_DEFAULT;
    tern_port_mutex_init(&ts->lock);
    tern_port_cond_init(&ts->gone);
}

void tern_wasi_threads_done(Wasi *wasi)
{
    tern_wasi_threads_end(wasi);
    tern_port_cond_done(&wasi->threads.gone);
    tern_port_mutex_done(&wasi->threads.lock);
}
