#include "bench/options.h"

#include "base/assert.h"
#include "base/text.h"
#include "bench/system.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, RECORD_BYTES_MAX = 64 << 20, BATCH_RECORDS_MAX = 1 << 20 };

static const char usage[] =
    "Usage: tailrace-bench produce      --address ADDRESS [options]\n"
    "       tailrace-bench fetch        --address ADDRESS [options]\n"
    "       tailrace-bench first-answer [options] -- COMMAND...\n"
    "       tailrace-bench idle         [options] (--pid PID | -- COMMAND...)\n"
    "       tailrace-bench groups-heartbeat | groups-commit | groups-join | groups-list\n"
    "                                   --address ADDRESS [options]\n"
    "       tailrace-bench groups-restart --address ADDRESS [options] -- COMMAND...\n"
    "\n"
    "Measures a broker that speaks Kafka's protocol. ADDRESS is 127.0.0.1:PORT or [::1]:PORT;\n"
    "COMMAND starts a broker, {port} and {data} in it stand for a free port and a new folder.\n"
    "\n"
    "  --topic NAME         (default: bench); made if it is missing\n"
    "  --partitions N       (1); connections take turns over them\n"
    "  --connections N      (1)\n"
    "  --in-flight N        requests that each connection has on their way at once (1)\n"
    "  --record BYTES       size of a record's value (1KiB)\n"
    "  --batch RECORDS      records in a batch, one batch in a request (1)\n"
    "  --acks all|1         (all)\n"
    "  --seconds S          how long to measure (5); fetch ends earlier, at the end of the log\n"
    "  --warm-up S          how long to go before that (1)\n"
    "  --count N            ends after so many requests\n"
    "  --fetch-bytes BYTES  asked for by each fetch (1MiB)\n"
    "  --pid PID            of the broker, for its processor time and memory\n"
    "  --runs N             of first-answer (5)\n"
    "  --groups N           (1)\n"
    "  --members N          of each group (1); groups-list takes 0 for groups without\n"
    "  --protocol classic|consumer  (classic)\n"
    "                       with groups, --partitions counts those of each member\n"
    "  --folder DIR         for data of brokers that are started here (.)\n"
    "  --format text|json   (text)\n"
    "  --verbose            show what a started broker says\n"
    "\n"
    "Example: tailrace-bench produce --address 127.0.0.1:9092 --connections 16 --seconds 3\n";

enum {
    OPTION_ADDRESS = 256,
    OPTION_TOPIC,
    OPTION_PARTITIONS,
    OPTION_CONNECTIONS,
    OPTION_IN_FLIGHT,
    OPTION_RECORD,
    OPTION_BATCH,
    OPTION_ACKS,
    OPTION_SECONDS,
    OPTION_WARM_UP,
    OPTION_COUNT,
    OPTION_FETCH_BYTES,
    OPTION_PID,
    OPTION_RUNS,
    OPTION_GROUPS,
    OPTION_MEMBERS,
    OPTION_PROTOCOL,
    OPTION_FOLDER,
    OPTION_FORMAT,
    OPTION_VERBOSE,
    OPTION_HELP = 'h',
};

static const struct option flags[] = {
    {"address", required_argument, NULL, OPTION_ADDRESS},
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"partitions", required_argument, NULL, OPTION_PARTITIONS},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"in-flight", required_argument, NULL, OPTION_IN_FLIGHT},
    {"record", required_argument, NULL, OPTION_RECORD},
    {"batch", required_argument, NULL, OPTION_BATCH},
    {"acks", required_argument, NULL, OPTION_ACKS},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"warm-up", required_argument, NULL, OPTION_WARM_UP},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"fetch-bytes", required_argument, NULL, OPTION_FETCH_BYTES},
    {"pid", required_argument, NULL, OPTION_PID},
    {"runs", required_argument, NULL, OPTION_RUNS},
    {"groups", required_argument, NULL, OPTION_GROUPS},
    {"members", required_argument, NULL, OPTION_MEMBERS},
    {"protocol", required_argument, NULL, OPTION_PROTOCOL},
    {"folder", required_argument, NULL, OPTION_FOLDER},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static int fail_usage(const char *what, const char *word)
{
    fprintf(stderr, "tailrace-bench: %s%s%s\ntailrace-bench --help says more\n", what,
            word[0] != '\0' ? ": " : "", word);
    return EXIT_USAGE;
}

const char *mode_name(enum bench_mode mode)
{
    switch (mode) {
    case MODE_PRODUCE: return "produce";
    case MODE_FETCH: return "fetch";
    case MODE_FIRST_ANSWER: return "first-answer";
    case MODE_IDLE: return "idle";
    case MODE_GROUPS_HEARTBEAT: return "groups-heartbeat";
    case MODE_GROUPS_COMMIT: return "groups-commit";
    case MODE_GROUPS_JOIN: return "groups-join";
    case MODE_GROUPS_LIST: return "groups-list";
    case MODE_GROUPS_RESTART: return "groups-restart";
    }
    unreachable();
}

static bool parse_mode(const char *text, enum bench_mode *mode)
{
    for (enum bench_mode m = MODE_PRODUCE; m <= MODE_GROUPS_RESTART; m++) {
        *mode = m;
        if (strcmp(text, mode_name(m)) == 0)
            return true;
    }
    return false;
}

static bool parse_count(const char *text, int64_t max, uint32_t *into)
{
    int64_t value;
    assert(max <= UINT32_MAX);
    if (text_parse_i64(bytes_of_text(text), 1, max, &value) != STATUS_OK)
        return false;
    *into = (uint32_t)value;
    return true;
}

static bool parse_size(const char *text, uint32_t *into)
{
    int64_t value;
    if (text_parse_size(bytes_of_text(text), &value) != STATUS_OK || value > RECORD_BYTES_MAX)
        return false;
    *into = (uint32_t)value;
    return true;
}

static bool parse_seconds(const char *text, double *into)
{
    return text_parse_f64(bytes_of_text(text), 0, SECONDS_MAX, into) == STATUS_OK;
}

static bool parse_long(const char *text, int64_t min, int64_t max, int64_t *into)
{
    return text_parse_i64(bytes_of_text(text), min, max, into) == STATUS_OK;
}

static bool parse_acks(const char *text, int16_t *acks)
{
    *acks = strcmp(text, "1") == 0 ? 1 : -1;
    return *acks == 1 || strcmp(text, "all") == 0;
}

static bool parse_protocol(const char *text, bool *is_consumer)
{
    *is_consumer = strcmp(text, "consumer") == 0;
    return *is_consumer || strcmp(text, "classic") == 0;
}

static bool parse_format(const char *text, bool *is_json)
{
    *is_json = strcmp(text, "json") == 0;
    return *is_json || strcmp(text, "text") == 0;
}

/* Flags of the load. */
static bool take_load_flag(struct options *options, int flag, const char *value)
{
    int64_t number = 0;
    switch (flag) {
    case OPTION_CONNECTIONS: return parse_count(value, CONNECTIONS_MAX, &options->connections);
    case OPTION_IN_FLIGHT: return parse_count(value, IN_FLIGHT_MAX, &options->in_flight);
    case OPTION_RECORD: return parse_size(value, &options->record_bytes);
    case OPTION_BATCH: return parse_count(value, BATCH_RECORDS_MAX, &options->batch_records);
    case OPTION_ACKS: return parse_acks(value, &options->acks);
    case OPTION_SECONDS: return parse_seconds(value, &options->seconds);
    case OPTION_WARM_UP: return parse_seconds(value, &options->warm_up_seconds);
    case OPTION_FETCH_BYTES: return parse_size(value, &options->fetch_bytes);
    case OPTION_COUNT:
        if (!parse_long(value, 1, INT64_MAX, &number))
            return false;
        options->request_count = (uint64_t)number;
        return true;
    default: return false;
    }
}

/* Flags of the groups. */
static bool take_group_flag(struct options *options, int flag, const char *value)
{
    int64_t number = 0;
    switch (flag) {
    case OPTION_GROUPS: return parse_count(value, GROUPS_MAX, &options->groups);
    case OPTION_PROTOCOL: return parse_protocol(value, &options->is_consumer);
    case OPTION_MEMBERS:
        if (!parse_long(value, 0, GROUP_MEMBERS_MAX, &number))
            return false;
        options->members = (uint32_t)number;
        return true;
    default: return take_load_flag(options, flag, value);
    }
}

static bool take_flag(struct options *options, int flag, const char *value)
{
    int64_t number = 0;
    switch (flag) {
    case OPTION_ADDRESS: options->address_text = value; return true;
    case OPTION_TOPIC: options->topic = value; return true;
    case OPTION_PARTITIONS: return parse_count(value, PARTITIONS_MAX, &options->partitions);
    case OPTION_FOLDER: options->folder = value; return true;
    case OPTION_RUNS: return parse_count(value, RUNS_MAX, &options->runs);
    case OPTION_FORMAT: return parse_format(value, &options->is_json);
    case OPTION_VERBOSE: options->is_verbose = true; return true;
    case OPTION_PID:
        if (!parse_long(value, 1, INT32_MAX, &number))
            return false;
        options->pid = (pid_t)number;
        return true;
    default: return take_group_flag(options, flag, value);
    }
}

/* What the mode needs, and has. */
static int check(struct options *options, char **words)
{
    bool is_start = options->mode == MODE_FIRST_ANSWER || options->mode == MODE_IDLE;
    bool needs_command = options->mode == MODE_FIRST_ANSWER ||
                         options->mode == MODE_GROUPS_RESTART ||
                         (options->mode == MODE_IDLE && options->pid == 0);
    bool is_command_taken = needs_command || options->mode == MODE_IDLE;
    options->command = words[0] != NULL ? words : NULL;
    if (!is_command_taken && options->command != NULL)
        return fail_usage("this mode takes no command", words[0]);
    if (!is_start && options->address_text == NULL)
        return fail_usage("--address is missing", "");
    if (!is_start && !address_parse(options->address_text, &options->address))
        return fail_usage("not 127.0.0.1:PORT or [::1]:PORT", options->address_text);
    if (options->members == 0 && options->mode != MODE_GROUPS_LIST)
        return fail_usage("groups of this mode have members", "");
    if (needs_command && options->command == NULL)
        return fail_usage("the command that starts a broker is missing, behind --", "");
    return -1;
}

int options_parse(struct options *options, int count, char **words)
{
    *options = (struct options){
        .topic = "bench",
        .connections = 1,
        .in_flight = 1,
        .record_bytes = 1024,
        .batch_records = 1,
        .partitions = 1,
        .acks = -1,
        .seconds = 5,
        .warm_up_seconds = 1,
        .fetch_bytes = 1 << 20,
        .runs = 5,
        .groups = 1,
        .members = 1,
        .folder = ".",
    };
    if (count < 2)
        return fail_usage("what to measure? produce, fetch, first-answer, idle or groups-...", "");
    bool has_mode = parse_mode(words[1], &options->mode);
    if (!has_mode && words[1][0] != '-')
        return fail_usage("no such mode", words[1]);
    int flag;
    optind = has_mode ? 2 : 1;
    while ((flag = getopt_long(count, words, "+h", flags, NULL)) != -1) {
        if (flag == OPTION_HELP) {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (flag == '?')
            return EXIT_USAGE;
        if (!take_flag(options, flag, optarg))
            return fail_usage("not a value that this option takes", optarg);
    }
    return has_mode ? check(options, words + optind) : fail_usage("the mode comes first", "");
}
