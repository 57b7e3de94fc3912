/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* registered_module_test.c - a module that the host registered and did not unload stayed when the library stopped; one
 * that a reader had given, found by its name and unloaded, was freed while it was in use. The registry owns both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wasm_export.h"

static long live;

static void *count_malloc(unsigned int size)
{
    live++;
    return malloc(size);
}

static void count_free(void *p)
{
    live -= p != NULL;
    free(p);
}

static void start(void)
{
    RuntimeInitArgs init = {.mem_alloc_type = Alloc_With_Allocator};
    init.mem_alloc_option.allocator.malloc_func = (void *)count_malloc;
    init.mem_alloc_option.allocator.free_func = (void *)count_free;
    assert_true(wasm_runtime_full_init(&init));
}

/* Exports f: [] -> [i32], which gives 42. */
static uint8_t library[] = "\0asm\1\0\0\0\1\5\1\x60\0\1\x7f\3\2\1\0\7\5\1\1f\0\0\x0a\6\1\4\0\x41\x2a\x0b";
/* Imports and exports it. */
static uint8_t user[] = "\0asm\1\0\0\0\1\5\1\x60\0\1\x7f\2\7\1\1l\1f\0\0\7\5\1\1f\0\0";

static void use_library(void)
{
    char error[128];
    wasm_module_t module = wasm_runtime_load(user, sizeof user - 1, error, sizeof error);
    assert_non_null(module);
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, error, sizeof error);
    assert_non_null(inst);
    uint32_t cells[1] = {0};
    assert_true(wasm_runtime_call_wasm(wasm_runtime_get_exec_env_singleton(inst),
                                       wasm_runtime_lookup_function(inst, "f"), 0, cells));
    assert_int_equal(cells[0], 42);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
}

static void it_ends_with_the_library_unloaded_or_not(void **state)
{
    (void)state;
    for (int nunloads = 0; nunloads < 3; nunloads++) {
        start();
        wasm_module_t module = wasm_runtime_load(library, sizeof library - 1, NULL, 0);
        assert_non_null(module);
        assert_true(wasm_runtime_register_module("l", module, NULL, 0));
        use_library();
        for (int i = 0; i < nunloads; i++) wasm_runtime_unload(module);
        use_library();
        wasm_runtime_destroy();
        assert_int_equal(live, 0);
    }
}

static bool give_library(package_type_t type, const char *name, uint8_t **bytes, uint32_t *size)
{
    (void)type, (void)name;
    *bytes = library;
    *size = sizeof library - 1;
    return true;
}

static void one_that_was_read_is_not_the_hosts_to_unload(void **state)
{
    (void)state;
    start();
    wasm_runtime_set_module_reader(give_library, NULL);
    use_library();
    wasm_module_t module = wasm_runtime_find_module_registered("l");
    assert_non_null(module);
    wasm_runtime_unload(module);
    use_library();
    assert_ptr_equal(wasm_runtime_find_module_registered("l"), module);
    wasm_runtime_destroy();
    assert_int_equal(live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_with_the_library_unloaded_or_not),
        cmocka_unit_test(one_that_was_read_is_not_the_hosts_to_unload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
