/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* interp_test.c - the interpreter as a machine: its stacks end cleanly, calls between instances restore what they
 * change, interrupts stop anything, and memories that move are found again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_module.h"

static const ValType i32s[4] = {VT_I32, VT_I32, VT_I32, VT_I32};

/* --- stacks ------------------------------------------------------------------------------------------ */

/* f(n): n == 0 ? 0 : f(n - 1) + 1, with nlocals locals. */
static u32 put_recursion(TestModule *m, u32 type, u32 nlocals)
{
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_I32_EQZ);
    put_op(&b, OP_IF);
    put_byte(&b, VT_I32);
    put_i32(&b, 0);
    put_op(&b, OP_ELSE);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_op(&b, OP_I32_SUB);
    put_index(&b, OP_CALL, m->nall_funcs);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    put_op(&b, OP_END);
    return test_func_filled(m, type, 'I', nlocals, "", &b);
}

static void deep_recursion_ends_in_a_trap_for_every_size_of_stack(void **state)
{
    (void)state;
    static const size_t sizes[] = {4096, 8192, 65536, 1 << 20, 16 << 20};
    static const u32 locals[] = {0, 1, 100, 600, 40000};
    for (u32 i = 0; i < COUNT_OF(sizes); i++)
        for (u32 k = 0; k < COUNT_OF(locals); k++) {
            TestModule m = {0};
            u32 f = put_recursion(&m, test_type(&m, "i:i"), locals[k]);
            TestRun r;
            test_run_init(&r, false, sizes[i]);
            Instance *instance = test_run_add(&r, &m, NULL);
            u64 depth = 0, too_deep = UINT32_MAX, cells = sizes[i] / 8; /* depth: calls that fit */
            while (depth + 1 < too_deep) {
                u64 n = (depth + too_deep) / 2, cell = n - 1;
                TrapCode trap = test_call(&r, instance, f, &cell);
                if (trap == TRAP_NONE) {
                    assert_int_equal(cell, n - 1);
                    depth = n;
                } else {
                    assert_int_equal(trap, TRAP_STACK_EXHAUSTED);
                    assert_int_equal(r.x->trap.nframes, u64_min(r.x->trap.nframes_all, TRAP_MAX_FRAMES));
                    too_deep = n;
                }
            }
            assert_true(depth * (locals[k] + 3) <= cells);
            assert_true((depth + 2) * (locals[k] + 16) >= cells);
            assert_ptr_equal(r.x->top, r.x->stack);
            test_run_done(&r);
        }
}

/* Also while another thread interrupts and resumes all the time, and on a stack that was used before. */
static void resume_often(void *arg)
{
    for (u32 i = 0; i < 2000; i++) {
        tern_exec_interrupt(arg, TRAP_INTERRUPTED);
        tern_exec_resume(arg);
    }
}

static void the_most_stack_that_was_used_is_known(void **state)
{
    (void)state;
    for (u32 times = 0; times < 4; times++) {
        TestModule m = {0};
        u32 f = put_recursion(&m, test_type(&m, "i:i"), 100);
        TestRun r;
        test_run_init(&r, false, 1 << 20);
        Instance *instance = test_run_add(&r, &m, NULL);
        assert_int_equal(tern_exec_stack_peak(r.x), 0);
        size_t last = 0;
        for (u32 n = 1; n <= 1000; n += 37) {
            Thread thread;
            if (times >= 2) assert_true(tern_port_thread_start(&thread, resume_often, r.x, 0));
            u64 cell = n - 1;
            TrapCode trap = test_call(&r, instance, f, &cell);
            if (times >= 2) tern_port_thread_join(&thread);
            while (trap != TRAP_NONE) {
                assert_int_equal(trap, TRAP_INTERRUPTED);
                cell = n - 1;
                trap = test_call(&r, instance, f, &cell);
            }
            size_t peak = tern_exec_stack_peak(r.x);
            assert_true(peak >= last && peak >= n * 103 * sizeof(u64));
            assert_true(peak <= n * 116 * sizeof(u64) + (1 << 20) / 256);
            last = peak;
            cell = 0;
            assert_int_equal(test_call(&r, instance, f, &cell), TRAP_NONE);
            assert_int_equal(tern_exec_stack_peak(r.x), last);
        }
        u64 cell = UINT32_MAX;
        assert_int_equal(test_call(&r, instance, f, &cell), TRAP_STACK_EXHAUSTED);
        assert_true(tern_exec_stack_peak(r.x) > r.x->stack_bytes - 2000);
        test_run_done(&r);
    }
}

typedef struct Bounce {
    FuncInst *guest;
    u32 depth, limit;
    TrapCode at_limit;
} Bounce;

static TrapCode bounce(Exec *x, void *env, u64 *slots)
{
    Bounce *bounce = env;
    if (++bounce->depth == bounce->limit) return bounce->at_limit;
    u64 cell = slots[0] + 1;
    TrapCode trap = tern_exec_call(x, bounce->guest, &cell, slots);
    bounce->depth--;
    return trap;
}

/* guest(x): host(x) + 1, in an instance whose memory may be guarded. */
static Instance *add_bouncing(TestRun *r, Bounce *env)
{
    TestModule m = {0};
    u32 type = test_type(&m, "i:i");
    u32 import = test_import_func(&m, type);
    test_memory(&m, 1, UINT64_MAX, false);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_CALL, import);
    put_i32(&b, 1);
    put_op(&b, OP_I32_ADD);
    u32 f = test_func(&m, type, "", &b);
    Extern host = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r->t, i32s, 1, i32s, 1, bounce, env)};
    Instance *instance = test_run_add(r, &m, &host);
    env->guest = tern_instance_func(instance, f);
    return instance;
}

static void bounce_on_stacks_of_every_size(void *unused)
{
    (void)unused;
    static const size_t sizes[] = {4096, 64 << 20};
    for (u32 i = 0; i < COUNT_OF(sizes); i++) {
        TestRun r;
        test_run_init(&r, false, sizes[i]);
        Bounce env = {0};
        (void)add_bouncing(&r, &env);
        u64 cell = 0;
        TrapCode trap = tern_exec_call(r.x, env.guest, &cell, &cell);
        assert_int_equal(trap, i == 0 ? TRAP_STACK_EXHAUSTED : TRAP_NATIVE_STACK_EXHAUSTED);
        assert_int_equal(r.x->depth, 0);
        assert_ptr_equal(r.x->top, r.x->stack);
        assert_int_equal(env.depth, 0);
        env = (Bounce){.guest = env.guest, .limit = 20, .at_limit = TRAP_NONE};
        cell = 0;
        assert_int_equal(tern_exec_call(r.x, env.guest, &cell, &cell), TRAP_NONE);
        assert_int_equal(cell, 19 + 20);
        env = (Bounce){.guest = env.guest, .limit = 10, .at_limit = TRAP_HOST};
        assert_int_equal(tern_exec_call(r.x, env.guest, &cell, &cell), TRAP_HOST);
        test_run_done(&r);
    }
}

static void host_and_guest_calling_each_other_end_in_a_trap(void **state)
{
    (void)state;
    bounce_on_stacks_of_every_size(NULL);
}

/* Far more calls in progress than the main thread has room for. */
static void they_end_in_a_trap_on_a_large_native_stack_too(void **state)
{
    (void)state;
    Thread thread;
    assert_true(tern_port_thread_start(&thread, bounce_on_stacks_of_every_size, NULL, 48 << 20));
    tern_port_thread_join(&thread);
}

/* --- between instances ------------------------------------------------------------------------------- */

/* Two instances of alike modules, each with a memory whose first word, and a global that, tell it from the
 * other. The second calls the first. */
typedef struct Pair {
    TestRun r;
    Instance *a, *b;
    u32 a_read, b_read, b_after_call, b_tail, b_trap, a_trap, b_many, trap_at, call_at;
} Pair;

/* read(): memory[0] + global */
static u32 put_read(TestModule *m, u32 type)
{
    Bytes b = {0};
    put_i32(&b, 0);
    put_access(&b, OP_I32_LOAD, 0, 0);
    put_index(&b, OP_GLOBAL_GET, 0);
    put_op(&b, OP_I32_ADD);
    return test_func(m, type, "", &b);
}

static void pair_init(Pair *p, bool memories_move)
{
    test_run_init(&p->r, memories_move, 0);
    TestModule m = {0};
    u32 type = test_type(&m, ":i"), many = test_type(&m, "iI:IiIi");
    test_memory(&m, 1, UINT64_MAX, false);
    test_global(&m, VT_I32, 1000);
    p->a_read = put_read(&m, type);
    Bytes b = {0};
    put_i32(&b, 3);
    p->trap_at = (u32)b.n + 2;
    put_i32(&b, 0);
    put_op(&b, OP_I32_DIV_U);
    p->a_trap = test_func(&m, type, "", &b);
    put_index(&b, OP_LOCAL_GET, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_LOCAL_GET, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    u32 a_many = test_func(&m, many, "I", &b);
    p->a = test_run_add(&p->r, &m, NULL);

    type = test_type(&m, ":i"), many = test_type(&m, "iI:IiIi");
    Extern imports[3] = {{.kind = EXTERN_FUNC}, {.kind = EXTERN_FUNC}, {.kind = EXTERN_FUNC}};
    imports[0].u.func = tern_instance_func(p->a, p->a_read);
    imports[1].u.func = tern_instance_func(p->a, p->a_trap);
    imports[2].u.func = tern_instance_func(p->a, a_many);
    test_import_func(&m, type);
    test_import_func(&m, type);
    test_import_func(&m, many);
    test_memory(&m, 1, UINT64_MAX, false);
    test_global(&m, VT_I32, 2000);
    p->b_read = put_read(&m, type);
    put_index(&b, OP_CALL, 0);
    put_i32(&b, 100000);
    put_op(&b, OP_I32_MUL);
    put_index(&b, OP_CALL, p->b_read);
    put_op(&b, OP_I32_ADD);
    p->b_after_call = test_func(&m, type, "", &b);
    put_index(&b, OP_RETURN_CALL, 0);
    p->b_tail = test_func(&m, type, "", &b);
    put_op(&b, OP_NOP);
    p->call_at = (u32)b.n;
    put_index(&b, OP_CALL, 1);
    p->b_trap = test_func(&m, type, "", &b);
    put_i32(&b, 5);
    put_i64(&b, 1ull << 40);
    put_index(&b, OP_CALL, 2);
    p->b_many = test_func(&m, test_type(&m, ":IiIi"), "", &b);
    p->b = test_run_add(&p->r, &m, imports);
    u32 word = 1;
    memcpy(p->a->memories[0]->base, &word, 4);
    word = 2;
    memcpy(p->b->memories[0]->base, &word, 4);
}

static void a_call_into_another_instance_restores_memory_and_globals(void **state)
{
    (void)state;
    for (u32 move = 0; move < 2; move++) {
        Pair p;
        pair_init(&p, move);
        u64 cells[4];
        for (u32 times = 0; times < 3; times++) {
            assert_int_equal(test_call(&p.r, p.b, p.b_after_call, cells), TRAP_NONE);
            assert_int_equal(cells[0], 1001 * 100000 + 2002);
            assert_int_equal(test_call(&p.r, p.b, p.b_tail, cells), TRAP_NONE);
            assert_int_equal(cells[0], 1001);
            assert_int_equal(test_call(&p.r, p.b, p.b_read, cells), TRAP_NONE);
            assert_int_equal(cells[0], 2002);
            assert_int_equal(test_call(&p.r, p.b, p.b_many, cells), TRAP_NONE);
            assert_int_equal(cells[0], 1ull << 40);
            assert_int_equal(cells[1], 5);
            assert_int_equal(cells[2], 1ull << 40);
            assert_int_equal(cells[3], 5);
        }
        test_run_done(&p.r);
    }
}

static void a_trap_in_another_instance_names_both(void **state)
{
    (void)state;
    Pair p;
    pair_init(&p, false);
    u64 cells[4];
    assert_int_equal(test_call(&p.r, p.b, p.b_trap, cells), TRAP_DIVIDE_BY_ZERO);
    const Trap *trap = &p.r.x->trap;
    assert_int_equal(trap->nframes_all, 2);
    assert_ptr_equal(trap->frames[0].instance, p.a);
    assert_int_equal(trap->frames[0].func_index, p.a_trap);
    assert_int_equal(trap->frames[0].offset, test_offset(p.a, p.a_trap, 1, p.trap_at));
    assert_ptr_equal(trap->frames[1].instance, p.b);
    assert_int_equal(trap->frames[1].func_index, p.b_trap);
    assert_int_equal(trap->frames[1].offset, test_offset(p.b, p.b_trap, 1, p.call_at));
    assert_int_equal(test_call(&p.r, p.b, p.b_after_call, cells), TRAP_NONE);
    assert_int_equal(cells[0], 1001 * 100000 + 2002);
    test_run_done(&p.r);
}

/* --- interrupts -------------------------------------------------------------------------------------- */

typedef struct Interrupter {
    Exec *x;
    u32 *count; /* the guest says here that it runs */
    TrapCode code;
} Interrupter;

static void interrupt_when_running(void *arg)
{
    Interrupter *i = arg;
    while (__atomic_load_n(i->count, __ATOMIC_RELAXED) == 0) {}
    tern_exec_interrupt(i->x, i->code);
}

static TrapCode tell(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)slots;
    __atomic_store_n((u32 *)env, 1, __ATOMIC_RELAXED);
    return TRAP_NONE;
}

static void an_interrupt_stops_whatever_never_ends(void **state)
{
    (void)state;
    TestRun r;
    test_run_init(&r, false, 0);
    u32 count = 0;
    TestModule m = {0};
    u32 type = test_type(&m, ":");
    u32 host = test_import_func(&m, type);
    test_table(&m, 1);
    Bytes b = {0};
    u32 nop = test_func(&m, type, "", &b);
    u32 endless[4];
    put_index(&b, OP_CALL, host);
    put_block(&b, OP_LOOP);
    put_index(&b, OP_BR, 0);
    put_op(&b, OP_END);
    endless[0] = test_func(&m, type, "", &b);
    put_index(&b, OP_CALL, host);
    put_block(&b, OP_LOOP);
    put_index(&b, OP_CALL, nop);
    put_i32(&b, 1);
    put_index(&b, OP_BR_IF, 0);
    put_op(&b, OP_END);
    endless[1] = test_func(&m, type, "", &b);
    put_index(&b, OP_RETURN_CALL, m.nall_funcs);
    u32 tail = test_func(&m, type, "", &b);
    put_index(&b, OP_CALL, host);
    put_index(&b, OP_RETURN_CALL, tail);
    endless[2] = test_func(&m, type, "", &b);
    test_elem(&m, 0, m.nall_funcs);
    put_index(&b, OP_CALL, host);
    put_i32(&b, 0);
    put_index(&b, OP_RETURN_CALL_INDIRECT, type);
    put_uleb(&b, 0);
    endless[3] = test_func(&m, type, "", &b);
    Extern import = {.kind = EXTERN_FUNC, .u.func = test_store_func(&r.t, NULL, 0, NULL, 0, tell, &count)};
    Instance *instance = test_run_add(&r, &m, &import);
    for (u32 times = 0; times < 50; times++)
        for (u32 i = 0; i < COUNT_OF(endless); i++) {
            count = 0;
            Interrupter interrupter = {r.x, &count, times % 2 == 0 ? TRAP_INTERRUPTED : TRAP_DEADLINE};
            Thread thread;
            assert_true(tern_port_thread_start(&thread, interrupt_when_running, &interrupter, 0));
            assert_int_equal(test_call(&r, instance, endless[i], NULL), interrupter.code);
            assert_true(r.x->trap.nframes_all >= 1);
            if (times < 25) tern_port_thread_join(&thread);
            tern_exec_resume(r.x); /* perhaps before the other thread has finished interrupting */
            if (times >= 25) {
                tern_port_thread_join(&thread);
                if (__atomic_load_n(&r.x->interrupt, __ATOMIC_SEQ_CST) != 0) tern_exec_resume(r.x);
            }
            assert_int_equal(test_call(&r, instance, nop, NULL), TRAP_NONE);
        }
    tern_exec_interrupt(r.x, TRAP_INTERRUPTED);
    for (u32 i = 0; i < COUNT_OF(endless); i++)
        assert_int_equal(test_call(&r, instance, endless[i], NULL), TRAP_INTERRUPTED);
    assert_int_equal(test_call(&r, instance, nop, NULL), TRAP_INTERRUPTED);
    tern_exec_resume(r.x);
    assert_int_equal(test_call(&r, instance, nop, NULL), TRAP_NONE);
    test_run_done(&r);
}

/* The second store of an interrupt may come after it was taken back. */
static void a_limit_lost_to_a_late_interrupt_is_found_again(void **state)
{
    (void)state;
    TestRun r;
    test_run_init(&r, false, 0);
    TestModule m = {0};
    u32 f = put_recursion(&m, test_type(&m, "i:i"), 0);
    Instance *instance = test_run_add(&r, &m, NULL);
    for (u64 n = 0; n < 10; n++) {
        r.x->stack_limit = NULL;
        u64 cell = n;
        assert_int_equal(test_call(&r, instance, f, &cell), TRAP_NONE);
        assert_int_equal(cell, n);
    }
    test_run_done(&r);
}

/* --- memories that move ------------------------------------------------------------------------------ */

typedef struct Grower {
    Memory *memory;
} Grower;

static TrapCode grow_from_host(Exec *x, void *env, u64 *slots)
{
    (void)x;
    slots[0] = tern_memory_grow_pages(((Grower *)env)->memory, slots[0]);
    return TRAP_NONE;
}

/* grower(n) is any of: memory.grow itself, a callee, the host, another instance with the same memory. The caller
 * then writes and reads at the end of what there is now, and finds what it wrote before. */
static void a_memory_that_moved_is_found_again(void **state)
{
    (void)state;
    for (u32 move = 0; move < 2; move++) {
        TestRun r;
        test_run_init(&r, move, 0);
        Diag diag = {0};
        MemoryType type = {.limits = {.min = 1, .max = UINT64_MAX}, .page_log2 = 16};
        MemoryOptions options = {.may_move = move, .max_pages = UINT64_MAX};
        Extern imports[3] = {{.kind = EXTERN_MEMORY}, {.kind = EXTERN_FUNC}, {.kind = EXTERN_FUNC}};
        Memory *memory = tern_store_memory_new(r.t.store, &type, &options, &diag);
        assert_non_null(memory);
        imports[0].u.memory = memory;

        TestModule m = {0};
        u32 i_i = test_type(&m, "i:i");
        test_import_memory(&m, 1, UINT64_MAX);
        Bytes b = {0};
        put_index(&b, OP_LOCAL_GET, 0);
        put_index(&b, OP_MEMORY_GROW, 0);
        u32 other_grow = test_func(&m, i_i, "", &b);
        Instance *other = test_run_add(&r, &m, imports);

        Grower env = {memory};
        imports[1].u.func = test_store_func(&r.t, i32s, 1, i32s, 1, grow_from_host, &env);
        imports[2].u.func = tern_instance_func(other, other_grow);
        i_i = test_type(&m, "i:i");
        test_import_memory(&m, 1, UINT64_MAX);
        test_import_func(&m, i_i);
        test_import_func(&m, i_i);
        put_index(&b, OP_LOCAL_GET, 0);
        put_index(&b, OP_MEMORY_GROW, 0);
        u32 own_grow = test_func(&m, i_i, "", &b);
        u32 callers[4];
        for (u32 i = 0; i < 4; i++) {
            put_i32(&b, 65532); /* the last word, before */
            put_i32(&b, 0x1234 + i);
            put_access(&b, OP_I32_STORE, 0, 0);
            put_index(&b, OP_LOCAL_GET, 0);
            put_index(&b, i == 3 ? OP_MEMORY_GROW : OP_CALL, i == 3 ? 0 : i == 2 ? own_grow : i);
            put_index(&b, OP_LOCAL_TEE, 1);
            put_i32(&b, 16);
            put_op(&b, OP_I32_SHL); /* the first byte of what is new */
            put_index(&b, OP_LOCAL_GET, 1);
            put_access(&b, OP_I32_STORE, 0, 65532); /* the last word of the first new page */
            put_i32(&b, 65532);
            put_access(&b, OP_I32_LOAD, 0, 0);
            callers[i] = test_func(&m, i_i, "i", &b);
        }
        Instance *instance = test_run_add(&r, &m, imports);
        for (u32 times = 0; times < 5; times++)
            for (u32 i = 0; i < 4; i++) {
                u64 old = memory->npages, cell = 3;
                assert_int_equal(test_call(&r, instance, callers[i], &cell), TRAP_NONE);
                assert_int_equal(cell, 0x1234 + i);
                assert_int_equal(memory->npages, old + 3);
                u32 word;
                memcpy(&word, memory->base + old * 65536 + 65532, 4);
                assert_int_equal(word, old);
                cell = 0;
                assert_int_equal(test_call(&r, instance, callers[i], &cell), TRAP_MEMORY_BOUNDS);
            }
        test_run_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deep_recursion_ends_in_a_trap_for_every_size_of_stack),
        cmocka_unit_test(the_most_stack_that_was_used_is_known),
        cmocka_unit_test(host_and_guest_calling_each_other_end_in_a_trap),
        cmocka_unit_test(they_end_in_a_trap_on_a_large_native_stack_too),
        cmocka_unit_test(a_call_into_another_instance_restores_memory_and_globals),
        cmocka_unit_test(a_trap_in_another_instance_names_both),
        cmocka_unit_test(an_interrupt_stops_whatever_never_ends),
        cmocka_unit_test(a_limit_lost_to_a_late_interrupt_is_found_again),
        cmocka_unit_test(a_memory_that_moved_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
