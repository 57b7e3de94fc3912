/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_aot.c - aot_export.h: there is no compiler to WAMR's format here, and every function says so. */
#include "aot_export.h"

#include "base/types.h"

aot_comp_data_t aot_create_comp_data(void *wasm_module, const char *target_arch, bool gc_enabled)
{
    (void)wasm_module, (void)target_arch, (void)gc_enabled;
    return NULL;
}

void aot_destroy_comp_data(aot_comp_data_t comp_data) { (void)comp_data; }

dwarf_extractor_handle_t create_dwarf_extractor(aot_comp_data_t comp_data, char *file_name)
{
    (void)comp_data, (void)file_name;
    return NULL;
}

bool aot_compiler_init(void) { return false; }
void aot_compiler_destroy(void) {}

aot_comp_context_t aot_create_comp_context(aot_comp_data_t comp_data, aot_comp_option_t option)
{
    (void)comp_data, (void)option;
    return NULL;
}

void aot_destroy_comp_context(aot_comp_context_t comp_ctx) { (void)comp_ctx; }

bool aot_compile_wasm(aot_comp_context_t comp_ctx)
{
    (void)comp_ctx;
    return false;
}

aot_obj_data_t aot_obj_data_create(aot_comp_context_t comp_ctx)
{
    (void)comp_ctx;
    return NULL;
}

void aot_obj_data_destroy(aot_obj_data_t obj_data) { (void)obj_data; }

uint32_t aot_get_aot_file_size(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                               aot_obj_data_t obj_data)
{
    (void)comp_ctx, (void)comp_data, (void)obj_data;
    return 0;
}

uint8_t *aot_emit_aot_file_buf(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                               uint32_t *p_aot_file_size)
{
    (void)comp_ctx, (void)comp_data;
    if (p_aot_file_size != NULL) *p_aot_file_size = 0;
    return NULL;
}

bool aot_emit_aot_file_buf_ex(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                              aot_obj_data_t obj_data, uint8_t *aot_file_buf,
                              uint32_t aot_file_size)
{
    (void)comp_ctx, (void)comp_data, (void)obj_data, (void)aot_file_buf, (void)aot_file_size;
    return false;
}

bool aot_emit_llvm_file(aot_comp_context_t comp_ctx, const char *file_name)
{
    (void)comp_ctx, (void)file_name;
    return false;
}

bool aot_emit_object_file(aot_comp_context_t comp_ctx, const char *file_name)
{
    (void)comp_ctx, (void)file_name;
    return false;
}

bool aot_emit_aot_file(aot_comp_context_t comp_ctx, aot_comp_data_t comp_data,
                       const char *file_name)
{
    (void)comp_ctx, (void)comp_data, (void)file_name;
    return false;
}

void aot_destroy_aot_file(uint8_t *aot_file) { (void)aot_file; }

/* The type is WAMR's; nobody may write to it. */
char *aot_get_last_error(void)
{
    return (char *)(uintptr_t) "this build has no ahead-of-time compiler";
}

uint32_t aot_get_plt_table_size(void) { return 0; }

void aot_call_stack_features_init_default(AOTCallStackFeatures *features)
{
    *features = (AOTCallStackFeatures){true, true, true, true, true, false};
}
