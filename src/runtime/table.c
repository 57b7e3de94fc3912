/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* table.c - tables: arrays of references that grow by doubling.
 *
 * elems[cap] is one block, cap at least size; elements from size on are not initialised. Large blocks come from
 * the port as pages that are zero until touched: a module that declares much and uses little costs little.
 */
#include "runtime/store.h"

/* The JavaScript API's limit for one table, and one for all of a store: 1 GiB of references. */
#define TABLE_MAX_ELEMS 10000000u
#define STORE_MAX_ELEMS (1u << 27)

#define LARGE_BYTES ((size_t)256 << 10)

static size_t block_bytes(u64 cap)
{
    size_t page = tern_port_page_size(), bytes = (size_t)cap * sizeof(Ref);
    return bytes >= LARGE_BYTES ? (bytes + page - 1) & ~(page - 1) : bytes;
}

/* cap null references; NULL: no memory. cap is at most TABLE_MAX_ELEMS. */
static Ref *block_new(Store *store, u64 cap)
{
    size_t bytes = block_bytes(cap);
    if (bytes < LARGE_BYTES) return tern_alloc_zeroed(store->alloc, cap, sizeof(Ref));
    Ref *elems = tern_port_vm_reserve(bytes);
    if (elems == NULL) return NULL;
    if (tern_port_vm_commit(elems, bytes)) return elems;
    tern_port_vm_release(elems, bytes);
    return NULL;
}

static void block_free(Store *store, Ref *elems, u64 cap)
{
    size_t bytes = block_bytes(cap);
    if (bytes < LARGE_BYTES) tern_free(store->alloc, elems, bytes);
    else tern_port_vm_release(elems, bytes);
}

/* True if the store may have that many elements more, which it then has. */
static bool charge(Store *store, u64 delta)
{
    if (delta > STORE_MAX_ELEMS - store->ntable_elems) return false;
    store->ntable_elems += delta;
    return true;
}

static void fill(Ref *elems, u64 from, u64 to, Ref init)
{
    for (u64 i = from; i < to; i++) elems[i] = init;
}

Table *tern_table_new(Store *store, const TableType *type, Ref init)
{
    u64 size = type->limits.min;
    if (size > TABLE_MAX_ELEMS) return NULL;
    Table *table = tern_arena_alloc(&store->arena, sizeof *table, 1);
    if (table == NULL || !vec_reserve(&store->tables, store->alloc, 1)) return NULL;
    bool is_concrete = vt_is_ref(type->elem) && vt_is_concrete(type->elem);
    if (is_concrete && !tern_store_hold_type(store, vt_heap(type->elem))) return NULL;
    if (!charge(store, size)) return NULL;
    if (size > 0) {
        table->elems = block_new(store, size);
        if (table->elems == NULL) {
            store->ntable_elems -= size;
            return NULL;
        }
        if (init != REF_NULL) fill(table->elems, 0, size, init);
    }
    table->size = table->cap = size;
    table->max = u64_min(type->limits.max, TABLE_MAX_ELEMS);
    table->type = *type;
    vec_push(&store->tables, store->alloc, table);
    return table;
}

void tern_table_done(Store *store, Table *table)
{
    if (table->elems != NULL) block_free(store, table->elems, table->cap);
    store->ntable_elems -= table->size;
    table->elems = NULL;
    table->size = table->cap = 0;
}

u64 tern_table_grow_elems(Store *store, Table *table, u64 delta, Ref init)
{
    u64 old = table->size;
    if (delta == 0) return old;
    if (delta > table->max - old || !charge(store, delta)) return UINT64_MAX;
    u64 need = old + delta;
    if (need > table->cap) {
        u64 cap = u64_min(u64_max(u64_max(need, 2 * table->cap), 8), table->max);
        Ref *elems = block_new(store, cap);
        if (elems == NULL) {
            store->ntable_elems -= delta;
            return UINT64_MAX;
        }
        if (old > 0) memcpy(elems, table->elems, (size_t)old * sizeof *elems);
        if (table->elems != NULL) block_free(store, table->elems, table->cap);
        table->elems = elems;
        table->cap = cap;
    }
    fill(table->elems, old, need, init);
    table->size = need;
    return old;
}
