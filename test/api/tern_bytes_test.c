/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_bytes_test.c - checked memory, the guest's allocators, and calls with bytes. */
#include "tern_guest.h"

/* --- slices --------------------------------------------------------------------------------------------- */

static void check_slices(const char *type, uint64_t size, bool checks_explicitly)
{
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.checks_explicitly = checks_explicitly;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create_with(&options, &error);
    tern_store *store = tern_store_create(engine, NULL);
    tern_memory *memory = tern_memory_create(store, type, &error);
    if (memory == NULL) fail_msg("%s", error.text);
    assert_true(tern_memory_size(memory) == size);
    char buf[8] = "abcdefg";
    assert_true(tern_memory_write(memory, size - 8, buf, 8));
    assert_false(tern_memory_write(memory, size - 7, "XXXXXXXX", 8));
    assert_false(tern_memory_write(memory, UINT64_MAX, buf, 2));
    assert_false(tern_memory_write(memory, UINT64_MAX - 1, buf, 2));
    memset(buf, 0, sizeof buf);
    assert_true(tern_memory_read(memory, size - 8, buf, 8));
    assert_string_equal(buf, "abcdefg");
    assert_false(tern_memory_read(memory, size, buf, 1));
    assert_true(tern_memory_read(memory, size, NULL, 0));
    assert_non_null(tern_memory_slice(memory, 0, size));
    assert_non_null(tern_memory_slice(memory, size, 0));
    assert_null(tern_memory_slice(memory, 0, size + 1));
    assert_null(tern_memory_slice(memory, 1, UINT64_MAX));
    assert_null(tern_memory_slice(memory, size + 1, 0));

    uint64_t length = 0;
    assert_string_equal(tern_memory_cstr(memory, size - 8, UINT64_MAX, &length), "abcdefg");
    assert_int_equal(length, 7);
    assert_non_null(tern_memory_cstr(memory, size - 8, 8, NULL));
    assert_null(tern_memory_cstr(memory, size - 8, 7, NULL)); /* its NUL is the eighth */
    assert_null(tern_memory_cstr(memory, size - 8, 0, NULL));
    assert_true(tern_memory_write(memory, size - 1, "!", 1));
    assert_null(tern_memory_cstr(memory, size - 8, UINT64_MAX, NULL)); /* unterminated */
    assert_null(tern_memory_cstr(memory, size, 1, NULL));
    assert_null(tern_memory_cstr(memory, UINT64_MAX, 1, NULL));
    tern_store_destroy(store);
    tern_engine_destroy(engine);
}

static void nothing_outside_a_memory_is_touched(void **state)
{
    (void)state;
    for (int explicit = 0; explicit < 2; explicit++) {
        check_slices("1 2", 65536, explicit);
        check_slices("i64 3", 3 * 65536, explicit);
        check_slices("100 (pagesize 1)", 100, explicit);
        check_slices("1 2 shared", 65536, explicit);
    }
}

/* --- bytes in, bytes out -------------------------------------------------------------------------------- */

static const char *const guests[] = {"tern_bytes_malloc", "tern_bytes_64", "tern_bytes_script", "tern_bytes_realloc",
                                     "tern_bytes_bindgen1", "tern_bytes_bindgen2", "tern_bytes_none"};
#define NGUESTS (sizeof guests / sizeof *guests)

static tern_instance *open_guest(tern_engine *engine, const char *name)
{
    tern_config config = TERN_CONFIG_DEFAULT;
    config.guest_heap_bytes = 16384;
    return tern_guest_open(engine, name, &config);
}

static void expect_bytes(tern_instance *instance, const char *form, const char *in, const char *expected)
{
    tern_error error = {0};
    void *out;
    size_t size;
    tern_status status = tern_instance_call_bytes(instance, form, in, strlen(in), &out, &size, &error);
    if (status != TERN_OK) fail_msg("%s: %s", form, error.text);
    assert_int_equal(size, strlen(expected));
    assert_string_equal(out, expected);
    tern_bytes_free(instance, out);
}

static void bytes_go_in_and_out_of_every_kind_of_guest(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    for (size_t i = 0; i < NGUESTS; i++) {
        tern_instance *instance = open_guest(engine, guests[i]);
        bool is_64 = i == 1, is_realloc = i == 3, is_none = i == 6;
        /* A host-managed heap cannot free what the guest made itself. */
        if (!is_none) {
            if (!is_64) expect_bytes(instance, "packed", "hello", "HELLO");
            expect_bytes(instance, "pair", "pairofwords", "PAIROFWORDS");
            expect_bytes(instance, "area", "abc", "ABC");
        }
        expect_bytes(instance, "same", "xyz", "yz");
        expect_bytes(instance, "nothing", "xyz", "");
        tern_bytes_free(instance, NULL);
        if (!is_none && !is_realloc) assert_int_equal(GUEST_GET(instance, "live"), 0);
        void *out;
        size_t size;
        tern_error error = {0};
        assert_int_equal(tern_instance_call_bytes(instance, "outside", "x", 1, &out, &size, &error), TERN_ERROR);
        assert_non_null(strstr(error.text, "outside"));
        assert_null(out);
        assert_int_equal(tern_instance_call_bytes(instance, "other", "x", 1, &out, &size, &error), TERN_ERROR);
        assert_int_equal(error.kind, TERN_ERROR_USAGE);
        assert_int_equal(tern_instance_call_bytes(instance, "absent", "x", 1, &out, &size, &error), TERN_ERROR);
        assert_int_equal(tern_instance_call_bytes(instance, "traps", "x", 1, &out, &size, &error), TERN_TRAPPED);
        expect_trap(instance, "UNREACHABLE");
        if (is_64)
            assert_int_equal(tern_instance_call_bytes(instance, "packed", "x", 1, &out, &size, &error), TERN_ERROR);
        char *much = calloc(70000, 1);
        assert_int_equal(tern_instance_call_bytes(instance, "same", much, 70000, &out, &size, &error), TERN_ERROR);
        assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
        free(much);
        tern_instance_destroy(instance);
    }
    tern_engine_destroy(engine);
}

static void blocks_are_taken_and_given_back(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    for (size_t i = 0; i < NGUESTS; i++) {
        tern_instance *instance = open_guest(engine, guests[i]);
        tern_memory *memory = tern_instance_memory(instance, "memory");
        tern_error error = {0};
        uint64_t a = tern_instance_malloc(instance, 100, &error), b = tern_instance_malloc(instance, 200, &error);
        if (a == 0 || b == 0) fail_msg("%s: %s", guests[i], error.text);
        assert_true(a + 100 <= b || b + 200 <= a);
        assert_non_null(tern_memory_slice(memory, a, 100));
        assert_true(tern_instance_free(instance, a, &error));
        assert_true(tern_instance_free(instance, 0, &error));
        bool keeps_books = i >= 3;
        if (keeps_books) {
            assert_false(tern_instance_free(instance, a, &error)); /* twice */
            assert_false(tern_instance_free(instance, b + 16, &error));
            assert_int_equal(error.kind, TERN_ERROR_USAGE);
        }
        /* What a guest cannot take back is used again: two blocks for ever. */
        for (int n = 0; n < 2000; n++) {
            uint64_t again = tern_instance_malloc(instance, i == 3 ? 90 : 1, &error);
            if (again == 0) fail_msg("%s: %s", guests[i], error.text);
            assert_true(tern_instance_free(instance, again, &error));
        }
        assert_true(tern_instance_free(instance, b, &error));
        tern_instance_destroy(instance);
    }
    tern_instance *none = tern_guest_open(engine, "tern_bytes_none", NULL);
    tern_error error = {0};
    assert_int_equal(tern_instance_malloc(none, 1, &error), 0);
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    assert_false(tern_instance_free(none, 4, &error));
    tern_instance_destroy(none);
    tern_instance *liar = tern_guest_open(engine, "tern_bytes_liar", NULL);
    assert_int_equal(tern_instance_malloc(liar, 100, &error), 0);
    assert_non_null(strstr(error.text, "outside its memory"));
    assert_int_equal(tern_instance_malloc(liar, (uint64_t)1 << 32, &error), 0);
    tern_instance_destroy(liar);
    tern_engine_destroy(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_outside_a_memory_is_touched),
        cmocka_unit_test(bytes_go_in_and_out_of_every_kind_of_guest),
        cmocka_unit_test(blocks_are_taken_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
