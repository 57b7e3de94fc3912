/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - strings to the guest and back, both ways: as argument and result of a call, and of a host function.
 * With wasm_export.h, as most hosts that do this are written for it. strings guest.wasm */
#include <string.h>
#include <wasm_export.h>

#include "../file.h"

/* ($): one string. Its address is checked, with its NUL, before this is called. */
static void say(wasm_exec_env_t env, const char *text)
{
    (void)env;
    printf("the guest says: %s\n", text);
}

/* ($*~)i: a string, and a buffer with its size: both are checked. The result is the length, or -1: a buffer that is
 * too small gets nothing, rather than a piece. */
static int32_t setting(wasm_exec_env_t env, const char *key, char *value, uint32_t capacity)
{
    const char *found = strcmp(key, "greeting") == 0 ? wasm_runtime_get_user_data(env) : NULL;
    if (found == NULL || strlen(found) >= capacity) return -1;
    memcpy(value, found, strlen(found) + 1);
    return (int32_t)strlen(found);
}

/* Calls greet and prints what it returned. */
static bool greet(wasm_exec_env_t env, wasm_function_inst_t function, const char *name)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    uint64_t in = wasm_runtime_module_dup_data(inst, name, strlen(name) + 1); /* with the NUL */
    if (in == 0) return fprintf(stderr, "no room for %s\n", name), false;
    uint32_t cells[1] = {(uint32_t)in}; /* in: the name's address; out: the result's */
    bool is_ok = wasm_runtime_call_wasm(env, function, 1, cells);
    wasm_runtime_module_free(inst, in);
    /* The result is the guest's word for it: 0 would be its malloc's NULL, and any other number may lie. */
    if (is_ok && cells[0] == 0) wasm_runtime_set_exception(inst, "greet returned NULL");
    if (!is_ok || cells[0] == 0 || !wasm_runtime_validate_app_str_addr(inst, cells[0]))
        return fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst)), false;
    printf("%s\n", (const char *)wasm_runtime_addr_app_to_native(inst, cells[0]));
    wasm_runtime_module_free(inst, cells[0]);
    return true;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    static NativeSymbol natives[] = {{"say", (void *)say, "($)", NULL},
                                     {"setting", (void *)setting, "($*~)i", NULL}};
    if (wasm == NULL || !wasm_runtime_init()) return 1;
    if (!wasm_runtime_register_natives("env", natives, 2)) return 1;

    char error[256] = "";
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm); /* Tern copies it; with WAMR it stays until wasm_runtime_unload */
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    /* 64 KiB of stack. No heap of the host's in the guest's memory: it exports malloc and free. */
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    wasm_function_inst_t function = wasm_runtime_lookup_function(inst, "greet");
    if (env == NULL || function == NULL) return fprintf(stderr, "no greet, or no memory\n"), 1;

    bool is_ok = greet(env, function, "world");
    char word[] = "Good morning,";
    wasm_runtime_set_user_data(env, word);
    is_ok = is_ok && greet(env, function, "Grüße aus der Wüste"); /* bytes are bytes: UTF-8 here */

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return is_ok ? 0 : 1;
}
