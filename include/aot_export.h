/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* aot_export.h - WAMR's ahead-of-time compiler, in a library that has none.
 *
 * The functions are here so that a host that offers compiling links and starts; each answers that it cannot:
 * NULL, false and 0, with the reason in aot_get_last_error(). */
#ifndef _AOT_EXPORT_H
#define _AOT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "aot_comp_option.h"

#ifdef __cplusplus
extern "C" {
#endif

struct AOTCompData;
typedef struct AOTCompData *aot_comp_data_t;
struct AOTCompContext;
typedef struct AOTCompContext *aot_comp_context_t;
struct AOTObjectData;
typedef struct AOTObjectData *aot_obj_data_t;
typedef void *dwarf_extractor_handle_t;

/* AOTCompOption.output_format */
enum {
    AOT_FORMAT_FILE,
    AOT_OBJECT_FILE,
    AOT_LLVMIR_UNOPT_FILE,
    AOT_LLVMIR_OPT_FILE,
};

WASM_RUNTIME_API_EXTERN aot_comp_data_t aot_create_comp_data(void *wasm_module,
                                                             const char *target_arch,
                                                             bool gc_enabled);
WASM_RUNTIME_API_EXTERN void aot_destroy_comp_data(aot_comp_data_t comp_data);
WASM_RUNTIME_API_EXTERN dwarf_extractor_handle_t create_dwarf_extractor(aot_comp_data_t comp_data,
                                                                        char *file_name);
WASM_RUNTIME_API_EXTERN bool aot_compiler_init(void);
WASM_RUNTIME_API_EXTERN void aot_compiler_destroy(void);
WASM_RUNTIME_API_EXTERN aot_comp_context_t aot_create_comp_context(aot_comp_data_t comp_data,
                                                                   aot_comp_option_t option);
WASM_RUNTIME_API_EXTERN void aot_destroy_comp_context(aot_comp_context_t comp_ctx);
WASM_RUNTIME_API_EXTERN bool aot_compile_wasm(aot_comp_context_t comp_ctx);
WASM_RUNTIME_API_EXTERN aot_obj_data_t aot_obj_data_create(aot_comp_context_t comp_ctx);
WASM_RUNTIME_API_EXTERN void aot_obj_data_destroy(aot_obj_data_t obj_data);
WASM_RUNTIME_API_EXTERN uint32_t aot_get_aot_file_size(aot_comp_context_t comp_ctx,
                                                       aot_comp_data_t comp_data,
                                                       aot_obj_data_t obj_data);
WASM_RUNTIME_API_EXTERN uint8_t *aot_emit_aot_file_buf(aot_comp_context_t comp_ctx,
                                                       aot_comp_data_t comp_data,
                                                       uint32_t *p_aot_file_size);
WASM_RUNTIME_API_EXTERN bool aot_emit_aot_file_buf_ex(aot_comp_context_t comp_ctx,
                                                      aot_comp_data_t comp_data,
                                                      aot_obj_data_t obj_data,
                                                      uint8_t *aot_file_buf,
                                                      uint32_t aot_file_size);
WASM_RUNTIME_API_EXTERN bool aot_emit_llvm_file(aot_comp_context_t comp_ctx, const char *file_name);
WASM_RUNTIME_API_EXTERN bool aot_emit_object_file(aot_comp_context_t comp_ctx,
                                                  const char *file_name);
WASM_RUNTIME_API_EXTERN bool aot_emit_aot_file(aot_comp_context_t comp_ctx,
                                               aot_comp_data_t comp_data, const char *file_name);
WASM_RUNTIME_API_EXTERN void aot_destroy_aot_file(uint8_t *aot_file);
/* Why the latest call failed; never NULL. */
WASM_RUNTIME_API_EXTERN char *aot_get_last_error(void);
WASM_RUNTIME_API_EXTERN uint32_t aot_get_plt_table_size(void);

#ifdef __cplusplus
}
#endif

#endif
