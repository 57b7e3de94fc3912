/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* source_test.c - places in the source, through tern.h. The module is test/cli/modules/source_cpp.cpp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tern.h"

static tern_module *load(tern_engine *engine, const char *path)
{
    static uint8_t bytes[65536];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    tern_error error;
    tern_module *module = tern_module_load(engine, bytes, size, &error);
    assert_non_null(module);
    return module;
}

static bool is(tern_name name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.bytes, text, name.size) == 0;
}

static void a_frame_has_places_innermost_first(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_module *module = load(engine, "test/cli/modules/source_cpp.wasm");
    tern_instance *instance = tern_instance_create(module, NULL, NULL);
    assert_non_null(instance);
    tern_value arg = {0}, result;
    assert_int_equal(tern_instance_call(instance, "run", &arg, 1, &result, 1, NULL), TERN_TRAPPED);

    /* quotient, inlined into share */
    tern_source s[4];
    assert_int_equal(tern_instance_trap_source(instance, 0, s, 4), 2);
    assert_true(is(s[0].file, "source_cpp.cpp") && s[0].line == 6 && s[0].column == 14 && s[0].is_inlined);
    assert_true(is(s[1].func, "shop::Cake::share(int) const") && s[1].line == 16 && !s[1].is_inlined);
    assert_true(is(s[1].comp_dir, "."));
    assert_int_equal(tern_instance_trap_source(instance, 0, s, 1), 2);
    assert_int_equal(tern_instance_trap_source(instance, 9, s, 4), 0);

    tern_frame frame;
    assert_true(tern_instance_trap_frame(instance, 1, &frame));
    tern_instance_destroy(instance);
    assert_int_equal(tern_module_source(module, frame.offset, s, 4), 1); /* the module says it, without an instance */
    assert_true(is(s[0].func, "run") && s[0].line == 24);
    assert_int_equal(tern_module_source(module, 0, s, 4), 0);
    assert_int_equal(tern_module_source(module, UINT64_MAX, s, 4), 0);
    tern_module_unload(module);

    module = load(engine, "test/cli/modules/math.wasm"); /* says nothing */
    assert_int_equal(tern_module_source(module, 200, s, 4), 0);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_frame_has_places_innermost_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
