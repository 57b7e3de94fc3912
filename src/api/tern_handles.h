/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_handles.h - what stands behind the handles of include/tern.h.
 *
 * A tern_store wraps one Store and the one Exec on which everything in it runs; fuel, interrupts and timeouts are
 * its own. It is counted by its handle and its instances, and goes with the last of them, together with everything
 * that was made in it: nothing of a store can be freed singly, so the handles of instances that were destroyed
 * stay too, for host functions that such an instance's functions still call.
 */
#ifndef TERN_API_TERN_HANDLES_H
#define TERN_API_TERN_HANDLES_H

#include <tern.h>

#include "api/tern_watchdog.h"
#include "runtime/gc_heap.h"
#include "runtime/guest_allocator.h"
#include "wasi/wasi.h"

/* --- errors --------------------------------------------------------------------------------------------- */

void tern_error_say(tern_error *error, tern_error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tern_error_no_memory(tern_error *error);
/* There is no stack to be had: no memory, or a limit. */
void tern_error_no_stack(const tern_engine *engine, tern_error *error);
void tern_error_diag(tern_error *error, const Diag *diag);

/* --- handles -------------------------------------------------------------------------------------------- */

/* A host's own allocator as ours. */
typedef struct HostAlloc {
    Alloc base;
    tern_allocator given;
} HostAlloc;

struct tern_engine {
    Engine *engine;
    Alloc *alloc;  /* of everything; &host.base, or the system's */
    HostAlloc host;
    Watchdog watchdog;
    Mutex lock;
    tern_store *stores; /* those that live; under the lock */
    u64 next_store_id;  /* never used again, so that what outlives a store does not take another for it */
};

struct tern_module {
    tern_engine *engine;
    Module *module; /* a reference is held */
    u32 refs;       /* atomic: of the handle and of instances, which return it from tern_instance_module */
    u32 is_unloaded; /* atomic */
};

struct tern_store {
    tern_engine *engine;
    Store *store;
    Exec *exec; /* NULL until there is an instance or a call */
    void *user;
    u64 id;                  /* 0: of a thread that the guest started, for one call */
    tern_store *prev, *next; /* of the engine */
    u32 refs;                /* the handle, and instances not destroyed */
    u32 depth;               /* of calls through this API */
    tern_instance *instances; /* destroyed ones too */
    tern_ref *handles;        /* references not released */
    tern_memory *memories;
    tern_table *tables;
    tern_global *globals;
    Map externs; /* the Memory, Table or Global: its handle */
    u64 timeout_ns;
    Watch watch;
    u32 asked; /* atomic: what tern_instance_interrupt wants, until tern_instance_resume */
};

struct tern_memory {
    tern_store *store;
    Memory *memory;
};

struct tern_table {
    tern_store *store;
    Table *table;
};

struct tern_global {
    tern_store *store;
    Global *global;
};

struct tern_ref {
    tern_store *store;
    Ref ref;       /* never null */
    HeapCode top;  /* of its hierarchy: func, any, extern or exn */
    bool is_borrowed; /* an argument of a host function: not in any list */
    GcRange range; /* keeps the object, if it is none of functions */
    tern_ref *prev, *next; /* of the store */
};

/* Sizes of blocks, for guests whose allocator wants to know them when they are freed. */
typedef struct BlockSize {
    u64 address, size;
    bool is_free; /* kept for the next request, as the guest cannot take it back */
} BlockSize;

struct tern_instance {
    tern_store *store;
    Wasi *wasi; /* goes with the store: functions of others may call into it */
    Instance *instance;
    Exec *exec; /* the store's */
    tern_module *module;
    void *user;
    tern_instance *next; /* of the store */
    bool is_prepared, is_destroyed;
    bool has_allocator;
    GuestAllocator allocator;
    struct { VEC(BlockSize) } blocks;
};

/* --- stores --------------------------------------------------------------------------------------------- */

/* The store's stack, made if need be. NULL: no memory. */
Exec *tern_store_exec(tern_store *store, size_t stack_bytes);
/* False and an error in what is only there for one call of a host function, on a thread that the guest started. */
bool tern_store_lasts(const tern_store *store, tern_error *error);
/* A reference goes; the last frees everything. */
void tern_store_release(tern_store *store);

/* Around every call into a guest: outermost ones are timed. */
void tern_store_watch(tern_store *store);
void tern_store_unwatch(tern_store *store);
static inline void tern_store_enter(tern_store *store)
{
    if (store->depth++ == 0 && UNLIKELY(store->timeout_ns != TERN_UNLIMITED)) tern_store_watch(store);
}
static inline void tern_store_leave(tern_store *store)
{
    if (--store->depth == 0 && UNLIKELY(store->watch.exec != NULL)) tern_store_unwatch(store);
}

/* The handles of what lies in the store. NULL: no memory. */
tern_memory *tern_memory_handle(tern_store *store, Memory *memory);
tern_table *tern_table_handle(tern_store *store, Table *table);
tern_global *tern_global_handle(tern_store *store, Global *global);
/* False: no memory, or a tag. */
bool tern_extern_handle(tern_store *store, const Extern *what, tern_extern *out);

/* --- values --------------------------------------------------------------------------------------------- */

tern_valkind tern_valkind_of(ValType type);

/* A handle for a reference of a type, which the caller owns. NULL: no memory. */
tern_ref *tern_ref_new(tern_store *store, Ref ref, ValType type);
static inline Ref tern_ref_bits(const tern_ref *ref) { return ref != NULL ? ref->ref : REF_NULL; }
static inline FuncInst *tern_ref_func(const tern_ref *ref) { return (FuncInst *)(uintptr_t)ref->ref; }
/* Is it, which may be NULL, of the type and in the store? */
bool tern_ref_fits(const tern_store *store, const tern_ref *ref, ValType type);

bool tern_value_fits(const tern_store *store, const tern_value *value, ValType type);
/* Of a value that fits. How many cells there are. */
u32 tern_value_to_cells(const tern_value *value, u64 *cells);
/* NULL, or where the cells end. NULL: no memory for a handle. */
const u64 *tern_value_from_cells(tern_store *store, ValType type, const u64 *cells, tern_value *value);

/* --- calls ---------------------------------------------------------------------------------------------- */

/* A function of the host's in a store, of that type, which the store holds. NULL: no memory. */
FuncInst *tern_host_func_new(tern_store *store, u32 type_id, tern_host_func *func, void *user);

/* Calls func, after what has to come first in instance, whose function it is; NULL: nobody's. name is for errors. */
tern_status tern_store_call(tern_store *store, tern_instance *instance, FuncInst *func, const char *name,
                            const tern_value *args, u32 nargs, tern_value *results, u32 nresults,
                            tern_error *error);

/* Says what ended a call that did not return. */
void tern_error_stopped(tern_error *error, const tern_instance *instance, const Exec *x, tern_status status);

static inline tern_status tern_status_of(TrapCode code)
{
    return code == TRAP_NONE ? TERN_OK : code == TRAP_EXIT ? TERN_EXITED : TERN_TRAPPED;
}

/* --- linking -------------------------------------------------------------------------------------------- */

/* Fills externs, in the module's order; a LINK error names everything that is missing. */
bool tern_linker_link(const tern_linker *linker, tern_instance *instance, tern_missing missing, Extern *externs,
                      tern_error *error);

/* "(param i32)", "1 16": the text of a type that is no module's; like snprintf. */
size_t tern_func_type_text(const FuncType *type, char *buf, size_t size);

/* NULL for NULL. */
WasiVdir *tern_vdir_inside(tern_vdir *vdir);

/* A reference to a module handle goes. NULL is allowed. */
void tern_module_unhold(tern_module *module);

#endif
