/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower.c - a validated body to register code: the decoder's sink. */
#include "code/lower.h"
#include "runtime/builtins.h"

/* A stretch ends here and another begins. */
static bool lower_fuel(Lower *l)
{
    l->fuel_cost = l->f->cost;
    if (!lower_emit(l, (Ins){.op = H_FUEL, .kd = PLACE_NONE, .acc = ACC_NONE})) return false;
    lower_barrier(l);
    return true;
}

enum { MOST_EXPECTED_INS = 1024 };

static bool begin(Sink *sink, const Module *module, u32 func_index, const ValType *locals, u32 nlocals)
{
    Lower *l = (Lower *)sink;
    LoweredFunc *f = l->f;
    const FuncType *type = l->type;
    u64 local_cells = 0;
    for (u32 i = type->nparams; i < nlocals; i++) local_cells += vt_cells(locals[i]);
    f->param_cells = type->param_cells;
    f->result_cells = type->result_cells;
    f->local_cells = (u32)local_cells;
    f->header = type->param_cells > type->result_cells ? type->param_cells : type->result_cells;
    u32 slot = f->header + FRAME_HEADER;
    if (TERN_SIMD && l->has_far_slots) {
        f->scratch = slot;
        slot += SCRATCH_CELLS;
    }
    /* Most bodies have an instruction for every five bytes; growing step by step copies them all twice. */
    u32 nexpected = (u32)u64_min(module->funcs[func_index].body_size / 4, MOST_EXPECTED_INS);
    if (f->ins.cap < nexpected) vec_free(&f->ins, l->alloc); /* nothing is in it */
    if (!vec_reserve(&f->ins, l->alloc, nexpected)) return lower_no_memory(l);
    if (!vec_reserve(&l->locals, l->alloc, nlocals)) return lower_no_memory(l);
    u32 param_slot = 0;
    for (u32 i = 0; i < nlocals; i++) {
        u32 *at = i < type->nparams ? &param_slot : &slot;
        l->locals.items[l->locals.n++] =
            (LocalInfo){.slot = *at, .pending = NO_VAL, .code = vt_code(locals[i])};
        *at += vt_cells(locals[i]);
    }
    l->zero = slot++;
    l->temps = l->next_home = l->max_cells = slot;
    Ctrl c = {.kind = CTRL_FUNC, .label = LABEL_NONE, .else_label = LABEL_NONE, .region = REGION_NONE};
    if (!vec_push(&l->ctrl, l->alloc, c)) return lower_no_memory(l);
    if (code_is_metered(f->mode) && !lower_fuel(l)) return false; /* where calls enter: see ENTER_PAID */
    f->cost += f->local_cells / 8; /* a call clears them */
    return lower_profile(l, BUILTIN_profile_enter);
}

/* The handler that selects by this comparison; the values change places if *is_swapped. Or H_NONE. */
static Handler compared_handler(Op op, bool *is_swapped)
{
    *is_swapped = op == OP_I32_NE || op == OP_I32_GE_S || op == OP_I32_GE_U || op == OP_I32_LE_S || op == OP_I32_LE_U;
    switch ((int)op) {
    case OP_I32_EQ: case OP_I32_NE: return H_SELECT_EQ_SS;
    case OP_I32_LT_S: case OP_I32_GE_S: return H_SELECT_LT_S_SS;
    case OP_I32_LT_U: case OP_I32_GE_U: return H_SELECT_LT_U_SS;
    case OP_I32_GT_S: case OP_I32_LE_S: return H_SELECT_GT_S_SS;
    case OP_I32_GT_U: case OP_I32_LE_U: return H_SELECT_GT_U_SS;
    }
    return H_NONE;
}

/* Between two slots, by the comparison that was the last thing done. */
static bool joins_comparison(const Lower *l, const Val *c, const Val *b, const Val *a)
{
    if (a->kind == VAL_CONST || b->kind == VAL_CONST || a->code == VT_V128 || lowered_has_scratch(l->f) || !lower_is_fresh(l, c))
        return false;
    bool is_swapped;
    return lower_last(l)->family == FAM_VALUE && compared_handler((Op)lower_last(l)->op, &is_swapped) != H_NONE;
}

static bool select_compared(Lower *l, const Val *b, const Val *a)
{
    Ins ins = *lower_last(l);
    bool is_swapped;
    lower_drop_last(l);
    ins.op = (u16)compared_handler((Op)ins.op, &is_swapped);
    ins.family = FAM_QUAD;
    ins.s3 = (is_swapped ? b : a)->slot;
    ins.index = (is_swapped ? a : b)->slot;
    ins.acc = ACC_INT;
    ins.d = lower_next_home(l);
    if (!lower_emit(l, ins)) return false;
    if (lower_acc_class(a->code) != ACC_INT) l->acc[ACC_INT].is_valid = false;
    return lower_push_temp(l, a->code, l->f->ins.n - 1);
}

static bool lower_select(Lower *l, const Insn *in)
{
    Val c = *lower_pop(l), b = *lower_pop(l), a = *lower_pop(l);
    u8 code = vt_code(in->type);
    if (joins_comparison(l, &c, &b, &a)) return select_compared(l, &b, &a);
    bool has_imm = TERN_FAST && code == VT_I32, a_imm = has_imm && a.kind == VAL_CONST,
         b_imm = has_imm && b.kind == VAL_CONST;
    if ((!a_imm && !lower_readable(l, &a)) || (!b_imm && !lower_readable(l, &b)) || !lower_readable(l, &c))
        return false;
    Ins ins = {.kd = PLACE_SLOT, .acc = ACC_NONE, .d = lower_next_home(l), .s1 = a.slot, .s2 = b.slot,
               .ncells = (u8)lower_cells(code)};
    u8 cond;
    if (code == VT_V128) {
        lower_use_slot(&c, &cond, &ins.s3);
        ins.op = H_SELECT_V128;
        ins.acc = ACC_V128;
    } else {
        lower_use(l, &c, &cond, &ins.s3);
        ins.op = a_imm && b_imm ? H_SELECT_II_S : a_imm ? H_SELECT_IS_S : b_imm ? H_SELECT_SI_S : H_SELECT_S;
        if (a_imm || b_imm) ins.acc = ACC_INT;
        ins.imm = a_imm ? a.bits : b.bits;
        ins.imm2 = (u32)b.bits;
        if (cond == PLACE_ACC) ins.op++;
    }
    return lower_emit(l, ins) && lower_push_temp(l, code, l->f->ins.n - 1);
}

/* Sets a global to what the last instructions made of a sum: of itself and a constant, or a slot and a constant. */
static bool joins_global_sum(Lower *l, const Val *v, u32 index)
{
    const AccState *acc = &l->acc[ACC_INT];
    if (!lower_may_join(l) || !acc->is_valid || acc->slot != v->slot || acc->prod != l->f->ins.n - 1) return false;
    Ins *sum = lower_last(l), *get = sum - 1;
    bool is_sub = sum->op == OP_I32_SUB;
    if (sum->family != FAM_VALUE || (sum->op != OP_I32_ADD && !is_sub) || sum->k2 != PLACE_IMM || sum->kd != PLACE_SLOT)
        return false;
    u64 imm = is_sub ? (u32)-(u32)sum->imm : sum->imm;
    if (sum->k1 == PLACE_SLOT && lower_is_fresh(l, v)) {
        Ins set = {.op = H_GLOBAL_SET_SUM, .kd = PLACE_NONE, .acc = ACC_NONE, .s1 = sum->s1, .index = index, .imm = imm,
                   .offset = sum->offset, .cost = l->f->cost, .ncells = 1};
        *sum = set;
        l->acc[ACC_INT] = l->before_last;
        return true;
    }
    if (sum->k1 != PLACE_ACC || l->f->ins.n < l->barrier + 2 || get->family != FAM_PLAIN || get->op != H_GLOBAL_GET_S ||
        get->kd != PLACE_ACC || get->index != index)
        return false;
    sum->family = FAM_PLAIN;
    sum->op = H_GLOBAL_ADD;
    sum->k1 = sum->k2 = PLACE_SLOT;
    sum->index = index;
    sum->imm = imm;
    *get = *sum;
    l->f->ins.n--;
    l->acc[ACC_INT].prod = NO_INS;
    return true;
}

static bool lower_global(Lower *l, const Insn *in)
{
    u32 nimported = l->module->nimported[EXTERN_GLOBAL];
    bool is_import = in->index < nimported, is_get = in->op == OP_GLOBAL_GET;
    u8 code = vt_code(in->type);
    Ins ins = {.index = is_import ? in->index : in->index - nimported, .acc = ACC_NONE, .kd = PLACE_NONE,
               .ncells = (u8)lower_cells(code)};
    if (code == VT_V128)
        ins.op = is_import ? (is_get ? H_IMPORT_GET_V128 : H_IMPORT_SET_V128)
                           : (is_get ? H_GLOBAL_GET_V128 : H_GLOBAL_SET_V128);
    else
        ins.op = is_import ? (is_get ? H_IMPORT_GET : H_IMPORT_SET) : (is_get ? H_GLOBAL_GET_S : H_GLOBAL_SET_S);
    if (is_get) {
        ins.kd = PLACE_SLOT;
        ins.d = lower_next_home(l);
        bool is_float = code == VT_F32 || code == VT_F64; /* the integer accumulator gets the bits */
        ins.acc = code == VT_V128 ? ACC_V128 : ACC_INT;
        if (!lower_emit(l, ins)) return false;
        if (is_float) l->acc[ACC_INT].is_valid = false;
        return lower_push_temp(l, code, l->f->ins.n - 1);
    }
    Val v = *lower_pop(l);
    if (ins.op == H_GLOBAL_SET_S && code == VT_I32 && v.kind != VAL_CONST && joins_global_sum(l, &v, ins.index)) return true;
    if (!lower_readable(l, &v)) return false;
    if (ins.op == H_GLOBAL_SET_S && lower_acc_class(code) == ACC_INT) {
        ins.family = FAM_TEST;
        lower_use(l, &v, &ins.k1, &ins.s1);
    } else {
        lower_use_slot(&v, &ins.k1, &ins.s1);
    }
    return lower_emit(l, ins);
}

static bool lower_ref_is_null(Lower *l)
{
    Val v = *lower_pop(l);
    if (!lower_readable(l, &v)) return false;
    Ins ins = {.family = FAM_VALUE, .op = OP_I64_EQZ, .kd = PLACE_SLOT, .acc = ACC_INT};
    lower_use(l, &v, &ins.k1, &ins.s1);
    ins.d = lower_next_home(l);
    return lower_emit(l, ins) && lower_push_temp(l, VT_I32, l->f->ins.n - 1);
}

/* A reference that must not be null stays where it is. */
static bool lower_null_check(Lower *l, TrapCode trap)
{
    if (!lower_settle_top(l, 1)) return false;
    Ins ins = {.op = H_NULL_CHECK, .kd = PLACE_NONE, .acc = ACC_NONE, .index = trap,
               .s1 = lower_top(l, 0)->slot};
    lower_barrier(l); /* the check reads the slot */
    return lower_emit(l, ins);
}

static u8 addr_code(const Limits *limits)
{
    return limits_is_64(limits) ? VT_I64 : VT_I32;
}

static bool lower_branch(Lower *l, const Insn *in)
{
    if (in->op == OP_BR_IF) return lower_br_if(l, in->index);
    if (!lower_br(l, in->index)) return false;
    lower_mark_dead(l);
    return true;
}

static bool lower_special(Lower *l, const Insn *in)
{
    const Module *m = l->module;
    u8 result;
    switch (op_present(in->op)) {
    case OP_UNREACHABLE:
        if (!lower_emit(l, (Ins){.op = H_UNREACHABLE, .kd = PLACE_NONE, .acc = ACC_NONE})) return false;
        lower_mark_dead(l);
        return true;
    case OP_NOP: return true;
    case OP_BLOCK: return lower_block(l, in, CTRL_BLOCK);
    case OP_LOOP: return lower_block(l, in, CTRL_LOOP);
    case OP_IF: return lower_block(l, in, CTRL_IF);
    case OP_ELSE: return lower_else(l);
    case OP_END: return lower_end(l);
    case OP_BR:
    case OP_BR_IF: return lower_branch(l, in);
    case OP_BR_TABLE: return lower_br_table(l, in);
    case OP_RETURN:
        if (!lower_return(l)) return false;
        lower_mark_dead(l);
        return true;
    case OP_CALL: case OP_CALL_INDIRECT: case OP_CALL_REF:
    case OP_RETURN_CALL: case OP_RETURN_CALL_INDIRECT: case OP_RETURN_CALL_REF: return lower_call(l, in);
    case OP_TRY: case OP_TRY_TABLE: return TERN_GC && lower_try(l, in);
    case OP_CATCH: case OP_CATCH_ALL: return TERN_GC && lower_catch(l, in);
    case OP_DELEGATE: return TERN_GC && lower_delegate(l, in);
    case OP_THROW: return TERN_GC && lower_throw(l, in);
    case OP_THROW_REF: return TERN_GC && lower_throw_ref(l);
    case OP_RETHROW: return TERN_GC && lower_rethrow(l, in->index);
    case OP_DROP: (void)lower_pop(l); return true;
    case OP_LOCAL_GET: return lower_push_local(l, in->index);
    case OP_LOCAL_SET: return lower_set_local(l, in->index, false);
    case OP_LOCAL_TEE: return lower_set_local(l, in->index, true);
    case OP_SELECT: case OP_SELECT_T: return lower_select(l, in);
    case OP_GLOBAL_GET: case OP_GLOBAL_SET: return lower_global(l, in);
    case OP_REF_NULL: return lower_push_const(l, VT_REF, REF_NULL);
    case OP_REF_IS_NULL: return lower_ref_is_null(l);
    case OP_REF_AS_NON_NULL: return lower_null_check(l, TRAP_NULL_REFERENCE);
    case OP_BR_ON_NULL: return lower_br_on_null(l, in->index, true);
    case OP_BR_ON_NON_NULL: return lower_br_on_null(l, in->index, false);
    case OP_REF_FUNC: result = VT_REF; return lower_builtin(l, BUILTIN_ref_func, &result, in->index, 0);
    case OP_MEMORY_SIZE:
        result = addr_code(&m->memories[in->index].limits);
        return lower_builtin(l, BUILTIN_memory_size, &result, in->index, 0);
    case OP_MEMORY_GROW:
        result = addr_code(&m->memories[in->index].limits);
        return lower_builtin(l, BUILTIN_memory_grow, &result, in->index, 0);
    case OP_MEMORY_FILL: return lower_builtin(l, BUILTIN_memory_fill, NULL, in->index, 0);
    case OP_MEMORY_COPY: return lower_builtin(l, BUILTIN_memory_copy, NULL, in->index, in->index2);
    case OP_MEMORY_INIT: return lower_builtin(l, BUILTIN_memory_init, NULL, in->index, in->index2);
    case OP_DATA_DROP: return lower_builtin(l, BUILTIN_data_drop, NULL, in->index, 0);
    case OP_TABLE_GET: result = VT_REF; return lower_builtin(l, BUILTIN_table_get, &result, in->index, 0);
    case OP_TABLE_SET: return lower_builtin(l, BUILTIN_table_set, NULL, in->index, 0);
    case OP_TABLE_SIZE:
        result = addr_code(&m->tables[in->index].type.limits);
        return lower_builtin(l, BUILTIN_table_size, &result, in->index, 0);
    case OP_TABLE_GROW:
        result = addr_code(&m->tables[in->index].type.limits);
        return lower_builtin(l, BUILTIN_table_grow, &result, in->index, 0);
    case OP_TABLE_FILL: return lower_builtin(l, BUILTIN_table_fill, NULL, in->index, 0);
    case OP_TABLE_COPY: return lower_builtin(l, BUILTIN_table_copy, NULL, in->index, in->index2);
    case OP_TABLE_INIT: return lower_builtin(l, BUILTIN_table_init, NULL, in->index, in->index2);
    case OP_ELEM_DROP: return lower_builtin(l, BUILTIN_elem_drop, NULL, in->index, 0);
    default: break;
    }
    return TERN_GC && lower_gc(l, in); /* modules of the rest are refused when they are loaded */
}

/* Instructions that do nothing by themselves cost nothing. */
static bool is_structure(Op op)
{
    switch (op_present(op)) {
    case OP_BLOCK: case OP_LOOP: case OP_ELSE: case OP_END: case OP_TRY: case OP_TRY_TABLE: case OP_CATCH:
    case OP_CATCH_ALL: case OP_DELEGATE: case OP_NOP: return true;
    default: return false;
    }
}

/* What an instruction moves or makes beside what others put there: operands that a branch or a return takes along, and
 * fields with their defaults. */
static u32 carried(Lower *l, const Insn *in)
{
    const Ctrl *c = lower_ctrl(l, 0);
    switch (op_present(in->op)) {
    case OP_BR: case OP_BR_IF: case OP_BR_ON_NULL: case OP_BR_ON_NON_NULL: case OP_BR_ON_CAST: case OP_BR_ON_CAST_FAIL:
    case OP_BR_ON_CAST_DESC_EQ: case OP_BR_ON_CAST_DESC_EQ_FAIL:
        return lower_label_arity(l, lower_ctrl(l, in->index));
    case OP_BR_TABLE: return lower_label_arity(l, lower_ctrl(l, in->targets[0]));
    case OP_RETURN: return l->type->nresults;
    case OP_END: case OP_CATCH: case OP_CATCH_ALL: /* of a function; of a handler, which has the exception below */
        return c->kind == CTRL_FUNC || c->kind == CTRL_CATCH ? lower_label_arity(l, c) : 0;
    case OP_STRUCT_NEW_DEFAULT: case OP_STRUCT_NEW_DEFAULT_DESC:
        return tern_types_get(l->module->registry, l->module->types[in->index])->u.strct.nfields;
    default: return 0;
    }
}

static bool insn(Sink *sink, const Insn *in)
{
    Lower *l = (Lower *)sink;
    l->offset = in->offset;
    if (lower_ctrl(l, 0)->is_dead) {
        /* Only nesting counts in dead code. */
        switch (op_present(in->op)) {
        case OP_BLOCK: case OP_LOOP: case OP_IF: case OP_TRY: case OP_TRY_TABLE:
            return lower_block(l, in, in->op == OP_IF ? CTRL_IF : CTRL_BLOCK);
        case OP_ELSE: return lower_else(l);
        case OP_END: return lower_end(l);
        case OP_CATCH: case OP_CATCH_ALL: return TERN_GC && lower_catch(l, in);
        case OP_DELEGATE: return TERN_GC && lower_delegate(l, in);
        default: return true;
        }
    }
    if (code_is_metered(l->f->mode)) {
        if (l->f->cost - l->fuel_cost >= STRETCH_MAX_COST && !lower_fuel(l)) return false;
        l->f->cost += !is_structure(in->op) + carried(l, in) / CARRIED_PER_UNIT;
    }
    return tern_op_info[in->op].shape == SHAPE_SPECIAL ? lower_special(l, in) : lower_value_op(l, in);
}

/* The same where the decoder knows the kind, no fuel is counted, and the code is not dead. */
#define KIND(name, call) \
    static bool name(Sink *sink, const Insn *in) \
    { \
        Lower *l = (Lower *)sink; \
        l->offset = in->offset; \
        return call; \
    }
KIND(local_get, lower_push_local(l, in->index))
KIND(local_set, lower_set_local(l, in->index, in->op == OP_LOCAL_TEE))
KIND(constant, lower_const(l, in))
KIND(unary, lower_unary(l, in))
KIND(binary, lower_binary(l, in))
KIND(load, lower_load(l, in))
KIND(store, lower_store(l, in))
KIND(block, lower_block(l, in, in->op == OP_IF ? CTRL_IF : in->op == OP_LOOP ? CTRL_LOOP : CTRL_BLOCK))
KIND(end, lower_end(l))
KIND(branch, lower_branch(l, in))
KIND(call, lower_call(l, in))
#undef KIND

static SinkInsn *const kinds[INSN_KINDS] = {
    [INSN_LOCAL_GET] = local_get, [INSN_LOCAL_SET] = local_set, [INSN_CONST] = constant, [INSN_UNARY] = unary,
    [INSN_BINARY] = binary,       [INSN_LOAD] = load,           [INSN_STORE] = store,    [INSN_BLOCK] = block,
    [INSN_END] = end,             [INSN_BRANCH] = branch,       [INSN_CALL] = call,      [INSN_OTHER] = insn,
};

static LowerRoom *room_of(LoweredFunc *f)
{
    if (f->room == NULL) f->room = tern_alloc_zeroed(f->alloc, 1, sizeof *f->room);
    if (f->room == NULL) return NULL;
    if (f->room->scratch == NULL) f->room->scratch = tern_body_scratch_new(f->alloc);
    return f->room->scratch != NULL ? f->room : NULL;
}

/* As before the first body, but for the memory. */
static void clear(LoweredFunc *f, CodeMode mode)
{
    LoweredFunc old = *f;
    *f = (LoweredFunc){.alloc = old.alloc, .room = old.room, .mode = mode, .ins = old.ins, .labels = old.labels,
                       .tables = old.tables, .regions = old.regions, .catches = old.catches, .units = old.units};
    f->ins.n = f->labels.n = f->tables.n = f->regions.n = f->catches.n = f->units.n = 0;
}

/* What goes elsewhere whatever happens, and may stand anywhere in the function. */
static bool is_transfer(const Ins *ins)
{
    if (ins->family == FAM_QUAD) return ins->op == H_ADD_BR_SS && ins->k1 == PLACE_SLOT;
    if (ins->family != FAM_PLAIN) return false;
    switch (ins->op) {
    case H_BR: case H_COPY_BR: case H_CONST_BR: case H_RETURN: case H_RETURN_S: case H_RETURN_I: case H_RETURN_F32:
    case H_RETURN_F64: case H_RETURN_V128: case H_RETURN_SUM: case H_RETURN_SUM_S: return true;
    default: return false;
    }
}

/* A branch to another, or to a return, becomes that. Code that pays pays at each. */
static void thread_branches(LoweredFunc *f)
{
    if (!TERN_FAST || code_is_metered(f->mode)) return;
    for (u32 i = 0; i < f->ins.n; i++) {
        Ins *ins = &f->ins.items[i];
        if (ins->family != FAM_PLAIN || ins->op != H_BR) continue;
        u32 to = f->labels.items[ins->target].ins;
        if (to < f->ins.n && is_transfer(&f->ins.items[to])) *ins = f->ins.items[to];
    }
}

static bool lower_with(const Module *module, u32 func_index, CodeMode mode, bool has_far_slots, LoweredFunc *f,
                       Diag *diag)
{
    clear(f, mode);
    LowerRoom *room = room_of(f);
    if (room == NULL) return tern_diag_set(diag, DIAG_NO_MEMORY, DIAG_NO_OFFSET, NULL);
    Lower l = {.sink = {begin, insn, code_is_metered(mode) ? NULL : kinds}, .f = f, .module = module,
               .alloc = f->alloc, .diag = diag, .type = tern_module_func_type(module, func_index),
               .func_index = func_index, .has_far_slots = has_far_slots, .return_label = LABEL_NONE,
               .locals = room->locals, .stack = room->stack, .ctrl = room->ctrl};
    l.locals.n = l.stack.n = l.ctrl.n = 0;
    bool ok = tern_body_validate(module, func_index, &l.sink, room->scratch, diag);
    u32 cleared = f->header + FRAME_HEADER + SCRATCH_CELLS + CLEARED_CELLS;
    f->frame_cells = l.max_cells + 2 > cleared ? l.max_cells + 2 : cleared; /* a far copy reads two cells */
    room->locals = l.locals;
    room->stack = l.stack;
    room->ctrl = l.ctrl;
    if (ok) thread_branches(f);
    return ok;
}

bool tern_lower_body(const Module *module, u32 func_index, CodeMode mode, LoweredFunc *f, Diag *diag)
{
    /* How far slots reach is known at the end; hardly any function's do not fit an operand. */
    if (!lower_with(module, func_index, mode, false, f, diag)) return false;
    return !TERN_SIMD || f->frame_cells <= UINT16_MAX || lower_with(module, func_index, mode, true, f, diag);
}

#define BYTES(vec) ((u64)(vec).cap * sizeof *(vec).items)
u64 tern_lowered_bytes(const LoweredFunc *f)
{
    u64 bytes = BYTES(f->ins) + BYTES(f->labels) + BYTES(f->tables) + BYTES(f->regions) + BYTES(f->catches) +
                BYTES(f->units);
    const LowerRoom *room = f->room; /* the decoder's stacks grow as these do */
    return room == NULL ? bytes : bytes + 2 * (BYTES(room->locals) + BYTES(room->stack) + BYTES(room->ctrl));
}
#undef BYTES

void tern_lowered_done(LoweredFunc *f)
{
    vec_free(&f->ins, f->alloc);
    vec_free(&f->labels, f->alloc);
    vec_free(&f->tables, f->alloc);
    vec_free(&f->regions, f->alloc);
    vec_free(&f->catches, f->alloc);
    vec_free(&f->units, f->alloc);
    if (f->room != NULL) {
        vec_free(&f->room->locals, f->alloc);
        vec_free(&f->room->stack, f->alloc);
        vec_free(&f->room->ctrl, f->alloc);
        tern_body_scratch_free(f->room->scratch);
        tern_free(f->alloc, f->room, sizeof *f->room);
        f->room = NULL;
    }
}
