/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_stopping_test.c - timeouts, interrupts and fuel: the guest stops, and works afterwards.
 * The engine's thread is one that thread_start makes: this runs under ThreadSanitizer, too. */
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "tern_guest.h"

#define MS 1000000ull

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static tern_status call(tern_instance *instance, const char *name, uint32_t nresults)
{
    tern_value result;
    return tern_instance_call(instance, name, NULL, 0, &result, nresults, NULL);
}

static void a_timeout_stops_what_takes_too_long(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_instance *instance = tern_guest_open(engine, "tern_spin", NULL);
    assert_true(tern_instance_set_timeout(instance, 30 * MS, NULL));
    static const struct {
        const char *name;
        uint32_t nresults;
    } slow[] = {{"spin", 0}, {"sleep", 1}};
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 2; i++) {
            double start = seconds();
            assert_int_equal(call(instance, slow[i].name, slow[i].nresults), TERN_TRAPPED);
            expect_trap(instance, "DEADLINE");
            double took = seconds() - start;
            assert_true(took >= 0.029 && took < 20);
            assert_true(tern_instance_set_timeout(instance, 20000 * MS, NULL));
            assert_int_equal(GUEST_GET(instance, "quick"), 42); /* no resume is needed */
            assert_true(tern_instance_set_timeout(instance, 30 * MS, NULL));
        }
    assert_true(tern_instance_set_timeout(instance, TERN_UNLIMITED, NULL));
    GUEST_CALL(instance, "count", tern_i32(20000000));
    tern_instance_destroy(instance);

    instance = tern_guest_open(engine, "tern_spin_start", NULL);
    assert_true(tern_instance_set_timeout(instance, 20 * MS, NULL));
    assert_int_equal(tern_instance_prepare(instance, NULL), TERN_TRAPPED);
    expect_trap(instance, "DEADLINE");
    assert_true(tern_instance_set_timeout(instance, TERN_UNLIMITED, NULL));
    assert_int_equal(GUEST_GET(instance, "quick"), 42);
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

/* Calls that end about when their time does: the next one is never hit by a deadline of the last. */
static void a_deadline_never_hits_the_next_call(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_instance *instance = tern_guest_open(engine, "tern_spin", NULL);
    int nstopped = 0;
    for (uint32_t n = 1; n < 400; n++) {
        assert_true(tern_instance_set_timeout(instance, 50000, NULL));
        tern_value arg = tern_i32(n * 20), result;
        nstopped += tern_instance_call(instance, "count", &arg, 1, &result, 1, NULL) == TERN_TRAPPED;
        assert_true(tern_instance_set_timeout(instance, TERN_UNLIMITED, NULL));
        assert_int_equal(GUEST_GET(instance, "quick"), 42);
    }
    (void)nstopped;
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

static void many_instances_have_one_watchdog(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_instance *instances[5];
    for (int i = 0; i < 5; i++) {
        instances[i] = tern_guest_open(engine, "tern_spin", NULL);
        assert_true(tern_instance_set_timeout(instances[i], (uint64_t)(5 - i) * 5 * MS, NULL));
    }
    for (int i = 0; i < 5; i++) assert_int_equal(call(instances[i], "spin", 0), TERN_TRAPPED);
    for (int i = 0; i < 5; i++) tern_instance_destroy(instances[i]);
    tern_engine_destroy(engine);
}

static tern_instance *alarmed;
static void on_alarm(int signal)
{
    (void)signal;
    tern_instance_interrupt(alarmed, TERN_STOP_INTERRUPTED);
}

static void a_signal_handler_interrupts(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    alarmed = tern_guest_open(engine, "tern_spin", NULL);
    struct sigaction action = {.sa_handler = on_alarm}, old;
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 20000}, NULL);
    assert_int_equal(call(alarmed, "spin", 0), TERN_TRAPPED);
    expect_trap(alarmed, "INTERRUPTED");
    assert_int_equal(call(alarmed, "quick", 1), TERN_TRAPPED); /* until it is taken back */
    tern_instance_resume(alarmed);
    assert_int_equal(GUEST_GET(alarmed, "quick"), 42);
    sigaction(SIGALRM, &old, NULL);

    /* With a timeout as well, which comes later or before: the interrupt stays. */
    tern_instance_interrupt(alarmed, TERN_STOP_INTERRUPTED);
    assert_true(tern_instance_set_timeout(alarmed, 1, NULL));
    assert_int_equal(call(alarmed, "spin", 0), TERN_TRAPPED);
    assert_int_equal(call(alarmed, "quick", 1), TERN_TRAPPED);
    tern_instance_resume(alarmed);
    assert_true(tern_instance_set_timeout(alarmed, TERN_UNLIMITED, NULL));
    assert_int_equal(GUEST_GET(alarmed, "quick"), 42);
    tern_instance_destroy(alarmed);
    tern_engine_destroy(engine);
}

static void fuel_runs_out_and_is_given_again(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_instance *instance = tern_guest_open(engine, "tern_spin", NULL);
    assert_true(tern_instance_fuel(instance) == TERN_UNLIMITED);
    assert_true(tern_instance_set_fuel(instance, 10000));
    assert_int_equal(call(instance, "spin", 0), TERN_TRAPPED);
    expect_trap(instance, "OUT_OF_FUEL");
    assert_int_equal(tern_instance_fuel(instance), 0);
    assert_true(tern_instance_set_fuel(instance, 1000));
    assert_int_equal(GUEST_GET(instance, "quick"), 42);
    assert_true(tern_instance_fuel(instance) < 1000 && tern_instance_fuel(instance) > 990);
    assert_true(tern_instance_set_fuel(instance, TERN_UNLIMITED));
    GUEST_CALL(instance, "count", tern_i32(100000));
    assert_true(tern_instance_fuel(instance) == TERN_UNLIMITED);
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_stops_what_takes_too_long),
        cmocka_unit_test(a_deadline_never_hits_the_next_call),
        cmocka_unit_test(many_instances_have_one_watchdog),
        cmocka_unit_test(a_signal_handler_interrupts),
        cmocka_unit_test(fuel_runs_out_and_is_given_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
