/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* load.c - what a module costs before and while it runs: decoding with validation, lowering, memory, code.
 *
 *   build/bench/load FILE.wasm [ARGS...]
 *
 * Decodes and lowers all of the module, on one core, and says how fast and how much memory of the host's it takes;
 * then runs it as a program with ARGS, its output thrown away, and says how large the register code is of what ran.
 * Directories for it are named by LOAD_DIR. A large one is python.wasm of test/programs/fetch:
 *
 *   LOAD_DIR=test/programs/inputs build/bench/load build/programs/python-.../package/dist/python.wasm /script.py
 *
 * Times are of the processor, the best of several rounds. Goals stand beside the numbers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../include/tern.h"
#include "api/tern_handles.h"
#include "binary/decode.h"
#include "code/code.h"

enum { ROUNDS = 5 };

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now_s(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

static void must(bool is_ok, const char *why)
{
    if (is_ok) return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* The system's allocator, counting. */
typedef struct Counted {
    Alloc base;
    u64 live, peak;
} Counted;

static void *counted_resize(Alloc *self, void *p, size_t old_size, size_t new_size)
{
    Counted *c = (Counted *)self;
    void *result = tern_port_system_alloc()->resize(tern_port_system_alloc(), p, old_size, new_size);
    if (result == NULL && new_size > 0) return NULL;
    c->live += (u64)new_size - (u64)old_size;
    c->peak = u64_max(c->peak, c->live);
    return result;
}

static u8 *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    must(file != NULL, path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    u8 *bytes = malloc(*size + 1);
    must(bytes != NULL && fread(bytes, 1, *size, file) == *size, path);
    fclose(file);
    return bytes;
}

/* Lowered but never run: any token will do. */
static u32 token_of(Handler handler) { return (u32)handler; }

static double mb(u64 bytes) { return (double)bytes / 1e6; }

typedef struct Best {
    double decode_s, lower_s;
    u64 code_bytes, module_bytes, module_peak, lowered_bytes, units, nfuncs;
} Best;

/* The least of what decoding with two threads took, of the clock's time: both work at once. */
static double with_two_threads(const u8 *bytes, size_t size)
{
    double least = 0;
    for (int i = 0; i < 3; i++) {
        TypeRegistry *types = tern_types_new(tern_port_system_alloc());
        Diag diag = {0};
        must(types != NULL, "no memory");
        double start = seconds_of(CLOCK_MONOTONIC);
        Module *m = tern_module_decode(types, tern_port_system_alloc(), bytes, size,
                                       &(DecodeOptions){.features = FEATURES_ALL, .nthreads = 2}, &diag);
        double took = seconds_of(CLOCK_MONOTONIC) - start;
        must(m != NULL, "does not decode");
        if (least == 0 || took < least) least = took;
        tern_module_release(m);
        tern_types_free(types);
    }
    return least;
}

static void one_round(const u8 *bytes, size_t size, Best *best)
{
    Counted alloc = {.base = {counted_resize}};
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    Diag diag = {0};
    must(types != NULL, "no memory");
    double start = now_s();
    Module *m = tern_module_decode(types, &alloc.base, bytes, size,
                                   &(DecodeOptions){.features = FEATURES_ALL, .copy_bytes = true}, &diag);
    double decoded = now_s();
    must(m != NULL, "does not decode");
    best->module_bytes = alloc.live;
    best->module_peak = alloc.peak;

    u32 nimported = m->nimported[EXTERN_FUNC];
    ModuleCode *code = tern_code_of(m, token_of);
    CodeSet *set = code != NULL ? tern_code_set(code, CODE_GUARDED) : NULL;
    must(set != NULL, "no memory");
    best->code_bytes = best->units = 0;
    double lower_start = now_s();
    for (u32 i = 0; i < m->nfuncs - nimported; i++) {
        must(tern_code_lower(code, set, i, token_of, &diag), "does not lower");
        best->code_bytes += m->funcs[nimported + i].body_size;
        best->units += set->funcs[i].nunits;
    }
    double lowered = now_s();
    best->lowered_bytes = alloc.live - best->module_bytes;
    best->nfuncs = m->nfuncs;
    if (best->decode_s == 0 || decoded - start < best->decode_s) best->decode_s = decoded - start;
    if (best->lower_s == 0 || lowered - lower_start < best->lower_s) best->lower_s = lowered - lower_start;
    tern_module_release(m);
    must(alloc.live == 0, "memory is left");
    tern_types_free(types);
}

/* Runs it and looks at which functions have been lowered by that. */
static void run(const u8 *bytes, size_t size, int argc, char **argv)
{
    tern_error error = {.text = ""};
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_module_load(engine, bytes, size, &error);
    must(module != NULL, error.text);
    tern_config config = TERN_CONFIG_DEFAULT;
    const char *dir_name = getenv("LOAD_DIR");
    tern_dir dir = {.host = dir_name, .guest = "/"};
    int nothing = open("/dev/null", O_RDWR);
    config.argv = (const char *const *)argv;
    config.argc = (uint32_t)argc;
    config.dirs = &dir;
    config.ndirs = dir_name != NULL;
    config.stdio[0] = config.stdio[1] = config.stdio[2] = nothing;
    config.missing = TERN_MISSING_TRAP;
    config.stack_bytes = 16 << 20;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    must(instance != NULL, error.text);
    double start = now_s();
    tern_status status = tern_instance_run(instance, &error);
    double seconds = now_s() - start;
    const Module *m = module->module;
    const ModuleCode *code = m->code;
    u64 wasm_bytes = 0, units = 0, nran = 0;
    for (u32 mode = 0; code != NULL && mode < CODE_MODES; mode++)
        for (u32 i = 0; code->sets[mode] != NULL && i < m->nfuncs - m->nimported[EXTERN_FUNC]; i++) {
            const FuncCode *f = &code->sets[mode]->funcs[i];
            if (f->frame_cells == FRAME_CELLS_UNLOWERED) continue;
            nran++;
            units += f->nunits;
            wasm_bytes += m->funcs[m->nimported[EXTERN_FUNC] + i].body_size;
        }
    printf("ran (%s, %.3f s): %llu functions, %.3f MB of code, %.3f MB of register code: x %.2f (goal: 3)\n",
           status == TERN_TRAPPED ? "trapped" : status == TERN_ERROR ? error.text : "ended", seconds,
           (unsigned long long)nran, mb(wasm_bytes), mb(units * 2),
           wasm_bytes > 0 ? (double)(units * 2) / (double)wasm_bytes : 0);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

int main(int argc, char **argv)
{
    must(argc > 1, "usage: load FILE.wasm [ARGS...]");
    size_t size;
    u8 *bytes = read_file(argv[1], &size);
    Best best = {0};
    int rounds = getenv("LOAD_ROUNDS") != NULL ? atoi(getenv("LOAD_ROUNDS")) : ROUNDS;
    for (int i = 0; i < rounds; i++) one_round(bytes, size, &best);
    printf("%s: %.2f MB, of it code %.2f MB, %llu functions\n", argv[1], mb(size), mb(best.code_bytes),
           (unsigned long long)best.nfuncs);
    printf("decode and validate: %.1f MB/s of the file, %.1f MB/s of its code (goal: 250)\n", mb(size) / best.decode_s,
           mb(best.code_bytes) / best.decode_s);
    printf("by two threads:      %.1f MB/s of its code, by the clock\n", mb(best.code_bytes) / with_two_threads(bytes, size));
    printf("lower everything:    %.1f MB/s of its code (goal: 80)\n", mb(best.code_bytes) / best.lower_s);
    printf("memory when loaded:  x %.3f of the file (goal: 1.3), at most x %.3f on the way\n",
           (double)best.module_bytes / (double)size, (double)best.module_peak / (double)size);
    printf("memory when lowered: %.2f MB more; register code %.2f MB: x %.2f of the code (goal: 3 of what ran)\n",
           mb(best.lowered_bytes), mb(best.units * 2), (double)(best.units * 2) / (double)best.code_bytes);
    run(bytes, size, argc - 1, argv + 1);
    free(bytes);
    return 0;
}
