/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* diag.c - recording the first failure and saying it. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    DiagKind kind;
    const char *text;
} rows[] = {
#define DIAG(name, kind, text) {DIAG_KIND_##kind, text},
#define DIAG_GC(name, kind, text) {DIAG_KIND_##kind, TERN_GC ? text : ""},
#include "base/diags.def"
};

bool tern_diag_set(Diag *diag, DiagCode code, u64 offset, const char *detail, ...)
{
    if (diag == NULL || diag->code != DIAG_NONE) return false;
    diag->code = code;
    diag->offset = offset;
    diag->section = NULL;
    diag->func_index = DIAG_NO_FUNC;
    diag->detail[0] = '\0';
    if (detail != NULL) {
        va_list args;
        va_start(args, detail);
        vsnprintf(diag->detail, sizeof diag->detail, detail, args);
        va_end(args);
    }
    return false;
}

const char *tern_diag_text(DiagCode code)
{
    return (u32)code < COUNT_OF(rows) ? rows[code].text : "unknown error";
}

DiagKind tern_diag_kind(DiagCode code)
{
    return (u32)code < COUNT_OF(rows) ? rows[code].kind : DIAG_KIND_NONE;
}

/* What snprintf would do at the end of what is in buf already; adds to *length. */
static void append(char *buf, size_t size, size_t *length, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void append(char *buf, size_t size, size_t *length, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = *length < size ? size - *length : 0;
    int n = vsnprintf(room > 0 ? buf + *length : NULL, room, format, args);
    va_end(args);
    if (n > 0) *length += (size_t)n;
}

int tern_diag_format(const Diag *diag, char *buf, size_t size)
{
    size_t length = 0;
    append(buf, size, &length, "%s", tern_diag_text(diag->code));
    if (diag->code == DIAG_NONE) return (int)length;
    /* "unknown type 7", as the suite has it: a number continues the text, and so does a leading
     * blank. */
    char first = diag->detail[0];
    const char *join = first == ' ' ? "" : first >= '0' && first <= '9' ? " " : ": ";
    if (first != '\0') append(buf, size, &length, "%s%s", join, diag->detail);

    const char *before = " (";
    if (diag->offset != DIAG_NO_OFFSET) {
        append(buf, size, &length, "%soffset 0x%llx", before, (unsigned long long)diag->offset);
        before = ", ";
    }
    if (diag->section != NULL) {
        append(buf, size, &length, "%s%s section", before, diag->section);
        before = ", ";
    }
    if (diag->func_index != DIAG_NO_FUNC) {
        append(buf, size, &length, "%sfunction %u", before, (unsigned)diag->func_index);
        before = ", ";
    }
    if (before[0] == ',') append(buf, size, &length, ")");
    return (int)length;
}
