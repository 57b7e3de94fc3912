/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern.h - Tern's own embedding API: what wasm_export.h does not have. Engines without globals, modules one
 * can look into, WASI set up per instance, exact trap details, and stopping a guest from another thread.
 *
 *     tern_error error;
 *     tern_engine *engine = tern_engine_create();
 *     tern_module *module = tern_module_load(engine, bytes, size, &error);
 *     tern_config config = TERN_CONFIG_DEFAULT;
 *     config.argv = (const char *const[]){"hello"}; config.argc = 1;
 *     tern_instance *instance = tern_instance_create(module, &config, &error);
 *     if (tern_instance_run(instance, &error) == TERN_TRAPPED) ... tern_instance_trap(instance, &trap) ...
 *     tern_instance_destroy(instance); tern_module_unload(module); tern_engine_destroy(engine);
 *
 * Ownership: an engine outlives its modules, a module may be unloaded while instances of it live. Strings
 * that are returned live as long as the object they were asked of. All _destroy and _unload take NULL.
 *
 * Threads: an engine may be used from any number of threads, and so may a loaded module. An instance is
 * used by one thread at a time; only tern_instance_interrupt may be called from others.
 *
 * Errors: whoever fails fills the caller's tern_error, which may be NULL; so does a call that trapped or exited.
 * Nothing here prints, exits or reads the environment. */
#ifndef TERN_H
#define TERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TERN_API
#if defined(__GNUC__)
#define TERN_API __attribute__((visibility("default")))
#else
#define TERN_API
#endif
#endif

typedef struct tern_engine tern_engine;
typedef struct tern_module tern_module;
typedef struct tern_store tern_store;
typedef struct tern_linker tern_linker;
typedef struct tern_instance tern_instance;
typedef struct tern_memory tern_memory;
typedef struct tern_table tern_table;
typedef struct tern_global tern_global;
typedef struct tern_ref tern_ref;
typedef struct tern_snapshot tern_snapshot;
typedef struct tern_vdir tern_vdir;

#define TERN_UNLIMITED UINT64_MAX

/* Of this header. */
#define TERN_VERSION "0.1.0"
/* "1.2.3", of the library; static. */
TERN_API const char *tern_version(void);

typedef enum tern_error_kind {
    TERN_ERROR_NONE,
    TERN_ERROR_MALFORMED, /* not a WebAssembly module: these bytes cannot be decoded */
    TERN_ERROR_INVALID,   /* a module that breaks the rules of the specification */
    TERN_ERROR_LINK,      /* an import is missing or of another type, or a segment does not fit */
    TERN_ERROR_RESOURCE,  /* no memory, or a limit */
    TERN_ERROR_USAGE,     /* the call itself: no such export, wrong arguments */
    TERN_ERROR_TRAP,      /* with TERN_TRAPPED: tern_instance_trap has the details */
    TERN_ERROR_EXIT,      /* with TERN_EXITED: tern_instance_exit_code */
    TERN_ERROR_FILE       /* a file cannot be read */
} tern_error_kind;

typedef struct tern_error {
    tern_error_kind kind;
    char text[512]; /* one line for people, with the place in the module where there is one */
} tern_error;

/* --- engines and modules ---------------------------------------------------------------------------- */

/* Where an engine's memory comes from. realloc gets the old size back: p NULL and old 0 to allocate, new 0 to free;
 * blocks are aligned to 16 bytes, and what it gives need not be cleared. Called from any thread that uses the engine.
 * It must not call the library with that engine or what belongs to it.
 * NULL for no memory: whatever was asked for fails cleanly. Guests' large memories, tables and stacks come from the
 * system's pages where there are such. */
typedef struct tern_allocator {
    void *(*realloc)(void *user, void *p, size_t old_size, size_t new_size);
    void *user;
} tern_allocator;

/* Most there may be of each. 0: the default, which is also the most that can be set. A module with more of something is
 * refused, with an error of kind RESOURCE, before memory is taken for it; so is an instance too many. What an instance
 * takes while it runs is bounded by tern_config. */
typedef struct tern_limits {
    uint32_t module_bytes; /* 4 GiB */
    uint32_t types;        /* 1,048,575, which all modules of an engine share */
    uint32_t functions, globals, tags, imports, exports; /* these: as many as the module has bytes for */
    uint32_t elem_segments, data_segments, custom_sections; /* these too */
    uint32_t tables;       /* 100,000 */
    uint32_t memories;     /* 100 */
    uint32_t body_bytes;   /* of a function: the module's */
    uint32_t locals;       /* of a function, parameters included: 50,000 */
    uint32_t nesting;      /* of blocks: as many as the body has bytes for */
    uint32_t instances;    /* that there are at once, threads' own included: 1,048,576 */
    uint32_t stacks;       /* likewise. A store has one, and so has each thread that its guests start: 1,048,576 */
} tern_limits;

typedef struct tern_engine_options {
    size_t struct_size;          /* sizeof(tern_engine_options) */
    tern_allocator allocator;    /* realloc NULL: the C library's */
    bool checks_explicitly;      /* compare every address instead of relying on guard pages: no signal handler,
                                  * no address space reserved, about 1 % slower; memory may move when it grows */
    tern_limits limits;
    uint32_t validation_threads; /* that validate a module with more than 512 KiB of code, the one that loads it included;
                                  * at most 16, and they use the allocator. 0: 1 */
} tern_engine_options;

#define TERN_ENGINE_OPTIONS_DEFAULT \
    { sizeof(tern_engine_options), {NULL, NULL}, false, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0 }

/* NULL if there is no memory. */
TERN_API tern_engine *tern_engine_create(void);
/* options NULL: as tern_engine_create. NULL and an error. */
TERN_API tern_engine *tern_engine_create_with(const tern_engine_options *options, tern_error *error);
/* Every module and instance must be gone. */
TERN_API void tern_engine_destroy(tern_engine *engine);

/* Decodes and validates. bytes are copied. NULL and an error of kind MALFORMED, INVALID or RESOURCE. An engine that is
 * NULL is one there was no memory for. */
TERN_API tern_module *tern_module_load(tern_engine *engine, const void *bytes, size_t size_bytes,
                                       tern_error *error);
/* The same of a file, which is read into the module's own memory: nothing is copied. FILE if it cannot be read. */
TERN_API tern_module *tern_module_load_file(tern_engine *engine, const char *path, tern_error *error);
TERN_API void tern_module_unload(tern_module *module);

/* --- looking into a module -------------------------------------------------------------------------- */

typedef enum tern_kind { TERN_FUNC, TERN_TABLE, TERN_MEMORY, TERN_GLOBAL, TERN_TAG } tern_kind;

/* UTF-8, not NUL-terminated; may hold any characters. */
typedef struct tern_name {
    const char *bytes;
    size_t size;
} tern_name;

typedef struct tern_counts {
    uint32_t imports, exports, types;
    uint32_t funcs, tables, memories, globals, tags; /* imported ones included */
    uint32_t imported_funcs, imported_tables, imported_memories, imported_globals, imported_tags;
    uint32_t elem_segments, data_segments;
    bool has_start;
} tern_counts;

typedef struct tern_item {
    tern_kind kind;
    uint32_t index;   /* in the index space of its kind */
    tern_name module; /* imports only */
    tern_name name;
} tern_item;

typedef struct tern_section {
    uint8_t id;         /* 0: custom */
    const char *title;  /* "type", "code", ...; static */
    tern_name name;     /* custom sections only */
    uint64_t offset;    /* of the contents in the module */
    uint64_t size_bytes; /* of the contents, a custom section's name included */
} tern_section;

TERN_API void tern_module_counts(const tern_module *module, tern_counts *out);
/* False past the end. */
TERN_API bool tern_module_import(const tern_module *module, uint32_t i, tern_item *out);
TERN_API bool tern_module_export(const tern_module *module, uint32_t i, tern_item *out);
/* Walks the sections in order: *position starts at 0 and is moved. False after the last. */
TERN_API bool tern_module_next_section(const tern_module *module, uint64_t *position, tern_section *out);

/* These write text like snprintf: NUL-terminated when size > 0, and the length of the whole text is
 * returned. A type reads as in the text format: "(param i32 i64) (result f32)", "1 16" for a memory of 1 to
 * 16 pages, "10 funcref", "(mut i64)". */
TERN_API size_t tern_module_type_text(const tern_module *module, tern_kind kind, uint32_t index, char *buf,
                                      size_t size);
/* The proposals a module uses, by name, separated by spaces. */
TERN_API size_t tern_module_features_text(const tern_module *module, char *buf, size_t size);
/* The code the interpreter makes of a function, a line for each instruction, to see what becomes of a loop; nothing
 * in it stays the same from version to version. Imported functions have none. */
TERN_API size_t tern_module_code_text(const tern_module *module, uint32_t func_index, char *buf, size_t size);

typedef enum tern_valkind { TERN_I32, TERN_I64, TERN_F32, TERN_F64, TERN_V128, TERN_REF } tern_valkind;

/* The function exported under a NUL-terminated name; false if there is none. */
TERN_API bool tern_module_find_func(const tern_module *module, const char *name, uint32_t *func_index);
TERN_API uint32_t tern_module_nparams(const tern_module *module, uint32_t func_index);
TERN_API uint32_t tern_module_nresults(const tern_module *module, uint32_t func_index);
/* i must be in range. */
TERN_API tern_valkind tern_module_param(const tern_module *module, uint32_t func_index, uint32_t i);
TERN_API tern_valkind tern_module_result(const tern_module *module, uint32_t func_index, uint32_t i);

/* --- values, references ------------------------------------------------------------------------------ */

/* A value. Its bits are the guest's; a reference is a handle. */
typedef struct tern_value {
    tern_valkind kind;
    union {
        uint32_t i32;
        uint64_t i64;
        float f32;
        double f64;
        uint8_t v128[16]; /* lane 0 first */
        tern_ref *ref;    /* NULL is null */
    } of;
} tern_value;

static inline tern_value tern_i32(uint32_t number)
{
    tern_value value;
    value.kind = TERN_I32;
    value.of.i32 = number;
    return value;
}
static inline tern_value tern_i64(uint64_t number)
{
    tern_value value;
    value.kind = TERN_I64;
    value.of.i64 = number;
    return value;
}
static inline tern_value tern_f32(float number)
{
    tern_value value;
    value.kind = TERN_F32;
    value.of.f32 = number;
    return value;
}
static inline tern_value tern_f64(double number)
{
    tern_value value;
    value.kind = TERN_F64;
    value.of.f64 = number;
    return value;
}
static inline tern_value tern_ref_value(tern_ref *ref) /* NULL: null */
{
    tern_value value;
    value.kind = TERN_REF;
    value.of.ref = ref;
    return value;
}

typedef enum tern_refkind {
    TERN_REF_FUNC,   /* a function of a guest or of the host: tern_ref_call */
    TERN_REF_HOST,   /* a pointer of the host's: tern_ref_host */
    TERN_REF_I31, TERN_REF_STRUCT, TERN_REF_ARRAY, TERN_REF_EXN
} tern_refkind;

/* A tern_ref keeps what it refers to alive until it is released, or until its store goes, which must come last.
 * Whoever is given one by a result, a getter or a _create function owns it; arguments of a host function are
 * borrowed for the call, and releasing them does nothing; what is passed to tern_instance_call stays the host's; what
 * a host function puts into its results is taken, so it gives a tern_ref_copy of what it keeps. Equal references may
 * have different handles: tern_ref_equal. */
TERN_API void tern_ref_release(tern_ref *ref); /* NULL is allowed */
TERN_API tern_ref *tern_ref_copy(const tern_ref *ref);
TERN_API bool tern_ref_equal(const tern_ref *a, const tern_ref *b);
TERN_API tern_refkind tern_ref_kind(const tern_ref *ref);
/* An externref for a pointer of the host's, which is never followed. finalize, if not NULL, is called once neither a
 * guest nor a tern_ref can reach it any more, at the latest when the store goes; it may not use the store. NULL: no
 * memory. */
TERN_API tern_ref *tern_ref_from_host(tern_store *store, void *pointer, void (*finalize)(void *pointer));
/* The pointer; NULL if it is another kind. */
TERN_API void *tern_ref_host(const tern_ref *ref);

/* --- stores ------------------------------------------------------------------------------------------ */

/* What may refer to each other lives in one store and goes with it: instances that import from each other, and the
 * memories, tables, globals and references that hosts give them. A store is used by one thread at a time. An
 * instance that is given none has one of its own. user is the host's, for tern_store_user. NULL: no memory. */
TERN_API tern_store *tern_store_create(tern_engine *engine, void *user);
/* Instances in it may be destroyed before or after; what they hold is freed with the last of them. */
TERN_API void tern_store_destroy(tern_store *store);
TERN_API void *tern_store_user(const tern_store *store);

/* A host function. The arguments and room for the results, which are null or zero, are in the order of its type,
 * kinds filled in. caller's memory is tern_instance_memory(caller, NULL); caller is NULL if the host itself called
 * the function where no guest runs. It may call the guest again. False traps in the guest: return
 * tern_instance_fail(caller, "why"); after a call that trapped or exited, it passes that on, as it does an exception
 * that the guest did not catch. On a thread that the guest started, caller and what is asked of it, references
 * included, are good until the function returns; instances, functions and definitions cannot be made of them. */
typedef bool tern_host_func(tern_instance *caller, void *user, const tern_value *args, tern_value *results);

/* Types are written as in the text format, and as tern_module_type_text gives them: "(param i32 i64) (result f32)",
 * "1 16", "i64 1 16 shared", "10 100 funcref", "i32", "(mut externref)". Concrete types ("(ref 3)") are a
 * module's, and not the host's to write. NULL and an error of kind USAGE with the place in the text, or RESOURCE. */
TERN_API tern_ref *tern_func_create(tern_store *store, const char *type, tern_host_func *func, void *user,
                                    tern_error *error);
TERN_API tern_memory *tern_memory_create(tern_store *store, const char *type, tern_error *error);
TERN_API tern_table *tern_table_create(tern_store *store, const char *type, const tern_ref *init, tern_error *error);
TERN_API tern_global *tern_global_create(tern_store *store, const char *type, const tern_value *init,
                                         tern_error *error);

/* --- memories, tables, globals: of the host or of an instance; they live as long as the store --------- */

/* Addresses and sizes are in bytes, and checked: nothing outside is ever touched. Where there is none, NULL, there is
 * nothing in it: the size is 0, and everything else is refused. */
TERN_API uint64_t tern_memory_size(const tern_memory *memory);
/* False if any of it lies outside; then nothing was copied. */
TERN_API bool tern_memory_read(const tern_memory *memory, uint64_t address, void *to, size_t size);
TERN_API bool tern_memory_write(tern_memory *memory, uint64_t address, const void *from, size_t size);
/* [address, + size) as a pointer, NULL if any of it lies outside. Good until the guest runs or the memory grows;
 * for 32-bit memories on 64-bit hosts, unless the engine checks explicitly, as long as the memory. */
TERN_API void *tern_memory_slice(tern_memory *memory, uint64_t address, uint64_t size);
/* The NUL-terminated string at address; NULL if its end is not within max_size bytes and the memory. Its length
 * without the NUL in *length, unless that is NULL. As long-lived as a slice. */
TERN_API const char *tern_memory_cstr(tern_memory *memory, uint64_t address, uint64_t max_size, uint64_t *length);
/* By pages of the memory's size; the old size in pages, or UINT64_MAX if refused, in which case nothing changed. */
TERN_API uint64_t tern_memory_grow(tern_memory *memory, uint64_t pages);

TERN_API uint64_t tern_table_size(const tern_table *table);
/* False: outside, no memory or, in set, of another type or store. *out is NULL for null, else the caller's. */
TERN_API bool tern_table_get(tern_table *table, uint64_t index, tern_ref **out);
TERN_API bool tern_table_set(tern_table *table, uint64_t index, const tern_ref *ref);
/* The old size, or UINT64_MAX if refused. */
TERN_API uint64_t tern_table_grow(tern_table *table, uint64_t delta, const tern_ref *init);

TERN_API bool tern_global_get(tern_global *global, tern_value *out); /* false: no memory for a reference */
TERN_API bool tern_global_set(tern_global *global, const tern_value *value); /* false: immutable, or another type */

/* --- linking ----------------------------------------------------------------------------------------- */

/* What instances are given for their imports, by two names. Definitions of functions serve any number of instances
 * in any stores of the engine; the rest belongs to its store. WASI needs none: it is always there, behind what the
 * linker defines. Used by one thread at a time while definitions are added, then by any number. NULL: no memory. */
TERN_API tern_linker *tern_linker_create(tern_engine *engine);
TERN_API void tern_linker_destroy(tern_linker *linker); /* instances made with it do not mind */

/* A thing that is imported or exported. Its handle is as long-lived as the store; of.func as any tern_ref. */
typedef struct tern_extern {
    tern_kind kind;
    union {
        tern_ref *func;
        tern_memory *memory;
        tern_table *table;
        tern_global *global;
    } of;
} tern_extern;

/* Later definitions of the same names replace earlier ones. Names and types are copied. False and an error. */
TERN_API bool tern_linker_define_func(tern_linker *linker, const char *module, const char *name, const char *type,
                                      tern_host_func *func, void *user, tern_error *error);
TERN_API bool tern_linker_define(tern_linker *linker, const char *module, const char *name,
                                 const tern_extern *what, tern_error *error);
/* Everything the instance exports, under module and its own names. */
TERN_API bool tern_linker_define_instance(tern_linker *linker, const char *module, tern_instance *instance,
                                          tern_error *error);
/* Every import of the module that neither the linker (which may be NULL) nor WASI provides, a line each with kind,
 * names and type, and why when one is there but does not fit; each line ends in a newline. Like snprintf; 0: nothing is
 * missing. */
TERN_API size_t tern_linker_missing(const tern_linker *linker, const tern_module *module, char *buf, size_t size);

/* --- instances -------------------------------------------------------------------------------------- */

typedef enum tern_missing {
    TERN_MISSING_REFUSE, /* an import nobody provides fails tern_instance_create */
    TERN_MISSING_TRAP    /* ... if it is a function, calling it traps instead */
} tern_missing;

/* A directory of this machine, and what the guest calls it. */
typedef struct tern_dir {
    const char *host, *guest;
    bool is_read_only;
    tern_vdir *vdir; /* instead of host: a directory in memory */
} tern_dir;

/* A standard stream made of the host's functions, called on the guest's thread. They return the number of bytes
 * taken or given, 0 from read at the end, or -1 for an input/output error; other negative numbers are preview 1's error
 * numbers negated, of which -6 (EAGAIN) makes the guest wait and ask again every millisecond. Either may be NULL. */
typedef struct tern_stream {
    int64_t (*read)(void *user, void *to, size_t size);
    int64_t (*write)(void *user, const void *from, size_t size);
    void *user;
} tern_stream;

/* Read during tern_instance_create only; everything is copied, unless it says otherwise. Start from
 * TERN_CONFIG_DEFAULT. */
typedef struct tern_config {
    size_t struct_size;      /* sizeof(tern_config), so that later versions can tell */
    const char *const *argv; /* the guest's arguments, argv[0] included */
    uint32_t argc;
    const char *const *env;  /* "K=V"; nothing of the process's environment is passed on its own */
    uint32_t nenv;
    int64_t stdio[3];        /* host descriptors for the guest's 0, 1, 2; -1: the process's own. Borrowed */
    size_t stack_bytes;      /* for the guest's calls; 0: 1 MiB */
    tern_missing missing;
    const tern_dir *dirs;    /* all that the guest sees of the file system; paths cannot leave them */
    uint32_t ndirs;
    const tern_stream *streams[3]; /* instead of stdio, where not NULL */
    tern_linker *linker;     /* what to link besides WASI; NULL: nothing */
    tern_store *store;       /* NULL: one of its own. Borrowed, and then stack_bytes is the store's first user's */
    void *user;              /* tern_instance_user */
    uint64_t max_memory_bytes;  /* of all memories of its own, those of its threads included: growing past it fails;
                                 * 0: as the module says */
    uint64_t max_table_elems;   /* of each table of its own; 0: ten million */
    uint64_t max_gc_bytes;      /* of a store of its own; 0: the default */
    uint64_t guest_heap_bytes;  /* for tern_instance_malloc in guests that export no allocator; 0: none */
    uint32_t max_threads;       /* that the guest may start (wasi-threads) besides its first; 0: 4 */
    const int64_t *listeners; /* listening sockets (host descriptors) that the guest may accept connections from: its
                               * own descriptors behind those of dirs. Borrowed, and open as long as the instance */
    uint32_t nlisteners;
    const char *const *networks; /* "ADDRESS/BITS": what sockets of the guest's own may bind to and talk to */
    uint32_t nnetworks;
    const char *const *hosts; /* names that the guest may look up; "*.example.org": all below it, "*": any */
    uint32_t nhosts;
    uint32_t max_descriptors; /* files, directories and sockets open at once, the first three included; 0: 512 */
} tern_config;

#define TERN_CONFIG_DEFAULT \
    { sizeof(tern_config), NULL, 0, NULL, 0, {-1, -1, -1}, 0, TERN_MISSING_REFUSE, NULL, 0, {NULL, NULL, NULL}, \
      NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, 0, NULL, 0, NULL, 0, 0 }

/* Links and instantiates with WASI preview 1, and runs nothing yet: the start function runs with the first
 * call, so that it can be interrupted too. config NULL: the default. NULL and an error of kind LINK, which names
 * every import that is missing, or RESOURCE on failure. NULL for a module that is NULL, which leaves the error that
 * loading it gave. */
TERN_API tern_instance *tern_instance_create(tern_module *module, const tern_config *config,
                                             tern_error *error);
/* Must not run any more. What others of its store still refer to stays. */
TERN_API void tern_instance_destroy(tern_instance *instance);
TERN_API void *tern_instance_user(const tern_instance *instance);
TERN_API tern_store *tern_instance_store(tern_instance *instance);
TERN_API tern_module *tern_instance_module(tern_instance *instance); /* which may have been unloaded: NULL then */

/* False if nothing is exported under that name, it is a tag, or there is no memory. */
TERN_API bool tern_instance_export(tern_instance *instance, const char *name, tern_extern *out);
/* The memory exported under name, or memory 0 for NULL; NULL if there is none. */
TERN_API tern_memory *tern_instance_memory(tern_instance *instance, const char *name);
TERN_API tern_table *tern_instance_table(tern_instance *instance, const char *name); /* NULL: table 0 */

typedef enum tern_status {
    TERN_OK,      /* returned */
    TERN_EXITED,  /* the guest called proc_exit: tern_instance_exit_code */
    TERN_TRAPPED, /* tern_instance_trap */
    TERN_ERROR    /* did not run: the error says why */
} tern_status;

/* Runs what has to come first, once: the start function and, in a module without _start, _initialize. The
 * calls below do so themselves. */
TERN_API tern_status tern_instance_prepare(tern_instance *instance, tern_error *error);

/* Calls _start, as a command's main program. */
TERN_API tern_status tern_instance_run(tern_instance *instance, tern_error *error);

/* Calls the function exported as name. nargs, the args' kinds and nresults must be the function's; references must
 * be of the parameter's type and the instance's store. On TERN_OK results are filled, kinds included. */
TERN_API tern_status tern_instance_call(tern_instance *instance, const char *name, const tern_value *args,
                                        uint32_t nargs, tern_value *results, uint32_t nresults,
                                        tern_error *error);

/* Calls a function by reference: an export, an element of a table, a host's own, or one that a guest handed over to
 * be called back. It runs on the stack of its store, with its limits. */
TERN_API tern_status tern_ref_call(tern_ref *func, const tern_value *args, uint32_t nargs, tern_value *results,
                                   uint32_t nresults, tern_error *error);
/* Its type as text, as tern_module_type_text; 0 if it is no function. */
TERN_API size_t tern_ref_type_text(const tern_ref *func, char *buf, size_t size);

/* --- bytes in, bytes out ------------------------------------------------------------------------------ */

/* Takes size bytes of the guest's memory 0 from the guest's own allocator, the first that it exports of malloc and
 * free, AssemblyScript's __new, __pin and __unpin, __wbindgen_malloc and __wbindgen_free, and cabi_realloc, or from
 * the host-managed heap (guest_heap_bytes). cabi_realloc takes nothing back: such blocks are kept for later requests.
 * 0 and an error if there is none of these, it has no room, it traps, or what it returned lies outside the memory. */
TERN_API uint64_t tern_instance_malloc(tern_instance *instance, uint64_t size, tern_error *error);
/* By the same allocator. 0 is allowed. False: it trapped, or the host-managed heap knows no such block. */
TERN_API bool tern_instance_free(tern_instance *instance, uint64_t address, tern_error *error);

/* Calls an exported function with bytes and takes the bytes that it returns. The function has one of the types
 *     (param ptr len) (result i64)      the result's address in the upper 32 bits, its length in the lower
 *     (param ptr len) (result ptr len)
 *     (param ret ptr len)               address and length are stored at ret
 * with i32 or, for 64-bit memories, i64 for ptr and len (the first is for 32-bit memories only). The input is
 * allocated by tern_instance_malloc and freed afterwards; the function may keep nothing of it. The result is copied
 * and then freed with the guest's allocator, unless its length is 0 or it lies within the input. *out is the
 * caller's, with a NUL behind the bytes, to be freed with tern_bytes_free. */
TERN_API tern_status tern_instance_call_bytes(tern_instance *instance, const char *name, const void *in,
                                              size_t in_size, void **out, size_t *out_size, tern_error *error);
TERN_API void tern_bytes_free(tern_instance *instance, void *bytes); /* NULL is allowed */

/* --- back to an earlier state ------------------------------------------------------------------------- */

/* Puts the instance back as tern_instance_create left it, for the price of the memory it has touched: memories,
 * globals, tables and segments that the module defines are as new, and the start function runs again with the next
 * call. What WASI holds (open files, the arguments) and what hosts provide stay as they are. The instance must
 * not be running; function indices, names and memory addresses that the host knows stay good. False: the error,
 * of kind USAGE if it is running or defines a shared memory, which changes nothing, or RESOURCE, after which it
 * may only be reset again or destroyed. */
TERN_API bool tern_instance_reset(tern_instance *instance, tern_error *error);

/* The state of the instance now: its own memories, globals, tables and segments, for tern_instance_restore of this
 * instance, any number of times. Not while it runs, and not with a shared memory of its own. Taking it costs what
 * the memory holds; restoring costs the pages touched since, where the host can map copies, else a copy. NULL and an
 * error. Restoring fails as tern_instance_reset does. */
TERN_API tern_snapshot *tern_instance_snapshot(tern_instance *instance, tern_error *error);
TERN_API bool tern_instance_restore(tern_instance *instance, const tern_snapshot *snapshot, tern_error *error);
/* Before its instance is destroyed. */
TERN_API void tern_snapshot_destroy(tern_snapshot *snapshot);

/* What the guest passed to proc_exit last; if it never did, what another instance of its store did; else 0. */
TERN_API uint32_t tern_instance_exit_code(const tern_instance *instance);

/* --- stopping a guest -------------------------------------------------------------------------------- */

typedef enum tern_stop { TERN_STOP_INTERRUPTED, TERN_STOP_DEADLINE } tern_stop;

/* From any thread, or a signal handler: the guest traps at its next loop iteration or call, or wakes from a
 * blocking WASI call within 10 ms; if nothing runs, the next call traps. Stays in force until
 * tern_instance_resume, after which the instance works as before. Like timeouts and fuel, it concerns all instances of
 * the store. Threads that the guest started stop with the call that is stopped; those that outlived the call that
 * started them stop with the next one, or when the instance is destroyed. */
TERN_API void tern_instance_interrupt(tern_instance *instance, tern_stop why);
TERN_API void tern_instance_resume(tern_instance *instance);

/* Every outermost call from now on may take that long (wall-clock, to about a millisecond), or traps with DEADLINE;
 * the next one may take as long again, without tern_instance_resume. TERN_UNLIMITED: no limit. A thread of the
 * engine's watches. False and an error where the host has no threads, or no memory: a timer of the host's and
 * tern_instance_interrupt do the same. */
TERN_API bool tern_instance_set_timeout(tern_instance *instance, uint64_t nanoseconds, tern_error *error);

/* What the guest may still execute: a unit is a WebAssembly instruction (docs/embedding.md says what bulk operations
 * cost), counted exactly and the same on every host. At zero it traps with OUT_OF_FUEL, and runs again after more
 * was given. TERN_UNLIMITED, as at first, counts nothing and costs nothing. Fuel is the store's. From a host function
 * too, where what called it finishes uncounted if it had no limit. A guest with a limit starts no threads; those that
 * it had started before are not counted. False: no memory. */
TERN_API bool tern_instance_set_fuel(tern_instance *instance, uint64_t units);
TERN_API uint64_t tern_instance_fuel(const tern_instance *instance);

/* --- traps ------------------------------------------------------------------------------------------ */

/* For host functions: sets the text of the trap (copied, cut at 120 bytes) and returns false. */
TERN_API bool tern_instance_fail(tern_instance *caller, const char *text);

typedef struct tern_trap {
    const char *code; /* a stable name: "MEMORY_BOUNDS", "DEADLINE"; static */
    const char *text; /* the specification's wording, or the host's own words */
    bool has_address; /* a memory access: the next three hold */
    uint64_t address, access_bytes; /* guest address, and how much was touched there */
    uint64_t memory_bytes;          /* size of the memory */
    uint32_t nframes;     /* recorded, innermost first */
    uint32_t nframes_all; /* depth of the stack */
} tern_trap;

typedef struct tern_frame {
    uint32_t func_index;
    uint64_t offset; /* of the instruction in the module's bytes; 0 if unknown */
    tern_name name;  /* of the function; size 0 if it has none */
} tern_frame;

/* The last trap; false if there was none. */
TERN_API bool tern_instance_trap(const tern_instance *instance, tern_trap *out);
TERN_API bool tern_instance_trap_frame(const tern_instance *instance, uint32_t i, tern_frame *out);

/* A place in the source, by the debugging information (DWARF) that the module carries. Unless file is absolute it
 * lies in dir, and unless that is absolute it lies in comp_dir; size 0 is unknown. The name is the linker's, mangled
 * where the language does that. */
typedef struct tern_source {
    tern_name func, file, dir, comp_dir;
    uint32_t line, column; /* from 1; 0: unknown */
    bool is_inlined;       /* into the next one */
} tern_source;

/* The place of the instruction at offset in the module's bytes, behind it those that it was inlined into, the
 * function that really is there last. At most max are written; returns how many there are, at most 32, and 0 if the
 * module does not say. What it says is not checked by anybody, but nothing in it can do harm. */
TERN_API uint32_t tern_module_source(const tern_module *module, uint64_t offset, tern_source *out, uint32_t max);
/* Of a frame of the last trap, whichever module it is in. */
TERN_API uint32_t tern_instance_trap_source(const tern_instance *instance, uint32_t i, tern_source *out, uint32_t max);

/* --- directories in memory ---------------------------------------------------------------------------- */

/* A directory tree that a guest sees through tern_dir.vdir and that never touches the host's file system. Paths are
 * relative, with '/', and directories on the way are made. max_bytes bounds what files hold, with their names and
 * some 200 bytes for each, in all; guests get ENOSPC. It may be given to several instances and threads, and read while
 * they run; destroy it after them. */
TERN_API tern_vdir *tern_vdir_create(tern_engine *engine, uint64_t max_bytes);
TERN_API void tern_vdir_destroy(tern_vdir *vdir);
/* Makes or replaces a file; bytes are copied. False and an error of kind USAGE (a directory is in the way, a path
 * that leaves) or RESOURCE. */
TERN_API bool tern_vdir_put(tern_vdir *vdir, const char *path, const void *bytes, size_t size, tern_error *error);
/* A copy, to be freed with tern_vdir_free_bytes; false if there is no such file, or no memory. */
TERN_API bool tern_vdir_get(tern_vdir *vdir, const char *path, void **bytes, size_t *size);
TERN_API void tern_vdir_free_bytes(tern_vdir *vdir, void *bytes);

#ifdef __cplusplus
}
#endif
#endif
