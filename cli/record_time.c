#include "cli/record_time.h"

#include "base/assert.h"
#include "protocol/batch_record.h"
#include "protocol/errors.h"
#include "protocol/messages/fetch.h"

enum {
    FETCH_BYTES = 64 << 10,        /* the first batch comes whole even if it is larger */
    FETCH_ARENA_BYTES = 512 << 20, /* such a batch, and what it holds when decompressed */
    RECORDS_BYTES_MAX = 256 << 20,
};

/* True if the batch holds the record. Control batches hold none that a consumer would see. */
static bool find_in_batch(struct bytes batch, int64_t offset, struct arena *arena, int64_t *time_ms)
{
    struct batch_header header;
    struct record_iterator iterator;
    struct record_view record;
    if (batch_header_read(batch, &header) != STATUS_OK || batch_is_control(&header) ||
        batch_last_offset(&header) < offset ||
        record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, arena) != STATUS_OK)
        return false;
    while (record_iterator_next(&iterator, &record))
        if (record.offset >= offset) {
            *time_ms = record.timestamp;
            return true;
        }
    return false;
}

/* What a fetch from the place has found. */
struct finding {
    int16_t error_code;
    int64_t time_ms; /* -1: no record */
};

static void find_in_response(const struct fetch_response *response, int64_t offset,
                             struct arena *arena, struct finding *finding)
{
    if (response->responses_count != 1 || response->responses[0].partitions_count != 1)
        return;
    const struct fetch_response_partition *answer = &response->responses[0].partitions[0];
    finding->error_code = answer->error_code;
    if (answer->error_code != KAFKA_NONE || answer->records.piece_count == 0)
        return;
    struct bytes rest = answer->records.pieces[0];
    struct bytes batch;
    while (batch_next(&rest, &batch) == STATUS_OK)
        if (find_in_batch(batch, offset, arena, &finding->time_ms))
            return;
}

/* A request of its own for each place: only the first batch of a response is sure to come whole. */
struct question {
    struct fetch_request_partition partition;
    struct fetch_request_topic topic;
    struct fetch_request request;
};

static void fill_question(const struct record_place *place, struct question *question)
{
    fetch_request_partition_init(&question->partition);
    fetch_request_topic_init(&question->topic);
    fetch_request_init(&question->request);
    question->partition.partition = place->partition;
    question->partition.fetch_offset = place->offset;
    question->partition.partition_max_bytes = FETCH_BYTES;
    question->topic.topic = place->topic;
    question->topic.topic_id = place->topic_id;
    question->topic.partitions = &question->partition;
    question->topic.partitions_count = 1;
    question->request.max_bytes = FETCH_BYTES;
    question->request.topics = &question->topic;
    question->request.topics_count = 1;
}

static bool fetch(struct connection *connection, const struct record_place *place,
                  struct finding *finding)
{
    struct question question;
    struct fetch_response response;
    struct call call;
    fill_question(place, &question);
    fetch_response_init(&response);
    if (!call_begin(&call, connection, API_FETCH))
        return false;
    fetch_request_encode(&call.writer, call.version, &question.request);
    if (!call_finish(&call) ||
        !call_decoded(&call, fetch_response_decode(&call.reader, call.version,
                                                   &connection->tool->arena, &response)))
        return false;
    finding->error_code = response.error_code;
    find_in_response(&response, place->offset, &connection->tool->arena, finding);
    return true;
}

/* A response is large beside what is wanted of it, so it gets memory that is given back. */
static bool ask(struct connection *connection, const struct record_place *place,
                struct finding *finding)
{
    assert(place->offset >= 0);
    struct tool *tool = connection->tool;
    struct tool scratch = *tool;
    arena_init(&scratch.arena, FETCH_ARENA_BYTES);
    connection->tool = &scratch;
    *finding = (struct finding){KAFKA_NONE, -1};
    bool ok = fetch(connection, place, finding);
    connection->tool = tool;
    arena_deinit(&scratch.arena);
    return ok;
}

bool record_time_ask(struct connection *connection, const struct record_place *place,
                     int64_t *time_ms)
{
    assert(time_ms != NULL);
    struct finding finding;
    bool ok = ask(connection, place, &finding);
    *time_ms = finding.time_ms;
    return ok;
}

bool record_error_ask(struct connection *connection, const struct record_place *place,
                      int16_t *error_code)
{
    assert(error_code != NULL);
    struct finding finding;
    bool ok = ask(connection, place, &finding);
    *error_code = finding.error_code;
    return ok;
}
