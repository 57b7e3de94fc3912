/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* demangle_test.c - names of Rust and C++ as people wrote them, and names that are not such. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/demangle.c" /* the command is no part of the library */

typedef struct Case {
    const char *mangled, *text; /* NULL: it is none */
} Case;

static void check(const Case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char buf[256] = "unchanged";
        bool ok = cli_demangle(cases[i].mangled, strlen(cases[i].mangled), buf, sizeof buf);
        if (ok != (cases[i].text != NULL)) fail_msg("%s: %s", cases[i].mangled, ok ? buf : "no name");
        if (ok) assert_string_equal(buf, cases[i].text);
    }
}

static void rusts_older_names(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"_ZN4core9panicking9panic_fmt17h0123456789abcdefE", "core::panicking::panic_fmt"},
        {"_ZN3foo3bar17h0123456789abcdefE.llvm.1234", "foo::bar"},
        {"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
         "<Test + 'static as foo::Bar<Test>>::bar"},
        {"_ZN13test$u20$test4foob17h05af221e174051e9E", "test test::foob"},
        {"_ZN12test$BP$test4foob17h05af221e174051e9E", "test*test::foob"},
        {"_ZN28_$u7b$$u7b$closure$u7d$$u7d$17h05af221e174051e9E", "{{closure}}"},
        {"_ZN8backtrace3foo17h05af221e174051e9E", NULL}, /* a length that is wrong */
    };
    check(cases, sizeof cases / sizeof *cases);
}

/* Of the RFC, of rustc and of its demangler's own tests. */
static void rusts_names_of_version_0(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"_RNvC6_123foo3bar", "123foo::bar"},
        {"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
        {"_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}"},
        {"_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
         "<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::{closure#1}>::{closure#0}"},
        {"_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std",
         "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>"},
        {"_RMC0INtC8arrayvec8ArrayVechKj7b_E", "<arrayvec::ArrayVec<u8, 123>>"},
        {"_RMCs4fqI2P2rA04_13const_genericINtB0_4CharKc2202_E", "<const_generic::Char<'\\u{2202}'>>"},
        {"_RNvMCs4fqI2P2rA04_13const_genericINtB2_6SignedKand_E1f", "<const_generic::Signed<-13>>::f"},
        {"_RNvXCs1_1aNtB2_1SNtB2_1T1f", "<a::S as a::T>::f"},
        {"_RNvYNtCs1_1a1SNtB4_1T1f", "<a::S as a::T>::f"},
        {"_RINvC1a1fRLetE", NULL},
        {"_RINvC1a1fRhE", "a::f::<&u8>"},
        {"_RINvC1a1fQShE", "a::f::<&mut [u8]>"},
        {"_RINvC1a1fThEE", "a::f::<(u8,)>"},
        {"_RINvC1a1fThtEE", "a::f::<(u8, u16)>"},
        {"_RINvC1a1fAhj4_E", "a::f::<[u8; 4]>"},
        {"_RINvC1a1fFUKChEuE", "a::f::<unsafe extern \"C\" fn(u8)>"},
        {"_RINvC1a1fFhEtE", "a::f::<fn(u8) -> u16>"},
        {"_RINvC1a1fFG_RL0_hEB8_E", NULL},
        {"_RINvC1a1fFG_RL0_hEuE", "a::f::<for<'a> fn(&'a u8)>"},
        {"_RINvC1a1fPhOtE", "a::f::<*const u8, *mut u16>"},
        {"_RINvC1a1fKj7b_Kb1_Kc41_Kan7_KpE", "a::f::<123, true, 'A', -7, _>"},
        {"_RNSC1a4shim", "a::{shim:shim#0}"},
        {"_RNvC1au3foo", "a::punycode{foo}"},
        {"_RNvB_1a", NULL},   /* from itself */
        {"_RNvC1a", NULL},    /* cut */
        {"_RNvC9a1f", NULL},
        {"_R", NULL},
    };
    check(cases, sizeof cases / sizeof *cases);
}

static void cpp_names_through_its_library(void **state)
{
    (void)state;
    static const Case cases[] = {
        {"_ZN5shape4areaEii", "shape::area(int, int)"},
        {"_Z3foov", "foo()"},
        {"_Z", NULL},
        {"_Zzzzz", NULL},
    };
    char buf[64];
    if (!cli_demangle("_Z3foov", 7, buf, sizeof buf)) skip(); /* no C++ library here */
    check(cases, sizeof cases / sizeof *cases);
}

static void other_names_are_left_alone(void **state)
{
    (void)state;
    static const Case cases[] = {{"", NULL}, {"main", NULL}, {"_start", NULL}, {"_ZN", NULL}, {"_RZ", NULL}};
    check(cases, sizeof cases / sizeof *cases);
}

static void names_end_anywhere_and_room_is_kept_to(void **state)
{
    (void)state;
    static const char *const names[] = {
        "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
        "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
        "_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std",
        "_RINvC1a1fFG_RL0_hEKj7b_Kb1_Kc41_uE",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t n = 0; n <= strlen(names[i]); n++) {
            char *exact = malloc(n + 1); /* the sanitizer watches its end */
            assert_non_null(exact);
            memcpy(exact + 1, names[i], n);
            for (size_t room = 0; room < 200; room += 7) {
                char *buf = malloc(room + 1);
                assert_non_null(buf);
                buf[room] = '!';
                cli_demangle(exact + 1, n, buf, room);
                assert_int_equal(buf[room], '!');
                free(buf);
            }
            free(exact);
        }
}

/* Each back reference doubles what is printed. */
static void hostile_names_end(void **state)
{
    (void)state;
    char name[4096] = "_RINvC1a1f", buf[1000];
    size_t n = strlen(name);
    memset(name + n, 'R', 3000);
    assert_false(cli_demangle(name, n + 3000, buf, sizeof buf));
    strcpy(name, "_RIC1aThhE");
    for (size_t at = 5; strlen(name) < 3000; at = strlen(name) - 10) {
        static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        size_t v = at - 1;
        char pair[64];
        if (v >= 62)
            snprintf(pair, sizeof pair, "TB%c%c_B%c%c_E", digits[v / 62 % 62], digits[v % 62], digits[v / 62 % 62], digits[v % 62]);
        else
            snprintf(pair, sizeof pair, "TB%c_B%c_E", digits[v], digits[v]);
        strcat(name, pair);
    }
    strcat(name, "E");
    assert_false(cli_demangle(name, strlen(name), buf, sizeof buf));
}

/* Each type is a pair of the one before it: as many levels as double the text 34 times. */
static void hostile_cpp_names_take_no_memory(void **state)
{
    (void)state;
    char name[1024] = "_Z1fSt4pairIiiE", buf[1000];
    for (int i = 0; i < 34; i++) {
        char ref[8], pair[32];
        static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        snprintf(ref, sizeof ref, "S%c_", digits[i]);
        snprintf(pair, sizeof pair, "S_I%s%sE", ref, ref);
        strcat(name, pair);
        if (i > 1) continue;
        char start[64]; /* few are fine */
        snprintf(start, sizeof start, "%.63s", name);
        bool ok = cli_demangle(start, strlen(start), buf, sizeof buf);
        if (ok) assert_non_null(strstr(buf, "std::pair<std::pair<int, int>, std::pair<int, int> >"));
    }
    assert_false(cli_demangle(name, strlen(name), buf, sizeof buf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rusts_older_names),
        cmocka_unit_test(rusts_names_of_version_0),
        cmocka_unit_test(cpp_names_through_its_library),
        cmocka_unit_test(other_names_are_left_alone),
        cmocka_unit_test(names_end_anywhere_and_room_is_kept_to),
        cmocka_unit_test(hostile_names_end),
        cmocka_unit_test(hostile_cpp_names_take_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
