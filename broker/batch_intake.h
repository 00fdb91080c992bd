/* What a batch goes through between the client and the log: it is judged by the topic's rules,
 * compressed anew if the topic wants another codec, and stamped with what the log promises. On the
 * connection's core, before the batch travels to its partition. */
#ifndef TAILRACE_BROKER_BATCH_INTAKE_H
#define TAILRACE_BROKER_BATCH_INTAKE_H

#include "base/bytes.h"
#include "protocol/batch_validate.h"
#include "protocol/compression.h"

struct broker_core;
struct image_topic;

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
