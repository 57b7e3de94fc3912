/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* options.c - the tables of options.def, reading a command line by them, and what was perhaps meant. */
#include "options.h"

#include <stdint.h>
#include <string.h>

#include "cli.h"

const CommandInfo cli_commands[NCOMMANDS] = {
#define COMMAND(id, name, operands, shape, summary, description) \
    {name, operands, SHAPE_##shape, summary, description},
#include "options.def"
};

const OptionInfo cli_options[NOPTIONS] = {
#define OPTION(command, id, name, other, value, completion, text) \
    {COMMAND_##command, name, other, value, COMPLETION_##completion, text},
#include "options.def"
};

const ExampleInfo cli_examples[] = {
#define EXAMPLE(command, text, comment) {COMMAND_##command, text, comment},
#include "options.def"
    {NCOMMANDS, NULL, NULL},
};

const ExitInfo cli_exits[] = {
#define EXIT(id, code, text) {code, text},
#include "options.def"
    {0, NULL},
};

bool cli_is_command(CommandId command) { return cli_commands[command].shape != SHAPE_PROGRAM; }

CommandId cli_find_command(const char *name)
{
    for (int i = 0; i < NCOMMANDS; i++)
        if (strcmp(name, cli_commands[i].name) == 0) return (CommandId)i;
    return NCOMMANDS;
}

/* --- what was perhaps meant --------------------------------------------------------------------------- */

enum { MAX_NAME = 40 };

/* How many letters must be put in, left out, replaced or swapped with their neighbour to get from a to b. */
static unsigned distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    if (na > MAX_NAME || nb > MAX_NAME) return UINT32_MAX;
    unsigned rows[3][MAX_NAME + 1]; /* of the row before last, the last, and this one */
    for (unsigned j = 0; j <= nb; j++) rows[1][j] = j;
    for (unsigned i = 1; i <= na; i++) {
        unsigned *older = rows[(i + 2) % 3], *last = rows[i % 3], *row = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            bool is_same = a[i - 1] == b[j - 1];
            unsigned best = last[j - 1] + !is_same;
            if (last[j] + 1 < best) best = last[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (is_swap && older[j - 2] + 1 < best) best = older[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[(na + 1) % 3][nb];
}

Suggestion cli_suggestion(const char *name)
{
    size_t letters = strlen(name + strspn(name, "-"));
    return (Suggestion){name, NULL, (unsigned)(letters + 5) / 3}; /* up to a third of it may be wrong, and one */
}

void cli_suggestion_try(Suggestion *s, const char *candidate)
{
    unsigned n = candidate[0] != '\0' ? distance(s->name, candidate) : UINT32_MAX;
    if (n >= s->distance) return;
    s->distance = n;
    s->best = candidate;
}

/* --- reading a command line --------------------------------------------------------------------------- */

static bool name_matches(const char *name, const char *arg, const char **value)
{
    size_t size = strlen(name);
    if (size == 0 || strncmp(arg, name, size) != 0) return false;
    *value = arg[size] == '=' ? arg + size + 1 : NULL;
    return arg[size] == '=' || arg[size] == '\0';
}

bool cli_option_matches(const OptionInfo *option, const char *arg, const char **value)
{
    return name_matches(option->name, arg, value) || name_matches(option->other, arg, value);
}

static const OptionInfo *find(CommandId command, const char *arg, const char **value)
{
    for (int i = 0; i < NOPTIONS; i++)
        if (cli_options[i].command == command && cli_option_matches(&cli_options[i], arg, value)) return &cli_options[i];
    return NULL;
}

static int unknown(CommandId command, const char *arg)
{
    char name[MAX_NAME + 1];
    size_t size = strcspn(arg, "=");
    snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name), arg);
    Suggestion suggestion = cli_suggestion(name);
    for (int i = 0; i < NOPTIONS; i++) {
        if (cli_options[i].command != command) continue;
        cli_suggestion_try(&suggestion, cli_options[i].name);
        cli_suggestion_try(&suggestion, cli_options[i].other);
    }
    const char *hint = command == COMMAND_RUN ? "; options of the program stand behind FILE" : "";
    if (suggestion.best != NULL)
        return cli_usage_error(command, "unknown option %s; did you mean %s?", arg, suggestion.best);
    return cli_usage_error(command, "unknown option %s%s", arg, hint);
}

int cli_options_read(CommandId command, int argc, char **argv, OptionTaker *take, void *self, int *noperands)
{
    int n = 0, i = 1;
    for (; i < argc; i++) {
        char *arg = argv[i];
        if (arg[0] != '-' || arg[1] == '\0') {
            if (cli_commands[command].shape == SHAPE_FIRST) break;
            argv[1 + n++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            i++;
            break;
        }
        if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
            cli_print_help(command);
            return CLI_HELPED;
        }
        const char *value;
        const OptionInfo *option = find(command, arg, &value);
        if (option == NULL) return unknown(command, arg);
        bool is_switch = option->value[0] == '\0';
        if (is_switch && value != NULL) return cli_usage_error(command, "%s takes no value", option->name);
        if (!is_switch && value == NULL) {
            if (i + 1 == argc) return cli_usage_error(command, "%s needs a value: %s", arg, option->value);
            value = argv[++i];
        }
        int code = take(self, (OptionId)(option - cli_options), value);
        if (code != EXIT_OK) return code;
    }
    for (; i < argc; i++) argv[1 + n++] = argv[i];
    *noperands = n;
    return EXIT_OK;
}
