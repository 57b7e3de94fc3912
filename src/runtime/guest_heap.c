/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest_heap.c - where the blocks of a guest's heap begin, kept in host memory.
 *
 * The one idea: the range is cut into granules of 16 bytes, and a bitmap says at which granules a
 * block begins, be it live or free. Everything else is derived: a block ends where the next one
 * begins, its neighbours are the bits next to its own, and to coalesce is to clear a bit. The
 * bitmap is the bottom of a tree (64 granules a word, 64 words a chunk, 64 chunks a bit word
 * above, and once more), so that the next and the previous beginning are a few bit scans away
 * however large the block. Two bits for each granule say what begins there: nothing, a live block,
 * a free block, or a spare.
 *
 *   granule 0                                   top                          ngranules
 *   | live | free | live | live | free | live | wilderness, never handed out or all free again |
 *
 * Free blocks are found by size through lists of words, not of blocks: a word (1 KiB of guest
 * memory) stands in the list for the largest free block that begins in it. So even a heap whose
 * every other granule is free needs no more bookkeeping than 32 bytes for each KiB, 3.1 %, beside
 * the about 4 KiB that a large heap always has. Lists are exact below 1 KiB and sixteen to each
 * doubling above. A list is chosen whose every block fits; a few blocks of the request's own list
 * are tried before, because they fit better.
 *
 * The wilderness is in no list and needs no bookkeeping: chunks are allocated when a block first
 * begins in them, so a new heap costs nothing, and only taking a block (or shrinking one) can want
 * host memory.
 *
 * A spare is a block that was freed and is kept whole for the next request of the same size; a few
 * are kept of each small size, and of one larger size. Nothing coalesces with a spare. A request
 * that would fail first turns all spares, at most 385, into free blocks. The block freed last is a
 * spare that the map still calls live, so that taking a block and giving it back at once costs
 * next to nothing.
 */
#include "runtime/guest_heap.h"

enum {
    GRANULE_BYTES = 16,
    CHUNK_WORDS = 64,
    LIST_EXACT = 64, /* lists of one size each; a size is counted in granules */
    LIST_STEPS = 16, /* lists to each doubling of the size above */
    LIST_WORDS = 8,  /* 64 lists each: enough for any u32 */
    OWN_TRIES = 8,   /* blocks tried in the request's own list before the lists above, */
    LAST_TRIES = 64, /* and before giving up: heaps up to 64 KiB are searched completely */
    BINS = 64,       /* at most; small heaps have one for each KiB */
    BIN_SPARES = 6,
};

#define NONE UINT32_MAX
#define MAX_GRANULES (UINT32_MAX - 8192) /* so that size + alignment fits a u32 */
#define MAX_ALIGN 65536

/* 64 granules. Bit i is granule 64 * index + i. */
typedef struct Word {
    u64 live, idle; /* live: a live block, top or last; idle: free; both: a spare; none: no start */
    u32 next, prev; /* words in the same list, or NONE */
    u32 largest;    /* size of the largest free block that begins here; 0: none, and in no list */
    u16 list;
    u8 largest_at;  /* its bit */
} Word;

_Static_assert(sizeof(Word) == 32, "bookkeeping is 32 bytes for each KiB of the heap");

typedef struct Chunk {
    Word *words;  /* NULL: no block has ever begun here */
    u64 occupied; /* words with a start */
} Chunk;

/* Spares of one size, the last one freed on top. */
typedef struct Bin {
    u32 size, n;
    u32 spares[BIN_SPARES];
} Bin;

struct GuestHeap {
    u64 base;                /* address of granule 0, a multiple of 16 and not 0 */
    u32 top;                 /* where the wilderness begins; marked live once there is a chunk */
    u32 last, last_size;     /* the block freed last, unless taken since: NONE and 0 */
    u32 nbins;
    u64 binned;              /* bins that may have spares */
    Bin *bins;               /* bins[size]; bins[0]: of one size from nbins up, the latest */
    u32 used, highmark;      /* granules in live blocks */
    u32 nlive;
    u32 ngranules;
    u32 nlists_words;        /* bit i: nonempty[i] is not 0 */
    u64 nonempty[LIST_WORDS];
    u32 *heads;              /* first word of each list whose nonempty bit is set */
    Chunk *chunks;           /* grows with the highest block there ever was */
    u32 nchunks, max_chunks; /* entries in chunks; entries there can ever be */
    u64 *upper, *uppermost;  /* chunks whose occupied is not 0; words of upper that are not 0 */
    Alloc *alloc;
    u64 start, size_bytes;   /* as given */
    u64 host_bytes;
    size_t self_bytes;
};

static inline u32 lowest(u64 bits) { return (u32)__builtin_ctzll(bits); }
static inline u32 highest(u64 bits) { return 63 - (u32)__builtin_clzll(bits); }
static inline u64 bit_of(u32 index) { return (u64)1 << (index & 63); }
static inline u64 bits_below(u32 index) { return bit_of(index) - 1; }
static inline u64 bits_above(u32 index) { return ~(u64)1 << (index & 63); }

/* The granule's chunk must exist: it does for every start, top included. */
static inline Word *word_of(const GuestHeap *heap, u32 granule)
{
    return &heap->chunks[granule >> 12].words[granule >> 6 & 63];
}

static Word *word_at(const GuestHeap *heap, u32 index) { return word_of(heap, index << 6); }

static inline u64 starts_of(const Word *word) { return word->live | word->idle; }
static inline u64 free_of(const Word *word) { return word->idle & ~word->live; }

static inline bool is_free(const GuestHeap *heap, u32 start)
{
    return (free_of(word_of(heap, start)) & bit_of(start)) != 0;
}

static inline bool is_live(const GuestHeap *heap, u32 start)
{
    const Word *word = word_of(heap, start);
    return (word->live & ~word->idle & bit_of(start)) != 0 && start != heap->last;
}

/* -- the tree of starts ------------------------------------------------------------------------ */

static __attribute__((noinline)) bool make_chunk(GuestHeap *heap, u32 index)
{
    if (index >= heap->nchunks) {
        u64 want = u64_max((u64)index + 1, u64_max(16, 2 * (u64)heap->nchunks));
        u32 n = (u32)u64_min(want, heap->max_chunks);
        size_t old_bytes = heap->nchunks * sizeof(Chunk);
        size_t new_bytes = n * sizeof(Chunk);
        Chunk *chunks = tern_realloc(heap->alloc, heap->chunks, old_bytes, new_bytes);
        if (chunks == NULL) return false;
        memset((u8 *)chunks + old_bytes, 0, new_bytes - old_bytes);
        heap->chunks = chunks;
        heap->nchunks = n;
        heap->host_bytes += new_bytes - old_bytes;
    }
    u32 nwords = (u32)u64_min(CHUNK_WORDS, (heap->ngranules >> 6) + 1 - (index << 6));
    heap->chunks[index].words = tern_alloc_zeroed(heap->alloc, nwords, sizeof(Word));
    if (heap->chunks[index].words == NULL) return false;
    heap->host_bytes += nwords * sizeof(Word);
    return true;
}

/* Makes it possible to mark the granule. False if there is no host memory; nothing has changed. */
static inline bool reach(GuestHeap *heap, u32 granule)
{
    u32 index = granule >> 12;
    if (LIKELY(index < heap->nchunks && heap->chunks[index].words != NULL)) return true;
    return make_chunk(heap, index);
}

static void mark_word(GuestHeap *heap, u32 granule)
{
    u32 index = granule >> 12;
    heap->chunks[index].occupied |= bit_of(granule >> 6);
    heap->upper[index >> 6] |= bit_of(index);
    heap->uppermost[index >> 12] |= bit_of(index >> 6);
}

static void unmark_word(GuestHeap *heap, u32 granule)
{
    u32 index = granule >> 12;
    if ((heap->chunks[index].occupied &= ~bit_of(granule >> 6)) != 0) return;
    if ((heap->upper[index >> 6] &= ~bit_of(index)) != 0) return;
    heap->uppermost[index >> 12] &= ~bit_of(index >> 6);
}

static inline void mark_live(GuestHeap *heap, u32 granule)
{
    Word *word = word_of(heap, granule);
    if (starts_of(word) == 0) mark_word(heap, granule);
    word->live |= bit_of(granule);
    word->idle &= ~bit_of(granule);
}

static inline void mark_free(GuestHeap *heap, u32 granule)
{
    Word *word = word_of(heap, granule);
    if (starts_of(word) == 0) mark_word(heap, granule);
    word->live &= ~bit_of(granule);
    word->idle |= bit_of(granule);
}

static void unmark(GuestHeap *heap, u32 granule)
{
    Word *word = word_of(heap, granule);
    word->live &= ~bit_of(granule);
    word->idle &= ~bit_of(granule);
    if (starts_of(word) == 0) unmark_word(heap, granule);
}

/* First start in a later chunk; there is one. */
static u32 start_in_later_chunk(const GuestHeap *heap, u32 chunk)
{
    u32 i = chunk >> 6;
    u64 bits = heap->upper[i] & bits_above(chunk);
    if (bits == 0) {
        u32 j = i >> 6;
        bits = heap->uppermost[j] & bits_above(i);
        while (bits == 0) bits = heap->uppermost[++j]; /* one for each 256 MiB */
        i = j << 6 | lowest(bits);
        bits = heap->upper[i];
    }
    chunk = i << 6 | lowest(bits);
    u32 word = lowest(heap->chunks[chunk].occupied);
    return chunk << 12 | word << 6 | lowest(starts_of(&heap->chunks[chunk].words[word]));
}

static u32 start_in_earlier_chunk(const GuestHeap *heap, u32 chunk)
{
    u32 i = chunk >> 6;
    u64 bits = heap->upper[i] & bits_below(chunk);
    if (bits == 0) {
        u32 j = i >> 6;
        bits = heap->uppermost[j] & bits_below(i);
        while (bits == 0) bits = heap->uppermost[--j];
        i = j << 6 | highest(bits);
        bits = heap->upper[i];
    }
    chunk = i << 6 | highest(bits);
    u32 word = highest(heap->chunks[chunk].occupied);
    return chunk << 12 | word << 6 | highest(starts_of(&heap->chunks[chunk].words[word]));
}

/* The end of the block that begins at start < top. */
static inline u32 next_start(const GuestHeap *heap, u32 start)
{
    const Chunk *chunk = &heap->chunks[start >> 12];
    u32 word = start >> 6 & 63;
    u64 bits = starts_of(&chunk->words[word]) & bits_above(start);
    if (LIKELY(bits != 0)) return (start & ~(u32)63) | lowest(bits);
    bits = chunk->occupied & bits_above(word);
    if (UNLIKELY(bits == 0)) return start_in_later_chunk(heap, start >> 12);
    word = lowest(bits);
    return (start & ~(u32)4095) | word << 6 | lowest(starts_of(&chunk->words[word]));
}

/* The last start below granule, which is not 0, at most top, and need not be a start. */
static u32 prev_start(const GuestHeap *heap, u32 granule)
{
    const Chunk *chunk = &heap->chunks[granule >> 12];
    u32 word = granule >> 6 & 63;
    if (chunk->occupied & bit_of(word)) {
        u64 bits = starts_of(&chunk->words[word]) & bits_below(granule);
        if (LIKELY(bits != 0)) return (granule & ~(u32)63) | highest(bits);
    }
    u64 bits = chunk->occupied & bits_below(word);
    if (UNLIKELY(bits == 0)) return start_in_earlier_chunk(heap, granule >> 12);
    word = highest(bits);
    return (granule & ~(u32)4095) | word << 6 | highest(starts_of(&chunk->words[word]));
}

/* -- the lists of free blocks ------------------------------------------------------------------ */

static inline u32 list_of(u32 size)
{
    if (size < LIST_EXACT) return size;
    u32 log = highest(size);
    return LIST_EXACT + (log - 6) * LIST_STEPS + (size >> (log - 4) & (LIST_STEPS - 1));
}

/* The first list whose blocks are all of this size or larger. */
static u32 list_fitting(u32 size)
{
    if (size < LIST_EXACT) return size;
    return list_of(size - 1) + 1;
}

/* The first list from this one up that is not empty, or NONE. */
static inline u32 list_nonempty(const GuestHeap *heap, u32 list)
{
    u32 i = list >> 6;
    u64 bits = heap->nonempty[i] & ~bits_below(list);
    if (bits == 0) {
        u64 words = heap->nlists_words & bits_above(i);
        if (words == 0) return NONE;
        i = lowest(words);
        bits = heap->nonempty[i];
    }
    return i << 6 | lowest(bits);
}

static void list_remove(GuestHeap *heap, const Word *word)
{
    u32 list = word->list;
    if (word->next != NONE) word_at(heap, word->next)->prev = word->prev;
    if (word->prev != NONE) {
        word_at(heap, word->prev)->next = word->next;
    } else if (word->next != NONE) {
        heap->heads[list] = word->next;
    } else if ((heap->nonempty[list >> 6] &= ~bit_of(list)) == 0) {
        heap->nlists_words &= ~((u32)1 << (list >> 6));
    }
}

static void list_insert(GuestHeap *heap, u32 index, Word *word, u32 list)
{
    word->list = (u16)list;
    word->prev = NONE;
    word->next = NONE;
    if (heap->nonempty[list >> 6] & bit_of(list)) {
        word->next = heap->heads[list];
        word_at(heap, word->next)->prev = index;
    }
    heap->heads[list] = index;
    heap->nonempty[list >> 6] |= bit_of(list);
    heap->nlists_words |= (u32)1 << (list >> 6);
}

/* The word's largest free block is now the one at bit `at`, or with size 0 there is none. */
static inline void set_largest(GuestHeap *heap, u32 index, Word *word, u32 size, u32 at)
{
    u32 list = list_of(size);
    bool was_listed = word->largest != 0;
    word->largest = size;
    word->largest_at = (u8)at;
    if (was_listed) {
        if (list == word->list) return;
        list_remove(heap, word);
    }
    if (size != 0) list_insert(heap, index, word, list);
}

/* A free block appeared or grew. */
static void offer(GuestHeap *heap, u32 start, u32 size)
{
    Word *word = word_of(heap, start);
    if (size > word->largest) set_largest(heap, start >> 6, word, size, start & 63);
}

/* The largest free block of the word shrank or went: looks at the at most 32 others. */
static void survey(GuestHeap *heap, u32 index)
{
    Word *word = word_at(heap, index);
    u32 best = 0;
    u32 best_at = 0;
    for (u64 left = free_of(word); left != 0; left &= left - 1) {
        u32 at = lowest(left);
        u32 size = next_start(heap, index << 6 | at) - (index << 6 | at);
        if (size <= best) continue;
        best = size;
        best_at = at;
        if (size == word->largest) break; /* nothing is larger */
    }
    set_largest(heap, index, word, best, best_at);
}

/* -- taking and giving back -------------------------------------------------------------------- */

/* An alignment is counted in granules; guest addresses are what is aligned. */
static u32 align_up(const GuestHeap *heap, u32 granule, u32 align)
{
    return granule + ((0 - ((u32)(heap->base / GRANULE_BYTES) + granule)) & (align - 1));
}

static u32 align_down(const GuestHeap *heap, u32 granule, u32 align)
{
    return granule - (((u32)(heap->base / GRANULE_BYTES) + granule) & (align - 1));
}

/* Where in the word's largest free block a block would be placed: at its end, so that the free
 * block keeps its start. NONE if it does not fit. */
static u32 place_in(const GuestHeap *heap, u32 index, u32 size, u32 align)
{
    const Word *word = word_at(heap, index);
    u32 start = index << 6 | word->largest_at;
    if (word->largest < size) return NONE;
    u32 slack = word->largest - size;
    u32 off = start + slack - align_down(heap, start + slack, align);
    return off <= slack ? start + slack - off : NONE;
}

/* Tries at most `tries` words, from the list of this size up; a word it fits in, or NONE. */
static u32 find_by_trying(const GuestHeap *heap, u32 size, u32 align, u32 tries)
{
    for (u32 list = list_nonempty(heap, list_of(size)); list != NONE && tries > 0;
         list = list_nonempty(heap, list + 1)) {
        for (u32 i = heap->heads[list]; i != NONE && tries > 0; i = word_at(heap, i)->next, tries--)
            if (place_in(heap, i, size, align) != NONE) return i;
    }
    return NONE;
}

/* A word whose largest block surely fits, or NONE. */
static u32 find_by_list(const GuestHeap *heap, u32 size)
{
    u32 list = list_nonempty(heap, list_fitting(size));
    return list == NONE ? NONE : heap->heads[list];
}

static u32 take_from_word(GuestHeap *heap, u32 index, u32 size, u32 align)
{
    Word *word = word_at(heap, index);
    u32 start = index << 6 | word->largest_at;
    u32 end = start + word->largest;
    u32 at = place_in(heap, index, size, align);
    u32 rest = at + size;
    if (!reach(heap, at) || (rest < end && !reach(heap, rest))) return NONE;
    mark_live(heap, at);
    if (rest < end) mark_free(heap, rest);
    survey(heap, index);
    if (rest < end) offer(heap, rest, end - rest);
    return at;
}

static u32 take_from_wilderness(GuestHeap *heap, u32 size, u32 align)
{
    u32 gap = heap->top;
    u32 at = align_up(heap, gap, align);
    if (at > heap->ngranules || size > heap->ngranules - at) return NONE;
    if (!reach(heap, gap) || !reach(heap, at) || !reach(heap, at + size)) return NONE;
    if (gap < at || gap == 0) mark_live(heap, at); /* top is marked already, but for the first */
    mark_live(heap, at + size);
    heap->top = at + size;
    if (gap < at) {
        mark_free(heap, gap);
        offer(heap, gap, at - gap);
    }
    return at;
}

static u32 take(GuestHeap *heap, u32 size, u32 align)
{
    u32 index = NONE;
    bool is_exact = size < LIST_EXACT && align == 1; /* the request's own list is the best */
    if (heap->nlists_words != 0) {
        if (!is_exact && (heap->nonempty[list_of(size) >> 6] & bit_of(list_of(size))) != 0)
            index = find_by_trying(heap, size, align, OWN_TRIES);
        if (index == NONE) index = find_by_list(heap, size + align - 1);
        if (index != NONE) return take_from_word(heap, index, size, align);
    }
    u32 at = take_from_wilderness(heap, size, align);
    if (at != NONE || is_exact || heap->nlists_words == 0) return at;
    index = find_by_trying(heap, size, align, LAST_TRIES);
    return index == NONE ? NONE : take_from_word(heap, index, size, align);
}

/* Makes a live block or a spare that is not counted as used a free one. Never needs host memory. */
static __attribute__((noinline)) void release(GuestHeap *heap, u32 granule)
{
    u32 end = next_start(heap, granule);
    u32 start = granule;
    if (granule != 0) {
        u32 prev = prev_start(heap, granule);
        if (is_free(heap, prev)) start = prev;
    }
    if (end == heap->top) {
        unmark(heap, end);
        if (start != granule) unmark(heap, granule);
        mark_live(heap, start);
        if (start != granule && word_of(heap, start)->largest_at == (start & 63))
            survey(heap, start >> 6);
        heap->top = start;
        return;
    }
    if (is_free(heap, end)) {
        u32 next = end;
        end = next_start(heap, next);
        unmark(heap, next);
        Word *word = word_of(heap, next);
        if (next >> 6 != start >> 6 && word->largest_at == (next & 63)) survey(heap, next >> 6);
    }
    if (start != granule) {
        unmark(heap, granule);
    } else {
        mark_free(heap, granule);
    }
    offer(heap, start, end - start);
}

static Bin *bin_of(const GuestHeap *heap, u32 size)
{
    return &heap->bins[size < heap->nbins ? size : 0];
}

static void release_bin(GuestHeap *heap, Bin *bin)
{
    while (bin->n > 0) release(heap, bin->spares[--bin->n]);
}

/* Makes room for a new last block. */
static void put_last_in_bin(GuestHeap *heap)
{
    u32 granule = heap->last;
    Bin *bin = bin_of(heap, heap->last_size);
    if (UNLIKELY(bin->size != heap->last_size)) {
        release_bin(heap, bin);
        bin->size = heap->last_size;
    }
    if (bin->n == BIN_SPARES) {
        release(heap, granule);
        return;
    }
    if (bin->n == 0) heap->binned |= bit_of((u32)(bin - heap->bins));
    bin->spares[bin->n++] = granule;
    word_of(heap, granule)->idle |= bit_of(granule);
}

/* False if there were none. */
static bool release_spares(GuestHeap *heap)
{
    bool is_any = heap->last != NONE;
    if (is_any) release(heap, heap->last);
    heap->last = NONE;
    heap->last_size = 0;
    for (u64 left = heap->binned; left != 0; left &= left - 1) {
        Bin *bin = &heap->bins[lowest(left)];
        is_any |= bin->n > 0;
        release_bin(heap, bin);
    }
    heap->binned = 0;
    return is_any;
}

static void count_used(GuestHeap *heap, u32 size)
{
    heap->used += size;
    if (heap->used > heap->highmark) heap->highmark = heap->used;
}

static u64 addr_of(const GuestHeap *heap, u32 granule)
{
    return heap->base + (u64)granule * GRANULE_BYTES;
}

static u32 granules_of(u64 size_bytes) /* not more than the heap has */
{
    return size_bytes == 0 ? 1 : (u32)((size_bytes + GRANULE_BYTES - 1) / GRANULE_BYTES);
}

/* The granule of the live block at addr, or NONE. */
static inline u32 find_live(const GuestHeap *heap, u64 addr)
{
    u64 offset = addr - heap->base; /* huge below the base */
    if (offset >= (u64)heap->top * GRANULE_BYTES || offset % GRANULE_BYTES != 0) return NONE;
    u32 granule = (u32)(offset / GRANULE_BYTES);
    if (UNLIKELY(heap->chunks[granule >> 12].words == NULL)) return NONE;
    return is_live(heap, granule) ? granule : NONE;
}

/* -- the interface ----------------------------------------------------------------------------- */

GuestHeap *tern_guest_heap_new(Alloc *alloc, u64 start, u64 size_bytes)
{
    size_bytes = u64_min(size_bytes, UINT64_MAX - start);
    u64 end = start + size_bytes;
    u64 base = u64_max(start, 1);
    base = base > UINT64_MAX - (GRANULE_BYTES - 1) ? end
         : (base + GRANULE_BYTES - 1) & ~(u64)(GRANULE_BYTES - 1);
    u64 ngranules = end <= base ? 0 : u64_min((end - base) / GRANULE_BYTES, MAX_GRANULES);
    u64 nchunks = (ngranules >> 12) + 1; /* top may be ngranules, so that has its place too */
    u64 nupper = (nchunks >> 6) + 1;
    u64 nuppermost = (nupper >> 6) + 1;
    u64 nlists = (u64)list_of((u32)ngranules) + 1;
    u64 nbins = u64_min(u64_max(ngranules / 64, 1), BINS);
    size_t zeroed = sizeof(GuestHeap) + (size_t)(nupper + nuppermost) * sizeof(u64) +
                    (size_t)nbins * sizeof(Bin);
    size_t self_bytes = zeroed + (size_t)nlists * sizeof(u32);
    GuestHeap *heap = tern_alloc(alloc, self_bytes);
    if (heap == NULL) return NULL;
    memset(heap, 0, zeroed);
    heap->base = base;
    heap->last = NONE;
    heap->ngranules = (u32)ngranules;
    heap->max_chunks = (u32)nchunks;
    heap->upper = (u64 *)(heap + 1);
    heap->uppermost = heap->upper + nupper;
    heap->bins = (Bin *)(heap->uppermost + nuppermost);
    heap->nbins = (u32)nbins;
    heap->heads = (u32 *)(heap->bins + nbins);
    heap->alloc = alloc;
    heap->start = start;
    heap->size_bytes = size_bytes;
    heap->host_bytes = self_bytes;
    heap->self_bytes = self_bytes;
    return heap;
}

static size_t words_bytes(const GuestHeap *heap, u32 chunk)
{
    u64 nwords = u64_min(CHUNK_WORDS, (heap->ngranules >> 6) + 1 - (chunk << 6));
    return (size_t)nwords * sizeof(Word);
}

GuestHeap *tern_guest_heap_clone(const GuestHeap *heap)
{
    GuestHeap *clone = tern_alloc(heap->alloc, heap->self_bytes);
    if (clone == NULL) return NULL;
    memcpy(clone, heap, heap->self_bytes);
    clone->upper = (u64 *)(clone + 1);
    clone->uppermost = clone->upper + (heap->uppermost - heap->upper);
    clone->bins = (Bin *)(clone->uppermost + ((const u64 *)heap->bins - heap->uppermost));
    clone->heads = (u32 *)(clone->bins + heap->nbins);
    clone->nchunks = 0;
    clone->chunks = NULL;
    if (heap->nchunks == 0) return clone;
    clone->chunks = tern_alloc_zeroed(heap->alloc, heap->nchunks, sizeof(Chunk));
    if (clone->chunks != NULL) clone->nchunks = heap->nchunks;
    for (u32 i = 0; i < clone->nchunks; i++) {
        const Chunk *chunk = &heap->chunks[i];
        if (chunk->words == NULL) continue;
        clone->chunks[i].occupied = chunk->occupied;
        clone->chunks[i].words = tern_alloc(heap->alloc, words_bytes(heap, i));
        if (clone->chunks[i].words != NULL) {
            memcpy(clone->chunks[i].words, chunk->words, words_bytes(heap, i));
            continue;
        }
        tern_guest_heap_free_all(clone);
        return NULL;
    }
    if (clone->nchunks == heap->nchunks) return clone;
    tern_guest_heap_free_all(clone);
    return NULL;
}

void tern_guest_heap_free_all(GuestHeap *heap)
{
    if (heap == NULL) return;
    for (u32 i = 0; i < heap->nchunks; i++)
        if (heap->chunks[i].words != NULL) tern_free(heap->alloc, heap->chunks[i].words, words_bytes(heap, i));
    tern_free(heap->alloc, heap->chunks, heap->nchunks * sizeof(Chunk));
    tern_free(heap->alloc, heap, heap->self_bytes);
}

static u64 hand_out(GuestHeap *heap, u32 granule, u32 size)
{
    count_used(heap, size);
    heap->nlive++;
    return addr_of(heap, granule);
}

static __attribute__((noinline)) u64 alloc_block(GuestHeap *heap, u32 size, u32 align)
{
    u32 granule = take(heap, size, align);
    if (UNLIKELY(granule == NONE)) {
        if (!release_spares(heap)) return 0;
        granule = take(heap, size, align);
        if (granule == NONE) return 0;
    }
    return hand_out(heap, granule, size);
}

u64 tern_guest_heap_alloc(GuestHeap *heap, u64 size_bytes)
{
    if (UNLIKELY(size_bytes > (u64)heap->ngranules * GRANULE_BYTES)) return 0;
    u32 size = granules_of(size_bytes);
    u32 granule;
    if (size == heap->last_size) {
        granule = heap->last;
        heap->last = NONE;
        heap->last_size = 0;
    } else {
        Bin *bin = bin_of(heap, size);
        if (bin->n == 0 || bin->size != size) return alloc_block(heap, size, 1);
        granule = bin->spares[--bin->n];
        word_of(heap, granule)->idle &= ~bit_of(granule);
    }
    return hand_out(heap, granule, size);
}

u64 tern_guest_heap_alloc_aligned(GuestHeap *heap, u64 size_bytes, u64 align)
{
    if (align == 0 || align > MAX_ALIGN || (align & (align - 1)) != 0) return 0;
    if (align <= GRANULE_BYTES) return tern_guest_heap_alloc(heap, size_bytes);
    if (size_bytes > (u64)heap->ngranules * GRANULE_BYTES) return 0;
    return alloc_block(heap, granules_of(size_bytes), (u32)(align / GRANULE_BYTES));
}

/* Why addr is not a live block. */
static __attribute__((noinline)) GuestHeapFree explain(const GuestHeap *heap, u64 addr)
{
    if (!tern_guest_heap_contains(heap, addr)) return GUEST_HEAP_NOT_OURS;
    u64 offset = addr - heap->base;
    if (offset >= (u64)heap->top * GRANULE_BYTES) return GUEST_HEAP_NOT_LIVE;
    u32 start = prev_start(heap, (u32)(offset / GRANULE_BYTES) + 1);
    return is_live(heap, start) ? GUEST_HEAP_INTERIOR : GUEST_HEAP_NOT_LIVE;
}

GuestHeapFree tern_guest_heap_free(GuestHeap *heap, u64 addr)
{
    u32 granule = find_live(heap, addr);
    if (UNLIKELY(granule == NONE)) return explain(heap, addr);
    u32 size = next_start(heap, granule) - granule;
    if (heap->last != NONE) put_last_in_bin(heap);
    heap->last = granule;
    heap->last_size = size;
    heap->used -= size;
    heap->nlive--;
    return GUEST_HEAP_FREED;
}

u64 tern_guest_heap_block_size(const GuestHeap *heap, u64 addr)
{
    u32 granule = find_live(heap, addr);
    if (granule == NONE) return 0;
    return (u64)(next_start(heap, granule) - granule) * GRANULE_BYTES;
}

/* Moves the end of the block up from `end`, where nothing live begins, to `new_end`. */
static bool grow(GuestHeap *heap, u32 end, u32 new_end)
{
    if (end == heap->top) {
        if (!reach(heap, new_end)) return false;
        unmark(heap, end);
        mark_live(heap, new_end);
        heap->top = new_end;
        return true;
    }
    if (!is_free(heap, end)) return false;
    u32 limit = next_start(heap, end);
    if (new_end > limit || (new_end < limit && !reach(heap, new_end))) return false;
    unmark(heap, end);
    if (new_end < limit) mark_free(heap, new_end);
    if (word_of(heap, end)->largest_at == (end & 63)) survey(heap, end >> 6);
    if (new_end < limit) offer(heap, new_end, limit - new_end);
    return true;
}

bool tern_guest_heap_resize(GuestHeap *heap, u64 addr, u64 size_bytes)
{
    u32 granule = find_live(heap, addr);
    if (granule == NONE) return false;
    u32 room = heap->ngranules - granule;
    if (size_bytes > (u64)room * GRANULE_BYTES) return false;
    u32 size = granules_of(size_bytes);
    u32 end = next_start(heap, granule);
    u32 old_size = end - granule;
    u32 new_end = granule + size;
    if (size > old_size) {
        if (!is_live(heap, end)) release_spares(heap); /* leaves a start at end */
        if (!grow(heap, end, new_end)) return false;
        count_used(heap, size - old_size);
    } else if (size < old_size && reach(heap, new_end)) { /* or it stays too large */
        mark_live(heap, new_end);
        release(heap, new_end);
        heap->used -= old_size - size;
    }
    return true;
}

bool tern_guest_heap_contains(const GuestHeap *heap, u64 addr)
{
    return addr - heap->start < heap->size_bytes;
}

GuestHeapStats tern_guest_heap_stats(const GuestHeap *heap)
{
    /* No heap is a const object, and the difference cannot be seen. */
    release_spares((GuestHeap *)(uintptr_t)heap);
    u32 largest = heap->ngranules - heap->top;
    if (heap->nlists_words != 0) {
        u32 i = highest(heap->nlists_words);
        u32 list = i << 6 | highest(heap->nonempty[i]);
        for (u32 index = heap->heads[list]; index != NONE; index = word_at(heap, index)->next)
            largest = (u32)u64_max(largest, word_at(heap, index)->largest);
    }
    return (GuestHeapStats){
        .total_bytes = (u64)heap->ngranules * GRANULE_BYTES,
        .free_bytes = (u64)(heap->ngranules - heap->used) * GRANULE_BYTES,
        .largest_free_bytes = (u64)largest * GRANULE_BYTES,
        .highmark_bytes = (u64)heap->highmark * GRANULE_BYTES,
        .live_blocks = heap->nlive,
        .host_bytes = heap->host_bytes,
    };
}

void tern_guest_heap_walk(const GuestHeap *heap,
                          bool (*visit)(void *env, u64 addr, u64 size_bytes), void *env)
{
    u32 end;
    for (u32 start = 0; start < heap->top; start = end) {
        end = next_start(heap, start);
        if (!is_live(heap, start)) continue;
        if (!visit(env, addr_of(heap, start), (u64)(end - start) * GRANULE_BYTES)) return;
    }
}
