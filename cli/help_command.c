#include "cli/help.h"
#include "cli/tool.h"

static enum exit_code run_help(struct tool *tool)
{
    const struct options *options = &tool->options;
    if (options->argument_count == 0) {
        help_print_all(stdout);
        return EXIT_CODE_OK;
    }
    uint32_t used;
    const struct command *command =
        command_find(options->arguments, options->argument_count, &used);
    if (command != NULL && used == options->argument_count) {
        help_print_command(stdout, command);
        return EXIT_CODE_OK;
    }
    if (options->argument_count == 1 && command_is_group(options->arguments[0])) {
        help_print_group(stdout, options->arguments[0]);
        return EXIT_CODE_OK;
    }
    return tool_usage_error(tool, "no such command: %s", options->arguments[0]);
}

const struct command command_help = {
    .name = "help",
    .arguments = "[COMMAND...]",
    .argument_count_max = 2,
    .summary = "show all commands, or all about one",
    .description = "Prints what the tool can do, or the flags of one command and an example.\n",
    .example = "tailrace help\ntailrace help topic create\n",
    .run = run_help,
};
