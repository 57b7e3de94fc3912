/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* cjson.c - parses standard input as JSON and prints it with and without white space. */
#include "cJSON.h"
#include "driver.h"

static unsigned long count(const cJSON *item)
{
    unsigned long n = 0;
    for (; item != NULL; item = item->next) n += 1 + count(item->child);
    return n;
}

int main(int argc, char **argv)
{
    size_t n;
    char *in = driver_read(&n);
    for (int round = driver_rounds(argc, argv); round > 0; round--) {
        cJSON *root = cJSON_ParseWithLength(in, n);
        if (root == NULL) return printf("error at %td\n", cJSON_GetErrorPtr() - in), 1;
        char *pretty = cJSON_Print(root), *plain = cJSON_PrintUnformatted(root);
        if (round == 1)
            printf("%lu values, %zu bytes %016llx, %zu bytes %016llx\n", count(root), strlen(pretty),
                   (unsigned long long)driver_hash(DRIVER_HASH_START, pretty, strlen(pretty)), strlen(plain),
                   (unsigned long long)driver_hash(DRIVER_HASH_START, plain, strlen(plain)));
        if (round == 1 && n < 4096) puts(pretty);
        free(pretty);
        free(plain);
        cJSON_Delete(root);
    }
    return 0;
}
