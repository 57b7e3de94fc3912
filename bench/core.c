/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* core.c - the least that a program on the core does: load a module, instantiate it, call an export, with the
 * module's imports all functions that do nothing. bench/size says how large it is.
 *
 *   build/bench/core FILE.wasm EXPORT [I32...]
 *
 * On the internals, so that it gets neither the embedding API nor WASI. */
#include <stdio.h>
#include <stdlib.h>

#include "binary/decode.h"
#include "interp/interp.h"
#include "runtime/exec.h"

enum { MAX_BYTES = 64 << 20, MAX_IMPORTS = 64, MAX_ARGS = 16, MAX_RESULT_CELLS = 64 };

static int refuse(const char *why)
{
    fputs(why, stderr);
    fputc('\n', stderr);
    return 1;
}

static int refuse_diag(const Diag *diag)
{
    char text[256];
    tern_diag_format(diag, text, sizeof text);
    return refuse(text);
}

static TrapCode nothing(Exec *x, void *env, u64 *slots)
{
    (void)env;
    (void)slots;
    return x->trap.code;
}

static u8 *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    u8 *bytes = file != NULL ? malloc(MAX_BYTES) : NULL;
    if (bytes != NULL) *size = fread(bytes, 1, MAX_BYTES, file);
    if (file != NULL) fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 3 + MAX_ARGS) return refuse("core FILE.wasm EXPORT [I32...]");
    size_t size = 0;
    u8 *bytes = read_file(argv[1], &size);
    if (bytes == NULL) return refuse("cannot be read");

    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    Engine *engine = tern_engine_new(&(EngineOptions){.alloc = tern_port_system_alloc(), .features = FEATURES_ALL,
                                                      .tier = &tern_interp_tier});
    Store *store = engine != NULL ? tern_store_new(engine) : NULL;
    Exec *x = store != NULL ? tern_exec_new(store, 0) : NULL;
    if (x == NULL) return refuse("no memory");
    Module *module = tern_module_decode(engine->types, engine->options.alloc, bytes, size,
                                        &(DecodeOptions){.features = FEATURES_ALL}, &diag);
    if (module == NULL) return refuse_diag(&diag);

    Extern imports[MAX_IMPORTS];
    if (module->nimports > MAX_IMPORTS) return refuse("too many imports");
    for (u32 i = 0; i < module->nimports; i++) {
        if (module->imports[i].kind != EXTERN_FUNC) return refuse("imports more than functions");
        imports[i].kind = EXTERN_FUNC;
        imports[i].u.func = tern_func_new(store, module->funcs[module->imports[i].index].type_id, nothing, NULL, NULL);
    }
    Instance *instance = tern_instance_new(store, module, imports, NULL, &diag, &trap);
    if (instance == NULL) return refuse_diag(&diag);

    Extern export = {0};
    Name name = {argv[2], (u32)strlen(argv[2])};
    if (!tern_instance_find_export(instance, name, &export) || export.kind != EXTERN_FUNC)
        return refuse("no such function");
    u64 cells[MAX_RESULT_CELLS] = {0};
    const FuncType *type = export.u.func->type;
    if (type->param_cells > MAX_ARGS || type->result_cells > MAX_RESULT_CELLS) return refuse("too many values");
    for (int i = 3; i < argc; i++) cells[i - 3] = (u32)strtoul(argv[i], NULL, 0);
    trap = tern_instance_start(instance, x);
    if (trap == TRAP_NONE) trap = tern_exec_call(x, export.u.func, cells, cells);
    if (trap != TRAP_NONE) return refuse(tern_trap_text(trap));
    for (u32 i = 0; i < type->result_cells; i++) printf("%llu\n", (unsigned long long)cells[i]);

    tern_exec_free(x);
    tern_store_free(store);
    tern_module_release(module);
    tern_engine_free(engine);
    free(bytes);
    return 0;
}
