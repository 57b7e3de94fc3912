/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* rows.c - operands, cases and modules of a row (rows.h). Everything is a function of the row alone. */
#include "rows.h"

#include <stdio.h>

typedef union NumBits32 {
    u32 bits;
    float value;
} NumBits32;
typedef union NumBits64 {
    u64 bits;
    double value;
} NumBits64;

/* --- operands ------------------------------------------------------------------------------------- */

#define V(x) {{(x), 0}}
#define V2(x, y) {{(x), (y)}}
static const Bits edges_i32[] = {
    V(0), V(1), V(2), V(0xffffffff), V(0xfffffffe), V(0x7fffffff), V(0x80000000), V(0x80000001), V(31), V(32),
    V(33), V(0x7f), V(0x80), V(0xff), V(0x8000), V(0xffff7fff),
};
static const Bits edges_i64[] = {
    V(0), V(1), V(2), V(~0ull), V(0x7fffffffffffffff), V(0x8000000000000000), V(0x8000000000000001), V(63), V(64),
    V(65), V(0x80), V(0x8000), V(0x7fffffff), V(0x80000000), V(0xffffffff), V(0x100000000), V(0xffffffff7fffffff),
    V(0x20000000000001), V(0xffffff7fffffff80),
};
static const Bits edges_f32[] = {
    V(0), V(0x80000000), V(0x3f800000), V(0xbf800000), V(0x3f000000), V(0xbf000000), V(0x3fc00000), V(0x40200000),
    V(0xbefffffe), V(1), V(0x807fffff), V(0x00800000), V(0x7f7fffff), V(0x7f800000), V(0xff800000), V(0x7fc00000),
    V(0xffc01234), V(0x7f812345), V(0xffa00001), V(0x4b000001), V(0x4affffff), V(0xcf000001), V(0x4f000000), V(0xcf000000),
    V(0x4effffff), V(0x4f800000), V(0x4f7fffff), V(0x5f000000), V(0xdf000000), V(0x5effffff), V(0x5f800000), V(0x5f7fffff),
    V(0xbf7fffff), V(0xdf000001),
};
static const Bits edges_f64[] = {
    V(0), V(0x8000000000000000), V(0x3ff0000000000000), V(0xbff0000000000000), V(0x3fe0000000000000), V(0xbfe0000000000000),
    V(0x3ff8000000000000), V(0x4004000000000000), V(0xbfdfffffffffffff), V(1), V(0x800fffffffffffff), V(0x0010000000000000),
    V(0x7fefffffffffffff), V(0x7ff0000000000000), V(0xfff0000000000000), V(0x7ff8000000000000), V(0xfff8000000012345),
    V(0x7ff0000000012345), V(0xfff4000000000001), V(0x4330000000000001), V(0x432fffffffffffff), V(0xc1e0000000200000),
    V(0x41e0000000000000), V(0xc1e0000000000000), V(0xc1e00000001fffff), V(0x41dfffffffffffff), V(0x41efffffffffffff),
    V(0x41f0000000000000), V(0x43e0000000000000), V(0xc3e0000000000000), V(0x43dfffffffffffff), V(0x43f0000000000000),
    V(0x43efffffffffffff), V(0xbfefffffffffffff), V(0xc3e0000000000001), V(0x36a0000000000000), V(0x47efffffefffffff),
    V(0x47effffff0000000), V(0x380fffffffffffff),
};
static const Bits edges_v128[] = {
    V2(0, 0), V2(~0ull, ~0ull), V2(0x0706050403020100, 0x0f0e0d0c0b0a0908), V2(0x1f1e1d1c1b1a1918, 0xff807f0110f00f81),
    V2(0x8080808080808080, 0x7f7f7f7f7f7f7f7f), V2(0x80007fff80017ffe, 0x0001ffff00ff8000),
    V2(0x800000007fffffff, 0x80000001ffffffff), V2(0x8000000000000000, 0x7fffffffffffffff),
    V2(0x0000800000007fff, 0xffff8000ffff7fff), V2(0x007f0080ff7fff80, 0x00ff0100ff000101),
    V2(0x3f80000080000000, 0x7fc00000ff800000), V2(0x7f8123457f800000, 0x3f000000bfc00000),
    V2(0x4f0000004effffff, 0xcf0000004f800000), V2(0xffc012340000001, 0x807fffff7f7fffff),
    V2(0x4b0000014affffff, 0xbeffffffc0200000), V2(0x3ff0000000000000, 0x8000000000000000),
    V2(0x7ff8000000000000, 0x7ff0000000000000), V2(0x7ff0000000012345, 0xbfe0000000000000),
    V2(0x41dfffffffffffff, 0xc1e0000000200000), V2(0x41f0000000000000, 0x4004000000000000),
    V2(0x0010000000000001, 0xffefffffffffffff), V2(0x47efffffefffffff, 0x36a0000000000000),
};
/* Addresses: around what the image covers, around the end of the memory and of the address space. */
static const Bits edges_addr[] = {
    V(SCRATCH_AT), V(SCRATCH_AT + 1), V(SCRATCH_AT + 2), V(SCRATCH_AT + 4), V(SCRATCH_AT + 8), V(SCRATCH_AT + 16),
    V(SCRATCH_AT + 31), V(0), V(TAIL_AT), V(TAIL_AT + 16), V(PAGE_BYTES - 15), V(PAGE_BYTES - 8), V(PAGE_BYTES - 7),
    V(PAGE_BYTES - 4), V(PAGE_BYTES - 2), V(PAGE_BYTES - 1), V(PAGE_BYTES), V(PAGE_BYTES + 999), V(0x7fffffff), V(0x80000000),
    V(0xfffffff0), V(0xffffffff),
};
static const u32 offsets[] = {0, 1, 32, PAGE_BYTES - SCRATCH_AT, 0xffffffff, 0x80000000};
static const Bits edges_special[] = {
    V(0), V(1), V(2), V(3), V(4), V(5), V(7), V(8), V(9), V(10), V(11), V(SCRATCH_AT), V(SCRATCH_AT + 13), V(63), V(64),
    V(TAIL_AT), V(PAGE_BYTES - 1), V(PAGE_BYTES), V(PAGE_BYTES + 1), V(0x7fffffff), V(0x80000000), V(0xffffffff),
};
static const Bits edges_timeout[] = {V(0), V(1), V(100000)};
#undef V
#undef V2

#define EDGES(list) (*out = (list), (u32)COUNT_OF(list))
static u32 edges_of_type(OpType type, const Bits **out)
{
    switch (type) {
    case OT_i64: return EDGES(edges_i64);
    case OT_f32: return EDGES(edges_f32);
    case OT_f64: return EDGES(edges_f64);
    case OT_v128: return EDGES(edges_v128);
    case OT_addr: return EDGES(edges_addr);
    default: return EDGES(edges_i32);
    }
}

u32 edges_of(const Row *row, u32 arg, const Bits **out)
{
    if (row->special != NULL) return EDGES(edges_special);
    if (row->info->shape == SHAPE_ATOMIC && arg == 2) return EDGES(edges_timeout);
    return edges_of_type(row->args[arg], out);
}

static u64 next_random(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1dull;
}

/* A lane of the width: an edge, a number near zero, or any bits. */
static u64 random_lane(u64 *state, u32 bits)
{
    u64 r = next_random(state), mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    switch (r >> 62) {
    case 0: return next_random(state) & mask;
    case 1: return (u64)((s64)(r % 40) - 20) & mask;
    case 2: return ((u64)1 << (bits - 1 - (r & 1))) + (r >> 1) % 3 - 1;
    default: break;
    }
    if (bits == 32) return edges_f32[r % COUNT_OF(edges_f32)].c[0];
    if (bits == 64) return edges_f64[r % COUNT_OF(edges_f64)].c[0];
    return 1ull << r % bits;
}

static Bits random_bits(u64 *state, OpType type)
{
    u64 r = next_random(state);
    switch (type) {
    case OT_i32:
    case OT_f32: {
        /* moderate floats half of the time: small integers and eighths */
        NumBits32 v = {.value = (float)((s32)(r >> 32) >> (r & 31)) / 8};
        if (type == OT_f32 && (r >> 5 & 1) != 0) return (Bits){{v.bits, 0}};
        return (Bits){{random_lane(state, 32), 0}};
    }
    case OT_f64: {
        NumBits64 v = {.value = (double)((s32)(r >> 32) >> (r & 31)) / 8};
        if ((r >> 5 & 1) != 0) return (Bits){{v.bits, 0}};
        return (Bits){{random_lane(state, 64), 0}};
    }
    case OT_v128: {
        Bits v = {{0, 0}};
        u32 bits = 8u << (r & 3);
        for (u32 at = 0; at < 128; at += bits) v.c[at / 64] |= random_lane(state, bits) << at % 64;
        return v;
    }
    case OT_addr: return (Bits){{SCRATCH_AT + r % 49, 0}};
    default: return (Bits){{random_lane(state, 64), 0}};
    }
}

Bits case_operand(const Case *c, u32 arg)
{
    Bits v;
    memcpy(&v, c->image + IN_AT + arg * IN_STEP, sizeof v);
    return v;
}

u64 case_address(const Row *row, const Case *c)
{
    u32 nlanes = row->info->nlanes, variant = c->variant;
    if (nlanes > 0) variant = variant < nlanes ? 0 : variant - nlanes + 1;
    return case_operand(c, 0).c[0] + offsets[variant];
}

/* --- rows ----------------------------------------------------------------------------------------- */

static const char *const float_arithmetic[] = {
    "ceil", "floor", "trunc", "nearest", "sqrt", "add", "sub", "mul", "div", "min", "max", "relaxed_madd", "relaxed_nmadd",
};

static void find_nans(Row *row)
{
    const char *text = row->info->text, *name = strchr(text, '.');
    if (name == NULL || text[0] != 'f') return;
    u32 bits = text[1] == '3' ? 32 : 64;
    name++;
    if (strncmp(name, "demote", 6) == 0) {
        row->nan_in = 64;
        row->nan_out = 32;
    } else if (strncmp(name, "promote", 7) == 0) {
        row->nan_in = 32;
        row->nan_out = 64;
    }
    for (u32 i = 0; i < COUNT_OF(float_arithmetic); i++)
        if (strcmp(name, float_arithmetic[i]) == 0) row->nan_in = row->nan_out = bits;
}

/* Of what a relaxed instruction may do we chose something strict (ops/simd.h); engines agree on that. */
static const struct { Op op; const char *text; } strict_meanings[] = {
    {OP_I8X16_RELAXED_SWIZZLE, "local.get 0 local.get 1 i8x16.swizzle"},
    {OP_I32X4_RELAXED_TRUNC_F32X4_S, "local.get 0 i32x4.trunc_sat_f32x4_s"},
    {OP_I32X4_RELAXED_TRUNC_F32X4_U, "local.get 0 i32x4.trunc_sat_f32x4_u"},
    {OP_I32X4_RELAXED_TRUNC_F64X2_S_ZERO, "local.get 0 i32x4.trunc_sat_f64x2_s_zero"},
    {OP_I32X4_RELAXED_TRUNC_F64X2_U_ZERO, "local.get 0 i32x4.trunc_sat_f64x2_u_zero"},
    {OP_F32X4_RELAXED_MADD, "local.get 0 local.get 1 f32x4.mul local.get 2 f32x4.add"},
    {OP_F32X4_RELAXED_NMADD, "local.get 0 f32x4.neg local.get 1 f32x4.mul local.get 2 f32x4.add"},
    {OP_F64X2_RELAXED_MADD, "local.get 0 local.get 1 f64x2.mul local.get 2 f64x2.add"},
    {OP_F64X2_RELAXED_NMADD, "local.get 0 f64x2.neg local.get 1 f64x2.mul local.get 2 f64x2.add"},
    {OP_I8X16_RELAXED_LANESELECT, "local.get 0 local.get 1 local.get 2 v128.bitselect"},
    {OP_I16X8_RELAXED_LANESELECT, "local.get 0 local.get 1 local.get 2 v128.bitselect"},
    {OP_I32X4_RELAXED_LANESELECT, "local.get 0 local.get 1 local.get 2 v128.bitselect"},
    {OP_I64X2_RELAXED_LANESELECT, "local.get 0 local.get 1 local.get 2 v128.bitselect"},
    {OP_F32X4_RELAXED_MIN, "local.get 0 local.get 1 f32x4.pmin"},
    {OP_F32X4_RELAXED_MAX, "local.get 0 local.get 1 f32x4.pmax"},
    {OP_F64X2_RELAXED_MIN, "local.get 0 local.get 1 f64x2.pmin"},
    {OP_F64X2_RELAXED_MAX, "local.get 0 local.get 1 f64x2.pmax"},
    {OP_I16X8_RELAXED_Q15MULR_S, "local.get 0 local.get 1 i16x8.q15mulr_sat_s"},
/* The even products and the odd ones, as 16-bit lanes. */
#define DOT                                                                       \
    "local.get 0 i32.const 8 i16x8.shl i32.const 8 i16x8.shr_s "                  \
    "local.get 1 i32.const 8 i16x8.shl i32.const 8 i16x8.shr_s i16x8.mul "        \
    "local.get 0 i32.const 8 i16x8.shr_s local.get 1 i32.const 8 i16x8.shr_s "    \
    "i16x8.mul i16x8.add"
    {OP_I16X8_RELAXED_DOT_I8X16_I7X16_S, DOT},
    {OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S, DOT " i32x4.extadd_pairwise_i16x8_s local.get 2 i32x4.add"},
};

static u32 count_variants(const Row *row)
{
    const OpInfo *info = row->info;
    const Bits *edges;
    if (row->special != NULL) {
        u32 n = 0;
        while (n < COUNT_OF(row->special->text) && row->special->text[n] != NULL && row->special->text[n][0] != ':') n++;
        return n;
    }
    switch (info->imm) {
    case IMM_MEMARG: return COUNT_OF(offsets);
    case IMM_MEMARG_LANE: return info->nlanes + 2;
    case IMM_LANE: return info->nlanes;
    case IMM_SHUFFLE: return 24;
    default: break;
    }
    if (info->shape == SHAPE_CONST) return edges_of_type(row->results[0], &edges);
    return 1;
}

static void add_case(Row *row, u32 variant, const s32 *edge, u64 *state)
{
    if ((row->ncases & (row->ncases - 1)) == 0) {
        row->cases = realloc(row->cases, sizeof *row->cases * (row->ncases == 0 ? 1 : 2 * row->ncases));
        if (row->cases == NULL) abort();
    }
    Case *c = &row->cases[row->ncases++];
    *c = (Case){.variant = variant};
    memset(c->image + OUT_AT, 0xcc, OUT_BYTES);
    for (u32 at = SCRATCH_AT; at < IMAGE_BYTES; at += 8) {
        u64 v = random_lane(state, 64);
        if ((next_random(state) & 1) != 0) v = random_lane(state, 32) << 32 | random_lane(state, 32);
        memcpy(c->image + at, &v, 8);
    }
    for (u32 i = 0; i < row->nargs; i++) {
        const Bits *edges;
        u32 n = edges_of(row, i, &edges);
        bool is_edge = edge != NULL || row->special != NULL || edges == edges_timeout;
        u32 k = edge != NULL ? (u32)edge[i] % n : (u32)(next_random(state) >> 33) % n;
        Bits v = is_edge ? edges[k] : random_bits(state, row->args[i]);
        c->edge[i] = (s16)(is_edge ? (s32)k : -1);
        memcpy(c->image + IN_AT + i * IN_STEP, &v, sizeof v);
    }
    /* What is compared with memory is there half of the time. */
    u64 addr = case_operand(c, 0).c[0];
    if (row->is_memory && row->nargs == 3 && variant == 0 && (next_random(state) & 1) != 0 &&
        addr >= SCRATCH_AT && addr <= LOW_BYTES - 8)
        memcpy(c->image + addr, c->image + IN_AT + IN_STEP, row->info->mem_bytes);
    if (row->is_memory) {
        u32 aux = (u32)addr - ADDRESS_PART;
        memcpy(c->image + AUX_AT, &aux, sizeof aux);
    }
}

static void make_cases(Row *row)
{
    u64 state = 0x9e3779b97f4a7c15ull;
    for (const char *p = row->info->text; *p != '\0'; p++) state = (state ^ (u8)*p) * 0x100000001b3ull;
    u32 n[OP_MAX_ARGS] = {1, 1, 1, 1};
    const Bits *edges;
    for (u32 i = 0; i < row->nargs; i++) n[i] = edges_of(row, i, &edges);
    for (u32 variant = 0; variant < row->nvariants; variant++) {
        bool is_whole = variant == 0 || row->special != NULL;
        u32 columns = is_whole || row->nargs < 2 ? n[1] : 2;
        for (u32 i = 0; i < n[0] && row->nargs > 0; i++)
            for (u32 j = 0; j < columns; j++) {
                u32 k = i * 5 + j;
                s32 edge[] = {(s32)i, (s32)(is_whole ? j : i + j * 7), (s32)k, (s32)(i + j * 3)};
                add_case(row, variant, edge, &state);
            }
        for (u32 i = 0; i < (row->nargs == 0 ? 1u : is_whole ? 64u : 8u); i++) add_case(row, variant, NULL, &state);
    }
}

bool row_init(Row *row, Op op, const char **why)
{
    *row = (Row){.op = op, .info = &tern_op_info[op]};
    const OpInfo *info = row->info;
    if (info->shape == SHAPE_SPECIAL) {
        for (u32 i = 0; i < nspecial_rows; i++)
            if (special_rows[i].op == op) row->special = &special_rows[i];
        *why = info->feature == FEATURE_CUSTOM_DESCRIPTORS ? "no other engine has the proposal's present encoding"
                                                           : "no test text for it";
        if (row->special == NULL) return false;
        row->nargs = 3;
        for (u32 i = 0; i < 3; i++) row->args[i] = OT_i32;
        row->nresults = 1;
        row->results[0] = OT_i32;
    } else {
        row->nargs = info->nargs;
        row->nresults = info->nresults;
        for (u32 i = 0; i < row->nargs; i++) row->args[i] = (OpType)info->args[i];
        for (u32 i = 0; i < row->nresults; i++) row->results[i] = (OpType)info->results[i];
        row->is_memory = row->nargs > 0 && row->args[0] == OT_addr;
    }
    for (u32 i = 0; i < COUNT_OF(strict_meanings); i++)
        if (strict_meanings[i].op == op) row->oracle_text = strict_meanings[i].text;
    find_nans(row);
    row->nvariants = count_variants(row);
    make_cases(row);
    return true;
}

void row_done(Row *row)
{
    free(row->cases);
    *row = (Row){0};
}

/* --- instructions --------------------------------------------------------------------------------- */

static void put_memarg(Bytes *b, u32 align, u64 offset, const Build *build)
{
    put_uleb(b, align | (build->memory != 0 ? 0x40 : 0));
    if (build->memory != 0) put_uleb(b, build->memory);
    put_uleb(b, offset);
}

static void put_shuffle_lanes(Bytes *b, u32 variant)
{
    u64 state = 0x1234567 + variant;
    for (u32 i = 0; i < 16; i++) {
        u32 word = i / 4, of_byte = i % 4, lane;
        switch (variant) {
        case 0: lane = i; break;
        case 1: lane = 16 + i; break;
        case 2: lane = 31 - i; break;
        case 3: lane = of_byte; break;                         /* a splat of four bytes */
        case 4: lane = 20 + of_byte; break;
        case 5: lane = 4 * (word ^ 3) + of_byte; break;        /* four bytes at a time, */
        case 6: lane = 4 * (word * 5 % 8) + of_byte; break;    /* of both operands */
        case 7: lane = 4 * (7 - word) + of_byte; break;
        case 8: lane = i / 2 + (i % 2) * 16; break;            /* interleaved */
        case 9: lane = 8 + i / 2 + (i % 2) * 16; break;
        case 10: lane = i / 4 * 2 + i % 2 + i / 2 % 2 * 16; break;
        case 11: lane = i % 8 + (i / 8) * 16; break;
        case 12: lane = 7; break;
        case 13: lane = i + 5; break;
        default: lane = (u32)(next_random(&state) >> 40) % 32; break;
        }
        put_byte(b, (u8)lane);
    }
}

void put_row(Bytes *b, const Row *row, u32 variant, const Build *build)
{
    const OpInfo *info = row->info;
    if (row->special != NULL) {
        put_text(b, row->special->text[variant], row->op);
        return;
    }
    u32 align = (u32)__builtin_ctz(info->mem_bytes | 0x100);
    if (info->shape == SHAPE_CONST) {
        const Bits *edges;
        edges_of_type(row->results[0], &edges);
        put_const(b, row->results[0], edges[variant]);
        return;
    }
    put_op(b, row->op);
    switch (info->imm) {
    case IMM_MEMARG: put_memarg(b, info->is_atomic || variant == 0 ? align : 0, offsets[variant], build); break;
    case IMM_MEMARG_LANE:
        put_memarg(b, variant == 0 ? align : 0, variant < info->nlanes ? 0 : offsets[variant - info->nlanes + 1], build);
        put_byte(b, (u8)(variant % info->nlanes));
        break;
    case IMM_LANE: put_byte(b, (u8)variant); break;
    case IMM_SHUFFLE: put_shuffle_lanes(b, variant); break;
    case IMM_ZERO_BYTE: put_byte(b, 0); break;
    default: break;
    }
}

u32 local_index(u32 local, const Build *build)
{
    return local + (build->is_far ? 40000 : 0);
}

void put_address(Bytes *b, u32 at, const Build *build)
{
    if (build->is_64) {
        put_const(b, OT_i64, (Bits){{at, 0}});
    } else {
        put_i32(b, at);
    }
}

void put_load(Bytes *b, OpType type, u32 at, const Build *build)
{
    static const Op loads[] = {OP_NOP, OP_I32_LOAD, OP_I64_LOAD, OP_F32_LOAD, OP_F64_LOAD, OP_V128_LOAD, OP_I32_LOAD};
    put_address(b, at, build);
    put_op(b, type == OT_addr && build->is_64 ? OP_I64_LOAD32_U : loads[type]);
    put_memarg(b, 0, 0, build);
}

void put_store(Bytes *b, OpType type, const Build *build)
{
    static const Op stores[] = {OP_NOP, OP_I32_STORE, OP_I64_STORE, OP_F32_STORE, OP_F64_STORE, OP_V128_STORE, OP_NOP};
    put_op(b, stores[type]);
    put_memarg(b, 0, 0, build);
}

/* --- modules -------------------------------------------------------------------------------------- */

static u8 operand_code(OpType type, const Build *build)
{
    return type == OT_addr && build->is_64 ? 0x7e : type_code(type);
}

static bool is_rich(const Row *row)
{
    return row->info->feature == FEATURE_GC || row->info->feature == FEATURE_FUNCTION_REFERENCES;
}

void put_prologue(Bytes *b, const Row *row, const Build *build)
{
    static const u8 references[] = {1, 0x63, 5, 1, 0x63, 6, 1, 0x63, 7, 1, 0x63, 8, 1, 0x63, 11, 1, 0x6e,
                                    1, 0x63, 13, 1, 0x63, 16, 1, 0x63, 17};
    put_uleb(b, LOCAL_COUNT + (build->is_far ? 1u : 0u) + (is_rich(row) ? 9u : 0u));
    if (build->is_far) {
        put_uleb(b, 40000);
        put_byte(b, 0x7b);
    }
    for (u32 i = 0; i < LOCAL_COUNT; i++) {
        u8 code = 0x7f;
        if (i < row->nargs) code = operand_code(row->args[i], build);
        if (i >= LOCAL_R0 && i < LOCAL_R0 + row->nresults) code = type_code(row->results[i - LOCAL_R0]);
        if (i == LOCAL_I64) code = 0x7e;
        put_byte(b, 1);
        put_byte(b, code);
    }
    if (is_rich(row)) put_bytes(b, references, sizeof references);
    for (u32 i = 0; i < row->nargs; i++) {
        put_load(b, row->args[i], IN_AT + i * IN_STEP, build);
        put_index(b, OP_LOCAL_SET, local_index(i, build));
    }
    if (row->special != NULL) {
        put_load(b, OT_i64, IN_AT, build);
        put_index(b, OP_LOCAL_SET, LOCAL_I64);
    }
}

static void put_types(Bytes *out, const Row *row, const Build *build)
{
    static const u8 plain[] = {0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7f};
    static const u8 rich[] = {
        0x5f, 4, 0x7f, 1, 0x78, 1, 0x77, 1, 0x7e, 1,    /* 5: struct of i32, i8, i16, i64, all mutable */
        0x5e, 0x7f, 1,                                  /* 6: array of i32 */
        0x5e, 0x78, 1,                                  /* 7: array of i8 */
        0x5e, 0x70, 1,                                  /* 8: array of funcref */
        0x50, 0, 0x5f, 1, 0x7f, 1,                      /* 9: struct of i32, open */
        0x50, 1, 9, 0x5f, 2, 0x7f, 1, 0x7f, 1,          /* 10: its subtype */
        0x5e, 0x77, 1,                                  /* 11: array of i16 */
        0x5f, 2, 0x63, 5, 1, 0x63, 6, 1,                /* 12: struct of references to 5 and 6 */
        0x5f, 3, 0x7d, 1, 0x7c, 1, 0x7b, 1,             /* 13: struct of f32, f64, v128 */
        0x5e, 0x7d, 1, 0x5e, 0x7c, 1,                   /* 14, 15: arrays of f32, f64 */
        0x5e, 0x7e, 1, 0x5e, 0x7b, 1,                   /* 16, 17: arrays of i64, v128 */
    };
    Bytes b = {0};
    put_uleb(&b, TYPE_RICH + (is_rich(row) ? 13u : 0u));
    put_bytes(&b, plain, sizeof plain);
    put_byte(&b, 0x60);
    put_byte(&b, (u8)row->nargs);
    for (u32 i = 0; i < row->nargs; i++) put_byte(&b, operand_code(row->args[i], build));
    put_byte(&b, (u8)row->nresults);
    for (u32 i = 0; i < row->nresults; i++) put_byte(&b, type_code(row->results[i]));
    put_bytes(&b, "\x60\x01\x7f\0", 4);
    if (is_rich(row)) put_bytes(&b, rich, sizeof rich);
    put_section(out, 1, &b);
}

static void put_memories(Bytes *out, const Row *row, const Build *build)
{
    Bytes b = {0};
    bool is_shared = row->info->shape == SHAPE_ATOMIC;
    put_uleb(&b, build->memory + 1);
    for (u32 i = 0; i < build->memory; i++) put_bytes(&b, "\0\1", 2);
    put_byte(&b, (u8)(1 | (is_shared ? 2 : 0) | (build->is_64 ? 4 : 0)));
    put_bytes(&b, "\1\3", 2);
    put_section(out, 5, &b);
}

static void put_helper(Bytes *codes, const char *text)
{
    Bytes b = {0};
    put_byte(&b, 0);
    put_text(&b, text, OP_NOP);
    put_sized(codes, &b);
}

Bytes build_module(const Row *row, const Build *build, u32 nfuncs, Bytes *bodies, Bytes *row_body)
{
    static const u8 elems[] = {2, 0, 0x41, 1, 0x0b, 3, 0, 1, 2, 1, 0, 3, 1, 0, 2};
    Bytes out = {0}, b = {0};
    put_bytes(&out, "\0asm\1\0\0", 8);
    put_types(&out, row, build);

    put_uleb(&b, FUNC_TESTS + nfuncs);
    put_bytes(&b, (const u8[]){TYPE_I32_I32, TYPE_I32_I32, TYPE_I32_I32_I32, TYPE_ROW}, 4);
    for (u32 i = 0; i < nfuncs; i++) put_byte(&b, TYPE_NONE_NONE);
    put_section(&out, 3, &b);

    put_bytes(&b, "\2\x70\1\x08\x0a\x70\1\x08\x14", 9);
    put_section(&out, 4, &b);
    put_memories(&out, row, build);
    if (row->info->feature == FEATURE_EXCEPTIONS || row->info->feature == FEATURE_LEGACY_EXCEPTIONS) {
        put_bytes(&b, (const u8[]){1, 0, TYPE_TAG}, 3);
        put_section(&out, 13, &b);
    }

    OpType global = row->nresults == 1 ? row->results[0] : OT_i32;
    put_bytes(&b, "\2\x7f\1\x41\7\x0b", 6);
    put_byte(&b, type_code(global));
    put_byte(&b, 1);
    put_const(&b, global, (Bits){{0, 0}});
    put_op(&b, OP_END);
    put_section(&out, 6, &b);

    put_uleb(&b, nfuncs + 1);
    for (u32 i = 0; i < nfuncs; i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", i);
        put_name(&b, name);
        put_byte(&b, 0);
        put_uleb(&b, FUNC_TESTS + i);
    }
    put_name(&b, "m");
    put_byte(&b, 2);
    put_uleb(&b, build->memory);
    put_section(&out, 7, &b);

    put_bytes(&b, elems, sizeof elems);
    put_section(&out, 9, &b);
    put_byte(&b, 1);
    put_section(&out, 12, &b);

    put_uleb(&b, FUNC_TESTS + nfuncs);
    put_helper(&b, "local.get 0 i32.const 1 i32.add end");
    put_helper(&b, "local.get 0 i32.const 3 i32.mul end");
    put_helper(&b, "local.get 0 local.get 1 i32.sub end");
    put_sized(&b, row_body);
    put_bytes(&b, bodies->p, bodies->n);
    bytes_done(bodies);
    put_section(&out, 10, &b);

    put_bytes(&b, "\1\1\x08hgfedcba", 11);
    put_section(&out, 11, &b);
    return out;
}

/* --- NaNs ----------------------------------------------------------------------------------------- */

static u64 lane_at(const u8 *p, u32 bits)
{
    u64 v = 0;
    memcpy(&v, p, bits / 8);
    return v;
}

/* Spec 4.3.3: if every NaN operand is canonical the result is, else it is any quiet NaN; signs are free. */
void make_nans_canonical(const Row *row, const Case *c, u8 *out)
{
    if (row->nan_out == 0) return;
    bool are_canonical = true;
    u64 abs_in = row->nan_in == 32 ? 0x7fffffff : INT64_MAX, quiet_in = row->nan_in == 32 ? 0x7fc00000 : 0x7ff8000000000000;
    u64 inf_in = row->nan_in == 32 ? 0x7f800000 : 0x7ff0000000000000;
    for (u32 i = 0; i < row->nargs; i++)
        for (u32 at = 0; at < (row->args[i] == OT_v128 ? 16 : row->nan_in / 8); at += row->nan_in / 8) {
            u64 v = lane_at(c->image + IN_AT + i * IN_STEP + at, row->nan_in) & abs_in;
            are_canonical &= v <= inf_in || v == quiet_in;
        }
    u64 abs = row->nan_out == 32 ? 0x7fffffff : INT64_MAX, quiet = row->nan_out == 32 ? 0x7fc00000 : 0x7ff8000000000000;
    for (u32 at = 0; at < (row->results[0] == OT_v128 ? 16 : row->nan_out / 8); at += row->nan_out / 8) {
        u64 v = lane_at(out + at, row->nan_out) & abs;
        if (are_canonical ? v == quiet : v >= quiet) memcpy(out + at, &quiet, row->nan_out / 8);
    }
}
