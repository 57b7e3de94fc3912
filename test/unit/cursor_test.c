/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cursor_test.c - LEB128 lengths and unused bits, and never a byte beyond the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "test_alloc.h"

/* One signature for all five readers. */
typedef DiagCode (*Reader)(Cursor *c, u64 *out);

static DiagCode read_u32(Cursor *c, u64 *out)
{
    u32 value = 0;
    DiagCode code = cursor_u32(c, &value);
    *out = value;
    return code;
}
static DiagCode read_s32(Cursor *c, u64 *out)
{
    s32 value = 0;
    DiagCode code = tern_cursor_leb_s32(c, &value);
    *out = (u64)(s64)value;
    return code;
}
static DiagCode read_s33(Cursor *c, u64 *out)
{
    s64 value = 0;
    DiagCode code = tern_cursor_leb_s33(c, &value);
    *out = (u64)value;
    return code;
}
static DiagCode read_s64(Cursor *c, u64 *out)
{
    s64 value = 0;
    DiagCode code = tern_cursor_leb_s64(c, &value);
    *out = (u64)value;
    return code;
}
static DiagCode read_u64(Cursor *c, u64 *out)
{
    *out = 0;
    return tern_cursor_leb_u64(c, out);
}

static const struct Kind {
    Reader read;
    u32 bits;
    bool is_signed;
} kinds[] = {
    {read_u32, 32, false}, {read_s32, 32, true}, {read_s33, 33, true},
    {read_u64, 64, false}, {read_s64, 64, true},
};

/* From a copy of exactly these bytes, so that the sanitizer sees a read beyond them. */
static DiagCode read_exact(Reader read, const u8 *bytes, size_t size, u64 *out, size_t *taken)
{
    u8 *copy = malloc(size + (size == 0));
    memcpy(copy, bytes, size);
    Cursor c = cursor_of(copy, size);
    DiagCode code = read(&c, out);
    *taken = cursor_offset(&c);
    free(copy);
    return code;
}

static size_t encode(u64 value, bool is_signed, size_t min_size, u8 *out)
{
    size_t n = 0;
    for (;;) {
        u8 payload = value & 0x7f;
        value = is_signed ? (u64)((s64)value >> 7) : value >> 7;
        bool is_done = is_signed ? value == ((payload & 0x40) != 0 ? UINT64_MAX : 0) : value == 0;
        out[n++] = payload;
        if (is_done && n >= min_size) return n;
        out[n - 1] |= 0x80;
    }
}

static void values_survive_in_every_length(void **state)
{
    (void)state;
    u64 chance = 5;
    for (u32 k = 0; k < COUNT_OF(kinds); k++) {
        u32 bits = kinds[k].bits;
        size_t longest = (bits + 6) / 7;
        for (u32 i = 0; i < 3000; i++) {
            u64 value = i < 2 ? (u64)0 - i : test_random(&chance) >> test_random(&chance) % 64;
            if (i % 3 == 0) value = ~value;
            if (bits < 64) { /* keep what the type holds */
                u32 drop = 64 - bits;
                value <<= drop;
                value = kinds[k].is_signed ? (u64)((s64)value >> drop) : value >> drop;
            }
            u8 bytes[16];
            size_t shortest = encode(value, kinds[k].is_signed, 1, bytes);
            for (size_t size = shortest; size <= longest; size++) {
                u64 out;
                size_t taken;
                assert_int_equal(encode(value, kinds[k].is_signed, size, bytes), size);
                assert_int_equal(read_exact(kinds[k].read, bytes, size, &out, &taken), DIAG_NONE);
                assert_int_equal(out, value);
                assert_int_equal(taken, size);
                for (size_t cut = 0; cut < size; cut++) {
                    DiagCode code = read_exact(kinds[k].read, bytes, cut, &out, &taken);
                    assert_int_equal(code, DIAG_UNEXPECTED_END);
                    assert_int_equal(taken, 0);
                }
            }
        }
    }
}

/* All last bytes of the longest form: spec 5.2.2 says which bits may be set. */
static void the_last_byte_has_no_bits_to_spare(void **state)
{
    (void)state;
    for (u32 k = 0; k < COUNT_OF(kinds); k++) {
        u32 longest = (kinds[k].bits + 6) / 7, left = kinds[k].bits - 7 * (longest - 1);
        for (u32 last = 0; last < 256; last++) {
            u8 bytes[11];
            memset(bytes, 0x80, sizeof bytes);
            bytes[longest - 1] = (u8)last;
            bytes[longest] = 0;
            u32 payload = last & 0x7f;
            bool fits = payload >> left == 0;
            if (kinds[k].is_signed) { /* bits from the sign upwards agree */
                u32 high = payload >> (left - 1);
                fits = high == 0 || high == 0x7fu >> (left - 1);
            }
            DiagCode expected = !fits         ? DIAG_INTEGER_TOO_LARGE
                                : last > 0x7f ? DIAG_INTEGER_TOO_LONG
                                              : DIAG_NONE;
            u64 out;
            size_t taken;
            assert_int_equal(read_exact(kinds[k].read, bytes, longest + 1, &out, &taken), expected);
            assert_int_equal(taken, expected == DIAG_NONE ? longest : 0);
            /* Too long is too long even if nothing follows. */
            assert_int_equal(read_exact(kinds[k].read, bytes, longest, &out, &taken), expected);
        }
    }
}

static void the_suites_integers_are_judged_as_it_says(void **state)
{
    (void)state;
    static const struct {
        u32 kind;
        const char *bytes;
        size_t size;
        DiagCode code;
    } cases[] = {
        {0, "\x82\x80\x80\x80\x80\x00", 6, DIAG_INTEGER_TOO_LONG},
        {0, "\x80\x80\x80\x80\x10", 5, DIAG_INTEGER_TOO_LARGE},
        {0, "\x80\x80\x80\x80\x40", 5, DIAG_INTEGER_TOO_LARGE},
        {0, "\xff\xff\xff\xff\x0f", 5, DIAG_NONE},
        {1, "\x80\x80\x80\x80\x70", 5, DIAG_INTEGER_TOO_LARGE},
        {1, "\xff\xff\xff\xff\x0f", 5, DIAG_INTEGER_TOO_LARGE},
        {1, "\xff\xff\xff\xff\x4f", 5, DIAG_INTEGER_TOO_LARGE},
        {1, "\xff\xff\xff\xff\xff\x7f", 6, DIAG_INTEGER_TOO_LONG},
        {1, "\x80\x80\x80\x80\x78", 5, DIAG_NONE},
        {2, "\x80\x80\x80\x80\x70", 5, DIAG_NONE},
        {3, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, DIAG_INTEGER_TOO_LARGE},
        {4, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e", 10, DIAG_INTEGER_TOO_LARGE},
        {4, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 10, DIAG_NONE},
    };
    for (u32 i = 0; i < COUNT_OF(cases); i++) {
        u64 out;
        size_t taken;
        DiagCode code = read_exact(kinds[cases[i].kind].read, (const u8 *)cases[i].bytes,
                                   cases[i].size, &out, &taken);
        assert_int_equal(code, cases[i].code);
    }
}

static void fixed_integers_are_little_endian(void **state)
{
    (void)state;
    static const u8 bytes[] = {1, 2, 3, 0x84, 5, 6, 7, 0x88, 9};
    u32 word = 0;
    u64 wide = 0;
    Cursor c = cursor_of(bytes, sizeof bytes);
    assert_int_equal(tern_cursor_fixed_u64(&c, &wide), DIAG_NONE);
    assert_int_equal(wide, 0x8807060584030201u);
    assert_int_equal(tern_cursor_fixed_u32(&c, &word), DIAG_UNEXPECTED_END);
    assert_int_equal(cursor_left(&c), 1);
    c = cursor_of(bytes, 4);
    assert_int_equal(tern_cursor_fixed_u64(&c, &wide), DIAG_UNEXPECTED_END);
    assert_int_equal(tern_cursor_fixed_u32(&c, &word), DIAG_NONE);
    assert_int_equal(word, 0x84030201u);
    u8 byte;
    assert_int_equal(cursor_u8(&c, &byte), DIAG_UNEXPECTED_END);
}

static void byte_runs_end_with_the_input(void **state)
{
    (void)state;
    static const u8 bytes[] = {1, 2, 3};
    const u8 *run = NULL;
    Cursor c = cursor_of(bytes, sizeof bytes);
    assert_int_equal(tern_cursor_bytes(&c, 4, &run), DIAG_UNEXPECTED_END);
    assert_int_equal(tern_cursor_bytes(&c, UINT64_MAX, &run), DIAG_UNEXPECTED_END);
    assert_int_equal(cursor_offset(&c), 0);
    assert_int_equal(tern_cursor_bytes(&c, 3, &run), DIAG_NONE);
    assert_ptr_equal(run, bytes);
    assert_int_equal(tern_cursor_bytes(&c, 0, &run), DIAG_NONE);
    assert_int_equal(tern_cursor_bytes(&c, 1, &run), DIAG_UNEXPECTED_END);
}

static void names_are_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        DiagCode code;
    } cases[] = {
        {"\003abc", 4, DIAG_NONE},
        {"\x00", 1, DIAG_NONE},
        {"", 0, DIAG_UNEXPECTED_END},
        {"\x80", 1, DIAG_UNEXPECTED_END},
        {"\004abc", 4, DIAG_LENGTH_OUT_OF_BOUNDS},
        {"\xff\xff\xff\xff\017abc", 8, DIAG_LENGTH_OUT_OF_BOUNDS},
        {"\xff\xff\xff\xff\037abc", 8, DIAG_INTEGER_TOO_LARGE},
        {"\x83\x80\x80\x80\x80\000abc", 9, DIAG_INTEGER_TOO_LONG},
        {"\x01\x80", 2, DIAG_MALFORMED_UTF8},
        {"\x02\xe2\x82\xac", 4, DIAG_MALFORMED_UTF8},
        {"\x83\x00\xe2\x82\xac", 5, DIAG_NONE},
    };
    for (u32 i = 0; i < COUNT_OF(cases); i++) {
        Cursor c = cursor_of(cases[i].bytes, cases[i].size);
        Name name = {0};
        assert_int_equal(tern_cursor_name(&c, &name), cases[i].code);
        bool is_taken = cases[i].code == DIAG_NONE;
        assert_int_equal(cursor_offset(&c), is_taken ? cases[i].size : 0);
        assert_int_equal(name.bytes != NULL, is_taken);
    }
    Cursor c = cursor_of("\003abcd", 5);
    Name name;
    assert_int_equal(tern_cursor_name(&c, &name), DIAG_NONE);
    assert_true(name_is(name, "abc"));
    assert_int_equal(cursor_left(&c), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_survive_in_every_length),
        cmocka_unit_test(the_last_byte_has_no_bits_to_spare),
        cmocka_unit_test(the_suites_integers_are_judged_as_it_says),
        cmocka_unit_test(fixed_integers_are_little_endian),
        cmocka_unit_test(byte_runs_end_with_the_input),
        cmocka_unit_test(names_are_taken_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
