/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cli.h - what the commands of tern share. The command line is an embedder: it includes include/ only. */
#ifndef TERN_CLI_CLI_H
#define TERN_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tern.h>

/* Exit codes of our own; a guest's own code is passed on. */
enum {
    EXIT_OK = 0,
    EXIT_USAGE = 2,   /* the command line, or a file that cannot be read */
    EXIT_MODULE = 3,  /* a bad module, or one that cannot be linked */
    EXIT_TRAPPED = 134, /* as a native program that aborts: 128 + SIGABRT */
};

typedef int Command(int argc, char **argv); /* argv[0] is the command's name */
Command cli_run, cli_inspect, cli_validate, cli_help;

extern const char cli_run_help[], cli_inspect_help[], cli_validate_help[];

/* "tern: error: ..." on standard error, in colour on a terminal. Control characters in it, which may come
 * from a module, are made visible. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* cli_error and where help is; returns EXIT_USAGE. */
int cli_usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Is this one of -h and --help? */
bool cli_is_help(const char *arg);

/* Text from a module, its control characters made visible. */
void cli_print_name(FILE *out, const char *bytes, size_t size);

/* Reads and validates path ("-": standard input). On failure NULL, having said why, and *exit_code. If
 * size_bytes is not NULL it gets the size of the file. */
tern_module *cli_load(tern_engine *engine, const char *path, uint64_t *size_bytes, int *exit_code);

/* The names of exported functions, at most a line of them: ", " between. */
void cli_list_functions(const tern_module *module, char *buf, size_t size);

/* Everything printed has reached standard output, or code becomes a failure. */
int cli_finish(int code);

#endif
