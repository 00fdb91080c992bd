/* Reading the one record of a marker. */
#include "storage/marker.h"

#include "base/assert.h"
#include "protocol/batch_record.h"

enum { MARKER_ABORT = 0, MARKER_COMMIT = 1 };

enum { KEY_SIZE_MIN = 4, TYPE_AT = 2, VALUE_SIZE_MIN = 6, COORDINATOR_EPOCH_AT = 2 };

bool marker_read(struct bytes batch, struct marker *marker)
{
    assert(batch.size >= BATCH_HEADER_SIZE);
    struct record_cursor cursor;
    struct record_shape shape;
    struct bytes records = bytes_of(batch.data + BATCH_HEADER_SIZE, batch.size - BATCH_HEADER_SIZE);
    record_cursor_init(&cursor, records);
    if (!record_cursor_next(&cursor, &shape) || shape.key_size < KEY_SIZE_MIN ||
        shape.value_size < VALUE_SIZE_MIN)
        return false;
    uint16_t type = load_u16_be(records.data + shape.key_position + TYPE_AT);
    *marker = (struct marker){
        .is_abort = type == MARKER_ABORT,
        .coordinator_epoch =
            (int32_t)load_u32_be(records.data + shape.value_position + COORDINATOR_EPOCH_AT),
    };
    return type == MARKER_ABORT || type == MARKER_COMMIT;
}
