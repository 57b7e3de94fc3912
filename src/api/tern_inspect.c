/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_inspect.c - include/tern.h: looking into a module. */
#include <inttypes.h>

#include "api/tern_handles.h"
#include "base/cursor.h"
#include "base/text.h"
#include "code/code.h"

void tern_module_counts(const tern_module *module, tern_counts *out)
{
    const Module *m = module->module;
    *out = (tern_counts){
        .imports = m->nimports, .exports = m->nexports, .types = m->ntypes,
        .funcs = m->nfuncs, .tables = m->ntables, .memories = m->nmemories,
        .globals = m->nglobals, .tags = m->ntags,
        .imported_funcs = m->nimported[EXTERN_FUNC], .imported_tables = m->nimported[EXTERN_TABLE],
        .imported_memories = m->nimported[EXTERN_MEMORY], .imported_globals = m->nimported[EXTERN_GLOBAL],
        .imported_tags = m->nimported[EXTERN_TAG],
        .elem_segments = m->nelems, .data_segments = m->ndatas, .has_start = m->has_start,
    };
}

_Static_assert((int)TERN_FUNC == EXTERN_FUNC && (int)TERN_TABLE == EXTERN_TABLE &&
                   (int)TERN_MEMORY == EXTERN_MEMORY && (int)TERN_GLOBAL == EXTERN_GLOBAL &&
                   (int)TERN_TAG == EXTERN_TAG,
               "tern_kind is ExternKind");

static tern_name name_out(Name name) { return (tern_name){name.bytes, name.size}; }

bool tern_module_import(const tern_module *module, uint32_t i, tern_item *out)
{
    if (i >= module->module->nimports) return false;
    const Import *import = &module->module->imports[i];
    *out = (tern_item){(tern_kind)import->kind, import->index, name_out(import->module),
                       name_out(import->name)};
    return true;
}

bool tern_module_export(const tern_module *module, uint32_t i, tern_item *out)
{
    if (i >= module->module->nexports) return false;
    const Export *export = &module->module->exports[i];
    *out = (tern_item){(tern_kind)export->kind, export->index, {NULL, 0}, name_out(export->name)};
    return true;
}

bool tern_module_next_section(const tern_module *module, uint64_t *position, tern_section *out)
{
    static const char *const titles[] = {"custom", "type", "import", "function", "table", "memory", "global",
                                         "export", "start", "elem", "code", "data", "data count", "tag"};
    const Module *m = module->module;
    Cursor c = cursor_of(m->bytes, m->size);
    const u8 *contents;
    u8 id;
    u32 size;
    if (tern_cursor_bytes(&c, u64_max(*position, 8), &contents) != DIAG_NONE || /* 8: magic and version */
        cursor_u8(&c, &id) != DIAG_NONE || cursor_u32(&c, &size) != DIAG_NONE)
        return false;
    *out = (tern_section){.id = id, .title = id < COUNT_OF(titles) ? titles[id] : "unknown",
                          .offset = cursor_offset(&c), .size_bytes = size};
    if (tern_cursor_bytes(&c, size, &contents) != DIAG_NONE) return false;
    *position = cursor_offset(&c);

    Cursor inside = cursor_of(contents, size);
    Name name;
    if (id == 0 && tern_cursor_name(&inside, &name) == DIAG_NONE) out->name = name_out(name);
    return true;
}

size_t tern_module_code_text(const tern_module *module, uint32_t func_index, char *buf, size_t size)
{
    return tern_code_text(module->module, func_index, buf, size);
}

/* --- text ------------------------------------------------------------------------------------------- */

/* The text format's short names where it has them: "(ref null func)" is "funcref". */
static void add_type(Text *text, ValType type)
{
    static const char prefix[] = "(ref null ";
    char name[64];
    tern_types_name(type, name, sizeof name);
    bool is_short = vt_is_ref(type) && vt_is_nullable(type) && !vt_is_concrete(type) &&
                    strncmp(name, prefix, strlen(prefix)) == 0 && strncmp(name + strlen(prefix), "no", 2) != 0;
    if (is_short)
        tern_text_add(text, "%.*sref", (int)(strlen(name) - strlen(prefix) - 1), name + strlen(prefix));
    else
        tern_text_add(text, "%s", name);
}

static void add_types(Text *text, const char *what, const ValType *types, u32 n)
{
    if (n == 0) return;
    tern_text_add(text, "%s(%s", text->length > 0 ? " " : "", what);
    for (u32 i = 0; i < n; i++) {
        tern_text_add(text, " ");
        add_type(text, types[i]);
    }
    tern_text_add(text, ")");
}

static void add_func(Text *text, const FuncType *type)
{
    add_types(text, "param", type->params, type->nparams);
    add_types(text, "result", type->results, type->nresults);
}

static void add_limits(Text *text, const Limits *limits)
{
    tern_text_add(text, "%s%" PRIu64, limits->is_64 ? "i64 " : "", limits->min);
    if (limits->has_max) tern_text_add(text, " %" PRIu64, limits->max);
    if (limits->is_shared) tern_text_add(text, " shared");
}

size_t tern_func_type_text(const FuncType *type, char *buf, size_t size)
{
    Text text = {buf, size, 0};
    if (size > 0) buf[0] = '\0';
    add_func(&text, type);
    return text.length;
}

size_t tern_module_type_text(const tern_module *module, tern_kind kind, uint32_t index, char *buf, size_t size)
{
    const Module *m = module->module;
    Text text = {buf, size, 0};
    if (size > 0) buf[0] = '\0';
    switch (kind) {
    case TERN_FUNC:
        if (index < m->nfuncs) add_func(&text, tern_module_func_type(m, index));
        break;
    case TERN_TABLE:
        if (index >= m->ntables) break;
        add_limits(&text, &m->tables[index].type.limits);
        tern_text_add(&text, " ");
        add_type(&text, m->tables[index].type.elem);
        break;
    case TERN_MEMORY:
        if (index >= m->nmemories) break;
        add_limits(&text, &m->memories[index].limits);
        if (m->memories[index].page_log2 != 16)
            tern_text_add(&text, " (pagesize %" PRIu64 ")", (u64)1 << m->memories[index].page_log2);
        break;
    case TERN_GLOBAL:
        if (index >= m->nglobals) break;
        if (m->globals[index].type.is_mutable) tern_text_add(&text, "(mut ");
        add_type(&text, m->globals[index].type.type);
        if (m->globals[index].type.is_mutable) tern_text_add(&text, ")");
        break;
    case TERN_TAG:
        if (index < m->ntags) add_func(&text, &tern_types_get(m->registry, m->tags[index])->u.func);
        break;
    }
    return text.length;
}

size_t tern_module_features_text(const tern_module *module, char *buf, size_t size)
{
    Text text = {buf, size, 0};
    if (size > 0) buf[0] = '\0';
    for (u32 i = 0; i < FEATURE_COUNT; i++)
        if (i != FEATURE_MVP && (module->module->used >> i & 1) != 0)
            tern_text_add(&text, "%s%s", text.length > 0 ? " " : "", tern_feature_info[i].name);
    return text.length;
}

/* --- signatures ------------------------------------------------------------------------------------- */

bool tern_module_find_func(const tern_module *module, const char *name, uint32_t *func_index)
{
    size_t size = strlen(name);
    if (size > UINT32_MAX) return false;
    const Export *export = tern_module_find_export(module->module, (Name){name, (u32)size});
    if (export == NULL || export->kind != EXTERN_FUNC) return false;
    *func_index = export->index;
    return true;
}

uint32_t tern_module_nparams(const tern_module *module, uint32_t func_index)
{
    const Module *m = module->module;
    return func_index < m->nfuncs ? tern_module_func_type(m, func_index)->nparams : 0;
}

uint32_t tern_module_nresults(const tern_module *module, uint32_t func_index)
{
    const Module *m = module->module;
    return func_index < m->nfuncs ? tern_module_func_type(m, func_index)->nresults : 0;
}

tern_valkind tern_valkind_of(ValType type)
{
    switch (vt_code(type)) {
    case VT_I32: return TERN_I32;
    case VT_I64: return TERN_I64;
    case VT_F32: return TERN_F32;
    case VT_F64: return TERN_F64;
    case VT_V128: return TERN_V128;
    default: return TERN_REF;
    }
}

tern_valkind tern_module_param(const tern_module *module, uint32_t func_index, uint32_t i)
{
    return tern_valkind_of(tern_module_func_type(module->module, func_index)->params[i]);
}

tern_valkind tern_module_result(const tern_module *module, uint32_t func_index, uint32_t i)
{
    return tern_valkind_of(tern_module_func_type(module->module, func_index)->results[i]);
}
