/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* alloc_test.c - every request for host memory fails once, and nothing is lost but the call that needed it.
 *
 * A scenario runs once to count its requests, then once for each of them, which fails; or for a stride of them where
 * there are very many. Each time: it comes back, everything is given back, and the same engine then runs the scenario
 * to the same end as an engine that never failed. Modules come from the generator (fuzz/generate.h), so that all
 * proposals take part: garbage collection, exceptions, tables, several and shared memories, tail calls.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../fuzz/execute.h"
#include "../fuzz/fuzz.h"
#include "interp/interp.h"
#include "port/port.h"
#include "unit/test_alloc.h"
#include "wasi/wasi.h"
#include "wasm_export.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { NSEEDS = 3 };
#else
enum { NSEEDS = 20 };
#endif
enum { MAX_RUNS = 400 }; /* of a scenario; more requests are taken at a stride */

/* cmocka sets its own fault handlers around every test: the port's must come back. */
static void keep_fault_handler(void)
{
    static struct sigaction ours;
    static bool is_known;
    if (!tern_port_fault_init()) return;
    sigaction(SIGSEGV, is_known ? &ours : NULL, is_known ? NULL : &ours);
    is_known = true;
}

static Bytes generated(u64 seed)
{
    static u8 data[2500];
    u64 state = seed;
    for (u32 i = 0; i < sizeof data; i++) data[i] = (u8)fuzz_random(&state);
    GenerateOptions options = {.features = FEATURES_ALL, .is_deterministic = true};
    return fuzz_generate(data, sizeof data, &options);
}

static Engine *engine_over(TestAlloc *alloc, bool memories_move, bool gc_stress)
{
    EngineOptions options = {.alloc = &alloc->base, .features = FEATURES_ALL, .tier = &tern_interp_tier,
                             .memories_move = memories_move, .gc_stress = gc_stress, .gc_limit_bytes = 16 << 20};
    return tern_engine_new(&options);
}

/* How many requests the scenario makes; what it says goes to *text. */
static u32 count_requests(const Bytes *module, bool memories_move, bool gc_stress, const ExecuteOptions *options,
                          Bytes *text)
{
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    Engine *engine = engine_over(&alloc, memories_move, gc_stress);
    assert_non_null(engine);
    *text = fuzz_execute(engine, module->p, module->n, options);
    tern_engine_free(engine);
    assert_int_equal(alloc.live, 0);
    return alloc.nrequests;
}

static void fail_every(u64 seed, bool memories_move, bool gc_stress, bool is_metered)
{
    Bytes module = generated(seed), want;
    ExecuteOptions options = {.has_details = true, .is_metered = is_metered, .fuel = 1u << 30};
    u32 n = count_requests(&module, memories_move, gc_stress, &options, &want), step = 1 + n / MAX_RUNS;
    for (u32 nth = (u32)seed % step; nth < n; nth += step) {
        TestAlloc alloc = test_alloc(nth);
        Engine *engine = engine_over(&alloc, memories_move, gc_stress);
        if (engine != NULL) {
            Bytes failed = fuzz_execute(engine, module.p, module.n, &options);
            bytes_done(&failed);
            alloc.nth = TEST_ALLOC_NEVER;
            Bytes got = fuzz_execute(engine, module.p, module.n, &options);
            if (strcmp((const char *)got.p, (const char *)want.p) != 0)
                fail_msg("seed %u, after request %u failed: %s\nbut before: %s", (unsigned)seed, (unsigned)nth,
                         (const char *)got.p, (const char *)want.p);
            bytes_done(&got);
            tern_engine_free(engine);
        }
        if (alloc.live != 0)
            fail_msg("seed %u, request %u: %u bytes in %u blocks are left", (unsigned)seed, (unsigned)nth,
                     (unsigned)alloc.live, (unsigned)alloc.live_blocks);
    }
    bytes_done(&want);
    bytes_done(&module);
}

static void any_request_of_a_guest_may_fail(void **state)
{
    (void)state;
    keep_fault_handler();
    for (u64 seed = 1; seed <= NSEEDS; seed++) fail_every(seed, false, false, false);
}

static void any_request_of_a_guest_with_checked_memories_may_fail(void **state)
{
    (void)state;
    keep_fault_handler();
    for (u64 seed = 101; seed <= 100 + NSEEDS; seed++) fail_every(seed, true, false, true);
}

static void any_request_of_a_guest_that_collects_all_the_time_may_fail(void **state)
{
    (void)state;
    keep_fault_handler();
    for (u64 seed = 201; seed <= 200 + NSEEDS; seed++) fail_every(seed, false, true, false);
}

/* --- wasm_export.h ------------------------------------------------------------------------------------ */

/* The embedder's allocator has no user pointer. */
static TestAlloc host_alloc;

typedef struct HostBlock {
    _Alignas(16) size_t size;
} HostBlock;

static void *host_malloc(unsigned int size)
{
    HostBlock *block = tern_alloc(&host_alloc.base, sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block + 1;
}

static void host_free(void *p)
{
    HostBlock *block = p;
    if (p != NULL) tern_free(&host_alloc.base, block - 1, sizeof *block + block[-1].size);
}

static void *host_realloc(void *p, unsigned int size)
{
    HostBlock *old = p;
    if (p == NULL) return host_malloc(size);
    HostBlock *block = tern_realloc(&host_alloc.base, old - 1, sizeof *old + old[-1].size, sizeof *old + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block + 1;
}

static uint32_t wat_host(wasm_exec_env_t env, uint32_t x)
{
    (void)env;
    return x + 1;
}

/* Whatever can be done with a module; each step only if those before it were possible. */
static bool embed(uint8_t *bytes, uint32_t size)
{
    RuntimeInitArgs init = {.mem_alloc_type = Alloc_With_Allocator};
    init.mem_alloc_option.allocator.malloc_func = (void *)host_malloc;
    init.mem_alloc_option.allocator.realloc_func = (void *)host_realloc;
    init.mem_alloc_option.allocator.free_func = (void *)host_free;
    static NativeSymbol symbols[] = {{"f0", (void *)wat_host, "(i)i", NULL}};
    char error[128];
    if (!wasm_runtime_full_init(&init)) return false;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    bool done = wasm_runtime_register_natives("h", symbols, 1);
    wasm_module_t module = wasm_runtime_load(bytes, size, error, sizeof error);
    wasm_module_inst_t inst = NULL;
    wasm_exec_env_t env = NULL, spawned = NULL;
    if (module != NULL) {
        const char *args[] = {"guest", "argument"}, *vars[] = {"K=V"}, *dirs[] = {"."};
        wasm_runtime_set_wasi_args(module, dirs, 1, NULL, 0, vars, 1, (char **)(uintptr_t)args, 2);
        inst = wasm_runtime_instantiate(module, 8192, 32768, error, sizeof error);
    }
    if (inst != NULL) env = wasm_runtime_create_exec_env(inst, 8192);
    if (env != NULL) {
        void *native = NULL;
        uint64_t at = wasm_runtime_module_malloc(inst, 100, &native);
        uint64_t copy = wasm_runtime_module_dup_data(inst, "data", 5);
        wasm_function_inst_t func = wasm_runtime_lookup_function(inst, "allocate");
        uint32_t cells[4] = {64};
        if (func != NULL && !wasm_runtime_call_wasm(env, func, 1, cells)) done = false;
        wasm_runtime_get_exception(inst);
        wasm_runtime_clear_exception(inst);
        wasm_runtime_module_free(inst, at);
        wasm_runtime_module_free(inst, copy);
        done = done && at != 0 && copy != 0;
        spawned = wasm_runtime_spawn_exec_env(env);
        if (spawned != NULL) wasm_runtime_destroy_spawned_exec_env(spawned);
        wasm_runtime_destroy_exec_env(env);
    } else {
        done = false;
    }
    if (inst != NULL) wasm_runtime_deinstantiate(inst);
    if (module != NULL) wasm_runtime_unload(module);
    wasm_runtime_unregister_natives("h", symbols);
    wasm_runtime_destroy();
    return done;
}

static void any_request_of_an_embedder_may_fail(void **state)
{
    (void)state;
    static const char *const names[] = {"exchange", "threads", "gc", "natives", "exit", "allocator"};
    keep_fault_handler();
    for (u32 i = 0; i < COUNT_OF(names); i++) {
        char path[128];
        size_t size;
        snprintf(path, sizeof path, "test/api/wasm/%s.wasm", names[i]);
        u8 *bytes = fuzz_read_file(path, &size);
        if (bytes == NULL) fail_msg("%s cannot be read: tests run in the project's folder", path);
        host_alloc = test_alloc(TEST_ALLOC_NEVER);
        bool can = embed(bytes, (u32)size);
        u32 n = host_alloc.nrequests;
        assert_int_equal(host_alloc.live, 0);
        for (u32 nth = 0; nth < n; nth++) {
            host_alloc = test_alloc(nth);
            embed(bytes, (u32)size);
            if (host_alloc.live != 0)
                fail_msg("%s, request %u: %u bytes are left", path, (unsigned)nth, (unsigned)host_alloc.live);
        }
        host_alloc = test_alloc(TEST_ALLOC_NEVER);
        assert_int_equal(embed(bytes, (u32)size), can);
        assert_int_equal(host_alloc.live, 0);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_request_of_a_guest_may_fail),
        cmocka_unit_test(any_request_of_a_guest_with_checked_memories_may_fail),
        cmocka_unit_test(any_request_of_a_guest_that_collects_all_the_time_may_fail),
        cmocka_unit_test(any_request_of_an_embedder_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
