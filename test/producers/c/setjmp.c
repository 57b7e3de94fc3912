/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* setjmp.c - an error exit out of a recursive parser, and coroutine-like hops between two buffers. */
#include "longjmp.h"
#include <stdio.h>
#include <string.h>

static jmp_buf failed;
static const char *at;

static long number(void)
{
    if (*at < '0' || *at > '9') longjmp(failed, *at ? *at : -1);
    long value = 0;
    while (*at >= '0' && *at <= '9') value = value * 10 + (*at++ - '0');
    return value;
}

static long sum(void);

static long factor(void)
{
    if (*at != '(') return number();
    at++;
    long value = sum();
    if (*at != ')') longjmp(failed, 1000);
    at++;
    return value;
}

static long product(void)
{
    long value = factor();
    for (;;) {
        if (*at == '*') at++, value *= factor();
        else if (*at == '/') {
            at++;
            long by = factor();
            if (by == 0) longjmp(failed, 0); /* arrives as 1 */
            value /= by;
        } else return value;
    }
}

static long sum(void)
{
    long value = product();
    while (*at == '+' || *at == '-') value += *at++ == '+' ? product() : -product();
    return value;
}

static void evaluate(const char *text)
{
    at = text;
    int code = setjmp(failed);
    if (code == 0) printf("%s = %ld\n", text, sum());
    else printf("%s: error %d at %d\n", text, code, (int)(at - text));
}

static jmp_buf outer, inner;

static void hop(int depth, volatile int *count)
{
    char room[64];
    memset(room, depth, sizeof room);
    if (depth > 0) hop(depth - 1, count);
    else {
        int next = *count + 1, to_outer = next % 3 == 0;
        *count = next;
        longjmp(to_outer ? outer : inner, next);
    }
    printf("not reached %d\n", room[5]);
}

int main(void)
{
    evaluate("1+2*3");
    evaluate("(1+2)*(3+4)*(5-(6-7))");
    evaluate("((((((1+x))))))");
    evaluate("10/(5-5)");
    evaluate("2*(3+4");
    evaluate("7*");
    volatile int count = 0;
    int from_outer = setjmp(outer);
    printf("outer %d, count %d\n", from_outer, count);
    if (count < 8) {
        int from_inner = setjmp(inner);
        printf("inner %d, count %d\n", from_inner, count);
        hop(20, &count);
    }
    return 0;
}
