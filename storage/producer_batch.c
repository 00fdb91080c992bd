/* Three kinds of batches speak of a producer: data with sequences, markers, and what compaction has
 * left of markers. */
#include "storage/producer_batch.h"

#include "base/assert.h"
#include "storage/marker.h"

enum producer_batch_kind {
    BATCH_OF_NOBODY,
    BATCH_WITH_SEQUENCES,
    BATCH_MARKER,
    BATCH_EMPTY_MARKER
};

static enum producer_batch_kind kind_of(const struct batch_header *header)
{
    if (!batch_has_producer_id(header))
        return BATCH_OF_NOBODY;
    if (batch_is_control(header))
        return header->record_count == 0 ? BATCH_EMPTY_MARKER : BATCH_MARKER;
    return header->base_sequence >= 0 ? BATCH_WITH_SEQUENCES : BATCH_OF_NOBODY;
}

static struct producer_event event_of(const struct batch_header *header, int64_t now_ms)
{
    return (struct producer_event){
        .producer_id = header->producer_id,
        .epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
        .last_offset_delta = header->last_offset_delta,
        .base_offset = header->base_offset,
        .now_ms = now_ms,
        .is_transactional = batch_is_transactional(header),
        .append_time_ms = batch_timestamp_type(header) == TIMESTAMP_LOG_APPEND_TIME
                              ? header->max_timestamp
                              : now_ms,
    };
}

static bool read_marker(const struct batch_header *header, struct bytes batch, int64_t now_ms,
                        struct producer_marker *producer_marker)
{
    struct marker marker;
    if (!marker_read(batch, &marker))
        return false;
    *producer_marker = (struct producer_marker){
        .producer_id = header->producer_id,
        .epoch = header->producer_epoch,
        .coordinator_epoch = marker.coordinator_epoch,
        .is_abort = marker.is_abort,
        .offset = batch_last_offset(header),
        .now_ms = now_ms,
    };
    return true;
}

enum status producer_batch_check(const struct producer_core *core,
                                 const struct batch_header *header, struct bytes batch,
                                 int64_t now_ms, struct producer_batch *original)
{
    struct producer_marker marker;
    struct producer_event event;
    switch (kind_of(header)) {
    case BATCH_OF_NOBODY:
        return batch_is_transactional(header) && !batch_is_control(header) ? STATUS_MALFORMED
                                                                           : STATUS_OK;
    case BATCH_WITH_SEQUENCES:
        event = event_of(header, now_ms);
        return producer_core_check(core, &event, original);
    case BATCH_MARKER:
        return read_marker(header, batch, now_ms, &marker)
                   ? producer_core_check_marker(core, &marker)
                   : STATUS_MALFORMED;
    case BATCH_EMPTY_MARKER: return STATUS_MALFORMED;
    }
    unreachable();
}

bool producer_batch_reserve(struct producer_core *core, const struct batch_header *header)
{
    if (kind_of(header) == BATCH_OF_NOBODY)
        return true;
    if (batch_is_transactional(header) && !batch_is_control(header) &&
        !producer_core_reserve_transaction(core))
        return false;
    return producer_core_reserve(core, header->producer_id);
}

bool producer_batch_note(struct producer_core *core, const struct batch_header *header,
                         struct bytes batch, int64_t now_ms, struct aborted_transaction *aborted)
{
    struct producer_marker marker;
    struct producer_event event;
    switch (kind_of(header)) {
    case BATCH_OF_NOBODY: return false;
    case BATCH_WITH_SEQUENCES:
        event = event_of(header, now_ms);
        producer_core_note(core, &event);
        return false;
    case BATCH_MARKER:
        return read_marker(header, batch, now_ms, &marker) &&
               producer_core_note_marker(core, &marker, aborted);
    case BATCH_EMPTY_MARKER:
        producer_core_note_epoch(core, header->producer_id, header->producer_epoch, now_ms);
        return false;
    }
    unreachable();
}
