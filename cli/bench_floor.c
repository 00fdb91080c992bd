/* bench floor: what the machine itself can do, which no broker can be faster than. */
#include "base/bytes.h"
#include "base/text.h"
#include "bench/floor.h"
#include "cli/bench.h"

#include <stdio.h>

enum { TIME_MS = 2000 };

static bool parse_time(const struct tool *tool, int64_t *time_ms)
{
    const char *text = options_text(&tool->options, "time");
    if (text == NULL)
        return true;
    if (text_parse_duration_ms(bytes_of_text(text), time_ms) == STATUS_OK &&
        *time_ms >= FLOOR_TIME_MS_MIN && *time_ms <= FLOOR_TIME_MS_MAX)
        return true;
    tool_usage_error(tool, "--time is a duration from 100ms to 1m, not '%s'", text);
    return false;
}

static enum exit_code run(struct tool *tool)
{
    const char *folder = options_text(&tool->options, "folder");
    struct floor_options options = {
        .folder = folder != NULL ? folder : ".",
        .time_ms = TIME_MS,
    };
    if (!parse_time(tool, &options.time_ms))
        return EXIT_CODE_USAGE;
    json_t *figures = bench_floor(&options);
    if (!json_is_true(json_object_get(figures, "direct")) && !tool->is_quiet)
        fprintf(stderr, "The file system below %s has no O_DIRECT: its page cache was measured.\n",
                options.folder);
    return bench_print(tool, figures);
}

static const struct option_row rows[] = {
    {0, "folder", "DIR", "whose disk is measured; nothing is left in it (.)"},
    {0, "time", "DURATION", "about how long it takes, 100ms to 1m (2s)"},
};

const struct command command_bench_floor = {
    .name = "bench floor",
    .arguments = "",
    .summary = "measure what the machine itself can do",
    .description =
        "Writes with a sync after each (4 and 64 KiB, O_DIRECT, into zeroed space), writes and "
        "reads\n"
        "of 1 MiB, loopback between two threads, copies of memory, and the share of the "
        "processors\n"
        "that the host took for others: at rest, with all of them busy, and over all. And what "
        "the\n"
        "plainest server can do, which looks at no byte: answer requests of 1 KiB from 64 "
        "connections\n"
        "(echo; with five in flight on each: echo_pipelined), take what 16 connections send\n"
        "(intake), and write it, with a sync behind each MiB (store); CPU is the server's. And "
        "how\n"
        "long one connection waits for it when it asks 1,000 or 10,000 times a second and each\n"
        "answer follows a sync (durable). Figures of a broker are worth something beside those "
        "of\n"
        "the same minute.\n",
    .example = "tailrace bench floor --folder /var/lib/tailrace\n",
    .json_shape =
        "{\"mode\": \"floor\", \"direct\": boolean, \"sync_4k_p50_us\": number,\n"
        "  \"sync_4k_p99_us\": number, \"sync_64k_p50_us\": number, \"sync_64k_p99_us\": number,\n"
        "  \"write_mb_per_s\": number, \"read_mb_per_s\": number, \"round_trip_p50_us\": number,\n"
        "  \"round_trip_p99_us\": number, \"round_trip_cpu_us\": number,\n"
        "  \"loopback_gb_per_s\": number, \"send_cpu_s_per_gb\": number,\n"
        "  \"receive_cpu_s_per_gb\": number, \"echo_per_s\": number, \"echo_cpu_us\": number,\n"
        "  \"echo_pipelined_per_s\": number, \"echo_pipelined_cpu_us\": number,\n"
        "  \"intake_mb_per_s\": number, \"intake_cpu_s_per_gb\": number,\n"
        "  \"store_mb_per_s\": number, \"store_cpu_s_per_gb\": number,\n"
        "  \"durable_1000_p50_us\": number, \"durable_1000_p99_us\": number,\n"
        "  \"durable_10000_p50_us\": number, \"durable_10000_p99_us\": number,\n"
        "  \"memcpy_gb_per_s\": number,\n"
        "  \"stolen_idle_percent\": number, \"stolen_busy_percent\": number,\n"
        "  \"stolen_percent\": number}\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run,
};
