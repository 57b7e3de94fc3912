/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_test.c - gc_export.h: every function, with objects that go to a guest and come back. */
#include "guest.h"

#include "gc_export.h"

enum { CELL, LONG, HALVES, THINGS, DOUBLE };

static wasm_obj_t seen;

static void see(wasm_exec_env_t env, uintptr_t obj)
{
    (void)env;
    seen = (wasm_obj_t)obj;
}

static Guest open_guest(void)
{
    static NativeSymbol natives[] = {{"see", (void *)see, "(r)", NULL}};
    assert_true(wasm_runtime_register_natives("env", natives, 1));
    return guest_open("gc", 0);
}

static wasm_obj_t call_obj(Guest *guest, const char *name, wasm_obj_t arg, uint32_t argc)
{
    uint32_t cells[4] = {0};
    memcpy(cells, &arg, sizeof arg);
    if (!guest_call(guest, name, argc, cells))
        fail_msg("%s: %s", name, wasm_runtime_get_exception(guest->inst));
    memcpy(&arg, cells, sizeof arg);
    return arg;
}

static void collect(Guest *guest)
{
    uint32_t cells[2] = {1000};
    assert_true(guest_call(guest, "churn", 1, cells));
}

/* --- types ------------------------------------------------------------------------------------ */

static void types_say_what_the_module_declares(void **state)
{
    (void)state;
    Guest guest = open_guest();
    wasm_module_t module = guest.module;
    assert_int_equal(wasm_get_defined_type_count(module), 11);
    assert_null(wasm_get_defined_type(module, 11));
    wasm_defined_type_t cell = wasm_get_defined_type(module, CELL);
    wasm_defined_type_t longer = wasm_get_defined_type(module, LONG);
    wasm_defined_type_t halves = wasm_get_defined_type(module, HALVES);
    wasm_defined_type_t func = wasm_get_defined_type(module, DOUBLE);
    assert_true(wasm_defined_type_is_struct_type(cell) && !wasm_defined_type_is_array_type(cell));
    assert_true(wasm_defined_type_is_array_type(halves) && !wasm_defined_type_is_func_type(halves));
    assert_true(wasm_defined_type_is_func_type(func) && !wasm_defined_type_is_struct_type(func));
    assert_true(wasm_defined_type_equal(cell, cell, module));
    assert_false(wasm_defined_type_equal(cell, longer, module));
    assert_true(wasm_defined_type_is_subtype_of(longer, cell, module));
    assert_false(wasm_defined_type_is_subtype_of(cell, longer, module));

    bool is_mutable = false;
    assert_int_equal(wasm_struct_type_get_field_count((wasm_struct_type_t)longer), 5);
    wasm_ref_type_t field = wasm_struct_type_get_field_type((wasm_struct_type_t)cell, 0, &is_mutable);
    assert_true(field.value_type == VALUE_TYPE_I8 && is_mutable);
    field = wasm_struct_type_get_field_type((wasm_struct_type_t)cell, 3, NULL);
    assert_int_equal(field.value_type, VALUE_TYPE_EXTERNREF);
    field = wasm_struct_type_get_field_type((wasm_struct_type_t)cell, 2, NULL);
    assert_true(field.value_type == VALUE_TYPE_HT_NULLABLE_REF && field.nullable);
    assert_ptr_equal(wasm_get_defined_type(module, (uint32_t)field.heap_type), cell);
    wasm_ref_type_t to_cell;
    wasm_ref_type_set_type_idx(&to_cell, true, CELL);
    assert_true(wasm_ref_type_equal(&field, &to_cell, module));
    field = wasm_array_type_get_elem_type((wasm_array_type_t)halves, &is_mutable);
    assert_true(field.value_type == VALUE_TYPE_I16 && is_mutable);
    assert_int_equal(wasm_func_type_get_param_type((wasm_func_type_t)func, 0).value_type, VALUE_TYPE_I32);
    assert_int_equal(wasm_func_type_get_result_type((wasm_func_type_t)func, 0).value_type, VALUE_TYPE_I32);
    assert_int_equal(wasm_func_type_get_result_type((wasm_func_type_t)func, 1).value_type, 0);
    /* The handles are those of the rest of the API. */
    assert_int_equal(wasm_func_type_get_param_count((wasm_func_type_t)func), 1);
    guest_close(&guest);
}

static void reference_types_compare(void **state)
{
    (void)state;
    Guest guest = open_guest();
    wasm_ref_type_t eq, cell, longer, structs, none;
    wasm_ref_type_set_heap_type(&eq, true, HEAP_TYPE_EQ);
    assert_true(eq.value_type == VALUE_TYPE_EQREF && !eq.nullable && eq.heap_type == 0);
    wasm_ref_type_set_heap_type(&structs, false, HEAP_TYPE_STRUCT);
    assert_true(structs.value_type == VALUE_TYPE_HT_NON_NULLABLE_REF && !structs.nullable &&
                structs.heap_type == HEAP_TYPE_STRUCT);
    wasm_ref_type_set_heap_type(&none, true, HEAP_TYPE_NONE);
    wasm_ref_type_set_type_idx(&cell, true, CELL);
    wasm_ref_type_set_type_idx(&longer, false, LONG);
    assert_true(wasm_ref_type_is_subtype_of(&longer, &cell, guest.module));
    assert_true(wasm_ref_type_is_subtype_of(&longer, &structs, guest.module));
    assert_true(wasm_ref_type_is_subtype_of(&structs, &eq, guest.module));
    assert_true(wasm_ref_type_is_subtype_of(&none, &cell, guest.module));
    assert_false(wasm_ref_type_is_subtype_of(&cell, &structs, guest.module)); /* null */
    assert_false(wasm_ref_type_equal(&cell, &longer, guest.module));
    wasm_ref_type_set_type_idx(&cell, true, 99);
    assert_false(wasm_ref_type_equal(&cell, &cell, guest.module));
    guest_close(&guest);
}

/* --- objects ---------------------------------------------------------------------------------- */

static void structs_go_to_the_guest_and_back(void **state)
{
    (void)state;
    Guest guest = open_guest();
    wasm_struct_obj_t obj = wasm_struct_obj_new_with_typeidx(guest.env, LONG);
    assert_non_null(obj);
    assert_int_equal(wasm_struct_obj_get_field_count(obj), 5);
    wasm_value_t value = {.i32 = 0x1ff};
    wasm_struct_obj_set_field(obj, 0, &value);
    wasm_struct_obj_get_field(obj, 0, true, &value);
    assert_int_equal(value.i32, -1);
    wasm_struct_obj_get_field(obj, 0, false, &value);
    assert_int_equal(value.i32, 0xff);
    value.i32 = 42;
    wasm_struct_obj_set_field(obj, 1, &value);
    value.i64 = -5000000000;
    wasm_struct_obj_set_field(obj, 4, &value);
    wasm_struct_obj_get_field(obj, 4, false, &value);
    assert_true(value.i64 == -5000000000);
    value.gc_obj = (wasm_obj_t)obj;
    wasm_struct_obj_set_field(obj, 2, &value);
    value.gc_obj = NULL;
    wasm_struct_obj_get_field(obj, 2, false, &value);
    assert_ptr_equal(value.gc_obj, obj);
    wasm_struct_obj_get_field(obj, 5, false, &value); /* there is none */
    assert_true(value.i64 == 0);
    wasm_struct_obj_set_field(obj, 5, &value);

    uint32_t cells[2];
    memcpy(cells, &obj, sizeof obj);
    assert_true(guest_call(&guest, "second", 2, cells));
    assert_int_equal(cells[0], 42);
    assert_ptr_equal(call_obj(&guest, "through", (wasm_obj_t)obj, 2), obj);
    assert_ptr_equal(seen, obj);

    /* A number is no object, whatever the guest makes of it. */
    const uintptr_t numbers[] = {8, (uintptr_t)obj + 16, (uintptr_t)wasm_i31_obj_new(3), (uintptr_t)&guest & ~(uintptr_t)15};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint32_t forged[2];
        memcpy(forged, &numbers[i], sizeof forged);
        assert_false(guest_call(&guest, "second", 2, forged));
        guest_expect_exception(&guest, "Exception: the arguments conversion is failed");
    }
    wasm_struct_obj_t made = (wasm_struct_obj_t)call_obj(&guest, "make", NULL, 0);
    wasm_struct_obj_get_field(made, 1, false, &value);
    assert_int_equal(value.i32, 7);
    assert_ptr_equal(wasm_obj_get_defined_type((wasm_obj_t)made), wasm_get_defined_type(guest.module, CELL));
    assert_int_equal(wasm_obj_get_defined_type_idx(guest.module, (wasm_obj_t)obj), LONG);
    wasm_struct_type_t type = (wasm_struct_type_t)wasm_get_defined_type(guest.module, CELL);
    assert_non_null(wasm_struct_obj_new_with_type(guest.env, type));
    assert_null(wasm_struct_obj_new_with_typeidx(guest.env, HALVES));
    assert_null(wasm_struct_obj_new_with_typeidx(guest.env, 99));
    guest_close(&guest);
}

static void arrays_fill_and_copy(void **state)
{
    (void)state;
    Guest guest = open_guest();
    wasm_value_t value = {.i32 = -2};
    wasm_array_obj_t a = wasm_array_obj_new_with_typeidx(guest.env, HALVES, 5, &value);
    wasm_array_type_t type = (wasm_array_type_t)wasm_get_defined_type(guest.module, HALVES);
    wasm_array_obj_t b = wasm_array_obj_new_with_type(guest.env, type, 3, NULL);
    assert_true(a != NULL && b != NULL && wasm_array_obj_length(a) == 5);
    wasm_array_obj_get_elem(a, 4, false, &value);
    assert_int_equal(value.i32, 0xfffe);
    wasm_array_obj_get_elem(a, 4, true, &value);
    assert_int_equal(value.i32, -2);
    value.i32 = 9;
    wasm_array_obj_set_elem(b, 2, &value);
    wasm_array_obj_copy(a, 1, b, 1, 2);
    wasm_array_obj_copy(a, 4, b, 0, 2); /* does not fit */
    wasm_array_obj_set_elem(a, 5, &value);
    const int16_t expected[] = {-2, 0, 9, -2, -2};
    assert_memory_equal(wasm_array_obj_first_elem_addr(a), expected, sizeof expected);
    assert_ptr_equal(wasm_array_obj_elem_addr(a, 1), (int16_t *)wasm_array_obj_first_elem_addr(a) + 1);
    assert_null(wasm_array_obj_elem_addr(a, 5));
    assert_null(wasm_array_obj_new_with_typeidx(guest.env, CELL, 1, NULL));
    guest_close(&guest);
}

static void functions_are_objects(void **state)
{
    (void)state;
    Guest guest = open_guest();
    wasm_func_type_t type = (wasm_func_type_t)wasm_get_defined_type(guest.module, DOUBLE);
    wasm_func_obj_t func = wasm_func_obj_new_with_typeidx(guest.env, DOUBLE, 1);
    assert_ptr_equal(wasm_func_obj_new_with_type(guest.env, type, 1), func);
    assert_true(wasm_obj_is_func_obj((wasm_obj_t)func) && !wasm_obj_is_struct_obj((wasm_obj_t)func));
    assert_int_equal(wasm_func_obj_get_func_idx_bound(func), 1);
    assert_ptr_equal(wasm_func_obj_get_func_type(func), type);
    assert_int_equal(wasm_obj_get_defined_type_idx(guest.module, (wasm_obj_t)func), DOUBLE);
    assert_true(wasm_obj_is_instance_of_type_idx((wasm_obj_t)func, DOUBLE, guest.module));
    assert_null(wasm_func_obj_new_with_typeidx(guest.env, DOUBLE, 2));
    assert_null(wasm_func_obj_new_with_typeidx(guest.env, DOUBLE, 99));

    uint32_t cells[1] = {21};
    assert_true(wasm_runtime_call_func_ref(guest.env, func, 1, cells));
    assert_int_equal(cells[0], 42);
    wasm_val_t arg = {.kind = WASM_I32, .of = {.i32 = 5}}, result;
    assert_true(wasm_runtime_call_func_ref_a(guest.env, func, 1, &result, 1, &arg));
    assert_int_equal(result.of.i32, 10);
    assert_true(wasm_runtime_call_func_ref_v(guest.env, func, 1, &result, 1, 8));
    assert_int_equal(result.of.i32, 16);
    assert_false(wasm_runtime_call_func_ref(guest.env, NULL, 1, cells));
    guest_expect_exception(&guest, "Exception: null function reference");
    guest_close(&guest);
}

static void host_values_are_boxed_and_known(void **state)
{
    (void)state;
    Guest guest = open_guest();
    int local = 0;
    wasm_externref_obj_t ext = wasm_externref_obj_new(guest.env, &local);
    wasm_anyref_obj_t any = wasm_anyref_obj_new(guest.env, &local);
    assert_ptr_equal(wasm_externref_obj_get_value(ext), &local);
    assert_ptr_equal(wasm_anyref_obj_get_value(any), &local);
    assert_true(wasm_obj_is_externref_obj((wasm_obj_t)ext) && !wasm_obj_is_anyref_obj((wasm_obj_t)ext));
    assert_true(wasm_obj_is_anyref_obj((wasm_obj_t)any) && !wasm_obj_is_externref_obj((wasm_obj_t)any));
    assert_true(wasm_obj_is_internal_obj((wasm_obj_t)any) && !wasm_obj_is_eq_obj((wasm_obj_t)any));
    assert_ptr_equal(wasm_externref_obj_to_internal_obj(ext), any);
    assert_ptr_equal(wasm_internal_obj_to_externref_obj(guest.env, (wasm_obj_t)any), ext);
    assert_null(wasm_internal_obj_to_externref_obj(guest.env, (wasm_obj_t)ext));
    /* The guest converts; calls give externrefs as the host's pointers. */
    assert_ptr_equal(call_obj(&guest, "out", (wasm_obj_t)any, 2), &local);

    wasm_i31_obj_t small = wasm_i31_obj_new(0x7ffffffe);
    assert_int_equal(wasm_i31_obj_get_value(small, true), (uint32_t)-2);
    assert_int_equal(wasm_i31_obj_get_value(small, false), 0x7ffffffe);
    assert_true(wasm_obj_is_i31_obj((wasm_obj_t)small) && wasm_obj_is_eq_obj((wasm_obj_t)small));
    wasm_obj_t out = call_obj(&guest, "out", (wasm_obj_t)small, 2);
    assert_true(wasm_obj_is_externref_obj(out));
    assert_ptr_equal(wasm_externref_obj_to_internal_obj((wasm_externref_obj_t)out), small);

    /* In a field and in an array. */
    wasm_value_t value = {.gc_obj = (wasm_obj_t)ext};
    wasm_struct_obj_t obj = wasm_struct_obj_new_with_typeidx(guest.env, CELL);
    wasm_struct_obj_set_field(obj, 3, &value);
    value.gc_obj = NULL;
    wasm_struct_obj_get_field(obj, 3, false, &value);
    assert_ptr_equal(value.gc_obj, ext);
    value.gc_obj = (wasm_obj_t)any;
    wasm_array_obj_t things = wasm_array_obj_new_with_typeidx(guest.env, THINGS, 2, &value);
    wasm_array_obj_get_elem(things, 1, false, &value);
    assert_ptr_equal(value.gc_obj, any);
    assert_true(wasm_obj_is_array_obj((wasm_obj_t)things));
    guest_close(&guest);
}

static void instances_of_types(void **state)
{
    (void)state;
    Guest guest = open_guest();
    wasm_obj_t obj = (wasm_obj_t)wasm_struct_obj_new_with_typeidx(guest.env, LONG);
    assert_true(wasm_obj_is_struct_obj(obj) && wasm_obj_is_eq_obj(obj) && wasm_obj_is_internal_obj(obj));
    assert_true(wasm_obj_is_instance_of_type_idx(obj, CELL, guest.module));
    assert_false(wasm_obj_is_instance_of_type_idx(obj, HALVES, guest.module));
    assert_true(wasm_obj_is_instance_of_defined_type(obj, wasm_get_defined_type(guest.module, LONG), guest.module));
    wasm_ref_type_t type;
    wasm_ref_type_set_type_idx(&type, false, CELL);
    assert_true(wasm_obj_is_instance_of_ref_type(obj, &type));
    assert_false(wasm_obj_is_instance_of_ref_type(NULL, &type));
    wasm_ref_type_set_heap_type(&type, true, HEAP_TYPE_ARRAY);
    assert_false(wasm_obj_is_instance_of_ref_type(obj, &type));
    assert_true(wasm_obj_is_instance_of_ref_type(NULL, &type));
    wasm_ref_type_set_heap_type(&type, false, HEAP_TYPE_I31);
    assert_true(wasm_obj_is_instance_of_ref_type((wasm_obj_t)wasm_i31_obj_new(1), &type));
    assert_false(wasm_obj_is_struct_obj(NULL) || wasm_obj_is_array_obj(NULL) || wasm_obj_is_func_obj(NULL));
    guest_close(&guest);
}

/* --- keeping and losing ----------------------------------------------------------------------- */

static int nfinalized;
static void *finalized_data;

static void finalizer(const wasm_obj_t obj, void *data)
{
    wasm_value_t value;
    wasm_struct_obj_get_field((wasm_struct_obj_t)obj, 1, false, &value);
    assert_int_equal(value.i32, 77); /* still readable */
    nfinalized++;
    finalized_data = data;
}

static wasm_obj_t watched(Guest *guest)
{
    wasm_struct_obj_t obj = wasm_struct_obj_new_with_typeidx(guest->env, CELL);
    wasm_value_t value = {.i32 = 77};
    wasm_struct_obj_set_field(obj, 1, &value);
    assert_true(wasm_obj_set_gc_finalizer(guest->env, (wasm_obj_t)obj, finalizer, NULL));
    assert_true(wasm_obj_set_gc_finalizer(guest->env, (wasm_obj_t)obj, finalizer, guest));
    return (wasm_obj_t)obj;
}

static void pins_keep_objects_and_finalizers_tell_when_they_go(void **state)
{
    (void)state;
    Guest guest = open_guest();
    nfinalized = 0;
    wasm_obj_t obj = watched(&guest);
    assert_true(wasm_runtime_pin_object(guest.env, obj));
    collect(&guest);
    assert_int_equal(nfinalized, 0);
    assert_true(wasm_runtime_unpin_object(guest.env, obj));
    assert_false(wasm_runtime_unpin_object(guest.env, obj));
    obj = NULL;
    collect(&guest);
    assert_int_equal(nfinalized, 1);
    assert_ptr_equal(finalized_data, &guest);

    obj = watched(&guest);
    wasm_obj_unset_gc_finalizer(guest.env, obj);
    collect(&guest);
    assert_int_equal(nfinalized, 1);
    assert_false(wasm_obj_set_gc_finalizer(guest.env, (wasm_obj_t)wasm_i31_obj_new(1), finalizer, NULL));

    (void)watched(&guest); /* goes with the instance */
    guest_close(&guest);
    assert_int_equal(nfinalized, 2);
}

static void local_references_keep_what_they_hold(void **state)
{
    (void)state;
    Guest guest = open_guest();
    nfinalized = 0;
    wasm_local_obj_ref_t first, second, third;
    assert_null(wasm_runtime_get_cur_local_obj_ref(guest.env));
    wasm_runtime_push_local_obj_ref(guest.env, &first);
    first.val = watched(&guest);
    wasm_runtime_push_local_obj_ref(guest.env, &second);
    second.val = (wasm_obj_t)wasm_internal_obj_to_externref_obj(guest.env, watched(&guest));
    wasm_runtime_push_local_obj_ref(guest.env, &third);
    assert_ptr_equal(wasm_runtime_get_cur_local_obj_ref(guest.env), &third);
    assert_ptr_equal(wasm_runtime_pop_local_obj_ref(guest.env), &third);
    collect(&guest);
    assert_int_equal(nfinalized, 0);
    second.val = NULL;
    collect(&guest);
    assert_int_equal(nfinalized, 1);
    wasm_runtime_pop_local_obj_refs(guest.env, 2);
    assert_null(wasm_runtime_get_cur_local_obj_ref(guest.env));
    assert_null(wasm_runtime_pop_local_obj_ref(guest.env));
    collect(&guest);
    assert_int_equal(nfinalized, 2);
    guest_close(&guest);
}

static void a_bounded_heap_refuses(void **state)
{
    (void)state;
    RuntimeInitArgs args = {.mem_alloc_type = Alloc_With_System_Allocator, .gc_heap_size = 256 << 10};
    assert_true(wasm_runtime_full_init(&args));
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    Guest guest = open_guest();
    assert_non_null(wasm_array_obj_new_with_typeidx(guest.env, HALVES, 1000, NULL));
    assert_null(wasm_array_obj_new_with_typeidx(guest.env, HALVES, 1 << 20, NULL));
    guest_expect_exception(&guest, "Exception: create array object failed");
    guest_close(&guest);
    wasm_runtime_destroy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(types_say_what_the_module_declares),
        RUNTIME_TEST(reference_types_compare),
        RUNTIME_TEST(structs_go_to_the_guest_and_back),
        RUNTIME_TEST(arrays_fill_and_copy),
        RUNTIME_TEST(functions_are_objects),
        RUNTIME_TEST(host_values_are_boxed_and_known),
        RUNTIME_TEST(instances_of_types),
        RUNTIME_TEST(pins_keep_objects_and_finalizers_tell_when_they_go),
        RUNTIME_TEST(local_references_keep_what_they_hold),
        cmocka_unit_test(a_bounded_heap_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
