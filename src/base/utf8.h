/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* utf8.h - is this byte string UTF-8 (Unicode table 3-7: no overlong forms, no surrogates)? */
#ifndef TERN_BASE_UTF8_H
#define TERN_BASE_UTF8_H

#include "base/types.h"

bool tern_utf8_is_valid(const void *bytes, size_t size);

#endif
