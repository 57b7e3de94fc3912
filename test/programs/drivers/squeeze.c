/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* squeeze.c - compresses standard input by the library that is chosen at compile time, at several levels, and
 * decompresses it again. */
#include "driver.h"

#if defined USE_BZIP2
#include "bzlib.h"
static const int levels[] = {1, 9};
static size_t squeeze(int level, const char *in, size_t n, char *out, size_t room)
{
    unsigned size = (unsigned)room;
    return BZ2_bzBuffToBuffCompress(out, &size, (char *)in, (unsigned)n, level, 0, 0) == BZ_OK ? size : 0;
}
static size_t expand(const char *in, size_t n, char *out, size_t room)
{
    unsigned size = (unsigned)room;
    return BZ2_bzBuffToBuffDecompress(out, &size, (char *)in, (unsigned)n, 0, 0) == BZ_OK ? size : 0;
}
#elif defined USE_ZLIB
#include "zlib.h"
static const int levels[] = {1, 6, 9};
static size_t squeeze(int level, const char *in, size_t n, char *out, size_t room)
{
    uLongf size = room;
    return compress2((Bytef *)out, &size, (const Bytef *)in, n, level) == Z_OK ? size : 0;
}
static size_t expand(const char *in, size_t n, char *out, size_t room)
{
    uLongf size = room;
    return uncompress((Bytef *)out, &size, (const Bytef *)in, n) == Z_OK ? size : 0;
}
#elif defined USE_ZSTD
#include "zstd.h"
static const int levels[] = {1, 6, 15};
static size_t squeeze(int level, const char *in, size_t n, char *out, size_t room)
{
    size_t size = ZSTD_compress(out, room, in, n, level);
    return ZSTD_isError(size) ? 0 : size;
}
static size_t expand(const char *in, size_t n, char *out, size_t room)
{
    size_t size = ZSTD_decompress(out, room, in, n);
    return ZSTD_isError(size) ? 0 : size;
}
#elif defined USE_LZ4
#include "lz4.h"
#include "lz4hc.h"
static const int levels[] = {1, 9};
static size_t squeeze(int level, const char *in, size_t n, char *out, size_t room)
{
    int size = level == 1 ? LZ4_compress_default(in, out, (int)n, (int)room)
                          : LZ4_compress_HC(in, out, (int)n, (int)room, level);
    return (size_t)size;
}
static size_t expand(const char *in, size_t n, char *out, size_t room)
{
    int size = LZ4_decompress_safe(in, out, (int)n, (int)room);
    return size > 0 ? (size_t)size : 0;
}
#elif defined USE_BROTLI
#include <brotli/decode.h>
#include <brotli/encode.h>
static const int levels[] = {2, 6};
static size_t squeeze(int level, const char *in, size_t n, char *out, size_t room)
{
    return BrotliEncoderCompress(level, 20, BROTLI_MODE_GENERIC, n, (const uint8_t *)in, &room, (uint8_t *)out)
               ? room : 0;
}
static size_t expand(const char *in, size_t n, char *out, size_t room)
{
    return BrotliDecoderDecompress(n, (const uint8_t *)in, &room, (uint8_t *)out) == BROTLI_DECODER_RESULT_SUCCESS
               ? room : 0;
}
#endif

int main(int argc, char **argv)
{
    size_t n, room;
    char *in = driver_read(&n), *out = malloc(room = n + n / 8 + 4096), *back = malloc(n + 1);
    if (out == NULL || back == NULL) return 9;
    for (int round = driver_rounds(argc, argv); round > 0; round--)
        for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
            size_t size = squeeze(levels[i], in, n, out, room);
            size_t again = expand(out, size, back, n);
            int is_same = again == n && memcmp(in, back, n) == 0;
            if (round == 1)
                printf("level %d: %zu to %zu bytes, %016llx, %s\n", levels[i], n, size,
                       (unsigned long long)driver_hash(DRIVER_HASH_START, out, size), is_same ? "and back" : "WRONG");
            if (!is_same) return 1;
        }
    return 0;
}
