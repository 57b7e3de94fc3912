/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_module.c - loading, registering and unloading modules, and finding providers for their
 * imports.
 *
 * Bytes are always copied, so the host's buffer is its own again after load and is never
 * written. */
#include "api/wamr.h"
#include "binary/decode.h"

struct RegisteredModule {
    RegisteredModule *next;
    wasm_module_t module; /* holds it */
    size_t size;
    char name[]; /* NUL-terminated */
};

/* Modules that are being loaded because another imports them, to see a circle. */
typedef struct Loading Loading;
struct Loading {
    Name name;
    const Loading *outer;
};

/* Names are short in messages. */
#define NAME_ARG(name) (int)u64_min((name).size, 64), (name).bytes

/* --- life ------------------------------------------------------------------------------------- */

void tern_api_module_release(wasm_module_t module)
{
    if (module == NULL || __atomic_sub_fetch(&module->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    for (u32 i = 0; module->links != NULL && i < module->module->nimports; i++) {
        tern_api_module_release(module->links[i].module);
    }
    if (module->names != NULL) tern_free(module->engine->alloc, module->names, module->names_bytes);
    tern_module_release(module->module);
    tern_arena_done(&module->arena);
    ApiEngine *engine = module->engine;
    tern_free(engine->alloc, module, sizeof *module);
    tern_api_engine_release(engine);
}

/* A registered module is the registry's: as in WAMR, hosts may unload it, however often, or not. */
void wasm_runtime_unload(wasm_module_t module)
{
    if (module == NULL) return;
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    bool is_registered = module->registered_name != NULL;
    tern_port_mutex_unlock(&runtime->lock);
    if (!is_registered) tern_api_module_release(module);
}

static const char *copy_text(Arena *arena, const char *text, size_t size)
{
    char *copy = tern_arena_alloc(arena, 1, (u64)size + 1);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

/* --- registered modules ----------------------------------------------------------------------- */

/* The lock is held. */
static wasm_module_t find_registered(const Runtime *runtime, Name name)
{
    for (const RegisteredModule *r = runtime->registered; r != NULL; r = r->next) {
        if (name_is(name, r->name)) return r->module;
    }
    return NULL;
}

wasm_module_t wasm_runtime_find_module_registered(const char *module_name)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    wasm_module_t module = find_registered(runtime, (Name){module_name, (u32)strlen(module_name)});
    tern_port_mutex_unlock(&runtime->lock);
    return module;
}

void tern_api_registered_clear(Runtime *runtime)
{
    tern_port_mutex_lock(&runtime->lock);
    RegisteredModule *r = runtime->registered;
    runtime->registered = NULL;
    tern_port_mutex_unlock(&runtime->lock);
    /* Modules that import each other hold each other. */
    for (RegisteredModule *each = r; each != NULL; each = each->next) {
        wasm_module_t module = each->module;
        for (u32 i = 0; module->links != NULL && i < module->module->nimports; i++) {
            wasm_module_t provider = module->links[i].module;
            if (provider != NULL) module->links[i] = (ImportLink){.call = {.import = &module->module->imports[i]}};
            tern_api_module_release(provider);
        }
    }
    while (r != NULL) {
        RegisteredModule *next = r->next;
        ApiEngine *engine = r->module->engine;
        __atomic_add_fetch(&engine->refs, 1,
                           __ATOMIC_RELAXED); /* its allocator has to outlive the module */
        r->module->registered_name = NULL;
        tern_api_module_release(r->module);
        tern_free(engine->alloc, r, r->size);
        tern_api_engine_release(engine);
        r = next;
    }
}

/* Takes r, and sets it to NULL, if it is needed; and the caller's reference to the module, if that is new. */
static const char *register_locked(Runtime *runtime, RegisteredModule **r, Name name, wasm_module_t module)
{
    wasm_module_t other = find_registered(runtime, name);
    if (other == module) return NULL;
    if (other != NULL) return "the module name has been registered by another module";
    if (module->registered_name != NULL) return "the module has been registered with another name";
    (*r)->next = runtime->registered;
    (*r)->module = module;
    module->registered_name = (*r)->name;
    runtime->registered = *r;
    *r = NULL;
    return NULL;
}

/* The host's allocator is called without the lock: it may ask the runtime something. */
static const char *register_module(Name name, wasm_module_t module)
{
    Alloc *alloc = module->engine->alloc;
    size_t size = sizeof(RegisteredModule) + name.size + 1;
    RegisteredModule *r = tern_alloc_zeroed(alloc, 1, size);
    if (r == NULL) return "allocate memory failed";
    memcpy(r->name, name.bytes, name.size);
    r->size = size;
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    const char *reason = register_locked(runtime, &r, name, module);
    tern_port_mutex_unlock(&runtime->lock);
    if (r != NULL) tern_free(alloc, r, size);
    return reason;
}

bool wasm_runtime_register_module(const char *module_name, wasm_module_t module, char *error_buf,
                                  uint32_t error_buf_size)
{
    const char *reason = NULL;
    Name name = {module_name, module_name != NULL ? (u32)strlen(module_name) : 0};
    if (module_name == NULL || module == NULL)
        reason = module == NULL ? "module is null" : "module name is null";
    else if (tern_api_is_builtin_module(name))
        reason = "can not register as a built-in module";
    if (reason == NULL) reason = register_module(name, module);
    if (reason != NULL)
        tern_api_error(error_buf, error_buf_size, "Register module failed: %s", reason);
    return reason == NULL;
}

void wasm_runtime_set_module_reader(const module_reader reader, const module_destroyer destroyer)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    runtime->reader = reader;
    runtime->destroyer = destroyer;
    tern_port_mutex_unlock(&runtime->lock);
}

/* --- resolving -------------------------------------------------------------------------------- */

static wasm_module_t load(const u8 *buf, size_t size, const LoadArgs *args, const Loading *loading,
                          char *error_buf, u32 error_buf_size);

/* Asks the module reader. NULL, with a warning, if it has none to give. */
static wasm_module_t read_module(Name name, const Loading *loading)
{
    Runtime *runtime = tern_api_runtime();
    tern_port_mutex_lock(&runtime->lock);
    module_reader reader = runtime->reader;
    module_destroyer destroyer = runtime->destroyer;
    tern_port_mutex_unlock(&runtime->lock);
    if (reader == NULL) return NULL;
    for (const Loading *l = loading; l != NULL; l = l->outer) {
        if (l->name.size != name.size || memcmp(l->name.bytes, name.bytes, name.size) != 0)
            continue;
        tern_api_log(WASM_LOG_LEVEL_WARNING,
                     "modules import each other in a circle through \"%.*s\"", NAME_ARG(name));
        return NULL;
    }
    char text[256];
    if (name.size >= sizeof text) return NULL;
    memcpy(text, name.bytes, name.size);
    text[name.size] = '\0';

    u8 *bytes = NULL;
    u32 size = 0;
    if (!reader(Wasm_Module_Bytecode, text, &bytes, &size)) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "the module reader has no module \"%s\"", text);
        return NULL;
    }
    char reason[160] = "";
    LoadArgs args = {.name = text};
    Loading here = {name, loading};
    wasm_module_t module = load(bytes, size, &args, &here, reason, sizeof reason);
    if (destroyer != NULL) destroyer(bytes, size);
    if (module == NULL || !wasm_runtime_register_module(text, module, reason, sizeof reason)) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "imported module \"%s\": %s", text, reason);
        tern_api_module_release(module);
        return NULL;
    }
    return module;
}

/* A module with a reference taken, or NULL. */
static wasm_module_t provider(Name name, const Loading *loading)
{
    Runtime *runtime = tern_api_runtime();
    for (u32 tries = 0; tries < 2; tries++) {
        tern_port_mutex_lock(&runtime->lock);
        wasm_module_t module = find_registered(runtime, name);
        if (module != NULL) tern_api_module_retain(module);
        tern_port_mutex_unlock(&runtime->lock);
        if (module != NULL) return module;
        /* Another thread may register it in the meantime: then ours is refused, and theirs is found. */
        if (tries == 0) (void)read_module(name, loading);
    }
    return NULL;
}

static void resolve_import(wasm_module_t module, const Import *import, ImportLink *link,
                           const Loading *loading)
{
    const Module *m = module->module;
    link->call.import = import;
    if (import->kind == EXTERN_FUNC) {
        if (tern_api_native_resolve(module, import, link)) return;
        if (tern_wasi_is_module(import->module)) {
            link->kind = LINK_WASI;
            return;
        }
    }
    if (!tern_api_is_builtin_module(import->module)) {
        link->module = provider(import->module, loading);
        if (link->module != NULL) {
            link->kind = LINK_MODULE;
            return;
        }
    }
    Value value;
    bool is_storage = import->kind == EXTERN_TABLE || import->kind == EXTERN_MEMORY;
    if (is_storage && tern_api_is_builtin_module(import->module)) link->kind = LINK_CREATE;
    if (import->kind == EXTERN_GLOBAL &&
        tern_api_builtin_global(import, &m->globals[import->index].type, &value))
        link->kind = LINK_CREATE;
}

/* True if every function has a provider. */
static bool resolve(wasm_module_t module, const Loading *loading)
{
    bool all = true;
    for (u32 i = 0; i < module->module->nimports; i++) {
        const Import *import = &module->module->imports[i];
        ImportLink *link = &module->links[i];
        if (link->kind == LINK_NONE) resolve_import(module, import, link, loading);
        if (import->kind == EXTERN_FUNC && link->kind == LINK_NONE) all = false;
    }
    return all;
}

bool wasm_runtime_resolve_symbols(wasm_module_t module) { return resolve(module, NULL); }

/* --- loading ---------------------------------------------------------------------------------- */

static wasm_module_t load(const u8 *buf, size_t size, const LoadArgs *args, const Loading *loading,
                          char *error_buf, u32 error_buf_size)
{
    ApiEngine *engine = tern_api_engine_hold();
    if (engine == NULL) {
        tern_api_error(error_buf, error_buf_size,
                       "WASM module load failed: the runtime is not running");
        return NULL;
    }
    wasm_module_t module = tern_alloc_zeroed(engine->alloc, 1, sizeof *module);
    if (module == NULL) {
        tern_api_error(error_buf, error_buf_size,
                       "WASM module load failed: allocate memory failed");
        tern_api_engine_release(engine);
        return NULL;
    }
    module->engine = engine;
    module->refs = 1;
    tern_arena_init(&module->arena, engine->alloc);

    Diag diag = {0};
    DecodeOptions options = {.features = engine->engine->options.features, .copy_bytes = true};
    module->module =
        tern_module_decode(engine->engine->types, engine->alloc, buf, size, &options, &diag);
    if (module->module == NULL) {
        char reason[256];
        tern_diag_format(&diag, reason, sizeof reason);
        tern_api_error(error_buf, error_buf_size, "WASM module load failed: %s", reason);
        goto fail;
    }
    Module *m = module->module;
    const char *name = args->name != NULL ? args->name : "";
    module->name = copy_text(&module->arena, name, strlen(name));
    module->links = tern_arena_alloc(&module->arena, sizeof *module->links, m->nimports);
    if (module->name == NULL || module->links == NULL) {
        tern_api_error(error_buf, error_buf_size,
                       "WASM module load failed: allocate memory failed");
        module->links = NULL;
        goto fail;
    }
    for (u32 i = 0; i < m->nimports; i++) {
        module->links[i].call.import = &m->imports[i];
        module->imports_wasi |= tern_wasi_is_module(m->imports[i].module);
    }
    if (!args->no_resolve) resolve(module, loading);
    return module;

fail:
    tern_api_module_release(module);
    return NULL;
}

wasm_module_t wasm_runtime_load_ex(uint8_t *buf, uint32_t size, const LoadArgs *args,
                                   char *error_buf, uint32_t error_buf_size)
{
    if (args == NULL) {
        tern_api_error(error_buf, error_buf_size, "WASM module load failed: null load arguments");
        return NULL;
    }
    if (wasm_runtime_get_file_package_type(buf, size) == Wasm_Module_AoT) {
        tern_api_error(
            error_buf, error_buf_size,
            "AOT module load failed: WAMR's precompiled files cannot be run, load the .wasm instead");
        return NULL;
    }
    static const u8 nothing[1];
    return load(buf != NULL ? buf : nothing, buf != NULL ? size : 0, args, NULL, error_buf,
                error_buf_size);
}

wasm_module_t wasm_runtime_load(uint8_t *buf, uint32_t size, char *error_buf,
                                uint32_t error_buf_size)
{
    LoadArgs args = {0};
    return wasm_runtime_load_ex(buf, size, &args, error_buf, error_buf_size);
}

static u32 put_leb(u8 *out, u32 value)
{
    u32 n = 0;
    do {
        u8 byte = value & 0x7f;
        value >>= 7;
        out[n++] = (u8)(byte | (value != 0 ? 0x80 : 0));
    } while (value != 0);
    return n;
}

wasm_module_t wasm_runtime_load_from_sections(wasm_section_list_t section_list, bool is_aot,
                                              char *error_buf, uint32_t error_buf_size)
{
    if (is_aot) {
        tern_api_error(
            error_buf, error_buf_size,
            "AOT module load failed: WAMR's precompiled files cannot be run, load the .wasm instead");
        return NULL;
    }
    u64 most = 8;
    for (const wasm_section_t *s = section_list; s != NULL; s = s->next)
        most += 6 + (u64)s->section_body_size;
    ApiEngine *engine = tern_api_engine_hold();
    u8 *bytes =
        engine != NULL && most <= UINT32_MAX ? tern_alloc(engine->alloc, (size_t)most) : NULL;
    if (bytes == NULL) {
        tern_api_error(error_buf, error_buf_size,
                       "WASM module load failed: allocate memory failed");
        tern_api_engine_release(engine);
        return NULL;
    }
    memcpy(bytes, "\0asm\1\0\0", 8);
    u32 n = 8;
    for (const wasm_section_t *s = section_list; s != NULL; s = s->next) {
        bytes[n++] = (u8)s->section_type;
        n += put_leb(bytes + n, s->section_body_size);
        if (s->section_body_size > 0) memcpy(bytes + n, s->section_body, s->section_body_size);
        n += s->section_body_size;
    }
    LoadArgs args = {0};
    wasm_module_t module = load(bytes, n, &args, NULL, error_buf, error_buf_size);
    tern_free(engine->alloc, bytes, (size_t)most);
    tern_api_engine_release(engine);
    return module;
}

/* --- about modules ---------------------------------------------------------------------------- */

bool wasm_runtime_set_module_name(wasm_module_t module, const char *name, char *error_buf,
                                  uint32_t error_buf_size)
{
    if (module == NULL || name == NULL) {
        tern_api_error(error_buf, error_buf_size, "Set module name failed: module or name is null");
        return false;
    }
    const char *copy = copy_text(&module->arena, name, strlen(name));
    if (copy == NULL) {
        tern_api_error(error_buf, error_buf_size, "Set module name failed: allocate memory failed");
        return false;
    }
    module->name = copy;
    return true;
}

const char *wasm_runtime_get_module_name(wasm_module_t module)
{
    return module != NULL ? module->name : "";
}

bool wasm_runtime_is_underlying_binary_freeable(const wasm_module_t module)
{
    return module != NULL;
}

char *wasm_runtime_get_module_hash(wasm_module_t module)
{
    (void)module;
    return NULL;
}

const uint8_t *wasm_runtime_get_custom_section(const wasm_module_t module_comm, const char *name,
                                               uint32_t *len)
{
    const CustomSection *section = tern_module_find_custom(module_comm->module, name);
    if (section == NULL) return NULL;
    *len = section->size;
    return section->bytes;
}

/* --- WASI settings ---------------------------------------------------------------------------- */

void wasm_runtime_set_wasi_args_ex(wasm_module_t module, const char *dir_list[], uint32_t dir_count,
                                   const char *map_dir_list[], uint32_t map_dir_count,
                                   const char *env[], uint32_t env_count, char *argv[], int argc,
                                   int64_t stdinfd, int64_t stdoutfd, int64_t stderrfd)
{
    if (module == NULL) return;
    module->wasi.is_set = true;
    module->wasi.options = (WasiOptions){
        .argv = (const char *const *)argv,
        .argc = argc > 0 ? (u32)argc : 0,
        .env = env,
        .nenv = env_count,
        .dirs = dir_list,
        .ndirs = dir_count,
        .map_dirs = map_dir_list,
        .nmap_dirs = map_dir_count,
        .stdio = {stdinfd, stdoutfd, stderrfd},
    };
}

void wasm_runtime_set_wasi_args(wasm_module_t module, const char *dir_list[], uint32_t dir_count,
                                const char *map_dir_list[], uint32_t map_dir_count,
                                const char *env[], uint32_t env_count, char *argv[], int argc)
{
    wasm_runtime_set_wasi_args_ex(module, dir_list, dir_count, map_dir_list, map_dir_count, env,
                                  env_count, argv, argc, -1, -1, -1);
}

void wasm_runtime_set_wasi_addr_pool(wasm_module_t module, const char *addr_pool[],
                                     uint32_t addr_pool_size)
{
    if (module == NULL) return;
    if (!module->wasi.is_set) module->wasi.options = WASI_OPTIONS_DEFAULT;
    module->wasi.is_set = true;
    module->wasi.addr_pool = addr_pool;
    module->wasi.naddr_pool = addr_pool_size;
}

void wasm_runtime_set_wasi_ns_lookup_pool(wasm_module_t module, const char *ns_lookup_pool[],
                                          uint32_t ns_lookup_pool_size)
{
    if (module == NULL) return;
    if (!module->wasi.is_set) module->wasi.options = WASI_OPTIONS_DEFAULT;
    module->wasi.is_set = true;
    module->wasi.ns_lookup_pool = ns_lookup_pool;
    module->wasi.nns_lookup_pool = ns_lookup_pool_size;
}
