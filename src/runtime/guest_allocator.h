/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_allocator.h - does a module export an allocator that a host may call?
 *
 * A guest that does is asked for blocks itself, and gets no host-managed heap. Its answers are a
 * guest's answers: whoever calls these functions checks the returned range.
 */
#ifndef TERN_RUNTIME_GUEST_ALLOCATOR_H
#define TERN_RUNTIME_GUEST_ALLOCATOR_H

#include "module/module.h"

typedef enum GuestAllocatorKind {
    GUEST_ALLOCATOR_MALLOC, /* malloc(size) -> ptr, free(ptr) */
    /* __new(size, class 0) -> ptr, then __pin or __retain; __unpin or __release. */
    GUEST_ALLOCATOR_ASSEMBLYSCRIPT,
    /* cabi_realloc(old, old_size, align, new_size) -> ptr; there is nothing to free with. */
    GUEST_ALLOCATOR_REALLOC,
    /* __wbindgen_malloc(size[, align]) -> ptr, __wbindgen_free(ptr, size[, align]). */
    GUEST_ALLOCATOR_WBINDGEN,
} GuestAllocatorKind;

typedef struct GuestAllocator {
    GuestAllocatorKind kind;
    bool is_64;     /* sizes and pointers are i64 */
    bool has_align; /* wbindgen: of the newer form */
    u32 alloc_func; /* function indices in the module */
    u32 pin_func;   /* AssemblyScript: (ptr) -> ptr */
    u32 free_func;  /* AssemblyScript: releases what pin_func took */
} GuestAllocator;

/* False if the module exports none: all functions of a family, defined in the module, with exactly
 * these types for the address type of memory 0. */
bool tern_guest_allocator_find(const Module *module, GuestAllocator *out);
/* The same, with all kinds: the former is what hosts of wasm_export.h know. */
bool tern_guest_allocator_find_any(const Module *module, GuestAllocator *out);

#endif
