/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vdir_tree.h - the tree behind vdir.h: nodes, the entries that name them, and finding one by a path. Internal to
 * vdir.c and vdir_fd.c; everything here is done under the tree's lock.
 *
 * A node is a file or directory, an entry a name of it in a directory. A file may have several entries, a
 * directory has one. A node goes when no entry names it and no descriptor holds it. All entries are also in one
 * hash table, so that finding a name takes the same time in a directory of any size.
 */
#ifndef TERN_WASI_VDIR_TREE_H
#define TERN_WASI_VDIR_TREE_H

#include "port/port.h"
#include "wasi/vdir.h"

typedef struct VEntry VEntry;
typedef struct VNode VNode;

struct VEntry {
    VEntry *next_in_bucket;
    VEntry *before, *after; /* in its directory, oldest first */
    VNode *dir, *node;
    u64 cookie;             /* where a listing goes on behind it; grows along the list */
    u32 name_size;
    char name[];            /* NUL-terminated */
};

struct VNode {
    bool is_dir;
    u32 nentries;
    u32 nholds; /* descriptors */
    u64 inode;
    u64 atime_ns, mtime_ns, ctime_ns;
    /* a directory's */
    VNode *parent; /* the top's is itself; of one that was removed NULL */
    VEntry *first, *last;
    VEntry *hint;  /* where a listing stopped, or NULL */
    u64 next_cookie;
    u32 ndirs;     /* in it */
    /* a file's */
    u8 *bytes;
    u64 size_bytes, cap_bytes;
};

struct WasiVdir {
    Alloc *alloc;
    Mutex lock;
    u32 nrefs; /* the host's, and one for each descriptor */
    u64 device, next_inode;
    u64 seed;   /* of the hash table, which guests choose names for; they see device */
    u64 limit_bytes, used_bytes;
    VNode *top;
    VEntry **buckets;
    u64 nbuckets, nentries; /* a power of two */
};

#define VDIR_COOKIE_FIRST 3u /* 1 is behind ".", 2 behind ".." */

/* Where a path ends. */
typedef struct VPlace {
    VNode *dir;       /* what the last name is in */
    const char *name; /* in the path; not NUL-terminated */
    u32 name_size;
    VEntry *entry;    /* of that name, or NULL */
    VNode *node;      /* what is there, or NULL */
    bool has_slash;   /* the path said that it is a directory */
    bool is_dot;      /* the path ended in "." or "..": node is the directory, and entry NULL */
} VPlace;

/* As the walk of port/posix/path.c answers, for a tree without links. */
PortError tern_vdir_find(WasiVdir *vdir, VNode *start, const char *path, VPlace *out);

/* A file or directory at a free place. */
PortError tern_vdir_make(WasiVdir *vdir, const VPlace *place, bool is_dir, VNode **out);
/* One more name for a node, at a free place. */
PortError tern_vdir_add(WasiVdir *vdir, const VPlace *place, VNode *node);
/* Takes a name away, and the node if that was the last of it. */
void tern_vdir_unlink(WasiVdir *vdir, VEntry *entry);
/* One holder less. */
void tern_vdir_let_go(WasiVdir *vdir, VNode *node);
/* What is new reads as zero. NOSPC, FBIG. */
PortError tern_vdir_resize(WasiVdir *vdir, VNode *file, u64 size);

/* One reference less; not under the lock. */
void tern_vdir_drop(WasiVdir *vdir);

u64 tern_vdir_now(void);
static inline void vdir_touch(VNode *node) { node->mtime_ns = node->ctime_ns = tern_vdir_now(); }

#endif
