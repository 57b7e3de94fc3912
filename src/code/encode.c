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

/* A field that is a number: where in an Ins it is, and how many units of it are written. */
typedef struct Field {
    u8 offset, units;
} Field;

static const Field fields[128] = {
    ['d'] = {offsetof(Ins, d), 1},     ['1'] = {offsetof(Ins, s1), 1},   ['2'] = {offsetof(Ins, s2), 1},
    ['3'] = {offsetof(Ins, s3), 1},    ['B'] = {offsetof(Ins, d), 2},    ['g'] = {offsetof(Ins, index), 2},
    ['i'] = {offsetof(Ins, imm), 2},   ['j'] = {offsetof(Ins, imm2), 2}, ['o'] = {offsetof(Ins, off), 2},
    ['I'] = {offsetof(Ins, imm), 4},   ['O'] = {offsetof(Ins, off), 4},
};

/* Where the low 32 bits of a u64 are. */
enum { LOW_HALF = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0 };

static u32 layout_units(const LoweredFunc *f, const Ins *ins, const char *layout)
{
    u32 n = TOKEN_UNITS;
    for (; *layout != '\0'; layout++) {
        u32 units = fields[(u8)*layout & 127].units;
        if (LIKELY(units != 0)) {
            n += units;
            continue;
        }
        switch (*layout) {
        case 'h': case 'f': case 'n': n += 1; break;
        case 't': n += 2; break;
        case 'T': n += 2 * (f->tables.items[ins->target] + 2); break;
        case 'P': n += 2 + 3 * (f->tables.items[ins->target] + 1); break;
        default: assert(false && "a layout names an unknown field");
        }
    }
    return n;
}

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
    return (f->mode & CODE_METERED) != 0;
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

static size_t measured_bytes(const LoweredFunc *f)
{
    return (is_metered(f) ? 2 : 1) * ((size_t)f->ins.n + 1) * sizeof(u32);
}

u32 *tern_ins_measure(LoweredFunc *f)
{
    u32 *unit_of = tern_alloc(f->alloc, measured_bytes(f));
    if (unit_of == NULL) return NULL;
    u64 n = 0;
    for (u32 i = 0; i < f->ins.n; i++) {
        Ins *ins = &f->ins.items[i];
        ins->handler = (u16)tern_ins_handler(ins, f->mode);
        const char *layout = tern_handler_layouts[ins->handler];
        unit_of[i] = (u32)n;
        n += layout_units(f, ins, layout);
        if (f->scratch != 0) n += far_slots(ins, layout) * FAR_UNITS;
        if (n > INT32_MAX) {
            tern_ins_measure_free(f, unit_of);
            return NULL;
        }
    }
    unit_of[f->ins.n] = (u32)n;
    if (is_metered(f)) find_stretches(f, unit_of + f->ins.n + 1);
    return unit_of;
}

void tern_ins_measure_free(const LoweredFunc *f, u32 *unit_of)
{
    tern_free(f->alloc, unit_of, measured_bytes(f));
}

typedef struct Writer {
    CodeUnit *p, *token;
    const LoweredFunc *f;
    const u32 *unit_of;
    TokenOf *token_of;
    CodeUnit *start;
    u32 i; /* of the instruction */
} Writer;

/* units is constant, and the copy a move. */
static inline __attribute__((always_inline)) void put(Writer *w, const void *bytes, size_t units)
{
    memcpy(w->p, bytes, units * sizeof(CodeUnit));
    w->p += units;
}
static inline void put_u32(Writer *w, u32 v) { put(w, &v, 2); }
static inline void put_unit(Writer *w, u32 v)
{
    assert(v <= UINT16_MAX && "a slot does not fit a unit");
    *w->p++ = (CodeUnit)v;
}
static void put_target(Writer *w, u32 label)
{
    s64 to = w->unit_of[w->f->labels.items[label].ins], from = w->token - w->start;
    put_u32(w, (u32)(s32)(to - from));
}

static void put_ins(Writer *w, const Ins *ins, Handler handler)
{
    w->token = w->p;
    put_u32(w, w->token_of(handler));
    for (const char *l = tern_handler_layouts[handler]; *l != '\0'; l++) {
        Field field = fields[(u8)*l & 127];
        const u8 *from = (const u8 *)ins + field.offset;
        u32 v;
        if (LIKELY(field.units == 1)) {
            memcpy(&v, from, sizeof v);
            put_unit(w, v);
            continue;
        }
        if (field.units == 2) {
            if (*l != 'g' && *l != 'B') from += LOW_HALF;
            put(w, from, 2);
            continue;
        }
        if (field.units == 4) {
            put(w, from, 4);
            continue;
        }
        switch (*l) {
        case 'h': put_unit(w, w->f->header); break;
        case 't': put_target(w, ins->target); break;
        case 'f': put_unit(w, tern_ins_label_cost(w->f, w->unit_of, ins->target)); break;
        case 'n': put_unit(w, next_cost(w->f, w->unit_of, w->i)); break;
        case 'T': {
            const u32 *table = &w->f->tables.items[ins->target];
            put_u32(w, table[0]);
            for (u32 i = 0; i <= table[0]; i++) put_target(w, table[1 + i]);
            break;
        }
        case 'P': {
            const u32 *table = &w->f->tables.items[ins->target];
            put_u32(w, table[0]);
            for (u32 i = 0; i <= table[0]; i++) {
                put_target(w, table[1 + i]);
                put_unit(w, tern_ins_label_cost(w->f, w->unit_of, table[1 + i]));
            }
            break;
        }
        default: break;
        }
    }
}

static void put_far_ins(Writer *w, const Ins *ins, Handler handler)
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
        w.i = i;
        assert(handler != H_NONE && "an instruction has no handler for its operand places");
        if (f->scratch != 0 && far_slots(ins, tern_handler_layouts[handler]) > 0) put_far_ins(&w, ins, handler);
        else put_ins(&w, ins, handler);
        assert(w.p == units + unit_of[i + 1] && "measured and written sizes differ");
    }
}
