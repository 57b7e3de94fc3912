/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* mutate.c - libFuzzer's mutator for inputs that are a byte below 128 and a module: half of the time one section's
 * contents change, and its size is written anew. */
#include "fuzz.h"

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned int seed);

/* Takes one section of a module, lets libFuzzer change its contents, and writes its size anew. */
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max_size, unsigned int seed)
{
    enum { HEADER = 9 }; /* our byte, and the module's eight */
    if (size < HEADER + 2 || data[0] >= 128 || (seed & 1) == 0) return LLVMFuzzerMutate(data, size, max_size);
    size_t starts[24], contents[24], ends[24], n = 0;
    for (size_t at = HEADER; at + 2 <= size && n < 24;) {
        u64 length = 0;
        size_t p = at + 1;
        for (u32 shift = 0; p < size && shift < 35; shift += 7) {
            length |= (u64)(data[p] & 0x7f) << shift;
            if ((data[p++] & 0x80) == 0) break;
        }
        if (length > size - p) break;
        starts[n] = at;
        contents[n] = p;
        ends[n++] = p + (size_t)length;
        at = p + (size_t)length;
    }
    if (n == 0) return LLVMFuzzerMutate(data, size, max_size);
    size_t i = seed / 2 % n, from = starts[i], content = contents[i], end = ends[i];
    Bytes section = {0}, out = {0};
    put_bytes(&section, data + content, end - content);
    size_t room = section.n + 64;
    section.p = realloc(section.p, room);
    if (section.p == NULL) abort();
    section.n = LLVMFuzzerMutate(section.p, section.n, room);
    put_bytes(&out, data, from);
    put_section(&out, data[from], &section);
    put_bytes(&out, data + end, size - end);
    size_t made = out.n < max_size ? out.n : max_size;
    memcpy(data, out.p, made);
    bytes_done(&out);
    return made;
}

