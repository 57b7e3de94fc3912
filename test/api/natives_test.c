/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* natives_test.c - host functions: every signature letter, checks, registration order. */
#include "guest.h"

static int64_t ints(wasm_exec_env_t env, int32_t a, int64_t b)
{
    (void)env;
    return b + a;
}
static double floats(wasm_exec_env_t env, float a, double b)
{
    (void)env;
    return (double)a * 10 + b;
}
static float single(wasm_exec_env_t env, float a)
{
    (void)env;
    return a + 0.5f;
}
static int32_t buffer(wasm_exec_env_t env, const uint8_t *p, uint32_t size)
{
    wasm_module_inst_t module_inst = get_module_inst(env);
    return (int32_t)((uint32_t)addr_native_to_app((void *)(uintptr_t)p) + size);
}
static int32_t pointer(wasm_exec_env_t env, const uint8_t *p)
{
    (void)env;
    return *p;
}
static int32_t text(wasm_exec_env_t env, const char *s)
{
    (void)env;
    return (int32_t)strlen(s);
}
static uintptr_t ref(wasm_exec_env_t env, uintptr_t r)
{
    (void)env;
    return r != 0 ? r + 1 : 0;
}
static double many(wasm_exec_env_t env, int32_t a, double b, int64_t c, float d, int32_t e,
                   double f, int64_t g, float h, int32_t i, double j, int64_t k, float l, int32_t m,
                   double n, int64_t o, float p, int32_t q, double r, double s, double t)
{
    (void)env;
    const double v[] = {a,         b,         (double)c, (double)d, e,         f, (double)g,
                        (double)h, i,         j,         (double)k, (double)l, m, n,
                        (double)o, (double)p, q,         r,         s,         t};
    double sum = 0;
    for (int at = 0; at < 20; at++) sum += v[at] * (at + 1);
    return sum;
}
static void raw(wasm_exec_env_t env, uint64_t *args)
{
    (void)env;
    native_raw_return_type(int64_t, args);
    native_raw_get_arg(int32_t, a, args);
    native_raw_get_arg(int64_t, b, args);
    native_raw_get_arg(double, c, args);
    native_raw_set_return(a + b + (int64_t)c);
}
static int32_t plain(wasm_exec_env_t env, int32_t a)
{
    int32_t *counter = wasm_runtime_get_function_attachment(env);
    *counter += 1;
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    if (a == 0) {
        wasm_runtime_set_exception(inst, "the host says no");
        return 0;
    }
    uint32_t cells[2] = {(uint32_t)a, 1};
    wasm_function_inst_t add = wasm_runtime_lookup_function(inst, "add");
    if (!wasm_runtime_call_wasm(env, add, 2, cells)) return -1;
    return wasm_runtime_get_function_attachment(env) == counter ? (int32_t)cells[0] : -2;
}
static void nothing(wasm_exec_env_t env)
{
    wasm_runtime_set_user_data(env, wasm_runtime_get_user_data(env));
}
static void wrong(wasm_exec_env_t env, int64_t a) { (void)env, (void)a; }
static int32_t under(wasm_exec_env_t env)
{
    (void)env;
    return 6;
}
static int32_t under_newer(wasm_exec_env_t env)
{
    (void)env;
    return 60;
}

static int32_t counter;
static NativeSymbol symbols[] = {
    EXPORT_WASM_API_WITH_SIG(ints, "(iI)I"),
    EXPORT_WASM_API_WITH_SIG(floats, "(fF)F"),
    EXPORT_WASM_API_WITH_SIG(single, "(f)f"),
    EXPORT_WASM_API_WITH_SIG(buffer, "(*~)i"),
    EXPORT_WASM_API_WITH_SIG(pointer, "(*)i"),
    EXPORT_WASM_API_WITH_SIG(text, "($)i"),
    EXPORT_WASM_API_WITH_SIG(ref, "(r)r"),
    EXPORT_WASM_API_WITH_SIG(many, "(iFIfiFIfiFIfiFIfiFFF)F"),
    EXPORT_WASM_API_WITH_ATT(plain, "(i)i", &counter),
    EXPORT_WASM_API_WITH_SIG(nothing, "()"),
    EXPORT_WASM_API_WITH_SIG(wrong, "(I)"),
    EXPORT_WASM_API(under),
};
static NativeSymbol raw_symbols[] = {EXPORT_WASM_API(raw)};

static Guest open_guest(void)
{
    assert_true(wasm_runtime_register_natives("env", symbols, sizeof symbols / sizeof *symbols));
    assert_true(wasm_runtime_register_natives_raw("env", raw_symbols, 1));
    return guest_open("natives", 0);
}

static double as_f64(const uint32_t *cells)
{
    double d;
    memcpy(&d, cells, sizeof d);
    return d;
}

static void every_letter_arrives(void **state)
{
    (void)state;
    Guest g = open_guest();
    uint32_t cells[8] = {(uint32_t)-5, 7, 1}; /* i32 -5, i64 0x100000007 */
    assert_true(guest_call(&g, "ints", 3, cells));
    assert_int_equal(cells[0], 2);
    assert_int_equal(cells[1], 1);

    float f = 1.5f;
    double d = 0.25;
    memcpy(cells, &f, 4);
    memcpy(cells + 1, &d, 8);
    assert_true(guest_call(&g, "floats", 3, cells));
    assert_true(as_f64(cells) == 15.25);
    memcpy(cells, &f, 4);
    assert_true(guest_call(&g, "single", 1, cells));
    memcpy(&f, cells, 4);
    assert_true(f == 2.0f);

    uint32_t range[2] = {65500, 36};
    assert_true(guest_call(&g, "buffer", 2, range));
    assert_int_equal(range[0], 65536);
    assert_int_equal(guest_call1(&g, "pointer", 17), 'e');
    assert_int_equal(guest_call1(&g, "pointer", 0), 0); /* address 0 is the start of memory */
    assert_int_equal(guest_call1(&g, "text", 16), 5);

    uintptr_t object = 0x123456789;
    memcpy(cells, &object, sizeof object);
    assert_true(guest_call(&g, "ref", 2, cells));
    memcpy(&object, cells, sizeof object);
    assert_true(object == 0x12345678a);

    assert_true(guest_call(&g, "many", 0, cells));
    assert_true(as_f64(cells) == 2870); /* sum of squares to 20 */

    int64_t b = -100;
    d = 3;
    cells[0] = 4;
    memcpy(cells + 1, &b, 8);
    memcpy(cells + 3, &d, 8);
    assert_true(guest_call(&g, "raw", 5, cells));
    memcpy(&b, cells, 8);
    assert_true(b == -93);
    assert_true(guest_call(&g, "nothing", 0, NULL));
    guest_close(&g);
}

static void addresses_outside_are_refused_before_the_call(void **state)
{
    (void)state;
    Guest g = open_guest();
    const uint32_t bad[][2] = {
        {65500, 37}, {65537, 0}, {0xffffffff, 1}, {0, 65537}, {1, 0xffffffff}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t cells[2] = {bad[i][0], bad[i][1]};
        assert_false(guest_call(&g, "buffer", 2, cells));
        guest_expect_exception(&g, "Exception: out of bounds memory access");
    }
    uint32_t empty[2] = {65536, 0};
    assert_true(guest_call(&g, "buffer", 2, empty));
    uint32_t cells[1] = {65536};
    assert_false(guest_call(&g, "pointer", 1, cells));
    guest_expect_exception(&g, "Exception: out of bounds memory access");
    cells[0] = 65533; /* "end", without its NUL */
    assert_false(guest_call(&g, "text", 1, cells));
    guest_expect_exception(&g, "Exception: out of bounds memory access");
    guest_close(&g);
}

static void a_host_function_may_call_back_and_throw(void **state)
{
    (void)state;
    Guest g = open_guest();
    counter = 0;
    assert_int_equal(guest_call1(&g, "plain", 41), 42);
    assert_int_equal(counter, 1);
    uint32_t cells[1] = {0};
    assert_false(guest_call(&g, "plain", 1, cells));
    guest_expect_exception(&g, "Exception: the host says no");
    assert_int_equal(guest_call1(&g, "plain", 41), 42);
    assert_null(wasm_runtime_get_function_attachment(g.env));
    guest_close(&g);
}

static void a_wrong_signature_leaves_the_import_unlinked(void **state)
{
    (void)state;
    Guest g = open_guest();
    assert_false(guest_call(&g, "wrong", 0, NULL));
    guest_expect_exception(&g, "Exception: failed to call unlinked import function (env, wrong)");
    guest_close(&g);
}

static void the_newest_registration_wins_until_it_is_taken_back(void **state)
{
    (void)state;
    static NativeSymbol newer[] = {{"_under", (void *)under_newer, "()i", NULL}};
    Guest g = open_guest();
    uint32_t cells[1];
    assert_true(guest_call(&g, "under", 0, cells));
    assert_int_equal(cells[0], 6); /* found without its underscore */

    assert_true(wasm_runtime_register_natives("env", newer, 1));
    Guest h = guest_open("natives", 0);
    assert_true(guest_call(&h, "under", 0, cells));
    assert_int_equal(cells[0], 60);
    assert_true(guest_call(&g, "under", 0, cells));
    assert_int_equal(cells[0], 6); /* loaded before */
    assert_true(wasm_runtime_unregister_natives("env", newer));
    assert_false(wasm_runtime_unregister_natives("env", newer));
    assert_true(wasm_runtime_is_import_func_linked("env", "ints"));
    assert_false(wasm_runtime_is_import_func_linked("env", "outs"));
    guest_close(&g);
    guest_close(&h);
}

static void no_resolve_waits_for_resolve_symbols(void **state)
{
    (void)state;
    uint32_t size;
    uint8_t *bytes = guest_bytes("natives", &size);
    LoadArgs args = {.no_resolve = true};
    wasm_module_t module = wasm_runtime_load_ex(bytes, size, &args, NULL, 0);
    free(bytes);
    assert_non_null(module);
    wasm_import_t import;
    wasm_runtime_get_import_type(module, 0, &import);
    assert_string_equal(import.module_name, "env");
    assert_string_equal(import.name, "ints");
    assert_false(import.linked);
    assert_false(wasm_runtime_resolve_symbols(module));
    static NativeSymbol right[] = {{"wrong", (void *)pointer, "(*)", NULL}};
    assert_true(wasm_runtime_register_natives_raw("env", raw_symbols, 1));
    assert_true(wasm_runtime_register_natives("env", symbols, sizeof symbols / sizeof *symbols));
    assert_false(wasm_runtime_resolve_symbols(module)); /* "wrong" */
    assert_true(wasm_runtime_register_natives("env", right, 1));
    assert_true(wasm_runtime_resolve_symbols(module));
    wasm_runtime_get_import_type(module, 0, &import);
    assert_true(import.linked);
    assert_int_equal(wasm_func_type_get_param_count(import.u.func_type), 2);
    assert_int_equal(wasm_func_type_get_param_valkind(import.u.func_type, 1), WASM_I64);
    assert_int_equal(wasm_func_type_get_param_valkind(import.u.func_type, 2), 0xff);
    wasm_runtime_get_import_type(module, 6, &import);
    assert_int_equal(wasm_func_type_get_result_valkind(import.u.func_type, 0), WASM_EXTERNREF);
    wasm_runtime_unload(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUNTIME_TEST(every_letter_arrives),
        RUNTIME_TEST(addresses_outside_are_refused_before_the_call),
        RUNTIME_TEST(a_host_function_may_call_back_and_throw),
        RUNTIME_TEST(a_wrong_signature_leaves_the_import_unlinked),
        RUNTIME_TEST(the_newest_registration_wins_until_it_is_taken_back),
        RUNTIME_TEST(no_resolve_waits_for_resolve_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
