/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi_calls.c - target: every function of preview 1 and of WAMR's sockets, with any numbers as arguments.
 *
 * The input is a sequence of calls by number, over a memory whose every byte the input may set, so that addresses,
 * vectors, subscriptions and paths are whatever a hostile guest writes; half of the calls get what makes sense. The
 * world is arguments, variables, a directory in memory, and standard streams that are functions of the host's, which
 * give and take less than asked, fail, make the guest wait, and lie about what they did. No address may be talked to and
 * no name looked up. What must hold:
 *
 * - a number of the errors that exist comes back, and the guest stops only where it exits, raises or is interrupted;
 * - the memory lies at the end of a block of its own: what is touched behind it is found by the sanitizer;
 * - what a call says it moved is what the streams' functions moved;
 * - poll_oneoff gives events of its subscriptions only, at least one, and none of a clock before its time;
 * - arguments and variables arrive as they are; no descriptor and no memory is left, also when requests for memory fail.
 *
 * Cannot see: files of the machine and sockets that reach somebody (wasi.c), several threads at once (threads.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fuzz.h"
#include "port/port.h"
#include "unit/test_alloc.h"
#include "wasi/context.h"
#include "wasi/vdir.h"

enum { MEMORY_BYTES = 20000, VDIR_BYTES = 32768, MOST_STEPS = 80 };

typedef struct Row {
    const char *name, *params;
    WasiFunc *func;
} Row;

static const Row rows[] = {
#define PREVIEW1(name, params, results) {#name, params, tern_wasi_##name},
#include "wasi/preview1.def"
#define PREVIEW1(name, params, results) {#name, params, tern_wasi_##name},
#include "wasi/sockets.def"
};

static const char *const argv[] = {"program", "", "an argument", "\xc3\xa4"};
static const char *const env[] = {"A=1", "EMPTY=", "LONG=0123456789012345678901234567890123456789"};

typedef struct Run {
    const u8 *p, *end;
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    WasiCall call;
    u64 nread, nwritten; /* bytes that the streams' functions moved in this call */
    u32 nagain;          /* how often they made it wait */
    bool has_sockets;
} Run;

static u32 take(Run *r) { return r->p == r->end ? 0 : *r->p++; }
static u64 take_u64(Run *r)
{
    u64 v = 0;
    for (u32 i = 0, n = take(r) % 9; i < n; i++) v |= (u64)take(r) << 8 * i;
    return v;
}

/* --- the host's streams */

/* What a function does that is asked to move size bytes; more than INT32_MAX is never said. */
static s64 answer(Run *r, size_t size)
{
    u32 what = take(r);
    if (what < 160) return (s64)(size < what ? size : what);
    if (what < 200) return (s64)size;
    if (what < 225) return 0;
    if (what < 235) return -(s64)take(r);      /* of which many are no error's number */
    if (what < 240) return (s64)size + take(r); /* lies, if it is more */
    if (what < 243) return INT64_MIN;
    if (++r->nagain > 2) r->x.interrupt = TRAP_INTERRUPTED;
    return -(s64)WASI_EAGAIN;
}

static s64 give(void *user, void *buf, size_t size)
{
    Run *r = user;
    s64 n = answer(r, size);
    if (n < 0 || (u64)n > size) return n;
    memset(buf, 0x2a, (size_t)n);
    r->nread += (u64)n;
    return n;
}

static s64 accept_bytes(void *user, const void *buf, size_t size)
{
    Run *r = user;
    s64 n = answer(r, size);
    if (n < 0 || (u64)n > size) return n;
    u8 sum = 0;
    for (s64 i = 0; i < n; i++) sum = (u8)(sum + ((const u8 *)buf)[i]);
    r->nwritten += (u64)n;
    return sum == 1 ? n : n; /* each byte was looked at */
}

/* --- arguments */

static u8 *at(Run *r, u64 addr) { return r->memory.base + addr; }

/* An address: mostly of something, mostly inside. */
static u64 some_address(Run *r)
{
    u32 what = take(r);
    if (what < 200) return what * 64u;
    if (what < 240) return MEMORY_BYTES - (u64)(what - 200);
    return (u32)take_u64(r);
}

/* A list of up to three vectors at an address; returns how many. */
static u64 put_vectors(Run *r, u64 addr)
{
    u32 n = take(r) % 4;
    for (u32 i = 0; i < n; i++) {
        wasi_put(at(r, addr + 8 * i), some_address(r), 4);
        wasi_put(at(r, addr + 8 * i + 4), take(r) < 240 ? take(r) * 8u : take_u64(r), 4);
    }
    return n;
}

static u64 put_path(Run *r, u64 addr)
{
    static const char *const parts[] = {"a", "b", "..", ".", "new", "inside", "", "\xff", "a/b", "long-name-of-a-file"};
    u64 n = 0;
    for (u32 i = 0, nparts = 1 + take(r) % 3; i < nparts; i++) {
        const char *part = parts[take(r) % COUNT_OF(parts)];
        if (i > 0) *at(r, addr + n++) = '/';
        memcpy(at(r, addr + n), part, strlen(part));
        n += strlen(part);
    }
    return n;
}

static u64 descriptor(Run *r)
{
    u32 v = take(r);
    return v < 100 ? v % 3 : v < 240 ? 3 + v % 8 : v < 250 ? v : UINT32_MAX - v;
}

/* What the function's name says its arguments mean. Others get numbers. */
static void fill_arguments(Run *r, const Row *row, u64 *args)
{
    size_t n = strlen(row->params);
    for (size_t i = 0; i < n; i++) {
        args[i] = row->params[i] == 'i' ? (u32)(take(r) < 128 ? take(r) : take_u64(r)) : take_u64(r);
        if (row->params[i] == 'i' && take(r) < 160) args[i] = some_address(r);
    }
    if (take(r) < 60) return;
    bool is_path = strncmp(row->name, "path_", 5) == 0;
    if (strncmp(row->name, "fd_", 3) == 0 || strncmp(row->name, "sock_", 5) == 0 ||
        (is_path && row->func != tern_wasi_path_symlink))
        args[0] = descriptor(r);
    if (row->func == tern_wasi_fd_read || row->func == tern_wasi_fd_write || row->func == tern_wasi_fd_pread ||
        row->func == tern_wasi_fd_pwrite || row->func == tern_wasi_sock_send || row->func == tern_wasi_sock_recv) {
        args[1] = 1024;
        args[2] = put_vectors(r, 1024);
        args[n - 1] = 2048;
    } else if (row->func == tern_wasi_path_open) {
        args[2] = 4096, args[3] = put_path(r, 4096);
        args[4] = take(r) & 15, args[5] = UINT64_MAX, args[6] = UINT64_MAX, args[7] = take(r) & 31, args[8] = 2048;
    } else if (row->func == tern_wasi_path_rename || row->func == tern_wasi_path_link) {
        size_t from = row->func == tern_wasi_path_link ? 2 : 1;
        args[from] = 4096, args[from + 1] = put_path(r, 4096);
        args[from + 2] = 3, args[from + 3] = 5120, args[from + 4] = put_path(r, 5120);
    } else if (row->func == tern_wasi_path_symlink) {
        args[0] = 4096, args[1] = put_path(r, 4096), args[2] = 3, args[3] = 5120, args[4] = put_path(r, 5120);
    } else if (is_path) {
        size_t from = row->func == tern_wasi_path_filestat_get || row->func == tern_wasi_path_filestat_set_times ? 2 : 1;
        args[from] = 4096, args[from + 1] = put_path(r, 4096);
    }
}

/* --- poll */

enum { SUBS = 6144, EVENTS = 9216, NEVENTS = 2056 };

/* Subscriptions whose clocks are due soon, or one of which is an error: the call must end by itself. */
static void check_poll(Run *r)
{
    u32 n = 1 + take(r) % 12, size = r->call.is_unstable ? 56 : 48, nclocks = 0;
    u64 due[12], now = 0;
    tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now);
    memset(at(r, SUBS), 0, 12 * 56);
    for (u32 i = 0; i < n; i++) {
        u8 *s = at(r, SUBS + (u64)i * size), *clock = s + (r->call.is_unstable ? 24 : 16);
        u32 kind = take(r) % 4;
        due[i] = 0;
        wasi_put(s, 0x1234567800u + i, 8);
        s[8] = (u8)(kind < 2 ? 0 : kind - 1);
        if (kind < 2) {
            bool is_absolute = take(r) < 64;
            u64 wait = (u64)take(r) * 1000; /* at most a quarter of a millisecond */
            nclocks++;
            due[i] = now + wait;
            wasi_put(clock, 1, 4);
            wasi_put(clock + 8, is_absolute ? due[i] : wait, 8);
            wasi_put(clock + 24, is_absolute, 2);
        } else {
            wasi_put(s + 16, descriptor(r), 4);
        }
    }
    if (nclocks == 0) r->x.interrupt = TRAP_INTERRUPTED; /* may wait for ever */
    WasiErrno error = tern_wasi_poll_oneoff(&r->call, (const u64[]){SUBS, EVENTS, n, NEVENTS});
    if (nclocks == 0) return;
    if (error != WASI_ESUCCESS) fuzz_fail("a poll with a clock failed with %u", (unsigned)error);
    u64 nevents = wasi_get(at(r, NEVENTS), 4), last = 0, after = 0;
    tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &after);
    if (nevents == 0 || nevents > n) fuzz_fail("%llu events of %u subscriptions", (unsigned long long)nevents, n);
    for (u64 i = 0; i < nevents; i++) {
        const u8 *e = at(r, EVENTS + 32 * i);
        u64 which = wasi_get(e, 8) - 0x1234567800u;
        if (which >= n || (i > 0 && which <= last)) fuzz_fail("an event of no subscription, or twice one's");
        if (e[10] != *at(r, SUBS + which * size + 8)) fuzz_fail("an event of another type");
        if (e[10] == 0 && due[which] > after) fuzz_fail("a clock's event before its time");
        last = which;
    }
}

/* --- calls */

static void check_strings(Run *r)
{
    bool is_env = take(r) & 1;
    const char *const *want = is_env ? env : argv;
    u32 n = is_env ? COUNT_OF(env) : COUNT_OF(argv);
    WasiFunc *sizes = is_env ? tern_wasi_environ_sizes_get : tern_wasi_args_sizes_get;
    WasiFunc *get = is_env ? tern_wasi_environ_get : tern_wasi_args_get;
    if (sizes(&r->call, (const u64[]){0, 4}) != WASI_ESUCCESS || wasi_get(at(r, 0), 4) != n)
        fuzz_fail("another number of strings");
    if (get(&r->call, (const u64[]){64, 128}) != WASI_ESUCCESS) fuzz_fail("strings that are not given");
    u64 end = 128;
    for (u32 i = 0; i < n; i++) {
        u64 where = wasi_get(at(r, 64 + 4 * i), 4);
        if (where != end || strcmp((const char *)at(r, where), want[i]) != 0) fuzz_fail("another string");
        end += strlen(want[i]) + 1;
    }
    if (end - 128 != wasi_get(at(r, 4), 4)) fuzz_fail("strings of another size");
}

static void step(Run *r)
{
    u32 what = take(r);
    r->call.trap = TRAP_NONE;
    r->x.interrupt = take(r) > 250 ? TRAP_INTERRUPTED : TRAP_NONE;
    r->call.is_unstable = take(r) & 1;
    r->nread = r->nwritten = r->nagain = 0;
    if (what < 20) { /* bytes of the input, anywhere */
        u64 to = take_u64(r) % MEMORY_BYTES, n = take(r);
        for (u64 i = 0; i < n && to + i < MEMORY_BYTES; i++) *at(r, to + i) = (u8)take(r);
        return;
    }
    if (what < 30 && r->x.interrupt == TRAP_NONE) {
        check_strings(r);
        return;
    }
    if (what < 60 && r->x.interrupt == TRAP_NONE) {
        check_poll(r);
        tern_wasi_call_end(&r->call);
        return;
    }
    const Row *row = &rows[(what << 8 | take(r)) % COUNT_OF(rows)];
    u64 args[12];
    fill_arguments(r, row, args);
    /* What may wait for somebody, or for a time that the input says, is to stop. */
    bool is_socket = strncmp(row->name, "sock_", 5) == 0;
    if (row->func == tern_wasi_poll_oneoff || is_socket || (r->has_sockets && strncmp(row->name, "fd_", 3) == 0))
        r->x.interrupt = TRAP_INTERRUPTED;
    r->has_sockets |= is_socket;
    WasiErrno error = row->func(&r->call, args);
    if ((u32)error > WASI_ENOTCAPABLE) fuzz_fail("%s: error %u", row->name, (unsigned)error);
    bool ends = row->func == tern_wasi_proc_exit || row->func == tern_wasi_proc_raise;
    if (ends != (r->call.trap != TRAP_NONE) && r->x.interrupt == TRAP_NONE)
        fuzz_fail("%s: trap %u", row->name, (unsigned)r->call.trap);
    bool is_fd_write = row->func == tern_wasi_fd_write, is_fd_read = row->func == tern_wasi_fd_read;
    if ((is_fd_write || is_fd_read) && error == WASI_ESUCCESS) {
        u64 said = wasi_get(at(r, args[3]), 4), moved = is_fd_write ? r->nwritten : r->nread;
        if (moved > 0 && said != moved && args[3] == 2048)
            fuzz_fail("%s: %llu bytes, of which %llu moved", row->name, (unsigned long long)said,
                      (unsigned long long)moved);
    }
    tern_wasi_call_end(&r->call);
}

static u32 count_descriptors(void)
{
    u32 n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) != -1;
    return n;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u32 nbefore = count_descriptors();
    Run *r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->p = data;
    r->end = data + size;
    r->alloc = test_alloc(take(r) < 16 ? (u32)take_u64(r) & 0xff : TEST_ALLOC_NEVER);
    r->store.alloc = &r->alloc.base;
    r->memory.base = calloc(1, MEMORY_BYTES);
    r->memory.size_bytes = MEMORY_BYTES;
    if (r->memory.base == NULL) abort();
    WasiVdir *vdir = tern_wasi_vdir_new(&r->alloc.base, VDIR_BYTES);
    if (vdir != NULL) (void)tern_wasi_vdir_put(vdir, "a/inside", "inside", 6);
    WasiDir dir = {.guest = "/", .vdir = vdir, .is_read_only = take(r) > 240};
    WasiStream in = {.read = give, .user = r}, out = {.write = accept_bytes, .user = r};
    WasiOptions options = {.argv = argv, .argc = COUNT_OF(argv), .env = env, .nenv = COUNT_OF(env), .preopens = &dir,
                           .npreopens = vdir != NULL, .stdio = {-1, -1, -1}, .streams = {in, out, out},
                           .max_fds = 3 + take(r) % 40};
    Diag diag = {0};
    r->call = (WasiCall){.x = &r->x, .wasi = tern_wasi_new(&r->store, &options, &diag), .memory = &r->memory};
    if (r->call.wasi == NULL && diag.code == DIAG_NONE) fuzz_fail("no WASI, and nobody says why");
    for (u32 steps = 0; r->call.wasi != NULL && r->p != r->end && steps < MOST_STEPS; steps++) step(r);
    tern_wasi_free(r->call.wasi);
    if (vdir != NULL && tern_wasi_vdir_used(vdir) > VDIR_BYTES) fuzz_fail("the directory has more than it may");
    tern_wasi_vdir_free(vdir);
    free(r->memory.base);
    if (r->alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)r->alloc.live);
    free(r);
    if (count_descriptors() != nbefore) fuzz_fail("a descriptor was left open");
    return 0;
}
