/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* tree_sitter.c - parses standard input with tree-sitter's grammar of JSON; then with one byte changed. */
#include <tree_sitter/api.h>

#include "driver.h"

const TSLanguage *tree_sitter_json(void);

int main(int argc, char **argv)
{
    size_t n;
    char *in = driver_read(&n);
    TSParser *parser = ts_parser_new();
    if (parser == NULL || !ts_parser_set_language(parser, tree_sitter_json())) return puts("language"), 1;
    for (int round = driver_rounds(argc, argv); round > 0; round--) {
        TSTree *tree = ts_parser_parse_string(parser, NULL, in, (uint32_t)n);
        char *text = ts_node_string(ts_tree_root_node(tree));
        if (round == 1)
            printf("%u children, %zu bytes %016llx\n", ts_node_child_count(ts_tree_root_node(tree)), strlen(text),
                   (unsigned long long)driver_hash(DRIVER_HASH_START, text, strlen(text)));
        if (round == 1 && n < 1000) puts(text);
        free(text);
        char kept = in[n / 2];
        uint32_t at = (uint32_t)(n / 2);
        in[at] = '}';
        TSInputEdit edit = {.start_byte = at, .old_end_byte = at + 1, .new_end_byte = at + 1};
        ts_tree_edit(tree, &edit);
        TSTree *again = ts_parser_parse_string(parser, tree, in, (uint32_t)n);
        if (round == 1) printf("changed: %s\n", ts_node_has_error(ts_tree_root_node(again)) ? "an error" : "none");
        in[at] = kept;
        ts_tree_delete(again);
        ts_tree_delete(tree);
    }
    ts_parser_delete(parser);
    return 0;
}
