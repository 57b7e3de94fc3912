/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* shared_heaps_test.c - two instances and the host see the same blocks at the top of the address space. */
#include "guest.h"

#include <sys/mman.h>

#define PAGE 65536u

static uint32_t measure(wasm_exec_env_t env, const char *bytes, uint32_t size)
{
    (void)env;
    return size > 0 ? (uint32_t)bytes[size - 1] : 0;
}

static Guest open_guest(void)
{
    static NativeSymbol natives[] = {{"measure", (void *)measure, "(*~)i", NULL}};
    assert_true(wasm_runtime_register_natives("env", natives, 1));
    return guest_open("shared_heap", 0);
}

static wasm_shared_heap_t heap_of(uint32_t size, void *given)
{
    SharedHeapInitArgs args = {.size = size, .pre_allocated_addr = given};
    return wasm_runtime_create_shared_heap(&args);
}

static bool call3(Guest *guest, const char *name, uint32_t a, uint32_t b, uint32_t c, uint32_t argc)
{
    uint32_t cells[4] = {a, b, c};
    return guest_call(guest, name, argc, cells);
}

static void *pages(uint32_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    return p;
}

/* Builds that check every access, because of the compiler or a sanitizer, refuse to attach. */
static void skip_unless_attachable(Guest *guest)
{
    if (wasm_runtime_attach_shared_heap(guest->inst, heap_of(PAGE, NULL))) {
        wasm_runtime_detach_shared_heap(guest->inst);
        return;
    }
    guest_close(guest);
    skip();
}

static void instances_share_what_is_in_the_heap(void **state)
{
    (void)state;
    Guest a = open_guest();
    skip_unless_attachable(&a);
    Guest b = open_guest();
    wasm_shared_heap_t heap = heap_of(PAGE, NULL);
    assert_non_null(heap);
    assert_true(wasm_runtime_attach_shared_heap(a.inst, heap));
    assert_true(wasm_runtime_attach_shared_heap(b.inst, heap));
    assert_false(wasm_runtime_attach_shared_heap(b.inst, heap));

    uint32_t *native = NULL;
    uint64_t at = wasm_runtime_shared_heap_malloc(a.inst, 64, (void **)&native);
    assert_true(at >= 0x100000000u - PAGE && at < 0x100000000u);
    uint32_t addr = (uint32_t)at;
    native[0] = 1234;
    assert_int_equal(guest_call1(&a, "load", addr), 1234);
    assert_int_equal(guest_call1(&b, "load", addr), 1234);
    assert_true(call3(&b, "store", addr + 4, 5678, 0, 2));
    assert_int_equal(native[1], 5678);
    assert_true(call3(&b, "vector", addr + 16, addr, 0, 2));
    assert_memory_equal(native + 4, native, 16);
    assert_true(call3(&a, "fill", addr + 32, 'x', 16, 3));
    assert_true(call3(&a, "copy", 100, addr + 32, 16, 3)); /* from the heap to the memory */
    assert_int_equal(guest_call1(&a, "load", 100), 0x78787878);
    assert_true(call3(&a, "init", addr, 0, 0, 1));
    assert_memory_equal(native, "0123456789abcdef", 16);
    assert_int_equal(guest_call1(&a, "load8", 0xfffffffe), 0); /* the heap's last byte */
    assert_false(call3(&a, "load8", 0xffffffff, 0, 0, 1));
    guest_expect_exception(&a, "Exception: out of bounds memory access");
    assert_false(call3(&a, "load", 0x100000000u - PAGE - 4, 0, 0, 1));
    guest_expect_exception(&a, "Exception: out of bounds memory access");
    assert_false(call3(&a, "copy", 0x100000000u - PAGE - 4, 0, 8, 3));
    guest_expect_exception(&a, "Exception: out of bounds memory access");

    /* The host's side of the same addresses. */
    assert_true(wasm_runtime_validate_app_addr(a.inst, at, 64));
    assert_true(wasm_runtime_validate_app_str_addr(a.inst, at + 62));
    assert_memory_equal(wasm_runtime_addr_app_to_native(b.inst, at), native, 64);
    assert_true(wasm_runtime_addr_native_to_app(a.inst, native) == at);
    assert_true(wasm_runtime_validate_native_addr(a.inst, native, 64));
    uint32_t cells[2] = {addr, 16};
    assert_true(guest_call(&a, "measured", 2, cells));
    assert_int_equal(cells[0], 'f');

    /* Memory does not grow into it. */
    assert_int_equal(guest_call1(&a, "grow", 65535), UINT32_MAX);
    wasm_runtime_shared_heap_free(b.inst, at);
    wasm_runtime_shared_heap_free(b.inst, at); /* a warning */
    wasm_runtime_shared_heap_free(b.inst, 16);
    assert_true(wasm_runtime_shared_heap_malloc(a.inst, PAGE * 2, NULL) == 0);

    assert_false(wasm_runtime_reset_shared_heap_chain(heap));
    wasm_runtime_detach_shared_heap(a.inst);
    assert_false(call3(&a, "load", addr, 0, 0, 1));
    guest_expect_exception(&a, "Exception: out of bounds memory access");
    assert_true(wasm_runtime_shared_heap_malloc(a.inst, 64, NULL) == 0);
    assert_int_equal(guest_call1(&a, "grow", 65535), 1);
    assert_false(wasm_runtime_attach_shared_heap(a.inst, heap)); /* overlaps now */
    guest_close(&b); /* detaches */
    assert_true(wasm_runtime_reset_shared_heap_chain(heap));
    guest_close(&a);
}

static void chains_lie_below_each_other(void **state)
{
    (void)state;
    Guest guest = open_guest();
    skip_unless_attachable(&guest);
    char *buffer = pages(PAGE);
    strcpy(buffer, "from the host");
    wasm_shared_heap_t managed = heap_of(PAGE, NULL), given = heap_of(PAGE, buffer), more = heap_of(PAGE, NULL);
    assert_true(managed != NULL && given != NULL && more != NULL);
    assert_string_equal(buffer, "from the host");
    assert_ptr_equal(wasm_runtime_chain_shared_heaps(given, managed), given);
    assert_null(wasm_runtime_chain_shared_heaps(more, managed)); /* a body already */
    assert_null(wasm_runtime_chain_shared_heaps(more, given));   /* two with blocks */
    assert_true(wasm_runtime_attach_shared_heap(guest.inst, given));
    uint32_t start = (uint32_t)(0x100000000u - 2 * PAGE);
    assert_int_equal(guest_call1(&guest, "load8", start), 'r');
    assert_true(call3(&guest, "store", start, 0x58585858, 0, 2));
    assert_string_equal(buffer, "XXXX the host");
    assert_string_equal(wasm_runtime_addr_app_to_native(guest.inst, start), "XXXX the host");
    assert_true(wasm_runtime_addr_native_to_app(guest.inst, buffer + 5) == start + 5);
    uint64_t at = wasm_runtime_shared_heap_malloc(guest.inst, 8, NULL);
    assert_true(at >= start + PAGE);
    assert_null(wasm_runtime_unchain_shared_heaps(given, true)); /* attached */
    wasm_runtime_detach_shared_heap(guest.inst);
    assert_ptr_equal(wasm_runtime_unchain_shared_heaps(given, false), managed);
    assert_null(wasm_runtime_unchain_shared_heaps(given, false));
    assert_true(wasm_runtime_attach_shared_heap(guest.inst, given));
    assert_int_equal(guest_call1(&guest, "load8", start + PAGE), 'X');
    assert_true(wasm_runtime_shared_heap_malloc(guest.inst, 8, NULL) == 0);
    wasm_runtime_detach_shared_heap(guest.inst);
    assert_true(wasm_runtime_reset_shared_heap_chain(given));
    assert_int_equal(buffer[0], 0);
    guest_close(&guest);
    munmap(buffer, PAGE);
}

static void sizes_and_places_are_checked(void **state)
{
    (void)state;
    char *buffer = pages(PAGE);
    assert_null(heap_of(255, NULL));
    assert_null(heap_of((1u << 30) + 1, NULL));
    assert_null(heap_of(PAGE - 1, buffer));
    assert_null(heap_of(4096, buffer + 1));
    assert_non_null(heap_of(256, NULL));
    assert_null(wasm_runtime_create_shared_heap(NULL));
    assert_false(wasm_runtime_reset_shared_heap_chain(NULL));
    munmap(buffer, PAGE);
}

static void a_heap_outlives_the_library_while_attached(void **state)
{
    (void)state;
    Guest guest = open_guest();
    skip_unless_attachable(&guest);
    assert_true(wasm_runtime_attach_shared_heap(guest.inst, heap_of(PAGE, NULL)));
    wasm_runtime_destroy();
    assert_int_equal(guest_call1(&guest, "load", 0xfffffffc), 0);
    guest_close(&guest);
    assert_true(wasm_runtime_init()); /* for the teardown */
}

static void guests_allocate_there_themselves(void **state)
{
    (void)state;
    Guest shared = open_guest();
    skip_unless_attachable(&shared);
    Guest guest = guest_open("shared_heap_own", 0);
    wasm_import_t import;
    wasm_runtime_get_import_type(guest.module, 0, &import);
    assert_true(import.linked);
    assert_true(wasm_runtime_is_import_func_linked("env", "shared_heap_malloc"));
    assert_true(wasm_runtime_is_import_func_linked("env", "shared_heap_free"));
    assert_int_equal(guest_call1(&guest, "malloc_it", 100), 0); /* nothing is attached */
    wasm_shared_heap_t heap = heap_of(PAGE, NULL);
    assert_true(wasm_runtime_attach_shared_heap(guest.inst, heap));
    assert_true(wasm_runtime_attach_shared_heap(shared.inst, heap));
    uint32_t block = guest_call1(&guest, "malloc_it", 100);
    assert_true(block >= UINT32_MAX - PAGE);
    assert_true(call3(&guest, "store", block, 12345, 0, 2));
    assert_int_equal(guest_call1(&shared, "load", block), 12345);
    assert_int_equal(guest_call1(&guest, "malloc_it", PAGE), 0); /* no room */
    assert_true(call3(&guest, "free_it", block, 0, 0, 1));
    assert_int_equal(guest_call1(&guest, "malloc_it", 100), block);
    assert_true(call3(&guest, "free_it", 16, 0, 0, 1)); /* no block of it: nothing happens */
    uint32_t cells[1] = {PAGE * 4};
    assert_false(guest_call(&guest, "free_it", 1, cells)); /* an address outside of memory */
    guest_expect_exception(&guest, "Exception: out of bounds memory access");
    guest_close(&guest);
    guest_close(&shared);
}

static uint32_t malloc_of_the_host(wasm_exec_env_t env, uint32_t size)
{
    (void)env;
    return size + 1;
}

static void a_hosts_own_functions_go_first(void **state)
{
    (void)state;
    static NativeSymbol natives[] = {{"shared_heap_malloc", (void *)malloc_of_the_host, "(i)i", NULL}};
    assert_true(wasm_runtime_register_natives("env", natives, 1));
    Guest guest = guest_open("shared_heap_own", 0);
    assert_int_equal(guest_call1(&guest, "malloc_it", 6), 7);
    guest_close(&guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(instances_share_what_is_in_the_heap),
        RUNTIME_TEST(chains_lie_below_each_other),
        RUNTIME_TEST(sizes_and_places_are_checked),
        RUNTIME_TEST(a_heap_outlives_the_library_while_attached),
        RUNTIME_TEST(guests_allocate_there_themselves),
        RUNTIME_TEST(a_hosts_own_functions_go_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
