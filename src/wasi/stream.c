/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* stream.c - standard streams that the host's code provides: a transfer is one call of it. */
#include "wasi/context.h"

static PortError stat_stream(const WasiFd *f, PortStat *out)
{
    (void)f, (void)out;
    return PORT_OK;
}

/* From a negated error number of preview 1. */
static PortError error_of(s64 got)
{
    for (u32 i = PORT_OK + 1; i < PORT_ERROR_COUNT; i++)
        if (got == -(s64)tern_wasi_errno_of((PortError)i)) return (PortError)i;
    return PORT_E_IO;
}

static PortError transfer(WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done)
{
    (void)n; /* the callers' slices are not empty, and fewer bytes than asked for are always right */
    const WasiStream *stream = t->f->object;
    s64 got = t->write ? stream->write(stream->user, slices[0].bytes, slices[0].size)
                       : stream->read(stream->user, slices[0].bytes, slices[0].size);
    if (got < 0) return error_of(got);
    if ((u64)got > slices[0].size) return PORT_E_IO;
    *done = (size_t)got;
    return PORT_OK;
}

const WasiFdOps tern_wasi_stream_ops = {.stat = stat_stream, .transfer = transfer};
