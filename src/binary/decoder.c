/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* decoder.c - failures with their place, bounded vectors, and types (spec 5.3), for sections and
 * bodies. */
#include "binary/decoder.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

bool tern_decoder_fail_plain(Decoder *d, const u8 *at, DiagCode code)
{
    return tern_decoder_say(d, at, code, NULL);
}

bool tern_decoder_fail_number(Decoder *d, const u8 *at, DiagCode code, u64 number)
{
    return tern_decoder_say(d, at, code, "%llu", (unsigned long long)number);
}

bool tern_decoder_say(Decoder *d, const u8 *at, DiagCode code, const char *detail, ...)
{
    if (d->diag == NULL || d->diag->code != DIAG_NONE) return false;
    char text[sizeof d->diag->detail] = "";
    va_list args;
    va_start(args, detail);
    if (detail != NULL) vsnprintf(text, sizeof text, detail, args);
    va_end(args);
    tern_diag_set(d->diag, code, (u64)(at - d->c.start), "%s", text);
    d->diag->section = d->section;
    d->diag->func_index = d->func_index;
    return false;
}

bool tern_decoder_check(Decoder *d, DiagCode code)
{
    if (LIKELY(code == DIAG_NONE)) return true;
    return tern_decoder_fail(d, code == DIAG_UNEXPECTED_END ? DIAG_UNEXPECTED_END_OF_SECTION : code,
                             NULL);
}

bool tern_decoder_fail_leb(Decoder *d, DiagCode code, LebKind kind)
{
    if (code == DIAG_UNEXPECTED_END) {
        Cursor c = {d->c.start, d->c.p, d->c.start + d->module->size};
        union {
            u32 u32;
            u64 u64;
            s32 s32;
            s64 s64;
        } ignored;
        DiagCode beyond = DIAG_NONE;
        switch (kind) {
        case LEB_U32: beyond = tern_cursor_leb_u32(&c, &ignored.u32); break;
        case LEB_U64: beyond = tern_cursor_leb_u64(&c, &ignored.u64); break;
        case LEB_S32: beyond = tern_cursor_leb_s32(&c, &ignored.s32); break;
        case LEB_S33: beyond = tern_cursor_leb_s33(&c, &ignored.s64); break;
        case LEB_S64: beyond = tern_cursor_leb_s64(&c, &ignored.s64); break;
        }
        if (d->c.p != d->c.end && beyond != DIAG_NONE) code = beyond;
    }
    tern_decoder_check(d, code);
    return false;
}

bool tern_decoder_need_any(Decoder *d, FeatureId feature, DiagCode code)
{
    u64 bit = 1ull << feature;
    d->used |= bit;
    if (LIKELY((d->features & bit) != 0)) return true;
    return tern_decoder_say(d, d->c.p, code, "the %s proposal is %s", tern_feature_info[feature].name,
                             (tern_features_built & bit) != 0 ? "switched off" : "not in this build");
}

bool tern_decode_count(Decoder *d, u32 *out)
{
    const u8 *at = d->c.p;
    if (!read_u32(d, out)) return false;
    u64 left = (u64)(d->c.end - at);
    if (*out <= left) return true;
    return tern_decoder_fail_at(d, at, DIAG_LENGTH_OUT_OF_BOUNDS, "needs %u of %llu bytes",
                                (unsigned)*out, (unsigned long long)cursor_left(&d->c));
}

bool tern_decode_bytes(Decoder *d, const u8 **bytes, u32 *size)
{
    return tern_decode_count(d, size) && read_bytes(d, *size, bytes);
}

bool tern_decode_name(Decoder *d, Name *out)
{
    const u8 *at = d->c.p, *bytes;
    u32 size;
    if (!tern_decode_bytes(d, &bytes, &size)) return false;
    if (!tern_utf8_is_valid(bytes, size))
        return tern_decoder_fail_at(d, at, DIAG_MALFORMED_UTF8, NULL);
    *out = (Name){(const char *)bytes, size};
    return true;
}

/* --- types (spec 5.3) ------------------------------------------------------------------------- */

bool tern_decoder_type_id(Decoder *d, u32 type_index, u32 *id)
{
    u32 position = type_index - d->rec_start;
    if (position < d->rec_n) {
        *id = REC_BIT | position;
        return true;
    }
    if (type_index >= d->module->ntypes)
        return tern_decoder_fail_number(d, d->c.p, DIAG_UNKNOWN_TYPE, type_index);
    *id = d->module->types[type_index];
    return true;
}

bool tern_decoder_type_of_kind(Decoder *d, u32 type_index, DefKind kind, const DefType **type)
{
    u32 id;
    if (!tern_decoder_type_id(d, type_index, &id)) return false;
    *type = tern_types_get(d->module->registry, id);
    if (def_kind(*type) == kind) return true;
    DiagCode code = kind == DEF_FUNC     ? DIAG_NON_FUNCTION_TYPE
                    : kind == DEF_STRUCT ? DIAG_NON_STRUCTURE_TYPE
                                         : DIAG_NON_ARRAY_TYPE;
    return tern_decoder_fail_number(d, d->c.p, code, type_index);
}

/* The proposal an abstract heap type belongs to; FEATURE_COUNT if the code is none. */
static FeatureId heap_feature(u8 code)
{
    switch (code) {
    case HEAP_FUNC:
    case HEAP_EXTERN: return FEATURE_REFERENCE_TYPES;
    case HEAP_EXN:
    case HEAP_NOEXN: return FEATURE_EXCEPTIONS;
    case HEAP_NOFUNC:
    case HEAP_NOEXTERN:
    case HEAP_NONE:
    case HEAP_ANY:
    case HEAP_EQ:
    case HEAP_I31:
    case HEAP_STRUCT:
    case HEAP_ARRAY: return FEATURE_GC;
    default: return FEATURE_COUNT;
    }
}

/* The next byte as a one-byte type code, without taking it. A continuation bit is what the
 * reference finds when it reads a signed 7-bit integer. */
static bool peek_code(Decoder *d, u8 *code)
{
    if (d->c.p == d->c.end) return tern_decoder_check(d, DIAG_UNEXPECTED_END);
    *code = *d->c.p;
    if (*code >= 0x80) return tern_decoder_fail(d, DIAG_INTEGER_TOO_LONG, NULL);
    return true;
}

/* malformed: the text for what is no heap type, which depends on where it stands. */
static bool decode_heap(Decoder *d, bool nullable, DiagCode malformed, ValType *out)
{
    const u8 *at = d->c.p;
    if (at == d->c.end) return tern_decoder_check(d, DIAG_UNEXPECTED_END);
    FeatureId feature = *at < 0x80 ? heap_feature(*at) : FEATURE_COUNT;
    if (feature != FEATURE_COUNT) {
        if (!tern_decoder_need(d, feature, malformed)) return false;
        d->c.p++;
        *out = vt_abstract((HeapCode)*at, nullable);
        return true;
    }
    bool is_exact = *at == 0x62;
    if (is_exact) {
        if (!tern_decoder_need(d, FEATURE_CUSTOM_DESCRIPTORS, malformed)) return false;
        d->c.p++;
    }
    s64 index;
    if (!read_s33(d, &index)) return false;
    if (index < 0 || index > UINT32_MAX) return tern_decoder_fail_at(d, at, malformed, NULL);
    u32 id;
    if (!tern_decoder_need(d, FEATURE_FUNCTION_REFERENCES, malformed)) return false;
    if (!tern_decoder_type_id(d, (u32)index, &id)) return false;
    *out = vt_concrete(id, nullable, is_exact);
    return true;
}

bool tern_decode_heaptype(Decoder *d, bool nullable, ValType *out)
{
    return decode_heap(d, nullable, DIAG_MALFORMED_HEAP_TYPE, out);
}

/* A reference type, in place of which malformed is the text. */
static bool decode_ref(Decoder *d, u8 code, DiagCode malformed, ValType *out)
{
    if (code == 0x63 || code == 0x64) {
        if (!tern_decoder_need(d, FEATURE_FUNCTION_REFERENCES, malformed)) return false;
        d->c.p++;
        DiagCode inner =
            malformed == DIAG_MALFORMED_STORAGE_TYPE ? malformed : DIAG_MALFORMED_HEAP_TYPE;
        return decode_heap(d, code == 0x63, inner, out);
    }
    FeatureId feature = heap_feature(code);
    if (feature == FEATURE_COUNT) return tern_decoder_fail(d, malformed, "0x%02x", code);
    /* Tables were there before reference types, and took funcref. */
    if (code != HEAP_FUNC && !tern_decoder_need(d, feature, malformed)) return false;
    d->c.p++;
    *out = vt_abstract((HeapCode)code, true);
    return true;
}

bool tern_decode_reftype(Decoder *d, ValType *out)
{
    u8 code;
    return peek_code(d, &code) && decode_ref(d, code, DIAG_MALFORMED_REFERENCE_TYPE, out);
}

static bool decode_val(Decoder *d, DiagCode malformed, ValType *out)
{
    u8 code;
    if (!peek_code(d, &code)) return false;
    switch (code) {
    case VT_V128:
        if (!tern_decoder_need(d, FEATURE_SIMD, malformed)) return false;
        /* fallthrough */
    case VT_I32:
    case VT_I64:
    case VT_F32:
    case VT_F64:
        d->c.p++;
        *out = code;
        return true;
    case HEAP_FUNC:
        if (!tern_decoder_need(d, FEATURE_REFERENCE_TYPES, malformed)) return false;
        return decode_ref(d, code, malformed, out);
    default: return decode_ref(d, code, malformed, out);
    }
}

bool tern_decode_valtype(Decoder *d, ValType *out)
{
    return decode_val(d, DIAG_MALFORMED_REFERENCE_TYPE, out);
}

bool tern_decode_storagetype(Decoder *d, ValType *out)
{
    u8 code;
    if (!peek_code(d, &code)) return false;
    if (code != VT_I8 && code != VT_I16) return decode_val(d, DIAG_MALFORMED_STORAGE_TYPE, out);
    d->c.p++;
    *out = code;
    return true;
}
