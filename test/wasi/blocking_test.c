/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* blocking_test.c - streams that the host lends and that block: several guests read and write the same ones, nobody reads
 * what they write, and every guest can be stopped all the same.
 *
 * Guests here are threads with a WASI of their own each, as instances of a host are: nothing but the stream is shared. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/test_alloc.h"
#include "wasi/context.h"

#define MEMORY_BYTES 65536u
enum { IOVECS = 0, COUNT = 64, BUFFER = 1024, NGUESTS = 6 };

/* In the place of the C library's, for what is linked with this program: between being told that something is ready and
 * doing it, everybody else is told so, too. */
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    struct timespec copy = timeout != NULL ? *timeout : (struct timespec){0, 0};
    int got = (int)syscall(SYS_ppoll, fds, n, timeout != NULL ? &copy : NULL, mask, sizeof(long));
    if (got > 0) nanosleep(&(struct timespec){0, 1000000}, NULL);
    return got;
}

typedef struct Guest {
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    Wasi *wasi;
    WasiCall call;
    pthread_t thread;
    u32 fd, first_size, size;
    u64 nbytes;   /* moved */
    bool is_back; /* atomic: it was stopped, or failed */
    WasiErrno error;
} Guest;

static void open_guest(Guest *g, u32 fd, int handle, PortNow now)
{
    *g = (Guest){.alloc = test_alloc(TEST_ALLOC_NEVER), .fd = fd, .size = 1000};
    g->store.alloc = &g->alloc.base;
    g->memory.base = calloc(1, MEMORY_BYTES);
    g->memory.size_bytes = MEMORY_BYTES;
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.stdio[fd] = handle;
    Diag diag = {0};
    g->wasi = tern_wasi_new(&g->store, &options, &diag);
    assert_non_null(g->wasi);
    g->wasi->fds.items[fd]->now = now;
    g->call = (WasiCall){.x = &g->x, .wasi = g->wasi, .memory = &g->memory};
}

static void close_guest(Guest *g)
{
    tern_wasi_free(g->wasi);
    assert_int_equal(g->alloc.live, 0);
    free(g->memory.base);
}

static WasiErrno move(Guest *g, u32 size)
{
    wasi_put(g->memory.base + IOVECS, BUFFER, 4);
    wasi_put(g->memory.base + IOVECS + 4, size, 4);
    const u64 args[] = {g->fd, IOVECS, 1, COUNT};
    WasiErrno error = g->fd == 0 ? tern_wasi_fd_read(&g->call, args) : tern_wasi_fd_write(&g->call, args);
    tern_wasi_call_end(&g->call);
    if (error == WASI_ESUCCESS) g->nbytes += wasi_get(g->memory.base + COUNT, 4);
    return error;
}

static void *go_on(void *arg)
{
    Guest *g = arg;
    if (g->first_size != 0) g->error = move(g, g->first_size);
    while (g->error == WASI_ESUCCESS) g->error = move(g, g->size);
    __atomic_store_n(&g->is_back, true, __ATOMIC_RELEASE);
    return NULL;
}

static u64 now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

static void start(Guest *g) { assert_int_equal(pthread_create(&g->thread, NULL, go_on, g), 0); }

static bool are_back(const Guest *guests, u32 n)
{
    for (u64 begin = now_ms(); now_ms() - begin < 3000;) {
        u32 back = 0;
        for (u32 i = 0; i < n; i++) back += __atomic_load_n(&guests[i].is_back, __ATOMIC_ACQUIRE);
        if (back == n) return true;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return false;
}

/* Stops all. false: one is stuck in the system, and the caller has to free it. */
static bool stop(Guest *guests, u32 n)
{
    for (u32 i = 0; i < n; i++) tern_exec_interrupt(&guests[i].x, TRAP_INTERRUPTED);
    return are_back(guests, n);
}

static void finish(Guest *guests, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        pthread_join(guests[i].thread, NULL);
        assert_int_equal(guests[i].error, WASI_EINTR);
        assert_int_equal(guests[i].call.trap, TRAP_INTERRUPTED);
        close_guest(&guests[i]);
    }
}

/* Whose turn it is, others have it: readers of a pipe into which single bytes go. */
static void guests_that_read_the_same_are_stopped(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        int ends[2];
        if (way == 0) assert_int_equal(pipe(ends), 0);
        else assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        static Guest guests[NGUESTS];
        for (u32 i = 0; i < NGUESTS; i++) open_guest(&guests[i], 0, ends[0], PORT_NOW_QUIET);
        for (u32 i = 0; i < NGUESTS; i++) start(&guests[i]);
        for (u64 begin = now_ms(); now_ms() - begin < 200;) assert_int_equal(write(ends[1], "x", 1), 1);
        bool ok = stop(guests, NGUESTS);
        close(ends[1]);
        assert_true(ok);
        finish(guests, NGUESTS);
        close(ends[0]);
    }
}

/* Room for one, and all are told of it; in the end there is none. */
static void guests_that_write_where_nobody_reads_are_stopped(void **state)
{
    (void)state;
    static const PortNow ways[] = {PORT_NOW_QUIET, PORT_NOW_SIGNALS, PORT_NOW_QUIET};
    for (int way = 0; way < 3; way++) {
        int ends[2];
        if (way < 2) assert_int_equal(pipe(ends), 0);
        else assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        static Guest guests[NGUESTS];
        for (u32 i = 0; i < NGUESTS; i++) open_guest(&guests[i], 1 + i % 2, ends[1], ways[way]);
        for (u32 i = 0; i < NGUESTS; i++) guests[i].size = i == 0 ? 50000 : 4096;
        for (u32 i = 0; i < NGUESTS; i++) start(&guests[i]);
        static char bytes[4096];
        u64 nread = 0;
        for (u64 begin = now_ms(); now_ms() - begin < 200;) nread += (u64)read(ends[0], bytes, sizeof bytes);
        nanosleep(&(struct timespec){0, 30000000}, NULL);
        bool ok = stop(guests, NGUESTS);
        assert_true(nread > 0);
        if (!ok) close(ends[0]); /* frees them */
        assert_true(ok);
        finish(guests, NGUESTS);
        close(ends[0]);
        close(ends[1]);
    }
}

/* The other side of a terminal, and the terminal. */
static void open_terminal(int *other, int *terminal)
{
    *other = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(*other >= 0 && grantpt(*other) == 0 && unlockpt(*other) == 0);
    *terminal = open(ptsname(*other), O_RDWR | O_NOCTTY);
    assert_true(*terminal >= 0);
    struct termios settings;
    assert_int_equal(tcgetattr(*terminal, &settings), 0);
    settings.c_lflag &= ~(tcflag_t)(ECHO | ICANON); /* what the other side writes is there to be read */
    assert_int_equal(tcsetattr(*terminal, TCSANOW, &settings), 0);
}

/* A terminal has room for a part of what is written, most of the time. */
static void a_terminal_that_nobody_reads_does_not_hold_a_guest(void **state)
{
    (void)state;
    static const u32 sizes[][2] = {{0, 4096}, {100, 4096}, {1, 1}, {3000, 60000}, {4095, 4096}, {77, 1000}};
    for (u32 i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int other, terminal;
        open_terminal(&other, &terminal);
        static Guest guest;
        open_guest(&guest, 1, terminal, PORT_NOW_QUIET);
        guest.first_size = sizes[i][0];
        guest.size = sizes[i][1];
        start(&guest);
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        bool ok = stop(&guest, 1);
        if (!ok) close(other);
        assert_true(ok);
        assert_true(guest.nbytes > 0 || guest.size > 4096);
        finish(&guest, 1);
        close(terminal);
        close(other);
    }
}

static void guests_that_read_the_same_terminal_are_stopped(void **state)
{
    (void)state;
    int other, terminal;
    open_terminal(&other, &terminal);
    static Guest guests[NGUESTS];
    for (u32 i = 0; i < NGUESTS; i++) open_guest(&guests[i], 0, terminal, PORT_NOW_QUIET);
    for (u32 i = 0; i < NGUESTS; i++) start(&guests[i]);
    for (u64 begin = now_ms(); now_ms() - begin < 200;) assert_int_equal(write(other, "x", 1), 1);
    bool ok = stop(guests, NGUESTS);
    if (!ok) close(other);
    assert_true(ok);
    u64 nbytes = 0;
    for (u32 i = 0; i < NGUESTS; i++) nbytes += guests[i].nbytes;
    assert_true(nbytes > 0);
    finish(guests, NGUESTS);
    close(terminal);
    close(other);
}

/* The other side sees that the terminal is closed although the guest is still there, and the guest that it is gone. */
static void nothing_of_a_terminal_is_kept(void **state)
{
    (void)state;
    char bytes[8];
    int other, terminal;
    open_terminal(&other, &terminal);
    static Guest guest;
    open_guest(&guest, 1, terminal, PORT_NOW_QUIET);
    memcpy(guest.memory.base + BUFFER, "abc", 3);
    assert_int_equal(move(&guest, 3), WASI_ESUCCESS);
    assert_int_equal(read(other, bytes, sizeof bytes), 3);
    assert_memory_equal(bytes, "abc", 3);
    close(terminal);
    assert_int_equal(read(other, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(move(&guest, 3), WASI_EBADF);
    close_guest(&guest);

    terminal = open(ptsname(other), O_RDWR | O_NOCTTY);
    open_guest(&guest, 1, terminal, PORT_NOW_QUIET);
    close(other);
    assert_int_equal(move(&guest, 3), WASI_EIO);
    close_guest(&guest);
    close(terminal);
}

/* The side that makes a terminal, lent to a guest: what it writes can be read from the terminal. */
static void the_other_side_of_a_terminal_is_not_opened_again(void **state)
{
    (void)state;
    char bytes[8];
    int other, terminal;
    open_terminal(&other, &terminal);
    static Guest guest;
    open_guest(&guest, 1, other, PORT_NOW_QUIET);
    memcpy(guest.memory.base + BUFFER, "abc", 3);
    assert_int_equal(move(&guest, 3), WASI_ESUCCESS);
    assert_int_equal(guest.wasi->fds.items[1]->now, PORT_NOW_NEVER);
    assert_int_equal(read(terminal, bytes, sizeof bytes), 3);
    assert_memory_equal(bytes, "abc", 3);
    close_guest(&guest);
    close(terminal);
    close(other);
}

/* In every way, the one without a promise included. */
static void writing_where_nobody_can_read_any_more_is_an_error_and_no_signal(void **state)
{
    (void)state;
    struct sigaction fatal = {.sa_handler = SIG_DFL}, old;
    sigaction(SIGPIPE, &fatal, &old);
    static const PortNow ways[] = {PORT_NOW_QUIET, PORT_NOW_SIGNALS, PORT_NOW_NEVER};
    for (u32 way = 0; way < 6; way++) {
        int ends[2];
        if (way % 2 == 0) assert_int_equal(pipe(ends), 0);
        else assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        static Guest guest;
        open_guest(&guest, 1, ends[1], ways[way / 2]);
        assert_int_equal(move(&guest, 10), WASI_ESUCCESS);
        assert_int_equal(move(&guest, 20000), WASI_ESUCCESS);
        assert_int_equal(guest.nbytes, 20010);
        close(ends[0]);
        assert_int_equal(move(&guest, 10), WASI_EPIPE);
        close_guest(&guest);
        close(ends[1]);
    }
    sigaction(SIGPIPE, &old, NULL);
}

static void a_descriptor_that_only_reads_is_not_written_to(void **state)
{
    (void)state;
    int other, terminal;
    open_terminal(&other, &terminal);
    int reading = open(ptsname(other), O_RDONLY | O_NOCTTY);
    static Guest guest;
    open_guest(&guest, 1, reading, PORT_NOW_QUIET);
    assert_int_equal(move(&guest, 3), WASI_EBADF);
    close_guest(&guest);
    close(reading);
    close(terminal);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_that_read_the_same_are_stopped),
        cmocka_unit_test(guests_that_write_where_nobody_reads_are_stopped),
        cmocka_unit_test(a_terminal_that_nobody_reads_does_not_hold_a_guest),
        cmocka_unit_test(guests_that_read_the_same_terminal_are_stopped),
        cmocka_unit_test(nothing_of_a_terminal_is_kept),
        cmocka_unit_test(the_other_side_of_a_terminal_is_not_opened_again),
        cmocka_unit_test(writing_where_nobody_can_read_any_more_is_an_error_and_no_signal),
        cmocka_unit_test(a_descriptor_that_only_reads_is_not_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
