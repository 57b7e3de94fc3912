/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_limits_test.c - what an engine has at most, as its host says: modules' parts, instances, stacks. */
#include "tern_guest.h"

#include <unistd.h>

static tern_engine *engine_of(tern_limits limits)
{
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.limits = limits;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create_with(&options, &error);
    if (engine == NULL) fail_msg("%s", error.text);
    return engine;
}

static void a_module_beyond_a_limit_is_refused_by_name(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine *engine = engine_of((tern_limits){.functions = 2});
    assert_null(tern_module_load_file(engine, "test/api/wasm/tern_spin.wasm", &error));
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
    assert_non_null(strstr(error.text, "more than 2 functions"));
    tern_engine_destroy(engine);

    engine = engine_of((tern_limits){.module_bytes = 100});
    assert_null(tern_module_load_file(engine, "test/api/wasm/tern_spin.wasm", &error));
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
    assert_non_null(strstr(error.text, "more than the 100 bytes it may have"));
    static const uint8_t bytes[101] = {0, 'a', 's', 'm', 1};
    assert_null(tern_module_load(engine, bytes, sizeof bytes, &error));
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
    assert_non_null(strstr(error.text, "has 101 bytes, and may have 100"));
    tern_engine_destroy(engine);
}

static void *realloc_of_little(void *user, void *p, size_t old_size, size_t new_size)
{
    (void)user, (void)old_size;
    if (new_size == 0) free(p);
    return new_size > 0 && new_size <= 1 << 20 ? realloc(p, new_size) : NULL;
}

/* Neither a file that is too long nor one that is no module is read to its end, which it may not have. */
static void no_more_of_a_file_is_read_than_it_takes_to_refuse_it(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.allocator.realloc = realloc_of_little;
    options.limits.module_bytes = 100000;
    tern_engine *engine = tern_engine_create_with(&options, &error);
    assert_non_null(engine);
    char path[] = "/tmp/tern-limits-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char magic[] = "\0asm\1\0\0";
    assert_int_equal(write(fd, magic, sizeof magic), sizeof magic);
    static const off_t sizes[] = {100000, 100001, (off_t)1 << 32};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ftruncate(fd, sizes[i]), 0);
        assert_null(tern_module_load_file(engine, path, &error));
        assert_int_equal(error.kind, i == 0 ? TERN_ERROR_MALFORMED : TERN_ERROR_RESOURCE);
        assert_int_equal(strstr(error.text, "more than the 100000 bytes it may have") != NULL, i > 0);
    }
    close(fd);
    unlink(path);
    tern_engine_destroy(engine);

    options.limits.module_bytes = 0;
    engine = tern_engine_create_with(&options, &error);
    assert_non_null(engine);
    assert_null(tern_module_load_file(engine, "/dev/zero", &error));
    assert_int_equal(error.kind, TERN_ERROR_MALFORMED);
    tern_engine_destroy(engine);
}

/* In stores of their own and in one, and again once those are gone. */
static void an_engine_has_so_many_instances(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine *engine = engine_of((tern_limits){.instances = 3});
    tern_module *module = tern_guest_load(engine, "tern_spin");
    tern_store *store = tern_store_create(engine, NULL);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = store;
    tern_instance *instances[3] = {tern_instance_create(module, NULL, &error), tern_instance_create(module, &config, &error),
                                   tern_instance_create(module, &config, &error)};
    for (int i = 0; i < 3; i++) assert_non_null(instances[i]);
    for (int i = 0; i < 2; i++) {
        assert_null(tern_instance_create(module, i == 0 ? NULL : &config, &error));
        assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
        assert_non_null(strstr(error.text, "the engine has 3 instances"));
    }
    tern_instance_destroy(instances[0]);
    instances[0] = tern_instance_create(module, NULL, &error);
    assert_non_null(instances[0]);
    assert_int_equal(GUEST_GET(instances[0], "quick"), 42);
    for (int i = 0; i < 3; i++) tern_instance_destroy(instances[i]);
    tern_store_destroy(store);
    for (int i = 0; i < 3; i++) instances[i] = tern_guest_open(engine, "tern_spin", NULL);
    for (int i = 0; i < 3; i++) tern_instance_destroy(instances[i]);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

static void an_engine_has_so_many_stacks(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine *engine = engine_of((tern_limits){.stacks = 2});
    tern_module *module = tern_guest_load(engine, "tern_spin");
    for (int round = 0; round < 3; round++) {
        tern_instance *a = tern_instance_create(module, NULL, &error), *b = tern_instance_create(module, NULL, &error);
        assert_non_null(a);
        assert_non_null(b);
        assert_null(tern_instance_create(module, NULL, &error));
        assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
        assert_non_null(strstr(error.text, "the engine has 2 stacks"));
        tern_config config = TERN_CONFIG_DEFAULT; /* a store's instances share one */
        config.store = tern_instance_store(a);
        tern_instance *c = tern_instance_create(module, &config, &error);
        assert_non_null(c);
        assert_int_equal(GUEST_GET(c, "quick"), 42);
        tern_instance_destroy(c);
        tern_instance_destroy(a);
        tern_instance_destroy(b);
    }
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

/* The guest's threads are instances with stacks, too: those that there is no room for are not started. */
static void threads_of_guests_count(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        tern_engine *engine = engine_of(which == 0 ? (tern_limits){.instances = 1} : (tern_limits){.stacks = 1});
        tern_config config = TERN_CONFIG_DEFAULT;
        config.missing = TERN_MISSING_TRAP;
        tern_instance *instance = tern_guest_open(engine, "tern_threads", &config);
        assert_true((int32_t)GUEST_CALL(instance, "run", tern_i32(1)) < 0);
        tern_instance_destroy(instance);
        tern_engine_destroy(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_beyond_a_limit_is_refused_by_name),
        cmocka_unit_test(no_more_of_a_file_is_read_than_it_takes_to_refuse_it),
        cmocka_unit_test(an_engine_has_so_many_instances),
        cmocka_unit_test(an_engine_has_so_many_stacks),
        cmocka_unit_test(threads_of_guests_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
