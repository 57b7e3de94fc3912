/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* dwarf_test.c - debugging information made by hand in every version: read, cut short, damaged, and built to
 * take long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dwarf/dwarf.h"
#include "dwarf/form.h"
#include "port/port.h"
#include "test_alloc.h"

/* --- writing ---------------------------------------------------------------------------------------- */

typedef struct Out {
    u8 *p;
    u32 n, cap;
} Out;

static void put(Out *o, u64 value, u32 nbytes)
{
    for (u32 i = 0; i < nbytes; i++, value >>= 8) {
        if (o->n == o->cap) {
            o->cap = o->cap == 0 ? 256 : o->cap * 2;
            o->p = realloc(o->p, o->cap);
            assert_non_null(o->p);
        }
        o->p[o->n++] = (u8)value;
    }
}
static void put_text(Out *o, const char *text)
{
    do put(o, (u8)*text, 1);
    while (*text++ != '\0');
}
static void put_list(Out *o, const u8 *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) put(o, bytes[i], 1);
}
#define PUT(o, ...) put_list((o), (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))
/* A length in front of what follows; put_end writes it. */
static u32 put_start(Out *o)
{
    put(o, 0, 4);
    return o->n;
}
static void put_end(Out *o, u32 start)
{
    u32 size = o->n - start;
    for (u32 i = 0; i < 4; i++) o->p[start - 4 + i] = (u8)(size >> (8 * i));
}

typedef struct Sections {
    Out at[DWARF_SECTIONS];
} Sections;

static void sections_free(Sections *s)
{
    for (u32 i = 0; i < DWARF_SECTIONS; i++) free(s->at[i].p);
}

/* --- the example ------------------------------------------------------------------------------------ */

/* At addresses of the code section, in src/share.c of /home/me:
 *
 *     16..32  share   from line 10; 20..24 is inner(), of line 5, inlined at 12:7, and in it 22..24 leaf(), of
 *                     line 2, inlined at 6:3
 *     40..48  other   line 30 */
enum { TAG_UNIT = 1, TAG_FUNC, TAG_INLINED, TAG_ABSTRACT, TAG_PLAIN };

static void put_abbrevs(Out *o, u32 version)
{
    u8 line_form = version >= 4 ? 0x17 : 0x06; /* sec_offset, data4 */
    if (version >= 5)
        PUT(o, TAG_UNIT, 0x11, 1, 0x03, 0x25, 0x1b, 0x25, 0x10, line_form, 0x72, 0x17, 0x73, 0x17, 0x11, 0x01, 0x55, 0x17, 0, 0);
    else
        PUT(o, TAG_UNIT, 0x11, 1, 0x03, 0x08, 0x1b, 0x0e, 0x10, line_form, 0x11, 0x01, 0x55, line_form, 0, 0);
    if (version >= 5)
        PUT(o, TAG_FUNC, 0x2e, 1, 0x11, 0x1b, 0x12, 0x06, 0x03, 0x08, 0x6e, 0x25, 0, 0);
    else
        PUT(o, TAG_FUNC, 0x2e, 1, 0x11, 0x01, 0x12, version >= 4 ? 0x06 : 0x01, 0x03, 0x08, 0x6e, 0x0e, 0, 0);
    PUT(o, TAG_INLINED, 0x1d, 1, 0x31, 0x13, 0x11, 0x01, 0x12, version >= 4 ? 0x0b : 0x01, 0x58, 0x0b, 0x59, 0x0b, 0x57, 0x0b, 0, 0);
    PUT(o, TAG_ABSTRACT, 0x2e, 0, 0x03, 0x08, 0, 0);
    PUT(o, TAG_PLAIN, 0x2e, 0, 0x11, 0x01, 0x12, version >= 4 ? 0x0b : 0x01, 0x03, 0x08, 0x87, 0x01, 0x19, 0, 0);
    put(o, 0, 1);
}

static void put_inlined(Out *o, u32 version, u32 origin, u32 low, u32 size, u8 line, u8 column)
{
    put(o, TAG_INLINED, 1);
    put(o, origin, 4);
    put(o, low, 4);
    if (version >= 4)
        put(o, size, 1);
    else
        put(o, low + size, 4);
    PUT(o, 1, line, column); /* call_file: share.c is number 1 in every version */
}

static void put_info(Out *o, u32 version)
{
    u32 start = put_start(o), zero = start - 4;
    put(o, version, 2);
    if (version >= 5) PUT(o, 1, 4);
    put(o, 0, 4); /* abbreviations */
    if (version < 5) put(o, 4, 1);
    put(o, TAG_UNIT, 1);
    if (version >= 5) {
        PUT(o, 0, 1); /* strings 0 and 1 */
        put(o, 0, 4);
        put(o, 8, 4); /* bases */
        put(o, 8, 4);
        put(o, 0, 4); /* low_pc */
        put(o, 12, 4);
    } else {
        put_text(o, "share.c");
        put(o, 1, 4); /* "/home/me" */
        put(o, 0, 4);
        put(o, 0, 4);
        put(o, 0, 4);
    }
    u32 leaf = o->n - zero;
    put(o, TAG_ABSTRACT, 1);
    put_text(o, "leaf");
    u32 inner = o->n - zero;
    put(o, TAG_ABSTRACT, 1);
    put_text(o, "inner");
    put(o, TAG_FUNC, 1);
    if (version >= 5)
        put(o, 0, 1); /* address 0 */
    else
        put(o, 16, 4);
    put(o, version >= 4 ? 16 : 32, 4);
    put_text(o, "share");
    if (version >= 5)
        put(o, 2, 1);
    else
        put(o, 10, 4); /* "_Z5shareii" */
    put_inlined(o, version, inner, 20, 4, 12, 7);
    put_inlined(o, version, leaf, 22, 2, 6, 3);
    PUT(o, 0, 0, 0);
    put(o, TAG_PLAIN, 1);
    put(o, 40, 4);
    if (version >= 4)
        put(o, 8, 1);
    else
        put(o, 48, 4);
    put_text(o, "other");
    put(o, 1, 2 - (version >= 4)); /* a flag_present has no bytes; before, this byte is one */
    put(o, 0, 1);
    put_end(o, start);
}

static void put_line(Out *o, u32 version)
{
    u32 start = put_start(o);
    put(o, version, 2);
    if (version >= 5) PUT(o, 4, 0);
    u32 header = put_start(o);
    PUT(o, 1);
    if (version >= 4) PUT(o, 1);
    PUT(o, 1, (u8)-5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1);
    if (version >= 5) {
        PUT(o, 1, 1, 0x1f, 2);
        put(o, 0, 4); /* "/home/me" in .debug_line_str */
        put(o, 9, 4); /* "src" */
        PUT(o, 2, 1, 0x08, 2, 0x0b, 2);
        put_text(o, "share.c");
        PUT(o, 1);
        put_text(o, "share.c");
        PUT(o, 1);
    } else {
        put_text(o, "src");
        put_text(o, "");
        put_text(o, "share.c");
        PUT(o, 1, 0, 0);
        put_text(o, "");
    }
    put_end(o, header);
    PUT(o, 0, 5, 2, 16, 0, 0, 0, 3, 9, 5, 2, 1); /* 16: line 10, column 2 */
    PUT(o, 13 + 4 * 14 + 0);                     /* 20: line 5 */
    PUT(o, 3, 0x7d, 2, 2, 1);                    /* 22: line 2 */
    PUT(o, 3, 10, 9, 2, 0, 5, 0, 1);             /* 24: line 12, no column */
    PUT(o, 2, 8, 0, 1, 1);                       /* 32: the end */
    PUT(o, 0, 5, 2, 0, 0, 0, 0, 1, 2, 99, 0, 1, 1); /* a function that was left out */
    PUT(o, 0, 5, 2, 40, 0, 0, 0, 3, 29, 1, 8, 0, 1, 1);
    put_end(o, start);
}

static Sections example(u32 version)
{
    Sections s = {0};
    put_abbrevs(&s.at[DWARF_ABBREV], version);
    put_info(&s.at[DWARF_INFO], version);
    put_line(&s.at[DWARF_LINE], version);
    Out *str = &s.at[DWARF_STR];
    put_text(str, "");
    put_text(str, "/home/me");
    put_text(str, "_Z5shareii");
    if (version >= 5) {
        put_text(&s.at[DWARF_LINE_STR], "/home/me");
        put_text(&s.at[DWARF_LINE_STR], "src");
        put(&s.at[DWARF_STR_OFFSETS], 0, 8);
        put(&s.at[DWARF_STR_OFFSETS], 0, 4);
        put(&s.at[DWARF_STR_OFFSETS], 1, 4);
        put(&s.at[DWARF_STR_OFFSETS], 10, 4);
        put(&s.at[DWARF_ADDR], 0, 8);
        put(&s.at[DWARF_ADDR], 16, 4);
        put(&s.at[DWARF_RNGLISTS], 0, 12);
        PUT(&s.at[DWARF_RNGLISTS], 3, 0, 16, 4, 40, 48, 0);
    } else {
        for (u32 i = 0; i < 6; i++) put(&s.at[DWARF_RANGES], (const u8[]){16, 32, 40, 48, 0, 0}[i], 4);
    }
    return s;
}

/* --- a module around it ------------------------------------------------------------------------------ */

enum { CODE_START = 10, CODE_SIZE = 64 };

typedef struct Subject {
    Module module;
    CustomSection customs[DWARF_SECTIONS];
    u8 bytes[CODE_START + CODE_SIZE];
} Subject;

/* The sections stay the caller's. */
static void subject_init(Subject *s, const Sections *sections, Alloc *alloc)
{
    static const char *const names[DWARF_SECTIONS] = {".debug_info", ".debug_abbrev", ".debug_line", ".debug_str",
                                                      ".debug_line_str", ".debug_ranges", ".debug_rnglists",
                                                      ".debug_addr", ".debug_str_offsets"};
    *s = (Subject){.bytes = {0, 'a', 's', 'm', 1, 0, 0, 0, 10, CODE_SIZE}};
    for (u32 i = 0; i < DWARF_SECTIONS; i++)
        s->customs[i] = (CustomSection){.name = {names[i], (u32)strlen(names[i])}, .bytes = sections->at[i].p,
                                        .size = sections->at[i].n};
    s->module = (Module){.alloc = alloc, .bytes = s->bytes, .size = sizeof s->bytes, .customs = s->customs,
                         .ncustoms = DWARF_SECTIONS};
}
static void subject_done(Subject *s)
{
    if (s->module.source_free != NULL) s->module.source_free(&s->module, s->module.source);
}

static void check_place(const SourcePlace *place, const char *func, u32 line, u32 column, bool is_inlined)
{
    assert_true(name_is(place->func, func));
    assert_true(name_is(place->file, "share.c"));
    assert_true(name_is(place->dir, "src"));
    assert_true(name_is(place->comp_dir, "/home/me"));
    assert_int_equal(place->line, line);
    assert_int_equal(place->column, column);
    assert_int_equal(place->is_inlined, is_inlined);
}

/* --- tests ------------------------------------------------------------------------------------------ */

static void every_version_says_file_line_and_what_was_inlined(void **state)
{
    (void)state;
    for (u32 version = 2; version <= 5; version++) {
        Sections sections = example(version);
        TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
        Subject s;
        SourcePlace p[4];
        subject_init(&s, &sections, &alloc.base);
        assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 16, p, 4), 1);
        check_place(&p[0], "_Z5shareii", 10, 2, false);
        assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 21, p, 4), 2);
        check_place(&p[0], "inner", 5, 2, true);
        check_place(&p[1], "_Z5shareii", 12, 7, false);
        assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 23, p, 4), 3);
        check_place(&p[0], "leaf", 2, 2, true);
        check_place(&p[1], "inner", 6, 3, true);
        check_place(&p[2], "_Z5shareii", 12, 7, false);
        assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 31, p, 4), 1);
        check_place(&p[0], "_Z5shareii", 12, 0, false);
        assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 47, p, 4), 1);
        check_place(&p[0], "other", 30, 0, false);
        subject_done(&s);
        assert_int_equal(alloc.live, 0);
        sections_free(&sections);
    }
}

static void what_is_not_said_is_unknown(void **state)
{
    (void)state;
    Sections sections = example(4);
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Subject s;
    SourcePlace p;
    subject_init(&s, &sections, &alloc.base);
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 35, &p, 1), 0); /* between functions */
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START - 1, &p, 1), 0);
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + CODE_SIZE, &p, 1), 0);
    assert_int_equal(tern_dwarf_places(&s.module, UINT64_MAX, &p, 1), 0);
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 23, &p, 1), 3); /* room for one of them */
    assert_true(name_is(p.func, "leaf"));
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 23, NULL, 0), 3);
    subject_done(&s);

    s.module.source = NULL;
    s.module.ncustoms = 0;
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 16, &p, 1), 0);
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 16, &p, 1), 0);
    subject_done(&s);

    subject_init(&s, &sections, &alloc.base); /* lines without functions, and the other way round */
    s.customs[DWARF_LINE].size = 0;
    assert_int_equal(tern_dwarf_places(&s.module, CODE_START + 23, &p, 1), 3);
    assert_int_equal(p.line, 0);
    subject_done(&s);
    assert_int_equal(alloc.live, 0);
    sections_free(&sections);
}

/* Asks about every address; what comes of it does not matter. */
static void ask_all(const Sections *sections, TestAlloc *alloc)
{
    Subject s;
    SourcePlace p[3];
    subject_init(&s, sections, &alloc->base);
    for (u32 address = 15; address < 50; address += 3) {
        u32 n = tern_dwarf_places(&s.module, CODE_START + address, p, 3);
        for (u32 i = 0; i < n && i < 3; i++) /* names lie in the sections: the sanitizer watches */
            for (u32 k = 0; k < p[i].func.size; k++) assert_int_not_equal(p[i].func.bytes[k], 0);
    }
    subject_done(&s);
}

/* A copy of a section that ends where its memory ends. */
static u8 *exact_copy(const Out *section, u32 n)
{
    u8 *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    if (n > 0) memcpy(copy, section->p, n);
    return copy;
}

static void sections_may_end_anywhere(void **state)
{
    (void)state;
    for (u32 version = 2; version <= 5; version++) {
        Sections whole = example(version);
        for (u32 i = 0; i < DWARF_SECTIONS; i++)
            for (u32 n = 0; n < whole.at[i].n; n++) {
                TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
                Sections cut = whole;
                cut.at[i] = (Out){.p = exact_copy(&whole.at[i], n), .n = n};
                ask_all(&cut, &alloc);
                assert_int_equal(alloc.live, 0);
                free(cut.at[i].p);
            }
        sections_free(&whole);
    }
}

static void bytes_may_say_anything(void **state)
{
    (void)state;
    static const u8 values[] = {0, 1, 0x7f, 0x80, 0xff};
    u64 seed = 11;
    for (u32 version = 2; version <= 5; version++) {
        Sections whole = example(version);
        for (u32 i = 0; i < DWARF_SECTIONS; i++)
            for (u32 at = 0; at < whole.at[i].n; at++)
                for (u32 k = 0; k < COUNT_OF(values) + 3; k++) {
                    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
                    Sections bad = whole;
                    u32 n = whole.at[i].n;
                    bad.at[i] = (Out){.p = exact_copy(&whole.at[i], n), .n = n};
                    bad.at[i].p[at] = k < COUNT_OF(values) ? values[k] : (u8)test_random(&seed);
                    ask_all(&bad, &alloc);
                    assert_int_equal(alloc.live, 0);
                    free(bad.at[i].p);
                }
        sections_free(&whole);
    }
}

static void without_memory_less_is_known_and_nothing_leaks(void **state)
{
    (void)state;
    Sections sections = example(5);
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        ask_all(&sections, &alloc);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
    sections_free(&sections);
}

/* Units that all name one long list of ranges, which names nothing: to follow each would take 10^10 steps. */
static void a_query_ends_in_linear_time(void **state)
{
    (void)state;
    enum { NUNITS = 60000, NRANGES = 200000 };
    Sections s = {0};
    PUT(&s.at[DWARF_ABBREV], 1, 0x11, 0, 0x55, 0x17, 0, 0, 0);
    for (u32 i = 0; i < NUNITS; i++) {
        Out *o = &s.at[DWARF_INFO];
        u32 start = put_start(o);
        put(o, 4, 2);
        put(o, 0, 4);
        PUT(o, 4, 1);
        put(o, 0, 4);
        put_end(o, start);
    }
    for (u32 i = 0; i < NRANGES; i++) put(&s.at[DWARF_RANGES], (u64)2000 << 32 | 1000, 8);
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Subject subject;
    SourcePlace place;
    u64 before = 0, after = 0;
    subject_init(&subject, &s, &alloc.base);
    tern_port_clock_ns(PORT_CLOCK_THREAD_CPU, &before);
    assert_int_equal(tern_dwarf_places(&subject.module, CODE_START + 20, &place, 1), 0);
    tern_port_clock_ns(PORT_CLOCK_THREAD_CPU, &after);
    assert_true(after - before < 20000000000u);
    subject_done(&subject);
    sections_free(&s);
}

typedef struct Counting {
    Alloc base;
    TestAlloc *inner;
    u64 bytes, most;
} Counting;

static void *count_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    Counting *c = (Counting *)(void *)self;
    void *p = c->inner->base.resize(&c->inner->base, ptr, old_size, new_size);
    if (p != NULL || new_size == 0) c->bytes += new_size - old_size;
    c->most = u64_max(c->most, c->bytes);
    return p;
}

/* Units that all have the address asked for, and no function there, and name one large table of abbreviations. */
static void what_units_share_is_not_kept_for_each_without_end(void **state)
{
    (void)state;
    enum { NUNITS = 2000, NABBREVS = 20000 };
    Sections s = {0};
    PUT(&s.at[DWARF_ABBREV], 1, 0x11, 0, 0x11, 0x01, 0x12, 0x06, 0, 0);
    for (u32 i = 2; i < NABBREVS; i++)
        PUT(&s.at[DWARF_ABBREV], (u8)(i | 0x80), (u8)(i >> 7 | 0x80), (u8)(i >> 14), 0x2e, 0, 0, 0);
    put(&s.at[DWARF_ABBREV], 0, 1);
    for (u32 i = 0; i < NUNITS; i++) {
        Out *o = &s.at[DWARF_INFO];
        u32 start = put_start(o);
        put(o, 4, 2);
        put(o, 0, 4);
        PUT(o, 4, 1, 16, 0, 0, 0, 16, 0, 0, 0);
        put_end(o, start);
    }
    TestAlloc inner = test_alloc(TEST_ALLOC_NEVER);
    Counting alloc = {.base = {count_resize}, .inner = &inner};
    Subject subject;
    SourcePlace place;
    subject_init(&subject, &s, &alloc.base);
    for (u32 i = 0; i < 4; i++) assert_int_equal(tern_dwarf_places(&subject.module, CODE_START + 20 + i, &place, 1), 0);
    assert_true(alloc.most < 40 * (u64)(s.at[DWARF_INFO].n + s.at[DWARF_ABBREV].n));
    subject_done(&subject);
    assert_int_equal(inner.live, 0);
    sections_free(&s);
}

/* A function that comes from itself. */
static void circles_end(void **state)
{
    (void)state;
    Sections s = {0};
    PUT(&s.at[DWARF_ABBREV], 1, 0x11, 1, 0x11, 0x01, 0x12, 0x06, 0, 0);
    PUT(&s.at[DWARF_ABBREV], 2, 0x2e, 0, 0x11, 0x01, 0x12, 0x0b, 0x31, 0x10, 0, 0, 0);
    Out *o = &s.at[DWARF_INFO];
    u32 start = put_start(o);
    put(o, 4, 2);
    put(o, 0, 4);
    PUT(o, 4, 1, 16, 0, 0, 0, 16, 0, 0, 0);
    u32 self = o->n;
    PUT(o, 2, 16, 0, 0, 0, 16);
    put(o, self, 4);
    put(o, 0, 1);
    put_end(o, start);
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Subject subject;
    SourcePlace place;
    subject_init(&subject, &s, &alloc.base);
    assert_int_equal(tern_dwarf_places(&subject.module, CODE_START + 20, &place, 1), 1);
    assert_int_equal(place.func.size, 0);
    subject_done(&subject);
    sections_free(&s);
}

static void ask_from_a_thread(void *arg)
{
    Subject *s = arg;
    for (u32 i = 0; i < 200; i++) {
        SourcePlace p[3];
        if (tern_dwarf_places(&s->module, CODE_START + 23, p, 3) != 3 || p[2].line != 12) abort();
    }
}

static void threads_may_ask_at_once(void **state)
{
    (void)state;
    Sections sections = example(5);
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    for (u32 round = 0; round < 20; round++) {
        Subject s;
        Thread threads[3];
        subject_init(&s, &sections, &alloc.base);
        for (u32 i = 0; i < 3; i++) assert_true(tern_port_thread_start(&threads[i], ask_from_a_thread, &s, 0));
        for (u32 i = 0; i < 3; i++) tern_port_thread_join(&threads[i]);
        subject_done(&s);
        assert_int_equal(alloc.live, 0);
    }
    sections_free(&sections);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_says_file_line_and_what_was_inlined),
        cmocka_unit_test(what_is_not_said_is_unknown),
        cmocka_unit_test(sections_may_end_anywhere),
        cmocka_unit_test(bytes_may_say_anything),
        cmocka_unit_test(without_memory_less_is_known_and_nothing_leaks),
        cmocka_unit_test(a_query_ends_in_linear_time),
        cmocka_unit_test(what_units_share_is_not_kept_for_each_without_end),
        cmocka_unit_test(circles_end),
        cmocka_unit_test(threads_may_ask_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
