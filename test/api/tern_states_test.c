/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_states_test.c - snapshots, limits, engines with their own memory, and options of other sizes. */
#include "tern_guest.h"

static void check_snapshots(bool checks_explicitly)
{
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.checks_explicitly = checks_explicitly;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create_with(&options, &error);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.guest_heap_bytes = 4096;
    tern_instance *instance = tern_guest_open(engine, "tern_state", &config);
    int held = 0;
    tern_ref *r = tern_ref_from_host(tern_instance_store(instance), &held, NULL);
    GUEST_DO(instance, "hold", tern_ref_value(r));
    tern_ref_release(r);
    uint32_t before = (uint32_t)GUEST_GET(instance, "size");
    GUEST_DO(instance, "poke", tern_i32(50000), tern_i32(77));
    tern_snapshot *snapshot = tern_instance_snapshot(instance, &error);
    if (snapshot == NULL) fail_msg("%s", error.text);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < round; i++) GUEST_RUN(instance, "change");
        GUEST_RUN(instance, "drop");
        GUEST_DO(instance, "hold", tern_ref_value(NULL));
        GUEST_DO(instance, "poke", tern_i32(50000), tern_i32(0));
        if (round == 2) assert_true(tern_instance_reset(instance, &error));
        if (!tern_instance_restore(instance, snapshot, &error)) fail_msg("%s", error.text);
        assert_int_equal(GUEST_GET(instance, "size"), before);
        assert_int_equal(GUEST_CALL(instance, "peek", tern_i32(50000)), 77);
        assert_int_equal(GUEST_CALL(instance, "peek", tern_i32(100)), 0x69746361);
        assert_int_equal(GUEST_GET(instance, "n"), 11);
        assert_int_equal(GUEST_GET(instance, "table_size"), 4);
        GUEST_DO(instance, "init", tern_i32(8));
        assert_int_equal(GUEST_CALL(instance, "apply", tern_i32(2)), 2);
        tern_value result;
        assert_int_equal(tern_instance_call(instance, "held", NULL, 0, &result, 1, &error), TERN_OK);
        assert_ptr_equal(tern_ref_host(result.of.ref), &held);
        tern_ref_release(result.of.ref);
        /* What had grown is zero when it grows again. */
        assert_int_equal(GUEST_CALL(instance, "grow", tern_i32(4)), before);
        assert_int_equal(GUEST_CALL(instance, "peek", tern_i32(300000)), 0);
    }
    /* The reset's state is the module's, not the snapshot's. */
    assert_true(tern_instance_reset(instance, &error));
    assert_int_equal(GUEST_CALL(instance, "peek", tern_i32(50000)), 0);
    assert_int_equal(GUEST_CALL(instance, "peek", tern_i32(100)), 0x69746361);
    /* Blocks of the host-managed heap belong to the state. */
    uint64_t block = tern_instance_malloc(instance, 100, &error);
    tern_snapshot *later = tern_instance_snapshot(instance, &error);
    assert_true(tern_instance_free(instance, block, &error));
    assert_true(tern_instance_restore(instance, later, &error));
    assert_true(tern_instance_free(instance, block, &error));
    assert_false(tern_instance_free(instance, block, &error));
    tern_instance *other = tern_guest_open(engine, "tern_state", NULL);
    assert_false(tern_instance_restore(other, later, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    tern_instance_destroy(other);
    tern_snapshot_destroy(later);
    tern_snapshot_destroy(snapshot);
    tern_snapshot_destroy(NULL);
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

static void an_instance_goes_back_to_a_snapshot_again_and_again(void **state)
{
    (void)state;
    check_snapshots(false);
    check_snapshots(true);
}

static void objects_in_a_snapshot_stay(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_config config = TERN_CONFIG_DEFAULT;
    config.missing = TERN_MISSING_TRAP;
    config.max_gc_bytes = 8 << 20;
    tern_instance *instance = tern_guest_open(engine, "tern_gc", &config);
    tern_value arg = tern_i32(31), made;
    assert_int_equal(tern_instance_call(instance, "make", &arg, 1, &made, 1, NULL), TERN_OK);
    GUEST_DO(instance, "hold", made);
    tern_ref_release(made.of.ref);
    tern_snapshot *snapshot = tern_instance_snapshot(instance, NULL);
    GUEST_DO(instance, "hold", tern_ref_value(NULL));
    GUEST_DO(instance, "garbage", tern_i32(50000));
    assert_true(tern_instance_restore(instance, snapshot, NULL));
    assert_int_equal(GUEST_GET(instance, "held_value"), 31);
    tern_snapshot_destroy(snapshot);
    tern_instance_destroy(instance);
    tern_engine_destroy(engine);
}

static void limits_hold(void **state)
{
    (void)state;
    tern_engine *engine = tern_engine_create();
    tern_module *module = tern_guest_load(engine, "tern_state");
    tern_config config = TERN_CONFIG_DEFAULT;
    tern_error error = {0};
    config.max_memory_bytes = 3 * 65536 + 5;
    config.max_table_elems = 6;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) fail_msg("%s", error.text);
    assert_int_equal((uint32_t)GUEST_CALL(instance, "grow", tern_i32(2)), UINT32_MAX);
    assert_int_equal(GUEST_CALL(instance, "grow", tern_i32(1)), 2);
    assert_int_equal((uint32_t)GUEST_CALL(instance, "grow_table", tern_i32(3)), UINT32_MAX);
    assert_int_equal(GUEST_CALL(instance, "grow_table", tern_i32(2)), 4);
    tern_instance_destroy(instance);
    config.max_memory_bytes = 65536;
    assert_null(tern_instance_create(module, &config, &error));
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
    config.max_memory_bytes = 0;
    config.max_table_elems = 3;
    assert_null(tern_instance_create(module, &config, &error));
    assert_int_equal(error.kind, TERN_ERROR_RESOURCE);

    /* Options of earlier and of later headers. */
    config = (tern_config)TERN_CONFIG_DEFAULT;
    config.max_table_elems = 3;
    config.struct_size = offsetof(tern_config, streams);
    instance = tern_instance_create(module, &config, &error);
    assert_non_null(instance); /* what lies behind is not looked at */
    tern_instance_destroy(instance);
    config.struct_size = sizeof config + 8;
    assert_null(tern_instance_create(module, &config, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    config.struct_size = 8;
    assert_null(tern_instance_create(module, &config, &error));
    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.struct_size = 1;
    assert_null(tern_engine_create_with(&options, &error));
    assert_int_equal(error.kind, TERN_ERROR_USAGE);
    tern_module_unload(module);

    module = tern_guest_load(engine, "tern_gc");
    config = (tern_config)TERN_CONFIG_DEFAULT;
    config.missing = TERN_MISSING_TRAP;
    config.max_gc_bytes = 1 << 20;
    instance = tern_instance_create(module, &config, &error);
    tern_value arg = tern_i32(1000000), result;
    assert_int_equal(tern_instance_call(instance, "make_array", &arg, 1, &result, 1, &error), TERN_TRAPPED);
    expect_trap(instance, "OUT_OF_MEMORY");
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
}

/* --- the host's own memory ------------------------------------------------------------------------------ */

typedef struct Counter {
    size_t live;
    uint32_t nth, n; /* the nth request fails; 0: none */
} Counter;

static void *count(void *user, void *p, size_t old_size, size_t new_size)
{
    Counter *counter = user;
    if (new_size == 0) {
        counter->live -= old_size;
        free(p);
        return NULL;
    }
    if (new_size > old_size && ++counter->n == counter->nth) return NULL;
    void *moved = realloc(p, new_size);
    if (moved != NULL) counter->live += new_size - old_size;
    return moved;
}

static bool add(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller, (void)user;
    results[0].of.i32 = args[0].of.i32 + args[1].of.i32;
    return true;
}

/* All kinds of handles; false wherever memory is missing. */
static bool use_everything(tern_engine *engine)
{
    tern_error error;
    tern_store *store = tern_store_create(engine, NULL);
    tern_linker *linker = tern_linker_create(engine);
    tern_module *module = tern_module_load(
        engine, "\0asm\1\0\0\0\1\7\1\140\2\177\177\1\177\2\v\1\3env\3add\0\0\7\7\1\3sum\0\0", 39, &error);
    bool ok = store != NULL && linker != NULL && module != NULL;
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    config.store = store;
    ok = ok && tern_linker_define_func(linker, "env", "add", "(param i32 i32) (result i32)", add, NULL, &error);
    tern_memory *memory = ok ? tern_memory_create(store, "1", &error) : NULL;
    tern_table *table = ok ? tern_table_create(store, "4 externref", NULL, &error) : NULL;
    tern_global *global = ok ? tern_global_create(store, "(mut externref)", NULL, &error) : NULL;
    tern_ref *r = ok ? tern_ref_from_host(store, &config, NULL) : NULL;
    tern_value value = tern_ref_value(r), got = {0}, result, args[] = {tern_i32(1), tern_i32(2)};
    ok = ok && memory != NULL && table != NULL && global != NULL && r != NULL;
    ok = ok && tern_global_set(global, &value) && tern_global_get(global, &got);
    tern_instance *instance = ok ? tern_instance_create(module, &config, &error) : NULL;
    ok = instance != NULL && tern_instance_call(instance, "sum", args, 2, &result, 1, &error) == TERN_OK;
    tern_snapshot *snapshot = ok ? tern_instance_snapshot(instance, &error) : NULL;
    ok = snapshot != NULL && tern_instance_restore(instance, snapshot, &error);
    tern_snapshot_destroy(snapshot);
    tern_ref_release(r);
    tern_ref_release(got.of.ref);
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_linker_destroy(linker);
    tern_store_destroy(store);
    return ok;
}

static void every_request_for_memory_may_fail(void **state)
{
    (void)state;
    bool ok = false;
    for (uint32_t nth = 1; !ok && nth < 500; nth++) {
        Counter counter = {.nth = nth};
        tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
        options.allocator = (tern_allocator){count, &counter};
        tern_error error = {0};
        tern_engine *engine = tern_engine_create_with(&options, &error);
        if (engine == NULL) assert_int_equal(error.kind, TERN_ERROR_RESOURCE);
        else ok = use_everything(engine) && counter.n < nth;
        tern_engine_destroy(engine);
        assert_int_equal(counter.live, 0);
    }
    assert_true(ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_goes_back_to_a_snapshot_again_and_again),
        cmocka_unit_test(objects_in_a_snapshot_stay),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(every_request_for_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
