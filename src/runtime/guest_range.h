/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_range.h - the one door from a guest address to a host pointer.
 *
 * Whoever touches guest memory on the host's behalf asks here, for the full length that will be touched.
 * The pointer is good until the memory may grow (always, where reserved_bytes > 0).
 */
#ifndef TERN_RUNTIME_GUEST_RANGE_H
#define TERN_RUNTIME_GUEST_RANGE_H

#include "runtime/memory.h"

static inline u64 tern_memory_size_bytes(const Memory *memory)
{
    return __atomic_load_n(&memory->size_bytes, __ATOMIC_ACQUIRE);
}

static inline bool tern_guest_range_ok(const Memory *memory, u64 addr, u64 size)
{
    u64 have = tern_memory_size_bytes(memory);
    if (LIKELY(addr <= have && size <= have - addr)) return true;
    return addr >= tern_memory_window(memory) && addr <= MEMORY_WINDOW_END && size <= MEMORY_WINDOW_END - addr;
}

/* [addr, addr + size) as host bytes; NULL if any of it lies outside. An empty range at the end is inside. */
static inline u8 *tern_guest_range(const Memory *memory, u64 addr, u64 size)
{
    return tern_guest_range_ok(memory, addr, size) ? memory->base + addr : NULL;
}

/* n elements of elem_size bytes, as tern_guest_range. */
static inline u8 *tern_guest_array(const Memory *memory, u64 addr, u64 n, u64 elem_size)
{
    u64 size;
    return u64_mul(n, elem_size, &size) ? tern_guest_range(memory, addr, size) : NULL;
}

/* A NUL-terminated string wholly inside; NULL if there is no NUL before the end. *size excludes the NUL. */
const char *tern_guest_string(const Memory *memory, u64 addr, u64 *size);

/* False if ptr is not in the memory (one past the end counts as outside). */
static inline bool tern_guest_addr(const Memory *memory, const void *ptr, u64 *addr)
{
    uintptr_t p = (uintptr_t)ptr, base = (uintptr_t)memory->base;
    if (p < base) return false;
    u64 at = p - base;
    if (at >= tern_memory_size_bytes(memory) && (at < tern_memory_window(memory) || at >= MEMORY_WINDOW_END)) return false;
    *addr = at;
    return true;
}

#endif
