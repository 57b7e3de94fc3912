/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* lower_random_test.c - random bodies mean the same lowered and run, and read instruction by instruction.
 *
 * A generator makes valid bodies that end, with the patterns lowering fuses made likely; a stack machine, whose
 * numeric instructions are the expressions of ops.def, says what each must give: results, traps, globals, both
 * memories, and in metered code the fuel. A run in which arithmetic made a NaN is not compared, as its bits are the
 * machine's choice. Seeds are fixed; a failure names its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/simd.h"
#include "test_module.h"

#define MEMORY_BYTES 65536u
enum { NMEMORIES = 2, NGLOBALS = 4, MAX_LABEL = 3 };

/* Parameters and locals by number; behind the parameters there may be filler. 0 is a small address, 1 a small
 * count, the last three count loops: only loops write those. */
static const char local_types[] = "iiiIfF" "iiIIffFF" "iii";
enum { NPARAMS = 6, FIRST_COUNTER = 14, NLOCALS = 17, MAX_LOOPS = 3 };
static const char value_types[] = "iIfF"; /* also of the globals */

/* One instruction, as the stack machine reads it. */
typedef struct Item {
    Op op;
    u32 index;   /* local, global, memory, label, function; loops and blocks: parameters */
    u32 results; /* of blocks */
    u64 bits;    /* constant, offset */
    u32 end, or_else;
    u32 targets[4], ntargets;
} Item;

/* --- the stack machine ------------------------------------------------------------------------------- */

typedef struct State {
    u64 locals[NLOCALS];
    u64 globals[NGLOBALS];
    u8 memory[NMEMORIES][MEMORY_BYTES];
} State;

typedef struct Label {
    u32 start, end, height, arity;
    bool is_loop;
} Label;

typedef struct Eval {
    State *s;
    u64 stack[20000];
    u32 sp; /* operands */
    Label labels[64];
    u32 nlabels;
    u32 pc;
    u64 cost; /* instructions that are not structure only */
    bool has_nan;
    TrapCode trap;
} Eval;

static u64 cell_of_i32(u32 v) { return v; }
static u64 cell_of_i64(u64 v) { return v; }
static u64 cell_of_f32(f32 v) { return num_bits_of_f32(v); }
static u64 cell_of_f64(f64 v) { return num_bits_of_f64(v); }
static u32 i32_of_cell(u64 c) { return (u32)c; }
static u64 i64_of_cell(u64 c) { return c; }
static f32 f32_of_cell(u64 c) { return num_f32_of_bits((u32)c); }
static f64 f64_of_cell(u64 c) { return num_f64_of_bits(c); }

/* Vectors are not generated: their rows need only compile. */
static inline u64 cell_of_v128(t_v128 v) { return v[0]; }
static inline t_v128 v128_of_cell(u64 c) { return (t_v128){(u8)c}; }

static bool is_nan_cell(OpType type, u64 cell)
{
    if (type == OT_f32) return (cell & 0x7fffffff) > 0x7f800000;
    return type == OT_f64 && (cell & INT64_MAX) > 0x7ff0000000000000;
}

/* False: not a numeric instruction. */
static bool eval_numeric(Eval *e, Op op)
{
    u64 *top = &e->stack[e->sp];
    switch (op) {
#define ONE(n, R, A, ...) \
    case OP_##n: { \
        t_##A a = A##_of_cell(top[-1]); \
        top[-1] = cell_of_##R((t_##R)(__VA_ARGS__)); \
        break; \
    }
#define TWO(n, R, A, B, ...) \
    case OP_##n: { \
        t_##A a = A##_of_cell(top[-2]); \
        t_##B b = B##_of_cell(top[-1]); \
        top[-2] = cell_of_##R((t_##R)(__VA_ARGS__)); \
        break; \
    }
#define ONE_TRAPS(n, R, A, ...) \
    case OP_##n: { \
        t_##A a = A##_of_cell(top[-1]); \
        t_##R r = 0; \
        e->trap = (__VA_ARGS__); \
        top[-1] = cell_of_##R(r); \
        break; \
    }
#define TWO_TRAPS(n, R, A, B, ...) \
    case OP_##n: { \
        t_##A a = A##_of_cell(top[-2]); \
        t_##B b = B##_of_cell(top[-1]); \
        t_##R r = 0; \
        e->trap = (__VA_ARGS__); \
        top[-2] = cell_of_##R(r); \
        break; \
    }
#define NUM1(n, c, text, F, heat, R, A, ...) ONE(n, R, A, __VA_ARGS__)
#define TEST1(n, c, text, F, A, ...) ONE(n, i32, A, __VA_ARGS__)
#define NUM2(n, c, text, F, heat, R, A, B, ...) TWO(n, R, A, B, __VA_ARGS__)
#define NUM2C(n, c, text, F, heat, R, A, B, ...) TWO(n, R, A, B, __VA_ARGS__)
#define CMP2(n, c, text, F, A, expr, NOT, SWAP) TWO(n, i32, A, A, expr)
#define NUM1T(n, c, text, F, heat, R, A, ...) ONE_TRAPS(n, R, A, __VA_ARGS__)
#define NUM2T(n, c, text, F, heat, R, A, B, ...) TWO_TRAPS(n, R, A, B, __VA_ARGS__)
#include "ops/ops.def"
    default: return false;
    }
    const OpInfo *info = &tern_op_info[op];
    e->sp -= info->nargs - 1u;
    if (is_nan_cell((OpType)info->results[0], e->stack[e->sp - 1])) e->has_nan = true;
    return true;
}

static u8 *eval_address(Eval *e, const Item *item, u64 base)
{
    u64 at = (u32)base + item->bits;
    if (at + tern_op_info[item->op].mem_bytes <= MEMORY_BYTES) return &e->s->memory[item->index][at];
    e->trap = TRAP_MEMORY_BOUNDS;
    return NULL;
}

static bool eval_access(Eval *e, const Item *item)
{
    u8 *p;
    switch (item->op) {
#define LOAD(n, c, text, F, R, M) \
    case OP_##n: { \
        p = eval_address(e, item, e->stack[e->sp - 1]); \
        if (p == NULL) return true; \
        M m; \
        memcpy(&m, p, sizeof m); \
        e->stack[e->sp - 1] = sizeof(M) == sizeof(t_##R) ? 0 : cell_of_##R((t_##R)m); \
        if (sizeof(M) == sizeof(t_##R)) memcpy(&e->stack[e->sp - 1], p, sizeof m); \
        return true; \
    }
#define STORE(n, c, text, F, A, M) \
    case OP_##n: { \
        e->sp -= 2; \
        p = eval_address(e, item, e->stack[e->sp]); \
        if (p != NULL) memcpy(p, &e->stack[e->sp + 1], sizeof(M)); \
        return true; \
    }
#include "ops/ops.def"
    default: return false;
    }
}

static void eval_branch(Eval *e, u32 depth)
{
    Label *label = &e->labels[e->nlabels - 1 - depth];
    memmove(&e->stack[label->height], &e->stack[e->sp - label->arity], label->arity * sizeof(u64));
    e->sp = label->height + label->arity;
    e->nlabels -= depth + !label->is_loop;
    e->pc = label->is_loop ? label->start : label->end + 1;
}

static void eval_block(Eval *e, const Item *item, u32 at)
{
    bool is_loop = item->op == OP_LOOP;
    u32 height = e->sp - item->index - (item->op == OP_IF);
    e->labels[e->nlabels++] = (Label){.start = at + 1, .end = item->end, .height = height,
                                      .arity = is_loop ? item->index : item->results, .is_loop = is_loop};
    if (item->op != OP_IF || (u32)e->stack[--e->sp] != 0) return;
    if (item->or_else != 0) {
        e->pc = item->or_else + 1;
    } else {
        e->pc = item->end; /* which drops the label */
    }
}

static void eval_call(Eval *e, u32 func)
{
    e->cost += 2;
    u64 *top = &e->stack[e->sp];
    if (func == 0) {
        u64 a = top[-2];
        top[-2] = top[-1];
        top[-1] = a;
    } else if (func == 1) {
        top[-1] ^= 1ull << 63;
    } else {
        e->s->globals[0] = *--top;
        e->sp--;
    }
}

/* Runs items to the end; false if that takes too long. */
static bool eval(Eval *e, const Item *items, u32 nitems, u32 nresults)
{
    e->labels[0] = (Label){.end = nitems - 1, .arity = nresults};
    e->nlabels = 1;
    e->sp = e->pc = 0;
    e->cost = 0;
    e->has_nan = false;
    e->trap = TRAP_NONE;
    for (u32 steps = 0; e->nlabels > 0 && e->trap == TRAP_NONE; steps++) {
        if (steps > 400000) return false;
        const Item *item = &items[e->pc++];
        e->cost += item->op != OP_NOP && item->op != OP_BLOCK && item->op != OP_LOOP && item->op != OP_ELSE &&
                   item->op != OP_END;
        if (eval_numeric(e, item->op) || eval_access(e, item)) continue;
        switch (item->op) {
        case OP_UNREACHABLE: e->trap = TRAP_UNREACHABLE; break;
        case OP_NOP: break;
        case OP_BLOCK: case OP_LOOP: case OP_IF: eval_block(e, item, e->pc - 1); break;
        case OP_ELSE: eval_branch(e, 0); break; /* the end of the first arm */
        case OP_END: e->nlabels--; break;
        case OP_BR: eval_branch(e, item->index); break;
        case OP_BR_IF:
            if ((u32)e->stack[--e->sp] != 0) eval_branch(e, item->index);
            break;
        case OP_BR_TABLE: {
            u32 i = (u32)e->stack[--e->sp];
            eval_branch(e, item->targets[i < item->ntargets ? i : item->ntargets]);
            break;
        }
        case OP_RETURN: eval_branch(e, e->nlabels - 1); break;
        case OP_CALL: eval_call(e, item->index); break;
        case OP_DROP: e->sp--; break;
        case OP_SELECT:
            e->sp -= 2;
            if ((u32)e->stack[e->sp + 1] == 0) e->stack[e->sp - 1] = e->stack[e->sp];
            break;
        case OP_LOCAL_GET: e->stack[e->sp++] = e->s->locals[item->index]; break;
        case OP_LOCAL_SET: e->s->locals[item->index] = e->stack[--e->sp]; break;
        case OP_LOCAL_TEE: e->s->locals[item->index] = e->stack[e->sp - 1]; break;
        case OP_GLOBAL_GET: e->stack[e->sp++] = e->s->globals[item->index]; break;
        case OP_GLOBAL_SET: e->s->globals[item->index] = e->stack[--e->sp]; break;
        case OP_MEMORY_SIZE: e->stack[e->sp++] = 1; break;
        case OP_I32_CONST: case OP_I64_CONST: case OP_F32_CONST: case OP_F64_CONST:
            e->stack[e->sp++] = item->bits;
            break;
        default: fail_msg("the stack machine lacks %s", tern_op_info[item->op].text);
        }
    }
    return true;
}

/* --- the generator ----------------------------------------------------------------------------------- */

typedef struct Block {
    u32 base; /* operands below it */
    char label[MAX_LABEL + 1], results[MAX_LABEL + 1];
    bool is_loop;
} Block;

typedef struct Gen {
    u64 chance;
    TestModule *m;
    Bytes body;
    Item items[1 << 16];
    u32 n;
    char stack[1 << 15];
    u32 nstack;
    Block blocks[16];
    u32 nblocks, nloops, nfiller;
    s32 budget;
    char sigs[128][16]; /* types made so far */
    u32 first_sig, nsigs;
    Op numeric[256];
    u32 nnumeric;
} Gen;

static u32 roll(Gen *g, u32 sides) { return (u32)(test_random(&g->chance) >> 20) % sides; }

static u32 physical_local(const Gen *g, u32 local) { return local < NPARAMS ? local : local + g->nfiller; }

static u32 sig_index(Gen *g, const char *params, const char *results)
{
    char sig[16];
    snprintf(sig, sizeof sig, "%s:%s", params, results);
    for (u32 i = 0; i < g->nsigs; i++)
        if (strcmp(g->sigs[i], sig) == 0) return g->first_sig + i;
    assert_true(g->nsigs < COUNT_OF(g->sigs));
    strcpy(g->sigs[g->nsigs++], sig);
    return test_type(g->m, sig);
}

static Item *add(Gen *g, Item item)
{
    assert_true(g->n < COUNT_OF(g->items));
    g->items[g->n] = item;
    g->budget--;
    return &g->items[g->n++];
}

static void push(Gen *g, char type) { g->stack[g->nstack++] = type; }
static char top(const Gen *g) { return g->stack[g->nstack - 1]; }
static Block *block(Gen *g) { return &g->blocks[g->nblocks - 1]; }
static u32 available(Gen *g) { return g->nstack - block(g)->base; }

static u64 random_bits(Gen *g, char type)
{
    static const u32 small[] = {0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 255, 0x7fffffff, 0x80000000, UINT32_MAX};
    static const f64 reals[] = {0.0, -0.0, 1.0, -1.5, 3.25, 1e10, -4e18, 0.1, 65536.5, 1e-40};
    u64 bits = roll(g, 4) == 0 ? test_random(&g->chance) : small[roll(g, COUNT_OF(small))];
    if (type == 'i') return (u32)bits;
    if (type == 'I') return roll(g, 3) == 0 ? (u64)(s64)(s32)bits : bits;
    f64 real = roll(g, 3) == 0 ? (f64)(s32)roll(g, 200) - 100 : reals[roll(g, COUNT_OF(reals))];
    return type == 'f' ? num_bits_of_f32((f32)real) : num_bits_of_f64(real);
}

static void gen_const(Gen *g, char type, u64 bits)
{
    Op op = type == 'i' ? OP_I32_CONST : type == 'I' ? OP_I64_CONST : type == 'f' ? OP_F32_CONST : OP_F64_CONST;
    put_const(&g->body, value_code(type), bits);
    add(g, (Item){.op = op, .bits = bits});
    push(g, type);
}

static void gen_plain(Gen *g, Op op)
{
    put_op(&g->body, op);
    add(g, (Item){.op = op});
}

/* local.get, local.set or local.tee. */
static void gen_local(Gen *g, Op op, u32 local)
{
    put_index(&g->body, op, physical_local(g, local));
    add(g, (Item){.op = op, .index = local});
    if (op == OP_LOCAL_GET) push(g, local_types[local]);
    if (op == OP_LOCAL_SET) g->nstack--;
}

static u32 pick_local(Gen *g, char type, bool is_written)
{
    for (;;) {
        u32 local = is_written ? 2 + roll(g, FIRST_COUNTER - 2) : roll(g, NLOCALS);
        if (local_types[local] == type) return local;
    }
}

static void gen_operand(Gen *g, char type)
{
    u32 r = roll(g, 10);
    if (r < 6) {
        gen_local(g, OP_LOCAL_GET, pick_local(g, type, false));
    } else if (r < 9) {
        gen_const(g, type, random_bits(g, type));
    } else {
        u32 global = (u32)(strchr(value_types, type) - value_types);
        put_index(&g->body, OP_GLOBAL_GET, global);
        add(g, (Item){.op = OP_GLOBAL_GET, .index = global});
        push(g, type);
    }
}

/* Puts types on top, using what lies there already where it fits. */
static void gen_need(Gen *g, const char *types)
{
    u32 n = (u32)strlen(types), have = (u32)u64_min(n, available(g));
    if (roll(g, 5) == 0) have = 0;
    while (have > 0 && memcmp(&g->stack[g->nstack - have], types, have) != 0) have--;
    for (; have < n; have++) gen_operand(g, types[have]);
}

static char letter(u8 type) { return type == OT_i32 ? 'i' : type == OT_i64 ? 'I' : type == OT_f32 ? 'f' : 'F'; }

static void gen_numeric_op(Gen *g, Op op)
{
    const OpInfo *info = &tern_op_info[op];
    char args[3] = {0};
    for (u32 i = 0; i < info->nargs; i++) args[i] = letter(info->args[i]);
    gen_need(g, args);
    gen_plain(g, op);
    g->nstack -= info->nargs;
    push(g, letter(info->results[0]));
}

static void gen_numeric(Gen *g)
{
    Op op;
    do op = g->numeric[roll(g, g->nnumeric)];
    while (!tern_op_info[op].is_hot && roll(g, 3) != 0);
    bool may_trap = tern_op_info[op].shape == SHAPE_NUM1T || tern_op_info[op].shape == SHAPE_NUM2T;
    if (may_trap && roll(g, 3) != 0) return;
    gen_numeric_op(g, op);
}

/* An address on the stack, mostly in range, in the forms that are folded into accesses. */
static void gen_address(Gen *g)
{
    switch (roll(g, 8)) {
    case 0: gen_local(g, OP_LOCAL_GET, 0); return;
    case 1: gen_const(g, 'i', roll(g, 40000)); return;
    case 2:
        gen_local(g, OP_LOCAL_GET, 0);
        gen_const(g, 'i', roll(g, 1000));
        break;
    case 3:
        gen_local(g, OP_LOCAL_GET, 0);
        gen_local(g, OP_LOCAL_GET, roll(g, 2));
        break;
    case 4:
    case 5: /* base + (index << constant), either way round */
        if (roll(g, 2) == 0) {
            gen_local(g, OP_LOCAL_GET, 0);
            gen_operand(g, 'i');
        } else {
            gen_need(g, "i");
        }
        gen_const(g, 'i', 0xff);
        gen_plain(g, OP_I32_AND);
        gen_const(g, 'i', roll(g, 8));
        gen_plain(g, OP_I32_SHL);
        g->nstack -= 2;
        if (available(g) < 2 || g->stack[g->nstack - 2] != 'i') gen_local(g, OP_LOCAL_GET, 0);
        break;
    default:
        gen_need(g, "i");
        if (roll(g, 60) == 0) return;
        gen_const(g, 'i', 0x7fff);
        gen_plain(g, OP_I32_AND);
        g->nstack--;
        return;
    }
    gen_plain(g, OP_I32_ADD);
    g->nstack--;
}

static void gen_access(Gen *g, bool is_store)
{
    u32 memory = roll(g, 6) == 0;
    Op op = is_store ? (Op)(OP_I32_STORE + roll(g, OP_I64_STORE32 - OP_I32_STORE + 1))
                     : (Op)(OP_I32_LOAD + roll(g, OP_I64_LOAD32_U - OP_I32_LOAD + 1));
    u64 offset = roll(g, 40) == 0 ? random_bits(g, 'i') : roll(g, 64);
    gen_address(g);
    if (is_store) {
        char type = letter(tern_op_info[op].args[1]);
        gen_operand(g, type);
        if (roll(g, 3) == 0) {
            gen_operand(g, type);
            gen_plain(g, type == 'i' ? OP_I32_SUB : type == 'I' ? OP_I64_MUL
                       : type == 'f' ? OP_F32_ADD : OP_F64_SUB);
            g->nstack--;
        }
    }
    put_access(&g->body, op, memory, offset);
    add(g, (Item){.op = op, .index = memory, .bits = offset});
    g->nstack -= is_store ? 2 : 1;
    if (!is_store) push(g, letter(tern_op_info[op].results[0]));
}

static void gen_load(Gen *g, Op load)
{
    switch (roll(g, 5)) {
    case 0: gen_const(g, 'i', roll(g, 30) == 0 ? UINT32_MAX - roll(g, 40) : roll(g, 40000)); break;
    case 1: { /* an element of an array, or of one at zero */
        bool has_base = roll(g, 3) != 0;
        if (has_base) gen_local(g, OP_LOCAL_GET, 0);
        gen_operand(g, 'i');
        gen_const(g, 'i', 0xff);
        gen_plain(g, OP_I32_AND);
        gen_const(g, 'i', roll(g, 5));
        gen_plain(g, OP_I32_SHL);
        g->nstack -= 2;
        if (!has_base) break;
        gen_plain(g, OP_I32_ADD);
        g->nstack--;
        break;
    }
    default:
        gen_local(g, OP_LOCAL_GET, 0);
        if (roll(g, 2) == 0) {
            gen_const(g, 'i', roll(g, 3000));
            gen_plain(g, OP_I32_ADD);
            g->nstack--;
        }
        if (roll(g, 4) == 0) gen_local(g, OP_LOCAL_TEE, pick_local(g, 'i', true));
    }
    u64 offset = roll(g, 64);
    put_access(&g->body, load, 0, offset);
    add(g, (Item){.op = load, .bits = offset});
    g->nstack--;
    push(g, letter(tern_op_info[load].results[0]));
}

static void gen_product(Gen *g)
{
    gen_operand(g, 'F');
    if (roll(g, 3) == 0) gen_load(g, OP_F64_LOAD);
    else gen_operand(g, 'F');
    gen_plain(g, OP_F64_MUL);
    g->nstack--;
}

/* Products with a third value, and stored; bytes as operands; wide constants; masked sums. Leaves a number. */
static void gen_joined(Gen *g)
{
    switch (roll(g, 4)) {
    case 0: {
        bool is_kept = roll(g, 2) == 0;
        if (is_kept) gen_local(g, OP_LOCAL_GET, 0);
        u32 order = roll(g, 3);
        if (order == 0) gen_operand(g, 'F');
        else gen_product(g);
        if (order == 1) gen_operand(g, 'F');
        else gen_product(g);
        gen_plain(g, roll(g, 2) == 0 ? OP_F64_ADD : OP_F64_SUB);
        g->nstack--;
        if (!is_kept) return;
        put_access(&g->body, OP_F64_STORE, 0, 8);
        add(g, (Item){.op = OP_F64_STORE, .bits = 8});
        g->nstack -= 2;
        gen_operand(g, 'i');
        return;
    }
    case 1:
        if (roll(g, 2) == 0) gen_operand(g, 'i');
        else gen_need(g, "i");
        gen_load(g, OP_I32_LOAD8_U);
        gen_plain(g, roll(g, 2) == 0 ? OP_I32_ADD : OP_I32_XOR);
        break;
    case 2:
        gen_need(g, "I");
        gen_const(g, 'I', random_bits(g, 'I'));
        gen_plain(g, OP_I64_MUL);
        break;
    default:
        gen_need(g, "i");
        gen_const(g, 'i', random_bits(g, 'i'));
        gen_plain(g, OP_I32_ADD);
        g->nstack--;
        gen_const(g, 'i', random_bits(g, 'i'));
        gen_plain(g, OP_I32_AND);
    }
    g->nstack--;
}

/* What lowering makes one instruction of: an operand from memory, sums of three, exclusive or with something moved,
 * constant addresses. Leaves a number on the stack. */
static void gen_merged(Gen *g)
{
    static const Op sums[] = {OP_F32_ADD, OP_F64_ADD, OP_F32_MUL, OP_F64_MUL, OP_I32_ADD, OP_F64_SUB};
    static const Op moves[] = {OP_I32_SHL, OP_I32_SHR_U, OP_I32_ROTL, OP_I32_SHR_S};
    u32 kind = roll(g, 7);
    if (kind > 3) {
        gen_joined(g);
        return;
    }
    if (kind == 0) {
        gen_need(g, "i");
        if (roll(g, 3) == 0) gen_local(g, OP_LOCAL_TEE, pick_local(g, 'i', true));
        if (roll(g, 2) == 0) {
            gen_local(g, OP_LOCAL_GET, pick_local(g, 'i', false));
        } else {
            u32 local = pick_local(g, 'i', true);
            gen_local(g, OP_LOCAL_TEE, local);
            gen_local(g, OP_LOCAL_GET, local);
        }
        gen_const(g, 'i', roll(g, 40));
        gen_plain(g, moves[roll(g, 4)]);
        gen_plain(g, OP_I32_XOR);
        g->nstack -= 2;
        return;
    }
    Op op = sums[roll(g, COUNT_OF(sums))];
    char type = letter(tern_op_info[op].args[0]);
    u32 n = 1 + roll(g, 4);
    gen_need(g, (char[]){type, '\0'});
    if (kind == 1)
        for (u32 i = 0; i < n; i++) gen_operand(g, type);
    for (u32 i = 0; i < n; i++) {
        if (kind != 1) {
            gen_load(g, type == 'i' ? OP_I32_LOAD : type == 'f' ? OP_F32_LOAD : OP_F64_LOAD);
        }
        gen_plain(g, op);
        g->nstack--;
    }
}

static void gen_branch_ins(Gen *g, Op op, u32 depth)
{
    put_index(&g->body, op, depth);
    add(g, (Item){.op = op, .index = depth});
}

/* A branch target that is no loop. */
static u32 pick_depth(Gen *g)
{
    for (;;) {
        u32 depth = roll(g, g->nblocks);
        if (!g->blocks[g->nblocks - 1 - depth].is_loop) return depth;
    }
}

static void gen_any_condition(Gen *g)
{
    static const Op first[] = {OP_I32_EQ, OP_I64_EQ, OP_F32_EQ, OP_F64_EQ};
    u32 kind = roll(g, 4);
    switch (roll(g, 8)) {
    case 0: gen_need(g, "i"); return;
    case 4: /* what was loaded, compared */
        gen_load(g, roll(g, 2) == 0 ? OP_I32_LOAD : OP_I32_LOAD8_U);
        if (roll(g, 3) == 0) gen_local(g, OP_LOCAL_TEE, pick_local(g, 'i', true));
        if (roll(g, 2) == 0) gen_operand(g, 'i');
        else gen_const(g, 'i', roll(g, 3));
        gen_plain(g, (Op)(OP_I32_EQ + roll(g, 3)));
        g->nstack--;
        return;
    case 1: gen_numeric_op(g, OP_I32_AND); return;
    case 2: gen_numeric_op(g, roll(g, 2) == 0 ? OP_I32_EQZ : OP_I64_EQZ); return;
    case 3:
        gen_numeric_op(g, roll(g, 2) == 0 ? OP_I32_AND : OP_I32_ADD);
        if (roll(g, 2) == 0) gen_local(g, OP_LOCAL_TEE, pick_local(g, 'i', true));
        if (roll(g, 2) == 0) gen_plain(g, OP_I32_EQZ);
        return;
    default:
        gen_numeric_op(g, (Op)(first[kind] + roll(g, kind < 2 ? 10 : 6)));
        if (roll(g, 3) == 0) gen_plain(g, OP_I32_EQZ);
    }
}

/* types and a condition above them. */
static void gen_condition(Gen *g, const char *types)
{
    Block *b = block(g);
    u32 base = b->base;
    gen_need(g, types);
    if (types[0] != '\0') b->base = g->nstack;
    gen_any_condition(g);
    b->base = base;
}

static void gen_br_if(Gen *g)
{
    u32 depth = pick_depth(g);
    gen_condition(g, g->blocks[g->nblocks - 1 - depth].label);
    gen_branch_ins(g, OP_BR_IF, depth);
    g->nstack--;
}

/* Leaves the block; the rest of it is dead. */
static void gen_leave(Gen *g)
{
    u32 r = roll(g, 12), depth = pick_depth(g);
    const char *label = g->blocks[g->nblocks - 1 - depth].label;
    if (r == 0) {
        gen_plain(g, OP_UNREACHABLE);
    } else if (r < 3) {
        gen_need(g, g->blocks[0].results);
        gen_plain(g, OP_RETURN);
    } else if (r < 8) {
        gen_need(g, label);
        gen_branch_ins(g, OP_BR, depth);
    } else {
        Item item = {.op = OP_BR_TABLE};
        char need[MAX_LABEL + 2];
        snprintf(need, sizeof need, "%si", label);
        gen_need(g, need);
        u32 n = 1 + roll(g, 4);
        for (u32 tries = 0; item.ntargets < n && tries < 20; tries++) {
            u32 other = pick_depth(g);
            if (strcmp(g->blocks[g->nblocks - 1 - other].label, label) == 0) item.targets[item.ntargets++] = other;
        }
        if (item.ntargets == 0) item.targets[item.ntargets++] = depth;
        item.ntargets--;
        put_index(&g->body, OP_BR_TABLE, item.ntargets);
        for (u32 i = 0; i <= item.ntargets; i++) put_uleb(&g->body, item.targets[i]);
        add(g, item);
    }
    if (roll(g, 2) == 0) { /* dead code */
        gen_const(g, 'i', 5);
        gen_branch_ins(g, OP_BR_IF, g->nblocks - 1);
        gen_plain(g, OP_UNREACHABLE);
        g->nstack--;
    }
    g->nstack = block(g)->base;
    for (const char *c = block(g)->results; *c != '\0'; c++) push(g, *c);
}

/* Leaves exactly the block's results. */
static void gen_results(Gen *g)
{
    const Block *b = block(g);
    u32 n = (u32)strlen(b->results);
    if (available(g) == n && memcmp(&g->stack[b->base], b->results, n) == 0) return;
    while (available(g) > 0) {
        if (roll(g, 3) == 0) {
            gen_plain(g, OP_DROP);
            g->nstack--;
        } else {
            gen_local(g, OP_LOCAL_SET, pick_local(g, top(g), true));
        }
    }
    for (u32 i = 0; i < n; i++) gen_operand(g, b->results[i]);
}

static void random_sig(Gen *g, char sig[MAX_LABEL + 1])
{
    u32 n = roll(g, 3) == 0 ? roll(g, 3) : roll(g, 2);
    for (u32 i = 0; i < n; i++) sig[i] = value_types[roll(g, 3) == 0 ? roll(g, 4) : 0];
    sig[n] = '\0';
}

static void gen_body(Gen *g, u32 ninsns);

/* The end of a counted loop: step, compare, branch back with the loop's parameters. */
static void gen_loop_end(Gen *g, u32 counter, bool is_down)
{
    gen_need(g, block(g)->label);
    gen_local(g, OP_LOCAL_GET, counter);
    gen_const(g, 'i', is_down ? UINT32_MAX : 1);
    gen_plain(g, OP_I32_ADD);
    g->nstack--;
    if (roll(g, 2) == 0) {
        gen_local(g, OP_LOCAL_TEE, counter);
    } else {
        gen_local(g, OP_LOCAL_SET, counter);
        gen_local(g, OP_LOCAL_GET, counter);
    }
    static const Op up[] = {OP_I32_LT_S, OP_I32_LT_U}, down[] = {OP_I32_GT_S, OP_I32_GT_U, OP_I32_NE};
    Op op = is_down ? down[roll(g, 3)] : up[roll(g, 2)];
    if (roll(g, 10) == 0) {
        gen_local(g, OP_LOCAL_GET, counter); /* with itself: once is enough */
    } else if (is_down) {
        gen_const(g, 'i', op != OP_I32_NE && roll(g, 3) == 0 ? UINT32_MAX - 1 : 0);
    } else if (roll(g, 2) == 0) {
        gen_const(g, 'i', 1 + roll(g, 5));
    } else {
        gen_local(g, OP_LOCAL_GET, 1);
    }
    gen_plain(g, op);
    g->nstack -= 2;
    gen_branch_ins(g, OP_BR_IF, 0);
}

static void gen_block(Gen *g)
{
    Op op = (Op)(OP_BLOCK + roll(g, 3));
    if (op == OP_LOOP && g->nloops == MAX_LOOPS) op = OP_BLOCK;
    char params[MAX_LABEL + 2], results[MAX_LABEL + 1];
    random_sig(g, params);
    random_sig(g, results);
    bool has_else = op == OP_IF && roll(g, 3) != 0;
    if (op == OP_IF && !has_else) strcpy(results, params);
    u32 counter = FIRST_COUNTER + g->nloops, nparams = (u32)strlen(params);
    bool is_down = roll(g, 2) == 0;
    if (op == OP_LOOP) {
        gen_const(g, 'i', is_down ? 1 + roll(g, 5) : roll(g, 3) == 0 ? UINT32_MAX - 1 : 0);
        gen_local(g, OP_LOCAL_SET, counter);
    }
    if (op == OP_IF) {
        gen_condition(g, params);
        g->nstack--;
    } else {
        gen_need(g, params);
    }
    put_op(&g->body, op);
    put_sleb(&g->body, (s64)sig_index(g, params, results));
    u32 at = g->n;
    add(g, (Item){.op = op, .index = nparams, .results = (u32)strlen(results)});
    Block b = {.base = g->nstack - nparams, .is_loop = op == OP_LOOP};
    strcpy(b.label, op == OP_LOOP ? params : results);
    strcpy(b.results, results);
    g->blocks[g->nblocks++] = b;
    g->nloops += op == OP_LOOP;
    u32 n = 2 + roll(g, 14);
    if (op == OP_LOOP) {
        gen_body(g, n);
        gen_loop_end(g, counter, is_down);
        gen_results(g);
    } else {
        gen_body(g, n);
        if (roll(g, 4) == 0) gen_leave(g);
        else gen_results(g);
    }
    if (has_else) {
        put_op(&g->body, OP_ELSE);
        g->items[at].or_else = g->n;
        add(g, (Item){.op = OP_ELSE});
        g->nstack = b.base;
        for (const char *c = params; *c != '\0'; c++) push(g, *c);
        gen_body(g, n);
        if (roll(g, 4) == 0) gen_leave(g);
        else gen_results(g);
    }
    put_op(&g->body, OP_END);
    g->items[at].end = g->n;
    add(g, (Item){.op = OP_END});
    g->nloops -= op == OP_LOOP;
    g->nblocks--;
}

static void gen_call(Gen *g)
{
    static const char *const params[] = {"iI", "F", "i"}, *const results[] = {"Ii", "F", ""};
    u32 func = roll(g, 3);
    gen_need(g, params[func]);
    put_index(&g->body, OP_CALL, func);
    add(g, (Item){.op = OP_CALL, .index = func});
    g->nstack -= (u32)strlen(params[func]);
    for (const char *c = results[func]; *c != '\0'; c++) push(g, *c);
}

static void gen_select(Gen *g)
{
    char type = available(g) > 0 && roll(g, 2) == 0 ? top(g) : value_types[roll(g, 3) == 0 ? roll(g, 4) : 0];
    char need[] = {type, type, 'i', '\0'};
    gen_need(g, need);
    gen_plain(g, OP_SELECT);
    g->nstack -= 2;
}

static void gen_one(Gen *g)
{
    u32 r = roll(g, 100);
    if (r < 36) gen_numeric(g);
    else if (r < 44) gen_operand(g, value_types[roll(g, 4)]);
    else if (r < 60) {
        char type = value_types[roll(g, 4)];
        gen_need(g, (char[]){type, '\0'});
        gen_local(g, roll(g, 3) == 0 ? OP_LOCAL_TEE : OP_LOCAL_SET, pick_local(g, type, true));
    } else if (r < 63) gen_select(g);
    else if (r < 66) gen_merged(g);
    else if (r < 72) gen_access(g, false);
    else if (r < 78) gen_access(g, true);
    else if (r < 81) {
        u32 global = roll(g, NGLOBALS);
        gen_need(g, (char[]){value_types[global], '\0'});
        put_index(&g->body, OP_GLOBAL_SET, global);
        add(g, (Item){.op = OP_GLOBAL_SET, .index = global});
        g->nstack--;
    } else if (r < 87 && g->nblocks < COUNT_OF(g->blocks) && g->budget > 0) gen_block(g);
    else if (r < 93) gen_br_if(g);
    else if (r < 96) gen_call(g);
    else if (r < 97) {
        put_index(&g->body, OP_MEMORY_SIZE, 0);
        add(g, (Item){.op = OP_MEMORY_SIZE});
        push(g, 'i');
    } else if (r < 99 && available(g) > 0) {
        gen_plain(g, OP_DROP);
        g->nstack--;
    } else gen_plain(g, OP_NOP);
}

static void gen_body(Gen *g, u32 ninsns)
{
    for (u32 i = 0; i < ninsns && g->budget > 0 && g->nstack + 64 < sizeof g->stack; i++) gen_one(g);
}

/* --- comparing --------------------------------------------------------------------------------------- */

typedef struct Shape {
    u32 nfiller, ndeep; /* v128 locals before the others, operands below everything */
    bool memories_move, is_metered;
} Shape;

typedef struct Compared {
    u32 nruns, nskipped, ntraps;
} Compared;

/* The module of a seed, in g; what its function gives is in results. */
static void generate(Gen *g, TestModule *m, u64 seed, const Shape *shape, char results[4])
{
    g->chance = seed;
    g->m = m;
    g->body = (Bytes){0};
    g->n = g->nstack = g->nloops = g->nsigs = 0;
    g->nfiller = shape->nfiller;
    test_import_memory(m, 1, 1);
    test_import_memory(m, 1, 1);
    for (u32 i = 0; i < NGLOBALS; i++) test_global(m, value_code(value_types[i]), 0);
    Bytes b = {0};
    put_index(&b, OP_LOCAL_GET, 1);
    put_index(&b, OP_LOCAL_GET, 0);
    test_func(m, test_type(m, "iI:Ii"), "", &b);
    put_index(&b, OP_LOCAL_GET, 0);
    put_op(&b, OP_F64_NEG);
    test_func(m, test_type(m, "F:F"), "", &b);
    put_index(&b, OP_LOCAL_GET, 0);
    put_index(&b, OP_GLOBAL_SET, 0);
    test_func(m, test_type(m, "i:"), "", &b);

    u32 nresults = roll(g, 4);
    for (u32 i = 0; i < nresults; i++) results[i] = value_types[roll(g, 4)];
    results[nresults] = '\0';
    char sig[24];
    snprintf(sig, sizeof sig, "iiiIfF:%s", results);
    u32 type = test_type(m, sig);
    g->first_sig = m->ntypes;
    g->nblocks = 1;
    g->blocks[0] = (Block){.base = shape->ndeep};
    strcpy(g->blocks[0].label, results);
    strcpy(g->blocks[0].results, results);
    for (u32 i = 0; i < shape->ndeep; i++) gen_local(g, OP_LOCAL_GET, i % 2 == 0 ? 3 : 5);
    g->budget = 300;
    gen_body(g, 5 + roll(g, 40));
    gen_need(g, results);
    gen_plain(g, OP_RETURN);
    add(g, (Item){.op = OP_END});
    test_func_filled(m, type, 'v', shape->nfiller, local_types + NPARAMS, &g->body);
}

static void random_state(State *s, u64 seed)
{
    u64 chance = seed;
    memset(s, 0, sizeof *s);
    static const f64 reals[] = {0.0, 1.0, -1.0, 0.5, 1e6, -3e9, 123456.789, -0.25};
    s->locals[0] = test_random(&chance) % 4096;
    s->locals[1] = 1 + test_random(&chance) % 5;
    s->locals[2] = (u32)test_random(&chance) >> (test_random(&chance) % 32);
    s->locals[3] = test_random(&chance) >> (test_random(&chance) % 64);
    s->locals[4] = num_bits_of_f32((f32)reals[test_random(&chance) % 8]);
    s->locals[5] = num_bits_of_f64(reals[test_random(&chance) % 8]);
    s->globals[0] = (u32)test_random(&chance);
    s->globals[1] = test_random(&chance);
    s->globals[2] = num_bits_of_f32((f32)reals[test_random(&chance) % 8]);
    s->globals[3] = num_bits_of_f64(reals[test_random(&chance) % 8]);
    for (u32 i = 0; i < MEMORY_BYTES; i += 8) {
        u64 word = (i & 64) != 0 ? 0 : test_random(&chance) & 0x3fff3f3f3f3f3f3f; /* few NaNs */
        memcpy(&s->memory[0][i], &word, 8);
        memcpy(&s->memory[1][MEMORY_BYTES - 8 - i], &word, 8);
    }
}

static u64 masked(char type, u64 cell) { return type == 'i' || type == 'f' ? (u32)cell : cell; }

static void start_from(Instance *instance, const State *start)
{
    for (u32 i = 0; i < NGLOBALS; i++) instance->global_cells[i]->i64 = start->globals[i];
    for (u32 i = 0; i < NMEMORIES; i++)
        memcpy(instance->memories[i]->base, start->memory[i], MEMORY_BYTES);
}

/* The run costs what it executes, and with less it is not finished. */
static TrapCode call_metered(TestRun *r, Instance *instance, const State *start, u64 *cells, const Eval *e, u64 seed)
{
    u64 fuel = e->trap == TRAP_NONE ? e->cost : e->cost + 100000;
    assert_true(tern_exec_fuel_set(r->x, fuel - 1));
    u64 lost[NPARAMS];
    memcpy(lost, cells, sizeof lost);
    TrapCode trap = test_call(r, instance, 3, lost);
    if (e->trap == TRAP_NONE && (trap != TRAP_FUEL || tern_exec_fuel_left(r->x) != 0))
        fail_msg("seed %llu: %s with a unit less than its cost", (unsigned long long)seed, tern_trap_text(trap));
    start_from(instance, start);
    assert_true(tern_exec_fuel_set(r->x, fuel));
    trap = test_call(r, instance, 3, cells);
    u64 used = fuel - tern_exec_fuel_left(r->x);
    if (e->trap == TRAP_NONE ? used != e->cost : used < e->cost)
        fail_msg("seed %llu: %llu units instead of %llu", (unsigned long long)seed, (unsigned long long)used,
                 (unsigned long long)e->cost);
    return trap;
}

static void compare_run(TestRun *r, Instance *instance, Gen *g, Eval *e, const State *start, State *state,
                        const char *types, u64 seed, bool is_metered, Compared *c)
{
    u64 cells[NPARAMS];
    memcpy(cells, start->locals, sizeof cells);
    start_from(instance, start);
    *state = *start;
    e->s = state;
    c->nruns++;
    u32 nresults = (u32)strlen(types);
    bool ends = eval(e, g->items, g->n, nresults);
    e->cost += (2ull * g->nfiller + NLOCALS - NPARAMS) / 8; /* clearing locals, vectors first */
    if (!ends || e->has_nan) {
        c->nskipped++;
        return;
    }
    TrapCode trap = is_metered ? call_metered(r, instance, start, cells, e, seed) : test_call(r, instance, 3, cells);
    c->ntraps += trap != TRAP_NONE;
    if (trap != e->trap)
        fail_msg("seed %llu: %s instead of %s", (unsigned long long)seed, tern_trap_text(trap),
                 tern_trap_text(e->trap));
    for (u32 i = 0; trap == TRAP_NONE && i < nresults; i++)
        if (masked(types[i], cells[i]) != masked(types[i], e->stack[e->sp - nresults + i]))
            fail_msg("seed %llu: result %u is %llx instead of %llx", (unsigned long long)seed, i,
                     (unsigned long long)cells[i], (unsigned long long)e->stack[e->sp - nresults + i]);
    for (u32 i = 0; i < NGLOBALS; i++)
        if (masked(value_types[i], instance->global_cells[i]->i64) != masked(value_types[i], state->globals[i]))
            fail_msg("seed %llu: global %u differs", (unsigned long long)seed, i);
    for (u32 i = 0; i < NMEMORIES; i++)
        if (memcmp(instance->memories[i]->base, state->memory[i], MEMORY_BYTES) != 0)
            fail_msg("seed %llu: memory %u differs", (unsigned long long)seed, i);
}

/* Is it numeric, with a row eval_numeric reads, and no vector in sight? */
static bool is_scalar(const OpInfo *info)
{
    return info->shape <= SHAPE_CMP2 && info->results[0] != OT_v128 && info->args[0] != OT_v128 &&
           info->args[1] != OT_v128;
}

static void compare_seeds(u64 from, u64 n, const Shape *shape)
{
    Gen *g = calloc(1, sizeof *g);
    Eval *e = malloc(sizeof *e);
    State *starts = malloc(3 * sizeof *starts), *state = malloc(sizeof *state);
    for (u32 op = 0; op < OP_COUNT; op++)
        if (is_scalar(&tern_op_info[op])) g->numeric[g->nnumeric++] = (Op)op;
    for (u32 i = 0; i < 3; i++) random_state(&starts[i], i);
    Compared c = {0};
    for (u64 seed = from; seed < from + n;) {
        TestRun r;
        test_run_init(&r, shape->memories_move, 4 << 20);
        Extern imports[NMEMORIES];
        MemoryType type = {.limits = {.min = 1, .max = 1, .has_max = true}, .page_log2 = 16};
        for (u32 i = 0; i < NMEMORIES; i++) {
            Diag diag = {0};
            imports[i].kind = EXTERN_MEMORY;
            imports[i].u.memory = tern_store_memory_new(r.t.store, &type, NULL, &diag);
            if (shape->memories_move) {
                MemoryOptions options = {.may_move = true, .max_pages = UINT64_MAX};
                imports[i].u.memory = tern_store_memory_new(r.t.store, &type, &options, &diag);
            }
            assert_non_null(imports[i].u.memory);
        }
        for (u32 i = 0; i < 64 && seed < from + n; i++, seed++) {
            TestModule m = {0};
            char results[4];
            generate(g, &m, seed, shape, results);
            Instance *instance = test_run_add(&r, &m, imports);
            for (u32 k = 0; k < 3; k++) compare_run(&r, instance, g, e, &starts[k], state, results, seed, shape->is_metered, &c);
        }
        test_run_done(&r);
    }
    assert_true(c.nskipped < c.nruns / 3);
    assert_true(c.ntraps < c.nruns / 3);
    free(g);
    free(e);
    free(starts);
    free(state);
}

#define SCALED(n) (TEST_IS_SANITIZED ? (n) / 8 : (n))

static void random_bodies_mean_what_they_say(void **state)
{
    (void)state;
    compare_seeds(0, SCALED(12000), &(Shape){0});
}

static void random_bodies_mean_the_same_with_explicit_checks(void **state)
{
    (void)state;
    compare_seeds(1000000, SCALED(6000), &(Shape){.memories_move = true});
}

static void random_bodies_mean_the_same_with_locals_and_operands_far_away(void **state)
{
    if (!TERN_SIMD) skip(); /* it takes vectors to go that far */
    (void)state;
    compare_seeds(2000000, SCALED(400), &(Shape){.nfiller = 40000});
    compare_seeds(3000000, SCALED(400), &(Shape){.nfiller = 24000, .ndeep = 17500});
}

static void random_bodies_cost_what_they_execute(void **state)
{
    if (!TERN_SIMD) skip(); /* it takes vectors to go far */
    (void)state;
    compare_seeds(4000000, SCALED(3000), &(Shape){.is_metered = true});
    compare_seeds(5000000, SCALED(1500), &(Shape){.is_metered = true, .memories_move = true});
    compare_seeds(6000000, SCALED(200), &(Shape){.is_metered = true, .nfiller = 40000});
}

int main(int argc, char **argv)
{
    if (argc == 3) { /* SEED COUNT: to look longer, or at one */
        compare_seeds(strtoull(argv[1], NULL, 0), strtoull(argv[2], NULL, 0), &(Shape){0});
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bodies_mean_what_they_say),
        cmocka_unit_test(random_bodies_mean_the_same_with_explicit_checks),
        cmocka_unit_test(random_bodies_mean_the_same_with_locals_and_operands_far_away),
        cmocka_unit_test(random_bodies_cost_what_they_execute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
