/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* path.c - the functions that name files.
 *
 * A path is copied out of guest memory before anything looks at it, so that no thread of the guest can
 * change it between the check and the use, and goes to the directory's operations, which alone resolve it.
 */
#include "wasi/context.h"

enum { LOOKUP_FOLLOW = 1 };
enum { OFLAG_CREAT = 1, OFLAG_DIRECTORY = 2, OFLAG_EXCL = 4, OFLAG_TRUNC = 8 };

static WasiErrno copy_text(const WasiCall *call, u64 addr, u64 size, char text[PORT_PATH_MAX])
{
    const u8 *p = wasi_range(call, addr, size);
    if (p == NULL) return WASI_EFAULT;
    if (size >= PORT_PATH_MAX) return WASI_ENAMETOOLONG;
    racy_copy(text, p, (size_t)size);
    text[size] = '\0';
    return strlen(text) == size ? WASI_ESUCCESS : WASI_EINVAL; /* a NUL would end it early */
}

/* The directory with those rights and the path; *f (if wanted) is its descriptor. */
static WasiErrno take_path(WasiCall *call, u64 fd, u64 rights, u64 addr, u64 size, WasiPath *out, WasiFd **f)
{
    WasiFd *dir;
    WasiErrno error = tern_wasi_dir_take(call, fd, rights, &dir);
    if (error != WASI_ESUCCESS) return error;
    out->dir = dir;
    out->walks = call->wasi->walks_paths;
    if (f != NULL) *f = dir;
    return copy_text(call, addr, size, out->text);
}

/* --- opening ---------------------------------------------------------------------------------------- */

static u32 open_flags(u64 lookup, u64 oflags, u64 rights, u64 fdflags)
{
    u32 flags = (lookup & LOOKUP_FOLLOW) != 0 ? PORT_OPEN_FOLLOW : 0;
    if ((oflags & OFLAG_CREAT) != 0) flags |= PORT_OPEN_CREATE;
    if ((oflags & OFLAG_EXCL) != 0) flags |= PORT_OPEN_EXCLUSIVE;
    if ((oflags & OFLAG_TRUNC) != 0) flags |= PORT_OPEN_TRUNCATE;
    if ((oflags & OFLAG_DIRECTORY) != 0) flags |= PORT_OPEN_DIRECTORY;
    if ((fdflags & WASI_FDFLAG_APPEND) != 0) flags |= PORT_OPEN_APPEND;
    if ((fdflags & WASI_FDFLAG_DSYNC) != 0) flags |= PORT_OPEN_DSYNC;
    if ((fdflags & (WASI_FDFLAG_SYNC | WASI_FDFLAG_RSYNC)) != 0) flags |= PORT_OPEN_SYNC;
    u64 writing = WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE;
    bool write = (rights & writing) != 0;
    if (write) flags |= PORT_OPEN_WRITE;
    if (!write || (rights & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_READDIR)) != 0) flags |= PORT_OPEN_READ;
    return flags;
}

/* The rights asked for, as far as the directory may pass them on and the kind of file has them. */
static WasiErrno open_path(WasiCall *call, const WasiPath *path, u32 flags, u64 rights, u64 inheriting,
                           u64 fdflags, u32 *number)
{
    const WasiFdOps *ops = path->dir->ops;
    WasiFd new = {.handle = -1};
    PortError got = ops->path_open(path, flags, &new);
    u32 changing = PORT_OPEN_CREATE | PORT_OPEN_TRUNCATE | PORT_OPEN_DIRECTORY;
    if (got == PORT_E_ISDIR && (flags & changing) == 0) /* asked for more than a directory has */
        got = ops->path_open(path, (flags & PORT_OPEN_FOLLOW) | PORT_OPEN_READ | PORT_OPEN_DIRECTORY, &new);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    new.flags = (u16)fdflags;
    bool is_dir = new.type == PORT_FILE_DIRECTORY;
    new.rights = rights & (is_dir ? (u64)WASI_RIGHTS_DIRECTORY : (u64)WASI_RIGHTS_FILE);
    if (is_dir) new.rights_inheriting = inheriting;
    return tern_wasi_fd_insert(call->wasi, &new, number);
}

WasiErrno tern_wasi_path_open(WasiCall *call, const u64 *args)
{
    u64 lookup = args[1], oflags = args[4], rights = args[5], inheriting = args[6], fdflags = args[7];
    if ((lookup & ~(u64)LOOKUP_FOLLOW) != 0 || oflags > 15 || (fdflags & ~(u64)WASI_FDFLAGS_ALL) != 0)
        return WASI_EINVAL;
    u64 needed = WASI_RIGHT_PATH_OPEN;
    if ((oflags & OFLAG_CREAT) != 0) needed |= WASI_RIGHT_PATH_CREATE_FILE;
    if ((oflags & OFLAG_TRUNC) != 0) needed |= WASI_RIGHT_PATH_FILESTAT_SET_SIZE;
    WasiPath path;
    WasiFd *dir;
    WasiErrno error = take_path(call, args[0], needed, args[2], args[3], &path, &dir);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, args[8], 4) == NULL) return WASI_EFAULT;

    tern_port_mutex_lock(&call->wasi->lock);
    u64 may = dir->rights_inheriting;
    tern_port_mutex_unlock(&call->wasi->lock);
    rights &= may;
    inheriting &= may;
    u32 number;
    error = open_path(call, &path, open_flags(lookup, oflags, rights, fdflags), rights, inheriting, fdflags,
                      &number);
    return error != WASI_ESUCCESS ? error : wasi_store(call, args[8], number, 4);
}

/* --- asking ----------------------------------------------------------------------------------------- */

WasiErrno tern_wasi_path_filestat_get(WasiCall *call, const u64 *args)
{
    WasiPath path;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_FILESTAT_GET, args[2], args[3], &path, NULL);
    if (error != WASI_ESUCCESS) return error;
    if ((args[1] & ~(u64)LOOKUP_FOLLOW) != 0) return WASI_EINVAL;
    u8 *p = wasi_range(call, args[4], tern_wasi_filestat_size(call));
    if (p == NULL) return WASI_EFAULT;
    PortStat stat;
    PortError got = path.dir->ops->path_stat(&path, (args[1] & LOOKUP_FOLLOW) != 0, &stat);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    tern_wasi_put_filestat(call, p, &stat);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_path_filestat_set_times(WasiCall *call, const u64 *args)
{
    WasiPath path;
    WasiErrno error =
        take_path(call, args[0], WASI_RIGHT_PATH_FILESTAT_SET_TIMES, args[2], args[3], &path, NULL);
    PortTimes times;
    if (error == WASI_ESUCCESS) error = tern_wasi_times(args[4], args[5], args[6], &times);
    if (error != WASI_ESUCCESS) return error;
    if ((args[1] & ~(u64)LOOKUP_FOLLOW) != 0) return WASI_EINVAL;
    bool follow = (args[1] & LOOKUP_FOLLOW) != 0;
    return tern_wasi_errno_of(path.dir->ops->path_set_times(&path, follow, &times));
}

WasiErrno tern_wasi_path_readlink(WasiCall *call, const u64 *args)
{
    WasiPath path;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_READLINK, args[1], args[2], &path, NULL);
    if (error != WASI_ESUCCESS) return error;
    u8 *p = wasi_range(call, args[3], args[4]);
    if (p == NULL || wasi_range(call, args[5], 4) == NULL) return WASI_EFAULT;
    u8 text[PORT_PATH_MAX];
    size_t done = 0;
    PortError got = path.dir->ops->path_readlink(&path, text, sizeof text, &done);
    if (got != PORT_OK) return tern_wasi_errno_of(got);
    done = (size_t)u64_min(done, args[4]); /* as much as fits */
    memcpy(p, text, done);
    return wasi_store(call, args[5], done, 4);
}

/* --- changing --------------------------------------------------------------------------------------- */

WasiErrno tern_wasi_path_create_directory(WasiCall *call, const u64 *args)
{
    WasiPath path;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_CREATE_DIRECTORY, args[1], args[2], &path, NULL);
    return error != WASI_ESUCCESS ? error
                                  : tern_wasi_errno_of(path.dir->ops->path_make_directory(&path));
}

WasiErrno tern_wasi_path_remove_directory(WasiCall *call, const u64 *args)
{
    WasiPath path;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_REMOVE_DIRECTORY, args[1], args[2], &path, NULL);
    return error != WASI_ESUCCESS ? error
                                  : tern_wasi_errno_of(path.dir->ops->path_remove_directory(&path));
}

WasiErrno tern_wasi_path_unlink_file(WasiCall *call, const u64 *args)
{
    WasiPath path;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_UNLINK_FILE, args[1], args[2], &path, NULL);
    return error != WASI_ESUCCESS ? error : tern_wasi_errno_of(path.dir->ops->path_unlink(&path));
}

WasiErrno tern_wasi_path_rename(WasiCall *call, const u64 *args)
{
    WasiPath from, to;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_RENAME_SOURCE, args[1], args[2], &from, NULL);
    if (error == WASI_ESUCCESS)
        error = take_path(call, args[3], WASI_RIGHT_PATH_RENAME_TARGET, args[4], args[5], &to, NULL);
    if (error != WASI_ESUCCESS) return error;
    if (from.dir->ops != to.dir->ops) return WASI_EXDEV;
    return tern_wasi_errno_of(from.dir->ops->path_rename(&from, &to));
}

/* Following the old path is not offered: the system can only link a place, and between finding it and
 * linking it may have become another link. */
WasiErrno tern_wasi_path_link(WasiCall *call, const u64 *args)
{
    WasiPath from, to;
    WasiErrno error = take_path(call, args[0], WASI_RIGHT_PATH_LINK_SOURCE, args[2], args[3], &from, NULL);
    if (error == WASI_ESUCCESS)
        error = take_path(call, args[4], WASI_RIGHT_PATH_LINK_TARGET, args[5], args[6], &to, NULL);
    if (error != WASI_ESUCCESS) return error;
    if (args[1] != 0) return WASI_EINVAL;
    if (from.dir->ops != to.dir->ops) return WASI_EXDEV;
    return tern_wasi_errno_of(from.dir->ops->path_link(&from, &to));
}

/* What a link says does not matter here, as nothing of ours follows it outside; but others use the same
 * directory, so an absolute one, which can only mean the host's, is refused. */
WasiErrno tern_wasi_path_symlink(WasiCall *call, const u64 *args)
{
    char target[PORT_PATH_MAX];
    WasiPath path;
    WasiErrno error = take_path(call, args[2], WASI_RIGHT_PATH_SYMLINK, args[3], args[4], &path, NULL);
    if (error == WASI_ESUCCESS) error = copy_text(call, args[0], args[1], target);
    if (error != WASI_ESUCCESS) return error;
    if (target[0] == '/') return WASI_EPERM;
    return tern_wasi_errno_of(path.dir->ops->path_symlink(target, &path));
}
