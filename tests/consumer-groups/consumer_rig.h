/* A consumer group, the topics around it and its clients, without anything else. Topics are written
 * as "orders:4 audit:1"; sets of partitions are shown as "orders-0 orders-1". */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_CONSUMER_RIG_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_CONSUMER_RIG_H

#include "cluster/image_build.h"
#include "consumer-groups/consumer_group.h"
#include "consumer-groups/group_record.h"
#include "consumer-groups/group_writer.h"

enum { RIG_TEXT_SIZE = 16 * 1024, RIG_TOPICS_MAX = 64, RIG_OWNED_MAX = 512 };

struct consumer_rig {
    struct consumer_group group;
    struct group_settings settings;
    struct group_memory memory;
    struct group_writer writer;
    struct group_turn turn;
    struct image *image;
    int64_t image_offset;
    struct group_writer history; /* every record, from the first */
    char text[RIG_TEXT_SIZE];
};

/* What a member says; fields that are left out stand for no change. */
struct beat {
    const char *member;
    int32_t epoch;
    const char *instance; /* NULL: null, as all below */
    const char *topics;   /* separated by spaces; "" for an empty list */
    const char *pattern;
    const char *assignor;
    const char *rack;
    bool tells_owned;
    struct partition_set owned;
    int32_t rebalance_timeout_ms; /* 0: no change; joins say 60 s without it */
    bool is_version_0;            /* else 1 */
};

/* What it hears. */
struct heard {
    int16_t error_code;
    char message[512];
    char member_id[64];
    int32_t epoch;
    bool has_assignment;
    struct partition_set assigned; /* in `items` */
    struct partition_item items[RIG_OWNED_MAX];
};

void consumer_rig_init(struct consumer_rig *rig, const char *topics);

/* Checks that no memory is left. */
void consumer_rig_deinit(struct consumer_rig *rig);

/* Other topics from now on; the group is told. A topic that was there keeps its id, unless its name
 * is followed by "!". */
void consumer_rig_topics(struct consumer_rig *rig, const char *topics);

void consumer_rig_beat(struct consumer_rig *rig, const struct beat *beat, struct heard *heard);

/* Time passes, and the group hears of it when it is due. */
void consumer_rig_pass(struct consumer_rig *rig, int64_t ms);

/* After the core was called by other ways than these: what it put goes to the history, and the
 * group is checked. */
void consumer_rig_end_turn(struct consumer_rig *rig);

/* "ok 3: orders-0 orders-1", "ok 3" without an assignment, "FENCED_MEMBER_EPOCH". In `text`. */
const char *consumer_rig_show(struct consumer_rig *rig, const struct heard *heard);

/* The whole group: epochs, state, members with what they have and are to have. In `text`. */
const char *consumer_rig_show_group(struct consumer_rig *rig, const struct consumer_group *group);

/* The owners are what the members' positions say, and no partition is in two of them. */
void consumer_rig_check(struct consumer_rig *rig);

/* The group from all records, each of which may be altered on the way; how many of them were
 * malformed and passed over. */
typedef void rig_alter(struct group_record_view *view, const void *how);
uint32_t consumer_rig_reload(struct consumer_rig *rig, rig_alter *alter, const void *how);

/* What comes out of all records is the same group. */
void consumer_rig_check_restored(struct consumer_rig *rig);

#endif
