/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* test_module.h - modules made by a test instruction by instruction, and run.
 *
 * Sections grow side by side and are joined by test_module_bytes. Signatures are text, "iI:fF" for
 * [i32 i64] -> [f32 f64]; 'r' is funcref, 'v' v128. Include after cmocka.h.
 */
#ifndef TERN_TEST_UNIT_TEST_MODULE_H
#define TERN_TEST_UNIT_TEST_MODULE_H

#include <signal.h>

#include "binary/decode.h"
#include "interp/interp.h"
#include "runtime/guest_range.h"
#include "test_store.h"

typedef struct Bytes {
    u8 *p;
    size_t n, cap;
} Bytes;

static inline void put_byte(Bytes *b, u8 v)
{
    if (b->n == b->cap) {
        b->cap = b->cap == 0 ? 64 : b->cap * 2;
        b->p = realloc(b->p, b->cap);
        assert_non_null(b->p);
    }
    b->p[b->n++] = v;
}
static inline void put_uleb(Bytes *b, u64 v)
{
    for (; v >= 0x80; v >>= 7) put_byte(b, (u8)(v | 0x80));
    put_byte(b, (u8)v);
}
static inline void put_sleb(Bytes *b, s64 v)
{
    for (; v < -64 || v > 63; v >>= 7) put_byte(b, (u8)((u64)v | 0x80));
    put_byte(b, (u8)(v & 0x7f));
}
static inline void put_bytes(Bytes *b, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) put_byte(b, ((const u8 *)p)[i]);
}
static inline void put_text(Bytes *b, const char *text)
{
    put_uleb(b, strlen(text));
    put_bytes(b, text, strlen(text));
}
static inline void put_all(Bytes *b, const Bytes *from) { put_bytes(b, from->p, from->n); }
static inline void bytes_done(Bytes *b)
{
    free(b->p);
    *b = (Bytes){0};
}

/* Instructions. */
static inline void put_op(Bytes *b, Op op)
{
    u32 code = tern_op_info[op].code;
    if (code >> 16 == 0) {
        put_byte(b, (u8)code);
    } else {
        put_byte(b, (u8)(code >> 16));
        put_uleb(b, code & 0xffff);
    }
}
static inline void put_index(Bytes *b, Op op, u64 index)
{
    put_op(b, op);
    put_uleb(b, index);
}
static inline void put_i32(Bytes *b, u32 v)
{
    put_op(b, OP_I32_CONST);
    put_sleb(b, (s32)v);
}
static inline void put_i64(Bytes *b, u64 v)
{
    put_op(b, OP_I64_CONST);
    put_sleb(b, (s64)v);
}
static inline void put_const(Bytes *b, u8 code, u64 bits)
{
    if (code == VT_I32) {
        put_i32(b, (u32)bits);
    } else if (code == VT_I64) {
        put_i64(b, bits);
    } else if (code == VT_F32) {
        put_op(b, OP_F32_CONST);
        put_bytes(b, &bits, 4); /* little-endian hosts, as all that run the tests */
    } else {
        put_op(b, OP_F64_CONST);
        put_bytes(b, &bits, 8);
    }
}
static inline void put_access(Bytes *b, Op op, u32 memory, u64 offset)
{
    put_op(b, op);
    put_byte(b, memory == 0 ? 0 : 0x40);
    if (memory != 0) put_uleb(b, memory);
    put_uleb(b, offset);
}
/* A block without parameters or results. */
static inline void put_block(Bytes *b, Op op)
{
    put_op(b, op);
    put_byte(b, 0x40);
}

typedef struct TestModule {
    Bytes types, imports, funcs, tables, memories, tags, globals, exports, elems, codes;
    u32 ntypes, nimports, nfuncs, ntables, nmemories, ntags, nglobals, nexports, nelems, ncodes, nall_funcs;
} TestModule;

static inline u8 value_code(char c)
{
    return c == 'i' ? VT_I32 : c == 'I' ? VT_I64 : c == 'f' ? VT_F32 : c == 'F' ? VT_F64
         : c == 'v' ? VT_V128 : 0x70;
}

static inline u32 test_type(TestModule *m, const char *sig)
{
    const char *colon = strchr(sig, ':');
    put_byte(&m->types, 0x60);
    put_uleb(&m->types, (u64)(colon - sig));
    for (const char *c = sig; c < colon; c++) put_byte(&m->types, value_code(*c));
    put_uleb(&m->types, strlen(colon + 1));
    for (const char *c = colon + 1; *c != '\0'; c++) put_byte(&m->types, value_code(*c));
    return m->ntypes++;
}

static inline void put_limits(Bytes *b, u64 min, u64 max, bool is_64)
{
    put_byte(b, (u8)((max != UINT64_MAX ? 1 : 0) | (is_64 ? 4 : 0)));
    put_uleb(b, min);
    if (max != UINT64_MAX) put_uleb(b, max);
}

static inline void put_import(TestModule *m, u8 kind)
{
    put_text(&m->imports, "m");
    put_text(&m->imports, "n");
    put_byte(&m->imports, kind);
    m->nimports++;
}
static inline u32 test_import_func(TestModule *m, u32 type)
{
    put_import(m, 0);
    put_uleb(&m->imports, type);
    return m->nall_funcs++;
}
static inline void test_import_memory(TestModule *m, u64 min, u64 max)
{
    put_import(m, 2);
    put_limits(&m->imports, min, max, false);
}
static inline void test_import_table(TestModule *m, u64 min)
{
    put_import(m, 1);
    put_byte(&m->imports, 0x70);
    put_limits(&m->imports, min, UINT64_MAX, false);
}
static inline void test_memory(TestModule *m, u64 min, u64 max, bool is_64)
{
    put_limits(&m->memories, min, max, is_64);
    m->nmemories++;
}
static inline void test_import_tag(TestModule *m, u32 type)
{
    put_import(m, 4);
    put_byte(&m->imports, 0);
    put_uleb(&m->imports, type);
}
static inline void test_tag(TestModule *m, u32 type)
{
    put_byte(&m->tags, 0);
    put_uleb(&m->tags, type);
    m->ntags++;
}
static inline void test_table(TestModule *m, u64 min)
{
    put_byte(&m->tables, 0x70);
    put_limits(&m->tables, min, UINT64_MAX, false);
    m->ntables++;
}
static inline void test_global(TestModule *m, u8 code, u64 bits)
{
    put_byte(&m->globals, code);
    put_byte(&m->globals, 1);
    put_const(&m->globals, code, bits);
    put_op(&m->globals, OP_END);
    m->nglobals++;
}
/* Element `at` of table 0 is func. */
static inline void test_elem(TestModule *m, u32 at, u32 func)
{
    put_byte(&m->elems, 0);
    put_i32(&m->elems, at);
    put_op(&m->elems, OP_END);
    put_byte(&m->elems, 1);
    put_uleb(&m->elems, func);
    m->nelems++;
}
static inline void test_export(TestModule *m, const char *name, u8 kind, u32 index)
{
    put_text(&m->exports, name);
    put_byte(&m->exports, kind);
    put_uleb(&m->exports, index);
    m->nexports++;
}

/* A function with that body, whose end is added; body is freed. locals are value letters; nfiller locals of
 * the type filler come before them. */
static inline u32 test_func_filled(TestModule *m, u32 type, char filler, u32 nfiller, const char *locals,
                                   Bytes *body)
{
    Bytes code = {0};
    put_uleb(&code, strlen(locals) + (nfiller > 0));
    if (nfiller > 0) {
        put_uleb(&code, nfiller);
        put_byte(&code, value_code(filler));
    }
    for (const char *c = locals; *c != '\0'; c++) {
        put_byte(&code, 1);
        put_byte(&code, value_code(*c));
    }
    put_all(&code, body);
    put_op(&code, OP_END);
    put_uleb(&m->funcs, type);
    m->nfuncs++;
    put_uleb(&m->codes, code.n);
    put_all(&m->codes, &code);
    m->ncodes++;
    bytes_done(&code);
    bytes_done(body);
    return m->nall_funcs++;
}
static inline u32 test_func(TestModule *m, u32 type, const char *locals, Bytes *body)
{
    return test_func_filled(m, type, 0, 0, locals, body);
}

static inline void put_section(Bytes *out, u8 id, u32 count, const Bytes *content)
{
    if (count == 0) return;
    Bytes section = {0};
    put_uleb(&section, count);
    put_all(&section, content);
    put_byte(out, id);
    put_uleb(out, section.n);
    put_all(out, &section);
    bytes_done(&section);
}

/* Joins the sections; m is empty afterwards. */
static inline Bytes test_module_bytes(TestModule *m)
{
    Bytes out = {0};
    put_bytes(&out, "\0asm\1\0\0", 8);
    put_section(&out, 1, m->ntypes, &m->types);
    put_section(&out, 2, m->nimports, &m->imports);
    put_section(&out, 3, m->nfuncs, &m->funcs);
    put_section(&out, 4, m->ntables, &m->tables);
    put_section(&out, 5, m->nmemories, &m->memories);
    put_section(&out, 13, m->ntags, &m->tags);
    put_section(&out, 6, m->nglobals, &m->globals);
    put_section(&out, 7, m->nexports, &m->exports);
    put_section(&out, 9, m->nelems, &m->elems);
    put_section(&out, 10, m->ncodes, &m->codes);
    Bytes *all[] = {&m->tags, &m->types, &m->imports, &m->funcs, &m->tables, &m->memories,
                    &m->globals, &m->exports, &m->elems, &m->codes};
    for (size_t i = 0; i < COUNT_OF(all); i++) bytes_done(all[i]);
    *m = (TestModule){0};
    return out;
}

/* A store with an Exec in it. */
typedef struct TestRun {
    TestStore t;
    Exec *x;
} TestRun;

/* cmocka sets its own fault handlers around every test: the port's must come back. */
static inline void test_keep_fault_handler(void)
{
    static struct sigaction ours;
    static bool is_known;
    if (!tern_port_fault_init()) return;
    if (is_known) {
        sigaction(SIGSEGV, &ours, NULL);
    } else {
        sigaction(SIGSEGV, NULL, &ours);
    }
    is_known = true;
}

static inline void test_run_init(TestRun *r, bool memories_move, size_t stack_bytes)
{
    *r = (TestRun){0};
    test_keep_fault_handler();
    test_store_init(&r->t, &tern_interp_tier);
    r->t.engine->options.memories_move = memories_move;
    r->x = tern_exec_new(r->t.store, stack_bytes);
    assert_non_null(r->x);
}

/* Instantiates m. The store holds the module from then on. */
static inline Instance *test_run_add(TestRun *r, TestModule *m, const Extern *imports)
{
    Bytes bytes = test_module_bytes(m);
    DecodeOptions options = {.features = FEATURES_ALL, .copy_bytes = true};
    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    Module *module =
        tern_module_decode(r->t.engine->types, &r->t.alloc.base, bytes.p, bytes.n, &options, &diag);
    Instance *instance =
        module != NULL ? tern_instance_new(r->t.store, module, imports, NULL, &diag, &trap) : NULL;
    if (instance == NULL) {
        char text[200];
        tern_diag_format(&diag, text, sizeof text);
        fail_msg("%s", text);
    }
    tern_module_release(module);
    bytes_done(&bytes);
    return instance;
}

static inline void test_run_done(TestRun *r)
{
    tern_exec_free(r->x);
    test_store_done(&r->t);
}

static inline TrapCode test_call(TestRun *r, Instance *instance, u32 func, u64 *cells)
{
    FuncInst *f = tern_instance_func(instance, func);
    assert_non_null(f);
    return tern_exec_call(r->x, f, cells, cells);
}

/* Where in the module an instruction is that lies `at` bytes into a body whose locals vector takes
 * `locals_bytes`. */
static inline u32 test_offset(const Instance *instance, u32 func, u32 locals_bytes, size_t at)
{
    return instance->module->funcs[func].body_offset + locals_bytes + (u32)at;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_IS_SANITIZED 1
#endif
#endif
#ifndef TEST_IS_SANITIZED
#define TEST_IS_SANITIZED 0
#endif

#endif
