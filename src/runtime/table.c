/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* table.c - tables: arrays of references that grow by doubling.
 *
 * elems[cap] is one allocation of the store's, cap at least size; elements from size on are not
 * initialised.
 */
#include "runtime/store.h"

/* A 32-bit table's size is an i32 and -1 means failure. 64-bit tables get no more: an element costs
 * eight bytes of host memory, and the allocator refuses long before. */
#define TABLE_MAX_ELEMS UINT32_MAX

static void fill(Ref *elems, u64 from, u64 to, Ref init)
{
    for (u64 i = from; i < to; i++) elems[i] = init;
}

Table *tern_table_new(Store *store, const TableType *type, Ref init)
{
    u64 size = type->limits.min;
    if (size > TABLE_MAX_ELEMS || size > SIZE_MAX / sizeof(Ref)) return NULL;
    Table *table = tern_arena_alloc(&store->arena, sizeof *table, 1);
    if (table == NULL || !vec_reserve(&store->tables, store->alloc, 1)) return NULL;
    bool is_concrete = vt_is_ref(type->elem) && vt_is_concrete(type->elem);
    if (is_concrete && !tern_store_hold_type(store, vt_heap(type->elem))) return NULL;
    if (size > 0) {
        table->elems = tern_alloc_zeroed(store->alloc, size, sizeof(Ref));
        if (table->elems == NULL) return NULL;
        if (init != REF_NULL) fill(table->elems, 0, size, init);
    }
    table->size = table->cap = size;
    table->max = u64_min(type->limits.max, TABLE_MAX_ELEMS);
    table->type = *type;
    vec_push(&store->tables, store->alloc, table);
    return table;
}

u64 tern_table_grow(Store *store, Table *table, u64 delta, Ref init)
{
    u64 old = table->size;
    if (delta == 0) return old;
    if (delta > table->max - old) return UINT64_MAX;
    u64 need = old + delta;
    if (need > table->cap) {
        u64 cap = u64_min(u64_max(u64_max(need, 2 * table->cap), 8), table->max);
        if (cap > SIZE_MAX / sizeof(Ref)) return UINT64_MAX;
        size_t old_bytes = (size_t)table->cap * sizeof(Ref);
        Ref *elems = tern_realloc(store->alloc, table->elems, old_bytes, (size_t)cap * sizeof(Ref));
        if (elems == NULL) return UINT64_MAX;
        table->elems = elems;
        table->cap = cap;
    }
    fill(table->elems, old, need, init);
    table->size = need;
    return old;
}
