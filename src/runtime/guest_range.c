/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_range.c - the part of the door that has to look at the bytes. */
#include "runtime/guest_range.h"

const char *tern_guest_string(const Memory *memory, u64 addr, u64 *size)
{
    u64 have = tern_memory_size_bytes(memory);
    if (addr >= tern_memory_window(memory)) have = MEMORY_WINDOW_END;
    if (addr >= have) return NULL;
    const u8 *text = memory->base + addr;
    const u8 *nul = memchr(text, 0, (size_t)(have - addr));
    if (nul == NULL) return NULL;
    *size = (u64)(nul - text);
    return (const char *)text;
}
