/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* link_test.c - import matching, kind by kind, and the words of a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_store.h"

/* A module of one import, whose type the test fills in. */
typedef struct Importer {
    Module module;
    Import import;
    Func func;
    TableDef table;
    MemoryType memory;
    GlobalDef global;
    u32 tag;
} Importer;

static void importer_init(Importer *i, ExternKind kind)
{
    *i = (Importer){.import = {{"env", 3}, {"x", 1}, kind, 0, false}};
    i->module.funcs = &i->func;
    i->module.tables = &i->table;
    i->module.memories = &i->memory;
    i->module.globals = &i->global;
    i->module.tags = &i->tag;
}

/* NULL if they match, else the words. */
static const char *match(TestStore *t, const Importer *i, const Extern *offered, char *text,
                         size_t size)
{
    Diag diag = {0};
    if (tern_extern_matches(t->store, &i->module, &i->import, offered, &diag)) return NULL;
    tern_diag_format(&diag, text, size);
    return text;
}

static TrapCode nothing(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env, (void)slots;
    return TRAP_NONE;
}

static void what_is_not_offered_is_unknown(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    Importer i;
    importer_init(&i, EXTERN_TABLE);
    char text[300];
    assert_string_equal(match(&t, &i, NULL, text, sizeof text),
                        "unknown import: \"env\" \"x\": nothing offered for this table");
    Extern offered = {.kind = EXTERN_GLOBAL,
                      .u.global = tern_global_new(t.store, (GlobalType){VT_I32, 0}, (Value){0})};
    assert_string_equal(
        match(&t, &i, &offered, text, sizeof text),
        "incompatible import type: \"env\" \"x\": import needs a table, offered a global");
    test_store_done(&t);
}

static void functions_match_by_type(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    const ValType params[2] = {VT_I32, VT_I64};
    FuncInst *same = test_store_func(&t, params, 2, params, 1, nothing, NULL);
    FuncInst *again = test_store_func(&t, params, 2, params, 1, nothing, NULL);
    FuncInst *other = test_store_func(&t, params, 1, params, 0, nothing, NULL);
    Importer i;
    importer_init(&i, EXTERN_FUNC);
    i.func.type_id = same->type_id;
    char text[300];
    Extern offered = {.kind = EXTERN_FUNC, .u.func = again};
    assert_null(match(&t, &i, &offered, text, sizeof text));
    i.import.is_exact = true;
    assert_null(match(&t, &i, &offered, text, sizeof text));
    offered.u.func = other;
    assert_string_equal(
        match(&t, &i, &offered, text, sizeof text),
        "incompatible import type: \"env\" \"x\": import needs function (i32 i64) -> (i32), "
        "offered (i32) -> ()");
    test_store_done(&t);
}

static void memories_match_by_their_present_size_and_maximum(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    MemoryType type = {{.min = 1, .max = 3, .has_max = true}, 16};
    Memory *memory = tern_store_memory_new(t.store, &type, NULL, NULL);
    assert_non_null(memory);
    Extern offered = {.kind = EXTERN_MEMORY, .u.memory = memory};
    Importer i;
    importer_init(&i, EXTERN_MEMORY);
    char text[300];
    i.memory = (MemoryType){{.min = 2, .max = UINT64_MAX}, 16};
    assert_string_equal(match(&t, &i, &offered, text, sizeof text),
                        "incompatible import type: \"env\" \"x\": "
                        "import needs memory of at least 2 pages, offered 1");
    assert_int_equal(tern_memory_grow_pages(memory, 1), 1);
    assert_null(match(&t, &i, &offered, text, sizeof text));
    i.memory.limits.has_max = true;
    i.memory.limits.max = 2;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    i.memory.limits.max = 3;
    assert_null(match(&t, &i, &offered, text, sizeof text));
    memory->type.limits.has_max = false;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    memory->type.limits.has_max = true;
    i.memory.limits.is_shared = true;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    i.memory.limits.is_shared = false;
    i.memory.limits.is_64 = true;
    assert_string_equal(match(&t, &i, &offered, text, sizeof text),
                        "incompatible import type: \"env\" \"x\": "
                        "import needs memory with i64 addresses, offered i32");
    i.memory.limits.is_64 = false;
    i.memory.page_log2 = 0;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    test_store_done(&t);
}

static void tables_match_only_with_the_same_element_type(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    TableType type = {{.min = 10, .max = UINT64_MAX}, VT_FUNCREF};
    Extern offered = {.kind = EXTERN_TABLE, .u.table = tern_table_new(t.store, &type, REF_NULL)};
    Importer i;
    importer_init(&i, EXTERN_TABLE);
    char text[300];
    i.table.type = type;
    assert_null(match(&t, &i, &offered, text, sizeof text));
    i.table.type.elem = VT_EXTERNREF;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    i.table.type = type;
    i.table.type.limits.min = 11;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    test_store_done(&t);
}

static void mutable_globals_match_exactly_and_others_by_subtyping(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    ValType nofunc = vt_abstract(HEAP_NOFUNC, true);
    Extern offered = {.kind = EXTERN_GLOBAL};
    Importer i;
    importer_init(&i, EXTERN_GLOBAL);
    char text[300];
    i.global.type = (GlobalType){VT_FUNCREF, false};
    offered.u.global = tern_global_new(t.store, (GlobalType){nofunc, false}, (Value){0});
    assert_null(match(&t, &i, &offered, text, sizeof text));
    i.global.type.is_mutable = true;
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    offered.u.global = tern_global_new(t.store, (GlobalType){nofunc, true}, (Value){0});
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    offered.u.global = tern_global_new(t.store, (GlobalType){VT_FUNCREF, true}, (Value){0});
    assert_null(match(&t, &i, &offered, text, sizeof text));
    i.global.type = (GlobalType){VT_I64, true};
    assert_non_null(match(&t, &i, &offered, text, sizeof text));
    test_store_done(&t);
}

static void long_names_do_not_crowd_out_the_reason(void **state)
{
    (void)state;
    TestStore t;
    test_store_init(&t, NULL);
    Importer i;
    importer_init(&i, EXTERN_TABLE);
    char name[1000], text[300];
    memset(name, 'n', sizeof name);
    i.import.module = i.import.name = (Name){name, sizeof name};
    Extern offered = {.kind = EXTERN_GLOBAL,
                      .u.global = tern_global_new(t.store, (GlobalType){VT_I32, 0}, (Value){0})};
    assert_non_null(strstr(match(&t, &i, &offered, text, sizeof text),
                           "import needs a table, offered a global"));
    test_store_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_offered_is_unknown),
        cmocka_unit_test(functions_match_by_type),
        cmocka_unit_test(memories_match_by_their_present_size_and_maximum),
        cmocka_unit_test(tables_match_only_with_the_same_element_type),
        cmocka_unit_test(mutable_globals_match_exactly_and_others_by_subtyping),
        cmocka_unit_test(long_names_do_not_crowd_out_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
