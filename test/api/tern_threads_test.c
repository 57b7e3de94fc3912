/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_threads_test.c - host functions on threads that the guest started: thread_start is the guest's own. */
#include "tern_guest.h"

static tern_instance *first;

/* Uses everything of its caller: the guest, its memory, a reference. */
static bool note(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    assert_true(caller != NULL && caller != first);
    assert_ptr_equal(tern_instance_user(caller), user);
    if (args[0].of.i32 == 13) return tern_instance_fail(caller, "unlucky");
    tern_value doubled;
    if (tern_instance_call(caller, "double", args, 1, &doubled, 1, NULL) != TERN_OK) return false;
    tern_memory *memory = tern_instance_memory(caller, NULL);
    assert_true(tern_memory_write(memory, 32, "written", 8));
    tern_extern exported;
    assert_true(tern_instance_export(caller, "double", &exported));
    tern_value again;
    assert_int_equal(tern_ref_call(exported.of.func, &doubled, 1, &again, 1, NULL), TERN_OK);
    results[0] = again; /* with a handle that nobody releases */
    return true;
}

static void a_host_function_serves_a_guests_thread(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_linker *linker = tern_linker_create(engine);
    int mark;
    assert_true(tern_linker_define_func(linker, "env", "note", "(param i32) (result i32)", note, &mark, NULL));
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    config.user = &mark;
    first = tern_guest_open(engine, "tern_threads", &config);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(GUEST_CALL(first, "run", tern_i32(100 + i)), 400 + 4 * i);
        assert_string_equal(tern_memory_cstr(tern_instance_memory(first, NULL), 32, 100, NULL), "written");
    }
    /* A thread that traps ends the program. */
    tern_value arg = tern_i32(13), result;
    assert_int_equal(tern_instance_call(first, "run", &arg, 1, &result, 1, NULL), TERN_TRAPPED);
    tern_instance_destroy(first);
    tern_linker_destroy(linker);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_host_function_serves_a_guests_thread)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
