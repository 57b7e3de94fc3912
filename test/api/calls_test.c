/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* calls_test.c - calls from the host, the texts of exceptions, and what is left after one. */
#include "guest.h"

#include <pthread.h>
#include <time.h>

static void results_replace_arguments_in_cells(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    uint32_t cells[8] = {3, 4};
    assert_true(guest_call(&g, "add", 2, cells));
    assert_int_equal(cells[0], 7);
    cells[0] = 1, cells[1] = 0x22222222, cells[2] = 0x33333333;
    assert_true(guest_call(&g, "swap", 3, cells));
    assert_true(cells[0] == 0x22222222 && cells[1] == 0x33333333 && cells[2] == 1);
    memset(cells, 0xff, sizeof cells);
    assert_true(guest_call(&g, "v128", 4, cells));
    assert_true(cells[0] == UINT32_MAX && cells[3] == UINT32_MAX);
    uintptr_t object = (uintptr_t)&g;
    memcpy(cells, &object, sizeof object);
    assert_true(guest_call(&g, "extern", 2, cells));
    assert_memory_equal(cells, &object, sizeof object);
    cells[0] = UINT32_MAX;
    assert_true(guest_call(&g, "func", 1, cells));
    assert_true(cells[0] == UINT32_MAX);
    cells[0] = 1;
    assert_true(guest_call(&g, "func", 1, cells));
    assert_int_equal(cells[0], 1);
    cells[0] = 1000;
    assert_false(guest_call(&g, "func", 1, cells));
    guest_expect_exception(&g, "Exception: the arguments conversion is failed");
    guest_close(&g);
}

/* Hosts may tell of more cells than there are parameters, whatever those are. */
static void as_many_arguments_as_can_be_told_are_enough(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    uint32_t cells[8] = {3, 4};
    assert_true(guest_call(&g, "add", UINT32_MAX, cells));
    assert_int_equal(cells[0], 7);
    for (uint32_t i = 0; i < 4; i++) cells[i] = 0x11111111 * (i + 1);
    assert_true(guest_call(&g, "v128", UINT32_MAX, cells));
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(cells[i], 0x11111111 * (i + 1));
    uintptr_t object = (uintptr_t)&g;
    memcpy(cells, &object, sizeof object);
    assert_true(guest_call(&g, "extern", UINT32_MAX, cells));
    assert_memory_equal(cells, &object, sizeof object);
    cells[0] = 1000;
    assert_false(guest_call(&g, "func", UINT32_MAX, cells));
    guest_expect_exception(&g, "Exception: the arguments conversion is failed");
    guest_close(&g);
}

static void typed_values_are_checked_and_filled(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    wasm_val_t args[2] = {{.kind = WASM_I32, .of.i32 = -1},
                          {.kind = WASM_I64, .of.i64 = INT64_MIN}},
               results[2];
    wasm_function_inst_t swap = wasm_runtime_lookup_function(g.inst, "swap");
    assert_true(wasm_runtime_call_wasm_a(g.env, swap, 2, results, 2, args));
    assert_true(results[0].kind == WASM_I64 && results[0].of.i64 == INT64_MIN);
    assert_true(results[1].kind == WASM_I32 && results[1].of.i32 == -1);
    assert_false(wasm_runtime_call_wasm_a(g.env, swap, 2, results, 1, args));
    assert_false(wasm_runtime_call_wasm_a(g.env, swap, 1, results, 2, args));
    assert_null(wasm_runtime_get_exception(g.inst));

    assert_true(wasm_runtime_call_wasm_v(g.env, wasm_runtime_lookup_function(g.inst, "f32"), 1,
                                         results, 1, 1.25));
    assert_true(results[0].kind == WASM_F32 && results[0].of.f32 == 2.5f);
    assert_true(wasm_runtime_call_wasm_v(g.env, wasm_runtime_lookup_function(g.inst, "f64"), 1,
                                         results, 1, -1.25));
    assert_true(results[0].kind == WASM_F64 && results[0].of.f64 == -2.5);
    assert_true(wasm_runtime_call_wasm_v(g.env, swap, 2, results, 2, 5, (uint64_t)6));
    assert_true(results[0].of.i64 == 6 && results[1].of.i32 == 5);
    wasm_valkind_t kinds[2];
    assert_int_equal(wasm_func_get_param_count(swap, g.inst), 2);
    assert_int_equal(wasm_func_get_result_count(swap, g.inst), 2);
    wasm_func_get_param_types(swap, g.inst, kinds);
    assert_true(kinds[0] == WASM_I32 && kinds[1] == WASM_I64);
    wasm_func_get_result_types(swap, g.inst, kinds);
    assert_true(kinds[0] == WASM_I64 && kinds[1] == WASM_I32);
    guest_close(&g);
}

static void too_few_cells_are_an_exception(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    uint32_t cells[3] = {0};
    assert_false(guest_call(&g, "swap", 2, cells));
    guest_expect_exception(&g, "Exception: invalid argument count 2, must be no smaller than 3");
    guest_close(&g);
}

static void traps_say_what_hosts_compare(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t argc, args[2];
        const char *text;
    } rows[] = {
        {"unreachable", 0, {0}, "Exception: unreachable"},
        {"divide", 2, {1, 0}, "Exception: integer divide by zero"},
        {"divide", 2, {0x80000000, 0xffffffff}, "Exception: integer overflow"},
        {"load", 1, {65533}, "Exception: out of bounds memory access"},
        {"load", 1, {0xffffffff}, "Exception: out of bounds memory access"},
        {"trunc", 1, {0x7fc00000}, "Exception: invalid conversion to integer"},
        {"indirect", 1, {0}, "Exception: indirect call type mismatch"},
        {"indirect", 1, {3}, "Exception: uninitialized element"},
        {"indirect", 1, {4}, "Exception: undefined element"},
        {"missing", 0, {0}, "Exception: failed to call unlinked import function (env, missing)"},
    };
    Guest g = guest_open("calls", 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t cells[2] = {rows[i].args[0], rows[i].args[1]};
        assert_false(guest_call(&g, rows[i].name, rows[i].argc, cells));
        guest_expect_exception(&g, rows[i].text);
    }
    assert_false(guest_call(&g, "deep", 0, NULL));
    const char *deep = wasm_runtime_get_exception(g.inst);
    assert_true(strcmp(deep, "Exception: wasm operand stack overflow") == 0 ||
                strcmp(deep, "Exception: native stack overflow") == 0);
    wasm_runtime_clear_exception(g.inst);
    uint32_t cells[2] = {20, 22};
    assert_true(guest_call(&g, "add", 2, cells)); /* the instance goes on */
    assert_int_equal(cells[0], 42);
    guest_close(&g);
}

static void a_pending_exception_fails_calls_until_it_is_cleared(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    wasm_runtime_set_exception(g.inst, longer);
    assert_int_equal(strlen(wasm_runtime_get_exception(g.inst)), 127);
    assert_false(guest_call(&g, "nop", 0, NULL));
    wasm_runtime_set_exception(g.inst, NULL);
    assert_true(guest_call(&g, "nop", 0, NULL));
    guest_close(&g);
}

static void call_indirect_uses_table_0(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    uint32_t cells[4] = {1, 2};
    assert_true(wasm_runtime_call_indirect(g.env, 0, 2, cells));
    assert_int_equal(cells[0], 3);
    assert_false(wasm_runtime_call_indirect(g.env, 2, 0, cells));
    guest_expect_exception(&g, "Exception: uninitialized element");
    assert_false(wasm_runtime_call_indirect(g.env, 4, 0, cells));
    guest_expect_exception(&g, "Exception: undefined element");
    wasm_table_inst_t table;
    assert_true(wasm_runtime_get_export_table_inst(g.inst, "table", &table));
    assert_true(table.elem_kind == WASM_FUNCREF && table.cur_size == 4);
    assert_ptr_equal(wasm_table_get_func_inst(g.inst, &table, 0),
                     wasm_runtime_lookup_function(g.inst, "add"));
    assert_null(wasm_table_get_func_inst(g.inst, &table, 3));
    assert_null(wasm_table_get_func_inst(g.inst, &table, 4));
    assert_false(wasm_runtime_get_export_table_inst(g.inst, "counter", &table));
    guest_close(&g);

    Guest h = guest_open("exchange", 0);
    assert_false(wasm_runtime_call_indirect(h.env, 0, 0, NULL));
    guest_expect_exception(&h, "Exception: unknown table");
    guest_close(&h);
}

static void exported_globals_are_live(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    wasm_global_inst_t global;
    assert_true(wasm_runtime_get_export_global_inst(g.inst, "pi", &global));
    assert_true(global.kind == WASM_F64 && !global.is_mutable &&
                *(double *)global.global_data == 3.25);
    assert_true(wasm_runtime_get_export_global_inst(g.inst, "counter", &global));
    *(int32_t *)global.global_data = 8;
    assert_int_equal(guest_call1(&g, "counter_get", 0), 8);
    assert_false(wasm_runtime_get_export_global_inst(g.inst, "add", &global));
    guest_close(&g);
}

static void a_trap_leaves_a_call_stack(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    uint32_t cells[1];
    assert_false(guest_call(&g, "nested_divide", 0, cells));
    WASMCApiFrame frames[4];
    assert_int_equal(wasm_copy_callstack(g.env, frames, 4, 0, NULL, 0), 2);
    assert_string_equal(frames[0].func_name_wp, "divide");
    assert_string_equal(frames[1].func_name_wp, "nested_divide");
    assert_ptr_equal(frames[0].instance, g.inst);
    assert_true(frames[0].func_offset > 0);
    assert_int_equal(wasm_copy_callstack(g.env, frames, 4, 1, NULL, 0), 1);
    char text[256];
    uint32_t size = wasm_runtime_get_call_stack_buf_size(g.env);
    assert_true(size > 1 && size < sizeof text);
    assert_int_equal(wasm_runtime_dump_call_stack_to_buf(g.env, text, sizeof text), size);
    assert_int_equal(strlen(text) + 1, size);
    assert_non_null(strstr(text, "#00: 0x"));
    assert_non_null(strstr(text, " - nested_divide\n"));
    assert_int_equal(wasm_runtime_dump_call_stack_to_buf(g.env, text, 8), 8);
    assert_int_equal(strlen(text), 7);
    guest_close(&g);
}

static void a_terminated_guest_runs_again_once_that_is_cleared(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    wasm_runtime_terminate(g.inst);
    assert_false(wasm_runtime_begin_blocking_op(g.env));
    assert_false(guest_call(&g, "spin", 0, NULL));
    guest_expect_exception(&g, "Exception: terminated by user");
    assert_true(wasm_runtime_begin_blocking_op(g.env));
    wasm_runtime_end_blocking_op(g.env);
    assert_true(guest_call(&g, "nop", 0, NULL));
    guest_close(&g);
}

static void *terminate_soon(void *inst)
{
    struct timespec moment = {.tv_nsec = 20000000};
    nanosleep(&moment, NULL);
    wasm_runtime_terminate(inst);
    return NULL;
}

static void a_running_guest_is_stopped_from_another_thread(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, terminate_soon, g.inst), 0);
    assert_false(guest_call(&g, "spin", 0, NULL));
    pthread_join(thread, NULL);
    guest_expect_exception(&g, "Exception: terminated by user");
    assert_true(guest_call(&g, "nop", 0, NULL));
    guest_close(&g);
}

static void main_gets_its_arguments_and_returns_a_value(void **state)
{
    (void)state;
    Guest g = guest_open("calls", 4096);
    char one[] = "one", two[] = "two";
    char *argv[] = {one, two};
    assert_true(wasm_application_execute_main(g.inst, 2, argv));
    int result;
    memcpy(&result, argv, sizeof result);
    assert_int_equal(result, 't');
    guest_close(&g);

    Guest h = guest_open("exchange", 0);
    assert_false(wasm_application_execute_main(h.inst, 0, NULL));
    guest_expect_exception(&h,
                           "Exception: lookup the entry point symbol (like _start, main, _main, "
                           "__main_argc_argv) failed");
    guest_close(&h);
}

static void proc_exit_is_an_exception_of_calls_and_success_of_main(void **state)
{
    (void)state;
    Guest g = guest_open("exit", 0);
    assert_true(wasm_runtime_is_wasi_mode(g.inst));
    assert_false(guest_call(&g, "_start", 0, NULL));
    assert_int_equal(wasm_runtime_get_wasi_exit_code(g.inst), 42);
    guest_expect_exception(&g, "Exception: wasi proc exit");
    assert_non_null(wasm_runtime_lookup_wasi_start_function(g.inst));
    assert_true(wasm_application_execute_main(g.inst, 0, NULL));
    assert_null(wasm_runtime_get_exception(g.inst));
    assert_int_equal(wasm_runtime_get_wasi_exit_code(g.inst), 42);
    guest_close(&g);
}

/* Runs with standard output in a file, and gives back what was printed. */
static void printed(Guest *g, const char *name, int argc, char *argv[], char *out, size_t size)
{
    fflush(stdout);
    FILE *file = tmpfile();
    FILE *real = stdout;
    stdout = file;
    bool ok = wasm_application_execute_func(g->inst, name, argc, argv);
    stdout = real;
    fflush(file);
    rewind(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
    if (!ok) fail_msg("%s", wasm_runtime_get_exception(g->inst));
}

static void execute_func_reads_and_prints_text(void **state)
{
    (void)state;
    static const struct {
        const char *name, *args[2], *out;
    } rows[] = {
        {"add", {"0x10", "-1"}, "0xf:i32\n"},
        {"swap", {"1", "-1"}, "0xffffffffffffffff:i64,0x1:i32\n"},
        {"f32", {"1.5"}, "3:f32\n"},
        {"f64", {"-1e300"}, "-2e+300:f64\n"},
        {"f32", {"nan:0x400001"}, "nan:f32\n"},
        {"v128", {"0x1\\0x2"}, "<0x0000000000000001 0x0000000000000002>:v128\n"},
        {"extern", {"null"}, "extern:ref.null\n"},
        {"extern", {"0x1234"}, "0x1234:ref.extern\n"},
        {"func", {"null"}, "func:ref.null\n"},
        {"func", {"1"}, "1:ref.func\n"},
        {"nop", {NULL}, "\n"},
    };
    Guest g = guest_open("calls", 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char a[32] = "", b[32] = "", out[128];
        char *argv[2] = {a, b};
        int argc = 0;
        for (; argc < 2 && rows[i].args[argc] != NULL; argc++)
            strcpy(argv[argc], rows[i].args[argc]);
        printed(&g, rows[i].name, argc, argv, out, sizeof out);
        assert_string_equal(out, rows[i].out);
    }
    char bad[] = "1x", empty[] = "", one[] = "1";
    char *argv[2] = {one, bad};
    assert_false(wasm_application_execute_func(g.inst, "add", 2, argv));
    guest_expect_exception(&g, "Exception: invalid input argument 1: 1x");
    argv[0] = empty;
    assert_false(wasm_application_execute_func(g.inst, "add", 2, argv));
    guest_expect_exception(&g, "Exception: invalid input argument 0");
    assert_false(wasm_application_execute_func(g.inst, "add", 1, argv));
    guest_expect_exception(&g, "Exception: invalid input argument count");
    assert_false(wasm_application_execute_func(g.inst, "subtract", 1, argv));
    guest_expect_exception(&g, "Exception: lookup function subtract failed");
    guest_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(results_replace_arguments_in_cells),
        RUNTIME_TEST(as_many_arguments_as_can_be_told_are_enough),
        RUNTIME_TEST(typed_values_are_checked_and_filled),
        RUNTIME_TEST(too_few_cells_are_an_exception),
        RUNTIME_TEST(traps_say_what_hosts_compare),
        RUNTIME_TEST(a_pending_exception_fails_calls_until_it_is_cleared),
        RUNTIME_TEST(call_indirect_uses_table_0),
        RUNTIME_TEST(exported_globals_are_live),
        RUNTIME_TEST(a_trap_leaves_a_call_stack),
        RUNTIME_TEST(a_terminated_guest_runs_again_once_that_is_cleared),
        RUNTIME_TEST(a_running_guest_is_stopped_from_another_thread),
        RUNTIME_TEST(main_gets_its_arguments_and_returns_a_value),
        RUNTIME_TEST(proc_exit_is_an_exception_of_calls_and_success_of_main),
        RUNTIME_TEST(execute_func_reads_and_prints_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
