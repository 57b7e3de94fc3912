/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* native_call.c - signatures to descriptors, and descriptors to calls.
 *
 * Most host functions take a few integers and need no checks: they get a thunk of their own arity,
 * which only moves cells to registers. Everything else goes through one general thunk. */
#include <stdio.h>

#include "api/wamr.h"
#include "runtime/guest_range.h"

#if (defined(__x86_64__) && !defined(_WIN32)) || (defined(__aarch64__) && !defined(__APPLE__))
#define HAS_REGISTER_CALLS 1
#else
#define HAS_REGISTER_CALLS 0
#endif

/* exec_env takes the first integer register. Passing more registers or stack than the callee looks
 * at is harmless in both calling conventions: the caller owns them. */
#if defined(__x86_64__)
#define NINTS 5
#elif defined(__aarch64__)
#define NINTS 7
#else
#define NINTS 6
#endif
#define NFLOATS 8
#define NSTACK 32

/* The callee's C type differs from the pointer's on purpose. */
#if defined(__clang__)
#define ANY_FUNCTION_TYPE __attribute__((no_sanitize("function")))
#else
#define ANY_FUNCTION_TYPE
#endif

/* --- around every call ------------------------------------------------------------------------ */

typedef struct Outer {
    wasm_exec_env_t env;
    wasm_module_inst_t inst, caller;
    void *attachment;
} Outer;

static inline Outer enter(Exec *x, const NativeCall *call)
{
    wasm_exec_env_t env = x->host_data;
    Outer outer = {env, env->inst, env->inst, env->attachment};
    /* A function called by the host itself has no calling instance. */
    if (LIKELY(x->instance != NULL)) outer.caller = x->instance->host_data;
    env->inst = outer.caller;
    env->attachment = call->attachment;
    return outer;
}

/* The host function returned with an exception. One that a guest threw further in, and that this function left as it
 * was, goes on to whoever catches it; everything else is a trap. */
__attribute__((noinline, cold)) static TrapCode pass_on(Exec *x, wasm_module_inst_t inst)
{
    if (x->exception == REF_NULL || !tern_api_take_uncaught(inst, x->host_data)) return tern_exec_trap(x, TRAP_HOST);
    return TRAP_UNCAUGHT_EXCEPTION; /* the outermost call sets the text again, unless somebody catches */
}

static inline TrapCode leave(Exec *x, const Outer *outer)
{
    outer->env->inst = outer->inst;
    outer->env->attachment = outer->attachment;
    if (UNLIKELY(tern_api_has_exception(outer->caller))) return pass_on(x, outer->caller);
    return TRAP_NONE;
}

static inline void put_int(const NativeCall *call, u64 *slots, u64 value)
{
    if (call->result == 'i')
        slots[0] = (u32)value;
    else if (call->result == 'r')
        slots[0] = tern_api_ref_of_pointer((uintptr_t)value);
    else if (call->result != 0)
        slots[0] = value;
}

/* --- letters --------------------------------------------------------------------------------- */

/* R: a reference passed as it is; hosts write r for both. */
static char natural_letter(ValType type)
{
    switch (vt_code(type)) {
    case VT_I32: return 'i';
    case VT_I64: return 'I';
    case VT_F32: return 'f';
    case VT_F64: return 'F';
    case VT_REF: return tern_api_is_externref(type) ? 'r' : 'R';
    default: return 0; /* v128 */
    }
}

/* --- checked parameters ----------------------------------------------------------------------- */

/* Is there something to do for a parameter? */
static bool is_converted(char letter) { return letter == '*' || letter == '$' || letter == 'r'; }

/* Of a pointer or string in parameter i; letters end in 0. */
static inline u64 size_of(const NativeCall *call, const u64 *slots, u32 i)
{
    return call->letters[i + 1] == '~' ? slots[i + 1] : 1;
}

__attribute__((noinline, cold)) static TrapCode refuse(Exec *x, const NativeCall *call, u32 param, const u64 *slots)
{
    TrapCode code = tern_exec_trap(x, TRAP_MEMORY_BOUNDS);
    const Import *import = call->import;
    snprintf(x->trap.message, sizeof x->trap.message, "parameter %u of host function (%.*s, %.*s)%s", param + 1,
             (int)u64_min(import->module.size, 32), import->module.bytes,
             (int)u64_min(import->name.size, 48), import->name.bytes,
             call->letters[param] == '$' ? ", a string" : "");
    x->trap.has_address = true;
    x->trap.address = slots[param];
    x->trap.access_bytes = call->letters[param] == '$' ? 1 : size_of(call, slots, param);
    x->trap.memory_bytes = x->memory != NULL ? tern_memory_size_bytes(x->memory) : 0;
    return code;
}

__attribute__((noinline)) static u64 string_of(const Memory *memory, u64 addr)
{
    u64 size;
    return (uintptr_t)tern_guest_string(memory, addr, &size);
}

/* What a parameter that is converted is as a C argument. *ok false: it is refused. */
static inline u64 converted(const Exec *x, const NativeCall *call, const u64 *slots, u32 i, bool *ok)
{
    const Memory *memory = x->memory;
    u64 value = 0;
    if (LIKELY(call->letters[i] == '*')) {
        if (LIKELY(memory != NULL)) value = (uintptr_t)tern_guest_range(memory, slots[i], size_of(call, slots, i));
    } else if (call->letters[i] == '$') {
        if (LIKELY(memory != NULL)) value = string_of(memory, slots[i]);
    } else {
        *ok = true;
        return tern_api_pointer_of_ref(slots[i]);
    }
    *ok = value != 0;
    return value;
}

/* Cells to C arguments, in place of slots: pointers are checked and converted. */
static TrapCode convert(Exec *x, const NativeCall *call, const u64 *slots, u64 *values)
{
    for (u32 i = 0; i < call->nletters; i++) {
        bool ok = true;
        values[i] = is_converted(call->letters[i]) ? converted(x, call, slots, i, &ok) : slots[i];
        if (UNLIKELY(!ok)) return refuse(x, call, i, slots);
    }
    return TRAP_NONE;
}

/* The pointer for a parameter without references; 0: it is refused. */
__attribute__((noinline)) static u64 pointer_of(const Exec *x, const NativeCall *call, const u64 *slots, u32 i)
{
    bool ok;
    return converted(x, call, slots, i, &ok);
}

/* --- thunks ----------------------------------------------------------------------------------- */

/* Nearly always the environment is the caller's already, and there is nothing to change and to put back. (Small builds
 * do without the difference, here and where the host calls.) */
static inline bool is_at_home(const Exec *x, const NativeCall *call)
{
    wasm_exec_env_t env = x->host_data;
    return TERN_FAST && LIKELY(x->instance != NULL) && env->inst == x->instance->host_data &&
           env->attachment == call->attachment;
}

/* The host may have turned it to another instance meanwhile. */
static inline TrapCode leave_home(Exec *x)
{
    wasm_exec_env_t env = x->host_data;
    wasm_module_inst_t inst = x->instance->host_data;
    env->inst = inst;
    return LIKELY(!tern_api_has_exception(inst)) ? TRAP_NONE : pass_on(x, inst);
}

#define PLAIN_THUNK(n, types, args)                                                           \
    ANY_FUNCTION_TYPE static u64 pass_##n(const NativeCall *call, wasm_exec_env_t env, const u64 *slots) \
    {                                                                                         \
        (void)slots;                                                                          \
        u64(*func) types;                                                                     \
        memcpy(&func, &call->func, sizeof func);                                              \
        return func args;                                                                     \
    }                                                                                         \
    __attribute__((noinline)) static TrapCode call_away_##n(Exec *x, const NativeCall *call, u64 *slots) \
    {                                                                                         \
        Outer outer = enter(x, call);                                                         \
        put_int(call, slots, pass_##n(call, outer.env, slots));                               \
        return leave(x, &outer);                                                              \
    }                                                                                         \
    static TrapCode call_plain_##n(Exec *x, void *env, u64 *slots)                            \
    {                                                                                         \
        const NativeCall *call = env;                                                         \
        if (UNLIKELY(!is_at_home(x, call))) return call_away_##n(x, call, slots);             \
        put_int(call, slots, pass_##n(call, x->host_data, slots));                            \
        return leave_home(x);                                                                 \
    }                                                                                         \
    static TrapCode call_i32_##n(Exec *x, void *env, u64 *slots)                              \
    {                                                                                         \
        const NativeCall *call = env;                                                         \
        if (UNLIKELY(!is_at_home(x, call))) return call_away_##n(x, call, slots);             \
        slots[0] = (u32)pass_##n(call, x->host_data, slots);                                  \
        return leave_home(x);                                                                 \
    }

#if HAS_REGISTER_CALLS
PLAIN_THUNK(0, (wasm_exec_env_t), (env))
PLAIN_THUNK(1, (wasm_exec_env_t, u64), (env, slots[0]))
PLAIN_THUNK(2, (wasm_exec_env_t, u64, u64), (env, slots[0], slots[1]))
PLAIN_THUNK(3, (wasm_exec_env_t, u64, u64, u64), (env, slots[0], slots[1], slots[2]))
PLAIN_THUNK(4, (wasm_exec_env_t, u64, u64, u64, u64), (env, slots[0], slots[1], slots[2], slots[3]))
PLAIN_THUNK(5, (wasm_exec_env_t, u64, u64, u64, u64, u64),
            (env, slots[0], slots[1], slots[2], slots[3], slots[4]))

static HostFunc *const plain_thunks[] = {call_plain_0, call_plain_1, call_plain_2,
                                         call_plain_3, call_plain_4, call_plain_5};
static HostFunc *const i32_thunks[] = {call_i32_0, call_i32_1, call_i32_2, call_i32_3, call_i32_4, call_i32_5};

/* Integers and pointers only, which are checked. One by one: cells that were just written are not to be read in
 * pairs, which would have to wait for both to leave the processor. */
#define CHECKED_THUNK(n)                                                                             \
    __attribute__((noinline)) static TrapCode check_away_##n(Exec *x, const NativeCall *call, u64 *slots) \
    {                                                                                                \
        u64 v[n];                                                                                    \
        TrapCode code = convert(x, call, slots, v);                                                  \
        if (UNLIKELY(code != TRAP_NONE)) return code;                                                \
        Outer outer = enter(x, call);                                                                \
        put_int(call, slots, pass_##n(call, outer.env, v));                                          \
        return leave(x, &outer);                                                                     \
    }                                                                                                \
    static TrapCode call_checked_##n(Exec *x, void *env, u64 *slots)                                 \
    {                                                                                                \
        const NativeCall *call = env;                                                                \
        if (UNLIKELY(!is_at_home(x, call))) return check_away_##n(x, call, slots);                   \
        u64 v[n];                                                                                    \
        _Pragma("GCC unroll 5") for (u32 i = 0; i < n; i++)                                          \
        {                                                                                            \
            v[i] = slots[i];                                                                         \
            if ((call->converted >> i & 1) == 0) continue;                                           \
            v[i] = pointer_of(x, call, slots, i);                                                    \
            if (UNLIKELY(v[i] == 0)) return refuse(x, call, i, slots);                               \
        }                                                                                            \
        put_int(call, slots, pass_##n(call, x->host_data, v));                                       \
        return leave_home(x);                                                                        \
    }

CHECKED_THUNK(1)
CHECKED_THUNK(2)
CHECKED_THUNK(3)
CHECKED_THUNK(4)
CHECKED_THUNK(5)

static HostFunc *const checked_thunks[] = {call_plain_0,   call_checked_1, call_checked_2,
                                           call_checked_3, call_checked_4, call_checked_5};

typedef struct Registers {
    u64 ints[7];
    f64 floats[NFLOATS];
    u64 stack[NSTACK];
    u32 nstack;
} Registers;

#define INT_TYPES_5 u64, u64, u64, u64, u64
#define INT_ARGS_5 r->ints[0], r->ints[1], r->ints[2], r->ints[3], r->ints[4]
#if NINTS == 7
#define INT_TYPES INT_TYPES_5, u64, u64
#define INT_ARGS INT_ARGS_5, r->ints[5], r->ints[6]
#else
#define INT_TYPES INT_TYPES_5
#define INT_ARGS INT_ARGS_5
#endif
#define FLOAT_TYPES f64, f64, f64, f64, f64, f64, f64, f64
#define FLOAT_ARGS                                                                      \
    r->floats[0], r->floats[1], r->floats[2], r->floats[3], r->floats[4], r->floats[5], \
        r->floats[6], r->floats[7]
#define STACK_TYPES_8 u64, u64, u64, u64, u64, u64, u64, u64
#define STACK_ARGS_8(i)                                                              \
    r->stack[i], r->stack[i + 1], r->stack[i + 2], r->stack[i + 3], r->stack[i + 4], \
        r->stack[i + 5], r->stack[i + 6], r->stack[i + 7]

typedef union AnyFunc {
    void *pointer;
    u64 (*regs)(wasm_exec_env_t, INT_TYPES, FLOAT_TYPES);
    f64 (*regs_f)(wasm_exec_env_t, INT_TYPES, FLOAT_TYPES);
    u64 (*stack8)(wasm_exec_env_t, INT_TYPES, FLOAT_TYPES, STACK_TYPES_8);
    f64 (*stack8_f)(wasm_exec_env_t, INT_TYPES, FLOAT_TYPES, STACK_TYPES_8);
    u64 (*stack32)(wasm_exec_env_t, INT_TYPES, FLOAT_TYPES, STACK_TYPES_8, STACK_TYPES_8,
                   STACK_TYPES_8, STACK_TYPES_8);
    f64 (*stack32_f)(wasm_exec_env_t, INT_TYPES, FLOAT_TYPES, STACK_TYPES_8, STACK_TYPES_8,
                     STACK_TYPES_8, STACK_TYPES_8);
} AnyFunc;

ANY_FUNCTION_TYPE static u64 call_for_int(AnyFunc f, wasm_exec_env_t env, const Registers *r)
{
    if (r->nstack == 0) return f.regs(env, INT_ARGS, FLOAT_ARGS);
    if (r->nstack <= 8) return f.stack8(env, INT_ARGS, FLOAT_ARGS, STACK_ARGS_8(0));
    return f.stack32(env, INT_ARGS, FLOAT_ARGS, STACK_ARGS_8(0), STACK_ARGS_8(8), STACK_ARGS_8(16),
                     STACK_ARGS_8(24));
}

/* A float comes back in the low half of the register. */
ANY_FUNCTION_TYPE static u64 call_for_float(AnyFunc f, wasm_exec_env_t env, const Registers *r)
{
    f64 value;
    if (r->nstack == 0)
        value = f.regs_f(env, INT_ARGS, FLOAT_ARGS);
    else if (r->nstack <= 8)
        value = f.stack8_f(env, INT_ARGS, FLOAT_ARGS, STACK_ARGS_8(0));
    else
        value = f.stack32_f(env, INT_ARGS, FLOAT_ARGS, STACK_ARGS_8(0), STACK_ARGS_8(8),
                            STACK_ARGS_8(16), STACK_ARGS_8(24));
    u64 bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool is_float(char letter) { return letter == 'f' || letter == 'F'; }

static TrapCode call_general(Exec *x, void *env, u64 *slots)
{
    const NativeCall *call = env;
    u64 values[NINTS + NFLOATS + NSTACK];
    TrapCode code = convert(x, call, slots, values);
    if (UNLIKELY(code != TRAP_NONE)) return code;

    Registers r;
    memset(r.ints, 0, sizeof r.ints);
    memset(r.floats, 0, sizeof r.floats);
    r.nstack = 0;
    u32 nints = 0, nfloats = 0;
    for (u32 i = 0; i < call->nletters; i++) {
        if (is_float(call->letters[i])) {
            if (nfloats < NFLOATS)
                memcpy(&r.floats[nfloats++], &values[i], 8);
            else
                r.stack[r.nstack++] = values[i];
        } else if (nints < NINTS) {
            r.ints[nints++] = values[i];
        } else {
            r.stack[r.nstack++] = values[i];
        }
    }
    if (r.nstack > 0) memset(r.stack + r.nstack, 0, (NSTACK - r.nstack) * sizeof *r.stack);

    Outer outer = enter(x, call);
    AnyFunc func = {.pointer = call->func};
    if (is_float(call->result)) {
        u64 bits = call_for_float(func, outer.env, &r);
        slots[0] = call->result == 'f' ? (u32)bits : bits;
    } else {
        put_int(call, slots, call_for_int(func, outer.env, &r));
    }
    return leave(x, &outer);
}

/* Which thunk can call it; NULL and a reason if none can. */
static HostFunc *choose_thunk(const NativeCall *call, const char **reason)
{
    u32 nints = 0, nfloats = 0;
    bool is_plain = !is_float(call->result), has_refs = false;
    for (u32 i = 0; i < call->nletters; i++) {
        if (is_float(call->letters[i]))
            nfloats++;
        else
            nints++;
        is_plain &= strchr("iIR", call->letters[i]) != NULL;
        has_refs |= call->letters[i] == 'r';
    }
    if (is_plain && nints < COUNT_OF(plain_thunks))
        return TERN_FAST && call->result == 'i' ? i32_thunks[nints] : plain_thunks[nints];
    if (nfloats == 0 && !has_refs && !is_float(call->result) && nints < COUNT_OF(checked_thunks))
        return checked_thunks[nints];
    u32 nstack = (nints > NINTS ? nints - NINTS : 0) + (nfloats > NFLOATS ? nfloats - NFLOATS : 0);
    if (nstack <= NSTACK) return call_general;
    *reason = "it has too many parameters for a C call";
    return NULL;
}

#else /* no register calls: integers as wide as a pointer only */

ANY_FUNCTION_TYPE static TrapCode call_words(Exec *x, void *env, u64 *slots)
{
    const NativeCall *call = env;
    u64 v[NINTS] = {0};
    TrapCode code = convert(x, call, slots, v);
    if (UNLIKELY(code != TRAP_NONE)) return code;
    typedef uintptr_t W;
    Outer outer = enter(x, call);
    union {
        void *pointer;
        W (*f0)(wasm_exec_env_t);
        W (*f1)(wasm_exec_env_t, W);
        W (*f2)(wasm_exec_env_t, W, W);
        W (*f3)(wasm_exec_env_t, W, W, W);
        W (*f4)(wasm_exec_env_t, W, W, W, W);
        W (*f5)(wasm_exec_env_t, W, W, W, W, W);
        W (*f6)(wasm_exec_env_t, W, W, W, W, W, W);
    } f = {.pointer = call->func};
    W w[NINTS];
    for (u32 i = 0; i < NINTS; i++) w[i] = (W)v[i];
    W result = 0;
    switch (call->nletters) {
    case 0: result = f.f0(outer.env); break;
    case 1: result = f.f1(outer.env, w[0]); break;
    case 2: result = f.f2(outer.env, w[0], w[1]); break;
    case 3: result = f.f3(outer.env, w[0], w[1], w[2]); break;
    case 4: result = f.f4(outer.env, w[0], w[1], w[2], w[3]); break;
    case 5: result = f.f5(outer.env, w[0], w[1], w[2], w[3], w[4]); break;
    default: result = f.f6(outer.env, w[0], w[1], w[2], w[3], w[4], w[5]); break;
    }
    put_int(call, slots, result);
    return leave(x, &outer);
}

static HostFunc *choose_thunk(const NativeCall *call, const char **reason)
{
    *reason =
        "this machine's C calls are known for up to six word-sized integers only: register it raw";
    bool words = call->nletters <= NINTS &&
                 (call->result == 0 || strchr("irR", call->result) != NULL);
    for (u32 i = 0; i < call->nletters; i++) words &= strchr("irR*~$", call->letters[i]) != NULL;
    return words ? call_words : NULL;
}
#endif

/* Externrefs among the parameters as the host sees them. */
static void pointers_from_refs(const FuncType *type, u64 *slots)
{
    for (u32 i = 0; i < type->nparams; i++) {
        if (natural_letter(type->params[i]) == 'r') *slots = tern_api_pointer_of_ref(*slots);
        slots += vt_cells(type->params[i]);
    }
}

/* Cells as the guest may see them: 32-bit values are zero-extended, and whatever a slot holds becomes an externref
 * only in the one way in which no number becomes an object. The guest chooses how many results there are and of what
 * types, so slots that the host never wrote may still hold the guest's arguments. */
static void refine_results(const FuncType *type, u64 *slots)
{
    for (u32 i = 0; i < type->nresults; i++) {
        char letter = natural_letter(type->results[i]);
        if (letter == 'r') *slots = tern_api_ref_of_pointer((uintptr_t)*slots);
        if (letter == 'i' || letter == 'f') *slots = (u32)*slots;
        slots += vt_cells(type->results[i]);
    }
}

ANY_FUNCTION_TYPE static inline void pass_raw(const NativeCall *call, wasm_exec_env_t env, u64 *slots)
{
    void (*func)(wasm_exec_env_t, u64 *);
    memcpy(&func, &call->func, sizeof func);
    func(env, slots);
}

__attribute__((noinline)) static TrapCode call_raw_away(Exec *x, const NativeCall *call, u64 *slots)
{
    if (call->type != NULL) pointers_from_refs(call->type, slots);
    Outer outer = enter(x, call);
    pass_raw(call, outer.env, slots);
    TrapCode code = leave(x, &outer);
    if (call->type != NULL) refine_results(call->type, slots);
    else if (call->result == 'i' || call->result == 'f') slots[0] = (u32)slots[0];
    return code;
}

static TrapCode call_raw(Exec *x, void *env, u64 *slots)
{
    const NativeCall *call = env;
    if (UNLIKELY(call->type != NULL || !is_at_home(x, call))) return call_raw_away(x, call, slots);
    pass_raw(call, x->host_data, slots);
    /* Nearly always it is short, and who reads the slot next need not wait for another store. */
    bool is_short = call->result == 'i' || call->result == 'f';
    if (is_short && UNLIKELY(slots[0] > UINT32_MAX)) slots[0] = (u32)slots[0];
    return leave_home(x);
}

/* --- signatures ------------------------------------------------------------------------------- */

static bool letter_fits(char letter, ValType type, bool is_64)
{
    if (letter == '*' || letter == '~' || letter == '$')
        return type == (is_64 ? (ValType)VT_I64 : (ValType)VT_I32);
    return letter != 0 && (letter == natural_letter(type) || (letter == 'r' && vt_is_ref(type)));
}

static bool check_signature(const NativeCall *call, const FuncType *type, const char *signature,
                            bool is_64, const char **reason)
{
    const char *s = signature;
    *reason = "it does not begin with (";
    if (*s++ != '(') return false;
    for (u32 i = 0; i < call->nletters; i++, s++) {
        *reason = "a parameter's letter does not fit the import's type";
        if (!letter_fits(*s, type->params[i], is_64)) return false;
        *reason = "~ does not follow *";
        if (*s == '~' && (i == 0 || s[-1] != '*')) return false;
    }
    *reason = "it has more or fewer parameters than the import";
    if (*s++ != ')') return false;
    *reason = "its result does not fit the import's type";
    char result = call->result == 'R' ? 'r' : call->result;
    if (result != 0 && *s++ != result) return false;
    return *s == '\0';
}

/* The guest chooses the type it imports a function with, so a host may make up no reference but one that any
 * value can be: else a number returned would become a pointer. */
static bool may_return(const FuncType *type, const char **reason)
{
    for (u32 i = 0; i < type->nresults; i++) {
        ValType t = type->results[i];
        if (!vt_is_ref(t) || t == VT_EXTERNREF) continue;
        *reason = "a host function returns no reference other than an externref";
        return false;
    }
    return true;
}

bool tern_native_call_init(NativeCall *call, Arena *arena, const FuncType *type, bool is_64,
                           void *func, const char *signature, const char **reason)
{
    bool has_signature = signature != NULL && signature[0] != '\0';
    *reason = "a C function has one result: register it raw";
    if (type->nresults > 1 || !may_return(type, reason)) return false;
    char *letters = tern_arena_alloc(arena, 1, (u64)type->nparams + 1);
    *reason = "allocate memory failed";
    if (letters == NULL) return false;

    call->func = func;
    call->letters = letters;
    call->nletters = type->nparams;
    call->result = type->nresults > 0 ? natural_letter(type->results[0]) : 0;
    for (u32 i = 0; i < type->nparams; i++) letters[i] = natural_letter(type->params[i]);
    if (has_signature) {
        if (!check_signature(call, type, signature, is_64, reason)) return false;
        for (u32 i = 0; i < type->nparams; i++)
            if (!vt_is_ref(type->params[i])) letters[i] = signature[1 + i];
    }
    *reason = "a v128 cannot be passed to a C function: register it raw";
    if (type->nresults > 0 && call->result == 0) return false;
    for (u32 i = 0; i < type->nparams; i++) {
        if (letters[i] == 0) return false;
    }
    for (u32 i = 0; i < type->nparams && i < 64; i++) call->converted |= (u64)is_converted(letters[i]) << i;
    call->thunk = choose_thunk(call, reason);
    return call->thunk != NULL; /* which has fewer than 64 parameters */
}

bool tern_native_call_init_raw(NativeCall *call, const FuncType *type, bool is_64, void *func,
                               const char *signature, const char **reason)
{
    if (!may_return(type, reason)) return false;
    if (signature != NULL && signature[0] != '\0') {
        NativeCall checked = {.nletters = type->nparams,
                              .result = type->nresults > 0 ? natural_letter(type->results[0]) : 0};
        if (!check_signature(&checked, type, signature, is_64, reason)) return false;
    }
    call->func = func;
    call->thunk = call_raw;
    call->result = type->nresults == 1 ? natural_letter(type->results[0]) : 0;
    if (type->nresults > 1 || call->result == 'r') call->type = type;
    for (u32 i = 0; i < type->nparams; i++)
        if (natural_letter(type->params[i]) == 'r') call->type = type;
    return true;
}
