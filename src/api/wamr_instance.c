/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_instance.c - instantiating: finding or making what every import needs, and the start
 * functions.
 *
 * Registered modules are instantiated on demand, once per top-level instance, in its store.
 * Whatever fails, the whole top-level instance is undone. */
#include <stdarg.h>
#include <stdio.h>

#include "api/wamr.h"
#include "runtime/guest_heap.h"
#include "runtime/heap_placement.h"

struct InstantiationArgs2 {
    InstantiationArgs v1;
    void *custom_data;
    WasiSettings wasi;
    ApiEngine *engine; /* held; NULL in those that the older calls make on their stack */
};

/* One instantiation in progress. */
typedef struct Making {
    wasm_module_inst_t root;
    const struct InstantiationArgs2 *args;
    wasm_module_inst_t thread_of; /* root is a thread of this; or NULL */
    char *error_buf;
    u32 error_buf_size;
} Making;

#define FAIL_PREFIX "WASM module instantiate failed: "

/* The first reason stays. Always false. */
#define FAIL(making, ...) fail(making, FAIL_PREFIX __VA_ARGS__)
__attribute__((format(printf, 2, 3))) static bool fail(Making *making, const char *format, ...)
{
    if (making->error_buf == NULL || making->error_buf_size == 0) return false;
    va_list args;
    va_start(args, format);
    vsnprintf(making->error_buf, making->error_buf_size, format, args);
    va_end(args);
    making->error_buf = NULL;
    return false;
}

static bool no_memory(Making *making) { return FAIL(making, "allocate memory failed"); }

/* Names as the guest wrote them, kept short. */
#define IMPORT_ARGS(import)                                          \
    (int)u64_min((import)->module.size, 48), (import)->module.bytes, \
        (int)u64_min((import)->name.size, 64), (import)->name.bytes

static bool instantiate(Making *making, wasm_module_inst_t inst);

/* What the host said about memories that are declared with least to most pages. */
static MemoryOptions memory_options(Making *making, u64 least, u64 most)
{
    MemoryOptions options = {.may_move =
                                 making->root->module->engine->engine->options.memories_move,
                             .max_pages = UINT64_MAX};
    u64 wanted = making->args->v1.max_memory_pages;
    if (wanted == 0) return options;
    if (wanted < least || (wanted > most && most != UINT64_MAX))
        tern_api_log(WASM_LOG_LEVEL_WARNING,
                     "max_memory_pages %llu is outside the module's %llu to %llu: adjusted",
                     (unsigned long long)wanted, (unsigned long long)least,
                     (unsigned long long)most);
    options.max_pages = u64_max(wanted, least);
    return options;
}

/* --- imports ---------------------------------------------------------------------------------- */

static void circular(Making *making, wasm_module_t module)
{
    const char *name = module->registered_name != NULL ? module->registered_name : module->name;
    FAIL(making, "module \"%.64s\" imports itself through others", name);
}

/* The instance of a registered module, made if this is the first import of it. */
static wasm_module_inst_t sub_instance(Making *making, wasm_module_t module)
{
    wasm_module_inst_t root = making->root;
    for (wasm_module_inst_t sub = root->subs; sub != NULL; sub = sub->next) {
        if (sub->module != module) continue;
        if (sub->instance != NULL) return sub;
        circular(making, module);
        return NULL;
    }
    if (module == root->module) {
        circular(making, module);
        return NULL;
    }
    wasm_module_inst_t sub = tern_alloc_zeroed(module->engine->alloc, 1, sizeof *sub);
    if (sub == NULL) {
        no_memory(making);
        return NULL;
    }
    sub->root = root;
    sub->module = tern_api_module_retain(module);
    sub->store = root->store;
    sub->mode = root->mode;
    sub->has_checks = true;
    sub->stack_bytes = root->stack_bytes;
    sub->custom_data = root->custom_data;
    sub->next = root->subs;
    root->subs = sub;
    return instantiate(making, sub) ? sub : NULL;
}

/* A memory that the module imports from a built-in name, with the heap the host wants in it. */
static Memory *create_memory(Making *making, const MemoryType *type, bool wants_heap)
{
    Diag diag = {0};
    HeapPlacement heap;
    MemoryOptions options = memory_options(making, type->limits.min, type->limits.max);
    u64 heap_bytes = wants_heap ? making->args->v1.host_managed_heap_size : 0;
    Memory *memory = NULL;
    if (tern_heap_placement_find_in(type, heap_bytes, &options, &heap, &diag))
        memory = tern_store_memory_new(making->root->store, &heap.memory, &heap.options, &diag);
    if (memory == NULL) {
        FAIL(making, "%s", tern_diag_text(diag.code));
        return NULL;
    }
    memory->type = *type; /* the import's, which the heap does not change */
    if (heap.size_bytes == 0) return memory;
    memory->heap = tern_guest_heap_new(memory->alloc, heap.start, heap.size_bytes);
    if (memory->heap == NULL) no_memory(making);
    return memory->heap != NULL ? memory : NULL;
}

static bool create(Making *making, const Module *m, const Import *import, Extern *out)
{
    Store *store = making->root->store;
    Value value = {0};
    switch (import->kind) {
    case EXTERN_TABLE:
        out->u.table = tern_table_new(store, &m->tables[import->index].type, REF_NULL);
        break;
    case EXTERN_MEMORY: {
        GuestAllocator found;
        bool wants_heap = import->index == 0 && !tern_guest_allocator_find(m, &found);
        out->u.memory = create_memory(making, &m->memories[import->index], wants_heap);
        if (out->u.memory == NULL) return false;
        break;
    }
    case EXTERN_GLOBAL:
        tern_api_builtin_global(import, &m->globals[import->index].type, &value);
        out->u.global = tern_global_new(store, m->globals[import->index].type, value);
        break;
    case EXTERN_FUNC:
    case EXTERN_TAG:
    case EXTERN_KINDS: return FAIL(making, "unknown import");
    }
    return out->u.func != NULL || no_memory(making); /* the union's pointers share their place */
}

static bool host_func(Making *making, const Module *m, const Import *import, HostFunc *host,
                      NativeCall *call, Extern *out)
{
    out->u.func =
        tern_func_new(making->root->store, m->funcs[import->index].type_id, host, call, NULL);
    return out->u.func != NULL || no_memory(making);
}

static bool make_wasi(Making *making)
{
    if (making->root->wasi != NULL) return true;
    const WasiSettings *settings =
        making->args->wasi.is_set ? &making->args->wasi : &making->root->module->wasi;
    WasiOptions options = settings->is_set ? settings->options : WASI_OPTIONS_DEFAULT;
    options.addr_pool = settings->addr_pool;
    options.naddr_pool = settings->naddr_pool;
    options.thread_maker = tern_api_wasi_threads;
    options.max_threads = UINT32_MAX; /* the runtime's number holds */
    options.max_memory_pages = making->args->v1.max_memory_pages;
    options.ns_lookup_pool = settings->ns_lookup_pool;
    options.nns_lookup_pool = settings->nns_lookup_pool;
    Diag diag = {0};
    making->root->wasi = tern_wasi_new(making->root->store, &options, &diag);
    if (making->root->wasi != NULL) return true;
    if (diag.code == DIAG_WASI_ADDRESS_POOL)
        return FAIL(making, "Invalid address pool entry: %s, must be in the format of ADDRESS/MASK", diag.detail);
    /* WAMR's words, line ends included; "PATH: error N" is ours. */
    const char *split = strstr(diag.detail, ": error ");
    if (diag.code == DIAG_WASI_DIRECTORY && split == NULL)
        return FAIL(making, "error while pre-opening mapped directory: invalid map\n");
    if (diag.code == DIAG_WASI_DIRECTORY)
        return FAIL(making, "error while pre-opening directory %.*s: %s\n", (int)(split - diag.detail),
                    diag.detail, split + strlen(": error "));
    char reason[192];
    tern_diag_format(&diag, reason, sizeof reason);
    return FAIL(making, "Init wasi environment failed: %s", reason);
}

static bool provide(Making *making, wasm_module_t module, u32 i, Extern *out)
{
    const Module *m = module->module;
    const Import *import = &m->imports[i];
    ImportLink *link = &module->links[i];
    out->kind = import->kind;
    if (making->thread_of != NULL && module == making->root->module && import->kind == EXTERN_MEMORY) {
        out->u.memory = making->thread_of->instance->memories[import->index];
        if (out->u.memory->type.limits.is_shared) return true;
    }
    switch (link->kind) {
    case LINK_NATIVE: return host_func(making, m, import, link->call.thunk, &link->call, out);
    case LINK_CREATE: return create(making, m, import, out);
    case LINK_WASI:
        if (!make_wasi(making)) return false;
        if (tern_wasi_link(making->root->wasi, making->root->store, m, import, out)) return true;
        break;
    case LINK_MODULE: {
        wasm_module_inst_t sub = sub_instance(making, link->module);
        if (sub == NULL) return false;
        if (tern_instance_find_export(sub->instance, import->name, out) && out->kind == import->kind)
            return true;
        out->kind = import->kind;
        break;
    }
    case LINK_NONE: break;
    }
    if (import->kind == EXTERN_FUNC) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "failed to link import function (%.*s, %.*s)",
                     IMPORT_ARGS(import));
        return host_func(making, m, import, tern_api_call_unlinked, &link->call, out);
    }
    static const char *const names[EXTERN_KINDS] = {"function", "table", "memory", "global", "tag"};
    return FAIL(making, "failed to link import %s (%.*s, %.*s)", names[import->kind],
                IMPORT_ARGS(import));
}

/* --- start functions -------------------------------------------------------------------------- */

static FuncInst *start_func(wasm_module_inst_t inst, const char *name)
{
    Extern found;
    if (!tern_instance_find_export(inst->instance, (Name){name, (u32)strlen(name)}, &found)) return NULL;
    if (found.kind != EXTERN_FUNC) return NULL;
    const FuncType *type = found.u.func->type;
    return type->nparams == 0 && type->nresults == 0 ? found.u.func : NULL;
}

static bool run_start(Making *making, wasm_module_inst_t inst)
{
    const char *names[] = {"_initialize", "__post_instantiate", "__wasm_call_ctors"};
    FuncInst *funcs[COUNT_OF(names) + 1] = {NULL};
    bool is_thread = making->thread_of != NULL && inst == making->root; /* the rest was done once */
    u32 n = 0;
    const Module *m = inst->instance->module;
    if (m->has_start) {
        funcs[n] = tern_instance_func(inst->instance, m->start);
        if (funcs[n++] == NULL) return no_memory(making);
    }
    for (u32 i = 0; i < COUNT_OF(names); i++) {
        bool wanted = !is_thread && (i == 1 || (i == 0) == inst->module->imports_wasi);
        FuncInst *func = wanted ? start_func(inst, names[i]) : NULL;
        if (func != NULL) funcs[n++] = func;
    }
    if (n == 0) return true;

    wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst->root);
    if (env == NULL) return no_memory(making);
    wasm_module_inst_t outer = env->inst;
    env->inst = inst;
    for (u32 i = 0; i < n && !tern_api_has_exception(inst); i++) {
        TrapCode code = tern_api_run(env, funcs[i]);
        if (code != TRAP_NONE) tern_api_trapped(env, code);
    }
    env->inst = outer;
    if (!tern_api_has_exception(inst)) return true;
    char text[EXCEPTION_BYTES]; /* another thread may be terminating it */
    tern_port_mutex_lock(&inst->root->lock);
    memcpy(text, inst->root->exception, sizeof text);
    tern_port_mutex_unlock(&inst->root->lock);
    return FAIL(making, "%s", text);
}

/* --- instances -------------------------------------------------------------------------------- */

static MemoryOptions own_memory_options(Making *making, const Module *m)
{
    u64 least = 0, most = 0;
    u32 first = m->nimported[EXTERN_MEMORY];
    for (u32 i = first; i < m->nmemories; i++) {
        least = u64_max(least, m->memories[i].limits.min);
        most = u64_max(most, m->memories[i].limits.max);
    }
    return memory_options(making, least, first < m->nmemories ? most : UINT64_MAX);
}

/* What is known beyond text, for which hosts' comparisons leave no place: the host prints text itself. */
static void log_rest(const char *text, const char *detail)
{
    size_t n = strlen(text);
    if (strncmp(detail, text, n) == 0 && detail[n] == ':') detail += n + 2;
    if (detail[0] != '\0') tern_api_log(WASM_LOG_LEVEL_WARNING, "instantiate: %s", detail);
}

/* Fills inst, whose root, module and store are set. */
static bool instantiate(Making *making, wasm_module_inst_t inst)
{
    Module *m = inst->module->module;
    Alloc *alloc = inst->module->engine->alloc;
    Extern *imports = tern_alloc_zeroed(alloc, (u64)m->nimports + 1, sizeof *imports);
    if (imports == NULL) return no_memory(making);
    bool ok = true;
    for (u32 i = 0; ok && i < m->nimports; i++) ok = provide(making, inst->module, i, &imports[i]);

    if (ok) {
        MemoryOptions memory = own_memory_options(making, m);
        InstantiateOptions options = {.memory = &memory,
                                      .guest_heap_bytes = making->args->v1.host_managed_heap_size};
        bool is_thread = making->thread_of != NULL && inst == making->root;
        if (is_thread) options.thread_of = making->thread_of->instance;
        Diag diag = {0};
        TrapCode trap = TRAP_NONE;
        inst->instance = tern_instance_new(inst->store, m, imports, &options, &diag, &trap);
        if (inst->instance == NULL) {
            char reason[256];
            tern_diag_format(&diag, reason, sizeof reason);
            const char *text = reason;
            if (diag.code == DIAG_INSTANTIATE_TRAP) text = tern_trap_wamr_text(trap);
            bool is_compared =
                diag.code == DIAG_HEAP_TOO_SMALL || diag.code == DIAG_HEAP_DOES_NOT_FIT;
            if (is_compared) text = tern_diag_text(diag.code); /* hosts know these to the byte */
            if (text != reason) log_rest(text, diag.detail);
            ok = FAIL(making, "%s", text);
        }
    }
    tern_free(alloc, imports, ((size_t)m->nimports + 1) * sizeof *imports);
    if (!ok) return false;

    inst->instance->host_data = inst;
    if (!tern_guest_allocator_find(m, &inst->allocator)) inst->allocator.free_func = UINT32_MAX;
    if (making->thread_of != NULL && inst == making->root && !tern_api_thread_place_stack(inst))
        return FAIL(making, "no room for another thread's stack");
    return run_start(making, inst);
}

static void free_wrapper(wasm_module_inst_t inst)
{
    wasm_module_t module = inst->module;
    Alloc *alloc = module->engine->alloc;
    ApiEngine *engine = module->engine;
    __atomic_add_fetch(&engine->refs, 1, __ATOMIC_RELAXED); /* its allocator outlives the module */
    tern_free(alloc, inst, sizeof *inst);
    tern_api_module_release(module);
    tern_api_engine_release(engine);
}

static void run_context_dtors(wasm_module_inst_t inst)
{
    Runtime *runtime = tern_api_runtime();
    for (u32 i = 0; i < MAX_CONTEXT_KEYS; i++) {
        tern_port_mutex_lock(&runtime->lock);
        ContextKey key = runtime->keys[i];
        tern_port_mutex_unlock(&runtime->lock);
        if (key.is_used && key.dtor != NULL) key.dtor(inst, inst->contexts[i]);
    }
}

/* Not for a thread's root, whose contexts are its leader's. */
static void run_all_dtors(wasm_module_inst_t root)
{
    for (wasm_module_inst_t sub = root->subs; sub != NULL; sub = sub->next) run_context_dtors(sub);
    run_context_dtors(root);
}

/* The parts of a root that may not be there yet, too. */
static void free_root(wasm_module_inst_t root)
{
    if (!root->is_thread) tern_wasi_threads_end(root->wasi);
    tern_api_thread_unlink(root);
    tern_api_shared_heap_leave(root);
    tern_api_externrefs_clear(tern_api_runtime(), root);
    for (wasm_module_inst_t sub = root->subs; sub != NULL; sub = sub->next) {
        tern_api_shared_heap_leave(sub);
        tern_api_externrefs_clear(tern_api_runtime(), sub);
    }
    while (root->envs != NULL) {
        wasm_exec_env_t env = root->envs;
        root->envs = env->next;
        tern_exec_free(env->x);
        env->x = NULL; /* the host may still destroy what it created */
        env->root = env->inst = NULL;
        env->engine = root->module->engine;
        __atomic_add_fetch(&env->engine->refs, 1, __ATOMIC_RELAXED);
        if (env == root->singleton) wasm_runtime_destroy_exec_env(env);
    }
    tern_store_free(root->store);
    if (!root->is_thread) tern_wasi_free(root->wasi); /* else its leader's */
    while (root->subs != NULL) {
        wasm_module_inst_t sub = root->subs;
        root->subs = sub->next;
        free_wrapper(sub);
    }
    tern_port_mutex_done(&root->lock);
    free_wrapper(root);
}

void wasm_runtime_deinstantiate(wasm_module_inst_t module_inst)
{
    if (module_inst == NULL) return;
    wasm_module_inst_t root = module_inst->root;
    if (!root->is_thread) run_all_dtors(root);
    free_root(root);
}

/* making->root, or nothing is left of it. */
static bool make_root(Making *making, wasm_module_t module)
{
    wasm_module_inst_t root = tern_alloc_zeroed(module->engine->alloc, 1, sizeof *root);
    if (root == NULL) return no_memory(making);
    making->root = root;
    root->root = root;
    root->module = tern_api_module_retain(module);
    root->mode = Mode_Interp;
    root->has_checks = true;
    root->stack_bytes = making->args->v1.default_stack_size;
    root->heap_bytes = making->args->v1.host_managed_heap_size;
    root->custom_data = making->args->custom_data;
    tern_port_mutex_init(&root->lock);
    wasm_module_inst_t of = making->thread_of;
    bool ok = true;
    if (of != NULL) {
        root->wasi = of->root->wasi;
        memcpy(root->contexts, of->contexts, sizeof root->contexts);
        root->is_thread = true;
        ok = tern_api_thread_link(of->root->is_thread ? of->root->leader : of->root, root) ||
             FAIL(making, "too many threads");
    }
    if (ok) root->store = tern_store_new(module->engine->engine);
    if (ok && (root->store != NULL ? instantiate(making, root) : no_memory(making))) return true;
    if (!root->is_thread) run_all_dtors(root); /* the start function's natives may have set contexts */
    free_root(root);
    return false;
}

/* --- entry points ----------------------------------------------------------------------------- */

wasm_module_inst_t wasm_runtime_instantiate_ex2(const wasm_module_t module,
                                                const struct InstantiationArgs2 *args,
                                                char *error_buf, uint32_t error_buf_size)
{
    Making making = {.args = args, .error_buf = error_buf, .error_buf_size = error_buf_size};
    if (module == NULL) {
        FAIL(&making, "module is null");
        return NULL;
    }
    if (args->wasi.is_set && module->wasi.is_set) {
        FAIL(&making, "WASI configuration was given via both of module and InstantiationArgs2");
        return NULL;
    }
    return make_root(&making, module) ? making.root : NULL;
}

wasm_module_inst_t tern_api_thread_instantiate(wasm_module_inst_t of, char *error_buf,
                                               u32 error_buf_size)
{
    struct InstantiationArgs2 args = {.v1 = {of->root->stack_bytes, of->root->heap_bytes, 0},
                                      .custom_data = of->custom_data};
    Making making = {.args = &args,
                     .thread_of = of,
                     .error_buf = error_buf,
                     .error_buf_size = error_buf_size};
    return make_root(&making, of->module) ? making.root : NULL;
}

wasm_module_inst_t wasm_runtime_instantiate_ex(const wasm_module_t module,
                                               const InstantiationArgs *args, char *error_buf,
                                               uint32_t error_buf_size)
{
    struct InstantiationArgs2 args2 = {.v1 = *args};
    return wasm_runtime_instantiate_ex2(module, &args2, error_buf, error_buf_size);
}

wasm_module_inst_t wasm_runtime_instantiate(const wasm_module_t module, uint32_t default_stack_size,
                                            uint32_t host_managed_heap_size, char *error_buf,
                                            uint32_t error_buf_size)
{
    InstantiationArgs args = {default_stack_size, host_managed_heap_size, 0};
    return wasm_runtime_instantiate_ex(module, &args, error_buf, error_buf_size);
}

/* --- the growing options ---------------------------------------------------------------------- */

bool wasm_runtime_instantiation_args_create(struct InstantiationArgs2 **p)
{
    ApiEngine *engine = tern_api_engine_hold();
    struct InstantiationArgs2 *args =
        engine != NULL ? tern_alloc_zeroed(engine->alloc, 1, sizeof *args) : NULL;
    if (args == NULL) {
        tern_api_engine_release(engine);
        return false;
    }
    args->engine = engine;
    *p = args;
    return true;
}

void wasm_runtime_instantiation_args_destroy(struct InstantiationArgs2 *p)
{
    if (p == NULL) return;
    ApiEngine *engine = p->engine;
    tern_free(engine->alloc, p, sizeof *p);
    tern_api_engine_release(engine);
}

void wasm_runtime_instantiation_args_set_default_stack_size(struct InstantiationArgs2 *p,
                                                            uint32_t v)
{
    p->v1.default_stack_size = v;
}

void wasm_runtime_instantiation_args_set_host_managed_heap_size(struct InstantiationArgs2 *p,
                                                                uint32_t v)
{
    p->v1.host_managed_heap_size = v;
}

void wasm_runtime_instantiation_args_set_max_memory_pages(struct InstantiationArgs2 *p, uint32_t v)
{
    p->v1.max_memory_pages = v;
}

void wasm_runtime_instantiation_args_set_custom_data(struct InstantiationArgs2 *p,
                                                     void *custom_data)
{
    p->custom_data = custom_data;
}

static WasiSettings *settings_of(struct InstantiationArgs2 *p)
{
    if (!p->wasi.is_set) p->wasi.options = WASI_OPTIONS_DEFAULT;
    p->wasi.is_set = true;
    return &p->wasi;
}

void wasm_runtime_instantiation_args_set_wasi_arg(struct InstantiationArgs2 *p, char *argv[],
                                                  int argc)
{
    settings_of(p)->options.argv = (const char *const *)argv;
    p->wasi.options.argc = argc > 0 ? (u32)argc : 0;
}

void wasm_runtime_instantiation_args_set_wasi_env(struct InstantiationArgs2 *p, const char *env[],
                                                  uint32_t env_count)
{
    settings_of(p)->options.env = env;
    p->wasi.options.nenv = env_count;
}

void wasm_runtime_instantiation_args_set_wasi_dir(struct InstantiationArgs2 *p,
                                                  const char *dir_list[], uint32_t dir_count,
                                                  const char *map_dir_list[],
                                                  uint32_t map_dir_count)
{
    WasiOptions *options = &settings_of(p)->options;
    options->dirs = dir_list;
    options->ndirs = dir_count;
    options->map_dirs = map_dir_list;
    options->nmap_dirs = map_dir_count;
}

void wasm_runtime_instantiation_args_set_wasi_stdio(struct InstantiationArgs2 *p, int64_t stdinfd,
                                                    int64_t stdoutfd, int64_t stderrfd)
{
    s64 *stdio = settings_of(p)->options.stdio;
    stdio[0] = stdinfd;
    stdio[1] = stdoutfd;
    stdio[2] = stderrfd;
}

void wasm_runtime_instantiation_args_set_wasi_addr_pool(struct InstantiationArgs2 *p,
                                                        const char *addr_pool[],
                                                        uint32_t addr_pool_size)
{
    settings_of(p)->addr_pool = addr_pool;
    p->wasi.naddr_pool = addr_pool_size;
}

void wasm_runtime_instantiation_args_set_wasi_ns_lookup_pool(struct InstantiationArgs2 *p,
                                                             const char *ns_lookup_pool[],
                                                             uint32_t ns_lookup_pool_size)
{
    settings_of(p)->ns_lookup_pool = ns_lookup_pool;
    p->wasi.nns_lookup_pool = ns_lookup_pool_size;
}
