/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_api.c - target: a host that makes, keeps and changes objects of a guest's heap, through gc_export.h.
 *
 * The input begins with a generated module, whose types (recursion groups, subtypes, packed fields) are used; then come
 * steps on a few slots that each hold an object, kept by pins or by a local reference: structures and arrays of any of
 * the types, fields and elements, references between objects where the types allow it, functions, i31, pointers of
 * the host's as externref and anyref, types asked about, finalizers, calls of the guest, and garbage that makes a small
 * heap collect. A model holds what every object was last given. What must hold:
 *
 * - what is kept has the contents it was given, whatever is collected meanwhile, and the type it was made with;
 * - indices outside read as zero and write nothing;
 * - a type is below itself and what it declares; equal types are below each other; objects agree with their types;
 * - a finalizer runs once, never while its object is kept, and at the latest when the instance ends;
 * - after the library has stopped every byte of its allocator is back, also when requests fail.
 *
 * Cannot see: what the header leaves to the host (handles of the wrong kind, references that do not fit).
 */
#include "fuzz.h"
#include "gc_export.h"
#include "host_alloc.h"

enum { SLOTS = 8, LOCALS = 3, MOST_VALUES = 24, MOST_LENGTH = 24, FINALIZERS = 64, MOST_STEPS = 250 };

typedef struct Slot {
    wasm_obj_t obj; /* NULL: none */
    bool is_array;
    u32 type, n, npins;
    wasm_ref_type_t types[MOST_VALUES]; /* of fields; [0] of elements */
    wasm_value_t values[MOST_VALUES];   /* as last given; zeros in what is not used */
} Slot;

typedef struct Run {
    const u8 *p, *end;
    wasm_module_t module;
    wasm_module_inst_t inst;
    wasm_exec_env_t env;
    u32 ntypes;
    Slot slots[SLOTS];                  /* the first LOCALS are kept by local references, the others by pins */
    wasm_local_obj_ref_t locals[LOCALS];
} Run;

static u32 take(Run *r) { return r->p == r->end ? 0 : *r->p++; }
static u64 take_u64(Run *r)
{
    u64 v = 0;
    for (u32 i = 0, n = take(r) % 9; i < n; i++) v |= (u64)take(r) << 8 * i;
    return v;
}

static bool may_fail(void) { return host_alloc.nth != TEST_ALLOC_NEVER; }

/* --- finalizers */

typedef struct Finalizer {
    Slot *slot;     /* the object's, while it is kept there */
    wasm_obj_t obj;
    u32 ncalls;
    bool is_set;
} Finalizer;

static Finalizer finalizers[FINALIZERS];
static u32 nfinalizers;

static void finalize(const wasm_obj_t obj, void *data)
{
    Finalizer *f = data;
    if (f->obj != obj || !f->is_set) fuzz_fail("a finalizer of another object");
    if (++f->ncalls > 1) fuzz_fail("a finalizer ran twice");
    if (f->slot != NULL && f->slot->obj == obj) fuzz_fail("an object that is kept was freed");
    if (wasm_obj_is_struct_obj(obj)) (void)wasm_struct_obj_get_field_count((wasm_struct_obj_t)obj);
    else (void)wasm_array_obj_length((wasm_array_obj_t)obj);
}

static void set_finalizer(Run *r, Slot *s)
{
    if (nfinalizers == FINALIZERS) return;
    for (u32 i = 0; i < nfinalizers; i++) /* it replaces an older one */
        if (finalizers[i].obj == s->obj && finalizers[i].ncalls == 0 && finalizers[i].is_set) {
            wasm_obj_unset_gc_finalizer(r->env, s->obj);
            finalizers[i].is_set = false;
        }
    Finalizer *f = &finalizers[nfinalizers];
    *f = (Finalizer){.slot = s, .obj = s->obj, .is_set = true};
    if (wasm_obj_set_gc_finalizer(r->env, s->obj, finalize, f)) nfinalizers++;
    else if (!may_fail()) fuzz_fail("no finalizer");
}

/* --- values */

static u32 size_of(wasm_ref_type_t t)
{
    switch (t.value_type) {
    case VALUE_TYPE_I8: return 1;
    case VALUE_TYPE_I16: return 2;
    case VALUE_TYPE_I32: case VALUE_TYPE_F32: return 4;
    case VALUE_TYPE_V128: return 16;
    default: return 8;
    }
}

static bool is_ref(wasm_ref_type_t t) { return t.value_type < VALUE_TYPE_I16; }

/* A value that may be there: of references the object of a slot, if it fits, or null. */
static wasm_value_t some_value(Run *r, wasm_ref_type_t t)
{
    wasm_value_t v;
    memset(&v, 0, sizeof v);
    if (is_ref(t)) {
        const Slot *from = &r->slots[take(r) % SLOTS];
        if (from->obj != NULL && wasm_obj_is_instance_of_ref_type(from->obj, &t)) v.gc_obj = from->obj;
        return v;
    }
    for (u32 i = 0; i < size_of(t); i++) ((u8 *)&v)[i] = (u8)take(r);
    return v;
}

static void expect(const Slot *s, u32 i, bool is_signed)
{
    wasm_ref_type_t t = s->types[s->is_array ? 0 : i];
    wasm_value_t got, want = s->values[i];
    memset(&got, 0, sizeof got);
    if (s->is_array) wasm_array_obj_get_elem((wasm_array_obj_t)s->obj, i, is_signed, &got);
    else wasm_struct_obj_get_field((wasm_struct_obj_t)s->obj, i, is_signed, &got);
    if (t.value_type == VALUE_TYPE_I8) want.u32 = is_signed ? (u32)(s32)(s8)want.u32 : (u8)want.u32;
    if (t.value_type == VALUE_TYPE_I16) want.u32 = is_signed ? (u32)(s32)(s16)want.u32 : (u16)want.u32;
    if (memcmp(&got, &want, size_of(t) < 4 ? 4 : size_of(t)) != 0)
        fuzz_fail("%s %u of type %u is not what it was given", s->is_array ? "element" : "field", i, s->type);
}

static void check_slot(const Run *r, const Slot *s)
{
    if (s->obj == NULL) return;
    if (wasm_obj_is_struct_obj(s->obj) == s->is_array || wasm_obj_is_array_obj(s->obj) != s->is_array ||
        !wasm_obj_is_eq_obj(s->obj) || !wasm_obj_is_internal_obj(s->obj) || wasm_obj_is_i31_obj(s->obj) ||
        wasm_obj_is_func_obj(s->obj) || wasm_obj_is_externref_obj(s->obj) || wasm_obj_is_anyref_obj(s->obj))
        fuzz_fail("an object of another kind");
    wasm_defined_type_t t = wasm_get_defined_type(r->module, s->type), own = wasm_obj_get_defined_type(s->obj);
    if (!wasm_defined_type_equal(t, own, r->module)) fuzz_fail("an object of another type");
    if (!wasm_obj_is_instance_of_defined_type(s->obj, t, r->module) ||
        !wasm_obj_is_instance_of_type_idx(s->obj, s->type, r->module))
        fuzz_fail("an object that is not of its type");
    s32 index = wasm_obj_get_defined_type_idx(r->module, s->obj);
    if (index < 0 || (u32)index > s->type) fuzz_fail("index %d of type %u", (int)index, (unsigned)s->type);
    for (u32 i = 0; i < s->n; i++) expect(s, i, i % 2 == 0);
}

/* --- objects */

static void drop(Run *r, Slot *s)
{
    if (s->obj == NULL) return;
    for (; s->npins > 0; s->npins--)
        if (!wasm_runtime_unpin_object(r->env, s->obj)) fuzz_fail("a pin is lost");
    if (s < &r->slots[LOCALS]) r->locals[s - r->slots].val = NULL;
    for (u32 i = 0; i < nfinalizers; i++)
        if (finalizers[i].slot == s) finalizers[i].slot = NULL;
    *s = (Slot){0};
}

/* A reference to it in another slot's object must not outlive what the model knows: it keeps the object alive. */
static bool keep(Run *r, Slot *s)
{
    if (s < &r->slots[LOCALS]) {
        r->locals[s - r->slots].val = s->obj;
        return true;
    }
    if (!wasm_runtime_pin_object(r->env, s->obj)) {
        if (!may_fail()) fuzz_fail("no pin");
        *s = (Slot){0};
        return false;
    }
    s->npins = 1;
    return true;
}

static void make(Run *r, Slot *s)
{
    drop(r, s);
    u32 type = take(r) % (r->ntypes + 2);
    wasm_defined_type_t t = wasm_get_defined_type(r->module, type);
    if ((t == NULL) != (type >= r->ntypes)) fuzz_fail("type %u of %u", (unsigned)type, (unsigned)r->ntypes);
    bool is_struct = t != NULL && wasm_defined_type_is_struct_type(t),
         is_array = t != NULL && wasm_defined_type_is_array_type(t), by_index = take(r) & 1;
    if (t != NULL && is_struct + is_array + wasm_defined_type_is_func_type(t) != 1) fuzz_fail("a type of no kind, or two");
    *s = (Slot){.is_array = is_array, .type = type};
    if (is_struct) {
        s->n = wasm_struct_type_get_field_count((wasm_struct_type_t)t);
        if (s->n > MOST_VALUES) return;
        for (u32 i = 0; i < s->n; i++) s->types[i] = wasm_struct_type_get_field_type((wasm_struct_type_t)t, i, NULL);
        s->obj = by_index ? (wasm_obj_t)wasm_struct_obj_new_with_typeidx(r->env, type)
                          : (wasm_obj_t)wasm_struct_obj_new_with_type(r->env, (wasm_struct_type_t)t);
    } else if (is_array) {
        s->n = take(r) % MOST_LENGTH;
        s->types[0] = wasm_array_type_get_elem_type((wasm_array_type_t)t, NULL);
        bool has_init = take(r) & 1;
        wasm_value_t init = some_value(r, s->types[0]);
        for (u32 i = 0; has_init && i < s->n; i++) s->values[i] = init;
        s->obj = by_index
                     ? (wasm_obj_t)wasm_array_obj_new_with_typeidx(r->env, type, s->n, has_init ? &init : NULL)
                     : (wasm_obj_t)wasm_array_obj_new_with_type(r->env, (wasm_array_type_t)t, s->n,
                                                                has_init ? &init : NULL);
    } else if (wasm_struct_obj_new_with_typeidx(r->env, type) != NULL ||
               wasm_array_obj_new_with_typeidx(r->env, type, 1, NULL) != NULL) {
        fuzz_fail("an object of what is no type of objects");
    }
    if (s->obj == NULL) {
        wasm_runtime_clear_exception(r->inst);
        *s = (Slot){0};
    } else if (keep(r, s)) {
        check_slot(r, s);
    }
}

static void change(Run *r, Slot *s)
{
    u32 i = take(r) % (MOST_VALUES + 4);
    wasm_value_t v = i < s->n ? some_value(r, s->types[s->is_array ? 0 : i]) : (wasm_value_t){.u64 = take_u64(r)};
    if (s->is_array) wasm_array_obj_set_elem((wasm_array_obj_t)s->obj, i, &v);
    else wasm_struct_obj_set_field((wasm_struct_obj_t)s->obj, i, &v);
    if (i < s->n) {
        s->values[i] = v;
        return;
    }
    wasm_value_t got = {.u64 = 1};
    if (s->is_array) wasm_array_obj_get_elem((wasm_array_obj_t)s->obj, i, false, &got);
    else wasm_struct_obj_get_field((wasm_struct_obj_t)s->obj, i, false, &got);
    if (got.u64 != 0) fuzz_fail("%u outside of %u is not zero", (unsigned)i, (unsigned)s->n);
}

static void use_array(Run *r, Slot *s)
{
    u32 size = size_of(s->types[0]);
    u8 *first = wasm_array_obj_first_elem_addr((wasm_array_obj_t)s->obj);
    if (wasm_array_obj_length((wasm_array_obj_t)s->obj) != s->n) fuzz_fail("an array of another length");
    u32 at = take(r) % (MOST_LENGTH + 4);
    u8 *p = wasm_array_obj_elem_addr((wasm_array_obj_t)s->obj, at);
    if (p != (at < s->n ? first + (size_t)at * size : NULL)) fuzz_fail("element %u is elsewhere", (unsigned)at);
    Slot *from = &r->slots[take(r) % SLOTS];
    u32 to = take(r) % MOST_LENGTH, start = take(r) % MOST_LENGTH, n = take(r) < 250 ? take(r) % 12 : UINT32_MAX;
    if (from->obj == NULL || !from->is_array || from->type != s->type) return;
    wasm_array_obj_copy((wasm_array_obj_t)s->obj, to, (wasm_array_obj_t)from->obj, start, n);
    if (n <= s->n && to <= s->n - n && n <= from->n && start <= from->n - n)
        memmove(&s->values[to], &from->values[start], n * sizeof s->values[0]);
}

/* --- types, functions, and what is no object of the heap */

static wasm_ref_type_t some_ref_type(Run *r)
{
    wasm_ref_type_t t = {0};
    if (take(r) & 1) wasm_ref_type_set_type_idx(&t, take(r) & 1, (s32)(take(r) % (r->ntypes + 1)));
    else wasm_ref_type_set_heap_type(&t, take(r) & 1, HEAP_TYPE_NOFUNC - (s32)(take(r) % 20));
    return t;
}

static void ask_types(Run *r)
{
    wasm_ref_type_t a = some_ref_type(r), b = some_ref_type(r);
    bool equal = wasm_ref_type_equal(&a, &b, r->module), below = wasm_ref_type_is_subtype_of(&a, &b, r->module),
         above = wasm_ref_type_is_subtype_of(&b, &a, r->module);
    if (equal && !(below && above)) fuzz_fail("equal types that are not below each other");
    const Slot *s = &r->slots[take(r) % SLOTS];
    if (s->obj != NULL && below && wasm_obj_is_instance_of_ref_type(s->obj, &a) &&
        !wasm_obj_is_instance_of_ref_type(s->obj, &b))
        fuzz_fail("an object of a type that is not of one above");
    if (r->ntypes == 0) return;
    u32 i = take(r) % r->ntypes, j = take(r) % r->ntypes;
    wasm_defined_type_t x = wasm_get_defined_type(r->module, i), y = wasm_get_defined_type(r->module, j);
    if (!wasm_defined_type_equal(x, x, r->module) || !wasm_defined_type_is_subtype_of(x, x, r->module))
        fuzz_fail("a type that is not itself");
    bool same = wasm_defined_type_equal(x, y, r->module), is_sub = wasm_defined_type_is_subtype_of(x, y, r->module),
         is_super = wasm_defined_type_is_subtype_of(y, x, r->module);
    if (same != (is_sub && is_super)) fuzz_fail("types %u and %u: equal is not both ways below", i, j);
    if (s->obj != NULL && is_sub && wasm_obj_is_instance_of_defined_type(s->obj, x, r->module) &&
        !wasm_obj_is_instance_of_defined_type(s->obj, y, r->module))
        fuzz_fail("an object that lost its type on the way up");
    if (wasm_defined_type_is_func_type(x)) {
        u32 n = wasm_func_type_get_param_count((wasm_func_type_t)x);
        if (wasm_func_type_get_param_type((wasm_func_type_t)x, n).value_type != 0) fuzz_fail("a parameter too many");
        for (u32 k = 0; k < n; k++)
            if (wasm_func_type_get_param_type((wasm_func_type_t)x, k).value_type == 0) fuzz_fail("a parameter too few");
    }
}

static void use_function(Run *r)
{
    u32 index = take(r) % 40, type = take(r) % (r->ntypes + 1);
    wasm_func_obj_t f = wasm_func_obj_new_with_typeidx(r->env, type, index);
    if (f == NULL) {
        wasm_runtime_clear_exception(r->inst);
        return;
    }
    if (!wasm_obj_is_func_obj((wasm_obj_t)f) || wasm_obj_is_eq_obj((wasm_obj_t)f)) fuzz_fail("a function of another kind");
    u32 bound = wasm_func_obj_get_func_idx_bound(f);
    if (bound != index && bound != UINT32_MAX) fuzz_fail("another function");
    wasm_func_type_t t = wasm_func_obj_get_func_type(f);
    if (wasm_func_type_get_param_count(t) + wasm_func_type_get_result_count(t) > 0) return;
    uint32_t cells[2] = {0};
    wasm_runtime_set_instruction_count_limit(r->env, 20000);
    (void)wasm_runtime_call_func_ref(r->env, f, 0, cells);
    wasm_runtime_clear_exception(r->inst);
}

static void use_others(Run *r)
{
    u32 bits = (u32)take_u64(r), low = bits & 0x7fffffff;
    wasm_i31_obj_t small = wasm_i31_obj_new(bits);
    if (wasm_i31_obj_get_value(small, false) != low || !wasm_obj_is_i31_obj((wasm_obj_t)small) ||
        wasm_i31_obj_get_value(small, true) != (low | (low >> 30 << 31)))
        fuzz_fail("31 bits of %x", (unsigned)bits);
    const void *p = (const void *)(uintptr_t)take_u64(r);
    wasm_externref_obj_t e = wasm_externref_obj_new(r->env, p);
    wasm_anyref_obj_t a = wasm_anyref_obj_new(r->env, p);
    if (p == NULL && (e != NULL || a != NULL)) fuzz_fail("NULL in a reference");
    if (e != NULL && (wasm_externref_obj_get_value(e) != p || !wasm_obj_is_externref_obj((wasm_obj_t)e)))
        fuzz_fail("another externref");
    if (a != NULL && (wasm_anyref_obj_get_value(a) != p || !wasm_obj_is_anyref_obj((wasm_obj_t)a)))
        fuzz_fail("another anyref");
    const Slot *s = &r->slots[take(r) % SLOTS];
    if (s->obj == NULL) return;
    wasm_externref_obj_t outside = wasm_internal_obj_to_externref_obj(r->env, s->obj);
    if (wasm_externref_obj_to_internal_obj(outside) != s->obj) fuzz_fail("an object that does not come back");
}

/* --- a run */

static void churn(Run *r)
{
    u32 type = take(r) % (r->ntypes + 1);
    for (u32 i = 0, n = take(r) * 4; i < n; i++) {
        if (wasm_array_obj_new_with_typeidx(r->env, type, 300, NULL) == NULL &&
            wasm_struct_obj_new_with_typeidx(r->env, type) == NULL)
            break;
    }
    wasm_runtime_clear_exception(r->inst);
}

static void call(Run *r)
{
    char name[2] = {(char)('0' + take(r) % 6), 0};
    uint32_t cells[8] = {0};
    wasm_function_inst_t func = wasm_runtime_lookup_function(r->inst, name);
    wasm_runtime_set_instruction_count_limit(r->env, 100000);
    if (func != NULL) (void)wasm_runtime_call_wasm(r->env, func, 0, cells);
    wasm_runtime_clear_exception(r->inst);
}

static void step(Run *r)
{
    Slot *s = &r->slots[take(r) % SLOTS];
    u32 what = take(r) % 20;
    if (what < 4) make(r, s);
    else if (what == 4) ask_types(r);
    else if (what == 5) use_function(r);
    else if (what == 6) use_others(r);
    else if (what == 7) churn(r);
    else if (what == 8) call(r);
    else if (what == 9) drop(r, s);
    else if (s->obj == NULL) return;
    else if (what < 15) change(r, s);
    else if (what == 15 && s->is_array) use_array(r, s);
    else if (what == 16) set_finalizer(r, s);
    else if (what == 17 && s >= &r->slots[LOCALS] && s->npins < 5) s->npins += wasm_runtime_pin_object(r->env, s->obj);
    else check_slot(r, s);
}

static void run(Run *r)
{
    for (u32 i = 0; i < LOCALS; i++) {
        wasm_runtime_push_local_obj_ref(r->env, &r->locals[i]);
        r->locals[i].val = NULL;
    }
    for (u32 steps = 0; r->p != r->end && steps < MOST_STEPS; steps++) step(r);
    for (u32 i = 0; i < SLOTS; i++) check_slot(r, &r->slots[i]);
    if (wasm_runtime_get_cur_local_obj_ref(r->env) != &r->locals[LOCALS - 1]) fuzz_fail("another local reference");
    wasm_runtime_pop_local_obj_refs(r->env, LOCALS - 1);
    if (wasm_runtime_pop_local_obj_ref(r->env) != &r->locals[0]) fuzz_fail("another local reference");
    for (u32 i = 0; i < SLOTS; i++) r->slots[i].obj = NULL; /* pins end with the instance */
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Run *r = calloc(1, sizeof *r);
    if (r == NULL) abort();
    r->p = data;
    r->end = data + size;
    nfinalizers = 0;
    u32 nth = take(r) < 16 ? (u32)take_u64(r) & 0x3ff : TEST_ALLOC_NEVER;
    if (host_alloc_start(nth, (RuntimeInitArgs){.gc_heap_size = 65536 + take(r) * 4096})) {
        u32 n = take(r) * 4;
        if (n > (u32)(r->end - r->p)) n = (u32)(r->end - r->p);
        /* Its imports stay unlinked: whoever calls one traps. */
        GenerateOptions options = {.features = FEATURES_ALL, .is_deterministic = true};
        Bytes module = fuzz_generate(r->p, n, &options);
        r->p += n;
        char error[128];
        r->module = wasm_runtime_load(module.p, (u32)module.n, error, sizeof error);
        bytes_done(&module);
        if (r->module != NULL) r->ntypes = wasm_get_defined_type_count(r->module);
        if (r->module != NULL) r->inst = wasm_runtime_instantiate(r->module, 65536, 0, error, sizeof error);
        if (r->inst != NULL) r->env = wasm_runtime_create_exec_env(r->inst, 65536);
        if (r->env != NULL) run(r);
        if (r->env != NULL) wasm_runtime_destroy_exec_env(r->env);
        if (r->inst != NULL) wasm_runtime_deinstantiate(r->inst);
        for (u32 i = 0; i < nfinalizers; i++)
            if (finalizers[i].ncalls != finalizers[i].is_set) fuzz_fail("a finalizer did not run");
        if (r->module != NULL) wasm_runtime_unload(r->module);
        wasm_runtime_destroy();
    }
    if (host_alloc.live != 0) fuzz_fail("%llu bytes are left", (unsigned long long)host_alloc.live);
    free(r);
    return 0;
}
