/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* encode.c - instructions to code units, driven by the handlers' layouts.
 *
 * Slots past 65,535 do not fit a unit: in the rare function that has them, operands are copied into scratch
 * slots near the frame's start before the instruction and the result out of them behind it.
 */
#include "code/ins.h"

#include "runtime/builtins.h"

#include <assert.h>

enum { TOKEN_UNITS = 2, FAR_UNITS = TOKEN_UNITS + 5 };

/* A letter of a layout: what of an Ins is written, and how many units of it. A field is copied in eight bytes, of which
 * the next overwrites what is too much, so that nothing depends on its size. What an Ins does not have in the form in
 * which it is written is written over that when the others are. */
typedef u32 Field; /* offset, units << 8, FIELD_LATE */
enum { FIELD_LATE = 1 << 16 };

/* Where the low half of a u64 is, and that of a u32. */
enum { LOW_U32 = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0, LOW_U16 = LOW_U32 / 2 };

static const Field fields['t' + 1] = { /* the last letter in use */
#define NOW(member, low, units) (offsetof(Ins, member) + (low)) | (units) << 8
#define LATE(units) (units) << 8 | FIELD_LATE
    ['d'] = NOW(d, LOW_U16, 1),   ['1'] = NOW(s1, LOW_U16, 1), ['2'] = NOW(s2, LOW_U16, 1), ['3'] = NOW(s3, LOW_U16, 1),
    ['B'] = NOW(d, 0, 2),         ['g'] = NOW(index, 0, 2),    ['j'] = NOW(imm2, 0, 2),     ['i'] = NOW(imm, LOW_U32, 2),
    ['o'] = NOW(off, LOW_U32, 2), ['I'] = NOW(imm, 0, 4),      ['O'] = NOW(off, 0, 4),      ['h'] = LATE(1),
    ['f'] = LATE(1),              ['n'] = LATE(1),             ['t'] = LATE(2),             ['T'] = LATE(2),
    ['P'] = LATE(2),
#undef NOW
#undef LATE
};

static inline u32 field_units(Field field) { return field >> 8 & 0xff; }

/* Units of an instruction, with its token and without what is in a table of targets. Letters are bits of a number here,
 * as this is done when it is compiled, for thousands of handlers. */
#define BIT(letter) (1ull << ((letter) & 63))
#define HAS(layout, i, bits) (int)((bits) >> ((layout "\0\0\0\0\0\0\0")[i] & 63) & 1)
#define UNITS(layout, i) \
    (HAS(layout, i, BIT('d') | BIT('1') | BIT('2') | BIT('3') | BIT('h') | BIT('f') | BIT('n')) + \
     2 * HAS(layout, i, BIT('i') | BIT('j') | BIT('o') | BIT('g') | BIT('B') | BIT('t') | BIT('T') | BIT('P')) + \
     4 * HAS(layout, i, BIT('I') | BIT('O')))
static const u8 units_of[H_COUNT] = {
#define H(name, layout, ...) \
    [H_##name] = TOKEN_UNITS + UNITS(layout, 0) + UNITS(layout, 1) + UNITS(layout, 2) + UNITS(layout, 3) + \
                 UNITS(layout, 4) + UNITS(layout, 5) + UNITS(layout, 6),
#include "code/handlers.def"
};
#undef BIT
#undef HAS
#undef UNITS

static u32 *slot_field(Ins *ins, char letter)
{
    return letter == '1' ? &ins->s1 : letter == '2' ? &ins->s2 : letter == '3' ? &ins->s3 : &ins->d;
}

/* Number of slot operands named by the layout that lie beyond a unit's reach. */
static u32 far_slots(const Ins *ins, const char *layout)
{
    u32 n = 0;
    for (; *layout != '\0'; layout++)
        if (*layout == '1' || *layout == '2' || *layout == '3' || *layout == 'd')
            n += *slot_field((Ins *)(uintptr_t)ins, *layout) > UINT16_MAX;
    return n;
}

/* --- costs ---------------------------------------------------------------------------------------- */

static bool is_metered(const LoweredFunc *f)
{
    return code_is_metered(f->mode);
}

/* Does what comes behind it cost anew, or not come? */
static bool ends_stretch(const Ins *ins, const char *layout)
{
    if (ins->family == FAM_PLAIN && ins->op == H_UNREACHABLE) return true;
    if (ins->family == FAM_PLAIN && ins->op == H_BUILTIN)
        return ins->index == BUILTIN_throw || ins->index == BUILTIN_throw_ref;
    return strpbrk(layout, "tTPhn") != NULL;
}

/* For each instruction the cost at the end of its stretch. */
static void find_stretches(const LoweredFunc *f, u32 *cost_of)
{
    u32 cost = f->cost;
    cost_of[f->ins.n] = cost;
    for (u32 i = f->ins.n; i-- > 0;) {
        const Ins *ins = &f->ins.items[i];
        if (ends_stretch(ins, tern_handler_layouts[ins->handler])) cost = ins->cost;
        cost_of[i] = cost;
    }
}

u32 tern_ins_label_cost(const LoweredFunc *f, const u32 *unit_of, u32 label)
{
    if (!is_metered(f)) return 0;
    const Label *l = &f->labels.items[label];
    return unit_of[f->ins.n + 1 + l->ins] - l->cost;
}

/* The same behind instruction i, which ends a stretch. */
static u32 next_cost(const LoweredFunc *f, const u32 *unit_of, u32 i)
{
    return unit_of[f->ins.n + 1 + i + 1] - f->ins.items[i].cost;
}

/* --- units ---------------------------------------------------------------------------------------- */

static bool has_table(const Ins *ins)
{
    return ins->family == FAM_TEST && (ins->op == H_BR_TABLE_S || ins->op == H_BR_TABLE_ADD_S);
}

/* Of an instruction with a table of targets, or with operands out of reach. */
static u32 more_units(const LoweredFunc *f, const Ins *ins, const char *layout)
{
    u32 n = lowered_has_scratch(f) ? far_slots(ins, layout) * FAR_UNITS : 0;
    const char *table = strpbrk(layout, "TP");
    return table == NULL ? n : n + (*table == 'T' ? 2 : 3) * (f->tables.items[ins->target] + 1);
}

u32 *tern_ins_measure(LoweredFunc *f)
{
    f->units.n = 0;
    u64 n = 0, nmeasured = (is_metered(f) ? 2 : 1) * ((u64)f->ins.n + 1);
    if (nmeasured > UINT32_MAX || !vec_reserve(&f->units, f->alloc, nmeasured)) return NULL;
    u32 *unit_of = f->units.items;
    for (u32 i = 0; i < f->ins.n; i++) {
        Ins *ins = &f->ins.items[i];
        Handler handler = tern_ins_handler(ins, f->mode);
        ins->handler = (u16)handler;
        unit_of[i] = (u32)n;
        n += units_of[handler];
        if (UNLIKELY(lowered_has_scratch(f) || has_table(ins))) n += more_units(f, ins, tern_handler_layouts[handler]);
        if (n > INT32_MAX) return NULL;
    }
    unit_of[f->ins.n] = (u32)n;
    if (is_metered(f)) find_stretches(f, unit_of + f->ins.n + 1);
    return unit_of;
}

typedef struct Writer {
    CodeUnit *p, *token;
    const LoweredFunc *f;
    const u32 *unit_of;
    TokenOf *token_of;
    CodeUnit *start;
    u32 i; /* of the instruction */
} Writer;

static inline void set_u32(CodeUnit *at, u32 v) { memcpy(at, &v, sizeof v); }
static inline void set_unit(CodeUnit *at, u32 v)
{
    assert(v <= UINT16_MAX && "what is written does not fit a unit");
    *at = (CodeUnit)v;
}

/* Relative to the instruction. */
static inline u32 distance(const Writer *w, u32 label)
{
    s64 to = w->unit_of[w->f->labels.items[label].ins], from = w->token - w->start;
    return (u32)(s32)(to - from);
}

static void put_table(Writer *w, const Ins *ins, u32 per_entry)
{
    const u32 *table = &w->f->tables.items[ins->target];
    set_u32(w->p - 2, table[0]); /* the layout's last field */
    for (u32 i = 0; i <= table[0]; i++, w->p += per_entry) {
        set_u32(w->p, distance(w, table[1 + i]));
        if (per_entry == 3) set_unit(w->p + 2, tern_ins_label_cost(w->f, w->unit_of, table[1 + i]));
    }
}

/* What depends on where the function's other instructions are, or is the same for all of them. */
static __attribute__((noinline)) void put_late(Writer *w, const Ins *ins, const char *layout)
{
    CodeUnit *at = w->token + TOKEN_UNITS;
    for (; *layout != '\0'; layout++) {
        switch (*layout) {
        case 'h': set_unit(at, w->f->header); break;
        case 't': set_u32(at, distance(w, ins->target)); break;
        case 'f': set_unit(at, tern_ins_label_cost(w->f, w->unit_of, ins->target)); break;
        case 'n': set_unit(at, next_cost(w->f, w->unit_of, w->i)); break;
        case 'T': put_table(w, ins, 2); break;
        case 'P': put_table(w, ins, 3); break;
        default: break;
        }
        at += field_units(fields[(u8)*layout]);
    }
}

static inline CodeUnit *put_field(CodeUnit *p, const Ins *ins, char letter, Field *all)
{
    Field field = fields[(u8)letter];
    *all |= field;
    memcpy(p, (const u8 *)ins + (field & 0xff), 4 * sizeof *p);
    return p + field_units(field);
}

static FAST_INLINE void put_ins(Writer *w, const Ins *ins, Handler handler)
{
    const char *layout = tern_handler_layouts[handler];
    Field all = 0;
    w->token = w->p;
    set_u32(w->p, w->token_of(handler));
    CodeUnit *p = w->p + TOKEN_UNITS;
    p = put_field(p, ins, layout[0], &all); /* behind a layout's end are fields of nothing */
    p = put_field(p, ins, layout[1], &all);
    p = put_field(p, ins, layout[2], &all);
    p = put_field(p, ins, layout[3], &all);
    if (UNLIKELY(layout[3] != '\0'))
        for (const char *l = layout + 4; *l != '\0'; l++) p = put_field(p, ins, *l, &all);
    w->p = p;
    if ((all & FIELD_LATE) != 0) put_late(w, ins, layout);
}

static __attribute__((noinline)) void put_far_ins(Writer *w, const Ins *ins, Handler handler)
{
    Ins near = *ins;
    u32 scratch = w->f->scratch;
    bool far_result = false;
    for (const char *l = tern_handler_layouts[handler]; *l != '\0'; l++) {
        if (*l != '1' && *l != '2' && *l != '3' && *l != 'd') continue;
        u32 *slot = slot_field(&near, *l);
        if (*slot <= UINT16_MAX) continue;
        u32 near_slot = scratch + 2 * (*l == 'd' ? 0 : (u32)(*l - '0'));
        if (*l == 'd') far_result = true;
        else put_ins(w, &(Ins){.d = near_slot, .imm2 = *slot, .index = 2}, H_FAR_GET);
        *slot = near_slot;
    }
    put_ins(w, &near, handler);
    if (far_result) put_ins(w, &(Ins){.s1 = near.d, .imm2 = ins->d, .index = ins->ncells}, H_FAR_PUT);
}

void tern_ins_encode(const LoweredFunc *f, const u32 *unit_of, TokenOf *token_of, CodeUnit *units)
{
    Writer w = {.p = units, .start = units, .f = f, .unit_of = unit_of, .token_of = token_of};
    for (u32 i = 0; i < f->ins.n; i++) {
        const Ins *ins = &f->ins.items[i];
        Handler handler = (Handler)ins->handler;
        assert(handler != H_NONE && "an instruction has no handler for its operand places");
        w.i = i;
        if (UNLIKELY(lowered_has_scratch(f)) && far_slots(ins, tern_handler_layouts[handler]) > 0) put_far_ins(&w, ins, handler);
        else put_ins(&w, ins, handler);
        assert(w.p == units + unit_of[i + 1] && "measured and written sizes differ");
    }
}
