/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* store.h - engine, store, instances, and what they are made of (spec 4.2).
 *
 * Lifetimes form a tree: an engine outlives its stores, a store owns every instance, function, table,
 * memory, global and tag made in it and frees them together. A store and all it owns is used by one thread at
 * a time, except shared memories, which are counted and may be in several stores, and tern_exec_interrupt.
 */
#ifndef TERN_RUNTIME_STORE_H
#define TERN_RUNTIME_STORE_H

#include "base/diag.h"
#include "base/vec.h"
#include "module/module.h"
#include "ops/trap.h"
#include "runtime/memory_pool.h"
#include "runtime/value.h"

typedef struct Engine Engine;
typedef struct Store Store;
typedef struct Instance Instance;
typedef struct FuncInst FuncInst;
typedef struct Exec Exec;
typedef struct GcHeap GcHeap;   /* runtime/gc_heap.h */
typedef struct GcRoot GcRoot;
typedef struct GcCells GcCells;
typedef struct GcRange GcRange;
struct TrapFrame;

/* What executes: the interpreter, later the JIT. Registered by whoever makes the engine. */
typedef struct Tier {
    const char *name;
    /* Gives instance->code, cheaply: lowering waits for the first call. False: no memory. What it takes
     * comes from the store's arena or hangs off the module, as nothing tells a tier that a store ends. */
    bool (*attach)(Instance *instance, Diag *diag);
    /* Runs a WebAssembly function of any instance, between tern_exec_begin and tern_exec_end (exec.h), which it
     * calls. Arguments lie in cells at slots, which is inside x's stack at x->top; results replace them. A trap
     * leaves x->trap filled. */
    TrapCode (*call)(Exec *x, FuncInst *func, u64 *slots);
    /* The function index and byte offset (in the module) of a position in code; used when a trap is
     * described. Fills frames innermost first; returns how many there are in all. */
    u32 (*backtrace)(const Exec *x, struct TrapFrame *frames, u32 max);
    /* Gives instance->code, and the code of its functions, that pay with the Exec's fuel (runtime/exec.h); attach
     * does when store->is_metered. Code that runs stays as it is. False: no memory. NULL: there is no such code. */
    bool (*meter)(Instance *instance);
    /* What FuncInst.code is for a function of the instance's own, after attach. NULL: nothing. */
    void *(*func_code)(const Instance *instance, u32 func_index);
} Tier;

typedef struct EngineOptions {
    Alloc *alloc;
    u64 features;         /* FEATURES_ALL */
    const Tier *tier;
    bool memories_move;   /* explicit bounds checks on plain blocks instead of reservations with guards */
    u64 gc_limit_bytes;   /* of each store's garbage-collected heap; 0: GC_LIMIT_DEFAULT */
    bool gc_stress;       /* for tests: collect at every allocation */
    bool profiles;        /* functions tell how long they run (profile.h) */
    ModuleLimits module_limits; /* for whoever decodes modules for it */
    u32 validation_threads;     /* likewise; 0 is 1 */
    u32 max_instances, max_execs; /* that there are at once; 0, or more than that: ENGINE_MOST */
    /* Told when a guest's memory.grow is refused; may call the guest, as host functions may. Or NULL. */
    void (*grow_refused)(Exec *x, Memory *memory, u32 memory_index, u64 delta_pages);
} EngineOptions;

/* Stacks of Execs that are gone, for the next ones of their size. Nothing reads a cell before it is written, so
 * they are not cleared. */
enum { STACK_POOL_STACKS = 8, STACK_POOL_MAX_BYTES = 256 << 10 };
typedef struct StackPool {
    Mutex lock;
    struct {
        u64 *stack;
        size_t bytes;
    } kept[STACK_POOL_STACKS];
    u32 n;
} StackPool;

#define ENGINE_MOST (1u << 20)

struct Engine {
    EngineOptions options;
    u32 ninstances, nexecs; /* atomic */
    TypeRegistry *types;
    MemoryPool pool;
    StackPool stacks;
};

/* NULL if there is no memory. Engines share nothing with each other. */
Engine *tern_engine_new(const EngineOptions *options);
/* Every store and module must be gone. */
void tern_engine_free(Engine *engine);

/* One more of what the engine counts; false if there are max of them. */
static inline bool engine_count(u32 *n, u32 max)
{
    if (LIKELY(__atomic_fetch_add(n, 1, __ATOMIC_RELAXED) < max)) return true;
    __atomic_sub_fetch(n, 1, __ATOMIC_RELAXED);
    return false;
}
static inline void engine_uncount(u32 *n, u32 times) { __atomic_sub_fetch(n, times, __ATOMIC_RELAXED); }

/* A host function: arguments in cells at slots (spec order; v128 takes two cells), results replace them.
 * x->instance is the caller's instance. May call back through tern_exec_call. */
typedef TrapCode HostFunc(Exec *x, void *env, u64 *slots);

struct FuncInst {
    u32 type_id;
    u32 func_index;     /* in its module */
    Instance *instance; /* NULL: a host function */
    void *code;         /* the tier's, for WebAssembly functions: set when they are made */
    HostFunc *host;
    void *env;
    const FuncType *type;
    const char *name;   /* host functions: for messages; may be NULL; borrowed */
};

typedef struct Table {
    Ref *elems;
    u64 size, cap, max;
    TableType type;
} Table;

typedef struct Global {
    Value *cell; /* &own, or inside an instance */
    Value own;
    GlobalType type;
    struct Global *next; /* among the host's own of the store */
} Global;

typedef struct Tag {
    u32 type_id;
} Tag;

/* Something that can be imported and exported. */
typedef struct Extern {
    ExternKind kind;
    union {
        FuncInst *func;
        Table *table;
        Memory *memory;
        Global *global;
        Tag *tag;
    } u;
} Extern;

struct Instance {
    Store *store;
    Module *module; /* a reference is held */
    /* As an Exec has them: tern_exec_enter. */
    Value *own_globals;   /* cells of the module's own globals, in order */
    void *code;           /* the tier's */
    Memory *memory0;      /* the first of memories, or NULL */

    /* Index spaces, imports first. */
    FuncInst **funcs;     /* local functions appear when first asked for: tern_instance_func */
    Table **tables;
    Memory **memories;
    Global **globals;     /* local ones appear when first asked for: tern_instance_global */
    Value **global_cells; /* the cell of every global */
    Tag **tags;

    Ref **elem_refs;  /* passive segments given by expressions: their elements, evaluated once; else NULL */
    u8 *elem_dropped; /* one byte per segment; the tern_instance_* and builtins keep it */
    u8 *data_dropped;
    /* For a reset: where the host-managed heap of its own memory 0 is (size 0: none), and what that made of a
     * global (UINT32_MAX: nothing). */
    u64 heap_start, heap_bytes;
    u32 heap_base_global, heap_base;
    struct FuncTime *profile; /* of the module's own functions (profile.h), or NULL: no profiled code has run */
    void *host_data;  /* the embedder's */
    MemoryBudget *budget; /* of its own memories and its threads'; or NULL */
    u64 max_table_elems;  /* of each of its own tables, and its threads'; 0: what any table may have */
};

struct Store {
    Engine *engine;
    Alloc *alloc;
    Arena arena; /* small objects of the store's lifetime */
    struct { VEC(Instance *) } instances;
    struct { VEC(Memory *) } memories;
    struct { VEC(Table *) } tables;
    u64 ntable_elems; /* of all tables: bounded */
    struct { VEC(u32) } type_ids; /* references held for host functions and tags */
    void *host_data;
    bool is_metered; /* code pays fuel (exec.h) */

    /* What the collector starts from, besides instances and tables. */
    GcHeap *gc;        /* NULL until the first object */
    Exec *execs;
    Mutex execs_lock;  /* an Exec may be made by the thread that will use it */
    Global *globals;   /* those of tern_global_new */
    GcRoot *gc_roots;
    GcCells *gc_cells;
    GcRange *gc_ranges;
    u64 gc_limit_bytes; /* of its own; 0: the engine's */
};

Store *tern_store_new(Engine *engine);
void tern_store_free(Store *store);

/* A zeroed FuncInst, at an address of 8 modulo 16, where no GcObject is: the embedding API tells them apart by
 * that. NULL: no memory. */
FuncInst *tern_func_alloc(Store *store);

/* Hosts' own definitions. NULL if there is no memory (memories: see tern_memory_new). */
FuncInst *tern_func_new(Store *store, u32 type_id, HostFunc *host, void *env, const char *name);
Table *tern_table_new(Store *store, const TableType *type, Ref init);
Memory *tern_store_memory_new(Store *store, const MemoryType *type, const MemoryOptions *options, Diag *diag);
/* Takes a reference to a memory of another store, unless the store has one. False: no memory. */
bool tern_store_hold_memory(Store *store, Memory *memory);
Global *tern_global_new(Store *store, GlobalType type, Value value);
Tag *tern_tag_new(Store *store, u32 type_id);

/* Takes a reference to a type for the rest of the store's life. False: no memory. */
bool tern_store_hold_type(Store *store, u32 type_id);

/* Frees the elements; the table itself goes with the store. */
void tern_table_done(Store *store, Table *table);

/* The old size, or UINT64_MAX if refused. */
u64 tern_table_grow_elems(Store *store, Table *table, u64 delta, Ref init);

typedef struct InstantiateOptions {
    const MemoryOptions *memory; /* for the module's own memories; NULL: the engine's default */
    u64 guest_heap_bytes;        /* host-managed heap in memory 0 (compat/wamr 2.4); 0: none */
    u64 max_table_elems;         /* of each of its own tables; 0: what any table may have */
    void *host_data;             /* Instance.host_data, from the start */
    /* Another instance of the module, maybe in another store, of which the new one is a thread: it gets the same
     * shared memories, leaves what is in them as it is, and has the same limits: budget, tables, and the store's
     * heap of objects. Or NULL. */
    const Instance *thread_of;
} InstantiateOptions;

/* Links and instantiates (spec 4.5.4), without running the start function. imports are in the module's
 * order. On failure NULL and a diag ("incompatible import type" with module and name, or a trap text as
 * "out of bounds memory access" for a segment that does not fit: diag->code DIAG_INSTANTIATE_TRAP and *trap).
 * As the specification says, segments already written stay written, and functions already stored in
 * imported tables stay alive with the store. */
Instance *tern_instance_new(Store *store, Module *module, const Extern *imports,
                            const InstantiateOptions *options, Diag *diag, TrapCode *trap);
/* Puts back what the instance defines: memories, globals, tables and segments are as tern_instance_new left them,
 * before the start function. What it imports, objects that others still refer to, and the host's own data stay
 * as they are. Nothing in the store may be running. False and a diag: something is, the instance defines a shared
 * memory, or it is out of memory, after which the instance is good for another reset only. */
bool tern_instance_rewind(Instance *instance, Diag *diag);
/* Can it be rewound, or put back to a snapshot, now? */
bool tern_instance_can_rewind(const Instance *instance);
/* Runs the start function, if there is one. */
TrapCode tern_instance_start(Instance *instance, Exec *x);

/* Does what is offered satisfy the import (spec 3.5 matching)? On false, diag names both types. offered, or
 * what it points to, may be NULL: "unknown import". */
bool tern_extern_matches(const Store *store, const Module *module, const Import *import, const Extern *offered,
                         Diag *diag);

/* False if there is no such export, or no memory. */
bool tern_instance_find_export(Instance *instance, Name name, Extern *out);
bool tern_instance_extern(Instance *instance, ExternKind kind, u32 index, Extern *out);
/* Element i of a segment of the instance's module; the segment's being dropped is the caller's question. On a
 * trap *out is unchanged. */
TrapCode tern_instance_elem(Instance *instance, const ElemSegment *segment, u32 i, Ref *out);
/* NULL: no memory. */
FuncInst *tern_instance_func(Instance *instance, u32 func_index);
Global *tern_instance_global(Instance *instance, u32 global_index);

#endif
