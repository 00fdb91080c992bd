#include "bench/fetch.h"

#include "base/assert.h"
#include "base/list.h"
#include "bench/system.h"
#include "bench/template.h"
#include "bench/topic.h"
#include "protocol/batch.h"
#include "protocol/headers.h"
#include "protocol/messages/fetch.h"

#include <stdlib.h>

enum {
    ANSWER_ROOM_BYTES = 64 * 1024, /* for a response besides its records */
    BATCH_BYTES_MAX = 20 << 20,    /* a first batch comes whole, even if it is larger than asked */
    REQUEST_ROOM_BYTES = 64 * 1024,
    PART_ROOM_BYTES = 256, /* of a partition, in requests and responses */
    WAIT_MS = 500,
};

static struct fetch *fetch_of(struct role *role)
{
    return container_of(role, struct fetch, role);
}

/* --- Which partitions ------------------------------------------------------------------------- */

/* Connections share the partitions out like cards. */
static uint32_t next_partition(const struct fetch *fetch, uint32_t partition)
{
    uint32_t next = partition + fetch->options.connections;
    return next < fetch->options.partitions ? next : partition % fetch->options.connections;
}

static bool is_at_end(const struct fetch_part *part)
{
    return part->next_offset >= part->end_offset;
}

/* Begins the pass anew where it is over. False if there is nothing to read then either. */
static bool rewind_part(const struct fetch *fetch, struct fetch_part *part)
{
    if (fetch->options.is_once || part->begin_offset >= part->end_offset)
        return false;
    part->next_offset = part->begin_offset;
    part->is_changed = true;
    return true;
}

/* The next partition of the connection that has something to read; false if none has. */
static bool find_partition(struct fetch *fetch, struct fetcher *fetcher)
{
    uint32_t first = fetcher->partition;
    uint32_t at = first;
    if (first >= fetch->options.partitions)
        return false; /* there are more connections than partitions */
    do {
        at = next_partition(fetch, at);
        struct fetch_part *part = &fetch->parts[at];
        if (!is_at_end(part) || rewind_part(fetch, part)) {
            fetcher->partition = at;
            return true;
        }
    } while (at != first);
    return false;
}

/* The same for a session, which asks for all at once. */
static bool has_more(struct fetch *fetch, uint32_t connection)
{
    bool has_more = false;
    for (uint32_t i = connection; i < fetch->options.partitions; i += fetch->options.connections)
        if (!is_at_end(&fetch->parts[i]) || rewind_part(fetch, &fetch->parts[i]))
            has_more = true;
    return has_more;
}

/* --- Requests --------------------------------------------------------------------------------- */

static void fill_part(const struct fetch *fetch, uint32_t index,
                      struct fetch_request_partition *part)
{
    fetch_request_partition_init(part);
    part->partition = (int32_t)index;
    part->current_leader_epoch = -1;
    part->last_fetched_epoch = -1;
    part->fetch_offset = fetch->parts[index].next_offset;
    part->log_start_offset = -1;
    part->partition_max_bytes = (int32_t)fetch->load->fetch_bytes;
}

/* All partitions of a new session, or those that have moved on since the last request. */
static uint32_t fill_changed(struct fetch *fetch, const struct connection *connection, bool is_new,
                             struct fetch_request_partition *parts)
{
    uint32_t count = 0;
    for (uint32_t i = connection->index; i < fetch->options.partitions;
         i += fetch->options.connections) {
        if (is_new || fetch->parts[i].is_changed)
            fill_part(fetch, i, &parts[count++]);
        fetch->parts[i].is_changed = false;
    }
    return count;
}

static void fill_topic(struct fetch *fetch, const struct connection *connection,
                       struct fetcher *fetcher, struct fetch_request_topic *topic)
{
    uint32_t own = fetch->options.partitions / fetch->options.connections + 1;
    fetch_request_topic_init(topic);
    topic->topic = bytes_of_text(fetch->options.topic);
    topic->partitions = arena_allocate_array(&fetcher->arena, own, sizeof *topic->partitions);
    if (topic->partitions == NULL)
        fail("no memory for a request to fetch");
    if (fetch->options.has_session) {
        topic->partitions_count =
            fill_changed(fetch, connection, fetcher->session_epoch == 0, topic->partitions);
    } else {
        fill_part(fetch, fetcher->partition, topic->partitions);
        topic->partitions_count = 1;
    }
}

static struct bytes write_request(struct fetch *fetch, const struct connection *connection,
                                  struct fetcher *fetcher)
{
    struct fetch_request request;
    struct fetch_request_topic topic;
    struct writer writer;
    arena_reset(&fetcher->arena);
    fill_topic(fetch, connection, fetcher, &topic);
    fetch_request_init(&request);
    request.replica_id = -1;
    request.max_wait_ms = WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = (int32_t)fetch->load->fetch_bytes;
    request.session_id = fetcher->session_id;
    request.session_epoch = fetch->options.has_session ? fetcher->session_epoch : -1;
    request.topics = &topic;
    request.topics_count = topic.partitions_count > 0 ? 1 : 0;
    writer_init(&writer, &fetcher->arena);
    request_begin(&writer, API_FETCH, FETCH_VERSION, (int32_t)connection->begun_count);
    fetch_request_encode(&writer, FETCH_VERSION, &request);
    frame_end(&writer);
    if (writer.status != STATUS_OK)
        fail("a request to fetch: %s", status_text(writer.status));
    return writer_result(&writer);
}

static bool fetch_next(struct role *role, struct connection *connection, int64_t start_ns)
{
    struct fetch *fetch = fetch_of(role);
    struct fetcher *fetcher = &fetch->fetchers[connection->index];
    bool may_ask = fetch->options.is_follower   ? connection->index < fetch->options.partitions
                   : fetch->options.has_session ? has_more(fetch, connection->index)
                                                : find_partition(fetch, fetcher);
    if (!may_ask)
        return false;
    connection->pieces[0] = write_request(fetch, connection, fetcher);
    connection->piece_count = 1;
    return true;
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* A batch of a producer of this run: how long has it been on its way? */
static void note_arrival(struct fetch *fetch, struct connection *connection, struct bytes batch,
                         const struct batch_header *header, int64_t now)
{
    int64_t sent_ns;
    if (!template_read_stamp(batch, fetch->options.run_id, &sent_ns) ||
        !window_has(&fetch->role.window, sent_ns))
        return;
    uint64_t records = (uint64_t)header->record_count;
    tally_add_records(connection->tally, records, batch.size, now);
    histogram_add(&connection->tally->latencies_ns, (uint64_t)(now - sent_ns), records);
    __atomic_add_fetch(&fetch->received_batches, 1, __ATOMIC_RELAXED);
}

static void take_batches(struct fetch *fetch, struct connection *connection, uint32_t partition,
                         struct bytes records, struct answer *answer)
{
    struct fetch_part *part = &fetch->parts[partition];
    struct bytes batch;
    int64_t now = now_ns();
    while (batch_next(&records, &batch) == STATUS_OK) {
        struct batch_header header;
        if (batch_header_read(batch, &header) != STATUS_OK)
            fail("a batch near offset %lld cannot be read", (long long)part->next_offset);
        if (fetch->load->verify && !batch_crc_is_right(batch))
            fail("the checksum of the batch at offset %lld is wrong",
                 (long long)header.base_offset);
        if (batch_last_offset(&header) < part->next_offset)
            continue; /* an answer may begin before what was asked for */
        part->next_offset = batch_last_offset(&header) + 1;
        part->is_changed = true;
        if (fetch->options.is_follower) {
            note_arrival(fetch, connection, batch, &header, now);
            continue;
        }
        answer->records += (uint64_t)header.record_count;
        answer->bytes += batch.size;
    }
}

static void take_part(struct fetch *fetch, struct connection *connection,
                      const struct fetch_response_partition *part, struct answer *answer)
{
    uint32_t index = (uint32_t)part->partition_index;
    if (part->error_code != KAFKA_NONE)
        answer->error = part->error_code;
    else if (index >= fetch->options.partitions ||
             index % fetch->options.connections != connection->index)
        fail("Fetch answered for partition %u, which was not asked for", index);
    else if (part->records.piece_count > 0)
        take_batches(fetch, connection, index, part->records.pieces[0], answer);
}

/* A session that the broker has dropped, or never opened, begins anew. */
static void keep_session(struct fetcher *fetcher, const struct fetch_response *response)
{
    bool is_open = response->error_code == KAFKA_NONE && response->session_id != 0;
    fetcher->session_id = is_open ? response->session_id : 0;
    fetcher->session_epoch = is_open ? fetcher->session_epoch + 1 : 0;
}

static struct answer fetch_answered(struct role *role, struct connection *connection,
                                    struct reader *reader, int64_t start_ns)
{
    struct fetch *fetch = fetch_of(role);
    struct fetch_response response;
    fetch_response_init(&response);
    enum status status =
        fetch_response_decode(reader, FETCH_VERSION, &connection->arena, &response);
    if (status != STATUS_OK)
        fail("a response to Fetch cannot be read: %s", status_text(status));
    struct answer answer = {.error = response.error_code, .is_timed = !fetch->options.is_follower};
    if (fetch->options.has_session)
        keep_session(&fetch->fetchers[connection->index], &response);
    for (uint32_t t = 0; t < response.responses_count; t++)
        for (uint32_t p = 0; p < response.responses[t].partitions_count; p++)
            take_part(fetch, connection, &response.responses[t].partitions[p], &answer);
    return answer;
}

/* --- Life ------------------------------------------------------------------------------------- */

static _Noreturn void fail_to_find(const struct fetch_options *options, struct control *control)
{
    uint32_t there = topic_count_partitions(control, options->topic);
    if (there == 0)
        fail("there is no topic %s", options->topic);
    if (there < options->partitions)
        fail("topic %s has %u partitions, not %u", options->topic, there, options->partitions);
    fail("topic %s has partitions that this broker does not lead", options->topic);
}

static void find_ends(struct fetch *fetch, struct control *control)
{
    uint32_t count = fetch->options.partitions;
    int64_t *begins = calloc(count, sizeof *begins);
    int64_t *ends = calloc(count, sizeof *ends);
    assert(begins != NULL);
    assert(ends != NULL);
    if (!control_find_offsets(control, fetch->options.topic, false, 0, count, begins) ||
        !control_find_offsets(control, fetch->options.topic, true, 0, count, ends))
        fail_to_find(&fetch->options, control);
    for (uint32_t i = 0; i < count; i++)
        fetch->parts[i] = (struct fetch_part){
            .begin_offset = begins[i],
            .next_offset = fetch->options.is_follower ? ends[i] : begins[i],
            .end_offset = ends[i],
        };
    free(begins);
    free(ends);
}

void fetch_init(struct fetch *fetch, const struct load *load, const struct fetch_options *options,
                struct control *control)
{
    size_t own_bytes = (options->partitions / options->connections + 1ull) * PART_ROOM_BYTES;
    assert(options->connections > 0);
    *fetch = (struct fetch){.load = load, .options = *options};
    fetch->kind =
        (struct role_kind){options->name, API_FETCH, FETCH_VERSION, fetch_next, fetch_answered};
    fetch->role = (struct role){
        .kind = &fetch->kind,
        .connection_count = options->connections,
        .in_flight_max = 1, /* the next offset is known only from the answer */
        .is_follower = options->is_follower,
        .answer_bytes_max =
            (size_t)load->fetch_bytes + BATCH_BYTES_MAX + ANSWER_ROOM_BYTES + own_bytes,
        .requests_left = load->requests > 0 && !options->is_follower ? load->requests : UINT64_MAX,
    };
    fetch->parts = calloc(options->partitions, sizeof *fetch->parts);
    fetch->fetchers = calloc(options->connections, sizeof *fetch->fetchers);
    assert(fetch->parts != NULL);
    assert(fetch->fetchers != NULL);
    for (uint32_t i = 0; i < options->connections; i++) {
        fetch->fetchers[i].partition = i;
        arena_init(&fetch->fetchers[i].arena, REQUEST_ROOM_BYTES + 2 * own_bytes);
    }
    find_ends(fetch, control);
}

void fetch_deinit(struct fetch *fetch)
{
    for (uint32_t i = 0; i < fetch->options.connections; i++)
        arena_deinit(&fetch->fetchers[i].arena);
    free(fetch->fetchers);
    free(fetch->parts);
}
