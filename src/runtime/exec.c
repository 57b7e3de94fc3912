/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exec.c - entering the guest from the host, and saying why it stopped.
 *
 * An entry saves what belongs to whoever is below it (instance, position, first free cell) and
 * puts it back, so that after a nested call everything is as before, except that memory 0 may have
 * grown.
 */
#include "runtime/exec.h"

#include "base/racy.h"
#include "base/text.h"
#include "runtime/profile.h"

#define DEFAULT_STACK_BYTES ((size_t)1 << 20)

/* Less than a call of a function not yet lowered seems to need (code/code.h). */
#define MAX_STACK_BYTES ((size_t)1 << (sizeof(size_t) == 8 ? 32 : 30))

/* Where the native stack's end is unknown. */
#define BLIND_DEPTH_LIMIT 200u

/* ThreadSanitizer notes 64 Ki calls in progress on a thread and does not look whether there is room: past that it
 * faults with its own locks held. An entry takes six, and the host function that made it a few. */
#define WATCHED_DEPTH_LIMIT 4096u

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

/* A stack of that many bytes, whole pages. */
static bool make_stack(Exec *x, Store *store, size_t size_bytes)
{
    x->stack = !TERN_FAST ? NULL : take_stack(&store->engine->stacks, size_bytes);
    bool is_fresh = x->stack == NULL;
    if (is_fresh) x->stack = tern_port_vm_reserve(size_bytes);
    x->stack_is_vm = x->stack != NULL;
    if (is_fresh && x->stack_is_vm && !tern_port_vm_commit(x->stack, size_bytes)) {
        tern_port_vm_release(x->stack, size_bytes);
        x->stack = NULL;
        x->stack_is_vm = false;
    }
    if (x->stack == NULL) x->stack = tern_alloc(store->alloc, size_bytes);
    return x->stack != NULL;
}

Exec *tern_exec_new(Store *store, size_t size_bytes)
{
    size_t page = tern_port_page_size();
    if (size_bytes == 0) size_bytes = DEFAULT_STACK_BYTES;
    if (size_bytes > MAX_STACK_BYTES) return NULL;
    size_bytes = (size_bytes + page - 1) / page * page;

    Engine *engine = store->engine;
    if (!engine_count(&engine->nexecs, engine->options.max_execs)) return NULL;
    Exec *x = tern_alloc_zeroed(store->alloc, 1, sizeof *x);
    if (x == NULL || !make_stack(x, store, size_bytes)) {
        engine_uncount(&engine->nexecs, 1);
        tern_free(store->alloc, x, sizeof *x);
        return NULL;
    }
    x->stack_bytes = size_bytes;
    x->stack_end = x->stack + size_bytes / sizeof(u64);
    x->stack_limit = x->stack_high = x->stack;
    x->top = x->stack;
    x->store = store;
    const Tier *tier = store->engine->options.tier;
    if (tier != NULL) x->call = tier->call;
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
    if (TERN_METERING) tern_profile_free(x);
    tern_port_mutex_lock(&x->store->execs_lock);
    if (x->next != NULL) x->next->prev = x->prev;
    if (x->prev != NULL) {
        x->prev->next = x->next;
    } else {
        x->store->execs = x->next;
    }
    tern_port_mutex_unlock(&x->store->execs_lock);
    if (x->stack_is_vm) {
        if (!TERN_FAST || !keep_stack(&x->store->engine->stacks, x->stack, x->stack_bytes))
            tern_port_vm_release(x->stack, x->stack_bytes);
    } else {
        tern_free(x->store->alloc, x->stack, x->stack_bytes);
    }
    engine_uncount(&x->store->engine->nexecs, 1);
    tern_free(x->store->alloc, x, sizeof *x);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Of the embedder's stack, or where the thread's is not known yet, is another one, or nearly used up. */
static bool has_native_room(const Exec *x)
{
    const char *here = __builtin_frame_address(0), *limit = x->native_boundary;
    if (RACY_IS_WATCHED && x->depth >= WATCHED_DEPTH_LIMIT) return false;
    if (limit == NULL) {
        const char *bottom = tern_port_stack_bottom();
        if (bottom == NULL) return x->depth < BLIND_DEPTH_LIMIT;
        limit = bottom + NATIVE_MARGIN_BYTES;
    }
    return (uintptr_t)here > (uintptr_t)limit;
}

static TrapCode refuse(Exec *x, const FuncInst *func, TrapCode code)
{
    code = tern_exec_trap(x, code);
    return x->ended != NULL && x->depth == 0 && x->instance == NULL ? x->ended(x, func, code) : code;
}

static TrapCode call_host(Exec *x, FuncInst *func)
{
    Below below;
    tern_exec_begin(x, &below);
    u64 *slots = x->top;
    x->top = slots + func->type->call_cells;
    TrapCode code = func->host(x, func->env, slots);
    if (code != TRAP_NONE) code = tern_exec_trap(x, code);
    else x->trap.code = TRAP_NONE;
    return tern_exec_end(x, &below, func, slots, code);
}

TrapCode tern_exec_call_checked(Exec *x, FuncInst *func)
{
    u32 asked = __atomic_load_n(&x->interrupt, __ATOMIC_RELAXED);
    if (UNLIKELY(asked != 0)) return refuse(x, func, (TrapCode)asked);
    if (UNLIKELY(!has_native_room(x))) return refuse(x, func, TRAP_NATIVE_STACK_EXHAUSTED);
    return func->host == NULL ? x->call(x, func, x->top) : call_host(x, func);
}

TrapCode tern_exec_call(Exec *x, FuncInst *func, const u64 *args, u64 *results)
{
    const FuncType *type = func->type;
    if (!tern_exec_room(x, type->call_cells)) {
        tern_exec_forget(x);
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

/* What it is without interrupts, unless there is one. */
static void set_limit(Exec *x)
{
    u64 *high = __atomic_load_n(&x->stack_high, __ATOMIC_RELAXED);
    __atomic_store_n(&x->stack_limit, high, __ATOMIC_SEQ_CST);
    /* One that came in between keeps its limit. */
    if (__atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST) != 0)
        __atomic_store_n(&x->stack_limit, NULL, __ATOMIC_SEQ_CST);
}

void tern_exec_resume(Exec *x)
{
    __atomic_store_n(&x->interrupt, 0, __ATOMIC_SEQ_CST);
    set_limit(x);
}

TrapCode tern_exec_poll(Exec *x)
{
    u32 interrupt = __atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST);
    if (interrupt != 0) return (TrapCode)interrupt;
    /* An interrupt that was taken back between its two stores leaves a limit behind that nobody wants. */
    if (UNLIKELY(__atomic_load_n(&x->stack_limit, __ATOMIC_SEQ_CST) == NULL)) tern_exec_resume(x);
    return (TrapCode)__atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST);
}

void tern_exec_note_frame(Exec *x, const u64 *end)
{
    u64 *high = __atomic_load_n(&x->stack_high, __ATOMIC_RELAXED);
    if (end > high) {
        u64 room = (u64)(x->stack_end - end), step = u64_max((u64)(x->stack_end - x->stack) / 256, 64);
        high = x->stack_end - (room - u64_min(room, step));
        __atomic_store_n(&x->stack_high, high, __ATOMIC_RELAXED);
    }
    /* Somebody who resumed it may just have found the old one. */
    if (__atomic_load_n(&x->stack_limit, __ATOMIC_RELAXED) != high) set_limit(x);
}

size_t tern_exec_stack_peak(const Exec *x)
{
    return (size_t)(__atomic_load_n(&x->stack_high, __ATOMIC_RELAXED) - x->stack) * sizeof(u64);
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
    /* Frames are found by lowering their functions again: an exit, which is how every program that fails ends, has
     * nobody to show them to. */
    const Tier *tier = x->store->engine->options.tier;
    if (code == TRAP_EXIT || tier == NULL || tier->backtrace == NULL || x->instance == NULL) return code;
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
