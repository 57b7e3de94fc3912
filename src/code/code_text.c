/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* code_text.c - register code to read: a line an instruction, its number, handler and operands.
 *
 * Fields come in the order of the handler's layout, so this is what encode.c writes, with labels as the numbers of
 * the instructions they stand before.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "code/ins.h"

typedef struct Text {
    char *buf;
    size_t size, length; /* length: what there would be with room enough */
} Text;

static void add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(Text *text, const char *format, ...)
{
    size_t used = text->length < text->size ? text->length : text->size;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->buf == NULL ? NULL : text->buf + used, text->size - used, format, args);
    va_end(args);
    if (n > 0) text->length += (size_t)n;
}

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
    case 'd': add(text, " d=r%" PRIu32, ins->d); break;
    case '1': add(text, " r%" PRIu32, ins->s1); break;
    case '2': add(text, " r%" PRIu32, ins->s2); break;
    case '3': add(text, " r%" PRIu32, ins->s3); break;
    case 'B': add(text, " base=r%" PRIu32, ins->d); break;
    case 'g': add(text, " #%" PRIu32, ins->index); break;
    case 'i': add(text, " %" PRId32, (s32)ins->imm); break;
    case 'j': add(text, " %" PRId32, (s32)ins->imm2); break;
    case 'I': add(text, " 0x%" PRIx64, ins->imm); break;
    case 'o': add(text, " off %" PRIu32, (u32)ins->off); break;
    case 'O': add(text, " off 0x%" PRIx64, ins->off); break;
    case 't': add(text, " -> %" PRIu32, target(f, ins->target)); break;
    case 'T': {
        const u32 *table = &f->tables.items[ins->target];
        add(text, " ->");
        for (u32 i = 0; i < table[0]; i++) add(text, " %" PRIu32, target(f, table[1 + i]));
        add(text, " else %" PRIu32, target(f, table[1 + table[0]]));
        break;
    }
    default: break; /* the header's slot */
    }
}

size_t tern_code_text(const Module *module, u32 func_index, char *buf, size_t size)
{
    Text text = {buf, size, 0};
    if (size > 0) buf[0] = '\0';
    LoweredFunc f;
    Diag diag = {0};
    if (func_index < module->nimported[EXTERN_FUNC] || func_index >= module->nfuncs ||
        !tern_lower_body(module, func_index, CODE_CHECKED, &f, &diag))
        return 0;
    for (u32 i = 0; i < f.ins.n; i++) {
        const Ins *ins = &f.ins.items[i];
        Handler handler = tern_ins_handler(ins, f.mode);
        const char *layout = tern_handler_layouts[handler];
        bool has_fields = strpbrk(layout, "d123BgijIoOtT") != NULL;
        add(&text, "%4" PRIu32 "  %-*s", i, has_fields ? 16 : 0, tern_handler_name(handler));
        for (const char *l = layout; *l != '\0'; l++) add_field(&text, &f, ins, *l);
        add(&text, "\n");
    }
    tern_lowered_done(&f);
    return text.length;
}
