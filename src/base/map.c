/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* map.c - linear probing in a table that is at most three quarters full, hashed with SipHash-1-3,
 * for which nobody knows how to choose colliding keys without the seed. */
#include "base/map.h"

#include <assert.h>

enum { FIRST_CAP = 8 };

static u64 rotl(u64 x, u32 n) { return x << n | x >> (64 - n); }

static void sip_round(u64 v[4])
{
    v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
    v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

static u32 hash_bytes(u32 seed, const u8 *key, u32 size)
{
    u64 k0 = seed * 0x9e3779b97f4a7c15u, k1 = (seed ^ 0xffffffffu) * 0xd6e8feb86659fd93u;
    u64 v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                k1 ^ 0x7465646279746573u};
    u32 whole = size & ~7u;
    for (u32 i = 0; i <= whole; i += 8) {
        u64 word = 0;
        if (i < whole) {
            memcpy(&word, key + i, 8);
        } else {
            memcpy(&word, key + i, size - whole);
            word ^= (u64)size << 56;
        }
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for (u32 i = 0; i < 3; i++)
        sip_round(v);
    u64 hash = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (u32)(hash ^ hash >> 32);
}

/* The entry holding the key, or the empty one where it belongs. The table is never full. */
static MapEntry *find(const Map *map, const void *key, u32 key_size, u32 hash)
{
    for (u32 i = hash;; i++) {
        MapEntry *entry = &map->entries[i & (map->cap - 1)];
        if (entry->key == NULL) return entry;
        if (entry->hash == hash && entry->key_size == key_size &&
            memcmp(entry->key, key, key_size) == 0)
            return entry;
    }
}

static bool grow(Map *map, Alloc *alloc)
{
    u32 cap = map->cap == 0 ? FIRST_CAP : map->cap * 2;
    if (cap == 0) return false; /* 2^32 entries */
    MapEntry *entries = tern_alloc_zeroed(alloc, cap, sizeof *entries);
    if (entries == NULL) return false;
    for (u32 i = 0; i < map->cap; i++) {
        const MapEntry *from = &map->entries[i];
        if (from->key == NULL) continue;
        u32 at = from->hash & (cap - 1);
        while (entries[at].key != NULL)
            at = (at + 1) & (cap - 1);
        entries[at] = *from;
    }
    tern_free(alloc, map->entries, map->cap * sizeof *map->entries);
    map->entries = entries;
    map->cap = cap;
    return true;
}

u64 *tern_map_get(const Map *map, const void *key, u32 key_size)
{
    if (map->n == 0) return NULL;
    MapEntry *entry = find(map, key, key_size, hash_bytes(map->seed, key, key_size));
    return entry->key == NULL ? NULL : &entry->value;
}

bool tern_map_put(Map *map, Alloc *alloc, const void *key, u32 key_size, u64 value)
{
    assert(key != NULL && "a key has bytes, even none of them somewhere");
    if (map->cap == 0) {
        if (!grow(map, alloc)) return false;
        /* Where things lie in memory is what a module's author cannot know. */
        u64 mix = (u64)(uintptr_t)map * 0x9e3779b97f4a7c15u ^
                  (u64)(uintptr_t)map->entries * 0xd6e8feb86659fd93u;
        if (map->seed == 0) map->seed = (u32)(mix >> 32);
    }
    u32 hash = hash_bytes(map->seed, key, key_size);
    MapEntry *entry = find(map, key, key_size, hash);
    if (entry->key == NULL) {
        if (map->n >= map->cap / 4 * 3) {
            if (!grow(map, alloc)) return false;
            entry = find(map, key, key_size, hash);
        }
        *entry = (MapEntry){.key = key, .key_size = key_size, .hash = hash};
        map->n++;
    }
    entry->value = value;
    return true;
}

void tern_map_free(Map *map, Alloc *alloc)
{
    tern_free(alloc, map->entries, map->cap * sizeof *map->entries);
    *map = (Map){0};
}
