/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* dispatch.c - the call_indirect kernel: objects of eight kinds, each updated by the function its
 * kind names, in an order no predictor learns.
 *
 * Rounds: 800.
 */
#include "kernel.h"

enum { OBJECTS = 4096, KINDS = 8 };

typedef struct Object {
    uint32_t kind, x, y;
} Object;

typedef uint32_t Update(Object *o, uint32_t input);

static uint32_t add(Object *o, uint32_t input) { return o->x += input; }
static uint32_t xor (Object * o, uint32_t input) { return o->y ^= input; } static uint32_t
    rotate(Object *o, uint32_t input)
{
    return o->x = (o->x << 7 | o->x >> 25) + input;
}
static uint32_t swap(Object *o, uint32_t input)
{
    uint32_t x = o->x;
    o->x = o->y;
    o->y = x + input;
    return x;
}
static uint32_t scale(Object *o, uint32_t input) { return o->y = o->y * 5 + input; }
static uint32_t halve(Object *o, uint32_t input) { return o->x = (o->x >> 1) ^ input; }
static uint32_t count(Object *o, uint32_t input) { return o->x += input & 1; }
static uint32_t keep(Object *o, uint32_t input) { return o->x - o->y + input; }

static Update *const update[KINDS] = {add, xor, rotate, swap, scale, halve, count, keep};
static Object objects[OBJECTS];

uint32_t kernel(uint32_t n)
{
    uint32_t seed = 5, sum = 1;
    for (int i = 0; i < OBJECTS; i++)
        objects[i] = (Object){.kind = next_random(&seed) % KINDS, .x = (uint32_t)i, .y = 1};
    for (uint32_t round = 0; round < n; round++) {
        for (int i = 0; i < OBJECTS; i++) sum += update[objects[i].kind](&objects[i], sum);
        objects[sum % OBJECTS].kind = sum / OBJECTS % KINDS;
    }
    return sum;
}
