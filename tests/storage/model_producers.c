/* What the model knows of producers and of their transactions: everything follows from the batches,
 * gone through from the newest to the oldest. */
#include "storage/marker.h"
#include "storage/producer_core.h"
#include "tests/storage/model.h"

#include "base/assert.h"

/* The newest batch of a producer at or below the index; -1: none. */
static int64_t batch_before(const struct model *model, int64_t producer_id, int64_t index)
{
    for (; index >= 0; index--)
        if (model->batches[index].producer_id == producer_id)
            return index;
    return -1;
}

static int64_t newest_batch(const struct model *model, int64_t producer_id)
{
    return batch_before(model, producer_id, (int64_t)model->batch_count - 1);
}

int16_t model_producer_epoch(const struct model *model, int64_t producer_id)
{
    int64_t newest = newest_batch(model, producer_id);
    return newest < 0 ? -1 : model->batches[newest].producer_epoch;
}

uint32_t model_producer(const struct model *model, int64_t producer_id,
                        const struct model_batch **batches, uint32_t count_max)
{
    uint32_t count = 0;
    int16_t epoch = model_producer_epoch(model, producer_id);
    int64_t index = newest_batch(model, producer_id);
    while (index >= 0 && count < count_max && model->batches[index].producer_epoch == epoch) {
        if (!model->batches[index].is_marker)
            batches[count++] = &model->batches[index];
        index = batch_before(model, producer_id, index - 1);
    }
    return count;
}

bool model_is_open(const struct model *model, int64_t producer_id)
{
    int64_t index = newest_batch(model, producer_id);
    while (index >= 0 && !model->batches[index].is_marker) {
        if (model->batches[index].is_transactional)
            return true;
        index = batch_before(model, producer_id, index - 1);
    }
    return false;
}

/* --- Judging ---------------------------------------------------------------------------------- */

static int32_t newest_coordinator_epoch(const struct model *model, int64_t producer_id)
{
    int64_t index = newest_batch(model, producer_id);
    while (index >= 0 && !model->batches[index].is_marker)
        index = batch_before(model, producer_id, index - 1);
    return index < 0 ? -1 : model->batches[index].coordinator_epoch;
}

static enum status judge_marker(const struct model *model, const struct batch_header *header,
                                struct bytes batch)
{
    struct marker marker;
    bool is_read = marker_read(batch, &marker);
    assert(is_read);
    if (header->producer_epoch < model_producer_epoch(model, header->producer_id))
        return STATUS_STALE_EPOCH;
    int32_t known = newest_coordinator_epoch(model, header->producer_id);
    return marker.coordinator_epoch < known ? STATUS_FENCED : STATUS_OK;
}

static enum status judge_sequence(const struct model *model, const struct batch_header *header,
                                  const struct model_batch **original)
{
    const struct model_batch *known[PRODUCER_WINDOW];
    int16_t epoch = model_producer_epoch(model, header->producer_id);
    uint32_t count = model_producer(model, header->producer_id, known, PRODUCER_WINDOW);
    if (header->producer_epoch < epoch)
        return STATUS_STALE_EPOCH;
    if (header->producer_epoch > epoch || count == 0)
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

enum status model_judge(const struct model *model, struct bytes batch,
                        const struct model_batch **original)
{
    struct batch_header header;
    enum status status = batch_header_read(batch, &header);
    assert(status == STATUS_OK);
    if (!batch_has_producer_id(&header) || newest_batch(model, header.producer_id) < 0)
        return STATUS_OK;
    if (batch_is_control(&header))
        return judge_marker(model, &header, batch);
    status = judge_sequence(model, &header, original);
    bool is_outside = !batch_is_transactional(&header) && model_is_open(model, header.producer_id);
    return status == STATUS_OK && is_outside ? STATUS_OPEN_TRANSACTION : status;
}

/* --- Transactions ----------------------------------------------------------------------------- */

enum model_fate model_fate(const struct model *model, const struct model_batch *batch,
                           int64_t committed_to)
{
    const struct model_batch *end = model->batches + model->batch_count;
    if (!batch->is_transactional)
        return FATE_COMMITTED;
    for (const struct model_batch *later = batch + 1; later < end; later++) {
        if (later->base_offset >= committed_to)
            return FATE_OPEN;
        if (later->is_marker && later->producer_id == batch->producer_id)
            return later->is_abort ? FATE_ABORTED : FATE_COMMITTED;
    }
    return FATE_OPEN;
}

int64_t model_stable_offset(const struct model *model, int64_t committed_to)
{
    int64_t stable = model->high_watermark;
    for (uint32_t i = model->batch_count; i > 0; i--) {
        const struct model_batch *batch = &model->batches[i - 1];
        if (batch->base_offset < stable && model_fate(model, batch, committed_to) == FATE_OPEN)
            stable = batch->base_offset;
    }
    return stable > model->start_offset ? stable : model->start_offset;
}
