/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* threads.c - target: guests with threads, stopped from outside while they run.
 *
 * The guest is one function, work(what, n), of which every piece takes part in what threads do: counting atomically,
 * looping for ever, waiting for ever or a while, waking others, growing the memory, sleeping, calling the host,
 * recursing, trapping, exiting, and starting a thread that does one of these. The input says who does what, and how the
 * host ends it: a timeout, fuel, an interrupt from another thread after some microseconds, or destroying the instance
 * under the threads. Half of the inputs do it through tern.h, where the guest starts threads (wasi-threads) and the
 * watchdog counts time; the others through wasm_export.h, where the host does (wasm_runtime_spawn_thread) and
 * terminates. What must hold:
 *
 * - every call ends, and with what ended it: nothing that loops for ever returns, nothing that nobody disturbs fails;
 * - additions are not lost, and none is made twice: there are as many as calls that succeeded were told to make, and
 *   no more than anybody was;
 * - after an interrupt is taken back the instance works;
 * - all threads are gone with the instance, and every byte of the allocator comes back, also when requests fail.
 *
 * Cannot see: data races that do no harm here; the tests run this under ThreadSanitizer as well (make check-tsan).
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "fuzz.h"
#include "host_alloc.h"
#include "port/port.h"
#include "tern.h"

typedef enum What {
    ADD, SPIN, WAIT, WAKE, WAIT_A_WHILE, TRAP, GROW, SPAWN, SLEEP, EXIT, HOST, RECURSE, FILL, WHATS
} What;

enum { F_SPAWN, F_POLL, F_EXIT, F_HOST, F_WORK, F_START };
enum { COUNTER = 0, FLAG = 8, SUBSCRIPTION = 64, MOST_CALLS = 8, MOST_THREADS = 4, SLOWEST_MS = 10000 };

/* --- the guest */

static void put_get(Bytes *b, u32 local) { put_index(b, OP_LOCAL_GET, local); }

static void put_wide(Bytes *b, u64 v)
{
    put_op(b, OP_I64_CONST);
    put_sleb(b, (s64)v);
}

static void put_atomic(Bytes *b, Op op)
{
    put_index(b, op, 2); /* aligned to 4 */
    put_uleb(b, 0);
}

/* What to return is on the stack at the end. */
static void put_piece(Bytes *b, What what)
{
    switch (what) {
    case ADD:
        put_op(b, OP_LOOP);
        put_byte(b, 0x40);
        put_i32(b, COUNTER);
        put_i32(b, 1);
        put_atomic(b, OP_I32_ATOMIC_RMW_ADD);
        put_op(b, OP_DROP);
        put_get(b, 1);
        put_i32(b, 1);
        put_op(b, OP_I32_SUB);
        put_index(b, OP_LOCAL_TEE, 1);
        put_i32(b, 0);
        put_op(b, OP_I32_GT_S);
        put_index(b, OP_BR_IF, 0);
        put_op(b, OP_END);
        break;
    case SPIN:
        put_op(b, OP_LOOP);
        put_byte(b, 0x40);
        put_index(b, OP_BR, 0);
        put_op(b, OP_END);
        break;
    case WAIT:
    case WAIT_A_WHILE:
        put_i32(b, FLAG);
        put_i32(b, 0);
        if (what == WAIT) {
            put_wide(b, UINT64_MAX);
        } else {
            put_get(b, 1);
            put_op(b, OP_I64_EXTEND_I32_U);
        }
        put_atomic(b, OP_MEMORY_ATOMIC_WAIT32);
        put_op(b, OP_RETURN);
        break;
    case WAKE:
        put_i32(b, FLAG);
        put_i32(b, UINT32_MAX);
        put_atomic(b, OP_MEMORY_ATOMIC_NOTIFY);
        put_op(b, OP_RETURN);
        break;
    case TRAP: put_op(b, OP_UNREACHABLE); break;
    case GROW:
        put_get(b, 1);
        put_i32(b, 1);
        put_op(b, OP_I32_AND);
        put_index(b, OP_MEMORY_GROW, 0);
        put_op(b, OP_RETURN);
        break;
    case SPAWN:
        put_get(b, 1);
        put_index(b, OP_CALL, F_SPAWN);
        put_op(b, OP_RETURN);
        break;
    case SLEEP: /* the subscription is all zeros, that is, a clock, but for its time */
        put_i32(b, SUBSCRIPTION);
        put_get(b, 1);
        put_op(b, OP_I64_EXTEND_I32_U);
        put_index(b, OP_I64_STORE, 3);
        put_uleb(b, 24);
        put_i32(b, SUBSCRIPTION);
        put_i32(b, SUBSCRIPTION + 64);
        put_i32(b, 1);
        put_i32(b, SUBSCRIPTION + 128);
        put_index(b, OP_CALL, F_POLL);
        put_op(b, OP_RETURN);
        break;
    case EXIT:
        put_get(b, 1);
        put_index(b, OP_CALL, F_EXIT);
        break;
    case HOST:
        put_get(b, 1);
        put_index(b, OP_CALL, F_HOST);
        put_op(b, OP_RETURN);
        break;
    case RECURSE:
        put_get(b, 0);
        put_get(b, 1);
        put_index(b, OP_CALL, F_WORK);
        put_i32(b, 1);
        put_op(b, OP_I32_ADD);
        put_op(b, OP_RETURN);
        break;
    case FILL:
        put_i32(b, 1024);
        put_get(b, 1);
        put_i32(b, 20000);
        put_index(b, OP_MEMORY_FILL, 0);
        break;
    case WHATS: break;
    }
}

static void put_import(Bytes *b, const char *module, const char *name, u32 type)
{
    put_name(b, module);
    put_name(b, name);
    put_byte(b, 0);
    put_uleb(b, type);
}

static void put_export(Bytes *b, const char *name, u8 kind, u32 index)
{
    put_name(b, name);
    put_byte(b, kind);
    put_uleb(b, index);
}

/* wasi_thread_start(tid, arg) does work(arg & 15, arg >> 4). */
static Bytes make_guest(void)
{
    Bytes module = {0}, types = {0}, imports = {0}, funcs = {0}, memories = {0}, exports = {0}, codes = {0};
    Bytes work = {0}, start = {0};
    put_bytes(&types, "\5\x60\1\x7f\1\x7f\x60\2\x7f\x7f\0\x60\2\x7f\x7f\1\x7f\x60\4\x7f\x7f\x7f\x7f\1\x7f\x60\1\x7f\0", 29);
    put_uleb(&imports, 4);
    put_import(&imports, "wasi", "thread-spawn", 0);
    put_import(&imports, "wasi_snapshot_preview1", "poll_oneoff", 3);
    put_import(&imports, "wasi_snapshot_preview1", "proc_exit", 4);
    put_import(&imports, "h", "host", 0);
    put_bytes(&funcs, "\2\2\1", 3);
    put_bytes(&memories, "\1\3\1\4", 4); /* shared, one page to four */
    put_uleb(&exports, 3);
    put_export(&exports, "memory", 2, 0);
    put_export(&exports, "work", 0, F_WORK);
    put_export(&exports, "wasi_thread_start", 0, F_START);
    put_byte(&work, 0);
    for (u32 i = 0; i < WHATS; i++) {
        put_get(&work, 0);
        put_i32(&work, i);
        put_op(&work, OP_I32_EQ);
        put_op(&work, OP_IF);
        put_byte(&work, 0x40);
        put_piece(&work, (What)i);
        put_op(&work, OP_END);
    }
    put_get(&work, 1);
    put_op(&work, OP_END);
    put_byte(&start, 0);
    put_get(&start, 1);
    put_i32(&start, 15);
    put_op(&start, OP_I32_AND);
    put_get(&start, 1);
    put_i32(&start, 4);
    put_op(&start, OP_I32_SHR_U);
    put_index(&start, OP_CALL, F_WORK);
    put_op(&start, OP_DROP);
    put_op(&start, OP_END);
    put_uleb(&codes, 2);
    put_sized(&codes, &work);
    put_sized(&codes, &start);
    put_bytes(&module, "\0asm\1\0\0", 8);
    put_section(&module, 1, &types);
    put_section(&module, 2, &imports);
    put_section(&module, 3, &funcs);
    put_section(&module, 5, &memories);
    put_section(&module, 7, &exports);
    put_section(&module, 10, &codes);
    return module;
}

/* --- the script */

typedef struct Job {
    What what;
    u32 n;
} Job;

typedef struct Run {
    const u8 *p, *end;
    TestAlloc alloc;
    u64 told;         /* additions that calls which succeeded were told to make */
    u64 most;         /* that anybody was */
    u64 of_host;      /* that its function told the guest to make. Atomic */
    bool had_threads; /* somebody may disturb what is called from now on */
    bool had_exit;
} Run;

static u32 take(Run *r) { return r->p == r->end ? 0 : *r->p++; }

static Job take_job(Run *r, bool may_spawn)
{
    Job job = {.what = (What)(take(r) % WHATS)};
    job.n = take(r) | take(r) << 8;
    if (job.what == WAIT_A_WHILE || job.what == SLEEP) job.n *= 16; /* ns: a millisecond at most */
    if (job.what == SPAWN) {
        Job child = {.what = ADD, .n = 1};
        if (may_spawn) child = take_job(r, false);
        job.n = (child.n & 0xfffffff) << 4 | child.what;
        if (child.what == ADD) r->most += child.n > 0 ? child.n : 1;
        if (child.what == EXIT) r->had_exit = true;
    }
    if (job.what == ADD) {
        job.n = job.n % 5000 + 1;
        r->most += job.n;
    }
    return job;
}

static bool is_endless(What what) { return what == SPIN || what == WAIT; }

static u64 now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

static void check_time(u64 start, What what)
{
    if (now_ms() - start > SLOWEST_MS) fuzz_fail("doing %u took %llu ms", what, (unsigned long long)(now_ms() - start));
}

static void check_counter(const Run *r, const u32 *counter)
{
    if (counter == NULL) fuzz_fail("no memory");
    u64 n = __atomic_load_n(counter, __ATOMIC_SEQ_CST), most = r->most + __atomic_load_n(&r->of_host, __ATOMIC_SEQ_CST);
    if (n < r->told || n > most)
        fuzz_fail("%llu additions of at least %llu and at most %llu", (unsigned long long)n,
                  (unsigned long long)r->told, (unsigned long long)most);
}

/* Another thread of the host's, that stops the guest. */
typedef struct Killer {
    pthread_t thread;
    void (*stop)(void *guest);
    void *guest;
    u32 after_us;
    bool is_running;
} Killer;

static void *kill_later(void *arg)
{
    const Killer *k = arg;
    nanosleep(&(struct timespec){.tv_nsec = (long)k->after_us * 1000}, NULL);
    k->stop(k->guest);
    return NULL;
}

static void kill_start(Killer *k, u32 after_us)
{
    k->after_us = after_us;
    k->is_running = pthread_create(&k->thread, NULL, kill_later, k) == 0;
    if (!k->is_running) fuzz_fail("no thread");
}

static void kill_join(Killer *k)
{
    if (k->is_running) pthread_join(k->thread, NULL);
    k->is_running = false;
}

static u32 count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    if (dir == NULL) return 0;
    u32 n = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* --- tern.h */

static void *give(void *user, void *p, size_t old_size, size_t new_size)
{
    TestAlloc *alloc = user;
    return alloc->base.resize(&alloc->base, p, old_size, new_size);
}

static bool host(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    Run *r = user;
    u32 n = args[0].of.i32;
    if (n % 7 == 3) return tern_instance_fail(caller, "unlucky");
    results[0].of.i32 = n;
    if (n % 3 == 0) { /* on this thread, whosever it is */
        tern_value call[2] = {tern_i32(n % 2 == 0 ? (u32)ADD : (u32)GROW), tern_i32(0)}, result;
        tern_error error;
        __atomic_add_fetch(&r->of_host, 1, __ATOMIC_RELAXED);
        tern_status status = tern_instance_call(caller, "work", call, 2, &result, 1, &error);
        if (status != TERN_OK) return false;
    }
    return true;
}

static void interrupt(void *guest) { tern_instance_interrupt(guest, TERN_STOP_INTERRUPTED); }

static void check_ending(Run *r, tern_instance *guest, Job job, tern_status status, bool may_be_stopped)
{
    tern_trap trap = {0};
    if (status == TERN_TRAPPED && !tern_instance_trap(guest, &trap)) fuzz_fail("a trap without a description");
    if (status == TERN_EXITED && !r->had_exit) fuzz_fail("nobody exited");
    if (job.what == SPIN && status == TERN_OK) fuzz_fail("a loop without an end has ended");
    if (r->had_threads || may_be_stopped || r->alloc.nth != TEST_ALLOC_NEVER) return;
    bool fails = job.what == TRAP || job.what == RECURSE || job.what == EXIT || (job.what == HOST && job.n % 7 == 3);
    if ((status == TERN_OK) == fails)
        fuzz_fail("doing %u alone: %s", (unsigned)job.what, status == TERN_TRAPPED ? trap.text : "no trap");
}

static void call_once(Run *r, tern_instance *guest)
{
    Job job = take_job(r, true);
    u32 how = take(r) % 8;
    bool has_timeout = how == 1 || how == 2, has_fuel = how == 3 || how == 4, has_killer = how == 5 || how == 6;
    if (is_endless(job.what) && (how == 0 || how == 7 || (has_fuel && job.what == WAIT))) has_timeout = true;
    if (job.what == EXIT) r->had_exit = true;
    tern_error error = {0};
    if (has_timeout && !tern_instance_set_timeout(guest, 1000 + 4000ull * take(r), &error)) {
        if (error.kind == TERN_ERROR_NONE) fuzz_fail("no timeout, and nobody says why");
        has_timeout = false;
        has_killer = true;
    }
    if (has_fuel && !tern_instance_set_fuel(guest, (u64)take(r) * 20)) {
        has_fuel = false;
        has_killer = true;
    }
    Killer killer = {.stop = interrupt, .guest = guest};
    if (has_killer) kill_start(&killer, take(r) * 8);
    if (job.what == SPAWN) r->had_threads = true;
    tern_value args[2] = {tern_i32(job.what), tern_i32(job.n)}, result;
    u64 start = now_ms();
    tern_status status = tern_instance_call(guest, "work", args, 2, &result, 1, &error);
    check_time(start, job.what);
    kill_join(&killer);
    tern_instance_resume(guest);
    if (has_timeout) tern_instance_set_timeout(guest, TERN_UNLIMITED, &error);
    if (has_fuel) tern_instance_set_fuel(guest, TERN_UNLIMITED);
    check_ending(r, guest, job, status, has_timeout || has_fuel || has_killer);
    if (job.what == ADD && status == TERN_OK) r->told += job.n;
    const u32 *counter = (const u32 *)tern_memory_slice(tern_instance_memory(guest, NULL), COUNTER, 4);
    check_counter(r, counter);
}

static void with_tern(Run *r, const Bytes *module)
{
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.allocator = (tern_allocator){give, &r->alloc};
    options.checks_explicitly = take(r) & 1;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create_with(&options, &error);
    if (engine == NULL) return;
    tern_linker *linker = tern_linker_create(engine);
    tern_module *guest = tern_module_load(engine, module->p, module->n, &error);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    config.max_threads = 1 + take(r) % MOST_THREADS;
    config.stack_bytes = 16384;
    tern_instance *instance = NULL;
    if (linker != NULL && guest != NULL &&
        tern_linker_define_func(linker, "h", "host", "(param i32) (result i32)", host, r, &error))
        instance = tern_instance_create(guest, &config, &error);
    if (instance == NULL && r->alloc.nth == TEST_ALLOC_NEVER) fuzz_fail("%s", error.text);
    for (u32 i = 0; instance != NULL && r->p != r->end && i < MOST_CALLS; i++) call_once(r, instance);
    if (instance != NULL && r->alloc.nth == TEST_ALLOC_NEVER && tern_instance_reset(instance, &error))
        fuzz_fail("a shared memory was reset");
    tern_instance_destroy(instance);
    tern_linker_destroy(linker);
    tern_module_unload(guest);
    tern_engine_destroy(engine);
}

/* --- wasm_export.h */

static uint32_t native_host(wasm_exec_env_t env, uint32_t n)
{
    if (n % 7 == 3) wasm_runtime_set_exception(wasm_runtime_get_module_inst(env), "unlucky");
    return n;
}

static bool work(wasm_exec_env_t env, Job job)
{
    wasm_function_inst_t func = wasm_runtime_lookup_function(wasm_runtime_get_module_inst(env), "work");
    uint32_t cells[2] = {(uint32_t)job.what, job.n};
    if (func == NULL) fuzz_fail("no function");
    u64 start = now_ms();
    bool ok = wasm_runtime_call_wasm(env, func, 2, cells);
    check_time(start, job.what);
    if (ok && job.what == SPIN) fuzz_fail("a loop without an end has ended");
    if (ok == (wasm_runtime_get_exception(wasm_runtime_get_module_inst(env)) != NULL))
        fuzz_fail("a call and its exception do not agree");
    return ok;
}

static void *on_thread(wasm_exec_env_t env, void *arg)
{
    Job *job = arg;
    return work(env, *job) ? job : NULL;
}

static void terminate(void *guest) { wasm_runtime_terminate(guest); }

static void run_wamr(Run *r, wasm_module_inst_t inst, wasm_exec_env_t env)
{
    Job jobs[MOST_THREADS];
    wasm_thread_t ids[MOST_THREADS];
    for (u32 round = 0; r->p != r->end && round < MOST_CALLS; round++) {
        u32 n = 0, wanted = take(r) % (MOST_THREADS + 1);
        Job own = take_job(r, false);
        bool needs_end = is_endless(own.what) || (own.what == SPAWN && (own.n & 15) <= WAIT);
        for (u32 i = 0; i < wanted; i++) {
            jobs[n] = take_job(r, false);
            needs_end |= is_endless(jobs[n].what);
            r->had_threads |= jobs[n].what == SPAWN; /* which count, too, and may be there longer */
            if (wasm_runtime_spawn_thread(env, &ids[n], on_thread, &jobs[n]) == 0) n++;
            else if (r->alloc.nth == TEST_ALLOC_NEVER && !r->had_threads) fuzz_fail("no thread");
        }
        wasm_exec_env_t spawned = take(r) > 200 ? wasm_runtime_spawn_exec_env(env) : NULL;
        Killer killer = {.stop = terminate, .guest = inst};
        if (needs_end || take(r) > 128) kill_start(&killer, take(r) * 8);
        if (own.what == SPAWN) r->had_threads = true;
        bool ok = work(env, own);
        if (!ok && n == 0 && !r->had_threads && !killer.is_running && r->alloc.nth == TEST_ALLOC_NEVER &&
            own.what != TRAP && own.what != RECURSE && own.what != EXIT && own.what != HOST)
            fuzz_fail("doing %u alone: %s", (unsigned)own.what, wasm_runtime_get_exception(inst));
        if (spawned != NULL) wasm_runtime_destroy_spawned_exec_env(spawned);
        for (u32 i = 0; i < n; i++) {
            void *result = &ids;
            if (wasm_runtime_join_thread(ids[i], &result) != 0) fuzz_fail("a thread that cannot be joined");
            if (result != NULL && result != &jobs[i]) fuzz_fail("another's result");
        }
        kill_join(&killer);
        if (own.what == ADD && ok) r->told += own.n;
        check_counter(r, wasm_runtime_addr_app_to_native(inst, COUNTER));
        wasm_runtime_clear_exception(inst);
    }
}

static void with_wamr(Run *r, Bytes *module)
{
    static NativeSymbol symbols[] = {{"host", (void *)native_host, "(i)i", NULL}};
    char error[128];
    if (!host_alloc_start(r->alloc.nth, (RuntimeInitArgs){.max_thread_num = MOST_THREADS + 1})) return;
    wasm_runtime_register_natives("h", symbols, COUNT_OF(symbols));
    wasm_module_t loaded = wasm_runtime_load(module->p, (uint32_t)module->n, error, sizeof error);
    wasm_module_inst_t inst = loaded != NULL ? wasm_runtime_instantiate(loaded, 16384, 0, error, sizeof error) : NULL;
    wasm_exec_env_t env = inst != NULL ? wasm_runtime_create_exec_env(inst, 16384) : NULL;
    if (env != NULL) run_wamr(r, inst, env);
    else if (r->alloc.nth == TEST_ALLOC_NEVER) fuzz_fail("%s", error);
    if (env != NULL) wasm_runtime_destroy_exec_env(env);
    if (inst != NULL) wasm_runtime_deinstantiate(inst);
    if (loaded != NULL) wasm_runtime_unload(loaded);
    wasm_runtime_unregister_natives("h", symbols);
    wasm_runtime_destroy();
}

static void nothing(void *unused) { (void)unused; }

/* With the first that is started, ThreadSanitizer starts one of its own, which stays. */
static void start_one(void)
{
    static bool is_done;
    Thread thread;
    if (!is_done && tern_port_thread_start(&thread, nothing, NULL, 0)) tern_port_thread_join(&thread);
    is_done = true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    start_one();
    Run r = {.p = data, .end = data + size};
    u32 nbefore = count_threads();
    u32 flags = take(&r);
    r.alloc = test_alloc(flags < 16 ? take(&r) | (flags & 1) << 8 : TEST_ALLOC_NEVER);
    Bytes module = make_guest();
    if (flags & 1) with_wamr(&r, &module);
    else with_tern(&r, &module);
    bytes_done(&module);
    u64 nleft = flags & 1 ? host_alloc.live : r.alloc.live;
    if (nleft != 0) fuzz_fail("%llu bytes are left", (unsigned long long)nleft);
    u64 start = now_ms(); /* a thread that was joined may be on its way out of the kernel's list */
    while (count_threads() > nbefore && now_ms() - start < SLOWEST_MS) nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
    if (count_threads() > nbefore) fuzz_fail("a thread is left");
    return 0;
}
