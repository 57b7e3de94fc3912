/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* externrefs_test.c - a host's pointers go through a guest and come back as they were. */
#include "guest.h"

static void *seen[2];

static void *same(wasm_exec_env_t env, int32_t seven, void *pointer)
{
    (void)env;
    assert_int_equal(seven, 7);
    seen[0] = pointer;
    return pointer;
}

static void raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    assert_int_equal(args[1], 8);
    seen[1] = (void *)(uintptr_t)args[0];
}

static void open_guest(Guest *guest)
{
    static NativeSymbol plain[] = {{"same", (void *)same, "(ir)r", NULL}};
    static NativeSymbol raws[] = {{"raw", (void *)raw, "(ri)r", NULL}};
    assert_true(wasm_runtime_register_natives("env", plain, 1));
    assert_true(wasm_runtime_register_natives_raw("env", raws, 1));
    *guest = guest_open("externrefs", 0);
}

/* Calls with a pointer first and then maybe an i32; the result, if it is a pointer. */
static void *call(Guest *guest, const char *name, const void *pointer, int has_arg, uint32_t arg)
{
    uint32_t cells[4] = {0}, n = sizeof pointer / sizeof *cells;
    memcpy(cells, &pointer, sizeof pointer);
    cells[n] = arg;
    assert_true(guest_call(guest, name, n + (uint32_t)has_arg, cells));
    void *result;
    memcpy(&result, cells, sizeof result);
    return result;
}

static void pointers_come_back_as_they_were(void **state)
{
    (void)state;
    Guest guest;
    open_guest(&guest);
    int local;
    /* Odd ones, ones that look like objects, and ends of the address space's halves. */
    const void *pointers[] = {&local,         (char *)&local + 1, (char *)&local + 2,     (char *)&local + 3,
                              (void *)1,      (void *)2,          (void *)(uintptr_t)16,  guest_call,
                              (void *)(((uintptr_t)1 << (sizeof(void *) * 8 - 17)) - 1)};
    for (uint32_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        assert_ptr_equal(call(&guest, "through", pointers[i], 0, 0), pointers[i]);
        assert_ptr_equal(seen[0], pointers[i]);
        assert_ptr_equal(seen[1], pointers[i]);
        call(&guest, "keep", pointers[i], 1, i % 4);
        uint32_t cells[4] = {i % 4};
        assert_true(guest_call(&guest, "kept", 1, cells));
        assert_memory_equal(cells, &pointers[i], sizeof(void *));
        assert_int_equal((uint32_t)(uintptr_t)call(&guest, "is_null", pointers[i], 0, 0), 0);
    }
    guest_close(&guest);
}

static void null_and_all_ones_are_null(void **state)
{
    (void)state;
    Guest guest;
    open_guest(&guest);
    assert_int_equal((uint32_t)(uintptr_t)call(&guest, "is_null", NULL, 0, 0), 1);
    assert_int_equal((uint32_t)(uintptr_t)call(&guest, "is_null", (void *)UINTPTR_MAX, 0, 0), 1);
    assert_null(call(&guest, "through", NULL, 0, 0));
    guest_close(&guest);
}

static void values_carry_pointers_too(void **state)
{
    (void)state;
    Guest guest;
    open_guest(&guest);
    int local;
    wasm_val_t arg = {.kind = WASM_EXTERNREF}, result = {0};
    arg.of.foreign = (uintptr_t)&local;
    wasm_function_inst_t through = wasm_runtime_lookup_function(guest.inst, "through");
    assert_true(wasm_runtime_call_wasm_a(guest.env, through, 1, &result, 1, &arg));
    assert_int_equal(result.of.foreign, (uintptr_t)&local);
    guest_close(&guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(pointers_come_back_as_they_were),
        RUNTIME_TEST(null_and_all_ones_are_null),
        RUNTIME_TEST(values_carry_pointers_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
