/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi.c - the guest's world: making it from the options, and linking the functions of preview1.def. */
#include "wasi/context.h"

/* Without pointers, which would be relocated in every process that starts; the host functions are a table beside it. */
typedef struct Preview1Row {
    u8 name_size;
    char name[31], params[14], results[2];
} Preview1Row;

/* What every host function does around its WasiFunc. slots holds at least one cell: a function without
 * parameters has a result. */
static TrapCode run(WasiFunc *func, Exec *x, void *env, u64 *slots)
{
    const WasiAbi *abi = env;
    WasiCall call = {.x = x, .wasi = abi->wasi, .memory = x->memory, .is_unstable = abi->is_unstable};
    WasiErrno error = func(&call, slots);
    tern_wasi_call_end(&call);
    if (call.trap != TRAP_NONE) return tern_exec_trap(x, call.trap);
    slots[0] = error;
    return TRAP_NONE;
}

#define PREVIEW1(name, params, results) \
    static TrapCode host_##name(Exec *x, void *env, u64 *slots) \
    { \
        return run(tern_wasi_##name, x, env, slots); \
    }
#include "wasi/preview1.def"
#define PREVIEW1(name, params, results) \
    static TrapCode host_##name(Exec *x, void *env, u64 *slots) \
    { \
        return run(tern_wasi_##name, x, env, slots); \
    }
#include "wasi/sockets.def"

static const Preview1Row rows[] = {
#define PREVIEW1(name, params, results) {sizeof #name - 1, #name, params, results},
#include "wasi/preview1.def"
#define PREVIEW1(name, params, results) {sizeof #name - 1, #name, params, results},
#include "wasi/sockets.def"
};

static HostFunc *const hosts[COUNT_OF(rows)] = {
#define PREVIEW1(name, params, results) host_##name,
#include "wasi/preview1.def"
#define PREVIEW1(name, params, results) host_##name,
#include "wasi/sockets.def"
};

/* --- linking ---------------------------------------------------------------------------------------- */

bool tern_wasi_is_module(Name module)
{
    return name_is(module, "wasi_snapshot_preview1") || name_is(module, "wasi_unstable") || name_is(module, "wasi");
}

/* wasi-threads has a module name of its own, and one function. */
static const Preview1Row thread_spawn = {12, "thread-spawn", "i", "i"};

static const Preview1Row *row_of(Name module, Name name)
{
    if (!tern_wasi_is_module(module)) return NULL;
    if (name_is(module, "wasi")) return name_is(name, thread_spawn.name) ? &thread_spawn : NULL;
    for (const Preview1Row *row = rows; row < rows + COUNT_OF(rows); row++)
        if (row->name_size == name.size && memcmp(row->name, name.bytes, name.size) == 0) return row;
    return NULL;
}

bool tern_wasi_has(Name module, Name name) { return row_of(module, name) != NULL; }

static bool types_are(const ValType *types, u32 n, const char *letters)
{
    if (strlen(letters) != n) return false;
    for (u32 i = 0; i < n; i++)
        if (types[i] != (letters[i] == 'I' ? (ValType)VT_I64 : (ValType)VT_I32)) return false;
    return true;
}

static const Preview1Row *find_row(const Module *module, const Import *import)
{
    const Preview1Row *row = import->kind == EXTERN_FUNC ? row_of(import->module, import->name) : NULL;
    if (row == NULL) return NULL;
    const FuncType *type = tern_module_func_type(module, import->index);
    bool ok = types_are(type->params, type->nparams, row->params) &&
              types_are(type->results, type->nresults, row->results);
    return ok ? row : NULL;
}

static bool is_exported(const Module *module, const char *name, ExternKind kind)
{
    const Export *export = tern_module_find_export(module, (Name){name, (u32)strlen(name)});
    return export != NULL && export->kind == kind;
}

/* A program that is made for threads imports the memory that they share, which is how it says that its instances
 * are to have the same. Under whatever name: it exports it for the functions here. */
static bool is_thread_memory(const Module *module, const Import *import)
{
    return import->kind == EXTERN_MEMORY && module->memories[import->index].limits.is_shared &&
           (is_exported(module, "wasi_thread_start", EXTERN_FUNC) ||
            (is_exported(module, "_start", EXTERN_FUNC) && is_exported(module, "memory", EXTERN_MEMORY)));
}

bool tern_wasi_provides(const Module *module, const Import *import)
{
    return find_row(module, import) != NULL || is_thread_memory(module, import);
}

bool tern_wasi_link(Wasi *wasi, Store *store, const Module *module, const Import *import, Extern *out)
{
    if (is_thread_memory(module, import)) {
        Diag diag = {0};
        const MemoryType *type = &module->memories[import->index];
        MemoryOptions options = wasi->thread_memory;
        options.max_pages = u64_max(options.max_pages, type->limits.min);
        Memory *memory = tern_store_memory_new(store, type, &options, &diag);
        *out = (Extern){.kind = EXTERN_MEMORY, .u.memory = memory};
        return memory != NULL;
    }
    const Preview1Row *row = find_row(module, import);
    if (row == NULL) return false;
    /* The import's own type, so that it matches however the module declared it (final or not, alone or
     * in a recursion group). */
    WasiAbi *abi = &wasi->abi[name_is(import->module, "wasi_unstable")];
    u32 type_id = module->funcs[import->index].type_id;
    HostFunc *host = row == &thread_spawn ? tern_wasi_thread_spawn : hosts[row - rows];
    FuncInst *func = tern_func_new(store, type_id, host, abi, row->name);
    if (func == NULL) return false;
    *out = (Extern){.kind = EXTERN_FUNC, .u.func = func};
    return true;
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

/* A guest that finds a character device there may take it for a terminal, which is the friendlier mistake: it
 * writes line by line. */
static bool add_callbacks(Wasi *wasi, WasiStream *stream, u64 rights)
{
    WasiFd fd = {.ops = &tern_wasi_stream_ops, .object = stream, .handle = -1, .type = PORT_FILE_CHARACTER,
                 .rights = rights | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_FILESTAT_GET |
                           WASI_RIGHT_POLL_FD_READWRITE};
    u32 number;
    return tern_wasi_fd_insert(wasi, &fd, &number) == WASI_ESUCCESS;
}

static bool add_stream(Wasi *wasi, s64 handle, u64 rights)
{
    PortStat stat = {.type = PORT_FILE_UNKNOWN};
    WasiFd fd = {.ops = &tern_wasi_lent_ops, .kind = tern_port_stream_kind(handle), .handle = handle,
                 .rights = rights | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_FILESTAT_GET |
                           WASI_RIGHT_POLL_FD_READWRITE};
    if (fd.kind == PORT_STREAM_TERMINAL)
        fd.type = PORT_FILE_CHARACTER;
    else if (fd.kind == PORT_STREAM_REGULAR)
        fd.type = PORT_FILE_REGULAR;
    else if (fd.kind == PORT_STREAM_SOCKET && tern_port_file_stat(handle, &stat) == PORT_OK &&
             stat.type == PORT_FILE_SOCKET_STREAM)
        fd.type = PORT_FILE_SOCKET_STREAM;
    u32 number;
    return tern_wasi_fd_insert(wasi, &fd, &number) == WASI_ESUCCESS;
}

static bool add_listener(Wasi *wasi, s64 handle, Diag *diag)
{
    WasiFd fd = {.ops = &tern_wasi_listener_ops, .kind = PORT_STREAM_SOCKET,
                 .type = PORT_FILE_SOCKET_STREAM, .handle = handle, .rights = WASI_RIGHTS_SOCKET | WASI_RIGHT_SOCK_ACCEPT,
                 .rights_inheriting = WASI_RIGHTS_SOCKET};
    u32 number;
    return tern_wasi_fd_insert(wasi, &fd, &number) == WASI_ESUCCESS ||
           tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, "too many descriptors");
}

static PortError open_dir(const WasiDir *dir, WasiFd *fd)
{
    if (dir->vdir != NULL) return tern_wasi_vdir_open(dir->vdir, fd);
    fd->ops = &tern_wasi_file_ops;
    fd->type = PORT_FILE_DIRECTORY;
    return tern_port_dir_open(dir->host, &fd->handle);
}

static bool add_dir(Wasi *wasi, const WasiDir *dir, size_t guest_size, Diag *diag)
{
    u64 not_given = dir->is_read_only ? (u64)WASI_RIGHTS_CHANGE : 0;
    WasiFd fd = {.rights = (u64)WASI_RIGHTS_DIRECTORY & ~not_given,
                 .rights_inheriting = (u64)(WASI_RIGHTS_DIRECTORY | WASI_RIGHTS_FILE) & ~not_given};
    PortError error = guest_size >= PORT_PATH_MAX ? PORT_E_NAMETOOLONG : open_dir(dir, &fd);
    if (error != PORT_OK)
        return tern_diag_set(diag, DIAG_WASI_DIRECTORY, DIAG_NO_OFFSET, "%s: error %d",
                             dir->vdir != NULL ? dir->guest : dir->host, (int)tern_wasi_errno_of(error));
    fd.preopen_size = (u32)guest_size;
    fd.preopen = tern_alloc(wasi->alloc, guest_size + 1);
    if (fd.preopen == NULL) {
        fd.ops->close(&fd);
        return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    }
    memcpy(fd.preopen, dir->guest, guest_size);
    fd.preopen[guest_size] = '\0';
    u32 number;
    return tern_wasi_fd_insert(wasi, &fd, &number) == WASI_ESUCCESS ||
           tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, "too many descriptors");
}

static bool add_all(Wasi *wasi, const WasiOptions *options, Diag *diag)
{
    bool ok = true;
    for (u32 i = 0; ok && i < 3; i++) {
        s64 handle = options->stdio[i] < 0 ? (s64)i : options->stdio[i];
        u64 rights = i == 0 ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE;
        wasi->streams[i] = options->streams[i];
        bool is_ours = i == 0 ? wasi->streams[i].read != NULL : wasi->streams[i].write != NULL;
        ok = (is_ours ? add_callbacks(wasi, &wasi->streams[i], rights) : add_stream(wasi, handle, rights)) ||
             tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    }
    for (u32 i = 0; ok && i < options->npreopens; i++) {
        const WasiDir *dir = &options->preopens[i];
        ok = add_dir(wasi, dir, strlen(dir->guest), diag);
    }
    for (u32 i = 0; ok && i < options->ndirs; i++) {
        WasiDir dir = {.host = options->dirs[i], .guest = options->dirs[i]};
        ok = add_dir(wasi, &dir, strlen(dir.guest), diag);
    }
    for (u32 i = 0; ok && i < options->nmap_dirs; i++) {
        const char *map = options->map_dirs[i], *split = strstr(map, "::");
        WasiDir dir = {.host = split != NULL ? split + 2 : NULL, .guest = map};
        ok = split != NULL ? add_dir(wasi, &dir, (size_t)(split - map), diag)
                           : tern_diag_set(diag, DIAG_WASI_DIRECTORY, DIAG_NO_OFFSET,
                                           "%s: write it GUEST::HOST", map);
    }
    for (u32 i = 0; ok && i < options->nlisteners; i++) ok = add_listener(wasi, options->listeners[i], diag);
    return ok;
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
    wasi->max_fds = options->max_fds != 0 ? options->max_fds : WASI_FDS_DEFAULT;
    wasi->thread_memory = (MemoryOptions){
        .max_pages = options->max_memory_pages != 0 ? options->max_memory_pages : UINT64_MAX,
        .budget = tern_memory_budget_retain(options->memory_budget)};
    bool has_dirs = options->npreopens > 0 || options->ndirs > 0 || options->nmap_dirs > 0; /* else why ask */
    wasi->walks_paths = options->walks_paths || (has_dirs && !tern_port_path_kernel_resolves());
    tern_port_mutex_init(&wasi->lock);
    tern_port_mutex_init(&wasi->transfer_lock);
    tern_wasi_threads_init(&wasi->threads, options);
    wasi->abi[0] = (WasiAbi){wasi, false};
    wasi->abi[1] = (WasiAbi){wasi, true};

    bool ok = copy_strings(wasi->alloc, options->argv, options->argc, &wasi->args, diag) &&
              copy_strings(wasi->alloc, options->env, options->nenv, &wasi->env, diag);
    ok = ok &&
         tern_wasi_net_init(&wasi->net, wasi->alloc, options->addr_pool, options->naddr_pool,
                            options->ns_lookup_pool, options->nns_lookup_pool, diag) &&
         add_all(wasi, options, diag);
    if (ok) return wasi;
    tern_wasi_free(wasi);
    return NULL;
}

void tern_wasi_free(Wasi *wasi)
{
    if (wasi == NULL) return;
    tern_wasi_threads_done(wasi);
    tern_free(wasi->alloc, wasi->args.bytes, wasi->args.size_bytes);
    tern_free(wasi->alloc, wasi->env.bytes, wasi->env.size_bytes);
    tern_wasi_fds_free(wasi);
    tern_wasi_net_done(&wasi->net, wasi->alloc);
    tern_memory_budget_release(wasi->thread_memory.budget);
    tern_port_mutex_done(&wasi->lock);
    tern_port_mutex_done(&wasi->transfer_lock);
    tern_free(wasi->alloc, wasi, sizeof *wasi);
}

u32 tern_wasi_exit_code(const Wasi *wasi) { return __atomic_load_n(&wasi->exit_code, __ATOMIC_RELAXED); }
bool tern_wasi_exited(const Wasi *wasi) { return __atomic_load_n(&wasi->has_exited, __ATOMIC_RELAXED); }

WasiErrno tern_wasi_errno_of(PortError error)
{
    static const u8 numbers[] = {
        [PORT_OK] = WASI_ESUCCESS,
#define PORT_ERROR(name) [PORT_E_##name] = WASI_E##name,
#include "port/errors.def"
    };
    return (WasiErrno)numbers[error];
}
