/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exec.h - a thread of execution: a stack of cells and what the guest is doing on it.
 *
 * Frames of all tiers lie in one contiguous stack of 8-byte cells. An Exec is used by one host thread at a
 * time; only tern_exec_interrupt may be called from others, or from a signal handler.
 */
#ifndef TERN_RUNTIME_EXEC_H
#define TERN_RUNTIME_EXEC_H

#include "base/racy.h"
#include "runtime/store.h"

typedef struct TrapFrame {
    Instance *instance;
    u32 func_index;
    u32 offset; /* of the instruction in the module's bytes; 0 if unknown */
} TrapFrame;

#define TRAP_MAX_FRAMES 32

/* Native stack that must be left when the guest is entered: for a tier, and for the host functions
 * it calls, which are not asked. */
#if defined(__SANITIZE_ADDRESS__)
#define NATIVE_MARGIN_BYTES (256u << 10)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NATIVE_MARGIN_BYTES (256u << 10)
#endif
#endif
#ifndef NATIVE_MARGIN_BYTES
#define NATIVE_MARGIN_BYTES (64u << 10)
#endif

typedef struct Trap {
    /* What every call clears is in 16 bytes: tern_exec_forget. */
    TrapCode code;
    u32 nframes_all;           /* depth of the stack */
    u32 nframes;               /* recorded, innermost first */
    bool has_address;
    bool has_exit_code;        /* TRAP_EXIT: asked for on this Exec, and not by another of the guest's threads */
    char message[128];         /* a host's own words, or empty */
    u64 address, access_bytes; /* memory traps: the guest address, and how much was touched (0: unknown) */
    u64 memory_bytes;          /* ... and how large the memory was */
    u32 exit_code;             /* TRAP_EXIT: with has_exit_code, what it was asked for with */
    TrapFrame frames[TRAP_MAX_FRAMES];
} Trap;

struct Exec {
    /* Read by every tier's code: keep first. The instance's own are cached here while it runs. */
    u64 *stack_limit;  /* a frame that would end past this asks first; null while an interrupt is pending */
    u32 interrupt;     /* TrapCode asked for, or 0; polled at loop back-edges and calls */
    u32 depth;         /* host-to-guest entries on the native stack */
    u64 memory_size;   /* a lower bound of memory 0's size in bytes; memories never shrink */
    Value *globals;    /* instance->own_globals */
    void *code;        /* instance->code */
    Instance *instance; /* whose code runs, or whose code called the host */
    Memory *memory;    /* memory 0, or NULL */
    /* What metered code pays with, see tern_exec_fuel_set: at hand, and behind that. Less than 0 makes code ask
     * tern_exec_refuel. */
    s64 fuel;
    u64 fuel_reserve;
    bool is_fuel_limited;

    u64 *top;          /* first cell a nested call may use */
    u64 *stack, *stack_end;
    u64 *stack_high;   /* what stack_limit is otherwise: no frame has ended past it; atomic, for tern_exec_resume */
    size_t stack_bytes;
    bool stack_is_vm;  /* from the port's virtual memory, else from the store's allocator */
    struct ProfileStack *profile; /* of profile.h, or NULL: profiled code has not run */
    const void *native_boundary; /* calls that would use native stack below this trap, if the embedder switches
                                  * stacks and said it; or NULL */

    /* Where the innermost frame stopped; the tier's backtrace reads them. */
    const void *pc;
    u64 *fp;
    /* What a fault in the innermost activation jumps to (port.h), or NULL. A host function may have run other guests
     * on this thread, and on other stacks of it, when it returns. */
    struct FaultFrame *fault_frame;
    bool is_faulting;  /* an access that faulted is being looked at: it traps, whatever has grown since */
    /* Between a tier's fast and slow paths. */
    void *callee;
    u64 *callee_slots;

    Store *store;
    TrapCode (*call)(Exec *x, FuncInst *func, u64 *slots); /* the tier's */
    Exec *prev, *next; /* in the store's list */
    void *host_data;   /* the embedder's */
    struct GcLocal *locals; /* references held by the embedder's C functions (gc_heap.h): roots */
    /* Called whenever an outermost call is over: returns what that ends with; results lie at top. And once with
     * func NULL, when the Exec goes. NULL: nothing. */
    TrapCode (*ended)(Exec *x, const FuncInst *func, TrapCode code);
    void *ended_by;    /* its own */
    Ref exception;     /* what TRAP_UNCAUGHT_EXCEPTION is about (exception.h), else null; a root */
    Trap trap;
};

/* A stack of at least size_bytes (0: 1 MiB) where the host has virtual memory it costs only what is
 * touched. NULL: no memory, or the engine has max_execs. */
Exec *tern_exec_new(Store *store, size_t size_bytes);
void tern_exec_free(Exec *x);

/* Calls func with arguments in args cells; results (type->result_cells) are written to results, which may be
 * args. On a trap returns its code with x->trap filled. Nests: host functions may call. */
TrapCode tern_exec_call(Exec *x, FuncInst *func, const u64 *args, u64 *results);

static inline bool tern_exec_room(const Exec *x, u64 cells)
{
    return cells <= (u64)(x->stack_end - x->top);
}

/* No instance any more, as before the outermost call. */
static inline void tern_exec_leave(Exec *x)
{
    x->instance = NULL;
    x->globals = NULL;
    x->code = NULL;
    x->memory = NULL;
    x->memory_size = 0;
}

/* Makes the guest stop with code (TRAP_INTERRUPTED, ...) at its next back-edge or call, or the next call made
 * to stop at once. Async-signal-safe. */
void tern_exec_interrupt(Exec *x, TrapCode code);
/* Takes it back: calls run again. */
void tern_exec_resume(Exec *x);

/* The interrupt asked for, or TRAP_NONE, in which case stack_limit is in force. For the slow path of a call. */
TrapCode tern_exec_poll(Exec *x);

/* For the same slow path: a frame will end there, which is inside the stack. Frames that end a little past it do not
 * ask again, so an Exec asks about 256 times in its life, however it is used. */
void tern_exec_note_frame(Exec *x, const u64 *end);
/* Most bytes of the stack that were in use at once, rounded up by at most 1/256 of it or 512 bytes. */
size_t tern_exec_stack_peak(const Exec *x);

/* Fuel: how much the guest may still execute, one unit for an instruction of WebAssembly, and none for those that
 * are structure only (block, loop, try, else, catch, end, nop). Bulk instructions cost one more for every 64 bytes or
 * 8 elements, before they do anything; a call one for every 8 cells of locals that are no parameters; branches and
 * returns one for every 16 operands they take along, taken or not; struct.new_default one for every 16 fields; catching
 * an exception one for every 16 of its cells, of the tries it was looked for in, and of their clauses. Code pays in
 * advance for all it will execute up to the next branch, so what a trap or an exception keeps from being executed is
 * paid for, and host functions see paid what their caller does up to there. When it cannot pay, the guest stops there
 * with TRAP_FUEL and nothing is left; once there is fuel again, calls work as before. The same calls use the same fuel
 * in every build and on every machine.
 *
 * The first call for a store switches its instances, and all to come, to code that pays: a few per cent slower, and
 * made on first call once more. It may come from a host function: activations below it go on without paying, up
 * to the calls they make. Interrupts are noticed within FUEL_QUANTUM units then.
 * False, and nothing has changed for the guest: no memory, or a tier that cannot. */
bool tern_exec_fuel_set(Exec *x, u64 units);
/* Takes the limit away. Code that pays stays. */
void tern_exec_fuel_unlimit(Exec *x);
/* UINT64_MAX: there is no limit. */
u64 tern_exec_fuel_left(const Exec *x);

/* For code that found x->fuel below 0: TRAP_NONE after which it is not, TRAP_FUEL, or the interrupt asked for. */
TrapCode tern_exec_refuel(Exec *x);
#define FUEL_QUANTUM 50000

/* Caches instance in x: every tier calls this when it changes. */
static inline void tern_exec_enter(Exec *x, Instance *instance)
{
    x->instance = instance;
    x->globals = instance->own_globals;
    x->code = instance->code;
    x->memory = instance->memory0;
    x->memory_size = x->memory != NULL ? __atomic_load_n(&x->memory->size_bytes, __ATOMIC_ACQUIRE) : 0;
}

/* What is in x->trap when the host calls has been seen or swallowed by that host. */
static inline void tern_exec_forget(Exec *x)
{
    _Static_assert(offsetof(Trap, message) < 16, "what is forgotten");
    x->exception = REF_NULL;
    memset(&x->trap, 0, 16);
}

/* For tern_exec_call_in_place, if something may forbid the call, or it is of a host function. */
TrapCode tern_exec_call_checked(Exec *x, FuncInst *func);

/* As tern_exec_call with arguments already at x->top, where the results are left. The caller has checked
 * with tern_exec_room that there is room. The native stack is looked at every time, as an Exec may go from thread to
 * thread and from stack to stack. */
static inline TrapCode tern_exec_call_in_place(Exec *x, FuncInst *func)
{
    bool is_usual = !RACY_IS_WATCHED && func->instance != NULL && x->native_boundary == NULL &&
                    __atomic_load_n(&x->interrupt, __ATOMIC_RELAXED) == 0 &&
                    tern_port_stack_has(tern_port_here(), NATIVE_MARGIN_BYTES);
    tern_exec_forget(x);
    return LIKELY(is_usual) ? x->call(x, func, x->top) : tern_exec_call_checked(x, func);
}

/* What belongs to whoever is below an entry, besides the top of the stack, where the arguments are. */
typedef struct Below {
    const void *pc;
    u64 *fp;
    Instance *instance;
} Below;

/* Around everything that runs on behalf of a call: notes what belongs to whoever is below, and puts it back. */
static inline void tern_exec_begin(Exec *x, Below *below)
{
    *below = (Below){x->pc, x->fp, x->instance};
    x->depth++;
}

static inline void tern_exec_put_back(Exec *x, const Below *below, u64 *slots)
{
    x->depth--;
    x->top = slots;
    x->pc = below->pc;
    x->fp = below->fp;
    if (below->instance != NULL) tern_exec_enter(x, below->instance);
    else tern_exec_leave(x);
}

/* What the call of func ends with, which is code unless somebody waits for the outermost one to be over. */
static inline TrapCode tern_exec_end(Exec *x, const Below *below, const FuncInst *func, u64 *slots, TrapCode code)
{
    tern_exec_put_back(x, below, slots);
    return UNLIKELY(x->ended != NULL) && below->instance == NULL && x->depth == 0 ? x->ended(x, func, code) : code;
}

/* Fills x->trap from the tier's backtrace and returns code, for TrapCode-returning callers. Calling it again
 * for the same code changes nothing, so whoever passes a trap on may call it; therefore a tier sets
 * x->trap.code to TRAP_NONE when a host function returns without one, which may have swallowed a nested call's.
 * Whoever knows the address of a memory trap says so first with tern_exec_trap_address. */
TrapCode tern_exec_trap(Exec *x, TrapCode code);

/* Says where a memory trap about to be raised happened. Always returns TRAP_MEMORY_BOUNDS. */
TrapCode tern_exec_trap_address(Exec *x, const Memory *memory, u64 address, u64 access_bytes);

/* "out of bounds memory access: 4 bytes at address 0x10004, memory size 65536 (function 3 <fac>, offset
 * 0x1f3)". Always NUL-terminates when size > 0. */
int tern_trap_format(const Trap *trap, char *buf, size_t size);

#endif
