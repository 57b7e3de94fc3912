/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* code.c - a module's register code: lowered function by function, on first call. */
#include "code/code.h"

#include "code/ins.h"

static u32 defined_count(const Module *module)
{
    return module->nfuncs - module->nimported[EXTERN_FUNC];
}

static void free_code(Module *module, void *opaque)
{
    ModuleCode *code = opaque;
    u32 n = defined_count(module);
    for (u32 mode = 0; mode < CODE_MODES; mode++) {
        FuncCode *funcs = code->funcs[mode];
        if (funcs == NULL) continue;
        for (u32 i = 0; i < n; i++)
            tern_free(module->alloc, (void *)(uintptr_t)funcs[i].pc, funcs[i].nunits * sizeof(CodeUnit));
        tern_free(module->alloc, funcs, (n + (size_t)1) * sizeof *funcs);
    }
    tern_port_mutex_done(&code->lock);
    tern_free(module->alloc, code, sizeof *code);
}

ModuleCode *tern_code_of(Module *module, TokenOf *token_of)
{
    ModuleCode *code = __atomic_load_n(&module->code, __ATOMIC_ACQUIRE);
    if (code != NULL) return code;
    code = tern_alloc_zeroed(module->alloc, 1, sizeof *code);
    if (code == NULL) return NULL;
    code->module = module;
    u32 halt = token_of(H_HALT), cross_return = token_of(H_CROSS_RETURN);
    memcpy(code->halt, &halt, sizeof halt);
    memcpy(code->cross_return, &cross_return, sizeof cross_return);
    tern_port_mutex_init(&code->lock);
    void *expected = NULL;
    module->code_free = free_code;
    if (__atomic_compare_exchange_n(&module->code, &expected, code, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return code;
    free_code(module, code); /* another thread was first */
    return expected;
}

FuncCode *tern_code_funcs(ModuleCode *code, CodeMode mode)
{
    FuncCode *funcs = __atomic_load_n(&code->funcs[mode], __ATOMIC_ACQUIRE);
    u32 n = defined_count(code->module);
    if (funcs != NULL) return funcs;
    tern_port_mutex_lock(&code->lock);
    funcs = code->funcs[mode];
    if (funcs == NULL) {
        funcs = tern_alloc_zeroed(code->module->alloc, n + 1ull, sizeof *funcs);
        for (u32 i = 0; funcs != NULL && i < n; i++) funcs[i].frame_cells = FRAME_CELLS_UNLOWERED;
        __atomic_store_n(&code->funcs[mode], funcs, __ATOMIC_RELEASE);
    }
    tern_port_mutex_unlock(&code->lock);
    return funcs;
}

static bool lower_locked(ModuleCode *code, FuncCode *func, u32 func_index, CodeMode mode, TokenOf *token_of,
                         Diag *diag)
{
    LoweredFunc f;
    if (!tern_lower_body(code->module, func_index, mode, &f, diag)) return false;
    u32 *unit_of = tern_ins_measure(&f);
    u32 nunits = unit_of != NULL ? unit_of[f.ins.n] : 0;
    CodeUnit *units = unit_of != NULL ? tern_alloc(f.alloc, nunits * sizeof *units) : NULL;
    bool ok = units != NULL || tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    if (ok) {
        tern_ins_encode(&f, unit_of, token_of, units);
        func->header = f.header;
        func->zero_from = f.header + FRAME_HEADER + (f.scratch != 0 ? SCRATCH_CELLS : 0);
        func->zero_cells = f.local_cells;
        func->nunits = nunits;
        func->arg_cells = f.param_cells;
        func->result_cells = f.result_cells;
        func->pc = units;
        __atomic_store_n(&func->frame_cells, f.frame_cells, __ATOMIC_RELEASE);
    }
    if (unit_of != NULL) tern_ins_measure_free(&f, unit_of);
    tern_lowered_done(&f);
    return ok;
}

bool tern_code_lower(ModuleCode *code, u32 defined_index, CodeMode mode, TokenOf *token_of, Diag *diag)
{
    FuncCode *func = &code->funcs[mode][defined_index];
    tern_port_mutex_lock(&code->lock);
    bool ok = func->frame_cells != FRAME_CELLS_UNLOWERED ||
              lower_locked(code, func, defined_index + code->module->nimported[EXTERN_FUNC], mode, token_of, diag);
    tern_port_mutex_unlock(&code->lock);
    return ok;
}

u32 tern_code_offset(ModuleCode *code, u32 defined_index, CodeMode mode, u32 unit)
{
    /* Lowering is deterministic: doing it again costs time only when a trap is described. */
    LoweredFunc f;
    Diag diag = {0};
    u32 func_index = defined_index + code->module->nimported[EXTERN_FUNC];
    if (!tern_lower_body(code->module, func_index, mode, &f, &diag)) return 0;
    u32 *unit_of = tern_ins_measure(&f), offset = 0;
    for (u32 i = 0; unit_of != NULL && i < f.ins.n; i++)
        if (unit_of[i] <= unit && unit < unit_of[i + 1]) {
            offset = f.ins.items[i].offset;
            break;
        }
    if (unit_of != NULL) tern_ins_measure_free(&f, unit_of);
    tern_lowered_done(&f);
    return offset;
}

u64 tern_code_features(void)
{
    u64 missing = 1ull << FEATURE_SIMD | 1ull << FEATURE_RELAXED_SIMD | 1ull << FEATURE_GC |
                  1ull << FEATURE_EXCEPTIONS | 1ull << FEATURE_THREADS | 1ull << FEATURE_WIDE_ARITHMETIC |
                  1ull << FEATURE_CUSTOM_DESCRIPTORS | 1ull << FEATURE_LEGACY_EXCEPTIONS;
    return FEATURES_ALL & ~missing;
}
