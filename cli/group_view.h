/* A group as its coordinator describes it, whichever protocol it speaks: its state, its members,
 * and which partitions each of them has. All of it lies in the tool's arena. */
#ifndef TAILRACE_CLI_GROUP_VIEW_H
#define TAILRACE_CLI_GROUP_VIEW_H

#include "cli/groups.h"

struct group_partition {
    struct bytes topic;
    int32_t partition;
};

struct group_partitions {
    struct group_partition *list; /* by topic and partition */
    uint32_t count;
};

struct group_member {
    struct bytes id;
    struct bytes instance_id; /* null unless the member is static */
    struct bytes client_id;
    struct bytes client_host;
    bool is_classic;
    int32_t epoch;                  /* -1 for a classic group */
    struct group_partitions owned;  /* now */
    struct group_partitions target; /* when it has given up and taken what it should */
    struct bytes *topics;           /* subscribed by name; consumer groups only */
    uint32_t topic_count;
    struct bytes regex; /* subscribed by pattern; null if not */
};

struct group_view {
    struct bytes id;
    bool is_classic;
    struct bytes state;
    struct bytes protocol_type; /* "consumer" if its members read topics */
    struct bytes assignor;      /* empty while there is none */
    int32_t epoch;              /* of the group, and that of its assignment; -1 for a classic one */
    int32_t assignment_epoch;
    int32_t coordinator_id;
    const char *coordinator;      /* "host:port" */
    struct group_member *members; /* by client id and member id */
    uint32_t member_count;
};

enum group_found { GROUP_FOUND, GROUP_MISSING, GROUP_FAILED };

/* GROUP_MISSING if the coordinator knows no such group, which is not said; GROUP_FAILED after an
 * error was said. */
enum group_found group_view_ask(struct coordinators *coordinators, struct bytes id,
                                struct group_view *view);

/* True if members may be around: then offsets cannot be set, and the group cannot be deleted. */
bool group_view_is_active(const struct group_view *view);

int group_partition_compare(const struct group_partition *left,
                            const struct group_partition *right);

/* As "orders:0,1,4 returns:2", and as JSON [{"topic": ..., "partitions": [...]}, ...]. */
const char *group_partitions_text(struct tool *tool, const struct group_partitions *partitions);
json_t *group_partitions_json(const struct group_partitions *partitions);

#endif
