/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_atomic.c - atomic accesses: operands from slots, as the access costs far more than reading them. */
#include "code/lower.h"
#include "runtime/builtins.h"

static Handler handler_of(Op op, bool is_fast)
{
    switch (op) {
#define ALOAD(n, ...) case OP_##n: return is_fast ? H_##n##_S : H_##n##_ANY;
#define ASTORE(n, ...) case OP_##n: return is_fast ? H_##n##_S : H_##n##_ANY;
#define ARMW(n, ...) case OP_##n: return is_fast ? H_##n##_S : H_##n##_ANY;
#define ACMPXCHG(n, ...) case OP_##n: return is_fast ? H_##n##_S : H_##n##_ANY;
#include "ops/ops.def"
    default: return H_NONE;
    }
}

/* Builtins have no room for an offset of 64 bits: it goes with the operands, on top. */
static bool wait_or_notify(Lower *l, const Insn *in)
{
    static const u8 result = VT_I32;
    u32 builtin = in->op == OP_MEMORY_ATOMIC_NOTIFY   ? BUILTIN_atomic_notify
                  : in->op == OP_MEMORY_ATOMIC_WAIT32 ? BUILTIN_atomic_wait32
                                                      : BUILTIN_atomic_wait64;
    return lower_push_const(l, VT_I64, in->bits) && lower_builtin(l, builtin, &result, in->index, 0);
}

bool lower_atomic(Lower *l, const Insn *in, bool is_fast)
{
    const OpInfo *info = &tern_op_info[in->op];
    if (info->shape == SHAPE_ATOMIC) return wait_or_notify(l, in);

    /* Operands above the address: none; the value, s3; or the expected value, s2, and s3. */
    Val replacement = {0}, expected = {0};
    if (info->nargs > 1) replacement = *lower_pop(l);
    if (info->nargs > 2) expected = *lower_pop(l);
    Val a = *lower_pop(l);
    if (!lower_readable(l, &a)) return false;
    if (info->nargs > 2 && !lower_readable(l, &expected)) return false;
    if (info->nargs > 1 && !lower_readable(l, &replacement)) return false;
    Ins ins = {.op = (u16)handler_of(in->op, is_fast), .kd = PLACE_NONE, .acc = ACC_NONE, .off = in->bits,
               .index = in->index, .s1 = a.slot, .s2 = expected.slot, .s3 = replacement.slot};
    if (info->nresults == 0) return lower_emit(l, ins);
    ins.kd = PLACE_SLOT;
    ins.acc = ACC_INT;
    ins.d = lower_next_home(l);
    ins.ncells = 1;
    return lower_emit(l, ins) && lower_push_temp(l, info->results[0] == OT_i32 ? VT_I32 : VT_I64, l->f->ins.n - 1);
}

bool lower_fence(Lower *l)
{
    return lower_emit(l, (Ins){.op = H_ATOMIC_FENCE, .kd = PLACE_NONE, .acc = ACC_NONE});
}
