/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* body_typing.c - what each instruction pops and pushes.
 *
 * Rows with a fixed signature are typed from their columns. The others have a case each, and the
 * switch has no default: the compiler lists what a new instruction still needs. Short ones are
 * here, the rest in body_control.c and body_gc.c.
 */
#include "binary/body.h"

#include <assert.h>

static ValType column_type(const Body *b, u32 ot)
{
    return ot == OT_addr ? addr_type(&b->module->memories[b->in.index].limits) : vt_of_ot(ot);
}

static bool type_regular(Body *b, const OpInfo *info)
{
    ValType want[OP_MAX_ARGS];
    for (u32 i = 0; i < info->nargs; i++) want[i] = column_type(b, info->args[i]);
    if (!tern_body_pop_list(b, want, info->nargs)) return false;
    for (u32 i = 0; i < info->nresults; i++) push(b, column_type(b, info->results[i]));
    return true;
}

/* --- parametric and variables --------------------------------------------------------------- */

static bool type_select(Body *b)
{
    ValType y, x;
    if (!pop(b, VT_I32) || !tern_body_pop_any(b, &y) || !tern_body_pop_any(b, &x)) return false;
    ValType t = x == VT_BOT ? y : x;
    if (vt_is_ref(x) || vt_is_ref(y) || (y != VT_BOT && y != t)) {
        char first[48], second[48];
        return body_fail(b, DIAG_TYPE_MISMATCH, "select without a type has operands [%s %s]",
                         tern_types_name(x, first, sizeof first),
                         tern_types_name(y, second, sizeof second));
    }
    b->in.type = t;
    push(b, t);
    return true;
}

static bool type_select_t(Body *b)
{
    ValType t = b->in.type;
    if (!pop(b, VT_I32) || !pop(b, t) || !pop(b, t)) return false;
    push(b, t);
    return true;
}

static bool type_local_get(Body *b)
{
    ValType t = b->in.type = tern_body_local_type(b, b->in.index);
    if (!vt_is_defaultable(t) && b->in.index >= b->sig->nparams &&
        b->s->init_epoch.items[b->in.index] != b->s->epoch)
        return tern_body_fail_number(b, DIAG_UNINITIALIZED_LOCAL, b->in.index);
    push(b, t);
    return true;
}

static bool type_local_set(Body *b)
{
    BodyScratch *s = b->s;
    u32 index = b->in.index;
    ValType t = b->in.type = tern_body_local_type(b, index);
    if (!pop(b, t)) return false;
    if (!vt_is_defaultable(t) && index >= b->sig->nparams &&
        s->init_epoch.items[index] != s->epoch) {
        if (!vec_push(&s->inits, s->alloc, index)) return tern_body_no_memory(b);
        s->init_epoch.items[index] = s->epoch;
    }
    if (b->in.op == OP_LOCAL_TEE) push(b, t);
    return true;
}

static bool type_global_get(Body *b)
{
    b->in.type = b->module->globals[b->in.index].type.type;
    push(b, b->in.type);
    return true;
}

static bool type_global_set(Body *b)
{
    const GlobalType *global = &b->module->globals[b->in.index].type;
    b->in.type = global->type;
    if (!global->is_mutable) return tern_body_fail_number(b, DIAG_IMMUTABLE_GLOBAL, b->in.index);
    return pop(b, global->type);
}

/* --- tables and memories -------------------------------------------------------------------- */

static bool type_table(Body *b)
{
    const TableType *table = &b->module->tables[b->in.index].type;
    ValType addr = addr_type(&table->limits), elem = table->elem;
    b->in.type = elem;
    switch ((int)op_present(b->in.op)) {
    case OP_TABLE_GET:
        if (!pop(b, addr)) return false;
        push(b, elem);
        return true;
    case OP_TABLE_SET: return pop(b, elem) && pop(b, addr);
    case OP_TABLE_GROW:
        if (!pop(b, addr) || !pop(b, elem)) return false;
        push(b, addr);
        return true;
    case OP_TABLE_FILL: return pop(b, addr) && pop(b, elem) && pop(b, addr);
    }
    assert(b->in.op == OP_TABLE_SIZE && "the switch below lists the table instructions");
    push(b, addr);
    return true;
}

/* The length of a copy fits both sides. */
static ValType smaller_addr(ValType x, ValType y) { return x == VT_I32 ? x : y; }

static bool type_table_copy(Body *b)
{
    const TableType *to = &b->module->tables[b->in.index].type,
                    *from = &b->module->tables[b->in.index2].type;
    ValType to_addr = addr_type(&to->limits), from_addr = addr_type(&from->limits);
    b->in.type = to->elem;
    if (!matches(b, from->elem, to->elem)) {
        char source[48], target[48];
        return body_fail(b, DIAG_TYPE_MISMATCH, "table.copy from a table of %s to one of %s",
                         tern_types_name(from->elem, source, sizeof source),
                         tern_types_name(to->elem, target, sizeof target));
    }
    return pop(b, smaller_addr(to_addr, from_addr)) && pop(b, from_addr) && pop(b, to_addr);
}

static bool type_table_init(Body *b)
{
    const TableType *table = &b->module->tables[b->in.index2].type;
    ValType elem = b->module->elems[b->in.index].type;
    b->in.type = table->elem;
    if (!matches(b, elem, table->elem)) {
        char source[48], target[48];
        return body_fail(b, DIAG_TYPE_MISMATCH, "table.init of a table of %s from elements of %s",
                         tern_types_name(table->elem, target, sizeof target),
                         tern_types_name(elem, source, sizeof source));
    }
    return pop(b, VT_I32) && pop(b, VT_I32) && pop(b, addr_type(&table->limits));
}

static ValType memory_addr(const Body *b, u32 memory)
{
    return addr_type(&b->module->memories[memory].limits);
}

static bool type_memory_copy(Body *b)
{
    ValType to = memory_addr(b, b->in.index), from = memory_addr(b, b->in.index2);
    return pop(b, smaller_addr(to, from)) && pop(b, from) && pop(b, to);
}

static bool type_memory_size(Body *b)
{
    ValType addr = memory_addr(b, b->in.index);
    if (b->in.op == OP_MEMORY_GROW && !pop(b, addr)) return false;
    push(b, addr);
    return true;
}

/* --- calls ---------------------------------------------------------------------------------- */

static const FuncType *func_type(const Body *b, u32 type_index)
{
    return &tern_types_get(b->module->registry, b->module->types[type_index])->u.func;
}

static bool pop_callee(Body *b)
{
    if (b->in.op == OP_CALL_REF || b->in.op == OP_RETURN_CALL_REF)
        return pop(b, vt_concrete(b->module->types[b->in.index], true, false));
    const TableType *table = &b->module->tables[b->in.index2].type;
    if (!matches(b, table->elem, VT_FUNCREF)) {
        char name[48];
        return body_fail(b, DIAG_TYPE_MISMATCH, "%s needs a table of functions, this one is of %s",
                         tern_op_info[b->in.op].text,
                         tern_types_name(table->elem, name, sizeof name));
    }
    return pop(b, addr_type(&table->limits));
}

/* --- references ----------------------------------------------------------------------------- */

static bool type_ref_func(Body *b)
{
    const Func *func = &b->module->funcs[b->in.index];
    if (!func->is_declared) return tern_body_fail_number(b, DIAG_UNDECLARED_FUNC_REF, b->in.index);
    push(b, vt_concrete(func->type_id, false, func->is_exact));
    return true;
}

static bool type_br_on_null(Body *b)
{
    ValType t;
    if (!tern_body_pop_ref(b, &t) || !tern_body_type_br_plain(b)) return false;
    push(b, vt_with_null(t, false));
    return true;
}

static bool type_br_on_non_null(Body *b)
{
    ValType t;
    return tern_body_pop_ref(b, &t) && tern_body_type_br_carrying(b, vt_with_null(t, false));
}

static bool type_as_non_null(Body *b)
{
    ValType t;
    if (!tern_body_pop_ref(b, &t)) return false;
    push(b, vt_with_null(t, false));
    return true;
}

static bool type_is_null(Body *b)
{
    if (!tern_body_pop_ref(b, &b->in.type)) return false;
    push(b, VT_I32);
    return true;
}

/* any.convert_extern and extern.convert_any keep nullability. */
static bool type_convert(Body *b, HeapCode from, HeapCode to)
{
    if (b->sp == b->base || !vt_is_ref(b->sp[-1])) {
        if (!pop(b, vt_abstract(from, true))) return false;
        push(b, vt_abstract(to, false)); /* in dead code */
        return true;
    }
    bool nullable = vt_is_nullable(b->sp[-1]);
    if (!pop(b, vt_abstract(from, nullable))) return false;
    push(b, vt_abstract(to, nullable));
    return true;
}

static bool pop_push(Body *b, ValType want, ValType result)
{
    if (!pop(b, want)) return false;
    push(b, result);
    return true;
}

bool tern_body_type(Body *b, const OpInfo *info)
{
    const Module *m = b->module;
    Insn *in = &b->in;
    if (info->shape != SHAPE_SPECIAL) return type_regular(b, info);
    switch (op_present(in->op)) {
#define NUM1(n, ...) case OP_##n:
#define NUM2(n, ...) case OP_##n:
#define NUM2C(n, ...) case OP_##n:
#define NUM3(n, ...) case OP_##n:
#define NUM1T(n, ...) case OP_##n:
#define NUM2T(n, ...) case OP_##n:
#define TEST1(n, ...) case OP_##n:
#define CMP2(n, ...) case OP_##n:
#define WIDE2(n, ...) case OP_##n:
#define WIDE4(n, ...) case OP_##n:
#define LANE1(n, ...) case OP_##n:
#define LANE2(n, ...) case OP_##n:
#define SHUFFLE(n, ...) case OP_##n:
#define LOAD(n, ...) case OP_##n:
#define LOADX(n, ...) case OP_##n:
#define LOADL(n, ...) case OP_##n:
#define STORE(n, ...) case OP_##n:
#define STOREL(n, ...) case OP_##n:
#define CONST(n, ...) case OP_##n:
#define TYPED(n, ...) case OP_##n:
#define ALOAD(n, ...) case OP_##n:
#define ASTORE(n, ...) case OP_##n:
#define ARMW(n, ...) case OP_##n:
#define ACMPXCHG(n, ...) case OP_##n:
#define ATOMIC(n, ...) case OP_##n:
#include "ops/ops.def"
        __builtin_unreachable();

    case OP_UNREACHABLE: set_unreachable(b); return true;
    case OP_NOP: return true;
    case OP_BLOCK:
    case OP_LOOP:
    case OP_IF:
    case OP_TRY: return tern_body_type_block(b);
    case OP_ELSE: return tern_body_type_else(b);
    case OP_END: return tern_body_type_end(b);
    case OP_BR: return tern_body_type_br(b);
    case OP_BR_IF: return tern_body_type_br_if(b);
    case OP_BR_TABLE: return tern_body_type_br_table(b);
    case OP_RETURN:
        if (!tern_body_check_top(b, b->sig->results, b->sig->nresults)) return false;
        set_unreachable(b);
        return true;

    case OP_CALL: return tern_body_type_call(b, tern_module_func_type(m, in->index));
    case OP_RETURN_CALL: return tern_body_type_tail_call(b, tern_module_func_type(m, in->index));
    case OP_CALL_INDIRECT:
    case OP_CALL_REF: return pop_callee(b) && tern_body_type_call(b, func_type(b, in->index));
    case OP_RETURN_CALL_INDIRECT:
    case OP_RETURN_CALL_REF: /* the latter, a row of another proposal, needs that of tail calls as well */
        if (!TERN_TAIL_CALLS) return tern_decoder_need(&b->d, FEATURE_TAIL_CALL, DIAG_ILLEGAL_OPCODE);
        return pop_callee(b) && tern_body_type_tail_call(b, func_type(b, in->index));

    case OP_TRY_TABLE: return TERN_GC && tern_body_type_try_table(b);
    case OP_THROW:
        in->sig = &tern_types_get(m->registry, m->tags[in->index])->u.func;
        if (!tern_body_check_top(b, in->sig->params, in->sig->nparams)) return false;
        set_unreachable(b);
        return true;
    case OP_THROW_REF:
        if (!pop(b, VT_EXNREF)) return false;
        set_unreachable(b);
        return true;
    case OP_CATCH:
        return TERN_GC && tern_body_type_catch(b, &tern_types_get(m->registry, m->tags[in->index])->u.func);
    case OP_CATCH_ALL: return TERN_GC && tern_body_type_catch(b, NULL);
    case OP_RETHROW: return TERN_GC && tern_body_type_rethrow(b);
    case OP_DELEGATE: return TERN_GC && tern_body_type_delegate(b);

    case OP_DROP: return tern_body_pop_any(b, &in->type);
    case OP_SELECT: return type_select(b);
    case OP_SELECT_T: return type_select_t(b);
    case OP_LOCAL_GET: return type_local_get(b);
    case OP_LOCAL_SET:
    case OP_LOCAL_TEE: return type_local_set(b);
    case OP_GLOBAL_GET: return type_global_get(b);
    case OP_GLOBAL_SET: return type_global_set(b);

    case OP_TABLE_GET:
    case OP_TABLE_SET:
    case OP_TABLE_GROW:
    case OP_TABLE_SIZE:
    case OP_TABLE_FILL: return type_table(b);
    case OP_TABLE_INIT: return type_table_init(b);
    case OP_TABLE_COPY: return type_table_copy(b);
    case OP_ELEM_DROP:
    case OP_DATA_DROP: return true;
    case OP_MEMORY_SIZE:
    case OP_MEMORY_GROW: return type_memory_size(b);
    case OP_MEMORY_INIT:
        return pop(b, VT_I32) && pop(b, VT_I32) && pop(b, memory_addr(b, in->index2));
    case OP_MEMORY_COPY: return type_memory_copy(b);
    case OP_MEMORY_FILL: {
        ValType addr = memory_addr(b, in->index);
        return pop(b, addr) && pop(b, VT_I32) && pop(b, addr);
    }

    case OP_REF_NULL: push(b, in->type); return true;
    case OP_REF_IS_NULL: return type_is_null(b);
    case OP_REF_FUNC: return type_ref_func(b);
    case OP_REF_EQ:
        return pop(b, vt_abstract(HEAP_EQ, true)) &&
               pop_push(b, vt_abstract(HEAP_EQ, true), VT_I32);
    case OP_REF_AS_NON_NULL: return type_as_non_null(b);
    case OP_BR_ON_NULL: return type_br_on_null(b);
    case OP_BR_ON_NON_NULL: return type_br_on_non_null(b);

    case OP_STRUCT_NEW:
    case OP_STRUCT_NEW_DEFAULT:
    case OP_STRUCT_NEW_DESC:
    case OP_STRUCT_NEW_DEFAULT_DESC: return TERN_GC && tern_body_type_struct_new(b);
    case OP_STRUCT_GET:
    case OP_STRUCT_GET_S:
    case OP_STRUCT_GET_U:
    case OP_STRUCT_SET: return TERN_GC && tern_body_type_struct_access(b);
    case OP_ARRAY_NEW:
    case OP_ARRAY_NEW_DEFAULT:
    case OP_ARRAY_NEW_FIXED:
    case OP_ARRAY_NEW_DATA:
    case OP_ARRAY_NEW_ELEM: return TERN_GC && tern_body_type_array_new(b);
    case OP_ARRAY_GET:
    case OP_ARRAY_GET_S:
    case OP_ARRAY_GET_U:
    case OP_ARRAY_SET: return TERN_GC && tern_body_type_array_access(b);
    case OP_ARRAY_LEN: return pop_push(b, vt_abstract(HEAP_ARRAY, true), VT_I32);
    case OP_ARRAY_FILL:
    case OP_ARRAY_COPY:
    case OP_ARRAY_INIT_DATA:
    case OP_ARRAY_INIT_ELEM: return TERN_GC && tern_body_type_array_bulk(b);

    case OP_REF_TEST:
    case OP_REF_TEST_NULL:
    case OP_REF_CAST:
    case OP_REF_CAST_NULL:
    case OP_REF_CAST_DESC_EQ:
    case OP_REF_CAST_DESC_EQ_NULL: return TERN_GC && tern_body_type_cast(b);
    case OP_BR_ON_CAST:
    case OP_BR_ON_CAST_FAIL:
    case OP_BR_ON_CAST_DESC_EQ:
    case OP_BR_ON_CAST_DESC_EQ_FAIL: return TERN_GC && tern_body_type_br_on_cast(b);
    case OP_REF_GET_DESC: return TERN_GC && tern_body_type_get_desc(b);

    case OP_ANY_CONVERT_EXTERN: return TERN_GC && type_convert(b, HEAP_EXTERN, HEAP_ANY);
    case OP_EXTERN_CONVERT_ANY: return TERN_GC && type_convert(b, HEAP_ANY, HEAP_EXTERN);
    case OP_REF_I31: return pop_push(b, VT_I32, vt_abstract(HEAP_I31, false));
    case OP_I31_GET_S:
    case OP_I31_GET_U: return pop_push(b, vt_abstract(HEAP_I31, true), VT_I32);

    case OP_COUNT: break;
#if !TERN_SIMD || !TERN_THREADS || !TERN_PROPOSALS
    default: break; /* what is left out has a name all the same */
#endif
    }
    return false;
}
