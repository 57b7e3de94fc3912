/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* decoder.h - what the section decoder and the body decoder share: the bounded position in the
 * module, the place for the first failure, and readers that record it. Internal to binary/.
 *
 * Every function returns false after the failure was recorded, so callers only return.
 */
#ifndef TERN_BINARY_DECODER_H
#define TERN_BINARY_DECODER_H

#include "base/cursor.h"
#include "binary/decode.h"

typedef struct Decoder {
    /* start: the module's first byte, so offsets are the module's; end: of the section or body */
    Cursor c;
    const Module *module;
    Diag *diag;
    u64 features;        /* allowed */
    u64 used;            /* met so far */
    const char *section; /* static text for messages */
    u32 func_index;      /* or DIAG_NO_FUNC */

    /* Type section only: type indices from rec_start on, rec_n of them, are members of the
     * recursion group being decoded and become REC_BIT | position. rec_n is 0 everywhere else. */
    u32 rec_start, rec_n;
} Decoder;

/* Records a failure of the item at `at`. Always false. detail is a printf format or NULL; a detail
 * that starts with a digit continues the text ("unknown type 7"), any other follows a colon. */
bool tern_decoder_say(Decoder *d, const u8 *at, DiagCode code, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with a number, and with nothing more. */
bool tern_decoder_fail_number(Decoder *d, const u8 *at, DiagCode code, u64 number);
bool tern_decoder_fail_plain(Decoder *d, const u8 *at, DiagCode code);
/* tern_decoder_fail(d, code, detail, ...) at the cursor, tern_decoder_fail_at(d, at, code, detail, ...): with a detail
 * if the build has them (TERN_DETAILS). */
#if TERN_DETAILS
#define tern_decoder_fail_at(d, ...) tern_decoder_say(d, __VA_ARGS__)
#else
#define tern_decoder_fail_at(d, at, code, ...) ((void)DETAIL(__VA_ARGS__), tern_decoder_fail_plain(d, at, code))
#endif
#define tern_decoder_fail(d, ...) tern_decoder_fail_at(d, (d)->c.p, __VA_ARGS__)
/* Turns what a cursor function returned into a recorded failure; true for DIAG_NONE. */
bool tern_decoder_check(Decoder *d, DiagCode code);

/* Notes that a proposal is used. If it is not allowed, fails with the code a decoder without the
 * proposal would give here, and the detail names the proposal. */
bool tern_decoder_need_any(Decoder *d, FeatureId feature, DiagCode code);
/* The same: the compiler sees which features the build is without, and leaves out what needs them. */
static inline __attribute__((always_inline)) bool tern_decoder_need(Decoder *d, FeatureId feature, DiagCode code)
{
    bool is_allowed = tern_decoder_need_any(d, feature, code);
    return is_allowed && (!__builtin_constant_p(feature) || (tern_features_built >> feature & 1) != 0);
}

static inline bool read_u8(Decoder *d, u8 *out)
{
    if (UNLIKELY(d->c.p == d->c.end)) {
        tern_decoder_check(d, DIAG_UNEXPECTED_END);
        return false;
    }
    *out = *d->c.p++;
    return true;
}

/* Records why an integer was refused. One that is cut off by the end of its section or body is
 * judged by how it goes on behind it, as the reference does not bound them: too long or too
 * large comes first. */
typedef enum LebKind { LEB_U32, LEB_U64, LEB_S32, LEB_S33, LEB_S64 } LebKind;
bool tern_decoder_fail_leb(Decoder *d, DiagCode code, LebKind kind);

static inline bool read_u32(Decoder *d, u32 *out) /* LEB128, as are the next four */
{
    if (LIKELY(d->c.p != d->c.end && *d->c.p < 0x80)) {
        *out = *d->c.p++;
        return true;
    }
    DiagCode code = tern_cursor_leb_u32(&d->c, out);
    return LIKELY(code == DIAG_NONE) || tern_decoder_fail_leb(d, code, LEB_U32);
}
static inline bool read_u64(Decoder *d, u64 *out)
{
    DiagCode code = tern_cursor_leb_u64(&d->c, out);
    return LIKELY(code == DIAG_NONE) || tern_decoder_fail_leb(d, code, LEB_U64);
}
static inline bool read_s32(Decoder *d, s32 *out)
{
    DiagCode code = tern_cursor_leb_s32(&d->c, out);
    return LIKELY(code == DIAG_NONE) || tern_decoder_fail_leb(d, code, LEB_S32);
}
static inline bool read_s33(Decoder *d, s64 *out)
{
    DiagCode code = tern_cursor_leb_s33(&d->c, out);
    return LIKELY(code == DIAG_NONE) || tern_decoder_fail_leb(d, code, LEB_S33);
}
static inline bool read_s64(Decoder *d, s64 *out)
{
    DiagCode code = tern_cursor_leb_s64(&d->c, out);
    return LIKELY(code == DIAG_NONE) || tern_decoder_fail_leb(d, code, LEB_S64);
}
static inline bool read_fixed_u32(Decoder *d, u32 *out)
{
    return tern_decoder_check(d, tern_cursor_fixed_u32(&d->c, out));
}
static inline bool read_fixed_u64(Decoder *d, u64 *out)
{
    return tern_decoder_check(d, tern_cursor_fixed_u64(&d->c, out));
}
static inline bool read_bytes(Decoder *d, u64 size, const u8 **out)
{
    return tern_decoder_check(d, tern_cursor_bytes(&d->c, size, out));
}

/* A vector's length. Every element takes at least a byte, so a count beyond the bytes left fails
 * before anything is allocated: "length out of bounds". As the reference does, the length's own
 * bytes still count as left, so the caller's elements may run into the end. */
bool tern_decode_count(Decoder *d, u32 *out);
/* A length and that many bytes; as UTF-8. */
bool tern_decode_bytes(Decoder *d, const u8 **bytes, u32 *size);
bool tern_decode_name(Decoder *d, Name *out);

/* Types (spec 5.3). Indices of the module's types become type ids; "unknown type N" if there is
 * none. */
bool tern_decode_valtype(Decoder *d, ValType *out);
/* A value type, VT_I8 or VT_I16. */
bool tern_decode_storagetype(Decoder *d, ValType *out);
/* A heap type, exact ones included, as the reference type to it. */
bool tern_decode_heaptype(Decoder *d, bool nullable, ValType *out);
bool tern_decode_reftype(Decoder *d, ValType *out);
/* The type id (or REC_BIT | position) of one of the module's type indices. */
bool tern_decoder_type_id(Decoder *d, u32 type_index, u32 *id);
/* An index read by the caller, which must name a defined type of that kind; *type is what it
 * names. */
bool tern_decoder_type_of_kind(Decoder *d, u32 type_index, DefKind kind, const DefType **type);

#endif
