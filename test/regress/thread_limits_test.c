/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* thread_limits_test.c - memories and tables that belong to one thread of a guest alone were not bounded by the limits
 * of the instance that started it, and each of several memories could have all that was allowed: max_memory_bytes is
 * of all memories together, threads' included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tern.h"

enum { PAGE = 65536, FEW_PAGES = 4 };

static tern_instance *open_guest(tern_engine *engine, uint64_t max_memory_bytes, uint64_t max_table_elems)
{
    tern_error error = {0};
    tern_config config = TERN_CONFIG_DEFAULT;
    config.max_memory_bytes = max_memory_bytes;
    config.max_table_elems = max_table_elems;
    tern_module *module = tern_module_load_file(engine, "test/stress/wasm/spawns.wasm", &error);
    tern_instance *instance = tern_instance_create(module, &config, &error);
    tern_module_unload(module);
    return instance;
}

static uint32_t call(tern_instance *instance, const char *name, const tern_value *args, uint32_t nargs)
{
    tern_value result;
    tern_error error = {0};
    if (tern_instance_call(instance, name, args, nargs, &result, 1, &error) != TERN_OK) fail_msg("%s", error.text);
    return result.of.i32;
}

/* What spawns.wat's run says of n threads that grow by so many pages and elements. */
static uint32_t run(tern_instance *instance, uint32_t n, uint32_t pages)
{
    return call(instance, "run", (const tern_value[]){tern_i32(n), tern_i32(pages)}, 2);
}

static uint32_t grow(tern_instance *instance, uint32_t pages)
{
    return call(instance, "grow", (const tern_value[]){tern_i32(pages)}, 1);
}

static void memories_of_an_instance_have_one_limit(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    assert_null(open_guest(engine, 2 * PAGE - 1, 0)); /* two memories of a page each */
    tern_instance *instance = open_guest(engine, 2 * PAGE + FEW_PAGES * PAGE, 0);
    assert_non_null(instance);
    assert_int_equal(grow(instance, FEW_PAGES + 1), UINT32_MAX);
    assert_int_equal(grow(instance, 1), 1);
    assert_int_equal(grow(instance, FEW_PAGES), UINT32_MAX);
    assert_int_equal(grow(instance, FEW_PAGES - 1), 2);
    assert_int_equal(grow(instance, 1), UINT32_MAX);
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

static void a_threads_own_memory_counts_while_it_runs(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    const uint64_t room = 2 * PAGE + (1 + FEW_PAGES) * PAGE;
    tern_instance *instance = open_guest(engine, room, 0);
    assert_non_null(instance);
    assert_int_equal(run(instance, 1, FEW_PAGES), 0);
    tern_instance_destroy(instance); /* a thread that has told us may not have ended yet */
    instance = open_guest(engine, room, 0);
    assert_int_equal(run(instance, 1, FEW_PAGES + 1), 1000);
    tern_instance_destroy(instance);
    instance = open_guest(engine, 2 * PAGE, 0);
    assert_int_equal(run(instance, 1, 0), 1); /* there is no room for its memory */
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

static void a_threads_own_tables_have_the_limit_of_tables(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_instance *instance = open_guest(engine, 0, 10);
    assert_int_equal(run(instance, 1, 9), 0);
    assert_int_equal(run(instance, 1, 10), 100000);
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memories_of_an_instance_have_one_limit),
        cmocka_unit_test(a_threads_own_memory_counts_while_it_runs),
        cmocka_unit_test(a_threads_own_tables_have_the_limit_of_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
