/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - uses a library, which is another module, and keeps a state of its own.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry -Wl,--export=work \
 *            -Wl,-z,stack-size=4096 -Wl,--strip-all -o guest.wasm guest.c
 */
__attribute__((import_module("counter"), import_name("next"))) unsigned next(void);
__attribute__((import_module("env"), import_name("report"))) void report(unsigned number,
                                                                         unsigned times);

static unsigned times;

void work(void) { report(next(), ++times); }
