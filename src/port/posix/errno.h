/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* errno.h - from the system's error numbers and descriptors to the port's. Internal to port/posix. */
#ifndef TERN_PORT_POSIX_ERRNO_H
#define TERN_PORT_POSIX_ERRNO_H

#include <errno.h>
#include <limits.h>

#include "port/stream.h"

static inline PortError error_of(int err)
{
    switch (err) {
#define PORT_ERROR(name) case E##name: return PORT_E_##name;
#include "port/errors.def"
    default: return PORT_E_IO;
    }
}

/* Of a system call that answers -1 and errno. */
static inline PortError error_of_call(int result) { return result < 0 ? error_of(errno) : PORT_OK; }

/* A descriptor that is no int is none. */
static inline int fd_of(s64 handle) { return handle >= 0 && handle <= INT_MAX ? (int)handle : -1; }

#endif
