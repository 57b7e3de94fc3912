/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* list.c - the dependent load kernel: a linked list in shuffled order, walked and turned round.
 *
 * Rounds: 100.
 */
#include "kernel.h"

#include <stddef.h>

enum { NODES = 32768 };

typedef struct Node {
    struct Node *next;
    uint32_t value;
} Node;

static Node nodes[NODES];
static uint32_t order[NODES];

/* All nodes in the order of a Fisher-Yates shuffle. */
static Node *build(void)
{
    uint32_t seed = 99;
    for (uint32_t i = 0; i < NODES; i++) order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {
        uint32_t j = next_random(&seed) % (i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[order[i]].value = next_random(&seed);
        nodes[order[i]].next = i + 1 < NODES ? &nodes[order[i + 1]] : NULL;
    }
    return &nodes[order[0]];
}

static uint32_t walk(const Node *node)
{
    uint32_t sum = 0;
    for (; node != NULL; node = node->next) sum = (sum << 1 | sum >> 31) ^ node->value;
    return sum;
}

static Node *reverse(Node *node)
{
    Node *done = NULL;
    while (node != NULL) {
        Node *next = node->next;
        node->next = done;
        done = node;
        node = next;
    }
    return done;
}

uint32_t kernel(uint32_t n)
{
    Node *first = build();
    uint32_t sum = 1;
    for (uint32_t round = 0; round < n; round++) {
        sum = mix(sum, walk(first));
        first = reverse(first);
        first->value += sum;
    }
    return sum;
}
