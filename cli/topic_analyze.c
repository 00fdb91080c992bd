/* topic analyze: how a topic is really written, from its batches: rates, how large and how full
 * they are, what compression makes of them. Batches are fetched as they are stored, which
 * librdkafka does not show, so this asks the leaders itself. */
#include "base/assert.h"
#include "base/text.h"
#include "cli/batch_stats.h"
#include "cli/consume_range.h"
#include "cli/time_text.h"
#include "cli/topics.h"
#include "protocol/batch.h"
#include "protocol/errors.h"
#include "protocol/messages/fetch.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BATCHES_DEFAULT = 1000,
    FETCH_BYTES = 4 << 20,
    FETCH_ARENA_BYTES = 512 << 20, /* one response, the first batch of which may be large */
};

/* One partition and what is to be read of it. */
struct sample {
    int32_t partition;
    int32_t leader_id;
    int64_t from;
    int64_t to;
    int16_t error_code;
    struct batch_stats stats;
};

struct analyze {
    struct tool *tool;
    struct consume_range range;
    int32_t *partitions;
    uint32_t partition_count;
    int64_t batches_max;
    const struct metadata_response *metadata;
    struct table table;
    json_t *list;
    enum exit_code code;
};

static bool parse(struct analyze *analyze)
{
    struct tool *tool = analyze->tool;
    const char *text = options_text(&tool->options, "time-range");
    analyze->batches_max = BATCHES_DEFAULT;
    char range[128] = "start:end";
    if (text != NULL)
        snprintf(range, sizeof range, "@%s", text);
    if (!consume_range_parse(&analyze->range, range, time_now_ms())) {
        tool_usage_error(tool, "-t takes two times with a colon, such as -1h:now, not '%s'", text);
        return false;
    }
    return tool_number(tool, "batches", 1, INT32_MAX, &analyze->batches_max) &&
           tool_partitions(tool, "partitions", &analyze->partitions, &analyze->partition_count);
}

/* --- Which offsets ---------------------------------------------------------------------------- */

/* The offsets of a point in all partitions; with a time, where no record is that young, the end. */
static const struct partition_offset *resolve(struct connection *connection,
                                              const struct analyze *analyze,
                                              const struct metadata_response_topic *topic,
                                              const struct range_point *point)
{
    int64_t time_ms = point->kind == POINT_START  ? OFFSETS_EARLIEST
                      : point->kind == POINT_TIME ? point->number
                                                  : OFFSETS_LATEST;
    return offsets_query(connection, analyze->metadata, topic, time_ms);
}

static struct sample *plan(struct connection *connection, const struct analyze *analyze,
                           const struct metadata_response_topic *topic, uint32_t *count)
{
    const struct range_point end = {POINT_END, 0};
    const struct range_point *to = analyze->range.has_end ? &analyze->range.to : &end;
    const struct partition_offset *froms =
        resolve(connection, analyze, topic, &analyze->range.from);
    const struct partition_offset *tos = resolve(connection, analyze, topic, to);
    const struct partition_offset *ends = resolve(connection, analyze, topic, &end);
    struct sample *samples =
        arena_allocate_array(&analyze->tool->arena, topic->partitions_count + 1, sizeof *samples);
    assert(samples != NULL);
    *count = 0;
    if (froms == NULL || tos == NULL || ends == NULL)
        return NULL;
    for (uint32_t i = 0; i < topic->partitions_count; i++) {
        const struct metadata_response_partition *partition = &topic->partitions[i];
        struct sample *sample = &samples[*count];
        if (!tool_wants_partition(analyze->partitions, analyze->partition_count,
                                  partition->partition_index))
            continue;
        *sample = (struct sample){.partition = partition->partition_index,
                                  .leader_id = partition->leader_id,
                                  .from = froms[i].offset >= 0 ? froms[i].offset : ends[i].offset,
                                  .to = tos[i].offset >= 0 ? tos[i].offset : ends[i].offset,
                                  .error_code = ends[i].error_code};
        batch_stats_init(&sample->stats);
        (*count)++;
    }
    return samples;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void fill_request(const struct sample *sample, const struct metadata_response_topic *topic,
                         struct fetch_request_topic *asked,
                         struct fetch_request_partition *partition, struct fetch_request *request)
{
    fetch_request_init(request);
    fetch_request_topic_init(asked);
    fetch_request_partition_init(partition);
    request->max_wait_ms = 0;
    request->min_bytes = 0;
    request->max_bytes = FETCH_BYTES;
    request->topics = asked;
    request->topics_count = 1;
    asked->topic = topic->name;
    asked->topic_id = topic->topic_id;
    asked->partitions = partition;
    asked->partitions_count = 1;
    partition->partition = sample->partition;
    partition->fetch_offset = sample->from;
    partition->partition_max_bytes = FETCH_BYTES;
}

/* Takes whole batches; the last one of an answer may be cut. True if the sample goes on. */
static bool take_batches(const struct analyze *analyze, struct sample *sample, struct bytes records)
{
    struct bytes batch;
    struct batch_header header;
    int64_t begin = sample->from;
    while (batch_next(&records, &batch) == STATUS_OK &&
           batch_header_read(batch, &header) == STATUS_OK && header.base_offset < sample->to) {
        if (!batch_stats_add(&sample->stats, batch)) {
            sample->error_code = KAFKA_CORRUPT_MESSAGE;
            return false;
        }
        sample->from = batch_last_offset(&header) + 1;
        if (sample->stats.batch_count >= (uint64_t)analyze->batches_max)
            return false;
    }
    return sample->from > begin && sample->from < sample->to;
}

/* One request. True if the sample goes on. */
static bool fetch(const struct analyze *analyze, struct connection *connection,
                  const struct metadata_response_topic *topic, struct sample *sample)
{
    struct fetch_request request;
    struct fetch_request_topic asked;
    struct fetch_request_partition partition;
    struct fetch_response response;
    struct call call;
    fill_request(sample, topic, &asked, &partition, &request);
    sample->error_code = KAFKA_NETWORK_EXCEPTION;
    if (!call_begin(&call, connection, API_FETCH))
        return false;
    fetch_request_encode(&call.writer, call.version, &request);
    fetch_response_init(&response);
    if (!call_finish(&call) ||
        !call_decoded(&call, fetch_response_decode(&call.reader, call.version,
                                                   &connection->tool->arena, &response)))
        return false;
    sample->error_code = response.error_code;
    if (response.responses_count != 1 || response.responses[0].partitions_count != 1)
        return false;
    const struct fetch_response_partition *answer = &response.responses[0].partitions[0];
    if (sample->error_code == KAFKA_NONE)
        sample->error_code = answer->error_code;
    if (sample->error_code != KAFKA_NONE || answer->records.piece_count == 0)
        return false;
    return take_batches(analyze, sample, answer->records.pieces[0]);
}

/* Responses are large, so they get memory that is given back after each. */
static void read_sample(const struct analyze *analyze, struct connection *connection,
                        const struct metadata_response_topic *topic, struct sample *sample)
{
    struct tool *tool = connection->tool;
    struct tool *scratch = arena_allocate(&tool->arena, sizeof *scratch);
    assert(scratch != NULL);
    *scratch = *tool;
    arena_init(&scratch->arena, FETCH_ARENA_BYTES);
    connection->tool = scratch;
    while (sample->from < sample->to && fetch(analyze, connection, topic, sample))
        arena_reset(&scratch->arena);
    connection->tool = tool;
    arena_deinit(&scratch->arena);
}

static bool read_from_leader(const struct analyze *analyze,
                             const struct metadata_response_broker *broker,
                             const struct metadata_response_topic *topic, struct sample *samples,
                             uint32_t count)
{
    struct tool *tool = analyze->tool;
    struct connection connection;
    bool is_connected = false;
    for (uint32_t i = 0; i < count; i++) {
        bool is_here = samples[i].leader_id == broker->node_id && samples[i].from < samples[i].to;
        if (!is_here || samples[i].error_code != KAFKA_NONE)
            continue;
        if (!is_connected &&
            !client_connect_to(&connection, tool, tool_text(tool, broker->host), broker->port))
            return false;
        is_connected = true;
        read_sample(analyze, &connection, topic, &samples[i]);
    }
    if (is_connected)
        client_close(&connection);
    return true;
}

/* --- Showing ---------------------------------------------------------------------------------- */

static double per(double amount, double of)
{
    return of > 0 ? amount / of : 0;
}

static void add_decimal(struct table *table, double number)
{
    char text[40];
    snprintf(text, sizeof text, "%.1f", number);
    table_text(table, text);
}

/* "zstd:12,none:3", the number of batches behind each. */
static void add_codecs(struct table *table, const struct batch_stats *stats)
{
    char text[160] = "";
    size_t size = 0;
    for (uint32_t i = 0; i < COMPRESSION_COUNT; i++)
        if (stats->codec_batches[i] > 0)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%s:%llu",
                                     size > 0 ? "," : "", compression_name((enum compression)i),
                                     (unsigned long long)stats->codec_batches[i]);
    table_text(table, size > 0 ? text : "-");
}

static void add_row(struct table *table, const char *topic, const char *partition,
                    const struct batch_stats *stats)
{
    double seconds = batch_stats_seconds(stats);
    table_text(table, topic);
    table_text(table, partition);
    table_number(table, (int64_t)stats->batch_count);
    table_number(table, (int64_t)stats->record_count);
    table_number(table, (int64_t)stats->bytes);
    add_decimal(table, per((double)stats->record_count, seconds));
    add_decimal(table, per((double)stats->bytes, seconds));
    add_decimal(table, per((double)stats->bytes, (double)stats->batch_count));
    add_decimal(table, per((double)stats->record_count, (double)stats->batch_count));
    if (stats->packed_bytes > 0)
        add_decimal(table, batch_stats_ratio(stats));
    else
        table_text(table, "-");
    add_codecs(table, stats);
}

static json_t *json_of(struct bytes topic, const struct sample *sample)
{
    const struct batch_stats *stats = &sample->stats;
    double seconds = batch_stats_seconds(stats);
    json_t *codecs = json_object();
    for (uint32_t i = 0; i < COMPRESSION_COUNT; i++)
        if (stats->codec_batches[i] > 0)
            json_object_set_new(codecs, compression_name((enum compression)i),
                                json_integer((json_int_t)stats->codec_batches[i]));
    return json_pack(
        "{s:o, s:i, s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o}", "topic", tool_json_bytes(topic),
        "partition", (int)sample->partition, "batches", (json_int_t)stats->batch_count, "records",
        (json_int_t)stats->record_count, "bytes", (json_int_t)stats->bytes, "seconds", seconds,
        "records_per_second", per((double)stats->record_count, seconds), "bytes_per_second",
        per((double)stats->bytes, seconds), "compression_ratio",
        stats->packed_bytes > 0 ? json_real(batch_stats_ratio(stats)) : json_null(), "codecs",
        codecs, "error",
        sample->error_code != KAFKA_NONE ? json_string(kafka_error_name(sample->error_code))
                                         : json_null());
}

static void show_topic(struct analyze *analyze, struct bytes name, const struct sample *samples,
                       uint32_t count)
{
    struct tool *tool = analyze->tool;
    const char *topic = tool_text(tool, name);
    struct batch_stats total;
    batch_stats_init(&total);
    for (uint32_t i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)samples[i].partition);
        if (samples[i].error_code != KAFKA_NONE)
            analyze->code = tool_error(tool, "topic %s, partition %s: %s", topic, number,
                                       kafka_error_text(samples[i].error_code));
        add_row(&analyze->table, topic, number, &samples[i].stats);
        batch_stats_merge(&total, &samples[i].stats);
        json_array_append_new(analyze->list, json_of(name, &samples[i]));
    }
    if (count > 1)
        add_row(&analyze->table, topic, "all", &total);
}

/* --- The command ------------------------------------------------------------------------------ */

static bool analyze_topic(struct analyze *analyze, struct connection *connection,
                          const struct metadata_response_topic *topic)
{
    uint32_t count;
    if (topic->error_code != KAFKA_NONE) {
        analyze->code =
            tool_error(analyze->tool, "topic %s: %s", tool_text(analyze->tool, topic->name),
                       kafka_error_text(topic->error_code));
        return true;
    }
    struct sample *samples = plan(connection, analyze, topic, &count);
    if (samples == NULL)
        return false;
    for (uint32_t i = 0; i < analyze->metadata->brokers_count; i++)
        if (!read_from_leader(analyze, &analyze->metadata->brokers[i], topic, samples, count))
            return false;
    show_topic(analyze, topic->name, samples, count);
    return true;
}

static enum exit_code finish(struct analyze *analyze)
{
    struct tool *tool = analyze->tool;
    if (tool->format == FORMAT_JSON) {
        tool_print_json(tool, json_incref(analyze->list));
        return analyze->code;
    }
    return table_print(&analyze->table) ? analyze->code : tool_error(tool, "out of memory");
}

static enum exit_code run_topic_analyze(struct tool *tool)
{
    struct analyze analyze = {.tool = tool, .code = EXIT_CODE_OK};
    struct connection connection;
    const struct metadata_response_topic **topics;
    uint32_t count;
    if (!parse(&analyze))
        return EXIT_CODE_USAGE;
    if (!client_connect(&connection, tool))
        return EXIT_CODE_FAILED;
    table_init(&analyze.table, &tool->arena,
               "TOPIC PARTITION BATCHES RECORDS BYTES RECORDS/S BYTES/S BYTES/BATCH RECORDS/BATCH "
               "RATIO CODECS");
    analyze.list = json_array();
    bool ok = topics_chosen(&connection, options_has(&tool->options, "regex"), &analyze.metadata,
                            &topics, &count);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = analyze_topic(&analyze, &connection, topics[i]);
    client_close(&connection);
    enum exit_code code = ok ? finish(&analyze) : EXIT_CODE_FAILED;
    json_decref(analyze.list);
    return code;
}

static const struct option_row rows[] = {
    {'t', "time-range", "T1:T2", "only records between these times, such as -1h:now"},
    {'p', "partitions", "LIST", "only these, such as 0,2,5-7"},
    {0, "batches", "N", "at most so many batches of each partition (1000)"},
    {'r', "regex", NULL, "NAME is a regular expression for whole names"},
};

const struct command command_topic_analyze = {
    .name = "topic analyze",
    .arguments = "NAME...",
    .argument_count_min = 1,
    .argument_count_max = ARGUMENTS_ANY,
    .summary = "show rates, batch sizes and compression of topics",
    .description =
        "Reads batches of each partition as they are stored and prints how many there are, how\n"
        "fast they came (by their timestamps), how large and how full they are, the ratio of\n"
        "compression among those that are compressed, and the codecs with their batches.\n",
    .example = "tailrace topic analyze orders\n"
               "tailrace topic analyze orders -t -1h:now --batches 100000\n",
    .json_shape =
        "[{\"topic\": string, \"partition\": number, \"batches\": number, \"records\": number,\n"
        "  \"bytes\": number, \"seconds\": number, \"records_per_second\": number,\n"
        "  \"bytes_per_second\": number, \"compression_ratio\": number or null,\n"
        "  \"codecs\": {string: number of batches}, \"error\": string or null}, ...]\n",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .run = run_topic_analyze,
};
