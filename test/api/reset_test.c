/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* reset_test.c - tern_instance_reset: an instance is as new after calls, growth and traps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tern.h"

/*  (module
 *    (memory (export "memory") 1 2)
 *    (global $n (mut i32) (i32.const 7))
 *    (data (i32.const 8) "\05")
 *    (func $start (global.set $n (i32.add (global.get $n) (i32.const 1))))
 *    (start $start)
 *    (func (export "step") (result i32)
 *      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
 *      (global.set $n (i32.add (global.get $n) (i32.const 10)))
 *      (drop (memory.grow (i32.const 1)))
 *      (i32.add (i32.add (global.get $n) (i32.load (i32.const 8))) (i32.mul (memory.size) (i32.const 1000))))
 *    (func (export "trap") (unreachable)))
 */
static const uint8_t wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x60, 0x00, 0x00, 0x60, 0x00,
    0x01, 0x7f, 0x03, 0x04, 0x03, 0x00, 0x01, 0x00, 0x05, 0x04, 0x01, 0x01, 0x01, 0x02, 0x06, 0x06,
    0x01, 0x7f, 0x01, 0x41, 0x07, 0x0b, 0x07, 0x18, 0x03, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79,
    0x02, 0x00, 0x04, 0x73, 0x74, 0x65, 0x70, 0x00, 0x01, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x02,
    0x08, 0x01, 0x00, 0x0a, 0x3a, 0x03, 0x09, 0x00, 0x23, 0x00, 0x41, 0x01, 0x6a, 0x24, 0x00, 0x0b,
    0x2a, 0x00, 0x41, 0x08, 0x41, 0x08, 0x28, 0x02, 0x00, 0x41, 0x01, 0x6a, 0x36, 0x02, 0x00, 0x23,
    0x00, 0x41, 0x0a, 0x6a, 0x24, 0x00, 0x41, 0x01, 0x40, 0x00, 0x1a, 0x23, 0x00, 0x41, 0x08, 0x28,
    0x02, 0x00, 0x6a, 0x3f, 0x00, 0x41, 0xe8, 0x07, 0x6c, 0x6a, 0x0b, 0x03, 0x00, 0x00, 0x0b, 0x0b,
    0x07, 0x01, 0x00, 0x41, 0x08, 0x0b, 0x01, 0x05};

static uint32_t step(tern_instance *instance)
{
    tern_error error = {0};
    tern_value result;
    if (tern_instance_call(instance, "step", NULL, 0, &result, 1, &error) != TERN_OK)
        fail_msg("%s", error.text);
    return result.of.i32;
}

static void an_instance_is_as_new_after_a_reset(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_error error = {0};
    tern_module *module = tern_module_load(engine, wasm, sizeof wasm, &error);
    if (module == NULL) fail_msg("%s", error.text);
    tern_instance *other = tern_instance_create(module, NULL, &error);
    tern_instance *instance = tern_instance_create(module, NULL, &error);
    assert_true(other != NULL && instance != NULL);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(step(instance), 7 + 1 + 10 + 6 + 2000);
        assert_int_equal(step(instance), 7 + 1 + 20 + 7 + 2000);
        assert_int_equal(tern_instance_call(instance, "trap", NULL, 0, NULL, 0, &error), TERN_TRAPPED);
        assert_true(tern_instance_reset(instance, &error));
    }
    assert_int_equal(step(other), 7 + 1 + 10 + 6 + 2000);
    assert_int_equal(step(other), 7 + 1 + 20 + 7 + 2000);
    tern_instance_destroy(other);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_is_as_new_after_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
