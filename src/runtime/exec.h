/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exec.h - a thread of execution: a stack of cells and what the guest is doing on it.
 *
 * Frames of all tiers lie in one contiguous stack of 8-byte cells. An Exec is used by one host thread at a
 * time; only tern_exec_interrupt may be called from others, or from a signal handler.
 */
#ifndef TERN_RUNTIME_EXEC_H
#define TERN_RUNTIME_EXEC_H

#include "runtime/store.h"

typedef struct TrapFrame {
    Instance *instance;
    u32 func_index;
    u32 offset; /* of the instruction in the module's bytes; 0 if unknown */
} TrapFrame;

#define TRAP_MAX_FRAMES 32

typedef struct Trap {
    TrapCode code;
    bool has_address;
    u64 address, access_bytes; /* memory traps: the guest address, and how much was touched (0: unknown) */
    u64 memory_bytes;          /* ... and how large the memory was */
    u32 nframes_all;           /* depth of the stack */
    u32 nframes;               /* recorded, innermost first */
    TrapFrame frames[TRAP_MAX_FRAMES];
    char message[128];         /* a host's own words, or empty */
} Trap;

struct Exec {
    /* Read by every tier's code: keep first. The instance's own are cached here while it runs. */
    u64 *stack_limit;  /* a frame may not end past this; null while an interrupt is pending */
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
    size_t stack_bytes;
    bool stack_is_vm;  /* from the port's virtual memory, else from the store's allocator */
    const void *native_limit; /* calls that would use native stack below this trap */
    struct ProfileStack *profile; /* of profile.h, or NULL: profiled code has not run */
    const void *native_boundary; /* what that is, if the embedder switches stacks and said it; or NULL */

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
 * touched. NULL: no memory. */
Exec *tern_exec_new(Store *store, size_t size_bytes);
void tern_exec_free(Exec *x);

/* Calls func with arguments in args cells; results (type->result_cells) are written to results, which may be
 * args. On a trap returns its code with x->trap filled. Nests: host functions may call. */
TrapCode tern_exec_call(Exec *x, FuncInst *func, const u64 *args, u64 *results);

/* As tern_exec_call with arguments already at x->top, where the results are left. The caller has checked
 * with tern_exec_room that there is room. */
TrapCode tern_exec_call_in_place(Exec *x, FuncInst *func);
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

/* Fuel: how much the guest may still execute, one unit for an instruction of WebAssembly, and none for those that
 * are structure only (block, loop, try, else, catch, end, nop). Bulk instructions cost one more for every 64 bytes or
 * 8 elements, before they do anything; a call one for every 8 cells of locals that are no parameters. Code pays in
 * advance for all it will execute up to the next branch, so what a trap or an exception keeps from being executed is
 * paid for, and host functions see paid what their caller does up to there. When it cannot pay, the guest stops there with TRAP_FUEL and nothing is left; once there is fuel
 * again, calls work as before. The same calls use the same fuel in every build and on every machine.
 *
 * The first call for a store switches its instances, and all to come, to code that pays: a few per cent slower, and
 * made on first call once more. It may come from a host function: activations below it go on without paying, up
 * to the calls they make. Interrupts are noticed within FUEL_QUANTUM instructions then.
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
