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

/* --- profiles for a compiler ------------------------------------------------------------------- */

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
