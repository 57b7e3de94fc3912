/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* interp.c - the interpreter: the handlers of code/handlers.def compiled for this machine. */
#include "interp/interp.h"

#include <assert.h>

#include "interp/machine.h"
#include "interp/unwind.h"
#include "runtime/profile.h"

#if SIMD_SSSE3
#include <cpuid.h>
#endif

#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-variable"
#if !TERN_MEMORY64 || !TERN_TAIL_CALLS || !TERN_THREADS || !TERN_GC || !TERN_METERING /* whose handlers are all that use some of it */
#pragma GCC diagnostic ignored "-Wunused-function"
#endif

#if defined(__APPLE__)
extern const u8 handlers_start[] __asm("section$start$__TEXT$tern_interp");
extern const u8 handlers_end[] __asm("section$end$__TEXT$tern_interp");
#else
extern const u8 handlers_start[] __asm("__start_tern_interp") __attribute__((visibility("hidden")));
extern const u8 handlers_end[] __asm("__stop_tern_interp") __attribute__((visibility("hidden")));
#endif

static u32 token_of(Handler handler);

/* --- what slow paths share ------------------------------------------------------------------------- */

static CodeSet *set_of(const Instance *instance)
{
    return tern_code_set_of(instance->code);
}

/* Makes f ready to run in a frame at fp, or says why not. */
static TrapCode prepare(Exec *x, Instance *instance, const FuncCode *f, const u64 *fp)
{
    u32 interrupt = __atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST);
    if (interrupt != 0) return (TrapCode)interrupt;
    if (__atomic_load_n(&f->frame_cells, __ATOMIC_ACQUIRE) == FRAME_CELLS_UNLOWERED) {
        Diag diag = {0};
        ModuleCode *code = instance->module->code;
        CodeSet *set = tern_code_set_with(code, set_of(instance), f);
        if (!tern_code_lower(code, set, (u32)(f - set->funcs), token_of, &diag)) {
            if (diag.code == DIAG_NO_MEMORY) return TRAP_OUT_OF_MEMORY;
            if (diag.code == DIAG_LIMIT) return TRAP_STACK_EXHAUSTED; /* no stack has room for its frame */
            tern_diag_format(&diag, x->trap.message, sizeof x->trap.message);
            return TRAP_HOST;
        }
    }
    if (f->frame_cells > (u64)(x->stack_end - fp)) return TRAP_STACK_EXHAUSTED;
    tern_exec_note_frame(x, fp + f->frame_cells);
    return tern_exec_poll(x);
}

/* Why the guest is to stop; it may have been taken back since it was seen, but part of an instruction is done. */
static TrapCode interrupt_of(const Exec *x)
{
    u32 interrupt = __atomic_load_n(&x->interrupt, __ATOMIC_RELAXED);
    return interrupt != 0 ? (TrapCode)interrupt : TRAP_INTERRUPTED;
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

/* A host function, with arguments at slots. */
static inline TrapCode call_host(Exec *x, FuncInst *func, u64 *slots)
{
    x->top = slots + func->type->call_cells;
    TrapCode trap = func->host(x, func->env, slots);
    if (TERN_FAST) *tern_port_fault_top() = x->fault_frame;
    if (x->memory != NULL) x->memory_size = tern_memory_size_bytes(x->memory);
    if (UNLIKELY(trap != TRAP_NONE)) return trap;
    x->trap.code = TRAP_NONE; /* one the host met and dealt with */
    x->exception = REF_NULL;
    return TRAP_NONE;
}

/* Puts an adapter frame at the arguments and the callee's frame behind it. */
static TrapCode call_across(Exec *x, FuncInst *func, u64 *slots, const CodeUnit *ret, u64 *caller)
{
    const FuncCode *f = func->code;
    u64 *fp = slots + ADAPTER_CELLS;
    TrapCode trap = prepare(x, func->instance, f, fp);
    if (trap != TRAP_NONE) return trap;
    memmove(fp, slots, f->arg_cells * sizeof *fp);
    slots[0] = (uintptr_t)ret;
    slots[1] = (uintptr_t)caller;
    slots[2] = (uintptr_t)x->instance;
    slots[3] = f->result_cells;
    open_frame(f, fp, set_of(func->instance)->cross_return, slots);
    tern_exec_enter(x, func->instance);
    return TRAP_NONE;
}

/* The same for a call that replaces the frame at fp. Gives the callee's frame. */
static TrapCode tail_call_across(Exec *x, FuncInst *func, const u64 *args, u64 **fp, u32 header)
{
    const FuncCode *f = func->code;
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
        saved[0] = (uintptr_t)set_of(func->instance)->cross_return;
        saved[1] = (uintptr_t)base;
    }
    open_frame(f, frame, (const CodeUnit *)(uintptr_t)saved[0], (u64 *)(uintptr_t)saved[1]);
    tern_exec_enter(x, func->instance);
    *fp = frame;
    return TRAP_NONE;
}

static inline FuncInst *indirect(const Exec *x, u32 table_index, u64 i, u32 type_id)
{
    const Table *table = x->instance->tables[table_index];
    if (UNLIKELY(i >= table->size)) return NULL;
    FuncInst *func = (FuncInst *)(uintptr_t)table->elems[i];
    return LIKELY(func != NULL && func->type_id == type_id) ? func : NULL;
}

/* The same for a function of a subtype, left in x->callee (a local's address would cost the handler its tail
 * call), and what is wrong with any other. */
static TrapCode indirect_checked(Exec *x, u32 table_index, u64 i, u32 type_id)
{
    const Table *table = x->instance->tables[table_index];
    x->trap.address = i;
    if (i >= table->size) return TRAP_UNDEFINED_ELEMENT;
    const FuncInst *func = (const FuncInst *)(uintptr_t)table->elems[i];
    if (func == NULL) return TRAP_UNINITIALIZED_ELEMENT;
    x->callee = (void *)(uintptr_t)table->elems[i];
    const TypeRegistry *types = x->store->engine->types;
    return tern_types_def_match(types, func->type_id, type_id) ? TRAP_NONE : TRAP_INDIRECT_CALL_TYPE;
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
        x->trap.memory_bytes = tern_memory_size_bytes(memory);
    }
    return p;
}

/* The same for an atomic access, which must be aligned. */
static u8 *any_atomic(Exec *x, u32 index, u64 addr, u64 offset, u64 n)
{
    if (LIKELY(((addr + offset) & (n - 1)) == 0)) return any_memory(x, index, addr, offset, n);
    x->trap.has_address = true;
    x->trap.address = addr + offset;
    x->trap.access_bytes = n;
    x->trap.memory_bytes = tern_memory_size_bytes(x->instance->memories[index]);
    return NULL;
}

/* The memory may have grown since its size was cached. */
static bool memory_has_grown(Exec *x)
{
    u64 size = tern_memory_size_bytes(x->memory);
    x->memory_size = size;
    bool is_inside = x->trap.access_bytes <= size && x->trap.address <= size - x->trap.access_bytes;
    if (is_inside && !x->is_faulting) return true;
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
    S(slow_interrupt, STOP(interrupt_of(x))) \
    S(slow_fuel, { \
        TrapCode trap = tern_exec_refuel(x); \
        if (trap != TRAP_NONE) STOP(trap) \
        DISPATCH(); \
    }) \
    S(slow_memory, { \
        TAKE_BOUND(); \
        if (!memory_has_grown(x)) STOP(TRAP_MEMORY_BOUNDS) \
        RELOAD_MEMORY(); \
        DISPATCH(); \
    }) \
    S(slow_unaligned, { \
        x->trap.has_address = true; \
        x->trap.memory_bytes = x->memory_size; \
        STOP(TRAP_UNALIGNED_ATOMIC) \
    }) \
    S(slow_enter, { \
        TrapCode trap = prepare(x, x->instance, x->callee, x->callee_slots); \
        if (trap != TRAP_NONE) STOP(trap) \
        DISPATCH(); /* the call again */ \
    }) \
    S(slow_call, { \
        FuncInst *func = (FuncInst *)(uintptr_t)r0; \
        u64 *slots = x->callee_slots; \
        x->fp = fp; \
        TrapCode trap = call_across(x, func, slots, pc, fp); \
        if (UNLIKELY(trap != TRAP_NONE)) return trap; \
        RELOAD_MEMORY(); \
        fp = slots + ADAPTER_CELLS; \
        pc = ((const FuncCode *)func->code)->pc; \
        DISPATCH(); \
    }) \
    S(slow_indirect, { \
        TrapCode trap = indirect_checked(x, U32(1), GET_i64(0), U32(5)); \
        if (UNLIKELY(trap != TRAP_NONE)) RAISE(trap) \
        FuncInst *func = x->callee; \
        CALL_FUNC(func, fp + U32(3), 7) \
    }) \
    S(slow_tail_indirect, { \
        TrapCode trap = indirect_checked(x, U32(1), GET_i64(0), U32(5)); \
        if (UNLIKELY(trap != TRAP_NONE)) RAISE(trap) \
        FuncInst *func = x->callee; \
        TAIL_CALL_FUNC(func, fp + U32(3), U16(7)) \
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
            SET_i64(slots[0]); \
            SET_f64(cell_f64(slots)); \
            SET_f32(cell_f32(slots)); \
            SET_v128(cell_v128(slots)); \
            u64 ret = fp[header]; \
            u64 caller = fp[header + 1]; \
            memmove(fp, slots, func->type->result_cells * sizeof *fp); \
            pc = (const CodeUnit *)(uintptr_t)ret; \
            fp = (u64 *)(uintptr_t)caller; \
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

#define SLOW(name, ...) __attribute__((noinline, cold)) HANDLER_FUNC(name) { HANDLER_BEGIN __VA_ARGS__ }
#define DECLARE(name, ...) HANDLER_FUNC(name);
SLOW_PATHS(DECLARE)
#undef DECLARE

/* Rare enough to be a path of its own, too common to be a cold one. */
__attribute__((noinline)) HANDLER_FUNC(enter_call)
{
    HANDLER_BEGIN
    FuncInst *func = (FuncInst *)(uintptr_t)r0;
    if (!TERN_FAST && func->instance == x->instance) { /* all such calls come here */
        const CodeUnit *ret = pc;
        pc = x->pc; /* to do it again, if the slow path says so */
        ENTER_FROM((const FuncCode *)func->code, x->callee_slots, ret, { pc = f_->pc; DISPATCH(); })
    }
    if (UNLIKELY(func->instance != NULL)) GOTO(slow_call);
    u64 *slots = x->callee_slots;
    x->fp = fp;
    TrapCode trap = call_host(x, func, slots);
    if (UNLIKELY(trap != TRAP_NONE)) return trap;
    fp = x->fp;
    mem = NULL; /* nobody's, if there is no memory */
    RELOAD_MEMORY();
#if HAS_ACCUMULATORS
    r0 = slots[0];
    f0 = cell_f64(slots);
    f1 = cell_f32(slots);
    /* Not in one piece: a load wider than the store before it waits for that to leave the processor. */
    __asm__ volatile("" : "+r"(r0));
    u64 cells[2] = {r0, slots[1]};
    v0 = cell_v128(cells);
#endif
    DISPATCH();
}
SLOW_PATHS(SLOW)
#undef SLOW

/* used: the assembler may be all that mentions them, see tokens. */
#define H(name, layout, ...) __attribute__((used)) HANDLER_FUNC(handler_##name) { HANDLER_BEGIN __VA_ARGS__ }
#include "code/handlers.def"

#if TERN_INTERP_LOOP || !defined(__ELF__)
static HandlerFunc *const handlers[H_COUNT] = {
#define H(name, layout, ...) [H_##name] = handler_##name,
#include "code/handlers.def"
};
#endif

#if TERN_INTERP_LOOP

static u32 token_of(Handler handler)
{
    return handler;
}

HANDLER_SECTION static TrapCode run(const CodeUnit *pc, u64 *fp, u8 *mem, Exec *x)
{
    State state = {.pc = pc, .fp = fp, .mem = mem, .x = x};
    for (;;) {
        TrapCode trap = handlers[unit_u32(state.pc)](&state);
        if (trap != TRAP_DISPATCH) return trap;
    }
}

/* Where a fault finds the position in the code: in memory, unknown to us. */
enum { PC_REGISTER = -1, FP_REGISTER = -1, R0_REGISTER = -1 };
#define RUN_ALONE(handler, pc, fp, r0, x) ((void)(r0), TRAP_NONE)

#else

/* A token is where a handler begins, counted from handler_NONE. */
static HandlerFunc *func_of(u32 token)
{
    return (HandlerFunc *)((uintptr_t)handler_NONE + (uintptr_t)(s64)(s32)token);
}

#if defined(__ELF__)
/* C has no constant for the distance of two functions, the assembler has. Pointers would be relocated in every process
 * that starts: seven pages of its own. */
#if TERN_FAST || TERN_SIMD || TERN_MEMORY64 || TERN_TAIL_CALLS || TERN_THREADS || TERN_GC || TERN_METERING || \
    TERN_PROPOSALS
typedef s32 Distance;
#define DISTANCE ".4byte"
#else /* 17 KB of handlers; the assembler would cut off what does not fit, and say nothing */
typedef s16 Distance;
#define DISTANCE ".2byte"
#endif
#define MAX_DISTANCE (sizeof(Distance) == 2 ? INT16_MAX : INT32_MAX)
__asm__(".pushsection .rodata\n.balign 4\ntern_interp_tokens:\n"
#define H(name, layout, ...) DISTANCE " handler_" #name " - handler_NONE\n"
#include "code/handlers.def"
        ".popsection\n");
extern const Distance tokens[H_COUNT] __asm__("tern_interp_tokens") __attribute__((visibility("hidden")));
static u32 plain_token(Handler handler)
{
    assert(handlers_end - handlers_start <= MAX_DISTANCE && "every distance fits");
    return (u32)(s32)tokens[handler];
}
#else
static u32 plain_token(Handler handler) { return (u32)((uintptr_t)handlers[handler] - (uintptr_t)handler_NONE); }
#endif

#if SIMD_SSSE3 && TERN_SIMD
/* Twins of handlers for processors that have more than the baseline. */
#define TWIN(name, ...) \
    SIMD_TARGET_SSSE3 HANDLER_FUNC(name) { __VA_ARGS__ }
TWIN(ssse3_shuffle, t_v128 a = GET_v128(1), b = GET_v128(2), lanes = IMM_v128(3);
     PUT_v128(0, simd_i8x16_shuffle_ssse3(a, b, lanes)); NEXT(11);)
TWIN(ssse3_swizzle, t_v128 a = GET_v128(1), b = GET_v128(2); PUT_v128(0, simd_i8x16_swizzle_ssse3(a, b)); NEXT(3);)
#undef TWIN

/* Asked of the processor by the first module that wants to know: a virtual machine may take 20 us to answer, and
 * __builtin_cpu_supports would have every process ask as it starts. */
static bool has_ssse3(void)
{
    enum { UNKNOWN, ABSENT, PRESENT };
    static u8 known; /* whoever finds out, finds the same */
    u8 answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer == UNKNOWN) {
        unsigned eax, ebx, ecx = 0, edx;
        answer = __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_SSSE3) != 0 ? PRESENT : ABSENT;
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer == PRESENT;
}

static u32 token_of(Handler handler)
{
    bool is_swizzle = handler == H_I8X16_SWIZZLE_SS_S || handler == H_I8X16_RELAXED_SWIZZLE_SS_S;
    if (LIKELY(handler != H_I8X16_SHUFFLE_SS_S && !is_swizzle) || !has_ssse3())
        return plain_token(handler);
    return (u32)((uintptr_t)(is_swizzle ? ssse3_swizzle : ssse3_shuffle) - (uintptr_t)handler_NONE);
}
#else
static u32 token_of(Handler handler) { return plain_token(handler); }
#endif

static TrapCode run(const CodeUnit *pc, u64 *fp, u8 *mem, Exec *x)
{
    return func_of(unit_u32(pc))(pc, fp, mem, STATE_START(0));
}

/* The argument registers of pc, fp and r0, in the machine's numbering. */
#if !TERN_FAST /* no handler trusts a guard */
enum { PC_REGISTER = -1, FP_REGISTER = -1, R0_REGISTER = -1 };
#elif defined(__x86_64__)
#if __has_attribute(preserve_none)
enum { PC_REGISTER = 12, FP_REGISTER = 13, R0_REGISTER = 15 };
#else
enum { PC_REGISTER = 7, FP_REGISTER = 6, R0_REGISTER = 1 };
#endif
#elif defined(__aarch64__) && defined(__linux__)
#if __has_attribute(preserve_none)
enum { PC_REGISTER = 20, FP_REGISTER = 21, R0_REGISTER = 23 };
#else
enum { PC_REGISTER = 0, FP_REGISTER = 1, R0_REGISTER = 3 };
#endif
#else
enum { PC_REGISTER = -1, FP_REGISTER = -1, R0_REGISTER = -1 };
#endif
#define RUN_ALONE(handler, pc, fp, r0, x) \
    func_of(plain_token(handler))(pc, fp, (x)->memory->base, STATE_START(r0))

#endif

/* --- as a tier ------------------------------------------------------------------------------------- */

/* The handler that checks what this one trusts: I32_LOAD_S_S for I32_LOAD_G_S_S. Both kinds come in the same order. */
#if TERN_FAST
#define FIRST_GUARDED H_I32_LOAD_G_S_S
#define CHECKED_TO_GUARDED (H_I32_ADD_LOAD_G_S_S - H_I32_ADD_LOAD_S_S)
_Static_assert(H_I32_LOAD_G_S_S < H_I32_ADD_LOAD_G_S_S && H_I32_LOAD_G_S_S - H_I32_LOAD_S_S == CHECKED_TO_GUARDED &&
               H_I64_STORE32_G_S_S - H_I64_STORE32_S_S == CHECKED_TO_GUARDED, "guarded handlers");
#if TERN_SIMD
_Static_assert(H_V128_STORE64_LANE_G_S_S - H_V128_STORE64_LANE_S_S == CHECKED_TO_GUARDED, "guarded handlers");
#endif
static Handler checked_twin(Handler handler)
{
    enum { TESTS = H_I32_LOAD_BRZ_G_S - H_I32_LOAD_BRZ_S };
    for (u32 pays = 0; pays <= 1; pays++) {
        u32 first = pays ? H_I32_LOAD_BRZ_G_S_PAID : H_I32_LOAD_BRZ_G_S;
        if (handler >= first && handler < first + TESTS) return (Handler)(handler - TESTS);
    }
    bool is_guarded = handler >= FIRST_GUARDED && handler < FIRST_GUARDED + CHECKED_TO_GUARDED;
    return is_guarded ? (Handler)(handler - CHECKED_TO_GUARDED) : H_NONE;
}
#else
static Handler checked_twin(Handler handler)
{
    (void)handler;
    return H_NONE;
}
#endif

/* A fault tells the first byte out of bounds only: the instruction runs once more, checked, and says all. */
__attribute__((noinline, cold)) static TrapCode explain_fault(Exec *x, const FaultFrame *fault)
{
    const CodeUnit *pc = (const CodeUnit *)fault->regs[PC_REGISTER & 31];
    u64 *fp = (u64 *)fault->regs[FP_REGISTER & 31];
    x->pc = pc;
    x->fp = fp;
    x->trap.has_address = true;
    x->trap.address = (u64)(fault->address - x->memory->base);
    x->trap.access_bytes = 0;
    x->trap.memory_bytes = tern_memory_size_bytes(x->memory);
    bool is_frame = (uintptr_t)fp >= (uintptr_t)x->stack && (uintptr_t)fp < (uintptr_t)x->stack_end;
    CodeSet *set = set_of(x->instance);
    if (!is_frame || tern_code_find(x->instance->module->code, &set, pc) == NULL)
        return TRAP_MEMORY_BOUNDS;
    Handler handler = 0;
    while (handler < H_COUNT && token_of(handler) != unit_u32(pc)) handler++;
    Handler twin = handler < H_COUNT ? checked_twin(handler) : H_NONE;
    if (twin == H_NONE) return TRAP_MEMORY_BOUNDS;
    x->is_faulting = true;
    (void)RUN_ALONE(twin, pc, fp, fault->regs[R0_REGISTER & 31], x);
    x->is_faulting = false;
    return TRAP_MEMORY_BOUNDS;
}

static void *func_code(const Instance *instance, u32 func_index)
{
    return (FuncCode *)instance->code + (func_index - instance->module->nimported[EXTERN_FUNC]);
}

static bool attach(Instance *instance, Diag *diag)
{
    ModuleCode *code = tern_code_of(instance->module, token_of);
    CodeMode mode = CODE_CHECKED;
    /* Where ThreadSanitizer watches, accesses are not made by handlers (base/racy.h): faults would be nobody's. */
    if (TERN_FAST && PC_REGISTER >= 0 && !RACY_IS_WATCHED && instance->module->nmemories > 0) {
        const Memory *memory = instance->memories[0];
        if (memory->is_guarded && tern_port_fault_init() &&
            tern_port_fault_add_code((FaultRange){handlers_start, handlers_end}))
            mode = CODE_GUARDED;
    }
    if (instance->store->is_metered) mode |= CODE_METERED;
    if (TERN_METERING && instance->store->engine->options.profiles) mode |= CODE_PROFILED;
    CodeSet *set = code != NULL ? tern_code_set(code, mode) : NULL;
    instance->code = set != NULL ? set->funcs : NULL;
    return set != NULL || tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
}

static bool meter(Instance *instance)
{
    if (instance->code == NULL) return true; /* never attached: nothing of it can run */
    CodeSet *set = tern_code_set(instance->module->code, set_of(instance)->mode | CODE_METERED);
    if (set == NULL) return false;
    instance->code = set->funcs;
    for (u32 i = instance->module->nimported[EXTERN_FUNC]; i < instance->module->nfuncs; i++)
        if (instance->funcs[i] != NULL) instance->funcs[i]->code = func_code(instance, i);
    return true;
}

bool tern_interp_is_guarded(const Instance *instance)
{
    return instance->code != NULL && (set_of(instance)->mode & CODE_GUARDED) != 0;
}

/* Runs where loads and stores may trust a guard: a fault in a handler is a trap. A place to jump back to costs all that
 * is in registers, so there is nothing else in this function. */
__attribute__((noinline)) static TrapCode run_guarded(const CodeUnit *pc, u64 *fp, u8 *mem, Exec *x)
{
    FaultFrame frame; /* the rest is the handler's to fill */
    frame.outer = x->fault_frame;
    if (PORT_SETJMP(frame.jump) == 0) {
        *tern_port_fault_top() = x->fault_frame = &frame;
        TrapCode trap = run(pc, fp, mem, x);
        *tern_port_fault_top() = x->fault_frame = frame.outer;
        return trap;
    }
    FaultFrame *fault = x->fault_frame;
    *tern_port_fault_top() = x->fault_frame = fault->outer;
    return explain_fault(x, fault);
}

/* Whatever the instance's own mode: it may call one whose memory is guarded. */
static inline TrapCode run_here(const CodeUnit *pc, u64 *fp, const Memory *memory, Exec *x)
{
    u8 *mem = memory != NULL ? memory->base : NULL;
    return PC_REGISTER >= 0 ? run_guarded(pc, fp, mem, x) : run(pc, fp, mem, x);
}

/* The activation stopped: goes on at the handlers of exceptions, as long as there are some, and says what it has ended
 * with. */
__attribute__((noinline)) static TrapCode stopped(Exec *x, const Below *below, const FuncInst *func, u64 *slots,
                                                 TrapCode trap)
{
    const CodeUnit *pc;
    u64 *fp;
    while (trap == TRAP_UNCAUGHT_EXCEPTION && TERN_GC && tern_unwind(x, token_of, &pc, &fp)) {
        if (TERN_METERING && UNLIKELY(x->profile != NULL)) tern_profile_unwind(x, fp + 1);
        /* Going to a handler may be a back-edge. */
        trap = TERN_METERING && x->fuel < 0 ? tern_exec_refuel(x) : tern_exec_poll(x);
        if (UNLIKELY(trap != TRAP_NONE)) {
            x->pc = pc;
            x->fp = fp;
            break;
        }
        trap = run_here(pc, fp, x->memory, x);
    }
    if (trap != TRAP_NONE) {
        if (TERN_METERING && UNLIKELY(x->profile != NULL)) tern_profile_unwind(x, slots);
        trap = tern_exec_trap(x, trap);
    }
    return tern_exec_end(x, below, func, slots, trap);
}

static TrapCode call(Exec *x, FuncInst *func, u64 *slots);

/* The same for a function that is to be made ready first, nothing of which has run. */
__attribute__((noinline, cold)) static TrapCode call_first(Exec *x, FuncInst *func, u64 *slots)
{
    Below below;
    tern_exec_begin(x, &below);
    tern_exec_enter(x, func->instance);
    x->pc = NULL;
    x->fp = slots;
    TrapCode trap = prepare(x, func->instance, func->code, slots);
    if (trap != TRAP_NONE) return stopped(x, &below, func, slots, trap);
    tern_exec_put_back(x, &below, slots);
    return call(x, func, slots);
}

static TrapCode call(Exec *x, FuncInst *func, u64 *slots)
{
    const FuncCode *f = func->code;
    if (STACK_LACKS(__atomic_load_n(&f->frame_cells, __ATOMIC_ACQUIRE), slots)) return call_first(x, func, slots);
    Below below;
    tern_exec_begin(x, &below);
    Instance *instance = func->instance;
    tern_exec_enter(x, instance);
    u64 *header = slots + f->header;
    header[0] = (uintptr_t)set_of(instance)->halt;
    header[1] = 0;
    CLEAR_LOCALS(f, slots)
    TrapCode trap = run_here(f->pc, slots, instance->memory0, x);
    if (UNLIKELY(trap != TRAP_NONE)) return stopped(x, &below, func, slots, trap);
    return tern_exec_end(x, &below, func, slots, TRAP_NONE);
}

/* Enough to see what recurses; a guest decides how deep its stack is. */
#define BACKTRACE_MAX_DEPTH 4096

static u32 backtrace(const Exec *x, TrapFrame *frames, u32 max)
{
    u32 n = 0;
    const CodeUnit *pc = x->pc;
    const u64 *fp = x->fp;
    Instance *instance = x->instance;
    const CodeUnit *last_pc = NULL; /* recursion repeats positions: what was found for the last one */
    const FuncCode *f = NULL;
    TrapFrame frame = {0};
    for (bool is_caller = false; pc != NULL && n < BACKTRACE_MAX_DEPTH; is_caller = true) {
        if ((uintptr_t)fp < (uintptr_t)x->stack || (uintptr_t)fp >= (uintptr_t)x->stack_end) break;
        if (pc != last_pc || !is_caller) {
            CodeSet *set = set_of(instance);
            f = tern_code_find(instance->module->code, &set, pc - is_caller);
            if (f == NULL) break;
            u32 index = (u32)(f - set->funcs);
            frame = (TrapFrame){.instance = instance,
                                .func_index = index + instance->module->nimported[EXTERN_FUNC]};
            if (n < max)
                frame.offset = tern_code_offset(instance->module->code, index, set->mode,
                                                (u32)(pc - is_caller - f->pc));
            last_pc = is_caller ? pc : NULL;
        }
        if (n < max) frames[n] = frame;
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

const Tier tern_interp_tier = {.name = "interpreter", .attach = attach, .call = call, .backtrace = backtrace,
                               .meter = TERN_METERING ? meter : NULL, .func_code = func_code};
