/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* test_store.h - an engine without a tier and a store in it, over the allocator that notices
 * misuse. Include after cmocka.h. */
#ifndef TERN_TEST_UNIT_TEST_STORE_H
#define TERN_TEST_UNIT_TEST_STORE_H

#include "runtime/exec.h"
#include "test_alloc.h"

typedef struct TestStore {
    TestAlloc alloc;
    Engine *engine;
    Store *store;
} TestStore;

static inline void test_store_init(TestStore *t, const Tier *tier)
{
    t->alloc = test_alloc(TEST_ALLOC_NEVER);
    EngineOptions options = {.alloc = &t->alloc.base, .features = FEATURES_ALL, .tier = tier};
    t->engine = tern_engine_new(&options);
    assert_non_null(t->engine);
    t->store = tern_store_new(t->engine);
    assert_non_null(t->store);
}

static inline void test_store_done(TestStore *t)
{
    tern_store_free(t->store);
    tern_engine_free(t->engine);
    assert_int_equal(t->alloc.live, 0);
}

/* A host function of the type params -> results, whose type the store keeps. */
static inline FuncInst *test_store_func(TestStore *t, const ValType *params, u32 nparams,
                                        const ValType *results, u32 nresults, HostFunc *host,
                                        void *env)
{
    u32 id = tern_types_add_func(t->engine->types, params, nparams, results, nresults);
    assert_int_not_equal(id, TYPE_NONE);
    FuncInst *func = tern_func_new(t->store, id, host, env, "host");
    assert_non_null(func);
    tern_types_release(t->engine->types, id);
    return func;
}

#endif
