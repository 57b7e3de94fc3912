/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* demangle.c - names as people wrote them: Rust's two ways of mangling, and C++ through the C++ library of this
 * machine, which is looked for when the first such name is to be printed.
 *
 * Names come from modules and are hostile: nesting, output and steps are bounded, and a name that passes a bound
 * is printed as it is. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trap.h"

/* --- Rust, version 0 (RFC 2603) ---------------------------------------------------------------------- */

enum { MAX_DEPTH = 100, MAX_STEPS = 20000 };

typedef struct Demangler {
    const char *in; /* behind the prefix: what back references count from */
    size_t size, at;
    char *out;
    size_t room, length;
    unsigned depth, steps;
    uint64_t bound_lifetimes;
    bool is_quiet; /* read, but print nothing */
} Demangler;

static bool rust_type(Demangler *d);
static bool rust_path(Demangler *d, bool in_value);
static bool rust_const(Demangler *d);

static bool print_bytes(Demangler *d, const char *text, size_t size)
{
    if (d->is_quiet) return true;
    if (size >= d->room - d->length) return false;
    memcpy(d->out + d->length, text, size);
    d->length += size;
    return true;
}
static bool print(Demangler *d, const char *text) { return print_bytes(d, text, strlen(text)); }

static bool print_number(Demangler *d, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    return print(d, text);
}

static char peek(const Demangler *d) { return d->at < d->size ? d->in[d->at] : '\0'; }
static bool take(Demangler *d, char c)
{
    if (c == '\0' || peek(d) != c) return false;
    d->at++;
    return true;
}

/* "_" is 0, "0_" 1, ... "Z_" 62. */
static bool base_62(Demangler *d, uint64_t *out)
{
    *out = 0;
    if (take(d, '_')) return true;
    for (uint64_t n = 0;;) {
        char c = peek(d);
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A') + 36 : 62;
        if (c == '_') {
            d->at++;
            *out = n + 1;
            return true;
        }
        if (digit == 62 || n > (UINT64_MAX - 62) / 62) return false;
        n = n * 62 + digit;
        d->at++;
    }
}

/* What a tag introduces, 0 without it. */
static bool tagged_number(Demangler *d, char tag, uint64_t *out)
{
    *out = 0;
    if (!take(d, tag)) return true;
    if (!base_62(d, out)) return false;
    (*out)++;
    return true;
}

/* A length and so many bytes. mark: may stand between. */
static bool counted(Demangler *d, char mark, const char **bytes, size_t *size)
{
    size_t n = 0;
    if (peek(d) < '0' || peek(d) > '9') return false;
    if (!take(d, '0'))
        for (; peek(d) >= '0' && peek(d) <= '9'; d->at++) {
            n = n * 10 + (size_t)(peek(d) - '0');
            if (n > d->size) return false;
        }
    take(d, mark);
    if (n > d->size - d->at) return false;
    *bytes = d->in + d->at;
    *size = n;
    d->at += n;
    return true;
}

/* An identifier's bytes; *is_encoded: in punycode. */
static bool identifier(Demangler *d, const char **bytes, size_t *size, bool *is_encoded)
{
    *is_encoded = take(d, 'u');
    return counted(d, '_', bytes, size);
}

static bool print_identifier(Demangler *d, const char *bytes, size_t size, bool is_encoded)
{
    if (!is_encoded) return print_bytes(d, bytes, size);
    return print(d, "punycode{") && print_bytes(d, bytes, size) && print(d, "}");
}

static bool enter(Demangler *d) { return ++d->depth <= MAX_DEPTH && ++d->steps <= MAX_STEPS; }

typedef bool Part(Demangler *d);

/* The part at an earlier place. */
static bool back_reference(Demangler *d, size_t tag_at, Part *part)
{
    uint64_t at;
    if (!base_62(d, &at) || at >= tag_at || !enter(d)) return false;
    if (d->is_quiet) {
        d->depth--;
        return true;
    }
    size_t behind = d->at;
    d->at = (size_t)at;
    bool ok = part(d);
    d->at = behind;
    d->depth--;
    return ok;
}

static bool print_lifetime(Demangler *d, uint64_t index)
{
    if (index == 0) return print(d, "'_");
    if (index > d->bound_lifetimes) return false;
    uint64_t nth = d->bound_lifetimes - index;
    const char letter[2] = {(char)('a' + nth % 26), '\0'};
    return print(d, "'") && print(d, letter) && (nth < 26 || print_number(d, nth / 26));
}

/* "for<'a> ", and what is bound until the caller takes it back. */
static bool binder(Demangler *d, uint64_t *nbound)
{
    if (!tagged_number(d, 'G', nbound)) return false;
    if (*nbound == 0) return true;
    if (*nbound > MAX_DEPTH || !print(d, "for<")) return false;
    for (uint64_t i = 0; i < *nbound; i++) {
        d->bound_lifetimes++;
        if ((i > 0 && !print(d, ", ")) || !print_lifetime(d, 1)) return false;
    }
    return print(d, "> ");
}

static bool generic_arg(Demangler *d)
{
    uint64_t index;
    if (take(d, 'L')) return base_62(d, &index) && print_lifetime(d, index);
    return take(d, 'K') ? rust_const(d) : rust_type(d);
}

/* Parts up to E, with ", " between; the number of them. */
static bool list(Demangler *d, Part *part, unsigned *n)
{
    for (*n = 0; !take(d, 'E'); ++*n)
        if ((*n > 0 && !print(d, ", ")) || !part(d)) return false;
    return true;
}

static bool path_in_type(Demangler *d) { return rust_path(d, false); }
static bool path_in_value(Demangler *d) { return rust_path(d, true); }

/* An impl's own path says nothing that its type does not. */
static bool skip_impl_path(Demangler *d)
{
    uint64_t ignored;
    bool was_quiet = d->is_quiet;
    d->is_quiet = true;
    bool ok = tagged_number(d, 's', &ignored) && rust_path(d, false);
    d->is_quiet = was_quiet;
    return ok;
}

static bool nested_path(Demangler *d, bool in_value)
{
    char space = peek(d);
    uint64_t nth;
    const char *bytes;
    size_t size;
    bool is_encoded, is_special = space >= 'A' && space <= 'Z';
    if (!is_special && (space < 'a' || space > 'z')) return false;
    d->at++;
    if (!rust_path(d, in_value) || !tagged_number(d, 's', &nth) || !identifier(d, &bytes, &size, &is_encoded))
        return false;
    if (!is_special) return size == 0 || (print(d, "::") && print_identifier(d, bytes, size, is_encoded));
    const char kind[2] = {space, '\0'};
    return print(d, "::{") && print(d, space == 'C' ? "closure" : space == 'S' ? "shim" : kind) &&
           (size == 0 || (print(d, ":") && print_identifier(d, bytes, size, is_encoded))) && print(d, "#") &&
           print_number(d, nth) && print(d, "}");
}

static bool rust_path_inside(Demangler *d, bool in_value)
{
    size_t at = d->at;
    uint64_t ignored;
    const char *bytes;
    size_t size;
    bool is_encoded;
    unsigned n;
    switch (d->at < d->size ? d->in[d->at++] : '\0') {
    case 'C':
        return tagged_number(d, 's', &ignored) && identifier(d, &bytes, &size, &is_encoded) &&
               print_identifier(d, bytes, size, is_encoded);
    case 'N': return nested_path(d, in_value);
    case 'M': return skip_impl_path(d) && print(d, "<") && rust_type(d) && print(d, ">");
    case 'X':
        return skip_impl_path(d) && print(d, "<") && rust_type(d) && print(d, " as ") && rust_path(d, false) &&
               print(d, ">");
    case 'Y': return print(d, "<") && rust_type(d) && print(d, " as ") && rust_path(d, false) && print(d, ">");
    case 'I':
        return rust_path(d, in_value) && print(d, in_value ? "::<" : "<") && list(d, generic_arg, &n) && print(d, ">");
    case 'B': return back_reference(d, at, in_value ? path_in_value : path_in_type);
    default: return false;
    }
}

static bool rust_path(Demangler *d, bool in_value)
{
    bool ok = enter(d) && rust_path_inside(d, in_value);
    d->depth--;
    return ok;
}

static bool function_type(Demangler *d)
{
    uint64_t nbound;
    const char *bytes;
    size_t size;
    bool is_encoded;
    unsigned n;
    if (!binder(d, &nbound) || (take(d, 'U') && !print(d, "unsafe "))) return false;
    if (take(d, 'K')) {
        if (!print(d, "extern \"")) return false;
        if (take(d, 'C')) {
            if (!print(d, "C")) return false;
        } else if (!identifier(d, &bytes, &size, &is_encoded) || !print_bytes(d, bytes, size)) {
            return false;
        }
        if (!print(d, "\" ")) return false;
    }
    if (!print(d, "fn(") || !list(d, rust_type, &n) || !print(d, ")")) return false;
    bool ok = take(d, 'u') || (print(d, " -> ") && rust_type(d));
    d->bound_lifetimes -= nbound;
    return ok;
}

/* A trait, its generic arguments left open for "Item = T". */
static bool dyn_trait(Demangler *d)
{
    const char *bytes;
    size_t size, before = d->length;
    bool is_encoded;
    if (!rust_path(d, false)) return false;
    bool is_open = !d->is_quiet && d->length > before && d->out[d->length - 1] == '>' && peek(d) == 'p';
    if (is_open) d->length--;
    for (bool has_any = is_open; peek(d) == 'p'; has_any = true) {
        d->at++;
        if (!print(d, has_any ? ", " : "<") || !identifier(d, &bytes, &size, &is_encoded) ||
            !print_identifier(d, bytes, size, is_encoded) || !print(d, " = ") || !rust_type(d))
            return false;
        is_open = true;
    }
    return !is_open || print(d, ">");
}

static bool dyn_type(Demangler *d)
{
    uint64_t nbound, lifetime;
    if (!print(d, "dyn ") || !binder(d, &nbound)) return false;
    for (unsigned n = 0; !take(d, 'E'); n++)
        if ((n > 0 && !print(d, " + ")) || !dyn_trait(d)) return false;
    d->bound_lifetimes -= nbound;
    return take(d, 'L') && base_62(d, &lifetime) &&
           (lifetime == 0 || (print(d, " + ") && print_lifetime(d, lifetime)));
}

static const char *basic_type(char c)
{
    static const char *const names[26] = {"i8", "bool", "char", "f64", "str", "f32", NULL, "u8", "isize", "usize",
                                          NULL, "i32", "u32", "i128", "u128", "_", NULL, NULL, "i16", "u16", "()",
                                          "...", NULL, "i64", "u64", "!"};
    return c >= 'a' && c <= 'z' ? names[c - 'a'] : NULL;
}

static bool rust_type_inside(Demangler *d)
{
    size_t at = d->at;
    uint64_t lifetime = 0;
    unsigned n;
    char c = peek(d);
    const char *basic = basic_type(c);
    if (c == '\0') return false;
    d->at++;
    if (basic != NULL) return print(d, basic);
    switch (c) {
    case 'A': return print(d, "[") && rust_type(d) && print(d, "; ") && rust_const(d) && print(d, "]");
    case 'S': return print(d, "[") && rust_type(d) && print(d, "]");
    case 'T': return print(d, "(") && list(d, rust_type, &n) && print(d, n == 1 ? ",)" : ")");
    case 'R':
    case 'Q':
        if (!print(d, "&")) return false;
        if (take(d, 'L') && !base_62(d, &lifetime)) return false;
        if (lifetime > 0 && (!print_lifetime(d, lifetime) || !print(d, " "))) return false;
        return (c == 'R' || print(d, "mut ")) && rust_type(d);
    case 'P': return print(d, "*const ") && rust_type(d);
    case 'O': return print(d, "*mut ") && rust_type(d);
    case 'F': return function_type(d);
    case 'D': return dyn_type(d);
    case 'B': return back_reference(d, at, rust_type);
    default:
        d->at = at;
        return rust_path(d, false);
    }
}

static bool rust_type(Demangler *d)
{
    bool ok = enter(d) && rust_type_inside(d);
    d->depth--;
    return ok;
}

static bool rust_const(Demangler *d)
{
    size_t at = d->at;
    char type = peek(d);
    if (take(d, 'p')) return print(d, "_");
    if (take(d, 'B')) return back_reference(d, at, rust_const);
    if (basic_type(type) == NULL) return false; /* structures are for future versions */
    d->at++;
    if (take(d, 'n') && !print(d, "-")) return false;
    size_t start = d->at;
    uint64_t n = 0;
    for (; !take(d, '_'); d->at++) {
        char c = peek(d);
        bool is_letter = c >= 'a' && c <= 'f';
        if (!is_letter && (c < '0' || c > '9')) return false;
        n = n << 4 | (uint64_t)(is_letter ? c - 'a' + 10 : c - '0');
    }
    size_t digits = d->at - 1 - start;
    if (type == 'b' && digits == 1 && n <= 1) return print(d, n == 1 ? "true" : "false");
    if (type == 'c' && digits <= 2 && n >= 0x20 && n < 0x7f) {
        const char text[] = {'\'', (char)n, '\'', '\0'};
        return print(d, text);
    }
    if (type == 'c') return print(d, "'\\u{") && print_bytes(d, d->in + start, digits) && print(d, "}'");
    if (digits <= 16) return print_number(d, n);
    return print(d, "0x") && print_bytes(d, d->in + start, digits);
}

static bool rust_new(const char *name, size_t size, char *buf, size_t buf_size)
{
    Demangler d = {.in = name, .size = size, .out = buf, .room = buf_size};
    if (size == 0 || name[0] < 'A' || name[0] > 'Z' || !rust_path(&d, true)) return false;
    d.is_quiet = true; /* the crate that made an instance */
    if (d.at < d.size && peek(&d) != '.' && peek(&d) != '$' && !rust_path(&d, false)) return false;
    if (d.at < d.size && peek(&d) != '.' && peek(&d) != '$') return false; /* ".llvm.123" may follow */
    buf[d.length] = '\0';
    return true;
}

/* --- Rust, the older way ----------------------------------------------------------------------------- */

/* An escape between dollars; 0 if it is none. */
static char escaped(const char *text, size_t size)
{
    static const struct {
        const char *text;
        char c;
    } rows[] = {{"SP", '@'}, {"BP", '*'}, {"RF", '&'}, {"LT", '<'}, {"GT", '>'}, {"LP", '('}, {"RP", ')'}, {"C", ','}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strlen(rows[i].text) == size && memcmp(rows[i].text, text, size) == 0) return rows[i].c;
    unsigned n = 0;
    if (size < 2 || size > 3 || text[0] != 'u') return '\0';
    for (size_t i = 1; i < size; i++) {
        char c = text[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return '\0';
        n = n * 16 + (unsigned)(c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return n >= 0x20 && n < 0x7f ? (char)n : '\0';
}

static bool print_old_identifier(Demangler *d, const char *text, size_t size)
{
    if (size >= 2 && text[0] == '_' && text[1] == '$') text++, size--;
    for (size_t i = 0; i < size; i++) {
        const char *end = text[i] == '$' ? memchr(text + i + 1, '$', size - i - 1) : NULL;
        char c = end != NULL ? escaped(text + i + 1, (size_t)(end - text) - i - 1) : '\0';
        if (c != '\0') {
            if (!print_bytes(d, &c, 1)) return false;
            i = (size_t)(end - text);
        } else if (text[i] == '.' && i + 1 < size && text[i + 1] == '.') {
            if (!print(d, "::")) return false;
            i++;
        } else if (!print_bytes(d, text + i, 1)) {
            return false;
        }
    }
    return true;
}

/* Identifiers as in C++, E, and the last of them a hash of 17 characters: "h0123456789abcdef". */
static bool rust_old(const char *name, size_t size, char *buf, size_t buf_size)
{
    Demangler d = {.in = name, .size = size, .out = buf, .room = buf_size};
    for (unsigned n = 0;; n++) {
        const char *bytes;
        size_t id_size;
        if (!counted(&d, '\0', &bytes, &id_size) || id_size == 0) return false;
        bool is_hash = id_size == 17 && bytes[0] == 'h' && n > 0 && peek(&d) == 'E';
        for (size_t i = 1; is_hash && i < id_size; i++)
            is_hash = (bytes[i] >= '0' && bytes[i] <= '9') || (bytes[i] >= 'a' && bytes[i] <= 'f');
        if (is_hash) break;
        if (peek(&d) == 'E' || (n > 0 && !print(&d, "::")) || !print_old_identifier(&d, bytes, id_size)) return false;
    }
    buf[d.length] = '\0';
    return true;
}

/* --- C++ ---------------------------------------------------------------------------------------------- */

typedef char *Demangle(const char *name, char *buf, size_t *length, int *status);

/* May the text be long? It is made in memory, whatever fits here, and each back reference (S_, S0_, T_, ...) may stand
 * for all that was before it: three of them in a row triple it, and nothing does more with as many. */
static bool may_be_long(const char *name, size_t size)
{
    enum { MAX_TEXT = 16 << 20 };
    uint64_t text = size;
    unsigned n = 0;
    for (size_t i = 0; i + 1 < size && text <= MAX_TEXT; i++) {
        if (name[i] != 'S' && name[i] != 'T') continue;
        size_t to = i + 1;
        while (to < size && ((name[to] >= '0' && name[to] <= '9') || (name[to] >= 'A' && name[to] <= 'Z'))) to++;
        if (to < size && name[to] == '_' && ++n % 3 == 0) text *= 3;
    }
    return text > MAX_TEXT;
}

static bool cpp(const char *name, size_t size, char *buf, size_t buf_size)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++abi.so.1", "libc++.1.dylib"};
    static Demangle *demangle;
    static bool is_looked_for;
    if (!is_looked_for) {
        is_looked_for = true;
        for (size_t i = 0; i < sizeof libraries / sizeof *libraries && demangle == NULL; i++) {
            void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_LOCAL); /* stays for the process's life */
            void *found = library != NULL ? dlsym(library, "__cxa_demangle") : NULL;
            memcpy(&demangle, &found, sizeof found);
        }
    }
    enum { MAX_SIZE = 4096 }; /* its own bound is the stack */
    if (demangle == NULL || size > MAX_SIZE || may_be_long(name, size)) return false;
    char copy[MAX_SIZE + 1];
    memcpy(copy, name, size);
    copy[size] = '\0';
    int status = -1;
    char *text = demangle(copy, NULL, NULL, &status);
    bool ok = status == 0 && text != NULL && strlen(text) < buf_size;
    if (ok) strcpy(buf, text);
    free(text);
    return ok;
}

bool cli_demangle(const char *name, size_t size, char *buf, size_t buf_size)
{
    if (buf_size == 0) return false;
    if (size > 2 && memcmp(name, "_R", 2) == 0) return rust_new(name + 2, size - 2, buf, buf_size);
    if (size > 3 && memcmp(name, "_ZN", 3) == 0 && rust_old(name + 3, size - 3, buf, buf_size)) return true;
    return size > 2 && memcmp(name, "_Z", 2) == 0 && cpp(name, size, buf, buf_size);
}
