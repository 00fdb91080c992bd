/* A group of the classic protocol: members join, the leader among them assigns, all are told.
 * Pure: no I/O, no clock (group_turn.h says what a turn is).
 *
 *            a member joins or leaves,
 *            or is given up                  all have joined, or the
 *   EMPTY ────────────────▶ PREPARING ───────── time is over ─────────▶ COMPLETING
 *     ▲                      ▲  ▲  │                                     │    │
 *     │     nobody is left   │  │  │                                     │    │ the leader's
 *     └──────────────────────┼──┼──┘     a member joins, leaves,         │    ▼ assignment
 *     (from any state)       │  └───────── or is given up ───────────────┘  STABLE
 *                            └───────────────────────────────────────────────┘
 *
 * As Kafka 4.3 in every visible respect (KIP-134 initial delay, KIP-345 static members, KIP-389
 * size, KIP-394 member ids first, KIP-559 protocol names, KIP-800 reasons, KIP-814 skipped
 * assignment). */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_CORE_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_CORE_H

#include "base/list.h"
#include "base/map.h"
#include "consumer-groups/classic_protocols.h"
#include "consumer-groups/classic_topics.h"
#include "consumer-groups/group_deadlines.h"
#include "consumer-groups/group_turn.h"
#include "consumer-groups/records/offsets_topic.h"
#include "protocol/messages/describe_groups.h"

enum classic_state {
    CLASSIC_EMPTY,
    CLASSIC_PREPARING_REBALANCE,
    CLASSIC_COMPLETING_REBALANCE,
    CLASSIC_STABLE,
};

/* Member ids given out that nobody has joined with yet; their sessions end them. */
enum { CLASSIC_PENDING_MAX = 10000 };
enum { CLASSIC_STATES = CLASSIC_STABLE + 1 };

struct classic_member;

struct classic_group {
    enum classic_state state;
    int32_t generation;

    /* The core's own. */
    struct bytes id;
    struct bytes protocol_type;    /* owned; null: nobody has ever joined */
    struct hash_seed seed;         /* of its tables, which clients fill */
    struct map by_id;              /* members and pending ones */
    struct map by_instance;        /* static members */
    struct list members;           /* in the order in which they came */
    struct list pending;           /* those who have been given an id and have not joined */
    struct classic_member *leader; /* NULL: no members */
    uint32_t member_count;
    uint32_t pending_count;
    uint32_t awaiting_join_count; /* members whose JoinGroup waits */
    uint32_t owing_sync_count;    /* members who have not sent SyncGroup in this generation */
    struct classic_votes votes;   /* and the chosen protocol */
    struct classic_topics topics; /* as of the last generation */
    struct group_deadlines sessions;
    int64_t join_deadline_ms;     /* PREPARING ends; INT64_MAX: not set */
    int64_t sync_deadline_ms;     /* who owes SyncGroup is out; INT64_MAX: not set */
    int64_t state_since_ms;       /* the wall clock; -1: not known */
    int32_t initial_delay_ms;     /* the part of it that runs, */
    int32_t initial_remaining_ms; /* and how much it may be extended by */
    bool is_initial;              /* PREPARING began with nobody: only time completes it */
    bool has_new_member;          /* somebody came while the initial delay ran */
    bool is_recorded;             /* there is a record of it in the offsets topic */
    uint64_t visit_count; /* members that loops have looked at; tests bound the work by it */
};

/* An empty group, which stays in place; `id` outlives it. */
void classic_init(struct classic_group *group, struct bytes id, const struct group_turn *turn);

/* The calls that wait in it have been answered before (classic_drop_calls). */
void classic_deinit(struct classic_group *group, struct group_memory *memory);

/* --- Requests: each answers the call in this turn or keeps it until a later one --------------- */

void classic_join(struct classic_group *group, struct group_turn *turn,
                  struct join_group_call *call);
void classic_sync(struct classic_group *group, struct group_turn *turn,
                  struct sync_group_call *call);
void classic_heartbeat(struct classic_group *group, struct group_turn *turn,
                       struct heartbeat_call *call);
void classic_leave(struct classic_group *group, struct group_turn *turn,
                   struct leave_group_call *call);

/* May these offsets be committed? Kafka's error code, 0 if so; a commit is a sign of life. */
int16_t classic_check_commit(struct classic_group *group, struct group_turn *turn,
                             struct bytes member_id, struct bytes instance_id, int32_t generation);

/* The client of a waiting call has gone: the call is answered with COORDINATOR_NOT_AVAILABLE
 * (nobody will read it), its member stays. */
void classic_abandon(struct classic_group *group, struct group_turn *turn, struct group_call *call);

/* Answers everybody who waits with this error: the shard gives the group up. */
void classic_drop_calls(struct classic_group *group, struct group_turn *turn, int16_t error_code);

/* --- Time ------------------------------------------------------------------------------------- */

/* When classic_tick must be called next; INT64_MAX: never. May be earlier than needed. */
int64_t classic_deadline_ms(const struct classic_group *group);

/* Expires sessions, ends delays and rebalances. Harmless when nothing is due. */
void classic_tick(struct classic_group *group, struct group_turn *turn);

/* After a load, or when the process has stood still: every session, and what is left of a
 * rebalance, begins anew (pitfall F3). A group that is larger than allowed rebalances. */
void classic_forgive(struct classic_group *group, struct group_turn *turn);

/* --- Records and views ------------------------------------------------------------------------ */

/* From a record of the offsets topic; the last one read counts. STATUS_NO_MEMORY, or
 * STATUS_MALFORMED: nobody is in the group then. No call waits in it. */
enum status classic_restore(struct classic_group *group, struct group_turn *turn,
                            const struct group_metadata_value *value);

/* Does anybody in the group read this topic? As Kafka answers where that is not known: yes for a
 * group of consumers whose subscriptions cannot be read, no for all others. */
bool classic_is_subscribed(const struct classic_group *group, struct bytes topic);

/* No member, none pending: offsets may expire, and without offsets the group may go. */
bool classic_is_empty(const struct classic_group *group);

/* Since when it is empty, by the wall clock (KIP-211); -1 if it is not, if that is not known, or if
 * it only keeps offsets: then the age of a commit is what counts. */
int64_t classic_empty_since_ms(const struct classic_group *group);

/* Fills in all but the group id and the error; copies into the arena. */
enum status classic_describe(const struct classic_group *group, struct arena *arena,
                             struct describe_groups_response_group *out);

const char *classic_state_name(const struct classic_group *group);

/* "consumer", "connect", ...; empty for a group that only keeps offsets. */
struct bytes classic_protocol_type(const struct classic_group *group);

#endif
