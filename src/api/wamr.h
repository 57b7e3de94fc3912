/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr.h - what stands behind the handles of wasm_export.h.
 *
 * The API has no engine argument, so there is one default engine: the only mutable global of the
 * library outside port/. Modules hold the engine and instances hold their module, each by counting,
 * so a host that tears down in an unusual order is safe. A top-level instance owns a store with
 * everything in it; the instances of registered modules it links live in the same store and share
 * its exception. */
#ifndef TERN_API_WAMR_H
#define TERN_API_WAMR_H

#include "port/hot_tls.h"
#include <stdarg.h>

#include "wasm_export.h"

#include "api/native_call.h"
#include "port/port.h"
#include "runtime/exec.h"
#include "runtime/gc_heap.h"
#include "runtime/guest_allocator.h"
#include "wasi/wasi.h"

/* --- the default engine ----------------------------------------------------------------------- */

/* The host's own allocation functions behind the one handle. Blocks are aligned here, since
 * callbacks promise less than the handle does. */
typedef struct CallbackAlloc {
    Alloc base;
    void *(*malloc_func)(unsigned int size);
    void *(*realloc_func)(void *ptr, unsigned int size); /* or NULL */
    void (*free_func)(void *ptr);
} CallbackAlloc;

/* Lives until the last module is gone, also past wasm_runtime_destroy. */
typedef struct ApiEngine {
    Alloc *alloc;
    CallbackAlloc callbacks; /* alloc is its base, with Alloc_With_Allocator */
    Engine *engine;
    u32 refs; /* atomic */
} ApiEngine;

typedef struct NativeGroup NativeGroup;
typedef struct RegisteredModule RegisteredModule;

#define MAX_CONTEXT_KEYS 8

typedef struct ContextKey {
    bool is_used;
    void (*dtor)(wasm_module_inst_t inst, void *ctx);
} ContextKey;

typedef struct Runtime {
    Mutex lock; /* everything below but log_level */
    u32 refs;   /* of init; 0: not running */
    ApiEngine *engine;
    NativeGroup *natives; /* newest first */
    RegisteredModule *registered;
    module_reader reader;
    module_destroyer destroyer;
    enlarge_memory_error_callback_t enlarge_callback;
    void *enlarge_user_data;
    ContextKey keys[MAX_CONTEXT_KEYS];
    struct ExternRefTable *externrefs; /* wamr_externref.c */
    struct WASMSharedHeap *shared_heaps; /* wamr_shared_heap.c */
    u32 max_threads; /* spawned from one instance */
    u32 log_level; /* atomic */
} Runtime;

/* The one there is, with its lock ready; whether it runs is in refs. */
Runtime *tern_api_runtime(void);
/* The running engine with a reference taken, or NULL. */
ApiEngine *tern_api_engine_hold(void);
void tern_api_engine_release(ApiEngine *engine);

/* One line to standard error if level is on. Keeps errno. */
void tern_api_log(log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* printf to an error_buf, which may be NULL. */
void tern_api_error(char *error_buf, u32 error_buf_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Does the environment of the process ask for times of functions? */
bool tern_api_wants_profiles(void);

/* Forgets all, when the library stops; the caller holds no lock. */
void tern_api_natives_clear(Runtime *runtime);
void tern_api_registered_clear(Runtime *runtime);

/* False, with the reason logged, unless the callbacks can be used. */
bool tern_api_callbacks_init(CallbackAlloc *callbacks, const MemAllocOption *option);

/* --- modules ---------------------------------------------------------------------------------- */

/* What the WASI setters were told; arrays and strings are the host's. */
typedef struct WasiSettings {
    bool is_set;
    WasiOptions options;
    const char *const *addr_pool;
    u32 naddr_pool;
    const char *const *ns_lookup_pool;
    u32 nns_lookup_pool;
} WasiSettings;

typedef enum LinkKind {
    LINK_NONE,   /* functions trap when called, the rest fails to instantiate */
    LINK_NATIVE, /* a registered native */
    LINK_WASI,
    LINK_MODULE, /* an export of a registered module */
    LINK_CREATE, /* table, memory: made anew; global: a constant we know */
} LinkKind;

/* Who provides one import. */
typedef struct ImportLink {
    LinkKind kind;
    wasm_module_t module; /* LINK_MODULE; a reference is held */
    NativeCall call;      /* LINK_NATIVE; otherwise only its import is set, for messages */
} ImportLink;

struct WASMModuleCommon {
    ApiEngine *engine;
    Module *module;
    u32 refs;          /* atomic */
    Arena arena;       /* of names and links */
    ImportLink *links; /* one per import, in order */
    bool imports_wasi;
    const char *name;
    const char *registered_name; /* NULL: not registered */
    WasiSettings wasi;
    /* NUL-terminated names for reflection, made when first asked for, set under the runtime's lock: of imports module
     * and name by turns, then of exports. */
    const char **names;
    size_t names_bytes;
};

void tern_api_module_release(wasm_module_t module);
static inline wasm_module_t tern_api_module_retain(wasm_module_t module)
{
    __atomic_add_fetch(&module->refs, 1, __ATOMIC_RELAXED);
    return module;
}

/* Finds a registered native for a function import. True if a group has the symbol; link->kind stays
 * LINK_NONE if its signature does not fit, which is logged. */
bool tern_api_native_resolve(wasm_module_t module, const Import *import, ImportLink *link);

/* Is that module name ours (env, wasi_..., "")? */
bool tern_api_is_builtin_module(Name name);

/* global.NaN and global.Infinity. */
bool tern_api_builtin_global(const Import *import, const GlobalType *type, Value *value);
bool tern_api_native_exists(const char *module_name, const char *name);

wasm_valkind_t tern_api_valkind(const TypeRegistry *types, ValType type);
/* funcref, also of a concrete type. */
bool tern_api_is_funcref(const TypeRegistry *types, ValType type);

/* References as hosts see them, who have handles of pointer size (gc_export.h): the reference's bits; with the
 * topmost bit turned if it is an externref, so that it differs from the one below it, which no address and no
 * other reference has. */
#define EXTERN_BIT (1ull << 63)

static inline bool tern_api_is_extern_handle(u64 handle)
{
    return ((handle ^ handle << 1) & EXTERN_BIT) != 0;
}

/* In calls an externref is the host's pointer itself, or a handle. All ones is null as well, as it was in
 * WAMR's table of references. The guest chooses what it calls an externref, so no number becomes an object here:
 * tern_api_ref_in does that. */
static inline Ref tern_api_ref_of_pointer(uintptr_t pointer)
{
    if (pointer == 0 || pointer == UINTPTR_MAX) return REF_NULL;
    Ref ref = pointer ^ EXTERN_BIT;
    bool is_plain = ref_is_i31(ref) || ref_is_host(ref);
    return tern_api_is_extern_handle(pointer) && is_plain ? ref : ref_of_host((const void *)pointer);
}
/* The host's pointer; for an object or i31 that became an externref, its handle. */
static inline uintptr_t tern_api_pointer_of_ref(Ref ref)
{
    if (ref_is_host(ref)) return (uintptr_t)ref_host(ref);
    return ref != REF_NULL ? (uintptr_t)(ref ^ EXTERN_BIT) : 0;
}

/* Is it of the extern hierarchy? */
static inline bool tern_api_is_externref(ValType type)
{
    return vt_is_ref(type) && !vt_is_concrete(type) &&
           (vt_heap(type) == HEAP_EXTERN || vt_heap(type) == HEAP_NOEXTERN);
}
/* Any reference but functions, which calls pass by index. False if it has not that type; the guest may have
 * chosen one that the host did not expect, so a handle is looked for in the heap. */
bool tern_api_ref_in(const Store *store, ValType type, uintptr_t pointer, Ref *ref);
static inline uintptr_t tern_api_ref_out(ValType type, Ref ref)
{
    return tern_api_is_externref(type) ? tern_api_pointer_of_ref(ref) : (uintptr_t)ref;
}

/* EngineOptions.grow_refused: tells the host's callback. */
void tern_api_grow_refused(Exec *x, Memory *memory, u32 memory_index, u64 delta_pages);

/* Forgets the table of externrefs, of one instance or, with NULL, wholly. */
void tern_api_externrefs_clear(Runtime *runtime, wasm_module_inst_t of);
void tern_api_shared_heaps_clear(Runtime *runtime);
/* An instance ends: it is detached. */
void tern_api_shared_heap_leave(wasm_module_inst_t inst);
/* Is ptr in a heap attached to memory? Then *addr is its address there. */
bool tern_api_shared_heap_addr(const Memory *memory, const void *ptr, u64 *addr);

/* --- instances -------------------------------------------------------------------------------- */

#define EXCEPTION_BYTES 128

struct WASMModuleInstanceCommon {
    char exception[EXCEPTION_BYTES]; /* of the root; empty: none */
    wasm_module_inst_t root;         /* the top-level instance; itself for that */
    Instance *instance;              /* NULL while its imports are linked */
    wasm_module_t module;            /* a reference is held */
    Store *store;
    Wasi *wasi;                /* of the root; NULL if nobody imports WASI */
    wasm_exec_env_t singleton; /* of the root */
    wasm_exec_env_t envs;      /* of the root: all environments */
    Mutex lock;                /* of the root: exception writes, envs */
    wasm_module_inst_t subs;   /* of the root: instances of registered modules */
    wasm_module_inst_t next;
    GuestAllocator allocator; /* free_func UINT32_MAX: the guest exports none */
    bool is_terminated;       /* of the root; atomic */
    wasm_exec_env_t thrower;  /* of the root: where the latest trap was, if it was an uncaught exception, else NULL */
    bool has_checks;
    RunningMode mode;
    u32 stack_bytes;
    u32 heap_bytes; /* of the host-managed heap, as asked for */
    /* A spawned instance is a root of its own whose leader is the instance that the host made. The links are
     * under the runtime's lock. */
    bool is_thread;
    wasm_module_inst_t leader;              /* of a thread; NULL once that is gone */
    wasm_module_inst_t threads, next_thread; /* of a leader; of a thread */
    u32 thread_slot;                        /* of a thread: unlike those of its leader's other threads */
    struct WASMSharedHeap *shared_heap; /* that it attached to its memory 0, or NULL */
    void *custom_data;
    void *contexts[MAX_CONTEXT_KEYS];
};

struct WASMExecEnv {
    Exec *x;                 /* x->host_data points back */
    wasm_module_inst_t inst; /* whose code runs: see wasm_runtime_get_module_inst */
    wasm_module_inst_t root; /* that owns it; NULL once that is gone */
    ApiEngine *engine;       /* held, when root is gone */
    void *attachment;
    void *user_data;
    wasm_exec_env_t next;
    const void *native_boundary; /* given by the host, or NULL */
    wasm_exec_env_t outer; /* while calls are in progress (x->depth > 0): that its thread was in before */
};

/* The environment this thread entered last and is in: the head of a list through outer. */
extern _Thread_local HOT_TLS wasm_exec_env_t tern_api_innermost;

static inline Memory *tern_api_memory0(wasm_module_inst_t inst)
{
    return inst->instance->memory0;
}
/* Another thread may just be setting it: see wasm_runtime_terminate. */
static inline bool tern_api_has_exception(wasm_module_inst_t inst)
{
    return __atomic_load_n(&inst->root->exception[0], __ATOMIC_RELAXED) != 0;
}

/* A thread's instance of of's module, with its shared memories. Its root's links are set by
 * tern_api_thread_link. NULL, with a reason in error_buf. */
wasm_module_inst_t tern_api_thread_instantiate(wasm_module_inst_t of, char *error_buf,
                                               u32 error_buf_size);
/* For the threads that a guest starts itself. */
extern const WasiThreadMaker tern_api_wasi_threads;
/* Counts root as a thread of leader and gives it a slot; false if there are too many. */
bool tern_api_thread_link(wasm_module_inst_t leader, wasm_module_inst_t root);
/* Are there so many of root's leader, or of root if it is none's? */
bool tern_api_threads_are_full(wasm_module_inst_t root);
/* A root goes: from its leader's list, and from its threads. */
void tern_api_thread_unlink(wasm_module_inst_t root);
/* Gives a thread's instance a piece of the guest's stack, if its compiler's globals tell where that is. False if
 * there is too little. */
bool tern_api_thread_place_stack(wasm_module_inst_t root);

/* --- running ---------------------------------------------------------------------------------- */

/* Sets the root's exception to "Exception: ...". */
void tern_api_throw(wasm_module_inst_t inst, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Clears the exception if it is that a guest's own, thrown on env, is uncaught; true if it was. */
bool tern_api_take_uncaught(wasm_module_inst_t inst, wasm_exec_env_t env);

/* Records a trap as the exception, unless one is set, and logs the details. */
void tern_api_trapped(wasm_exec_env_t env, TrapCode code);

/* The environment to call the guest with on the instance's behalf: the running one, else the
 * singleton. NULL: no memory. */
wasm_exec_env_t tern_api_env(wasm_module_inst_t inst);
/* The innermost of the instance's that this thread is in, or NULL. */
wasm_exec_env_t tern_api_env_in_use(wasm_module_inst_t inst);

/* Takes env from the thread's list, in whatever order coroutines leave theirs. */
void tern_api_env_unlink(wasm_exec_env_t env);

/* Around a call on env: an outermost one enters it in the thread's list. */
static inline void tern_api_env_enter(wasm_exec_env_t env)
{
    if (env->x->depth > 0) return;
    env->outer = tern_api_innermost;
    tern_api_innermost = env;
}
static inline void tern_api_env_leave(wasm_exec_env_t env)
{
    if (env->x->depth > 0) return;
    if (LIKELY(tern_api_innermost == env)) tern_api_innermost = env->outer;
    else tern_api_env_unlink(env);
}

/* Calls func on env with arguments already at env->x->top, where results are left. */
TrapCode tern_api_run(wasm_exec_env_t env, FuncInst *func);

/* wasm_runtime_call_wasm_v, wherever its arguments come from. */
bool tern_api_call_values(wasm_exec_env_t exec_env, FuncInst *func, u32 num_results,
                          wasm_val_t *results, u32 num_args, va_list list);

/* The host function behind an import that nobody provides; env is the NativeCall of the import. */
HostFunc tern_api_call_unlinked;

/* Frames of the calls in progress, or of the last trap. Returns how many there are in all. */
u32 tern_api_frames(wasm_exec_env_t env, TrapFrame *frames, u32 max);

#endif
