/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* expat.c - parses standard input as XML: what there is of elements, attributes and text, and how deep. */
#include "driver.h"
#include "expat.h"

typedef struct Seen {
    unsigned long elements, attributes, bytes, depth, deepest;
    uint64_t hash;
} Seen;

static void start(void *data, const char *name, const char **attributes)
{
    Seen *seen = data;
    seen->elements++;
    if (++seen->depth > seen->deepest) seen->deepest = seen->depth;
    seen->hash = driver_hash(seen->hash, name, strlen(name));
    for (; *attributes != NULL; attributes++, seen->attributes++)
        seen->hash = driver_hash(seen->hash, *attributes, strlen(*attributes));
}
static void end(void *data, const char *name)
{
    Seen *seen = data;
    seen->depth--;
    seen->hash = driver_hash(seen->hash, name, strlen(name));
}
static void text(void *data, const char *bytes, int size)
{
    Seen *seen = data;
    seen->bytes += (unsigned long)size;
    seen->hash = driver_hash(seen->hash, bytes, (size_t)size);
}

int main(int argc, char **argv)
{
    size_t n;
    char *in = driver_read(&n);
    for (int round = driver_rounds(argc, argv); round > 0; round--) {
        Seen seen = {.hash = DRIVER_HASH_START};
        XML_Parser parser = XML_ParserCreateNS(NULL, ' ');
        if (parser == NULL) return 9;
        XML_SetHashSalt(parser, 12345);
        XML_SetUserData(parser, &seen);
        XML_SetElementHandler(parser, start, end);
        XML_SetCharacterDataHandler(parser, text);
        enum XML_Status status = XML_Parse(parser, in, (int)n, 1);
        if (round == 1)
            printf("%s: %lu elements, %lu attributes' texts, %lu bytes of text, %lu deep, %016llx; line %lu\n",
                   status == XML_STATUS_OK ? "ok" : XML_ErrorString(XML_GetErrorCode(parser)), seen.elements,
                   seen.attributes, seen.bytes, seen.deepest, (unsigned long long)seen.hash,
                   (unsigned long)XML_GetCurrentLineNumber(parser));
        XML_ParserFree(parser);
    }
    return 0;
}
