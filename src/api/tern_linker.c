/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_linker.c - include/tern.h: what instances are given for their imports.
 *
 * A definition is a host function, which becomes a function of every store that wants it, or something of one
 * store. The latter is held by nobody: it names its store by a number that is never used again, and is not looked
 * at unless that store lives. Definitions are found by both names in one key; those that are replaced stay in the
 * arena. */
#include "api/tern_handles.h"

#include <stdio.h>

#include "api/tern_type_text.h"
#include "base/text.h"

typedef struct Definition {
    u64 store_id; /* 0: a host function for any store */
    tern_host_func *func;
    void *user;
    u32 type_id; /* of func; held */
    Extern what;
} Definition;

struct tern_linker {
    tern_engine *engine;
    Arena arena;
    Map definitions; /* key_of both names: a Definition */
    struct { VEC(u32) } type_ids; /* held */
};

/* --- names ---------------------------------------------------------------------------------------------- */

/* Names may hold any characters: a key is the length of the first and both. */
typedef struct Key {
    u8 *bytes;
    u32 size;
    u8 few[120];
} Key;

static bool key_init(Key *key, Alloc *alloc, Name module, Name name)
{
    u64 size = 4ull + module.size + name.size;
    if (size > UINT32_MAX) return false;
    key->size = (u32)size;
    key->bytes = size <= sizeof key->few ? key->few : tern_alloc(alloc, (size_t)size);
    if (key->bytes == NULL) return false;
    memcpy(key->bytes, &module.size, 4);
    if (module.size > 0) memcpy(key->bytes + 4, module.bytes, module.size);
    if (name.size > 0) memcpy(key->bytes + 4 + module.size, name.bytes, name.size);
    return true;
}

static void key_done(Key *key, Alloc *alloc)
{
    if (key->bytes != key->few) tern_free(alloc, key->bytes, key->size);
}

static Name name_of(const char *text) { return (Name){text, (u32)u64_min(strlen(text), UINT32_MAX)}; }

/* False: no memory. */
static bool look_up(const tern_linker *linker, const Import *import, const Definition **out)
{
    Key key;
    *out = NULL;
    Alloc *alloc = linker->engine->alloc;
    if (!key_init(&key, alloc, import->module, import->name)) return false;
    const u64 *found = tern_map_get(&linker->definitions, key.bytes, key.size);
    if (found != NULL) *out = (const Definition *)(uintptr_t)*found;
    key_done(&key, alloc);
    return true;
}

/* --- defining ------------------------------------------------------------------------------------------- */

tern_linker *tern_linker_create(tern_engine *engine)
{
    tern_linker *linker = tern_alloc_zeroed(engine->alloc, 1, sizeof *linker);
    if (linker == NULL) return NULL;
    linker->engine = engine;
    tern_arena_init(&linker->arena, engine->alloc);
    return linker;
}

void tern_linker_destroy(tern_linker *linker)
{
    if (linker == NULL) return;
    Alloc *alloc = linker->engine->alloc;
    for (u32 i = 0; i < linker->type_ids.n; i++)
        tern_types_release(linker->engine->engine->types, linker->type_ids.items[i]);
    vec_free(&linker->type_ids, alloc);
    tern_map_free(&linker->definitions, alloc);
    tern_arena_done(&linker->arena);
    tern_free(alloc, linker, sizeof *linker);
}

static bool define(tern_linker *linker, Name module, Name name, const Definition *definition, tern_error *error)
{
    Alloc *alloc = linker->engine->alloc;
    Key key;
    bool ok = key_init(&key, alloc, module, name);
    if (ok) {
        u8 *kept = tern_arena_alloc(&linker->arena, key.size, 1);
        Definition *made = tern_arena_alloc(&linker->arena, sizeof *made, 1);
        ok = kept != NULL && made != NULL;
        if (ok) {
            memcpy(kept, key.bytes, key.size);
            *made = *definition;
            ok = tern_map_put(&linker->definitions, alloc, kept, key.size, (u64)(uintptr_t)made);
        }
        key_done(&key, alloc);
    }
    if (!ok) tern_error_no_memory(error);
    return ok;
}

bool tern_linker_define_func(tern_linker *linker, const char *module, const char *name, const char *type,
                             tern_host_func *func, void *user, tern_error *error)
{
    if (func == NULL) {
        tern_error_say(error, TERN_ERROR_USAGE, "no function is given for %.100s.%.100s", module, name);
        return false;
    }
    Alloc *alloc = linker->engine->alloc;
    TypeRegistry *types = linker->engine->engine->types;
    if (!vec_reserve(&linker->type_ids, alloc, 1)) {
        tern_error_no_memory(error);
        return false;
    }
    Definition definition = {.func = func, .user = user, .what.kind = EXTERN_FUNC};
    if (!tern_type_text_func(types, alloc, type, &definition.type_id, error)) return false;
    linker->type_ids.items[linker->type_ids.n++] = definition.type_id;
    return define(linker, name_of(module), name_of(name), &definition, error);
}

bool tern_linker_define(tern_linker *linker, const char *module, const char *name, const tern_extern *what,
                        tern_error *error)
{
    const tern_store *store = NULL;
    Definition definition = {.what.kind = (ExternKind)what->kind};
    bool ok = false;
    switch (what->kind) {
    case TERN_FUNC:
        ok = what->of.func != NULL && what->of.func->top == HEAP_FUNC;
        if (!ok) break;
        store = what->of.func->store;
        definition.what.u.func = tern_ref_func(what->of.func);
        break;
    case TERN_TABLE:
        ok = what->of.table != NULL;
        if (!ok) break;
        store = what->of.table->store;
        definition.what.u.table = what->of.table->table;
        break;
    case TERN_MEMORY:
        ok = what->of.memory != NULL;
        if (!ok) break;
        store = what->of.memory->store;
        definition.what.u.memory = what->of.memory->memory;
        break;
    case TERN_GLOBAL:
        ok = what->of.global != NULL;
        if (!ok) break;
        store = what->of.global->store;
        definition.what.u.global = what->of.global->global;
        break;
    case TERN_TAG: break;
    }
    if (!ok) {
        tern_error_say(error, TERN_ERROR_USAGE, "nothing that can be imported is given for %.100s.%.100s", module,
                       name);
        return false;
    }
    if (store->engine != linker->engine) {
        tern_error_say(error, TERN_ERROR_USAGE, "%.100s.%.100s is of another engine", module, name);
        return false;
    }
    if (!tern_store_lasts(store, error)) return false;
    definition.store_id = store->id;
    return define(linker, name_of(module), name_of(name), &definition, error);
}

bool tern_linker_define_instance(tern_linker *linker, const char *module, tern_instance *instance,
                                 tern_error *error)
{
    if (instance->store->engine != linker->engine) {
        tern_error_say(error, TERN_ERROR_USAGE, "the instance for %.100s is of another engine", module);
        return false;
    }
    if (!tern_store_lasts(instance->store, error)) return false;
    const Module *m = instance->instance->module;
    for (u32 i = 0; i < m->nexports; i++) {
        Definition definition = {.store_id = instance->store->id};
        if (!tern_instance_extern(instance->instance, m->exports[i].kind, m->exports[i].index, &definition.what)) {
            tern_error_no_memory(error);
            return false;
        }
        if (!define(linker, name_of(module), m->exports[i].name, &definition, error)) return false;
    }
    return true;
}

/* --- matching ------------------------------------------------------------------------------------------- */

typedef struct Linking {
    const tern_linker *linker; /* or NULL */
    const Module *module;
    tern_engine *engine;
    tern_store *store; /* NULL: only asked whether it would do */
} Linking;

typedef enum Found { FOUND, NOT_FOUND, NO_MEMORY } Found;

static Found find_in_store(const tern_store *store, const Module *module, const Import *import,
                           const Definition *definition, Text *why)
{
    if (store == NULL || store->id != definition->store_id) {
        tern_text_add(why, "offered is one of another store, or of one that is gone");
        return NOT_FOUND;
    }
    Diag diag = {0};
    if (tern_extern_matches(store->store, module, import, &definition->what, &diag)) return FOUND;
    /* The detail repeats the names: "env" "f": import needs ... */
    const char *reason = strstr(diag.detail, "\": ");
    tern_text_add(why, "%s", reason != NULL ? reason + 3 : diag.detail);
    return NOT_FOUND;
}

/* In whichever store the definition is of. Another thread may be about to destroy that, for which it needs the lock. */
static Found find_in_any(tern_engine *engine, const Module *module, const Import *import,
                         const Definition *definition, Text *why)
{
    tern_port_mutex_lock(&engine->lock);
    const tern_store *store = engine->stores;
    while (store != NULL && store->id != definition->store_id) store = store->next;
    Found found = find_in_store(store, module, import, definition, why);
    tern_port_mutex_unlock(&engine->lock);
    return found;
}

/* What the linker has for an import, if it fits; else why not in words, or "". */
static Found find(const Linking *l, const Import *import, const Definition **out, Text *why)
{
    if (l->linker == NULL) return NOT_FOUND;
    if (!look_up(l->linker, import, out)) return NO_MEMORY;
    const Definition *definition = *out;
    if (definition == NULL) return NOT_FOUND;
    const TypeRegistry *types = l->engine->engine->types;
    if (definition->store_id == 0) {
        char offered[160];
        const FuncType *have = &tern_types_get(types, definition->type_id)->u.func;
        if (import->kind == EXTERN_FUNC &&
            tern_types_func_match(types, have, tern_module_func_type(l->module, import->index)))
            return FOUND;
        (void)tern_func_type_text(have, offered, sizeof offered);
        tern_text_add(why, "offered is a function of type %s", offered[0] != '\0' ? offered : "()");
        return NOT_FOUND;
    }
    if (l->store == NULL) return find_in_any(l->engine, l->module, import, definition, why);
    return find_in_store(l->store, l->module, import, definition, why);
}

static void describe(const Linking *l, const Import *import, const char *why, Text *text)
{
    static const char *const kinds[] = {"function", "table", "memory", "global", "tag"};
    char type[160];
    const tern_module handle = {.module = (Module *)(uintptr_t)l->module};
    (void)tern_module_type_text(&handle, (tern_kind)import->kind, import->index, type, sizeof type);
    tern_text_add(text, "%s %.*s.%.*s", kinds[import->kind], (int)u64_min(import->module.size, 80),
                  import->module.bytes, (int)u64_min(import->name.size, 80), import->name.bytes);
    tern_text_add(text, " of type %s", type[0] != '\0' ? type : "()");
    if (why[0] != '\0') tern_text_add(text, ": %s", why);
    else if (tern_wasi_is_module(import->module))
        tern_text_add(text, ": WASI preview 1 has no such function of this type");
}

size_t tern_linker_missing(const tern_linker *linker, const tern_module *module, char *buf, size_t size)
{
    const Module *m = module->module;
    Linking linking = {.linker = linker, .module = m, .engine = module->engine};
    Text text = {buf, size, 0};
    if (size > 0) buf[0] = '\0';
    for (u32 i = 0; i < m->nimports; i++) {
        char why_text[256] = "";
        Text why = {why_text, sizeof why_text, 0};
        const Definition *definition = NULL;
        Found found = find(&linking, &m->imports[i], &definition, &why);
        if (found == FOUND || (definition == NULL && tern_wasi_provides(m, &m->imports[i]))) continue;
        if (found == NO_MEMORY) tern_text_add(&why, "no memory to look for it");
        describe(&linking, &m->imports[i], why_text, &text);
        tern_text_add(&text, "\n");
    }
    return text.length;
}

/* --- linking -------------------------------------------------------------------------------------------- */

/* env is the Import, which lives as long as the module, which the instance holds. */
static TrapCode unlinked_import(Exec *x, void *env, u64 *slots)
{
    (void)slots;
    const Import *import = env;
    TrapCode code = tern_exec_trap(x, TRAP_UNLINKED_IMPORT);
    snprintf(x->trap.message, sizeof x->trap.message, "unlinked import called: %.*s.%.*s",
             (int)u64_min(import->module.size, 40), import->module.bytes,
             (int)u64_min(import->name.size, 40), import->name.bytes);
    return code;
}

/* Gives *out to the import; NOT_FOUND says why. */
static Found link_import(const Linking *l, tern_instance *instance, const Import *import, Extern *out, Text *why)
{
    const Definition *definition = NULL;
    Found found = find(l, import, &definition, why);
    if (found == NO_MEMORY) return found;
    u32 type_id = import->kind == EXTERN_FUNC ? l->module->funcs[import->index].type_id : TYPE_NONE;
    if (found == FOUND && definition->store_id != 0) {
        *out = definition->what;
        return FOUND;
    }
    if (found == FOUND) {
        /* Of the import's own type, so that it matches however the module declared it. */
        out->u.func = tern_host_func_new(instance->store, type_id, definition->func, definition->user);
        return out->u.func != NULL ? FOUND : NO_MEMORY;
    }
    if (definition != NULL || !tern_wasi_provides(l->module, import)) return NOT_FOUND;
    bool ok = tern_wasi_link(instance->wasi, instance->store->store, l->module, import, out);
    return ok ? FOUND : NO_MEMORY;
}

/* Room at the end of an error's text for ", and 4000000000 more". */
#define REST_BYTES 28u

bool tern_linker_link(const tern_linker *linker, tern_instance *instance, tern_missing missing, Extern *externs,
                      tern_error *error)
{
    const Module *m = instance->module->module;
    Linking linking = {.linker = linker, .module = m, .engine = instance->store->engine, .store = instance->store};
    Store *store = instance->store->store;
    char list[sizeof error->text - 64] = "";
    size_t length = 0;
    u32 nmissing = 0, nlisted = 0;
    for (u32 i = 0; i < m->nimports; i++) {
        const Import *import = &m->imports[i];
        char why_text[256] = "";
        Text why = {why_text, sizeof why_text, 0};
        externs[i].kind = import->kind;
        Found found = link_import(&linking, instance, import, &externs[i], &why);
        if (found == NOT_FOUND && missing == TERN_MISSING_TRAP && import->kind == EXTERN_FUNC) {
            externs[i].u.func = tern_func_new(store, m->funcs[import->index].type_id, unlinked_import,
                                              (void *)(uintptr_t)import, NULL);
            found = externs[i].u.func != NULL ? FOUND : NO_MEMORY;
        }
        if (found == FOUND) continue;
        if (found == NO_MEMORY) {
            tern_error_no_memory(error);
            return false;
        }
        nmissing++;
        if (nlisted + 1 < nmissing) continue; /* one did not fit: those behind it are only counted */
        char one[512];
        Text text = {one, sizeof one, 0};
        describe(&linking, import, why_text, &text);
        size_t n = u64_min(text.length, sizeof one - 1);
        if (nlisted > 0 && length + n + 2 > sizeof list - REST_BYTES) continue;
        length += (size_t)snprintf(list + length, sizeof list - REST_BYTES - length, "%s%s",
                                   nlisted > 0 ? "; " : "", one);
        length = u64_min(length, sizeof list - REST_BYTES - 1);
        nlisted++;
    }
    if (nmissing == 0) return true;
    if (nlisted < nmissing) snprintf(list + length, REST_BYTES, "; and %u more", nmissing - nlisted);
    tern_error_say(error, TERN_ERROR_LINK, "unknown import%s: nobody provides the %s", nmissing > 1 ? "s" : "",
                   list);
    return false;
}
