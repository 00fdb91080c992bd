/* What topics ask of batches, as a core keeps it; batch_intake.h reads and applies it. */
#ifndef TAILRACE_BROKER_INTAKES_KEPT_H
#define TAILRACE_BROKER_INTAKES_KEPT_H

#include "base/bytes.h"
#include "protocol/batch_validate.h"
#include "protocol/compression.h"

/* What a topic asks of every batch; the same for all that one request brings. */
struct batch_intake {
    struct batch_rules rules;
    bool recompresses;
    enum compression compression; /* the topic's codec and level, if it has one of its own */
    int32_t level;
    int64_t in_sync_count_min; /* for acks=all */
};

/* Settings are texts, and reading them costs more than checking a small batch: what they mean for
 * the topics asked for last is kept, for as long as the image stays the same. A core has one of
 * these, all zero at first. */
enum { BATCH_INTAKES_KEPT = 64 };
struct batch_intake_kept {
    int64_t image_offset;
    struct uuid topic_id; /* zero: nothing is kept here */
    struct batch_intake intake;
};
struct batch_intakes {
    struct batch_intake_kept kept[BATCH_INTAKES_KEPT];
};

#endif
