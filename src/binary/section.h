/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* section.h - the state of decoding one module, shared by section*.c, segment.c and
 * const_expr.c. Internal to binary/.
 *
 * What is counted beforehand is built in the module's arena at once; what is not grows in
 * vectors here and is copied there when its section ends. Everything here is gone when
 * tern_module_decode returns.
 */
#ifndef TERN_BINARY_SECTION_H
#define TERN_BINARY_SECTION_H

#include "base/vec.h"
#include "binary/decoder.h"

typedef struct U32Vec {
    VEC(u32)
} U32Vec;
typedef struct ValTypeVec {
    VEC(ValType)
} ValTypeVec;
typedef struct FieldVec {
    VEC(FieldType)
} FieldVec;
typedef struct ConstOpVec {
    VEC(ConstOp)
} ConstOpVec;
typedef struct CustomVec {
    VEC(CustomSection)
} CustomVec;

/* A type of the recursion group being decoded, while the vectors behind it still move. */
typedef struct TypeDraft {
    DefType def;
    u32 first;       /* of its params and then results, or of its fields, in the vectors */
    u32 super_index; /* the module's; TYPE_NONE if it has none */
    const u8 *at;
} TypeDraft;

typedef struct SectionDecoder {
    Decoder d;
    Module *m;  /* d.module, writable */
    u8 last_id; /* of the last section that is not custom */
    u32 nbodies;
    u32 nthreads; /* to validate with; 0 is 1 */

    /* Type section: published when it ends, so until then cleaning up releases these groups. */
    U32Vec type_ids, group_ids;
    struct {
        VEC(TypeDraft)
    } drafts;
    struct {
        VEC(DefType)
    } defs;
    ValTypeVec vals;
    FieldVec fields;

    /* Constant expressions. */
    ValTypeVec stack;
    ConstOpVec ops;

    CustomVec customs;
} SectionDecoder;

/* Zeroed memory of the module's; NULL is recorded. n 0 gives a pointer that is not read. */
void *tern_section_alloc(SectionDecoder *s, size_t size, u64 n);

/* Are n of that still allowed? n is what there would be in all; nothing is allocated for them yet. */
bool tern_section_within(SectionDecoder *s, u64 n, ModuleLimit limit);

bool tern_type_section_decode(SectionDecoder *s);
bool tern_elem_section_decode(SectionDecoder *s);
bool tern_data_section_decode(SectionDecoder *s);

/* A constant expression that gives one value of the expected type, up to and including its end
 * (spec 3.4.13). It sees the globals and functions the module has so far, and declares the
 * functions it names. */
bool tern_const_expr_decode(SectionDecoder *s, ValType expected, ConstExpr *out);

/* Validates the bodies of the functions from first up to end, whose places are known (bodies.c). */
bool tern_bodies_validate(SectionDecoder *s, u32 first, u32 end);

/* Reads an index and checks it against one of the module's index spaces. */
bool tern_section_index(SectionDecoder *s, u32 limit, DiagCode unknown, u32 *out);

#endif
