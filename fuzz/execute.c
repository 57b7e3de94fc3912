/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* execute.c - see execute.h. */
#include "execute.h"

#include <stdarg.h>
#include <stdio.h>

#include "binary/decode.h"
#include "fuzz.h"
#include "runtime/exec.h"

static __attribute__((format(printf, 2, 3))) void say(Bytes *out, const char *format, ...)
{
    char line[400];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    put_bytes(out, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* As another engine words it. Which bound was passed is one there, as engines look at them in different orders. */
static const char *ending_of(TrapCode code)
{
    switch (code) {
    case TRAP_NONE: return "ok";
    case TRAP_UNREACHABLE: return "trap U";
    case TRAP_MEMORY_BOUNDS: return "trap B";
    case TRAP_TABLE_BOUNDS: case TRAP_UNDEFINED_ELEMENT: return "trap B";
    case TRAP_UNINITIALIZED_ELEMENT: case TRAP_INDIRECT_CALL_TYPE: return "trap S";
    case TRAP_INTEGER_OVERFLOW: case TRAP_INVALID_CONVERSION: return "trap F";
    case TRAP_DIVIDE_BY_ZERO: return "trap Z";
    case TRAP_NULL_FUNCTION: case TRAP_NULL_STRUCT: case TRAP_NULL_ARRAY: case TRAP_NULL_I31:
    case TRAP_NULL_REFERENCE: case TRAP_NULL_DESCRIPTOR: case TRAP_NULL_EXCEPTION: return "trap N";
    case TRAP_CAST_FAILURE: case TRAP_DESCRIPTOR_CAST_FAILURE: return "trap C";
    case TRAP_ARRAY_BOUNDS: return "trap B";
    case TRAP_UNALIGNED_ATOMIC: return "trap B";
    case TRAP_UNSHARED_WAIT: return "trap W";
    case TRAP_UNCAUGHT_EXCEPTION: return "exception";
    case TRAP_STACK_EXHAUSTED: case TRAP_NATIVE_STACK_EXHAUSTED: return "trap stack";
    case TRAP_OUT_OF_MEMORY: return "trap memory";
    case TRAP_FUEL: return "trap fuel";
    default: return tern_trap_text(code);
    }
}

static TrapCode f0(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env;
    slots[0] = (u32)slots[0] * 3 + 1;
    return TRAP_NONE;
}

static TrapCode f1(Exec *x, void *env, u64 *slots)
{
    (void)x, (void)env, (void)slots;
    return TRAP_NONE;
}

/* A function of any type, as other generators import: gives zeros. */
static TrapCode give_zeros(Exec *x, void *env, u64 *slots)
{
    (void)x;
    const FuncType *type = env;
    if (type->result_cells > 0) memset(slots, 0, type->result_cells * sizeof *slots);
    return TRAP_NONE;
}

/* False: something is imported that this host has not. */
static bool provide(Store *store, const Module *module, Extern *imports)
{
    TypeRegistry *types = store->engine->types;
    static const ValType f0_types[] = {VT_I32}, f1_types[] = {VT_I64, VT_F64};
    for (u32 i = 0; i < module->nimports; i++) {
        const Import *import = &module->imports[i];
        Extern *e = &imports[i];
        *e = (Extern){.kind = import->kind};
        bool is_f0 = name_is(import->name, "f0"), is_f1 = name_is(import->name, "f1");
        if (import->kind == EXTERN_FUNC && (is_f0 || is_f1)) {
            u32 id = is_f0 ? tern_types_add_func(types, f0_types, 1, f0_types, 1)
                           : tern_types_add_func(types, f1_types, 2, NULL, 0);
            e->u.func = id == TYPE_NONE ? NULL : tern_func_new(store, id, is_f0 ? f0 : f1, NULL, is_f0 ? "f0" : "f1");
            if (id != TYPE_NONE) tern_types_release(types, id);
            if (e->u.func == NULL) return false;
        } else if (import->kind == EXTERN_FUNC) {
            const FuncType *type = tern_module_func_type(module, import->index);
            u32 id = module->funcs[import->index].type_id;
            e->u.func = tern_func_new(store, id, give_zeros, (void *)(uintptr_t)type, "zeros");
            if (e->u.func == NULL) return false;
        } else if (import->kind == EXTERN_GLOBAL && name_is(import->name, "g0")) {
            e->u.global = tern_global_new(store, (GlobalType){VT_I32, false}, (Value){.i32 = 7});
            if (e->u.global == NULL) return false;
        } else {
            return false;
        }
    }
    return true;
}

static void say_trap(Bytes *out, const Exec *x, const Instance *instance)
{
    const Trap *trap = &x->trap;
    say(out, " ; code %u", (unsigned)trap->code);
    if (trap->has_address)
        say(out, " address %llx+%llu of %llu", (unsigned long long)trap->address,
            (unsigned long long)trap->access_bytes, (unsigned long long)trap->memory_bytes);
    say(out, " frames %u", (unsigned)trap->nframes_all);
    for (u32 i = 0; i < trap->nframes && i < 8; i++)
        say(out, " %s%u@%x", trap->frames[i].instance == instance ? "" : "?", (unsigned)trap->frames[i].func_index,
            (unsigned)trap->frames[i].offset);
}

/* FNV-1a by bytes, which others can do as well, or quicker. */
static u32 hash_of(const u8 *p, u64 n, bool is_quick)
{
    u64 quick = 14695981039346656037u, word;
    for (; is_quick && n >= 8; n -= 8, p += 8) {
        memcpy(&word, p, 8);
        quick = (quick ^ word) * 1099511628211u;
        quick ^= quick >> 29;
    }
    u32 h = (u32)(quick >> 32) ^ (u32)quick;
    if (!is_quick) h = 2166136261u;
    for (u64 i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h;
}

/* References of one store only have in common whether they are null, and functions which one they are. */
static void say_ref(Bytes *out, const Module *module, ValType type, Ref ref)
{
    if (ref == REF_NULL) {
        say(out, "null");
    } else if (tern_types_top(module->registry, type) == HEAP_FUNC) {
        const FuncInst *func = (const FuncInst *)(uintptr_t)ref;
        say(out, "func %u", func->instance == NULL ? UINT32_MAX : (unsigned)func->func_index);
    } else {
        say(out, "ref");
    }
}

static void say_global(Bytes *out, const Module *module, const Global *global, bool has_details)
{
    const Value *v = global->cell;
    bool is_nan = (global->type.type == VT_F32 && (v->i32 & 0x7fffffff) > 0x7f800000) ||
                  (global->type.type == VT_F64 && (v->i64 & INT64_MAX) > 0x7ff0000000000000);
    if (is_nan && !has_details) {
        say(out, "nan");
        return;
    }
    switch (global->type.type) {
    case VT_I32: say(out, "%d", (s32)v->i32); break;
    case VT_I64: say(out, "%lld", (long long)v->i64); break;
    case VT_F32: say(out, "%x", v->i32); break;
    case VT_F64: say(out, "%llx", (unsigned long long)v->i64); break;
    case VT_V128: say(out, "%llx:%llx", (unsigned long long)v->cells[1], (unsigned long long)v->cells[0]); break;
    default: say_ref(out, module, global->type.type, v->ref); break;
    }
}

static void say_state(Bytes *out, Instance *instance, bool has_details)
{
    const Module *module = instance->module;
    const Export *fuel = tern_module_find_export(module, (Name){"fuel", 4});
    for (u32 i = 0; i < module->nmemories && (fuel != NULL || i == 0); i++) {
        const Memory *memory = instance->memories[i];
        say(out, "m%u: %llu %08x\n", (unsigned)i, (unsigned long long)memory->size_bytes,
            (unsigned)hash_of(memory->base, memory->size_bytes, has_details));
    }
    for (u32 i = 0; i < module->ntables && fuel != NULL; i++) {
        const Table *table = instance->tables[i];
        say(out, "t%u: %llu", (unsigned)i, (unsigned long long)table->size);
        for (u64 j = 0; has_details && j < table->size && j < 16; j++) {
            say(out, " ");
            say_ref(out, module, table->type.elem, table->elems[j]);
        }
        say(out, "\n");
    }
    for (u32 i = 0; i < module->nglobals; i++) {
        const Global *global = tern_instance_global(instance, i);
        if (global == NULL) {
            say(out, "no memory\n");
            return;
        }
        bool is_plain = global->type.type != VT_V128 && !vt_is_ref(global->type.type);
        if (!has_details && (!is_plain || i < module->nimported[EXTERN_GLOBAL] || fuel == NULL)) continue;
        bool is_fuel = fuel != NULL && fuel->index == i;
        if (is_fuel) say(out, "fuel: ");
        if (!is_fuel) say(out, "g%u: ", (unsigned)i);
        say_global(out, module, global, has_details);
        say(out, "\n");
    }
}

static void say_ending(Bytes *out, Exec *x, const Instance *instance, TrapCode code, const ExecuteOptions *options)
{
    say(out, "%s", ending_of(code));
    if (code != TRAP_NONE && options->has_details) say_trap(out, x, instance);
    say(out, "\n");
    if (code != TRAP_NONE && x->trap.code != code) fuzz_fail("trap %u was not described", (unsigned)code);
}

static void run(Bytes *out, Exec *x, Instance *instance, const ExecuteOptions *options)
{
    const Module *module = instance->module;
    const Export *fuel = tern_module_find_export(module, (Name){"fuel", 4});
    if (fuel != NULL && fuel->kind != EXTERN_GLOBAL) return;
    const Export *limit = tern_module_find_export(module, (Name){"hangLimitInitializer", 20}); /* Binaryen's */
    u64 used = 0;
    say(out, "instantiate: ");
    TrapCode started = module->has_start ? tern_instance_start(instance, x) : TRAP_NONE;
    say_ending(out, x, instance, started, options);
    if (started != TRAP_NONE) return;
    for (u32 round = 0; round <= options->rounds; round++) {
        for (u32 i = 0; i < module->nexports; i++) {
            const Export *e = &module->exports[i];
            if (e->kind != EXTERN_FUNC || e == limit) continue;
            const FuncType *type = tern_module_func_type(module, e->index);
            /* What another engine can call, too. */
            if (type->nparams > 0 || type->nresults > 1) continue;
            if (type->nresults == 1 && !vt_is_num(type->results[0])) continue;
            if (fuel != NULL) instance->global_cells[fuel->index]->i32 = 200;
            FuncInst *first = limit != NULL ? tern_instance_func(instance, limit->index) : NULL;
            if (first != NULL && limit->kind == EXTERN_FUNC && first->type->nparams + first->type->nresults == 0)
                tern_exec_call(x, first, NULL, NULL);
            FuncInst *func = tern_instance_func(instance, e->index);
            if (func == NULL) {
                say(out, "no memory\n");
                return;
            }
            u64 cells[4] = {0};
            u64 before = options->is_metered ? tern_exec_fuel_left(x) : 0;
            if (options->is_metered && before != UINT64_MAX && !tern_exec_fuel_set(x, options->fuel)) return;
            before = options->is_metered ? tern_exec_fuel_left(x) : 0;
            TrapCode code = tern_exec_call(x, func, cells, cells);
            if (options->is_metered) used += before - tern_exec_fuel_left(x);
            say(out, "%.*s: ", (int)e->name.size, e->name.bytes);
            bool gives = code == TRAP_NONE && type->nresults == 1;
            if (gives && type->results[0] == VT_I32) say(out, "%d ", (s32)cells[0]);
            if (gives && type->results[0] == VT_I64) say(out, "%lld ", (long long)cells[0]);
            say_ending(out, x, instance, code, options);
        }
    }
    if (options->fuel_used != NULL) *options->fuel_used = used;
    say_state(out, instance, options->has_details);
}

Bytes fuzz_execute(Engine *engine, const u8 *bytes, size_t size, const ExecuteOptions *options)
{
    Bytes out = {0};
    Diag diag = {0};
    char text[300];
    DecodeOptions decode = {.features = engine->options.features};
    Module *module = tern_module_decode(engine->types, engine->options.alloc, bytes, size, &decode, &diag);
    if (module == NULL) {
        tern_diag_format(&diag, text, sizeof text);
        say(&out, "invalid: %s\n", text);
        put_byte(&out, 0);
        return out;
    }
    Store *store = tern_store_new(engine);
    Exec *x = store != NULL ? tern_exec_new(store, 1 << 20) : NULL;
    Extern imports[16];
    TrapCode trap = TRAP_NONE;
    if (x == NULL || (options->is_metered && !tern_exec_fuel_set(x, options->fuel))) {
        say(&out, "no memory\n");
    } else if (module->nimports > COUNT_OF(imports) || !provide(store, module, imports)) {
        say(&out, "instantiate: refused, an import\n");
    } else {
        Instance *instance = tern_instance_new(store, module, imports, NULL, &diag, &trap);
        if (instance != NULL) {
            run(&out, x, instance, options);
        } else if (trap != TRAP_NONE) {
            say(&out, "instantiate: %s\n", ending_of(trap));
        } else {
            tern_diag_format(&diag, text, sizeof text);
            say(&out, "instantiate: refused, %s\n", text);
        }
    }
    if (x != NULL) tern_exec_free(x);
    if (store != NULL) tern_store_free(store);
    tern_module_release(module);
    put_byte(&out, 0);
    return out;
}
