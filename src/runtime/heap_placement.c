/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* heap_placement.c - the placement rules that hosts of wasm_export.h rely on.
 *
 *   memory that is and stays one page    the page gets longer by the heap
 *   memory that is and stays empty       one page, all of it heap
 *   __heap_base and __data_end exported  at __heap_base, which moves up behind the heap
 *   otherwise                            in whole new pages at the end
 *
 * What the guest declared stays true: a module without memory.grow is not shrunk to __heap_base
 * or turned into one large page, as WAMR does, because then accesses trap that the specification
 * allows.
 */
#include "runtime/heap_placement.h"

#include "runtime/guest_allocator.h"

/* Kept free between the heap and the end of memory, in pages that are added for it. */
#define HEAP_TAIL_BYTES 1024u

#define INDEX_SPACE_PAGES_32 65536u

static bool does_not_fit(Diag *diag)
{
    return tern_diag_set(diag, DIAG_HEAP_DOES_NOT_FIT, DIAG_NO_OFFSET, NULL);
}

/* The value of an exported, immutable, defined i32 global that is a plain constant. */
static bool find_constant(const Module *module, const char *text, u32 *global_index, u32 *value)
{
    const Export *export = tern_module_find_export(module, (Name){text, (u32)strlen(text)});
    if (export == NULL || export->kind != EXTERN_GLOBAL) return false;
    if (export->index < module->nimported[EXTERN_GLOBAL]) return false;
    const GlobalDef *global = &module->globals[export->index];
    if (global->type.is_mutable || global->type.type != VT_I32) return false;
    if (global->init.nops != 1 || global->init.ops[0].op != OP_I32_CONST) return false;
    *global_index = export->index;
    *value = (u32)global->init.ops[0].u.bits;
    return true;
}

static bool find_heap_base(const Module *module, u32 *global_index, u32 *heap_base)
{
    u32 data_end_index, data_end;
    return find_constant(module, "__data_end", &data_end_index, &data_end) &&
           find_constant(module, "__heap_base", global_index, heap_base) &&
           ((u64)data_end + 15) / 16 * 16 <= *heap_base;
}

static u64 bytes_to_page_end(u64 addr, u64 page_bytes)
{
    return (page_bytes - addr % page_bytes) % page_bytes;
}

/* Returns the pages to add. They are counted from the page of __heap_base, not from the end of
 * memory, so that the guest's own allocator keeps the room that it had behind __heap_base. */
static u64 place_at_heap_base(HeapPlacement *p, u64 heap_bytes, u32 heap_base, u64 page_bytes)
{
    p->start = heap_base;
    p->size_bytes = heap_bytes;
    u64 room = bytes_to_page_end(heap_base, page_bytes);
    u64 add = heap_bytes > room ? (heap_bytes - room + page_bytes - 1) / page_bytes : 0;
    u64 end = heap_base + heap_bytes;
    if (bytes_to_page_end(end, page_bytes) < HEAP_TAIL_BYTES) {
        end += HEAP_TAIL_BYTES;
        add++;
    }
    p->heap_base = (u32)end; /* fits if the pages do: the caller checks */
    return add;
}

static u64 place_at_end(HeapPlacement *p, u64 heap_bytes, u64 page_bytes)
{
    u64 add = (heap_bytes + page_bytes - 1) / page_bytes;
    p->start = p->memory.limits.min * page_bytes;
    p->size_bytes = add * page_bytes;
    if (page_bytes > HEAP_TAIL_BYTES) p->size_bytes -= HEAP_TAIL_BYTES;
    return add;
}

/* module NULL: whose memory it is does not matter. */
static bool place(const Module *module, u64 heap_bytes, HeapPlacement *p, Diag *diag)
{
    Limits *limits = &p->memory.limits;
    u64 page_bytes =
        p->options.page_bytes != 0 ? p->options.page_bytes : 1ull << p->memory.page_log2;
    /* The same number of pages for 64-bit memories as in wasm_export.h, whose page counts are 32
     * bits. */
    u64 page_limit = limits_is_64(limits) ? UINT32_MAX : INDEX_SPACE_PAGES_32 * 65536ull / page_bytes;
    u64 max = u64_min(u64_min(limits->max, p->options.max_pages), page_limit);
    if (limits->min >= page_limit) return does_not_fit(diag);

    if (limits->min == 1 && max == 1) {
        p->start = page_bytes;
        p->size_bytes = heap_bytes;
        p->options.page_bytes = page_bytes + heap_bytes;
        return true;
    }
    if (limits->min == 0 && max == 0) {
        p->size_bytes = heap_bytes;
        p->options.page_bytes = heap_bytes;
        limits->min = limits->max = p->options.max_pages = 1;
        return true;
    }
    u32 global_index, heap_base;
    u64 add;
    if (module != NULL && !limits_is_64(limits) && page_bytes > HEAP_TAIL_BYTES &&
        find_heap_base(module, &global_index, &heap_base) && heap_base < limits->min * page_bytes) {
        p->heap_base_global = global_index;
        add = place_at_heap_base(p, heap_bytes, heap_base, page_bytes);
    } else {
        add = place_at_end(p, heap_bytes, page_bytes);
    }
    if (limits->min + add > page_limit) return does_not_fit(diag);
    limits->min += add;
    if (limits->has_max) limits->max = u64_min(limits->max + add, page_limit);
    p->options.max_pages = u64_min(max + add, page_limit);
    return true;
}

/* With the host's size made one that heaps have. */
static bool place_checked(const Module *module, u64 heap_bytes, HeapPlacement *out, Diag *diag)
{
    heap_bytes = (u64_min(heap_bytes, HEAP_MAX_BYTES) + 7) / 8 * 8;
    if (!place(module, heap_bytes, out, diag)) return false;
    if (out->size_bytes < HEAP_MIN_BYTES) {
        return tern_diag_set(diag, DIAG_HEAP_TOO_SMALL, DIAG_NO_OFFSET, DETAIL("at least %llu bytes",
                             (unsigned long long)HEAP_MIN_BYTES));
    }
    return true;
}

bool tern_heap_placement_find(const Module *module, u64 heap_bytes, const MemoryOptions *options,
                              HeapPlacement *out, Diag *diag)
{
    *out = (HeapPlacement){.options = *options, .heap_base_global = UINT32_MAX};
    if (module->nmemories == 0) return true;
    out->memory = module->memories[0];
    if (heap_bytes == 0 || module->nimported[EXTERN_MEMORY] > 0) return true;
    GuestAllocator guest;
    if (tern_guest_allocator_find(module, &guest)) return true;
    return place_checked(module, heap_bytes, out, diag);
}

bool tern_heap_placement_find_in(const MemoryType *type, u64 heap_bytes,
                                 const MemoryOptions *options, HeapPlacement *out, Diag *diag)
{
    *out = (HeapPlacement){.options = *options, .heap_base_global = UINT32_MAX, .memory = *type};
    return heap_bytes == 0 || place_checked(NULL, heap_bytes, out, diag);
}
