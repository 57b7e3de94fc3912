/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* plain.c - exports without a C library, called one by one: several results at once, 128-bit arithmetic,
 * bulk memory, saturating conversions, references in tables. Built for 32-bit and for 64-bit memory. */
#include <stddef.h>
#include <stdint.h>
#define EXPORT(name) __attribute__((export_name(name)))

typedef struct Parts { int32_t quotient, remainder; double ratio; } Parts;
EXPORT("divide") Parts divide(int32_t a, int32_t b) { return (Parts){a / b, a % b, (double)a / b}; }

typedef struct Wide { uint64_t low, high; } Wide;
EXPORT("multiply") Wide multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (Wide){(uint64_t)product, (uint64_t)(product >> 64)};
}
EXPORT("add") Wide add(uint64_t a, uint64_t ah, uint64_t b, uint64_t bh)
{
    unsigned __int128 sum = ((unsigned __int128)ah << 64 | a) + ((unsigned __int128)bh << 64 | b);
    return (Wide){(uint64_t)sum, (uint64_t)(sum >> 64)};
}

EXPORT("saturate") int64_t saturate(double v) { return (int64_t)v + (int32_t)(float)v + (uint8_t)(int32_t)v; }

static uint8_t room[70000];
EXPORT("moves") uint64_t moves(uint32_t distance)
{
    for (size_t i = 0; i < sizeof room; i++) room[i] = (uint8_t)(i * 31 + i / 256);
    __builtin_memmove(room + distance, room, sizeof room - distance);
    __builtin_memset(room + 100, 0xa5, distance % 1000);
    __builtin_memmove(room + 5, room + 5 + distance, 60000 - distance);
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof room; i++) hash = (hash ^ room[i]) * 1099511628211u;
    return hash;
}

/* A linked list in memory that grows. */
typedef struct Node { struct Node *next; size_t value; } Node;
EXPORT("list") size_t list(size_t n)
{
    size_t page = 65536, at = __builtin_wasm_memory_size(0) * page, sum = 0;
    if (__builtin_wasm_memory_grow(0, (n * sizeof(Node) + page - 1) / page) == (size_t)-1) return 0;
    Node *first = NULL, *nodes = (Node *)at;
    for (size_t i = 0; i < n; i++) {
        nodes[i] = (Node){first, i * i};
        first = &nodes[i];
    }
    for (Node *node = first; node; node = node->next) sum = sum * 3 + node->value;
    return sum;
}

static int twice(int a) { return 2 * a; }
static int negative(int a) { return -a; }
static int (*const functions[])(int) = {twice, negative};
EXPORT("indirect") int indirect(unsigned i, int a) { return functions[i](a); }

EXPORT("beyond") int beyond(void) { return *(volatile int *)((uintptr_t)__builtin_wasm_memory_size(0) * 65536 - 2); }

#ifndef __wasm64__
static __externref_t table[0];
EXPORT("references") int references(__externref_t ref, int n)
{
    int before = __builtin_wasm_table_grow(table, ref, n);
    __builtin_wasm_table_fill(table, 0, __builtin_wasm_ref_null_extern(), n / 2);
    __builtin_wasm_table_set(table, 1, __builtin_wasm_table_get(table, n - 1));
    return before * 1000 + __builtin_wasm_table_size(table);
}
#endif
