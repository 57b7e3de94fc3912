/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* text.c - appending to a Text. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

void tern_text_add(Text *text, const char *format, ...)
{
    size_t room = text->length < text->size ? text->size - text->length : 0;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room > 0 ? text->buf + text->length : NULL, room, format, args);
    va_end(args);
    if (n > 0) text->length += (size_t)n;
}
