/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* immediates.c - what follows an opcode (spec 5.4).
 *
 * One case for each ImmKind. Everything that can be said about an immediate without looking at
 * operands is said here: whether an index exists, whether a lane or an alignment is in range. The
 * instruction's typing may then use every index without asking again.
 */
#include "binary/body.h"

static bool exists(Body *b, u32 index, u32 n, DiagCode code)
{
    return LIKELY(index < n) || tern_body_fail_number(b, code, index);
}

static bool read_index(Body *b, u32 *out, u32 n, DiagCode code)
{
    return read_u32(&b->d, out) && exists(b, *out, n, code);
}

static bool read_memory(Body *b, u32 *out)
{
    if (!read_index(b, out, b->module->nmemories, DIAG_UNKNOWN_MEMORY)) return false;
    return *out == 0 || tern_decoder_need(&b->d, FEATURE_MULTI_MEMORY, DIAG_ZERO_BYTE_EXPECTED);
}

static bool read_table(Body *b, u32 *out)
{
    if (!read_index(b, out, b->module->ntables, DIAG_UNKNOWN_TABLE)) return false;
    return *out == 0 || tern_decoder_need(&b->d, FEATURE_REFERENCE_TYPES, DIAG_ZERO_BYTE_EXPECTED);
}

static bool read_elem(Body *b, u32 *out)
{
    return read_index(b, out, b->module->nelems, DIAG_UNKNOWN_ELEM);
}

/* Data segments follow the bodies: the data count section announces them (spec 5.5.16). */
static bool read_data(Body *b, u32 *out)
{
    if (!read_u32(&b->d, out)) return false;
    if (!b->module->has_data_count) return body_fail(b, DIAG_DATA_COUNT_REQUIRED, NULL);
    return exists(b, *out, b->module->data_count, DIAG_UNKNOWN_DATA);
}

/* The kind of defined type that an instruction names by its index. */
static DefKind kind_of(Op op)
{
    switch ((int)op) {
    case OP_CALL_REF:
    case OP_RETURN_CALL_REF: return DEF_FUNC;
    case OP_STRUCT_NEW:
    case OP_STRUCT_NEW_DEFAULT:
    case OP_STRUCT_NEW_DESC:
    case OP_STRUCT_NEW_DEFAULT_DESC: return DEF_STRUCT;
    }
    return DEF_ARRAY;
}

static bool read_type(Body *b, u32 *out, DefKind kind, const DefType **def)
{
    return read_u32(&b->d, out) && tern_decoder_type_of_kind(&b->d, *out, kind, def);
}

/* A block with one result needs a FuncType; there is one per value type, kept from body to body. */
static const FuncType *block_type_of(Body *b, ValType type)
{
    BodyScratch *s = b->s;
    u64 *known = tern_map_get(&s->block_types, &type, sizeof type);
    if (known != NULL) return &((const BlockType *)(uintptr_t)*known)->sig;
    BlockType *block = tern_arena_alloc(&s->arena, sizeof *block, 1);
    if (block == NULL) return NULL;
    block->type = type;
    block->sig = (FuncType){.results = &block->type, .nresults = 1, .result_cells = vt_cells(type)};
    if (!tern_map_put(&s->block_types, s->alloc, &block->type, sizeof type, (uintptr_t)block))
        return NULL;
    return &block->sig;
}

#define PLAIN_BLOCK(code, cells)                                                  \
    {                                                                             \
        .results = &(const ValType){code}, .nresults = 1, .result_cells = (cells) \
    }
static const FuncType empty_block;
static const FuncType plain_blocks[] = {
    /* by 0x7f - code */
    PLAIN_BLOCK(VT_I32, 1),
    PLAIN_BLOCK(VT_I64, 1),
    PLAIN_BLOCK(VT_F32, 1),
    PLAIN_BLOCK(VT_F64, 1),
};

const FuncType *tern_body_plain_block(u8 byte)
{
    if (byte == 0x40) return &empty_block;
    return byte <= VT_I32 && byte >= VT_F64 ? &plain_blocks[VT_I32 - byte] : NULL;
}

static bool read_block_type(Body *b)
{
    Cursor *c = &b->d.c;
    if (UNLIKELY(c->p == c->end)) return tern_decoder_check(&b->d, DIAG_UNEXPECTED_END);
    u8 byte = *c->p;
    b->in.sig = tern_body_plain_block(byte);
    if (b->in.sig != NULL) {
        c->p++;
        return true;
    }
    if (byte > 0x40 && byte < 0x80) {
        ValType type;
        if (!tern_decode_valtype(&b->d, &type)) return false;
        b->in.sig = block_type_of(b, type);
        return b->in.sig != NULL || tern_body_no_memory(b);
    }
    s64 index;
    const DefType *def;
    if (!read_s33(&b->d, &index)) return false;
    if (index < 0 || index > UINT32_MAX)
        return body_fail(b, DIAG_UNKNOWN_TYPE, "%lld", (long long)index);
    if (!tern_decoder_type_of_kind(&b->d, (u32)index, DEF_FUNC, &def)) return false;
    b->in.sig = &def->u.func;
    return tern_decoder_need(&b->d, FEATURE_MULTI_VALUE, DIAG_UNKNOWN_TYPE);
}

static bool read_br_table(Body *b)
{
    u32 n;
    if (!tern_decode_count(&b->d, &n)) return false;
    U32Vec *targets = &b->s->targets;
    targets->n = 0;
    if (n == UINT32_MAX || !vec_reserve(targets, b->s->alloc, n + 1)) return tern_body_no_memory(b);
    for (u32 i = 0; i <= n; i++)
        if (!read_u32(&b->d, &targets->items[i])) return false;
    b->in.targets = targets->items;
    b->in.ntargets = n;
    return true;
}

static bool read_catches(Body *b)
{
    u32 n;
    if (!read_block_type(b) || !tern_decode_count(&b->d, &n)) return false;
    CatchVec *catches = &b->s->catches;
    catches->n = 0;
    if (!vec_reserve(catches, b->s->alloc, n)) return tern_body_no_memory(b);
    for (u32 i = 0; i < n; i++) {
        CatchClause clause = {0};
        if (!read_u8(&b->d, &clause.kind)) return false;
        if (clause.kind > 3) return tern_body_fail_number(b, DIAG_MALFORMED_CATCH, clause.kind);
        if (clause.kind < 2 && !read_index(b, &clause.tag, b->module->ntags, DIAG_UNKNOWN_TAG))
            return false;
        if (!read_u32(&b->d, &clause.label)) return false;
        catches->items[catches->n++] = clause;
    }
    b->in.catches = catches->items;
    b->in.ncatches = n;
    return true;
}

/* Bit 6 of the flags says that a memory index follows (spec 5.4.7). */
static bool read_memarg(Body *b, const OpInfo *info)
{
    u32 flags;
    Insn *in = &b->in;
    if (!read_u32(&b->d, &flags)) return false;
    in->index = 0;
    if (UNLIKELY(flags >= 0x80)) return body_fail(b, DIAG_MALFORMED_MEMOP, NULL);
    if (UNLIKELY(flags & 0x40)) {
        if (!tern_decoder_need(&b->d, FEATURE_MULTI_MEMORY, DIAG_MALFORMED_MEMOP)) return false;
        if (!read_u32(&b->d, &in->index)) return false;
        flags &= 0x3f;
    }
    if (!read_u64(&b->d, &in->bits)) return false;
    if (!exists(b, in->index, b->module->nmemories, DIAG_UNKNOWN_MEMORY)) return false;
    u32 natural = (u32)__builtin_ctz(info->mem_bytes);
    if (flags > natural) return body_fail(b, DIAG_ALIGNMENT, "%s", info->text);
    if (info->is_atomic && flags != natural)
        return body_fail(b, DIAG_ATOMIC_ALIGNMENT, "%s", info->text);
    if (in->bits > UINT32_MAX && !limits_is_64(&b->module->memories[in->index].limits))
        return body_fail(b, DIAG_OFFSET_RANGE, NULL);
    return true;
}

static bool read_lane(Body *b, const OpInfo *info)
{
    if (!read_u8(&b->d, &b->in.lane)) return false;
    return b->in.lane < info->nlanes || tern_body_fail_number(b, DIAG_LANE, b->in.lane);
}

static bool read_shuffle(Body *b)
{
    const u8 *lanes;
    if (!read_bytes(&b->d, 16, &lanes)) return false;
    memcpy(b->in.vec.bytes, lanes, 16);
    for (u32 i = 0; i < 16; i++)
        if (lanes[i] >= 32) return tern_body_fail_number(b, DIAG_LANE, lanes[i]);
    return true;
}

static bool read_select_types(Body *b)
{
    u32 n;
    if (!read_u32(&b->d, &n)) return false;
    if (n != 1) return body_fail(b, DIAG_RESULT_ARITY, "select needs one type, got %u", n);
    b->in.index = n;
    return tern_decode_valtype(&b->d, &b->in.type);
}

/* Bit 0: the source may be null; bit 1: the target may. */
static bool read_cast(Body *b)
{
    Insn *in = &b->in;
    if (!read_u8(&b->d, &in->cast_flags)) return false;
    if (in->cast_flags > 3) return tern_body_fail_number(b, DIAG_MALFORMED_CAST, in->cast_flags);
    return read_u32(&b->d, &in->index) &&
           tern_decode_heaptype(&b->d, in->cast_flags & 1, &in->type2) &&
           tern_decode_heaptype(&b->d, in->cast_flags & 2, &in->type);
}

static bool read_field(Body *b)
{
    const DefType *def;
    if (!read_type(b, &b->in.index, DEF_STRUCT, &def) || !read_u32(&b->d, &b->in.index2))
        return false;
    return exists(b, b->in.index2, def->u.strct.nfields, DIAG_UNKNOWN_FIELD);
}

static bool read_i32(Body *b)
{
    s32 v;
    if (!read_s32(&b->d, &v)) return false;
    b->in.bits = (u32)v;
    return true;
}

static bool read_i64(Body *b)
{
    s64 v;
    if (!read_s64(&b->d, &v)) return false;
    b->in.bits = (u64)v;
    return true;
}

static bool read_f32(Body *b)
{
    u32 v;
    if (!read_fixed_u32(&b->d, &v)) return false;
    b->in.bits = v;
    return true;
}

static bool read_v128(Body *b)
{
    const u8 *bytes;
    if (!read_bytes(&b->d, 16, &bytes)) return false;
    memcpy(b->in.vec.bytes, bytes, 16);
    return true;
}

static bool read_zero(Body *b)
{
    u8 zero;
    if (!read_u8(&b->d, &zero)) return false;
    return zero == 0 || body_fail(b, DIAG_ZERO_BYTE_EXPECTED, NULL);
}

static bool is_null_variant(Op op)
{
    return op == OP_REF_TEST_NULL || op == OP_REF_CAST_NULL || op == OP_REF_CAST_DESC_EQ_NULL;
}

bool tern_body_read_immediates(Body *b, const OpInfo *info)
{
    Insn *in = &b->in;
    const Module *m = b->module;
    const DefType *def;
    switch ((ImmKind)info->imm) {
    case IMM_NONE: return true;
    case IMM_I32: return read_i32(b);
    case IMM_I64: return read_i64(b);
    case IMM_F32: return read_f32(b);
    case IMM_F64: return read_fixed_u64(&b->d, &in->bits);
    case IMM_V128: return TERN_SIMD && read_v128(b);
    case IMM_BLOCK: return read_block_type(b);
    case IMM_LABEL: return read_u32(&b->d, &in->index);
    case IMM_BR_TABLE: return read_br_table(b);
    case IMM_FUNC: return read_index(b, &in->index, m->nfuncs, DIAG_UNKNOWN_FUNCTION);
    case IMM_CALL_INDIRECT:
        /* The table first, as the specification does: a module without tables is told so. */
        if (!read_u32(&b->d, &in->index) || !read_table(b, &in->index2)) return false;
        return tern_decoder_type_of_kind(&b->d, in->index, DEF_FUNC, &def);
    case IMM_TYPE:
        if (!TERN_GC) return false;
        if (in->op == OP_REF_GET_DESC) { /* asks only for a type with a descriptor */
            u32 id;
            return read_u32(&b->d, &in->index) && tern_decoder_type_id(&b->d, in->index, &id);
        }
        return read_type(b, &in->index, kind_of(in->op), &def);
    case IMM_LOCAL: return read_index(b, &in->index, b->nlocals, DIAG_UNKNOWN_LOCAL);
    case IMM_GLOBAL: return read_index(b, &in->index, m->nglobals, DIAG_UNKNOWN_GLOBAL);
    case IMM_TABLE: return read_table(b, &in->index);
    case IMM_TAG: return TERN_GC && read_index(b, &in->index, m->ntags, DIAG_UNKNOWN_TAG);
    case IMM_MEMORY: return read_memory(b, &in->index);
    case IMM_MEMORY_MEMORY: return read_memory(b, &in->index) && read_memory(b, &in->index2);
    case IMM_TABLE_TABLE: return read_table(b, &in->index) && read_table(b, &in->index2);
    case IMM_DATA_MEMORY:
        /* The memory first, as the specification does. */
        if (!read_u32(&b->d, &in->index) || !read_memory(b, &in->index2)) return false;
        if (!m->has_data_count) return body_fail(b, DIAG_DATA_COUNT_REQUIRED, NULL);
        return exists(b, in->index, m->data_count, DIAG_UNKNOWN_DATA);
    case IMM_DATA: return read_data(b, &in->index);
    case IMM_ELEM_TABLE:
        if (!read_u32(&b->d, &in->index) || !read_table(b, &in->index2)) return false;
        return exists(b, in->index, m->nelems, DIAG_UNKNOWN_ELEM);
    case IMM_ELEM: return read_elem(b, &in->index);
    case IMM_HEAP_TYPE: return tern_decode_heaptype(&b->d, true, &in->type);
    case IMM_REF_TYPE: return TERN_GC && tern_decode_heaptype(&b->d, is_null_variant(in->op), &in->type);
    case IMM_SELECT_TYPES: return read_select_types(b);
    case IMM_TYPE_FIELD: return TERN_GC && read_field(b);
    case IMM_TYPE_U32:
        return TERN_GC && read_type(b, &in->index, DEF_ARRAY, &def) && read_u32(&b->d, &in->index2);
    case IMM_TYPE_DATA:
        return TERN_GC && read_type(b, &in->index, DEF_ARRAY, &def) && read_data(b, &in->index2);
    case IMM_TYPE_ELEM:
        return TERN_GC && read_type(b, &in->index, DEF_ARRAY, &def) && read_elem(b, &in->index2);
    case IMM_TYPE_TYPE:
        return TERN_GC && read_type(b, &in->index, DEF_ARRAY, &def) &&
               read_type(b, &in->index2, DEF_ARRAY, &def);
    case IMM_CAST: return TERN_GC && read_cast(b);
    case IMM_TRY_TABLE: return TERN_GC && read_catches(b);
    case IMM_MEMARG: return read_memarg(b, info);
    case IMM_MEMARG_LANE: return TERN_SIMD && read_memarg(b, info) && read_lane(b, info);
    case IMM_LANE: return TERN_SIMD && read_lane(b, info);
    case IMM_SHUFFLE: return TERN_SIMD && read_shuffle(b);
    case IMM_ZERO_BYTE: return TERN_THREADS && read_zero(b);
    }
    return false;
}
