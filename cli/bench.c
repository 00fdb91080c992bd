/* bench: how fast a broker is. The load generator is a folder of its own (bench/); here its rows
 * become flags and its results are printed. */
#include "bench/bench.h"
#include "base/assert.h"
#include "cli/tool.h"

static const char shape[] =
    "{\"tool\": {\"version\": string, \"mode\": string},\n"
    " \"conditions\": {\"time\": string, \"kernel\": string, \"cpu\": string, \"cpu_count\": "
    "number,\n"
    "  \"congestion_control\": string, \"load_average\": [number, number, number],\n"
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
    " \"client\": {\"cpu_s\": number, \"busiest_thread_percent\": number},\n"
    " \"histogram\": [[upper_us, count], ...],\n"
    " \"series\": [{\"second\": number, \"records\": number, \"bytes\": number, \"p50_us\": "
    "number,\n"
    "  \"p99_us\": number, \"max_us\": number}, ...],\n"
    " \"roles\": {name: figures, ...} of several roles,\n"
    " \"steps\": [{\"partitions\": number, \"connections\": number, \"figures\": figures,\n"
    "  \"server\": server}, ...] of partitions}\n";

/* Takes the flags of the command into the load. */
static bool take_flags(struct tool *tool, struct load *load)
{
    char problem[LOAD_PROBLEM_SIZE];
    const struct option_table *table = &tool->command->options;
    for (uint32_t i = 0; i < table->row_count; i++) {
        const char *name = table->rows[i].name;
        const char *text = options_text(&tool->options, name);
        if (text != NULL && !load_set(load, name, text, problem)) {
            tool_usage_error(tool, "%s", problem);
            return false;
        }
    }
    if (load_check(load, problem))
        return true;
    tool_usage_error(tool, "%s", problem);
    return false;
}

static enum exit_code run_load(struct tool *tool, enum load_mode mode)
{
    struct load load;
    load_init(&load, mode, tool->brokers);
    load.is_live = tool->error_is_terminal && !tool->is_quiet;
    load.is_quiet = tool->is_quiet;
    if (!take_flags(tool, &load))
        return EXIT_CODE_USAGE;
    struct result *result = bench_run(&load);
    if (tool->format == FORMAT_JSON)
        tool_print_json(tool, result_json(result, TAILRACE_VERSION));
    else
        result_print(result);
    enum exit_code code = EXIT_CODE_OK;
    if (!result_is_good(result))
        code = tool_error(tool, "nothing was measured: the broker acknowledged no record");
    bench_free(result);
    return code;
}

static enum exit_code run_produce(struct tool *tool)
{
    return run_load(tool, LOAD_PRODUCE);
}

/* The rows of the load as rows of flags. */
#define X(name, field, kind, preset, min, max, value, help) {0, name, value, help " (" preset ")"},
#define Y(name, field, kind, min, max, value, help)         {0, name, value, help},

static const struct option_row produce_rows[] = {LOAD_COMMON_ROWS(X, Y) LOAD_PRODUCE_ROWS(X, Y)};

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
