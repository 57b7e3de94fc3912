/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_modules_test.c - tern.h: loading, looking into modules, values, errors that say what stopped a call, and
 * directories in memory, all through the header alone. */
#include "tern_guest.h"

#define TEXT(call) (text[0] = '\0', (void)(call), text)

static void a_version_is_the_headers(void **state)
{
    (void)state;
    assert_string_equal(tern_version(), TERN_VERSION);
}

static void a_file_is_loaded_or_the_error_names_it(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_module_load_file(engine, "test/api/wasm/types.wasm", &error);
    assert_non_null(module);
    tern_module_unload(module);

    assert_null(tern_module_load_file(engine, "test/api/wasm/no-such-file.wasm", &error));
    assert_int_equal(error.kind, TERN_ERROR_FILE);
    assert_non_null(strstr(error.text, "test/api/wasm/no-such-file.wasm: No such file"));
    assert_null(tern_module_load_file(engine, "test/api/wasm", &error)); /* a directory */
    assert_int_equal(error.kind, TERN_ERROR_FILE);
    assert_null(tern_module_load_file(engine, "/dev/null", &error)); /* nothing in it */
    assert_int_equal(error.kind, TERN_ERROR_MALFORMED);
    assert_null(tern_module_load_file(engine, "test/api/wasm/types.wat", &error)); /* text */
    assert_int_equal(error.kind, TERN_ERROR_MALFORMED);
    assert_null(tern_module_load_file(NULL, "test/api/wasm/types.wasm", &error)); /* an engine without memory */
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
    tern_engine_destroy(engine);
}

static void the_first_error_stays_when_nothing_is_instantiated(void **state)
{
    (void)state;
    tern_error error = {TERN_ERROR_MALFORMED, "the first"};
    assert_null(tern_instance_create(NULL, NULL, &error));
    assert_string_equal(error.text, "the first");
}

static void a_module_tells_what_it_wants_and_offers(void **state)
{
    (void)state;
    char text[256];
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_guest_load(engine, "types");
    tern_counts counts;
    tern_module_counts(module, &counts);
    assert_int_equal(counts.imports, 6);
    assert_int_equal(counts.exports, 8);
    assert_int_equal(counts.funcs, 4);
    assert_int_equal(counts.imported_funcs, 2);
    assert_int_equal(counts.tables, 2);
    assert_int_equal(counts.globals, 4);
    assert_false(counts.has_start);

    tern_item item;
    assert_true(tern_module_import(module, 0, &item));
    assert_int_equal(item.kind, TERN_FUNC);
    assert_memory_equal(item.name.bytes, "known", item.name.size);
    assert_false(tern_module_import(module, 6, &item));
    assert_string_equal(TEXT(tern_module_type_text(module, TERN_FUNC, 0, text, sizeof text)),
                        "(param i32 i64 f32 f64 v128 externref funcref) (result externref)");
    assert_string_equal(TEXT(tern_module_type_text(module, TERN_TABLE, 0, text, sizeof text)), "3 9 externref");
    assert_string_equal(TEXT(tern_module_type_text(module, TERN_MEMORY, 0, text, sizeof text)), "2 5");
    assert_true(tern_module_export(module, 0, &item));
    assert_int_equal(item.kind, TERN_TABLE);
    assert_memory_equal(item.name.bytes, "functions", item.name.size);
    assert_false(tern_module_export(module, 8, &item));

    uint32_t func = 0;
    assert_true(tern_module_find_func(module, "two", &func));
    assert_false(tern_module_find_func(module, "three", &func));
    assert_false(tern_module_find_func(module, "fixed", &func)); /* a global */
    assert_int_equal(tern_module_nparams(module, func), 1);
    assert_int_equal(tern_module_nresults(module, func), 2);
    assert_int_equal(tern_module_param(module, func, 0), TERN_F64);
    assert_int_equal(tern_module_result(module, func, 1), TERN_REF);
    assert_non_null(strstr(TEXT(tern_module_features_text(module, text, sizeof text)), "simd"));
    size_t size = tern_module_code_text(module, func, text, sizeof text);
    assert_true(size > 0);
    assert_int_equal(tern_module_code_text(module, 0, text, sizeof text), 0); /* imported */

    uint64_t position = 0, end = 8;
    tern_section section;
    while (tern_module_next_section(module, &position, &section)) {
        assert_true(section.offset >= end);
        end = section.offset + section.size_bytes;
    }
    assert_true(end > 8);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

static void values_are_made_of_numbers(void **state)
{
    (void)state;
    assert_true(tern_i32(7).kind == TERN_I32 && tern_i32(7).of.i32 == 7);
    assert_true(tern_i64(8).kind == TERN_I64 && tern_i64(8).of.i64 == 8);
    assert_true(tern_f32(0.5f).kind == TERN_F32 && tern_f32(0.5f).of.f32 == 0.5f);
    assert_true(tern_f64(0.25).kind == TERN_F64 && tern_f64(0.25).of.f64 == 0.25);
    assert_true(tern_ref_value(NULL).kind == TERN_REF && tern_ref_value(NULL).of.ref == NULL);
}

static void the_error_says_what_stopped_a_call(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_instance *guest = tern_guest_open(engine, "tern_spin", NULL);
    assert_true(tern_instance_set_fuel(guest, 1000));
    assert_int_equal(tern_instance_call(guest, "spin", NULL, 0, NULL, 0, &error), TERN_TRAPPED);
    assert_int_equal(error.kind, TERN_ERROR_TRAP);
    assert_non_null(strstr(error.text, "all fuel consumed"));
    tern_instance_destroy(guest);

    guest = tern_guest_open(engine, "exit", NULL);
    assert_int_equal(tern_instance_run(guest, &error), TERN_EXITED);
    assert_int_equal(error.kind, TERN_ERROR_EXIT);
    char expected[64];
    snprintf(expected, sizeof expected, "the guest exited with code %u", tern_instance_exit_code(guest));
    assert_string_equal(error.text, expected);
    tern_instance_destroy(guest);
    tern_engine_destroy(engine);
}

static void what_is_not_there_holds_nothing(void **state)
{
    (void)state;
    uint8_t byte = 0;
    tern_ref *ref = NULL;
    tern_value value = tern_i32(0);
    assert_int_equal(tern_memory_size(NULL), 0);
    assert_false(tern_memory_read(NULL, 0, &byte, 1));
    assert_false(tern_memory_write(NULL, 0, &byte, 1));
    assert_null(tern_memory_slice(NULL, 0, 0));
    assert_null(tern_memory_cstr(NULL, 0, 10, NULL));
    assert_true(tern_memory_grow(NULL, 0) == UINT64_MAX);
    assert_int_equal(tern_table_size(NULL), 0);
    assert_false(tern_table_get(NULL, 0, &ref));
    assert_false(tern_table_set(NULL, 0, NULL));
    assert_true(tern_table_grow(NULL, 0, NULL) == UINT64_MAX);
    assert_false(tern_global_get(NULL, &value));
    assert_false(tern_global_set(NULL, &value));
}

static void a_directory_in_memory_gives_back_what_it_was_given(void **state)
{
    (void)state;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_vdir *vdir = tern_vdir_create(engine, 10000);
    assert_true(tern_vdir_put(vdir, "a/b/hello.txt", "hello", 5, &error));
    void *bytes = NULL;
    size_t size = 0;
    assert_true(tern_vdir_get(vdir, "a/b/hello.txt", &bytes, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "hello", 5);
    tern_vdir_free_bytes(vdir, bytes);
    assert_false(tern_vdir_get(vdir, "a/b", &bytes, &size));
    assert_false(tern_vdir_get(vdir, "a/c", &bytes, &size));
    assert_false(tern_vdir_put(vdir, "../outside", "x", 1, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    assert_false(tern_vdir_put(vdir, "a/b", "x", 1, &error)); /* a directory is in the way */
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    char large[10001] = "";
    assert_false(tern_vdir_put(vdir, "large", large, sizeof large, &error));
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
    tern_vdir_destroy(vdir);
    tern_vdir_destroy(NULL);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_the_headers),
        cmocka_unit_test(a_file_is_loaded_or_the_error_names_it),
        cmocka_unit_test(the_first_error_stays_when_nothing_is_instantiated),
        cmocka_unit_test(a_module_tells_what_it_wants_and_offers),
        cmocka_unit_test(values_are_made_of_numbers),
        cmocka_unit_test(the_error_says_what_stopped_a_call),
        cmocka_unit_test(what_is_not_there_holds_nothing),
        cmocka_unit_test(a_directory_in_memory_gives_back_what_it_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
