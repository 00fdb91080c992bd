/* bench: how fast a broker is. The load generator is a folder of its own (bench/); here its rows
 * become flags and its results are printed. */
#include "cli/bench.h"

#include "base/assert.h"
#include "bench/bench.h"

#include <errno.h>
#include <string.h>

static const char shape[] =
    "{\"tool\": {\"version\": string, \"mode\": string},\n"
    " \"conditions\": {\"time\": string, \"kernel\": string, \"cpu\": string, \"cpu_count\": "
    "number,\n"
    "  \"congestion_control\": string, \"load_average\": [number, number, number],\n"
    "  \"stolen_percent\": number or null,\n"
    "  \"broker\": {\"name\": string, \"io_backend\": string, \"durability\": string,\n"
    "   \"pid\": number or null}},\n"
    " \"load\": {every flag by its name},\n"
    " \"figures\": {\"seconds\": number, \"requests\": number, \"records\": number, \"bytes\": "
    "number,\n"
    "  \"requests_per_s\": number, \"records_per_s\": number, \"mb_per_s\": number,\n"
    "  \"errors\": number, \"unanswered\": number, \"intended_rate\": number or null,\n"
    "  \"errors_by_code\": {name: number, ...},\n"
    "  \"latency_us\": {\"p50\": number, \"p90\": number, \"p99\": number, \"p999\": number,\n"
    "   \"p9999\": number, \"max\": number, \"mean\": number}},\n"
    " \"server\": {\"cpu_user_s\": number, \"cpu_system_s\": number, \"cpu_us_per_request\": "
    "number,\n"
    "  \"cpu_s_per_gb\": number, \"memory_bytes_max\": number, \"context_switches\": number,\n"
    "  \"written_bytes\": number or null, \"read_bytes\": number or null} or null,\n"
    " \"client\": {\"cpu_s\": number, \"busiest_thread_percent\": number,\n"
    "  \"send_delay_us\": {\"p50\": number, \"p99\": number, \"max\": number} or null},\n"
    " \"histogram\": [[upper_us, count], ...],\n"
    " \"series\": [{\"second\": number, \"records\": number, \"bytes\": number, \"p50_us\": "
    "number,\n"
    "  \"p99_us\": number, \"max_us\": number}, ...],\n"
    " \"roles\": {name: figures, ...} of several roles,\n"
    " \"steps\": [{\"partitions\": number, \"connections\": number, \"figures\": figures,\n"
    "  \"server\": server}, ...] of partitions}\n";

/* The load generator speaks for itself, and takes from them only where to connect. */
static bool check_client_settings(const struct tool *tool)
{
    const char *text;
    uint32_t position = 0;
    while ((text = options_next(&tool->options, "property", &position)) != NULL)
        if (strncmp(text, "bootstrap.servers=", 18) != 0 &&
            strncmp(text, "metadata.broker.list=", 21) != 0) {
            tool_usage_error(tool, "-X is for librdkafka, by which bench does not send: '%s'",
                             text);
            return false;
        }
    return true;
}

bool bench_take_flags(struct tool *tool, const struct option_row *rows, uint32_t row_count,
                      struct load *load)
{
    char problem[LOAD_PROBLEM_SIZE];
    if (!check_client_settings(tool))
        return false;
    for (uint32_t i = 0; i < row_count; i++) {
        const char *name = rows[i].name;
        const char *text;
        uint32_t position = 0;
        /* In the order of the command line: the last one counts, or all do. */
        while ((text = options_next(&tool->options, name, &position)) != NULL)
            if (!load_set(load, name, text, problem)) {
                tool_usage_error(tool, "%s", problem);
                return false;
            }
    }
    if (load_check(load, problem))
        return true;
    tool_usage_error(tool, "%s", problem);
    return false;
}

enum exit_code bench_close_file(const struct tool *tool, FILE *file, const char *path)
{
    bool is_whole = ferror(file) == 0;
    int error = errno; /* of the last write, unless that of the rest fails */
    if (fclose(file) != 0 && is_whole) {
        is_whole = false;
        error = errno;
    }
    return is_whole ? EXIT_CODE_OK : tool_error(tool, "%s: %s", path, strerror(error));
}

static enum exit_code run_load(struct tool *tool, enum load_mode mode)
{
    struct load load;
    load_init(&load, mode, tool->brokers);
    load.is_live = tool->error_is_terminal && !tool->is_quiet;
    load.is_quiet = tool->is_quiet;
    const struct option_table *table = &tool->command->options;
    if (!bench_take_flags(tool, table->rows, table->row_count, &load))
        return EXIT_CODE_USAGE;
    struct result *result = bench_run(&load);
    if (tool->format == FORMAT_JSON)
        tool_print_json(tool, result_json(result, TAILRACE_VERSION));
    else
        result_print(result);
    enum exit_code code = EXIT_CODE_OK;
    if (!result_is_good(result))
        code = tool_error(tool, "nothing was measured: no record was acknowledged or received");
    bench_free(result);
    return code;
}

static enum exit_code run_produce(struct tool *tool)
{
    return run_load(tool, LOAD_PRODUCE);
}

static enum exit_code run_fetch(struct tool *tool)
{
    return run_load(tool, LOAD_FETCH);
}

static enum exit_code run_e2e(struct tool *tool)
{
    return run_load(tool, LOAD_E2E);
}

static enum exit_code run_mixed(struct tool *tool)
{
    return run_load(tool, LOAD_MIXED);
}

static enum exit_code run_partitions(struct tool *tool)
{
    return run_load(tool, LOAD_PARTITIONS);
}

/* The rows of the load as rows of flags. */
#define X(name, field, kind, preset, min, max, value, help) {0, name, value, help " (" preset ")"},
#define Y(name, field, kind, min, max, value, help)         {0, name, value, help},

static const struct option_row produce_rows[] = {LOAD_TOPIC_ROWS(X, Y) LOAD_COMMON_ROWS(X, Y)
                                                     LOAD_PID_ROWS(X, Y) LOAD_PRODUCE_ROWS(X, Y)};

static const struct option_row fetch_rows[] = {LOAD_SOURCE_ROWS(X, Y) LOAD_COMMON_ROWS(
    X, Y) LOAD_PID_ROWS(X, Y) LOAD_READ_ROWS(X, Y) LOAD_COLD_ROWS(X, Y) LOAD_PASS_ROWS(X, Y)};

static const struct option_row e2e_rows[] = {LOAD_TOPIC_ROWS(X, Y) LOAD_COMMON_ROWS(
    X, Y) LOAD_PID_ROWS(X, Y) LOAD_PRODUCE_ROWS(X, Y) LOAD_READ_ROWS(X, Y) LOAD_TAIL_ROWS(X, Y)};

static const struct option_row mixed_rows[] = {
    LOAD_TOPIC_ROWS(X, Y) LOAD_COMMON_ROWS(X, Y) LOAD_PID_ROWS(X, Y) LOAD_PRODUCE_ROWS(X, Y)
        LOAD_READ_ROWS(X, Y) LOAD_TAIL_ROWS(X, Y) LOAD_COLD_ROWS(X, Y) LOAD_MIXED_ROWS(X, Y)};

static const struct option_row partitions_rows[] = {LOAD_TOPIC_ROWS(X, Y) LOAD_COMMON_ROWS(
    X, Y) LOAD_PID_ROWS(X, Y) LOAD_PRODUCE_ROWS(X, Y) LOAD_STEPS_ROWS(X, Y)};

#undef X
#undef Y

#define ROWS(rows)                                                                                 \
    {                                                                                              \
        (rows), sizeof(rows) / sizeof(rows)[0]                                                     \
    }

const struct command command_bench_produce = {
    .name = "bench produce",
    .arguments = "",
    .summary = "measure how a broker takes records",
    .description =
        "Sends batches that were made before the run. With --rate requests start at that rate\n"
        "whatever the broker does, and latency counts from the moment when each was meant to "
        "start;\n"
        "with --closed each connection waits for an answer before it goes on.\n",
    .example = "tailrace bench produce --rate 10000 --connections 16 --partitions 16\n"
               "tailrace bench produce --closed --batch-bytes 64KiB --pid 4711 --format json\n",
    .json_shape = shape,
    .options = ROWS(produce_rows),
    .run = run_produce,
};

const struct command command_bench_fetch = {
    .name = "bench fetch",
    .arguments = "",
    .summary = "measure how a broker hands out what it has",
    .description =
        "Reads the first --partitions of a topic, which must be there, from the beginning to the "
        "end\n"
        "that they have when it starts, and then again until the time is over. What the broker has "
        "in\n"
        "memory is read warm after the warm-up; for a cold one use --cold --once --warm-up 0 and "
        "a\n"
        "topic that is larger than the broker's own memory.\n",
    .example = "tailrace bench fetch --topic bench --partitions 16 --connections 4\n"
               "tailrace bench fetch --topic bench --partitions 16 --cold --once --warm-up 0\n",
    .json_shape = shape,
    .options = ROWS(fetch_rows),
    .run = run_fetch,
};

const struct command command_bench_e2e = {
    .name = "bench e2e",
    .arguments = "",
    .summary = "measure the time from producer to consumer",
    .description =
        "Produces like 'bench produce', and fetches it on other connections by long poll. Latency\n"
        "counts from the moment when a batch was meant to be sent until it has arrived; the "
        "figures\n"
        "are those of the consumers, and those of the producers stand beside them.\n",
    .example = "tailrace bench e2e --rate 10000 --connections 16 --partitions 16 --consumers 4\n",
    .json_shape = shape,
    .options = ROWS(e2e_rows),
    .run = run_e2e,
};

const struct command command_bench_mixed = {
    .name = "bench mixed",
    .arguments = "",
    .summary = "measure producers and consumers beside readers of old records",
    .description =
        "Runs 'bench e2e' while other connections read a topic from its beginning, over and over.\n"
        "That topic is made and filled first if it is too short. The figures are those of the\n"
        "consumers; those of the others stand beside them.\n",
    .example = "tailrace bench mixed --rate 1000 --partitions 4 --backlog-bytes 1GiB --cold\n",
    .json_shape = shape,
    .options = ROWS(mixed_rows),
    .run = run_mixed,
};

const struct command command_bench_partitions = {
    .name = "bench partitions",
    .arguments = "",
    .summary = "measure how the cost of a request grows with partitions or connections",
    .description =
        "Runs 'bench produce' with more and more partitions, each step on a topic of its own\n"
        "(NAME-COUNT), or with more and more connections. The result has a row for each step.\n",
    .example = "tailrace bench partitions --rate 5000 --connections 16 --pid 4711\n"
               "tailrace bench partitions --closed --over connections --partitions 16\n",
    .json_shape = shape,
    .options = ROWS(partitions_rows),
    .run = run_partitions,
};
