/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* inspect.h - what the two faces of tern inspect share. */
#ifndef TERN_CLI_INSPECT_H
#define TERN_CLI_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include <tern.h>

extern const char *const cli_kind_names[]; /* by tern_kind */

/* The type as text, to be freed; NULL if there is no memory. */
char *cli_type_text(const tern_module *module, tern_kind kind, uint32_t index);

/* What the text of a memory's type says in bytes; false if that cannot be said. */
bool cli_memory_bytes(const char *type, uint64_t *min, uint64_t *max, bool *has_max);

void cli_print_json(const tern_module *module, const char *path, uint64_t size_bytes);

#endif
