/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* trap.c - a trap's message: what happened, and a line for each function that was running, inlined ones too:
 *
 *     tern: error: trap: integer divide by zero
 *       #0 quotient (share.c:7:14, inlined)
 *       #1 share (share.c:12:16) [function 10 at 0x124]
 *       #2 main (share.c:20:12) [function 11 at 0x17f]
 */
#include "trap.h"

#include <inttypes.h>
#include <string.h>

#include "cli.h"

enum { MAX_PLACES = 32, MAX_NAME = 1024 };

static void print_func(tern_name name)
{
    char text[MAX_NAME];
    if (name.size == 0)
        fputs("(no name)", stderr);
    else if (cli_demangle(name.bytes, name.size, text, sizeof text))
        cli_print_name(stderr, text, strlen(text));
    else
        cli_print_name(stderr, name.bytes, name.size);
}

static void print_place(const tern_source *source)
{
    if (source->file.size > 0 && source->line > 0) {
        fputs(" (", stderr);
        if (source->dir.size > 0 && source->file.bytes[0] != '/') {
            cli_print_name(stderr, source->dir.bytes, source->dir.size);
            putc('/', stderr);
        }
        cli_print_name(stderr, source->file.bytes, source->file.size);
        fprintf(stderr, ":%" PRIu32, source->line);
        if (source->column > 0) fprintf(stderr, ":%" PRIu32, source->column);
        fputs(source->is_inlined ? ", inlined)" : ")", stderr);
    } else if (source->is_inlined) {
        fputs(" (inlined)", stderr);
    }
}

static void print_frames(const tern_instance *instance)
{
    tern_frame frame;
    uint32_t line = 0;
    for (uint32_t i = 0; tern_instance_trap_frame(instance, i, &frame); i++) {
        tern_source sources[MAX_PLACES];
        uint32_t n = tern_instance_trap_source(instance, i, sources, MAX_PLACES);
        if (n == 0) {
            fprintf(stderr, "  #%" PRIu32 " ", line++);
            print_func(frame.name);
        }
        for (uint32_t k = 0; k < n; k++) {
            const tern_source *source = &sources[k];
            fprintf(stderr, "%s  #%" PRIu32 " ", k > 0 ? "\n" : "", line++);
            print_func(source->func.size == 0 && !source->is_inlined ? frame.name : source->func);
            print_place(source);
        }
        fprintf(stderr, " [function %" PRIu32, frame.func_index);
        if (frame.offset != 0) fprintf(stderr, " at 0x%" PRIx64, frame.offset);
        fputs("]\n", stderr);
    }
}

void cli_print_trap(const tern_instance *instance, const char *stopped)
{
    tern_trap trap;
    if (!tern_instance_trap(instance, &trap)) return;
    if (stopped != NULL)
        cli_error("%s", stopped);
    else if (trap.has_address)
        cli_error("trap: %s: %" PRIu64 " bytes at address 0x%" PRIx64 ", memory size is 0x%" PRIx64
                  " (%" PRIu64 " bytes)",
                  trap.text, trap.access_bytes, trap.address, trap.memory_bytes, trap.memory_bytes);
    else
        cli_error("trap: %s", trap.text);
    print_frames(instance);
    if (trap.nframes_all > trap.nframes)
        fprintf(stderr, "  ... and %" PRIu32 " more\n", trap.nframes_all - trap.nframes);
}
