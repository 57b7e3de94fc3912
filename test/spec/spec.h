/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* spec.h - the parts of the runner of the official suite.
 *
 * A command passes, fails, or is skipped with a reason; nothing else happens. What a script's process found
 * out lies in a Report in memory shared with the process that started it, so that a crash loses nothing.
 */
#ifndef TERN_TEST_SPEC_H
#define TERN_TEST_SPEC_H

#include <cjson/cJSON.h>

#include "runtime/exec.h"

typedef struct RunOptions {
    bool is_verbose;
    bool memories_move;
    bool gc_stress; /* collect at every allocation */
    bool metered;   /* code that pays with fuel, of which there is enough */
    u64 without; /* features switched off */
} RunOptions;

/* --- what was found ----------------------------------------------------------------------------- */

#define MAX_REASONS 48

typedef struct Reason {
    char text[96];
    u32 n;
} Reason;

typedef struct Report {
    u32 ncommands, passed, failed, skipped;
    int line; /* of the command being run */
    Reason reasons[MAX_REASONS];
} Report;

void report_skip(Report *report, const char *reason, u32 n);

/* --- a script being run ------------------------------------------------------------------------- */

/* Why a module is not there although it should be: nothing, a failure (already counted), or a feature that
 * the interpreter lacks. */
typedef struct Slot {
    char *name;         /* "$M", or the registered name; NULL: the current module */
    Module *definition; /* module_definition only */
    Instance *instance;
    char missing[96];
} Slot;

#define MAX_SLOTS 256

typedef struct Script {
    const RunOptions *options;
    const char *path; /* of the .json */
    char *folder;
    Report *report;
    Engine *engine;
    Store *store;
    Exec *exec;
    u64 features;

    Slot modules[MAX_SLOTS]; /* [0] is the latest module */
    u32 nmodules;
    Slot registered[MAX_SLOTS];
    u32 nregistered;
    struct SpecTest *spectest;
} Script;

/* Runs every command of the file into report. False if the file cannot be read. */
bool script_run(const char *path, const RunOptions *options, Report *report);

/* --- the host module "spectest" ----------------------------------------------------------------- */

typedef struct SpecTest SpecTest;
SpecTest *spectest_new(Store *store);
void spectest_free(SpecTest *spectest);
bool spectest_find(const SpecTest *spectest, Name name, Extern *out);

/* --- values ------------------------------------------------------------------------------------- */

/* Writes the cells of a JSON value at cells; 0 if the value makes no sense for type, else how many. */
u32 value_write(const cJSON *value, ValType type, u64 *cells);
/* Is the value in cells what the JSON expects? */
bool value_matches(const cJSON *expected, ValType type, const u64 *cells);
/* For messages: "i32:42". Return buf. */
const char *value_print(ValType type, const u64 *cells, char *buf, size_t size);
const char *expected_print(const cJSON *expected, char *buf, size_t size);

/* A field of an object as text, or "" if it is not there. */
const char *json_text(const cJSON *object, const char *field);
/* A name of the script: bytes, which may include NUL. The caller frees .bytes. */
Name json_name(const cJSON *object, const char *field);

#endif
