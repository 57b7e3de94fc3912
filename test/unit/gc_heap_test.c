/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_heap_test.c - what is reached stays as it was, what is not goes, whatever else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "runtime/gc_heap.h"
#include "test_store.h"

#if defined(__SANITIZE_ADDRESS__)
#define MANY 1000000u
#else
#define MANY 10000000u
#endif

/* --- a store with three types --------------------------------------------------------------------- */

typedef struct Heap {
    TestStore t;
    Store *store;
    u32 node, refs, bytes; /* (struct (i64) (anyref)), (array anyref), (array i8) */
} Heap;

typedef struct Node {
    GcObject object;
    u64 value;
    Ref next;
} Node;

static u32 add_type(Heap *h, DefType def)
{
    def.is_final = true;
    def.super = def.descriptor = def.described = TYPE_NONE;
    u32 id;
    assert_true(tern_types_add_group(h->t.engine->types, &def, 1, &id));
    assert_true(tern_store_hold_type(h->store, id));
    tern_types_release(h->t.engine->types, id);
    assert_non_null(tern_gc_layout(h->store, id));
    return id;
}

static Heap *heap_new(u64 limit_bytes, bool is_stressed)
{
    Heap *h = calloc(1, sizeof *h);
    assert_non_null(h);
    test_store_init(&h->t, NULL);
    h->t.engine->options.gc_limit_bytes = limit_bytes;
    h->t.engine->options.gc_stress = is_stressed;
    h->store = h->t.store;
    ValType any = vt_abstract(HEAP_ANY, true);
    FieldType fields[] = {{.type = VT_I64}, {.type = any}};
    h->node = add_type(h, (DefType){.kind = DEF_STRUCT, .u.strct = {.fields = fields, .nfields = 2}});
    h->refs = add_type(h, (DefType){.kind = DEF_ARRAY, .u.array = {.type = any}});
    h->bytes = add_type(h, (DefType){.kind = DEF_ARRAY, .u.array = {.type = VT_I8}});
    return h;
}

static void heap_free(Heap *h)
{
    test_store_done(&h->t);
    free(h);
}

static Node *node_new(Heap *h, u64 value, Ref next)
{
    Node *node = (Node *)(void *)tern_gc_new(h->store, GC_STRUCT, h->node, 0, 16);
    if (node == NULL) return NULL;
    node->value = value;
    node->next = next;
    return node;
}
static Ref ref_of(Node *node) { return ref_of_object(&node->object); }
static Ref *elems_of(GcObject *array) { return (Ref *)(void *)tern_object_fields(array); }

/* --- contents ------------------------------------------------------------------------------------- */

enum { NSLOTS = 300 };

static void check_bytes(const GcObject *array, u8 pattern)
{
    const u8 *p = (const u8 *)(array + 1);
    for (u32 i = 0; i < array->length; i++)
        if (p[i] != pattern) fail_msg("byte %u of %u is %u, not %u", i, array->length, p[i], pattern);
}

/* Arrays of bytes of all sizes, each filled with its own number, in places that keep them or not. */
static void churn(Heap *h, u32 rounds, u32 max_size)
{
    GcRoot *root = tern_gc_root_new(h->store, ref_of_object(tern_array_alloc(h->store, h->refs, NSLOTS)));
    assert_non_null(root);
    Ref *slots = elems_of(ref_object(tern_gc_root_get(root)));
    u64 state = 7;
    u8 patterns[NSLOTS] = {0};
    for (u32 i = 0; i < rounds; i++) {
        u32 slot = (u32)(test_random(&state) % NSLOTS);
        u32 kind = (u32)(test_random(&state) % 16);
        u32 size = (u32)(test_random(&state) % (kind == 0 ? max_size : kind < 4 ? 600 : 40));
        GcObject *array = tern_array_alloc(h->store, h->bytes, size);
        assert_non_null(array);
        assert_int_equal((uintptr_t)array & 15, 0);
        assert_int_equal(array->length, size);
        check_bytes(array, 0);
        if (slots[slot] != REF_NULL) check_bytes(ref_object(slots[slot]), patterns[slot]);
        patterns[slot] = (u8)test_random(&state);
        if (size > 0) memset(array + 1, patterns[slot], size);
        slots[slot] = ref_of_object(array);
    }
    for (u32 i = 0; i < NSLOTS; i++)
        if (slots[i] != REF_NULL) check_bytes(ref_object(slots[i]), patterns[i]);
    tern_gc_root_free(h->store, root);
}

static void what_is_reached_keeps_its_contents(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    churn(h, 200000, 40000);
    assert_true(tern_gc_stats(h->store).collections > 10);
    heap_free(h);
}

static void a_collection_at_every_allocation_changes_nothing(void **state)
{
    (void)state;
    Heap *h = heap_new(0, true);
    churn(h, 5000, 40000);
    assert_true(tern_gc_stats(h->store).collections >= 5000);
    heap_free(h);
}

/* Every other object of many goes: what is allocated then goes into the holes. */
static void holes_are_used_again(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    enum { N = 100000 };
    GcRoot *root = tern_gc_root_new(h->store, ref_of_object(tern_array_alloc(h->store, h->refs, N)));
    Ref *slots = elems_of(ref_object(tern_gc_root_get(root)));
    for (u32 i = 0; i < N; i++) slots[i] = ref_of_object(tern_array_alloc(h->store, h->bytes, 240));
    for (u32 i = 0; i < N; i += 2) slots[i] = REF_NULL;
    tern_gc_collect(h->store);
    GcStats before = tern_gc_stats(h->store);
    /* Up to two lines of a hole are shared with its neighbours. */
    for (u32 i = 0; i < N / 2; i += 2) {
        GcObject *array = tern_array_alloc(h->store, h->bytes, 100);
        check_bytes(array, 0);
        memset(array + 1, 0xff, 100);
    }
    for (u32 i = 1; i < N; i += 2) check_bytes(ref_object(slots[i]), 0);
    assert_int_equal(tern_gc_stats(h->store).heap_bytes, before.heap_bytes);
    heap_free(h);
}

/* --- what goes ------------------------------------------------------------------------------------ */

static void cycles_go_when_nothing_reaches_them(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    for (u32 i = 0; i < 1000; i++) {
        Node *a = node_new(h, 1, REF_NULL);
        Node *b = node_new(h, 2, ref_of(a));
        a->next = ref_of(b);
    }
    tern_gc_collect(h->store);
    assert_int_equal(tern_gc_stats(h->store).live_bytes, 0);
    heap_free(h);
}

static void memory_is_given_back_when_little_is_left(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    GcRoot *root = tern_gc_root_new(h->store, REF_NULL);
    for (u32 i = 0; i < 2000000; i++) tern_gc_root_set(root, ref_of(node_new(h, i, tern_gc_root_get(root))));
    assert_true(tern_gc_stats(h->store).heap_bytes > 60u << 20);
    tern_gc_root_set(root, REF_NULL);
    tern_gc_collect(h->store);
    assert_true(tern_gc_stats(h->store).heap_bytes < 24u << 20);
    for (u32 i = 0; i < 1000; i++) tern_gc_root_set(root, ref_of(node_new(h, i, tern_gc_root_get(root))));
    heap_free(h);
}

static void large_arrays_come_and_go(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    GcRoot *root = tern_gc_root_new(h->store, REF_NULL);
    for (u32 i = 0; i < 200; i++) {
        GcObject *array = tern_array_alloc(h->store, h->refs, 100000 + i);
        assert_non_null(array);
        tern_gc_root_set(root, ref_of_object(array));
        elems_of(array)[i] = ref_of(node_new(h, i, REF_NULL));
        Node *node = (Node *)(void *)ref_object(elems_of(array)[i]);
        assert_int_equal(node->value, i);
    }
    assert_true(tern_gc_stats(h->store).heap_bytes < 40u << 20);
    heap_free(h);
}

/* Whether an object is kept shows in its header: what has gone is zeroed or written over when its line is
 * used again. */
static void use_everything(Heap *h)
{
    tern_gc_collect(h->store);
    for (u32 i = 0; i < 500000; i++) assert_non_null(node_new(h, 0xdead, REF_NULL));
}

/* --- depth ---------------------------------------------------------------------------------------- */

static void a_list_of_millions_is_marked_without_recursion(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    GcRoot *root = tern_gc_root_new(h->store, REF_NULL);
    for (u32 i = 0; i < MANY; i++) {
        Node *node = node_new(h, i, tern_gc_root_get(root));
        assert_non_null(node);
        tern_gc_root_set(root, ref_of(node));
    }
    tern_gc_collect(h->store);
    u64 n = 0;
    for (Ref ref = tern_gc_root_get(root); ref != REF_NULL; n++) {
        Node *node = (Node *)(void *)ref_object(ref);
        if (node->value != MANY - 1 - n) fail_msg("node %u has %u", (unsigned)n, (unsigned)node->value);
        ref = node->next;
    }
    assert_int_equal(n, MANY);
    heap_free(h);
}

/* Arrays of WIDTH, each with the next in its last element and nodes in the others: marked last element first,
 * every level leaves its nodes on the mark stack. */
enum { DEPTH = 100, WIDTH = 120 };

static void marking_needs_no_memory(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    GcRoot *root = tern_gc_root_new(h->store, REF_NULL);
    for (u32 i = 0; i < DEPTH; i++) {
        GcObject *array = tern_array_alloc(h->store, h->refs, WIDTH);
        elems_of(array)[WIDTH - 1] = tern_gc_root_get(root);
        tern_gc_root_set(root, ref_of_object(array));
        for (u32 k = 0; k + 1 < WIDTH; k++) elems_of(array)[k] = ref_of(node_new(h, 42, REF_NULL));
    }
    h->t.alloc.is_dry = true;
    tern_gc_collect(h->store);
    assert_true(h->t.alloc.has_failed);
    h->t.alloc.is_dry = false;
    use_everything(h);
    for (Ref ref = tern_gc_root_get(root); ref != REF_NULL; ref = elems_of(ref_object(ref))[WIDTH - 1])
        for (u32 k = 0; k + 1 < WIDTH; k++)
            assert_int_equal(((Node *)(void *)ref_object(elems_of(ref_object(ref))[k]))->value, 42);
    heap_free(h);
}

/* --- limits --------------------------------------------------------------------------------------- */

static void at_the_limit_nothing_is_had_and_later_all_is_well(void **state)
{
    (void)state;
    Heap *h = heap_new(8u << 20, false);
    GcRoot *root = tern_gc_root_new(h->store, REF_NULL);
    for (u32 round = 0; round < 3; round++) {
        u64 n = 0;
        for (Node *node; (node = node_new(h, n, tern_gc_root_get(root))) != NULL; n++)
            tern_gc_root_set(root, ref_of(node));
        assert_true(n * sizeof(Node) > 6u << 20 && n * sizeof(Node) <= 8u << 20);
        assert_true(tern_gc_stats(h->store).heap_bytes <= 8u << 20);
        assert_null(tern_array_alloc(h->store, h->bytes, 4u << 20));
        u64 seen = 0;
        for (Ref ref = tern_gc_root_get(root); ref != REF_NULL; seen++) ref = ((Node *)(void *)ref_object(ref))->next;
        assert_int_equal(seen, n);
        tern_gc_root_set(root, REF_NULL);
        assert_non_null(node_new(h, 0, REF_NULL));
    }
    assert_null(tern_array_alloc(h->store, h->refs, UINT32_MAX));
    assert_null(tern_gc_new(h->store, GC_ARRAY, h->bytes, 1, UINT64_MAX));
    assert_non_null(tern_array_alloc(h->store, h->bytes, 4u << 20));
    heap_free(h);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        Heap *h = heap_new(0, false);
        h->t.alloc.nth = h->t.alloc.nrequests + nth;
        GcRoot *root = tern_gc_root_new(h->store, REF_NULL);
        for (u32 i = 0; i < 60000 && root != NULL; i++) {
            bool is_kept = i % 8 == 0;
            Node *node = node_new(h, i, is_kept ? tern_gc_root_get(root) : REF_NULL);
            if (node != NULL && is_kept) tern_gc_root_set(root, ref_of(node));
            if (i % 1000 == 0) (void)tern_array_alloc(h->store, h->bytes, 20000);
        }
        for (Ref ref = root != NULL ? tern_gc_root_get(root) : REF_NULL; ref != REF_NULL;) {
            Node *node = (Node *)(void *)ref_object(ref);
            assert_int_equal(node->value % 8, 0);
            ref = node->next;
        }
        bool has_failed = h->t.alloc.has_failed;
        heap_free(h);
        if (!has_failed) break;
    }
}

/* --- roots ---------------------------------------------------------------------------------------- */

static void cells_keep_what_they_point_at_the_start_of(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    Exec *x = tern_exec_new(h->store, 0);
    assert_non_null(x);
    Node *kept = node_new(h, 1, ref_of(node_new(h, 2, REF_NULL))), *inner = node_new(h, 3, REF_NULL);
    GcObject *large = tern_array_alloc(h->store, h->bytes, 100000);
    memset(large + 1, 7, 100000);
    u64 noise = 99;
    for (u32 i = 0; i < 1000; i++) *x->top++ = test_random(&noise);
    *x->top++ = ref_of(kept);
    *x->top++ = ref_of(inner) + 8; /* no reference */
    *x->top++ = ref_of(inner) + 16;
    *x->top++ = ref_of_object(large);
    *x->top++ = UINT64_MAX;
    tern_gc_collect(h->store);
    u64 live = tern_gc_stats(h->store).live_bytes;
    assert_in_range(live, 100000, 100600);
    use_everything(h);
    assert_int_equal(kept->value, 1);
    assert_int_equal(((Node *)(void *)ref_object(kept->next))->value, 2);
    check_bytes(large, 7);
    x->top = x->stack;
    tern_gc_collect(h->store);
    assert_int_equal(tern_gc_stats(h->store).live_bytes, 0);
    tern_exec_free(x);
    heap_free(h);
}

static void tables_globals_cells_and_exceptions_are_roots(void **state)
{
    (void)state;
    Heap *h = heap_new(0, false);
    ValType any = vt_abstract(HEAP_ANY, true);
    TableType type = {.limits = {.min = 10, .max = UINT64_MAX}, .elem = any};
    Table *table = tern_table_new(h->store, &type, REF_NULL);
    Global *global = tern_global_new(h->store, (GlobalType){any, true}, (Value){.ref = REF_NULL});
    table->elems[3] = ref_of(node_new(h, 1, REF_NULL));
    table->elems[4] = ref_of_i31(5);
    table->elems[5] = ref_of_host(h);
    global->cell->ref = ref_of(node_new(h, 2, REF_NULL));
    u64 local[2] = {0};
    GcCells cells = {.cells = local, .ncells = 2};
    tern_gc_push_cells(h->store, &cells);
    local[1] = ref_of(node_new(h, 3, REF_NULL));
    GcException *exception =
        (GcException *)(void *)tern_gc_new(h->store, GC_EXCEPTION, 0, 300, sizeof(Tag *) + 300 * sizeof(u64));
    local[0] = ref_of_object(&exception->object);
    exception->payload[299] = ref_of(node_new(h, 4, REF_NULL));
    exception->payload[0] = 0x1234567890;
    use_everything(h);
    assert_int_equal(((Node *)(void *)ref_object(table->elems[3]))->value, 1);
    assert_ptr_equal(ref_host(table->elems[5]), h);
    assert_int_equal(((Node *)(void *)ref_object(global->cell->ref))->value, 2);
    assert_int_equal(((Node *)(void *)ref_object(local[1]))->value, 3);
    assert_int_equal(((Node *)(void *)ref_object(exception->payload[299]))->value, 4);
    tern_gc_pop_cells(h->store, &cells);
    heap_free(h);
}

static void i31s_and_host_values_survive_their_encoding(void **state)
{
    (void)state;
    static const u32 values[] = {0, 1, 0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (u32 i = 0; i < COUNT_OF(values); i++) {
        Ref ref = ref_of_i31(values[i]);
        assert_true(ref_is_i31(ref) && !ref_is_host(ref) && !ref_is_object(ref));
        assert_int_equal(ref_i31_u(ref), values[i] & 0x7fffffff);
        assert_int_equal(ref_i31_s(ref), (s32)(values[i] << 1) >> 1);
    }
    void *pointers[] = {NULL, state, (void *)(uintptr_t)0x7fffffffffff, (void *)(intptr_t)-8};
    for (u32 i = 0; i < COUNT_OF(pointers); i++) {
        Ref ref = ref_of_host(pointers[i]);
        assert_true(ref_is_host(ref) && !ref_is_i31(ref) && !ref_is_object(ref) && ref != REF_NULL);
        assert_ptr_equal(ref_host(ref), pointers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_reached_keeps_its_contents),
        cmocka_unit_test(a_collection_at_every_allocation_changes_nothing),
        cmocka_unit_test(holes_are_used_again),
        cmocka_unit_test(cycles_go_when_nothing_reaches_them),
        cmocka_unit_test(memory_is_given_back_when_little_is_left),
        cmocka_unit_test(large_arrays_come_and_go),
        cmocka_unit_test(a_list_of_millions_is_marked_without_recursion),
        cmocka_unit_test(marking_needs_no_memory),
        cmocka_unit_test(at_the_limit_nothing_is_had_and_later_all_is_well),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(cells_keep_what_they_point_at_the_start_of),
        cmocka_unit_test(tables_globals_cells_and_exceptions_are_roots),
        cmocka_unit_test(i31s_and_host_values_survive_their_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
