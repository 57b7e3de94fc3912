/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* bignum.c - whole numbers of any length: n factorial, digits of pi, a Fibonacci number.
 *
 * run: 100 60
 * run: 25 200
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMBS = 200, BASE = 1000000000 };

/* Nine decimal digits a limb, the least first; limbs behind nlimbs are zero. */
typedef struct Number {
    int nlimbs;
    uint32_t limb[LIMBS];
} Number;

static void set(Number *a, uint32_t n)
{
    memset(a, 0, sizeof *a);
    a->limb[0] = n;
    a->nlimbs = 1;
}

static void multiply(Number *a, uint32_t by)
{
    uint64_t carry = 0;
    for (int i = 0; i < a->nlimbs || carry != 0; i++) {
        if (i == LIMBS) exit(3);
        carry += (uint64_t)a->limb[i] * by;
        a->limb[i] = (uint32_t)(carry % BASE);
        carry /= BASE;
        if (i >= a->nlimbs) a->nlimbs = i + 1;
    }
}

static void add(Number *a, const Number *b)
{
    uint32_t carry = 0;
    for (int i = 0; i < b->nlimbs || i < a->nlimbs || carry != 0; i++) {
        if (i == LIMBS) exit(3);
        carry += a->limb[i] + b->limb[i];
        a->limb[i] = carry % BASE;
        carry /= BASE;
        if (i >= a->nlimbs) a->nlimbs = i + 1;
    }
}

static void print(const Number *a)
{
    int i = a->nlimbs - 1;
    printf("%u", (unsigned)a->limb[i]);
    while (i-- > 0) printf("%09u", (unsigned)a->limb[i]);
    putchar('\n');
}

/* The spigot of Rabinowitz and Wagon: the remainders of a mixed-base expansion give digit after
 * digit; nines wait until it is known whether they overflow. */
static void print_pi(int ndigits)
{
    int nterms = ndigits * 10 / 3 + 2, nines = 0, held = -1, printed = 0;
    uint32_t *term = malloc((size_t)nterms * sizeof *term);
    if (term == NULL) exit(3);
    for (int i = 0; i < nterms; i++) term[i] = 2;
    while (printed < ndigits) {
        uint64_t carry = 0;
        for (int i = nterms - 1; i > 0; i--) {
            uint64_t x = (uint64_t)term[i] * 10 + carry, divisor = 2 * (uint64_t)i + 1;
            term[i] = (uint32_t)(x % divisor);
            carry = x / divisor * (uint64_t)i;
        }
        uint64_t x = (uint64_t)term[0] * 10 + carry;
        term[0] = (uint32_t)(x % 10);
        int digit = (int)(x / 10);
        if (digit == 9) {
            nines++;
            continue;
        }
        int overflow = digit / 10;
        if (held >= 0 && printed++ < ndigits) printf("%d", held + overflow);
        for (; nines > 0; nines--)
            if (printed++ < ndigits) printf("%d", overflow ? 0 : 9);
        held = digit % 10;
    }
    putchar('\n');
    free(term);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 20, ndigits = argc > 2 ? atoi(argv[2]) : 20;
    static Number a, b, kept;

    set(&a, 1);
    for (int i = 2; i <= n; i++) multiply(&a, (uint32_t)i);
    printf("%d! = ", n);
    print(&a);

    set(&a, 0);
    set(&b, 1);
    for (int i = 0; i < n; i++) {
        kept = b;
        add(&b, &a);
        a = kept;
    }
    printf("fib(%d) = ", n);
    print(&a);

    print_pi(ndigits);
    return a.nlimbs;
}
