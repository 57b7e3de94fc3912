/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* trap.h - how a trap is told to people. */
#ifndef TERN_CLI_TRAP_H
#define TERN_CLI_TRAP_H

#include <stdbool.h>
#include <stddef.h>

#include <tern.h>

/* The instance's last trap and the stack it happened on, on standard error. stopped, if not NULL, is said
 * instead of what the trap is called. */
void cli_print_trap(const tern_instance *instance, const char *stopped);

/* What a mangled name of C++ (by the C++ library of this machine, if it has one) or Rust means, in buf; false if
 * it is none, or does not fit. */
bool cli_demangle(const char *name, size_t size, char *buf, size_t buf_size);

#endif
