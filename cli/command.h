/* A command is one row: what it is called, what it takes, what help says, what it does. Each lives
 * in a file of its own (`topic create` in topic_create.c) and has a line in the list below.
 * Parsing, help and shell completion come from the rows. */
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

/* All of them, in the order in which help shows them. */
#define COMMANDS(X)                                                                                \
    X(topic_create)                                                                                \
    X(topic_list)                                                                                  \
    X(topic_describe)                                                                              \
    X(topic_delete)                                                                                \
    X(topic_add_partitions)                                                                        \
    X(topic_alter_config)                                                                          \
    X(topic_produce)                                                                               \
    X(topic_consume)                                                                               \
    X(topic_offsets)                                                                               \
    X(topic_analyze)                                                                               \
    X(topic_trim_prefix)                                                                           \
    X(group_list)                                                                                  \
    X(group_describe)                                                                              \
    X(group_seek)                                                                                  \
    X(group_delete)                                                                                \
    X(group_offset_delete)                                                                         \
    X(cluster_info)                                                                                \
    X(cluster_logdirs)                                                                             \
    X(log_dump)                                                                                    \
    X(log_verify)                                                                                  \
    X(bench_produce)                                                                               \
    X(bench_fetch)                                                                                 \
    X(bench_e2e)                                                                                   \
    X(bench_mixed)                                                                                 \
    X(bench_partitions)                                                                            \
    X(bench_groups_heartbeat)                                                                      \
    X(bench_groups_commit)                                                                         \
    X(bench_groups_join)                                                                           \
    X(bench_groups_list)                                                                           \
    X(bench_groups_restart)                                                                        \
    X(bench_compare)                                                                               \
    X(bench_report)                                                                                \
    X(bench_start)                                                                                 \
    X(bench_idle)                                                                                  \
    X(bench_floor)                                                                                 \
    X(api_versions)                                                                                \
    X(version)                                                                                     \
    X(completion)                                                                                  \
    X(help)

#define X(name) extern const struct command command_##name;
COMMANDS(X)
#undef X

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
