/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi.c - what WASI costs: a guest's calls beside the same system calls from C, by turns.
 *
 *   wasi [MIB [BUFFER]]   bench/wasi/io.wasm; a file of MIB MiB (1024) is written and read BUFFER bytes (65536) at a time
 *
 * Prints the least of several rounds of each, and the ratio. Processor time, kernel included. The file lies in
 * $TMPDIR, else /tmp. */
#define _GNU_SOURCE 1
#include <tern.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define BUFFER_MAX (2u << 20)

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "wasi: %s failed\n", what);
    exit(1);
}

static uint32_t call(tern_instance *instance, const char *name, uint32_t n, uint32_t a, uint32_t b, uint32_t c)
{
    tern_value args[3] = {{.kind = TERN_I32, .of.i32 = a}, {.kind = TERN_I32, .of.i32 = b},
                          {.kind = TERN_I32, .of.i32 = c}};
    tern_value result;
    tern_error error = {0};
    must(tern_instance_call(instance, name, args, n, &result, 1, &error) == TERN_OK, name);
    return result.of.i32;
}

typedef struct Row {
    const char *name;
    double native, guest;
    uint64_t n;
} Row;

static void least(double *of, double start)
{
    double ms = cpu_ms() - start;
    if (*of == 0 || ms < *of) *of = ms;
}

static char buffer[BUFFER_MAX];

static void files(Row *write_row, Row *read_row, tern_instance *guest, const char *dir, uint32_t size, uint32_t n)
{
    char path[512];
    snprintf(path, sizeof path, "%s/native", dir);
    struct iovec iov = {buffer, size};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    double start = cpu_ms();
    for (uint32_t i = 0; i < n; i++) must(writev(fd, &iov, 1) == (ssize_t)size, "write");
    least(&write_row->native, start);
    lseek(fd, 0, SEEK_SET);
    start = cpu_ms();
    for (uint32_t i = 0; i < n; i++) must(readv(fd, &iov, 1) == (ssize_t)size, "read");
    least(&read_row->native, start);
    close(fd);
    unlink(path);

    uint32_t guest_fd = call(guest, "open", 0, 0, 0, 0);
    start = cpu_ms();
    must(call(guest, "write", 3, guest_fd, size, n) == 0, "the guest's write");
    least(&write_row->guest, start);
    must(call(guest, "rewind", 1, guest_fd, 0, 0) == 0, "the guest's seek");
    start = cpu_ms();
    must(call(guest, "read", 3, guest_fd, size, n) == 0, "the guest's read");
    least(&read_row->guest, start);
    snprintf(path, sizeof path, "%s/file", dir);
    unlink(path);
}

static void calls(Row *clock_row, Row *byte_row, Row *file_row, tern_instance *guest, int null, const char *dir)
{
    uint32_t n = (uint32_t)clock_row->n;
    struct timespec t;
    double start = cpu_ms();
    for (uint32_t i = 0; i < n; i++) clock_gettime(CLOCK_MONOTONIC, &t);
    least(&clock_row->native, start);
    start = cpu_ms();
    call(guest, "clock", 1, n, 0, 0);
    least(&clock_row->guest, start);

    n = (uint32_t)byte_row->n;
    start = cpu_ms();
    for (uint32_t i = 0; i < n; i++) must(write(null, buffer, 1) == 1, "write");
    least(&byte_row->native, start);
    start = cpu_ms();
    must(call(guest, "write", 3, 1, 1, n) == 0, "the guest's write");
    least(&byte_row->guest, start);

    char path[512];
    snprintf(path, sizeof path, "%s/file", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    start = cpu_ms();
    for (uint32_t i = 0; i < n; i++) must(write(fd, buffer, 1) == 1, "write");
    least(&file_row->native, start);
    close(fd);
    uint32_t guest_fd = call(guest, "open", 0, 0, 0, 0);
    start = cpu_ms();
    must(call(guest, "write", 3, guest_fd, 1, n) == 0, "the guest's write");
    least(&file_row->guest, start);
    unlink(path);
}

int main(int argc, char **argv)
{
    uint32_t mib = argc > 1 ? (uint32_t)atoi(argv[1]) : 1024, size = argc > 2 ? (uint32_t)atoi(argv[2]) : 65536;
    must(mib > 0 && size > 0 && size <= BUFFER_MAX, "reading the arguments");
    static char bytes[4096], dir[256];
    FILE *file = fopen("bench/wasi/io.wasm", "rb");
    must(file != NULL, "opening bench/wasi/io.wasm");
    size_t nbytes = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    snprintf(dir, sizeof dir, "%s/tern-bench-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    must(mkdtemp(dir) != NULL, "making a directory");
    memset(buffer, 'x', sizeof buffer);
    int null = open("/dev/null", O_WRONLY);

    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_module_load(engine, bytes, nbytes, &error);
    must(module != NULL, error.text);
    tern_dir dirs[] = {{.host = dir, .guest = "/"}};
    tern_config config = TERN_CONFIG_DEFAULT;
    config.dirs = dirs;
    config.ndirs = 1;
    config.stdio[1] = null;
    tern_instance *guest = tern_instance_create(module, &config, &error);
    must(guest != NULL, error.text);

    Row rows[] = {{.name = "write a file", .n = ((uint64_t)mib << 20) / size},
                  {.name = "read a file", .n = ((uint64_t)mib << 20) / size},
                  {.name = "clock_time_get", .n = 2000000},
                  {.name = "1 byte to /dev/null", .n = 500000},
                  {.name = "1 byte to a file", .n = 500000}};
    for (int round = 0; round < ROUNDS; round++) {
        files(&rows[0], &rows[1], guest, dir, size, (uint32_t)rows[0].n);
        calls(&rows[2], &rows[3], &rows[4], guest, null, dir);
    }
    printf("%-20s %10s %10s %7s %12s\n", "", "native ms", "guest ms", "ratio", "guest ns each");
    for (int i = 0; i < 5; i++)
        printf("%-20s %10.1f %10.1f %7.2f %12.1f\n", rows[i].name, rows[i].native, rows[i].guest,
               rows[i].guest / rows[i].native, rows[i].guest * 1e6 / (double)rows[i].n);
    tern_instance_destroy(guest);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    close(null);
    rmdir(dir);
    return 0;
}
