/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exceptions_test.c - exceptions of instances, on their way through host functions, and terminating: section 1.2.8
 * of the compatible API. Texts of single traps are in calls_test.c. */
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>

#include "capture.h"

static void the_text_is_the_instances(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0), h = guest_open("exchange", 0);
    assert_null(wasm_runtime_get_exception(g.inst));
    wasm_runtime_set_exception(g.inst, "mine");
    assert_string_equal(wasm_runtime_get_exception(g.inst), "Exception: mine");
    assert_null(wasm_runtime_get_exception(h.inst));
    wasm_runtime_set_exception(g.inst, "newer"); /* replaces it */
    assert_string_equal(wasm_runtime_get_exception(g.inst), "Exception: newer");
    wasm_runtime_set_exception(g.inst, NULL);
    assert_null(wasm_runtime_get_exception(g.inst));
    wasm_runtime_set_exception(g.inst, "");
    assert_string_equal(wasm_runtime_get_exception(g.inst), "Exception: ");
    wasm_runtime_clear_exception(g.inst);
    assert_null(wasm_runtime_get_exception(g.inst));
    char longer[300];
    memset(longer, 'x', sizeof longer);
    longer[299] = '\0';
    wasm_runtime_set_exception(g.inst, longer);
    assert_int_equal(strlen(wasm_runtime_get_exception(g.inst)), 127);
    uint32_t cells[1];
    assert_false(guest_call(&g, "pages", 0, cells)); /* pending: made, and false */
    wasm_runtime_clear_exception(g.inst);
    assert_true(guest_call(&g, "pages", 0, cells));
    guest_close(&g);
    guest_close(&h);
}

/* --- through host functions ------------------------------------------------------------------- */

typedef enum What { THROW, TRAP, SWALLOW, REPLACE, PLAIN_AFTER, RETURN, ELSEWHERE } What;

/* Calls back into the guest, in a way that the guest's argument chooses. */
static int32_t through(wasm_exec_env_t env, int32_t what)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    uint32_t cells[1] = {7};
    const char *name = what == TRAP ? "trap" : what == RETURN ? "plain" : "inner";
    bool ok = wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, name), what == TRAP ? 0 : 1, cells);
    if (what == RETURN) return ok ? (int32_t)cells[0] : -1;
    if (ok) return -1;
    const char *expected = what == TRAP ? "Exception: unreachable" : "Exception: uncaught wasm exception";
    if (strcmp(wasm_runtime_get_exception(inst), expected) != 0) return -2;
    if (what == SWALLOW || what == PLAIN_AFTER) wasm_runtime_clear_exception(inst);
    if (what == REPLACE) wasm_runtime_set_exception(inst, "the host's own");
    if (what == ELSEWHERE) { /* another one, on a stack that the caller is not on */
        wasm_runtime_clear_exception(inst);
        wasm_exec_env_t other = wasm_runtime_get_exec_env_singleton(inst);
        if (wasm_runtime_call_wasm(other, wasm_runtime_lookup_function(inst, name), 1, cells)) return -4;
    }
    if (what != PLAIN_AFTER) return 50;
    cells[0] = 60;
    ok = wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "plain"), 1, cells);
    return ok ? (int32_t)cells[0] : -3;
}

static NativeSymbol through_symbols[] = {EXPORT_WASM_API_WITH_SIG(through, "(i)i")};

static Guest open_through(void)
{
    assert_true(wasm_runtime_register_natives("env", through_symbols, 1));
    return guest_open("through", 0);
}

static void a_guests_exception_goes_through_a_host_function_to_its_handler(void **state)
{
    (void)state;
    Guest g = open_through();
    for (int i = 0; i < 3; i++) { /* and leaves nothing behind */
        assert_int_equal(guest_call1(&g, "outer", THROW), 1007);
        assert_null(wasm_runtime_get_exception(g.inst));
    }
    guest_close(&g);
}

static void a_host_function_may_deal_with_it(void **state)
{
    (void)state;
    Guest g = open_through();
    assert_int_equal(guest_call1(&g, "outer", SWALLOW), 50);
    assert_int_equal(guest_call1(&g, "outside", SWALLOW), 50);
    assert_int_equal(guest_call1(&g, "outer", PLAIN_AFTER), 61);
    assert_int_equal(guest_call1(&g, "outer", RETURN), 8);
    guest_close(&g);
}

static void traps_and_the_hosts_own_are_not_caught(void **state)
{
    (void)state;
    Guest g = open_through();
    uint32_t cells[1] = {TRAP};
    assert_false(guest_call(&g, "outer", 1, cells));
    guest_expect_exception(&g, "Exception: unreachable");
    cells[0] = REPLACE;
    assert_false(guest_call(&g, "outer", 1, cells));
    guest_expect_exception(&g, "Exception: the host's own");
    cells[0] = ELSEWHERE;
    assert_false(guest_call(&g, "outer", 1, cells));
    guest_expect_exception(&g, "Exception: uncaught wasm exception");
    assert_int_equal(guest_call1(&g, "outer", THROW), 1007);
    guest_close(&g);
}

static void what_nobody_catches_reaches_the_host(void **state)
{
    (void)state;
    Guest g = open_through();
    uint32_t cells[1] = {THROW};
    assert_false(guest_call(&g, "outside", 1, cells));
    guest_expect_exception(&g, "Exception: uncaught wasm exception");
    cells[0] = 3;
    assert_false(guest_call(&g, "inner", 1, cells));
    guest_expect_exception(&g, "Exception: uncaught wasm exception");
    assert_int_equal(guest_call1(&g, "outer", THROW), 1007);
    guest_close(&g);
}

/* --- what the log says ------------------------------------------------------------------------ */

static uint32_t measure(wasm_exec_env_t env, const char *bytes, uint32_t size)
{
    (void)env, (void)bytes;
    return size;
}

static void a_refused_address_is_logged_with_function_and_parameter(void **state)
{
    (void)state;
    static NativeSymbol natives[] = {{"measure", (void *)measure, "(*~)i", NULL}};
    assert_true(wasm_runtime_register_natives("env", natives, 1));
    Guest g = guest_open("shared_heap", 0);
    char text[512];
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_WARNING);
    Capture capture = capture_begin(stderr);
    uint32_t cells[2] = {65530, 100};
    bool ok = guest_call(&g, "measured", 2, cells);
    capture_end(&capture, text, sizeof text);
    assert_false(ok);
    guest_expect_exception(&g, "Exception: out of bounds memory access");
    assert_non_null(strstr(text, "100 bytes at address 0xfffa, memory size 65536"));
    assert_non_null(strstr(text, "parameter 1 of host function (env, measure)"));
    guest_close(&g);
}

/* --- terminating ------------------------------------------------------------------------------ */

static pthread_t terminator;
static void *terminate(void *inst)
{
    wasm_runtime_terminate(inst);
    return NULL;
}

static void terminate_from_a_thread(wasm_exec_env_t env)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    assert_int_equal(pthread_create(&terminator, NULL, terminate, inst), 0);
}

static void terminate_at_once(wasm_exec_env_t env)
{
    wasm_runtime_terminate(wasm_runtime_get_module_inst(env));
    assert_false(wasm_runtime_begin_blocking_op(env));
    wasm_runtime_end_blocking_op(env);
}

static void a_start_function_can_be_terminated(void **state)
{
    (void)state;
    static NativeSymbol from_thread[] = {{"started", (void *)terminate_from_a_thread, "()", NULL}},
                        at_once[] = {{"started", (void *)terminate_at_once, "()", NULL}};
    char error[128];
    for (int i = 0; i < 50; i++) {
        bool is_thread = i % 2 == 0;
        assert_true(wasm_runtime_register_natives("env", is_thread ? from_thread : at_once, 1));
        wasm_module_t module = guest_load("start_spins");
        error[0] = '\0';
        assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
        assert_string_equal(error, "WASM module instantiate failed: Exception: terminated by user");
        if (is_thread) pthread_join(terminator, NULL);
        wasm_runtime_unload(module);
    }
}

static atomic_bool is_done;
static void *terminate_often(void *inst)
{
    while (!atomic_load(&is_done)) {
        wasm_runtime_terminate(inst);
        sched_yield();
    }
    return NULL;
}

static void a_termination_that_is_cleared_leaves_nothing(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    atomic_store(&is_done, false);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, terminate_often, g.inst), 0);
    for (int i = 0; i < 200; i++) {
        assert_false(guest_call(&g, "spin", 0, NULL));
        const char *text = wasm_runtime_get_exception(g.inst);
        assert_non_null(text);
        assert_string_equal(text, "Exception: terminated by user");
        wasm_runtime_clear_exception(g.inst);
    }
    atomic_store(&is_done, true);
    pthread_join(thread, NULL);
    wasm_runtime_clear_exception(g.inst);
    assert_null(wasm_runtime_get_exception(g.inst)); /* what was stored late would be seen here */
    assert_true(guest_call(&g, "nop", 0, NULL));
    assert_true(wasm_runtime_begin_blocking_op(g.env));
    wasm_runtime_end_blocking_op(g.env);
    guest_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(the_text_is_the_instances),
        RUNTIME_TEST(a_guests_exception_goes_through_a_host_function_to_its_handler),
        RUNTIME_TEST(a_host_function_may_deal_with_it),
        RUNTIME_TEST(traps_and_the_hosts_own_are_not_caught),
        RUNTIME_TEST(what_nobody_catches_reaches_the_host),
        RUNTIME_TEST(a_refused_address_is_logged_with_function_and_parameter),
        RUNTIME_TEST(a_start_function_can_be_terminated),
        RUNTIME_TEST(a_termination_that_is_cleared_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
