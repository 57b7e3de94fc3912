/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* builtins_atomic.c - memory.atomic.wait32, wait64 and notify. */
#include "runtime/builtins.h"

#include "runtime/guest_range.h"
#include "runtime/wait.h"

/* The bytes at addr + offset, aligned and inside. */
static TrapCode find(Exec *x, const Memory *memory, u64 addr, u64 offset, u32 bytes, u8 **out)
{
    u64 ea;
    *out = u64_add(addr, offset, &ea) ? tern_guest_range(memory, ea, bytes) : NULL;
    bool is_aligned = ((addr + offset) & (bytes - 1)) == 0;
    if (is_aligned && *out != NULL) return TRAP_NONE;
    x->trap.has_address = true;
    x->trap.address = addr + offset;
    x->trap.access_bytes = bytes;
    x->trap.memory_bytes = tern_memory_size_bytes(memory);
    return is_aligned ? TRAP_MEMORY_BOUNDS : TRAP_UNALIGNED_ATOMIC;
}

static TrapCode wait(Exec *x, u64 *slots, u32 memory_index, u32 bytes)
{
    const Memory *memory = x->instance->memories[memory_index];
    u8 *at;
    TrapCode trap = find(x, memory, slots[0], slots[3], bytes, &at);
    if (trap != TRAP_NONE) return trap;
    if (!limits_is_shared(&memory->type.limits)) return TRAP_UNSHARED_WAIT;
    WaitFor what = {.addr = slots[0] + slots[3], .at = at, .bytes = bytes, .timeout_ns = (s64)slots[2],
                    .expected = bytes == 4 ? (u32)slots[1] : slots[1], .interrupt = &x->interrupt};
    WaitOutcome outcome = tern_wait(memory->waits, &what);
    if (outcome == WAIT_INTERRUPTED) {
        TrapCode asked = (TrapCode)__atomic_load_n(&x->interrupt, __ATOMIC_SEQ_CST);
        return asked != TRAP_NONE ? asked : TRAP_INTERRUPTED; /* taken back meanwhile */
    }
    slots[0] = outcome;
    return TRAP_NONE;
}

TrapCode tern_builtin_atomic_wait32(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    return wait(x, slots, imm1, 4);
}

TrapCode tern_builtin_atomic_wait64(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    return wait(x, slots, imm1, 8);
}

TrapCode tern_builtin_atomic_notify(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    const Memory *memory = x->instance->memories[imm1];
    u8 *at;
    TrapCode trap = find(x, memory, slots[0], slots[2], 4, &at);
    if (trap != TRAP_NONE) return trap;
    u32 count = (u32)slots[1];
    slots[0] = memory->waits != NULL ? tern_wait_notify(memory->waits, slots[0] + slots[2], count) : 0;
    return TRAP_NONE;
}
