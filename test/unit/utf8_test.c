/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* utf8_test.c - every code point is accepted in its one form, and every other short string is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static u32 encode(u32 code, u8 out[4])
{
    if (code < 0x80) {
        out[0] = (u8)code;
        return 1;
    }
    u32 nrest = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const u8 lead[4] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (u8)(lead[nrest] | code >> (6 * nrest));
    for (u32 i = 1; i <= nrest; i++)
        out[i] = (u8)(0x80 | (code >> (6 * (nrest - i)) & 0x3f));
    return nrest + 1;
}

static void exactly_the_scalar_values_are_accepted(void **state)
{
    (void)state;
    for (u32 code = 0; code < 0x200000; code++) {
        u8 bytes[4];
        u32 size = encode(code, bytes);
        bool is_scalar = code < 0xd800 || (code > 0xdfff && code < 0x110000);
        if (tern_utf8_is_valid(bytes, size) != is_scalar) fail_msg("code point %x", (unsigned)code);
        if (size > 1 && tern_utf8_is_valid(bytes, size - 1))
            fail_msg("cut short: %x", (unsigned)code);
    }
}

/* All strings of two bytes, by the table; a lead byte of three or four is never complete. */
static void two_bytes_follow_the_table(void **state)
{
    (void)state;
    for (u32 a = 0; a < 256; a++)
        for (u32 b = 0; b < 256; b++) {
            u8 bytes[2] = {(u8)a, (u8)b};
            bool expected =
                (a < 0x80 && b < 0x80) || (a >= 0xc2 && a < 0xe0 && b >= 0x80 && b < 0xc0);
            if (tern_utf8_is_valid(bytes, 2) != expected) fail_msg("%02x %02x", a, b);
        }
}

static void overlong_forms_are_refused(void **state)
{
    (void)state;
    static const u8 forms[][4] = {
        {0xe0, 0x9f, 0xbf}, {0xf0, 0x8f, 0xbf, 0xbf}, {0xc1, 0xbf}, {0xc0, 0x80}};
    static const u8 sizes[] = {3, 4, 2, 2};
    for (u32 i = 0; i < COUNT_OF(forms); i++)
        assert_false(tern_utf8_is_valid(forms[i], sizes[i]));
}

/* The fast path takes eight bytes at a time. */
static void a_bad_byte_is_found_at_every_position(void **state)
{
    (void)state;
    for (size_t size = 1; size < 40; size++) {
        char bytes[40];
        memset(bytes, 'a', sizeof bytes);
        assert_true(tern_utf8_is_valid(bytes, size));
        for (size_t at = 0; at < size; at++) {
            bytes[at] = (char)0x80;
            assert_false(tern_utf8_is_valid(bytes, size));
            bytes[at] = 'a';
            if (at + 3 > size) continue;
            memcpy(bytes + at, "\xe2\x82\xac", 3);
            assert_true(tern_utf8_is_valid(bytes, size));
            memcpy(bytes + at, "aaa", 3);
        }
    }
    assert_true(tern_utf8_is_valid(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_the_scalar_values_are_accepted),
        cmocka_unit_test(two_bytes_follow_the_table),
        cmocka_unit_test(overlong_forms_are_refused),
        cmocka_unit_test(a_bad_byte_is_found_at_every_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
