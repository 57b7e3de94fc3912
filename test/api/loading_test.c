/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* loading_test.c - packages and modules: section 1.2.3 of the compatible API. What lifetimes_test.c says about
 * order and buffers is not repeated. */
#include "guest.h"

static void a_file_tells_its_type_and_version(void **state)
{
    (void)state;
    static const uint8_t wasm[] = {0, 'a', 's', 'm', 1, 0, 0, 0}, aot[] = {0, 'a', 'o', 't', 6, 0, 0, 0},
                         text[] = "(module)";
    assert_int_equal(wasm_runtime_get_file_package_type(wasm, 8), Wasm_Module_Bytecode);
    assert_int_equal(wasm_runtime_get_file_package_type(wasm, 4), Wasm_Module_Bytecode);
    assert_int_equal(wasm_runtime_get_file_package_type(aot, 8), Wasm_Module_AoT);
    assert_int_equal(wasm_runtime_get_file_package_type(wasm, 3), Package_Type_Unknown);
    assert_int_equal(wasm_runtime_get_file_package_type(text, 8), Package_Type_Unknown);
    assert_int_equal(wasm_runtime_get_file_package_type(NULL, 8), Package_Type_Unknown);
    assert_int_equal(get_package_type(wasm, 8), Wasm_Module_Bytecode);
    assert_int_equal(get_package_type(aot, 8), Wasm_Module_AoT);
    assert_int_equal(wasm_runtime_get_file_package_version(wasm, 8), 1);
    assert_int_equal(wasm_runtime_get_file_package_version(aot, 8), 6);
    assert_int_equal(wasm_runtime_get_file_package_version(wasm, 7), 0);
    assert_int_equal(wasm_runtime_get_file_package_version(NULL, 8), 0);
    assert_int_equal(wasm_runtime_get_current_package_version(Wasm_Module_Bytecode), 1);
    assert_int_equal(wasm_runtime_get_current_package_version(Wasm_Module_AoT), 6);
    assert_int_equal(wasm_runtime_get_current_package_version(Package_Type_Unknown), 0);

    wasm_module_t module = guest_load("exchange");
    assert_int_equal(wasm_runtime_get_module_package_type(module), Wasm_Module_Bytecode);
    assert_int_equal(wasm_runtime_get_module_package_version(module), 1);
    assert_int_equal(wasm_runtime_get_module_package_type(NULL), Package_Type_Unknown);
    assert_int_equal(wasm_runtime_get_module_package_version(NULL), 0);
    wasm_runtime_unload(module);
}

static void a_file_that_executes_in_place_is_recognised(void **state)
{
    (void)state;
    /* header; section 0 (target info) of 8 bytes, whose third half word says relocatable (1) or in place (4) */
    uint8_t aot[] = {0, 'a', 'o', 't', 6, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0x3e, 0};
    assert_true(wasm_runtime_is_xip_file(aot, sizeof aot));
    for (uint32_t size = 0; size < sizeof aot; size++) assert_false(wasm_runtime_is_xip_file(aot, size));
    aot[20] = 1;
    assert_false(wasm_runtime_is_xip_file(aot, sizeof aot));
    aot[1] = 'b';
    assert_false(wasm_runtime_is_xip_file(aot, sizeof aot));
    /* behind another section, which is aligned */
    uint8_t second[] = {0, 'a', 'o', 't', 6, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0,
                        0, 0,   0,   0,   8, 0, 0, 0, 1, 0, 0, 0, 4, 0, 4, 0, 0, 0, 0, 0};
    assert_true(wasm_runtime_is_xip_file(second, sizeof second));
    second[12] = 0xff, second[15] = 0xff;
    assert_false(wasm_runtime_is_xip_file(second, sizeof second));
}

static void a_module_is_loaded_with_a_name(void **state)
{
    (void)state;
    uint32_t size;
    uint8_t *bytes = guest_bytes("exchange", &size);
    char name[] = "named", error[128] = "";
    LoadArgs args = {.name = name, .wasm_binary_freeable = true};
    wasm_module_t module = wasm_runtime_load_ex(bytes, size, &args, error, sizeof error);
    free(bytes);
    assert_non_null(module);
    strcpy(name, "other");
    assert_string_equal(wasm_runtime_get_module_name(module), "named");
    assert_true(wasm_runtime_is_underlying_binary_freeable(module));
    assert_true(wasm_runtime_set_module_name(module, "renamed", error, sizeof error));
    assert_string_equal(wasm_runtime_get_module_name(module), "renamed");
    assert_false(wasm_runtime_set_module_name(module, NULL, error, sizeof error));
    assert_false(wasm_runtime_set_module_name(NULL, "x", NULL, 0));
    assert_string_equal(wasm_runtime_get_module_name(NULL), "");
    assert_null(wasm_runtime_get_module_hash(module));
    wasm_runtime_unload(module);
}

static void reasons_are_WAMRs_as_far_as_it_gives_them(void **state)
{
    (void)state;
    uint8_t magic[] = {0, 'a', 's', 'n', 1, 0, 0, 0}, version[] = {0, 'a', 's', 'm', 9, 0, 0, 0},
            cut[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 1, 1, 1};
    char error[256];
    assert_null(wasm_runtime_load(magic, sizeof magic, error, sizeof error));
    assert_non_null(strstr(error, "WASM module load failed: magic header not detected"));
    assert_null(wasm_runtime_load(version, sizeof version, error, sizeof error));
    assert_non_null(strstr(error, "WASM module load failed: unknown binary version"));
    assert_null(wasm_runtime_load(cut, sizeof cut, error, sizeof error));
    assert_non_null(strstr(error, "WASM module load failed: unexpected end"));
    assert_null(wasm_runtime_load(NULL, 8, error, sizeof error));
    assert_null(wasm_runtime_load_ex(magic, sizeof magic, NULL, error, sizeof error));
    assert_non_null(strstr(error, "null load arguments"));
    assert_null(wasm_runtime_load_from_sections(NULL, true, error, sizeof error));
    assert_int_equal(strncmp(error, "AOT module load failed: ", 24), 0);
}

static void the_first_custom_section_of_a_name_is_given(void **state)
{
    (void)state;
    uint8_t bytes[] = {0, 'a', 's', 'm', 1, 0, 0, 0, 0, 4, 1, 'x', 1, 2, 0, 3, 1, 'x', 9, 0, 2, 1, 'y'};
    wasm_module_t module = wasm_runtime_load(bytes, sizeof bytes, NULL, 0);
    assert_non_null(module);
    uint32_t size = 99;
    const uint8_t *section = wasm_runtime_get_custom_section(module, "x", &size);
    assert_int_equal(size, 2);
    assert_memory_equal(section, "\1\2", 2);
    assert_non_null(wasm_runtime_get_custom_section(module, "y", &size));
    assert_int_equal(size, 0);
    assert_null(wasm_runtime_get_custom_section(module, "z", &size));
    wasm_runtime_unload(module);
}

static void registering_refuses_in_these_words(void **state)
{
    (void)state;
    char error[128];
    wasm_module_t a = guest_load("library"), b = guest_load("exchange");
    assert_false(wasm_runtime_register_module("a", NULL, error, sizeof error));
    assert_string_equal(error, "Register module failed: module is null");
    static const char *const own[] = {"env", "wasi_unstable", "wasi_snapshot_preview1", ""};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        assert_false(wasm_runtime_register_module(own[i], a, error, sizeof error));
        assert_string_equal(error, "Register module failed: can not register as a built-in module");
    }
    assert_false(wasm_runtime_register_module(NULL, a, error, sizeof error));
    assert_true(wasm_runtime_register_module("a", a, error, sizeof error));
    assert_true(wasm_runtime_register_module("a", a, error, sizeof error)); /* the same pair again */
    assert_false(wasm_runtime_register_module("a", b, error, sizeof error));
    assert_non_null(strstr(error, "Register module failed: the module name"));
    assert_false(wasm_runtime_register_module("b", a, error, sizeof error));
    assert_non_null(strstr(error, "Register module failed: the module has been registered"));
    assert_ptr_equal(wasm_runtime_find_module_registered("a"), a);
    assert_null(wasm_runtime_find_module_registered("b"));
    wasm_runtime_unload(b);
    wasm_runtime_unload(a);
    assert_ptr_equal(wasm_runtime_find_module_registered("a"), a); /* the registry has it */
}

static int nreads;
static bool no_module(package_type_t type, const char *name, uint8_t **bytes, uint32_t *size)
{
    (void)type, (void)name, (void)bytes, (void)size;
    nreads++;
    return false;
}

static bool broken_module(package_type_t type, const char *name, uint8_t **bytes, uint32_t *size)
{
    (void)type, (void)name;
    *bytes = malloc(4);
    *size = 4;
    memcpy(*bytes, "junk", 4);
    nreads++;
    return true;
}

static int nreturns;
static void give_back(uint8_t *bytes, uint32_t size)
{
    nreturns += size == 4;
    free(bytes);
}

static void a_reader_without_the_module_leaves_imports_open(void **state)
{
    (void)state;
    char error[256] = "";
    nreads = nreturns = 0;
    wasm_runtime_set_module_reader(no_module, NULL);
    wasm_module_t module = guest_load("user");
    assert_true(nreads > 0);
    assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
    assert_non_null(strstr(error, "WASM module instantiate failed: failed to link import"));
    wasm_runtime_unload(module);
    nreads = 0;
    wasm_runtime_set_module_reader(broken_module, give_back);
    module = guest_load("user");
    assert_true(nreads > 0);
    assert_int_equal(nreads, nreturns);
    wasm_runtime_unload(module);
    wasm_runtime_set_module_reader(NULL, NULL);
}

static int32_t number(wasm_exec_env_t env)
{
    (void)env;
    return 3;
}

static void symbols_are_resolved_later_if_that_was_asked(void **state)
{
    (void)state;
    static NativeSymbol symbols[] = {{"started", (void *)number, "()", NULL}};
    uint32_t size;
    uint8_t *bytes = guest_bytes("start_spins", &size);
    LoadArgs args = {.no_resolve = true};
    wasm_module_t module = wasm_runtime_load_ex(bytes, size, &args, NULL, 0);
    free(bytes);
    wasm_import_t import;
    wasm_runtime_get_import_type(module, 0, &import);
    assert_false(import.linked);
    assert_false(wasm_runtime_resolve_symbols(module));
    assert_true(wasm_runtime_register_natives("env", symbols, 1));
    assert_true(wasm_runtime_resolve_symbols(module));
    assert_true(wasm_runtime_resolve_symbols(module));
    wasm_runtime_get_import_type(module, 0, &import);
    assert_true(import.linked);
    wasm_runtime_unload(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(a_file_tells_its_type_and_version),
        RUNTIME_TEST(a_file_that_executes_in_place_is_recognised),
        RUNTIME_TEST(a_module_is_loaded_with_a_name),
        RUNTIME_TEST(reasons_are_WAMRs_as_far_as_it_gives_them),
        RUNTIME_TEST(the_first_custom_section_of_a_name_is_given),
        RUNTIME_TEST(registering_refuses_in_these_words),
        RUNTIME_TEST(a_reader_without_the_module_leaves_imports_open),
        RUNTIME_TEST(symbols_are_resolved_later_if_that_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
