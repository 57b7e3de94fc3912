/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cli.c - what the commands share: messages, names from modules, reading a file. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

bool cli_has_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && (no == NULL || no[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

__attribute__((format(printf, 1, 0)))
static void print_error(const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    fflush(stdout);
    fputs(cli_has_colour(STDERR_FILENO) ? "tern: \033[1;31merror:\033[0m " : "tern: error: ", stderr);
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

int cli_usage_error(CommandId command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_error(format, args);
    va_end(args);
    bool is_command = cli_is_command(command);
    fprintf(stderr, "See: tern help%s%s\n", is_command ? " " : "", is_command ? cli_commands[command].name : "");
    return EXIT_USAGE;
}

int cli_no_memory(void)
{
    cli_error("out of memory");
    return EXIT_LINK;
}

int cli_finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    cli_error("standard output: %s", strerror(errno));
    return code == EXIT_OK ? EXIT_USAGE : code;
}

/* --- files ------------------------------------------------------------------------------------------ */

/* A regular file is read in one piece of its size and a byte, so that its end is seen; the rest as it comes. */
static unsigned char *read_all(int fd, size_t *size)
{
    struct stat status;
    if (fstat(fd, &status) != 0) return NULL;
    bool has_size = S_ISREG(status.st_mode) && status.st_size > 0 && (uint64_t)status.st_size < SIZE_MAX;
    size_t cap = has_size ? (size_t)status.st_size + 1 : 65536, n = 0;
    unsigned char *bytes = malloc(cap);
    while (bytes != NULL) {
        ssize_t got = read(fd, bytes + n, cap - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            int err = errno;
            free(bytes);
            errno = err;
            return NULL;
        }
        if (got == 0) break;
        n += (size_t)got;
        if (n < cap) continue;
        unsigned char *more = cap <= SIZE_MAX / 2 ? realloc(bytes, cap * 2) : NULL;
        if (more == NULL) free(bytes);
        bytes = more;
        cap *= 2;
    }
    if (bytes == NULL) errno = ENOMEM;
    *size = n;
    return bytes;
}

unsigned char *cli_read_file(const char *path, size_t *size)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    unsigned char *bytes = read_all(fd, size);
    int err = errno;
    if (!is_stdin) close(fd);
    errno = err;
    return bytes;
}

tern_module *cli_load(tern_engine *engine, const char *path, uint64_t *size_bytes, int *exit_code)
{
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    tern_error error;
    tern_module *module;
    size_t size = 0;
    if (size_bytes == NULL && name == path) {
        module = tern_module_load_file(engine, path, &error);
        if (module == NULL && error.kind == TERN_ERROR_FILE) {
            cli_error("%s", error.text);
            *exit_code = EXIT_FILE;
            return NULL;
        }
    } else {
        unsigned char *bytes = cli_read_file(path, &size);
        if (bytes == NULL) {
            cli_error("%s: %s", name, strerror(errno));
            *exit_code = EXIT_FILE;
            return NULL;
        }
        module = tern_module_load(engine, bytes, size, &error);
        free(bytes);
    }
    if (module == NULL) {
        cli_error("%s: %s", name, error.text);
        *exit_code = error.kind == TERN_ERROR_RESOURCE ? EXIT_LINK : EXIT_MODULE;
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
