/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_context.c - what hosts hang on instances: custom data, and contexts by key. */
#include "api/wamr.h"

wasm_module_t wasm_runtime_get_module(wasm_module_inst_t module_inst)
{
    return module_inst->module;
}

void wasm_runtime_set_custom_data(wasm_module_inst_t module_inst, void *custom_data)
{
    module_inst->custom_data = custom_data;
}

void *wasm_runtime_get_custom_data(wasm_module_inst_t module_inst)
{
    return module_inst->custom_data;
}

void wasm_runtime_set_bounds_checks(wasm_module_inst_t module_inst, bool enable)
{
    module_inst->has_checks = enable;
}

bool wasm_runtime_is_bounds_checks_enabled(wasm_module_inst_t module_inst)
{
    return module_inst->has_checks;
}

void *wasm_runtime_create_context_key(void (*dtor)(wasm_module_inst_t inst, void *ctx))
{
    Runtime *runtime = tern_api_runtime();
    ContextKey *key = NULL;
    tern_port_mutex_lock(&runtime->lock);
    for (u32 i = 0; i < MAX_CONTEXT_KEYS && key == NULL; i++) {
        if (!runtime->keys[i].is_used) key = &runtime->keys[i];
    }
    if (key != NULL) *key = (ContextKey){true, dtor};
    tern_port_mutex_unlock(&runtime->lock);
    return key;
}

void wasm_runtime_destroy_context_key(void *key)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    *(ContextKey *)key = (ContextKey){0};
    tern_port_mutex_unlock(&runtime->lock);
}

static void **context_of(wasm_module_inst_t inst, void *key)
{
    return &inst->contexts[(ContextKey *)key - tern_api_runtime()->keys];
}

void wasm_runtime_set_context(wasm_module_inst_t inst, void *key, void *ctx)
{
    *context_of(inst, key) = ctx;
}

/* Threads read theirs while it is spread: see the header. */
void wasm_runtime_set_context_spread(wasm_module_inst_t inst, void *key, void *ctx)
{
    *context_of(inst, key) = ctx;
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    wasm_module_inst_t root = inst->root, leader = root->is_thread ? root->leader : root;
    if (leader != NULL) {
        *context_of(leader, key) = ctx;
        for (wasm_module_inst_t t = leader->threads; t != NULL; t = t->next_thread)
            *context_of(t, key) = ctx;
    }
    tern_port_mutex_unlock(&runtime->lock);
}

void *wasm_runtime_get_context(wasm_module_inst_t inst, void *key)
{
    return *context_of(inst, key);
}
