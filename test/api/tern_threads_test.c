/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_threads_test.c - host functions on threads that the guest started: thread_start is the guest's own. */
#include "tern_guest.h"

#include <time.h>

static tern_instance *first;

static tern_linker *linker;

/* What belongs to the thread lives as long as the call: nothing that stays can be made of it. */
static void nothing_of_it_lasts(tern_instance *caller, tern_host_func *func)
{
    tern_error error = {0};
    tern_store *store = tern_instance_store(caller);
    tern_extern what = {.kind = TERN_MEMORY, .of.memory = tern_instance_memory(caller, NULL)};
    assert_null(tern_func_create(store, "", func, NULL, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    assert_false(tern_linker_define(linker, "env", "memory", &what, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    assert_false(tern_linker_define_instance(linker, "thread", caller, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = store;
    assert_null(tern_instance_create(tern_instance_module(caller), &config, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
}

/* Uses everything of its caller: the guest, its memory, a reference. */
static bool note(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    assert_true(caller != NULL && caller != first);
    assert_ptr_equal(tern_instance_user(caller), user);
    nothing_of_it_lasts(caller, note);
    if (args[0].of.i32 == 13) return tern_instance_fail(caller, "unlucky");
    tern_value doubled;
    if (tern_instance_call(caller, "double", args, 1, &doubled, 1, NULL) != TERN_OK) return false;
    tern_memory *memory = tern_instance_memory(caller, NULL);
    assert_true(tern_memory_write(memory, 32, "written", 8));
    tern_extern exported;
    assert_true(tern_instance_export(caller, "double", &exported));
    tern_value again;
    assert_int_equal(tern_ref_call(exported.of.func, &doubled, 1, &again, 1, NULL), TERN_OK);
    results[0] = again; /* with a handle that nobody releases */
    return true;
}

static void a_host_function_serves_a_guests_thread(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    linker = tern_linker_create(engine);
    int mark;
    assert_true(tern_linker_define_func(linker, "env", "note", "(param i32) (result i32)", note, &mark, NULL));
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    config.user = &mark;
    config.max_threads = 8; /* those that notified may take a while to end */
    first = tern_guest_open(engine, "tern_threads", &config);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(GUEST_CALL(first, "run", tern_i32(100 + i)), 400 + 4 * i);
        assert_string_equal(tern_memory_cstr(tern_instance_memory(first, NULL), 32, 100, NULL), "written");
    }
    /* A thread that traps ends the program. */
    tern_value arg = tern_i32(13), result;
    assert_int_equal(tern_instance_call(first, "run", &arg, 1, &result, 1, NULL), TERN_TRAPPED);
    tern_instance_destroy(first);
    tern_linker_destroy(linker);
    tern_engine_destroy(engine);
}

static void take_time(void *pointer)
{
    (void)pointer;
    struct timespec moment = {0, 300000000};
    nanosleep(&moment, NULL);
}

static bool leave_work(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    assert_non_null(tern_ref_from_host(tern_instance_store(caller), user, take_time)); /* for when the thread is gone */
    results[0] = args[0];
    return true;
}

/* The guest knows that a thread has ended before all of it is gone. */
static void a_thread_that_ends_makes_room_for_the_next(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    linker = tern_linker_create(engine);
    int mark;
    assert_true(tern_linker_define_func(linker, "env", "note", "(param i32) (result i32)", leave_work, &mark, NULL));
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    config.max_threads = 1;
    tern_instance *guest = tern_guest_open(engine, "tern_threads", &config);
    int nrefused = 0;
    long ms = 20; /* for the thread to return in; on a machine that has no time for us it may be too little */
    for (uint32_t i = 0; i < 5;) {
        uint32_t result = (uint32_t)GUEST_CALL(guest, "run", tern_i32(i));
        assert_true(result == i || result == UINT32_MAX);
        bool is_refused = result != i;
        nrefused += is_refused;
        i += !is_refused;
        ms = is_refused && ms < 200 ? 2 * ms : 20;
        struct timespec moment = {0, ms * 1000000};
        nanosleep(&moment, NULL);
    }
    assert_true(nrefused < 10);
    tern_instance_destroy(guest);
    tern_linker_destroy(linker);
    tern_engine_destroy(engine);
}

static uint32_t ticks(tern_instance *instance)
{
    uint32_t n = 0;
    assert_true(tern_memory_read(tern_instance_memory(instance, NULL), 0, &n, sizeof n));
    return n;
}

/* Threads are joined before the call that is stopped returns, so nothing moves any more. */
static void assert_still(tern_instance *instance)
{
    uint32_t before = ticks(instance);
    struct timespec moment = {0, 20000000};
    nanosleep(&moment, NULL);
    assert_int_equal(ticks(instance), before);
}

static void what_stops_a_store_stops_the_threads_of_all_in_it(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_linker *links = tern_linker_create(engine);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = tern_store_create(engine, NULL);
    config.linker = links;
    tern_error error;
    tern_instance *ticker = tern_guest_open(engine, "tern_ticker", &config);
    assert_true(tern_linker_define_instance(links, "ticker", ticker, &error));
    tern_instance *user = tern_guest_open(engine, "tern_ticker_user", &config);
    tern_trap trap;
    assert_true(tern_instance_set_timeout(user, 50000000, &error));
    assert_int_equal(tern_instance_call(user, "start_and_spin", NULL, 0, NULL, 0, &error), TERN_TRAPPED);
    assert_true(tern_instance_trap(user, &trap));
    assert_string_equal(trap.code, "DEADLINE");
    assert_int_not_equal(ticks(ticker), 0);
    assert_still(ticker);
    assert_true(tern_instance_set_timeout(user, TERN_UNLIMITED, &error));

    (void)tern_guest_call(ticker, "start", 0, NULL, 0); /* and it goes on */
    tern_instance_interrupt(user, TERN_STOP_INTERRUPTED);
    assert_int_equal(tern_instance_call(user, "nothing", NULL, 0, NULL, 0, &error), TERN_TRAPPED);
    assert_still(ticker);
    tern_instance_resume(ticker);
    (void)tern_guest_call(user, "nothing", 0, NULL, 0);
    tern_instance_destroy(user);
    tern_instance_destroy(ticker);
    tern_linker_destroy(links);
    tern_store_destroy(config.store);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_function_serves_a_guests_thread),
        cmocka_unit_test(a_thread_that_ends_makes_room_for_the_next),
        cmocka_unit_test(what_stops_a_store_stops_the_threads_of_all_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
