/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* small.c - something to compile without headers. */
typedef struct Node { struct Node *left, *right; int key; double weight; } Node;
static int depth(const Node *n) { return n == 0 ? 0 : 1 + (depth(n->left) > depth(n->right) ? depth(n->left) : depth(n->right)); }
double total(const Node *n) { return n ? n->weight * n->key + total(n->left) + total(n->right) : 0; }
int collatz(unsigned long long n) { int i = 0; for (; n != 1; i++) n = n % 2 ? 3 * n + 1 : n / 2; return i; }
int measure(Node *n, const int *v, int count) { int s = depth(n); for (int i = 0; i < count; i++) s += v[i] * v[i] - (v[i] >> 3); return s; }
