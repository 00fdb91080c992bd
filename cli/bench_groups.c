/* bench groups-...: what consumer groups cost a broker. The loads are those of bench/groups.h; here
 * their rows become flags. */
#include "cli/bench.h"

#include "base/assert.h"
#include "bench/groups.h"

static enum exit_code run_load(struct tool *tool, enum load_mode mode, struct option_table rows,
                               const struct start_options *start)
{
    struct load load;
    load_init(&load, mode, tool->brokers);
    if (!bench_take_flags(tool, rows.rows, rows.row_count, &load))
        return EXIT_CODE_USAGE;
    return bench_print(tool, bench_groups(&load, start));
}

static enum exit_code run_heartbeat(struct tool *tool)
{
    return run_load(tool, LOAD_GROUPS_HEARTBEAT, tool->command->options, NULL);
}

static enum exit_code run_commit(struct tool *tool)
{
    return run_load(tool, LOAD_GROUPS_COMMIT, tool->command->options, NULL);
}

static enum exit_code run_join(struct tool *tool)
{
    return run_load(tool, LOAD_GROUPS_JOIN, tool->command->options, NULL);
}

static enum exit_code run_list(struct tool *tool)
{
    return run_load(tool, LOAD_GROUPS_LIST, tool->command->options, NULL);
}

#define X(name, field, kind, preset, min, max, value, help) {0, name, value, help " (" preset ")"},
#define Y(name, field, kind, min, max, value, help)         {0, name, value, help},

/* For as long as was said. */
static const struct option_row timed_rows[] = {LOAD_TOPIC_ROWS(X, Y) LOAD_GROUPS_ROWS(
    X, Y) LOAD_MEMBERS_ROWS(X, Y) LOAD_TIME_ROWS(X, Y) LOAD_PID_ROWS(X, Y)};

/* Until it is done. */
static const struct option_row member_rows[] = {LOAD_TOPIC_ROWS(X, Y) LOAD_GROUPS_ROWS(X, Y)
                                                    LOAD_MEMBERS_ROWS(X, Y) LOAD_PID_ROWS(X, Y)};

static const struct option_row restart_rows[] = {
    LOAD_TOPIC_ROWS(X, Y) LOAD_GROUPS_ROWS(X, Y)
    /* those of bench start */
    {0, "folder", "DIR", "under which the broker keeps its data meanwhile (.)"},
    {0, "verbose", NULL, "show what the broker says"},
};

#undef X
#undef Y

enum { START_ROW_COUNT = 2 };

#define ROWS(rows)                                                                                 \
    {                                                                                              \
        (rows), sizeof(rows) / sizeof(rows)[0]                                                     \
    }

static enum exit_code run_restart(struct tool *tool)
{
    struct option_table rows = ROWS(restart_rows);
    struct start_options start = bench_take_start(tool);
    assert(start.word_count > 0);
    rows.row_count -= START_ROW_COUNT;
    return run_load(tool, LOAD_GROUPS_RESTART, rows, &start);
}

const struct command command_bench_groups_heartbeat = {
    .name = "bench groups-heartbeat",
    .arguments = "",
    .summary = "measure what groups cost whose members only stay",
    .description = "Members join, and send heartbeats every three seconds, spread over the time.\n",
    .example = "tailrace bench groups-heartbeat --groups 1000 --members 5 --pid 4711\n",
    .json_shape =
        "{\"mode\": \"groups-heartbeat\", \"groups\": number, \"members\": number,\n"
        "  \"connections\": number, \"elapsed_s\": number, \"requests\": number,\n"
        "  \"requests_per_s\": number, \"latency_p50_us\": number, \"latency_p99_us\": number,\n"
        "  \"latency_max_us\": number, \"broker_cpu_percent\": number,\n"
        "  \"broker_cpu_us_per_request\": number, \"resident_before_mib\": number,\n"
        "  \"resident_mib\": number}; the broker's share with --pid only\n",
    .options = ROWS(timed_rows),
    .run = run_heartbeat,
};

const struct command command_bench_groups_commit = {
    .name = "bench groups-commit",
    .arguments = "",
    .summary = "measure durable commits of offsets",
    .description = "Members join, and each commits the offsets of its partitions as soon as its "
                   "last commit is\n"
                   "answered. At the end the broker must know the last one of everybody.\n",
    .example = "tailrace bench groups-commit --groups 500 --group-connections 500 --pid 4711\n",
    .json_shape =
        "{\"mode\": \"groups-commit\", \"groups\": number, \"members\": number,\n"
        "  \"partitions\": number, and from elapsed_s to broker_cpu_us_per_request as of\n"
        "  groups-heartbeat}\n",
    .options = ROWS(timed_rows),
    .run = run_commit,
};

const struct command command_bench_groups_join = {
    .name = "bench groups-join",
    .arguments = "",
    .summary = "measure how long groups take to settle whose members all come at once",
    .description = "From the first request until each member owns its share of the partitions.\n",
    .example = "tailrace bench groups-join --members 2000 --group-connections 2000\n",
    .json_shape =
        "{\"mode\": \"groups-join\", \"groups\": number, \"members\": number,\n"
        "  \"partitions\": number, \"settled_ms\": number, \"requests\": number,\n"
        "  \"rebalances\": number, \"broker_cpu_ms\": number, \"resident_mib\": number}\n",
    .options = ROWS(member_rows),
    .run = run_join,
};

const struct command command_bench_groups_list = {
    .name = "bench groups-list",
    .arguments = "",
    .summary = "measure how long it takes to list and to describe many groups",
    .description =
        "With --members 0 the groups only keep offsets. With --pid also what a group takes "
        "of the\nbroker's memory. Other groups of the broker are listed too.\n",
    .example = "tailrace bench groups-list --groups 10000 --members 0 --pid 4711\n",
    .json_shape = "{\"mode\": \"groups-list\", \"groups\": number, \"members\": number,\n"
                  "  \"bytes_per_group\": number, \"list_ms\": number, \"describe_ms\": number,\n"
                  "  \"broker_cpu_ms_per_pair\": number}\n",
    .options = ROWS(member_rows),
    .run = run_list,
};

const struct command command_bench_groups_restart = {
    .name = "bench groups-restart",
    .arguments = "-- COMMAND...",
    .argument_count_min = 1,
    .argument_count_max = LAUNCH_WORDS_MAX,
    .summary = "measure how soon a broker knows committed offsets after its start",
    .description =
        "Starts a broker, commits offsets, kills it, starts it, stops it and starts it again. "
        "Times\n"
        "count from exec to the first right answer for the first group, and for 500 groups; until\n"
        "then it may say that it loads, but no other offset. {port} and {data} in COMMAND stand "
        "for "
        "a\nfree port and a new folder.\n",
    .example =
        "tailrace bench groups-restart --groups 10000 --group-partitions 100 -- tailraced \\\n"
        "    --set listeners=PLAINTEXT://127.0.0.1:{port} --set log.dirs={data}\n",
    .json_shape =
        "{\"mode\": \"groups-restart\", \"groups\": number, \"offsets\": number,\n"
        "  \"fill_ms\": number, \"killed_answer_ms\": number, \"killed_first_ms\": number,\n"
        "  \"killed_all_ms\": number, \"killed_cpu_ms\": number, and likewise stopped,\n"
        "  \"resident_mib\": number}\n",
    .options = ROWS(restart_rows),
    .run = run_restart,
};
