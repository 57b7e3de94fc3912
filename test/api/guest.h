/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.h - a module from test/api/wasm, instantiated and ready to call, through the public header
 * only. */
#ifndef TERN_TEST_API_GUEST_H
#define TERN_TEST_API_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wasm_export.h"

typedef struct Guest {
    wasm_module_t module;
    wasm_module_inst_t inst;
    wasm_exec_env_t env;
} Guest;

/* The file's bytes; the caller frees them. */
static inline uint8_t *guest_bytes(const char *name, uint32_t *size)
{
    char path[256];
    snprintf(path, sizeof path, "test/api/wasm/%s.wasm", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s cannot be read: tests run in the project's folder", path);
    uint8_t *bytes = malloc(65536);
    *size = (uint32_t)fread(bytes, 1, 65536, file);
    fclose(file);
    return bytes;
}

static inline wasm_module_t guest_load(const char *name)
{
    char error[256] = "";
    uint32_t size;
    uint8_t *bytes = guest_bytes(name, &size);
    wasm_module_t module = wasm_runtime_load(bytes, size, error, sizeof error);
    free(bytes); /* nothing of it is used later */
    if (module == NULL) fail_msg("%s: %s", name, error);
    return module;
}

static inline Guest guest_open(const char *name, uint32_t heap_size)
{
    char error[256] = "";
    Guest guest = {.module = guest_load(name)};
    guest.inst = wasm_runtime_instantiate(guest.module, 0, heap_size, error, sizeof error);
    if (guest.inst == NULL) fail_msg("%s: %s", name, error);
    guest.env = wasm_runtime_create_exec_env(guest.inst, 0);
    assert_non_null(guest.env);
    return guest;
}

static inline void guest_close(Guest *guest)
{
    wasm_runtime_destroy_exec_env(guest->env);
    wasm_runtime_deinstantiate(guest->inst);
    wasm_runtime_unload(guest->module);
}

/* cells: arguments in, results out. */
static inline bool guest_call(Guest *guest, const char *name, uint32_t argc, uint32_t *cells)
{
    wasm_function_inst_t func = wasm_runtime_lookup_function(guest->inst, name);
    if (func == NULL) fail_msg("there is no function %s", name);
    return wasm_runtime_call_wasm(guest->env, func, argc, cells);
}

static inline uint32_t guest_call1(Guest *guest, const char *name, uint32_t arg)
{
    uint32_t cells[4] = {arg};
    if (!guest_call(guest, name, 1, cells))
        fail_msg("%s: %s", name, wasm_runtime_get_exception(guest->inst));
    return cells[0];
}

/* The exception is exactly this, and is gone afterwards. */
static inline void guest_expect_exception(Guest *guest, const char *text)
{
    const char *exception = wasm_runtime_get_exception(guest->inst);
    assert_non_null(exception);
    assert_string_equal(exception, text);
    wasm_runtime_clear_exception(guest->inst);
    assert_null(wasm_runtime_get_exception(guest->inst));
}

/* Around every test: quiet, with the system's allocator. */
static inline int runtime_start(void **state)
{
    (void)state;
    if (!wasm_runtime_init()) return -1;
    wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
    return 0;
}
static inline int runtime_stop(void **state)
{
    (void)state;
    wasm_runtime_destroy();
    return 0;
}
#define RUNTIME_TEST(f) cmocka_unit_test_setup_teardown(f, runtime_start, runtime_stop)

#endif
