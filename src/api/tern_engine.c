/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_engine.c - include/tern.h: errors, engines, and loading modules. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/tern_handles.h"
#include "binary/decode.h"
#include "interp/interp.h"

const char *tern_version(void) { return TERN_VERSION; }

/* --- errors ----------------------------------------------------------------------------------------- */

void tern_error_say(tern_error *error, tern_error_kind kind, const char *format, ...)
{
    if (error == NULL) return;
    error->kind = kind;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

void tern_error_no_memory(tern_error *error) { tern_error_say(error, TERN_ERROR_RESOURCE, "out of memory"); }

void tern_error_no_stack(const tern_engine *engine, tern_error *error)
{
    u32 max = engine->engine->options.max_execs;
    if (__atomic_load_n(&engine->engine->nexecs, __ATOMIC_RELAXED) < max) tern_error_no_memory(error);
    else tern_error_say(error, TERN_ERROR_RESOURCE, "the engine has %u stacks, and may have no more", (unsigned)max);
}

void tern_error_diag(tern_error *error, const Diag *diag)
{
    if (error == NULL) return;
    static const tern_error_kind kinds[] = {
        [DIAG_KIND_NONE] = TERN_ERROR_RESOURCE,    [DIAG_KIND_MALFORMED] = TERN_ERROR_MALFORMED,
        [DIAG_KIND_INVALID] = TERN_ERROR_INVALID,  [DIAG_KIND_LINK] = TERN_ERROR_LINK,
        [DIAG_KIND_RESOURCE] = TERN_ERROR_RESOURCE,
    };
    error->kind = kinds[tern_diag_kind(diag->code)];
    tern_diag_format(diag, error->text, sizeof error->text);
}

/* --- engines ------------------------------------------------------------------------------------------ */

static void *host_resize(Alloc *self, void *ptr, size_t old_size, size_t new_size)
{
    const HostAlloc *host = (const HostAlloc *)(const void *)self;
    return host->given.realloc(host->given.user, ptr, old_size, new_size);
}

static ModuleLimits module_limits(const tern_limits *limits)
{
    return (ModuleLimits){{
#define LIMIT(id, field, most, text) limits->field,
#include "module/limits.def"
    }};
}

tern_engine *tern_engine_create_with(const tern_engine_options *options, tern_error *error)
{
    const tern_engine_options defaults = TERN_ENGINE_OPTIONS_DEFAULT;
    if (options == NULL) options = &defaults;
    if (options->struct_size != sizeof *options) {
        tern_error_say(error, TERN_ERROR_USAGE,
                       "tern_engine_options: struct_size is %zu, and this library knows %zu: start from "
                       "TERN_ENGINE_OPTIONS_DEFAULT",
                       options->struct_size, sizeof *options);
        return NULL;
    }
    bool is_own = options->allocator.realloc != NULL;
    HostAlloc host = {.base.resize = host_resize, .given = options->allocator};
    Alloc *alloc = is_own ? &host.base : tern_port_system_alloc();
    tern_engine *handle = tern_alloc_zeroed(alloc, 1, sizeof *handle);
    if (handle == NULL) {
        tern_error_no_memory(error);
        return NULL;
    }
    handle->host = host;
    handle->alloc = is_own ? &handle->host.base : alloc;
    const tern_limits *limits = &options->limits;
    handle->engine = tern_engine_new(&(EngineOptions){.alloc = handle->alloc, .features = FEATURES_ALL,
                                                      .tier = &tern_interp_tier,
                                                      .memories_move = options->checks_explicitly,
                                                      .module_limits = module_limits(limits),
                                                      .validation_threads = options->validation_threads,
                                                      .max_instances = limits->instances,
                                                      .max_execs = limits->stacks});
    if (handle->engine == NULL) {
        tern_free(alloc, handle, sizeof *handle);
        tern_error_no_memory(error);
        return NULL;
    }
    tern_watchdog_init(&handle->watchdog);
    tern_port_mutex_init(&handle->lock);
    return handle;
}

tern_engine *tern_engine_create(void) { return tern_engine_create_with(NULL, NULL); }

void tern_engine_destroy(tern_engine *engine)
{
    if (engine == NULL) return;
    tern_watchdog_done(&engine->watchdog);
    tern_port_mutex_done(&engine->lock);
    tern_engine_free(engine->engine);
    HostAlloc host = engine->host; /* it lies in what is freed */
    Alloc *alloc = engine->alloc == &engine->host.base ? &host.base : engine->alloc;
    tern_free(alloc, engine, sizeof *engine);
}

/* --- modules ------------------------------------------------------------------------------------------ */

/* gives: the bytes, a block of the engine's allocator of that size, become the module's if there will be one. */
static tern_module *load(tern_engine *engine, const u8 *bytes, size_t size_bytes, bool gives, tern_error *error)
{
    Diag diag = {0};
    Module *module = tern_module_decode(
        engine->engine->types, engine->alloc, bytes, size_bytes,
        &(DecodeOptions){.features = engine->engine->options.features, .copy_bytes = !gives,
                         .limits = &engine->engine->options.module_limits,
                         .nthreads = engine->engine->options.validation_threads}, &diag);
    if (module == NULL) {
        tern_error_diag(error, &diag);
        return NULL;
    }
    tern_module *handle = tern_alloc_zeroed(engine->alloc, 1, sizeof *handle);
    if (handle == NULL) {
        tern_module_release(module);
        tern_error_no_memory(error);
        return NULL;
    }
    if (gives) module->owns_bytes = true;
    *handle = (tern_module){.engine = engine, .module = module, .refs = 1};
    return handle;
}

tern_module *tern_module_load(tern_engine *engine, const void *bytes, size_t size_bytes, tern_error *error)
{
    if (engine != NULL) return load(engine, bytes, size_bytes, false, error);
    tern_error_no_memory(error);
    return NULL;
}

/* Is what a file begins with enough to tell that it is no module? Devices may have no end. */
static bool is_no_module(const u8 *bytes, size_t size)
{
    static const u8 magic[4] = {0, 'a', 's', 'm'};
    return size >= sizeof magic && memcmp(bytes, magic, sizeof magic) != 0;
}

/* All of a stream, in a block of *room bytes, which are as many as it has unless those are none; or only as much as is
 * needed to refuse it: more than most, or what is no module. NULL: it cannot be read, as *reason says, or there is no
 * memory, 0. */
static u8 *read_all(Alloc *alloc, FILE *file, u64 most, size_t *size, size_t *room, int *reason)
{
    u8 *bytes = NULL;
    *size = *room = 0;
    *reason = 0;
    for (;;) {
        if (*size == *room) {
            u64 wanted = u64_min(*room == 0 ? 64u << 10 : 2 * (u64)*room, most + 1);
            u8 *wider = wanted <= SIZE_MAX ? tern_realloc(alloc, bytes, *room, (size_t)wanted) : NULL;
            if (wider == NULL) break;
            bytes = wider;
            *room = (size_t)wanted;
        }
        size_t n = fread(bytes + *size, 1, *room - *size, file);
        *size += n;
        if (n == 0 && ferror(file)) {
            *reason = errno;
            break;
        }
        if (n > 0 && !feof(file) && *size <= most && !is_no_module(bytes, *size)) continue;
        if (*size == 0 || *size == *room) return bytes;
        u8 *fitting = tern_realloc(alloc, bytes, *room, *size);
        if (fitting == NULL) break;
        *room = *size;
        return fitting;
    }
    tern_free(alloc, bytes, *room);
    return NULL;
}

tern_module *tern_module_load_file(tern_engine *engine, const char *path, tern_error *error)
{
    if (engine == NULL) {
        tern_error_no_memory(error);
        return NULL;
    }
    FILE *file = fopen(path, "rb");
    int reason = file == NULL ? errno : 0;
    size_t size = 0, room = 0;
    u8 *bytes = NULL;
    u64 most = tern_module_limits(&engine->engine->options.module_limits).most[LIMIT_MODULE_BYTES];
    if (file != NULL) {
        setvbuf(file, NULL, _IONBF, 0); /* straight to where it stays */
        bytes = read_all(engine->alloc, file, most, &size, &room, &reason);
        fclose(file);
    }
    if (bytes == NULL) {
        if (reason != 0) tern_error_say(error, TERN_ERROR_FILE, "%s: %s", path, strerror(reason));
        else tern_error_no_memory(error);
        return NULL;
    }
    tern_module *module = NULL;
    if (size <= most) module = load(engine, bytes, size, size > 0, error);
    else tern_error_say(error, TERN_ERROR_RESOURCE, "the module has more than the %u bytes it may have", (unsigned)most);
    if (module == NULL || size == 0) tern_free(engine->alloc, bytes, room);
    return module;
}

void tern_module_unhold(tern_module *module)
{
    if (module == NULL || __atomic_sub_fetch(&module->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    Alloc *alloc = module->engine->alloc;
    tern_module_release(module->module);
    tern_free(alloc, module, sizeof *module);
}

void tern_module_unload(tern_module *module)
{
    if (module == NULL) return;
    __atomic_store_n(&module->is_unloaded, 1, __ATOMIC_RELEASE);
    tern_module_unhold(module);
}
