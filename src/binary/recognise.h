/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* recognise.h - what a file that is no core module probably is, and what to do about it. */
#ifndef TERN_BINARY_RECOGNISE_H
#define TERN_BINARY_RECOGNISE_H

#include "base/types.h"

/* One sentence, static; "" if the bytes are of no known kind or may well be a module. */
const char *tern_file_recognise(const u8 *bytes, size_t size);

#endif
