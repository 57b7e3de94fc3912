/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - several instances of a module, linked to an instance of another. With tern.h: linking is by instance
 * there, so that each store has its own library; wasm_export.h links modules, by name and for the whole process.
 * instances counter.wasm guest.wasm */
#include <tern.h>

#include "../file.h"

/* What is common to all instances is in the definition's user, what belongs to one is in tern_instance_user. */
static bool report(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)user, (void)results;
    printf("  %s: number %u, at work for the %u. time\n", (const char *)tern_instance_user(caller),
           args[0].of.i32, args[1].of.i32);
    return true;
}

static tern_module *load(tern_engine *engine, const char *path)
{
    uint32_t size;
    tern_error error;
    uint8_t *wasm = file_read(path, &size);
    if (wasm == NULL) return NULL;
    tern_module *module = tern_module_load(engine, wasm, size, &error);
    free(wasm);
    if (module == NULL) fprintf(stderr, "%s: %s\n", path, error.text);
    return module;
}

/* A store, a counter in it, and two guests that share the counter. */
static bool run_group(tern_engine *engine, tern_module *counter, tern_module *guest,
                      const char *names[2])
{
    tern_error error = {0};
    bool is_ok = false;
    tern_instance *library = NULL, *guests[2] = {NULL, NULL};
    tern_store *store = tern_store_create(engine, NULL);
    tern_linker *linker = tern_linker_create(engine);
    tern_config config = TERN_CONFIG_DEFAULT;
    config.store = store;
    config.linker = linker;
    if (store == NULL || linker == NULL) goto end;
    if (!tern_linker_define_func(linker, "env", "report", "(param i32 i32)", report, NULL, &error))
        goto end;

    char missing[256];
    if (tern_linker_missing(linker, guest, missing, sizeof missing) > 0)
        printf("still missing: %s", missing);
    library = tern_instance_create(counter, &config, &error);
    if (library == NULL || !tern_linker_define_instance(linker, "counter", library, &error))
        goto end;

    for (int i = 0; i < 2; i++) {
        config.user = (void *)names[i];
        guests[i] = tern_instance_create(guest, &config, &error);
        if (guests[i] == NULL) goto end;
    }
    is_ok = true;
    for (int i = 0; is_ok && i < 4; i++)
        is_ok = tern_instance_call(guests[i % 2], "work", NULL, 0, NULL, 0, &error) == TERN_OK;
end:
    if (!is_ok)
        fprintf(stderr, "%s\n", error.kind != TERN_ERROR_NONE ? error.text : "trap, or no memory");
    for (int i = 0; i < 2; i++) tern_instance_destroy(guests[i]);
    tern_instance_destroy(library);
    tern_linker_destroy(linker);
    tern_store_destroy(store);
    return is_ok;
}

int main(int argc, char **argv)
{
    if (argc != 3) return fprintf(stderr, "usage: instances counter.wasm guest.wasm\n"), 2;
    tern_engine *engine = tern_engine_create();
    if (engine == NULL) return fprintf(stderr, "no memory\n"), 1;
    tern_module *counter = load(engine, argv[1]);
    tern_module *guest = load(engine, argv[2]);
    bool is_ok = counter != NULL && guest != NULL &&
                 run_group(engine, counter, guest, (const char *[]){"anna", "bert"}) &&
                 run_group(engine, counter, guest,
                           (const char *[]){"carl", "dora"}); /* counts from 1 again */
    tern_module_unload(guest);
    tern_module_unload(counter);
    tern_engine_destroy(engine);
    return is_ok ? 0 : 1;
}
