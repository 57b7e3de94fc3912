/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* instantiating_test.c - instances and what they are made with: section 1.2.5 of the compatible API, and the texts
 * of 1.2.17 that belong to it; contexts of instances, 1.2.14. */
#include "guest.h"

#include "capture.h"

#define PREFIX "WASM module instantiate failed: "

/* The instance, or NULL with error_buf's text. */
static wasm_module_inst_t make(wasm_module_t module, uint32_t stack, uint32_t heap, uint32_t pages, char *error)
{
    InstantiationArgs args = {
        .default_stack_size = stack, .host_managed_heap_size = heap, .max_memory_pages = pages};
    return wasm_runtime_instantiate_ex(module, &args, error, 256);
}

static void start_functions_run_in_this_order(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("sequence");
    char error[256] = "";
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    assert_non_null(inst);
    /* start, __post_instantiate, __wasm_call_ctors; _initialize is for modules that import WASI */
    assert_string_equal(wasm_runtime_addr_app_to_native(inst, 0), "spc");
    assert_ptr_equal(wasm_runtime_get_module(inst), module);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_deinstantiate(NULL);
}

static void the_page_limit_is_moved_into_the_modules_range(void **state)
{
    (void)state;
    static const struct {
        uint32_t asked, most;
    } rows[] = {{0, 3}, {2, 2}, {3, 3}, {1, 1}, {99, 3}};
    wasm_module_t module = guest_load("sequence"); /* 1 to 3 pages */
    char error[256] = "";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wasm_module_inst_t inst = make(module, 0, 0, rows[i].asked, error);
        wasm_memory_inst_t memory = wasm_runtime_get_default_memory(inst);
        assert_int_equal(wasm_memory_get_max_page_count(memory), rows[i].most);
        uint32_t cells[1] = {rows[i].most};
        wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst);
        wasm_function_inst_t grow = wasm_runtime_lookup_function(inst, "grow");
        assert_true(wasm_runtime_call_wasm(env, grow, 1, cells) && cells[0] == UINT32_MAX);
        cells[0] = rows[i].most - 1;
        assert_true(wasm_runtime_call_wasm(env, grow, 1, cells) && cells[0] == 1);
        wasm_runtime_deinstantiate(inst);
    }
    wasm_runtime_unload(module);
    module = guest_load("import_env"); /* a memory that is made for it obeys, too */
    wasm_module_inst_t inst = make(module, 0, 0, 5, error);
    assert_int_equal(wasm_memory_get_max_page_count(wasm_runtime_get_default_memory(inst)), 5);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
}

static void a_heap_has_a_least_size_and_a_greatest(void **state)
{
    (void)state;
    static const char *const names[] = {"exchange", "import_env"};
    for (int i = 0; i < 2; i++) {
        wasm_module_t module = guest_load(names[i]);
        char error[256] = "";
        wasm_module_inst_t inst = make(module, 0, 1 << 16, 0, error);
        if (inst == NULL) fail_msg("%s", error);
        uint64_t block = wasm_runtime_module_malloc(inst, 1000, NULL);
        assert_true(block >= 65536); /* behind what the module has */
        assert_int_equal(block % 8, 0);
        wasm_runtime_deinstantiate(inst);
        inst = make(module, 0, 0, 0, error); /* none */
        assert_true(wasm_runtime_module_malloc(inst, 8, NULL) == 0);
        wasm_runtime_deinstantiate(inst);
        inst = make(module, 0, UINT32_MAX, 0, error); /* more than 1 GiB is 1 GiB */
        if (inst == NULL) fail_msg("%s", error);
        wasm_runtime_deinstantiate(inst);
        wasm_runtime_unload(module);
    }
    char error[256] = "";
    uint8_t one_page[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 5, 4, 1, 1, 1, 1};
    wasm_module_t module = wasm_runtime_load(one_page, sizeof one_page, error, sizeof error);
    assert_null(make(module, 0, 248, 0, error));
    assert_string_equal(error, PREFIX "init app heap failed");
    wasm_module_inst_t inst = make(module, 0, 8192, 0, error); /* of 2.11: one page, longer by the heap */
    assert_int_equal(wasm_memory_get_bytes_per_page(wasm_runtime_get_default_memory(inst)), 65536 + 8192);
    assert_int_equal(wasm_memory_get_cur_page_count(wasm_runtime_get_default_memory(inst)), 1);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);

    uint8_t whole[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 5, 5, 1, 0, 0x80, 0x80, 4};
    module = wasm_runtime_load(whole, sizeof whole, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    assert_null(make(module, 0, 8192, 0, error));
    assert_string_equal(
        error, PREFIX "failed to insert app heap into linear memory, try using `--heap-size=0` option");
    wasm_runtime_unload(module);
}

static void segments_that_do_not_fit_say_so(void **state)
{
    (void)state;
    /* (memory 1 1) (data (i32.const 65535) "xy") */
    uint8_t data[] = {0,  'a', 's', 'm', 1,    0,    0,    0,   5,    4, 1,   1,  1, 1,
                      11, 10,  1,   0,   0x41, 0xff, 0xff, 0x3, 0x0b, 2, 'x', 'y'};
    /* (table 1 funcref) (func) (elem (i32.const 1) 0) */
    uint8_t elem[] = {0, 'a', 's', 'm',  1, 0, 0, 0, 1, 4, 1, 0x60, 0,    0, 3, 2, 1,  0, 4, 4,
                      1, 0x70, 0, 1,     9, 7, 1, 0, 0x41, 1, 0x0b, 1, 0, 10, 4, 1, 2, 0, 0x0b};
    char error[256] = "";
    wasm_module_t module = wasm_runtime_load(data, sizeof data, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    assert_null(make(module, 0, 0, 0, error));
    assert_string_equal(error, PREFIX "out of bounds memory access");
    char log[256];
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_WARNING);
    Capture capture = capture_begin(stderr);
    wasm_module_inst_t none = make(module, 0, 0, 0, error);
    capture_end(&capture, log, sizeof log);
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    assert_null(none);
    assert_non_null(strstr(log, "data segment 0, 2 bytes at address 0xffff")); /* what the text does not say */
    assert_null(strstr(log, "out of bounds"));                                  /* and not twice what it says */
    wasm_runtime_unload(module);
    module = wasm_runtime_load(elem, sizeof elem, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    assert_null(make(module, 0, 0, 0, error));
    assert_string_equal(error, PREFIX "out of bounds table access");
    wasm_runtime_unload(module);
    assert_null(wasm_runtime_instantiate(NULL, 0, 0, error, sizeof error));
}

static void *seen;
static void started(wasm_exec_env_t env)
{
    seen = wasm_runtime_get_custom_data(wasm_runtime_get_module_inst(env));
}

static void growing_options_are_those_of_the_struct(void **state)
{
    (void)state;
    struct InstantiationArgs2 *args = NULL;
    assert_true(wasm_runtime_instantiation_args_create(&args));
    wasm_runtime_instantiation_args_set_default_stack_size(args, 8192);
    wasm_runtime_instantiation_args_set_host_managed_heap_size(args, 4096);
    wasm_runtime_instantiation_args_set_max_memory_pages(args, 2);
    wasm_runtime_instantiation_args_set_custom_data(args, &args);
    wasm_module_t module = guest_load("exchange"); /* 1 to 4 pages */
    char error[256] = "";
    for (int i = 0; i < 2; i++) { /* they can be used again */
        wasm_module_inst_t inst = wasm_runtime_instantiate_ex2(module, args, error, sizeof error);
        if (inst == NULL) fail_msg("%s", error);
        assert_ptr_equal(wasm_runtime_get_custom_data(inst), &args);
        assert_true(wasm_runtime_module_malloc(inst, 64, NULL) != 0);
        wasm_memory_inst_t memory = wasm_runtime_get_default_memory(inst);
        assert_int_equal(wasm_memory_get_cur_page_count(memory), 2);
        assert_int_equal(wasm_memory_get_max_page_count(memory), 3); /* the heap's page comes on top */
        wasm_runtime_deinstantiate(inst);
    }
    wasm_runtime_unload(module);
    static NativeSymbol symbols[] = {EXPORT_WASM_API(started)};
    assert_true(wasm_runtime_register_natives("env", symbols, 1));
    module = guest_load("start");
    seen = NULL;
    assert_null(wasm_runtime_instantiate_ex2(module, args, error, sizeof error));
    assert_ptr_equal(seen, &args); /* before the start function */
    assert_string_equal(error, PREFIX "Exception: unreachable");
    wasm_runtime_unload(module);
    wasm_runtime_instantiation_args_destroy(args);
    wasm_runtime_instantiation_args_destroy(NULL);
}

static void unlinked_functions_wait_for_their_call(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    assert_false(guest_call(&g, "missing", 0, NULL));
    guest_expect_exception(&g, "Exception: failed to call unlinked import function (env, missing)");
    guest_close(&g);
}

static void an_instance_has_room_for_the_hosts_data(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0), h = guest_open("exchange", 0);
    assert_null(wasm_runtime_get_custom_data(g.inst));
    wasm_runtime_set_custom_data(g.inst, &g);
    wasm_runtime_set_custom_data(h.inst, &h);
    assert_ptr_equal(wasm_runtime_get_custom_data(g.inst), &g);
    assert_ptr_equal(wasm_runtime_get_custom_data(h.inst), &h);
    assert_ptr_equal(wasm_runtime_get_module_inst(g.env), g.inst);
    wasm_runtime_set_module_inst(g.env, h.inst);
    assert_ptr_equal(wasm_runtime_get_module_inst(g.env), h.inst);
    wasm_runtime_set_module_inst(g.env, g.inst);
    assert_ptr_equal(wasm_runtime_get_module_inst(g.env), g.inst);
    guest_close(&h);
    guest_close(&g);
}

static void checks_are_made_whatever_is_set(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    assert_true(wasm_runtime_is_bounds_checks_enabled(g.inst));
    wasm_runtime_set_bounds_checks(g.inst, false);
    assert_false(wasm_runtime_is_bounds_checks_enabled(g.inst));
    uint32_t cells[1] = {65536};
    assert_false(guest_call(&g, "load", 1, cells));
    guest_expect_exception(&g, "Exception: out of bounds memory access");
    assert_false(wasm_runtime_validate_app_addr(g.inst, 65536, 1));
    wasm_runtime_set_bounds_checks(g.inst, true);
    assert_true(wasm_runtime_is_bounds_checks_enabled(g.inst));
    guest_close(&g);
}

/* --- contexts --------------------------------------------------------------------------------- */

static int nended;
static void *ended_with;
static void ended(wasm_module_inst_t inst, void *ctx)
{
    (void)inst;
    nended++;
    ended_with = ctx;
}

static void contexts_belong_to_an_instance_and_a_key(void **state)
{
    (void)state;
    void *a = wasm_runtime_create_context_key(ended), *b = wasm_runtime_create_context_key(NULL);
    assert_true(a != NULL && b != NULL && a != b);
    Guest g = guest_open("exchange", 0), h = guest_open("exchange", 0);
    assert_null(wasm_runtime_get_context(g.inst, a));
    wasm_runtime_set_context(g.inst, a, &g);
    wasm_runtime_set_context(h.inst, a, &h);
    wasm_runtime_set_context_spread(g.inst, b, &nended);
    assert_ptr_equal(wasm_runtime_get_context(g.inst, a), &g);
    assert_ptr_equal(wasm_runtime_get_context(h.inst, a), &h);
    assert_ptr_equal(wasm_runtime_get_context(g.inst, b), &nended);
    assert_null(wasm_runtime_get_context(h.inst, b));
    nended = 0;
    guest_close(&h);
    assert_true(nended == 1 && ended_with == &h);
    wasm_runtime_set_context(g.inst, a, NULL);
    guest_close(&g);
    assert_true(nended == 2 && ended_with == NULL); /* also for an empty one */
    wasm_runtime_destroy_context_key(a);
    wasm_runtime_destroy_context_key(b);
    Guest i = guest_open("exchange", 0);
    guest_close(&i);
    assert_int_equal(nended, 2);
}

static void *spread(wasm_exec_env_t env, void *key)
{
    return wasm_runtime_get_context(wasm_runtime_get_module_inst(env), key);
}

static void threads_inherit_contexts(void **state)
{
    (void)state;
    void *key = wasm_runtime_create_context_key(NULL), *result = NULL;
    Guest g = guest_open("threads", 0);
    wasm_exec_env_t early = wasm_runtime_spawn_exec_env(g.env);
    wasm_runtime_set_context_spread(g.inst, key, &g);
    assert_ptr_equal(spread(early, key), &g);
    wasm_thread_t thread;
    assert_int_equal(wasm_runtime_spawn_thread(g.env, &thread, spread, key), 0);
    assert_int_equal(wasm_runtime_join_thread(thread, &result), 0);
    assert_ptr_equal(result, &g);
    wasm_runtime_set_context(wasm_runtime_get_module_inst(early), key, &key); /* its own only */
    assert_ptr_equal(wasm_runtime_get_context(g.inst, key), &g);
    wasm_runtime_destroy_spawned_exec_env(early);
    guest_close(&g);
    wasm_runtime_destroy_context_key(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(start_functions_run_in_this_order),
        RUNTIME_TEST(the_page_limit_is_moved_into_the_modules_range),
        RUNTIME_TEST(a_heap_has_a_least_size_and_a_greatest),
        RUNTIME_TEST(segments_that_do_not_fit_say_so),
        RUNTIME_TEST(growing_options_are_those_of_the_struct),
        RUNTIME_TEST(unlinked_functions_wait_for_their_call),
        RUNTIME_TEST(an_instance_has_room_for_the_hosts_data),
        RUNTIME_TEST(checks_are_made_whatever_is_set),
        RUNTIME_TEST(contexts_belong_to_an_instance_and_a_key),
        RUNTIME_TEST(threads_inherit_contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
