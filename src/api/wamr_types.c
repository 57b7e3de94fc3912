/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_types.c - what a file is, and what a module imports and exports.
 *
 * Type handles are the module's own types. Names are NUL-terminated copies, made when a module is
 * first asked. */
#include "api/wamr.h"

/* --- files ------------------------------------------------------------------------------------ */

#define AOT_CURRENT_VERSION 6u /* of WAMR 2.4.3 */

package_type_t wasm_runtime_get_file_package_type(const uint8_t *buf, uint32_t size)
{
    if (buf == NULL || size < 4) return Package_Type_Unknown;
    if (memcmp(buf, "\0asm", 4) == 0) return Wasm_Module_Bytecode;
    if (memcmp(buf, "\0aot", 4) == 0) return Wasm_Module_AoT;
    return Package_Type_Unknown;
}

package_type_t get_package_type(const uint8_t *buf, uint32_t size)
{
    return wasm_runtime_get_file_package_type(buf, size);
}

package_type_t wasm_runtime_get_module_package_type(const wasm_module_t module)
{
    return module != NULL ? Wasm_Module_Bytecode : Package_Type_Unknown;
}

static u32 fixed_u32(const u8 *p)
{
    return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}
static u32 fixed_u16(const u8 *p) { return p[0] | (u32)p[1] << 8; }

uint32_t wasm_runtime_get_file_package_version(const uint8_t *buf, uint32_t size)
{
    return buf != NULL && size >= 8 ? fixed_u32(buf + 4) : 0;
}

uint32_t wasm_runtime_get_module_package_version(const wasm_module_t module)
{
    return module != NULL ? 1 : 0;
}

uint32_t wasm_runtime_get_current_package_version(package_type_t package_type)
{
    switch (package_type) {
    case Wasm_Module_Bytecode: return 1;
    case Wasm_Module_AoT: return AOT_CURRENT_VERSION;
    default: return 0;
    }
}

bool wasm_runtime_is_xip_file(const uint8_t *buf, uint32_t size)
{
    if (wasm_runtime_get_file_package_type(buf, size) != Wasm_Module_AoT) return false;
    /* Sections of u32 type and u32 size, aligned to 4; type 0 is target info: u16 binary type, ABI,
     * ELF type. */
    u64 at = 8;
    while (at + 8 <= size) {
        u32 type = fixed_u32(buf + at);
        u64 body = at + 8, body_size = fixed_u32(buf + at + 4);
        if (body_size > size - body) return false;
        if (type == 0) return body_size >= 6 && fixed_u16(buf + body + 4) == 4;
        at = (body + body_size + 3) / 4 * 4;
    }
    return false;
}

/* --- kinds ------------------------------------------------------------------------------------ */

#define KIND_NONE ((wasm_valkind_t)-1)

bool tern_api_is_funcref(const TypeRegistry *types, ValType type)
{
    if (!vt_is_ref(type)) return false;
    if (!vt_is_concrete(type)) return vt_heap(type) == HEAP_FUNC || vt_heap(type) == HEAP_NOFUNC;
    return types != NULL && tern_types_top(types, type) == HEAP_FUNC;
}

wasm_valkind_t tern_api_valkind(const TypeRegistry *types, ValType type)
{
    switch (vt_code(type)) {
    case VT_I32: return WASM_I32;
    case VT_I64: return WASM_I64;
    case VT_F32: return WASM_F32;
    case VT_F64: return WASM_F64;
    case VT_V128: return WASM_V128;
    case VT_REF: break;
    default: return KIND_NONE;
    }
    if (tern_api_is_funcref(types, type)) return WASM_FUNCREF;
    bool is_extern =
        !vt_is_concrete(type) && (vt_heap(type) == HEAP_EXTERN || vt_heap(type) == HEAP_NOEXTERN);
    return is_extern ? WASM_EXTERNREF : KIND_NONE;
}

/* --- imports and exports ---------------------------------------------------------------------- */

/* The names in one block, behind the pointers to them. */
typedef struct NameBlock {
    const char **next;
    char *text;
} NameBlock;

static void put_name(NameBlock *block, Name name)
{
    *block->next++ = block->text;
    if (name.size > 0) memcpy(block->text, name.bytes, name.size);
    block->text[name.size] = '\0';
    block->text += (size_t)name.size + 1;
}

static u64 name_bytes(Name name) { return sizeof(char *) + (u64)name.size + 1; }

/* False if there is no memory. The host's allocator is called without the lock: it may ask the runtime something. */
static bool make_names(wasm_module_t module)
{
    Runtime *runtime = tern_api_runtime();
    const Module *m = module->module;
    tern_port_mutex_lock(&runtime->lock);
    bool is_made = module->names != NULL;
    tern_port_mutex_unlock(&runtime->lock);
    if (is_made) return true;

    u64 bytes = 1;
    for (u32 i = 0; i < m->nimports; i++) bytes += name_bytes(m->imports[i].module) + name_bytes(m->imports[i].name);
    for (u32 i = 0; i < m->nexports; i++) bytes += name_bytes(m->exports[i].name);
    const char **names = tern_alloc_zeroed(module->engine->alloc, bytes, 1);
    if (names == NULL) return false;
    NameBlock block = {names, (char *)(names + 2 * (u64)m->nimports + m->nexports)};
    for (u32 i = 0; i < m->nimports; i++) {
        put_name(&block, m->imports[i].module);
        put_name(&block, m->imports[i].name);
    }
    for (u32 i = 0; i < m->nexports; i++) put_name(&block, m->exports[i].name);

    tern_port_mutex_lock(&runtime->lock);
    is_made = module->names != NULL; /* another thread was first */
    if (!is_made) {
        module->names = names;
        module->names_bytes = (size_t)bytes;
    }
    tern_port_mutex_unlock(&runtime->lock);
    if (is_made) tern_free(module->engine->alloc, names, (size_t)bytes);
    return true;
}

int32_t wasm_runtime_get_import_count(const wasm_module_t module)
{
    return module != NULL ? (int32_t)module->module->nimports : -1;
}

int32_t wasm_runtime_get_export_count(const wasm_module_t module)
{
    return module != NULL ? (int32_t)module->module->nexports : -1;
}

/* The type of something in a module's index space. Handles are not const in the API; nothing writes
 * through them. */
static void *type_of(const Module *m, ExternKind kind, u32 index,
                     wasm_import_export_kind_t *api_kind)
{
    switch (kind) {
    case EXTERN_FUNC:
        *api_kind = WASM_IMPORT_EXPORT_KIND_FUNC;
        return (void *)(uintptr_t)tern_module_func_type(m, index);
    case EXTERN_TABLE: *api_kind = WASM_IMPORT_EXPORT_KIND_TABLE; return &m->tables[index].type;
    case EXTERN_MEMORY: *api_kind = WASM_IMPORT_EXPORT_KIND_MEMORY; return &m->memories[index];
    case EXTERN_GLOBAL: *api_kind = WASM_IMPORT_EXPORT_KIND_GLOBAL; return &m->globals[index].type;
    case EXTERN_TAG:
    case EXTERN_KINDS: break;
    }
    *api_kind = (wasm_import_export_kind_t)4; /* what WAMR's binary format says for tags */
    return NULL;
}

/* Will something satisfy the import? */
static bool is_linked(const ImportLink *link, const Import *import)
{
    if (link->kind != LINK_MODULE) return link->kind != LINK_NONE;
    const Export *export = tern_module_find_export(link->module->module, import->name);
    return export != NULL && export->kind == import->kind;
}

void wasm_runtime_get_import_type(const wasm_module_t module, int32_t import_index,
                                  wasm_import_t *import_type)
{
    if (import_type == NULL) return;
    memset(import_type, 0, sizeof *import_type);
    if (module == NULL || import_index < 0 || (u32)import_index >= module->module->nimports) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "there is no import %d", (int)import_index);
        return;
    }
    if (!make_names(module)) return;
    const Import *import = &module->module->imports[import_index];
    import_type->module_name = module->names[2 * import_index];
    import_type->name = module->names[2 * import_index + 1];
    import_type->linked = is_linked(&module->links[import_index], import);
    import_type->u.func_type =
        type_of(module->module, import->kind, import->index, &import_type->kind);
}

void wasm_runtime_get_export_type(const wasm_module_t module, int32_t export_index,
                                  wasm_export_t *export_type)
{
    if (export_type == NULL) return;
    memset(export_type, 0, sizeof *export_type);
    if (module == NULL || export_index < 0 || (u32)export_index >= module->module->nexports) {
        tern_api_log(WASM_LOG_LEVEL_WARNING, "there is no export %d", (int)export_index);
        return;
    }
    if (!make_names(module)) return;
    const Export *export = &module->module->exports[export_index];
    export_type->name = module->names[2 * module->module->nimports + (u32)export_index];
    export_type->u.func_type =
        type_of(module->module, export->kind, export->index, &export_type->kind);
}

/* --- types ------------------------------------------------------------------------------------ */

/* The kind of a type asked without its module; the registry tells function types from others. */
static wasm_valkind_t kind_of(ValType type)
{
    if (!vt_is_ref(type) || !vt_is_concrete(type)) return tern_api_valkind(NULL, type);
    ApiEngine *engine = tern_api_engine_hold();
    wasm_valkind_t kind = tern_api_valkind(engine != NULL ? engine->engine->types : NULL, type);
    tern_api_engine_release(engine);
    return kind;
}

static const FuncType *func_of(const wasm_func_type_t type)
{
    return (const FuncType *)(const void *)type;
}
static const GlobalType *global_of(const wasm_global_type_t type)
{
    return (const GlobalType *)(const void *)type;
}
static const MemoryType *memory_of(const wasm_memory_type_t type)
{
    return (const MemoryType *)(const void *)type;
}
static const TableType *table_of(const wasm_table_type_t type)
{
    return (const TableType *)(const void *)type;
}

static u32 clamp(u64 n) { return (u32)u64_min(n, UINT32_MAX); }

uint32_t wasm_func_type_get_param_count(const wasm_func_type_t func_type)
{
    return func_type != NULL ? func_of(func_type)->nparams : 0;
}

wasm_valkind_t wasm_func_type_get_param_valkind(const wasm_func_type_t func_type,
                                                uint32_t param_index)
{
    if (func_type == NULL || param_index >= func_of(func_type)->nparams) return KIND_NONE;
    return kind_of(func_of(func_type)->params[param_index]);
}

uint32_t wasm_func_type_get_result_count(const wasm_func_type_t func_type)
{
    return func_type != NULL ? func_of(func_type)->nresults : 0;
}

wasm_valkind_t wasm_func_type_get_result_valkind(const wasm_func_type_t func_type,
                                                 uint32_t result_index)
{
    if (func_type == NULL || result_index >= func_of(func_type)->nresults) return KIND_NONE;
    return kind_of(func_of(func_type)->results[result_index]);
}

wasm_valkind_t wasm_global_type_get_valkind(const wasm_global_type_t global_type)
{
    return global_type != NULL ? kind_of(global_of(global_type)->type) : KIND_NONE;
}

bool wasm_global_type_get_mutable(const wasm_global_type_t global_type)
{
    return global_type != NULL && global_of(global_type)->is_mutable;
}

bool wasm_memory_type_get_shared(const wasm_memory_type_t memory_type)
{
    return memory_of(memory_type)->limits.is_shared;
}

uint32_t wasm_memory_type_get_init_page_count(const wasm_memory_type_t memory_type)
{
    return clamp(memory_of(memory_type)->limits.min);
}

uint32_t wasm_memory_type_get_max_page_count(const wasm_memory_type_t memory_type)
{
    const MemoryType *type = memory_of(memory_type);
    if (type->limits.has_max) return clamp(type->limits.max);
    return type->limits.is_64 || type->page_log2 == 0 ? UINT32_MAX : 65536;
}

wasm_valkind_t wasm_table_type_get_elem_kind(const wasm_table_type_t table_type)
{
    return kind_of(table_of(table_type)->elem);
}

bool wasm_table_type_get_shared(const wasm_table_type_t table_type)
{
    return table_of(table_type)->limits.is_shared;
}

uint32_t wasm_table_type_get_init_size(const wasm_table_type_t table_type)
{
    return clamp(table_of(table_type)->limits.min);
}

uint32_t wasm_table_type_get_max_size(const wasm_table_type_t table_type)
{
    return clamp(table_of(table_type)->limits.max);
}
