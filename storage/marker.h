/* Markers: control batches that end the transaction of their producer. Such a batch has one record,
 * never compressed:
 *
 *   key     version i16, type i16 (0 abort, 1 commit; others are no markers)
 *   value   version i16, coordinator epoch i32, and in later versions more
 *
 * All numbers are big-endian. */
#ifndef TAILRACE_STORAGE_MARKER_H
#define TAILRACE_STORAGE_MARKER_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct marker {
    bool is_abort;
    int32_t coordinator_epoch;
};

/* Reads a whole control batch; false when it is no marker, or broken. One that compaction has
 * emptied is none any more. */
bool marker_read(struct bytes batch, struct marker *marker);

#endif
