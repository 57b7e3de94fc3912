/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_vdir.c - include/tern.h: directories in memory. */
#include "api/tern_handles.h"

struct tern_vdir {
    tern_engine *engine;
    WasiVdir *inside;
};

WasiVdir *tern_vdir_inside(tern_vdir *vdir) { return vdir != NULL ? vdir->inside : NULL; }

tern_vdir *tern_vdir_create(tern_engine *engine, uint64_t max_bytes)
{
    tern_vdir *vdir = tern_alloc_zeroed(engine->alloc, 1, sizeof *vdir);
    if (vdir == NULL) return NULL;
    vdir->engine = engine;
    vdir->inside = tern_wasi_vdir_new(engine->alloc, max_bytes == TERN_UNLIMITED ? 0 : u64_max(max_bytes, 1));
    if (vdir->inside != NULL) return vdir;
    tern_free(engine->alloc, vdir, sizeof *vdir);
    return NULL;
}

void tern_vdir_destroy(tern_vdir *vdir)
{
    if (vdir == NULL) return;
    tern_wasi_vdir_free(vdir->inside);
    tern_free(vdir->engine->alloc, vdir, sizeof *vdir);
}

static bool is_lack_of_room(PortError result)
{
    return result == PORT_E_NOMEM || result == PORT_E_NOSPC;
}

/* The directories that path's last part lies in. */
static PortError make_parents(tern_vdir *vdir, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) return PORT_OK;
    size_t size = (size_t)(slash - path);
    char *parent = tern_alloc(vdir->engine->alloc, size + 1);
    if (parent == NULL) return PORT_E_NOMEM;
    memcpy(parent, path, size);
    parent[size] = '\0';
    PortError result = tern_wasi_vdir_make_dirs(vdir->inside, parent);
    tern_free(vdir->engine->alloc, parent, size + 1);
    return result;
}

bool tern_vdir_put(tern_vdir *vdir, const char *path, const void *bytes, size_t size, tern_error *error)
{
    PortError result = make_parents(vdir, path);
    if (result == PORT_OK) result = tern_wasi_vdir_put(vdir->inside, path, bytes, size);
    if (result == PORT_OK) return true;
    tern_error_say(error, is_lack_of_room(result) ? TERN_ERROR_RESOURCE : TERN_ERROR_USAGE, "%.200s: %s", path,
                   tern_wasi_error_text(result));
    return false;
}

/* The copy lies behind its block's size. */
typedef union Header {
    size_t size;
    _Alignas(16) u8 pad[16];
} Header;

bool tern_vdir_get(tern_vdir *vdir, const char *path, void **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    u64 want = 0;
    size_t done;
    if (tern_wasi_vdir_get(vdir->inside, path, 0, NULL, 0, &done, &want) != PORT_OK) return false;
    for (;;) { /* it may grow meanwhile */
        u64 block;
        if (!u64_add(want, sizeof(Header) + 1, &block) || block > SIZE_MAX) return false;
        Header *header = tern_alloc(vdir->engine->alloc, (size_t)block);
        if (header == NULL) return false;
        header->size = (size_t)block;
        u64 have = 0;
        PortError result = tern_wasi_vdir_get(vdir->inside, path, 0, header + 1, (size_t)want, &done, &have);
        if (result == PORT_OK && have <= want) {
            ((char *)(header + 1))[done] = '\0';
            *bytes = header + 1;
            *size = done;
            return true;
        }
        tern_free(vdir->engine->alloc, header, header->size);
        if (result != PORT_OK) return false;
        want = have;
    }
}

void tern_vdir_free_bytes(tern_vdir *vdir, void *bytes)
{
    if (bytes == NULL) return;
    Header *header = (Header *)bytes - 1;
    tern_free(vdir->engine->alloc, header, header->size);
}
