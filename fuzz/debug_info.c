/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* debug_info.c - target: names and DWARF of a hostile module are looked up when a guest traps.
 *
 * A first byte below 128 is followed by a module: where it validates, the source places of a few offsets all over it
 * are asked for, with room for few and for many. From 128 on the rest is a name to demangle, into a buffer of some
 * size. What must hold: no crash, no read beyond the module, texts end, what was found points into the module, no
 * memory is left; and the time is bounded, which libFuzzer's -timeout watches.
 *
 * Cannot see: whether the places are right (test/unit/dwarf_test.c, test/cli).
 */
#include "binary/decode.h"
#include "cli/demangle.c" /* the command is no part of the library */
#include "dwarf/dwarf.h"
#include "fuzz.h"
#include "unit/test_alloc.h"

static void check_name(const Module *module, Name name)
{
    const u8 *p = (const u8 *)name.bytes;
    if (name.size > 0 && (p < module->bytes || name.size > module->size ||
                          (size_t)(p - module->bytes) > module->size - name.size))
        fuzz_fail("a name outside the module");
}

static void look_up(Module *module, u64 offset, u32 max)
{
    SourcePlace places[SOURCE_MAX_PLACES + 2];
    u32 n = tern_dwarf_places(module, offset, places, max);
    if (n > SOURCE_MAX_PLACES) fuzz_fail("%u places", (unsigned)n);
    for (u32 i = 0; i < n && i < max; i++) {
        check_name(module, places[i].func);
        check_name(module, places[i].comp_dir);
        check_name(module, places[i].dir);
        check_name(module, places[i].file);
    }
}

static void demangle(const u8 *data, size_t size)
{
    char buf[600];
    size_t room = size > 0 ? (size_t)data[0] * 2 + 1 : 1;
    memset(buf, 'x', sizeof buf);
    if (size > 0) data++, size--;
    char *name = malloc(size + 1);
    if (name == NULL) abort();
    if (size > 0) memcpy(name, data, size);
    bool known = cli_demangle(name, size, buf, room);
    if (known && memchr(buf, 0, room) == NULL) fuzz_fail("a name without an end");
    if (buf[room] != 'x') fuzz_fail("written beyond the buffer");
    free(name);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) return 0;
    if (data[0] >= 128) {
        demangle(data + 1, size - 1);
        return 0;
    }
    u8 *copy = malloc(size);
    if (copy == NULL) abort();
    memcpy(copy, data + 1, size - 1);
    TestAlloc alloc = test_alloc(data[0] < 8 ? data[0] * 5u + 20 : TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    DecodeOptions options = {.features = FEATURES_ALL};
    Module *module = types != NULL ? tern_module_decode(types, &alloc.base, copy, size - 1, &options, NULL) : NULL;
    if (module != NULL) {
        for (u32 i = 0; i < module->nfuncs && i < 40; i++) {
            const Func *func = &module->funcs[i];
            look_up(module, (u64)func->body_offset + func->body_size / 2, SOURCE_MAX_PLACES);
            look_up(module, (u64)func->body_offset + 3, 1);
            check_name(module, tern_module_func_name(module, i));
        }
        look_up(module, 0, 0);
        look_up(module, UINT64_MAX, SOURCE_MAX_PLACES);
    }
    tern_module_release(module);
    if (types != NULL) tern_types_free(types);
    if (alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)alloc.live);
    free(copy);
    return 0;
}
