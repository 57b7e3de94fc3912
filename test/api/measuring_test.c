/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* measuring_test.c - call stacks, sizes and times: section 1.2.16 of the compatible API. Texts are compared line by
 * line, numbers as far as they are certain. */
#include "guest.h"

#include "capture.h"

static char text[16384];

/* --- call stacks ------------------------------------------------------------------------------ */

static void a_call_stack_is_printed_after_a_trap(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    assert_false(guest_call(&g, "nested_divide", 0, NULL));
    Capture capture = capture_begin(stdout);
    wasm_runtime_dump_call_stack(g.env);
    capture_end(&capture, text, sizeof text);
    unsigned first, second;
    char name[2][32];
    assert_int_equal(sscanf(text, "\n#00: 0x%x - %31s\n#01: 0x%x - %31s\n", &first, name[0], &second, name[1]), 4);
    assert_true(first > 0 && second > first);
    assert_string_equal(name[0], "divide");
    assert_string_equal(name[1], "nested_divide");

    char small[4096];
    uint32_t size = wasm_runtime_get_call_stack_buf_size(g.env);
    assert_int_equal(size, strlen(text) + 1);
    assert_int_equal(wasm_runtime_dump_call_stack_to_buf(g.env, small, sizeof small), size);
    assert_string_equal(small, text);
    assert_int_equal(wasm_runtime_dump_call_stack_to_buf(g.env, NULL, 8), 0);
    assert_int_equal(wasm_runtime_dump_call_stack_to_buf(g.env, small, 0), 0);
    guest_close(&g);
}

static void frames_are_copied_from_where_one_wants_them(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    WASMCApiFrame frames[4];
    char error[128] = "";
    memset(frames, 0x55, sizeof frames);
    assert_int_equal(wasm_copy_callstack(g.env, frames, 4, 0, error, sizeof error), 0);
    assert_true(error[0] != '\0'); /* nothing has run */
    assert_false(guest_call(&g, "nested_divide", 0, NULL));
    assert_int_equal(wasm_copy_callstack(g.env, frames, 1, 0, error, sizeof error), 1);
    assert_ptr_equal(frames[0].instance, g.inst);
    assert_int_equal(frames[0].func_index, 11);
    assert_string_equal(frames[0].func_name_wp, "divide");
    assert_true(frames[0].module_offset > 0 && frames[0].func_offset > 0);
    assert_true(frames[0].sp == NULL && frames[0].frame_ref == NULL && frames[0].lp == NULL);
    assert_int_equal(wasm_copy_callstack(g.env, frames, 4, 1, error, sizeof error), 1);
    assert_string_equal(frames[0].func_name_wp, "nested_divide");
    assert_int_equal(wasm_copy_callstack(g.env, frames, 4, 2, error, sizeof error), 0);
    guest_close(&g);
}

/* --- sizes ------------------------------------------------------------------------------------ */

static void sizes_are_printed_as_WAMR_prints_them(void **state)
{
    (void)state;
    static const char *const labels[] = {
        "",
        "Memory consumption summary (bytes):",
        "WASM module memory consumption, total size: ",
        "    module struct size: ",
        "    types size: ",
        "    imports size: ",
        "    funcs size: ",
        "    tables size: ",
        "    memories size: ",
        "    globals size: ",
        "    exports size: ",
        "    table segs size: ",
        "    data segs size: ",
        "    const strings size: ",
        "WASM module inst memory consumption, total size: ",
        "    module inst struct size: ",
        "    memories size: ",
        "        app heap size: ",
        "    tables size: ",
        "    functions size: ",
        "    globals size: ",
        "    exports size: ",
        "Exec env memory consumption, total size: ",
        "    exec env struct size: ",
        "        block addr cache size: ",
        "    stack size: ",
        "",
        "Total memory consumption of module, module inst and exec env: ",
        "Total interpreter stack used: ",
        "Total aux stack used: no enough info to profile",
        "Native stack left: no enough info to profile",
        "Total app heap used: ",
    };
    enum { NLINES = sizeof labels / sizeof *labels };
    Guest g = guest_open("exchange", 8192);
    uint64_t block = wasm_runtime_module_malloc(g.inst, 1000, NULL);
    wasm_runtime_module_free(g.inst, block);
    assert_int_equal(guest_call1(&g, "pages", 0), 2);
    Capture capture = capture_begin(stdout);
    wasm_runtime_dump_mem_consumption(g.env);
    capture_end(&capture, text, sizeof text);
    unsigned long long numbers[NLINES] = {0};
    char *line = text;
    for (int i = 0; i < NLINES; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        if (strncmp(line, labels[i], strlen(labels[i])) != 0) fail_msg("line %d is %s", i, line);
        numbers[i] = strtoull(line + strlen(labels[i]), NULL, 10);
        line = end + 1;
    }
    assert_string_equal(line, "");
    unsigned long long module = 0, instance = numbers[15] + numbers[16];
    for (int i = 3; i <= 13; i++) module += numbers[i];
    for (int i = 18; i <= 21; i++) instance += numbers[i];
    assert_true(numbers[2] == module && numbers[14] == instance);
    assert_true(numbers[22] == numbers[23] + numbers[25]);
    assert_true(numbers[27] == numbers[2] + numbers[14] + numbers[22]);
    assert_true(numbers[16] >= 2 * 65536); /* two pages, one for the heap */
    assert_true(numbers[17] >= 8192);
    assert_true(numbers[28] >= 2 * 8 && numbers[28] <= 1024); /* of the stack, by a small function that is over */
    assert_true(numbers[31] >= 1000 && numbers[31] <= numbers[17]); /* the most that was ever used of it */
    guest_close(&g);
}

/* --- times ------------------------------------------------------------------------------------ */

static int32_t back(wasm_exec_env_t env, int32_t what)
{
    uint32_t cells[1] = {3};
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    const char *name = what == 0 ? "trap" : "fibonacci";
    bool ok = wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, name), what != 0, cells);
    wasm_runtime_clear_exception(inst);
    return ok ? (int32_t)cells[0] : -1;
}

static NativeSymbol back_symbols[] = {EXPORT_WASM_API_WITH_SIG(back, "(i)i")};

static int profile_start(void **state)
{
    setenv("TERN_PROFILE", "1", 1);
    int failed = runtime_start(state);
    unsetenv("TERN_PROFILE");
    return failed != 0 || !wasm_runtime_register_natives("env", back_symbols, 1) ? -1 : 0;
}

typedef struct Times {
    double total, children;
    unsigned long long calls;
} Times;

/* What is printed about a function; all 0 if it is not there. */
static Times times_of(Guest *g, const char *name)
{
    Capture capture = capture_begin(stdout);
    wasm_runtime_dump_perf_profiling(g->inst);
    capture_end(&capture, text, sizeof text);
    assert_int_equal(strncmp(text, "Performance profiler data:\n", 27), 0);
    char key[64];
    snprintf(key, sizeof key, "  func %s, ", name);
    Times times = {0};
    const char *line = strstr(text, key);
    if (line == NULL) return times;
    int n = sscanf(line + strlen(key),
                   "execution time: %lf ms, execution count: %llu times, children execution time: %lf ms\n",
                   &times.total, &times.calls, &times.children);
    assert_int_equal(n, 3);
    return times;
}

static void functions_are_counted_and_timed(void **state)
{
    (void)state;
    Guest g = guest_open("profile", 0);
    assert_int_equal(times_of(&g, "leaf").calls, 0);
    assert_true(wasm_runtime_get_wasm_func_exec_time(g.inst, "leaf") == 0);
    for (int i = 0; i < 3; i++) assert_int_equal(guest_call1(&g, "nested", 1000000), 10);
    Times leaf = times_of(&g, "leaf"), inside = times_of(&g, "2"), nested = times_of(&g, "nested");
    assert_int_equal(leaf.calls, 6);
    assert_int_equal(inside.calls, 3); /* it has no name */
    assert_int_equal(nested.calls, 3);
    assert_true(leaf.total > 0 && leaf.children == 0);
    assert_true(inside.total >= inside.children && inside.children > 0);
    assert_true(nested.total >= nested.children && nested.children > leaf.total * 0.9);
    double sum = wasm_runtime_sum_wasm_exec_time(g.inst), own = wasm_runtime_get_wasm_func_exec_time(g.inst, "leaf");
    assert_true(own > leaf.total - 0.002 && own < leaf.total + 0.002);
    assert_true(sum >= own && sum < nested.total + 0.002);
    assert_true(wasm_runtime_get_wasm_func_exec_time(g.inst, "nobody") == -1.0);
    guest_close(&g);
}

static void recursion_counts_every_call(void **state)
{
    (void)state;
    Guest g = guest_open("profile", 0);
    assert_int_equal(guest_call1(&g, "fibonacci", 15), 610);
    Times times = times_of(&g, "fibonacci");
    assert_int_equal(times.calls, 1973);
    assert_true(times.total >= times.children);
    guest_close(&g);
}

static void every_way_out_of_a_function_is_one(void **state)
{
    (void)state;
    Guest g = guest_open("profile", 0);
    uint32_t cells[3] = {4};
    assert_true(guest_call(&g, "two", 1, cells));
    assert_true(cells[0] == 4 && cells[1] == 9 && cells[2] == 0);
    assert_int_equal(times_of(&g, "two").calls, 1);
    assert_int_equal(guest_call1(&g, "tail", 1000), 5);
    assert_int_equal(times_of(&g, "tail").calls, 1);
    assert_int_equal(times_of(&g, "leaf").calls, 1);
    assert_int_equal(guest_call1(&g, "caught", 0), 2); /* an exception leaves $throw */
    assert_int_equal(times_of(&g, "5").calls, 1);
    assert_int_equal(times_of(&g, "caught").calls, 1);
    assert_false(guest_call(&g, "trap", 0, NULL));
    guest_expect_exception(&g, "Exception: unreachable");
    assert_int_equal(times_of(&g, "trap").calls, 1);
    assert_int_equal(guest_call1(&g, "back", 0), (uint32_t)-1); /* a trap that the host swallows */
    assert_int_equal(guest_call1(&g, "back", 1), 2);
    assert_int_equal(times_of(&g, "trap").calls, 2);
    assert_int_equal(times_of(&g, "back").calls, 2);
    assert_int_equal(times_of(&g, "fibonacci").calls, 5);
    guest_close(&g);
}

static void nothing_is_measured_unless_it_was_asked_for(void **state)
{
    (void)state;
    assert_true(wasm_runtime_register_natives("env", back_symbols, 1));
    Guest g = guest_open("profile", 0);
    assert_int_equal(guest_call1(&g, "leaf", 1000), 5);
    Capture capture = capture_begin(stdout);
    wasm_runtime_dump_perf_profiling(g.inst);
    capture_end(&capture, text, sizeof text);
    assert_string_equal(text, "Performance profiler data:\n");
    assert_true(wasm_runtime_sum_wasm_exec_time(g.inst) == 0);
    assert_true(wasm_runtime_get_wasm_func_exec_time(g.inst, "leaf") == 0);
    assert_true(wasm_runtime_get_wasm_func_exec_time(g.inst, "nobody") == -1.0);
    assert_int_equal(wasm_runtime_get_pgo_prof_data_size(g.inst), 0);
    assert_int_equal(wasm_runtime_dump_pgo_prof_data_to_buf(g.inst, text, sizeof text), 0);
    guest_close(&g);
}

int main(void)
{
    unsetenv("TERN_PROFILE");
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(a_call_stack_is_printed_after_a_trap),
        RUNTIME_TEST(frames_are_copied_from_where_one_wants_them),
        RUNTIME_TEST(sizes_are_printed_as_WAMR_prints_them),
        cmocka_unit_test_setup_teardown(functions_are_counted_and_timed, profile_start, runtime_stop),
        cmocka_unit_test_setup_teardown(recursion_counts_every_call, profile_start, runtime_stop),
        cmocka_unit_test_setup_teardown(every_way_out_of_a_function_is_one, profile_start, runtime_stop),
        RUNTIME_TEST(nothing_is_measured_unless_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
