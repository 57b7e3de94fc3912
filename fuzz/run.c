/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* run.c - target: generated modules behave the same in every form of code.
 *
 * The input becomes a module (generate.h), which runs with guarded memories, with explicit checks, with code that pays
 * fuel, and collecting at every allocation. Endings, what traps say, memories, tables, globals and fuel used must be
 * the same. Then it runs with little fuel, where only harm counts. A module that is refused is a finding as well: the
 * generator promises valid ones, and so is a body that validates and cannot be lowered.
 *
 * Cannot see: what all forms get wrong alike (fuzz/differential compares with other engines), threads, hosts that
 * call back, and values of references beyond null and which function.
 */
#include <stdio.h>

#include "execute.h"
#include "fuzz.h"
#include "interp/interp.h"
#include "port/port.h"

typedef struct Form {
    const char *name;
    bool memories_move, gc_stress, is_metered;
} Form;

static const Form forms[] = {
    {"guarded", false, false, false},
    {"checked", true, false, false},
    {"guarded, metered", false, false, true},
    {"checked, metered, collecting", true, true, true},
};

static Engine *engine_of(u32 form)
{
    static Engine *engines[COUNT_OF(forms)];
    if (engines[form] != NULL) return engines[form];
    EngineOptions options = {.alloc = tern_port_system_alloc(), .features = FEATURES_ALL, .tier = &tern_interp_tier,
                             .memories_move = forms[form].memories_move, .gc_stress = forms[form].gc_stress,
                             .gc_limit_bytes = 64 << 20};
    tern_port_fault_init();
    return engines[form] = tern_engine_new(&options);
}

static void differ(const char *first, const char *second, const Bytes *a, const Bytes *b, const Bytes *module)
{
    if (getenv("FUZZ_KEEP") != NULL) fuzz_write_file(getenv("FUZZ_KEEP"), module->p, module->n);
    size_t at = 0;
    while (at < a->n && at < b->n && a->p[at] == b->p[at]) at++;
    while (at > 0 && a->p[at - 1] != '\n') at--;
    fuzz_fail("%s and %s differ:\n%.300s\n---\n%.300s", first, second, (const char *)a->p + at,
              (const char *)b->p + at);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    GenerateOptions generate = {.features = FEATURES_ALL, .is_deterministic = true};
    Bytes module = fuzz_generate(data, size, &generate);
    Bytes texts[COUNT_OF(forms)];
    u64 used[COUNT_OF(forms)] = {0};
    for (u32 i = 0; i < COUNT_OF(forms); i++) {
        /* Bulk instructions pay for their length first, however far out of bounds that is. */
        ExecuteOptions options = {.has_details = true, .is_metered = TERN_METERING && forms[i].is_metered,
                                  .fuel = 1ull << 62, .rounds = 1, .fuel_used = &used[i]};
        texts[i] = fuzz_execute(engine_of(i), module.p, module.n, &options);
        if (i == 0 && memcmp(texts[0].p, "invalid", 7) == 0) {
            if (getenv("FUZZ_KEEP") != NULL) fuzz_write_file(getenv("FUZZ_KEEP"), module.p, module.n);
            fuzz_fail("%s", (const char *)texts[0].p);
        }
        if (i > 0 && (texts[i].n != texts[0].n || memcmp(texts[i].p, texts[0].p, texts[0].n) != 0))
            differ(forms[0].name, forms[i].name, &texts[0], &texts[i], &module);
        if (i == 3 && used[2] != used[3])
            fuzz_fail("fuel used: %llu guarded, %llu checked", (unsigned long long)used[2],
                      (unsigned long long)used[3]);
    }
    if (getenv("FUZZ_PRINT") != NULL) printf("%s", (const char *)texts[0].p);
    for (u32 i = 0; i < COUNT_OF(forms); i++) bytes_done(&texts[i]);

    ExecuteOptions little = {.is_metered = TERN_METERING, .fuel = size > 0 ? data[size - 1] * 7u : 0, .rounds = 1};
    Bytes text = fuzz_execute(engine_of(2), module.p, module.n, &little);
    bytes_done(&text);
    bytes_done(&module);
    return 0;
}
