/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* main.c - tern: which command; and the same program under the name iwasm. */
#include <string.h>

#include "cli.h"

static Command *const runs[NCOMMANDS] = {
    [COMMAND_RUN] = cli_run,
    [COMMAND_INSPECT] = cli_inspect,
    [COMMAND_VALIDATE] = cli_validate,
    [COMMAND_COMPILE] = cli_compile,
    [COMMAND_COMPLETION] = cli_completion,
    [COMMAND_HELP] = cli_help,
};

int cli_unknown_command(const char *name)
{
    size_t size = strlen(name);
    if (size > 5 && strcmp(name + size - 5, ".wasm") == 0)
        return cli_usage_error(COMMAND_TERN, "\"%s\" is no command; to run it: tern run %s", name, name);
    Suggestion suggestion = cli_suggestion(name);
    for (int i = 0; i < NCOMMANDS; i++)
        if (cli_is_command((CommandId)i)) cli_suggestion_try(&suggestion, cli_commands[i].name);
    if (suggestion.best != NULL)
        return cli_usage_error(COMMAND_TERN, "\"%s\" is no command; did you mean %s?", name, suggestion.best);
    return cli_usage_error(COMMAND_TERN, "\"%s\" is no command", name);
}

static bool is_option(OptionId id, const char *arg)
{
    return strcmp(arg, cli_options[id].name) == 0 || strcmp(arg, cli_options[id].other) == 0;
}

static int run(int argc, char **argv)
{
    if (is_option(OPTION_TERN_HELP, argv[1])) {
        cli_print_help(COMMAND_TERN);
        return EXIT_OK;
    }
    if (is_option(OPTION_TERN_VERSION, argv[1])) {
        printf("tern %s\n", tern_version());
        return EXIT_OK;
    }
    if (argv[1][0] == '-' && argv[1][1] != '\0')
        return cli_usage_error(COMMAND_TERN, "unknown option %s; options of a command follow its name", argv[1]);
    CommandId command = cli_find_command(argv[1]);
    if (command == NCOMMANDS || runs[command] == NULL) return cli_unknown_command(argv[1]);
    int code = runs[command](argc - 1, argv + 1);
    return code == CLI_HELPED ? EXIT_OK : code;
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = argc > 0 ? (slash != NULL ? slash + 1 : argv[0]) : "";
    if (strncmp(name, "iwasm", 5) == 0) return cli_iwasm(argc, argv);
    if (argc < 2) {
        cli_error("which command?");
        cli_print_help(COMMAND_TERN);
        return EXIT_USAGE;
    }
    return cli_finish(run(argc, argv));
}
