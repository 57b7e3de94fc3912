/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stat.h - between the system's stat and times and the port's. Internal to port/posix. */
#ifndef TERN_PORT_POSIX_STAT_H
#define TERN_PORT_POSIX_STAT_H

#include <sys/stat.h>
#include <time.h>

#include "port/file.h"

static inline PortFileType file_type_of(mode_t mode)
{
    if (S_ISREG(mode)) return PORT_FILE_REGULAR;
    if (S_ISDIR(mode)) return PORT_FILE_DIRECTORY;
    if (S_ISLNK(mode)) return PORT_FILE_SYMLINK;
    if (S_ISCHR(mode)) return PORT_FILE_CHARACTER;
    if (S_ISBLK(mode)) return PORT_FILE_BLOCK;
    if (S_ISFIFO(mode)) return PORT_FILE_PIPE;
    return S_ISSOCK(mode) ? PORT_FILE_SOCKET_STREAM : PORT_FILE_UNKNOWN;
}

static inline u64 time_of(struct timespec t)
{
    u64 ns;
    if (t.tv_sec < 0 || !u64_mul((u64)t.tv_sec, 1000000000u, &ns)) return 0;
    return ns + (u64)t.tv_nsec;
}

#ifdef __APPLE__
#define STAT_TIME(st, which) ((st)->st_##which##timespec)
#else
#define STAT_TIME(st, which) ((st)->st_##which##tim)
#endif

static inline PortStat stat_of(const struct stat *st)
{
    return (PortStat){
        .type = file_type_of(st->st_mode),
        .device = (u64)st->st_dev,
        .inode = (u64)st->st_ino,
        .nlinks = (u64)st->st_nlink,
        .size_bytes = (u64)st->st_size,
        .atime_ns = time_of(STAT_TIME(st, a)),
        .mtime_ns = time_of(STAT_TIME(st, m)),
        .ctime_ns = time_of(STAT_TIME(st, c)),
    };
}

static inline struct timespec timespec_of(PortTimeKind kind, u64 ns)
{
    if (kind == PORT_TIME_KEEP) return (struct timespec){.tv_nsec = UTIME_OMIT};
    if (kind == PORT_TIME_NOW) return (struct timespec){.tv_nsec = UTIME_NOW};
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

static inline void times_to(const PortTimes *times, struct timespec pair[2])
{
    pair[0] = timespec_of(times->access, times->access_ns);
    pair[1] = timespec_of(times->modification, times->modification_ns);
}

#endif
