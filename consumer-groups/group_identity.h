/* Who a member is, whatever the protocol of its group: the names under which it is known, as copies
 * that count. */
#ifndef TAILRACE_CONSUMER_GROUPS_GROUP_IDENTITY_H
#define TAILRACE_CONSUMER_GROUPS_GROUP_IDENTITY_H

#include "consumer-groups/group_turn.h"

struct group_identity {
    struct bytes member_id;
    struct bytes instance_id; /* null: a dynamic member */
    struct bytes client_id;
    struct bytes client_host;
};

/* All or nothing: false when the limit is reached. */
bool group_identity_copy(struct group_memory *memory, struct group_identity *to,
                         const struct group_identity *from);

void group_identity_free(struct group_memory *memory, struct group_identity *identity);

/* As Kafka makes a member's id: the instance id, or the client id, a dash, and a UUID as text. Cut
 * to what a string of the wire can hold. False when the arena's limit is reached. */
bool group_identity_make_id(struct arena *arena, struct bytes instance_id, struct bytes client_id,
                            struct uuid fresh_id, struct bytes *member_id);

#endif
