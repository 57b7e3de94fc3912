/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* gc_layout.c - what a heap must know of a type to build and scan its objects, worked out once per type. */
#include "runtime/gc_internal.h"

/* Storage of a type: log2 of its bytes. */
static u32 width_log2(ValType t)
{
    switch (vt_code(t)) {
    case VT_I8: return 0;
    case VT_I16: return 1;
    case VT_I32:
    case VT_F32: return 2;
    case VT_V128: return 4;
    default: return 3;
    }
}

/* Function references point at what is not the collector's. */
static bool is_scanned(const TypeRegistry *types, ValType t)
{
    return vt_is_ref(t) && tern_types_top(types, t) != HEAP_FUNC;
}

/* One allocation: the layout, its fields, its references. */
static size_t layout_bytes(u32 nfields, u32 nrefs)
{
    return sizeof(GcLayout) + (size_t)nfields * sizeof(GcField) + (size_t)nrefs * sizeof(u32);
}

static GcLayout *layout_new(Alloc *alloc, const TypeRegistry *types, u32 type_id)
{
    const DefType *def = tern_types_get(types, type_id);
    const StructType *strct = def->kind == DEF_STRUCT ? &def->u.strct : NULL;
    u32 nfields = strct != NULL ? strct->nfields : 0, nrefs = 0;
    for (u32 i = 0; i < nfields; i++) nrefs += is_scanned(types, strct->fields[i].type);
    GcLayout *layout = tern_alloc_zeroed(alloc, 1, layout_bytes(nfields, nrefs));
    if (layout == NULL) return NULL;
    if (strct == NULL) {
        layout->kind = GC_ARRAY;
        layout->elem_log2 = (u8)width_log2(def->u.array.type);
        layout->elem_is_ref = is_scanned(types, def->u.array.type);
        return layout;
    }
    GcField *fields = (GcField *)(layout + 1);
    u32 *refs = (u32 *)(fields + nfields);
    layout->kind = GC_STRUCT;
    layout->fields = fields;
    layout->refs = refs;
    layout->nfields = nfields;
    layout->nrefs = nrefs;
    layout->size_bytes = (u32)((sizeof(GcObject) + (u64)strct->size_bytes + 15) & ~15ull);
    for (u32 i = 0; i < nfields; i++) {
        const FieldType *field = &strct->fields[i];
        u32 offset = (u32)sizeof(GcObject) + field->offset;
        fields[i] = (GcField){offset, width_log2(field->type)};
        layout->ncells += vt_cells(field->type);
        if (is_scanned(types, field->type)) *refs++ = offset;
    }
    return layout;
}

void tern_gc_layout_free(Alloc *alloc, GcLayout *layout)
{
    if (layout != NULL) tern_free(alloc, layout, layout_bytes(layout->nfields, layout->nrefs));
}

/* Type ids are small and dense: the table is indexed by them. */
static bool reserve(GcHeap *heap, u32 type_id)
{
    if (type_id < heap->nlayouts) return true;
    u32 n = heap->nlayouts * 2 > type_id ? heap->nlayouts * 2 : (type_id | 63) + 1;
    GcLayout **layouts = tern_realloc(heap->alloc, heap->layouts, heap->nlayouts * sizeof *layouts,
                                      n * sizeof *layouts);
    if (layouts == NULL) return false;
    memset(layouts + heap->nlayouts, 0, (n - heap->nlayouts) * sizeof *layouts);
    heap->layouts = layouts;
    heap->nlayouts = n;
    return true;
}

static const GcLayout *make(Store *store, u32 type_id)
{
    GcHeap *heap = tern_gc_heap(store);
    if (heap == NULL || !reserve(heap, type_id)) return NULL;
    GcLayout **slot = &heap->layouts[type_id];
    if (*slot == NULL) *slot = layout_new(heap->alloc, store->engine->types, type_id);
    return *slot;
}

const GcLayout *tern_gc_layout(Store *store, u32 type_id)
{
    const GcHeap *heap = store->gc;
    if (LIKELY(heap != NULL && type_id < heap->nlayouts && heap->layouts[type_id] != NULL))
        return heap->layouts[type_id];
    return make(store, type_id);
}
