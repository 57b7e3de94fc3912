/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* text.h - text put together in a buffer that may be too small for it, with snprintf's contract: it ends in a NUL if
 * there is room for one, and its whole length is known in the end. */
#ifndef TERN_BASE_TEXT_H
#define TERN_BASE_TEXT_H

#include <stddef.h>

typedef struct Text {
    char *buf; /* may be NULL when size is 0 */
    size_t size, length; /* length: what there would be with room enough */
} Text;

/* Appends, like printf. */
void tern_text_add(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
