/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi.c - target: a guest with one directory does anything to paths, and nothing outside changes or is read.
 *
 * The directory is BASE/box, with links that lead out of it in every way; beside it are BASE/canary and BASE/secret.
 * The input is a sequence of calls of preview 1 with arbitrary descriptors, flags, rights and paths, made of components
 * that matter; the guest makes links, renames directories and links files itself. Afterwards everything outside is as
 * it was (names, contents, types, number of links), what was read is nothing of it, and no descriptor of the process
 * is left open. Both ways of resolving paths take turns.
 *
 * Cannot see: another process that changes the tree meanwhile (test/wasi/escape_test.c has such a race), hosts other
 * than Linux, sockets.
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

enum { MEMORY_BYTES = 65536, PATH1 = 0, PATH2 = 4096, RESULT = 16384, IOVEC = 16640, BYTES = 32768 };
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
    return v < 100 ? 3 : v < 120 ? 4 : v < 240 ? 3 + v % 12 : v < 250 ? v % 3 : UINT32_MAX - v;
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

static void step(Run *r)
{
    u64 fd = descriptor(r), fd2 = descriptor(r);
    u32 what = take(r) % 20, follow = take(r) & 1;
    u64 n = 0, n2 = 0;
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
    WasiDir dirs[] = {{.host = box, .guest = "/"}, {.host = box, .guest = "/ro", .is_read_only = true}};
    int null = open("/dev/null", O_RDWR);
    WasiOptions options = {.preopens = dirs, .npreopens = 2, .stdio = {null, null, null}, .walks_paths = take(r) & 1};
    Diag diag = {0};
    r->call = (WasiCall){.x = &r->x, .wasi = tern_wasi_new(&r->store, &options, &diag), .memory = &r->memory};
    if (r->call.wasi == NULL) fuzz_fail("no WASI");
    for (u32 steps = 0; r->p != r->end && steps < 60; steps++) step(r);
    tern_wasi_free(r->call.wasi);
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
