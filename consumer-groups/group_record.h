/* The records of __consumer_offsets between bytes and structs. A key begins with an int16 that says
 * what the record is about, a value with the int16 version of its format. Pure.
 *
 * What other releases and other kinds of groups have written is passed over, as in Kafka: keys that
 * nobody here knows are no error. A value of an unknown version under a key that is known is one:
 * to go on with the older state would answer wrong. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_RECORD_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_RECORD_H

#include "consumer-groups/group_offsets.h"
#include "consumer-groups/group_turn.h"
#include "consumer-groups/records/offsets_topic.h"

enum group_record_kind {
    GROUP_RECORD_UNKNOWN, /* of another kind of group, or of a newer release */
    GROUP_RECORD_OFFSET,
    GROUP_RECORD_CLASSIC,
    GROUP_RECORD_CONSUMER,
    GROUP_RECORD_CONSUMER_MEMBER,
    GROUP_RECORD_CONSUMER_TARGET_EPOCH,
    GROUP_RECORD_CONSUMER_TARGET,
    GROUP_RECORD_CONSUMER_CURRENT,
    GROUP_RECORD_CONSUMER_PATTERN,
};

/* One record, as far as its kind goes; views into its bytes and the arena. */
struct group_record_view {
    enum group_record_kind kind;
    bool is_tombstone;
    struct bytes group_id;
    struct bytes topic; /* OFFSET */
    int32_t partition;
    struct bytes member_id; /* CONSUMER_MEMBER, _TARGET, _CURRENT */
    struct bytes pattern;   /* CONSUMER_PATTERN */
    union {
        struct offset_commit_value offset;
        struct group_metadata_value classic;
        struct consumer_group_metadata_value consumer;
        struct consumer_group_member_metadata_value member;
        struct consumer_group_target_assignment_metadata_value target_epoch;
        struct consumer_group_target_assignment_member_value target;
        struct consumer_group_current_member_assignment_value current;
        struct consumer_group_regular_expression_value regular_expression;
    };
};

/* STATUS_OK, also for what is unknown; STATUS_MALFORMED or STATUS_TRUNCATED for bytes that are none
 * of Kafka's, STATUS_UNSUPPORTED for a value of a newer version, STATUS_NO_MEMORY. A null value is
 * a tombstone; a null key is malformed. */
enum status group_record_read(struct bytes key, struct bytes value, struct arena *arena,
                              struct group_record_view *view);

/* A committed offset, in the version that says all of it: 1 if it expires on its own, 4 if the
 * topic id is known, else 3. */
void group_record_put_offset(struct group_turn *turn, struct bytes group_id, struct bytes topic,
                             struct uuid topic_id, const struct group_offset *offset);
void group_record_put_offset_tombstone(struct group_turn *turn, struct bytes group_id,
                                       struct bytes topic, int32_t partition);

/* What a record of an offset takes in a batch, at most; to know beforehand whether a commit fits.
 */
size_t group_record_offset_size_max(struct bytes group_id, struct bytes topic,
                                    struct bytes metadata);

#endif
