/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_heap.h - the objects of garbage-collected types: structs, arrays, exceptions (spec 4.2.9).
 *
 * One heap per store, made when first needed. Objects never move: the collector marks them and reuses lines of
 * 128 bytes that no marked object touches (a mark-region collector), so allocation is a bump of a pointer and
 * no tier needs stack maps. Objects are scanned precisely by their types; frames, which hold references and
 * numbers alike, conservatively: any cell that holds the address of an object's start keeps it.
 *
 * A collection happens only inside tern_gc_alloc and tern_gc_collect. Before either, every reference the guest
 * still needs is in a cell of the Exec's stack below x->top (or the frame that allocates), a global, a table,
 * an element segment, another object, or a host root.
 *
 * References (Ref) of the any and extern hierarchies, by their low bits:
 *   0               null
 *   ...1            i31: the value in bits 1-31
 *   ..10            a host's value (externref, or it converted to anyref): an address in bits 2-63
 *   .000            a GcObject
 * Function references are FuncInst pointers and never mix with these. Conversions between extern and any
 * leave the bits as they are.
 */
#ifndef TERN_RUNTIME_GC_HEAP_H
#define TERN_RUNTIME_GC_HEAP_H

#include "runtime/exec.h"

typedef enum GcKind { GC_STRUCT, GC_ARRAY, GC_EXCEPTION } GcKind;

/* The header of every object. Fields follow it, at the offsets of StructType and FieldType. */
typedef struct GcObject {
    u32 type_id;    /* structs and arrays; 0 for exceptions */
    u8 kind;        /* GcKind */
    u8 mark;        /* the collector's */
    u16 flags;      /* the collector's: large object and such */
    u32 length;     /* arrays: elements; structs: bytes of fields; exceptions: payload cells */
    u32 reserved;
} GcObject;

typedef struct GcException {
    GcObject object;
    Tag *tag;
    u64 payload[]; /* the tag's parameters in cells */
} GcException;

static inline bool ref_is_object(Ref ref) { return ref != REF_NULL && (ref & 7) == 0; }
static inline bool ref_is_i31(Ref ref) { return (ref & 1) != 0; }
static inline bool ref_is_host(Ref ref) { return (ref & 3) == 2; }
static inline GcObject *ref_object(Ref ref) { return (GcObject *)(uintptr_t)ref; }
static inline Ref ref_of_object(const GcObject *object) { return (Ref)(uintptr_t)object; }
static inline Ref ref_of_i31(u32 value) { return ((u64)(value & 0x7fffffffu) << 1) | 1; }
static inline u32 ref_i31_u(Ref ref) { return (u32)(ref >> 1) & 0x7fffffffu; }
static inline s32 ref_i31_s(Ref ref) { return (s32)((u32)(ref >> 1) << 1) >> 1; }
/* An address, or any other number of up to 62 bits (sign-extended back). */
static inline Ref ref_of_host(const void *value) { return ((u64)(uintptr_t)value << 2) | 2; }
static inline void *ref_host(Ref ref) { return (void *)(uintptr_t)(u64)((s64)ref >> 2); }

typedef struct GcHeap GcHeap;

typedef struct GcStats {
    u64 heap_bytes;      /* taken from the allocator */
    u64 live_bytes;      /* after the last collection */
    u64 allocated_bytes; /* ever */
    u64 collections;
    u64 total_pause_ns, max_pause_ns;
} GcStats;

/* limit_bytes bounds heap_bytes. NULL: no memory. */
GcHeap *tern_gc_new(Store *store, u64 limit_bytes);
void tern_gc_free(GcHeap *heap);

/* An object with size_bytes of zeroed fields behind the header; collects first when it must. NULL: the limit
 * is reached or there is no memory. x: the Exec that allocates, its innermost frame up to x->top scanned. */
GcObject *tern_gc_alloc(Exec *x, GcKind kind, u32 type_id, u32 length, u64 size_bytes);
void tern_gc_collect(Exec *x);
GcStats tern_gc_stats(const GcHeap *heap);

/* A host's own root: while it exists, *ref and what it reaches stay. NULL: no memory. */
typedef struct GcRoot GcRoot;
GcRoot *tern_gc_root_new(Store *store, Ref ref);
Ref tern_gc_root_get(const GcRoot *root);
void tern_gc_root_free(Store *store, GcRoot *root);

/* Does ref have the type (ref.test)? t is the module-independent type. */
bool tern_ref_matches(const Store *store, Ref ref, ValType t);

#endif
