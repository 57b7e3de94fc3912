/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wasi.h - WASI preview 1 for the instances of one store, under both its names: wasi_snapshot_preview1 and
 * the older wasi_unstable; WAMR's socket functions, and wasi.thread-spawn.
 *
 * A Wasi is what the guest sees of the world: arguments, environment and descriptors, wholly from its
 * options; nothing is taken from the process but the clocks, chance and, by default, its standard streams.
 * Functions reach memory through the calling instance (its memory 0), for the full length they touch.
 *
 * Directories are given, and paths cannot leave them: port/file.h resolves each beneath its directory.
 *
 * A Wasi belongs to one store, and may be used by the threads of one guest at once: its descriptors have a
 * lock, everything else is constant. It must outlive every call into it: free it after the store.
 */
#ifndef TERN_WASI_WASI_H
#define TERN_WASI_WASI_H

#include "runtime/store.h"
#include "wasi/vdir.h"

/* A directory of the host, or one in memory, and what the guest calls it. */
typedef struct WasiDir {
    const char *host, *guest;
    bool is_read_only;
    WasiVdir *vdir; /* instead of host; held as long as the guest can use it. Or NULL */
} WasiDir;

/* A standard stream that the host's own code provides. Called on the thread that runs the guest, and by several of
 * a guest's threads at once. Results: how many of size > 0 bytes were moved, 0 only at the end of input; or an
 * error number of preview 1 negated, of which -6 (AGAIN) makes the guest wait and ask again every millisecond,
 * seeing interrupts, unless its descriptor does not wait. Both must not block for long: a guest cannot be stopped
 * inside them. */
typedef struct WasiStream {
    s64 (*read)(void *user, void *buf, size_t size);
    s64 (*write)(void *user, const void *buf, size_t size);
    void *user;
} WasiStream;

/* What a thread of the guest runs in: an instance of its own of the guest's module, over the same memories. */
typedef struct WasiThreadPlace {
    Exec *x;
    FuncInst *start; /* its wasi_thread_start, of two i32 */
    void *owned;     /* the maker's */
} WasiThreadPlace;

/* How the embedder makes one, if the guest's host functions expect more than an instance. */
typedef struct WasiThreadMaker {
    /* On the thread that spawns; false: it cannot be. */
    bool (*make)(void *user, Exec *spawner, WasiThreadPlace *out);
    /* On the new thread: calls start. */
    TrapCode (*run)(void *user, WasiThreadPlace *place, const u64 args[2]);
    void (*unmake)(void *user, WasiThreadPlace *place); /* on either */
    /* Has it a limit of its own that make would not meet just now? NULL: no. */
    bool (*is_full)(void *user, const Exec *spawner);
    void *user;
} WasiThreadMaker;

/* Everything is copied by tern_wasi_new; strings are NUL-terminated. Descriptors from 3 on are: preopens,
 * dirs, map_dirs, listeners. */
typedef struct WasiOptions {
    const char *const *argv; /* argv[0] included; may be NULL when argc is 0 */
    u32 argc;
    const char *const *env; /* "K=V" */
    u32 nenv;
    const char *const *dirs; /* directories to open for the guest, under their own names */
    u32 ndirs;
    const char *const *map_dirs; /* "guest::host" */
    u32 nmap_dirs;
    const WasiDir *preopens;
    u32 npreopens;
    const s64 *listeners; /* host descriptors of listening sockets that the guest may accept from. Borrowed */
    u32 nlisteners;
    s64 stdio[3]; /* host descriptors of stdin, stdout and stderr; -1: the process's 0, 1 and 2. Borrowed:
                   * never closed or reconfigured, even when the guest closes its own */
    WasiStream streams[3]; /* instead of stdio where read (of 0) or write (of 1 and 2) is not NULL */
    const char *const *addr_pool; /* "ADDRESS/BITS": what sockets of the guest's own may bind to and talk to;
                                   * none: nothing */
    u32 naddr_pool;
    const char *const *ns_lookup_pool; /* names that the guest may have resolved; "*.example.org": all below */
    u32 nns_lookup_pool;
    u32 max_threads; /* that thread-spawn may have running at once; 0: WASI_THREADS_DEFAULT */
    u32 max_fds; /* descriptors open at once, the first three included; 0: WASI_FDS_DEFAULT */
    u64 max_memory_pages;        /* of a memory that tern_wasi_link makes; 0: as the module says */
    MemoryBudget *memory_budget; /* that it is charged to, or NULL */
    WasiThreadMaker thread_maker; /* make NULL: instances with the same imports, where those can be shared */
    bool walks_paths; /* resolve paths ourselves even where the kernel can confine them */
} WasiOptions;

#define WASI_THREADS_DEFAULT 4u
/* Half of what processes may usually have. */
#define WASI_FDS_DEFAULT 512u

/* No arguments, no environment, the process's standard streams. */
#define WASI_OPTIONS_DEFAULT ((WasiOptions){.stdio = {-1, -1, -1}})

typedef struct Wasi Wasi;

/* NULL and a diag if there is no memory, the arguments or environment exceed 4 GiB, or a directory cannot
 * be opened. options NULL: the
 * default. */
Wasi *tern_wasi_new(Store *store, const WasiOptions *options, Diag *diag);
void tern_wasi_free(Wasi *wasi); /* NULL is allowed */
/* Stops the threads that the guest started, and waits for them: before anything is freed that they use, as the
 * store with the guest's instance is. NULL is allowed. */
void tern_wasi_threads_end(Wasi *wasi);

/* Is this the name of a module that WASI preview 1 provides? */
bool tern_wasi_is_module(Name module);
/* Does it have a function of that name? */
bool tern_wasi_has(Name module, Name name);

/* Would tern_wasi_link resolve it, memory permitting? */
bool tern_wasi_provides(const Module *module, const Import *import);

/* Resolves an import of module if it is a function of ours with the right parameters and results. False:
 * not ours, the type differs, or no memory. */
bool tern_wasi_link(Wasi *wasi, Store *store, const Module *module, const Import *import, Extern *out);

/* After a call that trapped with TRAP_EXIT: what the guest passed to proc_exit. 0 if it never did. */
u32 tern_wasi_exit_code(const Wasi *wasi);
bool tern_wasi_exited(const Wasi *wasi);

#endif
