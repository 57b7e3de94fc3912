/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* aot_test.c - aot_export.h of a library without WAMR's compiler: section 1.5 of the compatible API. Every answer is
 * no, none of them crashes, and the last error says why. */
#include "guest.h"

#include "aot_export.h"

static void every_answer_is_no(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("exchange");
    char name[] = "x";
    uint8_t buf[16] = {0};
    uint32_t size = 7;
    AOTCompOption option = {0};
    assert_false(aot_compiler_init());
    assert_null(aot_create_comp_data(module, "x86_64", false));
    assert_null(create_dwarf_extractor(NULL, name));
    assert_null(aot_create_comp_context(NULL, &option));
    assert_false(aot_compile_wasm(NULL));
    assert_null(aot_obj_data_create(NULL));
    assert_int_equal(aot_get_aot_file_size(NULL, NULL, NULL), 0);
    assert_null(aot_emit_aot_file_buf(NULL, NULL, &size));
    assert_int_equal(size, 0);
    assert_false(aot_emit_aot_file_buf_ex(NULL, NULL, NULL, buf, sizeof buf));
    assert_false(aot_emit_llvm_file(NULL, name));
    assert_false(aot_emit_object_file(NULL, name));
    assert_false(aot_emit_aot_file(NULL, NULL, name));
    assert_int_equal(aot_get_plt_table_size(), 0);
    assert_true(aot_get_last_error() != NULL && aot_get_last_error()[0] != '\0');
    aot_destroy_aot_file(NULL);
    aot_obj_data_destroy(NULL);
    aot_destroy_comp_context(NULL);
    aot_destroy_comp_data(NULL);
    aot_compiler_destroy();
    wasm_runtime_unload(module);
}

static void call_stack_features_are_all_but_frames_per_function(void **state)
{
    (void)state;
    AOTCallStackFeatures features;
    memset(&features, 0x55, sizeof features);
    aot_call_stack_features_init_default(&features);
    assert_true(features.bounds_checks && features.ip && features.func_idx);
    assert_true(features.trap_ip && features.values && !features.frame_per_function);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(every_answer_is_no),
        RUNTIME_TEST(call_stack_features_are_all_but_frames_per_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
