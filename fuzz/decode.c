/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* decode.c - target: any bytes are decoded and validated, and what validates can be lowered.
 *
 * The first byte says what to do with the rest: 0 to 127, decode it as it is; from 128 on, it feeds the generator and
 * a few bytes of the module that makes are then changed, so that most of the module is valid and the odd byte is not.
 * With libFuzzer half of the mutations keep section sizes right (mutate.c).
 *
 * What must hold: no crash; a refusal comes with a reason and a place inside the file; an accepted module lowers
 * every body, in all forms of code; decoding it again accepts it again; no memory is left.
 *
 * Cannot see: a module accepted that the specification refuses, and the opposite. The official suite has those.
 */
#include "binary/decode.h"
#include "code/code.h"
#include "fuzz.h"
#include "unit/test_alloc.h"

static u32 token_of(Handler handler) { return handler; }

static void lower(Module *module)
{
    ModuleCode *code = tern_code_of(module, token_of);
    if (code == NULL) fuzz_fail("no memory");
    for (u32 mode = 0; mode < CODE_MODES; mode++) {
        CodeSet *set = tern_code_set(code, (CodeMode)mode);
        if (set == NULL) fuzz_fail("no memory");
        for (u32 i = 0; i < module->nfuncs - module->nimported[EXTERN_FUNC]; i++) {
            Diag diag = {0};
            if (tern_code_lower(code, set, i, token_of, &diag)) continue;
            if (diag.code == DIAG_NONE) fuzz_fail("a body is not lowered, and nobody says why");
            /* A limit of the machine, for bodies no compiler writes, is said as such. */
            if (tern_diag_kind(diag.code) != DIAG_KIND_RESOURCE)
                fuzz_fail("function %u is valid and not lowered: %s", (unsigned)i, tern_diag_text(diag.code));
        }
    }
}

static void decode(const u8 *bytes, size_t size)
{
    /* Not the target's array: what is read past the end lies behind a block of its own. */
    u8 *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, bytes, size);
    TestAlloc alloc = test_alloc(TEST_ALLOC_NEVER);
    TypeRegistry *types = tern_types_new(&alloc.base);
    for (u32 i = 0; i < 2; i++) {
        Diag diag = {0};
        DecodeOptions options = {.features = FEATURES_ALL, .copy_bytes = i == 1};
        Module *module = tern_module_decode(types, &alloc.base, copy, size, &options, &diag);
        if (module == NULL) {
            char text[300];
            if (diag.code == DIAG_NONE) fuzz_fail("refused without a reason");
            if (diag.offset != DIAG_NO_OFFSET && diag.offset > size)
                fuzz_fail("refused at %llu of %zu", (unsigned long long)diag.offset, size);
            if (i > 0) fuzz_fail("accepted, and then refused");
            tern_diag_format(&diag, text, sizeof text);
            break;
        }
        if (i == 0) lower(module);
        tern_module_release(module);
    }
    tern_types_free(types);
    if (alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)alloc.live);
    free(copy);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) return 0;
    if (data[0] < 128) {
        decode(data + 1, size - 1);
        return 0;
    }
    size_t nchanges = data[0] & 7u, at = 1 + 3 * nchanges;
    if (size <= at) return 0;
    GenerateOptions options = {.features = FEATURES_ALL};
    Bytes module = fuzz_generate(data + at, size - at, &options);
    for (size_t i = 0; i < nchanges; i++) {
        const u8 *change = data + 1 + 3 * i;
        module.p[((size_t)change[0] << 8 | change[1]) * 31 % module.n] ^= change[2];
    }
    decode(module.p, module.n);
    bytes_done(&module);
    return 0;
}
