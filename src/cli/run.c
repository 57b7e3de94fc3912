/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* run.c - tern run: a program with WASI, or one function with values from the command line. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "trap.h"

typedef struct Preload {
    char *name;
    const char *path;
    tern_module *module;
    tern_instance *instance;
} Preload;

typedef struct RunOptions {
    const char *path, *arg0, *invoke;
    const char **env;
    uint32_t nenv;
    tern_dir *dirs;
    uint32_t ndirs;
    Preload *preloads;
    uint32_t npreloads;
    int64_t *listeners;
    uint32_t nlisteners;
    const char **networks, **hosts;
    uint32_t nnetworks, nhosts;
    char **owned; /* strings that the above point into */
    uint32_t nowned;
    const char *timeout; /* as it was written; NULL: none */
    uint64_t timeout_ns, fuel, stack_bytes, heap_bytes, max_memory_bytes, max_table_elems, max_gc_bytes, max_threads;
    uint64_t max_descriptors;
    tern_limits limits;
    bool trap_missing, checks_explicitly;
    char **args; /* behind FILE */
    uint32_t nargs;
} RunOptions;

/* --- options ---------------------------------------------------------------------------------------- */

/* A copy that lives as long as the options; NULL and a message if there is no memory. */
static char *own(RunOptions *o, char *copy)
{
    if (copy == NULL) cli_no_memory();
    else o->owned[o->nowned++] = copy;
    return copy;
}

/* HOST[::GUEST][:ro] */
static int take_dir(RunOptions *o, const char *value)
{
    char *name = own(o, strdup(value));
    if (name == NULL) return EXIT_LINK;
    tern_dir *dir = &o->dirs[o->ndirs++];
    size_t size = strlen(name);
    if (size > 3 && strcmp(name + size - 3, ":ro") == 0) {
        dir->is_read_only = true;
        name[size - 3] = '\0';
    }
    char *split = strstr(name, "::");
    dir->host = dir->guest = name;
    if (split != NULL) {
        *split = '\0';
        dir->guest = split + 2;
    }
    if (dir->host[0] == '\0' || dir->guest[0] == '\0')
        return cli_usage_error(COMMAND_RUN, "--dir %s: write it HOST, HOST::GUEST or HOST::GUEST:ro", value);
    return EXIT_OK;
}

/* NAME=VALUE, or NAME for what the environment has. */
static int take_env(RunOptions *o, const char *value)
{
    if (value[0] == '=' || value[0] == '\0')
        return cli_usage_error(COMMAND_RUN, "--env %s: write it NAME=VALUE, or NAME", value);
    if (strchr(value, '=') != NULL) {
        o->env[o->nenv++] = value;
        return EXIT_OK;
    }
    const char *inherited = getenv(value);
    if (inherited == NULL) return EXIT_OK;
    size_t size = strlen(value) + strlen(inherited) + 2;
    char *text = own(o, malloc(size));
    if (text == NULL) return EXIT_LINK;
    snprintf(text, size, "%s=%s", value, inherited);
    o->env[o->nenv++] = text;
    return EXIT_OK;
}

static int take_preload(RunOptions *o, const char *value)
{
    char *name = own(o, strdup(value));
    if (name == NULL) return EXIT_LINK;
    char *split = strchr(name, '=');
    if (split == NULL || split[1] == '\0')
        return cli_usage_error(COMMAND_RUN, "--preload %s: write it NAME=FILE", value);
    *split = '\0';
    o->preloads[o->npreloads++] = (Preload){.name = name, .path = split + 1};
    return EXIT_OK;
}

static int take_listener(RunOptions *o, const char *value)
{
    char problem[200];
    int fd = cli_listen(value, problem, sizeof problem);
    if (fd < 0) return cli_usage_error(COMMAND_RUN, "--listen %s: %s", value, problem);
    o->listeners[o->nlisteners++] = fd;
    return EXIT_OK;
}

static int take_tier(const char *value)
{
    if (strcmp(value, "auto") == 0 || strcmp(value, "interp") == 0) return EXIT_OK;
    cli_error("--tier %s: this build has no such tier; it has interp, the interpreter, which is also what auto is",
              value);
    return EXIT_ABSENT;
}

static int take_size(OptionId id, const char *value, uint64_t *out)
{
    if (cli_parse_size(value, out) && *out <= SIZE_MAX) return EXIT_OK;
    return cli_usage_error(COMMAND_RUN, "%s %s: bytes, such as 65536, 64K or 8M", cli_options[id].name, value);
}

static int take_count(OptionId id, const char *value, uint64_t max, uint64_t *out)
{
    if (cli_parse_count(value, max, out)) return EXIT_OK;
    return cli_usage_error(COMMAND_RUN, "%s %s: a number, at most %" PRIu64, cli_options[id].name, value, max);
}

/* WHAT=N */
static int take_limit(RunOptions *o, const char *value)
{
    const struct {
        const char *name;
        uint32_t *limit;
    } limits[] = {
        {"module-bytes", &o->limits.module_bytes},
        {"types", &o->limits.types},
        {"functions", &o->limits.functions},
        {"globals", &o->limits.globals},
        {"tags", &o->limits.tags},
        {"imports", &o->limits.imports},
        {"exports", &o->limits.exports},
        {"elem-segments", &o->limits.elem_segments},
        {"data-segments", &o->limits.data_segments},
        {"custom-sections", &o->limits.custom_sections},
        {"tables", &o->limits.tables},
        {"memories", &o->limits.memories},
        {"body-bytes", &o->limits.body_bytes},
        {"locals", &o->limits.locals},
        {"nesting", &o->limits.nesting},
    };
    const char *split = strchr(value, '=');
    size_t size = split != NULL ? (size_t)(split - value) : 0;
    uint64_t n;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (size != strlen(limits[i].name) || memcmp(value, limits[i].name, size) != 0) continue;
        if (!cli_parse_count(split + 1, UINT32_MAX, &n) || n == 0) break;
        *limits[i].limit = (uint32_t)n;
        return EXIT_OK;
    }
    return cli_usage_error(COMMAND_RUN, "--limit %s: write it WHAT=N, such as functions=1000; tern help run lists what "
                           "there is", value);
}

static int take(void *self, OptionId id, const char *value)
{
    RunOptions *o = self;
    switch (id) {
    case OPTION_RUN_DIR: return take_dir(o, value);
    case OPTION_RUN_ENV: return take_env(o, value);
    case OPTION_RUN_LISTEN: return take_listener(o, value);
    case OPTION_RUN_NETWORK: o->networks[o->nnetworks++] = value; break;
    case OPTION_RUN_RESOLVE: o->hosts[o->nhosts++] = value; break;
    case OPTION_RUN_ARG0: o->arg0 = value; break;
    case OPTION_RUN_INVOKE: o->invoke = value; break;
    case OPTION_RUN_PRELOAD: return take_preload(o, value);
    case OPTION_RUN_TRAP: o->trap_missing = true; break;
    case OPTION_RUN_TIMEOUT:
        o->timeout = value;
        if (cli_parse_duration(value, &o->timeout_ns)) break;
        return cli_usage_error(COMMAND_RUN, "--timeout %s: seconds, such as 2 or 0.5, or a time such as 500ms", value);
    case OPTION_RUN_FUEL: return take_count(id, value, TERN_UNLIMITED - 1, &o->fuel);
    case OPTION_RUN_MAX_MEMORY: return take_size(id, value, &o->max_memory_bytes);
    case OPTION_RUN_MAX_TABLE: return take_count(id, value, UINT32_MAX, &o->max_table_elems);
    case OPTION_RUN_MAX_GC: return take_size(id, value, &o->max_gc_bytes);
    case OPTION_RUN_MAX_THREADS: return take_count(id, value, UINT32_MAX, &o->max_threads);
    case OPTION_RUN_MAX_DESCRIPTORS: return take_count(id, value, UINT32_MAX, &o->max_descriptors);
    case OPTION_RUN_LIMIT: return take_limit(o, value);
    case OPTION_RUN_STACK: return take_size(id, value, &o->stack_bytes);
    case OPTION_RUN_HEAP: return take_size(id, value, &o->heap_bytes);
    case OPTION_RUN_TIER: return take_tier(value);
    case OPTION_RUN_CHECKS: o->checks_explicitly = true; break;
    default: break;
    }
    return EXIT_OK;
}

static bool options_init(RunOptions *o, size_t n)
{
    *o = (RunOptions){.fuel = TERN_UNLIMITED};
    o->env = calloc(n, sizeof *o->env);
    o->dirs = calloc(n, sizeof *o->dirs);
    o->preloads = calloc(n, sizeof *o->preloads);
    o->owned = calloc(n, sizeof *o->owned);
    o->listeners = calloc(n, sizeof *o->listeners);
    o->networks = calloc(n, sizeof *o->networks);
    o->hosts = calloc(n, sizeof *o->hosts);
    return o->env != NULL && o->dirs != NULL && o->preloads != NULL && o->owned != NULL && o->listeners != NULL &&
           o->networks != NULL && o->hosts != NULL;
}

static void options_done(RunOptions *o)
{
    for (uint32_t i = 0; i < o->nowned; i++) free(o->owned[i]);
    for (uint32_t i = 0; i < o->nlisteners; i++) close((int)o->listeners[i]);
    free(o->hosts);
    free(o->networks);
    free(o->listeners);
    free(o->owned);
    free(o->preloads);
    free(o->dirs);
    free(o->env);
}

/* --- limits ------------------------------------------------------------------------------------------- */

/* One run: the limits hold for all of its instances together. */
typedef struct Run {
    const RunOptions *o;
    tern_engine *engine;
    tern_store *store;   /* NULL without preloads */
    tern_linker *linker; /* likewise */
    uint64_t deadline_ns; /* of the monotonic clock */
    bool is_fuelled;     /* fuel belongs to the store: it is given once */
} Run;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Before each call: what is left of the time. False, having said why, if limits cannot be had. */
static bool set_limits(Run *run, tern_instance *instance)
{
    tern_error error = {.text = "out of memory"};
    if (run->o->timeout != NULL) {
        uint64_t now = now_ns();
        uint64_t left = now < run->deadline_ns ? run->deadline_ns - now : 1;
        if (!tern_instance_set_timeout(instance, left, &error)) {
            cli_error("--timeout: %s", error.text);
            return false;
        }
    }
    if (run->o->fuel != TERN_UNLIMITED && !run->is_fuelled) {
        run->is_fuelled = true;
        if (!tern_instance_set_fuel(instance, run->o->fuel)) {
            cli_no_memory();
            return false;
        }
    }
    return true;
}

/* --- how it ended -------------------------------------------------------------------------------------- */

static int exit_code_of(uint32_t guest_code)
{
    int code = (int)(guest_code & 0xff);
    return guest_code != 0 && code == 0 ? 1 : code; /* a failure stays one */
}

static int report_trap(const tern_instance *instance, const RunOptions *o)
{
    tern_trap trap;
    char text[100];
    if (!tern_instance_trap(instance, &trap)) return EXIT_TRAPPED;
    if (strcmp(trap.code, "DEADLINE") == 0) {
        snprintf(text, sizeof text, "stopped by --timeout %.40s", o->timeout != NULL ? o->timeout : "");
        cli_print_trap(instance, text);
        return EXIT_TIMEOUT;
    }
    if (strcmp(trap.code, "OUT_OF_FUEL") == 0) {
        snprintf(text, sizeof text, "stopped by --fuel %" PRIu64, o->fuel);
        cli_print_trap(instance, text);
        return EXIT_FUEL;
    }
    cli_print_trap(instance, NULL);
    return EXIT_TRAPPED;
}

static int report(tern_status status, const tern_instance *instance, const tern_error *error, const char *path,
                  const RunOptions *o)
{
    switch (status) {
    case TERN_OK: return EXIT_OK;
    case TERN_EXITED: return exit_code_of(tern_instance_exit_code(instance));
    case TERN_TRAPPED: return report_trap(instance, o);
    case TERN_ERROR: break;
    }
    cli_error("%s: %s", path, error->text);
    return EXIT_LINK;
}

/* --- running ------------------------------------------------------------------------------------------- */

static int run_program(const tern_module *module, tern_instance *instance, const RunOptions *o)
{
    uint32_t func;
    if (!tern_module_find_func(module, "_start", &func)) {
        char names[400];
        cli_list_functions(module, names, sizeof names);
        return cli_usage_error(COMMAND_RUN, "%s: exports no _start, so it is no program%s%s", o->path,
                               names[0] != '\0' ? "; call a function with --invoke: " : "", names);
    }
    tern_error error = {.text = ""};
    return report(tern_instance_run(instance, &error), instance, &error, o->path, o);
}

/* Fills args from the command line; EXIT_OK or what was said. */
static int parse_args(const tern_module *module, const RunOptions *o, uint32_t func, tern_value *args)
{
    for (uint32_t i = 0; i < o->nargs; i++) {
        args[i].kind = tern_module_param(module, func, i);
        if (cli_parse_value(o->args[i], &args[i])) continue;
        return cli_usage_error(COMMAND_RUN, "argument %" PRIu32 " of %s: \"%s\" is no %s, or does not fit in one", i + 1,
                               o->invoke, o->args[i], cli_valkind_names[args[i].kind]);
    }
    return EXIT_OK;
}

static int run_function(const tern_module *module, tern_instance *instance, const RunOptions *o)
{
    uint32_t func;
    if (!tern_module_find_func(module, o->invoke, &func)) {
        char names[400];
        cli_list_functions(module, names, sizeof names);
        return cli_usage_error(COMMAND_RUN, "%s exports no function %s; it has: %s", o->path, o->invoke,
                               names[0] != '\0' ? names : "none");
    }
    uint32_t nparams = tern_module_nparams(module, func), nresults = tern_module_nresults(module, func);
    if (o->nargs != nparams) {
        char type[300];
        tern_module_type_text(module, TERN_FUNC, func, type, sizeof type);
        return cli_usage_error(COMMAND_RUN, "%s takes %" PRIu32 " argument%s, not %" PRIu32 "; its type is %s", o->invoke,
                               nparams, nparams == 1 ? "" : "s", o->nargs, type[0] != '\0' ? type : "()");
    }
    tern_value *args = calloc((size_t)nparams + nresults + 1, sizeof *args), *results = args + nparams;
    if (args == NULL) return cli_no_memory();
    int code = parse_args(module, o, func, args);
    if (code == EXIT_OK) {
        tern_error error = {.text = ""};
        tern_status status = tern_instance_call(instance, o->invoke, args, nparams, results, nresults, &error);
        for (uint32_t i = 0; status == TERN_OK && i < nresults; i++) {
            cli_print_value(&results[i]);
            if (results[i].kind == TERN_REF) tern_ref_release(results[i].of.ref);
        }
        code = report(status, instance, &error, o->path, o);
    }
    free(args);
    return code;
}

/* --- instances ----------------------------------------------------------------------------------------- */

/* Instead of an exit code: it has not ended. */
enum { GOES_ON = -2 };

/* Makes an instance and runs what comes first in it. *code is GOES_ON, or how it ended: NULL, having said why, if
 * there is no instance, else the program exited or trapped in its start function. */
static tern_instance *instantiate(Run *run, tern_module *module, const char *path, const char *const *argv,
                                  uint32_t argc, int *code)
{
    const RunOptions *o = run->o;
    tern_config config = TERN_CONFIG_DEFAULT;
    config.argv = argv;
    config.argc = argc;
    config.env = o->env;
    config.nenv = o->nenv;
    config.dirs = o->dirs;
    config.ndirs = o->ndirs;
    config.listeners = o->listeners;
    config.nlisteners = o->nlisteners;
    config.networks = o->networks;
    config.nnetworks = o->nnetworks;
    config.hosts = o->hosts;
    config.nhosts = o->nhosts;
    config.stack_bytes = (size_t)o->stack_bytes;
    config.missing = o->trap_missing ? TERN_MISSING_TRAP : TERN_MISSING_REFUSE;
    config.linker = run->linker;
    config.store = run->store;
    config.max_memory_bytes = o->max_memory_bytes;
    config.max_table_elems = o->max_table_elems;
    config.max_gc_bytes = o->max_gc_bytes;
    config.guest_heap_bytes = o->heap_bytes;
    config.max_threads = (uint32_t)o->max_threads;
    config.max_descriptors = (uint32_t)o->max_descriptors;
    tern_error error;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) {
        bool may_trap = error.kind == TERN_ERROR_LINK && strstr(error.text, " the function ") != NULL;
        cli_error("%s: %s%s%s%s", path, error.text, may_trap ? " (" : "",
                  may_trap ? cli_options[OPTION_RUN_TRAP].name : "", may_trap ? " starts it all the same)" : "");
        *code = EXIT_LINK;
        return NULL;
    }
    if (!set_limits(run, instance)) {
        *code = EXIT_LINK;
        return instance;
    }
    tern_status status = tern_instance_prepare(instance, &error);
    *code = status == TERN_OK ? GOES_ON : report(status, instance, &error, path, o);
    return instance;
}

/* Every preloaded module is there for the ones behind it. GOES_ON, or how it ended. */
static int preload(Run *run, Preload *p)
{
    int code = EXIT_OK;
    p->module = cli_load(run->engine, p->path, NULL, &code);
    if (p->module == NULL) return code;
    p->instance = instantiate(run, p->module, p->path, &p->path, 1, &code);
    if (code != GOES_ON) return code;
    tern_error error;
    if (tern_linker_define_instance(run->linker, p->name, p->instance, &error)) return GOES_ON;
    cli_error("%s: %s", p->path, error.text);
    return EXIT_LINK;
}

static int run_preloads(Run *run)
{
    const RunOptions *o = run->o;
    if (o->npreloads == 0) return GOES_ON;
    run->store = tern_store_create(run->engine, NULL);
    run->linker = tern_linker_create(run->engine);
    if (run->store == NULL || run->linker == NULL) return cli_no_memory();
    for (uint32_t i = 0; i < o->npreloads; i++) {
        int code = preload(run, &o->preloads[i]);
        if (code != GOES_ON) return code;
    }
    return GOES_ON;
}

static int run_main(Run *run, tern_module *module)
{
    /* argv for the guest: its name and, unless they are a function's, the arguments. */
    const RunOptions *o = run->o;
    uint32_t argc = o->invoke != NULL ? 1 : o->nargs + 1;
    const char **argv = calloc(argc, sizeof *argv);
    if (argv == NULL) return cli_no_memory();
    argv[0] = o->arg0 != NULL ? o->arg0 : o->path;
    for (uint32_t i = 1; i < argc; i++) argv[i] = o->args[i - 1];

    int code;
    tern_instance *instance = instantiate(run, module, o->path, argv, argc, &code);
    free(argv);
    if (code == GOES_ON && !set_limits(run, instance)) code = EXIT_LINK;
    else if (code == GOES_ON) code = o->invoke != NULL ? run_function(module, instance, o) : run_program(module, instance, o);
    tern_instance_destroy(instance);
    return code;
}

static int run_all(const RunOptions *o)
{
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.checks_explicitly = o->checks_explicitly;
    options.limits = o->limits;
    options.validation_threads = CLI_VALIDATION_THREADS;
    tern_error error;
    Run run = {.o = o, .engine = tern_engine_create_with(&options, &error), .deadline_ns = 0};
    if (run.engine == NULL) {
        cli_error("%s", error.text);
        return EXIT_LINK;
    }
    int code = EXIT_OK;
    tern_module *module = cli_load(run.engine, o->path, NULL, &code);
    if (module != NULL) {
        if (o->timeout != NULL) run.deadline_ns = now_ns() + o->timeout_ns;
        code = run_preloads(&run);
        if (code == GOES_ON) code = run_main(&run, module);
        for (uint32_t i = o->npreloads; i-- > 0;) tern_instance_destroy(o->preloads[i].instance);
        for (uint32_t i = o->npreloads; i-- > 0;) tern_module_unload(o->preloads[i].module);
        tern_linker_destroy(run.linker);
        if (run.store != NULL) tern_store_destroy(run.store);
    }
    tern_module_unload(module);
    tern_engine_destroy(run.engine);
    return code;
}

int cli_run(int argc, char **argv)
{
    RunOptions o;
    int n, code;
    if (!options_init(&o, (size_t)argc)) {
        code = cli_no_memory();
    } else if ((code = cli_options_read(COMMAND_RUN, argc, argv, take, &o, &n)) == EXIT_OK) {
        if (n > 0) {
            o.path = argv[1];
            o.args = argv + 2;
            o.nargs = (uint32_t)n - 1;
            code = run_all(&o);
        } else {
            code = cli_usage_error(COMMAND_RUN, "which file?");
        }
    }
    options_done(&o);
    return code;
}
