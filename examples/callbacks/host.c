/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - the host calls functions that the guest subscribed, and the guest calls closures of the host's as if they
 * were function pointers of its own. With tern.h: its host functions have a user pointer, and its references keep
 * a function callable for as long as the host wants. callbacks guest.wasm */
#include <tern.h>

#include "../file.h"

enum { MAX_SUBSCRIBERS = 8 };

typedef struct Subscribers {
    tern_ref *callback[MAX_SUBSCRIBERS];
    uint32_t state[MAX_SUBSCRIBERS]; /* the guest's pointer, to be given back */
    int n;
} Subscribers;

static tern_value i32(uint32_t v) { return (tern_value){TERN_I32, {.i32 = v}}; }

/* subscribe(callback, state): a function pointer is an index into the guest's table. */
static bool subscribe(tern_instance *caller, void *user, const tern_value *args,
                      tern_value *results)
{
    (void)results;
    Subscribers *s = user;
    tern_table *table = tern_instance_table(caller, NULL);
    tern_ref *callback;
    if (s->n == MAX_SUBSCRIBERS) return tern_instance_fail(caller, "too many subscribers");
    if (table == NULL || !tern_table_get(table, args[0].of.i32, &callback) || callback == NULL)
        return tern_instance_fail(caller, "subscribe: this is no function");
    s->callback[s->n] = callback; /* ours until it is released */
    s->state[s->n++] = args[1].of.i32;
    return true;
}

/* A closure: what it adds is in user. */
static bool add(tern_instance *caller, void *user, const tern_value *args, tern_value *results)
{
    (void)caller;
    results[0].of.i32 = args[0].of.i32 + *(const uint32_t *)user;
    return true;
}

static int fail(tern_instance *instance, tern_status status, const tern_error *error)
{
    tern_trap trap;
    bool is_trap = status == TERN_TRAPPED && tern_instance_trap(instance, &trap);
    fprintf(stderr, "%s\n", is_trap ? trap.text : error->text);
    return 1;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    if (wasm == NULL) return 1;
    tern_error error = {0};
    tern_engine *engine = tern_engine_create();
    tern_linker *linker = engine != NULL ? tern_linker_create(engine) : NULL;
    if (linker == NULL) return fprintf(stderr, "no memory\n"), 1;
    tern_module *module = tern_module_load(engine, wasm, size, &error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error.text), 1;
    Subscribers subscribers = {0};
    if (!tern_linker_define_func(linker, "env", "subscribe", "(param i32 i32)", subscribe,
                                 &subscribers, &error))
        return fprintf(stderr, "%s\n", error.text), 1;
    tern_config config = TERN_CONFIG_DEFAULT;
    config.linker = linker;
    tern_instance *instance = tern_instance_create(module, &config, &error);
    if (instance == NULL) return fprintf(stderr, "%s\n", error.text), 1;

    /* The guest's functions, called by the host. */
    tern_status status = tern_instance_call(instance, "start", NULL, 0, NULL, 0, &error);
    for (uint32_t value = 1; value <= 5; value++)
        for (int i = 0; status == TERN_OK && i < subscribers.n; i++) {
            tern_value args[] = {i32(subscribers.state[i]), i32(value * value)};
            status = tern_ref_call(subscribers.callback[i], args, 2, NULL, 0, &error);
        }
    tern_value result;
    if (status == TERN_OK)
        status = tern_instance_call(instance, "total", NULL, 0, &result, 1, &error);
    if (status != TERN_OK) return fail(instance, status, &error);
    printf("%d subscribers; total %u, largest %u\n", subscribers.n, result.of.i32 / 1000,
           result.of.i32 % 1000);

    /* The host's closures, called by the guest: each a new element of its table. */
    tern_table *table = tern_instance_table(instance, NULL);
    uint32_t amounts[] = {1, 100};
    for (int i = 0; table != NULL && i < 2; i++) {
        tern_ref *closure = tern_func_create(tern_instance_store(instance),
                                             "(param i32) (result i32)", add, &amounts[i], &error);
        if (closure == NULL) return fprintf(stderr, "%s\n", error.text), 1;
        uint64_t index = tern_table_grow(table, 1, closure);
        tern_ref_release(closure); /* the table has it */
        if (index == UINT64_MAX) return fprintf(stderr, "the table does not grow\n"), 1;
        tern_value args[] = {i32((uint32_t)index), i32(1), i32(4)};
        status = tern_instance_call(instance, "map", args, 3, &result, 1, &error);
        if (status != TERN_OK) return fail(instance, status, &error);
        printf("1 2 3, each and %u: %u\n", amounts[i], result.of.i32);
    }

    for (int i = 0; i < subscribers.n; i++) tern_ref_release(subscribers.callback[i]);
    tern_instance_destroy(instance);
    tern_linker_destroy(linker);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return 0;
}
