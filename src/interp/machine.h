/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* machine.h - what the handlers of code/handlers.def mean to the interpreter.
 *
 * Each handler is a function that ends in a tail call of the next, with the machine's state in argument
 * registers; or, where the compiler gives no such promise (gcc without optimisation, sanitizers), returns to a
 * loop that calls the next, with the state in memory: one switch of all would take compilers minutes. Slow paths are handlers too, so that fast ones need no stack frame.
 */
#ifndef TERN_INTERP_MACHINE_H
#define TERN_INTERP_MACHINE_H

#include "base/racy.h"
#include "code/code.h"
#include "ops/simd.h"
#include "runtime/builtins.h"
#include "runtime/gc_heap.h"
#include "runtime/guest_range.h"

#ifndef __has_attribute
#define __has_attribute(x) 0
#endif
#ifndef __has_feature
#define __has_feature(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define INTERP_SANITIZED 1
#else
#define INTERP_SANITIZED 0
#endif

/* TERN_INTERP_LOOP may be defined to test the fallback. */
#if !defined(TERN_INTERP_LOOP)
#if __has_attribute(musttail) && !INTERP_SANITIZED
#define TERN_INTERP_LOOP 0
#define MUSTTAIL __attribute__((musttail))
#elif defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !INTERP_SANITIZED
#define TERN_INTERP_LOOP 0 /* sibling calls: tested by running deep */
#define MUSTTAIL
#else
#define TERN_INTERP_LOOP 1
#endif
#endif

#if __has_attribute(preserve_none) && (defined(__x86_64__) || defined(__aarch64__))
#define HANDLER_CC __attribute__((preserve_none))
#else
#define HANDLER_CC
#endif

/* Handlers lie together, so that a fault can be told to be theirs. */
#define HANDLER_SECTION __attribute__((section("tern_interp")))

/* The machine's state. r0 is fourth: a shift count has to be in rcx on x86-64. */
#define HAS_ACCUMULATORS (TERN_FAST || TERN_INTERP_LOOP)
#if HAS_ACCUMULATORS
#define STATE_PARAMS const CodeUnit *pc, u64 *fp, u8 *mem, u64 r0, Exec *x, f64 f0, f32 f1, t_v128 v0
#define STATE pc, fp, mem, r0, x, f0, f1, v0
#define STATE_START(r0) r0, x, 0, 0, (t_v128){0}
#define HANDLERS_BASE ((uintptr_t)handler_NONE)
#define FORGET_R0()
#else
/* Nobody reads them: r0 is what a slow path is told, and else whatever is in its register. */
#define STATE_PARAMS const CodeUnit *pc, u64 *fp, u8 *mem, u64 r0, Exec *x, uintptr_t base
#define STATE pc, fp, mem, r0, x, base
#define STATE_START(r0) r0, x, (uintptr_t)handler_NONE
#define HANDLERS_BASE base
#define FORGET_R0() __asm__("" : "=r"(r0))
#endif

/* --- operands ------------------------------------------------------------------------------------- */

static inline u32 unit_u32(const CodeUnit *p)
{
    u32 v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline u64 unit_u64(const CodeUnit *p)
{
    u64 v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline f32 cell_f32(const u64 *cell)
{
    f32 v;
    memcpy(&v, (const u8 *)cell + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0), sizeof v);
    return v;
}
static inline f64 cell_f64(const u64 *cell)
{
    f64 v;
    memcpy(&v, cell, sizeof v);
    return v;
}
static inline t_v128 cell_v128(const u64 *cell)
{
    t_v128 v;
    memcpy(&v, cell, sizeof v);
    return v;
}
static inline u64 bits_of_f32(f32 v)
{
    u32 bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}
static inline u64 bits_of_f64(f64 v)
{
    u64 bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

enum { TOKEN_UNITS = 2 };
#define AT(k) (pc + TOKEN_UNITS + (k))
#define U16(k) (*AT(k))
#define U32(k) unit_u32(AT(k))
#define S32(k) ((s32)unit_u32(AT(k)))
#define U64(k) unit_u64(AT(k))
#define CELL(i) fp[i]
#define HALF_CELL(i) unit_u32((const CodeUnit *)fp + 2 * (size_t)(i))
#define CELLS(p) cell_v128(p)
#define CELLS_SET(p, v) { t_v128 v_ = (v); memcpy((p), &v_, sizeof v_); }

#define GET_i32(k) ((u32)fp[U16(k)])
#define GET_i64(k) (fp[U16(k)])
#define GET_f32(k) cell_f32(&fp[U16(k)])
#define GET_f64(k) cell_f64(&fp[U16(k)])
#define GET_v128(k) cell_v128(&fp[U16(k)])
#define ACC_i32 ((u32)r0)
#define ACC_i64 (r0)
#define ACC_f32 (f1)
#define ACC_f64 (f0)
#define ACC_v128 (v0)
#if HAS_ACCUMULATORS
#define SET_i32(v) (r0 = (u64)(u32)(v))
#define SET_i64(v) (r0 = (v))
#define SET_f32(v) (f1 = (v))
#define SET_f64(v) (f0 = (v))
#define SET_v128(v) (v0 = (v))
#define PUT_i32(k, v) (r0 = (u64)(u32)(v), fp[U16(k)] = r0)
#define PUT_i64(k, v) (r0 = (v), fp[U16(k)] = r0)
#define PUT_f32(k, v) (f1 = (v), fp[U16(k)] = bits_of_f32(f1))
#define PUT_f64(k, v) (f0 = (v), (void)memcpy(&fp[U16(k)], &f0, sizeof f0))
#define PUT_v128(k, v) (v0 = (v), (void)memcpy(&fp[U16(k)], &v0, sizeof v0))
#else
#define SET_i64(v) ((void)(v))
#define SET_f32(v) ((void)(v))
#define SET_f64(v) ((void)(v))
#define SET_v128(v) ((void)(v))
#define PUT_i32(k, v) (fp[U16(k)] = (u64)(u32)(v))
#define PUT_i64(k, v) (fp[U16(k)] = (u64)(v))
#define PUT_f32(k, v) (fp[U16(k)] = bits_of_f32(v))
#define PUT_f64(k, v) (fp[U16(k)] = bits_of_f64(v))
#define PUT_v128(k, v) { t_v128 put_ = (v); memcpy(&fp[U16(k)], &put_, sizeof put_); }
#endif
#define IMM_i32(k) U32(k)
#define IMM_i64(k) ((u64)(s64)S32(k))
#define IMM_f32(k) num_f32_of_bits(U32(k))
#define IMM_f64(k) num_f64_of_bits(U64(k))
#define IMM_v128(k) ({ t_v128 v_; memcpy(&v_, AT(k), sizeof v_); v_; })

/* --- going on ------------------------------------------------------------------------------------- */

#if TERN_INTERP_LOOP
typedef struct State {
    const CodeUnit *pc;
    u64 *fp;
    u8 *mem;
    u64 r0;
    Exec *x;
    f64 f0;
    f32 f1;
    t_v128 v0;
} State;
typedef TrapCode HandlerFunc(State *state_);
#define HANDLER_FUNC(name) static TrapCode name(State *state_)
#define HANDLER_BEGIN \
    const CodeUnit *pc = state_->pc; \
    u64 *fp = state_->fp; \
    u8 *mem = state_->mem; \
    u64 r0 = state_->r0; \
    Exec *x = state_->x; \
    f64 f0 = state_->f0; \
    f32 f1 = state_->f1; \
    t_v128 v0 = state_->v0;
/* No trap: the loop goes on. */
#define TRAP_DISPATCH TRAP_COUNT
#define DISPATCH() { *state_ = (State){STATE}; return TRAP_DISPATCH; }
#define DISPATCH_APART(way) DISPATCH()
#define GOTO(slow) { *state_ = (State){STATE}; return slow(state_); }
#else
typedef HANDLER_CC TrapCode HandlerFunc(STATE_PARAMS);
#define HANDLER_FUNC(name) HANDLER_CC HANDLER_SECTION static TrapCode name(STATE_PARAMS)
#define HANDLER_BEGIN
HANDLER_FUNC(handler_NONE);
#define DISPATCH() \
    { \
        FORGET_R0(); \
        MUSTTAIL return ((HandlerFunc *)(HANDLERS_BASE + (uintptr_t)(s64)(s32)unit_u32(pc)))(STATE); \
    }
/* The same, not to be joined by the compiler with that of another way: each is predicted by itself. */
#define DISPATCH_APART(way) \
    { \
        FORGET_R0(); \
        HandlerFunc *next_ = (HandlerFunc *)(HANDLERS_BASE + (uintptr_t)(s64)(s32)unit_u32(pc)); \
        __asm__ volatile("" : "+r"(next_) : "i"(way)); \
        MUSTTAIL return next_(STATE); \
    }
#define GOTO(slow) MUSTTAIL return slow(STATE)
#endif

#define NEXT(n) { pc += TOKEN_UNITS + (n); DISPATCH(); }
#define IS_INTERRUPTED() UNLIKELY(__atomic_load_n(&x->interrupt, __ATOMIC_RELAXED) != 0)
#define JUMP(k) { s32 to = S32(k); if (IS_INTERRUPTED()) GOTO(slow_interrupt); pc += to; DISPATCH(); }
#define BRANCH(c, k, n) { if (c) JUMP(k) NEXT(n) }
/* Code that pays looks for interrupts when what is at hand of its fuel is used up (runtime/exec.h). */
#define PAY(cost, n) PAY_APART(cost, n, 0)
#define PAY_APART(cost, n, way) \
    { \
        s64 cost_ = (s64)(cost); \
        pc += (n); \
        if (UNLIKELY((x->fuel -= cost_) < 0)) GOTO(slow_fuel); \
        DISPATCH_APART(way) \
    }
#define JUMP_PAID(k) PAY(U16((k) + 2), S32(k))
#define BRANCH_PAID(c, k, n) \
    { \
        if (c) JUMP_PAID(k) \
        PAY_APART(U16((k) + 3), TOKEN_UNITS + (n) + 2, 1) \
    }
#define STOP(code) { x->pc = pc; x->fp = fp; return (code); }
#define RAISE(code) STOP(code)

/* --- memory --------------------------------------------------------------------------------------- */

#define LOAD_FROM(M, p) ({ M v_; racy_copy(&v_, (p), sizeof v_); v_; })
/* One instruction, whatever the width: a store that faults at the end of a memory has written nothing. */
#if RACY_IS_WATCHED
#define STORE_TO(M, p, v) { M v_ = (v); racy_copy((p), &v_, sizeof v_); }
#else
#define STORE_TO(M, p, v) \
    { typedef struct __attribute__((packed, may_alias)) { M field; } Unaligned_; ((Unaligned_ *)(p))->field = (v); }
#endif
#define LOAD_AT(M, ea) LOAD_FROM(M, mem + (ea))
#define STORE_AT(M, ea, v) STORE_TO(M, mem + (ea), v)
#if HAS_ACCUMULATORS
#define TELL_BOUND(ea, n) (x->trap.address = (ea), x->trap.access_bytes = (n))
#define TAKE_BOUND()
#else /* in registers: the slow path loads mem anew */
#define TELL_BOUND(ea, n) (r0 = (ea), mem = (u8 *)(uintptr_t)(n))
#define TAKE_BOUND() (x->trap.address = r0, x->trap.access_bytes = (uintptr_t)mem)
#endif
#define CHECK_BOUND(ea, n) \
    if (UNLIKELY((ea) + (n) > x->memory_size)) { \
        TELL_BOUND(ea, n); \
        GOTO(slow_memory); \
    } (void)0
/* pc does not move before the access is done, so that a fault is told to be this instruction's. They and r0
 * are wanted in the registers they came in, where a fault looks for them: gcc would take those for operands. */
#if defined(__x86_64__) && !__has_attribute(preserve_none)
#define GUARDED_ACCESS() __asm__ volatile("" : "+D"(pc), "+S"(fp), "+c"(r0) : : "memory")
#elif defined(__aarch64__) && !__has_attribute(preserve_none)
#define GUARDED_ACCESS() \
    { \
        register const CodeUnit *pc_ __asm__("x0") = pc; \
        register u64 *fp_ __asm__("x1") = fp; \
        register u64 r0_ __asm__("x3") = r0; \
        __asm__ volatile("" : "+r"(pc_), "+r"(fp_), "+r"(r0_) : : "memory"); \
        pc = pc_; \
        fp = fp_; \
        r0 = r0_; \
    }
#else
#define GUARDED_ACCESS() __asm__ volatile("" : "+r"(pc), "+r"(fp), "+r"(r0) : : "memory")
#endif
/* The same in front of an access whose address is computed in r0's register: a shift's count is there on x86-64. */
#define GUARDED_AT(ea) { __asm__ volatile("" : "+r"(ea)); GUARDED_ACCESS(); } (void)0
#define ANY_MEMORY(index, addr, offset, n) any_memory(x, index, addr, offset, n)

/* The alignment first, as no bound changes it. */
#define CHECK_ATOMIC(ea, n) \
    if (UNLIKELY(((ea) & ((n) - 1)) != 0)) { \
        x->trap.address = (ea); \
        x->trap.access_bytes = (n); \
        GOTO(slow_unaligned); \
    } \
    CHECK_BOUND(ea, n)
#define ATOMIC_AT(M, ea) ((M *)(void *)(mem + (ea)))
#define ANY_ATOMIC(index, addr, offset, n) any_atomic(x, index, addr, offset, n)
#define ATOMIC_TRAP(n) ((x->trap.address & ((n) - 1)) != 0 ? TRAP_UNALIGNED_ATOMIC : TRAP_MEMORY_BOUNDS)
#define CMPXCHG(M, p, expected, value) \
    ({ \
        M old_ = (expected); \
        __atomic_compare_exchange_n((p), &old_, (value), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        old_; \
    })
#if RACY_IS_WATCHED /* ThreadSanitizer knows no fences */
#define FENCE() { u32 here_ = 0; __atomic_fetch_add(&here_, 1, __ATOMIC_SEQ_CST); }
#else
#define FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#define RELOAD_MEMORY() (mem = x->memory != NULL ? x->memory->base : mem)

/* --- references ----------------------------------------------------------------------------------- */

/* The commonest answer without a call. Concrete types name functions or objects, whose id is in one place. */
_Static_assert(offsetof(FuncInst, type_id) == 0 && offsetof(GcObject, type_id) == 0, "the id comes first");
static inline bool ref_has_type(const Exec *x, Ref ref, ValType t)
{
    if (LIKELY(vt_is_concrete(t) && ref_is_object(ref)) && LIKELY(ref_object(ref)->type_id == vt_heap(t)))
        return true;
    return tern_ref_matches(x->store, ref, t);
}
static inline bool ref_has_descriptor(Ref ref, Ref descriptor, bool null_passes)
{
    if (ref == REF_NULL) return null_passes;
    return ref_is_object(ref) && ref_object(ref)->kind == GC_STRUCT && ref_object(ref)->descriptor == descriptor;
}
#define REF_MATCHES(ref, t) ref_has_type(x, ref, t)
#define DESC_MATCHES(ref, desc, null_passes) ref_has_descriptor(ref, desc, (null_passes) != 0)

/* --- calls ---------------------------------------------------------------------------------------- */

#define STACK_LACKS(cells, from) \
    UNLIKELY((s64)(cells) * 8 > (s64)((uintptr_t)__atomic_load_n(&x->stack_limit, __ATOMIC_RELAXED) - \
                                      (uintptr_t)(from)))
/* Four cells whatever is asked for, so that the processor has nothing to foresee: frames have room for them. The
 * compiler must not make a call of memset out of this. */
_Static_assert(CLEARED_CELLS == 4, "what is cleared at once");
#define CLEAR_LOCALS(f, frame) \
    { \
        u64 *z_ = (frame) + (f)->zero_from; \
        t_v128 zero_ = {0}; \
        memcpy(z_, &zero_, sizeof zero_); \
        memcpy(z_ + 2, &zero_, sizeof zero_); \
        z_ += 4; \
        for (s32 n_ = (s32)(f)->zero_cells - 4; UNLIKELY(n_ > 0); n_--) { \
            *z_++ = 0; \
            __asm__ volatile("" : "+r"(z_)); \
        } \
    }
#define ENTER(f, frame, n) ENTER_AND(f, frame, n, { pc = f_->pc; DISPATCH(); })
/* Pays instead of the callee's first instruction, FUEL. */
#define ENTER_PAID(f, frame, n) ENTER_AND(f, frame, n, { pc = f_->pc; PAY(U16(0), TOKEN_UNITS + 1) })
#define ENTER_AND(f, frame, n, ...) ENTER_FROM(f, frame, pc + TOKEN_UNITS + (n), __VA_ARGS__)
#define ENTER_FROM(f, frame, ret, ...) \
    { \
        const FuncCode *f_ = (f); \
        u64 *nf_ = (frame); \
        if (STACK_LACKS(__atomic_load_n(&f_->frame_cells, __ATOMIC_ACQUIRE), nf_)) { \
            x->callee = (void *)(uintptr_t)f_; \
            x->callee_slots = nf_; \
            GOTO(slow_enter); \
        } \
        u64 *h_ = nf_ + f_->header; \
        h_[0] = (uintptr_t)(ret); \
        h_[1] = (uintptr_t)fp; \
        CLEAR_LOCALS(f_, nf_) \
        fp = nf_; \
        __VA_ARGS__ \
    }
/* The rest in enter_call, which is given the callee in r0, where to return to in pc, and in x where the call is and
 * where the arguments are. */
#define CALL_FUNC(func, frame, n) CALL_BY(ENTER, func, frame, n)
#define CALL_FUNC_PAID(func, frame, n) CALL_BY(ENTER_PAID, func, frame, n)
#define CALL_BY(ENTER_FUNC, func, frame, n) \
    { \
        FuncInst *fn_ = (func); \
        u64 *slots_ = (frame); \
        if (TERN_FAST && LIKELY(fn_->instance == x->instance)) \
            ENTER_FUNC((const FuncCode *)fn_->code, slots_, n) \
        x->pc = pc; \
        pc += TOKEN_UNITS + (n); \
        x->callee_slots = slots_; \
        r0 = (uintptr_t)fn_; \
        GOTO(enter_call); \
    }
#define TAIL_ENTER(f, args, header_cell) \
    { \
        const FuncCode *f_ = (f); \
        const u64 *args_ = (args); \
        if (STACK_LACKS(__atomic_load_n(&f_->frame_cells, __ATOMIC_ACQUIRE), fp)) { \
            x->callee = (void *)(uintptr_t)f_; \
            x->callee_slots = fp; \
            GOTO(slow_enter); \
        } \
        u64 ret_ = fp[header_cell], caller_ = fp[(header_cell) + 1]; \
        for (u32 i_ = 0, n_ = f_->arg_cells; i_ < n_; i_++) { \
            fp[i_] = args_[i_]; \
            __asm__ volatile("" : "+r"(args_)); \
        } \
        fp[f_->header] = ret_; \
        fp[f_->header + 1] = caller_; \
        CLEAR_LOCALS(f_, fp) \
        pc = f_->pc; \
        if (IS_INTERRUPTED()) GOTO(slow_interrupt); \
        DISPATCH(); \
    }
#define TAIL_CALL_FUNC(func, args, header_cell) \
    { \
        FuncInst *fn_ = (func); \
        u64 *slots_ = (args); \
        if (LIKELY(fn_->instance == x->instance)) \
            TAIL_ENTER((const FuncCode *)fn_->code, slots_, header_cell) \
        x->callee = fn_; \
        x->callee_slots = slots_; \
        r0 = (header_cell); \
        GOTO(slow_tail_call); \
    }
#define LEAVE(header_cell) \
    { \
        u64 *h_ = fp + (header_cell); \
        pc = (const CodeUnit *)(uintptr_t)h_[0]; \
        fp = (u64 *)(uintptr_t)h_[1]; \
        DISPATCH(); \
    }
/* The function if it is there and of exactly that type, else NULL for the slow path to look closer. */
#define INDIRECT(table, i, type_id) indirect(x, table, i, type_id)
#define CALL_BUILTIN(b, slots, imm1, imm2, n) \
    { \
        x->pc = pc; \
        x->fp = fp; \
        TrapCode trap_ = tern_builtin_info[b].func(x, slots, imm1, imm2); \
        if (UNLIKELY(trap_ != TRAP_NONE)) return trap_; \
        RELOAD_MEMORY(); \
        NEXT(n) \
    }
#define HALT_HERE() return TRAP_NONE
#define CROSS_RETURN_HERE() GOTO(slow_cross_return)

#endif
