/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* oracle.c - every row of the instruction table against an engine that is not ours.
 *
 *     oracle write CASES               modules and cases of all rows, for v8.js to run
 *     oracle update EXPECTED RESULTS   stores what v8.js got: a hash a row
 *     oracle check EXPECTED [RESULTS]  runs the rows here in all their forms, and compares
 *     oracle uncovered                 lists the handlers that none of this is lowered to
 *
 * The plain form of a row must end as stored, and as the results say if there are any; every other form, and
 * the same with explicit bounds checks, in another memory, with 64-bit addresses and in far slots, must end as
 * the plain one did. A row is checked once for what is stored, once for the results, and once for every form.
 */
#include <stdio.h>

#include "binary/decode.h"
#include "code/code.h"
#include "forms.h"
#include "interp/interp.h"
#include "runtime/exec.h"

typedef struct Seen {
    u8 code;               /* TrapCode */
    u8 mem[SEEN_BYTES];
} Seen;

typedef struct Expectation {
    char name[48];
    u32 ncases;
    u64 cases_hash, results_hash; /* 0 cases: nothing is known */
} Expectation;

/* What v8.js wrote, or nothing. */
typedef struct Results {
    u8 *p;
    size_t n, at;
    char version[64];
} Results;

static u32 npassed, nfailed, nskipped;
static Expectation expectations[OP_COUNT];

static void count(bool ok)
{
    if (ok) {
        npassed++;
    } else {
        nfailed++;
    }
}

static u64 hash_bytes(u64 h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const u8 *)p)[i]) * 0x100000001b3ull;
    return h;
}
#define HASH_START 0xcbf29ce484222325ull

/* How an ending is told to other engines, which distinguish less. 0: it returned. */
static char class_of_trap(const Row *row, TrapCode code)
{
    switch (code) {
    case TRAP_NONE: return 0;
    case TRAP_UNREACHABLE: return 'U';
    case TRAP_MEMORY_BOUNDS: return 'M';
    case TRAP_TABLE_BOUNDS:
    case TRAP_UNDEFINED_ELEMENT: return 'T';
    case TRAP_UNINITIALIZED_ELEMENT:
    case TRAP_INDIRECT_CALL_TYPE: return 'S';
    case TRAP_INTEGER_OVERFLOW: return row->info->shape == SHAPE_NUM1T ? 'F' : 'O';
    case TRAP_INVALID_CONVERSION: return 'F';
    case TRAP_DIVIDE_BY_ZERO: return 'Z';
    case TRAP_NULL_FUNCTION:
    case TRAP_NULL_STRUCT:
    case TRAP_NULL_ARRAY:
    case TRAP_NULL_I31:
    case TRAP_NULL_EXCEPTION:
    case TRAP_NULL_REFERENCE: return 'N';
    case TRAP_CAST_FAILURE: return 'C';
    case TRAP_ARRAY_BOUNDS: return 'R';
    case TRAP_UNALIGNED_ATOMIC: return 'A';
    case TRAP_UNCAUGHT_EXCEPTION: return 'X';
    default: return '?';
    }
}

/* Of two reasons to trap, engines may give either. */
static char class_folded(const Row *row, const Case *c, char class)
{
    if (row->info->is_atomic && class == 'A') {
        u64 address = case_address(row, c);
        return address + row->info->mem_bytes > PAGE_BYTES ? 'M' : class;
    }
    bool is_init = row->op == OP_ARRAY_INIT_DATA || row->op == OP_ARRAY_INIT_ELEM;
    return is_init && (class == 'M' || class == 'T') ? 'R' : class;
}

/* --- files ---------------------------------------------------------------------------------------- */

static bool read_file(const char *path, u8 **p, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    Bytes b = {0};
    u8 block[4096];
    for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;) put_bytes(&b, block, got);
    fclose(file);
    *p = b.p;
    *n = b.n;
    return true;
}

static bool results_open(Results *r, const char *path)
{
    *r = (Results){0};
    if (!read_file(path, &r->p, &r->n) || r->n < 1 || r->n < 1u + r->p[0] || r->p[0] >= sizeof r->version) return false;
    memcpy(r->version, r->p + 1, r->p[0]);
    r->at = 1u + r->p[0];
    return true;
}

/* The row's results, ncases of 1 + SEEN_BYTES, or NULL if that engine could not run it. */
static u8 *results_next(Results *r, const Row *row)
{
    size_t size = (size_t)row->ncases * (1 + SEEN_BYTES);
    if (r->at >= r->n) return NULL;
    if (r->p[r->at++] == 0) return NULL;
    if (size > r->n - r->at) {
        printf("FAIL results: cut off\n");
        exit(1);
    }
    u8 *p = r->p + r->at;
    r->at += size;
    return p;
}

/* NAME NCASES CASES-HASH RESULTS-HASH, names having ~ for spaces. */
static void expectations_read(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[200], name[48];
    u32 ncases;
    unsigned long long cases, results;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || sscanf(line, "%47s %u %llx %llx", name, &ncases, &cases, &results) != 4) continue;
        for (char *p = name; *p != '\0'; p++) *p = *p == '~' ? ' ' : *p;
        Op op = tern_op_of_text(name);
        if (op != OP_NONE) expectations[op] = (Expectation){.ncases = ncases, .cases_hash = cases, .results_hash = results};
    }
    if (file != NULL) fclose(file);
}

static bool expectations_write(const char *path, const char *version)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) return false;
    fprintf(file, "# What the rows' cases give in V8 %s: NAME NCASES HASH-OF-CASES HASH-OF-RESULTS. Made by test/ops/run --update.\n",
            version);
    for (u32 op = 0; op < OP_COUNT; op++) {
        const Expectation *e = &expectations[op];
        if (e->ncases == 0) continue;
        for (const char *p = tern_op_info[op].text; *p != '\0'; p++) fputc(*p == ' ' ? '~' : *p, file);
        fprintf(file, " %u %016llx %016llx\n", e->ncases, (unsigned long long)e->cases_hash, (unsigned long long)e->results_hash);
    }
    return fclose(file) == 0;
}

static Bytes oracle_module(const Row *row)
{
    Build build = {0};
    Bytes bodies = {0}, function = row_function(row, &build);
    if (row->oracle_text != NULL) { /* the engine may not know the row itself */
        bytes_done(&function);
        put_byte(&function, 0);
        put_text(&function, "unreachable end", OP_NOP);
    }
    for (u32 v = 0; v < row->nvariants; v++) put_oracle(&bodies, row, v, &build);
    return build_module(row, &build, row->nvariants, &bodies, &function);
}

static u64 cases_hash(const Row *row, const Bytes *module)
{
    u64 h = hash_bytes(HASH_START, module->p, module->n);
    for (u32 i = 0; i < row->ncases; i++) {
        h = hash_bytes(h, &row->cases[i].variant, sizeof row->cases[i].variant);
        h = hash_bytes(h, row->cases[i].image, IMAGE_BYTES);
    }
    return h;
}

/* For v8.js: sizes of the layout, then each row: name, module, variants, cases; all numbers are u32. */
static bool write_cases(const char *path)
{
    static const u32 layout[] = {OUT_AT, LOW_BYTES, TAIL_AT, TAIL_BYTES};
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    Bytes b = {0};
    for (u32 i = 0; i < COUNT_OF(layout); i++) put_u32(&b, layout[i]);
    for (Op op = 0; op < OP_COUNT; op++) {
        Row row;
        const char *why;
        if (!row_init(&row, op, &why)) continue;
        Bytes module = oracle_module(&row);
        put_u32(&b, (u32)strlen(row.info->text));
        put_bytes(&b, row.info->text, strlen(row.info->text));
        put_u32(&b, (u32)module.n);
        put_bytes(&b, module.p, module.n);
        put_u32(&b, row.nvariants);
        put_u32(&b, row.ncases);
        for (u32 i = 0; i < row.ncases; i++) {
            put_u32(&b, row.cases[i].variant);
            put_bytes(&b, row.cases[i].image, IMAGE_BYTES);
        }
        bytes_done(&module);
        row_done(&row);
        fwrite(b.p, 1, b.n, file);
        bytes_done(&b);
    }
    return fclose(file) == 0;
}

/* --- running here --------------------------------------------------------------------------------- */

typedef struct Machine {
    Engine *engine;
    Store *store;
    Exec *x;
    Module *module;
    Instance *instance;
    Memory *memory;
} Machine;

static bool machine_init(Machine *m, const Row *row, bool memories_move)
{
    EngineOptions options = {.alloc = tern_port_system_alloc(), .features = FEATURES_ALL, .tier = &tern_interp_tier,
                             .memories_move = memories_move};
    *m = (Machine){.engine = tern_engine_new(&options)};
    m->store = m->engine != NULL ? tern_store_new(m->engine) : NULL;
    m->x = m->store != NULL ? tern_exec_new(m->store, 4u << 20) : NULL;
    if (m->x == NULL) printf("FAIL %s: no memory\n", row->info->text);
    return m->x != NULL;
}

static void machine_done(Machine *m)
{
    tern_module_release(m->module);
    tern_exec_free(m->x);
    tern_store_free(m->store);
    tern_engine_free(m->engine);
}

static bool machine_instantiate(Machine *m, const Row *row, const Bytes *bytes, const Build *build)
{
    DecodeOptions options = {.features = FEATURES_ALL, .copy_bytes = true};
    Diag diag = {0};
    TrapCode trap = TRAP_NONE;
    if (m->module == NULL)
        m->module = tern_module_decode(m->engine->types, m->engine->options.alloc, bytes->p, bytes->n, &options, &diag);
    m->instance = m->module != NULL ? tern_instance_new(m->store, m->module, NULL, NULL, &diag, &trap) : NULL;
    if (m->instance == NULL) {
        char text[200];
        tern_diag_format(&diag, text, sizeof text);
        printf("FAIL %s: %s\n", row->info->text, text);
        return false;
    }
    m->memory = m->instance->memories[build->memory];
    return true;
}

/* What lies beyond the image, and an address with an offset may reach, is cleared: cases do not depend on
 * each other, except in rows whose purpose is to change something for good. */
static void run_case(Machine *m, u32 func, const Case *c, Seen *seen)
{
    u8 *base = m->memory->base;
    memset(base + LOW_BYTES, 0, 512 - LOW_BYTES);
    memset(base + PAGE_BYTES - 512, 0, 512);
    memcpy(base, c->image, LOW_BYTES);
    memcpy(base + TAIL_AT, c->image + LOW_BYTES, TAIL_BYTES);
    FuncInst *f = tern_instance_func(m->instance, FUNC_TESTS + func);
    u64 cells[2] = {0, 0};
    seen->code = (u8)tern_exec_call(m->x, f, cells, cells);
    base = m->memory->base;
    memcpy(seen->mem, base + OUT_AT, LOW_BYTES - OUT_AT);
    memcpy(seen->mem + LOW_BYTES - OUT_AT, base + TAIL_AT, TAIL_BYTES);
}

/* What a form should leave, given what the plain one did. False: it cannot be known. */
static bool expect_of_form(const Form *form, const Seen *plain, Seen *want)
{
    *want = *plain;
    if (form->use < USE_IF || plain->code != TRAP_NONE) return true;
    u32 v;
    memcpy(&v, plain->mem, sizeof v);
    memset(want->mem, 0xcc, sizeof v); /* as the image had it */
    if (form->use < USE_LOAD_AT) {
        v = v != 0;
        memcpy(want->mem, &v, sizeof v);
        return true;
    }
    bool is_low = v >= OUT_AT && v < LOW_BYTES, is_high = v >= TAIL_AT && v < PAGE_BYTES;
    u32 at = is_low ? v - OUT_AT : v - TAIL_AT + LOW_BYTES - OUT_AT;
    if (v >= PAGE_BYTES) {
        want->code = TRAP_MEMORY_BOUNDS;
    } else if (form->use == USE_STORE_AT) {
        if (is_low || is_high) want->mem[at] = 90;
    } else if (is_low || is_high) {
        v = want->mem[at];
        memcpy(want->mem, &v, sizeof v);
    } else {
        return false;
    }
    return true;
}

static void print_bits(const char *what, const u8 *p)
{
    printf(" %s", what);
    for (u32 i = 16; i-- > 0;) printf("%02x%s", p[i], i % 4 == 0 && i > 0 ? "_" : "");
}

static void print_mismatch(const Row *row, const char *where, u32 index, char got_class, const u8 *got, char want_class,
                           const u8 *want)
{
    const Case *c = &row->cases[index];
    printf("FAIL %s, %s: case %u, variant %u:", row->info->text, where, index, c->variant);
    for (u32 i = 0; i < row->nargs; i++) print_bits("operand ", c->image + IN_AT + i * IN_STEP);
    printf("; ended %c, should %c;", got_class != 0 ? got_class : '-', want_class != 0 ? want_class : '-');
    u32 at = 0;
    while (at < SEEN_BYTES - 16 && got[at] == want[at]) at++;
    at = at / 16 * 16;
    printf(" at %u:", at);
    print_bits("is ", got + at);
    print_bits("should be ", want + at);
    printf("\n");
}

static bool same_in_form(const Row *row, const Form *form, const char *mode, u32 index, Seen *got, const Seen *plain)
{
    Seen want;
    if (!expect_of_form(form, plain, &want)) return true;
    if (form->use < USE_IF) make_nans_canonical(row, &row->cases[index], got->mem);
    if (got->code == want.code && memcmp(got->mem, want.mem, SEEN_BYTES) == 0) return true;
    char name[80], where[120];
    form_name(row, form, name, sizeof name);
    snprintf(where, sizeof where, "%s%s", name, mode);
    print_mismatch(row, where, index, class_of_trap(row, (TrapCode)got->code), got->mem,
                   class_of_trap(row, (TrapCode)want.code), want.mem);
    return false;
}

/* Constants are worth their many functions in the first variant only, and not all of them as
 * operands of conditions. */
static u32 count_constants(const Row *row, const Form *form, u32 variant)
{
    u32 n = form_nconstants(row, form);
    if (form->use >= USE_IF && n > 8) n = 8;
    return n > 1 && variant > 0 ? 0 : n;
}

typedef struct Mode {
    const char *name;
    bool memories_move, is_brief;
    Build build;
    u32 every; /* only every so many cases */
} Mode;

static const Mode modes[] = {
    {.name = "", .every = 1},
    {.name = ", checked", .memories_move = true, .every = 1},
    {.name = ", memory 1", .is_brief = true, .build = {.memory = 1}, .every = 1},
    {.name = ", 64-bit memory", .is_brief = true, .build = {.is_64 = true}, .every = 1},
    {.name = ", far slots", .is_brief = true, .build = {.is_far = true}, .every = 53},
};

static bool has_mode(const Row *row, const Mode *mode)
{
    if (mode == &modes[0]) return true;
    if (mode->build.is_far) return row->special == NULL && row->nargs > 0;
    return row->is_memory || (mode->memories_move && row->special != NULL);
}

/* The module with all forms of a row; first[form * nvariants + variant] is the number of their first function. */
static Bytes forms_module(const Row *row, const Build *build, const Form *forms, u32 nforms, u32 *first)
{
    u32 nfuncs = 0;
    Bytes bodies = {0}, function = row_function(row, build);
    for (u32 f = 0; f < nforms; f++)
        for (u32 v = 0; v < row->nvariants; v++) {
            first[f * row->nvariants + v] = nfuncs;
            u32 n = count_constants(row, &forms[f], v);
            for (u32 k = 0; k < n; k++) put_form(&bodies, row, &forms[f], v, k, build);
            nfuncs += n;
        }
    return build_module(row, build, nfuncs, &bodies, &function);
}

/* Runs all forms, the plain one filling plain if that is still to be known. False: not at all. */
static bool run_forms(const Row *row, const Mode *mode, Seen *plain, bool *is_known)
{
    Form forms[MAX_FORMS];
    u32 nforms = forms_of(row, mode->is_brief, forms);
    u32 *first = calloc((size_t)nforms * row->nvariants, sizeof *first);
    if (first == NULL) abort();
    Bytes module = forms_module(row, &mode->build, forms, nforms, first);
    Machine m;
    bool ok = machine_init(&m, row, mode->memories_move);
    for (u32 f = 0; f < nforms && ok; f++) {
        if (f == 0 || row->special != NULL) ok = machine_instantiate(&m, row, &module, &mode->build);
        u32 nwrong = 0;
        for (u32 i = 0; i < row->ncases && ok && nwrong < 2; i += mode->every) {
            const Case *c = &row->cases[i];
            s32 k = form_constant_of(row, &forms[f], c);
            if (k < 0 || (u32)k >= count_constants(row, &forms[f], c->variant)) continue;
            if (forms[f].use == USE_CALL && c->variant != 0) continue;
            Seen seen;
            run_case(&m, first[f * row->nvariants + c->variant] + (u32)k, c, &seen);
            if (!*is_known) {
                make_nans_canonical(row, c, seen.mem);
                plain[i] = seen;
            } else if (!same_in_form(row, &forms[f], mode->name, i, &seen, &plain[i])) {
                nwrong++;
            }
        }
        *is_known = true;
        count(ok && nwrong == 0);
    }
    machine_done(&m);
    bytes_done(&module);
    free(first);
    return ok;
}

static char class_of_plain(const Row *row, const Seen *plain, u32 i)
{
    return class_folded(row, &row->cases[i], class_of_trap(row, (TrapCode)plain[i].code));
}

/* --- comparing ------------------------------------------------------------------------------------ */

/* 128-bit integers are the reference for wide arithmetic. Returns false for other rows. */
static bool wide_meaning(const Row *row, const Case *c, u8 *mem)
{
#if defined(__SIZEOF_INT128__)
    typedef unsigned __int128 u128;
    u64 v[4];
    for (u32 i = 0; i < 4; i++) v[i] = case_operand(c, i).c[0];
    u128 a = (u128)v[1] << 64 | v[0], b = (u128)v[3] << 64 | v[2], r;
    switch ((u32)row->op) {
    case OP_I64_ADD128: r = a + b; break;
    case OP_I64_SUB128: r = a - b; break;
    case OP_I64_MUL_WIDE_U: r = (u128)v[0] * v[1]; break;
    case OP_I64_MUL_WIDE_S: r = (u128)((__int128)(s64)v[0] * (s64)v[1]); break;
    default: return false;
    }
    u64 lo = (u64)r, hi = (u64)(r >> 64);
    memcpy(mem, &lo, 8);
    memcpy(mem + 16, &hi, 8);
    return true;
#else
    (void)row, (void)c, (void)mem;
    return false;
#endif
}

static bool check_wide(const Row *row, const Seen *plain)
{
    bool ok = true;
    for (u32 i = 0; i < row->ncases && ok; i++) {
        u8 want[SEEN_BYTES];
        memcpy(want, row->cases[i].image + OUT_AT, SEEN_BYTES);
        if (!wide_meaning(row, &row->cases[i], want)) return false;
        ok = plain[i].code == TRAP_NONE && memcmp(plain[i].mem, want, SEEN_BYTES) == 0;
        if (!ok) print_mismatch(row, "128-bit integers", i, class_of_trap(row, (TrapCode)plain[i].code), plain[i].mem, 0, want);
    }
    count(ok);
    return true;
}

static u64 hash_results(const Row *row, const Seen *plain)
{
    u64 h = HASH_START;
    for (u32 i = 0; i < row->ncases; i++) {
        char class = class_of_plain(row, plain, i);
        h = hash_bytes(hash_bytes(h, &class, 1), plain[i].mem, SEEN_BYTES);
    }
    return h;
}

/* Canonical in place. */
static u64 hash_foreign(const Row *row, u8 *results)
{
    for (u32 i = 0; i < row->ncases; i++) {
        u8 *result = results + (size_t)i * (1 + SEEN_BYTES);
        result[0] = (u8)class_folded(row, &row->cases[i], (char)result[0]);
        make_nans_canonical(row, &row->cases[i], result + 1);
    }
    return hash_bytes(HASH_START, results, (size_t)row->ncases * (1 + SEEN_BYTES));
}

static void check_live(const Row *row, const Seen *plain, const u8 *results, const char *version)
{
    u32 nwrong = 0;
    for (u32 i = 0; i < row->ncases && nwrong < 4; i++) {
        const u8 *want = results + (size_t)i * (1 + SEEN_BYTES);
        char class = class_of_plain(row, plain, i);
        if (class == (char)want[0] && memcmp(plain[i].mem, want + 1, SEEN_BYTES) == 0) continue;
        print_mismatch(row, version, i, class, plain[i].mem, (char)want[0], want + 1);
        nwrong++;
    }
    count(nwrong == 0);
}

/* Which conversion trap it is, other engines do not say. */
static void check_conversion(const Row *row, const Seen *plain)
{
    bool ok = true;
    for (u32 i = 0; i < row->ncases && ok; i++) {
        u64 v = case_operand(&row->cases[i], 0).c[0];
        bool is_nan = row->args[0] == OT_f32 ? (v & 0x7fffffff) > 0x7f800000 : (v & INT64_MAX) > 0x7ff0000000000000;
        ok = plain[i].code == TRAP_NONE || plain[i].code == (is_nan ? TRAP_INVALID_CONVERSION : TRAP_INTEGER_OVERFLOW);
        if (!ok) printf("FAIL %s: case %u: a NaN is an invalid conversion, other numbers overflow\n", row->info->text, i);
    }
    count(ok);
}

static void check_row(const Row *row, Results *live, u32 *nlive)
{
    Seen *plain = calloc(row->ncases, sizeof *plain);
    if (plain == NULL) abort();
    bool is_known = false;
    u8 *results = live != NULL ? results_next(live, row) : NULL;
    bool ok = run_forms(row, &modes[0], plain, &is_known);
    for (u32 i = 1; i < COUNT_OF(modes) && ok; i++) {
        if (has_mode(row, &modes[i])) run_forms(row, &modes[i], plain, &is_known);
    }
    if (!ok) {
        nfailed++;
        free(plain);
        return;
    }
    const Expectation *e = &expectations[row->op];
    bool has_model = row->info->feature == FEATURE_WIDE_ARITHMETIC && check_wide(row, plain);
    Bytes module = oracle_module(row);
    if (e->ncases == 0) {
        if (!has_model && results == NULL) {
            printf("SKIP %s: no result of another engine is stored\n", row->info->text);
            nskipped++;
        }
    } else if (e->ncases != row->ncases || e->cases_hash != cases_hash(row, &module)) {
        printf("FAIL %s: what is stored is of other cases; test/ops/run --update\n", row->info->text);
        count(false);
    } else {
        bool is_same = e->results_hash == hash_results(row, plain);
        if (!is_same) printf("FAIL %s: not the results that are stored\n", row->info->text);
        count(is_same);
    }
    bytes_done(&module);
    if (results != NULL) {
        (*nlive)++;
        hash_foreign(row, results);
        check_live(row, plain, results, live->version);
    }
    if (row->info->shape == SHAPE_NUM1T) check_conversion(row, plain);
    free(plain);
}

static int check(const char *expected_path, const char *results_path)
{
    Results live;
    bool is_live = results_path != NULL && results_open(&live, results_path);
    u32 nlive = 0, nrows = 0;
    expectations_read(expected_path);
    for (Op op = 0; op < OP_COUNT; op++) {
        Row row;
        const char *why;
        if (!row_init(&row, op, &why)) {
            printf("SKIP %s: %s\n", tern_op_info[op].text, why);
            nskipped++;
            continue;
        }
        nrows++;
        check_row(&row, is_live ? &live : NULL, &nlive);
        row_done(&row);
    }
    printf("wide arithmetic is compared with 128-bit integers\n");
    if (is_live) {
        printf("%u of %u rows compared with V8 %s itself, all with what is stored\n", nlive, nrows, live.version);
        free(live.p);
    } else {
        printf("SKIP live: there is no node here; compared with what is stored only\n");
        nskipped++;
    }
    printf("%u passed, %u failed, %u skipped\n", npassed, nfailed, nskipped);
    return nfailed > 0;
}

static int update(const char *expected_path, const char *results_path)
{
    Results live;
    if (!results_open(&live, results_path)) {
        fprintf(stderr, "%s: cannot be read\n", results_path);
        return 2;
    }
    expectations_read(expected_path);
    for (Op op = 0; op < OP_COUNT; op++) {
        Row row;
        const char *why;
        if (!row_init(&row, op, &why)) continue;
        u8 *results = results_next(&live, &row);
        Bytes module = oracle_module(&row);
        if (results != NULL)
            expectations[op] = (Expectation){.ncases = row.ncases, .cases_hash = cases_hash(&row, &module),
                                             .results_hash = hash_foreign(&row, results)};
        bytes_done(&module);
        row_done(&row);
    }
    bool ok = expectations_write(expected_path, live.version);
    free(live.p);
    return ok ? 0 : 2;
}

static bool is_lowered[H_COUNT];

static u32 record_handler(Handler handler)
{
    is_lowered[handler] = true;
    return 0;
}

/* Names the handlers that no form is lowered to. */
static int list_uncovered(void)
{
    for (Op op = 0; op < OP_COUNT; op++) {
        Row row;
        const char *why;
        if (!row_init(&row, op, &why)) continue;
        for (u32 i = 0; i < COUNT_OF(modes); i++) {
            if (!has_mode(&row, &modes[i])) continue;
            Form forms[MAX_FORMS];
            u32 nforms = forms_of(&row, modes[i].is_brief, forms);
            u32 *first = calloc((size_t)nforms * row.nvariants, sizeof *first);
            if (first == NULL) abort();
            Bytes bytes = forms_module(&row, &modes[i].build, forms, nforms, first);
            Machine m;
            if (!machine_init(&m, &row, false) || !machine_instantiate(&m, &row, &bytes, &modes[i].build)) exit(1);
            Diag diag = {0};
            DecodeOptions options = {.features = FEATURES_ALL, .copy_bytes = false};
            Module *module = tern_module_decode(m.engine->types, m.engine->options.alloc, bytes.p, bytes.n, &options, &diag);
            ModuleCode *code = tern_code_of(module, record_handler);
            CodeSet *set = tern_code_set(code, modes[i].memories_move ? CODE_CHECKED : CODE_GUARDED);
            for (u32 f = 0; f < module->nfuncs; f++) tern_code_lower(code, set, f, record_handler, &diag);
            tern_module_release(module);
            machine_done(&m);
            bytes_done(&bytes);
            free(first);
        }
        row_done(&row);
    }
    u32 n = 0;
    for (u32 h = 0; h < H_COUNT; h++) {
        n += is_lowered[h];
        if (!is_lowered[h]) printf("%s\n", tern_handler_name((Handler)h));
    }
    printf("%u of %u handlers\n", n, (u32)H_COUNT);
    return 0;
}

int main(int argc, char **argv)
{
    tern_port_fault_init();
    if (argc == 3 && strcmp(argv[1], "write") == 0) return write_cases(argv[2]) ? 0 : 2;
    if (argc == 4 && strcmp(argv[1], "update") == 0) return update(argv[2], argv[3]);
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "check") == 0) return check(argv[2], argc == 4 ? argv[3] : NULL);
    if (argc == 2 && strcmp(argv[1], "uncovered") == 0) return list_uncovered();
    fprintf(stderr, "usage: oracle write CASES | update EXPECTED RESULTS | check EXPECTED [RESULTS] | uncovered\n");
    return 2;
}
