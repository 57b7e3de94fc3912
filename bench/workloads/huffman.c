/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* huffman.c - a text is counted, coded by Huffman's tree bit by bit, and decoded again. */
#include "workload.h"

enum { SIZE = 20000, SYMBOLS = 256 };
typedef struct Node {
    unsigned weight;
    int left, right; /* -1: a leaf */
} Node;
static unsigned char text[SIZE], bits[SIZE * 4], back[SIZE];
static Node nodes[2 * SYMBOLS];
static unsigned codes[SYMBOLS], lengths[SYMBOLS];
static int heap[2 * SYMBOLS], nheap;

static void push(int node)
{
    int i = nheap++;
    for (; i > 0 && nodes[heap[(i - 1) / 2]].weight > nodes[node].weight; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = node;
}

static int pop(void)
{
    int top = heap[0], last = heap[--nheap], i = 0;
    for (int child; (child = 2 * i + 1) < nheap; i = child) {
        if (child + 1 < nheap && nodes[heap[child + 1]].weight < nodes[heap[child]].weight) child++;
        if (nodes[heap[child]].weight >= nodes[last].weight) break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

static void assign(int node, unsigned code, unsigned length)
{
    if (nodes[node].left < 0) {
        codes[node] = code;
        lengths[node] = length;
        return;
    }
    assign(nodes[node].left, code << 1, length + 1);
    assign(nodes[node].right, code << 1 | 1, length + 1);
}

static uint64_t work(int round)
{
    workload_seed = 5 + (uint32_t)round;
    for (int i = 0; i < SIZE; i++) {
        unsigned r = workload_random();
        text[i] = (unsigned char)(32 + (r & r >> 8 & 63));
    }
    memset(nodes, 0, sizeof nodes);
    nheap = 0;
    for (int i = 0; i < SIZE; i++) nodes[text[i]].weight++;
    for (int i = 0; i < SYMBOLS; i++) {
        nodes[i].left = nodes[i].right = -1;
        if (nodes[i].weight > 0) push(i);
    }
    int next = SYMBOLS;
    while (nheap > 1) {
        int a = pop(), b = pop();
        nodes[next] = (Node){nodes[a].weight + nodes[b].weight, a, b};
        push(next++);
    }
    int root = pop();
    assign(root, 0, 0);
    memset(bits, 0, sizeof bits);
    size_t n = 0;
    for (int i = 0; i < SIZE; i++)
        for (unsigned k = lengths[text[i]]; k-- > 0; n++)
            bits[n / 8] |= (unsigned char)((codes[text[i]] >> k & 1) << n % 8);
    size_t at = 0;
    for (int i = 0; i < SIZE; i++) {
        int node = root;
        for (; nodes[node].left >= 0; at++) node = bits[at / 8] >> at % 8 & 1 ? nodes[node].right : nodes[node].left;
        back[i] = (unsigned char)node;
    }
    return memcmp(text, back, SIZE) == 0 ? n : 0;
}

WORKLOAD_MAIN(work)
