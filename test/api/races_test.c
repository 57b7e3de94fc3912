/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* races_test.c - guests stopped at every moment: before, during and after their calls, by timers and other threads,
 * and taken down at once.
 *
 * Whatever wins, a call ends in one of the ways that were asked for, and the instance works afterwards. Each test
 * takes a second, or as many as TERN_RACE_SECONDS says (make check-deep).
 */
#include "tern_guest.h"

#include <pthread.h>
#include <time.h>

#include "wasm_export.h"

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t end_ns(void)
{
    const char *seconds = getenv("TERN_RACE_SECONDS");
    return now_ns() + (seconds != NULL ? strtoull(seconds, NULL, 10) : 1) * 1000000000;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* Some hundred nanoseconds to some hundred microseconds: as long as making and entering an instance takes. */
static void pause_at_random(uint32_t *state)
{
    uint64_t end = now_ns() + (100u << next_random(state) % 12);
    while (now_ns() < end) continue;
}

/* --- tern.h ---------------------------------------------------------------------------------------------- */

typedef struct Stopper {
    tern_instance *instance;
    uint32_t random;
} Stopper;

static void *stop_tern(void *arg)
{
    Stopper *stopper = arg;
    pause_at_random(&stopper->random);
    tern_instance_interrupt(stopper->instance, TERN_STOP_INTERRUPTED);
    return NULL;
}

/* One life: a call under a timeout, or against a thread that stops it, and what comes after. */
static void live(tern_engine *engine, tern_module *module, uint32_t *random)
{
    tern_error error;
    tern_instance *instance = tern_instance_create(module, NULL, &error);
    assert_non_null(instance);
    bool has_timeout = next_random(random) % 2 == 0, is_stopped = !has_timeout || next_random(random) % 2 == 0;
    if (has_timeout)
        assert_true(tern_instance_set_timeout(instance, 1000u << next_random(random) % 11, &error));
    Stopper stopper = {instance, *random};
    pthread_t thread;
    if (is_stopped) assert_int_equal(pthread_create(&thread, NULL, stop_tern, &stopper), 0);
    static const char *const names[] = {"spin", "quick", "sleep"};
    uint32_t which = next_random(random) % 3;
    tern_value result = {0};
    tern_status status = tern_instance_call(instance, names[which], NULL, 0, &result, which != 0, &error);
    tern_trap trap;
    if (status == TERN_TRAPPED) {
        assert_true(tern_instance_trap(instance, &trap));
        bool is_expected = (is_stopped && strcmp(trap.code, "INTERRUPTED") == 0) ||
                           (has_timeout && strcmp(trap.code, "DEADLINE") == 0);
        if (!is_expected) fail_msg("%s: %s", names[which], trap.code);
    } else {
        assert_int_equal(status, TERN_OK);
        assert_int_equal(which, 1);
        assert_int_equal(result.of.i32, 42);
    }
    bool is_reused = next_random(random) % 2 == 0;
    if (is_stopped) pthread_join(thread, NULL);
    if (is_reused) {
        assert_true(tern_instance_set_timeout(instance, TERN_UNLIMITED, &error));
        tern_instance_resume(instance);
        assert_int_equal(GUEST_GET(instance, "quick"), 42);
    }
    tern_instance_destroy(instance); /* the watch may be about to ring */
    (void)engine;
}

/* The same for a guest with threads, which run on when its calls return and are taken down with it. */
static void live_with_threads(tern_engine *engine, tern_module *module, uint32_t *random)
{
    tern_error error;
    tern_instance *instance = tern_instance_create(module, NULL, &error);
    assert_non_null(instance);
    bool has_timeout = next_random(random) % 2 == 0, is_stopped = next_random(random) % 2 == 0;
    if (has_timeout)
        assert_true(tern_instance_set_timeout(instance, 1000u << next_random(random) % 13, &error));
    Stopper stopper = {instance, *random};
    pthread_t thread;
    if (is_stopped) assert_int_equal(pthread_create(&thread, NULL, stop_tern, &stopper), 0);
    for (uint32_t n = 1 + next_random(random) % 3; n > 0; n--) {
        if (tern_instance_call(instance, "start", NULL, 0, NULL, 0, &error) == TERN_OK) continue;
        tern_trap trap;
        assert_true(tern_instance_trap(instance, &trap));
        /* A thread that is not started any more is what the guest calls unreachable. */
        if (strcmp(trap.code, "INTERRUPTED") != 0 && strcmp(trap.code, "DEADLINE") != 0)
            assert_string_equal(trap.code, "UNREACHABLE");
        assert_true(has_timeout || is_stopped);
    }
    pause_at_random(random);
    if (is_stopped) pthread_join(thread, NULL);
    tern_instance_destroy(instance);
    (void)engine;
}

enum { WORKERS = 3 };
typedef struct Worker {
    pthread_t thread;
    tern_engine *engine;
    tern_module *module;
    void (*live)(tern_engine *engine, tern_module *module, uint32_t *random);
    uint64_t end_ns;
    uint32_t random, nlives;
} Worker;

static void *work(void *arg)
{
    Worker *worker = arg;
    for (; now_ns() < worker->end_ns; worker->nlives++) worker->live(worker->engine, worker->module, &worker->random);
    return NULL;
}

static void run_workers(const char *name, void (*life)(tern_engine *engine, tern_module *module, uint32_t *random))
{
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_guest_load(engine, name);
    Worker workers[WORKERS];
    uint64_t end = end_ns();
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (Worker){.engine = engine, .module = module, .live = life, .end_ns = end, .random = i + 1};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_true(workers[i].nlives > 0);
    }
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

static void timers_and_threads_stop_guests_at_any_moment(void **state)
{
    (void)state;
    run_workers("tern_spin", live);
}

static void guests_with_threads_are_taken_down_at_any_moment(void **state)
{
    (void)state;
    run_workers("tern_ticker", live_with_threads);
}

/* --- wasm_export.h ---------------------------------------------------------------------------------------- */

typedef struct Run {
    wasm_module_t module;
    wasm_module_inst_t instance;
    wasm_exec_env_t env;
    uint32_t which, random;
    bool ok, has_ended;
} Run;

static const char *const run_names[] = {"spin", "quick", "sleep"};

static void *run_wamr(void *arg)
{
    Run *run = arg;
    uint32_t argv[2] = {0};
    wasm_runtime_init_thread_env();
    wasm_function_inst_t func = wasm_runtime_lookup_function(run->instance, run_names[run->which]);
    run->ok = wasm_runtime_call_wasm(run->env, func, 0, argv);
    __atomic_store_n(&run->has_ended, true, __ATOMIC_RELEASE);
    wasm_runtime_destroy_thread_env();
    return NULL;
}

static wasm_module_t load_wamr(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    static uint8_t bytes[65536];
    uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    char error[128];
    wasm_module_t module = wasm_runtime_load(bytes, size, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    return module;
}

static void terminating_and_deinstantiating_race_with_calls(void **state)
{
    (void)state;
    assert_true(wasm_runtime_init());
    wasm_module_t module = load_wamr("test/api/wasm/tern_spin.wasm");
    char error[128];
    uint32_t random = 7;
    for (uint64_t end = end_ns(); now_ns() < end;) {
        Run run = {.module = module, .which = next_random(&random) % 3};
        run.instance = wasm_runtime_instantiate(module, 16384, 0, error, sizeof error);
        assert_non_null(run.instance);
        run.env = wasm_runtime_create_exec_env(run.instance, 16384);
        assert_non_null(run.env);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, run_wamr, &run), 0);
        /* Before it starts, while it runs, while it ends, after. */
        do {
            pause_at_random(&random);
            wasm_runtime_terminate(run.instance);
        } while (!__atomic_load_n(&run.has_ended, __ATOMIC_ACQUIRE));
        pthread_join(thread, NULL);
        if (!run.ok) {
            const char *exception = wasm_runtime_get_exception(run.instance);
            assert_non_null(exception);
            assert_non_null(strstr(exception, "terminated"));
        } else {
            assert_int_equal(run.which, 1);
        }
        wasm_runtime_destroy_exec_env(run.env);
        wasm_runtime_deinstantiate(run.instance);
    }
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
}

static void *terminate(void *arg)
{
    Run *run = arg;
    pause_at_random(&run->random);
    wasm_runtime_terminate(run->instance);
    return NULL;
}

/* The guest's threads run on when its call returns: what deinstantiates it stops and joins them, whoever else wants them
 * to end. */
static void deinstantiating_races_with_the_guests_threads(void **state)
{
    (void)state;
    assert_true(wasm_runtime_init());
    wasm_module_t module = load_wamr("test/api/wasm/tern_ticker.wasm");
    char error[128];
    uint32_t random = 11;
    for (uint64_t end = end_ns(); now_ns() < end;) {
        Run run = {.module = module, .random = next_random(&random)};
        run.instance = wasm_runtime_instantiate(module, 16384, 0, error, sizeof error);
        assert_non_null(run.instance);
        run.env = wasm_runtime_create_exec_env(run.instance, 16384);
        assert_non_null(run.env);
        bool is_terminated = next_random(&random) % 2 == 0;
        pthread_t thread;
        if (is_terminated) assert_int_equal(pthread_create(&thread, NULL, terminate, &run), 0);
        wasm_function_inst_t start = wasm_runtime_lookup_function(run.instance, "start");
        for (uint32_t n = 1 + next_random(&random) % 3; n > 0; n--)
            if (!wasm_runtime_call_wasm(run.env, start, 0, NULL)) assert_true(is_terminated);
        pause_at_random(&random);
        if (is_terminated) pthread_join(thread, NULL);
        wasm_runtime_destroy_exec_env(run.env);
        wasm_runtime_deinstantiate(run.instance);
    }
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_and_threads_stop_guests_at_any_moment),
        cmocka_unit_test(guests_with_threads_are_taken_down_at_any_moment),
        cmocka_unit_test(terminating_and_deinstantiating_race_with_calls),
        cmocka_unit_test(deinstantiating_races_with_the_guests_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
