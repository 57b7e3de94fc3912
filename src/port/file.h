/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* file.h - files, directories and sockets of the machine, and paths that cannot leave a directory.
 *
 * A path is resolved beneath a directory: absolute paths, absolute symbolic links and every ".." that would
 * pass the directory are refused with PERM, whatever else happens to the tree meanwhile. There are two ways.
 * The kernel does it where it can (Linux: openat2 with RESOLVE_BENEATH); otherwise we walk, one component at
 * a time, never letting the kernel follow a link or see "..". Both end alike: an open directory and one name
 * in it, which is used without following. The number of directories a walk goes down is bounded.
 */
#ifndef TERN_PORT_FILE_H
#define TERN_PORT_FILE_H

#include "port/stream.h"

#define PORT_PATH_MAX 4096 /* longest path, its NUL included */

typedef enum PortFileType { PORT_FILE_UNKNOWN, PORT_FILE_BLOCK, PORT_FILE_CHARACTER, PORT_FILE_DIRECTORY,
                            PORT_FILE_REGULAR, PORT_FILE_SOCKET_STREAM, PORT_FILE_SOCKET_DATAGRAM,
                            PORT_FILE_SYMLINK, PORT_FILE_PIPE } PortFileType;

typedef struct PortStat {
    PortFileType type;
    u64 device, inode, nlinks, size_bytes;
    u64 atime_ns, mtime_ns, ctime_ns; /* since 1970; earlier reads as 0 */
} PortStat;

typedef enum PortTimeKind { PORT_TIME_KEEP, PORT_TIME_NOW, PORT_TIME_SET } PortTimeKind;
typedef struct PortTimes {
    PortTimeKind access, modification;
    u64 access_ns, modification_ns; /* where SET */
} PortTimes;

/* --- paths ------------------------------------------------------------------------------------------ */

/* Where a path begins. */
typedef struct PortDir {
    s64 handle;
    bool walk; /* walk even where the kernel could resolve */
} PortDir;

/* Can the kernel resolve beneath a directory? Asks it: remember the answer. */
bool tern_port_path_kernel_resolves(void);

enum {
    PORT_OPEN_READ = 1,
    PORT_OPEN_WRITE = 2,
    PORT_OPEN_CREATE = 4,
    PORT_OPEN_EXCLUSIVE = 8,
    PORT_OPEN_TRUNCATE = 16,
    PORT_OPEN_DIRECTORY = 32,
    PORT_OPEN_FOLLOW = 64, /* a symbolic link at the end; without it that is LOOP */
    PORT_OPEN_APPEND = 128,
    PORT_OPEN_SYNC = 256,
    PORT_OPEN_DSYNC = 512,
};

/* The directory of that name on the host, with no confinement: what the host gives to a guest. */
PortError tern_port_dir_open(const char *host_path, s64 *handle);
void tern_port_handle_close(s64 handle);

/* Never waits, not for the other end of a pipe either. */
PortError tern_port_path_open(PortDir dir, const char *path, u32 flags, s64 *handle);
PortError tern_port_path_stat(PortDir dir, const char *path, bool follow, PortStat *out);
PortError tern_port_path_set_times(PortDir dir, const char *path, bool follow, const PortTimes *times);
PortError tern_port_path_make_directory(PortDir dir, const char *path);
PortError tern_port_path_remove_directory(PortDir dir, const char *path);
PortError tern_port_path_unlink(PortDir dir, const char *path);
PortError tern_port_path_rename(PortDir from, const char *path, PortDir to, const char *new_path);
/* A symbolic link is linked itself, not followed. */
PortError tern_port_path_link(PortDir from, const char *path, PortDir to, const char *new_path);
PortError tern_port_path_symlink(const char *target, PortDir dir, const char *path);
/* At most size bytes, no NUL. */
PortError tern_port_path_readlink(PortDir dir, const char *path, u8 *bytes, size_t size, size_t *done);

/* --- open files and directories --------------------------------------------------------------------- */

typedef enum PortWhence { PORT_SEEK_SET, PORT_SEEK_CUR, PORT_SEEK_END } PortWhence;
typedef enum PortAdvice { PORT_ADVICE_NORMAL, PORT_ADVICE_SEQUENTIAL, PORT_ADVICE_RANDOM, PORT_ADVICE_WILLNEED,
                          PORT_ADVICE_DONTNEED, PORT_ADVICE_NOREUSE } PortAdvice;

PortError tern_port_file_stat(s64 handle, PortStat *out);
PortError tern_port_file_set_size(s64 handle, u64 size);
PortError tern_port_file_set_times(s64 handle, const PortTimes *times);
PortError tern_port_file_set_append(s64 handle, bool append);
/* Room for [offset, offset + size); the file grows if need be. */
PortError tern_port_file_allocate(s64 handle, u64 offset, u64 size);
PortError tern_port_file_advise(s64 handle, u64 offset, u64 size, PortAdvice advice);
PortError tern_port_file_sync(s64 handle, bool data_only);
PortError tern_port_file_seek(s64 handle, s64 offset, PortWhence whence, u64 *position);
/* As tern_port_stream_read and _write, at a place of the file. */
PortError tern_port_file_read_at(s64 handle, const PortSlice *slices, u32 n, u64 offset, size_t *done);
PortError tern_port_file_write_at(s64 handle, const PortSlice *slices, u32 n, u64 offset, size_t *done);

typedef struct PortDirent {
    const char *name; /* good until each returns; "." and ".." are among them */
    u64 inode;
    PortFileType type;
    u64 next; /* the cookie that continues behind this entry */
} PortDirent;

/* Calls each for the entries from a cookie on (0: the first) until it returns false. Nothing is kept between
 * calls: any number of guests may read one directory at their own pace. */
PortError tern_port_dir_read(s64 handle, u64 cookie, bool (*each)(void *env, const PortDirent *entry),
                             void *env);

/* --- sockets ---------------------------------------------------------------------------------------- */

/* AGAIN where the socket does not wait. */
PortError tern_port_socket_accept(s64 handle, s64 *accepted);
/* Never waits. *is_truncated: a datagram was longer than the slices. */
PortError tern_port_socket_recv(s64 handle, const PortSlice *slices, u32 n, bool peek, size_t *done,
                                bool *is_truncated);
PortError tern_port_socket_send(s64 handle, const PortSlice *slices, u32 n, size_t *done);
PortError tern_port_socket_shutdown(s64 handle, bool read, bool write);

#endif
