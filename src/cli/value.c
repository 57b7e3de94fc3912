/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* value.c - what stands on command lines and in results: sizes, times, values of WebAssembly. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool cli_parse_count(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && errno == 0 && *end == '\0' && *out <= max;
}

bool cli_parse_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || n == 0) return false;
    unsigned shift = 0;
    if (*end != '\0') {
        const char *unit = *end >= 'A' ? strchr(units, *end & ~0x20) : NULL; /* either case */
        if (unit == NULL || *unit == '\0') return false;
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
        if (strcmp(end, "iB") == 0) end += 2;
    }
    if (*end != '\0' || n > (uint64_t)INT64_MAX >> shift) return false;
    *out = n << shift;
    return true;
}

bool cli_parse_duration(const char *text, uint64_t *out)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"m", 60}, {"h", 3600}};
    if (text[0] != '.' && (text[0] < '0' || text[0] > '9')) return false;
    char *end;
    double n = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].name) != 0) continue;
        double nanoseconds = n * units[i].seconds * 1e9;
        if (!(nanoseconds >= 1 && nanoseconds <= 1e18)) return false;
        *out = (uint64_t)nanoseconds;
        return true;
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------------------ */

/* Signed or unsigned, decimal or 0x; as many bits as the type has. */
static bool parse_integer(const char *text, unsigned bits, uint64_t *out)
{
    bool is_negative = text[0] == '-';
    const char *digits = text + (is_negative || text[0] == '+');
    if (digits[0] < '0' || digits[0] > '9') return false;
    bool is_hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    errno = 0;
    uint64_t n = strtoull(digits, &end, is_hex ? 16 : 10);
    if (errno != 0 || *end != '\0') return false;
    uint64_t max = is_negative ? (uint64_t)1 << (bits - 1) : UINT64_MAX >> (64 - bits);
    if (n > max) return false;
    *out = is_negative ? (uint64_t)0 - n : n;
    return true;
}

static bool parse_v128(const char *text, uint8_t bytes[16])
{
    if (strncmp(text, "0x", 2) != 0 || strlen(text) != 34 || strspn(text + 2, "0123456789abcdefABCDEF") != 32)
        return false;
    for (int i = 0; i < 16; i++) {
        const char pair[3] = {text[2 + 2 * i], text[3 + 2 * i], '\0'};
        bytes[15 - i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

bool cli_parse_value(const char *text, tern_value *value)
{
    uint64_t bits = 0;
    char *end = NULL;
    switch (value->kind) {
    case TERN_I32:
        if (!parse_integer(text, 32, &bits)) return false;
        value->of.i32 = (uint32_t)bits;
        return true;
    case TERN_I64: return parse_integer(text, 64, &value->of.i64);
    case TERN_F32: value->of.f32 = strtof(text, &end); return end != text && *end == '\0';
    case TERN_F64: value->of.f64 = strtod(text, &end); return end != text && *end == '\0';
    case TERN_V128: return parse_v128(text, value->of.v128);
    case TERN_REF: value->of.ref = NULL; return strcmp(text, "null") == 0;
    }
    return false;
}

const char *const cli_valkind_names[] = {"i32", "i64", "f32", "f64", "v128", "ref"};

/* Every bit of a NaN, as the text format writes it. */
static void print_nan(bool is_negative, uint64_t payload, uint64_t canonical)
{
    printf("%snan", is_negative ? "-" : "");
    if (payload != canonical) printf(":0x%" PRIx64, payload);
}

static void print_float(const tern_value *value)
{
    uint64_t bits = 0;
    if (value->kind == TERN_F32) {
        uint32_t single;
        memcpy(&single, &value->of.f32, sizeof single);
        if (isnan(value->of.f32)) print_nan(single >> 31 != 0, single & 0x7fffff, 0x400000);
        else printf("%.9g", (double)value->of.f32);
        return;
    }
    memcpy(&bits, &value->of.f64, sizeof bits);
    if (isnan(value->of.f64)) print_nan(bits >> 63 != 0, bits & 0xfffffffffffff, 0x8000000000000);
    else printf("%.17g", value->of.f64);
}

void cli_print_value(const tern_value *value)
{
    const char *type = cli_valkind_names[value->kind];
    switch (value->kind) {
    case TERN_I32: printf("%" PRId32, (int32_t)value->of.i32); break;
    case TERN_I64: printf("%" PRId64, (int64_t)value->of.i64); break;
    case TERN_F32:
    case TERN_F64: print_float(value); break;
    case TERN_V128:
        fputs("0x", stdout);
        for (int i = 15; i >= 0; i--) printf("%02x", value->of.v128[i]);
        break;
    case TERN_REF: {
        static const char *const kinds[] = {"func", "host", "i31", "struct", "array", "exn"};
        fputs(value->of.ref == NULL ? "null" : kinds[tern_ref_kind(value->of.ref)], stdout);
        break;
    }
    }
    printf(":%s\n", type);
}
