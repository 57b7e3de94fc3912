/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* code.c - a module's register code: lowered function by function, on first call. */
#include "code/code.h"

#include "code/ins.h"
#include "code/try_region.h"

static u32 defined_count(const Module *module)
{
    return module->nfuncs - module->nimported[EXTERN_FUNC];
}

/* --- chunks --------------------------------------------------------------------------------------- */

#define CHUNK_UNITS (32u << 10)

typedef struct CodeEntry {
    u32 start; /* unit in the chunk */
    u32 func;  /* index of the FuncCode */
} CodeEntry;

struct CodeChunk {
    CodeChunk *next;
    u32 nunits, cap;
    struct { VEC(CodeEntry) } entries; /* by start */
    CodeUnit units[];
};

static void free_chunks(Alloc *alloc, CodeChunk *chunk)
{
    while (chunk != NULL) {
        CodeChunk *next = chunk->next;
        vec_free(&chunk->entries, alloc);
        tern_free(alloc, chunk, sizeof *chunk + chunk->cap * sizeof *chunk->units);
        chunk = next;
    }
}

/* Room for the function's code, and for what is spoilt behind it while it is written; NULL: no memory. */
static CodeUnit *place(Alloc *alloc, CodeSet *set, u32 func, u32 ncode)
{
    CodeChunk *chunk = set->chunks;
    u32 nunits = ncode + ENCODE_SLACK;
    if (chunk == NULL || chunk->cap - chunk->nunits < nunits) {
        u32 cap = nunits > CHUNK_UNITS / 4 ? nunits : CHUNK_UNITS;
        chunk = tern_alloc(alloc, sizeof *chunk + cap * sizeof *chunk->units);
        if (chunk == NULL) return NULL;
        *chunk = (CodeChunk){.next = set->chunks, .cap = cap};
        set->chunks = chunk;
    }
    if (!vec_push(&chunk->entries, alloc, (CodeEntry){chunk->nunits, func})) return NULL;
    CodeUnit *units = chunk->units + chunk->nunits;
    chunk->nunits += ncode;
    return units;
}

static const FuncCode *find(const CodeSet *set, const CodeUnit *pc)
{
    const FuncCode *found = NULL;
    for (const CodeChunk *chunk = set->chunks; chunk != NULL && found == NULL; chunk = chunk->next) {
        uintptr_t offset = ((uintptr_t)pc - (uintptr_t)chunk->units) / sizeof *pc;
        if ((uintptr_t)pc < (uintptr_t)chunk->units || offset >= chunk->nunits) continue;
        u32 low = 0, high = chunk->entries.n; /* the last entry that starts at or before offset */
        while (high - low > 1) {
            u32 middle = low + (high - low) / 2;
            if (chunk->entries.items[middle].start <= offset) low = middle;
            else high = middle;
        }
        found = &set->funcs[chunk->entries.items[low].func];
    }
    return found;
}

const FuncCode *tern_code_find(ModuleCode *code, CodeSet **set, const CodeUnit *pc)
{
    tern_port_mutex_lock(&code->lock);
    const FuncCode *found = find(*set, pc);
    for (u32 mode = 0; mode < CODE_MODES && found == NULL; mode++) {
        if (code->sets[mode] == NULL) continue;
        found = find(code->sets[mode], pc);
        if (found != NULL) *set = code->sets[mode];
    }
    tern_port_mutex_unlock(&code->lock);
    return found;
}

CodeSet *tern_code_set_with(ModuleCode *code, CodeSet *set, const FuncCode *f)
{
    uintptr_t first = (uintptr_t)set->funcs, end = (uintptr_t)(set->funcs + defined_count(code->module));
    if (LIKELY((uintptr_t)f >= first && (uintptr_t)f < end)) return set;
    return TERN_METERING ? __atomic_load_n(&code->sets[set->mode ^ CODE_METERED], __ATOMIC_ACQUIRE) : set;
}

/* --- a module's code ------------------------------------------------------------------------------- */

static size_t set_bytes(const Module *module)
{
    return sizeof(CodeSet) + defined_count(module) * sizeof(FuncCode);
}

static void free_code(Module *module, void *opaque)
{
    ModuleCode *code = opaque;
    for (u32 mode = 0; mode < CODE_MODES; mode++) {
        if (code->sets[mode] == NULL) continue;
        free_chunks(module->alloc, code->sets[mode]->chunks);
        tern_free(module->alloc, code->sets[mode], set_bytes(module));
    }
    if (code->work != NULL) tern_lowered_done(code->work);
    tern_free(module->alloc, code->work, sizeof *code->work);
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
    code->halt = token_of(H_HALT);
    code->cross_return = token_of(H_CROSS_RETURN);
    tern_port_mutex_init(&code->lock);
    void *expected = NULL;
    __atomic_store_n(&module->code_free, free_code, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&module->code, &expected, code, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return code;
    free_code(module, code); /* another thread was first */
    return expected;
}

CodeSet *tern_code_set(ModuleCode *code, CodeMode mode)
{
    CodeSet *set = __atomic_load_n(&code->sets[mode], __ATOMIC_ACQUIRE);
    if (set != NULL) return set;
    tern_port_mutex_lock(&code->lock);
    set = code->sets[mode];
    if (set == NULL) {
        set = tern_alloc_zeroed(code->module->alloc, 1, set_bytes(code->module));
        if (set != NULL) {
            set->mode = mode;
            memcpy(set->halt, &code->halt, sizeof set->halt);
            memcpy(set->cross_return, &code->cross_return, sizeof set->cross_return);
            for (u32 i = 0, n = defined_count(code->module); i < n; i++)
                set->funcs[i].frame_cells = FRAME_CELLS_UNLOWERED;
            __atomic_store_n(&code->sets[mode], set, __ATOMIC_RELEASE);
        }
    }
    tern_port_mutex_unlock(&code->lock);
    return set;
}

/* The code, and behind it the table of its handlers, at a multiple of four bytes. */
static bool write_code(const LoweredFunc *f, CodeSet *set, u32 index, TokenOf *token_of, const u32 *unit_of)
{
    FuncCode *func = &set->funcs[index];
    u32 ncode = unit_of[f->ins.n];
    u64 ntry = TERN_GC ? tern_try_units(f) : 0, nunits = ncode + ntry + (ntry > 0); /* one to align it */
    CodeUnit *units = nunits <= INT32_MAX ? place(f->alloc, set, index, (u32)nunits) : NULL;
    if (units == NULL) return false;
    tern_ins_encode(f, unit_of, token_of, units);
    func->try_table = 0;
    if (ntry > 0) {
        func->try_table = ncode + ((uintptr_t)(units + ncode) % 4 != 0);
        if (TERN_GC) tern_try_write(f, unit_of, units + func->try_table);
    }
    func->nunits = (u32)nunits;
    func->pc = units;
    return true;
}

/* Most functions are small: allocating and freeing for each of them took 6 % of the time. */
enum { KEPT_BYTES = 48 << 10 };

static LoweredFunc *work_of(ModuleCode *code)
{
    if (code->work != NULL) return code->work;
    code->work = tern_alloc_zeroed(code->module->alloc, 1, sizeof *code->work);
    if (code->work != NULL) code->work->alloc = code->module->alloc;
    return code->work;
}

static bool lower_locked(ModuleCode *code, CodeSet *set, u32 index, TokenOf *token_of, Diag *diag)
{
    FuncCode *func = &set->funcs[index];
    u32 func_index = index + code->module->nimported[EXTERN_FUNC];
    LoweredFunc *f = work_of(code);
    if (f == NULL) return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    bool ok = tern_lower_body(code->module, func_index, set->mode, f, diag);
    if (ok) {
        u32 *unit_of = tern_ins_measure(f);
        ok = (unit_of != NULL && write_code(f, set, index, token_of, unit_of)) ||
             tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    }
    if (ok) {
        func->header = f->header;
        func->zero_from = f->header + FRAME_HEADER + (lowered_has_scratch(f) ? SCRATCH_CELLS : 0);
        func->zero_cells = f->local_cells + f->uses_zero;
        func->arg_cells = f->param_cells;
        func->result_cells = f->result_cells;
        __atomic_store_n(&func->frame_cells, f->frame_cells, __ATOMIC_RELEASE);
    }
    if (!ok || tern_lowered_bytes(f) > KEPT_BYTES) tern_lowered_done(f);
    return ok;
}

bool tern_code_lower(ModuleCode *code, CodeSet *set, u32 defined_index, TokenOf *token_of, Diag *diag)
{
    tern_port_mutex_lock(&code->lock);
    bool ok = set->funcs[defined_index].frame_cells != FRAME_CELLS_UNLOWERED ||
              lower_locked(code, set, defined_index, token_of, diag);
    tern_port_mutex_unlock(&code->lock);
    return ok;
}

u32 tern_code_offset(ModuleCode *code, u32 defined_index, CodeMode mode, u32 unit)
{
    /* Lowering is deterministic: doing it again costs time only when a trap is described. */
    LoweredFunc f = {.alloc = code->module->alloc};
    Diag diag = {0};
    u32 func_index = defined_index + code->module->nimported[EXTERN_FUNC];
    bool ok = tern_lower_body(code->module, func_index, mode, &f, &diag);
    u32 *unit_of = ok ? tern_ins_measure(&f) : NULL, offset = 0;
    for (u32 i = 0; unit_of != NULL && i < f.ins.n; i++)
        if (unit_of[i] <= unit && unit < unit_of[i + 1]) {
            offset = f.ins.items[i].offset;
            break;
        }
    tern_lowered_done(&f);
    return offset;
}

u64 tern_code_features(void)
{
    return tern_features_built;
}
