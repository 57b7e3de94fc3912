/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* embedded_alloc_test.c - as alloc_test.c, through tern.h: every request for memory of an engine's allocator fails
 * once, while a host links, instantiates, gives a guest directories in memory, sockets and standard streams, calls it,
 * takes snapshots, passes references, sets fuel and timeouts, and while the guest starts threads.
 *
 * A step that fails has an error with a text, whatever was made can be destroyed, every byte comes back, no descriptor
 * of the process stays open, and the same engine then does everything as if nothing had been.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/port.h"
#include "tern.h"
#include "unit/test_alloc.h"

enum { MAX_RUNS = 600 }; /* more requests are taken at a stride */

/* cmocka sets its own fault handlers around every test: the port's must come back. */
static void keep_fault_handler(void)
{
    static struct sigaction ours;
    static bool is_known;
    if (!tern_port_fault_init()) return;
    sigaction(SIGSEGV, is_known ? &ours : NULL, is_known ? NULL : &ours);
    is_known = true;
}

static void *engine_realloc(void *user, void *p, size_t old_size, size_t new_size)
{
    TestAlloc *alloc = user;
    return alloc->base.resize(&alloc->base, p, old_size, new_size);
}

static u32 count_descriptors(void)
{
    u32 n = 0;
    for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) != -1;
    return n;
}

/* What happened, in the order in which it did: the outcome of one run to compare with another's. */
typedef struct Log {
    char text[2048];
    size_t n;
} Log;

__attribute__((format(printf, 2, 3))) static void say(Log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(log->text + log->n, sizeof log->text - log->n, format, args);
    va_end(args);
    if (n > 0) log->n += (size_t)n;
    assert_true(log->n < sizeof log->text);
}

/* A step that did not work says why. */
static void check_error(const char *step, const tern_error *error)
{
    if (error->kind == TERN_ERROR_NONE || error->text[0] == 0) fail_msg("%s failed without an error", step);
}

static void call(Log *log, tern_instance *instance, const char *name, const tern_value *args, u32 nargs, u32 nresults)
{
    tern_error error = {0};
    tern_value result = {0};
    tern_status status = tern_instance_call(instance, name, args, nargs, &result, nresults, &error);
    if (status != TERN_OK) check_error(name, &error);
    tern_trap trap;
    bool has_trap = status == TERN_TRAPPED && tern_instance_trap(instance, &trap);
    if (status == TERN_OK && result.kind == TERN_REF) {
        say(log, "%s: %p\n", name, tern_ref_host(result.of.ref));
        tern_ref_release(result.of.ref);
    } else {
        say(log, "%s: %d %s %u\n", name, (int)status, has_trap ? trap.code : "", nresults > 0 ? result.of.i32 : 0);
    }
}

static bool give_back(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user;
    results[0].of.ref = tern_ref_copy(args[1].of.ref);
    return true;
}

static void finalized(void *pointer) { ++*(u32 *)pointer; }

static int64_t read_nothing(void *user, void *to, size_t size)
{
    (void)user, (void)to, (void)size;
    return 0;
}

static tern_module *load(tern_engine *engine, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "test/stress/wasm/%s.wasm", name);
    tern_error error = {0};
    tern_module *module = tern_module_load_file(engine, path, &error);
    if (module == NULL) check_error(path, &error);
    return module;
}

/* --- one guest and all that hosts do -------------------------------------------------------------------- */

typedef struct Host {
    tern_engine *engine;
    tern_store *store;
    tern_linker *linker;
    tern_vdir *vdir;
    tern_module *module;
    tern_instance *instance;
    u32 nfinalized;
} Host;

static bool set_up(Host *h)
{
    tern_error error = {0};
    h->store = tern_store_create(h->engine, NULL);
    h->linker = tern_linker_create(h->engine);
    h->vdir = tern_vdir_create(h->engine, 1 << 20);
    h->module = load(h->engine, "everything");
    if (h->store == NULL || h->linker == NULL || h->vdir == NULL || h->module == NULL) return false;
    if (!tern_vdir_put(h->vdir, "deep/in/there", "text", 4, &error)) {
        check_error("put", &error);
        return false;
    }
    tern_table *table = tern_table_create(h->store, "1 100 externref", NULL, &error);
    tern_extern theirs = {.kind = TERN_TABLE, .of.table = table};
    bool ok = table != NULL && tern_linker_define(h->linker, "env", "table", &theirs, &error) &&
              tern_linker_define_func(h->linker, "env", "host", "(param i32 externref) (result externref)", give_back,
                                      NULL, &error);
    if (!ok) {
        check_error("define", &error);
        return false;
    }
    static const tern_stream in = {read_nothing, NULL, NULL};
    tern_dir dirs[] = {{.guest = "/", .vdir = h->vdir}};
    tern_config config = TERN_CONFIG_DEFAULT;
    config.argv = (const char *const[]){"guest", "argument"};
    config.argc = 2;
    config.dirs = dirs;
    config.ndirs = 1;
    config.streams[0] = &in;
    config.linker = h->linker;
    config.store = h->store;
    config.max_memory_bytes = 100 << 16;
    config.networks = (const char *const[]){"127.0.0.1/32"};
    config.nnetworks = 1;
    config.hosts = (const char *const[]){"localhost"};
    config.nhosts = 1;
    h->instance = tern_instance_create(h->module, &config, &error);
    if (h->instance == NULL) check_error("create", &error);
    return h->instance != NULL;
}

static void use(Host *h, Log *log)
{
    tern_error error = {0};
    tern_value dir = tern_i32(3), ten = tern_i32(10);
    call(log, h->instance, "files", &dir, 1, 1);
    call(log, h->instance, "poll", NULL, 0, 1);
    call(log, h->instance, "sockets", NULL, 0, 1);
    tern_snapshot *snapshot = tern_instance_snapshot(h->instance, &error);
    if (snapshot == NULL) check_error("snapshot", &error);
    call(log, h->instance, "grow", NULL, 0, 1);
    tern_ref *ref = tern_ref_from_host(h->store, &h->nfinalized, finalized);
    if (ref != NULL) {
        tern_value value = tern_ref_value(ref);
        tern_error failed = {0};
        tern_value result = {0};
        tern_status status = tern_instance_call(h->instance, "hosts", &value, 1, &result, 1, &failed);
        if (status != TERN_OK) check_error("hosts", &failed);
        if (status == TERN_OK) {
            say(log, "hosts: %d\n", tern_ref_host(result.of.ref) == &h->nfinalized);
            tern_ref_release(result.of.ref);
        }
        tern_ref_release(ref);
    }
    if (tern_instance_set_fuel(h->instance, 50)) call(log, h->instance, "again", &ten, 1, 1);
    if (!tern_instance_set_fuel(h->instance, TERN_UNLIMITED)) fail_msg("fuel cannot be made unlimited again");
    call(log, h->instance, "again", &ten, 1, 1);
    if (tern_instance_set_timeout(h->instance, 2000000, &error)) {
        call(log, h->instance, "spin", NULL, 0, 0);
        if (!tern_instance_set_timeout(h->instance, TERN_UNLIMITED, &error)) fail_msg("a timeout cannot be taken back");
    } else {
        check_error("timeout", &error);
    }
    if (snapshot != NULL) {
        if (tern_instance_restore(h->instance, snapshot, &error)) call(log, h->instance, "again", &ten, 1, 1);
        else check_error("restore", &error);
    }
    tern_snapshot_destroy(snapshot);
    if (tern_instance_reset(h->instance, &error)) call(log, h->instance, "files", &dir, 1, 1);
    else check_error("reset", &error);
}

static void one_guest(tern_engine *engine, Log *log)
{
    Host h = {.engine = engine};
    bool can = set_up(&h);
    say(log, "%d\n", can);
    if (can) use(&h, log);
    tern_instance_destroy(h.instance);
    tern_module_unload(h.module);
    tern_linker_destroy(h.linker);
    tern_vdir_destroy(h.vdir);
    tern_store_destroy(h.store);
    say(log, "%u finalized\n", h.nfinalized);
}

/* --- a guest with threads ------------------------------------------------------------------------------- */

static void guest_with_threads(tern_engine *engine, Log *log)
{
    tern_error error = {0};
    tern_module *module = load(engine, "spawns");
    tern_config config = TERN_CONFIG_DEFAULT;
    config.max_memory_bytes = 16 << 16;
    config.max_table_elems = 10;
    config.max_threads = 6; /* those of the first run may not be gone when the second begins */
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL && module != NULL) check_error("create", &error);
    tern_value args[] = {tern_i32(3), tern_i32(1)};
    if (instance != NULL) call(log, instance, "run", args, 2, 1);
    if (instance != NULL) call(log, instance, "run", args, 2, 1);
    tern_instance_destroy(instance);
    tern_module_unload(module);
}

/* --- every request -------------------------------------------------------------------------------------- */

typedef void Scenario(tern_engine *engine, Log *log);

static tern_engine *engine_over(TestAlloc *alloc, bool checks_explicitly)
{
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.allocator = (tern_allocator){engine_realloc, alloc};
    options.checks_explicitly = checks_explicitly;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create_with(&options, &error);
    if (engine == NULL) check_error("engine", &error);
    return engine;
}

static void fail_every(Scenario *scenario, bool checks_explicitly)
{
    keep_fault_handler();
    u32 nopen = count_descriptors();
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Log want = {0};
    tern_engine *engine = engine_over(&alloc, checks_explicitly);
    assert_non_null(engine);
    scenario(engine, &want);
    tern_engine_destroy(engine);
    assert_int_equal(alloc.live, 0);
    u32 n = alloc.nrequests, step = 1 + n / MAX_RUNS;
    for (u32 nth = 0; nth < n; nth += step) {
        alloc = test_alloc(nth);
        engine = engine_over(&alloc, checks_explicitly);
        if (engine != NULL) {
            Log failed = {0}, got = {0};
            scenario(engine, &failed);
            alloc.nth = TEST_ALLOC_NEVER;
            scenario(engine, &got);
            if (strcmp(got.text, want.text) != 0)
                fail_msg("after request %u failed: %s\nbut before: %s", (unsigned)nth, got.text, want.text);
            tern_engine_destroy(engine);
        }
        if (alloc.live != 0)
            fail_msg("request %u: %u bytes in %u blocks are left", (unsigned)nth, (unsigned)alloc.live,
                     (unsigned)alloc.live_blocks);
        if (count_descriptors() != nopen) fail_msg("request %u: a descriptor was left open", (unsigned)nth);
    }
    print_message("%u requests; %s", (unsigned)n, want.text);
}

static void any_request_of_an_embedder_may_fail(void **state)
{
    (void)state;
    fail_every(one_guest, false);
}

static void any_request_of_an_embedder_that_checks_addresses_may_fail(void **state)
{
    (void)state;
    fail_every(one_guest, true);
}

static void any_request_of_a_guest_with_threads_may_fail(void **state)
{
    (void)state;
    fail_every(guest_with_threads, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_request_of_an_embedder_may_fail),
        cmocka_unit_test(any_request_of_an_embedder_that_checks_addresses_may_fail),
        cmocka_unit_test(any_request_of_a_guest_with_threads_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
