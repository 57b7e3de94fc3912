/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* profile_test.c - who is charged when functions end, in whatever way they do. The frames are made up: only their
 * order matters. What code tells is in test/api/measuring_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/builtins.h"
#include "runtime/profile.h"
#include "test_store.h"

typedef struct Run {
    TestStore t;
    Module module;
    Instance instance;
    Exec *x;
    u64 cells[64];
} Run;

static void run_init(Run *r)
{
    *r = (Run){.module = {.nfuncs = 6, .nimported = {[EXTERN_FUNC] = 1}}};
    test_store_init(&r->t, NULL);
    r->instance = (Instance){.store = r->t.store, .module = &r->module};
    r->x = tern_exec_new(r->t.store, 4096);
    assert_non_null(r->x);
    r->x->instance = &r->instance;
}

static void run_done(Run *r)
{
    r->x->instance = NULL;
    tern_exec_free(r->x);
    test_store_done(&r->t);
}

static void enter(Run *r, u32 frame, u32 func)
{
    r->x->fp = &r->cells[frame];
    assert_int_equal(tern_builtin_profile_enter(r->x, r->x->fp, func - 1, 0), TRAP_NONE);
}

static void leave(Run *r, u32 frame)
{
    r->x->fp = &r->cells[frame];
    assert_int_equal(tern_builtin_profile_leave(r->x, r->x->fp, 0, 0), TRAP_NONE);
}

static u64 calls(const Run *r, u32 func)
{
    const FuncTime *time = tern_profile_of(&r->instance, func);
    return time != NULL ? time->ncalls : 0;
}

static void a_call_ends_when_it_returns(void **state)
{
    (void)state;
    Run r;
    run_init(&r);
    assert_null(tern_profile_of(&r.instance, 1));
    enter(&r, 0, 1);
    enter(&r, 8, 2);
    leave(&r, 8);
    assert_true(calls(&r, 1) == 0 && calls(&r, 2) == 1);
    enter(&r, 8, 2);
    leave(&r, 8);
    leave(&r, 0);
    assert_true(calls(&r, 1) == 1 && calls(&r, 2) == 2);
    const FuncTime *outer = tern_profile_of(&r.instance, 1), *inner = tern_profile_of(&r.instance, 2);
    assert_true(outer->children_ns == inner->total_ns && outer->total_ns >= outer->children_ns);
    assert_null(tern_profile_of(&r.instance, 0)); /* an import */
    assert_null(tern_profile_of(&r.instance, 6)); /* none */
    run_done(&r);
}

static void frames_that_are_gone_are_noticed(void **state)
{
    (void)state;
    Run r;
    run_init(&r);
    enter(&r, 0, 1);
    enter(&r, 8, 2);
    enter(&r, 16, 3);
    tern_profile_unwind(r.x, &r.cells[1]); /* caught in the first frame */
    assert_true(calls(&r, 2) == 1 && calls(&r, 3) == 1 && calls(&r, 1) == 0);
    enter(&r, 20, 4); /* from there, further up */
    leave(&r, 0);     /* gone without a word: the first one's return says so */
    assert_true(calls(&r, 4) == 1 && calls(&r, 1) == 1);
    enter(&r, 0, 1);
    enter(&r, 8, 2);
    enter(&r, 8, 5); /* in the place of the second */
    assert_int_equal(calls(&r, 2), 2);
    tern_profile_unwind(r.x, &r.cells[0]); /* a trap */
    assert_true(calls(&r, 1) == 2 && calls(&r, 5) == 1);
    leave(&r, 0); /* of nobody */
    assert_int_equal(calls(&r, 1), 2);
    run_done(&r);
}

static void without_memory_nothing_is_counted(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        Run r;
        run_init(&r);
        r.t.alloc.nth = r.t.alloc.nrequests + nth;
        for (u32 i = 0; i < 40; i++) enter(&r, i, 1 + i % 5);
        leave(&r, 0);
        u64 all = 0;
        for (u32 func = 1; func < 6; func++) all += calls(&r, func);
        bool has_failed = r.t.alloc.has_failed;
        assert_true(has_failed ? all < 40 : all == 40);
        run_done(&r);
        if (!has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_ends_when_it_returns),
        cmocka_unit_test(frames_that_are_gone_are_noticed),
        cmocka_unit_test(without_memory_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
