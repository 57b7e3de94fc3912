/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* runtime_test.c - starting, stopping, logging, running modes: section 1.2.1 of the compatible API. */
#include "guest.h"

#include "capture.h"

static void what_starts_is_counted(void **state)
{
    (void)state;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    assert_null(wasm_runtime_malloc(8)); /* not running */
    assert_true(wasm_runtime_init());
    assert_true(wasm_runtime_init());
    wasm_runtime_destroy();
    void *block = wasm_runtime_malloc(8);
    assert_non_null(block);
    wasm_runtime_free(block);
    wasm_runtime_destroy();
    assert_null(wasm_runtime_malloc(8));
    wasm_runtime_destroy(); /* one too many does no harm */
    assert_true(wasm_runtime_init());
    wasm_runtime_destroy();
}

static int32_t seven(wasm_exec_env_t env)
{
    (void)env;
    return 7;
}

static void arguments_count_for_the_first_start_only(void **state)
{
    (void)state;
    static NativeSymbol symbols[] = {EXPORT_WASM_API_WITH_SIG(seven, "()i")};
    static uint8_t pool[1 << 20];
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_Pool,
                            .mem_alloc_option.pool = {pool, sizeof pool},
                            .native_module_name = "env",
                            .native_symbols = symbols,
                            .n_native_symbols = 1,
                            .max_thread_num = 2,
                            .gc_heap_size = 1 << 20,
                            .running_mode = Mode_Interp};
    assert_true(wasm_runtime_full_init(&args));
    assert_true(wasm_runtime_is_import_func_linked("env", "seven"));
    mem_alloc_info_t info;
    assert_true(wasm_runtime_get_mem_alloc_info(&info));
    RuntimeInitArgs other = {.mem_alloc_type = Alloc_With_System_Allocator, .running_mode = 77};
    assert_true(wasm_runtime_full_init(&other)); /* nobody looks at them */
    assert_true(wasm_runtime_get_mem_alloc_info(&info));
    wasm_runtime_destroy();
    wasm_runtime_destroy();
    assert_true(wasm_runtime_init());
    assert_false(wasm_runtime_is_import_func_linked("env", "seven")); /* forgotten */
    wasm_runtime_destroy();
}

static void wrong_arguments_do_not_start(void **state)
{
    (void)state;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    uint8_t small[255];
    RuntimeInitArgs no_mode = {.mem_alloc_type = Alloc_With_System_Allocator, .running_mode = 77};
    RuntimeInitArgs no_pool = {.mem_alloc_type = Alloc_With_Pool,
                               .mem_alloc_option.pool = {small, sizeof small}};
    RuntimeInitArgs no_callbacks = {.mem_alloc_type = Alloc_With_Allocator};
    assert_false(wasm_runtime_full_init(&no_mode));
    assert_false(wasm_runtime_full_init(&no_pool));
    assert_false(wasm_runtime_full_init(&no_callbacks));
    assert_null(wasm_runtime_malloc(8));
    assert_true(wasm_runtime_init()); /* they left nothing behind */
    wasm_runtime_destroy();
}

static void what_is_logged_depends_on_the_level(void **state)
{
    (void)state;
    char text[256];
    for (int level = WASM_LOG_LEVEL_FATAL; level <= WASM_LOG_LEVEL_VERBOSE; level++) {
        wasm_runtime_set_log_level((log_level_t)level);
        Capture capture = capture_begin(stderr);
        wasm_runtime_free(NULL); /* a warning */
        capture_end(&capture, text, sizeof text);
        bool is_there = strstr(text, "warning: wasm_runtime_free with NULL pointer") != NULL;
        assert_true(is_there == (level >= WASM_LOG_LEVEL_WARNING));
    }
}

static void modes_that_are_not_supported_change_nothing(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    assert_true(wasm_runtime_is_running_mode_supported((RunningMode)0)); /* the default */
    assert_true(wasm_runtime_is_running_mode_supported(Mode_Interp));
    assert_false(wasm_runtime_is_running_mode_supported((RunningMode)5));
    RunningMode before = wasm_runtime_get_running_mode(g.inst);
    assert_true(wasm_runtime_is_running_mode_supported(before));
    for (int mode = 0; mode <= 6; mode++) {
        bool is_supported = wasm_runtime_is_running_mode_supported((RunningMode)mode);
        assert_true(wasm_runtime_set_default_running_mode((RunningMode)mode) == is_supported);
        RunningMode old = wasm_runtime_get_running_mode(g.inst);
        assert_true(wasm_runtime_set_running_mode(g.inst, (RunningMode)mode) == is_supported);
        RunningMode now = wasm_runtime_get_running_mode(g.inst);
        if (!is_supported) assert_int_equal(now, old);
        if (is_supported && mode != 0) assert_int_equal(now, mode);
    }
    assert_true(wasm_runtime_set_default_running_mode(Mode_Interp));
    Guest later = guest_open("exchange", 0);
    assert_int_equal(wasm_runtime_get_running_mode(later.inst), Mode_Interp);
    assert_int_equal(guest_call1(&later, "pages", 0), 1);
    assert_true(wasm_runtime_set_default_running_mode((RunningMode)0));
    guest_close(&later);
    guest_close(&g);
}

static void the_version_is_that_of_the_interface(void **state)
{
    (void)state;
    uint32_t major = 0, minor = 0, patch = 0;
    wasm_runtime_get_version(&major, &minor, &patch);
    assert_true(major == 2 && minor == 4 && patch == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_starts_is_counted),
        cmocka_unit_test(arguments_count_for_the_first_start_only),
        cmocka_unit_test(wrong_arguments_do_not_start),
        RUNTIME_TEST(what_is_logged_depends_on_the_level),
        RUNTIME_TEST(modes_that_are_not_supported_change_nothing),
        cmocka_unit_test(the_version_is_that_of_the_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
