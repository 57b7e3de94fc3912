/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tailcall.c - a bytecode machine whose instructions jump to each other by tail calls, and mutual recursion
 * far deeper than any stack, directly and through pointers. */
#include <stdint.h>
#include <stdio.h>
#define TAIL __attribute__((musttail)) return

typedef struct Machine { const uint8_t *code; int64_t stack[16]; uint64_t steps; } Machine;
typedef int64_t Handler(Machine *m, const uint8_t *pc, int64_t *sp, int64_t top);
static Handler *const handlers[];
#define NEXT TAIL handlers[*pc](m, pc, sp, top)

static int64_t op_push(Machine *m, const uint8_t *pc, int64_t *sp, int64_t top)
{
    *sp++ = top;
    top = pc[1];
    pc += 2;
    m->steps++;
    NEXT;
}
static int64_t op_add(Machine *m, const uint8_t *pc, int64_t *sp, int64_t top)
{
    top += *--sp;
    pc++;
    m->steps++;
    NEXT;
}
static int64_t op_mul(Machine *m, const uint8_t *pc, int64_t *sp, int64_t top)
{
    top = (top * *--sp) % 1000003;
    pc++;
    m->steps++;
    NEXT;
}
static int64_t op_loop(Machine *m, const uint8_t *pc, int64_t *sp, int64_t top)
{
    m->steps++;
    pc = --m->stack[15] > 0 ? pc - pc[1] : pc + 2;
    NEXT;
}
static int64_t op_halt(Machine *m, const uint8_t *pc, int64_t *sp, int64_t top)
{
    (void)pc, (void)sp;
    m->steps++;
    return top;
}
static Handler *const handlers[] = {op_halt, op_push, op_add, op_mul, op_loop};

static int odd(unsigned n, double weight, int64_t a, int64_t b, int64_t c, int64_t d);
/* Different numbers of parameters, which musttail does not allow but the compiler does by itself: the
 * callee's frame is larger than the caller's. */
static int even(unsigned n)
{
    if (n == 0) return 1;
    return odd(n - 1, n, n, 2, 3, 4);
}
static int odd(unsigned n, double weight, int64_t a, int64_t b, int64_t c, int64_t d)
{
    if (n == 0) return (int)(a + b + c + d + (int64_t)weight) * 0;
    return even(n - 1);
}

int main(void)
{
    static const uint8_t code[] = {1, 7, 3, 1, 11, 2, 4, 6, 0};
    Machine machine = {.code = code};
    machine.stack[15] = 500000;
    int64_t result = handlers[code[0]](&machine, code, machine.stack, 1);
    printf("%lld after %llu steps\n", (long long)result, (unsigned long long)machine.steps);
    volatile unsigned n = 1000001;
    printf("%d %d\n", even(n), even(n - 1));
    return 0;
}
