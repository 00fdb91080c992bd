#include "cli/help.h"

#include "base/assert.h"

#include <string.h>

enum { NAME_WIDTH = 24, FLAG_WIDTH = 32 };

void help_print_all(FILE *out)
{
    fputs("tailrace - the command line tool of the Tailrace log broker\n\n"
          "Usage: tailrace COMMAND [ARGUMENTS] [FLAGS]\n\nCommands:\n",
          out);
    for (uint32_t i = 0; command_at(i) != NULL; i++)
        fprintf(out, "  %-*s%s\n", NAME_WIDTH, command_at(i)->name, command_at(i)->summary);
    fputs("\nRun 'tailrace help COMMAND' for the flags of a command and an example.\n", out);
}

void help_print_group(FILE *out, const char *group)
{
    assert(command_is_group(group));
    size_t size = strlen(group);
    fprintf(out, "Usage: tailrace %s COMMAND [ARGUMENTS] [FLAGS]\n\nCommands:\n", group);
    for (uint32_t i = 0; command_at(i) != NULL; i++) {
        const struct command *command = command_at(i);
        if (strncmp(command->name, group, size) == 0 && command->name[size] == ' ')
            fprintf(out, "  %-*s%s\n", NAME_WIDTH, command->name, command->summary);
    }
    fprintf(out, "\nRun 'tailrace help %s COMMAND' for its flags and an example.\n", group);
}

static void print_options(FILE *out, const char *title, struct option_table table)
{
    assert(table.rows != NULL || table.row_count == 0);
    if (table.row_count == 0)
        return;
    fprintf(out, "\n%s:\n", title);
    for (uint32_t i = 0; i < table.row_count; i++) {
        const struct option_row *row = &table.rows[i];
        char letter[8] = "    ";
        if (row->letter != 0)
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        char flag[96];
        snprintf(flag, sizeof flag, "%s--%s%s%s", letter, row->name, row->value != NULL ? " " : "",
                 row->value != NULL ? row->value : "");
        if (strlen(flag) >= FLAG_WIDTH)
            fprintf(out, "  %s\n  %*s%s\n", flag, FLAG_WIDTH, "", row->help);
        else
            fprintf(out, "  %-*s%s\n", FLAG_WIDTH, flag, row->help);
    }
}

/* Each line of an example stands two columns in. */
static void print_indented(FILE *out, const char *text)
{
    assert(text != NULL);
    while (*text != 0) {
        size_t size = strcspn(text, "\n");
        fprintf(out, "  %.*s\n", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

void help_print_command(FILE *out, const struct command *command)
{
    assert(command != NULL);
    fprintf(out, "tailrace %s - %s\n\n", command->name, command->summary);
    fprintf(out, "Usage: tailrace %s%s%s [FLAGS]\n\n", command->name,
            command->arguments[0] != 0 ? " " : "", command->arguments);
    fputs(command->description, out);
    print_options(out, "Flags", command->options);
    print_options(out, "Flags of every command", command_common_options());
    fputs("\nExample:\n", out);
    print_indented(out, command->example);
}
