#include "broker/kafka_status.h"

#include "base/assert.h"
#include "protocol/errors.h"

int16_t kafka_error_of_status(enum status status)
{
    switch (status) {
    case STATUS_OK: return KAFKA_NONE;
    case STATUS_SEQUENCE_GAP: return KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER;
    case STATUS_STALE_EPOCH: return KAFKA_INVALID_PRODUCER_EPOCH;
    case STATUS_DUPLICATE: return KAFKA_DUPLICATE_SEQUENCE_NUMBER;
    case STATUS_FENCED: return KAFKA_TRANSACTION_COORDINATOR_FENCED;
    case STATUS_OPEN_TRANSACTION: return KAFKA_INVALID_TXN_STATE;
    case STATUS_OUT_OF_RANGE: return KAFKA_OFFSET_OUT_OF_RANGE;
    case STATUS_NOT_FOUND: return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    case STATUS_TOO_LARGE: return KAFKA_MESSAGE_TOO_LARGE;
    case STATUS_MALFORMED: return KAFKA_CORRUPT_MESSAGE;
    case STATUS_INVALID: return KAFKA_INVALID_REQUEST;
    /* The partition is going away, or the broker is: look for the new leader. */
    case STATUS_CANCELLED:
    case STATUS_CLOSED: return KAFKA_NOT_LEADER_OR_FOLLOWER;
    /* For want of memory or time: nothing was done, or nobody knows; clients try again. */
    case STATUS_NO_MEMORY:
    case STATUS_BUSY:
    case STATUS_TIMED_OUT: return KAFKA_REQUEST_TIMED_OUT;
    case STATUS_CORRUPT:
    case STATUS_TRUNCATED:
    case STATUS_EXISTS:
    case STATUS_IO:
    case STATUS_NO_SPACE:
    case STATUS_NO_FILES:
    case STATUS_REFUSED:
    case STATUS_UNSUPPORTED:
    case STATUS_DENIED:
    case STATUS_IN_USE:
    case STATUS_FAILED: return KAFKA_KAFKA_STORAGE_ERROR;
    }
    unreachable();
}

int16_t kafka_error_of_epoch(enum replica_core_epoch epoch)
{
    switch (epoch) {
    case REPLICA_EPOCH_CURRENT: return KAFKA_NONE;
    case REPLICA_EPOCH_FENCED: return KAFKA_FENCED_LEADER_EPOCH;
    case REPLICA_EPOCH_UNKNOWN: return KAFKA_UNKNOWN_LEADER_EPOCH;
    }
    unreachable();
}
