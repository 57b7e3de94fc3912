/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* recognise.c - signatures of the files people hand to a WebAssembly runtime by mistake. */
#include "binary/recognise.h"

static const struct {
    const char *bytes;
    u8 size;
    const char *text;
} signatures[] = {
    {"\0asm\x0d\0\1\0", 8,
     "this is a component, not a core module: extract its modules with "
     "'jco transpile' or 'wasm-tools component unbundle'"},
    {"\0asm", 4, ""},
    {"\0aot", 4,
     "this is an ahead-of-time image of another runtime: load the .wasm it was compiled from"},
    {"\x1f\x8b", 2, "this is gzip: decompress it first"},
    {"PK\3\4", 4, "this is a zip archive: unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "this is zstd: decompress it first"},
    {"BZh", 3, "this is bzip2: decompress it first"},
    {"\3757zXZ", 5, "this is xz: decompress it first"},
    {"!<arch>\n", 8, "this is an ar archive of object files: link it with wasm-ld first"},
    {"\177ELF", 4, "this is a native ELF file: compile for a wasm32 target"},
    {"MZ", 2, "this is a native Windows file: compile for a wasm32 target"},
    {"\xcf\xfa\xed\xfe", 4, "this is a native Mach-O file: compile for a wasm32 target"},
    {"BC\xc0\xde", 4, "this is LLVM bitcode: compile and link it first"},
    {"#!", 2, "this is a script"},
    {"<", 1, "this is HTML or XML, perhaps a web server's error page"},
};

const char *tern_file_recognise(const u8 *bytes, size_t size)
{
    if (size == 0) return "the file is empty";
    for (size_t i = 0; i < COUNT_OF(signatures); i++)
        if (size >= signatures[i].size &&
            memcmp(bytes, signatures[i].bytes, signatures[i].size) == 0)
            return signatures[i].text;

    static const u8 mark[] = {0xef, 0xbb, 0xbf};
    size_t at = size >= sizeof mark && memcmp(bytes, mark, sizeof mark) == 0 ? sizeof mark : 0;
    while (at < size && (bytes[at] == ' ' || (bytes[at] >= '\t' && bytes[at] <= '\r'))) at++;
    if (at < size && (bytes[at] == '(' || (size - at >= 2 && memcmp(bytes + at, ";;", 2) == 0)))
        return "this is the text format: translate it with wat2wasm first";
    return "";
}
