/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_api.c - target: any sequence of calls of tern.h that its contract allows, with right and wrong arguments.
 *
 * The input is a script: load generated and damaged modules, link them with host functions, globals, memories, tables
 * and each other, in one store or their own, call by name and by reference (also out of host functions), move
 * references about, read and write memories, tables and globals, take snapshots and go back, reset, limit fuel; engines
 * may allow few of some things; files in memory are put and read. Handles are released before what they live in, in any
 * order otherwise. What must hold: no crash; a failure fills the error; no module and no engine has more than it may;
 * memory that the size covers can be read, and none beyond; a restored instance looks as it did; files hold what was
 * put there; every byte of the engine's allocator comes back, also when requests fail.
 *
 * Cannot see: threads and timeouts (threads.c), WASI (wasi.c, wasi_calls.c), bytes in and out of real toolchains.
 */
#include <stdio.h>

#include "fuzz.h"
#include "tern.h"
#include "unit/test_alloc.h"

enum { MODULES = 3, INSTANCES = 4, REFS = 12, SNAPSHOTS = 3, SHARED = INSTANCES, FILES = 4, VDIR_BYTES = 4096 };

typedef struct Run {
    const u8 *p, *end;
    TestAlloc alloc;
    tern_engine *engine;
    tern_store *store; /* the shared one */
    tern_linker *linker;
    tern_module *modules[MODULES];
    tern_instance *instances[INSTANCES];
    bool is_shared[INSTANCES]; /* in the shared store */
    tern_ref *refs[REFS];
    u32 ref_store[REFS]; /* the instance whose store it is of, or SHARED */
    tern_snapshot *snapshots[SNAPSHOTS];
    u32 snapshot_of[SNAPSHOTS];
    u32 snapshot_hash[SNAPSHOTS];
    tern_memory *memory; /* of the host's, in the shared store */
    tern_table *table;
    tern_global *global;
    tern_limits limits;
    tern_vdir *vdir;
    bool has_file[FILES];
    size_t file_size[FILES]; /* each holds its size's low byte */
    u32 depth, ninstances;
} Run;

static u32 take(Run *r) { return r->p == r->end ? 0 : *r->p++; }
static u64 take_u64(Run *r)
{
    u64 v = 0;
    for (u32 i = 0, n = take(r) % 9; i < n; i++) v |= (u64)take(r) << 8 * i;
    return v;
}

static void *give(void *user, void *p, size_t old_size, size_t new_size)
{
    TestAlloc *alloc = user;
    return alloc->base.resize(&alloc->base, p, old_size, new_size);
}

static void check_error(const tern_error *error)
{
    if (error->kind == TERN_ERROR_NONE || error->text[0] == 0 || memchr(error->text, 0, sizeof error->text) == NULL)
        fuzz_fail("a failure without an error");
}

/* --- what an instance looks like */

static u32 hash(u32 h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const u8 *)p)[i]) * 16777619u;
    return h;
}

static u32 looks(tern_instance *instance, tern_module *module)
{
    u32 h = 2166136261u;
    tern_item item;
    for (u32 i = 0; module != NULL && tern_module_export(module, i, &item); i++) {
        char name[32];
        tern_extern e;
        snprintf(name, sizeof name, "%.*s", (int)item.name.size, item.name.bytes);
        if (item.kind == TERN_TAG || !tern_instance_export(instance, name, &e)) continue;
        if (item.kind == TERN_FUNC) tern_ref_release(e.of.func);
        if (item.kind == TERN_MEMORY) {
            u64 size = tern_memory_size(e.of.memory), shown = u64_min(size, 4096);
            const void *p = tern_memory_slice(e.of.memory, 0, shown);
            h = hash(h, &size, sizeof size);
            if (p != NULL) h = hash(h, p, (size_t)shown);
        }
        if (item.kind == TERN_TABLE) {
            u64 size = tern_table_size(e.of.table);
            h = hash(h, &size, sizeof size);
        }
        tern_value v = {0};
        if (item.kind == TERN_GLOBAL && tern_global_get(e.of.global, &v) && v.kind != TERN_REF)
            h = hash(h, &v.of, v.kind == TERN_I32 || v.kind == TERN_F32 ? 4 : v.kind == TERN_V128 ? 16 : 8);
    }
    return h;
}

/* --- references */

static void keep_ref(Run *r, tern_ref *ref, u32 store)
{
    if (ref == NULL) return;
    u32 slot = take(r) % REFS;
    tern_ref_release(r->refs[slot]);
    r->refs[slot] = ref;
    r->ref_store[slot] = store;
}

static u32 store_of(const Run *r, u32 instance) { return r->is_shared[instance] ? SHARED : instance; }

static void drop_refs(Run *r, u32 store)
{
    for (u32 i = 0; i < REFS; i++) {
        if (r->refs[i] == NULL || r->ref_store[i] != store) continue;
        tern_ref_release(r->refs[i]);
        r->refs[i] = NULL;
    }
}

static tern_value some_value(Run *r)
{
    tern_value v = {.kind = (tern_valkind)(take(r) % 6)};
    if (v.kind == TERN_REF) {
        v.of.ref = r->refs[take(r) % REFS];
    } else {
        v.of.i64 = take_u64(r);
    }
    return v;
}

static void call_ref(Run *r)
{
    tern_ref *ref = r->refs[take(r) % REFS];
    if (ref == NULL || r->depth > 3) return;
    char text[64];
    tern_value args[3], results[4] = {0};
    u32 nargs = take(r) % 3, nresults = take(r) % 3;
    size_t size = tern_ref_type_text(ref, text, sizeof text);
    if (size > 0 && size < sizeof text && strlen(text) != size) fuzz_fail("a type of another length");
    for (u32 i = 0; i < nargs; i++) args[i] = some_value(r);
    tern_error error = {0};
    tern_status status = tern_ref_call(ref, args, nargs, results, nresults, &error);
    if (status == TERN_ERROR) check_error(&error);
    for (u32 i = 0; status == TERN_OK && i < nresults; i++)
        if (results[i].kind == TERN_REF) tern_ref_release(results[i].of.ref);
}

static bool host_f0(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    Run *r = user;
    if (args[0].kind != TERN_I32 || results[0].kind != TERN_I32) fuzz_fail("a host function's types");
    results[0].of.i32 = args[0].of.i32 * 3 + 1;
    if (take(r) > 200) {
        r->depth++;
        call_ref(r);
        r->depth--;
    }
    if (take(r) == 255) return tern_instance_fail(caller, "the host does not want to");
    return true;
}

static bool host_f1(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)user, (void)results;
    tern_memory *memory = tern_instance_memory(caller, NULL);
    u8 bytes[8];
    if (memory != NULL) (void)tern_memory_read(memory, args[0].of.i64, bytes, sizeof bytes);
    return true;
}

/* Of whatever type: results stay null and zero. */
static bool host_any(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user, (void)args, (void)results;
    return true;
}

/* --- steps */

static bool exceeds(u32 n, u32 most) { return most != 0 && n > most; }

/* Of some things few. */
static void set_limits(Run *r)
{
    tern_limits *l = &r->limits;
    u32 *const fields[] = {&l->functions, &l->tables, &l->memories, &l->globals, &l->imports, &l->exports, &l->types,
                           &l->data_segments, &l->locals, &l->nesting, &l->body_bytes, &l->instances, &l->stacks};
    for (u32 i = 0, n = take(r) % 4; i < n; i++) *fields[take(r) % COUNT_OF(fields)] = 1 + take(r) % 64;
}

static void load(Run *r)
{
    u32 slot = take(r) % MODULES, n = take(r) * 5, damage = take(r);
    if (r->modules[slot] != NULL) return;
    if (n > (u32)(r->end - r->p)) n = (u32)(r->end - r->p);
    GenerateOptions options = {.features = FEATURES_ALL, .is_deterministic = true};
    Bytes bytes = fuzz_generate(r->p, n, &options);
    r->p += n;
    if (damage > 200) bytes.p[take_u64(r) % bytes.n] ^= (u8)damage;
    tern_error error = {0};
    r->modules[slot] = tern_module_load(r->engine, bytes.p, bytes.n, &error);
    if (r->modules[slot] == NULL) check_error(&error);
    bytes_done(&bytes);
    char text[200];
    tern_module *module = r->modules[slot];
    if (module == NULL) return;
    tern_counts counts;
    tern_module_counts(module, &counts);
    const tern_limits *most = &r->limits;
    if (exceeds(counts.funcs, most->functions) || exceeds(counts.tables, most->tables) ||
        exceeds(counts.memories, most->memories) || exceeds(counts.globals, most->globals) ||
        exceeds(counts.imports, most->imports) || exceeds(counts.exports, most->exports) ||
        exceeds(counts.types, most->types) || exceeds(counts.data_segments, most->data_segments))
        fuzz_fail("a module has more than there may be");
    for (u32 i = 0; i < counts.funcs; i++) tern_module_type_text(module, TERN_FUNC, i, text, take(r) % sizeof text);
    for (u32 i = 0; i < counts.tables; i++) tern_module_type_text(module, TERN_TABLE, i, text, sizeof text);
    tern_module_code_text(module, counts.imported_funcs, text, sizeof text);
    tern_linker_missing(r->linker, module, text, take(r) % sizeof text);
}

static void destroy_instance(Run *r, u32 i)
{
    if (r->instances[i] == NULL) return;
    for (u32 j = 0; j < SNAPSHOTS; j++) {
        if (r->snapshots[j] == NULL || r->snapshot_of[j] != i) continue;
        tern_snapshot_destroy(r->snapshots[j]);
        r->snapshots[j] = NULL;
    }
    if (!r->is_shared[i]) drop_refs(r, i);
    tern_instance_destroy(r->instances[i]);
    r->ninstances--; /* or less: a shared store may keep it */
    r->instances[i] = NULL;
}

static void create(Run *r)
{
    u32 slot = take(r) % INSTANCES, flags = take(r);
    tern_module *module = r->modules[take(r) % MODULES];
    if (r->instances[slot] != NULL || module == NULL) return;
    tern_config config = TERN_CONFIG_DEFAULT;
    if (flags & 1) config.store = r->store;
    if ((flags & 6) != 0) config.linker = r->linker;
    if (flags & 8) config.missing = TERN_MISSING_TRAP;
    if (flags & 16) config.max_memory_bytes = (u64)take(r) * 4096;
    if (flags & 32) config.guest_heap_bytes = (u64)take(r) * 300;
    config.max_gc_bytes = 16 << 20;
    tern_dir dir = {.guest = "/", .vdir = r->vdir};
    if (r->vdir != NULL) config.dirs = &dir, config.ndirs = 1;
    config.stack_bytes = (flags & 64) != 0 ? (size_t)take(r) * 256 : 0;
    tern_error error = {0};
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) check_error(&error);
    r->ninstances += instance != NULL;
    if (exceeds(r->ninstances, r->limits.instances)) fuzz_fail("more instances than there may be");
    r->instances[slot] = instance;
    r->is_shared[slot] = config.store != NULL;
    if (instance != NULL) tern_instance_set_fuel(instance, 100000);
}

static void use_memory(Run *r, tern_memory *memory)
{
    u64 at = take_u64(r), n = take(r), size = tern_memory_size(memory);
    u8 bytes[256] = {0};
    bool fits = n <= size && at <= size - n;
    if (tern_memory_read(memory, at, bytes, (size_t)n) != fits)
        fuzz_fail("a read of %llu at %llx of %llx", (unsigned long long)n, (unsigned long long)at,
                  (unsigned long long)size);
    if (tern_memory_write(memory, at, bytes, (size_t)n) != fits) fuzz_fail("a write where a read was not");
    u8 *p = tern_memory_slice(memory, at, n);
    if (p != NULL && n > 0) p[n - 1] ^= 1, p[0] ^= 1;
    u64 length;
    const char *text = tern_memory_cstr(memory, at, take(r), &length);
    if (text != NULL && text[length] != 0) fuzz_fail("a string without an end");
    if (take(r) > 240) tern_memory_grow(memory, take(r) > 128 ? take_u64(r) : 1);
}

static void use_table(Run *r, tern_table *table, u32 store)
{
    u64 at = take(r) < 240 ? take(r) % 24 : take_u64(r);
    tern_ref *ref = NULL;
    if (tern_table_get(table, at, &ref)) {
        if (at >= tern_table_size(table)) fuzz_fail("an element beyond the table");
        keep_ref(r, ref, store);
    }
    u32 what = take(r);
    if (what < 100) (void)tern_table_set(table, at, r->refs[take(r) % REFS]);
    if (what > 240) (void)tern_table_grow(table, take(r), r->refs[take(r) % REFS]);
}

static void use_export(Run *r, u32 i)
{
    char name[4];
    tern_extern e;
    snprintf(name, sizeof name, "%s%u", (const char *const[]){"", "m", "t", "g"}[take(r) % 4], (unsigned)take(r) % 14);
    if (!tern_instance_export(r->instances[i], name, &e)) return;
    switch (e.kind) {
    case TERN_FUNC: keep_ref(r, e.of.func, store_of(r, i)); break;
    case TERN_MEMORY: use_memory(r, e.of.memory); break;
    case TERN_TABLE: use_table(r, e.of.table, store_of(r, i)); break;
    case TERN_GLOBAL: {
        tern_value v = {0};
        if (tern_global_get(e.of.global, &v) && v.kind == TERN_REF) keep_ref(r, v.of.ref, store_of(r, i));
        v = some_value(r);
        (void)tern_global_set(e.of.global, &v);
        break;
    }
    case TERN_TAG: break;
    }
}

static void call_export(Run *r, u32 i)
{
    char name[2] = {(char)('0' + take(r) % 5), 0};
    tern_error error = {0};
    tern_trap trap;
    tern_frame frame;
    tern_instance_set_fuel(r->instances[i], (u64)take(r) * 1000);
    tern_status status = tern_instance_call(r->instances[i], name, NULL, take(r) > 250, NULL, 0, &error);
    if (status == TERN_ERROR) check_error(&error);
    if (status == TERN_TRAPPED && !tern_instance_trap(r->instances[i], &trap))
        fuzz_fail("a trap without a description");
    for (u32 j = 0; status == TERN_TRAPPED && tern_instance_trap_frame(r->instances[i], j, &frame); j++) {}
}

static void use_snapshot(Run *r, u32 i)
{
    u32 slot = take(r) % SNAPSHOTS;
    tern_error error = {0};
    tern_module *module = tern_instance_module(r->instances[i]);
    if (r->snapshots[slot] == NULL) {
        r->snapshots[slot] = tern_instance_snapshot(r->instances[i], &error);
        if (r->snapshots[slot] == NULL) check_error(&error);
        r->snapshot_of[slot] = i;
        r->snapshot_hash[slot] = looks(r->instances[i], module);
    } else if (take(r) < 100) {
        tern_snapshot_destroy(r->snapshots[slot]);
        r->snapshots[slot] = NULL;
    } else if (r->snapshot_of[slot] == i) {
        if (!tern_instance_restore(r->instances[i], r->snapshots[slot], &error)) {
            check_error(&error);
        } else if (module != NULL && r->alloc.nth == TEST_ALLOC_NEVER && !r->is_shared[i] &&
                   looks(r->instances[i], module) != r->snapshot_hash[slot]) {
            fuzz_fail("a restored instance looks different");
        }
    }
}

static void with_instance(Run *r)
{
    u32 i = take(r) % INSTANCES;
    if (r->instances[i] == NULL) return;
    tern_error error = {0};
    switch (take(r) % 13) {
    case 0: case 1: case 2: call_export(r, i); break;
    case 3: case 4: case 5: use_export(r, i); break;
    case 6: use_snapshot(r, i); break;
    case 7:
        if (!tern_instance_reset(r->instances[i], &error)) check_error(&error);
        break;
    case 8: {
        u64 at = tern_instance_malloc(r->instances[i], take(r) < 200 ? take(r) : take_u64(r), &error);
        if (at == 0) check_error(&error);
        if (take(r) < 200) tern_instance_free(r->instances[i], at, &error);
        break;
    }
    case 9:
        tern_instance_interrupt(r->instances[i], TERN_STOP_INTERRUPTED);
        call_export(r, i);
        tern_instance_resume(r->instances[i]);
        break;
    case 10:
        if (r->linker != NULL) (void)tern_linker_define_instance(r->linker, "h", r->instances[i], &error);
        break;
    case 11: /* too long to matter; threads.c has those that do */
        if (!tern_instance_set_timeout(r->instances[i], take(r) & 1 ? TERN_UNLIMITED : 60000000000u, &error))
            check_error(&error);
        break;
    default: {
        void *out = NULL;
        size_t size = 0;
        tern_status status = tern_instance_call_bytes(r->instances[i], "0", "bytes", 5, &out, &size, &error);
        if (status == TERN_OK) tern_bytes_free(r->instances[i], out);
        break;
    }
    }
}

/* What a host makes itself, in the shared store. */
static void with_store(Run *r)
{
    static const char *const types[] = {
        "1 4", "i64 0 2", "4 20 funcref", "2 externref", "i32", "(mut i32)", "(mut externref)", "(mut f64)",
        "(param i32) (result i32)", "(param anyref", "1 2 shared", "", "3 2",
    };
    const char *type = types[take(r) % COUNT_OF(types)];
    tern_error error = {0};
    tern_value v = some_value(r);
    switch (take(r) % 6) {
    case 0:
        r->memory = tern_memory_create(r->store, type, &error);
        if (r->memory == NULL) check_error(&error);
        if (r->memory != NULL) use_memory(r, r->memory);
        break;
    case 1:
        r->table = tern_table_create(r->store, type, NULL, &error);
        if (r->table == NULL) check_error(&error);
        if (r->table != NULL) use_table(r, r->table, SHARED);
        break;
    case 2:
        r->global = tern_global_create(r->store, type, &v, &error);
        if (r->global == NULL) check_error(&error);
        if (r->global != NULL && r->linker != NULL) {
            tern_extern e = {.kind = TERN_GLOBAL, .of.global = r->global};
            (void)tern_linker_define(r->linker, "h", "g0", &e, &error);
        }
        break;
    case 3: keep_ref(r, tern_ref_from_host(r->store, r, NULL), SHARED); break;
    case 4: keep_ref(r, tern_func_create(r->store, type, host_any, r, &error), SHARED); break;
    default: {
        u32 from = take(r) % REFS;
        if (r->refs[from] == NULL) break;
        tern_ref *copy = tern_ref_copy(r->refs[from]);
        if (copy != NULL && !tern_ref_equal(copy, r->refs[from])) fuzz_fail("a copy that is not equal");
        keep_ref(r, copy, r->ref_store[from]);
        break;
    }
    }
}

/* Files of a directory in memory are what was put there last. */
static void with_vdir(Run *r)
{
    static const char *const paths[FILES] = {"a", "d/b", "d/e/c", "d/./../f"};
    static const char *const refused[] = {"d", "a/b", "../a", "", "/a", "d/"};
    static u8 bytes[VDIR_BYTES];
    if (r->vdir == NULL) r->vdir = tern_vdir_create(r->engine, VDIR_BYTES);
    if (r->vdir == NULL) return;
    tern_error error = {0};
    u32 i = take(r) % FILES;
    size_t n = take(r) * 8u, got = 0;
    memset(bytes, (int)n & 0xff, n);
    void *copy = NULL;
    if (tern_vdir_put(r->vdir, paths[i], bytes, n, &error)) {
        r->has_file[i] = true;
        r->file_size[i] = n;
    } else {
        check_error(&error);
    }
    for (u32 j = 0; j < FILES; j++) {
        if (!tern_vdir_get(r->vdir, paths[j], &copy, &got)) {
            if (r->has_file[j] && r->alloc.nth == TEST_ALLOC_NEVER) fuzz_fail("%s is gone", paths[j]);
            continue;
        }
        memset(bytes, (int)r->file_size[j] & 0xff, r->file_size[j]);
        if (!r->has_file[j] || got != r->file_size[j] || memcmp(copy, bytes, got) != 0)
            fuzz_fail("%s holds something else", paths[j]);
        tern_vdir_free_bytes(r->vdir, copy);
    }
    const char *path = refused[take(r) % COUNT_OF(refused)];
    if (r->has_file[0] && r->has_file[1] && tern_vdir_put(r->vdir, path, "", 0, &error))
        fuzz_fail("a file at '%s'", path);
}

static void finish(Run *r)
{
    for (u32 i = 0; i < INSTANCES; i++) destroy_instance(r, i);
    drop_refs(r, SHARED);
    tern_linker_destroy(r->linker);
    tern_store_destroy(r->store);
    tern_vdir_destroy(r->vdir);
    for (u32 i = 0; i < MODULES; i++) tern_module_unload(r->modules[i]);
    tern_engine_destroy(r->engine);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Run *r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->p = data;
    r->end = data + size;
    r->alloc = test_alloc(take(r) < 16 ? (u32)take_u64(r) & 0xfff : TEST_ALLOC_NEVER);
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.allocator = (tern_allocator){give, &r->alloc};
    u32 flags = take(r);
    options.checks_explicitly = flags & 1;
    if (flags > 220) set_limits(r);
    options.limits = r->limits;
    tern_error error = {0};
    r->engine = tern_engine_create_with(&options, &error);
    if (r->engine != NULL) {
        r->store = tern_store_create(r->engine, r);
        r->linker = tern_linker_create(r->engine);
        if (r->store != NULL && r->linker != NULL) {
            (void)tern_linker_define_func(r->linker, "h", "f0", "(param i32) (result i32)", host_f0, r, &error);
            (void)tern_linker_define_func(r->linker, "h", "f1", "(param i64 f64)", host_f1, r, &error);
            for (u32 steps = 0; r->p != r->end && steps < 200; steps++) {
                u32 what = take(r);
                if (what < 30) load(r);
                else if (what < 60) create(r);
                else if (what < 180) with_instance(r);
                else if (what < 220) with_store(r);
                else if (what < 232) call_ref(r);
                else if (what < 235) with_vdir(r);
                else if (what < 245) destroy_instance(r, what % INSTANCES);
                else if (what < 250) {
                    tern_module_unload(r->modules[what % MODULES]);
                    r->modules[what % MODULES] = NULL;
                }
            }
        }
        finish(r);
    }
    if (r->alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)r->alloc.live);
    free(r);
    return 0;
}
