/* The inside of a consumer group, for the files that make up its core (consumer_core.h). */
#ifndef TAILRACE_CONSUMER_GROUPS_CONSUMER_GROUP_H
#define TAILRACE_CONSUMER_GROUPS_CONSUMER_GROUP_H

#include "consumer-groups/consumer_core.h"
#include "consumer-groups/name_list.h"

/* A static member that has left for a while and will come back (KIP-345). */
enum { MEMBER_EPOCH_JOIN = 0, MEMBER_EPOCH_LEAVE = -1, MEMBER_EPOCH_AWAY = -2 };

struct consumer_member {
    struct map_node node;          /* by id */
    struct map_node instance_node; /* by instance id, while it has one */
    struct list_node order_node;   /* in the order in which they joined */
    struct bytes id;
    struct bytes instance_id; /* null: a dynamic member */
    struct bytes rack_id;     /* null: not known */
    struct bytes client_id;
    struct bytes client_host;
    struct bytes assignor; /* null: the group's choice */
    struct bytes pattern;  /* null or empty: none */
    struct name_list topics;
    int32_t rebalance_timeout_ms;
    struct member_position position;
    struct partition_set target;
    int64_t session_deadline_ms;
    int64_t revoke_deadline_ms; /* INT64_MAX: nothing is to be revoked */
    /* What it has as a member that speaks the classic protocol. */
    struct classic_offer *offer; /* NULL: it does not */
    int32_t session_timeout_ms;
    int64_t join_deadline_ms; /* told to join again, and has not; INT64_MAX: not so */
    int64_t sync_deadline_ms; /* has joined, and not synced; INT64_MAX: not so */
};

/* A regular expression that members subscribe to, and what it stands for. */
struct consumer_pattern {
    struct list_node node;
    struct bytes text;
    struct name_list topics;
    int64_t image_offset; /* of the metadata that it was matched against; -1: not yet */
    int64_t resolved_ms;  /* by the steady clock; when it may be, while it was not yet */
    bool is_wanted;       /* of the last sweep */
    /* While it is being matched, a slice at a time. */
    struct consumer_matching *matching;
};

/* --- Members (consumer_member.c) -------------------------------------------------------------- */

struct consumer_member *consumer_member_find(const struct consumer_group *group, struct bytes id);
struct consumer_member *consumer_member_of_instance(const struct consumer_group *group,
                                                    struct bytes instance_id);

/* A member of which nothing is known but its ids. NULL without memory. */
struct consumer_member *consumer_member_create(struct consumer_group *group,
                                               struct group_memory *memory, struct bytes id,
                                               struct bytes instance_id);
void consumer_member_destroy(struct consumer_group *group, struct group_memory *memory,
                             struct consumer_member *member);

bool consumer_member_has_id(const struct map_node *node, const void *key);
bool consumer_member_has_instance_id(const struct map_node *node, const void *key);

/* Another id, or instance id (null: none), for a member. False without memory. */
bool consumer_member_rename(struct consumer_group *group, struct group_memory *memory,
                            struct consumer_member *member, struct bytes id);
bool consumer_member_set_instance(struct consumer_group *group, struct group_memory *memory,
                                  struct consumer_member *member, struct bytes instance_id);

/* The protocols with which it speaks the classic protocol from now on; of none it speaks the
 * consumer protocol. False without memory: it has the former ones. */
bool consumer_member_offer(struct consumer_group *group, struct group_memory *memory,
                           struct consumer_member *member,
                           const struct join_group_request_protocol *protocols, uint32_t count);

/* True if the text is another one now. `with` null stands for no change. */
bool consumer_text_change(struct group_turn *turn, struct bytes *text, struct bytes with);

/* True if the names are others now; in whatever order they come. */
bool consumer_topics_change(struct group_turn *turn, struct arena *arena, struct name_list *topics,
                            const struct bytes *names, uint32_t count);

/* What is set on the group, or what the broker says. */
int32_t consumer_setting(const struct consumer_group *group, const struct group_turn *turn,
                         enum group_config_key key, int32_t brokers);

/* What holds of every group between two events, even after one that found no memory: counts that
 * agree with the tables. */
void consumer_assert_is_sound(const struct consumer_group *group);

/* Its session begins anew. */
void consumer_member_keep(struct consumer_group *group, const struct group_turn *turn,
                          struct consumer_member *member);

/* The group hears of time then, or before. */
void consumer_note_deadline(struct consumer_group *group, int64_t deadline_ms);

/* Its sets are copied. False without memory, after which the group is not to be used. */
bool consumer_member_move(struct consumer_group *group, struct group_memory *memory,
                          struct consumer_member *member, const struct member_position *position);

/* --- Records (consumer_put.c)
 * ---------------------------------------------------------------------
 */

void consumer_put_group(const struct consumer_group *group, struct group_turn *turn);
void consumer_put_member(const struct consumer_group *group, struct group_turn *turn,
                         const struct consumer_member *member);
void consumer_put_target_epoch(const struct consumer_group *group, struct group_turn *turn);
void consumer_put_target(const struct consumer_group *group, struct group_turn *turn,
                         const struct consumer_member *member);
void consumer_put_current(const struct consumer_group *group, struct group_turn *turn,
                          const struct consumer_member *member);
void consumer_put_pattern(const struct consumer_group *group, struct group_turn *turn,
                          const struct consumer_pattern *pattern);
void consumer_put_member_tombstones(const struct consumer_group *group, struct group_turn *turn,
                                    struct bytes member_id);
void consumer_put_pattern_tombstone(const struct consumer_group *group, struct group_turn *turn,
                                    struct bytes pattern);

/* --- Patterns (consumer_pattern.c)
 * ----------------------------------------------------------------
 */

struct consumer_pattern *consumer_pattern_find(const struct consumer_group *group,
                                               struct bytes text);

/* Is it one that can be matched? Only such ones are created: a turn cannot be finished with others.
 */
bool consumer_pattern_makes_sense(struct bytes text);

/* One that is not matched yet. NULL without memory. */
struct consumer_pattern *consumer_pattern_create(struct consumer_group *group,
                                                 struct group_memory *memory, struct bytes text);
void consumer_pattern_destroy(struct consumer_pattern *pattern, struct group_memory *memory);

/* The member subscribes to this expression; a new one begins to be matched. False without memory.
 */
bool consumer_pattern_want(struct consumer_group *group, struct group_turn *turn,
                           struct bytes text);

/* Drops the expressions that nobody subscribes to any more. */
void consumer_patterns_sweep(struct consumer_group *group, struct group_turn *turn);

/* Matches for a slice; true if what an expression stands for has changed. */
bool consumer_patterns_advance(struct consumer_group *group, struct group_turn *turn);

/* --- Targets (consumer_target.c)
 * -------------------------------------------------------------------
 */

/* Of what the subscribed topics look like. */
int64_t consumer_metadata_hash(const struct consumer_group *group, const struct image *image);

/* Has every partition of a topic that is wanted an owner? */
bool consumer_is_shared_out(const struct consumer_group *group, const struct image *image);

/* A new epoch for the group: a target has to be made. */
void consumer_bump(struct consumer_group *group, struct group_turn *turn);

/* Makes the target for the group's epoch, unless that is done, or the last one was made just now.
 */
void consumer_assign(struct consumer_group *group, struct group_turn *turn);

/* Takes the member out of the group, for good; the caller says afterwards that members have left.
 */
void consumer_remove(struct consumer_group *group, struct group_turn *turn,
                     struct consumer_member *member);

/* Members were removed: a new epoch, and a target when it is time. Not if the group is about to
 * become a classic one (group_migration.h): whoever is left commits what he has processed, at the
 * epoch that he knows, before he joins again. */
void consumer_members_left(struct consumer_group *group, struct group_turn *turn);

/* Another takes the place of a static member, and has what that one had. False without memory. */
bool consumer_replace(struct consumer_group *group, struct group_turn *turn,
                      struct consumer_member *former, struct bytes member_id);

/* The one of these that most members ask for; the first of equals. */
const struct assignor *consumer_assignor(const struct consumer_group *group,
                                         const struct assignor_list *list);

/* --- The step of a member (consumer_step.c)
 * --------------------------------------------------------
 */

/* Moves it as far as it can; `owned` as in consumer_reconcile. True if it may use other partitions
 * than before. */
bool consumer_step(struct consumer_group *group, struct group_turn *turn,
                   struct consumer_member *member, const struct partition_set *owned);

#endif
