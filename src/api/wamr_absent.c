/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_absent.c - functions whose subject this library does not have yet.
 *
 * They are exported all the same, so that a host links and starts, and answer as WAMR does where
 * the capability is not built in. docs/migrating-from-wamr.md lists them. */
#include "api/wamr.h"

/* --- debugger --------------------------------------------------------------------------------- */

uint32_t wasm_runtime_start_debug_instance_with_port(wasm_exec_env_t exec_env, int32_t port)
{
    (void)exec_env, (void)port;
    return 0;
}

uint32_t wasm_runtime_start_debug_instance(wasm_exec_env_t exec_env)
{
    (void)exec_env;
    return 0;
}

/* --- metering and profiling ------------------------------------------------------------------- */

void wasm_runtime_set_instruction_count_limit(wasm_exec_env_t exec_env, int instruction_count)
{
    (void)exec_env;
    if (instruction_count >= 0)
        tern_api_log(WASM_LOG_LEVEL_WARNING, "instruction count limits are not available");
}

void wasm_runtime_dump_perf_profiling(wasm_module_inst_t module_inst) { (void)module_inst; }

double wasm_runtime_sum_wasm_exec_time(wasm_module_inst_t module_inst)
{
    (void)module_inst;
    return 0;
}

double wasm_runtime_get_wasm_func_exec_time(wasm_module_inst_t inst, const char *func_name)
{
    return wasm_runtime_lookup_function(inst, func_name) != NULL ? 0 : -1.0;
}

uint32_t wasm_runtime_get_pgo_prof_data_size(wasm_module_inst_t module_inst)
{
    (void)module_inst;
    return 0;
}

uint32_t wasm_runtime_dump_pgo_prof_data_to_buf(wasm_module_inst_t module_inst, char *buf,
                                                uint32_t len)
{
    (void)module_inst, (void)buf, (void)len;
    return 0;
}

/* --- externref table -------------------------------------------------------------------------- */

bool wasm_externref_obj2ref(wasm_module_inst_t module_inst, void *extern_obj,
                            uint32_t *p_externref_idx)
{
    (void)module_inst, (void)extern_obj, (void)p_externref_idx;
    return false;
}

bool wasm_externref_objdel(wasm_module_inst_t module_inst, void *extern_obj)
{
    (void)module_inst, (void)extern_obj;
    return false;
}

bool wasm_externref_set_cleanup(wasm_module_inst_t module_inst, void *extern_obj,
                                void (*extern_obj_cleanup)(void *))
{
    (void)module_inst, (void)extern_obj, (void)extern_obj_cleanup;
    return false;
}

bool wasm_externref_ref2obj(uint32_t externref_idx, void **p_extern_obj)
{
    (void)externref_idx, (void)p_extern_obj;
    return false;
}

bool wasm_externref_retain(uint32_t externref_idx)
{
    (void)externref_idx;
    return false;
}

/* --- shared heaps ----------------------------------------------------------------------------- */

wasm_shared_heap_t wasm_runtime_create_shared_heap(SharedHeapInitArgs *init_args)
{
    (void)init_args;
    return NULL;
}

wasm_shared_heap_t wasm_runtime_chain_shared_heaps(wasm_shared_heap_t head, wasm_shared_heap_t body)
{
    (void)head, (void)body;
    return NULL;
}

wasm_shared_heap_t wasm_runtime_unchain_shared_heaps(wasm_shared_heap_t head, bool entire_chain)
{
    (void)head, (void)entire_chain;
    return NULL;
}

bool wasm_runtime_reset_shared_heap_chain(wasm_shared_heap_t shared_heap)
{
    (void)shared_heap;
    return false;
}

bool wasm_runtime_attach_shared_heap(wasm_module_inst_t module_inst, wasm_shared_heap_t shared_heap)
{
    (void)module_inst, (void)shared_heap;
    return false;
}

void wasm_runtime_detach_shared_heap(wasm_module_inst_t module_inst) { (void)module_inst; }

uint64_t wasm_runtime_shared_heap_malloc(wasm_module_inst_t module_inst, uint64_t size,
                                         void **p_native_addr)
{
    (void)module_inst, (void)size;
    if (p_native_addr != NULL) *p_native_addr = NULL;
    return 0;
}

void wasm_runtime_shared_heap_free(wasm_module_inst_t module_inst, uint64_t ptr)
{
    (void)module_inst, (void)ptr;
}
