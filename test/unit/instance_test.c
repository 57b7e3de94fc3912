/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* instance_test.c - instantiation of one module that has a little of everything, what stays behind
 * when it fails, and the builtins on what it made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "runtime/builtins.h"
#include "runtime/guest_range.h"
#include "test_store.h"

/*  (module
 *    (import "env" "f" (func $f (param i32) (result i32)))
 *    (import "env" "g" (global $g i32))
 *    (import "env" "t" (table $t 4 funcref))
 *    (memory (export "memory") 1 2)
 *    (table $own 2 10 funcref)
 *    (global $a i32 (i32.const 8))
 *    (global $b (export "b") (mut i64) (i64.const -5))
 *    (func $h (export "h") (param i32 i32) (result i32) local.get 0)
 *    (func $k)
 *    (elem (table $t) (i32.const 1) func $f $h)
 *    (elem $p func $k $h)
 *    (data (i32.const 16) "hello")
 *    (data (global.get $g) "bye")
 *    (data $q "passive")
 *    (start $k))
 */
static const u8 wasm[] = {
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x0f, 0x03, 0x60, 0x01, 0x7f, 0x01,
    0x7f, 0x60, 0x02, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x00, 0x00, 0x02, 0x1c, 0x03, 0x03, 0x65,
    0x6e, 0x76, 0x01, 0x66, 0x00, 0x00, 0x03, 0x65, 0x6e, 0x76, 0x01, 0x67, 0x03, 0x7f, 0x00,
    0x03, 0x65, 0x6e, 0x76, 0x01, 0x74, 0x01, 0x70, 0x00, 0x04, 0x03, 0x03, 0x02, 0x01, 0x02,
    0x04, 0x05, 0x01, 0x70, 0x01, 0x02, 0x0a, 0x05, 0x04, 0x01, 0x01, 0x01, 0x02, 0x06, 0x0b,
    0x02, 0x7f, 0x00, 0x41, 0x08, 0x0b, 0x7e, 0x01, 0x42, 0x7b, 0x0b, 0x07, 0x12, 0x03, 0x06,
    0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x01, 0x62, 0x03, 0x02, 0x01, 0x68, 0x00,
    0x01, 0x08, 0x01, 0x02, 0x09, 0x0d, 0x02, 0x00, 0x41, 0x01, 0x0b, 0x02, 0x00, 0x01, 0x01,
    0x00, 0x02, 0x02, 0x01, 0x0a, 0x09, 0x02, 0x04, 0x00, 0x20, 0x00, 0x0b, 0x02, 0x00, 0x0b,
    0x0b, 0x1c, 0x03, 0x00, 0x41, 0x10, 0x0b, 0x05, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x00, 0x23,
    0x00, 0x0b, 0x03, 0x62, 0x79, 0x65, 0x01, 0x07, 0x70, 0x61, 0x73, 0x73, 0x69, 0x76, 0x65};

static TrapCode host_f(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env, (void)slots;
    return TRAP_NONE;
}

/* The imports the module needs, with bye at the address g. */
typedef struct World {
    TestStore t;
    Module *module;
    Extern imports[3];
} World;

/* False: no memory. */
static bool make_imports(Store *store, u32 g, Extern *imports)
{
    static const ValType i32 = VT_I32;
    u32 id = tern_types_add_func(store->engine->types, &i32, 1, &i32, 1);
    if (id == TYPE_NONE) return false;
    imports[0] =
        (Extern){.kind = EXTERN_FUNC, .u.func = tern_func_new(store, id, host_f, NULL, "f")};
    tern_types_release(store->engine->types, id);
    GlobalType global = {VT_I32, false};
    imports[1] = (Extern){.kind = EXTERN_GLOBAL,
                          .u.global = tern_global_new(store, global, (Value){.cells = {g, 0}})};
    TableType table = {{.min = 4, .max = UINT64_MAX}, VT_FUNCREF};
    imports[2] = (Extern){.kind = EXTERN_TABLE, .u.table = tern_table_new(store, &table, REF_NULL)};
    return imports[0].u.func != NULL && imports[1].u.global != NULL && imports[2].u.table != NULL;
}

static Module *decode(Engine *engine, Diag *diag)
{
    DecodeOptions options = {.features = FEATURES_ALL};
    return tern_module_decode(engine->types, engine->options.alloc, wasm, sizeof wasm, &options,
                              diag);
}

static void world_init(World *w, u32 g)
{
    test_store_init(&w->t, NULL);
    Diag diag = {0};
    w->module = decode(w->t.engine, &diag);
    if (w->module == NULL) fail_msg("%s", tern_diag_text(diag.code));
    assert_true(make_imports(w->t.store, g, w->imports));
}

static void world_done(World *w)
{
    tern_module_release(w->module);
    test_store_done(&w->t);
}

static Instance *instantiate(World *w, const InstantiateOptions *options)
{
    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    Instance *instance =
        tern_instance_new(w->t.store, w->module, w->imports, options, &diag, &trap);
    if (instance == NULL) fail_msg("%s %s", tern_diag_text(diag.code), diag.detail);
    return instance;
}

static void an_instance_has_what_its_module_says(void **state)
{
    (void)state;
    World w;
    world_init(&w, 65533);
    Instance *instance = instantiate(&w, NULL);
    Extern e;
    assert_true(tern_instance_find_export(instance, (Name){"memory", 6}, &e));
    assert_int_equal(e.kind, EXTERN_MEMORY);
    assert_memory_equal(e.u.memory->base + 16, "hello", 5);
    assert_memory_equal(e.u.memory->base + 65533, "bye", 3);
    assert_true(tern_instance_find_export(instance, (Name){"b", 1}, &e));
    assert_true(e.u.global->type.is_mutable);
    assert_true(e.u.global->cell->i64 == (u64)-5);
    assert_ptr_equal(tern_instance_global(instance, 2), e.u.global);
    assert_true(tern_instance_find_export(instance, (Name){"h", 1}, &e));
    assert_ptr_equal(e.u.func->instance, instance);
    assert_int_equal(e.u.func->type->nparams, 2);
    assert_false(tern_instance_find_export(instance, (Name){"k", 1}, &e));

    const Table *t = w.imports[2].u.table;
    assert_int_equal(t->elems[0], REF_NULL);
    assert_int_equal(t->elems[1], (Ref)(uintptr_t)w.imports[0].u.func);
    assert_int_equal(t->elems[2], (Ref)(uintptr_t)e.u.func);
    assert_int_equal(instance->elem_dropped[0], 1);
    assert_int_equal(instance->elem_dropped[1], 0);
    assert_int_equal(instance->data_dropped[2], 0);
    world_done(&w);
}

static void a_segment_that_does_not_fit_traps_and_earlier_ones_stay(void **state)
{
    (void)state;
    World w;
    world_init(&w, 65534);
    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    assert_null(tern_instance_new(w.t.store, w.module, w.imports, NULL, &diag, &trap));
    assert_int_equal(trap, TRAP_MEMORY_BOUNDS);
    assert_int_equal(diag.code, DIAG_INSTANTIATE_TRAP);
    assert_string_equal(diag.detail, TERN_DETAILS ? "out of bounds memory access: data segment 1, 3 bytes at "
                                                    "address 0xfffe, memory size 65536"
                                                  : "out of bounds memory access");
    const FuncInst *h = (const FuncInst *)(uintptr_t)w.imports[2].u.table->elems[2];
    assert_non_null(h); /* alive with its instance */
    assert_int_equal(h->instance->module->nfuncs, 3);
    tern_module_release(w.module);
    w.module = NULL;
    assert_int_equal(h->instance->module->nfuncs, 3);
    world_done(&w);
}

static void an_import_of_the_wrong_type_is_refused_before_anything_is_made(void **state)
{
    (void)state;
    World w;
    world_init(&w, 0);
    w.imports[2].u.table->size = 3;
    Diag diag = {0};
    assert_null(tern_instance_new(w.t.store, w.module, w.imports, NULL, &diag, NULL));
    assert_int_equal(diag.code, DIAG_INCOMPATIBLE_IMPORT);
    assert_string_equal(diag.detail, TERN_DETAILS
                                         ? "\"env\" \"t\": import needs table of at least 4 elements, offered 3"
                                         : "\"env\" \"t\"");
    assert_int_equal(w.t.store->instances.n, 0);
    assert_int_equal(w.t.store->memories.n, 0);
    world_done(&w);
}

static void a_guest_heap_comes_with_its_pages(void **state)
{
    (void)state;
    World w;
    world_init(&w, 0);
    InstantiateOptions options = {.guest_heap_bytes = 8192};
    Instance *instance = instantiate(&w, &options);
    assert_non_null(instance->memories[0]->heap);
    assert_int_equal(instance->memories[0]->npages, 2);
    assert_int_equal(instance->memories[0]->max_pages, 3);
    world_done(&w);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        EngineOptions options = {
            .alloc = &alloc.base, .features = FEATURES_ALL, .memories_move = true};
        InstantiateOptions heap = {.guest_heap_bytes = 8192};
        Engine *engine = tern_engine_new(&options);
        Diag diag = {0};
        Module *module = engine != NULL ? decode(engine, &diag) : NULL;
        Store *store = module != NULL ? tern_store_new(engine) : NULL;
        Extern imports[3];
        if (store != NULL && make_imports(store, 0, imports)) {
            TrapCode trap;
            diag = (Diag){0};
            Instance *instance = tern_instance_new(store, module, imports, &heap, &diag, &trap);
            assert_int_equal(instance == NULL, alloc.has_failed);
            if (instance == NULL) assert_int_equal(tern_diag_kind(diag.code), DIAG_KIND_RESOURCE);
            assert_int_equal(trap, TRAP_NONE);
        }
        tern_store_free(store);
        tern_module_release(module);
        tern_engine_free(engine);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

/* --- a tier that only pretends ---------------------------------------------------------------- */

static bool attach(Instance *instance, Diag *diag)
{
    (void)diag;
    instance->code = instance;
    return true;
}

/* "Code" of every function: the first calls import 0, all others grow memory and trap. */
static TrapCode pretend(Exec *x, FuncInst *func, u64 *slots)
{
    Below below;
    tern_exec_begin(x, &below);
    tern_exec_enter(x, func->instance);
    x->fp = slots;
    if (func->func_index == 1) {
        x->top = slots + 2;
        TrapCode code = tern_exec_call_in_place(x, func->instance->funcs[0]);
        assert_ptr_equal(x->instance, func->instance);
        assert_ptr_equal(x->code, func->instance);
        assert_ptr_equal(x->fp, slots);
        assert_int_equal(x->memory_size, 131072);
        return tern_exec_end(x, &below, func, slots, code);
    }
    assert_int_equal(tern_memory_grow_pages(func->instance->memories[0], 1), 1);
    return tern_exec_end(x, &below, func, slots, tern_exec_trap(x, TRAP_UNREACHABLE));
}

static u32 backtrace(const Exec *x, TrapFrame *frames, u32 max)
{
    assert_true(max >= 1);
    frames[0] = (TrapFrame){x->instance, 2, 0x99};
    return 1;
}

static TrapCode call_k(Exec *x, void *env, u64 *slots)
{
    (void)slots;
    Instance **instance = env;
    assert_ptr_equal(x->instance, *instance); /* the caller's */
    return tern_exec_call(x, tern_instance_func(*instance, 2), NULL, NULL);
}

static void a_nested_call_leaves_everything_as_before_but_the_memory(void **state)
{
    (void)state;
    static const Tier tier = {.name = "pretend", .attach = attach, .call = pretend, .backtrace = backtrace};
    World w;
    test_store_init(&w.t, &tier);
    Diag diag = {0};
    w.module = decode(w.t.engine, &diag);
    assert_non_null(w.module);
    assert_true(make_imports(w.t.store, 0, w.imports));
    Instance *instance = NULL;
    w.imports[0].u.func->host = call_k;
    w.imports[0].u.func->env = &instance;
    instance = instantiate(&w, NULL);
    Exec *x = tern_exec_new(w.t.store, 0);
    u64 args[2] = {1, 2};
    assert_int_equal(tern_exec_call(x, tern_instance_func(instance, 1), args, args),
                     TRAP_UNREACHABLE);
    assert_null(x->instance);
    assert_null(x->memory);
    assert_int_equal(x->depth, 0);
    assert_ptr_equal(x->top, x->stack);
    char text[100];
    tern_trap_format(&x->trap, text, sizeof text);
    assert_string_equal(text, "unreachable (function 2, offset 0x99)");
    tern_exec_free(x);
    world_done(&w);
}

/* --- builtins --------------------------------------------------------------------------------- */

#define CALL(name, imm1, imm2, ...)                            \
    (memcpy(slots, (const u64[4]){__VA_ARGS__}, sizeof slots), \
     tern_builtin_##name(x, slots, imm1, imm2))

static void memory_builtins_check_the_whole_range_first(void **state)
{
    (void)state;
    World w;
    world_init(&w, 0);
    Instance *instance = instantiate(&w, NULL);
    Exec *x = tern_exec_new(w.t.store, 0);
    tern_exec_enter(x, instance);
    u64 slots[4];
    Memory *memory = instance->memories[0];
    assert_int_equal(CALL(memory_fill, 0, 0, 65530, 0x1ee, 7), TRAP_MEMORY_BOUNDS);
    assert_int_equal(memory->base[65530], 0);
    tern_exec_trap(x, TRAP_MEMORY_BOUNDS);
    assert_true(x->trap.has_address);
    assert_int_equal(x->trap.address, 65530);
    assert_int_equal(x->trap.access_bytes, 7);
    assert_int_equal(x->trap.memory_bytes, 65536);
    assert_int_equal(CALL(memory_fill, 0, 0, 65530, 0x1ee, 6), TRAP_NONE);
    assert_int_equal(memory->base[65535], 0xee);
    assert_int_equal(CALL(memory_fill, 0, 0, 65536, 0, 0), TRAP_NONE);
    assert_int_equal(CALL(memory_fill, 0, 0, 65537, 0, 0), TRAP_MEMORY_BOUNDS);

    assert_int_equal(CALL(memory_copy, 0, 0, 18, 16, 5), TRAP_NONE); /* overlapping */
    assert_memory_equal(memory->base + 16, "hehello", 7);
    assert_int_equal(CALL(memory_copy, 0, 0, 0, 65535, 2), TRAP_MEMORY_BOUNDS);
    assert_int_equal(CALL(memory_init, 2, 0, 100, 3, 4), TRAP_NONE);
    assert_memory_equal(memory->base + 100, "sive", 5);
    assert_int_equal(CALL(memory_init, 2, 0, 100, 4, 4), TRAP_MEMORY_BOUNDS);
    assert_int_equal(CALL(data_drop, 2, 0, 0), TRAP_NONE);
    assert_int_equal(CALL(memory_init, 2, 0, 100, 0, 0), TRAP_NONE);
    assert_int_equal(CALL(memory_init, 2, 0, 100, 0, 1), TRAP_MEMORY_BOUNDS);

    assert_int_equal(CALL(memory_grow, 0, 0, 1), TRAP_NONE);
    assert_int_equal(slots[0], 1);
    assert_int_equal(x->memory_size, 131072);
    assert_int_equal(CALL(memory_grow, 0, 0, 1), TRAP_NONE);
    assert_true(slots[0] == UINT32_MAX);
    assert_int_equal(CALL(memory_size, 0, 0, 9), TRAP_NONE);
    assert_int_equal(slots[0], 2);
    tern_exec_free(x);
    world_done(&w);
}

static void table_builtins_check_the_whole_range_first(void **state)
{
    (void)state;
    World w;
    world_init(&w, 0);
    Instance *instance = instantiate(&w, NULL);
    Exec *x = tern_exec_new(w.t.store, 0);
    tern_exec_enter(x, instance);
    u64 slots[4];
    const Table *own = instance->tables[1];
    assert_int_equal(CALL(ref_func, 2, 0, 0), TRAP_NONE);
    u64 k = slots[0];
    assert_ptr_equal((void *)(uintptr_t)k, tern_instance_func(instance, 2));
    assert_int_equal(CALL(table_get, 1, 0, 2), TRAP_TABLE_BOUNDS);
    assert_int_equal(CALL(table_set, 1, 0, 2, k), TRAP_TABLE_BOUNDS);
    assert_int_equal(CALL(table_set, 1, 0, 1, k), TRAP_NONE);
    assert_int_equal(CALL(table_get, 1, 0, 1), TRAP_NONE);
    assert_true(slots[0] == k);
    assert_int_equal(CALL(table_grow, 1, 0, k, 3), TRAP_NONE);
    assert_int_equal(slots[0], 2);
    assert_int_equal(CALL(table_grow, 1, 0, k, 6), TRAP_NONE);
    assert_true(slots[0] == UINT32_MAX);
    assert_int_equal(CALL(table_size, 1, 0, 0), TRAP_NONE);
    assert_int_equal(slots[0], 5);
    assert_int_equal(CALL(table_fill, 1, 0, 3, REF_NULL, 3), TRAP_TABLE_BOUNDS);
    assert_true(own->elems[4] == k);
    assert_int_equal(CALL(table_fill, 1, 0, 3, REF_NULL, 2), TRAP_NONE);
    assert_int_equal(own->elems[4], REF_NULL);
    assert_int_equal(CALL(table_copy, 1, 0, 3, 1, 2), TRAP_NONE);
    assert_true(own->elems[3] == (u64)(uintptr_t)w.imports[0].u.func);
    assert_int_equal(CALL(table_copy, 1, 0, 4, 1, 2), TRAP_TABLE_BOUNDS);
    assert_int_equal(CALL(table_init, 1, 1, 0, 1, 2), TRAP_TABLE_BOUNDS);
    assert_int_equal(CALL(table_init, 1, 1, 0, 1, 1), TRAP_NONE);
    assert_true(own->elems[0] == (u64)(uintptr_t)tern_instance_func(instance, 1));
    assert_int_equal(CALL(elem_drop, 1, 0, 0), TRAP_NONE);
    assert_int_equal(CALL(table_init, 1, 1, 0, 0, 1), TRAP_TABLE_BOUNDS);
    assert_int_equal(CALL(table_init, 1, 1, 5, 0, 0), TRAP_NONE);
    tern_exec_free(x);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_has_what_its_module_says),
        cmocka_unit_test(a_segment_that_does_not_fit_traps_and_earlier_ones_stay),
        cmocka_unit_test(an_import_of_the_wrong_type_is_refused_before_anything_is_made),
        cmocka_unit_test(a_guest_heap_comes_with_its_pages),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_nested_call_leaves_everything_as_before_but_the_memory),
        cmocka_unit_test(memory_builtins_check_the_whole_range_first),
        cmocka_unit_test(table_builtins_check_the_whole_range_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
