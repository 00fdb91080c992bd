/* bench start, bench idle: what a broker costs before anybody uses it. The broker is started from
 * the words behind the flags, or runs already. */
#include "cli/bench.h"

#include "base/assert.h"

#include <stdio.h>

enum exit_code bench_print(const struct tool *tool, json_t *figures)
{
    const char *name;
    json_t *value;
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, figures);
        return EXIT_CODE_OK;
    }
    json_object_foreach(figures, name, value)
    {
        if (json_is_string(value))
            printf("%s\n", json_string_value(value));
        else if (json_is_boolean(value))
            printf("  %-24s%10s\n", name, json_is_true(value) ? "yes" : "no");
        else if (json_is_integer(value))
            printf("  %-24s%10lld\n", name, (long long)json_integer_value(value));
        else
            printf("  %-24s%10.2f\n", name, json_real_value(value));
    }
    json_decref(figures);
    return EXIT_CODE_OK;
}

struct start_options bench_take_start(const struct tool *tool)
{
    const char *folder = options_text(&tool->options, "folder");
    return (struct start_options){
        .command = tool->options.arguments,
        .word_count = tool->options.argument_count,
        .folder = folder != NULL ? folder : ".",
        .is_verbose = options_has(&tool->options, "verbose"),
    };
}

static enum exit_code run_bench_start(struct tool *tool)
{
    struct start_options options = bench_take_start(tool);
    int64_t runs = 5;
    if (!tool_number(tool, "runs", 1, START_RUNS_MAX, &runs))
        return EXIT_CODE_USAGE;
    options.runs = (uint32_t)runs;
    return bench_print(tool, bench_start(&options));
}

static enum exit_code run_bench_idle(struct tool *tool)
{
    struct start_options options = bench_take_start(tool);
    int64_t pid = 0;
    if (!tool_number(tool, "pid", 1, INT32_MAX, &pid))
        return EXIT_CODE_USAGE;
    options.pid = (uint32_t)pid;
    if ((pid == 0) == (options.word_count == 0))
        return tool_usage_error(tool,
                                "name a broker that runs by --pid, or the command that starts "
                                "one behind --");
    return bench_print(tool, bench_idle(&options));
}

static const struct option_row start_rows[] = {
    {0, "runs", "N", "how often (5)"},
    {0, "folder", "DIR", "under which brokers keep their data meanwhile (.)"},
    {0, "verbose", NULL, "show what a broker says"},
};

static const struct option_row idle_rows[] = {
    {0, "pid", "PID", "of a broker that runs already"},
    {0, "folder", "DIR", "under which a broker keeps its data meanwhile (.)"},
    {0, "verbose", NULL, "show what the broker says"},
};

const struct command command_bench_start = {
    .name = "bench start",
    .arguments = "-- COMMAND...",
    .argument_count_min = 1,
    .argument_count_max = LAUNCH_WORDS_MAX,
    .summary = "measure how soon a broker answers after its start",
    .description = "Starts a broker on an empty folder, and again on the one that it has left, and "
                   "knocks until\n"
                   "it answers and until it has taken a record. {port} and {data} in COMMAND stand "
                   "for a free\n"
                   "port and the folder. Prints medians and ranges in milliseconds.\n",
    .example = "tailrace bench start -- tailraced --set listeners=PLAINTEXT://127.0.0.1:{port} \\\n"
               "    --set log.dirs={data}\n",
    .json_shape = "{\"mode\": \"start\", \"runs\": number, \"fresh_answer_ms\": number,\n"
                  "  \"fresh_answer_min_ms\": number, \"fresh_answer_max_ms\": number,\n"
                  "  and likewise fresh_produce, stop, again_answer and again_produce}\n",
    .options = {start_rows, sizeof start_rows / sizeof start_rows[0]},
    .run = run_bench_start,
};

const struct command command_bench_idle = {
    .name = "bench idle",
    .arguments = "[-- COMMAND...]",
    .argument_count_max = LAUNCH_WORDS_MAX,
    .summary = "measure the memory of a broker that has nothing to do",
    .description =
        "Of one that runs, by --pid, or of one that COMMAND starts, two seconds after it\n"
        "answers; {port} and {data} as in 'bench start'.\n",
    .example = "tailrace bench idle --pid 4711\n",
    .json_shape = "{\"mode\": \"idle\", \"resident_mib\": number, \"proportional_mib\": number,\n"
                  "  \"anonymous_mib\": number, \"threads\": number}\n",
    .options = {idle_rows, sizeof idle_rows / sizeof idle_rows[0]},
    .run = run_bench_idle,
};
