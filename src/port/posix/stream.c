/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stream.c - port/stream.h on POSIX descriptors. */
#define _GNU_SOURCE 1
#include "port/posix/errno.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

PortStreamKind tern_port_stream_kind(s64 handle)
{
    struct stat st;
    if (fstat(fd_of(handle), &st) != 0) return PORT_STREAM_OTHER;
    if (S_ISREG(st.st_mode)) return PORT_STREAM_REGULAR;
    if (S_ISFIFO(st.st_mode)) return PORT_STREAM_PIPE;
    if (S_ISSOCK(st.st_mode)) return PORT_STREAM_SOCKET;
    if (!S_ISCHR(st.st_mode)) return PORT_STREAM_OTHER;
    return isatty(fd_of(handle)) ? PORT_STREAM_TERMINAL : PORT_STREAM_DEVICE;
}

u64 tern_port_stream_size(s64 handle)
{
    struct stat st;
    if (fstat(fd_of(handle), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0) return 0;
    return (u64)st.st_size;
}

static int iovecs_of(struct iovec *iov, const PortSlice *slices, u32 n)
{
    u32 count = n < PORT_SLICES_MAX ? n : PORT_SLICES_MAX;
    for (u32 i = 0; i < count; i++) iov[i] = (struct iovec){slices[i].bytes, slices[i].size};
    return (int)count;
}

PortError tern_port_stream_read(s64 handle, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    ssize_t got = readv(fd_of(handle), iov, iovecs_of(iov, slices, n));
    if (got < 0) return error_of(errno);
    *done = (size_t)got;
    return PORT_OK;
}

PortError tern_port_stream_write(s64 handle, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    int count = iovecs_of(iov, slices, n);

    /* SIGPIPE is for the thread that writes: hold it back, and take away the one we may have caused. One
     * that was pending before stays. */
    sigset_t pipe_set, old_set, pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old_set);

    ssize_t put = writev(fd_of(handle), iov, count);
    PortError error = put < 0 ? error_of(errno) : PORT_OK;

    if (error == PORT_E_PIPE && !was_pending) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &old_set, NULL);
    if (error == PORT_OK) *done = (size_t)put;
    return error;
}

PortError tern_port_stream_write_quick(s64 handle, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    ssize_t put = n == 1 ? write(fd_of(handle), slices[0].bytes, slices[0].size)
                         : writev(fd_of(handle), iov, iovecs_of(iov, slices, n));
    if (put < 0) return error_of(errno);
    *done = (size_t)put;
    return PORT_OK;
}

void tern_port_poll(PortPoll *polls, u32 n, u64 timeout_ns)
{
    struct pollfd fds[PORT_POLL_MAX];
    if (n > PORT_POLL_MAX) n = PORT_POLL_MAX;
    for (u32 i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = fd_of(polls[i].handle),
                                 .events = polls[i].write ? POLLOUT : POLLIN};
    /* poll ignores a negative descriptor, so a bad one is reported without waiting. */
    for (u32 i = 0; i < n; i++)
        if (fds[i].fd < 0) timeout_ns = 0;

    struct timespec timeout = {.tv_sec = (time_t)u64_min(timeout_ns / 1000000000u, INT_MAX),
                               .tv_nsec = (long)(timeout_ns % 1000000000u)};
    int nready = ppoll(fds, n, &timeout, NULL);
    for (u32 i = 0; i < n; i++) {
        PortPoll *p = &polls[i];
        short got = nready > 0 ? fds[i].revents : 0;
        p->is_bad = fds[i].fd < 0 || (got & POLLNVAL) != 0;
        p->is_hangup = (got & (POLLHUP | POLLERR)) != 0;
        p->is_ready = (got & (POLLIN | POLLOUT | POLLHUP | POLLERR)) != 0;
        p->nbytes = 0;
        int available = 0;
        if (p->is_ready && !p->write && ioctl(fds[i].fd, FIONREAD, &available) == 0 && available > 0)
            p->nbytes = (u64)available;
    }
}
