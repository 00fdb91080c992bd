/* How fast compaction may go, so that nobody who produces or reads has to wait for it: work is done
 * in slices of well under a millisecond with pauses between them, in which the core does everything
 * else; the disk is left alone for several times as long as each transfer took, which is the longer
 * the more others ask of it; and the bytes read and written stay below
 * log.cleaner.io.max.bytes.per.second. */
#ifndef TAILRACE_STORAGE_COMPACTION_PACE_H
#define TAILRACE_STORAGE_COMPACTION_PACE_H

#include "base/op.h"
#include "io/io.h"

#include <stdbool.h>
#include <stdint.h>

struct compaction_pace {
    struct io *io;
    uint64_t bytes_per_second_max; /* 0: no limit */
    struct timer timer;
    struct op *waiting;    /* NULL: none */
    uint64_t asked_ns;     /* when the transfer in flight was asked for; 0: none is */
    uint64_t ready_ns;     /* when what has been spent is paid for */
    uint64_t slice_effort; /* of the present slice */
};

void compaction_pace_init(struct compaction_pace *pace, struct io *io,
                          uint64_t bytes_per_second_max);

/* So many bytes, about, have been asked of the disk; they have come when compaction_pace_wait is
 * called next. */
void compaction_pace_transfer(struct compaction_pace *pace, uint64_t bytes);

/* A batch has been gone through. */
void compaction_pace_work(struct compaction_pace *pace, uint64_t bytes, uint32_t record_count);

/* True: the slice is over; the operation has been given something to wait for, and should look
 * anew when it is called again: whether it is still wanted, and at this. */
bool compaction_pace_wait(struct compaction_pace *pace, struct op *op);

/* When the node was killed. */
void compaction_pace_drop(struct compaction_pace *pace);

#endif
