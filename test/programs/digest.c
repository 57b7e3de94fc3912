/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* digest.c - CRC-32, Adler-32 and MD5 of each argument, and of standard input when there is none.
 *
 * run: "" a abc "message digest"
 * run:
 * run: 12345678901234567890123456789012345678901234567890123456789012345678901234567890
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t crc32(const uint8_t *at, size_t size)
{
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
            table[i] = c;
        }
    }
    uint32_t crc = ~0u;
    while (size-- > 0) crc = crc >> 8 ^ table[(crc ^ *at++) & 255];
    return ~crc;
}

static uint32_t adler32(const uint8_t *at, size_t size)
{
    uint32_t a = 1, b = 0;
    while (size-- > 0) {
        a = (a + *at++) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* One block of RFC 1321. The constants are |sin(i + 1)| * 2^32, written out: a library's sin() may
 * differ in the last bit. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static void md5_block(uint32_t state[4], const uint8_t *block)
{
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], word[16];
    for (int i = 0; i < 16; i++)
        word[i] = block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
                  (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int pick;
        switch (i / 16) {
        case 0:
            f = (b & c) | (~b & d);
            pick = i;
            break;
        case 1:
            f = (d & b) | (~d & c);
            pick = (5 * i + 1) % 16;
            break;
        case 2:
            f = b ^ c ^ d;
            pick = (3 * i + 5) % 16;
            break;
        default:
            f = c ^ (b | ~d);
            pick = 7 * i % 16;
            break;
        }
        unsigned shift = shifts[i / 16][i % 4];
        f += a + sines[i] + word[pick];
        a = d;
        d = c;
        c = b;
        b += f << shift | f >> (32 - shift);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

static void print_md5(const uint8_t *at, size_t size)
{
    uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    uint64_t nbits = (uint64_t)size * 8;
    for (; size >= 64; size -= 64, at += 64) md5_block(state, at);
    uint8_t rest[128] = {0};
    memcpy(rest, at, size);
    rest[size] = 0x80;
    size_t end = size < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++) rest[end - 8 + (size_t)i] = (uint8_t)(nbits >> 8 * i);
    for (size_t i = 0; i < end; i += 64) md5_block(state, rest + i);
    for (int i = 0; i < 16; i++) printf("%02x", (unsigned)(state[i / 4] >> i % 4 * 8 & 255));
}

static void print(const uint8_t *at, size_t size)
{
    printf("crc32 %08x adler32 %08x md5 ", (unsigned)crc32(at, size), (unsigned)adler32(at, size));
    print_md5(at, size);
    putchar('\n');
}

int main(int argc, char **argv)
{
    static uint8_t input[1 << 16];
    if (argc == 1) print(input, fread(input, 1, sizeof input, stdin));
    for (int i = 1; i < argc; i++) print((const uint8_t *)argv[i], strlen(argv[i]));

    for (uint32_t i = 0; i < sizeof input; i++) input[i] = (uint8_t)(i * i >> 5);
    print(input, sizeof input);
    return 0;
}
