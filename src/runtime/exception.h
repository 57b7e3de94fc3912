/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exception.h - WebAssembly exceptions as values, for tiers and hosts (spec 4.2.10, 4.6.4).
 *
 * An exception travels as the trap code TRAP_UNCAUGHT_EXCEPTION with the object in x->exception. Each activation
 * that receives the code looks for a handler among its guest frames and returns the code when there is none, so
 * a host function that gets it from tern_exec_call and returns it lets the exception go on into its callers.
 * A host function that returns TRAP_NONE has swallowed it; one that wants to keep it beyond the next call into
 * the guest makes it a root (tern_gc_root_new) and throws it again with tern_exception_rethrow.
 */
#ifndef TERN_RUNTIME_EXCEPTION_H
#define TERN_RUNTIME_EXCEPTION_H

#include "runtime/gc_heap.h"

/* Makes an exception and throws it: the caller, a host function, returns the result. payload holds the tag's
 * parameters in cells, references included. TRAP_UNCAUGHT_EXCEPTION, or the trap that came instead: out of
 * memory, or no room on the stack. */
TrapCode tern_exception_throw(Exec *x, Tag *tag, const u64 *payload);

/* Throws an exception again; null is a trap. */
TrapCode tern_exception_rethrow(Exec *x, Ref exception);

/* Of an exception, which is not null. */
static inline Tag *tern_exception_tag(Ref exception)
{
    return ((const GcException *)ref_object(exception))->tag;
}
static inline const u64 *tern_exception_payload(Ref exception)
{
    return ((const GcException *)ref_object(exception))->payload;
}
static inline u32 tern_exception_cells(Ref exception) { return ref_object(exception)->length; }

#endif
