/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Threads over one shared memory: every worker has a store of its own and an instance of the one module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "test_module.h"

enum { WAIT32, WAIT64, NOTIFY, COUNT, PRODUCE, CONSUME, SIZE, GROW, LOAD, NFUNCS, DEEP = 20 };

static void put_atomic(Bytes *b, Op op)
{
    put_op(b, op);
    put_byte(b, (u8)__builtin_ctz(tern_op_info[op].mem_bytes));
    put_uleb(b, 0);
}

static void put_operation(TestModule *m, const char *sig, Op op)
{
    Bytes b = {0};
    for (u32 i = 0; sig[i] != ':'; i++) put_index(&b, OP_LOCAL_GET, i);
    put_atomic(&b, op);
    test_func(m, test_type(m, sig), "", &b);
}

/* local -= 1, and back to the loop around if that is not 0. */
static void put_count_down(Bytes *b, u32 local)
{
    put_index(b, OP_LOCAL_GET, local);
    put_i32(b, 1);
    put_op(b, OP_I32_SUB);
    put_index(b, OP_LOCAL_TEE, local);
    put_index(b, OP_BR_IF, 0);
    put_op(b, OP_END);
}

/* Sleeps until the i32 at 0 is no longer full. */
static void put_wait_while(Bytes *b, u32 full)
{
    put_block(b, OP_LOOP);
    put_i32(b, 0);
    put_atomic(b, OP_I32_ATOMIC_LOAD);
    put_i32(b, full);
    put_op(b, OP_I32_EQ);
    put_block(b, OP_IF);
    put_i32(b, 0);
    put_i32(b, full);
    put_i64(b, UINT64_MAX);
    put_atomic(b, OP_MEMORY_ATOMIC_WAIT32);
    put_op(b, OP_DROP);
    put_index(b, OP_BR, 1);
    put_op(b, OP_END);
    put_op(b, OP_END);
}
static void put_set_full(Bytes *b, u32 full)
{
    put_i32(b, 0);
    put_i32(b, full);
    put_atomic(b, OP_I32_ATOMIC_STORE);
    put_i32(b, 0);
    put_i32(b, 1);
    put_atomic(b, OP_MEMORY_ATOMIC_NOTIFY);
    put_op(b, OP_DROP);
}

static Bytes module_bytes(bool is_shared)
{
    TestModule m = {0};
    put_import(&m, 2);
    put_byte(&m.imports, is_shared ? 3 : 1);
    put_uleb(&m.imports, 1);
    put_uleb(&m.imports, 4);
    put_operation(&m, "iiI:i", OP_MEMORY_ATOMIC_WAIT32);
    put_operation(&m, "iII:i", OP_MEMORY_ATOMIC_WAIT64);
    put_operation(&m, "ii:i", OP_MEMORY_ATOMIC_NOTIFY);

    Bytes b = {0}; /* COUNT: adds 1 at an address so many times, after calls DEEP deep */
    put_index(&b, OP_CALL, NFUNCS);
    put_block(&b, OP_LOOP);
    put_index(&b, OP_LOCAL_GET, 0);
    put_i32(&b, 1);
    put_atomic(&b, OP_I32_ATOMIC_RMW_ADD);
    put_op(&b, OP_DROP);
    put_count_down(&b, 1);
    test_func(&m, test_type(&m, "ii:"), "", &b);

    b = (Bytes){0}; /* PRODUCE: n, n-1, ... 1 one by one into the i32 at 8 */
    put_block(&b, OP_LOOP);
    put_wait_while(&b, 1);
    put_i32(&b, 8);
    put_index(&b, OP_LOCAL_GET, 0);
    put_access(&b, OP_I32_STORE, 0, 0);
    put_set_full(&b, 1);
    put_count_down(&b, 0);
    test_func(&m, test_type(&m, "i:"), "", &b);

    b = (Bytes){0}; /* CONSUME: the sum of n of them */
    put_block(&b, OP_LOOP);
    put_wait_while(&b, 0);
    put_i32(&b, 8);
    put_access(&b, OP_I32_LOAD, 0, 0);
    put_index(&b, OP_LOCAL_GET, 1);
    put_op(&b, OP_I32_ADD);
    put_index(&b, OP_LOCAL_SET, 1);
    put_set_full(&b, 0);
    put_count_down(&b, 0);
    put_index(&b, OP_LOCAL_GET, 1);
    test_func(&m, test_type(&m, "i:i"), "i", &b);

    b = (Bytes){0};
    put_index(&b, OP_MEMORY_SIZE, 0);
    test_func(&m, test_type(&m, ":i"), "", &b);
    b = (Bytes){0};
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_MEMORY_GROW, 0);
    test_func(&m, test_type(&m, "i:i"), "", &b);
    put_operation(&m, "i:i", OP_I32_ATOMIC_LOAD);

    u32 type = test_type(&m, ":");
    for (u32 i = 0; i < DEEP; i++) {
        b = (Bytes){0};
        if (i + 1 < DEEP) put_index(&b, OP_CALL, NFUNCS + i + 1);
        test_func(&m, type, "", &b);
    }
    return test_module_bytes(&m);
}

/* What the workers share. */
typedef struct Shared {
    TestAlloc alloc;
    Engine *engine;
    Module *module;
    Memory *memory;
} Shared;

static void shared_init(Shared *s, bool is_shared)
{
    s->alloc = test_alloc(TEST_ALLOC_NEVER);
    EngineOptions engine = {.alloc = &s->alloc.base, .features = FEATURES_ALL, .tier = &tern_interp_tier};
    s->engine = tern_engine_new(&engine);
    assert_non_null(s->engine);
    Bytes bytes = module_bytes(is_shared);
    DecodeOptions options = {.features = FEATURES_ALL, .copy_bytes = true};
    Diag diag = {0};
    s->module = tern_module_decode(s->engine->types, &s->alloc.base, bytes.p, bytes.n, &options, &diag);
    assert_non_null(s->module);
    bytes_done(&bytes);
    MemoryType type = {{1, 4, .has_max = true, .is_shared = is_shared}, 16};
    s->memory = tern_memory_new(&s->alloc.base, &type, NULL, &diag);
    assert_non_null(s->memory);
}

static void shared_done(Shared *s)
{
    tern_memory_release(s->memory);
    tern_module_release(s->module);
    tern_engine_free(s->engine);
    assert_int_equal(s->alloc.live, 0);
}

/* One call in a store of its own. cmocka's assertions belong to the main thread: a worker only remembers. */
typedef struct Worker {
    Thread thread;
    Shared *shared;
    Store *store;
    Exec *x;
    Instance *instance;
    u32 func;
    u64 cells[4];
    TrapCode trap;
    u32 is_done; /* atomic */
} Worker;

static void worker_init(Worker *w, Shared *shared)
{
    *w = (Worker){.shared = shared, .store = tern_store_new(shared->engine)};
    assert_non_null(w->store);
    w->x = tern_exec_new(w->store, 0);
    assert_non_null(w->x);
    Extern memory = {EXTERN_MEMORY, {.memory = shared->memory}};
    Diag diag = {0};
    w->instance = tern_instance_new(w->store, shared->module, &memory, NULL, &diag, NULL);
    assert_non_null(w->instance);
}

static void worker_done(Worker *w)
{
    tern_exec_free(w->x);
    tern_store_free(w->store);
}

static TrapCode worker_call(Worker *w, u32 func, u64 a, u64 b, u64 c)
{
    w->cells[0] = a;
    w->cells[1] = b;
    w->cells[2] = c;
    w->func = func;
    w->trap = tern_exec_call(w->x, tern_instance_func(w->instance, func), w->cells, w->cells);
    return w->trap;
}

static void run(void *arg)
{
    Worker *w = arg;
    worker_call(w, w->func, w->cells[0], w->cells[1], w->cells[2]);
    __atomic_store_n(&w->is_done, 1, __ATOMIC_RELEASE);
}

static void worker_start(Worker *w, u32 func, u64 a, u64 b, u64 c)
{
    w->func = func;
    w->cells[0] = a;
    w->cells[1] = b;
    w->cells[2] = c;
    w->is_done = 0;
    assert_true(tern_port_thread_start(&w->thread, run, w, 0));
}

static u64 now_ns(void)
{
    u64 now;
    assert_true(tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now));
    return now;
}

static void pause_ns(u64 ns)
{
    for (u64 end = now_ns() + ns; now_ns() < end;) continue;
}

#define NO_TIMEOUT UINT64_MAX

static void a_value_that_differs_is_not_waited_for(void **state)
{
    (void)state;
    Shared s;
    Worker w;
    shared_init(&s, true);
    worker_init(&w, &s);
    assert_int_equal(worker_call(&w, WAIT32, 8, 1, NO_TIMEOUT), TRAP_NONE);
    assert_int_equal(w.cells[0], 1);
    assert_int_equal(worker_call(&w, WAIT64, 8, 1ull << 40, NO_TIMEOUT), TRAP_NONE);
    assert_int_equal(w.cells[0], 1);
    assert_int_equal(worker_call(&w, NOTIFY, 8, 7, 0), TRAP_NONE);
    assert_int_equal(w.cells[0], 0);
    worker_done(&w);
    shared_done(&s);
}

static void a_wait_ends_in_time(void **state)
{
    (void)state;
    Shared s;
    Worker w;
    shared_init(&s, true);
    worker_init(&w, &s);
    static const u64 timeouts[] = {0, 1, 1000000, 25000000};
    for (u32 i = 0; i < COUNT_OF(timeouts); i++) {
        u64 start = now_ns();
        assert_int_equal(worker_call(&w, i % 2 == 0 ? WAIT32 : WAIT64, 16, 0, timeouts[i]), TRAP_NONE);
        assert_int_equal(w.cells[0], 2);
        assert_true(now_ns() - start >= timeouts[i]);
    }
    worker_done(&w);
    shared_done(&s);
}

static void an_address_must_be_aligned_and_inside(void **state)
{
    (void)state;
    Shared s;
    Worker w;
    shared_init(&s, true);
    worker_init(&w, &s);
    assert_int_equal(worker_call(&w, WAIT32, 65536, 0, 0), TRAP_MEMORY_BOUNDS);
    assert_int_equal(worker_call(&w, WAIT32, 65532, 0, 0), TRAP_NONE);
    assert_int_equal(worker_call(&w, WAIT32, 2, 0, 0), TRAP_UNALIGNED_ATOMIC);
    assert_int_equal(w.x->trap.address, 2);
    assert_int_equal(worker_call(&w, WAIT64, 65532, 0, 0), TRAP_UNALIGNED_ATOMIC);
    assert_int_equal(worker_call(&w, WAIT64, 4, 0, 0), TRAP_UNALIGNED_ATOMIC);
    assert_int_equal(worker_call(&w, NOTIFY, 65536, 1, 0), TRAP_MEMORY_BOUNDS);
    assert_int_equal(worker_call(&w, NOTIFY, 1, 1, 0), TRAP_UNALIGNED_ATOMIC);
    worker_done(&w);
    shared_done(&s);
}

static void an_unshared_memory_has_nobody_to_wait_for(void **state)
{
    (void)state;
    Shared s;
    Worker w;
    shared_init(&s, false);
    worker_init(&w, &s);
    assert_int_equal(worker_call(&w, WAIT32, 8, 0, 0), TRAP_UNSHARED_WAIT);
    assert_int_equal(worker_call(&w, WAIT64, 8, 0, 0), TRAP_UNSHARED_WAIT);
    assert_int_equal(worker_call(&w, NOTIFY, 8, 9, 0), TRAP_NONE);
    assert_int_equal(w.cells[0], 0);
    worker_done(&w);
    shared_done(&s);
}

/* Wakes sleepers at addr, at most `count` at a time, until there were n. */
static void notify_all(Worker *w, u64 addr, u64 count, u32 n)
{
    for (u32 woken = 0; woken < n;) {
        assert_int_equal(worker_call(w, NOTIFY, addr, count, 0), TRAP_NONE);
        assert_true(w->cells[0] <= count);
        woken += (u32)w->cells[0];
        assert_true(woken <= n);
    }
}

static void a_notification_wakes_as_many_as_it_says(void **state)
{
    (void)state;
    Shared s;
    Worker main_one, w[4];
    shared_init(&s, true);
    worker_init(&main_one, &s);
    for (u32 i = 0; i < 4; i++) worker_init(&w[i], &s);
    for (u32 i = 0; i < 3; i++) worker_start(&w[i], i == 0 ? WAIT64 : WAIT32, 64, 0, NO_TIMEOUT);
    worker_start(&w[3], WAIT32, 128, 0, NO_TIMEOUT);

    assert_int_equal(worker_call(&main_one, NOTIFY, 64, 0, 0), TRAP_NONE);
    assert_int_equal(main_one.cells[0], 0);
    notify_all(&main_one, 64, 1, 3);
    for (u32 i = 0; i < 3; i++) tern_port_thread_join(&w[i].thread);
    assert_int_equal(__atomic_load_n(&w[3].is_done, __ATOMIC_ACQUIRE), 0);
    notify_all(&main_one, 128, UINT32_MAX, 1);
    tern_port_thread_join(&w[3].thread);
    for (u32 i = 0; i < 4; i++) {
        assert_int_equal(w[i].trap, TRAP_NONE);
        assert_int_equal(w[i].cells[0], 0);
        worker_done(&w[i]);
    }
    worker_done(&main_one);
    shared_done(&s);
}

static void a_sleeper_can_be_interrupted_and_used_again(void **state)
{
    (void)state;
    Shared s;
    Worker w;
    shared_init(&s, true);
    worker_init(&w, &s);
    for (u32 i = 0; i < 3; i++) {
        worker_start(&w, WAIT32, 8, 0, NO_TIMEOUT);
        pause_ns(i * 4000000); /* before it sleeps, and while it does */
        tern_exec_interrupt(w.x, TRAP_DEADLINE);
        tern_port_thread_join(&w.thread);
        assert_int_equal(w.trap, TRAP_DEADLINE);
        tern_exec_resume(w.x);
        assert_int_equal(worker_call(&w, WAIT32, 8, 0, 1000), TRAP_NONE);
        assert_int_equal(w.cells[0], 2);
        assert_int_equal(worker_call(&w, NOTIFY, 8, 9, 0), TRAP_NONE);
        assert_int_equal(w.cells[0], 0);
    }
    worker_done(&w);
    shared_done(&s);
}

static void what_is_produced_is_consumed(void **state)
{
    (void)state;
    enum { N = 2000 };
    Shared s;
    Worker producer, consumer;
    shared_init(&s, true);
    worker_init(&producer, &s);
    worker_init(&consumer, &s);
    worker_start(&consumer, CONSUME, N, 0, 0);
    worker_start(&producer, PRODUCE, N, 0, 0);
    tern_port_thread_join(&producer.thread);
    tern_port_thread_join(&consumer.thread);
    assert_int_equal(producer.trap, TRAP_NONE);
    assert_int_equal(consumer.trap, TRAP_NONE);
    assert_int_equal(consumer.cells[0], N * (N + 1) / 2);
    worker_done(&producer);
    worker_done(&consumer);
    shared_done(&s);
}

/* Each finds the functions not lowered yet, and so do the others. */
static void increments_are_not_lost(void **state)
{
    (void)state;
    enum { NTHREADS = 4, EACH = 250000 };
    Shared s;
    Worker w[NTHREADS];
    shared_init(&s, true);
    for (u32 i = 0; i < NTHREADS; i++) worker_init(&w[i], &s);
    for (u32 i = 0; i < NTHREADS; i++) worker_start(&w[i], COUNT, 32, EACH, 0);
    for (u32 i = 0; i < NTHREADS; i++) {
        tern_port_thread_join(&w[i].thread);
        assert_int_equal(w[i].trap, TRAP_NONE);
    }
    assert_int_equal(worker_call(&w[0], LOAD, 32, 0, 0), TRAP_NONE);
    assert_int_equal(w[0].cells[0], NTHREADS * EACH);
    for (u32 i = 0; i < NTHREADS; i++) worker_done(&w[i]);
    shared_done(&s);
}

static void one_thread_grows_and_another_sees_it(void **state)
{
    (void)state;
    Shared s;
    Worker grower, reader;
    shared_init(&s, true);
    worker_init(&grower, &s);
    worker_init(&reader, &s);
    assert_int_equal(worker_call(&reader, LOAD, 65536, 0, 0), TRAP_MEMORY_BOUNDS);
    worker_start(&grower, GROW, 2, 0, 0);
    u64 pages = 0;
    while (pages != 3) {
        assert_int_equal(worker_call(&reader, SIZE, 0, 0, 0), TRAP_NONE);
        pages = reader.cells[0];
    }
    assert_int_equal(worker_call(&reader, LOAD, 3 * 65536 - 4, 0, 0), TRAP_NONE);
    assert_int_equal(reader.cells[0], 0);
    tern_port_thread_join(&grower.thread);
    assert_int_equal(grower.cells[0], 1);
    assert_int_equal(worker_call(&grower, GROW, 2, 0, 0), TRAP_NONE);
    assert_int_equal((u32)grower.cells[0], UINT32_MAX);
    worker_done(&grower);
    worker_done(&reader);
    shared_done(&s);
}

/* A trap is described while another thread lowers. */
static void threads_trap_each_for_themselves(void **state)
{
    (void)state;
    Shared s;
    Worker w[2];
    shared_init(&s, true);
    for (u32 i = 0; i < 2; i++) worker_init(&w[i], &s);
    worker_start(&w[0], LOAD, 65533, 0, 0);
    worker_start(&w[1], COUNT, 32, 1000, 0);
    for (u32 i = 0; i < 2; i++) tern_port_thread_join(&w[i].thread);
    assert_int_equal(w[0].trap, TRAP_UNALIGNED_ATOMIC);
    assert_int_equal(w[0].x->trap.frames[0].func_index, LOAD);
    assert_int_equal(w[1].trap, TRAP_NONE);
    for (u32 i = 0; i < 2; i++) worker_done(&w[i]);
    shared_done(&s);
}

static void a_memory_outlives_the_store_that_made_it(void **state)
{
    (void)state;
    Shared s;
    Worker w;
    shared_init(&s, true);
    Store *maker = tern_store_new(s.engine);
    Diag diag = {0};
    tern_memory_release(s.memory);
    MemoryType type = {{1, 4, .has_max = true, .is_shared = true}, 16};
    s.memory = tern_store_memory_new(maker, &type, NULL, &diag);
    assert_non_null(s.memory);
    worker_init(&w, &s);
    tern_store_free(maker);
    s.memory = NULL;
    assert_int_equal(worker_call(&w, COUNT, 32, 3, 0), TRAP_NONE);
    assert_int_equal(worker_call(&w, LOAD, 32, 0, 0), TRAP_NONE);
    assert_int_equal(w.cells[0], 3);
    worker_done(&w);
    shared_done(&s);
}

static void every_allocation_of_a_shared_memory_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        MemoryType type = {{1, 4, .has_max = true, .is_shared = true}, 16};
        Diag diag = {0};
        Memory *memory = tern_memory_new(&alloc.base, &type, NULL, &diag);
        assert_int_equal(memory == NULL, alloc.has_failed);
        assert_int_equal(memory == NULL, diag.code != 0);
        tern_memory_release(memory);
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_differs_is_not_waited_for),
        cmocka_unit_test(a_wait_ends_in_time),
        cmocka_unit_test(an_address_must_be_aligned_and_inside),
        cmocka_unit_test(an_unshared_memory_has_nobody_to_wait_for),
        cmocka_unit_test(a_notification_wakes_as_many_as_it_says),
        cmocka_unit_test(a_sleeper_can_be_interrupted_and_used_again),
        cmocka_unit_test(what_is_produced_is_consumed),
        cmocka_unit_test(increments_are_not_lost),
        cmocka_unit_test(one_thread_grows_and_another_sees_it),
        cmocka_unit_test(threads_trap_each_for_themselves),
        cmocka_unit_test(a_memory_outlives_the_store_that_made_it),
        cmocka_unit_test(every_allocation_of_a_shared_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
