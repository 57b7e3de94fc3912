/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* types_test.c - what a module imports and exports, and of which types: section 1.2.4 of the compatible API. */
#include "guest.h"

#define KIND_NONE 0xff

static uintptr_t known(wasm_exec_env_t env, int32_t a)
{
    (void)env, (void)a;
    return 0;
}

static wasm_import_t import_at(wasm_module_t module, int32_t i)
{
    wasm_import_t import;
    memset(&import, 0x55, sizeof import);
    wasm_runtime_get_import_type(module, i, &import);
    return import;
}

static wasm_export_t export_at(wasm_module_t module, int32_t i)
{
    wasm_export_t export;
    memset(&export, 0x55, sizeof export);
    wasm_runtime_get_export_type(module, i, &export);
    return export;
}

static void imports_come_in_the_modules_order(void **state)
{
    (void)state;
    static const struct {
        const char *module, *name;
        int kind;
        bool linked;
    } rows[] = {
        {"env", "known", WASM_IMPORT_EXPORT_KIND_FUNC, false},
        {"env", "unknown", WASM_IMPORT_EXPORT_KIND_FUNC, false},
        {"env", "table", WASM_IMPORT_EXPORT_KIND_TABLE, true},
        {"env", "memory", WASM_IMPORT_EXPORT_KIND_MEMORY, true},
        {"global", "NaN", WASM_IMPORT_EXPORT_KIND_GLOBAL, true},
        {"nobody", "counter", WASM_IMPORT_EXPORT_KIND_GLOBAL, false},
    };
    wasm_module_t module = guest_load("types");
    assert_int_equal(wasm_runtime_get_import_count(module), 6);
    for (int32_t i = 0; i < 6; i++) {
        wasm_import_t import = import_at(module, i);
        assert_string_equal(import.module_name, rows[i].module);
        assert_string_equal(import.name, rows[i].name);
        assert_int_equal(import.kind, rows[i].kind);
        assert_true(import.linked == rows[i].linked);
    }
    wasm_import_t none = import_at(module, 6), zero = {0};
    assert_memory_equal(&none, &zero, sizeof zero);
    none = import_at(module, -1);
    assert_memory_equal(&none, &zero, sizeof zero);
    none = import_at(NULL, 0);
    assert_memory_equal(&none, &zero, sizeof zero);
    assert_int_equal(wasm_runtime_get_import_count(NULL), -1);
    wasm_runtime_unload(module);
}

static void exports_come_in_the_modules_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int kind;
    } rows[] = {
        {"functions", WASM_IMPORT_EXPORT_KIND_TABLE}, {"fixed", WASM_IMPORT_EXPORT_KIND_GLOBAL},
        {"variable", WASM_IMPORT_EXPORT_KIND_GLOBAL}, {"host", WASM_IMPORT_EXPORT_KIND_FUNC},
        {"outer", WASM_IMPORT_EXPORT_KIND_MEMORY},    {"strangers", WASM_IMPORT_EXPORT_KIND_TABLE},
        {"nothing", WASM_IMPORT_EXPORT_KIND_FUNC},    {"two", WASM_IMPORT_EXPORT_KIND_FUNC},
    };
    wasm_module_t module = guest_load("types");
    assert_int_equal(wasm_runtime_get_export_count(module), 8);
    for (int32_t i = 0; i < 8; i++) {
        wasm_export_t export = export_at(module, i);
        assert_string_equal(export.name, rows[i].name);
        assert_int_equal(export.kind, rows[i].kind);
    }
    wasm_export_t none = export_at(module, 8), zero = {0};
    assert_memory_equal(&none, &zero, sizeof zero);
    none = export_at(NULL, 0);
    assert_memory_equal(&none, &zero, sizeof zero);
    assert_int_equal(wasm_runtime_get_export_count(NULL), -1);
    wasm_runtime_unload(module);
}

static void function_types_name_every_kind(void **state)
{
    (void)state;
    static const wasm_valkind_t params[] = {WASM_I32,  WASM_I64,       WASM_F32,    WASM_F64,
                                            WASM_V128, WASM_EXTERNREF, WASM_FUNCREF};
    wasm_module_t module = guest_load("types");
    wasm_func_type_t type = import_at(module, 0).u.func_type;
    assert_int_equal(wasm_func_type_get_param_count(type), 7);
    for (uint32_t i = 0; i < 7; i++)
        assert_int_equal(wasm_func_type_get_param_valkind(type, i), params[i]);
    assert_int_equal(wasm_func_type_get_param_valkind(type, 7), KIND_NONE);
    assert_int_equal(wasm_func_type_get_param_valkind(NULL, 0), KIND_NONE);
    assert_int_equal(wasm_func_type_get_result_count(type), 1);
    assert_int_equal(wasm_func_type_get_result_valkind(type, 0), WASM_EXTERNREF);
    assert_int_equal(wasm_func_type_get_result_valkind(type, 1), KIND_NONE);
    assert_int_equal(wasm_func_type_get_result_valkind(NULL, 0), KIND_NONE);

    type = import_at(module, 1).u.func_type;
    assert_int_equal(wasm_func_type_get_param_count(type), 0);
    assert_int_equal(wasm_func_type_get_result_count(type), 2);
    assert_int_equal(wasm_func_type_get_result_valkind(type, 0), WASM_I32);
    assert_int_equal(wasm_func_type_get_result_valkind(type, 1), WASM_I64);
    type = export_at(module, 7).u.func_type;
    assert_int_equal(wasm_func_type_get_param_valkind(type, 0), WASM_F64);
    assert_int_equal(wasm_func_type_get_result_valkind(type, 0), WASM_F32);
    assert_int_equal(wasm_func_type_get_result_valkind(type, 1), WASM_EXTERNREF);
    type = export_at(module, 6).u.func_type;
    assert_int_equal(wasm_func_type_get_result_count(type), 0);
    wasm_runtime_unload(module);
}

static void global_types_tell_kind_and_mutability(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("types");
    wasm_global_type_t nan = import_at(module, 4).u.global_type,
                       counter = import_at(module, 5).u.global_type,
                       fixed = export_at(module, 1).u.global_type,
                       variable = export_at(module, 2).u.global_type;
    assert_true(wasm_global_type_get_valkind(nan) == WASM_F64 && !wasm_global_type_get_mutable(nan));
    assert_true(wasm_global_type_get_valkind(counter) == WASM_I64 && wasm_global_type_get_mutable(counter));
    assert_true(wasm_global_type_get_valkind(fixed) == WASM_F32 && !wasm_global_type_get_mutable(fixed));
    assert_true(wasm_global_type_get_valkind(variable) == WASM_V128 && wasm_global_type_get_mutable(variable));
    assert_int_equal(wasm_global_type_get_valkind(NULL), KIND_NONE);
    wasm_runtime_unload(module);
}

static void memory_types_are_as_declared(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("types"), shared = guest_load("limits"), open = guest_load("import_env");
    wasm_memory_type_t type = import_at(module, 3).u.memory_type;
    assert_int_equal(wasm_memory_type_get_init_page_count(type), 2);
    assert_int_equal(wasm_memory_type_get_max_page_count(type), 5);
    assert_false(wasm_memory_type_get_shared(type));
    type = export_at(module, 4).u.memory_type; /* the same, exported */
    assert_int_equal(wasm_memory_type_get_max_page_count(type), 5);
    type = export_at(shared, 0).u.memory_type;
    assert_int_equal(wasm_memory_type_get_init_page_count(type), 1);
    assert_int_equal(wasm_memory_type_get_max_page_count(type), 7);
    assert_true(wasm_memory_type_get_shared(type));
    type = import_at(open, 0).u.memory_type;
    assert_int_equal(wasm_memory_type_get_max_page_count(type), 65536);
    wasm_runtime_unload(module);
    wasm_runtime_unload(shared);
    wasm_runtime_unload(open);
}

static void table_types_are_as_declared(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("types");
    wasm_table_type_t strangers = import_at(module, 2).u.table_type, functions = export_at(module, 0).u.table_type;
    assert_int_equal(wasm_table_type_get_elem_kind(strangers), WASM_EXTERNREF);
    assert_int_equal(wasm_table_type_get_init_size(strangers), 3);
    assert_int_equal(wasm_table_type_get_max_size(strangers), 9);
    assert_false(wasm_table_type_get_shared(strangers));
    assert_int_equal(wasm_table_type_get_elem_kind(functions), WASM_FUNCREF);
    assert_int_equal(wasm_table_type_get_init_size(functions), 4);
    assert_true(wasm_table_type_get_max_size(functions) >= 1024); /* none declared */
    wasm_runtime_unload(module);
}

static void natives_and_constants_can_be_asked_for_by_name(void **state)
{
    (void)state;
    static NativeSymbol symbols[] = {{"known", (void *)known, NULL, NULL}};
    assert_false(wasm_runtime_is_import_func_linked("env", "known"));
    assert_true(wasm_runtime_register_natives("env", symbols, 1));
    assert_true(wasm_runtime_is_import_func_linked("env", "known"));
    assert_true(wasm_runtime_is_import_func_linked("wasi_snapshot_preview1", "fd_write"));
    assert_false(wasm_runtime_is_import_func_linked("wasi_snapshot_preview1", "fd_paint"));
    assert_false(wasm_runtime_is_import_func_linked("nobody", "known"));
    assert_true(wasm_runtime_is_import_global_linked("global", "NaN"));
    assert_true(wasm_runtime_is_import_global_linked("global", "Infinity"));
    assert_false(wasm_runtime_is_import_global_linked("global", "zero"));
    assert_false(wasm_runtime_is_import_global_linked("env", "NaN"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(imports_come_in_the_modules_order),
        RUNTIME_TEST(exports_come_in_the_modules_order),
        RUNTIME_TEST(function_types_name_every_kind),
        RUNTIME_TEST(global_types_tell_kind_and_mutability),
        RUNTIME_TEST(memory_types_are_as_declared),
        RUNTIME_TEST(table_types_are_as_declared),
        RUNTIME_TEST(natives_and_constants_can_be_asked_for_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
