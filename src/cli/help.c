/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* help.c - the tables of options.def as text for a terminal, and as Markdown for docs/command-line.md. */
#include <string.h>
#include <unistd.h>

#include "cli.h"

enum { WIDTH = 80, COLUMN = 24, IWASM_COLUMN = 27 };

/* --- text in lines ------------------------------------------------------------------------------------ */

/* Words of one paragraph, broken at WIDTH, from column `at` on; later lines are indented. Ends the line. */
static void print_wrapped(const char *text, size_t size, int at, int indent)
{
    const char *end = text + size;
    bool is_first = true;
    while (text < end) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        int length = (int)((space != NULL ? space : end) - text);
        if (!is_first && at + 1 + length > WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
            is_first = true;
        }
        printf("%s%.*s", is_first ? "" : " ", length, text);
        at += length + !is_first;
        is_first = false;
        text += length + (space != NULL);
    }
    putchar('\n');
}

/* Calls for each paragraph of the description. */
static void print_paragraphs(const char *text, void (*print)(const char *text, size_t size))
{
    for (;;) {
        const char *gap = strstr(text, "\n\n");
        print(text, gap != NULL ? (size_t)(gap - text) : strlen(text));
        if (gap == NULL) return;
        text = gap + 2;
    }
}

static void print_title(const char *title)
{
    bool is_bold = cli_has_colour(STDOUT_FILENO);
    printf("%s%s:%s\n", is_bold ? "\033[1m" : "", title, is_bold ? "\033[0m" : "");
}

/* Something in the left column and its text, on the same line if there is room. */
static void print_row(const char *left, const char *text, int column)
{
    int at = printf("  %s", left);
    if (at + 2 > column) {
        putchar('\n');
        at = 0;
    }
    printf("%*s", column - at, "");
    print_wrapped(text, strlen(text), column, column);
}

/* --- a command's help --------------------------------------------------------------------------------- */

static void print_paragraph(const char *text, size_t size)
{
    print_wrapped(text, size, 0, 0);
    putchar('\n');
}

static const char *command_prefix(CommandId command) { return cli_is_command(command) ? "tern " : ""; }

static bool has_options(CommandId command)
{
    for (int i = 0; i < NOPTIONS; i++)
        if (cli_options[i].command == command) return true;
    return false;
}

static const char *options_word(CommandId command)
{
    return command == COMMAND_TERN || !has_options(command) ? "" : "[OPTIONS] ";
}

/* "-q, --quiet", "--dir HOST", "--env=key=value" */
static void option_left(const OptionInfo *option, char *buf, size_t size)
{
    const char *value = option->value, *other = option->other;
    bool other_first = other[0] != '\0' && other[1] != '-';
    bool is_joined = cli_value_is_joined(option);
    snprintf(buf, size, "%s%s%s%s%s%s%s", other_first ? other : "", other_first ? ", " : "", option->name,
             other[0] != '\0' && !other_first ? ", " : "", other_first ? "" : other,
             value[0] == '\0' || is_joined ? "" : " ", value);
}

static void print_options(CommandId command, int column)
{
    for (int i = 0; i < NOPTIONS; i++) {
        if (cli_options[i].command != command) continue;
        char left[100];
        option_left(&cli_options[i], left, sizeof left);
        print_row(left, cli_options[i].text, column);
    }
}

static void print_examples(CommandId command, const char *indent)
{
    size_t width = 0;
    for (const ExampleInfo *e = cli_examples; e->text != NULL; e++)
        if (e->command == command && strlen(e->text) > width) width = strlen(e->text);
    for (const ExampleInfo *e = cli_examples; e->text != NULL; e++) {
        if (e->command != command) continue;
        if (e->comment[0] != '\0') printf("%s%-*s  # %s\n", indent, (int)width, e->text, e->comment);
        else printf("%s%s\n", indent, e->text);
    }
}

static void print_exits(void)
{
    for (const ExitInfo *e = cli_exits; e->text != NULL; e++) {
        char left[16];
        snprintf(left, sizeof left, "%d", e->code);
        print_row(left, e->text, 8);
    }
}

/* The layout of the program it stands in for. */
static void print_iwasm_help(void)
{
    const CommandInfo *info = &cli_commands[COMMAND_IWASM];
    printf("Usage: %s [-options] %s\noptions:\n", info->name, info->operands);
    print_options(COMMAND_IWASM, IWASM_COLUMN);
}

void cli_print_help(CommandId command)
{
    const CommandInfo *info = &cli_commands[command];
    if (command == COMMAND_IWASM) {
        print_iwasm_help();
        return;
    }
    printf("%s%s - %s\n\nUsage: %s%s %s%s\n\n", command_prefix(command), info->name, info->summary,
           command_prefix(command), info->name, options_word(command), info->operands);
    print_paragraphs(info->description, print_paragraph);

    if (command == COMMAND_TERN) {
        print_title("Commands");
        for (int i = 0; i < NCOMMANDS; i++) {
            if (!cli_is_command((CommandId)i)) continue;
            char left[60];
            snprintf(left, sizeof left, "%s %s", cli_commands[i].name, cli_commands[i].operands);
            print_row(left, cli_commands[i].summary, COLUMN + 4);
        }
        putchar('\n');
    }
    if (has_options(command)) {
        print_title("Options");
        print_options(command, COLUMN);
        putchar('\n');
    }
    print_title("Examples");
    print_examples(command, "  ");
    putchar('\n');
    print_title("Exit codes");
    print_exits();
}

/* --- Markdown ------------------------------------------------------------------------------------------- */

/* In a cell of a table | would end it. */
static void print_cell(const char *text)
{
    for (; *text != '\0'; text++) printf(*text == '|' ? "\\|" : *text == '<' ? "&lt;" : "%c", *text);
}

static void print_code_cell(const char *text)
{
    putchar('`');
    for (; *text != '\0'; text++) printf(*text == '|' ? "\\|" : "%c", *text);
    putchar('`');
}

void cli_print_markdown(CommandId command)
{
    const CommandInfo *info = &cli_commands[command];
    printf("```\n%s%s %s%s\n```\n\n", command_prefix(command), info->name, options_word(command), info->operands);
    print_paragraphs(info->description, print_paragraph);
    if (command == COMMAND_TERN) {
        puts("| command | |\n|---|---|");
        for (int i = 0; i < NCOMMANDS; i++) {
            if (!cli_is_command((CommandId)i)) continue;
            printf("| [tern %s](#tern-%s) | ", cli_commands[i].name, cli_commands[i].name);
            print_cell(cli_commands[i].summary);
            puts(" |");
        }
        putchar('\n');
    }
    if (has_options(command)) {
        puts("| option | |\n|---|---|");
        for (int i = 0; i < NOPTIONS; i++) {
            if (cli_options[i].command != command) continue;
            char left[100];
            option_left(&cli_options[i], left, sizeof left);
            fputs("| ", stdout);
            print_code_cell(left);
            fputs(" | ", stdout);
            print_cell(cli_options[i].text);
            puts(" |");
        }
        putchar('\n');
    }
    puts("```sh");
    print_examples(command, "");
    puts("```");
    if (command != COMMAND_TERN) return;
    puts("\n| exit code | |\n|---|---|");
    for (const ExitInfo *e = cli_exits; e->text != NULL; e++) {
        printf("| %d | ", e->code);
        print_cell(e->text);
        puts(" |");
    }
}

/* --- tern help ------------------------------------------------------------------------------------------ */

typedef struct HelpOptions {
    bool is_man, is_markdown;
} HelpOptions;

static int take(void *self, OptionId id, const char *value)
{
    HelpOptions *o = self;
    (void)value;
    o->is_man |= id == OPTION_HELP_MAN;
    o->is_markdown |= id == OPTION_HELP_MARKDOWN;
    return EXIT_OK;
}

int cli_help(int argc, char **argv)
{
    HelpOptions o = {false, false};
    int n, code = cli_options_read(COMMAND_HELP, argc, argv, take, &o, &n);
    if (code != EXIT_OK) return code;
    if (n > 1) return cli_usage_error(COMMAND_HELP, "help takes one command");
    CommandId command = n == 0 ? COMMAND_TERN : cli_find_command(argv[1]);
    if (command == NCOMMANDS) return cli_unknown_command(argv[1]);
    if (o.is_man) cli_print_man(command);
    else if (o.is_markdown) cli_print_markdown(command);
    else cli_print_help(command);
    return EXIT_OK;
}
