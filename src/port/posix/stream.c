/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stream.c - port/stream.h on POSIX descriptors. */
#define _GNU_SOURCE 1
#include "port/posix/errno.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
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

/* --- transfers that do not block -------------------------------------------------------------------- */

/* Linux can be asked for each single call not to wait, or to send no signal, from some version on and for some kinds of
 * files; raw calls, as not every C library has these. */
#if defined(__linux__) && defined(SYS_preadv2) && defined(SYS_pwritev2)
enum { FLAG_NOWAIT = 8, FLAG_NOSIGNAL = 0x100 };
static ssize_t read_with(int fd, const struct iovec *iov, int n, int flags)
{
    return syscall(SYS_preadv2, fd, iov, (long)n, -1L, -1L, (long)flags);
}
static ssize_t write_with(int fd, const struct iovec *iov, int n, int flags)
{
    return syscall(SYS_pwritev2, fd, iov, (long)n, -1L, -1L, (long)flags);
}
#else
enum { FLAG_NOWAIT = 1, FLAG_NOSIGNAL = 2 };
static ssize_t write_with(int fd, const struct iovec *iov, int n, int flags)
{
    (void)fd, (void)iov, (void)n, (void)flags;
    errno = ENOSYS;
    return -1;
}
static ssize_t read_with(int fd, const struct iovec *iov, int n, int flags) { return write_with(fd, iov, n, flags); }
#endif

/* Kernels and sandboxes say in several ways that they do not know a call or a flag. */
static bool is_unsupported(ssize_t got)
{
    return got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == EPERM);
}

/* SIGPIPE is for the thread that writes: hold it back, and take away the one we may have caused. One that was
 * pending before stays. flags 0: a plain write. */
static ssize_t write_without_signal(int fd, const struct iovec *iov, int n, int flags)
{
    sigset_t pipe_set, old_set, pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old_set);

    ssize_t put = flags != 0 ? write_with(fd, iov, n, flags) : writev(fd, iov, n);
    int err = put < 0 ? errno : 0;

    if (err == EPIPE && !was_pending) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_set, NULL, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &old_set, NULL);
    errno = err;
    return put;
}

PortError tern_port_stream_write(s64 handle, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    ssize_t put = write_without_signal(fd_of(handle), iov, iovecs_of(iov, slices, n), 0);
    if (put < 0) return error_of(errno);
    *done = (size_t)put;
    return PORT_OK;
}

static PortNow learn(PortNow *how, PortNow more)
{
    __atomic_store_n(how, more, __ATOMIC_RELAXED); /* who learns it twice learns the same */
    return more;
}

/* A terminal is opened once more for each transfer, for the time of it: whether a descriptor waits belongs to the
 * opening, which others share with us, and a copy that stayed open would keep the other side from seeing its end. Not
 * so the side of a pair that the terminal is made by: opening it makes another pair. */
static PortError transfer_reopened(int fd, PortNow *how, bool is_write, const struct iovec *iov, int n, size_t *done)
{
    int flags = fcntl(fd, F_GETFL), access = flags & O_ACCMODE;
    if (flags < 0) return error_of(errno);
    if (access == (is_write ? O_RDONLY : O_WRONLY)) return PORT_E_BADF;
    int again = fd;
    if ((flags & O_NONBLOCK) == 0) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        again = open(path, (is_write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (again < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != EINTR)
            learn(how, PORT_NOW_NEVER);
        if (again < 0) return PORT_E_NOTSUP;
    }
    ssize_t got = is_write ? writev(again, iov, n) : readv(again, iov, n);
    PortError error = got < 0 ? error_of(errno) : PORT_OK;
    if (again != fd) close(again);
    if (error == PORT_OK) *done = (size_t)got;
    return error;
}

/* What is left for a descriptor of which single calls cannot be asked not to wait. */
static PortNow after_flags(int fd)
{
#if defined(TIOCGPTN)
    int number;
    if (isatty(fd) && ioctl(fd, TIOCGPTN, &number) != 0) return PORT_NOW_REOPEN;
#else
    (void)fd;
#endif
    return PORT_NOW_NEVER;
}

PortError tern_port_stream_read_now(s64 handle, PortNow *how, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    int fd = fd_of(handle), count = iovecs_of(iov, slices, n);
    PortNow now = __atomic_load_n(how, __ATOMIC_RELAXED);
    if (now <= PORT_NOW_SIGNALS) {
        ssize_t got = read_with(fd, iov, count, FLAG_NOWAIT);
        if (got >= 0) *done = (size_t)got;
        if (!is_unsupported(got)) return got < 0 ? error_of(errno) : PORT_OK;
        now = learn(how, after_flags(fd));
    }
    return now == PORT_NOW_REOPEN ? transfer_reopened(fd, how, false, iov, count, done) : PORT_E_NOTSUP;
}

PortError tern_port_stream_write_now(s64 handle, PortNow *how, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    int fd = fd_of(handle), count = iovecs_of(iov, slices, n);
    PortNow now = __atomic_load_n(how, __ATOMIC_RELAXED);
    while (now <= PORT_NOW_SIGNALS) {
        ssize_t put = now == PORT_NOW_QUIET ? write_with(fd, iov, count, FLAG_NOWAIT | FLAG_NOSIGNAL)
                                            : write_without_signal(fd, iov, count, FLAG_NOWAIT);
        if (put >= 0) *done = (size_t)put;
        if (!is_unsupported(put)) return put < 0 ? error_of(errno) : PORT_OK;
        now = learn(how, now == PORT_NOW_QUIET ? PORT_NOW_SIGNALS : after_flags(fd));
    }
    return now == PORT_NOW_REOPEN ? transfer_reopened(fd, how, true, iov, count, done) : PORT_E_NOTSUP;
}

/* --- and those that may ------------------------------------------------------------------------------ */

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
