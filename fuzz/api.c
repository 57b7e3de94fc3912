/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* api.c - target: any sequence of calls of wasm_export.h that C allows, with right and wrong arguments.
 *
 * The input is a script over a few slots of modules, instances and execution environments: load (good, damaged and
 * no modules, whole and as a list of sections, resolved later, importing from natives and from a module), ask what a
 * module imports and exports and of which types, instantiate with any stack and heap, look up, call with any number of
 * cells, directly, through a table and with typed values, ask for call stacks, allocate and free any address in the
 * guest's heap, ask whether ranges are valid and turn addresses into pointers and back, memories, globals and tables,
 * heaps shared by instances, numbers of externrefs, exceptions, custom data, contexts, deinstantiate and unload in any
 * order that leaves no instance without its module.
 * What must hold: no crash; every valid range can be read and written, a pointer turns back into its address; a list of
 * sections loads if the module does; types have kinds, and counts agree; a block of a shared heap is seen by all who are
 * attached; what is set is read back; a context's end and a number's cleanup come once for each instance; after the
 * runtime is destroyed every byte that its allocator gave is back, also when requests fail.
 *
 * Cannot see: calls from several threads (threads.c), objects of the collected heap (gc_api.c), natives that misuse what
 * they get, and what the header says is the host's duty (using what was destroyed, strings that are none).
 */
#include <stdio.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "host_alloc.h"

enum { SLOTS = 4, HEAPS = 3, KEYS = 2, SHARED_BYTES = 65536, MOST_RESULTS = 32 };

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
    wasm_shared_heap_t heaps[HEAPS];
    void *pages[HEAPS];   /* the host's memory in a heap, or NULL */
    void *keys[KEYS];
    u32 ncontexts;        /* dtors to come for each key and instance */
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

/* The module as a list, which may be damaged: then it is only to be refused or loaded. *is_whole: the list says the same
 * as the module. */
static wasm_module_t load_sections(Run *r, const Bytes *module, bool *is_whole)
{
    enum { MOST_SECTIONS = 40 };
    wasm_section_t sections[MOST_SECTIONS];
    u32 n = 0;
    bool is_faithful = module->n >= 8 && memcmp(module->p, "\0asm\1\0\0", 8) == 0;
    for (size_t at = 8; at + 2 <= module->n && n < MOST_SECTIONS; n++) {
        u64 size = 0;
        int id = module->p[at++];
        for (u32 shift = 0; at < module->n && shift < 35; shift += 7) {
            size |= (u64)(module->p[at] & 0x7f) << shift;
            if ((module->p[at++] & 0x80) == 0) break;
        }
        if (size > module->n - at) {
            size = module->n - at;
            is_faithful = false;
        }
        sections[n] = (wasm_section_t){.section_type = id, .section_body = module->p + at,
                                       .section_body_size = (uint32_t)size};
        if (n > 0) sections[n - 1].next = &sections[n];
        at += (size_t)size;
        if (at + 1 == module->n || n + 1 == MOST_SECTIONS) is_faithful = false;
    }
    if (!*is_whole && n > 1) {
        wasm_section_t *s = &sections[take(r) % n], *t = &sections[take(r) % n];
        switch (take(r) % 4) {
        case 0: s->section_type = (int)take_u64(r); break;
        case 1: s->section_body_size /= 2; break;
        case 2: s->section_type = t->section_type; break;
        default:
            if (s->next != NULL) s->next = s->next->next;
            break;
        }
    }
    *is_whole = *is_whole && is_faithful && n > 0;
    char error[64];
    return wasm_runtime_load_from_sections(n > 0 ? sections : NULL, !*is_whole && take(r) == 255, error, sizeof error);
}

static void load(Run *r)
{
    u32 slot = take(r) % SLOTS, how = take(r);
    if (r->modules[slot] != NULL) return;
    Bytes module = make_module(r);
    char error[64], name[] = "a module";
    wasm_module_t loaded = NULL;
    if (how < 40) {
        LoadArgs args = {.name = how & 1 ? name : NULL, .no_resolve = how & 2};
        loaded = wasm_runtime_load_ex(module.p, (u32)module.n, &args, error, sizeof error);
        if (loaded != NULL && strcmp(wasm_runtime_get_module_name(loaded), how & 1 ? name : "") != 0)
            fuzz_fail("a module of another name");
        if (loaded != NULL && take(r) < 200) (void)wasm_runtime_resolve_symbols(loaded);
    } else if (how < 80) {
        bool is_whole = false;
        loaded = load_sections(r, &module, &is_whole);
    } else {
        loaded = wasm_runtime_load(module.p, (u32)module.n, error, take(r) % sizeof error);
        bool is_whole = how < 120;
        wasm_module_t again = is_whole ? load_sections(r, &module, &is_whole) : NULL;
        if (is_whole && (again == NULL) != (loaded == NULL) && host_alloc.nth == TEST_ALLOC_NEVER)
            fuzz_fail("a list of sections that %s, and the module does not", again != NULL ? "loads" : "does not load");
        if (again != NULL) wasm_runtime_unload(again);
    }
    bytes_done(&module); /* nothing of it is needed any more */
    r->modules[slot] = loaded;
}

/* A module for what the others import, under the name "h": f0 and f1 as ours below, and g0, which they otherwise lack.
 * It stays until the library stops, also if it is unloaded. */
static void register_provider(Run *r)
{
    static u8 bytes[] = "\0asm\1\0\0\0"
                        "\1\13\2\x60\1\x7f\1\x7f\x60\2\x7e\x7c\0"
                        "\3\3\2\0\1"
                        "\6\6\1\x7f\0\x41\7\x0b"
                        "\7\20\3\2f0\0\0\2f1\0\1\2g0\3\0"
                        "\x0a\11\2\4\0\x20\0\x0b\2\0\x0b";
    char error[64];
    bool may_fail = host_alloc.nth != TEST_ALLOC_NEVER;
    wasm_module_t provider = wasm_runtime_load(bytes, sizeof bytes - 1, error, sizeof error);
    if (provider == NULL && !may_fail) fuzz_fail("%s", error);
    if (provider == NULL) return;
    bool is_there = wasm_runtime_register_module("h", provider, error, sizeof error);
    if (!is_there && !may_fail) fuzz_fail("%s", error);
    if (is_there && wasm_runtime_find_module_registered("h") != provider) fuzz_fail("another module is registered");
    if (wasm_runtime_register_module("env", provider, error, sizeof error)) fuzz_fail("a name that is built in");
    if (!is_there || (take(r) & 1)) wasm_runtime_unload(provider);
}

/* --- types */

static void ask_func_type(wasm_func_type_t t)
{
    for (u32 i = 0, n = wasm_func_type_get_param_count(t); i <= n; i++) {
        wasm_valkind_t kind = wasm_func_type_get_param_valkind(t, i);
        if (i == n && kind != (wasm_valkind_t)-1) fuzz_fail("a parameter behind the last");
    }
    u32 n = wasm_func_type_get_result_count(t);
    if (wasm_func_type_get_result_valkind(t, n) != (wasm_valkind_t)-1) fuzz_fail("a result behind the last");
    for (u32 i = 0; i < n; i++) (void)wasm_func_type_get_result_valkind(t, i);
}

static void ask_type(wasm_import_export_kind_t kind, void *type)
{
    if (type == NULL) fuzz_fail("no type");
    switch (kind) {
    case WASM_IMPORT_EXPORT_KIND_FUNC: ask_func_type(type); break;
    case WASM_IMPORT_EXPORT_KIND_TABLE:
        if (wasm_table_type_get_init_size(type) > wasm_table_type_get_max_size(type)) fuzz_fail("a table that begins full");
        (void)wasm_table_type_get_elem_kind(type);
        (void)wasm_table_type_get_shared(type);
        break;
    case WASM_IMPORT_EXPORT_KIND_MEMORY:
        if (wasm_memory_type_get_init_page_count(type) > wasm_memory_type_get_max_page_count(type))
            fuzz_fail("a memory that begins full");
        (void)wasm_memory_type_get_shared(type);
        break;
    case WASM_IMPORT_EXPORT_KIND_GLOBAL:
        (void)wasm_global_type_get_valkind(type);
        (void)wasm_global_type_get_mutable(type);
        break;
    }
}

static void ask_module(Run *r)
{
    wasm_module_t module = r->modules[take(r) % SLOTS];
    if (module == NULL) return;
    s32 n = wasm_runtime_get_import_count(module), nexports = wasm_runtime_get_export_count(module);
    for (s32 i = -1; i <= n; i++) {
        wasm_import_t import;
        wasm_runtime_get_import_type(module, i, &import);
        if (i < 0 || i == n) {
            if (import.name != NULL) fuzz_fail("import %d of %d", (int)i, (int)n);
            continue;
        }
        bool has_names = import.name != NULL && import.module_name != NULL;
        if (!has_names && host_alloc.nth == TEST_ALLOC_NEVER) fuzz_fail("import %d has no name", (int)i);
        if (has_names && (u32)import.kind <= WASM_IMPORT_EXPORT_KIND_GLOBAL) ask_type(import.kind, import.u.func_type);
    }
    for (s32 i = -1; i <= nexports; i++) {
        wasm_export_t export;
        wasm_runtime_get_export_type(module, i, &export);
        if (i < 0 || i == nexports) {
            if (export.name != NULL) fuzz_fail("export %d of %d", (int)i, (int)nexports);
            continue;
        }
        if (export.name == NULL && host_alloc.nth == TEST_ALLOC_NEVER) fuzz_fail("export %d has no name", (int)i);
        if (export.name != NULL && (u32)export.kind <= WASM_IMPORT_EXPORT_KIND_GLOBAL) ask_type(export.kind, export.u.func_type);
    }
    u32 size = 1;
    if (wasm_runtime_get_custom_section(module, "none", &size) != NULL) fuzz_fail("a section that is not there");
    char name[8], error[32];
    u32 length = take(r) % (sizeof name - 1);
    memset(name, 'n', length);
    name[length] = 0;
    if (wasm_runtime_set_module_name(module, name, error, sizeof error) &&
        strcmp(wasm_runtime_get_module_name(module), name) != 0)
        fuzz_fail("another name");
}

/* --- instances */

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

static void end_context(wasm_module_inst_t inst, void *context)
{
    u32 *ncontexts = context;
    (void)inst;
    if (context != NULL && (*ncontexts)-- == 0) fuzz_fail("a context ends twice");
}

static void instantiate(Run *r)
{
    u32 slot = take(r) % SLOTS, module = take(r) % SLOTS;
    char error[128];
    if (r->instances[slot] != NULL || r->modules[module] == NULL) return;
    u32 stack = take(r) * 1024, heap = take(r) < 230 ? take(r) * 512 : (u32)take_u64(r);
    if (heap > 1u << 26) heap = 1u << 26;
    if (take(r) < 128) {
        r->instances[slot] = wasm_runtime_instantiate(r->modules[module], stack, heap, error, take(r) % sizeof error);
    } else {
        InstantiationArgs args = {.default_stack_size = stack, .host_managed_heap_size = heap,
                                  .max_memory_pages = take(r) % 20};
        r->instances[slot] = wasm_runtime_instantiate_ex(r->modules[module], &args, error, sizeof error);
    }
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

static void check_call_stack(Run *r, wasm_exec_env_t env)
{
    WASMCApiFrame frames[6];
    char text[400], error[32];
    u32 room = take(r) % COUNT_OF(frames), skip = take(r) % 4;
    u32 n = wasm_copy_callstack(env, frames, room, skip, error, sizeof error);
    if (n > room) fuzz_fail("more frames than asked for");
    for (u32 i = 0; i < n; i++)
        if (frames[i].instance == NULL) fuzz_fail("a frame of no instance");
    u32 size = wasm_runtime_get_call_stack_buf_size(env), cut = take(r) % sizeof text;
    u32 got = wasm_runtime_dump_call_stack_to_buf(env, text, cut);
    if (got > cut || (got > 0 && text[got - 1] != 0) || (size <= cut && got != size && size > 0))
        fuzz_fail("%u bytes of %u of a call stack of %u", got, cut, size);
}

/* The other ways to call. */
static void call_otherwise(Run *r, u32 slot)
{
    wasm_module_inst_t inst = r->instances[slot];
    if (r->envs[slot] == NULL) return;
    uint32_t cells[4 * MOST_RESULTS] = {0};
    wasm_runtime_set_instruction_count_limit(r->envs[slot], 100000);
    if (take(r) < 128) {
        if (!wasm_runtime_call_indirect(r->envs[slot], take(r) % 12, take(r) % 8, cells) &&
            wasm_runtime_get_exception(inst) == NULL)
            fuzz_fail("a call failed and there is no exception");
    } else {
        char name[2] = {(char)('0' + take(r) % 6), 0};
        wasm_function_inst_t func = wasm_runtime_lookup_function(inst, name);
        wasm_val_t values[2] = {{0}};
        if (func == NULL) return;
        u32 nparams = wasm_func_get_param_count(func, inst), nresults = wasm_func_get_result_count(func, inst);
        if (nparams + nresults > 0) fuzz_fail("an entry that takes or gives something");
        (void)wasm_runtime_call_wasm_a(r->envs[slot], func, take(r) > 240, values, take(r) > 240, values);
    }
    check_call_stack(r, r->envs[slot]);
    wasm_runtime_clear_exception(inst);
}

static void use_memory(Run *r, wasm_module_inst_t inst)
{
    char name[3] = {'m', (char)('0' + take(r) % 4), 0};
    u32 index = take(r) % 5;
    wasm_memory_inst_t memory = wasm_runtime_get_memory(inst, index);
    if (index == 0 && memory != wasm_runtime_get_default_memory(inst)) fuzz_fail("two memories 0");
    if (take(r) < 100) memory = wasm_runtime_lookup_memory(inst, name);
    if (memory == NULL) return;
    u64 npages = wasm_memory_get_cur_page_count(memory), most = wasm_memory_get_max_page_count(memory),
        page = wasm_memory_get_bytes_per_page(memory), more = take(r) < 240 ? take(r) % 3 : take_u64(r);
    u8 *base = wasm_memory_get_base_address(memory);
    if (npages > most) fuzz_fail("more pages than there may be");
    if (npages * page > 0) base[npages * page - 1] ^= 1, base[0] ^= 1;
    bool grew = wasm_memory_enlarge(memory, more);
    u64 now = wasm_memory_get_cur_page_count(memory);
    if (now != (grew ? npages + more : npages)) fuzz_fail("%llu pages and %llu", (unsigned long long)npages,
                                                           (unsigned long long)more);
    if (now * page > 0 && page * now <= 1 << 26) ((u8 *)wasm_memory_get_base_address(memory))[now * page - 1] ^= 1;
    (void)wasm_memory_get_shared(memory);
}

static void use_exports(Run *r, wasm_module_inst_t inst)
{
    char name[4];
    snprintf(name, sizeof name, "%c%u", take(r) & 1 ? 'g' : 't', (unsigned)take(r) % 14);
    wasm_global_inst_t global;
    if (wasm_runtime_get_export_global_inst(inst, name, &global)) {
        u8 *p = global.global_data;
        bool is_wide = global.kind == WASM_I64 || global.kind == WASM_F64;
        u32 size = global.kind == WASM_V128 ? 16 : is_wide ? 8 : 4;
        for (u32 i = 0; global.is_mutable && i < size; i++) p[i] ^= (u8)take(r);
    }
    wasm_table_inst_t table;
    if (!wasm_runtime_get_export_table_inst(inst, name, &table)) return;
    u32 at = take(r) < 240 ? take(r) % 20 : (u32)take_u64(r);
    if (wasm_table_get_func_inst(inst, &table, at) != NULL && at >= table.cur_size) fuzz_fail("an element outside");
}

static u32 ncleaned;
static void clean(void *object)
{
    (void)object;
    ncleaned++;
}

static void use_numbers(Run *r, wasm_module_inst_t inst)
{
    static char objects[4];
    char *object = &objects[take(r) % 4];
    uint32_t number = 0, again = 0;
    void *back = NULL;
    if (!wasm_externref_obj2ref(inst, object, &number)) return;
    if (!wasm_externref_ref2obj(number, &back) || back != object || !wasm_externref_retain(number))
        fuzz_fail("an object that does not come back");
    if (wasm_externref_obj2ref(inst, object, &again) && again != number) fuzz_fail("an object of two numbers");
    if (take(r) < 100 || !wasm_externref_set_cleanup(inst, object, clean)) return;
    u32 before = ncleaned;
    if (!wasm_externref_objdel(inst, object) || ncleaned != before + 1 || wasm_externref_ref2obj(number, &back))
        fuzz_fail("an object that is not deleted");
}

/* --- heaps that instances share */

static void make_heap(Run *r)
{
    u32 slot = take(r) % HEAPS;
    if (r->heaps[slot] != NULL) return;
    SharedHeapInitArgs args = {.size = take(r) < 220 ? SHARED_BYTES : (u32)take_u64(r) % (1 << 22)};
    if (take(r) > 180) {
        args.size = SHARED_BYTES;
        args.pre_allocated_addr = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (args.pre_allocated_addr == MAP_FAILED) abort();
        memset(args.pre_allocated_addr, 0x77, 100);
    }
    r->pages[slot] = args.pre_allocated_addr;
    r->heaps[slot] = wasm_runtime_create_shared_heap(&args);
    if (args.pre_allocated_addr == NULL) return;
    for (u32 i = 0; i < 100; i++)
        if (((u8 *)args.pre_allocated_addr)[i] != 0x77) fuzz_fail("the host's memory has changed");
    if (r->heaps[slot] == NULL) munmap(args.pre_allocated_addr, SHARED_BYTES), r->pages[slot] = NULL;
}

static void use_shared_block(Run *r, wasm_module_inst_t inst)
{
    u8 *native = NULL;
    u32 size = take(r) < 230 ? take(r) : (u32)take_u64(r);
    u64 at = wasm_runtime_shared_heap_malloc(inst, size, (void **)&native);
    if ((at == 0) != (native == NULL)) fuzz_fail("a block without a pointer, or a pointer without a block");
    if (at == 0) {
        wasm_runtime_shared_heap_free(inst, take_u64(r));
        return;
    }
    memset(native, (int)size, size);
    for (u32 i = 0; i < SLOTS; i++) { /* whoever sees it sees the same */
        wasm_module_inst_t other = r->instances[i];
        if (other == NULL || size == 0) continue;
        bool is_seen = wasm_runtime_validate_app_addr(other, at, size);
        wasm_runtime_clear_exception(other);
        if (other == inst && !is_seen) fuzz_fail("a shared block that is not seen");
        const u8 *p = wasm_runtime_addr_app_to_native(other, at);
        if (other == inst && (p == NULL || memcmp(p, native, size) != 0)) fuzz_fail("a shared block that is another's");
    }
    if (take(r) < 128) wasm_runtime_shared_heap_free(inst, at + (take(r) > 240));
}

static void use_heaps(Run *r)
{
    wasm_shared_heap_t a = r->heaps[take(r) % HEAPS], b = r->heaps[take(r) % HEAPS];
    wasm_module_inst_t inst = r->instances[take(r) % SLOTS];
    switch (take(r) % 8) {
    case 0:
    case 1: make_heap(r); break;
    case 2:
        if (a != NULL && b != NULL && a != b) (void)wasm_runtime_chain_shared_heaps(a, b);
        break;
    case 3:
        if (a != NULL) (void)wasm_runtime_unchain_shared_heaps(a, take(r) & 1);
        break;
    case 4:
        if (a != NULL) (void)wasm_runtime_reset_shared_heap_chain(a);
        break;
    case 5:
        if (a != NULL && inst != NULL) (void)wasm_runtime_attach_shared_heap(inst, a);
        break;
    case 6:
        if (inst != NULL) wasm_runtime_detach_shared_heap(inst);
        break;
    default:
        if (inst != NULL) use_shared_block(r, inst);
        break;
    }
}

static void use_context(Run *r, wasm_module_inst_t inst)
{
    void **key = &r->keys[take(r) % KEYS];
    if (*key == NULL) *key = wasm_runtime_create_context_key(end_context);
    if (*key == NULL) return;
    if (wasm_runtime_get_context(inst, *key) != NULL) return; /* a dtor is to come for what is there */
    wasm_runtime_set_context(inst, *key, &r->ncontexts);
    if (wasm_runtime_get_context(inst, *key) == &r->ncontexts) r->ncontexts++;
    else if (host_alloc.nth == TEST_ALLOC_NEVER) fuzz_fail("a context is lost");
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
    switch (take(r) % 20) {
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
    case 13:
    case 14: call_otherwise(r, slot); break;
    case 15: use_memory(r, inst); break;
    case 16: use_exports(r, inst); break;
    case 17: use_numbers(r, inst); break;
    case 18: use_context(r, inst); break;
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
    u32 nth = take(&r) < 16 ? (u32)take_u64(&r) & 0xfff : TEST_ALLOC_NEVER;
    if (host_alloc_start(nth, (RuntimeInitArgs){0})) {
        u32 providers = take(&r);
        if (providers < 200) wasm_runtime_register_natives("h", symbols, COUNT_OF(symbols));
        if (providers >= 160) register_provider(&r);
        for (u32 steps = 0; r.p != r.end && steps < 300; steps++) {
            u32 what = take(&r);
            if (what < 30)
                load(&r);
            else if (what < 60)
                instantiate(&r);
            else if (what < 200)
                with_instance(&r);
            else if (what < 220)
                use_heaps(&r);
            else if (what < 240)
                ask_module(&r);
            else if (what < 250)
                close_instance(&r, what % SLOTS);
            else
                unload(&r, what % SLOTS);
        }
        for (u32 i = 0; i < SLOTS; i++) close_instance(&r, i);
        for (u32 i = 0; i < SLOTS; i++) unload(&r, i);
        if (r.ncontexts != 0) fuzz_fail("a context does not end");
        for (u32 i = 0; i < KEYS; i++)
            if (r.keys[i] != NULL) wasm_runtime_destroy_context_key(r.keys[i]);
        wasm_runtime_unregister_natives("h", symbols);
        wasm_runtime_destroy();
    }
    for (u32 i = 0; i < HEAPS; i++)
        if (r.pages[i] != NULL) munmap(r.pages[i], SHARED_BYTES);
    if (host_alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)host_alloc.live);
    return 0;
}
