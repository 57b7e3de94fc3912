/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* validate.c - tern validate. */
#include <inttypes.h>

#include "cli.h"

typedef struct ValidateOptions {
    bool is_quiet, is_verbose;
} ValidateOptions;

static int take(void *self, OptionId id, const char *value)
{
    ValidateOptions *o = self;
    (void)value;
    o->is_quiet |= id == OPTION_VALIDATE_QUIET;
    o->is_verbose |= id == OPTION_VALIDATE_VERBOSE;
    return EXIT_OK;
}

static void print_valid(const tern_module *module, const char *path, uint64_t size_bytes, const ValidateOptions *o)
{
    if (o->is_quiet) return;
    printf("%s: valid", path);
    if (o->is_verbose) {
        char features[1024];
        size_t length = tern_module_features_text(module, features, sizeof features);
        printf(", %" PRIu64 " bytes, %s%s", size_bytes, length > 0 ? "uses " : "WebAssembly 1.0", features);
    }
    putchar('\n');
}

int cli_validate(int argc, char **argv)
{
    ValidateOptions o = {false, false};
    int n, code = cli_options_read(COMMAND_VALIDATE, argc, argv, take, &o, &n);
    if (code != EXIT_OK) return code;
    if (n == 0) return cli_usage_error(COMMAND_VALIDATE, "which file?");
    if (o.is_quiet && o.is_verbose) return cli_usage_error(COMMAND_VALIDATE, "--quiet or --verbose?");

    tern_engine_options options = TERN_ENGINE_OPTIONS_DEFAULT;
    options.validation_threads = CLI_VALIDATION_THREADS;
    tern_engine *engine = tern_engine_create_with(&options, NULL);
    if (engine == NULL) return cli_no_memory();
    for (int i = 1; i <= n; i++) {
        int file_code = EXIT_OK;
        uint64_t size_bytes = 0;
        tern_module *module = cli_load(engine, argv[i], &size_bytes, &file_code);
        if (module != NULL) print_valid(module, argv[i], size_bytes, &o);
        if (file_code > code) code = file_code;
        tern_module_unload(module);
    }
    tern_engine_destroy(engine);
    return code;
}
