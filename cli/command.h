/* A command is one row: what it is called, what it takes, what help says, what it does. Each lives
 * in a file of its own (`topic create` in topic_create.c); commands.c lists them in the order in
 * which help shows them. Parsing, help and shell completion come from the rows. */
#ifndef TAILRACE_CLI_COMMAND_H
#define TAILRACE_CLI_COMMAND_H

#include "cli/options.h"

struct tool;

/* What the program answers to the shell. */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1, /* anything failed, also one of many items */
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_INTERRUPTED = 130,
};

enum { ARGUMENTS_ANY = OPTIONS_ARGUMENT_MAX };

struct command {
    const char *name;      /* "topic create" */
    const char *arguments; /* as help shows them; "" if there are none */
    uint32_t argument_count_min;
    uint32_t argument_count_max;
    const char *summary;     /* one line, no full stop */
    const char *description; /* whole lines */
    const char *example;     /* whole lines */
    const char *json_shape;  /* printed by --format help; NULL: the command has one format */
    struct option_table options;
    enum exit_code (*run)(struct tool *tool);
};

extern const struct command command_topic_create;
extern const struct command command_topic_list;
extern const struct command command_topic_describe;
extern const struct command command_topic_delete;
extern const struct command command_topic_add_partitions;
extern const struct command command_topic_produce;
extern const struct command command_topic_consume;
extern const struct command command_topic_offsets;
extern const struct command command_cluster_info;
extern const struct command command_api_versions;
extern const struct command command_version;
extern const struct command command_completion;
extern const struct command command_help;

/* The command at a place of the list; NULL behind the last. */
const struct command *command_at(uint32_t index);

/* The command that the first words name, and how many words that were; NULL if there is none. */
const struct command *command_find(const char *const *words, uint32_t count, uint32_t *used);

/* True if some command's first word is `word` and it has a second ("topic"). */
bool command_is_group(const char *word);

/* The known first or second word nearest to a mistyped one; NULL if none is near. `group` NULL:
 * first words. */
const char *command_suggestion(const char *group, const char *word);

/* The flags that every command has. */
struct option_table command_common_options(void);

#endif
