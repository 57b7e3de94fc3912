/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* hash.c - a 64-bit hash in the manner of xxHash over 64 KiB, and a table of strings by it. */
#include "workload.h"

enum { SIZE = 65536, SLOTS = 8192, KEYS = 5000 };
static uint8_t data[SIZE];
static char keys[KEYS][16];
static int slots[SLOTS];

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static uint64_t hash(const uint8_t *p, size_t n, uint64_t seed)
{
    static const uint64_t a = 0x9e3779b185ebca87u, b = 0xc2b2ae3d27d4eb4fu, c = 0x165667b19e3779f9u;
    uint64_t v[4] = {seed + a + b, seed + b, seed, seed - a}, h = seed + c, x;
    size_t left = n;
    for (; left >= 32; left -= 32)
        for (int i = 0; i < 4; i++, p += 8) {
            memcpy(&x, p, 8);
            v[i] = rotate(v[i] + x * b, 31) * a;
        }
    if (n >= 32) h = rotate(v[0], 1) + rotate(v[1], 7) + rotate(v[2], 12) + rotate(v[3], 18);
    h += n;
    for (; left >= 8; left -= 8, p += 8) {
        memcpy(&x, p, 8);
        h = rotate(h ^ rotate(x * b, 31) * a, 27) * a + c;
    }
    for (; left > 0; left--, p++) h = rotate(h ^ *p * c, 11) * a;
    h = (h ^ h >> 33) * b;
    h = (h ^ h >> 29) * c;
    return h ^ h >> 32;
}

static uint64_t work(int round)
{
    for (int i = 0; i < SIZE; i += 4) {
        uint32_t r = workload_random();
        memcpy(data + i, &r, 4);
    }
    uint64_t sum = 0;
    for (int i = 0; i < 8; i++) sum ^= hash(data, SIZE - (size_t)i, (uint64_t)i);
    for (int i = 0; i < KEYS; i++) {
        for (int k = 0; k < 15; k++) keys[i][k] = (char)('a' + data[(i * 13 + k) % SIZE] % 26);
        keys[i][i % 3 == 0 ? 3 : 15] = 0;
    }
    memset(slots, -1, sizeof slots);
    for (int i = 0; i < KEYS; i++) {
        size_t n = strlen(keys[i]), at = hash((const uint8_t *)keys[i], n, 1) % SLOTS;
        while (slots[at] >= 0 && strcmp(keys[slots[at]], keys[i]) != 0) at = (at + 1) % SLOTS;
        slots[at] = i;
        sum += at;
    }
    return sum + (uint64_t)round;
}

WORKLOAD_MAIN(work)
