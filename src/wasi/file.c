/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* file.c - what is done with an open file or directory besides moving bytes.
 *
 * A file that the host lent as a standard stream is a stream: it has a size, no position, and what it is on
 * the host reads as zero.
 */
#include "wasi/context.h"

u8 tern_wasi_filetype(PortFileType type)
{
    static const u8 numbers[] = {
        [PORT_FILE_UNKNOWN] = 0,   [PORT_FILE_BLOCK] = 1,         [PORT_FILE_CHARACTER] = 2,
        [PORT_FILE_DIRECTORY] = 3, [PORT_FILE_REGULAR] = 4,       [PORT_FILE_SOCKET_DATAGRAM] = 5,
        [PORT_FILE_SYMLINK] = 7,   [PORT_FILE_SOCKET_STREAM] = 6, [PORT_FILE_PIPE] = 0,
    };
    return numbers[type];
}

/* wasi_unstable has a link count of 4 bytes, which moves what follows it. */
u32 tern_wasi_filestat_size(const WasiCall *call) { return call->is_unstable ? 56 : 64; }

void tern_wasi_put_filestat(const WasiCall *call, u8 *p, const PortStat *stat)
{
    memset(p, 0, tern_wasi_filestat_size(call));
    wasi_put(p, stat->device, 8);
    wasi_put(p + 8, stat->inode, 8);
    p[16] = tern_wasi_filetype(stat->type);
    if (call->is_unstable)
        wasi_put(p + 20, u64_min(stat->nlinks, UINT32_MAX), 4);
    else
        wasi_put(p + 24, stat->nlinks, 8);
    u8 *rest = p + (call->is_unstable ? 24 : 32);
    wasi_put(rest, stat->size_bytes, 8);
    wasi_put(rest + 8, stat->atime_ns, 8);
    wasi_put(rest + 16, stat->mtime_ns, 8);
    wasi_put(rest + 24, stat->ctime_ns, 8);
}

WasiErrno tern_wasi_fd_filestat_get(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], WASI_RIGHT_FD_FILESTAT_GET, &f);
    if (error != WASI_ESUCCESS) return error;
    u8 *p = wasi_range(call, args[1], tern_wasi_filestat_size(call));
    if (p == NULL) return WASI_EFAULT;
    PortStat stat = {.type = f->type, .nlinks = 1};
    PortError got = f->ops->stat(f, &stat);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    tern_wasi_put_filestat(call, p, &stat);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_times(u64 access_ns, u64 modification_ns, u64 flags, PortTimes *out)
{
    enum { ATIM = 1, ATIM_NOW = 2, MTIM = 4, MTIM_NOW = 8 };
    if (flags > 15 || (flags & (ATIM | ATIM_NOW)) == (ATIM | ATIM_NOW) ||
        (flags & (MTIM | MTIM_NOW)) == (MTIM | MTIM_NOW))
        return WASI_EINVAL;
    *out = (PortTimes){
        .access = (flags & ATIM) != 0 ? PORT_TIME_SET : (flags & ATIM_NOW) != 0 ? PORT_TIME_NOW : PORT_TIME_KEEP,
        .modification =
            (flags & MTIM) != 0 ? PORT_TIME_SET : (flags & MTIM_NOW) != 0 ? PORT_TIME_NOW : PORT_TIME_KEEP,
        .access_ns = access_ns,
        .modification_ns = modification_ns,
    };
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_filestat_set_times(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    PortTimes times;
    WasiErrno error = tern_wasi_fd_take(call, args[0], WASI_RIGHT_FD_FILESTAT_SET_TIMES, &f);
    if (error == WASI_ESUCCESS) error = tern_wasi_times(args[1], args[2], args[3], &times);
    return error != WASI_ESUCCESS ? error : tern_wasi_errno_of(f->ops->set_times(f, &times));
}

/* For what only an open regular file can do: BADF for a directory, as other runtimes answer. */
static WasiErrno take_file(WasiCall *call, u64 fd, u64 rights, WasiFd **out)
{
    WasiErrno error = tern_wasi_fd_take(call, fd, 0, out);
    if (error != WASI_ESUCCESS) return error;
    if ((*out)->type == PORT_FILE_DIRECTORY) return WASI_EBADF;
    if (!(*out)->ops->has_places) return WASI_ESPIPE;
    return tern_wasi_fd_take(call, fd, rights, out);
}

WasiErrno tern_wasi_fd_filestat_set_size(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = take_file(call, args[0], WASI_RIGHT_FD_FILESTAT_SET_SIZE, &f);
    return error != WASI_ESUCCESS ? error : tern_wasi_errno_of(f->ops->set_size(f, args[1]));
}

WasiErrno tern_wasi_fd_allocate(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = take_file(call, args[0], WASI_RIGHT_FD_ALLOCATE, &f);
    if (error != WASI_ESUCCESS) return error;
    return tern_wasi_errno_of(f->ops->allocate(f, args[1], args[2]));
}

WasiErrno tern_wasi_fd_advise(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = take_file(call, args[0], WASI_RIGHT_FD_ADVISE, &f);
    if (error != WASI_ESUCCESS) return error;
    if (args[3] > PORT_ADVICE_NOREUSE) return WASI_EINVAL;
    return tern_wasi_errno_of(f->ops->advise(f, args[1], args[2], (PortAdvice)args[3]));
}

static WasiErrno sync_file(WasiCall *call, u64 fd, u64 right, bool data_only)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, fd, right, &f);
    return error != WASI_ESUCCESS ? error : tern_wasi_errno_of(f->ops->sync(f, data_only));
}

WasiErrno tern_wasi_fd_sync(WasiCall *call, const u64 *args)
{
    return sync_file(call, args[0], WASI_RIGHT_FD_SYNC, false);
}

WasiErrno tern_wasi_fd_datasync(WasiCall *call, const u64 *args)
{
    return sync_file(call, args[0], WASI_RIGHT_FD_DATASYNC, true);
}

static WasiErrno seek(WasiCall *call, u64 fd, s64 offset, PortWhence whence, u64 position_addr)
{
    /* Asking where one is needs only that right. */
    bool is_tell = offset == 0 && whence == PORT_SEEK_CUR;
    WasiFd *f;
    WasiErrno error = take_file(call, fd, is_tell ? WASI_RIGHT_FD_TELL : WASI_RIGHT_FD_SEEK, &f);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, position_addr, 8) == NULL) return WASI_EFAULT;
    u64 position;
    PortError got = f->ops->seek(f, offset, whence, &position);
    return got != PORT_OK ? tern_wasi_errno_of(got) : wasi_store(call, position_addr, position, 8);
}

/* The two versions number the places to seek from differently. */
WasiErrno tern_wasi_fd_seek(WasiCall *call, const u64 *args)
{
    static const PortWhence snapshot1[] = {PORT_SEEK_SET, PORT_SEEK_CUR, PORT_SEEK_END};
    static const PortWhence unstable[] = {PORT_SEEK_CUR, PORT_SEEK_END, PORT_SEEK_SET};
    if (args[2] >= COUNT_OF(snapshot1)) return WASI_EINVAL;
    PortWhence whence = call->is_unstable ? unstable[args[2]] : snapshot1[args[2]];
    return seek(call, args[0], (s64)args[1], whence, args[3]);
}

WasiErrno tern_wasi_fd_tell(WasiCall *call, const u64 *args)
{
    return seek(call, args[0], 0, PORT_SEEK_CUR, args[1]);
}

/* --- reading a directory ---------------------------------------------------------------------------- */

#define DIRENT_SIZE 24u

typedef struct Listing {
    u8 *p;
    size_t left;
    u64 own_inode; /* of a directory the host gave, whose parent is nobody's business; else 0 */
    WasiCall *call;
} Listing;

/* Copies as much of the entry as fits; a full buffer tells the guest to ask again. */
static bool put_entry(void *env, const PortDirent *entry)
{
    Listing *l = env;
    size_t name_size = strlen(entry->name);
    bool is_parent = strcmp(entry->name, "..") == 0;
    u8 head[DIRENT_SIZE] = {0};
    wasi_put(head, entry->next, 8);
    wasi_put(head + 8, is_parent && l->own_inode != 0 ? l->own_inode : entry->inode, 8);
    wasi_put(head + 16, name_size, 4);
    head[20] = tern_wasi_filetype(entry->type);

    size_t part = (size_t)u64_min(sizeof head, l->left);
    memcpy(l->p, head, part);
    l->p += part;
    l->left -= part;
    part = (size_t)u64_min(name_size, l->left);
    memcpy(l->p, entry->name, part);
    l->p += part;
    l->left -= part;
    return l->left > 0 && !wasi_interrupted(l->call);
}

WasiErrno tern_wasi_fd_readdir(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_dir_take(call, args[0], WASI_RIGHT_FD_READDIR, &f);
    if (error != WASI_ESUCCESS) return error;
    u8 *p = wasi_range(call, args[1], args[2]);
    if (p == NULL || wasi_range(call, args[4], 4) == NULL) return WASI_EFAULT;
    Listing l = {.p = p, .left = (size_t)args[2], .call = call};
    PortStat stat;
    if (f->preopen != NULL && f->ops->stat(f, &stat) == PORT_OK) l.own_inode = stat.inode;
    PortError got = l.left > 0 ? f->ops->dir_read(f, args[3], put_entry, &l) : PORT_OK;
    if (call->trap != TRAP_NONE) return WASI_EINTR;
    return got != PORT_OK ? tern_wasi_errno_of(got) : wasi_store(call, args[4], args[2] - l.left, 4);
}
