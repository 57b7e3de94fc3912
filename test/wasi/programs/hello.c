/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* hello.c - a WASI program that asks for everything but files: prints what it was told, then ends with the
 * number of its arguments. With "fail" as an argument it traps, with "spin" it never ends, with "sleep" it
 * sleeps for an hour, with "read" it copies standard input. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

__attribute__((noinline)) static int touch(volatile char *p) { return *p; }

static void copy_input(void)
{
    char line[200];
    while (fgets(line, sizeof line, stdin) != NULL) printf("in: %s", line);
    printf("end of input: %s\n", feof(stdin) ? "yes" : "no");
}

static void try_clocks(void)
{
    struct timespec before, after, pause = {0, 20000000}, resolution;
    int ok = clock_gettime(CLOCK_MONOTONIC, &before) == 0 && nanosleep(&pause, NULL) == 0 &&
             clock_gettime(CLOCK_MONOTONIC, &after) == 0 && clock_getres(CLOCK_MONOTONIC, &resolution) == 0;
    long long passed = (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
    printf("slept 20 ms: %s\n", ok && passed >= 20000000 ? "yes" : "no");
    printf("after 2020: %s\n", time(NULL) > 1577836800 ? "yes" : "no");
}

static void try_random(void)
{
    unsigned char a[64] = {0}, b[64] = {0};
    int ok = getentropy(a, sizeof a) == 0 && getentropy(b, sizeof b) == 0;
    printf("random: %s\n", ok && memcmp(a, b, sizeof a) != 0 ? "yes" : "no");
}

static void try_streams(void)
{
    struct pollfd out = {.fd = 1, .events = POLLOUT};
    printf("can write: %s\n", poll(&out, 1, 1000) == 1 && (out.revents & POLLOUT) != 0 ? "yes" : "no");
    printf("seek: %s\n", lseek(1, 0, SEEK_CUR) < 0 && errno == ESPIPE ? "ESPIPE" : "other");
    printf("open: %s\n", fopen("/etc/passwd", "r") == NULL ? "refused" : "opened");
}

int main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) printf("arg %d: %s\n", i, argv[i]);
    for (char **e = environ; *e != NULL; e++) printf("env: %s\n", *e);
    try_clocks();
    try_random();
    try_streams();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "read") == 0) copy_input();
        fflush(stdout);
        if (strcmp(argv[i], "fail") == 0) touch((char *)0xfffffff0u);
        if (strcmp(argv[i], "spin") == 0)
            for (volatile int forever = 1; forever;) {}
        if (strcmp(argv[i], "sleep") == 0) sleep(3600);
    }
    fprintf(stderr, "leaving\n");
    exit(argc - 1);
}
