/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* const_expr.c - constant expressions (spec 3.4.13), typed on the way and kept as operations for
 * runtime/const_expr.c.
 *
 * Nothing in them branches, so a plain stack of types is the whole of validation.
 */
#include "binary/section.h"

static bool push(SectionDecoder *s, ValType type)
{
    return vec_push(&s->stack, s->m->alloc, type) || tern_decoder_fail(&s->d, DIAG_NO_MEMORY, NULL);
}

static bool pop(SectionDecoder *s, ValType expected)
{
    char want[48], have[48];
    if (s->stack.n == 0)
        return tern_decoder_fail(&s->d, DIAG_TYPE_MISMATCH, "expected %s, the stack is empty",
                                 tern_types_name(expected, want, sizeof want));
    ValType got = s->stack.items[--s->stack.n];
    if (tern_types_match(s->m->registry, got, expected)) return true;
    return tern_decoder_fail(&s->d, DIAG_TYPE_MISMATCH, "expected %s, got %s",
                             tern_types_name(expected, want, sizeof want),
                             tern_types_name(got, have, sizeof have));
}

static ValType unpacked(ValType t) { return t == VT_I8 || t == VT_I16 ? VT_I32 : t; }

/* What an allocation gives: exactly its type, where the proposal that tells the difference is
 * on. */
static ValType new_type(const SectionDecoder *s, const DefType *def)
{
    return vt_concrete(def->id, false, (s->d.features >> FEATURE_CUSTOM_DESCRIPTORS & 1) != 0);
}

static bool struct_new(SectionDecoder *s, ConstOp *op, bool has_values, bool has_desc)
{
    Decoder *d = &s->d;
    const DefType *def;
    if (!read_u32(d, &op->index) || !tern_decoder_type_of_kind(d, op->index, DEF_STRUCT, &def))
        return false;
    const StructType *strct = &def->u.strct;
    for (u32 i = 0; i < strct->nfields && !has_values; i++)
        if (!vt_is_defaultable(strct->fields[i].type))
            return tern_decoder_fail(d, DIAG_FIELD_NOT_DEFAULTABLE, "field %u", (unsigned)i);
    if (def->descriptor != TYPE_NONE && !has_desc)
        return tern_decoder_fail(d, DIAG_NEEDS_DESCRIPTOR, NULL);
    if (def->descriptor == TYPE_NONE && has_desc)
        return tern_decoder_fail(d, DIAG_NEEDS_NO_DESCRIPTOR, NULL);
    if (has_desc && !pop(s, vt_concrete(def->descriptor, true, true))) return false;
    for (u32 i = has_values ? strct->nfields : 0; i-- > 0;)
        if (!pop(s, unpacked(strct->fields[i].type))) return false;
    return push(s, new_type(s, def));
}

static bool array_new(SectionDecoder *s, ConstOp *op, bool has_value)
{
    Decoder *d = &s->d;
    const DefType *def;
    if (!read_u32(d, &op->index) || !tern_decoder_type_of_kind(d, op->index, DEF_ARRAY, &def))
        return false;
    if (!has_value && !vt_is_defaultable(def->u.array.type))
        return tern_decoder_fail(d, DIAG_ARRAY_NOT_DEFAULTABLE, NULL);
    if (!pop(s, VT_I32)) return false;
    if (has_value && !pop(s, unpacked(def->u.array.type))) return false;
    return push(s, new_type(s, def));
}

static bool array_new_fixed(SectionDecoder *s, ConstOp *op)
{
    Decoder *d = &s->d;
    const DefType *def;
    if (!read_u32(d, &op->index) || !tern_decoder_type_of_kind(d, op->index, DEF_ARRAY, &def))
        return false;
    if (!read_u32(d, &op->index2)) return false;
    for (u32 i = 0; i < op->index2; i++) /* ends with the stack, whatever the count says */
        if (!pop(s, unpacked(def->u.array.type))) return false;
    return push(s, new_type(s, def));
}

static bool global_get(SectionDecoder *s, ConstOp *op)
{
    if (!tern_section_index(s, s->m->nglobals, DIAG_UNKNOWN_GLOBAL, &op->index)) return false;
    const GlobalType *global = &s->m->globals[op->index].type;
    if (global->is_mutable)
        return tern_decoder_fail(&s->d, DIAG_CONSTANT_REQUIRED, "global %u is mutable",
                                 (unsigned)op->index);
    return push(s, global->type);
}

static bool ref_func(SectionDecoder *s, ConstOp *op)
{
    if (!tern_section_index(s, s->m->nfuncs, DIAG_UNKNOWN_FUNCTION, &op->index)) return false;
    Func *func = &s->m->funcs[op->index];
    func->is_declared = true;
    bool is_exact = func->is_exact && (s->d.features >> FEATURE_CUSTOM_DESCRIPTORS & 1) != 0;
    return push(s, vt_concrete(func->type_id, false, is_exact));
}

static bool convert(SectionDecoder *s, HeapCode from, HeapCode to)
{
    bool nullable = s->stack.n == 0 || vt_is_nullable(s->stack.items[s->stack.n - 1]);
    return pop(s, vt_abstract(from, true)) && push(s, vt_abstract(to, nullable));
}

static bool binary(SectionDecoder *s, ValType type)
{
    if (!tern_decoder_need(&s->d, FEATURE_EXTENDED_CONST, DIAG_CONSTANT_REQUIRED)) return false;
    return pop(s, type) && pop(s, type) && push(s, type);
}

/* Reads the opcode; false with "illegal opcode" if there is none such. */
static bool decode_op(SectionDecoder *s, Op *op)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u8 byte;
    if (!read_u8(d, &byte)) return false;
    *op = (Op)tern_op_of_byte[byte];
    if (byte >= 0xfb && byte <= 0xfe) {
        u32 code;
        if (!read_u32(d, &code)) return false;
        *op = tern_op_of_code(byte, code);
        FeatureId left_out = *op == OP_NONE ? tern_op_left_out(byte, code) : FEATURE_COUNT;
        if (left_out != FEATURE_COUNT) return tern_decoder_need(d, left_out, DIAG_ILLEGAL_OPCODE);
        if (*op == OP_NONE)
            return tern_decoder_say(d, at, DIAG_ILLEGAL_OPCODE, " %02x %02x", byte,
                                        (unsigned)code);
    }
    if (*op == OP_NONE) return tern_decoder_say(d, at, DIAG_ILLEGAL_OPCODE, " %02x", byte);
    return tern_decoder_need(d, (FeatureId)tern_op_info[*op].feature, DIAG_ILLEGAL_OPCODE);
}

/* The immediates and the typing of one operation that is not the end. A switch, and one with a
 * default: that an instruction is constant is a property of these few. */
static bool decode_const_op(SectionDecoder *s, const u8 *at, ConstOp *op)
{
    Decoder *d = &s->d;
    switch ((u32)op->op) {
    case OP_I32_CONST: {
        s32 value;
        if (!read_s32(d, &value)) return false;
        op->u.bits = (u32)value;
        return push(s, VT_I32);
    }
    case OP_I64_CONST: {
        s64 value;
        if (!read_s64(d, &value)) return false;
        op->u.bits = (u64)value;
        return push(s, VT_I64);
    }
    case OP_F32_CONST: {
        u32 bits;
        if (!read_fixed_u32(d, &bits)) return false;
        op->u.bits = bits;
        return push(s, VT_F32);
    }
    case OP_F64_CONST: return read_fixed_u64(d, &op->u.bits) && push(s, VT_F64);
    case OP_V128_CONST: {
        const u8 *bytes;
        if (!read_bytes(d, sizeof op->u.vec.bytes, &bytes)) return false;
        memcpy(op->u.vec.bytes, bytes, sizeof op->u.vec.bytes);
        return push(s, VT_V128);
    }
    case OP_I32_ADD:
    case OP_I32_SUB:
    case OP_I32_MUL: return binary(s, VT_I32);
    case OP_I64_ADD:
    case OP_I64_SUB:
    case OP_I64_MUL: return binary(s, VT_I64);
    case OP_GLOBAL_GET: return global_get(s, op);
    case OP_REF_NULL: return tern_decode_heaptype(d, true, &op->u.type) && push(s, op->u.type);
    case OP_REF_FUNC: return ref_func(s, op);
    case OP_REF_I31: return pop(s, VT_I32) && push(s, vt_abstract(HEAP_I31, false));
    case OP_STRUCT_NEW: return TERN_GC && struct_new(s, op, true, false);
    case OP_STRUCT_NEW_DEFAULT: return TERN_GC && struct_new(s, op, false, false);
    case OP_STRUCT_NEW_DESC: return TERN_GC && struct_new(s, op, true, true);
    case OP_STRUCT_NEW_DEFAULT_DESC: return TERN_GC && struct_new(s, op, false, true);
    case OP_ARRAY_NEW: return TERN_GC && array_new(s, op, true);
    case OP_ARRAY_NEW_DEFAULT: return TERN_GC && array_new(s, op, false);
    case OP_ARRAY_NEW_FIXED: return TERN_GC && array_new_fixed(s, op);
    case OP_ANY_CONVERT_EXTERN: return TERN_GC && convert(s, HEAP_EXTERN, HEAP_ANY);
    case OP_EXTERN_CONVERT_ANY: return TERN_GC && convert(s, HEAP_ANY, HEAP_EXTERN);
    case OP_ELSE: return tern_decoder_fail_at(d, at, DIAG_END_EXPECTED, NULL);
    default:
        return tern_decoder_fail_at(d, at, DIAG_CONSTANT_REQUIRED, "not %s",
                                    tern_op_info[op->op].text);
    }
}

bool tern_const_expr_decode(SectionDecoder *s, ValType expected, ConstExpr *out)
{
    s->stack.n = s->ops.n = 0;
    u32 offset = (u32)cursor_offset(&s->d.c);
    for (;;) {
        const u8 *at = s->d.c.p;
        ConstOp op = {0};
        if (!decode_op(s, &op.op)) return false;
        if (op.op == OP_END) break;
        if (!decode_const_op(s, at, &op)) return false;
        if (!vec_push(&s->ops, s->m->alloc, op))
            return tern_decoder_fail(&s->d, DIAG_NO_MEMORY, NULL);
    }
    if (!pop(s, expected)) return false;
    if (s->stack.n != 0)
        return tern_decoder_fail(&s->d, DIAG_TYPE_MISMATCH, "values left on the stack: %u",
                                 (unsigned)s->stack.n);

    ConstOp *ops = tern_section_alloc(s, sizeof *ops, s->ops.n);
    if (ops == NULL) return false;
    memcpy(ops, s->ops.items, s->ops.n * sizeof *ops);
    *out = (ConstExpr){ops, s->ops.n, offset};
    return true;
}
