/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* link.c - does an offered definition satisfy an import (spec 3.5, import matching)?
 *
 * Types are canonical in an engine, so functions and tags compare numbers. What is refused is
 * described with both sides in words: the person who reads it has to find out which of two modules
 * is wrong.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "runtime/guest_range.h"
#include "runtime/store.h"

/* Room for both types in a Diag's detail. */
#define TYPE_TEXT 96u

/* A type as text, cut off where it is too long. */
typedef struct TypeText {
    char buf[TYPE_TEXT];
    Text text;
} TypeText;

static void type_text_init(TypeText *type)
{
    type->buf[0] = '\0';
    type->text = (Text){type->buf, sizeof type->buf, 0};
}

static void put_types(Text *text, const ValType *types, u32 n)
{
    tern_text_add(text, "(");
    for (u32 i = 0; i < n; i++) {
        char name[48];
        tern_text_add(text, "%s%s", i > 0 ? " " : "", tern_types_name(types[i], name, sizeof name));
    }
    tern_text_add(text, ")");
}

static void put_func(Text *text, const TypeRegistry *types, u32 type_id)
{
    const FuncType *func = &tern_types_get(types, type_id)->u.func;
    put_types(text, func->params, func->nparams);
    tern_text_add(text, " -> ");
    put_types(text, func->results, func->nresults);
}

static void put_global(Text *text, GlobalType type)
{
    char name[48];
    tern_text_add(text, "%s %s", type.is_mutable ? "mutable" : "immutable",
        tern_types_name(type.type, name, sizeof name));
}

static const char *const kind_names[EXTERN_KINDS] = {"function", "table", "memory", "global",
                                                     "tag"};

static bool refuse(const Import *import, Diag *diag, DiagCode code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool refuse(const Import *import, Diag *diag, DiagCode code, const char *format, ...)
{
    char reason[2 * TYPE_TEXT] = "";
    va_list args;
    va_start(args, format);
    if (format != NULL) vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    /* Names come from the guest and may be long: neither crowds out the reason. */
    return tern_diag_set(diag, code, DIAG_NO_OFFSET, "\"%.*s\" \"%.*s\"%s%s",
                         (int)u64_min(import->module.size, 32), import->module.bytes,
                         (int)u64_min(import->name.size, 48), import->name.bytes, reason[0] != '\0' ? ": " : "", reason);
}

#define REFUSE(...) refuse(import, diag, DIAG_INCOMPATIBLE_IMPORT, DETAIL(__VA_ARGS__))

static bool func_matches(const TypeRegistry *types, const Import *import, u32 want, u32 have,
                         Diag *diag)
{
    bool ok = import->is_exact ? want == have : tern_types_def_match(types, have, want);
    if (ok) return true;
    if (!TERN_DETAILS) return REFUSE(NULL);
    TypeText needs, offers;
    type_text_init(&needs);
    type_text_init(&offers);
    put_func(&needs.text, types, want);
    put_func(&offers.text, types, have);
    if (strcmp(needs.buf, offers.buf) == 0) {
        /* They differ in finality, in supertypes or in their group. */
        tern_text_add(&needs.text, ", type %u%s", (unsigned)want, import->is_exact ? " exactly" : "");
        tern_text_add(&offers.text, ", type %u", (unsigned)have);
    }
    return REFUSE("import needs function %s, offered %s", needs.buf, offers.buf);
}

static const char *address_name(bool is_64) { return is_64 ? "i64" : "i32"; }

/* have_size: the offered thing's present size in the import's units. */
static bool limits_match(const Import *import, const Limits *want, const Limits *have,
                         u64 have_size, const char *kind, const char *unit, Diag *diag)
{
    if (limits_is_64(want) != limits_is_64(have)) {
        return REFUSE("import needs %s with %s addresses, offered %s", kind,
                      address_name(limits_is_64(want)), address_name(limits_is_64(have)));
    }
    if (have_size < want->min) {
        return REFUSE("import needs %s of at least %" PRIu64 " %s, offered %" PRIu64, kind,
                      want->min, unit, have_size);
    }
    if (!want->has_max) return true;
    if (!have->has_max) {
        return REFUSE("import needs %s of at most %" PRIu64 " %s, offered one without maximum",
                      kind, want->max, unit);
    }
    if (have->max > want->max) {
        return REFUSE("import needs %s of at most %" PRIu64 " %s, offered %" PRIu64, kind,
                      want->max, unit, have->max);
    }
    return true;
}

static bool table_matches(const Import *import, const TableType *want, const Table *have,
                          Diag *diag)
{
    if (want->elem != have->type.elem) {
        char needs[48], offers[48];
        return REFUSE("import needs table of %s, offered %s",
                      tern_types_name(want->elem, needs, sizeof needs),
                      tern_types_name(have->type.elem, offers, sizeof offers));
    }
    return limits_match(import, &want->limits, &have->type.limits, have->size, "table", "elements",
                        diag);
}

static bool memory_matches(const Import *import, const MemoryType *want, const Memory *have,
                           Diag *diag)
{
    if (limits_is_shared(&want->limits) != limits_is_shared(&have->type.limits)) {
        return REFUSE("import needs %s memory, offered %s",
                      limits_is_shared(&want->limits) ? "shared" : "unshared",
                      limits_is_shared(&have->type.limits) ? "shared" : "unshared");
    }
    if (want->page_log2 != have->type.page_log2) {
        return REFUSE("import needs memory with pages of %u bytes, offered %u",
                      1u << want->page_log2, 1u << have->type.page_log2);
    }
    u64 npages = tern_memory_size_bytes(have) >> want->page_log2;
    return limits_match(import, &want->limits, &have->type.limits, npages, "memory", "pages", diag);
}

static bool global_matches(const TypeRegistry *types, const Import *import, GlobalType want,
                           GlobalType have, Diag *diag)
{
    bool ok =
        want.is_mutable == have.is_mutable &&
        (want.is_mutable ? want.type == have.type : tern_types_match(types, have.type, want.type));
    if (ok) return true;
    if (!TERN_DETAILS) return REFUSE(NULL);
    TypeText needs, offers;
    type_text_init(&needs);
    type_text_init(&offers);
    put_global(&needs.text, want);
    put_global(&offers.text, have);
    return REFUSE("import needs %s global, offered %s", needs.buf, offers.buf);
}

static bool tag_matches(const TypeRegistry *types, const Import *import, u32 want, u32 have,
                        Diag *diag)
{
    if (want == have) return true;
    if (!TERN_DETAILS) return REFUSE(NULL);
    TypeText needs, offers;
    type_text_init(&needs);
    type_text_init(&offers);
    put_func(&needs.text, types, want);
    put_func(&offers.text, types, have);
    return REFUSE("import needs tag %s, offered %s", needs.buf, offers.buf);
}

bool tern_extern_matches(const Store *store, const Module *module, const Import *import,
                         const Extern *offered, Diag *diag)
{
    const TypeRegistry *types = store->engine->types;
    if (offered == NULL || offered->u.func == NULL) {
        return refuse(import, diag, DIAG_UNKNOWN_IMPORT, DETAIL("nothing offered for this %s",
                      kind_names[import->kind]));
    }
    if (offered->kind != import->kind) {
        return REFUSE("import needs a %s, offered a %s", kind_names[import->kind],
                      kind_names[offered->kind]);
    }
    u32 i = import->index;
    switch (import->kind) {
    case EXTERN_FUNC:
        return func_matches(types, import, module->funcs[i].type_id, offered->u.func->type_id,
                            diag);
    case EXTERN_TABLE:
        return table_matches(import, &module->tables[i].type, offered->u.table, diag);
    case EXTERN_MEMORY:
        return memory_matches(import, &module->memories[i], offered->u.memory, diag);
    case EXTERN_GLOBAL:
        return global_matches(types, import, module->globals[i].type, offered->u.global->type,
                              diag);
    case EXTERN_TAG:
        return tag_matches(types, import, module->tags[i], offered->u.tag->type_id, diag);
    case EXTERN_KINDS: break;
    }
    assert(false && "an import has one of the five kinds");
    return false;
}
