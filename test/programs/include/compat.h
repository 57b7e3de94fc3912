/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* compat.h - included ahead of programs that were not written for WASI: what wasi-libc leaves out fails. */
#ifndef TERN_TEST_PROGRAMS_COMPAT_H
#define TERN_TEST_PROGRAMS_COMPAT_H
#ifdef __wasi__
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#define system(command) ((void)(command), -1)
#define tmpnam(name) ((void)(name), (char *)0)
#define tmpfile() ((FILE *)0)
#define chmod(path, mode) ((void)(path), (void)(mode), -1)
#ifndef L_tmpnam
#define L_tmpnam 20
#endif
#define realpath(path, out) ((void)(path), (void)(out), (char *)0)
#define popen(command, mode) ((void)(command), (void)(mode), (FILE *)0)
#define pclose(file) ((void)(file), -1)
#endif
#endif
