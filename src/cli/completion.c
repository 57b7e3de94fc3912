/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* completion.c - the tables of options.def as scripts that complete command lines in bash, zsh and fish. */
#include <string.h>

#include "cli.h"

/* "--quiet -q", or "--dir=" for a value that must be joined. */
static void print_spellings(const OptionInfo *option, const char *gap)
{
    const char *end = option->value[0] == '=' ? "=" : "";
    printf("%s%s%s", gap, option->name, end);
    if (option->other[0] != '\0') printf(" %s%s", option->other, end);
}

static void print_all_spellings(CommandId command)
{
    const char *gap = "";
    for (int i = 0; i < NOPTIONS; i++) {
        if (cli_options[i].command != command) continue;
        print_spellings(&cli_options[i], gap);
        gap = " ";
    }
}

/* The words of "a|b|c", with spaces between. */
static void print_words(const char *words)
{
    for (; *words != '\0'; words++) putchar(*words == '|' ? ' ' : *words);
}

/* What follows a command when it is no option. */
static Completion operand_completion(CommandId command)
{
    if (command == COMMAND_HELP) return COMPLETION_COMMANDS;
    return command == COMMAND_COMPLETION ? COMPLETION_WORDS : COMPLETION_FILES;
}

static void print_command_names(void)
{
    const char *gap = "";
    for (int i = 0; i < NCOMMANDS; i++) {
        if (!cli_is_command((CommandId)i)) continue;
        printf("%s%s", gap, cli_commands[i].name);
        gap = " ";
    }
}

/* Is a word of this option's own behind it? */
static bool takes_next(const OptionInfo *option)
{
    return option->value[0] != '\0' && !cli_value_is_joined(option);
}

/* --- bash ----------------------------------------------------------------------------------------------- */

static void print_bash_action(Completion completion, const char *words)
{
    switch (completion) {
    case COMPLETION_NONE: fputs("return", stdout); break;
    case COMPLETION_FILES: fputs("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))", stdout); break;
    case COMPLETION_FOLDERS: fputs("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))", stdout); break;
    case COMPLETION_COMMANDS:
    case COMPLETION_WORDS:
        fputs("COMPREPLY=($(compgen -W '", stdout);
        if (completion == COMPLETION_WORDS) print_words(words);
        else print_command_names();
        fputs("' -- \"$cur\"))", stdout);
    }
}

/* The cases of a command: the value of the option before the cursor, options, operands. */
static void print_bash_command(CommandId command)
{
    bool has_values = false;
    for (int i = 0; i < NOPTIONS; i++)
        has_values |= cli_options[i].command == command && takes_next(&cli_options[i]);
    if (has_values) puts("        case $prev in");
    for (int i = 0; i < NOPTIONS; i++) {
        const OptionInfo *option = &cli_options[i];
        if (option->command != command || !takes_next(option)) continue;
        printf("        %s%s%s) ", option->name, option->other[0] != '\0' ? "|" : "", option->other);
        print_bash_action(option->completion, option->value);
        puts("; return ;;");
    }
    if (has_values) puts("        esac");
    fputs("        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W '", stdout);
    print_all_spellings(command);
    puts("' -- \"$cur\"))\n        else");
    fputs("            ", stdout);
    print_bash_action(operand_completion(command), cli_commands[command].operands);
    puts("\n        fi ;;");
}

static void print_bash(void)
{
    puts("# Completion of tern and iwasm for bash: source <(tern completion bash)\n"
         "_tern() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    COMPREPLY=()\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    print_command_names();
    putchar(' ');
    print_all_spellings(COMMAND_TERN);
    puts("' -- \"$cur\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in");
    for (int i = 0; i < NCOMMANDS; i++) {
        if (!cli_is_command((CommandId)i)) continue;
        printf("    %s)\n", cli_commands[i].name);
        print_bash_command((CommandId)i);
    }
    puts("    esac\n}\ncomplete -F _tern tern\n\n"
         "_iwasm() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    COMPREPLY=()\n"
         "    case iwasm in\n"
         "    iwasm)");
    print_bash_command(COMMAND_IWASM);
    puts("    esac\n"
         "    [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace\n"
         "}\ncomplete -F _iwasm iwasm");
}

/* --- zsh ------------------------------------------------------------------------------------------------ */

/* In '...' for _arguments, where : [ ] have a meaning. */
static void print_zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text) != NULL) printf("\\%c", *text);
        else putchar(*text);
    }
}

static void print_zsh_action(Completion completion, const char *words)
{
    switch (completion) {
    case COMPLETION_NONE: putchar(' '); break;
    case COMPLETION_FILES: fputs("_files", stdout); break;
    case COMPLETION_FOLDERS: fputs("_files -/", stdout); break;
    case COMPLETION_COMMANDS:
    case COMPLETION_WORDS:
        putchar('(');
        if (completion == COMPLETION_WORDS) print_words(words);
        else print_command_names();
        putchar(')');
    }
}

static void print_zsh_spelling(const OptionInfo *option, const char *name)
{
    const char *sign = option->value[0] == '\0' ? "" : option->value[0] == '=' ? "=-" : option->value[0] == '[' ? "=" : "+";
    if (option->value[0] != '\0' && !cli_value_is_joined(option) && name[1] == '-') sign = "=";
    printf(" \\\n        '*%s%s[", name, sign);
    print_zsh_text(option->text);
    putchar(']');
    if (option->value[0] != '\0') {
        fputs(option->value[0] == '[' ? "::" : ":", stdout);
        for (const char *c = option->value; *c != '\0'; c++) { /* a word for people */
            if (strchr("[]=:", *c) == NULL) putchar(*c);
        }
        putchar(':');
        print_zsh_action(option->completion, option->value);
    }
    putchar('\'');
}

static void print_zsh_arguments(CommandId command)
{
    fputs("        _arguments -s", stdout);
    for (int i = 0; i < NOPTIONS; i++) {
        if (cli_options[i].command != command) continue;
        print_zsh_spelling(&cli_options[i], cli_options[i].name);
        if (cli_options[i].other[0] != '\0') print_zsh_spelling(&cli_options[i], cli_options[i].other);
    }
    fputs(" \\\n        '*:operand:", stdout);
    print_zsh_action(operand_completion(command), cli_commands[command].operands);
    puts("'");
}

static void print_zsh(void)
{
    puts("#compdef tern iwasm\n"
         "# Completion of tern and iwasm for zsh: tern completion zsh >FOLDER-OF-FPATH/_tern\n"
         "_tern() {\n"
         "    if [[ $service == iwasm ]]; then");
    print_zsh_arguments(COMMAND_IWASM);
    puts("        return\n    fi\n"
         "    if (( CURRENT == 2 )); then\n"
         "        local -a commands=(");
    for (int i = 0; i < NCOMMANDS; i++) {
        if (!cli_is_command((CommandId)i)) continue;
        printf("            '%s:", cli_commands[i].name);
        print_zsh_text(cli_commands[i].summary);
        puts("'");
    }
    fputs("        )\n        local -a options=(", stdout);
    print_all_spellings(COMMAND_TERN);
    puts(")\n        _describe -t commands command commands -- options\n        return\n    fi\n"
         "    local command=$words[2]\n"
         "    shift words\n"
         "    (( CURRENT-- ))\n"
         "    case $command in");
    for (int i = 0; i < NCOMMANDS; i++) {
        if (!cli_is_command((CommandId)i)) continue;
        printf("    %s)\n", cli_commands[i].name);
        print_zsh_arguments((CommandId)i);
        puts("        ;;");
    }
    puts("    esac\n}\n"
         "if [[ $funcstack[1] == _tern ]]; then _tern \"$@\"; else compdef _tern tern iwasm; fi");
}

/* --- fish ----------------------------------------------------------------------------------------------- */

static void print_fish_text(const char *text)
{
    putchar('\'');
    for (; *text != '\0'; text++) printf(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('\'');
}

static void print_fish_spelling(const char *name)
{
    if (name[0] == '\0') return;
    if (name[1] == '-') printf(" -l %s", name + 2);
    else printf(" -s %s", name + 1);
}

static void print_fish_option(const OptionInfo *option)
{
    const char *command = cli_commands[option->command].name;
    printf("complete -c %s", option->command == COMMAND_IWASM ? "iwasm" : "tern");
    if (cli_is_command(option->command)) printf(" -n '__fish_seen_subcommand_from %s'", command);
    else if (option->command == COMMAND_TERN) printf(" -n __fish_use_subcommand");
    print_fish_spelling(option->name);
    print_fish_spelling(option->other);
    if (option->value[0] != '\0' && option->value[0] != '[') {
        switch (option->completion) {
        case COMPLETION_FILES: fputs(" -r -F", stdout); break;
        case COMPLETION_FOLDERS: fputs(" -x -a '(__fish_complete_directories)'", stdout); break;
        case COMPLETION_WORDS:
            fputs(" -x -a '", stdout);
            print_words(option->value);
            putchar('\'');
            break;
        default: fputs(" -x", stdout);
        }
    }
    fputs(" -d ", stdout);
    print_fish_text(option->text);
    putchar('\n');
}

static void print_fish(void)
{
    puts("# Completion of tern and iwasm for fish: tern completion fish | source\n"
         "complete -c tern -n __fish_use_subcommand -f");
    for (int i = 0; i < NCOMMANDS; i++) {
        if (!cli_is_command((CommandId)i)) continue;
        printf("complete -c tern -n __fish_use_subcommand -a %s -d ", cli_commands[i].name);
        print_fish_text(cli_commands[i].summary);
        putchar('\n');
    }
    for (int i = 0; i < NOPTIONS; i++) print_fish_option(&cli_options[i]);
    fputs("complete -c tern -n '__fish_seen_subcommand_from help' -f -a '", stdout);
    print_command_names();
    fputs("'\ncomplete -c tern -n '__fish_seen_subcommand_from completion' -f -a '", stdout);
    print_words(cli_commands[COMMAND_COMPLETION].operands);
    puts("'");
}

/* --- tern completion -------------------------------------------------------------------------------------- */

static int take(void *self, OptionId id, const char *value)
{
    (void)self, (void)id, (void)value;
    return EXIT_OK;
}

int cli_completion(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    int n, code = cli_options_read(COMMAND_COMPLETION, argc, argv, take, NULL, &n);
    if (code != EXIT_OK) return code;
    if (n != 1) return cli_usage_error(COMMAND_COMPLETION, "which shell? bash, zsh or fish");
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(argv[1], shells[i].name) != 0) continue;
        shells[i].print();
        return EXIT_OK;
    }
    return cli_usage_error(COMMAND_COMPLETION, "no completion for %s; there is bash, zsh and fish", argv[1]);
}
