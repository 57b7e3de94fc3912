/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* forms.c - the forms of a row (forms.h). */
#include "forms.h"

#include <stdio.h>

#define STEP 7u /* what PLACE_STEPPED adds */

/* --- which forms ---------------------------------------------------------------------------------- */

typedef struct Forms {
    Form *out;
    u32 n;
} Forms;

static void add(Forms *f, const char *places, Use use)
{
    static const char letters[] = "LACDTSIXYMB";
    if (f->n == MAX_FORMS) abort();
    Form *form = &f->out[f->n++];
    *form = (Form){.use = use};
    for (u32 i = 0; places[i] != '\0'; i++) form->place[i] = (Place)(strchr(letters, places[i]) - letters);
}

static void add_all(Forms *f, const char *const *places, u32 nplaces, const Use *uses, u32 nuses)
{
    for (u32 i = 0; i < nplaces; i++)
        for (u32 j = 0; j < nuses; j++) add(f, places[i], uses[j]);
}
#define ADD_ALL(f, places, uses) add_all(f, places, COUNT_OF(places), uses, COUNT_OF(uses))

static const Use value_uses[] = {USE_STORE, USE_LOCAL};
static const Use condition_uses[] = {USE_IF, USE_IF_NOT, USE_BR_IF, USE_BR_IF_NOT, USE_LOOP, USE_CONDITION, USE_CONDITION_CONST};

/* Is there an identity that leaves the result's bits alone, or those that matter? */
static bool can_chain(const Row *row)
{
    OpType type = row->results[0];
    return type == OT_i32 || type == OT_i64 || type == OT_v128 || row->nan_out != 0;
}

static void add_memory_forms(const Row *row, bool is_brief, Forms *f)
{
    static const char values[] = "LABC";
    for (const char *address = is_brief ? "LA" : "LABSIXYMC"; *address != '\0'; address++) {
        if (row->nresults == 1 && row->nargs != 2) {
            const char places[] = {*address, row->nargs == 3 ? 'L' : '\0', 'L', '\0'};
            add(f, places, USE_STORE);
            add(f, places, USE_LOCAL);
            if (can_chain(row)) add(f, places, USE_CHAIN);
            continue;
        }
        for (const char *value = values; *value != '\0' && !(is_brief && *value == 'B'); value++) {
            const char places[] = {*address, *value, '\0'};
            add(f, places, USE_STORE);
            if (row->nresults == 1) add(f, places, USE_LOCAL);
        }
    }
    if (is_brief || row->nresults == 0) return;
    add(f, row->nargs == 1 ? "L" : row->nargs == 2 ? "LL" : "LLL", USE_CALL);
    add(f, row->nargs == 1 ? "L" : row->nargs == 2 ? "LL" : "LLL", USE_TEE);
    if (row->results[0] == OT_i32) ADD_ALL(f, ((const char *const[]){row->nargs == 1 ? "S" : row->nargs == 2 ? "SL" : "SLL"}), condition_uses);
}

/* Everything that may become of one result, for operands in locals. */
static void add_uses(const Row *row, const char *locals, Forms *f)
{
    static const Use uses[] = {USE_TEE, USE_GLOBAL, USE_CALL, USE_BLOCK, USE_SELECT};
    add_all(f, &locals, 1, uses, COUNT_OF(uses));
    if (row->nargs > 0 && row->args[0] == row->results[0]) add(f, locals, USE_FIRST);
    if (row->nargs > 1 && row->args[1] == row->results[0]) add(f, locals, USE_SECOND);
}

static void add_unary(const Row *row, Forms *f)
{
    static const char *const places[] = {"L", "A", "B", "C"};
    ADD_ALL(f, places, value_uses);
    add_uses(row, "L", f);
    for (u32 i = 0; i < 3 && can_chain(row); i++) add(f, places[i], USE_CHAIN);
    if (row->results[0] != OT_i32) return;
    ADD_ALL(f, places, condition_uses);
    add(f, "L", USE_LOAD_AT);
    add(f, "A", USE_STORE_AT);
}

static void add_binary(const Row *row, Forms *f)
{
    static const char *const places[] = {"LL", "AL", "LA", "AA", "BL", "LB", "LC", "CL", "AC", "CA", "CC"};
    static const char *const tests[] = {"LL", "AL", "LA", "BL", "LC", "CL", "AC"}, *const steps[] = {"TL", "TC"};
    static const char *const addresses[] = {"LL", "AL", "LC", "AC", "CL"};
    static const Use step_uses[] = {USE_BR_IF, USE_LOOP, USE_IF}, address_uses[] = {USE_LOAD_AT, USE_STORE_AT};
    ADD_ALL(f, places, value_uses);
    add_uses(row, "LL", f);
    for (u32 i = 0; i < 10 && can_chain(row); i++) add(f, places[i], USE_CHAIN);
    if (row->args[0] == row->args[1]) {
        add(f, "LD", USE_STORE);
        add(f, "LD", USE_LOCAL);
        if (row->args[0] == row->results[0]) add(f, "LD", USE_FIRST);
    }
    if (row->results[0] != OT_i32) return;
    if (row->info->shape == SHAPE_CMP2 || row->op == OP_I32_AND) ADD_ALL(f, tests, condition_uses);
    if (row->info->shape == SHAPE_CMP2 && row->args[0] == OT_i32) ADD_ALL(f, steps, step_uses);
    if (row->info->shape != SHAPE_CMP2) ADD_ALL(f, addresses, address_uses);
}

u32 forms_of(const Row *row, bool is_brief, Form *out)
{
    static const char *const three[] = {"LLL", "ALL", "LAL", "LLA", "LAA", "LLC", "LCL", "CLL"};
    static const char *const four[] = {"LLLL", "ALLL", "LLLA", "LCLC", "AAAA"}, *const wide[] = {"LL", "AL", "LA", "LC", "CL", "LD"};
    Forms f = {out, 0};
    if (row->special != NULL || row->nargs == 0) {
        add(&f, "LLL", USE_STORE);
        if (row->nresults == 1) add(&f, "LLL", USE_LOCAL);
    } else if (row->is_memory) {
        add_memory_forms(row, is_brief, &f);
    } else if (is_brief) {
        add(&f, "LLLL", USE_STORE);
        add(&f, "LLLL", USE_LOCAL);
        add(&f, "AAAA", USE_LOCAL);
    } else if (row->nresults == 2) {
        if (row->nargs == 4) {
            ADD_ALL(&f, four, value_uses);
        } else {
            ADD_ALL(&f, wide, value_uses);
        }
    } else if (row->nargs == 1) {
        add_unary(row, &f);
    } else if (row->nargs == 2) {
        add_binary(row, &f);
    } else {
        ADD_ALL(&f, three, value_uses);
        add_uses(row, "LLL", &f);
        for (u32 i = 0; i < 4 && can_chain(row); i++) add(&f, three[i], USE_CHAIN);
    }
    return f.n;
}

void form_name(const Row *row, const Form *form, char *out, size_t size)
{
    static const char *const uses[] = {
        "store", "local", "tee", "first", "second", "chain", "global", "call", "block", "select", "if", "if-not",
        "br_if", "br_if-not", "loop", "condition", "condition-const", "load-at", "store-at",
    };
    char places[OP_MAX_ARGS + 1] = "";
    for (u32 i = 0; i < row->nargs; i++) places[i] = "LACDTSIXYMB"[form->place[i]];
    snprintf(out, size, "%s %s", places, uses[form->use]);
}

u32 form_nconstants(const Row *row, const Form *form)
{
    u32 n = 1;
    for (u32 i = 0; i < row->nargs; i++) {
        const Bits *edges;
        u32 nedges = edges_of(row, i, &edges);
        if (form->place[i] == PLACE_CONSTANT && nedges > n) n = nedges;
    }
    return n;
}

s32 form_constant_of(const Row *row, const Form *form, const Case *c)
{
    s32 k = 0;
    bool is_chosen = false;
    for (u32 i = 0; i < row->nargs; i++) {
        if (form->place[i] == PLACE_CONSTANT) {
            if (c->edge[i] < 0 || (is_chosen && c->edge[i] != k)) return -1;
            k = c->edge[i];
            is_chosen = true;
        } else if (form->place[i] == PLACE_FIRST) {
            if (memcmp(c->image + IN_AT, c->image + IN_AT + i * IN_STEP, 16) != 0) return -1;
        }
    }
    return k;
}

/* --- operands ------------------------------------------------------------------------------------- */

static void put_get(Bytes *b, u32 local, const Build *build)
{
    put_index(b, OP_LOCAL_GET, local_index(local, build));
}
static void put_set(Bytes *b, u32 local, const Build *build)
{
    put_index(b, OP_LOCAL_SET, local_index(local, build));
}

/* What must be in locals before the operands are pushed. */
static void put_preparation(Bytes *b, const Form *form, const Build *build)
{
    switch (form->place[0]) {
    case PLACE_SUM_LL:
    case PLACE_SUM_LC:
    case PLACE_SUM_AL:
        put_get(b, 0, build);
        put_i32(b, ADDRESS_PART);
        put_op(b, OP_I32_SUB);
        put_set(b, LOCAL_X, build);
        put_i32(b, ADDRESS_PART);
        put_set(b, LOCAL_Y, build);
        break;
    case PLACE_SCALED:
        put_get(b, 0, build);
        put_i32(b, 2);
        put_op(b, OP_I32_SHR_U);
        put_set(b, LOCAL_X, build);
        put_get(b, 0, build);
        put_i32(b, 3);
        put_op(b, OP_I32_AND);
        put_set(b, LOCAL_Y, build);
        break;
    case PLACE_STEPPED:
        put_get(b, 0, build);
        put_i32(b, STEP);
        put_op(b, OP_I32_SUB);
        put_set(b, 0, build);
        break;
    default: break;
    }
}

static void put_sum(Bytes *b, Place place, const Build *build)
{
    if (place == PLACE_SUM_AL || place == PLACE_SUM_AC) {
        put_load(b, OT_i32, AUX_AT, build);
    } else {
        put_get(b, LOCAL_X, build);
    }
    if (place == PLACE_SCALED) {
        put_i32(b, 2);
        put_op(b, OP_I32_SHL);
    }
    if (place == PLACE_SUM_LC || place == PLACE_SUM_AC) {
        put_i32(b, ADDRESS_PART);
    } else {
        put_get(b, LOCAL_Y, build);
    }
    put_op(b, OP_I32_ADD);
}

static void put_operand(Bytes *b, const Row *row, u32 i, const Form *form, u32 constant, const Build *build)
{
    const Bits *edges;
    u32 nedges = edges_of(row, i, &edges);
    switch (form->place[i]) {
    case PLACE_FRESH:
    case PLACE_IN_LOCAL: put_get(b, i, build); break;
    case PLACE_LOADED: put_load(b, row->args[i], IN_AT + i * IN_STEP, build); break;
    case PLACE_CONSTANT: put_const(b, row->args[i], edges[constant % nedges]); break;
    case PLACE_FIRST: put_get(b, 0, build); break;
    case PLACE_STEPPED:
        put_get(b, i, build);
        put_i32(b, STEP);
        put_op(b, OP_I32_ADD);
        put_index(b, OP_LOCAL_TEE, local_index(i, build));
        break;
    case PLACE_SUM_LL:
    case PLACE_SUM_LC:
    case PLACE_SUM_AL:
    case PLACE_SUM_AC:
    case PLACE_SCALED: put_sum(b, form->place[i], build); break;
    }
}

/* --- results -------------------------------------------------------------------------------------- */

typedef struct Emission {
    Bytes *b;
    const Row *row;
    const Form *form;
    u32 variant, constant;
    const Build *build;
} Emission;

static void put_it(const Emission *e)
{
    for (u32 i = 0; i < e->row->nargs && e->row->special == NULL; i++)
        put_operand(e->b, e->row, i, e->form, e->constant, e->build);
    if (e->form->use == USE_CALL) {
        put_index(e->b, OP_CALL, FUNC_ROW);
    } else {
        put_row(e->b, e->row, e->variant, e->build);
    }
}

/* Accumulators still hold what came last into locals, and a place where paths meet makes that unknown. Some
 * forms do without. */
static void put_forgetting(const Emission *e)
{
    if (e->row->special != NULL) return;
    if ((e->form->use < USE_TEE || e->form->use > USE_SECOND) && e->form->use != USE_BLOCK) {
        char text[64];
        snprintf(text, sizeof text, "block 64 local.get %u br_if 0 end", local_index(LOCAL_Z, e->build));
        put_text(e->b, text, OP_NOP);
    }
    for (u32 i = 0; i < e->row->nargs; i++) {
        if (e->form->place[i] != PLACE_FRESH) continue;
        put_load(e->b, e->row->args[i], IN_AT + i * IN_STEP, e->build);
        put_set(e->b, i, e->build);
    }
}

static void put_store_local(const Emission *e, u32 local, OpType type, u32 at)
{
    put_address(e->b, at, e->build);
    put_get(e->b, local, e->build);
    put_store(e->b, type, e->build);
}

/* The identity, in the result's accumulator. */
static void put_chain(const Emission *e)
{
    switch (e->row->results[0]) {
    case OT_i32: put_text(e->b, "i32.const 85 i32.xor i32.const 85 i32.xor", OP_NOP); break;
    case OT_i64: put_text(e->b, "i64.const 85 i64.xor i64.const 85 i64.xor", OP_NOP); break;
    case OT_v128: put_text(e->b, "v128.not v128.not", OP_NOP); break;
    default:
        put_const(e->b, e->row->results[0], (Bits){{e->row->results[0] == OT_f32 ? 0x3f800000 : 0x3ff0000000000000, 0}});
        put_op(e->b, e->row->results[0] == OT_f32 ? OP_F32_MUL : OP_F64_MUL);
        break;
    }
}

static void put_value_use(const Emission *e)
{
    Bytes *b = e->b;
    const Row *row = e->row;
    OpType type = row->results[0];
    put_address(b, OUT_AT, e->build);
    if (e->form->use == USE_BLOCK) {
        put_op(b, OP_BLOCK);
        put_byte(b, type_code(type));
    }
    put_it(e);
    switch (e->form->use) {
    case USE_CHAIN: put_chain(e); break;
    case USE_BLOCK: put_op(b, OP_END); break;
    case USE_GLOBAL:
        put_index(b, OP_GLOBAL_SET, 1);
        put_index(b, OP_GLOBAL_GET, 1);
        break;
    case USE_TEE:
        put_index(b, OP_LOCAL_TEE, local_index(LOCAL_R0, e->build));
        put_op(b, OP_DROP);
        put_get(b, LOCAL_R0, e->build);
        break;
    case USE_SELECT:
        put_const(b, type, (Bits){{0, 0}});
        put_get(b, LOCAL_Z, e->build);
        put_op(b, OP_I32_EQZ);
        put_op(b, OP_SELECT);
        break;
    default: break;
    }
    put_store(b, type, e->build);
}

static void put_local_use(const Emission *e)
{
    u32 to = e->form->use == USE_FIRST ? 0 : e->form->use == USE_SECOND ? 1 : LOCAL_R0;
    put_it(e);
    if (e->row->nresults == 2) put_set(e->b, LOCAL_R1, e->build);
    put_set(e->b, to, e->build);
    if (e->row->nresults == 2) put_store_local(e, LOCAL_R1, e->row->results[1], OUT_AT + 16);
    put_store_local(e, to, e->row->results[0], OUT_AT);
}

/* 1 or 0 into LOCAL_Z, and stored. */
static void put_condition_use(const Emission *e)
{
    Bytes *b = e->b;
    const Build *build = e->build;
    char text[160];
    u32 z = local_index(LOCAL_Z, build), y = local_index(LOCAL_R1, build);
    switch (e->form->use) {
    case USE_IF:
        put_it(e);
        snprintf(text, sizeof text, "if 64 i32.const 1 local.set %u else i32.const 0 local.set %u end", z, z);
        break;
    case USE_IF_NOT:
        put_it(e);
        snprintf(text, sizeof text, "i32.eqz if 127 i32.const 0 else i32.const 1 end local.set %u", z);
        break;
    case USE_BR_IF:
        snprintf(text, sizeof text, "i32.const 1 local.set %u block 64", z);
        put_text(b, text, OP_NOP);
        put_it(e);
        snprintf(text, sizeof text, "br_if 0 i32.const 0 local.set %u end", z);
        break;
    case USE_BR_IF_NOT:
        put_text(b, "block 64", OP_NOP);
        put_it(e);
        snprintf(text, sizeof text, "i32.eqz br_if 0 i32.const 1 local.set %u end", z);
        break;
    case USE_LOOP: /* turns twice if true */
        snprintf(text, sizeof text, "i32.const -1 local.set %u block 64 loop 64 local.get %u i32.const 1 i32.add local.set %u", z, z, z);
        put_text(b, text, OP_NOP);
        snprintf(text, sizeof text, "local.get %u br_if 1", z);
        put_text(b, text, OP_NOP);
        put_preparation(b, e->form, build);
        put_it(e);
        snprintf(text, sizeof text, "br_if 0 end end");
        break;
    case USE_CONDITION:
        snprintf(text, sizeof text, "i32.const 1 local.set %u local.get %u local.get %u", y, y, z);
        put_text(b, text, OP_NOP);
        put_it(e);
        snprintf(text, sizeof text, "select local.set %u", z);
        break;
    default:
        put_text(b, "i32.const 1 i32.const 0", OP_NOP);
        put_it(e);
        snprintf(text, sizeof text, "select local.set %u", z);
        break;
    }
    put_text(b, text, OP_NOP);
    put_store_local(e, LOCAL_Z, OT_i32, OUT_AT);
}

void put_form(Bytes *bodies, const Row *row, const Form *form, u32 variant, u32 constant, const Build *build)
{
    Bytes b = {0};
    Emission e = {&b, row, form, variant, constant, build};
    put_prologue(&b, row, build);
    if (form->use != USE_LOOP) put_preparation(&b, form, build);
    put_forgetting(&e);
    if (row->nresults == 0) {
        put_it(&e);
    } else if (row->nresults == 2 || form->use == USE_LOCAL || form->use == USE_FIRST || form->use == USE_SECOND) {
        put_local_use(&e);
    } else if (form->use == USE_LOAD_AT) {
        put_i32(&b, OUT_AT);
        put_it(&e);
        put_text(&b, "i32.load8_u 0 0 i32.store 0 0", OP_NOP);
    } else if (form->use == USE_STORE_AT) {
        put_it(&e);
        put_text(&b, "i32.const 90 i32.store8 0 0", OP_NOP);
    } else if (form->use >= USE_IF) {
        put_condition_use(&e);
    } else {
        put_value_use(&e);
    }
    put_op(&b, OP_END);
    put_sized(bodies, &b);
}

Bytes row_function(const Row *row, const Build *build)
{
    Bytes b = {0};
    put_byte(&b, 0);
    if (row->special != NULL) {
        const char *text = "local.get 0";
        if (row->nvariants < COUNT_OF(row->special->text) && row->special->text[row->nvariants] != NULL)
            text = row->special->text[row->nvariants] + 1;
        put_text(&b, text, row->op);
    } else {
        for (u32 i = 0; i < row->nargs; i++) put_index(&b, OP_LOCAL_GET, i);
        put_row(&b, row, 0, build);
    }
    put_op(&b, OP_END);
    return b;
}

void put_oracle(Bytes *bodies, const Row *row, u32 variant, const Build *build)
{
    Form plain = {.use = USE_STORE};
    if (row->oracle_text == NULL) {
        put_form(bodies, row, &plain, variant, 0, build);
        return;
    }
    Bytes b = {0};
    put_prologue(&b, row, build);
    put_i32(&b, OUT_AT);
    put_text(&b, row->oracle_text, row->op);
    put_store(&b, row->results[0], build);
    put_op(&b, OP_END);
    put_sized(bodies, &b);
}
