/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - guests that may not run for ever: a timeout in real time, and fuel, which counts instructions and so ends
 * at the same place on every machine. With tern.h, which has both; with wasm_export.h a thread of the host's and
 * wasm_runtime_terminate do it, as in examples/terminate. deadline guest.wasm */
#include <tern.h>

#include "../file.h"

/* Calls name(rounds), or name() if nargs is 0, and says how it ended. */
static tern_status call(tern_instance *instance, const char *name, uint32_t nargs, uint32_t rounds)
{
    tern_error error;
    tern_trap trap;
    tern_value arg = {TERN_I32, {.i32 = rounds}}, result;
    tern_status status = tern_instance_call(instance, name, &arg, nargs, &result, nargs, &error);
    if (status == TERN_OK)
        printf("%s(%u) is %08x\n", name, rounds, result.of.i32);
    else if (status == TERN_TRAPPED && tern_instance_trap(instance, &trap))
        printf("%s: %s: %s\n", name, trap.code, trap.text);
    else
        fprintf(stderr, "%s: %s\n", name, error.text);
    return status;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL) return 1;
    tern_error error;
    tern_engine *engine = tern_engine_create();
    if (engine == NULL) return fprintf(stderr, "no memory\n"), 1;
    tern_module *module = tern_module_load(engine, wasm, size, &error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error.text), 1;
    tern_instance *instance = tern_instance_create(module, NULL, &error);
    if (instance == NULL) return fprintf(stderr, "%s\n", error.text), 1;

    /* Every call may take half a second. Each has its own: nothing is to be done between them. */
    if (!tern_instance_set_timeout(instance, 500 * 1000000ull, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    bool is_ok =
        call(instance, "spin", 0, 0) == TERN_TRAPPED && call(instance, "work", 1, 100) == TERN_OK;
    if (!tern_instance_set_timeout(instance, TERN_UNLIMITED, &error)) return 1;

    /* 10,000 instructions, for all calls together. */
    if (!tern_instance_set_fuel(instance, 10000)) return fprintf(stderr, "no memory\n"), 1;
    is_ok = is_ok && call(instance, "work", 1, 100) == TERN_OK;
    printf("that took %u units of fuel\n", (unsigned)(10000 - tern_instance_fuel(instance)));
    is_ok = is_ok && call(instance, "work", 1, 1000000) == TERN_TRAPPED;
    if (!tern_instance_set_fuel(instance, TERN_UNLIMITED)) return 1;
    is_ok = is_ok && call(instance, "work", 1, 1000000) == TERN_OK;

    tern_instance_destroy(instance);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return is_ok ? 0 : 1;
}
