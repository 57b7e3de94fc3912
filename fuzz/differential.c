/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* differential.c - this side of the comparison with another engine (differ.js; the script `differential` runs both).
 *
 *   differential generate FOLDER N SEED FEATURE...   modules of those proposals: FOLDER/SEED-I.wasm
 *   differential execute FILE...                     runs each and writes FILE.tern and FILE.types
 *   differential compare FILE...                     FILE.tern against FILE.v8: prints those that differ
 *
 * Of two reasons to trap, a null reference and a bound, engines may give either (array.copy). How deep a stack and how
 * large a heap is are an engine's own: what comes after such an end is not compared.
 */
#include <stdio.h>

#include "binary/decode.h"
#include "execute.h"
#include "fuzz.h"
#include "interp/interp.h"
#include "port/port.h"

static void generate(const char *folder, u32 n, u64 seed, char **names, int nnames)
{
    u64 features = 1u << FEATURE_MVP;
    for (int i = 0; i < nnames; i++)
        for (u32 j = 0; j < FEATURE_COUNT; j++)
            if (strcmp(names[i], tern_feature_info[j].name) == 0) features |= 1ull << j;
    for (u32 i = 0; i < n; i++) {
        static u8 data[6000];
        u64 state = seed * 100000 + i;
        fuzz_random(&state);
        size_t size = 300 + fuzz_random(&state) % (sizeof data - 300);
        for (size_t j = 0; j < size; j++) data[j] = (u8)fuzz_random(&state);
        GenerateOptions options = {.features = features, .is_deterministic = true, .has_one_exceptions = true};
        Bytes bytes = fuzz_generate(data, size, &options);
        char path[512];
        snprintf(path, sizeof path, "%s/%llu-%u.wasm", folder, (unsigned long long)seed, (unsigned)i);
        if (!fuzz_write_file(path, bytes.p, bytes.n)) fuzz_fail("%s cannot be written", path);
        bytes_done(&bytes);
    }
}

/* Names and types of exported globals, and of what functions give that give one number, one a line. */
static void write_types(Engine *engine, const char *file, const u8 *bytes, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s.types", file);
    DecodeOptions options = {.features = FEATURES_ALL};
    Module *module = tern_module_decode(engine->types, engine->options.alloc, bytes, size, &options, NULL);
    FILE *out = fopen(path, "wb");
    if (out == NULL) fuzz_fail("%s cannot be written", path);
    for (u32 i = 0; module != NULL && i < module->nexports; i++) {
        const Export *e = &module->exports[i];
        ValType t = VT_NONE;
        if (e->kind == EXTERN_GLOBAL) t = module->globals[e->index].type.type;
        if (e->kind == EXTERN_FUNC && tern_module_func_type(module, e->index)->nresults == 1)
            t = tern_module_func_type(module, e->index)->results[0];
        if (!vt_is_num(t)) continue;
        fprintf(out, "%.*s %s\n", (int)e->name.size, e->name.bytes,
                t == VT_I32   ? "i32"
                : t == VT_I64 ? "i64"
                : t == VT_F32 ? "f32"
                              : "f64");
    }
    fclose(out);
    tern_module_release(module);
}

static void execute(Engine *engine, const char *file)
{
    char path[512];
    size_t size;
    u8 *bytes = fuzz_read_file(file, &size);
    if (bytes == NULL) fuzz_fail("%s cannot be read", file);
    ExecuteOptions options = {.has_details = getenv("FUZZ_DETAILS") != NULL}; /* for people */
    Bytes text = fuzz_execute(engine, bytes, size, &options);
    snprintf(path, sizeof path, "%s.tern", file);
    if (!fuzz_write_file(path, text.p, text.n - 1)) fuzz_fail("%s cannot be written", path);
    write_types(engine, file, bytes, size);
    bytes_done(&text);
    free(bytes);
}

static bool ends_comparison(const char *line, size_t n)
{
    for (size_t i = 0; i + 10 <= n; i++)
        if (memcmp(line + i, "trap stack", 10) == 0 || memcmp(line + i, "trap memor", 10) == 0) return true;
    return false;
}

static bool is_either(const u8 *line, size_t n)
{
    return n > 8 && memcmp(line + n - 6, "trap ", 5) == 0 && (line[n - 1] == 'N' || line[n - 1] == 'B');
}

/* True: the texts say the same. */
static bool compare(const char *file)
{
    char path[512];
    size_t n, m;
    snprintf(path, sizeof path, "%s.tern", file);
    u8 *ours = fuzz_read_file(path, &n);
    snprintf(path, sizeof path, "%s.v8", file);
    u8 *theirs = fuzz_read_file(path, &m);
    if (ours == NULL || theirs == NULL) fuzz_fail("%s: a text is missing", file);
    bool same = true;
    size_t i = 0, j = 0;
    while (same && (i < n || j < m)) {
        const u8 *end = i < n ? memchr(ours + i, '\n', n - i) : NULL,
                 *other = j < m ? memchr(theirs + j, '\n', m - j) : NULL;
        size_t a = end == NULL ? n - i : (size_t)(end - ours) - i,
               b = other == NULL ? m - j : (size_t)(other - theirs) - j;
        if (ends_comparison((const char *)ours + i, a) || ends_comparison((const char *)theirs + j, b)) break;
        same = a == b && (a == 0 || memcmp(ours + i, theirs + j, a) == 0 ||
                          (is_either(ours + i, a) && is_either(theirs + j, b)));
        if (!same)
            printf("%s\n    tern %.*s\n    v8   %.*s\n", file, (int)a, (const char *)ours + i, (int)b,
                   (const char *)theirs + j);
        i += a + 1;
        j += b + 1;
    }
    free(ours);
    free(theirs);
    return same;
}

int main(int argc, char **argv)
{
    if (argc > 5 && strcmp(argv[1], "generate") == 0) {
        generate(argv[2], (u32)strtoul(argv[3], NULL, 0), strtoull(argv[4], NULL, 0), argv + 5, argc - 5);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "execute") == 0) {
        EngineOptions options = {
            .alloc = tern_port_system_alloc(), .features = FEATURES_ALL, .tier = &tern_interp_tier};
        tern_port_fault_init();
        Engine *engine = tern_engine_new(&options);
        if (engine == NULL) fuzz_fail("no memory");
        for (int i = 2; i < argc; i++) execute(engine, argv[i]);
        tern_engine_free(engine);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "compare") == 0) {
        int ndiffer = 0;
        for (int i = 2; i < argc; i++) ndiffer += !compare(argv[i]);
        return ndiffer > 0;
    }
    fputs("usage: differential generate FOLDER N SEED FEATURE... | execute FILE... | compare FILE...\n", stderr);
    return 2;
}
