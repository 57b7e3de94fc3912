/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* interp.c - the interpreter: the handlers of code/handlers.def compiled for this machine. */
#include "interp/interp.h"

#include "interp/machine.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#if defined(__APPLE__)
extern const u8 handlers_start[] __asm("section$start$__TEXT$tern_handlers");
extern const u8 handlers_end[] __asm("section$end$__TEXT$tern_handlers");
#else
extern const u8 handlers_start[] __asm("__start_tern_handlers") __attribute__((visibility("hidden")));
extern const u8 handlers_end[] __asm("__stop_tern_handlers") __attribute__((visibility("hidden")));
#endif

static u32 token_of(Handler handler);

/* --- what slow paths share ------------------------------------------------------------------------- */

static CodeMode mode_of(const Instance *instance)
{
    const ModuleCode *code = instance->module->code;
    return instance->code == code->funcs[CODE_GUARDED] ? CODE_GUARDED : CODE_CHECKED;
}

static FuncCode *code_of(FuncInst *func)
{
    if (func->code == NULL)
        func->code = (FuncCode *)func->instance->code +
                     (func->func_index - func->instance->module->nimported[EXTERN_FUNC]);
    return func->code;
}

/* Makes f ready to run in a frame at fp, or says why not. */
static TrapCode prepare(Exec *x, Instance *instance, const FuncCode *f, const u64 *fp)
{
    u32 interrupt = __atomic_load_n(&x->interrupt, __ATOMIC_RELAXED);
    if (interrupt != 0) return (TrapCode)interrupt;
    if (__atomic_load_n(&f->frame_cells, __ATOMIC_ACQUIRE) == FRAME_CELLS_UNLOWERED) {
        Diag diag = {0};
        u32 index = (u32)(f - (const FuncCode *)instance->code);
        if (!tern_code_lower(instance->module->code, index, mode_of(instance), token_of, &diag)) {
            if (diag.code == DIAG_NO_MEMORY) return TRAP_OUT_OF_MEMORY;
            tern_diag_format(&diag, x->trap.message, sizeof x->trap.message);
            return TRAP_HOST;
        }
    }
    return STACK_LACKS(f->frame_cells, fp) ? TRAP_STACK_EXHAUSTED : TRAP_NONE;
}

/* A frame of f at fp that returns to ret with caller as its frame pointer. */
static void open_frame(const FuncCode *f, u64 *fp, const CodeUnit *ret, u64 *caller)
{
    fp[f->header] = (uintptr_t)ret;
    fp[f->header + 1] = (uintptr_t)caller;
    memset(fp + f->zero_from, 0, f->zero_cells * sizeof *fp);
}

static bool returns_across(const u64 *header)
{
    return unit_u32((const CodeUnit *)(uintptr_t)header[0]) == token_of(H_CROSS_RETURN);
}

/* The host function in x->callee, with arguments at slots. */
static TrapCode call_host(Exec *x, FuncInst *func, u64 *slots)
{
    const FuncType *type = func->type;
    x->top = slots + (type->param_cells > type->result_cells ? type->param_cells : type->result_cells);
    TrapCode trap = func->host(x, func->env, slots);
    if (x->memory != NULL) x->memory_size = tern_memory_size(x->memory);
    if (trap == TRAP_NONE) x->trap.code = TRAP_NONE; /* one the host met and dealt with */
    return trap;
}

/* Puts an adapter frame at the arguments and the callee's frame behind it. */
static TrapCode call_across(Exec *x, FuncInst *func, u64 *slots, const CodeUnit *ret, u64 *caller)
{
    const FuncCode *f = code_of(func);
    u64 *fp = slots + ADAPTER_CELLS;
    TrapCode trap = prepare(x, func->instance, f, fp);
    if (trap != TRAP_NONE) return trap;
    memmove(fp, slots, f->arg_cells * sizeof *fp);
    slots[0] = (uintptr_t)ret;
    slots[1] = (uintptr_t)caller;
    slots[2] = (uintptr_t)x->instance;
    slots[3] = f->result_cells;
    open_frame(f, fp, ((ModuleCode *)func->instance->module->code)->cross_return, slots);
    tern_exec_enter(x, func->instance);
    return TRAP_NONE;
}

/* The same for a call that replaces the frame at fp. Gives the callee's frame. */
static TrapCode tail_call_across(Exec *x, FuncInst *func, const u64 *args, u64 **fp, u32 header)
{
    const FuncCode *f = code_of(func);
    u64 *base = *fp, saved[2] = {base[header], base[header + 1]};
    bool is_across = returns_across(&base[header]); /* somebody restores the caller's instance already */
    u64 *frame = is_across ? base : base + ADAPTER_CELLS;
    TrapCode trap = prepare(x, func->instance, f, frame);
    if (trap != TRAP_NONE) return trap;
    memmove(frame, args, f->arg_cells * sizeof *frame);
    if (!is_across) {
        base[0] = saved[0];
        base[1] = saved[1];
        base[2] = (uintptr_t)x->instance;
        base[3] = f->result_cells;
        saved[0] = (uintptr_t)((ModuleCode *)func->instance->module->code)->cross_return;
        saved[1] = (uintptr_t)base;
    }
    open_frame(f, frame, (const CodeUnit *)(uintptr_t)saved[0], (u64 *)(uintptr_t)saved[1]);
    tern_exec_enter(x, func->instance);
    *fp = frame;
    return TRAP_NONE;
}

static inline TrapCode indirect(Exec *x, u32 table_index, u64 i, u32 type_id, FuncInst **out)
{
    const Table *table = x->instance->tables[table_index];
    if (UNLIKELY(i >= table->size)) {
        x->trap.address = i;
        return TRAP_UNDEFINED_ELEMENT;
    }
    FuncInst *func = (FuncInst *)(uintptr_t)table->elems[i];
    if (UNLIKELY(func == NULL)) {
        x->trap.address = i;
        return TRAP_UNINITIALIZED_ELEMENT;
    }
    *out = func;
    if (LIKELY(func->type_id == type_id)) return TRAP_NONE;
    return tern_types_def_match(x->store->engine->types, func->type_id, type_id) ? TRAP_NONE
                                                                                  : TRAP_INDIRECT_CALL_TYPE;
}

/* [addr + offset, + n) of any memory; NULL with the trap's address noted. */
static u8 *any_memory(Exec *x, u32 index, u64 addr, u64 offset, u64 n)
{
    const Memory *memory = x->instance->memories[index];
    u64 ea;
    u8 *p = u64_add(addr, offset, &ea) ? tern_guest_range(memory, ea, n) : NULL;
    if (p == NULL) {
        x->trap.has_address = true;
        x->trap.address = addr + offset;
        x->trap.access_bytes = n;
        x->trap.memory_bytes = tern_memory_size(memory);
    }
    return p;
}

/* The memory may have grown since its size was cached. */
static bool memory_has_grown(Exec *x)
{
    u64 size = tern_memory_size(x->memory);
    x->memory_size = size;
    if (x->trap.access_bytes <= size && x->trap.address <= size - x->trap.access_bytes) return true;
    x->trap.has_address = true;
    x->trap.memory_bytes = size;
    return false;
}

/* Back in the instance that made the call whose adapter is at *fp. */
static const CodeUnit *cross_return(Exec *x, u64 **fp)
{
    u64 *adapter = *fp;
    const CodeUnit *pc = (const CodeUnit *)(uintptr_t)adapter[0];
    *fp = (u64 *)(uintptr_t)adapter[1];
    tern_exec_enter(x, (Instance *)(uintptr_t)adapter[2]);
    memmove(adapter, adapter + ADAPTER_CELLS, (size_t)adapter[3] * sizeof *adapter);
    return pc;
}

/* --- the machine ----------------------------------------------------------------------------------- */

/* Slow paths, as bodies over the machine's state. */
#define SLOW_PATHS(S) \
    S(slow_interrupt, STOP((TrapCode)__atomic_load_n(&x->interrupt, __ATOMIC_RELAXED))) \
    S(slow_memory, { \
        if (!memory_has_grown(x)) STOP(TRAP_MEMORY_BOUNDS) \
        RELOAD_MEMORY(); \
        DISPATCH(); \
    }) \
    S(slow_enter, { \
        TrapCode trap = prepare(x, x->instance, x->callee, x->callee_slots); \
        if (trap != TRAP_NONE) STOP(trap) \
        DISPATCH(); /* the call again */ \
    }) \
    S(slow_call, { \
        FuncInst *func = x->callee; \
        u64 *slots = x->callee_slots; \
        x->pc = pc; \
        x->fp = fp; \
        if (func->instance == NULL) { \
            TrapCode trap = call_host(x, func, slots); \
            if (UNLIKELY(trap != TRAP_NONE)) return trap; \
            RELOAD_MEMORY(); \
            pc = (const CodeUnit *)(uintptr_t)r0; \
            r0 = slots[0]; \
            f0 = cell_f64(slots); \
            f1 = cell_f32(slots); \
            DISPATCH(); \
        } \
        if (func->instance == x->instance) { \
            (void)code_of(func); \
            DISPATCH(); /* the call again */ \
        } \
        TrapCode trap = call_across(x, func, slots, (const CodeUnit *)(uintptr_t)r0, fp); \
        if (UNLIKELY(trap != TRAP_NONE)) return trap; \
        RELOAD_MEMORY(); \
        fp = slots + ADAPTER_CELLS; \
        pc = ((const FuncCode *)func->code)->pc; \
        DISPATCH(); \
    }) \
    S(slow_tail_call, { \
        FuncInst *func = x->callee; \
        u64 *slots = x->callee_slots; \
        u32 header = (u32)r0; \
        x->pc = pc; \
        x->fp = fp; \
        if (func->instance == NULL) { \
            TrapCode trap = call_host(x, func, slots); \
            if (UNLIKELY(trap != TRAP_NONE)) return trap; \
            RELOAD_MEMORY(); \
            r0 = slots[0]; \
            f0 = cell_f64(slots); \
            f1 = cell_f32(slots); \
            u64 ret = fp[header]; \
            u64 caller = fp[header + 1]; \
            memmove(fp, slots, func->type->result_cells * sizeof *fp); \
            pc = (const CodeUnit *)(uintptr_t)ret; \
            fp = (u64 *)(uintptr_t)caller; \
            DISPATCH(); \
        } \
        if (func->instance == x->instance) { \
            (void)code_of(func); \
            DISPATCH(); \
        } \
        TrapCode trap = tail_call_across(x, func, slots, &x->fp, header); \
        if (UNLIKELY(trap != TRAP_NONE)) return trap; \
        RELOAD_MEMORY(); \
        fp = x->fp; \
        pc = ((const FuncCode *)func->code)->pc; \
        DISPATCH(); \
    }) \
    S(slow_cross_return, { \
        x->fp = fp; \
        pc = cross_return(x, &x->fp); \
        fp = x->fp; \
        RELOAD_MEMORY(); \
        DISPATCH(); \
    })

#if TERN_INTERP_SWITCH

static u32 token_of(Handler handler)
{
    return handler;
}

HANDLER_SECTION static TrapCode run(const CodeUnit *pc, u64 *fp, u8 *mem, Exec *x)
{
    u64 r0 = 0;
    f64 f0 = 0;
    f32 f1 = 0;
    for (;;) {
        switch ((Handler)TOKEN()) {
#define H(name, layout, ...) case H_##name: __VA_ARGS__ break;
#include "code/handlers.def"
        case H_COUNT: break;
        }
#define SLOW(name, ...) name: __VA_ARGS__
        SLOW_PATHS(SLOW)
#undef SLOW
    }
}

/* Where a fault finds the position in the code: in memory, unknown to us. */
enum { PC_REGISTER = -1, FP_REGISTER = -1 };

#else

#define SLOW(name, ...) \
    HANDLER_CC HANDLER_SECTION __attribute__((noinline, cold)) static TrapCode name(STATE_PARAMS) { __VA_ARGS__ }
#define DECLARE(name, ...) HANDLER_CC HANDLER_SECTION static TrapCode name(STATE_PARAMS);
SLOW_PATHS(DECLARE)
#undef DECLARE
SLOW_PATHS(SLOW)
#undef SLOW

#define H(name, layout, ...) HANDLER_CC HANDLER_SECTION static TrapCode handler_##name(STATE_PARAMS) { __VA_ARGS__ }
#include "code/handlers.def"

static HandlerFunc *const handlers[H_COUNT] = {
#define H(name, layout, ...) [H_##name] = handler_##name,
#include "code/handlers.def"
};

static u32 token_of(Handler handler)
{
    return (u32)((uintptr_t)handlers[handler] - (uintptr_t)handler_NONE);
}

static TrapCode run(const CodeUnit *pc, u64 *fp, u8 *mem, Exec *x)
{
    return ((HandlerFunc *)((uintptr_t)handler_NONE + (uintptr_t)(s64)(s32)unit_u32(pc)))(pc, fp, mem, 0, x, 0, 0);
}

/* The argument registers of pc and fp, in the machine's numbering. */
#if defined(__x86_64__)
#if __has_attribute(preserve_none)
enum { PC_REGISTER = 12, FP_REGISTER = 13 };
#else
enum { PC_REGISTER = 7, FP_REGISTER = 6 };
#endif
#else
enum { PC_REGISTER = -1, FP_REGISTER = -1 };
#endif

#endif

/* --- as a tier ------------------------------------------------------------------------------------- */

/* Runs with loads and stores that trust the guard: a fault in a handler is a trap. */
static TrapCode run_guarded(const CodeUnit *pc, u64 *fp, u8 *mem, Exec *x)
{
    FaultFrame **top = tern_port_fault_top();
    FaultFrame frame = {.outer = *top};
    if (__builtin_setjmp(frame.jump) == 0) {
        *top = &frame;
        TrapCode trap = run(pc, fp, mem, x);
        *top = frame.outer;
        return trap;
    }
    FaultFrame *fault = *tern_port_fault_top();
    *tern_port_fault_top() = fault->outer;
    x->pc = (const CodeUnit *)fault->regs[PC_REGISTER & 31];
    x->fp = (u64 *)fault->regs[FP_REGISTER & 31];
    x->trap.has_address = true;
    x->trap.address = (u64)(fault->address - x->memory->base);
    x->trap.access_bytes = 0; /* of unknown width */
    x->trap.memory_bytes = tern_memory_size(x->memory);
    return TRAP_MEMORY_BOUNDS;
}

static bool attach(Instance *instance, Diag *diag)
{
    ModuleCode *code = tern_code_of(instance->module, token_of);
    CodeMode mode = CODE_CHECKED;
    if (PC_REGISTER >= 0 && instance->module->nmemories > 0) {
        const Memory *memory = instance->memories[0];
        if (!memory->type.limits.is_64 && memory->reserved_bytes >= MEMORY_GUARDED_BYTES &&
            memory->page_bytes % tern_port_page_size() == 0 && tern_port_fault_init() &&
            tern_port_fault_add_code((FaultRange){handlers_start, handlers_end}))
            mode = CODE_GUARDED;
    }
    instance->code = code != NULL ? tern_code_funcs(code, mode) : NULL;
    return instance->code != NULL || tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
}

static TrapCode call(Exec *x, FuncInst *func, u64 *slots)
{
    const FuncCode *f = code_of(func);
    if (x->instance != func->instance) tern_exec_enter(x, func->instance);
    x->pc = NULL; /* nothing of this call has run */
    x->fp = slots;
    TrapCode trap = prepare(x, func->instance, f, slots);
    if (trap == TRAP_NONE) {
        open_frame(f, slots, ((ModuleCode *)func->instance->module->code)->halt, NULL);
        u8 *mem = x->memory != NULL ? x->memory->base : NULL;
        bool is_guarded = mode_of(func->instance) == CODE_GUARDED;
        trap = is_guarded ? run_guarded(f->pc, slots, mem, x) : run(f->pc, slots, mem, x);
        if (trap == TRAP_NONE) return TRAP_NONE;
    }
    if (x->trap.code != trap) tern_exec_trap(x, trap);
    return trap;
}

/* Which function of the instance has code at pc; NULL if none. */
static const FuncCode *find_code(const Instance *instance, const CodeUnit *pc)
{
    const Module *module = instance->module;
    const FuncCode *funcs = instance->code;
    u32 n = module->nfuncs - module->nimported[EXTERN_FUNC];
    for (u32 i = 0; i < n; i++)
        if ((uintptr_t)pc >= (uintptr_t)funcs[i].pc && (uintptr_t)pc < (uintptr_t)(funcs[i].pc + funcs[i].nunits) &&
            funcs[i].pc != NULL)
            return &funcs[i];
    return NULL;
}

static u32 backtrace(const Exec *x, TrapFrame *frames, u32 max)
{
    u32 n = 0;
    const CodeUnit *pc = x->pc;
    const u64 *fp = x->fp;
    Instance *instance = x->instance;
    for (bool is_caller = false; pc != NULL; is_caller = true) {
        const FuncCode *f = find_code(instance, pc - is_caller);
        if (f == NULL) break;
        u32 index = (u32)(f - (const FuncCode *)instance->code);
        if (n < max)
            frames[n] = (TrapFrame){
                .instance = instance,
                .func_index = index + instance->module->nimported[EXTERN_FUNC],
                .offset = tern_code_offset(instance->module->code, index, mode_of(instance),
                                           (u32)(pc - is_caller - f->pc)),
            };
        n++;
        const u64 *header = fp + f->header;
        pc = (const CodeUnit *)(uintptr_t)header[0];
        fp = (const u64 *)(uintptr_t)header[1];
        if (unit_u32(pc) == token_of(H_CROSS_RETURN)) {
            pc = (const CodeUnit *)(uintptr_t)fp[0];
            instance = (Instance *)(uintptr_t)fp[2];
            fp = (const u64 *)(uintptr_t)fp[1];
        }
        if (unit_u32(pc) == token_of(H_HALT)) break;
    }
    return n;
}

u64 tern_interp_features(void)
{
    return tern_code_features();
}

const Tier tern_interp_tier = {.name = "interpreter", .attach = attach, .call = call, .backtrace = backtrace};
