/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* iwasm_lib.c - what iwasm adds to a module from outside: functions of shared libraries (--native-lib), and modules
 * that it imports (--module-path).
 *
 * A native library exports
 *     uint32_t get_native_lib(char **module_name, NativeSymbol **symbols);  how many symbols
 *     int init_native_lib(void);       if it has one, called first; 0 is success
 *     void deinit_native_lib(void);    if it has one, called last
 * and calls wasm_runtime_* of this program, which exports them. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "iwasm.h"

struct NativeLib {
    NativeLib *next;
    void *handle;
    void (*deinit)(void); /* or NULL */
    char *module_name;
    NativeSymbol *symbols;
};

__attribute__((format(printf, 1, 2)))
static void warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("warning: ", stderr);
    vfprintf(stderr, format, args);
    putc('\n', stderr);
    va_end(args);
}

/* The address of a function as the pointer it is: ISO C has no cast for that. */
static void find(void *handle, const char *name, void *function)
{
    void *address = dlsym(handle, name);
    memcpy(function, &address, sizeof address);
}

static bool offer(NativeLib *lib, const char *name)
{
    uint32_t (*get)(char **, NativeSymbol **);
    int (*init)(void);
    find(lib->handle, "get_native_lib", &get);
    find(lib->handle, "init_native_lib", &init);
    find(lib->handle, "deinit_native_lib", &lib->deinit);
    if (get == NULL) {
        warn("failed to lookup `get_native_lib` function from native lib %s", name);
        return false;
    }
    int status = init != NULL ? init() : 0;
    if (status != 0) {
        warn("`init_native_lib` function from native lib %s failed with %d", name, status);
        return false;
    }
    uint32_t n = get(&lib->module_name, &lib->symbols);
    if (n > 0 && lib->module_name != NULL && lib->symbols != NULL &&
        wasm_runtime_register_natives(lib->module_name, lib->symbols, n))
        return true;
    warn("failed to register native lib %s", name);
    if (lib->deinit != NULL) lib->deinit();
    return false;
}

static NativeLib *load(const char *name)
{
    NativeLib *lib = calloc(1, sizeof *lib);
    if (lib == NULL) return NULL;
    lib->handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
    if (lib->handle == NULL) lib->handle = dlopen(name, RTLD_LAZY);
    if (lib->handle == NULL) {
        const char *why = dlerror();
        warn("failed to load native library %s: %s", name, why != NULL ? why : "no reason given");
    } else if (offer(lib, name)) {
        return lib;
    }
    if (lib->handle != NULL) dlclose(lib->handle);
    free(lib);
    return NULL;
}

NativeLib *iwasm_libs_load(const StringList *names)
{
    NativeLib *libs = NULL;
    for (uint32_t i = 0; i < names->n; i++) {
        NativeLib *lib = load(names->items[i]);
        if (lib == NULL) continue;
        lib->next = libs;
        libs = lib;
    }
    return libs;
}

void iwasm_libs_unload(NativeLib *libs)
{
    while (libs != NULL) {
        NativeLib *lib = libs;
        libs = lib->next;
        wasm_runtime_unregister_natives(lib->module_name, lib->symbols);
        if (lib->deinit != NULL) lib->deinit();
        dlclose(lib->handle);
        free(lib);
    }
}

/* --- modules that modules import --------------------------------------------------------------------- */

static const char *module_folder;

/* The name comes from a module: one with a slash or dots in it could lead anywhere. */
static bool is_plain(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strstr(name, "..") == NULL;
}

static bool read_module(package_type_t type, const char *name, uint8_t **bytes, uint32_t *size)
{
    char path[4096];
    const char *ending = type == Wasm_Module_AoT ? "aot" : "wasm";
    int length = snprintf(path, sizeof path, "%s/%s.%s", module_folder, name, ending);
    if (!is_plain(name) || length < 0 || (size_t)length >= sizeof path) return false;
    size_t n = 0;
    *bytes = cli_read_file(path, &n);
    if (*bytes == NULL) return false;
    *size = (uint32_t)n;
    if (n <= UINT32_MAX) return true;
    free(*bytes);
    return false;
}

static void free_module(uint8_t *bytes, uint32_t size)
{
    (void)size;
    free(bytes);
}

void iwasm_set_module_path(const char *folder)
{
    module_folder = folder;
    wasm_runtime_set_module_reader(read_module, free_module);
}
