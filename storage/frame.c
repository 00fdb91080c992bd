/* Making and checking one frame. What comes from disk is believed after its checksums only. */
#include "storage/frame.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "protocol/batch.h"

/* What Kafka's checksum leaves out: everything before the attributes. */
enum { BATCH_UNCOVERED_SIZE = BATCH_ATTRIBUTES_AT };
_Static_assert(BATCH_UNCOVERED_SIZE == 21, "the frame's checksum covers what the batch's does not");

static uint32_t crc_of_place_and_header(const struct frame_place *place, uint64_t position,
                                        const struct frame_header *header)
{
    assert(position % FRAME_ALIGNMENT == 0);
    struct frame_header zeroed = *header;
    zeroed.crc = 0;
    uint32_t crc = crc32c(0, &place->topic_id, sizeof place->topic_id);
    crc = crc32c(crc, &place->partition, sizeof place->partition);
    crc = crc32c(crc, &place->segment_base_offset, sizeof place->segment_base_offset);
    crc = crc32c(crc, &place->segment_generation, sizeof place->segment_generation);
    crc = crc32c(crc, &position, sizeof position);
    return crc32c(crc, &zeroed, sizeof zeroed);
}

void frame_seal(uint8_t *frame, const struct frame_place *place, uint64_t position,
                const struct frame_facts *facts)
{
    assert(facts->payload_size >= BATCH_HEADER_SIZE);
    assert(facts->payload_size <= INT32_MAX);
    assert(facts->batch_count > 0);
    assert(!facts->is_direct || facts->batch_count == 1);
    assert(facts->base_offset >= 0);
    assert(facts->last_offset >= facts->base_offset);
    struct frame_header header = {
        .magic = FRAME_MAGIC,
        .version = FRAME_VERSION,
        .flags = facts->is_direct ? FRAME_FLAG_DIRECT : 0,
        .header_size = FRAME_HEADER_SIZE,
        .payload_size = facts->payload_size,
        .batch_count = facts->batch_count,
        .base_offset = facts->base_offset,
        .last_offset = facts->last_offset,
        .leader_epoch = facts->leader_epoch,
        .max_timestamp_ms = facts->max_timestamp_ms,
        .durable_offset = facts->durable_offset,
    };
    uint32_t crc = crc_of_place_and_header(place, position, &header);
    struct bytes rest = bytes_of(frame + FRAME_HEADER_SIZE, facts->payload_size);
    struct bytes batch;
    uint32_t batch_count = 0;
    for (; batch_next(&rest, &batch) == STATUS_OK; batch_count++)
        crc = crc32c(crc, batch.data, BATCH_UNCOVERED_SIZE);
    assert(rest.size == 0);
    assert(batch_count == facts->batch_count);
    header.crc = crc;
    memcpy(frame, &header, sizeof header);

    size_t used_size = FRAME_HEADER_SIZE + (size_t)facts->payload_size;
    memset(frame + used_size, 0, frame_stored_size(facts->payload_size) - used_size);
}

static bool header_is_plausible(const struct frame_header *header)
{
    return header->magic == FRAME_MAGIC && header->version == FRAME_VERSION &&
           header->header_size == FRAME_HEADER_SIZE && header->batch_count > 0 &&
           header->payload_size >= BATCH_HEADER_SIZE && header->payload_size <= INT32_MAX &&
           header->base_offset >= 0 && header->last_offset >= header->base_offset;
}

static bool is_zero(const struct frame_header *header)
{
    static const struct frame_header zero;
    return memcmp(header, &zero, sizeof zero) == 0;
}

enum frame_verdict frame_peek(struct bytes available, struct frame_header *header,
                              uint64_t *needed_size)
{
    *header = (struct frame_header){0};
    *needed_size = FRAME_ALIGNMENT;
    if (available.size < FRAME_HEADER_SIZE)
        return FRAME_SHORT;
    memcpy(header, available.data, sizeof *header);
    if (is_zero(header))
        return FRAME_END;
    if (!header_is_plausible(header))
        return FRAME_BAD;
    *needed_size = frame_stored_size(header->payload_size);
    return *needed_size <= available.size ? FRAME_GOOD : FRAME_SHORT;
}

/* Walks the batches: offsets in order and inside the frame, each checksum right. Adds what Kafka's
 * checksums leave out to `crc`. */
static bool batches_are_good(struct bytes payload, const struct frame_header *frame, uint32_t *crc)
{
    int64_t next_offset = frame->base_offset;
    for (uint32_t i = 0; i < frame->batch_count; i++) {
        struct bytes batch;
        struct batch_header header;
        if (batch_next(&payload, &batch) != STATUS_OK ||
            batch_header_read(batch, &header) != STATUS_OK || header.base_offset < next_offset ||
            header.last_offset_delta < 0 || !batch_crc_is_right(batch))
            return false;
        next_offset = batch_last_offset(&header) + 1;
        *crc = crc32c(*crc, batch.data, BATCH_UNCOVERED_SIZE);
    }
    return payload.size == 0 && next_offset == frame->last_offset + 1;
}

enum frame_verdict frame_verify(struct bytes available, const struct frame_place *place,
                                uint64_t position, struct frame_header *header,
                                uint64_t *needed_size)
{
    enum frame_verdict verdict = frame_peek(available, header, needed_size);
    if (verdict != FRAME_GOOD)
        return verdict;
    struct bytes payload = bytes_of(available.data + FRAME_HEADER_SIZE, header->payload_size);
    uint32_t crc = crc_of_place_and_header(place, position, header);
    if (!batches_are_good(payload, header, &crc))
        return FRAME_BAD;
    return crc == header->crc ? FRAME_GOOD : FRAME_FOREIGN;
}

bool frame_verify_head(struct bytes head, const struct frame_place *place, uint64_t position)
{
    struct frame_header header;
    uint64_t size;
    enum frame_verdict verdict = frame_peek(head, &header, &size);
    bool is_possible = verdict == FRAME_GOOD || verdict == FRAME_SHORT;
    if (!is_possible || header.batch_count != 1 ||
        head.size < FRAME_HEADER_SIZE + (size_t)BATCH_UNCOVERED_SIZE)
        return false;
    uint32_t crc = crc_of_place_and_header(place, position, &header);
    return crc32c(crc, head.data + FRAME_HEADER_SIZE, BATCH_UNCOVERED_SIZE) == header.crc;
}
