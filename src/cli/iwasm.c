/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* iwasm.c - tern under the name iwasm: WAMR's command, for the scripts and test drivers that call it. What it
 * prints and how it ends is compared by them. Everything goes through wasm_export.h. */
#include "iwasm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { IWASM_FAILED = 255, IWASM_HELP = 1, IWASM_TRAPPED = 1 };

typedef struct Settings {
    const char *function; /* NULL: main */
    int log_level;
    RunningMode mode;
    uint32_t stack_size, heap_size, shared_heap_size, gc_heap_size, max_threads;
    int timeout_ms; /* -1: none */
    bool is_repl, no_checks, has_debugger;
    char debug_ip[128];
    int debug_port;
    const char *module_path;
    StringList env, dirs, map_dirs, addrs, names, libs;
    char **argv; /* the file, and what is behind it */
    int argc;
} Settings;

bool iwasm_list_add(StringList *list, const char *item)
{
    const char **more = realloc(list->items, (list->n + 1) * sizeof *more);
    if (more == NULL) return false;
    list->items = more;
    list->items[list->n++] = item;
    return true;
}

/* --- options ------------------------------------------------------------------------------------------ */

static int help(void)
{
    cli_print_help(COMMAND_IWASM);
    return IWASM_HELP;
}

static int add(StringList *list, const char *item)
{
    return iwasm_list_add(list, item) ? EXIT_OK : IWASM_FAILED;
}

/* As atoi: scripts rely on it taking what it can. */
static uint32_t number(const char *text) { return (uint32_t)atoi(text); }

static int take_mode(Settings *s, RunningMode mode, const char *name)
{
    s->mode = mode;
    if (wasm_runtime_is_running_mode_supported(mode)) return EXIT_OK;
    fprintf(stderr, "iwasm: %s: not in this build, which has the interpreter\n", name);
    return help();
}

static int take_env(Settings *s, const char *value)
{
    const char *equals = strchr(value, '=');
    if (equals != NULL && equals != value) return add(&s->env, value);
    printf("Wasm parse env string failed: expect \"key=value\", got \"%s\"\n", value);
    return help();
}

static int take_addresses(Settings *s, char *value)
{
    int code = EXIT_OK;
    char *rest = NULL;
    for (char *one = strtok_r(value, ",", &rest); one != NULL && code == EXIT_OK; one = strtok_r(NULL, ",", &rest))
        code = add(&s->addrs, one);
    return code;
}

static int take_level(const char *what, int level)
{
    if (level < 1) printf("LLVM JIT %s level shouldn't be smaller than 1, setting it to 1\n", what);
    if (level > 3) printf("LLVM JIT %s level shouldn't be greater than 3, setting it to 3\n", what);
    return EXIT_OK;
}

static int take_segue(const char *value)
{
    static const char *const flags[] = {"i32.load",  "i64.load",  "f32.load",  "f64.load",  "v128.load",
                                        "i32.store", "i64.store", "f32.store", "f64.store", "v128.store"};
    for (const char *at = value; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, ",");
        bool is_known = false;
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            is_known |= strlen(flags[i]) == size && strncmp(flags[i], at, size) == 0;
        if (!is_known) return help();
        at += size + (at[size] == ',');
    }
    return EXIT_OK;
}

/* ip:port */
static int take_debugger(Settings *s, const char *value)
{
    const char *colon = strchr(value, ':');
    char *end = NULL;
    if (colon == NULL || (size_t)(colon - value) >= sizeof s->debug_ip) return help();
    long port = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port < 0 || port > 65535) return help();
    memcpy(s->debug_ip, value, (size_t)(colon - value));
    s->debug_ip[colon - value] = '\0';
    s->debug_port = (int)port;
    s->has_debugger = true;
    return EXIT_OK;
}

static int print_version(void)
{
    uint32_t major, minor, patch;
    wasm_runtime_get_version(&major, &minor, &patch);
    printf("iwasm %u.%u.%u\n", major, minor, patch);
    fputs("Phase4 Wasm Proposals Status:\n"
          "  Always-on:\n"
          "    - Exception handling\n"
          "    - Extended Constant Expressions\n"
          "    - Import/Export of Mutable Globals\n"
          "    - Multi-value\n"
          "    - Non-trapping float-to-int conversions\n"
          "    - Relaxed SIMD\n"
          "    - Sign-extension operators\n"
          "  Configurable:\n"
          "    - Bulk Memory Operation: 1\n"
          "    - Fixed-Width SIMD: 1\n"
          "    - Garbage Collection: 1\n"
          "    - Legacy Exception Handling: 1\n"
          "    - Memory64: 1\n"
          "    - Multiple Memory: 1\n"
          "    - Reference Types: 1\n"
          "    - Reference-Typed Strings: 0\n"
          "    - Tail Call: 1\n"
          "    - Threads: 1\n"
          "    - Typed Function References: 1\n"
          "  Unsupported:\n"
          "    - Custom Annotation Syntax in the Text Format\n"
          "    - JS String Builtins\n",
          stdout);
    printf("This is Tern %s, which provides that interface.\n", tern_version());
    return EXIT_OK;
}

/* One option; EXIT_OK, or the code to end with. value is NULL for a switch. */
static int take(Settings *s, OptionId id, char *value)
{
    switch (id) {
    case OPTION_IWASM_FUNCTION: s->function = value; break;
    case OPTION_IWASM_V:
        s->log_level = atoi(value);
        return s->log_level < 0 || s->log_level > 5 ? help() : EXIT_OK;
    case OPTION_IWASM_INTERP: return take_mode(s, Mode_Interp, "--interp");
    case OPTION_IWASM_FAST_JIT: return take_mode(s, Mode_Fast_JIT, "--fast-jit");
    case OPTION_IWASM_LLVM_JIT: return take_mode(s, Mode_LLVM_JIT, "--llvm-jit");
    case OPTION_IWASM_MULTI_JIT: return take_mode(s, Mode_Multi_Tier_JIT, "--multi-tier-jit");
    case OPTION_IWASM_STACK: s->stack_size = number(value); break;
    case OPTION_IWASM_HEAP: s->heap_size = number(value); break;
    case OPTION_IWASM_SHARED_HEAP: s->shared_heap_size = number(value); break;
    case OPTION_IWASM_GC_HEAP: s->gc_heap_size = number(value); break;
    case OPTION_IWASM_SIZE_LEVEL: return take_level("size", atoi(value));
    case OPTION_IWASM_OPT_LEVEL: return take_level("opt", atoi(value));
    case OPTION_IWASM_SEGUE: return take_segue(value);
    case OPTION_IWASM_REPL: s->is_repl = true; break;
    case OPTION_IWASM_CHECKS: s->no_checks = true; break;
    case OPTION_IWASM_ENV: return take_env(s, value);
    case OPTION_IWASM_DIR: return add(&s->dirs, value);
    case OPTION_IWASM_MAP_DIR: return add(&s->map_dirs, value);
    case OPTION_IWASM_ADDR_POOL: return take_addresses(s, value);
    case OPTION_IWASM_RESOLVE: return add(&s->names, value);
    case OPTION_IWASM_NATIVE_LIB: return add(&s->libs, value);
    case OPTION_IWASM_MODULE_PATH: s->module_path = value; break;
    case OPTION_IWASM_MAX_THREADS: s->max_threads = number(value); break;
    case OPTION_IWASM_TIMEOUT: s->timeout_ms = atoi(value); break;
    case OPTION_IWASM_DEBUG: return take_debugger(s, value);
    default: break; /* those that tune what is not there */
    }
    return EXIT_OK;
}

static const OptionInfo *find(const char *arg, const char **value)
{
    for (int i = 0; i < NOPTIONS; i++) {
        const OptionInfo *option = &cli_options[i];
        if (option->command != COMMAND_IWASM || !cli_option_matches(option, arg, value)) continue;
        bool is_joined = *value != NULL;
        if (option->value[0] == '=') return is_joined && **value != '\0' ? option : NULL;
        if (option->value[0] == '[') return option;
        return is_joined ? NULL : option;
    }
    return NULL;
}

/* EXIT_OK; CLI_HELPED when all is done, with 0; or the code to end with. */
static int read_options(int argc, char **argv, Settings *s)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strncmp(argv[i], "--version", 9) == 0) {
            print_version();
            return CLI_HELPED;
        }
        const char *value;
        const OptionInfo *option = find(argv[i], &value);
        if (option == NULL) return help();
        char *text = value != NULL ? argv[i] + (value - argv[i]) : NULL;
        if (option - cli_options == OPTION_IWASM_FUNCTION) {
            if (i + 2 >= argc) return help(); /* the name, and a file behind it */
            text = argv[++i];
        }
        int code = take(s, (OptionId)(option - cli_options), text);
        if (code != EXIT_OK) return code;
    }
    if (i == argc) return help();
    s->argv = argv + i;
    s->argc = argc - i;
    return EXIT_OK;
}

/* --- read, evaluate, print, loop ------------------------------------------------------------------------ */

/* Cuts the line into words at spaces; in the first a backslash, and a space behind it, is a space of the name. */
static int split(char *line, char **words, int max)
{
    int n = 0;
    char *from = line, *to;
    while (n < max) {
        from += strspn(from, " ");
        if (*from == '\0') break;
        words[n] = to = from;
        for (; *from != '\0' && *from != ' '; from++) {
            bool is_space = n == 0 && *from == '\\';
            *to++ = is_space ? ' ' : *from;
            if (is_space && from[1] == ' ') from++;
        }
        if (*from != '\0') from++;
        *to = '\0';
        n++;
    }
    return n;
}

static int repl(wasm_module_inst_t instance)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t size;
    int code = EXIT_OK;
    while (fputs("webassembly> ", stdout), fflush(stdout), (size = getline(&line, &cap, stdin)) > 0) {
        if (line[size - 1] == '\n') line[--size] = '\0';
        if (strcmp(line, "__exit__") == 0) {
            puts("exit repl mode");
            break;
        }
        int max = (int)(size / 2 + 1);
        char **words = calloc((size_t)max, sizeof *words);
        if (words == NULL) {
            code = IWASM_FAILED;
            break;
        }
        int n = split(line, words, max);
        if (n > 0) {
            wasm_application_execute_func(instance, words[0], n - 1, words + 1);
            const char *exception = wasm_runtime_get_exception(instance);
            if (exception != NULL) puts(exception);
        }
        free(words);
    }
    free(line);
    return code;
}

/* --- running -------------------------------------------------------------------------------------------- */

static int run_instance(wasm_module_inst_t instance, const Settings *s)
{
    if (s->is_repl) {
        int code = repl(instance);
        return code != EXIT_OK ? code : (int)(wasm_runtime_get_wasi_exit_code(instance) & 0xff);
    }
    if (s->function != NULL)
        wasm_application_execute_func(instance, s->function, s->argc - 1, s->argv + 1);
    else
        wasm_application_execute_main(instance, s->argc, s->argv);
    const char *exception = wasm_runtime_get_exception(instance);
    if (exception == NULL) return (int)(wasm_runtime_get_wasi_exit_code(instance) & 0xff);
    puts(exception);
    return IWASM_TRAPPED;
}

static bool prepare(wasm_module_inst_t instance, const Settings *s)
{
    if (s->no_checks) wasm_runtime_set_bounds_checks(instance, false);
    if (s->has_debugger) {
        wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(instance);
        if (env == NULL || wasm_runtime_start_debug_instance(env) == 0) {
            puts("Failed to start debug instance");
            return false;
        }
    }
    if (s->shared_heap_size > 0) {
        SharedHeapInitArgs args = {.size = s->shared_heap_size};
        wasm_shared_heap_t heap = wasm_runtime_create_shared_heap(&args);
        if (heap == NULL || !wasm_runtime_attach_shared_heap(instance, heap)) {
            puts(heap == NULL ? "Create preallocated shared heap failed" : "Attach shared heap failed.");
            return false;
        }
    }
    return true;
}

static int run_module(wasm_module_t module, const Settings *s)
{
    char error[512] = "";
    wasm_runtime_set_wasi_args(module, s->dirs.items, s->dirs.n, s->map_dirs.items, s->map_dirs.n, s->env.items,
                               s->env.n, s->argv, s->argc);
    wasm_runtime_set_wasi_addr_pool(module, s->addrs.items, s->addrs.n);
    wasm_runtime_set_wasi_ns_lookup_pool(module, s->names.items, s->names.n);

    Timeout *timeout = s->timeout_ms >= 0 ? iwasm_timeout_start((uint32_t)s->timeout_ms) : NULL;
    if (s->timeout_ms >= 0 && timeout == NULL) {
        puts("Failed to start timeout");
        return IWASM_FAILED;
    }
    int code = IWASM_FAILED;
    wasm_module_inst_t instance =
        wasm_runtime_instantiate(module, s->stack_size, s->heap_size, error, sizeof error);
    if (instance == NULL) {
        puts(error);
    } else {
        if (timeout != NULL) iwasm_timeout_watch(timeout, instance);
        if (prepare(instance, s)) code = run_instance(instance, s);
    }
    iwasm_timeout_stop(timeout);
    if (instance != NULL) wasm_runtime_deinstantiate(instance);
    return code;
}

static int run_file(const Settings *s)
{
    char error[512] = "";
    size_t size = 0;
    uint8_t *bytes = cli_read_file(s->argv[0], &size);
    if (bytes == NULL || size > UINT32_MAX) {
        printf("Read file to buffer failed: open file %s failed: %s\n", s->argv[0],
               bytes == NULL ? strerror(errno) : "too big");
        free(bytes);
        return IWASM_FAILED;
    }
    wasm_module_t module = wasm_runtime_load(bytes, (uint32_t)size, error, sizeof error);
    free(bytes);
    if (module == NULL) {
        puts(error);
        return IWASM_FAILED;
    }
    int code = run_module(module, s);
    wasm_runtime_unload(module);
    return code;
}

static int run(const Settings *s)
{
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_System_Allocator,
                            .running_mode = s->mode,
                            .gc_heap_size = s->gc_heap_size,
                            .max_thread_num = s->max_threads,
                            .instance_port = s->debug_port};
    memcpy(args.ip_addr, s->debug_ip, sizeof args.ip_addr);
    wasm_runtime_set_log_level((log_level_t)(s->log_level < 4 ? s->log_level : 4));
    if (!wasm_runtime_full_init(&args)) {
        puts("Init runtime environment failed.");
        return IWASM_FAILED;
    }
    NativeLib *libs = iwasm_libs_load(&s->libs);
    iwasm_set_module_path(s->module_path);
    int code = run_file(s);
    iwasm_libs_unload(libs);
    wasm_runtime_destroy();
    return code;
}

int cli_iwasm(int argc, char **argv)
{
    Settings s = {.log_level = 2, .stack_size = 65536, .timeout_ms = -1, .module_path = "."};
    int code = read_options(argc, argv, &s);
    if (code == EXIT_OK) code = run(&s);
    free(s.env.items);
    free(s.dirs.items);
    free(s.map_dirs.items);
    free(s.addrs.items);
    free(s.names.items);
    free(s.libs.items);
    if (code == CLI_HELPED) code = EXIT_OK;
    return fflush(stdout) == 0 || code != EXIT_OK ? code : IWASM_FAILED;
}
