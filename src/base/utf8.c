/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* utf8.c - well-formed byte sequences, Unicode table 3-7. Only the second byte's range depends on
 * the first; the rest are 80..BF. */
#include "base/utf8.h"

bool tern_utf8_is_valid(const void *bytes, size_t size)
{
    if (size == 0) return true;
    const u8 *p = bytes, *end = p + size;
    while (p != end) {
        u64 word;
        while (end - p >= 8) { /* names are nearly always ASCII */
            memcpy(&word, p, 8);
            if ((word & 0x8080808080808080u) != 0) break;
            p += 8;
        }
        if (p == end) break;
        u8 first = *p++;
        if (first < 0x80) continue;
        if (first < 0xc2 || first > 0xf4) return false;

        size_t nrest = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if ((size_t)(end - p) < nrest) return false;
        u8 low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        u8 high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (*p < low || *p > high) return false;
        for (size_t i = 1; i < nrest; i++)
            if ((p[i] & 0xc0) != 0x80) return false;
        p += nrest;
    }
    return true;
}
