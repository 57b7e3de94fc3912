/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* interp_memory_test.c - every load and store of ops.def, in every form of address and value and every kind of
 * memory, works up to the last byte and traps behind it, at the right address and instruction.
 *
 * With guarded memories the machine stops in the middle of a handler, and where it was is read from the
 * registers: each handler's machine code must have kept it there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_module.h"

typedef enum AddressForm { A_LOCAL, A_CONST, A_LOCAL_LOCAL, A_LOCAL_CONST, A_EXPR, A_EXPR_LOCAL, A_EXPR_CONST,
                           A_SHIFTED, A_FORMS } AddressForm;
typedef enum ValueForm { V_LOCAL, V_CONST, V_EXPR, V_FORMS } ValueForm;
typedef enum MemoryKind { M_GUARDED, M_CHECKED, M_64, M_SECOND, M_KINDS } MemoryKind;

#define MEMORY_BYTES 65536u

static u8 code_of(u8 type)
{
    return type == OT_i32 ? VT_I32 : type == OT_i64 ? VT_I64 : type == OT_f32 ? VT_F32 : VT_F64;
}

/* The address: local 0, of which local 1 is a part too; or at, known when the body is made. */
static void put_address(Bytes *b, AddressForm form, bool is_64, u64 at)
{
    Op plus = is_64 ? OP_I64_ADD : OP_I32_ADD, exclusive = is_64 ? OP_I64_XOR : OP_I32_XOR;
    Op left = is_64 ? OP_I64_SHL : OP_I32_SHL;
    u8 code = is_64 ? VT_I64 : VT_I32;
    if (form == A_CONST) {
        put_const(b, code, at);
        return;
    }
    put_index(b, OP_LOCAL_GET, 0);
    if (form == A_EXPR || form == A_EXPR_LOCAL || form == A_EXPR_CONST) {
        put_index(b, OP_LOCAL_GET, 2);
        put_op(b, exclusive);
    }
    if (form == A_LOCAL_LOCAL || form == A_EXPR_LOCAL) {
        put_index(b, OP_LOCAL_GET, 1);
        put_op(b, plus);
    }
    if (form == A_LOCAL_CONST || form == A_EXPR_CONST) {
        put_const(b, code, 32);
        put_op(b, plus);
    }
    if (form == A_SHIFTED) {
        put_index(b, OP_LOCAL_GET, 1);
        put_const(b, code, 4);
        put_op(b, left);
        put_op(b, plus);
    }
}

/* What local 0 must be for the address to be at; local 1 is 2, local 2 zero. */
static u64 base_for(AddressForm form, u64 at)
{
    switch (form) {
    case A_LOCAL_LOCAL:
    case A_EXPR_LOCAL: return at - 2;
    case A_LOCAL_CONST:
    case A_EXPR_CONST:
    case A_SHIFTED: return at - 32;
    default: return at;
    }
}

static void put_value(Bytes *b, ValueForm form, u8 code)
{
    u32 local = code == VT_I32 ? 3 : code == VT_I64 ? 4 : code == VT_F32 ? 5 : 6;
    if (form == V_CONST) {
        put_const(b, code, code == VT_F32 ? 0x3f800000 : code == VT_F64 ? 0x3ff0000000000000 : 77);
        return;
    }
    put_index(b, OP_LOCAL_GET, local);
    if (form == V_LOCAL) return;
    put_index(b, OP_LOCAL_GET, local);
    put_op(b, code == VT_I32 ? OP_I32_OR : code == VT_I64 ? OP_I64_OR : code == VT_F32 ? OP_F32_MUL : OP_F64_MUL);
}

typedef struct Access {
    u32 func, caller;
    Op op;
    AddressForm form;
    u32 at;         /* of the instruction in the body */
    u32 call_at;    /* in the caller's */
    u64 const_addr; /* A_CONST: what it is */
} Access;

static void put_access_func(TestModule *m, Access *a, ValueForm value, MemoryKind kind, u64 offset,
                            u32 access_type, u32 caller_type)
{
    const OpInfo *info = &tern_op_info[a->op];
    bool is_64 = kind == M_64;
    Bytes b = {0};
    put_op(&b, OP_NOP);
    put_address(&b, a->form, is_64, a->const_addr);
    if (info->shape == SHAPE_STORE) put_value(&b, value, code_of(info->args[1]));
    a->at = (u32)b.n;
    put_access(&b, a->op, kind == M_SECOND ? 1 : 0, offset);
    if (info->shape == SHAPE_LOAD) {
        if (value == V_LOCAL) {
            put_op(&b, OP_DROP);
        } else { /* keeps the result in the accumulator, or in a local */
            u32 local = 3 + (info->results[0] == OT_i32 ? 0u : info->results[0] == OT_i64 ? 1u
                             : info->results[0] == OT_f32 ? 2u : 3u);
            if (value == V_EXPR) {
                put_index(&b, OP_LOCAL_GET, local);
                put_op(&b, local == 3 ? OP_I32_ADD : local == 4 ? OP_I64_ADD
                           : local == 5 ? OP_F32_ADD : OP_F64_ADD);
            }
            put_index(&b, OP_LOCAL_SET, local);
        }
    }
    a->func = test_func(m, access_type, is_64 ? "IiIfF" : "iiIfF", &b);
    put_op(&b, OP_NOP);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_LOCAL_GET, 1);
    a->call_at = (u32)b.n;
    put_index(&b, OP_CALL, a->func);
    a->caller = test_func(m, caller_type, "", &b);
}

static void check_trap(TestRun *r, Instance *instance, const Access *a, MemoryKind kind, u64 ea, bool is_last)
{
    const OpInfo *info = &tern_op_info[a->op];
    const Trap *trap = &r->x->trap;
    bool is_guarded = kind == M_GUARDED && trap->access_bytes == 0;
    assert_true(trap->has_address);
    assert_int_equal(trap->memory_bytes, MEMORY_BYTES);
    if (!is_guarded) {
        assert_int_equal(trap->address, ea);
        assert_int_equal(trap->access_bytes, info->mem_bytes);
    } else if (is_last) { /* the machine names the first byte outside, or the access's first */
        assert_true(trap->address == ea || trap->address == MEMORY_BYTES);
    } else {
        assert_int_equal(trap->address, ea);
    }
    if (trap->nframes_all != 2 || trap->frames[0].func_index != a->func)
        fail_msg("%s, address form %d, memory kind %d: position lost", info->text, (int)a->form, (int)kind);
    assert_int_equal(trap->frames[1].func_index, a->caller);
    u32 locals_bytes = 1 + 2 * 5;
    u32 expected = test_offset(instance, a->func, locals_bytes, a->at);
    if (trap->frames[0].offset != expected)
        fail_msg("%s, address form %d, memory kind %d: offset 0x%x instead of 0x%x", info->text, (int)a->form,
                 (int)kind, trap->frames[0].offset, expected);
    assert_int_equal(trap->frames[1].offset, test_offset(instance, a->caller, 1, a->call_at));
}

static void try_accesses(MemoryKind kind, ValueForm value, u64 offset, bool is_last)
{
    TestModule m = {0};
    bool is_64 = kind == M_64;
    test_memory(&m, 1, UINT64_MAX, is_64);
    if (kind == M_SECOND) test_memory(&m, 1, UINT64_MAX, false);
    u32 type = test_type(&m, is_64 ? "II:" : "ii:");
    Access all[OP_COUNT];
    u32 n = 0;
    TestRun r;
    for (AddressForm form = 0; form < A_FORMS; form++) {
        n = 0;
        for (u32 op = 0; op < OP_COUNT; op++) {
            u32 shape = tern_op_info[op].shape;
            if ((shape != SHAPE_LOAD && shape != SHAPE_STORE) || tern_op_info[op].feature != FEATURE_MVP) continue;
            Access a = {.op = (Op)op, .form = form};
            u64 bytes = tern_op_info[op].mem_bytes;
            u64 ea = is_last ? MEMORY_BYTES - bytes + 1 : MEMORY_BYTES * 3ull + offset;
            a.const_addr = ea - offset;
            put_access_func(&m, &a, value, kind, offset, type, type);
            all[n++] = a;
        }
        test_run_init(&r, kind == M_CHECKED, 0);
        Instance *instance = test_run_add(&r, &m, NULL);
        for (u32 i = 0; i < n; i++) {
            u64 bytes = tern_op_info[all[i].op].mem_bytes;
            u64 ea = is_last ? MEMORY_BYTES - bytes + 1 : MEMORY_BYTES * 3ull + offset;
            u64 cells[2] = {base_for(form, ea - offset), 2};
            if (!is_64) cells[0] = (u32)cells[0];
            assert_int_equal(test_call(&r, instance, all[i].caller, cells), TRAP_MEMORY_BOUNDS);
            check_trap(&r, instance, &all[i], kind, ea, is_last);
            if (form == A_CONST) continue;
            cells[0] = base_for(form, MEMORY_BYTES - bytes - offset);
            if (!is_64) cells[0] = (u32)cells[0];
            cells[1] = 2;
            if (offset <= MEMORY_BYTES - bytes)
                assert_int_equal(test_call(&r, instance, all[i].caller, cells), TRAP_NONE);
        }
        test_run_done(&r);
        m = (TestModule){0};
        test_memory(&m, 1, UINT64_MAX, is_64);
        if (kind == M_SECOND) test_memory(&m, 1, UINT64_MAX, false);
        type = test_type(&m, is_64 ? "II:" : "ii:");
    }
    Bytes rest = test_module_bytes(&m);
    bytes_done(&rest);
}

static void every_access_traps_where_it_is(MemoryKind kind)
{
    for (ValueForm value = 0; value < V_FORMS; value++) {
        try_accesses(kind, value, 0, true);
        try_accesses(kind, value, 8, true);
        try_accesses(kind, value, 0, false);
        try_accesses(kind, value, 0xfffffff0, false);
    }
}

static void every_access_to_a_guarded_memory_traps_where_it_is(void **state)
{
    (void)state;
    every_access_traps_where_it_is(M_GUARDED);
}
static void every_access_to_a_moving_memory_traps_where_it_is(void **state)
{
    (void)state;
    every_access_traps_where_it_is(M_CHECKED);
}
static void every_access_to_a_64_bit_memory_traps_where_it_is(void **state)
{
    (void)state;
    every_access_traps_where_it_is(M_64);
}
static void every_access_to_a_second_memory_traps_where_it_is(void **state)
{
    (void)state;
    every_access_traps_where_it_is(M_SECOND);
}

/* An address of 64 bits whose sum with the offset passes 2^64. */
static void a_64_bit_address_does_not_wrap(void **state)
{
    (void)state;
    TestModule m = {0};
    test_memory(&m, 1, UINT64_MAX, true);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_access(&b, OP_I64_LOAD, 0, UINT64_MAX - 7);
    u32 f = test_func(&m, test_type(&m, "I:I"), "", &b);
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    for (u64 addr = 0; addr < 64; addr++) {
        u64 cell = addr;
        assert_int_equal(test_call(&r, instance, f, &cell), TRAP_MEMORY_BOUNDS);
        cell = UINT64_MAX - addr;
        assert_int_equal(test_call(&r, instance, f, &cell), TRAP_MEMORY_BOUNDS);
    }
    test_run_done(&r);
}

/* A trap in the guarded memory of an instance that one without a memory calls. */
static void an_instance_without_memory_calls_one_with_a_guarded_memory(void **state)
{
    (void)state;
    for (u32 tail = 0; tail < 2; tail++) {
        TestRun r;
        test_run_init(&r, false, 0);
        TestModule m = {0};
        test_memory(&m, 1, UINT64_MAX, false);
        Bytes b = {0};
        put_index(&b, OP_LOCAL_GET, 0);
        put_access(&b, OP_I32_LOAD, 0, 0);
        u32 callee = test_func(&m, test_type(&m, "i:i"), "", &b);
        Instance *with = test_run_add(&r, &m, NULL);
        u32 type = test_type(&m, "i:i");
        u32 import = test_import_func(&m, type);
        put_index(&b, OP_LOCAL_GET, 0);
        put_index(&b, tail ? OP_RETURN_CALL : OP_CALL, import);
        u32 caller = test_func(&m, type, "", &b);
        Extern extern_ = {.kind = EXTERN_FUNC, .u.func = tern_instance_func(with, callee)};
        Instance *without = test_run_add(&r, &m, &extern_);
        u64 cell = 100000;
        assert_int_equal(test_call(&r, without, caller, &cell), TRAP_MEMORY_BOUNDS);
        assert_int_equal(r.x->trap.address, 100000);
        assert_int_equal(r.x->trap.nframes_all, 2 - tail);
        assert_ptr_equal(r.x->trap.frames[0].instance, with);
        if (!tail) assert_ptr_equal(r.x->trap.frames[1].instance, without);
        cell = 100;
        assert_int_equal(test_call(&r, without, caller, &cell), TRAP_NONE);
        test_run_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_access_to_a_guarded_memory_traps_where_it_is),
        cmocka_unit_test(every_access_to_a_moving_memory_traps_where_it_is),
        cmocka_unit_test(every_access_to_a_64_bit_memory_traps_where_it_is),
        cmocka_unit_test(every_access_to_a_second_memory_traps_where_it_is),
        cmocka_unit_test(a_64_bit_address_does_not_wrap),
        cmocka_unit_test(an_instance_without_memory_calls_one_with_a_guarded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
