/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_application.c - running a program's entry point, and a function with arguments as text.
 *
 * The texts, in and out, are compared by hosts and test suites: they are WAMR's to the byte.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/wamr.h"
#include "runtime/guest_range.h"

/* --- WASI programs ---------------------------------------------------------------------------- */

bool wasm_runtime_is_wasi_mode(wasm_module_inst_t module_inst)
{
    return module_inst->module->imports_wasi;
}

wasm_function_inst_t wasm_runtime_lookup_wasi_start_function(wasm_module_inst_t module_inst)
{
    if (!wasm_runtime_is_wasi_mode(module_inst)) return NULL;
    FuncInst *func = wasm_runtime_lookup_function(module_inst, "_start");
    if (func == NULL) return NULL;
    if (func->type->nparams == 0 && func->type->nresults == 0) return func;
    tern_api_log(WASM_LOG_LEVEL_ERROR, "lookup wasi _start function failed: invalid function type");
    return NULL;
}

uint32_t wasm_runtime_get_wasi_exit_code(wasm_module_inst_t module_inst)
{
    const Wasi *wasi = module_inst->root->wasi;
    return wasi != NULL ? tern_wasi_exit_code(wasi) : 0;
}

/* proc_exit ends the program as it wanted: no exception is left. */
static bool run_start(wasm_exec_env_t env, FuncInst *func)
{
    wasm_module_inst_t inst = env->inst;
    if (wasm_runtime_call_wasm(env, func, 0, NULL)) return true;
    const char *exception = wasm_runtime_get_exception(inst);
    const Wasi *wasi = inst->root->wasi;
    bool has_exited = wasi != NULL && tern_wasi_exited(wasi);
    if (exception == NULL || !has_exited || strcmp(exception, "Exception: wasi proc exit") != 0) return false;
    wasm_runtime_clear_exception(inst);
    return true;
}

/* --- main ------------------------------------------------------------------------------------- */

/* () or (i32, pointer), giving nothing or an i32. */
static bool is_main(const FuncType *type, ValType pointer)
{
    bool params = type->nparams == 0 ||
                  (type->nparams == 2 && type->params[0] == VT_I32 && type->params[1] == pointer);
    return params && (type->nresults == 0 || (type->nresults == 1 && type->results[0] == VT_I32));
}

/* Copies the strings and, behind them, the array of their addresses into one block of the guest's.
 * Returns the block, and the array's address; 0 if there is no room. */
static u64 copy_argv(wasm_module_inst_t inst, u32 argc, char *argv[], bool is_64, u64 *array)
{
    u64 width = is_64 ? 8 : 4, strings = 0;
    for (u32 i = 0; i < argc; i++) strings += strlen(argv[i]) + 1;
    strings = (strings + width - 1) / width * width;
    u8 *native;
    u64 block = wasm_runtime_module_malloc(inst, strings + width * argc, (void **)&native);
    if (block == 0) return 0;
    u64 at = 0;
    for (u32 i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        memcpy(native + at, argv[i], size);
        u64 address = block + at;
        memcpy(native + strings + width * i, &address, (size_t)width);
        at += size;
    }
    *array = block + strings;
    return block;
}

static bool run_main(wasm_exec_env_t env, FuncInst *func, s32 argc, char *argv[])
{
    wasm_module_inst_t inst = env->inst;
    bool is_64 = inst->allocator.is_64;
    const Memory *memory = tern_api_memory0(inst);
    if (memory != NULL) is_64 = memory->type.limits.is_64;
    if (func->host != NULL) {
        tern_api_throw(inst, "lookup main function failed");
        return false;
    }
    const FuncType *type = func->type;
    if (!is_main(type, is_64 ? VT_I64 : VT_I32)) {
        tern_api_throw(inst, "invalid function type of main function");
        return false;
    }
    u32 cells[3] = {0}, ncells = 0;
    u64 block = 0;
    if (type->nparams > 0) {
        u64 array = 0;
        u32 n = argc > 0 ? (u32)argc : 0;
        block = copy_argv(inst, n, argv, is_64, &array);
        if (block == 0) {
            tern_api_throw(inst, "allocate memory failed");
            return false;
        }
        cells[0] = n;
        cells[1] = (u32)array;
        cells[2] = (u32)(array >> 32);
        ncells = is_64 ? 3 : 2;
    }
    bool ok = wasm_runtime_call_wasm(env, func, ncells, cells);
    if (ok && type->nresults > 0 && argc > 0 && argv != NULL) memcpy(argv, cells, sizeof(int));
    if (block != 0) wasm_runtime_module_free(inst, block);
    return ok;
}

bool wasm_application_execute_main(wasm_module_inst_t module_inst, int32_t argc, char *argv[])
{
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(module_inst);
    if (env == NULL) {
        tern_api_throw(module_inst, "create singleton exec_env failed");
        return false;
    }
    FuncInst *func = wasm_runtime_lookup_wasi_start_function(module_inst);
    if (func != NULL) return run_start(env, func) && !tern_api_has_exception(module_inst);

    static const char *const names[] = {"main", "__main_argc_argv", "_main"};
    for (u32 i = 0; i < COUNT_OF(names) && func == NULL; i++)
        func = wasm_runtime_lookup_function(module_inst, names[i]);
    if (func == NULL) {
        tern_api_throw(
            module_inst,
            "lookup the entry point symbol (like _start, main, _main, __main_argc_argv) failed");
        return false;
    }
    return run_main(env, func, argc, argv) && !tern_api_has_exception(module_inst);
}

/* --- arguments as text ------------------------------------------------------------------------ */

static bool is_null_text(const char *text)
{
    static const char null[] = "null";
    for (u32 i = 0; i < 4; i++) {
        if ((text[i] | 0x20) != null[i]) return false;
    }
    return true;
}

/* A NaN's sign as written, and the payload after a colon. */
static u64 nan_bits(const char *text, const char *end, u64 bits, u64 sign, u64 mantissa,
                    char **rest)
{
    if (text[0] == '-') bits |= sign;
    if (*end == ':') bits = (bits & ~mantissa) | (strtoull(end + 1, rest, 0) & mantissa);
    return bits;
}

/* One argument to cells; *end is where reading stopped. Returns the cells used. */
static u32 parse(wasm_module_inst_t inst, const char *text, ValType type, u32 *cells, char **end)
{
    u64 bits[2] = {0, 0};
    u32 n = 2;
    switch (vt_code(type)) {
    case VT_I32: /* "-1" and "4294967295" are the same */
        bits[0] = (u32)strtoull(text, end, 0);
        n = 1;
        break;
    case VT_I64: bits[0] = strtoull(text, end, 0); break;
    case VT_F32: {
        f32 value = strtof(text, end);
        memcpy(bits, &value, sizeof value);
        if (isnan(value))
            bits[0] = nan_bits(text, *end, bits[0], 1ull << 31, (1ull << 23) - 1, end);
        n = 1;
        break;
    }
    case VT_F64: {
        f64 value = strtod(text, end);
        memcpy(bits, &value, sizeof value);
        if (isnan(value))
            bits[0] = nan_bits(text, *end, bits[0], 1ull << 63, (1ull << 52) - 1, end);
        break;
    }
    case VT_V128: /* two halves, low first: 0x1\0x2 */
        bits[0] = strtoull(text, end, 0);
        if (**end == '\\') bits[1] = strtoull(*end + 1, end, 0);
        n = 4;
        break;
    default: { /* references */
        bool is_func = tern_api_is_funcref(inst->store->engine->types, type);
        n = is_func ? 1 : (u32)(sizeof(uintptr_t) / sizeof(u32));
        bits[0] = is_func ? UINT32_MAX : 0;
        if (is_null_text(text))
            *end = (char *)(uintptr_t)(text + strlen(text));
        else
            bits[0] = strtoull(text, end, 0);
    }
    }
    memcpy(cells, bits, n * sizeof(u32));
    return n;
}

static bool parse_all(wasm_module_inst_t inst, const FuncType *type, char *argv[], u32 *cells,
                      u32 *ncells)
{
    u32 at = 0;
    for (u32 i = 0; i < type->nparams; i++) {
        if (argv[i][0] == '\0') {
            tern_api_throw(inst, "invalid input argument %u", i);
            return false;
        }
        char *end = argv[i];
        at += parse(inst, argv[i], type->params[i], cells + at, &end);
        if (*end == '\0' || *end == '_') continue;
        tern_api_throw(inst, "invalid input argument %u: %s", i, argv[i]);
        return false;
    }
    *ncells = at;
    return true;
}

/* --- results as text -------------------------------------------------------------------------- */

/* Prints one value; returns the cells it took. */
static u32 print(wasm_module_inst_t inst, ValType type, const u32 *cells)
{
    u64 bits = cells[0];
    f32 single;
    f64 dbl;
    switch (vt_code(type)) {
    case VT_I32: printf("0x%" PRIx32 ":i32", cells[0]); return 1;
    case VT_I64:
        memcpy(&bits, cells, sizeof bits);
        printf("0x%" PRIx64 ":i64", bits);
        return 2;
    case VT_F32:
        memcpy(&single, cells, sizeof single);
        printf("%.7g:f32", (f64)single);
        return 1;
    case VT_F64:
        memcpy(&dbl, cells, sizeof dbl);
        printf("%.7g:f64", dbl);
        return 2;
    case VT_V128: {
        u64 halves[2];
        memcpy(halves, cells, sizeof halves);
        printf("<0x%016" PRIx64 " 0x%016" PRIx64 ">:v128", halves[0], halves[1]);
        return 4;
    }
    default: break;
    }
    if (tern_api_is_funcref(inst->store->engine->types, type)) {
        if (cells[0] == UINT32_MAX)
            printf("func:ref.null");
        else
            printf("%" PRIu32 ":ref.func", cells[0]);
        return 1;
    }
    uintptr_t pointer;
    memcpy(&pointer, cells, sizeof pointer);
    if (pointer == 0)
        printf("extern:ref.null");
    else
        printf("0x%" PRIxPTR ":ref.extern", pointer);
    return (u32)(sizeof pointer / sizeof(u32));
}

bool wasm_application_execute_func(wasm_module_inst_t module_inst, const char *name, int32_t argc,
                                   char *argv[])
{
    wasm_runtime_clear_exception(module_inst);
    FuncInst *func = wasm_runtime_lookup_function(module_inst, name);
    if (func == NULL) {
        tern_api_throw(module_inst, "lookup function %s failed", name);
        return false;
    }
    const FuncType *type = func->type;
    if (argc < 0 || type->nparams != (u32)argc) {
        tern_api_throw(module_inst, "invalid input argument count");
        return false;
    }
    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(module_inst);
    if (env == NULL) {
        tern_api_throw(module_inst, "create singleton exec_env failed");
        return false;
    }
    Alloc *alloc = module_inst->module->engine->alloc;
    u64 most = 2 * u64_max(type->param_cells, type->result_cells) +
               1; /* an 8-byte cell is two of argv's */
    u32 *cells = tern_alloc_zeroed(alloc, most, sizeof *cells);
    if (cells == NULL) {
        tern_api_throw(module_inst, "allocate memory failed");
        return false;
    }
    u32 ncells = 0;
    bool ok = parse_all(module_inst, type, argv, cells, &ncells) &&
              wasm_runtime_call_wasm(env, func, ncells, cells);
    if (ok) {
        u32 at = 0;
        for (u32 i = 0; i < type->nresults; i++) {
            at += print(module_inst, type->results[i], cells + at);
            if (i + 1 < type->nresults) printf(",");
        }
        printf("\n");
    }
    tern_free(alloc, cells, (size_t)most * sizeof *cells);
    return ok;
}
