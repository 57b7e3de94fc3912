/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi_settings_test.c - what hosts tell a WASI guest: section 1.2.6 of the compatible API, set through the module
 * and through growing options. directories_test.c has what directories are good for. */
#include "guest.h"

#include <fcntl.h>
#include <unistd.h>

static char one[] = "prog", two[] = "two words";
static char *args[] = {one, two};
static const char *variables[] = {"HOME=/here", "EMPTY=", "X=y"};
static const char *directories[] = {"/tmp"};
static const char *mapped[] = {"/other::/tmp"};
static const char *pool[] = {"127.0.0.0/8"}, *names[] = {"*.example.org", "localhost"};

static Guest start(wasm_module_t module, const struct InstantiationArgs2 *options)
{
    char error[256] = "";
    Guest g = {.module = module};
    g.inst = options != NULL ? wasm_runtime_instantiate_ex2(module, options, error, sizeof error)
                             : wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    if (g.inst == NULL) fail_msg("%s", error);
    g.env = wasm_runtime_create_exec_env(g.inst, 0);
    return g;
}

static uint32_t ask(Guest *g, const char *name)
{
    uint32_t cells[1] = {0};
    if (!guest_call(g, name, 0, cells)) fail_msg("%s", wasm_runtime_get_exception(g->inst));
    return cells[0];
}

static const char *answer(Guest *g) { return wasm_runtime_addr_app_to_native(g->inst, 4096); }

/* Everything at once, and what is written to its standard output. */
static void expect_all(Guest *g, int out)
{
    assert_true(wasm_runtime_is_wasi_mode(g->inst));
    assert_int_equal(*(int32_t *)wasm_runtime_addr_app_to_native(g->inst, 8), 77); /* _initialize ran */
    assert_int_equal(ask(g, "args"), 2);
    assert_memory_equal(answer(g), "prog\0two words", 15);
    assert_int_equal(ask(g, "environ"), 3);
    assert_memory_equal(answer(g), "HOME=/here\0EMPTY=\0X=y", 22);
    assert_int_equal(guest_call1(g, "directory", 3), 0);
    assert_string_equal(answer(g), "/tmp");
    assert_int_equal(guest_call1(g, "directory", 4), 0);
    assert_string_equal(answer(g), "/other");
    assert_true(guest_call1(g, "directory", 5) != 0);
    char said[8] = "";
    assert_int_equal(guest_call1(g, "say", 1), 0);
    assert_int_equal(read(out, said, sizeof said), 5);
    assert_string_equal(said, "said\n");
    assert_int_equal(wasm_runtime_get_wasi_exit_code(g->inst), 0);
    assert_null(wasm_runtime_lookup_wasi_start_function(g->inst)); /* there is no _start */
}

static void settings_of_a_module_reach_its_instances(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    wasm_module_t module = guest_load("wasi");
    wasm_runtime_set_wasi_args_ex(module, directories, 1, mapped, 1, variables, 3, args, 2, -1, ends[1], -1);
    wasm_runtime_set_wasi_addr_pool(module, pool, 1);
    wasm_runtime_set_wasi_ns_lookup_pool(module, names, 2);
    for (int i = 0; i < 2; i++) {
        Guest g = start(module, NULL);
        expect_all(&g, ends[0]);
        wasm_runtime_destroy_exec_env(g.env);
        wasm_runtime_deinstantiate(g.inst);
    }
    wasm_runtime_unload(module);
    close(ends[0]);
    close(ends[1]);
}

static void settings_of_growing_options_are_the_same(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct InstantiationArgs2 *options;
    assert_true(wasm_runtime_instantiation_args_create(&options));
    wasm_runtime_instantiation_args_set_wasi_arg(options, args, 2);
    wasm_runtime_instantiation_args_set_wasi_env(options, variables, 3);
    wasm_runtime_instantiation_args_set_wasi_dir(options, directories, 1, mapped, 1);
    wasm_runtime_instantiation_args_set_wasi_stdio(options, -1, ends[1], -1);
    wasm_runtime_instantiation_args_set_wasi_addr_pool(options, pool, 1);
    wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(options, names, 2);
    Guest g = start(guest_load("wasi"), options);
    expect_all(&g, ends[0]);
    guest_close(&g);
    wasm_runtime_instantiation_args_destroy(options);
    close(ends[0]);
    close(ends[1]);
}

static void without_settings_there_is_nothing_but_the_streams(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("wasi");
    wasm_runtime_set_wasi_args(module, NULL, 0, NULL, 0, NULL, 0, NULL, 0);
    Guest g = start(module, NULL);
    assert_int_equal(ask(&g, "args"), 0);
    assert_int_equal(ask(&g, "environ"), 0);
    assert_true(guest_call1(&g, "directory", 3) != 0);
    guest_close(&g);
    Guest h = guest_open("exchange", 0);
    assert_false(wasm_runtime_is_wasi_mode(h.inst));
    assert_null(wasm_runtime_lookup_wasi_start_function(h.inst));
    assert_int_equal(wasm_runtime_get_wasi_exit_code(h.inst), 0);
    guest_close(&h);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    char error[256] = "";
    static const char *missing[] = {"/nobody/has/this"}, *no_map[] = {"nothing to map"};
    wasm_module_t module = guest_load("wasi");
    wasm_runtime_set_wasi_args(module, missing, 1, NULL, 0, NULL, 0, NULL, 0);
    assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
    assert_string_equal(
        error, "WASM module instantiate failed: error while pre-opening directory /nobody/has/this: 44\n");
    wasm_runtime_set_wasi_args(module, NULL, 0, no_map, 1, NULL, 0, NULL, 0);
    assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
    assert_string_equal(error,
                        "WASM module instantiate failed: error while pre-opening mapped directory: invalid map\n");
    static const char *no_pool[] = {"everything"};
    wasm_runtime_set_wasi_args(module, NULL, 0, NULL, 0, NULL, 0, NULL, 0);
    wasm_runtime_set_wasi_addr_pool(module, no_pool, 1);
    assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
    assert_string_equal(error, "WASM module instantiate failed: Invalid address pool entry: everything, must be in the "
                               "format of ADDRESS/MASK");
    wasm_runtime_unload(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(settings_of_a_module_reach_its_instances),
        RUNTIME_TEST(settings_of_growing_options_are_the_same),
        RUNTIME_TEST(without_settings_there_is_nothing_but_the_streams),
        RUNTIME_TEST(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
