/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cursor.h - the one bounded reader of bytes that came from outside.
 *
 * Every function returns DIAG_NONE or the reason (spec 5.2: lengths and unused bits are checked), and on
 * failure leaves the cursor where the offending item starts. The bytes are borrowed.
 */
#ifndef TERN_BASE_CURSOR_H
#define TERN_BASE_CURSOR_H

#include "base/diag.h"

typedef struct Cursor {
    const u8 *start, *p, *end; /* start <= p <= end */
} Cursor;

static inline Cursor cursor_of(const void *bytes, size_t size)
{
    return (Cursor){bytes, bytes, (const u8 *)bytes + size};
}
static inline size_t cursor_left(const Cursor *c) { return (size_t)(c->end - c->p); }
static inline size_t cursor_offset(const Cursor *c) { return (size_t)(c->p - c->start); }

/* Out of line forms for more than one byte. */
DiagCode tern_cursor_leb_u32(Cursor *c, u32 *out);
DiagCode tern_cursor_leb_s32(Cursor *c, s32 *out);
DiagCode tern_cursor_leb_u64(Cursor *c, u64 *out);
DiagCode tern_cursor_leb_s64(Cursor *c, s64 *out);
DiagCode tern_cursor_leb_s33(Cursor *c, s64 *out);

static inline DiagCode cursor_u8(Cursor *c, u8 *out)
{
    if (UNLIKELY(c->p == c->end)) return DIAG_UNEXPECTED_END;
    *out = *c->p++;
    return DIAG_NONE;
}
static inline DiagCode cursor_u32(Cursor *c, u32 *out) /* LEB128 */
{
    if (LIKELY(c->p != c->end && *c->p < 0x80)) {
        *out = *c->p++;
        return DIAG_NONE;
    }
    return tern_cursor_leb_u32(c, out);
}
DiagCode tern_cursor_fixed_u32(Cursor *c, u32 *out); /* little-endian */
DiagCode tern_cursor_fixed_u64(Cursor *c, u64 *out);

/* Takes size bytes; *out points into the input. */
DiagCode tern_cursor_bytes(Cursor *c, u64 size, const u8 **out);

/* A LEB128 length and that many bytes of UTF-8 ("malformed UTF-8 encoding" otherwise). */
DiagCode tern_cursor_name(Cursor *c, Name *out);

#endif
