/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* main.c - tern: which command, and its help. */
#include "cli.h"

#include <string.h>

static const char help_text[] =
    "tern - run and examine WebAssembly modules\n"
    "\n"
    "Usage: tern COMMAND [OPTIONS] FILE...\n"
    "\n"
    "Commands:\n"
    "  run FILE [ARGS...]   run a program, or call one of its functions\n"
    "  inspect FILE         show imports, exports, memories, features and sections\n"
    "  validate FILE...     check that modules are well formed and valid\n"
    "  help [COMMAND]       this text, or a command's\n"
    "\n"
    "Options:\n"
    "  -h, --help           this text; after a command, the command's\n"
    "  -V, --version        the version\n"
    "\n"
    "Examples:\n"
    "  tern run hello.wasm one two          main gets \"hello.wasm\", \"one\", \"two\"\n"
    "  tern run --invoke add math.wasm 2 3  prints 5:i32\n"
    "  tern inspect hello.wasm              what does it import?\n"
    "\n"
    "Exit codes:\n"
    "  0     success; a program that is run ends with its own code\n"
    "  2     wrong usage, or a file that cannot be read\n"
    "  3     not a valid module, or an import that nobody provides\n"
    "  134   the program trapped or was stopped by --timeout\n";

static const struct {
    const char *name;
    Command *run;
    const char *help;
} commands[] = {
    {"run", cli_run, cli_run_help},
    {"inspect", cli_inspect, cli_inspect_help},
    {"validate", cli_validate, cli_validate_help},
    {"help", cli_help, help_text},
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

static int unknown_command(const char *name)
{
    size_t size = strlen(name);
    if (size > 5 && strcmp(name + size - 5, ".wasm") == 0)
        return cli_usage_error(NULL, "\"%s\" is no command; to run it: tern run %s", name, name);
    return cli_usage_error(NULL, "\"%s\" is no command", name);
}

int cli_help(int argc, char **argv)
{
    if (argc > 2) return cli_usage_error(NULL, "help takes one command");
    if (argc < 2) {
        fputs(help_text, stdout);
        return EXIT_OK;
    }
    for (int i = 0; i < NCOMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        fputs(commands[i].help, stdout);
        return EXIT_OK;
    }
    return unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs(help_text, stderr);
        return EXIT_USAGE;
    }
    if (cli_is_help(argv[1])) return cli_finish(cli_help(1, argv));
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("tern %s\n", tern_version());
        return cli_finish(EXIT_OK);
    }
    if (argv[1][0] == '-' && argv[1][1] != '\0')
        return cli_usage_error(NULL, "unknown option %s; options of a command follow its name", argv[1]);

    for (int i = 0; i < NCOMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        if (argc > 2 && cli_is_help(argv[2])) {
            fputs(commands[i].help, stdout);
            return cli_finish(EXIT_OK);
        }
        return cli_finish(commands[i].run(argc - 1, argv + 1));
    }
    return unknown_command(argv[1]);
}
