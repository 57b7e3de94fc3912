/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* types_test.c - equal types have equal ids, and subtyping is the specification's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "module/types.h"
#include "port/port.h"
#include "test_alloc.h"

static DefType func_def(const ValType *params, u32 nparams)
{
    return (DefType){.kind = DEF_FUNC,
                     .is_final = true,
                     .super = TYPE_NONE,
                     .descriptor = TYPE_NONE,
                     .described = TYPE_NONE,
                     .u.func = {.params = params, .nparams = nparams}};
}

static DefType struct_def(u32 super, const FieldType *fields, u32 nfields)
{
    return (DefType){.kind = DEF_STRUCT,
                     .super = super,
                     .descriptor = TYPE_NONE,
                     .described = TYPE_NONE,
                     .u.strct = {.fields = fields, .nfields = nfields}};
}

static u32 add(TypeRegistry *types, DefType def)
{
    u32 id;
    assert_true(tern_types_add_group(types, &def, 1, &id));
    return id;
}

static void equal_groups_have_equal_ids(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    ValType self = vt_concrete(REC_BIT | 0, true, false);
    ValType other = vt_concrete(REC_BIT | 1, true, false);
    FieldType to_self = {.type = self}, to_other = {.type = other};

    DefType pair[2] = {struct_def(TYPE_NONE, &to_other, 1), struct_def(TYPE_NONE, &to_self, 1)};
    u32 a[2], b[2];
    assert_true(tern_types_add_group(types, pair, 2, a));
    assert_true(tern_types_add_group(types, pair, 2, b));
    assert_int_equal(a[0], b[0]);
    assert_int_equal(a[1], b[1]);
    assert_int_not_equal(a[0], a[1]);

    /* Alone, and with the position exchanged, it is another type: groups are compared as wholes. */
    u32 alone = add(types, struct_def(TYPE_NONE, &to_self, 1));
    assert_int_not_equal(alone, a[0]);
    assert_int_not_equal(alone, a[1]);
    FieldType field = tern_types_get(types, alone)->u.strct.fields[0];
    assert_int_equal(field.type, vt_concrete(alone, true, false));

    tern_types_release(types, a[1]);
    tern_types_release(types, b[0]);
    tern_types_release(types, alone);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
}

static void everything_that_makes_a_type_makes_a_difference(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    ValType i32i64[2] = {VT_I32, VT_I64};
    FieldType var = {.type = VT_I32, .is_mutable = true}, con = {.type = VT_I32};
    u32 super = add(types, struct_def(TYPE_NONE, NULL, 0));
    DefType defs[] = {
        func_def(NULL, 0),
        func_def(i32i64, 1),
        func_def(i32i64, 2),
        func_def(i32i64 + 1, 1),
        {.kind = DEF_FUNC,
         .is_final = true,
         .super = TYPE_NONE,
         .descriptor = TYPE_NONE,
         .described = TYPE_NONE,
         .u.func = {.results = i32i64, .nresults = 1}},
        {.kind = DEF_FUNC, .super = TYPE_NONE, .descriptor = TYPE_NONE, .described = TYPE_NONE},
        struct_def(TYPE_NONE, &con, 1),
        struct_def(TYPE_NONE, &var, 1),
        struct_def(super, &con, 1),
        {.kind = DEF_ARRAY,
         .super = TYPE_NONE,
         .descriptor = TYPE_NONE,
         .described = TYPE_NONE,
         .u.array = con},
        {.kind = DEF_ARRAY,
         .super = TYPE_NONE,
         .descriptor = TYPE_NONE,
         .described = TYPE_NONE,
         .u.array = var},
    };
    u32 ids[COUNT_OF(defs)];
    for (u32 i = 0; i < COUNT_OF(defs); i++) {
        ids[i] = add(types, defs[i]);
        for (u32 k = 0; k < i; k++) assert_int_not_equal(ids[i], ids[k]);
    }
    assert_int_equal(ids[2], tern_types_add_func(types, i32i64, 2, NULL, 0));
    tern_types_release(types, ids[2]);
    for (u32 i = 0; i < COUNT_OF(defs); i++) tern_types_release(types, ids[i]);
    tern_types_release(types, super);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
}

static void abstract_types_form_the_four_hierarchies(void **state)
{
    (void)state;
    static const struct {
        HeapCode sub, super;
    } steps[] = {
        {HEAP_EQ, HEAP_ANY},     {HEAP_I31, HEAP_EQ},      {HEAP_STRUCT, HEAP_EQ},
        {HEAP_ARRAY, HEAP_EQ},   {HEAP_NONE, HEAP_I31},    {HEAP_NONE, HEAP_STRUCT},
        {HEAP_NONE, HEAP_ARRAY}, {HEAP_NOFUNC, HEAP_FUNC}, {HEAP_NOEXTERN, HEAP_EXTERN},
        {HEAP_NOEXN, HEAP_EXN},
    };
    bool below[128][128] = {{false}};
    for (u32 h = HEAP_EXN; h <= HEAP_NOEXN; h++) below[h][h] = true;
    for (u32 i = 0; i < COUNT_OF(steps); i++) below[steps[i].sub][steps[i].super] = true;
    for (u32 k = HEAP_EXN; k <= HEAP_NOEXN; k++) /* transitive closure */
        for (u32 i = HEAP_EXN; i <= HEAP_NOEXN; i++)
            for (u32 j = HEAP_EXN; j <= HEAP_NOEXN; j++)
                if (below[i][k] && below[k][j]) below[i][j] = true;

    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    for (u32 i = HEAP_EXN; i <= HEAP_NOEXN; i++) {
        for (u32 j = HEAP_EXN; j <= HEAP_NOEXN; j++) {
            ValType a = vt_abstract((HeapCode)i, false), b = vt_abstract((HeapCode)j, false);
            assert_int_equal(tern_types_match(types, a, b), below[i][j]);
            assert_int_equal(tern_types_match(types, a, vt_with_null(b, true)), below[i][j]);
            assert_false(tern_types_match(types, vt_with_null(a, true), b));
        }
    }
    assert_true(tern_types_match(types, VT_BOT, VT_I32));
    assert_true(tern_types_match(types, vt_abstract(HEAP_BOT, false), VT_EXTERNREF));
    assert_false(tern_types_match(types, VT_I32, VT_I64));
    assert_false(tern_types_match(types, VT_I32, VT_FUNCREF));
    assert_int_equal(tern_types_top(types, vt_abstract(HEAP_NONE, true)), HEAP_ANY);
    assert_int_equal(tern_types_top(types, vt_abstract(HEAP_NOEXTERN, true)), HEAP_EXTERN);
    tern_types_free(types);
}

static void declared_supertypes_and_exactness_decide(void **state)
{
    (void)state;
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    FieldType field = {.type = VT_I32};
    u32 a = add(types, struct_def(TYPE_NONE, NULL, 0));
    u32 b = add(types, struct_def(a, &field, 1));
    u32 c = add(types, struct_def(TYPE_NONE, &field, 1)); /* as b, but below nothing */
    u32 f = tern_types_add_func(types, NULL, 0, NULL, 0);
    assert_int_equal(tern_types_get(types, b)->depth, 1);

    assert_true(tern_types_def_match(types, b, a));
    assert_false(tern_types_def_match(types, a, b));
    assert_false(tern_types_def_match(types, c, a));
    ValType ra = vt_concrete(a, false, false), rb = vt_concrete(b, false, false);
    ValType xa = vt_concrete(a, false, true), xb = vt_concrete(b, false, true);
    assert_true(tern_types_match(types, rb, ra));
    assert_true(tern_types_match(types, xb, ra));
    assert_true(tern_types_match(types, xa, xa));
    assert_true(tern_types_match(types, xa, ra));
    assert_false(tern_types_match(types, ra, xa));
    assert_false(tern_types_match(types, xb, xa));
    ValType none = vt_abstract(HEAP_NONE, false), nofunc = vt_abstract(HEAP_NOFUNC, false);
    assert_true(tern_types_match(types, none, xa));
    assert_false(tern_types_match(types, nofunc, ra));
    assert_true(tern_types_match(types, nofunc, vt_concrete(f, true, true)));
    assert_true(tern_types_match(types, rb, vt_abstract(HEAP_EQ, true)));
    assert_false(tern_types_match(types, rb, vt_abstract(HEAP_ARRAY, true)));
    assert_true(tern_types_match(types, vt_concrete(f, false, false), VT_FUNCREF));
    assert_int_equal(tern_types_top(types, vt_concrete(f, false, false)), HEAP_FUNC);

    ValType super_param[] = {vt_with_null(rb, true)}, sub_param[] = {vt_with_null(ra, true)};
    FuncType super = {.params = super_param, .nparams = 1},
             sub = {.params = sub_param, .nparams = 1};
    assert_true(tern_types_func_match(types, &sub, &super));
    assert_false(tern_types_func_match(types, &super, &sub));

    u32 all[] = {a, b, c, f};
    for (u32 i = 0; i < COUNT_OF(all); i++) tern_types_release(types, all[i]);
    tern_types_free(types);
}

static void a_chain_of_supertypes_has_a_bounded_length(void **state)
{
    (void)state;
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    u32 ids[MAX_TYPE_DEPTH + 1], super = TYPE_NONE, one_more;
    for (u32 i = 0; i <= MAX_TYPE_DEPTH; i++)
        ids[i] = super = add(types, struct_def(super, NULL, 0));
    for (u32 i = 0; i <= MAX_TYPE_DEPTH; i++)
        for (u32 k = 0; k <= MAX_TYPE_DEPTH; k++)
            assert_int_equal(tern_types_def_match(types, ids[i], ids[k]), i >= k);
    DefType def = struct_def(super, NULL, 0);
    assert_false(tern_types_add_group(types, &def, 1, &one_more));
    for (u32 i = 0; i <= MAX_TYPE_DEPTH; i++) tern_types_release(types, ids[i]);
    tern_types_free(types);
}

static void fields_are_laid_out_in_order_and_aligned(void **state)
{
    (void)state;
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    static const FieldType fields[] = {{.type = VT_I8},     {.type = VT_I16},  {.type = VT_I8},
                                       {.type = VT_I32},    {.type = VT_V128}, {.type = VT_I8},
                                       {.type = VT_FUNCREF}};
    static const u32 offsets[] = {0, 2, 4, 8, 16, 32, 40};
    u32 id = add(types, struct_def(TYPE_NONE, fields, COUNT_OF(fields)));
    const StructType *strct = &tern_types_get(types, id)->u.strct;
    for (u32 i = 0; i < COUNT_OF(fields); i++)
        assert_int_equal(strct->fields[i].offset, offsets[i]);
    assert_int_equal(strct->size_bytes, 48);

    ValType params[] = {VT_I32, VT_V128, VT_F64};
    u32 func = tern_types_add_func(types, params, 3, params + 1, 1);
    assert_int_equal(tern_types_get(types, func)->u.func.param_cells, 4);
    assert_int_equal(tern_types_get(types, func)->u.func.result_cells, 2);
    tern_types_release(types, id);
    tern_types_release(types, func);
    tern_types_free(types);
}

/* Each group mentions the one before; only the last is held in the end. */
static void a_group_keeps_alive_what_it_mentions(void **state)
{
    (void)state;
    enum { N = 20000 };
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    u32 last = TYPE_NONE;
    for (u32 i = 0; i < N; i++) {
        FieldType field = {.type = i == 0 ? VT_I32 : vt_concrete(last, true, false)};
        u32 id = add(types, struct_def(TYPE_NONE, &field, 1));
        if (i > 0) tern_types_release(types, last);
        last = id;
    }
    u32 n = 1;
    for (ValType t; t = tern_types_get(types, last)->u.strct.fields[0].type, vt_is_ref(t); n++) {
        tern_types_retain(types, vt_heap(t));
        tern_types_release(types, last);
        last = vt_heap(t);
        if (n == N / 2) break;
    }
    assert_int_equal(n, N / 2);
    tern_types_release(types, last);

    u32 again = tern_types_add_func(types, NULL, 0, NULL, 0); /* a number used before */
    assert_true(again < N);
    tern_types_release(types, again);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (u32 nth = 0;; nth++) {
        TestAlloc alloc = test_alloc(nth);
        TypeRegistry *types = tern_types_new(&alloc.base);
        if (types != NULL) {
            u32 ids[200], n = 0;
            for (u32 i = 0; i < COUNT_OF(ids);
                 i++) { /* past the first chunk and the first buckets */
                FieldType field = {.type =
                                       i == 0 || n == 0 ? VT_I64 : vt_concrete(ids[n - 1], 1, 0)};
                DefType def = struct_def(TYPE_NONE, &field, 1);
                if (tern_types_add_group(types, &def, 1, &ids[n]))
                    n++;
                else
                    assert_true(alloc.has_failed);
            }
            for (u32 i = 0; i < n; i++) tern_types_release(types, ids[i]);
            tern_types_free(types);
        }
        assert_int_equal(alloc.live, 0);
        if (!alloc.has_failed) break;
    }
}

/* Every thread adds, reads and releases the same types over and over. */
static void churn(void *arg)
{
    TypeRegistry *types = arg;
    for (u32 round = 0; round < 300; round++) {
        u32 ids[20];
        for (u32 i = 0; i < COUNT_OF(ids); i++) {
            ValType params[2] = {i & 1 ? VT_I32 : VT_I64, i & 2 ? VT_F32 : VT_F64};
            ids[i] = tern_types_add_func(types, params, 2, params, i & 4 ? 1 : 2);
            if (ids[i] == TYPE_NONE) abort();
        }
        for (u32 i = 0; i < COUNT_OF(ids); i++) {
            if (ids[i] != ids[i & 7]) abort();
            if (tern_types_get(types, ids[i])->u.func.params[0] != (i & 1 ? VT_I32 : VT_I64))
                abort();
        }
        for (u32 i = 0; i < COUNT_OF(ids); i++) tern_types_release(types, ids[i]);
    }
}

static void threads_may_share_a_registry(void **state)
{
    (void)state;
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    Thread threads[4];
    for (u32 i = 0; i < 4; i++) assert_true(tern_port_thread_start(&threads[i], churn, types, 0));
    for (u32 i = 0; i < 4; i++) tern_port_thread_join(&threads[i]);
    tern_types_free(types);
    assert_int_equal(alloc.live, 0);
}

static void types_have_names(void **state)
{
    (void)state;
    char buf[40];
    assert_string_equal(tern_types_name(VT_I32, buf, sizeof buf), "i32");
    assert_string_equal(tern_types_name(VT_FUNCREF, buf, sizeof buf), "(ref null func)");
    assert_string_equal(tern_types_name(vt_abstract(HEAP_I31, false), buf, sizeof buf),
                        "(ref i31)");
    assert_string_equal(tern_types_name(vt_concrete(7, true, false), buf, sizeof buf),
                        "(ref null 7)");
    assert_string_equal(tern_types_name(vt_concrete(7, false, true), buf, sizeof buf),
                        "(ref (exact 7))");
    assert_string_equal(tern_types_name(VT_FUNCREF, buf, 6), "(ref ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_groups_have_equal_ids),
        cmocka_unit_test(everything_that_makes_a_type_makes_a_difference),
        cmocka_unit_test(abstract_types_form_the_four_hierarchies),
        cmocka_unit_test(declared_supertypes_and_exactness_decide),
        cmocka_unit_test(a_chain_of_supertypes_has_a_bounded_length),
        cmocka_unit_test(fields_are_laid_out_in_order_and_aligned),
        cmocka_unit_test(a_group_keeps_alive_what_it_mentions),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(threads_may_share_a_registry),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
