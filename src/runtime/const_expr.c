/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* const_expr.c - constant expressions: a stack machine over a dozen operations. */
#include "runtime/const_expr.h"

#include <assert.h>

/* Expressions up to this many operations need no memory from the allocator. */
#define SMALL_EXPR_OPS 8u

static Value value_of_bits(u64 bits)
{
    Value value = {.cells = {bits, 0}};
    return value;
}

/* Arithmetic on the two topmost values, wrapping (extended-const). */
static u64 arithmetic(Op op, u64 a, u64 b)
{
    switch ((u32)op) {
    case OP_I32_ADD: return (u32)(a + b);
    case OP_I32_SUB: return (u32)(a - b);
    case OP_I32_MUL: return (u32)(a * b);
    case OP_I64_ADD: return a + b;
    case OP_I64_SUB: return a - b;
    default: return a * b;
    }
}

static TrapCode run(Instance *instance, const ConstExpr *expr, Value *stack, Value *out)
{
    u32 n = 0;
    for (u32 i = 0; i < expr->nops; i++) {
        const ConstOp *op = &expr->ops[i];
        switch ((u32)op->op) {
        case OP_I32_CONST:
        case OP_F32_CONST: stack[n++] = value_of_bits((u32)op->u.bits); break;
        case OP_I64_CONST:
        case OP_F64_CONST: stack[n++] = value_of_bits(op->u.bits); break;
        case OP_V128_CONST: stack[n++].v128 = op->u.vec; break;
        case OP_REF_NULL: stack[n++] = value_of_bits(REF_NULL); break;
        case OP_GLOBAL_GET: stack[n++] = *instance->global_cells[op->index]; break;
        case OP_REF_FUNC: {
            FuncInst *func = tern_instance_func(instance, op->index);
            if (func == NULL) return TRAP_OUT_OF_MEMORY;
            stack[n++] = value_of_bits((u64)(uintptr_t)func);
            break;
        }
        case OP_I32_ADD:
        case OP_I32_SUB:
        case OP_I32_MUL:
        case OP_I64_ADD:
        case OP_I64_SUB:
        case OP_I64_MUL:
            assert(n >= 2 && "a validated expression has its operands");
            n--;
            stack[n - 1] = value_of_bits(arithmetic(op->op, stack[n - 1].i64, stack[n].i64));
            break;
        default:
            /* The rest of the constant instructions allocate on, or convert to, the GC heap: a
             * store that has none is out of room on it. */
            return TRAP_OUT_OF_MEMORY;
        }
    }
    assert(n == 1 && "a validated expression leaves one value");
    *out = stack[0];
    return TRAP_NONE;
}

TrapCode tern_const_eval(Instance *instance, const ConstExpr *expr, Value *out)
{
    Value small[SMALL_EXPR_OPS];
    if (LIKELY(expr->nops <= SMALL_EXPR_OPS)) return run(instance, expr, small, out);

    Alloc *alloc = instance->store->alloc;
    u64 bytes = (u64)expr->nops * sizeof(Value); /* no operation leaves more than one value */
    Value *stack = bytes <= SIZE_MAX ? tern_alloc(alloc, (size_t)bytes) : NULL;
    if (stack == NULL) return TRAP_OUT_OF_MEMORY;
    TrapCode code = run(instance, expr, stack, out);
    tern_free(alloc, stack, (size_t)bytes);
    return code;
}
