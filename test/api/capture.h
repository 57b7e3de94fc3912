/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* capture.h - what the library prints on a standard stream, for tests of exact texts. */
#ifndef TERN_TEST_API_CAPTURE_H
#define TERN_TEST_API_CAPTURE_H

#include <stdio.h>
#include <unistd.h>

typedef struct Capture {
    FILE *stream, *file;
    int real_fd;
} Capture;

/* From here on what is written to stream goes to a file. */
static inline Capture capture_begin(FILE *stream)
{
    Capture c = {.stream = stream, .file = tmpfile()};
    fflush(stream);
    c.real_fd = dup(fileno(stream));
    dup2(fileno(c.file), fileno(stream));
    return c;
}

/* Puts the stream back; text gets what was written, cut to size bytes with the NUL. */
static inline void capture_end(Capture *c, char *text, size_t size)
{
    fflush(c->stream);
    dup2(c->real_fd, fileno(c->stream));
    close(c->real_fd);
    rewind(c->file);
    text[fread(text, 1, size - 1, c->file)] = '\0';
    fclose(c->file);
}

#endif
