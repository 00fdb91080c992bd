/* Any bytes as a batch from a client. First as they are, then with base offset, length, magic and
 * checksum put right, because nearly all inputs would end at those. What must hold besides
 * survival:
 *
 *   what the validator takes, the iterator reads to its end, with as many records and the same
 *   largest timestamp; and in any other codec it passes the validator again. */
#include "tests/protocol/batch_fuzz.h"

#include "base/assert.h"
#include "protocol/batch_build.h"
#include "protocol/batch_record.h"
#include "protocol/batch_validate.h"

enum { ARENA_BYTES_MAX = 64 << 20, RECORDS_BYTES_MAX = 1 << 20 };

static const struct batch_rules rules = {
    .produce_version = 9,
    .message_bytes_max = INT32_MAX,
    .timestamp_type = TIMESTAMP_CREATE_TIME,
    .timestamp_before_max_ms = INT64_MAX,
    .timestamp_after_max_ms = INT64_MAX,
    .now_ms = 1800000000000,
    .records_bytes_max = RECORDS_BYTES_MAX,
};

struct summary {
    enum status status;
    int32_t record_count;
    int64_t max_timestamp;
};

static struct summary read_to_end(struct bytes batch, struct arena *arena)
{
    struct summary summary = {.max_timestamp = NO_TIMESTAMP};
    struct record_iterator iterator;
    summary.status = record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, arena);
    if (summary.status != STATUS_OK)
        return summary;
    struct record_view record;
    while (record_iterator_next(&iterator, &record)) {
        summary.record_count++;
        if (record.timestamp > summary.max_timestamp)
            summary.max_timestamp = record.timestamp;
        struct record_header header;
        while (record_header_next(&record, &header))
            assert(!bytes_are_null(header.key));
        assert(record.headers.size == 0);
    }
    summary.status = iterator.status;
    return summary;
}

static void check_accepted(const struct batch_verdict *verdict, struct arena *arena)
{
    struct summary summary = read_to_end(verdict->batch, arena);
    assert(summary.status == STATUS_OK);
    assert(summary.record_count == verdict->header.record_count);
    assert(summary.max_timestamp == verdict->max_timestamp);
    enum compression other = (enum compression)(verdict->batch.size % COMPRESSION_COUNT);
    struct bytes recompressed;
    enum status status = batch_recompress(verdict->batch, other, compression_levels(other).usual,
                                          RECORDS_BYTES_MAX, arena, &recompressed);
    assert(status == STATUS_OK);
    struct batch_verdict again;
    batch_validate(recompressed, &rules, arena, &again);
    assert(again.error == KAFKA_NONE);
    assert(again.max_timestamp == verdict->max_timestamp);
    assert(again.max_timestamp_delta == verdict->max_timestamp_delta);
}

static void check(struct bytes input, struct arena *arena)
{
    struct batch_verdict verdict;
    batch_validate(input, &rules, arena, &verdict);
    assert((verdict.message == NULL) == (verdict.error == KAFKA_NONE));
    if (verdict.error == KAFKA_NONE)
        check_accepted(&verdict, arena);
    else
        read_to_end(input, arena);
}

static struct bytes sealed(const uint8_t *data, size_t size, struct arena *arena)
{
    uint8_t *copy = (uint8_t *)arena_copy_text(arena, data, size);
    assert(copy != NULL);
    struct bytes batch = bytes_of(copy, size);
    store_u64_be(copy + BATCH_BASE_OFFSET_AT, 0);
    store_u32_be(copy + BATCH_LENGTH_AT, (uint32_t)(size - BATCH_LENGTH_BASE));
    copy[BATCH_MAGIC_AT] = BATCH_MAGIC;
    store_u32_be(copy + BATCH_CRC_AT, batch_crc_compute(batch));
    return batch;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    check(bytes_of(data, size), &arena);
    if (size >= BATCH_HEADER_SIZE)
        check(sealed(data, size, &arena), &arena);
    arena_deinit(&arena);
    return 0;
}
