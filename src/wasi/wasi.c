/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi.c - the guest's world: making it from the options, and linking the functions of preview1.def. */
#include "wasi/context.h"

typedef struct Preview1Row {
    const char *name, *params, *results;
    HostFunc *host;
} Preview1Row;

/* What every host function does around its WasiFunc. slots holds at least one cell: a function without
 * parameters has a result. */
static TrapCode run(WasiFunc *func, Exec *x, void *env, u64 *slots)
{
    const WasiAbi *abi = env;
    WasiCall call = {.x = x, .wasi = abi->wasi, .memory = x->memory, .is_unstable = abi->is_unstable};
    WasiErrno error = func(&call, slots);
    if (call.trap != TRAP_NONE) return tern_exec_trap(x, call.trap);
    slots[0] = error;
    return TRAP_NONE;
}

static TrapCode host_nosys(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env;
    slots[0] = WASI_ENOSYS;
    return TRAP_NONE;
}

#define HOST_IMPLEMENTED(name) \
    static TrapCode host_##name(Exec *x, void *env, u64 *slots) \
    { \
        return run(tern_wasi_##name, x, env, slots); \
    }
#define HOST_NOSYS(name)
#define PREVIEW1(name, params, results, state) HOST_##state(name)
#include "wasi/preview1.def"

#define ROW_IMPLEMENTED(name) host_##name
#define ROW_NOSYS(name) host_nosys
static const Preview1Row rows[] = {
#define PREVIEW1(name, params, results, state) {#name, params, results, ROW_##state(name)},
#include "wasi/preview1.def"
};

/* --- linking ---------------------------------------------------------------------------------------- */

bool tern_wasi_is_module(Name module)
{
    return name_is(module, "wasi_snapshot_preview1") || name_is(module, "wasi_unstable");
}

static bool types_are(const ValType *types, u32 n, const char *letters)
{
    if (strlen(letters) != n) return false;
    for (u32 i = 0; i < n; i++)
        if (types[i] != (letters[i] == 'I' ? (ValType)VT_I64 : (ValType)VT_I32)) return false;
    return true;
}

bool tern_wasi_link(Wasi *wasi, Store *store, const Module *module, const Import *import, Extern *out)
{
    if (import->kind != EXTERN_FUNC || !tern_wasi_is_module(import->module)) return false;
    for (u32 i = 0; i < COUNT_OF(rows); i++) {
        const Preview1Row *row = &rows[i];
        if (!name_is(import->name, row->name)) continue;

        const FuncType *type = tern_module_func_type(module, import->index);
        if (!types_are(type->params, type->nparams, row->params) ||
            !types_are(type->results, type->nresults, row->results))
            return false;
        /* The import's own type, so that it matches however the module declared it (final or not, alone or
         * in a recursion group). */
        WasiAbi *abi = &wasi->abi[name_is(import->module, "wasi_unstable")];
        u32 type_id = module->funcs[import->index].type_id;
        FuncInst *func = tern_func_new(store, type_id, row->host, abi, row->name);
        if (func == NULL) return false;
        *out = (Extern){.kind = EXTERN_FUNC, .u.func = func};
        return true;
    }
    return false;
}

/* --- making ----------------------------------------------------------------------------------------- */

/* False: too large for a 32-bit guest, or no memory (diag says which). */
static bool copy_strings(Alloc *alloc, const char *const *strings, u32 n, WasiStrings *out, Diag *diag)
{
    u64 size = 0;
    for (u32 i = 0; i < n; i++) size += strlen(strings[i]) + 1;
    if (size + (u64)n * 4 > UINT32_MAX)
        return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, "arguments or environment too large");
    if (n == 0) return true;

    char *p = tern_alloc(alloc, (size_t)size);
    if (p == NULL) return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    *out = (WasiStrings){p, n, (u32)size};
    for (u32 i = 0; i < n; i++) {
        size_t length = strlen(strings[i]) + 1;
        memcpy(p, strings[i], length);
        p += length;
    }
    return true;
}

static bool add_stream(Wasi *wasi, s64 handle, u64 rights)
{
    WasiFd fd = {.is_open = true, .kind = tern_port_stream_kind(handle), .handle = handle,
                 .rights = rights | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_FILESTAT_GET |
                           WASI_RIGHT_POLL_FD_READWRITE};
    return vec_push(&wasi->fds, wasi->alloc, fd);
}

Wasi *tern_wasi_new(Store *store, const WasiOptions *options, Diag *diag)
{
    const WasiOptions defaults = WASI_OPTIONS_DEFAULT;
    if (options == NULL) options = &defaults;

    Wasi *wasi = tern_alloc_zeroed(store->alloc, 1, sizeof *wasi);
    if (wasi == NULL) {
        tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
        return NULL;
    }
    wasi->alloc = store->alloc;
    wasi->abi[0] = (WasiAbi){wasi, false};
    wasi->abi[1] = (WasiAbi){wasi, true};

    bool ok = copy_strings(wasi->alloc, options->argv, options->argc, &wasi->args, diag) &&
              copy_strings(wasi->alloc, options->env, options->nenv, &wasi->env, diag);
    for (u32 i = 0; ok && i < 3; i++) {
        s64 handle = options->stdio[i] < 0 ? (s64)i : options->stdio[i];
        ok = add_stream(wasi, handle, i == 0 ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE) ||
             tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    }
    if (ok) return wasi;
    tern_wasi_free(wasi);
    return NULL;
}

void tern_wasi_free(Wasi *wasi)
{
    if (wasi == NULL) return;
    tern_free(wasi->alloc, wasi->args.bytes, wasi->args.size_bytes);
    tern_free(wasi->alloc, wasi->env.bytes, wasi->env.size_bytes);
    vec_free(&wasi->fds, wasi->alloc);
    tern_free(wasi->alloc, wasi, sizeof *wasi);
}

u32 tern_wasi_exit_code(const Wasi *wasi) { return wasi->exit_code; }
bool tern_wasi_exited(const Wasi *wasi) { return wasi->has_exited; }

WasiErrno tern_wasi_errno_of(PortError error)
{
    static const u8 numbers[] = {
        [PORT_OK] = WASI_ESUCCESS,
#define PORT_ERROR(name) [PORT_E_##name] = WASI_E##name,
#include "port/errors.def"
    };
    return (WasiErrno)numbers[error];
}
