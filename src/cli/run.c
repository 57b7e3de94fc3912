/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* run.c - tern run: a program with WASI, or one function with values from the command line. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char cli_run_help[] =
    "tern run - run a program, or call one of its functions\n"
    "\n"
    "Usage: tern run [OPTIONS] FILE [ARGS...]\n"
    "\n"
    "Runs the program in FILE (- is standard input): calls its _start with WASI preview 1. ARGS are the\n"
    "program's arguments; options of tern stand before FILE. The program sees its arguments, the variables\n"
    "given by --env, directories given by --dir, the standard streams, clocks and random numbers, and\n"
    "nothing else of this machine.\n"
    "\n"
    "Options:\n"
    "  --env NAME=VALUE     an environment variable for the program; may be repeated. Nothing of the\n"
    "                       shell's environment is passed on its own\n"
    "  --dir HOST[::GUEST]  a directory the program may use, called GUEST by it (default: HOST); may be\n"
    "                       repeated. With :ro at the end it can only be read. Paths cannot leave it\n"
    "  --arg0 NAME          the program's own name, argv[0], instead of FILE\n"
    "  --invoke NAME        call the exported function NAME with ARGS as its arguments, and print each\n"
    "                       result as VALUE:TYPE. Integers are decimal or 0x..., a v128 is 0x and 32\n"
    "                       digits, a reference is null\n"
    "  --timeout SECONDS    stop the program after that time (2, 0.5), wherever it is\n"
    "  --stack-size BYTES   room for the program's calls, with K or M behind it if you like; default 1M\n"
    "  --trap-missing       start although functions are missing that the program imports; calling one traps\n"
    "\n"
    "Examples:\n"
    "  tern run hello.wasm                            run a program\n"
    "  tern run --env LANG=C sort.wasm -r <words      options of the program stand behind FILE\n"
    "  tern run --dir site::/ --dir /etc:ro web.wasm  site is its root, /etc can be read\n"
    "  tern run --invoke fac math.wasm 20             prints 2432902008176640000:i64\n"
    "  tern run --timeout 1 --invoke spin busy.wasm   ends with exit code 134\n"
    "\n"
    "Exit codes:\n"
    "  the program's own (of one whose last eight bits are zero, 1); 0 when it returns\n"
    "  2     wrong usage, or a file that cannot be read\n"
    "  3     not a valid module, or an import that nobody provides\n"
    "  134   the program trapped, or ran into --timeout; what and where is on standard error\n";

typedef struct RunOptions {
    const char *path, *arg0, *invoke;
    const char **env;
    uint32_t nenv;
    tern_dir *dirs; /* their names lie in dir_names */
    uint32_t ndirs;
    char **dir_names;
    double timeout_seconds; /* 0: none */
    size_t stack_bytes;     /* 0: the default */
    bool trap_missing;
    char **args; /* behind FILE */
    int nargs;
} RunOptions;

/* --- options ---------------------------------------------------------------------------------------- */

static bool parse_size(const char *text, size_t *out)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0) return false;
    unsigned shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' || *end == 'm' ? 20 : 0;
    if (end[shift != 0] != '\0' || n == 0 || n > (SIZE_MAX >> 1 >> shift)) return false;
    *out = (size_t)n << shift;
    return true;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && *out > 0 && *out <= 1e9;
}

/* The value of option name at argv[*i]: "--name VALUE" or "--name=VALUE". NULL: another option. *missing: it
 * is this one, without a value. */
static const char *option_value(const char *name, int argc, char **argv, int *i, bool *missing)
{
    const char *arg = argv[*i];
    size_t size = strlen(name);
    if (strncmp(arg, name, size) != 0) return NULL;
    if (arg[size] == '=') return arg + size + 1;
    if (arg[size] != '\0') return NULL;
    if (*i + 1 < argc) return argv[++*i];
    *missing = true;
    return NULL;
}

/* HOST[::GUEST][:ro] */
static int parse_dir(const char *value, RunOptions *o)
{
    char *name = strdup(value);
    if (name == NULL) {
        cli_error("out of memory");
        return EXIT_MODULE;
    }
    o->dir_names[o->ndirs] = name;
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
        return cli_usage_error("run", "--dir %s: write it HOST, HOST::GUEST or HOST::GUEST:ro", value);
    return EXIT_OK;
}

/* EXIT_OK, or the usage error that was printed. */
static int parse_options(int argc, char **argv, RunOptions *o)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        const char *arg = argv[i], *value;
        bool missing = false;
        if (strcmp(arg, "--") == 0) {
            i++;
            break;
        }
        if (strcmp(arg, "--trap-missing") == 0) {
            o->trap_missing = true;
        } else if ((value = option_value("--env", argc, argv, &i, &missing)) != NULL) {
            if (strchr(value, '=') == NULL || value[0] == '=')
                return cli_usage_error("run", "--env %s: write it NAME=VALUE", value);
            o->env[o->nenv++] = value;
        } else if (!missing && (value = option_value("--dir", argc, argv, &i, &missing)) != NULL) {
            int code = parse_dir(value, o);
            if (code != EXIT_OK) return code;
        } else if (!missing && (value = option_value("--arg0", argc, argv, &i, &missing)) != NULL) {
            o->arg0 = value;
        } else if (!missing && (value = option_value("--invoke", argc, argv, &i, &missing)) != NULL) {
            o->invoke = value;
        } else if (!missing && (value = option_value("--timeout", argc, argv, &i, &missing)) != NULL) {
            if (!parse_seconds(value, &o->timeout_seconds))
                return cli_usage_error("run", "--timeout %s: seconds, such as 2 or 0.5", value);
        } else if (!missing && (value = option_value("--stack-size", argc, argv, &i, &missing)) != NULL) {
            if (!parse_size(value, &o->stack_bytes))
                return cli_usage_error("run", "--stack-size %s: bytes, such as 65536, 64K or 8M", value);
        } else if (missing) {
            return cli_usage_error("run", "%s needs a value", arg);
        } else {
            return cli_usage_error("run", "unknown option %s; options of the program stand behind FILE", arg);
        }
    }
    if (i == argc) return cli_usage_error("run", "which file?");
    o->path = argv[i];
    o->args = argv + i + 1;
    o->nargs = argc - i - 1;
    return EXIT_OK;
}

/* --- values ----------------------------------------------------------------------------------------- */

/* Signed or unsigned, decimal or 0x; as many bits as the type has. */
static bool parse_integer(const char *text, unsigned bits, uint64_t *out)
{
    bool is_negative = text[0] == '-';
    const char *digits = text + (is_negative || text[0] == '+');
    if (digits[0] < '0' || digits[0] > '9') return false;
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    errno = 0;
    uint64_t n = strtoull(digits, &end, is_hex ? 16 : 10);
    if (errno != 0 || *end != '\0') return false;
    uint64_t max = is_negative ? (uint64_t)1 << (bits - 1) : UINT64_MAX >> (64 - bits);
    if (n > max) return false;
    *out = is_negative ? (uint64_t)0 - n : n;
    return true;
}

static bool parse_v128(const char *text, uint8_t bytes[16])
{
    if (strncmp(text, "0x", 2) != 0 || strlen(text) != 34 || strspn(text + 2, "0123456789abcdefABCDEF") != 32)
        return false;
    for (int i = 0; i < 16; i++) {
        const char pair[3] = {text[2 + 2 * i], text[3 + 2 * i], '\0'};
        bytes[15 - i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static bool parse_value(const char *text, tern_value *value)
{
    uint64_t bits = 0;
    char *end = NULL;
    switch (value->kind) {
    case TERN_I32:
        if (!parse_integer(text, 32, &bits)) return false;
        value->of.i32 = (uint32_t)bits;
        return true;
    case TERN_I64: return parse_integer(text, 64, &value->of.i64);
    case TERN_F32: value->of.f32 = strtof(text, &end); return end != text && *end == '\0';
    case TERN_F64: value->of.f64 = strtod(text, &end); return end != text && *end == '\0';
    case TERN_V128: return parse_v128(text, value->of.v128);
    case TERN_REF: value->of.ref = 0; return strcmp(text, "null") == 0;
    }
    return false;
}

static const char *const kind_names[] = {"i32", "i64", "f32", "f64", "v128", "ref"};

static void print_value(const tern_value *value)
{
    switch (value->kind) {
    case TERN_I32: printf("%" PRId32, (int32_t)value->of.i32); break;
    case TERN_I64: printf("%" PRId64, (int64_t)value->of.i64); break;
    case TERN_F32: printf("%.9g", (double)value->of.f32); break;
    case TERN_F64: printf("%.17g", value->of.f64); break;
    case TERN_V128:
        fputs("0x", stdout);
        for (int i = 15; i >= 0; i--) printf("%02x", value->of.v128[i]);
        break;
    case TERN_REF: fputs(value->of.ref == 0 ? "null" : "non-null", stdout); break;
    }
    printf(":%s\n", kind_names[value->kind]);
}

/* --- the watchdog ----------------------------------------------------------------------------------- */

/* A thread that interrupts the instance at the deadline, unless it is told before that all is over. */
typedef struct Watchdog {
    tern_instance *instance;
    struct timespec deadline; /* CLOCK_MONOTONIC */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_over; /* under lock */
    bool is_running;
    pthread_t thread;
} Watchdog;

static void *watch(void *arg)
{
    Watchdog *dog = arg;
    pthread_mutex_lock(&dog->lock);
    int status = 0;
    while (!dog->is_over && status != ETIMEDOUT)
        status = pthread_cond_timedwait(&dog->changed, &dog->lock, &dog->deadline);
    if (!dog->is_over) tern_instance_interrupt(dog->instance, TERN_STOP_DEADLINE);
    pthread_mutex_unlock(&dog->lock);
    return NULL;
}

static bool watchdog_start(Watchdog *dog, tern_instance *instance, double seconds)
{
    clock_gettime(CLOCK_MONOTONIC, &dog->deadline);
    double whole = floor(seconds);
    dog->deadline.tv_sec += (time_t)whole;
    dog->deadline.tv_nsec += (long)((seconds - whole) * 1e9);
    if (dog->deadline.tv_nsec >= 1000000000) {
        dog->deadline.tv_nsec -= 1000000000;
        dog->deadline.tv_sec++;
    }
    dog->instance = instance;
    dog->is_over = false;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&dog->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&dog->lock, NULL);
    dog->is_running = pthread_create(&dog->thread, NULL, watch, dog) == 0;
    return dog->is_running;
}

static void watchdog_stop(Watchdog *dog)
{
    if (!dog->is_running) return;
    pthread_mutex_lock(&dog->lock);
    dog->is_over = true;
    pthread_cond_signal(&dog->changed);
    pthread_mutex_unlock(&dog->lock);
    pthread_join(dog->thread, NULL);
    pthread_mutex_destroy(&dog->lock);
    pthread_cond_destroy(&dog->changed);
}

/* --- running ---------------------------------------------------------------------------------------- */

static void print_trap(const tern_instance *instance, double timeout_seconds)
{
    tern_trap trap;
    if (!tern_instance_trap(instance, &trap)) return;
    if (strcmp(trap.code, "DEADLINE") == 0)
        cli_error("stopped after %g seconds (--timeout)", timeout_seconds);
    else if (trap.has_address)
        cli_error("trap: %s: %" PRIu64 " bytes at address 0x%" PRIx64 ", memory size is 0x%" PRIx64
                  " (%" PRIu64 " bytes)",
                  trap.text, trap.access_bytes, trap.address, trap.memory_bytes, trap.memory_bytes);
    else
        cli_error("trap: %s", trap.text);

    tern_frame frame;
    for (uint32_t i = 0; tern_instance_trap_frame(instance, i, &frame); i++) {
        fputs("  at ", stderr);
        if (frame.name.size > 0) {
            cli_print_name(stderr, frame.name.bytes, frame.name.size);
            fprintf(stderr, " (function %" PRIu32, frame.func_index);
        } else {
            fprintf(stderr, "function %" PRIu32 " (", frame.func_index);
        }
        if (frame.offset != 0)
            fprintf(stderr, "%soffset 0x%" PRIx64, frame.name.size > 0 ? ", " : "", frame.offset);
        else
            fputs(frame.name.size > 0 ? "" : "no name", stderr);
        fputs(")\n", stderr);
    }
    if (trap.nframes_all > trap.nframes)
        fprintf(stderr, "  ... and %" PRIu32 " more\n", trap.nframes_all - trap.nframes);
}

static int exit_code_of(uint32_t guest_code)
{
    int code = (int)(guest_code & 0xff);
    return guest_code != 0 && code == 0 ? 1 : code; /* a failure stays one */
}

/* Fills args from the command line; EXIT_OK or what was said. */
static int parse_args(const tern_module *module, const RunOptions *o, uint32_t func, tern_value *args)
{
    for (uint32_t i = 0; i < (uint32_t)o->nargs; i++) {
        args[i].kind = tern_module_param(module, func, i);
        if (parse_value(o->args[i], &args[i])) continue;
        return cli_usage_error("run", "argument %" PRIu32 " of %s: \"%s\" is no %s, or does not fit in one", i + 1, o->invoke,
                               o->args[i], kind_names[args[i].kind]);
    }
    return EXIT_OK;
}

static int report(tern_status status, const tern_instance *instance, const tern_error *error,
                  const RunOptions *o)
{
    switch (status) {
    case TERN_OK: return EXIT_OK;
    case TERN_EXITED: return exit_code_of(tern_instance_exit_code(instance));
    case TERN_TRAPPED: print_trap(instance, o->timeout_seconds); return EXIT_TRAPPED;
    case TERN_ERROR: break;
    }
    cli_error("%s: %s", o->path, error->text);
    return EXIT_MODULE;
}

static int run_program(const tern_module *module, tern_instance *instance, const RunOptions *o)
{
    uint32_t func;
    if (!tern_module_find_func(module, "_start", &func)) {
        char names[400];
        cli_list_functions(module, names, sizeof names);
        cli_error("%s: exports no _start, so it is no program%s%s", o->path,
                  names[0] != '\0' ? "; call a function with --invoke: " : "", names);
        return EXIT_MODULE;
    }
    tern_error error = {.text = ""};
    return report(tern_instance_run(instance, &error), instance, &error, o);
}

static int run_function(const tern_module *module, tern_instance *instance, const RunOptions *o)
{
    uint32_t func;
    if (!tern_module_find_func(module, o->invoke, &func)) {
        char names[400];
        cli_list_functions(module, names, sizeof names);
        return cli_usage_error("run", "%s exports no function %s; it has: %s", o->path, o->invoke,
                               names[0] != '\0' ? names : "none");
    }
    uint32_t nparams = tern_module_nparams(module, func), nresults = tern_module_nresults(module, func);
    if ((uint32_t)o->nargs != nparams) {
        char type[300];
        tern_module_type_text(module, TERN_FUNC, func, type, sizeof type);
        return cli_usage_error("run", "%s takes %" PRIu32 " arguments, not %d; its type is %s", o->invoke,
                               nparams, o->nargs, type[0] != '\0' ? type : "()");
    }
    tern_value *args = calloc((size_t)nparams + nresults + 1, sizeof *args), *results = args + nparams;
    if (args == NULL) {
        cli_error("out of memory");
        return EXIT_MODULE;
    }
    int code = parse_args(module, o, func, args);
    if (code == EXIT_OK) {
        tern_error error = {.text = ""};
        tern_status status =
            tern_instance_call(instance, o->invoke, args, nparams, results, nresults, &error);
        for (uint32_t i = 0; status == TERN_OK && i < nresults; i++) print_value(&results[i]);
        code = report(status, instance, &error, o);
    }
    free(args);
    return code;
}

static int run_module(tern_module *module, const RunOptions *o)
{
    /* argv for the guest: its name and, unless they are a function's, the arguments. */
    uint32_t argc = o->invoke != NULL ? 1 : (uint32_t)o->nargs + 1;
    const char **argv = calloc(argc, sizeof *argv);
    if (argv == NULL) {
        cli_error("out of memory");
        return EXIT_MODULE;
    }
    argv[0] = o->arg0 != NULL ? o->arg0 : o->path;
    for (uint32_t i = 1; i < argc; i++) argv[i] = o->args[i - 1];

    tern_config config = TERN_CONFIG_DEFAULT;
    config.argv = argv;
    config.argc = argc;
    config.env = o->env;
    config.nenv = o->nenv;
    config.dirs = o->dirs;
    config.ndirs = o->ndirs;
    config.stack_bytes = o->stack_bytes;
    config.missing = o->trap_missing ? TERN_MISSING_TRAP : TERN_MISSING_REFUSE;
    tern_error error;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    free(argv);
    if (instance == NULL) {
        bool may_trap = error.kind == TERN_ERROR_LINK && strstr(error.text, " the function ") != NULL;
        cli_error("%s: %s%s", o->path, error.text,
                  may_trap ? " (--trap-missing starts it all the same)" : "");
        return EXIT_MODULE;
    }

    Watchdog dog = {.is_running = false};
    int code;
    if (o->timeout_seconds > 0 && !watchdog_start(&dog, instance, o->timeout_seconds)) {
        cli_error("cannot start a thread for --timeout");
        code = EXIT_MODULE;
    } else {
        code = o->invoke != NULL ? run_function(module, instance, o) : run_program(module, instance, o);
    }
    watchdog_stop(&dog);
    tern_instance_destroy(instance);
    return code;
}

int cli_run(int argc, char **argv)
{
    RunOptions o = {.env = calloc((size_t)argc, sizeof *o.env), .dirs = calloc((size_t)argc, sizeof *o.dirs),
                    .dir_names = calloc((size_t)argc, sizeof *o.dir_names)};
    tern_engine *engine = tern_engine_create();
    int code = EXIT_MODULE;
    if (o.env == NULL || o.dirs == NULL || o.dir_names == NULL || engine == NULL) {
        cli_error("out of memory");
    } else if ((code = parse_options(argc, argv, &o)) == EXIT_OK) {
        tern_module *module = cli_load(engine, o.path, NULL, &code);
        if (module != NULL) code = run_module(module, &o);
        tern_module_unload(module);
    }
    tern_engine_destroy(engine);
    for (uint32_t i = 0; i < o.ndirs; i++) free(o.dir_names[i]);
    free(o.dir_names);
    free(o.dirs);
    free(o.env);
    return code;
}
