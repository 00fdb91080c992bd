#include "tests/storage/model.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "storage/producer_core.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDS_BYTES_MAX = 16 << 20, CAPACITY_START = 64 };

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

/* --- Producers --------------------------------------------------------------------------------
 */

uint32_t model_producer(const struct model *model, int64_t producer_id,
                        const struct model_batch **batches, uint32_t count_max)
{
    uint32_t count = 0;
    for (uint32_t i = model->batch_count; i > 0 && count < count_max; i--) {
        const struct model_batch *batch = &model->batches[i - 1];
        if (batch->producer_id != producer_id)
            continue;
        if (count > 0 && batch->producer_epoch != batches[0]->producer_epoch)
            break;
        batches[count++] = batch;
    }
    return count;
}

enum status model_judge(const struct model *model, const struct batch_header *header,
                        const struct model_batch **original)
{
    const struct model_batch *known[PRODUCER_WINDOW];
    if (!batch_has_producer_id(header))
        return STATUS_OK;
    uint32_t count = model_producer(model, header->producer_id, known, PRODUCER_WINDOW);
    if (count == 0)
        return STATUS_OK;
    if (header->producer_epoch < known[0]->producer_epoch)
        return STATUS_STALE_EPOCH;
    if (header->producer_epoch > known[0]->producer_epoch)
        return header->base_sequence == 0 ? STATUS_OK : STATUS_SEQUENCE_GAP;
    for (uint32_t i = 0; i < count; i++)
        if (known[i]->base_sequence == header->base_sequence &&
            known[i]->last_sequence == batch_last_sequence(header)) {
            *original = known[i];
            return STATUS_DUPLICATE;
        }
    int32_t next = known[0]->last_sequence == INT32_MAX ? 0 : known[0]->last_sequence + 1;
    return header->base_sequence == next ? STATUS_OK : STATUS_SEQUENCE_GAP;
}

/* --- Batches come and go ----------------------------------------------------------------------
 */

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
    model->records[model->record_count++] = model_record_of(view);
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
    uint8_t *stored = malloc(batch.size);
    assert(stored != NULL);
    memcpy(stored, batch.data, batch.size);
    batch_set_base_offset(stored, model->end_offset);
    batch_set_leader_epoch(stored, leader_epoch);
    enum status status = batch_header_read(bytes_of(stored, batch.size), &header);
    assert(status == STATUS_OK);

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
    return NULL;
}

static bool may_go(const struct model *model, const struct model_batch *batch,
                   const struct model_retention *retention)
{
    int64_t old_ms = retention->now_ms - retention->retention_ms;
    bool ages = retention->retention_ms >= 0;
    if (retention->goes_by_size || (ages && batch->appended_ms < old_ms))
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
        if (!may_go(model, batch, retention))
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

/* --- Asking -----------------------------------------------------------------------------------
 */

const struct model_batch *model_batch_from(const struct model *model, int64_t offset)
{
    for (uint32_t i = 0; i < model->batch_count; i++)
        if (model->batches[i].last_offset >= offset)
            return &model->batches[i];
    return NULL;
}

bool model_may_lack(const struct model *model, const struct model_record *record)
{
    const struct model_record *end = model->records + model->record_count;
    if (record->offset >= model->committed_to)
        return false;
    if (record->is_tombstone)
        return true;
    for (const struct model_record *newer = record + 1; newer < end; newer++)
        if (newer->key == record->key && newer->offset < model->committed_to)
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
