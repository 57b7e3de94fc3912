/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* op_test.c - the table of instructions agrees with itself and with the specification's counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/op.h"
#include "ops/simd.h"

static void every_row_is_found_by_its_code(void **state)
{
    (void)state;
    for (u32 op = 0; op < OP_COUNT; op++) {
        u32 code = tern_op_info[op].code;
        assert_int_equal(tern_op_of_code(code >> 16, code & 0xffff), op);
        if (code < 0x100) assert_int_equal(tern_op_of_byte[code], op);
    }
}

static void every_code_without_a_row_is_refused(void **state)
{
    (void)state;
    u32 nfound = 0;
    for (u32 prefix = 0; prefix < 0x100; prefix++) {
        for (u32 opcode = 0; opcode < 0x400; opcode++) {
            Op op = tern_op_of_code(prefix, opcode);
            if (prefix == 0 && opcode < 0x100) assert_int_equal(tern_op_of_byte[opcode], op);
            if (op == OP_NONE) continue;
            assert_int_equal(tern_op_info[op].code, prefix << 16 | opcode);
            nfound++;
        }
    }
    assert_int_equal(nfound, OP_COUNT);
    /* opcodes are u32: none may wrap into another's code */
    assert_int_equal(tern_op_of_code(0, 0xfc0000), OP_NONE);
    assert_int_equal(tern_op_of_code(0xfb, 0x10000), OP_NONE);
    assert_int_equal(tern_op_of_code(0xfd, UINT32_MAX), OP_NONE);
    assert_int_equal(tern_op_of_code(UINT32_MAX, 0), OP_NONE);
}

static void every_row_is_found_by_its_text(void **state)
{
    (void)state;
    for (u32 op = 0; op < OP_COUNT; op++)
        assert_int_equal(tern_op_of_text(tern_op_info[op].text), op);
    assert_int_equal(tern_op_of_text("i32.frobnicate"), OP_NONE);
    assert_int_equal(tern_op_of_text(""), OP_NONE);
    assert_int_equal(tern_op_of_text("ref.test"), OP_REF_TEST);
    assert_int_equal(tern_op_of_text("select"), OP_SELECT);
}

/* The sizes the proposals give themselves; features that own no instruction are 0. */
static void every_feature_has_as_many_rows_as_its_proposal(void **state)
{
    (void)state;
    static const u32 want[FEATURE_COUNT] = {
        [FEATURE_MVP] = 172,
        [FEATURE_SIGN_EXTENSION] = 5,
        [FEATURE_NONTRAPPING] = 8,
        [FEATURE_BULK_MEMORY] = 7,
        [FEATURE_REFERENCE_TYPES] = 9,
        [FEATURE_SIMD] = 236,
        [FEATURE_RELAXED_SIMD] = 20,
        [FEATURE_TAIL_CALL] = 2,
        [FEATURE_FUNCTION_REFERENCES] = 5,
        [FEATURE_GC] = 32,
        [FEATURE_EXCEPTIONS] = 3,
        [FEATURE_THREADS] = 67,
        [FEATURE_WIDE_ARITHMETIC] = 4,
        [FEATURE_CUSTOM_DESCRIPTORS] = 7,
        [FEATURE_LEGACY_EXCEPTIONS] = 5,
    };
    u32 have[FEATURE_COUNT] = {0};
    for (u32 op = 0; op < OP_COUNT; op++) have[tern_op_info[op].feature]++;
    for (u32 f = 0; f < FEATURE_COUNT; f++) {
        if (have[f] != want[f]) print_error("%s\n", tern_feature_info[f].name);
        assert_int_equal(have[f], want[f]);
    }
}

static void codes_are_where_the_specification_puts_them(void **state)
{
    (void)state;
    static const struct {
        u32 prefix, opcode;
        const char *text;
    } rows[] = {
        {0, 0x00, "unreachable"}, {0, 0x0b, "end"}, {0, 0x15, "return_call_ref"},
        {0, 0x1f, "try_table"}, {0, 0x35, "i64.load32_u"}, {0, 0x3e, "i64.store32"},
        {0, 0x44, "f64.const"}, {0, 0x5a, "i64.ge_u"}, {0, 0x66, "f64.ge"}, {0, 0x78, "i32.rotr"},
        {0, 0x8a, "i64.rotr"}, {0, 0x98, "f32.copysign"}, {0, 0xa6, "f64.copysign"},
        {0, 0xb1, "i64.trunc_f64_u"}, {0, 0xb6, "f32.demote_f64"}, {0, 0xbb, "f64.promote_f32"},
        {0, 0xbf, "f64.reinterpret_i64"}, {0, 0xc4, "i64.extend32_s"}, {0, 0xd3, "ref.eq"},
        {0, 0xd6, "br_on_non_null"}, {0xfb, 0x08, "array.new_fixed"},
        {0xfb, 0x13, "array.init_elem"},
        {0xfb, 0x19, "br_on_cast_fail"}, {0xfb, 0x1e, "i31.get_u"}, {0xfb, 0x22, "ref.get_desc"},
        {0xfb, 0x26, "br_on_cast_desc_eq_fail"}, {0xfc, 7, "i64.trunc_sat_f64_u"},
        {0xfc, 17, "table.fill"}, {0xfc, 22, "i64.mul_wide_u"}, {0xfd, 0x0b, "v128.store"},
        {0xfd, 0x22, "f64x2.replace_lane"}, {0xfd, 0x52, "v128.bitselect"},
        {0xfd, 0x7f, "i32x4.extadd_pairwise_i16x8_u"}, {0xfd, 0xba, "i32x4.dot_i16x8_s"},
        {0xfd, 0xdf, "i64x2.extmul_high_i32x4_u"}, {0xfd, 0xff, "f64x2.convert_low_i32x4_u"},
        {0xfd, 0x113, "i32x4.relaxed_dot_i8x16_i7x16_add_s"}, {0xfe, 0x03, "atomic.fence"},
        {0xfe, 0x1d, "i64.atomic.store32"}, {0xfe, 0x4e, "i64.atomic.rmw32.cmpxchg_u"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Op op = tern_op_of_code(rows[i].prefix, rows[i].opcode);
        assert_int_not_equal(op, OP_NONE);
        assert_string_equal(tern_op_info[op].text, rows[i].text);
    }
    static const u8 illegal[] = {0x16, 0x17, 0x1d, 0x1e, 0x27, 0xc5, 0xcf, 0xd7, 0xfa, 0xfb, 0xff};
    for (size_t i = 0; i < COUNT_OF(illegal); i++)
        assert_int_equal(tern_op_of_byte[illegal[i]], OP_NONE);
}

static bool touches_memory(const OpInfo *info)
{
    return info->shape == SHAPE_LOAD || info->shape == SHAPE_LOADX || info->shape == SHAPE_LOADL ||
           info->shape == SHAPE_STORE || info->shape == SHAPE_STOREL ||
           info->is_atomic;
}

static void columns_fit_their_shapes(void **state)
{
    (void)state;
    for (u32 op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = &tern_op_info[op];
        for (u32 i = 0; i < OP_MAX_ARGS; i++)
            assert_int_equal(info->args[i] != OT_none, i < info->nargs);
        for (u32 i = 0; i < COUNT_OF(info->results); i++)
            assert_int_equal(info->results[i] != OT_none, i < info->nresults);

        assert_int_equal(info->mem_bytes != 0, touches_memory(info));
        assert_int_equal(info->mem_bytes & (info->mem_bytes - 1), 0);
        if (touches_memory(info)) {
            assert_int_equal(info->args[0], OT_addr);
            assert_true(info->imm == IMM_MEMARG || info->imm == IMM_MEMARG_LANE);
        }
        bool has_lane = info->imm == IMM_LANE || info->imm == IMM_MEMARG_LANE;
        assert_int_equal(info->nlanes != 0, has_lane);
        for (u32 i = touches_memory(info); i < info->nargs; i++)
            assert_int_not_equal(info->args[i], OT_addr);

        if (info->shape == SHAPE_SPECIAL) assert_int_equal(info->nargs + info->nresults, 0);
        if (info->shape != SHAPE_CMP2) {
            assert_int_equal(info->inverse, OP_NONE);
            assert_int_equal(info->swapped, OP_NONE);
        }
    }
}

static void assert_signature(Op op, const char *want)
{
    static const char names[] = {[OT_none] = '-', [OT_i32] = 'i', [OT_i64] = 'I', [OT_f32] = 'f',
                                 [OT_f64] = 'F', [OT_v128] = 'v', [OT_addr] = 'a'};
    const OpInfo *info = &tern_op_info[op];
    char have[16], *p = have;
    for (u32 i = 0; i < info->nargs; i++) *p++ = names[info->args[i]];
    *p++ = '>';
    for (u32 i = 0; i < info->nresults; i++) *p++ = names[info->results[i]];
    *p = '\0';
    assert_string_equal(have, want);
}

static void signatures_are_read_off_each_shape(void **state)
{
    (void)state;
    assert_signature(OP_I32_CLZ, "i>i");
    assert_signature(OP_I64_EXTEND_I32_U, "i>I");
    assert_signature(OP_F64_COPYSIGN, "FF>F");
    assert_signature(OP_I64_TRUNC_F32_S, "f>I");
    assert_signature(OP_I64_EQZ, "I>i");
    assert_signature(OP_F32_LE, "ff>i");
    assert_signature(OP_I64_LOAD8_S, "a>I");
    assert_signature(OP_F32_STORE, "af>");
    assert_signature(OP_V128_CONST, ">v");
    assert_signature(OP_F64X2_REPLACE_LANE, "vF>v");
    assert_signature(OP_V128_BITSELECT, "vvv>v");
    assert_signature(OP_V128_STORE64_LANE, "av>");
    assert_signature(OP_I64_ADD128, "IIII>II");
    assert_signature(OP_I64_MUL_WIDE_U, "II>II");
    assert_signature(OP_ATOMIC_FENCE, ">");
    assert_signature(OP_MEMORY_ATOMIC_NOTIFY, "ai>i");
    assert_signature(OP_MEMORY_ATOMIC_WAIT64, "aII>i");
    assert_signature(OP_I64_ATOMIC_RMW16_CMPXCHG_U, "aII>I");
    assert_int_equal(tern_op_info[OP_I64_LOAD16_S].mem_bytes, 2);
    assert_int_equal(tern_op_info[OP_V128_LOAD16X4_U].mem_bytes, 8);
    assert_int_equal(tern_op_info[OP_V128_STORE].mem_bytes, 16);
    assert_int_equal(tern_op_info[OP_I16X8_EXTRACT_LANE_S].nlanes, 8);
    assert_int_equal(tern_op_info[OP_V128_LOAD32_LANE].nlanes, 4);
    assert_int_equal(tern_op_info[OP_I64_ATOMIC_RMW32_XCHG_U].mem_bytes, 4);
    assert_int_equal(tern_op_info[OP_F32_CONST].imm, IMM_F32);
}

static const u64 edges[] = {
    0, 1, 2, 0x7f, 0x80, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x100000000,
    0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001,
    0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
    0x7ff8000000000000, 0x7ff0000000000001, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX,
};

#define IN_i32(w) ((u32)(w))
#define IN_i64(w) (w)
#define IN_f32(w) num_f32_of_bits((u32)(w))
#define IN_f64(w) num_f64_of_bits(w)

static bool compare(Op op, u64 x, u64 y)
{
    switch ((u32)op) {
#define CMP2(n, c, t, f, A, e, not, swap)      \
    case OP_##n: {                             \
        t_##A a = IN_##A(x), b = IN_##A(y);    \
        return e;                              \
    }
#include "ops/ops.def"
    default: return false;
    }
}

static void inverse_and_swapped_comparisons_mean_what_they_say(void **state)
{
    (void)state;
    for (u32 op = 0; op < OP_COUNT; op++) {
        const OpInfo *info = &tern_op_info[op];
        if (info->shape != SHAPE_CMP2) continue;
        assert_int_equal(tern_op_info[info->swapped].swapped, op);
        assert_int_equal(tern_op_info[info->swapped].args[0], info->args[0]);
        if (info->inverse != OP_NONE) {
            assert_int_equal(tern_op_info[info->inverse].inverse, op);
            assert_int_equal(tern_op_info[info->inverse].args[0], info->args[0]);
        }
        u32 ntrue = 0;
        for (size_t i = 0; i < COUNT_OF(edges); i++) {
            for (size_t j = 0; j < COUNT_OF(edges); j++) {
                bool truth = compare((Op)op, edges[i], edges[j]);
                ntrue += truth;
                assert_int_equal(compare((Op)info->swapped, edges[j], edges[i]), truth);
                if (info->inverse != OP_NONE)
                    assert_int_equal(compare((Op)info->inverse, edges[i], edges[j]), !truth);
            }
        }
        assert_in_range(ntrue, 1, COUNT_OF(edges) * COUNT_OF(edges) - 1);
    }
}

static void traps_have_both_wordings(void **state)
{
    (void)state;
    for (u32 trap = TRAP_NONE + 1; trap < TRAP_COUNT; trap++) {
        assert_true(tern_trap_text((TrapCode)trap)[0] != '\0');
        assert_true(tern_trap_wamr_text((TrapCode)trap)[0] != '\0');
    }
    assert_string_equal(tern_trap_text(TRAP_DIVIDE_BY_ZERO), "integer divide by zero");
    assert_string_equal(tern_trap_wamr_text(TRAP_EXIT), "wasi proc exit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_code),
        cmocka_unit_test(every_code_without_a_row_is_refused),
        cmocka_unit_test(every_row_is_found_by_its_text),
        cmocka_unit_test(every_feature_has_as_many_rows_as_its_proposal),
        cmocka_unit_test(codes_are_where_the_specification_puts_them),
        cmocka_unit_test(columns_fit_their_shapes),
        cmocka_unit_test(signatures_are_read_off_each_shape),
        cmocka_unit_test(inverse_and_swapped_comparisons_mean_what_they_say),
        cmocka_unit_test(traps_have_both_wordings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
