/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* text_test.c - a text cut at every length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void fill(Text *text)
{
    tern_text_add(text, "%s", "one");
    tern_text_add(text, ", %d", 2);
    tern_text_add(text, "%s", "");
    tern_text_add(text, ", three");
}

static void a_text_is_cut_where_its_buffer_ends_and_its_length_is_known(void **state)
{
    (void)state;
    static const char whole[] = "one, 2, three";
    for (size_t size = 0; size <= sizeof whole + 1; size++) {
        char buf[sizeof whole + 2];
        memset(buf, 'x', sizeof buf);
        Text text = {size > 0 ? buf : NULL, size, 0};
        fill(&text);
        assert_int_equal(text.length, sizeof whole - 1);
        size_t kept = size < sizeof whole ? size : sizeof whole;
        if (kept > 0) {
            assert_memory_equal(buf, whole, kept - 1);
            assert_int_equal(buf[kept - 1], 0);
        }
        assert_int_equal(buf[kept], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_cut_where_its_buffer_ends_and_its_length_is_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
