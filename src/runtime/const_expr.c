/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* const_expr.c - constant expressions: a stack machine over two dozen operations.
 *
 * Its stack is of cells, as a frame's operands, so that allocation finds its operands as it does there.
 */
#include "runtime/const_expr.h"

#include <assert.h>

#include "runtime/gc_heap.h"

/* Expressions up to this many operations need no memory from the allocator. */
#define SMALL_EXPR_OPS 8u

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

static u32 elem_cells(const GcLayout *layout)
{
    return layout->elem_log2 == 4 ? 2 : 1;
}

/* An operation that allocates: takes its operands off the stack and leaves the reference. */
static TrapCode allocate(Instance *instance, const ConstOp *op, u64 *stack, u32 *n)
{
    Store *store = instance->store;
    u32 id = instance->module->types[op->index];
    const GcLayout *layout = tern_gc_layout(store, id);
    if (layout == NULL) return TRAP_OUT_OF_MEMORY;
    bool has_desc = op->op == OP_STRUCT_NEW_DESC || op->op == OP_STRUCT_NEW_DEFAULT_DESC;
    u32 nargs;
    switch ((u32)op->op) {
    case OP_STRUCT_NEW:
    case OP_STRUCT_NEW_DESC: nargs = layout->ncells + has_desc; break;
    case OP_STRUCT_NEW_DEFAULT:
    case OP_STRUCT_NEW_DEFAULT_DESC: nargs = has_desc; break;
    case OP_ARRAY_NEW: nargs = elem_cells(layout) + 1; break;
    case OP_ARRAY_NEW_DEFAULT: nargs = 1; break;
    default: nargs = op->index2 * elem_cells(layout); break; /* array.new_fixed */
    }
    assert(nargs <= *n && "a validated expression has its operands");
    *n -= nargs;
    u64 *slots = stack + (*n)++;
    switch ((u32)op->op) {
    case OP_STRUCT_NEW:
    case OP_STRUCT_NEW_DESC: return tern_struct_new(store, slots, id, has_desc);
    case OP_STRUCT_NEW_DEFAULT:
    case OP_STRUCT_NEW_DEFAULT_DESC: return tern_struct_new_default(store, slots, id, has_desc);
    case OP_ARRAY_NEW: return tern_array_new(store, slots, id);
    case OP_ARRAY_NEW_DEFAULT: return tern_array_new_default(store, slots, id);
    default: return tern_array_new_fixed(store, slots, id, op->index2);
    }
}

static TrapCode run(Instance *instance, const ConstExpr *expr, u64 *stack, Value *out)
{
    u32 n = 0;
    for (u32 i = 0; i < expr->nops; i++) {
        const ConstOp *op = &expr->ops[i];
        switch ((u32)op->op) {
        case OP_I32_CONST:
        case OP_F32_CONST: stack[n++] = (u32)op->u.bits; break;
        case OP_I64_CONST:
        case OP_F64_CONST: stack[n++] = op->u.bits; break;
        case OP_V128_CONST:
            memcpy(stack + n, &op->u.vec, sizeof op->u.vec);
            n += 2;
            break;
        case OP_REF_NULL: stack[n++] = REF_NULL; break;
        case OP_GLOBAL_GET: {
            u32 cells = vt_cells(instance->module->globals[op->index].type.type);
            memcpy(stack + n, instance->global_cells[op->index]->cells, cells * sizeof *stack);
            n += cells;
            break;
        }
        case OP_REF_FUNC: {
            FuncInst *func = tern_instance_func(instance, op->index);
            if (func == NULL) return TRAP_OUT_OF_MEMORY;
            stack[n++] = (u64)(uintptr_t)func;
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
            stack[n - 1] = arithmetic(op->op, stack[n - 1], stack[n]);
            break;
        case OP_REF_I31: stack[n - 1] = ref_of_i31((u32)stack[n - 1]); break;
        case OP_ANY_CONVERT_EXTERN:
        case OP_EXTERN_CONVERT_ANY: break; /* the bits stay */
        default: {
            TrapCode code = TERN_GC ? allocate(instance, op, stack, &n) : TRAP_UNREACHABLE;
            if (code != TRAP_NONE) return code;
            break;
        }
        }
    }
    assert((n == 1 || n == 2) && "a validated expression leaves one value");
    *out = (Value){.cells = {stack[0], n == 2 ? stack[1] : 0}};
    return TRAP_NONE;
}

/* The stack is a root: what was allocated waits there for the rest. */
static TrapCode run_rooted(Instance *instance, const ConstExpr *expr, u64 *stack, u32 ncells, Value *out)
{
    if (!TERN_GC) return run(instance, expr, stack, out);
    GcCells cells = {.cells = stack, .ncells = ncells};
    tern_gc_push_cells(instance->store, &cells);
    TrapCode code = run(instance, expr, stack, out);
    tern_gc_pop_cells(instance->store, &cells);
    return code;
}

TrapCode tern_const_eval(Instance *instance, const ConstExpr *expr, Value *out)
{
    u64 small[2 * SMALL_EXPR_OPS] = {0}; /* no operation leaves more than a value */
    if (LIKELY(expr->nops <= SMALL_EXPR_OPS)) return run_rooted(instance, expr, small, COUNT_OF(small), out);

    Alloc *alloc = instance->store->alloc;
    u64 ncells = 2 * (u64)expr->nops;
    u64 *stack = ncells <= UINT32_MAX ? tern_alloc_zeroed(alloc, ncells, sizeof *stack) : NULL;
    if (stack == NULL) return TRAP_OUT_OF_MEMORY;
    TrapCode code = run_rooted(instance, expr, stack, (u32)ncells, out);
    tern_free(alloc, stack, (size_t)ncells * sizeof *stack);
    return code;
}
