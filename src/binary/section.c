/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* section.c - bytes to a module: the sections in their order (spec 5.5), each decoded and
 * validated as it comes.
 *
 * Sections name only what earlier ones defined, so one pass in the order of the format is
 * enough; all that bodies use comes before the code section, data segments by their count.
 */
#include "binary/section.h"

#include "binary/decode.h"
#include "binary/recognise.h"
#include "port/port.h"

enum SectionId {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_TAG,
    SECTION_COUNT
};

static bool decode_imports(SectionDecoder *s);
static bool decode_functions(SectionDecoder *s);
static bool decode_tables(SectionDecoder *s);
static bool decode_memories(SectionDecoder *s);
static bool decode_globals(SectionDecoder *s);
static bool decode_exports(SectionDecoder *s);
static bool decode_start(SectionDecoder *s);
static bool decode_code(SectionDecoder *s);
static bool decode_data_count(SectionDecoder *s);
static bool decode_tags(SectionDecoder *s);
static bool decode_custom(SectionDecoder *s);

/* rank: the place in the order of sections, which is not the order of ids. */
static const struct {
    const char *name;
    u8 rank;
    bool (*decode)(SectionDecoder *s);
} sections[SECTION_COUNT] = {
    [SECTION_CUSTOM] = {"custom", 0, decode_custom},
    [SECTION_TYPE] = {"type", 1, tern_type_section_decode},
    [SECTION_IMPORT] = {"import", 2, decode_imports},
    [SECTION_FUNCTION] = {"function", 3, decode_functions},
    [SECTION_TABLE] = {"table", 4, decode_tables},
    [SECTION_MEMORY] = {"memory", 5, decode_memories},
    [SECTION_TAG] = {"tag", 6, TERN_GC ? decode_tags : NULL},
    [SECTION_GLOBAL] = {"global", 7, decode_globals},
    [SECTION_EXPORT] = {"export", 8, decode_exports},
    [SECTION_START] = {"start", 9, decode_start},
    [SECTION_ELEMENT] = {"element", 10, tern_elem_section_decode},
    [SECTION_DATA_COUNT] = {"data count", 11, decode_data_count},
    [SECTION_CODE] = {"code", 12, decode_code},
    [SECTION_DATA] = {"data", 13, tern_data_section_decode},
};

void *tern_section_alloc(SectionDecoder *s, size_t size, u64 n)
{
    void *block = tern_arena_alloc(&s->m->arena, size, n);
    if (block == NULL) tern_decoder_fail(&s->d, DIAG_NO_MEMORY, NULL);
    return block;
}

bool tern_section_index(SectionDecoder *s, u32 limit, DiagCode unknown, u32 *out)
{
    const u8 *at = s->d.c.p;
    if (!read_u32(&s->d, out)) return false;
    return *out < limit || tern_decoder_fail_number(&s->d, at, unknown, *out);
}

bool tern_section_within(SectionDecoder *s, u64 n, ModuleLimit limit)
{
    u32 most = s->m->limits.most[limit];
    return n <= most || tern_decoder_fail(&s->d, DIAG_LIMIT, "more than %u %s", (unsigned)most,
                                          tern_module_limit_texts[limit]);
}

/* Of an index space, imports and definitions together. */
static const ModuleLimit space_limits[EXTERN_KINDS] = {
    [EXTERN_FUNC] = LIMIT_FUNCTIONS, [EXTERN_TABLE] = LIMIT_TABLES, [EXTERN_MEMORY] = LIMIT_MEMORIES,
    [EXTERN_GLOBAL] = LIMIT_GLOBALS, [EXTERN_TAG] = LIMIT_TAGS,
};

/* An index space that has n items, all imported, makes room for count more: the new array. NULL is
 * recorded. */
static void *extend(SectionDecoder *s, ExternKind kind, const void *items, u32 n, size_t size, u32 count)
{
    if (!tern_section_within(s, (u64)n + count, space_limits[kind])) return NULL;
    u8 *all = tern_section_alloc(s, size, (u64)n + count);
    if (all != NULL && n > 0) memcpy(all, items, n * size);
    return all;
}

/* --- types of what is imported or defined ----------------------------------------------------- */

static bool decode_mutability(Decoder *d, bool *is_mutable)
{
    const u8 *at = d->c.p;
    u8 flag;
    if (!read_u8(d, &flag)) return false;
    if (flag > 1) return tern_decoder_fail_at(d, at, DIAG_MALFORMED_MUTABILITY, "0x%02x", flag);
    *is_mutable = flag == 1;
    return true;
}

static bool decode_global_type(SectionDecoder *s, GlobalType *type)
{
    return tern_decode_valtype(&s->d, &type->type) && decode_mutability(&s->d, &type->is_mutable);
}

enum { LIMITS_MAX = 1, LIMITS_SHARED = 2, LIMITS_64 = 4, LIMITS_PAGE_SIZE = 8 };

/* Flags, minimum and maximum; ranges are the caller's to check, as they depend on what follows. */
static bool decode_limits(Decoder *d, u8 allowed, u8 *flags, Limits *limits)
{
    const u8 *at = d->c.p;
    if (!read_u8(d, flags)) return false;
    DiagCode malformed = DIAG_MALFORMED_LIMITS;
    if ((*flags & ~allowed) != 0) return tern_decoder_fail_at(d, at, malformed, "0x%02x", *flags);
    if ((*flags & LIMITS_SHARED) != 0 && !tern_decoder_need(d, FEATURE_THREADS, malformed))
        return false;
    if ((*flags & LIMITS_64) != 0 && !tern_decoder_need(d, FEATURE_MEMORY64, malformed))
        return false;
    if ((*flags & LIMITS_PAGE_SIZE) != 0 &&
        !tern_decoder_need(d, FEATURE_CUSTOM_PAGE_SIZES, malformed))
        return false;
    *limits = (Limits){
        .has_max = (*flags & LIMITS_MAX) != 0,
        .is_64 = (*flags & LIMITS_64) != 0,
        .is_shared = (*flags & LIMITS_SHARED) != 0,
        .max = UINT64_MAX,
    };
    return read_u64(d, &limits->min) && (!limits->has_max || read_u64(d, &limits->max));
}

/* spec 3.2.8 */
static bool check_limits(Decoder *d, const Limits *limits, u64 most, DiagCode too_large,
                         const char *unit)
{
    if (limits->min > most || (limits->has_max && limits->max > most))
        return tern_decoder_say(d, d->c.p, too_large, "%llu %s", (unsigned long long)most, unit);
    if (limits->has_max && limits->min > limits->max)
        return tern_decoder_fail(d, DIAG_LIMITS_MIN_MAX, NULL);
    return true;
}

static bool decode_table_type(SectionDecoder *s, TableType *type)
{
    Decoder *d = &s->d;
    u8 flags;
    if (!tern_decode_reftype(d, &type->elem)) return false;
    if (!decode_limits(d, LIMITS_MAX | LIMITS_64, &flags, &type->limits)) return false;
    return check_limits(d, &type->limits, limits_is_64(&type->limits) ? UINT64_MAX : UINT32_MAX,
                        DIAG_TABLE_SIZE, "elements");
}

static bool decode_memory_type(SectionDecoder *s, MemoryType *type)
{
    Decoder *d = &s->d;
    u8 flags;
    type->page_log2 = 16;
    if (!decode_limits(d, LIMITS_MAX | LIMITS_SHARED | LIMITS_64 | LIMITS_PAGE_SIZE, &flags,
                       &type->limits))
        return false;
    if ((flags & LIMITS_PAGE_SIZE) != 0) {
        const u8 *at = d->c.p;
        u32 page_log2;
        if (!read_u32(d, &page_log2)) return false;
        if (page_log2 != 0 && page_log2 != 16)
            return tern_decoder_fail_at(d, at,
                                        page_log2 < 64 ? DIAG_INVALID_PAGE_SIZE : DIAG_MALFORMED_PAGE_SIZE,
                                        "2 to the power of %u", (unsigned)page_log2);
        type->page_log2 = (u8)page_log2;
    }
    if (limits_is_shared(&type->limits) && !type->limits.has_max)
        return tern_decoder_fail(d, DIAG_SHARED_WITHOUT_MAX, NULL);
    bool is_64 = limits_is_64(&type->limits);
    u64 most = is_64 ? UINT64_MAX : UINT32_MAX;
    if (type->page_log2 == 16) most = is_64 ? (u64)1 << 48 : (u64)1 << 16;
    const char *unit = type->page_log2 == 0 ? "pages of a byte"
                       : is_64              ? "pages (256TiB)"
                                            : "pages (4GiB)";
    return check_limits(d, &type->limits, most, DIAG_MEMORY_SIZE, unit);
}

/* A type index that must name a function type. */
static bool decode_func_type_index(SectionDecoder *s, u32 *type_index, const DefType **def)
{
    return read_u32(&s->d, type_index) &&
           tern_decoder_type_of_kind(&s->d, *type_index, DEF_FUNC, def);
}

static bool decode_tag_type(SectionDecoder *s, u32 *type_id)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u8 zero;
    u32 index;
    const DefType *def;
    if (!read_u8(d, &zero)) return false;
    if (zero != 0) return tern_decoder_fail_at(d, at, DIAG_ZERO_BYTE_EXPECTED, NULL);
    if (!decode_func_type_index(s, &index, &def)) return false;
    if (def->u.func.nresults != 0) return tern_decoder_fail(d, DIAG_TAG_RESULTS, NULL);
    *type_id = def->id;
    return true;
}

/* More than one is a proposal; they are counted with the imported ones. */
static bool check_tables(SectionDecoder *s)
{
    u32 n = s->m->ntables;
    return n <= 1 || tern_decoder_need(&s->d, FEATURE_REFERENCE_TYPES, DIAG_MULTIPLE_TABLES);
}

static bool check_memories(SectionDecoder *s)
{
    u32 n = s->m->nmemories;
    return n <= 1 || tern_decoder_need(&s->d, FEATURE_MULTI_MEMORY, DIAG_MULTIPLE_MEMORIES);
}

/* --- imports ---------------------------------------------------------------------------------- */

/* A name whose length lies beyond the section although the module goes on: where the reference
 * reads its length, as it does not bound sections, there is no name of such a length. */
static bool decode_item_name(SectionDecoder *s, Name *name)
{
    if (s->d.c.p == s->d.c.end && cursor_offset(&s->d.c) < s->m->size)
        return tern_decoder_fail(&s->d, DIAG_LENGTH_OUT_OF_BOUNDS, NULL);
    return tern_decode_name(&s->d, name);
}

/* The kind byte, as ExternKind; 0x20 is a function of exactly that type. */
static bool decode_import_kind(SectionDecoder *s, Import *import)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u8 kind;
    if (!read_u8(d, &kind)) return false;
    if (kind == 0x20) {
        import->kind = EXTERN_FUNC;
        import->is_exact = true;
        return tern_decoder_need(d, FEATURE_CUSTOM_DESCRIPTORS, DIAG_MALFORMED_IMPORT_KIND);
    }
    if (kind >= EXTERN_KINDS)
        return tern_decoder_fail_at(d, at, DIAG_MALFORMED_IMPORT_KIND, "0x%02x", kind);
    import->kind = (ExternKind)kind;
    return kind != EXTERN_TAG ||
           tern_decoder_need(d, FEATURE_EXCEPTIONS, DIAG_MALFORMED_IMPORT_KIND);
}

static bool decode_import(SectionDecoder *s, Import *import)
{
    Module *m = s->m;
    Decoder *d = &s->d;
    if (!decode_item_name(s, &import->module) || !decode_item_name(s, &import->name)) return false;
    if (!decode_import_kind(s, import)) return false;
    import->index = m->nimported[import->kind]++;
    switch (import->kind) {
    case EXTERN_FUNC: {
        Func *func = &m->funcs[m->nfuncs++];
        const DefType *def;
        if (!decode_func_type_index(s, &func->type_index, &def)) return false;
        func->type_id = def->id;
        func->is_exact = import->is_exact;
        return true;
    }
    case EXTERN_TABLE:
        return decode_table_type(s, &m->tables[m->ntables++].type) && check_tables(s);
    case EXTERN_MEMORY:
        return decode_memory_type(s, &m->memories[m->nmemories++]) && check_memories(s);
    case EXTERN_GLOBAL: {
        GlobalDef *global = &m->globals[m->nglobals++];
        if (!decode_global_type(s, &global->type)) return false;
        return !global->type.is_mutable ||
               tern_decoder_need(d, FEATURE_MUTABLE_GLOBALS, DIAG_MALFORMED_MUTABILITY);
    }
    case EXTERN_TAG: return TERN_GC && decode_tag_type(s, &m->tags[m->ntags++]);
    case EXTERN_KINDS: break;
    }
    return false;
}

/* How many imports there are of each kind is known only at the end, so a first pass over the
 * section (which the second judges) counts, and every array has its size from the start. */
static void count_imports(const SectionDecoder *s, u32 count, u32 *counts)
{
    SectionDecoder ahead = {.d = s->d, .m = s->m};
    Diag ignored = {0};
    ahead.d.diag = &ignored;
    for (u32 i = 0; i < count; i++) {
        Import import = {0};
        TableType table;
        MemoryType memory;
        GlobalType global;
        u32 index;
        if (!tern_decode_name(&ahead.d, &import.module) ||
            !tern_decode_name(&ahead.d, &import.name) || !decode_import_kind(&ahead, &import))
            return;
        counts[import.kind]++;
        bool ok = true;
        switch (import.kind) {
        case EXTERN_FUNC: ok = read_u32(&ahead.d, &index); break;
        case EXTERN_TABLE: ok = decode_table_type(&ahead, &table); break;
        case EXTERN_MEMORY: ok = decode_memory_type(&ahead, &memory); break;
        case EXTERN_GLOBAL: ok = decode_global_type(&ahead, &global); break;
        case EXTERN_TAG: ok = TERN_GC && decode_tag_type(&ahead, &index); break;
        case EXTERN_KINDS: break;
        }
        if (!ok) return;
    }
}

static bool decode_imports(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count, counts[EXTERN_KINDS] = {0};
    if (!tern_decode_count(&s->d, &count)) return false;
    if (!tern_section_within(s, count, LIMIT_IMPORTS)) return false;
    count_imports(s, count, counts);
    for (u32 kind = 0; kind < EXTERN_KINDS; kind++)
        if (!tern_section_within(s, counts[kind], space_limits[kind])) return false;
    m->imports = tern_section_alloc(s, sizeof *m->imports, count);
    m->funcs = tern_section_alloc(s, sizeof *m->funcs, counts[EXTERN_FUNC]);
    m->tables = tern_section_alloc(s, sizeof *m->tables, counts[EXTERN_TABLE]);
    m->memories = tern_section_alloc(s, sizeof *m->memories, counts[EXTERN_MEMORY]);
    m->globals = tern_section_alloc(s, sizeof *m->globals, counts[EXTERN_GLOBAL]);
    m->tags = tern_section_alloc(s, sizeof *m->tags, counts[EXTERN_TAG]);
    if (m->imports == NULL || m->funcs == NULL || m->tables == NULL || m->memories == NULL ||
        m->globals == NULL || m->tags == NULL)
        return false;
    for (m->nimports = 0; m->nimports < count; m->nimports++)
        if (!decode_import(s, &m->imports[m->nimports])) return false;
    return true;
}

/* --- definitions ------------------------------------------------------------------------------ */

static bool decode_functions(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    m->funcs = extend(s, EXTERN_FUNC, m->funcs, m->nfuncs, sizeof *m->funcs, count);
    if (m->funcs == NULL) return false;
    for (u32 i = 0; i < count; i++) {
        Func func = {.is_exact = true};
        const DefType *def;
        if (!decode_func_type_index(s, &func.type_index, &def)) return false;
        func.type_id = def->id;
        m->funcs[m->nfuncs++] = func;
    }
    return true;
}

/* 0x40 0x00 before a table's type announces an initial value; without one it is null. */
static bool decode_table(SectionDecoder *s, TableDef *table)
{
    Decoder *d = &s->d;
    bool has_init = d->c.p != d->c.end && *d->c.p == 0x40;
    if (has_init) {
        u8 zero;
        if (!tern_decoder_need(d, FEATURE_FUNCTION_REFERENCES, DIAG_MALFORMED_REFERENCE_TYPE))
            return false;
        d->c.p++;
        if (!read_u8(d, &zero)) return false;
        if (zero != 0) return tern_decoder_fail(d, DIAG_ZERO_BYTE_EXPECTED, NULL);
    }
    if (!decode_table_type(s, &table->type)) return false;
    if (!has_init) {
        char name[48];
        return vt_is_nullable(table->type.elem) ||
               tern_decoder_fail(d, DIAG_TYPE_MISMATCH, "a table of %s needs an initial value",
                                 tern_types_name(table->type.elem, name, sizeof name));
    }
    ConstExpr *init = tern_section_alloc(s, sizeof *init, 1);
    table->init = init;
    return init != NULL && tern_const_expr_decode(s, table->type.elem, init);
}

static bool decode_tables(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    m->tables = extend(s, EXTERN_TABLE, m->tables, m->ntables, sizeof *m->tables, count);
    if (m->tables == NULL) return false;
    for (u32 i = 0; i < count; i++, m->ntables++)
        if (!decode_table(s, &m->tables[m->ntables])) return false;
    return check_tables(s);
}

static bool decode_memories(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    m->memories = extend(s, EXTERN_MEMORY, m->memories, m->nmemories, sizeof *m->memories, count);
    if (m->memories == NULL) return false;
    for (u32 i = 0; i < count; i++, m->nmemories++)
        if (!decode_memory_type(s, &m->memories[m->nmemories])) return false;
    return check_memories(s);
}

static bool decode_tags(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    m->tags = extend(s, EXTERN_TAG, m->tags, m->ntags, sizeof *m->tags, count);
    if (m->tags == NULL) return false;
    for (u32 i = 0; i < count; i++, m->ntags++)
        if (!decode_tag_type(s, &m->tags[m->ntags])) return false;
    return true;
}

static bool decode_globals(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    m->globals = extend(s, EXTERN_GLOBAL, m->globals, m->nglobals, sizeof *m->globals, count);
    if (m->globals == NULL) return false;
    for (u32 i = 0; i < count;
         i++, m->nglobals++) { /* an initial value sees the globals before it */
        GlobalDef *global = &m->globals[m->nglobals];
        if (!decode_global_type(s, &global->type)) return false;
        if (!tern_const_expr_decode(s, global->type.type, &global->init)) return false;
    }
    return true;
}

/* --- exports and start ------------------------------------------------------------------------ */

static bool decode_export(SectionDecoder *s, Export *export)
{
    static const DiagCode unknown[EXTERN_KINDS] = {
        [EXTERN_FUNC] = DIAG_UNKNOWN_FUNCTION, [EXTERN_TABLE] = DIAG_UNKNOWN_TABLE,
        [EXTERN_MEMORY] = DIAG_UNKNOWN_MEMORY, [EXTERN_GLOBAL] = DIAG_UNKNOWN_GLOBAL,
        [EXTERN_TAG] = DIAG_UNKNOWN_TAG,
    };
    Module *m = s->m;
    Decoder *d = &s->d;
    const u32 limits[EXTERN_KINDS] = {m->nfuncs, m->ntables, m->nmemories, m->nglobals, m->ntags};
    const u8 *start = d->c.p;
    if (!decode_item_name(s, &export->name)) return false;
    const u8 *at = d->c.p;
    u8 kind;
    if (!read_u8(d, &kind)) return false;
    if (kind >= EXTERN_KINDS)
        return tern_decoder_fail_at(d, at, DIAG_MALFORMED_EXPORT_KIND, "0x%02x", kind);
    if (kind == EXTERN_TAG && !tern_decoder_need(d, FEATURE_EXCEPTIONS, DIAG_MALFORMED_EXPORT_KIND))
        return false;
    export->kind = (ExternKind)kind;
    if (!tern_section_index(s, limits[kind], unknown[kind], &export->index)) return false;
    if (kind == EXTERN_FUNC) m->funcs[export->index].is_declared = true;
    if (tern_map_get(&m->export_map, export->name.bytes, export->name.size) != NULL)
        return tern_decoder_fail_at(d, start, DIAG_DUPLICATE_EXPORT, "\"%.*s\"",
                                    (int)u64_min(export->name.size, 100), export->name.bytes);
    u64 index = (u64)(export - m->exports);
    return tern_map_put(&m->export_map, m->alloc, export->name.bytes, export->name.size, index) ||
           tern_decoder_fail(d, DIAG_NO_MEMORY, NULL);
}

static bool decode_exports(SectionDecoder *s)
{
    Module *m = s->m;
    u32 count;
    if (!tern_decode_count(&s->d, &count)) return false;
    if (!tern_section_within(s, count, LIMIT_EXPORTS)) return false;
    if (!tern_port_random(&m->export_map.seed, sizeof m->export_map.seed))
        m->export_map.seed = (u32)(uintptr_t)m;
    m->exports = tern_section_alloc(s, sizeof *m->exports, count);
    if (m->exports == NULL) return false;
    for (m->nexports = 0; m->nexports < count; m->nexports++)
        if (!decode_export(s, &m->exports[m->nexports])) return false;
    return true;
}

static bool decode_start(SectionDecoder *s)
{
    Module *m = s->m;
    if (!tern_section_index(s, m->nfuncs, DIAG_UNKNOWN_FUNCTION, &m->start)) return false;
    const FuncType *type = tern_module_func_type(m, m->start);
    if (type->nparams != 0 || type->nresults != 0)
        return tern_decoder_fail(&s->d, DIAG_START_FUNCTION, NULL);
    m->has_start = true;
    return true;
}

/* --- code, data count, custom ----------------------------------------------------------------- */

/* Where the bodies are: *end is behind the last function whose body was found. That their number is right is checked
 * when the module is complete, as the order of sections is judged first; a body too many has no type and is skipped. */
static bool locate_bodies(SectionDecoder *s, u32 *end)
{
    Module *m = s->m;
    for (u32 i = 0; i < s->nbodies; i++) {
        const u8 *bytes;
        u32 size;
        if (!tern_decode_bytes(&s->d, &bytes, &size)) return false;
        if (!tern_section_within(s, size, LIMIT_BODY_BYTES)) return false;
        if (*end >= m->nfuncs) continue;
        m->funcs[*end].body_offset = (u32)(bytes - m->bytes);
        m->funcs[(*end)++].body_size = size;
    }
    return true;
}

/* What is wrong with a body is reported before what is wrong behind it. */
static bool decode_code(SectionDecoder *s)
{
    if (!tern_decode_count(&s->d, &s->nbodies)) return false;
    u32 first = s->m->nimported[EXTERN_FUNC], end = first;
    bool is_framed = locate_bodies(s, &end);
    return tern_bodies_validate(s, first, end) && is_framed;
}

static bool decode_data_count(SectionDecoder *s)
{
    s->m->has_data_count = true;
    return tern_decoder_need(&s->d, FEATURE_BULK_MEMORY, DIAG_MALFORMED_SECTION_ID) &&
           read_u32(&s->d, &s->m->data_count);
}

static bool decode_custom(SectionDecoder *s)
{
    Decoder *d = &s->d;
    CustomSection custom = {.after = s->last_id};
    if (!tern_decode_name(d, &custom.name)) return false;
    custom.size = (u32)cursor_left(&d->c);
    custom.bytes = d->c.p;
    d->c.p = d->c.end;
    if (!tern_section_within(s, (u64)s->customs.n + 1, LIMIT_CUSTOM_SECTIONS)) return false;
    return vec_push(&s->customs, s->m->alloc, custom) || tern_decoder_fail(d, DIAG_NO_MEMORY, NULL);
}

/* --- the module ------------------------------------------------------------------------------- */

/* One section, its id at the cursor; *rank is that of the last one that is not custom. */
static bool decode_section(SectionDecoder *s, const u8 *end, u8 *rank)
{
    Decoder *d = &s->d;
    const u8 *at = d->c.p;
    u8 id = *at;
    d->section = NULL;
    d->c.end = end;
    if (id >= SECTION_COUNT) return tern_decoder_fail_number(d, d->c.p, DIAG_MALFORMED_SECTION_ID, id);
    d->section = sections[id].name;
    if (id == SECTION_TAG && !tern_decoder_need(d, FEATURE_EXCEPTIONS, DIAG_MALFORMED_SECTION_ID))
        return false;
    if (id != SECTION_CUSTOM) {
        if (sections[id].rank <= *rank)
            return tern_decoder_fail(d, DIAG_UNEXPECTED_CONTENT,
                                     "the %s section is repeated or out of order", d->section);
        *rank = sections[id].rank;
    }
    d->c.p++;
    u32 size;
    const u8 *bytes;
    if (!tern_decode_bytes(d, &bytes, &size)) return false;
    d->c.p = bytes;
    d->c.end = bytes + size;
    if (!sections[id].decode(s)) return false;
    if (d->c.p != d->c.end)
        return tern_decoder_fail(d, DIAG_SECTION_SIZE_MISMATCH, "bytes left over: %llu",
                                 (unsigned long long)cursor_left(&d->c));
    if (id != SECTION_CUSTOM) s->last_id = id;
    return true;
}

static bool decode_header(SectionDecoder *s)
{
    Decoder *d = &s->d;
    const u8 *bytes = s->m->bytes;
    u32 size = s->m->size;
    DiagCode code = size < 4                         ? DIAG_UNEXPECTED_END
                    : memcmp(bytes, "\0asm", 4) != 0 ? DIAG_BAD_MAGIC
                    : size < 8                       ? DIAG_UNEXPECTED_END
                                                     : DIAG_BAD_VERSION;
    const char *hint = TERN_DETAILS ? tern_file_recognise(bytes, size) : "";
    if (code == DIAG_UNEXPECTED_END && hint[0] == '\0')
        return tern_decoder_fail_at(d, bytes + size, code,
                                    "the file ends after %u bytes, and what a module begins with takes 8",
                                    (unsigned)size);
    if (size < 8 || memcmp(bytes, "\0asm\1\0\0\0", 8) != 0)
        return tern_decoder_fail(d, code, "%s", hint);
    d->c.p += 8;
    return true;
}

/* What can only be said of the whole (spec 5.5.17). */
static bool check_complete(SectionDecoder *s)
{
    Module *m = s->m;
    Decoder *d = &s->d;
    d->section = NULL;
    u32 ndefined = m->nfuncs - m->nimported[EXTERN_FUNC];
    if (s->nbodies != ndefined)
        return tern_decoder_fail(d, DIAG_CODE_LENGTH_MISMATCH, "functions: %u, bodies: %u",
                                 (unsigned)ndefined, (unsigned)s->nbodies);
    if (m->has_data_count && m->data_count != m->ndatas)
        return tern_decoder_fail(d, DIAG_DATA_COUNT_MISMATCH, "counted: %u, segments: %u",
                                 (unsigned)m->data_count, (unsigned)m->ndatas);
    CustomSection *customs = tern_section_alloc(s, sizeof *customs, s->customs.n);
    if (customs == NULL) return false;
    if (s->customs.n > 0) memcpy(customs, s->customs.items, s->customs.n * sizeof *customs);
    m->customs = customs;
    m->ncustoms = s->customs.n;
    return true;
}

static bool decode_module(SectionDecoder *s)
{
    Decoder *d = &s->d;
    const u8 *end = d->c.end;
    u8 rank = 0;
    if (!decode_header(s)) return false;
    while (d->c.p != end)
        if (!decode_section(s, end, &rank)) return false;
    if (!check_complete(s)) return false;
    s->m->used = d->used;
    return true;
}

/* A module that has nothing but its bytes. */
static Module *new_module(TypeRegistry *types, Alloc *alloc, const u8 *bytes, size_t size,
                          const DecodeOptions *options, Diag *diag)
{
    ModuleLimits limits = tern_module_limits(options->limits);
    if (size > limits.most[LIMIT_MODULE_BYTES]) {
        tern_diag_set(diag, DIAG_LIMIT, DIAG_NO_OFFSET, DETAIL("the module has %llu bytes, and may have %u",
                      (unsigned long long)size, (unsigned)limits.most[LIMIT_MODULE_BYTES]));
        return NULL;
    }
    Module *m = tern_alloc_zeroed(alloc, 1, sizeof *m);
    u8 *copy = m != NULL && options->copy_bytes && size > 0 ? tern_alloc(alloc, size) : NULL;
    if (m == NULL || (copy == NULL && options->copy_bytes && size > 0)) {
        tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
        tern_free(alloc, m, sizeof *m);
        return NULL;
    }
    if (copy != NULL) memcpy(copy, bytes, size);
    m->alloc = alloc;
    m->registry = types;
    tern_arena_init(&m->arena, alloc);
    m->refs = 1;
    m->bytes = copy != NULL ? copy : bytes;
    m->size = (u32)size;
    m->owns_bytes = copy != NULL;
    m->features = options->features & tern_features_built;
    m->limits = limits;
    return m;
}

Module *tern_module_decode(TypeRegistry *types, Alloc *alloc, const u8 *bytes, size_t size,
                           const DecodeOptions *options, Diag *diag)
{
    static const u8 nothing[1];
    Module *m = new_module(types, alloc, size == 0 ? nothing : bytes, size, options, diag);
    if (m == NULL) return NULL;
    SectionDecoder s = {
        .d =
            {
                .c = cursor_of(m->bytes, size),
                .module = m,
                .diag = diag,
                .features = m->features,
                .func_index = DIAG_NO_FUNC,
            },
        .m = m,
        .nthreads = options->nthreads,
    };
    bool ok = decode_module(&s);

    for (u32 i = 0; i < s.group_ids.n; i++) tern_types_release(types, s.group_ids.items[i]);
    vec_free(&s.type_ids, alloc);
    vec_free(&s.group_ids, alloc);
    vec_free(&s.drafts, alloc);
    vec_free(&s.defs, alloc);
    vec_free(&s.vals, alloc);
    vec_free(&s.fields, alloc);
    vec_free(&s.stack, alloc);
    vec_free(&s.ops, alloc);
    vec_free(&s.customs, alloc);
    if (ok) return m;
    tern_module_release(m);
    return NULL;
}
