/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exception.c - making and throwing exceptions; finding who catches them is the tier's. */
#include "runtime/exception.h"

#include "runtime/builtins.h"

/* The payload lies on the stack below x->top, as making the object may collect. */
static TrapCode throw_new(Exec *x, Tag *tag, const u64 *payload, u32 ncells)
{
    GcException *exception = (GcException *)tern_gc_alloc(x, GC_EXCEPTION, 0, ncells,
                                                          sizeof tag + (u64)ncells * sizeof *payload);
    if (exception == NULL) return TRAP_OUT_OF_MEMORY;
    exception->tag = tag;
    if (ncells > 0) memcpy(exception->payload, payload, ncells * sizeof *payload);
    x->exception = ref_of_object(&exception->object);
    return TRAP_UNCAUGHT_EXCEPTION;
}

static u32 payload_cells(const Exec *x, const Tag *tag)
{
    return tern_types_get(x->store->engine->types, tag->type_id)->u.func.param_cells;
}

TrapCode tern_exception_throw(Exec *x, Tag *tag, const u64 *payload)
{
    u32 ncells = payload_cells(x, tag);
    if (!tern_exec_room(x, ncells)) return TRAP_STACK_EXHAUSTED;
    u64 *held = x->top;
    if (ncells > 0) memmove(held, payload, ncells * sizeof *payload);
    x->top += ncells;
    TrapCode code = throw_new(x, tag, held, ncells);
    x->top = held;
    return code;
}

TrapCode tern_exception_rethrow(Exec *x, Ref exception)
{
    if (exception == REF_NULL) return TRAP_NULL_EXCEPTION;
    x->exception = exception;
    return TRAP_UNCAUGHT_EXCEPTION;
}

TrapCode tern_builtin_throw(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm2;
    Tag *tag = x->instance->tags[imm1];
    u32 ncells = payload_cells(x, tag);
    x->top = slots + ncells; /* the frame's operands end with the payload */
    return throw_new(x, tag, slots, ncells);
}

TrapCode tern_builtin_throw_ref(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)imm1, (void)imm2;
    return tern_exception_rethrow(x, slots[0]);
}
