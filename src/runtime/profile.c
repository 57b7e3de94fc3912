/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* profile.c - a stack of the functions that an Exec is in, by frame: whoever leaves is charged.
 *
 * Frames grow upwards, so an entry whose frame is not below the one at hand is gone, however it went. Without
 * memory a call is not counted, which hurts nobody else. */
#include "runtime/profile.h"

#include "runtime/builtins.h"

typedef struct Activation {
    const u64 *fp;
    Instance *instance;
    u32 defined_index;
    u64 start_ns, children_ns;
} Activation;

struct ProfileStack {
    VEC(Activation)
};

static u64 now_ns(void)
{
    u64 ns;
    if (tern_port_clock_ns(PORT_CLOCK_THREAD_CPU, &ns) || tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &ns)) return ns;
    return 0;
}

/* The topmost is over. */
static void charge(ProfileStack *stack, u64 now)
{
    const Activation *a = &stack->items[--stack->n];
    u64 ns = now > a->start_ns ? now - a->start_ns : 0;
    FuncTime *time = &a->instance->profile[a->defined_index];
    time->total_ns += ns;
    time->children_ns += a->children_ns;
    time->ncalls++;
    if (stack->n > 0) stack->items[stack->n - 1].children_ns += ns;
}

static void leave_from(ProfileStack *stack, const u64 *fp, u64 now)
{
    while (stack->n > 0 && (uintptr_t)stack->items[stack->n - 1].fp >= (uintptr_t)fp) charge(stack, now);
}

static FuncTime *times_of(Instance *instance)
{
    const Module *m = instance->module;
    if (instance->profile == NULL)
        instance->profile = tern_arena_alloc(&instance->store->arena, sizeof *instance->profile,
                                             m->nfuncs - m->nimported[EXTERN_FUNC]);
    return instance->profile;
}

TrapCode tern_builtin_profile_enter(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)slots, (void)imm2;
    Alloc *alloc = x->store->alloc;
    if (x->profile == NULL) x->profile = tern_alloc_zeroed(alloc, 1, sizeof *x->profile);
    if (x->profile == NULL || times_of(x->instance) == NULL) return TRAP_NONE;
    u64 now = now_ns();
    leave_from(x->profile, x->fp, now);
    (void)vec_push(x->profile, alloc,
                   (Activation){.fp = x->fp, .instance = x->instance, .defined_index = imm1, .start_ns = now});
    return TRAP_NONE;
}

TrapCode tern_builtin_profile_leave(Exec *x, u64 *slots, u32 imm1, u32 imm2)
{
    (void)slots, (void)imm1, (void)imm2;
    if (x->profile != NULL) leave_from(x->profile, x->fp, now_ns());
    return TRAP_NONE;
}

void tern_profile_unwind(Exec *x, const u64 *fp)
{
    leave_from(x->profile, fp, now_ns());
}

const FuncTime *tern_profile_of(const Instance *instance, u32 func_index)
{
    u32 nimported = instance->module->nimported[EXTERN_FUNC];
    if (instance->profile == NULL || func_index < nimported || func_index >= instance->module->nfuncs) return NULL;
    const FuncTime *time = &instance->profile[func_index - nimported];
    return time->ncalls > 0 ? time : NULL;
}

void tern_profile_free(Exec *x)
{
    if (x->profile == NULL) return;
    vec_free(x->profile, x->store->alloc);
    tern_free(x->store->alloc, x->profile, sizeof *x->profile);
    x->profile = NULL;
}
