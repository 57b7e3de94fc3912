/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* base64.c - encodes each argument, decodes it again, and does both with 100 lengths of bytes.
 *
 * run: hello "a b" ""
 * run:
 * run: "Many hands make light work."
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Writes 4 characters for each 3 bytes or the rest of them, and a NUL. */
static void encode(const uint8_t *in, size_t size, char *out)
{
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits = (uint32_t)in[i] << 16;
        if (left > 1) bits |= (uint32_t)in[i + 1] << 8;
        if (left > 2) bits |= in[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[bits & 63] : '=';
    }
    *out = '\0';
}

/* The number of bytes, or -1 for a character that does not belong. */
static int decode(const char *in, uint8_t *out)
{
    uint32_t bits = 0;
    int nbits = 0, size = 0;
    for (; *in != '\0' && *in != '='; in++) {
        const char *digit = strchr(digits, *in);
        if (digit == NULL) return -1;
        bits = bits << 6 | (uint32_t)(digit - digits);
        nbits += 6;
        if (nbits < 8) continue;
        nbits -= 8;
        out[size++] = (uint8_t)(bits >> nbits);
    }
    return size;
}

int main(int argc, char **argv)
{
    char text[512];
    uint8_t back[512];
    for (int i = 1; i < argc; i++) {
        size_t size = strlen(argv[i]);
        if (size > 300) return 2;
        encode((const uint8_t *)argv[i], size, text);
        int decoded = decode(text, back);
        printf("%s -> %s -> %.*s\n", argv[i], text, decoded, (const char *)back);
    }

    uint8_t bytes[100];
    uint32_t sum = 0;
    int wrong = 0;
    for (size_t size = 0; size <= sizeof bytes; size++) {
        for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 37 + size * 101);
        encode(bytes, size, text);
        for (const char *c = text; *c != '\0'; c++) sum = sum * 31 + (uint8_t)*c;
        if (decode(text, back) != (int)size || memcmp(bytes, back, size) != 0) wrong++;
    }
    printf("checksum %08x, %d wrong, \"?\" decodes to %d\n", (unsigned)sum, wrong,
           decode("?", back));
    return wrong;
}
