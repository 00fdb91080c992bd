/* What a batch goes through between the client and the log: it is judged by the topic's rules,
 * compressed anew if the topic wants another codec, and stamped with what the log promises. On the
 * connection's core, before the batch travels to its partition. */
#ifndef TAILRACE_BROKER_BATCH_INTAKE_H
#define TAILRACE_BROKER_BATCH_INTAKE_H

#include "broker/core.h"
#include "protocol/batch_validate.h"
#include "protocol/compression.h"

/* What a topic asks of every batch; the same for all that one request brings. */
struct batch_intake {
    struct batch_rules rules;
    bool recompresses;
    enum compression compression; /* the topic's codec and level, if it has one of its own */
    int32_t level;
};

struct batch_arrival {
    struct batch_verdict verdict; /* with KAFKA_NONE: */
    struct bytes batch;           /* ready for the log; in the frame or in the arena */
};

void batch_intake_init(struct batch_intake *intake, const struct broker_core *core,
                       const struct image_topic *topic, int16_t produce_version);

/* `records` is what the request holds for one partition, in memory that may be written. */
void batch_intake_take(const struct batch_intake *intake, struct bytes records, struct arena *arena,
                       struct batch_arrival *arrival);

#endif
