/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_gc_roots.c - gc_export.h: what keeps an object, and who is told when it goes. */
#include "api/wamr_gc.h"

#include <stddef.h>

/* --- pins ------------------------------------------------------------------------------------- */

bool wasm_runtime_pin_object(wasm_exec_env_t exec_env, wasm_obj_t obj)
{
    return tern_gc_root_new(exec_env->x->store, handle_ref(obj)) != NULL;
}

bool wasm_runtime_unpin_object(wasm_exec_env_t exec_env, wasm_obj_t obj)
{
    Store *store = exec_env->x->store;
    GcRoot *root = tern_gc_root_find(store, handle_ref(obj));
    tern_gc_root_free(store, root);
    return root != NULL;
}

/* --- local references ------------------------------------------------------------------------- */

/* The host's variable is read as the collector's chain. */
_Static_assert(sizeof(WASMLocalObjectRef) == sizeof(GcLocal) &&
                   offsetof(WASMLocalObjectRef, prev) == offsetof(GcLocal, prev) &&
                   offsetof(WASMLocalObjectRef, val) == offsetof(GcLocal, ref),
               "one layout");

void wasm_runtime_push_local_obj_ref(wasm_exec_env_t exec_env, wasm_local_obj_ref_t *local_obj_ref)
{
    local_obj_ref->prev = (void *)exec_env->x->locals;
    local_obj_ref->val = NULL;
    exec_env->x->locals = (void *)local_obj_ref;
}

wasm_local_obj_ref_t *wasm_runtime_get_cur_local_obj_ref(wasm_exec_env_t exec_env)
{
    return (void *)exec_env->x->locals;
}

wasm_local_obj_ref_t *wasm_runtime_pop_local_obj_ref(wasm_exec_env_t exec_env)
{
    wasm_local_obj_ref_t *newest = (void *)exec_env->x->locals;
    if (newest != NULL) exec_env->x->locals = (void *)newest->prev;
    return newest;
}

void wasm_runtime_pop_local_obj_refs(wasm_exec_env_t exec_env, uint32_t n)
{
    while (n > 0 && wasm_runtime_pop_local_obj_ref(exec_env) != NULL) n--;
}

/* --- finalizers ------------------------------------------------------------------------------- */

static void finalize(GcObject *object, void (*callback)(void), void *data)
{
    wasm_obj_finalizer_t finalizer = (wasm_obj_finalizer_t)callback;
    finalizer((wasm_obj_t)(void *)object, data);
}

static GcObject *finalizable(const void *obj)
{
    GcObject *object = handle_object(obj, GC_STRUCT);
    return object != NULL ? object : handle_object(obj, GC_ARRAY);
}

bool wasm_obj_set_gc_finalizer(wasm_exec_env_t exec_env, const wasm_obj_t obj,
                               wasm_obj_finalizer_t cb, void *data)
{
    (void)exec_env;
    GcObject *object = finalizable(obj);
    if (object == NULL || cb == NULL) return false;
    return tern_gc_finalizer_set(object, finalize, (void (*)(void))cb, data);
}

void wasm_obj_unset_gc_finalizer(wasm_exec_env_t exec_env, void *obj)
{
    (void)exec_env;
    GcObject *object = finalizable(obj);
    if (object != NULL) tern_gc_finalizer_unset(object);
}
