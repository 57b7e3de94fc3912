/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* escape_test.c - a guest with one directory tries to leave it, in both ways of resolving paths.
 *
 * The directory is BASE/box; BASE/canary, BASE/secret/ and what lies in it stand outside. After every test
 * nothing outside has changed, and nothing of it was read. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/test_alloc.h"
#include "wasi/context.h"

#define MEMORY_BYTES 65536u
#define BOX 3u
#define READ_ONLY 4u
#define LISTENER 5u
#define ALL UINT64_MAX

typedef struct World {
    TestAlloc alloc;
    Store store;
    Memory memory;
    Exec x;
    Wasi *wasi;
    WasiCall call;
    char base[64];
    int base_fd, listener;
} World;

static bool walks; /* the way under test */

static void write_file(const World *w, const char *path, const char *text)
{
    int fd = openat(w->base_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make_tree(World *w)
{
    strcpy(w->base, "/tmp/tern-escape-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    w->base_fd = open(w->base, O_RDONLY | O_DIRECTORY);
    const char *dirs[] = {"box", "secret", "box/a", "box/a/b", "box/swap"};
    for (u32 i = 0; i < COUNT_OF(dirs); i++) assert_int_equal(mkdirat(w->base_fd, dirs[i], 0777), 0);
    write_file(w, "canary", "canary");
    write_file(w, "secret/file", "canary");
    write_file(w, "box/inside", "inside");
    write_file(w, "box/a/b/deep", "deep");
    write_file(w, "box/swap/file", "inside");
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/canary", w->base);
    const struct { const char *target, *path; } links[] = {
        {"../canary", "box/up"},          {"../secret", "box/up_dir"},     {absolute, "box/absolute"},
        {w->base, "box/root"},               {"hop2", "box/hop1"},            {"a/../../canary", "box/hop2"},
        {"loop2", "box/loop1"},           {"loop1", "box/loop2"},          {".", "box/here"},
        {"a/b", "box/down"},              {"../../../canary", "box/a/b/up"}, {"/proc/self/fd/1", "box/magic"},
        {"../not_there", "box/dangling"}, {"../secret/new", "box/create"}, {"..", "box/parent"},
        {"inside", "box/good"},           {"a/b/", "box/down_slash"},
    };
    for (u32 i = 0; i < COUNT_OF(links); i++)
        assert_int_equal(symlinkat(links[i].target, w->base_fd, links[i].path), 0);
}

static int setup(void **state)
{
    World *w = calloc(1, sizeof *w);
    make_tree(w);
    w->alloc = test_alloc(TEST_ALLOC_NEVER);
    w->store.alloc = &w->alloc.base;
    w->memory.base = calloc(1, MEMORY_BYTES);
    w->memory.size_bytes = MEMORY_BYTES;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return -1;
    close(pair[1]);
    w->listener = pair[0];
    char box[80];
    snprintf(box, sizeof box, "%s/box", w->base);
    WasiDir dirs[] = {{.host = box, .guest = "/", .is_read_only = false}, {.host = box, .guest = "/ro", .is_read_only = true}};
    s64 listeners[] = {w->listener};
    WasiOptions options = {.preopens = dirs, .npreopens = 2, .listeners = listeners, .nlisteners = 1,
                           .stdio = {-1, -1, -1}, .walks_paths = walks};
    Diag diag = {0};
    w->wasi = tern_wasi_new(&w->store, &options, &diag);
    w->call = (WasiCall){.x = &w->x, .wasi = w->wasi, .memory = &w->memory};
    *state = w;
    return w->wasi != NULL && (walks || !w->wasi->walks_paths) ? 0 : -1;
}

static void assert_text(const World *w, const char *path, const char *text)
{
    char got[32] = "";
    int fd = openat(w->base_fd, path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got - 1), strlen(text));
    assert_string_equal(got, text);
    struct stat st;
    fstat(fd, &st);
    assert_int_equal(st.st_nlink, 1);
    close(fd);
}

static int teardown(void **state)
{
    World *w = *state;
    assert_text(w, "canary", "canary");
    assert_text(w, "secret/file", "canary");
    struct stat st;
    assert_int_not_equal(fstatat(w->base_fd, "secret/new", &st, 0), 0);
    assert_int_not_equal(fstatat(w->base_fd, "not_there", &st, 0), 0);
    assert_int_not_equal(fstatat(w->base_fd, "made", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_not_equal(fstatat(w->base_fd, "secret/made", &st, AT_SYMLINK_NOFOLLOW), 0);
    tern_wasi_free(w->wasi);
    assert_int_equal(w->alloc.live, 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", w->base);
    assert_int_equal(system(command), 0);
    close(w->base_fd), close(w->listener);
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

/* Two places in guest memory for paths, one for results, one for contents. */
enum { PATH1 = 0, PATH2 = 8192, RESULT = 16384, IOVEC = 16640, BYTES = 32768 };

static u64 text(const World *w, u64 addr, const char *path)
{
    size_t size = strlen(path);
    memcpy(w->memory.base + addr, path, size);
    return size;
}

static WasiErrno open_at(World *w, u64 dir, const char *path, u64 lookup, u64 oflags, u64 rights, u64 *fd)
{
    u64 size = text(w, PATH1, path);
    WasiErrno error = CALL(path_open, dir, lookup, PATH1, size, oflags, rights, ALL, 0, RESULT);
    *fd = get(w, RESULT, 4);
    return error;
}

/* What the guest reads from an open file. */
static const char *contents(World *w, u64 fd)
{
    memset(w->memory.base + BYTES, 0, 64);
    wasi_put(w->memory.base + IOVEC, BYTES, 4);
    wasi_put(w->memory.base + IOVEC + 4, 32, 4);
    assert_int_equal(CALL(fd_pread, fd, IOVEC, 1, 0, RESULT), WASI_ESUCCESS);
    return (const char *)w->memory.base + BYTES;
}

#define CREAT 1
#define DIRECTORY 2
#define EXCL 4
#define TRUNC 8

/* Everything that takes a path, with one that leads outside: each is refused. */
static void assert_refused(World *w, const char *path)
{
    u64 fd, size;
    for (u64 lookup = 0; lookup < 2; lookup++) {
        for (u64 oflags = 0; oflags < 16; oflags++) {
            if (open_at(w, BOX, path, lookup, oflags, ALL, &fd) == WASI_ESUCCESS)
                fail_msg("opened %s (%d, %d)", path, (int)lookup, (int)oflags);
        }
        size = text(w, PATH1, path);
        if (lookup == 1) {
            assert_int_not_equal(CALL(path_filestat_get, BOX, 1, PATH1, size, RESULT), WASI_ESUCCESS);
            assert_int_not_equal(CALL(path_filestat_set_times, BOX, 1, PATH1, size, 1, 1, 5), WASI_ESUCCESS);
        }
    }
    size = text(w, PATH1, path);
    assert_int_not_equal(CALL(path_create_directory, BOX, PATH1, size), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_remove_directory, BOX, PATH1, size), WASI_ESUCCESS);
}

/* Also not as a place: not removed, renamed, linked or made there. */
static void assert_no_place(World *w, const char *path)
{
    assert_refused(w, path);
    u64 size = text(w, PATH1, path), inside = text(w, PATH2, "inside");
    assert_int_not_equal(CALL(path_filestat_get, BOX, 0, PATH1, size, RESULT), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_filestat_set_times, BOX, 0, PATH1, size, 1, 1, 5), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_unlink_file, BOX, PATH1, size), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_readlink, BOX, PATH1, size, BYTES, 100, RESULT), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_rename, BOX, PATH1, size, BOX, PATH2, inside), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_rename, BOX, PATH2, inside, BOX, PATH1, size), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_link, BOX, 0, PATH1, size, BOX, PATH2, text(w, PATH2, "new")), WASI_ESUCCESS);
    inside = text(w, PATH2, "inside");
    assert_int_not_equal(CALL(path_link, BOX, 0, PATH2, inside, BOX, PATH1, size), WASI_ESUCCESS);
    assert_int_not_equal(CALL(path_symlink, PATH2, inside, BOX, PATH1, size), WASI_ESUCCESS);
}

static void no_path_with_dots_or_a_root_leaves(void **state)
{
    World *w = *state;
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/canary", w->base);
    const char *paths[] = {
        absolute, "/", "//", "/inside", "/proc/self/fd/1", "..", "../", "../canary", "../made", "./../canary",
        "a/../../canary", "a/../../made", "a/b/../../../canary", "a/b/../../..", "a/./../../secret/file",
        "../box/inside", "../box/made", "../..", "a/b/../../../box/a", ".//..//canary", "a//..//..//made",
        "here/../canary", "here/here/../made", "down/../../../canary", "down/../../../made", "down_slash/../../../made",
        "../secret/made", "parent/canary", "parent/made", "parent/box/inside", "up_dir/file", "up_dir/made",
        "root/canary", "root/made", "root/box/inside", "magic/", "up/", "up_dir/", "absolute/", "parent/", "hop1/", "loop1/",
        "loop1/x", "up_dir/..", "a/b/up/", "good/../inside",
    };
    for (u32 i = 0; i < COUNT_OF(paths); i++) assert_no_place(w, paths[i]);
}

static void no_symbolic_link_leads_outside(void **state)
{
    World *w = *state;
    const char *links[] = {"up", "up_dir", "absolute", "root", "hop1", "hop2", "loop1", "loop2", "magic",
                           "dangling", "create", "parent", "a/b/up", "down/up", "here/up"};
    for (u32 i = 0; i < COUNT_OF(links); i++) {
        assert_refused(w, links[i]);
        u64 size = text(w, PATH1, links[i]); /* but it is a thing of its own, inside */
        assert_int_equal(CALL(path_filestat_get, BOX, 0, PATH1, size, RESULT), WASI_ESUCCESS);
        assert_int_equal(get(w, RESULT + 16, 1), 7);
        assert_int_equal(CALL(path_filestat_set_times, BOX, 0, PATH1, size, 1, 1, 5), WASI_ESUCCESS);
        assert_int_equal(CALL(path_readlink, BOX, PATH1, size, BYTES, 4096, RESULT), WASI_ESUCCESS);
    }
    u64 fd;
    assert_int_equal(open_at(w, BOX, "loop1", 1, 0, WASI_RIGHT_FD_READ, &fd), WASI_ELOOP);
    assert_int_equal(open_at(w, BOX, "up", 1, 0, WASI_RIGHT_FD_READ, &fd), WASI_EPERM);
    assert_int_equal(open_at(w, BOX, "absolute", 1, 0, WASI_RIGHT_FD_READ, &fd), WASI_EPERM);

    /* What stays inside works. */
    const struct { const char *path, *text; } good[] = {
        {"good", "inside"}, {"here/good", "inside"}, {"down/deep", "deep"}, {"down_slash/deep", "deep"},
        {"a/../inside", "inside"}, {"a/b/../../here/a/b/deep", "deep"}, {"down/../b/deep", "deep"},
        {"./inside", "inside"}, {"a//b//deep", "deep"}};
    for (u32 i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(open_at(w, BOX, good[i].path, 1, 0, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, &fd),
                         WASI_ESUCCESS);
        assert_string_equal(contents(w, fd), good[i].text);
        assert_int_equal(CALL(fd_close, fd), WASI_ESUCCESS);
    }
}

static void links_the_guest_makes_lead_nowhere_either(void **state)
{
    World *w = *state;
    const char *targets[] = {"..", "../canary", "a/../../secret/file", "a/b/../../../made"};
    for (u32 i = 0; i < COUNT_OF(targets); i++) {
        u64 target = text(w, PATH2, targets[i]), name = text(w, PATH1, "own");
        assert_int_equal(CALL(path_symlink, PATH2, target, BOX, PATH1, name), WASI_ESUCCESS);
        assert_refused(w, "own");
        /* A hard link to it is another name of the link, not of what it says. */
        name = text(w, PATH1, "own");
        u64 other = text(w, PATH2, "own2");
        assert_int_equal(CALL(path_link, BOX, 0, PATH1, name, BOX, PATH2, other), WASI_ESUCCESS);
        assert_int_equal(CALL(path_link, BOX, 1, PATH1, name, BOX, PATH2, other), WASI_EINVAL);
        assert_refused(w, "own2");
        name = text(w, PATH1, "own");
        other = text(w, PATH2, "own2");
        assert_int_equal(CALL(path_unlink_file, BOX, PATH1, name), WASI_ESUCCESS);
        assert_int_equal(CALL(path_unlink_file, BOX, PATH2, other), WASI_ESUCCESS);
    }
    u64 target = text(w, PATH2, "/etc/passwd"), name = text(w, PATH1, "own");
    assert_int_equal(CALL(path_symlink, PATH2, target, BOX, PATH1, name), WASI_EPERM);
}

static void odd_names_are_names_or_refused(void **state)
{
    World *w = *state;
    u64 fd;
    memcpy(w->memory.base + PATH1, "inside\0/../../canary", 20);
    assert_int_equal(CALL(path_open, BOX, 1, PATH1, 20, 0, WASI_RIGHT_FD_READ, 0, 0, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(path_filestat_get, BOX, 1, PATH1, 7, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(path_unlink_file, BOX, PATH1, 7), WASI_EINVAL);
    assert_int_equal(CALL(path_open, BOX, 1, PATH1, 0, 0, WASI_RIGHT_FD_READ, 0, 0, RESULT), WASI_ENOENT);

    assert_int_equal(open_at(w, BOX, "new\nline", 0, CREAT, WASI_RIGHT_FD_WRITE, &fd), WASI_ESUCCESS);
    assert_int_equal(open_at(w, BOX, "...", 0, CREAT, WASI_RIGHT_FD_WRITE, &fd), WASI_ESUCCESS);
    assert_int_equal(open_at(w, BOX, "\xff\xfe", 0, CREAT, WASI_RIGHT_FD_WRITE, &fd), WASI_ESUCCESS);

    const u64 sizes[] = {256, 4095, 4096, 5000, MEMORY_BYTES};
    memset(w->memory.base, 'x', MEMORY_BYTES);
    for (u32 i = 0; i < COUNT_OF(sizes); i++) {
        assert_int_equal(CALL(path_open, BOX, 1, 0, sizes[i], 0, WASI_RIGHT_FD_READ, 0, 0, RESULT),
                         WASI_ENAMETOOLONG);
        assert_int_equal(CALL(path_create_directory, BOX, 0, sizes[i]), WASI_ENAMETOOLONG);
        assert_int_equal(CALL(path_symlink, 0, sizes[i], BOX, 0, sizes[i]), WASI_ENAMETOOLONG);
    }
    assert_int_equal(CALL(path_open, BOX, 1, 1, MEMORY_BYTES, 0, WASI_RIGHT_FD_READ, 0, 0, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(path_open, BOX, 1, 0, 6, 0, 0, 0, 0, MEMORY_BYTES - 3), WASI_EFAULT);
    /* A path of dots alone, as long as a path can be. */
    for (u64 i = 0; i + 3 < 4095; i += 3) memcpy(w->memory.base + i, "../", 3);
    assert_int_equal(CALL(path_open, BOX, 1, 0, 4092, 0, WASI_RIGHT_FD_READ, 0, 0, RESULT), WASI_EPERM);
    for (u64 i = 0; i + 4 < 4095; i += 4) memcpy(w->memory.base + i, "a/..", 4), w->memory.base[i + 3] = '/';
    assert_int_not_equal(CALL(path_open, BOX, 1, 0, 4092, 0, WASI_RIGHT_FD_READ, 0, 0, RESULT), WASI_ESUCCESS);
}

static void numbers_that_are_no_directory_start_no_path(void **state)
{
    World *w = *state;
    const u64 fds[] = {6, 7, 1023, 1024, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (u32 i = 0; i < COUNT_OF(fds); i++) {
        u64 fd;
        assert_int_equal(open_at(w, fds[i], "inside", 1, 0, WASI_RIGHT_FD_READ, &fd), WASI_EBADF);
        assert_int_equal(CALL(fd_readdir, fds[i], BYTES, 100, 0, RESULT), WASI_EBADF);
        assert_int_equal(CALL(fd_renumber, fds[i], BOX), WASI_EBADF);
        assert_int_equal(CALL(fd_renumber, BOX, fds[i]), WASI_EBADF);
        assert_int_equal(CALL(fd_close, fds[i]), WASI_EBADF);
        assert_int_equal(CALL(fd_prestat_get, fds[i], RESULT), WASI_EBADF);
    }
    u64 fd;
    assert_int_equal(open_at(w, 0, "inside", 1, 0, WASI_RIGHT_FD_READ, &fd), WASI_ENOTDIR);
    assert_int_equal(open_at(w, LISTENER, "inside", 1, 0, WASI_RIGHT_FD_READ, &fd), WASI_ENOTDIR);
}

static void descriptors_are_bounded(void **state)
{
    World *w = *state;
    u64 fd = 0;
    WasiErrno error = WASI_ESUCCESS;
    for (u32 i = 0; i < 2000 && error == WASI_ESUCCESS; i++)
        error = open_at(w, BOX, "inside", 0, 0, WASI_RIGHT_FD_READ, &fd);
    assert_true(error == WASI_EMFILE || error == WASI_ENFILE);
    for (u64 i = 6; i <= 1023; i++) CALL(fd_close, i);
    assert_int_equal(open_at(w, BOX, "inside", 0, 0, WASI_RIGHT_FD_READ, &fd), WASI_ESUCCESS);
    assert_int_equal(fd, 6);
}

static void rights_never_grow(void **state)
{
    World *w = *state;
    u64 fd, other;
    u64 reads = WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK;
    assert_int_equal(open_at(w, BOX, "inside", 0, 0, reads, &fd), WASI_ESUCCESS);
    wasi_put(w->memory.base + IOVEC, BYTES, 4);
    wasi_put(w->memory.base + IOVEC + 4, 4, 4);
    assert_int_equal(CALL(fd_write, fd, IOVEC, 1, RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_fdstat_set_rights, fd, reads | WASI_RIGHT_FD_WRITE, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_fdstat_set_rights, fd, reads, 1), WASI_ENOTCAPABLE);

    /* Onto the number of one that can write, and of one that is a directory. */
    assert_int_equal(open_at(w, BOX, "good", 1, 0, ALL, &other), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_renumber, fd, other), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_write, other, IOVEC, 1, RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_close, fd), WASI_EBADF);

    assert_int_equal(CALL(fd_fdstat_set_rights, BOX, WASI_RIGHT_PATH_OPEN, WASI_RIGHT_FD_READ), WASI_ESUCCESS);
    assert_int_equal(open_at(w, BOX, "inside", 0, TRUNC, ALL, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(open_at(w, BOX, "made_inside", 0, CREAT, ALL, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(open_at(w, BOX, "a", 0, DIRECTORY, ALL, &fd), WASI_ESUCCESS);
    assert_int_equal(open_at(w, fd, "b/deep", 0, 0, ALL, &fd), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_renumber, BOX, READ_ONLY), WASI_ESUCCESS);
    assert_int_equal(open_at(w, READ_ONLY, "inside", 0, 0, ALL, &fd), WASI_ESUCCESS);
    assert_int_equal(CALL(fd_write, fd, IOVEC, 1, RESULT), WASI_EBADF);
}

static void nothing_changes_beneath_a_read_only_directory(void **state)
{
    World *w = *state;
    u64 fd, dir;
    assert_int_equal(open_at(w, READ_ONLY, "inside", 0, 0, ALL, &fd), WASI_ESUCCESS);
    assert_string_equal(contents(w, fd), "inside");
    wasi_put(w->memory.base + IOVEC, BYTES, 4);
    wasi_put(w->memory.base + IOVEC + 4, 4, 4);
    assert_int_equal(CALL(fd_write, fd, IOVEC, 1, RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_pwrite, fd, IOVEC, 1, 0, RESULT), WASI_EBADF);
    assert_int_equal(CALL(fd_filestat_set_size, fd, 0), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_filestat_set_times, fd, 1, 1, 5), WASI_ENOTCAPABLE);
    assert_int_equal(CALL(fd_allocate, fd, 0, 4096), WASI_ENOTCAPABLE);
    assert_int_equal(open_at(w, READ_ONLY, "a", 0, DIRECTORY, WASI_RIGHTS_DIRECTORY, &dir), WASI_ESUCCESS);
    const u64 dirs[] = {READ_ONLY, dir};
    for (u32 i = 0; i < 2; i++) {
        u64 d = dirs[i];
        assert_int_equal(open_at(w, d, "n", 0, CREAT, ALL, &fd), WASI_ENOTCAPABLE);
        assert_int_equal(open_at(w, d, "b", 0, TRUNC, ALL, &fd), WASI_ENOTCAPABLE);
        u64 n = text(w, PATH1, "b"), m = text(w, PATH2, "inside");
        assert_int_equal(CALL(path_create_directory, d, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_remove_directory, d, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_unlink_file, d, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_rename, d, PATH1, n, BOX, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_rename, BOX, PATH2, m, d, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_link, d, 0, PATH2, m, BOX, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_link, BOX, 0, PATH2, m, d, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_symlink, PATH2, m, d, PATH1, n), WASI_ENOTCAPABLE);
        assert_int_equal(CALL(path_filestat_set_times, d, 0, PATH1, n, 1, 1, 5), WASI_ENOTCAPABLE);
    }
    assert_text(w, "box/inside", "inside");
}

/* --- races ------------------------------------------------------------------------------------------ */

typedef struct Swapper {
    int base_fd;
    bool stop;
} Swapper;

/* box/swap is by turns a directory inside and a link outside; so is box/a/b moved in and out. */
static void *swap(void *arg)
{
    Swapper *s = arg;
    if (symlinkat("../secret", s->base_fd, "box/swap_link") != 0) return NULL;
    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
        renameat(s->base_fd, "box/swap", s->base_fd, "box/swap_dir");
        renameat(s->base_fd, "box/swap_link", s->base_fd, "box/swap");
        renameat(s->base_fd, "box/a/b", s->base_fd, "box/b");
        renameat(s->base_fd, "box/swap", s->base_fd, "box/swap_link");
        renameat(s->base_fd, "box/swap_dir", s->base_fd, "box/swap");
        renameat(s->base_fd, "box/b", s->base_fd, "box/a/b");
    }
    return NULL;
}

static void a_tree_that_changes_during_the_call_lets_nobody_out(void **state)
{
    World *w = *state;
    Swapper swapper = {.base_fd = w->base_fd};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap, &swapper), 0);
    u32 opened = 0;
    for (u32 i = 0; i < 5000; i++) {
        u64 fd, size;
        WasiErrno error = open_at(w, BOX, "swap/file", 1, 0, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, &fd);
        if (error == WASI_ESUCCESS) {
            assert_string_equal(contents(w, fd), "inside");
            CALL(fd_close, fd);
            opened++;
        }
        if (open_at(w, BOX, "swap/made", 1, CREAT, ALL, &fd) == WASI_ESUCCESS) CALL(fd_close, fd);
        size = text(w, PATH1, "swap/made");
        CALL(path_unlink_file, BOX, PATH1, size);
        CALL(path_symlink, PATH1, 4, BOX, PATH1, size);
        CALL(path_unlink_file, BOX, PATH1, size);
        if (open_at(w, BOX, "a/b/../../../canary", 1, 0, WASI_RIGHT_FD_READ, &fd) == WASI_ESUCCESS)
            fail_msg("opened the canary");
        if (open_at(w, BOX, "swap/../canary", 1, 0, WASI_RIGHT_FD_READ, &fd) == WASI_ESUCCESS)
            fail_msg("opened the canary");
        size = text(w, PATH1, "swap/../canary");
        assert_int_not_equal(CALL(path_filestat_get, BOX, 1, PATH1, size, RESULT), WASI_ESUCCESS);
        assert_int_not_equal(CALL(path_unlink_file, BOX, PATH1, size), WASI_ESUCCESS);
    }
    __atomic_store_n(&swapper.stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    assert_true(opened > 0);
}

/* --- directories ------------------------------------------------------------------------------------ */

static void a_listing_has_every_name_once_and_nothing_of_the_parent(void **state)
{
    World *w = *state;
    char name[32];
    for (u32 i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "box/a/file%03u", i);
        write_file(w, name, "x");
    }
    u64 fd, cookie = 0;
    assert_int_equal(open_at(w, BOX, "a", 0, DIRECTORY, WASI_RIGHT_FD_READDIR, &fd), WASI_ESUCCESS);
    u8 seen[300] = {0};
    u32 n = 0;
    for (;;) {
        assert_int_equal(CALL(fd_readdir, fd, BYTES, 500, cookie, RESULT), WASI_ESUCCESS);
        u64 used = get(w, RESULT, 4), at = 0;
        while (at + 24 <= used) {
            u64 size = get(w, BYTES + at + 16, 4);
            if (at + 24 + size > used) break;
            cookie = get(w, BYTES + at, 8);
            unsigned number;
            memcpy(name, w->memory.base + BYTES + at + 24, size);
            name[size] = '\0';
            if (sscanf(name, "file%03u", &number) == 1) assert_int_equal(seen[number]++, 0);
            n++;
            at += 24 + size;
        }
        if (used < 500) break;
    }
    assert_int_equal(n, 303); /* ".", ".." and b */

    struct stat st;
    fstat(w->base_fd, &st);
    assert_int_equal(CALL(fd_readdir, BOX, BYTES, 4096, 0, RESULT), WASI_ESUCCESS);
    u64 used = get(w, RESULT, 4);
    for (u64 at = 0; at + 24 <= used; at += 24 + get(w, BYTES + at + 16, 4))
        assert_int_not_equal(get(w, BYTES + at + 8, 8), st.st_ino);
    assert_int_equal(CALL(fd_readdir, BOX, BYTES, 4096, ALL, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(fd_readdir, BOX, MEMORY_BYTES - 10, 11, 0, RESULT), WASI_EFAULT);
    assert_int_equal(CALL(fd_readdir, BOX, BYTES, UINT32_MAX, 0, RESULT), WASI_EFAULT);
}

static void a_socket_is_given_by_the_host_or_none(void **state)
{
    World *w = *state;
    assert_int_equal(CALL(sock_accept, 0, 0, RESULT), WASI_ENOTSOCK);
    assert_int_equal(CALL(sock_accept, BOX, 0, RESULT), WASI_ENOTSOCK);
    assert_int_equal(CALL(sock_accept, LISTENER, 16, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(sock_accept, LISTENER, 0, MEMORY_BYTES - 3), WASI_EFAULT);
    assert_int_equal(CALL(sock_recv, LISTENER, 0, 0, 8, RESULT, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(sock_send, LISTENER, 0, 0, 1, RESULT), WASI_EINVAL);
    assert_int_equal(CALL(sock_shutdown, LISTENER, 0), WASI_EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static const struct CMUnitTest tests[] = {
    TEST(no_path_with_dots_or_a_root_leaves),
    TEST(no_symbolic_link_leads_outside),
    TEST(links_the_guest_makes_lead_nowhere_either),
    TEST(odd_names_are_names_or_refused),
    TEST(numbers_that_are_no_directory_start_no_path),
    TEST(descriptors_are_bounded),
    TEST(rights_never_grow),
    TEST(nothing_changes_beneath_a_read_only_directory),
    TEST(a_tree_that_changes_during_the_call_lets_nobody_out),
    TEST(a_listing_has_every_name_once_and_nothing_of_the_parent),
    TEST(a_socket_is_given_by_the_host_or_none),
};

int main(void)
{
    int failed = 0;
    if (tern_port_path_kernel_resolves())
        failed += cmocka_run_group_tests_name("paths resolved by the kernel", tests, NULL, NULL);
    walks = true;
    failed += cmocka_run_group_tests_name("paths resolved by walking", tests, NULL, NULL);
    return failed;
}
