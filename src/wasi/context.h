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
#include "wasi/net.h"
#include "wasi/threads.h"
#include "wasi/wasi.h"

/* Error numbers of preview 1, those in use. */
typedef enum WasiErrno {
    WASI_ESUCCESS = 0,
    WASI_EACCES = 2,
    WASI_EADDRINUSE = 3,
    WASI_EADDRNOTAVAIL = 4,
    WASI_EAFNOSUPPORT = 5,
    WASI_EAGAIN = 6,
    WASI_EALREADY = 7,
    WASI_EBADF = 8,
    WASI_EBUSY = 10,
    WASI_ECONNABORTED = 13,
    WASI_ECONNREFUSED = 14,
    WASI_ECONNRESET = 15,
    WASI_EDESTADDRREQ = 17,
    WASI_EDQUOT = 19,
    WASI_EEXIST = 20,
    WASI_EFAULT = 21,
    WASI_EFBIG = 22,
    WASI_EHOSTUNREACH = 23,
    WASI_EINPROGRESS = 26,
    WASI_EINTR = 27,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_EISCONN = 30,
    WASI_EISDIR = 31,
    WASI_ELOOP = 32,
    WASI_EMFILE = 33,
    WASI_EMLINK = 34,
    WASI_EMSGSIZE = 35,
    WASI_ENAMETOOLONG = 37,
    WASI_ENETDOWN = 38,
    WASI_ENETUNREACH = 40,
    WASI_ENFILE = 41,
    WASI_ENOBUFS = 42,
    WASI_ENODEV = 43,
    WASI_ENOENT = 44,
    WASI_ENOMEM = 48,
    WASI_ENOPROTOOPT = 50,
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
    WASI_EPROTONOSUPPORT = 66,
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

typedef struct WasiFdOps WasiFdOps;

/* What a guest's descriptor stands for. One slot of the table holds it, and every call that uses it: the
 * guest's threads may close and renumber what others are reading. */
typedef struct WasiFd {
    const WasiFdOps *ops; /* what its kind of thing does */
    s64 handle;           /* the host's, where the operations work on one */
    void *object;         /* otherwise: theirs */
    u32 nholders;         /* under Wasi.lock */
    PortStreamKind kind;
    PortFileType type;
    u16 flags;            /* WASI_FDFLAG_*, under lock */
    u64 rights, rights_inheriting; /* under lock; never grow */
    char *preopen;        /* the guest's name of a directory given by the host, or NULL */
    u32 preopen_size;
    PortNow now;          /* lent: how transfers are kept from blocking. Atomic */
    u64 timeout_ns[2];    /* a socket's, of receiving and of sending; 0: none. Under lock */
    bool is_bound;        /* a socket: by the guest, to an address that the pool allows. Under lock */
} WasiFd;

/* What moves bytes: a stream at its own position, a file at a place, or a socket. */
typedef enum WasiWay { WASI_WAY_READ, WASI_WAY_WRITE, WASI_WAY_READ_AT, WASI_WAY_WRITE_AT, WASI_WAY_PEEK,
                       WASI_WAY_RECV, WASI_WAY_SEND } WasiWay;
typedef struct WasiTransfer {
    WasiFd *f;
    WasiWay way;
    bool write, is_truncated;
    u64 offset;           /* where _AT */
    PortAddress *address; /* of a datagram: from where, or to where. Or NULL */
} WasiTransfer;

/* A path beneath a directory. */
typedef struct WasiPath {
    const WasiFd *dir;
    bool walks; /* Wasi.walks_paths */
    char text[PORT_PATH_MAX];
} WasiPath;

/* What a kind of thing can do: the machine's files, streams and sockets (host.c), streams that the host's code
 * provides (stream.c), files in memory (vdir_fd.c). Functions that check rights and guest memory call these and
 * know no kinds. Operations are as those of port/file.h. */
struct WasiFdOps {
    bool has_places;    /* files: they can be sought in, read at a place, and given a size */
    bool is_socket;     /* sock_ functions work on it */
    bool polls;         /* a transfer may find nothing to do: its handle is waited for then; else there is none */
    bool blocks;        /* ... and then blocks in the system, as its flags are the host's */
    void (*close)(WasiFd *f);                          /* or NULL: borrowed */
    PortError (*stat)(const WasiFd *f, PortStat *out); /* out holds the descriptor's type and one link */
    PortError (*transfer)(WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done);

    /* Files and directories: the rest has no right to them. */
    PortError (*set_times)(const WasiFd *f, const PortTimes *times);
    PortError (*sync)(const WasiFd *f, bool data_only);

    /* Where has_places. */
    PortError (*set_append)(const WasiFd *f, bool append);
    PortError (*set_size)(const WasiFd *f, u64 size);
    PortError (*allocate)(const WasiFd *f, u64 offset, u64 size);
    PortError (*advise)(const WasiFd *f, u64 offset, u64 size, PortAdvice advice);
    PortError (*seek)(const WasiFd *f, s64 offset, PortWhence whence, u64 *position);

    /* Directories. open fills everything but flags and rights. Both of two paths are of this kind. */
    PortError (*dir_read)(const WasiFd *f, u64 cookie, bool (*each)(void *env, const PortDirent *entry), void *env);
    PortError (*path_open)(const WasiPath *path, u32 flags, WasiFd *out);
    PortError (*path_stat)(const WasiPath *path, bool follow, PortStat *out);
    PortError (*path_set_times)(const WasiPath *path, bool follow, const PortTimes *times);
    PortError (*path_make_directory)(const WasiPath *path);
    PortError (*path_remove_directory)(const WasiPath *path);
    PortError (*path_unlink)(const WasiPath *path);
    PortError (*path_rename)(const WasiPath *from, const WasiPath *to);
    PortError (*path_link)(const WasiPath *from, const WasiPath *to);
    PortError (*path_symlink)(const char *target, const WasiPath *path);
    PortError (*path_readlink)(const WasiPath *path, u8 *bytes, size_t size, size_t *done);
};

extern const WasiFdOps tern_wasi_file_ops;     /* handle: owned */
extern const WasiFdOps tern_wasi_lent_ops;     /* handle: a stream that the host lends */
extern const WasiFdOps tern_wasi_socket_ops;   /* handle: owned */
extern const WasiFdOps tern_wasi_listener_ops; /* handle: a socket that the host lends */
extern const WasiFdOps tern_wasi_stream_ops;   /* object: a WasiStream of the Wasi */
extern const WasiFdOps tern_wasi_vdir_ops;     /* object: see vdir_fd.c */

/* The top of a directory in memory, as a descriptor that holds it. */
PortError tern_wasi_vdir_open(WasiVdir *vdir, WasiFd *out);

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
    u32 max_fds;
    MemoryOptions thread_memory; /* of what tern_wasi_link makes; a reference to its budget is held */
    bool walks_paths;
    WasiStream streams[3]; /* the standard streams that the host's code provides */
    WasiNet net;
    WasiThreads threads;
    bool has_threads;      /* the guest has started some, ever. Atomic */
    Mutex transfer_lock;   /* held from a poll that says ready to the transfer, where that may block */
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
#define PREVIEW1(name, params, results) WasiFunc tern_wasi_##name;
#include "wasi/sockets.def"

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

/* --- moving bytes (fd.c) ---------------------------------------------------------------------------- */

/* A socket that the host gave, one accepted from it, or one of the guest's own; else NOTSOCK. */
WasiErrno tern_wasi_socket_take(WasiCall *call, u64 fd, u64 rights, WasiFd **out);
/* Waits until the stream would not block. AGAIN for a descriptor that does not wait, or has waited long enough;
 * INTR with the trap set if the guest is to stop. */
WasiErrno tern_wasi_wait_for(WasiCall *call, const WasiFd *f, bool write);
/* to NULL: whom it is connected to. */
WasiErrno tern_wasi_socket_send(WasiCall *call, WasiFd *f, u64 array, u64 count, PortAddress *to, u64 count_addr);
/* from NULL: it does not matter who. */
WasiErrno tern_wasi_socket_recv(WasiCall *call, WasiFd *f, u64 array, u64 count, u64 flags, PortAddress *from,
                                u64 count_addr, bool *is_truncated);

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
    u8 bytes[8];
    for (u32 i = 0; i < size_bytes; i++) bytes[i] = (u8)(value >> (8 * i));
    racy_copy(p, bytes, size_bytes);
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
