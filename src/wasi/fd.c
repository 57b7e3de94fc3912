/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* fd.c - moving bytes: files, the guest's standard streams, sockets.
 *
 * Nothing blocks in the system: what finds nothing to do waits in slices and looks for an interrupt between them. The
 * guest's lists of buffers are read once to check and again to use; as another thread may change a shared memory in between,
 * the second reading checks again.
 */
#include "wasi/context.h"

#define RETRY_NS 1000000u /* between questions to what cannot be polled */

/* --- reading and writing ---------------------------------------------------------------------------- */

/* A position in a guest's array of (address u32, size u32). */
typedef struct Iovecs {
    u64 addr; /* no pointer: what is the host's own code may call the guest, and its memory move */
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
    *out = (Iovecs){.addr = addr, .n = (u32)n};
    return WASI_ESUCCESS;
}

/* Takes up to max bytes from the position as slices, moving it; fewer than all where a buffer has left the
 * memory since the check. */
static u32 iovecs_take(const WasiCall *call, Iovecs *v, size_t max, PortSlice *slices)
{
    const u8 *array = wasi_array(call, v->addr, v->n, 8);
    u32 n = 0;
    while (array != NULL && v->i < v->n && n < PORT_SLICES_MAX && max > 0) {
        const u8 *iovec = array + (size_t)v->i * 8;
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

static u64 timeout_of(Wasi *wasi, const WasiFd *f, bool write)
{
    if (!f->ops->is_socket) return 0;
    tern_port_mutex_lock(&wasi->lock);
    u64 ns = f->timeout_ns[write];
    tern_port_mutex_unlock(&wasi->lock);
    return ns;
}

WasiErrno tern_wasi_wait_for(WasiCall *call, const WasiFd *f, bool write)
{
    if (wasi_interrupted(call)) return WASI_EINTR;
    if (f->kind == PORT_STREAM_REGULAR || !f->ops->polls) return WASI_ESUCCESS;
    PortPoll poll = {.handle = f->handle, .write = write};
    bool no_wait = (tern_wasi_fd_flags(call->wasi, f) & WASI_FDFLAG_NONBLOCK) != 0;
    u64 timeout_ns = timeout_of(call->wasi, f, write), start_ns = 0, now_ns = 0;
    if (timeout_ns != 0) tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &start_ns);
    for (;;) {
        u64 slice_ns = WASI_SLICE_NS;
        if (timeout_ns != 0) {
            tern_port_clock_ns(PORT_CLOCK_MONOTONIC, &now_ns);
            slice_ns = u64_min(slice_ns, timeout_ns - u64_min(timeout_ns, now_ns - start_ns));
        }
        tern_port_poll(&poll, 1, no_wait ? 0 : slice_ns);
        if (poll.is_bad) return WASI_EBADF;
        if (poll.is_ready) return WASI_ESUCCESS;
        if (no_wait || slice_ns == 0) return WASI_EAGAIN;
        if (wasi_interrupted(call)) return WASI_EINTR;
    }
}

/* Where the system has no transfer that does not block: one when the descriptor is ready, of no more than a ready pipe
 * takes. One thread takes what several were told about, and those who come late must not wait in the system, where nobody
 * can stop them. */
static PortError transfer_when_ready(WasiCall *call, WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done)
{
    PortSlice chunk[PORT_SLICES_MAX];
    u32 nchunk = 0;
    for (size_t left = PORT_PIPE_CHUNK; nchunk < n && left > 0; nchunk++) {
        size_t size = slices[nchunk].size < left ? slices[nchunk].size : left;
        chunk[nchunk] = (PortSlice){slices[nchunk].bytes, size};
        left -= size;
    }
    PortPoll poll = {.handle = t->f->handle, .write = t->write};
    bool has_threads = __atomic_load_n(&call->wasi->has_threads, __ATOMIC_RELAXED);
    if (has_threads) tern_port_mutex_lock(&call->wasi->transfer_lock);
    tern_port_poll(&poll, 1, 0);
    PortError got = poll.is_bad     ? PORT_E_BADF
                    : poll.is_ready ? t->f->ops->transfer(t, chunk, nchunk, done)
                                    : PORT_E_AGAIN;
    if (has_threads) tern_port_mutex_unlock(&call->wasi->transfer_lock);
    return got;
}

/* A transfer that does not block. AGAIN: it would. */
static PortError transfer_now(WasiCall *call, WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done)
{
    WasiFd *f = t->f;
    if (!f->ops->blocks || f->kind == PORT_STREAM_REGULAR) return f->ops->transfer(t, slices, n, done);
    PortError got = t->write ? tern_port_stream_write_now(f->handle, &f->now, slices, n, done)
                             : tern_port_stream_read_now(f->handle, &f->now, slices, n, done);
    return got == PORT_E_NOTSUP ? transfer_when_ready(call, t, slices, n, done) : got;
}

/* One transfer, at once or when there is something to do. */
static WasiErrno transfer(WasiCall *call, WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done)
{
    for (bool waits_first = false;; waits_first = true) {
        if (wasi_interrupted(call)) return WASI_EINTR;
        WasiErrno error = waits_first ? tern_wasi_wait_for(call, t->f, t->write) : WASI_ESUCCESS;
        if (error != WASI_ESUCCESS) return error;
        const u8 *base = call->memory->base;
        PortError got = transfer_now(call, t, slices, n, done);
        if (got == PORT_E_INTR) continue;
        if (got == PORT_E_AGAIN && (tern_wasi_fd_flags(call->wasi, t->f) & WASI_FDFLAG_NONBLOCK) == 0) {
            /* A terminal is ready when it has room for a byte, and a line's end may be two. */
            bool is_half_ready = waits_first && t->f->kind == PORT_STREAM_TERMINAL;
            if (!t->f->ops->polls || is_half_ready) tern_port_poll(NULL, 0, RETRY_NS);
            if (call->memory->base == base) continue; /* else the slices are no more */
        }
        return tern_wasi_errno_of(got);
    }
}

/* Fills what one transfer gives. */
static WasiErrno read_some(WasiCall *call, WasiTransfer *t, u64 array, u64 count, size_t *done)
{
    Iovecs v;
    u64 total;
    WasiErrno error = iovecs_check(call, array, count, &v, &total);
    *done = 0;
    if (error != WASI_ESUCCESS || total == 0) return error;
    PortSlice slices[PORT_SLICES_MAX];
    u32 n = iovecs_take(call, &v, (size_t)total, slices);
    return n == 0 ? WASI_EFAULT : transfer(call, t, slices, n, done);
}

/* Writes everything, so that guests that ignore a short count are right, unless the descriptor does not
 * wait or something fails after the first bytes. */
static WasiErrno write_all(WasiCall *call, WasiTransfer *t, u64 array, u64 count, u64 *written)
{
    Iovecs v;
    u64 total;
    WasiErrno error = iovecs_check(call, array, count, &v, &total);
    *written = 0;
    if (error != WASI_ESUCCESS) return error;
    while (*written < total) {
        PortSlice slices[PORT_SLICES_MAX];
        Iovecs next = v;
        u32 n = iovecs_take(call, &next, (size_t)(total - *written), slices);
        size_t wanted = 0, done = 0;
        for (u32 i = 0; i < n; i++) wanted += slices[i].size;
        error = n == 0 ? WASI_EFAULT : transfer(call, t, slices, n, &done);
        if (error == WASI_ESUCCESS && done == 0) error = WASI_EIO; /* no progress would be for ever */
        if (error != WASI_ESUCCESS)
            return *written == 0 || call->trap != TRAP_NONE ? error : WASI_ESUCCESS;
        if (done == wanted)
            v = next;
        else
            iovecs_take(call, &v, done, slices);
        *written += done;
        t->offset += done;
    }
    return WASI_ESUCCESS;
}

static WasiErrno fd_read(WasiCall *call, const u64 *args, WasiWay way, u64 rights, u64 offset, u64 count_addr)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], rights, &f);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, count_addr, 4) == NULL) return WASI_EFAULT;
    WasiTransfer t = {.f = f, .way = way, .offset = offset};
    size_t done;
    error = read_some(call, &t, args[1], args[2], &done);
    return error != WASI_ESUCCESS ? error : wasi_store(call, count_addr, done, 4);
}

static WasiErrno fd_write(WasiCall *call, const u64 *args, WasiWay way, u64 rights, u64 offset, u64 count_addr)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_take(call, args[0], rights, &f);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, count_addr, 4) == NULL) return WASI_EFAULT;
    WasiTransfer t = {.f = f, .way = way, .write = true, .offset = offset};
    u64 written;
    error = write_all(call, &t, args[1], args[2], &written);
    return error != WASI_ESUCCESS ? error : wasi_store(call, count_addr, written, 4);
}

WasiErrno tern_wasi_fd_read(WasiCall *call, const u64 *args)
{
    return fd_read(call, args, WASI_WAY_READ, WASI_RIGHT_FD_READ, 0, args[3]);
}

WasiErrno tern_wasi_fd_write(WasiCall *call, const u64 *args)
{
    return fd_write(call, args, WASI_WAY_WRITE, WASI_RIGHT_FD_WRITE, 0, args[3]);
}

/* Only a file has places; what has no right to seek has none. */
static WasiErrno has_places(WasiCall *call, u64 fd)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_fd_hold(call->wasi, fd, 0, &f);
    if (error != WASI_ESUCCESS) return error;
    if (f->type != PORT_FILE_DIRECTORY && !f->ops->has_places) error = WASI_ESPIPE;
    tern_wasi_fd_release(call->wasi, f);
    return error;
}

WasiErrno tern_wasi_fd_pread(WasiCall *call, const u64 *args)
{
    WasiErrno error = has_places(call, args[0]);
    if (error != WASI_ESUCCESS) return error;
    return fd_read(call, args, WASI_WAY_READ_AT, WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK, args[3], args[4]);
}

WasiErrno tern_wasi_fd_pwrite(WasiCall *call, const u64 *args)
{
    WasiErrno error = has_places(call, args[0]);
    if (error != WASI_ESUCCESS) return error;
    return fd_write(call, args, WASI_WAY_WRITE_AT, WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_SEEK, args[3], args[4]);
}

/* --- sockets ---------------------------------------------------------------------------------------- */

enum { RIFLAG_PEEK = 1, RIFLAG_WAITALL = 2, ROFLAG_TRUNCATED = 1, SDFLAG_RD = 1, SDFLAG_WR = 2 };

/* A socket that the host gave, or one accepted from it. A standard stream that is one on the host is a
 * stream to the guest. */
WasiErrno tern_wasi_socket_take(WasiCall *call, u64 fd, u64 rights, WasiFd **out)
{
    WasiErrno error = tern_wasi_fd_take(call, fd, 0, out);
    if (error != WASI_ESUCCESS) return error;
    if (!(*out)->ops->is_socket) return WASI_ENOTSOCK;
    tern_wasi_call_end(call);
    return tern_wasi_fd_take(call, fd, rights, out);
}

/* As transfer_now: what the host lends may block. */
static PortError accept_now(WasiCall *call, const WasiFd *f, s64 *accepted)
{
    if (!__atomic_load_n(&call->wasi->has_threads, __ATOMIC_RELAXED))
        return tern_port_socket_accept(f->handle, accepted);
    PortPoll poll = {.handle = f->handle};
    tern_port_mutex_lock(&call->wasi->transfer_lock);
    tern_port_poll(&poll, 1, 0);
    PortError got = poll.is_ready ? tern_port_socket_accept(f->handle, accepted) : PORT_E_AGAIN;
    tern_port_mutex_unlock(&call->wasi->transfer_lock);
    return got;
}

WasiErrno tern_wasi_sock_accept(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_socket_take(call, args[0], WASI_RIGHT_SOCK_ACCEPT, &f);
    if (error != WASI_ESUCCESS) return error;
    if ((args[1] & ~(u64)WASI_FDFLAG_NONBLOCK) != 0) return WASI_EINVAL;
    if (wasi_range(call, args[2], 4) == NULL) return WASI_EFAULT;
    for (;;) {
        error = tern_wasi_wait_for(call, f, false);
        if (error != WASI_ESUCCESS) return error;
        WasiFd new = {.ops = &tern_wasi_socket_ops, .kind = PORT_STREAM_SOCKET,
                      .type = PORT_FILE_SOCKET_STREAM, .flags = (u16)args[1], .rights = WASI_RIGHTS_SOCKET};
        PortError got = accept_now(call, f, &new.handle);
        if (got == PORT_E_AGAIN || got == PORT_E_INTR || got == PORT_E_CONNABORTED) {
            if (got != PORT_E_INTR && (tern_wasi_fd_flags(call->wasi, f) & WASI_FDFLAG_NONBLOCK) != 0)
                return tern_wasi_errno_of(got);
            continue;
        }
        if (got != PORT_OK) return tern_wasi_errno_of(got);
        u32 number;
        error = tern_wasi_fd_insert(call->wasi, &new, &number);
        return error != WASI_ESUCCESS ? error : wasi_store(call, args[2], number, 4);
    }
}

/* WAITALL is a wish: a short count tells that it was not granted. */
WasiErrno tern_wasi_socket_recv(WasiCall *call, WasiFd *f, u64 array, u64 count, u64 flags, PortAddress *from,
                                u64 count_addr, bool *is_truncated)
{
    if ((flags & ~(u64)(RIFLAG_PEEK | RIFLAG_WAITALL)) != 0) return WASI_EINVAL;
    if (wasi_range(call, count_addr, 4) == NULL) return WASI_EFAULT;
    WasiTransfer t = {.f = f, .way = (flags & RIFLAG_PEEK) != 0 ? WASI_WAY_PEEK : WASI_WAY_RECV, .address = from};
    size_t done;
    WasiErrno error = read_some(call, &t, array, count, &done);
    *is_truncated = t.is_truncated;
    return error != WASI_ESUCCESS ? error : wasi_store(call, count_addr, done, 4);
}

WasiErrno tern_wasi_sock_recv(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    bool is_truncated;
    WasiErrno error = tern_wasi_socket_take(call, args[0], WASI_RIGHT_FD_READ, &f);
    if (error != WASI_ESUCCESS) return error;
    if (wasi_range(call, args[5], 2) == NULL) return WASI_EFAULT;
    error = tern_wasi_socket_recv(call, f, args[1], args[2], args[3], NULL, args[4], &is_truncated);
    return error != WASI_ESUCCESS ? error : wasi_store(call, args[5], is_truncated ? ROFLAG_TRUNCATED : 0, 2);
}

/* A datagram goes at once, all of it or nothing. */
static WasiErrno send_datagram(WasiCall *call, WasiTransfer *t, u64 array, u64 count, u64 *written)
{
    Iovecs v;
    u64 total;
    WasiErrno error = iovecs_check(call, array, count, &v, &total);
    if (error != WASI_ESUCCESS) return error;
    PortSlice slices[PORT_SLICES_MAX];
    u32 n = iovecs_take(call, &v, (size_t)total, slices);
    size_t taken = 0, done = 0;
    for (u32 i = 0; i < n; i++) taken += slices[i].size;
    if (taken < total) return WASI_EMSGSIZE; /* in too many pieces */
    error = transfer(call, t, slices, n, &done);
    *written = done;
    return error;
}

WasiErrno tern_wasi_socket_send(WasiCall *call, WasiFd *f, u64 array, u64 count, PortAddress *to, u64 count_addr)
{
    if (wasi_range(call, count_addr, 4) == NULL) return WASI_EFAULT;
    bool is_stream = f->type == PORT_FILE_SOCKET_STREAM;
    WasiTransfer t = {.f = f, .way = WASI_WAY_SEND, .write = true, .address = is_stream ? NULL : to};
    u64 written = 0;
    WasiErrno error = (is_stream ? write_all : send_datagram)(call, &t, array, count, &written);
    return error != WASI_ESUCCESS ? error : wasi_store(call, count_addr, written, 4);
}

WasiErrno tern_wasi_sock_send(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_socket_take(call, args[0], WASI_RIGHT_FD_WRITE, &f);
    if (error != WASI_ESUCCESS) return error;
    if (args[3] != 0) return WASI_EINVAL;
    return tern_wasi_socket_send(call, f, args[1], args[2], NULL, args[4]);
}

WasiErrno tern_wasi_sock_shutdown(WasiCall *call, const u64 *args)
{
    WasiFd *f;
    WasiErrno error = tern_wasi_socket_take(call, args[0], WASI_RIGHT_SOCK_SHUTDOWN, &f);
    if (error != WASI_ESUCCESS) return error;
    if (args[1] == 0 || (args[1] & ~(u64)(SDFLAG_RD | SDFLAG_WR)) != 0) return WASI_EINVAL;
    return tern_wasi_errno_of(
        tern_port_socket_shutdown(f->handle, (args[1] & SDFLAG_RD) != 0, (args[1] & SDFLAG_WR) != 0));
}
