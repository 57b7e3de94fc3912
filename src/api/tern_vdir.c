/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_vdir.c - include/tern.h: directories in memory. This build has none. */
#include "api/tern_handles.h"

WasiVdir *tern_vdir_inside(tern_vdir *vdir)
{
    (void)vdir;
    return NULL;
}

tern_vdir *tern_vdir_create(tern_engine *engine, uint64_t max_bytes)
{
    (void)engine, (void)max_bytes;
    return NULL;
}

void tern_vdir_destroy(tern_vdir *vdir) { (void)vdir; }

bool tern_vdir_put(tern_vdir *vdir, const char *path, const void *bytes, size_t size, tern_error *error)
{
    (void)vdir, (void)path, (void)bytes, (void)size;
    tern_error_say(error, TERN_ERROR_RESOURCE, "this build has no directories in memory");
    return false;
}

bool tern_vdir_get(tern_vdir *vdir, const char *path, void **bytes, size_t *size)
{
    (void)vdir, (void)path, (void)bytes, (void)size;
    return false;
}

void tern_vdir_free_bytes(tern_vdir *vdir, void *bytes) { (void)vdir, (void)bytes; }
