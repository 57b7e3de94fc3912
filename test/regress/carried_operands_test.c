/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* carried_operands_test.c - making code of a body of a megabyte, whose blocks carried a thousand operands each, took
 * six seconds that nothing could interrupt: such a body is refused when it is loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "ops/emit.h"
#include "unit/test_alloc.h"

enum { WIDE = 1000, MOST = 1 << 24 };

static void put_repeated(Bytes *out, const char *piece, size_t size, u32 times)
{
    for (u32 i = 0; i < times; i++) put_bytes(out, piece, size);
}

/* WIDE constants, the piece so many times, and all of them dropped, in each of nbodies; type 1 takes and gives them,
 * and so does function 0. */
static DiagCode decode_bodies(const char *piece, size_t size, u32 times, u32 nbodies)
{
    Bytes module = {0}, types = {0}, funcs = {0}, code = {0};
    put_bytes(&types, "\2\x60\0\0\x60", 5);
    for (u32 i = 0; i < 2; i++) {
        put_uleb(&types, WIDE);
        put_repeated(&types, "\x7f", 1, WIDE);
    }
    put_uleb(&funcs, nbodies + 1);
    put_uleb(&funcs, 1);
    put_uleb(&code, nbodies + 1);
    put_bytes(&code, "\3\0\0\x0b", 4); /* function 0: unreachable */
    for (u32 i = 0; i < nbodies; i++) {
        Bytes body = {0};
        put_uleb(&funcs, 0);
        put_byte(&body, 0);
        put_repeated(&body, "\x41\0", 2, WIDE);
        put_repeated(&body, piece, size, times);
        put_repeated(&body, "\x1a", 1, WIDE);
        put_byte(&body, 0x0b);
        put_uleb(&code, (u32)body.n);
        put_bytes(&code, body.p, body.n);
        bytes_done(&body);
    }
    put_bytes(&module, "\0asm\1\0\0", 8);
    put_section(&module, 1, &types);
    put_section(&module, 3, &funcs);
    put_section(&module, 10, &code);

    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *registry = tern_types_new(&alloc.base);
    DecodeOptions options = {.features = FEATURES_ALL};
    Diag diag = {0};
    tern_module_release(tern_module_decode(registry, &alloc.base, module.p, module.n, &options, &diag));
    tern_types_free(registry);
    assert_int_equal(alloc.live, 0);
    bytes_done(&module);
    return diag.code;
}

static void blocks_carry_a_bounded_number_of_operands(void **state)
{
    (void)state;
    static const char piece[] = {2, 1, 0x0b}; /* in at the beginning, out at the end */
    assert_int_equal(decode_bodies(piece, 3, MOST / WIDE / 2, 1), DIAG_NONE);
    assert_int_equal(decode_bodies(piece, 3, MOST / WIDE / 2 + 1, 1), DIAG_LIMIT);
}

static void calls_carry_a_bounded_number_of_operands(void **state)
{
    (void)state;
    static const char piece[] = {0x10, 0};
    assert_int_equal(decode_bodies(piece, 2, MOST / WIDE, 1), DIAG_NONE);
    assert_int_equal(decode_bodies(piece, 2, MOST / WIDE + 1, 1), DIAG_LIMIT);
}

static void conditional_branches_carry_a_bounded_number_of_operands(void **state)
{
    (void)state;
    static const char piece[] = {2, 1, 0x41, 0, 0x0d, 0, 0x0b};
    assert_int_equal(decode_bodies(piece, 7, MOST / WIDE / 3, 1), DIAG_NONE);
    assert_int_equal(decode_bodies(piece, 7, MOST / WIDE / 3 + 1, 1), DIAG_LIMIT);
}

static void the_bound_is_of_each_body(void **state)
{
    (void)state;
    static const char piece[] = {2, 1, 0x0b};
    assert_int_equal(decode_bodies(piece, 3, MOST / WIDE / 2, 3), DIAG_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_carry_a_bounded_number_of_operands),
        cmocka_unit_test(calls_carry_a_bounded_number_of_operands),
        cmocka_unit_test(conditional_branches_carry_a_bounded_number_of_operands),
        cmocka_unit_test(the_bound_is_of_each_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
