/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* options.h - the rows of options.def as tables, and command lines read by them. */
#ifndef TERN_CLI_OPTIONS_H
#define TERN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes of our own; a guest's own code is passed on. */
enum {
#define EXIT(id, code, text) EXIT_##id = (code),
#include "options.def"
};

typedef enum CommandId {
#define COMMAND(id, ...) COMMAND_##id,
#include "options.def"
    NCOMMANDS
} CommandId;

typedef enum OptionId {
#define OPTION(command, id, ...) OPTION_##id,
#include "options.def"
    NOPTIONS
} OptionId;

typedef enum Shape { SHAPE_PROGRAM, SHAPE_FIRST, SHAPE_MIXED } Shape;

typedef enum Completion {
    COMPLETION_NONE,
    COMPLETION_FILES,
    COMPLETION_FOLDERS,
    COMPLETION_COMMANDS,
    COMPLETION_WORDS
} Completion;

typedef struct CommandInfo {
    const char *name, *operands;
    Shape shape;
    const char *summary, *description;
} CommandInfo;

typedef struct OptionInfo {
    CommandId command;
    const char *name, *other, *value;
    Completion completion;
    const char *text;
} OptionInfo;

typedef struct ExampleInfo {
    CommandId command;
    const char *text, *comment;
} ExampleInfo;

typedef struct ExitInfo {
    int code;
    const char *text;
} ExitInfo;

extern const CommandInfo cli_commands[NCOMMANDS];
extern const OptionInfo cli_options[NOPTIONS];
extern const ExampleInfo cli_examples[]; /* ends with a NULL text */
extern const ExitInfo cli_exits[];       /* ends with a NULL text */

/* Is it a command behind "tern"? The others are programs of their own name. */
bool cli_is_command(CommandId command);
/* The command or program of that name; NCOMMANDS if there is none. */
CommandId cli_find_command(const char *name);

/* Does the option's value follow behind '='? Optionally? */
static inline bool cli_value_is_joined(const OptionInfo *option)
{
    return option->value[0] == '=' || option->value[0] == '[';
}
/* Is arg this option? *value is then NULL, or what stands behind its '='. */
bool cli_option_matches(const OptionInfo *option, const char *arg, const char **value);

/* Takes one option; value is NULL for a switch. EXIT_OK, or what was said to be wrong with it. */
typedef int OptionTaker(void *self, OptionId id, const char *value);

/* Reads options of the command from argv[1] on, leaving the operands at argv[1..*noperands]. EXIT_OK, a usage error
 * that was printed, or CLI_HELPED: help was asked for and printed, so the command is done. */
enum { CLI_HELPED = -1 };
int cli_options_read(CommandId command, int argc, char **argv, OptionTaker *take, void *self, int *noperands);

/* The candidate that name is most like, if it is a likely slip; else NULL. */
typedef struct Suggestion {
    const char *name, *best;
    unsigned distance;
} Suggestion;
Suggestion cli_suggestion(const char *name);
void cli_suggestion_try(Suggestion *s, const char *candidate);

#endif
