/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* diag.h - why an input was refused, said once by whoever noticed.
 *
 * Bad input (malformed, invalid, unlinkable) is reported through a Diag: the first failure wins, callers
 * just return. The code's text is the specification's wording; place and detail follow it.
 */
#ifndef TERN_BASE_DIAG_H
#define TERN_BASE_DIAG_H

#include "base/types.h"

typedef enum DiagCode {
#define DIAG(name, kind, text) DIAG_##name,
#include "base/diags.def"
    DIAG_COUNT
} DiagCode;

/* MALFORMED and INVALID concern a module, LINK an instantiation, RESOURCE a limit or memory. */
typedef enum DiagKind { DIAG_KIND_NONE, DIAG_KIND_MALFORMED, DIAG_KIND_INVALID, DIAG_KIND_LINK,
                        DIAG_KIND_RESOURCE } DiagKind;

#define DIAG_NO_OFFSET UINT64_MAX
#define DIAG_NO_FUNC UINT32_MAX

typedef struct Diag {
    DiagCode code;       /* DIAG_NONE: no failure */
    u64 offset;          /* byte offset in the module, or DIAG_NO_OFFSET */
    const char *section; /* static text like "code", or NULL */
    u32 func_index;      /* or DIAG_NO_FUNC */
    char detail[160];    /* NUL-terminated; may be empty: "expected i32, got i64" */
} Diag;

/* Records the failure unless one is recorded already, with section and func_index unknown: whoever
 * knows them fills them in afterwards. Always false, so that callers return it. detail is a printf
 * format or NULL; diag may be NULL. */
bool tern_diag_set(Diag *diag, DiagCode code, u64 offset, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

/* A detail with its arguments, or NULL in a build without TERN_DETAILS, where they are not even worked out. */
#if TERN_DETAILS
#define DETAIL(...) __VA_ARGS__
#else
#define DETAIL(...) (false ? tern_diag_unsaid(__VA_ARGS__) : NULL)
__attribute__((format(printf, 1, 2))) static inline const char *tern_diag_unsaid(const char *detail, ...)
{
    return detail;
}
#endif

/* The specification's wording, or our own where it has none. */
const char *tern_diag_text(DiagCode code);
DiagKind tern_diag_kind(DiagCode code);

/* "type mismatch: expected i32, got i64 (offset 0x1f3, code section, function 7)". A detail that
 * begins with a digit or a blank continues the text without a colon: "unknown type 7". Always
 * NUL-terminates when size > 0; returns what snprintf would. */
int tern_diag_format(const Diag *diag, char *buf, size_t size);

#endif
