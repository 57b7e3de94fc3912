/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lib_export.h - how a host names the C functions it gives to guests.
 *
 * Layout and names are those of WAMR 2.4.3. A table of NativeSymbol is handed to
 * wasm_runtime_register_natives() or RuntimeInitArgs; wasm_export.h includes this file.
 */
#ifndef _LIB_EXPORT_H_
#define _LIB_EXPORT_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One host function. All pointers are borrowed and must stay valid until the table is unregistered and
 * every module that was loaded meanwhile is unloaded. */
typedef struct NativeSymbol {
    const char *symbol;    /* the import's name */
    void *func_ptr;        /* ret f(wasm_exec_env_t, args...), or the raw form */
    const char *signature; /* "(params)result" as wasm_runtime_register_natives() says, NULL or "" for none */
    void *attachment;      /* for wasm_runtime_get_function_attachment(); may be NULL */
} NativeSymbol;

/* Rows of such a table. The forms ending in 2 name the C function symbol_wrapper. */
/* clang-format off */
#define EXPORT_WASM_API(symbol) \
    { #symbol, (void *)symbol, NULL, NULL }
#define EXPORT_WASM_API2(symbol) \
    { #symbol, (void *)symbol##_wrapper, NULL, NULL }

#define EXPORT_WASM_API_WITH_SIG(symbol, signature) \
    { #symbol, (void *)symbol, signature, NULL }
#define EXPORT_WASM_API_WITH_SIG2(symbol, signature) \
    { #symbol, (void *)symbol##_wrapper, signature, NULL }

#define EXPORT_WASM_API_WITH_ATT(symbol, signature, attachment) \
    { #symbol, (void *)symbol, signature, attachment }
#define EXPORT_WASM_API_WITH_ATT2(symbol, signature, attachment) \
    { #symbol, (void *)symbol##_wrapper, signature, attachment }
/* clang-format on */

/* For hosts that define it: their table of base functions. The library neither defines nor calls it.
 * Returns how many symbols *p_base_lib_apis points to. */
uint32_t get_base_lib_export_apis(NativeSymbol **p_base_lib_apis);

#ifdef __cplusplus
}
#endif

#endif
