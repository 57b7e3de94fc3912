/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* host.c - structs in the guest's memory: an array that both sides work on, and a struct that holds a pointer.
 * With wasm_export.h: the signature "(*~)" and module_malloc are what its users know. structs guest.wasm
 *
 * The rule: a struct that crosses has fields of fixed width, in an order that leaves no gaps, and the guest's
 * pointers are uint32_t. Guests are little-endian; so is this host. */
#include <string.h>
#include <wasm_export.h>

#include "../file.h"

struct reading {
    int64_t time;
    int32_t sensor;
    float celsius;
};

struct report {
    int32_t count;
    float lowest, highest;
    uint32_t comment; /* a guest's const char *: an address in its memory */
};

_Static_assert(sizeof(struct reading) == 16 && sizeof(struct report) == 16, "as in the guest");

/* "(*~)": a pointer and how many bytes lie there, checked. How many there should be is ours to check, and so is
 * every address inside; the guest could also have any alignment, so the struct is copied out. */
static void publish(wasm_exec_env_t env, const void *at, uint32_t size)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    struct report report;
    if (size != sizeof report) {
        wasm_runtime_set_exception(inst, "publish: this is no report");
        return;
    }
    memcpy(&report, at, sizeof report);
    if (!wasm_runtime_validate_app_str_addr(inst, report.comment)) return; /* traps in the guest */
    const char *comment = wasm_runtime_addr_app_to_native(inst, report.comment);
    printf("%d good readings, %.1f to %.1f: %s\n", report.count, (double)report.lowest,
           (double)report.highest, comment);
}

/* The readings go into one block of the guest's memory, and come back changed. */
static bool summarise(wasm_exec_env_t env, struct reading *readings, uint32_t n)
{
    wasm_module_inst_t inst = wasm_runtime_get_module_inst(env);
    wasm_function_inst_t function = wasm_runtime_lookup_function(inst, "summarise");
    if (function == NULL) return fprintf(stderr, "no summarise\n"), false;
    void *native;
    uint64_t block = wasm_runtime_module_malloc(inst, (uint64_t)n * sizeof *readings, &native);
    if (block == 0) return fprintf(stderr, "no room for %u readings\n", n), false;
    memcpy(native, readings, n * sizeof *readings);
    uint32_t cells[2] = {(uint32_t)block, n};
    bool is_ok = wasm_runtime_call_wasm(env, function, 2, cells);
    if (is_ok) /* the guest ran: ask for the pointer again, and it is right on any machine */
        memcpy(readings, wasm_runtime_addr_app_to_native(inst, block), n * sizeof *readings);
    else
        fprintf(stderr, "%s\n", wasm_runtime_get_exception(inst));
    wasm_runtime_module_free(inst, block);
    return is_ok;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint8_t *wasm = file_read(argc > 1 ? argv[1] : NULL, &size);
    static NativeSymbol natives[] = {{"publish", (void *)publish, "(*~)", NULL}};
    if (wasm == NULL || !wasm_runtime_init()) return 1;
    if (!wasm_runtime_register_natives("env", natives, 1)) return 1;

    char error[256] = "";
    wasm_module_t module = wasm_runtime_load(wasm, size, error, sizeof error);
    free(wasm);
    if (module == NULL) return fprintf(stderr, "%s\n", error), 1;
    /* 64 KiB of stack; 64 KiB inside the guest's memory to allocate from, as this guest has no malloc. */
    wasm_module_inst_t inst = wasm_runtime_instantiate(module, 65536, 65536, error, sizeof error);
    if (inst == NULL) return fprintf(stderr, "%s\n", error), 1;
    wasm_exec_env_t env = wasm_runtime_create_exec_env(inst, 65536);
    if (env == NULL) return fprintf(stderr, "no memory\n"), 1;

    struct reading readings[] = {
        {1700000000, 1, 21.5f}, {1700000060, 2, -999}, {1700000120, 3, 19.5f}};
    bool is_ok = summarise(env, readings, 1) && summarise(env, readings, 3);
    for (int i = 0; is_ok && i < 3; i++)
        printf("%lld: sensor %d\n", (long long)readings[i].time, readings[i].sensor);

    wasm_runtime_destroy_exec_env(env);
    wasm_runtime_deinstantiate(inst);
    wasm_runtime_unload(module);
    wasm_runtime_destroy();
    return is_ok ? 0 : 1;
}
