/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_natives.c - functions that hosts registered, and which import gets which.
 *
 * Groups are searched newest first; the first that has the symbol decides, also when its signature
 * does not fit. Arrays are looked up through a map and, unlike in WAMR, not sorted: they are never
 * written. */
#include <stdio.h>

#include "api/wamr.h"

struct NativeGroup {
    NativeGroup *next;
    const char *module_name; /* borrowed, as is everything of the host's */
    NativeSymbol *symbols;
    u32 n;
    bool is_raw;
    Map by_name; /* symbol -> index */
    ApiEngine *engine;
};

static void group_free(NativeGroup *group)
{
    if (group == NULL) return;
    ApiEngine *engine = group->engine;
    tern_map_free(&group->by_name, engine->alloc);
    tern_free(engine->alloc, group, sizeof *group);
    tern_api_engine_release(engine);
}

static bool register_group(const char *module_name, NativeSymbol *symbols, u32 n, bool is_raw)
{
    ApiEngine *engine = tern_api_engine_hold();
    if (engine == NULL) {
        tern_api_log(WASM_LOG_LEVEL_ERROR, "register natives: the runtime is not running");
        return false;
    }
    NativeGroup *group = tern_alloc_zeroed(engine->alloc, 1, sizeof *group);
    if (group == NULL) {
        tern_api_engine_release(engine);
        return false;
    }
    *group = (NativeGroup){.module_name = module_name != NULL ? module_name : "",
                           .symbols = symbols,
                           .n = n,
                           .is_raw = is_raw,
                           .engine = engine};
    for (u32 i = n; i-- > 0;) { /* backwards: the first of equal names stays */
        const char *symbol = symbols[i].symbol;
        if (tern_map_put(&group->by_name, engine->alloc, symbol, (u32)strlen(symbol), i)) continue;
        group_free(group);
        return false;
    }
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    group->next = runtime->natives;
    runtime->natives = group;
    tern_port_mutex_unlock(&runtime->lock);
    return true;
}

bool wasm_runtime_register_natives(const char *module_name, NativeSymbol *native_symbols,
                                   uint32_t n_native_symbols)
{
    return register_group(module_name, native_symbols, n_native_symbols, false);
}

bool wasm_runtime_register_natives_raw(const char *module_name, NativeSymbol *native_symbols,
                                       uint32_t n_native_symbols)
{
    return register_group(module_name, native_symbols, n_native_symbols, true);
}

bool wasm_runtime_unregister_natives(const char *module_name, NativeSymbol *native_symbols)
{
    Runtime *runtime = tern_api_runtime();
    NativeGroup *found = NULL;
    tern_port_mutex_lock(&runtime->lock);
    for (NativeGroup **p = &runtime->natives; *p != NULL; p = &(*p)->next) {
        if ((*p)->symbols != native_symbols || strcmp((*p)->module_name, module_name) != 0)
            continue;
        found = *p;
        *p = found->next;
        break;
    }
    tern_port_mutex_unlock(&runtime->lock);
    group_free(found);
    return found != NULL;
}

void tern_api_natives_clear(Runtime *runtime)
{
    tern_port_mutex_lock(&runtime->lock);
    NativeGroup *group = runtime->natives;
    runtime->natives = NULL;
    tern_port_mutex_unlock(&runtime->lock);
    while (group != NULL) {
        NativeGroup *next = group->next;
        group_free(group);
        group = next;
    }
}

/* --- our own ---------------------------------------------------------------------------------- */

static u32 shared_heap_malloc(wasm_exec_env_t env, u32 size)
{
    return (u32)wasm_runtime_shared_heap_malloc(env->inst, size, NULL);
}

static void shared_heap_free(wasm_exec_env_t env, void *ptr)
{
    u64 addr = wasm_runtime_addr_native_to_app(env->inst, ptr);
    wasm_runtime_shared_heap_free(env->inst, addr);
}

/* Of the module env, behind everything that hosts register. */
static const NativeSymbol own_symbols[] = {
    {"shared_heap_malloc", (void *)shared_heap_malloc, "(i)i", NULL},
    {"shared_heap_free", (void *)shared_heap_free, "(*)", NULL},
};

static const NativeSymbol *find_own(Name module, Name name)
{
    for (u32 i = 0; i < COUNT_OF(own_symbols) && name_is(module, "env"); i++)
        if (name_is(name, own_symbols[i].symbol)) return &own_symbols[i];
    return NULL;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* The symbol of the newest group that has it, by value. The runtime's lock is held. */
static const NativeSymbol *find(const Runtime *runtime, Name module, Name name, bool *is_raw)
{
    for (const NativeGroup *group = runtime->natives; group != NULL; group = group->next) {
        if (!name_is(module, group->module_name)) continue;
        const u64 *index = tern_map_get(&group->by_name, name.bytes, name.size);
        if (index == NULL && name.size > 0 && name.bytes[0] == '_')
            index = tern_map_get(&group->by_name, name.bytes + 1, name.size - 1);
        if (index == NULL) continue;
        *is_raw = group->is_raw;
        return &group->symbols[*index];
    }
    *is_raw = false;
    return find_own(module, name);
}

bool tern_api_native_exists(const char *module_name, const char *name)
{
    Runtime *runtime = tern_api_runtime();
    bool is_raw;
    tern_port_mutex_lock(&runtime->lock);
    bool found = find(runtime, (Name){module_name, (u32)strlen(module_name)},
                      (Name){name, (u32)strlen(name)}, &is_raw) != NULL;
    tern_port_mutex_unlock(&runtime->lock);
    return found;
}

bool tern_api_native_resolve(wasm_module_t module, const Import *import, ImportLink *link)
{
    Runtime *runtime = tern_api_runtime();
    NativeSymbol symbol;
    bool is_raw = false;
    tern_port_mutex_lock(&runtime->lock);
    const NativeSymbol *found = find(runtime, import->module, import->name, &is_raw);
    if (found != NULL) symbol = *found;
    tern_port_mutex_unlock(&runtime->lock);
    if (found == NULL) return false;

    const Module *m = module->module;
    const FuncType *type = tern_module_func_type(m, import->index);
    link->call.attachment = symbol.attachment;
    link->call.import = import;
    const char *reason = NULL;
    bool is_64 = m->nmemories > 0 && m->memories[0].limits.is_64;
    bool fits = is_raw ? tern_native_call_init_raw(&link->call, type, is_64, symbol.func_ptr, symbol.signature,
                                                   &reason)
                       : tern_native_call_init(&link->call, &module->arena, type, is_64, symbol.func_ptr,
                                               symbol.signature, &reason);
    if (!fits) {
        tern_api_log(
            WASM_LOG_LEVEL_WARNING,
            "failed to check signature '%s' and resolve pointer params for import function (%.*s, %.*s): %s",
            symbol.signature != NULL ? symbol.signature : "", (int)import->module.size,
            import->module.bytes, (int)import->name.size, import->name.bytes, reason);
        return true;
    }
    link->kind = LINK_NATIVE;
    return true;
}

/* --- what is ours ----------------------------------------------------------------------------- */

bool tern_api_is_builtin_module(Name name)
{
    return name_is(name, "env") || name_is(name, "") || tern_wasi_is_module(name);
}

bool tern_api_builtin_global(const Import *import, const GlobalType *type, Value *value)
{
    if (!name_is(import->module, "global") || type->is_mutable || type->type != VT_F64)
        return false;
    *value = (Value){0};
    if (name_is(import->name, "NaN"))
        value->i64 = 0x7ff8000000000000;
    else if (name_is(import->name, "Infinity"))
        value->i64 = 0x7ff0000000000000;
    else
        return false;
    return true;
}

bool wasm_runtime_is_import_func_linked(const char *module_name, const char *func_name)
{
    return tern_api_native_exists(module_name, func_name) ||
           tern_wasi_has((Name){module_name, (u32)strlen(module_name)},
                         (Name){func_name, (u32)strlen(func_name)});
}

bool wasm_runtime_is_import_global_linked(const char *module_name, const char *global_name)
{
    return strcmp(module_name, "global") == 0 &&
           (strcmp(global_name, "NaN") == 0 || strcmp(global_name, "Infinity") == 0);
}

TrapCode tern_api_call_unlinked(Exec *x, void *env, u64 *slots)
{
    (void)slots;
    const NativeCall *call = env;
    wasm_exec_env_t exec_env = x->host_data;
    const Import *import = call->import;
    tern_api_throw(exec_env->inst, "failed to call unlinked import function (%.*s, %.*s)",
                   (int)import->module.size, import->module.bytes, (int)import->name.size,
                   import->name.bytes);
    return tern_exec_trap(x, TRAP_UNLINKED_IMPORT);
}
