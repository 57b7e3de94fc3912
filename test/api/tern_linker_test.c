/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_linker_test.c - tern_linker, shared stores, and hosts' own memories, tables and globals. */
#include "tern_guest.h"

#define BINARY "(param i32 i32) (result i32)"

static bool add(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    assert_non_null(caller);
    if (user != NULL) ++*(int *)user;
    results[0].of.i32 = args[0].of.i32 + args[1].of.i32;
    return true;
}

static bool subtract(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user;
    results[0].of.i32 = args[0].of.i32 - args[1].of.i32;
    return true;
}

static bool nothing(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user, (void)args, (void)results;
    return true;
}

static bool refuses(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)args, (void)results;
    return tern_instance_fail(caller, user);
}

typedef struct Env {
    tern_engine *engine;
    tern_store *store;
    tern_linker *linker;
    tern_memory *memory;
    tern_table *table;
    tern_global *counter;
    tern_config config;
    tern_error error;
    int nadds;
} Env;

static void define(Env *env, const char *name, tern_extern what)
{
    if (!tern_linker_define(env->linker, "env", name, &what, &env->error)) fail_msg("%s", env->error.text);
}
static void define_memory(Env *env, const char *name, const char *type)
{
    define(env, name,
           (tern_extern){.kind = TERN_MEMORY, .of.memory = tern_memory_create(env->store, type, &env->error)});
}
static void define_global(Env *env, const char *name, const char *type)
{
    define(env, name,
           (tern_extern){.kind = TERN_GLOBAL, .of.global = tern_global_create(env->store, type, NULL, &env->error)});
}
static void define_table(Env *env, const char *name, const char *type)
{
    define(env, name,
           (tern_extern){.kind = TERN_TABLE, .of.table = tern_table_create(env->store, type, NULL, &env->error)});
}
static void define_func(Env *env, const char *module, const char *name, const char *type, tern_host_func *func)
{
    if (!tern_linker_define_func(env->linker, module, name, type, func, &env->nadds, &env->error))
        fail_msg("%s", env->error.text);
}

static void setup(Env *env)
{
    *env = (Env){.engine = tern_engine_create(), .config = TERN_CONFIG_DEFAULT};
    env->store = tern_store_create(env->engine, env);
    assert_ptr_equal(tern_store_user(env->store), env);
    env->linker = tern_linker_create(env->engine);
    env->config.linker = env->linker;
    env->config.store = env->store;
}

/* All that tern_consumer imports. */
static void provide(Env *env)
{
    setup(env);
    env->memory = tern_memory_create(env->store, "1 4", &env->error);
    env->table = tern_table_create(env->store, "8 funcref", NULL, &env->error);
    env->counter = tern_global_create(env->store, "(mut i32)", &(tern_value){.kind = TERN_I32, .of.i32 = 40},
                                      &env->error);
    assert_true(env->memory != NULL && env->table != NULL && env->counter != NULL);
    define(env, "memory", (tern_extern){.kind = TERN_MEMORY, .of.memory = env->memory});
    define(env, "table", (tern_extern){.kind = TERN_TABLE, .of.table = env->table});
    define(env, "counter", (tern_extern){.kind = TERN_GLOBAL, .of.global = env->counter});
    define_func(env, "env", "add", BINARY, add);
}

static void teardown(Env *env)
{
    tern_linker_destroy(env->linker);
    tern_store_destroy(env->store);
    tern_engine_destroy(env->engine);
}

static void instances_share_what_a_host_provides(void **state)
{
    (void)state;
    Env env;
    provide(&env);
    tern_instance *a = tern_guest_open(env.engine, "tern_consumer", &env.config);
    tern_instance *b = tern_guest_open(env.engine, "tern_consumer", &env.config);
    assert_ptr_equal(tern_instance_store(a), env.store);
    assert_null(tern_instance_module(a)); /* unloaded */

    assert_int_equal(GUEST_CALL(a, "sum", tern_i32(3), tern_i32(4)), 7);
    assert_int_equal(GUEST_CALL(b, "sum", tern_i32(30), tern_i32(4)), 34);
    assert_int_equal(env.nadds, 2);

    GUEST_DO(a, "store", tern_i32(16), tern_i32(1234));
    assert_int_equal(GUEST_CALL(b, "load", tern_i32(16)), 1234);
    uint32_t n = 0;
    assert_true(tern_memory_read(env.memory, 16, &n, 4));
    assert_int_equal(n, 1234);
    assert_int_equal(GUEST_CALL(a, "grow", tern_i32(1)), 1);
    assert_int_equal(tern_memory_size(env.memory), 2 * 65536);
    assert_int_equal(tern_memory_grow(env.memory, 2), 2);
    assert_true(tern_memory_grow(env.memory, 1) == UINT64_MAX); /* 4 at most */
    GUEST_DO(b, "store", tern_i32(4 * 65536 - 4), tern_i32(5));
    assert_ptr_equal(tern_instance_memory(a, NULL), env.memory);

    assert_int_equal(GUEST_GET(a, "counter"), 140);
    assert_int_equal(GUEST_GET(b, "counter"), 240);
    tern_value value;
    assert_true(tern_global_get(env.counter, &value) && value.kind == TERN_I32 && value.of.i32 == 240);
    value = tern_i32(1);
    assert_true(tern_global_set(env.counter, &value));
    assert_int_equal(GUEST_GET(a, "counter"), 101);
    value = tern_i64(1);
    assert_false(tern_global_set(env.counter, &value));

    tern_instance_destroy(a); /* what b has of it stays */
    assert_int_equal(GUEST_CALL(b, "sum", tern_i32(1), tern_i32(1)), 2);
    tern_instance_destroy(b);
    teardown(&env);
}

static void a_hosts_closure_is_called_through_a_table(void **state)
{
    (void)state;
    Env env;
    provide(&env);
    tern_instance *instance = tern_guest_open(env.engine, "tern_consumer", &env.config);
    char why[] = "not today";
    tern_ref *two = tern_func_create(env.store, BINARY, add, &env.nadds, &env.error);
    tern_ref *one = tern_func_create(env.store, "(param i32) (result i32)", refuses, why, &env.error);
    assert_true(one != NULL && two != NULL);
    assert_true(tern_table_set(env.table, 3, one));
    assert_true(tern_table_set(env.table, 4, two));
    assert_false(tern_table_set(env.table, 8, two));
    tern_value args[] = {tern_i32(3), tern_i32(0)}, result;
    assert_int_equal(tern_instance_call(instance, "apply", args, 2, &result, 1, NULL), TERN_TRAPPED);
    tern_trap trap;
    assert_true(tern_instance_trap(instance, &trap));
    assert_string_equal(trap.code, "HOST");
    assert_string_equal(trap.text, why);
    assert_int_equal(trap.nframes, 1);
    args[0] = tern_i32(4);
    assert_int_equal(tern_instance_call(instance, "apply", args, 2, &result, 1, NULL), TERN_TRAPPED);
    expect_trap(instance, "INDIRECT_CALL_TYPE");
    args[0] = tern_i32(5);
    assert_int_equal(tern_instance_call(instance, "apply", args, 2, &result, 1, NULL), TERN_TRAPPED);
    expect_trap(instance, "UNINITIALIZED_ELEMENT");

    tern_ref *got;
    assert_true(tern_table_get(env.table, 4, &got));
    assert_true(tern_ref_equal(got, two) && !tern_ref_equal(got, one));
    char text[64];
    assert_int_equal(tern_ref_type_text(got, text, sizeof text), strlen(BINARY));
    assert_string_equal(text, BINARY);
    tern_ref_release(got);
    assert_true(tern_table_get(env.table, 5, &got));
    assert_null(got);
    assert_false(tern_table_get(env.table, 8, &got));
    assert_int_equal(tern_table_grow(env.table, 2, two), 8);
    assert_int_equal(tern_table_size(env.table), 10);
    tern_ref_release(one);
    tern_ref_release(two);
    tern_instance_destroy(instance);
    teardown(&env);
}

static void instances_import_from_each_other(void **state)
{
    (void)state;
    Env env;
    setup(&env);
    tern_instance *provider = tern_guest_open(env.engine, "tern_provider", &env.config);
    assert_true(tern_linker_define_instance(env.linker, "env", provider, &env.error));
    tern_instance *consumer = tern_guest_open(env.engine, "tern_consumer", &env.config);
    tern_store_destroy(env.store); /* instances hold it */
    tern_linker_destroy(env.linker);

    assert_int_equal(GUEST_CALL(consumer, "sum", tern_i32(3), tern_i32(4)), 7);
    GUEST_DO(consumer, "store", tern_i32(8), tern_i32(99));
    assert_int_equal(GUEST_CALL(provider, "peek", tern_i32(8)), 99);
    assert_int_equal(GUEST_GET(consumer, "counter"), 105);
    GUEST_RUN(provider, "bump");
    assert_int_equal(GUEST_GET(consumer, "counter"), 206);

    tern_extern what;
    assert_true(tern_instance_export(provider, "fixed", &what) && what.kind == TERN_GLOBAL);
    tern_value value;
    assert_true(tern_global_get(what.of.global, &value) && value.of.i64 == 77);
    assert_false(tern_global_set(what.of.global, &value)); /* immutable */
    assert_true(tern_instance_export(provider, "add", &what) && what.kind == TERN_FUNC);
    assert_true(tern_table_set(tern_instance_table(consumer, NULL), 0, what.of.func));
    tern_ref_release(what.of.func);
    assert_false(tern_instance_export(provider, "absent", &what));

    tern_instance_destroy(provider);
    assert_int_equal(GUEST_CALL(consumer, "sum", tern_i32(5), tern_i32(4)), 9);
    tern_instance_destroy(consumer);
    tern_engine_destroy(env.engine);
}

static void what_is_of_another_store_is_refused(void **state)
{
    (void)state;
    Env env;
    provide(&env);
    tern_module *module = tern_guest_load(env.engine, "tern_consumer");
    env.config.store = NULL;
    assert_null(tern_instance_create(module, &env.config, &env.error)); /* a store of its own */
    assert_int_equal(env.error.kind, TERN_ERROR_LINK);
    assert_non_null(strstr(env.error.text, "another store"));

    tern_store *other = tern_store_create(env.engine, NULL);
    tern_ref *foreign = tern_func_create(other, BINARY, add, NULL, &env.error);
    assert_false(tern_table_set(env.table, 0, foreign));
    tern_ref_release(foreign);
    tern_store_destroy(other);

    /* A store that is gone is nobody's, even if another has its address. */
    tern_store *late = tern_store_create(env.engine, NULL);
    define(&env, "memory", (tern_extern){.kind = TERN_MEMORY, .of.memory = tern_memory_create(late, "1 4", NULL)});
    tern_store_destroy(late);
    char text[2000];
    assert_true(tern_linker_missing(env.linker, module, text, sizeof text) > 0);
    assert_non_null(strstr(text, "memory env.memory of type 1 4: offered is one of another store"));

    tern_engine *engine = tern_engine_create();
    tern_store *elsewhere = tern_store_create(engine, NULL);
    tern_extern memory = {.kind = TERN_MEMORY, .of.memory = tern_memory_create(elsewhere, "1 4", NULL)};
    assert_false(tern_linker_define(env.linker, "env", "memory", &memory, &env.error));
    env.config.store = elsewhere;
    assert_null(tern_instance_create(module, &env.config, &env.error));
    assert_int_equal(env.error.kind, TERN_ERROR_USAGE);
    tern_store_destroy(elsewhere);
    tern_engine_destroy(engine);
    tern_module_unload(module);
    teardown(&env);
}

static void a_later_definition_replaces_an_earlier_one(void **state)
{
    (void)state;
    Env env;
    provide(&env);
    tern_instance *first = tern_guest_open(env.engine, "tern_consumer", &env.config);
    char module[] = "env", name[] = "add", type[] = BINARY;
    define_func(&env, module, name, type, subtract);
    memset(module, 'x', 3); /* it was copied */
    memset(name, 'x', 3);
    memset(type, 'x', sizeof type - 1);
    tern_instance *second = tern_guest_open(env.engine, "tern_consumer", &env.config);
    assert_int_equal(GUEST_CALL(first, "sum", tern_i32(10), tern_i32(4)), 14);
    assert_int_equal(GUEST_CALL(second, "sum", tern_i32(10), tern_i32(4)), 6);
    tern_instance_destroy(first);
    tern_instance_destroy(second);
    teardown(&env);
}

static const char everything[] =
    "function env.one of type (param i32)\n"
    "function env.two of type (param i64 f32) (result f64)\n"
    "function env.three of type ()\n"
    "memory env.memory of type 2 3\n"
    "global env.global of type (mut i64)\n"
    "table env.table of type 10 externref\n"
    "function wasi_snapshot_preview1.no_such_function of type (result i32): "
    "WASI preview 1 has no such function of this type\n";

static void everything_that_is_missing_is_listed(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_guest_load(engine, "tern_missing");
    char text[2000], few[20];
    assert_int_equal(tern_linker_missing(NULL, module, text, sizeof text), strlen(everything));
    assert_string_equal(text, everything);
    assert_int_equal(tern_linker_missing(NULL, module, few, sizeof few), strlen(everything));
    assert_memory_equal(few, everything, sizeof few - 1);
    assert_int_equal(tern_linker_missing(NULL, module, NULL, 0), strlen(everything));

    tern_error error = {0};
    static const char start[] = "unknown imports: nobody provides the function env.one of type (param i32); ";
    assert_null(tern_instance_create(module, NULL, &error));
    assert_int_equal(error.kind, TERN_ERROR_LINK);
    assert_memory_equal(error.text, start, sizeof start - 1);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

static void what_is_offered_of_another_type_is_said(void **state)
{
    (void)state;
    Env env;
    setup(&env);
    tern_module *module = tern_guest_load(env.engine, "tern_missing");
    define_func(&env, "env", "one", "(param i64)", nothing);
    define_func(&env, "env", "two", "(param i64) (param f32) (result f64)", nothing);
    define_memory(&env, "three", "1");
    define_memory(&env, "memory", "2 4");
    define_global(&env, "global", "i64");
    define_table(&env, "table", "10 funcref");
    define_func(&env, "wasi_snapshot_preview1", "no_such_function", "(result i32)", nothing);
    char text[2000];
    assert_true(tern_linker_missing(env.linker, module, text, sizeof text) < sizeof text);
    assert_non_null(strstr(text, "function env.one of type (param i32): offered is a function of type (param i64)\n"));
    assert_null(strstr(text, "env.two"));
    assert_non_null(strstr(text, "function env.three of type (): import needs a function, offered a memory\n"));
    assert_non_null(strstr(text, "import needs memory of at most 3 pages, offered 4\n"));
    assert_non_null(strstr(text, "offered immutable i64\n"));
    assert_non_null(strstr(text, "offered (ref null func)\n"));
    assert_null(strstr(text, "no_such_function"));

    assert_null(tern_instance_create(module, &env.config, &env.error));
    assert_int_equal(env.error.kind, TERN_ERROR_LINK);
    assert_non_null(strstr(env.error.text, "; and "));
    assert_non_null(strstr(env.error.text, " more"));

    /* Functions can be left missing. */
    define_memory(&env, "memory", "2 3");
    define_global(&env, "global", "(mut i64)");
    define_table(&env, "table", "10 externref");
    env.config.missing = TERN_MISSING_TRAP;
    tern_instance *instance = tern_instance_create(module, &env.config, &env.error);
    if (instance == NULL) fail_msg("%s", env.error.text);
    assert_ptr_equal(tern_instance_module(instance), module);
    assert_int_equal(tern_instance_call(instance, "call", NULL, 0, NULL, 0, NULL), TERN_TRAPPED);
    expect_trap(instance, "UNLINKED_IMPORT");
    tern_instance_destroy(instance);
    tern_module_unload(module);
    teardown(&env);
}

static void one_linker_serves_many_stores(void **state)
{
    (void)state;
    Env env;
    setup(&env);
    char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    define_func(&env, "env", long_name, BINARY, add);
    assert_false(tern_linker_define_func(env.linker, "env", "f", "(param i33)", add, NULL, &env.error));
    assert_int_equal(env.error.kind, TERN_ERROR_USAGE);
    assert_false(tern_linker_define_func(env.linker, "env", "f", BINARY, NULL, NULL, &env.error));
    define_func(&env, "host", "take", "(param externref i32 externref) (result externref externref)", nothing);
    define_func(&env, "host", "callback", "(param funcref)", nothing);
    env.config.store = NULL;
    tern_instance *instances[8];
    for (int i = 0; i < 8; i++) instances[i] = tern_guest_open(env.engine, "tern_refs", &env.config);
    for (int i = 0; i < 8; i++) GUEST_RUN(instances[i], "register");
    for (int i = 0; i < 8; i++) tern_instance_destroy(instances[i]);
    teardown(&env);
}

/* Of an instance that never came to be: its caller is as good as any. */
static bool look(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)args;
    tern_memory *memory = tern_instance_memory(caller, NULL);
    tern_extern exported;
    assert_string_equal(tern_memory_cstr(memory, 0, 100, NULL), "left");
    assert_false(tern_instance_export(caller, "none", &exported));
    assert_null(tern_instance_module(caller));
    assert_non_null(tern_instance_table(caller, NULL));
    assert_ptr_equal(tern_instance_user(caller), user);
    results[0].of.i32 = 42;
    return true;
}

static void what_a_failed_instance_left_behind_can_be_called(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_linker *linker = tern_linker_create(engine);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = tern_store_create(engine, NULL);
    config.linker = linker;
    config.user = &config;
    tern_error error;
    assert_true(tern_linker_define_func(linker, "env", "look", "(result i32)", look, &config, &error));
    tern_instance *owner = tern_guest_open(engine, "tern_left_owner", &config);
    assert_true(tern_linker_define_instance(linker, "owner", owner, &error));
    tern_module *module = tern_guest_load(engine, "tern_left");
    assert_null(tern_instance_create(module, &config, &error));
    assert_int_equal(error.kind, TERN_ERROR_LINK);
    tern_module_unload(module);

    assert_int_equal(GUEST_GET(owner, "go"), 42);
    tern_ref *left;
    tern_value result;
    assert_true(tern_table_get(tern_instance_table(owner, NULL), 0, &left));
    assert_int_equal(tern_ref_call(left, NULL, 0, &result, 1, &error), TERN_OK); /* and no start function before it */
    assert_int_equal(result.of.i32, 42);
    tern_ref_release(left);
    tern_instance_destroy(owner);
    tern_linker_destroy(linker);
    tern_store_destroy(config.store);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_share_what_a_host_provides),
        cmocka_unit_test(a_hosts_closure_is_called_through_a_table),
        cmocka_unit_test(instances_import_from_each_other),
        cmocka_unit_test(what_is_of_another_store_is_refused),
        cmocka_unit_test(a_later_definition_replaces_an_earlier_one),
        cmocka_unit_test(everything_that_is_missing_is_listed),
        cmocka_unit_test(what_is_offered_of_another_type_is_said),
        cmocka_unit_test(one_linker_serves_many_stores),
        cmocka_unit_test(what_a_failed_instance_left_behind_can_be_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
