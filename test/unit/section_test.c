/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* section_test.c - a module that uses every section: whole, cut short, damaged, short of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "port/port.h"
#include "test_alloc.h"

typedef struct Bytes {
    u8 at[1024];
    u32 n;
} Bytes;

static void put(Bytes *b, const void *bytes, size_t n)
{
    assert_true(b->n + n <= sizeof b->at);
    memcpy(b->at + b->n, bytes, n);
    b->n += (u32)n;
}

/* A section of less than 128 bytes. */
#define SECTION(b, id, ...)                                                                        \
    do {                                                                                           \
        static const u8 content_[] = {__VA_ARGS__};                                                \
        const u8 head_[] = {(id), sizeof content_};                                                \
        put((b), head_, 2);                                                                        \
        put((b), content_, sizeof content_);                                                       \
    } while (0)

static Bytes header(void)
{
    Bytes b = {.n = 0};
    put(&b, "\0asm\1\0\0\0", 8);
    return b;
}

static Bytes everything(void)
{
    Bytes b = header();
    SECTION(&b, 1, 5,
            0x4e, 2,                                        /* a group of two */
            0x50, 0, 0x5f, 1, 0x7f, 0,                      /* 0: an open struct of an i32 */
            0x50, 1, 0, 0x5f, 2, 0x7f, 0, 0x63, 1, 1,       /* 1: below it, with a link to itself */
            0x60, 0, 0,                                     /* 2: [] -> [] */
            0x60, 2, 0x7f, 0x7e, 1, 0x7f,                   /* 3: [i32 i64] -> [i32] */
            0x5e, 0x78, 1,                                  /* 4: bytes */
            0x60, 1, 0x7f, 0);                              /* 5: [i32] -> [] */
    SECTION(&b, 2, 2, 1, 'm', 1, 'f', 0, 2, 1, 'm', 1, 'g', 3, 0x7f, 0);
    SECTION(&b, 3, 2, 2, 3);
    SECTION(&b, 0, 5, 'h', 'e', 'l', 'l', 'o', 1, 2, 3);
    SECTION(&b, 4, 2, 0x40, 0, 0x70, 0, 2, 0xd2, 0, 0x0b, 0x6f, 1, 0, 9);
    SECTION(&b, 5, 1, 1, 1, 2);
    SECTION(&b, 13, 1, 0, 5);
    SECTION(&b, 6, 3,
            0x63, 0, 0, 0x41, 5, 0xfb, 0, 0, 0x0b,          /* 1: struct.new 0 */
            0x7f, 1, 0x23, 0, 0x41, 2, 0x6a, 0x0b,          /* 2: global 0 + 2, mutable */
            0x63, 4, 0, 0x41, 1, 0x41, 2, 0xfb, 8, 4, 2, 0x0b); /* 3: array.new_fixed 4 2 */
    SECTION(&b, 7, 3, 3, 'r', 'u', 'n', 0, 1, 0, 2, 0, 1, 't', 4, 0);
    SECTION(&b, 8, 1);
    SECTION(&b, 9, 3,
            0, 0x41, 0, 0x0b, 1, 1,
            5, 0x70, 2, 0xd2, 2, 0x0b, 0xd0, 0x70, 0x0b,
            3, 0, 1, 0);
    SECTION(&b, 12, 2);
    SECTION(&b, 10, 2, 2, 0, 0x0b, 4, 0, 0x20, 0, 0x0b);
    SECTION(&b, 11, 2, 0, 0x41, 0, 0x0b, 3, 'a', 'b', 'c', 1, 2, 'h', 'i');
    SECTION(&b, 0, 4, 'n', 'a', 'm', 'e', 0, 2, 1, 'x', 1, 9, 2, 0, 1, 'p', 2, 3, 's', 'u', 'm');
    return b;
}

/* Decodes an exact copy, so that a byte read too many is found. */
static Module *decode(TypeRegistry *types, Alloc *alloc, const u8 *bytes, size_t size, u64 features,
                      Diag *diag)
{
    u8 *copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, bytes, size);
    DecodeOptions options = {.features = features, .copy_bytes = true};
    Module *module = tern_module_decode(types, alloc, copy, size, &options, diag);
    free(copy);
    assert_true((module == NULL) == (diag->code != DIAG_NONE));
    return module;
}

/* Decodes and lets go of it; nothing is left. The code. */
static DiagCode check(const u8 *bytes, size_t size, char *text, size_t text_size)
{
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    Diag diag = {0};
    tern_module_release(decode(types, &alloc.base, bytes, size, FEATURES_ALL, &diag));
    if (text != NULL) tern_diag_format(&diag, text, text_size);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
    return diag.code;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void every_section_is_decoded(void **state)
{
    (void)state;
    Bytes b = everything();
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    Diag diag = {0};
    Module *m = decode(types, &alloc.base, b.at, b.n, FEATURES_ALL, &diag);
    if (m == NULL) fail_msg("%s (%s)", tern_diag_text(diag.code), diag.detail);

    assert_int_equal(m->ntypes, 6);
    assert_int_equal(m->ngroups, 5);
    assert_true(tern_types_def_match(types, m->types[1], m->types[0]));
    assert_int_equal(m->nimports, 2);
    assert_true(name_is(m->imports[1].name, "g"));
    assert_int_equal(m->imports[1].kind, EXTERN_GLOBAL);
    assert_int_equal(m->nfuncs, 3);
    assert_int_equal(m->funcs[2].body_size, 4);
    assert_int_equal(m->bytes[m->funcs[2].body_offset + 1], 0x20);
    assert_true(m->funcs[0].is_declared && m->funcs[1].is_declared && m->funcs[2].is_declared);
    assert_int_equal(m->ntables, 2);
    assert_int_equal(m->tables[0].init->ops[0].op, OP_REF_FUNC);
    assert_null(m->tables[1].init);
    assert_int_equal(m->tables[1].type.limits.max, 9);
    assert_int_equal(m->memories[0].limits.max, 2);
    assert_int_equal(m->memories[0].page_log2, 16);
    assert_int_equal(m->tags[0], m->types[5]);
    assert_int_equal(m->nglobals, 4);
    assert_int_equal(m->globals[1].init.nops, 2);
    assert_int_equal(m->globals[2].init.ops[2].op, OP_I32_ADD);
    assert_int_equal(m->globals[3].init.ops[2].index2, 2);
    assert_true(m->has_start && m->start == 1);
    assert_int_equal(m->nelems, 3);
    assert_int_equal(m->elems[0].funcs[0], 1);
    assert_int_equal(m->elems[1].mode, SEGMENT_PASSIVE);
    assert_int_equal(m->elems[1].exprs[1].ops[0].op, OP_REF_NULL);
    assert_int_equal(m->elems[2].mode, SEGMENT_DECLARATIVE);
    assert_int_equal(m->ndatas, 2);
    assert_memory_equal(m->datas[0].bytes, "abc", 3);
    assert_int_equal(m->datas[1].mode, SEGMENT_PASSIVE);
    u64 met = 1ull << FEATURE_GC | 1ull << FEATURE_EXCEPTIONS | 1ull << FEATURE_BULK_MEMORY;
    assert_int_equal(m->used & met, met);
    assert_int_equal(m->used >> FEATURE_MEMORY64 & 1, 0);

    assert_int_equal(tern_module_find_export(m, (Name){"run", 3})->index, 1);
    assert_int_equal(tern_module_find_export(m, (Name){"", 0})->kind, EXTERN_MEMORY);
    assert_null(tern_module_find_export(m, (Name){"ran", 3}));
    assert_int_equal(tern_module_find_custom(m, "hello")->size, 3);
    assert_int_equal(tern_module_find_custom(m, "hello")->after, 3);
    assert_null(tern_module_find_custom(m, "hell"));
    assert_true(name_is(tern_module_func_name(m, 0), "p"));
    assert_true(name_is(tern_module_func_name(m, 1), "run"));
    assert_true(name_is(tern_module_func_name(m, 2), "sum"));

    assert_ptr_equal(tern_module_retain(m), m);
    tern_module_release(m);
    tern_module_release(m);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
}

static void modules_share_their_types(void **state)
{
    (void)state;
    Bytes b = everything();
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    Diag diag = {0};
    Module *a = decode(types, tern_port_system_alloc(), b.at, b.n, FEATURES_ALL, &diag);
    Module *c = decode(types, tern_port_system_alloc(), b.at, b.n, FEATURES_ALL, &diag);
    assert_memory_equal(a->types, c->types, a->ntypes * sizeof *a->types);
    tern_module_release(a);
    assert_true(tern_types_def_match(types, c->types[1], c->types[0]));
    tern_module_release(c);
    tern_types_free(types);
}

/* Cut anywhere it is refused, except between sections where it is a smaller module. */
static void every_truncation_is_one_clear_error(void **state)
{
    (void)state;
    Bytes b = everything();
    u32 naccepted = 0;
    for (u32 n = 0; n < b.n; n++) {
        char text[300];
        DiagCode code = check(b.at, n, text, sizeof text);
        if (code == DIAG_NONE) {
            naccepted++;
            continue;
        }
        bool is_clear = starts_with(text, "unexpected end") ||
                        starts_with(text, "length out of bounds") ||
                        starts_with(text, "function and code section have inconsistent lengths") ||
                        starts_with(text, "data count and data section have inconsistent lengths");
        if (!is_clear) fail_msg("cut at %u: %s", (unsigned)n, text);
    }
    assert_int_equal(naccepted, 4); /* the header; types; imports; and all but the names */
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    Bytes b = everything();
    static const u8 values[] = {0, 1, 2, 0x0b, 0x20, 0x40, 0x4c, 0x4e, 0x62, 0x63, 0x6e, 0x70,
                                0x7f, 0x80, 0xfb, 0xff};
    for (u32 i = 0; i < b.n; i++) {
        u8 saved = b.at[i];
        for (u32 k = 0; k < COUNT_OF(values); k++) {
            b.at[i] = values[k];
            check(b.at, b.n, NULL, 0);
        }
        b.at[i] = saved;
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    Bytes b = everything();
    for (u32 nth = 0;; nth++) {
        TypeRegistry *types = tern_types_new(tern_port_system_alloc());
        TestAlloc alloc = test_alloc(nth);
        Diag diag = {0};
        Module *m = decode(types, &alloc.base, b.at, b.n, FEATURES_ALL, &diag);
        assert_int_equal(m == NULL, alloc.has_failed);
        if (m == NULL) assert_int_equal(diag.code, DIAG_NO_MEMORY);
        tern_module_release(m);
        assert_int_equal(alloc.live, 0);
        tern_types_free(types);
        if (!alloc.has_failed) break;
    }
}

static void every_allocation_of_types_may_fail(void **state)
{
    (void)state;
    Bytes b = everything();
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        TypeRegistry *types = tern_types_new(&alloc.base);
        if (types != NULL) {
            Diag diag = {0};
            tern_module_release(
                decode(types, tern_port_system_alloc(), b.at, b.n, FEATURES_ALL, &diag));
            assert_int_equal(diag.code, alloc.has_failed ? DIAG_NO_MEMORY : DIAG_NONE);
            tern_types_free(types);
        }
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

/* A count is compared with the bytes there are before anything is allocated for it. */
static void a_huge_count_costs_nothing(void **state)
{
    (void)state;
    static const u8 ids[] = {1, 2, 3, 4, 5, 13, 6, 7, 9, 10, 11};
    for (u32 i = 0; i < COUNT_OF(ids); i++) {
        Bytes b = header();
        const u8 section[] = {ids[i], 7, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0};
        put(&b, section, sizeof section);
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        TypeRegistry *types = tern_types_new(tern_port_system_alloc());
        Diag diag = {0};
        assert_null(decode(types, &alloc.base, b.at, b.n, FEATURES_ALL, &diag));
        assert_int_equal(diag.code, DIAG_LENGTH_OUT_OF_BOUNDS);
        assert_int_equal(alloc.nrequests, 2); /* the module and its bytes */
        tern_types_free(types);
    }
}

static void what_is_no_module_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *start, *hint;
    } files[] = {
        {"", 0, "unexpected end", "empty"},
        {"\0as", 3, "unexpected end", ""},
        {"\0asm\1", 5, "unexpected end", ""},
        {"\0asm\x0d\0\1\0", 8, "unknown binary version", "wasm-tools component"},
        {"\0asm\2\0\0\0", 8, "unknown binary version", ""},
        {"(module)", 8, "magic header not detected", "wat2wasm"},
        {" \n;; text\n(module)", 18, "magic header not detected", "wat2wasm"},
        {"\x1f\x8b\x08\0\0", 5, "magic header not detected", "gzip"},
        {"PK\3\4....", 8, "magic header not detected", "zip"},
        {"!<arch>\n.", 9, "magic header not detected", "wasm-ld"},
        {"\177ELF\2", 5, "magic header not detected", "ELF"},
        {"whatever", 8, "magic header not detected", ""},
    };
    for (u32 i = 0; i < COUNT_OF(files); i++) {
        char text[300];
        assert_int_not_equal(
            check((const u8 *)files[i].bytes, files[i].size, text, sizeof text), DIAG_NONE);
        if (!starts_with(text, files[i].start) || strstr(text, files[i].hint) == NULL)
            fail_msg("%u: %s", (unsigned)i, text);
    }
}

static void a_refusal_says_what_and_where(void **state)
{
    (void)state;
    char text[300];
    Bytes b = header();
    SECTION(&b, 1, 1, 0x60, 1, 0x64, 1, 0);
    check(b.at, b.n, text, sizeof text);
    assert_string_equal(text, "unknown type 1 (offset 0xf, type section)");

    b = header();
    SECTION(&b, 1, 2, 0x5f, 0, 0x50, 1, 0, 0x5f, 0);
    check(b.at, b.n, text, sizeof text);
    assert_true(starts_with(text, "sub type 1 has final super type 0"));

    b = header();
    SECTION(&b, 5, 1, 0, 0x81, 0x80, 4);
    check(b.at, b.n, text, sizeof text);
    assert_true(starts_with(text, "memory size must be at most 65536 pages (4GiB)"));

    b = header();
    SECTION(&b, 6, 1, 0x7f, 0, 0x42, 0, 0x0b);
    check(b.at, b.n, text, sizeof text);
    assert_true(starts_with(text, "type mismatch: expected i32, got i64"));
}

static void a_proposal_that_is_off_is_refused_by_name(void **state)
{
    (void)state;
    Bytes b = header();
    SECTION(&b, 5, 1, 4, 1);
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    Diag diag = {0};
    u64 features = FEATURES_ALL & ~(1ull << FEATURE_MEMORY64);
    assert_null(decode(types, tern_port_system_alloc(), b.at, b.n, features, &diag));
    assert_int_equal(diag.code, DIAG_MALFORMED_LIMITS);
    assert_non_null(strstr(diag.detail, "memory64"));
    diag = (Diag){0};
    Module *m = decode(types, tern_port_system_alloc(), b.at, b.n, FEATURES_ALL, &diag);
    assert_int_equal(m->used, 1ull << FEATURE_MEMORY64);
    tern_module_release(m);
    tern_types_free(types);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_section_is_decoded),
        cmocka_unit_test(modules_share_their_types),
        cmocka_unit_test(every_truncation_is_one_clear_error),
        cmocka_unit_test(any_byte_may_be_wrong),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_allocation_of_types_may_fail),
        cmocka_unit_test(a_huge_count_costs_nothing),
        cmocka_unit_test(what_is_no_module_is_named),
        cmocka_unit_test(a_refusal_says_what_and_where),
        cmocka_unit_test(a_proposal_that_is_off_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
