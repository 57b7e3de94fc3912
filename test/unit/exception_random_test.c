/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exception_random_test.c - random programs of nested tries of both encodings, branches, throws and calls, run
 * and compared with the same program evaluated as a tree.
 *
 * Programs have no loops and functions call earlier ones only, so that all end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test_module.h"

enum { NLOCALS = 4, NFUNCS = 3, NTAGS = 3, MAX_NODES = 400, MAX_DEPTH = 24, EXNREF = 0x69 };

typedef enum Kind {
    SET,     /* a = b op k */
    THROW,   /* tag, payload local a */
    BRANCH,  /* k levels out */
    RETHROW, /* k levels out */
    CALL,    /* a = func(b, c) */
    AROUND,  /* a = b (read before) + a (read behind), around the children */
    IF,      /* local a is odd */
    TRY_TABLE,
    TRY,
} Kind;

/* TRY_TABLE: clause kind k, tags tag and tag2; payload goes to local a; b: with a reference, thrown again if that
 * local is odd. TRY: handlers for tag (payload to local a), and if b for all; if c, delegate k instead. */
typedef struct Node {
    Kind kind;
    u32 a, b, c, k, tag, tag2;
    u32 func;
    struct Node *body, *handler, *all, *next;
} Node;

typedef enum Label { PLAIN, WITH_VALUE, IN_CATCH } Label;

typedef struct Gen {
    u64 random;
    u32 nnodes, func;
    Node nodes[MAX_NODES];
    Label labels[MAX_DEPTH]; /* open blocks, outermost first */
    u32 depth;
    Node *funcs[NFUNCS];
} Gen;

static u32 pick(Gen *g, u32 n) { return (u32)(test_random(&g->random) % n); }

/* --- making ------------------------------------------------------------------------------------------- */

static Node *make_list(Gen *g, u32 n);

static Node *inside(Gen *g, Label label, u32 n)
{
    g->labels[g->depth++] = label;
    Node *list = make_list(g, n);
    g->depth--;
    return list;
}

/* A random open block of that kind, as a depth; false if there is none. */
static bool pick_label(Gen *g, bool is_rethrow, u32 *depth)
{
    for (u32 tries = 0; tries < 4 && g->depth > 0; tries++) {
        *depth = pick(g, g->depth);
        Label label = g->labels[g->depth - 1 - *depth];
        if (is_rethrow ? label == IN_CATCH : label != WITH_VALUE) return true;
    }
    return false;
}

static void make_node(Gen *g, Node *n)
{
    *n = (Node){.a = pick(g, NLOCALS), .b = pick(g, NLOCALS), .c = pick(g, NLOCALS), .k = pick(g, 100),
                .tag = pick(g, NTAGS), .tag2 = pick(g, NTAGS)};
    u32 size = pick(g, 4) + 1;
    bool may_nest = g->depth + 4 < MAX_DEPTH && g->depth < 10;
    switch (pick(g, 14)) {
    case 0: n->kind = THROW; return;
    case 1:
        if (pick_label(g, false, &n->k)) n->kind = BRANCH;
        return;
    case 2:
        if (pick_label(g, true, &n->k)) n->kind = RETHROW;
        return;
    case 3: case 4:
        if (g->func == 0) return;
        n->kind = CALL;
        n->func = pick(g, g->func);
        return;
    case 5:
        n->kind = AROUND;
        n->body = make_list(g, size);
        return;
    case 6: case 7: case 8:
        if (!may_nest) return;
        n->kind = IF;
        n->body = inside(g, PLAIN, size);
        return;
    case 9: case 10:
        if (!may_nest) return;
        n->kind = TRY_TABLE;
        n->k = pick(g, 4);
        g->labels[g->depth++] = n->k == 2 ? PLAIN : WITH_VALUE;
        n->body = inside(g, PLAIN, size);
        g->depth--;
        return;
    case 11: case 12:
        if (!may_nest) return;
        n->kind = TRY;
        n->body = inside(g, PLAIN, size);
        n->c = pick(g, 4) == 0;
        if (n->c) {
            n->k = pick(g, g->depth + 1);
            return;
        }
        n->handler = inside(g, IN_CATCH, size);
        n->b = pick(g, 2);
        if (n->b) n->all = inside(g, IN_CATCH, 2);
        return;
    default: return;
    }
}

static Node *make_list(Gen *g, u32 n)
{
    Node *first = NULL, **last = &first;
    for (u32 i = 0; i < n && g->nnodes < MAX_NODES; i++) {
        Node *node = &g->nodes[g->nnodes++];
        make_node(g, node);
        *last = node;
        last = &node->next;
    }
    return first;
}

/* --- writing ------------------------------------------------------------------------------------------ */

enum { TYPE_FUNC, TYPE_TAG, TYPE_I32_EXN }; /* in the module */

static void write_list(Bytes *b, const Node *n);

static void write_try_table(Bytes *b, const Node *n)
{
    static const u8 block_types[] = {VT_I32, TYPE_I32_EXN, 0x40, EXNREF};
    put_op(b, OP_BLOCK);
    put_byte(b, block_types[n->k]);
    put_op(b, OP_TRY_TABLE);
    put_byte(b, 0x40);
    u32 nclauses = n->k < 2 && n->tag2 != n->tag ? 2 : 1;
    put_uleb(b, nclauses);
    for (u32 i = 0; i < nclauses; i++) {
        put_byte(b, (u8)n->k);
        if (n->k < 2) put_uleb(b, i == 0 ? n->tag : n->tag2);
        put_uleb(b, 0);
    }
    write_list(b, n->body);
    put_op(b, OP_END);
    if (n->k < 2) put_i32(b, 77);
    if (n->k & 1) {
        put_op(b, OP_REF_NULL);
        put_byte(b, EXNREF);
    }
    put_op(b, OP_END);
    if (n->k & 1) { /* thrown again if local b is odd and there is one */
        put_index(b, OP_LOCAL_SET, NLOCALS);
        put_index(b, OP_LOCAL_GET, NLOCALS);
        put_op(b, OP_REF_IS_NULL);
        put_op(b, OP_I32_EQZ);
        put_index(b, OP_LOCAL_GET, n->b);
        put_op(b, OP_I32_AND);
        put_block(b, OP_IF);
        put_index(b, OP_LOCAL_GET, NLOCALS);
        put_op(b, OP_THROW_REF);
        put_op(b, OP_END);
    }
    if (n->k < 2) put_index(b, OP_LOCAL_SET, n->a);
}

static void write_node(Bytes *b, const Node *n)
{
    switch (n->kind) {
    case SET:
        put_index(b, OP_LOCAL_GET, n->b);
        put_i32(b, n->k);
        put_op(b, OP_I32_ADD);
        put_index(b, OP_LOCAL_SET, n->a);
        return;
    case THROW:
        put_index(b, OP_LOCAL_GET, n->a);
        put_index(b, OP_THROW, n->tag);
        return;
    case BRANCH: put_index(b, OP_BR, n->k); return;
    case RETHROW: put_index(b, OP_RETHROW, n->k); return;
    case CALL:
        put_index(b, OP_LOCAL_GET, n->b);
        put_index(b, OP_LOCAL_GET, n->c);
        put_index(b, OP_CALL, n->func);
        put_index(b, OP_LOCAL_SET, n->a);
        return;
    case AROUND:
        put_index(b, OP_LOCAL_GET, n->b);
        write_list(b, n->body);
        put_index(b, OP_LOCAL_GET, n->a);
        put_op(b, OP_I32_ADD);
        put_index(b, OP_LOCAL_SET, n->a);
        return;
    case IF:
        put_index(b, OP_LOCAL_GET, n->a);
        put_i32(b, 1);
        put_op(b, OP_I32_AND);
        put_block(b, OP_IF);
        write_list(b, n->body);
        put_op(b, OP_END);
        return;
    case TRY_TABLE: write_try_table(b, n); return;
    case TRY:
        put_block(b, OP_TRY);
        write_list(b, n->body);
        if (n->c) {
            put_index(b, OP_DELEGATE, n->k);
            return;
        }
        put_index(b, OP_CATCH, n->tag);
        put_index(b, OP_LOCAL_SET, n->a);
        write_list(b, n->handler);
        if (n->b) {
            put_op(b, OP_CATCH_ALL);
            write_list(b, n->all);
        }
        put_op(b, OP_END);
        return;
    }
}

static void write_list(Bytes *b, const Node *n)
{
    for (; n != NULL; n = n->next) write_node(b, n);
}

/* --- evaluating ---------------------------------------------------------------------------------------- */

typedef struct Outcome {
    enum { GO, LEAVE, THROWN } what;
    u32 levels; /* LEAVE: blocks yet to leave; THROWN: blocks whose handlers are skipped */
    u32 tag, payload;
} Outcome;

typedef struct Frame {
    const Gen *g;
    u32 locals[NLOCALS];
    Outcome caught[MAX_DEPTH]; /* by the handlers the evaluation is in, by depth */
    u32 depth;
} Frame;

static Outcome eval_list(Frame *f, const Node *n);

static Outcome eval_func(const Gen *g, u32 func, u32 a, u32 b, u32 *result)
{
    Frame f = {.g = g, .locals = {a, b}};
    Outcome o = eval_list(&f, g->funcs[func]);
    *result = 0;
    for (u32 i = 0; i < NLOCALS; i++) *result = *result * 31 + f.locals[i];
    if (o.what == LEAVE) o.what = GO;
    if (o.what == THROWN) o.levels = 0;
    return o;
}

/* What is left of an outcome outside of the block. */
static Outcome outside(Outcome o)
{
    if (o.what == LEAVE && o.levels == 0) return (Outcome){GO, 0, 0, 0};
    if (o.what != GO && o.levels > 0) o.levels--;
    return o;
}

static Outcome eval_block(Frame *f, const Node *n)
{
    f->depth++;
    Outcome o = eval_list(f, n);
    f->depth--;
    return o;
}

static Outcome eval_handler(Frame *f, Outcome caught, const Node *n)
{
    f->caught[f->depth] = caught;
    return outside(eval_block(f, n));
}

static Outcome eval_try_table(Frame *f, const Node *n)
{
    f->depth++;
    Outcome o = eval_block(f, n->body);
    bool is_caught = o.what == THROWN && o.levels == 0 && (n->k >= 2 || o.tag == n->tag || o.tag == n->tag2);
    f->depth--;
    if (!is_caught) {
        o = outside(outside(o)); /* the try and the block around it */
        if (o.what == GO && n->k < 2) f->locals[n->a] = 77;
        return o;
    }
    /* The payload lies below the exception, which may be thrown again first. */
    if ((n->k & 1) && (f->locals[n->b] & 1)) return o;
    if (n->k < 2) f->locals[n->a] = o.payload;
    return (Outcome){GO, 0, 0, 0};
}

static Outcome eval_try(Frame *f, const Node *n)
{
    Outcome o = eval_block(f, n->body);
    if (o.what == THROWN && o.levels == 0) {
        o.levels = 0;
        if (n->c) {
            o.levels = n->k;
            return o;
        }
        if (o.tag == n->tag) {
            f->locals[n->a] = o.payload;
            return eval_handler(f, o, n->handler);
        }
        if (n->b) return eval_handler(f, o, n->all);
        return o;
    }
    return outside(o);
}

static Outcome eval_node(Frame *f, const Node *n)
{
    Outcome o = {GO, 0, 0, 0};
    u32 before;
    switch (n->kind) {
    case SET: f->locals[n->a] = f->locals[n->b] + n->k; return o;
    case THROW: return (Outcome){THROWN, 0, n->tag, f->locals[n->a]};
    case BRANCH: return (Outcome){LEAVE, n->k, 0, 0};
    case RETHROW: return f->caught[f->depth - 1 - n->k];
    case CALL: o = eval_func(f->g, n->func, f->locals[n->b], f->locals[n->c], &before);
        if (o.what == GO) f->locals[n->a] = before;
        return o;
    case AROUND:
        before = f->locals[n->b];
        o = eval_list(f, n->body);
        if (o.what == GO) f->locals[n->a] += before;
        return o;
    case IF: return f->locals[n->a] & 1 ? outside(eval_block(f, n->body)) : o;
    case TRY_TABLE: return eval_try_table(f, n);
    case TRY: return eval_try(f, n);
    }
    return o;
}

static Outcome eval_list(Frame *f, const Node *n)
{
    Outcome o = {GO, 0, 0, 0};
    for (; n != NULL && o.what == GO; n = n->next) o = eval_node(f, n);
    return o;
}

/* --- both ------------------------------------------------------------------------------------------------ */

static void add_func(TestModule *m, const Node *list)
{
    Bytes code = {0};
    put_uleb(&code, 2);
    put_uleb(&code, NLOCALS - 2);
    put_byte(&code, VT_I32);
    put_uleb(&code, 1);
    put_byte(&code, EXNREF);
    put_block(&code, OP_BLOCK);
    write_list(&code, list);
    put_op(&code, OP_END);
    put_i32(&code, 0);
    for (u32 i = 0; i < NLOCALS; i++) {
        put_i32(&code, 31);
        put_op(&code, OP_I32_MUL);
        put_index(&code, OP_LOCAL_GET, i);
        put_op(&code, OP_I32_ADD);
    }
    put_op(&code, OP_END);
    put_uleb(&m->funcs, TYPE_FUNC);
    m->nfuncs++;
    put_uleb(&m->codes, code.n);
    put_all(&m->codes, &code);
    m->ncodes++;
    m->nall_funcs++;
    bytes_done(&code);
}

static void random_programs_do_what_their_tree_says(void **state)
{
    (void)state;
    static Gen g;
    u32 ncaught = 0;
    for (u32 seed = 0; seed < (TEST_IS_SANITIZED ? 300 : 3000); seed++) {
        g = (Gen){.random = seed};
        TestModule m = {0};
        test_type(&m, "ii:i");
        test_type(&m, "i:");
        put_byte(&m.types, 0x60);
        put_uleb(&m.types, 0);
        put_uleb(&m.types, 2);
        put_byte(&m.types, VT_I32);
        put_byte(&m.types, EXNREF);
        m.ntypes++;
        for (u32 i = 0; i < NTAGS; i++) test_tag(&m, TYPE_TAG);
        for (g.func = 0; g.func < NFUNCS; g.func++) {
            g.funcs[g.func] = inside(&g, PLAIN, 6);
            add_func(&m, g.funcs[g.func]);
        }
        TestRun r;
        test_run_init(&r, true, 0);
        r.t.engine->options.gc_stress = seed % 8 == 0;
        Instance *instance = test_run_add(&r, &m, NULL);
        for (u32 args = 0; args < 4 * NFUNCS; args++) {
            u64 cells[2] = {args & 1, args >> 1 & 1};
            u32 result, func = args / 4;
            Outcome o = eval_func(&g, func, (u32)cells[0], (u32)cells[1], &result);
            TrapCode code = test_call(&r, instance, func, cells);
            TrapCode expected = o.what == THROWN ? TRAP_UNCAUGHT_EXCEPTION : TRAP_NONE;
            if (code != expected || (code == TRAP_NONE && cells[0] != result))
                fail_msg("seed %u, function %u, arguments %u: %s and %u instead of %s and %u", seed, func, args & 3,
                         tern_trap_text(code), (u32)cells[0], tern_trap_text(expected), result);
            ncaught += code == TRAP_NONE;
        }
        test_run_done(&r);
    }
    assert_true(ncaught > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_programs_do_what_their_tree_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
