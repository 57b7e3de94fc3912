/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* vdir.h - a directory in memory: made and filled by the host, given to guests like one of the machine's
 * (WasiDir.vdir), and looked into by the host at any time.
 *
 * Paths are as in port/file.h: relative, their parts separated by '/', and they cannot leave the directory; there
 * are no symbolic links. What a guest does counts against the limit, names and empty files included.
 *
 * Everything here is thread-safe, one lock a tree: guests may be using it meanwhile, several of them at once.
 * It is counted: a guest that was given it keeps it alive.
 */
#ifndef TERN_WASI_VDIR_H
#define TERN_WASI_VDIR_H

#include "base/alloc.h"
#include "port/file.h"

typedef struct WasiVdir WasiVdir;

/* limit_bytes: of contents, names and bookkeeping together; 0: none. NULL: no memory, or no chance (the device
 * number is one). alloc must outlive it. */
WasiVdir *tern_wasi_vdir_new(Alloc *alloc, u64 limit_bytes);
/* The host's reference goes. NULL is allowed. */
void tern_wasi_vdir_free(WasiVdir *vdir);
void tern_wasi_vdir_hold(WasiVdir *vdir);

/* A file of these bytes, in the place of one that may be there; its directories must be. NOENT, NOTDIR, ISDIR,
 * PERM (outside), NOSPC (limit), NOMEM, NAMETOOLONG. */
PortError tern_wasi_vdir_put(WasiVdir *vdir, const char *path, const void *bytes, size_t size);
/* With the directories on the way to it; that it is there already is fine. */
PortError tern_wasi_vdir_make_dirs(WasiVdir *vdir, const char *path);
/* Copies what of [offset, offset + size) the file has to buf (may be NULL when size is 0); *file_size (may be
 * NULL) is all of it. */
PortError tern_wasi_vdir_get(WasiVdir *vdir, const char *path, u64 offset, void *buf, size_t size, size_t *done,
                             u64 *file_size);
/* A file, or a directory with all that is in it. */
PortError tern_wasi_vdir_remove(WasiVdir *vdir, const char *path);

typedef struct WasiVdirEntry {
    const char *name; /* good until each returns */
    bool is_dir;
    u64 size_bytes;
} WasiVdirEntry;

/* Calls each for the entries of a directory ("." is the top) in the order they were made, until it returns false.
 * The tree is locked meanwhile: each must not call anything here. */
PortError tern_wasi_vdir_list(WasiVdir *vdir, const char *path,
                              bool (*each)(void *user, const WasiVdirEntry *entry), void *user);

/* What counts against the limit. */
u64 tern_wasi_vdir_used(WasiVdir *vdir);

/* "no such file or directory"; static. */
const char *tern_wasi_error_text(PortError error);

#endif
