/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* spec_host.c - the module "spectest" which the scripts import from: functions that do nothing, and a
 * global, table and memory of known content. */
#include <stdlib.h>

#include "spec.h"

typedef struct Item {
    const char *name;
    Extern value;
} Item;

struct SpecTest {
    Item items[32];
    u32 n;
    bool is_complete;
};

static TrapCode print_nothing(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env, (void)slots;
    return TRAP_NONE;
}

static void add(SpecTest *s, const char *name, Extern value)
{
    if (value.u.func == NULL) s->is_complete = false; /* every member is a pointer */
    s->items[s->n++] = (Item){name, value};
}

static void add_func(SpecTest *s, Store *store, const char *name, const ValType *params, u32 n)
{
    TypeRegistry *types = store->engine->types;
    u32 type_id = tern_types_add_func(types, params, n, NULL, 0);
    FuncInst *func = NULL;
    if (type_id != TYPE_NONE) {
        func = tern_func_new(store, type_id, print_nothing, NULL, name);
        tern_types_release(types, type_id); /* the store took its own reference */
    }
    add(s, name, (Extern){EXTERN_FUNC, {.func = func}});
}

static void add_global(SpecTest *s, Store *store, const char *name, ValType type, Value value)
{
    Global *global = tern_global_new(store, (GlobalType){type, false}, value);
    add(s, name, (Extern){EXTERN_GLOBAL, {.global = global}});
}

static void add_table(SpecTest *s, Store *store, const char *name, bool is_64)
{
    TableType type = {{10, 20, .has_max = true, .is_64 = is_64}, VT_FUNCREF};
    add(s, name, (Extern){EXTERN_TABLE, {.table = tern_table_new(store, &type, REF_NULL)}});
}

static void add_memory(SpecTest *s, Store *store, const char *name, bool is_shared)
{
    MemoryType type = {{1, 2, .has_max = true, .is_shared = is_shared}, 16};
    MemoryOptions options = {.may_move = store->engine->options.memories_move,
                             .max_pages = UINT64_MAX};
    Diag diag = {0};
    Memory *memory = tern_store_memory_new(store, &type, &options, &diag);
    add(s, name, (Extern){EXTERN_MEMORY, {.memory = memory}});
}

SpecTest *spectest_new(Store *store)
{
    SpecTest *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    s->is_complete = true;
    add_func(s, store, "print", NULL, 0);
    add_func(s, store, "print_i32", (ValType[]){VT_I32}, 1);
    add_func(s, store, "print_i64", (ValType[]){VT_I64}, 1);
    add_func(s, store, "print_f32", (ValType[]){VT_F32}, 1);
    add_func(s, store, "print_f64", (ValType[]){VT_F64}, 1);
    add_func(s, store, "print_i32_f32", (ValType[]){VT_I32, VT_F32}, 2);
    add_func(s, store, "print_f64_f64", (ValType[]){VT_F64, VT_F64}, 2);
    add_global(s, store, "global_i32", VT_I32, (Value){.i64 = 666});
    add_global(s, store, "global_i64", VT_I64, (Value){.i64 = 666});
    add_global(s, store, "global_f32", VT_F32, (Value){.f32 = 666.6f});
    add_global(s, store, "global_f64", VT_F64, (Value){.f64 = 666.6});
    add_table(s, store, "table", false);
    add_table(s, store, "table64", true);
    add_memory(s, store, "memory", false);
    add_memory(s, store, "shared_memory", true);
    if (s->is_complete) return s;
    spectest_free(s);
    return NULL;
}

void spectest_free(SpecTest *spectest) { free(spectest); }

bool spectest_find(const SpecTest *spectest, Name name, Extern *out)
{
    for (u32 i = 0; i < spectest->n; i++) {
        if (!name_is(name, spectest->items[i].name)) continue;
        *out = spectest->items[i].value;
        return true;
    }
    return false;
}
