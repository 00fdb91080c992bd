/* Help and usage, made from the commands' rows. */
#ifndef TAILRACE_CLI_HELP_H
#define TAILRACE_CLI_HELP_H

#include "cli/command.h"

#include <stdio.h>

/* What the program is, and all commands. */
void help_print_all(FILE *out);

/* The commands of one group ("topic"). */
void help_print_group(FILE *out, const char *group);

/* All about one command: usage, description, flags, example. */
void help_print_command(FILE *out, const struct command *command);

#endif
