/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* decode.h - bytes to a validated module, and bodies to sinks: the one decoder. */
#ifndef TERN_BINARY_DECODE_H
#define TERN_BINARY_DECODE_H

#include "base/diag.h"
#include "binary/sink.h"

typedef struct DecodeOptions {
    u64 features;     /* FEATURES_ALL unless a proposal is to be refused */
    bool copy_bytes;  /* false: bytes are borrowed and must outlive the module */
    const ModuleLimits *limits; /* NULL: those of limits.def */
    u32 nthreads;     /* that validate, the caller's included; 0 is 1. More use alloc from several threads */
} DecodeOptions;

/* Decodes and validates everything (spec 5 and 3). NULL and a diag on failure, nothing is kept. bytes are
 * never written. A component, text, an archive and other things that are no module are named with the
 * remedy. The reference is the caller's. */
Module *tern_module_decode(TypeRegistry *types, Alloc *alloc, const u8 *bytes, size_t size,
                           const DecodeOptions *options, Diag *diag);

/* --- bodies (body.c) -------------------------------------------------------------------------- */

/* The stacks of the body decoder, used again from body to body. Not shared between threads. */
typedef struct BodyScratch BodyScratch;
BodyScratch *tern_body_scratch_new(Alloc *alloc);  /* NULL if there is no memory */
void tern_body_scratch_free(BodyScratch *scratch); /* NULL is allowed */
/* Features (1 << FEATURE_x) that the bodies decoded with this scratch use. */
u64 tern_body_scratch_used(const BodyScratch *scratch);

/* Decodes and validates the body of a function that is no import, telling the sink unless it is
 * NULL. Everything else in the module is complete: types, every index space, is_declared, the
 * data count (the data segments themselves come later). A body of a finished module is known to be
 * valid, so that failure is out of memory or the sink's refusal. Thread-safe but for the scratch.
 *
 * The reference does not bound a body, and the suite shows it: where the body's bytes end before
 * its end opcode, the text is "unexpected end of section or function" at the end of the module,
 * "section size mismatch" if the module's next byte is 0x0b, "END opcode expected" otherwise.
 * Bytes left over after the end opcode are "section size mismatch". */
bool tern_body_validate(const Module *module, u32 func_index, Sink *sink, BodyScratch *scratch,
                        Diag *diag);

#endif
