/* What a batch goes through between the client and the log: it is judged by the topic's rules,
 * compressed anew if the topic wants another codec, and stamped with what the log promises. On the
 * connection's core, before the batch travels to its partition. */
#ifndef TAILRACE_BROKER_BATCH_INTAKE_H
#define TAILRACE_BROKER_BATCH_INTAKE_H

#include "broker/core.h"
#include "broker/intakes_kept.h"

struct batch_arrival {
    struct batch_verdict verdict; /* with KAFKA_NONE: */
    struct bytes batch;           /* ready for the log; in the frame or in the arena */
};

/* The topic is one of the image in force. */
void batch_intake_init(struct batch_intake *intake, struct broker_core *core,
                       const struct image_topic *topic, int16_t produce_version);

/* `records` is what the request holds for one partition, in memory that may be written. */
void batch_intake_take(const struct batch_intake *intake, struct bytes records, struct arena *arena,
                       struct batch_arrival *arrival);

#endif
