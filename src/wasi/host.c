/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - descriptors that stand for something of the machine: files and directories, the streams that the host
 * lends, sockets. port/file.h does the work. */
#include "wasi/context.h"

static void close_handle(WasiFd *f) { tern_port_handle_close(f->handle); }
static void close_socket(WasiFd *f) { tern_port_socket_close(f->handle); }

static PortError stat_handle(const WasiFd *f, PortStat *out) { return tern_port_file_stat(f->handle, out); }

/* What is lent has a size; what it is on the host reads as zero. */
static PortError stat_lent(const WasiFd *f, PortStat *out)
{
    out->size_bytes = tern_port_stream_size(f->handle);
    return PORT_OK;
}

static PortError transfer(WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done)
{
    s64 handle = t->f->handle;
    switch (t->way) {
    case WASI_WAY_READ: return tern_port_stream_read(handle, slices, n, done);
    case WASI_WAY_WRITE:
        if (t->f->kind == PORT_STREAM_REGULAR || t->f->kind == PORT_STREAM_TERMINAL ||
            t->f->kind == PORT_STREAM_DEVICE)
            return tern_port_stream_write_quick(handle, slices, n, done);
        return tern_port_stream_write(handle, slices, n, done);
    case WASI_WAY_READ_AT: return tern_port_file_read_at(handle, slices, n, t->offset, done);
    case WASI_WAY_WRITE_AT: return tern_port_file_write_at(handle, slices, n, t->offset, done);
    case WASI_WAY_PEEK:
    case WASI_WAY_RECV: {
        bool peek = t->way == WASI_WAY_PEEK;
        if (t->address != NULL)
            return tern_port_socket_recv_from(handle, slices, n, peek, done, &t->is_truncated, t->address);
        return tern_port_socket_recv(handle, slices, n, peek, done, &t->is_truncated);
    }
    case WASI_WAY_SEND:
        if (t->address != NULL) return tern_port_socket_send_to(handle, slices, n, done, t->address);
        return tern_port_socket_send(handle, slices, n, done);
    }
    return PORT_E_INVAL;
}

/* --- files ------------------------------------------------------------------------------------------ */

static PortError set_times(const WasiFd *f, const PortTimes *times)
{
    return tern_port_file_set_times(f->handle, times);
}

static PortError sync_file(const WasiFd *f, bool data_only) { return tern_port_file_sync(f->handle, data_only); }

static PortError set_append(const WasiFd *f, bool append)
{
    return f->type == PORT_FILE_REGULAR ? tern_port_file_set_append(f->handle, append) : PORT_OK;
}

static PortError set_size(const WasiFd *f, u64 size) { return tern_port_file_set_size(f->handle, size); }

static PortError allocate(const WasiFd *f, u64 offset, u64 size)
{
    return tern_port_file_allocate(f->handle, offset, size);
}

static PortError advise(const WasiFd *f, u64 offset, u64 size, PortAdvice advice)
{
    return tern_port_file_advise(f->handle, offset, size, advice);
}

static PortError seek(const WasiFd *f, s64 offset, PortWhence whence, u64 *position)
{
    return tern_port_file_seek(f->handle, offset, whence, position);
}

/* --- directories ------------------------------------------------------------------------------------ */

static PortDir dir_of(const WasiPath *path) { return (PortDir){path->dir->handle, path->walks}; }

static PortError dir_read(const WasiFd *f, u64 cookie, bool (*each)(void *env, const PortDirent *entry), void *env)
{
    return tern_port_dir_read(f->handle, cookie, each, env);
}

static PortStreamKind kind_of(PortFileType type)
{
    switch (type) {
    case PORT_FILE_REGULAR: return PORT_STREAM_REGULAR;
    case PORT_FILE_PIPE: return PORT_STREAM_PIPE;
    case PORT_FILE_CHARACTER: return PORT_STREAM_TERMINAL;
    default: return PORT_STREAM_OTHER;
    }
}

static PortError path_open(const WasiPath *path, u32 flags, WasiFd *out)
{
    PortStat stat;
    PortError error = tern_port_path_open(dir_of(path), path->text, flags, &out->handle);
    if (error != PORT_OK) return error;
    error = tern_port_file_stat(out->handle, &stat);
    if (error != PORT_OK) {
        tern_port_handle_close(out->handle);
        return error;
    }
    out->ops = &tern_wasi_file_ops;
    out->type = stat.type;
    out->kind = kind_of(stat.type);
    return PORT_OK;
}

static PortError path_stat(const WasiPath *path, bool follow, PortStat *out)
{
    return tern_port_path_stat(dir_of(path), path->text, follow, out);
}

static PortError path_set_times(const WasiPath *path, bool follow, const PortTimes *times)
{
    return tern_port_path_set_times(dir_of(path), path->text, follow, times);
}

static PortError path_make_directory(const WasiPath *path)
{
    return tern_port_path_make_directory(dir_of(path), path->text);
}

static PortError path_remove_directory(const WasiPath *path)
{
    return tern_port_path_remove_directory(dir_of(path), path->text);
}

static PortError path_unlink(const WasiPath *path) { return tern_port_path_unlink(dir_of(path), path->text); }

static PortError path_rename(const WasiPath *from, const WasiPath *to)
{
    return tern_port_path_rename(dir_of(from), from->text, dir_of(to), to->text);
}

static PortError path_link(const WasiPath *from, const WasiPath *to)
{
    return tern_port_path_link(dir_of(from), from->text, dir_of(to), to->text);
}

static PortError path_symlink(const char *target, const WasiPath *path)
{
    return tern_port_path_symlink(target, dir_of(path), path->text);
}

static PortError path_readlink(const WasiPath *path, u8 *bytes, size_t size, size_t *done)
{
    return tern_port_path_readlink(dir_of(path), path->text, bytes, size, done);
}

const WasiFdOps tern_wasi_file_ops = {
    .has_places = true,
    .polls = true,
    .close = close_handle,
    .stat = stat_handle,
    .transfer = transfer,
    .set_times = set_times,
    .sync = sync_file,
    .set_append = set_append,
    .set_size = set_size,
    .allocate = allocate,
    .advise = advise,
    .seek = seek,
    .dir_read = dir_read,
    .path_open = path_open,
    .path_stat = path_stat,
    .path_set_times = path_set_times,
    .path_make_directory = path_make_directory,
    .path_remove_directory = path_remove_directory,
    .path_unlink = path_unlink,
    .path_rename = path_rename,
    .path_link = path_link,
    .path_symlink = path_symlink,
    .path_readlink = path_readlink,
};

/* --- streams and sockets ---------------------------------------------------------------------------- */

const WasiFdOps tern_wasi_lent_ops = {.polls = true, .blocks = true, .stat = stat_lent, .transfer = transfer};

const WasiFdOps tern_wasi_socket_ops = {
    .is_socket = true, .polls = true, .close = close_socket, .stat = stat_handle, .transfer = transfer};

const WasiFdOps tern_wasi_listener_ops = {
    .is_socket = true, .polls = true, .stat = stat_lent, .transfer = transfer};
