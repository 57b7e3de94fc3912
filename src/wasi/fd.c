/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fd.c - descriptors: the guest's standard streams.
 *
 * A blocking read or write waits in slices and looks for an interrupt between them. The guest's lists of
 * buffers are read once to check and again to use; as another thread may change a shared memory in between,
 * the second reading checks again.
 */
#include "wasi/context.h"

/* --- state ------------------------------------------------------------------------------------------ */

static u8 filetype_of(const WasiFd *f)
{
    switch (f->kind) {
    case PORT_STREAM_REGULAR: return WASI_FILETYPE_REGULAR_FILE;
    case PORT_STREAM_TERMINAL: return WASI_FILETYPE_CHARACTER_DEVICE;
    case PORT_STREAM_SOCKET: return WASI_FILETYPE_SOCKET_STREAM;
    case PORT_STREAM_PIPE:
    case PORT_STREAM_OTHER: break;
    }
    return WASI_FILETYPE_UNKNOWN;
}

WasiErrno tern_wasi_fd_close(WasiCall *call, const u64 *args)
{
    WasiFd *f = wasi_fd(call->wasi, args[0], 0);
    if (f == NULL) return WASI_EBADF;
    f->is_open = false; /* the host's descriptor is borrowed */
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_fdstat_get(WasiCall *call, const u64 *args)
{
    const WasiFd *f = wasi_fd(call->wasi, args[0], 0);
    if (f == NULL) return WASI_EBADF;
    u8 *p = wasi_range(call, args[1], 24);
    if (p == NULL) return WASI_EFAULT;
    memset(p, 0, 24);
    p[0] = filetype_of(f);
    wasi_put(p + 2, f->flags, 2);
    wasi_put(p + 8, f->rights, 8);
    wasi_put(p + 16, f->rights_inheriting, 8);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_fdstat_set_flags(WasiCall *call, const u64 *args)
{
    WasiFd *f = wasi_fd(call->wasi, args[0], WASI_RIGHT_FD_FDSTAT_SET_FLAGS);
    if (f == NULL) return WASI_EBADF;
    if ((args[1] & ~(u64)WASI_FDFLAGS_ALL) != 0) return WASI_EINVAL;
    if ((args[1] & ~(u64)(WASI_FDFLAG_APPEND | WASI_FDFLAG_NONBLOCK)) != 0) return WASI_ENOTSUP;
    f->flags = (u16)args[1];
    return WASI_ESUCCESS;
}

/* Device, inode and times of a standard stream are the host's business and read as zero. wasi_unstable has
 * a link count of 4 bytes, which moves what follows it. */
WasiErrno tern_wasi_fd_filestat_get(WasiCall *call, const u64 *args)
{
    const WasiFd *f = wasi_fd(call->wasi, args[0], WASI_RIGHT_FD_FILESTAT_GET);
    if (f == NULL) return WASI_EBADF;
    u32 size_bytes = call->is_unstable ? 56 : 64;
    u8 *p = wasi_range(call, args[1], size_bytes);
    if (p == NULL) return WASI_EFAULT;
    memset(p, 0, size_bytes);
    p[16] = filetype_of(f);
    if (call->is_unstable)
        wasi_put(p + 20, 1, 4);
    else
        wasi_put(p + 24, 1, 8);
    wasi_put(p + (call->is_unstable ? 24 : 32), tern_port_stream_size(f->handle), 8);
    return WASI_ESUCCESS;
}

WasiErrno tern_wasi_fd_seek(WasiCall *call, const u64 *args)
{
    return wasi_fd(call->wasi, args[0], 0) == NULL ? WASI_EBADF : WASI_ESPIPE;
}

WasiErrno tern_wasi_fd_tell(WasiCall *call, const u64 *args)
{
    return wasi_fd(call->wasi, args[0], 0) == NULL ? WASI_EBADF : WASI_ESPIPE;
}

/* No descriptor is a preopened directory; this answer ends wasi-libc's search for them. */
WasiErrno tern_wasi_fd_prestat_get(WasiCall *call, const u64 *args)
{
    (void)call, (void)args;
    return WASI_EBADF;
}

WasiErrno tern_wasi_fd_prestat_dir_name(WasiCall *call, const u64 *args)
{
    (void)call, (void)args;
    return WASI_EBADF;
}

/* --- sockets ---------------------------------------------------------------------------------------- */

/* Guests are given no sockets: a standard stream that is one on the host is a stream to them. */
static WasiErrno not_socket(const WasiCall *call, u64 fd)
{
    return wasi_fd(call->wasi, fd, 0) == NULL ? WASI_EBADF : WASI_ENOTSOCK;
}

WasiErrno tern_wasi_sock_accept(WasiCall *call, const u64 *args) { return not_socket(call, args[0]); }
WasiErrno tern_wasi_sock_recv(WasiCall *call, const u64 *args) { return not_socket(call, args[0]); }
WasiErrno tern_wasi_sock_send(WasiCall *call, const u64 *args) { return not_socket(call, args[0]); }
WasiErrno tern_wasi_sock_shutdown(WasiCall *call, const u64 *args) { return not_socket(call, args[0]); }

/* --- reading and writing ---------------------------------------------------------------------------- */

/* A position in a guest's array of (address u32, size u32). */
typedef struct Iovecs {
    const u8 *array;
    u32 n, i;
    u32 offset; /* into buffer i */
} Iovecs;

/* Checks the array and every buffer, and sums the sizes. */
static WasiErrno iovecs_check(const WasiCall *call, u64 addr, u64 n, Iovecs *out, u64 *total)
{
    if (n > WASI_IOVECS_MAX) return WASI_EINVAL;
    const u8 *array = wasi_array(call, addr, n, 8);
    if (array == NULL) return WASI_EFAULT;
    *total = 0;
    for (u64 i = 0; i < n; i++) {
        u64 size = wasi_get(array + i * 8 + 4, 4);
        if (wasi_range(call, wasi_get(array + i * 8, 4), size) == NULL) return WASI_EFAULT;
        *total += size;
    }
    if (*total > UINT32_MAX) return WASI_EINVAL; /* the count moved could not be told */
    *out = (Iovecs){.array = array, .n = (u32)n};
    return WASI_ESUCCESS;
}

/* Takes up to max bytes from the position as slices, moving it; fewer than all where a buffer has left the
 * memory since the check. */
static u32 iovecs_take(const WasiCall *call, Iovecs *v, size_t max, PortSlice *slices)
{
    u32 n = 0;
    while (v->i < v->n && n < PORT_SLICES_MAX && max > 0) {
        const u8 *iovec = v->array + (size_t)v->i * 8;
        u64 addr = wasi_get(iovec, 4), size = wasi_get(iovec + 4, 4);
        u8 *p = wasi_range(call, addr, size);
        if (p == NULL || v->offset > size) break;
        size_t part = (size_t)u64_min(size - v->offset, max);
        if (part > 0) slices[n++] = (PortSlice){p + v->offset, part};
        max -= part;
        v->offset += (u32)part;
        if (v->offset < size) break;
        v->i++;
        v->offset = 0;
    }
    return n;
}

/* Waits until the stream would not block. SUCCESS, AGAIN for a descriptor that does not wait, or a trap. */
static WasiErrno wait_for(WasiCall *call, const WasiFd *f, bool write)
{
    if (wasi_interrupted(call)) return WASI_EINTR;
    if (f->kind == PORT_STREAM_REGULAR) return WASI_ESUCCESS;
    PortPoll poll = {.handle = f->handle, .write = write};
    bool no_wait = (f->flags & WASI_FDFLAG_NONBLOCK) != 0;
    for (;;) {
        tern_port_poll(&poll, 1, no_wait ? 0 : WASI_SLICE_NS);
        if (poll.is_bad) return WASI_EBADF;
        if (poll.is_ready) return WASI_ESUCCESS;
        if (no_wait) return WASI_EAGAIN;
        if (wasi_interrupted(call)) return WASI_EINTR;
    }
}

/* One wait and one transfer, repeated only when a signal came first. */
static WasiErrno transfer(WasiCall *call, const WasiFd *f, bool write, const PortSlice *slices, u32 n,
                          size_t *done)
{
    for (;;) {
        WasiErrno error = wait_for(call, f, write);
        if (error != WASI_ESUCCESS) return error;
        PortError got = write ? tern_port_stream_write(f->handle, slices, n, done)
                              : tern_port_stream_read(f->handle, slices, n, done);
        if (got == PORT_E_INTR) continue;
        /* Somebody else was faster, or the host's descriptor does not block: wait again. */
        if (got == PORT_E_AGAIN && (f->flags & WASI_FDFLAG_NONBLOCK) == 0) continue;
        return tern_wasi_errno_of(got);
    }
}

WasiErrno tern_wasi_fd_read(WasiCall *call, const u64 *args)
{
    const WasiFd *f = wasi_fd(call->wasi, args[0], WASI_RIGHT_FD_READ);
    if (f == NULL) return WASI_EBADF;
    Iovecs v;
    u64 total;
    WasiErrno error = iovecs_check(call, args[1], args[2], &v, &total);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, args[3], 4) == NULL) return WASI_EFAULT;

    size_t done = 0;
    if (total > 0) {
        PortSlice slices[PORT_SLICES_MAX];
        u32 n = iovecs_take(call, &v, (size_t)total, slices);
        if (n == 0) return WASI_EFAULT;
        error = transfer(call, f, false, slices, n, &done);
        if (error != WASI_ESUCCESS) return error;
    }
    return wasi_store(call, args[3], done, 4);
}

/* Writes everything, so that guests that ignore a short count are right, unless the descriptor does not
 * wait or something fails after the first bytes. */
WasiErrno tern_wasi_fd_write(WasiCall *call, const u64 *args)
{
    const WasiFd *f = wasi_fd(call->wasi, args[0], WASI_RIGHT_FD_WRITE);
    if (f == NULL) return WASI_EBADF;
    Iovecs v;
    u64 total;
    WasiErrno error = iovecs_check(call, args[1], args[2], &v, &total);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, args[3], 4) == NULL) return WASI_EFAULT;

    u64 written = 0;
    while (written < total) {
        /* A pipe that is ready takes this much without blocking. */
        size_t max = f->kind == PORT_STREAM_REGULAR ? (size_t)(total - written) : PORT_PIPE_CHUNK;
        PortSlice slices[PORT_SLICES_MAX];
        Iovecs next = v;
        u32 n = iovecs_take(call, &next, max, slices);
        size_t wanted = 0, done = 0;
        for (u32 i = 0; i < n; i++) wanted += slices[i].size;
        error = n == 0 ? WASI_EFAULT : transfer(call, f, true, slices, n, &done);
        if (error == WASI_ESUCCESS && done == 0) error = WASI_EIO; /* no progress would be for ever */
        if (error != WASI_ESUCCESS) {
            if (written == 0 || call->trap != TRAP_NONE) return error;
            break;
        }
        if (done == wanted)
            v = next;
        else
            iovecs_take(call, &v, done, slices);
        written += done;
    }
    return wasi_store(call, args[3], written, 4);
}
