/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasm3.c - bench/run's and bench/programs' driver for wasm3, an interpreter to compare with.
 *
 *   wasm3 kernel FILE.wasm N COUNT          one line a call of kernel(N): ms of processor time, checksum
 *   wasm3 program FOLDER FILE.wasm ARGS...  _start, with as much of WASI as the programs measured use: their
 *                                           arguments, standard streams, clock, and FOLDER's files to read as
 *                                           /scripts. Everything else answers that it is not there.
 *
 * The engine's own WASI does not come with its source where test/programs/packages.py gets it from. Guests are trusted:
 * addresses are not checked.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "wasm3.h"

enum { ERRNO_BADF = 8, ERRNO_IO = 29, ERRNO_NOENT = 44, ERRNO_NOSYS = 52, PREOPEN = 3, STACK_BYTES = 8 << 20 };

static struct {
    int argc;
    char **argv;
    int folder;
} guest;

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint32_t *cell(uint8_t *mem, uint32_t at) { return (uint32_t *)(void *)(mem + at); }

/* Results come first on the stack, then arguments, a cell each. */
#define WASI(name) \
    static uint32_t name(uint8_t *mem, const uint64_t *a); \
    static const void *raw_##name(IM3Runtime runtime, IM3ImportContext context, uint64_t *sp, void *mem) \
    { \
        (void)runtime, (void)context; \
        sp[0] = name(mem, sp + 1); \
        return NULL; \
    } \
    static uint32_t name(uint8_t *mem, const uint64_t *a)
#define ARG(i) ((uint32_t)a[i])

WASI(absent)
{
    (void)mem, (void)a;
    return ERRNO_NOSYS;
}

WASI(args_sizes_get)
{
    uint32_t bytes = 0;
    for (int i = 0; i < guest.argc; i++) bytes += (uint32_t)strlen(guest.argv[i]) + 1;
    *cell(mem, ARG(0)) = (uint32_t)guest.argc;
    *cell(mem, ARG(1)) = bytes;
    return 0;
}

WASI(args_get)
{
    uint32_t to = ARG(1);
    for (int i = 0; i < guest.argc; i++) {
        size_t bytes = strlen(guest.argv[i]) + 1;
        *cell(mem, ARG(0) + 4 * (uint32_t)i) = to;
        memcpy(mem + to, guest.argv[i], bytes);
        to += (uint32_t)bytes;
    }
    return 0;
}

WASI(environ_sizes_get)
{
    *cell(mem, ARG(0)) = *cell(mem, ARG(1)) = 0;
    return 0;
}

WASI(environ_get)
{
    (void)mem, (void)a;
    return 0;
}

WASI(clock_time_get)
{
    struct timespec t;
    clock_gettime(ARG(0) == 1 ? CLOCK_MONOTONIC : ARG(0) == 0 ? CLOCK_REALTIME : CLOCK_PROCESS_CPUTIME_ID, &t);
    uint64_t ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    memcpy(mem + ARG(2), &ns, sizeof ns);
    return 0;
}

/* The host's descriptors are one further than the guest's: it knows the folder as PREOPEN. */
static int host_fd(uint32_t fd) { return fd < PREOPEN ? (int)fd : fd == PREOPEN ? guest.folder : (int)fd; }

static uint32_t transfer(uint8_t *mem, const uint64_t *a, ssize_t (*move)(int, const struct iovec *, int))
{
    struct iovec parts[16];
    uint32_t n = ARG(2) < 16 ? ARG(2) : 16;
    for (uint32_t i = 0; i < n; i++)
        parts[i] = (struct iovec){mem + *cell(mem, ARG(1) + 8 * i), *cell(mem, ARG(1) + 8 * i + 4)};
    ssize_t moved = move(host_fd(ARG(0)), parts, (int)n);
    if (moved < 0) return ERRNO_IO;
    *cell(mem, ARG(3)) = (uint32_t)moved;
    return 0;
}

WASI(fd_read) { return transfer(mem, a, readv); }
WASI(fd_write) { return transfer(mem, a, writev); }

WASI(fd_seek)
{
    static const int whence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    off_t at = lseek(host_fd(ARG(0)), (off_t)a[1], whence[ARG(2) % 3]);
    if (at < 0) return ERRNO_BADF;
    memcpy(mem + ARG(3), &at, sizeof at);
    return 0;
}

WASI(fd_close)
{
    (void)mem;
    return ARG(0) > PREOPEN && close(host_fd(ARG(0))) == 0 ? 0 : ERRNO_BADF;
}

static uint8_t type_of(mode_t mode) { return S_ISDIR(mode) ? 3 : S_ISREG(mode) ? 4 : S_ISCHR(mode) ? 2 : 6; }

WASI(fd_fdstat_get)
{
    struct stat st;
    if (fstat(host_fd(ARG(0)), &st) != 0) return ERRNO_BADF;
    uint8_t *to = mem + ARG(1);
    memset(to, 0, 24);
    to[0] = type_of(st.st_mode);
    memset(to + 8, 0xff, 16); /* every right */
    if (to[0] == 2) to[8] = 0xdb; /* a terminal is what cannot seek and tell */
    return 0;
}

static uint32_t put_stat(uint8_t *to, int failed, const struct stat *st)
{
    if (failed) return ERRNO_NOENT;
    memset(to, 0, 64);
    memcpy(to, &st->st_dev, 8);
    memcpy(to + 8, &st->st_ino, 8);
    to[16] = type_of(st->st_mode);
    memcpy(to + 24, &st->st_nlink, 8);
    memcpy(to + 32, &st->st_size, 8);
    return 0;
}

WASI(fd_filestat_get)
{
    struct stat st;
    int failed = fstat(host_fd(ARG(0)), &st);
    return put_stat(mem + ARG(1), failed, &st);
}

static const char *path_of(char *path, const uint8_t *from, uint32_t bytes)
{
    snprintf(path, PATH_MAX, "%.*s", (int)bytes, (const char *)from);
    return path;
}

WASI(path_filestat_get)
{
    struct stat st;
    char path[PATH_MAX];
    int failed = fstatat(host_fd(ARG(0)), path_of(path, mem + ARG(2), ARG(3)), &st, 0);
    return put_stat(mem + ARG(4), failed, &st);
}

WASI(path_open)
{
    char path[PATH_MAX];
    int fd = openat(host_fd(ARG(0)), path_of(path, mem + ARG(2), ARG(3)), O_RDONLY);
    if (fd < 0) return ERRNO_NOENT;
    *cell(mem, ARG(8)) = (uint32_t)fd;
    return 0;
}

static const char folder_name[] = "/scripts";

WASI(fd_prestat_get)
{
    if (ARG(0) != PREOPEN) return ERRNO_BADF;
    *cell(mem, ARG(1)) = 0;
    *cell(mem, ARG(1) + 4) = sizeof folder_name - 1;
    return 0;
}

WASI(fd_prestat_dir_name)
{
    memcpy(mem + ARG(1), folder_name, sizeof folder_name - 1);
    return 0;
}

static const void *raw_proc_exit(IM3Runtime runtime, IM3ImportContext context, uint64_t *sp, void *mem)
{
    (void)runtime, (void)context, (void)mem;
    exit((int)(uint32_t)sp[0]);
}

static const struct { const char *name, *signature; M3RawCall call; } imports[] = {
    {"args_get", "i(ii)", raw_args_get},
    {"args_sizes_get", "i(ii)", raw_args_sizes_get},
    {"clock_time_get", "i(iIi)", raw_clock_time_get},
    {"environ_get", "i(ii)", raw_environ_get},
    {"environ_sizes_get", "i(ii)", raw_environ_sizes_get},
    {"fd_close", "i(i)", raw_fd_close},
    {"fd_fdstat_get", "i(ii)", raw_fd_fdstat_get},
    {"fd_fdstat_set_flags", "i(ii)", raw_absent},
    {"fd_filestat_get", "i(ii)", raw_fd_filestat_get},
    {"fd_filestat_set_size", "i(iI)", raw_absent},
    {"fd_prestat_dir_name", "i(iii)", raw_fd_prestat_dir_name},
    {"fd_prestat_get", "i(ii)", raw_fd_prestat_get},
    {"fd_read", "i(iiii)", raw_fd_read},
    {"fd_readdir", "i(iiiIi)", raw_absent},
    {"fd_renumber", "i(ii)", raw_absent},
    {"fd_seek", "i(iIii)", raw_fd_seek},
    {"fd_sync", "i(i)", raw_absent},
    {"fd_write", "i(iiii)", raw_fd_write},
    {"path_create_directory", "i(iii)", raw_absent},
    {"path_filestat_get", "i(iiiii)", raw_path_filestat_get},
    {"path_filestat_set_times", "i(iiiiIIi)", raw_absent},
    {"path_open", "i(iiiiiIIii)", raw_path_open},
    {"path_readlink", "i(iiiiii)", raw_absent},
    {"path_remove_directory", "i(iii)", raw_absent},
    {"path_rename", "i(iiiiii)", raw_absent},
    {"path_symlink", "i(iiiii)", raw_absent},
    {"path_unlink_file", "i(iii)", raw_absent},
    {"poll_oneoff", "i(iiii)", raw_absent},
    {"proc_exit", "v(i)", raw_proc_exit},
};

static void must(M3Result result, const char *what)
{
    if (result == NULL) return;
    fprintf(stderr, "%s: %s\n", what, result);
    exit(125);
}

static IM3Runtime load(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0) must("cannot be read", path);
    uint8_t *bytes = malloc((size_t)st.st_size);
    if (bytes == NULL || read(fd, bytes, (size_t)st.st_size) != st.st_size) must("cannot be read", path);
    close(fd);
    IM3Environment environment = m3_NewEnvironment();
    IM3Runtime runtime = m3_NewRuntime(environment, STACK_BYTES, NULL);
    IM3Module module;
    must(m3_ParseModule(environment, &module, bytes, (uint32_t)st.st_size), "parsing");
    must(m3_LoadModule(runtime, module), "loading");
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        M3Result result = m3_LinkRawFunction(module, "wasi_snapshot_preview1", imports[i].name, imports[i].signature,
                                             imports[i].call);
        if (result != m3Err_functionLookupFailed) must(result, imports[i].name);
    }
    return runtime;
}

static int run_kernel(const char *path, const char *n, int count)
{
    IM3Function kernel;
    must(m3_FindFunction(&kernel, load(path), "kernel"), "kernel");
    for (; count > 0; count--) {
        uint32_t checksum;
        double start = cpu_ms();
        must(m3_CallV(kernel, (uint32_t)strtoul(n, NULL, 10)), "kernel");
        double ms = cpu_ms() - start;
        must(m3_GetResultsV(kernel, &checksum), "kernel");
        printf("%.4f %" PRIu32 "\n", ms, checksum);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "kernel") == 0) return run_kernel(argv[2], argv[3], atoi(argv[4]));
    if (argc < 4 || strcmp(argv[1], "program") != 0) return fputs("usage: see wasm3.c\n", stderr), 2;
    guest.folder = open(argv[2], O_RDONLY | O_DIRECTORY);
    guest.argc = argc - 3;
    guest.argv = argv + 3;
    if (guest.folder < 0) must("cannot be opened", argv[2]);
    IM3Function start;
    must(m3_FindFunction(&start, load(argv[3]), "_start"), "_start");
    must(m3_CallV(start), "_start");
    return 0;
}
