/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* api.c - target: any sequence of calls of wasm_export.h that C allows, with right and wrong arguments.
 *
 * The input is a script over a few slots of modules, instances and execution environments: load (good, damaged and
 * no modules), instantiate with any stack and heap, look up, call with any number of cells, allocate and free any
 * address in the guest's heap, ask whether ranges are valid and turn addresses into pointers and back, exceptions,
 * custom data, contexts, deinstantiate and unload in any order that leaves no instance without its module. What must
 * hold: no crash, every valid range can be read and written, a pointer turns back into its address, and after the
 * runtime is destroyed every byte that its allocator gave is back.
 *
 * Cannot see: calls from several threads, natives that misuse what they get, and what the header says is the host's
 * duty (using what was destroyed, strings that are none).
 */
#include <stdio.h>

#include "fuzz.h"
#include "unit/test_alloc.h"
#include "wasm_export.h"

enum { SLOTS = 4 };

/* The embedder's callbacks have no user pointer. */
static TestAlloc alloc;

typedef struct HostBlock {
    _Alignas(16) size_t size;
} HostBlock;

static void *host_malloc(unsigned int size)
{
    HostBlock *block = tern_alloc(&alloc.base, sizeof *block + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block + 1;
}

static void host_free(void *p)
{
    HostBlock *block = p;
    if (p != NULL) tern_free(&alloc.base, block - 1, sizeof *block + block[-1].size);
}

static void *host_realloc(void *p, unsigned int size)
{
    if (p == NULL) return host_malloc(size);
    HostBlock *old = p;
    HostBlock *block = tern_realloc(&alloc.base, old - 1, sizeof *old + old[-1].size, sizeof *old + size);
    if (block == NULL) return NULL;
    block->size = size;
    return block + 1;
}

static uint32_t f0(wasm_exec_env_t env, uint32_t x)
{
    (void)env;
    return x * 3 + 1;
}

static void f1(wasm_exec_env_t env, uint64_t a, double b) { (void)env, (void)a, (void)b; }

typedef struct Run {
    const u8 *p, *end;
    wasm_module_t modules[SLOTS];
    wasm_module_inst_t instances[SLOTS];
    u32 module_of[SLOTS];
    wasm_exec_env_t envs[SLOTS]; /* of the instance in the same slot */
    u64 addresses[16];
    u32 naddresses;
} Run;

static u32 take(Run *r) { return r->p == r->end ? 0 : *r->p++; }
static u64 take_u64(Run *r)
{
    u64 v = 0;
    u32 n = take(r) % 9;
    for (u32 i = 0; i < n; i++) v |= (u64)take(r) << 8 * i;
    return v;
}

/* exchange.wat as test/api has it in short: memory, malloc of the host's, a function or two. */
static Bytes make_module(Run *r)
{
    u32 kind = take(r), n = take(r) * 4;
    if (n > (u32)(r->end - r->p)) n = (u32)(r->end - r->p);
    GenerateOptions options = {.features = FEATURES_ALL, .is_deterministic = true};
    Bytes module = fuzz_generate(r->p, n, &options);
    r->p += n;
    if (kind > 200) module.p[take_u64(r) % module.n] ^= (u8)take(r);
    if (kind == 250) module.n = take(r);
    return module;
}

static void load(Run *r)
{
    u32 slot = take(r) % SLOTS;
    if (r->modules[slot] != NULL) return;
    Bytes module = make_module(r);
    char error[64];
    r->modules[slot] = wasm_runtime_load(module.p, (u32)module.n, error, take(r) % sizeof error);
    bytes_done(&module); /* nothing of it is needed any more */
}

static void close_env(Run *r, u32 slot)
{
    if (r->envs[slot] != NULL) wasm_runtime_destroy_exec_env(r->envs[slot]);
    r->envs[slot] = NULL;
}

static void close_instance(Run *r, u32 slot)
{
    close_env(r, slot);
    if (r->instances[slot] != NULL) wasm_runtime_deinstantiate(r->instances[slot]);
    r->instances[slot] = NULL;
}

static void unload(Run *r, u32 slot)
{
    for (u32 i = 0; i < SLOTS; i++)
        if (r->module_of[i] == slot) close_instance(r, i);
    if (r->modules[slot] != NULL) wasm_runtime_unload(r->modules[slot]);
    r->modules[slot] = NULL;
}

static void instantiate(Run *r)
{
    u32 slot = take(r) % SLOTS, module = take(r) % SLOTS;
    char error[128];
    if (r->instances[slot] != NULL || r->modules[module] == NULL) return;
    u32 stack = take(r) * 1024, heap = take(r) < 230 ? take(r) * 512 : (u32)take_u64(r);
    if (heap > 1u << 26) heap = 1u << 26;
    r->instances[slot] = wasm_runtime_instantiate(r->modules[module], stack, heap, error, take(r) % sizeof error);
    r->module_of[slot] = module;
    if (r->instances[slot] != NULL)
        r->envs[slot] = wasm_runtime_create_exec_env(r->instances[slot], 16384 + take(r) * 64);
}

static void call(Run *r, u32 slot)
{
    char name[2] = {(char)('0' + take(r) % 6), 0};
    wasm_module_inst_t inst = r->instances[slot];
    wasm_function_inst_t func = wasm_runtime_lookup_function(inst, name);
    uint32_t cells[8] = {0};
    if (func == NULL || r->envs[slot] == NULL) return;
    wasm_runtime_set_instruction_count_limit(r->envs[slot], 200000);
    bool done = wasm_runtime_call_wasm(r->envs[slot], func, take(r) < 240 ? 0 : take(r) % 8, cells);
    if (!done && wasm_runtime_get_exception(inst) == NULL) fuzz_fail("a call failed and there is no exception");
    if (done && wasm_runtime_get_exception(inst) != NULL) fuzz_fail("a call went well and there is an exception");
    if (take(r) < 250) wasm_runtime_clear_exception(inst);
}

static u64 some_address(Run *r)
{
    u32 kind = take(r);
    if (kind < 160 && r->naddresses > 0) return r->addresses[kind % r->naddresses] + (kind > 120 ? take(r) : 0);
    return kind < 220 ? take_u64(r) % 200000 : take_u64(r);
}

static void allocate(Run *r, wasm_module_inst_t inst)
{
    void *native = NULL;
    u64 size = take(r) < 200 ? take(r) : take_u64(r), at = wasm_runtime_module_malloc(inst, size, &native);
    if (at == 0) return;
    if (native == NULL) fuzz_fail("a block without a pointer");
    if (size > 0 && !wasm_runtime_validate_app_addr(inst, at, size)) fuzz_fail("a block that is not in the memory");
    memset(native, 0x5a, (size_t)size);
    if (wasm_runtime_addr_native_to_app(inst, native) != at) fuzz_fail("a block's pointer is not its address");
    r->addresses[r->naddresses % COUNT_OF(r->addresses)] = at;
    if (r->naddresses < COUNT_OF(r->addresses)) r->naddresses++;
}

static void ask_range(Run *r, wasm_module_inst_t inst)
{
    u64 at = some_address(r), size = take(r) < 200 ? take(r) : take_u64(r), start = 0, end = 0;
    if (wasm_runtime_validate_app_addr(inst, at, size) && size > 0) {
        u8 *p = wasm_runtime_addr_app_to_native(inst, at);
        if (p == NULL) fuzz_fail("a valid range without a pointer");
        p[0] ^= 1;
        p[size - 1] ^= 1;
        if (!wasm_runtime_validate_native_addr(inst, p, size)) fuzz_fail("a valid range whose pointer is not");
    }
    if (take(r) < 40) wasm_runtime_clear_exception(inst);
    if (wasm_runtime_get_app_addr_range(inst, at, &start, &end) && (at < start || at >= end))
        fuzz_fail("a range beside the address");
    if (wasm_runtime_validate_app_str_addr(inst, at)) {
        const char *text = wasm_runtime_addr_app_to_native(inst, at);
        if (text == NULL || strlen(text) > UINT32_MAX) fuzz_fail("a valid string that is none");
    }
    wasm_runtime_clear_exception(inst);
}

static void with_instance(Run *r)
{
    u32 slot = take(r) % SLOTS;
    wasm_module_inst_t inst = r->instances[slot];
    if (inst == NULL) return;
    switch (take(r) % 14) {
    case 0:
    case 1:
    case 2: call(r, slot); break;
    case 3:
    case 4: allocate(r, inst); break;
    case 5: wasm_runtime_module_free(inst, some_address(r)); break;
    case 6:
    case 7: ask_range(r, inst); break;
    case 8: {
        void *native = NULL;
        u64 at = wasm_runtime_module_realloc(inst, some_address(r), take(r) * 8, &native);
        if (at != 0 && native == NULL) fuzz_fail("a moved block without a pointer");
        break;
    }
    case 9: {
        const char data[] = "data of the host";
        u64 at = wasm_runtime_module_dup_data(inst, data, take(r) % sizeof data);
        if (at != 0 && wasm_runtime_addr_app_to_native(inst, at) == NULL) fuzz_fail("copied data without a pointer");
        break;
    }
    case 10:
        wasm_runtime_set_exception(inst, take(r) % 2 == 0 ? "a host's words, which may well be long" : NULL);
        break;
    case 11: wasm_runtime_set_custom_data(inst, inst); break;
    case 12:
        wasm_runtime_terminate(inst);
        wasm_runtime_clear_exception(inst);
        close_instance(r, slot);
        break;
    default: {
        wasm_exec_env_t env = wasm_runtime_get_exec_env_singleton(inst);
        if (env != NULL && wasm_runtime_get_module_inst(env) != inst) fuzz_fail("another's environment");
        break;
    }
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static NativeSymbol symbols[] = {{"f0", (void *)f0, "(i)i", NULL}, {"f1", (void *)f1, "(IF)", NULL}};
    Run r = {.p = data, .end = data + size};
    alloc = test_alloc(take(&r) < 16 ? take_u64(&r) & 0xfff : TEST_ALLOC_NEVER);
    RuntimeInitArgs init = {.mem_alloc_type = Alloc_With_Allocator};
    init.mem_alloc_option.allocator.malloc_func = (void *)host_malloc;
    init.mem_alloc_option.allocator.realloc_func = (void *)host_realloc;
    init.mem_alloc_option.allocator.free_func = (void *)host_free;
    if (wasm_runtime_full_init(&init)) {
        wasm_runtime_set_log_level(WASM_LOG_LEVEL_FATAL);
        wasm_runtime_register_natives("h", symbols, COUNT_OF(symbols));
        for (u32 steps = 0; r.p != r.end && steps < 300; steps++) {
            u32 what = take(&r);
            if (what < 30)
                load(&r);
            else if (what < 60)
                instantiate(&r);
            else if (what < 240)
                with_instance(&r);
            else if (what < 250)
                close_instance(&r, what % SLOTS);
            else
                unload(&r, what % SLOTS);
        }
        for (u32 i = 0; i < SLOTS; i++) close_instance(&r, i);
        for (u32 i = 0; i < SLOTS; i++) unload(&r, i);
        wasm_runtime_unregister_natives("h", symbols);
        wasm_runtime_destroy();
    }
    if (alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)alloc.live);
    return 0;
}
