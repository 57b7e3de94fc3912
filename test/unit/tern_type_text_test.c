/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/tern_handles.h"
#include "api/tern_type_text.h"

static TypeRegistry *types;

static int open_types(void **state)
{
    (void)state;
    types = tern_types_new(tern_port_system_alloc());
    return types != NULL ? 0 : -1;
}
static int close_types(void **state)
{
    (void)state;
    tern_types_free(types);
    return 0;
}

/* What is read is what was written, in the shortest form. */
static void a_function_type_reads_as_it_is_written(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"(param)(result)", ""},
        {"(param i32 i64 f32 f64 v128) (result i32)", "(param i32 i64 f32 f64 v128) (result i32)"},
        {" ( param i32 )\n(param\ti64)(result f32)(result f64)", "(param i32 i64) (result f32 f64)"},
        {"(param (ref null func) (ref extern) anyref (ref null none))",
         "(param funcref (ref extern) anyref (ref null none))"},
        {"(result nullref nullfuncref nullexternref nullexnref exnref i31ref structref arrayref eqref)",
         "(result (ref null none) (ref null nofunc) (ref null noextern) (ref null noexn) exnref i31ref structref "
         "arrayref eqref)"},
    };
    for (u32 i = 0; i < COUNT_OF(rows); i++) {
        tern_error error = {0};
        u32 id;
        if (!tern_type_text_func(types, tern_port_system_alloc(), rows[i][0], &id, &error))
            fail_msg("%s", error.text);
        char text[256];
        (void)tern_func_type_text(&tern_types_get(types, id)->u.func, text, sizeof text);
        assert_string_equal(text, rows[i][1]);
        tern_types_release(types, id);
    }
}

static void junk_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"(param i33)", "expected a value type at character 8, found \"i33\""},
        {"(param i32", "expected a value type at character 11, found the end"},
        {"param i32", "at character 1, found \"param\""},
        {"(result i32) (param i32)", "expected (result ...) or the end at character 14"},
        {"(param (ref 3))", "concrete ones are a module's own, at character 13"},
        {"(param (ref $t))", "concrete"},
        {"(param (ref null))", "expected a heap type at character 17"},
        {"(param (ref func)", "found the end"},
        {"(param i32))", "at character 12"},
        {"(param (mut i32))", "expected a reference type"},
        {"(param i8)", "expected a value type"},
        {"()", "at character 1"},
        {"\xff\xfe(", "at character 1"},
    };
    for (u32 i = 0; i < COUNT_OF(rows); i++) {
        tern_error error = {0};
        u32 id;
        assert_false(tern_type_text_func(types, tern_port_system_alloc(), rows[i].text, &id, &error));
        assert_int_equal(error.kind, TERN_ERROR_USAGE);
        if (strstr(error.text, rows[i].error) == NULL) fail_msg("%s", error.text);
    }
    u32 id;
    assert_false(tern_type_text_func(types, tern_port_system_alloc(), NULL, &id, NULL));
    assert_false(tern_type_text_func(types, tern_port_system_alloc(), "x", &id, NULL));
}

static void limits_are_read_and_checked(void **state)
{
    (void)state;
    MemoryType memory;
    TableType table;
    GlobalType global;
    assert_true(tern_type_text_memory("1", &memory, NULL));
    assert_true(memory.limits.min == 1 && !memory.limits.has_max && memory.limits.max == UINT64_MAX);
    assert_true(tern_type_text_memory("i64 1 0x10 shared", &memory, NULL));
    assert_true(memory.limits.is_64 && memory.limits.max == 16 && memory.limits.is_shared && memory.page_log2 == 16);
    assert_true(tern_type_text_memory("100_000 1000000 (pagesize 1)", &memory, NULL));
    assert_true(memory.page_log2 == 0 && memory.limits.max == 1000000);
    assert_true(tern_type_text_table("i64 10 100 (ref null any)", &table, NULL));
    assert_true(table.limits.is_64 && table.limits.max == 100 && table.elem == vt_abstract(HEAP_ANY, true));
    assert_true(tern_type_text_global("(mut (ref extern))", &global, NULL));
    assert_true(global.is_mutable && global.type == vt_abstract(HEAP_EXTERN, false));
    assert_true(tern_type_text_global(" v128 ", &global, NULL) && !global.is_mutable && global.type == VT_V128);

    static const char *const memories[] = {"", "i64", "-1", "1 0", "1 shared", "65537", "1 65537", "0x", "1__0", "1_",
                                           "i64 0x1000000000001", "18446744073709551616", "1 2 3", "1 (pagesize 2)",
                                           "1 (pagesize 1", "shared 1 2", "4294967296 (pagesize 1)", "1 2 sharedd"};
    tern_error error;
    for (u32 i = 0; i < COUNT_OF(memories); i++)
        if (tern_type_text_memory(memories[i], &memory, &error)) fail_msg("\"%s\" is no memory", memories[i]);
    static const char *const tables[] = {"", "1", "1 i32", "funcref", "4294967296 funcref", "2 1 funcref",
                                         "1 funcref funcref", "1 (ref 0)"};
    for (u32 i = 0; i < COUNT_OF(tables); i++)
        if (tern_type_text_table(tables[i], &table, &error)) fail_msg("\"%s\" is no table", tables[i]);
    static const char *const globals[] = {"", "mut i32", "(mut)", "(mut i32", "i32 i32", "(mut i32) x", "((mut i32))"};
    for (u32 i = 0; i < COUNT_OF(globals); i++)
        if (tern_type_text_global(globals[i], &global, &error)) fail_msg("\"%s\" is no global", globals[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_function_type_reads_as_it_is_written, open_types, close_types),
        cmocka_unit_test_setup_teardown(junk_is_refused_with_its_place, open_types, close_types),
        cmocka_unit_test(limits_are_read_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
