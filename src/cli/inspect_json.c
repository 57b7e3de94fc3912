/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* inspect_json.c - tern inspect --json: what inspect.c prints, as one JSON object. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inspect.h"

/* What is not ASCII is UTF-8 already: names of valid modules are, and paths are passed through. */
static void print_string(const char *bytes, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c == '"' || c == '\\') printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void print_text(const char *text) { print_string(text, strlen(text)); }

static void print_type(const tern_module *module, tern_kind kind, uint32_t index)
{
    char *text = cli_type_text(module, kind, index);
    print_text(text != NULL ? text : "");
    free(text);
}

static void print_features(const tern_module *module)
{
    char features[1024];
    tern_module_features_text(module, features, sizeof features);
    fputs("  \"features\": [", stdout);
    const char *gap = "";
    for (const char *name = features; *name != '\0'; gap = ", ") {
        size_t size = strcspn(name, " ");
        fputs(gap, stdout);
        print_string(name, size);
        name += size + (name[size] == ' ');
    }
    puts("],");
}

static void print_items(const tern_module *module, const char *title, uint32_t n, bool is_import)
{
    printf("  \"%s\": [", title);
    tern_item item;
    for (uint32_t i = 0; i < n; i++) {
        if (!(is_import ? tern_module_import(module, i, &item) : tern_module_export(module, i, &item))) break;
        printf("%s\n    {\"kind\": \"%s\", ", i > 0 ? "," : "", cli_kind_names[item.kind]);
        if (is_import) {
            fputs("\"module\": ", stdout);
            print_string(item.module.bytes, item.module.size);
            fputs(", ", stdout);
        }
        fputs("\"name\": ", stdout);
        print_string(item.name.bytes, item.name.size);
        printf(", \"index\": %" PRIu32 ", \"type\": ", item.index);
        print_type(module, item.kind, item.index);
        putchar('}');
    }
    puts(n > 0 ? "\n  ]," : "],");
}

static void print_bytes(const char *type)
{
    uint64_t min, max;
    bool has_max;
    if (!cli_memory_bytes(type, &min, &max, &has_max)) return;
    printf(", \"min_bytes\": %" PRIu64, min);
    if (has_max) printf(", \"max_bytes\": %" PRIu64, max);
}

static void print_typed(const tern_module *module, const char *title, tern_kind kind, uint32_t n, uint32_t imported)
{
    printf("  \"%s\": [", title);
    for (uint32_t i = 0; i < n; i++) {
        char *type = cli_type_text(module, kind, i);
        printf("%s\n    {\"type\": ", i > 0 ? "," : "");
        print_text(type != NULL ? type : "");
        if (kind == TERN_MEMORY && type != NULL) print_bytes(type);
        printf(", \"imported\": %s}", i < imported ? "true" : "false");
        free(type);
    }
    puts(n > 0 ? "\n  ]," : "],");
}

static void print_sections(const tern_module *module)
{
    fputs("  \"sections\": [", stdout);
    tern_section section;
    uint64_t position = 0;
    const char *gap = "";
    while (tern_module_next_section(module, &position, &section)) {
        printf("%s\n    {\"id\": %u, \"title\": \"%s\", ", gap, section.id, section.title);
        if (section.id == 0) {
            fputs("\"name\": ", stdout);
            print_string(section.name.bytes, section.name.size);
            fputs(", ", stdout);
        }
        printf("\"offset\": %" PRIu64 ", \"bytes\": %" PRIu64 "}", section.offset, section.size_bytes);
        gap = ",";
    }
    puts(gap[0] != '\0' ? "\n  ]" : "]");
}

void cli_print_json(const tern_module *module, const char *path, uint64_t size_bytes)
{
    tern_counts counts;
    tern_module_counts(module, &counts);
    fputs("{\n  \"file\": ", stdout);
    print_text(path);
    printf(",\n  \"bytes\": %" PRIu64 ",\n", size_bytes);
    print_features(module);
    print_items(module, "imports", counts.imports, true);
    print_items(module, "exports", counts.exports, false);
    print_typed(module, "memories", TERN_MEMORY, counts.memories, counts.imported_memories);
    print_typed(module, "tables", TERN_TABLE, counts.tables, counts.imported_tables);
    print_typed(module, "globals", TERN_GLOBAL, counts.globals, counts.imported_globals);
    print_typed(module, "tags", TERN_TAG, counts.tags, counts.imported_tags);
    printf("  \"types\": %" PRIu32 ",\n  \"functions\": %" PRIu32 ",\n  \"imported_functions\": %" PRIu32 ",\n",
           counts.types, counts.funcs, counts.imported_funcs);
    printf("  \"data_segments\": %" PRIu32 ",\n  \"elem_segments\": %" PRIu32 ",\n  \"has_start\": %s,\n",
           counts.data_segments, counts.elem_segments, counts.has_start ? "true" : "false");
    print_sections(module);
    puts("}");
}
