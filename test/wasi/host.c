/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - runs one program for the WASI conformance suite: as `tern run`, and with the way paths are
 * resolved chosen.
 *
 *   wasi-host [--walk] [--dir HOST::GUEST]... [--env K=V]... FILE [ARGS...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tern.h>

#include "api/tern_handles.h"
#include "wasi/context.h"

#define LIST_MAX 64

typedef struct Arguments {
    bool walk;
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
        if (strcmp(argv[i], "--walk") == 0) {
            a->walk = true;
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
        fputs("usage: wasi-host [--walk] [--dir HOST::GUEST]... [--env K=V]... FILE [ARGS...]\n", stderr);
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
        code = run(instance, &error);
    } else {
        fprintf(stderr, "wasi-host: %s: %s\n", a.path, error.text);
    }
    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    free(bytes);
    return code;
}
