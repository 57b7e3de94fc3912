/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* spec_value.c - JSON values to and from cells.
 *
 * Host number n is the host's reference n (ref_of_host). An expected reference without a value is any of its
 * kind.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/gc_heap.h"
#include "spec.h"

const char *json_text(const cJSON *object, const char *field)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, field);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* The reader replaced \u0000 by U+E000, which no script uses, because cJSON's strings end at NUL. */
Name json_name(const cJSON *object, const char *field)
{
    const char *text = json_text(object, field);
    size_t size = strlen(text), n = 0;
    char *bytes = malloc(size + 1);
    if (bytes == NULL) abort();
    for (size_t i = 0; i < size; i++) {
        bool is_nul = strncmp(text + i, "\xee\x80\x80", 3) == 0;
        bytes[n++] = is_nul ? '\0' : text[i];
        if (is_nul) i += 2;
    }
    return (Name){bytes, (u32)n};
}

static u64 bits_of(const char *text) { return strtoull(text, NULL, 10); }

static u32 lane_bytes(const char *lane_type)
{
    static const struct {
        const char *name;
        u32 bytes;
    } lanes[] = {{"i8", 1}, {"i16", 2}, {"i32", 4}, {"i64", 8}, {"f32", 4}, {"f64", 8}};
    for (u32 i = 0; i < COUNT_OF(lanes); i++)
        if (strcmp(lane_type, lanes[i].name) == 0) return lanes[i].bytes;
    return 0;
}

static bool is_vector(const cJSON *value, u32 *bytes)
{
    *bytes = lane_bytes(json_text(value, "lane_type"));
    const cJSON *lanes = cJSON_GetObjectItemCaseSensitive(value, "value");
    return *bytes != 0 && cJSON_IsArray(lanes) && (u32)cJSON_GetArraySize(lanes) == 16 / *bytes;
}

static Ref host_ref(const char *text) { return ref_of_host((const void *)(uintptr_t)bits_of(text)); }

u32 value_write(const cJSON *value, ValType type, u64 *cells)
{
    const char *text = json_text(value, "value");
    if (type == VT_V128) {
        u32 bytes;
        if (!is_vector(value, &bytes)) return 0;
        u8 *out = (u8 *)cells;
        const cJSON *lane;
        cJSON_ArrayForEach(lane, cJSON_GetObjectItemCaseSensitive(value, "value"))
        {
            u64 bits = bits_of(lane->valuestring);
            memcpy(out, &bits, bytes); /* little-endian hosts only, as the runtime's own v128 */
            out += bytes;
        }
        return 2;
    }
    if (vt_is_ref(type)) {
        if (*text == '\0') return 0;
        *cells = strcmp(text, "null") == 0 ? REF_NULL : host_ref(text);
        return 1;
    }
    *cells = bits_of(text);
    return 1;
}

/* One float or integer of `bytes` bytes against "123", "nan:canonical" or "nan:arithmetic". */
static bool bits_match(const char *text, u64 bits, u32 bytes)
{
    bool is_wide = bytes == 8;
    u64 sign = is_wide ? 1ull << 63 : 1ull << 31;
    u64 quiet = is_wide ? 0x7ff8000000000000 : 0x7fc00000;
    if (strcmp(text, "nan:canonical") == 0) return (bits & ~sign) == quiet;
    if (strcmp(text, "nan:arithmetic") == 0) return (bits & quiet) == quiet;
    return *text != '\0' && bits == bits_of(text);
}

static bool vector_matches(const cJSON *expected, const u64 *cells)
{
    u32 bytes;
    if (!is_vector(expected, &bytes)) return false;
    const u8 *in = (const u8 *)cells;
    const cJSON *lane;
    cJSON_ArrayForEach(lane, cJSON_GetObjectItemCaseSensitive(expected, "value"))
    {
        u64 bits = 0;
        memcpy(&bits, in, bytes);
        if (!bits_match(lane->valuestring, bits, bytes)) return false;
        in += bytes;
    }
    return true;
}

/* Is it a reference, not null, of what the script calls "structref" and so on? */
static bool is_of_kind(const char *kind, Ref ref)
{
    if (ref == REF_NULL) return false;
    if (strcmp(kind, "i31ref") == 0) return ref_is_i31(ref);
    if (strcmp(kind, "eqref") == 0) return !ref_is_host(ref);
    if (strcmp(kind, "structref") == 0) return ref_is_object(ref) && ref_object(ref)->kind == GC_STRUCT;
    if (strcmp(kind, "arrayref") == 0) return ref_is_object(ref) && ref_object(ref)->kind == GC_ARRAY;
    if (strcmp(kind, "exnref") == 0) return ref_is_object(ref) && ref_object(ref)->kind == GC_EXCEPTION;
    return strcmp(kind, "anyref") == 0 || strcmp(kind, "externref") == 0 || strcmp(kind, "funcref") == 0;
}

bool value_matches(const cJSON *expected, ValType type, const u64 *cells)
{
    const char *kind = json_text(expected, "type");
    if (strcmp(kind, "either") == 0) {
        const cJSON *one;
        cJSON_ArrayForEach(
            one, cJSON_GetObjectItemCaseSensitive(
                     expected, "values")) if (value_matches(one, type, cells)) return true;
        return false;
    }
    if (strcmp(kind, "v128") == 0) return type == VT_V128 && vector_matches(expected, cells);

    const char *text = json_text(expected, "value");
    if (strcmp(kind, "i32") == 0) return type == VT_I32 && bits_match(text, *cells, 4);
    if (strcmp(kind, "i64") == 0) return type == VT_I64 && bits_match(text, *cells, 8);
    if (strcmp(kind, "f32") == 0) return type == VT_F32 && bits_match(text, (u32)*cells, 4);
    if (strcmp(kind, "f64") == 0) return type == VT_F64 && bits_match(text, *cells, 8);
    if (!vt_is_ref(type)) return false;
    if (strcmp(kind, "refnull") == 0 || strcmp(text, "null") == 0) return *cells == REF_NULL;
    if (*text == '\0') return is_of_kind(kind, *cells);
    return *cells == host_ref(text);
}

const char *value_print(ValType type, const u64 *cells, char *buf, size_t size)
{
    char name[48];
    tern_types_name(type, name, sizeof name);
    if (type == VT_V128)
        snprintf(buf, size, "%s:%016llx%016llx", name, (unsigned long long)cells[1],
                 (unsigned long long)cells[0]);
    else
        snprintf(buf, size, "%s:%llu (0x%llx)", name, (unsigned long long)*cells,
                 (unsigned long long)*cells);
    return buf;
}

const char *expected_print(const cJSON *expected, char *buf, size_t size)
{
    char *text = cJSON_PrintUnformatted(expected);
    snprintf(buf, size, "%s", text != NULL ? text : "?");
    cJSON_free(text);
    return buf;
}
