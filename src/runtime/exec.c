/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exec.c - entering the guest from the host, and saying why it stopped.
 *
 * An entry saves what belongs to whoever is below it (instance, position, first free cell) and
 * puts it back, so that after a nested call everything is as before, except that memory 0 may have
 * grown.
 */
#include "runtime/exec.h"

#include "base/text.h"
#include "runtime/profile.h"

#define DEFAULT_STACK_BYTES ((size_t)1 << 20)

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

/* Less than a call of a function not yet lowered seems to need (code/code.h). */
#define MAX_STACK_BYTES ((size_t)1 << (sizeof(size_t) == 8 ? 32 : 30))

/* Where the native stack's end is unknown. */
#define BLIND_DEPTH_LIMIT 200u

/* A kept stack of exactly that size, or NULL. */
static u64 *take_stack(StackPool *pool, size_t bytes)
{
    u64 *stack = NULL;
    tern_port_mutex_lock(&pool->lock);
    for (u32 i = pool->n; stack == NULL && i-- > 0;) {
        if (pool->kept[i].bytes != bytes) continue;
        stack = pool->kept[i].stack;
        pool->kept[i] = pool->kept[--pool->n];
    }
    tern_port_mutex_unlock(&pool->lock);
    return stack;
}

static bool keep_stack(StackPool *pool, u64 *stack, size_t bytes)
{
    if (bytes > STACK_POOL_MAX_BYTES) return false;
    tern_port_mutex_lock(&pool->lock);
    bool has_room = pool->n < STACK_POOL_STACKS;
    if (has_room) {
        pool->kept[pool->n].stack = stack;
        pool->kept[pool->n++].bytes = bytes;
    }
    tern_port_mutex_unlock(&pool->lock);
    return has_room;
}

Exec *tern_exec_new(Store *store, size_t size_bytes)
{
    size_t page = tern_port_page_size();
    if (size_bytes == 0) size_bytes = DEFAULT_STACK_BYTES;
    if (size_bytes > MAX_STACK_BYTES) return NULL;
    size_bytes = (size_bytes + page - 1) / page * page;

    Exec *x = tern_alloc_zeroed(store->alloc, 1, sizeof *x);
    if (x == NULL) return NULL;
    x->stack = take_stack(&store->engine->stacks, size_bytes);
    bool is_fresh = x->stack == NULL;
    if (is_fresh) x->stack = tern_port_vm_reserve(size_bytes);
    x->stack_is_vm = x->stack != NULL;
    if (is_fresh && x->stack_is_vm && !tern_port_vm_commit(x->stack, size_bytes)) {
        tern_port_vm_release(x->stack, size_bytes);
        x->stack = NULL;
        x->stack_is_vm = false;
    }
    if (x->stack == NULL) x->stack = tern_alloc(store->alloc, size_bytes);
    if (x->stack == NULL) {
        tern_free(store->alloc, x, sizeof *x);
        return NULL;
    }
    x->stack_bytes = size_bytes;
    x->stack_end = x->stack + size_bytes / sizeof(u64);
    x->stack_limit = x->stack_end;
    x->top = x->stack;
    x->store = store;
    tern_port_mutex_lock(&store->execs_lock);
    x->next = store->execs;
    if (x->next != NULL) x->next->prev = x;
    store->execs = x;
    tern_port_mutex_unlock(&store->execs_lock);
    return x;
}

void tern_exec_free(Exec *x)
{
    if (x == NULL) return;
    if (x->ended != NULL) (void)x->ended(x, NULL, TRAP_NONE);
    tern_profile_free(x);
    tern_port_mutex_lock(&x->store->execs_lock);
    if (x->next != NULL) x->next->prev = x->prev;
    if (x->prev != NULL) {
        x->prev->next = x->next;
    } else {
        x->store->execs = x->next;
    }
    tern_port_mutex_unlock(&x->store->execs_lock);
    if (x->stack_is_vm) {
        if (!keep_stack(&x->store->engine->stacks, x->stack, x->stack_bytes))
            tern_port_vm_release(x->stack, x->stack_bytes);
    } else {
        tern_free(x->store->alloc, x->stack, x->stack_bytes);
    }
    tern_free(x->store->alloc, x, sizeof *x);
}

/* --- calls ------------------------------------------------------------------------------------ */

static u32 call_cells(const FuncType *type)
{
    return type->param_cells > type->result_cells ? type->param_cells : type->result_cells;
}

/* Recomputed at every outermost entry, as an Exec may go from thread to thread. */
static const void *native_limit(const Exec *x)
{
    if (UNLIKELY(x->native_boundary != NULL)) return x->native_boundary;
    const char *bottom = tern_port_stack_bottom();
    return bottom != NULL ? bottom + NATIVE_MARGIN_BYTES : NULL;
}

static TrapCode may_enter(const Exec *x)
{
    u32 asked = __atomic_load_n(&x->interrupt, __ATOMIC_RELAXED);
    if (UNLIKELY(asked != 0)) return (TrapCode)asked;
    if (x->native_limit == NULL)
        return x->depth < BLIND_DEPTH_LIMIT ? TRAP_NONE : TRAP_NATIVE_STACK_EXHAUSTED;
    bool has_room = (uintptr_t)__builtin_frame_address(0) > (uintptr_t)x->native_limit;
    return has_room ? TRAP_NONE : TRAP_NATIVE_STACK_EXHAUSTED;
}

static TrapCode call_host(Exec *x, FuncInst *func, u64 *slots)
{
    x->top = slots + call_cells(func->type);
    TrapCode code = func->host(x, func->env, slots);
    if (code != TRAP_NONE) return tern_exec_trap(x, code);
    x->trap.code = TRAP_NONE;
    return TRAP_NONE;
}

/* What is in x->trap when the host calls has been seen or swallowed by that host. */
static void forget_trap(Exec *x)
{
    x->exception = REF_NULL;
    x->trap.code = TRAP_NONE;
    x->trap.has_address = false;
    x->trap.nframes = x->trap.nframes_all = 0;
    x->trap.message[0] = '\0';
}

static TrapCode over(Exec *x, const FuncInst *func, TrapCode code)
{
    return UNLIKELY(x->ended != NULL) && x->depth == 0 && x->instance == NULL ? x->ended(x, func, code) : code;
}

TrapCode tern_exec_call_in_place(Exec *x, FuncInst *func)
{
    if (x->depth == 0) x->native_limit = native_limit(x);
    forget_trap(x);
    TrapCode code = may_enter(x);
    if (UNLIKELY(code != TRAP_NONE)) return over(x, func, tern_exec_trap(x, code));

    Instance *instance = x->instance;
    const void *pc = x->pc;
    u64 *fp = x->fp, *top = x->top;
    x->depth++;
    if (func->host != NULL) {
        code = call_host(x, func, top);
    } else {
        code = x->store->engine->options.tier->call(x, func, top);
    }
    x->depth--;
    x->top = top;
    x->pc = pc;
    x->fp = fp;
    if (instance != NULL) {
        tern_exec_enter(x, instance);
        return code;
    }
    tern_exec_leave(x);
    return over(x, func, code);
}

TrapCode tern_exec_call(Exec *x, FuncInst *func, const u64 *args, u64 *results)
{
    const FuncType *type = func->type;
    if (!tern_exec_room(x, call_cells(type))) {
        forget_trap(x);
        return tern_exec_trap(x, TRAP_STACK_EXHAUSTED);
    }
    if (type->param_cells > 0) memmove(x->top, args, type->param_cells * sizeof(u64));
    TrapCode code = tern_exec_call_in_place(x, func);
    if (code == TRAP_NONE && type->result_cells > 0) {
        memmove(results, x->top, type->result_cells * sizeof(u64));
    }
    return code;
}

/* --- interrupts ------------------------------------------------------------------------------- */

void tern_exec_interrupt(Exec *x, TrapCode code)
{
    /* The reason first: who finds the limit gone looks for it. */
    __atomic_store_n(&x->interrupt, (u32)code, __ATOMIC_SEQ_CST);
    __atomic_store_n(&x->stack_limit, NULL, __ATOMIC_SEQ_CST);
}

void tern_exec_resume(Exec *x)
{
    __atomic_store_n(&x->interrupt, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&x->stack_limit, x->stack_end, __ATOMIC_SEQ_CST);
    /* One that came in between keeps its limit. */
    if (__atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST) != 0)
        __atomic_store_n(&x->stack_limit, NULL, __ATOMIC_SEQ_CST);
}

TrapCode tern_exec_poll(Exec *x)
{
    u32 interrupt = __atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST);
    if (interrupt != 0) return (TrapCode)interrupt;
    /* An interrupt that was taken back between its two stores leaves a limit behind that nobody wants. */
    if (UNLIKELY(__atomic_load_n(&x->stack_limit, __ATOMIC_SEQ_CST) == NULL)) tern_exec_resume(x);
    return (TrapCode)__atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST);
}

/* --- fuel ------------------------------------------------------------------------------------- */

/* Fuel at hand from the reserve, none of which is there. */
static void draw_fuel(Exec *x)
{
    u64 n = x->is_fuel_limited ? u64_min(x->fuel_reserve, FUEL_QUANTUM) : FUEL_QUANTUM;
    if (x->is_fuel_limited) x->fuel_reserve -= n;
    x->fuel = (s64)n;
}

/* Code that pays for the instances of the store. */
static bool meter_store(Store *store)
{
    const Tier *tier = store->engine->options.tier;
    if (store->is_metered) return true;
    if (tier == NULL || tier->meter == NULL) return false;
    bool ok = true;
    for (u32 i = 0; ok && i < store->instances.n; i++) ok = tier->meter(store->instances.items[i]);
    tern_port_mutex_lock(&store->execs_lock);
    for (Exec *x = store->execs; x != NULL; x = x->next)
        if (x->instance != NULL) x->code = x->instance->code;
    tern_port_mutex_unlock(&store->execs_lock);
    store->is_metered = ok;
    return ok;
}

bool tern_exec_fuel_set(Exec *x, u64 units)
{
    if (!meter_store(x->store)) return false;
    x->is_fuel_limited = true;
    x->fuel_reserve = units;
    draw_fuel(x);
    return true;
}

void tern_exec_fuel_unlimit(Exec *x)
{
    x->is_fuel_limited = false;
    draw_fuel(x);
}

u64 tern_exec_fuel_left(const Exec *x)
{
    return x->is_fuel_limited ? x->fuel_reserve + (u64)x->fuel : UINT64_MAX;
}

TrapCode tern_exec_refuel(Exec *x)
{
    u64 debt = (u64)-x->fuel;
    if (x->is_fuel_limited) {
        if (debt > x->fuel_reserve) {
            x->fuel = 0;
            x->fuel_reserve = 0;
            return TRAP_FUEL;
        }
        x->fuel_reserve -= debt;
    }
    draw_fuel(x);
    return tern_exec_poll(x);
}

/* --- traps ------------------------------------------------------------------------------------ */

TrapCode tern_exec_trap(Exec *x, TrapCode code)
{
    Trap *trap = &x->trap;
    /* A host function passes on the trap of a nested call: the inner frames are those to see. */
    if (trap->code == code && trap->nframes_all > 0) return code;
    /* What is left of a trap that a host swallowed says nothing about this one. */
    if (trap->code != TRAP_NONE && trap->code != code) trap->message[0] = '\0';
    if (code != TRAP_MEMORY_BOUNDS && code != TRAP_UNALIGNED_ATOMIC) trap->has_address = false;
    trap->code = code;
    trap->nframes = trap->nframes_all = 0;
    const Tier *tier = x->store->engine->options.tier;
    if (tier == NULL || tier->backtrace == NULL || x->instance == NULL) return code;
    trap->nframes_all = tier->backtrace(x, trap->frames, TRAP_MAX_FRAMES);
    trap->nframes = trap->nframes_all < TRAP_MAX_FRAMES ? trap->nframes_all : TRAP_MAX_FRAMES;
    return code;
}

TrapCode tern_exec_trap_address(Exec *x, const Memory *memory, u64 address, u64 access_bytes)
{
    x->trap.code = TRAP_MEMORY_BOUNDS;
    x->trap.nframes = x->trap.nframes_all = 0;
    x->trap.message[0] = '\0';
    x->trap.has_address = true;
    x->trap.address = address;
    x->trap.access_bytes = access_bytes;
    x->trap.memory_bytes = __atomic_load_n(&memory->size_bytes, __ATOMIC_ACQUIRE);
    return TRAP_MEMORY_BOUNDS;
}

static void put_frame(Text *text, const TrapFrame *frame)
{
    Name name = {0};
    if (frame->instance != NULL)
        name = tern_module_func_name(frame->instance->module, frame->func_index);
    tern_text_add(text, " (function %u", (unsigned)frame->func_index);
    if (name.size > 0) tern_text_add(text, " <%.*s>", (int)u64_min(name.size, 80), name.bytes);
    if (frame->offset != 0) tern_text_add(text, ", offset 0x%x", (unsigned)frame->offset);
    tern_text_add(text, ")");
}

int tern_trap_format(const Trap *trap, char *buf, size_t size)
{
    Text text = {buf, size, 0};
    tern_text_add(&text, "%s", tern_trap_text(trap->code));
    if (trap->has_address) {
        tern_text_add(&text, ": ");
        if (trap->access_bytes != 0)
            tern_text_add(&text, "%llu bytes at ", (unsigned long long)trap->access_bytes);
        tern_text_add(&text, "address 0x%llx, memory size %llu", (unsigned long long)trap->address,
            (unsigned long long)trap->memory_bytes);
    }
    if (trap->message[0] != '\0') tern_text_add(&text, ": %s", trap->message);
    if (trap->nframes > 0) put_frame(&text, &trap->frames[0]);
    return (int)text.length;
}
