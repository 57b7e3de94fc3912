/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tern_type_text.h - types as hosts write them: a small part of the text format, and what
 * tern_module_type_text writes, read back.
 *
 *     func    = ("(param" valtype* ")")* ("(result" valtype* ")")*
 *     memory  = address? limits "shared"? ("(pagesize" N ")")?
 *     table   = address? limits "shared"? reftype
 *     global  = valtype | "(mut" valtype ")"
 *     address = "i32" | "i64"
 *     limits  = N N?
 *
 * Concrete types are refused: their numbers are a module's.
 */
#ifndef TERN_API_TERN_TYPE_TEXT_H
#define TERN_API_TERN_TYPE_TEXT_H

#include <tern.h>

#include "module/module.h"

/* Each fails with an error of kind USAGE that says where in the text, or RESOURCE. Text may be NULL, which is an
 * error. */

/* A reference to the type is taken. */
bool tern_type_text_func(TypeRegistry *types, Alloc *alloc, const char *text, u32 *type_id, tern_error *error);
bool tern_type_text_memory(const char *text, MemoryType *out, tern_error *error);
bool tern_type_text_table(const char *text, TableType *out, tern_error *error);
bool tern_type_text_global(const char *text, GlobalType *out, tern_error *error);

#endif
