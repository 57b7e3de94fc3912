/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* many_memories_test.c - a module of 200 KB with 100000 memories took all address space and mappings of the process,
 * and gigabytes after that: a module has at most a hundred, and a hundred thousand tables, as on the web. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "ops/emit.h"
#include "unit/test_alloc.h"

/* A module of one section, which repeats a piece; DIAG_NONE if it is accepted. */
static DiagCode decode_repeated(u8 section, const char *piece, size_t size, u32 times)
{
    Bytes module = {0}, content = {0};
    put_bytes(&module, "\0asm\1\0\0", 8);
    put_uleb(&content, times);
    for (u32 i = 0; i < times; i++) put_bytes(&content, piece, size);
    put_section(&module, section, &content);

    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    DecodeOptions options = {.features = FEATURES_ALL};
    Diag diag = {0};
    tern_module_release(tern_module_decode(types, &alloc.base, module.p, module.n, &options, &diag));
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
    bytes_done(&module);
    return diag.code;
}

static void a_module_has_at_most_a_hundred_memories(void **state)
{
    (void)state;
    assert_int_equal(decode_repeated(5, "\0\0", 2, 100), DIAG_NONE);
    assert_int_equal(decode_repeated(5, "\0\0", 2, 101), DIAG_LIMIT);
    assert_int_equal(decode_repeated(2, "\1m\1n\2\0\0", 7, 100), DIAG_NONE);
    assert_int_equal(decode_repeated(2, "\1m\1n\2\0\0", 7, 101), DIAG_LIMIT);
}

static void a_module_has_at_most_a_hundred_thousand_tables(void **state)
{
    (void)state;
    assert_int_equal(decode_repeated(4, "\x70\0\0", 3, 100000), DIAG_NONE);
    assert_int_equal(decode_repeated(4, "\x70\0\0", 3, 100001), DIAG_LIMIT);
    assert_int_equal(decode_repeated(2, "\1m\1n\1\x70\0\0", 8, 100000), DIAG_NONE);
    assert_int_equal(decode_repeated(2, "\1m\1n\1\x70\0\0", 8, 100001), DIAG_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_module_has_at_most_a_hundred_memories),
        cmocka_unit_test(a_module_has_at_most_a_hundred_thousand_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
