/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_call.c - include/tern.h: calls of the guest by the host and of the host by the guest.
 *
 * Arguments are written where the callee finds them, at the top of the store's stack, and results read there, so
 * that a call allocates nothing; references that are handed out get handles, those that a host function borrows
 * lie on the native stack. */
#include "api/tern_handles.h"

#include <stdio.h>

#include "api/tern_type_text.h"

/* Of a number's type. */
static inline tern_valkind number_kind(ValType type)
{
    _Static_assert(VT_I32 - VT_I64 == TERN_I64 && VT_I32 - VT_F32 == TERN_F32 && VT_I32 - VT_F64 == TERN_F64 &&
                   TERN_I32 == 0, "both kinds come in the same order");
    return (tern_valkind)(VT_I32 - type);
}

/* --- host to guest -------------------------------------------------------------------------------------- */

static bool check_args(const tern_store *store, const FuncType *type, const char *name, const tern_value *args,
                       u32 nargs, u32 nresults, tern_error *error)
{
    if (UNLIKELY(nargs != type->nparams || nresults != type->nresults)) {
        tern_error_say(error, TERN_ERROR_USAGE, "%s takes %u argument%s and gives %u result%s, not %u and %u", name,
                       type->nparams, type->nparams == 1 ? "" : "s", type->nresults,
                       type->nresults == 1 ? "" : "s", nargs, nresults);
        return false;
    }
    for (u32 i = 0; i < nargs; i++) {
        ValType wanted = type->params[i];
        if (LIKELY(tern_value_fits(store, &args[i], wanted))) continue;
        char text[64];
        bool is_foreign = args[i].kind == TERN_REF && vt_is_ref(wanted) && args[i].of.ref != NULL &&
                          args[i].of.ref->store != store;
        tern_error_say(error, TERN_ERROR_USAGE, "argument %u of %s must be %s%s", i + 1, name,
                       tern_types_name(wanted, text, sizeof text),
                       is_foreign ? ", and is of another store" : "");
        return false;
    }
    return true;
}

/* Results from the cells at from; those made before one that fails are released. */
static bool take_results(tern_store *store, const FuncType *type, const u64 *from, tern_value *results)
{
    for (u32 i = 0; i < type->nresults; i++) {
        from = tern_value_from_cells(store, type->results[i], from, &results[i]);
        if (LIKELY(from != NULL)) continue;
        while (i-- > 0)
            if (results[i].kind == TERN_REF) tern_ref_release(results[i].of.ref);
        return false;
    }
    return true;
}

static tern_status call(tern_store *store, tern_instance *instance, FuncInst *func, const tern_value *args,
                        tern_value *results, tern_error *error)
{
    const FuncType *type = func->type;
    Exec *x = store->exec;
    if (UNLIKELY(!tern_exec_room(x, type->call_cells))) /* which says so */
        return tern_status_of(tern_exec_call(x, func, NULL, NULL));
    u64 *cells = x->top, *to = cells;
    for (u32 i = 0; i < type->nparams; i++) to += tern_value_to_cells(&args[i], to);
    /* A host function called by its host wants to know whose memory it is given. */
    bool is_alone = func->instance == NULL && x->instance == NULL && instance != NULL;
    if (is_alone) tern_exec_enter(x, instance->instance);
    TrapCode code = tern_exec_call_in_place(x, func);
    if (is_alone) tern_exec_leave(x);
    if (UNLIKELY(code != TRAP_NONE)) return tern_status_of(code);
    if (LIKELY(take_results(store, type, cells, results))) return TERN_OK;
    tern_error_no_memory(error);
    return TERN_ERROR;
}

/* Whatever is not the usual case, or not allowed. */
__attribute__((noinline)) static tern_status call_any(tern_store *store, tern_instance *instance, FuncInst *func,
                                                      const char *name, const tern_value *args, u32 nargs,
                                                      tern_value *results, u32 nresults, tern_error *error)
{
    if (UNLIKELY(tern_store_exec(store, 0) == NULL)) {
        tern_error_no_stack(store->engine, error);
        return TERN_ERROR;
    }
    if (!check_args(store, func->type, name, args, nargs, nresults, error)) return TERN_ERROR;
    tern_store_enter(store);
    tern_status status = TERN_OK;
    if (UNLIKELY(instance != NULL && !instance->is_prepared)) status = tern_instance_prepare(instance, error);
    if (LIKELY(status == TERN_OK)) status = call(store, instance, func, args, results, error);
    tern_store_leave(store);
    if (UNLIKELY(status != TERN_OK)) tern_error_stopped(error, instance, store->exec, status);
    return status;
}

/* Arguments to cells, if they are numbers of these types. */
static inline bool put_numbers(const FuncType *type, const tern_value *args, u64 *cells)
{
    for (u32 i = 0, n = type->nparams; i < n; i++) {
        ValType t = type->params[i];
        if (UNLIKELY(args[i].kind != number_kind(t))) return false;
        cells[i] = vt_is_wide(t) ? args[i].of.i64 : args[i].of.i32;
    }
    return true;
}

static inline void take_numbers(const FuncType *type, const u64 *cells, tern_value *results)
{
    for (u32 i = 0, n = type->nresults; i < n; i++) {
        ValType t = type->results[i];
        results[i].kind = number_kind(t);
        if (vt_is_wide(t)) results[i].of.i64 = cells[i];
        else results[i].of.i32 = (u32)cells[i];
    }
}

tern_status tern_store_call(tern_store *store, tern_instance *instance, FuncInst *func, const char *name,
                            const tern_value *args, u32 nargs, tern_value *results, u32 nresults,
                            tern_error *error)
{
    /* A call is short enough for what surrounds it to show (bench/calls): the usual one, of numbers, is all here. */
    const FuncType *type = func->type;
    Exec *x = store->exec;
    bool is_usual = TERN_FAST && type->param_words != NO_WORDS && nargs == type->nparams &&
                    nresults == type->nresults && instance != NULL && instance->is_prepared &&
                    func->instance != NULL && x != NULL && tern_exec_room(x, type->call_cells);
    if (UNLIKELY(!is_usual || !put_numbers(type, args, x->top)))
        return call_any(store, instance, func, name, args, nargs, results, nresults, error);
    tern_store_enter(store);
    TrapCode code = tern_exec_call_in_place(x, func);
    tern_store_leave(store);
    if (UNLIKELY(code != TRAP_NONE)) {
        tern_error_stopped(error, instance, x, tern_status_of(code));
        return tern_status_of(code);
    }
    take_numbers(type, x->top, results);
    return TERN_OK;
}

void tern_error_stopped(tern_error *error, const tern_instance *instance, const Exec *x, tern_status status)
{
    if (error == NULL) return;
    if (status == TERN_EXITED) {
        u32 code = x->trap.exit_code; /* not the instance's own, if it called another */
        if (!x->trap.has_exit_code) code = instance != NULL ? tern_instance_exit_code(instance) : 0;
        tern_error_say(error, TERN_ERROR_EXIT, "the guest exited with code %u", code);
    } else if (status == TERN_TRAPPED) {
        error->kind = TERN_ERROR_TRAP;
        (void)tern_trap_format(&x->trap, error->text, sizeof error->text);
    }
}

tern_status tern_ref_call(tern_ref *func, const tern_value *args, uint32_t nargs, tern_value *results,
                          uint32_t nresults, tern_error *error)
{
    if (UNLIKELY(func == NULL || func->top != HEAP_FUNC)) {
        tern_error_say(error, TERN_ERROR_USAGE, "not a reference to a function");
        return TERN_ERROR;
    }
    FuncInst *callee = tern_ref_func(func);
    tern_instance *instance = callee->instance != NULL ? callee->instance->host_data : NULL;
    return tern_store_call(func->store, instance, callee, "the function", args, nargs, results, nresults, error);
}

size_t tern_ref_type_text(const tern_ref *func, char *buf, size_t size)
{
    if (size > 0) buf[0] = '\0';
    if (func == NULL || func->top != HEAP_FUNC) return 0;
    return tern_func_type_text(tern_ref_func(func)->type, buf, size);
}

/* --- guest to host -------------------------------------------------------------------------------------- */

typedef struct HostEnv {
    tern_store *store;
    tern_host_func *func;
    void *user;
    const FuncType *type;
    u32 nrefs; /* among the parameters */
    bool is_small; /* a few numbers, see call_few */
} HostEnv;

enum { FEW_VALUES = 16, FEW_REFS = 4, FEW_NUMBERS = 8 };

/* What a host function is given: on the native stack if it is little. */
typedef struct HostFrame {
    tern_value *values; /* arguments, then results */
    tern_ref *refs;     /* that arguments borrow */
    tern_value few[FEW_VALUES];
    tern_ref few_refs[FEW_REFS];
} HostFrame;

static void frame_done(HostFrame *frame, Alloc *alloc, u32 nvalues, u32 nrefs)
{
    if (frame->values != frame->few) tern_free(alloc, frame->values, nvalues * sizeof *frame->values);
    if (frame->refs != frame->few_refs) tern_free(alloc, frame->refs, nrefs * sizeof *frame->refs);
}

static bool frame_init(HostFrame *frame, Alloc *alloc, u32 nvalues, u32 nrefs)
{
    frame->values = frame->few;
    frame->refs = frame->few_refs;
    if (UNLIKELY(nvalues > FEW_VALUES)) frame->values = tern_alloc(alloc, nvalues * sizeof *frame->values);
    if (UNLIKELY(nrefs > FEW_REFS)) frame->refs = tern_alloc(alloc, nrefs * sizeof *frame->refs);
    if (LIKELY(frame->values != NULL && frame->refs != NULL)) return true;
    frame_done(frame, alloc, frame->values != NULL ? nvalues : 0, frame->refs != NULL ? nrefs : 0);
    return false;
}

/* The cells at slots, which hold the arguments until there are results, keep what they refer to alive. */
static void give_args(const HostEnv *env, tern_store *store, const u64 *cells, HostFrame *frame)
{
    const FuncType *type = env->type;
    tern_ref *ref = frame->refs;
    for (u32 i = 0; i < type->nparams; i++) {
        tern_value *arg = &frame->values[i];
        ValType t = type->params[i];
        if (LIKELY(!vt_is_ref(t))) {
            cells = tern_value_from_cells(store, t, cells, arg);
            continue;
        }
        *arg = (tern_value){.kind = TERN_REF};
        if (*cells != REF_NULL) {
            *ref = (tern_ref){.store = store, .ref = *cells, .is_borrowed = true,
                              .top = tern_types_top(store->store->engine->types, t)};
            arg->of.ref = ref++;
        }
        cells++;
    }
    for (u32 i = 0; i < type->nresults; i++)
        frame->values[type->nparams + i] = (tern_value){.kind = tern_valkind_of(type->results[i])};
}

/* The host's results belong to the guest now. One handle may have been given twice. */
static void release_results(tern_value *results, u32 n)
{
    for (u32 i = 0; i < n; i++) {
        if (LIKELY(results[i].kind != TERN_REF) || results[i].of.ref == NULL) continue;
        tern_ref *ref = results[i].of.ref;
        for (u32 k = i + 1; k < n; k++)
            if (results[k].kind == TERN_REF && results[k].of.ref == ref) results[k].of.ref = NULL;
        tern_ref_release(ref);
    }
}

static TrapCode fail(Exec *x, const char *text)
{
    x->trap.code = TRAP_HOST;
    x->trap.nframes = x->trap.nframes_all = 0;
    x->trap.has_address = false;
    size_t size = strnlen(text, sizeof x->trap.message - 1);
    memmove(x->trap.message, text, size); /* it may be that very text, of a trap that is passed on */
    x->trap.message[size] = '\0';
    return TRAP_HOST;
}

static __attribute__((noinline, cold)) TrapCode refuse_result(Exec *x, u32 i, ValType wanted)
{
    char text[128], name[64];
    snprintf(text, sizeof text, "result %u of the host function must be %s", i + 1,
             tern_types_name(wanted, name, sizeof name));
    return fail(x, text);
}

/* Results to the cells at slots. */
static TrapCode put_results(Exec *x, const HostEnv *env, const tern_store *store, const tern_value *results,
                            u64 *cells)
{
    const FuncType *type = env->type;
    for (u32 i = 0; i < type->nresults; i++) {
        if (UNLIKELY(!tern_value_fits(store, &results[i], type->results[i])))
            return refuse_result(x, i, type->results[i]);
    }
    for (u32 i = 0; i < type->nresults; i++) cells += tern_value_to_cells(&results[i], cells);
    return TRAP_NONE;
}

static TrapCode call_with(Exec *x, const HostEnv *env, tern_store *store, tern_instance *caller, u64 *slots)
{
    const FuncType *type = env->type;
    Alloc *alloc = store->engine->alloc;
    u32 nvalues = type->nparams + type->nresults;
    HostFrame frame;
    if (UNLIKELY(!frame_init(&frame, alloc, nvalues, env->nrefs))) return TRAP_OUT_OF_MEMORY;
    give_args(env, store, slots, &frame);
    x->trap.code = TRAP_NONE;
    x->trap.message[0] = '\0';
    tern_value *results = frame.values + type->nparams;
    /* A trap, an exit or an exception that it met last and passes on is still there. */
    TrapCode code = TRAP_NONE;
    if (UNLIKELY(!env->func(caller, env->user, frame.values, results)))
        code = x->trap.code != TRAP_NONE ? x->trap.code : TRAP_HOST;
    if (LIKELY(code == TRAP_NONE)) code = put_results(x, env, store, results, slots);
    release_results(results, type->nresults);
    frame_done(&frame, alloc, nvalues, env->nrefs);
    return code;
}

/* Most are given a few numbers: nothing is made and nothing is released. */
static TrapCode call_few(Exec *x, const HostEnv *env, tern_instance *caller, u64 *slots)
{
    const FuncType *type = env->type;
    tern_value values[FEW_NUMBERS], *results = values + type->nparams;
    for (u32 i = 0, n = type->nparams; i < n; i++) {
        ValType t = type->params[i];
        values[i].kind = number_kind(t);
        if (vt_is_wide(t)) values[i].of.i64 = slots[i];
        else values[i].of.i32 = (u32)slots[i];
    }
    for (u32 i = 0, n = type->nresults; i < n; i++)
        results[i] = (tern_value){.kind = number_kind(type->results[i])};
    x->trap.code = TRAP_NONE;
    x->trap.message[0] = '\0';
    if (UNLIKELY(!env->func(caller, env->user, values, results)))
        return x->trap.code != TRAP_NONE ? x->trap.code : TRAP_HOST;
    for (u32 i = 0, n = type->nresults; i < n; i++) {
        ValType t = type->results[i];
        if (UNLIKELY(results[i].kind != number_kind(t))) return refuse_result(x, i, t);
        slots[i] = vt_is_wide(t) ? results[i].of.i64 : results[i].of.i32;
    }
    return TRAP_NONE;
}

/* On a thread that the guest started, which has a Store and an Exec of its own (wasi/threads.h): the caller and its
 * store are made for this call. */
static __attribute__((noinline)) TrapCode call_on_thread(Exec *x, const HostEnv *env, u64 *slots)
{
    tern_store store = {.engine = env->store->engine, .store = x->store, .exec = x, .user = env->store->user,
                        .refs = 1, .depth = 1, .timeout_ns = TERN_UNLIMITED};
    const tern_instance *first = x->instance != NULL ? x->instance->host_data : NULL;
    tern_instance caller = {.store = &store, .instance = x->instance, .exec = x, .is_prepared = true};
    if (first != NULL) {
        caller.wasi = first->wasi;
        caller.module = first->module;
        caller.user = first->user;
        caller.has_allocator = first->has_allocator;
        caller.allocator = first->allocator;
    }
    TrapCode code = call_with(x, env, &store, first != NULL ? &caller : NULL, slots);
    while (store.handles != NULL) tern_ref_release(store.handles);
    vec_free(&caller.blocks, store.engine->alloc);
    tern_map_free(&store.externs, store.engine->alloc);
    return code;
}

static TrapCode call_host(Exec *x, void *opaque, u64 *slots)
{
    const HostEnv *env = opaque;
    if (UNLIKELY(x->store != env->store->store)) return call_on_thread(x, env, slots);
    tern_instance *caller = LIKELY(x->instance != NULL) ? x->instance->host_data : NULL;
    if (TERN_FAST && LIKELY(env->is_small)) return call_few(x, env, caller, slots);
    return call_with(x, env, env->store, caller, slots);
}

FuncInst *tern_host_func_new(tern_store *store, u32 type_id, tern_host_func *func, void *user)
{
    HostEnv *env = tern_arena_alloc(&store->store->arena, sizeof *env, 1);
    if (env == NULL) return NULL;
    const FuncType *type = &tern_types_get(store->store->engine->types, type_id)->u.func;
    *env = (HostEnv){.store = store, .func = func, .user = user, .type = type};
    for (u32 i = 0; i < type->nparams; i++) env->nrefs += vt_is_ref(type->params[i]);
    env->is_small = type->param_words != NO_WORDS && (u64)type->nparams + type->nresults <= FEW_NUMBERS;
    return tern_func_new(store->store, type_id, call_host, env, NULL);
}

tern_ref *tern_func_create(tern_store *store, const char *type, tern_host_func *func, void *user,
                           tern_error *error)
{
    if (func == NULL) {
        tern_error_say(error, TERN_ERROR_USAGE, "no function is given");
        return NULL;
    }
    if (!tern_store_lasts(store, error)) return NULL;
    TypeRegistry *types = store->store->engine->types;
    u32 type_id;
    if (!tern_type_text_func(types, store->engine->alloc, type, &type_id, error)) return NULL;
    FuncInst *made = tern_host_func_new(store, type_id, func, user);
    tern_types_release(types, type_id); /* the store holds it */
    tern_ref *handle = made != NULL ? tern_ref_new(store, (Ref)(uintptr_t)made, VT_FUNCREF) : NULL;
    if (handle == NULL) tern_error_no_memory(error);
    return handle;
}

bool tern_instance_fail(tern_instance *caller, const char *text)
{
    if (caller != NULL) (void)fail(caller->exec, text != NULL ? text : "");
    return false;
}
