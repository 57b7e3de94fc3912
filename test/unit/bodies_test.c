/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* bodies_test.c - a large code section is judged alike by one thread and by several: the same module, or the same
 * failure at the same place, whichever thread comes upon it first. Starts threads (tern_port_thread_start). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "ops/emit.h"
#include "port/port.h"
#include "unit/test_alloc.h"

/* 12,000 functions [] -> [], each of 100 times i32.const 1, drop. */
enum { NFUNCS = 12000, NPAIRS = 100, BODY_BYTES = 2 + 3 * NPAIRS };

/* *code: where the first body's size lies. Every body takes BODY_BYTES and two more. */
static Bytes large_module(size_t *code)
{
    Bytes module = {0}, funcs = {0}, bodies = {0};
    put_bytes(&module, "\0asm\1\0\0\0", 8);
    put_bytes(&module, "\1\4\1\x60\0\0", 6);
    put_uleb(&funcs, NFUNCS);
    put_uleb(&bodies, NFUNCS);
    size_t count_bytes = bodies.n;
    for (u32 i = 0; i < NFUNCS; i++) {
        put_byte(&funcs, 0);
        put_uleb(&bodies, BODY_BYTES);
        put_byte(&bodies, 0);
        for (u32 j = 0; j < NPAIRS; j++) put_bytes(&bodies, "\x41\1\x1a", 3);
        put_byte(&bodies, 0x0b);
    }
    size_t size = bodies.n;
    put_section(&module, 3, &funcs);
    put_section(&module, 10, &bodies);
    *code = module.n - size + count_bytes;
    return module;
}

/* What there is to say, with that many threads; the request that fails, or TEST_ALLOC_NEVER. */
static DiagCode decode(const Bytes *bytes, u32 nthreads, u32 nth, char *text, size_t size)
{
    TestAlloc alloc = test_alloc(nth);
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    assert_non_null(types);
    Diag diag = {0};
    Module *module = tern_module_decode(types, &alloc.base, bytes->p, bytes->n,
                                        &(DecodeOptions){.features = FEATURES_ALL, .nthreads = nthreads}, &diag);
    assert_int_equal(module == NULL, diag.code != DIAG_NONE);
    tern_diag_format(&diag, text, size);
    tern_module_release(module);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
    return diag.code;
}

static void all_agree(const Bytes *bytes, DiagCode code)
{
    char alone[256], together[256];
    assert_int_equal(decode(bytes, 0, TEST_ALLOC_NEVER, alone, sizeof alone), code);
    static const u32 counts[] = {1, 2, 4, 1000};
    for (u32 i = 0; i < 4; i++) {
        assert_int_equal(decode(bytes, counts[i], TEST_ALLOC_NEVER, together, sizeof together), code);
        assert_string_equal(together, alone);
    }
}

static u8 *body(const Bytes *module, size_t code, u32 index) { return module->p + code + (size_t)index * (BODY_BYTES + 2); }

static void valid_bodies_are_valid(void **state)
{
    (void)state;
    size_t code;
    Bytes module = large_module(&code);
    all_agree(&module, DIAG_NONE);
    bytes_done(&module);
}

static void the_first_invalid_body_is_named(void **state)
{
    (void)state;
    size_t code;
    Bytes module = large_module(&code);
    /* From the last to the first: an i32.add that lacks an operand, in ever more bodies. */
    for (u32 i = 0, index = NFUNCS - 1; i < 6; i++, index = index * 2 / 3) {
        body(&module, code, index)[5] = 0x6a;
        all_agree(&module, DIAG_TYPE_MISMATCH);
    }
    body(&module, code, 0)[5] = 0x6a;
    all_agree(&module, DIAG_TYPE_MISMATCH);
    bytes_done(&module);
}

static void what_is_wrong_with_a_body_comes_before_what_is_wrong_behind_it(void **state)
{
    (void)state;
    size_t code;
    Bytes module = large_module(&code);
    memcpy(body(&module, code, NFUNCS - 2), "\xff\xff\xff\xff\x7f", 5); /* a size that is no u32 */
    char text[256];
    DiagCode framing = decode(&module, 1, TEST_ALLOC_NEVER, text, sizeof text);
    assert_int_not_equal(framing, DIAG_NONE);
    all_agree(&module, framing);
    body(&module, code, NFUNCS - 3)[5] = 0x6a;
    all_agree(&module, DIAG_TYPE_MISMATCH);
    bytes_done(&module);
}

static void a_lack_of_memory_is_a_clean_failure(void **state)
{
    (void)state;
    size_t code;
    Bytes module = large_module(&code);
    u32 nfailures = 0;
    for (u32 nth = 0; nth < 40; nth++) {
        char text[256];
        DiagCode got = decode(&module, 4, nth, text, sizeof text);
        assert_true(got == DIAG_NONE || got == DIAG_NO_MEMORY); /* fewer threads do as well */
        nfailures += got != DIAG_NONE;
    }
    assert_in_range(nfailures, 3, 39);
    bytes_done(&module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_bodies_are_valid),
        cmocka_unit_test(the_first_invalid_body_is_named),
        cmocka_unit_test(what_is_wrong_with_a_body_comes_before_what_is_wrong_behind_it),
        cmocka_unit_test(a_lack_of_memory_is_a_clean_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
