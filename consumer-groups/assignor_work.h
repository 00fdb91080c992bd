/* What the assignors work on: partitions in one row, topic after topic, each with its owner. */
#ifndef TAILRACE_CONSUMER_GROUPS_ASSIGNOR_WORK_H
#define TAILRACE_CONSUMER_GROUPS_ASSIGNOR_WORK_H

#include "consumer-groups/assignor.h"

enum { ASSIGNOR_NOBODY = UINT32_MAX };

struct assignor_work {
    struct arena *arena;
    struct assignor_input *input;
    uint32_t *order;       /* members by instance id, then by member id: index in the input */
    uint32_t *topic_first; /* of each topic, and one more: its first partition in the row */
    uint32_t *owner;       /* of each partition: a member's index in the input, or nobody */
    uint32_t *load;        /* of each member: how many partitions it owns */
    uint32_t partition_count;
};

/* STATUS_NO_MEMORY, also when there are more than 2^31 partitions. Nobody owns anything yet. */
enum status assignor_work_init(struct assignor_work *work, struct arena *arena,
                               struct assignor_input *input);

/* Gives everybody what he owned, as far as it is there and he still wants it. */
void assignor_work_keep(struct assignor_work *work);

/* Writes the answer into the members. STATUS_NO_MEMORY. */
enum status assignor_work_finish(struct assignor_work *work);

/* The subscribers of every topic, topic after topic, each topic's in the order of the members. */
struct assignor_subscribers {
    uint32_t *members; /* indexes in the input */
    uint32_t *first;   /* of each topic, and one more: its first subscriber */
};

/* STATUS_NO_MEMORY. */
enum status assignor_work_subscribers(struct assignor_work *work,
                                      struct assignor_subscribers *subscribers);

/* As uniform, when all have the same subscription. */
enum status assignor_equal_run(struct assignor_work *work);

/* As uniform, whatever the subscriptions. */
enum status assignor_general_run(struct assignor_work *work);

#endif
