/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_type_text.c - reading types. A token is a parenthesis or a run of other visible characters; the reader
 * holds one, and whoever does not like it says what was expected there. */
#include "api/tern_type_text.h"

#include <stdio.h>

#include "base/vec.h"

#define PAGES_MAX_32 65536u
#define PAGES_MAX_64 (1ull << 48)

typedef struct Reader {
    const char *text; /* all of it */
    const char *at;   /* of the token; at the NUL: the end */
    size_t size;      /* of the token; 0: the end */
    tern_error *error;
} Reader;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void next(Reader *r)
{
    const char *p = r->at + r->size;
    while (is_blank(*p)) p++;
    r->at = p;
    if (*p == '(' || *p == ')') p++;
    else
        while (*p != '\0' && *p != '(' && *p != ')' && !is_blank(*p)) p++;
    r->size = (size_t)(p - r->at);
}

static bool refuse(const Reader *r, const char *expected)
{
    if (r->error == NULL) return false;
    r->error->kind = TERN_ERROR_USAGE;
    snprintf(r->error->text, sizeof r->error->text, "type \"%.200s\": expected %s at character %zu, found %s%.*s%s",
             r->text, expected, (size_t)(r->at - r->text) + 1, r->size > 0 ? "\"" : "the end",
             (int)u64_min(r->size, 60), r->at, r->size > 0 ? "\"" : "");
    return false;
}

static bool start(Reader *r, const char *text, tern_error *error)
{
    *r = (Reader){.text = text != NULL ? text : "(none)", .at = text, .error = error};
    if (text == NULL) {
        r->at = r->text;
        return refuse(r, "a type");
    }
    next(r);
    return true;
}

static bool is(const Reader *r, const char *token)
{
    return r->size == strlen(token) && memcmp(r->at, token, r->size) == 0;
}

static bool take(Reader *r, const char *token)
{
    if (!is(r, token)) return false;
    next(r);
    return true;
}

static bool expect(Reader *r, const char *token)
{
    if (take(r, token)) return true;
    char quoted[16];
    snprintf(quoted, sizeof quoted, "\"%s\"", token);
    return refuse(r, quoted);
}

static bool expect_end(const Reader *r) { return r->size == 0 || refuse(r, "the end"); }

/* "(word" without moving, unless it is that. */
static bool take_opening(Reader *r, const char *word)
{
    Reader ahead = *r;
    if (!take(&ahead, "(") || !take(&ahead, word)) return false;
    *r = ahead;
    return true;
}

/* --- value types -------------------------------------------------------------------------------------- */

static const struct {
    const char *heap, *short_name;
    HeapCode code;
} heaps[] = {
    {"func", "funcref", HEAP_FUNC},        {"extern", "externref", HEAP_EXTERN},
    {"any", "anyref", HEAP_ANY},           {"eq", "eqref", HEAP_EQ},
    {"i31", "i31ref", HEAP_I31},           {"struct", "structref", HEAP_STRUCT},
    {"array", "arrayref", HEAP_ARRAY},     {"exn", "exnref", HEAP_EXN},
    {"none", "nullref", HEAP_NONE},        {"nofunc", "nullfuncref", HEAP_NOFUNC},
    {"noextern", "nullexternref", HEAP_NOEXTERN}, {"noexn", "nullexnref", HEAP_NOEXN},
};

static bool read_ref_type(Reader *r, ValType *out)
{
    if (take_opening(r, "ref")) {
        bool is_nullable = take(r, "null");
        for (u32 i = 0; i < COUNT_OF(heaps); i++) {
            if (!take(r, heaps[i].heap)) continue;
            *out = vt_abstract(heaps[i].code, is_nullable);
            return expect(r, ")");
        }
        bool is_index = r->size > 0 && (*r->at == '$' || (*r->at >= '0' && *r->at <= '9'));
        return refuse(r, is_index ? "an abstract heap type, as concrete ones are a module's own,"
                                  : "a heap type");
    }
    for (u32 i = 0; i < COUNT_OF(heaps); i++) {
        if (!take(r, heaps[i].short_name)) continue;
        *out = vt_abstract(heaps[i].code, true);
        return true;
    }
    return refuse(r, "a reference type");
}

static bool read_type(Reader *r, ValType *out)
{
    static const struct {
        const char *name;
        ValType type;
    } numbers[] = {{"i32", VT_I32}, {"i64", VT_I64}, {"f32", VT_F32}, {"f64", VT_F64}, {"v128", VT_V128}};
    for (u32 i = 0; i < COUNT_OF(numbers); i++) {
        if (!take(r, numbers[i].name)) continue;
        *out = numbers[i].type;
        return true;
    }
    bool is_ref = is(r, "(") || (r->size > 3 && memcmp(r->at + r->size - 3, "ref", 3) == 0);
    return is_ref ? read_ref_type(r, out) : refuse(r, "a value type");
}

/* --- limits ------------------------------------------------------------------------------------------- */

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* As the text format has them: decimal or hexadecimal, '_' between digits. False: it is none. */
static bool is_number(const Reader *r, u64 *out)
{
    const char *p = r->at, *end = r->at + r->size;
    u64 base = 10, value = 0;
    if (r->size > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
    }
    bool was_digit = false;
    for (; p < end; p++) {
        if (*p == '_' && was_digit) {
            was_digit = false;
            continue;
        }
        u64 d = (u64)digit(*p), product;
        if (d >= base || !u64_mul(value, base, &product) || !u64_add(product, d, &value)) return false;
        was_digit = true;
    }
    *out = value;
    return was_digit;
}

static bool read_number(Reader *r, u64 max, const char *expected, u64 *out)
{
    if (!is_number(r, out) || *out > max) return refuse(r, expected);
    next(r);
    return true;
}

/* most[0] of them with 32-bit addresses, most[1] with 64-bit ones. */
static bool read_limits(Reader *r, const u64 most[2], const char *expected, Limits *out)
{
    *out = (Limits){.max = UINT64_MAX};
    out->is_64 = take(r, "i64");
    if (!out->is_64) (void)take(r, "i32");
    u64 max = most[out->is_64], ignored;
    if (!read_number(r, max, expected, &out->min)) return false;
    out->has_max = is_number(r, &ignored);
    if (out->has_max && ignored < out->min) return refuse(r, "a maximum not below the minimum");
    if (out->has_max && !read_number(r, max, expected, &out->max)) return false;
    if (is(r, "shared") && !out->has_max) return refuse(r, "a maximum, which what is shared must have,");
    out->is_shared = take(r, "shared");
    return true;
}

/* --- types -------------------------------------------------------------------------------------------- */

typedef struct Types {
    VEC(ValType)
} Types;

static bool read_types(Reader *r, Alloc *alloc, Types *out)
{
    while (!is(r, ")")) {
        ValType type;
        if (!read_type(r, &type)) return false;
        if (vec_push(out, alloc, type)) continue;
        if (r->error != NULL) {
            r->error->kind = TERN_ERROR_RESOURCE;
            snprintf(r->error->text, sizeof r->error->text, "out of memory");
        }
        return false;
    }
    next(r);
    return true;
}

bool tern_type_text_func(TypeRegistry *types, Alloc *alloc, const char *text, u32 *type_id, tern_error *error)
{
    Reader r;
    if (!start(&r, text, error)) return false;
    Types params = {0}, results = {0};
    bool ok = true;
    while (ok && take_opening(&r, "param")) ok = read_types(&r, alloc, &params);
    while (ok && take_opening(&r, "result")) ok = read_types(&r, alloc, &results);
    if (ok && r.size > 0)
        ok = refuse(&r, results.n > 0 ? "(result ...) or the end" : "(param ...), (result ...) or the end");
    if (ok) {
        *type_id = tern_types_add_func(types, params.items, params.n, results.items, results.n);
        ok = *type_id != TYPE_NONE;
        if (!ok && error != NULL) {
            error->kind = TERN_ERROR_RESOURCE;
            snprintf(error->text, sizeof error->text, "out of memory");
        }
    }
    vec_free(&params, alloc);
    vec_free(&results, alloc);
    return ok;
}

bool tern_type_text_memory(const char *text, MemoryType *out, tern_error *error)
{
    Reader r;
    *out = (MemoryType){.page_log2 = 16};
    /* What limits there are depends on the page size, which comes last. */
    static const u64 any[2] = {UINT32_MAX, UINT64_MAX};
    if (!start(&r, text, error) || !read_limits(&r, any, "a number of pages", &out->limits)) return false;
    if (take_opening(&r, "pagesize")) {
        u64 page;
        if (!is_number(&r, &page) || (page != 1 && page != 65536)) return refuse(&r, "1 or 65536");
        next(&r);
        out->page_log2 = page == 1 ? 0 : 16;
        if (!expect(&r, ")")) return false;
    }
    if (!expect_end(&r)) return false;
    u64 most = out->limits.is_64 ? PAGES_MAX_64 : PAGES_MAX_32;
    if (out->page_log2 == 0) most = out->limits.is_64 ? UINT64_MAX : UINT32_MAX;
    u64 largest = out->limits.has_max ? out->limits.max : out->limits.min;
    r.at = r.text;
    r.size = strlen(r.text);
    return largest <= most || refuse(&r, "no more pages than can be addressed");
}

bool tern_type_text_table(const char *text, TableType *out, tern_error *error)
{
    Reader r;
    static const u64 most[2] = {UINT32_MAX, UINT64_MAX};
    return start(&r, text, error) && read_limits(&r, most, "a number of elements", &out->limits) &&
           read_ref_type(&r, &out->elem) && expect_end(&r);
}

bool tern_type_text_global(const char *text, GlobalType *out, tern_error *error)
{
    Reader r;
    if (!start(&r, text, error)) return false;
    out->is_mutable = take_opening(&r, "mut");
    return read_type(&r, &out->type) && (!out->is_mutable || expect(&r, ")")) && expect_end(&r);
}
