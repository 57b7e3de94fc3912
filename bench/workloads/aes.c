/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* aes.c - AES-128 in counter mode over 64 KiB, byte by byte as FIPS 197 writes it. */
#include "workload.h"

enum { SIZE = 65536 };
static uint8_t sbox[256], keys[176], data[SIZE];

static uint8_t twice(uint8_t x) { return (uint8_t)(x << 1 ^ (x >> 7) * 0x1b); }

static void prepare(void)
{
    uint8_t p = 1, q = 1;
    do {
        p = (uint8_t)(p ^ twice(p));
        q ^= (uint8_t)(q << 1);
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        if (q & 0x80) q ^= 0x09;
        uint8_t r = (uint8_t)(q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4));
        sbox[p] = r ^ 0x63;
    } while (p != 1);
    sbox[0] = 0x63;
    for (int i = 0; i < 16; i++) keys[i] = (uint8_t)(i * 17);
    uint8_t rcon = 1;
    for (int i = 16; i < 176; i += 4) {
        uint8_t t[4];
        memcpy(t, keys + i - 4, 4);
        if (i % 16 == 0) {
            uint8_t first = t[0];
            t[0] = sbox[t[1]] ^ rcon;
            t[1] = sbox[t[2]];
            t[2] = sbox[t[3]];
            t[3] = sbox[first];
            rcon = twice(rcon);
        }
        for (int k = 0; k < 4; k++) keys[i + k] = keys[i + k - 16] ^ t[k];
    }
}

static void encrypt(uint8_t s[16])
{
    for (int i = 0; i < 16; i++) s[i] ^= keys[i];
    for (int round = 1; round <= 10; round++) {
        uint8_t t[16];
        for (int i = 0; i < 16; i++) t[i] = sbox[s[(i + 4 * (i % 4)) % 16]];
        for (int c = 0; c < 16; c += 4) {
            uint8_t all = t[c] ^ t[c + 1] ^ t[c + 2] ^ t[c + 3];
            for (int r = 0; r < 4; r++)
                s[c + r] = (uint8_t)(round == 10 ? t[c + r] : t[c + r] ^ all ^ twice(t[c + r] ^ t[c + (r + 1) % 4]));
        }
        for (int i = 0; i < 16; i++) s[i] ^= keys[round * 16 + i];
    }
}

static uint64_t work(int round)
{
    if (round == 0) prepare();
    for (uint32_t block = 0; block < SIZE / 16; block++) {
        uint8_t s[16] = {0};
        memcpy(s, &block, 4);
        s[15] = (uint8_t)round;
        encrypt(s);
        for (int i = 0; i < 16; i++) data[block * 16 + (uint32_t)i] ^= s[i];
    }
    uint64_t sum = 0;
    for (int i = 0; i < SIZE; i++) sum = sum * 31 + data[i];
    return sum;
}

WORKLOAD_MAIN(work)
