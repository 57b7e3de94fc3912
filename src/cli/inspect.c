/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* inspect.c - tern inspect, for people; inspect_json.c is for programs. */
#include "inspect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const char *const cli_kind_names[] = {"func", "table", "memory", "global", "tag"};

char *cli_type_text(const tern_module *module, tern_kind kind, uint32_t index)
{
    size_t length = tern_module_type_text(module, kind, index, NULL, 0);
    char *text = malloc(length + 1);
    if (text != NULL) tern_module_type_text(module, kind, index, text, length + 1);
    return text;
}

bool cli_memory_bytes(const char *type, uint64_t *min, uint64_t *max, bool *has_max)
{
    uint64_t page = 65536;
    const char *size = strstr(type, "pagesize ");
    if (size != NULL) page = strtoull(size + strlen("pagesize "), NULL, 10);
    const char *at = strncmp(type, "i64 ", 4) == 0 ? type + 4 : type;
    char *end;
    *min = strtoull(at, &end, 10);
    if (end == at) return false;
    at = end;
    *max = strtoull(at, &end, 10);
    *has_max = end != at;
    /* Of a 64-bit memory the greatest is one byte more than there are numbers for. */
    if (page == 0 || *min > UINT64_MAX / page) return false;
    *min *= page;
    *max = *max > UINT64_MAX / page ? UINT64_MAX : *max * page;
    return true;
}

/* Prints a space and the type, if it has any text. */
static void print_type(const tern_module *module, tern_kind kind, uint32_t index)
{
    char *text = cli_type_text(module, kind, index);
    if (text != NULL && text[0] != '\0') printf(" %s", text);
    free(text);
}

static void print_items(const tern_module *module, const char *title, uint32_t n, bool is_import)
{
    printf("%s: %" PRIu32 "\n", title, n);
    tern_item item;
    for (uint32_t i = 0; i < n; i++) {
        if (!(is_import ? tern_module_import(module, i, &item) : tern_module_export(module, i, &item))) break;
        printf("  %-6s ", cli_kind_names[item.kind]);
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

/* "1 2 (65536 to 131072 bytes)" */
static void print_memory(const tern_module *module, uint32_t index)
{
    print_type(module, TERN_MEMORY, index);
    char *text = cli_type_text(module, TERN_MEMORY, index);
    uint64_t min, max;
    bool has_max;
    if (text != NULL && cli_memory_bytes(text, &min, &max, &has_max)) {
        if (has_max && max != min) printf(" (%" PRIu64 " to %" PRIu64 " bytes)", min, max);
        else printf(" (%" PRIu64 " bytes%s)", min, has_max ? "" : " to start with");
    }
    free(text);
}

static void print_typed(const tern_module *module, const char *title, tern_kind kind, uint32_t n,
                        uint32_t imported)
{
    print_count(title, n, imported);
    for (uint32_t i = 0; i < n; i++) {
        printf("  %" PRIu32 ":", i);
        if (kind == TERN_MEMORY) print_memory(module, i);
        else print_type(module, kind, i);
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

/* The export of that name, else the number. */
static int print_code(const tern_module *module, const char *func)
{
    uint32_t index;
    char *end;
    if (!tern_module_find_func(module, func, &index)) {
        unsigned long number = strtoul(func, &end, 10);
        index = end != func && *end == '\0' && number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
    }
    size_t length = tern_module_code_text(module, index, NULL, 0);
    char *text = malloc(length + 1);
    if (text == NULL) return cli_no_memory();
    if (length == 0) {
        free(text);
        return cli_usage_error(COMMAND_INSPECT, "the module has no function %s of its own", func);
    }
    tern_module_code_text(module, index, text, length + 1);
    fputs(text, stdout);
    free(text);
    return EXIT_OK;
}

typedef struct Asked {
    bool is_json;
    const char *code;
} Asked;

static int take(void *self, OptionId id, const char *value)
{
    Asked *asked = self;
    if (id == OPTION_INSPECT_CODE) asked->code = value;
    asked->is_json |= id == OPTION_INSPECT_JSON;
    return EXIT_OK;
}

int cli_inspect(int argc, char **argv)
{
    Asked asked = {0};
    int n, code = cli_options_read(COMMAND_INSPECT, argc, argv, take, &asked, &n);
    if (code != EXIT_OK) return code;
    if (n != 1) return cli_usage_error(COMMAND_INSPECT, n == 0 ? "which file?" : "one file at a time");

    tern_engine *engine = tern_engine_create();
    if (engine == NULL) return cli_no_memory();
    uint64_t size_bytes = 0;
    tern_module *module = cli_load(engine, argv[1], &size_bytes, &code);
    if (module != NULL && asked.code != NULL) code = print_code(module, asked.code);
    else if (module != NULL && asked.is_json) cli_print_json(module, argv[1], size_bytes);
    else if (module != NULL) print_module(module, argv[1], size_bytes);
    tern_module_unload(module);
    tern_engine_destroy(engine);
    return code;
}
