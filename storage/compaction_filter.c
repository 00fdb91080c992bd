/* A batch is gone through once to decide about each record, and only if it must be written anew a
 * second time to copy those that stay. */
#include "storage/compaction_filter.h"

#include "base/assert.h"
#include "base/list.h"
#include "protocol/batch_build.h"
#include "protocol/batch_record.h"

/* --- Indexing --------------------------------------------------------------------------------- */

static enum status read_header(struct bytes batch, struct batch_header *header)
{
    enum status status = batch_header_read(batch, header);
    if (status != STATUS_OK)
        return status;
    bool makes_sense = header->base_offset >= 0 && header->last_offset_delta >= 0;
    return makes_sense ? STATUS_OK : STATUS_MALFORMED;
}

/* Offsets rise inside a batch and stay within it: the map and the builder rely on that. */
static bool offset_makes_sense(const struct batch_header *header, int64_t offset, int64_t above)
{
    return offset > above && offset >= header->base_offset && offset <= batch_last_offset(header);
}

/* `*has_all`: none of the keys was without room. */
static enum status index_records(struct compaction_pass *pass, struct record_iterator *iterator,
                                 bool *has_all)
{
    struct record_view record;
    int64_t last_offset = -1;
    while (record_iterator_next(iterator, &record)) {
        if (!offset_makes_sense(&iterator->header, record.offset, last_offset))
            return STATUS_MALFORMED;
        last_offset = record.offset;
        if (bytes_are_null(record.key) || record.offset < pass->dirty_offset)
            continue;
        if (!offset_map_put(pass->map, record.key, record.offset)) {
            *has_all = false;
            return STATUS_OK;
        }
    }
    return iterator->status;
}

/* The batch cannot be gone through, and stays as it is. */
static void note_opaque(struct compaction_pass *pass, const struct batch_header *header)
{
    if (pass->opaque_offset > header->base_offset)
        pass->opaque_offset = header->base_offset;
}

/* For a whole batch: of one that is beyond the end of the pass no key may be known, or records
 * below would go in favour of it. Only an empty map is tried with a batch that may be too much: it
 * then belongs to the pass in any case. */
static bool has_room(const struct offset_map *map, int32_t record_count)
{
    return map->key_count == 0 ||
           (record_count >= 0 && (uint64_t)record_count <= map->key_count_max - map->key_count);
}

/* Some keys of a batch are not known afterwards if it is too large, or if a whole map is too small
 * for them. */
static enum status index_batch(struct compaction_pass *pass, struct bytes batch,
                               const struct batch_header *header, struct arena *arena)
{
    struct record_iterator iterator;
    bool has_all = true;
    enum status status = record_iterator_open(&iterator, batch, pass->records_bytes_max, arena);
    if (status == STATUS_TOO_LARGE)
        has_all = false;
    else if (status == STATUS_OK)
        status = index_records(pass, &iterator, &has_all);
    if (status == STATUS_OK && !has_all && pass->map_is_short)
        return STATUS_NO_MEMORY;
    if (!has_all)
        note_opaque(pass, header);
    return has_all ? status : STATUS_OK;
}

enum status compaction_index_batch(struct compaction_pass *pass, struct bytes batch,
                                   struct arena *arena, bool *is_full)
{
    struct batch_header header;
    bool may_go;
    *is_full = false;
    enum status status = read_header(batch, &header);
    if (status == STATUS_OK)
        status = compaction_transactions_step(pass->transactions, &header, batch, &may_go);
    if (status != STATUS_OK || batch_is_control(&header) || may_go ||
        batch_last_offset(&header) < pass->dirty_offset)
        return status;
    if (!has_room(pass->map, header.record_count)) {
        *is_full = true;
        return STATUS_OK;
    }
    return index_batch(pass, batch, &header, arena);
}

/* --- Deciding --------------------------------------------------------------------------------- */

/* What is to be done with one batch. */
struct verdict {
    struct batch_header header;
    bool goes;        /* all its records, whatever they are */
    bool is_spent;    /* a marker whose transaction has left nothing */
    bool stays_empty; /* the batch itself, without records */
    uint8_t *is_kept; /* for each record; NULL until decided */
    uint32_t kept_count;
    uint32_t keyless_count;
    bool keeps_tombstones;
};

static bool producer_is_remembered_by(const struct compaction_pass *pass,
                                      const struct batch_header *header)
{
    const struct producer *producer = batch_has_producer_id(header)
                                          ? producer_core_find(pass->producers, header->producer_id)
                                          : NULL;
    if (producer == NULL)
        return false;
    if (batch_is_control(header))
        return producer->batch_count == 0 && producer->epoch == header->producer_epoch;
    for (uint32_t i = 0; i < producer->batch_count; i++) {
        if (producer->batches[i].last_offset == batch_last_offset(header))
            return true;
    }
    return false;
}

static bool begins_epoch(const struct compaction_pass *pass, const struct batch_header *header)
{
    const struct epoch_core *epochs = pass->epochs;
    uint32_t low = 0;
    uint32_t high = epochs->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (epochs->entries[middle].start_offset < header->base_offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < epochs->count && epochs->entries[low].start_offset == header->base_offset;
}

static bool horizon_has_passed(const struct compaction_pass *pass,
                               const struct batch_header *header)
{
    return (header->attributes & BATCH_DELETE_HORIZON) != 0 &&
           pass->now_ms >= batch_delete_horizon_ms(header);
}

static bool record_is_kept(const struct compaction_pass *pass, const struct verdict *verdict,
                           const struct record_view *record)
{
    if (batch_is_control(&verdict->header))
        return true;
    if (bytes_are_null(record->key))
        return false;
    if (record->offset < offset_map_get(pass->map, record->key))
        return false;
    return !bytes_are_null(record->value) || !horizon_has_passed(pass, &verdict->header) ||
           verdict->header.base_offset >= pass->opaque_offset;
}

static enum status decide_records(const struct compaction_pass *pass,
                                  struct record_iterator iterator, struct verdict *verdict)
{
    struct record_view record;
    int64_t last_offset = -1;
    uint32_t count = 0;
    while (record_iterator_next(&iterator, &record)) {
        if (!offset_makes_sense(&verdict->header, record.offset, last_offset))
            return STATUS_MALFORMED;
        last_offset = record.offset;
        assert(count < (uint32_t)verdict->header.record_count);
        bool is_kept = record_is_kept(pass, verdict, &record);
        verdict->is_kept[count++] = is_kept;
        verdict->kept_count += is_kept;
        verdict->keyless_count += !is_kept && bytes_are_null(record.key);
        verdict->keeps_tombstones |= is_kept && bytes_are_null(record.value);
    }
    return iterator.status;
}

static enum status decide(struct compaction_pass *pass, struct bytes batch, struct verdict *verdict)
{
    const struct batch_header *header = &verdict->header;
    bool may_go;
    enum status status = compaction_transactions_step(pass->transactions, header, batch, &may_go);
    if (status != STATUS_OK)
        return status;
    bool is_control = batch_is_control(header);
    verdict->is_spent = is_control && may_go;
    verdict->goes = may_go && (!is_control || horizon_has_passed(pass, header));
    verdict->stays_empty = producer_is_remembered_by(pass, header) || begins_epoch(pass, header) ||
                           batch_last_offset(header) + 1 == pass->end_offset;
    return STATUS_OK;
}

/* --- Writing anew ----------------------------------------------------------------------------- */

/* As Kafka writes it: no codec, no base timestamp, and the greatest timestamp as it was. */
static enum status make_empty(const struct batch_header *header, struct arena *arena,
                              struct bytes *batch)
{
    uint8_t *data = arena_allocate(arena, BATCH_HEADER_SIZE);
    if (data == NULL)
        return STATUS_NO_MEMORY;
    struct batch_header empty = *header;
    empty.batch_length = BATCH_HEADER_SIZE - BATCH_LENGTH_BASE;
    empty.attributes &= (int16_t) ~(BATCH_COMPRESSION_MASK | BATCH_DELETE_HORIZON);
    empty.base_timestamp = NO_TIMESTAMP;
    empty.record_count = 0;
    batch_header_write(&empty, data);
    *batch = bytes_of(data, BATCH_HEADER_SIZE);
    store_u32_be(data + BATCH_CRC_AT, batch_crc_compute(*batch));
    return STATUS_OK;
}

static bool needs_horizon(const struct verdict *verdict)
{
    return (verdict->keeps_tombstones || verdict->is_spent) &&
           (verdict->header.attributes & BATCH_DELETE_HORIZON) == 0;
}

static int64_t new_horizon_ms(const struct compaction_pass *pass)
{
    return pass->delete_retention_ms > INT64_MAX - pass->now_ms
               ? INT64_MAX
               : pass->now_ms + pass->delete_retention_ms;
}

static struct batch_options rewrite_options(const struct compaction_pass *pass,
                                            const struct verdict *verdict)
{
    const struct batch_header *header = &verdict->header;
    struct batch_options options = {
        .base_offset = header->base_offset,
        .last_offset = batch_last_offset(header),
        .leader_epoch = header->leader_epoch,
        .attributes = (int16_t)(header->attributes &
                                (BATCH_TRANSACTIONAL | BATCH_CONTROL | BATCH_DELETE_HORIZON)),
        .delete_horizon_ms = batch_delete_horizon_ms(header),
        .producer_id = header->producer_id,
        .producer_epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
    };
    bool is_known = batch_compression(header, &options.compression);
    assert(is_known); /* the iterator has read the records */
    options.level = compression_levels(options.compression).usual;
    if (needs_horizon(verdict)) {
        options.attributes |= BATCH_DELETE_HORIZON;
        options.delete_horizon_ms = new_horizon_ms(pass);
    }
    return options;
}

static enum status rewrite(const struct compaction_pass *pass, const struct verdict *verdict,
                           struct record_iterator iterator, struct arena *arena,
                           struct bytes *batch)
{
    struct batch_options options = rewrite_options(pass, verdict);
    struct batch_builder builder;
    struct record_view record;
    batch_builder_init(&builder, &options, arena);
    for (uint32_t i = 0; record_iterator_next(&iterator, &record); i++) {
        if (verdict->is_kept[i])
            batch_builder_append(&builder, &record);
    }
    enum status status = batch_builder_finish(&builder, batch);
    if (status == STATUS_OK && batch_timestamp_type(&verdict->header) == TIMESTAMP_LOG_APPEND_TIME)
        batch_set_max_timestamp((uint8_t *)batch->data, TIMESTAMP_LOG_APPEND_TIME,
                                verdict->header.max_timestamp);
    return status;
}

/* --- The whole -------------------------------------------------------------------------------- */

/* The batch when all has been decided. */
static enum status carry_out(const struct compaction_pass *pass, const struct verdict *verdict,
                             const struct record_iterator *iterator, struct bytes batch,
                             struct arena *arena, struct filtered_batch *filtered)
{
    assert(verdict->kept_count + verdict->keyless_count <= filtered->record_count);
    filtered->kept_count = verdict->kept_count;
    filtered->keyless_count = verdict->keyless_count;
    if (verdict->kept_count == 0)
        return verdict->stays_empty ? make_empty(&verdict->header, arena, &filtered->batch)
                                    : STATUS_OK;
    if (verdict->kept_count == filtered->record_count && !needs_horizon(verdict)) {
        filtered->batch = batch;
        return STATUS_OK;
    }
    return rewrite(pass, verdict, *iterator, arena, &filtered->batch);
}

static enum status filter_records(struct compaction_pass *pass, struct verdict *verdict,
                                  struct bytes batch, struct arena *arena,
                                  struct filtered_batch *filtered)
{
    struct record_iterator iterator;
    enum status status = record_iterator_open(&iterator, batch, pass->records_bytes_max, arena);
    if (status == STATUS_TOO_LARGE) {
        note_opaque(pass, &verdict->header);
        filtered->kept_count = filtered->record_count;
        filtered->batch = batch;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    uint32_t record_count = (uint32_t)iterator.left_count;
    if (record_count > iterator.records.size)
        return STATUS_MALFORMED; /* a record takes several bytes */
    verdict->is_kept = arena_allocate(arena, record_count);
    if (verdict->is_kept == NULL)
        return STATUS_NO_MEMORY;
    status = decide_records(pass, iterator, verdict);
    return status == STATUS_OK ? carry_out(pass, verdict, &iterator, batch, arena, filtered)
                               : status;
}

enum status compaction_filter_batch(struct compaction_pass *pass, struct bytes batch,
                                    struct arena *arena, struct filtered_batch *filtered)
{
    struct verdict verdict = {0};
    *filtered = (struct filtered_batch){0};
    enum status status = read_header(batch, &verdict.header);
    if (status != STATUS_OK)
        return status;
    if (verdict.header.base_offset >= pass->end_offset) {
        filtered->batch = batch;
        return STATUS_OK;
    }
    status = decide(pass, batch, &verdict);
    if (status != STATUS_OK)
        return status;
    filtered->record_count = (uint32_t)verdict.header.record_count;
    if (verdict.header.record_count != 0 && !verdict.goes)
        return filter_records(pass, &verdict, batch, arena, filtered);
    if (!verdict.stays_empty)
        return STATUS_OK;
    if (verdict.header.record_count != 0)
        return make_empty(&verdict.header, arena, &filtered->batch);
    filtered->batch = batch;
    return STATUS_OK;
}
