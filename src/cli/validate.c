/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* validate.c - tern validate. */
#include "cli.h"

const char cli_validate_help[] =
    "tern validate - check that modules are well formed and valid\n"
    "\n"
    "Usage: tern validate FILE...\n"
    "\n"
    "Decodes and validates each FILE by the rules of the specification and runs nothing. For each that\n"
    "fails, says why and where: the byte offset, the section and the function. - is standard input.\n"
    "\n"
    "Example:\n"
    "  tern validate build/*.wasm\n"
    "\n"
    "Exit codes: 0 if all are valid, 2 if a file cannot be read, 3 if one is not valid.\n";

int cli_validate(int argc, char **argv)
{
    if (argc < 2) return cli_usage_error("validate", "which file?");
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return cli_usage_error("validate", "unknown option %s", argv[i]);

    tern_engine *engine = tern_engine_create();
    if (engine == NULL) {
        cli_error("out of memory");
        return EXIT_MODULE;
    }
    int code = EXIT_OK;
    for (int i = 1; i < argc; i++) {
        int file_code = EXIT_OK;
        tern_module *module = cli_load(engine, argv[i], NULL, &file_code);
        if (module != NULL) printf("%s: valid\n", argv[i]);
        if (file_code > code) code = file_code;
        tern_module_unload(module);
    }
    tern_engine_destroy(engine);
    return code;
}
