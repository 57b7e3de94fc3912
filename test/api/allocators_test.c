/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* allocators_test.c - the three sources of host memory, and what happens when they run dry. */
#include "guest.h"

#include <stdalign.h>

/* Counts, and fails the nth request. Blocks are only 8-aligned, as callbacks may give them. */
static int live, requests, fail_at;
static bool asks; /* something of the library, which must not be waiting for the answer */
static wasm_module_inst_t asked_about;
static wasm_shared_heap_t asked_heap;
static int nasked;
static void ask(void)
{
    if (!asks) return;
    asks = false;
    nasked++;
    uint32_t index;
    wasm_runtime_is_import_func_linked("env", "nothing");
    (void)wasm_externref_obj2ref(asked_about, (void *)(uintptr_t)(4096 + 16 * nasked), &index);
    if (asked_about != NULL) wasm_runtime_shared_heap_free(asked_about, wasm_runtime_shared_heap_malloc(asked_about, 8, NULL));
    if (asked_heap != NULL) (void)wasm_runtime_reset_shared_heap_chain(asked_heap);
    asks = true;
}
static void *count_malloc(unsigned int size)
{
    ask();
    if (++requests == fail_at) return NULL;
    char *p = malloc((size_t)size + 24);
    if (p == NULL) return NULL;
    live++;
    return p + 8;
}
static void count_free(void *p)
{
    ask();
    live--;
    free((char *)p - 8);
}
static void *count_realloc(void *p, unsigned int size)
{
    ask();
    if (++requests == fail_at) return NULL;
    char *q = realloc((char *)p - 8, (size_t)size + 24);
    return q != NULL ? q + 8 : NULL;
}

static bool start_with_callbacks(bool has_realloc)
{
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_Allocator};
    args.mem_alloc_option.allocator.malloc_func = (void *)count_malloc;
    args.mem_alloc_option.allocator.free_func = (void *)count_free;
    if (has_realloc) args.mem_alloc_option.allocator.realloc_func = (void *)count_realloc;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    return wasm_runtime_full_init(&args);
}

static int32_t nested(wasm_exec_env_t env, int32_t a)
{
    (void)env;
    return a;
}

/* A host's whole life; false at the first failure, with everything given back. */
static bool whole_life(void)
{
    static NativeSymbol symbols[] = {EXPORT_WASM_API_WITH_SIG(nested, "(i)i")};
    uint32_t size, cells[1] = {5};
    uint8_t *bytes = guest_bytes("allocator", &size);
    wasm_module_t module = NULL;
    wasm_module_inst_t inst = NULL;
    wasm_exec_env_t env = NULL;
    bool ok = start_with_callbacks(true);
    if (!ok) goto no_runtime;
    wasm_import_t import = {0};
    ok = wasm_runtime_register_natives("env", symbols, 1) &&
         (module = wasm_runtime_load(bytes, size, NULL, 0)) != NULL &&
         (wasm_runtime_get_import_type(module, 0, &import), import.name != NULL) &&
         (inst = wasm_runtime_instantiate(module, 0, 0, NULL, 0)) != NULL &&
         (env = wasm_runtime_create_exec_env(inst, 0)) != NULL;
    if (ok) {
        wasm_function_inst_t outer = wasm_runtime_lookup_function(inst, "outer");
        ok = outer != NULL && wasm_runtime_call_wasm(env, outer, 1, cells) &&
             wasm_runtime_module_malloc(inst, 16, NULL) != 0;
    }
    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    if (module != NULL) wasm_runtime_unload(module);
    wasm_runtime_destroy();
no_runtime:
    free(bytes);
    return ok;
}

static void every_request_to_the_callbacks_may_fail(void **state)
{
    (void)state;
    for (fail_at = 1;; fail_at++) {
        live = requests = 0;
        bool ok = whole_life();
        assert_int_equal(live, 0);
        if (requests < fail_at) {
            assert_true(ok);
            break;
        }
    }
    assert_true(fail_at > 10);
    fail_at = 0;
}

static void callbacks_serve_wasm_runtime_malloc(void **state)
{
    (void)state;
    for (int has_realloc = 0; has_realloc < 2; has_realloc++) {
        live = 0;
        assert_true(start_with_callbacks(has_realloc));
        int before = live;
        uint8_t *p = wasm_runtime_malloc(100);
        assert_int_equal(live, before + 1);
        assert_true((uintptr_t)p % 16 == 0);
        for (int i = 0; i < 100; i++) p[i] = (uint8_t)i;
        p = wasm_runtime_realloc(p, 100000);
        assert_non_null(p);
        for (int i = 0; i < 100; i++) assert_int_equal(p[i], i);
        p = wasm_runtime_realloc(p, 50);
        for (int i = 0; i < 50; i++) assert_int_equal(p[i], i);
        wasm_runtime_free(p);
        wasm_runtime_free(NULL);
        p = wasm_runtime_malloc(0);
        assert_non_null(p);
        wasm_runtime_free(p);
        assert_null(wasm_runtime_aligned_alloc(64, 64));
        mem_alloc_info_t info;
        assert_false(wasm_runtime_get_mem_alloc_info(&info));
        wasm_runtime_destroy();
        assert_int_equal(live, 0);
    }
}

static void callbacks_must_make_sense(void **state)
{
    (void)state;
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_Allocator};
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    assert_false(wasm_runtime_full_init(&args));
    args.mem_alloc_option.allocator.malloc_func = (void *)count_malloc;
    args.mem_alloc_option.allocator.free_func = (void *)count_malloc;
    assert_false(wasm_runtime_full_init(&args));
    args.mem_alloc_type = Alloc_With_System_Allocator;
    args.running_mode = Mode_LLVM_JIT;
    assert_false(wasm_runtime_full_init(&args));
    args.running_mode = Mode_Interp;
    assert_true(wasm_runtime_full_init(&args));
    wasm_runtime_destroy();
}

static void a_pool_holds_everything_but_linear_memory(void **state)
{
    (void)state;
    static alignas(16) uint8_t pool[1 << 20];
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_Pool};
    args.mem_alloc_option.pool.heap_buf = pool;
    args.mem_alloc_option.pool.heap_size = 100;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    assert_false(wasm_runtime_full_init(&args));
    args.mem_alloc_option.pool.heap_size = sizeof pool;
    assert_true(wasm_runtime_full_init(&args));
    mem_alloc_info_t before, info;
    assert_true(wasm_runtime_get_mem_alloc_info(&before));
    assert_true(before.total_size <= sizeof pool && before.total_free_size < before.total_size);

    uint8_t *p = wasm_runtime_malloc(1000);
    assert_true(p > pool && p < pool + sizeof pool);
    uint8_t *aligned = wasm_runtime_aligned_alloc(8192, 4096);
    assert_true((uintptr_t)aligned % 4096 == 0 && aligned > pool);
    memset(aligned, 1, 8192);
    assert_null(wasm_runtime_realloc(aligned, 100));
    assert_null(wasm_runtime_aligned_alloc(100, 64));
    assert_null(wasm_runtime_aligned_alloc(96, 48));
    assert_null(wasm_runtime_aligned_alloc(0, 16));
    assert_null(wasm_runtime_malloc(2 << 20));
    wasm_runtime_free(aligned);
    wasm_runtime_free(p);
    assert_true(wasm_runtime_get_mem_alloc_info(&info));
    assert_int_equal(info.total_free_size, before.total_free_size);

    Guest g = guest_open("exchange", 4096);
    guest_close(&g); /* the first module makes tables that the engine keeps */
    assert_true(wasm_runtime_get_mem_alloc_info(&before));
    g = guest_open("exchange", 4096);
    assert_true(wasm_runtime_module_malloc(g.inst, 100, NULL) != 0);
    assert_true((uint8_t *)g.inst > pool && (uint8_t *)g.inst < pool + sizeof pool);
    guest_close(&g);
    assert_true(wasm_runtime_get_mem_alloc_info(&info));
    assert_int_equal(info.total_free_size, before.total_free_size);
    assert_true(info.highmark_size > info.total_size - info.total_free_size);
    wasm_runtime_destroy();
}

static void callbacks_may_ask_the_library(void **state)
{
    (void)state;
    requests = 0;
    fail_at = 0;
    assert_true(start_with_callbacks(true));
    asks = true;
    wasm_module_t module = guest_load("library");
    assert_true(wasm_runtime_register_module("library", module, NULL, 0));
    wasm_export_t export;
    wasm_runtime_get_export_type(module, 0, &export);
    assert_string_equal(export.name, "memory");
    SharedHeapInitArgs args = {.size = 4 << 20};
    wasm_shared_heap_t heap = wasm_runtime_create_shared_heap(&args);
    assert_non_null(heap);
    Guest g = guest_open("user", 0);
    asked_about = g.inst;
    uint32_t index, again;
    static char objects[1000];
    for (int i = 0; i < 1000; i++) assert_true(wasm_externref_obj2ref(g.inst, &objects[i], &index));
    assert_true(wasm_externref_obj2ref(g.inst, &objects[999], &again) && again == index);
    assert_true(wasm_runtime_reset_shared_heap_chain(heap));
    if (wasm_runtime_attach_shared_heap(g.inst, heap)) { /* unless accesses are checked */
        uint64_t last = 0;
        for (int i = 0; i < 60; i++) {
            uint64_t at = wasm_runtime_shared_heap_malloc(g.inst, 65536, NULL);
            assert_true(at != 0 && at != last);
            last = at;
        }
        wasm_runtime_detach_shared_heap(g.inst);
    }
    asked_about = NULL;
    asked_heap = heap;
    assert_true(wasm_runtime_reset_shared_heap_chain(heap));
    asked_heap = NULL;
    assert_true(nasked > 50);
    guest_close(&g);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    asks = false;
    assert_int_equal(live, 0);
}

/* Each request that these make may fail: then they do, and work again. */
static void what_fails_for_want_of_bookkeeping_works_again(void **state)
{
    (void)state;
    fail_at = 0;
    assert_true(start_with_callbacks(true));
    Guest g = guest_open("library", 0);
    SharedHeapInitArgs args = {.size = 4 << 20};
    wasm_shared_heap_t heap = wasm_runtime_create_shared_heap(&args);
    static char objects[64];
    uint32_t nfailed = 0, index;
    for (int i = 0; i < 64; i++) {
        requests = 0;
        fail_at = 1;
        bool ok = wasm_externref_obj2ref(g.inst, &objects[i], &index);
        nfailed += !ok;
        fail_at = 0;
        assert_true(ok || wasm_externref_obj2ref(g.inst, &objects[i], &index));
    }
    assert_int_equal(nfailed, 4); /* 8, 16, 32, 64 */
    for (int nth = 1; nth < 3; nth++) {
        requests = 0;
        fail_at = nth;
        assert_true(wasm_runtime_reset_shared_heap_chain(heap) == (nth > 1));
    }
    if (wasm_runtime_attach_shared_heap(g.inst, heap)) {
        bool is_done = false;
        for (int nth = 1; !is_done; nth++) {
            requests = 0;
            fail_at = nth;
            is_done = wasm_runtime_shared_heap_malloc(g.inst, 1 << 20, NULL) != 0;
            assert_true(is_done == (requests < nth));
        }
        fail_at = 0;
        assert_true(wasm_runtime_shared_heap_malloc(g.inst, 1 << 20, NULL) != 0);
    }
    fail_at = 0;
    guest_close(&g);
    wasm_runtime_destroy();
    assert_int_equal(live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callbacks_must_make_sense),
        cmocka_unit_test(callbacks_serve_wasm_runtime_malloc),
        cmocka_unit_test(callbacks_may_ask_the_library),
        cmocka_unit_test(what_fails_for_want_of_bookkeeping_works_again),
        cmocka_unit_test(a_pool_holds_everything_but_linear_memory),
        cmocka_unit_test(every_request_to_the_callbacks_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
