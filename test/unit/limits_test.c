/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* limits_test.c - a host's limits on modules: one module that has some of everything is accepted with limits of exactly
 * that much, and refused by each that is one less, before there is memory for what is too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "ops/emit.h"
#include "unit/test_alloc.h"

static void put_piece(Bytes *b, u8 section, const char *text, size_t size)
{
    Bytes content = {0};
    put_bytes(&content, text, size);
    put_section(b, section, &content);
}
#define PUT(section, text) put_piece(&module, section, text, sizeof text - 1)

/* Three of whatever there can be three of; imports count among functions, tables, memories, globals and tags. */
static Bytes some_of_everything(void)
{
    Bytes module = {0};
    put_bytes(&module, "\0asm\1\0\0", 8);
    PUT(0, "\1x");
    PUT(1, "\3\x60\0\0\x60\1\x7f\0\x60\0\1\x7f");
    PUT(2, "\5\1m\1f\0\0" "\1m\1t\1\x70\0\1" "\1m\1m\2\0\1" "\1m\1g\3\x7f\0" "\1m\1e\4\0\0");
    PUT(3, "\2\1\1");
    PUT(4, "\2\x70\0\1\x70\0\1");
    PUT(5, "\2\0\1\0\1");
    PUT(13, "\2\0\0\0\0");
    PUT(6, "\2\x7f\0\x41\0\x0b\x7f\0\x41\0\x0b");
    PUT(7, "\3\1a\0\1\1b\0\1\1c\0\2");
    PUT(0, "\1y");
    PUT(9, "\3\1\0\1\0\1\0\1\0\1\0\1\0");
    PUT(10, "\2\4\1\2\x7f\x0b" "\x0e\0\2\x40\2\x40\2\x40\x0b\x0b\x0b\2\x40\x0b\x0b");
    PUT(11, "\3\1\0\1\0\1\0");
    PUT(0, "\1z");
    return module;
}

static u32 counted(const Module *m, ModuleLimit limit)
{
    switch (limit) {
    case LIMIT_MODULE_BYTES: return m->size;
    case LIMIT_TYPES: return m->ntypes;
    case LIMIT_FUNCTIONS: return m->nfuncs;
    case LIMIT_TABLES: return m->ntables;
    case LIMIT_MEMORIES: return m->nmemories;
    case LIMIT_GLOBALS: return m->nglobals;
    case LIMIT_TAGS: return m->ntags;
    case LIMIT_IMPORTS: return m->nimports;
    case LIMIT_EXPORTS: return m->nexports;
    case LIMIT_ELEM_SEGMENTS: return m->nelems;
    case LIMIT_DATA_SEGMENTS: return m->ndatas;
    case LIMIT_CUSTOM_SECTIONS: return m->ncustoms;
    case LIMIT_BODY_BYTES: return m->funcs[2].body_size;
    case LIMIT_LOCALS: return 3; /* a parameter, and two */
    case LIMIT_NESTING: return 3;
    case MODULE_LIMIT_COUNT: break;
    }
    return 0;
}

static DiagCode decode(const Bytes *bytes, const ModuleLimits *limits, ModuleLimits *counts)
{
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    Diag diag = {0};
    Module *module = tern_module_decode(types, &alloc.base, bytes->p, bytes->n,
                                        &(DecodeOptions){.features = FEATURES_ALL, .limits = limits}, &diag);
    if (module == NULL && counts != NULL) fail_msg("offset %u: %s", (unsigned)diag.offset, diag.detail);
    for (u32 i = 0; counts != NULL && i < MODULE_LIMIT_COUNT; i++) counts->most[i] = counted(module, (ModuleLimit)i);
    tern_module_release(module);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
    return diag.code;
}

static void each_limit_is_the_most_that_is_accepted(void **state)
{
    (void)state;
    Bytes module = some_of_everything();
    ModuleLimits counts, limits;
    assert_int_equal(decode(&module, NULL, &counts), DIAG_NONE);
    assert_int_equal(decode(&module, &counts, NULL), DIAG_NONE);
    for (u32 i = 0; i < MODULE_LIMIT_COUNT; i++) {
        assert_true(counts.most[i] >= 3);
        limits = counts;
        limits.most[i]--;
        DiagCode code = decode(&module, &limits, NULL);
        if (code != (i == LIMIT_LOCALS ? DIAG_TOO_MANY_LOCALS : DIAG_LIMIT))
            fail_msg("%s: %s", tern_module_limit_texts[i], tern_diag_text(code));
    }
    bytes_done(&module);
}

static void zero_and_too_much_are_the_defaults(void **state)
{
    (void)state;
    ModuleLimits defaults = tern_module_limits(NULL), asked = {0};
    ModuleLimits limits = tern_module_limits(&asked);
    assert_memory_equal(&limits, &defaults, sizeof limits);
    for (u32 i = 0; i < MODULE_LIMIT_COUNT; i++) asked.most[i] = UINT32_MAX;
    limits = tern_module_limits(&asked);
    assert_memory_equal(&limits, &defaults, sizeof limits);
    assert_int_equal(defaults.most[LIMIT_LOCALS], 50000);
}

/* A million functions, with memory for none of them. */
static void nothing_is_allocated_for_what_is_too_many(void **state)
{
    (void)state;
    Bytes module = {0}, content = {0};
    put_bytes(&module, "\0asm\1\0\0", 8);
    put_piece(&module, 1, "\1\x60\0\0", 4);
    u32 n = 1000000;
    put_uleb(&content, n);
    for (u32 i = 0; i < n; i++) put_byte(&content, 0);
    put_section(&module, 3, &content);
    ModuleLimits limits = {{0}};
    u32 nrequests[2];
    for (u32 i = 0; i < 2; i++) {
        limits.most[LIMIT_FUNCTIONS] = i == 0 ? n - 1 : n;
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        TypeRegistry *types = tern_types_new(&alloc.base);
        Diag diag = {0};
        DecodeOptions options = {.features = FEATURES_ALL, .limits = &limits};
        assert_null(tern_module_decode(types, &alloc.base, module.p, module.n, &options, &diag));
        assert_int_equal(diag.code, i == 0 ? DIAG_LIMIT : DIAG_CODE_LENGTH_MISMATCH);
        nrequests[i] = alloc.nrequests;
        tern_types_free(types);
    }
    assert_true(nrequests[0] < nrequests[1]);
    bytes_done(&module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_is_the_most_that_is_accepted),
        cmocka_unit_test(zero_and_too_much_are_the_defaults),
        cmocka_unit_test(nothing_is_allocated_for_what_is_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
