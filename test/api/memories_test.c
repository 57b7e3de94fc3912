/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memories_test.c - linear memories in the hands of the host, and what it is told when they do not grow: section
 * 1.2.10 of the compatible API. Blocks and addresses are in memory_exchange_test.c. */
#include "guest.h"

static void a_memory_tells_its_size_and_place(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0), h = guest_open("threads", 0);
    wasm_memory_inst_t memory = wasm_runtime_get_default_memory(g.inst);
    assert_non_null(memory);
    assert_ptr_equal(wasm_runtime_get_memory(g.inst, 0), memory);
    assert_null(wasm_runtime_get_memory(g.inst, 1));
    assert_ptr_equal(wasm_runtime_lookup_memory(g.inst, "memory"), memory);
    assert_int_equal(wasm_memory_get_cur_page_count(memory), 1);
    assert_int_equal(wasm_memory_get_max_page_count(memory), 4);
    assert_int_equal(wasm_memory_get_bytes_per_page(memory), 65536);
    assert_false(wasm_memory_get_shared(memory));
    assert_true(wasm_memory_get_shared(wasm_runtime_get_default_memory(h.inst)));
    uint8_t *base = wasm_memory_get_base_address(memory);
    assert_ptr_equal(wasm_runtime_addr_app_to_native(g.inst, 0), base);
    assert_true(wasm_memory_enlarge(memory, 2));
    assert_int_equal(wasm_memory_get_cur_page_count(memory), 3);
    assert_int_equal(guest_call1(&g, "pages", 0), 3);
    assert_false(wasm_memory_enlarge(memory, 2));
    assert_false(wasm_memory_enlarge(memory, 1ull << 32)); /* no part of it is cut off */
    assert_true(wasm_memory_enlarge(memory, 0));
    assert_ptr_equal(wasm_memory_get_base_address(memory), base); /* grown in place */
    base[3 * 65536 - 1] = 9;
    assert_int_equal(guest_call1(&g, "load8", 3 * 65536 - 1), 9);
    guest_close(&g);
    guest_close(&h);

    uint8_t none[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    wasm_module_t module = wasm_runtime_load(none, sizeof none, NULL, 0);
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 0, 0, NULL, 0);
    assert_null(wasm_runtime_get_default_memory(inst));
    assert_false(wasm_runtime_enlarge_memory(inst, 1));
    assert_true(wasm_runtime_module_malloc(inst, 8, NULL) == 0);
    assert_string_equal(wasm_runtime_get_exception(inst), "Exception: uninitialized memory");
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
}

/* --- growing ---------------------------------------------------------------------------------- */

typedef struct Told {
    int n;
    uint32_t npages, index;
    uint64_t size;
    enlarge_memory_error_reason_t reason;
    wasm_module_inst_t inst;
    wasm_exec_env_t env;
} Told;

static void tell(uint32_t npages, uint64_t size, uint32_t index, enlarge_memory_error_reason_t reason,
                 wasm_module_inst_t inst, wasm_exec_env_t env, void *user_data)
{
    Told *told = user_data;
    *told = (Told){told->n + 1, npages, index, size, reason, inst, env};
}

static void the_callback_hears_of_the_hosts_growing(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    Told told = {0};
    wasm_runtime_set_enlarge_mem_error_callback(tell, &told);
    assert_true(wasm_runtime_enlarge_memory(g.inst, 0));
    assert_true(wasm_runtime_enlarge_memory(g.inst, 1));
    assert_int_equal(told.n, 0);
    assert_false(wasm_runtime_enlarge_memory(g.inst, 3));
    assert_int_equal(told.n, 1);
    assert_int_equal(told.npages, 3);
    assert_int_equal(told.index, 0);
    assert_int_equal(told.size, 2 * 65536);
    assert_int_equal(told.reason, MAX_SIZE_REACHED);
    assert_ptr_equal(told.inst, g.inst);
    assert_null(told.env); /* nothing runs */
    assert_null(wasm_runtime_get_exception(g.inst));
    assert_false(wasm_runtime_enlarge_memory(g.inst, 1ull << 32));
    assert_false(wasm_memory_enlarge(wasm_runtime_get_default_memory(g.inst), 9)); /* this one tells nobody */
    assert_int_equal(told.n, 2);
    guest_close(&g);
}

static void the_callback_hears_of_the_guests_growing(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    Told told = {0};
    assert_int_equal(guest_call1(&g, "grow", 100), UINT32_MAX); /* nobody wants to know */
    wasm_runtime_set_enlarge_mem_error_callback(tell, &told);
    assert_int_equal(guest_call1(&g, "grow", 2), 1);
    assert_int_equal(told.n, 0);
    assert_int_equal(guest_call1(&g, "grow", 2), UINT32_MAX);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.npages, 2);
    assert_int_equal(told.index, 0);
    assert_int_equal(told.size, 3 * 65536);
    assert_int_equal(told.reason, MAX_SIZE_REACHED);
    assert_ptr_equal(told.inst, g.inst);
    assert_ptr_equal(told.env, g.env);
    assert_int_equal(guest_call1(&g, "grow", UINT32_MAX), UINT32_MAX);
    assert_true(told.n == 2 && told.npages == UINT32_MAX);
    wasm_runtime_set_enlarge_mem_error_callback(NULL, NULL);
    assert_int_equal(guest_call1(&g, "grow", 2), UINT32_MAX);
    assert_int_equal(told.n, 2);
    assert_int_equal(guest_call1(&g, "grow", 1), 3);
    guest_close(&g);
}

static void ask_the_guest(uint32_t npages, uint64_t size, uint32_t index, enlarge_memory_error_reason_t reason,
                          wasm_module_inst_t inst, wasm_exec_env_t env, void *user_data)
{
    (void)size, (void)index, (void)reason;
    uint32_t cells[1] = {0};
    wasm_function_inst_t pages = wasm_runtime_lookup_function(inst, "pages");
    bool ok = wasm_runtime_call_wasm(env, pages, 0, cells) &&
              wasm_memory_enlarge(wasm_runtime_get_default_memory(inst), 1);
    *(uint32_t *)user_data = ok ? cells[0] + npages : 0;
}

static void the_callback_may_call_the_guest_and_grow_it(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    uint32_t seen = 0;
    wasm_runtime_set_enlarge_mem_error_callback(ask_the_guest, &seen);
    assert_int_equal(guest_call1(&g, "grow", 7), UINT32_MAX);
    assert_int_equal(seen, 1 + 7);
    assert_int_equal(guest_call1(&g, "pages", 0), 2);
    assert_int_equal(guest_call1(&g, "load8", 65536), 0); /* what was grown meanwhile is there */
    guest_close(&g);
}

/* --- resizing blocks -------------------------------------------------------------------------- */

static void a_block_is_resized_with_its_contents(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 4096);
    char *native = NULL;
    uint64_t block = wasm_runtime_module_realloc(g.inst, 0, 16, (void **)&native); /* 0 allocates */
    assert_true(block != 0 && native != NULL);
    strcpy(native, "kept");
    uint64_t other = wasm_runtime_module_malloc(g.inst, 16, NULL); /* no room to grow in place */
    uint64_t moved = wasm_runtime_module_realloc(g.inst, block, 1000, (void **)&native);
    assert_true(moved != 0);
    assert_string_equal(native, "kept");
    assert_ptr_equal(wasm_runtime_addr_app_to_native(g.inst, moved), native);
    uint64_t smaller = wasm_runtime_module_realloc(g.inst, moved, 8, (void **)&native);
    assert_true(smaller != 0);
    assert_string_equal(native, "kept");
    assert_true(wasm_runtime_module_realloc(g.inst, smaller, 1 << 20, (void **)&native) == 0);
    assert_null(native);
    guest_expect_exception(&g, "Exception: out of memory");
    assert_string_equal(wasm_runtime_addr_app_to_native(g.inst, smaller), "kept");
    assert_true(wasm_runtime_module_realloc(g.inst, smaller + 4, 8, NULL) == 0); /* no block */
    guest_expect_exception(&g, "Exception: out of memory");
    assert_true(wasm_runtime_module_realloc(g.inst, 12, 8, NULL) == 0); /* in no heap */
    guest_expect_exception(&g, "Exception: out of memory");
    wasm_runtime_module_free(g.inst, other);
    wasm_runtime_module_free(g.inst, smaller);
    guest_close(&g);
}

static void ranges_are_those_of_the_whole_memory(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    uint64_t start = 9, end = 9;
    assert_true(wasm_runtime_get_app_addr_range(g.inst, 65535, &start, &end));
    assert_true(start == 0 && end == 65536);
    assert_true(wasm_runtime_get_app_addr_range(g.inst, 0, NULL, NULL));
    assert_false(wasm_runtime_get_app_addr_range(g.inst, 65536, &start, &end));
    uint8_t *base = wasm_memory_get_base_address(wasm_runtime_get_default_memory(g.inst)), *from, *to;
    assert_true(wasm_runtime_get_native_addr_range(g.inst, base + 5, &from, &to));
    assert_true(from == base && to == base + 65536);
    assert_true(wasm_runtime_get_native_addr_range(g.inst, base, NULL, NULL));
    assert_false(wasm_runtime_get_native_addr_range(g.inst, base + 65536, &from, &to));
    assert_false(wasm_runtime_get_native_addr_range(g.inst, (uint8_t *)&g, &from, &to));
    assert_null(wasm_runtime_get_exception(g.inst));
    assert_true(wasm_runtime_enlarge_memory(g.inst, 1));
    assert_true(wasm_runtime_get_app_addr_range(g.inst, 65536, NULL, &end) && end == 2 * 65536);
    guest_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(a_memory_tells_its_size_and_place),
        RUNTIME_TEST(the_callback_hears_of_the_hosts_growing),
        RUNTIME_TEST(the_callback_hears_of_the_guests_growing),
        RUNTIME_TEST(the_callback_may_call_the_guest_and_grow_it),
        RUNTIME_TEST(a_block_is_resized_with_its_contents),
        RUNTIME_TEST(ranges_are_those_of_the_whole_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
