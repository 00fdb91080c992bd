/* A group of the consumer protocol (KIP-848): members tell what they want, the broker assigns, and
 * each member moves at its own pace from what it owns to what it is to own. Pure: no I/O, no clock
 * (group_turn.h says what a turn is).
 *
 *   group epoch       rises when members, subscriptions or the topics change; a new group has 1, so
 *                     its first member comes at 2
 *   assignment epoch  the group epoch for which the target assignment was made
 *   member epoch      the assignment epoch that the member has reached
 *
 * A member first gives up what it is not to own (UNREVOKED_PARTITIONS) and confirms it, then rises
 * to the target's epoch and is given what nobody else owns any more (UNRELEASED_PARTITIONS while
 * some others still do): that is why a partition is never owned twice. Who owns what stands in
 * `owners`, by topic id and partition, with the epoch of the member.
 *
 * Members that still speak the classic protocol take part (KIP-848 online migration): their
 * JoinGroup, SyncGroup, Heartbeat and LeaveGroup are served from the same state. */
#ifndef TAILRACE_CONSUMER_GROUPS_CONSUMER_CORE_H
#define TAILRACE_CONSUMER_GROUPS_CONSUMER_CORE_H

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "consumer-groups/classic_protocols.h"
#include "consumer-groups/group_turn.h"
#include "consumer-groups/partition_owners.h"
#include "consumer-groups/records/offsets_topic.h"
#include "protocol/messages/consumer_group_describe.h"

enum consumer_group_state {
    CONSUMER_GROUP_EMPTY,
    CONSUMER_GROUP_ASSIGNING,   /* the target is older than the group epoch */
    CONSUMER_GROUP_RECONCILING, /* members are on their way to the target */
    CONSUMER_GROUP_STABLE,
};

enum { CONSUMER_GROUP_STATES = CONSUMER_GROUP_STABLE + 1 };

enum {
    /* Of a group that nobody has joined yet: it stands in no record. */
    CONSUMER_EPOCH_NEW = 1,
    /* What a group may begin with, or be recorded at: it has as many to go from there. */
    CONSUMER_EPOCH_MAX = 1 << 30,
};

struct consumer_member;

struct consumer_group {
    struct bytes id; /* the owner's */
    struct hash_seed seed;
    int32_t epoch;
    int32_t assignment_epoch;
    int64_t metadata_hash;      /* of what the subscribed topics looked like at this epoch */
    struct map members;         /* struct consumer_member, by id */
    struct map instances;       /* the static ones, by instance id */
    struct list order;          /* all of them */
    struct list patterns;       /* struct consumer_pattern */
    struct classic_votes votes; /* of the members who speak the classic protocol, */
    uint32_t classic_count;     /* and how many they are */
    struct partition_owners owners;
    int64_t assigned_ms;  /* when the target was made, by the steady clock */
    int64_t deadline_ms;  /* not later than the first of all deadlines */
    bool has_lost_member; /* since the target was made */
};

/* An empty group; `id` outlives it. */
void consumer_init(struct consumer_group *group, struct bytes id, struct hash_seed seed);
void consumer_deinit(struct consumer_group *group, struct group_memory *memory);

/* --- Requests --------------------------------------------------------------------------------- */

/* Always answers in this turn. */
void consumer_heartbeat(struct consumer_group *group, struct group_turn *turn,
                        struct consumer_group_heartbeat_call *call);

/* Does the request make sense by itself? If not, it is answered. Asked of every heartbeat, and
 * before a classic group becomes one of this protocol for it. */
bool consumer_heartbeat_check(struct group_turn *turn, struct consumer_group_heartbeat_call *call);

/* From members who speak the classic protocol; the group is not empty. Always answer in this turn.
 */
void consumer_classic_join(struct consumer_group *group, struct group_turn *turn,
                           struct join_group_call *call);
void consumer_classic_sync(struct consumer_group *group, struct group_turn *turn,
                           struct sync_group_call *call);
void consumer_classic_heartbeat(struct consumer_group *group, struct group_turn *turn,
                                struct heartbeat_call *call);
void consumer_classic_leave(struct consumer_group *group, struct group_turn *turn,
                            struct leave_group_call *call);

/* May offsets be committed, or fetched? Kafka's error code, 0 if so. `version`: of the request.
 * `late`: NULL, or the member, which does not know yet that its epoch has risen: each partition is
 * to be asked about then. */
int16_t consumer_check_commit(const struct consumer_group *group, struct bytes member_id,
                              int32_t member_epoch, int16_t version,
                              const struct consumer_member **late);

/* Whoever is late may commit what has been its own since the epoch that it names (KIP-1251). */
int16_t consumer_check_late_commit(const struct consumer_member *late, int32_t member_epoch,
                                   struct uuid topic_id, int32_t partition);

int16_t consumer_check_fetch(const struct consumer_group *group, struct bytes member_id,
                             int32_t member_epoch);

/* --- Time, metadata --------------------------------------------------------------------------- */

/* When consumer_tick must be called next, by the steady clock; INT64_MAX: never. May be earlier
 * than needed. */
int64_t consumer_deadline_ms(const struct consumer_group *group);

/* Takes out whoever is late, goes on matching, makes targets. Harmless when nothing is due. */
void consumer_tick(struct consumer_group *group, struct group_turn *turn);

/* After a load, or when the process has stood still: everybody has all his time again. */
void consumer_forgive(struct consumer_group *group, struct group_turn *turn);

/* There is a new image: topics may have come, gone or grown. */
void consumer_topics_changed(struct consumer_group *group, struct group_turn *turn);

/* --- Records and views ------------------------------------------------------------------------ */

/* From the records of the offsets topic, in the order of the log; a null value takes back. After
 * the last one comes consumer_restored. STATUS_OK, STATUS_NO_MEMORY, STATUS_MALFORMED. */
enum status consumer_restore_group(struct consumer_group *group,
                                   const struct consumer_group_metadata_value *value);
enum status consumer_restore_target_epoch(
    struct consumer_group *group,
    const struct consumer_group_target_assignment_metadata_value *value);
enum status consumer_restore_member(struct consumer_group *group, struct group_memory *memory,
                                    struct bytes member_id,
                                    const struct consumer_group_member_metadata_value *value);
enum status consumer_restore_target(
    struct consumer_group *group, struct group_memory *memory, struct bytes member_id,
    const struct consumer_group_target_assignment_member_value *value);
enum status consumer_restore_current(
    struct consumer_group *group, struct group_memory *memory, struct arena *arena,
    struct bytes member_id, const struct consumer_group_current_member_assignment_value *value);
enum status consumer_restore_pattern(struct consumer_group *group, struct group_turn *turn,
                                     struct bytes text,
                                     const struct consumer_group_regular_expression_value *value);

/* All is read: what belongs to no member goes, and sessions begin. */
void consumer_restored(struct consumer_group *group, struct group_turn *turn);

/* Does a member, or an expression of one, name this topic? */
bool consumer_is_subscribed(const struct consumer_group *group, struct bytes topic);
bool consumer_is_empty(const struct consumer_group *group);
/* All of its members speak the classic protocol, and it may become a classic group. */
bool consumer_may_be_classic(const struct consumer_group *group,
                             const struct group_settings *settings);

enum consumer_group_state consumer_state(const struct consumer_group *group);
const char *consumer_state_name(const struct consumer_group *group);

/* Fills in all but the group id and the error; copies into the arena. STATUS_NO_MEMORY. */
enum status consumer_describe(const struct consumer_group *group, const struct group_turn *turn,
                              struct arena *arena,
                              struct consumer_group_describe_response_group *out);

/* Tombstones for everything that the group has in the offsets topic but its offsets. */
void consumer_put_tombstones(const struct consumer_group *group, struct group_turn *turn);

#endif
