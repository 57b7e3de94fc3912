/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* diag_test.c - the first failure wins, and says only what is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diag.h"

static void the_first_failure_wins(void **state)
{
    (void)state;
    Diag diag = {0};
    assert_false(tern_diag_set(&diag, DIAG_INTEGER_TOO_LARGE, 7, "in %s %d", "item", 3));
    assert_false(tern_diag_set(&diag, DIAG_NO_MEMORY, 9, NULL));
    assert_int_equal(diag.code, DIAG_INTEGER_TOO_LARGE);
    assert_int_equal(diag.offset, 7);
    assert_string_equal(diag.detail, "in item 3");
    assert_false(tern_diag_set(NULL, DIAG_NO_MEMORY, 0, NULL));
}

static void only_what_is_known_is_said(void **state)
{
    (void)state;
    char text[200];
    Diag diag = {0};
    tern_diag_format(&diag, text, sizeof text);
    assert_string_equal(text, "no error");

    tern_diag_set(&diag, DIAG_UNEXPECTED_END, DIAG_NO_OFFSET, NULL);
    tern_diag_format(&diag, text, sizeof text);
    assert_string_equal(text, "unexpected end");

    diag.func_index = 7;
    tern_diag_format(&diag, text, sizeof text);
    assert_string_equal(text, "unexpected end (function 7)");

    diag.offset = 0x1f3;
    diag.section = "code";
    strcpy(diag.detail, "expected i32, got i64");
    const char *whole =
        "unexpected end: expected i32, got i64 (offset 0x1f3, code section, function 7)";
    assert_int_equal(tern_diag_format(&diag, text, sizeof text), strlen(whole));
    assert_string_equal(text, whole);

    diag.section = NULL;
    diag.func_index = DIAG_NO_FUNC;
    diag.detail[0] = '\0';
    tern_diag_format(&diag, text, sizeof text);
    assert_string_equal(text, "unexpected end (offset 0x1f3)");
}

static void a_detail_may_continue_the_text(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"7", "length out of bounds 7"},
        {" here", "length out of bounds here"},
        {"here", "length out of bounds: here"},
    };
    for (u32 i = 0; i < COUNT_OF(cases); i++) {
        char text[100];
        Diag diag = {0};
        tern_diag_set(&diag, DIAG_LENGTH_OUT_OF_BOUNDS, DIAG_NO_OFFSET, "%s", cases[i][0]);
        tern_diag_format(&diag, text, sizeof text);
        assert_string_equal(text, cases[i][1]);
    }
}

static void every_buffer_size_is_respected(void **state)
{
    (void)state;
    Diag diag = {0};
    tern_diag_set(&diag, DIAG_LENGTH_OUT_OF_BOUNDS, 16, "detail");
    diag.section = "type";
    char whole[200], text[200];
    int length = tern_diag_format(&diag, whole, sizeof whole);
    assert_int_equal(tern_diag_format(&diag, NULL, 0), length);
    for (size_t size = 1; size < sizeof text; size++) {
        memset(text, '#', sizeof text);
        assert_int_equal(tern_diag_format(&diag, text, size), length);
        size_t kept = size - 1 < (size_t)length ? size - 1 : (size_t)length;
        assert_int_equal(strlen(text), kept);
        assert_memory_equal(text, whole, kept);
        assert_int_equal(text[size], '#');
    }
}

static void long_details_are_cut(void **state)
{
    (void)state;
    Diag diag = {0};
    tern_diag_set(&diag, DIAG_NO_MEMORY, 0, "%0300d", 1);
    assert_int_equal(strlen(diag.detail), sizeof diag.detail - 1);
}

static void every_code_has_a_text_and_a_kind(void **state)
{
    (void)state;
    for (u32 code = 1; code < DIAG_COUNT; code++) {
        assert_true(!TERN_GC || tern_diag_text((DiagCode)code)[0] != '\0');
        assert_int_not_equal(tern_diag_kind((DiagCode)code), DIAG_KIND_NONE);
    }
    assert_int_equal(tern_diag_kind(DIAG_NONE), DIAG_KIND_NONE);
    assert_non_null(tern_diag_text(DIAG_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_wins),
        cmocka_unit_test(only_what_is_known_is_said),
        cmocka_unit_test(a_detail_may_continue_the_text),
        cmocka_unit_test(every_buffer_size_is_respected),
        cmocka_unit_test(long_details_are_cut),
        cmocka_unit_test(every_code_has_a_text_and_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
