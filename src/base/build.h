/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* build.h - what this build has. Each switch is 0 or 1, is set by CMake and is about size only.
 *
 * What a switch leaves out is not compiled: rows of instructions lie in files of their own, and handlers say with
 * their macro what they belong to. What only they need is behind a question whose answer is then a constant
 * (tern_decoder_need, vt_is_concrete, limits_is_64), so that the compiler leaves it out. A module that needs it is
 * refused when it is loaded, with the name of the proposal (the last column of ops/features.def).
 */
#ifndef TERN_BASE_BUILD_H
#define TERN_BASE_BUILD_H

#ifndef TERN_FAST /* what is there only for speed: operands from accumulators and memory, pairs of instructions, memory
                   * accesses that trust a guard, shortcuts of the validator */
#define TERN_FAST 1
#endif
#ifndef TERN_SIMD /* v128 */
#define TERN_SIMD 1
#endif
#ifndef TERN_MEMORY64 /* 64-bit addresses, and more memories than one */
#define TERN_MEMORY64 1
#endif
#ifndef TERN_TAIL_CALLS
#define TERN_TAIL_CALLS 1
#endif
#ifndef TERN_THREADS /* shared memories and atomic instructions */
#define TERN_THREADS 1
#endif
#ifndef TERN_GC /* structures, arrays, casts and exceptions, which are objects of the collector, and typed references */
#define TERN_GC 1
#endif
#ifndef TERN_METERING /* code that counts what it does: fuel, profiles */
#define TERN_METERING 1
#endif
#ifndef TERN_DETAILS /* what a refusal says beside its reason, place and number: types, names of instructions, hints */
#define TERN_DETAILS 1
#endif
#ifndef TERN_PROPOSALS /* what is in no edition yet and has no switch above: descriptors, page sizes, wide arithmetic */
#define TERN_PROPOSALS 1
#endif

#endif
