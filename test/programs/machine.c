/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* machine.c - two little machines inside: a brainfuck interpreter for the argument, with standard
 * input, and a stack machine running a fixed program. Ends with what the stack machine returns.
 *
 * run: "++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>>.<-.<.+++.------.--------.>>+.>++."
 * run: ",[.,]"
 * run: "+++[[-]"
 * run: ">>++++[<++++[<++++>-]>-]<<+[>+>++<<-]>[<+>-]<.>>-."
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { TAPE = 30000, CODE_MAX = 4096 };

/* False if brackets do not match. target[i] is the bracket that belongs to the one at i. */
static bool match(const char *code, int length, int *target)
{
    int open[CODE_MAX], depth = 0;
    for (int i = 0; i < length; i++) {
        if (code[i] == '[') open[depth++] = i;
        if (code[i] != ']') continue;
        if (depth == 0) return false;
        target[i] = open[--depth];
        target[target[i]] = i;
    }
    return depth == 0;
}

static void interpret(const char *code)
{
    static uint8_t tape[TAPE];
    static int target[CODE_MAX];
    int length = (int)strlen(code), at = 0;
    if (length > CODE_MAX || !match(code, length, target)) {
        printf("brackets do not match\n");
        return;
    }
    long steps = 0;
    for (int i = 0; i < length; i++, steps++) {
        switch (code[i]) {
        case '>': at = at + 1 < TAPE ? at + 1 : 0; break;
        case '<': at = at > 0 ? at - 1 : TAPE - 1; break;
        case '+': tape[at]++; break;
        case '-': tape[at]--; break;
        case '.': putchar(tape[at]); break;
        case ',': {
            int c = getchar();
            tape[at] = (uint8_t)(c == EOF ? 0 : c);
            break;
        }
        case '[':
            if (tape[at] == 0) i = target[i];
            break;
        case ']':
            if (tape[at] != 0) i = target[i];
            break;
        }
    }
    printf("\n%ld steps\n", steps);
}

typedef enum Op {
    PUSH,
    DUP,
    SWAP,
    OVER,
    DROP,
    ADD,
    SUB,
    MUL,
    MOD,
    LESS,
    JUMP,
    JUMP_IF_0,
    CALL,
    RETURN,
    PRINT,
    HALT
} Op;

/* clang-format off */
/* A greatest common divisor by a subroutine, then the sum of 1 to 100, with steps that cancel out. */
static const int32_t program[] = {
    /*  0 */ PUSH, 1071, PUSH, 462, CALL, 32, PRINT,
    /*  7 */ PUSH, 0, PUSH, 100,              /* sum i */
    /* 11 */ DUP, JUMP_IF_0, 26,              /* while i != 0 */
    /* 14 */ DUP, DUP, MUL, OVER, SWAP, DROP, /* sum i i */
    /* 20 */ DROP, SWAP, OVER, ADD, JUMP, 44,
    /* 26 */ DROP, PRINT, PUSH, 77, HALT, HALT,
    /* 32 */ DUP, JUMP_IF_0, 42,              /* gcd: a b; while b != 0 */
    /* 35 */ SWAP, OVER, MOD, JUMP, 32, HALT, HALT,
    /* 42 */ DROP, RETURN,
    /* 44 */ SWAP, PUSH, 1, SUB, JUMP, 11,
};
/* clang-format on */

static int32_t run(void)
{
    int32_t stack[64], calls[16];
    int sp = 0, nested = 0;
    for (const int32_t *pc = program;;) {
        int32_t top = sp > 0 ? stack[sp - 1] : 0, below = sp > 1 ? stack[sp - 2] : 0;
        switch ((Op)*pc++) {
        case PUSH: stack[sp++] = *pc++; break;
        case DUP: stack[sp++] = top; break;
        case SWAP:
            stack[sp - 1] = below;
            stack[sp - 2] = top;
            break;
        case OVER: stack[sp++] = below; break;
        case DROP: sp--; break;
        case ADD: stack[--sp - 1] = below + top; break;
        case SUB: stack[--sp - 1] = below - top; break;
        case MUL: stack[--sp - 1] = below * top; break;
        case MOD: stack[--sp - 1] = below % top; break;
        case LESS: stack[--sp - 1] = below < top; break;
        case JUMP: pc = program + *pc; break;
        case JUMP_IF_0:
            sp--;
            pc = top == 0 ? program + *pc : pc + 1;
            break;
        case CALL:
            calls[nested++] = (int32_t)(pc + 1 - program);
            pc = program + *pc;
            break;
        case RETURN: pc = program + calls[--nested]; break;
        case PRINT:
            printf("%d\n", (int)top);
            sp--;
            break;
        case HALT: return top;
        }
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) interpret(argv[i]);
    return (int)run();
}
