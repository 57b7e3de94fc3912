/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi.c - target: a guest with one directory does anything to paths, and nothing outside changes or is read.
 *
 * The directory is BASE/box, with links that lead out of it in every way; beside it are BASE/canary and BASE/secret.
 * The input is a sequence of calls of preview 1 with arbitrary descriptors, flags, rights and paths, made of components
 * that matter; the guest makes links, renames directories and links files itself. Afterwards everything outside is as
 * it was (names, contents, types, number of links), what was read is nothing of it, and no descriptor of the process
 * is left open. Both ways of resolving paths take turns.
 *
 * A second directory is in memory, with a limit that must hold, and may be given both to the same calls (renaming from
 * one into the other, say). Sockets may talk to two addresses of the machine; with any other, calls must fail.
 *
 * Cannot see: another process that changes the tree meanwhile (test/wasi/escape_test.c has such a race), hosts other
 * than Linux, sockets that really talk to others.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "unit/test_alloc.h"
#include "wasi/context.h"
#include "wasi/vdir.h"

enum { MEMORY_BYTES = 65536, PATH1 = 0, PATH2 = 4096, RESULT = 16384, IOVEC = 16640, BYTES = 32768, ADDRESS = 16704 };
enum { VDIR_BYTES = 16384 };
#define CANARY "canary-4711"

static char base[64];

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", base, name);
    if (!fuzz_write_file(path, text, strlen(text))) fuzz_fail("cannot write %s", path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_tree(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s%s", base, name[0] != 0 ? "/" : "", name);
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void remove_base(void) { remove_tree(""); }

static void make_box(void)
{
    static const char *const dirs[] = {"box", "box/a", "box/a/b", "box/swap"};
    static const struct {
        const char *target, *path;
    } links[] = {
        {"../canary", "box/up"},
        {"../secret", "box/updir"},
        {"a/../../canary", "box/hop"},
        {"loop2", "box/loop1"},
        {"loop1", "box/loop2"},
        {".", "box/here"},
        {"a/b", "box/down"},
        {"../../../canary", "box/a/b/up"},
        {"..", "box/parent"},
        {"inside", "box/good"},
        {"../secret/new", "box/create"},
    };
    char path[256];
    for (u32 i = 0; i < COUNT_OF(dirs); i++) {
        snprintf(path, sizeof path, "%s/%s", base, dirs[i]);
        if (mkdir(path, 0777) != 0) fuzz_fail("cannot make %s", path);
    }
    write_file("box/inside", "inside");
    write_file("box/a/b/deep", "deep");
    for (u32 i = 0; i < COUNT_OF(links); i++) {
        snprintf(path, sizeof path, "%s/%s", base, links[i].path);
        if (symlink(links[i].target, path) != 0) fuzz_fail("cannot link %s", path);
    }
    snprintf(path, sizeof path, "%s/box/absolute", base);
    if (symlink(base, path) != 0) fuzz_fail("cannot link %s", path);
}

static void make_base(void)
{
    if (base[0] != 0) return;
    strcpy(base, "/tmp/tern-fuzz-XXXXXX");
    if (mkdtemp(base) == NULL) fuzz_fail("cannot make a folder");
    atexit(remove_base);
    char path[128];
    snprintf(path, sizeof path, "%s/secret", base);
    if (mkdir(path, 0777) != 0) fuzz_fail("cannot make %s", path);
    write_file("canary", CANARY);
    write_file("secret/file", CANARY);
}

static void check_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) fuzz_fail("%s is gone or linked", name);
    size_t n;
    u8 *text = fuzz_read_file(path, &n);
    if (text == NULL || n != strlen(CANARY) || memcmp(text, CANARY, n) != 0) fuzz_fail("%s has changed", name);
    free(text);
}

static u32 count_entries(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    DIR *dir = opendir(path);
    if (dir == NULL) fuzz_fail("%s is gone", name);
    u32 n = 0;
    while (readdir(dir) != NULL) n++;
    closedir(dir);
    return n;
}

/* "/proc/self/fd" has one more while it is counted, each time. */
static u32 count_descriptors(void)
{
    u32 n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) != -1;
    return n;
}

typedef struct Run {
    const u8 *p, *end;
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    WasiCall call;
    u64 sockets[4]; /* the guest's numbers for them */
} Run;

static u32 take(Run *r) { return r->p == r->end ? 0 : *r->p++; }

static u64 put_path(Run *r, u64 at)
{
    static const char *const parts[] = {
        "..",       ".",    "a",      "b",      "up",   "updir", "hop",  "loop1",  "here",   "down",
        "parent",   "good", "create", "inside", "deep", "swap",  "new",  "canary", "secret", "file",
        "absolute", "",     "box",    "x",      "proc", "self",  "\xff", "../..",
    };
    char *path = (char *)r->memory.base + at;
    u32 n = 0, nparts = take(r) % 6;
    if (take(r) > 230) path[n++] = '/';
    for (u32 i = 0; i <= nparts; i++) {
        const char *part = parts[take(r) % COUNT_OF(parts)];
        if (i > 0) path[n++] = '/';
        memcpy(path + n, part, strlen(part));
        n += (u32)strlen(part);
    }
    u32 tail = take(r);
    if (tail > 220) path[n++] = tail > 250 ? '\0' : '/';
    if (tail == 220) n = 5000; /* longer than any path, and over whatever lies behind */
    return n;
}

static u64 descriptor(Run *r)
{
    u32 v = take(r);
    return v < 80 ? 3 : v < 90 ? 4 : v < 120 ? 5 : v < 240 ? 3 + v % 12 : v < 250 ? v % 3 : UINT32_MAX - v;
}

static void read_back(Run *r, u64 fd)
{
    u8 *m = r->memory.base;
    wasi_put(m + IOVEC, BYTES, 4);
    wasi_put(m + IOVEC + 4, 4096, 4);
    memset(m + BYTES, 0, 4096);
    (void)(take(r) % 2 == 0 ? tern_wasi_fd_read(&r->call, (const u64[]){fd, IOVEC, 1, RESULT})
                            : tern_wasi_fd_pread(&r->call, (const u64[]){fd, IOVEC, 1, 0, RESULT}));
}

#define CALL(name, ...) (void)tern_wasi_##name(&r->call, (const u64[]){__VA_ARGS__})

/* Writes an address for the guest; says whether the options allow it. Whoever sends to any address means the machine's
 * own, which is allowed here. */
static bool put_address(Run *r, bool is_peer)
{
    const struct {
        bool is_ip6, is_allowed;
        u8 bytes[16];
    } addresses[] = {
        {false, true, {127, 0, 0, 1}},
        {true, true, {[15] = 1}},
        {true, true, {[10] = 255, 255, 127, 0, 0, 1}}, /* which is the first */
        {false, false, {127, 0, 0, 2}},
        {false, is_peer, {0}},
        {true, is_peer, {0}},
        {false, false, {255, 255, 255, 255}},
        {false, false, {192, 0, 2, 1}},
        {false, false, {126, 255, 255, 255}},
        {true, false, {[10] = 255, 255, 127, 0, 0, 2}},
        {true, is_peer, {[10] = 255, 255, 0, 0, 0, 0}},
        {true, false, {[12] = 127, 0, 0, 1}}, /* compatible, not mapped */
        {true, false, {0xff, 2, [15] = 1}},
        {true, false, {0xfe, 0x80, [15] = 1}},
    };
    u8 *p = r->memory.base + ADDRESS;
    u32 which = take(r), port = take(r) < 160 ? 0 : take(r) < 128 ? 1 : 65535;
    which = which < 128 ? which % 2 : which % COUNT_OF(addresses);
    memset(p, 0, 24);
    wasi_put(p, addresses[which].is_ip6 + (port == 65535 && take(r) > 250 ? 5u : 0u), 4);
    for (u32 i = 0; i < 16; i++) p[4 + (addresses[which].is_ip6 ? i ^ 1 : i)] = addresses[which].bytes[i];
    if (!addresses[which].is_ip6) memset(p + 8, 0, 12);
    wasi_put(p + (addresses[which].is_ip6 ? 20 : 8), port, 2);
    if (take(r) < 100 && r->call.wasi != NULL) { /* of a socket of its own, if it has one */
        u8 copy[24];
        memcpy(copy, p, sizeof copy);
        u64 fd = r->sockets[take(r) % 4];
        if (tern_wasi_sock_addr_local(&r->call, (const u64[]){fd, ADDRESS}) == WASI_ESUCCESS) return true;
        memcpy(p, copy, sizeof copy);
    }
    return addresses[which].is_allowed;
}

static void socket_step(Run *r)
{
    u8 *m = r->memory.base;
    u32 what = take(r) % 16, at = take(r) % 4;
    u64 fd = r->sockets[at] != 0 ? r->sockets[at] : descriptor(r);
    wasi_put(m + IOVEC, BYTES + 8192, 4);
    wasi_put(m + IOVEC + 4, 100, 4);
    bool is_allowed = true;
    WasiErrno error = WASI_ESUCCESS;
    r->x.interrupt = TRAP_INTERRUPTED; /* what would wait does not */
    switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (tern_wasi_sock_open(&r->call, (const u64[]){UINT32_MAX, take(r) % 3, take(r) % 3, RESULT}) == WASI_ESUCCESS)
            r->sockets[at] = wasi_get(m + RESULT, 4);
        CALL(fd_fdstat_set_flags, r->sockets[at], 4);
        break;
    case 4:
    case 5:
        is_allowed = put_address(r, false);
        error = tern_wasi_sock_bind(&r->call, (const u64[]){fd, ADDRESS});
        break;
    case 6:
    case 7:
    case 8:
        is_allowed = put_address(r, true);
        error = tern_wasi_sock_connect(&r->call, (const u64[]){fd, ADDRESS});
        break;
    case 9:
    case 10:
        is_allowed = put_address(r, true);
        error = tern_wasi_sock_send_to(&r->call, (const u64[]){fd, IOVEC, 1, 0, ADDRESS, RESULT});
        break;
    case 11: CALL(sock_listen, fd, take(r)); break;
    case 12:
        if (tern_wasi_sock_accept(&r->call, (const u64[]){fd, take(r) & 4, RESULT}) == WASI_ESUCCESS)
            r->sockets[take(r) % 4] = wasi_get(m + RESULT, 4);
        break;
    case 13: CALL(sock_send, fd, IOVEC, 1, 0, RESULT); break;
    case 14:
        if (take(r) % 2 == 0) CALL(sock_recv, fd, IOVEC, 1, take(r) % 4, RESULT, RESULT + 8);
        else CALL(sock_recv_from, fd, IOVEC, 1, take(r) % 4, ADDRESS, RESULT);
        break;
    default:
        switch (take(r) % 6) {
        case 0: CALL(sock_addr_remote, fd, ADDRESS); break;
        case 1: CALL(sock_set_ipv6_only, fd, take(r) % 3); break;
        case 2: CALL(sock_set_reuse_addr, fd, take(r) % 2); break;
        case 3: CALL(sock_shutdown, fd, take(r) % 4); break;
        case 4: CALL(sock_get_linger, fd, RESULT, RESULT + 8); break;
        default: CALL(fd_close, fd); break;
        }
        break;
    }
    r->x.interrupt = 0;
    if (error == WASI_ESUCCESS && !is_allowed) fuzz_fail("a socket used an address that it was not given (%u)", what);
}

static void step(Run *r)
{
    u64 fd = descriptor(r), fd2 = descriptor(r);
    u32 what = take(r) % 24, follow = take(r) & 1;
    u64 n = 0, n2 = 0;
    if (what >= 20) {
        socket_step(r);
        tern_wasi_call_end(&r->call);
        return;
    }
    if (what >= 4 && what < 16) n = put_path(r, PATH1);
    switch (what) {
    case 0: read_back(r, fd); break;
    case 1:
        wasi_put(r->memory.base + IOVEC, BYTES + 8192, 4);
        wasi_put(r->memory.base + IOVEC + 4, 16, 4);
        memcpy(r->memory.base + BYTES + 8192, "written by guest", 16);
        CALL(fd_write, fd, IOVEC, 1, RESULT);
        break;
    case 2: CALL(fd_close, fd); break;
    case 3: CALL(fd_readdir, fd, BYTES, 4096, take(r), RESULT); break;
    case 4:
    case 5:
    case 6:
    case 7: {
        u64 rights = take(r) < 200 ? UINT64_MAX : (u64)take(r) << (take(r) % 24);
        CALL(path_open, fd, follow, PATH1, n, take(r) & 15, rights, take(r) < 200 ? UINT64_MAX : rights, take(r) & 31,
             RESULT);
        read_back(r, wasi_get(r->memory.base + RESULT, 4));
        break;
    }
    case 8: CALL(path_create_directory, fd, PATH1, n); break;
    case 9: CALL(path_filestat_get, fd, follow, PATH1, n, RESULT + 64); break;
    case 10: CALL(path_remove_directory, fd, PATH1, n); break;
    case 11: CALL(path_unlink_file, fd, PATH1, n); break;
    case 12: CALL(path_readlink, fd, PATH1, n, BYTES + 12288, 256, RESULT); break;
    case 13:
        n2 = put_path(r, PATH2);
        CALL(path_symlink, PATH1, n, fd, PATH2, n2);
        break;
    case 14:
        n2 = put_path(r, PATH2);
        CALL(path_rename, fd, PATH1, n, fd2, PATH2, n2);
        break;
    case 15:
        n2 = put_path(r, PATH2);
        CALL(path_link, fd, follow, PATH1, n, fd2, PATH2, n2);
        break;
    case 16: CALL(fd_renumber, fd, fd2); break;
    case 17: CALL(fd_filestat_set_size, fd, take(r)); break;
    case 18: CALL(fd_seek, fd, take(r), take(r) % 4, RESULT); break;
    default:
        n = put_path(r, PATH1);
        CALL(path_filestat_set_times, fd, follow, PATH1, n, take(r), take(r), take(r) & 15);
        break;
    }
    tern_wasi_call_end(&r->call);
    const u8 *got = r->memory.base + BYTES;
    for (u32 i = 0; i + strlen(CANARY) <= 4096; i++)
        if (got[i] == 'c' && memcmp(got + i, CANARY, strlen(CANARY)) == 0) fuzz_fail("what lies outside was read");
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    make_base();
    make_box();
    u32 nbefore = count_descriptors();
    static u8 memory[MEMORY_BYTES];
    memset(memory, 0, sizeof memory);
    Run *r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->p = data;
    r->end = data + size;
    r->alloc = test_alloc(TEST_ALLOC_NEVER);
    r->store.alloc = &r->alloc.base;
    r->memory.base = memory;
    r->memory.size_bytes = MEMORY_BYTES;
    char box[128];
    snprintf(box, sizeof box, "%s/box", base);
    WasiVdir *vdir = tern_wasi_vdir_new(&r->alloc.base, VDIR_BYTES);
    if (vdir == NULL || tern_wasi_vdir_make_dirs(vdir, "a/b") != PORT_OK ||
        tern_wasi_vdir_put(vdir, "inside", "inside", 6) != PORT_OK)
        fuzz_fail("no directory in memory");
    WasiDir dirs[] = {{.host = box, .guest = "/"},
                      {.host = box, .guest = "/ro", .is_read_only = true},
                      {.guest = "/memory", .vdir = vdir}};
    int null = open("/dev/null", O_RDWR);
    WasiOptions options = {.preopens = dirs, .npreopens = 3, .stdio = {null, null, null}, .walks_paths = take(r) & 1,
                           .addr_pool = (const char *const[]){"127.0.0.1/32", "::1/128"}, .naddr_pool = 2};
    Diag diag = {0};
    r->call = (WasiCall){.x = &r->x, .wasi = tern_wasi_new(&r->store, &options, &diag), .memory = &r->memory};
    if (r->call.wasi == NULL) fuzz_fail("no WASI");
    for (u32 steps = 0; r->p != r->end && steps < 60; steps++) step(r);
    tern_wasi_free(r->call.wasi);
    if (tern_wasi_vdir_used(vdir) > VDIR_BYTES) fuzz_fail("the directory in memory has more than it may");
    tern_wasi_vdir_free(vdir);
    close(null);
    if (r->alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)r->alloc.live);
    free(r);
    if (count_descriptors() != nbefore) fuzz_fail("a descriptor was left open");
    check_file("canary");
    check_file("secret/file");
    if (count_entries("secret") != 3 || count_entries("") != 5) fuzz_fail("something was made outside, or is gone");
    remove_tree("box");
    return 0;
}
