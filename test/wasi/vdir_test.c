/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vdir_test.c - a directory in memory beside one of the machine: a guest that does the same to both gets the same
 * answers, errors included, whatever it does. And what the host does with one. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/test_alloc.h"
#include "wasi/context.h"

#define MEMORY_BYTES 65536u
#define ALL UINT64_MAX
enum { ON_HOST = 3, IN_MEMORY = 4, READ_ONLY = 5 };
enum { PATH1 = 0, PATH2 = 8192, RESULT = 16384, IOVEC = 16640, BYTES = 32768 };
enum { CREAT = 1, DIRECTORY = 2, EXCL = 4, TRUNC = 8 };

typedef struct World {
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    WasiVdir *vdir;
    Wasi *wasi;
    WasiCall call;
    char base[64];
} World;

static int setup_limited(void **state, u64 limit_bytes)
{
    World *w = calloc(1, sizeof *w);
    strcpy(w->base, "/tmp/tern-vdir-XXXXXX");
    if (mkdtemp(w->base) == NULL) return -1;
    w->alloc = test_alloc(TEST_ALLOC_NEVER);
    w->store.alloc = &w->alloc.base;
    w->memory.base = calloc(1, MEMORY_BYTES);
    w->memory.size_bytes = MEMORY_BYTES;
    w->vdir = tern_wasi_vdir_new(&w->alloc.base, limit_bytes);
    WasiDir dirs[] = {{.host = w->base, .guest = "/host"},
                      {.guest = "/memory", .vdir = w->vdir},
                      {.guest = "/ro", .vdir = w->vdir, .is_read_only = true}};
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    options.preopens = dirs;
    options.npreopens = 3;
    Diag diag = {0};
    w->wasi = tern_wasi_new(&w->store, &options, &diag);
    w->call = (WasiCall){.x = &w->x, .wasi = w->wasi, .memory = &w->memory};
    *state = w;
    return w->wasi != NULL ? 0 : -1;
}

static int setup(void **state) { return setup_limited(state, 0); }
static int setup_small(void **state) { return setup_limited(state, 4096); }

static int teardown(void **state)
{
    World *w = *state;
    tern_wasi_vdir_free(w->vdir); /* before its guest */
    tern_wasi_free(w->wasi);
    assert_int_equal(w->alloc.live, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", w->base);
    assert_int_equal(system(command), 0);
    free(w->memory.base);
    free(w);
    return 0;
}

static WasiErrno called(World *w, WasiErrno error)
{
    tern_wasi_call_end(&w->call);
    return error;
}
#define CALL(name, ...) called(w, tern_wasi_##name(&w->call, (const u64[]){__VA_ARGS__}))

static u64 get(const World *w, u64 addr, u32 size) { return wasi_get(w->memory.base + addr, size); }

static u64 text(const World *w, u64 addr, const char *path)
{
    size_t size = strlen(path);
    memcpy(w->memory.base + addr, path, size);
    return size;
}

static WasiErrno open_at(World *w, u64 dir, const char *path, u64 oflags, u64 rights, u64 fdflags, u64 *fd)
{
    u64 size = text(w, PATH1, path);
    WasiErrno error = CALL(path_open, dir, 1, PATH1, size, oflags, rights, ALL, fdflags, RESULT);
    *fd = get(w, RESULT, 4);
    return error;
}

static void iovec(const World *w, u64 addr, u64 size)
{
    wasi_put(w->memory.base + IOVEC, addr, 4);
    wasi_put(w->memory.base + IOVEC + 4, size, 4);
}

static void write_text(World *w, u64 fd, const char *bytes)
{
    iovec(w, BYTES, text(w, BYTES, bytes));
    assert_int_equal(CALL(fd_write, fd, IOVEC, 1, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 4), strlen(bytes));
}

static const char *read_text(World *w, u64 fd)
{
    memset(w->memory.base + BYTES, 0, 256);
    iovec(w, BYTES, 200);
    assert_int_equal(CALL(fd_read, fd, IOVEC, 1, RESULT), WASI_ESUCCESS);
    return (const char *)w->memory.base + BYTES;
}

/* --- the same on both ------------------------------------------------------------------------------- */

static u64 seed;
static u32 choose(u32 n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (u32)(seed >> 20) % n;
}

static const char *const paths[] = {
    "a",   "b",    "c",      "a/",    "b/",     "a/b",     "a/b/",     "a/c",      "b/c",  "b/a/c", "a/b/c", ".",
    "./a", "a/.",  "a/./b",  "a/..",  "a/../b", "a/../..", "../a",     "..",       "/a",   "",      "a//b",  "a/b/..",
    "./",  "a/b/../c", "c/x", "c/..", "c/.",    "../",     "a/b/../../c", "b/../../b", "nothing/x", "a/c/",
};

static const char *a_path(void) { return paths[choose(COUNT_OF(paths))]; }

/* Name, type and size of everything in a directory, in the order of names. */
static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void listing_of(World *w, u64 dir, char out[1024])
{
    char names[64][16];
    u32 n = 0;
    u64 cookie = 0, used;
    do {
        u32 room = 30 + choose(200); /* often too little for the next entry */
        assert_int_equal(CALL(fd_readdir, dir, BYTES, room, cookie, RESULT), WASI_ESUCCESS);
        used = get(w, RESULT, 4);
        bool is_full = used == room;
        for (u64 at = 0; at + 24 <= used;) {
            u64 size = get(w, BYTES + at + 16, 4);
            if (at + 24 + size > used) break;
            cookie = get(w, BYTES + at, 8);
            assert_true(n < 64 && size < 14);
            memcpy(names[n], w->memory.base + BYTES + at + 24, size);
            names[n][size] = (char)('0' + get(w, BYTES + at + 20, 1));
            names[n++][size + 1] = '\0';
            at += 24 + size;
        }
        used = is_full;
    } while (used);
    qsort(names, n, sizeof names[0], by_text);
    out[0] = '\0';
    for (u32 i = 0; i < n; i++) strcat(strcat(out, names[i]), " ");
}

typedef struct Answer {
    WasiErrno error;
    u64 numbers[4];
    char text[1024];
} Answer;

static void describe(World *w, Answer *a)
{
    if (a->error != WASI_ESUCCESS) return;
    a->numbers[0] = get(w, RESULT + 16, 1); /* type */
    bool is_file = a->numbers[0] == 4;
    a->numbers[1] = is_file ? get(w, RESULT + 24, 8) : 0; /* links */
    a->numbers[2] = is_file ? get(w, RESULT + 32, 8) : 0; /* size */
}

typedef struct Step {
    u32 what, oflags, fdflags;
    u64 rights, offset, size;
    const char *path, *other;
    u64 times_seed;
} Step;

static void on_file(World *w, u64 fd, const Step *s, Answer *a)
{
    iovec(w, BYTES, s->size);
    memset(w->memory.base + BYTES, 'a' + (int)s->size % 26, 256);
    switch (s->what % 8) {
    case 0: a->error = CALL(fd_write, fd, IOVEC, 1, RESULT); break;
    case 1: a->error = CALL(fd_read, fd, IOVEC, 1, RESULT); break;
    case 2: a->error = CALL(fd_pwrite, fd, IOVEC, 1, s->offset, RESULT); break;
    case 3: a->error = CALL(fd_pread, fd, IOVEC, 1, s->offset, RESULT); break;
    case 4: a->error = CALL(fd_seek, fd, s->offset - 20, s->oflags % 3, RESULT); break;
    case 5: a->error = CALL(fd_filestat_set_size, fd, s->offset); break;
    case 6: a->error = CALL(fd_allocate, fd, s->offset, s->size); break;
    default: a->error = CALL(fd_filestat_get, fd, RESULT); describe(w, a); return;
    }
    if (a->error == WASI_ESUCCESS && s->what % 8 < 4) a->numbers[0] = get(w, RESULT, 4);
    if (a->error == WASI_ESUCCESS && s->what % 8 == 4) a->numbers[0] = get(w, RESULT, 8);
    if (s->what % 8 == 1 || s->what % 8 == 3) memcpy(a->text, w->memory.base + BYTES, 256);
    u64 position = CALL(fd_tell, fd, RESULT);
    a->numbers[1] = position == 0 ? get(w, RESULT, 8) : position;
}

static void do_step(World *w, u64 dir, u64 *open_fd, const Step *s, Answer *a)
{
    u64 fd, n, m;
    memset(a, 0, sizeof *a);
    switch (s->what / 8) {
    case 0:
        a->error = open_at(w, dir, s->path, s->oflags, s->rights, s->fdflags, &fd);
        if (a->error != WASI_ESUCCESS) break;
        if (*open_fd != 0) CALL(fd_close, *open_fd);
        *open_fd = fd;
        a->error = CALL(fd_filestat_get, fd, RESULT);
        describe(w, a);
        break;
    case 1: n = text(w, PATH1, s->path), a->error = CALL(path_create_directory, dir, PATH1, n); break;
    case 2: n = text(w, PATH1, s->path), a->error = CALL(path_remove_directory, dir, PATH1, n); break;
    case 3: n = text(w, PATH1, s->path), a->error = CALL(path_unlink_file, dir, PATH1, n); break;
    case 4:
        n = text(w, PATH1, s->path), m = text(w, PATH2, s->other);
        a->error = CALL(path_rename, dir, PATH1, n, dir, PATH2, m);
        break;
    case 5:
        n = text(w, PATH1, s->path), m = text(w, PATH2, s->other);
        a->error = CALL(path_link, dir, 0, PATH1, n, dir, PATH2, m);
        break;
    case 6:
        n = text(w, PATH1, s->path), a->error = CALL(path_filestat_get, dir, 1, PATH1, n, RESULT);
        describe(w, a);
        break;
    case 7:
        n = text(w, PATH1, s->path);
        a->error = CALL(path_filestat_set_times, dir, 1, PATH1, n, s->times_seed, s->times_seed / 2, 5);
        if (a->error == WASI_ESUCCESS) {
            a->error = CALL(path_filestat_get, dir, 1, PATH1, n, RESULT);
            a->numbers[2] = get(w, RESULT + 40, 8);
            a->numbers[3] = get(w, RESULT + 48, 8);
        }
        break;
    case 8: n = text(w, PATH1, s->path), a->error = CALL(path_readlink, dir, PATH1, n, BYTES, 100, RESULT); break;
    case 9:
        a->error = open_at(w, dir, s->path, DIRECTORY, WASI_RIGHTS_DIRECTORY, 0, &fd);
        if (a->error != WASI_ESUCCESS) break;
        listing_of(w, fd, a->text);
        CALL(fd_close, fd);
        break;
    default:
        if (*open_fd != 0) on_file(w, *open_fd, s, a);
        break;
    }
}

static void a_guest_cannot_tell_memory_from_the_machine(void **state)
{
    World *w = *state;
    u64 fds[2] = {0, 0};
    seed = 0x9e3779b97f4a7c15u;
    u32 nok = 0;
    for (u32 i = 0; i < 40000; i++) {
        static const u64 rights[] = {ALL, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL,
                                     WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL};
        Step s = {.what = choose(13 * 8), .oflags = choose(2) ? choose(16) : CREAT, .fdflags = choose(4) == 0,
                  .rights = rights[choose(3)], .offset = choose(100), .size = choose(60), .path = a_path(),
                  .other = a_path(), .times_seed = choose(1000000) * 1000ull};
        u64 at = seed;
        Answer host, memory;
        do_step(w, ON_HOST, &fds[0], &s, &host);
        seed = at;
        do_step(w, IN_MEMORY, &fds[1], &s, &memory);
        seed = at;
        (void)choose(2);
        bool same = host.error == memory.error &&
                    memcmp(host.numbers, memory.numbers, sizeof host.numbers) == 0 &&
                    memcmp(host.text, memory.text, sizeof host.text) == 0;
        if (!same)
            fail_msg("step %u, %u '%s' '%s' flags %u: host %d (%d %d %d %d) '%s', memory %d (%d %d %d %d) '%s'",
                     i, s.what / 8, s.path, s.other, s.oflags, host.error, (int)host.numbers[0],
                     (int)host.numbers[1], (int)host.numbers[2], (int)host.numbers[3], host.text, memory.error,
                     (int)memory.numbers[0], (int)memory.numbers[1], (int)memory.numbers[2],
                     (int)memory.numbers[3], memory.text);
        nok += host.error == WASI_ESUCCESS;
    }
    assert_true(nok > 8000);
}

static void nothing_moves_between_memory_and_the_machine(void **state)
{
    World *w = *state;
    u64 fd;
    assert_int_equal(open_at(w, IN_MEMORY, "m", CREAT, ALL, 0, &fd), WASI_ESUCCESS);
    assert_int_equal(open_at(w, ON_HOST, "h", CREAT, ALL, 0, &fd), WASI_ESUCCESS);
    u64 n = text(w, PATH1, "m"), m = text(w, PATH2, "h");
    assert_int_equal(CALL(path_rename, IN_MEMORY, PATH1, n, ON_HOST, PATH2, m), WASI_EXDEV);
    assert_int_equal(CALL(path_rename, ON_HOST, PATH2, m, IN_MEMORY, PATH1, n), WASI_EXDEV);
    assert_int_equal(CALL(path_link, ON_HOST, 0, PATH2, m, IN_MEMORY, PATH1, n), WASI_EXDEV);
    assert_int_equal(CALL(path_symlink, PATH1, n, IN_MEMORY, PATH2, m), WASI_ENOTSUP);
}

/* --- the host's side -------------------------------------------------------------------------------- */

static bool append_entry(void *user, const WasiVdirEntry *entry)
{
    char *out = user;
    snprintf(out + strlen(out), 200 - strlen(out), "%s%s:%d ", entry->name, entry->is_dir ? "/" : "",
             (int)entry->size_bytes);
    return true;
}

static void what_the_host_puts_in_the_guest_reads_and_the_other_way_round(void **state)
{
    World *w = *state;
    assert_int_equal(tern_wasi_vdir_make_dirs(w->vdir, "in/deep"), PORT_OK);
    assert_int_equal(tern_wasi_vdir_make_dirs(w->vdir, "in//deep/"), PORT_OK);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "in/deep/file", "hello", 5), PORT_OK);
    u64 fd;
    assert_int_equal(open_at(w, READ_ONLY, "in/deep/file", 0, WASI_RIGHT_FD_READ, 0, &fd), WASI_ESUCCESS);
    assert_string_equal(read_text(w, fd), "hello");

    u64 out;
    assert_int_equal(open_at(w, IN_MEMORY, "in/out", CREAT, ALL, 0, &out), WASI_ESUCCESS);
    write_text(w, out, "from the guest");
    char buf[64] = "";
    size_t done;
    u64 size;
    assert_int_equal(tern_wasi_vdir_get(w->vdir, "in/out", 5, buf, 3, &done, &size), PORT_OK);
    assert_int_equal(done, 3);
    assert_int_equal(size, 14);
    assert_string_equal(buf, "the");
    char names[200] = "";
    assert_int_equal(tern_wasi_vdir_list(w->vdir, "in", append_entry, names), PORT_OK);
    assert_string_equal(names, "deep/:0 out:14 ");
    assert_int_equal(tern_wasi_vdir_list(w->vdir, "in/out", append_entry, names), PORT_E_NOTDIR);

    /* In the place of what the guest has open: it is the same file. */
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "in/deep/file", "good bye", 8), PORT_OK);
    assert_string_equal(read_text(w, fd), "bye");

    assert_int_equal(tern_wasi_vdir_put(w->vdir, "../x", "", 0), PORT_E_PERM);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "/x", "", 0), PORT_E_PERM);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "no/x", "", 0), PORT_E_NOENT);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "in", "", 0), PORT_E_ISDIR);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "in/out/x", "", 0), PORT_E_NOTDIR);
    assert_int_equal(tern_wasi_vdir_make_dirs(w->vdir, "in/out/x"), PORT_E_NOTDIR);
    assert_int_equal(tern_wasi_vdir_get(w->vdir, "in", 0, NULL, 0, NULL, NULL), PORT_E_ISDIR);
    assert_int_equal(tern_wasi_vdir_get(w->vdir, "none", 0, NULL, 0, NULL, NULL), PORT_E_NOENT);
    assert_int_equal(tern_wasi_vdir_remove(w->vdir, "none"), PORT_E_NOENT);
    assert_int_equal(tern_wasi_vdir_remove(w->vdir, "."), PORT_E_INVAL);
    assert_int_equal(tern_wasi_vdir_remove(w->vdir, "in"), PORT_OK);
    assert_int_equal(tern_wasi_vdir_list(w->vdir, "in", append_entry, names), PORT_E_NOENT);
    write_text(w, out, ", still open");
    assert_int_equal(CALL(fd_seek, out, 0, 0, RESULT), WASI_ESUCCESS);
    assert_string_equal(read_text(w, out), "from the guest, still open");
    assert_int_equal(CALL(fd_close, out), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_close, fd), WASI_ESUCCESS);
    assert_int_equal(tern_wasi_vdir_used(w->vdir), 0);
}

static void nothing_changes_in_a_read_only_directory_in_memory(void **state)
{
    World *w = *state;
    tern_wasi_vdir_put(w->vdir, "file", "x", 1);
    u64 fd, n = text(w, PATH1, "file");
    assert_int_equal(CALL(path_unlink_file, READ_ONLY, PATH1, n), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(path_create_directory, READ_ONLY, PATH1, n), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(path_rename, READ_ONLY, PATH1, n, IN_MEMORY, PATH1, n), WASI_ENOTCAPABLE);
    assert_int_equal(open_at(w, READ_ONLY, "new", CREAT, ALL, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(open_at(w, READ_ONLY, "file", TRUNC, ALL, 0, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(open_at(w, READ_ONLY, "file", 0, ALL, 0, &fd), WASI_ESUCCESS);
    iovec(w, BYTES, 1);
    assert_int_equal(CALL(fd_write, fd, IOVEC, 1, RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 0), WASI_ENOTCAPABLE);
}

/* Under a limit of 4096 bytes. */
static void a_guest_cannot_use_more_than_the_limit(void **state)
{
    World *w = *state;
    u64 fd;
    assert_int_equal(open_at(w, IN_MEMORY, "big", CREAT, ALL, 0, &fd), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 4096), WASI_ENOSPC);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 1ull << 40), WASI_ENOSPC);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 1ull << 63), WASI_EINVAL);
    assert_int_equal(CALL(fd_allocate, fd, INT64_MAX, 1), WASI_EFBIG);
    u64 written = 0;
    WasiErrno error;
    iovec(w, BYTES, 100);
    while ((error = CALL(fd_write, fd, IOVEC, 1, RESULT)) == WASI_ESUCCESS) written += get(w, RESULT, 4);
    assert_int_equal(error, WASI_ENOSPC);
    assert_true(written > 3000 && tern_wasi_vdir_used(w->vdir) <= 4096);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 0), WASI_ESUCCESS);

    u32 nfiles = 0;
    char name[16];
    do snprintf(name, sizeof name, "f%u", nfiles++);
    while ((error = open_at(w, IN_MEMORY, name, CREAT, ALL, 0, &fd)) == WASI_ESUCCESS);
    assert_int_equal(error, WASI_ENOSPC);
    assert_true(nfiles > 5 && nfiles < 60 && tern_wasi_vdir_used(w->vdir) <= 4096);
    u64 n = text(w, PATH1, "dir");
    while ((error = CALL(path_create_directory, IN_MEMORY, PATH1, n)) == WASI_ESUCCESS) text(w, PATH1 + --n, "x");
    assert_int_equal(error, WASI_ENOSPC);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "x", "", 0), PORT_E_NOSPC);
    assert_int_equal(tern_wasi_vdir_put(w->vdir, "f0", BYTES + (char *)w->memory.base, 5000), PORT_E_NOSPC);
}

/* Deeper than the native stack would be, in a path and by going down step by step. */
static void a_tree_may_be_as_deep_as_the_guest_likes(void **state)
{
    World *w = *state;
    u64 dir = IN_MEMORY, fd;
    for (u32 i = 0; i < 20000; i++) {
        u64 n = text(w, PATH1, "d");
        assert_int_equal(CALL(path_create_directory, dir, PATH1, n), WASI_ESUCCESS);
        assert_int_equal(open_at(w, dir, "d", DIRECTORY, WASI_RIGHTS_DIRECTORY, 0, &fd), WASI_ESUCCESS);
        if (dir != IN_MEMORY) CALL(fd_close, dir);
        dir = fd;
    }
    assert_int_equal(open_at(w, dir, "..", DIRECTORY, WASI_RIGHTS_DIRECTORY, 0, &fd), WASI_EPERM);
    assert_int_equal(tern_wasi_vdir_remove(w->vdir, "d"), PORT_OK);
    assert_int_equal(open_at(w, dir, "late", CREAT, ALL, 0, &fd), WASI_ENOENT);
    assert_int_equal(CALL(fd_close, dir), WASI_ESUCCESS);
    assert_int_equal(tern_wasi_vdir_used(w->vdir), 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        WasiVdir *vdir = tern_wasi_vdir_new(&alloc.base, 0);
        bool ok = vdir != NULL;
        char name[16];
        for (u32 i = 0; ok && i < 40; i++) {
            snprintf(name, sizeof name, "d/f%u", i);
            ok = tern_wasi_vdir_make_dirs(vdir, "d") == PORT_OK &&
                 tern_wasi_vdir_put(vdir, name, "0123456789", 10) == PORT_OK;
        }
        if (vdir != NULL && !ok) tern_wasi_vdir_remove(vdir, "d");
        if (vdir != NULL && !ok) assert_int_equal(tern_wasi_vdir_used(vdir), 0);
        tern_wasi_vdir_free(vdir);
        assert_int_equal(alloc.live, 0);
        if (ok && nth > 120) break; /* a hash table that stays small is no failure */
    }
}

typedef struct Visitor {
    WasiVdir *vdir;
    bool stop;
} Visitor;

static void *visit(void *arg)
{
    Visitor *v = arg;
    while (!__atomic_load_n(&v->stop, __ATOMIC_RELAXED)) {
        char buf[8], names[200] = "";
        size_t done;
        tern_wasi_vdir_put(v->vdir, "a", "from the host", 13);
        tern_wasi_vdir_get(v->vdir, "b", 0, buf, sizeof buf, &done, NULL);
        tern_wasi_vdir_list(v->vdir, ".", append_entry, names);
        tern_wasi_vdir_remove(v->vdir, "c");
    }
    return NULL;
}

static void the_host_may_look_in_while_a_guest_works(void **state)
{
    World *w = *state;
    Visitor visitor = {.vdir = w->vdir};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
    for (u32 i = 0; i < 2000; i++) {
        u64 fd;
        assert_int_equal(open_at(w, IN_MEMORY, "a", CREAT | TRUNC, ALL, 0, &fd), WASI_ESUCCESS);
        write_text(w, fd, "from the guest");
        u64 n = text(w, PATH1, "a"), m = text(w, PATH2, i % 2 ? "b" : "c");
        CALL(path_rename, IN_MEMORY, PATH1, n, IN_MEMORY, PATH2, m);
        CALL(fd_close, fd);
    }
    __atomic_store_n(&visitor.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}

/* --- streams made of the host's code ---------------------------------------------------------------- */

typedef struct Console {
    char out[64];
    u32 nagain; /* answers of AGAIN before each byte */
    s64 fails;
} Console;

static s64 console_write(void *user, const void *buf, size_t size)
{
    Console *c = user;
    if (c->fails != 0) return c->fails;
    size_t n = u64_min(size, 3);
    strncat(c->out, buf, n);
    return (s64)n;
}

static s64 console_read(void *user, void *buf, size_t size)
{
    Console *c = user;
    if (c->fails != 0) return c->fails;
    if (c->nagain > 0) return c->nagain--, -6;
    memcpy(buf, "typed", 5);
    return size >= 5 ? 5 : (s64)size;
}

static void streams_may_be_the_hosts_code(void **state)
{
    World *w = *state;
    Console console = {.nagain = 3};
    WasiOptions options = WASI_OPTIONS_DEFAULT;
    for (u32 i = 0; i < 3; i++) options.streams[i] = (WasiStream){console_read, console_write, &console};
    Diag diag = {0};
    Wasi *outer = w->wasi;
    w->wasi = w->call.wasi = tern_wasi_new(&w->store, &options, &diag);
    write_text(w, 1, "to the host");
    assert_string_equal(console.out, "to the host");
    assert_string_equal(read_text(w, 0), "typed");
    assert_int_equal(console.nagain, 0);
    iovec(w, BYTES, 5);
    assert_int_equal(CALL(fd_read, 1, IOVEC, 1, RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_seek, 1, 0, 0, RESULT), WASI_ESPIPE);
    console.nagain = 1;
    assert_int_equal(CALL(fd_fdstat_set_flags, 0, WASI_FDFLAG_NONBLOCK), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_read, 0, IOVEC, 1, RESULT), WASI_EAGAIN);
    const struct { s64 code; WasiErrno error; } fails[] = {
        {-64, WASI_EPIPE}, {-29, WASI_EIO}, {INT64_MIN, WASI_EIO}, {6, WASI_EIO}, {-1000, WASI_EIO}};
    for (u32 i = 0; i < COUNT_OF(fails); i++) {
        console.fails = fails[i].code;
        assert_int_equal(CALL(fd_read, 0, IOVEC, 1, RESULT), fails[i].error);
        assert_int_equal(CALL(fd_write, 1, IOVEC, 1, RESULT), fails[i].error);
    }
    /* Asking never ends, so the guest is stopped between two questions. */
    console = (Console){.nagain = UINT32_MAX};
    w->x.interrupt = TRAP_INTERRUPTED;
    CALL(fd_fdstat_set_flags, 0, 0);
    assert_int_equal(CALL(fd_read, 0, IOVEC, 1, RESULT), WASI_EINTR);
    assert_int_equal(w->call.trap, TRAP_INTERRUPTED);
    w->x.interrupt = 0;
    w->call.trap = TRAP_NONE;

    wasi_put(w->memory.base + PATH1 + 8, 1, 1); /* poll for reading 0, and for writing 1 */
    wasi_put(w->memory.base + PATH1 + 16, 0, 4);
    wasi_put(w->memory.base + PATH1 + 48 + 8, 2, 1);
    wasi_put(w->memory.base + PATH1 + 48 + 16, 1, 4);
    assert_int_equal(CALL(poll_oneoff, PATH1, BYTES, 2, RESULT), WASI_ESUCCESS);
    assert_int_equal(get(w, RESULT, 4), 2);
    tern_wasi_free(w->wasi);
    w->wasi = outer;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_guest_cannot_tell_memory_from_the_machine),
        TEST(nothing_moves_between_memory_and_the_machine),
        TEST(what_the_host_puts_in_the_guest_reads_and_the_other_way_round),
        TEST(nothing_changes_in_a_read_only_directory_in_memory),
        cmocka_unit_test_setup_teardown(a_guest_cannot_use_more_than_the_limit, setup_small, teardown),
        TEST(a_tree_may_be_as_deep_as_the_guest_likes),
        cmocka_unit_test(every_allocation_may_fail),
        TEST(the_host_may_look_in_while_a_guest_works),
        TEST(streams_may_be_the_hosts_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
