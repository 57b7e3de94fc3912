/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* memory_pool_test.c - reservations and images that several instances use by turns: nobody sees another's writes,
 * and everybody finds what the specification says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"
#include "test_store.h"

enum { DATA_BYTES = 20000, FIRST_AT = 5000, SECOND_AT = 24990, BYTES_MAX = 64 << 10 };

/*  (module
 *    (memory 2 4)
 *    (table 3 8 funcref)
 *    (global (mut i32) (i32.const 7))
 *    (func)
 *    (elem (i32.const 1) func 0)
 *    (elem func 0)
 *    (data (i32.const 5000) DATA_BYTES bytes of pattern)
 *    (data (i32.const 24990) "overlaps what is before, and wins")
 *    (data (i32.const at) "x")
 *    (data "passive"))
 */
typedef struct Bytes {
    u8 p[BYTES_MAX];
    u32 n;
} Bytes;

static void put(Bytes *b, const void *p, u32 n)
{
    memcpy(b->p + b->n, p, n);
    b->n += n;
}
static void put_u(Bytes *b, u32 v) /* five bytes whatever the value, which is allowed */
{
    u8 leb[5];
    for (u32 i = 0; i < 5; i++) leb[i] = (u8)((v >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
    put(b, leb, 5);
}
static void put_s(Bytes *b, u32 v)
{
    u8 leb[5];
    for (u32 i = 0; i < 5; i++) leb[i] = (u8)((v >> (7 * i) & 0x7f) | (i < 4 ? 0x80 : 0));
    if ((v & 0x80000000) != 0) leb[4] |= 0x70;
    put(b, leb, 5);
}
static u8 pattern(u32 i) { return (u8)(i * 7 + 1 + i / 251); }

static const char second[] = "overlaps what is before, and wins";

static void put_data(Bytes *b, u32 at, const void *p, u32 n)
{
    put(b, "\0\x41", 2);
    put_s(b, at);
    put(b, "\x0b", 1);
    put_u(b, n);
    put(b, p, n);
}

static void make(Bytes *out, u32 at)
{
    static Bytes data;
    static u8 first[DATA_BYTES];
    for (u32 i = 0; i < DATA_BYTES; i++) first[i] = pattern(i);
    data.n = out->n = 0;
    put(&data, "\4", 1);
    put_data(&data, FIRST_AT, first, DATA_BYTES);
    put_data(&data, SECOND_AT, second, sizeof second);
    put_data(&data, at, "x", 1);
    put(&data, "\1\7passive", 9);
    put(out, "\0asm\1\0\0\0", 8);
    put(out, "\1\4\1\x60\0\0", 6);
    put(out, "\3\2\1\0", 4);
    put(out, "\4\5\1\x70\1\3\x8", 7);
    put(out, "\5\4\1\1\2\4", 6);
    put(out, "\6\6\1\x7f\1\x41\7\x0b", 8);
    put(out, "\x9\xb\2\0\x41\1\x0b\1\0\1\0\1\0", 13);
    put(out, "\xa\4\1\2\0\x0b", 6);
    put(out, "\xb", 1);
    put_u(out, data.n);
    put(out, data.p, data.n);
}

typedef struct World {
    TestAlloc alloc;
    Engine *engine;
    Module *module;
} World;

static void world_init(World *w, bool memories_move, u32 at)
{
    w->alloc = test_alloc(TEST_ALLOC_NEVER);
    w->engine = tern_engine_new(&(EngineOptions){.alloc = &w->alloc.base, .features = FEATURES_ALL,
                                                 .memories_move = memories_move});
    assert_non_null(w->engine);
    static Bytes bytes;
    make(&bytes, at);
    Diag diag = {0};
    DecodeOptions options = {.features = FEATURES_ALL, .copy_bytes = true};
    w->module = tern_module_decode(w->engine->types, &w->alloc.base, bytes.p, bytes.n, &options, &diag);
    if (w->module == NULL) fail_msg("%s at %llu", tern_diag_text(diag.code), (unsigned long long)diag.offset);
}

static void world_done(World *w)
{
    tern_module_release(w->module);
    tern_engine_free(w->engine);
    assert_int_equal(w->alloc.live, 0);
}

static Instance *instantiate(World *w, Store **store, u64 heap_bytes)
{
    *store = tern_store_new(w->engine);
    assert_non_null(*store);
    Diag diag = {0};
    InstantiateOptions options = {.guest_heap_bytes = heap_bytes};
    return tern_instance_new(*store, w->module, NULL, &options, &diag, NULL);
}

/* As the module says, and nothing else. */
static void assert_new(const Instance *instance, u32 at)
{
    const Memory *memory = instance->memories[0];
    for (u32 i = 0; i < 2 * 65536; i++) {
        u8 want = 0;
        if (i >= FIRST_AT && i < FIRST_AT + DATA_BYTES) want = pattern(i - FIRST_AT);
        if (i >= SECOND_AT && i < SECOND_AT + sizeof second) want = (u8)second[i - SECOND_AT];
        if (i == at) want = 'x';
        if (memory->base[i] != want) fail_msg("byte %u is %u, not %u", i, memory->base[i], want);
    }
    assert_int_equal(instance->own_globals[0].cells[0], 7);
    assert_int_equal(instance->tables[0]->size, 3);
    assert_true(instance->tables[0]->elems[0] == REF_NULL && instance->tables[0]->elems[2] == REF_NULL);
    assert_ptr_equal((void *)(uintptr_t)instance->tables[0]->elems[1], instance->funcs[0]);
    assert_true(instance->elem_dropped[0] && !instance->elem_dropped[1]);
    assert_true(instance->data_dropped[0] && instance->data_dropped[2] && !instance->data_dropped[3]);
}

/* Everything a guest can change. */
static void scribble(Store *store, Instance *instance)
{
    Memory *memory = instance->memories[0];
    assert_int_equal(tern_memory_grow_pages(memory, 2), 2);
    memset(memory->base, 0xa5, (size_t)memory->size_bytes);
    instance->own_globals[0].cells[0] = 99;
    Table *table = instance->tables[0];
    tern_table_grow_elems(store, table, 5, REF_NULL);
    for (u64 i = 0; i < table->size; i++) table->elems[i] = (Ref)(uintptr_t)instance->funcs[0];
    table->elems[1] = REF_NULL;
    instance->elem_dropped[1] = instance->data_dropped[3] = 1;
}

static void instances_do_not_see_each_others_writes(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    Store *stores[6];
    Instance *instances[6];
    for (u32 i = 0; i < 6; i++) {
        instances[i] = instantiate(&w, &stores[i], 0);
        assert_new(instances[i], 131071);
        if (i % 2 == 0) scribble(stores[i], instances[i]);
    }
    for (u32 i = 1; i < 6; i += 2) assert_new(instances[i], 131071);
    for (u32 i = 0; i < 6; i++) tern_store_free(stores[i]);
    world_done(&w);
}

static void a_reservation_used_again_holds_nothing_of_its_last_guest(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    for (u32 round = 0; round < 4; round++) {
        Store *store;
        Instance *instance = instantiate(&w, &store, 0);
        assert_new(instance, 131071);
        scribble(store, instance);
        tern_store_free(store);
        /* Another type of memory over the same pages, larger than what was there before. */
        store = tern_store_new(w.engine);
        MemoryType type = {.limits = {.min = 3, .max = 8, .has_max = true}, .page_log2 = 16};
        Diag diag = {0};
        Memory *memory = tern_store_memory_new(store, &type, NULL, &diag);
        assert_non_null(memory);
        assert_int_equal(tern_memory_grow_pages(memory, 3), 3);
        for (u32 i = 0; i < memory->size_bytes; i++) assert_int_equal(memory->base[i], 0);
        memset(memory->base, 0x5a, (size_t)memory->size_bytes);
        tern_store_free(store);
    }
    world_done(&w);
}

static void what_lies_behind_the_end_of_a_smaller_memory_faults(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    for (u32 round = 0; round < 3; round++) {
        Store *store;
        Instance *instance = instantiate(&w, &store, 0);
        Memory *memory = instance->memories[0];
        if (memory->reserved_bytes > 0) assert_int_equal(memory->committed_bytes, 131072);
        scribble(store, instance);
        Diag diag = {0};
        assert_true(tern_instance_rewind(instance, &diag));
        assert_int_equal(memory->size_bytes, 131072);
        if (memory->reserved_bytes > 0) assert_int_equal(memory->committed_bytes, 131072);
        tern_store_free(store);
    }
    world_done(&w);
}

static void a_segment_out_of_bounds_traps_after_the_ones_before_it(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131072);
    for (u32 round = 0; round < 3; round++) {
        Store *store;
        assert_null(instantiate(&w, &store, 0));
        assert_int_equal(store->memories.n, 1);
        assert_int_equal(store->memories.items[0]->base[FIRST_AT], pattern(0));
        assert_int_equal(store->memories.items[0]->image_id, 0);
        tern_store_free(store);
    }
    world_done(&w);
}

static void a_reset_instance_is_as_new(void **state)
{
    (void)state;
    for (u32 moves = 0; moves < 2; moves++) {
        World w;
        world_init(&w, moves != 0, 131071);
        Store *stores[3];
        for (u32 i = 0; i < 3; i++) { /* the first has no image */
            Instance *instance = instantiate(&w, &stores[i], 0);
            for (u32 round = 0; round < 3; round++) {
                scribble(stores[i], instance);
                Diag diag = {0};
                assert_true(tern_instance_rewind(instance, &diag));
                assert_new(instance, 131071);
                assert_int_equal(instance->memories[0]->npages, 2);
            }
            scribble(stores[i], instance); /* growing works again, over zeroes */
        }
        for (u32 i = 0; i < 3; i++) tern_store_free(stores[i]);
        world_done(&w);
    }
}

static void a_reset_empties_the_guest_heap(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    Store *store;
    Instance *instance = instantiate(&w, &store, 4096);
    GuestHeap **heap = &instance->memories[0]->heap;
    u64 first = tern_guest_heap_alloc(*heap, 100);
    assert_true(first != 0 && tern_guest_heap_alloc(*heap, 100) != first);
    Diag diag = {0};
    assert_true(tern_instance_rewind(instance, &diag));
    assert_int_equal(tern_guest_heap_free(*heap, first), GUEST_HEAP_NOT_LIVE);
    assert_int_equal(tern_guest_heap_alloc(*heap, 100), first);
    tern_store_free(store);
    world_done(&w);
}

static void a_running_instance_is_not_reset(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    Store *store;
    Instance *instance = instantiate(&w, &store, 0);
    Exec *x = tern_exec_new(store, 0);
    x->depth = 1;
    Diag diag = {0};
    assert_false(tern_instance_rewind(instance, &diag));
    assert_int_equal(diag.code, DIAG_LIMIT);
    assert_new(instance, 131071);
    tern_exec_free(x);
    tern_store_free(store);
    world_done(&w);
}

static void segments_are_copied_where_there_can_be_no_image(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    w.engine->pool.nimages = MEMORY_POOL_IMAGES;
    for (u32 round = 0; round < 3; round++) {
        Store *store;
        Instance *instance = instantiate(&w, &store, 0);
        assert_int_equal(instance->memories[0]->image_id, 0);
        assert_new(instance, 131071);
        scribble(store, instance);
        Diag diag = {0};
        assert_true(tern_instance_rewind(instance, &diag));
        assert_new(instance, 131071);
        tern_store_free(store);
    }
    world_done(&w);
}

static void make_and_spoil(void *arg)
{
    for (u32 i = 0; i < 20; i++) {
        Store *store;
        Instance *instance = instantiate(arg, &store, 0);
        assert_new(instance, 131071);
        scribble(store, instance);
        tern_store_free(store);
    }
}

static void threads_share_the_pool_and_nothing_else(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    Thread threads[3];
    for (u32 i = 0; i < 3; i++) assert_true(tern_port_thread_start(&threads[i], make_and_spoil, &w, 0));
    for (u32 i = 0; i < 3; i++) tern_port_thread_join(&threads[i]);
    world_done(&w);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    World w;
    world_init(&w, false, 131071);
    for (u32 nth = 0;; nth++) {
        w.alloc.nth = nth;
        w.alloc.nrequests = 0;
        w.alloc.has_failed = false;
        Store *store = tern_store_new(w.engine);
        Diag diag = {0};
        Instance *instance = store != NULL ? tern_instance_new(store, w.module, NULL, NULL, &diag, NULL) : NULL;
        if (instance != NULL) assert_new(instance, 131071);
        tern_store_free(store);
        if (!w.alloc.has_failed) break;
    }
    w.alloc.nth = TEST_ALLOC_NEVER;
    world_done(&w);
}

static void assert_all_zero(const Memory *memory)
{
    u64 bytes = tern_memory_size_bytes(memory);
    for (u64 i = 0; i < bytes; i++)
        if (memory->base[i] != 0) fail_msg("byte %llu is not zero", (unsigned long long)i);
}

/* Small reservations keep their pages once they have been emptied a few times: nothing may stay in them, whatever was
 * written where, and whatever size they had. */
static void a_memory_is_empty_however_often_its_pages_were_used(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    MemoryPool pool = {0};
    tern_memory_pool_init(&pool);
    static const u64 sizes[] = {1, 1, 1, 1, 1, 3, 2, 1, 4, 1, 9, 1, 0, 2, 1, 1};
    u32 seed = 1;
    for (u32 i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        MemoryType type = {{.min = sizes[i], .max = 10, .has_max = true}, .page_log2 = 16};
        MemoryOptions options = {.max_pages = UINT64_MAX, .pool = &pool};
        Diag diag = {0};
        Memory *memory = tern_memory_new(&alloc.base, &type, &options, &diag);
        assert_non_null(memory);
        for (u32 life = 0; life < 6; life++) {
            assert_all_zero(memory);
            if (life == i % 5) assert_int_equal(tern_memory_grow_pages(memory, 1), sizes[i]);
            u64 bytes = tern_memory_size_bytes(memory);
            for (u32 n = life * life; bytes > 0 && n > 0; n--) { /* none at first */
                seed = seed * 1103515245 + 12345;
                memory->base[(seed >> 4) % bytes] = (u8)(seed >> 24 | 1);
            }
            if (bytes > 0 && life > 1) memory->base[life % 2 == 0 ? bytes - 1 : 0] = 1;
            if (life < 5) assert_true(tern_memory_become(memory, sizes[i], NULL));
        }
        tern_memory_release(memory);
    }
    tern_memory_pool_done(&pool);
    assert_int_equal(alloc.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_do_not_see_each_others_writes),
        cmocka_unit_test(a_reservation_used_again_holds_nothing_of_its_last_guest),
        cmocka_unit_test(a_memory_is_empty_however_often_its_pages_were_used),
        cmocka_unit_test(what_lies_behind_the_end_of_a_smaller_memory_faults),
        cmocka_unit_test(a_segment_out_of_bounds_traps_after_the_ones_before_it),
        cmocka_unit_test(a_reset_instance_is_as_new),
        cmocka_unit_test(a_reset_empties_the_guest_heap),
        cmocka_unit_test(a_running_instance_is_not_reset),
        cmocka_unit_test(segments_are_copied_where_there_can_be_no_image),
        cmocka_unit_test(threads_share_the_pool_and_nothing_else),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
