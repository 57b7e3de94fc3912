/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* code_text.c - register code to read: a line an instruction, its number, handler and operands.
 *
 * Fields come in the order of the handler's layout, so this is what encode.c writes, with labels as the numbers of
 * the instructions they stand before.
 */
#include <inttypes.h>

#include "base/text.h"
#include "code/ins.h"

/* One text and where names begin in it: thousands of pointers would be relocated whenever a process starts. */
static const struct Names {
#define H(name, ...) char of_##name[sizeof #name];
#include "code/handlers.def"
} names = {
#define H(name, ...) #name,
#include "code/handlers.def"
};

const char *tern_handler_name(Handler handler)
{
    static const u32 starts[H_COUNT] = {
#define H(name, ...) [H_##name] = offsetof(struct Names, of_##name),
#include "code/handlers.def"
    };
    return (const char *)&names + starts[handler];
}

static u32 target(const LoweredFunc *f, u32 label)
{
    return f->labels.items[label].ins;
}

static void add_field(Text *text, const LoweredFunc *f, const Ins *ins, char letter)
{
    switch (letter) {
    case 'd': tern_text_add(text, " d=r%" PRIu32, ins->d); break;
    case '1': tern_text_add(text, " r%" PRIu32, ins->s1); break;
    case '2': tern_text_add(text, " r%" PRIu32, ins->s2); break;
    case '3': tern_text_add(text, " r%" PRIu32, ins->s3); break;
    case 'B': tern_text_add(text, " base=r%" PRIu32, ins->d); break;
    case 'g': tern_text_add(text, " #%" PRIu32, ins->index); break;
    case 'i': tern_text_add(text, " %" PRId32, (s32)ins->imm); break;
    case 'j': tern_text_add(text, " %" PRId32, (s32)ins->imm2); break;
    case 'I': tern_text_add(text, " 0x%" PRIx64, ins->imm); break;
    case 'o': tern_text_add(text, " off %" PRIu32, (u32)ins->off); break;
    case 'O': tern_text_add(text, " off 0x%" PRIx64, ins->off); break;
    case 't': tern_text_add(text, " -> %" PRIu32, target(f, ins->target)); break;
    case 'T': {
        const u32 *table = &f->tables.items[ins->target];
        tern_text_add(text, " ->");
        for (u32 i = 0; i < table[0]; i++) tern_text_add(text, " %" PRIu32, target(f, table[1 + i]));
        tern_text_add(text, " else %" PRIu32, target(f, table[1 + table[0]]));
        break;
    }
    default: break; /* the header's slot */
    }
}

size_t tern_code_text(const Module *module, u32 func_index, char *buf, size_t size)
{
    Text text = {buf, size, 0};
    if (size > 0) buf[0] = '\0';
    LoweredFunc f = {.alloc = module->alloc};
    Diag diag = {0};
    if (func_index < module->nimported[EXTERN_FUNC] || func_index >= module->nfuncs) return 0;
    bool ok = tern_lower_body(module, func_index, CODE_CHECKED, &f, &diag);
    for (u32 i = 0; ok && i < f.ins.n; i++) {
        const Ins *ins = &f.ins.items[i];
        Handler handler = tern_ins_handler(ins, f.mode);
        const char *layout = tern_handler_layouts[handler];
        bool has_fields = strpbrk(layout, "d123BgijIoOtT") != NULL;
        tern_text_add(&text, "%4" PRIu32 "  %-*s", i, has_fields ? 16 : 0, tern_handler_name(handler));
        for (const char *l = layout; *l != '\0'; l++) add_field(&text, &f, ins, *l);
        tern_text_add(&text, "\n");
    }
    tern_lowered_done(&f);
    return text.length;
}
