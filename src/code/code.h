/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* code.h - register code: what a function body becomes before it runs.
 *
 * A function is lowered on its first call, once per module and memory mode, and shared by all instances. Code
 * is a stream of 16-bit units: a two-unit token that the machine jumps through, then the operands of the
 * handler's layout (handlers.def).
 *
 * A frame, in cells of the Exec's stack, at fp:
 *
 *   [parameters, later the results][header: FRAME_HEADER cells][scratch, far functions][locals][operands]
 *
 * The header holds the return address and the caller's fp. A callee's frame begins at its first argument on
 * the caller's operands, so nothing is copied and results appear where the caller wants them. A call into
 * another instance, and a tail call that leaves an instance, put an adapter frame of ADAPTER_CELLS in front:
 * real return address, caller's fp, caller's instance, number of result cells; its return address is the
 * CROSS_RETURN code, which moves the results down and restores the instance.
 */
#ifndef TERN_CODE_CODE_H
#define TERN_CODE_CODE_H

#include "base/diag.h"
#include "module/module.h"
#include "port/port.h"

enum { FRAME_HEADER = 2, ADAPTER_CELLS = 4 };
/* Calls clear so many of a frame's cells from the first local on, even if it has fewer. */
enum { CLEARED_CELLS = 4 };

typedef u16 CodeUnit;

#define FRAME_CELLS_UNLOWERED UINT32_MAX

/* Everything a call needs to know. Published by the release store of frame_cells. */
typedef struct FuncCode {
    const CodeUnit *pc;
    u32 frame_cells;          /* FRAME_CELLS_UNLOWERED: not lowered yet */
    u32 header;               /* cell of the header */
    u32 zero_from, zero_cells; /* locals to clear on entry */
    u32 nunits;
    u32 arg_cells, result_cells;
    u32 try_table;            /* unit where its table of handlers begins (try_region.h), or 0 */
} FuncCode;

typedef enum Handler {
#define H(name, ...) H_##name,
#include "code/handlers.def"
    H_COUNT,
/* Of those that the build leaves out only the names, which are no handlers, so that code that asks first whether
 * there are such forms need not be left out with them. */
#define H(...)
#define ABSENT(name, ...) H_##name,
#include "code/handlers.def"
    H_NAMES_END
} Handler;

enum { LAYOUT_BYTES = TERN_FAST ? 8 : TERN_METERING ? 7 : 6 };
extern const char tern_handler_layouts[H_COUNT][LAYOUT_BYTES]; /* select.c */
/* Apart from them, so that a program that does not print code does without the names. */
const char *tern_handler_name(Handler handler);

/* What the machine jumps through for a handler. */
typedef u32 TokenOf(Handler handler);

/* How loads and stores of memory 0 are checked; with CODE_METERED added, code that pays for what it executes with
 * the Exec's fuel: one unit for an instruction of WebAssembly, and none for those that are structure only (block,
 * loop, try, else, catch, end, nop). Code pays on the way into a stretch for all of it up to the next branch.
 * With CODE_PROFILED added, code that says when functions begin and end (runtime/profile.h). */
typedef enum CodeMode { CODE_CHECKED, CODE_GUARDED, CODE_METERED, CODE_PROFILED = 4, CODE_MODES = 8 } CodeMode;
static inline bool code_is_metered(CodeMode mode) { return TERN_METERING && (mode & CODE_METERED) != 0; }
static inline bool code_is_profiled(CodeMode mode) { return TERN_METERING && (mode & CODE_PROFILED) != 0; }

/* Code lies in chunks in the order of lowering, so that the function at an address is found by bisection. */
typedef struct CodeChunk CodeChunk;

typedef struct CodeSet {
    CodeMode mode;
    CodeChunk *chunks; /* newest first */
    CodeUnit halt[2], cross_return[2]; /* the tokens of those handlers, for special frames to return to */
    FuncCode funcs[];  /* of the module's own functions */
} CodeSet;

typedef struct ModuleCode {
    const Module *module;
    Mutex lock; /* lowering, and what is found in chunks */
    CodeSet *sets[CODE_MODES]; /* made on first use of the mode */
    struct LoweredFunc *work;  /* of ins.h: memory of the last lowering for the next, if that is little; or NULL */
    u32 halt, cross_return;    /* what the sets have of these */
} ModuleCode;

/* The module's code, made on first request; freed with the module. Thread-safe. NULL: no memory. */
ModuleCode *tern_code_of(Module *module, TokenOf *token_of);
/* The functions in one mode; thread-safe. NULL: no memory. Instance.code points at its funcs. */
CodeSet *tern_code_set(ModuleCode *code, CodeMode mode);
static inline CodeSet *tern_code_set_of(const FuncCode *funcs)
{
    return (CodeSet *)((uintptr_t)funcs - offsetof(CodeSet, funcs));
}

/* Lowers one of the module's own functions (index without imports) unless that is done. Thread-safe. False
 * and a diag: no memory, or an instruction that cannot be lowered. */
bool tern_code_lower(ModuleCode *code, CodeSet *set, u32 defined_index, TokenOf *token_of, Diag *diag);

/* The function whose code contains pc, in *set, which is looked into first; NULL if none has. Thread-safe. */
const FuncCode *tern_code_find(ModuleCode *code, CodeSet **set, const CodeUnit *pc);
/* The set of a function that is in the one given, or in the other of the same checks. */
CodeSet *tern_code_set_with(ModuleCode *code, CodeSet *set, const FuncCode *f);

/* The byte offset in the module of the instruction whose code contains unit; 0 if that cannot be told. */
u32 tern_code_offset(ModuleCode *code, u32 defined_index, CodeMode mode, u32 unit);

/* The register code of one of the module's own functions, made for the purpose and with explicit checks, as text
 * that ends in a new line; like snprintf. 0: there is no such function, or no memory. */
size_t tern_code_text(const Module *module, u32 func_index, char *buf, size_t size);

/* Features that can be lowered. */
u64 tern_code_features(void);

#endif
