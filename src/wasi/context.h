/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* context.h - what the WASI functions share: the guest's world, one call's state, and the accessors that
 * write the guest's little-endian structures. Internal to wasi/. */
#ifndef TERN_WASI_CONTEXT_H
#define TERN_WASI_CONTEXT_H

#include "port/stream.h"
#include "runtime/exec.h"
#include "runtime/guest_range.h"
#include "wasi/wasi.h"

/* Error numbers of preview 1, those in use. */
typedef enum WasiErrno {
    WASI_ESUCCESS = 0,
    WASI_EAGAIN = 6,
    WASI_EBADF = 8,
    WASI_ECONNRESET = 15,
    WASI_EDQUOT = 19,
    WASI_EFAULT = 21,
    WASI_EFBIG = 22,
    WASI_EINTR = 27,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_EISDIR = 31,
    WASI_ENOMEM = 48,
    WASI_ENOSPC = 51,
    WASI_ENOSYS = 52,
    WASI_ENOTSOCK = 57,
    WASI_ENOTSUP = 58,
    WASI_ENXIO = 60,
    WASI_EPERM = 63,
    WASI_EPIPE = 64,
    WASI_ESPIPE = 70,
} WasiErrno;

enum { /* rights, bits of u64 */
    WASI_RIGHT_FD_READ = 1 << 1,
    WASI_RIGHT_FD_SEEK = 1 << 2,
    WASI_RIGHT_FD_FDSTAT_SET_FLAGS = 1 << 3,
    WASI_RIGHT_FD_TELL = 1 << 5,
    WASI_RIGHT_FD_WRITE = 1 << 6,
    WASI_RIGHT_FD_FILESTAT_GET = 1 << 21,
    WASI_RIGHT_POLL_FD_READWRITE = 1 << 27,
};

enum { WASI_FILETYPE_UNKNOWN = 0, WASI_FILETYPE_CHARACTER_DEVICE = 2, WASI_FILETYPE_REGULAR_FILE = 4,
       WASI_FILETYPE_SOCKET_STREAM = 6 };

enum { WASI_FDFLAG_APPEND = 1, WASI_FDFLAG_NONBLOCK = 4, WASI_FDFLAGS_ALL = 0x1f };

/* Longest time a blocking call goes without looking for an interrupt. */
#define WASI_SLICE_NS 10000000u
#define WASI_IOVECS_MAX 1024u /* as IOV_MAX of wasi-libc */

/* A slot of the descriptor table; the guest's number is its index. */
typedef struct WasiFd {
    bool is_open;
    PortStreamKind kind;
    u16 flags;       /* WASI_FDFLAG_*: kept here, never set on the host's descriptor */
    u64 rights, rights_inheriting;
    s64 handle;      /* the host's */
} WasiFd;

/* A list of strings as the guest gets it: back to back, each with its NUL. */
typedef struct WasiStrings {
    char *bytes;
    u32 n, size_bytes;
} WasiStrings;

/* The environment of our host functions: which of the two module names the guest used. */
typedef struct WasiAbi {
    Wasi *wasi;
    bool is_unstable;
} WasiAbi;

struct Wasi {
    Alloc *alloc;
    WasiStrings args, env;
    struct { VEC(WasiFd) } fds;
    WasiAbi abi[2];
    bool has_exited;
    u32 exit_code;
};

typedef struct WasiCall {
    Exec *x;
    Wasi *wasi;
    Memory *memory;   /* the caller's memory 0, or NULL */
    bool is_unstable;
    TrapCode trap;    /* set: the guest stops, and the returned number is not used */
} WasiCall;

/* One function per IMPLEMENTED row. args are the cells of the parameters; an i32 is zero-extended. */
typedef WasiErrno WasiFunc(WasiCall *call, const u64 *args);

#define WASI_DECLARE_IMPLEMENTED(name) WasiFunc tern_wasi_##name;
#define WASI_DECLARE_NOSYS(name)
#define PREVIEW1(name, params, results, state) WASI_DECLARE_##state(name)
#include "wasi/preview1.def"

/* The slot of an open descriptor with all of these rights, or NULL. */
static inline WasiFd *wasi_fd(Wasi *wasi, u64 fd, u64 rights)
{
    if (fd >= wasi->fds.n) return NULL;
    WasiFd *f = &wasi->fds.items[fd];
    return f->is_open && (f->rights & rights) == rights ? f : NULL;
}

WasiErrno tern_wasi_errno_of(PortError error);

/* Has somebody asked the guest to stop? Then call->trap is set and the function returns. */
static inline bool wasi_interrupted(WasiCall *call)
{
    u32 code = __atomic_load_n(&call->x->interrupt, __ATOMIC_RELAXED);
    if (code == TRAP_NONE) return false;
    call->trap = (TrapCode)code;
    return true;
}

/* Guest memory; NULL if any of it lies outside. */
static inline u8 *wasi_range(const WasiCall *call, u64 addr, u64 size)
{
    return call->memory != NULL ? tern_guest_range(call->memory, addr, size) : NULL;
}
static inline u8 *wasi_array(const WasiCall *call, u64 addr, u64 n, u64 elem_size)
{
    return call->memory != NULL ? tern_guest_array(call->memory, addr, n, elem_size) : NULL;
}

static inline void wasi_put(u8 *p, u64 value, u32 size_bytes)
{
    for (u32 i = 0; i < size_bytes; i++) p[i] = (u8)(value >> (8 * i));
}
static inline u64 wasi_get(const u8 *p, u32 size_bytes)
{
    u64 value = 0;
    for (u32 i = 0; i < size_bytes; i++) value |= (u64)p[i] << (8 * i);
    return value;
}

/* Writes an integer to the guest; EFAULT if it does not fit there. */
static inline WasiErrno wasi_store(const WasiCall *call, u64 addr, u64 value, u32 size_bytes)
{
    u8 *p = wasi_range(call, addr, size_bytes);
    if (p == NULL) return WASI_EFAULT;
    wasi_put(p, value, size_bytes);
    return WASI_ESUCCESS;
}

#endif
