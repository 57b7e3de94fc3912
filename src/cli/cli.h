/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cli.h - what the commands of tern share. The command line is an embedder: it includes include/ only. */
#ifndef TERN_CLI_CLI_H
#define TERN_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tern.h>

#include "options.h"

/* For tern_engine_options: more gain little, as one thread reads where the bodies are. */
#define CLI_VALIDATION_THREADS 2

typedef int Command(int argc, char **argv); /* argv[0] is the command's name; returns an exit code */
Command cli_run, cli_inspect, cli_validate, cli_compile, cli_completion, cli_help;
int cli_iwasm(int argc, char **argv); /* a program of its own; argv[0] is its path */

/* "tern: error: ..." on standard error, in colour on a terminal. Control characters in it, which may come
 * from a module, are made visible. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* cli_error and where help is; returns EXIT_USAGE. */
int cli_usage_error(CommandId command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* cli_error of no memory; returns EXIT_LINK. */
int cli_no_memory(void);

/* Is that descriptor a terminal that shows colours, and does its user want them (NO_COLOR)? */
bool cli_has_colour(int fd);

/* A command's help: to standard output, for a terminal. */
void cli_print_help(CommandId command);
void cli_print_markdown(CommandId command);
void cli_print_man(CommandId command);

/* Says that there is no such command; returns EXIT_USAGE. */
int cli_unknown_command(const char *name);

/* Text from a module, its control characters made visible. */
void cli_print_name(FILE *out, const char *bytes, size_t size);

/* The whole of a file ("-": standard input), to be freed. On failure NULL with errno set. */
unsigned char *cli_read_file(const char *path, size_t *size);

/* Reads and validates path ("-": standard input). On failure NULL, having said why, and *exit_code. If
 * size_bytes is not NULL it gets the size of the file. */
tern_module *cli_load(tern_engine *engine, const char *path, uint64_t *size_bytes, int *exit_code);

/* The names of exported functions, at most a line of them: ", " between. */
void cli_list_functions(const tern_module *module, char *buf, size_t size);

/* Everything printed has reached standard output, or code becomes a failure. */
int cli_finish(int code);

/* A TCP socket that listens on "ADDRESS:PORT", which says where if PORT is 0; -1 and what is wrong. */
int cli_listen(const char *where, char *problem, size_t size);

/* --- values as text (value.c) ------------------------------------------------------------------------ */

/* "65536", "64K", "8M", "2G"; not 0. */
bool cli_parse_size(const char *text, uint64_t *out);
/* "2", "0.5", "500ms", "2s", "1m", "1h" as nanoseconds; not 0. */
bool cli_parse_duration(const char *text, uint64_t *out);
/* Decimal, nothing else; at most max. */
bool cli_parse_count(const char *text, uint64_t max, uint64_t *out);
/* value->kind says as what. */
bool cli_parse_value(const char *text, tern_value *value);
/* "5:i32" and a line end. */
void cli_print_value(const tern_value *value);
extern const char *const cli_valkind_names[];

#endif
