/* The members of a classic group: who is in it, who is expected, who leads. Here the tables and the
 * counts are kept; what follows from a change is decided elsewhere (classic_rebalance.h). */
#ifndef TAILRACE_CONSUMER_GROUPS_CLASSIC_MEMBER_H
#define TAILRACE_CONSUMER_GROUPS_CLASSIC_MEMBER_H

#include "consumer-groups/classic_core.h"
#include "consumer-groups/group_identity.h"

struct classic_member {
    struct map_node node;        /* by id */
    struct map_node static_node; /* by instance id, if it has one */
    struct list_node place;      /* among the members or the pending ones */
    struct group_deadline session;
    struct group_identity identity;
    struct classic_offer *offer; /* NULL: pending */
    struct bytes assignment;     /* owned; null: none */
    /* One call at most in each. A client that went away leaves none, and is waited for no less. */
    struct list join_call;
    struct list sync_call;
    int32_t session_timeout_ms;
    int32_t rebalance_timeout_ms;
    bool awaits_join;
    bool awaits_sync;
    bool owes_sync;
    bool is_new; /* has not seen an answer to its first join: may expire while it waits */
};

/* Over the members, not over the pending ones; the body must not remove any. */
#define for_each_member(member, group)                                                             \
    for (member = classic_member_first(group); member != NULL;                                     \
         member = classic_member_after(group, member))

struct classic_member *classic_member_first(struct classic_group *group);
struct classic_member *classic_member_after(struct classic_group *group,
                                            const struct classic_member *member);

static inline bool classic_member_is_static(const struct classic_member *member)
{
    return !bytes_are_null(member->identity.instance_id);
}

/* A member or a pending one; NULL. */
struct classic_member *classic_find(const struct classic_group *group, struct bytes member_id);
struct classic_member *classic_find_member(const struct classic_group *group,
                                           struct bytes member_id);
struct classic_member *classic_find_pending(const struct classic_group *group,
                                            struct bytes member_id);
struct classic_member *classic_find_static(const struct classic_group *group,
                                           struct bytes instance_id);

/* Is this who it says it is? UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, or 0 and the member. */
int16_t classic_validate(const struct classic_group *group, struct bytes member_id,
                         struct bytes instance_id, struct classic_member **member);

/* What a new member brings. */
struct classic_entry {
    struct group_identity identity;
    const struct join_group_request_protocol *protocols;
    uint32_t protocols_count;
    struct bytes protocol_type;
    int32_t session_timeout_ms;
    int32_t rebalance_timeout_ms;
};

/* NULL, and nothing changed, when the limit is reached. Its ids are not in the group; the first to
 * come leads. A pending one of the same id becomes this member. */
struct classic_member *classic_member_add(struct classic_group *group, struct group_memory *memory,
                                          const struct classic_entry *entry);
struct classic_member *classic_pending_add(struct classic_group *group, struct group_memory *memory,
                                           const struct group_identity *identity);

/* A member, with which no call waits any more, or a pending one. If it led, the oldest does now. */
void classic_member_remove(struct classic_group *group, struct group_memory *memory,
                           struct classic_member *member);

/* Nobody was ever here: no member, no deadline, nothing chosen. No call waits. */
void classic_forget(struct classic_group *group, struct group_memory *memory);

/* What it can do now. False, and nothing changed, when the limit is reached. */
bool classic_member_offer(struct classic_group *group, struct group_memory *memory,
                          struct classic_member *member,
                          const struct join_group_request_protocol *protocols, uint32_t count);

/* The same member under another id, a copy that becomes its own. */
void classic_member_rename(struct classic_group *group, struct group_memory *memory,
                           struct classic_member *member, struct bytes member_id);

/* A copy; null is none. False when the limit is reached: it has none then. */
bool classic_member_assign(struct group_memory *memory, struct classic_member *member,
                           struct bytes assignment);

/* Its session ends so long from now, unless it is set again. */
void classic_member_keep(struct classic_group *group, const struct group_turn *turn,
                         struct classic_member *member, int32_t timeout_ms);

void classic_member_set_owing(struct classic_group *group, struct classic_member *member,
                              bool owes_sync);

/* What holds of every group between two events: counts that agree with the tables, and deadlines
 * with the state. Cheap enough to be asked after each. */
void classic_assert_is_sound(const struct classic_group *group);

/* All have joined, and nobody is expected. */
bool classic_have_all_joined(const struct classic_group *group);

/* The protocol that the members would choose now; there are members. */
struct classic_choice *classic_select_protocol(struct classic_group *group);

/* What the chosen protocol has of it; empty before one is chosen. */
struct bytes classic_member_metadata(const struct classic_group *group,
                                     const struct classic_member *member);

/* Reads anew, from the members' metadata for the chosen protocol, which topics they want. */
void classic_read_topics(struct classic_group *group, struct group_memory *memory);

/* Null: none is chosen. */
struct bytes classic_protocol_name(const struct classic_group *group);

#endif
