/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_references_test.c - tern_ref: hosts' pointers, functions handed over, objects, exceptions. */
#include "tern_guest.h"

typedef struct Host {
    tern_engine *engine;
    tern_linker *linker;
    tern_config config;
    tern_ref *callback, *through;
    tern_status status; /* of the last call back */
    int nfinalized;
} Host;

/* Gives its arguments back in the other order, and checks what they are. */
static bool take(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user;
    assert_true(args[0].kind == TERN_REF && args[1].of.i32 == 7 && args[2].kind == TERN_REF);
    if (args[0].of.ref != NULL) assert_int_equal(tern_ref_kind(args[0].of.ref), TERN_REF_HOST);
    assert_true(results[0].kind == TERN_REF && results[0].of.ref == NULL);
    results[0].of.ref = args[2].of.ref;                /* borrowed */
    results[1].of.ref = tern_ref_copy(args[0].of.ref); /* a copy is taken */
    return true;
}

static bool keep_callback(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)results;
    ((Host *)user)->callback = tern_ref_copy(args[0].of.ref);
    return true;
}

/* Calls the guest, and passes on whatever comes back. */
static bool through(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)results;
    Host *host = user;
    host->status = tern_ref_call(host->through, args, 1, NULL, 0, NULL);
    return host->status == TERN_OK;
}

static void setup(Host *host)
{
    *host = (Host){.engine = tern_engine_create(), .config = TERN_CONFIG_DEFAULT};
    host->linker = tern_linker_create(host->engine);
    host->config.linker = host->linker;
    tern_error error;
    assert_true(tern_linker_define_func(host->linker, "host", "take",
                                        "(param externref i32 externref) (result externref externref)", take, host,
                                        &error) &&
                tern_linker_define_func(host->linker, "host", "callback", "(param funcref)", keep_callback, host,
                                        &error) &&
                tern_linker_define_func(host->linker, "host", "through", "(param i32)", through, host, &error));
}

static void teardown(Host *host)
{
    tern_linker_destroy(host->linker);
    tern_engine_destroy(host->engine);
}

static tern_ref *call_ref(tern_instance *instance, const char *name, uint32_t nargs, const tern_value *args)
{
    tern_error error = {0};
    tern_value result;
    if (tern_instance_call(instance, name, args, nargs, &result, 1, &error) != TERN_OK) fail_msg("%s", error.text);
    assert_int_equal(result.kind, TERN_REF);
    return result.of.ref;
}

static void a_hosts_pointer_goes_through_the_guest(void **state)
{
    (void)state;
    Host host;
    setup(&host);
    tern_instance *instance = tern_guest_open(host.engine, "tern_refs", &host.config);
    tern_store *store = tern_instance_store(instance);
    int thing, other;
    tern_ref *a = tern_ref_from_host(store, &thing, NULL), *b = tern_ref_from_host(store, &other, NULL);
    tern_value arg = tern_ref_value(a);
    tern_ref *back = call_ref(instance, "echo", 1, &arg);
    assert_true(back != a && tern_ref_equal(a, back) && !tern_ref_equal(a, b));
    assert_ptr_equal(tern_ref_host(back), &thing);
    assert_int_equal(tern_ref_kind(back), TERN_REF_HOST);
    assert_int_equal(tern_ref_type_text(back, NULL, 0), 0);
    tern_ref_release(back);

    tern_value pair[] = {tern_ref_value(a), tern_ref_value(b)}, results[2];
    assert_int_equal(tern_instance_call(instance, "pass", pair, 2, results, 2, NULL), TERN_OK);
    assert_true(tern_ref_equal(results[0].of.ref, b) && tern_ref_equal(results[1].of.ref, a));
    tern_ref_release(results[0].of.ref);
    tern_ref_release(results[1].of.ref);
    pair[0] = pair[1] = tern_ref_value(NULL);
    assert_int_equal(tern_instance_call(instance, "pass", pair, 2, results, 2, NULL), TERN_OK);
    assert_true(results[0].of.ref == NULL && results[1].of.ref == NULL);

    /* Kinds and stores are checked. */
    tern_error error;
    assert_int_equal(tern_instance_call(instance, "echo_func", &arg, 1, results, 1, &error), TERN_ERROR);
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    arg = tern_i64((uint64_t)(uintptr_t)&thing);
    assert_int_equal(tern_instance_call(instance, "echo", &arg, 1, results, 1, &error), TERN_ERROR);
    tern_store *foreign = tern_store_create(host.engine, NULL);
    tern_ref *c = tern_ref_from_host(foreign, &thing, NULL);
    assert_false(tern_ref_equal(a, c));
    arg = tern_ref_value(c);
    assert_int_equal(tern_instance_call(instance, "echo", &arg, 1, results, 1, &error), TERN_ERROR);
    assert_non_null(strstr(error.text, "another store"));
    assert_int_equal(tern_ref_call(c, NULL, 0, NULL, 0, &error), TERN_ERROR);
    tern_ref_release(c);
    tern_store_destroy(foreign);
    tern_ref_release(a);
    tern_ref_release(b);
    tern_ref_release(NULL);
    tern_instance_destroy(instance); /* with references that nobody released */
    teardown(&host);
}

static void guests_hand_functions_over(void **state)
{
    (void)state;
    Host host;
    setup(&host);
    tern_instance *instance = tern_guest_open(host.engine, "tern_refs", &host.config);
    GUEST_RUN(instance, "register");
    tern_value arg = tern_i32(21), result;
    tern_error error;
    assert_int_equal(tern_ref_call(host.callback, &arg, 1, &result, 1, &error), TERN_OK);
    assert_int_equal(result.of.i32, 42);
    assert_int_equal(tern_ref_call(host.callback, &arg, 1, &result, 0, &error), TERN_ERROR);
    assert_int_equal(tern_ref_call(host.callback, NULL, 0, &result, 1, &error), TERN_ERROR);
    tern_extern exported;
    assert_true(tern_instance_export(instance, "double", &exported));
    assert_true(tern_ref_equal(exported.of.func, host.callback));
    tern_table *funcs = tern_instance_table(instance, "funcs");
    assert_true(tern_table_set(funcs, 2, host.callback));
    assert_int_equal(GUEST_CALL(instance, "apply", tern_i32(2), tern_i32(5)), 10);
    tern_ref_release(exported.of.func);
    tern_ref_release(host.callback);
    GUEST_RUN(instance, "register_trap");
    assert_int_equal(tern_ref_call(host.callback, &arg, 1, &result, 1, &error), TERN_TRAPPED);
    expect_trap(instance, "UNREACHABLE");
    tern_ref_release(host.callback);
    tern_instance_destroy(instance);
    teardown(&host);
}

static void count_finalized(void *pointer) { ++*(int *)pointer; }

/* References in a guest's table, in the host's hands, and in neither. */
static void a_finalizer_runs_when_nobody_can_reach_the_pointer(void **state)
{
    (void)state;
    Host host;
    setup(&host);
    tern_instance *instance = tern_guest_open(host.engine, "tern_refs", &host.config);
    tern_store *store = tern_instance_store(instance);
    int kept = 0, held = 0, dropped[5000] = {0};
    tern_ref *r = tern_ref_from_host(store, &kept, count_finalized);
    GUEST_DO(instance, "keep", tern_i32(1), tern_ref_value(r));
    tern_ref_release(r);
    tern_ref *mine = tern_ref_from_host(store, &held, count_finalized);
    for (int i = 0; i < 5000; i++) {
        r = tern_ref_from_host(store, &dropped[i], count_finalized);
        assert_non_null(r);
        tern_ref_release(r);
    }
    int ndropped = 0;
    for (int i = 0; i < 5000; i++) ndropped += dropped[i];
    assert_true(ndropped > 2000); /* some wait for the next collection */
    assert_true(kept == 0 && held == 0);
    tern_ref *got;
    assert_true(tern_table_get(tern_instance_table(instance, "kept"), 1, &got));
    assert_ptr_equal(tern_ref_host(got), &kept);
    tern_ref_release(got);
    assert_ptr_equal(tern_ref_host(mine), &held);
    tern_instance_destroy(instance);
    for (int i = 0; i < 5000; i++) assert_int_equal(dropped[i], 1);
    assert_true(kept == 1 && held == 1);
    teardown(&host);
}

static void objects_that_a_host_holds_survive(void **state)
{
    (void)state;
    Host host;
    setup(&host);
    host.config.max_gc_bytes = 16 << 20;
    tern_instance *instance = tern_guest_open(host.engine, "tern_gc", &host.config);
    tern_value n = tern_i32(123);
    tern_ref *box = call_ref(instance, "make", 1, &n), *array = call_ref(instance, "make_array", 1, &n);
    tern_ref *other = call_ref(instance, "make_other", 0, NULL), *i31 = call_ref(instance, "make_i31", 1, &n);
    assert_int_equal(tern_ref_kind(box), TERN_REF_STRUCT);
    assert_int_equal(tern_ref_kind(array), TERN_REF_ARRAY);
    assert_int_equal(tern_ref_kind(i31), TERN_REF_I31);
    tern_ref *again = tern_ref_copy(box);
    tern_ref_release(box);
    GUEST_DO(instance, "garbage", tern_i32(100000)); /* 40 MB */
    assert_int_equal(GUEST_CALL(instance, "get", tern_ref_value(again)), 123);
    GUEST_DO(instance, "set", tern_ref_value(again), tern_i32(5));
    GUEST_DO(instance, "hold", tern_ref_value(again));
    assert_int_equal(GUEST_GET(instance, "held_value"), 5);

    /* A struct of another type, an array and an i31 are no boxes. */
    tern_ref *wrong[] = {other, array, i31};
    tern_error error;
    tern_value result;
    for (int i = 0; i < 3; i++) {
        tern_value arg = tern_ref_value(wrong[i]);
        assert_int_equal(tern_instance_call(instance, "get", &arg, 1, &result, 1, &error), TERN_ERROR);
        assert_int_equal(error.kind, TERN_ERROR_USAGE);
    }
    tern_extern held;
    assert_true(tern_instance_export(instance, "held", &held));
    assert_true(tern_global_get(held.of.global, &result));
    assert_true(tern_ref_equal(result.of.ref, again));
    tern_ref_release(result.of.ref);
    result = tern_ref_value(i31);
    assert_true(tern_global_set(held.of.global, &result));
    tern_ref *pointer = tern_ref_from_host(tern_instance_store(instance), &host, NULL);
    result = tern_ref_value(pointer);
    assert_false(tern_global_set(held.of.global, &result)); /* an externref is no anyref */
    assert_false(tern_table_set(tern_instance_table(instance, NULL), 0, pointer));
    tern_ref_release(pointer);
    tern_ref_release(again);
    tern_ref_release(array);
    tern_ref_release(other);
    tern_ref_release(i31);
    GUEST_DO(instance, "garbage", tern_i32(100000));
    tern_instance_destroy(instance);
    teardown(&host);
}

static void an_exception_goes_through_a_host_function(void **state)
{
    (void)state;
    Host host;
    setup(&host);
    tern_instance *instance = tern_guest_open(host.engine, "tern_gc", &host.config);
    tern_extern thrower;
    assert_true(tern_instance_export(instance, "throw", &thrower));
    host.through = thrower.of.func;
    assert_int_equal(GUEST_CALL(instance, "catch", tern_i32(77)), 77);
    assert_int_equal(host.status, TERN_TRAPPED);
    tern_value arg = tern_i32(1);
    assert_int_equal(tern_instance_call(instance, "uncaught", &arg, 1, NULL, 0, NULL), TERN_TRAPPED);
    expect_trap(instance, "UNCAUGHT_EXCEPTION");
    tern_ref_release(host.through);
    tern_instance_destroy(instance);
    teardown(&host);
}

static bool gives_the_wrong_thing(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)user, (void)args;
    results[0] = (tern_value){.kind = TERN_REF, .of.ref = tern_ref_from_host(tern_instance_store(caller), user, NULL)};
    return true;
}

static void results_of_host_functions_are_checked(void **state)
{
    (void)state;
    Host host;
    setup(&host);
    tern_instance *instance = tern_guest_open(host.engine, "tern_refs", &host.config);
    tern_error error;
    tern_ref *wrong = tern_func_create(tern_instance_store(instance), "(param i32) (result i32)",
                                       gives_the_wrong_thing, &host, &error);
    assert_true(tern_table_set(tern_instance_table(instance, "funcs"), 0, wrong));
    tern_value args[] = {tern_i32(0), tern_i32(0)}, result;
    assert_int_equal(tern_instance_call(instance, "apply", args, 2, &result, 1, &error), TERN_TRAPPED);
    tern_trap trap;
    assert_true(tern_instance_trap(instance, &trap));
    assert_string_equal(trap.text, "result 1 of the host function must be i32");
    tern_ref_release(wrong);

    /* Twenty parameters and a hundred results do not fit the native stack's room. */
    char type[1024] = "(param";
    for (int i = 0; i < 20; i++) strcat(type, " i64 externref");
    strcat(type, ") (result i64)");
    tern_ref *many = tern_func_create(tern_instance_store(instance), type, take, NULL, &error);
    char text[1024];
    assert_int_equal(tern_ref_type_text(many, text, sizeof text), strlen(type));
    assert_string_equal(text, type);
    tern_ref_release(many);
    tern_instance_destroy(instance);
    teardown(&host);
}

static bool sum(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    assert_null(caller); /* nobody's instance runs */
    results[0] = tern_i64(0);
    for (int i = 0; i < 20; i++) {
        results[0].of.i64 += args[2 * i].of.i64;
        assert_ptr_equal(tern_ref_host(args[2 * i + 1].of.ref), user);
    }
    return true;
}

static void a_host_calls_its_own_function(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_store *store = tern_store_create(engine, NULL);
    char type[1024] = "(param";
    for (int i = 0; i < 20; i++) strcat(type, " i64 externref");
    strcat(type, ") (result i64)");
    tern_ref *func = tern_func_create(store, type, sum, engine, NULL);
    tern_ref *pointer = tern_ref_from_host(store, engine, NULL);
    tern_value args[40], result;
    for (int i = 0; i < 20; i++) {
        args[2 * i] = tern_i64(1000 + (uint64_t)i);
        args[2 * i + 1] = tern_ref_value(pointer);
    }
    assert_int_equal(tern_ref_call(func, args, 40, &result, 1, NULL), TERN_OK);
    assert_int_equal(result.of.i64, 20190);
    tern_store_destroy(store);
    tern_engine_destroy(engine);
}

/* Runs the guest's program, and passes on how it ended. */
static bool run_program(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)args, (void)results;
    return tern_instance_run(user, NULL) == TERN_OK;
}

static void an_exit_that_a_hosts_function_passes_on_keeps_its_code(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = tern_store_create(engine, NULL);
    tern_instance *guest = tern_guest_open(engine, "exit", &config);
    tern_error error = {0};
    tern_ref *func = tern_func_create(config.store, "", run_program, guest, &error);
    assert_non_null(func);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tern_ref_call(func, NULL, 0, NULL, 0, &error), TERN_EXITED);
        assert_int_equal(error.kind, TERN_ERROR_EXIT);
        assert_string_equal(error.text, "the guest exited with code 42");
    }
    tern_ref_release(func);
    tern_store_destroy(config.store);
    tern_instance_destroy(guest);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_that_a_hosts_function_passes_on_keeps_its_code),
        cmocka_unit_test(a_hosts_pointer_goes_through_the_guest),
        cmocka_unit_test(guests_hand_functions_over),
        cmocka_unit_test(a_finalizer_runs_when_nobody_can_reach_the_pointer),
        cmocka_unit_test(objects_that_a_host_holds_survive),
        cmocka_unit_test(an_exception_goes_through_a_host_function),
        cmocka_unit_test(results_of_host_functions_are_checked),
        cmocka_unit_test(a_host_calls_its_own_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
