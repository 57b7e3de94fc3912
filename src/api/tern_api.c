/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_api.c - include/tern.h: engines, modules, instances, calls and traps. It translates and decides
 * nothing; looking into modules is in tern_inspect.c. */
#include "api/tern_handles.h"

#include <stdarg.h>
#include <stdio.h>

#include "binary/decode.h"
#include "interp/interp.h"

const char *tern_version(void) { return TERN_VERSION_TEXT; }

/* --- errors ----------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4)))
static void set_error(tern_error *error, tern_error_kind kind, const char *format, ...)
{
    if (error == NULL) return;
    error->kind = kind;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
}

static void set_no_memory(tern_error *error) { set_error(error, TERN_ERROR_RESOURCE, "out of memory"); }

static void set_diag(tern_error *error, const Diag *diag)
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

/* --- engines and modules ---------------------------------------------------------------------------- */

tern_engine *tern_engine_create(void)
{
    Alloc *alloc = tern_port_system_alloc();
    tern_engine *handle = tern_alloc_zeroed(alloc, 1, sizeof *handle);
    if (handle == NULL) return NULL;
    handle->engine = tern_engine_new(
        &(EngineOptions){.alloc = alloc, .features = FEATURES_ALL, .tier = &tern_interp_tier});
    if (handle->engine != NULL) return handle;
    tern_free(alloc, handle, sizeof *handle);
    return NULL;
}

void tern_engine_destroy(tern_engine *engine)
{
    if (engine == NULL) return;
    tern_engine_free(engine->engine);
    tern_free(tern_port_system_alloc(), engine, sizeof *engine);
}

tern_module *tern_module_load(tern_engine *engine, const void *bytes, size_t size_bytes, tern_error *error)
{
    const EngineOptions *options = &engine->engine->options;
    Diag diag = {0};
    Module *module = tern_module_decode(engine->engine->types, options->alloc, bytes, size_bytes,
                                        &(DecodeOptions){.features = options->features, .copy_bytes = true},
                                        &diag);
    if (module == NULL) {
        set_diag(error, &diag);
        return NULL;
    }
    tern_module *handle = tern_alloc_zeroed(options->alloc, 1, sizeof *handle);
    if (handle == NULL) {
        tern_module_release(module);
        set_no_memory(error);
        return NULL;
    }
    *handle = (tern_module){engine, module};
    return handle;
}

void tern_module_unload(tern_module *module)
{
    if (module == NULL) return;
    tern_module_release(module->module);
    tern_free(module->engine->engine->options.alloc, module, sizeof *module);
}

/* --- linking ---------------------------------------------------------------------------------------- */

/* env is the Import, which lives as long as the module, which the instance holds. */
static TrapCode unlinked_import(Exec *x, void *env, u64 *slots)
{
    (void)slots;
    const Import *import = env;
    TrapCode code = tern_exec_trap(x, TRAP_UNLINKED_IMPORT);
    snprintf(x->trap.message, sizeof x->trap.message, "unlinked import called: %.*s.%.*s",
             (int)u64_min(import->module.size, 40), import->module.bytes,
             (int)u64_min(import->name.size, 40), import->name.bytes);
    return code;
}

static bool link_import(const tern_instance *handle, const tern_module *module, const Import *import,
                        tern_missing missing, Extern *out, tern_error *error)
{
    if (tern_wasi_link(handle->wasi, handle->store, module->module, import, out)) return true;
    if (missing == TERN_MISSING_TRAP && import->kind == EXTERN_FUNC) {
        FuncInst *func = tern_func_new(handle->store, module->module->funcs[import->index].type_id,
                                       unlinked_import, (void *)import, NULL);
        *out = (Extern){.kind = EXTERN_FUNC, .u.func = func};
        if (func == NULL) set_no_memory(error);
        return func != NULL;
    }
    static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
    char type[160];
    tern_module_type_text(module, (tern_kind)import->kind, import->index, type, sizeof type);
    set_error(error, TERN_ERROR_LINK, "unknown import: nobody provides the %s %.*s.%.*s of type %s%s%s",
              kinds[import->kind], (int)u64_min(import->module.size, 80), import->module.bytes,
              (int)u64_min(import->name.size, 80), import->name.bytes, type[0] == '\0' ? "()" : type,
              tern_wasi_is_module(import->module) ? "; WASI preview 1 has no such function of this type" : "",
              import->kind == EXTERN_FUNC ? "" : "; only functions of WASI preview 1 can be imported");
    return false;
}

static Extern *link_all(const tern_instance *handle, const tern_module *module, tern_missing missing,
                        tern_error *error)
{
    const Module *m = module->module;
    Extern *externs = tern_arena_alloc(&handle->store->arena, sizeof *externs, m->nimports);
    if (externs == NULL) set_no_memory(error);
    for (u32 i = 0; externs != NULL && i < m->nimports; i++)
        if (!link_import(handle, module, &m->imports[i], missing, &externs[i], error)) return NULL;
    return externs;
}

/* --- instances -------------------------------------------------------------------------------------- */

static bool instantiate(tern_instance *handle, tern_module *module, const tern_config *config,
                        tern_error *error)
{
    Engine *engine = module->engine->engine;
    handle->store = tern_store_new(engine);
    if (handle->store == NULL) {
        set_no_memory(error);
        return false;
    }
    WasiDir *dirs = tern_arena_alloc(&handle->store->arena, sizeof *dirs, config->ndirs);
    if (config->ndirs > 0 && dirs == NULL) {
        set_no_memory(error);
        return false;
    }
    for (u32 i = 0; i < config->ndirs; i++)
        dirs[i] = (WasiDir){config->dirs[i].host, config->dirs[i].guest, config->dirs[i].is_read_only};
    WasiOptions options = {.argv = config->argv, .argc = config->argc, .env = config->env,
                           .nenv = config->nenv, .preopens = dirs, .npreopens = config->ndirs,
                           .stdio = {config->stdio[0], config->stdio[1], config->stdio[2]}};
    Diag diag = {0};
    handle->wasi = tern_wasi_new(handle->store, &options, &diag);
    if (handle->wasi == NULL) {
        set_diag(error, &diag);
        return false;
    }
    Extern *imports = link_all(handle, module, config->missing, error);
    if (imports == NULL) return false;

    TrapCode trap = TRAP_NONE;
    handle->instance =
        tern_instance_new(handle->store, module->module, imports, &(InstantiateOptions){0}, &diag, &trap);
    if (handle->instance == NULL) {
        if (diag.code == DIAG_INSTANTIATE_TRAP)
            set_error(error, TERN_ERROR_LINK, "a segment does not fit: %s", tern_trap_text(trap));
        else
            set_diag(error, &diag);
        return false;
    }
    handle->exec = tern_exec_new(handle->store, config->stack_bytes);
    if (handle->exec == NULL) set_no_memory(error);
    return handle->exec != NULL;
}

tern_instance *tern_instance_create(tern_module *module, const tern_config *config, tern_error *error)
{
    const tern_config defaults = TERN_CONFIG_DEFAULT;
    if (config == NULL) config = &defaults;
    if (config->struct_size != sizeof *config) {
        set_error(error, TERN_ERROR_USAGE, "tern_config: struct_size must be sizeof(tern_config)");
        return NULL;
    }
    tern_instance *handle = tern_alloc_zeroed(module->engine->engine->options.alloc, 1, sizeof *handle);
    if (handle == NULL) {
        set_no_memory(error);
        return NULL;
    }
    if (instantiate(handle, module, config, error)) return handle;
    if (handle->store == NULL)
        tern_free(module->engine->engine->options.alloc, handle, sizeof *handle);
    else
        tern_instance_destroy(handle);
    return NULL;
}

void tern_instance_destroy(tern_instance *instance)
{
    if (instance == NULL) return;
    Alloc *alloc = instance->store->alloc;
    if (instance->exec != NULL) tern_exec_free(instance->exec);
    tern_store_free(instance->store);
    tern_wasi_free(instance->wasi); /* host functions of the store point to it */
    tern_free(alloc, instance, sizeof *instance);
}

bool tern_instance_reset(tern_instance *instance, tern_error *error)
{
    Diag diag = {0};
    bool ok = tern_instance_restore(instance->instance, &diag);
    if (ok) instance->is_prepared = false;
    if (!ok && diag.code == DIAG_LIMIT)
        set_error(error, TERN_ERROR_USAGE, "%s", diag.detail);
    else if (!ok)
        set_diag(error, &diag);
    return ok;
}

static tern_status status_of(const tern_instance *instance, TrapCode code)
{
    if (code == TRAP_NONE) return TERN_OK;
    return code == TRAP_EXIT && tern_wasi_exited(instance->wasi) ? TERN_EXITED : TERN_TRAPPED;
}

static Name name_of(const char *text) { return (Name){text, (u32)u64_min(strlen(text), UINT32_MAX)}; }

/* The function exported as name, or NULL and an error. */
static FuncInst *find_func(const tern_instance *instance, const char *name, tern_error *error)
{
    const Export *export = tern_module_find_export(instance->instance->module, name_of(name));
    if (export == NULL || export->kind != EXTERN_FUNC) {
        set_error(error, TERN_ERROR_USAGE, "no function is exported as \"%s\"", name);
        return NULL;
    }
    FuncInst *func = tern_instance_func(instance->instance, export->index);
    if (func == NULL) set_no_memory(error);
    return func;
}

/* Calls an exported function that takes and returns nothing. */
static tern_status call_plain(const tern_instance *instance, const char *name, tern_error *error)
{
    FuncInst *func = find_func(instance, name, error);
    if (func == NULL) return TERN_ERROR;
    if (func->type->nparams != 0 || func->type->nresults != 0) {
        set_error(error, TERN_ERROR_USAGE, "%s must have no parameters and no results", name);
        return TERN_ERROR;
    }
    u64 cell = 0;
    return status_of(instance, tern_exec_call(instance->exec, func, &cell, &cell));
}

tern_status tern_instance_prepare(tern_instance *instance, tern_error *error)
{
    if (instance->is_prepared) return TERN_OK;
    instance->is_prepared = true; /* once, even if it traps */
    tern_status status =
        status_of(instance, tern_instance_start(instance->instance, instance->exec));
    const Module *module = instance->instance->module;
    if (status == TERN_OK && tern_module_find_export(module, name_of("_start")) == NULL &&
        tern_module_find_export(module, name_of("_initialize")) != NULL)
        status = call_plain(instance, "_initialize", error);
    return status;
}

tern_status tern_instance_run(tern_instance *instance, tern_error *error)
{
    if (tern_module_find_export(instance->instance->module, name_of("_start")) == NULL) {
        set_error(error, TERN_ERROR_USAGE, "the module exports no _start, so it is not a program to run");
        return TERN_ERROR;
    }
    tern_status status = tern_instance_prepare(instance, error);
    return status == TERN_OK ? call_plain(instance, "_start", error) : status;
}

/* Copies between a value and its cells; returns how many cells there are. */
static u32 value_to_cells(const tern_value *value, u64 *cells)
{
    cells[0] = 0;
    switch (value->kind) {
    case TERN_I32: cells[0] = value->of.i32; return 1;
    case TERN_I64: cells[0] = value->of.i64; return 1;
    case TERN_F32: memcpy(cells, &value->of.f32, 4); return 1;
    case TERN_F64: memcpy(cells, &value->of.f64, 8); return 1;
    case TERN_V128: memcpy(cells, value->of.v128, 16); return 2;
    case TERN_REF: cells[0] = value->of.ref; return 1;
    }
    return 1;
}

static u32 value_from_cells(ValType type, const u64 *cells, tern_value *value)
{
    *value = (tern_value){.kind = tern_valkind_of(type)};
    switch (value->kind) {
    case TERN_I32: value->of.i32 = (u32)cells[0]; return 1;
    case TERN_I64: value->of.i64 = cells[0]; return 1;
    case TERN_F32: memcpy(&value->of.f32, cells, 4); return 1;
    case TERN_F64: memcpy(&value->of.f64, cells, 8); return 1;
    case TERN_V128: memcpy(value->of.v128, cells, 16); return 2;
    case TERN_REF: value->of.ref = cells[0]; return 1;
    }
    return 1;
}

static bool check_args(const FuncType *type, const char *name, const tern_value *args, u32 nargs, u32 nresults,
                       tern_error *error)
{
    if (nargs != type->nparams || nresults != type->nresults) {
        set_error(error, TERN_ERROR_USAGE, "%s takes %u arguments and gives %u results, not %u and %u", name,
                  type->nparams, type->nresults, nargs, nresults);
        return false;
    }
    for (u32 i = 0; i < nargs; i++) {
        ValType wanted = type->params[i];
        bool ok = args[i].kind == tern_valkind_of(wanted) &&
                  (!vt_is_ref(wanted) || (vt_is_nullable(wanted) && args[i].of.ref == REF_NULL));
        if (ok) continue;
        char text[64];
        set_error(error, TERN_ERROR_USAGE, "argument %u of %s must be %s%s", i + 1, name,
                  tern_types_name(wanted, text, sizeof text), vt_is_ref(wanted) ? ", and null" : "");
        return false;
    }
    return true;
}

tern_status tern_instance_call(tern_instance *instance, const char *name, const tern_value *args,
                               uint32_t nargs, tern_value *results, uint32_t nresults, tern_error *error)
{
    FuncInst *func = find_func(instance, name, error);
    if (func == NULL || !check_args(func->type, name, args, nargs, nresults, error)) return TERN_ERROR;
    tern_status status = tern_instance_prepare(instance, error);
    if (status != TERN_OK) return status;

    const FuncType *type = func->type;
    u64 ncells = u64_max(1, u64_max(type->param_cells, type->result_cells));
    Alloc *alloc = instance->store->alloc;
    u64 *cells = tern_alloc_zeroed(alloc, ncells, sizeof *cells);
    if (cells == NULL) {
        set_no_memory(error);
        return TERN_ERROR;
    }
    u64 *p = cells;
    for (u32 i = 0; i < nargs; i++) p += value_to_cells(&args[i], p);
    Exec *x = instance->exec;
    bool is_host = func->instance == NULL && x->instance == NULL; /* it wants to know whose memory it is given */
    if (is_host) tern_exec_enter(x, instance->instance);
    status = status_of(instance, tern_exec_call(x, func, cells, cells));
    if (is_host) tern_exec_leave(x);
    p = cells;
    for (u32 i = 0; status == TERN_OK && i < nresults; i++)
        p += value_from_cells(type->results[i], p, &results[i]);
    tern_free(alloc, cells, (size_t)ncells * sizeof *cells);
    return status;
}

uint32_t tern_instance_exit_code(const tern_instance *instance)
{
    return tern_wasi_exit_code(instance->wasi);
}

void tern_instance_interrupt(tern_instance *instance, tern_stop why)
{
    tern_exec_interrupt(instance->exec, why == TERN_STOP_DEADLINE ? TRAP_DEADLINE : TRAP_INTERRUPTED);
}

void tern_instance_resume(tern_instance *instance) { tern_exec_resume(instance->exec); }

/* --- traps ------------------------------------------------------------------------------------------ */

bool tern_instance_trap(const tern_instance *instance, tern_trap *out)
{
    static const char *const codes[] = {
#define TRAP(name, ...) #name,
#include "ops/traps.def"
    };
    const Trap *trap = &instance->exec->trap;
    if (trap->code == TRAP_NONE) return false;
    *out = (tern_trap){
        .code = codes[trap->code],
        .text = trap->message[0] != '\0' ? trap->message : tern_trap_text(trap->code),
        .has_address = trap->has_address,
        .address = trap->address,
        .access_bytes = trap->access_bytes,
        .memory_bytes = trap->memory_bytes,
        .nframes = trap->nframes,
        .nframes_all = trap->nframes_all,
    };
    return true;
}

bool tern_instance_trap_frame(const tern_instance *instance, uint32_t i, tern_frame *out)
{
    const Trap *trap = &instance->exec->trap;
    if (i >= trap->nframes) return false;
    const TrapFrame *frame = &trap->frames[i];
    Name name = {NULL, 0};
    if (frame->instance != NULL) name = tern_module_func_name(frame->instance->module, frame->func_index);
    *out = (tern_frame){frame->func_index, frame->offset, {name.bytes, name.size}};
    return true;
}
