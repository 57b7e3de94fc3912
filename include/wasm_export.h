/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasm_export.h - the embedding API: load a module, give it functions and memory, call it.
 *
 * Names, layouts and behaviour are those of WAMR 2.4.3, so that a host written for libiwasm
 * switches by swapping the library. Where a comment says "Tern:" the behaviour is deliberately
 * better; docs/migrating-from-wamr.md lists all of these.
 *
 * The shape of a program: wasm_runtime_init, load, instantiate, create_exec_env, lookup_function,
 * call_wasm, and their opposites in reverse order. wasm_runtime_module_malloc and its family
 * exchange memory with the guest; docs/memory-exchange.md tells how.
 *
 * Rules that hold for every function unless it says otherwise:
 *
 * - Errors of loading and instantiating are written, NUL-terminated and cut to fit, to
 *   error_buf of error_buf_size bytes; error_buf may be NULL. 128 bytes are customary; longer
 *   ones say more.
 * - Errors of running are the instance's exception: see wasm_runtime_get_exception().
 * - An "app offset" is an address in the guest's linear memory 0, in bytes; a "native" pointer
 *   is the host's.
 * - Strings and arrays are borrowed for the call only. What is returned belongs to the object
 *   asked.
 * - A module may be used by several threads at once. An instance, its memories, functions and
 *   execution environments are used by one thread at a time; wasm_runtime_terminate() may come
 *   from any thread. Shared memories belong to all threads whose instances have them.
 * - Handles must be valid and not NULL. */
#ifndef _WASM_EXPORT_H
#define _WASM_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib_export.h"

#ifndef WASM_RUNTIME_API_EXTERN
#if defined(_MSC_BUILD)
#if defined(COMPILING_WASM_RUNTIME_API)
#define WASM_RUNTIME_API_EXTERN __declspec(dllexport)
#else
#define WASM_RUNTIME_API_EXTERN __declspec(dllimport)
#endif
#elif defined(__GNUC__) || defined(__clang__)
#define WASM_RUNTIME_API_EXTERN __attribute__((visibility("default")))
#else
#define WASM_RUNTIME_API_EXTERN
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- shorthands for host functions ------------------------------------------------------------ */

#define get_module_inst(exec_env) wasm_runtime_get_module_inst(exec_env)

/* These use a local variable called module_inst. */
#define validate_app_addr(offset, size) wasm_runtime_validate_app_addr(module_inst, offset, size)
#define validate_app_str_addr(offset) wasm_runtime_validate_app_str_addr(module_inst, offset)
#define addr_app_to_native(offset) wasm_runtime_addr_app_to_native(module_inst, offset)
#define addr_native_to_app(ptr) wasm_runtime_addr_native_to_app(module_inst, ptr)
#define module_malloc(size, p_native_addr) \
    wasm_runtime_module_malloc(module_inst, size, p_native_addr)
#define module_free(offset) wasm_runtime_module_free(module_inst, offset)

/* In a raw function `void f(wasm_exec_env_t exec_env, uint64_t *args)`: the first declares where
 * the result goes and comes before the second, which takes the next argument. */
#define native_raw_return_type(type, args) type *raw_ret = (type *)(args)
#define native_raw_get_arg(type, name, args) type name = *((type *)(args++))
#define native_raw_set_return(val) *raw_ret = (val)

/* --- handles and types ------------------------------------------------------------------------ */

#ifndef WASM_MODULE_T_DEFINED
#define WASM_MODULE_T_DEFINED
struct WASMModuleCommon;
typedef struct WASMModuleCommon *wasm_module_t; /* a loaded module */
#endif

typedef enum {
    WASM_IMPORT_EXPORT_KIND_FUNC,
    WASM_IMPORT_EXPORT_KIND_TABLE,
    WASM_IMPORT_EXPORT_KIND_MEMORY,
    WASM_IMPORT_EXPORT_KIND_GLOBAL
} wasm_import_export_kind_t;

struct WASMFuncType;
typedef struct WASMFuncType *wasm_func_type_t;
struct WASMTableType;
typedef struct WASMTableType *wasm_table_type_t;
struct WASMGlobalType;
typedef struct WASMGlobalType *wasm_global_type_t;
#ifndef WASM_MEMORY_T_DEFINED
#define WASM_MEMORY_T_DEFINED
struct WASMMemory;
typedef struct WASMMemory WASMMemoryType;
#endif
typedef WASMMemoryType *wasm_memory_type_t;

/* One import, as wasm_runtime_get_import_type() fills it. Everything belongs to the module. */
typedef struct wasm_import_t {
    const char *module_name;
    const char *name;
    wasm_import_export_kind_t kind;
    bool linked; /* something will satisfy it */
    union {
        wasm_func_type_t func_type;
        wasm_table_type_t table_type;
        wasm_global_type_t global_type;
        wasm_memory_type_t memory_type;
    } u;
} wasm_import_t;

typedef struct wasm_export_t {
    const char *name;
    wasm_import_export_kind_t kind;
    union {
        wasm_func_type_t func_type;
        wasm_table_type_t table_type;
        wasm_global_type_t global_type;
        wasm_memory_type_t memory_type;
    } u;
} wasm_export_t;

struct WASMModuleInstanceCommon;
typedef struct WASMModuleInstanceCommon *wasm_module_inst_t; /* an instantiated module */

typedef void WASMFunctionInstanceCommon;
typedef WASMFunctionInstanceCommon
    *wasm_function_inst_t; /* a function of an instance; lives as long */

struct WASMMemoryInstance;
typedef struct WASMMemoryInstance
    *wasm_memory_inst_t; /* a linear memory of an instance; lives as long */

/* One frame of wasm_copy_callstack(). */
typedef struct wasm_frame_t {
    void *instance;         /* wasm_module_inst_t */
    uint32_t module_offset; /* of the function's body in the module, bytes */
    uint32_t func_index;
    uint32_t func_offset;     /* of the instruction from the body's start, bytes */
    const char *func_name_wp; /* NULL if it has none; belongs to the module */
    uint32_t *sp;             /* NULL */
    uint8_t *frame_ref;       /* NULL */
    uint32_t *lp;             /* NULL */
} WASMCApiFrame;

/* A section of wasm_runtime_load_from_sections(). */
typedef struct wasm_section_t {
    struct wasm_section_t *next;
    int section_type;
    uint8_t *section_body;
    uint32_t section_body_size;
} wasm_section_t, aot_section_t, *wasm_section_list_t, *aot_section_list_t;

struct WASMExecEnv;
typedef struct WASMExecEnv *wasm_exec_env_t; /* a stack to run on, for one thread at a time */

struct WASMSharedHeap;
typedef struct WASMSharedHeap *wasm_shared_heap_t;

typedef enum {
    Wasm_Module_Bytecode = 0,
    Wasm_Module_AoT,
    Package_Type_Unknown = 0xFFFF
} package_type_t;

#ifndef MEM_ALLOC_OPTION_DEFINED
#define MEM_ALLOC_OPTION_DEFINED
typedef enum {
    Alloc_With_Pool = 0,  /* everything but linear memories comes from one buffer of the host's */
    Alloc_With_Allocator, /* ... from the host's functions */
    Alloc_With_System_Allocator, /* ... from the C library */
} mem_alloc_type_t;

typedef enum { Alloc_For_Runtime, Alloc_For_LinearMemory } mem_alloc_usage_t;

typedef union MemAllocOption {
    struct {
        void *heap_buf;     /* at least 256 bytes; the library's until wasm_runtime_destroy() */
        uint32_t heap_size; /* bytes */
    } pool;
    struct {
        void *malloc_func;  /* void *(*)(unsigned int size) */
        void *realloc_func; /* void *(*)(void *ptr, unsigned int size); may be NULL */
        void *free_func;    /* void (*)(void *ptr) */
        void *user_data;    /* not used: as in WAMR's default build, callbacks do not get it */
        /* Called from every thread that uses the library, by functions that may have locked the guest's code, types
         * or shared memory. Callbacks may use host memory, externrefs' numbers, shared heaps, registered modules and
         * natives, exceptions, and what asks about modules; they must not load or instantiate modules, run guests,
         * allocate in them, or ask for call stacks. */
    } allocator;
} MemAllocOption;
#endif

typedef struct mem_alloc_info_t {
    uint32_t total_size;      /* bytes of the pool */
    uint32_t total_free_size; /* bytes free now */
    uint32_t highmark_size;   /* most bytes ever in use at once */
} mem_alloc_info_t;

/* How guests are executed. 0 stands for the default. */
typedef enum RunningMode {
    Mode_Interp = 1,
    Mode_Fast_JIT,
    Mode_LLVM_JIT,
    Mode_Multi_Tier_JIT,
} RunningMode;

/* For wasm_runtime_full_init(). Zero-fill it, then set what matters; zero means the default. */
typedef struct RuntimeInitArgs {
    mem_alloc_type_t mem_alloc_type; /* zero is Alloc_With_Pool */
    MemAllocOption mem_alloc_option;
    const char *native_module_name; /* as wasm_runtime_register_natives() of the next two */
    NativeSymbol *native_symbols;
    uint32_t n_native_symbols;
    uint32_t max_thread_num;
    char ip_addr[128]; /* debugger */
    int unused;
    int instance_port;
    uint32_t fast_jit_code_cache_size;
    uint32_t gc_heap_size; /* bytes */
    RunningMode running_mode;
    uint32_t llvm_jit_opt_level;
    uint32_t llvm_jit_size_level;
    uint32_t segue_flags;
    bool enable_linux_perf;
} RuntimeInitArgs;

#ifndef LOAD_ARGS_OPTION_DEFINED
#define LOAD_ARGS_OPTION_DEFINED
typedef struct LoadArgs {
    char *name;                /* the module's name, copied; NULL is "" */
    bool clone_wasm_binary;    /* Tern: always */
    bool wasm_binary_freeable; /* Tern: always */
    bool no_resolve;           /* imports wait for wasm_runtime_resolve_symbols() */
} LoadArgs;
#endif

#ifndef INSTANTIATION_ARGS_OPTION_DEFINED
#define INSTANTIATION_ARGS_OPTION_DEFINED
typedef struct InstantiationArgs {
    uint32_t default_stack_size;     /* bytes; 0 is the default */
    uint32_t host_managed_heap_size; /* bytes; see wasm_runtime_instantiate() */
    uint32_t max_memory_pages;       /* 0: as the module says */
} InstantiationArgs;
#endif

struct InstantiationArgs2; /* made by wasm_runtime_instantiation_args_create() */

#ifndef WASM_VALKIND_T_DEFINED
#define WASM_VALKIND_T_DEFINED
typedef uint8_t wasm_valkind_t;
enum wasm_valkind_enum {
    WASM_I32,
    WASM_I64,
    WASM_F32,
    WASM_F64,
    WASM_V128,
    WASM_EXTERNREF = 128,
    WASM_FUNCREF,
};
#endif

#ifndef WASM_VAL_T_DEFINED
#define WASM_VAL_T_DEFINED
struct wasm_ref_t;

typedef struct wasm_val_t {
    wasm_valkind_t kind;
    uint8_t _paddings[7];
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        uintptr_t foreign; /* externref: the host's pointer */
        struct wasm_ref_t *ref;
    } of;
} wasm_val_t;
#endif

typedef struct wasm_global_inst_t {
    wasm_valkind_t kind;
    bool is_mutable;
    void *global_data; /* the value itself, live; 4, 8 or 16 bytes by kind */
} wasm_global_inst_t;

typedef struct wasm_table_inst_t {
    wasm_valkind_t elem_kind;
    uint32_t cur_size; /* elements, when it was asked */
    uint32_t max_size;
    void *elems; /* opaque: for wasm_table_get_func_inst() */
} wasm_table_inst_t;

typedef enum {
    WASM_LOG_LEVEL_FATAL = 0,
    WASM_LOG_LEVEL_ERROR = 1,
    WASM_LOG_LEVEL_WARNING = 2,
    WASM_LOG_LEVEL_DEBUG = 3,
    WASM_LOG_LEVEL_VERBOSE = 4
} log_level_t;

typedef struct SharedHeapInitArgs {
    uint32_t size; /* bytes */
    void *pre_allocated_addr;
} SharedHeapInitArgs;

/* --- starting and stopping -------------------------------------------------------------------- */

/* Starts the library with the system's allocator. Counted: each success needs a
 * wasm_runtime_destroy(). Thread-safe. False if there is no memory. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_init(void);

/* Starts it as init_args say. If it runs already the arguments are ignored and only the count
 * rises. False for a pool smaller than 256 bytes, missing or equal callbacks, a running mode that
 * is not supported, or no memory; the reason is logged. init_args is read during the call; what it
 * points to stays the host's. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_full_init(RuntimeInitArgs *init_args);

/* What is logged to the standard error stream: this level and below. The default is WARNING. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_log_level(log_level_t level);

/* Can guests run that way? 0, the default mode, always can. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_running_mode_supported(RunningMode running_mode);

/* The mode of later instances. False, and nothing changes, if it is not supported. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_default_running_mode(RunningMode running_mode);

/* Ends what init or full_init began; the last one stops the library: registered natives and modules
 * are forgotten, and a pool is the host's again. Modules and instances should be gone by then. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy(void);

/* --- host memory, from the allocator chosen at the start -------------------------------------- */

/* size bytes, uninitialised, aligned to 16. NULL: no memory, or the library is not running. 0 is
 * served as 1, with a warning. Thread-safe, as are the next four. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_malloc(unsigned int size);

/* Aligned to alignment: a power of two up to the page size; size is a non-zero multiple of it. Only
 * with Alloc_With_Pool, otherwise NULL. The block cannot be reallocated. Freed by
 * wasm_runtime_free(). */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_aligned_alloc(unsigned int size, unsigned int alignment);

/* NULL, and the old block stays, if there is no memory. ptr NULL allocates. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_realloc(void *ptr, unsigned int size);

/* NULL is allowed, with a warning. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_free(void *ptr);

/* With Alloc_With_Pool fills *mem_alloc_info and returns true; otherwise false and nothing is
 * written. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_mem_alloc_info(mem_alloc_info_t *mem_alloc_info);

/* --- what is this file? ----------------------------------------------------------------------- */

/* The older name of the next one. */
WASM_RUNTIME_API_EXTERN package_type_t get_package_type(const uint8_t *buf, uint32_t size);

/* By the first four bytes; Package_Type_Unknown for anything else, too short, or NULL. */
WASM_RUNTIME_API_EXTERN package_type_t wasm_runtime_get_file_package_type(const uint8_t *buf,
                                                                          uint32_t size);

/* NULL gives Package_Type_Unknown. */
WASM_RUNTIME_API_EXTERN package_type_t
wasm_runtime_get_module_package_type(const wasm_module_t module);

/* The format's version at bytes 4 to 7; 0 if the file is shorter than 8 bytes. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_get_file_package_version(const uint8_t *buf,
                                                                       uint32_t size);

/* NULL gives 0. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_get_module_package_version(const wasm_module_t module);

/* What this version of the format is: 1 for bytecode, 6 for WAMR's AoT files, otherwise 0. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_get_current_package_version(package_type_t package_type);

/* Is it an AoT file that executes in place? */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_xip_file(const uint8_t *buf, uint32_t size);

/* --- loading ---------------------------------------------------------------------------------- */

/* Finds the module an import names: gives its bytes, which stay alive until the destroyer gets
 * them. */
typedef bool (*module_reader)(package_type_t module_type, const char *module_name,
                              uint8_t **p_buffer, uint32_t *p_size);
/* Takes back what the reader gave. */
typedef void (*module_destroyer)(uint8_t *buffer, uint32_t size);

/* Both may be NULL: then only registered modules are linked. For the whole library. The module's
 * bytes are copied, so the destroyer runs as soon as the module is loaded. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_module_reader(const module_reader reader,
                                                            const module_destroyer destroyer);

/* Lets later loads import from module under that name, which is copied. The registry takes the
 * module over and keeps it until the library stops: unloading it does nothing. False with "Register module failed: ..."
 * if module or name is NULL, the name is built in (wasi_snapshot_preview1, env, ...) or another
 * module's, or the module has another name already. Registering the same pair again is true. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_register_module(const char *module_name,
                                                          wasm_module_t module, char *error_buf,
                                                          uint32_t error_buf_size);

/* NULL if there is none of that name. */
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_find_module_registered(const char *module_name);

/* Decodes and validates a module and resolves its imports against natives registered so far. NULL
 * with "WASM module load failed: <reason>". An import nobody provides is no error here: a function
 * traps when it is called, anything else fails to instantiate. Tern: buf is copied, never written
 * and the caller's again after the call. Unload the module after its instances. */
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_load(uint8_t *buf, uint32_t size,
                                                        char *error_buf, uint32_t error_buf_size);

/* As wasm_runtime_load with options. args NULL fails with "null load arguments". */
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_load_ex(uint8_t *buf, uint32_t size,
                                                           const LoadArgs *args, char *error_buf,
                                                           uint32_t error_buf_size);

/* After a load with no_resolve, or to try again with natives registered since: links functions that
 * have no provider yet. True if none is left without. Before instantiating, from one thread. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_resolve_symbols(wasm_module_t module);

/* As wasm_runtime_load from a list of sections in the order of the binary format. The list is
 * copied. AoT sections are refused. */
WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_load_from_sections(
    wasm_section_list_t section_list, bool is_aot, char *error_buf, uint32_t error_buf_size);

/* The handle ends here, unless the module is registered. Tern: what instances and the registry still use stays until they end. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_unload(wasm_module_t module);

/* NULL: hashes exist in WAMR's SGX builds only. */
WASM_RUNTIME_API_EXTERN char *wasm_runtime_get_module_hash(wasm_module_t module);

/* --- WASI settings of a module, used by its later instances ----------------------------------- */

/* Directories as "path" (guest sees the same name) and "guest::host"; variables as "K=V"; argv[0]
 * included; host descriptors for the standard streams, -1 for the process's. Arrays and strings are
 * borrowed: they must live until the last instantiation with them. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_wasi_args_ex(
    wasm_module_t module, const char *dir_list[], uint32_t dir_count, const char *map_dir_list[],
    uint32_t map_dir_count, const char *env[], uint32_t env_count, char *argv[], int argc,
    int64_t stdinfd, int64_t stdoutfd, int64_t stderrfd);

/* The same with the process's streams. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_wasi_args(wasm_module_t module,
                                                        const char *dir_list[], uint32_t dir_count,
                                                        const char *map_dir_list[],
                                                        uint32_t map_dir_count, const char *env[],
                                                        uint32_t env_count, char *argv[], int argc);

/* Networks a guest may reach, as "address/mask". */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_wasi_addr_pool(wasm_module_t module,
                                                             const char *addr_pool[],
                                                             uint32_t addr_pool_size);

/* Names a guest may look up; "*." at the start stands for any subdomain. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_wasi_ns_lookup_pool(wasm_module_t module,
                                                                  const char *ns_lookup_pool[],
                                                                  uint32_t ns_lookup_pool_size);

/* --- instantiating ---------------------------------------------------------------------------- */

/* Links, instantiates and runs the start function, _initialize (if WASI is imported),
 * __post_instantiate and __wasm_call_ctors (if WASI is not). NULL with "WASM module instantiate
 * failed: <reason>"; a trap of those functions gives its text after "Exception: ".
 *
 * default_stack_size: bytes of stack for environments made on demand; 0 is the default.
 * host_managed_heap_size: bytes of heap to set aside inside linear memory 0 for
 * wasm_runtime_module_malloc(); rounded up to 8, at least 256 ("init app heap failed"), at most 1
 * GiB. 0 for none. Not used if the module exports an allocator (malloc and free, or
 * AssemblyScript's __new and __pin). */
WASM_RUNTIME_API_EXTERN wasm_module_inst_t wasm_runtime_instantiate(const wasm_module_t module,
                                                                    uint32_t default_stack_size,
                                                                    uint32_t host_managed_heap_size,
                                                                    char *error_buf,
                                                                    uint32_t error_buf_size);

/* The same with a limit on memory pages: below what the module starts with it is raised, above what
 * the module allows it is lowered, with a warning. */
WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate_ex(const wasm_module_t module, const InstantiationArgs *args,
                            char *error_buf, uint32_t error_buf_size);

/* Options that may grow. False if there is no memory. The setters keep pointers to arrays and
 * strings: they must live until the last instantiation with them. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_instantiation_args_create(struct InstantiationArgs2 **p);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_destroy(struct InstantiationArgs2 *p);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_default_stack_size(
    struct InstantiationArgs2 *p, uint32_t v);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_host_managed_heap_size(
    struct InstantiationArgs2 *p, uint32_t v);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_max_memory_pages(
    struct InstantiationArgs2 *p, uint32_t v);
/* As wasm_runtime_set_custom_data(), but before the start functions run. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_custom_data(
    struct InstantiationArgs2 *p, void *custom_data);
/* WASI, as wasm_runtime_set_wasi_args_ex() and its companions. Not together with those:
 * instantiating fails. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_arg(
    struct InstantiationArgs2 *p, char *argv[], int argc);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_env(
    struct InstantiationArgs2 *p, const char *env[], uint32_t env_count);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_dir(
    struct InstantiationArgs2 *p, const char *dir_list[], uint32_t dir_count,
    const char *map_dir_list[], uint32_t map_dir_count);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_stdio(
    struct InstantiationArgs2 *p, int64_t stdinfd, int64_t stdoutfd, int64_t stderrfd);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_addr_pool(
    struct InstantiationArgs2 *p, const char *addr_pool[], uint32_t addr_pool_size);
WASM_RUNTIME_API_EXTERN void wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(
    struct InstantiationArgs2 *p, const char *ns_lookup_pool[], uint32_t ns_lookup_pool_size);

WASM_RUNTIME_API_EXTERN wasm_module_inst_t
wasm_runtime_instantiate_ex2(const wasm_module_t module, const struct InstantiationArgs2 *args,
                             char *error_buf, uint32_t error_buf_size);

/* How this instance is executed. False if the mode is not supported; 0 is the default. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_running_mode(wasm_module_inst_t module_inst,
                                                           RunningMode running_mode);
WASM_RUNTIME_API_EXTERN RunningMode wasm_runtime_get_running_mode(wasm_module_inst_t module_inst);

/* Ends the instance, its functions, memories and the environment made on demand. Environments of
 * wasm_runtime_create_exec_env() are destroyed before. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_deinstantiate(wasm_module_inst_t module_inst);

WASM_RUNTIME_API_EXTERN wasm_module_t wasm_runtime_get_module(wasm_module_inst_t module_inst);

/* Does the module import WASI? */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_wasi_mode(wasm_module_inst_t module_inst);

/* The export _start of a module in WASI mode; NULL if there is none or it takes or gives
 * anything. */
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_lookup_wasi_start_function(wasm_module_inst_t module_inst);

/* What the guest passed to proc_exit; 0 if it never did. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_get_wasi_exit_code(wasm_module_inst_t module_inst);

/* --- functions and calls ---------------------------------------------------------------------- */

/* The exported function of that name, or NULL. */
WASM_RUNTIME_API_EXTERN wasm_function_inst_t
wasm_runtime_lookup_function(const wasm_module_inst_t module_inst, const char *name);

WASM_RUNTIME_API_EXTERN uint32_t wasm_func_get_param_count(const wasm_function_inst_t func_inst,
                                                           const wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_get_result_count(const wasm_function_inst_t func_inst,
                                                            const wasm_module_inst_t module_inst);
/* The array has room for all of them. */
WASM_RUNTIME_API_EXTERN void wasm_func_get_param_types(const wasm_function_inst_t func_inst,
                                                       const wasm_module_inst_t module_inst,
                                                       wasm_valkind_t *param_types);
WASM_RUNTIME_API_EXTERN void wasm_func_get_result_types(const wasm_function_inst_t func_inst,
                                                        const wasm_module_inst_t module_inst,
                                                        wasm_valkind_t *result_types);

/* A stack of stack_size bytes to run the instance's functions on; for one thread at a time. NULL:
 * no memory. The caller destroys it, before the instance. */
WASM_RUNTIME_API_EXTERN wasm_exec_env_t wasm_runtime_create_exec_env(wasm_module_inst_t module_inst,
                                                                     uint32_t stack_size);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_exec_env(wasm_exec_env_t exec_env);

/* Copies up to length frames, innermost first, after leaving out skip_n, of the calls in progress
 * or, after a trap, of where it happened. Returns how many; 0 with a reason in error_buf if there
 * are none. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_copy_callstack(const wasm_exec_env_t exec_env,
                                                     WASMCApiFrame *buffer, const uint32_t length,
                                                     const uint32_t skip_n, char *error_buf,
                                                     uint32_t error_buf_size);

/* The instance's own environment, made when first asked for; not to be destroyed. NULL: no
 * memory. */
WASM_RUNTIME_API_EXTERN wasm_exec_env_t
wasm_runtime_get_exec_env_singleton(wasm_module_inst_t module_inst);

/* A debugger's port, or 0: not available. port -1 picks one. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_start_debug_instance_with_port(wasm_exec_env_t exec_env, int32_t port);
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_start_debug_instance(wasm_exec_env_t exec_env);

/* Prepares the calling thread for running guests; idempotent. WAMR needs it on every thread but the
 * one of init; Tern prepares threads as they come, so it is never needed and always true. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_init_thread_env(void);
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_thread_env(void);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_thread_env_inited(void);

/* The instance whose code runs on exec_env: in a host function, the caller's. */
WASM_RUNTIME_API_EXTERN wasm_module_inst_t wasm_runtime_get_module_inst(wasm_exec_env_t exec_env);

/* Uses exec_env for another instance until it is set back, which is the caller's duty. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_module_inst(wasm_exec_env_t exec_env,
                                                          const wasm_module_inst_t module_inst);

/* --- linear memories -------------------------------------------------------------------------- */

/* The memory exported under that name; NULL if there is none. */
WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_lookup_memory(const wasm_module_inst_t module_inst, const char *name);
/* Memory 0, or NULL. */
WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_get_default_memory(const wasm_module_inst_t module_inst);
/* NULL if index is out of range. */
WASM_RUNTIME_API_EXTERN wasm_memory_inst_t
wasm_runtime_get_memory(const wasm_module_inst_t module_inst, uint32_t index);

WASM_RUNTIME_API_EXTERN uint64_t
wasm_memory_get_cur_page_count(const wasm_memory_inst_t memory_inst);
WASM_RUNTIME_API_EXTERN uint64_t
wasm_memory_get_max_page_count(const wasm_memory_inst_t memory_inst);
/* 65536, or what custom page sizes and a heap set aside in a memory of one page make of it. */
WASM_RUNTIME_API_EXTERN uint64_t
wasm_memory_get_bytes_per_page(const wasm_memory_inst_t memory_inst);
WASM_RUNTIME_API_EXTERN bool wasm_memory_get_shared(const wasm_memory_inst_t memory_inst);
/* Where app offset 0 is. On 64-bit hosts this never changes for a 32-bit memory, however it
 * grows. */
WASM_RUNTIME_API_EXTERN void *wasm_memory_get_base_address(const wasm_memory_inst_t memory_inst);
/* False, and nothing changes, past the maximum or without memory. The error callback is not
 * told. */
WASM_RUNTIME_API_EXTERN bool wasm_memory_enlarge(wasm_memory_inst_t memory_inst,
                                                 uint64_t inc_page_count);

/* Runs function. argv holds arguments in 32-bit cells: i32, f32 and funcref (a function index, -1
 * for null) take one; i64, f64 and externref (a host pointer on 64-bit hosts) two, low half first;
 * v128 four. It has room for the results too, which replace the arguments from argv[0].
 *
 * False if there is an exception: a trap, "invalid argument count %u, must be no smaller than %u"
 * when argc cells are too few, or one that was pending before (the call is still made). May be
 * called from a host function with its own exec_env. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_wasm(wasm_exec_env_t exec_env,
                                                    wasm_function_inst_t function, uint32_t argc,
                                                    uint32_t argv[]);

/* The same with typed values; the counts must be exact (otherwise an error is logged, without an
 * exception). No v128. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_wasm_a(wasm_exec_env_t exec_env,
                                                      wasm_function_inst_t function,
                                                      uint32_t num_results, wasm_val_t results[],
                                                      uint32_t num_args, wasm_val_t *args);

/* The same with arguments as i32: uint32_t, i64: uint64_t, f32 and f64: double, externref:
 * uintptr_t, funcref: uint32_t. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_wasm_v(wasm_exec_env_t exec_env,
                                                      wasm_function_inst_t function,
                                                      uint32_t num_results, wasm_val_t results[],
                                                      uint32_t num_args, ...);

/* Calls what table 0 holds at element_index, as wasm_runtime_call_wasm. Exceptions: "unknown
 * table", "undefined element", "uninitialized element". */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_call_indirect(wasm_exec_env_t exec_env,
                                                        uint32_t element_index, uint32_t argc,
                                                        uint32_t argv[]);

/* Runs the program: _start in WASI mode, otherwise main, __main_argc_argv or _main, with argv
 * copied into the guest by wasm_runtime_module_malloc(). An exit through proc_exit is success. What
 * main returns is stored as an int in argv[0]'s place when argc > 0. */
WASM_RUNTIME_API_EXTERN bool wasm_application_execute_main(wasm_module_inst_t module_inst,
                                                           int32_t argc, char *argv[]);

/* Runs the exported function with arguments as text and prints its results to the standard output
 * stream: "0x2a:i32", "0x2a:i64", "1.5:f32", "1.5:f64", "<0x.. 0x..>:v128", "func:ref.null",
 * "extern:ref.null", "0x..:ref.extern", "7:ref.func", separated by commas. NaN payloads are written
 * nan:0x..., a v128 a\b. */
WASM_RUNTIME_API_EXTERN bool wasm_application_execute_func(wasm_module_inst_t module_inst,
                                                           const char *name, int32_t argc,
                                                           char *argv[]);

/* --- exceptions ------------------------------------------------------------------------------- */

/* NULL if there is none, otherwise "Exception: <text>", at most 127 characters, valid until it
 * changes. */
WASM_RUNTIME_API_EXTERN const char *wasm_runtime_get_exception(wasm_module_inst_t module_inst);

/* Sets "Exception: <exception>", cut to 127 characters; NULL clears. In a host function: the guest
 * traps when it returns. If a call that a host function made ended in an exception of WebAssembly ("uncaught wasm
 * exception"), the host function may clear it and go on; left alone, it goes on to the guest that called the host
 * function, which may catch it. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_exception(wasm_module_inst_t module_inst,
                                                        const char *exception);
WASM_RUNTIME_API_EXTERN void wasm_runtime_clear_exception(wasm_module_inst_t module_inst);

/* Stops the guest at its next loop or call, with the exception "terminated by user". From any
 * thread, also while the instance is being made: start functions give host functions its handle, and instantiating
 * fails with that exception. The instance runs again once the exception is cleared. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_terminate(wasm_module_inst_t module_inst);

WASM_RUNTIME_API_EXTERN void wasm_runtime_set_custom_data(wasm_module_inst_t module_inst,
                                                          void *custom_data);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_custom_data(wasm_module_inst_t module_inst);

/* Tern: checks are always made; the setting is remembered and changes nothing. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_bounds_checks(wasm_module_inst_t module_inst,
                                                            bool enable);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_bounds_checks_enabled(wasm_module_inst_t module_inst);

/* --- exchanging memory with the guest (memory 0) ---------------------------------------------- */

/* Allocates size bytes the guest can see and returns their app offset, which is never 0;
 * *p_native_addr (NULL is allowed) gets the host's pointer to them. Served by the heap set aside at
 * instantiation, or else by the guest's own allocator. At least 8-byte aligned in the heap;
 * contents are unspecified.
 *
 * 0 on failure, with *p_native_addr NULL. There is no exception when the heap is full (the log
 * names it and says how full), but one if the guest's allocator trapped, or "uninitialized memory"
 * without a memory. Tern: sizes that do not fit the guest's address space fail; what a guest's
 * allocator returns is checked for its full size. May be called from host functions. */
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_module_malloc(wasm_module_inst_t module_inst,
                                                            uint64_t size, void **p_native_addr);

/* 0 is ignored. Tern: in the heap, an offset that is not the start of a live block changes nothing,
 * and the log says whether it was freed before, lies inside a block or never was one. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_module_free(wasm_module_inst_t module_inst, uint64_t ptr);

/* Resizes a block of the host-managed heap, in place where that can be, else by moving it; ptr 0
 * allocates. Returns the block's app offset, or 0 with the exception "out of memory" and the old block kept.
 * Only for blocks of wasm_runtime_module_malloc in that heap. Source: WAMR's library has the function,
 * though not its header. */
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_module_realloc(wasm_module_inst_t module_inst,
                                                             uint64_t ptr, uint64_t size,
                                                             void **p_native_addr);

/* wasm_runtime_module_malloc and a copy of size bytes at src; for a string, size includes the
 * NUL. */
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_module_dup_data(wasm_module_inst_t module_inst,
                                                              const char *src, uint64_t size);

/* Do size bytes at app_offset lie inside memory? If not: false and the exception "out of bounds
 * memory access". Nothing at the end is inside. Constant time. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_validate_app_addr(wasm_module_inst_t module_inst,
                                                            uint64_t app_offset, uint64_t size);

/* The same for a string with its NUL. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_validate_app_str_addr(wasm_module_inst_t module_inst,
                                                                uint64_t app_str_offset);

/* The same for a host pointer. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_validate_native_addr(wasm_module_inst_t module_inst,
                                                               void *native_ptr, uint64_t size);

/* NULL, without an exception, if app_offset is outside. Only that one byte is checked: validate the
 * range. Good until memory may move: see wasm_memory_get_base_address(). */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_addr_app_to_native(wasm_module_inst_t module_inst,
                                                              uint64_t app_offset);

/* 0, without an exception, if native_ptr is outside. */
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_addr_native_to_app(wasm_module_inst_t module_inst,
                                                                 void *native_ptr);

/* The range [*p_app_start_offset, *p_app_end_offset) that app_offset may be used in: all of memory.
 * False if it is outside. The pointers may be NULL. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_app_addr_range(wasm_module_inst_t module_inst,
                                                             uint64_t app_offset,
                                                             uint64_t *p_app_start_offset,
                                                             uint64_t *p_app_end_offset);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_native_addr_range(wasm_module_inst_t module_inst,
                                                                uint8_t *native_ptr,
                                                                uint8_t **p_native_start_addr,
                                                                uint8_t **p_native_end_addr);

/* --- what a module imports and exports -------------------------------------------------------- */

/* -1 for NULL. */
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_get_import_count(const wasm_module_t module);
/* In the module's order. *import_type is zeroed if the index is out of range. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_import_type(const wasm_module_t module,
                                                          int32_t import_index,
                                                          wasm_import_t *import_type);
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_get_export_count(const wasm_module_t module);
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_export_type(const wasm_module_t module,
                                                          int32_t export_index,
                                                          wasm_export_t *export_type);

/* Kinds are (wasm_valkind_t)-1 for NULL, an index out of range, or a type that has none. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_type_get_param_count(const wasm_func_type_t func_type);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_func_type_get_param_valkind(const wasm_func_type_t func_type, uint32_t param_index);
WASM_RUNTIME_API_EXTERN uint32_t wasm_func_type_get_result_count(const wasm_func_type_t func_type);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_func_type_get_result_valkind(const wasm_func_type_t func_type, uint32_t result_index);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_global_type_get_valkind(const wasm_global_type_t global_type);
WASM_RUNTIME_API_EXTERN bool wasm_global_type_get_mutable(const wasm_global_type_t global_type);
WASM_RUNTIME_API_EXTERN bool wasm_memory_type_get_shared(const wasm_memory_type_t memory_type);
/* Pages as the module declares them; the greatest there can be where it declares no maximum. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_memory_type_get_init_page_count(const wasm_memory_type_t memory_type);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_memory_type_get_max_page_count(const wasm_memory_type_t memory_type);
WASM_RUNTIME_API_EXTERN wasm_valkind_t
wasm_table_type_get_elem_kind(const wasm_table_type_t table_type);
WASM_RUNTIME_API_EXTERN bool wasm_table_type_get_shared(const wasm_table_type_t table_type);
WASM_RUNTIME_API_EXTERN uint32_t wasm_table_type_get_init_size(const wasm_table_type_t table_type);
WASM_RUNTIME_API_EXTERN uint32_t wasm_table_type_get_max_size(const wasm_table_type_t table_type);

/* --- giving functions to guests --------------------------------------------------------------- */

/* Offers functions under a module name to modules loaded later. The newest registration that has a
 * symbol decides; a name that is not found is tried without a leading underscore. Everything is
 * borrowed until wasm_runtime_unregister_natives() and for as long as modules loaded meanwhile
 * live. False: no memory. Thread-safe.
 *
 * A function is `ret f(wasm_exec_env_t exec_env, args...)`; its signature has a letter per
 * parameter between parentheses and one for the result, if any:
 *
 *   i int32_t   I int64_t   f float   F double   r uintptr_t (an externref: the host's pointer)
 *   * void *    the guest's i32 address; valid for one byte, or, before a ~, for that many
 *     bytes
 *   ~ uint32_t  an i32: how many bytes the * before it has
 *   $ char *    the guest's i32 address of a string, NUL-terminated inside memory
 *
 * Tern: in a module whose memory is 64-bit, *, ~ and $ take i64 instead (~ is then uint64_t). An
 * address outside memory is the exception "out of bounds memory access" and the function is not
 * called. Address 0 is the start of memory. Without a signature nothing is checked, and addresses
 * arrive as integers. A signature that does not fit the import leaves it unlinked, with a warning.
 * Functions with more than one result or v128 take the raw form. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_register_natives(const char *module_name,
                                                           NativeSymbol *native_symbols,
                                                           uint32_t n_native_symbols);

/* As above for functions `void f(wasm_exec_env_t exec_env, uint64_t *args)`, with every argument in
 * a cell of 8 bytes (v128: two) and results replacing them. Addresses are not converted. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_register_natives_raw(const char *module_name,
                                                               NativeSymbol *native_symbols,
                                                               uint32_t n_native_symbols);

/* Takes back the registration of that name and array; false if there is none. Modules loaded
 * already keep using it. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_unregister_natives(const char *module_name,
                                                             NativeSymbol *native_symbols);

/* --- exported globals and tables -------------------------------------------------------------- */

/* False if there is no such export. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_export_global_inst(
    const wasm_module_inst_t module_inst, const char *name, wasm_global_inst_t *global_inst);
WASM_RUNTIME_API_EXTERN bool wasm_runtime_get_export_table_inst(
    const wasm_module_inst_t module_inst, const char *name, wasm_table_inst_t *table_inst);
/* The function there now; NULL if idx is outside, or for null. */
WASM_RUNTIME_API_EXTERN wasm_function_inst_t wasm_table_get_func_inst(
    const wasm_module_inst_t module_inst, const wasm_table_inst_t *table_inst, uint32_t idx);

/* --- for host functions ----------------------------------------------------------------------- */

/* NativeSymbol.attachment of the host function being called; NULL outside of one. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_function_attachment(wasm_exec_env_t exec_env);

WASM_RUNTIME_API_EXTERN void wasm_runtime_set_user_data(wasm_exec_env_t exec_env, void *user_data);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_user_data(wasm_exec_env_t exec_env);

/* For hosts that switch stacks: the lowest address of native stack that may be used. Calls trap with "native stack
 * overflow" when less than 8 KiB are left above it. NULL: as the system says. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_native_stack_boundary(wasm_exec_env_t exec_env,
                                                                    uint8_t *native_stack_boundary);

/* Not available: guests are not limited. Negative is unlimited. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_instruction_count_limit(wasm_exec_env_t exec_env,
                                                                      int instruction_count);

/* --- measuring -------------------------------------------------------------------------------- */

/* Prints what the module, its instance and exec_env take, in bytes, to the standard output stream: WAMR's lines,
 * with the sizes of this library's own structures. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_dump_mem_consumption(wasm_exec_env_t exec_env);
/* Times of the instance's own functions are kept if the environment variable TERN_PROFILE was set, to anything but
 * 0, when the library was started; calls take longer then. Otherwise there is nothing to tell, and it costs nothing.
 * A time is processor time of the thread; what a host function takes counts for its caller.
 *
 * Prints "Performance profiler data:" to the standard output stream, and for each function that was called
 * "  func <name>, execution time: 1.234 ms, execution count: 5 times, children execution time: 0.567 ms". */
WASM_RUNTIME_API_EXTERN void wasm_runtime_dump_perf_profiling(wasm_module_inst_t module_inst);
/* Milliseconds in all functions. */
WASM_RUNTIME_API_EXTERN double wasm_runtime_sum_wasm_exec_time(wasm_module_inst_t module_inst);
/* Milliseconds in the exported function itself, without those it called; -1 if there is none of that name. */
WASM_RUNTIME_API_EXTERN double wasm_runtime_get_wasm_func_exec_time(wasm_module_inst_t inst,
                                                                    const char *func_name);

/* --- threads ---------------------------------------------------------------------------------- */

typedef void *(*wasm_thread_callback_t)(wasm_exec_env_t, void *);
typedef uintptr_t wasm_thread_t;

/* How many threads may be spawned from one instance at a time; 4 unless said otherwise. 0 changes
 * nothing. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_max_thread_num(uint32_t num);

/* An environment for another thread: on a new instance of the same module, which shares the shared
 * memories (their contents stay as they are; its start section runs, exported initialisers do not) and
 * WASI, and inherits custom data and contexts. Everything else, the exception too, is its own. If the
 * module exports __heap_base and __data_end, it gets a piece of the guest's stack of its own: the
 * whole divided by the greatest number of threads and one. NULL, with the reason logged: too many
 * threads, no stack for another, no memory, or a trap. From a thread that may use exec_env; ends
 * before the instance that the host made. */
WASM_RUNTIME_API_EXTERN wasm_exec_env_t wasm_runtime_spawn_exec_env(wasm_exec_env_t exec_env);

/* Ends what wasm_runtime_spawn_exec_env() made: the environment and its instance. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_spawned_exec_env(wasm_exec_env_t exec_env);

/* Starts a host thread that spawns an environment, calls callback(environment, arg) and ends the
 * environment. 0, and *tid, which must be joined; otherwise -1. wasm_runtime_terminate() of the
 * instance that the host made reaches its threads too, also asleep in memory.atomic.wait. */
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_spawn_thread(wasm_exec_env_t exec_env,
                                                          wasm_thread_t *tid,
                                                          wasm_thread_callback_t callback,
                                                          void *arg);

/* Waits for its end. *retval, unless retval is NULL, is what callback returned. 0. */
WASM_RUNTIME_API_EXTERN int32_t wasm_runtime_join_thread(wasm_thread_t tid, void **retval);

/* --- externref table -------------------------------------------------------------------------- */

/* Numbers for a host's objects. Tern: not needed to pass them, as calls and host functions take externrefs as the
 * host's pointers. Thread-safe. */

/* The object's number, always the same for an instance until it is deleted; UINT32_MAX for NULL and for all
 * ones. False: no memory. */
WASM_RUNTIME_API_EXTERN bool wasm_externref_obj2ref(wasm_module_inst_t module_inst,
                                                    void *extern_obj, uint32_t *p_externref_idx);
/* Deletes it, calling the cleanup. False if it has no number. */
WASM_RUNTIME_API_EXTERN bool wasm_externref_objdel(wasm_module_inst_t module_inst,
                                                   void *extern_obj);
/* Called with the object when it is deleted or the instance ends. False if it has no number. */
WASM_RUNTIME_API_EXTERN bool wasm_externref_set_cleanup(wasm_module_inst_t module_inst,
                                                        void *extern_obj,
                                                        void (*extern_obj_cleanup)(void *));
/* UINT32_MAX is NULL. False if it is nobody's number. */
WASM_RUNTIME_API_EXTERN bool wasm_externref_ref2obj(uint32_t externref_idx, void **p_extern_obj);
/* Is it somebody's number? Numbers last anyway. */
WASM_RUNTIME_API_EXTERN bool wasm_externref_retain(uint32_t externref_idx);

/* --- call stacks ------------------------------------------------------------------------------ */

/* Prints "#00: 0x0159 - name" per frame, innermost first, to the standard output stream: calls in
 * progress or, after a trap, where it happened. The number is the instruction's offset in the
 * module. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_dump_call_stack(wasm_exec_env_t exec_env);
/* Bytes the next one needs, with the NUL. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_get_call_stack_buf_size(wasm_exec_env_t exec_env);
/* Writes it to buf, cut to len bytes with the NUL; returns the bytes written, with the NUL. */
WASM_RUNTIME_API_EXTERN uint32_t wasm_runtime_dump_call_stack_to_buf(wasm_exec_env_t exec_env,
                                                                     char *buf, uint32_t len);

/* Not available: 0. */
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_get_pgo_prof_data_size(wasm_module_inst_t module_inst);
WASM_RUNTIME_API_EXTERN uint32_t
wasm_runtime_dump_pgo_prof_data_to_buf(wasm_module_inst_t module_inst, char *buf, uint32_t len);

/* --- more about modules ----------------------------------------------------------------------- */

/* The first custom section of that name, *len bytes (len may not be NULL); NULL if there is
 * none. */
WASM_RUNTIME_API_EXTERN const uint8_t *wasm_runtime_get_custom_section(
    const wasm_module_t module_comm, const char *name, uint32_t *len);

/* The version of the API that is implemented: 2, 4, 3. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_get_version(uint32_t *major, uint32_t *minor,
                                                      uint32_t *patch);

/* Is there a registered native, or a function of WASI, of that name? */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_import_func_linked(const char *module_name,
                                                                const char *func_name);
/* True for global.NaN and global.Infinity. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_import_global_linked(const char *module_name,
                                                                  const char *global_name);

/* Grows memory 0. 0 pages is true. False, and nothing changes, past the maximum or without memory;
 * then the callback below is told. No exception. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_enlarge_memory(wasm_module_inst_t module_inst,
                                                         uint64_t inc_page_count);

typedef enum {
    INTERNAL_ERROR,
    MAX_SIZE_REACHED,
} enlarge_memory_error_reason_t;

/* current_memory_size is in bytes; memory_index is 0 where the host grows; exec_env is the one running, or NULL. */
typedef void (*enlarge_memory_error_callback_t)(uint32_t inc_page_count,
                                                uint64_t current_memory_size, uint32_t memory_index,
                                                enlarge_memory_error_reason_t failure_reason,
                                                wasm_module_inst_t instance,
                                                wasm_exec_env_t exec_env, void *user_data);

/* One for the whole library; NULL for none. Told when wasm_runtime_enlarge_memory() fails, and when a guest's own
 * memory.grow does. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_enlarge_mem_error_callback(
    const enlarge_memory_error_callback_t callback, void *user_data);

/* --- contexts: a host library's own pointer per instance -------------------------------------- */

/* One of eight keys; NULL if they are used up. dtor runs for every key when an instance ends, also
 * with a NULL ctx. */
WASM_RUNTIME_API_EXTERN void *wasm_runtime_create_context_key(void (*dtor)(wasm_module_inst_t inst,
                                                                           void *ctx));
WASM_RUNTIME_API_EXTERN void wasm_runtime_destroy_context_key(void *key);
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_context(wasm_module_inst_t inst, void *key,
                                                      void *ctx);
/* The same for all threads of the instance. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_set_context_spread(wasm_module_inst_t inst, void *key,
                                                             void *ctx);
WASM_RUNTIME_API_EXTERN void *wasm_runtime_get_context(wasm_module_inst_t inst, void *key);

/* Around a host function's blocking call. False if the guest is to stop: then do not block. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_begin_blocking_op(wasm_exec_env_t exec_env);
/* errno is preserved. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_end_blocking_op(wasm_exec_env_t exec_env);

/* The name is copied. False for NULL or without memory. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_set_module_name(wasm_module_t module, const char *name,
                                                          char *error_buf, uint32_t error_buf_size);
/* "" for NULL or if it has none. */
WASM_RUNTIME_API_EXTERN const char *wasm_runtime_get_module_name(wasm_module_t module);

/* Is there native stack left? If not: false and the exception "native stack overflow". */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_detect_native_stack_overflow(wasm_exec_env_t exec_env);
/* ... for required_size more bytes. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_detect_native_stack_overflow_size(
    wasm_exec_env_t exec_env, uint32_t required_size);

/* May the buffer given to load be freed? Tern: always true. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_is_underlying_binary_freeable(const wasm_module_t module);

/* --- heaps shared by instances ---------------------------------------------------------------- */

/* Memory that the instances it is attached to see at the top of their 32-bit address space, at no cost for other
 * accesses. Calls come while no guest runs in the instances concerned, but for malloc and free; those and
 * creating are thread-safe.
 *
 * size is from 256 bytes to 1 GiB, and rounded up to pages. With pre_allocated_addr it is that memory of the
 * host's, of whole pages, in which nothing is allocated; private pages become shared ones with the same contents.
 * It stays the host's, and may be freed once the library has stopped. NULL: not to be had. Lives until
 * wasm_runtime_destroy(). */
WASM_RUNTIME_API_EXTERN wasm_shared_heap_t
wasm_runtime_create_shared_heap(SharedHeapInitArgs *init_args);
/* Puts head below body, which may lead a chain; returns head. NULL unless both are detached and in no other
 * chain, fit the address space, and have no more than one among them that is not pre-allocated. */
WASM_RUNTIME_API_EXTERN wasm_shared_heap_t wasm_runtime_chain_shared_heaps(wasm_shared_heap_t head,
                                                                           wasm_shared_heap_t body);
/* Takes head, or every heap, out of its chain, and returns the next, or the last. NULL if head leads no chain or
 * is attached. */
WASM_RUNTIME_API_EXTERN wasm_shared_heap_t
wasm_runtime_unchain_shared_heaps(wasm_shared_heap_t head, bool entire_chain);
/* Frees all blocks and clears everything from that heap on. False if one is attached. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_reset_shared_heap_chain(wasm_shared_heap_t shared_heap);
/* Shows the chain to the instance. False if it has one already, its memory is 64-bit or reaches so far, or accesses
 * are checked in software. Memory does not grow into it. */
WASM_RUNTIME_API_EXTERN bool wasm_runtime_attach_shared_heap(wasm_module_inst_t module_inst,
                                                             wasm_shared_heap_t shared_heap);
/* By the instance that it was attached to; an instance that ends does so. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_detach_shared_heap(wasm_module_inst_t module_inst);
/* Guests may do the same by importing env.shared_heap_malloc (i32) -> i32 and env.shared_heap_free (i32).
 *
 * A block in the heap of the chain that is not pre-allocated: its address for guests, and the host's in
 * *p_native_addr, unless that is NULL. 0 (and NULL) if there is no room, or no heap. */
WASM_RUNTIME_API_EXTERN uint64_t wasm_runtime_shared_heap_malloc(wasm_module_inst_t module_inst,
                                                                 uint64_t size,
                                                                 void **p_native_addr);
/* Anything but the address of a block changes nothing and is logged. */
WASM_RUNTIME_API_EXTERN void wasm_runtime_shared_heap_free(wasm_module_inst_t module_inst,
                                                           uint64_t ptr);

#ifdef __cplusplus
}
#endif

#endif
