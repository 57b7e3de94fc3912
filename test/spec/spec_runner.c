/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* spec_runner.c - runs scripts of the official suite.
 *
 *   spec-runner [-v] [--explicit] [--gc-stress] [--metered] [--skip-feature NAME] [--features]
 *               [FILE.json | FOLDER]...
 *
 * Every script runs in a process of its own, so that a crash or an endless loop costs only its own
 * commands, which count as failed. Without a path: $TERN_TEST_DATA/spec, else ../shared/spec.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interp/interp.h"
#include "spec.h"

#define SECONDS_PER_SCRIPT 60
#define EXIT_SKIPPED 77

typedef struct Paths {
    char **items;
    size_t n, cap;
} Paths;

static void add_path(Paths *paths, const char *path)
{
    if (paths->n == paths->cap) {
        paths->cap = paths->cap * 2 + 64;
        paths->items = realloc(paths->items, paths->cap * sizeof *paths->items);
        if (paths->items == NULL) abort();
    }
    paths->items[paths->n] = strdup(path);
    if (paths->items[paths->n++] == NULL) abort();
}

/* A file as it is; a folder's .json files, however deep. False if there is no such thing. */
static bool collect(Paths *paths, const char *path, bool is_named)
{
    struct stat st;
    if (stat(path, &st) != 0) return false;
    if (!S_ISDIR(st.st_mode)) {
        size_t n = strlen(path);
        if (is_named || (n > 5 && strcmp(path + n - 5, ".json") == 0)) add_path(paths, path);
        return true;
    }
    DIR *dir = opendir(path);
    if (dir == NULL) return false;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        collect(paths, inner, false);
    }
    closedir(dir);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The path below the suite's folder. */
static const char *short_name(const char *path)
{
    const char *spec = strstr(path, "/spec/");
    return spec != NULL ? spec + 6 : path;
}

static void run_child(const char *path, const RunOptions *options, Report *report)
{
    alarm(SECONDS_PER_SCRIPT);
    bool is_read = script_run(path, options, report);
    exit(is_read ? 0 : 2); /* exit, so that a leak checker has its say */
}

/* Runs one script in its own process; what the process did not get to counts as failed. */
static void run_file(const char *path, const RunOptions *options, Report *report)
{
    memset(report, 0, sizeof *report);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) run_child(path, options, report);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status == 0) return;

    char why[64];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        snprintf(why, sizeof why, "took more than %d seconds", SECONDS_PER_SCRIPT);
    else if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "crashed (signal %d)", WTERMSIG(status));
    else
        snprintf(why, sizeof why, "crashed (exit status %d)", WEXITSTATUS(status));
    u32 ndone = report->passed + report->failed + report->skipped;
    u32 nlost = report->ncommands > ndone ? report->ncommands - ndone : 1;
    report->failed += nlost;
    printf("FAIL %s:%d: %s; %u commands lost\n", path, report->line, why, nlost);
}

static void add_report(Report *total, const Report *report)
{
    total->passed += report->passed;
    total->failed += report->failed;
    for (u32 i = 0; i < MAX_REASONS && report->reasons[i].n > 0; i++)
        report_skip(total, report->reasons[i].text, report->reasons[i].n);
}

static bool feature_of(const char *name, u64 *bit)
{
    for (u32 i = 0; i < FEATURE_COUNT; i++) {
        *bit = 1ull << i;
        if (strcmp(tern_feature_info[i].name, name) == 0) return true;
    }
    return false;
}

static void print_features(void)
{
    for (u32 i = 0; i < FEATURE_COUNT; i++)
        printf("%-28s %-9s %s\n", tern_feature_info[i].name, tern_feature_info[i].version,
               tern_interp_features() >> i & 1 ? "runs" : "decoded and validated only");
}

static int run_all(const Paths *paths, const RunOptions *options)
{
    Report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) return 2;
    static Report total;
    for (size_t i = 0; i < paths->n; i++) {
        run_file(paths->items[i], options, report);
        add_report(&total, report);
        printf("%-60s %6u passed %5u failed %5u skipped\n", short_name(paths->items[i]),
               report->passed, report->failed, report->skipped);
    }
    for (u32 i = 0; i < MAX_REASONS && total.reasons[i].n > 0; i++)
        printf("SKIP %u commands: %s\n", total.reasons[i].n, total.reasons[i].text);
    printf("%u passed, %u failed, %u skipped\n", total.passed, total.failed, total.skipped);
    munmap(report, sizeof *report);
    return total.failed > 0 || total.passed == 0;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: spec-runner [-v] [--explicit] [--gc-stress] [--metered] [--skip-feature NAME] [--features] [PATH]...\n");
    return 2;
}

int main(int argc, char **argv)
{
    RunOptions options = {0};
    Paths paths = {0};
    bool has_path = false;
    for (int i = 1; i < argc; i++) {
        u64 bit;
        if (strcmp(argv[i], "-v") == 0) {
            options.is_verbose = true;
        } else if (strcmp(argv[i], "--explicit") == 0) {
            options.memories_move = true;
        } else if (strcmp(argv[i], "--gc-stress") == 0) {
            options.gc_stress = true;
        } else if (strcmp(argv[i], "--metered") == 0) {
            options.metered = true;
        } else if (strcmp(argv[i], "--features") == 0) {
            print_features();
            return 0;
        } else if (strcmp(argv[i], "--skip-feature") == 0 && i + 1 < argc &&
                   feature_of(argv[i + 1], &bit)) {
            options.without |= bit;
            i++;
        } else if (argv[i][0] == '-') {
            return usage();
        } else if (collect(&paths, argv[i], true)) {
            has_path = true;
        } else {
            fprintf(stderr, "spec-runner: no %s\n", argv[i]);
            return 2;
        }
    }
    if (!has_path) {
        const char *data = getenv("TERN_TEST_DATA");
        char folder[4096];
        snprintf(folder, sizeof folder, "%s/spec", data != NULL ? data : "../shared");
        if (!collect(&paths, folder, true)) {
            printf("SKIP all: the suite is not at %s\n", folder);
            return EXIT_SKIPPED;
        }
    }
    if (paths.n > 0) qsort(paths.items, paths.n, sizeof *paths.items, by_name);
    int status = run_all(&paths, &options);
    for (size_t i = 0; i < paths.n; i++) free(paths.items[i]);
    free(paths.items);
    return status;
}
