/* tailrace: the command line tool. Finds the command that the words name, lets its rows parse the
 * rest, and runs it. */
#include "base/assert.h"
#include "cli/help.h"
#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The words name no command: shows what there is. */
static enum exit_code run_without_command(struct tool *tool, const char *const *words,
                                          uint32_t count)
{
    if (count == 0) {
        bool asked = options_has(&tool->options, "help");
        help_print_all(asked ? stdout : stderr);
        return asked ? EXIT_CODE_OK : EXIT_CODE_USAGE;
    }
    bool is_group = command_is_group(words[0]);
    if (is_group && (count == 1 || words[1][0] == '-')) {
        bool asked = count > 1 && (!strcmp(words[1], "-h") || !strcmp(words[1], "--help"));
        help_print_group(asked ? stdout : stderr, words[0]);
        return asked ? EXIT_CODE_OK : EXIT_CODE_USAGE;
    }
    const char *group = is_group ? words[0] : NULL;
    const char *mistyped = is_group ? words[1] : words[0];
    const char *near = command_suggestion(group, mistyped);
    if (near == NULL)
        return tool_usage_error(tool, "no such command: %s%s%s", group != NULL ? group : "",
                                group != NULL ? " " : "", mistyped);
    return tool_usage_error(tool, "no such command: %s%s%s; did you mean '%.*s'?",
                            group != NULL ? group : "", group != NULL ? " " : "", mistyped,
                            (int)strcspn(near, " "), near);
}

static bool is_format_help(const struct tool *tool)
{
    const char *format = options_text(&tool->options, "format");
    return format != NULL && strcmp(format, "help") == 0;
}

static enum exit_code print_json_shape(const struct tool *tool)
{
    if (tool->command->json_shape == NULL)
        return tool_usage_error(tool, "there is only one format");
    fputs(tool->command->json_shape, stdout);
    return EXIT_CODE_OK;
}

static enum exit_code check_argument_count(const struct tool *tool)
{
    const struct command *command = tool->command;
    assert(command->argument_count_min <= command->argument_count_max);
    uint32_t count = tool->options.argument_count;
    if (count < command->argument_count_min)
        return tool_usage_error(tool, "missing: %s", command->arguments);
    if (count > command->argument_count_max)
        return tool_usage_error(tool, "too many words, starting with '%s'",
                                tool->options.arguments[command->argument_count_max]);
    return EXIT_CODE_OK;
}

static enum exit_code run_command(struct tool *tool, const char *const *words, uint32_t count)
{
    assert(tool->command != NULL);
    uint32_t taken;
    options_add_table(&tool->options, tool->command->options);
    if (!options_parse(&tool->options, words, count, false, &taken))
        return tool_usage_error(tool, "%s", tool->options.problem);
    if (options_has(&tool->options, "help")) {
        help_print_command(stdout, tool->command);
        return EXIT_CODE_OK;
    }
    if (is_format_help(tool))
        return print_json_shape(tool);
    enum exit_code code = tool_settle(tool, environ);
    if (code == EXIT_CODE_OK)
        code = check_argument_count(tool);
    if (code == EXIT_CODE_OK)
        code = tool->command->run(tool);
    return code;
}

/* Flags may stand in front of the command as well; the command's own are known only after it. */
static enum exit_code run(struct tool *tool, const char *const *words, uint32_t count)
{
    uint32_t taken = 0;
    if (!options_parse(&tool->options, words, count, true, &taken))
        return tool_usage_error(tool, "%s", tool->options.problem);
    uint32_t used = 0;
    tool->command = command_find(words + taken, count - taken, &used);
    if (tool->command == NULL)
        return run_without_command(tool, words + taken, count - taken);
    return run_command(tool, words + taken + used, count - taken - used);
}

int main(int argument_count, char **arguments)
{
    assert(argument_count > 0);
    struct tool *tool = malloc(sizeof *tool);
    if (tool == NULL)
        return EXIT_CODE_FAILED;
    tool_init(tool);
    enum exit_code code =
        run(tool, (const char *const *)arguments + 1, (uint32_t)argument_count - 1);
    if (fflush(stdout) != 0 || ferror(stdout))
        code = tool_error(tool, "cannot write to stdout");
    tool_deinit(tool);
    free(tool);
    return code;
}
