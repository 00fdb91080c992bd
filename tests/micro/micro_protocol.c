/* Codecs, the messages that carry records, and the check of a batch. */
#include "base/assert.h"
#include "protocol/batch_validate.h"
#include "protocol/compression.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/produce.h"
#include "tests/micro/micro.h"

#include <stdlib.h>

enum {
    ARENA_BYTES = 4 << 20,
    INPUT_BYTES = 64 * 1024,
    PRODUCE_VERSION = 9,
    FETCH_VERSION = 12,
    TOPICS = 1,
    PARTITIONS = 8,
};

/* Of all rows: what goes in, and where results go. */
struct work {
    struct arena keep;    /* what lasts */
    struct arena scratch; /* emptied each time */
    enum compression compression;
    struct bytes text;
    struct bytes compressed;
    struct bytes batch;
    struct bytes message;
};

static struct work *work_begin(void)
{
    struct work *work = micro_allocate(sizeof *work);
    arena_init(&work->keep, ARENA_BYTES);
    arena_init(&work->scratch, ARENA_BYTES);
    return work;
}

static void work_end(void *context)
{
    struct work *work = context;
    arena_deinit(&work->keep);
    arena_deinit(&work->scratch);
    free((void *)(uintptr_t)work->text.data);
    free(work);
}

/* --- Codecs ----------------------------------------------------------------------------------- */

static void *codec_begin(int compression)
{
    struct work *work = work_begin();
    work->compression = (enum compression)compression;
    work->text = micro_text(INPUT_BYTES);
    enum status status =
        compression_compress(work->compression, compression_levels(work->compression).usual,
                             work->text, &work->keep, &work->compressed);
    assert(status == STATUS_OK);
    return work;
}

static void run_compress(void *context, uint64_t count)
{
    struct work *work = context;
    int32_t level = compression_levels(work->compression).usual;
    for (uint64_t i = 0; i < count; i++) {
        struct bytes output;
        enum status status =
            compression_compress(work->compression, level, work->text, &work->scratch, &output);
        assert(status == STATUS_OK);
        arena_reset(&work->scratch);
    }
}

static void run_decompress(void *context, uint64_t count)
{
    struct work *work = context;
    for (uint64_t i = 0; i < count; i++) {
        struct bytes output;
        enum status status = compression_decompress(work->compression, work->compressed,
                                                    INPUT_BYTES, &work->scratch, &output);
        assert(status == STATUS_OK);
        assert(output.size == INPUT_BYTES);
        arena_reset(&work->scratch);
    }
}

/* --- Produce ---------------------------------------------------------------------------------- */

static void *produce_begin(int record_count)
{
    struct work *work = work_begin();
    work->batch = micro_batch(&work->keep, (uint32_t)record_count);
    struct produce_request_partition partition;
    struct produce_request_topic topic;
    struct produce_request request;
    struct writer writer;
    produce_request_init(&request);
    produce_request_topic_init(&topic);
    produce_request_partition_init(&partition);
    partition.records =
        (struct records_field){.pieces = &work->batch, .piece_count = 1, .size = work->batch.size};
    topic.name = bytes_of_text("orders");
    topic.partition_data = &partition;
    topic.partition_data_count = 1;
    request.acks = -1;
    request.topic_data = &topic;
    request.topic_data_count = 1;
    writer_init(&writer, &work->keep);
    produce_request_encode(&writer, PRODUCE_VERSION, &request);
    struct bytes *pieces;
    uint32_t piece_count;
    bool is_whole = writer_pieces(&writer, &pieces, &piece_count);
    assert(is_whole);
    struct writer joined;
    writer_init(&joined, &work->keep);
    for (uint32_t i = 0; i < piece_count; i++)
        writer_bytes(&joined, pieces[i]);
    work->message = writer_result(&joined);
    return work;
}

static void run_produce_decode(void *context, uint64_t count)
{
    struct work *work = context;
    for (uint64_t i = 0; i < count; i++) {
        struct reader reader;
        struct produce_request request;
        reader_init(&reader, work->message);
        enum status status =
            produce_request_decode(&reader, PRODUCE_VERSION, &work->scratch, &request);
        assert(status == STATUS_OK);
        arena_reset(&work->scratch);
    }
}

static void run_produce_encode(void *context, uint64_t count)
{
    struct work *work = context;
    struct produce_response_partition partition;
    struct produce_response_topic topic;
    struct produce_response response;
    produce_response_init(&response);
    produce_response_topic_init(&topic);
    produce_response_partition_init(&partition);
    topic.name = bytes_of_text("orders");
    topic.partition_responses = &partition;
    topic.partition_responses_count = 1;
    response.responses = &topic;
    response.responses_count = 1;
    for (uint64_t i = 0; i < count; i++) {
        struct writer writer;
        writer_init(&writer, &work->scratch);
        produce_response_encode(&writer, PRODUCE_VERSION, &response);
        assert(writer.status == STATUS_OK);
        arena_reset(&work->scratch);
    }
}

static void run_validate(void *context, uint64_t count)
{
    static const struct batch_rules rules = {
        .produce_version = PRODUCE_VERSION,
        .message_bytes_max = INT32_MAX,
        .timestamp_type = TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .now_ms = 1800000000000,
        .records_bytes_max = 1 << 20,
    };
    struct work *work = context;
    for (uint64_t i = 0; i < count; i++) {
        struct batch_verdict verdict;
        batch_validate(work->batch, &rules, &work->scratch, &verdict);
        assert(verdict.error == KAFKA_NONE);
    }
}

/* --- Fetch ------------------------------------------------------------------------------------ */

static void *fetch_begin(int argument)
{
    struct work *work = work_begin();
    work->batch = micro_batch(&work->keep, 1);
    return work;
}

/* With records by reference, as they are sent. */
static void run_fetch_encode(void *context, uint64_t count)
{
    struct work *work = context;
    struct fetch_response_partition partitions[PARTITIONS];
    struct fetch_response_topic topic;
    struct fetch_response response;
    fetch_response_init(&response);
    fetch_response_topic_init(&topic);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        fetch_response_partition_init(&partitions[i]);
        partitions[i].partition_index = i;
        partitions[i].records = (struct records_field){
            .pieces = &work->batch, .piece_count = 1, .size = work->batch.size};
    }
    topic.topic = bytes_of_text("orders");
    topic.partitions = partitions;
    topic.partitions_count = PARTITIONS;
    response.responses = &topic;
    response.responses_count = TOPICS;
    for (uint64_t i = 0; i < count; i++) {
        struct writer writer;
        struct bytes *pieces;
        uint32_t piece_count;
        writer_init(&writer, &work->scratch);
        fetch_response_encode(&writer, FETCH_VERSION, &response);
        bool is_whole = writer_pieces(&writer, &pieces, &piece_count);
        assert(is_whole);
        micro_use(piece_count);
        arena_reset(&work->scratch);
    }
}

struct micro_table micro_protocol(void)
{
    static const struct micro rows[] = {
        {"gzip: compress 64 KiB", codec_begin, run_compress, work_end, COMPRESSION_GZIP},
        {"gzip: decompress 64 KiB", codec_begin, run_decompress, work_end, COMPRESSION_GZIP},
        {"snappy: compress 64 KiB", codec_begin, run_compress, work_end, COMPRESSION_SNAPPY},
        {"snappy: decompress 64 KiB", codec_begin, run_decompress, work_end, COMPRESSION_SNAPPY},
        {"lz4: compress 64 KiB", codec_begin, run_compress, work_end, COMPRESSION_LZ4},
        {"lz4: decompress 64 KiB", codec_begin, run_decompress, work_end, COMPRESSION_LZ4},
        {"zstd: compress 64 KiB", codec_begin, run_compress, work_end, COMPRESSION_ZSTD},
        {"zstd: decompress 64 KiB", codec_begin, run_decompress, work_end, COMPRESSION_ZSTD},
        {"produce: decode a request of 1 record", produce_begin, run_produce_decode, work_end, 1},
        {"produce: encode a response", produce_begin, run_produce_encode, work_end, 1},
        {"produce: check a batch of 1 record", produce_begin, run_validate, work_end, 1},
        {"produce: check a batch of 63 records", produce_begin, run_validate, work_end, 63},
        {"fetch: encode a response of 8 partitions", fetch_begin, run_fetch_encode, work_end, 0},
    };
    return (struct micro_table){rows, sizeof rows / sizeof rows[0]};
}
