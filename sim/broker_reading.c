#include "sim/broker_reading.h"

#include "base/assert.h"
#include "protocol/batch_record.h"

#include <inttypes.h>

enum { RECORDS_BYTES_MAX = 16 << 20 };

static void fail(struct check *check, const struct check_key *key, const char *what, int64_t at)
{
    verdict_fail(check->verdict, OUTCOME_UNSAFE, "bytes: partition %d at offset %" PRId64 ": %s",
                 key->index, at, what);
}

static bool may_have_gaps(const struct check *check, const struct check_key *key)
{
    return check_is_free(check, key->topic_id, CHECK_COMPACTS);
}

static void take_record(struct check *check, const struct check_key *key,
                        struct record_view *record)
{
    struct record_header header = {0};
    if (!bytes_are_null(record->value))
        check_read(check, key, record->offset, record->key, record->value);
    else if (record_header_next(record, &header) && bytes_equal_text(header.key, CHECK_STAMP))
        check_read_tombstone(check, key, record->offset, record->key, header.value);
    else
        fail(check, key, "a tombstone without its number", record->offset);
}

static void take_records(struct check *check, const struct check_key *key, struct bytes batch)
{
    struct arena arena;
    struct record_iterator iterator;
    struct record_view record;
    arena_init(&arena, 2 * RECORDS_BYTES_MAX);
    enum status status = record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena);
    int64_t expected = load_u64_be(batch.data) <= INT64_MAX ? (int64_t)load_u64_be(batch.data) : -1;
    while (status == STATUS_OK && record_iterator_next(&iterator, &record)) {
        bool is_gap = may_have_gaps(check, key) && record.offset > expected;
        if (record.offset != expected && !is_gap)
            fail(check, key, "records are not numbered one by one", record.offset);
        take_record(check, key, &record);
        expected = record.offset + 1;
    }
    if (status != STATUS_OK || iterator.status != STATUS_OK)
        fail(check, key, "a batch whose records cannot be read", expected);
    arena_deinit(&arena);
}

/* The first batch may begin before the position; no other may. Where compaction has been, either
 * may begin behind it. */
static bool batch_continues(const struct check *check, const struct check_key *key,
                            const struct batch_header *header, int64_t position, bool is_first)
{
    if (may_have_gaps(check, key) && header->base_offset >= position)
        return true;
    if (!is_first)
        return header->base_offset == position;
    return header->base_offset <= position && batch_last_offset(header) >= position;
}

static void take_batch(struct check *check, const struct check_key *key, struct bytes batch,
                       int64_t high_watermark, int64_t *position, bool is_first)
{
    struct batch_header header;
    enum status status = batch_header_read(batch, &header);
    assert(status == STATUS_OK); /* batch_next has looked */
    if (!batch_crc_is_right(batch))
        fail(check, key, "a batch with a wrong checksum", header.base_offset);
    else if (!batch_continues(check, key, &header, *position, is_first))
        fail(check, key, "a batch that does not continue what was read", header.base_offset);
    else if (batch_last_offset(&header) >= high_watermark)
        fail(check, key, "a batch above the high watermark", header.base_offset);
    else
        take_records(check, key, batch);
    *position = batch_last_offset(&header) + 1;
}

void reading_take(struct check *check, const struct check_key *key, struct bytes records,
                  int64_t high_watermark, int64_t *position)
{
    struct bytes batch;
    bool is_first = true;
    while (check->verdict->outcome == OUTCOME_GOOD && batch_next(&records, &batch) == STATUS_OK) {
        take_batch(check, key, batch, high_watermark, position, is_first);
        is_first = false;
    }
    if (is_first && records.size > 0)
        fail(check, key, "an answer without one whole batch", *position);
}
