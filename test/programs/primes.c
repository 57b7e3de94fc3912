/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* primes.c - a sieve of bits up to the argument: how many primes, gaps between them, and the last
 * few, checked by a Miller-Rabin test in 64 bit arithmetic.
 *
 * run: 100
 * run: 300000
 * run: 2
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t power_mod(uint64_t base, uint64_t exponent, uint64_t m)
{
    uint64_t result = 1;
    for (base %= m; exponent > 0; exponent >>= 1) {
        if (exponent & 1) result = result * base % m;
        base = base * base % m;
    }
    return result;
}

/* Exact below 3,215,031,751 with these witnesses; the products fit 64 bits below 2^32. */
static bool is_prime(uint64_t n)
{
    static const uint64_t witnesses[] = {2, 3, 5, 7};
    if (n < 2) return false;
    for (int i = 0; i < 4; i++)
        if (n % witnesses[i] == 0) return n == witnesses[i];
    int twos = __builtin_ctzll(n - 1);
    for (int i = 0; i < 4; i++) {
        uint64_t x = power_mod(witnesses[i], (n - 1) >> twos, n);
        int left = twos;
        while (left-- > 0 && x != 1 && x != n - 1) x = x * x % n;
        if (x != n - 1 && !(x == 1 && left == twos - 1)) return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    uint32_t limit = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    uint32_t *composite = calloc(limit / 32 + 1, sizeof *composite);
    if (composite == NULL) return 3;
    uint32_t count = 0, last = 0, gap_max = 0, gap_at = 0, wrong = 0;
    uint64_t sum = 0;
    for (uint32_t i = 2; i <= limit; i++) {
        bool is_sieved = composite[i / 32] >> (i & 31) & 1;
        if ((limit - i < 2000 || i < 2000) && is_sieved == is_prime(i)) wrong++;
        if (is_sieved) continue;
        if (last != 0 && i - last > gap_max) {
            gap_max = i - last;
            gap_at = last;
        }
        last = i;
        count++;
        sum += i;
        for (uint64_t j = (uint64_t)i * i; j <= limit; j += i) composite[j / 32] |= 1u << (j & 31);
    }
    printf("%" PRIu32 " primes up to %" PRIu32 ", the last is %" PRIu32 ", sum %" PRIu64 "\n",
           count, limit, last, sum);
    printf("widest gap %" PRIu32 " behind %" PRIu32 "; %" PRIu32 " wrong\n", gap_max, gap_at,
           wrong);
    printf("4294967291 is %s, 3215031749 is %s\n", is_prime(4294967291u) ? "prime" : "composite",
           is_prime(3215031749u) ? "prime" : "composite");
    free(composite);
    return (int)(count & 127);
}
