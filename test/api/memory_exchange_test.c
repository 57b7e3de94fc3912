/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory_exchange_test.c - what docs/memory-exchange.md promises. */
#include "guest.h"

static void a_block_is_seen_by_both_sides(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 4096);
    uint8_t *native = NULL;
    uint64_t offset = wasm_runtime_module_malloc(g.inst, 100, (void **)&native);
    assert_true(offset != 0);
    assert_true(offset % 16 == 0);
    native[3] = 77;
    assert_int_equal(guest_call1(&g, "load8", (uint32_t)offset + 3), 77);
    uint32_t cells[2] = {(uint32_t)offset + 4, 200};
    assert_true(guest_call(&g, "store8", 2, cells));
    assert_int_equal(native[4], 200);
    assert_ptr_equal(wasm_runtime_addr_app_to_native(g.inst, offset), native);
    assert_true(wasm_runtime_addr_native_to_app(g.inst, native) == offset);
    wasm_runtime_module_free(g.inst, offset);
    guest_close(&g);
}

static void exhaustion_is_zero_and_null_without_an_exception(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 4096);
    void *native = &g;
    assert_true(wasm_runtime_module_malloc(g.inst, 1 << 20, &native) == 0);
    assert_null(native);
    assert_null(wasm_runtime_get_exception(g.inst));
    native = &g;
    assert_true(wasm_runtime_module_malloc(g.inst, (1ull << 32) + 8, &native) == 0);
    assert_null(native);
    assert_true(wasm_runtime_module_malloc(g.inst, UINT64_MAX, NULL) == 0);
    assert_true(wasm_runtime_module_dup_data(g.inst, "x", 1 << 20) == 0);

    uint32_t blocks = 0;
    uint64_t last = 0, offset;
    while ((offset = wasm_runtime_module_malloc(g.inst, 64, NULL)) != 0) last = offset, blocks++;
    assert_true(blocks > 900 && blocks <= 1024); /* the heap is the rest of a page */
    wasm_runtime_module_free(g.inst, last);
    assert_true(wasm_runtime_module_malloc(g.inst, 64, NULL) == last);
    guest_close(&g);
}

static void wrong_frees_change_nothing(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 4096);
    uint64_t a = wasm_runtime_module_malloc(g.inst, 64, NULL);
    uint64_t b = wasm_runtime_module_malloc(g.inst, 64, NULL);
    wasm_runtime_module_free(g.inst, 0);
    wasm_runtime_module_free(g.inst, a + 8);      /* inside */
    wasm_runtime_module_free(g.inst, 3);          /* no heap */
    wasm_runtime_module_free(g.inst, 1ull << 40); /* no memory */
    wasm_runtime_module_free(g.inst, a);
    wasm_runtime_module_free(g.inst, a); /* twice */
    uint64_t c = wasm_runtime_module_malloc(g.inst, 64, NULL);
    uint64_t d = wasm_runtime_module_malloc(g.inst, 64, NULL);
    assert_true(c != d && c != b && d != b);
    assert_null(wasm_runtime_get_exception(g.inst));
    guest_close(&g);
}

static void empty_blocks_have_addresses_of_their_own(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 4096);
    uint64_t a = wasm_runtime_module_malloc(g.inst, 0, NULL),
             b = wasm_runtime_module_malloc(g.inst, 0, NULL);
    assert_true(a != 0 && b != 0 && a != b);
    guest_close(&g);
}

static void without_heap_and_allocator_there_is_nothing(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    assert_true(wasm_runtime_module_malloc(g.inst, 1, NULL) == 0);
    assert_null(wasm_runtime_get_exception(g.inst));
    guest_close(&g);
}

static void ranges_are_checked_for_their_whole_length(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    uint8_t *base = wasm_runtime_addr_app_to_native(g.inst, 0);
    assert_non_null(base);
    assert_true(wasm_runtime_validate_app_addr(g.inst, 0, 65536));
    assert_true(wasm_runtime_validate_app_addr(g.inst, 65536, 0));
    assert_true(wasm_runtime_validate_native_addr(g.inst, base + 65535, 1));
    assert_null(wasm_runtime_get_exception(g.inst));

    const uint64_t bad[][2] = {
        {65536, 1},     {65537, 0}, {1, 65536}, {UINT64_MAX, 1}, {UINT64_MAX, UINT64_MAX},
        {1, UINT64_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(wasm_runtime_validate_app_addr(g.inst, bad[i][0], bad[i][1]));
        guest_expect_exception(&g, "Exception: out of bounds memory access");
    }
    assert_false(wasm_runtime_validate_native_addr(g.inst, base + 65535, 2));
    guest_expect_exception(&g, "Exception: out of bounds memory access");
    assert_false(wasm_runtime_validate_native_addr(g.inst, base - 1, 1));
    guest_expect_exception(&g, "Exception: out of bounds memory access");

    assert_true(wasm_runtime_validate_app_str_addr(g.inst, 0));
    memset(base + 65000, 'x', 536);
    assert_false(wasm_runtime_validate_app_str_addr(g.inst, 65000));
    guest_expect_exception(&g, "Exception: out of bounds memory access");
    guest_close(&g);
}

static void conversions_outside_give_nothing_and_no_exception(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    uint8_t *base = wasm_runtime_addr_app_to_native(g.inst, 0);
    assert_null(wasm_runtime_addr_app_to_native(g.inst, 65536));
    assert_null(wasm_runtime_addr_app_to_native(g.inst, UINT64_MAX));
    assert_true(wasm_runtime_addr_native_to_app(g.inst, base + 65536) == 0);
    assert_true(wasm_runtime_addr_native_to_app(g.inst, &g) == 0);
    uint64_t start = 9, end = 9;
    assert_true(wasm_runtime_get_app_addr_range(g.inst, 100, &start, &end));
    assert_true(start == 0 && end == 65536);
    assert_true(wasm_runtime_get_app_addr_range(g.inst, 100, NULL, NULL));
    assert_false(wasm_runtime_get_app_addr_range(g.inst, 65536, &start, &end));
    uint8_t *first, *last;
    assert_true(wasm_runtime_get_native_addr_range(g.inst, base + 5, &first, &last));
    assert_true(first == base && last == base + 65536);
    assert_false(wasm_runtime_get_native_addr_range(g.inst, base + 65536, &first, &last));
    assert_null(wasm_runtime_get_exception(g.inst));
    guest_close(&g);
}

static void a_heap_below_the_least_size_is_refused(void **state)
{
    (void)state;
    char error[128];
    wasm_module_t module = guest_load("calls"); /* one page that stays one: the heap is as asked */
    assert_null(wasm_runtime_instantiate(module, 0, 128, error, sizeof error));
    assert_string_equal(error, "WASM module instantiate failed: init app heap failed");
    wasm_runtime_unload(module);
}

typedef struct Refusal {
    uint32_t pages, calls;
    uint64_t bytes;
    enlarge_memory_error_reason_t reason;
} Refusal;

static void note_refusal(uint32_t pages, uint64_t bytes, uint32_t memory,
                         enlarge_memory_error_reason_t reason, wasm_module_inst_t inst,
                         wasm_exec_env_t env, void *user_data)
{
    (void)memory, (void)inst, (void)env;
    Refusal *r = user_data;
    *r = (Refusal){pages, r->calls + 1, bytes, reason};
}

static void growing_keeps_pointers_and_tells_the_callback_of_refusals(void **state)
{
    (void)state;
    Guest g = guest_open("exchange", 0);
    Refusal refusal = {0};
    wasm_runtime_set_enlarge_mem_error_callback(note_refusal, &refusal);
    wasm_memory_inst_t memory = wasm_runtime_get_default_memory(g.inst);
    assert_ptr_equal(memory, wasm_runtime_lookup_memory(g.inst, "memory"));
    assert_null(wasm_runtime_get_memory(g.inst, 1));
    void *base = wasm_memory_get_base_address(memory);
    assert_true(wasm_runtime_enlarge_memory(g.inst, 0));
    assert_true(wasm_runtime_enlarge_memory(g.inst, 2));
    assert_ptr_equal(wasm_memory_get_base_address(memory), base);
    assert_int_equal(guest_call1(&g, "pages", 0), 3);
    assert_int_equal(refusal.calls, 0);
    assert_false(wasm_runtime_enlarge_memory(g.inst, 2));
    assert_int_equal(refusal.calls, 1);
    assert_int_equal(refusal.pages, 2);
    assert_true(refusal.bytes == 3 * 65536);
    assert_int_equal(refusal.reason, MAX_SIZE_REACHED);
    assert_false(wasm_runtime_enlarge_memory(g.inst, 1ull << 40));
    assert_null(wasm_runtime_get_exception(g.inst));
    assert_true(wasm_memory_enlarge(memory, 1));
    assert_false(wasm_memory_enlarge(memory, 1));
    assert_true(wasm_memory_get_cur_page_count(memory) == 4 &&
                wasm_memory_get_max_page_count(memory) == 4);
    wasm_runtime_set_enlarge_mem_error_callback(NULL, NULL);
    guest_close(&g);
}

static void max_memory_pages_limits_growth(void **state)
{
    (void)state;
    wasm_module_t module = guest_load("exchange");
    InstantiationArgs args = {.max_memory_pages = 2};
    wasm_module_inst_t inst = wasm_runtime_instantiate_ex(module, &args, NULL, 0);
    assert_non_null(inst);
    assert_true(wasm_runtime_enlarge_memory(inst, 1));
    assert_false(wasm_runtime_enlarge_memory(inst, 1));
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
}

/* --- the guest's own allocator ---------------------------------------------------------------- */

static int32_t nested(wasm_exec_env_t env, int32_t size)
{
    void *native;
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    uint64_t offset = wasm_runtime_module_malloc(inst, (uint64_t)size, &native);
    if (offset != 0) memset(native, 5, (size_t)size);
    return (int32_t)offset;
}
static NativeSymbol nested_symbol[] = {{"nested", (void *)nested, "(i)i", NULL}};

static void set_answer(Guest *g, int32_t answer)
{
    wasm_global_inst_t global;
    assert_true(wasm_runtime_get_export_global_inst(g->inst, "answer", &global));
    assert_true(global.is_mutable && global.kind == WASM_I32);
    memcpy(global.global_data, &answer, sizeof answer);
}

static void the_guests_allocator_serves_when_it_has_one(void **state)
{
    (void)state;
    assert_true(wasm_runtime_register_natives("env", nested_symbol, 1));
    Guest g = guest_open("allocator", 8192); /* the heap is left out */
    uint8_t *native;
    assert_true(wasm_runtime_module_malloc(g.inst, 10, (void **)&native) == 1024);
    assert_ptr_equal(native, wasm_runtime_addr_app_to_native(g.inst, 1024));
    assert_true(wasm_runtime_module_dup_data(g.inst, "four", 5) == 1040);
    assert_string_equal((char *)native + 16, "four");

    set_answer(&g, 1);
    assert_true(wasm_runtime_module_malloc(g.inst, 10, (void **)&native) == 0);
    assert_null(native);
    assert_null(wasm_runtime_get_exception(g.inst));

    set_answer(&g, 3); /* its answer does not hold ten bytes */
    assert_true(wasm_runtime_module_malloc(g.inst, 10, (void **)&native) == 0);
    assert_null(native);
    assert_true(wasm_runtime_module_malloc(g.inst, 6, (void **)&native) == 65530);

    set_answer(&g, 2);
    assert_true(wasm_runtime_module_malloc(g.inst, 10, (void **)&native) == 0);
    guest_expect_exception(&g, "Exception: unreachable");

    wasm_runtime_module_free(g.inst, 1024);
    wasm_global_inst_t frees;
    assert_true(wasm_runtime_get_export_global_inst(g.inst, "frees", &frees));
    assert_int_equal(*(int32_t *)frees.global_data, 1);
    guest_close(&g);
}

static void host_functions_may_allocate_in_the_middle_of_a_call(void **state)
{
    (void)state;
    assert_true(wasm_runtime_register_natives("env", nested_symbol, 1));
    Guest g = guest_open("allocator", 0);
    assert_int_equal(guest_call1(&g, "outer", 100), 1024);
    assert_int_equal(guest_call1(&g, "outer", 100), 1136);
    set_answer(&g, 2);
    uint32_t cells[1] = {1};
    assert_false(guest_call(&g, "outer", 1, cells));
    guest_expect_exception(&g, "Exception: unreachable");
    set_answer(&g, 0);
    assert_int_equal(guest_call1(&g, "outer", 1), 1248);
    guest_close(&g);
}

static void an_imported_memory_gets_its_heap_behind_what_the_guest_knows(void **state)
{
    (void)state;
    Guest g = guest_open("import_env", 4096);
    assert_int_equal(guest_call1(&g, "pages", 0), 2);
    assert_true(wasm_runtime_module_malloc(g.inst, 100, NULL) >= 65536);
    guest_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(a_block_is_seen_by_both_sides),
        RUNTIME_TEST(exhaustion_is_zero_and_null_without_an_exception),
        RUNTIME_TEST(wrong_frees_change_nothing),
        RUNTIME_TEST(empty_blocks_have_addresses_of_their_own),
        RUNTIME_TEST(without_heap_and_allocator_there_is_nothing),
        RUNTIME_TEST(ranges_are_checked_for_their_whole_length),
        RUNTIME_TEST(conversions_outside_give_nothing_and_no_exception),
        RUNTIME_TEST(a_heap_below_the_least_size_is_refused),
        RUNTIME_TEST(growing_keeps_pointers_and_tells_the_callback_of_refusals),
        RUNTIME_TEST(max_memory_pages_limits_growth),
        RUNTIME_TEST(the_guests_allocator_serves_when_it_has_one),
        RUNTIME_TEST(host_functions_may_allocate_in_the_middle_of_a_call),
        RUNTIME_TEST(an_imported_memory_gets_its_heap_behind_what_the_guest_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
