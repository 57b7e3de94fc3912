/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* counter.c - a library with state: every number once.
 *
 *   clang-22 --target=wasm32 --no-wasm-opt -O2 -nostdlib -Wl,--no-entry -Wl,--export=next \
 *            -Wl,-z,stack-size=4096 -Wl,--strip-all -o counter.wasm counter.c
 */
static unsigned last;

unsigned next(void) { return ++last; }
