/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* hostile.c - modules made to cost: is the time to load or refuse them linear in their size?
 *
 *   hostile [NAME]   each kind at 1, 2 and 4 MB: milliseconds per MB to decode and validate
 *
 * "grows" is the time per MB at 4 MB over that at 1 MB: about 1 where it is linear, 4 where it is quadratic. Then the
 * milliseconds per MB that it takes to make code of all bodies at 4 MB, which a guest asks for one function at a time,
 * by calling it; it stops after 5 seconds (+). A kind that is refused says why; the time is what refusing took. Exit
 * status 1 if something grows by more than 2.5 and takes more than 200 ms per MB.
 */
#include <stdio.h>
#include <time.h>

#include "../test/ops/emit.h"
#include "binary/decode.h"
#include "code/code.h"
#include "port/port.h"

static u32 token_of(Handler handler) { return handler; }

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A module whose one interesting section or body is made of a repeated piece. */
typedef struct Kind {
    const char *name;
    void (*make)(Bytes *module, size_t size);
} Kind;

static void put_header(Bytes *m) { put_bytes(m, "\0asm\1\0\0", 8); }

static void put_counted(Bytes *m, u8 id, u32 count, Bytes *items)
{
    Bytes content = {0};
    put_uleb(&content, count);
    put_bytes(&content, items->p, items->n);
    bytes_done(items);
    put_section(m, id, &content);
}

static void put_text_section(Bytes *m, u8 id, const char *bytes, size_t n)
{
    Bytes content = {0};
    put_bytes(&content, bytes, n);
    put_section(m, id, &content);
}

/* Types 0: [] -> [], 1: [i32] -> [i32]; function 0 of type 0 with a body. */
static void put_one_body(Bytes *m, Bytes *body)
{
    Bytes code = {0};
    put_uleb(&code, 1);
    put_sized(&code, body);
    put_section(m, 10, &code);
}
static void put_types(Bytes *m) { put_text_section(m, 1, "\2\x60\0\0\x60\1\x7f\1\x7f", 9); }
static void put_func(Bytes *m) { put_text_section(m, 3, "\1\0", 2); }

static void repeat(Bytes *b, const char *piece, size_t n, size_t times)
{
    for (size_t i = 0; i < times; i++) put_bytes(b, piece, n);
}

static void nesting(Bytes *m, size_t size, const char *open, size_t nopen, const char *close, size_t nclose)
{
    Bytes body = {0};
    size_t n = size / (nopen + nclose);
    put_header(m), put_types(m), put_func(m);
    put_byte(&body, 0);
    repeat(&body, open, nopen, n);
    repeat(&body, close, nclose, n);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}
static void blocks(Bytes *m, size_t size) { nesting(m, size, "\x02\x40", 2, "\x0b", 1); }
static void loops(Bytes *m, size_t size) { nesting(m, size, "\x03\x40", 2, "\x0b", 1); }
static void ifs(Bytes *m, size_t size) { nesting(m, size, "\x41\0\x04\x40", 4, "\x05\x0b", 2); }
static void tries(Bytes *m, size_t size) { nesting(m, size, "\x1f\x40\1\2\0", 5, "\x0b", 1); }
static void legacy_tries(Bytes *m, size_t size) { nesting(m, size, "\x06\x40", 2, "\x19\x0b", 2); }
static void operands(Bytes *m, size_t size) { nesting(m, size, "\x41\0", 2, "\x1a", 1); }
static void branches_out(Bytes *m, size_t size) { nesting(m, size, "\x02\x40\x41\0\x0d\0", 6, "\x0b", 1); }

/* Blocks one in another, then br_ifs to the outermost of them. */
static void far_branches(Bytes *m, size_t size)
{
    Bytes body = {0};
    size_t n = size / 10;
    put_header(m), put_types(m), put_func(m);
    put_byte(&body, 0);
    repeat(&body, "\x02\x40", 2, n);
    for (size_t i = 0; i < n; i++) {
        put_bytes(&body, "\x41\0\x0d", 3);
        put_uleb(&body, n - 1);
    }
    repeat(&body, "\x0b", 1, n + 1);
    put_one_body(m, &body);
}

/* Locals that a stack full of local.get keeps alive, then sets of each. */
static void aliases(Bytes *m, size_t size)
{
    Bytes body = {0};
    size_t n = size / 9;
    put_header(m), put_types(m), put_func(m);
    put_bytes(&body, "\1\x01\x7f", 3);
    repeat(&body, "\x20\0", 2, n);
    repeat(&body, "\x41\1\x21\0", 4, n);
    repeat(&body, "\x1a", 1, n);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}

/* The same with a branch in between, where every alias has to be made good. */
static void aliases_over_branches(Bytes *m, size_t size)
{
    Bytes body = {0};
    size_t n = size / 12;
    put_header(m), put_types(m), put_func(m);
    put_bytes(&body, "\1\x01\x7f", 3);
    repeat(&body, "\x20\0", 2, n);
    repeat(&body, "\x02\x40\x20\0\x0d\0\x0b", 7, n);
    repeat(&body, "\x1a", 1, n);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}

static void br_tables(Bytes *m, size_t size)
{
    Bytes body = {0};
    put_header(m), put_types(m), put_func(m);
    put_bytes(&body, "\0\x41\0\x0e", 4);
    put_uleb(&body, size);
    repeat(&body, "\0", 1, size + 1);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}

static void many_br_tables(Bytes *m, size_t size)
{
    Bytes body = {0};
    put_header(m), put_types(m), put_func(m);
    put_byte(&body, 0);
    repeat(&body, "\x02\x40\x41\0\x0e\3\0\0\0\0\x0b", 11, size / 11);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}

static void locals(Bytes *m, size_t size)
{
    Bytes body = {0};
    put_header(m), put_types(m), put_func(m);
    put_uleb(&body, size / 2);
    repeat(&body, "\1\x7f", 2, size / 2);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}

/* Each body asks for as many locals as there may be. */
static void bodies_of_locals(Bytes *m, size_t size)
{
    Bytes funcs = {0}, code = {0};
    u32 n = (u32)(size / 9);
    put_header(m), put_types(m);
    repeat(&funcs, "\0", 1, n);
    put_counted(m, 3, n, &funcs);
    repeat(&code, "\7\1\xd0\x86\x03\x7f\x01\x0b", 8, n); /* 50000 i32 */
    put_counted(m, 10, n, &code);
}

static void bodies(Bytes *m, size_t size)
{
    Bytes funcs = {0}, code = {0};
    u32 n = (u32)(size / 4);
    put_header(m), put_types(m);
    repeat(&funcs, "\0", 1, n);
    put_counted(m, 3, n, &funcs);
    repeat(&code, "\2\0\x0b", 3, n);
    put_counted(m, 10, n, &code);
}

static void items(Bytes *m, size_t size, u8 id, const char *piece, size_t n)
{
    Bytes list = {0};
    put_header(m);
    if (id != 1) put_types(m);
    if (id > 3 && id < 10) put_func(m);
    if (id > 4 && id != 10) put_text_section(m, 4, "\1\x70\0\0", 4);
    if (id > 5 && id != 10 && id != 13) put_text_section(m, 5, "\1\0\1", 3);
    u32 count = (u32)(size / n);
    repeat(&list, piece, n, count);
    put_counted(m, id, count, &list);
    if (id > 3 && id < 10) put_text_section(m, 10, "\1\2\0\x0b", 4);
}
static void same_types(Bytes *m, size_t size) { items(m, size, 1, "\x60\0\0", 3); }
static void tables(Bytes *m, size_t size) { items(m, size, 4, "\x70\0\0", 3); }
static void memories(Bytes *m, size_t size) { items(m, size, 5, "\0\0", 2); }
static void globals(Bytes *m, size_t size) { items(m, size, 6, "\x7f\0\x41\0\x0b", 5); }

static void exports(Bytes *m, size_t size)
{
    Bytes list = {0};
    u32 n = (u32)(size / 9);
    put_header(m), put_types(m), put_func(m);
    for (u32 i = 0; i < n; i++) {
        put_byte(&list, 6);
        for (u32 j = 0, v = i; j < 6; j++, v /= 26) put_byte(&list, (u8)('a' + v % 26));
        put_bytes(&list, "\0\0", 2);
    }
    put_counted(m, 7, n, &list);
    put_text_section(m, 10, "\1\2\0\x0b", 4);
}
static void imports(Bytes *m, size_t size) { items(m, size, 2, "\1m\1n\0\0", 6); }
static void elems(Bytes *m, size_t size) { items(m, size, 9, "\1\0\0", 3); }
static void datas(Bytes *m, size_t size) { items(m, size, 11, "\1\0", 2); }
static void customs(Bytes *m, size_t size)
{
    put_header(m);
    repeat(m, "\0\2\1x", 4, size / 4);
}

/* Functions of different types with as many results as there may be. */
static void wide_types(Bytes *m, size_t size)
{
    Bytes list = {0};
    u32 n = (u32)(size / 1005);
    put_header(m);
    for (u32 i = 0; i < n; i++) {
        put_bytes(&list, "\x60\0", 2);
        put_uleb(&list, 1000);
        for (u32 j = 0; j < 1000; j++) put_byte(&list, (u8)(0x7f - (i >> (j % 20) & 1)));
    }
    put_counted(m, 1, n, &list);
}

/* Blocks that carry a thousand values, in one another. */
static void wide_blocks(Bytes *m, size_t size)
{
    Bytes type = {0}, body = {0};
    size_t n = size / 8;
    put_header(m);
    put_byte(&type, 2);
    put_bytes(&type, "\x60\0\0\x60", 4);
    for (u32 i = 0; i < 2; i++) {
        put_uleb(&type, 1000);
        repeat(&type, "\x7f", 1, 1000);
    }
    put_section(m, 1, &type);
    put_func(m);
    put_byte(&body, 0);
    repeat(&body, "\x41\0", 2, 1000);
    repeat(&body, "\x02\1\x41\0\x0d\0\x0b", 7, n);
    repeat(&body, "\x1a", 1, 1000);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}

/* One recursion group; groups that mention the one before; a chain of supertypes that starts again and again. */
static void one_group(Bytes *m, size_t size)
{
    Bytes content = {0};
    u32 n = (u32)(size / 6);
    put_header(m);
    put_bytes(&content, "\1\x4e", 2);
    put_uleb(&content, n);
    repeat(&content, "\x5f\1\x63\0\0", 5, n);
    put_section(m, 1, &content);
}
static void group_chains(Bytes *m, size_t size)
{
    Bytes list = {0};
    u32 n = (u32)(size / 7);
    put_header(m);
    put_bytes(&list, "\x5f\0", 2);
    for (u32 i = 1; i < n; i++) {
        put_bytes(&list, "\x5f\1\x63", 3);
        put_sleb(&list, i - 1);
        put_byte(&list, 0);
    }
    put_counted(m, 1, n, &list);
}
static void super_chains(Bytes *m, size_t size)
{
    Bytes list = {0};
    u32 n = (u32)(size / 7);
    put_header(m);
    for (u32 i = 0; i < n; i++) {
        put_byte(&list, 0x50);
        put_byte(&list, i % 60 != 0);
        if (i % 60 != 0) put_uleb(&list, i - 1);
        put_bytes(&list, "\x5f\0", 2);
    }
    put_counted(m, 1, n, &list);
}

/* Constant expressions that nest; elements given by expressions. */
static void deep_constants(Bytes *m, size_t size)
{
    Bytes content = {0};
    size_t n = size / 3;
    put_header(m);
    put_bytes(&content, "\1\x7f\0\x41\0", 5);
    repeat(&content, "\x41\1", 2, n);
    repeat(&content, "\x6a", 1, n);
    put_byte(&content, 0x0b);
    put_section(m, 6, &content);
}
static void names(Bytes *m, size_t size)
{
    Bytes content = {0}, list = {0};
    u32 n = (u32)(size / 6);
    put_header(m);
    put_bytes(&content, "\4name\1", 6);
    put_uleb(&list, n);
    for (u32 i = 0; i < n; i++) {
        put_uleb(&list, i);
        put_bytes(&list, "\2ab", 3);
    }
    put_sized(&content, &list);
    put_section(m, 0, &content);
}
static void dead_code(Bytes *m, size_t size)
{
    Bytes body = {0};
    put_header(m), put_types(m), put_func(m);
    put_bytes(&body, "\0\0", 2);
    repeat(&body, "\x6a\x1a", 2, size / 2);
    put_byte(&body, 0x0b);
    put_one_body(m, &body);
}
static void selects(Bytes *m, size_t size)
{
    Bytes body = {0};
    put_header(m), put_types(m), put_func(m);
    put_bytes(&body, "\0\x41\0", 3);
    repeat(&body, "\x41\0\x41\1\x1b", 5, size / 5);
    put_bytes(&body, "\x1a\x0b", 2);
    put_one_body(m, &body);
}

static const Kind kinds[] = {
#define KIND(f) {#f, f}
    KIND(blocks), KIND(loops), KIND(ifs), KIND(tries), KIND(legacy_tries), KIND(operands), KIND(branches_out),
    KIND(far_branches), KIND(aliases), KIND(aliases_over_branches), KIND(br_tables), KIND(many_br_tables), KIND(locals),
    KIND(bodies_of_locals), KIND(bodies), KIND(same_types), KIND(wide_types), KIND(wide_blocks), KIND(one_group),
    KIND(group_chains), KIND(super_chains), KIND(imports), KIND(tables), KIND(memories), KIND(globals),
    KIND(exports), KIND(elems), KIND(datas), KIND(customs), KIND(deep_constants), KIND(names),
    KIND(dead_code), KIND(selects),
};

typedef struct Times {
    double load, lower;
    bool is_cut;
} Times;

/* Milliseconds; why tells how it ended. */
static Times measure(const Bytes *m, bool lowers, char *why, size_t why_size)
{
    Times t = {0};
    double start = now_ms();
    Alloc *alloc = tern_port_system_alloc();
    TypeRegistry *types = tern_types_new(alloc);
    Diag diag = {0};
    DecodeOptions options = {.features = FEATURES_ALL};
    Module *module = tern_module_decode(types, alloc, m->p, m->n, &options, &diag);
    double loaded = now_ms();
    t.load = loaded - start;
    ModuleCode *code = module != NULL && lowers ? tern_code_of(module, token_of) : NULL;
    CodeSet *set = code != NULL ? tern_code_set(code, CODE_CHECKED) : NULL;
    bool done = module != NULL;
    for (u32 i = 0; done && set != NULL && i < module->nfuncs - module->nimported[EXTERN_FUNC]; i++) {
        done = tern_code_lower(code, set, i, token_of, &diag);
        t.is_cut = now_ms() - loaded > 5000;
        if (t.is_cut) break;
    }
    t.lower = now_ms() - loaded;
    snprintf(why, why_size, "loaded");
    if (!done) tern_diag_format(&diag, why, why_size);
    tern_module_release(module);
    tern_types_free(types);
    return t;
}

int main(int argc, char **argv)
{
    bool is_bad = false;
    printf("%-22s %8s %8s %8s %6s %8s\n", "ms per MB at", "1 MB", "2 MB", "4 MB", "grows", "code");
    for (u32 i = 0; i < COUNT_OF(kinds); i++) {
        double each[3];
        char why[120] = "";
        Times last = {0};
        if (argc > 1 && strcmp(argv[1], kinds[i].name) != 0) continue;
        for (u32 j = 0; j < 3; j++) {
            Bytes m = {0};
            kinds[i].make(&m, (size_t)1000000 << j);
            last = measure(&m, j == 2, why, sizeof why);
            each[j] = last.load / ((double)m.n / 1e6);
            last.lower /= (double)m.n / 1e6;
            bytes_done(&m);
        }
        double grows = each[0] > 0 ? each[2] / each[0] : 0;
        is_bad |= grows > 2.5 && each[2] > 200;
        printf("%-22s %8.1f %8.1f %8.1f %6.1f %8.1f%s %s\n", kinds[i].name, each[0], each[1], each[2], grows,
               last.lower, last.is_cut ? "+" : " ", why);
        fflush(stdout);
    }
    return is_bad;
}
