/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* man.c - the tables of options.def as manual pages, in the man(7) macros. */
#include <ctype.h>
#include <string.h>

#include "cli.h"

/* Text, which may not be taken for a request or an escape. A hyphen is made a minus, as options have it, so that
 * it can be searched for and pasted. */
static void print_roff(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        switch (text[i]) {
        case '\\': fputs("\\e", stdout); break;
        case '-': fputs("\\-", stdout); break;
        case '\'': fputs("\\(aq", stdout); break;
        case '^': fputs("\\(ha", stdout); break;
        case '~': fputs("\\(ti", stdout); break;
        case '`': fputs("\\(ga", stdout); break;
        case '.':
            if (i == 0) fputs("\\&", stdout);
            putchar('.');
            break;
        default: putchar(text[i]);
        }
    }
}

static void print_text(const char *text) { print_roff(text, strlen(text)); }

/* Sentences begin lines, which is how roff is told where they end; long ones take several. */
static void print_sentences(const char *text, size_t size)
{
    enum { WIDTH = 72 };
    size_t from = 0, space = 0; /* of this line; the last gap in it */
    for (size_t i = 1; i + 1 < size; i++) {
        if (text[i] != ' ') continue;
        bool is_end = text[i - 1] == '.' && isupper((unsigned char)text[i + 1]);
        size_t end = is_end ? i : space;
        if (is_end || (i - from > WIDTH && space > from)) {
            print_roff(text + from, end - from);
            putchar('\n');
            from = end + 1;
        }
        space = i;
    }
    if (size - from > WIDTH && space > from) {
        print_roff(text + from, space - from);
        putchar('\n');
        from = space + 1;
    }
    print_roff(text + from, size - from);
    putchar('\n');
}

static void print_upper(const char *text)
{
    for (; *text != '\0'; text++) {
        char c = (char)toupper((unsigned char)*text);
        print_roff(&c, 1);
    }
}

/* "run" becomes tern-run. */
static void print_page_name(CommandId command)
{
    if (cli_is_command(command)) fputs("tern\\-", stdout);
    print_text(cli_commands[command].name);
}

static void print_description(const char *text)
{
    for (;;) {
        const char *gap = strstr(text, "\n\n");
        print_sentences(text, gap != NULL ? (size_t)(gap - text) : strlen(text));
        if (gap == NULL) return;
        puts(".PP");
        text = gap + 2;
    }
}

static void print_option(const OptionInfo *option)
{
    bool is_joined = cli_value_is_joined(option);
    const char *spellings[] = {option->name, option->other};
    puts(".TP");
    for (int i = 0; i < 2 && spellings[i][0] != '\0'; i++) {
        fputs(i > 0 ? ", \\fB" : "\\fB", stdout);
        print_text(spellings[i]);
        fputs("\\fR", stdout);
        if (option->value[0] == '\0') continue;
        fputs(is_joined ? "\\fI" : " \\fI", stdout);
        print_text(option->value);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_sentences(option->text, strlen(option->text));
}

static bool has_options(CommandId command)
{
    for (int i = 0; i < NOPTIONS; i++)
        if (cli_options[i].command == command) return true;
    return false;
}

static void print_commands(void)
{
    puts(".SH COMMANDS");
    for (int i = 0; i < NCOMMANDS; i++) {
        if (!cli_is_command((CommandId)i)) continue;
        fputs(".TP\n\\fBtern ", stdout);
        print_text(cli_commands[i].name);
        fputs("\\fR \\fI", stdout);
        print_text(cli_commands[i].operands);
        puts("\\fR");
        print_sentences(cli_commands[i].summary, strlen(cli_commands[i].summary));
        fputs("See \\fBtern\\-", stdout);
        print_text(cli_commands[i].name);
        puts("\\fR(1).");
    }
}

static void print_examples(CommandId command)
{
    puts(".SH EXAMPLES");
    for (const ExampleInfo *e = cli_examples; e->text != NULL; e++) {
        if (e->command != command) continue;
        fputs(".TP\n\\fB", stdout);
        print_text(e->text);
        puts("\\fR");
        if (e->comment[0] != '\0') print_text(e->comment);
        else fputs("\\&", stdout);
        putchar('\n');
    }
}

static void print_exits(void)
{
    puts(".SH EXIT STATUS");
    for (const ExitInfo *e = cli_exits; e->text != NULL; e++) {
        printf(".TP\n.B %d\n", e->code);
        print_sentences(e->text, strlen(e->text));
    }
}

static void print_see_also(CommandId command)
{
    puts(".SH SEE ALSO");
    bool is_first = true;
    for (int i = 0; i < NCOMMANDS; i++) {
        bool is_shown = i != (int)command && (command == COMMAND_TERN || !cli_is_command((CommandId)i));
        if (!is_shown) continue;
        fputs(is_first ? "\\fB" : ",\n\\fB", stdout);
        print_page_name((CommandId)i);
        fputs("\\fR(1)", stdout);
        is_first = false;
    }
    putchar('\n');
}

void cli_print_man(CommandId command)
{
    const CommandInfo *info = &cli_commands[command];
    fputs(".TH ", stdout);
    if (cli_is_command(command)) fputs("TERN\\-", stdout);
    print_upper(info->name);
    printf(" 1 \"\" \"Tern %s\" \"Tern Manual\"\n.SH NAME\n", tern_version());
    print_page_name(command);
    fputs(" \\- ", stdout);
    print_text(info->summary);
    fputs("\n.SH SYNOPSIS\n\\fB", stdout);
    if (cli_is_command(command)) fputs("tern ", stdout);
    print_text(info->name);
    fputs("\\fR ", stdout);
    if (has_options(command) && command != COMMAND_TERN) fputs("[\\fIOPTIONS\\fR] ", stdout);
    fputs("\\fI", stdout);
    print_text(info->operands);
    puts("\\fR\n.SH DESCRIPTION");
    print_description(info->description);
    if (command == COMMAND_TERN) print_commands();
    if (has_options(command)) {
        puts(".SH OPTIONS");
        for (int i = 0; i < NOPTIONS; i++)
            if (cli_options[i].command == command) print_option(&cli_options[i]);
    }
    if (command != COMMAND_IWASM) print_exits();
    print_examples(command);
    print_see_also(command);
}
