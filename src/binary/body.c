/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* body.c - one function body: locals, then instruction after instruction to the final end.
 *
 * step() decodes any instruction: opcode, feature, immediates, typing, sink. In front of it skim()
 * has shortcuts for the few shapes that make up most of real code. A shortcut only ever accepts
 * what step() would accept, and does nothing otherwise: step() then decides, and alone says what is
 * wrong.
 *
 * Nothing is allocated per instruction, and the time is linear in the body's size times the longest
 * type.
 */
#include "binary/body.h"
#include "binary/decode.h"
#include "ops/simd.h"

#include <stdio.h>

/* --- scratch -------------------------------------------------------------------------------- */

BodyScratch *tern_body_scratch_new(Alloc *alloc)
{
    BodyScratch *s = tern_alloc_zeroed(alloc, 1, sizeof *s);
    if (s == NULL) return NULL;
    s->alloc = alloc;
    tern_arena_init(&s->arena, alloc);
    return s;
}

void tern_body_scratch_free(BodyScratch *s)
{
    if (s == NULL) return;
    vec_free(&s->stack, s->alloc);
    vec_free(&s->ctrls, s->alloc);
    vec_free(&s->runs, s->alloc);
    vec_free(&s->flat, s->alloc);
    vec_free(&s->inits, s->alloc);
    vec_free(&s->init_epoch, s->alloc);
    vec_free(&s->targets, s->alloc);
    vec_free(&s->catches, s->alloc);
    tern_map_free(&s->block_types, s->alloc);
    tern_arena_done(&s->arena);
    tern_free(s->alloc, s, sizeof *s);
}

u64 tern_body_scratch_used(const BodyScratch *s) { return s->used; }

/* --- failures ------------------------------------------------------------------------------- */

bool tern_body_fail_plain(Body *b, DiagCode code) { return tern_decoder_fail_plain(&b->d, b->at, code); }

bool tern_body_fail_number(Body *b, DiagCode code, u64 number)
{
    return tern_decoder_fail_number(&b->d, b->at, code, number);
}

bool tern_body_no_memory(Body *b) { return body_fail(b, DIAG_NO_MEMORY, NULL); }

enum { MAX_NAMES = 6 };

/* Appends "[i32 i64]"; long lists are cut. */
static void name_list(char *buf, size_t size, const ValType *types, u32 n)
{
    size_t length = strlen(buf);
    const char *before = "[";
    if (n == 0) snprintf(buf + length, size - length, "[");
    for (u32 i = 0; i < n; i++) {
        char name[48];
        bool is_cut = n > MAX_NAMES && i == MAX_NAMES - 1;
        snprintf(buf + length, size - length, "%s%s", before,
                 is_cut ? "..." : tern_types_name(types[i], name, sizeof name));
        length += strlen(buf + length);
        if (is_cut) break;
        before = " ";
    }
    length = strlen(buf);
    snprintf(buf + length, size - length, "]");
}

bool tern_body_mismatch(Body *b, bool is_block, const ValType *want, u32 n)
{
    if (!TERN_DETAILS) return tern_body_fail_plain(b, DIAG_TYPE_MISMATCH);
    char need[100] = "", have[100] = "";
    size_t height = (size_t)(b->sp - b->base);
    u32 nhave = is_block || height < n ? (u32)height : n; /* of a block all is shown */
    name_list(need, sizeof need, want, n);
    name_list(have, sizeof have, b->sp - nhave, nhave);
    return body_fail(b, DIAG_TYPE_MISMATCH, "%s requires %s but stack has %s (%s)",
                     is_block ? "block" : "instruction", need, have, tern_op_info[b->in.op].text);
}

/* --- the operand stack ---------------------------------------------------------------------- */

bool tern_body_reserve_slow(Body *b, u32 n)
{
    ValTypeVec *stack = &b->s->stack;
    size_t sp = (size_t)(b->sp - stack->items), base = (size_t)(b->base - stack->items);
    stack->n = (u32)sp;
    if (n > UINT32_MAX - STACK_SLACK || !vec_reserve(stack, b->s->alloc, n + STACK_SLACK))
        return tern_body_no_memory(b);
    b->sp = stack->items + sp;
    b->base = stack->items + base;
    b->stack_end = stack->items + stack->cap;
    return true;
}

bool tern_body_pop_slow(Body *b, ValType want)
{
    if (b->sp == b->base) return b->ctrl->unreachable || tern_body_mismatch(b, false, &want, 1);
    if (!matches(b, b->sp[-1], want)) return tern_body_mismatch(b, false, &want, 1);
    b->sp--;
    return true;
}

bool tern_body_pop_any(Body *b, ValType *out)
{
    *out = VT_BOT;
    if (b->sp > b->base) {
        *out = *--b->sp;
        return true;
    }
    if (b->ctrl->unreachable) return true;
    return body_fail(b, DIAG_TYPE_MISMATCH, "instruction requires an operand but stack has [] (%s)",
                     tern_op_info[b->in.op].text);
}

bool tern_body_pop_ref(Body *b, ValType *out)
{
    if (!tern_body_pop_any(b, out)) return false;
    if (*out == VT_BOT) *out = vt_abstract(HEAP_BOT, false);
    if (vt_is_ref(*out)) return true;
    char name[48];
    return body_fail(b, DIAG_TYPE_MISMATCH,
                     "instruction requires a reference but stack has [%s] (%s)",
                     tern_types_name(*out, name, sizeof name), tern_op_info[b->in.op].text);
}

bool tern_body_check_top(Body *b, const ValType *types, u32 n)
{
    u32 height = (u32)(b->sp - b->base), nhere = height < n ? height : n;
    if (nhere < n && !b->ctrl->unreachable) return tern_body_mismatch(b, false, types, n);
    const ValType *have = b->sp - nhere, *want = types + (n - nhere);
    if (nhere > 4 && memcmp(have, want, nhere * sizeof *have) == 0)
        return true; /* long lists: mostly equal */
    for (u32 i = 0; i < nhere; i++) {
        if (matches(b, have[i], want[i])) continue;
        if (n <= MAX_NAMES) return tern_body_mismatch(b, false, types, n);
        b->sp = b->sp - nhere + i + 1; /* the list would be cut: only what is wrong */
        return tern_body_mismatch(b, false, &want[i], 1);
    }
    return true;
}

bool tern_body_pop_list(Body *b, const ValType *types, u32 n)
{
    if (!tern_body_check_top(b, types, n)) return false;
    size_t height = (size_t)(b->sp - b->base);
    b->sp -= height < n ? height : n;
    return true;
}

bool tern_body_push_list(Body *b, const ValType *types, u32 n)
{
    if (!reserve(b, n)) return false;
    if (n > 4) {
        b->ncarried += n >= LONG_LIST ? n : 0;
        if (UNLIKELY(b->ncarried > MAX_CARRIED))
            return body_fail(b, DIAG_LIMIT, "more than %u operands in long lists", MAX_CARRIED);
        memcpy(b->sp, types, n * sizeof *types);
        b->sp += n;
        return true;
    }
    for (u32 i = 0; i < n; i++) push(b, types[i]);
    return true;
}

/* --- locals --------------------------------------------------------------------------------- */

ValType tern_body_local_type(const Body *b, u32 local_index)
{
    if (LIKELY(local_index < b->nflat)) return b->s->flat.items[local_index];
    if (local_index < b->sig->nparams) return b->sig->params[local_index];
    const LocalRun *runs = b->s->runs.items;
    u32 low = 0, high = b->s->runs.n - 1;
    while (low < high) { /* the first run that ends past the index */
        u32 middle = (low + high) / 2;
        if (runs[middle].end > local_index)
            high = middle;
        else
            low = middle + 1;
    }
    return runs[low].type;
}

static bool add_run(Body *b, u32 n, ValType type)
{
    b->nlocals += n;
    LocalRun run = {.end = b->nlocals, .type = type};
    return vec_push(&b->s->runs, b->s->alloc, run) || tern_body_no_memory(b);
}

/* Lists the first n locals one by one. */
static bool flatten(Body *b, u32 n)
{
    ValTypeVec *flat = &b->s->flat;
    flat->n = 0;
    if (!vec_reserve(flat, b->s->alloc, n)) return tern_body_no_memory(b);
    const LocalRun *run = b->s->runs.items;
    u32 nparams = n < b->sig->nparams ? n : b->sig->nparams;
    if (nparams > 0) memcpy(flat->items, b->sig->params, nparams * sizeof *flat->items);
    for (u32 i = nparams; i < n; i++) {
        while (run->end <= i) run++;
        flat->items[i] = run->type;
    }
    b->nflat = n;
    return true;
}

/* Parameters and the locals vector (spec 5.4.13). A body of ten bytes may declare every local there
 * may be, so only about as many as the body has bytes are listed, and the others are found by their
 * run. */
static bool read_locals(Body *b)
{
    const FuncType *sig = b->sig;
    u64 body_size = (u64)(b->body_end - b->d.c.p);
    b->s->runs.n = 0;
    b->nlocals = sig->nparams;

    u32 ngroups;
    u64 total = sig->nparams;
    bool has_undefaulted = false;
    if (!tern_decode_count(&b->d, &ngroups)) return false;
    for (u32 i = 0; i < ngroups; i++) {
        u32 n;
        ValType type;
        b->at = b->d.c.p;
        if (!read_u32(&b->d, &n)) return false;
        total += n;
        if (total > UINT32_MAX)
            return tern_body_fail_number(b, DIAG_TOO_MANY_LOCALS, total);
        if (!tern_decode_valtype(&b->d, &type)) return false;
        u32 most = b->module->limits.most[LIMIT_LOCALS];
        if (total > most)
            return body_fail(b, DIAG_TOO_MANY_LOCALS, "%llu, the limit is %u", (unsigned long long)total, (unsigned)most);
        if (n > 0 && !add_run(b, n, type)) return false;
        has_undefaulted |= n > 0 && !vt_is_defaultable(type);
    }

    u32 nflat = b->sink != NULL ? b->nlocals : (u32)u64_min(b->nlocals, body_size + 64);
    if (!flatten(b, nflat)) return false;
    b->s->inits.n = 0;
    U32Vec *epochs = &b->s->init_epoch;
    if (!has_undefaulted) return true;
    if (epochs->cap < b->nlocals) {
        if (!vec_reserve(epochs, b->s->alloc, b->nlocals - epochs->n))
            return tern_body_no_memory(b);
        memset(epochs->items + epochs->n, 0, (epochs->cap - epochs->n) * sizeof *epochs->items);
    }
    epochs->n = epochs->cap;
    return true;
}

/* --- instructions --------------------------------------------------------------------------- */

/* The body's bytes ran out before its end. The reference does not stop there but compares sizes
 * after the end opcode, and its messages say what it finds. So the last instruction, too, reads its
 * immediates up to the module's end; as such a body is refused, no byte is read for a second time.
 */
static bool fail_at_end(Body *b)
{
    b->at = b->d.c.p;
    if (b->at == b->d.c.end) return body_fail(b, DIAG_UNEXPECTED_END_OF_SECTION, NULL);
    return body_fail(b, *b->at == 0x0b ? DIAG_SECTION_SIZE_MISMATCH : DIAG_END_EXPECTED, NULL);
}

static bool illegal_opcode(Body *b, u32 prefix, u32 opcode)
{
    FeatureId left_out = tern_op_left_out(prefix, opcode);
    if (left_out != FEATURE_COUNT) return tern_decoder_need(&b->d, left_out, DIAG_ILLEGAL_OPCODE);
    if (prefix == 0) return tern_decoder_say(&b->d, b->at, DIAG_ILLEGAL_OPCODE, " %02x", opcode);
    return tern_decoder_say(&b->d, b->at, DIAG_ILLEGAL_OPCODE, " %02x %02x", prefix, opcode);
}

/* The opcode at the cursor, if the module may use it. */
static bool read_op(Body *b, Op *op)
{
    u32 opcode = *b->d.c.p++, prefix = 0;
    *op = (Op)tern_op_of_byte[opcode];
    if (*op == OP_NONE && opcode >= 0xfb && opcode <= 0xfe) {
        prefix = opcode;
        if (!read_u32(&b->d, &opcode)) return false;
        *op = tern_op_of_code(prefix, opcode);
    }
    if (*op == OP_NONE) return illegal_opcode(b, prefix, opcode);
    const OpInfo *info = &tern_op_info[*op];
    b->in.op = *op;
    b->d.used |= 1ull << info->feature;
    if (LIKELY(b->d.features >> info->feature & 1)) return true;
    if (!TERN_DETAILS) return tern_decoder_need(&b->d, (FeatureId)info->feature, DIAG_ILLEGAL_OPCODE);
    return body_fail(b, DIAG_ILLEGAL_OPCODE, " %02x: %s needs the %s proposal, which is %s",
                     prefix != 0 ? prefix : opcode, info->text,
                     tern_feature_info[info->feature].name,
                     (tern_features_built >> info->feature & 1) != 0 ? "off" : "not in this build");
}

/* What the sink is told besides immediates and types, as it is before the instruction. */
static void describe(Body *b)
{
    Insn *in = &b->in;
    in->reachable = !b->ctrl->unreachable && !b->ctrl->is_dead;
    in->offset = (u32)(b->at - b->d.c.start);
    in->index = in->index2 = 0;
}

/* Any instruction. The end of the body leaves no control frame. */
static bool step(Body *b)
{
    Op op;
    b->at = b->d.c.p;
    if (b->at >= b->body_end) return fail_at_end(b);
    if (!reserve(b, 0)) return false;
    if (b->sink != NULL) describe(b);
    if (!read_op(b, &op)) return false;
    const OpInfo *info = &tern_op_info[op];
    if (!tern_body_read_immediates(b, info)) return false;
    if (!tern_body_type(b, info)) return false;
    return b->sink == NULL || b->sink->insn(b->sink, &b->in);
}

/* What a shortcut may read of an instruction: opcode, alignment and a LEB128 of five bytes. */
enum { SKIM_BYTES = 7 };

/* A LEB128 of at most five bytes, all of which can be read: which is how linkers pad what they fill
 * in. NULL if it is longer. */
static inline const u8 *short_leb(const u8 *p, u64 *value, u32 *nbits)
{
    u64 v = 0;
    for (u32 n = 0; n < 35; n += 7) {
        u8 byte = *p++;
        v |= (u64)(byte & 0x7f) << n;
        if (LIKELY(byte < 0x80)) {
            *value = v;
            *nbits = n + 7;
            return p;
        }
    }
    return NULL;
}

static inline const u8 *short_u32(const u8 *p, u32 *out)
{
    u64 value = 0;
    u32 nbits;
    p = short_leb(p, &value, &nbits);
    *out = (u32)value;
    return LIKELY(value <= UINT32_MAX) ? p : NULL;
}

static inline const u8 *short_s64(const u8 *p, s64 *out)
{
    u64 value = 0;
    u32 nbits = 7;
    p = short_leb(p, &value, &nbits);
    *out = (s64)(value << (64 - nbits)) >> (64 - nbits);
    return p;
}

/* Address type of memory 0, VT_NONE if there is none. */
static ValType memory_zero_addr(const Module *m)
{
    return m->nmemories == 0 ? VT_NONE : addr_type(&m->memories[0].limits);
}

/* Does a branch to the frame find its operands, at most one, on top? */
static inline bool has_label_operands(const Ctrl *ctrl, const ValType *base, const ValType *sp)
{
    const FuncType *sig = ctrl->sig;
    u32 n = ctrl->op == OP_LOOP ? sig->nparams : sig->nresults;
    if (n == 0) return true;
    return n == 1 && sp > base && sp[-1] == (ctrl->op == OP_LOOP ? sig->params : sig->results)[0];
}

/* Are the n types on top exactly those? */
static inline bool has_on_top(const ValType *base, const ValType *sp, const ValType *types, u32 n)
{
    if ((size_t)(sp - base) < n) return false;
    for (u32 i = 0; i < n; i++)
        if (sp[(s64)i - n] != types[i]) return false;
    return true;
}

_Static_assert(LONG_LIST <= STACK_SLACK + 1,
               "skim() pushes short lists without asking for room");

/* Opcodes; those with a prefix are no bytes and are not met. */
enum {
#define ROW(n, c, ...) BYTE_##n = (c),
#define NUM1 ROW
#define NUM1T ROW
#define TEST1 ROW
#define NUM2 ROW
#define NUM2C ROW
#define NUM2T ROW
#define CMP2 ROW
#define LOAD ROW
#define STORE ROW
#define CONST ROW
#define SPECIAL ROW
#include "ops/ops.def"
#undef ROW
};

/* What shortcuts ask of a byte, eight times denser than OpInfo. A row with a prefix has no byte of its own: it
 * says nothing for 0xff, which is no instruction. */
typedef struct Shortcut {
    u8 feature;
    u8 arg, arg2, result; /* ValTypes, deepest first; of loads and stores without the address */
    u8 mem_bytes;
    OpNumber op;
} Shortcut;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const Shortcut shortcuts[256] = {
#define ROW(n, c, f, R, A, B, bytes) \
    [(c) < 0x100 ? (c) : 0xff] = {(c) < 0x100 ? FEATURE_##f : FEATURE_MVP, VT_OF(A), VT_OF(B), VT_OF(R), bytes, OP_##n},
#define VT_OF(type) 0x80 - OT_##type
#define NUM1(n, c, t, f, h, R, A, ...) ROW(n, c, f, R, A, none, 0)
#define NUM1T(n, c, t, f, h, R, A, ...) ROW(n, c, f, R, A, none, 0)
#define TEST1(n, c, t, f, A, ...) ROW(n, c, f, i32, A, none, 0)
#define NUM2(n, c, t, f, h, R, A, B, ...) ROW(n, c, f, R, A, B, 0)
#define NUM2C(n, c, t, f, h, R, A, B, ...) ROW(n, c, f, R, A, B, 0)
#define NUM2T(n, c, t, f, h, R, A, B, ...) ROW(n, c, f, R, A, B, 0)
#define CMP2(n, c, t, f, A, ...) ROW(n, c, f, i32, A, A, 0)
#define LOAD(n, c, t, f, R, MEM) ROW(n, c, f, R, none, none, sizeof(MEM))
#define STORE(n, c, t, f, A, MEM) ROW(n, c, f, none, none, A, sizeof(MEM))
#define CONST(n, c, t, f, R) ROW(n, c, f, R, none, none, 0)
#define SPECIAL(n, c, t, f, i) ROW(n, c, f, none, none, none, 0)
#include "ops/ops.def"
#undef VT_OF
#undef ROW
};
#pragma GCC diagnostic pop
_Static_assert(FEATURE_MVP == 0, "bytes without a row count on it");

/* Tells the sink of an instruction at p, of which in->sig and so on are set. */
static inline bool tell(Body *b, const u8 *p, Op op, InsnKind kind)
{
    b->in.op = op;
    b->in.offset = (u32)(p - b->d.c.start);
    return b->tell[kind](b->sink, &b->in);
}

/* Accepts as many instructions as the shortcuts can, from the cursor on. False: no memory, or the
 * sink refuses. Compiled twice, so that validation alone does not pay for the sink. */
static inline __attribute__((always_inline)) bool skim(Body *b, ValType addr, const bool has_sink)
{
    const u8 *p = b->d.c.p, *const body_end = b->body_end;
    /* As in step(), an instruction may run on behind the body's end: step() refuses that next. */
    const u8 *const last = b->d.c.end - b->d.c.start < SKIM_BYTES ? p : b->d.c.end - SKIM_BYTES + 1;
    const u8 *const end = last < body_end ? last : body_end;
    ValType *sp = b->sp, *base = b->base, *const stack_end = b->stack_end - STACK_SLACK;
    const ValType *const flat = b->s->flat.items;
    const Module *const m = b->module;
    const u32 nflat = b->nflat;
    const u64 features = b->d.features;
    if (UNLIKELY(!(features >> FEATURE_MVP & 1))) return true;
    Insn nobodys, *const in = has_sink ? &b->in : &nobodys;
    u64 used = 0;
    u32 value;
    s64 number;
    bool is_reachable = in->reachable = !b->ctrl->unreachable && !b->ctrl->is_dead;

    while (p < end && sp < stack_end) {
        const u8 *q = p + 1;
        const Shortcut *const row = &shortcuts[*p];
        const Op op = (Op)row->op;
        if (row->feature != FEATURE_MVP) {
            if (UNLIKELY(!(features >> row->feature & 1))) break;
            used |= 1ull << row->feature;
        }
        if (has_sink && UNLIKELY(!is_reachable) && *p != BYTE_END) break; /* hardly anything is */
        switch ((int)*p) { /* and nothing of the row, which is known later */
#define NUM1(n, ...) case BYTE_##n:
#define NUM1T(n, ...) case BYTE_##n:
#define TEST1(n, ...) case BYTE_##n:
#include "ops/ops.def"
            if (sp == base || sp[-1] != row->arg) goto done;
            sp[-1] = row->result;
            if (has_sink && !tell(b, p, op, INSN_UNARY)) return false;
            break;
#define NUM2(n, ...) case BYTE_##n:
#define NUM2C(n, ...) case BYTE_##n:
#define NUM2T(n, ...) case BYTE_##n:
#define CMP2(n, ...) case BYTE_##n:
#include "ops/ops.def"
            if (sp - base < 2 || sp[-1] != row->arg2 || sp[-2] != row->arg) goto done;
            sp--;
            sp[-1] = row->result;
            if (has_sink && !tell(b, p, op, INSN_BINARY)) return false;
            break;
#define LOAD(n, ...) case BYTE_##n:
#include "ops/ops.def"
            if (sp == base || sp[-1] != addr || *q > 5 || 1u << *q > row->mem_bytes) goto done;
            q = short_u32(q + 1, &value);
            if (q == NULL) goto done;
            in->index = 0;
            in->bits = value;
            sp[-1] = row->result;
            if (has_sink && !tell(b, p, op, INSN_LOAD)) return false;
            break;
#define STORE(n, ...) case BYTE_##n:
#include "ops/ops.def"
            if (sp - base < 2 || sp[-1] != row->arg2 || sp[-2] != addr) goto done;
            if (*q > 5 || 1u << *q > row->mem_bytes) goto done;
            q = short_u32(q + 1, &value);
            if (q == NULL) goto done;
            in->index = 0;
            in->bits = value;
            sp -= 2;
            if (has_sink && !tell(b, p, op, INSN_STORE)) return false;
            break;
        case BYTE_I32_CONST:
            q = short_s64(q, &number);
            if (q == NULL || number != (s32)number) goto done;
            in->bits = (u32)number;
            *sp++ = VT_I32;
            if (has_sink && !tell(b, p, OP_I32_CONST, INSN_CONST)) return false;
            break;
        case BYTE_I64_CONST:
            q = short_s64(q, &number);
            if (q == NULL) goto done;
            in->bits = (u64)number;
            *sp++ = VT_I64;
            if (has_sink && !tell(b, p, OP_I64_CONST, INSN_CONST)) return false;
            break;
        case BYTE_LOCAL_GET:
            q = short_u32(q, &value);
            if (q == NULL || value >= nflat || !vt_is_defaultable(flat[value])) goto done;
            in->index = value;
            *sp++ = in->type = flat[value];
            if (has_sink && !tell(b, p, OP_LOCAL_GET, INSN_LOCAL_GET)) return false;
            break;
        case BYTE_LOCAL_SET:
        case BYTE_LOCAL_TEE:
            q = short_u32(q, &value);
            if (q == NULL || value >= nflat || sp == base || sp[-1] != flat[value]) goto done;
            if (!vt_is_defaultable(flat[value])) goto done;
            in->index = value;
            in->type = flat[value];
            sp -= op == OP_LOCAL_SET;
            if (has_sink && !tell(b, p, op, INSN_LOCAL_SET)) return false;
            break;
        case BYTE_GLOBAL_GET:
            q = short_u32(q, &value);
            if (q == NULL || value >= m->nglobals) goto done;
            in->index = value;
            *sp++ = in->type = m->globals[value].type.type;
            if (has_sink && !tell(b, p, OP_GLOBAL_GET, INSN_OTHER)) return false;
            break;
        case BYTE_GLOBAL_SET:
            q = short_u32(q, &value);
            if (q == NULL || value >= m->nglobals || !m->globals[value].type.is_mutable) goto done;
            if (sp == base || sp[-1] != m->globals[value].type.type) goto done;
            in->index = value;
            in->type = *--sp;
            if (has_sink && !tell(b, p, OP_GLOBAL_SET, INSN_OTHER)) return false;
            break;
        case BYTE_DROP:
            if (sp == base) goto done;
            in->type = *--sp;
            if (has_sink && !tell(b, p, OP_DROP, INSN_OTHER)) return false;
            break;
        case BYTE_SELECT:
            if (sp - base < 3 || sp[-1] != VT_I32 || sp[-2] != sp[-3]) goto done;
            if (sp[-2] > VT_I32 || sp[-2] < VT_F64) goto done;
            sp -= 2;
            in->type = sp[-1];
            if (has_sink && !tell(b, p, OP_SELECT, INSN_OTHER)) return false;
            break;
        case BYTE_BLOCK:
        case BYTE_LOOP:
        case BYTE_IF: {
            const FuncType *sig = tern_body_plain_block(*q++);
            if (sig == NULL || (op == OP_IF && (sp == base || sp[-1] != VT_I32))) goto done;
            b->at = p;
            b->sp = sp -= op == OP_IF;
            in->sig = sig;
            if (!tern_body_enter(b, op, sig)) return false;
            base = b->base;
            is_reachable = !b->ctrl->is_dead;
            if (has_sink && !tell(b, p, op, INSN_BLOCK)) return false;
            break;
        }
        case BYTE_END: {
            const FuncType *sig = b->ctrl->sig;
            if (b->s->ctrls.n == 1 || sig->nresults >= LONG_LIST || sp - base != sig->nresults)
                goto done;
            if (b->ctrl->op == OP_IF && sig->nparams + sig->nresults > 0) goto done;
            if (!has_on_top(base, sp, sig->results, sig->nresults)) goto done;
            /* They stay where they are. */
            tern_body_leave(b);
            in->sig = sig;
            base = b->base;
            if (has_sink && !tell(b, p, OP_END, INSN_END)) return false;
            is_reachable = in->reachable = !b->ctrl->unreachable && !b->ctrl->is_dead;
            break;
        }
        case BYTE_BR_IF:
        case BYTE_BR: {
            const bool is_if = op == OP_BR_IF;
            if (*q >= 0x80 || *q >= b->s->ctrls.n) goto done;
            if (is_if && (sp == base || sp[-1] != VT_I32)) goto done;
            const Ctrl *target = &b->s->ctrls.items[b->s->ctrls.n - 1 - *q];
            if (!has_label_operands(target, base, sp - is_if)) goto done;
            in->index = *q++;
            if (is_if) {
                sp--;
            } else {
                sp = base;
                b->ctrl->unreachable = true;
                is_reachable = false;
            }
            if (has_sink && !tell(b, p, op, INSN_BRANCH)) return false;
            in->reachable = is_reachable;
            break;
        }
        case BYTE_CALL: {
            q = short_u32(q, &value);
            if (q == NULL || value >= m->nfuncs) goto done;
            const FuncType *sig = tern_module_func_type(m, value);
            if (sig->nresults >= LONG_LIST || !has_on_top(base, sp, sig->params, sig->nparams))
                goto done;
            sp -= sig->nparams;
            for (u32 i = 0; i < sig->nresults; i++) *sp++ = sig->results[i];
            in->index = value;
            in->sig = sig;
            if (has_sink && !tell(b, p, OP_CALL, INSN_CALL)) return false;
            break;
        }
        default: goto done;
        }
        p = q;
    }
done:
    b->d.used |= used;
    b->d.c.p = p;
    b->sp = sp;
    return true;
}

static bool skim_quietly(Body *b, ValType addr) { return skim(b, addr, false); }

static bool skim_telling(Body *b, ValType addr) { return skim(b, addr, true); }

static bool run(Body *b)
{
    ValType addr = memory_zero_addr(b->module);
    while (b->s->ctrls.n > 0) {
        if (TERN_FAST && !(b->sink == NULL ? skim_quietly(b, addr) : skim_telling(b, addr))) return false;
        if (!step(b)) return false;
    }
    b->at = b->d.c.p;
    return b->at == b->body_end ||
           body_fail(b, DIAG_SECTION_SIZE_MISMATCH, "the body does not end at its end opcode");
}

bool tern_body_validate(const Module *module, u32 func_index, Sink *sink, BodyScratch *s,
                        Diag *diag)
{
    const Func *func = &module->funcs[func_index];
    const u8 *start = module->bytes + func->body_offset;
    Body b = {
        .d =
            {
                .c = {.start = module->bytes, .p = start, .end = module->bytes + module->size},
                .module = module,
                .diag = diag,
                .features = module->features,
                .section = "code",
                .func_index = func_index,
            },
        .s = s,
        .module = module,
        .sink = sink,
        .body_end = start + func->body_size,
        .at = start,
        .sig = tern_module_func_type(module, func_index),
    };
    if (++s->epoch == 0) { /* wrapped: no entry may look like one of this body's */
        s->epoch = 1;
        if (s->init_epoch.n > 0)
            memset(s->init_epoch.items, 0, s->init_epoch.n * sizeof *s->init_epoch.items);
    }
    s->ctrls.n = 0;
    b.sp = b.base = b.stack_end = s->stack.items;
    if (s->stack.items != NULL) b.stack_end += s->stack.cap;
    if (!reserve(&b, 0) || !read_locals(&b)) return false;
    b.in.op = OP_BLOCK;
    for (u32 kind = 0; sink != NULL && kind < INSN_KINDS; kind++)
        b.tell[kind] = sink->kinds != NULL ? sink->kinds[kind] : sink->insn;
    if (sink != NULL && !sink->begin(sink, module, func_index, s->flat.items, b.nlocals))
        return false;
    if (!tern_body_enter(&b, OP_BLOCK, b.sig)) return false;
    bool is_valid = run(&b);
    s->used |= b.d.used;
    return is_valid;
}
