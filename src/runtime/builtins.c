/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* builtins.c - the operations of builtins.def.
 *
 * Addresses, sizes and indices are cells, so an i32 arrives zero-extended and 32- and 64-bit
 * memories and tables need no distinction, except that a refused growth is -1 of the address type.
 * Bounds are checked for the whole range before anything is written (spec 4.6), also when the range
 * is empty.
 */
#include "runtime/builtins.h"

#include "base/racy.h"
#include "runtime/guest_range.h"

const BuiltinInfo tern_builtin_info[BUILTIN_COUNT] = {
#define FLAG_0 0
#define FLAG_TRAPS BUILTIN_TRAPS
#define FLAG_MOVES BUILTIN_MOVES
#define FLAG_COLLECTS (BUILTIN_TRAPS | BUILTIN_COLLECTS)
#define VARIES BUILTIN_ARGS_VARIES
#define BUILTIN(name, nargs, nresults, flags, bulk) \
    [BUILTIN_##name] = {tern_builtin_##name, TERN_DETAILS ? #name : "", nargs, nresults, FLAG_##flags, bulk},
#include "runtime/builtins.def"
};

static u64 refused(const Limits *limits) { return limits_is_64(limits) ? UINT64_MAX : UINT32_MAX; }

static bool range_ok(u64 at, u64 n, u64 size) { return at <= size && n <= size - at; }

/* --- memories --------------------------------------------------------------------------------- */

TrapCode tern_builtin_memory_size(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    slots[0] = __atomic_load_n(&x->instance->memories[imm1]->npages, __ATOMIC_ACQUIRE);
    return TRAP_NONE;
}

TrapCode tern_builtin_memory_grow(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    Memory *memory = x->instance->memories[imm1];
    const EngineOptions *engine = &x->store->engine->options;
    u64 old = tern_memory_grow_pages(memory, slots[0]);
    if (UNLIKELY(old == UINT64_MAX) && engine->grow_refused != NULL) {
        u64 *top = x->top;
        x->top = slots + 1; /* the operand is the topmost cell in use */
        engine->grow_refused(x, memory, imm1, slots[0]);
        x->top = top;
    }
    slots[0] = old != UINT64_MAX ? old : refused(&memory->type.limits);
    if (memory == x->memory) x->memory_size = tern_memory_size_bytes(memory);
    return TRAP_NONE;
}

TrapCode tern_builtin_memory_fill(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    const Memory *memory = x->instance->memories[imm1];
    u64 at = slots[0], n = slots[2];
    u8 *to = tern_guest_range(memory, at, n);
    if (to == NULL) return tern_exec_trap_address(x, memory, at, n);
    racy_fill(to, (u8)slots[1], (size_t)n);
    return TRAP_NONE;
}

TrapCode tern_builtin_memory_copy(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    const Memory *to_memory = x->instance->memories[imm1],
                 *from_memory = x->instance->memories[imm2];
    u64 n = slots[2];
    u8 *to = tern_guest_range(to_memory, slots[0], n);
    if (to == NULL) return tern_exec_trap_address(x, to_memory, slots[0], n);
    const u8 *from = tern_guest_range(from_memory, slots[1], n);
    if (from == NULL) return tern_exec_trap_address(x, from_memory, slots[1], n);
    racy_move(to, from, (size_t)n);
    return TRAP_NONE;
}

TrapCode tern_builtin_memory_init(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    Instance *instance = x->instance;
    const DataSegment *segment = &instance->module->datas[imm1];
    const Memory *memory = instance->memories[imm2];
    u64 at = slots[0], from = slots[1], n = slots[2];
    u64 size = instance->data_dropped[imm1] ? 0 : segment->size;
    u8 *to = tern_guest_range(memory, at, n);
    if (to == NULL) return tern_exec_trap_address(x, memory, at, n);
    if (!range_ok(from, n, size)) {
        x->trap.has_address = false; /* it is the segment's end that was passed */
        return TRAP_MEMORY_BOUNDS;
    }
    if (n > 0) racy_copy(to, segment->bytes + from, (size_t)n);
    return TRAP_NONE;
}

TrapCode tern_builtin_data_drop(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)slots, (void)imm2;
    x->instance->data_dropped[imm1] = 1;
    return TRAP_NONE;
}

/* --- tables ----------------------------------------------------------------------------------- */

TrapCode tern_builtin_table_get(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    const Table *table = x->instance->tables[imm1];
    if (slots[0] >= table->size) return TRAP_TABLE_BOUNDS;
    slots[0] = table->elems[slots[0]];
    return TRAP_NONE;
}

TrapCode tern_builtin_table_set(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    Table *table = x->instance->tables[imm1];
    if (slots[0] >= table->size) return TRAP_TABLE_BOUNDS;
    table->elems[slots[0]] = slots[1];
    return TRAP_NONE;
}

TrapCode tern_builtin_table_size(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    slots[0] = x->instance->tables[imm1]->size;
    return TRAP_NONE;
}

TrapCode tern_builtin_table_grow(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    Table *table = x->instance->tables[imm1];
    u64 old = tern_table_grow_elems(x->store, table, slots[1], slots[0]);
    slots[0] = old != UINT64_MAX ? old : refused(&table->type.limits);
    return TRAP_NONE;
}

TrapCode tern_builtin_table_fill(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    Table *table = x->instance->tables[imm1];
    u64 at = slots[0], n = slots[2];
    if (!range_ok(at, n, table->size)) return TRAP_TABLE_BOUNDS;
    for (u64 i = 0; i < n; i++) table->elems[at + i] = slots[1];
    return TRAP_NONE;
}

TrapCode tern_builtin_table_copy(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    Table *to = x->instance->tables[imm1];
    const Table *from = x->instance->tables[imm2];
    u64 n = slots[2];
    if (!range_ok(slots[0], n, to->size) || !range_ok(slots[1], n, from->size))
        return TRAP_TABLE_BOUNDS;
    if (n > 0) memmove(to->elems + slots[0], from->elems + slots[1], (size_t)n * sizeof(Ref));
    return TRAP_NONE;
}

TrapCode tern_builtin_table_init(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    Instance *instance = x->instance;
    const ElemSegment *segment = &instance->module->elems[imm1];
    Table *table = instance->tables[imm2];
    u64 at = slots[0], from = slots[1], n = slots[2];
    u64 size = instance->elem_dropped[imm1] ? 0 : segment->n;
    if (!range_ok(at, n, table->size) || !range_ok(from, n, size)) return TRAP_TABLE_BOUNDS;
    for (u64 i = 0; i < n; i++) {
        TrapCode code =
            tern_instance_elem(instance, segment, (u32)(from + i), &table->elems[at + i]);
        if (code != TRAP_NONE) return code;
    }
    return TRAP_NONE;
}

TrapCode tern_builtin_elem_drop(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)slots, (void)imm2;
    x->instance->elem_dropped[imm1] = 1;
    return TRAP_NONE;
}

TrapCode tern_builtin_ref_func(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    FuncInst *func = tern_instance_func(x->instance, imm1);
    if (func == NULL) return TRAP_OUT_OF_MEMORY;
    slots[0] = (u64)(uintptr_t)func;
    return TRAP_NONE;
}
