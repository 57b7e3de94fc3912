/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - what the snippets of docs/ call: small functions, one for each thing there is to show.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O1 -nostdlib -fno-inline -Wl,--no-entry \
 *            -Wl,--export-dynamic -Wl,--export=__heap_base,--export=__data_end -Wl,-z,stack-size=4096 \
 *            -Wl,--export-table,--growable-table -Wl,--allow-undefined -o guest.wasm guest.c
 */
#define EXPORT __attribute__((visibility("default")))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name)))

IMPORT(log) void host_log(const char *text, int size);
IMPORT(now) double host_now(void);

static volatile unsigned sink;
static volatile int table[64];

EXPORT int add(int a, int b) { return a + b; }
EXPORT int divide(int a, int b) { return a / b; }
EXPORT double mean(long long a, double b) { return ((double)a + b) / 2; }
EXPORT int peek(int i) { return table[i]; }
EXPORT int deep(int n) { return n == 0 ? 0 : 1 + deep(n - 1) + (int)(sink & 0); }
EXPORT int next(void)
{
    static int last;
    return ++last;
}
EXPORT void spin(void)
{
    for (;;) sink = sink;
}
EXPORT void work(int n)
{
    while (n-- > 0) sink = sink + 1;
}

/* Changes a string in place; its length. */
EXPORT int upper(char *text)
{
    int n = 0;
    for (; text[n] != '\0'; n++)
        if (text[n] >= 'a' && text[n] <= 'z') text[n] = (char)(text[n] - 'a' + 'A');
    return n;
}

EXPORT const char *motto(void) { return "small and exact"; }

struct point {
    int x, y;
};
EXPORT void shift(struct point *points, int n, int by)
{
    for (int i = 0; i < n; i++) points[i].x += by, points[i].y += by;
}

EXPORT void hello(void) { host_log("hello from the guest", 20); }
EXPORT double when(void) { return host_now(); }
EXPORT void lie(void) { host_log((const char *)0xfffffff0, 20); }

/* A function pointer out, and one in. */
static int twice(int n) { return 2 * n; }
typedef int function(int);
EXPORT function *give(void) { return twice; }
EXPORT int apply(function *f, int n) { return f(n); }

EXPORT int grow(int pages) { return (int)__builtin_wasm_memory_grow(0, (unsigned long)pages); }
EXPORT int pages(void) { return (int)__builtin_wasm_memory_size(0); }
EXPORT void scribble(int *at, int n)
{
    for (int i = 0; i < n; i++) at[i] = -1;
}
