/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* emit.h - bytes of modules, instruction by instruction, for the generated tests of test/ops. */
#ifndef TERN_TEST_OPS_EMIT_H
#define TERN_TEST_OPS_EMIT_H

#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

typedef struct Bytes {
    u8 *p;
    size_t n, cap;
} Bytes;

static inline void put_bytes(Bytes *b, const void *p, size_t n)
{
    if (n == 0) return;
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n) + 64;
        b->p = realloc(b->p, b->cap);
        if (b->p == NULL) abort();
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}
static inline void put_byte(Bytes *b, u8 v) { put_bytes(b, &v, 1); }
static inline void put_u32(Bytes *b, u32 v)
{
    for (u32 i = 0; i < 4; i++) put_byte(b, (u8)(v >> 8 * i));
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
static inline void put_name(Bytes *b, const char *text)
{
    put_uleb(b, strlen(text));
    put_bytes(b, text, strlen(text));
}
static inline void bytes_done(Bytes *b)
{
    free(b->p);
    *b = (Bytes){0};
}

/* A vector with its length in bytes before it, as sections and bodies have; content is freed. */
static inline void put_sized(Bytes *b, Bytes *content)
{
    put_uleb(b, content->n);
    put_bytes(b, content->p, content->n);
    bytes_done(content);
}
static inline void put_section(Bytes *b, u8 id, Bytes *content)
{
    put_byte(b, id);
    put_sized(b, content);
}

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

/* A value of any type: the low bytes of bits. */
typedef struct Bits {
    u64 c[2];
} Bits;

static inline void put_const(Bytes *b, OpType type, Bits v)
{
    switch (type) {
    case OT_i64:
        put_op(b, OP_I64_CONST);
        put_sleb(b, (s64)v.c[0]);
        break;
    case OT_f32:
        put_op(b, OP_F32_CONST);
        put_u32(b, (u32)v.c[0]);
        break;
    case OT_f64:
        put_op(b, OP_F64_CONST);
        for (u32 i = 0; i < 2; i++) put_u32(b, (u32)(v.c[0] >> 32 * i));
        break;
    case OT_v128:
        put_op(b, OP_V128_CONST);
        for (u32 i = 0; i < 4; i++) put_u32(b, (u32)(v.c[i / 2] >> 32 * (i % 2)));
        break;
    default: put_i32(b, (u32)v.c[0]); break;
    }
}

static inline u8 type_code(OpType type)
{
    static const u8 codes[] = {0x40, 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x7f};
    return codes[type];
}

/* tern_op_of_text, which is a search, remembered: texts have few words, and there are many of them. */
static inline Op op_of_word(const char *word)
{
    static Op known[512];
    u32 h = 0;
    for (const char *p = word; *p != '\0'; p++) h = h * 31 + (u8)*p;
    Op *op = &known[h % COUNT_OF(known)];
    if (*op == OP_NONE || strcmp(tern_op_info[*op].text, word) != 0) *op = tern_op_of_text(word);
    return *op;
}

/* Instructions as text: names, each followed by its immediates as numbers. Constants and negative numbers are
 * signed, all others unsigned; own stands for `$`. Aborts on a word that is no instruction. */
static inline void put_text(Bytes *b, const char *text, Op own)
{
    bool is_signed = false;
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, " ");
        char word[48];
        if (n >= sizeof word) abort();
        memcpy(word, p, n);
        word[n] = '\0';
        p += n + strspn(p + n, " ");
        if (word[0] == '-' || (word[0] >= '0' && word[0] <= '9')) {
            long long v = strtoll(word, NULL, 0);
            if (is_signed || v < 0) {
                put_sleb(b, v);
            } else {
                put_uleb(b, (u64)v);
            }
            continue;
        }
        Op op = strcmp(word, "$") == 0 ? own : op_of_word(word);
        if (op == OP_NONE) abort();
        put_op(b, op);
        is_signed = tern_op_info[op].shape == SHAPE_CONST;
    }
}

#endif
