#include "tests/storage/model.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "storage/marker.h"

#include <stdlib.h>
#include <string.h>

/* The overhead is of a batch that lies alone in its frame. */
enum { RECORDS_BYTES_MAX = 16 << 20, CAPACITY_START = 64, FRAME_OVERHEAD_MAX = 8192 };

void model_init(struct model *model)
{
    *model = (struct model){0};
}

void model_deinit(struct model *model)
{
    free(model->batches);
    free(model->records);
}

/* Room for one more. */
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? CAPACITY_START : 2 * *capacity;
    array = realloc(array, *capacity * size);
    assert(array != NULL);
    return array;
}

uint32_t model_digest(struct bytes batch)
{
    return crc32c(0, batch.data, batch.size);
}

/* --- Batches come and go ---------------------------------------------------------------------- */

struct model_record model_record_of(const struct record_view *view)
{
    return (struct model_record){
        .offset = view->offset,
        .timestamp_ms = view->timestamp,
        .key = crc32c(0, view->key.data, view->key.size),
        .value = crc32c(0, view->value.data, view->value.size),
        .is_tombstone = bytes_are_null(view->value),
    };
}

static void note_record(struct model *model, const struct record_view *view)
{
    model->records = grow(model->records, model->record_count, &model->record_capacity,
                          sizeof model->records[0]);
    model->records[model->record_count] = model_record_of(view);
    model->records[model->record_count++].batch = model->batch_count;
}

static void note_records(struct model *model, struct bytes batch)
{
    struct arena arena;
    struct record_iterator iterator;
    struct record_view record;
    arena_init(&arena, RECORDS_BYTES_MAX + (1 << 20));
    enum status status = record_iterator_open(&iterator, batch, RECORDS_BYTES_MAX, &arena);
    assert(status == STATUS_OK);
    while (record_iterator_next(&iterator, &record))
        note_record(model, &record);
    assert(iterator.status == STATUS_OK);
    arena_deinit(&arena);
}

static void note_producer(struct model *model, int64_t producer_id)
{
    if (producer_id < 0)
        return;
    for (uint32_t i = 0; i < model->producer_count; i++)
        if (model->producer_ids[i] == producer_id)
            return;
    assert(model->producer_count < MODEL_PRODUCERS_MAX);
    model->producer_ids[model->producer_count++] = producer_id;
}

const struct model_batch *model_append(struct model *model, struct bytes batch,
                                       int32_t leader_epoch, int64_t now_ms)
{
    struct batch_header header;
    struct marker marker = {0};
    uint8_t *stored = malloc(batch.size);
    assert(stored != NULL);
    memcpy(stored, batch.data, batch.size);
    batch_set_base_offset(stored, model->end_offset);
    batch_set_leader_epoch(stored, leader_epoch);
    enum status status = batch_header_read(bytes_of(stored, batch.size), &header);
    assert(status == STATUS_OK);

    bool is_marker = batch_is_control(&header);
    bool is_read = !is_marker || marker_read(bytes_of(stored, batch.size), &marker);
    assert(is_read);

    uint32_t first_record = model->record_count;
    note_producer(model, header.producer_id);
    note_records(model, bytes_of(stored, batch.size));
    model->batches =
        grow(model->batches, model->batch_count, &model->batch_capacity, sizeof model->batches[0]);
    model->batches[model->batch_count] = (struct model_batch){
        .base_offset = header.base_offset,
        .last_offset = batch_last_offset(&header),
        .appended_ms = now_ms,
        .producer_id = header.producer_id,
        .leader_epoch = leader_epoch,
        .base_sequence = header.base_sequence,
        .last_sequence = batch_last_sequence(&header),
        .producer_epoch = header.producer_epoch,
        .is_transactional = batch_is_transactional(&header) && !is_marker,
        .is_marker = is_marker,
        .is_abort = marker.is_abort,
        .coordinator_epoch = marker.coordinator_epoch,
        .size_bytes = (uint32_t)batch.size,
        .digest = model_digest(bytes_of(stored, batch.size)),
        .first_record = first_record,
        .record_count = model->record_count - first_record,
    };
    model->end_offset = batch_last_offset(&header) + 1;
    free(stored);
    return &model->batches[model->batch_count++];
}

const char *model_cut(struct model *model, int64_t end_offset)
{
    if (end_offset > model->end_offset)
        return "the log holds more than was ever appended";
    while (model->end_offset > end_offset) {
        assert(model->batch_count > 0);
        const struct model_batch *last = &model->batches[model->batch_count - 1];
        if (last->is_acknowledged)
            return "an acknowledged batch is lost";
        if (last->base_offset < end_offset)
            return "the log ends within a batch";
        model->end_offset = last->base_offset;
        model->record_count = last->first_record;
        model->batch_count--;
    }
    if (model->committed_to > end_offset) /* in a log that is loose */
        model->committed_to = end_offset;
    return NULL;
}

/* What goes for its size leaves retention.bytes behind, of which more may go for its age. */
static bool may_go_by_size(const struct model *model, const struct model_batch *batch,
                           int64_t start_offset, const struct model_retention *retention)
{
    const struct model_batch *end = model->batches + model->batch_count;
    uint64_t left_bytes = retention->size_bytes;
    if (retention->retention_bytes < 0)
        return false;
    for (const struct model_batch *later = batch + 1; later < end; later++)
        if (later->base_offset < start_offset && left_bytes < INT64_MAX)
            left_bytes += later->size_bytes + FRAME_OVERHEAD_MAX;
    return left_bytes >= (uint64_t)retention->retention_bytes;
}

static bool may_go(const struct model *model, const struct model_batch *batch,
                   const struct model_retention *retention)
{
    int64_t old_ms = retention->now_ms - retention->retention_ms;
    bool ages = retention->retention_ms >= 0;
    if (ages && batch->appended_ms < old_ms)
        return true;
    for (uint32_t i = 0; i < batch->record_count; i++) {
        const struct model_record *record = &model->records[batch->first_record + i];
        bool is_old = ages && record->timestamp_ms < old_ms;
        if (!is_old && !(retention->is_compacted && model_may_lack(model, record)))
            return false;
    }
    return true;
}

const char *model_retain(struct model *model, int64_t start_offset,
                         const struct model_retention *retention)
{
    if (start_offset < model->start_offset)
        return "the log begins earlier again";
    if (start_offset > model->high_watermark)
        return "something above the high watermark is deleted";
    bool is_between_batches = start_offset == model->start_offset || start_offset == 0;
    for (uint32_t i = 0; i < model->batch_count; i++) {
        const struct model_batch *batch = &model->batches[i];
        is_between_batches = is_between_batches || batch->last_offset + 1 == start_offset;
        if (batch->last_offset < model->start_offset || batch->base_offset >= start_offset)
            continue;
        if (!may_go(model, batch, retention) &&
            !may_go_by_size(model, batch, start_offset, retention))
            return "something is deleted that is neither old nor too much";
    }
    if (!is_between_batches)
        return "the log begins within a batch";
    model->start_offset = start_offset;
    return NULL;
}

void model_acknowledge_all(struct model *model)
{
    for (uint32_t i = 0; i < model->batch_count; i++)
        model->batches[i].is_acknowledged = true;
}

/* --- Asking ----------------------------------------------------------------------------------- */

const struct model_batch *model_batch_from(const struct model *model, int64_t offset)
{
    for (uint32_t i = 0; i < model->batch_count; i++)
        if (model->batches[i].last_offset >= offset)
            return &model->batches[i];
    return NULL;
}

/* Nothing takes the place of another record before it is decided, and committed. */
static bool replaces(const struct model *model, const struct model_record *newer,
                     const struct model_record *record)
{
    return newer->key == record->key && newer->offset < model->committed_to &&
           model_fate(model, &model->batches[newer->batch], model->committed_to) == FATE_COMMITTED;
}

bool model_may_lack(const struct model *model, const struct model_record *record)
{
    const struct model_record *end = model->records + model->record_count;
    const struct model_batch *batch = &model->batches[record->batch];
    enum model_fate fate = model_fate(model, batch, model->committed_to);
    if (record->offset >= model->committed_to || fate == FATE_OPEN)
        return false;
    if (record->is_tombstone || batch->is_marker || fate == FATE_ABORTED)
        return true;
    for (const struct model_record *newer = record + 1; newer < end; newer++)
        if (replaces(model, newer, record))
            return true;
    return false;
}

static bool is_within(const struct model *model, const struct model_record *record,
                      int64_t end_offset)
{
    return record->offset >= model->start_offset && record->offset < end_offset;
}

const struct model_record *model_find_time(const struct model *model, int64_t timestamp_ms,
                                           int64_t end_offset)
{
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *record = &model->records[i];
        if (is_within(model, record, end_offset) && record->timestamp_ms >= timestamp_ms)
            return record;
    }
    return NULL;
}

const struct model_record *model_find_greatest(const struct model *model, int64_t end_offset)
{
    const struct model_record *greatest = NULL;
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *record = &model->records[i];
        if (is_within(model, record, end_offset) &&
            (greatest == NULL || record->timestamp_ms > greatest->timestamp_ms))
            greatest = record;
    }
    return greatest;
}

bool model_epoch_end(const struct model *model, int32_t epoch, int32_t *found_epoch,
                     int64_t *end_offset)
{
    *found_epoch = -1;
    *end_offset = model->end_offset;
    for (uint32_t i = 0; i < model->batch_count; i++) {
        const struct model_batch *batch = &model->batches[i];
        if (batch->leader_epoch <= epoch) {
            *found_epoch = batch->leader_epoch;
        } else {
            *end_offset = batch->base_offset;
            break;
        }
    }
    return *found_epoch >= 0;
}

int32_t model_epoch_at(const struct model *model, int64_t offset)
{
    for (uint32_t i = 0; i < model->batch_count; i++)
        if (model->batches[i].base_offset <= offset && offset <= model->batches[i].last_offset)
            return model->batches[i].leader_epoch;
    return -1;
}
