/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_heap.h - the objects of garbage-collected types: structs, arrays, exceptions (spec 4.2.9).
 *
 * One heap per store, made when first needed. Objects never move: the collector marks them and reuses lines of
 * 128 bytes that no marked object touches (a mark-region collector), so allocation is a bump of a pointer and
 * no tier needs stack maps. Objects are scanned precisely by their types; frames, which hold references and
 * numbers alike, conservatively: any cell that holds the address of an object's start keeps it.
 *
 * A collection happens only inside tern_gc_alloc, what calls it, and tern_gc_collect. Whoever calls those on
 * behalf of the guest first sets x->top behind the last live cell of the innermost frame. Every reference
 * needed later is then in a cell of an Exec's stack below its top, a global, a table, an evaluated element
 * segment, another object, a GcCells or a GcRoot. A C variable is none of these.
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

/* The header of every object. Fields follow it, at the offsets of StructType; elements back to back. */
typedef struct GcObject {
    u32 type_id;    /* structs and arrays; 0 for exceptions */
    u8 kind;        /* GcKind */
    u8 mark;        /* the collector's */
    u16 flags;      /* the collector's: large object */
    union {
        u32 length;     /* arrays: elements; exceptions: payload cells */
        Ref descriptor; /* structs: that of the custom-descriptors proposal, or 0 */
    };
} GcObject;
_Static_assert(sizeof(GcObject) == 16, "a v128 field behind the header is aligned");

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
static inline s32 ref_i31_s(Ref ref) { return (s32)(u32)ref >> 1; }
/* An address, or any other number of up to 62 bits (sign-extended back). */
static inline Ref ref_of_host(const void *value) { return ((u64)(uintptr_t)value << 2) | 2; }
static inline void *ref_host(Ref ref) { return (void *)(uintptr_t)(u64)((s64)ref >> 2); }

static inline u8 *tern_object_fields(GcObject *object) { return (u8 *)(object + 1); }

/* --- what the collector knows of a type ------------------------------------------------------------- */

/* A field as copied between an object and cells: offset from the object's start, and log2 of its bytes. */
typedef struct GcField {
    u32 offset;
    u32 width_log2;
} GcField;

typedef struct GcLayout {
    u32 size_bytes;      /* structs: the whole object */
    u32 ncells;          /* structs: of all fields in a frame */
    u32 nfields, nrefs;
    const GcField *fields;
    const u32 *refs;     /* structs: offsets from the object's start of references to scan */
    u8 kind;             /* GcKind */
    u8 elem_log2;        /* arrays: log2 of an element's bytes */
    bool elem_is_ref;    /* arrays: are elements scanned? */
} GcLayout;

/* The layout of a struct or array type, which must live as long as the store (types of its instances do).
 * Makes the heap. NULL: no memory. */
const GcLayout *tern_gc_layout(Store *store, u32 type_id);

/* --- the heap --------------------------------------------------------------------------------------- */

typedef struct GcStats {
    u64 heap_bytes;      /* taken from the allocator */
    u64 live_bytes;      /* after the last collection */
    u64 allocated_bytes; /* handed out, ever, by whole lines */
    u64 collections;
    u64 total_pause_ns, max_pause_ns;
} GcStats;

#define GC_LIMIT_DEFAULT (2ull << 30)

/* The store's heap, made if need be; bounded by the engine's gc_limit_bytes. NULL: no memory. */
GcHeap *tern_gc_heap(Store *store);
void tern_gc_free(GcHeap *heap);

/* An object with size_bytes of zeroed fields behind the header; collects first when it must. length: of
 * arrays and exceptions (whose size_bytes is that of the tag pointer and payload). A type_id must have been
 * given to tern_gc_layout before. NULL: the limit is reached or there is no memory. */
GcObject *tern_gc_new(Store *store, GcKind kind, u32 type_id, u32 length, u64 size_bytes);
static inline GcObject *tern_gc_alloc(Exec *x, GcKind kind, u32 type_id, u32 length, u64 size_bytes)
{
    return tern_gc_new(x->store, kind, type_id, length, size_bytes);
}
void tern_gc_collect(Store *store);
/* All zero for a store that never had an object. */
GcStats tern_gc_stats(const Store *store);

/* --- the host's roots ------------------------------------------------------------------------------- */

/* While it exists, its reference and what that reaches stay. NULL: no memory. */
GcRoot *tern_gc_root_new(Store *store, Ref ref);
Ref tern_gc_root_get(const GcRoot *root);
void tern_gc_root_set(GcRoot *root, Ref ref);
/* The newest root with that reference, or NULL. Looks at every root. */
GcRoot *tern_gc_root_find(const Store *store, Ref ref);
void tern_gc_root_free(Store *store, GcRoot *root);

/* Initialised cells of a C function that allocates: scanned conservatively between push and pop. */
struct GcCells {
    GcCells *outer;
    const u64 *cells;
    u64 ncells;
};
static inline void tern_gc_push_cells(Store *store, GcCells *cells)
{
    cells->outer = store->gc_cells;
    store->gc_cells = cells;
}
static inline void tern_gc_pop_cells(Store *store, const GcCells *cells)
{
    store->gc_cells = cells->outer;
}

/* The same for as long as the owner likes, in any order. */
struct GcRange {
    GcRange *prev, *next;
    const u64 *cells;
    u64 ncells;
};
void tern_gc_range_add(Store *store, GcRange *range);
void tern_gc_range_remove(Store *store, const GcRange *range);

/* The same for C functions of the embedder, newest first in Exec.locals. ref is looked at when a collection
 * runs. Its topmost bit is the embedder's: whatever it is, the one below it counts. */
typedef struct GcLocal {
    struct GcLocal *prev;
    uintptr_t ref;
} GcLocal;

/* --- for whoever holds an object and nothing else --------------------------------------------------- */

Store *tern_gc_store_of(const GcObject *object);
/* Is it an object of the store, maybe one that nothing reaches? Looks at every large object. */
bool tern_gc_holds(const Store *store, Ref ref);

/* Called for an object that nothing reaches any more, whose fields can still be read, although what they refer
 * to may have been finalised; and for those that are left when the store ends. It may not use the store.
 * callback and data are passed through. */
typedef void GcFinalize(GcObject *object, void (*callback)(void), void *data);

/* Replaces what was set for that object. False: no memory. */
bool tern_gc_finalizer_set(GcObject *object, GcFinalize *finalize, void (*callback)(void), void *data);
void tern_gc_finalizer_unset(GcObject *object);

/* Once nothing reaches the host's value ref any more, or the store ends: finalize(value). Each call adds one. A
 * collection may run first, as for tern_gc_new: hosts' values make none by themselves. False: no memory. */
bool tern_gc_host_finalizer_add(Store *store, Ref ref, void (*finalize)(void *value));

/* --- operations on objects, gc_object.c ------------------------------------------------------------- */

/* Does ref have the type (ref.test)? t is the module-independent type. */
bool tern_ref_matches(const Store *store, Ref ref, ValType t);

/* Allocations with operands in cells at slots, deepest first, where the result replaces the first; the cells
 * are roots as the rules above say. type_id: the struct or array type. */
TrapCode tern_struct_new(Store *store, u64 *slots, u32 type_id, bool has_desc);
TrapCode tern_struct_new_default(Store *store, u64 *slots, u32 type_id, bool has_desc);
TrapCode tern_array_new(Store *store, u64 *slots, u32 type_id);
TrapCode tern_array_new_default(Store *store, u64 *slots, u32 type_id);
TrapCode tern_array_new_fixed(Store *store, u64 *slots, u32 type_id, u32 n);
/* Default elements. NULL: no memory. */
GcObject *tern_array_alloc(Store *store, u32 type_id, u32 n);
/* n elements from `at` on, which exist, become the value in cells. */
void tern_array_fill(GcObject *object, u32 elem_log2, u32 at, const u64 *value, u32 n);

#endif
