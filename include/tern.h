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
 * Errors: whoever fails fills the caller's tern_error, which may be NULL. Nothing here prints, exits or
 * reads the environment. */
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
typedef struct tern_instance tern_instance;

/* "1.2.3"; static. */
TERN_API const char *tern_version(void);

typedef enum tern_error_kind {
    TERN_ERROR_NONE,
    TERN_ERROR_MALFORMED, /* not a WebAssembly module: these bytes cannot be decoded */
    TERN_ERROR_INVALID,   /* a module that breaks the rules of the specification */
    TERN_ERROR_LINK,      /* an import is missing or of another type, or a segment does not fit */
    TERN_ERROR_RESOURCE,  /* no memory, or a limit */
    TERN_ERROR_USAGE      /* the call itself: no such export, wrong arguments */
} tern_error_kind;

typedef struct tern_error {
    tern_error_kind kind;
    char text[512]; /* one line for people, with the place in the module where there is one */
} tern_error;

/* --- engines and modules ---------------------------------------------------------------------------- */

/* NULL if there is no memory. */
TERN_API tern_engine *tern_engine_create(void);
/* Every module and instance must be gone. */
TERN_API void tern_engine_destroy(tern_engine *engine);

/* Decodes and validates. bytes are copied. NULL and an error of kind MALFORMED, INVALID or RESOURCE. */
TERN_API tern_module *tern_module_load(tern_engine *engine, const void *bytes, size_t size_bytes,
                                       tern_error *error);
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

typedef enum tern_valkind { TERN_I32, TERN_I64, TERN_F32, TERN_F64, TERN_V128, TERN_REF } tern_valkind;

/* The function exported under a NUL-terminated name; false if there is none. */
TERN_API bool tern_module_find_func(const tern_module *module, const char *name, uint32_t *func_index);
TERN_API uint32_t tern_module_nparams(const tern_module *module, uint32_t func_index);
TERN_API uint32_t tern_module_nresults(const tern_module *module, uint32_t func_index);
/* i must be in range. */
TERN_API tern_valkind tern_module_param(const tern_module *module, uint32_t func_index, uint32_t i);
TERN_API tern_valkind tern_module_result(const tern_module *module, uint32_t func_index, uint32_t i);

/* --- instances -------------------------------------------------------------------------------------- */

typedef enum tern_missing {
    TERN_MISSING_REFUSE, /* an import nobody provides fails tern_instance_create */
    TERN_MISSING_TRAP    /* ... if it is a function, calling it traps instead */
} tern_missing;

/* Read during tern_instance_create only; everything is copied. Start from TERN_CONFIG_DEFAULT. */
/* A directory of this machine, and what the guest calls it. */
typedef struct tern_dir {
    const char *host, *guest;
    bool is_read_only;
} tern_dir;

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
} tern_config;

#define TERN_CONFIG_DEFAULT \
    { sizeof(tern_config), NULL, 0, NULL, 0, {-1, -1, -1}, 0, TERN_MISSING_REFUSE, NULL, 0 }

/* Links and instantiates with WASI preview 1, and runs nothing yet: the start function runs with the first
 * call, so that it can be interrupted too. config NULL: the default. NULL and an error of kind LINK or
 * RESOURCE on failure. */
TERN_API tern_instance *tern_instance_create(tern_module *module, const tern_config *config,
                                             tern_error *error);
/* Must not run any more. */
TERN_API void tern_instance_destroy(tern_instance *instance);

typedef enum tern_status {
    TERN_OK,      /* returned */
    TERN_EXITED,  /* the guest called proc_exit: tern_instance_exit_code */
    TERN_TRAPPED, /* tern_instance_trap */
    TERN_ERROR    /* did not run: the error says why */
} tern_status;

typedef struct tern_value {
    tern_valkind kind;
    union {
        uint32_t i32;
        uint64_t i64;
        float f32;
        double f64;
        uint8_t v128[16]; /* lane 0 first */
        uint64_t ref;     /* 0 is null; otherwise opaque and not to be made up */
    } of;
} tern_value;

/* Runs what has to come first, once: the start function and, in a module without _start, _initialize. The
 * calls below do so themselves. */
TERN_API tern_status tern_instance_prepare(tern_instance *instance, tern_error *error);

/* Calls _start, as a command's main program. */
TERN_API tern_status tern_instance_run(tern_instance *instance, tern_error *error);

/* Calls the function exported as name. nargs, the args' kinds and nresults must be the function's; a
 * reference argument must be null. On TERN_OK results are filled, kinds included. */
TERN_API tern_status tern_instance_call(tern_instance *instance, const char *name, const tern_value *args,
                                        uint32_t nargs, tern_value *results, uint32_t nresults,
                                        tern_error *error);

/* Puts the instance back as tern_instance_create left it, for the price of the memory it has touched: memories,
 * globals, tables and segments that the module defines are as new, and the start function runs again with the next
 * call. What WASI holds (open files, the arguments) and what hosts provide stay as they are. The instance must
 * not be running; function indices, names and memory addresses that the host knows stay good. False: the error,
 * of kind USAGE if it is running or defines a shared memory, which changes nothing, or RESOURCE, after which it
 * may only be reset again or destroyed. */
TERN_API bool tern_instance_reset(tern_instance *instance, tern_error *error);

/* What the guest passed to proc_exit; 0 if it never did. */
TERN_API uint32_t tern_instance_exit_code(const tern_instance *instance);

typedef enum tern_stop { TERN_STOP_INTERRUPTED, TERN_STOP_DEADLINE } tern_stop;

/* From any thread, or a signal handler: the guest traps at its next loop iteration or call, or wakes from a
 * blocking WASI call within 10 ms; if nothing runs, the next call traps. Stays in force until
 * tern_instance_resume, after which the instance works as before. */
TERN_API void tern_instance_interrupt(tern_instance *instance, tern_stop why);
TERN_API void tern_instance_resume(tern_instance *instance);

/* --- traps ------------------------------------------------------------------------------------------ */

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

#ifdef __cplusplus
}
#endif
#endif
