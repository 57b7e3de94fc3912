/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* types.c - the registry that makes recursion groups canonical, and subtyping on what it made.
 *
 * A group is written down as a key of plain numbers in which members are positions and
 * everything else is already a type id; two groups are the same types exactly if their keys are
 * equal (spec 3.1, rolling). One hash table over keys therefore decides equality, and whatever
 * is looked up later is a comparison of ids.
 *
 * All changes happen under one mutex. tern_types_get takes none: slots live in chunks that never
 * move, and a slot is published after its type is complete.
 */
#include "module/types.h"

#include <assert.h>
#include <stdio.h>

#include "base/vec.h"
#include "port/port.h"

/* Chunk k holds FIRST_CHUNK << k slots, so that small registries stay small and no id ever
 * moves. */
#define FIRST_CHUNK_LOG2 6
#define FIRST_CHUNK (1u << FIRST_CHUNK_LOG2)
#define NCHUNKS 15
_Static_assert((1u << NCHUNKS) - 1 >= ((MAX_TYPE_ID + 1) >> FIRST_CHUNK_LOG2),
               "chunks hold every id");

#define NO_FREE_ID (MAX_TYPE_ID + 1)

typedef struct Group Group;

typedef struct Member {
    DefType type;
    Group *group;
} Member;

/* One allocation: this, the members, their fields, and then u32s. */
struct Group {
    Group *next; /* in its bucket, or among the dying */
    u64 refs;
    u64 hash;
    size_t size;
    u32 n, nkey;
    u32 *key;
    Member *members;
};

typedef struct U32Vec {
    VEC(u32)
} U32Vec;

struct TypeRegistry {
    Alloc *alloc;
    Mutex mutex;
    uintptr_t *chunks[NCHUNKS]; /* slots: a Member *, or the next free id << 1 | 1 */
    u32 nids;                   /* ids handed out so far, free ones included */
    u32 free_id;                /* first of the free list, or NO_FREE_ID */
    Group **buckets;
    u32 nbuckets, ngroups; /* nbuckets is a power of two */
    u64 seed;
};

/* --- slots ------------------------------------------------------------------------------------ */

static u32 chunk_of(u32 id) { return 31u - (u32)__builtin_clz((id >> FIRST_CHUNK_LOG2) + 1); }
static u32 chunk_start(u32 chunk) { return (FIRST_CHUNK << chunk) - FIRST_CHUNK; }
static size_t chunk_bytes(u32 chunk) { return sizeof(uintptr_t) << (FIRST_CHUNK_LOG2 + chunk); }

static uintptr_t *slot_of(const TypeRegistry *types, u32 id)
{
    u32 chunk = chunk_of(id);
    return __atomic_load_n(&types->chunks[chunk], __ATOMIC_ACQUIRE) + (id - chunk_start(chunk));
}

static Member *member_of(const TypeRegistry *types, u32 id)
{
    uintptr_t slot = __atomic_load_n(slot_of(types, id), __ATOMIC_ACQUIRE);
    assert((slot & 1) == 0 && slot != 0 && "a type id in use names a type");
    return (Member *)slot; /* NOLINT: the slot holds what was put there */
}

const DefType *tern_types_get(const TypeRegistry *types, u32 id)
{
    return &member_of(types, id)->type;
}

static void free_id(TypeRegistry *types, u32 id)
{
    __atomic_store_n(slot_of(types, id), (uintptr_t)types->free_id << 1 | 1, __ATOMIC_RELEASE);
    types->free_id = id;
}

static bool take_id(TypeRegistry *types, u32 *id)
{
    if (types->free_id != NO_FREE_ID) {
        *id = types->free_id;
        types->free_id = (u32)(*slot_of(types, *id) >> 1);
        return true;
    }
    if (types->nids > MAX_TYPE_ID) return false;
    u32 chunk = chunk_of(types->nids);
    if (types->chunks[chunk] == NULL) {
        uintptr_t *slots = tern_alloc_zeroed(types->alloc, 1, chunk_bytes(chunk));
        if (slots == NULL) return false;
        __atomic_store_n(&types->chunks[chunk], slots, __ATOMIC_RELEASE);
    }
    *id = types->nids++;
    return true;
}

/* --- the registry ----------------------------------------------------------------------------- */

TypeRegistry *tern_types_new(Alloc *alloc)
{
    TypeRegistry *types = tern_alloc_zeroed(alloc, 1, sizeof *types);
    if (types == NULL) return NULL;
    types->alloc = alloc;
    types->free_id = NO_FREE_ID;
    if (!tern_port_random(&types->seed, sizeof types->seed)) types->seed = (uintptr_t)types;
    tern_port_mutex_init(&types->mutex);
    return types;
}

void tern_types_free(TypeRegistry *types)
{
    if (types == NULL) return;
    assert(types->ngroups == 0 && "every group was released");
    for (u32 k = 0; k < NCHUNKS; k++)
        if (types->chunks[k] != NULL) tern_free(types->alloc, types->chunks[k], chunk_bytes(k));
    tern_free(types->alloc, types->buckets, types->nbuckets * sizeof(Group *));
    tern_port_mutex_done(&types->mutex);
    tern_free(types->alloc, types, sizeof *types);
}

static u64 hash_key(u64 seed, const u32 *key, u32 nkey)
{
    u64 h = seed ^ nkey;
    for (u32 i = 0; i < nkey; i++) {
        h = (h ^ key[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

static Group *find_group(const TypeRegistry *types, u64 hash, const u32 *key, u32 nkey)
{
    if (types->nbuckets == 0) return NULL;
    for (Group *g = types->buckets[hash & (types->nbuckets - 1)]; g != NULL; g = g->next)
        if (g->hash == hash && g->nkey == nkey && memcmp(g->key, key, nkey * sizeof *key) == 0)
            return g;
    return NULL;
}

/* Doubles the buckets when they are full. Chains may grow long if there is no memory for it. */
static bool make_bucket_room(TypeRegistry *types)
{
    if (types->ngroups < types->nbuckets) return true;
    u32 n = types->nbuckets == 0 ? 64 : types->nbuckets * 2;
    Group **buckets = tern_alloc_zeroed(types->alloc, n, sizeof *buckets);
    if (buckets == NULL) return types->nbuckets != 0;
    for (u32 i = 0; i < types->nbuckets; i++) {
        for (Group *g = types->buckets[i], *next; g != NULL; g = next) {
            next = g->next;
            g->next = buckets[g->hash & (n - 1)];
            buckets[g->hash & (n - 1)] = g;
        }
    }
    tern_free(types->alloc, types->buckets, types->nbuckets * sizeof *buckets);
    types->buckets = buckets;
    types->nbuckets = n;
    return true;
}

static void unlink_group(TypeRegistry *types, Group *group)
{
    Group **at = &types->buckets[group->hash & (types->nbuckets - 1)];
    while (*at != group) at = &(*at)->next;
    *at = group->next;
    types->ngroups--;
}

/* --- what a group mentions -------------------------------------------------------------------- */

typedef struct Mention {
    TypeRegistry *types;
    Group *self;
    Group **dying; /* NULL: take references; otherwise drop them and collect who had the last */
} Mention;

static void mention_id(const Mention *m, u32 id)
{
    Group *group = member_of(m->types, id)->group;
    if (group == m->self) return;
    if (m->dying == NULL) {
        group->refs++;
    } else if (--group->refs == 0) {
        unlink_group(m->types, group);
        group->next = *m->dying;
        *m->dying = group;
    }
}

static void mention_type(const Mention *m, ValType t)
{
    if (vt_is_concrete(t)) mention_id(m, vt_heap(t));
}

static void mention_all(const Mention *m)
{
    for (u32 i = 0; i < m->self->n; i++) {
        const DefType *def = &m->self->members[i].type;
        if (def_has_super(def)) mention_id(m, def->super);
        if (TERN_GC && def->descriptor != TYPE_NONE) mention_id(m, def->descriptor);
        if (TERN_GC && def->described != TYPE_NONE) mention_id(m, def->described);
        switch (def_kind(def)) {
        case DEF_FUNC:
            for (u32 k = 0; k < def->u.func.nparams; k++) mention_type(m, def->u.func.params[k]);
            for (u32 k = 0; k < def->u.func.nresults; k++) mention_type(m, def->u.func.results[k]);
            break;
        case DEF_STRUCT:
            for (u32 k = 0; k < def->u.strct.nfields; k++)
                mention_type(m, def->u.strct.fields[k].type);
            break;
        case DEF_ARRAY: mention_type(m, def->u.array.type); break;
        }
    }
}

/* Drops one reference, and with the last the group and whatever only it kept alive. No
 * recursion: chains of groups may be long. */
static void drop_group(TypeRegistry *types, Group *group)
{
    if (--group->refs != 0) return;
    unlink_group(types, group);
    group->next = NULL;
    for (Group *dying = group; dying != NULL;) {
        Group *g = dying;
        dying = g->next;
        mention_all(&(Mention){types, g, &dying});
        for (u32 i = g->n; i-- > 0;) free_id(types, g->members[i].type.id);
        tern_free(types->alloc, g, g->size);
    }
}

void tern_types_release(TypeRegistry *types, u32 id)
{
    tern_port_mutex_lock(&types->mutex);
    drop_group(types, member_of(types, id)->group);
    tern_port_mutex_unlock(&types->mutex);
}

void tern_types_retain(TypeRegistry *types, u32 id)
{
    tern_port_mutex_lock(&types->mutex);
    member_of(types, id)->group->refs++;
    tern_port_mutex_unlock(&types->mutex);
}

/* --- making a group canonical ----------------------------------------------------------------- */

static bool is_member(u32 id) { return TERN_GC && id != TYPE_NONE && (id & REC_BIT) != 0; }

static u32 field_bytes(ValType t)
{
    switch (vt_code(t)) {
    case VT_I8: return 1;
    case VT_I16: return 2;
    case VT_I32:
    case VT_F32: return 4;
    case VT_V128: return 16;
    default: return 8;
    }
}

/* Appends one type to the key, self-delimiting. */
static bool write_key(U32Vec *key, Alloc *alloc, const DefType *def)
{
    u32 extra = def_kind(def) == DEF_FUNC     ? def->u.func.nparams + def->u.func.nresults + 2
                : def_kind(def) == DEF_STRUCT ? def->u.strct.nfields * 2 + 1
                                          : 2;
    if (!vec_reserve(key, alloc, extra + 4)) return false;
    u32 *p = key->items + key->n;
    *p++ = (u32)def->kind | (u32)def->is_final << 2;
    *p++ = def->super;
    *p++ = def->descriptor;
    *p++ = def->described;
    switch (def_kind(def)) {
    case DEF_FUNC:
        *p++ = def->u.func.nparams;
        *p++ = def->u.func.nresults;
        for (u32 i = 0; i < def->u.func.nparams; i++) *p++ = def->u.func.params[i];
        for (u32 i = 0; i < def->u.func.nresults; i++) *p++ = def->u.func.results[i];
        break;
    case DEF_STRUCT:
        *p++ = def->u.strct.nfields;
        for (u32 i = 0; i < def->u.strct.nfields; i++) {
            *p++ = def->u.strct.fields[i].type;
            *p++ = def->u.strct.fields[i].is_mutable;
        }
        break;
    case DEF_ARRAY:
        *p++ = def->u.array.type;
        *p++ = def->u.array.is_mutable;
        break;
    }
    key->n = (u32)(p - key->items);
    return true;
}

static ValType canonical(ValType t, const u32 *ids)
{
    if (!vt_is_concrete(t) || !is_member(vt_heap(t))) return t;
    return vt_concrete(ids[vt_heap(t) & ~REC_BIT], vt_is_nullable(t), vt_is_exact(t));
}

static u32 canonical_id(u32 id, const u32 *ids) { return is_member(id) ? ids[id & ~REC_BIT] : id; }

/* Copies types into *p, advancing it; *cells counts them. */
static const ValType *copy_types(u32 **p, const ValType *from, u32 n, const u32 *ids, u32 *cells)
{
    u32 *to = *p;
    *p += n;
    for (u32 i = 0; i < n; i++) {
        to[i] = canonical(from[i], ids);
        *cells += vt_cells(to[i]);
    }
    return to;
}

static u32 count_words(const ValType *types, u32 n)
{
    _Static_assert((VT_I32 & VT_F32 & 1) == 1 && ((VT_I64 | VT_F64) & 1) == 0, "vt_is_wide");
    u32 words = 0;
    for (u32 i = 0; i < n; i++) {
        if (!vt_is_num(types[i])) return NO_WORDS;
        words += 1 + vt_is_wide(types[i]);
    }
    return words;
}

static void copy_struct(StructType *to, FieldType *fields, const StructType *from, const u32 *ids)
{
    u32 offset = 0;
    for (u32 i = 0; i < from->nfields; i++) {
        u32 bytes = field_bytes(from->fields[i].type);
        offset = (offset + bytes - 1) & ~(bytes - 1);
        fields[i] =
            (FieldType){canonical(from->fields[i].type, ids), from->fields[i].is_mutable, offset};
        offset += bytes;
    }
    *to = (StructType){fields, from->nfields, offset};
}

/* Fills the group's members from defs; *fields and *words are the room behind them. */
static void fill_members(TypeRegistry *types, Group *group, const DefType *defs, const u32 *ids,
                         FieldType *fields, u32 *words)
{
    for (u32 i = 0; i < group->n; i++) {
        Member *member = &group->members[i];
        member->group = group;
        DefType *def = &member->type;
        const DefType *from = &defs[i];
        def->id = ids[i];
        def->kind = from->kind;
        def->is_final = from->is_final;
        def->super = canonical_id(from->super, ids);
        def->descriptor = canonical_id(from->descriptor, ids);
        def->described = canonical_id(from->described, ids);

        const DefType *super = NULL;
        if (is_member(from->super))
            super = &group->members[from->super & ~REC_BIT].type;
        else if (def_has_super(from))
            super = tern_types_get(types, from->super);
        def->depth = super == NULL ? 0 : super->depth + 1;
        if (super != NULL) memcpy(words, super->ancestors, def->depth * sizeof *words);
        words[def->depth] = ids[i];
        def->ancestors = words;
        words += def->depth + 1;

        switch (def_kind(from)) {
        case DEF_FUNC: {
            const FuncType *f = &from->u.func;
            FuncType *func = &def->u.func;
            *func = (FuncType){.nparams = f->nparams, .nresults = f->nresults};
            func->params = copy_types(&words, f->params, f->nparams, ids, &func->param_cells);
            func->results = copy_types(&words, f->results, f->nresults, ids, &func->result_cells);
            func->param_words = count_words(func->params, func->nparams);
            func->result_words = count_words(func->results, func->nresults);
            if (func->param_words == NO_WORDS || func->result_words == NO_WORDS)
                func->param_words = func->result_words = NO_WORDS;
            func->call_cells = func->param_cells > func->result_cells ? func->param_cells : func->result_cells;
            break;
        }
        case DEF_STRUCT:
            copy_struct(&def->u.strct, fields, &from->u.strct, ids);
            fields += from->u.strct.nfields;
            break;
        case DEF_ARRAY:
            def->u.array =
                (FieldType){canonical(from->u.array.type, ids), from->u.array.is_mutable, 0};
            break;
        }
    }
}

/* Room for fields and words; false if a super chain is too deep. depths is scratch for n
 * numbers. */
static bool measure(const TypeRegistry *types, const DefType *defs, u32 n, u32 *depths,
                    u64 *nfields, u64 *nwords)
{
    for (u32 i = 0; i < n; i++) {
        const DefType *def = &defs[i];
        depths[i] = 0;
        if (is_member(def->super)) {
            assert((def->super & ~REC_BIT) < i && "a super stands before its subtypes");
            depths[i] = depths[def->super & ~REC_BIT] + 1;
        } else if (def_has_super(def)) {
            depths[i] = tern_types_get(types, def->super)->depth + 1;
        }
        if (depths[i] > MAX_TYPE_DEPTH) return false;
        *nwords += depths[i] + 1;
        if (def_kind(def) == DEF_FUNC) *nwords += (u64)def->u.func.nparams + def->u.func.nresults;
        if (def_kind(def) == DEF_STRUCT) *nfields += def->u.strct.nfields;
    }
    return true;
}

static Group *new_group(TypeRegistry *types, const DefType *defs, u32 n, const U32Vec *key,
                        u64 hash, u32 *ids)
{
    u64 nfields = 0, nwords = key->n;
    if (!measure(types, defs, n, ids, &nfields, &nwords)) return NULL;
    u64 size = sizeof(Group) + n * (u64)sizeof(Member) + nfields * sizeof(FieldType) +
               nwords * sizeof(u32);
    if (size > SIZE_MAX || !make_bucket_room(types)) return NULL;
    Group *group = tern_alloc_zeroed(types->alloc, 1, (size_t)size);
    if (group == NULL) return NULL;
    for (u32 i = 0; i < n; i++) {
        if (take_id(types, &ids[i])) continue;
        while (i-- > 0) free_id(types, ids[i]);
        tern_free(types->alloc, group, (size_t)size);
        return NULL;
    }

    group->size = (size_t)size;
    group->hash = hash;
    group->n = n;
    group->members = (Member *)(group + 1);
    FieldType *fields = (FieldType *)(group->members + n);
    group->key = (u32 *)(fields + nfields);
    group->nkey = key->n;
    memcpy(group->key, key->items, key->n * sizeof(u32));
    fill_members(types, group, defs, ids, fields, group->key + key->n);

    for (u32 i = 0; i < n; i++)
        __atomic_store_n(slot_of(types, ids[i]), (uintptr_t)&group->members[i], __ATOMIC_RELEASE);
    mention_all(&(Mention){types, group, NULL});
    Group **bucket = &types->buckets[hash & (types->nbuckets - 1)];
    group->next = *bucket;
    *bucket = group;
    types->ngroups++;
    return group;
}

bool tern_types_add_group(TypeRegistry *types, const DefType *defs, u32 n, u32 *ids)
{
    assert(n > 0 && "a group that is named by its ids has members");
    U32Vec key = {0};
    Group *group = NULL;
    bool ok = true;
    for (u32 i = 0; i < n && ok; i++) ok = write_key(&key, types->alloc, &defs[i]);
    if (ok) {
        u64 hash = hash_key(types->seed, key.items, key.n);
        tern_port_mutex_lock(&types->mutex);
        group = find_group(types, hash, key.items, key.n);
        if (group != NULL)
            for (u32 i = 0; i < n; i++) ids[i] = group->members[i].type.id;
        else
            group = new_group(types, defs, n, &key, hash, ids);
        if (group != NULL) group->refs++;
        tern_port_mutex_unlock(&types->mutex);
    }
    vec_free(&key, types->alloc);
    return group != NULL;
}

u32 tern_types_add_func(TypeRegistry *types, const ValType *params, u32 nparams,
                        const ValType *results, u32 nresults)
{
    DefType def = {
        .kind = DEF_FUNC,
        .is_final = true,
        .super = TYPE_NONE,
        .descriptor = TYPE_NONE,
        .described = TYPE_NONE,
        .u.func = {.params = params, .nparams = nparams, .results = results, .nresults = nresults},
    };
    u32 id;
    return tern_types_add_group(types, &def, 1, &id) ? id : TYPE_NONE;
}

/* --- subtyping (spec 3.3) --------------------------------------------------------------------- */

bool tern_types_def_match(const TypeRegistry *types, u32 sub, u32 super)
{
    if (sub == super) return true;
    if (!TERN_GC) return false;
    const DefType *a = tern_types_get(types, sub);
    u32 depth = tern_types_get(types, super)->depth;
    return depth < a->depth && a->ancestors[depth] == super;
}

/* The abstract heap type directly above a concrete one. */
static u32 abstract_of(const TypeRegistry *types, u32 id)
{
    switch (def_kind(tern_types_get(types, id))) {
    case DEF_STRUCT: return HEAP_STRUCT;
    case DEF_ARRAY: return HEAP_ARRAY;
    default: return HEAP_FUNC;
    }
}

static bool abstract_match(u32 sub, u32 super)
{
    if (sub == super || sub == HEAP_BOT) return true;
    if (!TERN_GC) return false;
    switch (super) {
    case HEAP_ANY:
        return sub == HEAP_EQ || sub == HEAP_I31 || sub == HEAP_STRUCT || sub == HEAP_ARRAY ||
               sub == HEAP_NONE;
    case HEAP_EQ:
        return sub == HEAP_I31 || sub == HEAP_STRUCT || sub == HEAP_ARRAY || sub == HEAP_NONE;
    case HEAP_I31:
    case HEAP_STRUCT:
    case HEAP_ARRAY: return sub == HEAP_NONE;
    case HEAP_FUNC: return sub == HEAP_NOFUNC;
    case HEAP_EXTERN: return sub == HEAP_NOEXTERN;
    case HEAP_EXN: return sub == HEAP_NOEXN;
    default: return false;
    }
}

static bool heap_match(const TypeRegistry *types, ValType sub, ValType super)
{
    u32 a = vt_heap(sub), b = vt_heap(super);
    if (!vt_is_concrete(sub)) {
        if (!vt_is_concrete(super)) return abstract_match(a, b);
        /* Below a concrete type stand only its hierarchy's bottoms, exact or not. */
        return a == HEAP_BOT || a == (abstract_of(types, b) == HEAP_FUNC ? HEAP_NOFUNC : HEAP_NONE);
    }
    if (!vt_is_concrete(super)) return abstract_match(abstract_of(types, a), b);
    if (vt_is_exact(super)) return vt_is_exact(sub) && a == b;
    return tern_types_def_match(types, a, b);
}

bool tern_types_match(const TypeRegistry *types, ValType sub, ValType super)
{
    if (sub == super || sub == VT_BOT) return true;
    if (!vt_is_ref(sub) || !vt_is_ref(super)) return false;
    if (vt_is_nullable(sub) && !vt_is_nullable(super)) return false;
    return heap_match(types, sub, super);
}

bool tern_types_func_match(const TypeRegistry *types, const FuncType *sub, const FuncType *super)
{
    if (sub->nparams != super->nparams || sub->nresults != super->nresults) return false;
    for (u32 i = 0; i < sub->nparams; i++)
        if (!tern_types_match(types, super->params[i], sub->params[i])) return false;
    for (u32 i = 0; i < sub->nresults; i++)
        if (!tern_types_match(types, sub->results[i], super->results[i])) return false;
    return true;
}

HeapCode tern_types_top(const TypeRegistry *types, ValType t)
{
    if (!vt_is_ref(t)) return HEAP_BOT;
    switch (vt_is_concrete(t) ? abstract_of(types, vt_heap(t)) : vt_heap(t)) {
    case HEAP_FUNC:
    case HEAP_NOFUNC: return HEAP_FUNC;
    case HEAP_EXTERN:
    case HEAP_NOEXTERN: return HEAP_EXTERN;
    case HEAP_EXN:
    case HEAP_NOEXN: return HEAP_EXN;
    case HEAP_BOT: return HEAP_BOT;
    default: return HEAP_ANY;
    }
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *heap_name(u32 heap)
{
    switch (heap) {
    case HEAP_NOEXN: return "noexn";
    case HEAP_NOFUNC: return "nofunc";
    case HEAP_NOEXTERN: return "noextern";
    case HEAP_NONE: return "none";
    case HEAP_FUNC: return "func";
    case HEAP_EXTERN: return "extern";
    case HEAP_ANY: return "any";
    case HEAP_EQ: return "eq";
    case HEAP_I31: return "i31";
    case HEAP_STRUCT: return "struct";
    case HEAP_ARRAY: return "array";
    case HEAP_EXN: return "exn";
    default: return "bot";
    }
}

const char *tern_types_name(ValType t, char *buf, size_t size)
{
    const char *plain = NULL;
    switch (vt_code(t)) {
    case VT_I32: plain = "i32"; break;
    case VT_I64: plain = "i64"; break;
    case VT_F32: plain = "f32"; break;
    case VT_F64: plain = "f64"; break;
    case VT_V128: plain = "v128"; break;
    case VT_I8: plain = "i8"; break;
    case VT_I16: plain = "i16"; break;
    case VT_BOT: plain = "bot"; break;
    case VT_REF: break;
    default: plain = "none"; break;
    }
    if (size == 0) return buf;
    const char *null = vt_is_nullable(t) ? "null " : "";
    if (plain != NULL)
        snprintf(buf, size, "%s", plain);
    else if (!vt_is_concrete(t))
        snprintf(buf, size, "(ref %s%s)", null, heap_name(vt_heap(t)));
    else if (vt_is_exact(t))
        snprintf(buf, size, "(ref %s(exact %u))", null, (unsigned)vt_heap(t));
    else
        snprintf(buf, size, "(ref %s%u)", null, (unsigned)vt_heap(t));
    return buf;
}
