/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* json.c - reads each argument as JSON and prints it indented; ends with the number of arguments
 * refused.
 *
 * run: '{"a":[1,2.5,-3e2,{"b":null}],"c":"x\n\u0041","d":{},"e":[]}' 'true'
 * run: '[1,]' '{"a" 1}' '"open' '[[[[]]]]' '01' 'nul'
 * run: '{"deep":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}'
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

typedef struct Reader {
    const char *start, *at;
    const char *why; /* the first thing wrong */
} Reader;

static bool value(Reader *r, int depth);

static bool fail(Reader *r, const char *why)
{
    if (r->why == NULL) r->why = why;
    return false;
}

static void spaces(Reader *r)
{
    while (*r->at != '\0' && strchr(" \t\r\n", *r->at) != NULL) r->at++;
}

static bool accept(Reader *r, char c)
{
    spaces(r);
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static bool string(Reader *r)
{
    putchar('"');
    for (; *r->at != '"'; r->at++) {
        if ((unsigned char)*r->at < ' ') return fail(r, "unclosed string");
        putchar(*r->at);
        if (*r->at != '\\') continue;
        r->at++;
        if (*r->at == '\0' || strchr("\"\\/bfnrtu", *r->at) == NULL) return fail(r, "bad escape");
        putchar(*r->at);
        for (int i = 0; *r->at == 'u' && i < 4; i++)
            if (!isxdigit((unsigned char)r->at[i + 1])) return fail(r, "bad \\u");
    }
    r->at++;
    putchar('"');
    return true;
}

static bool number(Reader *r)
{
    const char *digits = r->at + (*r->at == '-');
    if (!isdigit((unsigned char)*digits)) return fail(r, "no value");
    if (digits[0] == '0' && isdigit((unsigned char)digits[1])) return fail(r, "leading zero");
    char *end;
    double n = strtod(r->at, &end);
    printf("%.10g", n);
    r->at = end;
    return true;
}

/* Behind the opening bracket: values, or names and values, until the closing one. */
static bool items(Reader *r, int depth, char close)
{
    if (depth == DEPTH_MAX) return fail(r, "too deep");
    if (accept(r, close)) {
        putchar(close);
        return true;
    }
    do {
        printf("\n%*s", 2 * depth + 2, "");
        if (close == '}') {
            if (!accept(r, '"')) return fail(r, "no name");
            if (!string(r)) return false;
            if (!accept(r, ':')) return fail(r, "no colon");
            printf(": ");
        }
        if (!value(r, depth + 1)) return false;
    } while (accept(r, ',') && putchar(','));
    if (!accept(r, close)) return fail(r, "not closed");
    printf("\n%*s%c", 2 * depth, "", close);
    return true;
}

static bool value(Reader *r, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    spaces(r);
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(r->at, words[i], length) != 0) continue;
        fputs(words[i], stdout);
        r->at += length;
        return true;
    }
    char c = *r->at;
    if (c != '[' && c != '{' && c != '"') return number(r);
    r->at++;
    if (c == '"') return string(r);
    putchar(c);
    return items(r, depth, c == '[' ? ']' : '}');
}

int main(int argc, char **argv)
{
    int refused = 0;
    for (int i = 1; i < argc; i++) {
        Reader r = {.start = argv[i], .at = argv[i]};
        bool is_read = value(&r, 0);
        spaces(&r);
        if (is_read && *r.at != '\0') is_read = fail(&r, "more behind the value");
        if (!is_read) printf("\nrefused at %d: %s", (int)(r.at - r.start), r.why);
        putchar('\n');
        refused += !is_read;
    }
    return refused;
}
