/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* guest.c - takes strings and gives strings. Exporting malloc and free is what lets the host make room in here,
 * and free what greet returns.
 *
 *   clang-22 --target=wasm32-wasi --no-wasm-opt --sysroot=/usr -O2 -mexec-model=reactor -Wl,--strip-all \
 *            -Wl,--export=malloc,--export=free,--export=greet -o guest.wasm guest.c
 */
#include <stdlib.h>
#include <string.h>

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) name
void IMPORT(say)(const char *text);
int IMPORT(setting)(const char *key, char *value, int capacity);

char *greet(const char *name)
{
    char word[16];
    if (setting("greeting", word, sizeof word) < 0) strcpy(word, "Hello");
    say("composing");
    char *text = malloc(strlen(word) + 1 + strlen(name) + 1);
    if (text == NULL) return NULL;
    strcpy(text, word);
    strcat(text, " ");
    return strcat(text, name);
}
