/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lifetimes_test.c - loading, linking and tearing down, in usual and unusual orders. */
#include "guest.h"

static void loading_says_why_not(void **state)
{
    (void)state;
    char error[128];
    uint8_t empty[] = {0}, magic[] = {0, 'a', 's', 'm', 2, 0, 0, 0},
            aot[] = {0, 'a', 'o', 't', 6, 0, 0, 0};
    const char prefix[] = "WASM module load failed: ";
    assert_null(wasm_runtime_load(empty, 0, error, sizeof error));
    assert_int_equal(strncmp(error, prefix, sizeof prefix - 1), 0);
    assert_null(wasm_runtime_load(magic, sizeof magic, error, sizeof error));
    assert_int_equal(strncmp(error, prefix, sizeof prefix - 1), 0);
    assert_null(wasm_runtime_load(aot, sizeof aot, error, sizeof error));
    assert_int_equal(strncmp(error, "AOT module load failed: ", 24), 0);
    assert_null(wasm_runtime_load(magic, sizeof magic, error, 10));
    assert_string_equal(error, "WASM modu");
    assert_null(wasm_runtime_load(magic, sizeof magic, NULL, 0));
    assert_null(wasm_runtime_load_ex(magic, sizeof magic, NULL, error, sizeof error));
    assert_string_equal(error, "WASM module load failed: null load arguments");
    assert_int_equal(wasm_runtime_get_file_package_type(magic, 8), Wasm_Module_Bytecode);
    assert_int_equal(wasm_runtime_get_file_package_type(aot, 8), Wasm_Module_AoT);
    assert_int_equal(get_package_type(magic, 3), Package_Type_Unknown);
    assert_int_equal(wasm_runtime_get_file_package_version(aot, 8), 6);
    assert_false(wasm_runtime_is_xip_file(aot, sizeof aot));
}

static void a_read_only_buffer_can_be_loaded_twice(void **state)
{
    (void)state;
    uint32_t size;
    uint8_t *bytes = guest_bytes("exchange", &size), *copy = malloc(size);
    memcpy(copy, bytes, size);
    wasm_module_t a = wasm_runtime_load(bytes, size, NULL, 0),
                  b = wasm_runtime_load(bytes, size, NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_memory_equal(bytes, copy, size);
    assert_true(wasm_runtime_is_underlying_binary_freeable(a));
    assert_int_equal(wasm_runtime_get_module_package_type(a), Wasm_Module_Bytecode);
    assert_int_equal(wasm_runtime_get_module_package_version(a), 1);
    wasm_runtime_unload(a);
    wasm_runtime_unload(b);
    free(copy);
    free(bytes);
}

static void sections_make_a_module(void **state)
{
    (void)state;
    uint8_t type[] = {1, 0x60, 0, 1, 0x7f}, func[] = {1, 0}, export[] = {1, 1, 'f', 0, 0};
    uint8_t code[] = {1, 4, 0, 0x41, 9, 0x0b};
    wasm_section_t s[] = {{&s[1], 1, type, sizeof type},
                          {&s[2], 3, func, sizeof func},
                          {&s[3], 7, export, sizeof export},
                          {NULL, 10, code, sizeof code}};
    char error[128] = "";
    wasm_module_t module = wasm_runtime_load_from_sections(s, false, error, sizeof error);
    assert_string_equal(error, "");
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    assert_non_null(inst);
    uint32_t cells[1];
    assert_true(wasm_runtime_call_wasm(wasm_runtime_get_exec_env_singleton(inst),
                                       wasm_runtime_lookup_function(inst, "f"), 0, cells));
    assert_int_equal(cells[0], 9);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    assert_null(wasm_runtime_load_from_sections(s, true, error, sizeof error));
}

static void expect_instantiate_error(const char *name, const char *text)
{
    char error[256] = "";
    wasm_module_t module = guest_load(name);
    assert_null(wasm_runtime_instantiate(module, 0, 0, error, sizeof error));
    assert_string_equal(error, text);
    wasm_runtime_unload(module);
}

static void what_nobody_provides_is_named(void **state)
{
    (void)state;
    expect_instantiate_error(
        "import_global",
        "WASM module instantiate failed: failed to link import global (nobody, it)");
    expect_instantiate_error(
        "import_memory",
        "WASM module instantiate failed: failed to link import memory (nobody, it)");
    expect_instantiate_error(
        "import_table", "WASM module instantiate failed: failed to link import table (nobody, it)");
}

static void built_in_names_provide_storage_and_constants(void **state)
{
    (void)state;
    Guest g = guest_open("import_env", 0);
    uint32_t cells[2];
    assert_true(guest_call(&g, "nan", 0, cells));
    assert_true(cells[0] == 0 && cells[1] == 0x7ff80000);
    assert_true(wasm_runtime_is_import_global_linked("global", "NaN"));
    wasm_import_t import;
    wasm_runtime_get_import_type(g.module, 0, &import);
    assert_true(import.kind == WASM_IMPORT_EXPORT_KIND_MEMORY && import.linked);
    assert_int_equal(wasm_memory_type_get_init_page_count(import.u.memory_type), 1);
    assert_int_equal(wasm_memory_type_get_max_page_count(import.u.memory_type), 65536);
    guest_close(&g);
}

static void *seen_custom_data;
static void started(wasm_exec_env_t env)
{
    seen_custom_data = wasm_runtime_get_custom_data(wasm_runtime_get_module_inst(env));
}

static void a_trap_of_the_start_function_fails_with_its_text(void **state)
{
    (void)state;
    static NativeSymbol symbols[] = {EXPORT_WASM_API(started)};
    assert_true(wasm_runtime_register_natives("env", symbols, 1));
    wasm_module_t module = guest_load("start");
    struct InstantiationArgs2 *args;
    assert_true(wasm_runtime_instantiation_args_create(&args));
    wasm_runtime_instantiation_args_set_custom_data(args, &args);
    char error[128];
    assert_null(wasm_runtime_instantiate_ex2(module, args, error, sizeof error));
    assert_string_equal(error, "WASM module instantiate failed: Exception: unreachable");
    assert_ptr_equal(seen_custom_data, &args); /* before the start function */
    wasm_runtime_instantiation_args_destroy(args);
    wasm_runtime_unload(module);
}

static void wasi_settings_come_from_one_place(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("exit");
    wasm_runtime_set_wasi_args(module, NULL, 0, NULL, 0, NULL, 0, NULL, 0);
    struct InstantiationArgs2 *args;
    assert_true(wasm_runtime_instantiation_args_create(&args));
    wasm_runtime_instantiation_args_set_wasi_arg(args, NULL, 0);
    char error[128];
    assert_null(wasm_runtime_instantiate_ex2(module, args, error, sizeof error));
    assert_string_equal(
        error,
        "WASM module instantiate failed: WASI configuration was given via both of module and "
        "InstantiationArgs2");
    wasm_runtime_instantiation_args_destroy(args);
    wasm_runtime_unload(module);
}

/* --- registered modules ----------------------------------------------------------------------- */

static int readings, returned;
static bool reader(package_type_t type, const char *name, uint8_t **bytes, uint32_t *size)
{
    if (type != Wasm_Module_Bytecode || strcmp(name, "library") != 0) return false;
    readings++;
    *bytes = guest_bytes("library", size);
    return true;
}
static void destroyer(uint8_t *bytes, uint32_t size)
{
    (void)size;
    returned++;
    free(bytes);
}

static void use_library(Guest *g)
{
    uint32_t cells[1];
    assert_true(guest_call(g, "twice", 0, cells));
    assert_int_equal(cells[0], 42);
    assert_true(guest_call(g, "count", 0, cells));
    assert_int_equal(cells[0], 42); /* the global is shared, not copied */
    assert_false(guest_call(g, "fail", 0, cells));
    guest_expect_exception(g, "Exception: unreachable");
}

static void a_registered_module_provides_imports(void **state)
{
    (void)state;
    char error[128];
    wasm_module_t library = guest_load("library");
    assert_true(wasm_runtime_register_module("library", library, error, sizeof error));
    assert_true(wasm_runtime_register_module("library", library, error, sizeof error));
    assert_false(wasm_runtime_register_module("other", library, error, sizeof error));
    assert_false(wasm_runtime_register_module("env", library, error, sizeof error));
    assert_string_equal(error, "Register module failed: can not register as a built-in module");
    assert_ptr_equal(wasm_runtime_find_module_registered("library"), library);
    wasm_runtime_unload(library); /* the registry keeps it */
    Guest g = guest_open("user", 0), h = guest_open("user", 0);
    use_library(&g);
    use_library(&h); /* with its own instance of the library */
    guest_close(&g);
    guest_close(&h);
}

static void a_module_reader_is_asked_once(void **state)
{
    (void)state;
    readings = returned = 0;
    wasm_runtime_set_module_reader(reader, destroyer);
    Guest g = guest_open("user", 0);
    use_library(&g);
    guest_close(&g);
    Guest h = guest_open("user", 0);
    use_library(&h);
    guest_close(&h);
    assert_int_equal(readings, 1);
    assert_int_equal(returned, 1);
}

/* --- order ------------------------------------------------------------------------------------ */

static void handles_may_end_in_the_wrong_order(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 4096);
    wasm_runtime_unload(g.module);
    assert_int_equal(guest_call1(&g, "pages", 0), 2); /* one for the heap */
    wasm_runtime_deinstantiate(g.inst);
    wasm_runtime_destroy_exec_env(g.env);

    assert_true(wasm_runtime_init());
    wasm_runtime_destroy(); /* counted: still running */
    Guest h = guest_open("exchange", 0);
    guest_close(&h);
}

static void the_runtime_may_be_stopped_under_a_module(void **state)
{
    (void)state;
    assert_true(wasm_runtime_init());
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    Guest g = guest_open("exchange", 0);
    wasm_runtime_destroy();
    assert_null(wasm_runtime_malloc(1));
    assert_int_equal(guest_call1(&g, "pages", 0), 1);
    guest_close(&g);
    wasm_runtime_destroy(); /* one too many: only logged */
}

static int dtor_calls;
static void *dtor_last;
static void note_dtor(wasm_module_inst_t inst, void *ctx)
{
    (void)inst;
    dtor_calls++;
    dtor_last = ctx;
}

static void contexts_are_destroyed_with_the_instance(void **state)
{
    (void)state;
    void *keys[9];
    for (int i = 0; i < 8; i++)
        assert_non_null(keys[i] = wasm_runtime_create_context_key(note_dtor));
    assert_null(wasm_runtime_create_context_key(note_dtor));
    for (int i = 1; i < 8; i++) wasm_runtime_destroy_context_key(keys[i]);
    Guest g = guest_open("exchange", 0);
    assert_null(wasm_runtime_get_context(g.inst, keys[0]));
    wasm_runtime_set_context(g.inst, keys[0], &g);
    assert_ptr_equal(wasm_runtime_get_context(g.inst, keys[0]), &g);
    wasm_runtime_set_custom_data(g.inst, keys);
    assert_ptr_equal(wasm_runtime_get_custom_data(g.inst), keys);
    dtor_calls = 0;
    guest_close(&g);
    assert_int_equal(dtor_calls, 1);
    assert_ptr_equal(dtor_last, &g);
}

static void a_module_has_a_name_and_sections(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("exchange");
    assert_string_equal(wasm_runtime_get_module_name(module), "");
    assert_true(wasm_runtime_set_module_name(module, "exchange", NULL, 0));
    assert_string_equal(wasm_runtime_get_module_name(module), "exchange");
    assert_false(wasm_runtime_set_module_name(module, NULL, NULL, 0));
    assert_string_equal(wasm_runtime_get_module_name(NULL), "");
    uint32_t size;
    assert_null(wasm_runtime_get_custom_section(module, "nothing", &size));
    assert_int_equal(wasm_runtime_get_import_count(module), 0);
    assert_int_equal(wasm_runtime_get_export_count(module), 5);
    wasm_export_t export;
    wasm_runtime_get_export_type(module, 0, &export);
    assert_string_equal(export.name, "memory");
    assert_int_equal(export.kind, WASM_IMPORT_EXPORT_KIND_MEMORY);
    wasm_runtime_get_export_type(module, 5, &export);
    assert_null(export.name);
    assert_int_equal(wasm_runtime_get_import_count(NULL), -1);
    wasm_runtime_unload(module);
    uint32_t major, minor, patch;
    wasm_runtime_get_version(&major, &minor, &patch);
    assert_true(major == 2 && minor == 4 && patch == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(loading_says_why_not),
        RUNTIME_TEST(a_read_only_buffer_can_be_loaded_twice),
        RUNTIME_TEST(sections_make_a_module),
        RUNTIME_TEST(what_nobody_provides_is_named),
        RUNTIME_TEST(built_in_names_provide_storage_and_constants),
        RUNTIME_TEST(a_trap_of_the_start_function_fails_with_its_text),
        RUNTIME_TEST(wasi_settings_come_from_one_place),
        RUNTIME_TEST(a_registered_module_provides_imports),
        RUNTIME_TEST(a_module_reader_is_asked_once),
        RUNTIME_TEST(handles_may_end_in_the_wrong_order),
        cmocka_unit_test(the_runtime_may_be_stopped_under_a_module),
        RUNTIME_TEST(contexts_are_destroyed_with_the_instance),
        RUNTIME_TEST(a_module_has_a_name_and_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
