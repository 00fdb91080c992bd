/* Produce under load. A batch is made once for each partition and sent again and again: what the
 * broker does with it does not depend on the bytes, and the generator stays light. The bytes are
 * random, so that no layer below can compress them. */
#include "protocol/messages/produce.h"
#include "base/assert.h"
#include "base/list.h"
#include "base/prng.h"
#include "bench/load.h"
#include "bench/modes.h"
#include "protocol/batch_build.h"
#include "protocol/errors.h"
#include "protocol/headers.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ANSWER_BYTES_MAX = 64 * 1024,
    FRAME_ROOM_BYTES = 4 << 20, /* in an arena, besides copies of the batch */
    PAYLOAD_SEED = 1,
};

struct produce {
    struct load load;
    struct arena arena;   /* of the frames */
    struct bytes *frames; /* one for each partition */
    uint32_t *turns;      /* of each connection: how many requests it has made */
};

/* --- Frames -----------------------------------------------------------------------------------
 */

static int64_t wall_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / (1000 * 1000);
}

static struct bytes random_bytes(struct prng *prng, size_t size, struct arena *arena)
{
    uint8_t *data = arena_allocate(arena, size);
    if (data == NULL)
        fail("no memory for a record of %zu bytes", size);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)prng_u64(prng);
    return bytes_of(data, size);
}

static struct bytes make_batch(const struct options *options, struct arena *arena)
{
    struct batch_builder builder;
    struct prng prng;
    struct bytes batch;
    struct bytes value;
    prng_init(&prng, PAYLOAD_SEED);
    batch_builder_init(&builder, &batch_options_plain, arena);
    value = random_bytes(&prng, options->record_bytes, arena);
    for (uint32_t i = 0; i < options->batch_records; i++)
        batch_builder_append_simple(&builder, wall_now_ms(), (struct bytes){0}, value);
    enum status status = batch_builder_finish(&builder, &batch);
    if (status != STATUS_OK)
        fail("a batch of %u records of %u bytes: %s", options->batch_records, options->record_bytes,
             status_text(status));
    return batch;
}

struct bytes produce_frame(const struct options *options, int32_t partition, struct arena *arena)
{
    struct produce_request request;
    struct produce_request_topic topic;
    struct produce_request_partition part;
    struct writer writer;
    struct bytes batch = make_batch(options, arena);
    produce_request_init(&request);
    produce_request_topic_init(&topic);
    produce_request_partition_init(&part);
    part.index = partition;
    part.records = (struct records_field){.pieces = &batch, .piece_count = 1, .size = batch.size};
    topic.name = bytes_of_text(options->topic);
    topic.partition_data = &part;
    topic.partition_data_count = 1;
    request.acks = options->acks;
    request.timeout_ms = CLIENT_TIMEOUT_SECONDS * 1000;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    writer_init(&writer, arena);
    request_begin(&writer, API_PRODUCE, PRODUCE_VERSION, 0);
    produce_request_encode(&writer, PRODUCE_VERSION, &request);
    frame_end(&writer);

    /* The batch is referenced; lay it all out in a row. */
    struct bytes *pieces;
    uint32_t piece_count;
    size_t size = writer_total_size(&writer);
    uint8_t *frame = arena_allocate(arena, size);
    if (writer.status != STATUS_OK || frame == NULL ||
        !writer_pieces(&writer, &pieces, &piece_count))
        fail("no memory for a request of %zu bytes", size);
    size_t at = 0;
    for (uint32_t i = 0; i < piece_count; at += pieces[i++].size)
        memcpy(frame + at, pieces[i].data, pieces[i].size);
    assert(at == size);
    return bytes_of(frame, size);
}

/* --- The load ---------------------------------------------------------------------------------
 */

static bool produce_next(struct load *load, struct load_connection *connection, struct bytes *frame)
{
    struct produce *produce = container_of(load, struct produce, load);
    uint32_t turn = produce->turns[connection->index]++;
    *frame = produce->frames[(connection->index + turn) % load->options->partitions];
    return true;
}

static struct load_gain produce_answered(struct load *load, struct load_connection *connection,
                                         struct reader *reader)
{
    struct produce *produce = container_of(load, struct produce, load);
    struct produce_response response;
    produce_response_init(&response);
    enum status status =
        produce_response_decode(reader, PRODUCE_VERSION, &connection->arena, &response);
    if (status != STATUS_OK || response.responses_count != 1 ||
        response.responses[0].partition_responses_count != 1)
        fail("a response to Produce: %s", status_text(status));
    int16_t error = response.responses[0].partition_responses[0].error_code;
    if (error != KAFKA_NONE)
        fail("Produce to partition %d: %s", response.responses[0].partition_responses[0].index,
             kafka_error_text(error));
    return (struct load_gain){load->options->batch_records, produce->frames[0].size};
}

static const struct load_kind produce_kind = {
    .key = API_PRODUCE,
    .version = PRODUCE_VERSION,
    .next = produce_next,
    .answered = produce_answered,
};

static void make_topic(const struct options *options)
{
    struct client client;
    if (!client_open(&client, &options->address))
        fail("no broker at %s", options->address_text);
    client_create_topic(&client, options->topic, options->partitions);
    client_close(&client);
}

static void make_frames(struct produce *produce, const struct options *options)
{
    size_t batch_bytes = (size_t)options->batch_records * ((size_t)options->record_bytes + 64);
    arena_init(&produce->arena, options->partitions * (8 * batch_bytes + FRAME_ROOM_BYTES));
    produce->frames =
        arena_allocate_array(&produce->arena, options->partitions, sizeof *produce->frames);
    produce->turns =
        arena_allocate_array(&produce->arena, options->connections, sizeof *produce->turns);
    if (produce->frames == NULL || produce->turns == NULL)
        fail("no memory for the requests");
    for (uint32_t i = 0; i < options->partitions; i++)
        produce->frames[i] = produce_frame(options, (int32_t)i, &produce->arena);
}

void produce_run(const struct options *options)
{
    struct report report;
    struct produce *produce = calloc(1, sizeof *produce);
    assert(produce != NULL);
    make_topic(options);
    make_frames(produce, options);
    load_run(&produce->load, &produce_kind, options, ANSWER_BYTES_MAX);
    report_init(&report, mode_name(options->mode));
    report_add(&report, "record_bytes", options->record_bytes, 0);
    report_add(&report, "batch_records", options->batch_records, 0);
    report_add(&report, "request_bytes", (double)produce->frames[0].size, 0);
    load_report(&produce->load, &report);
    report_print(&report, options->is_json);
    load_deinit(&produce->load);
    arena_deinit(&produce->arena);
    free(produce);
}
