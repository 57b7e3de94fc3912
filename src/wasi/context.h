/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* context.h - what the WASI functions share: the guest's world, one call's state, and the accessors that
 * write the guest's little-endian structures. Internal to wasi/. */
#ifndef TERN_WASI_CONTEXT_H
#define TERN_WASI_CONTEXT_H

#include "base/racy.h"
#include "port/file.h"
#include "port/port.h"
#include "runtime/exec.h"
#include "runtime/guest_range.h"
#include "wasi/wasi.h"

/* Error numbers of preview 1, those in use. */
typedef enum WasiErrno {
    WASI_ESUCCESS = 0,
    WASI_EACCES = 2,
    WASI_EAGAIN = 6,
    WASI_EBADF = 8,
    WASI_EBUSY = 10,
    WASI_ECONNABORTED = 13,
    WASI_ECONNRESET = 15,
    WASI_EDQUOT = 19,
    WASI_EEXIST = 20,
    WASI_EFAULT = 21,
    WASI_EFBIG = 22,
    WASI_EINTR = 27,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_EISDIR = 31,
    WASI_ELOOP = 32,
    WASI_EMFILE = 33,
    WASI_EMLINK = 34,
    WASI_ENAMETOOLONG = 37,
    WASI_ENFILE = 41,
    WASI_ENODEV = 43,
    WASI_ENOENT = 44,
    WASI_ENOMEM = 48,
    WASI_ENOSPC = 51,
    WASI_ENOTCONN = 53,
    WASI_ENOTDIR = 54,
    WASI_ENOTEMPTY = 55,
    WASI_ENOTSOCK = 57,
    WASI_ENOTSUP = 58,
    WASI_ENXIO = 60,
    WASI_EOVERFLOW = 61,
    WASI_EPERM = 63,
    WASI_EPIPE = 64,
    WASI_EROFS = 69,
    WASI_ESPIPE = 70,
    WASI_ESTALE = 72,
    WASI_ETIMEDOUT = 73,
    WASI_ETXTBSY = 74,
    WASI_EXDEV = 75,
    WASI_ENOTCAPABLE = 76,
} WasiErrno;

enum { /* rights, bits of u64 */
    WASI_RIGHT_FD_DATASYNC = 1 << 0,
    WASI_RIGHT_FD_READ = 1 << 1,
    WASI_RIGHT_FD_SEEK = 1 << 2,
    WASI_RIGHT_FD_FDSTAT_SET_FLAGS = 1 << 3,
    WASI_RIGHT_FD_SYNC = 1 << 4,
    WASI_RIGHT_FD_TELL = 1 << 5,
    WASI_RIGHT_FD_WRITE = 1 << 6,
    WASI_RIGHT_FD_ADVISE = 1 << 7,
    WASI_RIGHT_FD_ALLOCATE = 1 << 8,
    WASI_RIGHT_PATH_CREATE_DIRECTORY = 1 << 9,
    WASI_RIGHT_PATH_CREATE_FILE = 1 << 10,
    WASI_RIGHT_PATH_LINK_SOURCE = 1 << 11,
    WASI_RIGHT_PATH_LINK_TARGET = 1 << 12,
    WASI_RIGHT_PATH_OPEN = 1 << 13,
    WASI_RIGHT_FD_READDIR = 1 << 14,
    WASI_RIGHT_PATH_READLINK = 1 << 15,
    WASI_RIGHT_PATH_RENAME_SOURCE = 1 << 16,
    WASI_RIGHT_PATH_RENAME_TARGET = 1 << 17,
    WASI_RIGHT_PATH_FILESTAT_GET = 1 << 18,
    WASI_RIGHT_PATH_FILESTAT_SET_SIZE = 1 << 19,
    WASI_RIGHT_PATH_FILESTAT_SET_TIMES = 1 << 20,
    WASI_RIGHT_FD_FILESTAT_GET = 1 << 21,
    WASI_RIGHT_FD_FILESTAT_SET_SIZE = 1 << 22,
    WASI_RIGHT_FD_FILESTAT_SET_TIMES = 1 << 23,
    WASI_RIGHT_PATH_SYMLINK = 1 << 24,
    WASI_RIGHT_PATH_REMOVE_DIRECTORY = 1 << 25,
    WASI_RIGHT_PATH_UNLINK_FILE = 1 << 26,
    WASI_RIGHT_POLL_FD_READWRITE = 1 << 27,
    WASI_RIGHT_SOCK_SHUTDOWN = 1 << 28,
    WASI_RIGHT_SOCK_ACCEPT = 1 << 29,

    /* What changes files or directories: not given beneath a directory that is only to be read. */
    WASI_RIGHTS_CHANGE = WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_PATH_CREATE_DIRECTORY |
                         WASI_RIGHT_PATH_CREATE_FILE | WASI_RIGHT_PATH_LINK_SOURCE |
                         WASI_RIGHT_PATH_LINK_TARGET | WASI_RIGHT_PATH_RENAME_SOURCE |
                         WASI_RIGHT_PATH_RENAME_TARGET | WASI_RIGHT_PATH_FILESTAT_SET_SIZE |
                         WASI_RIGHT_PATH_FILESTAT_SET_TIMES | WASI_RIGHT_FD_FILESTAT_SET_SIZE |
                         WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_PATH_SYMLINK |
                         WASI_RIGHT_PATH_REMOVE_DIRECTORY | WASI_RIGHT_PATH_UNLINK_FILE,
    WASI_RIGHTS_DIRECTORY =
        (WASI_RIGHTS_CHANGE & ~(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE |
                                WASI_RIGHT_FD_FILESTAT_SET_SIZE)) |
        WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_ADVISE |
        WASI_RIGHT_PATH_OPEN | WASI_RIGHT_FD_READDIR | WASI_RIGHT_PATH_READLINK |
        WASI_RIGHT_PATH_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_GET,
    WASI_RIGHTS_FILE = WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK |
                       WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_TELL |
                       WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ADVISE | WASI_RIGHT_FD_ALLOCATE |
                       WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_SIZE |
                       WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_POLL_FD_READWRITE,
    WASI_RIGHTS_SOCKET = WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_FDSTAT_SET_FLAGS |
                         WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_POLL_FD_READWRITE | WASI_RIGHT_SOCK_SHUTDOWN,
};

enum { WASI_FDFLAG_APPEND = 1, WASI_FDFLAG_DSYNC = 2, WASI_FDFLAG_NONBLOCK = 4, WASI_FDFLAG_RSYNC = 8,
       WASI_FDFLAG_SYNC = 16, WASI_FDFLAGS_ALL = 0x1f };

/* Longest time a blocking call goes without looking for an interrupt. */
#define WASI_SLICE_NS 10000000u
#define WASI_IOVECS_MAX 1024u /* as IOV_MAX of wasi-libc */

#define WASI_FDS_MAX 1024u   /* descriptors open at once */

/* What a guest's descriptor stands for. One slot of the table holds it, and every call that uses it: the
 * guest's threads may close and renumber what others are reading. */
typedef struct WasiFd {
    u32 nholders;         /* under Wasi.lock */
    bool is_owned;        /* the handle is closed with the last holder; else the host's, never reconfigured */
    bool is_socket;       /* sock_ functions work on it */
    PortStreamKind kind;
    PortFileType type;
    u16 flags;            /* WASI_FDFLAG_*, under lock */
    u64 rights, rights_inheriting; /* under lock; never grow */
    s64 handle;           /* the host's */
    char *preopen;        /* the guest's name of a directory given by the host, or NULL */
    u32 preopen_size;
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
    Mutex lock;
    struct { VEC(WasiFd *) } fds; /* by the guest's number; NULL: free. Under lock */
    bool walks_paths;
    WasiAbi abi[2];
    bool has_exited;
    u32 exit_code;
};

#define WASI_HELD_MAX 2u /* descriptors that one call names */

typedef struct WasiCall {
    Exec *x;
    Wasi *wasi;
    Memory *memory;   /* the caller's memory 0, or NULL */
    bool is_unstable;
    WasiFd *held[WASI_HELD_MAX]; /* until the call ends */
    u32 nheld;
    TrapCode trap;    /* set: the guest stops, and the returned number is not used */
} WasiCall;

/* One function per row. args are the cells of the parameters; an i32 is zero-extended. */
typedef WasiErrno WasiFunc(WasiCall *call, const u64 *args);

#define PREVIEW1(name, params, results) WasiFunc tern_wasi_##name;
#include "wasi/preview1.def"

/* --- the descriptor table (table.c) ----------------------------------------------------------------- */

/* The open descriptor of that number, held until the call ends. BADF if there is none or it may not be read
 * or written; NOTCAPABLE if another of the rights is missing. */
WasiErrno tern_wasi_fd_take(WasiCall *call, u64 fd, u64 rights, WasiFd **out);
/* The same for the start of a path: NOTDIR if it is no directory. */
WasiErrno tern_wasi_dir_take(WasiCall *call, u64 fd, u64 rights, WasiFd **out);
/* Ends a call: what it held is let go. */
void tern_wasi_call_end(WasiCall *call);
/* As tern_wasi_fd_take, held until the release. */
WasiErrno tern_wasi_fd_hold(Wasi *wasi, u64 fd, u64 rights, WasiFd **out);
void tern_wasi_fd_release(Wasi *wasi, WasiFd *fd);

/* Puts it at the lowest free number. It is the table's from here on, also when this fails: MFILE, NOMEM. */
WasiErrno tern_wasi_fd_insert(Wasi *wasi, const WasiFd *fd, u32 *number);
u16 tern_wasi_fd_flags(Wasi *wasi, const WasiFd *fd);
void tern_wasi_fds_free(Wasi *wasi);

/* --- shared by files and paths ---------------------------------------------------------------------- */

u8 tern_wasi_filetype(PortFileType type);
u32 tern_wasi_filestat_size(const WasiCall *call);
void tern_wasi_put_filestat(const WasiCall *call, u8 *p, const PortStat *stat);
/* The flags and times of the set_times functions. */
WasiErrno tern_wasi_times(u64 access_ns, u64 modification_ns, u64 flags, PortTimes *out);

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
