/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cli.c - what the commands share: messages, names from modules, reading a file. */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- messages --------------------------------------------------------------------------------------- */

/* A module can hold any characters; a terminal obeys some of them. ESC and its like, and the C1 controls in
 * UTF-8, are shown as \xx. */
void cli_print_name(FILE *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool is_c1 = c == 0xc2 && i + 1 < size && ((unsigned char)bytes[i + 1] & 0xe0) == 0x80;
        if (c < 0x20 || c == 0x7f || is_c1) {
            fprintf(out, "\\%02x", is_c1 ? (unsigned char)bytes[i + 1] : c);
            i += is_c1;
        } else {
            putc(c, out);
        }
    }
}

static bool has_colour(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
}

__attribute__((format(printf, 1, 0)))
static void print_error(const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    fflush(stdout);
    fputs(has_colour() ? "tern: \033[1;31merror:\033[0m " : "tern: error: ", stderr);
    cli_print_name(stderr, text, strlen(text));
    putc('\n', stderr);
}

void cli_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_error(format, args);
    va_end(args);
}

int cli_usage_error(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_error(format, args);
    va_end(args);
    fprintf(stderr, "See: tern help%s%s\n", command != NULL ? " " : "", command != NULL ? command : "");
    return EXIT_USAGE;
}

bool cli_is_help(const char *arg) { return strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0; }

int cli_finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    cli_error("standard output: %s", strerror(errno));
    return code == EXIT_OK ? EXIT_USAGE : code;
}

/* --- files ------------------------------------------------------------------------------------------ */

/* The whole of a file, to be freed; NULL with errno set. */
static unsigned char *read_all(FILE *file, size_t *size)
{
    size_t cap = 65536, n = 0;
    unsigned char *bytes = malloc(cap);
    while (bytes != NULL) {
        n += fread(bytes + n, 1, cap - n, file);
        if (n < cap) break;
        unsigned char *more = cap <= SIZE_MAX / 2 ? realloc(bytes, cap * 2) : NULL;
        if (more == NULL) {
            free(bytes);
            errno = ENOMEM;
            return NULL;
        }
        bytes = more;
        cap *= 2;
    }
    if (bytes != NULL && ferror(file)) {
        int err = errno;
        free(bytes);
        errno = err;
        return NULL;
    }
    *size = n;
    return bytes;
}

tern_module *cli_load(tern_engine *engine, const char *path, uint64_t *size_bytes, int *exit_code)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    size_t size = 0;
    unsigned char *bytes = file != NULL ? read_all(file, &size) : NULL;
    int err = errno;
    if (file != NULL && !is_stdin) fclose(file);
    if (bytes == NULL) {
        cli_error("%s: %s", name, strerror(err));
        *exit_code = EXIT_USAGE;
        return NULL;
    }

    tern_error error;
    tern_module *module = tern_module_load(engine, bytes, size, &error);
    free(bytes);
    if (module == NULL) {
        cli_error("%s: %s", name, error.text);
        *exit_code = EXIT_MODULE;
    }
    if (size_bytes != NULL) *size_bytes = size;
    return module;
}

void cli_list_functions(const tern_module *module, char *buf, size_t size)
{
    size_t used = 0;
    tern_item item;
    buf[0] = '\0';
    for (uint32_t i = 0; tern_module_export(module, i, &item); i++) {
        if (item.kind != TERN_FUNC) continue;
        const char *gap = used > 0 ? ", " : "";
        if (used + strlen(gap) + item.name.size + 6 > size) { /* room for ", ..." */
            snprintf(buf + used, size - used, "%s...", gap);
            return;
        }
        snprintf(buf + used, size - used, "%s%.*s", gap, (int)item.name.size, item.name.bytes);
        used = strlen(buf); /* a name may hold a NUL */
    }
}
