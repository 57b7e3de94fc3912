/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* abi_test.c - a host that knows nothing but WAMR's binary interface: it includes no header of ours, declares
 * structs as bytes at the offsets that WAMR 2.4.3 has on 64-bit machines, and runs with libiwasm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

int main(void)
{
    if (sizeof(void *) != 8) return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_binary_interface_is_wamrs),
        cmocka_unit_test(companions_have_their_layouts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
