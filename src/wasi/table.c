/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* table.c - the descriptor table: numbers, rights, flags, closing and renumbering.
 *
 * A number is a slot; what it stands for is counted, so that a thread may close what another still uses. It
 * is always the thing that carries rights, never the number, and they only shrink.
 */
#include "wasi/context.h"

/* --- holding ---------------------------------------------------------------------------------------- */

static void destroy(Wasi *wasi, WasiFd *f)
{
    if (f->ops->close != NULL) f->ops->close(f);
    if (f->preopen != NULL) tern_free(wasi->alloc, f->preopen, (size_t)f->preopen_size + 1);
    tern_free(wasi->alloc, f, sizeof *f);
}

void tern_wasi_fd_release(Wasi *wasi, WasiFd *fd)
{
    tern_port_mutex_lock(&wasi->lock);
    bool is_last = --fd->nholders == 0;
    tern_port_mutex_unlock(&wasi->lock);
    if (is_last) destroy(wasi, fd);
}

/* Under lock. */
static WasiFd *slot(const Wasi *wasi, u64 fd) { return fd < wasi->fds.n ? wasi->fds.items[fd] : NULL; }

WasiErrno tern_wasi_fd_hold(Wasi *wasi, u64 fd, u64 rights, WasiFd **out)
{
    tern_port_mutex_lock(&wasi->lock);
    WasiFd *f = slot(wasi, fd);
    u64 missing = f != NULL ? rights & ~f->rights : 0;
    WasiErrno error = f == NULL    ? WASI_EBADF
                      : missing == 0 ? WASI_ESUCCESS
                      : (missing & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE)) != 0 ? WASI_EBADF
                                                                                     : WASI_ENOTCAPABLE;
    if (error == WASI_ESUCCESS) f->nholders++;
    tern_port_mutex_unlock(&wasi->lock);
    *out = f;
    return error;
}

WasiErrno tern_wasi_fd_take(WasiCall *call, u64 fd, u64 rights, WasiFd **out)
{
    if (call->nheld == WASI_HELD_MAX) return WASI_ENFILE;
    WasiErrno error = tern_wasi_fd_hold(call->wasi, fd, rights, out);
    if (error == WASI_ESUCCESS) call->held[call->nheld++] = *out;
    return error;
}

WasiErrno tern_wasi_dir_take(WasiCall *call, u64 fd, u64 rights, WasiFd **out)
{
    WasiErrno error = tern_wasi_fd_hold(call->wasi, fd, 0, out);
    if (error != WASI_ESUCCESS) return error;
    bool is_dir = (*out)->type == PORT_FILE_DIRECTORY;
    tern_wasi_fd_release(call->wasi, *out);
    return is_dir ? tern_wasi_fd_take(call, fd, rights, out) : WASI_ENOTDIR;
}

void tern_wasi_call_end(WasiCall *call)
{
    while (call->nheld > 0) tern_wasi_fd_release(call->wasi, call->held[--call->nheld]);
}

static WasiErrno insert(Wasi *wasi, WasiFd *f, u32 *number)
{
    u32 i = 0;
    while (i < wasi->fds.n && wasi->fds.items[i] != NULL) i++;
    if (i >= wasi->max_fds) return WASI_EMFILE;
    if (i == wasi->fds.n && !vec_push(&wasi->fds, wasi->alloc, NULL)) return WASI_ENOMEM;
    wasi->fds.items[i] = f;
    *number = i;
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_insert(Wasi *wasi, const WasiFd *fd, u32 *number)
{
    WasiFd *f = tern_alloc(wasi->alloc, sizeof *f);
    if (f == NULL) {
        WasiFd lost = *fd;
        if (lost.ops->close != NULL) lost.ops->close(&lost);
        if (fd->preopen != NULL) tern_free(wasi->alloc, fd->preopen, (size_t)fd->preopen_size + 1);
        return WASI_ENOMEM;
    }
    *f = *fd;
    f->nholders = 1;
    tern_port_mutex_lock(&wasi->lock);
    WasiErrno error = insert(wasi, f, number);
    tern_port_mutex_unlock(&wasi->lock);
    if (error != WASI_ESUCCESS) destroy(wasi, f);
    return error;
}

void tern_wasi_fds_free(Wasi *wasi)
{
    for (u32 i = 0; i < wasi->fds.n; i++)
        if (wasi->fds.items[i] != NULL) destroy(wasi, wasi->fds.items[i]);
    vec_free(&wasi->fds, wasi->alloc);
}

WasiErrno tern_wasi_fd_close(WasiCall *call, const u64 *args)
{
    Wasi *wasi = call->wasi;
    tern_port_mutex_lock(&wasi->lock);
    WasiFd *f = slot(wasi, args[0]);
    if (f != NULL) wasi->fds.items[args[0]] = NULL;
    tern_port_mutex_unlock(&wasi->lock);
    if (f == NULL) return WASI_EBADF;
    tern_wasi_fd_release(wasi, f);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_renumber(WasiCall *call, const u64 *args)
{
    Wasi *wasi = call->wasi;
    tern_port_mutex_lock(&wasi->lock);
    WasiFd *f = slot(wasi, args[0]), *old = slot(wasi, args[1]);
    bool ok = f != NULL && old != NULL;
    if (ok && f != old) {
        wasi->fds.items[args[1]] = f;
        wasi->fds.items[args[0]] = NULL;
    }
    tern_port_mutex_unlock(&wasi->lock);
    if (!ok) return WASI_EBADF;
    if (f != old) tern_wasi_fd_release(wasi, old);
    return WASI_ESUCCESS;
}

/* --- flags and rights ------------------------------------------------------------------------------- */

u16 tern_wasi_fd_flags(Wasi *wasi, const WasiFd *fd)
{
    tern_port_mutex_lock(&wasi->lock);
    u16 flags = fd->flags;
    tern_port_mutex_unlock(&wasi->lock);
    return flags;
}

WasiErrno tern_wasi_fd_fdstat_get(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    u8 *p = wasi_range(call, args[1], 24);
    if (p == NULL) return WASI_EFAULT;
    tern_port_mutex_lock(&call->wasi->lock);
    u64 rights = f->rights, inheriting = f->rights_inheriting;
    u16 flags = f->flags;
    tern_port_mutex_unlock(&call->wasi->lock);
    memset(p, 0, 24);
    p[0] = tern_wasi_filetype(f->type);
    wasi_put(p + 2, flags, 2);
    wasi_put(p + 8, rights, 8);
    wasi_put(p + 16, inheriting, 8);
    return WASI_ESUCCESS;
}

/* What is borrowed keeps its own flags on the host: ours are for its guest. APPEND is a file's own work; the SYNC flags cannot change once a file is open. */
WasiErrno tern_wasi_fd_fdstat_set_flags(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &f);
    if (error != WASI_ESUCCESS) return error;
    if ((args[1] & ~(u64)WASI_FDFLAGS_ALL) != 0) return WASI_EINVAL;
    u16 flags = (u16)args[1], sync = WASI_FDFLAG_SYNC | WASI_FDFLAG_DSYNC | WASI_FDFLAG_RSYNC;
    if (((flags ^ tern_wasi_fd_flags(call->wasi, f)) & sync) != 0) return WASI_ENOTSUP;
    if (f->ops->set_append != NULL) {
        PortError got = f->ops->set_append(f, (flags & WASI_FDFLAG_APPEND) != 0);
        if (got != PORT_OK) return tern_wasi_errno_of(got);
    }
    tern_port_mutex_lock(&call->wasi->lock);
    f->flags = flags;
    tern_port_mutex_unlock(&call->wasi->lock);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_fdstat_set_rights(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    tern_port_mutex_lock(&call->wasi->lock);
    if ((args[1] & ~f->rights) != 0 || (args[2] & ~f->rights_inheriting) != 0) {
        error = WASI_ENOTCAPABLE;
    } else {
        f->rights = args[1];
        f->rights_inheriting = args[2];
    }
    tern_port_mutex_unlock(&call->wasi->lock);
    return error;
}

/* --- directories the host gave ---------------------------------------------------------------------- */

WasiErrno tern_wasi_fd_prestat_get(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    if (f->preopen == NULL) return WASI_EBADF; /* this answer ends wasi-libc's search for them */
    u8 *p = wasi_range(call, args[1], 8);
    if (p == NULL) return WASI_EFAULT;
    memset(p, 0, 8); /* a directory: the only kind */
    wasi_put(p + 4, f->preopen_size, 4);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_prestat_dir_name(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], 0, &f);
    if (error != WASI_ESUCCESS) return error;
    if (f->preopen == NULL) return WASI_EBADF;
    if (args[2] < f->preopen_size) return WASI_ENAMETOOLONG;
    u8 *p = wasi_range(call, args[1], f->preopen_size);
    if (p == NULL) return WASI_EFAULT;
    memcpy(p, f->preopen, f->preopen_size);
    return WASI_ESUCCESS;
}
