/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vdir.c - directories in memory: the tree, and what the host does with it. */
#include "wasi/vdir_tree.h"

#define BUCKETS_MIN 16u
#define NAME_MAX_BYTES 255u
#define FILE_CAP_MIN 64u

u64 tern_vdir_now(void)
{
    u64 ns = 0;
    return tern_port_clock_ns(PORT_CLOCK_REAL, &ns) ? ns : 0;
}

/* --- what counts ------------------------------------------------------------------------------------ */

static bool charge(WasiVdir *vdir, u64 bytes)
{
    if (vdir->limit_bytes != 0 && bytes > vdir->limit_bytes - vdir->used_bytes) return false;
    vdir->used_bytes += bytes;
    return true;
}

/* An entry's part of the hash table is in its price. */
static u64 entry_price(u32 name_size) { return sizeof(VEntry) + name_size + 1 + 2 * sizeof(VEntry *); }

/* --- entries ---------------------------------------------------------------------------------------- */

static u64 hash_of(const WasiVdir *vdir, const VNode *dir, const char *name, u32 size)
{
    u64 h = dir->inode * 0x9e3779b97f4a7c15u + vdir->seed;
    for (u32 i = 0; i < size; i++) h = (h ^ (u8)name[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

static VEntry **bucket_of(const WasiVdir *vdir, const VNode *dir, const char *name, u32 size)
{
    return &vdir->buckets[hash_of(vdir, dir, name, size) & (vdir->nbuckets - 1)];
}

static VEntry *find_entry(const WasiVdir *vdir, const VNode *dir, const char *name, u32 size)
{
    for (VEntry *e = *bucket_of(vdir, dir, name, size); e != NULL; e = e->next_in_bucket)
        if (e->dir == dir && e->name_size == size && memcmp(e->name, name, size) == 0) return e;
    return NULL;
}

/* Room for one more; that there is none for a larger table only makes it slower. */
static void grow_buckets(WasiVdir *vdir)
{
    if (vdir->nentries < vdir->nbuckets) return;
    u64 n = vdir->nbuckets * 2;
    VEntry **buckets = tern_alloc_zeroed(vdir->alloc, n, sizeof *buckets);
    if (buckets == NULL) return;
    VEntry **old = vdir->buckets;
    u64 nold = vdir->nbuckets;
    vdir->buckets = buckets;
    vdir->nbuckets = n;
    for (u64 i = 0; i < nold; i++) {
        for (VEntry *e = old[i], *next; e != NULL; e = next) {
            next = e->next_in_bucket;
            VEntry **bucket = bucket_of(vdir, e->dir, e->name, e->name_size);
            e->next_in_bucket = *bucket;
            *bucket = e;
        }
    }
    tern_free(vdir->alloc, old, (size_t)nold * sizeof *old);
}

PortError tern_vdir_add(WasiVdir *vdir, const VPlace *place, VNode *node)
{
    VNode *dir = place->dir;
    if (dir->parent == NULL) return PORT_E_NOENT; /* removed, and only held open */
    if (node->nentries == UINT32_MAX) return PORT_E_MLINK;
    if (!charge(vdir, entry_price(place->name_size))) return PORT_E_NOSPC;
    VEntry *e = tern_alloc(vdir->alloc, sizeof *e + place->name_size + 1);
    if (e == NULL) {
        vdir->used_bytes -= entry_price(place->name_size);
        return PORT_E_NOSPC;
    }
    *e = (VEntry){.before = dir->last, .dir = dir, .node = node, .cookie = dir->next_cookie++,
                  .name_size = place->name_size};
    memcpy(e->name, place->name, place->name_size);
    e->name[place->name_size] = '\0';
    if (dir->last != NULL) dir->last->after = e;
    else dir->first = e;
    dir->last = e;
    grow_buckets(vdir);
    VEntry **bucket = bucket_of(vdir, dir, e->name, e->name_size);
    e->next_in_bucket = *bucket;
    *bucket = e;
    vdir->nentries++;
    node->nentries++;
    if (node->is_dir) {
        node->parent = dir;
        dir->ndirs++;
    }
    vdir_touch(dir);
    node->ctime_ns = dir->ctime_ns;
    return PORT_OK;
}

static void free_node(WasiVdir *vdir, VNode *node)
{
    vdir->used_bytes -= sizeof *node + node->cap_bytes;
    tern_free(vdir->alloc, node->bytes, (size_t)node->cap_bytes);
    tern_free(vdir->alloc, node, sizeof *node);
}

void tern_vdir_let_go(WasiVdir *vdir, VNode *node)
{
    if (--node->nholds == 0 && node->nentries == 0 && node != vdir->top) free_node(vdir, node);
}

void tern_vdir_unlink(WasiVdir *vdir, VEntry *e)
{
    VNode *dir = e->dir, *node = e->node;
    VEntry **at = bucket_of(vdir, dir, e->name, e->name_size);
    while (*at != e) at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    if (e->before != NULL) e->before->after = e->after;
    else dir->first = e->after;
    if (e->after != NULL) e->after->before = e->before;
    else dir->last = e->before;
    if (dir->hint == e) dir->hint = NULL;
    vdir->nentries--;
    vdir->used_bytes -= entry_price(e->name_size);
    tern_free(vdir->alloc, e, sizeof *e + e->name_size + 1);
    vdir_touch(dir);
    node->ctime_ns = dir->ctime_ns;
    if (node->is_dir) {
        dir->ndirs--;
        node->parent = NULL;
    }
    node->nholds++;
    node->nentries--;
    tern_vdir_let_go(vdir, node);
}

PortError tern_vdir_make(WasiVdir *vdir, const VPlace *place, bool is_dir, VNode **out)
{
    if (!charge(vdir, sizeof(VNode))) return PORT_E_NOSPC;
    VNode *node = tern_alloc_zeroed(vdir->alloc, 1, sizeof *node);
    if (node == NULL) {
        vdir->used_bytes -= sizeof *node;
        return PORT_E_NOSPC;
    }
    u64 now = tern_vdir_now();
    *node = (VNode){.is_dir = is_dir, .inode = vdir->next_inode++, .atime_ns = now, .mtime_ns = now, .ctime_ns = now,
                    .next_cookie = VDIR_COOKIE_FIRST};
    if (place == NULL) { /* the top */
        node->parent = node;
        *out = node;
        return PORT_OK;
    }
    PortError error = tern_vdir_add(vdir, place, node);
    if (error == PORT_OK) *out = node;
    else free_node(vdir, node);
    return error;
}

/* --- contents --------------------------------------------------------------------------------------- */

static bool set_cap(WasiVdir *vdir, VNode *file, u64 cap)
{
    u64 old = file->cap_bytes;
    if (cap > SIZE_MAX) return false;
    if (cap > old && !charge(vdir, cap - old)) return false;
    u8 *bytes = tern_realloc(vdir->alloc, file->bytes, (size_t)old, (size_t)cap);
    if (bytes == NULL && cap != 0) {
        if (cap > old) vdir->used_bytes -= cap - old;
        return false;
    }
    if (cap < old) vdir->used_bytes -= old - cap;
    file->bytes = bytes;
    file->cap_bytes = cap;
    return true;
}

PortError tern_vdir_resize(WasiVdir *vdir, VNode *file, u64 size)
{
    if (size > INT64_MAX) return PORT_E_FBIG;
    if (size > file->cap_bytes) {
        /* Half as much again, so that many small writes copy little; or what is wanted, where that is too much. */
        u64 more = u64_max(size, u64_max(FILE_CAP_MIN, file->cap_bytes + file->cap_bytes / 2));
        if (!set_cap(vdir, file, more) && !set_cap(vdir, file, size)) return PORT_E_NOSPC;
    } else if (size < file->cap_bytes / 2) {
        (void)set_cap(vdir, file, size);
    }
    if (size > file->size_bytes) memset(file->bytes + file->size_bytes, 0, (size_t)(size - file->size_bytes));
    file->size_bytes = size;
    vdir_touch(file);
    return PORT_OK;
}

/* --- paths ------------------------------------------------------------------------------------------ */

PortError tern_vdir_find(WasiVdir *vdir, VNode *start, const char *path, VPlace *out)
{
    if (path[0] == '\0') return PORT_E_NOENT;
    if (path[0] == '/') return PORT_E_PERM;
    VNode *dir = start;
    u32 depth = 0; /* below start */
    for (const char *p = path;;) {
        size_t size = strcspn(p, "/");
        if (size > NAME_MAX_BYTES) return PORT_E_NAMETOOLONG;
        const char *rest = p + size;
        bool has_slash = *rest == '/';
        while (*rest == '/') rest++;
        bool is_last = *rest == '\0';
        bool is_up = size == 2 && p[0] == '.' && p[1] == '.', is_here = size == 1 && p[0] == '.';
        *out = (VPlace){.dir = dir, .name = p, .name_size = (u32)size, .has_slash = has_slash};
        if (is_up && (depth == 0 || dir->parent == NULL)) return depth == 0 ? PORT_E_PERM : PORT_E_NOENT;
        if (is_up) {
            dir = dir->parent;
            depth--;
        } else if (!is_here) {
            out->entry = find_entry(vdir, dir, p, (u32)size);
            out->node = out->entry != NULL ? out->entry->node : NULL;
            if (is_last) return PORT_OK;
            if (out->node == NULL) return PORT_E_NOENT;
            if (!out->node->is_dir) return PORT_E_NOTDIR;
            dir = out->node;
            depth++;
        }
        if (is_last) {
            *out = (VPlace){.dir = dir, .node = dir, .has_slash = true, .is_dot = true};
            return PORT_OK;
        }
        p = rest;
    }
}

/* --- the host's side -------------------------------------------------------------------------------- */

WasiVdir *tern_wasi_vdir_new(Alloc *alloc, u64 limit_bytes)
{
    WasiVdir *vdir = tern_alloc_zeroed(alloc, 1, sizeof *vdir);
    if (vdir == NULL) return NULL;
    vdir->alloc = alloc;
    vdir->nrefs = 1;
    vdir->next_inode = 1;
    vdir->nbuckets = BUCKETS_MIN;
    vdir->buckets = tern_alloc_zeroed(alloc, vdir->nbuckets, sizeof *vdir->buckets);
    bool ok = vdir->buckets != NULL && tern_port_random(&vdir->device, sizeof vdir->device) &&
              tern_port_random(&vdir->seed, sizeof vdir->seed) &&
              tern_vdir_make(vdir, NULL, true, &vdir->top) == PORT_OK;
    vdir->used_bytes = 0; /* the limit is for what is put in */
    vdir->limit_bytes = limit_bytes;
    if (ok) {
        tern_port_mutex_init(&vdir->lock);
        return vdir;
    }
    if (vdir->buckets != NULL) tern_free(alloc, vdir->buckets, (size_t)vdir->nbuckets * sizeof *vdir->buckets);
    tern_free(alloc, vdir, sizeof *vdir);
    return NULL;
}

void tern_wasi_vdir_hold(WasiVdir *vdir) { __atomic_add_fetch(&vdir->nrefs, 1, __ATOMIC_RELAXED); }

static void remove_under(WasiVdir *vdir, VNode *dir);

void tern_vdir_drop(WasiVdir *vdir)
{
    if (__atomic_sub_fetch(&vdir->nrefs, 1, __ATOMIC_ACQ_REL) != 0) return;
    Alloc *alloc = vdir->alloc;
    remove_under(vdir, vdir->top);
    tern_free(alloc, vdir->top, sizeof *vdir->top);
    tern_free(alloc, vdir->buckets, (size_t)vdir->nbuckets * sizeof *vdir->buckets);
    tern_port_mutex_done(&vdir->lock);
    tern_free(alloc, vdir, sizeof *vdir);
}

void tern_wasi_vdir_free(WasiVdir *vdir)
{
    if (vdir != NULL) tern_vdir_drop(vdir);
}

static PortError put(WasiVdir *vdir, const char *path, const void *bytes, size_t size)
{
    VPlace place;
    PortError error = tern_vdir_find(vdir, vdir->top, path, &place);
    if (error != PORT_OK) return error;
    if (place.has_slash || (place.node != NULL && place.node->is_dir)) return PORT_E_ISDIR;
    VNode *file = place.node;
    bool is_new = file == NULL;
    if (is_new) error = tern_vdir_make(vdir, &place, false, &file);
    if (error != PORT_OK) return error;
    error = tern_vdir_resize(vdir, file, size);
    if (error == PORT_OK && size > 0) memcpy(file->bytes, bytes, size);
    if (error != PORT_OK && is_new) tern_vdir_unlink(vdir, place.dir->last);
    return error;
}

PortError tern_wasi_vdir_put(WasiVdir *vdir, const char *path, const void *bytes, size_t size)
{
    tern_port_mutex_lock(&vdir->lock);
    PortError error = put(vdir, path, bytes, size);
    tern_port_mutex_unlock(&vdir->lock);
    return error;
}

/* Each part of the path is found or made; ".." is among them. */
static PortError make_dirs(WasiVdir *vdir, const char *path)
{
    char part[PORT_PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof part) return PORT_E_NAMETOOLONG;
    VPlace place;
    PortError error = size == 0 ? PORT_E_NOENT : PORT_OK;
    for (size_t end = 0; error == PORT_OK && end < size;) {
        end += strspn(path + end, "/");
        end += strcspn(path + end, "/");
        memcpy(part, path, end);
        part[end] = '\0';
        error = tern_vdir_find(vdir, vdir->top, part, &place);
        if (error != PORT_OK) break;
        if (place.node == NULL) error = tern_vdir_make(vdir, &place, true, &place.node);
        else if (!place.node->is_dir) error = PORT_E_NOTDIR;
    }
    return error;
}

PortError tern_wasi_vdir_make_dirs(WasiVdir *vdir, const char *path)
{
    tern_port_mutex_lock(&vdir->lock);
    PortError error = make_dirs(vdir, path);
    tern_port_mutex_unlock(&vdir->lock);
    return error;
}

/* The file or directory of that path. */
static PortError find_node(WasiVdir *vdir, const char *path, VPlace *place, bool is_dir)
{
    PortError error = tern_vdir_find(vdir, vdir->top, path, place);
    if (error != PORT_OK) return error;
    if (place->node == NULL) return PORT_E_NOENT;
    if (is_dir != place->node->is_dir) return is_dir ? PORT_E_NOTDIR : PORT_E_ISDIR;
    return place->has_slash && !is_dir ? PORT_E_NOTDIR : PORT_OK;
}

PortError tern_wasi_vdir_get(WasiVdir *vdir, const char *path, u64 offset, void *buf, size_t size, size_t *done,
                             u64 *file_size)
{
    VPlace place;
    size_t n = 0;
    tern_port_mutex_lock(&vdir->lock);
    PortError error = find_node(vdir, path, &place, false);
    if (error == PORT_OK) {
        const VNode *file = place.node;
        if (offset < file->size_bytes) n = (size_t)u64_min(size, file->size_bytes - offset);
        if (n > 0) memcpy(buf, file->bytes + offset, n);
        if (file_size != NULL) *file_size = file->size_bytes;
    }
    tern_port_mutex_unlock(&vdir->lock);
    if (done != NULL) *done = n;
    return error;
}

/* Goes down and up again instead of calling itself: a guest may have nested as deep as it likes. */
static void remove_under(WasiVdir *vdir, VNode *dir)
{
    VNode *at = dir;
    for (;;) {
        if (at->first != NULL && at->first->node->is_dir && at->first->node->first != NULL) {
            at = at->first->node;
        } else if (at->first != NULL) {
            tern_vdir_unlink(vdir, at->first);
        } else if (at != dir) {
            at = at->parent;
        } else {
            return;
        }
    }
}

PortError tern_wasi_vdir_remove(WasiVdir *vdir, const char *path)
{
    VPlace place;
    tern_port_mutex_lock(&vdir->lock);
    PortError error = tern_vdir_find(vdir, vdir->top, path, &place);
    if (error == PORT_OK && place.node == NULL) error = PORT_E_NOENT;
    if (error == PORT_OK && place.is_dot) error = PORT_E_INVAL;
    if (error == PORT_OK && place.has_slash && !place.node->is_dir) error = PORT_E_NOTDIR;
    if (error == PORT_OK) {
        if (place.node->is_dir) remove_under(vdir, place.node);
        tern_vdir_unlink(vdir, place.entry);
    }
    tern_port_mutex_unlock(&vdir->lock);
    return error;
}

PortError tern_wasi_vdir_list(WasiVdir *vdir, const char *path,
                              bool (*each)(void *user, const WasiVdirEntry *entry), void *user)
{
    VPlace place;
    tern_port_mutex_lock(&vdir->lock);
    PortError error = find_node(vdir, path, &place, true);
    for (const VEntry *e = error == PORT_OK ? place.node->first : NULL; e != NULL; e = e->after) {
        WasiVdirEntry entry = {e->name, e->node->is_dir, e->node->size_bytes};
        if (!each(user, &entry)) break;
    }
    tern_port_mutex_unlock(&vdir->lock);
    return error;
}

u64 tern_wasi_vdir_used(WasiVdir *vdir)
{
    tern_port_mutex_lock(&vdir->lock);
    u64 used = vdir->used_bytes;
    tern_port_mutex_unlock(&vdir->lock);
    return used;
}

const char *tern_wasi_error_text(PortError error)
{
    switch (error) {
    case PORT_OK: return "success";
    case PORT_E_NOENT: return "no such file or directory";
    case PORT_E_NOTDIR: return "not a directory";
    case PORT_E_ISDIR: return "it is a directory";
    case PORT_E_PERM: return "the path leaves the directory, or is absolute";
    case PORT_E_NOSPC: return "the size limit is reached, or there is no memory";
    case PORT_E_NAMETOOLONG: return "the name is too long";
    case PORT_E_INVAL: return "invalid argument";
    case PORT_E_FBIG: return "too large for a file";
    default: return "error";
    }
}
