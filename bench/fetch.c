/* Reads a topic from beginning to end. A partition belongs to one connection, which asks for what
 * follows the last batch that it got; it goes round its partitions until each has reached the end
 * that it had at the start. The batches' headers are read, their records are not. */
#include "protocol/messages/fetch.h"
#include "base/assert.h"
#include "base/list.h"
#include "bench/load.h"
#include "bench/modes.h"
#include "protocol/batch.h"
#include "protocol/errors.h"
#include "protocol/headers.h"

#include <stdlib.h>

enum {
    ANSWER_ROOM_BYTES = 64 * 1024, /* for a response besides its records */
    BATCH_BYTES_MAX = 4 << 20,     /* a first batch comes whole, even if it is larger than asked */
    REQUEST_BYTES_MAX = 64 * 1024,
    WAIT_MS = 500,
};

struct fetch_part {
    int64_t next_offset;
    int64_t end_offset;
};

/* What a connection asks at present. */
struct fetch_asker {
    uint32_t partition;
    struct arena arena; /* of the request */
};

struct fetch {
    struct load load;
    struct fetch_part *parts;
    struct fetch_asker *askers; /* one for each connection */
};

/* --- Requests ---------------------------------------------------------------------------------
 */

static void write_request(struct writer *writer, const struct options *options, uint32_t index,
                          int64_t offset)
{
    struct fetch_request request;
    struct fetch_request_topic topic;
    struct fetch_request_partition part;
    fetch_request_init(&request);
    fetch_request_topic_init(&topic);
    fetch_request_partition_init(&part);
    part.partition = (int32_t)index;
    part.current_leader_epoch = -1;
    part.last_fetched_epoch = -1;
    part.fetch_offset = offset;
    part.log_start_offset = -1;
    part.partition_max_bytes = (int32_t)options->fetch_bytes;
    topic.topic = bytes_of_text(options->topic);
    topic.partitions = &part;
    topic.partitions_count = 1;
    request.replica_id = -1;
    request.max_wait_ms = WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = (int32_t)options->fetch_bytes;
    request.session_epoch = -1;
    request.topics = &topic;
    request.topics_count = 1;
    request_begin(writer, API_FETCH, FETCH_VERSION, 0);
    fetch_request_encode(writer, FETCH_VERSION, &request);
    frame_end(writer);
}

/* The next partition of the connection that is not at its end; false if all are. */
static bool find_partition(const struct fetch *fetch, struct load_connection *connection,
                           uint32_t *partition)
{
    const struct options *options = fetch->load.options;
    uint32_t step = options->connections;
    uint32_t next = *partition + step;
    for (uint32_t looked = 0; looked <= options->partitions; looked += step, next += step) {
        if (next >= options->partitions)
            next = connection->index;
        if (next < options->partitions &&
            fetch->parts[next].next_offset < fetch->parts[next].end_offset) {
            *partition = next;
            return true;
        }
    }
    return false;
}

static bool fetch_next(struct load *load, struct load_connection *connection, struct bytes *frame)
{
    struct fetch *fetch = container_of(load, struct fetch, load);
    struct fetch_asker *asker = &fetch->askers[connection->index];
    struct writer writer;
    if (!find_partition(fetch, connection, &asker->partition))
        return false;
    arena_reset(&asker->arena);
    writer_init(&writer, &asker->arena);
    write_request(&writer, load->options, asker->partition,
                  fetch->parts[asker->partition].next_offset);
    if (writer.status != STATUS_OK)
        fail("a request to fetch: %s", status_text(writer.status));
    *frame = writer_result(&writer);
    return true;
}

/* --- Answers ----------------------------------------------------------------------------------
 */

static struct load_gain count_batches(struct bytes records, struct fetch_part *part)
{
    struct load_gain gain = {0};
    struct bytes batch;
    while (batch_next(&records, &batch) == STATUS_OK) {
        struct batch_header header;
        if (batch_header_read(batch, &header) != STATUS_OK)
            fail("a batch near offset %lld cannot be read", (long long)part->next_offset);
        if (batch_last_offset(&header) < part->next_offset)
            continue; /* an answer may begin before what was asked for */
        part->next_offset = batch_last_offset(&header) + 1;
        gain.records += (uint64_t)header.record_count;
        gain.bytes += batch.size;
    }
    return gain;
}

static struct load_gain fetch_answered(struct load *load, struct load_connection *connection,
                                       struct reader *reader)
{
    struct fetch *fetch = container_of(load, struct fetch, load);
    uint32_t partition = fetch->askers[connection->index].partition;
    struct fetch_response response;
    fetch_response_init(&response);
    enum status status =
        fetch_response_decode(reader, FETCH_VERSION, &connection->arena, &response);
    if (status != STATUS_OK || response.error_code != KAFKA_NONE)
        fail("a response to Fetch: %s, %s", status_text(status),
             kafka_error_text(response.error_code));
    if (response.responses_count != 1 || response.responses[0].partitions_count != 1)
        return (struct load_gain){0};
    const struct fetch_response_partition *answer = &response.responses[0].partitions[0];
    if (answer->error_code != KAFKA_NONE)
        fail("Fetch from partition %u: %s", partition, kafka_error_text(answer->error_code));
    if (answer->records.piece_count == 0)
        return (struct load_gain){0};
    return count_batches(answer->records.pieces[0], &fetch->parts[partition]);
}

static const struct load_kind fetch_kind = {
    .key = API_FETCH,
    .version = FETCH_VERSION,
    .next = fetch_next,
    .answered = fetch_answered,
};

/* --- The load ---------------------------------------------------------------------------------
 */

static void find_ends(struct fetch *fetch, const struct options *options)
{
    struct control control;
    if (!control_open(&control, &options->address))
        fail("no broker at %s", options->address_text);
    for (uint32_t i = 0; i < options->partitions; i++)
        fetch->parts[i].end_offset = client_end_offset(&control, options->topic, (int32_t)i);
    control_close(&control);
}

void fetch_run(const struct options *asked)
{
    /* The next offset is known only from the answer, so one request is in flight, and there is
     * nothing to warm up: the first pass is the one that is measured. */
    struct options options = *asked;
    options.in_flight = 1;
    options.warm_up_seconds = 0;
    struct report report;
    struct fetch *fetch = calloc(1, sizeof *fetch);
    assert(fetch != NULL);
    fetch->parts = calloc(options.partitions, sizeof *fetch->parts);
    fetch->askers = calloc(options.connections, sizeof *fetch->askers);
    assert(fetch->parts != NULL);
    assert(fetch->askers != NULL);
    for (uint32_t i = 0; i < options.connections; i++) {
        fetch->askers[i].partition = i;
        arena_init(&fetch->askers[i].arena, REQUEST_BYTES_MAX);
    }
    find_ends(fetch, &options);
    load_run(&fetch->load, &fetch_kind, &options,
             (size_t)options.fetch_bytes + BATCH_BYTES_MAX + ANSWER_ROOM_BYTES);
    report_init(&report, mode_name(options.mode));
    report_add(&report, "fetch_bytes", options.fetch_bytes, 0);
    load_report(&fetch->load, &report);
    report_print(&report, options.is_json);
    load_deinit(&fetch->load);
    for (uint32_t i = 0; i < options.connections; i++)
        arena_deinit(&fetch->askers[i].arena);
    free(fetch->parts);
    free(fetch->askers);
    free(fetch);
}
