/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* body_test.c - function bodies, byte by byte, in a module that has one of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "binary/decode.h"
#include "test_alloc.h"

/* Types: 0 []->[], 1 []->[i32], 2 [i32]->[], 3 struct{mut i8, i64}, 4 array mut i32, 5 [i32
 * i32]->[i32 i32], 6 array i8, 7 []->[i64], 8 []->[funcref]. Table 0 funcref, 1 externref with
 * 64-bit addresses. Memory 0 with 32-bit, 1 with 64-bit addresses. Tag 0 [i32], 1 []. Global 0 mut
 * i32, 1 i32. Element segment 0 declares the function. One data segment. */
#define TYPES                                                                                    \
    0x09, 0x60, 0, 0, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 0, 0x5f, 2, 0x78, 1, 0x7e, 0, 0x5e, 0x7f, \
        1, 0x60, 2, 0x7f, 0x7f, 2, 0x7f, 0x7f, 0x5e, 0x78, 0, 0x60, 0, 1, 0x7e, 0x60, 0, 1, 0x70

enum { NO_DATA_COUNT = 0x100 }; /* ored to the type: leave the section and the data out */

typedef struct Bytes {
    u8 bytes[1 << 17];
    u32 n;
} Bytes;

static void put(Bytes *to, const void *bytes, u32 n)
{
    assert_true(to->n + n <= sizeof to->bytes);
    memcpy(to->bytes + to->n, bytes, n);
    to->n += n;
}

static void put_u32(Bytes *to, u32 v) /* LEB128 */
{
    do {
        u8 byte = (u8)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        put(to, &byte, 1);
        v >>= 7;
    } while (v != 0);
}

static void put_section(Bytes *to, u8 id, const void *bytes, u32 n)
{
    put(to, &id, 1);
    put_u32(to, n);
    put(to, bytes, n);
}
#define SECTION(to, id, ...) \
    put_section((to), (id), (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

/* The module with one function of that type; body is everything after the body's size. */
static void put_module(Bytes *to, u32 type, const void *body, u32 size)
{
    static Bytes code;
    code.n = to->n = 0;
    put(to, "\0asm\1\0\0\0", 8);
    SECTION(to, 1, TYPES);
    SECTION(to, 3, 1, (u8)type);
    SECTION(to, 4, 2, 0x70, 0, 1, 0x6f, 4, 1);
    SECTION(to, 5, 2, 0, 1, 4, 1);
    SECTION(to, 13, 2, 0, 2, 0, 0);
    SECTION(to, 6, 2, 0x7f, 1, 0x41, 0, 0x0b, 0x7f, 0, 0x41, 0, 0x0b);
    SECTION(to, 9, 1, 1, 0, 1, 0);
    if (!(type & NO_DATA_COUNT)) SECTION(to, 12, 1);
    put_u32(&code, 1);
    put_u32(&code, size);
    put(&code, body, size);
    put_section(to, 10, code.bytes, code.n);
    if (!(type & NO_DATA_COUNT)) SECTION(to, 11, 1, 1, 0);
}

static Module *decode(TestAlloc *alloc, TypeRegistry *types, const Bytes *bytes, u64 features,
                      Diag *diag)
{
    DecodeOptions options = {.features = features};
    return tern_module_decode(types, &alloc->base, bytes->bytes, bytes->n, &options, diag);
}

/* What is said about the body; "no error" if it is valid. */
static const char *verdict_of(u64 features, u32 type, const void *body, u32 size)
{
    static Bytes bytes;
    static char text[400];
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    Diag diag = {0};
    put_module(&bytes, type, body, size);
    Module *module = decode(&alloc, types, &bytes, features, &diag);
    assert_int_equal(module == NULL, diag.code != DIAG_NONE);
    tern_diag_format(&diag, text, sizeof text);
    if (module != NULL) tern_module_release(module);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
    return text;
}

static void check(const char *want, u64 features, u32 type, const void *body, u32 size)
{
    const char *got = verdict_of(features, type, body, size);
    if (strncmp(got, want, strlen(want)) != 0) fail_msg("want \"%s\", got \"%s\"", want, got);
}
#define BODY(...) (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})
#define VALID(type, ...) check("no error", FEATURES_ALL, type, BODY(__VA_ARGS__))
#define INVALID(want, type, ...) check(want, FEATURES_ALL, type, BODY(__VA_ARGS__))

enum {
    UNREACHABLE = 0x00,
    BLOCK = 0x02,
    LOOP = 0x03,
    IF = 0x04,
    ELSE = 0x05,
    TRY = 0x06,
    CATCH = 0x07,
    THROW = 0x08,
    RETHROW = 0x09,
    END = 0x0b,
    BR = 0x0c,
    BR_IF = 0x0d,
    BR_TABLE = 0x0e,
    CALL = 0x10,
    DELEGATE = 0x18,
    CATCH_ALL = 0x19,
    DROP = 0x1a,
    SELECT = 0x1b,
    SELECT_T = 0x1c,
    TRY_TABLE = 0x1f,
    GET = 0x20,
    SET = 0x21,
    GSET = 0x24,
    CONST = 0x41,
    CONST64 = 0x42,
    ADD = 0x6a,
    I32 = 0x7f,
    I64 = 0x7e,
    VOID = 0x40,
};

static void a_mismatch_says_what_was_wanted_and_found(void **state)
{
    (void)state;
    INVALID("type mismatch: instruction requires [i32 i32] but stack has [i32 i64] (i32.add)", 1, 0,
            CONST, 0, CONST64, 0, ADD, END);
    INVALID("type mismatch: instruction requires [i32 i32] but stack has [i32] (i32.add)", 1, 0,
            CONST, 0, ADD, END);
    INVALID("type mismatch: block requires [] but stack has [i32]", 0, 0, CONST, 0, END);
    INVALID("type mismatch: instruction requires [i32] but stack has []", 1, 0, END);
    INVALID("unknown local 2", 0, 0, GET, 2, END);
    INVALID("illegal opcode ff", 0, 0, 0xff, END);
}

static void dead_code_has_operands_of_any_type(void **state)
{
    (void)state;
    VALID(1, 0, UNREACHABLE, ADD, END);
    VALID(0, 0, UNREACHABLE, SELECT, DROP, END);
    VALID(1, 0, UNREACHABLE, CONST, 0, SELECT, END);
    VALID(1, 0, UNREACHABLE, 0xd1, END); /* ref.is_null */
    VALID(8, 0, UNREACHABLE, 0xd4, END); /* ref.as_non_null */
    INVALID("type mismatch", 1, 0, UNREACHABLE, 0xd4, END);
    INVALID("type mismatch", 1, 0, UNREACHABLE, CONST64, 0, ADD, END);
    INVALID("type mismatch", 0, 0, UNREACHABLE, CONST, 0, END);
    /* A branch back to live code does not revive what follows it in the block. */
    VALID(1, 0, BLOCK, I32, CONST, 1, BR, 0, ADD, END, END);
    /* Any number of operands may be asked of dead code, at no cost. */
    VALID(0, 0, UNREACHABLE, 0xfb, 8, 4, 0xff, 0xff, 0xff, 0xff, 0x0f, DROP, END);
}

static void blocks_take_and_give_several_values(void **state)
{
    (void)state;
    VALID(0, 0, CONST, 0, CONST, 0, BLOCK, 5, ADD, CONST, 0, END, DROP, DROP, END);
    VALID(0, 0, CONST, 0, CONST, 0, LOOP, 5, CONST, 0, BR_IF, 0, END, DROP, DROP, END);
    /* Without else, an if gives what it took. */
    VALID(0, 0, CONST, 0, CONST, 0, CONST, 1, IF, 5, END, DROP, DROP, END);
    INVALID("type mismatch", 1, 0, CONST, 1, IF, I32, CONST, 0, END, END);
    INVALID("END opcode expected", 0, 0, BLOCK, VOID, ELSE, END, END);
    INVALID("unknown type 9", 0, 0, BLOCK, 9, END, END);
    INVALID("non-function type 3", 0, 0, BLOCK, 3, END, END);
}

static void labels_of_a_br_table_agree(void **state)
{
    (void)state;
    VALID(0, 0, BLOCK, VOID, CONST, 0, BR_TABLE, 2, 0, 1, 0, END, END);
    INVALID("type mismatch", 0, 0, BLOCK, I32, CONST, 0, CONST, 0, BR_TABLE, 1, 0, 1, END, DROP,
            END);
    INVALID("unknown label 2", 0, 0, BLOCK, VOID, CONST, 0, BR_TABLE, 1, 2, 0, END, END);
    /* The number of operands counts even where there are none. */
    INVALID("type mismatch", 0, 0, BLOCK, I32, UNREACHABLE, BR_TABLE, 1, 0, 1, END, DROP, END);
}

static void locals_without_a_default_are_set_before_they_are_read(void **state)
{
    (void)state;
    INVALID("uninitialized local 0", 0, 1, 1, 0x64, 0x70, GET, 0, DROP, END);
    VALID(0, 1, 1, 0x64, 0x70, 0xd2, 0, SET, 0, GET, 0, DROP, END);
    /* What a block set counts as unset after it, and on the other side of an if. */
    INVALID("uninitialized local 0", 0, 1, 1, 0x64, 0x70, BLOCK, VOID, 0xd2, 0, SET, 0, END, GET, 0,
            DROP, END);
    INVALID("uninitialized local 0", 0, 1, 1, 0x64, 0x70, CONST, 0, IF, VOID, 0xd2, 0, SET, 0, ELSE,
            GET, 0, DROP, END, END);
    VALID(0, 1, 1, 0x64, 0x70, 0xd2, 0, SET, 0, BLOCK, VOID, GET, 0, DROP, END, GET, 0, DROP, END);
}

static void locals_are_counted_by_run(void **state)
{
    (void)state;
    VALID(0, 2, 0xd0, 0x86, 3, I32, 0x80, 0x80, 0, I64, GET, 0xcf, 0x86, 3, DROP, END); /* 50,000 */
    VALID(1, 2, 0xd0, 0x0f, I64, 1, I32, GET, 0xd0, 0x0f, END); /* past 2,000 i64 */
    VALID(5, 1, 1, I64, GET, 0, GET, 1, GET, 2, DROP, END);     /* parameters come first */
    INVALID("unknown local 2001", 1, 2, 0xd0, 0x0f, I64, 1, I32, GET, 0xd1, 0x0f, END);
    INVALID("too many locals", 0, 1, 0xd1, 0x86, 3, I32, END);
    INVALID("too many locals", 0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, I32, 1, I64, END);
}

static void memory_accesses_are_checked(void **state)
{
    (void)state;
    VALID(1, 0, CONST, 0, 0x28, 2, 0, END);
    INVALID("alignment must not be larger than natural", 1, 0, CONST, 0, 0x28, 3, 0, END);
    INVALID("malformed memop flags", 1, 0, CONST, 0, 0x28, 0x80, 1, 0, END);
    VALID(1, 0, CONST64, 0, 0x28, 0x42, 1, 0, END); /* memory 1 has 64-bit addresses */
    INVALID("type mismatch", 1, 0, CONST, 0, 0x28, 0x42, 1, 0, END);
    INVALID("unknown memory 2", 1, 0, CONST, 0, 0x28, 0x42, 2, 0, END);
    INVALID("offset out of range", 1, 0, CONST, 0, 0x28, 2, 0x80, 0x80, 0x80, 0x80, 0x10, END);
    VALID(1, 0, CONST64, 0, 0x28, 0x42, 1, 0x80, 0x80, 0x80, 0x80, 0x10, END);
    INVALID("atomic alignment must be natural", 1, 0, CONST, 0, 0xfe, 0x10, 1, 0, END);
    VALID(1, 0, CONST, 0, 0xfe, 0x10, 2, 0, END);
    INVALID("invalid lane index 4", 1, 0, CONST, 0, 0xfd, 0x11, 0xfd, 0x1b, 4,
            END); /* i32x4.extract_lane */
    /* memory.copy counts in the smaller address type of the two. */
    VALID(0, 0, CONST64, 0, CONST, 0, CONST, 0, 0xfc, 10, 1, 0, END);
    INVALID("type mismatch", 0, 0, CONST64, 0, CONST, 0, CONST64, 0, 0xfc, 10, 1, 0, END);
}

static void segments_are_known_before_the_bodies(void **state)
{
    (void)state;
    VALID(0, 0, 0xfc, 9, 0, END);
    INVALID("unknown data segment 1", 0, 0, 0xfc, 9, 1, END);
    INVALID("data count section required", 0 | NO_DATA_COUNT, 0, 0xfc, 9, 0, END);
    INVALID("unknown elem segment 1", 0, 0, 0xfc, 13, 1, END);
}

static void objects_respect_packing_and_mutability(void **state)
{
    (void)state;
    VALID(1, 0, CONST, 1, CONST64, 2, 0xfb, 0, 3, 0xfb, 3, 3, 0, END);
    INVALID("type mismatch", 1, 0, CONST, 1, CONST64, 2, 0xfb, 0, 3, 0xfb, 2, 3, 0, END);
    INVALID("immutable field 1", 0, 0, 0xfb, 1, 3, CONST64, 0, 0xfb, 5, 3, 1, END);
    INVALID("unknown field 2", 0, 0, 0xfb, 1, 3, 0xfb, 2, 3, 2, DROP, END);
    INVALID("immutable array", 0, 0, CONST, 1, 0xfb, 7, 6, CONST, 0, CONST, 0, 0xfb, 14, 6, END);
    INVALID("immutable global 1", 0, 0, CONST, 0, GSET, 1, END);
}

static void casts_go_down_or_stay_in_their_hierarchy(void **state)
{
    (void)state;
    u64 plain = FEATURES_ALL & ~(1ull << FEATURE_CUSTOM_DESCRIPTORS);
    /* br_on_cast from eqref to (ref null any) is a cast up: only custom descriptors allow it. */
    const u8 up[] = {0, BLOCK, 0x6e, 0xd0, 0x6d, 0xfb, 24, 3, 0, 0x6d, 0x6e, END, DROP, END};
    check("no error", FEATURES_ALL, 0, up, sizeof up);
    check("type mismatch", plain, 0, up, sizeof up);
    INVALID("type mismatch", 0, 0, 0xd0, 0x70, 0xfb, 20, 3, DROP, END); /* ref.test of a function */
    INVALID("type 3 does not have a descriptor", 0, 0, UNREACHABLE, 0xfb, 35, 3, DROP, END);
    INVALID("type any does not have a descriptor", 0, 0, UNREACHABLE, 0xfb, 35, 0x6e, DROP, END);
}

static void exceptions_of_both_kinds_are_typed(void **state)
{
    (void)state;
    VALID(1, 0, BLOCK, I32, TRY_TABLE, VOID, 1, 0, 0, 0, END, CONST, 0, END, END);
    INVALID("type mismatch", 0, 0, BLOCK, VOID, TRY_TABLE, VOID, 1, 0, 0, 0, END, END, END);
    INVALID("unknown tag 2", 0, 0, BLOCK, VOID, TRY_TABLE, VOID, 1, 0, 2, 0, END, END, END);
    INVALID("type mismatch: instruction requires [i32] but stack has []", 0, 0, THROW, 0, END);
    VALID(0, 0, TRY, VOID, CATCH, 0, DROP, CATCH_ALL, RETHROW, 0, END, END);
    INVALID("END opcode expected", 0, 0, TRY, VOID, CATCH_ALL, CATCH, 0, END, END);
    INVALID("invalid rethrow label 0", 0, 0, TRY, VOID, RETHROW, 0, CATCH_ALL, END, END);
    VALID(0, 0, TRY, VOID, DELEGATE, 0, END);
    INVALID("unknown label 1", 0, 0, TRY, VOID, DELEGATE, 1, END);
}

static void a_body_fills_its_size_exactly(void **state)
{
    (void)state;
    INVALID("section size mismatch", 0, 0, END, END);
    INVALID("section size mismatch", 0, 0, BLOCK, VOID,
            END); /* the id of the data section is that of end */
    INVALID("unexpected end of section or function", 0 | NO_DATA_COUNT, 0, BLOCK, VOID, END);
    INVALID("unexpected end of section or function", 0 | NO_DATA_COUNT, 0, CONST, 0x80);
}

static void a_refused_proposal_is_named(void **state)
{
    (void)state;
    u64 features = FEATURES_ALL & ~(1ull << FEATURE_SIMD | 1ull << FEATURE_SIGN_EXTENSION);
    const u8 simd[] = {0, CONST, 0, 0xfd, 0x11, DROP, END};
    check("illegal opcode fd: i32x4.splat needs the simd proposal", features, 0, simd, sizeof simd);
    /* Also where a shortcut would have taken it. */
    const u8 extend[] = {0, CONST, 0, 0xc0, DROP, END, 0, 0, 0, 0};
    check("illegal opcode c0: i32.extend8_s needs the sign-extension proposal", features, 0, extend,
          sizeof extend);
}

static void select_names_its_type_for_references(void **state)
{
    (void)state;
    INVALID("type mismatch", 0, 0, 0xd0, 0x70, 0xd0, 0x70, CONST, 0, SELECT, DROP, END);
    VALID(0, 0, 0xd0, 0x70, 0xd0, 0x70, CONST, 0, SELECT_T, 1, 0x70, DROP, END);
    INVALID("invalid result arity", 0, 0, 0xd0, 0x70, 0xd0, 0x70, CONST, 0, SELECT_T, 2, 0x70, 0x70,
            DROP, END);
}

static void nesting_is_limited_by_memory_only(void **state)
{
    (void)state;
    static u8 body[1 << 16];
    enum { DEPTH = 20000 };
    u32 n = 0;
    body[n++] = 0;
    for (u32 i = 0; i < DEPTH; i++) body[n++] = BLOCK, body[n++] = VOID;
    for (u32 i = 0; i <= DEPTH; i++) body[n++] = END;
    check("no error", FEATURES_ALL, 0, body, n);
}

/* --- sinks ---------------------------------------------------------------------------------- */

typedef struct Recorder {
    Sink base;
    u32 nlocals, n, refuse_at;
    Insn insns[32];
} Recorder;

static bool record_begin(Sink *sink, const Module *module, u32 func_index, const ValType *locals,
                         u32 nlocals)
{
    (void)module;
    Recorder *r = (Recorder *)sink;
    assert_int_equal(func_index, 0);
    for (u32 i = 0; i < nlocals; i++) assert_int_equal(locals[i], VT_I64);
    r->nlocals = nlocals;
    return true;
}

static bool record_insn(Sink *sink, const Insn *insn)
{
    Recorder *r = (Recorder *)sink;
    if (r->n == r->refuse_at) return false;
    assert_true(r->n < COUNT_OF(r->insns));
    r->insns[r->n++] = *insn;
    return true;
}

static void a_sink_hears_every_instruction_with_its_place(void **state)
{
    (void)state;
    static Bytes bytes;
    const u8 body[] = {1, 0x88,  0x27, I64,  CONST, 0x7f, BLOCK, 2,    DROP, BR,
                       0, CONST, 5,    DROP, END,   GET,  0x87,  0x27, DROP, END};
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    Diag diag = {0};
    put_module(&bytes, 0, body, sizeof body);
    Module *module = decode(&alloc, types, &bytes, FEATURES_ALL, &diag);
    assert_non_null(module);

    BodyScratch *scratch = tern_body_scratch_new(&alloc.base);
    assert_non_null(scratch);
    Recorder r = {.base = {record_begin, record_insn, NULL}, .refuse_at = UINT32_MAX};
    assert_true(tern_body_validate(module, 0, &r.base, scratch, &diag));
    static const struct {
        Op op;
        bool reachable;
    } want[] = {
        {OP_I32_CONST, true}, {OP_BLOCK, true}, {OP_DROP, true},      {OP_BR, true},   {OP_I32_CONST, false},
        {OP_DROP, false},     {OP_END, false},  {OP_LOCAL_GET, true}, {OP_DROP, true}, {OP_END, true},
    };
    assert_int_equal(r.nlocals, 5000);
    assert_int_equal(r.n, COUNT_OF(want));
    for (u32 i = 0; i < r.n; i++) {
        assert_int_equal(r.insns[i].op, want[i].op);
        assert_int_equal(r.insns[i].reachable, want[i].reachable);
    }
    assert_int_equal(r.insns[0].bits, UINT32_MAX);
    assert_int_equal(r.insns[0].offset, module->funcs[0].body_offset + 4);
    assert_int_equal(r.insns[1].sig->nparams, 1);
    assert_int_equal(r.insns[2].type, VT_I32);
    assert_ptr_equal(r.insns[6].sig, r.insns[1].sig);
    assert_int_equal(r.insns[7].type, VT_I64);
    assert_int_equal(r.insns[7].index, 4999);

    Recorder refusing = {.base = {record_begin, record_insn, NULL}, .refuse_at = 3};
    assert_false(tern_body_validate(module, 0, &refusing.base, scratch, &diag));
    assert_int_equal(refusing.n, 3);
    tern_body_scratch_free(scratch);
    tern_module_release(module);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static Bytes bytes;
    const u8 body[] = {1,   10,  0x64,      0x70, 0xd2,  0,    SET,   1,   BLOCK,    0x64, 0x70,
                       GET, 1,   END,       DROP, BLOCK, VOID, CONST, 0,   BR_TABLE, 1,    0,
                       1,   END, TRY_TABLE, VOID, 1,     2,    0,     END, END};
    put_module(&bytes, 0, body, sizeof body);
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        TypeRegistry *types = tern_types_new(&alloc.base);
        Diag diag = {0};
        Module *module = types == NULL ? NULL : decode(&alloc, types, &bytes, FEATURES_ALL, &diag);
        if (module == NULL && types != NULL) assert_int_equal(diag.code, DIAG_NO_MEMORY);
        if (module != NULL) tern_module_release(module);
        if (types != NULL) tern_types_free(types);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) {
            assert_non_null(module);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mismatch_says_what_was_wanted_and_found),
        cmocka_unit_test(dead_code_has_operands_of_any_type),
        cmocka_unit_test(blocks_take_and_give_several_values),
        cmocka_unit_test(labels_of_a_br_table_agree),
        cmocka_unit_test(locals_without_a_default_are_set_before_they_are_read),
        cmocka_unit_test(locals_are_counted_by_run),
        cmocka_unit_test(memory_accesses_are_checked),
        cmocka_unit_test(segments_are_known_before_the_bodies),
        cmocka_unit_test(objects_respect_packing_and_mutability),
        cmocka_unit_test(casts_go_down_or_stay_in_their_hierarchy),
        cmocka_unit_test(exceptions_of_both_kinds_are_typed),
        cmocka_unit_test(a_body_fills_its_size_exactly),
        cmocka_unit_test(a_refused_proposal_is_named),
        cmocka_unit_test(select_names_its_type_for_references),
        cmocka_unit_test(nesting_is_limited_by_memory_only),
        cmocka_unit_test(a_sink_hears_every_instruction_with_its_place),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
