/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* unwind.c - searching the guest's frames for a handler.
 *
 * Nothing changes before a handler is found, so that an exception nobody catches is described from where it was
 * thrown.
 */
#include "interp/unwind.h"

#include "code/try_region.h"
#include "runtime/exception.h"

static u32 token_at(const CodeUnit *pc)
{
    u32 token;
    memcpy(&token, pc, sizeof token);
    return token;
}

/* A tail call that throws is one of a host function, which has left its frame and the tries there. */
static bool is_tail_call(const CodeUnit *pc, TokenOf *token_of)
{
    u32 token = token_at(pc);
    return token == token_of(H_TAIL_CALL_IMPORT) || token == token_of(H_TAIL_CALL_INDIRECT) ||
           token == token_of(H_TAIL_CALL_REF);
}

static const FuncCode *find(const Instance *instance, const CodeUnit *pc, CodeMode *mode)
{
    CodeSet *set = tern_code_set_of(instance->code);
    const FuncCode *f = tern_code_find(instance->module->code, &set, pc);
    *mode = set->mode;
    return f;
}

/* nsteps: of looking for it, in code that pays. */
static void land(Exec *x, Instance *instance, u64 *fp, const CatchTarget *target, u64 nsteps, bool is_metered)
{
    Ref exception = x->exception;
    u32 ncells = tern_exception_cells(exception);
    if (target->tag != TAG_ANY && ncells > 0)
        memcpy(fp + target->payload_slot, tern_exception_payload(exception), ncells * sizeof *fp);
    if (is_metered) nsteps += ncells;
    x->fuel -= (s64)(target->cost + nsteps / CARRIED_PER_UNIT);
    if (target->ref_slot != SLOT_NONE) fp[target->ref_slot] = exception;
    x->exception = REF_NULL;
    x->trap.code = TRAP_NONE; /* a host it passed through may have had it described */
    if (x->instance != instance) tern_exec_enter(x, instance);
}

bool tern_unwind(Exec *x, TokenOf *token_of, const CodeUnit **pc_out, u64 **fp_out)
{
    if (x->exception == REF_NULL || x->pc == NULL) return false;
    const Tag *tag = tern_exception_tag(x->exception);
    u32 halt = token_of(H_HALT), cross_return = token_of(H_CROSS_RETURN);
    Instance *instance = x->instance;
    const CodeUnit *pc = x->pc; /* in the instruction that threw */
    u64 *fp = x->fp;
    bool has_left = is_tail_call(pc, token_of);
    const FuncCode *f = NULL;
    CodeMode mode = CODE_CHECKED;
    u64 nsteps = 0;
    for (const CodeUnit *last_pc = NULL;; has_left = false) {
        if (pc != last_pc) /* recursion repeats positions */
            f = find(instance, pc, &mode);
        if (f == NULL) return false;
        last_pc = pc;
        bool is_metered = code_is_metered(mode);
        u64 nlooked = 0;
        const CatchTarget *target =
            has_left ? NULL : tern_try_find(f, (u32)(pc - f->pc), instance->tags, tag, &nlooked);
        if (is_metered) nsteps += nlooked;
        if (target != NULL) {
            land(x, instance, fp, target, nsteps, is_metered);
            *pc_out = f->pc + target->to;
            *fp_out = fp;
            return true;
        }
        const u64 *header = fp + f->header;
        const CodeUnit *ret = (const CodeUnit *)(uintptr_t)header[0];
        fp = (u64 *)(uintptr_t)header[1];
        if (token_at(ret) == cross_return) {
            ret = (const CodeUnit *)(uintptr_t)fp[0];
            instance = (Instance *)(uintptr_t)fp[2];
            fp = (u64 *)(uintptr_t)fp[1];
        }
        if (token_at(ret) == halt) return false;
        pc = ret - 1; /* in the call */
    }
}
