/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* words.c - counts the words of standard input in a hash table and in a balanced tree (a treap),
 * which must agree; prints the most frequent, as many as the argument says. Everything is allocated
 * and freed.
 *
 * run: 5
 * run: 1000
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Word {
    struct Word *chain, *left, *right;
    uint32_t priority, count_table, count_tree;
    char text[];
} Word;

static Word **table;
static uint32_t nslots, nwords;
static Word *root;

static uint32_t hash(const char *text)
{
    uint32_t h = 5381;
    while (*text != '\0') h = h * 33 ^ (uint8_t)*text++;
    return h;
}

static void grow(void)
{
    uint32_t n = nslots == 0 ? 8 : nslots * 2;
    Word **bigger = calloc(n, sizeof *bigger);
    if (bigger == NULL) exit(3);
    for (uint32_t i = 0; i < nslots; i++) {
        for (Word *word = table[i], *next; word != NULL; word = next) {
            next = word->chain;
            Word **slot = &bigger[hash(word->text) & (n - 1)];
            word->chain = *slot;
            *slot = word;
        }
    }
    free(table);
    table = bigger;
    nslots = n;
}

static Word *find_or_add(const char *text)
{
    if (nwords >= nslots) grow();
    Word **slot = &table[hash(text) & (nslots - 1)];
    for (Word *word = *slot; word != NULL; word = word->chain)
        if (strcmp(word->text, text) == 0) return word;
    Word *word = calloc(1, sizeof *word + strlen(text) + 1);
    if (word == NULL) exit(3);
    strcpy(word->text, text);
    word->priority = hash(text) * 2654435761u;
    word->chain = *slot;
    *slot = word;
    nwords++;
    return word;
}

/* The treap: ordered by text from left to right, by priority from top to bottom. */
static Word *insert(Word *at, Word *word)
{
    if (at == NULL) {
        word->count_tree = 1;
        return word;
    }
    int order = strcmp(word->text, at->text);
    if (order == 0) {
        at->count_tree++;
        return at;
    }
    Word **side = order < 0 ? &at->left : &at->right;
    *side = insert(*side, word);
    Word *child = *side;
    if (child->priority <= at->priority) return at;
    if (order < 0) {
        at->left = child->right;
        child->right = at;
    } else {
        at->right = child->left;
        child->left = at;
    }
    return child;
}

static int depth(const Word *at)
{
    if (at == NULL) return 0;
    int left = depth(at->left), right = depth(at->right);
    return 1 + (left > right ? left : right);
}

/* Appends in order; returns how many differ between table and tree. */
static uint32_t collect(Word *at, Word **list, uint32_t *n)
{
    if (at == NULL) return 0;
    uint32_t wrong = collect(at->left, list, n);
    list[(*n)++] = at;
    wrong += at->count_table != at->count_tree;
    return wrong + collect(at->right, list, n);
}

static int by_count(const void *a, const void *b)
{
    const Word *x = *(Word *const *)a, *y = *(Word *const *)b;
    if (x->count_table != y->count_table) return x->count_table < y->count_table ? 1 : -1;
    return strcmp(x->text, y->text);
}

int main(int argc, char **argv)
{
    uint32_t wanted = argc > 1 ? (uint32_t)atoi(argv[1]) : 10, total = 0;
    char text[64];
    size_t length = 0;
    for (int c = 0; c != EOF;) {
        c = getchar();
        if (c != EOF && isalpha(c) && length + 1 < sizeof text) {
            text[length++] = (char)tolower(c);
            continue;
        }
        if (length == 0) continue;
        text[length] = '\0';
        length = 0;
        Word *word = find_or_add(text);
        word->count_table++;
        root = insert(root, word);
        total++;
    }
    Word **list = malloc((nwords + 1) * sizeof *list);
    if (list == NULL) return 3;
    uint32_t n = 0, wrong = collect(root, list, &n);
    printf("%u words, %u different, tree depth %d, %u wrong\n", (unsigned)total, (unsigned)n,
           depth(root), (unsigned)wrong);
    qsort(list, n, sizeof *list, by_count);
    for (uint32_t i = 0; i < n && i < wanted; i++)
        printf("%5u %s\n", (unsigned)list[i]->count_table, list[i]->text);
    for (uint32_t i = 0; i < n; i++) free(list[i]);
    free(list);
    free(table);
    return n == nwords && wrong == 0 ? 0 : 1;
}
