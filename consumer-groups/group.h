/* A group, of whichever protocol: what is asked of both, asked of the one that it has. Pure.
 *
 *                     first JoinGroup                 first ConsumerGroupHeartbeat
 *      (nothing) ────────────────────▶ CLASSIC ◀──────────────────────────▶ CONSUMER
 *          │                                 while it has no members, or with them  ▲
 *          └────────────────────────────────────────────────────────────────────────┘
 *
 * How it takes its members along stands in group_migration.h.
 * A group that only keeps offsets (a "simple" consumer's) is an empty classic one, as in Kafka. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_H

#include "base/list.h"
#include "base/map.h"
#include "consumer-groups/classic_core.h"
#include "consumer-groups/consumer_core.h"
#include "consumer-groups/group_deadlines.h"
#include "consumer-groups/group_offsets.h"
#include "consumer-groups/group_record.h"

enum group_type { GROUP_CLASSIC, GROUP_CONSUMER };

struct group {
    struct map_node node;          /* in the table, by id */
    struct list_node order_node;   /* in the table, so that all can be gone through in slices */
    struct list_node leaving_node; /* in the table, while it is being deleted */
    struct delete_group_call *deletion; /* who waits for that; NULL: nobody, or not any more */
    struct bytes id;                    /* owned */
    struct group_deadline deadline;
    enum group_type type;
    union {
        struct classic_group classic;
        struct consumer_group consumer;
    };
    struct group_offsets offsets;
};

/* The part that the protocol has: an empty group of this type. `id` is there. */
void group_init_members(struct group *group, struct group_turn *turn, enum group_type type);
void group_deinit_members(struct group *group, struct group_memory *memory);

/* Becomes an empty group of this type, which it may only from an empty one (group_migration.h takes
 * members along); what it was is taken
 * out of the offsets topic. */
void group_change_type(struct group *group, struct group_turn *turn, enum group_type type);

/* Is it being deleted? Then nobody is served from it any more. */
static inline bool group_is_leaving(const struct group *group)
{
    return list_node_is_linked(&group->leaving_node);
}

/* --- Offsets ---------------------------------------------------------------------------------- */

/* May these offsets be committed, or fetched? Kafka's error code, 0 if so. `late` as in
 * consumer_check_commit. */
int16_t group_check_commit(struct group *group, struct group_turn *turn,
                           const struct offset_commit_call *commit,
                           const struct consumer_member **late);
int16_t group_check_fetch(const struct group *group, const struct offset_fetch_call *fetch);

/* Has it no members? */
bool group_is_empty(const struct group *group);

/* Is there nothing of it, neither here nor in the log? */
bool group_is_nothing(const struct group *group);

/* Since when it is empty, by the wall clock; -1: that is not known, and each offset counts from its
 * commit. */
int64_t group_empty_since_ms(const struct group *group);

/* Does anybody in it read this topic? */
bool group_is_subscribed(const struct group *group, struct bytes topic);

/* Is it known at all what members read? */
bool group_knows_subscriptions(const struct group *group);

/* --- Calls and time --------------------------------------------------------------------------- */

void group_abandon(struct group *group, struct group_turn *turn, struct group_call *call);
void group_drop_calls(struct group *group, struct group_turn *turn, int16_t error_code);
int64_t group_deadline_ms(const struct group *group);
void group_tick(struct group *group, struct group_turn *turn);
void group_forgive(struct group *group, struct group_turn *turn);
void group_topics_changed(struct group *group, struct group_turn *turn);

/* --- Records and views ------------------------------------------------------------------------ */

/* A record about the group's members. STATUS_OK, STATUS_NO_MEMORY, STATUS_MALFORMED. */
enum status group_restore(struct group *group, struct group_turn *turn, struct arena *arena,
                          const struct group_record_view *view);

/* All is read: sessions begin. */
void group_restored(struct group *group, struct group_turn *turn);

/* Takes the group out of the offsets topic, but for its offsets. */
void group_put_tombstones(const struct group *group, struct group_turn *turn);

const char *group_state_name(const struct group *group);
const char *group_type_name(const struct group *group);
struct bytes group_protocol_type(const struct group *group);

#endif
