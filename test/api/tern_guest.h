/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_guest.h - modules of test/api/wasm through tern.h only. */
#ifndef TERN_TEST_API_TERN_GUEST_H
#define TERN_TEST_API_TERN_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tern.h"


static inline tern_module *tern_guest_load(tern_engine *engine, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "test/api/wasm/%s.wasm", name);
    tern_error error = {0};
    tern_module *module = tern_module_load_file(engine, path, &error); /* from the project's folder */
    if (module == NULL) fail_msg("%s: %s", name, error.text);
    return module;
}

/* An instance of a module that nobody needs otherwise. */
static inline tern_instance *tern_guest_open(tern_engine *engine, const char *name, const tern_config *config)
{
    tern_error error = {0};
    tern_module *module = tern_guest_load(engine, name);
    tern_instance *instance = tern_instance_create(module, config, &error);
    if (instance == NULL) fail_msg("%s: %s", name, error.text);
    tern_module_unload(module);
    return instance;
}

/* A call that must succeed; the result's bits, or 0. */
static inline uint64_t tern_guest_call(tern_instance *instance, const char *name, uint32_t nargs,
                                       const tern_value *args, uint32_t nresults)
{
    tern_error error = {0};
    tern_value result = {0};
    tern_trap trap;
    switch (tern_instance_call(instance, name, args, nargs, &result, nresults, &error)) {
    case TERN_OK: break;
    case TERN_ERROR: fail_msg("%s: %s", name, error.text); break;
    case TERN_EXITED: fail_msg("%s exited", name); break;
    case TERN_TRAPPED: fail_msg("%s: %s", name, tern_instance_trap(instance, &trap) ? trap.text : "?"); break;
    }
    return result.kind == TERN_I64 ? result.of.i64 : result.of.i32;
}
#define NARGS(...) (uint32_t)(sizeof((tern_value[]){__VA_ARGS__}) / sizeof(tern_value))
#define GUEST_CALL(instance, name, ...) \
    tern_guest_call(instance, name, NARGS(__VA_ARGS__), (tern_value[]){__VA_ARGS__}, 1)
#define GUEST_DO(instance, name, ...) \
    (void)tern_guest_call(instance, name, NARGS(__VA_ARGS__), (tern_value[]){__VA_ARGS__}, 0)
#define GUEST_GET(instance, name) tern_guest_call(instance, name, 0, NULL, 1)
#define GUEST_RUN(instance, name) (void)tern_guest_call(instance, name, 0, NULL, 0)

static inline void expect_trap(tern_instance *instance, const char *code)
{
    tern_trap trap;
    assert_true(tern_instance_trap(instance, &trap));
    assert_string_equal(trap.code, code);
}

#endif
