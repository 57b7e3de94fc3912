/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* iwasm.h - what the files of iwasm share. */
#ifndef TERN_CLI_IWASM_H
#define TERN_CLI_IWASM_H

#include <stdbool.h>
#include <stdint.h>

#include <wasm_export.h>

/* Strings of the command line. */
typedef struct StringList {
    const char **items; /* to be freed */
    uint32_t n;
} StringList;

bool iwasm_list_add(StringList *list, const char *item); /* false: no memory */

/* --- shared libraries of functions for modules (iwasm_lib.c) ------------------------------------------- */

typedef struct NativeLib NativeLib;

/* Opens each library and registers what it offers; one that cannot be is warned of and left out. NULL if there are
 * none. */
NativeLib *iwasm_libs_load(const StringList *names);
/* After the modules that use them. */
void iwasm_libs_unload(NativeLib *libs);

/* Modules that modules import are read from that folder. */
void iwasm_set_module_path(const char *folder);

/* --- stopping in time (iwasm_timeout.c) ---------------------------------------------------------------- */

typedef struct Timeout Timeout;

/* A thread that stops the instance after that time, or ends the process if there is no instance yet. NULL if it
 * cannot be started. */
Timeout *iwasm_timeout_start(uint32_t milliseconds);
/* From now on there is. */
void iwasm_timeout_watch(Timeout *timeout, wasm_module_inst_t instance);
void iwasm_timeout_stop(Timeout *timeout); /* NULL is allowed */

#endif
