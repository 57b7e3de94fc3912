/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* coverage.c - which rows of the instruction table the generator writes.
 *
 *   coverage [MODULES] [-v]   generates as many modules (2000) from a fixed seed, checks that each validates, and
 *                             prints the rows never written. Fails if there is one, or if a module is refused.
 */
#include <stdio.h>

#include "binary/decode.h"
#include "fuzz.h"
#include "port/port.h"

int main(int argc, char **argv)
{
    u32 n = argc > 1 ? (u32)strtoul(argv[1], NULL, 0) : 2000, nrefused = 0, nmissing = 0;
    bool is_verbose = argc > 2;
    static u64 counts[OP_COUNT], const_counts[OP_COUNT];
    u64 state = 1, total = 0, nbytes = 0;
    TypeRegistry *types = tern_types_new(tern_port_system_alloc());
    for (u32 i = 0; i < n; i++) {
        u8 data[6000];
        size_t size = 200 + fuzz_random(&state) % (sizeof data - 200);
        for (size_t j = 0; j < size; j++) data[j] = (u8)fuzz_random(&state);
        GenerateOptions options = {.features = FEATURES_ALL, .is_deterministic = i % 4 == 0, .counts = counts,
                                   .const_counts = const_counts};
        Bytes bytes = fuzz_generate(data, size, &options);
        Diag diag = {0};
        DecodeOptions decode = {.features = FEATURES_ALL};
        Module *module = tern_module_decode(types, tern_port_system_alloc(), bytes.p, bytes.n, &decode, &diag);
        if (module == NULL) {
            char text[300];
            tern_diag_format(&diag, text, sizeof text);
            printf("FAIL module %u: %s\n", (unsigned)i, text);
            nrefused++;
            if (is_verbose) fuzz_write_file("/tmp/fuzz-refused.wasm", bytes.p, bytes.n);
        }
        nbytes += bytes.n;
        tern_module_release(module);
        bytes_done(&bytes);
    }
    tern_types_free(types);
    for (u32 i = 0; i < OP_COUNT; i++) {
        total += counts[i];
        if (is_verbose) printf("%8llu %s\n", (unsigned long long)counts[i], tern_op_info[i].text);
        if (counts[i] > 0) continue;
        printf("FAIL never written: %s\n", tern_op_info[i].text);
        nmissing++;
    }
    u32 nconst = 0;
    for (u32 i = 0; i < OP_COUNT; i++) nconst += const_counts[i] > 0;
    printf("%u modules of %llu bytes on average, %llu instructions; %u of %u rows, %u in constant expressions\n",
           (unsigned)n, (unsigned long long)(n > 0 ? nbytes / n : 0), (unsigned long long)total,
           (unsigned)(OP_COUNT - nmissing), (unsigned)OP_COUNT, (unsigned)nconst);
    printf("%u passed, %u failed\n", (unsigned)(OP_COUNT - nmissing + n - nrefused), (unsigned)(nmissing + nrefused));
    return nmissing + nrefused > 0;
}
