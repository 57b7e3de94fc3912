/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - strings to and from AssemblyScript, whose strings are collected objects of UTF-16: made by the exported
 * __new, kept by __pin, let go by __unpin, with their length in bytes 4 before the characters. With wasm_export.h,
 * which most hosts of AssemblyScript in C use; examples/strings is for C and Rust. assemblyscript guest.wasm */
#include <string.h>
#include <wasm_export.h>

#include "../file.h"

enum { STRING_ID = 2 }; /* AssemblyScript's number for the class String */

/* The next code point of UTF-8 text; what is none is U+FFFD. */
static uint32_t utf8_next(const unsigned char **p)
{
    uint32_t c = *(*p)++;
    int more = c >= 0xf0 && c < 0xf5   ? 3
               : c >= 0xe0 && c < 0xf0 ? 2
               : c >= 0xc2 && c < 0xe0 ? 1
                                       : 0;
    if (more == 0) return c < 0x80 ? c : 0xfffd;
    uint32_t code = c & (0x3fu >> more);
    for (int i = 0; i < more; i++) {
        if ((**p & 0xc0) != 0x80) return 0xfffd; /* also the NUL */
        code = code << 6 | (*(*p)++ & 0x3fu);
    }
    return code;
}

/* A new string of the guest's, pinned: its address, or 0 and an exception. Unpin it when done. */
static uint32_t string_new(wasm_exec_env_t env, const char *utf8)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    wasm_function_inst_t make = wasm_runtime_lookup_function(inst, "__new");
    wasm_function_inst_t pin = wasm_runtime_lookup_function(inst, "__pin");
    size_t nunits = 0;
    const unsigned char *p = (const unsigned char *)utf8;
    while (*p != '\0') nunits += utf8_next(&p) > 0xffff ? 2 : 1;
    uint32_t cells[2] = {(uint32_t)(nunits * 2), STRING_ID};
    if (make == NULL || pin == NULL || nunits > INT32_MAX / 2) {
        wasm_runtime_set_exception(inst, "compile it with --exportRuntime");
        return 0;
    }
    if (!wasm_runtime_call_wasm(env, make, 2, cells) ||
        !wasm_runtime_call_wasm(env, pin, 1, cells) ||
        !wasm_runtime_validate_app_addr(inst, cells[0], nunits * 2))
        return 0;
    uint8_t *to = wasm_runtime_addr_app_to_native(inst, cells[0]);
    for (p = (const unsigned char *)utf8; *p != '\0';) {
        uint32_t c = utf8_next(&p);
        uint32_t units[2] = {c > 0xffff ? 0xd7c0 + (c >> 10) : c, 0xdc00 | (c & 0x3ff)};
        for (int i = 0; i < (c > 0xffff ? 2 : 1); i++, to += 2)
            to[0] = (uint8_t)units[i], to[1] = (uint8_t)(units[i] >> 8);
    }
    return cells[0];
}

static void string_unpin(wasm_exec_env_t env, uint32_t string)
{
    uint32_t cells[1] = {string};
    wasm_function_inst_t unpin =
        wasm_runtime_lookup_function(wasm_runtime_get_module_inst(env), "__unpin");
    if (unpin != NULL) (void)wasm_runtime_call_wasm(env, unpin, 1, cells);
}

/* Prints a string of the guest's as UTF-8. False and the exception "out of bounds memory access" if it is none. */
static bool string_print(wasm_module_inst_t inst, uint32_t string)
{
    uint32_t size;
    if (string < 4 || !wasm_runtime_validate_app_addr(inst, string - 4, 4)) {
        wasm_runtime_set_exception(inst, "this is no string");
        return false;
    }
    memcpy(&size, wasm_runtime_addr_app_to_native(inst, string - 4), 4);
    if (!wasm_runtime_validate_app_addr(inst, string, size)) return false;
    const uint8_t *at = wasm_runtime_addr_app_to_native(inst, string);
    for (uint32_t i = 0; i + 1 < size; i += 2) {
        uint32_t c = at[i] | (uint32_t)at[i + 1] << 8;
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < size && at[i + 3] >> 2 == 0x37) {
            i += 2;
            c = 0x10000 + ((c & 0x3ff) << 10 | (at[i] | ((uint32_t)at[i + 1] & 3) << 8));
        }
        if (c < 0x80)
            putchar((int)c);
        else if (c < 0x800)
            printf("%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
        else if (c < 0x10000)
            printf("%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
                   (int)(0x80 | (c & 0x3f)));
        else
            printf("%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)),
                   (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
    }
    putchar('\n');
    return true;
}

/* The guest's strings arrive as integers: no letter of a signature stands for them. */
static void say(wasm_exec_env_t env, uint32_t string)
{
    printf("the guest says: ");
    (void)string_print(wasm_runtime_get_module_inst(env), string);
}

/* Every module of AssemblyScript's imports this, for errors that nobody catches. */
static void on_abort(wasm_exec_env_t env, uint32_t message, uint32_t file, uint32_t line,
                     uint32_t column)
{
    (void)file;
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    printf("abort at %u:%u: ", line, column);
    if (message == 0)
        putchar('\n');
    else if (!string_print(inst, message))
        return;
    wasm_runtime_set_exception(inst, "abort");
}

static bool greet(wasm_exec_env_t env, const char *name)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    wasm_function_inst_t function = wasm_runtime_lookup_function(inst, "greet");
    uint32_t string = function != NULL ? string_new(env, name) : 0;
    uint32_t cells[1] = {string};
    bool is_ok = string != 0 && wasm_runtime_call_wasm(env, function, 1, cells) &&
                 string_print(inst, cells[0]); /* at once: the next allocation may collect it */
    if (is_ok)
        string_unpin(env, string); /* after a trap the guest is not called again */
    else
        printf("%s\n", function != NULL ? wasm_runtime_get_exception(inst) : "no greet");
    return is_ok;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    static NativeSymbol natives[] = {{"say", (void *)say, "(i)", NULL},
                                     {"abort", (void *)on_abort, "(iiii)", NULL}};
    if (wasm == NULL || !wasm_runtime_init()) return 1;
    if (!wasm_runtime_register_natives("env", natives, 2)) return 1;

    char error[256] = "";
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 0, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    if (env == NULL) return fprintf(stderr, "no memory\n"), 1;

    bool is_ok = greet(env, "world") && greet(env, "Zürich 🏔");
    is_ok = is_ok && !greet(env, ""); /* throws */

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return is_ok ? 0 : 1;
}
