/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* wamr_call.c - execution environments, and calls from the host.
 *
 * Hosts pass values in 32-bit cells; frames have 64-bit slots. Arguments are converted straight
 * into the callee's slots at the top of the stack, and results from there, so a call allocates and
 * copies nothing else. */
#include <stdarg.h>

#include "api/wamr.h"

/* --- environments ----------------------------------------------------------------------------- */

#define DEFAULT_STACK_BYTES (16u << 10) /* WAMR's on 64-bit hosts */
#define LEAST_STACK_BYTES (64u << 10)

/* Hosts size stacks for WAMR's 4-byte cells and frames. Ours are larger, and untouched stack costs
 * nothing, so a guest that fitted still does. */
static size_t stack_bytes(u32 asked)
{
    u64 bytes = 4 * (u64)(asked != 0 ? asked : DEFAULT_STACK_BYTES);
    return (size_t)u64_min(u64_max(bytes, LEAST_STACK_BYTES), SIZE_MAX / 4);
}

wasm_exec_env_t wasm_runtime_create_exec_env(wasm_module_inst_t module_inst, uint32_t stack_size)
{
    wasm_module_inst_t root = module_inst->root;
    Alloc *alloc = root->module->engine->alloc;
    wasm_exec_env_t env = tern_alloc_zeroed(alloc, 1, sizeof *env);
    if (env == NULL) return NULL;
    env->x = tern_exec_new(root->store, stack_bytes(stack_size));
    if (env->x == NULL) {
        tern_free(alloc, env, sizeof *env);
        return NULL;
    }
    env->x->host_data = env;
    env->inst = module_inst;
    env->root = root;
    tern_port_mutex_lock(&root->lock);
    env->next = root->envs;
    root->envs = env;
    if (root->is_terminated) tern_exec_interrupt(env->x, TRAP_INTERRUPTED);
    tern_port_mutex_unlock(&root->lock);
    return env;
}

void wasm_runtime_destroy_exec_env(wasm_exec_env_t exec_env)
{
    if (exec_env == NULL) return;
    wasm_module_inst_t root = exec_env->root;
    if (root == NULL) { /* the instance went first and took the stack */
        ApiEngine *engine = exec_env->engine;
        tern_free(engine->alloc, exec_env, sizeof *exec_env);
        tern_api_engine_release(engine);
        return;
    }
    if (exec_env == root->singleton) return;
    tern_port_mutex_lock(&root->lock);
    wasm_exec_env_t *p = &root->envs;
    while (*p != exec_env) p = &(*p)->next;
    *p = exec_env->next;
    tern_port_mutex_unlock(&root->lock);
    if (exec_env->x->depth > 0) tern_api_env_unlink(exec_env); /* a coroutine that will not go on */
    tern_exec_free(exec_env->x);
    tern_free(root->module->engine->alloc, exec_env, sizeof *exec_env);
}

/* Fuel (runtime/exec.h): what is left stays for the next call. */
void wasm_runtime_set_instruction_count_limit(wasm_exec_env_t exec_env, int instruction_count)
{
    if (instruction_count < 0) tern_exec_fuel_unlimit(exec_env->x);
    else if (!tern_exec_fuel_set(exec_env->x, (u64)instruction_count))
        tern_api_log(WASM_LOG_LEVEL_ERROR, "no memory for code that counts instructions");
}

wasm_exec_env_t wasm_runtime_get_exec_env_singleton(wasm_module_inst_t module_inst)
{
    wasm_module_inst_t root = module_inst->root;
    if (root->singleton == NULL)
        root->singleton = wasm_runtime_create_exec_env(root, root->stack_bytes);
    return root->singleton;
}

wasm_exec_env_t tern_api_env_in_use(wasm_module_inst_t inst)
{
    for (wasm_exec_env_t env = tern_api_innermost; env != NULL; env = env->outer)
        if (env->root == inst->root) return env;
    return NULL;
}

wasm_exec_env_t tern_api_env(wasm_module_inst_t inst)
{
    wasm_exec_env_t env = tern_api_env_in_use(inst);
    return env != NULL ? env : wasm_runtime_get_exec_env_singleton(inst);
}

_Thread_local HOT_TLS wasm_exec_env_t tern_api_innermost;

void tern_api_env_unlink(wasm_exec_env_t env)
{
    for (wasm_exec_env_t *p = &tern_api_innermost; *p != NULL; p = &(*p)->outer) {
        if (*p != env) continue;
        *p = env->outer;
        return;
    }
}

wasm_module_inst_t wasm_runtime_get_module_inst(wasm_exec_env_t exec_env) { return exec_env->inst; }

void wasm_runtime_set_module_inst(wasm_exec_env_t exec_env, const wasm_module_inst_t module_inst)
{
    exec_env->inst = module_inst;
}

void wasm_runtime_set_user_data(wasm_exec_env_t exec_env, void *user_data)
{
    exec_env->user_data = user_data;
}

void *wasm_runtime_get_user_data(wasm_exec_env_t exec_env) { return exec_env->user_data; }

void *wasm_runtime_get_function_attachment(wasm_exec_env_t exec_env)
{
    return exec_env->attachment;
}

/* --- native stack ----------------------------------------------------------------------------- */

#define NATIVE_GUARD_BYTES (8u << 10)

void wasm_runtime_set_native_stack_boundary(wasm_exec_env_t exec_env,
                                            uint8_t *native_stack_boundary)
{
    exec_env->native_boundary = native_stack_boundary;
    if (exec_env->x == NULL) return; /* it outlived its instance */
    exec_env->x->native_boundary =
        native_stack_boundary != NULL ? native_stack_boundary + NATIVE_GUARD_BYTES : NULL;
}

bool wasm_runtime_detect_native_stack_overflow_size(wasm_exec_env_t exec_env,
                                                    uint32_t required_size)
{
    uintptr_t bottom = (uintptr_t)exec_env->native_boundary;
    if (bottom == 0) bottom = (uintptr_t)tern_port_stack_bottom();
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (bottom == 0 || here < bottom || here - bottom >= required_size)
        return true; /* unknown, or enough */
    tern_api_throw(exec_env->inst, "%s", tern_trap_wamr_text(TRAP_NATIVE_STACK_EXHAUSTED));
    return false;
}

bool wasm_runtime_detect_native_stack_overflow(wasm_exec_env_t exec_env)
{
    return wasm_runtime_detect_native_stack_overflow_size(exec_env, NATIVE_GUARD_BYTES);
}

/* --- functions -------------------------------------------------------------------------------- */

wasm_function_inst_t wasm_runtime_lookup_function(const wasm_module_inst_t module_inst,
                                                  const char *name)
{
    Extern found;
    bool ok = tern_instance_find_export(module_inst->instance, (Name){name, (u32)strlen(name)}, &found);
    return ok && found.kind == EXTERN_FUNC ? found.u.func : NULL;
}

static const FuncType *type_of(const wasm_function_inst_t function)
{
    return ((const FuncInst *)function)->type;
}

uint32_t wasm_func_get_param_count(const wasm_function_inst_t func_inst,
                                   const wasm_module_inst_t module_inst)
{
    (void)module_inst;
    return type_of(func_inst)->nparams;
}

uint32_t wasm_func_get_result_count(const wasm_function_inst_t func_inst,
                                    const wasm_module_inst_t module_inst)
{
    (void)module_inst;
    return type_of(func_inst)->nresults;
}

static void kinds(const wasm_module_inst_t inst, const ValType *types, u32 n, wasm_valkind_t *out)
{
    for (u32 i = 0; i < n; i++) out[i] = tern_api_valkind(inst->store->engine->types, types[i]);
}

void wasm_func_get_param_types(const wasm_function_inst_t func_inst,
                               const wasm_module_inst_t module_inst, wasm_valkind_t *param_types)
{
    kinds(module_inst, type_of(func_inst)->params, type_of(func_inst)->nparams, param_types);
}

void wasm_func_get_result_types(const wasm_function_inst_t func_inst,
                                const wasm_module_inst_t module_inst, wasm_valkind_t *result_types)
{
    kinds(module_inst, type_of(func_inst)->results, type_of(func_inst)->nresults, result_types);
}

/* --- values in cells -------------------------------------------------------------------------- */

#define REF_CELLS ((u32)(sizeof(uintptr_t) / sizeof(u32)))
#define NULL_FUNC_INDEX UINT32_MAX

static bool is_funcref(wasm_exec_env_t env, ValType type)
{
    return tern_api_is_funcref(env->x->store->engine->types, type);
}

/* 32-bit cells of a value in argv. */
static u32 cells_of(wasm_exec_env_t env, ValType type)
{
    switch (vt_code(type)) {
    case VT_I32:
    case VT_F32: return 1;
    case VT_I64:
    case VT_F64: return 2;
    case VT_V128: return 4;
    default: return is_funcref(env, type) ? 1 : REF_CELLS;
    }
}

static bool func_of_index(wasm_exec_env_t env, u32 index, u64 *slot)
{
    Instance *instance = env->inst->instance;
    *slot = REF_NULL;
    if (index == NULL_FUNC_INDEX) return true;
    if (index >= instance->module->nfuncs) return false;
    FuncInst *func = tern_instance_func(instance, index);
    *slot = (Ref)(uintptr_t)func;
    return func != NULL;
}

/* A function of another instance has an index only if it is imported. */
static bool index_of_func(wasm_exec_env_t env, Ref ref, u32 *index)
{
    Instance *instance = env->inst->instance;
    const FuncInst *func = (const FuncInst *)(uintptr_t)ref;
    *index = NULL_FUNC_INDEX;
    if (func == NULL) return true;
    if (func->instance == instance) {
        *index = func->func_index;
        return true;
    }
    for (u32 i = 0; i < instance->module->nimported[EXTERN_FUNC]; i++) {
        if (instance->funcs[i] != func) continue;
        *index = i;
        return true;
    }
    return false;
}

static bool put_ref(wasm_exec_env_t env, ValType type, const u32 *cells, u64 *slot)
{
    if (is_funcref(env, type)) return func_of_index(env, cells[0], slot);
    uintptr_t pointer;
    memcpy(&pointer, cells, sizeof pointer);
    return tern_api_ref_in(env->x->store, type, pointer, slot);
}

static void too_few(wasm_exec_env_t env, const FuncType *type, u32 argc)
{
    u32 need = 0;
    for (u32 i = 0; i < type->nparams; i++) need += cells_of(env, type->params[i]);
    tern_api_throw(env->inst, "invalid argument count %u, must be no smaller than %u", argc, need);
}

/* Parameters from the first on whose cells are not all plain. */
__attribute__((noinline)) static bool put_more_args(wasm_exec_env_t env, const FuncType *type, u32 first,
                                                    u32 argc, const u32 *argv, u64 *slots)
{
    u32 at = 0;
    for (u32 i = first; i < type->nparams; i++) {
        ValType param = type->params[i];
        u32 n = cells_of(env, param);
        if (UNLIKELY(n > argc - at)) {
            too_few(env, type, argc + first);
            return false;
        }
        if (n == 1 && !vt_is_ref(param)) {
            *slots++ = argv[at];
        } else if (!vt_is_ref(param)) {
            memcpy(slots, argv + at, n * sizeof(u32));
            slots += n / 2;
        } else if (!put_ref(env, param, argv + at, slots++)) {
            tern_api_throw(env->inst, "the arguments conversion is failed");
            return false;
        }
        at += n;
    }
    return true;
}

static bool put_args(wasm_exec_env_t env, const FuncType *type, u32 argc, const u32 *argv,
                            u64 *slots)
{
    u32 i = 0, n = type->nparams, most = n < argc ? n : argc;
    const ValType *params = type->params;
    /* Most parameters are i32: a cell each. */
    for (; i < most && params[i] == VT_I32; i++) slots[i] = argv[i];
    return LIKELY(i == n) || put_more_args(env, type, i, argc - i, argv + i, slots + i);
}

__attribute__((noinline)) static bool take_more_results(wasm_exec_env_t env, const FuncType *type,
                                                        u32 first, const u64 *slots, u32 *argv)
{
    for (u32 i = first; i < type->nresults; i++) {
        ValType result = type->results[i];
        if (!vt_is_ref(result)) {
            u32 n = cells_of(env, result);
            memcpy(argv, slots, n * sizeof(u32));
            argv += n;
            slots += vt_cells(result);
        } else if (is_funcref(env, result)) {
            if (index_of_func(env, *slots++, argv++)) continue;
            tern_api_throw(env->inst, "the result conversion is failed");
            return false;
        } else {
            uintptr_t pointer = tern_api_ref_out(result, *slots++);
            memcpy(argv, &pointer, sizeof pointer);
            argv += REF_CELLS;
        }
    }
    return true;
}

static bool take_results(wasm_exec_env_t env, const FuncType *type, const u64 *slots, u32 *argv)
{
    u32 i = 0, n = type->nresults;
    if (LIKELY(n == 1 && type->results[0] == VT_I32)) {
        argv[0] = (u32)slots[0];
        return true;
    }
    for (; i < n && type->results[i] == VT_I32; i++) argv[i] = (u32)slots[i];
    return LIKELY(i == n) || take_more_results(env, type, i, slots + i, argv + i);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Cells for arguments and results at the top of the stack; false, with the exception, if it is
 * full. */
static bool reserve(wasm_exec_env_t env, const FuncType *type)
{
    if (LIKELY(tern_exec_room(env->x, type->call_cells))) return true;
    tern_api_trapped(env, tern_exec_trap(env->x, TRAP_STACK_EXHAUSTED));
    return false;
}

TrapCode tern_api_run(wasm_exec_env_t env, FuncInst *func)
{
    tern_api_env_enter(env);
    /* A host function called by the host wants to know whose memory it is given. */
    bool is_alone = func->instance == NULL && env->x->instance == NULL;
    if (is_alone) tern_exec_enter(env->x, env->inst->instance);
    TrapCode code = tern_exec_call_in_place(env->x, func);
    if (is_alone) tern_exec_leave(env->x);
    tern_api_env_leave(env);
    return code;
}

static bool run(wasm_exec_env_t env, FuncInst *func)
{
    TrapCode code = tern_api_run(env, func);
    if (LIKELY(code == TRAP_NONE)) return true;
    tern_api_trapped(env, code);
    return false;
}

__attribute__((noinline, cold)) static wasm_exec_env_t other_env(wasm_exec_env_t env, const FuncInst *func)
{
    if (env == NULL || env->root == NULL || func == NULL) {
        tern_api_log(WASM_LOG_LEVEL_ERROR, "call: invalid exec_env or function");
        return NULL;
    }
    if (func->instance == NULL) return env;
    wasm_module_inst_t inst = func->instance->host_data;
    if (inst == NULL || env->inst->root != inst->root) {
        tern_api_throw(env->inst, "invalid exec env");
        return NULL;
    }
    wasm_exec_env_t own = tern_api_env(inst);
    if (own == NULL) tern_api_throw(env->inst, "create singleton exec_env failed");
    else own->user_data = env->user_data;
    return own;
}

/* Is func an instance's to which env belongs? */
static inline bool is_own(wasm_exec_env_t env, const FuncInst *func)
{
    bool is_there = env != NULL && env->root != NULL && func != NULL && func->instance != NULL;
    return is_there && func->instance->store == env->x->store;
}

/* The environment to run func on: env itself, unless func is another instance's to which env was turned by
 * wasm_runtime_set_module_inst. What a guest allocates and stores belongs to its own store, so that one's
 * environment does the work. NULL, and the host has been told why. */
static wasm_exec_env_t env_for(wasm_exec_env_t env, const FuncInst *func)
{
    return LIKELY(is_own(env, func)) ? env : other_env(env, func);
}

__attribute__((noinline)) static bool call_any(wasm_exec_env_t env, FuncInst *func, u32 argc, u32 *argv)
{
    env = env_for(env, func);
    if (env == NULL) return false;
    u64 *slots = env->x->top;
    return reserve(env, func->type) && put_args(env, func->type, argc, argv, slots) && run(env, func) &&
           take_results(env, func->type, slots, argv) && !tern_api_has_exception(env->inst);
}

/* Numbers in words and in cells. */
static inline void put_numbers(const FuncType *type, const u32 *argv, u64 *slots)
{
    u32 n = type->nparams;
    if (LIKELY(type->param_words == n)) {
        for (u32 i = 0; i < n; i++) slots[i] = argv[i];
        return;
    }
    for (u32 i = 0; i < n; i++) {
        if (vt_is_wide(type->params[i])) memcpy(&slots[i], argv++, sizeof *slots);
        else slots[i] = *argv;
        argv++;
    }
}

static inline void take_numbers(const FuncType *type, const u64 *slots, u32 *argv)
{
    u32 n = type->nresults;
    for (u32 i = 0; i < n; i++) {
        if (vt_is_wide(type->results[i])) memcpy(argv++, &slots[i], sizeof *slots);
        else *argv = (u32)slots[i];
        argv++;
    }
}

/* A call is short enough for what surrounds it to show (bench/calls): the usual one, of numbers, is all in here. */
bool wasm_runtime_call_wasm(wasm_exec_env_t exec_env, wasm_function_inst_t function, uint32_t argc,
                            uint32_t argv[])
{
    FuncInst *func = function;
    if (!TERN_FAST || UNLIKELY(!is_own(exec_env, func))) return call_any(exec_env, func, argc, argv);
    const FuncType *type = func->type;
    Exec *x = exec_env->x;
    /* Too few, and for every argc what is not all numbers: NO_WORDS is the largest u32. */
    if (UNLIKELY(argc + 1 <= type->param_words || !tern_exec_room(x, type->call_cells)))
        return call_any(exec_env, func, argc, argv);
    put_numbers(type, argv, x->top);
    tern_api_env_enter(exec_env);
    TrapCode code = tern_exec_call_in_place(x, func);
    tern_api_env_leave(exec_env);
    if (UNLIKELY(code != TRAP_NONE)) {
        tern_api_trapped(exec_env, code);
        return false;
    }
    if (LIKELY(type->result_words == 1)) argv[0] = (u32)x->top[0];
    else take_numbers(type, x->top, argv);
    return !tern_api_has_exception(exec_env->inst);
}

/* One slot per value: v128 was refused. */
static bool put_value(wasm_exec_env_t env, ValType type, const wasm_val_t *value, u64 *slot)
{
    switch (vt_code(type)) {
    case VT_I32: *slot = (u32)value->of.i32; return value->kind == WASM_I32;
    case VT_I64: *slot = (u64)value->of.i64; return value->kind == WASM_I64;
    case VT_F32: *slot = (u32)value->of.i32; return value->kind == WASM_F32; /* its bits */
    case VT_F64: *slot = (u64)value->of.i64; return value->kind == WASM_F64;
    case VT_REF: break;
    default: return false;
    }
    if (is_funcref(env, type))
        return value->kind == WASM_FUNCREF && func_of_index(env, (u32)value->of.i32, slot);
    bool is_ref = value->kind == WASM_EXTERNREF || (value->kind == 0xFF && !tern_api_is_externref(type));
    return is_ref && tern_api_ref_in(env->x->store, type, value->of.foreign, slot);
}

static bool take_value(wasm_exec_env_t env, ValType type, u64 slot, wasm_val_t *value)
{
    memset(value, 0, sizeof *value);
    value->kind = tern_api_valkind(env->x->store->engine->types, type);
    if (!vt_is_ref(type)) {
        if (cells_of(env, type) == 1)
            value->of.i32 = (s32)slot;
        else
            value->of.i64 = (s64)slot;
        return true;
    }
    value->of.foreign = tern_api_ref_out(type, slot);
    if (!is_funcref(env, type)) return true;
    u32 index;
    bool ok = index_of_func(env, slot, &index);
    value->of.foreign = index;
    return ok;
}

static bool counts_fit(const FuncType *type, u32 num_results, u32 num_args)
{
    bool has_vector = type->param_cells != type->nparams || type->result_cells != type->nresults;
    if (type->nparams == num_args && type->nresults == num_results && !has_vector) return true;
    if (has_vector)
        tern_api_log(WASM_LOG_LEVEL_ERROR, "v128 is passed by wasm_runtime_call_wasm only");
    else
        tern_api_log(WASM_LOG_LEVEL_ERROR,
                     "the function has %u parameters and %u results, not %u and %u", type->nparams,
                     type->nresults, num_args, num_results);
    return false;
}

/* Arguments are in their slots. */
static bool run_for_values(wasm_exec_env_t env, FuncInst *func, u64 *slots, u32 num_results,
                           wasm_val_t *results)
{
    if (!run(env, func)) return false;
    for (u32 i = 0; i < num_results; i++) {
        if (take_value(env, func->type->results[i], slots[i], &results[i])) continue;
        tern_api_throw(env->inst, "the result conversion is failed");
        return false;
    }
    return !tern_api_has_exception(env->inst);
}

bool wasm_runtime_call_wasm_a(wasm_exec_env_t exec_env, wasm_function_inst_t function,
                              uint32_t num_results, wasm_val_t results[], uint32_t num_args,
                              wasm_val_t *args)
{
    FuncInst *func = function;
    exec_env = env_for(exec_env, func);
    if (exec_env == NULL) return false;
    const FuncType *type = func->type;
    if (!counts_fit(type, num_results, num_args) || !reserve(exec_env, type)) return false;
    u64 *slots = exec_env->x->top;
    for (u32 i = 0; i < num_args; i++) {
        if (put_value(exec_env, type->params[i], &args[i], &slots[i])) continue;
        tern_api_throw(exec_env->inst, "the arguments conversion is failed");
        return false;
    }
    return run_for_values(exec_env, func, slots, num_results, results);
}

bool tern_api_call_values(wasm_exec_env_t exec_env, FuncInst *func, u32 num_results,
                          wasm_val_t *results, u32 num_args, va_list list)
{
    exec_env = env_for(exec_env, func);
    if (exec_env == NULL) return false;
    const FuncType *type = func->type;
    if (!counts_fit(type, num_results, num_args) || !reserve(exec_env, type)) return false;
    u64 *slots = exec_env->x->top;
    bool ok = true;
    for (u32 i = 0; ok && i < num_args; i++) {
        wasm_val_t value = {
            .kind = tern_api_valkind(exec_env->x->store->engine->types, type->params[i])};
        switch (value.kind) {
        case WASM_I32:
        case WASM_FUNCREF: value.of.i32 = (s32)va_arg(list, u32); break;
        case WASM_I64: value.of.i64 = (s64)va_arg(list, u64); break;
        case WASM_F32: value.of.f32 = (f32)va_arg(list, f64); break;
        case WASM_F64: value.of.f64 = va_arg(list, f64); break;
        default: value.of.foreign = va_arg(list, uintptr_t); break;
        }
        ok = put_value(exec_env, type->params[i], &value, &slots[i]);
    }
    if (!ok) {
        tern_api_throw(exec_env->inst, "the arguments conversion is failed");
        return false;
    }
    return run_for_values(exec_env, func, slots, num_results, results);
}

bool wasm_runtime_call_wasm_v(wasm_exec_env_t exec_env, wasm_function_inst_t function,
                              uint32_t num_results, wasm_val_t results[], uint32_t num_args, ...)
{
    if (function == NULL) return false;
    va_list list;
    va_start(list, num_args);
    bool ok = tern_api_call_values(exec_env, function, num_results, results, num_args, list);
    va_end(list);
    return ok;
}

bool wasm_runtime_call_indirect(wasm_exec_env_t exec_env, uint32_t element_index, uint32_t argc,
                                uint32_t argv[])
{
    if (exec_env == NULL || exec_env->root == NULL) return false;
    Instance *instance = exec_env->inst->instance;
    Table *table = instance->module->ntables > 0 ? instance->tables[0] : NULL;
    FuncInst *func = NULL;
    const char *reason = NULL;
    if (table == NULL || !tern_api_is_funcref(instance->store->engine->types, table->type.elem))
        reason = "unknown table";
    else if (element_index >= table->size)
        reason = "undefined element";
    else if ((func = (FuncInst *)(uintptr_t)table->elems[element_index]) == NULL)
        reason = "uninitialized element";
    if (reason != NULL) {
        tern_api_throw(exec_env->inst, "%s", reason);
        return false;
    }
    return wasm_runtime_call_wasm(exec_env, func, argc, argv);
}

bool wasm_runtime_begin_blocking_op(wasm_exec_env_t exec_env)
{
    return exec_env->root != NULL && !__atomic_load_n(&exec_env->root->is_terminated, __ATOMIC_ACQUIRE);
}

void wasm_runtime_end_blocking_op(wasm_exec_env_t exec_env) { (void)exec_env; }
