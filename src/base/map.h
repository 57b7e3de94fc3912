/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* map.h - a hash map from byte strings to 64-bit values. Open addressing; keys are borrowed, not copied,
 * and must outlive the map. Zero-initialised is empty. Not thread-safe. The hash is seeded per map, so
 * that names in a hostile module cannot be chosen to collide. */
#ifndef TERN_BASE_MAP_H
#define TERN_BASE_MAP_H

#include "base/alloc.h"

typedef struct MapEntry {
    const void *key; /* NULL: empty */
    u32 key_size, hash;
    u64 value;
} MapEntry;

typedef struct Map {
    MapEntry *entries;
    u32 n, cap; /* cap is 0 or a power of two */
    u32 seed;
} Map;

/* Pointer to the value stored under the key, valid until the next put; NULL if absent. */
u64 *tern_map_get(const Map *map, const void *key, u32 key_size);

/* False if there is no memory, in which case nothing changed. An existing key's value is replaced. A
 * zero-size key is allowed; key must not be NULL. */
bool tern_map_put(Map *map, Alloc *alloc, const void *key, u32 key_size, u64 value);

void tern_map_free(Map *map, Alloc *alloc);

#endif
