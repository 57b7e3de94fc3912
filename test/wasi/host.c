/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - runs one program for the WASI conformance suite: as `tern run`, and with the way paths are
 * resolved chosen, or with its directories copied to memory.
 *
 *   wasi-host [--walk | --memory] [--dir HOST::GUEST]... [--env K=V]... FILE [ARGS...] */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tern.h>

#include "api/tern_handles.h"
#include "wasi/context.h"

#define LIST_MAX 64

typedef struct Arguments {
    bool walk, memory;
    tern_dir dirs[LIST_MAX];
    const char *env[LIST_MAX];
    u32 ndirs, nenv;
    const char *path;
    const char *const *argv;
    u32 argc;
} Arguments;

static bool parse(int argc, char **argv, Arguments *a)
{
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--walk") == 0 || strcmp(argv[i], "--memory") == 0) {
            *(argv[i][2] == 'w' ? &a->walk : &a->memory) = true;
            continue;
        }
        if (i + 1 == argc || a->ndirs == LIST_MAX || a->nenv == LIST_MAX) return false;
        char *value = argv[i + 1];
        if (strcmp(argv[i], "--dir") == 0) {
            char *split = strstr(value, "::");
            if (split == NULL) return false;
            *split = '\0';
            a->dirs[a->ndirs++] = (tern_dir){.host = value, .guest = split + 2};
        } else if (strcmp(argv[i], "--env") == 0) {
            a->env[a->nenv++] = value;
        } else {
            return false;
        }
        i++;
    }
    if (i >= argc) return false;
    a->path = argv[i];
    a->argv = (const char *const *)&argv[i];
    a->argc = (u32)(argc - i);
    return true;
}

static u8 *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    size_t cap = 16u << 20;
    u8 *bytes = malloc(cap);
    *size = bytes != NULL ? fread(bytes, 1, cap, file) : 0;
    fclose(file);
    return bytes;
}

/* What is in the directory at from, files and directories, to the one at to; "" is the top. */
static bool copy_in(WasiVdir *vdir, const char *from, const char *to)
{
    DIR *dir = opendir(from);
    bool ok = dir != NULL && (to[0] == '\0' || tern_wasi_vdir_make_dirs(vdir, to) == PORT_OK);
    for (const struct dirent *entry; ok && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char source[4096], target[4096];
        snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf(target, sizeof target, "%s%s%s", to, to[0] == '\0' ? "" : "/", entry->d_name);
        if (entry->d_type == DT_DIR) {
            ok = copy_in(vdir, source, target);
            continue;
        }
        size_t size = 0;
        u8 *bytes = read_file(source, &size);
        ok = bytes != NULL && tern_wasi_vdir_put(vdir, target, bytes, size) == PORT_OK;
        free(bytes);
    }
    if (dir != NULL) closedir(dir);
    return ok;
}

/* In the place of a directory that the instance has open already. */
static bool use_memory(Wasi *wasi, u32 number, const char *from)
{
    WasiVdir *vdir = tern_wasi_vdir_new(wasi->alloc, 0);
    WasiFd *fd = wasi->fds.items[number];
    if (vdir == NULL || !copy_in(vdir, from, "")) return false;
    fd->ops->close(fd);
    bool ok = tern_wasi_vdir_open(vdir, fd) == PORT_OK;
    tern_wasi_vdir_free(vdir); /* the descriptor holds it */
    return ok;
}

static int run(tern_instance *instance, tern_error *error)
{
    tern_status status = tern_instance_run(instance, error);
    if (status == TERN_OK) return 0;
    if (status == TERN_EXITED) return (int)(tern_instance_exit_code(instance) & 0xff);
    tern_trap trap;
    const char *why = status == TERN_TRAPPED && tern_instance_trap(instance, &trap) ? trap.text : error->text;
    fprintf(stderr, "wasi-host: %s\n", why);
    return 134;
}

int main(int argc, char **argv)
{
    Arguments a = {0};
    if (!parse(argc, argv, &a)) {
        fputs("usage: wasi-host [--walk | --memory] [--dir HOST::GUEST]... [--env K=V]... FILE [ARGS...]\n", stderr);
        return 2;
    }
    tern_config config = TERN_CONFIG_DEFAULT;
    config.argv = a.argv;
    config.argc = a.argc;
    config.env = a.env;
    config.nenv = a.nenv;
    config.dirs = a.dirs;
    config.ndirs = a.ndirs;

    size_t size = 0;
    u8 *bytes = read_file(a.path, &size);
    tern_error error = {.text = "cannot read the file"};
    tern_engine *engine = tern_engine_create();
    tern_module *module = bytes != NULL ? tern_module_load(engine, bytes, size, &error) : NULL;
    tern_instance *instance = module != NULL ? tern_instance_create(module, &config, &error) : NULL;
    int code = 3;
    if (instance != NULL) {
        if (a.walk) instance->wasi->walks_paths = true;
        bool ok = true;
        for (u32 i = 0; ok && a.memory && i < a.ndirs; i++) ok = use_memory(instance->wasi, 3 + i, a.dirs[i].host);
        if (!ok) fputs("wasi-host: copying to memory failed\n", stderr);
        code = !ok ? 3 : run(instance, &error);
    } else {
        fprintf(stderr, "wasi-host: %s: %s\n", a.path, error.text);
    }
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    free(bytes);
    return code;
}
