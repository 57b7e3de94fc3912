/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* snapshot.c - taking an instance's state, and putting it back.
 *
 * Small things are copied to the snapshot's arena; references among them are the collector's as long as it lives.
 * Everything that needs memory happens before the instance is touched, except what its memories need. */
#include "runtime/gc_heap.h"
#include "runtime/guest_heap.h"
#include "runtime/guest_range.h"
#include "runtime/snapshot.h"

/* A memory below that is copied for what mapping it costs. */
#define IMAGE_MIN_BYTES (64u << 10)

typedef struct MemoryState {
    u64 npages;
    MemoryImage image; /* id 0: bytes instead */
    u8 *bytes;
    u64 nbytes;        /* what is behind is zero */
    GuestHeap *heap;
} MemoryState;

typedef struct TableState {
    Ref *elems;
    u64 size;
    GcRange range;
} TableState;

struct Snapshot {
    Instance *instance;
    Alloc *alloc;
    Arena arena;
    MemoryState *memories; /* the instance's own, as all that follows */
    TableState *tables;
    Value *globals;
    Ref **elem_refs;
    GcRange *elem_ranges;
    u8 *elem_dropped, *data_dropped;
    GcRange globals_range;
    bool has_ranges; /* they are in the store's list */
};

static bool no_memory(Diag *diag) { return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL); }

static bool refused(Diag *diag)
{
    return tern_diag_set(diag, DIAG_LIMIT, DIAG_NO_OFFSET,
                         "an instance that is running, or has a shared memory, has no snapshots");
}

static u32 nown(const Module *m, ExternKind kind, u32 n) { return n - m->nimported[kind]; }

/* --- memories ------------------------------------------------------------------------------------------- */

static bool save_memory(Snapshot *snapshot, const Memory *memory, MemoryState *out)
{
    u64 bytes = tern_memory_size_bytes(memory);
    out->npages = memory->npages;
    if (memory->heap != NULL && (out->heap = tern_guest_heap_clone(memory->heap)) == NULL) return false;
    bool can_map = memory->reserved_bytes > 0 && bytes >= IMAGE_MIN_BYTES && bytes % tern_port_page_size() == 0;
    MemoryPool *pool = &snapshot->instance->store->engine->pool;
    if (TERN_FAST && can_map && tern_memory_image_take(pool, memory->base, bytes, &out->image)) return true;
    while (bytes > 0 && memory->base[bytes - 1] == 0) bytes--;
    out->bytes = bytes > 0 ? tern_alloc(snapshot->alloc, (size_t)bytes) : NULL;
    if (bytes > 0 && out->bytes == NULL) return false;
    out->nbytes = bytes;
    if (bytes > 0) memcpy(out->bytes, memory->base, (size_t)bytes);
    return true;
}

static bool load_memory(Memory *memory, const MemoryState *state)
{
    const MemoryImage *image = state->image.id != 0 ? &state->image : NULL;
    GuestHeap *heap = NULL;
    if (state->heap != NULL && (heap = tern_guest_heap_clone(state->heap)) == NULL) return false;
    if (!tern_memory_become(memory, state->npages, image)) {
        tern_guest_heap_free_all(heap);
        return false;
    }
    if (state->nbytes > 0) memcpy(memory->base, state->bytes, (size_t)state->nbytes);
    tern_guest_heap_free_all(memory->heap);
    memory->heap = heap;
    return true;
}

/* --- taking --------------------------------------------------------------------------------------------- */

static bool save_tables(Snapshot *s)
{
    const Module *m = s->instance->module;
    u32 first = m->nimported[EXTERN_TABLE];
    for (u32 i = first; i < m->ntables; i++) {
        const Table *table = s->instance->tables[i];
        TableState *state = &s->tables[i - first];
        state->elems = tern_arena_alloc(&s->arena, sizeof *state->elems, table->size);
        if (state->elems == NULL) return false;
        if (table->size > 0) memcpy(state->elems, table->elems, (size_t)table->size * sizeof *state->elems);
        state->size = table->size;
        state->range.cells = state->elems;
        state->range.ncells = table->size;
    }
    return true;
}

static bool save_elems(Snapshot *s)
{
    const Module *m = s->instance->module;
    for (u32 i = 0; i < m->nelems; i++) {
        if (s->instance->elem_refs[i] == NULL) continue;
        u32 n = m->elems[i].n;
        s->elem_refs[i] = tern_arena_alloc(&s->arena, sizeof **s->elem_refs, n);
        if (s->elem_refs[i] == NULL) return false;
        if (s->instance->elem_dropped[i]) n = 0; /* what they refer to may be gone */
        if (n > 0) memcpy(s->elem_refs[i], s->instance->elem_refs[i], n * sizeof **s->elem_refs);
        s->elem_ranges[i].cells = s->elem_refs[i];
        s->elem_ranges[i].ncells = n;
    }
    return true;
}

static void each_range(Snapshot *s, void (*visit)(Store *store, GcRange *range))
{
    const Module *m = s->instance->module;
    Store *store = s->instance->store;
    visit(store, &s->globals_range);
    for (u32 i = 0; i < nown(m, EXTERN_TABLE, m->ntables); i++) visit(store, &s->tables[i].range);
    for (u32 i = 0; i < m->nelems; i++) visit(store, &s->elem_ranges[i]);
}

static void remove_range(Store *store, GcRange *range) { tern_gc_range_remove(store, range); }

static bool save(Snapshot *s)
{
    const Instance *instance = s->instance;
    const Module *m = instance->module;
    u32 nmemories = nown(m, EXTERN_MEMORY, m->nmemories), nglobals = nown(m, EXTERN_GLOBAL, m->nglobals);
    s->memories = tern_arena_alloc(&s->arena, sizeof *s->memories, nmemories);
    s->tables = tern_arena_alloc(&s->arena, sizeof *s->tables, nown(m, EXTERN_TABLE, m->ntables));
    s->globals = tern_arena_alloc(&s->arena, sizeof *s->globals, nglobals);
    s->elem_refs = tern_arena_alloc(&s->arena, sizeof *s->elem_refs, m->nelems);
    s->elem_ranges = tern_arena_alloc(&s->arena, sizeof *s->elem_ranges, m->nelems);
    s->elem_dropped = tern_arena_alloc(&s->arena, 1, m->nelems);
    s->data_dropped = tern_arena_alloc(&s->arena, 1, m->ndatas);
    if (s->memories == NULL) return false;
    if (s->tables == NULL || s->globals == NULL || s->elem_refs == NULL || s->elem_ranges == NULL ||
        s->elem_dropped == NULL || s->data_dropped == NULL) {
        s->memories = NULL; /* nothing in it yet */
        return false;
    }
    if (nglobals > 0) memcpy(s->globals, instance->own_globals, nglobals * sizeof *s->globals);
    s->globals_range.cells = s->globals->cells;
    s->globals_range.ncells = (u64)nglobals * (sizeof(Value) / sizeof(u64));
    if (m->nelems > 0) memcpy(s->elem_dropped, instance->elem_dropped, m->nelems);
    if (m->ndatas > 0) memcpy(s->data_dropped, instance->data_dropped, m->ndatas);
    if (!save_tables(s) || !save_elems(s)) return false;
    for (u32 i = 0; i < nmemories; i++)
        if (!save_memory(s, instance->memories[m->nimported[EXTERN_MEMORY] + i], &s->memories[i])) return false;
    each_range(s, tern_gc_range_add);
    s->has_ranges = true;
    return true;
}

Snapshot *tern_snapshot_take(Instance *instance, Diag *diag)
{
    if (!tern_instance_can_rewind(instance)) {
        refused(diag);
        return NULL;
    }
    Alloc *alloc = instance->store->alloc;
    Snapshot *s = tern_alloc_zeroed(alloc, 1, sizeof *s);
    if (s != NULL) {
        s->instance = instance;
        s->alloc = alloc;
        tern_arena_init(&s->arena, alloc);
        if (save(s)) return s;
        tern_snapshot_free(s);
    }
    no_memory(diag);
    return NULL;
}

void tern_snapshot_free(Snapshot *s)
{
    if (s == NULL) return;
    const Module *m = s->instance->module;
    if (s->has_ranges) each_range(s, remove_range);
    for (u32 i = 0; s->memories != NULL && i < nown(m, EXTERN_MEMORY, m->nmemories); i++) {
        MemoryState *state = &s->memories[i];
        tern_memory_image_drop(&state->image);
        tern_free(s->alloc, state->bytes, (size_t)state->nbytes);
        tern_guest_heap_free_all(state->heap);
    }
    tern_arena_done(&s->arena);
    tern_free(s->alloc, s, sizeof *s);
}

/* --- going back ----------------------------------------------------------------------------------------- */

/* A table never gives elements back: it has room for as many as it had then. */
static void load_tables(const Snapshot *s)
{
    const Module *m = s->instance->module;
    u32 first = m->nimported[EXTERN_TABLE];
    for (u32 i = first; i < m->ntables; i++) {
        Table *table = s->instance->tables[i];
        const TableState *state = &s->tables[i - first];
        s->instance->store->ntable_elems += state->size - table->size;
        table->size = state->size;
        if (state->size > 0) memcpy(table->elems, state->elems, (size_t)state->size * sizeof *state->elems);
    }
}

bool tern_snapshot_apply(const Snapshot *s, Diag *diag)
{
    Instance *instance = s->instance;
    const Module *m = instance->module;
    if (!tern_instance_can_rewind(instance)) return refused(diag);
    u32 first = m->nimported[EXTERN_MEMORY];
    for (u32 i = first; i < m->nmemories; i++)
        if (!load_memory(instance->memories[i], &s->memories[i - first])) return no_memory(diag);
    load_tables(s);
    u32 nglobals = nown(m, EXTERN_GLOBAL, m->nglobals);
    if (nglobals > 0) memcpy(instance->own_globals, s->globals, nglobals * sizeof *s->globals);
    for (u32 i = 0; i < m->nelems; i++)
        if (s->elem_ranges[i].ncells > 0)
            memcpy(instance->elem_refs[i], s->elem_refs[i], m->elems[i].n * sizeof **s->elem_refs);
    if (m->nelems > 0) memcpy(instance->elem_dropped, s->elem_dropped, m->nelems);
    if (m->ndatas > 0) memcpy(instance->data_dropped, s->data_dropped, m->ndatas);
    return true;
}
