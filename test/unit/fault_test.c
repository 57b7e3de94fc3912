/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fault_test.c - which faults are ours, and that all others arrive where they would have without
 * us.
 *
 * Each test runs in a child process, since handlers are the process's and some tests end it. The
 * child's exit code says what happened.
 */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/port.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Functions in this section stand for guest code: the linker names its ends. */
#define GUEST_CODE __attribute__((section("test_guest_code"), noinline))
extern const u8 __start_test_guest_code[], __stop_test_guest_code[];

GUEST_CODE static u8 guest_read(const volatile u8 *address) { return *address; }

static __attribute__((noinline)) u8 host_read(const volatile u8 *address) { return *address; }

enum { CHILD_OK = 0, CHILD_BAD = 9, CHILD_HANDLED = 42, RANGE_BYTES = 1 << 20 };

static u8 *guest, *other;

/* A guest range, registered, and another reservation that is not. */
static void set_up(void)
{
    guest = tern_port_vm_reserve(RANGE_BYTES);
    other = tern_port_vm_reserve(RANGE_BYTES);
    FaultRange code = {__start_test_guest_code, __stop_test_guest_code};
    FaultRange range = {guest, guest + RANGE_BYTES};
    if (!tern_port_fault_init() || !tern_port_fault_init()) _exit(CHILD_BAD);
    if (!tern_port_fault_add_code(code) || !tern_port_fault_add_guest(range)) _exit(CHILD_BAD);
}

/* True if the read faulted and the fault was ours. */
static __attribute__((noinline)) bool faults(u8 (*read)(const volatile u8 *), const u8 *address)
{
    FaultFrame **top = tern_port_fault_top();
    FaultFrame frame = {.outer = *top};
    *top = &frame;
    bool has_faulted = false;
    if (__builtin_setjmp(frame.jump) == 0) {
        read(address);
    } else {
        has_faulted = true;
        if (frame.address != address || frame.pc < (uintptr_t)__start_test_guest_code ||
            frame.pc >= (uintptr_t)__stop_test_guest_code)
            _exit(CHILD_BAD);
        bool is_in_register = false;
        for (u32 i = 0; i < 32; i++)
            is_in_register |= frame.regs[i] == (uintptr_t)address;
        if (!is_in_register) _exit(CHILD_BAD);
        if (*tern_port_fault_top() != &frame) _exit(CHILD_BAD); /* nothing was popped */
    }
    *tern_port_fault_top() = frame.outer;
    return has_faulted;
}

static void expect(bool condition)
{
    if (!condition) _exit(CHILD_BAD);
}

/* The exit status of a child that runs this; what it writes to the error output is nobody's
 * business. */
static int status_of(void (*run)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
            _exit(CHILD_BAD); /* cmocka in the child would report as if it were this process */
        run();
        _exit(CHILD_OK);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_exits(void (*run)(void), int code)
{
    int status = status_of(run);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void assert_killed(void (*run)(void), int sig)
{
    int status = status_of(run);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), sig);
}

/* --- ours ------------------------------------------------------------------------------------- */

static void run_guest_faults(void)
{
    set_up();
    for (u32 i = 0; i < 1000; i++)
        expect(faults(guest_read, guest + i * 1000)); /* never left blocked */
    expect(tern_port_vm_commit(guest, 65536));
    expect(!faults(guest_read, guest + 65535));
    expect(faults(guest_read, guest + 65536));
    expect(*tern_port_fault_top() == NULL);
}

static void a_guest_fault_jumps_to_the_frame(void **state)
{
    (void)state;
    assert_exits(run_guest_faults, CHILD_OK);
}

static void run_nested(void)
{
    set_up();
    FaultFrame outer = {.outer = NULL};
    *tern_port_fault_top() = &outer;
    if (__builtin_setjmp(outer.jump) == 0) {
        expect(faults(guest_read, guest + 1)); /* the inner frame's */
        guest_read(guest + 2);
        expect(false);
    }
    expect(outer.address == guest + 2);
}

static void frames_nest(void **state)
{
    (void)state;
    assert_exits(run_nested, CHILD_OK);
}

static void run_many_ranges(void)
{
    enum { N = 500 };
    set_up();
    size_t page = tern_port_page_size();
    u8 *all = tern_port_vm_reserve(N * page);
    for (u32 i = 0; i < N; i += 2)
        expect(tern_port_fault_add_guest((FaultRange){all + i * page, all + (i + 1) * page}));
    for (u32 i = 0; i < N; i += 2) {
        expect(faults(guest_read, all + i * page));
        expect(faults(guest_read, all + (i + 1) * page - 1));
    }
    for (u32 i = 0; i < N - 2; i += 2)
        tern_port_fault_remove_guest((FaultRange){all + i * page, all + (i + 1) * page});
    expect(faults(guest_read, all + (N - 2) * page)); /* and the slots before it are free again */
    for (u32 i = 0; i < N - 2; i += 2)
        expect(tern_port_fault_add_guest((FaultRange){all + i * page, all + (i + 1) * page}));
    expect(faults(guest_read, all));
    tern_port_fault_remove_guest((FaultRange){all, all + page});
    tern_port_fault_remove_guest((FaultRange){all, all});
    signal(SIGSEGV, SIG_DFL);
    faults(guest_read, all + page); /* an odd page: never registered */
}

static void any_number_of_ranges_come_and_go(void **state)
{
    (void)state;
    assert_killed(run_many_ranges, SIGSEGV);
}

static void fault_in_thread(void *arg)
{
    stack_t stack;
    expect(tern_port_fault_init());
    expect(sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE) == 0);
    for (u32 i = 0; i < 300; i++)
        expect(faults(guest_read, guest + i));
    *(bool *)arg = true;
}

static void run_threads(void)
{
    set_up();
    for (u32 round = 0; round < 20; round++) { /* alternate stacks are freed, or this runs out */
        Thread threads[4];
        bool done[4] = {false};
        for (u32 i = 0; i < 4; i++)
            expect(tern_port_thread_start(&threads[i], fault_in_thread, &done[i], 0));
        for (u32 i = 0; i < 4; i++)
            tern_port_thread_join(&threads[i]);
        for (u32 i = 0; i < 4; i++)
            expect(done[i]);
    }
}

static void threads_fault_side_by_side(void **state)
{
    (void)state;
    assert_exits(run_threads, CHILD_OK);
}

static u8 own_stack[256 * 1024];

static void run_with_own_alternate_stack(void)
{
    stack_t mine = {.ss_sp = own_stack, .ss_size = sizeof own_stack}, now;
    expect(sigaltstack(&mine, NULL) == 0);
    set_up();
    expect(sigaltstack(NULL, &now) == 0 && now.ss_sp == own_stack);
    expect(faults(guest_read, guest));
}

static void a_threads_own_alternate_stack_is_kept(void **state)
{
    (void)state;
    assert_exits(run_with_own_alternate_stack, CHILD_OK);
}

/* --- not ours --------------------------------------------------------------------------------- */

static const u8 *expected_address;

static void on_fault_info(int sig, siginfo_t *info, void *context)
{
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    bool is_right = sig == SIGSEGV && info->si_addr == expected_address && context != NULL &&
                    sigismember(&mask, SIGSEGV) == 1 && sigismember(&mask, SIGUSR1) == 1;
    _exit(is_right ? CHILD_HANDLED : CHILD_BAD);
}

static void on_fault_plain(int sig) { _exit(sig == SIGSEGV ? CHILD_HANDLED : CHILD_BAD); }

static void install_info(void)
{
    struct sigaction action = {.sa_sigaction = on_fault_info, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR1);
    sigaction(SIGSEGV, &action, NULL);
}

static void run_host_fault_in_guest_range(void)
{
    install_info();
    set_up();
    expect(faults(guest_read, guest));
    expected_address = guest + 5;
    faults(host_read, guest + 5);
}

static void run_guest_code_outside_guest_ranges(void)
{
    install_info();
    set_up();
    expected_address = other + 5;
    faults(guest_read, other + 5);
}

static void run_without_frame(void)
{
    install_info();
    set_up();
    expected_address = guest + 5;
    guest_read(guest + 5);
}

static void run_plain(void)
{
    signal(SIGSEGV, on_fault_plain);
    set_up();
    host_read(other);
}

static void all_other_faults_reach_the_handler_before_us(void **state)
{
    (void)state;
    assert_exits(run_host_fault_in_guest_range, CHILD_HANDLED);
    assert_exits(run_guest_code_outside_guest_ranges, CHILD_HANDLED);
    assert_exits(run_without_frame, CHILD_HANDLED);
    assert_exits(run_plain, CHILD_HANDLED);
}

static volatile int nrepairs;

static void on_fault_repair(int sig)
{
    (void)sig;
    nrepairs++;
    if (!tern_port_vm_commit(other, RANGE_BYTES)) _exit(CHILD_BAD);
}

static void run_repaired(void)
{
    signal(SIGSEGV, on_fault_repair);
    set_up();
    expect(host_read(other) == 0);
    expect(nrepairs == 1);
    expect(faults(guest_read, guest)); /* and the signal is not blocked afterwards */
    tern_port_vm_decommit(other, RANGE_BYTES);
    expect(host_read(other) == 0);
    expect(nrepairs == 2);
}

static void a_handler_that_repairs_may_return(void **state)
{
    (void)state;
    assert_exits(run_repaired, CHILD_OK);
}

static void run_once(void)
{
    struct sigaction action = {.sa_handler = on_fault_repair, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGSEGV, &action, NULL);
    set_up();
    expect(host_read(other) == 0);
    tern_port_vm_decommit(other, RANGE_BYTES);
    host_read(other);
}

static void run_default(void)
{
    signal(SIGSEGV, SIG_DFL);
    set_up();
    expect(faults(guest_read, guest));
    host_read(other);
}

static void run_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    set_up();
    expect(raise(SIGSEGV) == 0); /* a signal that was sent can be ignored, a fault cannot */
    expect(faults(guest_read, guest));
    host_read(other);
}

static void run_sent(void)
{
    signal(SIGBUS, SIG_DFL);
    set_up();
    raise(SIGBUS);
}

static void without_a_handler_the_process_dies_as_ever(void **state)
{
    (void)state;
    assert_killed(run_default, SIGSEGV);
    assert_killed(run_ignored, SIGSEGV);
    assert_killed(run_once, SIGSEGV);
    assert_killed(run_sent, SIGBUS);
}

/* Whatever was installed when the process began: a sanitizer's, or nobody's. */
static void run_unprepared(void)
{
    set_up();
    expect(faults(guest_read, guest));
    host_read(other);
}

static void whoever_came_with_the_process_gets_its_faults(void **state)
{
    (void)state;
    int status = status_of(run_unprepared);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
    bool is_reported =
        WIFEXITED(status) && WEXITSTATUS(status) != CHILD_OK && WEXITSTATUS(status) != CHILD_BAD;
    assert_true(is_killed || is_reported);
}

static struct sigaction ours;

static void on_fault_forward(int sig, siginfo_t *info, void *context)
{
    ours.sa_sigaction(sig, info, context);
}

static void run_forwarded(void)
{
    set_up();
    struct sigaction action = {.sa_sigaction = on_fault_forward,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, &ours);
    for (u32 i = 0; i < 3; i++)
        expect(faults(guest_read, guest + i)); /* unblocked each time */
}

static void a_handler_after_us_may_forward(void **state)
{
    (void)state;
    assert_exits(run_forwarded, CHILD_OK);
}

/* A host that installs its handler later, over ours, without or with a thought for us. */
static void run_gone_over(void)
{
    install_info(); /* the oldest */
    set_up();
    for (u32 i = 0; i < 40; i++) {
        signal(SIGSEGV, on_fault_plain);
        if (!tern_port_fault_init()) _exit(CHILD_BAD);
        expect(faults(guest_read, guest + i));
    }
    host_read(other); /* the newest gets what is not ours */
}

static void run_gone_over_a_forwarder(void)
{
    install_info();
    set_up();
    struct sigaction action = {.sa_sigaction = on_fault_forward,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &action, &ours);
    if (!tern_port_fault_init()) _exit(CHILD_BAD);
    expect(faults(guest_read, guest));
    expected_address = other + 5; /* us, the forwarder, us again, and then the oldest */
    host_read(other + 5);
}

static void a_handler_over_ours_is_gone_over_again(void **state)
{
    (void)state;
    assert_exits(run_gone_over, CHILD_HANDLED);
    assert_exits(run_gone_over_a_forwarder, CHILD_HANDLED);
}

/* Asked in a child, since handlers must not be installed before the tests choose theirs. */
static void run_init(void)
{
    if (!tern_port_fault_init()) _exit(CHILD_BAD);
}

int main(void)
{
    if (status_of(run_init) != CHILD_OK) return 0; /* none here: explicit checks serve instead */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_fault_jumps_to_the_frame),
        cmocka_unit_test(frames_nest),
        cmocka_unit_test(any_number_of_ranges_come_and_go),
        cmocka_unit_test(threads_fault_side_by_side),
        cmocka_unit_test(a_threads_own_alternate_stack_is_kept),
        cmocka_unit_test(all_other_faults_reach_the_handler_before_us),
        cmocka_unit_test(a_handler_that_repairs_may_return),
        cmocka_unit_test(without_a_handler_the_process_dies_as_ever),
        cmocka_unit_test(whoever_came_with_the_process_gets_its_faults),
        cmocka_unit_test(a_handler_after_us_may_forward),
        cmocka_unit_test(a_handler_over_ours_is_gone_over_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
