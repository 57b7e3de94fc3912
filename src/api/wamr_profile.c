/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_profile.c - what an instance costs, in bytes and in time, printed as WAMR prints it.
 *
 * Programs read these texts, so lines and labels are WAMR's; the sizes are those of this library's own structures,
 * and rows without a counterpart here are 0. Times exist if the environment variable TERN_PROFILE was set to
 * something but 0 when the library was started. */
#include <stdio.h>
#include <stdlib.h>

#include "api/wamr.h"
#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"
#include "runtime/profile.h"

bool tern_api_wants_profiles(void)
{
    const char *value = getenv("TERN_PROFILE");
    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0;
}

/* --- memory ----------------------------------------------------------------------------------- */

typedef unsigned long long Bytes;

static Bytes print_module(const Module *m)
{
    Bytes funcs = m->nfuncs * sizeof *m->funcs, datas = m->ndatas * sizeof *m->datas;
    Bytes elems = m->nelems * sizeof *m->elems;
    for (u32 i = 0; i < m->nfuncs; i++) funcs += m->funcs[i].body_size;
    for (u32 i = 0; i < m->ndatas; i++) datas += m->datas[i].size;
    for (u32 i = 0; i < m->nelems; i++)
        if (m->elems[i].funcs != NULL) elems += m->elems[i].n * sizeof *m->elems[i].funcs;
    const struct {
        const char *label;
        Bytes bytes;
    } rows[] = {
        {"module struct", sizeof(struct WASMModuleCommon) + sizeof *m},
        {"types", m->ntypes * sizeof *m->types},
        {"imports", m->nimports * (sizeof *m->imports + sizeof(ImportLink))},
        {"funcs", funcs},
        {"tables", m->ntables * sizeof *m->tables},
        {"memories", m->nmemories * sizeof *m->memories},
        {"globals", m->nglobals * sizeof *m->globals},
        {"exports", m->nexports * sizeof *m->exports},
        {"table segs", elems},
        {"data segs", datas},
        {"const strings", 0},
    };
    Bytes total = 0;
    for (u32 i = 0; i < COUNT_OF(rows); i++) total += rows[i].bytes;
    printf("WASM module memory consumption, total size: %llu\n", total);
    for (u32 i = 0; i < COUNT_OF(rows); i++) printf("    %s size: %llu\n", rows[i].label, rows[i].bytes);
    return total;
}

static Bytes heap_bytes(const Memory *memory)
{
    return memory != NULL && memory->heap != NULL ? tern_guest_heap_stats(memory->heap).total_bytes : 0;
}

static Bytes print_instance(wasm_module_inst_t inst)
{
    const Instance *instance = inst->instance;
    const Module *m = instance->module;
    Bytes own = sizeof *inst + sizeof *instance, memories = 0, tables = 0;
    Bytes functions = m->nfuncs * sizeof *instance->funcs, globals = m->nglobals * sizeof(Value);
    for (u32 i = 0; i < m->nmemories; i++) memories += sizeof(Memory) + tern_memory_size_bytes(instance->memories[i]);
    for (u32 i = 0; i < m->ntables; i++) tables += sizeof(Table) + instance->tables[i]->cap * sizeof(Ref);
    for (u32 i = 0; i < m->nfuncs; i++)
        if (instance->funcs[i] != NULL) functions += sizeof(FuncInst);
    Bytes total = own + memories + tables + functions + globals;
    printf("WASM module inst memory consumption, total size: %llu\n", total);
    printf("    module inst struct size: %llu\n", own);
    printf("    memories size: %llu\n", memories);
    printf("        app heap size: %llu\n", heap_bytes(tern_api_memory0(inst)));
    printf("    tables size: %llu\n", tables);
    printf("    functions size: %llu\n", functions);
    printf("    globals size: %llu\n", globals);
    printf("    exports size: 0\n");
    return total;
}

static Bytes print_env(wasm_exec_env_t env)
{
    Bytes own = sizeof *env + sizeof *env->x, stack = env->x->stack_bytes;
    printf("Exec env memory consumption, total size: %llu\n", own + stack);
    printf("    exec env struct size: %llu\n", own);
    printf("        block addr cache size: 0\n");
    printf("    stack size: %llu\n", stack);
    return own + stack;
}

void wasm_runtime_dump_mem_consumption(wasm_exec_env_t exec_env)
{
    if (exec_env == NULL || exec_env->root == NULL) return; /* it outlived its instance */
    wasm_module_inst_t inst = exec_env->inst;
    const Memory *memory = tern_api_memory0(inst);
    printf("\nMemory consumption summary (bytes):\n");
    Bytes total = print_module(inst->instance->module);
    total += print_instance(inst);
    total += print_env(exec_env);
    Bytes peak = 0;
    if (memory != NULL && memory->heap != NULL) peak = tern_guest_heap_stats(memory->heap).highmark_bytes;
    printf("\nTotal memory consumption of module, module inst and exec env: %llu\n", total);
    printf("Total interpreter stack used: %llu\n", (Bytes)tern_exec_stack_peak(exec_env->x));
    printf("Total aux stack used: no enough info to profile\n");
    printf("Native stack left: no enough info to profile\n");
    printf("Total app heap used: %llu\n", peak);
}

/* --- time ------------------------------------------------------------------------------------- */

static double ms(u64 ns) { return (double)ns / 1e6; }

/* The function's name for a reader: as it is exported, else as the name section says. */
static Name name_of(const Module *m, u32 func_index)
{
    for (u32 i = 0; i < m->nexports; i++)
        if (m->exports[i].kind == EXTERN_FUNC && m->exports[i].index == func_index) return m->exports[i].name;
    return tern_module_func_name(m, func_index);
}

void wasm_runtime_dump_perf_profiling(wasm_module_inst_t module_inst)
{
    const Instance *instance = module_inst->instance;
    printf("Performance profiler data:\n");
    for (u32 i = 0; i < instance->module->nfuncs; i++) {
        const FuncTime *time = tern_profile_of(instance, i);
        if (time == NULL) continue;
        Name name = name_of(instance->module, i);
        if (name.size > 0)
            printf("  func %.*s", (int)u64_min(name.size, 512), name.bytes);
        else
            printf("  func %u", (unsigned)i);
        printf(", execution time: %.3f ms, execution count: %llu times, children execution time: %.3f ms\n",
               ms(time->total_ns), (Bytes)time->ncalls, ms(time->children_ns));
    }
}

/* In the function itself. */
static double own_ms(const FuncTime *time)
{
    return time != NULL && time->total_ns > time->children_ns ? ms(time->total_ns - time->children_ns) : 0;
}

double wasm_runtime_sum_wasm_exec_time(wasm_module_inst_t module_inst)
{
    double sum = 0;
    for (u32 i = 0; i < module_inst->instance->module->nfuncs; i++)
        sum += own_ms(tern_profile_of(module_inst->instance, i));
    return sum;
}

double wasm_runtime_get_wasm_func_exec_time(wasm_module_inst_t inst, const char *func_name)
{
    const FuncInst *func = wasm_runtime_lookup_function(inst, func_name);
    if (func == NULL) return -1.0;
    return func->instance != NULL ? own_ms(tern_profile_of(func->instance, func->func_index)) : 0;
}
