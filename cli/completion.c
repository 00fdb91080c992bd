/* Shell completion, printed from the commands' rows: words for the first and second place, and the
 * flags of each command. It asks no broker, so it costs nothing to press Tab. */
#include "base/assert.h"
#include "cli/tool.h"

#include <stdio.h>
#include <string.h>

static void print_flags(struct option_table table)
{
    for (uint32_t i = 0; i < table.row_count; i++) {
        if (table.rows[i].letter != 0)
            printf("-%c ", table.rows[i].letter);
        printf("--%s ", table.rows[i].name);
    }
}

/* The words that may stand after `group`, or, for NULL, first; each once. */
static void print_words(const char *group)
{
    const char *previous = "";
    for (uint32_t i = 0; command_at(i) != NULL; i++) {
        const char *name = command_at(i)->name;
        size_t size = strcspn(name, " ");
        if (group != NULL) {
            if (strlen(group) == size && memcmp(name, group, size) == 0 && name[size] == ' ')
                printf("%s ", name + size + 1);
        } else if (strlen(previous) < size || memcmp(previous, name, size) != 0) {
            printf("%.*s ", (int)size, name);
        }
        previous = name;
    }
}

static void print_bash_command(const struct command *command)
{
    printf("    '%s'*) words='", command->name);
    print_flags(command->options);
    print_flags(command_common_options());
    printf("' ;;\n");
}

static void print_bash(void)
{
    printf("# tailrace completion for bash: source <(tailrace completion bash)\n"
           "_tailrace() {\n"
           "    local words= line=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
           "    local word=${COMP_WORDS[COMP_CWORD]}\n"
           "    case $line in\n"
           "    ' ') words='");
    print_words(NULL);
    printf("' ;;\n    'topic ') words='");
    print_words("topic");
    printf("' ;;\n    'cluster ') words='");
    print_words("cluster");
    printf("' ;;\n");
    for (uint32_t i = 0; command_at(i) != NULL; i++)
        print_bash_command(command_at(i));
    printf("    esac\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
           "}\n"
           "complete -F _tailrace tailrace\n");
}

static void print_zsh(void)
{
    printf("#compdef tailrace\n"
           "# tailrace completion for zsh: source <(tailrace completion zsh)\n"
           "autoload -U +X bashcompinit && bashcompinit\n");
    print_bash();
}

/* fish's condition under which a word of `group` may follow. */
static void print_fish_word(const struct command *command)
{
    const char *space = strchr(command->name, ' ');
    if (space == NULL) {
        printf("complete -c tailrace -f -n __fish_use_subcommand -a %s -d '%s'\n", command->name,
               command->summary);
        return;
    }
    int group_size = (int)(space - command->name);
    printf("complete -c tailrace -f -n __fish_use_subcommand -a %.*s\n", group_size, command->name);
    printf("complete -c tailrace -f -n '__fish_seen_subcommand_from %.*s' -a %s -d '%s'\n",
           group_size, command->name, space + 1, command->summary);
}

static void print_fish_flags(const char *word, struct option_table table)
{
    for (uint32_t i = 0; i < table.row_count; i++) {
        const struct option_row *row = &table.rows[i];
        printf("complete -c tailrace -f -n '__fish_seen_subcommand_from %s' -l %s", word,
               row->name);
        if (row->letter != 0)
            printf(" -s %c", row->letter);
        printf("%s -d '%s'\n", row->value != NULL ? " -r" : "", row->help);
    }
}

static void print_fish(void)
{
    printf("# tailrace completion for fish: tailrace completion fish | source\n");
    for (uint32_t i = 0; command_at(i) != NULL; i++) {
        const struct command *command = command_at(i);
        const char *space = strchr(command->name, ' ');
        print_fish_word(command);
        print_fish_flags(space != NULL ? space + 1 : command->name, command->options);
    }
}

static enum exit_code run_completion(struct tool *tool)
{
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    const char *shell = tool->options.arguments[0];
    assert(shell != NULL);
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].print();
            return EXIT_CODE_OK;
        }
    }
    return tool_usage_error(tool, "completion is made for bash, zsh and fish, not '%s'", shell);
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .argument_count_min = 1,
    .argument_count_max = 1,
    .summary = "print completion for a shell",
    .description = "Prints a script that lets the shell complete commands and flags.\n",
    .example = "source <(tailrace completion bash)\n",
    .run = run_completion,
};
