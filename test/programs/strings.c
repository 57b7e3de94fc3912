/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* strings.c - the library's formatting, parsing and string functions, over its arguments and fixed
 * values.
 *
 * run: 42 -17 0x1f 3.25 1e-3 text " 7up"
 * run: 99999999999999999999 -0 "" inf
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As printf into a buffer of 32, between bars, with the length it wanted. */
__attribute__((format(printf, 1, 2))) static void show(const char *format, ...)
{
    char text[32];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("|%s| %d\n", text, length);
}

static void formats(void)
{
    show("%d %5d %-5d %05d", 1, 2, 3, 4);
    show("%+d % d %x %X %#x %o", 5, 6, 0xbeef, 0xbeef, 255, 8);
    show("%" PRId64 " %" PRIu64, INT64_MIN, UINT64_MAX);
    show("%s %10s %-10s", "a", "b", "c");
    show("%.3s|%c|%%|%*d", "abcdef", 'x', 6, 7);
    show("%f %.2f %8.3f", 1.5, 2.345678, -3.14159);
    show("%e %.0e %G", 12345.678, 5e20, 1e-10);
    show("%g %g %g %g", 100000.0, 1000000.0, 0.0001, 0.00001);
    show("%a %.3a", 1.0, 3.999);
    show("%.17g %.17g", 0.1, 1.0 / 3);
    show("%s", "a text that is longer than the buffer it goes to");
    show("%hhd %hu %zu %td", 300 - 256, 65535, (size_t)9, (ptrdiff_t)-9);
    show("%5.1f|%-8.2e|%+.3g", 9.96, 0.00012345, 1234.5);
}

static void numbers(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *end;
        errno = 0;
        long long n = strtoll(argv[i], &end, 0);
        printf("\"%s\": integer %lld, rest \"%s\"%s", argv[i], n, end,
               errno == ERANGE ? ", range" : "");
        double d = strtod(argv[i], &end);
        printf("; number %g, rest \"%s\"\n", d, end);
    }
}

static void texts(int argc, char **argv)
{
    qsort(argv + 1, (size_t)argc - 1, sizeof *argv, by_text);
    for (int i = 1; i < argc; i++) printf("%s%c", argv[i], i + 1 < argc ? ',' : '\n');

    char line[] = "  the quick,brown;fox  jumps,,over ";
    for (char *word = strtok(line, " ,;"); word != NULL; word = strtok(NULL, " ,;")) {
        for (char *c = word; *c != '\0'; c++) *c = (char)(c == word ? toupper(*c) : tolower(*c));
        printf("[%s]", word);
    }
    char area[16] = "0123456789abcde";
    memmove(area + 2, area, 8);
    printf("\n%s %d %s %s %d %d\n", area, (int)strspn("aabbc", "ab"), strstr("haystack", "st"),
           strrchr("a/b/c", '/'), strncmp("abcd", "abce", 3), (int)strcspn("hello", "lo"));
    int a = 0, b = 0;
    char word[8] = "";
    int found = sscanf("12 -7 seven", "%d %d %7s", &a, &b, word);
    printf("%d %d %d %s\n", found, a, b, word);
}

int main(int argc, char **argv)
{
    formats();
    numbers(argc, argv);
    texts(argc, argv);
    return argc;
}
