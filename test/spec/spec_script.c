/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* spec_script.c - runs one script: every command becomes exactly one pass, failure or skip.
 *
 * A module that could not be instantiated leaves its reason in its slot: commands on it are skipped when the
 * interpreter or the build lacks a feature the module uses, and fail otherwise.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "binary/decode.h"
#include "interp/interp.h"
#include "spec.h"

#define MAX_CELLS 4096

/* --- verdicts ----------------------------------------------------------------------------------- */

void report_skip(Report *report, const char *reason, u32 n)
{
    report->skipped += n;
    for (u32 i = 0; i < MAX_REASONS; i++) {
        Reason *r = &report->reasons[i];
        if (r->n == 0) snprintf(r->text, sizeof r->text, "%s", reason);
        if (strcmp(r->text, reason) != 0) continue;
        r->n += n;
        return;
    }
}

static void pass(Script *s) { s->report->passed++; }

static void skip(Script *s, const char *reason) { report_skip(s->report, reason, 1); }

__attribute__((format(printf, 2, 3))) static void fail(Script *s, const char *text, ...)
{
    s->report->failed++;
    if (!s->options->is_verbose) return;
    printf("FAIL %s:%d: ", s->path, s->report->line);
    va_list args;
    va_start(args, text);
    vprintf(text, args);
    va_end(args);
    putchar('\n');
}

/* A command that needs what is missing. */
static void miss(Script *s, const char *reason)
{
    if (strncmp(reason, "needs ", 6) == 0)
        skip(s, reason);
    else
        fail(s, "%s", reason);
}

/* "needs simd", if a module is refused because the build is without it (base/build.h). */
static bool is_left_out(const char *text, char *reason, size_t size)
{
    const char *end = strstr(text, " proposal"), *start = end;
    if (end == NULL || strstr(end, "is not in this build") == NULL) return false;
    while (start > text && start[-1] != ' ') start--;
    snprintf(reason, size, "needs %.*s", (int)(end - start), start);
    return true;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Scripts say "uninitialized element 2" where others say "uninitialized element": the number is ours to
 * leave out. */
static bool trap_matches(TrapCode code, const char *message, const char *text)
{
    const char *ours = tern_trap_text(code);
    size_t n = strlen(ours);
    return begins(message, text) ||
           (begins(text, ours) && text[n] == ' ' && text[n + 1] >= '0' && text[n + 1] <= '9');
}

/* --- modules ------------------------------------------------------------------------------------ */

static u8 *read_file(const char *folder, const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", folder, *folder != '\0' ? "/" : "", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    u8 *bytes = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long end = ftell(file);
        rewind(file);
        if (end >= 0) bytes = malloc((size_t)end + 1);
        if (bytes != NULL) {
            *size = fread(bytes, 1, (size_t)end, file);
            bytes[*size] = 0;
        }
    }
    fclose(file);
    return bytes;
}

/* NULL and why in diag. A file that cannot be read has no code in diag. */
static Module *decode(Script *s, const char *name, Diag *diag)
{
    size_t size = 0;
    u8 *bytes = read_file(s->folder, name, &size);
    if (bytes == NULL) return NULL;
    DecodeOptions options = {.features = s->features, .copy_bytes = true};
    Module *module =
        tern_module_decode(s->engine->types, s->engine->options.alloc, bytes, size, &options, diag);
    free(bytes);
    return module;
}

static Slot *find(Slot *slots, u32 n, const char *name)
{
    for (u32 i = n; i-- > 0;)
        if (slots[i].name != NULL && strcmp(slots[i].name, name) == 0) return &slots[i];
    return NULL;
}

/* The slot a command means by its `field`: the latest module if it names none. */
static Slot *module_slot(Script *s, const cJSON *object, const char *field)
{
    const char *name = json_text(object, field);
    if (*name == '\0') return &s->modules[0];
    return find(s->modules + 1, s->nmodules, name);
}

/* Keeps slot under a name, and as the latest module if it is an instance. */
static void keep_module(Script *s, const char *name, Slot slot)
{
    if (slot.definition == NULL) {
        s->modules[0] = slot;
        s->modules[0].name = NULL;
    }
    if (*name == '\0') {
        tern_module_release(slot.definition);
        return;
    }
    if (s->nmodules + 1 >= MAX_SLOTS) abort();
    slot.name = strdup(name);
    s->modules[++s->nmodules] = slot;
}

/* "needs gc" for the latest feature that module uses and the interpreter lacks; false if there is none. */
static bool lacks_features(const Module *module, char *reason, size_t size)
{
    u64 lacking = module->used & ~tern_interp_features();
    if (lacking == 0) return false;
    u32 latest = 0;
    for (u32 i = 0; i < FEATURE_COUNT; i++)
        if (lacking >> i & 1) latest = i;
    snprintf(reason, size, "needs %s, which the interpreter lacks", tern_feature_info[latest].name);
    return true;
}

typedef enum LinkResult { LINK_OK, LINK_UNKNOWN, LINK_MISSING } LinkResult;

static LinkResult resolve(Script *s, const Module *module, Extern *externs, char *reason,
                          size_t size)
{
    for (u32 i = 0; i < module->nimports; i++) {
        const Import *import = &module->imports[i];
        snprintf(reason, size, "unknown import: %.*s.%.*s", (int)u64_min(import->module.size, 20),
                 import->module.bytes, (int)u64_min(import->name.size, 30), import->name.bytes);
        if (name_is(import->module, "spectest")) {
            if (!spectest_find(s->spectest, import->name, &externs[i])) return LINK_UNKNOWN;
            continue;
        }
        Slot *slot = NULL;
        for (u32 j = s->nregistered; j-- > 0 && slot == NULL;)
            if (name_is(import->module, s->registered[j].name)) slot = &s->registered[j];
        if (slot == NULL) return LINK_UNKNOWN;
        if (slot->instance == NULL) {
            snprintf(reason, size, "%s", slot->missing);
            return LINK_MISSING;
        }
        if (!tern_instance_find_export(slot->instance, import->name, &externs[i])) return LINK_UNKNOWN;
    }
    return LINK_OK;
}

typedef struct Attempt {
    Instance *instance; /* NULL: see the rest */
    bool is_missing;    /* something it needs is not there, message says what */
    TrapCode trap;      /* from a segment or the start function */
    char message[256];
} Attempt;

/* Takes over the reference to module. */
static Attempt instantiate(Script *s, Module *module)
{
    Attempt a = {0};
    Extern *externs = calloc((size_t)module->nimports + 1, sizeof *externs);
    if (externs == NULL) abort();
    LinkResult linked = resolve(s, module, externs, a.message, sizeof a.message);
    a.is_missing = linked == LINK_MISSING;
    if (linked == LINK_OK) {
        Diag diag = {0};
        Instance *instance = tern_instance_new(s->store, module, externs, NULL, &diag, &a.trap);
        if (instance == NULL) {
            tern_diag_format(&diag, a.message, sizeof a.message);
            if (a.trap != TRAP_NONE)
                snprintf(a.message, sizeof a.message, "%s", tern_trap_text(a.trap));
        } else if (lacks_features(module, a.message, sizeof a.message)) {
            a.is_missing = true;
        } else {
            a.trap = tern_instance_start(instance, s->exec);
            if (a.trap != TRAP_NONE)
                tern_trap_format(&s->exec->trap, a.message, sizeof a.message);
            else
                a.instance = instance;
        }
    }
    free(externs);
    tern_module_release(module);
    return a;
}

/* The slot of an instance that may not have come about. Says pass or fail for it. */
static Slot instance_slot(Script *s, Module *module)
{
    Slot slot = {0};
    if (lacks_features(module, slot.missing, sizeof slot.missing)) {
        tern_module_release(module);
        pass(s); /* it decoded and validated, which is what is judged here */
        return slot;
    }
    Attempt a = instantiate(s, module);
    slot.instance = a.instance;
    if (a.instance != NULL) {
        pass(s);
    } else if (a.is_missing) {
        pass(s);
        snprintf(slot.missing, sizeof slot.missing, "%.90s", a.message);
    } else {
        fail(s, "module does not instantiate: %s", a.message);
        snprintf(slot.missing, sizeof slot.missing, "the module did not instantiate");
    }
    return slot;
}

static void run_module(Script *s, const cJSON *command)
{
    Diag diag = {0};
    Module *module = decode(s, json_text(command, "filename"), &diag);
    Slot slot = {0};
    if (module == NULL) {
        char text[256];
        tern_diag_format(&diag, text, sizeof text);
        if (is_left_out(text, slot.missing, sizeof slot.missing)) {
            skip(s, slot.missing);
        } else {
            fail(s, "%s is refused: %s", json_text(command, "filename"), text);
            snprintf(slot.missing, sizeof slot.missing, "the module was refused");
        }
    } else {
        slot = instance_slot(s, module);
    }
    keep_module(s, json_text(command, "name"), slot);
}

/* Decoded and validated only: some of these declare memories nobody could have. */
static void run_definition(Script *s, const cJSON *command)
{
    Diag diag = {0};
    Slot slot = {.definition = decode(s, json_text(command, "filename"), &diag)};
    if (slot.definition == NULL) {
        char text[256];
        tern_diag_format(&diag, text, sizeof text);
        if (!is_left_out(text, slot.missing, sizeof slot.missing)) {
            fail(s, "definition is refused: %s", text);
            return;
        }
        skip(s, slot.missing);
        keep_module(s, json_text(command, "name"), slot);
        return;
    }
    pass(s);
    keep_module(s, json_text(command, "name"), slot);
}

static void run_instance(Script *s, const cJSON *command)
{
    Slot *definition = module_slot(s, command, "module");
    if (definition == NULL || definition->definition == NULL) {
        char reason[160];
        snprintf(reason, sizeof reason, "no definition %s", json_text(command, "module"));
        bool is_left = definition != NULL && definition->missing[0] != '\0';
        miss(s, is_left ? definition->missing : reason);
        if (is_left) {
            Slot slot = {0};
            memcpy(slot.missing, definition->missing, sizeof slot.missing);
            keep_module(s, json_text(command, "instance"), slot);
        }
        return;
    }
    keep_module(s, json_text(command, "instance"),
                instance_slot(s, tern_module_retain(definition->definition)));
}

static void run_register(Script *s, const cJSON *command)
{
    Slot *from = module_slot(s, command, "name");
    if (from == NULL || s->nregistered == MAX_SLOTS) {
        fail(s, "no module %s to register", json_text(command, "name"));
        return;
    }
    Slot *slot = &s->registered[s->nregistered++];
    *slot = *from;
    slot->definition = NULL;
    slot->name = strdup(json_text(command, "as"));
    if (slot->instance != NULL)
        pass(s);
    else
        miss(s, slot->missing);
}

/* --- actions ------------------------------------------------------------------------------------ */

typedef struct Result {
    bool ran; /* false: said already */
    TrapCode trap;
    char message[256];
    u32 n;
    const ValType *types;
    ValType global_type;
    u64 cells[MAX_CELLS];
} Result;

static bool invoke(Script *s, FuncInst *func, const cJSON *args, Result *r)
{
    const FuncType *type = func->type;
    if ((u32)cJSON_GetArraySize(args) != type->nparams || type->param_cells > MAX_CELLS ||
        type->result_cells > MAX_CELLS) {
        fail(s, "the function takes %u arguments", type->nparams);
        return false;
    }
    u64 *cells = r->cells;
    for (u32 i = 0; i < type->nparams; i++) {
        u32 n = value_write(cJSON_GetArrayItem(args, (int)i), type->params[i], cells);
        if (n == 0) {
            fail(s, "argument %u cannot be written", i);
            return false;
        }
        cells += n;
    }
    r->trap = tern_exec_call(s->exec, func, r->cells, r->cells);
    if (r->trap != TRAP_NONE) tern_trap_format(&s->exec->trap, r->message, sizeof r->message);
    r->types = type->results;
    r->n = type->nresults;
    return true;
}

static void act(Script *s, const cJSON *command, Result *r)
{
    const cJSON *action = cJSON_GetObjectItemCaseSensitive(command, "action");
    r->ran = false;
    r->trap = TRAP_NONE;
    r->message[0] = '\0';
    Slot *slot = module_slot(s, action, "module");
    if (slot == NULL) {
        fail(s, "no module %s", json_text(action, "module"));
        return;
    }
    if (slot->instance == NULL) {
        miss(s, slot->missing[0] != '\0' ? slot->missing : "no module yet");
        return;
    }
    Name field = json_name(action, "field");
    Extern found;
    bool is_there = tern_instance_find_export(slot->instance, field, &found);
    free((char *)(uintptr_t)field.bytes);

    bool is_get = strcmp(json_text(action, "type"), "get") == 0;
    if (!is_there || found.kind != (is_get ? EXTERN_GLOBAL : EXTERN_FUNC)) {
        fail(s, "no export %s", json_text(action, "field"));
        return;
    }
    if (!is_get) {
        r->ran = invoke(s, found.u.func, cJSON_GetObjectItemCaseSensitive(action, "args"), r);
        return;
    }
    r->global_type = found.u.global->type.type;
    r->types = &r->global_type;
    r->n = 1;
    memcpy(r->cells, found.u.global->cell->cells, 16);
    if (r->global_type == VT_I32 || r->global_type == VT_F32) r->cells[0] = (u32)r->cells[0];
    r->ran = true;
}

static void run_return(Script *s, const cJSON *command, Result *r)
{
    act(s, command, r);
    if (!r->ran) return;
    if (r->trap != TRAP_NONE) {
        fail(s, "trapped: %s", r->message);
        return;
    }
    if (strcmp(json_text(command, "type"), "action") == 0) {
        pass(s); /* whatever it returned */
        return;
    }
    const cJSON *expected = cJSON_GetObjectItemCaseSensitive(command, "expected");
    if ((u32)cJSON_GetArraySize(expected) != r->n) {
        fail(s, "returned %u values", r->n);
        return;
    }
    const u64 *cells = r->cells;
    for (u32 i = 0; i < r->n; i++) {
        const cJSON *value = cJSON_GetArrayItem(expected, (int)i);
        if (!value_matches(value, r->types[i], cells)) {
            char got[96], want[256];
            fail(s, "%s: value %u: expected %s, got %s",
                 json_text(cJSON_GetObjectItemCaseSensitive(command, "action"), "field"), i,
                 expected_print(value, want, sizeof want),
                 value_print(r->types[i], cells, got, sizeof got));
            return;
        }
        cells += vt_cells(r->types[i]);
    }
    pass(s);
}

static void run_trap(Script *s, const cJSON *command, Result *r)
{
    bool is_exception = strcmp(json_text(command, "type"), "assert_exception") == 0;
    const char *text = json_text(command, "text");
    act(s, command, r);
    if (!r->ran) return;
    if (r->trap == TRAP_NONE)
        fail(s, "expected %s, but it returned", is_exception ? "an exception" : text);
    else if (is_exception ? r->trap != TRAP_UNCAUGHT_EXCEPTION
                          : !trap_matches(r->trap, r->message, text))
        fail(s, "expected %s, got trap \"%s\"", is_exception ? "an exception" : text, r->message);
    else
        pass(s);
}

/* --- modules that must be refused --------------------------------------------------------------- */

/* The file to judge, or NULL where only the text says what is wrong. */
static const char *binary_of(const cJSON *command)
{
    const char *binary = json_text(command, "binary_filename");
    if (*binary != '\0') return binary;
    return strcmp(json_text(command, "module_type"), "binary") == 0 ? json_text(command, "filename")
                                                                    : NULL;
}

static void run_refused(Script *s, const cJSON *command)
{
    const char *type = json_text(command, "type"), *expected = json_text(command, "text");
    const char *file = binary_of(command);
    if (file == NULL) {
        skip(s, "needs the text parser");
        return;
    }
    bool is_custom = strstr(type, "_custom") != NULL;
    bool is_malformed = begins(type, "assert_malformed");
    Diag diag = {0};
    Module *module = decode(s, file, &diag);
    if (module != NULL) {
        if (is_custom)
            skip(s, "the contents of a custom section are not judged, as the specification allows");
        else
            fail(s, "%s is accepted, expected \"%s\"", file, expected);
        tern_module_release(module);
        return;
    }
    char text[256];
    tern_diag_format(&diag, text, sizeof text);
    DiagKind kind = tern_diag_kind(diag.code);
    char reason[96];
    if (is_left_out(text, reason, sizeof reason))
        skip(s, reason);
    else if (!begins(text, expected))
        fail(s, "%s: expected \"%s\", got \"%s\"", file, expected, text);
    else if (kind != (is_malformed ? DIAG_KIND_MALFORMED : DIAG_KIND_INVALID))
        fail(s, "%s: \"%s\" is of the wrong kind (%d)", file, text, (int)kind);
    else
        pass(s);
}

static void run_unlinkable(Script *s, const cJSON *command)
{
    const char *type = json_text(command, "type"), *expected = json_text(command, "text");
    const char *file = binary_of(command);
    if (file == NULL) {
        skip(s, "needs the text parser");
        return;
    }
    Diag diag = {0};
    Module *module = decode(s, file, &diag);
    if (module == NULL) {
        char text[256];
        tern_diag_format(&diag, text, sizeof text);
        char why[96];
        if (is_left_out(text, why, sizeof why)) skip(s, why);
        else fail(s, "%s is refused: %s", file, text);
        return;
    }
    bool wants_trap = strcmp(type, "assert_uninstantiable") == 0;
    char reason[96];
    if (wants_trap && lacks_features(module, reason, sizeof reason)) {
        skip(s, reason);
        tern_module_release(module);
        return;
    }
    Attempt a = instantiate(s, module);
    if (a.is_missing)
        miss(s, a.message);
    else if (a.instance != NULL)
        fail(s, "it instantiates, expected \"%s\"", expected);
    else if ((a.trap != TRAP_NONE) != wants_trap)
        fail(s, "expected \"%s\", got \"%s\"", expected, a.message);
    else if (wants_trap ? !trap_matches(a.trap, a.message, expected) : !begins(a.message, expected))
        fail(s, "expected \"%s\", got \"%s\"", expected, a.message);
    else
        pass(s);
}

/* --- the script --------------------------------------------------------------------------------- */

/* Commands that are wrong themselves. */
static const char *known_defect(const Script *s, int line)
{
    static const struct {
        const char *script;
        int line;
    } defects[] = {
        {"proposals/threads/memory/", 14},   {"proposals/threads/memory/", 15},
        {"proposals/threads/imports/", 309}, {"proposals/threads/imports/", 313},
        {"proposals/threads/imports/", 317}, {"proposals/threads/imports/", 404},
        {"proposals/threads/imports/", 408}, {"proposals/threads/imports/", 412},
    };
    for (u32 i = 0; i < COUNT_OF(defects); i++)
        if (line == defects[i].line && strstr(s->path, defects[i].script) != NULL)
            return "defect of the script: 3.0 allows multiple memories and tables";
    bool is_load1 = strstr(s->path, "spec/load1/") != NULL && line >= 25 && line <= 29;
    bool is_linking0 = strstr(s->path, "spec/linking0/") != NULL && line == 42;
    if (!TERN_MEMORY64 && (is_load1 || is_linking0)) return "needs multi-memory: looks at what such a module wrote";
    bool is_shared = strstr(s->path, "proposals/threads/imports/") != NULL && line == 501;
    if (!TERN_THREADS && is_shared) return "needs threads: looks at the host's shared memory";
    bool is_cast = (strstr(s->path, "custom-descriptors/br_on_cast/") != NULL && line == 211) ||
                   (strstr(s->path, "custom-descriptors/br_on_cast_fail/") != NULL && line == 226);
    if (!TERN_PROPOSALS && is_cast) return "needs custom-descriptors: casts between types that have nothing in common";
    return NULL;
}

static void run_command(Script *s, const cJSON *command, Result *r)
{
    typedef void Plain(Script *, const cJSON *);
    static const struct {
        const char *type;
        Plain *run;
    } plain[] = {
        {"module", run_module},
        {"module_definition", run_definition},
        {"module_instance", run_instance},
        {"register", run_register},
        {"assert_invalid", run_refused},
        {"assert_malformed", run_refused},
        {"assert_invalid_custom", run_refused},
        {"assert_malformed_custom", run_refused},
        {"assert_unlinkable", run_unlinkable},
        {"assert_uninstantiable", run_unlinkable},
    };
    const char *type = json_text(command, "type");
    const cJSON *line = cJSON_GetObjectItemCaseSensitive(command, "line");
    s->report->line = cJSON_IsNumber(line) ? line->valueint : 0;

    const char *defect = known_defect(s, s->report->line);
    if (defect != NULL) {
        skip(s, defect);
        return;
    }
    for (u32 i = 0; i < COUNT_OF(plain); i++) {
        if (strcmp(type, plain[i].type) != 0) continue;
        plain[i].run(s, command);
        return;
    }
    if (strcmp(type, "action") == 0 || strcmp(type, "assert_return") == 0)
        run_return(s, command, r);
    else if (strcmp(type, "assert_trap") == 0 || strcmp(type, "assert_exhaustion") == 0 ||
             strcmp(type, "assert_exception") == 0)
        run_trap(s, command, r);
    else
        fail(s, "unknown command %s", type);
}

static cJSON *read_json(const char *path)
{
    size_t size = 0;
    char *text = (char *)read_file("", path, &size);
    if (text == NULL) return NULL;
    for (char *p = text; (p = strstr(p, "\\u0000")) != NULL; p++) p[2] = 'e'; /* see json_name */
    cJSON *json = cJSON_ParseWithLength(text, size);
    free(text);
    return json;
}

static bool start(Script *s)
{
    EngineOptions options = {
        .alloc = tern_port_system_alloc(),
        .features = s->features,
        .tier = &tern_interp_tier,
        .memories_move = s->options->memories_move,
        .gc_stress = s->options->gc_stress,
    };
    s->engine = tern_engine_new(&options);
    if (s->engine != NULL) s->store = tern_store_new(s->engine);
    if (s->store != NULL) s->exec = tern_exec_new(s->store, 0);
    if (s->exec != NULL && s->options->metered && !tern_exec_fuel_set(s->exec, UINT64_MAX)) return false;
    if (s->exec != NULL) s->spectest = spectest_new(s->store);
    return s->spectest != NULL;
}

static void finish(Script *s)
{
    for (u32 i = 1; i <= s->nmodules; i++) {
        tern_module_release(s->modules[i].definition);
        free(s->modules[i].name);
    }
    for (u32 i = 0; i < s->nregistered; i++) free(s->registered[i].name);
    spectest_free(s->spectest);
    if (s->exec != NULL) tern_exec_free(s->exec);
    if (s->store != NULL) tern_store_free(s->store);
    if (s->engine != NULL) tern_engine_free(s->engine);
    free(s->folder);
}

/* Two proposals make valid what core scripts assert to be wrong (some casts; a limits flag), and their folders
 * have their own copies of those scripts. */
static u64 features_of(const char *path)
{
    u64 features = FEATURES_ALL;
    if (strstr(path, "proposals/custom-descriptors") == NULL)
        features &= ~(1ull << FEATURE_CUSTOM_DESCRIPTORS);
    if (strstr(path, "proposals/custom-page-sizes") == NULL)
        features &= ~(1ull << FEATURE_CUSTOM_PAGE_SIZES);
    return features;
}

bool script_run(const char *path, const RunOptions *options, Report *report)
{
    cJSON *json = read_json(path);
    const cJSON *commands = cJSON_GetObjectItemCaseSensitive(json, "commands");
    if (!cJSON_IsArray(commands)) {
        cJSON_Delete(json);
        return false;
    }
    static Script script;
    Script *s = &script;
    *s = (Script){.options = options,
                  .path = path,
                  .report = report,
                  .features = features_of(path) & ~options->without};
    s->folder = strdup(path);
    char *slash = s->folder != NULL ? strrchr(s->folder, '/') : NULL;
    if (slash != NULL) *slash = '\0';
    report->ncommands = (u32)cJSON_GetArraySize(commands);

    static Result result;
    bool is_ready = s->folder != NULL && start(s);
    const cJSON *command;
    if (is_ready) {
        cJSON_ArrayForEach(command, commands) run_command(s, command, &result);
    } else {
        fail(s, "no memory");
    }
    finish(s);
    cJSON_Delete(json);
    return is_ready;
}
