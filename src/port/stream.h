/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stream.h - byte streams of the machine, named by the host's own descriptors.
 *
 * Descriptors are borrowed: nothing here opens, closes or reconfigures one, so that a terminal or a pipe
 * shared with other processes stays as it was. Writing where nobody reads is an error, never a signal.
 */
#ifndef TERN_PORT_STREAM_H
#define TERN_PORT_STREAM_H

#include "base/types.h"

typedef enum PortError {
    PORT_OK,
#define PORT_ERROR(name) PORT_E_##name,
#include "port/errors.def"
    PORT_ERROR_COUNT
} PortError;

typedef enum PortStreamKind { PORT_STREAM_OTHER, PORT_STREAM_REGULAR, PORT_STREAM_TERMINAL, PORT_STREAM_DEVICE,
                              PORT_STREAM_PIPE, PORT_STREAM_SOCKET } PortStreamKind;

/* OTHER for what is not open or not known. */
PortStreamKind tern_port_stream_kind(s64 handle);
/* Size of a regular file, 0 otherwise. */
u64 tern_port_stream_size(s64 handle);

typedef struct PortSlice {
    u8 *bytes;
    size_t size;
} PortSlice;

#define PORT_SLICES_MAX 16

/* Moves at most all of n <= PORT_SLICES_MAX slices; *done may be less, and 0 when reading at the end. Blocks
 * as the host's descriptor does: callers that must stay interruptible ask tern_port_poll first and write no
 * more than PORT_PIPE_CHUNK at once. INTR: nothing was moved. */
#define PORT_PIPE_CHUNK 4096
PortError tern_port_stream_read(s64 handle, const PortSlice *slices, u32 n, size_t *done);
PortError tern_port_stream_write(s64 handle, const PortSlice *slices, u32 n, size_t *done);
/* The same where nobody can stop reading: to what is no pipe and no socket. Saves system calls. */
PortError tern_port_stream_write_quick(s64 handle, const PortSlice *slices, u32 n, size_t *done);

/* The same without blocking, although the host's descriptor does: AGAIN instead, and *done may be any part. *how belongs
 * to the descriptor, begins as PORT_NOW_QUIET and keeps what was learnt of it; several threads may use it. NOTSUP: there
 * is no such way for this descriptor, and nothing was moved. Whoever polls first and moves no more than PORT_PIPE_CHUNK
 * then blocks only where somebody else takes the bytes or the room in between, or in a terminal that has room for a
 * part. */
typedef enum PortNow { PORT_NOW_QUIET, PORT_NOW_SIGNALS, PORT_NOW_REOPEN, PORT_NOW_NEVER } PortNow;
PortError tern_port_stream_read_now(s64 handle, PortNow *how, const PortSlice *slices, u32 n, size_t *done);
PortError tern_port_stream_write_now(s64 handle, PortNow *how, const PortSlice *slices, u32 n, size_t *done);

typedef struct PortPoll {
    s64 handle;
    bool write;      /* else read */
    bool is_ready;   /* out: would not block */
    bool is_hangup;  /* out: the other side is gone */
    bool is_bad;     /* out: not an open descriptor */
    u64 nbytes;      /* out: how many bytes can be read at once; 0 if unknown */
} PortPoll;

#define PORT_POLL_MAX 64

/* Waits until one of n <= PORT_POLL_MAX is ready, hung up or bad, timeout_ns passed, or a signal came. With
 * n 0 it sleeps. */
void tern_port_poll(PortPoll *polls, u32 n, u64 timeout_ns);

#endif
