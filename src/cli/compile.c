/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* compile.c - tern compile, in a build whose only tier is the interpreter. */
#include "cli.h"

static int take(void *self, OptionId id, const char *value)
{
    (void)self, (void)id, (void)value;
    return EXIT_OK;
}

int cli_compile(int argc, char **argv)
{
    int n, code = cli_options_read(COMMAND_COMPILE, argc, argv, take, NULL, &n);
    if (code != EXIT_OK) return code;
    if (n != 1) return cli_usage_error(COMMAND_COMPILE, n == 0 ? "which file?" : "one file at a time");
    cli_error("this build has no compiler: its only tier is the interpreter; tern run %s needs none", argv[1]);
    return EXIT_ABSENT;
}
