/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* heap_placement_test.c - the worked examples of where the host-managed heap goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/guest_allocator.h"
#include "runtime/heap_placement.h"
#include "runtime/store.h"
#include "test_alloc.h"

#define MAX_NAMES 4

/* A module of one memory and a few exports, put together without a decoder. */
typedef struct Guest {
    TestAlloc alloc;
    Module module;
    MemoryType memory;
    Export exports[MAX_NAMES];
    GlobalDef globals[MAX_NAMES];
    ConstOp ops[MAX_NAMES];
    Func funcs[MAX_NAMES];
} Guest;

static void guest_init(Guest *g, u64 min, u64 max)
{
    *g = (Guest){.alloc = test_alloc(TEST_ALLOC_NEVER)};
    g->memory = (MemoryType){{.min = min, .max = max, .has_max = max != UINT64_MAX}, 16};
    g->module.memories = &g->memory;
    g->module.nmemories = 1;
    g->module.exports = g->exports;
    g->module.globals = g->globals;
    g->module.funcs = g->funcs;
    g->module.registry = tern_types_new(&g->alloc.base);
    assert_non_null(g->module.registry);
}

static void guest_done(Guest *g)
{
    for (u32 i = 0; i < g->module.nfuncs; i++)
        tern_types_release(g->module.registry, g->funcs[i].type_id);
    tern_types_free(g->module.registry);
    tern_map_free(&g->module.export_map, &g->alloc.base);
    assert_int_equal(g->alloc.live, 0);
}

static void add_export(Guest *g, const char *name, ExternKind kind, u32 index)
{
    u32 i = g->module.nexports++;
    assert_true(i < MAX_NAMES);
    g->exports[i] = (Export){{name, (u32)strlen(name)}, kind, index};
    assert_true(tern_map_put(&g->module.export_map, &g->alloc.base, name, (u32)strlen(name), i));
}

static void add_global(Guest *g, const char *name, u32 value)
{
    u32 i = g->module.nglobals++;
    g->ops[i] = (ConstOp){.op = OP_I32_CONST, .u.bits = value};
    g->globals[i] = (GlobalDef){{VT_I32, false}, {&g->ops[i], 1, 0}};
    add_export(g, name, EXTERN_GLOBAL, i);
}

static void add_func(Guest *g, const char *name, const ValType *params, u32 nparams, ValType result)
{
    u32 i = g->module.nfuncs++;
    g->funcs[i].type_id =
        tern_types_add_func(g->module.registry, params, nparams, &result, result != VT_NONE);
    add_export(g, name, EXTERN_FUNC, i);
}

static HeapPlacement place(const Guest *g, u64 heap_bytes, DiagCode expected)
{
    MemoryOptions options = {.max_pages = UINT64_MAX};
    HeapPlacement placement;
    Diag diag = {0};
    bool ok = tern_heap_placement_find(&g->module, heap_bytes, &options, &placement, &diag);
    assert_int_equal(ok, expected == DIAG_NONE);
    assert_int_equal(diag.code, expected);
    return placement;
}

static void one_page_that_stays_one_gets_longer(void **state)
{
    (void)state;
    Guest g;
    guest_init(&g, 1, 1);
    HeapPlacement p = place(&g, 8192, DIAG_NONE);
    assert_int_equal(p.start, 65536);
    assert_int_equal(p.size_bytes, 8192);
    assert_int_equal(p.options.page_bytes, 73728);
    assert_int_equal(p.memory.limits.min, 1);
    assert_int_equal(p.memory.limits.max, 1);
    assert_int_equal(p.heap_base_global, UINT32_MAX);

    Memory *memory = tern_memory_new(&g.alloc.base, &p.memory, &p.options, NULL);
    assert_non_null(memory);
    assert_int_equal(memory->npages, 1);
    assert_int_equal(memory->size_bytes, 73728);
    tern_memory_release(memory);
    guest_done(&g);
}

static void the_heap_sits_at_heap_base_which_moves_behind_it(void **state)
{
    (void)state;
    Guest g;
    guest_init(&g, 2, UINT64_MAX);
    add_global(&g, "__data_end", 1040);
    add_global(&g, "__heap_base", 66576);
    HeapPlacement p = place(&g, 16384, DIAG_NONE);
    assert_int_equal(p.start, 66576);
    assert_int_equal(p.size_bytes, 16384);
    assert_int_equal(p.heap_base_global, 1);
    assert_int_equal(p.heap_base, 82960);
    assert_int_equal(p.memory.limits.min, 2);

    p = place(&g, 131072, DIAG_NONE);
    assert_int_equal(p.start, 66576);
    assert_int_equal(p.heap_base, 197648);
    assert_int_equal(p.memory.limits.min, 4);

    p = place(&g, 64496 - 1016, DIAG_NONE); /* leaves less than 1 KiB of the last page */
    assert_int_equal(p.heap_base, 131072 - 1016 + 1024);
    assert_int_equal(p.memory.limits.min, 3);
    guest_done(&g);
}

static void heap_base_without_data_end_or_behind_it_is_not_believed(void **state)
{
    (void)state;
    Guest g;
    guest_init(&g, 2, 2);
    add_global(&g, "__heap_base", 66576);
    assert_int_equal(place(&g, 8192, DIAG_NONE).start, 131072);
    add_global(&g, "__data_end", 66577);
    assert_int_equal(place(&g, 8192, DIAG_NONE).start, 131072);
    g.ops[1].u.bits = 66576;
    assert_int_equal(place(&g, 8192, DIAG_NONE).start, 66576);
    g.globals[0].type.is_mutable = true;
    assert_int_equal(place(&g, 8192, DIAG_NONE).start, 131072);
    guest_done(&g);
}

static void an_empty_memory_becomes_the_heap(void **state)
{
    (void)state;
    Guest g;
    guest_init(&g, 0, 0);
    HeapPlacement p = place(&g, 4096, DIAG_NONE);
    assert_int_equal(p.start, 0);
    assert_int_equal(p.size_bytes, 4096);
    assert_int_equal(p.options.page_bytes, 4096);
    assert_int_equal(p.memory.limits.min, 1);
    assert_int_equal(p.memory.limits.max, 1);
    guest_done(&g);
}

static void otherwise_whole_pages_are_added_at_the_end(void **state)
{
    (void)state;
    Guest g;
    guest_init(&g, 1, 10);
    for (u32 is_64 = 0; is_64 < 2; is_64++) {
        g.memory.limits.is_64 = is_64;
        HeapPlacement p = place(&g, 8192, DIAG_NONE);
        assert_int_equal(p.start, 65536);
        assert_int_equal(p.size_bytes, 64512);
        assert_int_equal(p.memory.limits.min, 2);
        assert_int_equal(p.memory.limits.max, 11);
    }
    guest_done(&g);
}

static void a_guest_with_an_allocator_gets_no_heap(void **state)
{
    (void)state;
    static const ValType i32s[2] = {VT_I32, VT_I32};
    GuestAllocator found;
    Guest g;
    guest_init(&g, 1, 1);
    add_func(&g, "malloc", i32s, 1, VT_I32);
    assert_false(tern_guest_allocator_find(&g.module, &found));
    add_func(&g, "free", i32s, 1, VT_NONE);
    assert_true(tern_guest_allocator_find(&g.module, &found));
    assert_int_equal(found.kind, GUEST_ALLOCATOR_MALLOC);
    assert_int_equal(found.alloc_func, 0);
    assert_int_equal(found.free_func, 1);
    HeapPlacement p = place(&g, 8192, DIAG_NONE);
    assert_int_equal(p.size_bytes, 0);
    assert_int_equal(p.options.page_bytes, 0);
    g.memory.limits.is_64 = true; /* now the types are wrong */
    assert_true(!TERN_MEMORY64 || !tern_guest_allocator_find(&g.module, &found));
    g.memory.limits.is_64 = false;
    g.module.nimported[EXTERN_FUNC] = 1; /* not the guest's own */
    assert_false(tern_guest_allocator_find(&g.module, &found));
    guest_done(&g);

    if (!TERN_MEMORY64) return;
    static const ValType new_64[2] = {VT_I64, VT_I32};
    guest_init(&g, 1, 1);
    g.memory.limits.is_64 = true;
    add_func(&g, "__new", new_64, 2, VT_I64);
    add_func(&g, "__pin", new_64, 1, VT_I64);
    add_func(&g, "__release", new_64, 1, VT_NONE);
    assert_true(tern_guest_allocator_find(&g.module, &found));
    assert_int_equal(found.kind, GUEST_ALLOCATOR_ASSEMBLYSCRIPT);
    assert_true(found.is_64);
    assert_int_equal(found.pin_func, 1);
    assert_int_equal(found.free_func, 2);
    guest_done(&g);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    Guest g;
    guest_init(&g, 65536, UINT64_MAX);
    place(&g, 8192, DIAG_HEAP_DOES_NOT_FIT);
    g.memory.limits.min = 65535;
    assert_int_equal(place(&g, 8192, DIAG_NONE).memory.limits.min, 65536);
    place(&g, 65537, DIAG_HEAP_DOES_NOT_FIT);
    g.memory.limits.min = 1;
    g.memory.limits.max = 1;
    g.memory.limits.has_max = true;
    place(&g, 248, DIAG_HEAP_TOO_SMALL);
    assert_int_equal(place(&g, 249, DIAG_NONE).size_bytes, 256);
    assert_int_equal(place(&g, 5ull << 30, DIAG_NONE).size_bytes, 1 << 30);
    assert_int_equal(place(&g, UINT64_MAX, DIAG_NONE).size_bytes, 1 << 30);
    g.module.nimported[EXTERN_MEMORY] = 1;
    assert_int_equal(place(&g, 8192, DIAG_NONE).size_bytes, 0);
    guest_done(&g);
}

static void a_memory_made_for_an_import_follows_the_same_rules(void **state)
{
    (void)state;
    MemoryOptions options = {.max_pages = UINT64_MAX};
    MemoryType type = {{.min = 1, .max = 1, .has_max = true}, 16};
    HeapPlacement p;
    Diag diag = {0};
    assert_true(tern_heap_placement_find_in(&type, 8192, &options, &p, &diag));
    assert_true(p.start == 65536 && p.size_bytes == 8192 && p.options.page_bytes == 73728);
    type.limits.max = 9;
    assert_true(tern_heap_placement_find_in(&type, 70000, &options, &p, &diag));
    assert_true(p.start == 65536 && p.size_bytes == 2 * 65536 - 1024 && p.memory.limits.min == 3);
    assert_int_equal(p.options.max_pages, 11);
    assert_true(tern_heap_placement_find_in(&type, 0, &options, &p, &diag));
    assert_true(p.size_bytes == 0 && p.memory.limits.min == 1 && p.heap_base_global == UINT32_MAX);
    type.limits.min = type.limits.max = 65536;
    assert_false(tern_heap_placement_find_in(&type, 8192, &options, &p, &diag));
    assert_int_equal(diag.code, DIAG_HEAP_DOES_NOT_FIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_page_that_stays_one_gets_longer),
        cmocka_unit_test(the_heap_sits_at_heap_base_which_moves_behind_it),
        cmocka_unit_test(heap_base_without_data_end_or_behind_it_is_not_believed),
        cmocka_unit_test(an_empty_memory_becomes_the_heap),
        cmocka_unit_test(otherwise_whole_pages_are_added_at_the_end),
        cmocka_unit_test(a_guest_with_an_allocator_gets_no_heap),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_memory_made_for_an_import_follows_the_same_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
