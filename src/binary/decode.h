/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* decode.h - bytes to a validated module, and bodies to sinks: the one decoder. */
#ifndef TERN_BINARY_DECODE_H
#define TERN_BINARY_DECODE_H

#include "base/diag.h"
#include "binary/sink.h"

typedef struct DecodeOptions {
    u64 features;     /* FEATURES_ALL unless a proposal is to be refused */
    bool copy_bytes;  /* false: bytes are borrowed and must outlive the module */
} DecodeOptions;

/* Decodes and validates everything (spec 5 and 3). NULL and a diag on failure, nothing is kept. bytes are
 * never written. A component, text, an archive and other things that are no module are named with the
 * remedy. The reference is the caller's. */
Module *tern_module_decode(TypeRegistry *types, Alloc *alloc, const u8 *bytes, size_t size,
                           const DecodeOptions *options, Diag *diag);

/* Decodes one body again, telling the sink; the body is known to be valid, so failure is out of memory or
 * the sink's refusal. Thread-safe. */
bool tern_body_decode(const Module *module, u32 func_index, Sink *sink, Alloc *alloc, Diag *diag);

#endif
