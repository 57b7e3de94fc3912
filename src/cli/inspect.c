/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* inspect.c - tern inspect. */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>

const char cli_inspect_help[] =
    "tern inspect - show what a module is made of\n"
    "\n"
    "Usage: tern inspect FILE\n"
    "\n"
    "Prints, for a valid module: the proposals it uses beyond WebAssembly 1.0, what it imports and exports\n"
    "with types, its memories (minimum and maximum in pages) and tables, how many functions and globals it\n"
    "has, and the size of every section. Nothing is run. - is standard input.\n"
    "\n"
    "Examples:\n"
    "  tern inspect plugin.wasm\n"
    "  tern inspect plugin.wasm | grep wasi_      does it need WASI?\n"
    "\n"
    "Exit codes: 0, 2 if the file cannot be read, 3 if it is not a valid module.\n";

static const char *const kind_names[] = {"func", "table", "memory", "global", "tag"};

/* Prints a space and the type, if it has any text. */
static void print_type(const tern_module *module, tern_kind kind, uint32_t index)
{
    char small[256];
    size_t length = tern_module_type_text(module, kind, index, small, sizeof small);
    char *text = small;
    if (length >= sizeof small) {
        text = malloc(length + 1);
        if (text == NULL) return;
        tern_module_type_text(module, kind, index, text, length + 1);
    }
    if (length > 0) printf(" %s", text);
    if (text != small) free(text);
}

static void print_items(const tern_module *module, const char *title, uint32_t n, bool is_import)
{
    printf("%s: %" PRIu32 "\n", title, n);
    tern_item item;
    for (uint32_t i = 0; i < n; i++) {
        if (!(is_import ? tern_module_import(module, i, &item) : tern_module_export(module, i, &item))) break;
        printf("  %-6s ", kind_names[item.kind]);
        if (is_import) {
            cli_print_name(stdout, item.module.bytes, item.module.size);
            putchar('.');
        }
        cli_print_name(stdout, item.name.bytes, item.name.size);
        print_type(module, item.kind, item.index);
        putchar('\n');
    }
}

static void print_count(const char *title, uint32_t n, uint32_t imported)
{
    printf("%s: %" PRIu32, title, n);
    if (imported > 0) printf(" (%" PRIu32 " imported)", imported);
    putchar('\n');
}

static void print_typed(const tern_module *module, const char *title, tern_kind kind, uint32_t n,
                        uint32_t imported)
{
    print_count(title, n, imported);
    for (uint32_t i = 0; i < n; i++) {
        printf("  %" PRIu32 ":", i);
        print_type(module, kind, i);
        putchar('\n');
    }
}

static void print_sections(const tern_module *module)
{
    puts("sections: (offset and bytes of the contents)");
    tern_section section;
    uint64_t position = 0;
    while (tern_module_next_section(module, &position, &section)) {
        printf("  %-10s 0x%08" PRIx64 " %10" PRIu64, section.title, section.offset, section.size_bytes);
        if (section.id == 0) {
            fputs("  \"", stdout);
            cli_print_name(stdout, section.name.bytes, section.name.size);
            putchar('"');
        }
        putchar('\n');
    }
}

static void print_module(const tern_module *module, const char *path, uint64_t size_bytes)
{
    tern_counts counts;
    tern_module_counts(module, &counts);
    printf("%s: %" PRIu64 " bytes\n", path, size_bytes);

    char features[1024];
    size_t length = tern_module_features_text(module, features, sizeof features);
    printf("features: %s\n", length > 0 ? features : "none beyond WebAssembly 1.0");
    print_items(module, "imports", counts.imports, true);
    print_items(module, "exports", counts.exports, false);
    print_typed(module, "memories", TERN_MEMORY, counts.memories, counts.imported_memories);
    print_typed(module, "tables", TERN_TABLE, counts.tables, counts.imported_tables);
    print_count("types", counts.types, 0);
    print_count("functions", counts.funcs, counts.imported_funcs);
    print_count("globals", counts.globals, counts.imported_globals);
    if (counts.tags > 0) print_typed(module, "tags", TERN_TAG, counts.tags, counts.imported_tags);
    printf("segments: %" PRIu32 " data, %" PRIu32 " elem\n", counts.data_segments, counts.elem_segments);
    printf("start function: %s\n", counts.has_start ? "yes" : "no");
    print_sections(module);
}

int cli_inspect(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-' && argv[1][1] != '\0')
        return cli_usage_error("inspect", "unknown option %s", argv[1]);
    if (argc != 2) return cli_usage_error("inspect", argc < 2 ? "which file?" : "one file at a time");

    tern_engine *engine = tern_engine_create();
    if (engine == NULL) {
        cli_error("out of memory");
        return EXIT_MODULE;
    }
    int code = EXIT_OK;
    uint64_t size_bytes = 0;
    tern_module *module = cli_load(engine, argv[1], &size_bytes, &code);
    if (module != NULL) print_module(module, argv[1], size_bytes);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return code;
}
