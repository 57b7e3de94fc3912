/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower.h - one body on its way to register code: shared by the lower_*.c files only.
 *
 * One pass with a virtual operand stack. An entry is a local not yet read, a constant not yet written, or a
 * temporary in its own slot, so local.get, constants and most moves cost nothing at run time. An entry's home
 * slot is fixed by its height, which is what makes merges of control flow free: at labels every entry is a
 * temporary in its home slot.
 */
#ifndef TERN_CODE_LOWER_H
#define TERN_CODE_LOWER_H

#include <assert.h>

#include "base/diag.h"
#include "binary/decode.h"
#include "code/ins.h"

#define NO_INS UINT32_MAX
#define NO_VAL UINT32_MAX

/* Cells of one frame: more than any stack has room for; without vectors, what an operand reaches, which holds every
 * local there may be. */
#define FRAME_MAX_CELLS (TERN_SIMD ? 1u << 20 : UINT16_MAX)

typedef enum ValKind { VAL_TEMP, VAL_LOCAL, VAL_CONST } ValKind;

typedef struct Val {
    u8 kind;   /* ValKind */
    u8 code;   /* VT_I32 ... VT_REF */
    u32 slot;  /* where it can be read: the home slot, or the local's */
    u32 home;  /* its own slot, fixed by height */
    union {    /* by kind */
        u32 prod;                      /* VAL_TEMP: the Ins that wrote it, or NO_INS */
        struct { u32 local, prev, next; }; /* VAL_LOCAL: index; other entries naming it, by height */
        u64 bits;                      /* VAL_CONST */
    };
} Val;

/* CTRL_TRY: the body of a legacy try; CTRL_CATCH: a handler of one. */
typedef enum CtrlKind {
    CTRL_FUNC, CTRL_BLOCK, CTRL_LOOP, CTRL_IF, CTRL_ELSE, CTRL_TRY_TABLE, CTRL_TRY, CTRL_CATCH
} CtrlKind;

typedef struct Ctrl {
    u8 kind;
    bool is_dead;       /* the rest of this block cannot be reached */
    bool was_dead;      /* nor could its beginning: nothing is emitted, nesting is counted */
    bool label_used;
    u32 label, else_label;
    u32 height;         /* entries below the block's parameters */
    u32 region;         /* whose handlers are active in it, or REGION_NONE */
    u32 try_region;     /* tries: their own */
    const FuncType *sig; /* NULL for the function's own */
} Ctrl;

typedef struct LocalInfo {
    u32 slot;
    u32 pending; /* topmost stack entry that reads it late, or NO_VAL */
    u8 code;
} LocalInfo;

typedef struct LocalInfoVec { VEC(LocalInfo) } LocalInfoVec;
typedef struct ValVec { VEC(Val) } ValVec;
typedef struct CtrlVec { VEC(Ctrl) } CtrlVec;

/* What is kept from body to body. */
struct LowerRoom {
    BodyScratch *scratch;
    LocalInfoVec locals;
    ValVec stack;
    CtrlVec ctrl;
};

typedef struct AccState {
    u32 slot; /* whose value the accumulator also holds */
    u32 prod; /* the Ins that wrote both, or NO_INS */
    bool is_valid;
} AccState;

typedef struct Lower {
    Sink sink; /* first: the decoder's handle */
    LoweredFunc *f;
    const Module *module;
    const FuncType *type;
    Alloc *alloc;
    Diag *diag;
    u32 func_index;
    u32 return_label; /* handlers that return go here, or LABEL_NONE */
    u32 offset;   /* of the instruction being lowered */
    bool has_far_slots; /* operands may lie past 65,535: scratch slots are set aside, and nothing is fused */

    LocalInfoVec locals; /* the room's while the work is going on */
    ValVec stack;
    CtrlVec ctrl;
    u32 settled;  /* entries below this height are temporaries in their homes */
    u32 zero;     /* the last local, nobody's, so that it is zero; cleared if f->uses_zero */
    u32 temps;    /* first operand slot */
    u32 next_home; /* slot of the next entry pushed */
    u32 max_cells;
    u32 fuel_cost; /* f->cost when FUEL was last emitted */
    u32 barrier;  /* instructions before this one may no longer be changed */
    AccState acc[ACC_CLASSES];
    AccState before_last;  /* the accumulator that the last instruction wrote, before that */
    AccState before_const; /* acc[ACC_V128] before the last v128.const, which may be folded into its reader */
} Lower;

static inline AccClass lower_acc_class(u8 code)
{
    return code == VT_F32 ? ACC_F32 : code == VT_F64 ? ACC_F64 : code == VT_V128 ? ACC_V128 : ACC_INT;
}
static inline u32 lower_cells(u8 code) { return code == VT_V128 ? 2 : 1; }

/* Emission. All return false when memory is out, with the diag set. */
bool lower_grow_ins(Lower *l);
/* Room for the next instruction, all zero, to be filled in and emitted before anything else is; taking back the last
 * instruction meanwhile is fine. NULL: no memory. */
static inline Ins *lower_draft(Lower *l)
{
    LoweredFunc *f = l->f;
    if (UNLIKELY(f->ins.n == f->ins.cap) && !lower_grow_ins(l)) return NULL;
    Ins *ins = &f->ins.items[f->ins.n];
    *ins = (Ins){0};
    return ins;
}
bool lower_emit_ins(Lower *l, const Ins *ins); /* a draft, or any other */
static inline bool lower_emit(Lower *l, Ins ins) { return lower_emit_ins(l, &ins); }
static inline Ins *lower_last(const Lower *l) { return &l->f->ins.items[l->f->ins.n - 1]; }
/* May the last instruction become part of another? */
static inline bool lower_may_join(const Lower *l)
{
    return TERN_FAST && l->f->scratch == 0 && l->f->ins.n > l->barrier;
}
bool lower_emit_const(Lower *l, u8 code, u32 to, u64 bits);
bool lower_emit_copy(Lower *l, u8 code, u32 to, u32 from); /* nothing if they are the same slot */
void lower_drop_last(Lower *l); /* takes the last instruction back */
bool lower_new_label(Lower *l, u32 *label);
void lower_bind(Lower *l, u32 label); /* here; control may arrive from elsewhere */
/* Control may leave here: what was computed must be in its slot from now on. */
static inline void lower_barrier(Lower *l) { l->barrier = l->f->ins.n; }
bool lower_no_memory(Lower *l);

/* The virtual stack. */
static inline Val *lower_top(Lower *l, u32 depth) { return &l->stack.items[l->stack.n - 1 - depth]; }
/* Slot of the next entry pushed. */
static inline u32 lower_next_home(const Lower *l) { return l->next_home; }
static inline bool lower_has_room(const Lower *l, u8 code)
{
    return l->next_home + lower_cells(code) <= l->max_cells && l->stack.n < l->stack.cap;
}
bool lower_make_room(Lower *l, u8 code);
/* A new entry on top, of which kind, code, home and slot (home, too) are set; there is room. */
static inline Val *lower_put(Lower *l, u8 kind, u8 code)
{
    Val *v = &l->stack.items[l->stack.n++];
    v->kind = kind;
    v->code = code;
    v->slot = v->home = l->next_home;
    l->next_home += lower_cells(code);
    return v;
}
/* Pushing where there is no room is left to others, so that pushing needs no frame. */
bool lower_push_temp_slow(Lower *l, u8 code, u32 prod);
bool lower_push_const_slow(Lower *l, u8 code, u64 bits);
bool lower_push_local_slow(Lower *l, u32 local);
static inline bool lower_push_temp(Lower *l, u8 code, u32 prod) /* prod: NO_INS, or the last instruction */
{
    if (UNLIKELY(!lower_has_room(l, code))) return lower_push_temp_slow(l, code, prod);
    lower_put(l, VAL_TEMP, code)->prod = prod;
    return true;
}
static inline bool lower_push_const(Lower *l, u8 code, u64 bits)
{
    if (UNLIKELY(!lower_has_room(l, code))) return lower_push_const_slow(l, code, bits);
    lower_put(l, VAL_CONST, code)->bits = bits;
    return true;
}
static inline bool lower_push_local(Lower *l, u32 local)
{
    LocalInfo *info = &l->locals.items[local];
    if (UNLIKELY(!lower_has_room(l, info->code))) return lower_push_local_slow(l, local);
    u32 index = l->stack.n, pending = info->pending;
    Val *v = lower_put(l, VAL_LOCAL, info->code);
    v->slot = info->slot;
    v->local = local;
    v->prev = pending;
    v->next = NO_VAL;
    if (pending != NO_VAL) l->stack.items[pending].next = index;
    info->pending = index;
    return true;
}
/* The entry no longer reads its local late. */
static inline void lower_unlink(Lower *l, const Val *v)
{
    if (v->next != NO_VAL) l->stack.items[v->next].prev = v->prev;
    else l->locals.items[v->local].pending = v->prev;
    if (v->prev != NO_VAL) l->stack.items[v->prev].next = v->next;
}
/* The topmost entry, which is no more, but can be read and changed until the next one is pushed. */
static inline Val *lower_pop(Lower *l)
{
    assert(l->stack.n > 0 && "the decoder has validated the body");
    Val *v = &l->stack.items[--l->stack.n];
    l->next_home = v->home;
    if (v->kind == VAL_LOCAL) lower_unlink(l, v);
    if (l->settled > l->stack.n) l->settled = l->stack.n;
    return v;
}
bool lower_settle(Lower *l, u32 index);      /* make one entry a temporary in its home */
bool lower_settle_top(Lower *l, u32 n);      /* the topmost n */
bool lower_settle_all(Lower *l);
bool lower_set_local(Lower *l, u32 local, bool is_tee);
void lower_truncate(Lower *l, u32 height);

/* Was v computed by the very last instruction, which may still write elsewhere? */
static inline bool lower_is_last(const Lower *l, const Val *v)
{
    u32 n = l->f->ins.n;
    if (v->kind != VAL_TEMP || v->prod == NO_INS || v->prod + 1 != n || v->prod < l->barrier) return false;
    const Ins *ins = &l->f->ins.items[v->prod];
    return ins->kd == PLACE_SLOT && ins->d == v->slot &&
           !(ins->family == FAM_PLAIN && (ins->op == H_COPY2 || ins->op == H_ADD_COPY));
}
/* The same, and it may still become another one? */
static inline bool lower_is_fresh(const Lower *l, const Val *v) { return TERN_FAST && lower_is_last(l, v); }
void lower_keep_in_acc(Lower *l, const Val *v, AccClass c);
/* How an instruction reads v: its place and slot. Constants must have been settled or fit as immediates. A
 * popped temporary found in the accumulator need not have been stored. */
static inline void lower_use(Lower *l, const Val *v, u8 *place, u32 *slot)
{
    AccClass c = lower_acc_class(v->code);
    *place = PLACE_SLOT;
    *slot = v->slot;
    if (!TERN_FAST || !l->acc[c].is_valid || l->acc[c].slot != v->slot) return;
    *place = PLACE_ACC;
    if (v->kind == VAL_TEMP && v->prod != NO_INS) lower_keep_in_acc(l, v, c);
}
/* The same, never from the accumulator. */
static inline void lower_use_slot(const Val *v, u8 *place, u32 *slot)
{
    *place = PLACE_SLOT;
    *slot = v->slot;
}
static inline bool lower_fits_imm(const Val *v)
{
    if (v->kind != VAL_CONST) return false;
    return v->code != VT_V128 && (v->code != VT_I64 || v->bits == (u64)(s64)(s32)v->bits);
}
bool lower_write_const(Lower *l, Val *v);
/* v, just popped, as something that can be read: constants are written to v's home. */
static inline bool lower_readable(Lower *l, Val *v) { return v->kind != VAL_CONST || lower_write_const(l, v); }

/* Control, lower_control.c. */
u32 lower_label_arity(const Lower *l, const Ctrl *c); /* operands that going to c's label takes along */
/* Slot of the entry at height, which need not exist now but whose predecessors do. */
u32 lower_home_at(const Lower *l, u32 height);
bool lower_push_types(Lower *l, const ValType *types, u32 n);
/* Takes the results on top to the end of the innermost block, c. */
bool lower_leave(Lower *l, Ctrl *c);
bool lower_block(Lower *l, const Insn *in, CtrlKind kind);
bool lower_else(Lower *l);
bool lower_end(Lower *l);
bool lower_br(Lower *l, u32 depth);
bool lower_br_if(Lower *l, u32 depth);
bool lower_br_table(Lower *l, const Insn *in);
bool lower_return(Lower *l);
/* In profiled code: tells that the function begins or ends (BUILTIN_profile_enter, _leave). */
bool lower_profile(Lower *l, u32 builtin);
bool lower_br_on_null(Lower *l, u32 depth, bool on_null);
/* Branches when ins says so; opposite is the handler, otherwise alike, that branches when ins does not. */
bool lower_br_when(Lower *l, u32 depth, Ins ins, u16 opposite);
void lower_mark_dead(Lower *l);
static inline Ctrl *lower_ctrl(Lower *l, u32 depth) { return &l->ctrl.items[l->ctrl.n - 1 - depth]; }

/* Calls, lower_call.c. */
bool lower_call(Lower *l, const Insn *in);
/* results: a VT_ code for each result of the builtin. */
bool lower_builtin(Lower *l, u32 builtin, const u8 *results, u32 imm1, u32 imm2);
/* The same for a builtin with nargs operands that its row does not count. */
bool lower_builtin_args(Lower *l, u32 builtin, u32 nargs, const u8 *results, u32 imm1, u32 imm2);

/* Objects and casts, lower_gc.c. */
bool lower_gc(Lower *l, const Insn *in);

/* Exceptions, lower_exception.c. */
bool lower_try(Lower *l, const Insn *in);
bool lower_catch(Lower *l, const Insn *in);
bool lower_delegate(Lower *l, const Insn *in);
void lower_close_region(Lower *l, Ctrl *c); /* where the body of a try ends; others: nothing */
bool lower_throw(Lower *l, const Insn *in);
bool lower_throw_ref(Lower *l);
bool lower_rethrow(Lower *l, u32 depth);

/* Values, lower_value.c. */
bool lower_value_op(Lower *l, const Insn *in);
bool lower_unary(Lower *l, const Insn *in);
bool lower_binary(Lower *l, const Insn *in);
bool lower_load(Lower *l, const Insn *in);
bool lower_store(Lower *l, const Insn *in);
bool lower_const(Lower *l, const Insn *in); /* but v128.const */

/* Atomic instructions, lower_atomic.c. is_fast: of memory 0, which has 32-bit addresses. */
bool lower_atomic(Lower *l, const Insn *in, bool is_fast);
bool lower_fence(Lower *l);

#endif
