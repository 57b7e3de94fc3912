/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* alloc.c - the data structure kernel: blocks of random sizes are allocated, filled and freed.
 *
 * The allocator is inside: one arena, free blocks in lists by power of two, neighbours merged by
 * boundary tags. It counts in words of four bytes and links by index, so every engine does the same
 * steps.
 *
 * Rounds: 800.
 */
#include "kernel.h"

enum { ARENA_WORDS = 1 << 16, BINS = 16, LIVE = 512, MIN_WORDS = 4 };

/* A block: its size in words with the lowest bit set while used, at both ends. A free block keeps
 * its list's neighbours behind the first tag. Index 0 is no block. */
static uint32_t arena[ARENA_WORDS];
static uint32_t bins[BINS];
static uint32_t live[LIVE], nwords[LIVE];

static uint32_t bin_of(uint32_t words)
{
    uint32_t bin = 31u - (uint32_t)__builtin_clz(words);
    return bin < BINS ? bin : BINS - 1;
}

static void tag(uint32_t at, uint32_t words, uint32_t used)
{
    arena[at] = arena[at + words - 1] = words << 1 | used;
}

static void link_free(uint32_t at, uint32_t words)
{
    uint32_t *head = &bins[bin_of(words)];
    tag(at, words, 0);
    arena[at + 1] = *head;
    arena[at + 2] = 0;
    if (*head != 0) arena[*head + 2] = at;
    *head = at;
}

static void unlink_free(uint32_t at)
{
    uint32_t next = arena[at + 1], before = arena[at + 2];
    if (before != 0)
        arena[before + 1] = next;
    else
        bins[bin_of(arena[at] >> 1)] = next;
    if (next != 0) arena[next + 2] = before;
}

/* One free block between two used words, which stop merging at the ends. */
static void reset(void)
{
    for (int i = 0; i < BINS; i++) bins[i] = 0;
    for (int i = 0; i < LIVE; i++) live[i] = 0;
    arena[0] = arena[ARENA_WORDS - 1] = 1;
    link_free(1, ARENA_WORDS - 2);
}

/* The index of a block's first word of contents, or 0. */
static uint32_t allocate(uint32_t wanted)
{
    uint32_t words = wanted + 2 < MIN_WORDS ? MIN_WORDS : wanted + 2;
    for (uint32_t bin = bin_of(words); bin < BINS; bin++) {
        for (uint32_t at = bins[bin]; at != 0; at = arena[at + 1]) {
            uint32_t has = arena[at] >> 1;
            if (has < words) continue;
            unlink_free(at);
            if (has - words >= MIN_WORDS) {
                link_free(at + words, has - words);
                has = words;
            }
            tag(at, has, 1);
            return at + 1;
        }
    }
    return 0;
}

static void release(uint32_t contents)
{
    uint32_t at = contents - 1, words = arena[at] >> 1;
    uint32_t after = at + words;
    if ((arena[after] & 1) == 0) {
        words += arena[after] >> 1;
        unlink_free(after);
    }
    if ((arena[at - 1] & 1) == 0) {
        uint32_t before = arena[at - 1] >> 1;
        at -= before;
        words += before;
        unlink_free(at);
    }
    link_free(at, words);
}

uint32_t kernel(uint32_t n)
{
    uint32_t seed = 3, sum = 1;
    reset();
    for (uint32_t round = 0; round < n; round++) {
        for (uint32_t step = 0; step < 1000; step++) {
            uint32_t slot = next_random(&seed) % LIVE;
            if (live[slot] != 0) {
                sum = mix(sum, arena[live[slot]] + arena[live[slot] + nwords[slot] - 1]);
                release(live[slot]);
                live[slot] = 0;
                continue;
            }
            uint32_t words = 1 + (next_random(&seed) >> 8) % (step % 16 == 0 ? 500 : 40);
            uint32_t at = live[slot] = allocate(words);
            nwords[slot] = words;
            for (uint32_t i = 0; at != 0 && i < words; i += 8) arena[at + i] = seed + i;
            if (at != 0) arena[at + words - 1] = step;
            sum += at;
        }
    }
    return sum;
}
