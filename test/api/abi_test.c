/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* abi_test.c - a host that knows nothing but WAMR's binary interface: it includes no header of ours, declares
 * structs as bytes at the offsets that WAMR 2.4.3 has on 64-bit machines, and runs with libiwasm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A struct of the interface: size bytes, of which fields are put and got by offset. */
#define AT(T, bytes, offset) (*(T *)(void *)((char *)(bytes) + (offset)))
#define BYTES(name, size) _Alignas(16) char name[size] = {0}

extern _Bool wasm_runtime_full_init(void *args);
extern void wasm_runtime_destroy(void);
extern void *wasm_runtime_load(const void *buf, uint32_t size, char *error, uint32_t error_size);
extern void wasm_runtime_unload(void *module);
extern void *wasm_runtime_instantiate_ex(void *module, const void *args, char *error, uint32_t error_size);
extern void wasm_runtime_deinstantiate(void *inst);
extern void *wasm_runtime_create_exec_env(void *inst, uint32_t stack);
extern void wasm_runtime_destroy_exec_env(void *env);
extern void *wasm_runtime_lookup_function(void *inst, const char *name);
extern _Bool wasm_runtime_call_wasm(void *env, void *func, uint32_t argc, uint32_t *argv);
extern _Bool wasm_runtime_call_wasm_a(void *env, void *func, uint32_t nresults, void *results, uint32_t nargs,
                                      void *args);
extern int32_t wasm_runtime_get_export_count(void *module);
extern void wasm_runtime_get_export_type(void *module, int32_t index, void *type);
extern void wasm_runtime_get_import_type(void *module, int32_t index, void *type);
extern uint64_t wasm_runtime_module_malloc(void *inst, uint64_t size, void **native);
extern const char *wasm_runtime_get_exception(void *inst);
extern _Bool wasm_runtime_get_mem_alloc_info(void *info);
extern void *wasm_runtime_get_function_attachment(void *env);
extern void aot_call_stack_features_init_default(void *features);
extern const char *aot_get_last_error(void);
extern _Bool aot_compiler_init(void);
extern _Bool wasm_externref_obj2ref(void *inst, void *object, uint32_t *index);
extern _Bool wasm_externref_ref2obj(uint32_t index, void **object);
extern _Bool wasm_externref_objdel(void *inst, void *object);
extern _Bool wasm_externref_set_cleanup(void *inst, void *object, void (*cleanup)(void *));
extern _Bool wasm_externref_retain(uint32_t index);
extern void wasm_ref_type_set_type_idx(void *type, _Bool nullable, int32_t index);
extern int wasm_runtime_get_file_package_type(const void *buf, uint32_t size);
extern void *wasm_runtime_load_ex(const void *buf, uint32_t size, const void *args, char *error, uint32_t error_size);
extern void *wasm_runtime_load_from_sections(void *list, _Bool is_aot, char *error, uint32_t error_size);
extern const char *wasm_runtime_get_module_name(void *module);
extern _Bool wasm_runtime_resolve_symbols(void *module);
extern void *wasm_runtime_instantiate(void *module, uint32_t stack, uint32_t heap, char *error, uint32_t error_size);
extern void wasm_runtime_set_log_level(int level);
extern int wasm_runtime_get_running_mode(void *inst);
extern _Bool wasm_runtime_is_running_mode_supported(int mode);
extern void *wasm_runtime_get_exec_env_singleton(void *inst);
extern uint32_t wasm_copy_callstack(void *env, void *frames, uint32_t length, uint32_t skip, char *error,
                                    uint32_t error_size);
extern _Bool wasm_runtime_get_export_global_inst(void *inst, const char *name, void *global);
extern _Bool wasm_runtime_get_export_table_inst(void *inst, const char *name, void *table);
extern void *wasm_table_get_func_inst(void *inst, const void *table, uint32_t index);
extern void *wasm_runtime_create_shared_heap(void *args);
extern _Bool wasm_runtime_enlarge_memory(void *inst, uint64_t npages);
extern void wasm_runtime_set_enlarge_mem_error_callback(void *callback, void *user_data);
extern void wasm_runtime_module_free(void *inst, uint64_t addr);
extern uint64_t wasm_runtime_module_dup_data(void *inst, const char *from, uint64_t size);
extern _Bool wasm_runtime_validate_app_addr(void *inst, uint64_t addr, uint64_t size);
extern _Bool wasm_runtime_validate_app_str_addr(void *inst, uint64_t addr);
extern _Bool wasm_runtime_validate_native_addr(void *inst, void *native, uint64_t size);
extern void *wasm_runtime_addr_app_to_native(void *inst, uint64_t addr);
extern uint64_t wasm_runtime_addr_native_to_app(void *inst, void *native);
extern void wasm_runtime_clear_exception(void *inst);
extern void *wasm_array_obj_new_with_typeidx(void *env, uint32_t type, uint32_t length, void *value);
extern void wasm_array_obj_get_elem(void *array, uint32_t index, _Bool sign_extend, void *value);
extern void wasm_runtime_push_local_obj_ref(void *env, void *local);
extern void *wasm_runtime_pop_local_obj_ref(void *env);
extern _Bool wasm_runtime_instantiation_args_create(void **args);
extern void wasm_runtime_instantiation_args_destroy(void *args);
extern void wasm_runtime_instantiation_args_set_host_managed_heap_size(void *args, uint32_t size);
extern void *wasm_runtime_instantiate_ex2(void *module, const void *args, char *error, uint32_t error_size);

/* (import "env" "host" (func (param i32) (result i32))) (memory (export "m") 1)
 * (func (export "f") (param i32) (result i32) (call 0 (i32.add (local.get 0) (i32.const 1))))
 * (func (export "t") unreachable) */
static const unsigned char wasm[] = {
    0,   'a', 's', 'm', 1,   0,    0,    0,                                             /**/
    1,   9,   2,   0x60, 1,  0x7f, 1,    0x7f, 0x60, 0,    0,                           /* types */
    2,   12,  1,   3,   'e', 'n',  'v',  4,    'h',  'o',  's', 't', 0, 0,              /* imports */
    3,   3,   2,   0,   1,                                                              /* functions */
    5,   3,   1,   0,   1,                                                              /* memory */
    7,   13,  3,   1,   'm', 2,    0,    1,    'f',  0,    1,   1,   't', 0,   2,       /* exports */
    10,  16,  2,   9,   0,   0x20, 0,    0x41, 1,    0x6a, 0x10, 0,  0x0b, 4,   0, 0, 1, 0x0b};

static int32_t host(void *env, int32_t x)
{
    return x * *(int32_t *)wasm_runtime_get_function_attachment(env);
}

static void *cleaned;
static void cleanup(void *object) { cleaned = object; }

static void the_binary_interface_is_wamrs(void **state)
{
    (void)state;
    wasm_runtime_set_log_level(0);
    static _Alignas(16) char pool[4 << 20];
    int32_t factor = 10;
    BYTES(natives, 32); /* NativeSymbol */
    AT(const char *, natives, 0) = "host";
    AT(void *, natives, 8) = (void *)host;
    AT(const char *, natives, 16) = "(i)i";
    AT(void *, natives, 24) = &factor;
    BYTES(init, 232); /* RuntimeInitArgs */
    AT(int, init, 0) = 0; /* Alloc_With_Pool */
    AT(void *, init, 8) = pool;
    AT(uint32_t, init, 16) = sizeof pool;
    AT(const char *, init, 40) = "env";
    AT(void *, init, 48) = natives;
    AT(uint32_t, init, 56) = 1;
    AT(uint32_t, init, 208) = 1; /* Mode_Interp */
    assert_true(wasm_runtime_full_init(init));
    BYTES(info, 16); /* mem_alloc_info_t and something behind it */
    AT(uint32_t, info, 12) = 0x12345678;
    assert_true(wasm_runtime_get_mem_alloc_info(info));
    assert_in_range(AT(uint32_t, info, 0), sizeof pool / 2, sizeof pool);
    assert_in_range(AT(uint32_t, info, 4), 1, AT(uint32_t, info, 0));
    assert_int_equal(AT(uint32_t, info, 12), 0x12345678);

    char error[128];
    void *module = wasm_runtime_load(wasm, sizeof wasm, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    BYTES(import, 48); /* wasm_import_t, and something behind it */
    memset(import + 32, 0x55, 16);
    wasm_runtime_get_import_type(module, 0, import);
    assert_string_equal(AT(const char *, import, 0), "env");
    assert_string_equal(AT(const char *, import, 8), "host");
    assert_int_equal(AT(int, import, 16), 0);
    assert_int_equal(AT(char, import, 20), 1);
    assert_non_null(AT(void *, import, 24));
    assert_int_equal(import[32], 0x55);
    BYTES(export, 32); /* wasm_export_t, and something behind it */
    memset(export + 24, 0x55, 8);
    assert_int_equal(wasm_runtime_get_export_count(module), 3);
    wasm_runtime_get_export_type(module, 0, export);
    assert_string_equal(AT(const char *, export, 0), "m");
    assert_int_equal(AT(int, export, 8), 2); /* memory */
    assert_int_equal(export[24], 0x55);

    BYTES(args, 12); /* InstantiationArgs */
    AT(uint32_t, args, 0) = 65536;
    AT(uint32_t, args, 4) = 8192;
    AT(uint32_t, args, 8) = 4;
    void *inst = wasm_runtime_instantiate_ex(module, args, error, sizeof error);
    if (inst == NULL) fail_msg("%s", error);
    assert_true(wasm_runtime_module_malloc(inst, 100, NULL) != 0);
    void *env = wasm_runtime_create_exec_env(inst, 65536);
    uint32_t argv[1] = {4};
    void *f = wasm_runtime_lookup_function(inst, "f");
    assert_true(wasm_runtime_call_wasm(env, f, 1, argv));
    assert_int_equal(argv[0], 50);
    BYTES(arg, 16); /* wasm_val_t */
    BYTES(result, 32);
    memset(result, 0x55, 32);
    AT(int32_t, arg, 8) = 6;
    assert_true(wasm_runtime_call_wasm_a(env, f, 1, result, 1, arg));
    assert_int_equal(result[0], 0); /* WASM_I32 */
    assert_int_equal(AT(int32_t, result, 8), 70);
    assert_int_equal(result[16], 0x55);
    assert_false(wasm_runtime_call_wasm(env, wasm_runtime_lookup_function(inst, "t"), 0, NULL));
    assert_string_equal(wasm_runtime_get_exception(inst), "Exception: unreachable");

    uint32_t index = 99, again = 98;
    void *object = NULL;
    assert_true(wasm_externref_obj2ref(inst, &factor, &index));
    assert_true(wasm_externref_obj2ref(inst, &factor, &again) && again == index);
    assert_true(wasm_externref_ref2obj(index, &object) && object == &factor);
    assert_true(wasm_externref_retain(index) && !wasm_externref_retain(index + 1));
    assert_true(wasm_externref_set_cleanup(inst, &factor, cleanup));
    assert_true(wasm_externref_objdel(inst, &factor) && !wasm_externref_objdel(inst, &factor));
    assert_ptr_equal(cleaned, &factor);
    assert_false(wasm_externref_ref2obj(index, &object));
    assert_true(wasm_externref_obj2ref(inst, NULL, &index) && index == UINT32_MAX);
    assert_true(wasm_externref_ref2obj(UINT32_MAX, &object) && object == NULL);
    cleaned = NULL;
    assert_true(wasm_externref_obj2ref(inst, &index, &again));
    assert_true(wasm_externref_set_cleanup(inst, &index, cleanup));

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    assert_ptr_equal(cleaned, &index); /* went with the instance */
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
}

static void companions_have_their_layouts_too(void **state)
{
    (void)state;
    BYTES(features, 8); /* AOTCallStackFeatures */
    aot_call_stack_features_init_default(features);
    assert_memory_equal(features, "\1\1\1\1\1\0\0\0", 8);
    assert_false(aot_compiler_init());
    assert_non_null(strstr(aot_get_last_error(), "compiler"));
    BYTES(type, 16); /* wasm_ref_type_t */
    wasm_ref_type_set_type_idx(type, 1, 3);
    assert_memory_equal(type, "\x63\1", 2);
    assert_int_equal(AT(int32_t, type, 4), 3);
    assert_int_equal(AT(int64_t, type, 8), 0);
}

/* --- what a host without pool or natives meets ------------------------------------------------- */

static unsigned nblocks;
static void *count_malloc(unsigned size)
{
    nblocks++;
    return malloc(size);
}
static void *count_realloc(void *block, unsigned size) { return realloc(block, size); }
static void count_free(void *block)
{
    nblocks--;
    free(block);
}

static void start_with_callbacks(void)
{
    BYTES(init, 232); /* RuntimeInitArgs with the other member of MemAllocOption */
    AT(int, init, 0) = 1; /* Alloc_With_Allocator */
    AT(void *, init, 8) = (void *)count_malloc;
    AT(void *, init, 16) = (void *)count_realloc;
    AT(void *, init, 24) = (void *)count_free;
    assert_true(wasm_runtime_full_init(init));
}

/* (type (array (mut i64))) (type (func)) (type (func (param i32 i32) (result i32)))
 * (func $sum (type 2) ...) (table (export "t") 3 7 funcref) (memory (export "m") 1 2)
 * (global (export "g") (mut i64) (i64.const 5)) (export "sum" (func 0)) (elem (i32.const 1) 0)
 * sum adds the second many bytes at the first. */
static const unsigned char sections[] = {
    0,    'a',  's',  'm',  1,    0,    0,    0,                                     /**/
    1,    13,   3,    0x5e, 0x7e, 1,    0x60, 0,    0,    0x60, 2,    0x7f, 0x7f, 1, 0x7f,
    3,    2,    1,    2,    4,    5,    1,    0x70, 1,    3,    7,    5,    4,    1, 1,    1,    2,
    6,    6,    1,    0x7e, 1,    0x42, 5,    0x0b, 7,    19,   4,    1,    't',  1, 0,    1,    'm', 2, 0,
    1,    'g',  3,    0,    3,    's',  'u',  'm',  0,    0,    9,    7,    1,    0, 0x41, 1,    0x0b, 1, 0,
    10,   45,   1,    43,   1,    1,    0x7f, 0x02, 0x40, 0x03, 0x40, 0x20, 1,    0x45, 0x0d, 1, 0x20, 0,
    0x2d, 0,    0,    0x20, 2,    0x6a, 0x21, 2,    0x20, 0,    0x41, 1,    0x6a, 0x21, 0, 0x20, 1, 0x41,
    1,    0x6b, 0x21, 1,    0x0c, 0,    0x0b, 0x0b, 0x20, 2,    0x0b};

static void *load_in_every_way(void)
{
    char error[128] = "";
    assert_int_equal(wasm_runtime_get_file_package_type(sections, sizeof sections), 0);
    assert_int_equal(wasm_runtime_get_file_package_type("\0aot", 4), 1);
    assert_int_equal(wasm_runtime_get_file_package_type("junk", 4), 0xFFFF);
    BYTES(args, 16); /* LoadArgs */
    AT(const char *, args, 0) = "by name";
    AT(char, args, 8) = 1;
    AT(char, args, 9) = 1;
    AT(char, args, 10) = 1;
    void *module = wasm_runtime_load_ex(wasm, sizeof wasm, args, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    assert_string_equal(wasm_runtime_get_module_name(module), "by name");
    assert_false(wasm_runtime_resolve_symbols(module));
    wasm_runtime_unload(module);

    BYTES(list, 9 * 32); /* wasm_section_t */
    uint32_t at = 8, n = 0;
    for (; at < sizeof sections; n++) {
        char *section = list + 32 * n;
        if (n > 0) AT(void *, section, -32) = section;
        AT(int, section, 8) = sections[at];
        AT(const void *, section, 16) = sections + at + 2;
        AT(uint32_t, section, 24) = sections[at + 1];
        at += 2u + sections[at + 1];
    }
    assert_true(n == 8 && at == sizeof sections);
    module = wasm_runtime_load_from_sections(list, 0, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    return module;
}

static int reason = -1;
static uint64_t old_size;
/* Its types have other names than the header's, which clang would call another function. */
#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
static void not_grown(uint32_t npages, uint64_t size, uint32_t index, int why, void *inst, void *env, void *user)
{
    assert_true(npages == 9 && index == 0 && inst != NULL && env == NULL && user == &reason);
    old_size = size;
    reason = why;
}

static void memory_is_exchanged_through_the_binary_interface(void **state)
{
    (void)state;
    wasm_runtime_set_log_level(0);
    start_with_callbacks();
    assert_true(nblocks > 0);
    BYTES(info, 16);
    memset(info, 0x55, 16);
    assert_false(wasm_runtime_get_mem_alloc_info(info)); /* of pools only */
    assert_int_equal(info[0], 0x55);
    void *module = load_in_every_way(), *args = NULL;
    char error[128] = "";
    assert_true(wasm_runtime_instantiation_args_create(&args));
    wasm_runtime_instantiation_args_set_host_managed_heap_size(args, 4096);
    void *inst = wasm_runtime_instantiate_ex2(module, args, error, sizeof error);
    if (inst == NULL) fail_msg("%s", error);
    wasm_runtime_instantiation_args_destroy(args);
    int mode = wasm_runtime_get_running_mode(inst);
    assert_in_range(mode, 1, 4);
    assert_true(wasm_runtime_is_running_mode_supported(mode));

    char *native = NULL;
    uint64_t block = wasm_runtime_module_malloc(inst, 10, (void **)&native);
    assert_true(block > 0 && native != NULL);
    for (int i = 0; i < 10; i++) native[i] = (char)i;
    assert_true(wasm_runtime_addr_app_to_native(inst, block) == native);
    assert_true(wasm_runtime_addr_native_to_app(inst, native + 3) == block + 3);
    assert_true(wasm_runtime_validate_app_addr(inst, block, 10));
    assert_true(wasm_runtime_validate_native_addr(inst, native, 10));
    uint32_t argv[2] = {(uint32_t)block, 10};
    void *sum = wasm_runtime_lookup_function(inst, "sum"), *env = wasm_runtime_get_exec_env_singleton(inst);
    assert_true(wasm_runtime_call_wasm(env, sum, 2, argv));
    assert_int_equal(argv[0], 45);
    wasm_runtime_module_free(inst, block);
    uint64_t text = wasm_runtime_module_dup_data(inst, "abc", 4);
    assert_true(wasm_runtime_validate_app_str_addr(inst, text));
    assert_string_equal(wasm_runtime_addr_app_to_native(inst, text), "abc");
    assert_false(wasm_runtime_validate_app_addr(inst, 1 << 20, 1));
    assert_string_equal(wasm_runtime_get_exception(inst), "Exception: out of bounds memory access");
    wasm_runtime_clear_exception(inst);
    wasm_runtime_set_enlarge_mem_error_callback((void *)not_grown, &reason);
    assert_false(wasm_runtime_enlarge_memory(inst, 9));
    assert_int_equal(reason, 1); /* MAX_SIZE_REACHED */
    assert_int_equal(old_size, 2 * 65536);

    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    assert_int_equal(nblocks, 0);
}

static void structs_are_filled_to_their_ends_and_no_further(void **state)
{
    (void)state;
    start_with_callbacks();
    char error[128] = "";
    void *module = wasm_runtime_load(sections, sizeof sections, error, sizeof error);
    if (module == NULL) fail_msg("%s", error);
    void *inst = wasm_runtime_instantiate(module, 8192, 0, error, sizeof error);
    void *env = wasm_runtime_get_exec_env_singleton(inst), *sum = wasm_runtime_lookup_function(inst, "sum");
    BYTES(global, 32); /* wasm_global_inst_t */
    memset(global, 0x55, 32);
    assert_true(wasm_runtime_get_export_global_inst(inst, "g", global));
    assert_true(global[0] == 1 && global[1] == 1 && global[16] == 0x55); /* WASM_I64, mutable */
    assert_int_equal(*AT(int64_t *, global, 8), 5);
    BYTES(table, 32); /* wasm_table_inst_t */
    memset(table, 0x55, 32);
    assert_true(wasm_runtime_get_export_table_inst(inst, "t", table));
    assert_true((unsigned char)table[0] == 129 && table[24] == 0x55); /* WASM_FUNCREF */
    assert_true(AT(uint32_t, table, 4) == 3 && AT(uint32_t, table, 8) == 7);
    assert_ptr_equal(wasm_table_get_func_inst(inst, table, 1), sum);
    assert_null(wasm_table_get_func_inst(inst, table, 0));

    uint32_t argv[2] = {65536, 1};
    assert_false(wasm_runtime_call_wasm(env, sum, 2, argv));
    BYTES(frames, 64); /* WASMCApiFrame */
    memset(frames, 0x55, 64);
    assert_int_equal(wasm_copy_callstack(env, frames, 1, 0, error, sizeof error), 1);
    assert_ptr_equal(AT(void *, frames, 0), inst);
    assert_true(AT(uint32_t, frames, 8) > 8 && AT(uint32_t, frames, 12) == 0 && AT(uint32_t, frames, 16) > 0);
    assert_string_equal(AT(const char *, frames, 24), "sum");
    assert_true(AT(void *, frames, 32) == NULL && AT(void *, frames, 48) == NULL && frames[56] == 0x55);
    wasm_runtime_clear_exception(inst);

    BYTES(local, 32); /* WASMLocalObjectRef */
    memset(local, 0x55, 32);
    wasm_runtime_push_local_obj_ref(env, local);
    BYTES(value, 32); /* wasm_value_t */
    AT(int64_t, value, 0) = -7;
    void *array = wasm_array_obj_new_with_typeidx(env, 0, 3, value);
    AT(void *, local, 8) = array;
    memset(value, 0x55, 32);
    wasm_array_obj_get_elem(array, 2, 0, value);
    assert_true(AT(int64_t, value, 0) == -7 && value[16] == 0x55);
    assert_ptr_equal(wasm_runtime_pop_local_obj_ref(env), local);
    assert_int_equal(local[16], 0x55);

    BYTES(heap, 16); /* SharedHeapInitArgs */
    AT(uint32_t, heap, 0) = 65536;
    (void)wasm_runtime_create_shared_heap(heap); /* where the machine can have one */
    AT(uint32_t, heap, 0) = 4096;
    AT(void *, heap, 8) = heap + 1; /* memory that is not whole pages is refused: the field is read */
    assert_null(wasm_runtime_create_shared_heap(heap));
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
}

int main(void)
{
    if (sizeof(void *) != 8) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_binary_interface_is_wamrs),
        cmocka_unit_test(companions_have_their_layouts_too),
        cmocka_unit_test(memory_is_exchanged_through_the_binary_interface),
        cmocka_unit_test(structs_are_filled_to_their_ends_and_no_further),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
