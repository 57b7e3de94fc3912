/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* hot_tls.h - thread-local variables read at every entry of the guest.
 *
 * In a shared library such a variable costs a function call unless it lies in the block that every thread
 * has from its start. glibc keeps room there for libraries that come later through dlopen; for the few words
 * that we ask for, that is a safe promise. Other C libraries make none.
 */
#ifndef TERN_PORT_HOT_TLS_H
#define TERN_PORT_HOT_TLS_H

#include <stdint.h> /* any header of the C library says which one it is */

#if defined(__GLIBC__) && defined(__ELF__)
#define HOT_TLS __attribute__((tls_model("initial-exec")))
#else
#define HOT_TLS
#endif

#endif
