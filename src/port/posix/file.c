/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* file.c - open files, directories and sockets of port/file.h. */
#define _GNU_SOURCE 1
#include "port/file.h"
#include "port/posix/errno.h"
#include "port/posix/stat.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

void tern_port_handle_close(s64 handle) { close(fd_of(handle)); }

PortError tern_port_file_stat(s64 handle, PortStat *out)
{
    struct stat st;
    if (fstat(fd_of(handle), &st) != 0) return error_of(errno);
    *out = stat_of(&st);
    if (!S_ISSOCK(st.st_mode)) return PORT_OK;
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(fd_of(handle), SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM)
        out->type = PORT_FILE_SOCKET_DATAGRAM;
    return PORT_OK;
}

PortError tern_port_file_set_size(s64 handle, u64 size)
{
    if (size > INT64_MAX) return PORT_E_INVAL;
    return error_of_call(ftruncate(fd_of(handle), (off_t)size));
}

PortError tern_port_file_set_times(s64 handle, const PortTimes *times)
{
    struct timespec pair[2];
    times_to(times, pair);
    return error_of_call(futimens(fd_of(handle), pair));
}

PortError tern_port_file_set_append(s64 handle, bool append)
{
    int flags = fcntl(fd_of(handle), F_GETFL);
    if (flags < 0) return error_of(errno);
    return error_of_call(fcntl(fd_of(handle), F_SETFL, append ? flags | O_APPEND : flags & ~O_APPEND));
}

PortError tern_port_file_allocate(s64 handle, u64 offset, u64 size)
{
    u64 end;
    if (size == 0 || !u64_add(offset, size, &end) || end > INT64_MAX) return PORT_E_INVAL;
#if defined(__linux__)
    if (fallocate(fd_of(handle), 0, (off_t)offset, (off_t)size) == 0) return PORT_OK;
    if (errno != EOPNOTSUPP) return error_of(errno);
#endif
    /* Without the room, the size at least. */
    struct stat st;
    if (fstat(fd_of(handle), &st) != 0) return error_of(errno);
    if ((u64)st.st_size >= end) return PORT_OK;
    return error_of_call(ftruncate(fd_of(handle), (off_t)end));
}

PortError tern_port_file_advise(s64 handle, u64 offset, u64 size, PortAdvice advice)
{
    if (offset > INT64_MAX || size > INT64_MAX) return PORT_E_INVAL;
#if defined(POSIX_FADV_NORMAL)
    static const int numbers[] = {POSIX_FADV_NORMAL, POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                  POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
    int err = posix_fadvise(fd_of(handle), (off_t)offset, (off_t)size, numbers[advice]);
    return err == 0 ? PORT_OK : error_of(err);
#else
    (void)handle, (void)advice;
    return PORT_OK;
#endif
}

PortError tern_port_file_sync(s64 handle, bool data_only)
{
#if defined(__linux__)
    if (data_only) return error_of_call(fdatasync(fd_of(handle)));
#else
    (void)data_only;
#endif
    return error_of_call(fsync(fd_of(handle)));
}

PortError tern_port_file_seek(s64 handle, s64 offset, PortWhence whence, u64 *position)
{
    static const int numbers[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    off_t at = lseek(fd_of(handle), (off_t)offset, numbers[whence]);
    if (at < 0) return error_of(errno);
    *position = (u64)at;
    return PORT_OK;
}

static int iovecs_of(struct iovec *iov, const PortSlice *slices, u32 n)
{
    u32 count = n < PORT_SLICES_MAX ? n : PORT_SLICES_MAX;
    for (u32 i = 0; i < count; i++) iov[i] = (struct iovec){slices[i].bytes, slices[i].size};
    return (int)count;
}

PortError tern_port_file_read_at(s64 handle, const PortSlice *slices, u32 n, u64 offset, size_t *done)
{
    if (offset > INT64_MAX) return PORT_E_INVAL;
    struct iovec iov[PORT_SLICES_MAX];
    ssize_t got = preadv(fd_of(handle), iov, iovecs_of(iov, slices, n), (off_t)offset);
    if (got < 0) return error_of(errno);
    *done = (size_t)got;
    return PORT_OK;
}

PortError tern_port_file_write_at(s64 handle, const PortSlice *slices, u32 n, u64 offset, size_t *done)
{
    if (offset > INT64_MAX) return PORT_E_INVAL;
    struct iovec iov[PORT_SLICES_MAX];
    ssize_t put = pwritev(fd_of(handle), iov, iovecs_of(iov, slices, n), (off_t)offset);
    if (put < 0) return error_of(errno);
    *done = (size_t)put;
    return PORT_OK;
}

/* --- directories ------------------------------------------------------------------------------------ */

static PortFileType entry_type(DIR *dir, const struct dirent *entry)
{
    switch (entry->d_type) {
    case DT_REG: return PORT_FILE_REGULAR;
    case DT_DIR: return PORT_FILE_DIRECTORY;
    case DT_LNK: return PORT_FILE_SYMLINK;
    case DT_CHR: return PORT_FILE_CHARACTER;
    case DT_BLK: return PORT_FILE_BLOCK;
    case DT_FIFO: return PORT_FILE_PIPE;
    case DT_SOCK: return PORT_FILE_SOCKET_STREAM;
    default: break;
    }
    struct stat st;
    if (strcmp(entry->d_name, "..") == 0) return PORT_FILE_DIRECTORY; /* may lie outside */
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) return PORT_FILE_UNKNOWN;
    return file_type_of(st.st_mode);
}

/* Cookies are the file system's own positions, which on Linux hold across openings; elsewhere the number of
 * entries passed. */
PortError tern_port_dir_read(s64 handle, u64 cookie, bool (*each)(void *env, const PortDirent *entry),
                             void *env)
{
    if (cookie > LONG_MAX) return PORT_E_INVAL;
    int fd = openat(fd_of(handle), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_of(errno);
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int err = errno;
        close(fd);
        return error_of(err);
    }
#if defined(__linux__)
    if (cookie != 0) seekdir(dir, (long)cookie);
#else
    u64 passed = 0;
#endif
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) break;
#if defined(__linux__)
        u64 next = (u64)telldir(dir);
#else
        u64 next = ++passed;
        if (passed <= cookie) continue;
#endif
        PortDirent out = {.name = entry->d_name, .inode = (u64)entry->d_ino,
                          .type = entry_type(dir, entry), .next = next};
        if (each(env, &out)) continue;
        errno = 0;
        break;
    }
    PortError error = errno == 0 ? PORT_OK : error_of(errno);
    closedir(dir);
    return error;
}

/* --- sockets ---------------------------------------------------------------------------------------- */

PortError tern_port_socket_accept(s64 handle, s64 *accepted)
{
    int fd = accept(fd_of(handle), NULL, NULL);
    if (fd < 0) return error_of(errno);
    /* Ours alone: transfers ask poll first, and must not block when it was wrong. */
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *accepted = fd;
    return PORT_OK;
}

PortError tern_port_socket_recv(s64 handle, const PortSlice *slices, u32 n, bool peek, size_t *done,
                                bool *is_truncated)
{
    struct iovec iov[PORT_SLICES_MAX];
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)iovecs_of(iov, slices, n)};
    ssize_t got = recvmsg(fd_of(handle), &message, MSG_DONTWAIT | (peek ? MSG_PEEK : 0));
    if (got < 0) return error_of(errno);
    *done = (size_t)got;
    *is_truncated = (message.msg_flags & MSG_TRUNC) != 0;
    return PORT_OK;
}

PortError tern_port_socket_send(s64 handle, const PortSlice *slices, u32 n, size_t *done)
{
    struct iovec iov[PORT_SLICES_MAX];
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)iovecs_of(iov, slices, n)};
    ssize_t put = sendmsg(fd_of(handle), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) return error_of(errno);
    *done = (size_t)put;
    return PORT_OK;
}

PortError tern_port_socket_shutdown(s64 handle, bool read, bool write)
{
    return error_of_call(shutdown(fd_of(handle), read && write ? SHUT_RDWR : read ? SHUT_RD : SHUT_WR));
}
