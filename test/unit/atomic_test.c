/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Every atomic access in every width, against the same written plainly: in memory 0, in another memory, and
 * in one with 64-bit addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "test_module.h"

enum { FIRST = OP_I32_ATOMIC_LOAD, NOPS = OP_I64_ATOMIC_RMW32_CMPXCHG_U - OP_I32_ATOMIC_LOAD + 1, NMEMORIES = 3 };
_Static_assert(NOPS == 63, "the rows are next to each other");

enum { OFFSET = 16 };

static void put_atomic(Bytes *b, Op op, u32 memory, u64 offset)
{
    put_op(b, op);
    put_byte(b, (u8)(__builtin_ctz(tern_op_info[op].mem_bytes) | (memory != 0 ? 0x40 : 0)));
    if (memory != 0) put_uleb(b, memory);
    put_uleb(b, offset);
}

/* A function for every instruction and memory: its operands are the parameters. */
static Instance *add_accesses(TestRun *r)
{
    TestModule m = {0};
    test_memory(&m, 1, 1, false);
    test_memory(&m, 1, 1, false);
    test_memory(&m, 1, 1, true);
    for (u32 memory = 0; memory < NMEMORIES; memory++) {
        for (u32 i = 0; i < NOPS; i++) {
            const OpInfo *info = &tern_op_info[FIRST + i];
            char sig[8], *s = sig;
            Bytes b = {0};
            for (u32 k = 0; k < info->nargs; k++) {
                bool is_64 = info->args[k] == OT_addr ? memory == 2 : info->args[k] == OT_i64;
                *s++ = is_64 ? 'I' : 'i';
                put_index(&b, OP_LOCAL_GET, k);
            }
            *s++ = ':';
            if (info->nresults > 0) *s++ = info->results[0] == OT_i64 ? 'I' : 'i';
            *s = '\0';
            put_atomic(&b, (Op)(FIRST + i), memory, OFFSET);
            test_func(&m, test_type(&m, sig), "", &b);
        }
    }
    return test_run_add(r, &m, NULL);
}

/* What the text says the instruction leaves in memory. */
static u64 model(const char *text, u64 old, u64 a, u64 replacement)
{
    if (strstr(text, ".load") != NULL) return old;
    if (strstr(text, ".add") != NULL) return old + a;
    if (strstr(text, ".sub") != NULL) return old - a;
    if (strstr(text, ".and") != NULL) return old & a;
    if (strstr(text, ".or") != NULL) return old | a;
    if (strstr(text, ".xor") != NULL) return old ^ a;
    if (strstr(text, ".cmpxchg") != NULL) return old == a ? replacement : old;
    return a; /* store, xchg */
}

static void every_access_does_what_its_name_says(void **state)
{
    (void)state;
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = add_accesses(&r);
    u64 seed = 1;
    for (u32 n = 0; n < NMEMORIES * NOPS * 40; n++) {
        u32 memory = n / NOPS % NMEMORIES, i = n % NOPS;
        const OpInfo *info = &tern_op_info[FIRST + i];
        u64 mask = info->mem_bytes == 8 ? UINT64_MAX : (1ull << 8 * info->mem_bytes) - 1;
        u64 type_mask = strstr(info->text, "i64") == info->text ? UINT64_MAX : UINT32_MAX;
        u64 before[3], after[3], old = 0;
        for (u32 k = 0; k < 3; k++) before[k] = test_random(&seed);
        u32 at = (u32)(test_random(&seed) % (65536 - OFFSET - 24)) & ~7u, in = (u32)(test_random(&seed) % 8);
        in &= ~(info->mem_bytes - 1u);
        u8 *bytes = instance->memories[memory]->base + at + OFFSET;
        memcpy(bytes, before, sizeof before);
        memcpy(&old, bytes + 8 + in, info->mem_bytes);

        /* All ones, zeroes, the very value, and anything; above the width garbage. */
        u64 a = test_random(&seed), choice = test_random(&seed) % 4;
        if (choice == 0) a |= mask;
        else if (choice == 1) a &= ~mask;
        else if (choice == 2) a = (a & ~mask) | old;
        u64 b = test_random(&seed), cells[4] = {at + 8 + in, a & type_mask, b & type_mask};
        u64 wanted = model(info->text, old, a & mask, b & mask) & mask;
        assert_int_equal(test_call(&r, instance, memory * NOPS + i, cells), TRAP_NONE);

        if (info->nresults > 0) assert_int_equal(cells[0], old);
        memcpy(after, bytes, sizeof after);
        memcpy((u8 *)before + 8 + in, &wanted, info->mem_bytes);
        assert_memory_equal(before, after, sizeof after);
    }
    test_run_done(&r);
}

static void an_address_must_be_aligned_and_inside(void **state)
{
    (void)state;
    TestRun r;
    test_run_init(&r, false, 0);
    Instance *instance = add_accesses(&r);
    for (u32 n = 0; n < NMEMORIES * NOPS; n++) {
        u32 memory = n / NOPS;
        const OpInfo *info = &tern_op_info[FIRST + n % NOPS];
        u64 last = 65536 - OFFSET - info->mem_bytes;
        assert_int_equal(test_call(&r, instance, n, (u64[4]){last}), TRAP_NONE);

        assert_int_equal(test_call(&r, instance, n, (u64[4]){last + info->mem_bytes}), TRAP_MEMORY_BOUNDS);
        assert_true(r.x->trap.has_address);
        assert_int_equal(r.x->trap.address, 65536);
        assert_int_equal(r.x->trap.access_bytes, info->mem_bytes);
        assert_int_equal(r.x->trap.memory_bytes, 65536);
        u64 far = memory == 2 ? UINT64_MAX - info->mem_bytes + 1 : UINT32_MAX - info->mem_bytes + 1ull;
        assert_int_equal(test_call(&r, instance, n, (u64[4]){far}), TRAP_MEMORY_BOUNDS);

        for (u32 off = 1; off < info->mem_bytes; off++) {
            assert_int_equal(test_call(&r, instance, n, (u64[4]){32 + off}), TRAP_UNALIGNED_ATOMIC);
            assert_true(r.x->trap.has_address);
            assert_int_equal(r.x->trap.address, 32 + off + OFFSET);
            assert_int_equal(r.x->trap.nframes, 1);
            assert_int_equal(r.x->trap.frames[0].func_index, n);
        }
    }
    test_run_done(&r);
}

/* Operands that are constants, locals and the last result; a result that goes to a local. */
static void operands_come_from_anywhere(void **state)
{
    (void)state;
    TestRun r;
    test_run_init(&r, false, 0);
    TestModule m = {0};
    test_memory(&m, 1, 1, false);
    Bytes b = {0};
    put_i32(&b, 8);
    put_i32(&b, 5);
    put_atomic(&b, OP_I32_ATOMIC_RMW_ADD, 0, 0); /* 0 -> 5 */
    put_op(&b, OP_DROP);
    put_i32(&b, 8);
    put_i32(&b, 8);
    put_atomic(&b, OP_I32_ATOMIC_LOAD, 0, 0);
    put_i32(&b, 40);
    put_atomic(&b, OP_I32_ATOMIC_RMW_CMPXCHG, 0, 0); /* 5 -> 40 */
    put_index(&b, OP_LOCAL_SET, 1);
    put_op(&b, OP_ATOMIC_FENCE);
    put_byte(&b, 0);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 4);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_GET, 1);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_atomic(&b, OP_I32_ATOMIC_RMW_SUB, 0, 0); /* 40 -> 36, giving 40 */
    put_i32(&b, 8);
    put_atomic(&b, OP_I32_ATOMIC_LOAD, 0, 0);
    put_op(&b, OP_I32_ADD); /* 76 */
    put_index(&b, OP_LOCAL_GET, 1);
    put_op(&b, OP_I32_SUB); /* 71 */
    u32 f = test_func(&m, test_type(&m, "i:i"), "i", &b);
    Instance *instance = test_run_add(&r, &m, NULL);
    u64 cells[1] = {4};
    assert_int_equal(test_call(&r, instance, f, cells), TRAP_NONE);
    assert_int_equal(cells[0], 71);
    test_run_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_access_does_what_its_name_says),
        cmocka_unit_test(an_address_must_be_aligned_and_inside),
        cmocka_unit_test(operands_come_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
