/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cursor.c - LEB128 and fixed-width integers, byte runs and names, none of them past the end. */
#include "base/cursor.h"

#include "base/utf8.h"

/* spec 5.2.2: at most ceil(bits / 7) bytes, and what the last byte has beyond the type's bits is
 * zero or, for a signed type, copies of the sign. A byte with both faults is too large, as in the
 * reference interpreter. */
static FAST_INLINE DiagCode read_leb(Cursor *c, u32 bits, bool is_signed,
                                                               u64 *out)
{
    u64 value = 0;
    const u8 *p = c->p;
    for (u32 shift = 0; shift < bits; shift += 7) {
        if (p == c->end) return DIAG_UNEXPECTED_END;
        u32 byte = *p++, payload = byte & 0x7f, left = bits - shift;
        if (left < 7) {
            u32 unused = (0x7fu << (is_signed ? left - 1 : left)) & 0x7f;
            u32 beyond = payload & unused;
            if (beyond != 0 && !(is_signed && beyond == unused)) return DIAG_INTEGER_TOO_LARGE;
        }
        value |= (u64)payload << shift;
        if (byte < 0x80) {
            if (is_signed && shift + 7 < 64 && (payload & 0x40) != 0)
                value |= ~(u64)0 << (shift + 7);
            c->p = p;
            *out = value;
            return DIAG_NONE;
        }
    }
    return DIAG_INTEGER_TOO_LONG;
}

DiagCode tern_cursor_leb_u32(Cursor *c, u32 *out)
{
    u64 value = 0;
    DiagCode code = read_leb(c, 32, false, &value);
    if (code == DIAG_NONE) *out = (u32)value;
    return code;
}

DiagCode tern_cursor_leb_s32(Cursor *c, s32 *out)
{
    u64 value = 0;
    DiagCode code = read_leb(c, 32, true, &value);
    if (code == DIAG_NONE) *out = (s32)(u32)value;
    return code;
}

DiagCode tern_cursor_leb_u64(Cursor *c, u64 *out) { return read_leb(c, 64, false, out); }

DiagCode tern_cursor_leb_s64(Cursor *c, s64 *out)
{
    u64 value = 0;
    DiagCode code = read_leb(c, 64, true, &value);
    if (code == DIAG_NONE) *out = (s64)value;
    return code;
}

DiagCode tern_cursor_leb_s33(Cursor *c, s64 *out)
{
    u64 value = 0;
    DiagCode code = read_leb(c, 33, true, &value);
    if (code == DIAG_NONE) *out = (s64)value;
    return code;
}

static DiagCode read_fixed(Cursor *c, u32 nbytes, u64 *out)
{
    if (cursor_left(c) < nbytes) return DIAG_UNEXPECTED_END;
    u64 value = 0;
    for (u32 i = 0; i < nbytes; i++)
        value |= (u64)c->p[i] << (8 * i);
    c->p += nbytes;
    *out = value;
    return DIAG_NONE;
}

DiagCode tern_cursor_fixed_u32(Cursor *c, u32 *out)
{
    u64 value = 0;
    DiagCode code = read_fixed(c, 4, &value);
    if (code == DIAG_NONE) *out = (u32)value;
    return code;
}

DiagCode tern_cursor_fixed_u64(Cursor *c, u64 *out) { return read_fixed(c, 8, out); }

DiagCode tern_cursor_bytes(Cursor *c, u64 size, const u8 **out)
{
    if (size > cursor_left(c)) return DIAG_UNEXPECTED_END;
    *out = c->p;
    c->p += size;
    return DIAG_NONE;
}

DiagCode tern_cursor_name(Cursor *c, Name *out)
{
    Cursor ahead = *c; /* the name is one item: it is taken whole or not at all */
    u32 size;
    DiagCode code = cursor_u32(&ahead, &size);
    if (code != DIAG_NONE) return code;
    const u8 *bytes;
    if (tern_cursor_bytes(&ahead, size, &bytes) != DIAG_NONE) return DIAG_LENGTH_OUT_OF_BOUNDS;
    if (!tern_utf8_is_valid(bytes, size)) return DIAG_MALFORMED_UTF8;
    *out = (Name){(const char *)bytes, size};
    *c = ahead;
    return DIAG_NONE;
}
