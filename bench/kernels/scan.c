/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* scan.c - the branch kernel: a text is scanned twice, by a state machine whose transitions are a
 * table and by one written as a switch, both counting names, numbers, strings and operators.
 *
 * Rounds: 500.
 */
#include "kernel.h"

enum { TEXT_BYTES = 16384 };

enum { CLASS_SPACE, CLASS_LETTER, CLASS_DIGIT, CLASS_QUOTE, CLASS_OTHER, NCLASSES };
enum { STATE_BETWEEN, STATE_NAME, STATE_NUMBER, STATE_STRING, NSTATES };

static uint8_t text[TEXT_BYTES];
static uint8_t class_of[256];

/* The next state; a token is counted where one begins, that is where BEGINS is set. */
enum { BEGINS = 8 };
static const uint8_t transition[NSTATES][NCLASSES] = {
    [STATE_BETWEEN] = {STATE_BETWEEN, STATE_NAME | BEGINS, STATE_NUMBER | BEGINS,
                       STATE_STRING | BEGINS, STATE_BETWEEN | BEGINS},
    [STATE_NAME] = {STATE_BETWEEN, STATE_NAME, STATE_NAME, STATE_STRING | BEGINS,
                    STATE_BETWEEN | BEGINS},
    [STATE_NUMBER] = {STATE_BETWEEN, STATE_NAME | BEGINS, STATE_NUMBER, STATE_STRING | BEGINS,
                      STATE_BETWEEN | BEGINS},
    [STATE_STRING] = {STATE_STRING, STATE_STRING, STATE_STRING, STATE_BETWEEN, STATE_STRING},
};

static void write_text(void)
{
    static const char *const pieces[] = {"if ", "count",        " = ",       "42",
                                         "; ",  "\"a string\"", " return ",  "x9 + y",
                                         "(",   "total",        ") * 3141 ", "\n"};
    uint32_t seed = 7, at = 0;
    while (at < TEXT_BYTES) {
        const char *piece = pieces[next_random(&seed) % 12];
        while (*piece != '\0' && at < TEXT_BYTES) text[at++] = (uint8_t)*piece++;
    }
    for (int c = 0; c < 256; c++) {
        class_of[c] = c <= ' '               ? CLASS_SPACE
                      : c >= 'a' && c <= 'z' ? CLASS_LETTER
                      : c >= '0' && c <= '9' ? CLASS_DIGIT
                      : c == '"'             ? CLASS_QUOTE
                                             : CLASS_OTHER;
    }
}

static uint32_t scan_by_table(void)
{
    uint32_t counts[NSTATES] = {0}, state = STATE_BETWEEN;
    for (uint32_t i = 0; i < TEXT_BYTES; i++) {
        uint32_t next = transition[state][class_of[text[i]]];
        state = next & (BEGINS - 1);
        counts[state] += next / BEGINS;
    }
    return counts[0] + counts[1] * 31 + counts[2] * 961 + counts[3] * 29791;
}

static uint32_t scan_by_switch(void)
{
    uint32_t names = 0, numbers = 0, strings = 0, lines = 0, value = 0, depth = 0;
    uint32_t state = STATE_BETWEEN;
    for (uint32_t i = 0; i < TEXT_BYTES; i++) {
        uint8_t c = text[i];
        if (state == STATE_STRING) {
            if (c == '"') state = STATE_BETWEEN;
            continue;
        }
        switch (c) {
        case ' ': state = STATE_BETWEEN; break;
        case '\n':
            lines++;
            state = STATE_BETWEEN;
            break;
        case '"':
            strings++;
            state = STATE_STRING;
            break;
        case '(': depth++; break;
        case ')': depth -= depth > 0; break;
        case '0' ... '9':
            if (state == STATE_NAME) break;
            numbers += state != STATE_NUMBER;
            value = value * 10 + (c - '0');
            state = STATE_NUMBER;
            break;
        case ';':
        case '=':
        case '+':
        case '*': state = STATE_BETWEEN; break;
        default:
            names += state != STATE_NAME;
            state = STATE_NAME;
            break;
        }
    }
    return names + numbers * 31 + strings * 961 + lines * 29791 + depth * 7 + value;
}

uint32_t kernel(uint32_t n)
{
    write_text();
    uint32_t sum = 1;
    for (uint32_t round = 0; round < n; round++) {
        sum = mix(sum, scan_by_table());
        sum = mix(sum, scan_by_switch());
        text[sum % TEXT_BYTES] = (uint8_t)('a' + sum % 26);
    }
    return sum;
}
