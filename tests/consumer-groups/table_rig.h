/* A table of groups with everything that a turn needs, for tests of the cores that work on it. */
#ifndef TAILRACE_TESTS_CONSUMER_GROUPS_TABLE_RIG_H
#define TAILRACE_TESTS_CONSUMER_GROUPS_TABLE_RIG_H

#include "consumer-groups/group_core.h"
#include "consumer-groups/group_writer.h"
#include "tests/consumer-groups/test_image.h"

struct table_rig {
    struct group_table table;
    struct group_settings settings;
    struct group_memory memory;
    struct group_writer writer;
    struct group_turn turn;
    struct image *image;
    struct arena arena; /* of the present call */
};

void table_rig_init(struct table_rig *rig);
void table_rig_deinit(struct table_rig *rig); /* checks that no memory is left */

/* A topic comes, goes. */
void table_rig_add_topic(struct table_rig *rig, const char *name, uint8_t id, int32_t partitions);
void table_rig_remove_topic(struct table_rig *rig, uint8_t id);

/* A turn around a call; it must be answered in it. The records stay for table_rig_records. */
void table_rig_serve(struct table_rig *rig, struct group_call *call, enum group_call_kind kind,
                     int16_t version);

/* The records put since the last time, as a line of text: "g/t/0=5 g/t/1=- " and so on, with "-"
 * for tombstones, and "group g=-" for the group's own. Valid until the next call. */
const char *table_rig_records(struct table_rig *rig);

/* What is in the log is all that is left: a new table from the records put so far. */
void table_rig_reload(struct table_rig *rig);

/* A commit of one offset by nobody in particular, and its error. */
struct rig_commit {
    const char *group;
    const char *topic; /* NULL: by id */
    uint8_t id;
    int32_t partition;
    int64_t offset;
    const char *metadata;
    int16_t version;      /* 0: 8 */
    bool is_member;       /* says so, with a generation */
    int64_t retention_ms; /* 0: not said */
};

int16_t table_rig_commit(struct table_rig *rig, const struct rig_commit *commit);

/* The offset that is fetched; -1: none; or below that the error, negated, less 1. */
int64_t table_rig_fetch(struct table_rig *rig, const char *group, const char *topic,
                        int32_t partition);

#endif
