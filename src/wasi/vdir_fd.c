/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vdir_fd.c - a guest's descriptors of files and directories in memory. What is refused, and with which error,
 * is as on Linux, so that a guest cannot tell the difference by its mistakes; but there are no symbolic links. */
#include "wasi/context.h"
#include "wasi/vdir_tree.h"

/* What WasiFd.object is. */
typedef struct VFile {
    WasiVdir *vdir; /* a reference is held */
    VNode *node;    /* held */
    u64 position;   /* under the tree's lock, as append is */
    bool append;
} VFile;

static VFile *file_of(const WasiFd *f) { return f->object; }

/* The descriptor's file, with its tree locked. */
static VFile *lock(const WasiFd *f)
{
    VFile *v = file_of(f);
    tern_port_mutex_lock(&v->vdir->lock);
    return v;
}

static PortError unlock(const VFile *v, PortError error)
{
    tern_port_mutex_unlock(&v->vdir->lock);
    return error;
}

/* --- opening and closing ---------------------------------------------------------------------------- */

/* Under lock. */
static PortError open_node(WasiVdir *vdir, VNode *node, bool append, WasiFd *out)
{
    VFile *v = tern_alloc(vdir->alloc, sizeof *v);
    if (v == NULL) return PORT_E_NOMEM;
    *v = (VFile){.vdir = vdir, .node = node, .append = append};
    node->nholds++;
    tern_wasi_vdir_hold(vdir);
    out->ops = &tern_wasi_vdir_ops;
    out->handle = -1;
    out->object = v;
    out->type = node->is_dir ? PORT_FILE_DIRECTORY : PORT_FILE_REGULAR;
    out->kind = node->is_dir ? PORT_STREAM_OTHER : PORT_STREAM_REGULAR;
    return PORT_OK;
}

PortError tern_wasi_vdir_open(WasiVdir *vdir, WasiFd *out)
{
    tern_port_mutex_lock(&vdir->lock);
    PortError error = open_node(vdir, vdir->top, false, out);
    tern_port_mutex_unlock(&vdir->lock);
    return error;
}

static void close_file(WasiFd *f)
{
    VFile *v = lock(f);
    WasiVdir *vdir = v->vdir;
    tern_vdir_let_go(vdir, v->node);
    tern_port_mutex_unlock(&vdir->lock);
    tern_free(vdir->alloc, v, sizeof *v);
    tern_vdir_drop(vdir);
}

static PortError open_place(WasiVdir *vdir, const VPlace *place, u32 flags, WasiFd *out)
{
    bool create = (flags & PORT_OPEN_CREATE) != 0;
    VNode *node = place->node;
    if (create && place->has_slash && !place->is_dot) return PORT_E_ISDIR;
    if (node == NULL && !create) return PORT_E_NOENT;
    if (node != NULL && create && (flags & PORT_OPEN_EXCLUSIVE) != 0) return PORT_E_EXIST;
    PortError error = PORT_OK;
    bool is_new = node == NULL;
    if (is_new)
        error = tern_vdir_make(vdir, place, false, &node);
    else if (node->is_dir && (create || (flags & (PORT_OPEN_WRITE | PORT_OPEN_TRUNCATE)) != 0))
        error = PORT_E_ISDIR;
    else if (!node->is_dir && (place->has_slash || (flags & PORT_OPEN_DIRECTORY) != 0))
        error = PORT_E_NOTDIR;
    if (error != PORT_OK) return error;
    error = open_node(vdir, node, (flags & PORT_OPEN_APPEND) != 0, out);
    if (error == PORT_OK && !is_new && (flags & PORT_OPEN_TRUNCATE) != 0) error = tern_vdir_resize(vdir, node, 0);
    return error;
}

static PortError path_open(const WasiPath *path, u32 flags, WasiFd *out)
{
    bool is_path = path->text[0] != '\0' && path->text[0] != '/';
    if (is_path && (flags & PORT_OPEN_CREATE) != 0 && (flags & PORT_OPEN_DIRECTORY) != 0) return PORT_E_INVAL;
    VFile *v = lock(path->dir);
    VPlace place;
    PortError error = tern_vdir_find(v->vdir, v->node, path->text, &place);
    return unlock(v, error == PORT_OK ? open_place(v->vdir, &place, flags, out) : error);
}

/* --- files ------------------------------------------------------------------------------------------ */

static void stat_node(const WasiVdir *vdir, const VNode *node, PortStat *out)
{
    *out = (PortStat){.type = node->is_dir ? PORT_FILE_DIRECTORY : PORT_FILE_REGULAR, .device = vdir->device,
                      .inode = node->inode, .nlinks = node->nentries, .size_bytes = node->size_bytes,
                      .atime_ns = node->atime_ns, .mtime_ns = node->mtime_ns, .ctime_ns = node->ctime_ns};
    if (node->is_dir && node->parent != NULL) out->nlinks = 2ull + node->ndirs;
}

static PortError stat_file(const WasiFd *f, PortStat *out)
{
    const VFile *v = lock(f);
    stat_node(v->vdir, v->node, out);
    return unlock(v, PORT_OK);
}

static PortError read_at(VNode *file, u64 offset, const PortSlice *slices, u32 n, size_t *done)
{
    if (file->is_dir) return PORT_E_ISDIR;
    *done = 0;
    for (u32 i = 0; i < n && offset < file->size_bytes; i++) {
        size_t part = (size_t)u64_min(slices[i].size, file->size_bytes - offset);
        racy_copy(slices[i].bytes, file->bytes + offset, part);
        offset += part;
        *done += part;
    }
    file->atime_ns = tern_vdir_now();
    return PORT_OK;
}

/* Everything, or as much as the limit lets in, if that is anything. */
static PortError write_at(WasiVdir *vdir, VNode *file, u64 offset, const PortSlice *slices, u32 n, size_t *done)
{
    if (file->is_dir) return PORT_E_ISDIR;
    *done = 0;
    for (u32 i = 0; i < n; i++) {
        u64 end;
        if (!u64_add(offset, slices[i].size, &end)) return PORT_E_FBIG;
        PortError error = end > file->size_bytes ? tern_vdir_resize(vdir, file, end) : PORT_OK;
        if (error != PORT_OK) return *done > 0 ? PORT_OK : error;
        if (slices[i].size > 0) racy_copy(file->bytes + offset, slices[i].bytes, slices[i].size);
        offset = end;
        *done += slices[i].size;
    }
    vdir_touch(file);
    return PORT_OK;
}

static PortError transfer(WasiTransfer *t, const PortSlice *slices, u32 n, size_t *done)
{
    VFile *v = lock(t->f);
    bool has_place = t->way == WASI_WAY_READ_AT || t->way == WASI_WAY_WRITE_AT;
    u64 offset = has_place ? t->offset : v->position;
    if (t->write && v->append && offset <= INT64_MAX) offset = v->node->size_bytes; /* as Linux, wherever it is told to */
    PortError error = offset > INT64_MAX ? PORT_E_INVAL
                      : t->write         ? write_at(v->vdir, v->node, offset, slices, n, done)
                                         : read_at(v->node, offset, slices, n, done);
    if (error == PORT_OK && !has_place) v->position = offset + *done;
    return unlock(v, error);
}

static void set_node_times(VNode *node, const PortTimes *times)
{
    u64 now = tern_vdir_now();
    if (times->access != PORT_TIME_KEEP) node->atime_ns = times->access == PORT_TIME_NOW ? now : times->access_ns;
    if (times->modification != PORT_TIME_KEEP)
        node->mtime_ns = times->modification == PORT_TIME_NOW ? now : times->modification_ns;
    node->ctime_ns = now;
}

static PortError set_times(const WasiFd *f, const PortTimes *times)
{
    const VFile *v = lock(f);
    set_node_times(v->node, times);
    return unlock(v, PORT_OK);
}

/* There is nothing behind memory to write it to. */
static PortError sync_file(const WasiFd *f, bool data_only)
{
    (void)f, (void)data_only;
    return PORT_OK;
}

static PortError set_append(const WasiFd *f, bool append)
{
    VFile *v = lock(f);
    v->append = append;
    return unlock(v, PORT_OK);
}

static PortError set_size(const WasiFd *f, u64 size)
{
    const VFile *v = lock(f);
    return unlock(v, size > INT64_MAX ? PORT_E_INVAL : tern_vdir_resize(v->vdir, v->node, size));
}

static PortError allocate(const WasiFd *f, u64 offset, u64 size)
{
    u64 end;
    if (size == 0 || offset > INT64_MAX) return PORT_E_INVAL;
    if (!u64_add(offset, size, &end)) return PORT_E_FBIG;
    const VFile *v = lock(f);
    bool grows = end > v->node->size_bytes;
    return unlock(v, grows ? tern_vdir_resize(v->vdir, v->node, end) : PORT_OK);
}

static PortError advise(const WasiFd *f, u64 offset, u64 size, PortAdvice advice)
{
    (void)f, (void)advice;
    return offset > INT64_MAX || size > INT64_MAX ? PORT_E_INVAL : PORT_OK;
}

static PortError seek(const WasiFd *f, s64 offset, PortWhence whence, u64 *position)
{
    VFile *v = lock(f);
    u64 from = whence == PORT_SEEK_SET ? 0 : whence == PORT_SEEK_CUR ? v->position : v->node->size_bytes;
    s64 to;
    if (__builtin_add_overflow((s64)from, offset, &to) || to < 0) return unlock(v, PORT_E_INVAL);
    *position = v->position = (u64)to;
    return unlock(v, PORT_OK);
}

/* --- directories ------------------------------------------------------------------------------------ */

/* The entry that a listing from cookie begins with. A guest goes on where it stopped, so the hint is nearly
 * always right. */
static VEntry *entry_from(const VNode *dir, u64 cookie)
{
    VEntry *e = dir->hint != NULL && dir->hint->cookie <= cookie ? dir->hint : dir->first;
    while (e != NULL && e->cookie <= cookie) e = e->after;
    return e;
}

static PortError dir_read(const WasiFd *f, u64 cookie, bool (*each)(void *env, const PortDirent *entry), void *env)
{
    if (cookie > INT64_MAX) return PORT_E_INVAL;
    const VFile *v = lock(f);
    VNode *dir = v->node;
    /* The parent of what the guest was given is nobody's business; the caller sees to that. */
    const VNode *up = dir->parent != NULL ? dir->parent : dir;
    PortDirent here = {".", dir->inode, PORT_FILE_DIRECTORY, 1}, above = {"..", up->inode, PORT_FILE_DIRECTORY, 2};
    if (cookie < 1 && !each(env, &here)) return unlock(v, PORT_OK);
    if (cookie < 2 && !each(env, &above)) return unlock(v, PORT_OK);
    for (VEntry *e = entry_from(dir, u64_max(cookie, 2)); e != NULL; e = e->after) {
        PortFileType type = e->node->is_dir ? PORT_FILE_DIRECTORY : PORT_FILE_REGULAR;
        dir->hint = e;
        if (!each(env, &(PortDirent){e->name, e->node->inode, type, e->cookie})) break;
    }
    return unlock(v, PORT_OK);
}

/* What is at a path that must lead somewhere. */
static PortError find_there(const VFile *v, const char *text, VPlace *place)
{
    PortError error = tern_vdir_find(v->vdir, v->node, text, place);
    if (error != PORT_OK) return error;
    if (place->node == NULL) return PORT_E_NOENT;
    return place->has_slash && !place->node->is_dir ? PORT_E_NOTDIR : PORT_OK;
}

static PortError path_stat(const WasiPath *path, bool follow, PortStat *out)
{
    (void)follow;
    const VFile *v = lock(path->dir);
    VPlace place;
    PortError error = find_there(v, path->text, &place);
    if (error == PORT_OK) stat_node(v->vdir, place.node, out);
    return unlock(v, error);
}

static PortError path_set_times(const WasiPath *path, bool follow, const PortTimes *times)
{
    (void)follow;
    const VFile *v = lock(path->dir);
    VPlace place;
    PortError error = find_there(v, path->text, &place);
    if (error == PORT_OK) set_node_times(place.node, times);
    return unlock(v, error);
}

static PortError path_make_directory(const WasiPath *path)
{
    const VFile *v = lock(path->dir);
    VPlace place;
    VNode *made;
    PortError error = tern_vdir_find(v->vdir, v->node, path->text, &place);
    if (error == PORT_OK)
        error = place.node != NULL ? PORT_E_EXIST : tern_vdir_make(v->vdir, &place, true, &made);
    return unlock(v, error);
}

static PortError path_remove_directory(const WasiPath *path)
{
    const VFile *v = lock(path->dir);
    VPlace place;
    PortError error = find_there(v, path->text, &place);
    if (error == PORT_OK && place.is_dot) error = PORT_E_INVAL;
    if (error == PORT_OK && !place.node->is_dir) error = PORT_E_NOTDIR;
    if (error == PORT_OK && place.node->first != NULL) error = PORT_E_NOTEMPTY;
    if (error == PORT_OK) tern_vdir_unlink(v->vdir, place.entry);
    return unlock(v, error);
}

static PortError path_unlink(const WasiPath *path)
{
    const VFile *v = lock(path->dir);
    VPlace place;
    PortError error = find_there(v, path->text, &place);
    if (error == PORT_OK && place.node->is_dir) error = PORT_E_ISDIR;
    if (error == PORT_OK) tern_vdir_unlink(v->vdir, place.entry);
    return unlock(v, error);
}

static bool is_under(const VNode *node, const VNode *dir)
{
    while (node != dir && node->parent != NULL && node->parent != node) node = node->parent;
    return node == dir;
}

static PortError rename_place(WasiVdir *vdir, const VPlace *old, VPlace *new)
{
    VNode *node = old->node;
    if (old->is_dot || new->is_dot) return PORT_E_BUSY;
    if (node == NULL) return PORT_E_NOENT;
    if ((old->has_slash || new->has_slash) && !node->is_dir) return PORT_E_NOTDIR;
    if (new->node == node) return PORT_OK; /* two names of one file: both stay */
    if (node->is_dir && is_under(new->dir, node)) return PORT_E_INVAL;
    if (new->node != NULL) {
        if (is_under(old->dir, new->node)) return PORT_E_NOTEMPTY;
        if (node->is_dir != new->node->is_dir) return node->is_dir ? PORT_E_NOTDIR : PORT_E_ISDIR;
        if (new->node->first != NULL) return PORT_E_NOTEMPTY;
    }
    /* The new name first: only that can fail. The two of one name are never looked for. */
    PortError error = tern_vdir_add(vdir, new, node);
    if (error != PORT_OK) return error;
    VNode *dir = node->parent;
    if (new->entry != NULL) tern_vdir_unlink(vdir, new->entry);
    tern_vdir_unlink(vdir, old->entry);
    node->parent = dir; /* of a directory: leaving the old place made it an orphan */
    return PORT_OK;
}

/* Where both paths lead, whatever is there: a path that leaves is refused first. */
static PortError find_two(const WasiPath *from, const WasiPath *to, VPlace *old, VPlace *new)
{
    const VFile *a = file_of(from->dir), *b = file_of(to->dir);
    PortError error = tern_vdir_find(a->vdir, a->node, from->text, old);
    return error == PORT_OK ? tern_vdir_find(b->vdir, b->node, to->text, new) : error;
}

static PortError path_rename(const WasiPath *from, const WasiPath *to)
{
    const VFile *a = file_of(from->dir), *b = file_of(to->dir);
    if (a->vdir != b->vdir) return PORT_E_XDEV;
    lock(from->dir);
    VPlace old, new;
    PortError error = find_two(from, to, &old, &new);
    if (error == PORT_OK) error = rename_place(a->vdir, &old, &new);
    return unlock(a, error);
}

static PortError path_link(const WasiPath *from, const WasiPath *to)
{
    const VFile *a = file_of(from->dir), *b = file_of(to->dir);
    if (a->vdir != b->vdir) return PORT_E_XDEV;
    lock(from->dir);
    VPlace old, new;
    PortError error = find_two(from, to, &old, &new);
    if (error == PORT_OK && old.has_slash)
        error = old.node == NULL ? PORT_E_NOENT : old.node->is_dir ? PORT_E_PERM : PORT_E_NOTDIR;
    if (error == PORT_OK && new.has_slash) error = new.node != NULL ? PORT_E_EXIST : PORT_E_NOENT;
    if (error == PORT_OK && old.node == NULL) error = PORT_E_NOENT;
    if (error == PORT_OK && new.node != NULL) error = PORT_E_EXIST;
    if (error == PORT_OK && old.node->is_dir) error = PORT_E_PERM;
    if (error == PORT_OK) error = tern_vdir_add(a->vdir, &new, old.node);
    return unlock(a, error);
}

static PortError path_symlink(const char *target, const WasiPath *path)
{
    (void)target, (void)path;
    return PORT_E_NOTSUP;
}

static PortError path_readlink(const WasiPath *path, u8 *bytes, size_t size, size_t *done)
{
    (void)bytes, (void)size, (void)done;
    const VFile *v = lock(path->dir);
    VPlace place;
    PortError error = find_there(v, path->text, &place);
    return unlock(v, error == PORT_OK ? PORT_E_INVAL : error); /* what is there is no link */
}

const WasiFdOps tern_wasi_vdir_ops = {
    .has_places = true,
    .close = close_file,
    .stat = stat_file,
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
